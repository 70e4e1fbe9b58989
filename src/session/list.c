/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What enclaves there are, from their folders alone: no keeper is asked, so a hung one cannot hold us. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "session/internal.h"

#define LIST_GUARD_MS 1000

void session_list_free(struct session_entry *entries, size_t n)
{
	for (size_t i = 0; entries && i < n; i++)
		json_free(entries[i].info);
	free(entries);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct session_entry *)a)->name, ((const struct session_entry *)b)->name);
}

/* With the process that has it now; what a program left that was killed is no enclave any more. */
static int read_program(int state_fd, const char *name, int dir, struct session_entry *out)
{
	pid_t pid = 0;

	if (!session_program_holder(dir, &pid)) {
		session_program_clear(state_fd, name, dir);
		return 0;
	}
	*out = (struct session_entry){ .alive = true, .info = session_folder_info(dir), .pid = pid };
	strcpy(out->name, name);
	return 1;
}

/* 1 filled, 0 it is no enclave (or has just gone), -1 with errno. */
static int read_entry(int state_fd, const char *name, struct session_entry *out)
{
	CLEANUP(cleanup_close) int dir = -1;
	int alive;

	if (session_name_check(name, NULL) < 0) {
		session_program_sweep(state_fd, name);
		return 0;
	}
	dir = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
	if (session_is_program(dir))
		return read_program(state_fd, name, dir, out);
	alive = session_folder_alive(dir);
	if (alive < 0)
		return -1;
	*out = (struct session_entry){ .alive = alive == 1, .info = session_folder_info(dir) };
	strcpy(out->name, name);
	return 1;
}

static int read_all(int state_fd, DIR *d, struct session_entry **entries, size_t *n, struct err *e)
{
	size_t room = 0;
	struct dirent *ent;

	while ((errno = 0, ent = readdir(d))) {
		int r;

		if (*n == room) {
			struct session_entry *more;

			room = room ? 2 * room : 16;
			more = reallocarray(*entries, room, sizeof(**entries));
			if (!more)
				return err_set(e, ERR_NO_MEMORY, ENOMEM,
					       "no memory for the list of enclaves");
			*entries = more;
		}
		r = read_entry(state_fd, ent->d_name, &(*entries)[*n]);
		if (r < 0)
			return err_set(e, ERR_STATE_DIR, errno, "cannot read the folder of enclave '%s'",
				       ent->d_name);
		*n += (size_t)r;
	}
	if (errno)
		return err_set(e, ERR_STATE_DIR, errno, "cannot read the state directory");
	return 0;
}

int session_list(struct session_entry **ret, size_t *ret_n, struct err *e)
{
	CLEANUP(cleanup_close) int state = -1;
	struct session_entry *entries = NULL;
	char path[4096];
	size_t n = 0;
	DIR *d;
	int fd, r, guarded;

	state = session_state_dir(path, sizeof(path), e);
	if (state < 0)
		return -1;
	fd = openat(state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		err_set(e, ERR_STATE_DIR, errno, "cannot read the state directory '%s'", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	/* so that a name that is just being claimed is not taken for a dead one; a list beats no list */
	guarded = session_guard(state, LOCK_SH, LIST_GUARD_MS);
	r = read_all(state, d, &entries, &n, e);
	if (guarded == 0)
		session_unguard(state);
	closedir(d);
	if (r < 0) {
		session_list_free(entries, n);
		return -1;
	}
	if (n)
		qsort(entries, n, sizeof(*entries), by_name);
	*ret = entries;
	*ret_n = n;
	return 0;
}
