/*
 * present_walk.c
 *	  At a glance: a statement, or a function, that has nothing to do with encrypted columns.
 *
 * Every statement of every client is asked about.  A column comes from an entry of a range table,
 * so these are looked at, and expressions only where there are queries in them.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "present.h"
#include "tcop/utility.h"
#include "utils/syscache.h"

typedef bool (*EntryTest)(const RangeTblEntry *rte);

typedef struct EntrySearch
{
	EntryTest test;
} EntrySearch;

static bool
entry_walker(Node *node, EntrySearch *search)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return present_any_entry((Query *) node, search->test);
	return expression_tree_walker(node, entry_walker, search);
}

/* present_any_entry -- of the range tables of a statement and of all queries in it */
bool
present_any_entry(Query *query, EntryTest test)
{
	EntrySearch search = {test};
	ListCell *lc;

	check_stack_depth();
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (test(rte) || (rte->rtekind == RTE_SUBQUERY && present_any_entry(rte->subquery, test)))
			return true;
	}
	foreach (lc, query->cteList)
		if (entry_walker(lfirst_node(CommonTableExpr, lc)->ctequery, &search))
			return true;
	return query->hasSubLinks &&
		   query_tree_walker(query, entry_walker, &search,
							 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
}

/* nothing that core brings is encrypted */
static bool
any_added(const List *types)
{
	ListCell *lc;

	foreach (lc, types)
		if (lfirst_oid(lc) >= FirstNormalObjectId)
			return true;
	return false;
}

static bool
any_result_added(const List *targets)
{
	ListCell *lc;

	foreach (lc, targets)
		if (exprType((Node *) lfirst_node(TargetEntry, lc)->expr) >= FirstNormalObjectId)
			return true;
	return false;
}

static bool
entry_has_added(const RangeTblEntry *rte)
{
	ListCell *lc;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return catalog_has_added_types(rte->relid);
		case RTE_SUBQUERY:
			return any_result_added(rte->subquery->targetList);
		case RTE_FUNCTION:
			foreach (lc, rte->functions)
			{
				const RangeTblFunction *function = lfirst_node(RangeTblFunction, lc);

				if (exprType(function->funcexpr) >= FirstNormalObjectId ||
					any_added(function->funccoltypes))
					return true;
			}
			return false;
		case RTE_JOIN:
		case RTE_RESULT:
			return false;
		default:
			return any_added(rte->coltypes);
	}
}

/*
 * present_may_use_encrypted -- false: no column, parameter or result of a statement is encrypted
 */
bool
present_may_use_encrypted(const ParseState *state, Query *query)
{
	if (query->commandType == CMD_UTILITY)
		query = UtilityContainsQuery(query->utilityStmt);
	if (query == NULL)
		return false;
	/* parameters whose types are inferred are known; others may be variables */
	if (state->p_coerce_param_hook != NULL ? compat_any_parameter(state->p_ref_hook_state) :
											 state->p_paramref_hook != NULL)
		return true;
	return any_result_added(query->targetList) || any_result_added(query->returningList) ||
		   present_any_entry(query, entry_has_added);
}

/*
 * present_keeps_from_inlining -- for core's needs_fmgr_hook: a SQL function of rows with encrypted
 * columns.  Where core inlines one it analyses its text and asks no hook, so that fields of the rows
 * would not be opened.  One that was analysed when it was made has no text.
 */
bool
present_keeps_from_inlining(Oid function)
{
	HeapTuple tuple;
	Form_pg_proc form;
	bool result = false;

	if (function < FirstNormalObjectId || !catalog_installed())
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	if (form->prolang == SQLlanguageId && heap_attisnull(tuple, Anum_pg_proc_prosqlbody, NULL))
		for (int i = 0; i < form->pronargs && !result; i++)
			result = encrypted_holds(form->proargtypes.values[i]);
	ReleaseSysCache(tuple);
	return result;
}
