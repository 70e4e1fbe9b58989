/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that set fields of a SIGSTRUCT: one row each, for parsing and for applying. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "base/fmt.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/sign.h"

#define VENDOR_INTEL 0x8086u
#define KEY_FIRST    0x4000     /* + row */

enum row_kind { ROW_NUMBER, ROW_BITS, ROW_ID, ROW_DATE, ROW_VENDOR };

/* X(row, option, field of struct sign_params, kind, names of bits, argument, help) */
#define FIELDS(X) \
	X(PRODID, "isvprodid", isvprodid, ROW_NUMBER, NULL, "N", "ISVPRODID (the image's, or 0)") \
	X(SVN, "isvsvn", isvsvn, ROW_NUMBER, NULL, "N", "ISVSVN (the image's, or 0)") \
	X(DATE, "date", date, ROW_DATE, NULL, "YYYYMMDD", "DATE (a fixed one, so that signing is reproducible)") \
	X(FLAGS, "attributes", attributes.flags, ROW_BITS, sgx_attr_bit_names, "BITS", \
	  "ATTRIBUTES.FLAGS: a number, or names with commas, ~ for all others") \
	X(FLAGS_MASK, "attributes-mask", attributemask.flags, ROW_BITS, sgx_attr_bit_names, "BITS", \
	  "which of them must be so (~DEBUG)") \
	X(XFRM, "xfrm", attributes.xfrm, ROW_BITS, sgx_xfrm_bit_names, "BITS", "ATTRIBUTES.XFRM (the image's)") \
	X(XFRM_MASK, "xfrm-mask", attributemask.xfrm, ROW_BITS, sgx_xfrm_bit_names, "BITS", \
	  "which of them must be so (X87,SSE)") \
	X(MISC, "miscselect", miscselect, ROW_BITS, sgx_misc_bit_names, "BITS", "MISCSELECT (the image's)") \
	X(MISC_MASK, "miscselect-mask", miscmask, ROW_BITS, sgx_misc_bit_names, "BITS", \
	  "which of them must be so (all but EXINFO and the image's)") \
	X(FAMILY, "isvfamilyid", isvfamilyid, ROW_ID, NULL, "HEX", "ISVFAMILYID, 16 bytes; needs KSS (zero)") \
	X(EXTPROD, "isvextprodid", isvextprodid, ROW_ID, NULL, "HEX", "ISVEXTPRODID, 16 bytes; needs KSS (zero)") \
	X(VENDOR, "vendor", vendor, ROW_VENDOR, NULL, "0|0x8086", "VENDOR (0)") \
	X(SWDEFINED, "swdefined", swdefined, ROW_NUMBER, NULL, "N", "SWDEFINED (0)") \
	X(CET, "cet-attributes", cet_attributes, ROW_NUMBER, NULL, "N", "CET_ATTRIBUTES (0)") \
	X(CET_MASK, "cet-attributes-mask", cet_attributes_mask, ROW_NUMBER, NULL, "N", \
	  "which of them must be so (0)")

enum {
#define FIELD_ROW(row, option, field, kind, names, arg, help) FIELD_##row,
	FIELDS(FIELD_ROW)
#undef FIELD_ROW
	N_ROWS
};

enum { KEY_KEEP = KEY_FIRST + N_ROWS, KEY_DEBUG, KEY_PRODUCTION };

static const struct row {
	const char *option;
	size_t off, bytes;
	enum row_kind kind;
	const struct sgx_name *names;
} rows[] = {
#define FIELD_ROW(row, option, field, kind, names, arg, help) \
	{ option, offsetof(struct sign_params, field), sizeof(((struct sign_params *)NULL)->field), kind, names },
	FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

static const struct argp_option options[] = {
#define FIELD_ROW(row, option, field, kind, names, arg, help) { option, KEY_FIRST + FIELD_##row, arg, 0, help, 0 },
	FIELDS(FIELD_ROW)
#undef FIELD_ROW
	{ "keep", KEY_KEEP, NULL, 0, "fields that no option names are those of the image's own SIGSTRUCT", 0 },
	{ "debug", KEY_DEBUG, NULL, 0, "for debug enclaves alone", 0 },
	{ "production", KEY_PRODUCTION, NULL, 0, "for enclaves without DEBUG alone", 0 },
	{ 0 }
};

/* ---- values ----------------------------------------------------------------------------------------- */

static uint64_t limit_of(const struct row *r)
{
	return r->bytes == 8 ? UINT64_MAX : ((uint64_t)1 << r->bytes * 8) - 1;
}

/* One name of a list; names are compared without regard to case. */
static int bit_of(const struct sgx_name *names, const char *word, size_t n, uint64_t *ret)
{
	char number[3] = "";
	uint64_t bit;

	for (; names->name; names++) {
		if (strlen(names->name) == n && !strncasecmp(names->name, word, n)) {
			*ret = names->value;
			return 0;
		}
	}
	if (n < 4 || n > 5 || strncasecmp(word, "bit", 3))
		return -1;
	memcpy(number, word + 3, n - 3);
	if (parse_u64(number, 63, &bit) < 0)
		return -1;
	*ret = (uint64_t)1 << bit;
	return 0;
}

/* "0x5", "DEBUG,KSS", "~DEBUG" */
static error_t option_bits(struct argp_state *state, const struct row *r, const char *arg, uint64_t *ret)
{
	const char *word = arg + (*arg == '~');
	uint64_t bits = 0, bit;

	if (isdigit((unsigned char)*word)) {
		if (option_u64(state, r->option, word, limit_of(r), &bits))
			return EINVAL;
	} else {
		do {
			size_t n = strcspn(word, ",");

			if (bit_of(r->names, word, n, &bit) < 0 || bit > limit_of(r)) {
				argp_error(state, "--%s: '%.*s' is no bit of it", r->option, (int)n, word);
				return EINVAL;
			}
			bits |= bit;
			word += n;
		} while (*word++ == ',');
	}
	*ret = (*arg == '~' ? ~bits : bits) & limit_of(r);
	return 0;
}

/* Eight digits; SIGSTRUCT holds them as they are written, four bits each. */
static error_t option_date(struct argp_state *state, const char *arg, uint64_t *ret)
{
	unsigned int month, day;
	uint64_t bcd = 0;

	for (const char *p = arg; *p >= '0' && *p <= '9'; p++)
		bcd = bcd << 4 | (uint64_t)(*p - '0');
	month = (unsigned int)((bcd >> 12 & 15) * 10 + (bcd >> 8 & 15));
	day = (unsigned int)((bcd >> 4 & 15) * 10 + (bcd & 15));
	if (strlen(arg) != 8 || strspn(arg, "0123456789") != 8 || month < 1 || month > 12 || day < 1 ||
	    day > 31) {
		argp_error(state, "--date: '%s' is no date of the form YYYYMMDD", arg);
		return EINVAL;
	}
	*ret = bcd;
	return 0;
}

static error_t option_vendor(struct argp_state *state, const char *arg, uint64_t *ret)
{
	if (parse_u64(arg, UINT32_MAX, ret) == 0 && (*ret == 0 || *ret == VENDOR_INTEL))
		return 0;
	argp_error(state, "--vendor: '%s' is neither 0 nor 0x8086, and EINIT takes no other", arg);
	return EINVAL;
}

static error_t option_row(struct argp_state *state, size_t i, const char *arg, struct sign_fields *f)
{
	const struct row *r = &rows[i];
	uint8_t *at = (uint8_t *)&f->values + r->off;
	uint64_t value = 0;
	error_t ret;

	f->set |= 1u << i;
	if (r->kind == ROW_ID) {
		if (hex_decode(at, r->bytes, arg) == 0)
			return 0;
		argp_error(state, "--%s: '%s' is not %zu hexadecimal digits", r->option, arg, 2 * r->bytes);
		return EINVAL;
	}
	ret = r->kind == ROW_BITS ? option_bits(state, r, arg, &value) :
	      r->kind == ROW_DATE ? option_date(state, arg, &value) :
	      r->kind == ROW_VENDOR ? option_vendor(state, arg, &value) :
	      option_u64(state, r->option, arg, limit_of(r), &value);
	memcpy(at, &value, r->bytes);   /* little-endian, as this machine is */
	return ret;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sign_fields *f = state->input;

	switch (key) {
	case KEY_KEEP:
		f->keep = true;
		return 0;
	case KEY_DEBUG:
		f->debug = true;
		return 0;
	case KEY_PRODUCTION:
		f->production = true;
		return 0;
	case ARGP_KEY_END:
		if (!f->debug || !f->production)
			return 0;
		argp_error(state, "--debug and --production exclude each other");
		return EINVAL;
	default:
		if (key < KEY_FIRST || key >= KEY_FIRST + N_ROWS)
			return ARGP_ERR_UNKNOWN;
		return option_row(state, (size_t)(key - KEY_FIRST), arg, f);
	}
}

const struct argp sign_fields_argp = { .options = options, .parser = parse };

bool sign_fields_said(const struct sign_fields *f)
{
	return f->set || f->keep || f->debug || f->production;
}

int sign_fields_apply(const struct sign_fields *f, const struct plan *p, struct sign_params *ret, struct err *e)
{
	if (f->keep && !p->has_sigstruct)
		return err_set(e, ERR_NOT_SIGNED, 0, "--keep: the image carries no SIGSTRUCT");
	if (f->keep)
		sign_params_from(ret, &p->sigstruct);
	else
		sign_params_default(ret, p);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (f->set >> i & 1)
			memcpy((uint8_t *)ret + rows[i].off, (const uint8_t *)&f->values + rows[i].off, rows[i].bytes);
	}
	if (f->debug || f->production) {
		ret->attributemask.flags |= SGX_ATTR_DEBUG;
		ret->attributes.flags &= ~(uint64_t)SGX_ATTR_DEBUG;
		if (f->debug)
			ret->attributes.flags |= SGX_ATTR_DEBUG;
	}
	return 0;
}
