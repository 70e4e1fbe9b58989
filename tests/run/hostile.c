/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: hostile TOPIC.  See hostile.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

struct rig rig;
const char *self_path;

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

const char *result_of(long r)
{
	return r >= 0 ? "ok" : strerrorname_np(errno);
}

static char *room(size_t *ret_bytes)
{
	static char text[8][96];
	static unsigned next;

	*ret_bytes = sizeof(text[0]);
	return text[next++ % 8];
}

const char *name_of(uint64_t addr)
{
	size_t bytes;
	char *text = room(&bytes);
	uintptr_t here = (uintptr_t)&bytes;

	if (!addr)
		return "null";
	if (addr == (uintptr_t)stub_aep)
		return "AEP";
	for (size_t t = 0; t < rig.plan.n_tcs; t++)
		if (addr == rig.base + rig.plan.tcs[t]) {
			snprintf(text, bytes, "tcs%zu", t);
			return text;
		}
	if (rig.size && addr - rig.base < rig.size && addr & 4095)
		return "in code";       /* where exactly is the compiler's business */
	if (rig.size && addr - rig.base < rig.size)
		snprintf(text, bytes, "base+0x%llx", (unsigned long long)(addr - rig.base));
	else
		snprintf(text, bytes, "%s", addr - here + 0x100000 < 0x200000 ? "stack" : "other");
	return text;
}

void build(const char *image)
{
	if (rig.base)
		rig_free(&rig);
	emul_setup(NULL);
	rig_build(&rig, image, true);
}

const char *enter(unsigned tcs, struct encl_op *op)
{
	struct sgx_enclave_run run;
	size_t bytes;
	char *text = room(&bytes);
	int r = rig_enter(&rig, tcs, EENTER, op, &run);

	if (r)
		snprintf(text, bytes, "returned %s", strerrorname_np(-r) ? strerrorname_np(-r) : "more than 0");
	else if (run.function == EEXIT)
		snprintf(text, bytes, "EEXIT, status %llu", (unsigned long long)op->status);
	else
		snprintf(text, bytes, "%s, vector %u, error 0x%x, %s", run.function == EENTER ? "EENTER" :
			 run.function == ERESUME ? "ERESUME" : "?", run.exception_vector, run.exception_error_code,
			 name_of(run.exception_addr));
	return text;
}

const char *enter_nop(unsigned tcs)
{
	struct encl_op op = { .op = ENCL_OP_NOP };

	return enter(tcs, &op);
}

const char *ended(pid_t pid)
{
	int status = 0;
	size_t bytes;
	char *text = room(&bytes);

	if (pid < 0)
		snprintf(text, bytes, "no child: %s", strerrorname_np(errno));
	else if (waitpid(pid, &status, 0) != pid)
		snprintf(text, bytes, "no status: %s", strerrorname_np(errno));
	else if (WIFSIGNALED(status))
		snprintf(text, bytes, "SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(text, bytes, "exit %d", WEXITSTATUS(status));
	return text;
}

const char *child(int (*fn)(void))
{
	fflush(stdout);
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	return ended(pid);
}

void nap_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

void *shared_page(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static const struct { const char *name; void (*fn)(void); } topics[] = {
	{ "inside", topic_inside }, { "vdso", topic_vdso }, { "stub", topic_stub }, { "fatal", topic_fatal },
	{ "jump", topic_jump }, { "stacks", topic_stacks }, { "masks", topic_masks }, { "timer", topic_timer },
	{ "callback", topic_callback }, { "maps", topic_maps }, { "holes", topic_holes }, { "reach", topic_reach },
	{ "fds", topic_fds }, { "pass", topic_pass }, { "fork", topic_fork }, { "exec", topic_exec },
	{ "orders", topic_orders }, { "vfork", topic_vfork }, { "chain", topic_chain }, { "killed", topic_killed },
	{ "fdio", topic_fdio }, { "frames", topic_frames }, { "pointers", topic_pointers },
};

int main(int argc, char **argv)
{
	self_path = argv[0];
	if (argc == 5 && !strcmp(argv[1], "exec-child"))
		return exec_child(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "exec-chain"))
		return exec_chain(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "topics")) {
		for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
			say("%s", topics[i].name);
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(topics) / sizeof(topics[0]); i++)
		if (!strcmp(argv[1], topics[i].name)) {
			topics[i].fn();
			say("end");
			return 0;
		}
	fputs("usage: hostile TOPIC | topics\n", stderr);
	return 64;
}
