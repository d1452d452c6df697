/*
 * policy_expression.c
 *	  Small expressions that are put into statements.
 */
#include "compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"

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
