/*
 * encrypted_parse.c
 *	  The bytes of an encrypted value, as they are read: from a table, from a dump, from whoever
 *	  may hand them over.  Nothing here needs a server: test/fuzz.
 *
 *	  0	 1	version: 1; the highest bit where numbers inside have the highest byte first
 *	  1	 1	cipher (low 4 bits), flags: bound 0x80, tagged 0x40, subject's key hashed 0x20
 *	  2	 1	type
 *	  3	 1	0
 *	  4	 4	data category; a literal: 0
 *	  8	 4	subject domain; a literal: 0
 *	  12 16	the subject's place in the order of keys; a literal: its process's salt
 *	  28 4	the subject's key; a literal: 0
 *	  32 16	the tag, if there is one, masked
 *	  then	nonce, ciphertext, MAC
 *
 * All before the nonce is authenticated.  Numbers there have the highest byte first.  Inside is
 * the base type's own form: that of a text, numeric or jsonb without its length, others as they
 * lie in memory.
 *
 * Whoever reads a header trusts nothing of it: encrypted_parse() looks at lengths and words
 * only, and what is inside is used when the MAC says that this server wrote it.
 */
#include "compat.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "encrypted.h"
#include "port/pg_bswap.h"

#define CIPHER_MASK 0x0f

const EncryptedType encrypted_types[ENCRYPTED_N_CODES] = {
	[ENCRYPTED_TEXT] = {"encrypted_text", TEXTOID, -1, false},
	[ENCRYPTED_NUMERIC] = {"encrypted_numeric", NUMERICOID, -1, false},
	[ENCRYPTED_BIGINT] = {"encrypted_bigint", INT8OID, 8, true},
	[ENCRYPTED_INTEGER] = {"encrypted_integer", INT4OID, 4, true},
	[ENCRYPTED_DOUBLE] = {"encrypted_double", FLOAT8OID, 8, true},
	[ENCRYPTED_DATE] = {"encrypted_date", DATEOID, 4, true},
	[ENCRYPTED_TIMESTAMPTZ] = {"encrypted_timestamptz", TIMESTAMPTZOID, 8, true},
	[ENCRYPTED_BOOLEAN] = {"encrypted_boolean", BOOLOID, 1, true},
	[ENCRYPTED_JSONB] = {"encrypted_jsonb", JSONBOID, -1, false},
};

const char encrypted_armour_prefix[] = "privseg:1:";

StaticAssertDecl(sizeof(encrypted_armour_prefix) - 1 == ENCRYPTED_ARMOUR_PREFIX,
				 "length of armour's prefix");

static uint32
get32(const uint8 *from)
{
	uint32 value;

	memcpy(&value, from, sizeof(value));
	return pg_ntoh32(value);
}

static uint64
get64(const uint8 *from)
{
	uint64 value;

	memcpy(&value, from, sizeof(value));
	return pg_ntoh64(value);
}

/* encrypted_parse -- read what a value says of itself; false: these bytes are none */
bool
encrypted_parse(const uint8 *bytes, size_t len, EncryptedHeader *header)
{
	uint8 flags;

	if (len < ENCRYPTED_HEADER_BYTES || bytes[0] != (ENCRYPTED_VERSION) || bytes[3] != 0)
		return false;
	flags = bytes[1] & ~CIPHER_MASK;
	header->cipher = bytes[1] & CIPHER_MASK;
	header->code = bytes[2];
	if ((header->cipher != AEAD_AES256GCM && header->cipher != AEAD_XCHACHA20POLY1305) ||
		header->code == ENCRYPTED_NONE || header->code >= ENCRYPTED_N_CODES ||
		(flags & ~(ENCRYPTED_FLAG_BOUND | ENCRYPTED_FLAG_TAGGED | ENCRYPTED_FLAG_HASHED)) != 0)
		return false;
	header->bound = (flags & ENCRYPTED_FLAG_BOUND) != 0;
	header->tagged = (flags & ENCRYPTED_FLAG_TAGGED) != 0;
	header->hashed = (flags & ENCRYPTED_FLAG_HASHED) != 0;
	header->category = (int32) get32(bytes + 4);
	header->domain = get32(bytes + 8);
	header->subject.hi = get64(bytes + 12);
	header->subject.lo = get64(bytes + 20);
	header->key_id = get32(bytes + 28);
	if (header->bound ?
			header->category <= 0 || header->key_id == 0 :
			flags != 0 || header->category != 0 || header->domain != 0 || header->key_id != 0)
		return false;
	header->header_len = ENCRYPTED_HEADER_BYTES + (header->tagged ? CRYPTO_TAG_BYTES : 0);
	header->start = bytes;
	header->tag = header->tagged ? bytes + ENCRYPTED_HEADER_BYTES : NULL;
	if (len < header->header_len + aead_overhead(header->cipher))
		return false;
	header->sealed = bytes + header->header_len;
	header->sealed_len = len - header->header_len;
	header->plain_len = header->sealed_len - aead_overhead(header->cipher);
	return encrypted_types[header->code].length < 0 ?
			   header->plain_len <= ENCRYPTED_MAX_BYTES :
			   header->plain_len == (size_t) encrypted_types[header->code].length;
}

/* encrypted_is_armour -- does the text look like one? */
bool
encrypted_is_armour(const char *text, size_t len)
{
	return len >= ENCRYPTED_ARMOUR_PREFIX &&
		   memcmp(text, encrypted_armour_prefix, ENCRYPTED_ARMOUR_PREFIX) == 0;
}

/* encrypted_armour_room -- for what an armour of this length holds; 0: it cannot be one */
size_t
encrypted_armour_room(size_t len)
{
	size_t encoded = len - ENCRYPTED_ARMOUR_PREFIX;

	return len <= ENCRYPTED_ARMOUR_PREFIX || encoded > INT_MAX / 2 ?
			   0 :
			   (size_t) pg_b64_dec_len((int) encoded);
}

/* encrypted_decode_armour -- how many bytes it holds; -1: it is none */
int
encrypted_decode_armour(const char *text, size_t len, uint8 *bytes, int room)
{
	return pg_b64_decode(text + ENCRYPTED_ARMOUR_PREFIX, (int) (len - ENCRYPTED_ARMOUR_PREFIX),
						 (char *) bytes, room);
}
