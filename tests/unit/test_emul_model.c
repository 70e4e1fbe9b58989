/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver model under pressure: an EPC that is full, signals; and what it tells about itself, and a debugger. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emul_fixture.h"

#define A64 SGX_ATTR_MODE64BIT
#define RW  (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W)
#define EPC 1024u

/* ---- a full EPC ---------------------------------------------------------------------------------------------- */

/* As if a process with another device had it too: its pages cannot be reclaimed. */
static void pin(struct fx *f)
{
	atomic_store(&emul_encl_by_fd(f->fd)->sh->strangers, 1);
}

static void test_exhaustion(void)
{
	struct fx f, g;
	uint64_t n, code;

	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	pin(&f);
	/* 1 SECS, 1020 pages, 2 VA pages: one page is left */
	is_u64(fx_add(&f, 0, 0x1000000, RW, 1, &n), -ENOMEM, "ADD: all that fits");
	is_u64(n, (EPC - 3) * 4096, "... count");
	is_u64(fx_epc_used(&f), EPC, "... nothing is left");
	is_u64(fx_init(&f), 0, "... and the measurement is right");
	is_u64(fx_augment(&f, n, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: no EPC");
	is_u64(n, 0, "... count");
	is_u64(fx_augment(&f, 0, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: no EPC, page exists");
	fx_open(&g, FX_SIZE, A64);
	is_u64(fx_create(&g), -ENOMEM, "CREATE: no EPC for the VA page");
	g.secs.size = 0x3000;
	is_u64(fx_create(&g), -EINVAL, "CREATE: the size is looked at first");
	g.secs.size = FX_SIZE;
	fx_modify(&f, 0, 4096, SGX_PT_TRIM, &n, &code);
	memcpy(&(struct sgx_arch_secinfo){ 0 }, &f, 0);
	fx_close(&f);
	is_u64(fx_epc_used(&g), 0, "closing gives all back");

	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	pin(&f);
	fx_add(&f, 0, 0x1000, RW, 1, NULL);
	fx_init(&f);
	is_u64(fx_augment(&f, 0x1000, 0x1000000 - 0x1000, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: all that fits");
	is_u64(n, (EPC - 4) * 4096, "... count");
	is_u64(fx_epc_used(&f), EPC, "... nothing is left");
	fx_close(&f);

	/* 1023 taken: the VA page of a new enclave fits, its SECS does not */
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	pin(&f);
	fx_add(&f, 0, (EPC - 4) * 4096, RW, 1, NULL);
	is_u64(fx_epc_used(&f), EPC - 1, "all but one page");
	is_u64(fx_create(&g), -ENOMEM, "CREATE: no EPC for the SECS");
	is_u64(fx_epc_used(&f), EPC - 1, "... the VA page is given back");
	fx_close(&f);
	fx_close(&g);

	/* page 512 would fit, its VA page does not: 1023 - 511 = 512 pages are another enclave's */
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	pin(&f);
	fx_add(&f, 0, 508 * 4096, RW, 1, NULL);
	fx_open(&g, 0x1000000, A64);
	fx_create(&g);
	pin(&g);
	is_u64(fx_add(&g, 0, 511 * 4096, RW, 1, &n), 0, "511 pages: one EPC page is left");
	is_u64(fx_epc_used(&f), EPC - 1, "... indeed");
	is_u64(fx_add(&g, 511 * 4096, 4096, RW, 1, &n), -ENOMEM, "ADD: a page, but no VA page for it");
	is_u64(fx_epc_used(&f), EPC - 1, "... is undone");
	is_u64(fx_add(&f, 508 * 4096, 4096, RW, 1, &n), 0, "the last one goes to the other enclave");
	fx_close(&f);
	fx_close(&g);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

static _Atomic int storm_stop;
static pthread_t victim;

static void on_signal(int sig) { (void)sig; }

static void *storm(void *arg)
{
	(void)arg;
	while (!atomic_load(&storm_stop)) {
		pthread_kill(victim, SIGUSR1);
		usleep(30);
	}
	return NULL;
}

/* The loop the documentation of the driver recommends. */
static void add_all(struct fx *f, uint64_t bytes, unsigned *ret_short, unsigned *ret_eintr)
{
	uint64_t off = 0, n;

	while (off < bytes) {
		long r = fx_add(f, off, bytes - off, RW, 3, &n);

		if (r && r != -EINTR)
			return;
		if (n == ~0ull)
			return;
		*ret_eintr += r == -EINTR;
		*ret_short += !r && n < bytes - off;
		if (r == -EINTR && n)
			return;
		off += n;
	}
}

static void test_signals(int sa_flags, const char *name)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = sa_flags };
	unsigned shorts = 0, eintrs = 0;
	pthread_t t;
	struct fx f;

	sigaction(SIGUSR1, &sa, NULL);
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	atomic_store(&emul_encl_by_fd(f.fd)->sh->strangers, 1);
	atomic_store(&storm_stop, 0);
	victim = pthread_self();
	pthread_create(&t, NULL, storm, NULL);
	add_all(&f, 1000 * 4096, &shorts, &eintrs);
	atomic_store(&storm_stop, 1);
	pthread_join(t, NULL);
	ok(shorts > 0, "%s: short counts were seen (%u, and EINTR %u)", name, shorts, eintrs);
	if (sa_flags & SA_RESTART)
		is_u64(eintrs, 0, "%s: restarted, never EINTR", name);
	is_u64(fx_epc_used(&f), 2 + 1000 + 1, "%s: every page is there once", name);
	is_u64(fx_init(&f), 0, "%s: and measured once", name);
	fx_close(&f);
	signal(SIGUSR1, SIG_IGN);
}

/* ---- what the model tells ------------------------------------------------------------------------------------------ */

static void test_get_pages(void)
{
	struct emul_page_range r[8];
	struct emul_get_pages a = { .length = 1ull << 40, .ranges = (uintptr_t)r, .capacity = 8 };
	struct emul_get_secs s = { 0 };
	struct sgx_arch_secs image;
	struct fx f;
	uint64_t n;

	fx_open(&f, 1ull << 40, A64);
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), -EINVAL, "GET_PAGES before CREATE");
	is_u64(fx_create(&f), 0, "an ELRANGE of a TiB");
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), 0, "GET_PAGES of an empty one");
	is_u64(a.n, 0, "... nothing");
	is_u64(a.next_off, 1ull << 40, "... to the end");
	fx_add(&f, 0x3000, 0x2000, RW, 1, NULL);
	fx_add(&f, (1ull << 39) + 0x1000, 0x1000, SGX_SECINFO_TCS, 0, NULL);
	fx_init(&f);
	fx_augment(&f, 0x5000, 0x8000, &n);
	emul_mmap(f.base + 0x4000, 1ull << 30, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), 0, "GET_PAGES");
	is_u64(a.n, 5, "... five ranges");
	ok(r[0].off == 0x3000 && r[0].pages == 1 && r[0].vma == -1, "... an EADDed page, not mapped");
	ok(r[1].off == 0x4000 && r[1].pages == 1 && r[1].vma == PROT_READ, "... one that is");
	ok(r[2].off == 0x5000 && r[2].pages == 8 && r[2].word & SGXM_E_PENDING && r[2].max_prot == 0x80000007u,
	   "... eight PENDING pages");
	ok(r[3].off == 0xd000 && r[3].pages == (1u << 18) - 9 && !r[3].word && !r[3].max_prot, "... the rest of the mapping");
	ok(r[4].off == (1ull << 39) + 0x1000 && r[4].max_prot == 0x80000003u, "... a TCS far away");
	a.capacity = 2;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), 0, "GET_PAGES with room for two");
	ok(a.n == 2 && a.next_off == 0x5000, "... says where to go on");
	a.off = 1;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), -EINVAL, "GET_PAGES unaligned");
	a = (struct emul_get_pages){ .length = 0x10000, .ranges = 8, .capacity = 8 };
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), -EFAULT, "GET_PAGES to nowhere");

	s.secs = (uintptr_t)&image;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_SECS, &s), 0, "GET_SECS");
	ok(image.baseaddr == f.base && image.attributes.flags == (A64 | SGX_ATTR_INIT), "... shows the SECS");
	for (n = 0; n < sizeof(image.reserved4) && !image.reserved4[n]; n++)
		;
	is_u64(n, sizeof(image.reserved4), "... without hidden state");
	is_u64(s.children, 11, "... and counts children");
	fx_close(&f);
}

static void test_refusal(void)
{
	struct emul_last_refusal l = { 0 };
	uint64_t n, code;
	struct fx f;

	fx_build(&f, A64);
	emul_ioctl(f.fd, EMUL_IOC_LAST_REFUSAL, &l);
	ok(!l.check[0], "no refusal yet");
	fx_augment(&f, FX_FREE, 4096, &n);
	fx_modify(&f, FX_FREE, 4096, SGX_PT_TRIM, &n, &code);
	emul_ioctl(f.fd, EMUL_IOC_LAST_REFUSAL, &l);
	ok(!strncmp(l.check, "EMODT.", 6) && l.code == SGXC_PAGE_NOT_MODIFIABLE && l.off == FX_FREE,
	   "the last refusal: %s code %u at 0x%llx", l.check, l.code, (unsigned long long)l.off);
	fx_close(&f);
}

/* ---- the debugger's view ---------------------------------------------------------------------------------------------- */

static void test_peek(void)
{
	uint8_t buf[8192];
	struct fx f;
	uint64_t n;

	fx_build(&f, A64 | SGX_ATTR_DEBUG);
	is_u64(emul_peek(f.base, buf, 8), -EIO, "peek: not mapped");
	emul_mmap(f.base, 0x2000, PROT_NONE, MAP_SHARED | MAP_FIXED, f.fd, 0);
	emul_mmap(f.base + 0x2000, 0x6000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	emul_mmap(f.base + FX_FREE, 0x2000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(emul_peek(f.base + 0x2000, buf, 4096), 4096, "peek a page");
	ok(buf[0] == 0xa2 && buf[4095] == 0xa2, "... its bytes");
	is_u64(emul_peek(f.base + 3, buf, 10), 10, "peek: PROT_NONE works, so do odd addresses");
	is_u64(emul_peek(f.base + 0x1000, buf, 72), 72, "peek the fields of a TCS");
	is_u64(emul_peek(f.base + 0x1000, buf, 73), -EIO, "... but not beyond");
	is_u64(emul_peek(f.base + FX_FREE, buf, 8), -EIO, "peek: no page");
	is_u64(emul_peek(f.base + 0x6800, buf, 8192), 4096, "peek: the chunk that fails is lost whole");
	is_u64(emul_poke(f.base + 0x2001, "xy", 2), 2, "poke a read-only page");
	emul_peek(f.base + 0x2000, buf, 4);
	ok(!memcmp(buf, "\xa2xy\xa2", 4), "... neighbours stay");
	is_u64(emul_poke(f.base + 0x1008, "\1\0\0\0\0\0\0\0", 8), 8, "poke TCS.FLAGS");
	is_u64(emul_poke(f.base + 0x1010, "\1", 1), -EIO, "poke another TCS field");
	fx_augment(&f, FX_FREE, 4096, &n);
	is_u64(emul_peek(f.base + FX_FREE, buf, 8), 8, "peek a PENDING page: the driver loses the refusal");
	is_u64(emul_poke(f.base + FX_FREE, "abcdefgh", 8), 8, "poke a PENDING page: lost");
	is_u64(emul_encl_by_fd(f.fd)->alias[FX_FREE], 0, "... indeed");
	is_u64(emul_peek(f.base, buf, 0), 0, "peek nothing");
	fx_close(&f);

	fx_build(&f, A64);
	emul_mmap(f.base, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(emul_peek(f.base, buf, 8), -EIO, "peek: a production enclave");
	is_u64(emul_poke(f.base, buf, 8), -EIO, "poke: a production enclave");
	fx_close(&f);
}

static void all(void)
{
	test_exhaustion();
	test_signals(0, "a handler");
	test_signals(SA_RESTART, "a handler with SA_RESTART");
	test_get_pages();
	test_refusal();
	test_peek();
}

int main(void)
{
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = EPC }, all);
	return tap_done();
}
