/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl-exec [OPTION...] PATH ARGV0 [ARG...]
 *
 * Runs a static program with the emulated device; anything else that can be executed is executed by the kernel, with
 * the library of the emulator in the environment that `sgxctl run` put there.
 *
 * Exit status: the program's; 125 when the emulator cannot be set up, 126 when PATH cannot be executed, 127 when it
 * does not exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/cpuid.h"
#include "shim/exec.h"
#include "shim/shim.h"
#include "shim/static_exec.h"

#define LIBRARY      "libsgxemu.so"
#define EXIT_OURS    125
#define EXIT_CANNOT  126
#define EXIT_MISSING 127
#define PREFIX_BYTES (sizeof(SHIM_HIDE_PREFIX) - 1)

struct static_config static_config;

const bool shim_has_own_libc = true;
static uint32_t process;        /* whose memory this is */

bool shim_on(void)
{
	return true;
}

int shim_start(void)
{
	return 0;
}

bool shim_owner(void)
{
	return process == raw_getpid();
}

void shim_forked(void)
{
	process = raw_getpid();
}

void shim_text_again(void)
{
}

int shim_thread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	return pthread_create(t, attr, fn, arg);
}

static struct static_cpuid_state seen;

static _Noreturn void die(int status, const char *what, int error)
{
	fprintf(stderr, "sgxctl run: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
	exit(status);
}

/* ---- command line ---------------------------------------------------------------------------------------- */

static bool word(const char *value, const char *const *words, int n, int *ret)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(value, words[i])) {
			*ret = i;
			return true;
		}
	return false;
}

static bool number(const char *text, int base, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, base);
	return *text && !*end && !errno;
}

static const char *const cpuids[] = { "auto", "off", "fault", "rewrite" };
static char own_path[4096];

static bool option(const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t n = value ? (size_t)(value++ - arg) : strlen(arg);
	int i = 0;

#define IS(name) (n == sizeof(name) - 1 && !memcmp(arg, name, n))
	if (IS("--probe") && !value)
		static_config.probe = true;
	else if (IS("--cpuid") && value && word(value, cpuids, 4, &i))
		static_config.cpuid = (enum static_cpuid)i;
	else if (IS("--run") && value)
		static_config.run = value;
	else if (IS("--preload") && value)
		static_config.preload = value;
	else if (IS("--fd") && value)
		return number(value, 10, &static_config.fd);
	else if (IS("--mask") && value)
		return number(value, 16, &static_config.mask);
	else
		return false;
#undef IS
	return true;
}

/* ---- the program ------------------------------------------------------------------------------------------- */

/* What the program has there stays, behind the library. */
static void add_preload(void)
{
	const char *has = getenv("LD_PRELOAD");
	char *joined;

	if (!shim_config.preload[0] || (has && strstr(has, LIBRARY)))
		return;
	if (!has || !*has)
		putenv(shim_config.preload);
	else if (asprintf(&joined, "%s:%s", shim_config.preload, has) >= 0)
		putenv(joined);
}

/* A loader of another C library would load it too, and it cannot be there. */
static void drop_preload(void)
{
	char *list = getenv("LD_PRELOAD"), *part, *end;

	while (list && (part = strstr(list, LIBRARY))) {
		end = part + strcspn(part, ": ");
		while (part > list && part[-1] != ':' && part[-1] != ' ')
			part--;
		memmove(part, *end ? end + 1 : end, strlen(*end ? end + 1 : end) + 1);
	}
}

static _Noreturn void run_by_kernel(const char *path, char **argv)
{
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &static_config.mask, 0, sizeof(static_config.mask));
	if (shim_config.text[0] && !getenv(SHIM_ENV))
		putenv(shim_config.text);
	add_preload();
	if (shim_config.helper_env[0])
		putenv(shim_config.helper_env);
	execv(path, argv);
	die(errno == ENOENT ? EXIT_MISSING : EXIT_CANNOT, path, errno);
}

static int rewrite_cpuid(int fd, const struct static_image *im)
{
	struct insn_sites s;
	struct stat st;

	if (fstat(fd, &st) || st.st_size <= 0)
		return -EIO;
	uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (file == MAP_FAILED)
		return -errno;
	int r = insn_find(file, (size_t)st.st_size, INSN_CPUID, &s);

	munmap(file, (size_t)st.st_size);
	if (r)
		return r;
	seen.functions = s.functions;
	seen.doubtful = s.doubtful;
	seen.sites = im ? cpuid_rewrite(&s, im->bias) : (long)s.n;
	insn_sites_free(&s);
	return seen.sites < 0 ? (int)seen.sites : 0;
}

/* By the exact means where there is one; `im` NULL: only find out. */
static void setup_cpuid(int fd, const struct static_image *im)
{
	enum static_cpuid want = static_config.cpuid;
	int r;

	cpuid_answer_setup(&shim_config.emul);
	seen.means = CPUID_OFF;
	if (want == CPUID_AUTO || want == CPUID_FAULT) {
		r = cpuid_fault_on();
		seen.can_fault = !r;
		if (!r) {
			seen.means = CPUID_FAULT;
			return;
		}
		if (want == CPUID_FAULT)
			die(EXIT_OURS, "this machine cannot fault CPUID", -r);
	}
	if (want == CPUID_AUTO || want == CPUID_REWRITE) {
		seen.error = rewrite_cpuid(fd, im);
		if (!seen.error)
			seen.means = CPUID_REWRITE;
		else if (want == CPUID_REWRITE)
			die(EXIT_OURS, seen.error == -ENOSYS ? "built without an instruction decoder" :
				"CPUID instructions cannot be rewritten", -seen.error);
	}
}

static void setup_emulator(void)
{
	int r = shim_filter_below_ceiling();

	if (r)
		die(EXIT_OURS, "the seccomp filter is refused", -r);
	emul_pool_prepare(&shim_config.emul);
	r = emul_setup(&shim_config.emul);
	if (r)
		die(EXIT_OURS, r == -ENOSYS ? "this machine cannot trap ENCLU (it needs Syscall User Dispatch)" :
			"the emulated device could not be set up", r == -ENOSYS ? 0 : -r);
}

/* The loader that the program names, for programs of another C library: it loads all the rest. */
static uint64_t map_loader(struct static_image *im)
{
	struct static_image loader;
	int fd = open(im->loader, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(EXIT_CANNOT, im->loader, errno);
	int r = static_map(fd, &loader);

	if (r)
		die(EXIT_CANNOT, im->loader, -r);
	close(fd);
	im->base = loader.bias;
	return loader.entry;
}

static _Noreturn void start(int fd, char **argv, int skip, const char *path)
{
	struct static_image im;
	const char *slash = strrchr(path, '/');

	setup_emulator();
	int r = static_map(fd, &im);

	if (r)
		die(EXIT_CANNOT, path, -r);
	setup_cpuid(fd, &im);
	close(fd);
	if (static_config.fd)
		close((int)static_config.fd);
	prctl(PR_SET_NAME, slash ? slash + 1 : path);

	struct native_tb *tb = native_thread_prepare();

	if (!tb)
		die(EXIT_OURS, "no memory for the thread", 0);
	tb->own_fs = native_host_fs();
	uint64_t entry = im.entry;

	if (im.loader[0]) {
		entry = map_loader(&im);
		drop_preload();
	}

	static_calls_setup(im.end);
	shim_rseq_release();
	uint64_t sp = static_stack(argv, skip, &im, path);

	environ = (char **)(uintptr_t)(sp + (*(uint64_t *)(uintptr_t)sp + 2) * sizeof(char *));
	shim_vdso_setup(environ);
	shim_trace_setup();
	shim_listed_setup();
	uint64_t mask = static_config.mask;

	native_held_set(mask);
	mask &= ~native_trap_mask();
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof(mask));
	static_jump(sp, entry);
}

/* ---- which program ------------------------------------------------------------------------------------------- */

/* Variables that were hidden from our own loader, and what the library of dynamic programs reads there. */
static void take_environment(void)
{
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, SHIM_HIDE_PREFIX, PREFIX_BYTES) && shim_env_is_hidden(*e + PREFIX_BYTES))
			*e += PREFIX_BYTES;
	shim_config_read(environ);
	if (!shim_config.text[0] || static_config.preload)
		shim_config_take(static_config.run, static_config.preload);
	shim_config.emul.trap_signals_open = true;
	shim_config.cpuid = cpuids[static_config.cpuid];
	ssize_t n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);

	if (n <= 0)
		die(EXIT_OURS, "/proc/self/exe", errno);
	if (strcmp(own_path, shim_config.helper))       /* not the installed one: dynamic programs must hear of it */
		shim_config_helper(own_path);
	shim_config.helper = own_path;
}

static int open_program(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(errno == ENOENT || errno == ENOTDIR ? EXIT_MISSING : EXIT_CANNOT, path, errno);
	if (!static_config.probe && access(path, X_OK))
		die(EXIT_CANNOT, path, errno);
	return fd;
}

/*
 * A script becomes its interpreter, whose arguments take the place of ours on the stack: "INTERPRETER [ARGUMENT] SCRIPT"
 * and the script's own.  Returns the interpreter; *ret_first is where its arguments begin.
 */
static const char *follow_script(const char *path, char **argv, int *ret_first)
{
	static char heads[SHIM_SCRIPT_DEPTH][SHIM_SCRIPT_HEAD + 1];

	for (int depth = 0; depth < SHIM_SCRIPT_DEPTH; depth++) {
		char *head = heads[depth], *interpreter, *argument;
		int fd = open_program(path);
		ssize_t n = pread(fd, head, SHIM_SCRIPT_HEAD, 0);

		close(fd);
		if (n < 2 || !shim_script(head, &interpreter, &argument))
			return path;
		int first = *ret_first - (argument ? 2 : 1);

		if (first < 0)
			die(EXIT_CANNOT, path, E2BIG);
		argv[*ret_first] = (char *)(uintptr_t)path;
		if (argument)
			argv[first + 1] = argument;
		argv[first] = interpreter;
		*ret_first = first;
		path = interpreter;
	}
	die(EXIT_CANNOT, path, ELOOP);
}

/* What the kernel would call it. */
static void name_program(int fd, const char *path)
{
	static char exe[4096];
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, exe, sizeof(exe) - 1);
	if (n <= 0)
		die(EXIT_CANNOT, path, errno);
	exe[n] = '\0';
	shim_config.exe = exe;
}

int main(int argc, char **argv)
{
	int i = 1;
	char loader[256];
	uint64_t all = ~native_trap_mask(), none = 0;

	/* until the program runs nothing may interrupt, but traps must work */
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, &static_config.mask, sizeof(none));
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all));
	shim_forked();
	for (; i < argc && argv[i][0] == '-'; i++)
		if (!option(argv[i]))
			die(EXIT_OURS, argv[i], EINVAL);
	if (argc - i < 2)
		die(EXIT_OURS, "sgxctl-exec [OPTION...] PATH ARGV0 [ARG...]", 0);
	take_environment();
	const char *path = argv[i++];

	if (access(path, R_OK) && errno == EACCES && !static_config.probe)
		run_by_kernel(path, argv + i);
	int fd = open_program(path);
	enum shim_program kind = shim_program_kind(fd);

	if (static_config.probe) {
		setup_emulator();
		setup_cpuid(fd, NULL);
		static_loader(fd, loader);
		return static_probe(path, loader, &seen);
	}
	if (kind != PROGRAM_FOR_HELPER)
		run_by_kernel(path, argv + i);
	close(fd);
	path = follow_script(path, argv, &i);
	fd = open_program(path);
	name_program(fd, path);
	start(fd, argv, i, path);
}
