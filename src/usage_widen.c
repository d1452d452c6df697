/*
 * usage_widen.c
 *	  Integers that are computed inside aggregates, in numeric: a product of integers that has no room
 *	  is an error for one row, and tells of it.  A numeric has room for all that may be computed.
 *
 * The result has the type that it would have had: only what is told of a group may have no room then.
 * Integers that are computed elsewhere are not silent (usage_silent.c).
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_func.h"
#include "policy_reviewed.h"
#include "usage_group.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

static const Oid sums[] = {F_INT2PL,  F_INT4PL,  F_INT8PL,  F_INT24PL, F_INT42PL,
						   F_INT28PL, F_INT82PL, F_INT48PL, F_INT84PL};
static const Oid differences[] = {F_INT2MI,  F_INT4MI,  F_INT8MI,  F_INT24MI, F_INT42MI, F_INT28MI,
								  F_INT82MI, F_INT48MI, F_INT84MI, F_INT2UM,  F_INT4UM,  F_INT8UM};
static const Oid products[] = {F_INT2MUL,  F_INT4MUL,  F_INT8MUL,  F_INT24MUL, F_INT42MUL,
							   F_INT28MUL, F_INT82MUL, F_INT48MUL, F_INT84MUL};

/* to what has room for all of them */
static const Oid to_integers[] = {F_INT4_INT2, F_INT8_INT2, F_INT8_INT4};
static const Oid to_numeric[] = {F_NUMERIC_INT2, F_NUMERIC_INT4, F_NUMERIC_INT8};
static const Oid to_float8[] = {F_FLOAT8_INT2, F_FLOAT8_INT4, F_FLOAT8_INT8};

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* NULL: it is none of integers */
static char *
arithmetic_of(const OpExpr *op)
{
	Oid function = get_opcode(op->opno);

	if (function_is_among(function, sums, lengthof(sums)))
		return "+";
	if (function_is_among(function, differences, lengthof(differences)))
		return "-";
	if (function_is_among(function, products, lengthof(products)))
		return "*";
	return NULL;
}

static bool
computes_integers(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return (IsA(node, OpExpr) && arithmetic_of((OpExpr *) node) != NULL) ||
		   expression_tree_walker(node, computes_integers, context);
}

static Expr *
cast_by(Oid function, Oid type, Node *value)
{
	return (Expr *) makeFuncExpr(function, type, list_make1(value), InvalidOid, InvalidOid,
								 COERCE_IMPLICIT_CAST);
}

/* usage_as_numeric -- a number, or boolean, as a numeric */
Expr *
usage_as_numeric(Expr *value)
{
	static const struct
	{
		Oid type;
		Oid cast;
	} casts[] = {{INT2OID, F_NUMERIC_INT2},
				 {INT4OID, F_NUMERIC_INT4},
				 {INT8OID, F_NUMERIC_INT8},
				 {FLOAT4OID, F_NUMERIC_FLOAT4},
				 {FLOAT8OID, F_NUMERIC_FLOAT8}};
	Oid type = getBaseType(exprType((Node *) value));

	for (size_t i = 0; i < lengthof(casts); i++)
		if (casts[i].type == type)
			return cast_by(casts[i].cast, NUMERICOID, (Node *) value);
	if (type == BOOLOID)
		return usage_as_numeric(cast_by(F_INT4_BOOL, INT4OID, (Node *) value));
	if (type != NUMERICOID)
		elog(ERROR, "type %u is none of numbers", type);
	return value;
}

static Node *widened(Node *node);

static List *
all_widened(List *nodes)
{
	List *result = NIL;
	ListCell *lc;

	foreach (lc, nodes)
		result = lappend(result, widened(lfirst(lc)));
	return result;
}

static Node *
widened_operation(const OpExpr *op)
{
	char *name = arithmetic_of(op);
	OpExpr *result = makeNode(OpExpr);

	*result = *op;
	result->args = all_widened(op->args);
	if (name == NULL)
		return (Node *) result;
	result->opno =
		OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString(name)),
						 list_length(op->args) == 2 ? NUMERICOID : InvalidOid, NUMERICOID);
	result->opfuncid = get_opcode(result->opno);
	result->opresulttype = NUMERICOID;
	return (Node *) result;
}

/* its conditions are looked at by themselves */
static Node *
widened_choice(const CaseExpr *choice)
{
	CaseExpr *result = makeNode(CaseExpr);
	ListCell *lc;

	*result = *choice;
	if (is_integer(choice->casetype))
		result->casetype = NUMERICOID;
	result->args = NIL;
	foreach (lc, choice->args)
	{
		CaseWhen *when = makeNode(CaseWhen);

		*when = *lfirst_node(CaseWhen, lc);
		when->result = (Expr *) widened((Node *) when->result);
		result->args = lappend(result->args, when);
	}
	result->defresult = (Expr *) widened((Node *) choice->defresult);
	return (Node *) result;
}

/* an integer becomes a numeric; all else keeps its type */
static Node *
widened(Node *node)
{
	check_stack_depth();
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseExpr))
		return widened_choice((CaseExpr *) node);
	if (IsA(node, FuncExpr))
	{
		const FuncExpr *cast = (FuncExpr *) node;

		if (function_is_among(cast->funcid, to_integers, lengthof(to_integers)) ||
			function_is_among(cast->funcid, to_numeric, lengthof(to_numeric)))
			return widened(linitial(cast->args));
		/* loses digits of what is computed, and is refused */
		if (function_is_among(cast->funcid, to_float8, lengthof(to_float8)))
			return (Node *) cast_by(F_FLOAT8_NUMERIC, FLOAT8OID, widened(linitial(cast->args)));
	}
	if (IsA(node, OpExpr) &&
		(arithmetic_of((OpExpr *) node) != NULL ||
		 !is_integer(getBaseType(exprType(linitial(((OpExpr *) node)->args))))))
		return widened_operation((OpExpr *) node);
	return is_integer(getBaseType(exprType(node))) ? (Node *) usage_as_numeric((Expr *) node) :
													 node;
}

/* core's aggregate of the same name, over numeric; or InvalidOid */
static Oid
over_numeric(const Aggref *aggregate)
{
	Oid argument = NUMERICOID;

	if (usage_counts(aggregate) || !is_integer(linitial_oid(aggregate->aggargtypes)))
		return aggregate->aggfnoid;
	return LookupFuncName(
		list_make2(makeString("pg_catalog"), makeString(get_func_name(aggregate->aggfnoid))), 1,
		&argument, true);
}

/*
 * usage_widened -- an aggregate that computes integers, over numeric; or as it is.  None of those that are over numeric goes by an order.
 */
Aggref *
usage_widened(Aggref *aggregate)
{
	Aggref *result = makeNode(Aggref);
	Oid function;
	ListCell *lc;

	if (aggregate->aggfnoid >= FirstNormalObjectId || aggregate->aggdistinct != NIL ||
		!computes_integers((Node *) aggregate->args, NULL))
		return aggregate;
	function = over_numeric(aggregate);
	if (!OidIsValid(function))
		return aggregate;
	*result = *aggregate;
	result->aggfnoid = function;
	result->aggtype = get_func_rettype(function);
	result->aggorder = result->args = result->aggargtypes = NIL;
	foreach (lc, aggregate->args)
	{
		TargetEntry *argument = flatCopyTargetEntry(lfirst_node(TargetEntry, lc));

		if (argument->resjunk)
			continue;
		argument->ressortgroupref = 0;
		argument->expr = (Expr *) widened((Node *) argument->expr);
		result->args = lappend(result->args, argument);
		result->aggargtypes = lappend_oid(result->aggargtypes, exprType((Node *) argument->expr));
	}
	return result;
}

/* usage_narrowed -- an aggregate's value, of the type that it had before: sums of integers are bigint */
Node *
usage_narrowed(Aggref *aggregate, Oid type)
{
	return type == INT8OID && aggregate->aggtype == NUMERICOID ?
			   (Node *) cast_by(F_INT8_NUMERIC, INT8OID, (Node *) aggregate) :
			   (Node *) aggregate;
}
