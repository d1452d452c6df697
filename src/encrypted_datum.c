/*
 * encrypted_datum.c
 *	  Encrypted values: made, sealed, opened.
 *
 * What the bytes are, and that nothing of them is trusted before the MAC says that this server
 * wrote them: encrypted_parse.c.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "cache_inval.h"
#include "common/base64.h"
#include "encrypted.h"
#include "errors.h"
#include "guc.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

static void
put32(uint8 *to, uint32 value)
{
	value = pg_hton32(value);
	memcpy(to, &value, sizeof(value));
}

static void
put64(uint8 *to, uint64 value)
{
	value = pg_hton64(value);
	memcpy(to, &value, sizeof(value));
}

static void
refuse_altered(void)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_CORRUPT), errmsg("an encrypted value was altered")));
}

/* encrypted_header -- of a value that is not toasted any more.  Errors: XX001. */
void
encrypted_header(const struct varlena *value, EncryptedHeader *header)
{
	if (!encrypted_parse((const uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), header))
		refuse_altered();
}

/* encrypted_header_of -- the same, of a value that must be of that type */
void
encrypted_header_of(const struct varlena *value, EncryptedCode code, EncryptedHeader *header)
{
	encrypted_header(value, header);
	if (header->code != code)
		refuse_altered();
}

static AeadCipher
cipher_to_use(void)
{
	return guc_cipher != 0 ? (AeadCipher) guc_cipher : aead_preferred();
}

/*
 * The key that a process seals literals with: of the database's key for literals, by the
 * process's salt.  So no two processes use up the nonces of one key.
 */
static const uint8 *
literal_key(SubjectPosition salt)
{
	static uint8 *key = NULL; /* secret memory */
	static SubjectPosition key_salt;
	static uint64 key_generation = 0;
	uint8 hash[2 * CRYPTO_TAG_BYTES];
	uint8 label[17];

	if (key != NULL && key_generation == cache_key_generation &&
		position_compare(&key_salt, &salt) == 0)
		return key;
	if (key == NULL)
		key = secret_alloc(AEAD_KEY_BYTES);
	memcpy(label, &salt, sizeof(salt));
	for (int half = 0; half < 2; half++)
	{
		label[16] = (uint8) half;
		crypto_tag(keyring_root(KEY_LITERAL, 1), label, sizeof(label),
				   hash + half * CRYPTO_TAG_BYTES);
	}
	memcpy(key, hash, AEAD_KEY_BYTES);
	secret_wipe(hash, sizeof(hash));
	key_salt = salt;
	key_generation = cache_key_generation;
	return key;
}

static SubjectPosition
own_salt(void)
{
	static SubjectPosition salt;
	static int owner = 0;

	if (owner != MyProcPid)
	{
		crypto_random(&salt, sizeof(salt));
		owner = MyProcPid;
	}
	return salt;
}

/*
 * encrypted_mask_tag -- a tag as it is stored, and back: together with a hash of the value's
 * nonce.  This hides it from nobody who has the bytes.  In SQL nobody has: but whether two
 * values hold the same bytes could be told by how well an array of them is compressed, or how
 * rows are ordered by their images.
 *	nonce	with which what is sealed begins
 */
void
encrypted_mask_tag(AeadCipher cipher, const uint8 *nonce, uint8 tag[CRYPTO_TAG_BYTES])
{
	static const uint8 key[CRYPTO_HASH_BYTES] = "privseg tag mask";
	uint8 mask[CRYPTO_HASH_BYTES];

	crypto_hash128(key, nonce, aead_nonce_bytes(cipher), mask);
	for (int i = 0; i < CRYPTO_TAG_BYTES; i++)
		tag[i] ^= mask[i];
}

/* room for a value, with its header and nonce written */
static bytea *
make_value(const EncryptedHeader *header, size_t len, uint8 **sealed, size_t *header_len)
{
	size_t size;
	bytea *value;
	uint8 *bytes;

	if (len > ENCRYPTED_MAX_BYTES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a value is too long to be encrypted"),
						errdetail("At most %d MB can be.", ENCRYPTED_MAX_BYTES / 1024 / 1024)));
	*header_len = ENCRYPTED_HEADER_BYTES + (header->tagged ? CRYPTO_TAG_BYTES : 0);
	size = *header_len + len + aead_overhead(header->cipher);
	value = palloc(VARHDRSZ + size);
	SET_VARSIZE(value, VARHDRSZ + size);
	bytes = (uint8 *) VARDATA(value);
	bytes[0] = ENCRYPTED_VERSION;
	bytes[1] = (uint8) header->cipher | (header->bound ? ENCRYPTED_FLAG_BOUND : 0) |
			   (header->tagged ? ENCRYPTED_FLAG_TAGGED : 0) |
			   (header->hashed ? ENCRYPTED_FLAG_HASHED : 0);
	bytes[2] = (uint8) header->code;
	bytes[3] = 0;
	put32(bytes + 4, (uint32) header->category);
	put32(bytes + 8, header->domain);
	put64(bytes + 12, header->subject.hi);
	put64(bytes + 20, header->subject.lo);
	put32(bytes + 28, header->key_id);
	*sealed = bytes + *header_len;
	aead_make_nonce(header->cipher, *sealed);
	if (header->tagged)
	{
		memcpy(bytes + ENCRYPTED_HEADER_BYTES, header->tag, CRYPTO_TAG_BYTES);
		encrypted_mask_tag(header->cipher, *sealed, bytes + ENCRYPTED_HEADER_BYTES);
	}
	return value;
}

/*
 * encrypted_seal_literal -- a value of no row yet.
 * Errors: as keyring_root(); 54000 where it is too long.
 */
bytea *
encrypted_seal_literal(EncryptedCode code, const void *plain, size_t len)
{
	EncryptedHeader header = {.code = code, .cipher = cipher_to_use(), .subject = own_salt()};
	const uint8 *key = literal_key(header.subject);
	uint8 *sealed;
	size_t header_len;
	bytea *value = make_value(&header, len, &sealed, &header_len);

	aead_seal_nonced(header.cipher, key, VARDATA(value), header_len, plain, len, sealed);
	return value;
}

/*
 * encrypted_seal_bound -- a value of a subject.
 *	binding		category, domain, subject, hashed, tagged and tag
 * Errors: as keyring_find_or_make(); 54000.
 */
bytea *
encrypted_seal_bound(EncryptedCode code, const EncryptedHeader *binding,
					 const ProtectedRelation *domain, const void *plain, size_t len)
{
	EncryptedHeader header = *binding;
	const SubjectKey *key = keyring_find_or_make(domain, binding->subject);
	uint8 *sealed;
	size_t header_len;
	bytea *value;

	header.code = code;
	header.cipher = cipher_to_use();
	header.bound = true;
	header.key_id = key->id;
	value = make_value(&header, len, &sealed, &header_len);
	aead_seal_nonced(header.cipher, key->key, VARDATA(value), header_len, plain, len, sealed);
	return value;
}

/*
 * encrypted_unseal -- what is inside, of header->plain_len bytes; false: the subject's key is
 * gone.
 *	domain	of a bound value
 * Errors: XX001 where the value was altered; as keyring_find().
 */
bool
encrypted_unseal(const EncryptedHeader *header, const ProtectedRelation *domain, void *plain)
{
	const uint8 *key;

	if (header->bound)
	{
		const SubjectKey *subject_key = keyring_find(domain, header->subject, header->key_id);

		if (subject_key == NULL)
			return false;
		key = subject_key->key;
	}
	else
		key = literal_key(header->subject);
	if (!aead_open(header->cipher, key, header->start, header->header_len, header->sealed,
				   header->sealed_len, plain))
		refuse_altered();
	return true;
}

/* ---- armour: a value as text, for dumps and replication ---- */

/* encrypted_armour -- in the caller's memory */
char *
encrypted_armour(const struct varlena *value)
{
	size_t len = VARSIZE_ANY_EXHDR(value);
	int room = pg_b64_enc_len(len);
	char *text = palloc_extended(ENCRYPTED_ARMOUR_PREFIX + room + 1, MCXT_ALLOC_HUGE);
	int n;

	memcpy(text, encrypted_armour_prefix, ENCRYPTED_ARMOUR_PREFIX);
	n = pg_b64_encode(VARDATA_ANY(value), len, text + ENCRYPTED_ARMOUR_PREFIX, room);
	if (n < 0)
		elog(ERROR, "could not encode an encrypted value");
	text[ENCRYPTED_ARMOUR_PREFIX + n] = '\0';
	return text;
}

/*
 * encrypted_from_armour -- back, byte for byte.  Its MAC is looked at when it is opened: a dump
 * may bring values before their keys.
 * Errors: 22P02 where it is none, or of another type.
 */
bytea *
encrypted_from_armour(const char *text, size_t len, EncryptedCode code)
{
	size_t room = encrypted_armour_room(len);
	bytea *value = room == 0 ? NULL : palloc(VARHDRSZ + room);
	int n = value == NULL ?
				-1 :
				encrypted_decode_armour(text, len, (uint8 *) VARDATA(value), (int) room);
	EncryptedHeader header;

	if (n < 0 || !encrypted_parse((uint8 *) VARDATA(value), n, &header) || header.code != code)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("that is not an encrypted value of type %s", encrypted_types[code].name)));
	SET_VARSIZE(value, VARHDRSZ + n);
	return value;
}
