/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connecting to a keeper, for the files of session/ that speak to one. */
#ifndef SESSION_CLIENT_H
#define SESSION_CLIENT_H

#include "base/err.h"

/* A connection to the keeper of this folder: ERR_KEEPER_GONE, ERR_BUSY (starting, or stopped), ERR_IO. */
int session_connect(const char *name, int dir_fd, struct err *e);
/* A pidfd of the process at the other end, -1 with errno. */
int session_peer_pidfd(int sock);

#endif
