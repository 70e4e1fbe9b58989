/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The driver model while an enclave is built: CREATE, ADD_PAGES, INIT, PROVISION, each refusal of their
 * tables, and which one wins when there are two.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "emul_fixture.h"

#define A64   SGX_ATTR_MODE64BIT
#define RW    (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W)
#define HIGH  ((void *)0xfffffffffffff000ull)

/* ---- CREATE ------------------------------------------------------------------------------------------ */

static const struct {
	const char *what;
	uint64_t size, base_off, attributes, xfrm;
	uint32_t ssaframesize, miscselect;
	long want;
} create_rows[] = {
	{ "size 0", 0, 0, A64, 3, 1, 0, -EINVAL },
	{ "size of three pages", 0x3000, 0, A64, 3, 1, 0, -EINVAL },
	{ "size of three pages and a bad XFRM: the size wins", 0x3000, 0, A64, 0, 1, 0, -EINVAL },
	{ "size 1", 1, 0, A64, 3, 1, 0, -EIO },
	{ "size of one page", 0x1000, 0, A64, 3, 1, 0, -EIO },
	{ "size 2^62", 1ull << 62, 0, A64, 3, 1, 0, -EIO },
	{ "size 2^63, more than the backing store can be", 1ull << 63, 0, A64, 3, 1, 0, -EINVAL },
	{ "base not a multiple of size", FX_SIZE, 0x1000, A64, 3, 1, 0, -EIO },
	{ "INIT attribute set", FX_SIZE, 0, A64 | SGX_ATTR_INIT, 3, 1, 0, -EIO },
	{ "attribute 0x400", FX_SIZE, 0, A64 | SGX_ATTR_AEXNOTIFY, 3, 1, 0, -EIO },
	{ "XFRM 0", FX_SIZE, 0, A64, 0, 1, 0, -EIO },
	{ "XFRM bit 63", FX_SIZE, 0, A64, 3 | 1ull << 63, 1, 0, -EIO },
	{ "SSAFRAMESIZE 0", FX_SIZE, 0, A64, 3, 0, 0, -EIO },
	{ "MISCSELECT bit 31", FX_SIZE, 0, A64, 3, 1, 1u << 31, -EIO },
	{ "EXINFO", FX_SIZE, 0, A64, 3, 1, 1, 0 },
};

static void test_create(void)
{
	struct fx f;
	struct sgx_enclave_create a;
	uint8_t *guard = fx_guarded();

	for (size_t i = 0; i < sizeof(create_rows) / sizeof(create_rows[0]); i++) {
		fx_open(&f, FX_SIZE, create_rows[i].attributes);
		f.secs.size = create_rows[i].size;
		f.secs.baseaddr += create_rows[i].base_off;
		f.secs.attributes.xfrm = create_rows[i].xfrm;
		f.secs.ssaframesize = create_rows[i].ssaframesize;
		f.secs.miscselect = create_rows[i].miscselect;
		is_u64(fx_create(&f), create_rows[i].want, "CREATE: %s", create_rows[i].what);
		if (create_rows[i].want) {
			is_u64(fx_epc_used(&f), 0, "... nothing is kept");
			tiny_secs(&f.secs, f.base, FX_SIZE, A64);
			is_u64(fx_create(&f), 0, "... and CREATE can be repeated");
		}
		is_u64(fx_epc_used(&f), 2, "... SECS and VA page are taken");
		is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, NULL), -EINVAL, "... created: EINVAL before EFAULT");
		fx_close(&f);
	}
	fx_open(&f, FX_SIZE, A64);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, NULL), -EFAULT, "CREATE: NULL");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, HIGH), -EFAULT, "CREATE: near 2^64");
	a.src = 0;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, &a), -EFAULT, "CREATE: SECS at NULL");
	a.src = ~0ull;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, &a), -EFAULT, "CREATE: SECS at 2^64-1");
	a.src = (uintptr_t)guard + 8;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, &a), -EFAULT, "CREATE: last 8 bytes of the SECS missing");
	memcpy(guard, &f.secs, 4096);
	a.src = (uintptr_t)guard;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_CREATE, &a), 0, "CREATE: the SECS ends where memory ends");
	fx_close(&f);
	munmap(guard, 0x2000);
}

/* ---- ADD_PAGES --------------------------------------------------------------------------------------- */

enum { GOOD_SRC, NULL_SRC, ODD_SRC, HALF_SRC };
enum { GOOD_SI, NULL_SI };
#define NOT_WRITTEN (~0ull)

static const struct {
	const char *what;
	uint64_t off, len, si;
	int src, secinfo_at;
	long want;
	uint64_t count;
} add_rows[] = {
	{ "src not aligned", 0, 0x1000, RW, ODD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "offset not aligned", 1, 0x1000, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "length 0", 0, 0, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "length not aligned", 0, 0x1001, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "offset + length wraps", ~0xfffull, 0x2000, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "offset + length is 2^64", ~0xfffull, 0x1000, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "offset = size", FX_SIZE, 0x1000, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "one page too many", FX_SIZE - 0x1000, 0x2000, RW, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "bad range and bad SECINFO pointer: the range wins", 1, 0x1000, RW, GOOD_SRC, NULL_SI, -EINVAL, NOT_WRITTEN },
	{ "SECINFO at NULL", 0, 0x1000, RW, GOOD_SRC, NULL_SI, -EFAULT, NOT_WRITTEN },
	{ "type SECS", 0, 0x1000, 0x003, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "type VA", 0, 0x1000, 0x300, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "type TRIM", 0, 0x1000, 0x400, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "W without R", 0, 0x1000, 0x202, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "TCS with R", 0, 0x1000, 0x101, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "PENDING", 0, 0x1000, 0x20b, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "flag bit 16", 0, 0x1000, 0x10203, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "flag bit 63", 0, 0x1000, RW | 1ull << 63, GOOD_SRC, GOOD_SI, -EINVAL, NOT_WRITTEN },
	{ "source at NULL", 0, 0x1000, RW, NULL_SRC, GOOD_SI, -EFAULT, 0 },
	{ "source ends after one page", 0, 0x2000, RW, HALF_SRC, GOOD_SI, -EFAULT, 0x1000 },
	{ "page 0 exists and has no source: EBUSY wins", 0, 0x2000, RW, NULL_SRC, GOOD_SI, -EBUSY, 0 },
	{ "TCS with reserved bytes set", 0x2000, 0x1000, 0x100, GOOD_SRC, GOOD_SI, -EIO, 0 },
	{ "no rights at all", 0x3000, 0x1000, 0x200, GOOD_SRC, GOOD_SI, 0, 0x1000 },
	{ "X alone", 0x4000, 0x1000, 0x204, GOOD_SRC, GOOD_SI, 0, 0x1000 },
	{ "the last page", FX_SIZE - 0x1000, 0x1000, RW, GOOD_SRC, GOOD_SI, 0, 0x1000 },
};

static void test_add(void)
{
	struct fx f;
	struct sgx_arch_secinfo si;
	struct sgx_enclave_add_pages a;
	uint8_t *guard = fx_guarded(), *good;
	uint64_t used;

	good = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(good, 0x5a, 0x4000);
	fx_open(&f, FX_SIZE, A64);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, NULL), -EINVAL, "ADD: before CREATE: EINVAL before EFAULT");
	fx_create(&f);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, NULL), -EFAULT, "ADD: NULL");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, HIGH), -EFAULT, "ADD: near 2^64");
	for (size_t i = 0; i < sizeof(add_rows) / sizeof(add_rows[0]); i++) {
		used = fx_epc_used(&f);
		si = (struct sgx_arch_secinfo){ .flags = add_rows[i].si };
		a = (struct sgx_enclave_add_pages){
			.src = add_rows[i].src == NULL_SRC ? 0 : add_rows[i].src == ODD_SRC ? (uintptr_t)good + 8 :
			       add_rows[i].src == HALF_SRC ? (uintptr_t)guard : (uintptr_t)good,
			.offset = add_rows[i].off, .length = add_rows[i].len,
			.secinfo = add_rows[i].secinfo_at == NULL_SI ? 0 : (uintptr_t)&si,
			.flags = ~0ull, .count = NOT_WRITTEN,
		};
		is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a), add_rows[i].want, "ADD: %s", add_rows[i].what);
		is_u64(a.count, add_rows[i].count, "... count");
		is_u64(fx_epc_used(&f) - used, add_rows[i].count == NOT_WRITTEN ? 0 : add_rows[i].count / 4096,
		       "... EPC pages");
	}
	si = (struct sgx_arch_secinfo){ .flags = RW };
	si.reserved[55] = 1;
	a = (struct sgx_enclave_add_pages){ .src = (uintptr_t)good, .offset = 0x5000, .length = 0x1000,
					    .secinfo = (uintptr_t)&si };
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a), -EINVAL, "ADD: last reserved byte of SECINFO");
	si.reserved[55] = 0;

	/* the source may not be enclave memory */
	int64_t m = emul_mmap(f.base, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	a.src = f.base;
	ok(m == (int64_t)f.base, "map an enclave page");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a), -EFAULT, "ADD: source is enclave memory");

	/* the result cannot be written, the work is done */
	memcpy(guard, &a, sizeof(a));
	a.src = (uintptr_t)good;
	memcpy(guard, &a, sizeof(a));
	mprotect(guard, 0x1000, PROT_READ);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, guard), -EFAULT, "ADD: read-only struct");
	mprotect(guard, 0x1000, PROT_READ | PROT_WRITE);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_ADD_PAGES, guard), -EBUSY, "... but the page is there");
	fx_close(&f);
	munmap(guard, 0x2000);
	munmap(good, 0x4000);
}

/* Every 512th page, the SECS being the first, costs a VA page. */
static void test_va_pages(void)
{
	struct fx f;
	uint64_t n;

	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	is_u64(fx_add(&f, 0, 511 * 4096, RW, 1, &n), 0, "511 pages");
	is_u64(fx_epc_used(&f), 1 + 511 + 1, "... share a VA page with the SECS");
	is_u64(fx_add(&f, 511 * 4096, 4096, RW, 1, &n), 0, "one more page");
	is_u64(fx_epc_used(&f), 1 + 512 + 2, "... costs a VA page");
	is_u64(fx_add(&f, 511 * 4096, 4096, RW, 1, &n), -EBUSY, "again");
	is_u64(fx_epc_used(&f), 1 + 512 + 2, "... takes nothing");
	is_u64(fx_init(&f), 0, "513 measured pages pass INIT");
	fx_close(&f);
}

/* ---- INIT and PROVISION -------------------------------------------------------------------------------- */

static long init_with(struct fx *f, void (*change)(struct sgx_arch_sigstruct *))
{
	struct sgx_arch_sigstruct sig;
	struct sgx_enclave_init a = { .sigstruct = (uintptr_t)&sig };
	uint8_t mr[32];

	tiny_measure_end(&f->sha, mr);
	tiny_sign(mr, &sig);
	if (change)
		change(&sig);
	return emul_ioctl(f->fd, SGX_IOC_ENCLAVE_INIT, &a);
}

static void bad_vendor(struct sgx_arch_sigstruct *s) { s->vendor = 1; }
static void bad_header(struct sgx_arch_sigstruct *s) { s->header[0] ^= 1; }
static void bad_signature(struct sgx_arch_sigstruct *s) { s->signature[0] ^= 1; }
static void bad_hash(struct sgx_arch_sigstruct *s) { s->enclavehash[0] ^= 1; }
static void bad_attr(struct sgx_arch_sigstruct *s) { s->attributes.flags |= 1ull << 40; s->attributemask.flags = ~0ull; }
static void bad_misc(struct sgx_arch_sigstruct *s) { s->miscselect = 4; s->miscmask = 4; }
static void bad_xfrm(struct sgx_arch_sigstruct *s) { s->attributes.xfrm |= 1ull << 40; s->attributemask.xfrm = ~0ull; }

static const struct {
	const char *what;
	void (*change)(struct sgx_arch_sigstruct *);
	long want;
} init_rows[] = {
	{ "vendor 1", bad_vendor, -EINVAL },
	{ "a demanded attribute that does not exist", bad_attr, -EINVAL },
	{ "a demanded MISCSELECT bit that does not exist", bad_misc, -EINVAL },
	{ "a demanded XFRM bit that does not exist", bad_xfrm, -EINVAL },
	{ "header", bad_header, -EPERM },
	{ "signature", bad_signature, -EPERM },
	{ "ENCLAVEHASH", bad_hash, -EPERM },
	{ "good, after all of these", NULL, 0 },
	{ "a second time", NULL, -EINVAL },
};

static void test_init(void)
{
	struct fx f;
	struct sgx_enclave_init a = { 0 };
	uint64_t n;

	fx_open(&f, FX_SIZE, A64);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_INIT, NULL), -EINVAL, "INIT: before CREATE: EINVAL before EFAULT");
	fx_create(&f);
	fx_add(&f, 0, 0x1000, RW, 1, NULL);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_INIT, NULL), -EFAULT, "INIT: NULL");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_INIT, &a), -EFAULT, "INIT: SIGSTRUCT at NULL");
	for (size_t i = 0; i < sizeof(init_rows) / sizeof(init_rows[0]); i++)
		is_u64(init_with(&f, init_rows[i].change), init_rows[i].want, "INIT: %s", init_rows[i].what);
	is_u64(fx_add(&f, 0x1000, 0x1000, RW, 1, &n), -EINVAL, "ADD: after INIT");
	fx_close(&f);

	fx_open(&f, FX_SIZE, A64 | SGX_ATTR_EINITTOKENKEY);
	fx_create(&f);
	is_u64(init_with(&f, NULL), -EACCES, "INIT: EINITTOKENKEY is never granted");
	is_u64(init_with(&f, bad_attr), -EACCES, "INIT: EACCES before the signer's demands");
	is_u64(init_with(&f, bad_vendor), -EINVAL, "INIT: vendor before EACCES");
	fx_close(&f);
}

static void test_provision(void)
{
	struct fx f;
	int token = emul_open("/dev/sgx_provision", O_RDONLY), file = open("/dev/null", O_RDONLY);
	int wo = emul_open("/dev/sgx_provision", O_WRONLY), path = emul_open("/dev/sgx_provision", O_PATH);
	struct sgx_enclave_provision a = { .fd = (unsigned)token };

	fx_open(&f, FX_SIZE, A64 | SGX_ATTR_PROVISIONKEY);
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), 0, "PROVISION before CREATE succeeds");
	fx_create(&f);
	is_u64(init_with(&f, NULL), -EACCES, "... and is lost");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, NULL), -EFAULT, "PROVISION: NULL");
	a.fd = (unsigned)file;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), -EINVAL, "PROVISION: another device");
	a.fd = (unsigned)path;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), -EINVAL, "PROVISION: O_PATH");
	a.fd = (unsigned)f.fd;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), -EINVAL, "PROVISION: the enclave itself");
	a.fd = 12345;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), -EINVAL, "PROVISION: not open");
	a.fd = (unsigned)wo | 0xabcdull << 32;
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), 0, "PROVISION: low 32 bits count, any mode will do");
	is_u64(init_with(&f, NULL), 0, "... and INIT passes");
	is_u64(emul_ioctl(f.fd, SGX_IOC_ENCLAVE_PROVISION, &a), 0, "PROVISION after INIT succeeds");
	fx_close(&f);
}

static void all(void)
{
	test_create();
	test_add();
	test_va_pages();
	test_init();
	test_provision();
}

int main(void)
{
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = 4096 }, all);
	return tap_done();
}
