/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --trace: what the program does with the device, one JSON object per line, and --summary: how often.
 *
 * Each line is one write() to a file opened for appending, so the processes of a tree share it.  The counts are in
 * a file in memory that the tree inherits; the process that `sgxctl run` became prints them when it exits.
 *
 * Context: also signal handlers and EENTER without a trap: no libc beyond memory functions.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include "base/err.h"
#include "emul/raw.h"
#include "shim/line.h"
#include "shim/shim.h"
#include "shim/trace.h"

#define TRACE_FD_MIN 300

bool shim_traced;

static int trace_fd = -1;

/* ---- counts ---------------------------------------------------------------------------------------------- */

static const char *const row_names[] = {
#define ROW(symbol, name) name,
	SHIM_ROWS
#undef ROW
};
enum row {
#define ROW(symbol, name) ROW_##symbol,
	SHIM_ROWS
#undef ROW
	N_ROWS
};

struct counts {
	_Atomic uint64_t calls[N_ROWS], errors[N_ROWS];
};
static struct counts *counts;

static void count(enum row row, bool failed)
{
	if (!counts)
		return;
	atomic_fetch_add_explicit(&counts->calls[row], 1, memory_order_relaxed);
	if (failed)
		atomic_fetch_add_explicit(&counts->errors[row], 1, memory_order_relaxed);
}

/* ---- lines ------------------------------------------------------------------------------------------------ */

static void line_begin(struct line *l, const char *event)
{
	struct timespec ts = { 0 };

	raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
	l->n = 0;
	put_str(l, "{\"event\":\"");
	put_str(l, event);
	put_char(l, '"');
	put_int(l, "ns", (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
	put_int(l, "pid", raw_getpid());
	put_int(l, "tid", raw_gettid());
}

/* A full line is one write; a line that did not fit would be no JSON, and none is that long. */
static void line_end(struct line *l)
{
	put_str(l, "}\n");
	raw3(SYS_write, trace_fd, l->buf, l->n);
}

static void put_result(struct line *l, int64_t r)
{
	put_int(l, "result", r < 0 ? -1 : r);
	if (r < 0) {
		const char *name = errno_name((int)-r);

		if (name)
			put_text(l, "errno", name);
		else
			put_int(l, "errno", -r);
	}
}

/* ---- the driver's calls ------------------------------------------------------------------------------------ */

void shim_trace_open(const char *path, int result)
{
	struct line l;

	count(ROW_OPEN, result < 0);
	if (trace_fd < 0)
		return;
	line_begin(&l, "open");
	put_text(&l, "path", path);
	put_result(&l, result);
	line_end(&l);
}

void shim_trace_map(const char *call, uint64_t la, uint64_t bytes, int prot, int64_t result)
{
	struct line l;

	count(call[1] == 'm' ? ROW_MMAP : call[1] == 'u' ? ROW_MUNMAP : ROW_MPROTECT, result < 0);
	if (trace_fd < 0)
		return;
	line_begin(&l, call);
	put_hex(&l, "address", la);
	put_int(&l, "length", (int64_t)bytes);
	if (call[1] != 'u') {
		char rights[] = { prot & PROT_READ ? 'r' : '-', prot & PROT_WRITE ? 'w' : '-',
				  prot & PROT_EXEC ? 'x' : '-', '\0' };

		put_text(&l, "prot", rights);
	}
	put_result(&l, result);
	line_end(&l);
}

union arguments {
	struct sgx_enclave_create create;
	struct sgx_enclave_add_pages add_pages;
	struct sgx_enclave_init init;
	struct sgx_enclave_provision provision;
	struct sgx_enclave_restrict_permissions restrict_permissions;
	struct sgx_enclave_modify_types modify_types;
	struct sgx_enclave_remove_pages remove_pages;
	struct sgx_enclave_augment_pages augment_pages;
};

/* The driver refuses some calls before it looks at the pointer, which may be anything then. */
static bool copy_arguments(uint32_t cmd, const void *arg, union arguments *ret)
{
	size_t bytes = _IOC_SIZE(cmd);
	struct iovec here = { ret, bytes }, there = { (void *)(uintptr_t)arg, bytes };

	return bytes <= sizeof(*ret) &&
	       raw6(SYS_process_vm_readv, raw_getpid(), &here, 1, &there, 1, 0) == (long)bytes;
}

static void put_arguments(struct line *l, uint32_t cmd, const void *arg)
{
	const struct sgx_enclave_add_pages *add = arg;
	const struct sgx_enclave_restrict_permissions *restrict_ = arg;
	const struct sgx_enclave_modify_types *modify = arg;
	const struct sgx_enclave_remove_pages *remove = arg;
	const struct sgx_enclave_augment_pages *augment = arg;

	switch (cmd) {
	case SGX_IOC_ENCLAVE_CREATE:
		put_hex(l, "secs", ((const struct sgx_enclave_create *)arg)->src);
		break;
	case SGX_IOC_ENCLAVE_ADD_PAGES:
		put_hex(l, "src", add->src);
		put_hex(l, "offset", add->offset);
		put_hex(l, "length", add->length);
		put_hex(l, "secinfo", add->secinfo);
		put_int(l, "flags", (int64_t)add->flags);
		put_hex(l, "count", add->count);
		break;
	case SGX_IOC_ENCLAVE_INIT:
		put_hex(l, "sigstruct", ((const struct sgx_enclave_init *)arg)->sigstruct);
		break;
	case SGX_IOC_ENCLAVE_PROVISION:
		put_int(l, "fd", (int64_t)(int32_t)((const struct sgx_enclave_provision *)arg)->fd);
		break;
	case SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS:
		put_hex(l, "offset", restrict_->offset);
		put_hex(l, "length", restrict_->length);
		put_hex(l, "permissions", restrict_->permissions);
		put_hex(l, "code", restrict_->result);
		put_hex(l, "count", restrict_->count);
		break;
	case SGX_IOC_ENCLAVE_MODIFY_TYPES:
		put_hex(l, "offset", modify->offset);
		put_hex(l, "length", modify->length);
		put_hex(l, "type", modify->page_type);
		put_hex(l, "code", modify->result);
		put_hex(l, "count", modify->count);
		break;
	case SGX_IOC_ENCLAVE_REMOVE_PAGES:
		put_hex(l, "offset", remove->offset);
		put_hex(l, "length", remove->length);
		put_hex(l, "count", remove->count);
		break;
	case SGX_IOC_ENCLAVE_AUGMENT_PAGES:
		put_hex(l, "offset", augment->offset);
		put_hex(l, "length", augment->length);
		put_hex(l, "count", augment->count);
		break;
	default:
		break;
	}
}

static enum row row_of_ioctl(uint32_t cmd)
{
	switch (cmd) {
	case SGX_IOC_ENCLAVE_CREATE: return ROW_CREATE;
	case SGX_IOC_ENCLAVE_ADD_PAGES: return ROW_ADD_PAGES;
	case SGX_IOC_ENCLAVE_INIT: return ROW_INIT;
	case SGX_IOC_ENCLAVE_PROVISION: return ROW_PROVISION;
	case SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS: return ROW_RESTRICT;
	case SGX_IOC_ENCLAVE_MODIFY_TYPES: return ROW_MODIFY;
	case SGX_IOC_ENCLAVE_REMOVE_PAGES: return ROW_REMOVE;
	case SGX_IOC_ENCLAVE_AUGMENT_PAGES: return ROW_AUGMENT;
	default: return ROW_OTHER;
	}
}

void shim_trace_ioctl(int fd, unsigned long cmd, const void *arg, long result)
{
	enum row row = row_of_ioctl((uint32_t)cmd);
	union arguments copy;
	struct line l;

	count(row, result != 0);
	if (trace_fd < 0)
		return;
	line_begin(&l, "ioctl");
	put_int(&l, "fd", fd);
	if (row == ROW_OTHER)
		put_hex(&l, "command", (uint32_t)cmd);
	else
		put_text(&l, "command", row_names[row]);
	if (copy_arguments((uint32_t)cmd, arg, &copy))
		put_arguments(&l, (uint32_t)cmd, &copy);
	put_result(&l, result);
	line_end(&l);
}

/* ---- the CPU's events ---------------------------------------------------------------------------------------- */

static enum row row_of_leaf(uint32_t leaf)
{
	static const enum row rows[] = {
		ROW_EREPORT, ROW_EGETKEY, ROW_EENTER, ROW_ERESUME, ROW_EEXIT, ROW_EACCEPT, ROW_EMODPE,
		ROW_EACCEPTCOPY, ROW_OTHER_LEAF, ROW_EDECCSSA,
	};

	return leaf < sizeof(rows) / sizeof(rows[0]) ? rows[leaf] : ROW_OTHER_LEAF;
}

static void on_event(const struct emul_event *ev)
{
	bool aex = ev->kind == EMUL_EVENT_AEX, refused = ev->kind == EMUL_EVENT_REFUSED;
	enum row row = aex ? ROW_AEX : row_of_leaf(ev->leaf);
	struct line l;

	count(row, refused || (!aex && ev->code));
	if (trace_fd < 0)
		return;
	line_begin(&l, aex ? "aex" : "enclu");
	if (!aex)
		put_text(&l, "leaf", row == ROW_OTHER_LEAF ? "unknown" : row_names[row]);
	put_hex(&l, "tcs", ev->tcs);
	put_hex(&l, "rip", ev->rip);
	if (!aex) {
		put_hex(&l, "rbx", ev->rbx);
		put_hex(&l, "rcx", ev->rcx);
		put_hex(&l, "rdx", ev->rdx);
	}
	if (!aex && !refused)
		put_int(&l, "code", (int64_t)ev->code);
	if (refused || (aex && ev->exception)) {
		put_int(&l, "vector", ev->vector);
		put_hex(&l, "error", ev->errcd);
		put_hex(&l, "address", ev->addr);
	}
	if (ev->check && *ev->check)
		put_text(&l, "check", ev->check);
	line_end(&l);
}

/* ---- set-up and end --------------------------------------------------------------------------------------------- */

bool shim_trace_owns(int fd)
{
	return fd >= 0 && (fd == trace_fd || fd == shim_config.summary_fd);
}

long shim_trace_move(int fd)
{
	/* the other one is known by its number to those who come after an exec */
	long to = fd == trace_fd ? raw3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1) : -EBUSY;

	if (to < 0)
		return to;
	trace_fd = (int)to;
	return 0;
}

void shim_trace_setup(void)
{
	if (shim_config.trace) {
		long fd = raw4(SYS_openat, AT_FDCWD, shim_config.trace, O_WRONLY | O_APPEND | O_CLOEXEC, 0);

		if (fd >= 0) {
			trace_fd = (int)raw3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, TRACE_FD_MIN);
			if (trace_fd < 0)
				trace_fd = (int)fd;
			else
				raw1(SYS_close, fd);
		}
	}
	if (shim_config.summary_fd >= 0) {
		long r = raw6(SYS_mmap, 0, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, shim_config.summary_fd, 0);

		counts = r < 0 && r > -4096 ? NULL : (struct counts *)r;
	}
	shim_traced = trace_fd >= 0 || counts;
	if (shim_traced)
		emul_on_event = on_event;
}

static void put_column(struct line *l, uint64_t v, size_t width)
{
	struct line digits = { .n = 0 };

	put_u64(&digits, v, 10);
	for (size_t i = digits.n; i < width; i++)
		put_char(l, ' ');
	for (size_t i = 0; i < digits.n; i++)
		put_char(l, digits.buf[i]);
}

void shim_summary(void)
{
	struct line l = { .n = 0 };
	uint64_t calls = 0, errors = 0;

	if (!counts || (int)raw_getpid() != shim_config.root_pid || shim_config.summary_fd < 0)
		return;
	shim_config.summary_fd = -1;    /* once */
	put_str(&l, "     calls    errors what\n---------- --------- ----------------\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		uint64_t n = atomic_load(&counts->calls[i]), bad = atomic_load(&counts->errors[i]);

		if (!n)
			continue;
		calls += n;
		errors += bad;
		put_column(&l, n, 10);
		put_column(&l, bad, 10);
		put_char(&l, ' ');
		put_str(&l, row_names[i]);
		put_char(&l, '\n');
	}
	put_str(&l, "---------- --------- ----------------\n");
	put_column(&l, calls, 10);
	put_column(&l, errors, 10);
	put_str(&l, " total\n");
	raw3(SYS_write, 2, l.buf, l.n);
}

__attribute__((destructor))
static void unloaded(void)
{
	if (counts)
		fflush(NULL);           /* what the program said comes first; exit() would do it next */
	shim_summary();
}
