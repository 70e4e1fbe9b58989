/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enclave ranges under the system calls for memory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hostile.h"

static const char *map(uint64_t addr, uint64_t bytes, int prot, int flags, int fd, off_t off)
{
	void *p = mmap((void *)addr, bytes, prot, flags, fd, off);

	return p == MAP_FAILED ? strerrorname_np(errno) : p == (void *)addr ? "there" : "elsewhere";
}

static const char *protect(uint64_t off, uint64_t bytes, int prot)
{
	return result_of(mprotect((void *)(rig.base + off), bytes, prot));
}

static char peeked;

/* What a read by the host gives: a value, or a signal. */
static const char *touch(uint64_t addr, bool write)
{
	static char text[4][40];
	static unsigned next;
	char *t = text[next++ % 4];

	seen.n = 0;
	if (!sigsetjmp(jump_to, 1)) {
		if (write)
			*(volatile char *)addr = 1;
		else
			peeked = *(volatile char *)addr;
	}
	if (seen.n)
		snprintf(t, sizeof(text[0]), "SIG%s code %d error 0x%llx", sigabbrev_np(seen.info.si_signo), seen.info.si_code,
			 (unsigned long long)seen.g[REG_ERR]);
	else
		strcpy(t, "no fault");
	seen.n = 0;
	return t;
}

static void catch_faults(void)
{
	install(SIGSEGV, note_and_jump, 0);
	install(SIGBUS, note_and_jump, 0);
}

/* The first run of the plan with these rights, for the host's mapping. */
static uint64_t run_with(uint64_t rights, uint64_t *ret_bytes)
{
	for (size_t i = 0; i < rig.plan.n_runs; i++)
		if ((rig.plan.runs[i].secinfo & (SGX_SECINFO_RWX | 0xff00)) == (rights | 0x200)) {
			*ret_bytes = rig.plan.runs[i].pages * 4096;
			return rig.plan.runs[i].off;
		}
	*ret_bytes = 0;
	return 0;
}

void topic_maps(void)
{
	uint64_t bytes, code, data;
	int fd, bare;

	catch_faults();
	build("grow.elf");
	fd = rig.fd;
	code = run_with(SGX_SECINFO_R | SGX_SECINFO_X, &bytes);
	data = run_with(SGX_SECINFO_R | SGX_SECINFO_W, &bytes);
	say("more than the page has: write to code %s, exec of data %s, read of code %s", protect(code, 4096, 7),
	    protect(data, 4096, PROT_READ | PROT_EXEC), protect(code, 4096, PROT_READ));
	say("none: %s; entered: %s", protect(code, 4096, PROT_NONE), enter_nop(0));
	say("back: %s", protect(code, 4096, PROT_READ | PROT_EXEC));
	build("grow.elf");
	fd = rig.fd;
	uint64_t b = rig.base;

	say("MAP_PRIVATE: %s", map(b + data, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0));
	say("MAP_SHARED_VALIDATE: %s", map(b + data, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_FIXED, fd, 0));
	say("an offset: %s", map(b + data, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4096));
	say("writable code: %s", map(b + code, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
	say("executable data: %s", map(b + data, 4096, PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0));
	say("no rights: %s", map(b + data, 4096, PROT_NONE, MAP_SHARED | MAP_FIXED, fd, 0));
	say("beyond the end: %s", map(b + rig.size - 4096, 8192, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	void *free_place = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(free_place, 4096);
	say("elsewhere: %s", map((uintptr_t)free_place, 4096, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0));
	say("MAP_FIXED_NOREPLACE on itself: %s", map(b + data, 4096, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0));
	say("length 0: %s", map(b + data, 0, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	say("unaligned: %s", map(b + data + 8, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	say("MAP_LOCKED: %s", map(b + data, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_LOCKED, fd, 0));
	say("MAP_POPULATE: %s", map(b + data, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0));
	say("entered: %s", enter_nop(0));
	bare = open("/dev/sgx_enclave", O_RDWR);
	void *p = mmap(NULL, 4096, PROT_NONE, MAP_SHARED, bare, 0);

	say("before CREATE, no rights: %s", result_of(p == MAP_FAILED ? -1 : 0));
	say("  touched: %s", p == MAP_FAILED ? "-" : touch((uintptr_t)p, false));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, bare, 0);
	say("before CREATE, readable: %s", result_of(p == MAP_FAILED ? -1 : 0));
	close(bare);
	bare = open("/dev/sgx_enclave", O_RDONLY);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bare, 0);
	say("O_RDONLY, writable: %s", result_of(p == MAP_FAILED ? -1 : 0));
	close(bare);
}

static void advise(const char *name, int advice)
{
	uint64_t bytes, data = run_with(SGX_SECINFO_R | SGX_SECINFO_W, &bytes);

	say("madvise %s: %s", name, result_of(madvise((void *)(rig.base + data), 4096, advice)));
}

void topic_holes(void)
{
	uint64_t bytes, data, b;
	void *p;

	catch_faults();
	build("grow.elf");
	b = rig.base;
	data = run_with(SGX_SECINFO_R | SGX_SECINFO_W, &bytes);
	say("TCS unmapped: %s", result_of(munmap((void *)(b + rig.plan.tcs[0]), 4096)));
	say("  entered: %s", enter_nop(0));
	say("  touched: %s", touch(b + rig.plan.tcs[0], false));
	say("  mapped again: %s", map(b + rig.plan.tcs[0], 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, rig.fd, 0));
	say("  entered: %s", enter_nop(0));
	say("TCS read-only: %s", protect(rig.plan.tcs[0], 4096, PROT_READ));
	say("  entered: %s", enter_nop(0));
	say("  back: %s, %s", protect(rig.plan.tcs[0], 4096, PROT_READ | PROT_WRITE), enter_nop(0));
	say("data read-only: %s, written: %s", protect(data, 4096, PROT_READ), touch(b + data, true));
	say("data none: %s, read: %s", protect(data, 4096, PROT_NONE), touch(b + data, false));
	protect(data, 4096, PROT_READ | PROT_WRITE);
	say("nothing there: read %s, write %s", touch(b + rig.size - 4096, false), touch(b + rig.size - 4096, true));
	say("mapped, no page: %s", map(b + rig.size - 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, rig.fd, 0));
	p = mremap((void *)(b + data), 4096, 8192, 0);
	say("mremap larger: %s", result_of(p == MAP_FAILED ? -1 : 0));
	p = mremap((void *)(b + data), 4096, 8192, MREMAP_MAYMOVE);
	say("mremap larger, may move: %s", result_of(p == MAP_FAILED ? -1 : 0));
	p = mremap((void *)(b + data), 4096, 4096, MREMAP_MAYMOVE);
	say("mremap same: %s, %s", result_of(p == MAP_FAILED ? -1 : 0), p == (void *)(b + data) ? "stays" : "moves");
	p = mremap((void *)(b + data), 0, 4096, MREMAP_MAYMOVE);
	say("mremap of nothing: %s", result_of(p == MAP_FAILED ? -1 : 0));
	advise("NORMAL", MADV_NORMAL);
	advise("RANDOM", MADV_RANDOM);
	advise("WILLNEED", MADV_WILLNEED);
	advise("DONTNEED", MADV_DONTNEED);
	advise("FREE", MADV_FREE);
	advise("REMOVE", MADV_REMOVE);
	advise("DONTFORK", MADV_DONTFORK);
	advise("DOFORK", MADV_DOFORK);
	advise("DONTDUMP", MADV_DONTDUMP);
	advise("DODUMP", MADV_DODUMP);
	advise("COLD", MADV_COLD);
	advise("PAGEOUT", MADV_PAGEOUT);
	advise("WIPEONFORK", MADV_WIPEONFORK);
	say("entered: %s", enter_nop(0));
	say("all unmapped: %s", result_of(munmap((void *)b, rig.size)));
	say("  entered: %s", enter_nop(0));
	say("  anonymous memory there: %s", map(b, rig.size, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0));
	say("  entered: %s", enter_nop(0));
	say("  read: %s", touch(b + data, false));
}

/* ---- system calls with pointers into the enclave -------------------------------------------------------------- */

void topic_reach(void)
{
	uint64_t bytes, data, none;
	char buf[64] = "";
	int pipes[2], zero = open("/dev/zero", O_RDWR);

	catch_faults();
	build("grow.elf");
	data = rig.base + run_with(SGX_SECINFO_R | SGX_SECINFO_W, &bytes);
	none = rig.base + rig.size - 4096;
	if (pipe2(pipes, O_NONBLOCK))
		return;
	say("write from nowhere: %s", result_of(write(pipes[1], (void *)none, 16)));
	say("write from the TCS: %s", result_of(write(pipes[1], (void *)(rig.base + rig.plan.tcs[0]), 16)));
	say("write from data: %s", result_of(write(pipes[1], (void *)data, 16)));
	say("  bytes there: %zd", read(pipes[0], buf, sizeof(buf)));
	say("read to nowhere: %s", result_of(read(zero, (void *)none, 16)));
	say("path in nowhere: %s", result_of(open((char *)none, O_RDONLY)));
	struct iovec here = { buf, 16 }, there = { (void *)none, 16 };

	say("process_vm_readv of nowhere: %s", result_of(process_vm_readv(getpid(), &here, 1, &there, 1, 0)));
	say("madvise of nowhere: %s", result_of(madvise((void *)none, 4096, MADV_NORMAL)));
	unsigned char vec;

	say("mincore: %s", result_of(mincore((void *)data, 4096, &vec)));
	say("mincore of nowhere: %s", result_of(mincore((void *)none, 4096, &vec)));
	say("msync: %s", result_of(msync((void *)data, 4096, MS_SYNC)));
	say("mlock: %s, munlock: %s", result_of(mlock((void *)data, 4096)), result_of(munlock((void *)data, 4096)));
	say("mlock of nowhere: %s", result_of(mlock((void *)none, 4096)));
	say("mlockall: %s, munlockall: %s", result_of(mlockall(MCL_CURRENT)), result_of(munlockall()));
	say("op in the enclave itself: %s", enter(0, (struct encl_op *)data));
	say("entered: %s", enter_nop(0));
}
