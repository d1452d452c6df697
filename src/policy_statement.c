/*
 * policy_statement.c
 *	  Statements that are open or running: who began them, under which purpose, and
 *	  for whom core's own queries for foreign keys act.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "consent.h"
#include "errors.h"
#include "guc.h"
#include "miscadmin.h"
#include "policy.h"
#include "replication/logicalworker.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/uuid.h"

/* ---- open: one purpose per statement ---- */

/* The executor's context of each statement that is open; a cursor is one, too. */
typedef struct OpenStatement
{
	struct OpenStatement *next;
	MemoryContext context;
	MemoryContextCallback callback;
	PolicyReader reader;
	int depth; /* of its plan */
} OpenStatement;

static OpenStatement *open_statements = NULL;

static void
statement_ends(void *argument)
{
	OpenStatement **link = &open_statements;

	while (*link != NULL && *link != argument)
		link = &(*link)->next;
	if (*link != NULL)
		*link = (*link)->next;
}

/* policy_reader -- who reads here and now */
PolicyReader
policy_reader(PolicyReads reads)
{
	/* the statement that its leader runs, and not one inside it */
	bool in_worker = IsParallelWorker() && open_statements == NULL;
	PolicyReader reader;

	reader.reads = reads;
	reader.user = GetUserId();
	strlcpy(reader.purpose, guc_purpose ? guc_purpose : "", NAMEDATALEN);
	memset(&reader.resolved, 0, sizeof(Purpose));
	reader.group_size = 0;
	reader.repeat = (PolicyRepeat){0};
	reader.uses = NULL;
	/* what runs inside begins later, and has a snapshot of its own */
	reader.moment = consent_now(in_worker);
	if (reads != READS_PERMITTED)
		return reader;
	/* the rows of a statement ask for none themselves: see resolve_state() */
	reader.resolved = policy_require_purpose(reader.user);
	reader.group_size = reader.resolved.min_group_size;
	if (reader.group_size == 0)
		reader.group_size = guc_min_group_size;
	reader.repeat = policy_repeat_begins((PolicyQuestion){0}, in_worker);
	return reader;
}

/*
 * policy_statement_begins -- remember who begins a statement, and what it reads
 *	depth		of its plan, in nodes
 *	asked		by it; NULL: that is not known
 */
void
policy_statement_begins(MemoryContext query_context, PolicyReads reads, int depth,
						const PolicyAsked *asked)
{
	OpenStatement *statement = MemoryContextAllocZero(query_context, sizeof(OpenStatement));

	statement->context = query_context;
	statement->reader = policy_reader(reads);
	statement->reader.repeat.question = asked != NULL ? asked->question : (PolicyQuestion){0};
	statement->reader.uses = asked != NULL ? asked->uses : NULL;
	statement->depth = depth;
	statement->callback.func = statement_ends;
	statement->callback.arg = statement;
	statement->next = open_statements;
	open_statements = statement;
	MemoryContextRegisterResetCallback(query_context, &statement->callback);
}

/* policy_statement_publish -- the moment of a statement, to its parallel workers */
void
policy_statement_publish(MemoryContext query_context)
{
	consent_shmem_publish_time(policy_reader_of_statement(query_context)->moment);
}

/* the statement that is open in this very context, or NULL */
static OpenStatement *
open_in(MemoryContext context)
{
	OpenStatement *open = open_statements;

	while (open != NULL && open->context != context)
		open = open->next;
	return open;
}

/* policy_reader_of_statement -- who began it, and under which purpose; NULL: not known */
const PolicyReader *
policy_reader_of_statement(MemoryContext context)
{
	for (; context != NULL; context = MemoryContextGetParent(context))
	{
		const OpenStatement *open = open_in(context);

		if (open != NULL)
			return &open->reader;
	}
	return NULL;
}

/*
 * policy_is_rechecked -- is what was initialized in this context part of a statement, but not
 * of its own plan?  Core plans a part of it again where a row that it is to lock or change
 * was changed meanwhile, and looks at the newest version then.
 */
bool
policy_is_rechecked(MemoryContext context)
{
	return open_in(context) == NULL && policy_reader_of_statement(context) != NULL;
}

/* policy_purpose_changed -- refuse to go on */
void
policy_purpose_changed(const char *began)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED), errmsg("the purpose changed while the statement was running"),
		 errdetail("It began under purpose \"%s\".", began),
		 errhint("Run it anew, under one purpose from its beginning to its end; a cursor, too.")));
}

/*
 * policy_reader_goes_on -- may rows that were read then be handed out now?  Rows
 * depend on the purpose and the subject; so another role may go on that is
 * cleared for the purpose, too, and for the uses of columns (usage_plan.c).
 */
void
policy_reader_goes_on(const PolicyReader *reader)
{
	if (reader->reads == READS_NOTHING)
		return;
	if (reader->reads == READS_ALL)
	{
		if (!row_security_bypassed())
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_DENIED),
					 errmsg("the statement began under row_security = off and may not go on"),
					 errhint("Close the cursor and run the statement anew.")));
		return;
	}
	if (strcmp(reader->purpose, guc_purpose ? guc_purpose : "") != 0)
		policy_purpose_changed(reader->purpose);
	if (reader->user != GetUserId())
		(void) policy_require_purpose(GetUserId());
}

/*
 * policy_statement_goes_on -- before more rows of a statement are fetched.  A
 * cursor is opened once and fetched from later, and what a sort or a join has
 * kept is not asked about again.  Returns what it reads.
 */
PolicyReads
policy_statement_goes_on(MemoryContext query_context)
{
	const OpenStatement *open = open_in(query_context);

	if (open == NULL)
		return READS_NOTHING;
	/* what others have changed is heard now, and not when the first row is asked about */
	AcceptInvalidationMessages();
	policy_reader_goes_on(&open->reader);
	if (open->reader.reads == READS_PERMITTED)
		policy_leave_stack(open->depth);
	return open->reader.reads;
}

/*
 * policy_statement_went_on -- afterwards: the same, for rows were judged by who began it.
 * They do not say so themselves: that one was asked about would be told by an error.
 */
void
policy_statement_went_on(MemoryContext query_context)
{
	const OpenStatement *open = open_in(query_context);

	if (open == NULL)
		return;
	/* nor is it told afterwards whether one was */
	AcceptInvalidationMessages();
	policy_reader_goes_on(&open->reader);
}

/* policy_statement_reads -- as policy_statement_begins() was told */
PolicyReads
policy_statement_reads(MemoryContext query_context)
{
	const OpenStatement *open = open_in(query_context);

	return open != NULL ? open->reader.reads : READS_NOTHING;
}

/*
 * policy_statement_failed -- throw the error on.  Core puts rows and keys into the details
 * of violated constraints where the relation's owner is bound by no row security; here
 * they may be of anybody, and a cascade runs as the owner whoever began it.
 *	referential		one of core's for a foreign key
 */
void
policy_statement_failed(MemoryContext query_context, bool referential)
{
	MemoryContext error_context = CurrentMemoryContext;
	ErrorData *error;

	if (!referential && policy_statement_reads(query_context) != READS_PERMITTED)
		PG_RE_THROW();
	MemoryContextSwitchTo(query_context);
	error = CopyErrorData();
	if (referential && error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
	{
		/* which one, and how long it is */
		error->message = pstrdup("a row that a foreign key's action changes is too long");
		error->hint = NULL;
	}
	else if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
	{
		MemoryContextSwitchTo(error_context);
		PG_RE_THROW();
	}
	FlushErrorState();
	error->detail = NULL;
	ReThrowError(error);
}

/* ---- notes in a plan ---- */

/* policy_mark_plan -- note something about a relation, for when the plan runs */
void
policy_mark_plan(PlannedStmt *plan, PlanMark kind, Oid relid)
{
	PlanInvalItem *mark = makeNode(PlanInvalItem);

	mark->cacheId = kind;
	mark->hashValue = relid;
	plan->invalItems = lappend(plan->invalItems, mark);
}

/* ---- running ---- */

static PolicyExecution *executions = NULL;

/* to the parallel workers that this statement may start; in parallel mode it starts none */
static void
publish_repeat(MemoryContext query_context)
{
	const OpenStatement *open = open_in(query_context);

	if (!IsInParallelMode())
		policy_repeat_publish(open != NULL ? open->reader.repeat : (PolicyRepeat){0});
}

/*
 * policy_execution_begins -- from now on the innermost statement that runs.
 *	referential		one of core's for a foreign key, or of policy_carry.c
 *	carrying		of the latter: the relation; else InvalidOid
 *	memory			lasts as long as it runs
 */
void
policy_execution_begins(PolicyExecution *execution, const PlannedStmt *plan, bool referential,
						Oid carrying, MemoryContext memory)
{
	MemSet(execution, 0, sizeof(*execution));
	execution->outer = executions;
	execution->user = GetUserId();
	execution->referential = referential;
	execution->newer =
		plan->commandType != CMD_SELECT || plan->hasModifyingCTE || plan->rowMarks != NIL;
	execution->carrying = carrying;
	execution->memory = memory;
	execution->repeat = policy_repeat_running();
	publish_repeat(memory);
	executions = execution;
}

/* policy_execution_ends -- also after an error */
void
policy_execution_ends(PolicyExecution *execution)
{
	executions = execution->outer;
	policy_repeat_publish(execution->repeat);
}

/* policy_actor -- for whom does core act, in the query of a foreign key that runs? */
Oid
policy_actor(void)
{
	for (PolicyExecution *execution = executions; execution != NULL; execution = execution->outer)
		if (!execution->referential)
			return execution->user;
	/* at the end of a transaction */
	return GetOuterUserId();
}

/*
 * policy_rows_may_be_newer -- may the innermost statement come to versions of rows that are newer
 * than what it sees?  What it locks, writes, or finds in the way of a new row.
 */
bool
policy_rows_may_be_newer(void)
{
	return executions != NULL && executions->newer && !IsInParallelMode();
}

/* policy_is_referential -- is the innermost statement one of core's for a foreign key? */
bool
policy_is_referential(void)
{
	return executions != NULL && executions->referential;
}

/* policy_carried -- the relation whose subjects the innermost statement carries, or InvalidOid */
Oid
policy_carried(void)
{
	return executions != NULL ? executions->carrying : InvalidOid;
}

/* policy_cascade_bypasses -- as row_security_bypassed(), of whoever core acts for in an action of a foreign key */
bool
policy_cascade_bypasses(void)
{
	/* what was replayed was allowed where it was done */
	return IsLogicalWorker() ||
		   (guc_row_security_is_off() && has_bypassrls_privilege(policy_actor()) &&
			has_bypassrls_privilege(GetOuterUserId()) &&
			has_bypassrls_privilege(GetSessionUserId()));
}

/* policy_actor_bypasses -- as row_security_bypassed(), of whoever core acts for */
bool
policy_actor_bypasses(void)
{
	return policy_is_referential() || IsLogicalWorker() ? policy_cascade_bypasses() :
														  row_security_bypassed();
}

/* ---- in core's security context for foreign keys ---- */

Oid policy_carrying = InvalidOid;

/*
 * policy_context_enter -- note that a query was handed over in core's security
 * context for foreign keys, and leave that context: what runs from here on is the
 * planner and the executor, and with them code of users in triggers, defaults and
 * operators, which is not core's query.  Core sets it anew for its next one.
 */
void
policy_context_enter(PolicyContext *context)
{
	GetUserIdAndSecContext(&context->user, &context->security);
	context->referential = (context->security & SECURITY_NOFORCE_RLS) != 0;
	context->carrying = policy_carrying;
	if (!context->referential)
		return;
	SetUserIdAndSecContext(context->user, context->security & ~SECURITY_NOFORCE_RLS);
	policy_carrying = InvalidOid;
}

/* policy_context_leave -- also after an error */
void
policy_context_leave(const PolicyContext *context)
{
	if (!context->referential)
		return;
	SetUserIdAndSecContext(context->user, context->security);
	policy_carrying = context->carrying;
}

/* ---- the key a row must keep ---- */

/* policy_as_key -- a value of a key column, as row_permitted() takes it */
Datum
policy_as_key(Datum value, Oid type)
{
	if (type == INT4OID)
		return Int64GetDatum(DatumGetInt32(value));
	if (type == INT2OID)
		return Int64GetDatum(DatumGetInt16(value));
	return value;
}

/* policy_key_bytes -- of a key as row_permitted() takes it: two are equal where these are */
void
policy_key_bytes(Datum key, KeyKind kind, KeyBytes *bytes)
{
	switch (kind)
	{
		case KEY_INTEGER:
			bytes->integer = DatumGetInt64(key);
			bytes->data = &bytes->integer;
			bytes->length = sizeof(int64);
			break;
		case KEY_UUID:
			bytes->data = DatumGetUUIDP(key)->data;
			bytes->length = UUID_LEN;
			break;
		default:
		{
			text *value = DatumGetTextPP(key);

			bytes->data = VARDATA_ANY(value);
			bytes->length = VARSIZE_ANY_EXHDR(value);
		}
	}
}

/*
 * policy_expect_key -- the row that the innermost statement is about to write must
 * have this key when all triggers are done with it.
 *	which			0: its own; i: of the i-th column that it is also about
 *	key, length		its bytes; NULL for none
 */
void
policy_expect_key(int which, const void *key, size_t length)
{
	ExpectedKey *expected;

	if (executions == NULL)
		return;
	expected = &executions->expected[which];
	if (expected->data == NULL || expected->size < length)
	{
		expected->size = Max(length, 16);
		expected->data = MemoryContextAlloc(executions->memory, expected->size);
	}
	expected->is_told = true;
	expected->is_null = key == NULL;
	expected->length = length;
	if (key != NULL)
		memcpy(expected->data, key, length);
}

/* policy_expect_nothing -- it may have any */
void
policy_expect_nothing(int which)
{
	if (executions != NULL)
		executions->expected[which].is_told = false;
}

/* policy_key_is_expected -- is it the one?  Asked once for each that was told. */
bool
policy_key_is_expected(int which, const void *key, size_t length)
{
	ExpectedKey *expected;

	if (executions == NULL || !executions->expected[which].is_told)
		return true;
	expected = &executions->expected[which];
	expected->is_told = false;
	if (key == NULL || expected->is_null)
		return (key == NULL) == expected->is_null;
	return length == expected->length && memcmp(key, expected->data, length) == 0;
}
