/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How enclaves end, and do not end: orders of closing, vfork, chains of exec, processes that are stopped and killed. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

/* d: a duplicate closed, f: the fd closed, m: all unmapped */
void topic_orders(void)
{
	static const char *const orders[] = { "dfm", "dmf", "fdm", "fmd", "mdf", "mfd" };

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		build("grow.elf");
		int twin = dup(rig.fd);

		for (const char *o = orders[i]; *o; o++) {
			if (*o == 'd')
				close(twin);
			else if (*o == 'f')
				close(rig.fd);
			else
				munmap((void *)rig.base, rig.size);
			say("%s, after %c: fd %s, duplicate %s; entered %s", orders[i], *o, init_of(rig.fd), init_of(twin),
			    enter_nop(0));
		}
		rig.base = 0;
	}
	for (unsigned i = 0; i < 50; i++) {
		build("grow.elf");
		if (i & 1)
			close(rig.fd);
		munmap((void *)rig.base, rig.size);
		if (!(i & 1))
			close(rig.fd);
		rig.base = 0;
	}
	build("grow.elf");
	say("after fifty more: %s", enter_nop(0));
}

/* ---- vfork ----------------------------------------------------------------------------------------------------- */

static char *told;              /* by the child: memory that is shared in any case */

void topic_vfork(void)
{
	pid_t pid;

	told = shared_page();
	build("threads.elf");
	pid = vfork();
	if (!pid) {
		strcpy(told, enter_nop(1));
		_exit(1);
	}
	say("child enters: %s, %s; here %s", ended(pid), told, enter_nop(1));
	pid = vfork();
	if (!pid) {
		dup2(0, rig.fd);
		strcpy(told, init_of(rig.fd));
		_exit(2);
	}
	say("child puts a file over the fd: %s, %s there; here %s", ended(pid), told, init_of(rig.fd));
	pid = vfork();
	if (!pid) {
		int fd = open("/dev/sgx_enclave", O_RDWR);

		strcpy(told, init_of(fd));
		_exit(3);
	}
	say("child opens another: %s, %s; here %s, %s", ended(pid), told, init_of(rig.fd), enter_nop(2));
	pid = vfork();
	if (!pid) {
		strcpy(told, result_of(mprotect((void *)(rig.base + rig.plan.tcs[3]), 4096, PROT_NONE)));
		_exit(4);
	}
	say("child takes a TCS away: %s, %s; here %s", ended(pid), told, enter_nop(3));
	mprotect((void *)(rig.base + rig.plan.tcs[3]), 4096, PROT_READ | PROT_WRITE);
	pid = vfork();
	if (!pid) {
		execl("/nonexistent", "x", (char *)NULL);
		_exit(5);
	}
	say("child fails to exec: %s; here %s", ended(pid), enter_nop(3));
	pid = vfork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "exit 6", (char *)NULL);
		_exit(99);
	}
	say("child is a shell: %s; here %s", ended(pid), enter_nop(0));
}

/* ---- chains of exec --------------------------------------------------------------------------------------------- */

/* `hostile exec-chain LINKS FD BASE`: every second link by way of a shell. */
int exec_chain(char **argv)
{
	int links = atoi(argv[0]);
	char text[16];

	rig.fd = atoi(argv[1]);
	rig.base = strtoull(argv[2], NULL, 16);
	say("link %d: INIT %s", links, init_of(rig.fd));
	say("  %s", use_foreign() ? "mapped" : "no");
	say("  entered: %s", enter_nop(0));
	if (!links)
		return 0;
	snprintf(text, sizeof(text), "%d", links - 1);
	if (links % 2)
		execl(self_path, self_path, "exec-chain", text, argv[1], argv[2], (char *)NULL);
	else
		execl("/bin/sh", "sh", "-c", "exec \"$0\" \"$@\"", self_path, "exec-chain", text, argv[1], argv[2], (char *)NULL);
	return 99;
}

void topic_chain(void)
{
	char fd[PASSED_ROOM], base[PASSED_ROOM];
	pid_t pid;

	build_to_pass(fd, base);
	pid = fork();
	if (!pid) {
		execl(self_path, self_path, "exec-chain", "4", fd, base, (char *)NULL);
		_exit(99);
	}
	say("the chain: %s; here %s", ended(pid), enter_nop(0));
}

/* ---- stopped and killed ------------------------------------------------------------------------------------------- */

static volatile uint32_t *flag;

/* A child that spins inside on TCS 1. */
static pid_t spinning_child(void)
{
	fflush(stdout);
	*flag = 0;
	pid_t pid = fork();

	if (!pid) {
		struct encl_op op = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)flag };

		_exit(strcmp(enter(1, &op), "EEXIT, status 0") ? 1 : 0);
	}
	nap_ms(300);
	return pid;
}

void topic_killed(void)
{
	int status;
	pid_t pid;

	flag = shared_page();
	build("threads.elf");
	pid = spinning_child();
	kill(pid, SIGSTOP);
	say("stopped: %d", waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	say("  another TCS: %s", enter_nop(2));
	say("  its TCS, on the next frame: %s", enter_nop(1));
	kill(pid, SIGCONT);
	*flag = 1;
	say("  goes on: %s", ended(pid));
	say("  here: %s", enter_nop(1));
	pid = spinning_child();
	kill(pid, SIGKILL);
	say("killed: %s", ended(pid));
	say("  another TCS: %s", enter_nop(2));
	say("  its TCS, on the next frame: %s", enter_nop(1));
	say("  once more: %s", enter_nop(1));
	pid = spinning_child();
	kill(pid, SIGKILL);
	say("killed on that: %s", ended(pid));
	say("  its TCS: %s", enter_nop(1));
	say("  others: %s", enter_nop(3));
}
