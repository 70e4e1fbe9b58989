/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random sequences of system calls on the enclave device, one line per call.
 *
 * Built twice: SEQDIFF_EMUL against the driver model, else against the real /dev/sgx_enclave.  The same seed
 * prints the same lines, or one of the two is wrong.  Nothing is entered, so no page is ever accepted.
 *
 * usage: seqdiff FIRST_SEED SEQUENCES STEPS [no-sgx2] [fixed]
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/sgx_arch.h"
#include "arch/sgx_uapi.h"
#include "dice.h"
#include "tiny.h"

/* ---- the device: results are >= 0 or -errno ------------------------------------------------------------ */

#ifdef SEQDIFF_EMUL
#include "emul/emul.h"

static void dev_setup(int argc, char **argv)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC, .epc_pages = 16384 };

	for (int i = 4; i < argc; i++) {
		cfg.no_sgx2 |= !strcmp(argv[i], "no-sgx2");
		if (!strcmp(argv[i], "fixed"))
			cfg.kernel = EMUL_KERNEL_FIXED;
	}
	if (emul_setup(&cfg))
		abort();
}
static int dev_open(const char *path, int flags) { return emul_open(path, flags); }
static void dev_close(int fd) { emul_close(fd); }
static long dev_ioctl(int fd, unsigned long cmd, void *arg) { return emul_ioctl(fd, cmd, arg); }
static int64_t dev_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	return emul_mmap(la, bytes, prot, flags, fd, off);
}
static int dev_munmap(uint64_t la, uint64_t bytes) { return emul_munmap(la, bytes); }
static int dev_mprotect(uint64_t la, uint64_t bytes, int prot) { return emul_mprotect(la, bytes, prot); }
static ssize_t dev_peek(uint64_t la, void *buf, size_t bytes) { return emul_peek(la, buf, bytes); }
static ssize_t dev_poke(uint64_t la, const void *buf, size_t bytes) { return emul_poke(la, buf, bytes); }
static int dev_touch(uint64_t la)
{
	uint8_t byte;
	int r = emul_touch(la, &byte);

	return r ? r : byte;
}
#else
static sigjmp_buf touched;

static void on_fault(int sig) { siglongjmp(touched, sig); }

static void dev_setup(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
}
static long sys(long r) { return r < 0 ? -errno : r; }
static int dev_open(const char *path, int flags) { return (int)sys(open(path, flags)); }
static void dev_close(int fd) { close(fd); }
static long dev_ioctl(int fd, unsigned long cmd, void *arg) { return sys(ioctl(fd, cmd, arg)); }
static int64_t dev_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	void *p = mmap((void *)la, bytes, prot, flags, fd, (off_t)off);

	return p == MAP_FAILED ? -errno : (int64_t)(uintptr_t)p;
}
static int dev_munmap(uint64_t la, uint64_t bytes) { return (int)sys(munmap((void *)la, bytes)); }
static int dev_mprotect(uint64_t la, uint64_t bytes, int prot) { return (int)sys(mprotect((void *)la, bytes, prot)); }
static int mem_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/proc/self/mem", O_RDWR);
	return fd;
}
static ssize_t dev_peek(uint64_t la, void *buf, size_t bytes) { return sys(pread(mem_fd(), buf, bytes, (off_t)la)); }
static ssize_t dev_poke(uint64_t la, const void *buf, size_t bytes)
{
	return sys(pwrite(mem_fd(), buf, bytes, (off_t)la));
}
static int dev_touch(uint64_t la)
{
	int sig = sigsetjmp(touched, 1);

	return sig ? -sig : *(volatile uint8_t *)la;
}
#endif

uint64_t dice;

/* ---- one enclave ------------------------------------------------------------------------------------------- */

#define BASE  0x200000000000ull         /* where nothing else is mapped, sanitizers included */
#define SIZE  0x20000ull
#define PAGES (SIZE / 4096)

static struct state {
	int fd, token;
	uint64_t seed;
	unsigned step;
	struct sgx_arch_secs secs;
	struct tiny_sha sha;
	bool created, initialized;
	uint64_t plain, tcs;            /* pages with contents, pages that are or were made a TCS: one bit each */
} st;

static uint8_t *source, *read_only, *guarded;

static void line(const char *what, long r)
{
	printf("%llu.%u %s = %ld", (unsigned long long)st.seed, st.step, what, r);
}

static uint64_t page_bits(uint64_t off, uint64_t bytes)
{
	uint64_t bits = 0;

	for (uint64_t i = off / 4096; i < PAGES && i * 4096 < off + bytes; i++)
		bits |= 1ull << i;
	return bits;
}

static uint64_t some_off(void)
{
	static const uint64_t nasty[] = { 1, 4095, SIZE - 4096, SIZE, SIZE + 4096, 1ull << 63, ~0xfffull, 8 };

	return one_in(12) ? PICK(nasty) : (uint64_t)below(PAGES) * 4096;
}

static uint64_t some_len(void)
{
	static const uint64_t nasty[] = { 0, 1, 4095, 4097, SIZE, SIZE + 4096, 1ull << 63, ~0xfffull };

	return one_in(12) ? PICK(nasty) : (uint64_t)(1 + (one_in(2) ? 0 : below(5))) * 4096;
}

/* Where a structure goes: usually good memory, else one of the hostile places */
static void *place(void *good, size_t bytes, const char **ret_name)
{
	*ret_name = "good";
	if (!one_in(24))
		return good;
	switch (below(6)) {
	case 0:
		*ret_name = "null";
		return NULL;
	case 1:
		*ret_name = "high";
		return (void *)0xfffffffffffff000ull;
	case 2:
		*ret_name = "cut";
		memcpy(guarded + 4096 - bytes / 2, good, bytes / 2);
		return guarded + 4096 - bytes / 2;
	case 3:
		*ret_name = "enclave";
		return (void *)(BASE + below(PAGES) * 4096 + 64);
	case 4:
		*ret_name = "end";
		memcpy(guarded + 4096 - bytes, good, bytes);
		return guarded + 4096 - bytes;
	default:
		*ret_name = "ro";
		mprotect(read_only, 4096, PROT_READ | PROT_WRITE);
		memcpy(read_only, good, bytes);
		mprotect(read_only, 4096, PROT_READ);
		return read_only;
	}
}

/* What came back, when it was placed somewhere that can be read */
static void fetch(void *good, const void *at, size_t bytes, const char *name)
{
	if (!strcmp(name, "end") || !strcmp(name, "ro"))
		memcpy(good, at, bytes);
}

/* ---- the calls ------------------------------------------------------------------------------------------------ */

static void do_create(void)
{
	static const uint64_t sizes[] = { 0, 1, 2048, 4096, 3 * 4096, SIZE, SIZE + 1, 1ull << 62, 1ull << 63, ~0ull };
	struct sgx_arch_secs secs;
	struct sgx_enclave_create a = { .src = (uintptr_t)&secs };
	const char *where, *what = "good";
	char text[160];
	long r;

	tiny_secs(&secs, BASE, SIZE, SGX_ATTR_MODE64BIT | (st.seed % 2 ? SGX_ATTR_DEBUG : 0));
	if (st.seed % 5 == 0)
		secs.attributes.flags |= SGX_ATTR_PROVISIONKEY;
	if (st.seed % 17 == 0)
		secs.attributes.flags |= SGX_ATTR_EINITTOKENKEY;
	if (one_in(4)) {
		switch (below(7)) {
		case 0: secs.size = PICK(sizes); what = "size"; break;
		case 1: secs.baseaddr += 4096; what = "base"; break;
		case 2: secs.attributes.flags |= 1; what = "init"; break;
		case 3: secs.attributes.xfrm = one_in(2); what = "xfrm"; break;
		case 4: secs.ssaframesize = 0; what = "ssa"; break;
		case 5: secs.reserved4[100] = 1; what = "reserved"; break;
		default: a.src = one_in(2) ? 0 : ~0ull; what = "src"; break;
		}
	}
	void *p = place(&a, sizeof(a), &where);

	r = dev_ioctl(st.fd, SGX_IOC_ENCLAVE_CREATE, p);
	if (!r) {
		st.created = true;
		st.secs = secs;
		tiny_measure_begin(&st.sha, &secs);
	}
	snprintf(text, sizeof(text), "CREATE(%s %s size=0x%llx)", where, what, (unsigned long long)secs.size);
	line(text, r);
	putchar('\n');
}

static void do_add(void)
{
	static const uint64_t infos[] = { 0x203, 0x203, 0x203, 0x205, 0x201, 0x207, 0x100, 0x200, 0x204, 0x202, 0x101,
					  0x20b, 0x003, 0x10203, 0x400 };
	struct sgx_arch_secinfo si = { .flags = PICK(infos) };
	struct sgx_enclave_add_pages a = { .offset = some_off(), .length = some_len(), .secinfo = (uintptr_t)&si,
					   .src = (uintptr_t)source, .flags = one_in(3) ? 0 : 1, .count = 0x1111 };
	const char *where, *what = "good";
	char text[200];
	long r;

	if (one_in(10)) {
		switch (below(6)) {
		case 0: a.src += 8; what = "odd"; break;
		case 1: a.src = 0; what = "null"; break;
		case 2: a.src = (uintptr_t)guarded; what = "one"; break;
		case 3: a.secinfo = 0; what = "secinfo"; break;
		case 4: si.reserved[one_in(2) ? 0 : 55] = 1; what = "reserved"; break;
		default: a.src = BASE; what = "enclave"; break;
		}
	}
	bool zero = (si.flags & SGX_SECINFO_PT_MASK) == SGX_SECINFO_TCS && !one_in(4);

	memset(source, zero ? 0 : 0x40 + (int)below(64), SIZE);
	void *p = place(&a, sizeof(a), &where);

	r = dev_ioctl(st.fd, SGX_IOC_ENCLAVE_ADD_PAGES, p);
	fetch(&a, p, sizeof(a), where);
	/* a read-only struct hides the count: such an enclave will not pass INIT, on either side */
	for (uint64_t i = 0; a.count != 0x1111 && i < a.count; i += 4096)
		tiny_measure_page(&st.sha, a.offset + i, si.flags, a.src == (uintptr_t)guarded ? guarded : source, a.flags & 1);
	if (a.count != 0x1111)
		*(si.flags & SGX_SECINFO_PT_MASK & SGX_SECINFO_TCS ? &st.tcs : &st.plain) |= page_bits(a.offset, a.count);
	snprintf(text, sizeof(text), "ADD(%s %s off=0x%llx len=0x%llx si=0x%llx m=%d)", where, what,
		 (unsigned long long)a.offset, (unsigned long long)a.length, (unsigned long long)si.flags, (int)a.flags);
	line(text, r);
	printf(" count=0x%llx\n", (unsigned long long)a.count);
}

static void do_init(void)
{
	struct sgx_arch_sigstruct sig;
	struct sgx_enclave_init a = { .sigstruct = (uintptr_t)&sig };
	const char *where, *what = "good";
	uint8_t mr[32] = { 0 };
	char text[100];
	long r;

	if (st.created)
		tiny_measure_end(&st.sha, mr);
	tiny_sign(mr, &sig);
	if (one_in(3)) {
		switch (below(7)) {
		case 0: sig.vendor = 1; what = "vendor"; break;
		case 1: sig.header[0] ^= 1; what = "header"; break;
		case 2: sig.signature[5] ^= 1; what = "signature"; break;
		case 3: sig.enclavehash[0] ^= 1; what = "hash"; break;
		case 4: sig.attributes.flags |= 1ull << 40; sig.attributemask.flags = ~0ull; what = "attributes"; break;
		case 5: sig.miscselect = 4; sig.miscmask = 4; what = "misc"; break;
		default: a.sigstruct = 0; what = "null"; break;
		}
	}
	void *p = place(&a, sizeof(a), &where);

	r = dev_ioctl(st.fd, SGX_IOC_ENCLAVE_INIT, p);
	if (!r)
		st.initialized = true;
	snprintf(text, sizeof(text), "INIT(%s %s)", where, what);
	line(text, r);
	putchar('\n');
}

static void do_provision(void)
{
	struct sgx_enclave_provision a = { .fd = (unsigned)st.token };
	const char *where, *what = "token";
	char text[100];

	switch (below(6)) {
	case 0: a.fd = (unsigned)st.fd; what = "enclave"; break;
	case 1: a.fd = 9999; what = "closed"; break;
	case 2: a.fd |= 5ull << 32; what = "high bits"; break;
	default: break;
	}
	void *p = place(&a, sizeof(a), &where);

	snprintf(text, sizeof(text), "PROVISION(%s %s)", where, what);
	line(text, dev_ioctl(st.fd, SGX_IOC_ENCLAVE_PROVISION, p));
	putchar('\n');
}

/* RESTRICT and MODIFY_TYPES: same layout */
static void do_change(unsigned long cmd, const char *name, uint64_t value)
{
	struct sgx_enclave_modify_types a = { .offset = some_off(), .length = some_len(), .page_type = value };
	const char *where;
	char text[160];
	long r;

	if (one_in(30))
		a.count = 1;
	if (one_in(30))
		a.result = 1;
	int extra = (a.count ? 1 : 0) + (a.result ? 2 : 0);
	void *p = place(&a, sizeof(a), &where);

	r = dev_ioctl(st.fd, cmd, p);
	fetch(&a, p, sizeof(a), where);
	if (cmd == SGX_IOC_ENCLAVE_MODIFY_TYPES && a.count) {
		st.plain &= ~page_bits(a.offset, a.count);
		st.tcs |= page_bits(a.offset, a.count);
	}
	snprintf(text, sizeof(text), "%s(%s off=0x%llx len=0x%llx value=0x%llx set=%d)", name, where,
		 (unsigned long long)a.offset, (unsigned long long)a.length, (unsigned long long)value, extra);
	line(text, r);
	printf(" count=0x%llx result=%llu\n", (unsigned long long)a.count, (unsigned long long)a.result);
}

/* REMOVE and AUGMENT: same layout */
static void do_range(unsigned long cmd, const char *name, uint64_t count)
{
	struct sgx_enclave_remove_pages a = { .offset = some_off(), .length = some_len(), .count = count };
	const char *where;
	char text[160];
	void *p = place(&a, sizeof(a), &where);
	long r = dev_ioctl(st.fd, cmd, p);

	fetch(&a, p, sizeof(a), where);
	snprintf(text, sizeof(text), "%s(%s off=0x%llx len=0x%llx in=0x%llx)", name, where,
		 (unsigned long long)a.offset, (unsigned long long)a.length, (unsigned long long)count);
	line(text, r);
	printf(" count=0x%llx\n", (unsigned long long)a.count);
}

static void do_unknown(void)
{
	static const uint32_t cmds[] = { 0x0000a404, 0xc018a408, 0xc018a40a, 0x4008a410, 0, 0xc030a402, 0xffffffff };
	uint32_t cmd = PICK(cmds);
	uint64_t zero[16] = { 0 };
	char text[60];

	snprintf(text, sizeof(text), "ioctl(0x%x)", cmd);
	line(text, dev_ioctl(st.fd, cmd, zero));
	putchar('\n');
}

static int some_prot(void)
{
	static const int prots[] = { 0, 1, 1, 3, 3, 5, 7, 2, 4, 6 };

	return PICK(prots);
}

/* Addresses of a mapping call, relative to BASE: mostly inside, sometimes over an edge */
static uint64_t some_la(void)
{
	static const int64_t nasty[] = { -4096, -8192, (int64_t)SIZE, (int64_t)SIZE - 4096, 1, 0x800 };

	return BASE + (one_in(12) ? (uint64_t)PICK(nasty) : (uint64_t)below(PAGES) * 4096);
}

static uint64_t some_bytes(void)
{
	static const uint64_t nasty[] = { 0, 1, 4097, SIZE, SIZE + 4096, ~0ull, ~0xfffull };

	return one_in(12) ? PICK(nasty) : (uint64_t)(1 + below(8)) * 4096;
}

static void do_mmap(void)
{
	static const struct { int flags; const char *name; } kinds[] = {
		{ MAP_SHARED | MAP_FIXED, "shared" }, { MAP_SHARED | MAP_FIXED, "shared" },
		{ MAP_SHARED | MAP_FIXED, "shared" }, { MAP_SHARED | MAP_FIXED, "shared" },
		{ MAP_SHARED | MAP_FIXED, "shared" }, { MAP_PRIVATE | MAP_FIXED, "private" },
		{ MAP_SHARED | MAP_FIXED_NOREPLACE, "noreplace" }, { MAP_SHARED_VALIDATE | MAP_FIXED, "validate" },
		{ MAP_SHARED | MAP_FIXED | MAP_POPULATE, "populate" },
		{ MAP_SHARED | MAP_FIXED | MAP_GROWSDOWN, "growsdown" },
	};
	unsigned k = below(sizeof(kinds) / sizeof(kinds[0]));
	uint64_t la = some_la(), bytes = some_bytes(), off = one_in(12) ? (one_in(2) ? 1 : 4096) : 0;
	int prot = some_prot();
	int64_t r = dev_mmap(la, bytes, prot, kinds[k].flags, st.fd, off);
	char text[160];

	snprintf(text, sizeof(text), "mmap(%+lld 0x%llx prot=%d %s off=%llu)", (long long)(la - BASE),
		 (unsigned long long)bytes, prot, kinds[k].name, (unsigned long long)off);
	line(text, r < 0 ? (long)r : (long)(r - (int64_t)BASE) / 4096);
	putchar('\n');
}

static void do_munmap(void)
{
	uint64_t la = some_la(), bytes = some_bytes();
	char text[100];

	snprintf(text, sizeof(text), "munmap(%+lld 0x%llx)", (long long)(la - BASE), (unsigned long long)bytes);
	/* so much would unmap this program */
	if (bytes > 1ull << 40)
		return;
	line(text, dev_munmap(la, bytes));
	putchar('\n');
}

static void do_mprotect(void)
{
	uint64_t la = some_la(), bytes = some_bytes();
	int prot = one_in(20) ? 0x80 : some_prot();
	char text[100];

	snprintf(text, sizeof(text), "mprotect(%+lld 0x%llx prot=%d)", (long long)(la - BASE), (unsigned long long)bytes,
		 prot);
	line(text, dev_mprotect(la, bytes, prot));
	putchar('\n');
}

static void do_touch(void)
{
	uint64_t off = (uint64_t)below(PAGES) * 4096 + below(4096);
	char text[60];

	snprintf(text, sizeof(text), "touch(0x%llx)", (unsigned long long)off);
	line(text, dev_touch(BASE + off));
	putchar('\n');
}

/*
 * Two things are left out: a TCS beyond its fields, where the virtual machine's processor is more generous
 * than the manual, and the bytes of pages that are PENDING or MODIFIED, which are garbage by design.
 */
static void do_peek(bool poke)
{
	static const size_t sizes[] = { 1, 8, 8, 72, 73, 100, 4096, 4097, 8192, 0 };
	uint64_t off = (uint64_t)below(PAGES) * 4096 + (one_in(3) ? below(4096) : 0);
	size_t bytes = PICK(sizes);
	uint8_t buf[8192];
	unsigned sum = 0;
	char text[100];
	ssize_t r;

	if (st.tcs & page_bits(off, bytes))
		return;
	memset(buf, 0x77, sizeof(buf));
	r = poke ? dev_poke(BASE + off, buf, bytes) : dev_peek(BASE + off, buf, bytes);
	for (ssize_t i = 0; !poke && i < r; i++)
		if (st.plain & page_bits(off + (uint64_t)i, 1))
			sum = sum * 31 + buf[i];
	snprintf(text, sizeof(text), "%s(0x%llx %zu)", poke ? "poke" : "peek", (unsigned long long)off, bytes);
	line(text, r);
	printf(" sum=%u\n", sum);
}

/* ---- sequences ---------------------------------------------------------------------------------------------------- */

static void step(void)
{
	unsigned n = below(100);

	if (!st.created && one_in(2)) {
		do_create();
	} else if (!st.initialized && n < 40) {
		do_add();
	} else if (!st.initialized && n < 50) {
		do_init();
	} else if (n < 52) {
		do_create();
	} else if (n < 53) {
		do_init();
	} else if (n < 55) {
		do_add();
	} else if (n < 57) {
		do_provision();
	} else if (n < 58) {
		do_unknown();
	} else if (n < 64) {
		do_change(SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, "RESTRICT", one_in(10) ? 1ull << below(64) : below(8));
	} else if (n < 70) {
		do_change(SGX_IOC_ENCLAVE_MODIFY_TYPES, "MODIFY",
			  one_in(8) ? below(300) : one_in(2) ? SGX_PT_TRIM : SGX_PT_TCS);
	} else if (n < 74) {
		do_range(SGX_IOC_ENCLAVE_REMOVE_PAGES, "REMOVE", one_in(20));
	} else if (n < 80) {
		do_range(SGX_IOC_ENCLAVE_AUGMENT_PAGES, "AUGMENT", 0x1111);
	} else if (n < 88) {
		do_mmap();
	} else if (n < 90) {
		do_munmap();
	} else if (n < 93) {
		do_mprotect();
	} else if (n < 96) {
		do_touch();
	} else {
		do_peek(n >= 98);
	}
}

static void sequence(uint64_t seed, unsigned steps)
{
	memset(&st, 0, sizeof(st));
	st.seed = seed;
	dice_seed(seed);
	st.fd = dev_open("/dev/sgx_enclave", seed % 11 == 3 ? O_RDONLY : O_RDWR);
	st.token = dev_open("/dev/sgx_provision", O_RDONLY);
	if (st.fd < 0 || st.token < 0) {
		printf("cannot open the device: %d %d\n", st.fd, st.token);
		exit(1);
	}
	for (st.step = 0; st.step < steps; st.step++)
		step();
	dev_munmap(BASE - 0x10000, SIZE + 0x20000);
	dev_close(st.fd);
	dev_close(st.token);
}

static void *pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: seqdiff FIRST_SEED SEQUENCES STEPS [no-sgx2] [fixed]\n");
		return 64;
	}
	uint64_t first = strtoull(argv[1], NULL, 0), n = strtoull(argv[2], NULL, 0);
	unsigned steps = (unsigned)strtoul(argv[3], NULL, 0);

	/* as long as the longest range that passes the checks, so that a source never ends by chance */
	source = pages(SIZE);
	read_only = pages(4096);
	guarded = pages(8192);
	if (mprotect(guarded + 4096, 4096, PROT_NONE))
		abort();
	dev_setup(argc, argv);
	for (uint64_t s = first; s < first + n; s++)
		sequence(s, steps);
	return 0;
}
