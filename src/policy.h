/*
 * policy.h
 *	  The row policy: what is added to a statement, and what it asks when the
 *	  statement runs.
 */
#ifndef PRIVSEG_POLICY_H
#define PRIVSEG_POLICY_H

#include "catalog.h"
#include "executor/execdesc.h"
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

#pragma GCC visibility push(hidden)

extern List *policy_permissive(CmdType command, Relation relation);
extern List *policy_restrictive(CmdType command, Relation relation);
extern List *policy_read_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_conflict_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_insert_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_update_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_cascade_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_moved_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern List *policy_copy_quals(const ProtectedRelation *entry, Oid relid, Index varno);
extern bool policy_is_subject_table(const ProtectedRelation *entry, Oid relid);
extern bool policy_is(Node *qual, List *policy);
extern bool policy_holds(Node *qual, List *policy, List *index_columns);
extern bool
policy_leads(List *quals, List *policy, List *index_columns, bool (*is_safe)(Node *qual));
extern Expr *policy_key(Oid relid, const char *column, KeyKind kind, Index varno);
extern Expr *policy_explicit(const ProtectedRelation *entry, Oid relid, Index varno);
extern bool policy_is_call(Node *node);
extern bool policy_is_ours(Node *node);
extern Node *policy_mark_condition(Node *condition);
extern bool policy_is_condition(Node *qual);
extern Node *policy_reads_to_writes(Node *qual);
extern Purpose policy_require_purpose(Oid user);

/* what a statement, or the rows it has left in a cursor, may hold */
typedef enum PolicyReads
{
	READS_NOTHING,   /* that is protected */
	READS_PERMITTED, /* who permits the purpose */
	READS_ALL        /* row_security = off was honoured */
} PolicyReads;

/* numbers that are the same where the same is asked again; 0: it cannot be known */
typedef struct PolicyQuestion
{
	uint64 statement;
	uint64
		groups; /* the same groups of the same rows, whatever is asked of them; 0: it is not so simple */
} PolicyQuestion;

/* what tells one execution of a statement from another, and what they have in common */
typedef struct PolicyRepeat
{
	uint64 execution; /* unlike that of any other; 0: it reads nothing under the policy */
	PolicyQuestion question;
} PolicyRepeat;

/* what a statement asks */
typedef struct PolicyAsked
{
	PolicyQuestion question;
	const void *uses; /* of columns, and what was decided about them (usage_plan.c), or NULL */
	bool groups;      /* are some of its answers of groups only? */
} PolicyAsked;

typedef struct PolicyReader
{
	PolicyReads reads;
	Oid user;
	char purpose[NAMEDATALEN];
	Purpose resolved;   /* where it reads what is permitted */
	TimestampTz moment; /* that its decisions are made for, also of rows it fetches later */
	int group_size;     /* where it reads what is permitted: of groups that are shown, at least */
	PolicyRepeat repeat;
	const void *uses; /* as in PolicyAsked */
} PolicyReader;

/* ---- statements (policy_statement.c) ---- */

extern PolicyReader policy_reader(PolicyReads reads);
extern void policy_reader_goes_on(const PolicyReader *reader);
extern void policy_statement_begins(MemoryContext query_context, PolicyReads reads, int depth,
									const PolicyAsked *asked);
extern PolicyReads policy_statement_goes_on(MemoryContext query_context);
extern PolicyReads policy_statement_reads(MemoryContext query_context);
extern void policy_statement_went_on(MemoryContext query_context);
extern const PolicyReader *policy_reader_of_statement(MemoryContext context);
extern bool policy_is_rechecked(MemoryContext context);
extern void policy_statement_publish(MemoryContext query_context);
extern void policy_purpose_changed(const char *began) pg_attribute_noreturn();

/* a statement that runs; one inside the other */
/* a row's own key, and those of whom it is also about */
#define POLICY_MAX_KEYS 10

typedef struct ExpectedKey
{
	bool is_told;
	bool is_null;
	size_t length;
	size_t size; /* of the memory */
	char *data;
} ExpectedKey;

typedef struct PolicyExecution
{
	struct PolicyExecution *outer;
	Oid user;
	bool referential;
	bool newer; /* it comes to versions of rows that are newer than what it sees */
	Oid carrying;
	MemoryContext memory;
	PolicyRepeat repeat; /* that its parallel workers, if any, had been told before */
	/* the keys that the row it is about to write must have */
	ExpectedKey expected[POLICY_MAX_KEYS];
} PolicyExecution;

extern void policy_execution_begins(PolicyExecution *execution, const PlannedStmt *plan,
									bool referential, Oid carrying, MemoryContext memory);
extern void policy_execution_ends(PolicyExecution *execution);
extern void
policy_statement_failed(MemoryContext query_context, bool referential) pg_attribute_noreturn();
extern Oid policy_actor(void);
extern bool policy_actor_bypasses(void);
extern bool policy_cascade_bypasses(void);
extern bool policy_is_referential(void);
extern bool policy_rows_may_be_newer(void);
extern Oid policy_carried(void);

/* of the execution to parallel workers (policy_cohort.c) */
extern PolicyRepeat policy_repeat_begins(PolicyQuestion question, bool in_worker);
extern PolicyRepeat policy_repeat_running(void);
extern void policy_repeat_publish(PolicyRepeat repeat);

typedef struct KeyBytes
{
	const void *data;
	size_t length;
	int64 integer;
} KeyBytes;

extern Datum policy_as_key(Datum value, Oid type);
extern void policy_key_bytes(Datum key, KeyKind kind, KeyBytes *bytes);
extern void policy_expect_key(int which, const void *key, size_t length);
extern void policy_expect_nothing(int which);
extern bool policy_key_is_expected(int which, const void *key, size_t length);

/* the security context in which a query was handed over */
typedef struct PolicyContext
{
	Oid user;
	int security;
	bool referential; /* core's for foreign keys, or that of policy_carry.c */
	Oid carrying;     /* of the latter: the relation; else InvalidOid */
} PolicyContext;

extern Oid policy_carrying; /* policy_carry.c hands over a query about this relation */
extern void policy_context_enter(PolicyContext *context);
extern void policy_context_leave(const PolicyContext *context);

/* ---- groups (policy_enough.c, policy_differ.c, policy_group_cell.c) ---- */

extern Oid policy_enough_function(KeyKind kind);
extern Oid policy_differ_function(void);
extern Oid policy_float8_function(void);
extern Oid policy_moment_function(Oid type);
#define POLICY_MOST_CELLS 0xffff
#define POLICY_MOST_COLUMNS 0xfff
#define POLICY_FACTORS 0xffe /* a column's number: of what others are multiplied by */
#define POLICY_CELL_ALSO 1
#define POLICY_CELL_ONCE 2
#define POLICY_CELL_DISJOINT 4
#define POLICY_CELL_CHOSEN 8
extern Const *policy_group_cell(Oid domain, uint32 cell, uint32 column, int flags);

/* ---- expressions (policy_expression.c) ---- */

extern Node *expression_choice(Node *test, Node *value, Node *otherwise);
extern Node *expression_null_test(Node *value, NullTestType type);
extern Node *expression_null_of(Node *value);
extern bool expression_is_null(Node *value);
extern Aggref *expression_aggregate(Oid function, Oid result, List *args, Expr *filter);

/* ---- parameters (policy_parameter.c) ---- */

extern void policy_parameters_begin(QueryDesc *query);
extern bool policy_parameter_is_fetched(const Param *parameter);

/* ---- notes in a plan, that outlive it in the cache (policy_statement.c) ---- */

/* stand among the plan's invalidation items; there are no such syscaches */
typedef enum PlanMark
{
	MARK_REFERENTIAL = -42, /* one of core's for a foreign key on this relation; the last item */
	MARK_COPIES = -60,      /* would copy protected rows into this relation */
	MARK_LONG = -77,        /* asks for long values of this relation before the policy */
	MARK_OPENS = -85        /* writes, and opens encrypted values */
} PlanMark;

extern void policy_mark_plan(PlannedStmt *plan, PlanMark kind, Oid relid);

/* policy_page.c */
extern int policy_pages_begin(PlanState *root);

/* ---- what a statement leaves behind (policy_traces.c) ---- */

extern void policy_lock_whole(EState *state, bool all);
extern void policy_compile(PlanState *state);
extern bool policy_reads_long(List *quals);
extern void policy_lock_long(const PlannedStmt *plan, bool all);
extern void policy_leave_stack(int depth);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_H */
