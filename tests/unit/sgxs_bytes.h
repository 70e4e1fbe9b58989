/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SGXS streams put together in memory, record by record. */
#ifndef TESTS_UNIT_SGXS_BYTES_H
#define TESTS_UNIT_SGXS_BYTES_H

#include <string.h>

#include "image/record.h"

#define STREAM_BYTES ((size_t)4 << 20)
#define RW 0x203u
#define RX 0x205u

static uint8_t stream[STREAM_BYTES];
static size_t used;

static inline uint8_t *record(const char *tag, uint64_t at8, uint64_t at16)
{
	uint8_t *r = stream + used;

	memset(r, 0, RECORD_CHUNK_BYTES);
	memcpy(r, tag, RECORD_TAG_BYTES);
	memcpy(r + 8, &at8, 8);
	memcpy(r + 16, &at16, 8);
	used += RECORD_BYTES;
	return r;
}

static inline void ecreate(uint64_t size)
{
	uint8_t *r;

	used = 0;
	r = record(RECORD_ECREATE, 1, 0);
	memcpy(r + RECORD_SIZE, &size, 8);
}

static inline void chunk(const char *tag, uint64_t off, uint8_t byte)
{
	uint8_t *r = record(tag, off, 0);

	memset(r + RECORD_BYTES, byte, SGX_EEXTEND_BYTES);
	used += SGX_EEXTEND_BYTES;
}

static inline void page(uint64_t off, uint64_t secinfo, uint8_t byte)
{
	record(RECORD_EADD, off, secinfo);
	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++)
		chunk(RECORD_EEXTEND, off + c * SGX_EEXTEND_BYTES, byte);
}

#endif
