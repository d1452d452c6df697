/*
 * usage_fit.c
 *	  Functions of core's that raise for some values, where rows are grouped: such a value is made another
 *	  one, or NULL, before it gets there.  An error would tell of the row that has it, and a cast even names it.
 *
 *	  numbers that are too large for float8		infinity
 *	  moments that core cannot compute with		infinity: the years before 3000 BC and after 294000
 *	  infinity, of which there is no age, nor a part that is an integer		NULL
 *	  the smallest integer, which has no absolute value		NULL
 *	  a setting that there is not any more		NULL
 *
 * It is done last, in the tree: what expressions are is known before.
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(as_float8);
PG_FUNCTION_INFO_V1(as_moment_of_date);
PG_FUNCTION_INFO_V1(as_moment);

/* in every time zone there is a millennium that has begun before, and a week that ends after */
#define FIRST_DAY (date2j(-2999, 1, 1) - POSTGRES_EPOCH_JDATE)
#define LAST_DAY (date2j(294000, 1, 1) - POSTGRES_EPOCH_JDATE)

static const Oid ages[] = {F_AGE_TIMESTAMP, F_AGE_TIMESTAMPTZ, F_AGE_TIMESTAMP_TIMESTAMP,
						   F_AGE_TIMESTAMPTZ_TIMESTAMPTZ};

/* of moments: to a type that has fewer, in another time zone, to the beginning of something */
static const Oid of_moments[] = {F_TIMESTAMP_DATE,
								 F_TIMESTAMPTZ_DATE,
								 F_TIMESTAMP_TIMESTAMPTZ,
								 F_TIMESTAMPTZ_TIMESTAMP,
								 F_DATE_PART_TEXT_DATE,
								 F_DATE_TRUNC_TEXT_TIMESTAMP,
								 F_DATE_TRUNC_TEXT_TIMESTAMPTZ};

/* as_float8(numeric) RETURNS double precision: infinity, where there is no room for it */
Datum
as_float8(PG_FUNCTION_ARGS)
{
	return numeric_float8_no_overflow(fcinfo);
}

/* as_moment(date) RETURNS date: infinity, where core cannot compute with it */
Datum
as_moment_of_date(PG_FUNCTION_ARGS)
{
	DateADT date = PG_GETARG_DATEADT(0);

	if (date < FIRST_DAY)
		DATE_NOBEGIN(date);
	else if (date > LAST_DAY)
		DATE_NOEND(date);
	PG_RETURN_DATEADT(date);
}

/* as_moment(timestamp), as_moment(timestamptz): the same */
Datum
as_moment(PG_FUNCTION_ARGS)
{
	Timestamp moment = PG_GETARG_TIMESTAMP(0);

	if (moment < FIRST_DAY * USECS_PER_DAY)
		TIMESTAMP_NOBEGIN(moment);
	else if (moment > LAST_DAY * USECS_PER_DAY)
		TIMESTAMP_NOEND(moment);
	PG_RETURN_TIMESTAMP(moment);
}

static bool
is_moment(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* a tree may have a node in several places, which comes here from each */
static bool
is_without(Node *value, Oid equals, const Const *excepted)
{
	for (; IsA(value, NullIfExpr) && ((NullIfExpr *) value)->opno == equals;
		 value = linitial(((NullIfExpr *) value)->args))
		if (equal(lsecond(((NullIfExpr *) value)->args), excepted))
			return true;
	return false;
}

/* NULLIF(value, excepted) */
static Node *
without(Node *value, Datum excepted)
{
	Oid type = exprType(value);
	Oid equals = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	NullIfExpr *result = makeNode(NullIfExpr);
	int16 length;
	bool by_value;
	Const *constant;

	get_typlenbyval(type, &length, &by_value);
	constant = makeConst(type, -1, InvalidOid, length, excepted, false, by_value);
	if (is_without(value, equals, constant))
		return value;
	result->opno = equals;
	result->opfuncid = get_opcode(equals);
	result->opresulttype = type;
	result->args = list_make2(value, constant);
	result->location = -1;
	return (Node *) result;
}

static Datum
infinity_of(Oid type, bool negative)
{
	switch (type)
	{
		case NUMERICOID:
			return DirectFunctionCall1(float8_numeric,
									   Float8GetDatum(negative ? -INFINITY : INFINITY));
		case FLOAT8OID:
			return Float8GetDatum(negative ? -INFINITY : INFINITY);
		default:
			return TimestampGetDatum(negative ? DT_NOBEGIN : DT_NOEND);
	}
}

static Node *
without_infinity(Node *value)
{
	Oid type = exprType(value);

	return without(without(value, infinity_of(type, false)), infinity_of(type, true));
}

static Node *
without_smallest(Node *value)
{
	switch (exprType(value))
	{
		case INT2OID:
			return without(value, Int16GetDatum(PG_INT16_MIN));
		case INT4OID:
			return without(value, Int32GetDatum(PG_INT32_MIN));
		default:
			return without(value, Int64GetDatum(PG_INT64_MIN));
	}
}

static Node *
as_core_computes(Node *value)
{
	Oid type = exprType(value);
	Oid function;

	if (!is_moment(type))
		return value;
	function = policy_moment_function(type);
	if (IsA(value, FuncExpr) && ((FuncExpr *) value)->funcid == function)
		return value;
	return (Node *) makeFuncExpr(function, type, list_make1(value), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

static void
fit_each(List *arguments, Node *(*fit)(Node *) )
{
	ListCell *lc;

	foreach (lc, arguments)
		lfirst(lc) = fit(lfirst(lc));
}

static void
fit_call(FuncExpr *call)
{
	if (call->funcid == F_FLOAT8_NUMERIC)
		call->funcid = policy_float8_function();
	else if (call->funcid == F_ABS_INT2 || call->funcid == F_ABS_INT4 || call->funcid == F_ABS_INT8)
		fit_each(call->args, without_smallest);
	else if (function_is_among(call->funcid, ages, lengthof(ages)) ||
			 usage_is_part_of_time(call->funcid, call->args))
		fit_each(call->args, without_infinity);
	else if (call->funcid == F_CURRENT_SETTING_TEXT)
	{
		call->funcid = F_CURRENT_SETTING_TEXT_BOOL;
		call->args = lappend(call->args, makeBoolConst(true, false));
	}
	else if (function_is_among(call->funcid, of_moments, lengthof(of_moments)))
		fit_each(call->args, as_core_computes);
}

static bool
fit_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, fit_calls, context, 0);
	if (IsA(node, FuncExpr))
		fit_call((FuncExpr *) node);
	return expression_tree_walker(node, fit_calls, context);
}

/* usage_fit -- no value of a row makes a function raise that is called in a query */
void
usage_fit(Query *query)
{
	(void) fit_calls((Node *) query, NULL);
}
