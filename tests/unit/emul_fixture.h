/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enclaves for tests of the driver model, never entered; and a device per child process, since a
 * process has one device for good.
 */
#ifndef TESTS_UNIT_EMUL_FIXTURE_H
#define TESTS_UNIT_EMUL_FIXTURE_H

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../driver/tiny.h"
#include "emul/emul.h"
#include "emul/internal.h"
#include "tap.h"

#define FX_SIZE 0x100000u       /* 256 pages */
#define FX_FREE 0x8000u         /* no page from here on */

/* Pages of fx_build: 0 REG RW, 1 TCS, 2 REG RX, 3 REG R, 4-7 REG RW */
struct fx {
	int fd;
	uint64_t base, size;
	struct sgx_arch_secs secs;
	struct tiny_sha sha;
	uint8_t page[4096] __attribute__((aligned(4096)));
	struct sgx_arch_secinfo secinfo;
};

void fx_open(struct fx *f, uint64_t size, uint64_t attributes);
long fx_create(struct fx *f);
/* ADD_PAGES of fill bytes, measured; *ret_count may be NULL */
long fx_add(struct fx *f, uint64_t off, uint64_t bytes, uint64_t secinfo, uint8_t fill, uint64_t *ret_count);
long fx_init(struct fx *f);
void fx_build(struct fx *f, uint64_t attributes);       /* all of the above; bails out */
void fx_close(struct fx *f);

long fx_augment(struct fx *f, uint64_t off, uint64_t bytes, uint64_t *ret_count);
long fx_modify(struct fx *f, uint64_t off, uint64_t bytes, uint64_t type, uint64_t *ret_count, uint64_t *ret_code);
long fx_restrict(struct fx *f, uint64_t off, uint64_t bytes, uint64_t perm, uint64_t *ret_count,
		 uint64_t *ret_code);
long fx_remove(struct fx *f, uint64_t off, uint64_t bytes, uint64_t *ret_count);

/* EACCEPT or EACCEPTCOPY as the enclave would, without entering: 0 or the leaf's code, -1 a fault */
int fx_eaccept(struct fx *f, uint64_t off, uint64_t flags);
int fx_eacceptcopy(struct fx *f, uint64_t off, uint64_t flags, uint64_t from);

uint64_t fx_epc_used(struct fx *f);
struct sgxm_epcm_view fx_epcm(struct fx *f, uint64_t off);

/* Two pages; the second has no access.  A structure at the end of the first is whole. */
uint8_t *fx_guarded(void);

void fx_bail(const char *what, long r);

/* Runs the tests in a child that has this device; the numbering goes on. */
static inline void fx_with_device(const struct emul_config *cfg, void (*tests)(void))
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int r = emul_setup(cfg);

		if (r)
			fx_bail("emul_setup", r);
		tests();
		shared[0] = tap_count;
		shared[1] = tap_failed;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tap_count = shared[0] ? shared[0] : tap_count;
	tap_failed = shared[0] ? shared[1] : tap_failed;
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "the tests of this device ran to their end (status 0x%x)", status);
	munmap(shared, 4096);
}

#endif
