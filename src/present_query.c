/*
 * present_query.c
 *	  A statement that uses encrypted columns is analysed once more, with every column opened where
 *	  it is named: so that operators, functions, parameters and results are resolved as on the base
 *	  types.
 *
 * Where a column is only handed on (into another table, out of a subquery) it is left as it is,
 * and its values stay encrypted.  A star is written out in the tree before it is analysed.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "parser/parse_param.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "present.h"
#include "tcop/utility.h"

/* a statement that is being analysed */
typedef struct Presentation
{
	PreParseColumnRefHook column_hook; /* of whoever has it analysed */
	CoerceParamHook param_hook;
	List *carried;  /* of ColumnRef *: handed on as they are */
	List *stars;    /* of Star * */
	List *resolved; /* of Resolved * */
} Presentation;

/* t.*, which is written out where it is first met */
typedef struct Star
{
	ColumnRef *column;
	List *qualifiers;
	List *list; /* that it is in */
	Node *cell; /* it, or the ResTarget around it */
} Star;

/* a column of a star */
typedef struct Resolved
{
	ColumnRef *column;
	Var *var;
} Resolved;

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

static bool
is_star(const Node *node)
{
	return IsA(node, ColumnRef) && IsA(llast(((ColumnRef *) node)->fields), A_Star);
}

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
			if (strcmp(strVal(llast(((FuncCall *) value)->funcname)), "array_agg") == 0)
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

static void
note_star(List *list, Node *cell, Node *column, Presentation *presentation)
{
	Star *star;

	if (!is_star(column) || list_member_ptr(presentation->carried, column))
		return;
	star = palloc(sizeof(Star));
	star->column = (ColumnRef *) column;
	star->list = list;
	star->cell = cell;
	star->qualifiers = list_copy(star->column->fields);
	star->qualifiers = list_delete_last(star->qualifiers);
	/* no star any more, for core writes that out on its own */
	star->column->fields = list_make1(makeString(pstrdup("*")));
	presentation->stars = lappend(presentation->stars, star);
}

static void
note_stars(List *list, Presentation *presentation)
{
	ListCell *lc;

	foreach (lc, list)
	{
		Node *node = lfirst(lc);

		if (node != NULL)
			note_star(list, node, IsA(node, ResTarget) ? ((ResTarget *) node)->val : node,
					  presentation);
	}
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
			note_stars(((InsertStmt *) node)->returningList, presentation);
			break;
		case T_OnConflictClause:
			carry_targets(((OnConflictClause *) node)->targetList, presentation);
			break;
		case T_UpdateStmt:
			carry_targets(((UpdateStmt *) node)->targetList, presentation);
			note_stars(((UpdateStmt *) node)->returningList, presentation);
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
		case T_DeleteStmt:
			note_stars(((DeleteStmt *) node)->returningList, presentation);
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
			/* before the lists, so that it is known what is carried */
			if (raw_expression_tree_walker((Node *) ((SelectStmt *) node)->withClause,
										   prepare_walker, presentation))
				return true;
			note_stars(((SelectStmt *) node)->targetList, presentation);
			foreach (lc, ((SelectStmt *) node)->valuesLists)
				note_stars(lfirst(lc), presentation);
			break;
		case T_RowExpr:
			note_stars(((RowExpr *) node)->args, presentation);
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, prepare_walker, presentation);
}

static void
prepare(Node *statement, bool is_view, Presentation *presentation)
{
	switch (nodeTag(statement))
	{
		case T_CreateTableAsStmt:
			if (IsA(((CreateTableAsStmt *) statement)->query, SelectStmt))
				carry((SelectStmt *) ((CreateTableAsStmt *) statement)->query, presentation);
			prepare(((CreateTableAsStmt *) statement)->query, false, presentation);
			return;
		case T_ExplainStmt:
			prepare(((ExplainStmt *) statement)->query, false, presentation);
			return;
		case T_DeclareCursorStmt:
			prepare(((DeclareCursorStmt *) statement)->query, false, presentation);
			return;
		case T_PLAssignStmt:
			prepare((Node *) ((PLAssignStmt *) statement)->val, false, presentation);
			return;
		case T_SelectStmt:
			/* its columns are those below, which whoever reads it opens, and can be updated */
			if (is_view)
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

static List *
columns_of_star(ParseState *state, const Star *star, List **names)
{
	List *result = NIL;
	ParseNamespaceItem *item;
	int levels_up;
	ListCell *lc;
	int location = star->column->location;

	*names = NIL;
	if (star->qualifiers == NIL)
	{
		foreach (lc, state->p_namespace)
		{
			List *more;

			item = lfirst(lc);
			if (!item->p_cols_visible)
				continue;
			result = list_concat(result, expandNSItemVars(item, 0, location, &more));
			*names = list_concat(*names, more);
		}
		if (result == NIL && state->p_namespace == NIL)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
							errmsg("SELECT * with no tables specified is not valid"),
							parser_errposition(state, location)));
		return result;
	}
	else
	{
		RangeVar *name = makeRangeVarFromNameList(star->qualifiers);

		item = refnameNamespaceItem(state, name->schemaname, name->relname, location, &levels_up);
		if (item == NULL)
			errorMissingRTE(state, name);
		return expandNSItemVars(item, levels_up, location, names);
	}
}

/* write a star out in the list that it is in, behind itself; returns its first column */
static Var *
write_out(ParseState *state, Star *star)
{
	List *names;
	List *vars = columns_of_star(state, star, &names);
	int at = 0;
	ListCell *lc;
	ListCell *name;

	if (vars == NIL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("\"*\" of relations without columns beside encrypted ones is not "
							   "supported"),
						parser_errposition(state, star->column->location)));
	foreach (lc, star->list)
	{
		at++;
		if (lfirst(lc) == star->cell)
			break;
	}
	forboth (lc, vars, name, names)
	{
		Resolved *resolved;
		Node *cell;

		markVarForSelectPriv(state, lfirst_node(Var, lc));
		if (lc == list_head(vars))
		{
			star->column->fields = list_make1(lfirst(name));
			continue;
		}
		resolved = palloc(sizeof(Resolved));
		resolved->var = lfirst_node(Var, lc);
		resolved->column = makeNode(ColumnRef);
		resolved->column->fields = list_make1(lfirst(name));
		resolved->column->location = star->column->location;
		presenting->resolved = lappend(presenting->resolved, resolved);
		cell = (Node *) resolved->column;
		if (IsA(star->cell, ResTarget))
		{
			ResTarget *target = makeNode(ResTarget);

			target->val = cell;
			target->location = star->column->location;
			cell = (Node *) target;
		}
		star->list = list_insert_nth(star->list, at++, cell);
	}
	return linitial_node(Var, vars);
}

static Node *
present_column(ParseState *state, ColumnRef *column)
{
	ListCell *lc;
	Node *result;

	foreach (lc, presenting->stars)
	{
		Star *star = lfirst(lc);

		if (star->column == column)
			return present_expr(state, (Node *) write_out(state, star));
	}
	foreach (lc, presenting->resolved)
	{
		Resolved *resolved = lfirst(lc);

		if (resolved->column == column)
			return present_expr(state, (Node *) resolved->var);
	}
	state->p_pre_columnref_hook = presenting->column_hook;
	result = transformExpr(state, (Node *) column, state->p_expr_kind);
	state->p_pre_columnref_hook = present_column;
	/* an index is inferred by what it is on */
	if (state->p_expr_kind == EXPR_KIND_INDEX_EXPRESSION || !IsA(result, Var) ||
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
	Presentation presentation = {state->p_pre_columnref_hook, state->p_coerce_param_hook, NIL, NIL,
								 NIL};
	Presentation *outer = presenting;
	Query *result;

	prepare(statement->stmt, is_view, &presentation);
	mine->p_sourcetext = state->p_sourcetext;
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

/*
 * What is of an encrypted type still, a field of a row or a function's result, is opened when it
 * is sent.  What rows are sorted or grouped by stays beside it.
 */
static void
present_results(ParseState *state, Query *query)
{
	List *beside = NIL;
	ListCell *lc;

	if (query->commandType != CMD_SELECT || query->setOperations != NULL ||
		query->distinctClause != NIL)
		return;
	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Node *presented;

		if (entry->resjunk)
			continue;
		presented = present_expr(state, (Node *) entry->expr);
		if (presented == (Node *) entry->expr)
			continue;
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
		lfirst_node(TargetEntry, lc)->resno = list_length(query->targetList) + 1;
		query->targetList = lappend(query->targetList, lfirst(lc));
	}
}

/* ---- where a result's column comes from ---- */

/* what a value was opened of, where that is all that is done with it */
static Node *
opened_of(Node *expr)
{
	for (;;)
	{
		if (IsA(expr, RelabelType))
			expr = (Node *) ((RelabelType *) expr)->arg;
		else if (IsA(expr, FuncExpr) && ((FuncExpr *) expr)->funcformat == COERCE_EXPLICIT_CAST)
			expr = linitial(((FuncExpr *) expr)->args);
		else
			return expr;
	}
}

static void
mark_origin(Query *query, TargetEntry *entry, Node *expr)
{
	RangeTblEntry *rte;
	Var *var = (Var *) expr;

	if (!IsA(expr, Var) || var->varlevelsup > 0 || var->varattno <= 0)
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

	if (presenting != NULL || !catalog_installed() || !uses_encrypted(query) ||
		encrypted_passes_unopened())
		return;
	statement = present_source(state, query, &is_view);
	if (statement == NULL)
		return;
	presented = analyse(state, statement, is_view);
	presented->queryId = query->queryId;
	presented->querySource = query->querySource;
	if (presented->commandType == CMD_SELECT && !is_view)
		present_results(state, presented);
	mark_origins(presented);
	*query = *presented;
}
