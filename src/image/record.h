/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records that MRENCLAVE is a hash of; SGXS streams are files of them.  All numbers are little-endian.
 *
 * Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND ("Operation"); Fortanix, "Enhanced SGX stream format".
 */
#ifndef IMAGE_RECORD_H
#define IMAGE_RECORD_H

#include "image/internal.h"

#define RECORD_BYTES       64u
#define RECORD_TAG_BYTES   8u
#define RECORD_ECREATE     "ECREATE"
#define RECORD_EADD        "EADD\0\0\0"
#define RECORD_EEXTEND     "EEXTEND"
/* of SGXS only: ECREATE with a place in the enclave where SIZE is wanted, and bytes that are not hashed */
#define RECORD_UNSIZED     "UNSIZED"
#define RECORD_UNMEASRD    "UNMEASRD"

#define RECORD_SSAFRAMESIZE 8u  /* ECREATE: 4 bytes */
#define RECORD_SIZE         12u /* ECREATE: 8 bytes, the rest is zero */
#define RECORD_SIZE_END     20u
#define RECORD_OFFSET       8u  /* EADD, EEXTEND, UNMEASRD: 8 bytes */
#define RECORD_OFFSET_END   16u /* EEXTEND, UNMEASRD: the rest is zero */
#define RECORD_SECINFO      16u /* EADD: SECINFO.FLAGS, 8 bytes; the rest is zero */
#define RECORD_SECINFO_END  24u

/* Data records: EEXTEND and UNMEASRD are followed by their bytes. */
#define RECORD_CHUNK_BYTES (RECORD_BYTES + SGX_EEXTEND_BYTES)

#endif
