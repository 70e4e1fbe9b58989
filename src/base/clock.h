/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one clock that elapsed_ns and deadlines are taken from: monotonic, in nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SEC ((uint64_t)1000000000)

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);    /* cannot fail: the clock exists and ts is ours */
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

#endif
