/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One EPC for a tree of programs under `sgxctl run`: what a program that was executed takes is missing for its parent,
 * and comes back when it is killed.
 *
 * usage: pool [hold]     hold: take pages, say so on stdout, wait for the end
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/tap.h"
#include "arch/sgx_arch.h"
#include "arch/sgx_uapi.h"
#include "emul/emul.h"

#define PAGES 64u
#define SIZE  0x100000u

static char *self_path;

/* An enclave with that many pages; -1: it could not be made. */
static int take(unsigned pages)
{
	static _Alignas(4096) uint8_t page[4096];
	_Alignas(64) struct sgx_arch_secinfo si = { .flags = 0x203 };
	struct sgx_arch_secs secs = { .size = SIZE, .ssaframesize = 1, .attributes = { SGX_ATTR_MODE64BIT, 3 } };
	struct sgx_enclave_create c = { .src = (uintptr_t)&secs };
	int fd = open("/dev/sgx_enclave", O_RDWR);
	char *p = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	secs.baseaddr = ((uintptr_t)p + SIZE - 1) & ~(uint64_t)(SIZE - 1);
	if (fd < 0 || p == MAP_FAILED || ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &c))
		return -1;
	for (unsigned i = 0; i < pages; i++) {
		struct sgx_enclave_add_pages a = { .src = (uintptr_t)page, .offset = i * 4096ull, .length = 4096,
						   .secinfo = (uintptr_t)&si };

		if (ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a))
			return -1;
	}
	return fd;
}

static uint64_t used(int fd, uint64_t *ret_total)
{
	struct emul_get_counters c = { 0 };

	if (ioctl(fd, EMUL_IOC_GET_COUNTERS, &c))
		return UINT64_MAX;
	if (ret_total)
		*ret_total = c.epc_total;
	return c.epc_used;
}

static int hold(void)
{
	char byte = take(PAGES) < 0 ? 'n' : 'y';

	if (write(1, &byte, 1) != 1)
		return 1;
	pause();
	return 0;
}

/* A program like this one that holds pages; -1: it does not. */
static pid_t start(bool all_closed)
{
	int out[2];
	char byte = 'n';

	if (pipe(out))
		return -1;
	pid_t pid = fork();

	if (!pid) {
		dup2(out[1], 1);
		for (int fd = 3; all_closed && fd < 1024; fd++)
			close(fd);
		execl(self_path, self_path, "hold", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	if (read(out[0], &byte, 1) != 1 || byte != 'y')
		pid = -1;
	close(out[0]);
	return pid;
}

int main(int argc, char **argv)
{
	self_path = argv[0];
	if (argc > 1 && !strcmp(argv[1], "hold"))
		return hold();
	/* before this program has used the device at all */
	pid_t early = start(false);
	int fd = take(0);
	uint64_t total = 0, before = used(fd, &total);

	ok(early > 0 && fd >= 0, "a program that was executed before has its enclave");
	ok(before != UINT64_MAX && before >= PAGES && before <= total, "and its pages are counted here: %llu of %llu",
	   (unsigned long long)before, (unsigned long long)total);
	pid_t late = start(true);

	is_u64(late > 0, 1, "another one, by a child that closed all numbers");
	ok(used(fd, NULL) >= before + PAGES, "is counted too");
	kill(early, SIGKILL);
	kill(late, SIGKILL);
	waitpid(early, NULL, 0);
	waitpid(late, NULL, 0);
	/* what the killed ones had is found when it is needed: more than is left without */
	int more = take((unsigned)(total - 2 * PAGES < SIZE / 4096 ? total - 2 * PAGES : SIZE / 4096));
	uint64_t after = used(more < 0 ? fd : more, NULL);

	ok(more >= 0, "what they had can be had when they are killed");
	ok(after <= total - 16, "%llu of %llu pages in use then", (unsigned long long)after, (unsigned long long)total);
	return tap_done();
}
