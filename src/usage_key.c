/*
 * usage_key.c
 *	  Whose rows a query reads: keys that a join makes the same, and that it groups by.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* conditions that every row meets, ANDed */
static List *
conditions_of(Node *node, List *conditions)
{
	ListCell *lc;

	if (node == NULL || IsA(node, RangeTblRef))
		return conditions;
	if (IsA(node, FromExpr))
	{
		foreach (lc, ((FromExpr *) node)->fromlist)
			conditions = conditions_of(lfirst(lc), conditions);
		return lappend(conditions, ((FromExpr *) node)->quals);
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr *join = (JoinExpr *) node;

		if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
			conditions = conditions_of(join->larg, conditions);
		if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
			conditions = conditions_of(join->rarg, conditions);
		if (join->jointype == JOIN_INNER)
			conditions = lappend(conditions, join->quals);
	}
	return conditions;
}

static bool
are_compared(Node *quals, Node *a, Node *b)
{
	OpExpr *op = (OpExpr *) quals;
	Node *left;
	Node *right;
	ListCell *lc;

	if (quals == NULL)
		return false;
	if (IsA(quals, List) || (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR))
	{
		foreach (lc, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
			if (are_compared(lfirst(lc), a, b))
				return true;
		return false;
	}
	if (!IsA(quals, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return false;
	left = usage_without_casts(linitial(op->args));
	right = usage_without_casts(lsecond(op->args));
	return (equal(left, a) && equal(right, b)) || (equal(left, b) && equal(right, a));
}

/* usage_is_grouped_by -- is it one of what a query groups by? */
bool
usage_is_grouped_by(const Query *query, const Key *key)
{
	ListCell *lc;

	foreach (lc, query->groupClause)
		if (equal(usage_without_casts(get_sortgroupclause_expr(lfirst(lc), query->targetList)),
				  usage_without_casts((Node *) key->expr)))
			return true;
	return false;
}

/* usage_drop_equal_keys -- rows that are joined by their subject are about one: its key is enough */
void
usage_drop_equal_keys(Block *block)
{
	List *conditions = conditions_of((Node *) block->query->jointree, NIL);
	List *kept = NIL;
	ListCell *lc;
	ListCell *other;

	foreach (lc, block->keys)
	{
		Key *key = lfirst(lc);

		foreach (other, kept)
			if (((Key *) lfirst(other))->domain == key->domain &&
				are_compared((Node *) conditions, usage_without_casts((Node *) key->expr),
							 usage_without_casts((Node *) ((Key *) lfirst(other))->expr)))
				break;
		/* the one that is grouped by, if one is */
		if (other != NULL && usage_is_grouped_by(block->query, key))
			lfirst(other) = key;
		if (other == NULL)
			kept = lappend(kept, key);
	}
	block->keys = kept;
}
