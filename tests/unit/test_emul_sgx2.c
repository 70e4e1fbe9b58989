/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver model on a running enclave: AUGMENT in its three variants, RESTRICT, MODIFY_TYPES, REMOVE:
 * each refusal of their tables, which wins when there are two, and how far a range got.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "emul_fixture.h"

#define A64  SGX_ATTR_MODE64BIT
#define R_   SGX_SECINFO_R
#define W_   SGX_SECINFO_W
#define X_   SGX_SECINFO_X
#define ACCEPT_AUG  (SGX_SECINFO_REG | R_ | W_ | SGX_SECINFO_PENDING)
#define ACCEPT_TRIM (SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED)
#define ACCEPT_TCS  (SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED)
#define HIGH ((void *)0xfffffffffffff000ull)
#define NOT_WRITTEN (~0ull)

static enum emul_kernel kernel;

/* ---- arguments: the same rows for every command ------------------------------------------------------ */

static const struct { const char *what; uint64_t off, len; } bad_ranges[] = {
	{ "offset not aligned", 0x8001, 0x1000 },
	{ "length 0", 0x8000, 0 },
	{ "length not aligned", 0x8000, 0xfff },
	{ "wraps", ~0xfffull, 0x2000 },
	{ "ends at 2^64", ~0xfffull, 0x1000 },
	{ "starts at size", FX_SIZE, 0x1000 },
	{ "one page too many", FX_SIZE - 0x1000, 0x2000 },
	{ "2^63 bytes", 0, 1ull << 63 },
};

static void test_ranges(unsigned long cmd, const char *name)
{
	union {
		struct sgx_enclave_augment_pages aug;
		struct sgx_enclave_modify_types mod;
	} a;
	struct fx f;

	fx_open(&f, FX_SIZE, A64);
	is_u64(emul_ioctl(f.fd, cmd, NULL), -EINVAL, "%s: not created: EINVAL before EFAULT", name);
	fx_create(&f);
	is_u64(emul_ioctl(f.fd, cmd, NULL), -EINVAL, "%s: not initialized: EINVAL before EFAULT", name);
	fx_close(&f);
	fx_build(&f, A64);
	is_u64(emul_ioctl(f.fd, cmd, NULL), -EFAULT, "%s: NULL", name);
	is_u64(emul_ioctl(f.fd, cmd, HIGH), -EFAULT, "%s: near 2^64", name);
	for (size_t i = 0; i < sizeof(bad_ranges) / sizeof(bad_ranges[0]); i++) {
		memset(&a, 0, sizeof(a));
		a.aug.offset = bad_ranges[i].off;
		a.aug.length = bad_ranges[i].len;
		is_u64(emul_ioctl(f.fd, cmd, &a), -EINVAL, "%s: %s", name, bad_ranges[i].what);
		is_u64(a.mod.count | a.mod.result, 0, "... nothing is written");
	}
	fx_close(&f);
}

/* ---- AUGMENT ------------------------------------------------------------------------------------------- */

/* What this kernel says when a page exists */
static long exists(void) { return kernel == EMUL_KERNEL_FIXED ? -EEXIST : SGX_AUGMENT_RFC_REFUSED; }

static void test_augment(void)
{
	uint8_t *guard = fx_guarded();
	struct sgx_enclave_augment_pages *a = (void *)(guard + 0x1000 - sizeof(*a));
	struct sgxm_epcm_view v;
	struct fx f;
	uint64_t n, used;

	fx_build(&f, A64);
	used = fx_epc_used(&f);
	is_u64(fx_augment(&f, FX_FREE, 16 * 4096, &n), 0, "AUGMENT: 16 pages");
	is_u64(n, 65536, "... count");
	is_u64(fx_epc_used(&f) - used, 16, "... EPC pages");
	v = fx_epcm(&f, FX_FREE + 0xf000);
	ok(v.valid && v.pending && v.pt == SGX_PT_REG && v.rwx == (R_ | W_), "... they are PENDING, REG, RW");
	is_u64(fx_augment(&f, FX_FREE, 16 * 4096, &n), exists(), "AUGMENT: the same again");
	is_u64(n, 0, "... count");
	is_u64(fx_augment(&f, FX_FREE + 8 * 4096, 16 * 4096, &n), exists(), "AUGMENT: pages 8-23");
	is_u64(n, 0, "... count");
	ok(!fx_epcm(&f, FX_FREE + 16 * 4096).valid, "... nothing was added");
	is_u64(fx_augment(&f, FX_FREE + 24 * 4096, 8 * 4096, &n), 0, "AUGMENT: pages 24-31");
	is_u64(fx_augment(&f, FX_FREE + 20 * 4096, 8 * 4096, &n), exists(), "AUGMENT: pages 20-27");
	is_u64(n, 16384, "... count");
	ok(fx_epcm(&f, FX_FREE + 23 * 4096).valid, "... what was done before stays");
	is_u64(fx_epc_used(&f) - used, 16 + 8 + 4, "... EPC pages");
	is_u64(fx_augment(&f, FX_SIZE - 4096, 4096, &n), 0, "AUGMENT: the last page");
	is_u64(fx_augment(&f, 0x4000, 4096, &n), exists(), "AUGMENT: over an EADDed page");

	is_u64(fx_eacceptcopy(&f, FX_FREE, SGX_SECINFO_REG | R_ | X_, 0x4000), 0, "EACCEPTCOPY of a new page");
	is_u64(fx_eacceptcopy(&f, FX_FREE, SGX_SECINFO_REG | R_ | X_, 0x4000), SGXC_PAGE_ATTRIBUTES_MISMATCH,
	       "... again");
	is_u64(fx_eaccept(&f, FX_FREE + 0x1000, ACCEPT_AUG), 0, "EACCEPT of a new page");
	is_u64(fx_eaccept(&f, FX_FREE + 0x1000, ACCEPT_AUG), SGXC_PAGE_ATTRIBUTES_MISMATCH, "... again");

	/* the result cannot be written: the pages are there all the same */
	*a = (struct sgx_enclave_augment_pages){ .offset = 0x40000, .length = 0x2000 };
	mprotect(guard, 0x1000, PROT_READ);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, a), -EFAULT, "AUGMENT: read-only struct");
	ok(fx_epcm(&f, 0x41000).valid, "... the pages are added");
	munmap(guard, 0x2000);
	fx_close(&f);
}

/* VA pages and the batch's edges: records, EPC and children must agree for any split of a range. */
static void test_augment_large(void)
{
	static const uint64_t pieces[] = { 1, 510, 511, 512, 513, 1023, 1024, 1025, 3000 };
	struct emul_get_secs secs = { 0 };
	uint64_t n, off = FX_FREE, pages = 0;
	struct fx f;

	fx_open(&f, 0x4000000, A64);
	fx_create(&f);
	fx_add(&f, 0, 0x1000, SGX_SECINFO_REG | R_ | W_, 1, &n);
	fx_init(&f);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		is_u64(fx_augment(&f, off, pieces[i] * 4096, &n), 0, "AUGMENT: %d pages", (int)pieces[i]);
		is_u64(n, pieces[i] * 4096, "... count");
		off += n;
		pages += pieces[i];
		is_u64(fx_epc_used(&f), 2 + pages + (2 + pages + 511) / 512, "... EPC with VA pages");
	}
	emul_ioctl(f.fd, EMUL_IOC_GET_SECS, &secs);
	is_u64(secs.children, pages + 1, "the SECS counts its children");
	fx_close(&f);
}

/* Memory that was used before must read zero when it comes again. */
static void test_zero_again(void)
{
	uint64_t n, code;
	struct fx f;

	fx_build(&f, A64);
	memset(emul_encl_by_fd(f.fd)->alias + 0x4000, 0xee, 4096);
	fx_modify(&f, 0x4000, 4096, SGX_PT_TRIM, &n, &code);
	fx_eaccept(&f, 0x4000, ACCEPT_TRIM);
	is_u64(fx_remove(&f, 0x4000, 4096, &n), 0, "remove an EADDed page");
	is_u64(fx_augment(&f, 0x4000, 4096, &n), 0, "augment in its place");
	for (n = 0; n < 4096 && !emul_encl_by_fd(f.fd)->alias[0x4000 + n]; n++)
		;
	is_u64(n, 4096, "... it is zero");
	fx_close(&f);
}

/* ---- RESTRICT ------------------------------------------------------------------------------------------ */

static void test_restrict(void)
{
	struct sgx_enclave_restrict_permissions a = { .offset = 0x4000, .length = 0x1000, .permissions = 1 };
	uint64_t n, code;
	struct fx f;

	fx_build(&f, A64);
	is_u64(fx_restrict(&f, 0x4000, 4096, 8, &n, &code), -EINVAL, "RESTRICT: permission bit 3");
	is_u64(fx_restrict(&f, 0x4000, 4096, W_, &n, &code), -EINVAL, "RESTRICT: W without R");
	a.result = 1;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &a), -EINVAL, "RESTRICT: result not 0");
	a.result = 0;
	a.count = 1;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &a), -EINVAL, "RESTRICT: count not 0");
	is_u64(fx_restrict(&f, FX_FREE, 4096, R_, &n, &code), -EFAULT, "RESTRICT: no page");
	is_u64(n | code, 0, "... count and result");
	is_u64(fx_restrict(&f, 0x1000, 4096, R_, &n, &code), -EINVAL, "RESTRICT: a TCS");
	is_u64(n | code, 0, "... count and result");
	is_u64(fx_restrict(&f, 0x6000, 3 * 4096, R_, &n, &code), -EFAULT, "RESTRICT: two pages and a hole");
	is_u64(n, 0x2000, "... count");
	ok(fx_epcm(&f, 0x7000).rwx == R_ && fx_epcm(&f, 0x7000).pr, "... the two are changed");
	is_u64(fx_restrict(&f, 0x4000, 4096, R_, &n, &code), 0, "RESTRICT to R");
	is_u64(n, 4096, "... count");
	is_u64(fx_eaccept(&f, 0x4000, SGX_SECINFO_REG | R_ | SGX_SECINFO_PR), 0, "... EACCEPT: tracked");
	is_u64(fx_restrict(&f, 0x4000, 4096, 0, &n, &code), 0, "RESTRICT to nothing");
	fx_augment(&f, FX_FREE, 4096, &n);
	is_u64(fx_restrict(&f, FX_FREE, 4096, R_, &n, &code), -EFAULT, "RESTRICT: a PENDING page");
	is_u64(code, SGXC_PAGE_NOT_MODIFIABLE, "... result");
	is_u64(n, 0, "... count");
	fx_close(&f);
}

/* ---- MODIFY_TYPES ---------------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	uint64_t off, type;
	long want;
	uint64_t code;
} modify_rows[] = {
	{ "type wider than a byte", 0x4000, 0x101, -EINVAL, 0 },
	{ "REG to REG", 0x4000, SGX_PT_REG, -EINVAL, 0 },
	{ "REG to SECS", 0x4000, SGX_PT_SECS, -EINVAL, 0 },
	{ "REG to 255", 0x4000, 255, -EINVAL, 0 },
	{ "no page", FX_FREE + 0x1000, SGX_PT_TCS, -EFAULT, 0 },
	{ "TCS to TCS", 0x1000, SGX_PT_TCS, -EINVAL, 0 },
	{ "RX page to TCS", 0x2000, SGX_PT_TCS, -EPERM, 0 },
	{ "R page to TCS", 0x3000, SGX_PT_TCS, -EPERM, 0 },
	{ "RX page to TRIM", 0x2000, SGX_PT_TRIM, 0, 0 },
	{ "TRIM to TRIM", 0x2000, SGX_PT_TRIM, -EINVAL, 0 },
	{ "TRIM to TCS", 0x2000, SGX_PT_TCS, -EINVAL, 0 },
	{ "PENDING page", FX_FREE, SGX_PT_TCS, -EFAULT, SGXC_PAGE_NOT_MODIFIABLE },
	{ "RW page to TCS", 0x4000, SGX_PT_TCS, 0, 0 },
	{ "unaccepted TCS to TRIM", 0x4000, SGX_PT_TRIM, -EFAULT, SGXC_PAGE_NOT_MODIFIABLE },
};

static void test_modify(void)
{
	struct sgx_enclave_modify_types a = { .offset = 0x4000, .length = 0x1000, .page_type = 99, .count = 1 };
	uint64_t n, code;
	struct fx f;

	fx_build(&f, A64);
	fx_augment(&f, FX_FREE, 4096, &n);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &a), -EINVAL, "MODIFY: count not 0");
	is_u64(a.count, 1, "... refused before the work step: not written");
	for (size_t i = 0; i < sizeof(modify_rows) / sizeof(modify_rows[0]); i++) {
		long r = fx_modify(&f, modify_rows[i].off, 4096, modify_rows[i].type, &n, &code);

		is_u64(r, modify_rows[i].want, "MODIFY: %s", modify_rows[i].what);
		is_u64(n, r ? 0 : 4096, "... count");
		is_u64(code, modify_rows[i].code, "... result");
	}
	memset(emul_encl_by_fd(f.fd)->alias + 0x4000, 0, 4096);
	emul_encl_by_fd(f.fd)->alias[0x4000 + 28] = 1;          /* NSSA 1: a TCS that EACCEPT takes */
	is_u64(fx_eaccept(&f, 0x4000, ACCEPT_TCS), 0, "EACCEPT of the new TCS");
	is_u64(fx_modify(&f, 0x4000, 4096, SGX_PT_TRIM, &n, &code), 0, "MODIFY: TCS to TRIM");
	is_u64(fx_modify(&f, 0x6000, 3 * 4096, SGX_PT_TRIM, &n, &code), -EFAULT, "MODIFY: two pages and a PENDING one");
	is_u64(n, 0x2000, "... count");
	is_u64(code, SGXC_PAGE_NOT_MODIFIABLE, "... result");
	is_u64(fx_restrict(&f, 0x6000, 4096, R_, &n, &code), -EINVAL, "RESTRICT: a trimmed page");
	fx_close(&f);
}

/* ---- REMOVE ------------------------------------------------------------------------------------------------ */

static void test_remove(void)
{
	struct sgx_enclave_remove_pages a = { .offset = 0x4000, .length = 0x1000, .count = 1 };
	uint64_t n, code, used;
	struct fx f;

	fx_build(&f, A64);
	used = fx_epc_used(&f);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &a), -EINVAL, "REMOVE: count not 0");
	is_u64(fx_remove(&f, FX_FREE, 4096, &n), -EFAULT, "REMOVE: no page");
	is_u64(fx_remove(&f, 0x4000, 4096, &n), -EPERM, "REMOVE: not trimmed");
	fx_modify(&f, 0x4000, 4 * 4096, SGX_PT_TRIM, &n, &code);
	is_u64(fx_remove(&f, 0x4000, 4096, &n), -EPERM, "REMOVE: not accepted");
	is_u64(n, 0, "... count");
	fx_eaccept(&f, 0x4000, ACCEPT_TRIM);
	fx_eaccept(&f, 0x5000, ACCEPT_TRIM);
	is_u64(fx_remove(&f, 0x4000, 4 * 4096, &n), -EPERM, "REMOVE: two accepted, two not");
	is_u64(n, 0x2000, "... count");
	is_u64(used - fx_epc_used(&f), 2, "... EPC given back");
	ok(!fx_epcm(&f, 0x5000).valid && fx_epcm(&f, 0x6000).valid, "... two are gone");
	fx_eaccept(&f, 0x6000, ACCEPT_TRIM);
	is_u64(fx_remove(&f, 0x6000, 2 * 4096, &n), -EPERM, "REMOVE: one accepted, one not");
	is_u64(n, 0x1000, "... count");
	is_u64(fx_remove(&f, 0x6000, 4096, &n), -EFAULT, "REMOVE: the same again");
	fx_close(&f);
}

/* ---- the three kernels, and a CPU without SGX2 ----------------------------------------------------------- */

static void sgx2_tests(void)
{
	if (kernel == EMUL_KERNEL_UPSTREAM) {
		struct fx f;
		uint64_t n;

		fx_build(&f, A64);
		is_u64(fx_augment(&f, FX_FREE, 4096, &n), -ENOTTY, "AUGMENT: upstream has no such command");
		is_u64(n, NOT_WRITTEN, "... and writes nothing");
		fx_close(&f);
	} else {
		test_ranges(SGX_IOC_ENCLAVE_AUGMENT_PAGES, "AUGMENT");
		test_augment();
		test_augment_large();
		test_zero_again();
		test_restrict();
	}
	test_ranges(SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, "RESTRICT");
	test_ranges(SGX_IOC_ENCLAVE_MODIFY_TYPES, "MODIFY");
	test_ranges(SGX_IOC_ENCLAVE_REMOVE_PAGES, "REMOVE");
	if (kernel != EMUL_KERNEL_UPSTREAM)
		test_modify();
	test_remove();
}

/* EAUG installs no PTE in the RFC; the fixed kernel does where the range is mapped. */
static void test_ptes(void)
{
	struct emul_get_counters c;
	uint64_t n;
	struct fx f;

	fx_build(&f, A64);
	emul_mmap(f.base + FX_FREE, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f.fd, 0);
	fx_augment(&f, FX_FREE, 0x8000, &n);
	emul_ioctl(f.fd, EMUL_IOC_GET_COUNTERS, &c);
	is_u64(c.ptes, kernel == EMUL_KERNEL_FIXED ? 4 : 0, "AUGMENT: page-table entries installed");
	is_u64(c.eaugs, 8, "AUGMENT: pages added");
	fx_close(&f);
}

static void kernel_tests(void)
{
	sgx2_tests();
	if (kernel != EMUL_KERNEL_UPSTREAM)
		test_ptes();
}

static void test_sgx1(void)
{
	static const unsigned long cmds[] = { SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, SGX_IOC_ENCLAVE_MODIFY_TYPES,
					      SGX_IOC_ENCLAVE_REMOVE_PAGES };
	struct fx f;
	uint64_t n;

	fx_open(&f, FX_SIZE, A64);
	for (size_t i = 0; i < 3; i++)
		is_u64(emul_ioctl(f.fd, cmds[i], NULL), -ENODEV, "no SGX2: ENODEV before anything else");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, NULL),
	       kernel == EMUL_KERNEL_FIXED ? -ENODEV : -EINVAL, "no SGX2: AUGMENT before INIT");
	fx_close(&f);
	fx_build(&f, A64);
	is_u64(fx_augment(&f, FX_FREE, 8192, &n), kernel == EMUL_KERNEL_FIXED ? -ENODEV : 2, "no SGX2: AUGMENT");
	is_u64(n, kernel == EMUL_KERNEL_FIXED ? NOT_WRITTEN : 0, "... count");
	fx_close(&f);
}

int main(void)
{
	for (kernel = EMUL_KERNEL_RFC; kernel <= EMUL_KERNEL_FIXED; kernel++)
		fx_with_device(&(struct emul_config){ .kernel = kernel, .epc_pages = 16384 }, kernel_tests);
	for (kernel = EMUL_KERNEL_RFC; kernel <= EMUL_KERNEL_FIXED; kernel += 2)
		fx_with_device(&(struct emul_config){ .kernel = kernel, .no_sgx2 = true }, test_sgx1);
	return tap_done();
}
