/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MRENCLAVE: the blocks of the running SHA-256. */
#include "machine/measure.h"

#include "machine/mem.h"

#define BLOCK 64u
#define CHUNK_BYTES (BLOCK + SGX_EEXTEND_BYTES)  /* header block and data of one EEXTEND */
#define CHUNKS_PER_PAGE (SGX_PAGE_SIZE / SGX_EEXTEND_BYTES)
#define CHUNKS_PER_CALL 4u      /* 1280 bytes of stack; more calls cost more than the copy */

#define TAG_ECREATE 0x0045544145524345ull       /* "ECREATE\0" */
#define TAG_EADD    0x0000000044444145ull       /* "EADD\0\0\0\0" */
#define TAG_EEXTEND 0x00444e4554584545ull       /* "EEXTEND\0" */

static void append(struct sgxm *m, struct sgxm_secs *s, const uint8_t *blocks, size_t bytes)
{
	m->ops->sha256_update(m->host, &s->sha, blocks, bytes);
	s->measured_blocks += bytes / BLOCK;
}

void measure_ecreate(struct sgxm *m, struct sgxm_secs *s)
{
	uint8_t b[BLOCK];

	/* CET_LEG_BITMAP_OFFSET, which would follow SIZE, is 0 on this CPU */
	mem_zero(b, sizeof(b));
	mem_put64(b, TAG_ECREATE);
	mem_put32(b + 8, s->a.ssaframesize);
	mem_put64(b + 12, s->a.size);
	append(m, s, b, sizeof(b));
}

void measure_eadd(struct sgxm *m, struct sgxm_secs *s, uint64_t page_off, uint64_t secinfo_flags)
{
	uint8_t b[BLOCK];

	/* 48 bytes of SECINFO, of which all but FLAGS are reserved and 0 */
	mem_zero(b, sizeof(b));
	mem_put64(b, TAG_EADD);
	mem_put64(b + 8, page_off);
	mem_put64(b + 16, secinfo_flags);
	append(m, s, b, sizeof(b));
}

static void lay_chunk(uint8_t *to, uint64_t off, const uint8_t *data)
{
	mem_zero(to, BLOCK);
	mem_put64(to, TAG_EEXTEND);
	mem_put64(to + 8, off);
	mem_copy(to + BLOCK, data, SGX_EEXTEND_BYTES);
}

void measure_eextend(struct sgxm *m, struct sgxm_secs *s, uint64_t off, const uint8_t *data)
{
	uint8_t b[CHUNK_BYTES];

	lay_chunk(b, off, data);
	append(m, s, b, sizeof(b));
}

void measure_page(struct sgxm *m, struct sgxm_secs *s, uint64_t page_off, const uint8_t *page)
{
	uint8_t b[CHUNKS_PER_CALL * CHUNK_BYTES];

	for (uint32_t chunk = 0; chunk < CHUNKS_PER_PAGE; chunk += CHUNKS_PER_CALL) {
		for (uint32_t i = 0; i < CHUNKS_PER_CALL; i++) {
			uint64_t in_page = (uint64_t)(chunk + i) * SGX_EEXTEND_BYTES;

			lay_chunk(b + i * CHUNK_BYTES, page_off + in_page, page + in_page);
		}
		append(m, s, b, sizeof(b));
	}
}
