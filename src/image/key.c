/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing keys: loading, judging, and the per-user key that is made on first use.
 *
 * Authority: Intel SDM Vol. 3D, SIGSTRUCT (MODULUS of 3072 bits, EXPONENT 3).
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "image/sign_internal.h"

#define PEM_MAX_BYTES ((size_t)64 << 10)

DEFINE_CLEANUP_PTR(bio_freep, BIO, BIO_free_all)
DEFINE_CLEANUP_PTR(pkey_freep, EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP_PTR(pkey_ctx_freep, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_CLEANUP_PTR(bn_freep, BIGNUM, BN_free)
DEFINE_CLEANUP_PTR(decoder_freep, OSSL_DECODER_CTX, OSSL_DECODER_CTX_free)

void sign_key_free(struct sign_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

/* What libcrypto asks for a passphrase: without a function of ours it would ask on the terminal. */
struct passphrase {
	const char *word;       /* NULL: there is none */
	bool asked;
};

static int give_passphrase(char *buf, int size, int writing, void *arg)
{
	struct passphrase *p = arg;
	size_t n = p->word ? strlen(p->word) : 0;

	(void)writing;
	p->asked = true;
	if (!p->word || n > (size_t)size)
		return -1;
	memcpy(buf, p->word, n);
	return (int)n;
}

static int check_key(const EVP_PKEY *pkey, const char *name, struct err *e)
{
	CLEANUP(bn_freep) BIGNUM *exponent = NULL;

	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return err_set(e, ERR_BAD_KEY, 0, "key '%s' is no RSA key", name);
	if (EVP_PKEY_get_bits(pkey) != SIGN_KEY_BITS)
		return err_set(e, ERR_BAD_KEY, 0, "key '%s' has %d bits, SGX needs %d", name,
			       EVP_PKEY_get_bits(pkey), SIGN_KEY_BITS);
	if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent))
		return err_set(e, ERR_BAD_KEY, 0, "key '%s' has no public exponent", name);
	if (!BN_is_word(exponent, SIGN_KEY_EXPONENT))
		return err_set(e, ERR_BAD_KEY, 0, "key '%s' has not the public exponent %d", name,
			       SIGN_KEY_EXPONENT);
	return 0;
}

/* Consumes pkey. */
static int wrap_key(EVP_PKEY *owned, const char *name, struct sign_key **ret_key, struct err *e)
{
	CLEANUP(pkey_freep) EVP_PKEY *pkey = owned;
	struct sign_key *k;

	if (check_key(pkey, name, e) < 0)
		return -1;
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for key '%s'", name);
	k->pkey = STEAL_PTR(pkey);
	*ret_key = k;
	return 0;
}

static int parse_pem(const char *pem, size_t bytes, const char *name, const char *word, struct sign_key **ret_key,
		     struct err *e)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem, (int)bytes);
	struct passphrase pass = { .word = word };
	EVP_PKEY *pkey;

	if (!bio)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for key '%s'", name);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &pass);
	ERR_clear_error();
	if (pkey)
		return wrap_key(pkey, name, ret_key, e);
	if (pass.asked && word)
		return err_set(e, ERR_BAD_KEY, 0, "key '%s' does not open with this passphrase", name);
	if (pass.asked) {
		err_set(e, ERR_BAD_KEY, 0, "key '%s' is protected by a passphrase", name);
		return err_hint(e, "'sgxctl sign' takes it with --passin, 'sgxctl load' what that signed with --sigstruct");
	}
	return err_set(e, ERR_BAD_KEY, 0, "'%s' is no private key in PEM", name);
}

static int parse_public(const char *pem, size_t bytes, const char *name, struct sign_key **ret_key, struct err *e)
{
	CLEANUP(decoder_freep) OSSL_DECODER_CTX *decoder = NULL;
	CLEANUP(pkey_freep) EVP_PKEY *pkey = NULL;
	const unsigned char *at = (const unsigned char *)pem;
	struct sign_key *private;

	/* every key but the right one is refused by wrap_key(), in words */
	decoder = OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);
	if (decoder && OSSL_DECODER_from_data(decoder, &at, &bytes) && pkey)
		return wrap_key(STEAL_PTR(pkey), name, ret_key, e);
	ERR_clear_error();
	if (parse_pem(pem, strlen(pem), name, NULL, &private, NULL) == 0) {
		*ret_key = private;
		return 0;
	}
	err_set(e, ERR_BAD_KEY, 0, "'%s' is no public key in PEM", name);
	return err_hint(e, "openssl rsa -in KEY -pubout makes one of a private key");
}

/* The file, for free() after explicit_bzero(). */
static int read_pem(const char *path, char **ret_pem, size_t *ret_bytes, struct err *e)
{
	if (read_file(AT_FDCWD, path, PEM_MAX_BYTES, ret_pem, ret_bytes) < 0)
		return err_set(e, ERR_BAD_KEY, errno, "cannot read key '%s': %s", path, strerror(errno));
	return 0;
}

static void forget_pem(char *pem, size_t bytes)
{
	explicit_bzero(pem, bytes);
	free(pem);
}

int sign_key_load(const char *pem_path, const char *passphrase, struct sign_key **ret_key, struct err *e)
{
	char *pem;
	size_t bytes;
	int ret;

	if (read_pem(pem_path, &pem, &bytes, e) < 0)
		return -1;
	ret = parse_pem(pem, bytes, pem_path, passphrase, ret_key, e);
	forget_pem(pem, bytes);
	return ret;
}

int sign_key_load_public(const char *pem_path, struct sign_key **ret_key, struct err *e)
{
	char *pem;
	size_t bytes;
	int ret;

	if (read_pem(pem_path, &pem, &bytes, e) < 0)
		return -1;
	ret = parse_public(pem, bytes, pem_path, ret_key, e);
	forget_pem(pem, bytes);
	return ret;
}

int sign_key_mrsigner(const struct sign_key *k, uint8_t mrsigner[32], struct err *e)
{
	CLEANUP(bn_freep) BIGNUM *n = NULL;
	struct sgx_arch_sigstruct s = { .exponent = SIGN_KEY_EXPONENT };

	if (!EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    BN_bn2lebinpad(n, s.modulus, sizeof(s.modulus)) < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a key");
	sigstruct_mrsigner(&s, mrsigner);
	return 0;
}

/* ---- the per-user key ---------------------------------------------------------------------- */

static EVP_PKEY *generate(void)
{
	CLEANUP(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	CLEANUP(bn_freep) BIGNUM *exponent = BN_new();
	EVP_PKEY *pkey = NULL;

	if (!ctx || !exponent || !BN_set_word(exponent, SIGN_KEY_EXPONENT) ||
	    EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, SIGN_KEY_BITS) <= 0 ||
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent) <= 0 || EVP_PKEY_generate(ctx, &pkey) <= 0)
		return NULL;
	return pkey;
}

/* Makes the directories above path, each only for its owner when it is new. */
static int make_parents(const char *path)
{
	CLEANUP(cleanup_free) char *copy = strdup(path);

	if (!copy)
		return -1;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return 0;
}

static int create_key(const char *path, struct err *e)
{
	CLEANUP(pkey_freep) EVP_PKEY *pkey = generate();
	CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;
	long bytes;

	if (!pkey || !bio || !PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)) {
		ERR_clear_error();
		return err_set(e, ERR_BAD_KEY, 0, "cannot make a signing key");
	}
	bytes = BIO_get_mem_data(bio, &pem);
	if (make_parents(path) < 0)
		return err_set(e, ERR_BAD_KEY, errno, "cannot make the directories of '%s': %s", path,
			       strerror(errno));
	/* Whoever comes second finds the first one's key and uses that. */
	if (write_file_atomic(AT_FDCWD, path, pem, (size_t)bytes, 0600, WRITE_FILE_NOREPLACE) < 0 &&
	    errno != EEXIST)
		return err_set(e, ERR_BAD_KEY, errno, "cannot write the signing key '%s': %s", path,
			       strerror(errno));
	return 0;
}

int sign_key_user(const char *path, struct sign_key **ret_key, bool *ret_created, struct err *e)
{
	struct stat st;
	bool created = false;

	if (stat(path, &st) < 0 && errno == ENOENT) {
		if (create_key(path, e) < 0)
			return -1;
		created = true;
	}
	if (sign_key_load(path, NULL, ret_key, e) < 0)
		return -1;
	if (ret_created)
		*ret_created = created;
	return 0;
}

int sign_key_user_path(char *buf, size_t bytes, struct err *e)
{
	const char *base = getenv("XDG_DATA_HOME"), *below = "";
	int n;

	/* The XDG specification: a relative path is to be ignored. */
	if (!base || base[0] != '/') {
		base = getenv("HOME");
		below = "/.local/share";
	}
	if (!base || base[0] != '/') {
		err_set(e, ERR_BAD_KEY, 0, "there is no home directory to keep a signing key in");
		return err_hint(e, "set HOME or XDG_DATA_HOME, or name a key with --key");
	}
	n = snprintf(buf, bytes, "%s%s/sgxctl/signing-key.pem", base, below);
	if (n < 0 || (size_t)n >= bytes)
		return err_set(e, ERR_BAD_KEY, ENAMETOOLONG, "the path of the signing key is too long");
	return 0;
}
