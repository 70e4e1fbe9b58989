/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test host of the CPU model. */
#include "machine_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/emul_crypto.h"
#include "machine/epcm.h"
#include "machine_sign.h"

struct host host;

static void need(bool done, const char *what)
{
	if (done)
		return;
	printf("Bail out! the test host cannot %s\n", what);
	exit(1);
}

/* ---- callbacks ---- */

static struct sgxm_epcm *cb_epcm(void *p, uint64_t epa)
{
	struct host *h = p;

	return epa - EPC_BASE < EPC_PAGES * 4096ull ? &h->epcm[(epa - EPC_BASE) / 4096] : NULL;
}

static uint8_t *cb_page(void *p, uint64_t epa)
{
	struct host *h = p;

	need(epa - EPC_BASE < EPC_PAGES * 4096ull && epa % 4096 == 0, "give a page outside the EPC");
	if (h->on_page)
		h->on_page(h, epa);
	return h->epc[(epa - EPC_BASE) / 4096];
}

static struct sgxm_owner cb_owner(void *p, uint64_t epa)
{
	struct host *h = p;
	const struct sgxm_owner *o;

	need(epa - EPC_BASE < EPC_PAGES * 4096ull, "tell the owner of a page outside the EPC");
	o = &h->owner[(epa - EPC_BASE) / 4096];
	return (struct sgxm_owner){ __atomic_load_n(&o->la, __ATOMIC_RELAXED),
				    __atomic_load_n(&o->secs_epa, __ATOMIC_RELAXED) };
}

static void cb_set_owner(void *p, uint64_t epa, struct sgxm_owner owner)
{
	struct host *h = p;
	struct sgxm_owner *o = &h->owner[(epa - EPC_BASE) / 4096];

	need(epa - EPC_BASE < EPC_PAGES * 4096ull && epa % 4096 == 0, "own a page outside the EPC");
	need(__atomic_load_n(&h->epcm[(epa - EPC_BASE) / 4096].word, __ATOMIC_RELAXED) == EPCM_EXCLUSIVE,
	     "change the owner of a page that is not free and held");
	__atomic_store_n(&o->la, owner.la, __ATOMIC_RELAXED);
	__atomic_store_n(&o->secs_epa, owner.secs_epa, __ATOMIC_RELAXED);
}

static void cb_zero(void *p, uint64_t epa)
{
	memset(cb_page(p, epa), 0, 4096);
}

static bool in_mem(uint64_t addr, size_t bytes)
{
	return addr >= MEM_BASE && addr - MEM_BASE <= MEM_BYTES - bytes;
}

static int cb_read(void *p, uint64_t addr, void *dst, size_t bytes)
{
	struct host *h = p;

	if (!in_mem(addr, bytes))
		return -1;
	memcpy(dst, h->mem + (addr - MEM_BASE), bytes);
	return 0;
}

static int cb_write(void *p, uint64_t addr, const void *src, size_t bytes)
{
	struct host *h = p;

	if (!in_mem(addr, bytes))
		return -1;
	memcpy(h->mem + (addr - MEM_BASE), src, bytes);
	return 0;
}

static enum sgxm_walk cb_walk(void *p, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
			      uint64_t *ret_epa, uint32_t *ret_pfec)
{
	static const uint32_t fec[] = {
		[SGXM_READ] = 0, [SGXM_WRITE] = SGX_PFEC_W, [SGXM_FETCH] = SGX_PFEC_I,
	};
	static const unsigned right[] = {
		[SGXM_READ] = SGX_SECINFO_R, [SGXM_WRITE] = SGX_SECINFO_W, [SGXM_FETCH] = SGX_SECINFO_X,
	};
	const struct host_pte *pte = host_pte(la);

	(void)p;
	(void)cpu;
	if (!pte || !(pte->rwx & right[access])) {
		*ret_pfec = SGX_PFEC_U | fec[access] | (pte ? SGX_PFEC_P : 0);
		return SGXM_WALK_PF;
	}
	if (!pte->epa)
		return SGXM_WALK_MEM;
	*ret_epa = pte->epa;
	return SGXM_WALK_EPC;
}

static uint64_t cb_new_eid(void *p)
{
	struct host *h = p;

	return ++h->next_eid;
}

static const struct sgxm_ops ops = {
	.epcm = cb_epcm,
	.page = cb_page,
	.owner = cb_owner,
	.set_owner = cb_set_owner,
	.zero = cb_zero,
	.read = cb_read,
	.write = cb_write,
	.walk = cb_walk,
	.new_eid = cb_new_eid,
	.sha256_init = emul_sha256_init,
	.sha256_update = emul_sha256_update,
	.sha256_final = emul_sha256_final,
	.rsa3072 = emul_rsa3072,
	.cmac = emul_cmac,
	.gcm_seal = emul_gcm_seal,
	.gcm_open = emul_gcm_open,
};

/* ---- memory ---- */

void host_reset(void)
{
	memset(&host, 0, sizeof(host));
	/* the content of free EPC pages is nobody's business: make it garbage */
	memset(host.epc, 0xa5, sizeof(host.epc));
	host.platform = (struct sgxm_platform){
		.sgx2 = true,
		.miscselect = SGX_MISC_EXINFO,
		.max_size_log2_64 = 36,
		.max_size_log2_32 = 31,
		.attributes = SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_PROVISIONKEY |
			      SGX_ATTR_EINITTOKENKEY | SGX_ATTR_KSS,
		.xfrm = 0x207,
		.xsave[2] = { 576, 256 },
		.xsave[9] = { 832, 8 },
		.mxcsr_mask = 0xffff,
		.cpusvn = { 2, 2 },
		.root_key = "a root key",
		.owner_epoch = { 7 },
		.report_keyid = { 9 },
	};
	host.m = (struct sgxm){ .ops = &ops, .host = &host, .platform = &host.platform };
}

void *host_mem(uint64_t addr)
{
	need(in_mem(addr, 1), "find its memory");
	return host.mem + (addr - MEM_BASE);
}

uint8_t *host_page(uint64_t epa) { return host.epc[(epa - EPC_BASE) / 4096]; }
struct sgxm_epcm *host_epcm(uint64_t epa) { return &host.epcm[(epa - EPC_BASE) / 4096]; }
struct sgxm_owner *host_owner(uint64_t epa) { return &host.owner[(epa - EPC_BASE) / 4096]; }
struct sgxm_secs *host_secs(uint64_t epa) { return (void *)host_page(epa); }

void host_pageinfo(uint64_t linaddr, uint64_t srcpge, uint64_t secinfo, uint64_t secs)
{
	struct sgx_pageinfo info = { .linaddr = linaddr, .srcpge = srcpge, .secinfo = secinfo, .secs = secs };

	memcpy(host_mem(MEM_PAGEINFO), &info, sizeof(info));
}

void host_secinfo(uint64_t flags)
{
	struct sgx_arch_secinfo s = { .flags = flags };

	memcpy(host_mem(MEM_SECINFO), &s, sizeof(s));
}

struct host_pte *host_pte(uint64_t la)
{
	for (unsigned i = 0; i < host.n_pte; i++) {
		if (host.pte[i].la == (la & ~0xfffull))
			return &host.pte[i];
	}
	return NULL;
}

void host_map(uint64_t la, uint64_t epa, unsigned rwx)
{
	struct host_pte *pte = host_pte(la);

	if (!pte) {
		need(host.n_pte < EPC_PAGES, "map another page");
		pte = &host.pte[host.n_pte++];
	}
	*pte = (struct host_pte){ la, epa, rwx };
}

void host_unmap(uint64_t la)
{
	struct host_pte *pte = host_pte(la);

	need(pte, "unmap what is not mapped");
	*pte = host.pte[--host.n_pte];
}

void host_lock_exclusive(uint64_t epa) { host_epcm(epa)->word |= EPCM_EXCLUSIVE; }
void host_lock_sgx2(uint64_t epa) { host_epcm(epa)->word |= EPCM_SGX2; }
void host_lock_shared(uint64_t epa) { host_epcm(epa)->word += EPCM_SHARE_ONE; }

/* ---- ENCLS ---- */

struct sgx_arch_secs *host_secs_source(uint64_t attributes)
{
	struct sgx_arch_secs *s = host_mem(MEM_SRC);

	memset(s, 0, sizeof(*s));
	s->size = SIZE;
	s->baseaddr = BASE;
	s->ssaframesize = 1;
	s->miscselect = SGX_MISC_EXINFO;
	s->attributes.flags = attributes;
	s->attributes.xfrm = 7;
	host_secinfo(0);
	host_pageinfo(0, MEM_SRC, MEM_SECINFO, 0);
	return s;
}

struct sgxm_out host_eadd(uint64_t off, uint64_t flags, uint64_t epa)
{
	host_secinfo(flags);
	host_pageinfo(BASE + off, MEM_SRC, MEM_SECINFO, SECS_EPA);
	return sgxm_eadd_measured(&host.m, MEM_PAGEINFO, epa, true);
}

struct sgxm_out host_eaug(uint64_t off, uint64_t epa)
{
	host_pageinfo(BASE + off, 0, 0, SECS_EPA);
	host_map(BASE + off, epa, SGX_SECINFO_RWX);
	return sgxm_eaug(&host.m, MEM_PAGEINFO, epa);
}

struct sgxm_out host_emodpr(uint64_t epa, uint64_t flags)
{
	host_secinfo(flags);
	return sgxm_emodpr(&host.m, MEM_SECINFO, epa);
}

struct sgxm_out host_emodt(uint64_t epa, unsigned pt)
{
	host_secinfo(SGX_SECINFO_PT(pt));
	return sgxm_emodt(&host.m, MEM_SECINFO, epa);
}

struct sgx_arch_sigstruct *host_sigstruct(uint64_t secs_epa, unsigned key)
{
	const struct sgxm_secs *s = host_secs(secs_epa);
	struct sgx_arch_sigstruct *sig = host_mem(MEM_SIGSTRUCT);
	uint8_t digest[32];

	emul_sha256_final(NULL, &s->sha, digest);
	sign_prepare(sig, digest);
	sig->attributes = s->a.attributes;
	sig->attributemask = (struct sgx_attributes){ ~0ull & ~SGX_ATTR_DEBUG, ~0ull };
	sig->miscselect = s->a.miscselect;
	sig->miscmask = ~0u;
	sig->isvprodid = 5;
	sig->isvsvn = 3;
	sign_sigstruct(sig, key);
	memset(host_mem(MEM_TOKEN), 0, sizeof(struct sgx_einittoken));
	return sig;
}

void host_resign(unsigned key)
{
	sign_sigstruct(host_mem(MEM_SIGSTRUCT), key);
}

void host_trust(unsigned key)
{
	sign_mrsigner(key, host.m.lepubkeyhash);
}

struct sgxm_out host_einit(uint64_t secs_epa)
{
	return sgxm_einit(&host.m, MEM_SIGSTRUCT, secs_epa, MEM_TOKEN);
}

/* ---- the test enclave ---- */

void host_create(uint64_t attributes)
{
	host_reset();
	host_secs_source(attributes);
	need(sgxm_ecreate(&host.m, MEM_PAGEINFO, SECS_EPA).kind == SGXM_DONE, "create its enclave");
}

static void add(uint64_t off, uint64_t flags)
{
	need(host_eadd(off, flags, EPC_OF(off)).kind == SGXM_DONE, "add a page");
	host_map(BASE + off, EPC_OF(off), SGX_SECINFO_RWX);
}

static void add_tcs(uint64_t off, uint64_t ossa)
{
	struct sgx_arch_tcs *t = host_mem(MEM_SRC);

	memset(t, 0, sizeof(*t));
	t->ossa = ossa;
	t->nssa = 2;
	t->oentry = OENTRY;
	t->ofsbase = OFF_DATA;
	t->ogsbase = OFF_DATA;
	t->fslimit = t->gslimit = 0xfff;
	add(off, SGX_SECINFO_TCS);
	memset(t, 0, sizeof(*t));
}

void host_build(uint64_t attributes)
{
	const uint64_t rw = SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W;

	host_create(attributes);
	add_tcs(OFF_TCS, OFF_SSA);
	add(OFF_CODE, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X);
	add(OFF_SSA, rw);
	add(OFF_SSA + 0x1000, rw);
	add(OFF_DATA, rw);
	add_tcs(OFF_TCS2, OFF_SSA2);
	add(OFF_SSA2, rw);
	add(OFF_SSA2 + 0x1000, rw);
	add(OFF_RO, SGX_SECINFO_REG | SGX_SECINFO_R);
	add(OFF_XO, SGX_SECINFO_REG | SGX_SECINFO_X);
}

void host_start(uint64_t attributes)
{
	host_build(attributes);
	host_sigstruct(SECS_EPA, 0);
	host_trust(0);
	need(host_einit(SECS_EPA).kind == SGXM_DONE, "initialise its enclave");
}

void host_start_other(void)
{
	struct sgx_arch_secs *s = host_secs_source(ATTR_TEST);

	s->baseaddr = BASE + SIZE;
	need(sgxm_ecreate(&host.m, MEM_PAGEINFO, EPA(OTHER)).kind == SGXM_DONE, "create another enclave");
	host_secinfo(SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W);
	host_pageinfo(BASE + SIZE, MEM_SRC, MEM_SECINFO, EPA(OTHER));
	need(sgxm_eadd(&host.m, MEM_PAGEINFO, EPA(OTHER + 1)).kind == SGXM_DONE, "add another page");
	host_sigstruct(EPA(OTHER), 0);
	host_trust(0);
	need(host_einit(EPA(OTHER)).kind == SGXM_DONE, "initialise another enclave");
}

/* ---- ENCLU ---- */

void host_enter(struct sgxm_cpu *cpu, uint32_t tcs_off)
{
	struct sgxm_regs r = { .rax = SGX_EENTER, .rbx = BASE + tcs_off, .rcx = AEP, .rip = USER_RIP,
			       .rsp = 0x7ff000, .rbp = 0x7ff100, .rflags = 0x202,
			       .fsbase = 0xf5000, .gsbase = 0x65000 };

	need(sgxm_enclu(&host.m, cpu, &r, 3, NULL, 0).kind == SGXM_DONE, "enter its enclave");
}

void host_exit(struct sgxm_cpu *cpu)
{
	struct sgxm_regs r = { .rax = SGX_EEXIT, .rbx = USER_RIP, .rip = BASE + OENTRY, .rflags = 0x202 };

	need(sgxm_enclu(&host.m, cpu, &r, 3, NULL, 0).kind == SGXM_DONE, "leave its enclave");
}

void host_interrupt(struct sgxm_cpu *cpu)
{
	struct sgxm_regs r = { .rip = BASE + OENTRY, .rflags = 0x202 };
	const struct sgxm_event ev = { .exception = false };

	sgxm_aex(&host.m, cpu, &r, host.xsave, sizeof(host.xsave), &ev);
}

struct sgxm_out host_enclu(unsigned leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
	struct sgxm_regs r = { .rax = leaf, .rbx = rbx, .rcx = rcx, .rdx = rdx, .rip = BASE + OENTRY,
			       .rflags = 0x202 };

	return sgxm_enclu(&host.m, &host.cpu, &r, 3, host.xsave, sizeof(host.xsave));
}

void host_user_secinfo(uint64_t flags)
{
	struct sgx_arch_secinfo s = { .flags = flags };

	memcpy(host_page(EPC_OF(OFF_DATA)), &s, sizeof(s));
}

struct sgxm_out host_eaccept(uint64_t off, uint64_t flags)
{
	host_user_secinfo(flags);
	return host_enclu(SGX_EACCEPT, BASE + OFF_DATA, BASE + off, 0);
}
