/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the device layer share: enclaves on the script device. */
#ifndef TESTS_UNIT_DEVICE_RIG_H
#define TESTS_UNIT_DEVICE_RIG_H

#include "device/device_script.h"
#include "device/internal.h"

/* A plan of three runs: a TCS, `pages` data pages, code; it speaks the operation interface. */
struct plan rig_plan(uint64_t pages);
/* An enclave on s, with a SIGSTRUCT that nobody verifies; NULL with e. */
struct encl *rig_build(struct script *s, uint64_t pages, struct err *e);
/* The same, the test being over when it cannot be had. */
struct encl *rig_need(struct script *s);

#define RIG_SIZE ((uint64_t)1 << 20)    /* of ELRANGE */
#define RIG_FREE 0x80000u               /* offset with nothing behind it */

#endif
