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

#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "encrypted.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/prep.h"
#include "policy.h"
#include "policy_reviewed.h"
#include "rewrite/rowsecurity.h"
#include "usage.h"
#include "utils/lsyscache.h"

/*
 * Where rows are written through security barrier views, core puts the views' conditions behind the
 * policies of what is written to.  Which are policies, it says itself.
 */
static void
mark_conditions(Query *query, RangeTblEntry *rte, Index varno)
{
	List *policies;
	List *checks;
	bool has_policies;
	bool has_sublinks;
	ListCell *lc;

	if (rte->securityQuals == NIL || query->resultRelation != (int) varno ||
		!usage_is_through_view(query))
		return;
	get_row_security_policies(query, rte, varno, &policies, &checks, &has_policies, &has_sublinks);
	for_each_from (lc, rte->securityQuals, list_length(policies))
		lfirst(lc) = policy_mark_condition(lfirst(lc));
}

static void
attach_read_policy(Query *query, RangeTblEntry *rte, Index varno, const ProtectedRelation *entry)
{
	List *quals = policy_read_quals(entry, rte->relid, varno);
	ListCell *lc;

	mark_conditions(query, rte, varno);
	/*
	 * Ours first: an owner's restrictive policy must not see hidden rows.  Only
	 * what is ours to the letter: a qual that holds more would come first, too.
	 */
	foreach (lc, rte->securityQuals)
		if (policy_is(lfirst(lc), quals))
			rte->securityQuals = foreach_delete_current(rte->securityQuals, lc);
	rte->securityQuals = lcons(make_ands_explicit(quals), rte->securityQuals);
	query->hasRowSecurity = true;
}

/* ours is checked first, for the same reason */
static void
attach_check(Query *query, RangeTblEntry *rte, WCOKind kind, List *quals, List *alike)
{
	WithCheckOption *wco;
	ListCell *lc;

	foreach (lc, query->withCheckOptions)
	{
		wco = lfirst_node(WithCheckOption, lc);
		/* what core has attached does not know an insert from an update */
		if (wco->kind == kind && (policy_is(wco->qual, quals) || policy_is(wco->qual, alike)))
			query->withCheckOptions = foreach_delete_current(query->withCheckOptions, lc);
	}
	wco = makeNode(WithCheckOption);
	wco->kind = kind;
	wco->relname = get_rel_name(rte->relid);
	wco->polname = pstrdup("privseg");
	wco->qual = (Node *) make_ands_explicit(quals);
	wco->cascaded = false;
	query->withCheckOptions = lcons(wco, query->withCheckOptions);
	query->hasRowSecurity = true;
}

/*
 * ON CONFLICT finds a row by the tag of a searchable column, whose it is is in RETURNING: so the
 * role must be cleared to look for it, and a row of a subject whose key is gone is not shown.
 */
static void
attach_search_checks(Query *query, RangeTblEntry *rte)
{
	ListCell *lc;

	foreach (lc, query->onConflict->arbiterElems)
	{
		Node *column = lfirst_node(InferenceElem, lc)->expr;

		/* there is no index of an expression over them, and core says so */
		if (!IsA(column, Var) || encrypted_code(getBaseType(exprType(column))) == ENCRYPTED_NONE)
			continue;
		if (query->onConflict->action == ONCONFLICT_UPDATE)
			attach_check(query, rte, WCO_RLS_CONFLICT_CHECK, list_make1(asks_for_key(column)), NIL);
		attach_check(query, rte, WCO_RLS_INSERT_CHECK,
					 list_make1(guard_may_find(rte->relid, castNode(Var, column))), NIL);
	}
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
							 policy_read_quals(entry, rte->relid, varno), NIL);
			}
			if (action->commandType == CMD_DELETE)
				attach_check(query, rte, WCO_RLS_MERGE_DELETE_CHECK,
							 policy_read_quals(entry, rte->relid, varno), NIL);
		}
	}
	if (query->onConflict != NULL && query->onConflict->action == ONCONFLICT_UPDATE)
	{
		updates = true;
		attach_check(query, rte, WCO_RLS_CONFLICT_CHECK,
					 policy_conflict_quals(entry, rte->relid, varno),
					 policy_read_quals(entry, rte->relid, varno));
	}
	if (inserts)
		attach_check(query, rte, WCO_RLS_INSERT_CHECK,
					 policy_insert_quals(entry, rte->relid, varno),
					 policy_update_quals(entry, rte->relid, varno));
	if (updates)
		attach_check(query, rte, WCO_RLS_UPDATE_CHECK,
					 policy_update_quals(entry, rte->relid, varno), NIL);
	if (query->onConflict != NULL)
		attach_search_checks(query, rte);

	/* checks on the new row that core made of the SELECT policy (see there) */
	if (!policy_is_subject_table(entry, rte->relid))
		return;
	foreach (lc, query->withCheckOptions)
	{
		WithCheckOption *wco = lfirst(lc);

		if (wco->kind == WCO_RLS_INSERT_CHECK || wco->kind == WCO_RLS_UPDATE_CHECK)
			wco->qual = policy_reads_to_writes(wco->qual);
	}
}

/*
 * SQL functions that return sets are inlined inside the planner, after this: the
 * same is done here, so that what comes out is guarded.
 */
static void
inline_functions(Query *query, PlannerGlobal *global)
{
	PlannerInfo *root;
	ListCell *lc;

	foreach (lc, query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_FUNCTION)
			break;
	if (lc == NULL)
		return;
	root = makeNode(PlannerInfo);
	root->parse = query;
	root->glob = global;
	root->query_level = 1;
	root->planner_cxt = CurrentMemoryContext;
	preprocess_function_rtes(root);
}

static void
use_function(Oid function, QueryUses *uses)
{
	if (function >= FirstNormalObjectId)
		uses->added = true;
	else if (guard_counts_rows(function))
		uses->counters = true;
}

/* every statement pays for this, so it is the only walk where nothing is found */
static bool
guard_walker(Node *node, QueryUses *uses)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			uses->added = uses->added || ((Var *) node)->vartype >= FirstNormalObjectId;
			if (((Var *) node)->varattno == MaxTransactionIdAttributeNumber)
				uses->counters = true;
			return false;
		case T_Const:
		case T_Param:
		case T_RangeTblRef:
			return false;
		case T_TargetEntry:
			return guard_walker((Node *) ((TargetEntry *) node)->expr, uses);
		case T_Query:
			guard_query((Query *) node, uses);
			return false;
		case T_FuncExpr:
			use_function(((FuncExpr *) node)->funcid, uses);
			break;
		case T_Aggref:
			use_function(((Aggref *) node)->aggfnoid, uses);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			uses->added = uses->added || ((OpExpr *) node)->opno >= FirstNormalObjectId;
			break;
		case T_ScalarArrayOpExpr:
			uses->added = uses->added || ((ScalarArrayOpExpr *) node)->opno >= FirstNormalObjectId;
			encrypted_open_list((ScalarArrayOpExpr *) node);
			break;
		default:
			break;
	}
	return expression_tree_walker(node, guard_walker, uses);
}

static void
use_relation(const RangeTblEntry *rte, QueryUses *uses)
{
	if (rte->relid == AttributeRelationId)
		uses->attributes = true;
	else if (guard_counts(rte->relid))
		uses->counters = true;
	else if ((rte->relid < FirstNormalObjectId || rte->relkind == RELKIND_TOASTVALUE) &&
			 guard_keeps_statistics(rte->relid))
		uses->statistics = true;
}

/*
 * guard_query -- make sure of the row policy in a statement and everything below it, and find what
 * else is to be done about it.
 */
void
guard_query(Query *query, QueryUses *uses)
{
	Index varno = 0;
	ListCell *lc;

	check_stack_depth();
	inline_functions(query, uses->global);
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const ProtectedRelation *entry;
		ProtectedRelation copy;

		varno++;
		/* EXCLUDED of ON CONFLICT is entered as a composite type: not a table */
		if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_COMPOSITE_TYPE)
			continue;
		use_relation(rte, uses);
		entry = protected_relation(rte->relid);
		if (entry == NULL)
		{
			if (query->resultRelation == (int) varno)
				guard_bound_write(query, rte, varno);
			continue;
		}
		copy = *entry;
		uses->is_protected = true;
		/* it may be planned and not run */
		guard_planned();
		if (query->resultRelation == (int) varno)
			attach_write_checks(query, rte, varno, &copy);
		if (query->resultRelation != (int) varno || query->commandType != CMD_INSERT)
			attach_read_policy(query, rte, varno, &copy);
	}
	query_tree_walker(query, guard_walker, uses, 0);
}
