/*
 * policy_page.c
 *	  Evaluates the row policy of a sequential scan for several rows at once.
 *
 * A scan reads a page, learns which tuples on it its snapshot sees, and hands
 * them out one by one.  Asking for each on its own costs a call of a function
 * through the expression interpreter and, where the set is big, a wait for
 * memory.  So at executor start the scan's qual is replaced by one that asks
 * for a group of tuples when the first of them is wanted, and has what the
 * answers of the next group need fetched from memory meanwhile.
 *
 * That is right because nothing an answer depends on changes while the scan
 * runs: a tuple that its snapshot sees is neither changed in place nor replaced
 * under its TID, and an answer belongs to the statement (policy_row.c).
 *
 * The plan is as it was, with the qual in it; this is only how it is evaluated.
 * Where a scan does not fit -- another access method, another kind of scan, a
 * qual with a subplan -- the executor evaluates the qual as it does any other.
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "cache_inval.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "policy.h"
#include "policy_row.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#define GROUP 16 /* about as many waits for memory as a processor overlaps */

typedef struct RowGroup
{
	int n;
	Datum keys[GROUP]; /* of integers only: nothing here points into the page */
	SubjectPosition positions[GROUP];
	OffsetNumber offsets[GROUP];
} RowGroup;

typedef struct PagePolicy
{
	SeqScanState *scan;
	ExprState *before; /* quals in front of the policy's call, or NULL */
	ExprState *after;  /* and behind */
	AttrNumber column;
	Oid type;
	KeyKind kind;
	FmgrInfo function;
	FunctionCallInfo call;
	int rows; /* asked about until now; stops counting at FEW_ROWS */
	/*
	 * The page whose answers are here, and what they hold for; purpose, user and
	 * row_security are those the statement began with.
	 */
	BlockNumber block;
	uint64 xact_generation;
	int answered; /* visible tuples before this one are dealt with */
	int prepared; /* those from there up to here are in group */
	RowGroup group;
	uint8 answers[MaxHeapTuplesPerPage + 1]; /* by offset number */
} PagePolicy;

/* the statement may want no more rows than these: they are asked one by one */
#define FEW_ROWS 32

static inline Datum
widened(const PagePolicy *policy, Datum key)
{
	switch (policy->type)
	{
		case INT4OID:
			return Int64GetDatum(DatumGetInt32(key));
		case INT2OID:
			return Int64GetDatum(DatumGetInt16(key));
		default:
			return key;
	}
}

static inline bool
in_page_mode(HeapScanDesc scan, BlockNumber block)
{
	return scan != NULL && (scan->rs_base.rs_flags & SO_ALLOW_PAGEMODE) != 0 &&
		   IsMVCCSnapshot(scan->rs_base.rs_snapshot) && scan->rs_cblock == block;
}

static inline void
prefetch_tuples(HeapScanDesc scan, int first, int last)
{
	Page page = BufferGetPage(scan->rs_cbuf);

	for (int i = first; i < Min(last, (int) scan->rs_ntuples); i++)
		__builtin_prefetch(PageGetItem(page, PageGetItemId(page, scan->rs_vistuples[i])));
}

/* put visible tuples number first to last - 1 into the group */
static void
prepare_group(PagePolicy *policy, ConsentLookup *lookup, HeapScanDesc scan, int first, int last)
{
	RowGroup *group = &policy->group;
	Datum keys[GROUP];
	Relation relation = scan->rs_base.rs_rd;
	TupleDesc descriptor = RelationGetDescr(relation);
	Page page = BufferGetPage(scan->rs_cbuf);
	bool is_text = policy->kind == KEY_TEXT;

	prefetch_tuples(scan, last, last + GROUP);
	group->n = 0;
	for (int i = first; i < last; i++)
	{
		OffsetNumber offset = scan->rs_vistuples[i];
		ItemId item = PageGetItemId(page, offset);
		HeapTupleData tuple;
		Datum key;
		bool isnull;

		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(relation);
		ItemPointerSet(&tuple.t_self, scan->rs_cblock, offset);
		key = heap_getattr(&tuple, policy->column, descriptor, &isnull);
		/* NULL, and a text that must be fetched or decompressed: one by one */
		if (isnull ||
			(is_text && VARATT_IS_EXTENDED(DatumGetPointer(key)) &&
			 (VARATT_IS_1B_E(DatumGetPointer(key)) || !VARATT_IS_SHORT(DatumGetPointer(key)))))
			continue;
		keys[group->n] = widened(policy, key);
		group->offsets[group->n++] = offset;
	}
	lookup_prepare(lookup, keys, group->n, group->positions);
	if (policy->kind == KEY_INTEGER)
		memcpy(group->keys, keys, sizeof(Datum) * group->n);
	policy->prepared = last;
}

/*
 * Take tuples that are stopped out of the scan's list of those visible on the
 * page: first to last - 1, of which the first is the current one and stays.
 * Gives the new last.
 */
static int
drop_stopped(PagePolicy *policy, HeapScanDesc scan, int first, int last)
{
	OffsetNumber *visible = scan->rs_vistuples;
	int kept = first + 1;
	int dropped;

	for (int i = kept; i < last; i++)
	{
		visible[kept] = visible[i];
		kept += policy->answers[visible[i]] != ANSWER_STOPPED;
	}
	dropped = last - kept;
	if (dropped > 0)
	{
		memmove(visible + kept, visible + last, sizeof(*visible) * (scan->rs_ntuples - last));
		scan->rs_ntuples -= dropped;
		/* EXPLAIN ANALYZE counts them as what they are */
		InstrCountFiltered1(policy->scan, dropped);
	}
	return kept;
}

/* answer for the group that begins with the scan's current tuple */
static void
answer_group(PagePolicy *policy, HeapScanDesc scan)
{
	ConsentLookup *lookup = policy_row_lookup(policy->call, policy->kind);
	int first = policy->answered;
	int last = Min(first + GROUP, (int) scan->rs_ntuples);
	RowGroup *group = &policy->group;
	LookupAnswer answers[GROUP];

	if (lookup == NULL)
	{
		/* row_security = off is honoured */
		policy->answered = last;
		for (int i = first; i < last; i++)
			policy->answers[scan->rs_vistuples[i]] = ANSWER_PERMITTED;
		return;
	}
	if (policy->prepared < last)
	{
		prefetch_tuples(scan, first, last);
		prepare_group(policy, lookup, scan, first, last);
	}
	lookup_several(lookup, group->keys, group->positions, group->n, answers);
	for (int i = 0; i < group->n; i++)
		policy->answers[group->offsets[i]] = answers[i];
	last = drop_stopped(policy, scan, first, last);
	policy->answered = last;
	prepare_group(policy, lookup, scan, last, Min(last + GROUP, (int) scan->rs_ntuples));
}

static pg_noinline void
enter_page(PagePolicy *policy, BlockNumber block)
{
	policy->block = block;
	policy->xact_generation = cache_xact_generation;
	policy->answered = 0;
	policy->prepared = 0;
	memset(policy->answers, ANSWER_UNKNOWN, sizeof(policy->answers));
}

/* the row has no answer yet; make some if the rows before it were wanted, too */
static pg_noinline void
make_answers(PagePolicy *policy, BlockNumber block)
{
	HeapScanDesc scan = (HeapScanDesc) policy->scan->ss.ss_currentScanDesc;

	if (policy->rows < FEW_ROWS)
		policy->rows++;
	else if (!in_page_mode(scan, block))
		return;
	else if ((int) scan->rs_cindex == policy->answered)
		answer_group(policy, scan);
	else
	{
		policy->answered = scan->rs_cindex + 1;
		policy->prepared = 0;
	}
}

static inline bool
row_passes(PagePolicy *policy, TupleTableSlot *slot)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(&slot->tts_tid);
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(&slot->tts_tid);
	Datum key;

	if (unlikely(block != policy->block || policy->xact_generation != cache_xact_generation))
		enter_page(policy, block);
	if (policy->answers[offset] == ANSWER_UNKNOWN)
		make_answers(policy, block);
	if (likely(policy->answers[offset] != ANSWER_UNKNOWN))
		return policy->answers[offset] == ANSWER_PERMITTED;
	key = slot_getattr(slot, policy->column, &policy->call->args[0].isnull);
	policy->call->args[0].value = policy->call->args[0].isnull ? (Datum) 0 : widened(policy, key);
	policy->call->isnull = false;
	return DatumGetBool(FunctionCallInvoke(policy->call));
}

/* stands in for the qual's own evaluation */
static Datum
page_qual(ExprState *state, ExprContext *econtext, bool *isnull)
{
	PagePolicy *policy = state->evalfunc_private;
	bool unused;

	*isnull = false;
	if (policy->before != NULL && !DatumGetBool(ExecEvalExpr(policy->before, econtext, &unused)))
		return BoolGetDatum(false);
	if (!row_passes(policy, econtext->ecxt_scantuple))
		return BoolGetDatum(false);
	if (policy->after != NULL && !DatumGetBool(ExecEvalExpr(policy->after, econtext, &unused)))
		return BoolGetDatum(false);
	return BoolGetDatum(true);
}

/* the key column of the policy's call, which policy_qual.c has made */
static Var *
key_column(Node *argument)
{
	if (IsA(argument, FuncExpr))
		argument = linitial(((FuncExpr *) argument)->args);
	else if (IsA(argument, RelabelType))
		argument = (Node *) ((RelabelType *) argument)->arg;
	return castNode(Var, argument);
}

static void
ask_several(SeqScanState *scan, const ProtectedRelation *entry)
{
	PlanState *node = &scan->ss.ps;
	List *quals = node->plan->qual;
	List *policy_quals = policy_read_quals(entry, RelationGetRelid(scan->ss.ss_currentRelation),
										   ((Scan *) node->plan)->scanrelid);
	FuncExpr *call = linitial_node(FuncExpr, policy_quals);
	Var *key = key_column(linitial(call->args));
	PagePolicy *policy;
	ExprState *qual;
	int at = 0;

	/* a scan of a referential query has none; one with subplans has them once */
	if (node->qual == NULL || contain_subplans((Node *) quals))
		return;
	while (at < list_length(quals) && !equal(list_nth(quals, at), call))
		at++;
	if (at == list_length(quals))
		return;

	policy = palloc0(sizeof(PagePolicy));
	policy->scan = scan;
	policy->column = key->varattno;
	policy->type = key->vartype;
	policy->kind = entry->key_kind;
	policy->block = InvalidBlockNumber;
	policy->before = ExecInitQual(list_copy_head(quals, at), node);
	policy->after = ExecInitQual(list_copy_tail(quals, at + 1), node);
	fmgr_info(call->funcid, &policy->function);
	fmgr_info_set_expr((Node *) call, &policy->function);
	policy->call = palloc0(SizeForFunctionCallInfo(3));
	InitFunctionCallInfoData(*policy->call, &policy->function, 3, call->inputcollid, NULL, NULL);
	for (int i = 1; i < 3; i++)
		policy->call->args[i].value = list_nth_node(Const, call->args, i)->constvalue;

	qual = makeNode(ExprState);
	qual->flags = EEO_FLAG_IS_QUAL;
	qual->expr = node->qual->expr;
	qual->parent = node;
	qual->evalfunc = page_qual;
	qual->evalfunc_private = policy;
	node->qual = qual;
}

/* how deep the executor's calls go into one another */
typedef struct Depth
{
	int here;
	int deepest;
} Depth;

static bool
ask_page_by_page(PlanState *node, void *context)
{
	Depth *depth = context;
	bool result;

	depth->deepest = Max(depth->deepest, ++depth->here);
	if (IsA(node, SeqScanState))
	{
		Relation relation = ((SeqScanState *) node)->ss.ss_currentRelation;
		const ProtectedRelation *entry = protected_relation(RelationGetRelid(relation));

		if (entry != NULL && relation->rd_tableam == GetHeapamTableAmRoutine())
		{
			ProtectedRelation copy = *entry;

			ask_several((SeqScanState *) node, &copy);
		}
	}
	result = planstate_tree_walker(node, ask_page_by_page, context);
	depth->here--;
	return result;
}

/*
 * policy_pages_begin -- at executor start, when the plan's state is made: let
 * sequential scans of protected relations ask page by page.  Returns how many nodes of
 * the plan are below one another.
 */
int
policy_pages_begin(PlanState *root)
{
	Depth depth = {0, 0};
	MemoryContext caller;

	if (root == NULL)
		return 0;
	caller = MemoryContextSwitchTo(root->state->es_query_cxt);
	(void) ask_page_by_page(root, &depth);
	MemoryContextSwitchTo(caller);
	return depth.deepest;
}
