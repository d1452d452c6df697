/*
 * present_query.c
 *	  A statement that uses encrypted columns is analysed once more, with every column opened where
 *	  it is named: so that operators, functions, parameters and results are resolved as on the base
 *	  types.
 *
 * Where a column is only handed on (into another table, out of a subquery) it is left as it is,
 * and its values stay encrypted.  So is what comes of a star, until it is sent.
 */
#include "compat.h"

#include "catalog.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_param.h"
#include "parser/parsetree.h"
#include "present.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

/* a statement that is being analysed */
typedef struct Presentation
{
	PreParseColumnRefHook column_hook; /* of whoever has it analysed */
	CoerceParamHook param_hook;
	List *carried; /* of ColumnRef *: handed on as they are */
} Presentation;

static Presentation *presenting = NULL;

/* ---- what is to be analysed anew ---- */

static bool
is_encrypted(Oid type)
{
	int32 typmod;

	return present_type(type, -1, &typmod) != type;
}

static bool
uses_encrypted_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if ((IsA(node, Var) || IsA(node, Param) || IsA(node, FieldSelect)) &&
		is_encrypted(exprType(node)))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, uses_encrypted_walker, context, 0);
	return expression_tree_walker(node, uses_encrypted_walker, context);
}

static bool
uses_encrypted(Query *query)
{
	if (query->commandType == CMD_UTILITY)
		query = UtilityContainsQuery(query->utilityStmt);
	return query != NULL && uses_encrypted_walker((Node *) query, NULL);
}

/* ---- what is handed on ---- */

/* a value that is handed on as it is, or several in an array or a row */
static void
carry_value(Node *value, Presentation *presentation)
{
	List *values = NIL;
	ListCell *lc;

	if (value == NULL)
		return;
	switch (nodeTag(value))
	{
		case T_ColumnRef:
			presentation->carried = lappend(presentation->carried, value);
			return;
		case T_A_ArrayExpr:
			values = ((A_ArrayExpr *) value)->elements;
			break;
		case T_RowExpr:
			values = ((RowExpr *) value)->args;
			break;
		case T_FuncCall:
			if (strcmp(strVal(llast(((FuncCall *) value)->funcname)), "array_agg") == 0 &&
				((FuncCall *) value)->agg_order == NIL && !((FuncCall *) value)->agg_distinct)
				values = ((FuncCall *) value)->args;
			break;
		default:
			return;
	}
	foreach (lc, values)
		if (!IsA(lfirst(lc), ColumnRef) && !IsA(lfirst(lc), A_ArrayExpr) &&
			!IsA(lfirst(lc), RowExpr) &&
			!(IsA(lfirst(lc), A_Const) && lfirst_node(A_Const, lc)->isnull))
			return;
	foreach (lc, values)
		carry_value(lfirst(lc), presentation);
}

static void
carry_targets(List *targets, Presentation *presentation)
{
	ListCell *lc;

	foreach (lc, targets)
		carry_value(lfirst_node(ResTarget, lc)->val, presentation);
}

static void
carry_arguments(List *arguments, Presentation *presentation)
{
	ListCell *lc;

	foreach (lc, arguments)
		carry_value(lfirst(lc), presentation);
}

/* does a name begin with our schema? */
static bool
is_ours(List *name)
{
	return list_length(name) > 1 && strcmp(strVal(linitial(name)), "privseg") == 0;
}

/* the columns that a SELECT hands on as they are */
static void
carry(SelectStmt *select, Presentation *presentation)
{
	if (select->op != SETOP_NONE)
	{
		if (select->all)
		{
			carry(select->larg, presentation);
			carry(select->rarg, presentation);
		}
		return;
	}
	/* what is grouped or sorted is named twice */
	if (select->distinctClause == NIL && select->groupClause == NIL && select->sortClause == NIL)
		carry_targets(select->targetList, presentation);
}

static bool
any_star(List *targets)
{
	ListCell *lc;

	foreach (lc, targets)
	{
		Node *value = lfirst_node(ResTarget, lc)->val;

		if (IsA(value, ColumnRef) && IsA(llast(((ColumnRef *) value)->fields), A_Star))
			return true;
	}
	return false;
}

static bool
prepare_walker(Node *node, Presentation *presentation)
{
	ListCell *lc;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_InsertStmt:
			if (((InsertStmt *) node)->selectStmt != NULL)
				carry((SelectStmt *) ((InsertStmt *) node)->selectStmt, presentation);
			break;
		case T_OnConflictClause:
			carry_targets(((OnConflictClause *) node)->targetList, presentation);
			break;
		case T_UpdateStmt:
			carry_targets(((UpdateStmt *) node)->targetList, presentation);
			break;
		case T_MergeWhenClause:
			carry_targets(((MergeWhenClause *) node)->targetList, presentation);
			carry_arguments(((MergeWhenClause *) node)->values, presentation);
			break;
		/* who names what is ours, means the types that are there */
		case T_FuncCall:
			if (is_ours(((FuncCall *) node)->funcname))
				carry_arguments(((FuncCall *) node)->args, presentation);
			break;
		case T_A_Expr:
			if (is_ours(((A_Expr *) node)->name))
			{
				carry_value(((A_Expr *) node)->lexpr, presentation);
				carry_value(((A_Expr *) node)->rexpr, presentation);
			}
			break;
		case T_RangeSubselect:
			if (IsA(((RangeSubselect *) node)->subquery, SelectStmt))
				carry((SelectStmt *) ((RangeSubselect *) node)->subquery, presentation);
			break;
		case T_WithClause:
			if (((WithClause *) node)->recursive)
				break;
			foreach (lc, ((WithClause *) node)->ctes)
			{
				CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

				if (IsA(cte->ctequery, SelectStmt))
					carry((SelectStmt *) cte->ctequery, presentation);
			}
			break;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause != NULL)
				carry((SelectStmt *) node, presentation);
			/* DISTINCT * has what it is sorted by; DISTINCT ON has no need to */
			if (((SelectStmt *) node)->distinctClause != NIL &&
				linitial(((SelectStmt *) node)->distinctClause) == NULL &&
				any_star(((SelectStmt *) node)->targetList))
				foreach (lc, ((SelectStmt *) node)->sortClause)
					carry_value(lfirst_node(SortBy, lc)->node, presentation);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, prepare_walker, presentation);
}

/*
 *	stored	its columns become those of a table, of a view, which whoever reads it opens, and can be
 *			updated, or a variable
 */
static void
prepare(Node *statement, bool stored, Presentation *presentation)
{
	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
			prepare(((CreateTableAsStmt *) statement)->query, true, presentation);
			return;
		case T_ExplainStmt:
			prepare(((ExplainStmt *) statement)->query, false, presentation);
			return;
		case T_DeclareCursorStmt:
			prepare(((DeclareCursorStmt *) statement)->query, false, presentation);
			return;
		case T_PLAssignStmt:
			prepare((Node *) ((PLAssignStmt *) statement)->val, true, presentation);
			return;
		case T_SelectStmt:
			if (stored)
				carry((SelectStmt *) statement, presentation);
			break;
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			break;
		default:
			return;
	}
	(void) prepare_walker(statement, presentation);
}

/* ---- columns ---- */

static Node *
present_column(ParseState *state, ColumnRef *column)
{
	Node *result;

	state->p_pre_columnref_hook = presenting->column_hook;
	result = transformExpr(state, (Node *) column, state->p_expr_kind);
	state->p_pre_columnref_hook = present_column;
	/* an index is inferred by what it is on, and a variable assigned to as it is */
	if (state->p_expr_kind == EXPR_KIND_INDEX_EXPRESSION ||
		state->p_expr_kind == EXPR_KIND_UPDATE_TARGET ||
		!(IsA(result, Var) || IsA(result, Param) || IsA(result, FieldSelect)) ||
		list_member_ptr(presenting->carried, column))
		return result;
	return present_expr(state, result);
}

/* ---- parameters ---- */

static Node *
present_parameter(ParseState *state, Param *param, Oid type, int32 typmod, int location)
{
	int32 presented_typmod;
	Oid presented = present_type(type, typmod, &presented_typmod);
	Node *result = presenting->param_hook(state, param, presented, presented_typmod, location);

	if (result == NULL || presented == type)
		return result;
	return coerce_to_target_type(state, result, exprType(result), type, typmod, COERCION_ASSIGNMENT,
								 COERCE_IMPLICIT_CAST, location);
}

/* ---- the statement ---- */

static Query *
analyse(ParseState *state, RawStmt *statement, bool is_view)
{
	ParseState *mine = make_parsestate(NULL);
	Presentation presentation = {state->p_pre_columnref_hook, state->p_coerce_param_hook, NIL};
	Presentation *outer = presenting;
	Query *result;

	prepare(statement->stmt, is_view, &presentation);
	/* positions are in the statement's own text, and the client's is the whole script */
	mine->p_sourcetext = statement->stmt_location > 0 ? NULL : state->p_sourcetext;
	mine->p_queryEnv = state->p_queryEnv;
	mine->p_pre_columnref_hook = present_column;
	mine->p_post_columnref_hook = state->p_post_columnref_hook;
	mine->p_paramref_hook = state->p_paramref_hook;
	mine->p_ref_hook_state = state->p_ref_hook_state;
	if (state->p_coerce_param_hook != NULL)
	{
		mine->p_coerce_param_hook = present_parameter;
		compat_forget_parameters(state->p_ref_hook_state, is_encrypted);
	}
	presenting = &presentation;
	PG_TRY();
	{
		result = transformTopLevelStmt(mine, statement);
	}
	PG_FINALLY();
	{
		presenting = outer;
	}
	PG_END_TRY();
	if (state->p_coerce_param_hook != NULL)
		check_variable_parameters(mine, result);
	free_parsestate(mine);
	return result;
}

/* ---- results ---- */

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

		if (presented == (Node *) entry->expr)
			continue;
		/* what rows are sorted or grouped by stays */
		if (entry->ressortgroupref != 0)
		{
			TargetEntry *kept = flatCopyTargetEntry(entry);

			kept->resjunk = true;
			beside = lappend(beside, kept);
			entry->ressortgroupref = 0;
		}
		entry->expr = (Expr *) presented;
	}
	foreach (lc, beside)
	{
		lfirst_node(TargetEntry, lc)->resno = list_length(*targets) + 1;
		*targets = lappend(*targets, lfirst(lc));
	}
}

/* SELECT ... FROM (the query): where its rows are told from one another, they stay as they are */
static Query *
query_around(Query *query)
{
	Query *outer = makeNode(Query);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *reference = makeNode(RangeTblRef);
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
			is_encrypted(exprType((Node *) lfirst_node(TargetEntry, lc)->expr)))
			return true;
	return false;
}

/* what a statement sends */
static Query *
present_results(ParseState *state, Query *query)
{
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

/* the same in EXPLAIN and DECLARE */
static Query *
present_inner_results(ParseState *state, Query *query)
{
	Node *statement = query->utilityStmt;

	if (query->commandType != CMD_UTILITY)
		return present_results(state, query);
	if (IsA(statement, ExplainStmt) && IsA(((ExplainStmt *) statement)->query, Query) &&
		((Query *) ((ExplainStmt *) statement)->query)->commandType != CMD_UTILITY)
		((ExplainStmt *) statement)->query =
			(Node *) present_results(state, (Query *) ((ExplainStmt *) statement)->query);
	else if (IsA(statement, DeclareCursorStmt))
		((DeclareCursorStmt *) statement)->query =
			(Node *) present_results(state, (Query *) ((DeclareCursorStmt *) statement)->query);
	return query;
}

/* ---- where a result's column comes from ---- */

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

/* core tells it of columns only (markTargetListOrigins); clients update by it */
static void
mark_origins(Query *query)
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

/*
 * present_query -- after core has analysed a statement: the same as if columns were of their base
 * types.
 */
void
present_query(ParseState *state, Query *query)
{
	RawStmt *statement;
	Query *presented;
	bool is_view;
	MemoryContext scratch;
	MemoryContext caller;

	if (!catalog_installed() || !present_source_is_known(state, query) ||
		!present_may_use_encrypted(state, query) || !uses_encrypted(query) ||
		encrypted_passes_unopened())
		return;
	/* of a script, each statement is */
	scratch =
		AllocSetContextCreate(CurrentMemoryContext, "privseg presents", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	statement = present_source(state, query, &is_view);
	if (statement != NULL)
	{
		presented = analyse(state, statement, is_view);
		if (!is_view && !IsA(statement->stmt, PLAssignStmt))
			presented = present_inner_results(state, presented);
		mark_origins(presented);
		MemoryContextSwitchTo(caller);
		presented = copyObject(presented);
		presented->queryId = query->queryId;
		presented->querySource = query->querySource;
		presented->canSetTag = query->canSetTag;
		*query = *presented;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
