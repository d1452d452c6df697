/*
 * usage_quiet.c
 *	  Queries that tell of no row, over which, or beside which, they are run.
 *
 * A subquery, and what is joined, is run only if a row gets that far: whether it is run at all would tell
 * of that row, if it raised, warned, or called whose code it is.  So all that stands beside people's rows
 * must be quiet, whatever it reads.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "policy_reviewed.h"
#include "usage_group.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* ---- one query ---- */

static bool
jointree_is_silent(Node *node)
{
	ListCell *lc;

	if (node == NULL || IsA(node, RangeTblRef))
		return true;
	if (IsA(node, FromExpr))
	{
		foreach (lc, ((FromExpr *) node)->fromlist)
			if (!jointree_is_silent(lfirst(lc)))
				return false;
		return usage_is_silent(((FromExpr *) node)->quals);
	}
	if (IsA(node, JoinExpr))
		return jointree_is_silent(((JoinExpr *) node)->larg) &&
			   jointree_is_silent(((JoinExpr *) node)->rarg) &&
			   usage_is_silent(((JoinExpr *) node)->quals);
	return false;
}

static bool
is_percentage(Node *argument)
{
	const Const *constant = usage_constant(argument);

	return constant != NULL && !constant->constisnull && constant->consttype == FLOAT4OID &&
		   DatumGetFloat4(constant->constvalue) >= 0 && DatumGetFloat4(constant->constvalue) <= 100;
}

/* a sample that no row decides about, and that is looked at when it begins: which a row may decide */
static bool
sample_is_silent(const TableSampleClause *sample)
{
	const Const *seed =
		sample->repeatable != NULL ? usage_constant((Node *) sample->repeatable) : NULL;

	return sample->tsmhandler < FirstNormalObjectId && list_length(sample->args) == 1 &&
		   is_percentage(linitial(sample->args)) &&
		   (sample->repeatable == NULL || (seed != NULL && !seed->constisnull));
}

/* a series, or the elements of an array, which are there before */
static bool
set_is_silent(Node *expr)
{
	static const Oid functions[] = {F_GENERATE_SERIES_INT4_INT4, F_GENERATE_SERIES_INT8_INT8,
									F_UNNEST_ANYARRAY};
	const FuncExpr *call = (FuncExpr *) expr;

	return IsA(expr, FuncExpr) && function_is_among(call->funcid, functions, lengthof(functions)) &&
		   !usage_names_column((Node *) call->args) && usage_is_silent((Node *) call->args);
}

/* also in parts */
static bool
is_foreign(Oid relid)
{
	ListCell *lc;

	if (get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE)
		return true;
	foreach (lc, has_subclass(relid) ? find_all_inheritors(relid, NoLock, NULL) : NIL)
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			return true;
	return false;
}

/* another table's policies are run where it is read; and who knows what a foreign one is */
static bool
relation_is_silent(const RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || protected_relation(rte->relid) != NULL)
		return true;
	return !is_foreign(rte->relid) && usage_is_silent((Node *) rte->securityQuals);
}

/*
 * usage_compares_silently -- are values told apart, or put in an order, by core, and by a collation that has
 * the version it was made for?  Else whoever makes a range, or a collation, hears of the first.
 */
bool
usage_compares_silently(Node *expr)
{
	Oid type = getBaseType(exprType(expr));
	Oid element = get_element_type(type);
	Oid collation = exprCollation(expr);

	if (OidIsValid(element))
		type = getBaseType(element);
	/* what is in a record is only seen when two are compared */
	return collation_is_current(collation) &&
		   (OidIsValid(collation) || !type_is_collatable(exprType(expr))) &&
		   type_compares(exprType(expr)) && type != RECORDOID &&
		   (type < FirstNormalObjectId || get_typtype(type) == TYPTYPE_BASE ||
			get_typtype(type) == TYPTYPE_ENUM);
}

/*
 * usage_are_compared_silently -- the same of what a clause sorts, or groups, by
 *	results		TargetEntry * that it refers to
 */
bool
usage_are_compared_silently(List *clause, List *results)
{
	ListCell *lc;

	foreach (lc, clause)
		if (!usage_compares_silently(get_sortgroupclause_expr(lfirst(lc), results)))
			return false;
	return true;
}

/* usage_rows_are_silent -- what makes the rows of a query, or its groups */
bool
usage_rows_are_silent(const Query *query)
{
	ListCell *lc;

	if (!jointree_is_silent((Node *) query->jointree) ||
		!usage_are_compared_silently(query->groupClause, query->targetList) ||
		!usage_are_compared_silently(query->distinctClause, query->targetList))
		return false;
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		ListCell *part;

		if (!relation_is_silent(rte))
			return false;
		/* of one that was inlined, they are left behind */
		foreach (part, rte->rtekind == RTE_FUNCTION ? rte->functions : NIL)
		{
			Node *function = lfirst_node(RangeTblFunction, part)->funcexpr;

			if (!usage_is_silent(function) && !set_is_silent(function))
				return false;
		}
		if (rte->tablefunc != NULL || !usage_is_silent((Node *) rte->values_lists) ||
			(rte->tablesample != NULL && !sample_is_silent(rte->tablesample)))
			return false;
		foreach (part, rte->joinaliasvars)
			if (!usage_is_silent(lfirst(part)))
				return false;
	}
	return true;
}

/* a limit that is negative is an error */
static bool
limit_is_silent(Node *limit)
{
	const Const *constant = limit != NULL ? usage_constant(limit) : NULL;

	return limit == NULL || (constant != NULL &&
							 (constant->constisnull || DatumGetInt64(constant->constvalue) >= 0));
}

/* a number, or a time, of which the sum over many rows may have no room */
static bool
names_large(Node *node, void *context)
{
	if (node == NULL || IsA(node, Query))
		return false;
	if (IsA(node, Const) || IsA(node, Param))
		switch (exprType(node))
		{
			case NUMERICOID:
			case FLOAT8OID:
				return !usage_is_moderate(node);
			case FLOAT4OID:
			case INTERVALOID:
			case CASHOID:
				return true;
			default:
				return false;
		}
	return expression_tree_walker(node, names_large, context);
}

/* usage_query_is_silent -- all of one that is run for each row of a query around it */
bool
usage_query_is_silent(const Query *query)
{
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		Node *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

		if ((!usage_is_silent(expr) && !set_is_silent(expr)) ||
			(query->setOperations != NULL && !usage_compares_silently(expr)))
			return false;
	}
	/* locks are there for others to see */
	return query->rowMarks == NIL && !names_large((Node *) query->targetList, NULL) &&
		   !names_large(query->havingQual, NULL) && usage_rows_are_silent(query) &&
		   usage_is_silent(query->havingQual) &&
		   usage_are_compared_silently(query->sortClause, query->targetList) &&
		   limit_is_silent(query->limitCount) && limit_is_silent(query->limitOffset);
}

/* ---- beside rows ---- */

#define MOST_ELEMENTS 10000

/* usage_limits_to -- does a query say that it finds so many rows at most? */
bool
usage_limits_to(const Query *query, int64 most)
{
	const Const *limit = query->limitCount != NULL ? usage_constant(query->limitCount) : NULL;

	return limit != NULL && !limit->constisnull && query->limitOption == LIMIT_OPTION_COUNT &&
		   DatumGetInt64(limit->constvalue) <= most;
}

/* usage_is_one_group -- has it one row, of all that it reads? */
bool
usage_is_one_group(const Query *query)
{
	return query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL;
}

/* core raises where a subquery that stands for one value finds several rows; and an array has an end */
static bool
may_be_several(const SubLink *link)
{
	const Query *query = castNode(Query, link->subselect);

	switch (link->subLinkType)
	{
		case EXISTS_SUBLINK:
		case ANY_SUBLINK:
		case ALL_SUBLINK:
			return false;
		case ARRAY_SUBLINK:
			return !usage_limits_to(query, MOST_ELEMENTS);
		default:
			return !usage_limits_to(query, 1) && !usage_is_one_group(query) &&
				   (query->jointree->fromlist != NIL || query->hasTargetSRFs ||
					query->setOperations != NULL);
	}
}

static bool reads_people(const Query *query, const List *ctes);

/* of those that are seen, the last of its name; it does not read those behind it */
static bool
cte_reads_people(const RangeTblEntry *rte, const List *ctes)
{
	for (int i = list_length(ctes) - 1; i >= 0; i--)
	{
		const CommonTableExpr *cte = list_nth(ctes, i);

		if (strcmp(cte->ctename, rte->ctename) != 0)
			continue;
		ctes = list_copy_head(ctes, i);
		return IsA(cte->ctequery, Query) && reads_people((Query *) cte->ctequery, ctes);
	}
	return false;
}

static bool
reads_people(const Query *query, const List *ctes)
{
	ListCell *lc;

	foreach (lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && protected_relation(rte->relid) != NULL)
			return true;
		if (rte->rtekind == RTE_SUBQUERY && reads_people(rte->subquery, ctes))
			return true;
		if (rte->rtekind == RTE_CTE && !rte->self_reference && cte_reads_people(rte, ctes))
			return true;
	}
	return false;
}

/* is more made of values than comparisons?  Of one's own, whatever is made may overflow */
static bool
makes_more(Node *node, void *context)
{
	static const char *const aggregates[] = {"bool_and", "bool_or", "count", "every", "max", "min"};

	if (node == NULL || IsA(node, Query))
		return false;
	if (IsA(node, FuncExpr) && !usage_changes_type((FuncExpr *) node) && !set_is_silent(node))
		return true;
	if ((IsA(node, OpExpr) || IsA(node, NullIfExpr)) && exprType(node) != BOOLOID)
		return true;
	if (IsA(node, Aggref) && !name_is_among(get_func_name(((Aggref *) node)->aggfnoid), aggregates,
											lengthof(aggregates)))
		return true;
	return expression_tree_walker(node, makes_more, context);
}

typedef struct Quiet
{
	List *queries;
	List *ctes; /* of CommonTableExpr *: those of queries around */
} Quiet;

static bool find_quiet(Node *node, Quiet *quiet);

static bool
find_in_query(Query *query, Quiet *quiet, bool silent)
{
	int seen = list_length(quiet->ctes);
	bool result;

	quiet->ctes = list_concat(quiet->ctes, query->cteList);
	if (silent && usage_query_is_silent(query) &&
		(reads_people(query, quiet->ctes) ||
		 !query_tree_walker(query, makes_more, NULL,
							QTW_IGNORE_RT_SUBQUERIES | QTW_IGNORE_CTE_SUBQUERIES)))
		quiet->queries = lappend(quiet->queries, query);
	result = query_tree_walker(query, find_quiet, quiet, 0);
	quiet->ctes = list_truncate(quiet->ctes, seen);
	return result;
}

static bool
find_quiet(Node *node, Quiet *quiet)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, SubLink))
	{
		SubLink *link = (SubLink *) node;

		return find_quiet(link->testexpr, quiet) ||
			   find_in_query(castNode(Query, link->subselect), quiet, !may_be_several(link));
	}
	if (IsA(node, Query))
		return find_in_query((Query *) node, quiet, true);
	return expression_tree_walker(node, find_quiet, quiet);
}

/* usage_quiet_queries -- of a statement, as it was written */
List *
usage_quiet_queries(Query *query)
{
	Quiet quiet = {.queries = NIL};

	(void) find_quiet((Node *) query, &quiet);
	return quiet.queries;
}

typedef struct Parts
{
	const List *quiet;
	const Block *block;
	bool aggregated; /* what is no part of an aggregate is asked of groups, not of rows */
} Parts;

static bool find_loud(Node *node, Parts *parts);

static bool
query_is_loud(const List *quiet, Query *query, const Block *outer)
{
	Block block = {.outer = outer, .query = query};
	Parts parts = {.quiet = quiet, .block = &block};

	check_stack_depth();
	return !list_member_ptr(quiet, query) ||
		   query_tree_walker(query, find_loud, &parts, QTW_EXAMINE_RTES_BEFORE);
}

static bool
find_loud(Node *node, Parts *parts)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return !parts->aggregated && query_is_loud(parts->quiet, (Query *) node, parts->block);
	if (IsA(node, RangeTblEntry))
	{
		const RangeTblEntry *rte = (RangeTblEntry *) node;
		const Block *owner;
		CommonTableExpr *cte;

		if (rte->rtekind != RTE_CTE || rte->self_reference)
			return false;
		cte = usage_cte_of(rte, parts->block, &owner);
		return cte == NULL || query_is_loud(parts->quiet, castNode(Query, cte->ctequery), owner);
	}
	if (IsA(node, Aggref) && parts->aggregated)
	{
		Parts inside = {.quiet = parts->quiet, .block = parts->block};

		return expression_tree_walker(node, find_loud, &inside);
	}
	return expression_tree_walker(node, find_loud, parts);
}

/*
 * usage_parts_are_quiet -- the subqueries of one that reads people's rows, but for what is asked of groups
 * that it makes of them
 *	quiet	usage_quiet_queries() of the statement
 */
bool
usage_parts_are_quiet(const List *quiet, const Block *block, bool groups)
{
	Query *query = block->query;
	Parts parts = {.quiet = quiet, .block = block};
	Parts of_groups = {.quiet = quiet, .block = block, .aggregated = groups};
	ListCell *lc;

	if (range_table_walker(query->rtable, find_loud, &parts, QTW_EXAMINE_RTES_BEFORE) ||
		find_loud((Node *) query->jointree, &parts) || find_loud(query->havingQual, &of_groups))
		return false;
	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (find_loud((Node *) entry->expr, entry->ressortgroupref > 0 ? &parts : &of_groups))
			return false;
	}
	return true;
}
