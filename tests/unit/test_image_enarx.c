/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enarx keeps: what the notes and segments of shim and program become, and thousands of damaged ones.  The seed is
 * fixed; IMAGE_MUTATIONS makes it longer.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/internal.h"
#include "tap.h"
#include "xorshift.h"

#define DEFAULT_ROUNDS 5000u
#define SHIM_BYTES     0x6000u
#define EXEC_BYTES     0x2800u
#define NOTES_OFF      0x300u
#define SLOT           0x100000u

struct file {
	_Alignas(16) uint8_t b[SHIM_BYTES];
	size_t n;
};

static struct file shim, program;
static char program_path[256];
static Elf64_Phdr *phdr(struct file *f, unsigned int i)
{
	return (Elf64_Phdr *)(f->b + sizeof(Elf64_Ehdr)) + i;
}

static void start(struct file *f, size_t n, uint16_t phnum, uint64_t entry)
{
	memset(f, 0, sizeof(*f));
	f->n = n;
	for (size_t k = 0x600; k < n; k++)
		f->b[k] = (uint8_t)(k * 37 ^ k >> 5);
	*(Elf64_Ehdr *)f->b = (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = entry,
		.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = phnum,
	};
}

static void load(struct file *f, unsigned int i, uint32_t flags, uint64_t off, uint64_t vaddr, uint64_t filesz,
		 uint64_t memsz)
{
	*phdr(f, i) = (Elf64_Phdr){ PT_LOAD, flags, off, vaddr, vaddr, filesz, memsz, SGX_PAGE_SIZE };
}

static size_t note(size_t at, uint32_t type, const void *desc, uint32_t bytes)
{
	Elf64_Nhdr nh = { 10, bytes, type };

	memcpy(shim.b + at, &nh, sizeof(nh));
	memcpy(shim.b + at + 12, "sallyport", 10);
	memcpy(shim.b + at + 24, desc, bytes);
	return at + 24 + (bytes + 3) / 4 * 4;
}

static void make_notes(void)
{
	static const uint64_t attr[2] = { 4, 0xe7 }, mask[2] = { 0xfffffffffffffffd, 7 }, block = 69632;
	static const uint8_t bits = 22, ssap = 2;
	static const uint16_t pid = 77, svn = 8;
	static const uint32_t misc = 1, miscmask = 3;
	size_t at = NOTES_OFF;

	at = note(at, 0, "^0.8\033", 5);
	at = note(at, 0x73677800, &bits, 1);
	at = note(at, 0x73677801, &ssap, 1);
	at = note(at, 0x73677810, &pid, 2);
	at = note(at, 0x73677811, &svn, 2);
	at = note(at, 0x73677812, &misc, 4);
	at = note(at, 0x73677813, &miscmask, 4);
	at = note(at, 0x73677814, attr, 16);
	at = note(at, 0x73677815, mask, 16);
	at = note(at, 0x73677820, &block, 8);
	*phdr(&shim, 0) = (Elf64_Phdr){ PT_NOTE, PF_R, NOTES_OFF, NOTES_OFF, NOTES_OFF, at - NOTES_OFF,
					at - NOTES_OFF, 4 };
}

static void make_shim(void)
{
	struct sgx_arch_tcs tcs = { .ossa = 0x9000, .nssa = 3, .oentry = 0x2000 };

	start(&shim, SHIM_BYTES, 6, 0x2000);
	make_notes();
	load(&shim, 1, PF_R, 0, 0, 0x1000, 0x1000);
	load(&shim, 2, PF_R | PF_X, 0x2000, 0x2000, 0x1234, 0x1234);
	load(&shim, 3, 1u << 20, 0x5000, 0x8000, 0x1000, 0x1000);
	load(&shim, 4, PF_R | PF_W | 1u << 21, 0x4080, 0x9080, 0x100, 0x5f80);
	*phdr(&shim, 5) = (Elf64_Phdr){ 0x63400000, 0, 0, SLOT, SLOT, 0, 0x10000, SGX_PAGE_SIZE };
	memcpy(shim.b + 0x5000, &tcs, sizeof(tcs));
}

static void make_program(void)
{
	start(&program, EXEC_BYTES, 2, 0x40);
	load(&program, 0, PF_R | PF_X, 0, 0, 0x1800, 0x1800);
	load(&program, 1, PF_R | PF_W, 0x1f80, 0x2f80, 0x300, 0x2000);
	phdr(&program, 1)->p_align = 2 * SGX_PAGE_SIZE;
}

static bool write_program(void)
{
	FILE *f = fopen(program_path, "w");

	return f && fwrite(program.b, 1, program.n, f) == program.n && !fclose(f);
}

static int parse(struct plan *p, struct err *e)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	uint8_t *exact = malloc(shim.n ? shim.n : 1);   /* reading past it is seen */
	int r;

	if (!exact)
		exit(99);
	memcpy(exact, shim.b, shim.n);
	opts.exec = program_path;
	r = image_parse(exact, shim.n, &opts, p, e);
	free(exact);
	return r;
}

static void test_plan(void)
{
	uint8_t buf[SGX_PAGE_SIZE];
	struct sign_params sp;
	struct err e = { 0 };
	struct plan p;

	make_shim();
	make_program();
	if (!ok(write_program() && parse(&p, &e) == 0, "a keep is read: %s", e.msg))
		return;
	ok(!strcmp(p.format, "enarx") && p.size == 1 << 22 && p.ssaframesize == 2 && p.nssa == 3, "its geometry");
	ok(p.n_tcs == 1 && p.tcs[0] == 0x8000 && p.n_runs == 6, "its pages");
	ok(p.runs[3].chunks == 0 && p.runs[3].off == 0x9000 && p.runs[3].pages == 6, "a segment is not measured");
	plan_run_page(&p.runs[3], 0, buf);
	ok(buf[0x7f] == 0 && buf[0x80] == shim.b[0x4080] && buf[0x17f] == shim.b[0x417f] && buf[0x180] == 0,
	   "and begins inside a page");
	/* p_align 0x2000: 0x2f80 is rounded down to 0x2000, which is where the page of the data is */
	ok(p.runs[5].off == SLOT + 0x2000 && p.runs[5].pages == 3 && !strcmp(p.runs[5].what, "exec data"),
	   "the program is in its slot");
	ok(p.n_dynamic == 1 && p.dynamic[0].off == SLOT + 0x5000 && p.dynamic[0].pages == (0x400000 - 0x105000) / 4096,
	   "what is above everything is heap");
	ok(p.attributes.flags == 4 && p.attributes.xfrm == 7 && p.miscselect == 1, "wishes: what the mask lets save");
	sign_params_default(&sp, &p);
	ok(sp.isvprodid == 77 && sp.isvsvn == 8 && sp.miscselect == 1 && sp.miscmask == 3 &&
	   sp.attributes.xfrm == 7 && sp.attributemask.flags == 0xfffffffffffffffd && sp.attributemask.xfrm == 7 &&
	   sp.date, "how it is signed");
	ok(p.n_facts >= 4 && !strcmp(p.facts[0].key, "sallyport_block_size") && p.facts[0].value == 69632 &&
	   !strcmp(p.facts[1].text, "^0.8\\x1b"), "facts, safe to print");
	plan_release(&p);
}

/* Enarx' own rule, not the page's: a segment may begin pages before its first byte. */
static void test_align(void)
{
	struct err e = { 0 };
	struct plan p;

	make_program();
	phdr(&program, 1)->p_align = 4 * SGX_PAGE_SIZE;
	phdr(&program, 1)->p_vaddr = 0x5f80;
	ok(write_program() && parse(&p, &e) == 0 && p.n_runs == 7 && p.runs[5].off == SLOT + 0x4000 &&
	   p.runs[5].pages == 1 && !p.runs[5].data && p.runs[6].off == SLOT + 0x5000 && p.runs[6].pages == 3,
	   "p_align makes a segment begin earlier: %s", e.msg);
	plan_release(&p);
}

/* Thousands of note segments, each of them the same million bytes of the smallest notes. */
static void test_many_notes(void)
{
	const unsigned int n = ELF_MAX_SEGMENTS;
	const size_t table = 0x200000, bytes = table + n * sizeof(Elf64_Phdr);
	uint8_t *b = calloc(1, bytes);
	Elf64_Phdr ph = { PT_NOTE, PF_R, 0x1000, 0, 0, 0x100000, 0, 4 };
	clock_t begin = clock();
	struct err e = { 0 };
	struct plan p;

	if (!b)
		exit(99);
	start(&shim, SHIM_BYTES, (uint16_t)n, 0);
	((Elf64_Ehdr *)shim.b)->e_phoff = table;
	memcpy(b, shim.b, sizeof(Elf64_Ehdr));
	for (unsigned int i = 0; i < n; i++)
		memcpy(b + table + i * sizeof(ph), &ph, sizeof(ph));
	ph.p_type = 0x63400000;
	memcpy(b + table, &ph, sizeof(ph));
	ok(image_parse(b, bytes, NULL, &p, &e) < 0 && e.code == ERR_UNKNOWN_FORMAT, "no note is ours");
	ok((clock() - begin) / CLOCKS_PER_SEC < 10, "which is found out in bounded time");
	free(b);
}

static void damage(struct file *f)
{
	static const uint64_t values[] = {
		0, 1, 0xfff, 0x1000, 0x7fffffff, 0xffffffff, (uint64_t)1 << 46, ((uint64_t)1 << 46) + 1,
		INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 0xfff, UINT64_MAX,
	};
	uint64_t v = below(3) ? values[below(12)] : below(UINT64_MAX);
	size_t at = below(8) ? 0x10 + below(0x4f0) : below(f->n - 8);

	switch (below(4)) {
	case 0:
		f->b[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		memcpy(f->b + (at & ~(size_t)3), &v, 4);
		break;
	case 2:
		memcpy(f->b + (at & ~(size_t)7), &v, 8);
		break;
	default:
		if (!below(6))
			f->n = 8 + below(f->n - 8);
		else
			memcpy(f->b + (at & ~(size_t)7), f->b + (0x40 + below(0x300) / 8 * 8), 8);
	}
}

static bool is_sound(const struct plan *p)
{
	uint8_t hash[32], buf[SGX_PAGE_SIZE];
	uint64_t pages = 0;

	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		if (!r->pages || r->off >= p->size || r->pages > (p->size - r->off) / SGX_PAGE_SIZE ||
		    !page_aligned(r->off) || r->data_lead >= SGX_PAGE_SIZE)
			return false;
		for (uint64_t k = 0; k < plan_run_data_pages(r); k++)
			plan_run_page(r, k, buf);
		pages += r->pages;
	}
	return pages == p->pages_added && (pages > 10000 || !plan_measure(p, hash, NULL, NULL, NULL));
}

static void test_random(void)
{
	const char *env = getenv("IMAGE_MUTATIONS");
	unsigned long rounds = env ? strtoul(env, NULL, 10) : DEFAULT_ROUNDS, good = 0, silent = 0, unsound = 0;

	make_program();
	write_program();
	for (unsigned long n = 0; n < rounds; n++) {
		bool other = !below(8);
		struct err e = { 0 };
		struct plan p;

		make_shim();
		if (other)
			damage(&program);
		else
			damage(&shim);
		if (other)
			write_program();
		if (!below(2))
			damage(&shim);
		if (parse(&p, &e) < 0) {
			silent += e.code == ERR_NONE || e.code == ERR_BUG || !e.msg[0];
		} else {
			good++;
			unsound += !is_sound(&p);
			plan_release(&p);
		}
		if (other) {
			make_program();
			write_program();
		}
	}
	is_u64(silent, 0, "a refusal says why");
	is_u64(unsound, 0, "every plan is one that a device could take");
	ok(good > rounds / 20 && good < rounds - rounds / 5, "%lu of %lu damaged keeps are taken", good, rounds);
}

int main(void)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(program_path, sizeof(program_path), "%s/test_image_enarx.XXXXXX", dir ? dir : "/tmp");
	fd = mkstemp(program_path);
	if (fd < 0)
		return 99;
	close(fd);
	test_plan();
	test_align();
	test_many_notes();
	test_random();
	unlink(program_path);
	return tap_done();
}
