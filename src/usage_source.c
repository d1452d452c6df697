/*
 * usage_source.c
 *	  What rows of people are joined with, where groups only are shown of them.
 *
 * Rows that a role makes up choose, weigh and multiply those of people: a sum of weights that are powers
 * of two tells who is in a group, and as many rows as somebody earns tell what.  So they are joined with
 * tables only that the role neither owns nor writes.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
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

static bool
may_write(Oid relid)
{
	return is_of(relid, GetUserId()) ||
		   /* whom SET ROLE goes back to, and what else it goes to; a superuser has other ways */
		   (!superuser_arg(GetSessionUserId()) &&
			(is_of(relid, GetSessionUserId()) || is_of_member(relid, GetSessionUserId())));
}

static bool
changes_rows(char action)
{
	return action == FKCONSTR_ACTION_CASCADE || action == FKCONSTR_ACTION_SETNULL ||
		   action == FKCONSTR_ACTION_SETDEFAULT;
}

/* what has a rule: a view, or another relation */
static Oid
rule_relation(Oid rule)
{
	Relation rules = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid relid = InvalidOid;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(rule));
	scan = systable_beginscan(rules, RewriteOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		relid = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(rules, AccessShareLock);
	return relid;
}

/* views, and what has rules, that write to a relation with their owners' rights */
static List *
add_views(List *relids, Oid relid)
{
	Relation depends = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(depends, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == RewriteRelationId)
			relids = list_append_unique_oid(relids, rule_relation(form->objid));
	}
	systable_endscan(scan);
	table_close(depends, AccessShareLock);
	return relids;
}

/* what it refers to, by a foreign key that changes its rows */
static List *
add_referred(List *relids, Oid relid)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_FOREIGN &&
			(changes_rows(form->confdeltype) || changes_rows(form->confupdtype)))
			relids = list_append_unique_oid(relids, form->confrelid);
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return relids;
}

/*
 * usage_may_write -- may whoever asks change what a table holds, or a child of it, also by a view or a foreign
 * key?  These may lead in a circle.  An owner may take the right to, and give it back.
 */
bool
usage_may_write(Oid relid)
{
	List *relids = list_make1_oid(relid);

	for (int i = 0; i < list_length(relids); i++)
	{
		Oid each = list_nth_oid(relids, i);

		if (!OidIsValid(each))
			continue;
		if (may_write(each))
			return true;
		if (has_subclass(each))
			relids = list_concat_unique_oid(relids, find_all_inheritors(each, NoLock, NULL));
		relids = add_referred(add_views(relids, each), each);
	}
	return false;
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
	const Block *owner;
	Query *query;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return rte->relkind == RELKIND_COMPOSITE_TYPE || rte->relkind == RELKIND_VIEW ||
				   protected_relation(rte->relid) != NULL || !usage_is_of_role(rte);
		case RTE_SUBQUERY:
			return list_member_ptr(grouping->handing, rte->subquery) ||
				   query_is_fixed(grouping, rte->subquery, block);
		case RTE_CTE:
			query = usage_query_of_cte(rte, block, &owner);
			return query != NULL && (list_member_ptr(grouping->handing, query) ||
									 query_is_fixed(grouping, query, owner));
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

static bool ask(Node *node, Asked *asked);

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

	here->varlevelsup = 0;
	return usage_is_key((Node *) here, block);
}

/* which row it is, or whose: of a table that a subquery reads there is no key at hand */
static bool
names_row(Oid relid, AttrNumber column)
{
	const ProtectedRelation *found = protected_relation(relid);

	return found != NULL &&
		   (usage_tells_rows_apart(relid, column) ||
			(column > 0 && protected_by_column(found, get_attname(relid, column, false))));
}

/* an expression of another query */
static void
ask_in(const Block *block, Node *node, Asked *asked)
{
	Asked inside = {.block = block};

	(void) ask(node, &inside);
	asked->key |= inside.key;
	asked->row |= inside.row;
	asked->other |= inside.other;
}

static void
ask_unknown(Asked *asked)
{
	asked->key = asked->other = true;
}

/* what a subquery, or WITH, makes it of */
static void
ask_result(Query *query, const Block *outer, AttrNumber column, Asked *asked)
{
	Block inner = {.outer = outer, .query = query};
	TargetEntry *entry = query != NULL ? get_tle_by_resno(query->targetList, column) : NULL;

	if (entry == NULL)
		ask_unknown(asked);
	else
		ask_in(&inner, (Node *) entry->expr, asked);
}

static void
ask_column(const Var *var, Asked *asked)
{
	const Block *block = asked->block;
	const Block *owner;
	RangeTblEntry *rte;
	Query *query;

	for (Index up = 0; up < var->varlevelsup && block != NULL; up++)
		block = block->outer;
	rte = block != NULL ? rt_fetch(var->varno, block->query->rtable) : NULL;
	if (rte != NULL && rte->rtekind == RTE_JOIN && var->varattno > 0)
		ask_in(block, list_nth(rte->joinaliasvars, var->varattno - 1), asked);
	else if (rte != NULL && is_key(var, block))
		asked->key = true;
	else if (rte != NULL && rte->rtekind == RTE_SUBQUERY && var->varattno > 0)
		ask_result(rte->subquery, block, var->varattno, asked);
	else if (rte != NULL && rte->rtekind == RTE_CTE && var->varattno > 0)
	{
		query = usage_query_of_cte(rte, block, &owner);
		ask_result(query, owner, var->varattno, asked);
	}
	else if (rte != NULL && rte->rtekind == RTE_RELATION && names_row(rte->relid, var->varattno))
		asked->row = true;
	else
		asked->other = true;
}

/* is it a join by a column? */
static bool
joins(Node *quals)
{
	OpExpr *op = (OpExpr *) quals;

	return IsA(quals, OpExpr) && list_length(op->args) == 2 &&
		   IsA(usage_without_casts(linitial(op->args)), Var) &&
		   IsA(usage_without_casts(lsecond(op->args)), Var) &&
		   op_mergejoinable(op->opno, exprType(linitial(op->args)));
}

/* and one of two relations: it says which rows belong to each other */
static bool
ties(Node *quals)
{
	const Var *left;
	const Var *right;

	if (!joins(quals))
		return false;
	left = (Var *) usage_without_casts(linitial(((OpExpr *) quals)->args));
	right = (Var *) usage_without_casts(lsecond(((OpExpr *) quals)->args));
	return left->varno != right->varno || left->varlevelsup != right->varlevelsup;
}

/* column IN (SELECT column ...) */
static bool
ties_by_result(const SubLink *link)
{
	OpExpr *test = (OpExpr *) link->testexpr;
	const Query *query = castNode(Query, link->subselect);

	return link->subLinkType == ANY_SUBLINK && test != NULL && IsA(test, OpExpr) &&
		   list_length(test->args) == 2 &&
		   op_mergejoinable(test->opno, exprType(linitial(test->args))) &&
		   IsA(usage_without_casts(linitial(test->args)), Var) && query->targetList != NIL &&
		   IsA(usage_without_casts((Node *) linitial_node(TargetEntry, query->targetList)->expr),
			   Var);
}

/* of a query that has got its condition: its groups are of enough, whatever it asks of their rows */
static bool
shows_groups(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return (IsA(node, Aggref) && catalog_is_own_function(((Aggref *) node)->aggfnoid)) ||
		   expression_tree_walker(node, shows_groups, context);
}

/*
 * What a query asks of the rows that it reads.  Policies are not asked about, nor is what rows are
 * only sorted by.
 *	results		so is what it returns
 */
static void
ask_query(Query *query, const Block *outer, bool results, Asked *asked)
{
	Block inner = {.outer = outer, .query = query};
	ListCell *lc;

	if (shows_groups(query->havingQual, NULL))
		return;
	ask_in(&inner, (Node *) query->jointree, asked);
	ask_in(&inner, query->havingQual, asked);
	ask_in(&inner, (Node *) list_make2(query->limitCount, query->limitOffset), asked);
	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (results && !(entry->resjunk && IsA(entry->expr, Var)))
			ask_in(&inner, (Node *) entry->expr, asked);
	}
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const Block *owner = &inner;
		Query *read = rte->rtekind == RTE_SUBQUERY ? rte->subquery : NULL;

		if (rte->rtekind == RTE_CTE)
			read = usage_query_of_cte(rte, &inner, &owner);
		if (read != NULL)
			ask_query(read, owner, false, asked);
		else if (rte->rtekind != RTE_RELATION && rte->rtekind != RTE_JOIN &&
				 rte->rtekind != RTE_RESULT)
			ask_unknown(asked);
	}
}

static void
ask_sublink(const SubLink *link, Asked *asked)
{
	bool tied = ties_by_result(link);

	if (!tied)
		(void) ask(link->testexpr, asked);
	ask_query(castNode(Query, link->subselect), asked->block,
			  !tied && link->subLinkType != EXISTS_SUBLINK, asked);
}

/* all that is asked at once, but for what ties relations to each other */
static void
ask_conjuncts(Node *quals, Asked *asked)
{
	ListCell *lc;

	foreach (lc, make_ands_implicit((Expr *) quals))
		if (!ties(lfirst(lc)))
			(void) ask(lfirst(lc), asked);
}

static bool
ask(Node *node, Asked *asked)
{
	const Aggref *aggregate = (Aggref *) node;

	if (node == NULL || IsA(node, RangeTblRef))
		return false;
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (IsA(node, Var))
		ask_column((Var *) node, asked);
	else if (IsA(node, SubLink))
		ask_sublink((SubLink *) node, asked);
	/* how many rows there are is not which */
	else if (IsA(node, Aggref) && (aggregate->aggfnoid == F_COUNT_ ||
								   (aggregate->aggfnoid == F_COUNT_ANY &&
									IsA(linitial_node(TargetEntry, aggregate->args)->expr, Var))))
	{
		asked->other = true;
		return ask((Node *) aggregate->aggfilter, asked);
	}
	else if (IsA(node, FromExpr))
	{
		(void) ask((Node *) ((FromExpr *) node)->fromlist, asked);
		ask_conjuncts(((FromExpr *) node)->quals, asked);
	}
	else if (IsA(node, JoinExpr))
	{
		(void) ask(((JoinExpr *) node)->larg, asked);
		(void) ask(((JoinExpr *) node)->rarg, asked);
		ask_conjuncts(((JoinExpr *) node)->quals, asked);
	}
	else
		return expression_tree_walker(node, ask, asked);
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

/* usage_value_mixes_keys -- is a value made of who somebody is, and something else? */
bool
usage_value_mixes_keys(Node *expr, const Block *block)
{
	Asked asked = {.block = block};

	(void) ask(expr, &asked);
	if (checkExprHasSubLink(expr))
		return asked.key || asked.row;
	/* "the first thousand rows, or any of his" weighs him more than others, too */
	return ((asked.key || asked.row) && asked.other) || (asked.key && asked.row);
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
	/*
	 * A subquery is about the same person, and its conditions are as if they stood here.  Not so if
	 * it is negated: "he, and he earns less" is then what the others are not.
	 */
	if (IsA(quals, SubLink) &&
		(((SubLink *) quals)->subLinkType == EXISTS_SUBLINK || ties_by_result((SubLink *) quals)))
		return false;
	/* a join by the key */
	if (ties(quals))
		return false;
	return usage_value_mixes_keys(quals, block);
}

/* what a side of a join asks that may be lacking */
static void
ask_side(Node *node, const Block *block, Asked *asked)
{
	const Block *owner = block;
	RangeTblEntry *rte;
	Query *query;

	if (IsA(node, JoinExpr))
	{
		ask_side(((JoinExpr *) node)->larg, block, asked);
		ask_side(((JoinExpr *) node)->rarg, block, asked);
		ask_conjuncts(((JoinExpr *) node)->quals, asked);
		return;
	}
	rte = rt_fetch(castNode(RangeTblRef, node)->rtindex, block->query->rtable);
	query = rte->rtekind == RTE_SUBQUERY ? rte->subquery : NULL;
	if (rte->rtekind == RTE_CTE)
		query = usage_query_of_cte(rte, block, &owner);
	if (query != NULL)
		ask_query(query, owner, false, asked);
}

/*
 * Who lacks a match of an outer join is there as well, and asked about it: so its conditions, and those
 * of what may be lacking, do not ask who it is at all.
 */
static bool
join_mixes_keys(const JoinExpr *join, const Block *block)
{
	Asked asked = {.block = block};

	if (join->jointype == JOIN_INNER)
		return usage_mixes_keys(join->quals, block);
	ask_conjuncts(join->quals, &asked);
	if (join->jointype != JOIN_RIGHT)
		ask_side(join->rarg, block, &asked);
	if (join->jointype != JOIN_LEFT)
		ask_side(join->larg, block, &asked);
	return asked.key || asked.row;
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
			   join_mixes_keys((JoinExpr *) node, block);
	return true;
}
