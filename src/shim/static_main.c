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
#include "shim/cpuid.h"
#include "shim/shim.h"
#include "shim/static_exec.h"

#define EXIT_OURS    125
#define EXIT_CANNOT  126
#define EXIT_MISSING 127
#define PREFIX_BYTES (sizeof(STATIC_ENV_PREFIX) - 1)

struct static_config static_config = {
	.emul = { .kernel = EMUL_KERNEL_RFC, .trap_signals_open = true },
	.mask = 0,
};

bool shim_on(void)
{
	return true;
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

static bool option(const char *arg)
{
	static const char *const kernels[] = { "rfc", "upstream", "fixed" };
	static const char *const cpuids[] = { "auto", "off", "fault", "rewrite" };
	const char *value = strchr(arg, '=');
	size_t n = value ? (size_t)(value++ - arg) : strlen(arg);
	int i = 0;

#define IS(name) (n == sizeof(name) - 1 && !memcmp(arg, name, n))
	if (IS("--no-sgx2") && !value)
		static_config.emul.no_sgx2 = true;
	else if (IS("--probe") && !value)
		static_config.probe = true;
	else if (IS("--kernel") && value && word(value, kernels, 3, &i))
		static_config.emul.kernel = (enum emul_kernel)i;
	else if (IS("--cpuid") && value && word(value, cpuids, 4, &i))
		static_config.cpuid = (enum static_cpuid)i;
	else if (IS("--run") && value)
		static_config.run = value;
	else if (IS("--preload") && value)
		static_config.preload = value;
	else if (IS("--epc-pages") && value)
		return number(value, 10, &static_config.emul.epc_pages);
	else if (IS("--mask") && value)
		return number(value, 16, &static_config.mask);
	else
		return false;
#undef IS
	return true;
}

/* ---- the program ------------------------------------------------------------------------------------------- */

static _Noreturn void run_by_kernel(const char *path, char **argv)
{
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &static_config.mask, 0, sizeof(static_config.mask));
	if (static_config.run && !getenv(SHIM_ENV) && setenv(SHIM_ENV, static_config.run, 1))
		die(EXIT_OURS, path, errno);
	if (static_config.preload && !getenv("LD_PRELOAD") && setenv("LD_PRELOAD", static_config.preload, 1))
		die(EXIT_OURS, path, errno);
	execv(path, argv);
	die(errno == ENOENT ? EXIT_MISSING : EXIT_CANNOT, path, errno);
}

static int rewrite_cpuid(int fd, const struct static_image *im)
{
	struct cpuid_sites s;
	struct stat st;

	if (fstat(fd, &st) || st.st_size <= 0)
		return -EIO;
	uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (file == MAP_FAILED)
		return -errno;
	int r = cpuid_find(file, (size_t)st.st_size, &s);

	munmap(file, (size_t)st.st_size);
	if (r)
		return r;
	seen.functions = s.functions;
	seen.doubtful = s.doubtful;
	seen.sites = im ? cpuid_rewrite(&s, im->bias) : (long)s.n;
	cpuid_sites_free(&s);
	return seen.sites < 0 ? (int)seen.sites : 0;
}

/* By the exact means where there is one; `im` NULL: only find out. */
static void setup_cpuid(int fd, const struct static_image *im)
{
	enum static_cpuid want = static_config.cpuid;
	int r;

	cpuid_answer_setup(&static_config.emul);
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
	int r = static_filter_install();

	if (r)
		die(EXIT_OURS, "the seccomp filter is refused", -r);
	emul_pool_prepare(&static_config.emul);
	r = emul_setup(&static_config.emul);
	if (r)
		die(EXIT_OURS, r == -ENOSYS ? "this machine cannot trap ENCLU (it needs Syscall User Dispatch)" :
			"the emulated device could not be set up", r == -ENOSYS ? 0 : -r);
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
	prctl(PR_SET_NAME, slash ? slash + 1 : path);

	struct native_tb *tb = native_thread_prepare();

	if (!tb)
		die(EXIT_OURS, "no memory for the thread", 0);
	tb->own_fs = native_host_fs();
	static_threads_setup();
	static_calls_setup(im.end);
	static_rseq_release();
	uint64_t sp = static_stack(argv, skip, &im, path);

	environ = (char **)(uintptr_t)(sp + (*(uint64_t *)(uintptr_t)sp + 2) * sizeof(char *));
	if (static_config.run)
		shim_config_parse(static_config.run);
	/* paths.c and vdso.c go by this too; here the command line says it */
	shim_config.emul = static_config.emul;
	shim_config.program = static_config.path;
	if (getenv(SHIM_ENV_UNLISTED))
		shim_config.state[0] = '\0';
	shim_vdso_setup(environ);
	shim_listed_setup();
	uint64_t mask = static_config.mask;

	native_held_set(mask);
	mask &= ~native_trap_mask();
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof(mask));
	static_jump(sp, im.entry);
}

int main(int argc, char **argv)
{
	static char own[4096];
	int i = 1, fd, kind;
	uint64_t all = ~native_trap_mask(), none = 0;
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	/* until the program runs nothing may interrupt, but traps must work */
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, &static_config.mask, sizeof(none));
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, sizeof(all));

	for (; i < argc && argv[i][0] == '-'; i++)
		if (!option(argv[i]))
			die(EXIT_OURS, argv[i], EINVAL);
	if (argc - i < 2)
		die(EXIT_OURS, "sgxctl-exec [OPTION...] PATH ARGV0 [ARG...]", 0);
	if (n <= 0)
		die(EXIT_OURS, "/proc/self/exe", errno);
	static_config.own_path = own;
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, STATIC_ENV_PREFIX, PREFIX_BYTES) && static_env_travels(*e + PREFIX_BYTES))
			*e += PREFIX_BYTES;
	if (!static_config.run)
		static_config.run = getenv(SHIM_ENV);
	if (!static_config.preload)
		static_config.preload = getenv("LD_PRELOAD");
	const char *path = argv[i++];

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && !static_config.probe)
		run_by_kernel(path, argv + i);
	if (fd < 0)
		die(errno == ENOENT || errno == ENOTDIR ? EXIT_MISSING : EXIT_CANNOT, path, errno);
	kind = static_kind(fd);
	if (static_config.probe) {
		setup_emulator();
		setup_cpuid(fd, NULL);
		return static_probe(path, &seen);
	}
	if (kind <= 0)
		run_by_kernel(path, argv + i);
	if (access(path, X_OK))
		die(EXIT_CANNOT, path, errno);
	if (!realpath(path, static_config.path))
		die(EXIT_CANNOT, path, errno);
	start(fd, argv, i, path);
}
