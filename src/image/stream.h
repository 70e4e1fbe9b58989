/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The records of a plan, for those who hash or write them. */
#ifndef IMAGE_STREAM_H
#define IMAGE_STREAM_H

#include "image/record.h"

struct plan_sink {
	/* Whole records with their contents, in order; hashed: they count for MRENCLAVE. */
	int (*put)(struct plan_sink *sink, const void *data, size_t bytes, bool hashed, struct err *e);
	bool unmeasured;        /* it wants contents that are not measured too, as UNMEASRD records */
};

int plan_stream(const struct plan *p, struct plan_sink *sink, image_progress progress, void *arg, struct err *e);

#endif
