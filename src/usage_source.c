/*
 * usage_source.c
 *	  What rows of people are joined with, where groups only are shown of them.
 *
 * Rows that a role makes up choose, weigh and multiply those of people: a sum of weights that are powers
 * of two tells who is in a group, and as many rows as somebody earns tell what.  So they are joined with
 * tables only that the role neither owns nor writes.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

static bool
is_of(Oid relid, Oid role)
{
	return pg_class_ownercheck(relid, role) ||
		   pg_class_aclmask(relid, role, ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE,
							ACLMASK_ANY) != 0;
}

/*
 * usage_is_of_role -- may whoever asks change what a relation that is not protected holds?  An owner
 * may take the right to, and give it back.
 */
bool
usage_is_of_role(const RangeTblEntry *rte)
{
	/* whoever makes objects fills catalogs */
	if (rte->relid < FirstNormalObjectId || rte->relkind == RELKIND_FOREIGN_TABLE ||
		get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
		return true;
	return is_of(rte->relid, GetUserId()) ||
		   /* whom SET ROLE goes back to; a superuser has other ways */
		   (!superuser_arg(GetSessionUserId()) && is_of(rte->relid, GetSessionUserId()));
}

static bool is_fixed(const Grouping *grouping, const RangeTblEntry *rte, const Block *block);

/* columns of such tables, and nothing computed of them; or groups of enough */
static bool
query_is_fixed(const Grouping *grouping, Query *query, const Block *outer)
{
	Block block = {outer, query, NIL};
	ListCell *lc;

	if (list_member_ptr(grouping->guarded, query))
		return true;
	if (query->commandType != CMD_SELECT || query->setOperations != NULL || query->hasAggs ||
		query->groupClause != NIL || query->hasTargetSRFs || query->hasSubLinks ||
		query->hasWindowFuncs || query->limitCount != NULL || query->limitOffset != NULL ||
		query->distinctClause != NIL)
		return false;
	foreach (lc, query->targetList)
		if (!IsA(lfirst_node(TargetEntry, lc)->expr, Var) ||
			((Var *) lfirst_node(TargetEntry, lc)->expr)->varlevelsup > 0)
			return false;
	return usage_sources_are_fixed(grouping, &block);
}

static bool
is_fixed(const Grouping *grouping, const RangeTblEntry *rte, const Block *block)
{
	ListCell *lc;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return rte->relkind == RELKIND_COMPOSITE_TYPE || rte->relkind == RELKIND_VIEW ||
				   protected_relation(rte->relid) != NULL || !usage_is_of_role(rte);
		case RTE_SUBQUERY:
			return list_member_ptr(grouping->handing, rte->subquery) ||
				   query_is_fixed(grouping, rte->subquery, block);
		case RTE_CTE:
			for (Index up = 0; up < rte->ctelevelsup && block != NULL; up++)
				block = block->outer;
			if (block == NULL || rte->self_reference)
				return false;
			foreach (lc, block->query->cteList)
			{
				CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

				if (strcmp(cte->ctename, rte->ctename) == 0)
					return !cte->cterecursive &&
						   (list_member_ptr(grouping->handing, cte->ctequery) ||
							query_is_fixed(grouping, castNode(Query, cte->ctequery), block));
			}
			return false;
		case RTE_JOIN:
		case RTE_RESULT:
			return true;
		default:
			/* of one that was inlined, the function is left behind */
			return false;
	}
}

/* usage_sources_are_fixed -- does the role have no hand in any of what a query reads? */
bool
usage_sources_are_fixed(const Grouping *grouping, const Block *block)
{
	ListCell *lc;

	foreach (lc, block->query->rtable)
		if (!is_fixed(grouping, lfirst_node(RangeTblEntry, lc), block))
			return false;
	return true;
}

/* ---- conditions on who it is ---- */

static bool
names_key(Node *node, const Block *block)
{
	ListCell *lc;
	ListCell *key;

	foreach (lc, pull_var_clause(node, PVC_RECURSE_AGGREGATES))
		foreach (key, block->keys)
			if (equal(lfirst(lc), usage_without_casts((Node *) ((Key *) lfirst(key))->expr)))
				return true;
	return false;
}

static bool
names_other(Node *node, const Block *block)
{
	ListCell *lc;

	foreach (lc, pull_var_clause(node, PVC_RECURSE_AGGREGATES))
		if (!names_key(lfirst(lc), block))
			return true;
	return false;
}

/*
 * usage_mixes_keys -- does a condition ask at once who somebody is and something else?  "Not he, or he
 * earns more" over a group that is just large enough tells what one earns.
 */
bool
usage_mixes_keys(Node *quals, const Block *block)
{
	ListCell *lc;

	if (quals == NULL)
		return false;
	if (IsA(quals, List) || (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR))
	{
		foreach (lc, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
			if (usage_mixes_keys(lfirst(lc), block))
				return true;
		return false;
	}
	/* a subquery is about the same person, and the whole condition */
	if (IsA(quals, SubLink) || (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == NOT_EXPR &&
								IsA(linitial(((BoolExpr *) quals)->args), SubLink)))
		return false;
	/* a join by the key */
	if (IsA(quals, OpExpr) && list_length(((OpExpr *) quals)->args) == 2 &&
		IsA(usage_without_casts(linitial(((OpExpr *) quals)->args)), Var) &&
		IsA(usage_without_casts(lsecond(((OpExpr *) quals)->args)), Var) &&
		op_mergejoinable(((OpExpr *) quals)->opno, exprType(linitial(((OpExpr *) quals)->args))))
		return false;
	return names_key(quals, block) && (names_other(quals, block) || checkExprHasSubLink(quals));
}

/* usage_jointree_mixes_keys -- the same of all that FROM and WHERE ask */
bool
usage_jointree_mixes_keys(Node *node, const Block *block)
{
	ListCell *lc;

	if (node == NULL || IsA(node, RangeTblRef))
		return false;
	if (IsA(node, FromExpr))
	{
		foreach (lc, ((FromExpr *) node)->fromlist)
			if (usage_jointree_mixes_keys(lfirst(lc), block))
				return true;
		return usage_mixes_keys(((FromExpr *) node)->quals, block);
	}
	if (IsA(node, JoinExpr))
		return usage_jointree_mixes_keys(((JoinExpr *) node)->larg, block) ||
			   usage_jointree_mixes_keys(((JoinExpr *) node)->rarg, block) ||
			   usage_mixes_keys(((JoinExpr *) node)->quals, block);
	return true;
}
