/*
 * usage_repeat.c
 *	  Does a query repeat rows of people, by joins of which each row may find several?
 *
 * A sum over rows that a join repeats weighs people by how often it does: by conditions that are
 * chosen for it, or by joining the same table ten times, until a sum is of one of them.  So there is to
 * be one relation, each of whose rows is there once at most: all others are found from it by columns
 * that are unique, as customers are from their orders.  What people are weighed by then is how many
 * rows there are about them, and no statement makes more of these.
 *
 * Such rows of somebody's are told apart by a condition on several tables, as "he, or the first order of
 * each".  So where there is one that is more than a comparison, only columns of that relation are summed.
 *
 * Subqueries that neither group nor choose are taken for what they are made of.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

/* a query whose relations are among those that are joined */
typedef struct Scope
{
	Block block;
	const struct Scope *outer;
	struct Part *parts; /* by number of the range table, from 0 */
} Scope;

typedef struct Part
{
	int leaf;     /* -1: none */
	Scope *scope; /* of a subquery that is taken for what it is made of; or NULL */
} Part;

/* a relation that is joined */
typedef struct Leaf
{
	const RangeTblEntry *rte;
	Query *query; /* of one that groups, or chooses, its rows; NULL: a table, or anything else */
} Leaf;

/* a column is equal to what is known of other relations */
typedef struct Equality
{
	int leaf;
	AttrNumber column;
	Oid operator;
	Bitmapset *others; /* leaves */
	bool used;
} Equality;

typedef struct Joined
{
	List *leaves;     /* of Leaf * */
	List *equalities; /* of Equality * */
	bool mixed;       /* is there a condition on several, but a comparison? */
} Joined;

struct Repeats
{
	Joined joined;
	Scope *scope;
	Bitmapset *once; /* leaves whose rows are there once at most: others are found from them */
};

/* ---- columns, through subqueries ---- */

typedef struct Column
{
	int leaf;
	AttrNumber number;
} Column;

/* where an expression is computed that a column is; NULL: a relation's own */
static Node *
computed_as(const Var *var, const Scope **scope, Column *column)
{
	const Part *part;
	const RangeTblEntry *rte;
	TargetEntry *entry;

	column->leaf = -1;
	for (Index up = 0; up < var->varlevelsup && *scope != NULL; up++)
		*scope = (*scope)->outer;
	if (*scope == NULL)
		return NULL;
	rte = rt_fetch(var->varno, (*scope)->block.query->rtable);
	part = &(*scope)->parts[var->varno - 1];
	if (rte->rtekind == RTE_JOIN && var->varattno > 0)
		return list_nth(rte->joinaliasvars, var->varattno - 1);
	if (part->scope == NULL)
	{
		column->leaf = part->leaf;
		column->number = var->varattno;
		return NULL;
	}
	*scope = part->scope;
	entry = get_tle_by_resno((*scope)->block.query->targetList, var->varattno);
	return entry != NULL ? (Node *) entry->expr : NULL;
}

/* the column that an expression is, but for its type */
static bool
is_column(Node *expr, const Scope *scope, Column *column)
{
	while (expr != NULL)
	{
		while (IsA(expr, RelabelType))
			expr = (Node *) ((RelabelType *) expr)->arg;
		if (!IsA(expr, Var))
			return false;
		expr = computed_as((Var *) expr, &scope, column);
	}
	return column->leaf >= 0 && column->number > 0;
}

typedef struct Known
{
	const Scope *scope;
	int depth; /* of subqueries in the expression */
	Bitmapset *leaves;
	bool unknown;
} Known;

static bool find_leaves(Node *node, Known *known);

static bool
find_leaves_of_column(const Var *var, Known *known)
{
	Known inner = *known;
	Var *here = copyObject(unconstify(Var *, var));
	Column column;
	Node *expr;

	if ((int) var->varlevelsup < known->depth)
		return false;
	check_stack_depth();
	here->varlevelsup -= known->depth;
	inner.depth = 0;
	expr = computed_as(here, &inner.scope, &column);
	if (expr != NULL)
	{
		(void) find_leaves(expr, &inner);
		known->leaves = inner.leaves;
		known->unknown |= inner.unknown;
	}
	else if (column.leaf >= 0)
		known->leaves = bms_add_member(known->leaves, column.leaf);
	/* of a query around all, it is the same for all rows */
	else if (inner.scope != NULL)
		known->unknown = true;
	return false;
}

/* the relations that an expression is known from */
static bool
find_leaves(Node *node, Known *known)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return find_leaves_of_column((Var *) node, known);
	if (IsA(node, Query))
	{
		known->depth++;
		(void) query_tree_walker((Query *) node, find_leaves, known, 0);
		known->depth--;
		return false;
	}
	return expression_tree_walker(node, find_leaves, known);
}

/* is it of several relations, and more than a comparison? */
static bool
mixes_leaves(Node *node, void *scope)
{
	Known known = {.scope = scope};

	if (node == NULL || IsA(node, Var))
		return false;
	if (IsA(node, List) || IsA(node, TargetEntry) || IsA(node, Aggref) ||
		(IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop == AND_EXPR))
		return expression_tree_walker(node, mixes_leaves, scope);
	(void) find_leaves(node, &known);
	if (!known.unknown && bms_num_members(known.leaves) < 2)
		return false;
	if (known.unknown || !IsA(node, OpExpr))
		return true;
	/* a comparison, of parts that are of one each */
	return expression_tree_walker(node, mixes_leaves, scope);
}

/* ---- what is joined ---- */

static void
add_equality(Joined *joined, const Scope *scope, Node *side, Node *other, Oid operator)
{
	Known known = {.scope = scope};
	Equality *equality;
	Column column;

	if (!is_column(side, scope, &column) || checkExprHasSubLink(other))
		return;
	(void) find_leaves(other, &known);
	if (known.unknown)
		return;
	equality = palloc(sizeof(Equality));
	equality->leaf = column.leaf;
	equality->column = column.number;
	equality->operator= operator;
	equality->others = known.leaves;
	equality->used = true;
	joined->equalities = lappend(joined->equalities, equality);
}

static void
add_conditions(Joined *joined, const Scope *scope, Node *quals)
{
	OpExpr *op = (OpExpr *) quals;
	ListCell *lc;

	if (quals == NULL)
		return;
	joined->mixed |= mixes_leaves(quals, unconstify(Scope *, scope));
	if (IsA(quals, List) || (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR))
	{
		foreach (lc, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
			add_conditions(joined, scope, lfirst(lc));
		return;
	}
	if (!IsA(quals, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))) ||
		/* it may find more equal than an index does */
		(OidIsValid(op->inputcollid) && !get_collation_isdeterministic(op->inputcollid)))
		return;
	add_equality(joined, scope, linitial(op->args), lsecond(op->args), op->opno);
	if (OidIsValid(get_commutator(op->opno)))
		add_equality(joined, scope, lsecond(op->args), linitial(op->args),
					 get_commutator(op->opno));
}

/* of some of the conditions, only what is said of some relations holds */
static void
restrict_to(Joined *joined, int from, int end, const Bitmapset *leaves)
{
	for (int i = from; i < end; i++)
	{
		Equality *equality = list_nth(joined->equalities, i);

		equality->used &= bms_is_member(equality->leaf, leaves);
	}
}

static Bitmapset *find_all(const Joined *joined, int from, int end, Bitmapset *known);
static Bitmapset *add_jointree(Joined *joined, Scope *scope, Node *node);

/* by some of the conditions, are these found from one of them? */
static bool
is_found_from_one(const Joined *joined, int from, int end, const Bitmapset *leaves)
{
	int leaf = -1;

	while ((leaf = bms_next_member(leaves, leaf)) >= 0)
		if (bms_is_subset(leaves, find_all(joined, from, end, bms_make_singleton(leaf))))
			return true;
	return false;
}

/*
 * What an outer join keeps, without a match too, is not chosen by its conditions, nor by those of what it
 * may lack.  But where these rows are there once by themselves, each row of the other side still finds
 * its own.
 */
static Bitmapset *
add_join(Joined *joined, Scope *scope, JoinExpr *join)
{
	int begins = list_length(joined->equalities);
	Bitmapset *left = add_jointree(joined, scope, join->larg);
	int middle = list_length(joined->equalities);
	Bitmapset *right = add_jointree(joined, scope, join->rarg);
	int own = list_length(joined->equalities);
	bool keeps_left = join->jointype == JOIN_LEFT || join->jointype == JOIN_FULL;
	bool keeps_right = join->jointype == JOIN_RIGHT || join->jointype == JOIN_FULL;
	int end;

	add_conditions(joined, scope, join->quals);
	end = list_length(joined->equalities);
	if (keeps_left && !is_found_from_one(joined, begins, middle, left))
		restrict_to(joined, middle, end, right);
	if (keeps_right && !is_found_from_one(joined, middle, own, right))
	{
		restrict_to(joined, begins, middle, left);
		restrict_to(joined, own, end, left);
	}
	return bms_union(left, right);
}

static Scope *
make_scope(const Block *outer_block, const Scope *outer, Query *query)
{
	Scope *scope = palloc0(sizeof(Scope));

	scope->block.outer = outer_block;
	scope->block.query = query;
	scope->outer = outer;
	scope->parts = palloc(sizeof(Part) * Max(list_length(query->rtable), 1));
	for (int i = 0; i < list_length(query->rtable); i++)
		scope->parts[i] = (Part){.leaf = -1};
	return scope;
}

/* has it the rows of what it is made of, or fewer, and not those of groups? */
static bool
is_plain(const Query *query)
{
	return query->commandType == CMD_SELECT && query->setOperations == NULL && !query->hasAggs &&
		   query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == NULL &&
		   query->distinctClause == NIL && !query->hasTargetSRFs;
}

/* the query of a relation, and the queries around it; NULL: it is a table, or something else */
static Query *
query_of(const RangeTblEntry *rte, const Scope *scope, const Block **block, const Scope **outer)
{
	*block = &scope->block;
	*outer = scope;
	if (rte->rtekind == RTE_SUBQUERY)
		return rte->subquery;
	if (rte->rtekind != RTE_CTE)
		return NULL;
	for (Index up = 0; up < rte->ctelevelsup && *outer != NULL; up++)
		*outer = (*outer)->outer;
	return usage_query_of_cte(rte, &scope->block, block);
}

static Bitmapset *
add_relation(Joined *joined, Scope *scope, int rtindex)
{
	const RangeTblEntry *rte = rt_fetch(rtindex, scope->block.query->rtable);
	Part *part = &scope->parts[rtindex - 1];
	const Block *block;
	const Scope *outer;
	Query *query = query_of(rte, scope, &block, &outer);
	Leaf *leaf;

	if (rte->rtekind == RTE_RESULT)
		return NULL;
	if (query != NULL && is_plain(query))
	{
		part->scope = make_scope(block, outer, query);
		return add_jointree(joined, part->scope, (Node *) query->jointree);
	}
	leaf = palloc0(sizeof(Leaf));
	leaf->rte = rte;
	leaf->query = query;
	part->leaf = list_length(joined->leaves);
	joined->leaves = lappend(joined->leaves, leaf);
	return bms_make_singleton(part->leaf);
}

static Bitmapset *
add_jointree(Joined *joined, Scope *scope, Node *node)
{
	Bitmapset *leaves = NULL;
	ListCell *lc;

	check_stack_depth();
	if (IsA(node, JoinExpr))
		return add_join(joined, scope, (JoinExpr *) node);
	if (IsA(node, RangeTblRef))
		return add_relation(joined, scope, ((RangeTblRef *) node)->rtindex);
	foreach (lc, castNode(FromExpr, node)->fromlist)
		leaves = bms_join(leaves, add_jointree(joined, scope, lfirst(lc)));
	add_conditions(joined, scope, ((FromExpr *) node)->quals);
	return leaves;
}

/* within a group, what it is grouped by is known; but of rows that lack it there may be several */
static void
add_groups(Joined *joined, const Scope *scope)
{
	const Query *query = scope->block.query;
	Column column;
	ListCell *lc;

	foreach (lc, query->groupClause)
	{
		const SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node *expr =
			get_sortgroupclause_expr(unconstify(SortGroupClause *, clause), query->targetList);
		const Leaf *leaf;

		if (!is_column(expr, scope, &column))
			continue;
		leaf = list_nth(joined->leaves, column.leaf);
		if (leaf->rte->rtekind == RTE_RELATION &&
			usage_is_not_null(leaf->rte->relid, column.number))
			add_equality(joined, scope, expr, (Node *) makeBoolConst(true, false), clause->eqop);
	}
}

/* ---- which rows are found from others ---- */

static bool
index_is_unique_by(HeapTuple tuple, const List *equalities)
{
	Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);
	bool is_null;
	oidvector *classes;

	if (!index->indisunique || !index->indimmediate || !index->indisvalid ||
		!heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(tuple, Anum_pg_index_indexprs, NULL))
		return false;
	classes = (oidvector *) DatumGetPointer(
		SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &is_null));
	for (int i = 0; i < index->indnkeyatts; i++)
	{
		bool found = false;
		ListCell *lc;

		foreach (lc, equalities)
		{
			const Equality *equality = lfirst(lc);

			found |= equality->column == index->indkey.values[i] &&
					 op_in_opfamily(equality->operator, get_opclass_family(classes->values[i]));
		}
		if (!found)
			return false;
	}
	return true;
}

static bool
table_is_unique_by(const RangeTblEntry *rte, const List *equalities)
{
	Relation relation;
	bool found = false;
	ListCell *lc;

	/* no index says so of several tables of plain inheritance */
	if (equalities == NIL ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_PARTITIONED_TABLE &&
		 rte->relkind != RELKIND_MATVIEW))
		return false;
	if (rte->relkind == RELKIND_RELATION && rte->inh && has_subclass(rte->relid))
		return false;
	relation = table_open(rte->relid, AccessShareLock);
	foreach (lc, RelationGetIndexList(relation))
	{
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));

		if (!HeapTupleIsValid(tuple))
			continue;
		found = found || index_is_unique_by(tuple, equalities);
		ReleaseSysCache(tuple);
	}
	table_close(relation, AccessShareLock);
	return found;
}

static bool
leaf_is_unique_by(const Leaf *leaf, const List *equalities)
{
	List *columns = NIL;
	List *operators = NIL;
	ListCell *lc;

	if (leaf->query == NULL)
		return leaf->rte->rtekind == RTE_RELATION && table_is_unique_by(leaf->rte, equalities);
	foreach (lc, equalities)
	{
		columns = lappend_int(columns, ((Equality *) lfirst(lc))->column);
		operators = lappend_oid(operators, ((Equality *) lfirst(lc))->operator);
	}
	return leaf->query->commandType == CMD_SELECT && query_supports_distinctness(leaf->query) &&
		   query_is_distinct_for(leaf->query, columns, operators);
}

/* the relations that are found from rows of some, by some of the conditions, and these */
static Bitmapset *
find_all(const Joined *joined, int from, int end, Bitmapset *known)
{
	int n = list_length(joined->leaves);
	bool more = true;

	while (more && bms_num_members(known) < n)
	{
		more = false;
		for (int i = 0; i < n; i++)
		{
			List *equalities = NIL;

			if (bms_is_member(i, known))
				continue;
			for (int j = from; j < end; j++)
			{
				Equality *equality = list_nth(joined->equalities, j);

				if (equality->used && equality->leaf == i && bms_is_subset(equality->others, known))
					equalities = lappend(equalities, equality);
			}
			if (!leaf_is_unique_by(list_nth(joined->leaves, i), equalities))
				continue;
			known = bms_add_member(known, i);
			more = true;
		}
	}
	return known;
}

/*
 * usage_repeats_of -- of which of its relations does a query read each row once at most?
 *	shown	are its groups of enough?  Then what it groups by is told once for each
 */
Repeats *
usage_repeats_of(const Block *block, bool shown)
{
	Repeats *repeats = palloc0(sizeof(Repeats));
	Joined *joined = &repeats->joined;

	repeats->scope = make_scope(block->outer, NULL, block->query);
	repeats->scope->block.keys = block->keys;
	(void) add_jointree(joined, repeats->scope, (Node *) block->query->jointree);
	if (shown)
		add_groups(joined, repeats->scope);
	for (int i = 0; i < list_length(joined->leaves); i++)
		if (bms_num_members(find_all(joined, 0, list_length(joined->equalities),
									 bms_make_singleton(i))) == list_length(joined->leaves))
			repeats->once = bms_add_member(repeats->once, i);
	return repeats;
}

/* usage_repeats_all -- are rows of each of them there several times? */
bool
usage_repeats_all(const Repeats *repeats)
{
	return repeats->joined.leaves != NIL && repeats->once == NULL;
}

/* usage_repeats -- may an aggregate of it weigh people by rows that the query repeats? */
bool
usage_repeats(const Repeats *repeats, Aggref *aggregate)
{
	Known known = {.scope = repeats->scope};

	if (aggregate->aggdistinct != NIL &&
		usage_is_key((Node *) linitial_node(TargetEntry, aggregate->args)->expr,
					 &repeats->scope->block))
		return false;
	if (usage_repeats_all(repeats))
		return true;
	if (!repeats->joined.mixed && !mixes_leaves((Node *) aggregate, repeats->scope))
		return false;
	(void) find_leaves((Node *) aggregate->args, &known);
	return known.unknown || !bms_is_subset(known.leaves, repeats->once);
}

/*
 * usage_splits_people -- a query that groups by whom its rows are about: may it have several groups of a
 * person?  Not by what is found from who it is, as his town is.
 *	repeats	not of groups that are shown; asked nothing else after this
 */
bool
usage_splits_people(Repeats *repeats)
{
	Joined *joined = &repeats->joined;
	const Scope *scope = repeats->scope;
	const Block *block = &scope->block;
	List *others = NIL;
	Bitmapset *found;
	ListCell *lc;

	foreach (lc, block->query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Node *expr = get_sortgroupclause_expr(clause, block->query->targetList);

		if (usage_is_key(expr, block))
			add_equality(joined, scope, expr, makeBoolConst(true, false), clause->eqop);
		else
			others = lappend(others, expr);
	}
	found = find_all(joined, 0, list_length(joined->equalities), NULL);
	foreach (lc, others)
	{
		Known known = {.scope = scope};

		(void) find_leaves(lfirst(lc), &known);
		if (known.unknown || checkExprHasSubLink(lfirst(lc)) || !bms_is_subset(known.leaves, found))
			return true;
	}
	return false;
}
