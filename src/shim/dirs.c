/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device nodes in listings of /dev: behind the last entry that the kernel has.  Nothing else of a listing is ours, so
 * only who comes to its end is looked at.
 *
 * Authority: Linux 6.1 fs/readdir.c (getdents64); what devtmpfs shows of misc devices.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

static const struct { const char *name, *path; } nodes[] = {
	{ "sgx_enclave", SGX_DEV_ENCLAVE }, { "sgx_provision", SGX_DEV_PROVISION },
};
#define NODES (sizeof(nodes) / sizeof(nodes[0]))

/* Who is at the end of a listing, and how many nodes it has been given; the oldest is forgotten. */
static struct place {
	uintptr_t key;
	unsigned given;
	struct dirent64 entry;
} places[16];
static unsigned n_places;
static struct emul_mutex places_lock;

bool shim_is_dev(int fd)
{
	struct stat st, dev;

	return !raw2(SYS_fstat, fd, &st) && S_ISDIR(st.st_mode) && !raw4(SYS_newfstatat, AT_FDCWD, "/dev", &dev, 0) &&
	       st.st_ino == dev.st_ino && st.st_dev == dev.st_dev;
}

/* The kernel's own listing has it: this machine has the device. */
static bool is_there(unsigned i)
{
	struct stat st;

	return !raw4(SYS_newfstatat, AT_FDCWD, nodes[i].path, &st, AT_SYMLINK_NOFOLLOW);
}

static struct place *find_place(uintptr_t key)
{
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].key == key)
			return &places[i];
	return NULL;
}

static struct place *take_place(uintptr_t key)
{
	struct place *p = find_place(key);

	if (!p) {
		p = &places[n_places++ % (sizeof(places) / sizeof(places[0]))];
		p->key = key;
		p->given = 0;
	}
	return p;
}

/* The next node of a listing that came to its end; false: it is over.  The entry lasts until the next call. */
static bool next_node(uintptr_t key, int fd, struct dirent64 **ret)
{
	struct place *p;
	struct stat st;
	sigset_t old;
	long failed;

	if (!shim_is_dev(fd))
		return false;
	emul_sig_block(&old);
	emul_lock(&places_lock);
	p = take_place(key);
	while (p->given < NODES && is_there(p->given))
		p->given++;
	*ret = p->given < NODES ? &p->entry : NULL;
	if (*ret) {
		const char *name = nodes[p->given].name;

		if (shim_stat(AT_FDCWD, nodes[p->given++].path, &st, 0, &failed) && !failed)
			p->entry.d_ino = st.st_ino;
		p->entry.d_off = INT64_MAX;
		p->entry.d_reclen = (unsigned short)((offsetof(struct dirent64, d_name) + strlen(name) + 8) & ~7u);
		p->entry.d_type = DT_CHR;
		strcpy(p->entry.d_name, name);
	}
	emul_unlock(&places_lock);
	emul_sig_restore(&old);
	return *ret;
}

static void start_over(uintptr_t key)
{
	struct place *p;
	sigset_t old;

	if (!n_places)
		return;
	emul_sig_block(&old);
	emul_lock(&places_lock);
	p = find_place(key);
	if (p)
		p->key = 0;
	emul_unlock(&places_lock);
	emul_sig_restore(&old);
}

long shim_call_getdents(struct shim_call *c)
{
	int fd = (int)c->a[0];
	uint64_t buf = c->a[1], bytes = (unsigned int)c->a[2];
	uintptr_t key = (uintptr_t)fd << 1 | 1;         /* no address of a DIR */
	long r = raw3(SYS_getdents64, fd, buf, bytes);
	struct dirent64 *e;

	if (r > 0)
		start_over(key);
	/* one at a time: the caller comes again until there are none */
	if (r || bytes < sizeof(*e) || !next_node(key, fd, &e))
		return r;
	return emul_user_write(buf, e, e->d_reclen) ? -EFAULT : e->d_reclen;
}

struct dirent64 *shim_readdir(void *dir, int fd, struct dirent64 *found)
{
	struct dirent64 *e;

	if (!found)
		return next_node((uintptr_t)dir, fd, &e) ? e : NULL;
	start_over((uintptr_t)dir);
	return found;
}
