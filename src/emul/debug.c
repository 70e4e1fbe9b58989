/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc/PID/mem and ptrace see of enclave memory: EDBGRD and EDBGWR, eight bytes at a time.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_access; fs/proc/base.c, mem_rw.
 */
#include <errno.h>
#include <string.h>

#include "emul/driver.h"

#define WORD  8u
#define CHUNK SGX_PAGE_SIZE     /* mem_rw() asks for this much at a time, wherever it starts */

/* The page at la exists and its maximum is not below what the VMA allows (sgx_encl_load_page_in_vma). */
static bool page_visible(const struct emul_encl *en, uint64_t la, unsigned vma_prot)
{
	uint16_t rec;

	if (la - en->sh->base >= en->sh->size)
		return false;
	rec = emul_rec_load(&en->rec[emul_page_index(en, la)]);
	return rec & EMUL_REC_EXISTS && !(vma_prot & ~rec & EMUL_REC_MAX_MASK);
}

/* One aligned word.  The driver drops the leaf's code: a PENDING page reads as garbage, here as zeros. */
static bool read_word(struct emul_encl *en, uint64_t la, uint8_t word[WORD])
{
	uint64_t data = 0;
	struct sgxm_out out = sgxm_edbgrd(&en->machine, emul_epa(en, la), &data);

	emul_note(en, out, la - en->sh->base);
	if (out.kind != SGXM_DONE)
		data = 0;
	memcpy(word, &data, WORD);
	if (out.kind == SGXM_DONE)
		emul_native_unpatch(en, la, word, WORD);
	return out.kind == SGXM_DONE || out.kind == SGXM_CODE;
}

static bool write_word(struct emul_encl *en, uint64_t la, const uint8_t word[WORD])
{
	uint64_t data;
	struct sgxm_out out;

	memcpy(&data, word, WORD);
	out = emul_note(en, sgxm_edbgwr(&en->machine, emul_epa(en, la), data), la - en->sh->base);
	return out.kind == SGXM_DONE || out.kind == SGXM_CODE;
}

/* All of one chunk or nothing: 0, -EIO, or -EMUL_NO_EPC where a page is out and cannot be brought back now. */
static int access_chunk(struct emul_encl *en, uint64_t la, uint8_t *buf, const uint8_t *src, size_t bytes,
			 unsigned vma_prot)
{
	uint8_t word[WORD];
	size_t n;

	for (size_t i = 0; i < bytes; i += n) {
		uint64_t at = la + i, aligned = at & ~(uint64_t)(WORD - 1), skip = at - aligned;

		n = WORD - skip < bytes - i ? WORD - skip : bytes - i;
		if (!page_visible(en, at, vma_prot))
			return -EIO;
		int r = emul_load_page(en, emul_page_index(en, at));

		if (r)
			return r == -EMUL_NO_EPC ? r : -EIO;
		if (!read_word(en, aligned, word))
			return -EIO;
		if (src) {
			memcpy(word + skip, src + i, n);
			if (!write_word(en, aligned, word))
				return -EIO;
		} else {
			memcpy(buf + i, word + skip, n);
		}
	}
	return 0;
}

/* The VMA at la decides for the chunk that starts there: its enclave and its rights. */
static struct emul_encl *chunk_encl(uint64_t la, unsigned *ret_prot)
{
	struct emul_encl *en = emul_encl_by_vma(la);
	bool usable = false;

	if (!en)
		return NULL;
	emul_lock(&en->mm_lock);
	struct emul_vma *v = emul_vma_find(en, la);

	if (v && !v->dead) {
		*ret_prot = v->prot;
		usable = true;
	}
	emul_unlock(&en->mm_lock);
	return usable && atomic_load(&en->mapped) && atomic_load(&en->sh->debug) ? en : NULL;
}

/* An access to enclave memory, through the mappings of this process or (fixed) to one enclave without any. */
struct access {
	struct emul_encl *fixed;
	uint64_t la;
	uint8_t *buf;           /* read into, or NULL */
	const uint8_t *src;     /* written from, or NULL */
	size_t bytes;
};

static struct emul_encl *encl_of(const struct access *a, uint64_t la, unsigned *ret_prot)
{
	*ret_prot = 0;
	if (!a->fixed)
		return chunk_encl(la, ret_prot);
	return atomic_load(&a->fixed->mapped) && atomic_load(&a->fixed->sh->debug) ? a->fixed : NULL;
}

/* Signals blocked. */
static ssize_t access_range(const struct access *a)
{
	size_t done = 0;

	while (done < a->bytes) {
		size_t n = a->bytes - done < CHUNK ? a->bytes - done : CHUNK;
		unsigned prot;
		struct emul_encl *en = encl_of(a, a->la + done, &prot);
		int r;

		if (!en)
			break;
		do {
			emul_lock(&en->sh->mutex);
			r = access_chunk(en, a->la + done, a->buf ? a->buf + done : NULL,
					 a->src ? a->src + done : NULL, n, prot);
			emul_unlock(&en->sh->mutex);
		} while (r == -EMUL_NO_EPC && emul_reclaim());
		emul_ksgxd(en->sh);
		if (r)
			break;
		done += n;
	}
	return done || !a->bytes ? (ssize_t)done : -EIO;
}

static ssize_t access_here(struct access a)
{
	sigset_t old;
	ssize_t n;

	emul_sig_block(&old);
	n = access_range(&a);
	emul_sig_restore(&old);
	return n;
}

ssize_t emul_peek(uint64_t la, void *buf, size_t bytes)
{
	return access_here((struct access){ .la = la, .buf = buf, .bytes = bytes });
}

ssize_t emul_poke(uint64_t la, const void *buf, size_t bytes)
{
	return access_here((struct access){ .la = la, .src = buf, .bytes = bytes });
}

static ssize_t access_at(int fd, uint64_t off, struct access a)
{
	ssize_t n = -ENOTTY;
	sigset_t old;

	emul_sig_block(&old);
	a.fixed = emul_encl_hold(fd);
	if (a.fixed) {
		a.la = a.fixed->sh->base + off;
		n = access_range(&a);
		emul_encl_drop(a.fixed);
	}
	emul_sig_restore(&old);
	return n;
}

ssize_t emul_peek_at(int fd, uint64_t off, void *buf, size_t bytes)
{
	return access_at(fd, off, (struct access){ .buf = buf, .bytes = bytes });
}

ssize_t emul_poke_at(int fd, uint64_t off, const void *buf, size_t bytes)
{
	return access_at(fd, off, (struct access){ .src = buf, .bytes = bytes });
}
