/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between cmd_diff.c and its document. */
#ifndef CLI_DIFF_H
#define CLI_DIFF_H

#include "cli/measure.h"

struct diff {
	struct measured side[2];        /* word and opts: in */
	uint64_t limit;                 /* of differences */
	bool measured;                  /* MRENCLAVE is wanted */
};

int diff_open(struct diff *d, struct err *e);
void diff_close(struct diff *d);
/* The document; *ret_same: there is no difference at all. */
struct json *diff_doc(const struct diff *d, bool *ret_same, struct err *e);

#endif
