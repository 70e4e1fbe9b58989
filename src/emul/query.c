/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions of a host that runs other people's programs: is this fd, this range, one of ours? */
#include <fcntl.h>
#include <sys/stat.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

void (*emul_on_event)(const struct emul_event *ev);
void (*emul_on_ready)(unsigned slot, int own_fd);
void (*emul_on_gone)(unsigned slot, bool sole);

bool emul_is_sole(unsigned slot)
{
	return atomic_load(&emul_encls[slot].live) && emul_epc_sole(emul_encls[slot].sh);
}

char *emul_label(unsigned slot) { return emul_encls[slot].sh->label; }

bool emul_is_device_size(uint64_t bytes)
{
	return bytes == EMUL_FILE_BYTES || bytes == EMUL_TOKEN_BYTES;
}

bool emul_looks_like_enclave(int fd)
{
	struct stat st;

	return fd >= 0 && !raw2(SYS_fstat, fd, &st) && S_ISREG(st.st_mode) && st.st_size == (off_t)EMUL_FILE_BYTES;
}

bool emul_is_token_fd(int fd)
{
	return emul_is_provision_fd(fd);
}

bool emul_is_own_fd(int fd)
{
	uint32_t n = atomic_load(&emul_n_encls);

	for (uint32_t i = 0; i < n; i++)
		if (atomic_load(&emul_encls[i].live) && emul_encls[i].own_fd == fd)
			return true;
	return emul_is_pool_fd(fd) || emul_is_guest_fd(fd);
}

int emul_move_own_fd(int fd)
{
	uint32_t n = atomic_load(&emul_n_encls);

	if (emul_is_pool_fd(fd))
		emul_pool_move_fd(fd);
	if (emul_is_guest_fd(fd))
		emul_guest_wait();
	for (uint32_t i = 0; i < n; i++) {
		if (!atomic_load(&emul_encls[i].live) || emul_encls[i].own_fd != fd)
			continue;
		long to = raw3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);

		if (to < 0)
			return (int)to;
		emul_encls[i].own_fd = (int)to;
		if (emul_encls[i].user < EMUL_USERS)
			emul_encls[i].sh->user[emul_encls[i].user].own_fd = (int)to;
	}
	return 0;
}

bool emul_range_has_enclave(uint64_t la, uint64_t bytes)
{
	uint32_t n = atomic_load(&emul_n_encls);
	bool found = false;
	sigset_t old;

	for (uint32_t i = 0; i < n && !found; i++) {
		struct emul_encl *en = &emul_encls[i];

		if (!atomic_load(&en->live) || !en->n_vma)
			continue;
		emul_sig_block(&old);
		emul_lock(&en->mm_lock);
		for (size_t k = 0; k < en->n_vma && !found; k++)
			found = en->vma[k].start < la + bytes && en->vma[k].end > la;
		emul_unlock(&en->mm_lock);
		emul_sig_restore(&old);
	}
	return found;
}

bool emul_mapping_at(uint64_t la, struct emul_mapping *ret)
{
	struct emul_encl *en = emul_encl_by_vma(la);
	bool found = false;
	sigset_t old;

	if (!en)
		return false;
	emul_sig_block(&old);
	emul_lock(&en->mm_lock);
	struct emul_vma *v = emul_vma_find(en, la);

	if (v) {
		*ret = (struct emul_mapping){ .start = v->start, .end = v->end, .prot = v->prot,
					.may = v->may };
		found = true;
	}
	emul_unlock(&en->mm_lock);
	emul_sig_restore(&old);
	return found;
}
