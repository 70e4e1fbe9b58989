/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages that leave the EPC and come back: with all that the processor knows of them, while threads use them, and not
 * when somebody has been at the backing store.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emul_fixture.h"
#include "emul_rig.h"

#define A64 SGX_ATTR_MODE64BIT
#define DBG (SGX_ATTR_MODE64BIT | SGX_ATTR_DEBUG)
#define RW  (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W)
#define SMALL 256u              /* EPC pages */
#define EENTER 2

static void sig_off(sigset_t *old) { emul_sig_block(old); }

/* As ksgxd would if every enclave were idle: until nothing is left that can go. */
static unsigned reclaim_all(void)
{
	unsigned all = 0, n;
	sigset_t old;

	sig_off(&old);
	while ((n = emul_reclaim()))
		all += n;
	emul_sig_restore(&old);
	return all;
}

static struct emul_get_counters counters(int fd)
{
	struct emul_get_counters c = { 0 };

	emul_ioctl(fd, EMUL_IOC_GET_COUNTERS, &c);
	return c;
}

static bool is_out(struct fx *f, uint64_t off)
{
	return !fx_epcm(f, off).valid && emul_encl_by_fd(f->fd)->rec[off >> 12].word & EMUL_REC_SWAPPED;
}

static bool all_bytes(const uint8_t *p, size_t bytes, uint8_t want)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != want)
			return false;
	return true;
}

/* Nobody can reclaim its pages: as if a process with another device had it too. */
static void pin(int fd)
{
	atomic_store(&emul_encl_by_fd(fd)->sh->strangers, 1);
}

static void unpin(int fd)
{
	atomic_store(&emul_encl_by_fd(fd)->sh->strangers, 0);
}

/* ---- contents and EPCM ----------------------------------------------------------------------------------- */

static void test_round_trip(void)
{
	static const struct { uint64_t off; unsigned pt, rwx; uint8_t fill; } page[] = {
		{ 0, SGX_PT_REG, 3, 0xa0 }, { 0x1000, SGX_PT_TCS, 0, 0 }, { 0x2000, SGX_PT_REG, 5, 0xa2 },
		{ 0x3000, SGX_PT_REG, 1, 0xa3 }, { 0x7000, SGX_PT_REG, 3, 0xa4 },
	};
	struct emul_get_secs s = { 0 };
	struct sgx_arch_secs image;
	uint8_t buf[4096];
	struct fx f;

	fx_build(&f, DBG);
	emul_mmap(f.base, 0x8000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(fx_epc_used(&f), 10, "an enclave of eight pages");
	is_u64(reclaim_all(), 9, "all of them and the SECS leave");
	is_u64(fx_epc_used(&f), 1, "... the VA page stays");
	ok(is_out(&f, 0) && is_out(&f, 0x7000), "... out of the EPC");
	ok(all_bytes(emul_encl_by_fd(f.fd)->alias, 0x8000, 0), "... nothing is left in memory");
	is_u64(counters(f.fd).ewbs, 9, "... EWB is counted");
	s.secs = (uintptr_t)&image;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_SECS, &s), 0, "GET_SECS of an enclave whose SECS is out");
	ok(image.baseaddr == f.base && image.attributes.flags == (DBG | SGX_ATTR_INIT) && !s.children, "... is right");
	for (size_t i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
		size_t n = page[i].pt == SGX_PT_TCS ? 72 : 4096;

		memset(buf, 0xee, sizeof(buf));
		is_u64(emul_peek(f.base + page[i].off, buf, n), n, "peek at page 0x%llx brings it back",
		       (unsigned long long)page[i].off);
		ok(page[i].pt == SGX_PT_TCS ? all_bytes(buf, 16, 0) : all_bytes(buf, n, page[i].fill), "... contents");
		struct sgxm_epcm_view v = fx_epcm(&f, page[i].off);

		ok(v.valid && v.pt == page[i].pt && v.rwx == page[i].rwx && !v.pending && !v.modified && !v.blocked &&
		   v.owner.la == f.base + page[i].off, "... EPCM");
	}
	is_u64(counters(f.fd).eldus, 6, "ELDU is counted, the SECS too");
	is_u64(fx_epc_used(&f), 1 + 6, "... and so is the EPC");
	memset(buf, 0x5b, sizeof(buf));
	is_u64(reclaim_all(), 6, "out again");
	is_u64(emul_poke(f.base + 0x4000, buf, 4096), 4096, "poke brings a page back");
	reclaim_all();
	is_u64(emul_peek(f.base + 0x4000, buf, 100), 100, "... and it keeps what was written");
	ok(all_bytes(buf, 100, 0x5b), "... over another trip");
	fx_close(&f);
}

/* An enclave that is not initialized keeps its SECS, and what is evicted has been measured. */
static void test_uninitialized(void)
{
	struct fx f;
	uint64_t n;

	fx_open(&f, 0x1000000, DBG);
	fx_create(&f);
	is_u64(fx_add(&f, 0, 4 * SMALL * 4096, RW, 0x17, &n), 0, "ADD_PAGES of four times the EPC");
	is_u64(n, 4 * SMALL * 4096, "... all of it");
	ok(fx_epc_used(&f) <= SMALL, "... within the EPC");
	is_u64(emul_encl_by_fd(f.fd)->sh->va_pages, 3, "... with a VA page for each 512");
	reclaim_all();
	is_u64(fx_epc_used(&f), 1 + 3, "the SECS stays before INIT");
	is_u64(fx_init(&f), 0, "... and the measurement is right");
	is_u64(reclaim_all(), 0, "after INIT it follows its last child, which has gone before");
	bool good = emul_mmap(f.base, f.size, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0) > 0;

	for (uint64_t off = 0; off < 4 * SMALL * 4096; off += 4096) {
		uint8_t b[8];

		good = good && emul_peek(f.base + off, b, 8) == 8 && all_bytes(b, 8, 0x17);
	}
	ok(good, "each page can be read");
	fx_close(&f);
}

/* ---- SGX2 on pages that are out -------------------------------------------------------------------------------- */

static struct rig rig;

static uint64_t run_op(unsigned op, uint64_t off, uint64_t pages, uint64_t arg)
{
	struct encl_op o = { .op = op, .addr = rig.base + off, .pages = pages, .flags = arg, .value = arg };

	return rig_op(&rig, 0, &o);
}

static uint64_t grow_off(void)
{
	return rig.plan.dynamic[0].off;
}

static long rig_modify(uint64_t off, uint64_t pages, uint64_t type)
{
	struct sgx_enclave_modify_types a = { .offset = off, .length = pages * 4096, .page_type = type };
	long r = emul_ioctl(rig.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &a);

	return r ? r : a.count == pages * 4096 ? 0 : 1;
}

static long rig_remove(uint64_t off, uint64_t pages)
{
	struct sgx_enclave_remove_pages a = { .offset = off, .length = pages * 4096 };
	long r = emul_ioctl(rig.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &a);

	return r ? r : a.count == pages * 4096 ? 0 : 1;
}

static void test_sgx2(void)
{
	uint64_t g;

	rig_build_reserve(&rig, "grow.elf", true, 4ull << 20);
	g = grow_off();
	rig_map(&rig, g, 16, PROT_READ | PROT_WRITE);
	struct sgx_enclave_augment_pages a = { .offset = g, .length = 8 * 4096 };

	reclaim_all();
	is_u64(emul_ioctl(rig.fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a), 0, "AUGMENT of an enclave whose SECS is out");
	reclaim_all();
	is_u64(run_op(ENCL_OP_ACCEPT, g, 8, 0x20b), ENCL_OK, "PENDING pages are accepted after a trip");
	is_u64(run_op(ENCL_OP_FILL, g, 8, 7), ENCL_OK, "... and used");
	reclaim_all();
	struct sgx_enclave_restrict_permissions r = { .offset = g, .length = 4096, .permissions = SGX_SECINFO_R };

	is_u64(emul_ioctl(rig.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &r), 0, "RESTRICT brings its page back");
	reclaim_all();
	is_u64(run_op(ENCL_OP_ACCEPT, g, 1, 0x221), ENCL_OK, "PR is accepted after a trip");
	is_u64(run_op(ENCL_OP_FILL, g, 1, 9), ~0ull, "... and the page is read-only");
	reclaim_all();
	is_u64(rig_modify(g + 0x1000, 2, SGX_PT_TRIM), 0, "MODIFY_TYPES brings its pages back");
	reclaim_all();
	is_u64(rig_remove(g + 0x1000, 1), -EPERM, "REMOVE of a page that is out and not accepted");
	reclaim_all();
	is_u64(run_op(ENCL_OP_ACCEPT, g + 0x1000, 2, 0x410), ENCL_OK, "MODIFIED pages are accepted after a trip");
	reclaim_all();
	is_u64(rig_remove(g + 0x1000, 2), 0, "... and trimmed pages removed after another");
	is_u64(rig_remove(g + 0x1000, 1), -EFAULT, "... which they are");
	is_u64(run_op(ENCL_OP_ACCEPT, g + 0x1000, 1, 0x20b), ENCL_OK, "a fault adds a new one, zeroed");
	struct encl_op sum = { .op = ENCL_OP_CHECKSUM, .addr = rig.base + g + 0x1000, .pages = 1 };

	is_u64(rig_op(&rig, 0, &sum), ENCL_OK, "... checksum");
	is_u64(sum.value, 0, "... of zeros");
	sum = (struct encl_op){ .op = ENCL_OP_CHECKSUM, .addr = rig.base + g + 0x3000, .pages = 5 };
	reclaim_all();
	is_u64(rig_op(&rig, 0, &sum), ENCL_OK, "the others are read back");
	is_u64(sum.value, 5 * 512 * 7, "... as they were");
	rig_free(&rig);
}

/* ---- a backing store that nobody should trust --------------------------------------------------------------- */

static void test_corruption(void)
{
	uint8_t old[4096], byte, buf[8];
	struct sgx_pcmd pcmd;
	uint64_t n, code;
	struct fx f;

	fx_build(&f, DBG);
	int file = emul_encl_by_fd(f.fd)->own_fd;

	emul_mmap(f.base, 0x8000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	reclaim_all();
	is_u64(pread(file, old, 4096, (off_t)EMUL_OFF_BACKING + 0x4000), 4096, "the ciphertext of a page");
	ok(!all_bytes(old, 4096, 0xa4), "... is one");
	pread(file, &pcmd, sizeof(pcmd), (off_t)EMUL_OFF_PCMD + 4 * (off_t)sizeof(pcmd));
	byte = old[77] ^ 1;
	pwrite(file, &byte, 1, (off_t)EMUL_OFF_BACKING + 0x4000 + 77);
	is_u64(emul_touch(f.base + 0x4000, &byte), -SIGBUS, "a bit of it changed: SIGBUS");
	is_u64(emul_peek(f.base + 0x4000, buf, 8), -EIO, "... EIO for a debugger");
	is_u64(fx_restrict(&f, 0x4000, 4096, 1, &n, &code), -EFAULT, "... EFAULT for RESTRICT");
	is_u64(fx_modify(&f, 0x4000, 4096, SGX_PT_TRIM, &n, &code), -EFAULT, "... MODIFY_TYPES");
	is_u64(fx_remove(&f, 0x4000, 4096, &n), -EFAULT, "... and REMOVE");
	ok(all_bytes(emul_encl_by_fd(f.fd)->alias + 0x4000, 4096, 0), "... and no plain text is left behind");
	pwrite(file, old + 77, 1, (off_t)EMUL_OFF_BACKING + 0x4000 + 77);
	is_u64(emul_peek(f.base + 0x4000, buf, 8), 8, "put right again, it can be read");
	memset(buf, 0x11, 8);
	is_u64(emul_poke(f.base + 0x4000, buf, 8), 8, "it is changed");
	reclaim_all();
	pwrite(file, old, 4096, (off_t)EMUL_OFF_BACKING + 0x4000);
	pwrite(file, &pcmd, sizeof(pcmd), (off_t)EMUL_OFF_PCMD + 4 * (off_t)sizeof(pcmd));
	is_u64(emul_touch(f.base + 0x4000, &byte), -SIGBUS, "the old version, whole: SIGBUS");
	pread(file, old, 4096, (off_t)EMUL_OFF_BACKING + 0x5000);
	pread(file, &pcmd, sizeof(pcmd), (off_t)EMUL_OFF_PCMD + 5 * (off_t)sizeof(pcmd));
	pwrite(file, old, 4096, (off_t)EMUL_OFF_BACKING + 0x6000);
	pwrite(file, &pcmd, sizeof(pcmd), (off_t)EMUL_OFF_PCMD + 6 * (off_t)sizeof(pcmd));
	is_u64(emul_touch(f.base + 0x6000, &byte), -SIGBUS, "another page in its place: SIGBUS");
	is_u64((uint64_t)emul_touch(f.base + 0x5000, &byte), 0, "a page that nobody touched comes back");
	fx_close(&f);
}

/* ---- when nothing can be reclaimed ------------------------------------------------------------------------------ */

static void test_exhaustion(void)
{
	uint64_t n, code;
	uint8_t b, buf[8];
	struct fx f, hog, g;

	fx_build(&f, DBG);
	emul_mmap(f.base + 0x4000, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f.fd, 0);
	reclaim_all();
	pin(f.fd);
	fx_open(&hog, 0x1000000, A64);
	fx_create(&hog);
	pin(hog.fd);
	is_u64(fx_add(&hog, 0, 0x1000000, RW, 1, &n), -ENOMEM, "ADD_PAGES: ENOMEM");
	is_u64(fx_epc_used(&f), SMALL, "... nothing is left");
	is_u64(emul_touch(f.base + 0x4000, &b), -SIGBUS, "a page that is out: SIGBUS");
	is_u64(emul_touch(f.base + FX_FREE, &b), -SIGBUS, "a page to be added: SIGBUS");
	is_u64(fx_restrict(&f, 0x4000, 4096, 1, &n, &code), -EFAULT, "RESTRICT: EFAULT");
	is_u64(n | code, 0, "... count and result 0");
	is_u64(fx_modify(&f, 0x4000, 4096, SGX_PT_TRIM, &n, &code), -EFAULT, "MODIFY_TYPES: EFAULT");
	is_u64(fx_remove(&f, 0x4000, 4096, &n), -EFAULT, "REMOVE: EFAULT");
	is_u64(fx_augment(&f, FX_FREE, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: 2");
	is_u64(emul_peek(f.base + 0x4000, buf, 8), -EIO, "peek: EIO");
	fx_open(&g, FX_SIZE, A64);
	is_u64(fx_create(&g), -ENOMEM, "CREATE: ENOMEM");
	unpin(hog.fd);
	is_u64(fx_create(&g), 0, "the other's pages can go: CREATE");
	is_u64((uint64_t)emul_touch(f.base + 0x4000, &b), 0, "... the fault");
	is_u64(fx_restrict(&f, 0x5000, 4096, 1, &n, &code), 0, "... RESTRICT");
	is_u64(fx_augment(&f, FX_FREE, 4096, &n), 0, "... and AUGMENT");
	fx_close(&g);
	fx_close(&hog);
	fx_close(&f);
}

/* From now on somebody else takes all that becomes free; the second half of the enclave's pages is in the EPC. */
static void crowd(struct fx *f, uint64_t pages)
{
	uint8_t byte;

	for (uint64_t i = pages / 2; i < pages; i++)
		emul_touch(f->base + i * 4096, &byte);
	atomic_fetch_add(&emul_pool->used, SMALL);
}

static void disperse(void)
{
	atomic_fetch_sub(&emul_pool->used, SMALL);
}

/* The driver leaves it to ksgxd to make room, and others may be faster than the caller. */
static void test_again(void)
{
	const uint64_t pages = 128;
	uint64_t n, code;
	struct fx f;

	fx_open(&f, 0x1000000, DBG);
	fx_create(&f);
	fx_add(&f, 0, pages * 4096, RW, 0x31, &n);
	fx_init(&f);
	emul_mmap(f.base, f.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(fx_modify(&f, 0x5000, 4096, SGX_PT_TRIM, &n, &code), 0, "a page is trimmed");
	fx_eaccept(&f, 0x5000, SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED);
	reclaim_all();
	crowd(&f, pages);
	is_u64(fx_restrict(&f, 0x4000, 4096, 1, &n, &code), -EAGAIN, "RESTRICT of a page that is out: EAGAIN");
	is_u64(n | code, 0, "... count and result 0");
	reclaim_all();
	is_u64(fx_restrict(&f, 0x4000, 4096, 1, &n, &code), -EFAULT, "... EFAULT when nothing is left to reclaim");
	disperse();
	is_u64(fx_restrict(&f, 0x4000, 4096, 1, &n, &code), 0, "... and it works when there is room again");
	reclaim_all();
	crowd(&f, pages);
	is_u64(fx_modify(&f, 0x6000, 4096, SGX_PT_TRIM, &n, &code), -EAGAIN, "MODIFY_TYPES: EAGAIN");
	disperse();
	crowd(&f, pages);
	is_u64(fx_remove(&f, 0x5000, 4096, &n), -EAGAIN, "REMOVE: EAGAIN");
	disperse();
	is_u64(fx_remove(&f, 0x5000, 4096, &n), 0, "... and then not");
	fx_close(&f);
}

/* A child has the enclave too, and may have its pages mapped: it drops them when it hears of it. */
static void test_shared(void)
{
	uint8_t buf[16];
	int go[2];
	char c = 0;
	struct fx f;
	pid_t pid;
	int status;

	fx_build(&f, DBG);
	emul_mmap(f.base, 0x8000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	if (pipe(go))
		fx_bail("pipe", errno);
	pid = fork();
	if (!pid) {
		bool good;

		close(go[1]);
		good = read(go[0], &c, 1) == 0;
		for (unsigned round = 0; round < 3; round++) {
			good = good && emul_peek(f.base + 0x3000, buf, 16) == 16 && all_bytes(buf, 16, 0xa3);
			reclaim_all();
			good = good && is_out(&f, 0x3000);
		}
		_exit(!good);
	}
	close(go[0]);
	while (atomic_load(&emul_encl_by_fd(f.fd)->sh->forks))
		usleep(1000);
	is_u64(reclaim_all(), 9, "an enclave that two processes have leaves like any other");
	close(go[1]);
	waitpid(pid, &status, 0);
	is_u64((uint64_t)status, 0, "... the other one gets its pages, and reclaims them");
	is_u64(emul_peek(f.base + 0x3000, buf, 16), 16, "... and so does this one");
	ok(all_bytes(buf, 16, 0xa3), "... with what is in them");
	fx_close(&f);
}

/* ---- running oversubscribed ---------------------------------------------------------------------------------------- */

#define BIG (4 * SMALL)

static bool grow(uint64_t off, uint64_t pages)
{
	return rig_map(&rig, off, pages, PROT_READ | PROT_WRITE) > 0 &&
	       run_op(ENCL_OP_ACCEPT, off, pages, 0x20b) == ENCL_OK;
}

static bool sum_is(unsigned tcs, uint64_t off, uint64_t pages, uint64_t value)
{
	struct encl_op o = { .op = ENCL_OP_CHECKSUM, .addr = rig.base + off, .pages = pages };

	return rig_op(&rig, tcs, &o) == ENCL_OK && o.value == pages * 512 * value;
}

static void test_oversubscribed(void)
{
	uint64_t g;
	bool good = true;

	rig_build_reserve(&rig, "grow.elf", true, BIG * 4096);
	g = grow_off();
	ok(grow(g, BIG), "an enclave grows to four times the EPC");
	ok(counters(rig.fd).epc_used <= SMALL, "... in the EPC there is");
	for (uint64_t i = 0; i < BIG; i += 16)
		good = good && run_op(ENCL_OP_FILL, g + i * 4096, 16, i + 1) == ENCL_OK;
	ok(good, "all of it is written");
	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < BIG; i += 16)
			good = good && sum_is(0, g + i * 4096, 16, i + 1);
	ok(good, "... and read twice");
	struct emul_get_counters c = counters(rig.fd);

	ok(c.ewbs >= 3 * BIG / 2 && c.eldus >= 3 * BIG / 2, "by %llu EWB and %llu ELDU", (unsigned long long)c.ewbs,
	   (unsigned long long)c.eldus);
	ok(c.aexs >= c.eldus / 2 && c.kernel_faults >= c.eldus / 2, "... each fault with its AEX");
	is_u64(rig_modify(g, BIG, SGX_PT_TRIM), 0, "all of it is trimmed");
	is_u64(run_op(ENCL_OP_ACCEPT, g, BIG, 0x410), ENCL_OK, "... accepted");
	is_u64(rig_remove(g, BIG), 0, "... removed");
	rig_free(&rig);
}

#define THREADS 4
static _Atomic bool over, with_signals;
static pthread_t workers[THREADS];
static _Atomic uint64_t rounds, bad;

static void *worker(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;
	uint64_t pages = BIG / THREADS, off = grow_off() + t * pages * 4096;

	for (uint64_t v = 1; !atomic_load(&over); v++) {
		for (uint64_t i = 0; i < pages; i += 64) {
			struct encl_op o = { .op = ENCL_OP_FILL, .addr = rig.base + off + i * 4096, .pages = 64,
					     .value = v + i };

			if (rig_op(&rig, t, &o) != ENCL_OK)
				atomic_fetch_add(&bad, 1);
		}
		for (uint64_t i = 0; i < pages; i += 64)
			if (!sum_is(t, off + i * 4096, 64, v + i))
				atomic_fetch_add(&bad, 1);
		atomic_fetch_add(&rounds, 1);
	}
	return NULL;
}

/* Reclaims under everybody's feet, and interrupts them. */
static void *pest(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !atomic_load(&over); i++) {
		sigset_t old;

		sig_off(&old);
		emul_reclaim();
		emul_sig_restore(&old);
		if (atomic_load(&with_signals))
			pthread_kill(workers[i % THREADS], SIGALRM);
		usleep(200);
	}
	return NULL;
}

static void run_threads(const char *what, unsigned ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000l };
	pthread_t p;

	atomic_store(&over, false);
	atomic_store(&rounds, 0);
	atomic_store(&bad, 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&workers[i], NULL, worker, (void *)(uintptr_t)i);
	pthread_create(&p, NULL, pest, NULL);
	while (nanosleep(&left, &left))
		;
	atomic_store(&over, true);
	pthread_join(p, NULL);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i], NULL);
	ok(rounds >= THREADS, "%s: %llu rounds", what, (unsigned long long)rounds);
	is_u64(bad, 0, "... and none went wrong");
}

static _Atomic uint64_t hits;

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&hits, 1);
}

static void test_threads(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	rig_build_reserve(&rig, "threads.elf", true, BIG * 4096);
	ok(grow(grow_off(), BIG), "an enclave of four threads, four times the EPC");
	run_threads("four threads", 1500);
	emul_sigaction(SIGALRM, &sa, NULL);
	atomic_store(&with_signals, true);
	run_threads("with signals", 1500);
	atomic_store(&with_signals, false);
	ok(hits > 0, "... %llu signals", (unsigned long long)hits);
	rig_free(&rig);
}

/* Two enclaves, each nearly as large as the EPC, by turns. */
static void test_two(void)
{
	const uint64_t pages = SMALL * 3 / 4;
	struct fx f[2];
	bool good = true;
	uint8_t b[16];

	for (unsigned e = 0; e < 2; e++) {
		fx_open(&f[e], 0x1000000, DBG);
		fx_create(&f[e]);
		is_u64(fx_add(&f[e], 0, pages * 4096, RW, (uint8_t)(e + 1), NULL), 0, "an enclave of 3/4 of the EPC");
		is_u64(fx_init(&f[e]), 0, "... initialized");
		emul_mmap(f[e].base, f[e].size, PROT_READ, MAP_SHARED | MAP_FIXED, f[e].fd, 0);
	}
	for (unsigned round = 0; round < 3; round++)
		for (unsigned e = 0; e < 2; e++)
			for (uint64_t i = 0; i < pages; i++)
				good = good && emul_peek(f[e].base + i * 4096, b, 16) == 16 &&
				       all_bytes(b, 16, (uint8_t)(e + 1));
	ok(good, "both are read three times, by turns");
	ok(counters(f[0].fd).eldus && counters(f[1].fd).eldus, "each made room for the other");
	fx_close(&f[0]);
	fx_close(&f[1]);
	fx_open(&f[0], FX_SIZE, A64);
	is_u64(fx_epc_used(&f[0]), 0, "nothing is left of them");
	fx_close(&f[0]);
}

/* ---- signals while EPC is reclaimed ------------------------------------------------------------------------------ */

static pthread_t victim;

static void *storm(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		pthread_kill(victim, SIGUSR1);
		usleep(50);
	}
	return NULL;
}

static void test_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t off = 0, n, eintrs = 0;
	pthread_t t;
	struct fx f;
	long r = 0;

	emul_sigaction(SIGUSR1, &sa, NULL);
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	victim = pthread_self();
	atomic_store(&over, false);
	pthread_create(&t, NULL, storm, NULL);
	while (off < BIG * 4096) {
		r = fx_add(&f, off, BIG * 4096 - off, RW, 5, &n);
		if (r && r != -EINTR)
			break;
		eintrs += r == -EINTR;
		off += n;
	}
	atomic_store(&over, true);
	pthread_join(t, NULL);
	is_u64((uint64_t)r, 0, "ADD_PAGES with signals, reclaiming: goes on where it stopped (%llu EINTR)",
	       (unsigned long long)eintrs);
	is_u64(off, BIG * 4096, "... to the end");
	is_u64(fx_init(&f), 0, "... and is measured once");
	fx_close(&f);
}

static void all(void)
{
	test_round_trip();
	test_uninitialized();
	test_sgx2();
	test_corruption();
	test_exhaustion();
	test_again();
	test_shared();
	test_oversubscribed();
	test_threads();
	test_two();
	test_signals();
}

/* An EPC that hardly holds what one instruction needs. */
static void tiny(void)
{
	rig_build_reserve(&rig, "grow.elf", true, 64 * 4096);
	ok(grow(grow_off(), 64), "a tiny EPC: an enclave grows beyond it");
	is_u64(run_op(ENCL_OP_FILL, grow_off(), 64, 3), ENCL_OK, "... uses it");
	ok(sum_is(0, grow_off(), 64, 3), "... and reads it");
	rig_free(&rig);
}

int main(void)
{
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = SMALL }, all);
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = 24 }, tiny);
	return tap_done();
}
