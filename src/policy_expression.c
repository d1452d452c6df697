/*
 * policy_expression.c
 *	  Small expressions that are put into statements.
 */
#include "compat.h"

#include "catalog/pg_aggregate.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "utils/lsyscache.h"

/* expression_choice -- CASE WHEN test THEN value ELSE otherwise END */
Node *
expression_choice(Node *test, Node *value, Node *otherwise)
{
	CaseExpr *choice = makeNode(CaseExpr);
	CaseWhen *when = makeNode(CaseWhen);

	when->expr = (Expr *) test;
	when->result = (Expr *) value;
	when->location = -1;
	choice->casetype = exprType(value);
	choice->casecollid = exprCollation(value);
	choice->args = list_make1(when);
	choice->defresult = (Expr *) otherwise;
	choice->location = -1;
	return (Node *) choice;
}

/* expression_null_test -- value IS NULL, or IS NOT NULL */
Node *
expression_null_test(Node *value, NullTestType type)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) value;
	test->nulltesttype = type;
	test->location = -1;
	return (Node *) test;
}

/* expression_null_of -- NULL, of a value's type */
Node *
expression_null_of(Node *value)
{
	return (Node *) makeNullConst(exprType(value), exprTypmod(value), exprCollation(value));
}

/* expression_is_null -- NULL, or what makes it a column's type: a length, a domain */
bool
expression_is_null(Node *value)
{
	while (!IsA(value, Const))
		if (IsA(value, CoerceToDomain))
			value = (Node *) ((CoerceToDomain *) value)->arg;
		else if (IsA(value, ArrayCoerceExpr))
			value = (Node *) ((ArrayCoerceExpr *) value)->arg;
		else if (IsA(value, RelabelType))
			value = (Node *) ((RelabelType *) value)->arg;
		/* a user's cast may make something of NULL */
		else if (IsA(value, FuncExpr) && ((FuncExpr *) value)->funcformat == COERCE_IMPLICIT_CAST &&
				 func_strict(((FuncExpr *) value)->funcid))
			value = linitial(((FuncExpr *) value)->args);
		else
			return false;
	return ((Const *) value)->constisnull;
}

/*
 * expression_aggregate -- of the rows that meet a condition
 *	args	of Expr *, which are copied
 *	filter	NULL: of all rows
 */
Aggref *
expression_aggregate(Oid function, Oid result, List *args, Expr *filter)
{
	Aggref *aggregate = makeNode(Aggref);
	ListCell *lc;

	aggregate->aggfnoid = function;
	aggregate->aggtype = result;
	aggregate->aggstar = args == NIL;
	foreach (lc, args)
	{
		Expr *arg = copyObject(lfirst(lc));

		aggregate->aggargtypes = lappend_oid(aggregate->aggargtypes, exprType((Node *) arg));
		aggregate->args = lappend(aggregate->args,
								  makeTargetEntry(arg, foreach_current_index(lc) + 1, NULL, false));
	}
	aggregate->aggfilter = copyObject(filter);
	aggregate->aggkind = AGGKIND_NORMAL;
	aggregate->aggsplit = AGGSPLIT_SIMPLE;
	aggregate->aggno = aggregate->aggtransno = -1;
	aggregate->location = -1;
	return aggregate;
}
