/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cheaper traps: where #UD costs much more than #GP or #BP (a hypervisor that intercepts #UD), an ENCLU that was
 * executed once gets `hlt` or `int3` as its first byte.  Only an instruction that the CPU has just refused as ENCLU
 * is changed so, and no data can be hit.  Measurement is of the original bytes; readers get them back
 * (emul_native_unpatch), and the plain ENCLU keeps working everywhere.
 *
 * `int3` is the cheapest (the kernel decodes an instruction that raised #GP, looking for what UMIP forbids), but its
 * signal is what debuggers live by: a process that is traced at start-up leaves it alone.
 *
 * Where the kernel loses what WRFSBASE and WRGSBASE write (native.h), these become `hlt` too.
 *
 * SGXCTL_TRAP=enclu|hlt|int3|auto overrides the choice of the start-up timing.
 * Context: setup in normal context, the rest in signal context.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "emul/native.h"

#define TIMING_ROUNDS 24
#define ENCLU_0 0x0fu
#define ENCLU_1 0x01u
#define ENCLU_2 0xd7u
#define HLT     0xf4u
#define INT3    0xccu
#define REP     0xf3u           /* first byte of RDFSBASE and relatives */
#define BASE_WRITE_BYTES 5u

/* What the first byte of an ENCLU becomes; 0: nothing pays. */
static uint8_t trap_byte;
static int skip_bytes;

/* Behind its first byte: WRFSBASE or WRGSBASE. */
static bool is_base_write(const uint8_t *p)
{
	if ((p[1] & 0xf0) == 0x40)
		p++;
	return p[1] == 0x0f && p[2] == 0xae && (p[3] & 0xf0) == 0xd0;
}

static bool is_trap_byte(uint8_t b)
{
	return b == HLT || b == INT3;   /* another process of the same enclave may have chosen otherwise */
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void skip(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += skip_bytes;
}

/* The fastest of several rounds of the trap that begins with this byte, in ns; UINT64_MAX when it cannot be timed. */
static uint64_t time_trap(uint8_t byte)
{
	int sig = byte == HLT ? SIGSEGV : byte == INT3 ? SIGTRAP : SIGILL;
	struct sigaction sa = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO }, old;
	uint64_t best = UINT64_MAX;

	if (sigaction(sig, &sa, &old))
		return UINT64_MAX;
	skip_bytes = byte == HLT ? 1 : byte == INT3 ? 0 : 2;    /* #BP is raised behind its instruction */
	for (int i = 0; i < TIMING_ROUNDS; i++) {
		uint64_t t0 = now_ns();

		if (byte == HLT)
			__asm__ volatile("hlt" : : : "memory");
		else if (byte == INT3)
			__asm__ volatile("int3" : : : "memory");
		else
			__asm__ volatile("ud2" : : : "memory");
		uint64_t dt = now_ns() - t0;

		if (dt < best)
			best = dt;
	}
	sigaction(sig, &old, NULL);
	return best;
}

/* Whether somebody traces this process; when in doubt, yes. */
static bool is_traced(void)
{
	char status[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return true;
	status[n] = '\0';
	const char *line = strstr(status, "\nTracerPid:\t");

	return !line || line[sizeof("\nTracerPid:\t") - 1] != '0';
}

static uint8_t cheapest_trap(void)
{
	uint64_t enclu = time_trap(ENCLU_0), hlt = time_trap(HLT);
	uint64_t int3 = is_traced() ? UINT64_MAX : time_trap(INT3);

	if (enclu / 2 <= (hlt < int3 ? hlt : int3))
		return 0;
	return int3 < hlt ? INT3 : HLT;
}

void native_patch_setup(void)
{
	const char *choice = getenv("SGXCTL_TRAP");

	if (choice && !strcmp(choice, "enclu"))
		trap_byte = 0;
	else if (choice && !strcmp(choice, "hlt"))
		trap_byte = HLT;
	else if (choice && !strcmp(choice, "int3"))
		trap_byte = INT3;
	else
		trap_byte = cheapest_trap();
}

/* The first byte of the instruction that was rewritten at p; 0: there is none. */
static uint8_t original(const uint8_t *p)
{
	if (p[1] == ENCLU_1 && p[2] == ENCLU_2)
		return ENCLU_0;
	return is_base_write(p) ? REP : 0;
}

static bool is_patched(const struct emul_patches *p, uint64_t off)
{
	uint32_t n = atomic_load(&p->n);

	for (uint32_t i = 0; i < n && i < EMUL_MAX_PATCHES; i++)
		if (atomic_load_explicit(&p->off[i], memory_order_relaxed) == off)
			return true;
	return false;
}

bool native_enclu_at(struct emul_encl *en, uint64_t la)
{
	uint64_t off = la - en->sh->base;

	if (off + 3 > en->sh->size)
		return false;
	const uint8_t *p = en->alias + off;

	if (p[1] != ENCLU_1 || p[2] != ENCLU_2)
		return false;
	return p[0] == ENCLU_0 || (is_trap_byte(p[0]) && is_patched(en->patches, off));
}

/* False: there is no more room. */
static bool remember(struct emul_patches *patches, uint64_t off)
{
	uint32_t i;

	if (is_patched(patches, off))
		return true;
	i = atomic_load(&patches->n);
	do {
		if (i >= EMUL_MAX_PATCHES)
			return false;
		/* claim a place, then fill it: a reader sees 0 (no instruction of these starts there) or the offset */
	} while (!atomic_compare_exchange_weak(&patches->n, &i, i + 1));
	atomic_store(&patches->off[i], off);
	return true;
}

void native_patch_site(struct emul_encl *en, uint64_t la)
{
	uint64_t off = la - en->sh->base;
	uint8_t *p = en->alias + off;

	/* a page that is on its way out keeps its bytes: it is patched the next time */
	if (!trap_byte || native_page_out(en, la) || __atomic_load_n(p, __ATOMIC_RELAXED) != ENCLU_0)
		return;
	if (remember(en->patches, off))
		__atomic_store_n(p, trap_byte, __ATOMIC_RELEASE);
}

/*
 * Here bytes are found by a search, unlike ENCLU: all five agree by accident once in many gigabytes of code, and there is
 * no trap that would show where such an instruction is.
 */
void native_patch_bases(struct emul_encl *en, uint64_t page, uint64_t pages)
{
	uint64_t end = (page + pages) << SGX_PAGE_SHIFT;

	if (native_fsgsbase != NATIVE_BASES_READ)
		return;
	for (uint64_t off = page << SGX_PAGE_SHIFT; off < end && off + BASE_WRITE_BYTES <= en->sh->size; off++) {
		uint8_t *p = en->alias + off;

		if (*p == REP && is_base_write(p) && remember(en->patches, off))
			__atomic_store_n(p, HLT, __ATOMIC_RELEASE);
	}
}

bool native_patched_at(struct emul_encl *en, uint64_t la)
{
	uint64_t off = la - en->sh->base;

	return is_trap_byte(en->alias[off]) && is_patched(en->patches, off);
}

void emul_native_unpatch(struct emul_encl *en, uint64_t la, uint8_t *buf, size_t bytes)
{
	uint64_t from = la - en->sh->base;
	uint32_t n = atomic_load(&en->patches->n);

	for (uint32_t i = 0; i < n && i < EMUL_MAX_PATCHES; i++) {
		uint64_t off = atomic_load(&en->patches->off[i]);

		if (off < from || off - from >= bytes)
			continue;
		uint8_t first = original(en->alias + off);

		if (is_trap_byte(buf[off - from]) && first)
			buf[off - from] = first;
	}
}

void native_patch_copied(struct emul_encl *en, uint64_t src_la, uint64_t dst_la)
{
	uint64_t src = (src_la - en->sh->base) & SGX_PAGE_MASK, dst = (dst_la - en->sh->base) & SGX_PAGE_MASK;
	uint32_t n = atomic_load(&en->patches->n);

	for (uint32_t i = 0; i < n && i < EMUL_MAX_PATCHES; i++) {
		uint64_t off = atomic_load(&en->patches->off[i]);

		if (off < src || off - src >= SGX_PAGE_SIZE)
			continue;
		uint8_t *p = en->alias + dst + (off - src);

		if (is_trap_byte(*p) && original(p))
			__atomic_store_n(p, original(p), __ATOMIC_RELEASE);
	}
}
