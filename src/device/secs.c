/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SECS, each field with where it came from.  Only a model shows the EPC page itself; elsewhere the
 * enclave's own EREPORT is the best witness, then what CREATE was given and EINIT has verified.
 */
#include <string.h>

#include "device/internal.h"

const char *secs_source_name(enum secs_source s)
{
	static const char *const names[] = {
		[SRC_EPC] = "epc", [SRC_CREATE] = "create", [SRC_SIGSTRUCT] = "sigstruct",
			[SRC_REPORT] = "report",
		[SRC_MEASURED] = "measured",
	};

	return names[s];
}

static void set_sources(struct secs_view *v, enum secs_source all)
{
	v->size = v->base = v->ssaframesize = v->miscselect = v->attributes = v->xfrm = all;
	v->mrenclave = v->mrsigner = v->isvprodid = v->isvsvn = v->configid = v->configsvn = all;
}

static bool from_model(struct encl *en, struct secs_view *v)
{
	struct model_secs m;

	if (model_get_secs(en, &m))
		return false;
	set_sources(v, SRC_EPC);
	v->secs = m.secs;
	v->raw = true;
	v->has_eid = true;
	v->eid = m.eid;
	v->children = m.children;
	return true;
}

static void from_build(struct encl *en, struct secs_view *v)
{
	set_sources(v, SRC_CREATE);
	v->secs = en->secs;
	v->mrenclave = en->signed_here ? SRC_MEASURED : SRC_SIGSTRUCT;
	v->mrsigner = v->isvprodid = v->isvsvn = SRC_SIGSTRUCT;
}

/* EREPORT needs a free TCS; that there is none now only makes the answer less direct. */
static void from_report(struct encl *en, struct secs_view *v)
{
	struct {
		struct sgx_targetinfo target;
		uint8_t data[64];
	} in __attribute__((aligned(512))) = { 0 };
	struct sgx_report report __attribute__((aligned(512))) = { 0 };
	struct encl_op op = {
		.op = ENCL_OP_REPORT, .src = (uint64_t)(uintptr_t)&in, .dst = (uint64_t)(uintptr_t)&report,
	};
	struct sgx_arch_secs *s = &v->secs;
	struct encl_exit x;

	if (en->state != ENCL_INITIALIZED || !en->plan.op_interface || encl_run_op(en, &op, &x, NULL) ||
	    op.status != ENCL_OK)
		return;
	s->miscselect = report.miscselect;
	s->cet_attributes = report.cet_attributes;
	s->attributes = report.attributes;
	memcpy(s->mrenclave, report.mrenclave, sizeof(s->mrenclave));
	memcpy(s->mrsigner, report.mrsigner, sizeof(s->mrsigner));
	memcpy(s->configid, report.configid, sizeof(s->configid));
	s->isvprodid = report.isvprodid;
	s->isvsvn = report.isvsvn;
	s->configsvn = report.configsvn;
	v->miscselect = v->attributes = v->xfrm = v->mrenclave = v->mrsigner = SRC_REPORT;
	v->isvprodid = v->isvsvn = v->configid = v->configsvn = SRC_REPORT;
}

int encl_secs(struct encl *en, struct secs_view *v, struct err *e)
{
	memset(v, 0, sizeof(*v));
	if (en->state == ENCL_NEW)
		return err_set(e, ERR_CREATE, 0, "the enclave has no SECS yet");
	if (from_model(en, v))
		return 0;
	from_build(en, v);
	from_report(en, v);
	return 0;
}
