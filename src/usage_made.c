/*
 * usage_made.c
 *	  What an aggregate is computed of, through subqueries: of columns only, and does it weigh or multiply
 *	  them?
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "encrypted.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "usage_group.h"
#include "utils/lsyscache.h"

static bool
has_outer_join(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype != JOIN_INNER)
		return true;
	return expression_tree_walker(node, has_outer_join, context);
}

/* false: it is there already.  Powers of a value tell more than its sum */
static bool
add_column(Made *made, Oid relid, AttrNumber column)
{
	const ProtectedRelation *found = protected_relation(relid);
	MadeColumn *added = palloc(sizeof(MadeColumn));
	ListCell *lc;

	added->root = added->relid = relid;
	added->column = column;
	if (found != NULL && found->relid != relid && column > 0)
	{
		AttrNumber of_root = get_attnum(found->relid, get_attname(relid, column, false));

		if (of_root > 0)
		{
			added->root = found->relid;
			added->column = of_root;
		}
	}
	/* a partition may say that it has none where the others do not; and not all are opened */
	made->nullable |=
		column <= 0 || !usage_is_not_null(added->root, added->column) ||
		encrypted_holds(get_atttype(relid, column)) ||
		(made->reader != NULL && usage_needs_explicit(made->reader, added->root, added->column));
	foreach (lc, made->columns)
	{
		const MadeColumn *other = lfirst(lc);

		if (other->root == added->root && other->column == added->column)
			return false;
	}
	made->columns = lappend(made->columns, added);
	return true;
}

/* where a subquery, or WITH, makes it */
static bool
result_is_made_of_columns(Query *query, AttrNumber column, const Block *outer, Made *made)
{
	Block inner = {.outer = outer, .query = query};
	TargetEntry *entry;

	if (query == NULL || query->commandType != CMD_SELECT || query->setOperations != NULL)
		return false;
	entry = get_tle_by_resno(query->targetList, column);
	return entry != NULL && usage_is_made_of_columns((Node *) entry->expr, &inner, made);
}

static bool
column_is_made_of_columns(const Var *var, const Block *block, Made *made)
{
	RangeTblEntry *rte = rt_fetch(var->varno, block->query->rtable);
	const Block *owner;
	Query *query;
	ListCell *lc;

	if (has_outer_join((Node *) block->query->jointree, NULL))
		made->outer_joins = made->nullable = true;
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return add_column(made, rte->relid, var->varattno);
		case RTE_SUBQUERY:
			return result_is_made_of_columns(rte->subquery, var->varattno, block, made);
		case RTE_CTE:
			query = usage_query_of_cte(rte, block, &owner);
			return result_is_made_of_columns(query, var->varattno, owner, made);
		case RTE_JOIN:
			return var->varattno > 0 &&
				   usage_is_made_of_columns(list_nth(rte->joinaliasvars, var->varattno - 1), block,
											made);
		case RTE_VALUES:
			made->numbers++;
			made->nullable = true;
			foreach (lc, rte->values_lists)
				if (var->varattno <= 0 ||
					!usage_is_made_of_columns(list_nth(lfirst_node(List, lc), var->varattno - 1),
											  block, made))
					return false;
			return true;
		case RTE_FUNCTION:
			made->numbers++;
			made->nullable = true;
			return !contain_var_clause((Node *) rte->functions);
		default:
			return false;
	}
}

/* usage_counts -- does an aggregate tell how many rows there are? */
bool
usage_counts(const Aggref *aggregate)
{
	const char *name = get_func_name(aggregate->aggfnoid);

	return strcmp(name, "count") == 0 || strcmp(name, "regr_count") == 0;
}

static bool
is_sum(const Aggref *aggregate)
{
	return strcmp(get_func_name(aggregate->aggfnoid), "sum") == 0;
}

static bool
sums(const Aggref *aggregate)
{
	return is_sum(aggregate) || strcmp(get_func_name(aggregate->aggfnoid), "avg") == 0;
}

/* usage_squares -- is it of squares, or of products of two? */
bool
usage_squares(const Aggref *aggregate)
{
	return usage_is_of_groups(aggregate->aggfnoid) && !usage_counts(aggregate) && !sums(aggregate);
}

/* what is told of one subject's rows */
static void
add_aggregate(const Aggref *aggregate, Made *made)
{
	made->aggregates = true;
	/* each constant that is added is there as often as there are rows */
	if (usage_counts(aggregate) || (made->sum.terms && sums(aggregate)))
		made->numbers++;
	else if (!sums(aggregate))
		made->nullable = true;
	if (usage_squares(aggregate))
		made->squares = made->sum.products = true;
}

/* of one subject's rows, or of a group of enough */
static bool
aggregate_is_made_of_columns(const Aggref *aggregate, const Block *block, Made *made)
{
	Made counted = {.reader = NULL};
	bool terms = made->sum.terms; /* around it */
	ListCell *lc;

	if (aggregate->aggfilter != NULL || aggregate->agglevelsup > 0 ||
		(aggregate->aggdistinct != NIL && !usage_counts(aggregate)))
		return false;
	/* but for sums, it depends on how his rows are dealt out, which one of them can decide */
	if (list_member_ptr(made->splitting, block->query))
	{
		if (aggregate->aggdistinct != NIL || !(usage_counts(aggregate) || is_sum(aggregate)))
		{
			made->problem =
				"A subquery in it averages parts of somebody's rows: sum them, or group by "
				"who it is only.";
			return false;
		}
		made->parts = true;
	}
	if (aggregate->aggtype == NUMERICOID && !usage_counts(aggregate) && !is_sum(aggregate))
	{
		made->problem =
			"A subquery in it divides numbers of each person, of which digits are lost: "
			"divide the sums.";
		return false;
	}
	made->sum.terms = false;
	foreach (lc, aggregate->args)
		if (!usage_is_made_of_columns((Node *) lfirst_node(TargetEntry, lc)->expr, block,
									  usage_counts(aggregate) ? &counted : made))
			return false;
	add_aggregate(aggregate, made);
	made->sum.terms |= terms;
	return true;
}

/*
 * usage_is_made_of_columns -- is what is aggregated made of columns also where subqueries make it?  Conditions in it, there too,
 * would choose rows of the group.
 */
bool
usage_is_made_of_columns(Node *expr, const Block *block, Made *made)
{
	Var *var = (Var *) usage_without_casts(expr);
	Index depth = 0;
	bool digits = made->digits;
	bool result = true;
	ListCell *lc;

	check_stack_depth();
	/* of a query around it */
	if (IsA(var, Var) && var->varlevelsup > 0)
	{
		var = copyObject(var);
		var->varlevelsup--;
		return block->outer != NULL && usage_is_made_of_columns((Node *) var, block->outer, made);
	}
	for (const Block *outer = block->outer; outer != NULL; outer = outer->outer)
		if (contain_vars_of_level(expr, ++depth))
			return false;
	if (IsA(expr, Aggref))
		return aggregate_is_made_of_columns((Aggref *) expr, block, made);
	made->sum.rounds = false;
	if (!usage_is_sum_of_columns(expr, &made->sum) || (digits && !usage_is_column(expr)))
	{
		if (made->sum.rounds || digits)
			made->problem = "An aggregate in it rounds what is computed for each row: divide, or "
							"cast, the aggregate; or cast a column to float8.";
		return false;
	}
	made->digits |= made->sum.rounds;
	foreach (lc, pull_var_clause(expr, PVC_RECURSE_AGGREGATES))
		result &= column_is_made_of_columns(lfirst(lc), block, made);
	made->digits = digits;
	return result;
}

/* is it linear?  Others square what they are of, or multiply two */
static bool
only_adds(const Aggref *aggregate, const Made *made)
{
	return !made->sum.products && sums(aggregate);
}

/*
 * usage_weighs -- does an aggregate weigh values by numbers that the role knows, or chooses rows by?  As many such
 * sums over the same people as there are people tell each one's value.  Not so where all are of
 * columns of protected tables, each with many people to a value, and that the role neither writes nor
 * is shown.
 */
bool
usage_weighs(const Grouping *grouping, const Aggref *aggregate, const Made *made)
{
	ListCell *lc;

	if (list_length(made->columns) + made->numbers < 2 || only_adds(aggregate, made))
		return false;
	if (made->numbers > 0)
		return true;
	foreach (lc, made->columns)
	{
		const MadeColumn *column = lfirst(lc);
		const ProtectedRelation *found = protected_relation(column->relid);

		if (found == NULL || usage_tells_rows_apart(column->root, column->column) ||
			protected_by_column(found, get_attname(column->root, column->column, false)) ||
			(usage_may_write(column->relid) &&
			 usage_outcome(grouping->reader, column->root, column->column, USE_WRITE) ==
				 OUTCOME_SHOWN) ||
			(!grouping->reader->aggregate_only &&
			 usage_outcome(grouping->reader, column->root, column->column, USE_PROJECT) ==
				 OUTCOME_SHOWN))
			return true;
	}
	return false;
}
