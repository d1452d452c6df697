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
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
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

/* a sample that no row decides about */
static bool
sample_is_silent(const TableSampleClause *sample)
{
	Node *parts = (Node *) list_make2(sample->args, sample->repeatable);

	return sample->tsmhandler < FirstNormalObjectId && !usage_names_column(parts) &&
		   usage_is_silent((Node *) sample->args) && usage_is_silent((Node *) sample->repeatable);
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

/* another table's policies are run where it is read; and who knows what a foreign one is */
static bool
relation_is_silent(const RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION || protected_relation(rte->relid) != NULL)
		return true;
	return rte->relkind != RELKIND_FOREIGN_TABLE && usage_is_silent((Node *) rte->securityQuals);
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

	if (OidIsValid(element))
		type = getBaseType(element);
	return collation_is_current(exprCollation(expr)) && type_compares(exprType(expr)) &&
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
	return query->rowMarks == NIL && usage_rows_are_silent(query) &&
		   usage_is_silent(query->havingQual) &&
		   usage_are_compared_silently(query->sortClause, query->targetList) &&
		   limit_is_silent(query->limitCount) && limit_is_silent(query->limitOffset);
}

/* ---- beside rows ---- */

/* core raises where a subquery that stands for one value finds several rows */
static bool
may_be_several(const SubLink *link)
{
	const Query *query = castNode(Query, link->subselect);
	const Const *limit = query->limitCount != NULL ? usage_constant(query->limitCount) : NULL;

	if (link->subLinkType == EXISTS_SUBLINK || link->subLinkType == ANY_SUBLINK ||
		link->subLinkType == ALL_SUBLINK || link->subLinkType == ARRAY_SUBLINK)
		return false;
	if (query->jointree->fromlist == NIL && !query->hasTargetSRFs && query->setOperations == NULL)
		return false;
	if (query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL)
		return false;
	return limit == NULL || limit->constisnull || query->limitOption != LIMIT_OPTION_COUNT ||
		   DatumGetInt64(limit->constvalue) > 1;
}

static bool
find_quiet(Node *node, List **quiet)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) && may_be_several((SubLink *) node))
	{
		Query *query = castNode(Query, ((SubLink *) node)->subselect);

		return find_quiet(((SubLink *) node)->testexpr, quiet) ||
			   query_tree_walker(query, find_quiet, quiet, 0);
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_quiet, quiet);
	if (usage_query_is_silent((Query *) node))
		*quiet = lappend(*quiet, node);
	return query_tree_walker((Query *) node, find_quiet, quiet, 0);
}

/* usage_quiet_queries -- of a statement, as it was written */
List *
usage_quiet_queries(Query *query)
{
	List *quiet = NIL;

	(void) find_quiet((Node *) query, &quiet);
	return quiet;
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

/* ---- what is of no row ---- */

/* of no row, and of no query */
static bool
depends_on_more(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_SubLink:
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
		case T_SetToDefault:
		case T_CurrentOfExpr:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		default:
			return expression_tree_walker(node, depends_on_more, context);
	}
}

static bool
is_expression(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
			return true;
		default:
			return false;
	}
}

/* usage_is_settled -- can usage_settle() compute an expression, before there are rows? */
bool
usage_is_settled(Node *expr)
{
	return is_expression(expr) && !depends_on_more(expr, NULL) && !runs_user_code(expr) &&
		   !contain_volatile_functions(expr) && !expression_returns_set(expr);
}

static void
compute(Node *node, ParamListInfo params)
{
	Expr *expr = expression_planner((Expr *) copyObject(node));
	EState *estate = CreateExecutorState();
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);
	ExprState *state = ExecInitExprWithParams(expr, params);
	ExprContext *context = GetPerTupleExprContext(estate);
	bool isnull;

	context->ecxt_param_list_info = params;
	(void) ExecEvalExprSwitchContext(state, context, &isnull);
	MemoryContextSwitchTo(old);
	FreeExecutorState(estate);
}

static bool
find_settled(Node *node, ParamListInfo params)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_settled, params, 0);
	if (!usage_is_settled(node))
		return expression_tree_walker(node, find_settled, params);
	compute(node, params);
	return false;
}

/*
 * usage_settle -- compute what is of no row before there are any: what raises, by its parameters, by settings or
 * by the clock, which were others when a plan was made that is kept, raises whatever the rows are.
 */
void
usage_settle(Query *tree, ParamListInfo params)
{
	(void) find_settled((Node *) tree, params);
}
