/*
 * usage_source.c
 *	  What rows of people are joined with, where groups only are shown of them.
 *
 * Rows that a role makes up choose, weigh and multiply those of people: a sum of weights that are powers
 * of two tells who is in a group, and as many rows as somebody earns tell what.  So they are joined with
 * tables only that the role neither owns nor writes.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static bool
is_of(Oid relid, Oid role)
{
	return pg_class_ownercheck(relid, role) ||
		   pg_class_aclmask(relid, role, ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE,
							ACLMASK_ANY) != 0 ||
		   pg_attribute_aclcheck_all(relid, role, ACL_INSERT | ACL_UPDATE, ACLMASK_ANY) ==
			   ACLCHECK_OK;
}

/* is it of a role that another is a member of, and may SET ROLE to? */
static bool
is_of_member(Oid relid, Oid member)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool found = false;
	bool is_null;
	Datum datum;
	Acl *acl;

	if (!HeapTupleIsValid(tuple))
		return true;
	found = is_member_of_role(member, ((Form_pg_class) GETSTRUCT(tuple))->relowner);
	datum = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &is_null);
	acl = is_null ? NULL : DatumGetAclP(datum);
	for (int i = 0; acl != NULL && !found && i < ACL_NUM(acl); i++)
	{
		const AclItem *item = &ACL_DAT(acl)[i];

		found = (ACLITEM_GET_PRIVS(*item) &
				 (ACL_INSERT | ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE)) != 0 &&
				(item->ai_grantee == ACL_ID_PUBLIC || is_member_of_role(member, item->ai_grantee));
	}
	ReleaseSysCache(tuple);
	return found;
}

/*
 * usage_may_write -- may whoever asks change what a table holds?  An owner may take the right to, and
 * give it back.
 */
bool
usage_may_write(Oid relid)
{
	return is_of(relid, GetUserId()) ||
		   /* whom SET ROLE goes back to, and what else it goes to; a superuser has other ways */
		   (!superuser_arg(GetSessionUserId()) &&
			(is_of(relid, GetSessionUserId()) || is_of_member(relid, GetSessionUserId())));
}

/* usage_is_of_role -- the same of what is read, which may be of no table */
bool
usage_is_of_role(const RangeTblEntry *rte)
{
	/* whoever makes objects fills catalogs */
	if (rte->relid < FirstNormalObjectId || rte->relkind == RELKIND_FOREIGN_TABLE ||
		rte->relkind == RELKIND_SEQUENCE || get_rel_persistence(rte->relid) == RELPERSISTENCE_TEMP)
		return true;
	return usage_may_write(rte->relid);
}

static bool is_fixed(const Grouping *grouping, const RangeTblEntry *rte, const Block *block);

/* columns of such tables, and nothing computed of them; or groups of enough */
static bool
query_is_fixed(const Grouping *grouping, Query *query, const Block *outer)
{
	Block block = {.outer = outer, .query = query};
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

/* what an expression is made of */
typedef struct Asked
{
	const Block *block;
	bool key;   /* who it is */
	bool row;   /* which row */
	bool other; /* and something else */
} Asked;

/* usage_tells_rows_apart -- has every row of a relation another value in a column? */
bool
usage_tells_rows_apart(Oid relid, AttrNumber column)
{
	if (column <= 0)
		return column != TableOidAttributeNumber && column != 0;
	return column_is_unique(relid, column, false);
}

static bool
is_key(const Var *var, const Block *block)
{
	Var *here = copyObject(unconstify(Var *, var));
	ListCell *lc;

	here->varlevelsup = 0;
	foreach (lc, block->keys)
	{
		const Key *key = lfirst(lc);

		if (equal(here, usage_without_casts((Node *) key->expr)) || list_member(key->others, here))
			return true;
	}
	return false;
}

static bool
ask(Node *node, Asked *asked)
{
	const Block *block = asked->block;
	const RangeTblEntry *rte;
	Var *var = (Var *) node;

	if (node == NULL || IsA(node, Query))
		return false;
	if (!IsA(node, Var))
		return expression_tree_walker(node, ask, asked);
	for (Index up = 0; up < var->varlevelsup && block != NULL; up++)
		block = block->outer;
	rte = block != NULL ? rt_fetch(var->varno, block->query->rtable) : NULL;
	if (rte != NULL && rte->rtekind == RTE_JOIN && var->varattno > 0)
	{
		Asked joined = {.block = block};

		(void) ask(list_nth(rte->joinaliasvars, var->varattno - 1), &joined);
		asked->key |= joined.key;
		asked->row |= joined.row;
		asked->other |= joined.other;
	}
	else if (rte != NULL && is_key(var, block))
		asked->key = true;
	else if (rte != NULL && rte->rtekind == RTE_RELATION && protected_relation(rte->relid) &&
			 usage_tells_rows_apart(rte->relid, var->varattno))
		asked->row = true;
	else
		asked->other = true;
	return false;
}

/* usage_names_key -- does an expression tell who it is? */
bool
usage_names_key(Node *expr, const Block *block)
{
	Asked asked = {.block = block};

	(void) ask(expr, &asked);
	return asked.key;
}

/*
 * usage_mixes_keys -- does a condition ask at once who somebody is and something else?  "Not he, or he
 * earns more" over a group that is just large enough tells what one earns.
 */
bool
usage_mixes_keys(Node *quals, const Block *block)
{
	Asked asked = {.block = block};
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
	(void) ask(quals, &asked);
	return (asked.key || asked.row) && (asked.other || checkExprHasSubLink(quals));
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
