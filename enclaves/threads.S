/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads enclave: as grow, with eight threads. */
#include "lib/note.h"

	encl_note ntcs=8, nssa=4, stack_bytes=0x10000, heap_bytes=0x40000, \
		reserve_off=0x200000, reserve_bytes=0x7e00000
