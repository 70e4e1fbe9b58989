/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends of a process that run no destructors, for --summary and the list of enclaves. */
#include <stdlib.h>
#include <unistd.h>

#include "emul/raw.h"
#include "shim/shim.h"
#include "shim/trace.h"

HOOK void _exit(int status)
{
	shim_ended();
	shim_summary();
	for (;;)
		raw1(SYS_exit_group, status);
}

HOOK void _Exit(int status)
{
	_exit(status);
}
