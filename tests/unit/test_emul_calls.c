/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What random comparisons with the real driver found: calls over ranges with holes, error codes of what is no EPC, and of
 * entries without rights.  And locks that a killed process left.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/emul/encl.h"
#include "emul_fixture.h"
#include "emul_rig.h"

#define GROW   0x100000u        /* of the grow enclave */
#define EENTER 2

static struct rig rig;

static uint64_t errno_of(int64_t r)
{
	return r < 0 ? (uint64_t)-r : 0;
}

/* ---- calls ------------------------------------------------------------------------------------------------- */

/* Pages 0 and 1 of a stretch are one mapping of the enclave, 2 is a hole, 3 another mapping. */
static void test_ranges(void)
{
	uint64_t la = rig.base + GROW;

	rig_map(&rig, GROW, 2, PROT_READ | PROT_WRITE);
	emul_munmap(la + 0x2000, 4096);
	rig_map(&rig, GROW + 0x3000, 1, PROT_READ);

	is_u64(errno_of(emul_madvise(la, 0x2000, MADV_WILLNEED)), 0, "madvise WILLNEED is nothing");
	is_u64(errno_of(emul_madvise(la, 0x4000, MADV_WILLNEED)), ENOMEM, "... over a hole ENOMEM");
	is_u64(errno_of(emul_madvise(la, 0x4000, MADV_DONTNEED)), EINVAL, "DONTNEED is EINVAL first");
	is_u64(errno_of(emul_madvise(la, 0x1000, MADV_REMOVE)), ENODEV, "REMOVE is ENODEV");
	is_u64(errno_of(emul_madvise(la, 0x1000, MADV_KEEPONFORK)), 0, "KEEPONFORK is 0");
	is_u64(errno_of(emul_madvise(la + 1, 0x1000, MADV_WILLNEED)), EINVAL, "an odd address EINVAL");
	is_u64(errno_of(emul_mlock(la, 0x2000)), 0, "mlock is nothing");
	is_u64(errno_of(emul_mlock(la, 0x4000)), ENOMEM, "... over a hole ENOMEM");
	is_u64(errno_of(emul_msync(la, 0x4000, MS_ASYNC)), ENOMEM, "msync over a hole ENOMEM");
	is_u64(errno_of(emul_msync(la, 0x2000, MS_ASYNC)), 0, "... else nothing");
	is_u64(errno_of(emul_msync(la, 0x2000, MS_SYNC)), EINVAL, "... SYNC EINVAL");
	is_u64(errno_of(emul_msync(la, UINT64_MAX, MS_SYNC)), 0, "... of a length that wraps to none, nothing");

	uint64_t to = rig.base + GROW + 0x10000;
	int moving = MREMAP_MAYMOVE | MREMAP_FIXED;

	is_u64(errno_of(emul_mremap(la + 0x2000, 0x1000, 0x1000, moving, to)), EFAULT, "mremap of a hole EFAULT");
	is_u64(errno_of(emul_mremap(la + 0x1000, 0x2000, 0x2000, moving, to)), EFAULT, "... across a border EFAULT");
	emul_mprotect(la, 0x1000, PROT_READ | PROT_WRITE);
	is_u64((uint64_t)emul_mremap(la, 0x2000, 0x2000, 0, 0), la, "mremap to the same, in place");
	is_u64((uint64_t)emul_mremap(la, 0x2000, 0x2000, moving, to + 0x8000), to + 0x8000,
	       "mprotect to what is there makes no border");
	rig_map(&rig, GROW, 2, PROT_READ | PROT_WRITE);
	is_u64(errno_of(emul_mremap(la, 0x1000, 0x2000, MREMAP_MAYMOVE, 0)), EFAULT, "... to more EFAULT");
	is_u64(errno_of(emul_mremap(la, 0x1000, 0x1000, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)), EINVAL,
	       "... with DONTUNMAP EINVAL");
	is_u64(errno_of(emul_mremap(la, 0x1000, 0x1000, MREMAP_FIXED, to)), EINVAL, "... FIXED alone EINVAL");
	/* ordinary memory before it */
	uint64_t before = la + 0x2000;

	mmap((void *)before, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	is_u64((uint64_t)emul_mremap(before, 0x2000, 0x2000, 0, 0), before, "mremap from ordinary memory on, in place");
	is_u64(errno_of(emul_mremap(before, 0x2000, 0x2000, moving, to)), EFAULT, "... to another place EFAULT");
	is_u64(errno_of(emul_mremap(before, 0x2000, 0x2000, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)), EFAULT,
	       "... with DONTUNMAP EFAULT");
	is_u64((uint64_t)emul_mremap(before, 0x2000, 0x1000, moving, to), to, "... without the enclave it moves");
	is_u64((uint64_t)emul_mremap(la, 0x2000, 0x1000, 0, 0), la, "mremap to less");
	ok(!emul_range_has_enclave(la + 0x1000, 0x1000), "... cuts the rest off");
	is_u64((uint64_t)emul_mremap(la, 0x1000, 0x1000, moving, to), to, "mremap to another place");
	ok(!emul_range_has_enclave(la, 0x1000), "... leaves nothing behind");
}

/* ---- error codes --------------------------------------------------------------------------------------------- */

static void enter_is(uint64_t tcs, unsigned vector, unsigned error, const char *what)
{
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct sgx_enclave_run run = { .tcs = tcs };
	int r = rig_call(&run, &op, EENTER, NULL);

	ok(r == 0 && run.function == EENTER && run.exception_vector == vector && run.exception_error_code == error,
	   "EENTER, %s: %u/0x%x, got %u/0x%x", what, vector, error, run.exception_vector, run.exception_error_code);
}

static void test_codes(void)
{
	uint8_t *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t la = (uintptr_t)p, page = rig.base + GROW + 0x20000;
	struct encl_op op;
	struct sgx_enclave_run run;

	p[0] = 7;
	mprotect(p + 4096, 4096, PROT_READ);
	mprotect(p + 2 * 4096, 4096, PROT_NONE);
	munmap(p + 3 * 4096, 4096);
	enter_is(la, 14, 0x8007, "ordinary memory");
	enter_is(la + 4096, 14, 0x7, "memory that cannot be written");
	enter_is(la + 2 * 4096, 14, 0x6, "memory without access");
	enter_is(la + 3 * 4096, 14, 0x6, "no memory");
	enter_is(la + 8, 13, 0, "an odd address");
	is_u64(p[0], 7, "the memory keeps what it had");

	rig_map(&rig, GROW + 0x20000, 1, PROT_READ | PROT_WRITE);
	op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = page, .pages = 1, .flags = 0x20b };
	is_u64(rig_op(&rig, 0, &op), ENCL_OK, "a page that has an entry");
	emul_mprotect(page, 4096, PROT_NONE);
	op = (struct encl_op){ .op = ENCL_OP_READ, .addr = page };
	rig_enter(&rig, 0, EENTER, &op, &run);
	ok(run.exception_vector == 14 && run.exception_error_code == 0x4,
	   "without any right it is not present: 0x4, got 0x%x", run.exception_error_code);
	emul_mprotect(page, 4096, PROT_READ);
	op = (struct encl_op){ .op = ENCL_OP_WRITE, .addr = page };
	rig_enter(&rig, 1, EENTER, &op, &run);
	ok(run.exception_vector == 14 && run.exception_error_code == 0x7, "with some it is: 0x7, got 0x%x",
	   run.exception_error_code);
	munmap(p, 3 * 4096);
}

/* ---- a process that was killed in a leaf ------------------------------------------------------------------------ */

/* A child that takes the locks of a word and of the SECS as a leaf would, and dies. */
static void leave_locks(struct emul_encl *en, uint64_t page, uint32_t locks)
{
	pid_t pid = fork();

	if (!pid) {
		__atomic_fetch_or(&en->epcm[page].word, locks, __ATOMIC_ACQ_REL);
		((struct sgxm_secs *)en->secs)->track_lock = 1;
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
}

static void test_locks(void)
{
	static const struct { uint32_t bits; const char *what; } locks[] = {
		{ 1u << 31, "exclusive" }, { 1u << 30, "SGX2" }, { 3u << 16, "shared" },
	};
	struct fx f;
	uint64_t count, code;

	fx_build(&f, SGX_ATTR_MODE64BIT);
	struct emul_encl *en = emul_encl_by_fd(f.fd);

	/* nobody died: a lock is somebody's */
	__atomic_fetch_or(&en->epcm[4].word, 1u << 31, __ATOMIC_ACQ_REL);
	is_u64(errno_of(fx_restrict(&f, 0x4000, 4096, 1, &count, &code)), EFAULT, "a page that a leaf holds is in conflict");
	is_u64(code, 0, "... as a fault of the leaf");
	__atomic_fetch_and(&en->epcm[4].word, ~(1u << 31), __ATOMIC_ACQ_REL);
	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		uint64_t page = 5 + i % 3;

		leave_locks(en, page, locks[i].bits);
		is_u64(errno_of(fx_modify(&f, page * 4096, 4096, SGX_PT_TRIM, &count, &code)), 0,
		       "a killed process's lock (%s) is found", locks[i].what);
		is_u64(count, 4096, "... and the page is changed");
	}
	fx_close(&f);
}

static void all(void)
{
	rig_build(&rig, "grow.elf", true);
	test_ranges();
	test_codes();
	rig_free(&rig);
	test_locks();
}

int main(void)
{
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC }, all);
	return tap_done();
}
