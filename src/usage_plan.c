/*
 * usage_plan.c
 *	  The uses of a statement when it is planned, and when the plan runs.
 *
 * A plan carries them, what was decided about them, and the tree that it was made of, in an entry of
 * its range table that nothing refers to: copies of a plan have it, and what is sent to parallel
 * workers does not.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "errors.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "usage.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#define NOTE_NAME "privseg: uses of columns"
#define ENTRY_NUMBERS 5

/* as a list of integers, which a plan can hold */
static List *
encode(List *entries)
{
	List *numbers = NIL;
	ListCell *lc;

	foreach (lc, entries)
	{
		const UsageEntry *entry = lfirst(lc);

		numbers = lappend_int(numbers, (int) entry->root);
		numbers = lappend_int(numbers, entry->column);
		numbers = lappend_int(numbers, entry->use);
		numbers = lappend_int(numbers, (int) entry->into.root);
		numbers = lappend_int(numbers, entry->into.column);
	}
	return numbers;
}

static List *
decode(const List *numbers)
{
	List *entries = NIL;

	for (int i = 0; i + ENTRY_NUMBERS <= list_length(numbers); i += ENTRY_NUMBERS)
	{
		UsageEntry *entry = palloc(sizeof(UsageEntry));

		entry->root = (Oid) list_nth_int(numbers, i);
		entry->column = list_nth_int(numbers, i + 1);
		entry->use = list_nth_int(numbers, i + 2);
		entry->into.root = (Oid) list_nth_int(numbers, i + 3);
		entry->into.column = list_nth_int(numbers, i + 4);
		entries = lappend(entries, entry);
	}
	return entries;
}

/* change the statement as its reader is cleared for; returns what was decided */
static List *
decide(Query *query, Usage *usage, bool raises)
{
	UsageReader reader;
	List *decided = usage_decide(usage_reader(&reader) ? &reader : NULL, usage->entries, raises);

	if (usage_is_refused(decided) || usage_changes_nothing(decided))
		return decided;
	usage_apply(query, usage, &reader);
	/* where that is refused, it is when the statement runs */
	if (!usage_group(query, &reader, raises))
		return list_make1_int(0);
	return decided;
}

/*
 * The groups of a query are answered by one node of its plan: those of one table's partitions, by a node
 * each, would meet as groups of different queries, of nearly the same people.  Until
 * usage_plan_noted(), or an error.
 */
static void
keep_groups_together(UsagePlan *plan)
{
	plan->settings = 0;
	if (!usage_shows_groups(plan->decided))
		return;
	plan->settings = NewGUCNestLevel();
	(void) set_config_option("enable_partitionwise_aggregate", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * usage_plan -- before a statement is planned.  Nobody is refused anything: a plan is made, and
 * refused when it runs.
 *	kept	false: it reads nothing that is protected
 */
void
usage_plan(Query *query, int cursor_options, bool kept, UsagePlan *plan)
{
	Usage *usage = usage_of(query);

	plan->cursor_options = cursor_options;
	plan->tree = NULL;
	if (!kept)
		return;
	plan->entries = usage->entries;
	plan->members = usage->members;
	plan->tree = copyObject(query);
	plan->decided = decide(query, usage, false);
	if (usage_is_refused(plan->decided))
		*query = *copyObject(plan->tree);
	keep_groups_together(plan);
}

/*
 * usage_plan_cascade -- before core's own query for a foreign key is planned: it reads for nobody, but what
 * it sets is compared, as what others set is
 */
void
usage_plan_cascade(Query *query, const PolicyContext *context, UsagePlan *plan)
{
	Usage *usage = palloc0(sizeof(Usage));

	/* of carried subjects, nobody chooses what is set */
	if (!OidIsValid(context->carrying))
		usage_compared(usage, query);
	*plan = (UsagePlan){.entries = usage->entries, .members = usage->members};
	plan->tree = usage->members != NIL ? copyObject(query) : NULL;
	plan->decided = list_make1_int(0);
}

/* usage_plan_noted -- when it has been planned */
void
usage_plan_noted(PlannedStmt *statement, const UsagePlan *plan)
{
	RangeTblEntry *note = makeNode(RangeTblEntry);

	if (plan->tree == NULL)
		return;
	if (plan->settings > 0)
		AtEOXact_GUC(true, plan->settings);
	note->rtekind = RTE_RESULT;
	note->eref = makeAlias(NOTE_NAME, NIL);
	note->subquery = plan->tree;
	note->coltypmods = plan->decided;
	note->colcollations = encode(plan->entries);
	note->rellockmode = plan->cursor_options;
	statement->rtable = lappend(statement->rtable, note);
	/* a constraint that one of them gets later is another use */
	statement->relationOids = list_concat_unique_oid(statement->relationOids, plan->members);
}

static RangeTblEntry *
note_of(const PlannedStmt *statement)
{
	RangeTblEntry *last =
		statement->rtable != NIL ? llast_node(RangeTblEntry, statement->rtable) : NULL;

	return last != NULL && last->rtekind == RTE_RESULT && last->subquery != NULL &&
				   strcmp(last->eref->aliasname, NOTE_NAME) == 0 ?
			   last :
			   NULL;
}

/*
 * usage_plan_holds -- at executor start: may a plan that reads protected relations run as it is?
 * False: it was made for other clearance, and the statement is to be planned anew.
 * Errors: 42501 where a use is refused.
 */
bool
usage_plan_holds(const PlannedStmt *statement)
{
	const RangeTblEntry *note = note_of(statement);
	UsageReader reader;
	List *decided;

	/*
	 * Of a parallel statement the leader has decided; what functions in a worker run is decided
	 * there.  And what is not itself protected (TOAST) is read by who may bypass all.
	 */
	if (note == NULL && (IsParallelWorker() || row_security_bypassed()))
		return true;
	if (note == NULL)
		ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
						errmsg("this plan does not say what it uses columns for"),
						errhint("It was not made by the planner that privseg knows of.")));
	decided =
		usage_decide(usage_reader(&reader) ? &reader : NULL, decode(note->colcollations), true);
	return !usage_is_refused(decided) && equal(decided, note->coltypmods);
}

/*
 * Under SERIALIZABLE a reader conflicts with who has written what it reads since it began, and it may be a row
 * that decides whether that is read.
 */
static void
refuse_conflicts(const PlannedStmt *statement)
{
	ListCell *lc;

	if (!IsolationIsSerializable())
		return;
	foreach (lc, statement->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && rte->relid >= FirstNormalObjectId &&
			protected_relation(rte->relid) == NULL && usage_is_of_role(rte))
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_DENIED),
					 errmsg("groups of people are not shown beside \"%s\" under SERIALIZABLE",
							get_rel_name(rte->relid)),
					 errdetail("The role may write to it, and would hear of conflicts.")));
	}
}

/*
 * usage_cascade_holds -- at executor start of core's query for a foreign key.  Where nobody may act, it ends
 * at the first row that it comes to (guard_cascade.c).
 * Errors: 42501 where what it sets is compared with what whoever core acts for may not filter by.
 */
void
usage_cascade_holds(const PlannedStmt *statement)
{
	const RangeTblEntry *note = note_of(statement);
	UsageReader reader;

	if (note != NULL && usage_actor(&reader))
		(void) usage_decide(&reader, decode(note->colcollations), true);
}

/*
 * usage_plan_begins -- a statement begins: what is asked of groups, nothing (0) where it is not the same
 * again, and about columns.
 * Errors: 42501 where groups are asked for by a transaction that has changed what they are made of.
 */
PolicyAsked
usage_plan_begins(const PlannedStmt *statement, ParamListInfo params)
{
	const RangeTblEntry *note = note_of(statement);
	PolicyAsked asked = {.uses = note};

	asked.groups = note != NULL && usage_shows_groups(note->coltypmods);
	if (asked.groups)
	{
		usage_refuse_written();
		refuse_conflicts(statement);
		usage_settle(note->subquery, params);
		asked.question = usage_question(note->subquery, params);
	}
	usage_writes(statement);
	return asked;
}

/* ---- statements that go on ---- */

/* usage_kept -- the same about columns, of one whose rows were kept by who asks now; or NULL */
const void *
usage_kept(const PlannedStmt *statement)
{
	const RangeTblEntry *note = note_of(statement);
	RangeTblEntry *kept;
	UsageReader reader;

	if (note == NULL)
		return NULL;
	kept = makeNode(RangeTblEntry);
	kept->colcollations = list_copy(note->colcollations);
	kept->coltypmods =
		usage_decide(usage_reader(&reader) ? &reader : NULL, decode(note->colcollations), false);
	return kept;
}

/* another role goes on only where the same would have been decided for it */
static void
uses_go_on(const PolicyReader *began)
{
	const RangeTblEntry *note = began->uses;
	UsageReader reader;
	List *decided;

	if (note == NULL || began->reads != READS_PERMITTED || began->user == GetUserId())
		return;
	decided =
		usage_decide(usage_reader(&reader) ? &reader : NULL, decode(note->colcollations), true);
	if (!equal(decided, note->coltypmods))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("another role may not go on with the statement"),
				 errdetail("It has other clearance for the columns that the statement uses."),
				 errhint("Close the cursor and run the statement anew.")));
}

/* usage_reader_goes_on -- as policy_reader_goes_on(), and what was decided about columns holds */
void
usage_reader_goes_on(const PolicyReader *reader)
{
	policy_reader_goes_on(reader);
	uses_go_on(reader);
}

/* usage_statement_goes_on -- as policy_statement_goes_on(), likewise */
PolicyReads
usage_statement_goes_on(MemoryContext query_context)
{
	PolicyReads reads = policy_statement_goes_on(query_context);

	if (reads == READS_PERMITTED)
		uses_go_on(policy_reader_of_statement(query_context));
	return reads;
}

/* usage_statement_went_on -- as policy_statement_went_on(), likewise */
void
usage_statement_went_on(MemoryContext query_context)
{
	policy_statement_went_on(query_context);
	if (policy_statement_reads(query_context) == READS_PERMITTED)
		uses_go_on(policy_reader_of_statement(query_context));
}

/*
 * usage_plan_without -- the plan as it is to run: EXPLAIN names columns otherwise where there is
 * more than one relation.
 */
PlannedStmt *
usage_plan_without(PlannedStmt *statement)
{
	PlannedStmt *result;

	if (note_of(statement) == NULL)
		return statement;
	result = makeNode(PlannedStmt);
	*result = *statement;
	result->rtable =
		list_truncate(list_copy(statement->rtable), list_length(statement->rtable) - 1);
	return result;
}

/* usage_plan_again -- the tree of such a statement, for who runs it now */
Query *
usage_plan_again(const PlannedStmt *statement, UsagePlan *plan)
{
	const RangeTblEntry *note = note_of(statement);
	Query *query = copyObject(note->subquery);
	Usage *usage = usage_of(query);

	plan->cursor_options = note->rellockmode;
	plan->entries = usage->entries;
	plan->members = usage->members;
	plan->tree = copyObject(query);
	plan->decided = decide(query, usage, true);
	keep_groups_together(plan);
	return query;
}
