/*
 * consent_key.c
 *	  A subject's key: its canonical text, and the position of one that is given
 *	  as text.  consent_key.h has the arithmetic.
 */
#include "compat.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "consent_key.h"
#include "errors.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

static void
does_not_fit(const ProtectedRelation *domain)
{
	/* the text may be somebody's key of another system: not shown */
	ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
					errmsg("the subject given is not a key of \"%s\"", get_rel_name(domain->relid)),
					errdetail("Its keys are of type %s.", format_type_be(domain->key_type))));
}

/* as the integer types' input: blanks around, a sign, digits */
static int64
integer_key(const ProtectedRelation *domain, const char *text, int64 least, int64 greatest)
{
	char *end;
	int64 value;

	while (isspace((unsigned char) *text))
		text++;
	if (*text == '\0')
		does_not_fit(domain);
	errno = 0;
	value = strtoi64(text, &end, 10);
	while (isspace((unsigned char) *end))
		end++;
	if (errno != 0 || *end != '\0' || value < least || value > greatest)
		does_not_fit(domain);
	return value;
}

/* 32 hexadecimal digits, as uuid_in takes them: in braces, hyphens after fours */
static bool
looks_like_uuid(const char *text)
{
	bool braces = *text == '{';
	int digits = 0;

	if (braces)
		text++;
	for (; *text != '\0' && *text != '}'; text++)
	{
		if (isxdigit((unsigned char) *text))
			digits++;
		else if (*text != '-' || digits == 0 || digits % 4 != 0 || digits == 32 ||
				 !isxdigit((unsigned char) text[1]))
			return false;
	}
	if (braces && *text++ != '}')
		return false;
	return digits == 32 && *text == '\0';
}

/*
 * subject_canonical -- the one text of a key: what the key type's output
 * function gives for what its input function reads.  Raises 22P02 when the
 * text does not fit.
 */
char *
subject_canonical(const ProtectedRelation *domain, const char *text)
{
	char *canonical = palloc(32);

	switch (domain->key_type)
	{
		case INT8OID:
			pg_lltoa(integer_key(domain, text, PG_INT64_MIN, PG_INT64_MAX), canonical);
			return canonical;
		case INT4OID:
			pg_lltoa(integer_key(domain, text, PG_INT32_MIN, PG_INT32_MAX), canonical);
			return canonical;
		case INT2OID:
			pg_lltoa(integer_key(domain, text, PG_INT16_MIN, PG_INT16_MAX), canonical);
			return canonical;
		case UUIDOID:
			if (!looks_like_uuid(text))
				does_not_fit(domain);
			return DatumGetCString(
				DirectFunctionCall1(uuid_out, DirectFunctionCall1(uuid_in, CStringGetDatum(text))));
		case TEXTOID:
		case VARCHAROID:
			return pstrdup(text);
		default:
			does_not_fit(domain);
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
