/*-------------------------------------------------------------------------
 *
 * crypto.h
 *	  The root key, signatures, keyed hashing and random bytes.
 *
 * Only crypto_*.c include <sodium.h>; everything else calls this header.
 * In those files <sodium.h> comes before this header.
 *
 * Every function below is hidden: PostgreSQL loads libraries RTLD_GLOBAL, so
 * that an exported crypto_init() could be taken by another extension's, and
 * an exported crypto_sign() would take the place of libsodium's own function
 * of that name in every other extension of the server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PRIVSEG_CRYPTO_H
#define PRIVSEG_CRYPTO_H

#define ROOTKEY_BYTES 32
#define ROOTKEY_FINGERPRINT_HEX 32 /* digits, without the terminating NUL */
#define CRYPTO_CONTEXT_BYTES 8
#define CRYPTO_SIGNATURE_BYTES 64
#define CRYPTO_PUBLIC_KEY_BYTES 32
#define CRYPTO_HASH_BYTES 16

/*
 * Contexts of rootkey_derive() in use by crypto_*.c; no other caller may use
 * them.  Eight characters each, not NUL-terminated when passed on.
 */
#define ROOTKEY_CONTEXT_SIGN "privsign"

#pragma GCC visibility push(hidden)

/*
 * Start libsodium.  Call from _PG_init, before anything else here.
 * Errors: 58000 system_error when libsodium cannot start.
 */
extern void crypto_init(void);

/*
 * Load the root key, once, in the postmaster (or a single-user server), from
 * the output of a shell command or from a file; at most one of the two may be
 * non-empty, NULL counts as empty.  datadir is the data directory, in which
 * the file must not lie.  Never raises: the reason for which there is no key
 * is logged and kept for rootkey_problem().  A second call does nothing, so
 * that it may be called from a shmem startup hook, which runs again after a
 * crash.
 */
extern void rootkey_load(const char *command, const char *file, const char *datadir);

/* Is there a root key? */
extern bool rootkey_available(void);

/* Why there is none, in lower case without full stop; NULL when there is. */
extern const char *rootkey_problem(void);

/* What to do about it, as a sentence; NULL when there is a key. */
extern const char *rootkey_remedy(void);

/* Errors: 55000 object_not_in_prerequisite_state without a root key. */
extern void rootkey_require(void);

/*
 * Hexadecimal of 16 bytes that identify the root key and tell nothing else
 * about it.  Errors: 55000 without a root key.
 */
extern void rootkey_fingerprint(char out[ROOTKEY_FINGERPRINT_HEX + 1]);

/*
 * Derive a subkey of 16 to 64 bytes; context (8 characters) says what it is
 * for, subkey_id which one.  The caller wipes it (explicit_bzero).
 * Errors: 55000 without a root key; XX000 for another length.
 */
extern void
rootkey_derive(const char context[CRYPTO_CONTEXT_BYTES], uint64 subkey_id, uint8 *out, size_t len);

/*
 * Ed25519 (RFC 8032) under a key derived from the root key.  One key signs
 * every kind of message, so each message must begin with a prefix of its own
 * that ends in a newline: "privseg <kind> v1\n".
 * Errors: 55000 without a root key; XX000 when libsodium fails.
 */
extern void privseg_sign(const uint8 *msg, size_t len, uint8 sig[CRYPTO_SIGNATURE_BYTES],
						 uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES]);

/* The public key of the above.  Errors: as above. */
extern void crypto_public_key(uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES]);

/* Did privseg_sign() under this root key make sig?  Errors: as above. */
extern bool privseg_verify(const uint8 *msg, size_t len, const uint8 sig[CRYPTO_SIGNATURE_BYTES]);

/* Fill buf from the kernel's random number generator. */
extern void crypto_random(void *buf, size_t len);

/*
 * SipHash-2-4 with 128 bits of output under a secret key.  Not a
 * cryptographic hash: two inputs with equal output can be found by whoever
 * holds the key.
 */
extern void crypto_hash128(const uint8 key[CRYPTO_HASH_BYTES], const void *data, size_t len,
						   uint8 out[CRYPTO_HASH_BYTES]);

#pragma GCC visibility pop

/*
 * The short names, where libsodium's crypto_sign() is not declared.
 */
#ifndef sodium_H
#define crypto_sign(msg, len, sig, public_key) privseg_sign(msg, len, sig, public_key)
#define crypto_verify(msg, len, sig) privseg_verify(msg, len, sig)
#endif

#endif /* PRIVSEG_CRYPTO_H */
