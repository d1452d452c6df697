/*
 * usage_group.h
 *	  What the files about groups of enough subjects share.
 *
 *	  usage_group.c		queries, and whose rows they read
 *	  usage_key.c		keys that are the same, or grouped by
 *	  usage_cell.c		the groups they make
 *	  usage_made.c		what aggregates are computed of
 *	  usage_widen.c		integers in them, computed in numeric
 *	  usage_factor.c	and what they multiply
 *	  usage_source.c	what the rows are joined with
 *	  usage_repeat.c	and how often each is there then
 *	  usage_quiet.c		what tells of no row that it is run beside
 */
#ifndef PRIVSEG_USAGE_GROUP_H
#define PRIVSEG_USAGE_GROUP_H

#include "usage.h"

#pragma GCC visibility push(hidden)

/* whose a row is: as an expression of the query that reads it */
typedef struct Key
{
	Oid domain;
	KeyKind kind;
	Expr *expr;
	List *others;  /* of Node *: Vars that are, or are made of, the same */
	List *also;    /* of Key *: whom the row is also about, if they are anybody */
	uint32 column; /* of one of these: usage_number_of_column() */
	List *rows;    /* of Expr *: how many rows of each table that was grouped it stands for */
} Key;

typedef struct Grouping
{
	const UsageReader *reader;
	List *aggregated; /* of Node *: columns of which groups only are shown; NIL: of all */
	List *relations;  /* of RangeTblEntry *: they are of these */
	List *ctes;       /* of CteKeys * */
	List *unfiltered; /* of Node *: columns that are aggregated, and not to be chosen by */
	List *guarded;    /* of Query *: of which groups of enough come */
	List *handing;    /* of Query *: that hand on rows, and whose they are */
	List *quiet;      /* of Query *: usage_quiet_queries() */
	List *splitting;  /* of Query *, of these: with several groups of a person */
	int n_cells;
	Oid root; /* for messages */
	const char *problem;
} Grouping;

typedef struct Block
{
	const struct Block *outer;
	Query *query;
	List *keys;                    /* of Key * */
	const struct Repeats *repeats; /* of groups: which rows are there once */
} Block;

#define USAGE_MIXES "A condition in it asks at once who somebody is and something else."
#define USAGE_MAKES_UP \
	"It joins rows that the role makes up, or may write: VALUES, functions, temporary tables."
#define USAGE_REPEATS                                                                           \
	"A join in it repeats rows, and weighs people by how often: join by unique columns, group " \
	"each table first, or use count(DISTINCT ...)."

extern List *usage_refuse_groups(Grouping *grouping, const char *problem);
extern void usage_name_results(RangeTblEntry *rte, CommonTableExpr *cte, const Query *query);

/* usage_key.c */
extern uint32 usage_number_of_column(Oid root, AttrNumber column);
extern Key *usage_key_of_relation(const ProtectedRelation *found, Oid relid, Index varno);
extern Expr *usage_as_result(Query *query, Expr *expr);
extern List *usage_keys_as_results(Block *block);
extern List *usage_keys_as_columns(List *results, Index varno);
extern bool usage_is_key(Node *expr, const Block *block);
extern bool usage_is_grouped_by(const Query *query, const Key *key);
extern void usage_drop_equal_keys(Block *block);

/* usage_source.c */
extern bool usage_sources_are_fixed(const Grouping *grouping, const Block *block);
extern bool usage_may_write(Oid relid);
extern bool usage_names_key(Node *expr, const Block *block);
extern bool usage_tells_rows_apart(Oid relid, AttrNumber column);
extern bool usage_value_mixes_keys(Node *expr, const Block *block);
extern bool usage_mixes_keys(Node *quals, const Block *block);
extern bool usage_jointree_mixes_keys(Node *node, const Block *block);

/* usage_repeat.c */
typedef struct Repeats Repeats;

extern Repeats *usage_repeats_of(const Block *block, bool shown);
extern bool usage_repeats_all(const Repeats *repeats);
extern bool usage_repeats(const Repeats *repeats, Aggref *aggregate);
extern bool usage_splits_people(Repeats *repeats);

/* usage_made.c */

/* what an aggregate is computed of, through subqueries */
typedef struct Made
{
	const UsageReader *reader; /* or NULL */
	const List *splitting;     /* as in Grouping */
	UsageSum sum;              /* products: or squares */
	bool squares;              /* of one subject's rows: variances and the like */
	bool digits;               /* who asks loses some: it must be a column as it is */
	bool parts;                /* sums of some of one subject's rows */
	List *columns;             /* of MadeColumn *, each once */
	int numbers;               /* that are none: counts, constant rows */
	bool aggregates;           /* sums of one subject's rows are among them */
	bool outer_joins;          /* a join may have left one without value */
	bool nullable;             /* some rows may have none */
	const char *problem;
} Made;

typedef struct MadeColumn
{
	Oid root; /* of what is protected, the relation that protect() was called on */
	AttrNumber column;
	Oid relid;
} MadeColumn;

extern bool usage_is_made_of_columns(Node *expr, const Block *block, Made *made);
extern bool usage_weighs(const Grouping *grouping, const Aggref *aggregate, const Made *made);
extern bool usage_counts(const Aggref *aggregate);
extern bool usage_squares(const Aggref *aggregate);

/* usage_widen.c */
extern Expr *usage_as_numeric(Expr *value);
extern Aggref *usage_widened(Aggref *aggregate);
extern Node *usage_narrowed(Aggref *aggregate, Oid type);

/* usage_factor.c */

/* what others are multiplied by, hashed: of the rows of a query, or of those that each of them stands for */
typedef struct Factor
{
	Expr *least;
	Expr *greatest;
} Factor;

extern List *usage_none_is_zero(List *values);
extern Expr *usage_hash_of(Grouping *grouping, Node *value);
extern List *usage_factors(Grouping *grouping, const Block *block, const Aggref *aggregate,
						   List *values, List **products);

/* usage_quiet.c */
extern bool usage_rows_are_silent(const Query *query);
extern bool usage_query_is_silent(const Query *query);
extern bool usage_limits_to(const Query *query, int64 most);
extern bool usage_is_one_group(const Query *query);
extern List *usage_quiet_queries(Query *query);
extern bool usage_parts_are_quiet(const List *quiet, const Block *block, bool groups);

/* usage_cell.c */
extern CommonTableExpr *
usage_cte_of(const RangeTblEntry *rte, const Block *block, const Block **owner);
extern Query *usage_query_of_cte(const RangeTblEntry *rte, const Block *block, const Block **owner);
extern bool usage_is_not_null(Oid relid, AttrNumber column);
extern bool usage_contains_any(Node *node, void *nodes);
extern bool usage_changes_type(const FuncExpr *call);
extern Node *usage_without_casts(Node *node);
extern void usage_guard_groups(Grouping *grouping, const Block *block);

#pragma GCC visibility pop

#endif /* PRIVSEG_USAGE_GROUP_H */
