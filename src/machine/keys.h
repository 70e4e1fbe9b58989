/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key derivation.  The key function and the fuses of real CPUs are secret; here a key is the
 * AES-CMAC, under platform->root_key, of the inputs that the manual lists, in a fixed layout.
 *
 * Authority: Intel SDM Vol. 3D, "EGETKEY", table of key derivation inputs.
 */
#ifndef MACHINE_KEYS_H
#define MACHINE_KEYS_H

#include "machine/machine.h"

/* Every input of the table; those that a key name does not use are 0 */
struct key_inputs {
	uint16_t keyname, keypolicy;
	uint16_t isvprodid, isvsvn, configsvn;
	uint8_t  cet_attributes, cet_attributes_mask;
	uint32_t miscselect, miscmask;
	struct sgx_attributes attributes, attributemask;
	uint8_t  cpusvn[16];
	uint8_t  keyid[32];
	uint8_t  mrenclave[32], mrsigner[32];
	uint8_t  configid[64];
	uint8_t  isvfamilyid[16], isvextprodid[16];
	uint8_t  owner_epoch[16];
	uint8_t  seal_fuses[16];
	uint8_t  padding[352];
} __attribute__((packed));

void key_derive(struct sgxm *m, const struct key_inputs *in, uint8_t ret_key[16]);

/* The PKCS#1 v1.5 padding of a 3072-bit SHA-256 signature: all of EM before the digest */
void key_padding(uint8_t padding[352]);

/* Stands for the seal fuses; what is secret about them is the root key already */
void key_seal_fuses(uint8_t fuses[16]);

/* CPUSVN: is every component of a no newer than b's? */
static inline int cpusvn_within(const uint8_t a[16], const uint8_t b[16])
{
	for (int i = 0; i < 16; i++) {
		if (a[i] > b[i])
			return 0;
	}
	return 1;
}

#endif
