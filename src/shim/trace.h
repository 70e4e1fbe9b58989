/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of --summary, which are also the names in --trace. */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#define SHIM_ROWS \
	ROW(OPEN, "open") ROW(MMAP, "mmap") ROW(MUNMAP, "munmap") ROW(MPROTECT, "mprotect") \
	ROW(CREATE, "CREATE") ROW(ADD_PAGES, "ADD_PAGES") ROW(INIT, "INIT") ROW(PROVISION, "PROVISION") \
	ROW(RESTRICT, "RESTRICT_PERMISSIONS") ROW(MODIFY, "MODIFY_TYPES") ROW(REMOVE, "REMOVE_PAGES") \
	ROW(AUGMENT, "AUGMENT_PAGES") ROW(OTHER, "other ioctls") \
	ROW(EENTER, "EENTER") ROW(ERESUME, "ERESUME") ROW(EEXIT, "EEXIT") ROW(AEX, "AEX") \
	ROW(EACCEPT, "EACCEPT") ROW(EACCEPTCOPY, "EACCEPTCOPY") ROW(EMODPE, "EMODPE") ROW(EREPORT, "EREPORT") \
	ROW(EGETKEY, "EGETKEY") ROW(EDECCSSA, "EDECCSSA") ROW(OTHER_LEAF, "other leafs")

bool shim_trace_owns(int fd);           /* our files, which the program does not know of */
long shim_trace_move(int fd);           /* somebody wants its number: 0 or -errno */
void shim_summary(void);                /* when the process ends */

#endif
