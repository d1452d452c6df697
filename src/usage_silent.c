/*
 * usage_silent.c
 *	  Expressions that are run over rows of whoever is shown groups only: they tell of no row, not by
 *	  what they raise either.
 *
 * Reviewed clauses may run before the policy (policy_reviewed.c).  Here the rows are permitted, and
 * more is needed to make groups and sums: functions of core's that raise for no value that a column
 * may have, or are not given it (usage_fit.c), and arithmetic that cannot be led to overflow for one row:
 * in numeric and float8 only, with constants of some size.
 */
#include "compat.h"

#include <math.h>

#include "access/detoast.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

/* of core's, by name */
static const char *const functions[] = {
	"abs",        "age",          "btrim",   "char_length", "character_length", "date_part",
	"date_trunc", "extract",      "initcap", "left",        "length",           "lower",
	"ltrim",      "octet_length", "right",   "rtrim",       "substr",           "substring",
	"textcat",    "to_char",      "upper"};

/* of a group they would tell who has more digits than others */
static const char *const roundings[] = {"ceil", "ceiling", "floor", "round", "sign", "trunc"};

/* conversions to what holds every value */
static const Oid conversions[] = {F_INT8_INT4,
								  F_INT4_BOOL,
								  F_INT8_INT2,
								  F_INT4_INT2,
								  F_NUMERIC_INT2,
								  F_NUMERIC_INT4,
								  F_NUMERIC_INT8,
								  F_NUMERIC_FLOAT4,
								  F_NUMERIC_FLOAT8,
								  F_FLOAT8_INT2,
								  F_FLOAT8_INT4,
								  F_FLOAT8_INT8,
								  F_FLOAT8_FLOAT4,
								  F_FLOAT8_NUMERIC,
								  F_TIMESTAMP_DATE,
								  F_TIMESTAMPTZ_DATE,
								  F_DATE_TIMESTAMP,
								  F_DATE_TIMESTAMPTZ,
								  F_TEXT_BPCHAR,
								  F_TIMESTAMPTZ_TIMESTAMP,
								  F_TIMESTAMP_TIMESTAMPTZ};

/* those of them that keep so many digits only, and those that write as many as there are */
static const Oid rounding_conversions[] = {F_FLOAT8_NUMERIC, F_NUMERIC_FLOAT4, F_NUMERIC_FLOAT8};
static const Oid writing_conversions[] = {F_NUMERIC_FLOAT4, F_NUMERIC_FLOAT8};

static const Oid negations[] = {F_NUMERIC_UMINUS, F_NUMERIC_UPLUS, F_FLOAT8UM, F_FLOAT8UP};

/* that has no overflow; integers have, and are computed in numeric before (usage_widen.c) */
static const Oid operations[] = {F_NUMERIC_ADD, F_NUMERIC_SUB, F_NUMERIC_MUL,
								 F_FLOAT8PL,    F_FLOAT8MI,    F_FLOAT8MUL};
static const Oid sums[] = {F_NUMERIC_ADD, F_NUMERIC_SUB, F_FLOAT8PL, F_FLOAT8MI};
static const Oid of_float8[] = {F_FLOAT8PL, F_FLOAT8MI, F_FLOAT8MUL, F_FLOAT8DIV};
/* digits are lost where a large constant is added, and who has more than others keeps them */
static const Oid rounding[] = {F_FLOAT8PL, F_FLOAT8MI};
static const Oid divisions[] = {F_NUMERIC_DIV, F_FLOAT8DIV};

#define MOST_ARITHMETIC 4
#define GREATEST_CONSTANT 1e12
#define MOST_DIGITS 20 /* after the point */
#define MOST_TEXTS 8
#define LONGEST_CONSTANT 1024 /* bytes */

typedef struct Silence
{
	int arithmetic;
	int texts;     /* put together */
	bool last;     /* no query around makes more of it */
	bool together; /* may columns be computed with each other, and float8? */
	bool alone;    /* of one row, which is shown: digits may be lost */
} Silence;

static bool is_silent(Node *node, Silence *silence);

static bool
are_silent(List *nodes, Silence *silence)
{
	ListCell *lc;

	foreach (lc, nodes)
		if (!is_silent(lfirst(lc), silence))
			return false;
	return true;
}

/* also of queries around it */
static bool
names_column(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Var) || expression_tree_walker(node, names_column, context);
}

/* what CASE x WHEN ... compares, which may be of a row */
static bool
names_case(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* an array's elements are of the array */
	if (IsA(node, ArrayCoerceExpr))
		return names_case((Node *) ((ArrayCoerceExpr *) node)->arg, context);
	return IsA(node, CaseTestExpr) || expression_tree_walker(node, names_case, context);
}

/* of rows, or what subqueries read */
static bool
is_computed(Node *node)
{
	return names_column(node, NULL) || names_case(node, NULL) || checkExprHasSubLink(node) ||
		   contain_agg_clause(node);
}

/* what core computes once and for all: a plan that is kept outlives settings */
static Node *
folded(Node *node)
{
	return eval_const_expressions(NULL, copyObject(node));
}

/* an expression without columns: core computes it while it plans, or it cannot raise */
static bool
is_known_before(Node *node)
{
	if (IsA(node, Const) || IsA(node, Param) || IsA(node, CaseTestExpr))
		return true;
	if (IsA(node, List))
	{
		ListCell *lc;

		foreach (lc, (List *) node)
			if (!is_known_before(lfirst(lc)))
				return false;
		return true;
	}
	if (runs_user_code(node))
		return false;
	node = folded(node);
	/* of a parameter, what only changes its type */
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Const) || IsA(node, Param);
}

/* usage_constant -- what an expression comes to whatever the rows are; or NULL */
Const *
usage_constant(Node *expr)
{
	if (is_computed(expr) || !is_known_before(expr))
		return NULL;
	expr = folded(expr);
	return IsA(expr, Const) ? (Const *) expr : NULL;
}

/* a number of some size: a factor that is very small makes float8 raise, too */
static bool
is_moderate(Node *node, bool divides)
{
	const Const *constant = usage_constant(node);
	double number;

	if (constant == NULL || constant->constisnull)
		return false;
	if (constant->consttype == FLOAT8OID)
		number = DatumGetFloat8(constant->constvalue);
	else if (constant->consttype == NUMERICOID)
		number =
			DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, constant->constvalue));
	else
		return false;
	if (isnan(number) || fabs(number) > GREATEST_CONSTANT)
		return false;
	/* of more, core drops some */
	if (constant->consttype == NUMERICOID &&
		DatumGetInt32(DirectFunctionCall1(numeric_scale, constant->constvalue)) > MOST_DIGITS)
		return false;
	return (number == 0 && !divides) || fabs(number) >= 1 / GREATEST_CONSTANT;
}

/* usage_is_moderate -- the same of what is only added up */
bool
usage_is_moderate(Node *number)
{
	return is_moderate(number, false);
}

static bool
is_arithmetic(Oid function, List *arguments, Silence *silence)
{
	Node *right = llast(arguments);
	ListCell *lc;

	if (list_length(arguments) != 2)
		return false;
	if (function_is_among(function, divisions, lengthof(divisions)))
		return ++silence->arithmetic <= MOST_ARITHMETIC && is_moderate(right, true);
	/* subqueries around others could lead it to overflow, but for what an aggregate follows through them */
	if (!silence->together && (function_is_among(function, of_float8, lengthof(of_float8)) ||
							   (is_computed(linitial(arguments)) && is_computed(right))))
		return false;
	if (function_is_among(function, rounding, lengthof(rounding)) &&
		!(is_computed(linitial(arguments)) && is_computed(right)))
		return false;
	if (!function_is_among(function, operations, lengthof(operations)))
		return false;
	foreach (lc, arguments)
		if (!is_computed(lfirst(lc)) && !is_moderate(lfirst(lc), false))
			return false;
	return ++silence->arithmetic <= MOST_ARITHMETIC;
}

static bool
is_named(Oid function)
{
	return name_is_among(get_func_name(function), functions, lengthof(functions));
}

/* a call without what its arguments are computed by, which is looked at apart */
static List *
without_parts(List *arguments)
{
	List *result = NIL;
	ListCell *lc;

	foreach (lc, arguments)
	{
		Node *argument = lfirst(lc);

		if (!IsA(argument, Const) && !IsA(argument, Var) && !IsA(argument, ArrayExpr))
			argument = (Node *) makeVar(1, 1, exprType(argument), exprTypmod(argument),
										exprCollation(argument), 0);
		result = lappend(result, argument);
	}
	return result;
}

static bool
is_reviewed(Node *call, List *arguments)
{
	union
	{
		FuncExpr function;
		OpExpr op;
		ScalarArrayOpExpr array;
	} copy;
	List *parts = without_parts(arguments);

	/* of what is of no row, something else is asked there */
	if (!names_column((Node *) parts, NULL))
		return false;
	switch (nodeTag(call))
	{
		case T_FuncExpr:
			copy.function = *(FuncExpr *) call;
			copy.function.args = parts;
			break;
		case T_ScalarArrayOpExpr:
			copy.array = *(ScalarArrayOpExpr *) call;
			copy.array.args = parts;
			break;
		default:
			copy.op = *(OpExpr *) call;
			copy.op.args = parts;
			break;
	}
	return reviewed_clause((Node *) &copy);
}

static bool
is_short(Node *text)
{
	const Const *constant = contain_mutable_functions(text) ? NULL : usage_constant(text);

	return constant != NULL && (constant->constisnull ||
								toast_raw_datum_size(constant->constvalue) <= LONGEST_CONSTANT);
}

/*
 * Texts that are put together are a column's, and some that are short: there is an end to memory, which
 * one row would tell of.
 */
static bool
is_long(Oid function, List *arguments, Silence *silence)
{
	bool several = is_computed(linitial(arguments)) && is_computed(llast(arguments));
	ListCell *lc;

	if (function != F_TEXTCAT)
		return false;
	foreach (lc, arguments)
		if (!is_computed(lfirst(lc)) && !is_short(lfirst(lc)))
			return true;
	return (several && !silence->last && !silence->together) || ++silence->texts > MOST_TEXTS;
}

static bool
call_is_silent(Node *call, Oid function, List *arguments, Silence *silence)
{
	if (encrypted_is_opening(call))
		return is_silent(linitial(arguments), silence);
	if (function >= FirstNormalObjectId || !collation_is_known(arguments, exprInputCollation(call)))
		return false;
	if (is_named(function) && usage_takes_constants(function, arguments) &&
		!is_long(function, arguments, silence))
		return are_silent(arguments, silence);
	if (silence->alone && name_is_among(get_func_name(function), roundings, lengthof(roundings)))
		return are_silent(arguments, silence);
	if (function_is_among(function, conversions, lengthof(conversions)) ||
		function_is_among(function, negations, lengthof(negations)) ||
		usage_is_part_of_time(function, arguments) || is_arithmetic(function, arguments, silence))
		return are_silent(arguments, silence);
	return function != F_TEXTCAT && is_reviewed(call, arguments) && are_silent(arguments, silence);
}

/* of core's, and it raises for nothing that it may be given */
static bool
aggregate_is_quiet(const Aggref *aggregate)
{
	static const char *const comparing[] = {"max", "min"};
	static const char *const others[] = {"bool_and", "bool_or", "every"};
	const char *name = get_func_name(aggregate->aggfnoid);

	if (aggregate->aggfnoid >= FirstNormalObjectId || aggregate->aggkind != AGGKIND_NORMAL ||
		!usage_are_compared_silently(aggregate->aggdistinct, aggregate->args) ||
		!usage_are_compared_silently(aggregate->aggorder, aggregate->args))
		return false;
	if (name_is_among(name, comparing, lengthof(comparing)))
		return usage_compares_silently((Node *) linitial_node(TargetEntry, aggregate->args)->expr);
	return name_is_among(name, others, lengthof(others)) || usage_is_of_groups(aggregate->aggfnoid);
}

static bool
is_silent(Node *node, Silence *silence)
{
	ListCell *lc;

	if (node == NULL)
		return true;
	check_stack_depth();
	/* core's walkers take these inside CASE only */
	if (IsA(node, CaseWhen))
		return is_silent((Node *) ((CaseWhen *) node)->expr, silence) &&
			   is_silent((Node *) ((CaseWhen *) node)->result, silence);
	/* of no row: once, before there are any, so that it raises for all or for none */
	if (!is_computed(node) &&
		(is_known_before(node) || usage_is_of_clock(node) || usage_is_setting(node) ||
		 (!silence->alone && usage_is_settled(node))))
		return true;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_CaseTestExpr:
			return true;
		case T_List:
			return are_silent((List *) node, silence);
		case T_TargetEntry:
			return is_silent((Node *) ((TargetEntry *) node)->expr, silence);
		case T_RelabelType:
			return is_silent((Node *) ((RelabelType *) node)->arg, silence);
		/* of one subject's rows */
		case T_Aggref:
			return aggregate_is_quiet((Aggref *) node) &&
				   are_silent(((Aggref *) node)->args, silence) &&
				   are_silent(((Aggref *) node)->aggdirectargs, silence) &&
				   is_silent((Node *) ((Aggref *) node)->aggfilter, silence);
		case T_BoolExpr:
			return are_silent(((BoolExpr *) node)->args, silence);
		case T_NullTest:
			return is_silent((Node *) ((NullTest *) node)->arg, silence);
		case T_BooleanTest:
			return is_silent((Node *) ((BooleanTest *) node)->arg, silence);
		case T_CoalesceExpr:
			return are_silent(((CoalesceExpr *) node)->args, silence);
		case T_ArrayExpr:
			return are_silent(((ArrayExpr *) node)->elements, silence);
		case T_CaseExpr:
			/* walkers do not take its parts by themselves */
			foreach (lc, ((CaseExpr *) node)->args)
				if (!is_silent((Node *) lfirst_node(CaseWhen, lc)->expr, silence) ||
					!is_silent((Node *) lfirst_node(CaseWhen, lc)->result, silence))
					return false;
			return is_silent((Node *) ((CaseExpr *) node)->arg, silence) &&
				   is_silent((Node *) ((CaseExpr *) node)->defresult, silence);
		case T_FuncExpr:
			return call_is_silent(node, ((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args,
								  silence);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return call_is_silent(node, get_opcode(((OpExpr *) node)->opno),
								  ((OpExpr *) node)->args, silence);
		case T_ScalarArrayOpExpr:
			return call_is_silent(node, get_opcode(((ScalarArrayOpExpr *) node)->opno),
								  ((ScalarArrayOpExpr *) node)->args, silence);
		/* what is in it is looked at as a query */
		case T_SubLink:
			return is_silent(((SubLink *) node)->testexpr, silence);
		default:
			return false;
	}
}

/* usage_names_column -- is there a column in an expression, also of a query around it? */
bool
usage_names_column(Node *expr)
{
	return names_column(expr, NULL);
}

/* usage_is_silent -- does an expression tell of no row, over which it is run? */
bool
usage_is_silent(Node *expr)
{
	Silence silence = {0};

	return !contain_volatile_functions(expr) && is_silent(expr, &silence);
}

/* usage_group_is_silent -- the same of what groups are made by: columns may be put together to a name */
bool
usage_group_is_silent(Node *expr)
{
	Silence silence = {.last = true};

	return !contain_volatile_functions(expr) && is_silent(expr, &silence);
}

/* usage_mask_is_silent -- the same of a mask: it raises for no value, and is nothing that groups are made by */
bool
usage_mask_is_silent(Node *expr)
{
	Silence silence = {.last = true, .alone = true};

	return !contain_volatile_functions(expr) && is_silent(expr, &silence);
}

/*
 * usage_is_product -- of two columns, those of queries around it and what is aggregated for each person
 * among them?
 */
bool
usage_is_product(const OpExpr *op)
{
	return list_length(op->args) == 2 &&
		   !function_is_among(get_opcode(op->opno), sums, lengthof(sums)) &&
		   names_column(linitial(op->args), NULL) && names_column(lsecond(op->args), NULL);
}

/*
 * without_conversions -- of which some lose digits
 *	rounds	set, then
 *	writes	set, if it is the values whose digits are written then
 */
static Node *
without_conversions(Node *expr, bool *rounds, bool *writes)
{
	for (;;)
	{
		Oid function = IsA(expr, FuncExpr) ? ((FuncExpr *) expr)->funcid : InvalidOid;

		if (IsA(expr, RelabelType))
			expr = (Node *) ((RelabelType *) expr)->arg;
		else if (OidIsValid(function) &&
				 (encrypted_is_opening(expr) ||
				  function_is_among(function, conversions, lengthof(conversions))))
		{
			*rounds |=
				function_is_among(function, rounding_conversions, lengthof(rounding_conversions));
			*writes |=
				function_is_among(function, writing_conversions, lengthof(writing_conversions));
			expr = linitial(((FuncExpr *) expr)->args);
		}
		else
			return expr;
	}
}

/* usage_is_column -- of any type, and nothing is computed of it */
bool
usage_is_column(Node *expr)
{
	bool ignored;

	return IsA(without_conversions(expr, &ignored, &ignored), Var);
}

/*
 * Numbers that lose digits are those of a column: who could add to them, or multiply them, before, would
 * choose how large they must be for the last digit that is kept, and learn how many are.  Of a numeric quotient
 * even how many digits are written depends on how large it is.
 */
static bool
keeps_digits(const OpExpr *op, UsageSum *sum)
{
	Oid function = get_opcode(op->opno);

	if (function != F_NUMERIC_DIV && !function_is_among(function, rounding, lengthof(rounding)))
		return true;
	sum->rounds = true;
	return function != F_NUMERIC_DIV && usage_is_column(linitial(op->args)) &&
		   usage_is_column(lsecond(op->args));
}

static bool is_sum_of_columns(Node *expr, UsageSum *sum);

/* a constant that others are multiplied by is no part of what is added up */
static bool
is_operand(Node *operand, const OpExpr *op, UsageSum *sum)
{
	if (!function_is_among(get_opcode(op->opno), sums, lengthof(sums)) &&
		!names_column(operand, NULL))
		return true;
	return is_sum_of_columns(operand, sum);
}

static bool
is_sum_of_columns(Node *expr, UsageSum *sum)
{
	bool rounds = false;
	bool writes = false;
	ListCell *lc;

	expr = without_conversions(expr, &rounds, &writes);
	if (IsA(expr, Const) || IsA(expr, Param))
	{
		sum->terms = true;
		return true;
	}
	sum->rounds |= rounds;
	if (IsA(expr, Var))
		return !writes;
	if (IsA(expr, OpExpr) && !rounds)
	{
		OpExpr *op = (OpExpr *) expr;
		Silence silence = {.together = true};

		if (function_is_among(get_opcode(op->opno), negations, lengthof(negations)))
			return is_sum_of_columns(linitial(op->args), sum);
		if (!is_arithmetic(get_opcode(op->opno), op->args, &silence) || !keeps_digits(op, sum))
			return false;
		sum->products |= usage_is_product(op);
		foreach (lc, op->args)
			if (!is_operand(lfirst(lc), op, sum))
				return false;
		return true;
	}
	return false;
}

/*
 * usage_is_sum_of_columns -- is what is aggregated a column, or arithmetic of columns?  Conditions in it
 * would choose rows of the group.
 *	sum		what there is around it; and what there is in it, too
 */
bool
usage_is_sum_of_columns(Node *expr, UsageSum *sum)
{
	Silence silence = {.arithmetic = sum->arithmetic, .together = true};
	bool silent = !contain_volatile_functions(expr) && is_silent(expr, &silence);

	sum->arithmetic = silence.arithmetic;
	return silent && is_sum_of_columns(expr, sum);
}
