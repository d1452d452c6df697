/*
 * policy_promote.h
 *	  Indexes and statistics behind the row policy.
 */
#ifndef PRIVSEG_POLICY_PROMOTE_H
#define PRIVSEG_POLICY_PROMOTE_H

#include "nodes/pathnodes.h"
#include "utils/selfuncs.h"

#pragma GCC visibility push(hidden)

/* what may be done with values that ANALYZE has kept: shown, as core does, nothing */
typedef enum StatisticsUse
{
	STATISTICS_SHOWN,
	STATISTICS_AS_CORE,
	STATISTICS_HIDDEN
} StatisticsUse;

/* of the statement being planned */
typedef struct PolicyStatistics
{
	bool guarded;      /* it has the policy, and may be shown statistics */
	StatisticsUse use; /* at the query whose root is this */
	PlannerInfo *root; /* NULL: not asked yet */
	const List *uses;  /* of UsageEntry *: of columns */
} PolicyStatistics;
extern PolicyStatistics policy_statistics;

/* an index on tags, of the statement being planned */
typedef struct TagIndex
{
	RelOptInfo *rel;
	IndexOptInfo *index;
} TagIndex;
/* they are not among their relations' indexes: see policy_restrict_indexes() */
extern List *policy_tag_indexes;

extern void policy_promote(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte);
extern bool policy_column_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column,
									 VariableStatData *data);
extern bool
policy_index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *data);

extern void policy_restrict_indexes(PlannerInfo *root, Oid relid, RelOptInfo *rel);
extern bool order_is_reviewed(Node *expression);
extern bool policy_tag_column(const IndexOptInfo *index, int column);

#pragma GCC visibility pop

#endif /* PRIVSEG_POLICY_PROMOTE_H */
