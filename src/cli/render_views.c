/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which members of which document people see, in which order, under which title: one row each. */
#include "cli/render.h"

#include <stddef.h>

#define END { NULL, NULL, COL_TEXT }
#define COUNTERS \
	{ "counters.ioctls", "ioctls", COL_TEXT }, { "counters.mmaps", "mmaps", COL_TEXT }, \
	{ "counters.host_faults", "host faults", COL_TEXT }, { "counters.eenters", "EENTER", COL_TEXT }, \
	{ "counters.eexits", "EEXIT", COL_TEXT }, { "counters.eresumes", "ERESUME", COL_TEXT }, \
	{ "counters.aexs", "AEX", COL_TEXT }, { "counters.user_exits", "exits to user", COL_TEXT }, \
	{ "counters.eaccepts", "EACCEPT", COL_TEXT }, { "counters.eacceptcopies", "EACCEPTCOPY", COL_TEXT }, \
	{ "counters.ptes", "page-table entries", COL_TEXT }

static const struct column list_columns[] = {
	{ "enclave", "ENCLAVE", COL_TEXT }, { "state", "STATE", COL_TEXT }, { "device", "DEVICE", COL_TEXT },
	{ "pid", "PID", COL_NUMBER }, { "elrange.base", "BASE", COL_TEXT },
	{ "elrange.size", "SIZE", COL_SIZE },
	{ "image", "IMAGE", COL_TEXT }, END
};

static const struct column load_head[] = {
	{ "enclave", "enclave", COL_TEXT }, { "pid", "keeper", COL_TEXT }, { "device", "device", COL_TEXT },
	{ "kernel", "kernel", COL_TEXT }, { "debug", "debug", COL_TEXT },
	{ "elrange.base", "ELRANGE base", COL_TEXT }, { "elrange.size", "ELRANGE size", COL_SIZE },
	{ "mrenclave", "MRENCLAVE", COL_TEXT }, { "mrsigner", "MRSIGNER", COL_TEXT },
	{ "pages.added", "pages added", COL_TEXT }, { "pages.measured", "pages measured", COL_TEXT },
	{ "tcs", "TCS", COL_TEXT }, { "elapsed_ns", "time", COL_TIME }, END
};

static const struct column status_head[] = {
	{ "enclave", "enclave", COL_TEXT }, { "state", "state", COL_TEXT }, { "device", "device", COL_TEXT },
	{ "pid", "keeper", COL_TEXT }, { "image", "image", COL_TEXT }, { "debug", "debug", COL_TEXT },
	{ "elrange.base", "ELRANGE base", COL_TEXT }, { "elrange.size", "ELRANGE size", COL_SIZE },
	{ "mrenclave", "MRENCLAVE", COL_TEXT }, { "pages.added", "pages added", COL_TEXT },
	{ "pages.augmented", "pages augmented", COL_TEXT }, { "pages.removed", "pages removed", COL_TEXT },
	{ "requests", "requests", COL_TEXT }, { "active_requests", "requests now", COL_TEXT },
	{ "uptime_ns", "running for", COL_TIME }, COUNTERS, END
};
static const struct column thread_columns[] = {
	{ "offset", "TCS", COL_TEXT }, { "busy", "BUSY", COL_TEXT }, { "depth", "DEPTH", COL_NUMBER },
	{ "dynamic", "DYNAMIC", COL_TEXT }, END
};

static const struct column range_head[] = {
	{ "enclave", "enclave", COL_TEXT }, { "device", "device", COL_TEXT },
	{ "offset", "offset", COL_TEXT },
	{ "perm", "rights", COL_TEXT }, { "type", "type", COL_TEXT }, { "flags", "SECINFO.FLAGS", COL_TEXT },
	{ "requested_pages", "pages requested", COL_TEXT },
	{ "done_pages", "pages done", COL_TEXT }, { "accepted_pages", "pages accepted", COL_TEXT },
	{ "extended_pages", "pages extended", COL_TEXT }, COUNTERS,
	{ "elapsed_ns", "time", COL_TIME }, END
};

static const struct column call_head[] = {
	{ "enclave", "enclave", COL_TEXT }, { "device", "device", COL_TEXT },
	{ "tcs", "TCS", COL_TEXT }, { "resumed", "resumed", COL_TEXT }, { "call", "operation", COL_TEXT },
	{ "raw.leaf", "entered by", COL_TEXT }, { "raw.run.function", "left by", COL_TEXT },
	{ "raw.registers.rdi", "RDI", COL_TEXT }, { "raw.registers.rsi", "RSI", COL_TEXT },
	{ "raw.registers.rdx", "RDX", COL_TEXT }, { "raw.registers.r8", "R8", COL_TEXT },
	{ "raw.registers.r9", "R9", COL_TEXT }, { "raw.mem.address", "memory at", COL_TEXT },
	{ "status", "status", COL_TEXT }, { "value", "value", COL_TEXT }, { "done", "done", COL_TEXT },
	{ "sgx", "SGX code", COL_TEXT }, { "exception.name", "exception", COL_TEXT },
	{ "exception.function", "came by", COL_TEXT }, { "exception.error_code", "error code", COL_TEXT },
	{ "exception.address", "address", COL_TEXT }, COUNTERS,
	{ "elapsed_ns", "time", COL_TIME }, END
};

static const struct column tcs_columns[] = {
	{ "offset", "TCS", COL_TEXT }, { "state", "STATE", COL_TEXT }, { "flags", "FLAGS", COL_TEXT },
	{ "ossa", "OSSA", COL_TEXT }, { "cssa", "CSSA", COL_NUMBER }, { "nssa", "NSSA", COL_NUMBER },
	{ "oentry", "OENTRY", COL_TEXT }, { "aep", "AEP", COL_TEXT }, { "ofsbase", "OFSBASE", COL_TEXT },
	{ "ogsbase", "OGSBASE", COL_TEXT }, { "fslimit", "FSLIMIT", COL_TEXT },
	{ "gslimit", "GSLIMIT", COL_TEXT }, END
};

static const struct column augment_head[] = {
	{ "enclave", "enclave", COL_TEXT }, { "device", "device", COL_TEXT },
	{ "strategy", "strategy", COL_TEXT },
	{ "offset", "offset", COL_TEXT }, { "requested_pages", "pages requested", COL_TEXT },
	{ "augmented_pages", "pages augmented", COL_TEXT }, { "accepted_pages", "pages accepted", COL_TEXT },
	{ "round_trips_per_page", "round trips per page", COL_TEXT },
	COUNTERS, { "elapsed_ns", "time", COL_TIME }, END
};

const struct column scenario_list_columns[] = {
	{ "name", "SCENARIO", COL_TEXT }, { "pages", "PAGES", COL_NUMBER },
	{ "strategies", "STRATEGIES", COL_TEXT },
	{ "text", "DOES", COL_TEXT }, END
};
const struct column scenario_columns[] = {
	{ "result", "RESULT", COL_TEXT }, { "name", "SCENARIO", COL_TEXT },
	{ "strategy", "STRATEGY", COL_TEXT },
	{ "pages", "PAGES", COL_NUMBER }, { "counters.ioctls", "IOCTL", COL_NUMBER },
	{ "counters.eenters", "EENTER", COL_NUMBER }, { "counters.eresumes", "ERESUME", COL_NUMBER },
	{ "counters.aexs", "AEX", COL_NUMBER }, { "counters.eaccepts", "EACCEPT", COL_NUMBER },
	{ "counters.eacceptcopies", "EACCEPTCOPY", COL_NUMBER }, { "elapsed_ns", "TIME", COL_TIME },
	{ "reason", "REASON", COL_TEXT }, END
};

static const struct column pages_columns[] = {
	{ "offset", "OFFSET", COL_TEXT }, { "pages", "PAGES", COL_NUMBER }, { "type", "TYPE", COL_TEXT },
	{ "perm", "PERM", COL_TEXT }, { "", "BITS", COL_BITS }, { "pte", "PTE", COL_TEXT },
	{ "vma", "VMA", COL_TEXT },
	{ "origin", "ORIGIN", COL_TEXT }, { "source", "SOURCE", COL_TEXT }, { "what", "WHAT", COL_TEXT }, END
};

static const struct column probe_columns[] = {
	{ "pass", "PASS", COL_TEXT }, { "name", "PROBE", COL_TEXT }, { "value", "VALUE", COL_TEXT },
	{ "message", "MEANS", COL_TEXT }, END
};
static const struct column info_head[] = {
	{ "auto", "--device=auto takes", COL_TEXT }, { "reason", "because", COL_TEXT }, END
};

static const struct column unload_columns[] = {
	{ "enclave", "UNLOADED", COL_TEXT }, { "was", "WAS", COL_TEXT }, END
};

static const struct column image_head[] = {
	{ "image", "image", COL_TEXT }, { "format", "format", COL_TEXT },
	{ "mrenclave", "MRENCLAVE", COL_TEXT },
	{ "mrsigner", "MRSIGNER", COL_TEXT }, { "elrange.size", "ELRANGE size", COL_SIZE },
	{ "pages.added", "pages added", COL_TEXT }, { "pages.measured", "pages measured", COL_TEXT },
	{ "tcs", "TCS", COL_TEXT }, { "sigstruct", "SIGSTRUCT", COL_TEXT }, { "to_sign", "to be signed", COL_TEXT },
	{ "to_sign_sha256", "  SHA-256", COL_TEXT }, { "key", "key", COL_TEXT },
	{ "sgxs.path", "SGXS stream", COL_TEXT }, { "sgxs.bytes", "its size", COL_SIZE },
	{ "sgxs.sigstruct", "its SIGSTRUCT", COL_TEXT }, { "sgxs.canonical", "canonical", COL_TEXT },
	{ "sgxs.not_in_stream", "not in it", COL_TEXT },
	{ "key_created", "key created", COL_TEXT }, { "warnings", "warnings", COL_TEXT },
	{ "elapsed_ns", "time", COL_TIME }, END
};

static const struct column inspect_head[] = {
	{ "image", "image", COL_TEXT }, { "format", "format", COL_TEXT },
	{ "elrange.size", "ELRANGE size", COL_SIZE }, { "elrange.base", "ELRANGE base", COL_TEXT },
	{ "ssaframesize", "SSAFRAMESIZE", COL_TEXT }, { "attributes.flags", "ATTRIBUTES.FLAGS", COL_TEXT },
	{ "attributes.names", "  names", COL_TEXT }, { "attributes.xfrm", "ATTRIBUTES.XFRM", COL_TEXT },
	{ "attributes.xfrm_names", "  names", COL_TEXT }, { "miscselect", "MISCSELECT", COL_TEXT },
	{ "pages.added", "pages added", COL_TEXT }, { "pages.measured", "pages measured", COL_TEXT },
	{ "tcs_total", "threads", COL_TEXT }, { "dyn_entry", "entry of new threads", COL_TEXT },
	{ "op_interface", "operation interface", COL_TEXT }, { "no_measure", "MRENCLAVE unknown", COL_TEXT },
	{ "no_run", "cannot run", COL_TEXT }, END
};

static const struct column verify_head[] = {
	{ "image", "image", COL_TEXT }, { "format", "format", COL_TEXT }, { "ok", "verified", COL_TEXT },
	{ "mrenclave", "MRENCLAVE", COL_TEXT }, { "matches", "  is ENCLAVEHASH", COL_TEXT },
	{ "mrsigner", "MRSIGNER", COL_TEXT }, { "signature.valid", "  signature valid", COL_TEXT },
	{ "sigstruct_from", "SIGSTRUCT from", COL_TEXT }, { "sigstruct.debug.text", "debug policy", COL_TEXT },
	{ "device", "device", COL_TEXT }, { "no_run", "cannot run", COL_TEXT }, END
};

static const struct column secs_head[] = {
	{ "enclave", "enclave", COL_TEXT }, { "image", "image", COL_TEXT },
	{ "device", "device", COL_TEXT }, END
};

static const struct column operation_columns[] = {
	{ "name", "OP", COL_TEXT }, { "arguments", "ARGUMENTS", COL_TEXT }, { "text", "DOES", COL_TEXT }, END
};

const struct view views[] = {
	{ "list", NULL, "enclaves", list_columns, NULL, "enclaves[].enclave" },
	{ "load", load_head, NULL, NULL, NULL, "enclave" },
	{ "status", status_head, "tcs", thread_columns, NULL, "state" },
	{ "restrict", range_head, NULL, NULL, NULL, "enclave" },
	{ "modify-type", range_head, NULL, NULL, NULL, "enclave" },
	{ "remove", range_head, NULL, NULL, NULL, "enclave" },
	{ "accept", range_head, NULL, NULL, NULL, "enclave" },
	{ "extend", range_head, NULL, NULL, NULL, "enclave" },
	{ "dump-tcs", NULL, "tcs", tcs_columns, NULL, "tcs[].offset" },
	{ "call", call_head, NULL, NULL, render_memory, "value" },
	{ "augment", augment_head, NULL, NULL, NULL, "enclave" },
	{ "accept-test", NULL, NULL, NULL, render_scenarios, "scenarios[].name" },
	{ "pages", NULL, "ranges", pages_columns, render_map, "enclave" },
	{ "info", info_head, "probes", probe_columns, NULL, "auto" },
	{ "unload", NULL, "unloaded", unload_columns, NULL, "unloaded[].enclave" },
	{ "measure", image_head, NULL, NULL, NULL, "mrenclave" },
	{ "sign", image_head, NULL, NULL, NULL, "mrenclave" },
	{ "inspect", inspect_head, "ranges", layout_columns, render_inspect, "sigstruct.mrsigner" },
	{ "verify", verify_head, NULL, NULL, render_verify, "mrenclave" },
	{ "diff", NULL, NULL, NULL, render_diff, "differences[].kind" },
	{ "dump-secs", secs_head, NULL, NULL, render_secs, "secs.mrenclave" },
	{ "peek", NULL, NULL, NULL, render_memory, "data" },
	{ "operations", NULL, "operations", operation_columns, NULL, "operations[].name" },
};
const size_t n_views = sizeof(views) / sizeof(views[0]);
