/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folder of an enclave that belongs to a program under `sgxctl run`: written by libsgxemu.so and sgxctl-exec in the
 * program (shim/listed.c), read by session/.  No process stands behind it.
 *
 *   info       as of every enclave: JSON, what `list` shows
 *   program    where the enclave's file is to be found: one line, struct program_where in decimal
 *   held-PID   a link to the one file that process PID keeps locked (an open file description lock for reading) as
 *              long as it or a child forked from it lives; one for each process that got the enclave by itself
 *
 * A folder is made under a name that begins with PROGRAM_TEMP, which is none for an enclave, and then renamed, so it
 * is never seen without its lock.  It is renamed back before it is emptied.
 */
#ifndef BASE_PROGRAM_FOLDER_H
#define BASE_PROGRAM_FOLDER_H

#include <stdint.h>

#define PROGRAM_WHERE "program"
#define PROGRAM_HELD  "held-"
#define PROGRAM_TEMP  ".run-"

struct program_where {
	uint64_t pid_ns;        /* inode of /proc/self/ns/pid: where pid is to be understood */
	uint64_t pid;
	uint64_t fd;            /* of the emulator, in that process */
	uint64_t dev, ino;      /* of the enclave's file */
	uint64_t address;       /* emul_where() */
	uint64_t since_ns;      /* CLOCK_MONOTONIC */
};
#define PROGRAM_WHERE_FIELDS (sizeof(struct program_where) / sizeof(uint64_t))

#endif
