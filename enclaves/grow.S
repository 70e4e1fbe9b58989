/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The grow enclave: every operation on ranges, two threads, 127 MiB to grow into from offset 1 MiB. */
#include "lib/note.h"

	encl_note ntcs=2, nssa=4, stack_bytes=0x10000, heap_bytes=0x10000, \
		reserve_off=0x100000, reserve_bytes=0x7f00000
