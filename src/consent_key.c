/*
 * consent_key.c
 *	  A subject's key: its canonical text, and its position in the order that
 *	  pages, deltas and agenda share.
 *
 * The order is keyed by the domain's salt.  Nobody who can choose keys can
 * therefore choose where they fall, so nobody can fill one page on purpose.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "consent.h"
#include "crypto.h"
#include "errors.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

/* Steele, Lea, Flood (2014), SplitMix64's finaliser: a bijection of 64 bits */
static inline uint64
mix64(uint64 x)
{
	x ^= x >> 30;
	x *= UINT64CONST(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64CONST(0x94d049bb133111eb);
	x ^= x >> 31;
	return x;
}

/* Appleby, MurmurHash3's 32-bit finaliser between two keys: a bijection of 32 bits */
static inline uint32
mix32(uint32 x, const uint64 *salt)
{
	x += (uint32) salt[0];
	x ^= x >> 16;
	x *= 0x85ebca6b;
	x ^= x >> 13;
	x *= 0xc2b2ae35;
	x ^= x >> 16;
	return x ^ (uint32) salt[1];
}

/*
 * position_of_integer -- exact: a bijection of the key.  The low half stays as
 * it is: keys that were given out together stay together, so that a table in
 * the order of its keys (serial numbers, snowflake ids) is scanned with the
 * set's caches warm.
 */
SubjectPosition
position_of_integer(const uint64 *salt, int64 key)
{
	SubjectPosition position;
	uint64 raw = (uint64) key;

	position.hi = ((uint64) mix32((uint32) (raw >> 32), salt) << 32) | (uint32) raw;
	position.lo = 0;
	return position;
}

/* position_of_uuid -- exact: (hi, lo) is a bijection of the 128 bits */
SubjectPosition
position_of_uuid(const uint64 *salt, const void *uuid)
{
	SubjectPosition position;
	uint64 first;
	uint64 second;

	memcpy(&first, uuid, 8);
	memcpy(&second, (const char *) uuid + 8, 8);
	first = pg_ntoh64(first);
	second = pg_ntoh64(second);
	position.hi = mix64((first ^ salt[0]) + mix64(second ^ salt[1]));
	position.lo = second;
	return position;
}

/* position_of_text -- 128 bits of a keyed hash; all of them are compared */
SubjectPosition
position_of_text(const uint64 *salt, const char *text, size_t length)
{
	SubjectPosition position;

	crypto_hash128((const uint8 *) salt, text, length, (uint8 *) &position);
	return position;
}

/*
 * subject_canonical -- the one text of a key: what the key type's output
 * function gives for what its input function reads.  Raises 22P02 (or 22003)
 * of the type itself when the text does not fit.
 */
char *
subject_canonical(const ProtectedRelation *domain, const char *text)
{
	Oid function;
	Oid ioparam;
	Datum value;

	switch (domain->key_type)
	{
		case INT8OID:
			value = DirectFunctionCall1(int8in, CStringGetDatum(text));
			return DatumGetCString(DirectFunctionCall1(int8out, value));
		case INT4OID:
			value = DirectFunctionCall1(int4in, CStringGetDatum(text));
			return DatumGetCString(DirectFunctionCall1(int4out, value));
		case INT2OID:
			value = DirectFunctionCall1(int2in, CStringGetDatum(text));
			return DatumGetCString(DirectFunctionCall1(int2out, value));
		case UUIDOID:
			value = DirectFunctionCall1(uuid_in, CStringGetDatum(text));
			return DatumGetCString(DirectFunctionCall1(uuid_out, value));
		case TEXTOID:
		case VARCHAROID:
			return pstrdup(text);
		default:
			getTypeInputInfo(domain->key_type, &function, &ioparam);
			ereport(ERROR, (errcode(PRIVSEG_ERR_CORRUPT),
							errmsg("subject keys of type %s are not supported",
								   format_type_be(domain->key_type))));
			return NULL; /* keep the compiler quiet */
	}
}

/*
 * subject_key_canonical -- the same, from the subject table's OID.
 * Raises 42809 when the relation is not a subject table.
 */
char *
subject_key_canonical(Oid subject_table, const char *text)
{
	const ProtectedRelation *domain = subject_domain(subject_table);

	if (domain == NULL)
	{
		char *name = get_rel_name(subject_table);

		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_WRONG_RELATION),
			 errmsg("\"%s\" is not a subject table", name ? name : "(dropped relation)"),
			 errdetail(
				 "Consent is recorded about the subjects of a protected table with one row per data subject."),
			 errhint("Protect it with privseg.protect(relation, subject).")));
	}
	return subject_canonical(domain, text);
}

/* subject_position -- the position of a key given as canonical text */
SubjectPosition
subject_position(const ProtectedRelation *domain, const char *canonical)
{
	switch (domain->key_kind)
	{
		case KEY_INTEGER:
			return position_of_integer(domain->salt, DatumGetInt64(DirectFunctionCall1(
														 int8in, CStringGetDatum(canonical))));
		case KEY_UUID:
			return position_of_uuid(
				domain->salt,
				DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(canonical)))->data);
		default:
			return position_of_text(domain->salt, canonical, strlen(canonical));
	}
}
