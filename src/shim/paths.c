/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which paths mean something else than they say: the device nodes, and the texts of /proc and /sys by which programs
 * find out about SGX.  The texts are made when they are opened, as the kernel makes them.
 *
 * Authority: Linux 6.1 fs/proc/task_mmu.c, arch/x86/kernel/cpu/proc.c, arch/x86/kernel/cpu/sgx/main.c.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "emul/raw.h"
#include "shim/shim.h"

#define PATH_ROOM 4096

static bool is_number(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > 0;
}

/* s is "self", "thread-self" or this process by number, up to the next '/'; the rest in *ret_rest. */
static bool is_self(const char *s, const char **ret_rest)
{
	const char *slash = strchr(s, '/');

	if (!slash)
		return false;
	size_t n = (size_t)(slash - s);

	*ret_rest = slash + 1;
	if ((n == 4 && !memcmp(s, "self", 4)) || (n == 11 && !memcmp(s, "thread-self", 11)))
		return true;
	uint32_t pid = 0;

	if (!is_number(s, n) || n > 9)
		return false;
	for (size_t i = 0; i < n; i++)
		pid = pid * 10 + (uint32_t)(s[i] - '0');
	return pid == raw_getpid();
}

/* Opening what an fd names opens the node once more. */
static enum shim_path of_fd(const char *number)
{
	int fd = 0;

	if (!is_number(number, strlen(number)) || strlen(number) > 7)
		return PATH_OTHER;
	for (const char *d = number; *d; d++)
		fd = fd * 10 + (*d - '0');
	return shim_fd_was_seen(fd) ? shim_fd_node(fd) : PATH_OTHER;
}

/* Files of /proc/self. */
static enum shim_path of_self(const char *name)
{
	static const struct { const char *name; enum shim_path kind; } names[] = {
		{ "maps", PATH_MAPS }, { "smaps", PATH_SMAPS }, { "auxv", PATH_AUXV }, { "mem", PATH_MEM },
	};

	if (!strncmp(name, "fd/", 3))
		return of_fd(name + 3);
	if (!strcmp(name, "exe"))
		return shim_config.exe[0] ? PATH_EXE : PATH_OTHER;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i].name))
			return names[i].kind;
	return PATH_OTHER;
}

/* Behind /dev/sgx. */
static enum shim_path of_dev(const char *q)
{
	static const struct { const char *name; enum shim_path kind; } nodes[] = {
		{ "enclave", PATH_ENCLAVE }, { "provision", PATH_PROVISION },
	};

	if (!*q || !strcmp(q, "/"))
		return PATH_DEV_SGX;
	for (size_t i = 0; (*q == '_' || *q == '/') && i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		size_t n = strlen(nodes[i].name);

		if (!strncmp(q + 1, nodes[i].name, n) && (!q[1 + n] || q[1 + n] == '/'))
			return q[1 + n] ? PATH_BELOW_NODE : nodes[i].kind;
	}
	return PATH_OTHER;
}

static enum shim_path absolute(const char *p)
{
	static const char epc[] = "/sys/devices/system/node/node0/x86/sgx_total_bytes";
	const char *rest;

	if (!strncmp(p, "/dev/sgx", 8))
		return of_dev(p + 8);
	if (!strncmp(p, "/proc/", 6)) {
		if (!strcmp(p + 6, "cpuinfo"))
			return PATH_CPUINFO;
		if (!is_self(p + 6, &rest))
			return PATH_OTHER;
		return of_self(rest);
	}
	if (!strncmp(p, "/dev/fd/", 8))
		return of_fd(p + 8);
	return strcmp(p, epc) ? PATH_OTHER : PATH_EPC_SIZE;
}

/* Asks the kernel, with the cheapest call that reads user memory and, as it is wrong otherwise, does nothing. */
static bool is_readable(const char *page)
{
	uintptr_t word = (uintptr_t)page & ~(uintptr_t)7;

	return word && raw4(SYS_rt_sigprocmask, -1, word, NULL, 8) != -EFAULT;
}

/* Can the kernel read it? */
static bool is_string(const char *path)
{
	for (const char *at = path;; at = (const char *)(((uintptr_t)at | ~SGX_PAGE_MASK) + 1)) {
		if (!is_readable(at))
			return false;
		if (memchr(at, 0, SGX_PAGE_SIZE - ((uintptr_t)at & ~SGX_PAGE_MASK)) || at - path > PATH_ROOM)
			return true;
	}
}

bool shim_path_readable(const char *path, long r)
{
	/* before the path come flags and sizes, and filters of the program's own, which refuse with other errors */
	if (path && (r >= 0 || r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -ENXIO || r == -EISDIR))
		return true;
	return r != -ENAMETOOLONG && is_string(path);
}

static bool is_on_page(uintptr_t at, uintptr_t *known)
{
	uintptr_t page = at & SGX_PAGE_MASK;

	if (page == *known)
		return true;
	*known = page;
	return is_readable((const char *)at);
}

bool shim_strings_readable(char *const *v)
{
	uintptr_t own = 1, theirs = 1;  /* pages known to be readable; none yet */

	if (!v)
		return true;
	for (;; v++) {
		const char *s, *end;

		/* a pointer need not be aligned */
		if (!is_on_page((uintptr_t)v, &own) || !is_on_page((uintptr_t)v + sizeof(*v) - 1, &own))
			return false;
		if (!*v)
			return true;
		for (s = *v, end = NULL; !end; s = (const char *)(theirs + SGX_PAGE_SIZE)) {
			if (!is_on_page((uintptr_t)s, &theirs))
				return false;
			end = memchr(s, 0, theirs + SGX_PAGE_SIZE - (uintptr_t)s);
		}
	}
}

/* The last component of one of the device nodes: only then is a relative path worth the trouble. */
static bool may_be_node(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return !strcmp(name, "sgx_enclave") || !strcmp(name, "sgx_provision") || !strcmp(name, "enclave") ||
	       !strcmp(name, "provision");
}

static long dir_name(int dirfd, char *buf, size_t room)
{
	char link[40];

	if (dirfd == AT_FDCWD)
		return raw2(SYS_getcwd, buf, room) > 0 ? (long)strlen(buf) : -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	long n = raw3(SYS_readlink, link, buf, room - 1);

	if (n >= 0)
		buf[n] = '\0';
	return n;
}

enum shim_path shim_path(int dirfd, const char *path)
{
	char full[PATH_ROOM];

	if (path[0] == '/')
		return path[1] == 'd' || path[1] == 'p' || path[1] == 's' ? absolute(path) : PATH_OTHER;
	if (!path[0] || !may_be_node(path))
		return PATH_OTHER;
	long n = dir_name(dirfd, full, sizeof(full));

	if (n <= 0)
		return PATH_OTHER;
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	if ((size_t)n + 1 + strlen(path) + 1 > sizeof(full))
		return PATH_OTHER;
	if (full[n - 1] != '/')
		full[n++] = '/';
	strcpy(full + n, path);
	return absolute(full);
}

/* ---- texts ------------------------------------------------------------------------------------------- */

struct text {
	int fd;
	bool failed;
};

static void put(struct text *t, const void *p, size_t bytes)
{
	for (const char *s = p; bytes && !t->failed;) {
		long n = raw3(SYS_write, t->fd, s, bytes);

		if (n <= 0) {
			t->failed = n != -EINTR;
			continue;
		}
		s += n;
		bytes -= (size_t)n;
	}
}

static void put_maps_line(struct text *t, const struct emul_mapping *m, const char *tail)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%08llx-%08llx %c%c%cs 00000000 00:05 %-22d %s\n",
			 (unsigned long long)m->start, (unsigned long long)m->end, m->prot & PROT_READ ? 'r' : '-',
			 m->prot & PROT_WRITE ? 'w' : '-', m->prot & PROT_EXEC ? 'x' : '-', SHIM_ENCLAVE_MINOR, tail);

	put(t, line, (size_t)n);
}

/*
 * A line of a mapping.  Our own view of enclave files is memory of the process like any other, and says whose it is; so
 * does the pool.  `joined`: one line per mapping of the program, however many real ones there are; else every real one
 * keeps its own, with its counts behind it, under the name and rights of the program's.
 */
static void edit_mapping(struct text *t, char *line, size_t bytes, bool joined)
{
	static const char files[] = "/memfd:sgx_", moved[] = "/memfd:sgx_moved";
	char *at = memmem(line, bytes, files, sizeof(files) - 1), r, w, x;
	unsigned long long start, end;
	struct emul_mapping m;

	if (!at || sscanf(line, "%llx-%llx %c%c%c", &start, &end, &r, &w, &x) != 5) {
		put(t, line, bytes);
		return;
	}
	if (!strncmp(at, moved, sizeof(moved) - 1)) {
		m = (struct emul_mapping){ .start = start, .end = end, .prot = (r == 'r' ? PROT_READ : 0) |
					   (w == 'w' ? PROT_WRITE : 0) | (x == 'x' ? PROT_EXEC : 0) };
		put_maps_line(t, &m, "/dev/sgx_enclave");
		return;
	}
	if (!emul_mapping_at(start, &m)) {
		put(t, line, (size_t)(at - line));
		put(t, "[sgxctl]\n", 9);
		return;
	}
	if (!joined) {
		m.start = start;
		m.end = end;
		put_maps_line(t, &m, "/dev/sgx_enclave");
		return;
	}
	if (m.start == start)
		put_maps_line(t, &m, "/dev/sgx_enclave");
	while (m.end < end && emul_mapping_at(m.end, &m))
		put_maps_line(t, &m, "/dev/sgx_enclave");
}

static void edit_maps_line(struct text *t, char *line, size_t bytes)
{
	edit_mapping(t, line, bytes, true);
}

static void edit_smaps_line(struct text *t, char *line, size_t bytes)
{
	edit_mapping(t, line, bytes, false);
}

static void edit_cpuinfo_line(struct text *t, char *line, size_t bytes)
{
	if (bytes < 6 || strncmp(line, "flags\t", 6) || memmem(line, bytes, " sgx ", 5) || line[bytes - 1] != '\n') {
		put(t, line, bytes);
		return;
	}
	put(t, line, bytes - 1);
	put(t, " sgx sgx_lc\n", 12);
}

#define LINE_ROOM 8192

/* Each line of a file through `edit`; lines that do not fit pass as they are, in pieces. */
static int edit_file(struct text *t, const char *path, void (*edit)(struct text *, char *, size_t))
{
	char buf[LINE_ROOM + 1];
	size_t have = 0;
	long fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), n;

	if (fd < 0)
		return (int)fd;
	while ((n = raw3(SYS_read, fd, buf + have, LINE_ROOM - have)) > 0) {
		char *from = buf, *nl;

		have += (size_t)n;
		buf[have] = '\0';
		while ((nl = memchr(from, '\n', have - (size_t)(from - buf)))) {
			char after = nl[1];

			nl[1] = '\0';
			edit(t, from, (size_t)(nl + 1 - from));
			nl[1] = after;
			from = nl + 1;
		}
		have -= (size_t)(from - buf);
		memmove(buf, from, have);
		if (have == LINE_ROOM) {
			put(t, buf, have);
			have = 0;
		}
	}
	put(t, buf, have);
	raw1(SYS_close, fd);
	return n < 0 ? (int)n : 0;
}

static int put_epc_size(struct text *t)
{
	uint64_t pages = shim_config.emul.epc_pages ? shim_config.emul.epc_pages : EMUL_EPC_PAGES_DEFAULT;
	char line[32];

	put(t, line, (size_t)snprintf(line, sizeof(line), "%llu\n", (unsigned long long)pages * SGX_PAGE_SIZE));
	return 0;
}

static int put_auxv(struct text *t)
{
	size_t bytes;
	const void *p = shim_auxv(&bytes);

	if (!p)
		return -ENOSYS;
	put(t, p, bytes);
	return 0;
}

static int put_text(struct text *t, enum shim_path kind)
{
	switch (kind) {
	case PATH_MAPS:
		return edit_file(t, "/proc/self/maps", edit_maps_line);
	case PATH_SMAPS:
		return edit_file(t, "/proc/self/smaps", edit_smaps_line);
	case PATH_CPUINFO:
		return edit_file(t, "/proc/cpuinfo", edit_cpuinfo_line);
	case PATH_AUXV:
		return put_auxv(t);
	case PATH_EPC_SIZE:
		return put_epc_size(t);
	default:
		return -ENOSYS;
	}
}

int shim_text_open(enum shim_path kind, int flags)
{
	struct text t = { .fd = -1 };
	char path[40];
	int r;

	if (kind < PATH_MAPS || ((kind == PATH_MAPS || kind == PATH_SMAPS) && !shim_on()))
		return -ENOSYS;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & (O_PATH | O_DIRECTORY))
		return kind == PATH_EPC_SIZE ? -EACCES : -ENOSYS;
	t.fd = (int)raw2(SYS_memfd_create, "sgxctl-text", MFD_CLOEXEC);
	if (t.fd < 0)
		return t.fd;
	r = put_text(&t, kind);
	if (!r && t.failed)
		r = -ENOMEM;
	if (!r) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", t.fd);
		r = (int)raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | (flags & (O_CLOEXEC | O_NONBLOCK)), 0);
	}
	raw1(SYS_close, t.fd);
	return r;
}
