/*
 * guard_query.c
 *	  Before planning: every protected relation anywhere in the statement's
 *	  tree must carry the row policy.
 *
 * Core's rewriter adds it (policy_qual.c) except where it skips row security:
 * for superusers and BYPASSRLS, a view's owner who has either, and children
 * named directly.  Here it is attached where it is missing, to reads and to
 * every kind of write check.  `row_security = off` is decided when the
 * statement runs, never here, because plans are kept.
 *
 * Exempt are core's own referential queries, by shape: a foreign key must see
 * all rows, but a trigger fired by a cascade must not.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "utils/lsyscache.h"

bool guard_validating = false;

/* ---- core's referential queries ---- */

/* anything but a comparison of columns and parameters? */
static bool
not_referential(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Param:
		case T_Const:
		case T_RelabelType:
		case T_CollateExpr:
		case T_NullTest:
		case T_List:
			break;
		case T_OpExpr:
			/* an operator of a user would be shown the rows */
			if (((OpExpr *) node)->opno >= FirstNormalObjectId)
				return true;
			break;
		case T_BoolExpr:
			if (((BoolExpr *) node)->boolop != AND_EXPR)
				return true;
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcformat != COERCE_IMPLICIT_CAST ||
				((FuncExpr *) node)->funcid >= FirstNormalObjectId)
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, not_referential, context);
}

/* the conditions of such a query may be ORed */
static bool
not_validation(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, BoolExpr) || IsA(node, List))
		return expression_tree_walker(node, not_validation, context);
	return not_referential(node, context);
}

/*
 * The query by which core validates a foreign key: rows of one table left
 * joined to another by their keys, where there is none.  It must see all rows.
 */
static bool
is_validation(Query *query)
{
	ListCell *lc;

	if (!guard_validating || query->commandType != CMD_SELECT || list_length(query->rtable) != 3 ||
		query->hasAggs || query->hasSubLinks || query->cteList != NIL || query->jointree == NULL ||
		list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), JoinExpr) ||
		linitial_node(JoinExpr, query->jointree->fromlist)->jointype != JOIN_LEFT ||
		not_referential(linitial_node(JoinExpr, query->jointree->fromlist)->quals, NULL) ||
		not_validation(query->jointree->quals, NULL))
		return false;
	foreach (lc, query->targetList)
		if (!IsA(lfirst_node(TargetEntry, lc)->expr, Var))
			return false;
	return true;
}

/* take out what core's rewriter has put in for an owner under FORCE */
static void
drop_policy(Query *query)
{
	Index varno = 0;
	ListCell *lc;

	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const ProtectedRelation *entry =
			rte->rtekind == RTE_RELATION ? protected_relation(rte->relid) : NULL;
		ListCell *qual;

		varno++;
		if (entry == NULL)
			continue;
		foreach (qual, rte->securityQuals)
			if (policy_is_on(lfirst(qual), entry, rte->relid, varno, NIL))
				rte->securityQuals = foreach_delete_current(rte->securityQuals, qual);
	}
}

static bool
is_referential(Query *query)
{
	ListCell *lc;

	if (is_validation(query))
	{
		drop_policy(query);
		return true;
	}
	if (!InNoForceRLSOperation() || list_length(query->rtable) != 1 || query->cteList != NIL ||
		query->returningList != NIL || query->hasSubLinks || query->hasAggs ||
		query->jointree == NULL || query->jointree->quals == NULL ||
		not_referential(query->jointree->quals, NULL))
		return false;
	if (query->commandType == CMD_SELECT)
	{
		if (query->rowMarks == NIL || list_length(query->targetList) != 1 ||
			(!IsA(linitial_node(TargetEntry, query->targetList)->expr, Const) &&
			 !policy_carrying_subject))
			return false;
	}
	else if (query->commandType == CMD_UPDATE)
	{
		foreach (lc, query->targetList)
		{
			Node *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

			if (!IsA(expr, Param) && not_referential(expr, NULL))
				return false;
		}
	}
	else if (query->commandType != CMD_DELETE)
		return false;
	return true;
}

/* ---- attaching what is missing ---- */

static void
attach_read_policy(Query *query, RangeTblEntry *rte, Index varno, const ProtectedRelation *entry)
{
	ListCell *lc;
	List *quals;

	/* ours first: an owner's restrictive policy must not see hidden rows */
	foreach (lc, rte->securityQuals)
	{
		Node *qual = lfirst(lc);

		if (!policy_is_on(qual, entry, rte->relid, varno, NIL))
			continue;
		rte->securityQuals = foreach_delete_current(rte->securityQuals, lc);
		rte->securityQuals = lcons(qual, rte->securityQuals);
		return;
	}
	quals = policy_read_quals(entry, rte->relid, varno);
	rte->securityQuals = lcons(make_ands_explicit(quals), rte->securityQuals);
	query->hasRowSecurity = true;
}

static bool
has_check(Query *query, RangeTblEntry *rte, WCOKind kind)
{
	const ProtectedRelation *entry = protected_relation(rte->relid);

	ListCell *lc;

	foreach (lc, query->withCheckOptions)
	{
		WithCheckOption *wco = lfirst(lc);

		if (wco->kind == kind && entry != NULL &&
			policy_is_on(wco->qual, entry, rte->relid, query->resultRelation, NIL))
			return true;
	}
	return false;
}

static void
attach_check(Query *query, RangeTblEntry *rte, WCOKind kind, List *quals)
{
	WithCheckOption *wco;

	if (has_check(query, rte, kind))
		return;
	wco = makeNode(WithCheckOption);
	wco->kind = kind;
	wco->relname = get_rel_name(rte->relid);
	wco->polname = pstrdup("privseg");
	wco->qual = (Node *) make_ands_explicit(quals);
	wco->cascaded = false;
	query->withCheckOptions = lcons(wco, query->withCheckOptions);
	query->hasRowSecurity = true;
}

/* the write checks of the result relation, as core's rewriter would build them */
static void
attach_write_checks(Query *query, RangeTblEntry *rte, Index varno, const ProtectedRelation *entry)
{
	ListCell *lc;
	bool inserts = query->commandType == CMD_INSERT;
	bool updates = query->commandType == CMD_UPDATE;

	if (query->commandType == CMD_MERGE)
	{
		foreach (lc, query->mergeActionList)
		{
			MergeAction *action = lfirst_node(MergeAction, lc);

			inserts = inserts || action->commandType == CMD_INSERT;
			if (action->commandType == CMD_UPDATE)
			{
				updates = true;
				attach_check(query, rte, WCO_RLS_MERGE_UPDATE_CHECK,
							 policy_read_quals(entry, rte->relid, varno));
			}
			if (action->commandType == CMD_DELETE)
				attach_check(query, rte, WCO_RLS_MERGE_DELETE_CHECK,
							 policy_read_quals(entry, rte->relid, varno));
		}
	}
	if (query->onConflict != NULL && query->onConflict->action == ONCONFLICT_UPDATE)
	{
		updates = true;
		attach_check(query, rte, WCO_RLS_CONFLICT_CHECK,
					 policy_read_quals(entry, rte->relid, varno));
	}
	if (inserts)
		attach_check(query, rte, WCO_RLS_INSERT_CHECK,
					 policy_write_quals(entry, rte->relid, varno));
	if (updates)
		attach_check(query, rte, WCO_RLS_UPDATE_CHECK,
					 policy_write_quals(entry, rte->relid, varno));

	/* checks on the new row that core made of the SELECT policy (see there) */
	foreach (lc, query->withCheckOptions)
	{
		WithCheckOption *wco = lfirst(lc);

		if (wco->kind == WCO_RLS_INSERT_CHECK || wco->kind == WCO_RLS_UPDATE_CHECK)
			wco->qual = policy_reads_to_writes(wco->qual);
	}
}

static bool
guard_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		guard_query((Query *) node);
		return false;
	}
	return expression_tree_walker(node, guard_walker, context);
}

/*
 * guard_query -- make sure of the row policy in a statement and everything
 * below it.  Returns true when the statement is one of core's referential
 * queries, which are left alone.
 */
bool
guard_query(Query *query)
{
	Index varno = 0;
	ListCell *lc;

	if (is_referential(query))
		return true;
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const ProtectedRelation *entry;
		ProtectedRelation copy;

		varno++;
		/* EXCLUDED of ON CONFLICT is entered as a composite type: not a table */
		if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_COMPOSITE_TYPE)
			continue;
		entry = protected_relation(rte->relid);
		if (entry == NULL)
			continue;
		copy = *entry;
		if (query->resultRelation == (int) varno)
			attach_write_checks(query, rte, varno, &copy);
		if (query->resultRelation != (int) varno || query->commandType != CMD_INSERT)
			attach_read_policy(query, rte, varno, &copy);
	}
	query_tree_walker(query, guard_walker, NULL, 0);
	return false;
}
