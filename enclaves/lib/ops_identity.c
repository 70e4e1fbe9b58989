/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that say who the enclave is: REPORT GETKEY SELF. */
#include "enclu.h"
#include "encl.h"

#define REPORTDATA_BYTES 64
#define KEY_BYTES 16

__attribute__((noinline))
uint64_t op_report(struct encl_ctx *c)
{
	/* one object: three over-aligned locals would each waste the padding on a small stack */
	struct {
		_Alignas(512) struct sgx_targetinfo targetinfo;
		_Alignas(512) struct sgx_report report;
		_Alignas(128) uint8_t reportdata[128];
	} m;
	uint64_t src = c->in.src;

	if ((src && !encl_outside(c, src, sizeof(m.targetinfo) + REPORTDATA_BYTES)) ||
	    !encl_outside(c, c->in.dst, sizeof(m.report)))
		return ENCL_BAD_ARG;
	memset(&m, 0, sizeof(m));
	if (src) {
		memcpy(&m.targetinfo, (const void *)src, sizeof(m.targetinfo));
		memcpy(m.reportdata, (const void *)(src + sizeof(m.targetinfo)), REPORTDATA_BYTES);
	}
	enclu_ereport(&m.targetinfo, m.reportdata, &m.report);
	memcpy((void *)c->in.dst, &m.report, sizeof(m.report));
	return ENCL_OK;
}

__attribute__((noinline))
uint64_t op_getkey(struct encl_ctx *c)
{
	_Alignas(512) struct sgx_keyrequest request;
	_Alignas(16) uint8_t key[KEY_BYTES];
	uint64_t code;

	if (!encl_outside(c, c->in.src, sizeof(request)) || !encl_outside(c, c->in.dst, KEY_BYTES))
		return ENCL_BAD_ARG;
	memcpy(&request, (const void *)c->in.src, sizeof(request));
	code = enclu_egetkey(&request, key);
	c->out->sgx = code;
	if (code)
		return ENCL_REFUSED;
	memcpy((void *)c->in.dst, key, KEY_BYTES);
	memset(key, 0, KEY_BYTES);
	return ENCL_OK;
}

uint64_t op_self(struct encl_ctx *c)
{
	if (!encl_outside(c, c->in.dst, sizeof(*c->tls)))
		return ENCL_BAD_ARG;
	memcpy((void *)c->in.dst, c->tls, sizeof(*c->tls));
	return ENCL_OK;
}
