/*
 * encrypted_compare.c
 *	  Operators, orders and hashes of the encrypted types: those of their base types.
 *
 * A value that is not opened must be somewhere: behind all others, and equal to none, not even
 * itself, so that a merge join finds what a hash join does.  Core calls these where NULL is no
 * answer; whoever compares in SQL does so through the cast to the base type, and gets NULL.
 */
#include "compat.h"

#include "common/hashfn.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(encrypted_typanalyze);

static TypeCacheEntry *
base_type(EncryptedCode code)
{
	static TypeCacheEntry *entries[ENCRYPTED_N_CODES];

	if (unlikely(entries[code] == NULL))
		entries[code] = lookup_type_cache(encrypted_types[code].base,
										  TYPECACHE_CMP_PROC_FINFO | TYPECACHE_HASH_PROC_FINFO |
											  TYPECACHE_HASH_EXTENDED_PROC_FINFO);
	return entries[code];
}

/* an argument of an operator */
typedef struct Side
{
	struct varlena *stored; /* NULL: it is of the base type */
	bool known;
	Datum value;
	EncryptedOpened opened;
} Side;

static inline void
take_side(FunctionCallInfo fcinfo, int argument, bool encrypted, EncryptedCode code, Side *side)
{
	side->stored = NULL;
	side->known = true;
	side->opened.large = NULL;
	if (!encrypted)
	{
		side->value = PG_GETARG_DATUM(argument);
		return;
	}
	side->stored = PG_GETARG_VARLENA_PP(argument);
	side->known = encrypted_open(side->stored, code, &side->opened);
	side->value = side->opened.value;
}

static inline void
leave_side(FunctionCallInfo fcinfo, int argument, Side *side)
{
	if (side->stored == NULL)
		return;
	encrypted_close(&side->opened);
	if ((Pointer) side->stored != DatumGetPointer(PG_GETARG_DATUM(argument)))
		pfree(side->stored);
}

static inline int
compare_values(EncryptedCode code, Datum a, Datum b, Oid collation)
{
	return DatumGetInt32(FunctionCall2Coll(&base_type(code)->cmp_proc_finfo, collation, a, b));
}

/* two values, of which one at least is not opened */
static int
compare_unopened(const Side *a, const Side *b)
{
	size_t length_a;
	size_t length_b;
	int order;

	if (a->known != b->known)
		return a->known ? -1 : 1;
	length_a = VARSIZE_ANY_EXHDR(a->stored);
	length_b = VARSIZE_ANY_EXHDR(b->stored);
	order = memcmp(VARDATA_ANY(a->stored), VARDATA_ANY(b->stored), Min(length_a, length_b));
	if (order != 0)
		return order < 0 ? -1 : 1;
	return length_a < length_b ? -1 : 1;
}

static inline int
total_order(FunctionCallInfo fcinfo, EncryptedCode code, bool left, bool right)
{
	Side a;
	Side b;
	int order;

	take_side(fcinfo, 0, left, code, &a);
	take_side(fcinfo, 1, right, code, &b);
	order = a.known && b.known ? compare_values(code, a.value, b.value, PG_GET_COLLATION()) :
								 compare_unopened(&a, &b);
	leave_side(fcinfo, 0, &a);
	leave_side(fcinfo, 1, &b);
	return order;
}

static Datum
hash(FunctionCallInfo fcinfo, EncryptedCode code, bool extended)
{
	Side a;
	Datum result;

	take_side(fcinfo, 0, true, code, &a);
	if (!a.known)
		result = extended ?
					 hash_any_extended((unsigned char *) VARDATA_ANY(a.stored),
									   VARSIZE_ANY_EXHDR(a.stored), PG_GETARG_INT64(1)) :
					 hash_any((unsigned char *) VARDATA_ANY(a.stored), VARSIZE_ANY_EXHDR(a.stored));
	else if (extended)
		result = FunctionCall2Coll(&base_type(code)->hash_extended_proc_finfo, PG_GET_COLLATION(),
								   a.value, PG_GETARG_DATUM(1));
	else
		result = FunctionCall1Coll(&base_type(code)->hash_proc_finfo, PG_GET_COLLATION(), a.value);
	leave_side(fcinfo, 0, &a);
	return result;
}

/* encrypted_typanalyze(internal) -- no sample is kept, of the values nor of their bytes */
Datum
encrypted_typanalyze(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(false);
}

/* name_operator_ee(encrypted, encrypted), _eb(encrypted, base), _be(base, encrypted) */
#define OPERATOR(name, code, word, sides, left, right, test)    \
	PG_FUNCTION_INFO_V1(encrypted_##name##_##word##_##sides);   \
	Datum encrypted_##name##_##word##_##sides(PG_FUNCTION_ARGS) \
	{                                                           \
		int order = total_order(fcinfo, code, left, right);     \
                                                                \
		PG_RETURN_BOOL(test);                                   \
	}                                                           \
	extern int no_such_variable

#define ORDER(name, code, sides, left, right)                    \
	PG_FUNCTION_INFO_V1(encrypted_##name##_cmp_##sides);         \
	Datum encrypted_##name##_cmp_##sides(PG_FUNCTION_ARGS)       \
	{                                                            \
		PG_RETURN_INT32(total_order(fcinfo, code, left, right)); \
	}                                                            \
	OPERATOR(name, code, eq, sides, left, right, order == 0);    \
	OPERATOR(name, code, ne, sides, left, right, order != 0);    \
	OPERATOR(name, code, lt, sides, left, right, order < 0);     \
	OPERATOR(name, code, le, sides, left, right, order <= 0);    \
	OPERATOR(name, code, gt, sides, left, right, order > 0);     \
	OPERATOR(name, code, ge, sides, left, right, order >= 0)

#define COMPARED(name, code)                                 \
	ORDER(name, code, ee, true, true);                       \
	ORDER(name, code, eb, true, false);                      \
	ORDER(name, code, be, false, true);                      \
	PG_FUNCTION_INFO_V1(encrypted_##name##_hash);            \
	Datum encrypted_##name##_hash(PG_FUNCTION_ARGS)          \
	{                                                        \
		return hash(fcinfo, code, false);                    \
	}                                                        \
	PG_FUNCTION_INFO_V1(encrypted_##name##_hash_extended);   \
	Datum encrypted_##name##_hash_extended(PG_FUNCTION_ARGS) \
	{                                                        \
		return hash(fcinfo, code, true);                     \
	}                                                        \
	extern int no_such_variable

COMPARED(text, ENCRYPTED_TEXT);
COMPARED(numeric, ENCRYPTED_NUMERIC);
COMPARED(bigint, ENCRYPTED_BIGINT);
COMPARED(integer, ENCRYPTED_INTEGER);
COMPARED(double, ENCRYPTED_DOUBLE);
COMPARED(date, ENCRYPTED_DATE);
COMPARED(timestamptz, ENCRYPTED_TIMESTAMPTZ);
COMPARED(boolean, ENCRYPTED_BOOLEAN);
COMPARED(jsonb, ENCRYPTED_JSONB);
