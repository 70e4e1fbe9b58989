/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key derivation over a fixed-layout serialisation of its inputs. */
#include "machine/keys.h"

#include "machine/mem.h"

#define EM_FF_BYTES 330u

void key_derive(struct sgxm *m, const struct key_inputs *in, uint8_t ret_key[16])
{
	m->ops->cmac(m->host, m->platform->root_key, in, sizeof(*in), ret_key);
}

void key_padding(uint8_t padding[352])
{
	/* DigestInfo of SHA-256 in DER, up to the digest */
	static const uint8_t digest_info[19] = {
		0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
	};

	padding[0] = 0x00;
	padding[1] = 0x01;
	mem_fill(padding + 2, 0xff, EM_FF_BYTES);
	padding[2 + EM_FF_BYTES] = 0x00;
	mem_copy(padding + 2 + EM_FF_BYTES + 1, digest_info, sizeof(digest_info));
}

void key_seal_fuses(uint8_t fuses[16])
{
	mem_fill(fuses, 0xf5, 16);
}
