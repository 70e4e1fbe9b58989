/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of an image.  The file is read, not mapped: a mapped file can change between measuring and
 * loading, and one that is truncated kills its reader with SIGBUS.  Read into huge pages, the copy
 * costs what the page faults of a mapping cost.
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
#include "image/internal.h"

DEFINE_CLEANUP_PTR(image_mem_freep, struct image_mem, image_mem_free)

struct image_piece {
	struct image_piece *next;
	_Alignas(16) uint8_t bytes[];
};

/* Room for bytes (at least one) and a page of zeros behind them. */
static struct image_mem *image_mem_new(size_t bytes)
{
	CLEANUP(image_mem_freep) struct image_mem *m = calloc(1, sizeof(*m));
	void *map;

	if (!m)
		return NULL;
	m->map_bytes = page_up(bytes) + SGX_PAGE_SIZE;
	m->fd = -1;
	/* a format that streams uses little of it */
	map = mmap(NULL, m->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	madvise(map, m->map_bytes, MADV_HUGEPAGE);      /* a wish: kernels without it say EINVAL */
	m->bytes = map;
	m->n_bytes = bytes;
	return STEAL_PTR(m);
}

void image_mem_free(struct image_mem *m)
{
	while (m) {
		struct image_mem *more = m->more;

		while (m->pieces) {
			struct image_piece *piece = m->pieces;

			m->pieces = piece->next;
			free(piece);
		}
		image_names_free(m->names);
		if (m->bytes)
			munmap(m->bytes, m->map_bytes);
		cleanup_close(&m->fd);
		free(m);
		m = more;
	}
}

void *image_mem_alloc(struct image_mem *m, size_t n, size_t size, struct err *e)
{
	struct image_piece *piece = NULL;
	size_t bytes;

	if (!__builtin_mul_overflow(n, size, &bytes) && bytes <= SIZE_MAX - sizeof(*piece))
		piece = calloc(1, sizeof(*piece) + bytes);
	if (!piece) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for %zu pieces of %zu bytes", n, size);
		return NULL;
	}
	piece->next = m->pieces;
	m->pieces = piece;
	return piece->bytes;
}

int image_mem_copy(const void *data, size_t bytes, struct image_mem **ret_mem, struct err *e)
{
	struct image_mem *m;

	if (bytes > PLAN_MAX_FILE)
		return err_set(e, ERR_TOO_BIG, EFBIG, "image of %zu bytes is larger than %llu", bytes,
			       (unsigned long long)PLAN_MAX_FILE);
	m = image_mem_new(bytes);
	if (!m)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for an image of %zu bytes", bytes);
	if (bytes)
		memcpy(m->bytes, data, bytes);
	*ret_mem = m;
	return 0;
}

static int open_image(const char *path, int *ret_fd, size_t *ret_bytes, struct err *e)
{
	/* O_NONBLOCK: a FIFO must not hang the command */
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_NO_IMAGE, errno, "cannot open '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_NO_IMAGE, S_ISDIR(st.st_mode) ? EISDIR : EINVAL,
			       "'%s' is no regular file", path);
	if ((uint64_t)st.st_size > PLAN_MAX_FILE)
		return err_set(e, ERR_TOO_BIG, EFBIG, "'%s' has %llu bytes, more than %llu", path,
			       (unsigned long long)st.st_size, (unsigned long long)PLAN_MAX_FILE);
	*ret_bytes = (size_t)st.st_size;
	*ret_fd = STEAL_FD(fd);
	return 0;
}

int image_mem_next(struct image_mem *m, void *buf, size_t bytes, size_t *ret_n, struct err *e)
{
	ssize_t n;

	if (bytes > m->unread)
		bytes = m->unread;
	n = bytes ? read_full(m->fd, buf, bytes) : 0;
	if (n < 0)
		return err_set(e, ERR_NO_IMAGE, errno, "cannot read the image: %s", strerror(errno));
	/* fewer when the file was truncated meanwhile: parsing will tell */
	m->unread = (size_t)n < bytes ? 0 : m->unread - bytes;
	if (!m->unread) {
		cleanup_close(&m->fd);
		m->fd = -1;
	}
	*ret_n = (size_t)n;
	return 0;
}

int image_mem_open(const char *path, struct image_mem **ret_mem, struct err *e)
{
	CLEANUP(image_mem_freep) struct image_mem *m = NULL;
	CLEANUP(cleanup_close) int fd = -1;
	size_t bytes = 0;

	if (open_image(path, &fd, &bytes, e) < 0)
		return -1;
	m = image_mem_new(bytes);
	if (!m)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for '%s' (%zu bytes)", path, bytes);
	m->fd = STEAL_FD(fd);
	m->unread = bytes;
	if (image_mem_next(m, m->bytes, IMAGE_HEAD_BYTES, &m->n_bytes, e) < 0)
		return err_wrap(e, "'%s'", path);
	*ret_mem = STEAL_PTR(m);
	return 0;
}

int image_mem_load(struct image_mem *m, struct err *e)
{
	size_t n = 0;

	if (image_mem_next(m, m->bytes + m->n_bytes, m->unread, &n, e) < 0)
		return -1;
	m->n_bytes += n;
	return 0;
}

void image_mem_trim(struct image_mem *m, size_t bytes)
{
	size_t keep = page_up(bytes) + SGX_PAGE_SIZE;

	if (keep < m->map_bytes && !munmap(m->bytes + keep, m->map_bytes - keep))
		m->map_bytes = keep;
	m->n_bytes = bytes;
}

int image_mem_read_more(struct image_mem *m, const char *path, const struct image_mem **ret_more,
			struct err *e)
{
	struct image_mem *more;

	if (image_mem_open(path, &more, e) < 0)
		return -1;
	if (image_mem_load(more, e) < 0) {
		image_mem_free(more);
		return err_wrap(e, "'%s'", path);
	}
	more->more = m->more;
	m->more = more;
	*ret_more = more;
	return 0;
}
