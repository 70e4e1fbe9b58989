/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcrypto, loaded when it is needed: linking it costs each start more than most commands do, and programs that use no
 * SGX shall not get it.  What links liblate.a calls libcrypto's functions by their names; they are in late_crypto.def, and
 * what stands behind the names jumps to the real ones.
 */
#ifndef BASE_LATE_CRYPTO_H
#define BASE_LATE_CRYPTO_H

/*
 * Loads it, once; every function of late_crypto.def may be called from then on, and none before.
 * NULL, or why not: a text of dlerror(3), valid until the next call of that.
 *
 * Context: normal, any thread.
 */
const char *late_crypto_load(void);

#endif
