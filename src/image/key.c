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

void sign_key_free(struct sign_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

/* Without this libcrypto would ask on the terminal. */
static int refuse_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
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

static int parse_pem(const char *pem, size_t bytes, const char *name, struct sign_key **ret_key,
		     struct err *e)
{
	CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem, (int)bytes);
	CLEANUP(pkey_freep) EVP_PKEY *pkey = NULL;
	struct sign_key *k;
	bool encrypted = false;

	if (!bio)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for key '%s'", name);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &encrypted);
	ERR_clear_error();
	if (!pkey && encrypted)
		return err_set(e, ERR_BAD_KEY, 0, "key '%s' is protected by a passphrase", name);
	if (!pkey)
		return err_set(e, ERR_BAD_KEY, 0, "'%s' is no private key in PEM", name);
	if (check_key(pkey, name, e) < 0)
		return -1;
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for key '%s'", name);
	k->pkey = STEAL_PTR(pkey);
	*ret_key = k;
	return 0;
}

int sign_key_load(const char *pem_path, struct sign_key **ret_key, struct err *e)
{
	char *pem;
	size_t bytes;
	int ret;

	if (read_file(AT_FDCWD, pem_path, PEM_MAX_BYTES, &pem, &bytes) < 0)
		return err_set(e, ERR_BAD_KEY, errno, "cannot read key '%s': %s", pem_path, strerror(errno));
	ret = parse_pem(pem, bytes, pem_path, ret_key, e);
	explicit_bzero(pem, bytes);
	free(pem);
	return ret;
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
	if (sign_key_load(path, ret_key, e) < 0)
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
