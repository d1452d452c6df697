/*
 * usage_call.c
 *	  Functions of core's that raise for some of the constants that they are called with: a part that a
 *	  date has not.  Whether they are called would tell whether there is a row.
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
	/* not of texts of some encoding, nor of figures */
	if (strcmp(name, "length") == 0)
		return list_length(arguments) == 1 && exprType(linitial(arguments)) != LSEGOID &&
			   exprType(linitial(arguments)) != PATHOID;
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

/* the only part that may be a large number */
static bool
is_hours(List *arguments)
{
	char *part = word_of(linitial(arguments));

	return exprType(lsecond(arguments)) == INTERVALOID &&
		   (part == NULL || pg_strcasecmp(part, "hour") == 0);
}

/* usage_is_part_of_time -- is an integer made of the year of a time, or the like, which is no large number? */
bool
usage_is_part_of_time(Oid function, List *arguments)
{
	const FuncExpr *part;

	if (function != F_INT4_NUMERIC && function != F_INT4_FLOAT8)
		return false;
	part = linitial(arguments);
	return IsA(part, FuncExpr) && part->funcid < FirstNormalObjectId &&
		   (strcmp(get_func_name(part->funcid), "extract") == 0 ||
			strcmp(get_func_name(part->funcid), "date_part") == 0) &&
		   !is_hours(part->args);
}
