/*
 * usage_call.c
 *	  Functions of core's that raise for some of the constants that they are called with: a part that a
 *	  date has not.  Whether they are called would tell whether there is a row.  And a cast that raises for
 *	  some values, and names them.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(as_float8);

/* extract(), date_part() */
static bool
has_part(Oid type, const char *part)
{
	static const char *const dates[] = {"century", "day",     "decade",  "dow",
										"doy",     "isodow",  "isoyear", "millennium",
										"month",   "quarter", "week",    "year"};
	static const char *const times[] = {"hour", "minute", "second"};
	static const char *const intervals[] = {"day", "hour", "minute", "month", "year"};

	switch (type)
	{
		case DATEOID:
			return name_is_among(part, dates, lengthof(dates));
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return name_is_among(part, dates, lengthof(dates)) ||
				   name_is_among(part, times, lengthof(times));
		case INTERVALOID:
			return name_is_among(part, intervals, lengthof(intervals));
		default:
			return false;
	}
}

/* date_trunc() */
static bool
is_cut_at(Oid type, const char *part)
{
	static const char *const parts[] = {"century",    "day",    "decade", "hour",
										"millennium", "minute", "month",  "quarter",
										"second",     "week",   "year"};

	return (type == TIMESTAMPOID || type == TIMESTAMPTZOID) &&
		   name_is_among(part, parts, lengthof(parts));
}

/* to_char(): of what every time has, and signs between */
static bool
is_written_as(Oid type, const char *format)
{
	static const char *const patterns[] = {
		"YYYY", "IYYY", "Month", "HH24", "Mon", "DDD", "YY", "MM", "DD", "IW", "WW", "Day",
		"Dy",   "ID",   "MI",    "SS",   "Q",   "D",   "-",  "/",  ".",  ":",  " ",  "_"};

	while (*format != '\0')
	{
		size_t i = 0;

		while (i < lengthof(patterns) && strncmp(format, patterns[i], strlen(patterns[i])) != 0)
			i++;
		if (i == lengthof(patterns))
			return false;
		format += strlen(patterns[i]);
	}
	return type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* substring(): from a place, and for so many, which are none or more */
static bool
is_cut_from(List *arguments)
{
	ListCell *lc;

	for_each_from (lc, arguments, 1)
	{
		const Const *number = lfirst(lc);

		if (!IsA(number, Const) || number->constisnull || number->consttype != INT4OID ||
			(foreach_current_index(lc) == 2 && DatumGetInt32(number->constvalue) < 0))
			return false;
	}
	return exprType(linitial(arguments)) == TEXTOID;
}

/* a text that is known; NULL: it is not */
static char *
word_of(const Node *node)
{
	const Const *constant = (const Const *) node;

	return IsA(node, Const) && !constant->constisnull && constant->consttype == TEXTOID ?
			   TextDatumGetCString(constant->constvalue) :
			   NULL;
}

/* usage_takes_constants -- is what a function of core's is told besides what it takes for every row? */
bool
usage_takes_constants(Oid function, List *arguments)
{
	const char *name = get_func_name(function);
	bool truncates = strcmp(name, "date_trunc") == 0;
	char *word;

	if (strcmp(name, "substr") == 0 || strcmp(name, "substring") == 0)
		return is_cut_from(arguments);
	if (strcmp(name, "to_char") == 0)
	{
		word = word_of(llast(arguments));
		return word != NULL && is_written_as(exprType(linitial(arguments)), word);
	}
	if (!truncates && strcmp(name, "extract") != 0 && strcmp(name, "date_part") != 0)
		return true;
	word = list_length(arguments) == 2 ? word_of(linitial(arguments)) : NULL;
	if (word == NULL)
		return false;
	word = str_tolower(word, strlen(word), C_COLLATION_OID);
	return truncates ? is_cut_at(exprType(lsecond(arguments)), word) :
					   has_part(exprType(lsecond(arguments)), word);
}

/* usage_is_part_of_time -- the year of a time, and the like, is no large number */
bool
usage_is_part_of_time(Oid function, List *arguments)
{
	const FuncExpr *part = linitial(arguments);

	return (function == F_INT4_NUMERIC || function == F_INT4_FLOAT8) && IsA(part, FuncExpr) &&
		   part->funcid < FirstNormalObjectId &&
		   (strcmp(get_func_name(part->funcid), "extract") == 0 ||
			strcmp(get_func_name(part->funcid), "date_part") == 0);
}

/* as_float8(numeric) RETURNS double precision: infinity, where there is no room for it */
Datum
as_float8(PG_FUNCTION_ARGS)
{
	return numeric_float8_no_overflow(fcinfo);
}

static bool
overflow_to_infinity(Node *node, Oid *cast)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, overflow_to_infinity, cast, 0);
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_FLOAT8_NUMERIC)
	{
		if (!OidIsValid(*cast))
			*cast = policy_float8_function();
		((FuncExpr *) node)->funcid = *cast;
	}
	return expression_tree_walker(node, overflow_to_infinity, cast);
}

/* usage_overflow_to_infinity -- no error names a number that is too large for float8 */
void
usage_overflow_to_infinity(Query *query)
{
	Oid cast = InvalidOid;

	(void) overflow_to_infinity((Node *) query, &cast);
}
