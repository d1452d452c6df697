/*
 * usage_key.c
 *	  Whose rows a query reads: keys that a join makes the same, and that it groups by.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "errors.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage_group.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* conditions that every row meets, ANDed */
static List *
conditions_of(Node *node, List *conditions)
{
	ListCell *lc;

	if (node == NULL || IsA(node, RangeTblRef))
		return conditions;
	if (IsA(node, FromExpr))
	{
		foreach (lc, ((FromExpr *) node)->fromlist)
			conditions = conditions_of(lfirst(lc), conditions);
		return lappend(conditions, ((FromExpr *) node)->quals);
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr *join = (JoinExpr *) node;

		if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
			conditions = conditions_of(join->larg, conditions);
		if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
			conditions = conditions_of(join->rarg, conditions);
		if (join->jointype == JOIN_INNER)
			conditions = lappend(conditions, join->quals);
	}
	return conditions;
}

static bool
are_compared(Node *quals, Node *a, Node *b)
{
	OpExpr *op = (OpExpr *) quals;
	Node *left;
	Node *right;
	ListCell *lc;

	if (quals == NULL)
		return false;
	if (IsA(quals, List) || (IsA(quals, BoolExpr) && ((BoolExpr *) quals)->boolop == AND_EXPR))
	{
		foreach (lc, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
			if (are_compared(lfirst(lc), a, b))
				return true;
		return false;
	}
	if (!IsA(quals, OpExpr) || list_length(op->args) != 2 ||
		!op_mergejoinable(op->opno, exprType(linitial(op->args))))
		return false;
	left = usage_without_casts(linitial(op->args));
	right = usage_without_casts(lsecond(op->args));
	return (equal(left, a) && equal(right, b)) || (equal(left, b) && equal(right, a));
}

/* usage_is_key -- is an expression of a query who its rows are about? */
bool
usage_is_key(Node *expr, const Block *block)
{
	ListCell *lc;

	expr = usage_without_casts(expr);
	foreach (lc, block->keys)
	{
		const Key *key = lfirst(lc);

		if (equal(expr, usage_without_casts((Node *) key->expr)) || list_member(key->others, expr))
			return true;
	}
	return false;
}

/* usage_is_grouped_by -- is it one of what a query groups by? */
bool
usage_is_grouped_by(const Query *query, const Key *key)
{
	ListCell *lc;

	foreach (lc, query->groupClause)
		if (equal(usage_without_casts(get_sortgroupclause_expr(lfirst(lc), query->targetList)),
				  usage_without_casts((Node *) key->expr)))
			return true;
	return false;
}

/*
 * Of a join that keeps one side's rows without a match, too: are rows of the other about the same person,
 * or none?
 */
static bool
is_kept_with(Node *node, const Key *kept, const Key *other)
{
	JoinExpr *join = (JoinExpr *) node;
	Node *from;
	Node *to;
	ListCell *lc;

	if (node == NULL || IsA(node, RangeTblRef))
		return false;
	if (IsA(node, FromExpr))
	{
		foreach (lc, ((FromExpr *) node)->fromlist)
			if (is_kept_with(lfirst(lc), kept, other))
				return true;
		return false;
	}
	if (is_kept_with(join->larg, kept, other) || is_kept_with(join->rarg, kept, other))
		return true;
	from = join->jointype == JOIN_LEFT ? join->larg : join->rarg;
	to = join->jointype == JOIN_LEFT ? join->rarg : join->larg;
	return (join->jointype == JOIN_LEFT || join->jointype == JOIN_RIGHT) &&
		   bms_is_subset(pull_varnos(NULL, (Node *) kept->expr),
						 get_relids_in_jointree(from, false)) &&
		   bms_is_subset(pull_varnos(NULL, (Node *) other->expr),
						 get_relids_in_jointree(to, false)) &&
		   are_compared(join->quals, usage_without_casts((Node *) kept->expr),
						usage_without_casts((Node *) other->expr));
}

/* one key for rows that another's are about, too */
static void
take_over(Key *key, const Key *same)
{
	key->others =
		list_concat(lappend(key->others, usage_without_casts((Node *) same->expr)), same->others);
	key->also = list_concat(key->also, same->also);
	key->rows = list_concat(key->rows, same->rows);
}

/* usage_drop_equal_keys -- rows that are joined by their subject are about one: its key is enough */
void
usage_drop_equal_keys(Block *block)
{
	Node *jointree = (Node *) block->query->jointree;
	List *conditions = conditions_of(jointree, NIL);
	List *kept = NIL;
	ListCell *lc;
	ListCell *other;

	foreach (lc, block->keys)
	{
		Key *key = lfirst(lc);
		bool replaces = false;

		foreach (other, kept)
		{
			const Key *same = lfirst(other);

			if (same->domain != key->domain)
				continue;
			/* the one that is grouped by, if one is */
			replaces = usage_is_grouped_by(block->query, key);
			if (are_compared((Node *) conditions, usage_without_casts((Node *) key->expr),
							 usage_without_casts((Node *) same->expr)))
				break;
			replaces = false;
			if (is_kept_with(jointree, same, key))
				break;
			replaces = true;
			if (is_kept_with(jointree, key, same))
				break;
		}
		if (other == NULL)
			kept = lappend(kept, key);
		else if (replaces)
		{
			take_over(key, lfirst(other));
			lfirst(other) = key;
		}
		else
			take_over(lfirst(other), key);
	}
	block->keys = kept;
}

/* ---- handed on ---- */

static Key *
make_key(Oid domain, KeyKind kind, Expr *expr)
{
	Key *key = palloc0(sizeof(Key));

	key->domain = domain;
	key->kind = kind;
	key->expr = expr;
	return key;
}

/* usage_number_of_column -- for enough_subjects(): another one for most, and never 0 */
uint32
usage_number_of_column(Oid root, AttrNumber column)
{
	return hash_combine(murmurhash32(root), murmurhash32(column)) % (POLICY_FACTORS - 1) + 1;
}

/* usage_key_of_relation -- whose its rows are, and whom they are also about */
Key *
usage_key_of_relation(const ProtectedRelation *found, Oid relid, Index varno)
{
	Key *key = make_key(found->domain, found->key_kind,
						policy_key(relid, found->subject, found->key_kind, varno));

	for (int i = 0; i < found->n_also_about; i++)
	{
		const char *column = found->also_about[i];
		Key *also = make_key(found->domain, found->key_kind,
							 policy_key(relid, column, found->key_kind, varno));

		also->column = usage_number_of_column(found->relid, get_attnum(found->relid, column));
		key->also = lappend(key->also, also);
		key->others = lappend(key->others, usage_without_casts((Node *) also->expr));
	}
	return key;
}

/* a result for other queries to read; one that is there already, if it is */
static AttrNumber
hand_on(Query *query, Expr *expr)
{
	ListCell *lc;
	int n = 0;

	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk)
			break;
		n++;
		if (equal(entry->expr, expr))
			return entry->resno;
	}
	foreach (lc, query->targetList)
		if (lfirst_node(TargetEntry, lc)->resjunk)
			lfirst_node(TargetEntry, lc)->resno++;
	query->targetList =
		list_insert_nth(query->targetList, n,
						makeTargetEntry(copyObject(expr), n + 1, pstrdup("privseg_key"), false));
	return n + 1;
}

/* usage_as_result -- a result of a query, in a Var of no relation yet: varno 0 */
Expr *
usage_as_result(Query *query, Expr *expr)
{
	return (Expr *) makeVar(0, hand_on(query, expr), exprType((Node *) expr), -1,
							exprCollation((Node *) expr), 0);
}

/* results that tell who it is under another name */
static List *
results_naming(const Query *query, const Block *block)
{
	List *others = NIL;
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && usage_names_key((Node *) entry->expr, block))
			others = lappend(others, makeVar(0, entry->resno, exprType((Node *) entry->expr), -1,
											 exprCollation((Node *) entry->expr), 0));
	}
	return others;
}

/* of a query that groups: how many rows there are, or those stand for that it has read */
static Expr *
count_rows(Expr *rows)
{
	Aggref *sum;

	if (rows == NULL)
		return (Expr *) expression_aggregate(F_COUNT_, INT8OID, NIL, NULL);
	sum = expression_aggregate(F_SUM_INT8, NUMERICOID, list_make1(rows), NULL);
	return (Expr *) makeFuncExpr(F_INT8_NUMERIC, INT8OID, list_make1(sum), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CAST);
}

static List *
rows_as_results(Query *query, List *rows)
{
	bool groups = query->groupClause != NIL || query->hasAggs;
	List *results = NIL;
	ListCell *lc;

	query->hasAggs |= groups;
	/* how many there are here, and how many these stand for: a mean is of the former */
	if (groups)
		results = list_make1(usage_as_result(query, count_rows(NULL)));
	foreach (lc, rows)
		results =
			lappend(results, usage_as_result(query, groups ? count_rows(lfirst(lc)) : lfirst(lc)));
	return results;
}

static Key *
as_result_key(Query *query, const Key *key)
{
	return make_key(key->domain, key->kind, usage_as_result(query, key->expr));
}

/* usage_keys_as_results -- keys of a query's rows, as its results */
List *
usage_keys_as_results(Block *block)
{
	Query *query = block->query;
	List *others = results_naming(query, block);
	List *results = NIL;
	ListCell *lc;
	ListCell *also;

	foreach (lc, block->keys)
	{
		const Key *key = lfirst(lc);
		Key *result = as_result_key(query, key);

		result->others = others;
		result->rows = rows_as_results(query, key->rows);
		foreach (also, key->also)
		{
			Key *also_result = as_result_key(query, lfirst(also));

			also_result->column = ((Key *) lfirst(also))->column;
			result->also = lappend(result->also, also_result);
		}
		results = lappend(results, result);
	}
	return results;
}

/* usage_keys_as_columns -- and as columns of the relation that reads it */
List *
usage_keys_as_columns(List *results, Index varno)
{
	List *columns = NIL;
	ListCell *lc;

	foreach (lc, results)
	{
		const Key *result = lfirst(lc);
		Key *key = palloc(sizeof(Key));

		*key = *result;
		key->expr = copyObject(result->expr);
		key->others = copyObject(result->others);
		key->rows = copyObject(result->rows);
		ChangeVarNodes((Node *) key->expr, 0, varno, 0);
		ChangeVarNodes((Node *) key->others, 0, varno, 0);
		ChangeVarNodes((Node *) key->rows, 0, varno, 0);
		key->also = usage_keys_as_columns(result->also, varno);
		columns = lappend(columns, key);
	}
	return columns;
}
