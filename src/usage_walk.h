/*
 * usage_walk.h
 *	  What the files that trace the uses of columns share.
 *
 *	  usage_walk.c		queries
 *	  usage_expr.c		expressions
 *	  usage_trace.c		columns, and where they come from
 */
#ifndef PRIVSEG_USAGE_WALK_H
#define PRIVSEG_USAGE_WALK_H

#include "nodes/bitmapset.h"
#include "usage.h"

#pragma GCC visibility push(hidden)

/* what the results of a query are used for */
typedef struct Wanted
{
	int context;
	Bitmapset *into; /* the columns they are copied into, of usage->targets */
} Wanted;

typedef struct Asked
{
	int n;
	Wanted columns[FLEXIBLE_ARRAY_MEMBER]; /* by number - 1 */
} Asked;

/* a query on the way inward */
typedef struct Level
{
	struct Level *outer;
	Query *query;
	Asked **asked;      /* of each relation that is a query, and each WITH behind them */
	bool beside_groups; /* what is walked now is computed of groups, outside of aggregates */
	Index policy_of;    /* what is walked now is asked by a policy of this relation */
	bool conflicts;     /* what is walked now is computed where ON CONFLICT updates */
} Level;

typedef struct Walk
{
	Usage *usage;
	Level *level;
	Level *aggregate; /* of the aggregate it is in */
	bool chosen;      /* rows, or groups, are chosen by that */
	/* what what is walked now is used for */
	int context;
	Bitmapset *into;
	/* the entry it is in, where that is used for more than one thing */
	TargetEntry *entry;
	bool groups;
	bool distinct;
	bool alone;
} Walk;

/* to be shown, or to be chosen by */
#define USE_SEEN (USE_PROJECT | USE_FILTER)

/* usage_walk.c */
extern void
usage_walk_query(Usage *usage, Query *query, Level *outer, const Asked *asked, bool hands_on);

/* usage_expr.c */
extern bool usage_walk_expr(Node *node, Walk *walk);
extern void usage_walk_with(Walk *walk, Node *node, int context);
extern Asked *usage_new_asked(int n);

/* usage_trace.c */
extern bool usage_is_sorted_by(const List *clause, const TargetEntry *entry);
extern int usage_n_columns(const RangeTblEntry *rte);
extern void
usage_entry(Usage *usage, Oid root, AttrNumber column, int use, const UsageTarget *into);
extern void usage_partition(Usage *usage, const RangeTblEntry *rte);
extern void usage_column(Walk *walk, Level *level, Index varno, AttrNumber column, int context);
extern bool usage_trace(Level *level, Index varno, AttrNumber column, UsagePlace *place);
extern void usage_place(Walk *walk, Node *node, Var *var, int context);

#pragma GCC visibility pop

#endif /* PRIVSEG_USAGE_WALK_H */
