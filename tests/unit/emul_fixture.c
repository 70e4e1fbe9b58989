/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See emul_fixture.h. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emul_fixture.h"

void fx_bail(const char *what, long r)
{
	printf("Bail out! %s: %ld\n", what, r);
	fflush(stdout);
	_exit(99);
}

void fx_open(struct fx *f, uint64_t size, uint64_t attributes)
{
	memset(f, 0, sizeof(*f));
	f->fd = emul_open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC);
	f->size = size;
	f->base = tiny_reserve(size);
	if (f->fd < 0 || !f->base)
		fx_bail("open", f->fd);
	tiny_secs(&f->secs, f->base, size, attributes);
}

long fx_create(struct fx *f)
{
	struct sgx_enclave_create a = { .src = (uintptr_t)&f->secs };

	tiny_measure_begin(&f->sha, &f->secs);
	return emul_ioctl(f->fd, SGX_IOC_ENCLAVE_CREATE, &a);
}

long fx_add(struct fx *f, uint64_t off, uint64_t bytes, uint64_t secinfo, uint8_t fill, uint64_t *ret_count)
{
	void *src = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long r;

	memset(src, fill, bytes);
	f->secinfo = (struct sgx_arch_secinfo){ .flags = secinfo };
	struct sgx_enclave_add_pages a = { .src = (uintptr_t)src, .offset = off, .length = bytes,
					   .secinfo = (uintptr_t)&f->secinfo, .flags = SGX_PAGE_MEASURE,
					   .count = ~0ull };
	r = emul_ioctl(f->fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a);
	for (uint64_t i = 0; a.count != ~0ull && i < a.count; i += 4096)
		tiny_measure_page(&f->sha, off + i, secinfo, src, true);
	munmap(src, bytes);
	if (ret_count)
		*ret_count = a.count;
	return r;
}

long fx_init(struct fx *f)
{
	struct sgx_arch_sigstruct sig;
	struct sgx_enclave_init a = { .sigstruct = (uintptr_t)&sig };
	uint8_t mr[32];

	tiny_measure_end(&f->sha, mr);
	tiny_sign(mr, &sig);
	return emul_ioctl(f->fd, SGX_IOC_ENCLAVE_INIT, &a);
}

void fx_build(struct fx *f, uint64_t attributes)
{
	long r;

	fx_open(f, FX_SIZE, attributes);
	r = fx_create(f);
	if (!r)
		r = fx_add(f, 0, 0x1000, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W, 0xa0, NULL);
	if (!r)
		r = fx_add(f, 0x1000, 0x1000, SGX_SECINFO_TCS, 0, NULL);
	if (!r)
		r = fx_add(f, 0x2000, 0x1000, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X, 0xa2, NULL);
	if (!r)
		r = fx_add(f, 0x3000, 0x1000, SGX_SECINFO_REG | SGX_SECINFO_R, 0xa3, NULL);
	if (!r)
		r = fx_add(f, 0x4000, 0x4000, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W, 0xa4, NULL);
	if (!r)
		r = fx_init(f);
	if (r)
		fx_bail("build", r);
}

void fx_close(struct fx *f)
{
	emul_close(f->fd);
	emul_munmap(f->base, f->size);
}

long fx_augment(struct fx *f, uint64_t off, uint64_t bytes, uint64_t *ret_count)
{
	struct sgx_enclave_augment_pages a = { .offset = off, .length = bytes, .count = ~0ull };
	long r = emul_ioctl(f->fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a);

	*ret_count = a.count;
	return r;
}

long fx_modify(struct fx *f, uint64_t off, uint64_t bytes, uint64_t type, uint64_t *ret_count, uint64_t *ret_code)
{
	struct sgx_enclave_modify_types a = { .offset = off, .length = bytes, .page_type = type };
	long r = emul_ioctl(f->fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &a);

	*ret_count = a.count;
	*ret_code = a.result;
	return r;
}

long fx_restrict(struct fx *f, uint64_t off, uint64_t bytes, uint64_t perm, uint64_t *ret_count,
		 uint64_t *ret_code)
{
	struct sgx_enclave_restrict_permissions a = { .offset = off, .length = bytes, .permissions = perm };
	long r = emul_ioctl(f->fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &a);

	*ret_count = a.count;
	*ret_code = a.result;
	return r;
}

long fx_remove(struct fx *f, uint64_t off, uint64_t bytes, uint64_t *ret_count)
{
	struct sgx_enclave_remove_pages a = { .offset = off, .length = bytes };
	long r = emul_ioctl(f->fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &a);

	*ret_count = a.count;
	return r;
}

/* Page tables that map all of ELRANGE: what the leaf itself says is what counts here. */
static enum sgxm_walk walk_all(void *host, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
			       uint64_t *ret_epa, uint32_t *ret_pfec)
{
	struct emul_encl *en = host;

	(void)cpu, (void)access, (void)ret_pfec;
	*ret_epa = EMUL_EPA_PAGES + (la - en->sh->base);
	return SGXM_WALK_EPC;
}

static int enclu(struct fx *f, struct sgxm_regs *regs, uint64_t flags,
		 struct sgxm_out (*leaf)(struct sgxm *, struct sgxm_cpu *, struct sgxm_regs *))
{
	struct emul_encl *en = emul_encl_by_fd(f->fd);
	struct sgxm_ops ops = emul_machine_ops;
	struct sgxm m = en->machine;
	struct sgxm_cpu cpu = { .secs_epa = EMUL_EPA_SECS, .elrange_base = f->base, .elrange_size = f->size };
	struct sgx_arch_secinfo si = { .flags = flags };
	struct sgxm_out out;

	ops.walk = walk_all;
	m.ops = &ops;
	memcpy(en->alias, &si, sizeof(si));     /* page 0 is the enclave's scratch page */
	regs->rbx = f->base;
	out = leaf(&m, &cpu, regs);
	return out.kind == SGXM_DONE ? 0 : out.kind == SGXM_CODE ? (int)out.code : -1;
}

int fx_eaccept(struct fx *f, uint64_t off, uint64_t flags)
{
	struct sgxm_regs regs = { .rcx = f->base + off };

	return enclu(f, &regs, flags, sgxm_eaccept);
}

int fx_eacceptcopy(struct fx *f, uint64_t off, uint64_t flags, uint64_t from)
{
	struct sgxm_regs regs = { .rcx = f->base + off, .rdx = f->base + from };

	return enclu(f, &regs, flags, sgxm_eacceptcopy);
}

uint64_t fx_epc_used(struct fx *f)
{
	struct emul_get_counters c = { 0 };

	if (emul_ioctl(f->fd, EMUL_IOC_GET_COUNTERS, &c))
		return ~0ull;
	return c.epc_used;
}

struct sgxm_epcm_view fx_epcm(struct fx *f, uint64_t off)
{
	return sgxm_epcm_get(&emul_encl_by_fd(f->fd)->machine, EMUL_EPA_PAGES + off);
}

uint8_t *fx_guarded(void)
{
	uint8_t *p = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + 0x1000, 0x1000, PROT_NONE))
		fx_bail("mmap", 0);
	return p;
}
