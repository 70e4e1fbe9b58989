/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Four threads run EACCEPT, EMODPE, EMODPR and EDBGRD on the same pages, and threads enter, are
 * interrupted and leave while others ETRACK.  Whatever the order, the invariants hold.
 */
#include <pthread.h>
#include <string.h>

#include "machine/epcm.h"
#include "machine_host.h"
#include "tap.h"

#define THREADS 4
#define ROUNDS  20000
#define PAGES   4

static pthread_barrier_t barrier;

struct worker {
	unsigned id;
	struct sgxm_cpu cpu;
	unsigned long done[4], refused[4];
	bool bad;
};

static uint32_t rnd(uint32_t *s)
{
	*s = *s * 1664525 + 1013904223;
	return *s >> 16;
}

static struct sgxm_out enclu(struct worker *w, unsigned leaf, uint64_t rbx, uint64_t rcx)
{
	struct sgxm_regs r = { .rax = leaf, .rbx = rbx, .rcx = rcx };

	return sgxm_enclu(&host.m, &w->cpu, &r, 3, NULL, 0);
}

/* Never W without R, never a state that no leaf makes */
static bool is_sane(uint64_t epa)
{
	struct sgxm_epcm_view v = sgxm_epcm_get(&host.m, epa);

	return v.valid && v.pt == SGX_PT_REG && !v.pending && !v.modified && !v.blocked &&
	       ((v.rwx & 3) != 2) && v.owner.secs_epa == SECS_EPA;
}

static void *work(void *p)
{
	struct worker *w = p;
	uint32_t seed = w->id * 77 + 1;
	/* SECINFOs that the main thread laid out at OFF_DATA: index 0..3 */
	const uint64_t info = BASE + OFF_DATA;

	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned page = rnd(&seed) % PAGES, op = rnd(&seed) % 4;
		uint64_t la = BASE + OFF_FREE + page * 4096ull, epa = EPA(FREE + page), data;
		struct sgxm_out out;

		if (op == 0)
			out = enclu(w, SGX_EACCEPT, info + 64 * (rnd(&seed) % 2), la);
		else if (op == 1)
			out = enclu(w, SGX_EMODPE, info + 64 * (2 + rnd(&seed) % 2), la);
		else if (op == 2)
			out = sgxm_emodpr(&host.m, MEM_SECINFO, epa);
		else
			out = sgxm_edbgrd(&host.m, epa, &data);
		if (out.kind == SGXM_DONE)
			w->done[op]++;
		else
			w->refused[op]++;
		/* the only refusals are conflicts, mismatches and missing tracking */
		w->bad |= out.kind == SGXM_PF || out.kind == SGXM_UD ||
			  (out.kind == SGXM_CODE && out.code != SGXC_EPC_PAGE_CONFLICT &&
			   out.code != SGXC_PAGE_ATTRIBUTES_MISMATCH && out.code != SGXC_NOT_TRACKED);
		w->bad |= !is_sane(epa);
		/* as a kernel does after EMODPR, most of the time */
		if (op == 2 && rnd(&seed) % 8) {
			sgxm_etrack(&host.m, SECS_EPA);
			sgxm_ipi(&host.m, SECS_EPA);
		}
	}
	return NULL;
}

static void run(void *(*body)(void *), struct worker *w)
{
	pthread_t t[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		w[i].id = i;
		pthread_create(&t[i], NULL, body, &w[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&barrier);
}

static void user_secinfo(unsigned i, uint64_t flags)
{
	struct sgx_arch_secinfo s = { .flags = flags };

	memcpy(host_page(EPC_OF(OFF_DATA)) + 64 * i, &s, sizeof(s));
}

static void pages(void)
{
	static struct worker w[THREADS];
	unsigned long done[4] = { 0 };
	bool bad = false;

	host_start(ATTR_TEST);
	for (unsigned i = 0; i < PAGES; i++) {
		host_eaug(OFF_FREE + i * 4096u, EPA(FREE + i));
		host_epcm(EPA(FREE + i))->word &= ~(uint64_t)SGXM_E_PENDING;
	}
	user_secinfo(0, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_PR);
	user_secinfo(1, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X | SGX_SECINFO_PR);
	user_secinfo(2, SGX_SECINFO_R | SGX_SECINFO_W);
	user_secinfo(3, SGX_SECINFO_X);
	host_secinfo(SGX_SECINFO_R | SGX_SECINFO_X);
	host_enter(&w[0].cpu, OFF_TCS);
	for (unsigned i = 1; i < THREADS; i++)
		w[i].cpu = w[0].cpu;
	run(work, w);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned op = 0; op < 4; op++)
			done[op] += w[i].done[op];
		bad |= w[i].bad;
	}
	ok(!bad, "every outcome was one that the order of leafs explains");
	for (unsigned op = 0; op < 4; op++)
		ok(done[op] > 100, "operation %u went through often (%lu)", op, done[op]);
	for (unsigned i = 0; i < PAGES; i++) {
		is_u64(host_epcm(EPA(FREE + i))->word >> 16, 0, "page %u is unlocked", i);
		ok(is_sane(EPA(FREE + i)), "page %u is sane", i);
	}
	is_u64(host_epcm(SECS_EPA)->word >> 16, 0, "the SECS is unlocked");
	is_u64(host_secs(SECS_EPA)->track_lock, 0, "the tracking resource is free");
}

/* One PENDING page, everybody accepts: exactly one is told so */
static void *accept_once(void *p)
{
	struct worker *w = p;
	const uint64_t info = BASE + OFF_DATA;

	for (unsigned i = 0; i < 500; i++) {
		struct sgxm_out out;

		pthread_barrier_wait(&barrier);
		if (w->id == 0)
			__atomic_store_n(&host_epcm(EPA(FREE))->word,
					 SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGXM_E_PENDING |
					 SGX_PT_REG << SGXM_E_PT_SHIFT, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&barrier);
		do {
			out = enclu(w, SGX_EACCEPT, info, BASE + OFF_FREE);
		} while (out.kind == SGXM_GP);
		if (out.kind == SGXM_DONE)
			w->done[0]++;
		else
			w->bad |= out.kind != SGXM_CODE || out.code != SGXC_PAGE_ATTRIBUTES_MISMATCH;
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void single_accept(void)
{
	static struct worker w[THREADS];
	unsigned long done = 0;
	bool bad = false;

	host_start(ATTR_TEST);
	host_eaug(OFF_FREE, EPA(FREE));
	user_secinfo(0, SGX_SECINFO_REG | 3 | SGX_SECINFO_PENDING);
	host_enter(&w[0].cpu, OFF_TCS);
	for (unsigned i = 1; i < THREADS; i++)
		w[i].cpu = w[0].cpu;
	run(accept_once, w);
	for (unsigned i = 0; i < THREADS; i++) {
		done += w[i].done[0];
		bad |= w[i].bad;
	}
	ok(!bad, "a page that another thread accepted answers 19");
	is_u64(done, 500, "a PENDING page is accepted once");
}

/* All want the same two TCSs; entries, exits and interrupts race with ETRACK and IPIs */
static void *enter_and_leave(void *p)
{
	struct worker *w = p;
	uint32_t seed = w->id + 5;
	static _Alignas(64) uint8_t xsave[THREADS][4096];
	const struct sgxm_event ev = { .exception = false };

	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct sgxm_regs r = { .rax = SGX_EENTER, .rcx = AEP,
				       .rbx = BASE + (rnd(&seed) & 1 ? OFF_TCS : OFF_TCS2) };
		uint64_t tcs = r.rbx;

		if (rnd(&seed) % 8 == 0)
			sgxm_etrack(&host.m, SECS_EPA);
		if (rnd(&seed) % 8 == 0)
			sgxm_ipi(&host.m, SECS_EPA);
		if (sgxm_enclu(&host.m, &w->cpu, &r, 3, NULL, 0).kind != SGXM_DONE) {
			w->refused[0]++;
			continue;
		}
		w->done[0]++;
		/* alone on this TCS: frame 0 is always the one, whoever was here before */
		w->bad |= r.rax != 0 || sgxm_threads_inside(&host.m, SECS_EPA) > 2;
		if (rnd(&seed) & 1) {
			sgxm_aex(&host.m, &w->cpu, &r, xsave[w->id], sizeof(xsave[0]), &ev);
			/* the TCS is free with CSSA 1 now; whoever is here first resumes it */
			r = (struct sgxm_regs){ .rax = SGX_ERESUME, .rbx = tcs, .rcx = AEP };
			while (sgxm_enclu(&host.m, &w->cpu, &r, 3, xsave[w->id],
					  sizeof(xsave[0])).kind != SGXM_DONE)
				;
		}
		r.rax = SGX_EEXIT;
		r.rbx = 0;
		sgxm_enclu(&host.m, &w->cpu, &r, 3, NULL, 0);
	}
	return NULL;
}

static void entries(void)
{
	static struct worker w[THREADS];
	unsigned long done = 0;
	bool bad = false;
	const struct sgx_arch_tcs *t;

	host_start(ATTR_TEST);
	/* NSSA 1: with CSSA 1 nobody but a resume gets in */
	((struct sgx_arch_tcs *)host_page(EPC_OF(OFF_TCS)))->nssa = 1;
	((struct sgx_arch_tcs *)host_page(EPC_OF(OFF_TCS2)))->nssa = 1;
	run(enter_and_leave, w);
	for (unsigned i = 0; i < THREADS; i++) {
		done += w[i].done[0];
		bad |= w[i].bad;
	}
	ok(!bad, "never two threads on one TCS");
	ok(done > THREADS * 100, "entries went through often (%lu)", done);
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 0, "everybody left, and was counted");
	t = (const void *)host_page(EPC_OF(OFF_TCS));
	ok(!t->state && !t->cssa, "the TCS is idle, no frame is left");
	is_u64(host_epcm(EPC_OF(OFF_TCS))->word >> 16, 0, "the TCS is unlocked");
	ok(sgxm_etrack(&host.m, SECS_EPA).kind == SGXM_DONE && sgxm_etrack(&host.m,
									   SECS_EPA).kind == SGXM_DONE,
	   "ETRACK finds nobody");
}

int main(void)
{
	pages();
	single_accept();
	entries();
	return tap_done();
}
