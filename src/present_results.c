/*
 * present_results.c
 *	  What a statement sends: of base types, and of which table's columns; and what a PL/pgSQL function
 *	  returns rows of.
 */
#include "compat.h"

#include "catalog.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "present.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"

/* an entry gets another expression: what rows are sorted or grouped by stays, beside it */
static void
replace_result(TargetEntry *entry, Node *expr, List **beside)
{
	if (entry->ressortgroupref != 0)
	{
		TargetEntry *kept = flatCopyTargetEntry(entry);

		kept->resjunk = true;
		*beside = lappend(*beside, kept);
		entry->ressortgroupref = 0;
	}
	entry->expr = (Expr *) expr;
}

static void
add_beside(List **targets, List *beside)
{
	ListCell *lc;

	foreach (lc, beside)
	{
		lfirst_node(TargetEntry, lc)->resno = list_length(*targets) + 1;
		*targets = lappend(*targets, lfirst(lc));
	}
}

/* open what is of an encrypted type still: of a star, a row's field, a function's result */
static void
present_targets(ParseState *state, List **targets)
{
	List *beside = NIL;
	ListCell *lc;

	foreach (lc, *targets)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Node *presented =
			entry->resjunk ? (Node *) entry->expr : present_expr(state, (Node *) entry->expr);

		if (presented != (Node *) entry->expr)
			replace_result(entry, presented, &beside);
	}
	add_beside(targets, beside);
}

/*
 * What is read from a WITH at the top, at this depth, is one level further up.  The WITH itself
 * moves, for core runs what writes only at the top.
 */
static bool
raise_references(Node *node, int *depth)
{
	bool result;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && (int) rte->ctelevelsup == *depth)
			rte->ctelevelsup++;
		return false;
	}
	if (!IsA(node, Query))
		return expression_tree_walker(node, raise_references, depth);
	(*depth)++;
	result = query_tree_walker((Query *) node, raise_references, depth, QTW_EXAMINE_RTES_BEFORE);
	(*depth)--;
	return result;
}

/* SELECT ... FROM (the query): where its rows are told from one another, they stay as they are */
static Query *
query_around(Query *query)
{
	Query *outer = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *reference = makeNode(RangeTblRef);
	int depth = -1;
	List *names = NIL;
	ListCell *lc;

	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->inFromCl = true;
	reference->rtindex = 1;
	outer->commandType = CMD_SELECT;
	outer->canSetTag = query->canSetTag;
	outer->stmt_location = query->stmt_location;
	outer->stmt_len = query->stmt_len;
	outer->cteList = query->cteList;
	outer->hasModifyingCTE = query->hasModifyingCTE;
	outer->hasRecursive = query->hasRecursive;
	query->cteList = NIL;
	query->hasModifyingCTE = query->hasRecursive = false;
	if (outer->cteList != NIL)
		(void) raise_references((Node *) query, &depth);
	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		TargetEntry *seen;

		if (entry->resjunk)
			continue;
		seen = makeTargetEntry((Expr *) makeVarFromTargetEntry(1, entry), entry->resno,
							   entry->resname, false);
		seen->resorigtbl = entry->resorigtbl;
		seen->resorigcol = entry->resorigcol;
		outer->targetList = lappend(outer->targetList, seen);
		names = lappend(names,
						makeString(entry->resname != NULL ? entry->resname : pstrdup("?column?")));
	}
	rte->eref = makeAlias("presented", names);
	outer->rtable = list_make1(rte);
	outer->jointree = makeFromExpr(list_make1(reference), NULL);
	return outer;
}

static bool
any_encrypted(List *targets)
{
	ListCell *lc;

	foreach (lc, targets)
		if (!lfirst_node(TargetEntry, lc)->resjunk &&
			present_is_encrypted(exprType((Node *) lfirst_node(TargetEntry, lc)->expr)))
			return true;
	return false;
}

/* what a value was opened of, where that is all that is done with it; or NULL */
static Node *
opened_of(Node *expr)
{
	while (IsA(expr, RelabelType) ||
		   (IsA(expr, FuncExpr) && ((FuncExpr *) expr)->funcid == F_INT2_INT4))
		expr = IsA(expr, RelabelType) ? (Node *) ((RelabelType *) expr)->arg :
										linitial(((FuncExpr *) expr)->args);
	return IsA(expr, FuncExpr) &&
				   catalog_is_own_function_named(((FuncExpr *) expr)->funcid, "opened") ?
			   linitial(((FuncExpr *) expr)->args) :
			   NULL;
}

/*
 * RETURN QUERY of a PL/pgSQL function: its rows are of the types that the function returns, which may
 * be those of a table.  Columns that were opened, and no more, are taken as they are.
 */
static Query *
return_rows(ParseState *state, Query *query, TupleDesc returned)
{
	bool select = query->commandType == CMD_SELECT;
	List *beside = NIL;
	ListCell *lc;

	if (query->setOperations != NULL || query->distinctClause != NIL || query->groupClause != NIL)
		query = query_around(query);
	foreach (lc, select ? query->targetList : query->returningList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Form_pg_attribute column;
		Node *unopened;

		if (entry->resjunk)
			continue;
		column = TupleDescAttr(returned, entry->resno - 1);
		if (!present_is_encrypted(column->atttypid) ||
			exprType((Node *) entry->expr) == column->atttypid)
			continue;
		unopened = opened_of((Node *) entry->expr);
		if (unopened == NULL || exprType(unopened) != column->atttypid)
			unopened = coerce_to_target_type(
				state, (Node *) entry->expr, exprType((Node *) entry->expr), column->atttypid,
				column->atttypmod, COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
		/* otherwise PL/pgSQL says what does not fit */
		if (unopened == NULL)
			continue;
		if (column->atttypmod >= 0)
			unopened =
				(Node *) makeRelabelType((Expr *) unopened, column->atttypid, column->atttypmod,
										 column->attcollation, COERCE_IMPLICIT_CAST);
		replace_result(entry, unopened, &beside);
	}
	add_beside(&query->targetList, beside);
	return query;
}

static int
n_results(const List *targets)
{
	int n = 0;
	ListCell *lc;

	foreach (lc, targets)
		n += !lfirst_node(TargetEntry, lc)->resjunk;
	return n;
}

static bool
returns_encrypted(TupleDesc returned)
{
	for (int i = 0; i < returned->natts; i++)
		if (present_is_encrypted(TupleDescAttr(returned, i)->atttypid))
			return true;
	return false;
}

/* what a statement sends */
static Query *
results_of(ParseState *state, Query *query)
{
	TupleDesc returned = present_returned(state);

	if (returned != NULL && returns_encrypted(returned) &&
		returned->natts ==
			n_results(query->commandType == CMD_SELECT ? query->targetList : query->returningList))
		return return_rows(state, query, returned);
	if (query->commandType != CMD_SELECT)
		present_targets(state, &query->returningList);
	else if (any_encrypted(query->targetList))
	{
		if (query->setOperations != NULL || query->distinctClause != NIL)
			query = query_around(query);
		present_targets(state, &query->targetList);
	}
	return query;
}

/* present_results -- columns that a statement sends, opened; also in EXPLAIN and DECLARE */
Query *
present_results(ParseState *state, Query *query)
{
	Node *statement = query->utilityStmt;

	if (query->commandType != CMD_UTILITY)
		return results_of(state, query);
	if (IsA(statement, ExplainStmt) && IsA(((ExplainStmt *) statement)->query, Query) &&
		((Query *) ((ExplainStmt *) statement)->query)->commandType != CMD_UTILITY)
		((ExplainStmt *) statement)->query =
			(Node *) results_of(state, (Query *) ((ExplainStmt *) statement)->query);
	else if (IsA(statement, DeclareCursorStmt))
		((DeclareCursorStmt *) statement)->query =
			(Node *) results_of(state, (Query *) ((DeclareCursorStmt *) statement)->query);
	return query;
}

/* ---- where a result's column comes from ---- */

static void
mark_origin(Query *query, TargetEntry *entry, Node *expr)
{
	RangeTblEntry *rte;
	Var *var = (Var *) expr;

	if (expr == NULL || !IsA(expr, Var) || var->varlevelsup > 0 || var->varattno <= 0)
		return;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind == RTE_RELATION)
	{
		entry->resorigtbl = rte->relid;
		entry->resorigcol = var->varattno;
	}
	else if (rte->rtekind == RTE_JOIN)
		mark_origin(query, entry, list_nth(rte->joinaliasvars, var->varattno - 1));
	else if (rte->rtekind == RTE_SUBQUERY)
	{
		TargetEntry *inner = get_tle_by_resno(rte->subquery->targetList, var->varattno);

		entry->resorigtbl = inner->resorigtbl;
		entry->resorigcol = inner->resorigcol;
	}
}

/*
 * present_origins -- which columns results come from: core tells it of columns only
 * (markTargetListOrigins), and clients update by it.
 */
void
present_origins(Query *query)
{
	ListCell *lc;

	if (query->commandType == CMD_UTILITY)
		query = UtilityContainsQuery(query->utilityStmt);
	if (query == NULL)
		return;
	foreach (lc, query->commandType == CMD_SELECT ? query->targetList : query->returningList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && !OidIsValid(entry->resorigtbl) && !IsA(entry->expr, Var))
			mark_origin(query, entry, opened_of((Node *) entry->expr));
	}
}
