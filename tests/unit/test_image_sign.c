/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signing and verifying: what is signed verifies, nothing else does; keys are judged; one key wins a race. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/image.h"
#include "tap.h"

#define NOBODY 65534    /* no files of its own */

static char dir[] = "/tmp/sgxctl-test-sign-XXXXXX";
static struct sign_key *key;

static const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* An image that wishes more than the minimum, so that every default shows. */
static struct sgx_arch_sigstruct signed_sample(void)
{
	struct plan p = { .miscselect = 1, .attributes = { SGX_ATTR_MODE64BIT | SGX_ATTR_DEBUG, 0xe7 } };
	struct sgx_arch_sigstruct s = { .vendor = 77 };
	struct sign_params sp;
	struct err e = { 0 };
	uint8_t hash[32];

	for (unsigned int i = 0; i < 32; i++)
		hash[i] = (uint8_t)(i * 5);
	sign_params_default(&sp, &p);
	sp.isvprodid = 0x1234;
	sp.isvsvn = 0x5678;
	if (sigstruct_sign(&sp, hash, key, &s, &e) < 0)
		printf("#  %s\n", e.msg);
	return s;
}

static void test_sign(void)
{
	struct sgx_arch_sigstruct s = signed_sample(), again = signed_sample();
	struct err e = { 0 };
	uint8_t mrsigner[32], direct[32];

	ok(sigstruct_check(&s, &e) == 0 && sigstruct_verify(&s, &e) == 0, "what is signed verifies");
	ok(!memcmp(&s, &again, sizeof(s)), "signing again gives the same bytes");
	ok(s.enclavehash[1] == 5 && s.isvprodid == 0x1234 && s.isvsvn == 0x5678 && s.exponent == 3, "fields");
	ok(s.attributes.flags == SGX_ATTR_MODE64BIT && s.attributemask.flags == ~(uint64_t)SGX_ATTR_DEBUG,
	   "debug is left to the loader");
	ok(s.attributes.xfrm == 0xe7 && s.attributemask.xfrm == 3, "XFRM is free beyond x87 and SSE");
	ok(s.miscselect == 1 && s.miscmask == 0xfffffffe, "EXINFO is free");
	sigstruct_mrsigner(&s, mrsigner);
	EVP_Digest(s.modulus, 384, direct, NULL, EVP_sha256(), NULL);
	ok(!memcmp(mrsigner, direct, 32), "MRSIGNER is the hash of the modulus as stored");
}

/* Flips one bit at a time, all over the structure. */
static void test_tamper(void)
{
	const struct sgx_arch_sigstruct good = signed_sample();
	unsigned int accepted = 0, silent = 0, tried = 0;

	for (size_t bit = 0; bit < sizeof(good) * 8; bit += bit < 1024 || bit > 7200 ? 11 : 37) {
		struct sgx_arch_sigstruct s = good;
		struct err e = { 0 };
		uint8_t *byte = (uint8_t *)&s + bit / 8;

		*byte ^= (uint8_t)(1u << bit % 8);
		tried++;
		if (sigstruct_check(&s, &e) < 0 || sigstruct_verify(&s, &e) < 0)
			silent += e.code != ERR_BAD_SIGSTRUCT || !e.has_offset;
		else
			accepted++;
	}
	is_u64(accepted, 0, "%u flipped bits, none accepted", tried);
	is_u64(silent, 0, "each refusal names a field");
}

static void is_refused(struct sgx_arch_sigstruct *s, bool by_check, size_t off, const char *what)
{
	struct err e = { 0 };
	int ret = by_check ? sigstruct_check(s, &e) : sigstruct_verify(s, &e);

	if (!ok(ret < 0 && e.code == ERR_BAD_SIGSTRUCT && e.offset == off, "%s is refused", what))
		printf("#  %s at %llu\n", e.msg, (unsigned long long)e.offset);
}

static void test_fields(void)
{
	const struct sgx_arch_sigstruct good = signed_sample();
	struct sgx_arch_sigstruct s = good;

	s.header[12] ^= 1;
	is_refused(&s, true, 0, "another HEADER");
	s = good;
	s.vendor = 1;
	is_refused(&s, true, 16, "another VENDOR");
	s.vendor = 0x8086;
	ok(sigstruct_check(&s, NULL) == 0, "Intel's is taken");
	s = good;
	s.header2[0] = 0;
	is_refused(&s, true, 24, "another HEADER2");
	s = good;
	s.reserved1[83] = 1;
	is_refused(&s, true, 44, "a reserved byte");
	s = good;
	s.exponent = 65537;
	is_refused(&s, true, 512, "another EXPONENT");
	s = good;
	s.reserved4[0] = 1;
	is_refused(&s, true, 1028, "an unsigned reserved byte");
	s = good;
	memset(s.modulus, 0, sizeof(s.modulus));
	is_refused(&s, false, 128, "a modulus of zero");
	s = good;
	memset(s.signature, 0xff, sizeof(s.signature));
	is_refused(&s, false, 516, "a signature above the modulus");
	s = good;
	memset(s.signature, 0, sizeof(s.signature));
	is_refused(&s, false, 516, "a signature of zero");
	s = good;
	s.q1[0]++;
	is_refused(&s, false, 1040, "another Q1");
	s = good;
	s.q2[0]++;
	is_refused(&s, false, 1424, "another Q2");
}

static void test_load(void)
{
	struct sgx_arch_sigstruct s = signed_sample(), got;
	uint8_t longer[1809] = { 0 };
	struct err e = { 0 };

	write_file_atomic(AT_FDCWD, path_of("sig"), &s, sizeof(s), 0600, 0);
	ok(sigstruct_load(path_of("sig"), &got, &e) == 0 && !memcmp(&got, &s, sizeof(s)), "read back");
	write_file_atomic(AT_FDCWD, path_of("sig"), &s, 1807, 0600, 0);
	ok(sigstruct_load(path_of("sig"), &got, &e) < 0 && e.code == ERR_BAD_SIGSTRUCT, "too short");
	write_file_atomic(AT_FDCWD, path_of("sig"), longer, 1809, 0600, 0);
	ok(sigstruct_load(path_of("sig"), &got, &e) < 0 && e.code == ERR_BAD_SIGSTRUCT, "too long");
	write_file_atomic(AT_FDCWD, path_of("sig"), longer, 1808, 0600, 0);
	ok(sigstruct_load(path_of("sig"), &got, &e) < 0 && e.has_offset && e.offset == 0, "zeros");
	ok(sigstruct_load(path_of("none"), &got, &e) < 0 && e.sys == ENOENT, "no file");
}

/* ---- what a device must have --------------------------------------------------------------- */

static void demands(struct sgx_arch_sigstruct sig, const struct plan_host *host, const char *lacking, const char *what)
{
	struct err e = { 0 };
	int ret = plan_host_has(host, &sig, &e);

	if (!ok(lacking ? ret < 0 && e.code == ERR_UNSUPPORTED && strstr(e.msg, lacking) : !ret && !e.code, "%s", what))
		printf("#  %s\n", e.msg);
}

static void test_host(void)
{
	const struct plan_host host = { true, SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT, 7, SGX_MISC_EXINFO };
	const struct sgx_arch_sigstruct all = { .attributes = { ~0ull, ~0ull }, .miscselect = ~0u };
	const struct sgx_arch_sigstruct mask = { .attributemask = { ~0ull, ~0ull }, .miscmask = ~0u };
	struct plan_host untold = host;
	struct sgx_arch_sigstruct s = all;

	demands(all, &host, NULL, "set and not masked is not demanded");
	demands(mask, &host, NULL, "masked and not set is not demanded");
	s.attributemask.xfrm = 0x23;
	demands(s, &host, "XFRM 0x23, of which the device does not offer 0x20 (OPMASK); it offers 0x7 (X87 SSE AVX)",
		"XFRM bits that the device does not have");
	untold.known = false;
	demands(s, &untold, NULL, "a device that does not tell may have them");
	s.attributemask.xfrm = 7;
	demands(s, &host, NULL, "all that it has may be demanded");
	s.attributemask.flags = SGX_ATTR_KSS | SGX_ATTR_MODE64BIT;
	demands(s, &host, "ATTRIBUTES 0x84, of which the device does not offer 0x80 (KSS)", "attributes that it does not have");
	s.attributemask.flags = SGX_ATTR_INIT;
	demands(s, &host, NULL, "INIT is EINIT's to judge");
	s.miscmask = 3;
	demands(s, &host, "MISCSELECT 0x3, of which the device does not offer 0x2", "a MISCSELECT that it does not have");
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void write_pem(const char *path, EVP_PKEY *pkey, const char *passphrase)
{
	FILE *f = fopen(path, "w");

	if (!f || !PEM_write_PrivateKey(f, pkey, passphrase ? EVP_aes_128_cbc() : NULL,
					(const unsigned char *)passphrase,
					passphrase ? (int)strlen(passphrase) : 0,
					NULL, NULL))
		exit(99);
	fclose(f);
}

static EVP_PKEY *make_rsa(unsigned int bits, unsigned long exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *pkey = NULL;

	if (!ctx || !e || !BN_set_word(e, exponent) || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) <= 0 ||
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) <= 0 || EVP_PKEY_generate(ctx, &pkey) <= 0)
		exit(99);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static void is_bad_key(const char *path, const char *reason)
{
	struct sign_key *k = NULL;
	struct err e = { 0 };
	int ret = sign_key_load(path, NULL, &k, &e);

	if (!ok(ret < 0 && e.code == ERR_BAD_KEY && strstr(e.msg, reason) && !k, "bad key: %s", reason))
		printf("#  %s\n", e.msg);
}

/* A good key but for one bit of its modulus. */
static EVP_PKEY *inconsistent(EVP_PKEY *good)
{
	unsigned char *der = NULL, modulus[384];
	const unsigned char *p;
	int len = i2d_PrivateKey(good, &der);
	BIGNUM *n = NULL;
	EVP_PKEY *pkey;
	unsigned char *at;

	if (len < 0 || !EVP_PKEY_get_bn_param(good, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    BN_bn2binpad(n, modulus, sizeof(modulus)) < 0)
		exit(99);
	at = memmem(der, (size_t)len, modulus, sizeof(modulus));
	if (!at)
		exit(99);
	at[200] ^= 0x10;
	p = der;
	pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &p, len);
	if (!pkey)
		exit(99);
	OPENSSL_free(der);
	BN_free(n);
	return pkey;
}

static void test_bad_keys(void)
{
	struct plan p = { .attributes = { 4, 3 } };
	struct sgx_arch_sigstruct s = { .vendor = 77 };
	struct sign_key *liar = NULL;
	struct sign_params sp;
	struct err e = { 0 };
	uint8_t hash[32] = { 0 };
	EVP_PKEY *pkey, *lying;
	char *pem;
	size_t n;

	is_bad_key(path_of("none"), "No such file");
	is_bad_key(dir, "directory");
	write_file_atomic(AT_FDCWD, path_of("k"), "hello", 5, 0600, 0);
	is_bad_key(path_of("k"), "no private key in PEM");
	write_file_atomic(AT_FDCWD, path_of("k"), "", 0, 0600, 0);
	is_bad_key(path_of("k"), "no private key in PEM");

	pkey = make_rsa(2048, 3);
	write_pem(path_of("k"), pkey, NULL);
	is_bad_key(path_of("k"), "2048 bits");
	EVP_PKEY_free(pkey);
	pkey = make_rsa(3072, 65537);
	write_pem(path_of("k"), pkey, NULL);
	is_bad_key(path_of("k"), "public exponent");
	EVP_PKEY_free(pkey);
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	write_pem(path_of("k"), pkey, NULL);
	is_bad_key(path_of("k"), "no RSA key");
	EVP_PKEY_free(pkey);

	pkey = make_rsa(3072, 3);
	write_pem(path_of("k"), pkey, "secret");
	is_bad_key(path_of("k"), "passphrase");
	write_pem(path_of("k"), pkey, NULL);
	if (read_file(AT_FDCWD, path_of("k"), 100000, &pem, &n) < 0)
		exit(99);
	write_file_atomic(AT_FDCWD, path_of("k"), pem, n / 2, 0600, 0);
	is_bad_key(path_of("k"), "no private key in PEM");
	free(pem);
	write_file_atomic(AT_FDCWD, path_of("k"), "x", 1, 0, 0);
	if (geteuid() == 0 && (chmod(dir, 0711) < 0 || seteuid(NOBODY) < 0)) {
		tap_skip("an unreadable key", "root reads everything");
	} else {
		is_bad_key(path_of("k"), "Permission denied");
		if (getuid() == 0 && seteuid(0) < 0)
			exit(99);
	}

	lying = inconsistent(pkey);
	write_pem(path_of("k"), lying, NULL);
	sign_params_default(&sp, &p);
	ok(sign_key_load(path_of("k"), NULL, &liar, &e) < 0 || sigstruct_sign(&sp, hash, liar, &s, &e) < 0,
	   "a key whose numbers do not belong together signs nothing");
	ok(e.code == ERR_BAD_KEY && s.vendor == 77, "and says so");
	sign_key_free(liar);
	EVP_PKEY_free(lying);
	EVP_PKEY_free(pkey);
}

/* ---- the per-user key ---------------------------------------------------------------------- */

static int count_entries(const char *path)
{
	DIR *d = opendir(path);
	int n = -2;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static int racer(int start_fd, int result_fd)
{
	struct sgx_arch_sigstruct s;
	struct plan p = { .attributes = { 4, 3 } };
	struct sign_params sp;
	struct sign_key *k;
	uint8_t hash[32] = { 0 }, signer[33] = { 0 };
	bool created;
	char go;

	sign_params_default(&sp, &p);
	if (read_full(start_fd, &go, 1) < 0 || sign_key_user(path_of("a/b/key.pem"), &k, &created,
							     NULL) < 0 ||
	    sigstruct_sign(&sp, hash, k, &s, NULL) < 0)
		return 1;
	sign_key_free(k);
	sigstruct_mrsigner(&s, signer);
	signer[32] = created;
	return write_full(result_fd, signer, sizeof(signer)) < 0;
}

/* Several processes want the key that is not there yet: all must sign with the same one. */
static void test_race(void)
{
	enum { RACERS = 6 };
	uint8_t first[33], other[33];
	unsigned int same = 0, failed = 0;
	int start[2], result[2];
	struct stat st;

	if (pipe(start) < 0 || pipe(result) < 0)
		exit(99);
	for (int i = 0; i < RACERS; i++) {
		if (fork() == 0) {
			close(start[1]);
			_exit(racer(start[0], result[1]));
		}
	}
	close(start[0]);
	close(start[1]);        /* they all wait for this end of file */
	close(result[1]);
	if (read_full(result[0], first, 33) == 33)
		same++;
	while (read_full(result[0], other, 33) == 33)
		same += !memcmp(first, other, 32);
	close(result[0]);
	for (int i = 0; i < RACERS; i++) {
		int status;

		wait(&status);
		failed += status != 0;
	}
	is_u64(failed, 0, "%d processes ask for a key at once", RACERS);
	is_u64(same, RACERS, "and all sign with the same one");
	ok(stat(path_of("a/b/key.pem"), &st) == 0 && (st.st_mode & 07777) == 0600, "it is only its owner's");
	ok(stat(path_of("a/b"), &st) == 0 && (st.st_mode & 07777) == 0700 && stat(path_of("a"), &st) == 0 &&
	   (st.st_mode & 07777) == 0700, "so are the directories made for it");
	is_u64(count_entries(path_of("a/b")), 1, "nothing else is left there");
}

static void test_user_key(void)
{
	struct sign_key *k = NULL;
	struct err e = { 0 };
	bool created = true;
	char path[256], tiny[10];

	ok(sign_key_user(path_of("a/b/key.pem"), &k, &created, &e) == 0 && !created,
	   "the key is found again");
	sign_key_free(k);
	write_file_atomic(AT_FDCWD, path_of("k"), "not a key", 9, 0600, 0);
	ok(sign_key_user(path_of("k"), &k, NULL, &e) < 0 && e.code == ERR_BAD_KEY,
	   "a broken one is not replaced");
	ok(sign_key_user(path_of("k/x/key.pem"), &k, NULL, &e) < 0 && e.code == ERR_BAD_KEY &&
	   e.sys == ENOTDIR,
	   "a file where a directory must be");

	setenv("HOME", "/h", 1);
	setenv("XDG_DATA_HOME", "/x", 1);
	ok(sign_key_user_path(path, sizeof(path), &e) == 0 && !strcmp(path, "/x/sgxctl/signing-key.pem"),
	   "XDG");
	setenv("XDG_DATA_HOME", "relative", 1);
	ok(sign_key_user_path(path, sizeof(path), &e) == 0 &&
	   !strcmp(path, "/h/.local/share/sgxctl/signing-key.pem"), "a relative XDG_DATA_HOME is ignored");
	ok(sign_key_user_path(tiny, sizeof(tiny), &e) < 0 && e.code == ERR_BAD_KEY,
	   "a path that is too long");
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	ok(sign_key_user_path(path, sizeof(path), &e) < 0 && e.code == ERR_BAD_KEY && e.hint[0], "no home");
}

int main(void)
{
	EVP_PKEY *pkey;
	struct err e = { 0 };

	if (!mkdtemp(dir))
		return 99;
	pkey = make_rsa(3072, 3);
	write_pem(path_of("good"), pkey, NULL);
	EVP_PKEY_free(pkey);
	ok(sign_key_load(path_of("good"), NULL, &key, &e) == 0, "a good key");
	test_sign();
	test_tamper();
	test_fields();
	test_load();
	test_host();
	test_bad_keys();
	test_race();
	test_user_key();
	sign_key_free(key);
	for (const char *const *p = (const char *const[]){ "good", "sig", "k", "a/b/key.pem", NULL }; *p; p++)
		unlink(path_of(*p));
	rmdir(path_of("a/b"));
	rmdir(path_of("a"));
	ok(rmdir(dir) == 0, "the test leaves nothing");
	return tap_done();
}
