/*
 * policy_promote.c
 *	  Gives clauses of a statement back the indexes and the statistics that core
 *	  takes from whatever stands behind a row policy.
 *
 * Behind a security barrier core lets only LEAKPROOF operators use an index, and
 * only they see statistics.  A clause that policy_reviewed.c knows to tell nothing
 * is as good: its RestrictInfo is marked, in this plan only, and the relation's
 * index paths are made once more.  RestrictInfos are where the planner has put
 * them: a clause that an outer join delays is not among the relation's, so nothing
 * moves that could not have moved without the policy.
 *
 * The marked clause is an index's condition, or runs beside the policy.  What is
 * not reviewed stays behind the policy, as core has it.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "policy.h"
#include "policy_promote.h"
#include "policy_reviewed.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PolicyStatistics policy_statistics = {false, STATISTICS_AS_CORE, NULL, NIL};
List *policy_tag_indexes = NIL;

/* ---- indexes ---- */

static bool promote(RestrictInfo *clause, Index least);

/* the arms of an OR have RestrictInfos of their own */
static void
promote_arms(Node *arm, Index least)
{
	ListCell *lc;

	if (arm == NULL)
		return;
	if (IsA(arm, RestrictInfo))
		(void) promote((RestrictInfo *) arm, least);
	else if (IsA(arm, BoolExpr))
		foreach (lc, ((BoolExpr *) arm)->args)
			promote_arms(lfirst(lc), least);
}

/* mark a clause that tells nothing; true if it was not usable before */
static bool
promote(RestrictInfo *clause, Index least)
{
	if (clause->security_level <= least || clause->leakproof ||
		!reviewed_clause((Node *) clause->clause))
		return false;
	clause->leakproof = true;
	promote_arms((Node *) clause->orclause, least);
	return true;
}

/* may it be asked before the policy? */
static bool
index_is_reviewed(const IndexOptInfo *index)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index->indexoid));
	oidvector *classes;
	bool isnull;
	bool result = true;

	if (!HeapTupleIsValid(tuple))
		return false;
	classes = (oidvector *) DatumGetPointer(
		SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull));
	for (int i = 0; i < classes->dim1 && result; i++)
		result = reviewed_opclass(classes->values[i]);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * policy_promote -- for core's set_rel_pathlist_hook: the relation's paths are made.
 */
void
policy_promote(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	List *indexes = rel->indexlist;
	List *reviewed = NIL;
	bool promoted = false;
	ListCell *lc;

	if (rte->rtekind != RTE_RELATION || rte->inh || rte->tablesample != NULL || indexes == NIL ||
		protected_relation(rte->relid) == NULL)
		return;
	foreach (lc, rel->baserestrictinfo)
		promoted |= promote(lfirst(lc), rel->baserestrict_min_security);
	foreach (lc, rel->joininfo)
		promoted |= promote(lfirst(lc), rel->baserestrict_min_security);
	if (!promoted)
		return;
	foreach (lc, indexes)
		if (index_is_reviewed(lfirst(lc)))
			reviewed = lappend(reviewed, lfirst(lc));
	if (reviewed == NIL)
		return;
	rel->indexlist = reviewed;
	create_index_paths(root, rel);
	rel->indexlist = indexes;
}

/*
 * order_is_reviewed -- an index that gives rows in the order of a distance is asked before
 * the policy, and what it gives is checked row by row: does that run no code of a user?
 * The index's own functions are looked at with its operator class.
 */
bool
order_is_reviewed(Node *expression)
{
	ListCell *lc;

	if (!IsA(expression, OpExpr))
		return true;
	foreach (lc, ((OpExpr *) expression)->args)
		if (!contain_var_clause(lfirst(lc)) && runs_user_code(lfirst(lc)))
			return false;
	return true;
}

/* does nobody hear of it that values are compared by the index? */
static bool
collations_are_current(const IndexOptInfo *index)
{
	for (int i = 0; i < index->nkeycolumns; i++)
		if (!collation_is_current(index->indexcollations[i]))
			return false;
	return true;
}

/* policy_tag_column -- are tags compared in this column of an index? */
bool
policy_tag_column(const IndexOptInfo *index, int column)
{
	Oid type = index->opcintype[column];
	StrategyNumber equality =
		index->relam == HASH_AM_OID ? HTEqualStrategyNumber : BTEqualStrategyNumber;

	return type >= FirstNormalObjectId &&
		   (index->relam == HASH_AM_OID || index->relam == BTREE_AM_OID) &&
		   compares_tags_by(get_opfamily_member(index->opfamily[column], type, type, equality));
}

static bool
is_on_tags(const IndexOptInfo *index)
{
	for (int i = 0; i < index->nkeycolumns; i++)
		if (policy_tag_column(index, i))
			return true;
	return false;
}

static void
put_aside(RelOptInfo *rel, IndexOptInfo *index)
{
	TagIndex *entry;

	if (index->indpred != NIL || !index_is_reviewed(index))
		return;
	entry = palloc(sizeof(TagIndex));
	*entry = (TagIndex){rel, index};
	policy_tag_indexes = lappend(policy_tag_indexes, entry);
}

/*
 * policy_restrict_indexes -- for core's get_relation_info_hook: no index gives such an order,
 * and none is used that warns when it is asked for the second of its columns.  Rows in the order
 * of their tags show which are equal: an index on tags is put aside, for encrypted_search.c to
 * use where it is asked for one.
 */
void
policy_restrict_indexes(PlannerInfo *root, Oid relid, RelOptInfo *rel)
{
	bool reviewed = true;
	ListCell *lc;

	if (rel->indexlist == NIL || protected_relation(relid) == NULL)
		return;
	foreach (lc, root->parse->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		reviewed =
			reviewed && (entry->ressortgroupref == 0 || order_is_reviewed((Node *) entry->expr));
	}
	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);

		index->amcanorderbyop &= reviewed;
		if (is_on_tags(index))
		{
			put_aside(rel, index);
			rel->indexlist = foreach_delete_current(rel->indexlist, lc);
		}
		else if (!collations_are_current(index))
			rel->indexlist = foreach_delete_current(rel->indexlist, lc);
	}
}

/* ---- statistics ---- */

/*
 * Selectivity is estimated by applying a qual's operator to values of hidden rows, and the
 * planner does not say which operator it has in mind when it asks for statistics.  So all
 * quals are looked at that can be about the column: those of its query and of the ones
 * around it, as the planner has them by then, with functions inlined and subqueries pulled
 * up.  What it was handed may hide them, or what they are about.
 */
typedef bool (*QualTest)(Node *qual);

static bool
tells(Node *qual)
{
	return !policy_is_ours(qual) && !reviewed_clause(qual);
}

static bool
any_qual(Node *quals, QualTest test)
{
	ListCell *lc;

	if (quals == NULL)
		return false;
	if (IsA(quals, List))
	{
		foreach (lc, (List *) quals)
			if (any_qual(lfirst(lc), test))
				return true;
		return false;
	}
	return test(quals);
}

static bool
any_join_qual(Node *node, QualTest test)
{
	if (node == NULL)
		return false;
	if (IsA(node, FromExpr))
	{
		ListCell *lc;

		foreach (lc, ((FromExpr *) node)->fromlist)
			if (any_join_qual(lfirst(lc), test))
				return true;
		return any_qual(((FromExpr *) node)->quals, test);
	}
	if (IsA(node, JoinExpr))
		return any_join_qual(((JoinExpr *) node)->larg, test) ||
			   any_join_qual(((JoinExpr *) node)->rarg, test) ||
			   any_qual(((JoinExpr *) node)->quals, test);
	return !IsA(node, RangeTblRef);
}

static bool
any_qual_of_query(const PlannerInfo *root, QualTest test)
{
	const Query *query = root->parse;
	ListCell *lc;

	if (any_join_qual((Node *) query->jointree, test) || any_qual(query->havingQual, test))
		return true;
	foreach (lc, query->rtable)
		if (any_qual((Node *) lfirst_node(RangeTblEntry, lc)->securityQuals, test))
			return true;
	/* an arm of UNION ALL puts its expressions into the quals */
	foreach (lc, root->append_rel_list)
		if (any_qual((Node *) lfirst_node(AppendRelInfo, lc)->translated_vars, test))
			return true;
	return false;
}

/* also of the queries around it */
static bool
any_qual_around(const PlannerInfo *root, QualTest test)
{
	for (; root != NULL; root = root->parent_root)
		if (any_qual_of_query(root, test))
			return true;
	return false;
}

/* what may be done with values that ANALYZE has kept */
static StatisticsUse
statistics_use(PlannerInfo *root)
{
	if (root != policy_statistics.root)
	{
		policy_statistics.root = root;
		policy_statistics.use = !any_qual_around(root, tells)           ? STATISTICS_SHOWN :
								any_qual_around(root, leakproof_raises) ? STATISTICS_HIDDEN :
																		  STATISTICS_AS_CORE;
	}
	return policy_statistics.use;
}

/* may the reader of the statement select the column at all? */
static bool
may_select(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column)
{
	Oid user = rte->checkAsUser ? rte->checkAsUser : GetUserId();

	/* of a child its parent's privileges count, and theirs are asked for anyway */
	if ((rte->requiredPerms & ACL_SELECT) == 0)
		return true;
	return pg_class_aclcheck(rte->relid, user, ACL_SELECT) == ACLCHECK_OK ||
		   (column > 0 &&
			pg_attribute_aclcheck(rte->relid, column, user, ACL_SELECT) == ACLCHECK_OK);
}

/*
 * policy_column_statistics -- for core's get_relation_stats_hook: false, do as
 * without us.
 */
bool
policy_column_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber column,
						 VariableStatData *data)
{
	if (!policy_statistics.guarded || rte->rtekind != RTE_RELATION ||
		protected_relation(rte->relid) == NULL)
		return false;
	/* core tries what is LEAKPROOF on them, whatever we say: without any it cannot */
	if (statistics_use(root) == STATISTICS_HIDDEN)
		return true;
	if (statistics_use(root) == STATISTICS_AS_CORE || !may_select(root, rte, column))
		return false;
	policy_leave_stack(0);
	data->statsTuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(rte->relid),
									   Int16GetDatum(column), BoolGetDatum(rte->inh));
	data->freefunc = ReleaseSysCache;
	data->acl_ok = true;
	return true;
}

/*
 * policy_index_statistics -- the same of an expression, for get_index_stats_hook.
 */
bool
policy_index_statistics(PlannerInfo *root, Oid index, AttrNumber column, VariableStatData *data)
{
	Oid relid = policy_statistics.guarded ? IndexGetRelation(index, true) : InvalidOid;

	if (!OidIsValid(relid) || protected_relation(relid) == NULL)
		return false;
	if (statistics_use(root) == STATISTICS_HIDDEN)
		return true;
	if (statistics_use(root) == STATISTICS_AS_CORE ||
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return false;
	policy_leave_stack(0);
	data->statsTuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(index),
									   Int16GetDatum(column), BoolGetDatum(false));
	data->freefunc = ReleaseSysCache;
	data->acl_ok = true;
	return true;
}
