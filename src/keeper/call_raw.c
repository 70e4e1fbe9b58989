/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Raw entries, for enclaves that do not speak the operation interface: the argument registers of the vDSO function
 * in and out, and one buffer of the keeper's that registers can point into.
 *
 * Authority: Linux 6.1 <asm/sgx.h>, vdso_sgx_enter_enclave_t.
 */
#include <errno.h>
#include <sys/mman.h>

#include "arch/sgx_names.h"
#include "base/fd.h"
#include "keeper/call.h"

const char *const call_registers[N_CALL_REGISTERS] = { "rdi", "rsi", "rdx", "r8", "r9" };

static int too_big(uint64_t bytes, struct err *e)
{
	return err_set(e, ERR_TOO_BIG, EFBIG, "%llu bytes of memory are too many", (unsigned long long)bytes);
}

/* The buffer: mem_bytes, or as long as the client's file, which it begins with. */
static int get_mem(const struct request *r, struct call *c, struct err *e)
{
	uint64_t limit = KEEPER_MAX_COPY_PAGES * SGX_PAGE_SIZE, got = 0, map_bytes = 0;
	void *mem = NULL, *p;

	if (c->mem_bytes > limit)
		return too_big(c->mem_bytes, e);
	if (r->n_fds && request_contents(r, 0, c->mem_bytes ? c->mem_bytes : limit, &mem, &got, &map_bytes, e))
		return -1;
	c->mem = mem;
	c->src_map_bytes = map_bytes;
	if (!c->mem_bytes)
		c->mem_bytes = got;
	if (c->mem_bytes <= map_bytes)
		return 0;
	p = mem ? mremap(mem, map_bytes, c->mem_bytes, MREMAP_MAYMOVE) :
		  mmap(NULL, c->mem_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return err_set(e, ERR_NO_MEMORY, errno, "no memory for %llu bytes", (unsigned long long)c->mem_bytes);
	c->mem = p;
	c->src_map_bytes = c->mem_bytes;
	return 0;
}

static int get_registers(const struct json *raw, struct call *c, struct err *e)
{
	const struct json *in_mem = json_get(raw, "mem");

	for (int i = 0; i < N_CALL_REGISTERS; i++) {
		uint64_t off = 0;

		if (arg_u64(raw, call_registers[i], &c->reg[i], e))
			return -1;
		if (!json_get(in_mem, call_registers[i]))
			continue;
		if (arg_u64(in_mem, call_registers[i], &off, e))
			return -1;
		if (off >= c->mem_bytes)
			return err_set(e, ERR_USAGE, EINVAL, "%s is to point to byte %llu of a memory of %llu bytes",
				       call_registers[i], (unsigned long long)off, (unsigned long long)c->mem_bytes);
		c->reg[i] = (uint64_t)(uintptr_t)c->mem + off;
	}
	return 0;
}

int call_raw_parse(const struct request *r, struct call *c, struct err *e)
{
	const struct json *raw = json_get(r->body, "raw");

	c->raw = true;
	if (arg_u64(raw, "mem_size", &c->mem_bytes, e) || get_mem(r, c, e))
		return -1;
	return get_registers(raw, c, e);
}

int call_raw_enter(struct encl *en, struct call *c, struct encl_exit *x, struct err *e)
{
	struct sgx_enter_regs regs = {
		.rdi = c->reg[REG_RDI], .rsi = c->reg[REG_RSI], .rdx = c->reg[REG_RDX],
		.r8 = c->reg[REG_R8], .r9 = c->reg[REG_R9],
	};

	encl_enter_raw(en, c->t, c->resumed ? SGX_ERESUME : SGX_EENTER, &regs, x);
	c->reg[REG_RDI] = regs.rdi;
	c->reg[REG_RSI] = regs.rsi;
	c->reg[REG_RDX] = regs.rdx;
	c->reg[REG_R8] = regs.r8;
	c->reg[REG_R9] = regs.r9;
	if (x->ret)
		return err_set(e, ERR_ENTRY_REFUSED, -x->ret, "the vDSO refused the entry");
	return x->fault ? encl_fault_err(en, x, e) : 0;
}

/* struct sgx_enclave_run as the vDSO filled it. */
static void add_run(struct json *raw, const struct encl_exit *x)
{
	struct json *run = json_add_obj(raw, "run");

	json_add_int(run, "returned", x->ret);
	if (x->ret)
		return;
	json_add_str(run, "function", sgx_enclu_name(x->function));
	if (!x->fault)
		return;
	json_add_size(run, "vector", x->vector);
	json_add_hex(run, "error_code", x->errcd);
	json_add_hex(run, "address", x->addr);
}

/* Those that the enclave left in; after an exception the vDSO function has its own values in them. */
static void add_registers(struct json *raw, const struct call *c)
{
	struct json *o = json_add_obj(raw, "registers");

	for (int i = 0; i < N_CALL_REGISTERS; i++)
		json_add_hex(o, call_registers[i], c->reg[i]);
}

int call_raw_memory(const struct request *r, const struct call *c, struct err *e)
{
	if (r->n_fds > 1 && write_full(r->fds[1], c->mem, c->mem_bytes))
		return err_set(e, ERR_IO, errno, "the memory cannot be written to the file");
	return 0;
}

void call_raw_answer(const struct call *c, const struct encl_exit *x, struct json *doc)
{
	struct json *raw = json_add_obj(doc, "raw"), *o;

	json_add_str(raw, "leaf", sgx_enclu_name(c->resumed ? SGX_ERESUME : SGX_EENTER));
	add_run(raw, x);
	if (!x->ret && !x->fault)
		add_registers(raw, c);
	if (!c->mem_bytes)
		return;
	o = json_add_obj(raw, "mem");
	json_add_hex(o, "address", (uint64_t)(uintptr_t)c->mem);
	json_add_size(o, "bytes", c->mem_bytes);
}
