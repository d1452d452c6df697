/*
 * usage_group.c
 *	  Groups of enough subjects, for who is shown no rows, or no values of a category.
 *
 * Every query that groups rows of people gets a condition: that there are enough different subjects
 * in the group, of each table that it reads (privseg.enough_subjects).  An aggregate of some rows of
 * the group only, by FILTER, a condition inside it, or because the others have no value, is NULL where
 * these are of too few.  Rows may be handed to such a query by subqueries, which then hand on whose
 * they are, too; they are sent to nobody.
 *
 * What is not understood is refused.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* what a WITH hands on */
typedef struct CteKeys
{
	CommonTableExpr *cte;
	List *keys; /* of Key *, in terms of its results: Vars of varno 0 */
} CteKeys;

typedef enum Asks
{
	ASKS_RESULT, /* it is sent */
	ASKS_ROWS,   /* another query reads them */
	ASKS_WHETHER /* a subquery in an expression */
} Asks;

static List *examine(Grouping *grouping, Query *query, const Block *outer, Asks asks);

/* usage_refuse_rows -- Errors: 42501, always */
void
usage_refuse_rows(const UsageReader *reader, Oid root)
{
	char *relation = OidIsValid(root) ? get_rel_name(root) : NULL;

	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 relation != NULL ?
			 errmsg("role \"%s\" is shown groups only under purpose \"%s\", and no rows of \"%s\"",
					GetUserNameFromId(reader->user, false), reader->purpose.name, relation) :
			 errmsg("role \"%s\" is shown groups only under purpose \"%s\"",
					GetUserNameFromId(reader->user, false), reader->purpose.name),
		 errhint("Aggregate, or ask an administrator for privseg.grant_clearance().")));
}

/* usage_refuse_groups -- note what is in the way; returns NIL */
List *
usage_refuse_groups(Grouping *grouping, const char *problem)
{
	if (grouping->problem == NULL)
		grouping->problem = problem;
	return NIL;
}

/* ---- whose rows are ---- */

/*
 * usage_name_results -- tell who reads a query of the results that were added to it
 *	cte		of whose results it is, or NULL
 */
void
usage_name_results(RangeTblEntry *rte, CommonTableExpr *cte, const Query *query)
{
	int n = 0;
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, lc);
		const Node *expr = (Node *) entry->expr;

		if (entry->resjunk)
			break;
		if (n++ >= list_length(rte->eref->colnames))
			rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup("privseg_key")));
		if (cte != NULL && n > list_length(rte->coltypes))
		{
			rte->coltypes = lappend_oid(rte->coltypes, exprType(expr));
			rte->coltypmods = lappend_int(rte->coltypmods, exprTypmod(expr));
			rte->colcollations = lappend_oid(rte->colcollations, exprCollation(expr));
		}
		if (cte != NULL && n > list_length(cte->ctecoltypes))
		{
			cte->ctecolnames = lappend(cte->ctecolnames, makeString(pstrdup("privseg_key")));
			cte->ctecoltypes = lappend_oid(cte->ctecoltypes, exprType(expr));
			cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, exprTypmod(expr));
			cte->ctecolcollations = lappend_oid(cte->ctecolcollations, exprCollation(expr));
		}
	}
}

static List *
keys_of_cte(Grouping *grouping, RangeTblEntry *rte, const Block *block)
{
	CommonTableExpr *cte = usage_cte_of(rte, block, &block);
	CteKeys *keys = NULL;
	Query *query;
	ListCell *lc;

	if (cte == NULL)
		return usage_refuse_groups(grouping, "A WITH query is not found.");
	query = castNode(Query, cte->ctequery);
	foreach (lc, grouping->ctes)
		if (((CteKeys *) lfirst(lc))->cte == cte)
			keys = lfirst(lc);
	if (keys == NULL)
	{
		keys = palloc0(sizeof(CteKeys));
		keys->cte = cte;
		grouping->ctes = lappend(grouping->ctes, keys);
		keys->keys = examine(grouping, query, block, cte->cterecursive ? ASKS_RESULT : ASKS_ROWS);
		if (list_member_ptr(grouping->guarded, query))
			cte->ctematerialized = CTEMaterializeAlways;
	}
	if (keys->keys != NIL)
		usage_name_results(rte, cte, query);
	return keys->keys;
}

static List *
keys_of_relation(Grouping *grouping, const Block *block, RangeTblEntry *rte, Index varno)
{
	const ProtectedRelation *found;
	List *keys;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			found = rte->relkind == RELKIND_COMPOSITE_TYPE ? NULL : protected_relation(rte->relid);
			if (found == NULL ||
				(grouping->relations != NIL && !list_member_ptr(grouping->relations, rte)))
				return NIL;
			grouping->root = found->relid;
			return list_make1(usage_key_of_relation(found, rte->relid, varno));
		case RTE_SUBQUERY:
			keys = examine(grouping, rte->subquery, block, ASKS_ROWS);
			if (keys != NIL)
				usage_name_results(rte, NULL, rte->subquery);
			/* nothing is asked of a group before it is known to be large enough */
			if (list_member_ptr(grouping->guarded, rte->subquery))
				rte->security_barrier = true;
			return usage_keys_as_columns(keys, varno);
		case RTE_CTE:
			if (rte->self_reference)
				return NIL;
			return usage_keys_as_columns(keys_of_cte(grouping, rte, block), varno);
		default:
			return NIL;
	}
}

/* ---- subqueries in expressions ---- */

/* is it asked for rows about the subject of the outer row only? */
static bool
compares_keys(Node *clause, const Key *inner, const Block *block)
{
	OpExpr *op = (OpExpr *) clause;
	Node *sides[2];
	ListCell *lc;

	if (!IsA(clause, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return false;
	sides[0] = usage_without_casts(linitial(op->args));
	sides[1] = usage_without_casts(lsecond(op->args));
	for (int i = 0; i < 2; i++)
	{
		if (!equal(sides[i], usage_without_casts((Node *) inner->expr)))
			continue;
		foreach (lc, block->keys)
		{
			const Key *outer = lfirst(lc);
			Node *theirs = copyObject(usage_without_casts((Node *) outer->expr));

			IncrementVarSublevelsUp(theirs, 1, 0);
			if (outer->domain == inner->domain && equal(sides[1 - i], theirs))
				return true;
		}
	}
	return false;
}

static bool
any_conjunct_compares_keys(Node *quals, const Key *inner, const Block *block)
{
	ListCell *lc;

	if (quals == NULL)
		return false;
	if (IsA(quals, List))
	{
		foreach (lc, (List *) quals)
			if (any_conjunct_compares_keys(lfirst(lc), inner, block))
				return true;
		return false;
	}
	if (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR)
		return any_conjunct_compares_keys((Node *) ((BoolExpr *) quals)->args, inner, block);
	return compares_keys(quals, inner, block);
}

/* key IN (SELECT key ...) */
static bool
asks_for_key_in(const SubLink *link, const Query *query, const Key *inner, const Block *block)
{
	OpExpr *test = (OpExpr *) link->testexpr;
	TargetEntry *result;
	Node *outer;
	ListCell *lc;

	if (link->subLinkType != ANY_SUBLINK || test == NULL || !IsA(test, OpExpr) ||
		!op_mergejoinable(test->opno, exprType(linitial(test->args))) || query->targetList == NIL)
		return false;
	result = linitial_node(TargetEntry, query->targetList);
	if (!equal(usage_without_casts((Node *) result->expr),
			   usage_without_casts((Node *) inner->expr)))
		return false;
	outer = usage_without_casts(linitial(test->args));
	foreach (lc, block->keys)
		if (((Key *) lfirst(lc))->domain == inner->domain &&
			equal(outer, usage_without_casts((Node *) ((Key *) lfirst(lc))->expr)))
			return true;
	return false;
}

/* a query that reads columns of queries around it */
static bool
reads_outer(Node *node, int *depth)
{
	bool result;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return (int) ((Var *) node)->varlevelsup > *depth;
	if (IsA(node, Aggref) && (int) ((Aggref *) node)->agglevelsup > *depth)
		return true;
	if (!IsA(node, Query))
		return expression_tree_walker(node, reads_outer, depth);
	(*depth)++;
	result = query_tree_walker((Query *) node, reads_outer, depth, 0);
	(*depth)--;
	return result;
}

static bool
is_correlated(Query *query)
{
	int depth = -1;

	return reads_outer((Node *) query, &depth);
}

/* core raises where a subquery that stands for one value finds several rows, for one row or another */
static bool
may_be_several(const SubLink *link, Query *query, const List *keys)
{
	if (link->subLinkType == EXISTS_SUBLINK || link->subLinkType == ANY_SUBLINK ||
		link->subLinkType == ALL_SUBLINK || link->subLinkType == ARRAY_SUBLINK)
		return false;
	return (keys != NIL || is_correlated(query)) && !usage_is_one_group(query) &&
		   !usage_limits_to(query, 1);
}

typedef struct Sublinks
{
	Grouping *grouping;
	const Block *block;
} Sublinks;

static bool
examine_sublinks(Node *node, Sublinks *sublinks)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return false;
	if (IsA(node, SubLink))
	{
		SubLink *link = (SubLink *) node;
		Query *query = castNode(Query, link->subselect);
		List *keys = examine(sublinks->grouping, query, sublinks->block, ASKS_WHETHER);
		ListCell *lc;

		foreach (lc, keys)
			if (!any_conjunct_compares_keys(query->jointree->quals, lfirst(lc), sublinks->block) &&
				!asks_for_key_in(link, query, lfirst(lc), sublinks->block))
				(void) usage_refuse_groups(
					sublinks->grouping,
					"A subquery in an expression reads rows of other subjects than the "
					"row it is asked for.");
		foreach (lc, keys)
			if (((Key *) lfirst(lc))->also != NIL)
				(void) usage_refuse_groups(
					sublinks->grouping,
					"A subquery in an expression reads rows that are about others, too.");
		if (may_be_several(link, query, keys))
			(void) usage_refuse_groups(
				sublinks->grouping,
				"A subquery in an expression may find several rows, which is an error.");
		return examine_sublinks(link->testexpr, sublinks);
	}
	return expression_tree_walker(node, examine_sublinks, sublinks);
}

/* is every group the rows of one subject?  Then it is a row about that subject. */
static bool
groups_by_keys(const Block *block)
{
	ListCell *lc;

	foreach (lc, block->keys)
		if (!usage_is_grouped_by(block->query, lfirst(lc)))
			return false;
	return true;
}

/* ---- queries ---- */

/* is it, or what is in it, an aggregate that weighs people? */
static bool
repeats_rows(Node *node, void *repeats)
{
	if (node == NULL || IsA(node, Query))
		return false;
	return (IsA(node, Aggref) && usage_repeats(repeats, (Aggref *) node)) ||
		   expression_tree_walker(node, repeats_rows, repeats);
}

/* one that groups by whom its rows are about: does it have several of a person, or weigh his? */
static bool
groups_repeat_rows(const Query *query, Repeats *repeats)
{
	return usage_repeats_all(repeats) || repeats_rows((Node *) query->targetList, repeats) ||
		   repeats_rows(query->havingQual, repeats);
}

static List *
examine_rows(Grouping *grouping, Block *block, Asks asks)
{
	Query *query = block->query;
	bool groups = query->hasAggs || query->groupClause != NIL;
	Repeats *repeats;
	ListCell *lc;

	if (asks == ASKS_RESULT)
		return usage_refuse_groups(grouping,
								   "It would return rows, or values that are not grouped.");
	if (groups && grouping->unfiltered != NIL &&
		(usage_contains_any((Node *) query->targetList, grouping->unfiltered) ||
		 usage_contains_any(query->havingQual, grouping->unfiltered)))
		return usage_refuse_groups(
			grouping, "A subquery in it computes for each person what is to be aggregated only.");
	repeats = groups ? usage_repeats_of(block, false) : NULL;
	if (groups && groups_repeat_rows(query, repeats))
		return usage_refuse_groups(grouping, USAGE_REPEATS);
	if (asks == ASKS_WHETHER)
		return usage_query_is_silent(query) ?
				   block->keys :
				   usage_refuse_groups(grouping, "A condition in it may tell of single rows.");
	if (query->distinctClause != NIL || query->limitCount != NULL || query->limitOffset != NULL)
		return usage_refuse_groups(grouping, "A subquery in it chooses rows by DISTINCT or LIMIT.");
	foreach (lc, query->targetList)
		if (!usage_is_silent((Node *) lfirst_node(TargetEntry, lc)->expr) ||
			usage_value_mixes_keys((Node *) lfirst_node(TargetEntry, lc)->expr, block))
			return usage_refuse_groups(grouping,
									   "What a subquery in it computes may tell of single rows.");
	if (!usage_is_silent(query->havingQual) || usage_mixes_keys(query->havingQual, block))
		return usage_refuse_groups(grouping, "A condition on groups may tell of single rows.");
	/* who else they are about is no one of a group */
	if (groups)
		foreach (lc, block->keys)
			if (((Key *) lfirst(lc))->also != NIL)
				return usage_refuse_groups(
					grouping, "A subquery in it groups rows that are about others, too.");
	grouping->handing = lappend(grouping->handing, query);
	if (query->groupClause != NIL && usage_splits_people(repeats))
		grouping->splitting = lappend(grouping->splitting, query);
	return usage_keys_as_results(block);
}

static List *
examine_set(Grouping *grouping, const Block *block, Asks asks)
{
	Query *query = block->query;
	Sublinks sublinks = {grouping, block};
	ListCell *lc;

	if (asks != ASKS_RESULT && is_correlated(query))
		return usage_refuse_groups(grouping, "A set operation in it is about single rows.");
	(void) examine_sublinks((Node *) list_make2(query->limitCount, query->limitOffset), &sublinks);
	foreach (lc, block->query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY &&
			examine(grouping, rte->subquery, block, ASKS_WHETHER) != NIL)
			return usage_refuse_groups(grouping, "A set operation in it is of rows.");
	}
	return NIL;
}

/* a subquery that reads no people's rows, and is run for each of a query around it */
static List *
examine_about_row(Grouping *grouping, const Block *block)
{
	if (!usage_query_is_silent(block->query))
		return usage_refuse_groups(grouping,
								   "What a subquery in it computes may tell of single rows.");
	if (usage_jointree_mixes_keys((Node *) block->query->jointree, block))
		return usage_refuse_groups(grouping, USAGE_MIXES);
	if (!usage_sources_are_fixed(grouping, block))
		return usage_refuse_groups(grouping, USAGE_MAKES_UP);
	return NIL;
}

/*
 * DISTINCT as GROUP BY: of what is sent, and of whom rows are about, for another query, which gets one row
 * about each.
 */
static void
group_distinct(const Block *block, Asks asks)
{
	Query *query = block->query;

	if (query->distinctClause == NIL || query->hasDistinctOn || query->hasAggs ||
		query->groupClause != NIL || query->groupingSets != NIL || query->hasWindowFuncs ||
		query->hasTargetSRFs)
		return;
	if (asks != ASKS_RESULT && (query->limitCount != NULL || query->limitOffset != NULL))
		return;
	query->groupClause = query->distinctClause;
	if (asks == ASKS_RESULT || groups_by_keys(block))
		query->distinctClause = NIL;
	else
		query->groupClause = NIL;
}

/* returns whose rows its results are of; NIL: nobody's, or they are groups of enough */
static List *
examine(Grouping *grouping, Query *query, const Block *outer, Asks asks)
{
	Block block = {.outer = outer, .query = query};
	Sublinks sublinks = {grouping, &block};
	bool aggregates;
	bool correlated;
	bool of_each; /* person: a group */
	ListCell *lc;

	check_stack_depth();
	/* it is of rows that are read around it, and would be asked of here */
	if (contain_aggs_of_level((Node *) query, 1))
		return usage_refuse_groups(grouping,
								   "A subquery in it aggregates rows of a query around it.");
	/* without aggregates, too, it makes one group of all rows */
	query->hasAggs |= query->havingQual != NULL;
	if (query->setOperations != NULL)
		return examine_set(grouping, &block, asks);
	/* RETURNING: of rows that are written one by one */
	if (query->resultRelation > 0 &&
		list_member_ptr(grouping->relations, rt_fetch(query->resultRelation, query->rtable)))
		return usage_refuse_groups(grouping, "It is of rows that it writes.");
	foreach (lc, query->rtable)
		if (foreach_current_index(lc) + 1 != query->resultRelation)
			block.keys = list_concat(block.keys, keys_of_relation(grouping, &block, lfirst(lc),
																  foreach_current_index(lc) + 1));
	usage_drop_equal_keys(&block);
	if (block.keys != NIL && asks != ASKS_WHETHER && grouping->relations == NIL)
		group_distinct(&block, asks);
	aggregates = query->hasAggs || query->groupClause != NIL;
	(void) query_tree_walker(query, examine_sublinks, &sublinks,
							 QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES);
	correlated = asks != ASKS_RESULT && is_correlated(query);
	if (block.keys == NIL && correlated)
		return examine_about_row(grouping, &block);
	if (block.keys == NIL || grouping->problem != NULL)
		return NIL;
	if (query->rowMarks != NIL)
		return usage_refuse_groups(grouping, "It would lock rows.");
	if (!usage_sources_are_fixed(grouping, &block))
		return usage_refuse_groups(grouping, USAGE_MAKES_UP);
	if (usage_jointree_mixes_keys((Node *) query->jointree, &block))
		return usage_refuse_groups(grouping, USAGE_MIXES);
	if (query->commandType != CMD_SELECT)
		return usage_refuse_groups(grouping, "It would write rows.");
	if (query->groupingSets != NIL)
		return usage_refuse_groups(grouping,
								   "ROLLUP, CUBE and GROUPING SETS are of groups inside groups.");
	if (query->hasWindowFuncs)
		return usage_refuse_groups(grouping, "Window functions are of rows.");
	if (query->hasTargetSRFs)
		return usage_refuse_groups(grouping, "A function in it returns a set for each row.");
	if (!usage_rows_are_silent(query))
		return usage_refuse_groups(grouping, "A condition in it may tell of single rows.");
	of_each = asks != ASKS_RESULT && groups_by_keys(&block);
	if (!usage_parts_are_quiet(grouping->quiet, &block,
							   aggregates && !(of_each && grouping->relations == NIL)))
		return usage_refuse_groups(
			grouping, "A subquery beside rows may raise an error, which tells of them; if "
					  "it may find several, give it LIMIT 1.");
	if (!aggregates || (of_each && grouping->relations == NIL))
		return examine_rows(grouping, &block, asks);
	/* not left out one by one: what is computed of them would be wrong, and nobody told */
	if (of_each)
		return usage_refuse_groups(grouping,
								   "A subquery in it groups the rows of each person, whose "
								   "groups are too small to be shown.");
	if (correlated)
		return usage_refuse_groups(grouping,
								   "A subquery in it groups rows of one row of another query.");
	block.repeats = usage_repeats_of(&block, true);
	usage_guard_groups(grouping, &block);
	grouping->guarded = lappend(grouping->guarded, query);
	return NIL;
}

/* is there a column in a whole row of which groups only are shown? */
static bool
holds_aggregated(const Grouping *grouping, const List *parts)
{
	ListCell *lc;

	foreach (lc, parts)
	{
		const UsagePlace *part = lfirst(lc);

		if (part->var != NULL && OidIsValid(part->root) &&
			usage_outcome(grouping->reader, part->root, part->column, USE_AGGREGATE) ==
				OUTCOME_AGGREGATED)
			return true;
	}
	return false;
}

/* of which columns groups only are shown, where rows are */
static void
find_aggregated(Grouping *grouping, const Usage *usage)
{
	ListCell *lc;

	foreach (lc, usage->places)
	{
		UsagePlace *place = lfirst(lc);

		if ((place->context & USE_AGGREGATE) != 0 && holds_aggregated(grouping, place->parts))
			(void) usage_refuse_groups(grouping, "An aggregate in it is of whole rows.");
		if (place->var == NULL || (place->context & USE_AGGREGATE) == 0)
			continue;
		/* it may be made of such a column */
		if (!OidIsValid(place->root))
			grouping->aggregated = lappend(grouping->aggregated, place->node);
		if (!OidIsValid(place->root) || place->base == NULL ||
			usage_outcome(grouping->reader, place->root, place->column, USE_AGGREGATE) !=
				OUTCOME_AGGREGATED)
			continue;
		grouping->aggregated = lappend(grouping->aggregated, place->node);
		grouping->relations = list_append_unique_ptr(grouping->relations, place->base);
	}
}

/* columns that the role may not choose rows by, which a sum for each person would let it */
static void
find_unfiltered(Grouping *grouping, const Usage *usage)
{
	ListCell *lc;

	foreach (lc, usage->places)
	{
		UsagePlace *place = lfirst(lc);

		if ((place->context & USE_AGGREGATE) != 0 && place->chosen &&
			(!OidIsValid(place->root) || usage_outcome(grouping->reader, place->root, place->column,
													   USE_FILTER) != OUTCOME_SHOWN))
			grouping->unfiltered = lappend(grouping->unfiltered, place->node);
	}
}

/*
 * usage_group -- change a statement so that only groups of enough subjects are shown.
 *	raises	Errors: 42501 where rows of fewer would be
 * Returns false where it is refused.
 */
bool
usage_group(Query *query, const UsageReader *reader, bool raises)
{
	Grouping grouping = {.reader = reader};
	Usage *usage = usage_of(query);

	if (!reader->aggregate_only)
		find_aggregated(&grouping, usage);
	find_unfiltered(&grouping, usage);
	if (!reader->aggregate_only && grouping.relations == NIL && grouping.problem == NULL)
		return true;
	if (reader->aggregate_only && usage->modifies)
		(void) usage_refuse_groups(&grouping, "It would write rows.");
	grouping.quiet = usage_quiet_queries(query);
	if (grouping.problem == NULL)
		(void) examine(&grouping, query, NULL, ASKS_RESULT);
	if (grouping.problem == NULL)
	{
		usage_fit(query);
		return true;
	}
	if (raises)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("role \"%s\" is shown groups of enough subjects only under purpose \"%s\"",
						GetUserNameFromId(reader->user, false), reader->purpose.name),
				 errdetail("%s", grouping.problem),
				 errhint("Aggregate columns over groups; or ask an administrator for "
						 "privseg.grant_clearance().")));
	return false;
}
