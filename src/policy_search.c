/*
 * policy_search.c
 *	  What an index on the tags of encrypted values is asked (encrypted_search.c), and that it
 *	  tells of no row.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "policy_reviewed.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* compares_tags_by -- is it the operator that indexes on tags are asked by? */
bool
compares_tags_by(Oid operator)
{
	return catalog_is_own_function_named(get_opcode(operator), "encrypted_tag_eq");
}

/* of a call that opens a value, readies it to be looked for, or widens it: that value; else NULL */
static Node *
argument_of(Node *call)
{
	return IsA(call, FuncExpr) && ((FuncExpr *) call)->args != NIL &&
				   (catalog_is_own_function_named(((FuncExpr *) call)->funcid, "search_value") ||
					catalog_is_own_function_named(((FuncExpr *) call)->funcid, "opened") ||
					((FuncExpr *) call)->funcid == F_INT8_INT4) ?
			   linitial(((FuncExpr *) call)->args) :
			   NULL;
}

/* without what does that; of an array, to each element */
static Node *
inside(Node *value)
{
	for (;;)
	{
		Node *argument = argument_of(value);

		if (argument != NULL)
			value = argument;
		else if (IsA(value, RelabelType))
			value = (Node *) ((RelabelType *) value)->arg;
		else if (IsA(value, ArrayCoerceExpr) &&
				 (argument = argument_of((Node *) ((ArrayCoerceExpr *) value)->elemexpr)) != NULL &&
				 IsA(argument, CaseTestExpr))
			value = (Node *) ((ArrayCoerceExpr *) value)->arg;
		else
			return value;
	}
}

/* may_be_sought -- may an index be asked for it, before the policy of the rows that it finds? */
bool
may_be_sought(Node *column, Node *value)
{
	return reviewed_clause((Node *) list_make2(column, inside(value)));
}

/* compares_tags -- is it what an index on tags is asked, or made of such? */
bool
compares_tags(Node *condition)
{
	ListCell *lc;

	if (IsA(condition, OpExpr))
		return compares_tags_by(((OpExpr *) condition)->opno);
	if (IsA(condition, ScalarArrayOpExpr))
		return compares_tags_by(((ScalarArrayOpExpr *) condition)->opno);
	if (!IsA(condition, BoolExpr))
		return false;
	foreach (lc, ((BoolExpr *) condition)->args)
		if (!compares_tags(lfirst(lc)))
			return false;
	return true;
}

/*
 * tag_condition_tells_nothing -- of the rows that an index is asked about?  Nobody but
 * encrypted_search.c puts one before the policy: its operator is not on any list.
 */
bool
tag_condition_tells_nothing(Node *condition)
{
	List *args = IsA(condition, OpExpr)            ? ((OpExpr *) condition)->args :
				 IsA(condition, ScalarArrayOpExpr) ? ((ScalarArrayOpExpr *) condition)->args :
													 NIL;

	return args != NIL && compares_tags(condition) && may_be_sought(linitial(args), lsecond(args));
}

/* asks_for_key -- has_key() of a column */
Node *
asks_for_key(Node *column)
{
	return (Node *) makeFuncExpr(
		catalog_function_of_types("has_key", getBaseType(exprType(column)), InvalidOid), BOOLOID,
		list_make1(copyObject(column)), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * recheck_of_tags -- what is asked first of rows that the policy lets through, where an index
 * was asked this: that the key is there, or the condition itself where there are several
 */
Node *
recheck_of_tags(Node *condition)
{
	Node *column;

	if (IsA(condition, BoolExpr))
		return copyObject(condition);
	column = IsA(condition, OpExpr) ? linitial(((OpExpr *) condition)->args) :
									  linitial(castNode(ScalarArrayOpExpr, condition)->args);
	return asks_for_key(column);
}

/* rechecks_tags -- is it one of these? */
bool
rechecks_tags(Node *qual)
{
	return (IsA(qual, FuncExpr) &&
			catalog_is_own_function_named(((FuncExpr *) qual)->funcid, "has_key")) ||
		   compares_tags(qual);
}
