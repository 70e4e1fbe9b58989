/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process's table of enclaves (encl.c), as the device and the EPC see it. */
#ifndef EMUL_ENCL_H
#define EMUL_ENCL_H

#include <sys/stat.h>

#include "emul/internal.h"

#define EMUL_VERSION 4u

/* Size of every enclave file: up to the SECS behind the last page of the largest ELRANGE. */
#define EMUL_FILE_BYTES (EMUL_OFF_BACKING + ((uint64_t)1 << EMUL_MAX_SIZE_LOG2) + SGX_PAGE_SIZE)

/* ... and of a provision token */
#define EMUL_TOKEN_BYTES 0x73677870u

struct emul_encl *emul_encl_find_held(const struct stat *st);    /* counted as in use: emul_encl_drop() */
int emul_encl_claim(int own_fd, const struct stat *st, bool is_new, struct emul_encl **ret_en);
void emul_encl_reap(void);
int emul_fd_high(int fd);
void *emul_map_file(int fd, uint64_t bytes, uint64_t off);

/* around fork(), all signals blocked */
void emul_encl_before_fork(void);
void emul_encl_after_fork(bool child);

/* This process uses the enclave's EPC pages from now on / no more; the last one gives them back. */
void emul_epc_attach(struct emul_shared *sh, dev_t dev, ino_t ino);
void emul_epc_detach(struct emul_shared *sh);
/* Is this process the only one that has the enclave? */
bool emul_epc_sole(struct emul_shared *sh);

/* Has a process that used the enclave gone without letting go, or may it have? */
bool emul_epc_lost_holder(struct emul_shared *sh);

/* fds of process pid that name the file, other than except_fd */
bool emul_process_has_file(uint32_t pid, dev_t dev, ino_t ino, int except_fd);
/* A descriptor of our own for it, to read and write; -1: there is none, or it may not be had. */
int emul_process_open_file(uint32_t pid, dev_t dev, ino_t ino);

/*
 * An enclave of another process, for reclaiming: *en has no slot, no mappings and no user entry, and finds nothing by
 * address.  own_fd becomes its own on success, until it is left.
 */
bool emul_encl_visit(struct emul_encl *en, int own_fd, dev_t dev, ino_t ino);
void emul_encl_leave(struct emul_encl *en);

/* A holder of EPC pages in our pool that is not this process. */
struct emul_holder {
	uint32_t charge;
	uint64_t pages;
	dev_t dev;
	ino_t ino;
	uint32_t pids[EMUL_CHARGE_PIDS];
};
/* The one with the most pages, at most as many as in *h and behind it in that order.  False: there is none. */
bool emul_epc_next_holder(struct emul_holder *h);
/* Keeps the charge for this process while it reclaims there.  False: another does, or it is another enclave's by now. */
bool emul_epc_visit(const struct emul_holder *h);
void emul_epc_leave(const struct emul_holder *h);
/* Has this process less than its part of the EPC, by enclaves? */
bool emul_epc_is_modest(void);

#endif
