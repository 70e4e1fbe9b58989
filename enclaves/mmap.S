/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mmap enclave: its threads get memory by a trapped SYSCALL, served by its own exception handler. */
#include "lib/note.h"

	encl_note ntcs=2, nssa=4, stack_bytes=0x10000, heap_bytes=0x10000, \
		reserve_off=0x100000, reserve_bytes=0x7f00000
