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
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

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
take_side(FunctionCallInfo fcinfo, int argument, bool encrypted, EncryptedCode code, bool quietly,
		  Side *side)
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
	side->known = quietly ? encrypted_open_quietly(side->stored, code, USE_FILTER, &side->opened) :
							encrypted_open(side->stored, code, USE_FILTER, &side->opened);
	side->value = side->opened.value;
}

static inline void
leave_side(FunctionCallInfo fcinfo, int argument, Side *side)
{
	if (side->stored == NULL)
		return;
	encrypted_close(&side->opened);
	PG_FREE_IF_COPY(side->stored, argument);
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

	take_side(fcinfo, 0, left, code, false, &a);
	take_side(fcinfo, 1, right, code, false, &b);
	order = a.known && b.known ? compare_values(code, a.value, b.value, PG_GET_COLLATION()) :
								 compare_unopened(&a, &b);
	leave_side(fcinfo, 0, &a);
	leave_side(fcinfo, 1, &b);
	return order;
}

/* ---- equality ---- */

/* does equality by this collation mean the same bytes? */
static bool
is_by_bytes(Oid collation)
{
	static Oid known = InvalidOid; /* a collation keeps what it is */
	static bool result = true;

	if (collation != known)
	{
		result = !OidIsValid(collation) || get_collation_isdeterministic(collation);
		known = collation;
	}
	return result;
}

/*
 * One side of an equality, by its tag.  false: it has none, or none that its reader may see; it
 * has to be opened.
 */
static inline bool
side_has_tag(FunctionCallInfo fcinfo, int argument, bool encrypted, EncryptedCode code,
			 uint8 tag[CRYPTO_TAG_BYTES])
{
	struct varlena *stored;
	EncryptedHeader header;
	bool result;

	if (!encrypted)
	{
		encrypted_tag_of_base(code, PG_GETARG_DATUM(argument), tag);
		return true;
	}
	stored = PG_GETARG_VARLENA_PP(argument);
	encrypted_header_of(stored, code, &header);
	result =
		(!header.bound || encrypted_may_compare(header.category)) && encrypted_tag_of(&header, tag);
	PG_FREE_IF_COPY(stored, argument);
	return result;
}

/* is either side of a searchable column? */
static inline bool
is_searchable(FunctionCallInfo fcinfo, int argument, bool encrypted)
{
	struct varlena *stored;
	uint8 flags;

	if (!encrypted)
		return false;
	stored = (struct varlena *) DatumGetPointer(PG_GETARG_DATUM(argument));
	if (VARATT_IS_EXTENDED(stored) && !VARATT_IS_SHORT(stored))
		return false;
	flags = VARSIZE_ANY_EXHDR(stored) > 1 ? ((uint8 *) VARDATA_ANY(stored))[1] : 0;
	return (flags & ENCRYPTED_FLAG_TAGGED) != 0;
}

/*
 * Are two values equal?  Where tags tell that they are not, nothing is opened; what is equal by
 * them is opened, quietly: that a key is gone would tell of what was under it.
 */
static bool
are_equal(FunctionCallInfo fcinfo, EncryptedCode code, bool left, bool right)
{
	uint8 tag_a[CRYPTO_TAG_BYTES];
	uint8 tag_b[CRYPTO_TAG_BYTES];
	Side a;
	Side b;
	bool result;

	if (!is_searchable(fcinfo, 0, left) && !is_searchable(fcinfo, 1, right))
		return total_order(fcinfo, code, left, right) == 0;
	if (is_by_bytes(PG_GET_COLLATION()) && ActiveSnapshotSet() &&
		side_has_tag(fcinfo, 0, left, code, tag_a) && side_has_tag(fcinfo, 1, right, code, tag_b) &&
		memcmp(tag_a, tag_b, CRYPTO_TAG_BYTES) != 0)
		return false;
	take_side(fcinfo, 0, left, code, true, &a);
	take_side(fcinfo, 1, right, code, true, &b);
	result = a.known && b.known && compare_values(code, a.value, b.value, PG_GET_COLLATION()) == 0;
	leave_side(fcinfo, 0, &a);
	leave_side(fcinfo, 1, &b);
	return result;
}

static Datum
hash(FunctionCallInfo fcinfo, EncryptedCode code, bool extended)
{
	Side a;
	Datum result;

	take_side(fcinfo, 0, true, code, false, &a);
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

#define EQUALITY(name, code, word, sides, left, right, test)    \
	PG_FUNCTION_INFO_V1(encrypted_##name##_##word##_##sides);   \
	Datum encrypted_##name##_##word##_##sides(PG_FUNCTION_ARGS) \
	{                                                           \
		bool equal = are_equal(fcinfo, code, left, right);      \
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
	EQUALITY(name, code, eq, sides, left, right, equal);         \
	EQUALITY(name, code, ne, sides, left, right, !equal);        \
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

/*
 * The operator ~=~ of the classes of indexes on tags.  Asked by an index, it compares tags, and
 * tells whether a row is there as the index itself does where it is unique; in a statement it
 * is =.
 */
static bool
are_equal_for_index(FunctionCallInfo fcinfo, EncryptedCode code, bool right)
{
	return encrypted_index_asks(fcinfo) ? encrypted_compare_tags(fcinfo, code, true, right) == 0 :
										  are_equal(fcinfo, code, true, right);
}

#define TAG_EQUALITY(name, code)                                  \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_eq_ee);            \
	Datum encrypted_##name##_tag_eq_ee(PG_FUNCTION_ARGS)          \
	{                                                             \
		PG_RETURN_BOOL(are_equal_for_index(fcinfo, code, true));  \
	}                                                             \
	PG_FUNCTION_INFO_V1(encrypted_##name##_tag_eq_eb);            \
	Datum encrypted_##name##_tag_eq_eb(PG_FUNCTION_ARGS)          \
	{                                                             \
		PG_RETURN_BOOL(are_equal_for_index(fcinfo, code, false)); \
	}                                                             \
	extern int no_such_variable

TAG_EQUALITY(text, ENCRYPTED_TEXT);
TAG_EQUALITY(numeric, ENCRYPTED_NUMERIC);
TAG_EQUALITY(bigint, ENCRYPTED_BIGINT);
TAG_EQUALITY(integer, ENCRYPTED_INTEGER);
TAG_EQUALITY(double, ENCRYPTED_DOUBLE);
TAG_EQUALITY(date, ENCRYPTED_DATE);
TAG_EQUALITY(timestamptz, ENCRYPTED_TIMESTAMPTZ);
