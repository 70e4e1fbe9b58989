/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: hello [exit STATUS | kill SIGNAL | sleep]: a program that knows nothing of SGX. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	puts("hello");
	fflush(stdout);
	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "kill"))
		raise(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "sleep"))
		pause();
	return 0;
}
