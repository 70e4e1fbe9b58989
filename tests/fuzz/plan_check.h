/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must hold for every plan that a parser gives back, whatever the file was. */
#ifndef TESTS_PLAN_CHECK_H
#define TESTS_PLAN_CHECK_H

#include "image/image.h"

/* NULL, or what is wrong: something that EADD or the driver refuses, or that leaves the plan's own memory. */
const char *plan_unsound(const struct plan *p);

/*
 * Reads what the file gave for the pages at both ends of each run, names of places, SECS and SIGSTRUCTs, so that a
 * sanitizer sees what leaves the file.  The result means nothing, but keeps the reads alive.
 */
unsigned int plan_read(const struct plan *p);

#endif
