#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# hostile-topics.sh COMMAND...: every topic of `hostile`, run by COMMAND, as one transcript on stdout.  Runs unchanged
# under `sgxctl run` and, in a virtual machine, on the real driver.  Environment: TOPICS, all unless told.
for topic in ${TOPICS:-inside vdso stub fatal jump stacks masks timer callback maps holes reach fds pass fork exec \
		orders vfork chain killed fdio frames pointers}; do
	timeout 100 "$@" "$topic" </dev/null 2>&1 | sed "s/^/$topic: /"
done
