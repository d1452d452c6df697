/*
 * encrypted_tag.c
 *	  Tags of searchable columns: a keyed hash of what is inside, by which equal values are
 *	  found.
 *
 * All of a database's tags are made with one key.  A literal that is looked for knows neither
 * column nor category; and two columns can be joined.  Whoever has the disk, but not the key,
 * sees which values are equal, and nothing else of them.
 *
 * An index is in the order of the tags, which is nobody's to read and the same for everybody:
 * its operator class compares no more.  So it may find rows that its reader may not open.
 * Whatever it has found is asked once more, by the operator that was written.
 */
#include "compat.h"

#include "cache_inval.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(encrypted_search_value);
PG_FUNCTION_INFO_V1(encrypted_search_base);
PG_FUNCTION_INFO_V1(encrypted_has_key);
PG_FUNCTION_INFO_V1(encrypted_may_find);

/* ---- tags ---- */

/* numbers that are equal have the same tag, whatever their type */
#define LABEL_TEXT 'T'
#define LABEL_NUMBER 'N'
#define LABEL_DOUBLE 'F'
#define LABEL_DATE 'D'
#define LABEL_TIMESTAMP 'Z'

static void
tag_bytes(char label, const void *bytes, size_t len, uint8 tag[CRYPTO_TAG_BYTES])
{
	uint8 short_room[256];
	uint8 *labelled = len < sizeof(short_room) ? short_room : palloc(len + 1);

	labelled[0] = (uint8) label;
	memcpy(labelled + 1, bytes, len);
	crypto_tag(keyring_root(KEY_TAG, 1), labelled, len + 1, tag);
	secret_wipe(labelled, len + 1);
	if (labelled != short_room)
		pfree(labelled);
}

static void
tag_int64(int64 value, uint8 tag[CRYPTO_TAG_BYTES])
{
	char digits[MAXINT8LEN + 1];

	tag_bytes(LABEL_NUMBER, digits, pg_lltoa(value, digits), tag);
	secret_wipe(digits, sizeof(digits));
}

static void
tag_numeric(const void *plain, size_t len, uint8 tag[CRYPTO_TAG_BYTES])
{
	struct varlena *value = palloc(VARHDRSZ + len);
	char *digits;

	SET_VARSIZE(value, VARHDRSZ + len);
	memcpy(VARDATA(value), plain, len);
	/* 1.0 is 1.00 */
	digits = numeric_normalize((Numeric) value);
	tag_bytes(LABEL_NUMBER, digits, strlen(digits), tag);
	secret_wipe(digits, strlen(digits));
	secret_wipe(value, VARHDRSZ + len);
	pfree(digits);
	pfree(value);
}

static void
tag_double(double value, uint8 tag[CRYPTO_TAG_BYTES])
{
	uint64 bits;

	/* all of these are equal */
	if (value == 0)
		value = 0;
	else if (isnan(value))
		value = get_float8_nan();
	memcpy(&bits, &value, sizeof(bits));
	bits = pg_hton64(bits);
	tag_bytes(LABEL_DOUBLE, &bits, sizeof(bits), tag);
}

/*
 * encrypted_tag -- of what is inside a value.
 *	plain	as encrypted_plain() has it
 * Errors: as keyring_root(); 0A000 for a type without.
 */
void
encrypted_tag(EncryptedCode code, const void *plain, size_t len, uint8 tag[CRYPTO_TAG_BYTES])
{
	int64 fixed = 0;

	switch (code)
	{
		case ENCRYPTED_TEXT:
			tag_bytes(LABEL_TEXT, plain, len, tag);
			return;
		case ENCRYPTED_NUMERIC:
			tag_numeric(plain, len, tag);
			return;
		case ENCRYPTED_BIGINT:
			memcpy(&fixed, plain, sizeof(fixed));
			tag_int64(fixed, tag);
			return;
		case ENCRYPTED_INTEGER:
		{
			int32 value;

			memcpy(&value, plain, sizeof(value));
			tag_int64(value, tag);
			return;
		}
		case ENCRYPTED_DOUBLE:
		{
			double value;

			memcpy(&value, plain, sizeof(value));
			tag_double(value, tag);
			return;
		}
		case ENCRYPTED_DATE:
		{
			uint32 value;

			memcpy(&value, plain, sizeof(value));
			value = pg_hton32(value);
			tag_bytes(LABEL_DATE, &value, sizeof(value), tag);
			return;
		}
		case ENCRYPTED_TIMESTAMPTZ:
			memcpy(&fixed, plain, sizeof(fixed));
			fixed = (int64) pg_hton64((uint64) fixed);
			tag_bytes(LABEL_TIMESTAMP, &fixed, sizeof(fixed), tag);
			return;
		default:
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_SHAPE),
					 errmsg("values of type %s are not searchable", encrypted_types[code].name)));
	}
}

/*
 * The last thing that was looked for: a statement asks for the same one at every row, and at
 * every step into an index.  It was in the statement's text or parameters.
 */
static struct
{
	uint64 key_generation; /* 0: none */
	EncryptedCode code;
	bool literal;
	size_t len;
	uint8 bytes[256];
	uint8 tag[CRYPTO_TAG_BYTES];
} sought;

static bool
is_sought(EncryptedCode code, bool literal, const void *bytes, size_t len)
{
	return sought.key_generation == cache_key_generation && sought.code == code &&
		   sought.literal == literal && sought.len == len && memcmp(sought.bytes, bytes, len) == 0;
}

static void
keep_sought(EncryptedCode code, bool literal, const void *bytes, size_t len, uint64 generation,
			const uint8 tag[CRYPTO_TAG_BYTES])
{
	if (len > sizeof(sought.bytes))
		return;
	sought.key_generation = generation;
	sought.code = code;
	sought.literal = literal;
	sought.len = len;
	memcpy(sought.bytes, bytes, len);
	memcpy(sought.tag, tag, CRYPTO_TAG_BYTES);
}

/* encrypted_tag_of_base -- of a value of the base type */
void
encrypted_tag_of_base(EncryptedCode code, Datum value, uint8 tag[CRYPTO_TAG_BYTES])
{
	int64 fixed;
	size_t len;
	const void *plain = encrypted_plain(code, value, &fixed, &len);
	uint64 generation = cache_key_generation;

	if (is_sought(code, false, plain, len))
	{
		memcpy(tag, sought.tag, CRYPTO_TAG_BYTES);
		return;
	}
	encrypted_tag(code, plain, len, tag);
	keep_sought(code, false, plain, len, generation, tag);
}

static void
tag_of_literal(const EncryptedHeader *header, uint8 tag[CRYPTO_TAG_BYTES])
{
	size_t len = header->header_len + header->sealed_len;
	uint64 generation = cache_key_generation;
	uint8 room[256];
	uint8 *plain;

	if (is_sought(header->code, true, header->start, len))
	{
		memcpy(tag, sought.tag, CRYPTO_TAG_BYTES);
		return;
	}
	plain = header->plain_len <= sizeof(room) ? room : palloc(header->plain_len);
	(void) encrypted_unseal(header, NULL, plain);
	encrypted_tag(header->code, plain, header->plain_len, tag);
	secret_wipe(plain, header->plain_len);
	if (plain != room)
		pfree(plain);
	keep_sought(header->code, true, header->start, len, generation, tag);
}

/*
 * encrypted_tag_of -- of a value, if it can be told without opening what is a subject's: it is
 * of a searchable column, or a literal.
 */
bool
encrypted_tag_of(const EncryptedHeader *header, uint8 tag[CRYPTO_TAG_BYTES])
{
	if (header->tagged)
	{
		memcpy(tag, header->tag, CRYPTO_TAG_BYTES);
		encrypted_mask_tag(header->cipher, header->sealed, tag);
	}
	else if (header->bound)
		return false;
	else
		tag_of_literal(header, tag);
	return true;
}

/* ---- operator classes: permit nothing, open nothing that is a subject's ---- */

/* a side of a comparison of tags */
typedef struct TagSide
{
	struct varlena *stored;
	bool known;
	uint8 tag[CRYPTO_TAG_BYTES];
} TagSide;

/*
 * encrypted_index_asks -- is it core's index code that calls?  It has no expression to show, or
 * the options of an operator class.
 */
bool
encrypted_index_asks(FunctionCallInfo fcinfo)
{
	return fcinfo->flinfo->fn_expr == NULL || IsA(fcinfo->flinfo->fn_expr, Const);
}

/* whoever calls these in SQL would compare what he may not open */
static void
require_index(FunctionCallInfo fcinfo)
{
	if (!encrypted_index_asks(fcinfo))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED), errmsg("only indexes compare the tags of values")));
}

static void
take_tag(FunctionCallInfo fcinfo, int argument, bool encrypted, EncryptedCode code, TagSide *side)
{
	EncryptedHeader header;

	side->stored = NULL;
	side->known = true;
	if (!encrypted)
	{
		encrypted_tag_of_base(code, PG_GETARG_DATUM(argument), side->tag);
		return;
	}
	side->stored = PG_GETARG_VARLENA_PP(argument);
	encrypted_header_of(side->stored, code, &header);
	side->known = encrypted_tag_of(&header, side->tag);
}

static void
leave_tag(FunctionCallInfo fcinfo, int argument, TagSide *side)
{
	if (side->stored != NULL)
		PG_FREE_IF_COPY(side->stored, argument);
}

/* values without a tag come last, in the order of their bytes */
static int
order_of_tags(const TagSide *a, const TagSide *b)
{
	size_t length_a;
	size_t length_b;
	int order;

	if (a->known != b->known)
		return a->known ? -1 : 1;
	if (a->known)
		return memcmp(a->tag, b->tag, CRYPTO_TAG_BYTES);
	length_a = VARSIZE_ANY_EXHDR(a->stored);
	length_b = VARSIZE_ANY_EXHDR(b->stored);
	order = memcmp(VARDATA_ANY(a->stored), VARDATA_ANY(b->stored), Min(length_a, length_b));
	return order != 0 ? order : length_a < length_b ? -1 : length_a > length_b ? 1 : 0;
}

/* encrypted_compare_tags -- the arguments of an index's function; left, right: encrypted? */
int
encrypted_compare_tags(FunctionCallInfo fcinfo, EncryptedCode code, bool left, bool right)
{
	TagSide a;
	TagSide b;
	int order;

	take_tag(fcinfo, 0, left, code, &a);
	take_tag(fcinfo, 1, right, code, &b);
	order = order_of_tags(&a, &b);
	leave_tag(fcinfo, 0, &a);
	leave_tag(fcinfo, 1, &b);
	return order < 0 ? -1 : order > 0 ? 1 : 0;
}

static Datum
hash_tag(FunctionCallInfo fcinfo, EncryptedCode code, bool encrypted)
{
	TagSide side;
	Datum result;

	require_index(fcinfo);
	take_tag(fcinfo, 0, encrypted, code, &side);
	result = side.known ? hash_any(side.tag, CRYPTO_TAG_BYTES) : UInt32GetDatum(0);
	leave_tag(fcinfo, 0, &side);
	return result;
}

/* name_tag_cmp_ee(encrypted, encrypted), _eb(encrypted, base), _bb(base, base), name_tag_hash, _hash_base */
#define TAGGED(name, code)                                                   \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_cmp_ee);                      \
	Datum encrypted_##name##_tag_cmp_ee(PG_FUNCTION_ARGS)                    \
	{                                                                        \
		require_index(fcinfo);                                               \
		PG_RETURN_INT32(encrypted_compare_tags(fcinfo, code, true, true));   \
	}                                                                        \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_cmp_eb);                      \
	Datum encrypted_##name##_tag_cmp_eb(PG_FUNCTION_ARGS)                    \
	{                                                                        \
		require_index(fcinfo);                                               \
		PG_RETURN_INT32(encrypted_compare_tags(fcinfo, code, true, false));  \
	}                                                                        \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_cmp_bb);                      \
	Datum encrypted_##name##_tag_cmp_bb(PG_FUNCTION_ARGS)                    \
	{                                                                        \
		require_index(fcinfo);                                               \
		PG_RETURN_INT32(encrypted_compare_tags(fcinfo, code, false, false)); \
	}                                                                        \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_hash);                        \
	Datum encrypted_##name##_tag_hash(PG_FUNCTION_ARGS)                      \
	{                                                                        \
		return hash_tag(fcinfo, code, true);                                 \
	}                                                                        \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_hash_base);                   \
	Datum encrypted_##name##_tag_hash_base(PG_FUNCTION_ARGS)                 \
	{                                                                        \
		return hash_tag(fcinfo, code, false);                                \
	}                                                                        \
	extern int no_such_variable

TAGGED(text, ENCRYPTED_TEXT);
TAGGED(numeric, ENCRYPTED_NUMERIC);
TAGGED(bigint, ENCRYPTED_BIGINT);
TAGGED(integer, ENCRYPTED_INTEGER);
TAGGED(double, ENCRYPTED_DOUBLE);
TAGGED(date, ENCRYPTED_DATE);
TAGGED(timestamptz, ENCRYPTED_TIMESTAMPTZ);

/* ---- what an index is asked for ---- */

/*
 * It is made before the index is looked at.  While a page of an index is held, no key can be
 * read; and whether the role may compare at all must not depend on what is found.
 */

/* search_value(encrypted, category) -- with a tag, or a literal */
Datum
encrypted_search_value(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	EncryptedHeader header;
	EncryptedOpened opened;
	uint8 tag[CRYPTO_TAG_BYTES];
	bytea *result;

	if (!encrypted_may_compare(PG_GETARG_INT32(1)))
		PG_RETURN_NULL();
	encrypted_header(value, &header);
	/*
	 * It may be of another category than the column it is compared with.  And what is not opened
	 * is equal to nothing: that its tag was found would show, by what else is asked of the rows.
	 */
	if (!encrypted_can_open(&header))
		PG_RETURN_NULL();
	if (encrypted_tag_of(&header, tag))
		PG_RETURN_POINTER(value);
	if (!encrypted_open(value, header.code, USE_FILTER, &opened))
		PG_RETURN_NULL();
	result = encrypted_from_base(header.code, opened.value);
	encrypted_close(&opened);
	encrypted_header((struct varlena *) result, &header);
	(void) encrypted_tag_of(&header, tag);
	PG_RETURN_BYTEA_P(result);
}

/* search_value(base, category), search_value(base[], category) -- as they are */
Datum
encrypted_search_base(PG_FUNCTION_ARGS)
{
	if (!encrypted_may_compare(PG_GETARG_INT32(1)))
		PG_RETURN_NULL();
	(void) keyring_root(KEY_TAG, 1);
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * has_key(encrypted) -- asked of what an index on tags has found, before all else.  The clause
 * that was written would open it, and warn of a key that is gone; and others would be asked of a
 * row whose value is not opened: either tells that it was the one.
 */
Datum
encrypted_has_key(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	EncryptedHeader header;

	encrypted_header(value, &header);
	PG_RETURN_BOOL(encrypted_can_open(&header));
}

/*
 * may_find(category) -- asked before ON CONFLICT looks for a value in an index on tags: true, or
 * an error, whatever is there
 */
Datum
encrypted_may_find(PG_FUNCTION_ARGS)
{
	encrypted_require_use(PG_GETARG_INT32(0), USE_FILTER, "filter");
	PG_RETURN_BOOL(true);
}
