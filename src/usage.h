/*
 * usage.h
 *	  Columns: what a statement uses them for, and what its role is shown of them.
 *
 *	  usage_walk.h		which column is used for what, and where in the tree
 *	  usage_decide.c	what a role is cleared for, of these uses
 *	  usage_mask.c		mask expressions
 *	  usage_trust.c		whose code is in them
 *	  usage_masked.c	those that are computed apart from the statement
 *	  usage_apply.c		masks put in the columns' places
 *	  usage_write.c		columns that a role may not write
 *	  usage_compared.c	columns that constraints ask again where others are set
 *	  usage_silent.c	expressions that tell of no row
 *	  usage_told.c		calls that may tell what they are made with
 *	  usage_group.c		groups of enough subjects
 *	  usage_call.c		and the constants that functions are called with
 *	  usage_quiet.c		what tells of no row that it is run beside
 *	  usage_fit.c		values that functions raise for
 *	  usage_settle.c	and what is of no row at all
 *	  usage_question.c	the same statement, asked again
 *	  usage_written.c	what the transaction has changed
 *	  usage_order.c		indexes whose order would tell of columns
 *	  usage_plan.c		all of it, for a statement that is planned and one that runs
 *
 * A plan is kept, and shared between roles and purposes, and outlives grants.  So it carries the
 * uses, which are the same for all, and what was decided about them when it was made.  When it
 * runs they are decided anew; where that comes to something else, the statement is planned again
 * from its tree, which the plan carries, too.
 */
#ifndef PRIVSEG_USAGE_H
#define PRIVSEG_USAGE_H

#include "catalog.h"
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "policy.h"
#include "utils/relcache.h"

#pragma GCC visibility push(hidden)

/* a column of a new row is filled */
#define USE_INSERT 0x100
/* ON CONFLICT finds a row by it */
#define USE_FIND 0x200
/* which partition a row is in is shown, and tells of it; there is no mask for that */
#define USE_TELL 0x400
/* or is asked for: by tableoid, or by naming the partition */
#define USE_PARTITION 0x800
/* a part of it is assigned, and the rest stays: there is no mask for that either */
#define USE_PART 0x1000
/* as it is stored, a constraint compares it with a column that is set: no mask either */
#define USE_COMPARE 0x2000
/* so it does, or with what is written there, by who may write it */
#define USE_COMPARE_SET 0x4000

/* a column of a protected relation that is written to */
typedef struct UsageTarget
{
	Oid root;
	AttrNumber column; /* of the root */
} UsageTarget;

/* a use of a column of a protected relation */
typedef struct UsageEntry
{
	Oid root;
	AttrNumber column; /* of the root */
	int use;           /* one of USE_* */
	UsageTarget into;  /* it is copied there; or InvalidOid */
} UsageEntry;

/* where in a statement's tree a column stands that is used */
typedef struct UsagePlace
{
	Node *node; /* in the tree: a Var, or the call that opens one */
	Var *var;
	int context;         /* USE_* of what comes of it */
	Query *query;        /* that var is of */
	Oid root;            /* InvalidOid: it comes from no one column of a protected relation */
	AttrNumber column;   /* of the root */
	RangeTblEntry *base; /* of that relation */
	List *parts;         /* of a whole row: UsagePlace * of its columns, without var: dropped */
	bool filtered;       /* below, rows were grouped or told apart by it */
	bool chosen;         /* an aggregate of it decides which rows, or groups, are there */
	bool grouped;        /* beside what its query is grouped by, not inside an aggregate */
	TargetEntry *entry;  /* which it is in, where that is shown, and sorted or grouped by */
	bool groups;         /* which is grouped by */
	bool distinct;       /* which rows are told apart by */
	bool alone;          /* and it is all of that */
	bool conflicts;      /* where ON CONFLICT updates */
} UsagePlace;

/* a column that is written */
typedef struct UsageWrite
{
	Query *query;
	List *targets; /* that entry is in */
	TargetEntry *entry;
	bool updates; /* false: inserts */
	Oid root;
	AttrNumber column;
	AttrNumber number; /* in the relation that is written to */
	bool encrypted;    /* who may write it, is looked at when the row comes */
} UsageWrite;

typedef struct Usage
{
	List *entries; /* of UsageEntry * */
	List *places;  /* of UsagePlace * */
	List *writes;  /* of UsageWrite * */
	List *left;    /* of TargetEntry *: columns that are set to what they are */
	List *targets; /* of UsageTarget * */
	List *asked;   /* Vars in policies of their own table */
	List *members; /* OIDs of what has constraints that were looked at */
	bool modifies; /* a protected relation */
} Usage;

/* ---- usage_walk.c, usage_expr.c, usage_trace.c ---- */

extern Usage *usage_of(Query *query);
extern bool usage_is_through_view(const Query *query);
extern Bitmapset *usage_arbiters(Query *query, Oid root);
extern bool usage_looks_for_casts(Oid function);
extern bool usage_is_of_groups(Oid aggregate);
extern AttrNumber usage_root_column(Oid relid, AttrNumber column, Oid root);

/* ---- usage_decide.c ---- */

typedef enum UsageOutcome
{
	OUTCOME_REFUSED,
	OUTCOME_SHOWN,
	OUTCOME_MASKED,
	OUTCOME_AGGREGATED, /* in groups of enough subjects */
	OUTCOME_GUARDED     /* written only if it is what was shown */
} UsageOutcome;

typedef struct UsageReader
{
	Oid user;
	Purpose purpose;
	bool bypasses;       /* row_security = off is honoured */
	bool aggregate_only; /* is shown groups only */
} UsageReader;

extern bool usage_reader(UsageReader *reader);
extern bool usage_actor(UsageReader *reader);
extern char *usage_column_name(Oid root, AttrNumber column);
extern UsageOutcome usage_outcome(const UsageReader *reader, Oid root, AttrNumber column, int use);
extern bool usage_is_open(const ColumnClass *class);
extern bool usage_needs_explicit(const UsageReader *reader, Oid root, AttrNumber column);
extern List *usage_decide(const UsageReader *reader, List *entries, bool raises);
extern void usage_refuse(const UsageReader *reader, Oid root, AttrNumber column, int use)
	pg_attribute_noreturn();
extern bool usage_is_refused(const List *decided);
extern bool usage_changes_nothing(const List *decided);
extern bool usage_shows_groups(const List *decided);

/* ---- usage_mask.c ---- */

extern Node *usage_mask_of(Oid root, AttrNumber column, Node *value);
extern Node *usage_mask_expression(Oid root, AttrNumber column, Node *value);
extern bool usage_mask_varies(Node *expr);

/* ---- usage_trust.c ---- */

extern bool usage_names_untrusted(Node *raw, Oid type);
extern bool usage_calls_untrusted(Node *expr);
extern bool usage_checks_are_trusted(Oid domain);

/* ---- usage_masked.c ---- */

extern int usage_mask_settings(void);
extern Node *usage_masked_call(Oid root, AttrNumber column, Node *value, bool alone);

/* ---- usage_apply.c ---- */

extern void usage_apply(Query *query, Usage *usage, const UsageReader *reader);

/* ---- usage_write.c ---- */

extern bool usage_default_is_compared(Oid relid, AttrNumber number, Oid root);
extern void usage_may_copy(Oid relid, Oid root, const Bitmapset *columns);

/* ---- usage_compared.c ---- */

extern Bitmapset *usage_index_columns(Relation index);
extern void usage_insert_compares(Usage *usage, Oid relid);
extern void usage_compared(Usage *usage, const Query *query);

/* ---- usage_silent.c ---- */

extern bool usage_is_silent(Node *expr);
extern bool usage_group_is_silent(Node *expr);
extern bool usage_mask_is_silent(Node *expr);
extern bool usage_names_column(Node *expr);
extern bool usage_is_moderate(Node *number);
extern bool usage_is_product(const OpExpr *op);
extern Const *usage_constant(Node *expr);
/* arithmetic of what is aggregated */
typedef struct UsageSum
{
	int arithmetic; /* how much of it there is */
	bool products;  /* a column is not only added to another */
	bool terms;     /* a constant is added */
	bool rounds;    /* a column loses digits */
} UsageSum;

extern bool usage_is_column(Node *expr);
extern bool usage_is_sum_of_columns(Node *expr, UsageSum *sum);

/* ---- usage_call.c ---- */

extern bool usage_takes_constants(Oid function, List *arguments);
extern bool usage_is_part_of_time(Oid function, List *arguments);

/* ---- usage_fit.c ---- */

extern void usage_fit(Query *query);

/* ---- usage_told.c ---- */

extern bool usage_tells(Node *node);
extern bool usage_any_tells(Node *node);

/* ---- usage_group.c ---- */

extern void usage_refuse_rows(const UsageReader *reader, Oid root) pg_attribute_noreturn();

extern bool usage_group(Query *query, const UsageReader *reader, bool raises);

/* ---- usage_quiet.c ---- */

extern bool usage_compares_silently(Node *expr);
extern bool usage_are_compared_silently(List *clause, List *results);

/* ---- usage_settle.c ---- */

extern bool usage_is_pure(Oid function);
extern bool usage_is_of_clock(Node *expr);
extern bool usage_is_setting(Node *expr);
extern bool usage_is_settled(Node *expr);
extern void usage_settle(Query *tree, ParamListInfo params);

/* ---- usage_source.c ---- */

extern bool usage_is_of_role(const RangeTblEntry *rte);

/* ---- usage_question.c ---- */

extern PolicyQuestion usage_question(Query *tree, ParamListInfo params);

/* ---- usage_written.c ---- */

extern void usage_wrote(Oid relid);
extern void usage_writes(const PlannedStmt *statement);
extern void usage_refuse_written(void);

/* ---- usage_plan.c ---- */

typedef struct UsagePlan
{
	List *entries; /* of UsageEntry * */
	List *decided;
	List *members; /* as in Usage */
	Query *tree;   /* before masks; NULL: nothing is noted */
	int cursor_options;
	int settings; /* the level of those that it is planned under; 0: as they are */
} UsagePlan;

extern void usage_plan(Query *query, int cursor_options, bool kept, UsagePlan *plan);
extern void usage_plan_cascade(Query *query, const PolicyContext *context, UsagePlan *plan);
extern void usage_cascade_holds(const PlannedStmt *statement);
extern void usage_plan_noted(PlannedStmt *statement, const UsagePlan *plan);
extern bool usage_plan_holds(const PlannedStmt *statement);
extern PolicyAsked usage_plan_begins(const PlannedStmt *statement, ParamListInfo params);
extern PlannedStmt *usage_plan_without(PlannedStmt *statement);
extern void usage_restrict_indexes(Oid relid, RelOptInfo *rel);
extern Query *usage_plan_again(const PlannedStmt *statement, UsagePlan *plan);
extern const void *usage_kept(const PlannedStmt *statement);
extern void usage_reader_goes_on(const PolicyReader *reader);
extern PolicyReads usage_statement_goes_on(MemoryContext query_context);
extern void usage_statement_went_on(MemoryContext query_context);

#pragma GCC visibility pop

#endif /* PRIVSEG_USAGE_H */
