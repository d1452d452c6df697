/*
 * guard.h
 *	  What may not pass: statements whose policy core skipped, utility
 *	  commands, and changes of objects that protection rests on.
 */
#ifndef PRIVSEG_GUARD_H
#define PRIVSEG_GUARD_H

#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "commands/explain.h"
#include "nodes/parsenodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "tcop/utility.h"
#include "utils/snapshot.h"
#include "policy.h"

#pragma GCC visibility push(hidden)

/* guard_query.c */
/* what a statement has that is looked at, or changed, before it is planned */
typedef struct QueryUses
{
	PlannerGlobal *global; /* has the parameters, and gets what the plan must be invalidated by */
	bool is_protected;     /* relations that are protected */
	bool counters;         /* functions and columns that count rows */
	bool statistics;       /* catalogs of values that ANALYZE has kept */
	bool attributes;       /* pg_attribute */
	bool added;            /* functions and operators that core does not bring */
} QueryUses;
extern void guard_query(Query *query, QueryUses *uses);

/* guard_referential.c */
extern Oid guard_referential(Query *query, const PolicyContext *context);
extern bool guard_may_run_referential(Oid relid, const PolicyContext *context);
extern bool guard_permissions(List *range_table, bool raises);

/* guard_cascade.c */
extern void guard_cascade(Query *query);

/* guard_plan.c */
extern void guard_plan(PlannedStmt *plan);
extern void guard_locks_nothing_in_parallel(const PlannedStmt *plan);
extern PolicyReads guard_execution(PlannedStmt *plan, const PolicyContext *context);
extern PolicyReads guard_reads(PlannedStmt *plan);
extern void guard_referential_planned(PlannedStmt *plan, Oid relid);
extern bool guard_is_referential(PlannedStmt *plan);

/* guard_copy.c */
extern void guard_copy(CopyStmt *copy);
extern bool guard_copies_for_replication(Node *node);
extern Oid guard_copying;
extern void guard_stays_as_copied(Oid relid);
extern bool guard_copy_from(PlannedStmt *statement, const char *query_string,
							QueryEnvironment *environment, QueryCompletion *completion);

/* guard_children.c */
extern void guard_depend_on_none(void);
/* trees of a protected relation, by their roots, in the command that runs */
typedef struct GuardTrees
{
	List *joined; /* they have a new member */
	List *bereft; /* they have lost one, which tells of a classified column */
} GuardTrees;

extern GuardTrees guard_trees;
extern void guard_joined(Oid root);
extern void guard_children(GuardTrees trees);

/* guard_into.c */
typedef enum GuardMaking
{
	MAKES_NOTHING, /* that the policy does not follow */
	MAKES_TABLE,
	MAKES_TEMPORARY,
	MAKES_VIEW,
	MAKES_FILE,
	MAKES_PROGRAM
} GuardMaking;
extern GuardMaking guard_making;
extern GuardMaking guard_makes(const IntoClause *into);
extern GuardMaking guard_command_makes(Node *node);
extern void guard_made(GuardMaking making) pg_attribute_noreturn();
extern Oid guard_copies(Query *top);
extern void guard_into(PlannedStmt *plan);
extern void guard_rewritten(List *range_table);

/* guard_explain.c */
extern void
guard_explain(Query *query, int cursor_options, IntoClause *into, ExplainState *state,
			  const char *query_string, ParamListInfo params, QueryEnvironment *environment);
extern void guard_explain_execute(ExplainStmt *explain);
extern bool guard_watching;
extern void guard_watched(void) pg_attribute_noreturn();
extern void guard_print(void);

/* guard_worker.c */
extern Size guard_worker_shmem_size(void);
extern void guard_worker_shmem_startup(void);
extern void guard_lead(void);
extern void guard_policed(bool core);
extern void guard_planned(void);
extern uint64 guard_n_policed(void);

/* guard_counters.c */
extern bool guard_sees_counts(void);
extern bool guard_sees_counters(void);
extern bool guard_counts_rows(Oid function);
extern void guard_counters(Query *query);
extern void guard_function(Oid function);
extern bool guard_is_of_protected(Oid relid);

/* guard_column.c */
extern bool guard_counts(Oid catalog);
extern bool guard_replaces_column(const Var *var, const RangeTblEntry *rte);
extern Node *guard_column(Var *var, const RangeTblEntry *rte);

/* guard_verbose.c */
extern void guard_verbose(Node *node);
extern bool guard_is_quiet(Node *node);
extern void guard_command_failed(void);

/* guard_statistics.c */
extern void guard_statistics(Query *query);
extern bool guard_keeps_statistics(Oid relid);

/* guard_cursor.c */
extern void guard_cursor_declared(const char *name);
extern void guard_cursor_fetched(const char *name);

/* guard_utility.c */
extern Oid guard_locked_relation(RangeVar *relation, LOCKMODE mode, bool missing_ok);
extern bool guard_option(List *options, const char *name);
extern bool guard_rewrites(Node *node);
extern void guard_utility(PlannedStmt *statement);

/* guard_order.c */
extern void guard_cluster(ClusterStmt *cluster);
extern bool order_is_no_news(Oid type);
extern void guard_index_altered(Oid index);

/* guard_role.c */
extern void guard_role(Node *node);
extern void guard_grant(Oid function);

/* guard_object.c */
extern void guard_column_renamed(Oid relid, const char *from, const char *to);
extern void
guard_object(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg);

/* guard_overload.c */
extern void guard_overload(Oid class_id, Oid object_id);

/* guard_publication.c */
extern void guard_publication(Oid catalog, Oid object);
extern void guard_published(Oid relid, Oid namespace);

/* guard_domain.c */
extern void guard_domain(AlterDomainStmt *alter);
extern void guard_domain_checked(Oid domain);
extern void guard_domain_code(Oid domain, Node *check);
extern char *guard_checked_by(Oid type);
extern void guard_row_type_changed(Oid relid);

/* guard_fit.c */
extern void guard_index_must_fit(HeapTuple index, List *expressions, bool partial, bool rewritten);
extern void guard_refuse_what_may_not_fit(Oid relid, const char *what);

/* guard_foreign_key.c */
extern Oid guard_referring(Oid relid);
extern int guard_columns_of(HeapTuple constraint, AttrNumber in, int16 *columns);
extern bool guard_may_refer(HeapTuple tuple, Form_pg_constraint form, Oid protected);
extern bool guard_compares_classified(HeapTuple tuple, Form_pg_constraint form, Oid protected);
extern void guard_primary_key(HeapTuple tuple, Form_pg_constraint form);
extern void guard_reference(HeapTuple tuple, Form_pg_constraint form, bool created, bool validates);

/* guard_index.c */
extern bool guard_is_indexed(Oid relid, AttrNumber column);
extern const oidvector *guard_index_classes(HeapTuple tuple);
extern void guard_index_created(Oid index, bool retyped);
extern void guard_joins_tree(Oid member, Oid parent);

/* guard_define.c; and why something is refused */
#define RUNS_CODE "It would run code that is not known to be silent over rows of everybody."
#define CONVERTS \
	"It would run code of a user over rows of everybody, or one of them may not convert, and is told."
#define WHILE_REWRITTEN "It would run code of a user while rows of everybody are written anew."
#define SET_LATER \
	"It would run code of a user for rows of everybody. Add the column, then SET DEFAULT."
#define TELLS_SIZE "The size of it answers what it asks about rows of anybody."
#define TELLS_LENGTH \
	"Beside it, an index would tell how long other values are. Add the column, then SET DEFAULT."
#define TELLS_WIDTH "A row that no longer fits is told, and its length."
#define TELLS_ROWS "It is checked against rows of everybody, and its failure tells of one."

typedef struct GuardCommand
{
	bool in_command;
	bool maintains;
	bool administers;
	bool retyped;
	int n_added;
} GuardCommand;
extern bool guard_in_command;
extern GuardCommand guard_command_begins(Node *command);
extern void guard_command_ends(GuardCommand outer);
extern void guard_refuse(Oid relid, const char *what, const char *why) pg_attribute_noreturn();
extern void guard_column_altered(Oid relid, Form_pg_attribute before, Form_pg_attribute after);
extern void guard_default_partition(Oid parent);
extern bool guard_may_define(void);
extern bool guard_may_compare(void);
extern Oid guard_root_now(Oid relid);
extern bool guard_is_protected_now(Oid relid);
extern bool guard_is_empty(Oid relid);
extern bool guard_is_empty_tree(Oid relid);
extern Node *guard_expression(HeapTuple tuple, AttrNumber column, Oid catalog);
extern bool guard_is_of_added(HeapTuple constraint, Oid relid);
extern void guard_defined(bool created, Oid class_id, Oid object_id, int sub_id);

/* guard_encrypted.c */
extern bool guard_changes_storage;
extern void guard_encrypted_column(Oid relid, Form_pg_attribute before, Form_pg_attribute after);
extern bool guard_has_encrypted(Oid relid);
extern bool guard_comes_behind(const char *name, int16 type);
extern void guard_refuse_behind(const char *trigger, Oid relid) pg_attribute_noreturn();
extern void guard_encrypted_joins(Oid member, Oid parent);
extern void guard_encrypted_created(Oid class_id, Oid object_id, int sub_id);
extern void guard_partition_key(void);
extern void guard_retyped(Oid relid, const AlterTableCmd *command);
extern void guard_encrypted_dropped(Oid relid, const AlterTableCmd *command);
extern void guard_create_range(CreateRangeStmt *create);

/* guard_log.c */
extern void guard_log(ErrorData *error);

/* guard_bound.c */
extern void guard_bound_write(Query *query, const RangeTblEntry *rte, Index varno);
extern void guard_bound_statement(Query *query);
extern void guard_bound_copy(CopyStmt *copy);
extern bool guard_opens(Query *query);
extern void guard_closed_write(const PlannedStmt *plan);
extern DestReceiver *guard_bound_receiver(DestReceiver *next, TupleDesc result);

/* guard_search.c */
extern bool guard_is_searchable(Oid relid, const char *column);
extern Node *guard_may_find(Oid relid, const Var *column);
extern bool guard_is_search_class(Oid opclass);
extern void guard_create_index(IndexStmt *create);

/* does such a name say that it is protection's own?  One of its triggers must sort last. */
static inline bool
guard_is_our_name(const char *name)
{
	return strncmp(name[0] == '~' ? name + 1 : name, "privseg", 7) == 0;
}

/* guard_alter.c */
extern HeapTuple guard_column_row(Oid relid, AttrNumber number);
extern HeapTuple guard_row_of_column(Oid catalog, Oid index, AttrNumber relid_column,
									 AttrNumber number_column, Oid relid, AttrNumber number);
extern HeapTuple
guard_row_of_oid(Oid catalog, Oid index, AttrNumber column, Oid oid, Snapshot snapshot);
extern List *guard_parents(Oid child, Snapshot snapshot);
extern void guard_belongs_to_protection(const char *object, Oid relid);
extern void guard_altered(bool created, Oid class_id, Oid object_id, int sub_id, Oid auxiliary);

/* guard_partition.c */
extern void guard_part_dropped(Oid relid);
extern void guard_bereft(const List *roots);
extern void guard_part_altered(const AlterTableStmt *alter, Oid relid);
extern void guard_part_rewritten(Oid relid);
extern void guard_part_joins(Oid member, Oid parent, Oid root);

/* guard_class.c */
extern Bitmapset *guard_made_of(Oid relid, AttrNumber column);
extern void guard_generated_made(Oid member, AttrNumber column, Oid root);
extern bool guard_class_is_free(void);
extern bool guard_is_classified(Oid root, const char *name);
extern void guard_class_joins(Oid member, Oid root);
extern void guard_rows_join(Oid member, Oid root);
extern bool guard_hands_rows(HeapTuple trigger);
extern void guard_class_set(Oid root, const char *name);
extern void guard_class_dropped(Oid root, const char *name);
extern void guard_policy_made(Oid policy);
extern void guard_trigger_made(Oid relid);

/* guard_label.c */
extern void guard_relabel(const ObjectAddress *object, const char *label);

#pragma GCC visibility pop

#endif /* PRIVSEG_GUARD_H */
