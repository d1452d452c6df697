/*-------------------------------------------------------------------------
 *
 * crypto_aead.c
 *	  Authenticated encryption: AES-256-GCM where the processor has it (NIST SP
 *	  800-38D), XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) elsewhere.
 *
 * Sealed bytes are nonce, ciphertext, MAC.  Nonces are random: 96 bits under
 * AES-256-GCM, whose keys therefore seal few messages (a subject's values, or
 * one process's), 192 bits under XChaCha20-Poly1305, which wraps keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>

#include "miscadmin.h"

#include "crypto.h"
#include "errors.h"

StaticAssertDecl(AEAD_KEY_BYTES == crypto_aead_aes256gcm_KEYBYTES &&
					 AEAD_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
				 "size of an AEAD key");
StaticAssertDecl(AEAD_MAC_BYTES == crypto_aead_aes256gcm_ABYTES &&
					 AEAD_MAC_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES,
				 "size of an AEAD MAC");
StaticAssertDecl(AES_NONCE_BYTES == crypto_aead_aes256gcm_NPUBBYTES &&
					 XCHACHA_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
				 "sizes of nonces");
StaticAssertDecl(CRYPTO_TAG_BYTES >= crypto_generichash_BYTES_MIN &&
					 AEAD_KEY_BYTES == crypto_generichash_KEYBYTES,
				 "sizes of a tag and its key");

bool
aead_available(AeadCipher cipher)
{
	return cipher == AEAD_XCHACHA20POLY1305 ||
		   (cipher == AEAD_AES256GCM && crypto_aead_aes256gcm_is_available() != 0);
}

AeadCipher
aead_preferred(void)
{
	return aead_available(AEAD_AES256GCM) ? AEAD_AES256GCM : AEAD_XCHACHA20POLY1305;
}

/*
 * Random bytes for nonces, which are no secret: asked of the kernel for many at once.
 */
static void
make_nonce(uint8 *nonce, size_t len)
{
	static uint8 pool[1024];
	static size_t left = 0;
	static int owner = 0; /* a child must not go on with its parent's */

	if (left < len || owner != MyProcPid)
	{
		randombytes_buf(pool, sizeof(pool));
		left = sizeof(pool);
		owner = MyProcPid;
	}
	left -= len;
	memcpy(nonce, pool + left, len);
}

static void
refuse_cipher(AeadCipher cipher)
{
	if (cipher == AEAD_AES256GCM)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_NOT_READY),
			 errmsg("this server's processor has no instructions for AES-256-GCM"),
			 errdetail("The value was encrypted on one that has."),
			 errhint("Set privseg.cipher to \"xchacha20-poly1305\" where values are written.")));
	elog(ERROR, "unknown cipher: %d", (int) cipher);
}

void
aead_make_nonce(AeadCipher cipher, uint8 *sealed)
{
	make_nonce(sealed, aead_nonce_bytes(cipher));
}

void
aead_seal(AeadCipher cipher, const uint8 key[AEAD_KEY_BYTES], const void *about, size_t about_len,
		  const void *plain, size_t len, uint8 *sealed)
{
	aead_make_nonce(cipher, sealed);
	aead_seal_nonced(cipher, key, about, about_len, plain, len, sealed);
}

void
aead_seal_nonced(AeadCipher cipher, const uint8 key[AEAD_KEY_BYTES], const void *about,
				 size_t about_len, const void *plain, size_t len, uint8 *sealed)
{
	const uint8 *nonce = sealed;
	uint8 *out = sealed + aead_nonce_bytes(cipher);

	if (unlikely(!aead_available(cipher)))
		refuse_cipher(cipher);
	if (cipher == AEAD_AES256GCM)
	{
		crypto_aead_aes256gcm_state state;

		crypto_aead_aes256gcm_beforenm(&state, key);
		crypto_aead_aes256gcm_encrypt_afternm(out, NULL, plain, len, about, about_len, NULL, nonce,
											  &state);
		sodium_memzero(&state, sizeof(state));
	}
	else
		crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain, len, about, about_len, NULL,
												   nonce, key);
}

bool
aead_open(AeadCipher cipher, const uint8 key[AEAD_KEY_BYTES], const void *about, size_t about_len,
		  const uint8 *sealed, size_t sealed_len, void *plain)
{
	const uint8 *in = sealed + aead_nonce_bytes(cipher);
	size_t len;
	int rc;

	if (unlikely(!aead_available(cipher)))
		refuse_cipher(cipher);
	if (sealed_len < aead_overhead(cipher))
		return false;
	len = sealed_len - aead_nonce_bytes(cipher);
	if (cipher == AEAD_AES256GCM)
	{
		crypto_aead_aes256gcm_state state;

		crypto_aead_aes256gcm_beforenm(&state, key);
		rc = crypto_aead_aes256gcm_decrypt_afternm(plain, NULL, NULL, in, len, about, about_len,
												   sealed, &state);
		sodium_memzero(&state, sizeof(state));
	}
	else
		rc = crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, in, len, about,
														about_len, sealed, key);
	return rc == 0;
}

void
crypto_tag(const uint8 key[AEAD_KEY_BYTES], const void *data, size_t len,
		   uint8 tag[CRYPTO_TAG_BYTES])
{
	if (crypto_generichash(tag, CRYPTO_TAG_BYTES, data, len, key, AEAD_KEY_BYTES) != 0)
		elog(ERROR, "privseg could not make a tag");
}
