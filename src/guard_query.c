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
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_class.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "utils/lsyscache.h"

static void
attach_read_policy(Query *query, RangeTblEntry *rte, Index varno, const ProtectedRelation *entry)
{
	List *quals = policy_read_quals(entry, rte->relid, varno);
	ListCell *lc;

	/* ours first: an owner's restrictive policy must not see hidden rows */
	foreach (lc, rte->securityQuals)
	{
		Node *qual = lfirst(lc);

		if (!policy_is_on(qual, quals, NIL))
			continue;
		rte->securityQuals = foreach_delete_current(rte->securityQuals, lc);
		rte->securityQuals = lcons(qual, rte->securityQuals);
		return;
	}
	rte->securityQuals = lcons(make_ands_explicit(quals), rte->securityQuals);
	query->hasRowSecurity = true;
}

static bool
has_check(Query *query, WCOKind kind, List *quals)
{
	ListCell *lc;

	foreach (lc, query->withCheckOptions)
	{
		WithCheckOption *wco = lfirst(lc);

		if (wco->kind == kind && policy_is_on(wco->qual, quals, NIL))
			return true;
	}
	return false;
}

static void
attach_check(Query *query, RangeTblEntry *rte, WCOKind kind, List *quals)
{
	WithCheckOption *wco;

	if (has_check(query, kind, quals))
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
 * below it.
 */
void
guard_query(Query *query)
{
	Index varno = 0;
	ListCell *lc;

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
}
