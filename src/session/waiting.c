/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for descriptors until a point in time; signals do not prolong it. */
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"
#include "session/internal.h"

#define NEVER UINT64_MAX
#define NS_PER_MS ((uint64_t)1000000)

uint64_t session_deadline(int ms)
{
	return ms < 0 ? NEVER : now_ns() + (uint64_t)ms * NS_PER_MS;
}

/* Rounded up: a remainder below one millisecond must not become a busy loop. */
static int remaining_ms(uint64_t deadline)
{
	uint64_t now, ms;

	if (deadline == NEVER)
		return -1;
	now = now_ns();
	if (now >= deadline)
		return 0;
	ms = (deadline - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int poll_until(struct pollfd *p, nfds_t n, uint64_t deadline)
{
	for (;;) {
		int ms = remaining_ms(deadline);
		int r = poll(p, n, ms);

		if (r > 0)
			return 1;
		if (r < 0 && errno != EINTR)
			return -1;
		if (r == 0 && ms >= 0 && remaining_ms(deadline) == 0)
			return 0;
	}
}

int session_poll(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll_until(&p, 1, deadline);
}

int session_poll2(int fd_a, int fd_b, uint64_t deadline, bool *ret_a, bool *ret_b)
{
	/* poll() ignores negative descriptors */
	struct pollfd p[2] = { { .fd = fd_a, .events = POLLIN }, { .fd = fd_b, .events = POLLIN } };
	int r = poll_until(p, 2, deadline);

	*ret_a = r > 0 && p[0].revents;
	*ret_b = r > 0 && p[1].revents;
	return r;
}
