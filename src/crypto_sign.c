/*-------------------------------------------------------------------------
 *
 * crypto_sign.c
 *	  Start of libsodium, Ed25519 signatures, keyed hashing, random bytes.
 *
 * The signing key is never stored: its seed is derived from the root key for
 * each signature, and wiped with the expanded secret key before the function
 * returns or raises.  Nothing between derivation and wipe can raise.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>

#include "crypto.h"

StaticAssertDecl(CRYPTO_SIGNATURE_BYTES == crypto_sign_ed25519_BYTES,
				 "size of an Ed25519 signature");
StaticAssertDecl(CRYPTO_PUBLIC_KEY_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES,
				 "size of an Ed25519 public key");
StaticAssertDecl(CRYPTO_HASH_BYTES == crypto_shorthash_siphashx24_BYTES &&
					 CRYPTO_HASH_BYTES == crypto_shorthash_siphashx24_KEYBYTES,
				 "sizes of SipHash-x-2-4");

void
crypto_init(void)
{
	/* 0: started, 1: was started before, by us or by another extension */
	if (sodium_init() < 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR), errmsg("privseg could not start libsodium")));
}

/*
 * Make the key pair of this root key.  The caller wipes secret.
 */
static bool
signing_key(uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES],
			uint8 secret[crypto_sign_ed25519_SECRETKEYBYTES])
{
	uint8 seed[crypto_sign_ed25519_SEEDBYTES];
	int rc;

	rootkey_derive(ROOTKEY_CONTEXT_SIGN, 1, seed, sizeof(seed));
	rc = crypto_sign_ed25519_seed_keypair(public_key, secret, seed);
	sodium_memzero(seed, sizeof(seed));
	return rc == 0;
}

/*
 * Sign len bytes, and say under which public key.
 */
void
privseg_sign(const uint8 *msg, size_t len, uint8 sig[CRYPTO_SIGNATURE_BYTES],
			 uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES])
{
	uint8 secret[crypto_sign_ed25519_SECRETKEYBYTES];
	bool ok;

	ok = signing_key(public_key, secret) &&
		 crypto_sign_ed25519_detached(sig, NULL, msg, len, secret) == 0;
	sodium_memzero(secret, sizeof(secret));

	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("privseg could not make a signature")));
}

void
crypto_public_key(uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES])
{
	uint8 secret[crypto_sign_ed25519_SECRETKEYBYTES];
	bool ok;

	ok = signing_key(public_key, secret);
	sodium_memzero(secret, sizeof(secret));

	if (!ok)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("privseg could not derive its signing key")));
}

/*
 * libsodium refuses non-canonical S and points of small order, so that no
 * second signature can be made from a known one.
 */
bool
privseg_verify(const uint8 *msg, size_t len, const uint8 sig[CRYPTO_SIGNATURE_BYTES])
{
	uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES];

	crypto_public_key(public_key);
	return crypto_sign_ed25519_verify_detached(sig, msg, len, public_key) == 0;
}

void
crypto_random(void *buf, size_t len)
{
	randombytes_buf(buf, len);
}

/*
 * Per-row path: nothing but the call.
 */
void
crypto_hash128(const uint8 key[CRYPTO_HASH_BYTES], const void *data, size_t len,
			   uint8 out[CRYPTO_HASH_BYTES])
{
	(void) crypto_shorthash_siphashx24(out, data, len, key);
}
