/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The enclaves of the program in the state directory, where `sgxctl list` finds them (base/program_folder.h).
 *
 * Nothing runs for them: no process, no thread.  The command that looks at one takes the enclave's file out of this
 * process by /proc/PID/fd.  What goes wrong here costs the program nothing but the listing.
 *
 * Context: all signals blocked, also on the emulator's stack in a handler: no libc that allocates.  The program may
 *          have changed its ids, its root and its limits since it was started.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/program_folder.h"
#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/proc.h"
#include "emul/raw.h"
#include "shim/line.h"
#include "shim/shim.h"

#define NAME_ROOM  64           /* of an enclave's name, as session/ takes it */
#define STEM_ROOM  40           /* of it, for the program */
#define MAX_TRIES  64u          /* names that others have */
#define SWEEP_MAX  32u          /* folders that are looked at for being dead */
#define HEX_BYTES  32

struct listing {
	bool on;
	char name[NAME_ROOM + 1];
};
_Static_assert(EMUL_LABEL_BYTES > NAME_ROOM, "a name is a label");

static struct listing listings[EMUL_MAX_ENCLAVES];
static uint32_t serial, temp_serial;    /* in the names; under busy */
static bool swept;

/* The one file that this process keeps locked, made with its first listing. */
static struct {
	int fd;
	uint32_t pid;
	dev_t dev;
	ino_t ino;
} held = { .fd = -1 };

/* ---- one at a time --------------------------------------------------------------------------------------- */

/* pid << 32 | tid: in a forked child, a holder that stayed behind in the parent is none. */
static _Atomic uint64_t busy;

static void enter(void)
{
	uint32_t pid = raw_getpid();
	uint64_t self = (uint64_t)pid << 32 | raw_gettid(), was = 0;

	while (!atomic_compare_exchange_strong(&busy, &was, self)) {
		if (was >> 32 == pid) {
			was = 0;
			raw0(SYS_sched_yield);
		}
	}
}

static void leave(void)
{
	atomic_store(&busy, 0);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static const char *program_path(char *buf, size_t room)
{
	long n;

	if (shim_config.exe[0])
		return shim_config.exe;
	n = raw3(SYS_readlink, "/proc/self/exe", buf, room - 1);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

static void finish(struct line *l, char *dst, size_t room)
{
	size_t n = l->n < room - 1 ? l->n : room - 1;

	memcpy(dst, l->buf, n);
	dst[n] = '\0';
}

/* PROG-PID-N */
static void make_name(char name[NAME_ROOM + 1], const char *path)
{
	const char *slash = strrchr(path, '/'), *stem = slash ? slash + 1 : path;
	struct line l = { .n = 0 };

	while (*stem == '.' || *stem == '-')
		stem++;
	for (; *stem && l.n < STEM_ROOM; stem++)
		put_char(&l, is_name_char(*stem) ? *stem : '_');
	if (!l.n)
		put_str(&l, "program");
	put_char(&l, '-');
	put_u64(&l, raw_getpid(), 10);
	put_char(&l, '-');
	put_u64(&l, ++serial, 10);
	finish(&l, name, NAME_ROOM + 1);
}

static void make_temp(char name[NAME_ROOM + 1])
{
	struct line l = { .n = 0 };

	put_str(&l, PROGRAM_TEMP);
	put_u64(&l, raw_getpid(), 10);
	put_char(&l, '-');
	put_u64(&l, ++temp_serial, 10);
	finish(&l, name, NAME_ROOM + 1);
}

static void make_held(char name[NAME_ROOM + 1])
{
	struct line l = { .n = 0 };

	put_str(&l, PROGRAM_HELD);
	put_u64(&l, raw_getpid(), 10);
	finish(&l, name, NAME_ROOM + 1);
}

/* ---- directories --------------------------------------------------------------------------------------------- */

static int open_dir(int at, const char *name)
{
	return (int)raw4(SYS_openat, at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

/* As session/statedir.c trusts it. */
static int open_state(void)
{
	struct stat st;
	int fd = open_dir(AT_FDCWD, shim_config.state);

	if (fd == -ENOENT) {
		raw2(SYS_mkdir, shim_config.state, 0700);
		fd = open_dir(AT_FDCWD, shim_config.state);
	}
	if (fd >= 0 && (raw2(SYS_fstat, fd, &st) || st.st_uid != (uid_t)raw0(SYS_geteuid) || st.st_mode & 077)) {
		raw1(SYS_close, fd);
		return -EPERM;
	}
	return fd;
}

static int ofd_lock(int fd, int cmd, short type, short *ret_type)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET };
	int r = (int)raw3(SYS_fcntl, fd, cmd, &fl);

	if (ret_type)
		*ret_type = fl.l_type;
	return r;
}

/* Calls fn for each name in the directory until it says that it has seen enough. */
static void each_name(int dir, bool (*fn)(int dir, const char *name, void *arg), void *arg)
{
	_Alignas(8) char buf[2048];
	bool on = true;
	long n;

	while (on && (n = raw3(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; on && at < n;) {
			const struct proc_dirent *e = (const void *)(buf + at);

			at += e->reclen;
			if (strcmp(e->name, ".") && strcmp(e->name, ".."))
				on = fn(dir, e->name, arg);
		}
	}
}

static bool is_held(int dir, const char *name, void *arg)
{
	bool *alive = arg;
	short type = F_WRLCK;
	int fd;

	if (strncmp(name, PROGRAM_HELD, sizeof(PROGRAM_HELD) - 1))
		return true;
	fd = (int)raw4(SYS_openat, dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return true;
	if (ofd_lock(fd, F_OFD_GETLK, F_WRLCK, &type) || type != F_UNLCK)
		*alive = true;
	raw1(SYS_close, fd);
	return !*alive;
}

static bool remove_name(int dir, const char *name, void *arg)
{
	(void)arg;
	raw3(SYS_unlinkat, dir, name, 0);
	return true;
}

/* The folder in the state directory, with what is in it: first out of sight, then away. */
static void remove_folder(int state, const char *name)
{
	char temp[NAME_ROOM + 1];
	int dir;

	make_temp(temp);
	if (raw6(SYS_renameat2, state, name, state, temp, RENAME_NOREPLACE, 0))
		return;
	dir = open_dir(state, temp);
	if (dir >= 0) {
		each_name(dir, remove_name, NULL);
		raw1(SYS_close, dir);
	}
	raw3(SYS_unlinkat, state, temp, AT_REMOVEDIR);
}

/* What programs left that were killed; those of `load` have no PROGRAM_WHERE and are not ours. */
static bool sweep_one(int state, const char *name, void *arg)
{
	unsigned *left = arg;
	bool alive = false;
	struct stat st;
	int dir;

	if (*name == '.')
		return true;
	dir = open_dir(state, name);
	if (dir < 0)
		return true;
	if (!raw4(SYS_newfstatat, dir, PROGRAM_WHERE, &st, AT_SYMLINK_NOFOLLOW)) {
		each_name(dir, is_held, &alive);
		if (!alive)
			remove_folder(state, name);
	}
	raw1(SYS_close, dir);
	return --*left > 0;
}

static void sweep(int state)
{
	unsigned left = SWEEP_MAX;
	int dir = open_dir(state, ".");

	if (dir >= 0) {
		each_name(dir, sweep_one, &left);
		raw1(SYS_close, dir);
	}
}

/* ---- the lock ----------------------------------------------------------------------------------------------- */

/* The program may have closed it behind our back, and have something else there now. */
static bool is_ours(int fd)
{
	struct stat st;

	return fd >= 0 && !raw2(SYS_fstat, fd, &st) && st.st_ino == held.ino && st.st_dev == held.dev;
}

bool shim_listed_owns(int fd)
{
	return fd >= 0 && fd == held.fd;
}

long shim_listed_move(int fd)
{
	long to = raw3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);

	if (to < 0)
		return to;
	held.fd = (int)to;
	return 0;
}

/* An unnamed file of the state directory; where that cannot be, one whose name is swept with the dead. */
static int lock_file(int state)
{
	char temp[NAME_ROOM + 1];
	int fd = (int)raw4(SYS_openat, state, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	make_temp(temp);
	return (int)raw4(SYS_openat, state, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* A forked child has its parent's file locked too, but that lock outlives it: it gets its own. */
static bool take_lock(int state)
{
	struct stat st;
	int fd;

	if (held.pid == raw_getpid() && is_ours(held.fd))
		return true;
	fd = lock_file(state);
	if (fd < 0)
		return false;
	fd = emul_fd_high(fd);
	if (ofd_lock(fd, F_OFD_SETLK, F_RDLCK, NULL) || raw2(SYS_fstat, fd, &st)) {
		raw1(SYS_close, fd);
		return false;
	}
	held.dev = st.st_dev;
	held.ino = st.st_ino;
	held.pid = raw_getpid();
	held.fd = fd;
	return true;
}

static bool link_lock(int dir)
{
	char name[NAME_ROOM + 1], path[40];
	long r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", held.fd);
	make_held(name);
	r = raw6(SYS_linkat, AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW, 0);
	return !r || r == -EEXIST;
}

/* ---- what is written ------------------------------------------------------------------------------------------ */

static int create(int dir, const char *name)
{
	return (int)raw4(SYS_openat, dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool put_out(int fd, struct line *l)
{
	bool done = raw3(SYS_write, fd, l->buf, l->n) == (long)l->n;

	l->n = 0;
	return done;
}

static bool write_where(int dir, unsigned slot, int own_fd)
{
	struct timespec now = { 0 };
	struct stat st, ns;
	struct line l = { .n = 0 };
	bool done;
	int fd;

	if (raw2(SYS_fstat, own_fd, &st) || raw4(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/pid", &ns, 0))
		return false;
	raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	const struct program_where where = {
		.pid_ns = ns.st_ino, .pid = raw_getpid(), .fd = (uint64_t)own_fd, .dev = st.st_dev, .ino = st.st_ino,
		.address = emul_where(slot),
		.since_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
	};
	uint64_t field[PROGRAM_WHERE_FIELDS];

	memcpy(field, &where, sizeof(where));
	for (size_t i = 0; i < PROGRAM_WHERE_FIELDS; i++) {
		put_u64(&l, field[i], 10);
		put_char(&l, i + 1 < PROGRAM_WHERE_FIELDS ? ' ' : '\n');
	}
	fd = create(dir, PROGRAM_WHERE);
	done = fd >= 0 && put_out(fd, &l);
	if (fd >= 0)
		raw1(SYS_close, fd);
	return done;
}

static void put_bytes(struct line *l, const char *key, const uint8_t *p)
{
	put_key(l, key);
	put_char(l, '"');
	for (size_t i = 0; i < HEX_BYTES; i++) {
		put_char(l, "0123456789abcdef"[p[i] >> 4]);
		put_char(l, "0123456789abcdef"[p[i] & 15]);
	}
	put_char(l, '"');
}

/* Bytes of one character of UTF-8; 0: it is none. */
static size_t utf8_length(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* overlong forms, surrogates, beyond 10FFFF */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* The inside of a JSON string, which may be longer than a line. */
static bool put_out_string(int fd, struct line *l, const char *s)
{
	bool done = true;

	while (done && *s) {
		unsigned char c = (unsigned char)*s;
		size_t n = c < 0x80 ? 1 : utf8_length(s);

		if (c == '"' || c == '\\')
			put_char(l, '\\');
		if (c < 0x20 || c == 0x7f) {
			put_str(l, "\\u00");
			put_char(l, "0123456789abcdef"[c >> 4]);
			put_char(l, "0123456789abcdef"[c & 15]);
		} else if (!n) {
			put_char(l, '?');
		} else {
			for (size_t i = 0; i < n; i++)
				put_char(l, s[i]);
		}
		s += n ? n : 1;
		if (l->n > LINE_ROOM / 2)
			done = put_out(fd, l);
	}
	return done;
}

static bool write_info(int dir, const struct sgx_arch_secs_head *secs, const char *path)
{
	static const char *const kernels[] = { "rfc", "upstream", "fixed" };
	struct line l = { .n = 0 };
	int fd = create(dir, "info");
	bool done;

	if (fd < 0)
		return false;
	put_str(&l, "{\"state\":\"running\"");
	put_text(&l, "origin", "run");
	put_text(&l, "device", "emulated");
	put_int(&l, "pid", raw_getpid());
	put_text(&l, "kernel", kernels[shim_config.emul.kernel]);
	put_str(&l, ",\"elrange\":{\"base\":\"0x");
	put_u64(&l, secs->baseaddr, 16);
	put_str(&l, "\",\"size\":");
	put_u64(&l, secs->size, 10);
	put_str(&l, "},\"debug\":");
	put_str(&l, secs->attributes.flags & SGX_ATTR_DEBUG ? "true" : "false");
	put_bytes(&l, "mrenclave", secs->mrenclave);
	put_bytes(&l, "mrsigner", secs->mrsigner);
	put_str(&l, ",\"program\":\"");
	done = put_out_string(fd, &l, path);
	put_str(&l, "\"}\n");
	done = done && put_out(fd, &l);
	raw1(SYS_close, fd);
	return done;
}

/* ---- coming and going ------------------------------------------------------------------------------------------ */

/* Another process has listed it: keep that alive, too.  False: nobody has, or it has gone since. */
static bool join(int state, const char *label, int own_fd)
{
	char text[256];
	struct stat st, now, then;
	bool same = false;
	int dir = *label && *label != '.' && !strchr(label, '/') ? open_dir(state, label) : -1, fd;

	if (dir < 0)
		return false;
	fd = (int)raw4(SYS_openat, dir, PROGRAM_WHERE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd >= 0) {
		long n = raw3(SYS_read, fd, text, sizeof(text) - 1);
		struct line l = { .n = 0 };

		text[n > 0 ? n : 0] = '\0';
		raw1(SYS_close, fd);
		put_char(&l, ' ');
		put_u64(&l, raw2(SYS_fstat, own_fd, &st) ? 0 : st.st_ino, 10);
		put_char(&l, ' ');
		put_char(&l, '\0');
		same = strstr(text, l.buf) != NULL;
	}
	same = same && link_lock(dir) && !raw2(SYS_fstat, dir, &then) &&
	       !raw4(SYS_newfstatat, state, label, &now, AT_SYMLINK_NOFOLLOW) && now.st_ino == then.st_ino;
	raw1(SYS_close, dir);
	return same;
}

static bool fill(int dir, unsigned slot, int own_fd, const struct sgx_arch_secs_head *secs, const char *path)
{
	return link_lock(dir) && write_where(dir, slot, own_fd) && write_info(dir, secs, path);
}

static bool make(int state, unsigned slot, int own_fd, const struct sgx_arch_secs_head *secs, const char *path)
{
	struct listing *li = &listings[slot];
	char temp[NAME_ROOM + 1];
	long r = -EEXIST;
	int dir;

	for (unsigned i = 0; r == -EEXIST && i < MAX_TRIES; i++) {
		make_temp(temp);
		r = raw3(SYS_mkdirat, state, temp, 0700);
	}
	if (r)
		return false;
	dir = open_dir(state, temp);
	r = dir >= 0 && fill(dir, slot, own_fd, secs, path) ? -EEXIST : -EIO;
	for (unsigned i = 0; r == -EEXIST && i < MAX_TRIES; i++) {
		make_name(li->name, path);
		r = raw6(SYS_renameat2, state, temp, state, li->name, RENAME_NOREPLACE, 0);
	}
	if (dir >= 0)
		raw1(SYS_close, dir);
	if (r)
		remove_folder(state, temp);
	return !r;
}

static void list(int state, unsigned slot, int own_fd, const struct sgx_arch_secs_head *secs)
{
	struct listing *li = &listings[slot];
	char *label = emul_label(slot), buf[4096];

	if (!take_lock(state))
		return;
	if (!swept)
		sweep(state);
	swept = true;
	if (join(state, label, own_fd)) {
		memcpy(li->name, label, NAME_ROOM);
		li->name[NAME_ROOM] = '\0';
		li->on = true;
	} else if (make(state, slot, own_fd, secs, program_path(buf, sizeof(buf)))) {
		memcpy(label, li->name, sizeof(li->name));
		li->on = true;
	}
}

static void on_ready(unsigned slot, int own_fd)
{
	_Alignas(8) uint8_t page[SGX_PAGE_SIZE];
	struct emul_get_secs arg = { .secs = (uintptr_t)page };
	struct sgx_arch_secs_head secs;
	int state;

	if (listings[slot].on || emul_ioctl(own_fd, EMUL_IOC_GET_SECS, &arg))
		return;
	memcpy(&secs, page, sizeof(secs));
	enter();
	state = open_state();
	if (state >= 0) {
		list(state, slot, own_fd, &secs);
		raw1(SYS_close, state);
	}
	leave();
}

static void on_gone(unsigned slot, bool sole)
{
	struct listing *li = &listings[slot];
	int state;

	if (!li->on)
		return;
	li->on = false;
	if (!sole)
		return;         /* others keep it, or whoever lists it next finds that nobody does */
	enter();
	state = open_state();
	if (state >= 0) {
		remove_folder(state, li->name);
		raw1(SYS_close, state);
	}
	leave();
}

void shim_ended(void)
{
	sigset_t old;

	if (!shim_on() || !shim_owner())
		return;
	emul_sig_block(&old);
	for (unsigned i = 0; i < EMUL_MAX_ENCLAVES; i++)
		if (listings[i].on)
			on_gone(i, emul_is_sole(i));
	emul_sig_restore(&old);
}

void shim_listed_setup(void)
{
	if (!shim_config.state[0])
		return;
	emul_on_ready = on_ready;
	emul_on_gone = on_gone;
}
