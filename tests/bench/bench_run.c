/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench_run SGXCTL start|cost NAME ROUNDS PROG [ARG...]: what `sgxctl run` costs a program that uses no SGX.  The
 * program runs alone and under run in turns, its output thrown away.  One JSON object per row.
 *
 * start  what the start takes more
 * cost   the time of the whole run, and the same in processor time of all its processes: on a machine that others use
 *        the second is the one that repeats
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define MAX_ROUNDS 1000
#define MAX_ARGS   64

struct took { double wall_ns, cpu_ns; };

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static double ns_of(struct timeval tv)
{
	return (double)tv.tv_sec * 1e9 + (double)tv.tv_usec * 1e3;
}

static struct took once(char **argv)
{
	struct rusage ru;
	uint64_t t0 = bench_now_ns();
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &ru) != pid)
		die("no process");
	double wall = (double)(bench_now_ns() - t0);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		die("the program failed");
	return (struct took){ wall, ns_of(ru.ru_utime) + ns_of(ru.ru_stime) };
}

static void start_row(const char *name, double ours, double theirs)
{
	printf("{\"row\":\"run: start of %s\",\"against\":\"natively\",\"ours_ns\":%.0f,\"theirs_ns\":%.0f,\"extra_ms\":%.3f,\"reach\":\"-\",\"reached\":null}\n",
	       name, ours, theirs, (ours - theirs) / 1e6);
}

int main(int argc, char **argv)
{
	static double wall[2][MAX_ROUNDS], cpu[2][MAX_ROUNDS];
	char *under[MAX_ARGS] = { argv[1], (char *)"run", (char *)"--" };
	int rounds = argc > 5 ? atoi(argv[4]) : 0;
	char row[128];

	if (rounds < 1 || rounds > MAX_ROUNDS || argc - 5 + 3 >= MAX_ARGS)
		die("usage: bench_run SGXCTL start|cost NAME ROUNDS PROG [ARG...]");
	for (int i = 5; i < argc; i++)
		under[i - 2] = argv[i];
	for (int i = 0; i < rounds; i++) {
		for (int k = 0; k < 2; k++) {
			struct took t = once(k ? under : argv + 5);

			wall[k][i] = t.wall_ns;
			cpu[k][i] = t.cpu_ns;
		}
	}
	double a = bench_fastest(wall[1], (size_t)rounds), b = bench_fastest(wall[0], (size_t)rounds);
	double c = bench_fastest(cpu[1], (size_t)rounds), d = bench_fastest(cpu[0], (size_t)rounds);

	if (!strcmp(argv[2], "start")) {
		start_row(argv[3], a, b);
		return 0;
	}
	snprintf(row, sizeof(row), "run: %s", argv[3]);
	bench_row(row, "natively", a, b, a / b, "<=", 1.02);
	snprintf(row, sizeof(row), "run: %s, CPU time", argv[3]);
	bench_row(row, "natively", c, d, c / d, "<=", 1.02);
	return 0;
}
