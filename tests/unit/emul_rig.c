/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See emul_rig.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emul_rig.h"

static void die(const char *what, long r, const char *msg)
{
	printf("Bail out! %s: %ld %s\n", what, r, msg);
	exit(1);
}

static void add_run(struct rig *r, const struct plan_run *run)
{
	_Alignas(64) struct sgx_arch_secinfo si = { .flags = run->secinfo };
	size_t bytes = run->pages * SGX_PAGE_SIZE;
	uint8_t *buf = aligned_alloc(SGX_PAGE_SIZE, bytes);

	for (uint64_t i = 0; i < run->pages; i++)
		plan_run_page(run, i, buf + i * SGX_PAGE_SIZE);
	struct sgx_enclave_add_pages a = { .src = (uintptr_t)buf, .offset = run->off, .length = bytes,
					   .secinfo = (uintptr_t)&si, .flags = plan_run_measured(run) };
	long ret = emul_ioctl(r->fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a);

	if (ret || a.count != bytes)
		die("ADD_PAGES", ret, run->what);
	free(buf);
}

int rig_init(struct rig *r)
{
	struct sign_params sp;
	static struct sign_key *key;    /* making one takes a second */
	struct sgx_arch_sigstruct sig;
	struct err e = { 0 };
	char path[] = "/tmp/sgxctl-rig-XXXXXX", file[64];

	const char *kept = getenv("SGXCTL_TEST_KEY");    /* where many programs run, one made it */

	if (!key && kept && sign_key_user(kept, &key, &(bool){ 0 }, &e))
		die("key", 0, e.msg);
	if (!key) {
		if (!mkdtemp(path))
			die("mkdtemp", 0, "");
		snprintf(file, sizeof(file), "%s/key.pem", path);
		if (sign_key_user(file, &key, &(bool){ 0 }, &e))
			die("key", 0, e.msg);
		remove(file);
		remove(path);
	}
	sign_params_default(&sp, &r->plan);
	if (plan_measure(&r->plan, r->mrenclave, NULL, NULL, &e) || sigstruct_sign(&sp, r->mrenclave, key, &sig, &e))
		die("sign", 0, e.msg);
	struct sgx_enclave_init in = { .sigstruct = (uintptr_t)&sig };

	return (int)emul_ioctl(r->fd, SGX_IOC_ENCLAVE_INIT, &in);
}

int64_t rig_map(struct rig *r, uint64_t off, uint64_t pages, int prot)
{
	return emul_mmap(r->base + off, pages * SGX_PAGE_SIZE, prot, MAP_SHARED | MAP_FIXED, r->fd, 0);
}

void rig_build(struct rig *r, const char *image, bool init)
{
	rig_build_reserve(r, image, init, UINT64_MAX);
}

void rig_build_reserve(struct rig *r, const char *image, bool init, uint64_t reserve_bytes)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	const char *dir = getenv("SGXCTL_ENCLAVES");
	struct err e = { 0 };
	char path[4096];

	uint64_t xfrm = r->xfrm;

	opts.reserve_bytes = reserve_bytes;
	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "enclaves", image);
	if (image_open(path, &opts, &r->plan, &e))
		die(path, 0, e.msg);
	r->size = r->plan.size;
	int64_t p = emul_mmap(0, 2 * r->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p < 0)
		die("reserve", p, "");
	r->base = ((uint64_t)p + r->size - 1) & ~(r->size - 1);
	r->fd = emul_open(SGX_DEV_ENCLAVE, O_RDWR | O_CLOEXEC);
	if (r->fd < 0)
		die("open", r->fd, "");
	struct sgx_arch_secs secs = { .size = r->size, .baseaddr = r->base, .ssaframesize = r->plan.ssaframesize,
				      .miscselect = r->plan.miscselect, .attributes = r->plan.attributes };

	secs.attributes.flags |= SGX_ATTR_DEBUG;
	if (xfrm)
		secs.attributes.xfrm = xfrm;
	struct sgx_enclave_create c = { .src = (uintptr_t)&secs };
	long ret = emul_ioctl(r->fd, SGX_IOC_ENCLAVE_CREATE, &c);

	if (ret)
		die("CREATE", ret, "");
	for (size_t i = 0; i < r->plan.n_runs; i++)
		add_run(r, &r->plan.runs[i]);
	if (!init)
		return;
	ret = rig_init(r);
	if (ret)
		die("INIT", ret, "");
	for (size_t i = 0; i < r->plan.n_runs; i++) {
		const struct plan_run *run = &r->plan.runs[i];
		int prot = run->secinfo & SGX_SECINFO_RWX ? (int)(run->secinfo & SGX_SECINFO_RWX) : PROT_READ | PROT_WRITE;

		p = rig_map(r, run->off, run->pages, prot);
		if (p < 0)
			die("mmap", p, run->what);
	}
}

void rig_free(struct rig *r)
{
	emul_munmap(r->base, r->size);
	emul_close(r->fd);
	plan_release(&r->plan);
}

__asm__(".text; .globl rig_call; .type rig_call, @function; rig_call:"
	"push %rbp; mov %rsp, %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; push %rcx;"
	"push $0; push %rdi;"
	"mov %rcx, %rax; mov %rsi, %rdi; mov %edx, %ecx; xor %esi, %esi; xor %edx, %edx; xor %r8d, %r8d; xor %r9d, %r9d;"
	"test %rax, %rax; jz 1f; pushq (%rax); popfq;"
	"1: call emul_vdso_enter;"
	"pushfq; pop %rdx; push $0x202; popfq;"
	"add $16, %rsp; pop %rcx; test %rcx, %rcx; jz 2f; mov %rdx, (%rcx);"
	"2: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret;"
	".size rig_call, . - rig_call");

int rig_enter(struct rig *r, unsigned t, unsigned function, struct encl_op *op, struct sgx_enclave_run *run)
{
	memset(run, 0, sizeof(*run));
	run->tcs = r->base + r->plan.tcs[t];
	return rig_call(run, op, function, NULL);
}

uint64_t rig_op(struct rig *r, unsigned t, struct encl_op *op)
{
	struct sgx_enclave_run run;
	int ret = rig_enter(r, t, 2, op, &run);

	if (ret || run.function != 4) {
		printf("# op %llu: ret %d function %u vector %u error 0x%x addr 0x%llx\n", (unsigned long long)op->op, ret,
		       run.function, run.exception_vector, run.exception_error_code,
		       (unsigned long long)run.exception_addr - r->base);
		return ~(uint64_t)0;
	}
	return op->status;
}
