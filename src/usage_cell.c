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
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "policy_reviewed.h"
#include "usage_group.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* usage_changes_type -- is it a cast that is not seen, or of an integer to what holds it? */
bool
usage_changes_type(const FuncExpr *call)
{
	static const Oid casts[] = {F_INT8_INT4,    F_INT8_INT2,    F_INT4_INT2,
								F_NUMERIC_INT2, F_NUMERIC_INT4, F_NUMERIC_INT8};

	return list_length(call->args) == 1 &&
		   (call->funcformat == COERCE_IMPLICIT_CAST ||
			function_is_among(call->funcid, casts, lengthof(casts)));
}

/* usage_without_casts -- a value without what only changes its type */
Node *
usage_without_casts(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, FuncExpr) && usage_changes_type((FuncExpr *) node))
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

typedef struct Cells
{
	Grouping *grouping;
	const Block *block;
	List *conditions; /* of a cell: Node *, by number - first */
	int group;        /* the cell of all rows of the group */
	int first;
} Cells;

/* a cell's number is of these, and of which of a key's parts it is */
#define MOST_CELLS 4096
#define MOST_PARTS ((POLICY_MOST_CELLS + 1) / MOST_CELLS)

/* which rows of a group are counted */
typedef struct Counted
{
	int cell;
	uint32 column;   /* that have a value there; 0: whatever they hold */
	Node *condition; /* NULL: all */
	bool chosen;     /* by what an aggregate asks, or lacks */
} Counted;

static Aggref *
enough(const Key *key, const Counted *counted, Expr *rows, int flags)
{
	Const *what = policy_group_cell(key->domain, counted->cell, counted->column, flags);
	Expr *weight = rows != NULL ? rows : (Expr *) makeNullConst(INT8OID, -1, InvalidOid);
	Aggref *aggregate =
		expression_aggregate(policy_enough_function(key->kind), BOOLOID,
							 list_make3(key->expr, what, weight), (Expr *) counted->condition);

	aggregate->inputcollid = exprCollation((Node *) key->expr);
	return aggregate;
}

/*
 * The rows of each table that was grouped before are compared by themselves, and so are those that came
 * of it: what is summed may be there for each of either.
 */
static List *
enough_of_key(const Key *key, const Counted *counted, int flags)
{
	List *each = list_make1(enough(key, counted, NULL, flags));
	ListCell *lc;

	foreach (lc, key->rows)
	{
		Counted part = *counted;

		part.cell += (foreach_current_index(lc) + 1) * MOST_CELLS;
		each = lappend(each, enough(key, &part, lfirst(lc), flags));
	}
	return each;
}

/*
 * The one relation whose rows a query reads, each once, and asks of nothing else; or NULL.  Then no row
 * is in two groups that it makes.
 */
static const RangeTblEntry *
only_relation(const Query *query)
{
	RangeTblRef *only =
		query->jointree->fromlist != NIL ? linitial(query->jointree->fromlist) : NULL;
	RangeTblEntry *rte;

	/* what a subquery says of a person holds for his rows in every group */
	if (query->hasSubLinks || list_length(query->jointree->fromlist) != 1 ||
		!IsA(only, RangeTblRef))
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
all_enough(const Block *block, const Counted *counted)
{
	const RangeTblEntry *only = only_relation(block->query);
	int disjoint = only != NULL ? POLICY_CELL_DISJOINT : 0;
	int once = only != NULL && has_each_once(only) ? POLICY_CELL_ONCE : 0;
	int chosen = counted->chosen ? POLICY_CELL_CHOSEN : 0;
	List *each = NIL;
	ListCell *lc;
	ListCell *also;

	foreach (lc, block->keys)
	{
		const Key *key = lfirst(lc);

		each = list_concat(each, enough_of_key(key, counted, disjoint | once | chosen));
		/* and of whom they are also about */
		foreach (also, key->also)
		{
			Counted others = *counted;

			others.column = ((Key *) lfirst(also))->column;

			each = lappend(
				each, enough(lfirst(also), &others, NULL, disjoint | chosen | POLICY_CELL_ALSO));
		}
	}
	return (Node *) make_ands_explicit(each);
}

static Node *
where_enough(Node *enough_subjects, Node *expr)
{
	return expression_choice(enough_subjects, expr, expression_null_of(expr));
}

/* usage_is_not_null -- does a table say that a column has a value in each of its rows? */
bool
usage_is_not_null(Oid relid, AttrNumber column)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(column));
	bool result = HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

/* of others, which has values of its own */
static bool
contains_case(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CaseExpr) || IsA(node, ArrayCoerceExpr) ||
		   expression_tree_walker(node, contains_case, context);
}

static Node *
with_value(Node *node, Node *value)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, CaseTestExpr))
		return copyObject(value);
	return expression_tree_mutator(node, with_value, value);
}

/* of CASE WHEN, or CASE value WHEN; NULL: it is not that simple */
static Node *
condition_of(const CaseExpr *choice)
{
	Node *condition = (Node *) linitial_node(CaseWhen, choice->args)->expr;

	if (choice->arg == NULL)
		return condition;
	return IsA(condition, OpExpr) && !contains_case((Node *) ((OpExpr *) condition)->args, NULL) ?
			   with_value(condition, (Node *) choice->arg) :
			   NULL;
}

/*
 * A condition inside an aggregate chooses rows, as FILTER does: CASE WHEN ... THEN x [ELSE 0] END
 *	rest	set: the others have a value, too
 */
static Node *
chosen_value(Node *argument, List **conditions, bool *rest)
{
	CaseExpr *choice = (CaseExpr *) argument;
	Node *condition;
	Node *otherwise;

	if (!IsA(argument, CaseExpr) || list_length(choice->args) != 1 ||
		(condition = condition_of(choice)) == NULL)
		return argument;
	otherwise = choice->defresult != NULL ? usage_without_casts((Node *) choice->defresult) : NULL;
	if (otherwise != NULL && !IsA(otherwise, Const))
		return argument;
	*rest |= otherwise != NULL && !((Const *) otherwise)->constisnull;
	*conditions = lappend(*conditions, condition);
	return (Node *) linitial_node(CaseWhen, choice->args)->result;
}

static int
cell_of(Cells *cells, Node *condition)
{
	ListCell *lc;

	if (condition == NULL)
		return cells->group;
	foreach (lc, cells->conditions)
		if (equal(lfirst(lc), condition))
			return cells->first + foreach_current_index(lc);
	cells->conditions = lappend(cells->conditions, condition);
	cells->grouping->n_cells++;
	return cells->first + list_length(cells->conditions) - 1;
}

/* usage_cte_of -- a WITH, and the block that has it; NULL: it is not found */
CommonTableExpr *
usage_cte_of(const RangeTblEntry *rte, const Block *block, const Block **owner)
{
	ListCell *lc;

	for (Index up = 0; up < rte->ctelevelsup && block != NULL; up++)
		block = block->outer;
	*owner = block;
	foreach (lc, block != NULL ? block->query->cteList : NIL)
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, rte->ctename) == 0)
			return lfirst_node(CommonTableExpr, lc);
	return NULL;
}

/* usage_query_of_cte -- its query; NULL: it cannot be followed */
Query *
usage_query_of_cte(const RangeTblEntry *rte, const Block *block, const Block **owner)
{
	const CommonTableExpr *cte = usage_cte_of(rte, block, owner);

	return cte == NULL || rte->self_reference || cte->cterecursive ? NULL :
																	 castNode(Query, cte->ctequery);
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

/* rows of a group that meet conditions, or all */
static Counted
counted_by(Cells *cells, List *conditions)
{
	Counted counted = {.condition =
						   conditions != NIL ? (Node *) make_ands_explicit(conditions) : NULL};

	counted.cell = cell_of(cells, counted.condition);
	counted.chosen = conditions != NIL;
	return counted;
}

/*
 * There are enough of the rows of a group that meet conditions.
 *	any		they are also those that have values, of whatever columns: what others lack is compared with
 */
static Node *
enough_of(Cells *cells, List *conditions, bool any)
{
	Counted counted = counted_by(cells, conditions);

	counted.column = any ? POLICY_MOST_COLUMNS : 0;
	return all_enough(cells->block, &counted);
}

/* and of those of them that have a value for a column */
static Node *
enough_with(Cells *cells, List *conditions, const MadeColumn *column, List *present)
{
	Counted counted = counted_by(cells, conditions);
	Node *all = all_enough(cells->block, &counted);

	/* behind the former, which it is compared with first (policy_enough.c) */
	counted.column = usage_number_of_column(column->root, column->column);
	counted.condition = (Node *) make_ands_explicit(present);
	return (Node *) make_and_qual(all, all_enough(cells->block, &counted));
}

/* ---- products ---- */

static Expr *
hash_with(Expr *hash, Expr *seed)
{
	return (Expr *) makeFuncExpr(F_HASHINT8EXTENDED, INT8OID, list_make2(copyObject(hash), seed),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* those who differ in a factor are enough, or nobody (policy_differ.c) */
static Node *
enough_differ(const Key *key, Expr *who, const Factor *factor, const Counted *counted)
{
	Const *what = policy_group_cell(key->domain, counted->cell, 0, 0);
	Const *zero =
		makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum(0), false, FLOAT8PASSBYVAL);
	Aggref *differ = expression_aggregate(policy_differ_function(), INT8OID,
										  list_make4(who, what, factor->least, factor->greatest),
										  (Expr *) counted->condition);

	return (Node *) makeFuncExpr(F_INT8GT, BOOLOID, list_make2(differ, zero), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

/* and so are those of two answers, who are told by pairs of a subject and a factor */
static Node *
enough_pairs(const Key *key, Expr *who, const Factor *factor, const Counted *counted, int flags)
{
	Key pairs = {.domain = key->domain, .kind = KEY_INTEGER};

	pairs.expr = hash_with(factor->greatest, hash_with(factor->least, copyObject(who)));
	return (Node *) enough(&pairs, counted, NULL, flags | POLICY_CELL_ALSO);
}

/* who is left out of a sum of products by a factor that is zero is no one of those whom it is of */
static Node *
enough_not_zero(Cells *cells, List *product, List *present)
{
	Counted counted = counted_by(cells, present);
	Made made = {.reader = cells->grouping->reader, .splitting = cells->grouping->splitting};
	ListCell *lc;

	foreach (lc, product)
		(void) usage_is_made_of_columns(lfirst(lc), cells->block, &made);
	/* one for these columns: other people have zero in others */
	foreach (lc, made.columns)
	{
		const MadeColumn *column = lfirst(lc);

		counted.column += usage_number_of_column(column->root, column->column);
	}
	counted.column = counted.column % (POLICY_FACTORS - 1) + 1;
	counted.chosen = true;
	counted.condition =
		(Node *) make_ands_explicit(list_concat(list_copy(present), usage_none_is_zero(product)));
	return all_enough(cells->block, &counted);
}

static List *
with_also(List *keys)
{
	List *all = list_copy(keys);
	ListCell *lc;

	foreach (lc, keys)
		all = list_concat(all, ((Key *) lfirst(lc))->also);
	return all;
}

/* NULL: it multiplies nothing */
static Node *
enough_of_factors(Cells *cells, const Aggref *aggregate, List *values, List *present)
{
	List *products;
	List *factors = usage_factors(cells->grouping, cells->block, aggregate, values, &products);
	Counted counted = {.column = POLICY_FACTORS};
	int flags = POLICY_CELL_CHOSEN |
				(only_relation(cells->block->query) != NULL ? POLICY_CELL_DISJOINT : 0);
	List *differ = NIL;
	List *pairs = NIL;
	ListCell *lc;
	ListCell *key;

	if (factors == NIL)
		return NULL;
	if (present != NIL)
		counted.condition = (Node *) make_ands_explicit(present);
	counted.cell = cell_of(cells, (Node *) list_make2(values, counted.condition));
	foreach (key, with_also(cells->block->keys))
	{
		Expr *who = usage_hash_of(cells->grouping, (Node *) ((Key *) lfirst(key))->expr);

		foreach (lc, factors)
		{
			differ = lappend(differ, enough_differ(lfirst(key), who, lfirst(lc), &counted));
			pairs = lappend(pairs, enough_pairs(lfirst(key), who, lfirst(lc), &counted, flags));
		}
	}
	foreach (lc, products)
		pairs = lappend(pairs, enough_not_zero(cells, lfirst(lc), present));
	/* in this order: reading_is_hidden() */
	return (Node *) make_ands_explicit(list_concat(differ, pairs));
}

/* ---- aggregates ---- */

/*
 * An argument's value, once it is known to tell of no row; NULL: it may.
 *	conditions	what it chooses rows by is added
 *	rest		set: the others have a value, too
 */
static Node *
argument_value(const Cells *cells, const Aggref *aggregate, const TargetEntry *argument, Made *made,
			   List **conditions, bool *rest)
{
	Made sorted = {.reader = NULL};
	Node *value = argument->resjunk ? (Node *) argument->expr :
									  chosen_value((Node *) argument->expr, conditions, rest);

	if (contain_vars_of_level(value, 1) ||
		!usage_is_made_of_columns(value, cells->block, argument->resjunk ? &sorted : made))
		return NULL;
	if (!usage_counts(aggregate) && usage_names_key(value, cells->block))
	{
		made->problem =
			"An aggregate in it adds up a key, or another column that tells rows apart.";
		return NULL;
	}
	return value;
}

static Node *
refuse_aggregate(Cells *cells, const Aggref *aggregate, const char *problem)
{
	(void) usage_refuse_groups(cells->grouping, problem);
	return (Node *) aggregate;
}

static Node *
guard_aggregate(Cells *cells, Aggref *aggregate)
{
	Grouping *grouping = cells->grouping;
	Made made = {.reader = grouping->reader, .splitting = grouping->splitting};
	const MadeColumn *column = NULL;
	List *conditions = NIL; /* by which the statement chooses rows */
	bool rest = false;
	Oid type = aggregate->aggtype;
	List *values = NIL;
	List *lacking = NIL; /* of these: some rows may have none */
	List *present;       /* conditions, and that they have */
	Node *enough;
	ListCell *lc;

	/* where rows are shown, only of values that are not */
	if (grouping->aggregated != NIL &&
		!usage_contains_any((Node *) aggregate, grouping->aggregated))
		return (Node *) aggregate;
	if (aggregate->agglevelsup > 0 || !usage_is_of_groups(aggregate->aggfnoid))
		return refuse_aggregate(cells, aggregate, "An aggregate in it may tell of single rows.");
	if (aggregate->aggdistinct != NIL && !usage_counts(aggregate))
		return refuse_aggregate(
			cells, aggregate, "Only count() takes DISTINCT: what a sum leaves out tells of rows.");
	if (!usage_are_compared_silently(aggregate->aggdistinct, aggregate->args) ||
		!usage_are_compared_silently(aggregate->aggorder, aggregate->args))
		return refuse_aggregate(cells, aggregate, "An aggregate in it may tell of single rows.");
	if (usage_repeats(cells->block->repeats, aggregate))
		return refuse_aggregate(cells, aggregate, USAGE_REPEATS);
	aggregate = usage_widened(aggregate);
	if (aggregate->aggfilter != NULL)
		conditions = list_make1(aggregate->aggfilter);
	foreach (lc, aggregate->args)
	{
		Node *value = argument_value(cells, aggregate, lfirst_node(TargetEntry, lc), &made,
									 &conditions, &rest);

		if (value == NULL)
			return refuse_aggregate(
				cells, aggregate,
				made.problem != NULL ? made.problem :
									   "An aggregate in it is of more than columns and arithmetic: "
									   "functions and conditions belong into FILTER or GROUP BY.");
		values = lappend(values, value);
	}
	/* rows that meet one of several conditions are in it, too */
	if (rest && (list_length(aggregate->args) > 1 || aggregate->aggfilter != NULL))
		return refuse_aggregate(cells, aggregate,
								"CASE in it gives the other rows a value, beside FILTER or another "
								"argument: leave ELSE out.");
	if (aggregate->aggdistinct != NIL && made.sum.arithmetic > 0)
		return refuse_aggregate(cells, aggregate,
								"count(DISTINCT) in it is of more than a column.");
	if (made.nullable)
		lacking = values;
	/* powers of powers tell more than either */
	if (made.squares && usage_squares(aggregate))
		return refuse_aggregate(cells, aggregate,
								"An aggregate in it squares what is of squares already.");
	if (made.parts && (made.squares || usage_squares(aggregate)))
		return refuse_aggregate(cells, aggregate,
								"An aggregate in it squares sums of parts of somebody's rows.");
	if (!usage_counts(aggregate) && usage_weighs(grouping, aggregate, &made))
		return refuse_aggregate(
			cells, aggregate,
			"An aggregate in it weighs values by others that the role may know: "
			"keys, counts, columns of other tables, or that it may write or is shown.");
	/* of one column: the statement does not choose who lacks a value for it */
	if (list_length(lacking) == 1 && list_length(made.columns) == 1 && made.numbers == 0 &&
		!made.aggregates && !made.outer_joins && !usage_counts(aggregate))
		column = linitial(made.columns);
	present = conditions;
	foreach (lc, lacking)
		present = lappend(list_copy(present), expression_null_test(lfirst(lc), IS_NOT_NULL));
	if (!usage_is_silent((Node *) conditions) ||
		usage_mixes_keys((Node *) conditions, cells->block))
		(void) usage_refuse_groups(grouping, "A condition in it may tell of single rows.");
	enough = enough_of_factors(cells, aggregate, values, present);
	if (grouping->problem != NULL || (present == NIL && enough == NULL))
		return usage_narrowed(aggregate, type);
	if (present != NIL)
		enough = make_and_qual(column != NULL ? enough_with(cells, conditions, column, present) :
												enough_of(cells, present, lacking != NIL),
							   enough);
	/* kept first, for the others are compared with it */
	if (conditions == NIL)
		enough = make_and_qual(enough_of(cells, NIL, false), enough);
	return where_enough(enough, usage_narrowed(aggregate, type));
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

/* usage_guard_groups -- give a query that groups rows its conditions */
void
usage_guard_groups(Grouping *grouping, const Block *block)
{
	Query *query = block->query;
	Cells cells = {.grouping = grouping, .block = block};
	Counted all = {.cell = grouping->n_cells++};
	ListCell *lc;
	Node *condition;

	foreach (lc, query->groupClause)
	{
		Node *expr = get_sortgroupclause_expr(lfirst(lc), query->targetList);

		if (!usage_group_is_silent(expr) || usage_value_mixes_keys(expr, block))
			(void) usage_refuse_groups(
				grouping,
				"What it groups by may tell of single rows; for bands of values write CASE WHEN.");
	}
	cells.group = all.cell;
	cells.first = grouping->n_cells;
	query->targetList = (List *) guard_mutator((Node *) query->targetList, &cells);
	query->havingQual = guard_mutator(query->havingQual, &cells);
	foreach (lc, block->keys)
		if (grouping->n_cells > MOST_CELLS || list_length(((Key *) lfirst(lc))->rows) >= MOST_PARTS)
			(void) usage_refuse_groups(grouping, "It makes too many kinds of groups.");
	condition = all_enough(block, &all);
	/* what is asked of a group that is not shown must not be noticed, either */
	query->havingQual =
		query->havingQual == NULL ? condition : where_enough(condition, query->havingQual);
	query->hasAggs = true;
}
