/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encldiff: pages that come, change and go, by ioctls and by leafs in any order. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dice.h"
#include "encldiff.h"

static uint64_t some_off(void)
{
	if (one_in(25)) {
		static const uint64_t nasty[] = { 1, SIZE - 4096, SIZE, 1ull << 63, ~0xfffull };

		return PICK(nasty);
	}
	/* few pages, so that steps meet each other's */
	return one_in(8) ? below(PAGES) * 4096ull : (PAGE_FREE + below(10)) * 4096ull;
}

static uint64_t some_len(void)
{
	static const uint64_t nasty[] = { 0, 1, SIZE, ~0xfffull };

	return one_in(30) ? PICK(nasty) : (1 + (one_in(2) ? 0 : below(4))) * 4096ull;
}

static uint64_t la_of(uint64_t off)
{
	return off < SIZE ? BASE + (off & ~4095ull) : BASE + PAGE_FREE * 4096ull;
}

/* ---- ioctls --------------------------------------------------------------------------------------------------- */

static void augment(uint64_t off, uint64_t length)
{
	struct sgx_enclave_augment_pages a = { .offset = off, .length = length, .count = 0x1111 };
	int64_t r = call_ioctl(SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a);

	say("AUGMENT %llx %llx = %lld count=%llx\n", (unsigned long long)off, (unsigned long long)length, (long long)r,
	    (unsigned long long)a.count);
}

/* EAGAIN: pages are on their way out of the EPC.  Callers go on where the call stopped; *count becomes all of it. */
static int64_t again(unsigned long cmd, void *arg, __u64 *offset, __u64 *length, __u64 *count)
{
	uint64_t done = 0;
	int64_t r;

	for (unsigned i = 0; i < 2000; i++) {
		r = call_ioctl(cmd, arg);
		if (r != -EAGAIN && !(r == -EBUSY && cmd == SGX_IOC_ENCLAVE_REMOVE_PAGES))
			break;
		done += *count;
		*offset += *count;
		*length -= *count;
		*count = 0;
		usleep(1000);
	}
	*count += done;
	return r;
}

static int64_t modify(uint64_t off, uint64_t length, uint64_t type)
{
	struct sgx_enclave_modify_types a = { .offset = off, .length = length, .page_type = type };
	int64_t r;

	if (one_in(60))
		a.count = 4096;
	r = again(SGX_IOC_ENCLAVE_MODIFY_TYPES, &a, &a.offset, &a.length, &a.count);
	say("MODIFY %llx %llx %llx = %lld count=%llx result=%llu\n", (unsigned long long)off, (unsigned long long)length,
	    (unsigned long long)type, (long long)r, (unsigned long long)a.count, (unsigned long long)a.result);
	return r;
}

/* The manual does not compare PR, the virtual machine's processor does: it is asked for where it is set. */
static void accept(unsigned t, uint64_t la, uint64_t secinfo)
{
	uint64_t page = (la - BASE) / SGX_PAGE_SIZE;
	bool known = page < PAGES && en.narrowed[page] && en.who != 'c';

	if (page < PAGES)
		en.narrowed[page] = false;
	leaf(t, SGX_EACCEPT, la, (secinfo & 0x28) == 0x20 && !known ? secinfo | 8 : secinfo, 0);
}

static void restrict_to(uint64_t off, uint64_t length, uint64_t rights)
{
	struct sgx_enclave_restrict_permissions a = { .offset = off, .length = length, .permissions = rights };
	int64_t r;

	if (one_in(60))
		a.result = 1;
	r = again(SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &a, &a.offset, &a.length, &a.count);
	say("RESTRICT %llx %llx %llx = %lld count=%llx result=%llu\n", (unsigned long long)off,
	    (unsigned long long)length, (unsigned long long)rights, (long long)r, (unsigned long long)a.count,
	    (unsigned long long)a.result);
	for (uint64_t i = 0; i < a.count / SGX_PAGE_SIZE && off / SGX_PAGE_SIZE + i < PAGES; i++)
		en.narrowed[off / SGX_PAGE_SIZE + i] = true;
}

static void remove_range(uint64_t off, uint64_t length)
{
	struct sgx_enclave_remove_pages a = { .offset = off, .length = length };
	int64_t r = again(SGX_IOC_ENCLAVE_REMOVE_PAGES, &a, &a.offset, &a.length, &a.count);

	say("REMOVE %llx %llx = %lld count=%llx\n", (unsigned long long)off, (unsigned long long)length, (long long)r,
	    (unsigned long long)a.count);
}

/* Source and destination are not both in doubt: which one is looked at first would decide whether a page is added. */
static void copy(unsigned t, uint64_t la, uint64_t secinfo)
{
	uint64_t steady = BASE + PAGE_STEADY * 4096ull;

	if (one_in(8))
		leaf(t, SGX_EACCEPTCOPY, steady, secinfo, BASE + below(PAGES) * 4096ull + (one_in(4) ? 8 : 0));
	else
		leaf(t, SGX_EACCEPTCOPY, la, secinfo, steady);
}

static void add_late(void)
{
	_Alignas(64) struct sgx_arch_secinfo si = { .flags = 0x203 };
	struct sgx_enclave_add_pages a = { .src = OPS, .offset = some_off(), .length = 4096, .secinfo = (uintptr_t)&si,
					   .count = 0x1111 };
	int64_t r = call_ioctl(SGX_IOC_ENCLAVE_ADD_PAGES, &a);

	say("ADD = %lld count=%llx\n", (long long)r, (unsigned long long)a.count);
}

void step_pages(void)
{
	static const uint64_t infos[] = { 0x20b, 0x20b, 0x203, 0x201, 0x205, 0x207, 0x221, 0x223, 0x227, 0x220, 0x225, 0x410,
					  0x110, 0x400, 0x100, 0x200, 0x202, 0x20f, 0x209, 0x20a, 0x3, 0x1, 0x213, 0x10203,
					  0x303, 0x1ull << 40, 0x8000, 0x23, 0x233 };
	unsigned n = below(100), t = some_tcs();
	uint64_t off = some_off(), length = some_len();

	/* what a process takes away, the emulated device does not take from another that has the page mapped */
	if (en.who == 'c' && n >= 52 && n < 97)
		n = 38;
	if (n < 16)
		accept(t, la_of(off), PICK(infos));
	else if (n < 26)
		leaf(t, SGX_EMODPE, la_of(off), PICK(infos), 0);
	else if (n < 38)
		copy(t, la_of(off), PICK(infos));
	else if (n < 52)
		augment(off, length);
	else if (n < 66)
		restrict_to(off, length, one_in(10) ? 1ull << below(64) : below(8));
	else if (n < 82)
		modify(off, length, one_in(8) ? below(300) : one_in(3) ? SGX_PT_TCS : SGX_PT_TRIM);
	else if (n < 97)
		remove_range(off, length);
	else
		add_late();
}

/* ---- what belongs together, mostly in the right order ----------------------------------------------------------- */

static void map(uint64_t off, uint64_t length, int prot)
{
	void *p = mmap((void *)(BASE + off), length, prot, MAP_SHARED | MAP_FIXED, en.fd, 0);

	say("mmap %llx %llx prot=%d = %d\n", (unsigned long long)off, (unsigned long long)length, prot,
	    p == MAP_FAILED ? -errno : 0);
}

static void grow(unsigned t, uint64_t off)
{
	bool with_contents = one_in(2);

	if (one_in(2))
		augment(off, 4096);
	if (!one_in(4))
		map(off, 4096, one_in(6) ? 1 : one_in(4) ? 7 : 3);
	if (with_contents)
		copy(t, BASE + off, one_in(2) ? 0x205 : 0x207);
	else
		accept(t, BASE + off, 0x20b);
}

static void shrink(unsigned t, uint64_t off)
{
	modify(off, 4096, SGX_PT_TRIM);
	if (!one_in(6))
		accept(t, BASE + off, 0x410);
	remove_range(off, 4096);
}

static void narrow(unsigned t, uint64_t off)
{
	unsigned rights = below(8);

	restrict_to(off, 4096, rights);
	accept(t, BASE + off, 0x220 | rights);
	if (one_in(2))
		leaf(t, SGX_EMODPE, BASE + off, 0x200 | below(8), 0);
}

static void write_inside(unsigned t, uint64_t la, uint64_t v)
{
	char what[60], a[40];

	memset(op, 0, sizeof(*op));
	op->kind = KIND_WRITE;
	op->rbx = la;
	op->rax = v;
	snprintf(what, sizeof(what), "fill %s=%llx", place(la, a), (unsigned long long)v);
	enter(t, 2, what);
}

/* Pages of their own for TCS and SSA; the SSA of another thread now and then. */
static void make_tcs(unsigned t)
{
	uint64_t at = (PAGE_FREE + 2 + 2 * below(8)) * 4096ull, la = BASE + at;
	uint64_t ossa = one_in(5) ? (PAGE_SSA + 1) * 4096ull : at + 4096;
	struct sgx_arch_tcs tcs = { .ossa = ossa, .nssa = 1, .oentry = PAGE_CODE * 4096, .fslimit = ~0u, .gslimit = ~0u,
				    .ofsbase = PAGE_DATA * 4096, .ogsbase = PAGE_DATA * 4096 };
	uint64_t words[16];

	switch (below(12)) {
	case 0: tcs.flags = 1; break;
	case 1: tcs.nssa = 0; break;
	case 2: tcs.cssa = 1; break;
	case 3: tcs.ogsbase = SIZE * 2; break;
	case 4: tcs.fslimit = 0xffff; break;
	case 6: tcs.oentry = PAGE_RO * 4096; break;
	case 7: tcs.ossa = PAGE_RO * 4096; break;
	default: break;
	}
	memcpy(words, &tcs, sizeof(words));
	map(at, 8192, 3);
	accept(t, la, 0x20b);
	accept(t, la + 4096, 0x20b);
	for (unsigned i = 0; i < 9; i++)
		if (words[i])
			write_inside(t, la + 8 * i, words[i]);
	if (one_in(10))
		write_inside(t, la + 72 + 8 * below(500), 1);
	modify(at, 4096, SGX_PT_TCS);
	if (!one_in(8))
		accept(t, la, 0x110);
	if (en.n_tcs < sizeof(en.tcs) / sizeof(en.tcs[0]))
		en.tcs[en.n_tcs++] = la;
	else
		en.tcs[N_TCS + below(5)] = la;
	memset(op, 0, sizeof(*op));
	for (unsigned i = 0; i < en.n_tcs; i++)
		if (en.tcs[i] == la)
			enter(i, 2, "new tcs");
}

void step_growth(void)
{
	unsigned n = below(10), t = some_tcs();
	uint64_t off = (PAGE_FREE + below(10)) * 4096ull;

	if (n < 4)
		grow(t, off);
	else if (n < 6)
		shrink(t, one_in(6) ? below(PAGES) * 4096ull : off);
	else if (n < 8)
		narrow(t, one_in(6) ? below(PAGES) * 4096ull : off);
	else
		make_tcs(t);
}
