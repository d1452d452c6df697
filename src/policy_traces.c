/*
 * policy_traces.c
 *	  What a statement does besides giving rows must not tell which hidden ones it met
 *	  before the policy was asked: an index is looked up before.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog.h"
#include "executor/executor.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static bool
is_stored(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION &&
		   (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_PARTITIONED_TABLE ||
			rte->relkind == RELKIND_MATVIEW);
}

static void
lock_whole(Oid relid, Snapshot snapshot)
{
	Relation relation = table_open(relid, AccessShareLock);
	ListCell *lc;

	PredicateLockRelation(relation, snapshot);
	foreach (lc, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		PredicateLockRelation(index, snapshot);
		index_close(index, NoLock);
	}
	table_close(relation, NoLock);
}

/*
 * policy_lock_whole -- at executor start: under SERIALIZABLE, a reader's locks are those of
 * whole relations, its own and those that the policy reads.  Core's would name the pages
 * and rows that an index led to, or that the policy then asked about, in pg_locks and in
 * which writers come to conflict with the reader.
 *	all		those of others, too: whether they are read depends on rows that are not shown
 */
void
policy_lock_whole(EState *state, bool all)
{
	ListCell *lc;

	if (!IsolationIsSerializable())
		return;
	foreach (lc, state->es_range_table)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (is_stored(rte) && (all || protected_relation(rte->relid) != NULL))
			lock_whole(rte->relid, state->es_snapshot);
	}
	for (int i = CATALOG_PURPOSES; i <= CATALOG_CONSENT_AGENDA; i++)
		lock_whole(catalog_table_oid(i), state->es_snapshot);
}

/*
 * policy_compile -- at executor start: expressions are compiled when the first is asked,
 * which takes time and says so.  Ask one that every statement has.
 */
void
policy_compile(PlanState *state)
{
	ExprState *anything;
	bool isnull;

	if (state == NULL || (state->state->es_jit_flags & PGJIT_PERFORM) == 0)
		return;
	anything = ExecInitExpr((Expr *) makeBoolConst(true, false), state);
	(void) ExecEvalExprSwitchContext(anything, GetPerTupleExprContext(state->state), &isnull);
}

/* ---- long values, which lie in a table of their own ---- */

static bool
reads_long(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* of a whole row all are */
	if (IsA(node, Var))
		return ((Var *) node)->varattno == 0 || get_typlen(((Var *) node)->vartype) == -1;
	return expression_tree_walker(node, reads_long, NULL);
}

/* policy_reads_long -- may these clauses fetch a value that lies elsewhere? */
bool
policy_reads_long(List *quals)
{
	return reads_long((Node *) quals, NULL);
}

static void
lock_long(Oid relid)
{
	Relation relation = table_open(relid, AccessShareLock);
	Oid toast = relation->rd_rel->reltoastrelid;
	Relation values;
	ListCell *lc;

	table_close(relation, NoLock);
	if (!OidIsValid(toast))
		return;
	values = table_open(toast, AccessShareLock);
	foreach (lc, RelationGetIndexList(values))
		index_close(index_open(lfirst_oid(lc), AccessShareLock), NoLock);
	table_close(values, NoLock);
}

/*
 * policy_lock_long -- at executor start: what long values lie in is locked and opened here, and
 * not when the first row has one: whoever must wait for REINDEX does so before.
 *	all		as of policy_lock_whole()
 */
void
policy_lock_long(const PlannedStmt *plan, bool all)
{
	ListCell *lc;

	/* a worker's leader has them */
	if (IsParallelWorker())
		return;
	foreach (lc, plan->invalItems)
		if (lfirst_node(PlanInvalItem, lc)->cacheId == MARK_LONG)
			lock_long(lfirst_node(PlanInvalItem, lc)->hashValue);
	foreach (lc, all ? plan->rtable : NIL)
		if (is_stored(lfirst_node(RangeTblEntry, lc)))
			lock_long(lfirst_node(RangeTblEntry, lc)->relid);
}

/* What a row's clauses may need, and what each node of the plan above them does, in bytes. */
#define STACK_FOR_CLAUSES (64 * 1024)
#define STACK_FOR_NODE 1024

static pg_noinline void
use_stack(Size more)
{
	volatile char room[8 * 1024];

	/* at each step: a statement may be given much, and the kernel ends the process */
	check_stack_depth();
	room[0] = 0;
	if (more > sizeof(room))
		use_stack(more - sizeof(room));
	room[sizeof(room) - 1] = room[0];
}

/*
 * policy_leave_stack -- before a statement goes on, or the planner asks its operators about
 * kept values: raise for want of stack here, whatever the rows are, and not where a hidden one
 * has something that must be looked at more deeply.
 *	depth		of the plan below, in nodes
 */
void
policy_leave_stack(int depth)
{
	Size all = (Size) max_stack_depth * 1024;
	Size needed = STACK_FOR_CLAUSES + (Size) depth * STACK_FOR_NODE;

	use_stack(Min(needed, all / 2));
}
