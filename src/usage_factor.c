/*
 * usage_factor.c
 *	  Products of columns: enough people differ in what others are multiplied by, or none
 *	  (policy_differ.c).
 *
 * A product of two, and an aggregate of two arguments, may be computed in the query that groups, in a
 * subquery that hands on rows, or of all rows of a person in one that groups them.  Its factors are
 * handed on from there, as hashes: of a person's rows the least and the greatest.
 */
#include "compat.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

typedef struct Factors
{
	Grouping *grouping;
	const Block *block;
	List *found;  /* of Factor * */
	List *handed; /* of Node *: columns of subqueries, of which some were found */
} Factors;

/* what an aggregate adds up, each a product: sums that are multiplied are multiplied out */
typedef struct Terms
{
	List *found; /* of List * of Node *: columns; none is a constant */
	bool too_many;
} Terms;

#define MOST_TERMS 16

static bool find_factors(Node *node, Factors *factors);

/* usage_hash_of -- as an expression; the same for values that are equal */
Expr *
usage_hash_of(Grouping *grouping, Node *value)
{
	TypeCacheEntry *type = lookup_type_cache(exprType(value), TYPECACHE_HASH_EXTENDED_PROC);
	Const *seed =
		makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false, FLOAT8PASSBYVAL);

	if (!OidIsValid(type->hash_extended_proc))
	{
		(void) usage_refuse_groups(grouping, "An aggregate in it multiplies what has no hash.");
		return (Expr *) seed;
	}
	return (Expr *) makeFuncExpr(
		type->hash_extended_proc, INT8OID, list_make2(copyObject(value), seed), InvalidOid,
		OidIsValid(exprCollation(value)) ? C_COLLATION_OID : InvalidOid, COERCE_EXPLICIT_CALL);
}

/* what a product is made of, opened */
static bool
find_columns(Node *node, List **columns)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) || IsA(node, Aggref) || encrypted_is_opening(node))
	{
		*columns = list_append_unique(*columns, node);
		return false;
	}
	return expression_tree_walker(node, find_columns, columns);
}

/* a product that an aggregate makes: a numeric, which is never too large, as float8 may be */
static Expr *
product_of(Expr *a, Expr *b)
{
	return (Expr *) makeFuncExpr(F_NUMERIC_MUL, NUMERICOID,
								 list_make2(usage_as_numeric(a), usage_as_numeric(b)), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

/* usage_none_is_zero -- of values that are multiplied: conditions */
List *
usage_none_is_zero(List *values)
{
	Const *zero = makeConst(NUMERICOID, -1, InvalidOid, -1, NumericGetDatum(int64_to_numeric(0)),
							false, false);
	List *conditions = NIL;
	ListCell *lc;

	foreach (lc, values)
		conditions = lappend(
			conditions, makeFuncExpr(F_NUMERIC_NE, BOOLOID,
									 list_make2(usage_as_numeric(copyObject(lfirst(lc))), zero),
									 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
	return conditions;
}

static void
add_hashes(Factors *factors, List *values)
{
	ListCell *lc;

	foreach (lc, values)
	{
		Factor *factor = palloc(sizeof(Factor));

		factor->least = factor->greatest = usage_hash_of(factors->grouping, lfirst(lc));
		factors->found = lappend(factors->found, factor);
	}
}

/* and what else is multiplied than columns by themselves */
static List *
with_operands(List *columns, List *operands)
{
	List *values = list_copy(columns);
	ListCell *lc;

	foreach (lc, operands)
		if (!list_member(columns, usage_without_casts(lfirst(lc))))
			values = lappend(values, lfirst(lc));
	return values;
}

/* columns, operands, which may be sums, and the product, which is of few where all others have zero */
static void
add_product(Factors *factors, OpExpr *op)
{
	List *values = NIL;

	(void) find_columns((Node *) op->args, &values);
	/* a column's own powers choose nobody */
	if (list_length(values) > 1)
		add_hashes(factors, lappend(with_operands(values, op->args), op));
}

/* the same of an aggregate that multiplies its arguments, or sums with themselves */
static void
add_arguments(Factors *factors, List *arguments)
{
	List *columns = NIL;
	List *values;
	ListCell *lc;

	(void) find_columns((Node *) arguments, &columns);
	if (list_length(columns) < 2)
		return;
	values = with_operands(columns, arguments);
	foreach (lc, columns)
		for (int i = 0; i < foreach_current_index(lc); i++)
			values = lappend(values, product_of(list_nth(columns, i), lfirst(lc)));
	if (list_length(arguments) == 2 && list_length(columns) > 2)
		values = lappend(values, product_of(linitial(arguments), lsecond(arguments)));
	add_hashes(factors, values);
}

/* does an aggregate multiply its arguments, or one with itself? */
static bool
multiplies(const Aggref *aggregate)
{
	const char *name = get_func_name(aggregate->aggfnoid);

	return usage_squares(aggregate) && strcmp(name, "regr_avgx") != 0 &&
		   strcmp(name, "regr_avgy") != 0;
}

static List *
arguments_of(const Aggref *aggregate)
{
	List *arguments = NIL;
	ListCell *lc;

	foreach (lc, aggregate->args)
		if (!lfirst_node(TargetEntry, lc)->resjunk)
			arguments = lappend(arguments, lfirst_node(TargetEntry, lc)->expr);
	return arguments;
}

/* of all rows that a query groups */
static void
group_factors(List *found, Expr *filter)
{
	ListCell *lc;

	foreach (lc, found)
	{
		Factor *factor = lfirst(lc);

		factor->least =
			(Expr *) expression_aggregate(F_MIN_INT8, INT8OID, list_make1(factor->least), filter);
		factor->greatest = (Expr *) expression_aggregate(F_MAX_INT8, INT8OID,
														 list_make1(factor->greatest), filter);
	}
}

/* of one subject's rows: those count that the aggregate is of */
static void
find_in_aggregate(const Aggref *aggregate, Factors *factors)
{
	Factors inside = {.grouping = factors->grouping, .block = factors->block};
	List *arguments = arguments_of(aggregate);
	List *present = NIL;
	ListCell *lc;

	if (usage_counts(aggregate))
		return;
	/* it may be zero of all but one: of who has one row */
	if (multiplies(aggregate))
		add_hashes(factors, list_make1((void *) aggregate));
	(void) find_factors((Node *) arguments, &inside);
	foreach (lc, inside.found != NIL ? arguments : NIL)
		present = lappend(present, expression_null_test(copyObject(lfirst(lc)), IS_NOT_NULL));
	group_factors(inside.found, make_ands_explicit(present));
	factors->found = list_concat(factors->found, inside.found);
}

/* a column that a subquery, or WITH, makes */
static void
find_in_result(RangeTblEntry *rte, CommonTableExpr *cte, Query *query, const Block *outer,
			   const Var *var, Factors *factors)
{
	Block block = {.outer = outer, .query = query};
	Factors inside = {.grouping = factors->grouping, .block = &block};
	const TargetEntry *entry = get_tle_by_resno(query->targetList, var->varattno);
	bool groups = query->hasAggs || query->groupClause != NIL;
	ListCell *lc;

	/* groups of enough were looked at by themselves */
	if (list_member_ptr(factors->grouping->guarded, query))
		return;
	if (entry == NULL || query->setOperations != NULL || query->distinctClause != NIL ||
		query->limitCount != NULL || query->limitOffset != NULL)
	{
		(void) usage_refuse_groups(factors->grouping, "What it multiplies is not known.");
		return;
	}
	(void) find_factors((Node *) entry->expr, &inside);
	foreach (lc, inside.found)
	{
		Factor *factor = lfirst(lc);

		if (groups && !contain_agg_clause((Node *) factor->least))
			group_factors(list_make1(factor), NULL);
		factor->least = usage_as_result(query, factor->least);
		factor->greatest = usage_as_result(query, factor->greatest);
		ChangeVarNodes((Node *) factor->least, 0, var->varno, 0);
		ChangeVarNodes((Node *) factor->greatest, 0, var->varno, 0);
		query->hasAggs |= groups;
	}
	if (inside.found != NIL)
		usage_name_results(rte, cte, query);
	factors->found = list_concat(factors->found, inside.found);
}

static void
find_in_column(const Var *var, Factors *factors)
{
	const Block *block = factors->block;
	RangeTblEntry *rte = rt_fetch(var->varno, block->query->rtable);
	CommonTableExpr *cte;
	const Block *owner;

	switch (rte->rtekind)
	{
		case RTE_SUBQUERY:
			find_in_result(rte, NULL, rte->subquery, block, var, factors);
			break;
		case RTE_CTE:
			cte = usage_cte_of(rte, block, &owner);
			if (cte != NULL)
				find_in_result(rte, cte, castNode(Query, cte->ctequery), owner, var, factors);
			break;
		case RTE_JOIN:
			if (var->varattno > 0)
				(void) find_factors(list_nth(rte->joinaliasvars, var->varattno - 1), factors);
			break;
		default:
			break;
	}
}

/* a column of a query around it: of a product there, the factors would be handed on beside */
static void
find_in_outer(const Var *var, Factors *factors)
{
	Factors outer = {.grouping = factors->grouping, .block = factors->block->outer};
	Var *there = copyObject(unconstify(Var *, var));

	there->varlevelsup--;
	if (outer.block != NULL)
		(void) find_factors((Node *) there, &outer);
	if (outer.block == NULL || outer.found != NIL)
		(void) usage_refuse_groups(factors->grouping,
								   "A subquery in it hands on products of a query around it.");
}

static bool
find_factors(Node *node, Factors *factors)
{
	check_stack_depth();
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		find_in_aggregate((Aggref *) node, factors);
		return false;
	}
	if (IsA(node, Var))
	{
		int found = list_length(factors->found);

		if (((Var *) node)->varlevelsup > 0)
			find_in_outer((Var *) node, factors);
		else
			find_in_column((Var *) node, factors);
		if (list_length(factors->found) > found)
			factors->handed = lappend(factors->handed, node);
		return false;
	}
	if (IsA(node, OpExpr) && usage_is_product((OpExpr *) node))
		add_product(factors, (OpExpr *) node);
	return expression_tree_walker(node, find_factors, factors);
}

/* ---- what is added up ---- */

static void
add_term(Terms *terms, List *columns)
{
	ListCell *lc;

	terms->too_many |= list_length(terms->found) >= MOST_TERMS;
	foreach (lc, terms->found)
	{
		List *other = lfirst(lc);

		if (list_difference(other, columns) == NIL && list_difference(columns, other) == NIL)
			return;
	}
	if (!terms->too_many)
		terms->found = lappend(terms->found, columns);
}

static void
multiply(Terms *terms, const Terms *a, const Terms *b)
{
	ListCell *of_a;
	ListCell *of_b;

	terms->too_many |= a->too_many || b->too_many;
	foreach (of_a, a->found)
		foreach (of_b, b->found)
			add_term(terms, list_union(lfirst(of_a), lfirst(of_b)));
}

static bool
find_terms(Node *node, Terms *terms)
{
	check_stack_depth();
	if (node == NULL)
		return false;
	if (IsA(node, Const) || IsA(node, Param))
		add_term(terms, NIL);
	else if (IsA(node, Var) || IsA(node, Aggref) || encrypted_is_opening(node))
		add_term(terms, list_make1(node));
	else if (IsA(node, OpExpr) && usage_is_product((OpExpr *) node))
	{
		Terms a = {0};
		Terms b = {0};

		(void) find_terms(linitial(((OpExpr *) node)->args), &a);
		(void) find_terms(lsecond(((OpExpr *) node)->args), &b);
		multiply(terms, &a, &b);
	}
	else
		return expression_tree_walker(node, find_terms, terms);
	return false;
}

static Terms
terms_of(const Aggref *aggregate, List *values)
{
	Terms terms = {0};
	Terms a = {0};
	Terms b = {0};

	if (!multiplies(aggregate))
	{
		(void) find_terms((Node *) values, &terms);
		return terms;
	}
	(void) find_terms(linitial(values), &a);
	(void) find_terms(llast(values), &b);
	multiply(&terms, &a, &b);
	return terms;
}

/* of those that multiply columns, or what a subquery has multiplied; and of the whole, if it is none of these */
static List *
products_of(const Factors *factors, const Aggref *aggregate, List *values)
{
	Terms terms = terms_of(aggregate, values);
	List *products = list_length(terms.found) == 1 ? NIL : list_make1(values);
	ListCell *lc;

	if (terms.too_many)
		(void) usage_refuse_groups(factors->grouping, "It multiplies sums of many columns.");
	foreach (lc, terms.found)
		if (list_length(lfirst(lc)) > 1 || list_intersection(lfirst(lc), factors->handed) != NIL)
			products = lappend(products, lfirst(lc));
	return products;
}

/*
 * usage_factors -- of Factor *: what an aggregate multiplies by what
 *	values		what it is of, for each row
 *	products	of List * of Node *: what is multiplied in this query, each a summand
 */
List *
usage_factors(Grouping *grouping, const Block *block, const Aggref *aggregate, List *values,
			  List **products)
{
	Factors factors = {.grouping = grouping, .block = block};

	if (!usage_counts(aggregate))
	{
		if (multiplies(aggregate))
			add_arguments(&factors, values);
		(void) find_factors((Node *) values, &factors);
	}
	*products = factors.found != NIL ? products_of(&factors, aggregate, values) : NIL;
	return factors.found;
}
