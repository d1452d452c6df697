/*
 * hooks.c
 *	  Every hook pointer of core that privseg sets, chained, and nothing else:
 *	  each function here asks a feature and calls the previous hook.
 *
 * Whoever set a hook before us is called; where two policies meet (row
 * security hooks) both lists count.
 */
#include "compat.h"

#include "access/gin.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/objectaccess.h"
#include "commands/explain.h"
#include "commands/seclabel.h"
#include "consent.h"
#include "executor/executor.h"
#include "encrypted.h"
#include "guard.h"
#include "guc.h"
#include "hooks.h"
#include "keyring.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "policy.h"
#include "policy_cohort.h"
#include "policy_promote.h"
#include "present.h"
#include "rewrite/rowsecurity.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "tcop/utility.h"
#include "usage.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;
static row_security_policy_hook_type previous_permissive = NULL;
static row_security_policy_hook_type previous_restrictive = NULL;
static planner_hook_type previous_planner = NULL;
static set_rel_pathlist_hook_type previous_pathlist = NULL;
static get_relation_stats_hook_type previous_column_statistics = NULL;
static get_index_stats_hook_type previous_index_statistics = NULL;
static ExecutorStart_hook_type previous_executor_start = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;
static ExecutorFinish_hook_type previous_executor_finish = NULL;
static ExecutorCheckPerms_hook_type previous_check_permissions = NULL;
static ExplainOneQuery_hook_type previous_explain = NULL;
static ProcessUtility_hook_type previous_utility = NULL;
static object_access_hook_type previous_object_access = NULL;
static get_relation_info_hook_type previous_relation_info = NULL;
static emit_log_hook_type previous_log = NULL;
static post_parse_analyze_hook_type previous_analyze = NULL;
static needs_fmgr_hook_type previous_function_info = NULL;

static void
on_log(ErrorData *error)
{
	if (previous_log)
		previous_log(error);
	guard_log(error);
}

static void
on_analyze(ParseState *state, Query *query, JumbleState *jumble)
{
	if (previous_analyze)
		previous_analyze(state, query, jumble);
	present_query(state, query);
}

static bool
on_function_info(Oid function)
{
	return (previous_function_info && previous_function_info(function)) ||
		   present_keeps_from_inlining(function);
}

static void
on_shmem_request(void)
{
	if (previous_shmem_request)
		previous_shmem_request();
	RequestAddinShmemSpace(consent_shmem_size());
	RequestAddinShmemSpace(guard_worker_shmem_size());
	RequestAddinShmemSpace(keyring_shmem_size());
	RequestAddinShmemSpace(cohort_shmem_size());
	rootkey_shmem_request();
}

static void
on_shmem_startup(void)
{
	if (previous_shmem_startup)
		previous_shmem_startup();
	consent_shmem_startup();
	guard_worker_shmem_startup();
	keyring_shmem_startup();
	cohort_shmem_startup();
}

static List *
on_permissive(CmdType command, Relation relation)
{
	List *theirs = previous_permissive ? previous_permissive(command, relation) : NIL;

	return list_concat(theirs, policy_permissive(command, relation));
}

static List *
on_restrictive(CmdType command, Relation relation)
{
	List *theirs = previous_restrictive ? previous_restrictive(command, relation) : NIL;

	return list_concat(theirs, policy_restrictive(command, relation));
}

static PlannedStmt *
run_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	if (previous_planner)
		return previous_planner(parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
}

/* only where the policy is, are statistics shown that core would hide */
static PlannedStmt *
plan_guarded(Query *parse, const char *query_string, int cursor_options, ParamListInfo params,
			 const UsagePlan *usage)
{
	PolicyStatistics outer = policy_statistics;
	List *tag_indexes = policy_tag_indexes;
	PlannedStmt *plan;

	policy_statistics = (PolicyStatistics){usage != NULL, STATISTICS_AS_CORE, NULL,
										   usage != NULL ? usage->entries : NIL};
	policy_tag_indexes = NIL;
	PG_TRY();
	{
		plan = run_planner(parse, query_string, cursor_options, params);
	}
	PG_FINALLY();
	{
		policy_statistics = outer;
		policy_tag_indexes = tag_indexes;
	}
	PG_END_TRY();
	return plan;
}

static void
on_relation_info(PlannerInfo *root, Oid relid, bool inherits, RelOptInfo *rel)
{
	if (protected_any())
		policy_restrict_indexes(root, relid, rel);
	usage_restrict_indexes(relid, rel);
	if (previous_relation_info)
		previous_relation_info(root, relid, inherits, rel);
}

static void
on_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	if (protected_any())
	{
		policy_promote(root, rel, rte);
		encrypted_search_paths(root, rel, rte);
	}
	if (previous_pathlist)
		previous_pathlist(root, rel, rti, rte);
}

static bool
on_column_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column,
					 VariableStatData *data)
{
	if (previous_column_statistics && previous_column_statistics(root, rte, column, data))
		return true;
	return policy_column_statistics(root, rte, column, data);
}

static bool
on_index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *data)
{
	if (previous_index_statistics && previous_index_statistics(root, index, column, data))
		return true;
	return policy_index_statistics(root, index, column, data);
}

static PlannedStmt *
plan_protected(Query *parse, const char *query_string, int cursor_options, ParamListInfo params,
			   const PolicyContext *context)
{
	QueryUses uses = {.global = makeNode(PlannerGlobal)};
	UsagePlan usage = {.tree = NULL};
	PlannedStmt *plan;
	Oid copies_into;
	bool opens;
	Oid referential = guard_referential(parse, context);

	if (OidIsValid(referential))
	{
		guard_bound_statement(parse);
		usage_plan_cascade(parse, context, &usage);
		plan = plan_guarded(parse, query_string, cursor_options, params, NULL);
		usage_plan_noted(plan, &usage);
		guard_referential_planned(plan, referential);
		return plan;
	}
	uses.global->boundParams = params;
	guard_query(parse, &uses);
	if (uses.attributes)
		present_catalog(parse);
	opens = uses.added && guard_opens(parse);
	copies_into = uses.is_protected ? guard_copies(parse) : InvalidOid;
	if (uses.counters)
		guard_counters(parse);
	if (uses.statistics)
		guard_statistics(parse);
	if (uses.is_protected || uses.added)
		usage_plan(parse, cursor_options, uses.is_protected, &usage);
	plan = plan_guarded(parse, query_string, cursor_options, params,
						uses.is_protected ? &usage : NULL);
	/* of functions that were inlined */
	plan->dependsOnRole = plan->dependsOnRole || uses.global->dependsOnRole;
	plan->invalItems = list_concat(plan->invalItems, uses.global->invalItems);
	plan->relationOids = list_concat(plan->relationOids, uses.global->relationOids);
	if (opens)
		policy_mark_plan(plan, MARK_OPENS, InvalidOid);
	if (OidIsValid(copies_into))
		policy_mark_plan(plan, MARK_COPIES, copies_into);
	guard_plan(plan);
	usage_plan_noted(plan, &usage);
	if (guard_reads(plan) != READS_NOTHING)
		guard_print();
	return plan;
}

/* a statement whose plan was made for other clearance */
static PlannedStmt *
plan_again(const QueryDesc *query)
{
	PlannedStmt *before = query->plannedstmt;
	UsagePlan usage;
	Query *tree = usage_plan_again(before, &usage);
	PlannedStmt *plan =
		plan_guarded(tree, query->sourceText, usage.cursor_options, query->params, &usage);
	ListCell *lc;

	foreach (lc, before->invalItems)
		if (lfirst_node(PlanInvalItem, lc)->cacheId == MARK_OPENS ||
			lfirst_node(PlanInvalItem, lc)->cacheId == MARK_COPIES)
			plan->invalItems = lappend(plan->invalItems, lfirst(lc));
	guard_plan(plan);
	usage_plan_noted(plan, &usage);
	return plan;
}

static PlannedStmt *
on_plan(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	PolicyContext context;
	PlannedStmt *plan;

	if (!protected_any())
	{
		present_catalog(parse);
		if (parse->commandType != CMD_SELECT || parse->hasModifyingCTE)
			guard_bound_statement(parse);
		plan = plan_guarded(parse, query_string, cursor_options, params, NULL);
		if (protected_any())
			guard_plan(plan);
		return plan;
	}
	policy_context_enter(&context);
	PG_TRY();
	{
		plan = plan_protected(parse, query_string, cursor_options, params, &context);
	}
	PG_FINALLY();
	{
		policy_context_leave(&context);
	}
	PG_END_TRY();
	return plan;
}

static void
on_explain(Query *query, int cursor_options, IntoClause *into, ExplainState *state,
		   const char *query_string, ParamListInfo params, QueryEnvironment *environment)
{
	/* an adviser plans in ways of its own; then it explains, and is not asked */
	if (previous_explain && (!protected_any() || guard_sees_counts()))
		previous_explain(query, cursor_options, into, state, query_string, params, environment);
	else
		guard_explain(query, cursor_options, into, state, query_string, params, environment);
}

static void
start_executor(QueryDesc *query, int flags)
{
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

static void
on_executor_start(QueryDesc *query, int flags)
{
	PolicyContext context;

	if (!protected_any())
	{
		start_executor(query, flags);
		return;
	}
	AcceptInvalidationMessages();
	/* workers find the keys of what this transaction has written in the tables only */
	if (query->plannedstmt->parallelModeNeeded)
		keyring_flush();
	policy_context_enter(&context);
	PG_TRY();
	{
		PolicyReads reads = guard_execution(query->plannedstmt, &context);
		int depth = 0;
		PolicyAsked asked;

		if (reads != READS_NOTHING && !usage_plan_holds(query->plannedstmt))
			query->plannedstmt = plan_again(query);
		asked = usage_plan_begins(query->plannedstmt, query->params);
		query->plannedstmt = usage_plan_without(query->plannedstmt);
		if (reads == READS_PERMITTED)
		{
			policy_parameters_begin(query);
			fold_request_if_unknown();
		}
		start_executor(query, flags);
		if ((flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		{
			depth = policy_pages_begin(query->planstate);
			if (reads == READS_PERMITTED)
			{
				policy_compile(query->planstate);
				policy_lock_whole(query->estate, asked.groups);
				policy_lock_long(query->plannedstmt, asked.groups);
			}
		}
		policy_statement_begins(query->estate->es_query_cxt, reads, depth, &asked);
		if (query->plannedstmt->parallelModeNeeded)
			policy_statement_publish(query->estate->es_query_cxt);
	}
	PG_FINALLY();
	{
		policy_context_leave(&context);
	}
	PG_END_TRY();
}

typedef struct Run
{
	ScanDirection direction;
	uint64 count;
	bool once;
} Run;

static void
run_executor(QueryDesc *query, const Run *run)
{
	DestReceiver *receiver = query->dest;

	query->dest = guard_bound_receiver(receiver, query->tupDesc);
	if (previous_executor_run)
		previous_executor_run(query, run->direction, run->count, run->once);
	else
		standard_ExecutorRun(query, run->direction, run->count, run->once);
	query->dest = receiver;
}

static void
finish_executor(QueryDesc *query)
{
	if (previous_executor_finish)
		previous_executor_finish(query);
	else
		standard_ExecutorFinish(query);
}

/* but for whoever has set it meanwhile */
static void
restore_fuzzy_search(int limit)
{
	if (GinFuzzySearchLimit == 0)
		GinFuzzySearchLimit = limit;
}

/*
 * Messages below NOTICE tell of what core does with rows that are hidden.  They are not sent
 * while a statement under the policy runs, or a command works on rows of everybody; nor can
 * code that runs in it ask for them (guc.c).
 */
typedef struct Quiet
{
	bool outer;
	int messages;
} Quiet;

static Quiet
quiet_begins(bool quiet)
{
	Quiet before = {guc_quiet, client_min_messages};

	guc_quiet = guc_quiet || quiet;
	if (quiet && client_min_messages < NOTICE)
		client_min_messages = NOTICE;
	return before;
}

static void
quiet_ends(Quiet before)
{
	guc_quiet = before.outer;
	/* but where it was set meanwhile */
	if (before.messages < NOTICE && client_min_messages == NOTICE)
		client_min_messages = before.messages;
}

/*
 *	run			NULL: finish
 *	policed		the statement reads under the policy
 */
static void
execute(QueryDesc *query, const Run *run, bool policed)
{
	PolicyContext context;
	PolicyExecution execution;
	int fuzzy = GinFuzzySearchLimit;
	Quiet quiet =
		quiet_begins((policed || guard_is_referential(query->plannedstmt)) && !superuser());

	/* see guc.c */
	if (policed)
		GinFuzzySearchLimit = 0;
	policy_context_enter(&context);
	policy_execution_begins(&execution, query->plannedstmt,
							guard_is_referential(query->plannedstmt), context.carrying,
							query->estate->es_query_cxt);
	PG_TRY();
	{
		if (run == NULL)
			finish_executor(query);
		else
		{
			run_executor(query, run);
			usage_statement_went_on(query->estate->es_query_cxt);
		}
	}
	PG_CATCH();
	{
		quiet_ends(quiet);
		restore_fuzzy_search(fuzzy);
		policy_execution_ends(&execution);
		policy_context_leave(&context);
		policy_statement_failed(query->estate->es_query_cxt, execution.referential);
	}
	PG_END_TRY();
	quiet_ends(quiet);
	restore_fuzzy_search(fuzzy);
	policy_execution_ends(&execution);
	policy_context_leave(&context);
}

static void
on_executor_run(QueryDesc *query, ScanDirection direction, uint64 count, bool once)
{
	Run run = {direction, count, once};
	bool policed;

	if (!protected_any())
	{
		run_executor(query, &run);
		return;
	}
	policed = usage_statement_goes_on(query->estate->es_query_cxt) == READS_PERMITTED;
	if (policed)
	{
		/* not at its start: a cursor may go on where it could not have begun */
		guard_locks_nothing_in_parallel(query->plannedstmt);
		guard_policed(false);
	}
	if (query->plannedstmt->parallelModeNeeded)
		guard_lead();
	execute(query, &run, policed);
}

/* here AFTER triggers run, and core's cascades in them */
static void
on_executor_finish(QueryDesc *query)
{
	if (protected_any())
		execute(query, NULL,
				policy_statement_reads(query->estate->es_query_cxt) == READS_PERMITTED);
	else
		finish_executor(query);
}

static bool
on_check_permissions(List *range_table, bool raises)
{
	if (previous_check_permissions && !previous_check_permissions(range_table, raises))
		return false;
	if (!protected_any())
		return true;
	guard_rewritten(range_table);
	return guard_permissions(range_table, raises);
}

static void
run_utility(PlannedStmt *statement, const char *query_string, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *destination, QueryCompletion *completion)
{
	if (previous_utility)
		previous_utility(statement, query_string, read_only_tree, context, params, environment,
						 destination, completion);
	else
		standard_ProcessUtility(statement, query_string, read_only_tree, context, params,
								environment, destination, completion);
}

/* the same, of a command that looks at rows of everybody for who may not see them */
static void
run_discreetly(PlannedStmt *statement, const char *query_string, bool read_only_tree,
			   ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
			   DestReceiver *destination, QueryCompletion *completion)
{
	PG_TRY();
	{
		run_utility(statement, query_string, read_only_tree, context, params, environment,
					destination, completion);
	}
	PG_CATCH();
	{
		guard_command_failed();
	}
	PG_END_TRY();
}

static void
run_guarded(PlannedStmt *statement, const char *query_string, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
			DestReceiver *destination, QueryCompletion *completion)
{
	PlannedStmt *volatile guarded = statement;
	volatile bool read_only = read_only_tree;
	volatile bool copied = false;
	bool copies_for_replication = catalog_copies_for_replication;
	GuardMaking making = guard_making;
	bool watching = guard_watching;
	GuardTrees trees_outside = guard_trees;
	volatile GuardTrees trees = {NIL, NIL};
	Quiet quiet = quiet_begins(false);
	GuardCommand outer;
	/* afterwards the statement of another kind may be gone: DISCARD, ROLLBACK */
	NodeTag done = nodeTag(statement->utilityStmt);

	/* it may be rewritten: on a copy where the tree is not ours */
	if (read_only_tree && guard_rewrites(statement->utilityStmt))
	{
		guarded = copyObject(statement);
		read_only = false;
	}
	outer = guard_command_begins(statement->utilityStmt);
	guard_trees = (GuardTrees){NIL, NIL};
	PG_TRY();
	{
		catalog_copies_for_replication = guard_copies_for_replication(guarded->utilityStmt);
		if (!IsA(guarded->utilityStmt, TransactionStmt))
			guard_utility(guarded);
		if (guard_is_quiet(guarded->utilityStmt))
			(void) quiet_begins(true);
		if (guard_making == MAKES_NOTHING)
			guard_making = guard_command_makes(guarded->utilityStmt);
		if (IsA(guarded->utilityStmt, FetchStmt) && protected_any())
			guard_cursor_fetched(((FetchStmt *) guarded->utilityStmt)->portalname);
		/* it may have workers that no executor starts */
		if (protected_any() && !IsInParallelMode())
		{
			/* statements in these begin later */
			consent_shmem_publish_time(0);
			guard_lead();
		}
		/* whoever prepared it may be gone */
		if (IsA(guarded->utilityStmt, TransactionStmt) &&
			((TransactionStmt *) guarded->utilityStmt)->kind == TRANS_STMT_COMMIT_PREPARED)
			fold_request();
		copied = guard_copy_from(guarded, query_string, environment, completion);
		if (!copied)
			(guard_is_quiet(guarded->utilityStmt) && !guard_may_define() ?
				 run_discreetly :
				 run_utility)(guarded, query_string, read_only, context, params, environment,
							  destination, completion);
	}
	PG_FINALLY();
	{
		catalog_copies_for_replication = copies_for_replication;
		guard_making = making;
		guard_watching = watching;
		quiet_ends(quiet);
		guard_command_ends(outer);
		trees = guard_trees;
		guard_trees = trees_outside;
	}
	PG_END_TRY();
	if (copied)
		return;
	if ((done == T_AlterObjectDependsStmt || done == T_AlterExtensionContentsStmt) &&
		catalog_installed())
		guard_depend_on_none();
	guard_partition_key();
	if (done == T_DeclareCursorStmt && protected_any())
		guard_cursor_declared(((DeclareCursorStmt *) guarded->utilityStmt)->portalname);
	if (trees.joined != NIL || trees.bereft != NIL)
		guard_children(trees);
}

/* pg_upgrade makes everything anew, ours too, before there are rows that say what is protected */
static void
on_utility(PlannedStmt *statement, const char *query_string, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *environment,
		   DestReceiver *destination, QueryCompletion *completion)
{
	(IsBinaryUpgrade ? run_utility : run_guarded)(statement, query_string, read_only_tree, context,
												  params, environment, destination, completion);
}

static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_object_access)
		previous_object_access(access, class_id, object_id, sub_id, arg);
	if (IsBinaryUpgrade)
		return;
	if (access == OAT_FUNCTION_EXECUTE)
		guard_function(object_id);
	else
		guard_object(access, class_id, object_id, sub_id, arg);
}

/*
 * hooks_init -- set every hook; once, from _PG_init.
 */
void
hooks_init(void)
{
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = on_shmem_request;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = on_shmem_startup;
	previous_permissive = row_security_policy_hook_permissive;
	row_security_policy_hook_permissive = on_permissive;
	previous_restrictive = row_security_policy_hook_restrictive;
	row_security_policy_hook_restrictive = on_restrictive;
	previous_planner = planner_hook;
	planner_hook = on_plan;
	previous_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = on_pathlist;
	previous_column_statistics = get_relation_stats_hook;
	get_relation_stats_hook = on_column_statistics;
	previous_index_statistics = get_index_stats_hook;
	get_index_stats_hook = on_index_statistics;
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = on_executor_start;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = on_executor_run;
	previous_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = on_executor_finish;
	previous_check_permissions = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = on_check_permissions;
	previous_explain = ExplainOneQuery_hook;
	ExplainOneQuery_hook = on_explain;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
	previous_object_access = object_access_hook;
	object_access_hook = on_object_access;
	previous_relation_info = get_relation_info_hook;
	get_relation_info_hook = on_relation_info;
	previous_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = on_analyze;
	previous_function_info = needs_fmgr_hook;
	needs_fmgr_hook = on_function_info;
	previous_log = emit_log_hook;
	emit_log_hook = on_log;
	register_label_provider("privseg", guard_relabel);
}
