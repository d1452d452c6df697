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
#define ROOTKEY_FINGERPRINT_BYTES 16
#define ROOTKEY_FINGERPRINT_HEX 32 /* digits, without the terminating NUL */
#define ROOTKEY_PROBLEM_BYTES 512
#define CRYPTO_CONTEXT_BYTES 8
#define CRYPTO_SIGNATURE_BYTES 64
#define CRYPTO_PUBLIC_KEY_BYTES 32
#define CRYPTO_HASH_BYTES 16
#define CRYPTO_TAG_BYTES 16
#define AEAD_KEY_BYTES 32
#define AEAD_MAC_BYTES 16
#define AES_NONCE_BYTES 12
#define XCHACHA_NONCE_BYTES 24
#define WRAPPED_KEY_BYTES (XCHACHA_NONCE_BYTES + AEAD_KEY_BYTES + AEAD_MAC_BYTES)

/*
 * Contexts of rootkey_derive() in use by crypto_*.c; no other caller may use
 * them.  Eight characters each, not NUL-terminated when passed on.
 */
#define ROOTKEY_CONTEXT_SIGN "privsign"
#define ROOTKEY_CONTEXT_WRAP "privwrap"

/* the numbers are stored in values */
typedef enum AeadCipher
{
	AEAD_AES256GCM = 1,
	AEAD_XCHACHA20POLY1305 = 2
} AeadCipher;

/* where a root key may come from: at most one of the two is set; NULL counts as empty */
typedef struct KeySource
{
	const char *command;
	const char *command_setting; /* the setting's name, for messages */
	const char *file;
	const char *file_setting;
} KeySource;

#pragma GCC visibility push(hidden)

/*
 * Start libsodium.  Call from _PG_init, before anything else here.
 * Errors: 58000 system_error when libsodium cannot start.
 */
extern void crypto_init(void);

/* ---- where keys come from (crypto_keysource.c) ---- */

extern bool keysource_is_set(const KeySource *source);

/*
 * Read a key.  datadir is the data directory, in which the file must not lie.
 * Never raises: false, and why not, in lower case without full stop.  The
 * caller wipes the key, in either case.
 */
extern bool keysource_read(const KeySource *source, const char *datadir, uint8 key[ROOTKEY_BYTES],
						   char why[ROOTKEY_PROBLEM_BYTES]);

/* ---- root keys (crypto_rootkey.c) ---- */

/* Ask for what rootkey_add() needs; from the shmem request hook. */
extern void rootkey_shmem_request(void);

/*
 * Load the root key, once, in the postmaster (or a single-user server).  Never
 * raises: the reason for which there is no key is logged and kept for
 * rootkey_problem().  A second call does nothing.
 */
extern void rootkey_load(const KeySource *source, const char *datadir);

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
 * Root keys beside the one of the start have numbers; that has 0.  The number
 * of the key with a fingerprint, -1 if there is none.
 */
extern int rootkey_find(const char *fingerprint);

/*
 * Read a key and keep it for all processes.  Its number; -1, and why not, in
 * lower case without full stop.  Errors: 55000 without a root key.
 */
extern int
rootkey_add(const KeySource *source, const char *datadir, char why[ROOTKEY_PROBLEM_BYTES]);

/* As rootkey_fingerprint(), of a key by its number. */
extern void rootkey_fingerprint_of(int number, char out[ROOTKEY_FINGERPRINT_HEX + 1]);

/*
 * Encrypt a key under a root key, and back; about is authenticated with it.
 * Errors: 55000 without a root key.  false: not under this key, or altered.
 */
extern void rootkey_wrap(int number, const void *about, size_t about_len,
						 const uint8 key[AEAD_KEY_BYTES], uint8 wrapped[WRAPPED_KEY_BYTES]);
extern bool rootkey_unwrap(int number, const void *about, size_t about_len,
						   const uint8 wrapped[WRAPPED_KEY_BYTES], uint8 key[AEAD_KEY_BYTES]);

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

/* ---- encryption (crypto_aead.c) ---- */

static inline size_t
aead_nonce_bytes(AeadCipher cipher)
{
	return cipher == AEAD_AES256GCM ? AES_NONCE_BYTES : XCHACHA_NONCE_BYTES;
}

/* by how much what is sealed is longer */
static inline size_t
aead_overhead(AeadCipher cipher)
{
	return aead_nonce_bytes(cipher) + AEAD_MAC_BYTES;
}

/* Can it be computed on this machine? */
extern bool aead_available(AeadCipher cipher);
extern AeadCipher aead_preferred(void);

/*
 * Encrypt len bytes into len + aead_overhead() bytes: nonce, ciphertext, MAC.
 * about is authenticated, not encrypted.  Errors: 55000 where the machine
 * lacks the cipher.
 */
extern void aead_seal(AeadCipher cipher, const uint8 key[AEAD_KEY_BYTES], const void *about,
					  size_t about_len, const void *plain, size_t len, uint8 *sealed);

/*
 * The same in two steps, where what is authenticated depends on the nonce: write a new one, with
 * which sealed begins; encrypt with that one, which is used for nothing else.
 */
extern void aead_make_nonce(AeadCipher cipher, uint8 *sealed);
extern void aead_seal_nonced(AeadCipher cipher, const uint8 key[AEAD_KEY_BYTES], const void *about,
							 size_t about_len, const void *plain, size_t len, uint8 *sealed);

/*
 * Decrypt sealed_len bytes into sealed_len - aead_overhead() bytes.  false:
 * another key, or something was altered; plain then holds nothing of it.
 * Errors: as above.
 */
extern bool aead_open(AeadCipher cipher, const uint8 key[AEAD_KEY_BYTES], const void *about,
					  size_t about_len, const uint8 *sealed, size_t sealed_len, void *plain);

/* Keyed BLAKE2b (RFC 7693) of 128 bits. */
extern void crypto_tag(const uint8 key[AEAD_KEY_BYTES], const void *data, size_t len,
					   uint8 tag[CRYPTO_TAG_BYTES]);

/* ---- memory for keys (crypto_secret.c) ---- */

#define SECRET_SMALL 64
#define SECRET_LARGE 8192

/*
 * A cell of at least size bytes, at most SECRET_LARGE, that only this process
 * sees and no core dump holds.  Errors: 53200 out_of_memory.
 */
extern void *secret_alloc(size_t size);

/* Wipe it and give it back; size as for secret_alloc(). */
extern void secret_free(void *secret, size_t size);

/* Random bytes for a key, of at most SECRET_LARGE.  Errors: as secret_alloc(). */
extern void crypto_random_key(void *key, size_t len);

/* Overwrite what lay elsewhere; the compiler does not leave it out. */
extern void secret_wipe(void *secret, size_t size);

/* ---- signatures, random numbers, hashes (crypto_sign.c) ---- */

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
