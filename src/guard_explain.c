/*
 * guard_explain.c
 *	  EXPLAIN tells how many rows a plan would touch, and EXPLAIN ANALYZE how many
 *	  it did, hidden ones included.
 *
 * Members of privseg_admin and privseg_auditor are told.  Everybody else gets the
 * shape of a plan that reads protected relations: no rows, no costs, no counts of
 * what a filter removed.  ANALYZE still runs the statement.  What does not read them
 * itself may do so in a function, or in the cascade of a foreign key; then nothing
 * of what ANALYZE has counted is shown either.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog.h"
#include "commands/createas.h"
#include "commands/defrem.h"
#include "commands/prepare.h"
#include "errors.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "tcop/tcopprot.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

static void
counts_are_hidden(void)
{
	ereport(NOTICE,
			(errmsg("row counts and costs are hidden, for the plan reads protected relations"),
			 errhint("Members of privseg_auditor and privseg_admin see them.")));
}

/* run it as EXPLAIN ANALYZE would, and count nothing */
static void
run(PlannedStmt *plan, IntoClause *into, const char *query_string, ParamListInfo params,
	QueryEnvironment *environment)
{
	DestReceiver *destination = into ? CreateIntoRelDestReceiver(into) : None_Receiver;
	ScanDirection direction =
		into && into->skipData ? NoMovementScanDirection : ForwardScanDirection;
	QueryDesc *query;

	PushCopiedSnapshot(GetActiveSnapshot());
	UpdateActiveSnapshotCommandId();
	query = CreateQueryDesc(plan, query_string, GetActiveSnapshot(), InvalidSnapshot, destination,
							params, environment, 0);
	ExecutorStart(query, into ? GetIntoRelEFlags(into) : 0);
	ExecutorRun(query, direction, 0L, true);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
	PopActiveSnapshot();
	CommandCounterIncrement();
}

/*
 * guard_explain -- EXPLAIN of one query, for core's hook.
 */
void
guard_explain(Query *query, int cursor_options, IntoClause *into, ExplainState *state,
			  const char *query_string, ParamListInfo params, QueryEnvironment *environment)
{
	PlannedStmt *plan;
	instr_time start;
	instr_time duration;
	BufferUsage before = pgBufferUsage;
	BufferUsage used;
	uint64 policed = guard_n_policed();

	INSTR_TIME_SET_CURRENT(start);
	plan = pg_plan_query(query, query_string, cursor_options, params);
	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, start);
	MemSet(&used, 0, sizeof(used));
	BufferUsageAccumDiff(&used, &pgBufferUsage, &before);

	if (!protected_any() || guard_sees_counts())
	{
		ExplainOnePlan(plan, into, state, query_string, params, environment, &duration,
					   state->buffers ? &used : NULL);
		return;
	}
	if (guard_reads(plan) == READS_NOTHING)
	{
		int length = state->str->len;
		int group = state->grouping_stack != NIL ? linitial_int(state->grouping_stack) : 0;
		ExplainOnePlan(plan, into, state, query_string, params, environment, &duration,
					   state->buffers ? &used : NULL);
		if (guard_n_policed() == policed)
			return;
		state->str->len = length;
		state->str->data[length] = '\0';
		if (state->grouping_stack != NIL)
			linitial_int(state->grouping_stack) = group;
		/* it has run */
		state->analyze = false;
	}
	counts_are_hidden();
	if (state->analyze)
		run(plan, into, query_string, params, environment);
	state->analyze = state->timing = state->costs = state->buffers = state->wal = state->summary =
		false;
	ExplainOnePlan(plan, into, state, query_string, params, environment, NULL, NULL);
}

/* ---- EXPLAIN EXECUTE, for which core has no hook ---- */

static bool
may_read_protected(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ListCell *lc;

		foreach (lc, ((Query *) node)->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			/* a function may be inlined */
			if (rte->rtekind == RTE_FUNCTION ||
				(rte->rtekind == RTE_RELATION && protected_relation(rte->relid) != NULL))
				return true;
		}
		return query_tree_walker((Query *) node, may_read_protected, NULL, 0);
	}
	return expression_tree_walker(node, may_read_protected, NULL);
}

/* a command is running whose counts are handed out: nothing in it may be policed */
bool guard_watching = false;

/* the EXECUTE in an EXPLAIN, or NULL */
static ExecuteStmt *
executed(ExplainStmt *explain)
{
	Query *query = castNode(Query, explain->query);
	Node *node = query->utilityStmt;

	if (query->commandType == CMD_UTILITY && IsA(node, CreateTableAsStmt))
	{
		query = castNode(Query, ((CreateTableAsStmt *) node)->query);
		node = query->utilityStmt;
	}
	if (query->commandType != CMD_UTILITY || !IsA(node, ExecuteStmt))
		return NULL;
	return (ExecuteStmt *) node;
}

/*
 * guard_explain_execute -- take the options that count out of an EXPLAIN EXECUTE.
 * ANALYZE cannot be taken out, for it runs the statement.  What does not seem to read
 * protected relations may be planned anew, and then do so; it is watched.
 */
void
guard_explain_execute(ExplainStmt *explain)
{
	static const char *const counting[] = {"analyze", "timing", "costs",
										   "buffers", "wal",    "summary"};
	ExecuteStmt *execute = executed(explain);
	PreparedStatement *prepared = execute ? FetchPreparedStatement(execute->name, false) : NULL;
	bool analyze = false;
	ListCell *lc;

	if (prepared == NULL || guard_sees_counts())
		return;
	if (!may_read_protected((Node *) prepared->plansource->query_list, NULL))
	{
		guard_watching = true;
		return;
	}
	foreach (lc, explain->options)
	{
		DefElem *option = lfirst_node(DefElem, lc);

		for (size_t i = 0; i < lengthof(counting); i++)
		{
			if (strcmp(option->defname, counting[i]) != 0)
				continue;
			analyze = (i == 0 && defGetBoolean(option)) || (i != 0 && analyze);
			explain->options = foreach_delete_current(explain->options, lc);
			break;
		}
	}
	explain->options =
		lappend(explain->options, makeDefElem("costs", (Node *) makeBoolean(false), -1));
	if (analyze)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("EXPLAIN ANALYZE EXECUTE would count rows of protected relations"),
				 errhint("EXPLAIN ANALYZE the statement itself, which shows its shape; members "
						 "of privseg_auditor and privseg_admin are shown all.")));
	counts_are_hidden();
}

/* guard_watched -- a policed statement is about to run in such a command: refuse it */
void
guard_watched(void)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
					errmsg("EXPLAIN EXECUTE would count rows of protected relations"),
					errhint("EXPLAIN the statement itself, which shows its shape; members of "
							"privseg_auditor and privseg_admin are shown all.")));
}

/* ---- plans that are printed ---- */

/*
 * guard_print -- a plan that reads protected relations is about to be handed out; a
 * setting of the client's would have core print it, with all estimates, to him.
 */
void
guard_print(void)
{
	if (!Debug_print_plan || client_min_messages > LOG || guard_sees_counts())
		return;
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("debug_print_plan would count rows of protected relations"),
					errhint("SET debug_print_plan = off, or client_min_messages = notice.")));
}
