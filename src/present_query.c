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
	ParseParamRefHook reference_hook;
	CoerceParamHook param_hook;
	List *carried;      /* of nodes: handed on as they are */
	List *fields;       /* of A_Indirection *, by the numbers that stand for them */
	const char *cursor; /* of WHERE CURRENT OF */
} Presentation;

static Presentation *presenting = NULL;

/* ---- what is to be analysed anew ---- */

static bool
uses_encrypted_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if ((IsA(node, Var) || IsA(node, Param) || IsA(node, FieldSelect)) &&
		present_is_encrypted(exprType(node)))
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
		case T_ParamRef:
		case T_A_Indirection:
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
		if (!IsA(lfirst(lc), ColumnRef) && !IsA(lfirst(lc), A_Indirection) &&
			!IsA(lfirst(lc), A_ArrayExpr) && !IsA(lfirst(lc), RowExpr) &&
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
	ListCell *lc;

	foreach (lc, select->valuesLists)
		carry_arguments(lfirst(lc), presentation);
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

/*
 * (x).name: fields of an expression pass no hook, so it is made to look like a column's name, with a
 * number where the parser puts a name, which core copies as it is.
 */
static void
disguise_field(A_Indirection *node, Presentation *presentation)
{
	ColumnRef *column = (ColumnRef *) node;
	A_Indirection *original;

	StaticAssertStmt(sizeof(ColumnRef) <= sizeof(A_Indirection), "one takes the other's place");
	if (!IsA(llast(node->indirection), String))
		return;
	original = palloc(sizeof(A_Indirection));
	*original = *node;
	column->type = T_ColumnRef;
	column->fields =
		list_make2(makeInteger(list_length(presentation->fields)), llast(original->indirection));
	column->location = exprLocation(original->arg);
	presentation->fields = lappend(presentation->fields, original);
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
		case T_CurrentOfExpr:
			presentation->cursor = ((CurrentOfExpr *) node)->cursor_name;
			break;
		case T_A_Indirection:
			(void) raw_expression_tree_walker(node, prepare_walker, presentation);
			disguise_field((A_Indirection *) node, presentation);
			return false;
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

	if (IsA(linitial(column->fields), Integer))
	{
		result = transformExpr(
			state, copyObject(list_nth(presenting->fields, intVal(linitial(column->fields)))),
			state->p_expr_kind);
		return list_member_ptr(presenting->carried, column) ? result : present_expr(state, result);
	}
	/* the name of a cursor, which may be a variable's, too */
	if (presenting->cursor != NULL && column->location < 0 && list_length(column->fields) == 1 &&
		IsA(linitial(column->fields), String) &&
		strcmp(strVal(linitial(column->fields)), presenting->cursor) == 0)
		return presenting->column_hook != NULL ? presenting->column_hook(state, column) : NULL;
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

/* $1 of a function's, or of a plan that is kept: its type is known */
static Node *
present_reference(ParseState *state, ParamRef *reference)
{
	Node *result = presenting->reference_hook(state, reference);

	return result == NULL || list_member_ptr(presenting->carried, reference) ?
			   result :
			   present_expr(state, result);
}

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
	Presentation presentation = {state->p_pre_columnref_hook,
								 state->p_paramref_hook,
								 state->p_coerce_param_hook,
								 NIL,
								 NIL,
								 NULL};
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
		compat_forget_parameters(state->p_ref_hook_state, present_is_encrypted);
	}
	else if (state->p_paramref_hook != NULL)
		mine->p_paramref_hook = present_reference;
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
			presented = present_results(state, presented);
		present_origins(presented);
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
