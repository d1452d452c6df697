/*
 * policy_search.c
 *	  What an index on the tags of encrypted values is asked (encrypted_search.c), and that it
 *	  tells of no row.
 */
#include "compat.h"

#include "catalog.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "policy_reviewed.h"
#include "utils/lsyscache.h"

static bool
is_own(Oid function, const char *name)
{
	return catalog_is_own_function(function) && strcmp(get_func_name(function), name) == 0;
}

/* compares_tags_by -- is it the operator that indexes on tags are asked by? */
bool
compares_tags_by(Oid operator)
{
	return is_own(get_opcode(operator), "encrypted_tag_eq");
}

/* of a call that opens a value, or readies it to be looked for: that value; else NULL */
static Node *
argument_of(Node *call)
{
	return IsA(call, FuncExpr) && ((FuncExpr *) call)->args != NIL &&
				   (is_own(((FuncExpr *) call)->funcid, "search_value") ||
					is_own(((FuncExpr *) call)->funcid, "opened")) ?
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
