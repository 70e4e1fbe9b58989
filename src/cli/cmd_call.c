/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl call: one entry into an enclave, with one operation of the operation interface or with registers, or an
 * ERESUME of one that an exception stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "encl_ops.h"

#define MAX_DATA ((uint64_t)1 << 30)

enum value_index { V_ADDR, V_PAGES, V_FLAGS, V_VALUE, V_OPT, V_BYTES, V_MS, N_VALUES };
static const char *const value_names[N_VALUES] = { "addr", "pages", "flags", "value", "opt", "bytes", "ms" };

enum register_index { R_RDI, R_RSI, R_RDX, R_R8, R_R9, N_REGISTERS };
static const char *const register_names[N_REGISTERS] = { "rdi", "rsi", "rdx", "r8", "r9" };

struct call_register {
	bool has, in_mem;       /* in_mem: value is an offset in the memory */
	uint64_t value;
};

struct call_args {
	const char *name, *op, *src, *dst, *mem, *mem_out;
	bool list, absolute, raw, resume, has_tcs, has_mem_size, has_registers;
	uint64_t tcs, mem_size;
	bool has[N_VALUES];
	uint64_t value[N_VALUES];
	struct call_register reg[N_REGISTERS];
};

enum {
	KEY_VALUES = 0x100, KEY_REGISTERS = 0x180, KEY_LIST = 'l', KEY_SRC = 0x200, KEY_DST, KEY_TCS, KEY_RESUME,
	KEY_RAW, KEY_MEM, KEY_MEM_SIZE, KEY_MEM_OUT,
};
#define MEM_WORD "mem"

static const struct argp_option options[] = {
	{ "list", KEY_LIST, NULL, 0, "list the operations", 0 },
	{ "addr", KEY_VALUES + V_ADDR, "OFFSET", 0, "address argument, from the ELRANGE base", 1 },
	{ "absolute", KEY_ABSOLUTE, NULL, 0, "--addr is a linear address, not an offset", 1 },
	{ "pages", KEY_VALUES + V_PAGES, "N", 0, "pages of 4096 bytes", 1 },
	{ "bytes", KEY_VALUES + V_BYTES, "SIZE", 0, "bytes to copy", 1 },
	{ "flags", KEY_VALUES + V_FLAGS, "N", 0, "SECINFO.FLAGS or rights, as the operation wants", 1 },
	{ "value", KEY_VALUES + V_VALUE, "N", 0, "value argument", 1 },
	{ "opt", KEY_VALUES + V_OPT, "N", 0, "option bits: 1 downwards, 2 go on, 4 one source page", 1 },
	{ "src", KEY_SRC, "FILE", 0, "host memory that the operation reads", 1 },
	{ "dst", KEY_DST, "FILE", 0, "host memory that the operation writes", 1 },
	{ "ms", KEY_VALUES + V_MS, "N", 0,
	  "milliseconds after which a waiting operation is let go (never)", 1 },
	{ "tcs", KEY_TCS, "TCS", 0, "enter by this TCS: its offset, or its index below 4096 (a free one)", 2 },
	{ "resume", KEY_RESUME, NULL, 0, "ERESUME an entry that an exception stopped, instead of OP", 2 },
	{ "raw", KEY_RAW, NULL, 0, "enter with registers instead of OP; show those that come back", 3 },
	{ "rdi", KEY_REGISTERS + R_RDI, "N|mem[+OFFSET]", 0, "RDI at entry: a number, or an address in the memory", 3 },
	{ "rsi", KEY_REGISTERS + R_RSI, "N|mem[+OFFSET]", 0, "RSI", 3 },
	{ "rdx", KEY_REGISTERS + R_RDX, "N|mem[+OFFSET]", 0, "RDX", 3 },
	{ "r8", KEY_REGISTERS + R_R8, "N|mem[+OFFSET]", 0, "R8", 3 },
	{ "r9", KEY_REGISTERS + R_R9, "N|mem[+OFFSET]", 0, "R9", 3 },
	{ "mem", KEY_MEM, "FILE", 0, "what host memory for the enclave begins with", 3 },
	{ "mem-size", KEY_MEM_SIZE, "SIZE", 0, "how much of it there is (as long as the file)", 3 },
	{ "mem-out", KEY_MEM_OUT, "FILE", 0, "write it there afterwards", 3 },
	{ 0 }
};

/* Which options go together; NULL: these do. */
static const char *contradiction(const struct call_args *a)
{
	bool op_values = a->absolute || a->src;
	bool registers = a->has_registers || a->mem || a->has_mem_size;

	for (int i = 0; i < N_VALUES; i++)
		op_values |= a->has[i] && i != V_MS;
	if (a->list)
		return a->name ? "--list takes no enclave" : NULL;
	if (!a->name)
		return "NAME is missing";
	if ((a->raw || a->resume) && a->op)
		return "--raw and --resume take no OP";
	if (!a->raw && !a->resume && !a->op)
		return "OP is missing (or --raw, or --resume)";
	if (a->op && (registers || a->mem_out))
		return "registers and memory need --raw";
	if (!a->op && op_values)
		return "these options need an OP";
	if (a->resume && registers)
		return "--resume takes no registers and no new memory: the enclave goes on with its own";
	if (a->dst && (a->mem_out || a->raw))
		return "--dst is for operations, --mem-out for --raw";
	for (int i = 0; i < N_REGISTERS; i++)
		if (a->reg[i].in_mem && !a->mem && !a->has_mem_size)
			return "'mem' needs --mem or --mem-size";
	if (a->resume && a->mem_out && !a->raw)
		return "--mem-out needs --raw";
	if (a->raw && a->mem_out && !a->resume && !a->mem && !a->has_mem_size)
		return "--mem-out needs --mem or --mem-size";
	return NULL;
}

/* N, mem or mem+OFFSET */
static error_t parse_register(struct argp_state *state, int i, const char *arg, struct call_args *a)
{
	struct call_register *r = &a->reg[i];
	size_t n = sizeof(MEM_WORD) - 1;

	r->has = a->has_registers = true;
	r->in_mem = !strncmp(arg, MEM_WORD, n) && (!arg[n] || arg[n] == '+');
	if (!r->in_mem)
		return option_u64(state, register_names[i], arg, UINT64_MAX, &r->value);
	r->value = 0;
	return arg[n] ? option_size(state, register_names[i], arg + n + 1, MAX_DATA, &r->value) : 0;
}

static error_t parse_raw(int key, char *arg, struct argp_state *state)
{
	struct call_args *a = state->input;
	int i = key - KEY_REGISTERS;

	if (i >= 0 && i < N_REGISTERS)
		return parse_register(state, i, arg, a);
	switch (key) {
	case KEY_RAW:
		a->raw = true;
		return 0;
	case KEY_RESUME:
		a->resume = true;
		return 0;
	case KEY_TCS:
		a->has_tcs = true;
		return option_size(state, "tcs", arg, UINT64_MAX, &a->tcs);
	case KEY_MEM:
		a->mem = arg;
		return 0;
	case KEY_MEM_SIZE:
		a->has_mem_size = true;
		return option_size(state, "mem-size", arg, MAX_DATA, &a->mem_size);
	case KEY_MEM_OUT:
		a->mem_out = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t complete(struct call_args *a, struct argp_state *state)
{
	const char *wrong = contradiction(a);

	if (!wrong)
		return 0;
	argp_error(state, "%s", wrong);
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct call_args *a = state->input;
	int i = key - KEY_VALUES;

	if (i >= 0 && i < N_VALUES) {
		a->has[i] = true;
		if (i == V_BYTES || i == V_ADDR)
			return option_size(state, value_names[i], arg, UINT64_MAX, &a->value[i]);
		return option_u64(state, value_names[i], arg, UINT64_MAX, &a->value[i]);
	}
	switch (key) {
	case KEY_LIST:
		a->list = true;
		return 0;
	case KEY_ABSOLUTE:
		a->absolute = true;
		return 0;
	case KEY_SRC:
		a->src = arg;
		return 0;
	case KEY_DST:
		a->dst = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->name)
			return argument_name(state, arg, &a->name);
		if (a->op)
			return ARGP_ERR_UNKNOWN;
		a->op = arg;
		return 0;
	case ARGP_KEY_END:
		return complete(a, state);
	default:
		return parse_raw(key, arg, state);
	}
}

const struct argp cmd_call_argp = {
	.options = options, .parser = parse, .args_doc = "NAME OP\nNAME --raw\nNAME --resume\n--list", .children = output_children,
	.doc = "Enters an enclave once, with an operation of the operation interface or with registers.\vSee "
	       "sgxctl-call(1).",
};

static int list_operations(void)
{
	static const struct { const char *name, *arguments, *text; } ops[] = {
#define OP(number, symbol, op_name, args, does) { op_name, args, does },
		ENCL_OP_TABLE(OP)
#undef OP
	};
	struct json *doc = json_object(), *list;

	json_add_str(doc, "schema", "sgxctl.operations/1");
	json_add_bool(doc, "ok", true);
	list = json_add_arr(doc, "operations");
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct json *o = json_push_obj(list);

		json_add_int(o, "op", (int64_t)i);
		json_add_str(o, "name", ops[i].name);
		json_add_str(o, "arguments", ops[i].arguments);
		json_add_str(o, "text", ops[i].text);
	}
	return cli_reply(doc);
}

static void add_registers(const struct call_args *a, struct json *request)
{
	struct json *raw = json_add_obj(request, "raw"), *in_mem = json_add_obj(raw, "mem");

	if (a->has_mem_size)
		request_u64(raw, "mem_size", a->mem_size);
	for (int i = 0; i < N_REGISTERS; i++)
		if (a->reg[i].has)
			request_u64(a->reg[i].in_mem ? in_mem : raw, register_names[i], a->reg[i].value);
}

static int make_request(const struct call_args *a, struct json *request, struct err *e)
{
	struct json *args = json_add_obj(request, "args");

	if (a->op)
		json_add_str(request, "call", a->op);
	if (a->has_tcs)
		request_u64(request, "tcs", a->tcs);
	if (a->resume)
		json_add_bool(request, "resume", true);
	if (a->raw)
		add_registers(a, request);
	for (int i = 0; i < N_VALUES; i++) {
		uint64_t v = a->value[i];

		if (!a->has[i])
			continue;
		if (i == V_ADDR && a->absolute && address_to_offset(a->name, v, &v, e) < 0)
			return -1;
		request_u64(args, value_names[i], v);
	}
	return 0;
}

/*
 * Descriptor 0 of the message is what the enclave reads, 1 what it writes; without either the keeper reads
 * nothing and answers in the document.  A size that is not given is that of the file.
 */
static int open_data(struct call_args *a, int fds[2], size_t *ret_n, struct err *e)
{
	const char *in = a->raw ? a->mem : a->src;
	bool out = a->dst || a->mem_out;
	struct stat st;

	if (!in && !out)
		return 0;
	fds[0] = in ? open(in, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : memfd_create("sgxctl-src", MFD_CLOEXEC);
	if (fds[0] < 0 || fstat(fds[0], &st) < 0)
		return err_set(e, ERR_IO, errno, "cannot open '%s'", in ? in : "src");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, EINVAL, "'%s' is no regular file", in);
	if (a->src && !a->has[V_BYTES]) {
		a->has[V_BYTES] = true;
		a->value[V_BYTES] = (uint64_t)st.st_size;
	}
	*ret_n = 1;
	if (!out)
		return 0;
	fds[1] = memfd_create("sgxctl-dst", MFD_CLOEXEC);
	if (fds[1] < 0)
		return err_set(e, ERR_IO, errno, "cannot make a file for what the enclave writes");
	*ret_n = 2;
	return 0;
}

/* What the enclave wrote, to the user's file. */
static int keep_data(const struct call_args *a, int fd, struct err *e)
{
	CLEANUP(cleanup_free) char *data = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size > MAX_DATA)
		return err_set(e, ERR_PROTOCOL, 0, "the keeper wrote more than it may");
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for what the enclave wrote");
	if (lseek(fd, 0, SEEK_SET) < 0 || read_full(fd, data, (size_t)st.st_size) != (ssize_t)st.st_size)
		return err_set(e, ERR_IO, errno, "cannot read what the enclave wrote");
	return write_user_file(a->dst ? a->dst : a->mem_out, data, (size_t)st.st_size, e);
}

int cmd_call(int argc, char **argv)
{
	struct call_args a = { 0 };
	struct json *request, *reply = NULL;
	struct err e = { 0 };
	int fds[2] = { -1, -1 }, r;
	size_t n_fds = 0;

	if (cli_parse(&cmd_call_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (a.list)
		return list_operations();
	request = request_new("call");
	r = open_data(&a, fds, &n_fds, &e);
	if (r == 0)
		r = make_request(&a, request, &e);
	if (r < 0)
		json_free(request);
	else
		r = request_send(a.name, request, fds, n_fds, &reply, &e);
	/* memory is worth having after an exception, too */
	if (r == 0 && ((a.dst && cli_status(reply) == EXIT_DONE) || (a.mem_out && json_get(reply, "raw"))))
		r = keep_data(&a, fds[1], &e);
	cleanup_close(&fds[0]);
	cleanup_close(&fds[1]);
	if (r < 0) {
		json_free(reply);
		return cli_fail(&e);
	}
	return cli_reply(reply);
}
