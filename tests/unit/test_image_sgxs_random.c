/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thousands of random SGXS streams, read from memory and from a file and written again, against a model that knows
 * the rules and nothing of runs.  The seed is fixed; IMAGE_MUTATIONS makes it longer.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sgxs_bytes.h"
#include "tap.h"
#define XORSHIFT_SEED 0x2545f4914f6cdd1d
#include "xorshift.h"

#define DEFAULT_ROUNDS 1000u
#define MODEL_PAGES    256u             /* of a random enclave */

/* ---- the model ----------------------------------------------------------------------------- */

struct model {
	uint8_t pages[MODEL_PAGES][SGX_PAGE_SIZE];
	bool there[MODEL_PAGES];
	uint8_t mrenclave[32];
};

static uint64_t field(size_t at)
{
	uint64_t v;

	memcpy(&v, stream + at, sizeof(v));
	return v;
}

static bool zeros(size_t at, size_t end)
{
	while (at < end && !stream[at])
		at++;
	return at == end;
}

/* The rules, one after the other; what is hashed goes to md. */
static bool model_read(struct model *m, EVP_MD_CTX *md)
{
	uint64_t size, page_off = UINT64_MAX, secinfo = 0;
	unsigned int seen = 0;

	memset(m->there, 0, sizeof(m->there));
	if (used < 64 || memcmp(stream, RECORD_ECREATE, 8) || !(uint32_t)field(8))
		return false;
	size = field(12);
	if (size < 8192 || size > PLAN_MAX_SIZE || size & (size - 1) || !zeros(20, 64))
		return false;
	EVP_DigestUpdate(md, stream, 64);
	for (size_t at = 64; at < used;) {
		bool measured = !memcmp(stream + at, RECORD_EEXTEND, 8);
		uint64_t off = at + 64 <= used ? field(at + 8) : 0;
		uint8_t bytes[SGX_EEXTEND_BYTES];

		if (at + 64 > used)
			return false;
		if (!memcmp(stream + at, RECORD_EADD, 8)) {
			secinfo = field(at + 16);
			if (off & 4095 || !zeros(at + 24, at + 64) || (page_off != UINT64_MAX && off <= page_off) || off > size - 4096 ||
			    (secinfo != 0x100 && (secinfo < 0x200 || secinfo > 0x207 || (secinfo & 3) == 2)))
				return false;
			page_off = off;
			seen = 0;
			m->there[off / 4096] = true;
			memset(m->pages[off / 4096], 0, 4096);
			EVP_DigestUpdate(md, stream + at, 64);
			at += 64;
			continue;
		}
		if ((!measured && memcmp(stream + at, RECORD_UNMEASRD, 8)) || at + 320 > used || off & 255 ||
		    !zeros(at + 16, at + 64) ||
		    page_off == UINT64_MAX || off - page_off >= 4096 || seen >> (off - page_off) / 256 & 1)
			return false;
		seen |= 1u << (off - page_off) / 256;
		memcpy(bytes, stream + at + 64, sizeof(bytes));
		memcpy(m->pages[page_off / 4096] + (off - page_off), bytes, sizeof(bytes));
		if (secinfo == 0x100 && off == page_off) {
			memset(bytes, 0, 8);            /* STATE, DBGOPTIN, CSSA, AEP */
			bytes[8] &= 0xfe;
			memset(bytes + 24, 0, 4);
			memset(bytes + 40, 0, 8);
		}
		if (measured) {
			EVP_DigestUpdate(md, stream + at, 64);
			EVP_DigestUpdate(md, bytes, sizeof(bytes));
		}
		at += 320;
	}
	return true;
}

static bool model_run(struct model *m)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good;

	EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	good = model_read(m, md);
	EVP_DigestFinal_ex(md, m->mrenclave, NULL);
	EVP_MD_CTX_free(md);
	return good;
}

/* Mostly canonical streams of an enclave of MODEL_PAGES pages. */
static void random_stream(void)
{
	static const uint64_t secinfos[] = { RW, RW, RW, RW, RX, 0x201, 0x207, 0x100 };
	uint64_t off = 0, secinfo = RW;

	ecreate(MODEL_PAGES * SGX_PAGE_SIZE);
	for (unsigned int n = (unsigned int)below(200); n; n--) {
		unsigned int how = (unsigned int)below(6);
		uint8_t zero = below(3) ? 0 : 1;

		off += below(8) ? 0 : below(20) * SGX_PAGE_SIZE;
		if (off >= MODEL_PAGES * SGX_PAGE_SIZE)
			break;
		if (!below(10))
			secinfo = secinfos[below(8)];
		record(RECORD_EADD, off, secinfo);
		for (unsigned int k = 0; k < PLAN_CHUNKS_PER_PAGE; k++) {
			unsigned int c = how == 1 ? 15 - k : k;
			const char *tag = how == 2 || (how == 3 && k % 3 == 1) ? RECORD_UNMEASRD : RECORD_EEXTEND;

			if (how == 4 || (how == 3 && k % 4 == 2) || (how == 5 && below(2)))
				continue;
			chunk(tag, off + c * SGX_EEXTEND_BYTES, (uint8_t)(zero * (n + k)));
		}
		off += SGX_PAGE_SIZE;
	}
}

static void damage(void)
{
	size_t at = below(4) ? below(used / 64) * 64 + below(24) : below(used);

	switch (below(4)) {
	case 0:
		stream[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		stream[at] = (uint8_t)below(256);
		break;
	case 2:
		used = below(used + 1);
		break;
	default:
		at &= ~(size_t)63;
		if (at + 384 <= used)
			memmove(stream + at, stream + at + 64, 64);
	}
}

static bool same_contents(const struct model *m, const struct plan *p)
{
	uint64_t pages = 0, there = 0;
	uint8_t buf[SGX_PAGE_SIZE];

	for (size_t i = 0; i < MODEL_PAGES; i++)
		there += m->there[i];
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		for (uint64_t k = 0; k < r->pages; k++, pages++) {
			uint64_t n = r->off / SGX_PAGE_SIZE + k;
			const uint8_t *direct = plan_run_page_direct(r, k);

			plan_run_page(r, k, buf);
			if (n >= MODEL_PAGES || !m->there[n] || memcmp(buf, m->pages[n], sizeof(buf)) ||
			    (direct && memcmp(direct, buf, sizeof(buf))))
				return false;
		}
	}
	return pages == there;
}

/* What is written is canonical, and the model finds in it what the plan had. */
static bool survives_writing(struct model *m, const struct plan *p)
{
	int fd = memfd_create("sgxs", MFD_CLOEXEC);
	uint8_t before[32], hash[32];
	struct err e = { 0 };
	uint64_t bytes = 0;
	bool good;

	memcpy(before, m->mrenclave, sizeof(before));
	good = !plan_write_sgxs(p, fd, &bytes, hash, NULL, NULL, &e) && bytes <= STREAM_BYTES &&
	       pread(fd, stream, STREAM_BYTES, 0) == (ssize_t)bytes;
	close(fd);
	used = bytes;
	return good && model_run(m) && !memcmp(before, m->mrenclave, 32) && !memcmp(before, hash, 32) &&
	       (p->n_tcs || same_contents(m, p));
}

struct score {
	unsigned long good, bad, silent, verdict, hash, contents, file, written;
};

/* The same stream as a file: read by the piece. */
static bool same_from_file(const char *path, const struct plan *want, bool good, uint64_t offset)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t a[32], b[32];
	struct err e = { 0 };
	struct plan p;
	bool same;

	if (fd < 0 || write(fd, stream, used) != (ssize_t)used || close(fd) < 0)
		return false;
	if (image_open(path, &(struct image_opts){ .format = "sgxs", .heap_bytes = UINT64_MAX,
						   .reserve_bytes = UINT64_MAX }, &p, &e) < 0)
		return !good && e.offset == offset;
	same = good && p.n_runs == want->n_runs && !plan_measure(&p, a, NULL, NULL, &e) &&
	       !plan_measure(want, b, NULL, NULL, &e) && !memcmp(a, b, 32);
	plan_release(&p);
	return same;
}

static void one_round(struct model *m, const char *path, struct score *s)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	uint8_t hash[32];
	struct plan p;
	bool want, got;

	random_stream();
	for (uint64_t k = below(3); k; k--)
		damage();
	opts.format = "sgxs";
	want = model_run(m);
	got = image_parse(stream, used, &opts, &p, &e) == 0;
	s->verdict += want != got && printf("# model %d, library %d: %s\n", want, got, e.msg) > 0;
	if (!below(4))
		s->file += !same_from_file(path, &p, got, e.offset);
	if (!got) {
		s->bad++;
		s->silent += e.code == ERR_NONE || e.code == ERR_BUG || !e.has_offset;
		return;
	}
	s->good++;
	s->hash += plan_measure(&p, hash, NULL, NULL, &e) || memcmp(hash, m->mrenclave, sizeof(hash));
	s->contents += !same_contents(m, &p);
	s->written += !survives_writing(m, &p);
	plan_release(&p);
}

static void test_random(void)
{
	const char *env = getenv("IMAGE_MUTATIONS"), *dir = getenv("TMPDIR");
	unsigned long rounds = env ? strtoul(env, NULL, 10) : DEFAULT_ROUNDS;
	static struct model m;
	struct score s = { 0 };
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/test_image_sgxs.XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(path);
	if (!ok(fd >= 0, "a file to read from"))
		return;
	close(fd);
	for (unsigned long n = 0; n < rounds; n++)
		one_round(&m, path, &s);
	unlink(path);
	is_u64(s.verdict, 0, "the model and the library take the same streams");
	is_u64(s.hash, 0, "and measure the same");
	is_u64(s.contents, 0, "and find the same contents");
	is_u64(s.file, 0, "from a file as from memory");
	is_u64(s.written, 0, "what is written is the same enclave");
	is_u64(s.silent, 0, "a refusal names the byte");
	ok(s.good > rounds / 10 && s.bad > rounds / 10, "%lu streams taken, %lu refused", s.good, s.bad);
}

int main(void)
{
	test_random();
	return tap_done();
}
