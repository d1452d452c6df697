/*
 * usage_cell.c
 *	  The groups that a query makes, each with its condition, and aggregates of some rows of a group.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
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

/* usage_without_casts -- a value without what only changes its type */
Node *
usage_without_casts(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST &&
				 list_length(((FuncExpr *) node)->args) == 1)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

typedef struct Cells
{
	Grouping *grouping;
	const Block *block;
	bool outer_joins;
	List *conditions; /* of a cell: Node *, by number - first */
	int first;
} Cells;

static Aggref *
enough(const Key *key, int cell, bool disjoint, bool once, Node *condition)
{
	Aggref *aggregate = makeNode(Aggref);
	Const *what = policy_group_cell(key->domain, cell, disjoint, once);

	aggregate->aggfnoid = policy_enough_function(key->kind);
	if (!OidIsValid(aggregate->aggfnoid))
		elog(ERROR, "privseg lacks the function that counts subjects");
	aggregate->aggtype = BOOLOID;
	aggregate->inputcollid = exprCollation((Node *) key->expr);
	aggregate->aggargtypes = list_make3_oid(exprType((Node *) key->expr), what->consttype, INT8OID);
	aggregate->args = list_make3(
		makeTargetEntry(copyObject(key->expr), 1, NULL, false),
		makeTargetEntry((Expr *) what, 2, NULL, false),
		makeTargetEntry((Expr *) makeNullConst(INT8OID, -1, InvalidOid), 3, NULL, false));
	aggregate->aggfilter = (Expr *) copyObject(condition);
	aggregate->aggkind = AGGKIND_NORMAL;
	aggregate->aggsplit = AGGSPLIT_SIMPLE;
	aggregate->aggno = aggregate->aggtransno = -1;
	aggregate->location = -1;
	return aggregate;
}

/*
 * The one relation whose rows a query reads, each once; or NULL.  Then no row is in two groups that
 * it makes.
 */
static const RangeTblEntry *
only_relation(const Query *query)
{
	RangeTblRef *only =
		query->jointree->fromlist != NIL ? linitial(query->jointree->fromlist) : NULL;
	RangeTblEntry *rte;

	if (list_length(query->jointree->fromlist) != 1 || !IsA(only, RangeTblRef))
		return NULL;
	rte = rt_fetch(only->rtindex, query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return rte;
	if (rte->rtekind != RTE_SUBQUERY || rte->subquery->setOperations != NULL ||
		rte->subquery->hasTargetSRFs || rte->subquery->hasAggs || rte->subquery->groupClause != NIL)
		return NULL;
	return only_relation(rte->subquery);
}

/* has it one row about each subject?  No index says so of several tables of plain inheritance */
static bool
has_each_once(const RangeTblEntry *rte)
{
	const ProtectedRelation *found = protected_relation(rte->relid);

	return found != NULL && found->relid == found->domain && rte->relid == found->relid &&
		   (rte->relkind == RELKIND_PARTITIONED_TABLE || !has_subclass(rte->relid)) &&
		   subject_key_is_unique(found->domain);
}

/* there are enough, of every table that is read */
static Node *
all_enough(const Block *block, int cell, Node *condition)
{
	const RangeTblEntry *only = only_relation(block->query);
	bool once = only != NULL && has_each_once(only);
	List *each = NIL;
	ListCell *lc;

	foreach (lc, block->keys)
		each = lappend(each, enough(lfirst(lc), cell, only != NULL, once, condition));
	return (Node *) make_ands_explicit(each);
}

static Node *
where_enough(Node *enough_subjects, Node *expr)
{
	CaseExpr *result = makeNode(CaseExpr);
	CaseWhen *when = makeNode(CaseWhen);

	when->expr = (Expr *) enough_subjects;
	when->result = (Expr *) expr;
	when->location = -1;
	result->casetype = exprType(expr);
	result->casecollid = exprCollation(expr);
	result->args = list_make1(when);
	result->defresult =
		(Expr *) makeNullConst(result->casetype, exprTypmod(expr), result->casecollid);
	result->location = -1;
	return (Node *) result;
}

static bool
is_not_null(Oid relid, AttrNumber column)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(column));
	bool result = HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

/* has every row a value for it? */
static bool
is_never_null(const Cells *cells, Node *expr)
{
	Var *var = (Var *) usage_without_casts(expr);
	RangeTblEntry *rte;

	if (IsA(var, Const))
		return !((Const *) var)->constisnull;
	if (!IsA(var, Var) || cells->outer_joins || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, cells->block->query->rtable);
	return rte->rtekind == RTE_RELATION && is_not_null(rte->relid, var->varattno);
}

/* a condition inside an aggregate chooses rows, as FILTER does: CASE WHEN ... THEN x [ELSE 0] END */
static Node *
chosen_value(Node *argument, List **conditions)
{
	CaseExpr *choice = (CaseExpr *) argument;
	Node *otherwise;

	if (!IsA(argument, CaseExpr) || choice->arg != NULL || list_length(choice->args) != 1)
		return argument;
	otherwise = choice->defresult != NULL ? usage_without_casts((Node *) choice->defresult) : NULL;
	if (otherwise != NULL && !IsA(otherwise, Const))
		return argument;
	*conditions = lappend(*conditions, linitial_node(CaseWhen, choice->args)->expr);
	return (Node *) linitial_node(CaseWhen, choice->args)->result;
}

static bool
names_key(const Cells *cells, Node *expr)
{
	List *columns = pull_var_clause(expr, 0);
	ListCell *lc;
	ListCell *key;

	foreach (lc, columns)
		foreach (key, cells->block->keys)
			if (equal(lfirst(lc), usage_without_casts((Node *) ((Key *) lfirst(key))->expr)))
				return true;
	return false;
}

static int
cell_of(Cells *cells, Node *condition)
{
	ListCell *lc;

	foreach (lc, cells->conditions)
		if (equal(lfirst(lc), condition))
			return cells->first + foreach_current_index(lc);
	cells->conditions = lappend(cells->conditions, condition);
	cells->grouping->n_cells++;
	return cells->first + list_length(cells->conditions) - 1;
}

/* the query of a WITH, inside the block that has it; NULL: it is not one that can be followed */
static Query *
query_of_cte(const RangeTblEntry *rte, const Block *block, const Block **owner)
{
	ListCell *lc;

	for (Index up = 0; up < rte->ctelevelsup && block != NULL; up++)
		block = block->outer;
	*owner = block;
	if (block == NULL || rte->self_reference)
		return NULL;
	foreach (lc, block->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0 && !cte->cterecursive)
			return castNode(Query, cte->ctequery);
	}
	return NULL;
}

static bool is_made_of_columns(Node *expr, const Block *block);

/* where a subquery, or WITH, makes it */
static bool
result_is_made_of_columns(Query *query, AttrNumber column, const Block *outer)
{
	Block inner = {outer, query, NIL};
	TargetEntry *entry;

	if (query == NULL || query->commandType != CMD_SELECT || query->setOperations != NULL)
		return false;
	entry = get_tle_by_resno(query->targetList, column);
	return entry != NULL && is_made_of_columns((Node *) entry->expr, &inner);
}

static bool
column_is_made_of_columns(const Var *var, const Block *block)
{
	RangeTblEntry *rte = rt_fetch(var->varno, block->query->rtable);
	const Block *owner;
	Query *query;
	ListCell *lc;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return true;
		case RTE_SUBQUERY:
			return result_is_made_of_columns(rte->subquery, var->varattno, block);
		case RTE_CTE:
			query = query_of_cte(rte, block, &owner);
			return result_is_made_of_columns(query, var->varattno, owner);
		case RTE_JOIN:
			return var->varattno > 0 &&
				   is_made_of_columns(list_nth(rte->joinaliasvars, var->varattno - 1), block);
		case RTE_VALUES:
			foreach (lc, rte->values_lists)
				if (var->varattno <= 0 ||
					!is_made_of_columns(list_nth(lfirst_node(List, lc), var->varattno - 1), block))
					return false;
			return true;
		case RTE_FUNCTION:
			return !contain_var_clause((Node *) rte->functions);
		default:
			return false;
	}
}

/*
 * Is what is aggregated made of columns also where subqueries make it?  Conditions in it, there too,
 * would choose rows of the group.
 */
static bool
is_made_of_columns(Node *expr, const Block *block)
{
	Var *var = (Var *) usage_without_casts(expr);
	Index depth = 0;
	ListCell *lc;

	check_stack_depth();
	/* of a query around it */
	if (IsA(var, Var) && var->varlevelsup > 0)
	{
		var = copyObject(var);
		var->varlevelsup--;
		return block->outer != NULL && is_made_of_columns((Node *) var, block->outer);
	}
	for (const Block *outer = block->outer; outer != NULL; outer = outer->outer)
		if (contain_vars_of_level(expr, ++depth))
			return false;
	/* of one subject's rows, or of a group of enough */
	if (IsA(expr, Aggref))
	{
		if (((Aggref *) expr)->aggfilter != NULL || ((Aggref *) expr)->agglevelsup > 0)
			return false;
		foreach (lc, ((Aggref *) expr)->args)
			if (!is_made_of_columns((Node *) lfirst_node(TargetEntry, lc)->expr, block))
				return false;
		return true;
	}
	if (!usage_is_sum_of_columns(expr))
		return false;
	foreach (lc, pull_var_clause(expr, PVC_RECURSE_AGGREGATES))
		if (!column_is_made_of_columns(lfirst(lc), block))
			return false;
	return true;
}

/* usage_contains_any -- is one of these nodes in a tree? */
bool
usage_contains_any(Node *node, void *nodes)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, usage_contains_any, nodes, 0);
	return list_member_ptr((List *) nodes, node) ||
		   expression_tree_walker(node, usage_contains_any, nodes);
}

static Node *
guard_aggregate(Cells *cells, Aggref *aggregate)
{
	Grouping *grouping = cells->grouping;
	List *conditions = NIL;
	ListCell *lc;

	/* where rows are shown, only of values that are not */
	if (grouping->aggregated != NIL &&
		!usage_contains_any((Node *) aggregate, grouping->aggregated))
		return (Node *) aggregate;
	if (aggregate->agglevelsup > 0 || !usage_is_of_groups(aggregate->aggfnoid))
	{
		(void) usage_refuse_groups(grouping, "An aggregate in it may tell of single rows.");
		return (Node *) aggregate;
	}
	if (aggregate->aggfilter != NULL)
		conditions = list_make1(aggregate->aggfilter);
	foreach (lc, aggregate->args)
	{
		TargetEntry *argument = lfirst_node(TargetEntry, lc);
		Node *value = argument->resjunk ? (Node *) argument->expr :
										  chosen_value((Node *) argument->expr, &conditions);
		bool counts = strcmp(get_func_name(aggregate->aggfnoid), "count") == 0;

		if (contain_vars_of_level(value, 1) || !is_made_of_columns(value, cells->block) ||
			(!counts && names_key(cells, value)))
		{
			(void) usage_refuse_groups(
				grouping, "An aggregate in it is of more than columns: conditions belong "
						  "into FILTER.");
			return (Node *) aggregate;
		}
		if (!is_never_null(cells, value))
		{
			NullTest *test = makeNode(NullTest);

			test->arg = (Expr *) value;
			test->nulltesttype = IS_NOT_NULL;
			test->location = -1;
			conditions = lappend(conditions, test);
		}
	}
	if (!usage_is_silent((Node *) conditions) ||
		usage_mixes_keys((Node *) conditions, cells->block))
		(void) usage_refuse_groups(grouping, "A condition in it may tell of single rows.");
	if (conditions == NIL || grouping->problem != NULL)
		return (Node *) aggregate;
	return where_enough(all_enough(cells->block,
								   cell_of(cells, (Node *) make_ands_explicit(conditions)),
								   (Node *) make_ands_explicit(conditions)),
						(Node *) aggregate);
}

static Node *
guard_mutator(Node *node, Cells *cells)
{
	if (node == NULL || IsA(node, Query))
		return node;
	if (IsA(node, Aggref))
		return guard_aggregate(cells, (Aggref *) node);
	return expression_tree_mutator(node, guard_mutator, cells);
}

static bool
has_outer_join(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype != JOIN_INNER)
		return true;
	return expression_tree_walker(node, has_outer_join, context);
}

/* usage_guard_groups -- give a query that groups rows its conditions */
void
usage_guard_groups(Grouping *grouping, const Block *block)
{
	Query *query = block->query;
	Cells cells = {.grouping = grouping, .block = block};
	int group = grouping->n_cells++;
	ListCell *lc;
	Node *condition;

	foreach (lc, query->groupClause)
		if (!usage_is_silent(get_sortgroupclause_expr(lfirst(lc), query->targetList)))
			(void) usage_refuse_groups(grouping, "What it groups by may tell of single rows.");
	cells.first = grouping->n_cells;
	cells.outer_joins = has_outer_join((Node *) query->jointree, NULL);
	query->targetList = (List *) guard_mutator((Node *) query->targetList, &cells);
	query->havingQual = guard_mutator(query->havingQual, &cells);
	condition = all_enough(block, group, NULL);
	/* what is asked of a group that is not shown must not be noticed, either */
	query->havingQual =
		query->havingQual == NULL ? condition : where_enough(condition, query->havingQual);
	query->hasAggs = true;
}
