/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offsets within struct encl_tls for the entry code; lib/ops.c asserts that they are right. */
#ifndef ENCL_TLS_OFFSETS_H
#define ENCL_TLS_OFFSETS_H

#define TLS_SELF_OFF          0
#define TLS_TCS_OFF           8
#define TLS_STACK_TOP_OFF     16
#define TLS_STACK_BYTES       24
#define TLS_HANDLER_TOP_OFF   104

#endif
