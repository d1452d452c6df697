/*
 * policy_traces.c
 *	  What a statement does besides giving rows must not tell which hidden ones it met
 *	  before the policy was asked: an index is looked up before.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "policy.h"
#include "storage/predicate.h"
#include "tcop/tcopprot.h"
#include "utils/rel.h"

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
 */
void
policy_lock_whole(EState *state)
{
	ListCell *lc;

	if (!IsolationIsSerializable())
		return;
	foreach (lc, state->es_range_table)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && protected_relation(rte->relid) != NULL)
			lock_whole(rte->relid, state->es_snapshot);
	}
	for (int i = CATALOG_PURPOSES; i <= CATALOG_CONSENT_AGENDA; i++)
		lock_whole(catalog_table_oid(i), state->es_snapshot);
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
