/*
 * guard_plan.c
 *	  After planning: every scan of a protected relation carries the policy, or
 *	  the statement is refused.  Before running: the role is cleared.
 *
 * The first is the net under guard_query.c.  SQL functions are inlined, and
 * inheritance is expanded, inside the planner; whatever came to the plan that
 * way without its policy ends here.
 */
#include "compat.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "policy_promote.h"
#include "policy_reviewed.h"
#include "replication/walsender.h"
#include "usage.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* a qual that cannot tell of a row it is asked about */
static bool
tells_nothing(Node *qual)
{
	return leakproof_clause(qual) || reviewed_clause(qual) || tag_condition_tells_nothing(qual);
}

static bool
all_are(List *expressions, bool (*test)(Node *expression))
{
	ListCell *lc;

	foreach (lc, expressions)
		if (!test(lfirst(lc)))
			return false;
	return true;
}

/* what runs before the scan's own quals do */
static bool
lookup_tells_nothing(Plan *node)
{
	switch (nodeTag(node))
	{
		case T_IndexScan:
			return all_are(((IndexScan *) node)->indexqualorig, tells_nothing) &&
				   all_are(((IndexScan *) node)->indexorderbyorig, order_is_reviewed);
		case T_IndexOnlyScan:
			return all_are(((IndexOnlyScan *) node)->indexqual, tells_nothing);
		case T_BitmapHeapScan:
			return all_are(((BitmapHeapScan *) node)->bitmapqualorig, tells_nothing);
		case T_TidScan:
			return all_are(((TidScan *) node)->tidquals, tells_nothing);
		case T_TidRangeScan:
			return all_are(((TidRangeScan *) node)->tidrangequals, tells_nothing);
		default:
			return true;
	}
}

/* of subqueries in the plan that are run when they are asked for */
static Bitmapset *lazy_parameters = NULL;

/*
 * What is asked before the policy must not be noticed, not even by when it is asked: the
 * rest of the scan's quals comes after it.  Their order means nothing, but for what is asked
 * of rows that an index on tags has found: it says nothing of a key that is gone, where what was
 * written would.  Returns what is asked before.
 */
static List *
put_policy_first(Plan *node, List *policy, List *index_columns)
{
	List *silent = NIL;
	List *ours = NIL;
	List *of_tags = NIL;
	List *others = NIL;
	ListCell *lc;

	foreach (lc, node->qual)
	{
		if (policy_holds(lfirst(lc), policy, index_columns))
			ours = lappend(ours, lfirst(lc));
		else if (rechecks_tags(lfirst(lc)))
			of_tags = lappend(of_tags, lfirst(lc));
		else if (others == NIL && ours == NIL && silent_clause(lfirst(lc), lazy_parameters))
			silent = lappend(silent, lfirst(lc));
		else
			others = lappend(others, lfirst(lc));
	}
	node->qual = list_concat(list_concat(list_copy(silent), ours), list_concat(of_tags, others));
	return silent;
}

static void
mark_shared(Plan *node, bool shared)
{
	if (IsA(node, BitmapIndexScan))
		((BitmapIndexScan *) node)->isshared = shared;
	else if (IsA(node, BitmapOr))
	{
		((BitmapOr *) node)->isshared = shared;
		mark_shared(linitial(((BitmapOr *) node)->bitmapplans), shared);
	}
	else if (IsA(node, BitmapAnd))
		mark_shared(linitial(((BitmapAnd *) node)->bitmapplans), shared);
}

static bool order_bitmaps(Plan *node, bool shared);

/*
 * A bitmap that is empty spares core the next one of an AND, and with it the values that
 * this would be looked up by.  If their making can be noticed, so can a row.  So one of
 * these comes first, and others are left out: what they ask is asked of the rows.
 */
static bool
order_and(BitmapAnd *node, bool shared)
{
	List *noticed = NIL;
	List *silent = NIL;
	ListCell *lc;

	foreach (lc, node->bitmapplans)
	{
		if (shared)
			mark_shared(lfirst(lc), false);
		if (order_bitmaps(lfirst(lc), false))
			noticed = lappend(noticed, lfirst(lc));
		else
			silent = lappend(silent, lfirst(lc));
	}
	if (noticed != NIL)
		silent = lcons(linitial(noticed), silent);
	node->bitmapplans = silent;
	if (shared)
		mark_shared(linitial(silent), true);
	return noticed != NIL;
}

/* returns whether it can be noticed that it runs */
static bool
order_bitmaps(Plan *node, bool shared)
{
	bool noticed = false;
	ListCell *lc;

	if (IsA(node, BitmapAnd))
		return order_and((BitmapAnd *) node, shared);
	if (IsA(node, BitmapOr))
	{
		foreach (lc, ((BitmapOr *) node)->bitmapplans)
			noticed |= order_bitmaps(lfirst(lc), false);
		return noticed;
	}
	foreach (lc, castNode(BitmapIndexScan, node)->indexqualorig)
		noticed |= !silent_clause(lfirst(lc), lazy_parameters);
	return noticed;
}

/*
 * Core rechecks what a lossy index has found before it asks anything else.  What can be
 * noticed is taken out, and asked of the rows that the policy lets through.
 */
static List *
recheck_last(List **rechecked, List *quals)
{
	List *silent = NIL;
	ListCell *lc;

	foreach (lc, *rechecked)
		if (silent_clause(lfirst(lc), lazy_parameters))
			silent = lappend(silent, lfirst(lc));
		else if (compares_tags(lfirst(lc)))
			quals = lappend(quals, recheck_of_tags(lfirst(lc)));
		else
			quals = lappend(quals, lfirst(lc));
	*rechecked = silent;
	return quals;
}

/* what an index on tags was asked, to be asked again of the rows that the policy lets through */
static List *
tag_conditions(List *conditions)
{
	List *of_tags = NIL;
	ListCell *lc;

	foreach (lc, conditions)
		if (compares_tags(lfirst(lc)))
			of_tags = lappend(of_tags, recheck_of_tags(lfirst(lc)));
	return of_tags;
}

/* returns what is still rechecked before all others; here and below */
static List *
order_heap_scan(BitmapHeapScan *node)
{
	node->scan.plan.qual = recheck_last(&node->bitmapqualorig, node->scan.plan.qual);
	(void) order_bitmaps(node->scan.plan.lefttree, node->scan.plan.parallel_aware);
	return node->bitmapqualorig;
}

/* of a btree nothing is rechecked */
static List *
order_index_scan(IndexScan *node)
{
	FormData_pg_class index;

	if (!catalog_class(node->indexid, &index) || index.relam == BTREE_AM_OID)
	{
		node->scan.plan.qual =
			list_concat(node->scan.plan.qual, tag_conditions(node->indexqualorig));
		return NIL;
	}
	node->scan.plan.qual = recheck_last(&node->indexqualorig, node->scan.plan.qual);
	return node->indexqualorig;
}

static void
check_scan(PlannedStmt *plan, Plan *node, Index scanrelid)
{
	List *columns;
	List *policy;
	List *before;
	List *rechecked = NIL;
	RangeTblEntry *rte;
	const ProtectedRelation *entry;

	if (scanrelid == 0)
		return;
	rte = rt_fetch(scanrelid, plan->rtable);
	if (rte->rtekind != RTE_RELATION)
		return;
	entry = protected_relation(rte->relid);
	if (entry == NULL)
		return;
	columns = IsA(node, IndexOnlyScan) ? ((IndexOnlyScan *) node)->indextlist : NIL;
	policy = policy_read_quals(entry, rte->relid, scanrelid);
	if (IsA(node, BitmapHeapScan))
		rechecked = order_heap_scan((BitmapHeapScan *) node);
	else if (IsA(node, IndexScan))
		rechecked = order_index_scan((IndexScan *) node);
	else if (IsA(node, IndexOnlyScan))
		node->qual = list_concat(node->qual, tag_conditions(((IndexOnlyScan *) node)->indexqual));
	before = list_concat(put_policy_first(node, policy, columns), policy);
	before = list_concat(before, rechecked);
	if (columns == NIL && policy_reads_long(before))
		policy_mark_plan(plan, MARK_LONG, rte->relid);
	if (policy_leads(node->qual, policy, columns, tells_nothing) && lookup_tells_nothing(node))
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_SHAPE),
		 errmsg("this statement would read protected relation \"%s\" past its policy",
				get_rel_name(rte->relid)),
		 errhint(
			 "Read the relation itself in the statement, or in a function written in plpgsql.")));
}

static void check_node(PlannedStmt *plan, Plan *node);

static void
check_list(PlannedStmt *plan, List *nodes)
{
	ListCell *lc;

	foreach (lc, nodes)
		check_node(plan, lfirst(lc));
}

static void
check_node(PlannedStmt *plan, Plan *node)
{
	if (node == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_ForeignScan:
			check_scan(plan, node, ((Scan *) node)->scanrelid);
			break;
		case T_CustomScan:
			check_scan(plan, node, ((Scan *) node)->scanrelid);
			check_list(plan, ((CustomScan *) node)->custom_plans);
			break;
		case T_Append:
			check_list(plan, ((Append *) node)->appendplans);
			break;
		case T_MergeAppend:
			check_list(plan, ((MergeAppend *) node)->mergeplans);
			break;
		case T_SubqueryScan:
			check_node(plan, ((SubqueryScan *) node)->subplan);
			break;
		default:
			/* bitmap inputs name no rows of their own: the heap scan above is checked */
			break;
	}
	check_node(plan, node->lefttree);
	check_node(plan, node->righttree);
}

static void
find_lazy(Plan *node)
{
	ListCell *lc;

	if (node == NULL)
		return;
	check_stack_depth();
	foreach (lc, node->initPlan)
	{
		ListCell *parameter;

		foreach (parameter, lfirst_node(SubPlan, lc)->setParam)
			lazy_parameters = bms_add_member(lazy_parameters, lfirst_int(parameter));
	}
	if (IsA(node, Append))
		foreach (lc, ((Append *) node)->appendplans)
			find_lazy(lfirst(lc));
	else if (IsA(node, MergeAppend))
		foreach (lc, ((MergeAppend *) node)->mergeplans)
			find_lazy(lfirst(lc));
	else if (IsA(node, SubqueryScan))
		find_lazy(((SubqueryScan *) node)->subplan);
	else if (IsA(node, CustomScan))
		foreach (lc, ((CustomScan *) node)->custom_plans)
			find_lazy(lfirst(lc));
	find_lazy(node->lefttree);
	find_lazy(node->righttree);
}

/*
 * A protected relation that the plan reads or writes, or NULL; the TOAST table of
 * one, if it reads any.
 */
static RangeTblEntry *
protected_in(PlannedStmt *plan)
{
	RangeTblEntry *found = NULL;
	ListCell *lc;

	foreach (lc, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION || rte->relkind == RELKIND_VIEW)
			continue;
		if (rte->relkind == RELKIND_TOASTVALUE && OidIsValid(protected_toast(rte->relid)))
			return rte;
		if (found == NULL && protected_relation(rte->relid) != NULL)
			found = rte;
	}
	return found;
}

/* guard_plan -- verify a finished plan */
void
guard_plan(PlannedStmt *plan)
{
	ListCell *lc;

	if (plan->commandType == CMD_UTILITY || protected_in(plan) == NULL)
		return;
	lazy_parameters = NULL;
	find_lazy(plan->planTree);
	foreach (lc, plan->subplans)
		find_lazy(lfirst(lc));
	check_node(plan, plan->planTree);
	check_list(plan, plan->subplans);
	lazy_parameters = NULL;
}

/*
 * A dump that holds only who permits something looks like a backup and is none.
 * pg_dump says who it is; where a client has renamed it, what it sets for its
 * own sake gives it away.
 */
static void
refuse_filtered_dump(const RangeTblEntry *rte)
{
	if (strcmp(application_name ? application_name : "", "pg_dump") != 0 &&
		(synchronize_seqscans || !XactReadOnly || !IsolationUsesXactSnapshot() ||
		 strcmp(GetConfigOptionResetString("synchronize_seqscans"), "on") != 0))
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg(
			 "a dump of protected relation \"%s\" would hold only the rows that a purpose permits",
			 get_rel_name(rte->relid)),
		 errhint(
			 "Dump without --enable-row-security, as a role that may bypass row security; or COPY a query under the purpose.")));
}

static PlanInvalItem *
referential_mark(PlannedStmt *plan)
{
	PlanInvalItem *mark =
		plan->invalItems == NIL ? NULL : llast_node(PlanInvalItem, plan->invalItems);

	return mark != NULL && mark->cacheId == MARK_REFERENTIAL ? mark : NULL;
}

/* guard_referential_planned -- one of core's referential queries was planned, for a relation */
void
guard_referential_planned(PlannedStmt *plan, Oid relid)
{
	policy_mark_plan(plan, MARK_REFERENTIAL, relid);
	if (protected_relation(relid) != NULL)
		guard_print();
}

/* guard_is_referential -- is the plan one of core's referential queries? */
bool
guard_is_referential(PlannedStmt *plan)
{
	return referential_mark(plan) != NULL;
}

/* guard_reads -- what a plan reads if it runs here and now */
PolicyReads
guard_reads(PlannedStmt *plan)
{
	if (plan->commandType == CMD_UTILITY || guard_is_referential(plan) ||
		protected_in(plan) == NULL)
		return READS_NOTHING;
	return row_security_bypassed() ? READS_ALL : READS_PERMITTED;
}

/*
 * guard_locks_nothing_in_parallel -- before any rows: of a row that is locked, what is newer than
 * the snapshot cannot be asked about in a parallel operation; nor can core finish it there.
 */
void
guard_locks_nothing_in_parallel(const PlannedStmt *plan)
{
	if (plan->rowMarks != NIL && IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("rows of protected relations cannot be locked in a parallel operation"),
				 errhint("Mark the function that does it PARALLEL UNSAFE.")));
}

/*
 * guard_execution -- at executor start: whoever reads or writes protected
 * relations acts under a purpose it is cleared for, also where no row would be
 * asked about (an empty table, a plan that never gets there).
 *	context		in which the plan was handed over
 */
PolicyReads
guard_execution(PlannedStmt *plan, const PolicyContext *context)
{
	PlanInvalItem *mark = referential_mark(plan);
	PolicyReads reads = guard_reads(plan);
	RangeTblEntry *rte;

	guard_closed_write(plan);
	if (mark != NULL && !guard_may_run_referential(mark->hashValue, context))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("a plan made during a referential action cannot be used outside it")));
	if (mark != NULL)
	{
		usage_cascade_holds(plan);
		guard_policed(true);
	}
	if (reads != READS_PERMITTED)
		return reads;
	rte = protected_in(plan);
	if (rte->relkind == RELKIND_TOASTVALUE)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("\"%s\" holds values of protected relation \"%s\"",
							   get_rel_name(rte->relid), get_rel_name(protected_toast(rte->relid))),
						errhint("Read the relation itself%s.", or_bypass())));
	refuse_filtered_dump(rte);
	if (am_walsender)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("a copy of protected relation \"%s\" for replication would hold only "
						"the rows that a purpose permits",
						get_rel_name(rte->relid)),
				 errhint("Replicate as a role that may bypass row security.")));
	(void) policy_require_purpose(GetUserId());
	if (IgnoreSystemIndexes)
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("protected relations cannot be read under ignore_system_indexes"),
						errdetail("What consent there is, is read in the order of an index.")));
	guard_policed(false);
	guard_into(plan);
	return reads;
}
