/*
 * usage_mask.c
 *	  Mask expressions: SQL over `value`, kept as text, and parsed where they are used.
 *
 * Names are looked for in pg_catalog only, whatever the search path is, so that an expression means
 * what it meant when it was given; others are written with their schema.  The reader runs it, with
 * the reader's rights.  What is immutable, and raises for no value and names none, becomes part of the
 * statement, and costs what it costs; all others are computed apart (usage_masked.c).
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "errors.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "policy_reviewed.h"
#include "rewrite/rewriteManip.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(privseg_check_mask);

static void
refuse_mask(const char *detail)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
					errmsg("a mask is one expression over \"value\", without a subquery"),
					detail != NULL ? errdetail("%s", detail) : 0,
					errhint("For example left(value, 1) || '***'.")));
}

static bool
has_subquery(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, SelectStmt))
		return true;
	return raw_expression_tree_walker(node, has_subquery, context);
}

/* what the parser says of a place in the mask is not shown in the statement around it */
static void
point_into_mask(void *mask)
{
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(mask);
	}
}

/* the expression that a text is, and nothing beside it */
static Node *
raw_expression(const char *mask)
{
	ErrorContextCallback pointing = {error_context_stack, point_into_mask,
									 unconstify(char *, mask)};
	List *statements;
	SelectStmt *select;
	ResTarget *target;

	error_context_stack = &pointing;
	statements = raw_parser(mask, RAW_PARSE_PLPGSQL_EXPR);
	error_context_stack = pointing.previous;
	if (list_length(statements) != 1)
		refuse_mask(NULL);
	select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
		select->distinctClause != NIL || select->intoClause != NULL || select->fromClause != NIL ||
		select->whereClause != NULL || select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->valuesLists != NIL || select->sortClause != NIL ||
		select->limitOffset != NULL || select->limitCount != NULL || select->lockingClause != NIL ||
		select->withClause != NULL || select->op != SETOP_NONE)
		refuse_mask(NULL);
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL || target->indirection != NIL || has_subquery(target->val, NULL))
		refuse_mask(NULL);
	return target->val;
}

static Node *
value_column(ParseState *state, ColumnRef *column)
{
	if (list_length(column->fields) != 1 || !IsA(linitial(column->fields), String) ||
		strcmp(strVal(linitial(column->fields)), "value") != 0)
		refuse_mask("It names something else than \"value\".");
	return copyObject((Node *) state->p_ref_hook_state);
}

static bool
names_value(Node *node, void *value)
{
	if (node == NULL)
		return false;
	return equal(node, value) || expression_tree_walker(node, names_value, value);
}

/* ---- what it depends on ---- */

/* is a value written by these in one way, whatever the settings? */
static bool
is_written_one_way(Oid type)
{
	switch (getBaseType(type))
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case UUIDOID:
		case JSONBOID:
			return true;
		default:
			return false;
	}
}

/*
 * Core has the output of float8, bytea and interval for immutable, which it is not; nor is what
 * quote_ident() makes, or which zone an abbreviation means.
 */
static bool
is_written_variably(Node *node, void *context)
{
	static const Oid settings[] = {F_QUOTE_IDENT, F_TIMEZONE_TEXT_TIMESTAMP,
								   F_TIMEZONE_TEXT_TIMESTAMPTZ, F_TIMEZONE_TEXT_TIMETZ};

	if (node == NULL)
		return false;
	if (IsA(node, CoerceViaIO) &&
		(!is_written_one_way(exprType((Node *) ((CoerceViaIO *) node)->arg)) ||
		 !is_written_one_way(exprType(node))))
		return true;
	if (IsA(node, XmlExpr) ||
		(IsA(node, FuncExpr) &&
		 function_is_among(((FuncExpr *) node)->funcid, settings, lengthof(settings))))
		return true;
	return expression_tree_walker(node, is_written_variably, context);
}

/* code of a superuser's function may depend on anything */
static bool
is_not_of_core(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

static bool
runs_other_code(Node *node, void *context)
{
	return node != NULL &&
		   (IsA(node, CoerceToDomain) || check_functions_in_node(node, is_not_of_core, NULL) ||
			expression_tree_walker(node, runs_other_code, context));
}

/* usage_mask_varies -- may settings change what a mask comes to? */
bool
usage_mask_varies(Node *expr)
{
	return contain_mutable_functions(expr) || is_written_variably(expr, NULL) ||
		   runs_other_code(expr, NULL);
}

static bool
is_parallel_unsafe(Oid function, void *context)
{
	return func_parallel(function) != PROPARALLEL_SAFE;
}

static bool
runs_alone(Node *node, void *context)
{
	return node != NULL &&
		   (IsA(node, CoerceToDomain) || check_functions_in_node(node, is_parallel_unsafe, NULL) ||
			expression_tree_walker(node, runs_alone, context));
}

/* ---- expressions ---- */

static void
refuse_untrusted(void)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_BAD_ARGUMENT),
		 errmsg("a mask may call only what is PostgreSQL's own or a superuser's"),
		 errdetail(
			 "Its functions, operators, casts and types are handed the value, and so is what a function of PostgreSQL's own finds by a name or an OID."),
		 errhint("Have a superuser own the functions, also those that checks of its domains "
				 "call; or leave the mask out, and NULL is shown.")));
}

/* as an expression of the value's type, over the value; under usage_mask_settings() */
static Node *
analyse(const char *mask, Node *value)
{
	ParseState *state = make_parsestate(NULL);
	Oid type = exprType(value);
	Node *raw = raw_expression(mask);
	Node *expr;

	if (usage_names_untrusted(raw, type))
		refuse_untrusted();

	state->p_pre_columnref_hook = value_column;
	state->p_ref_hook_state = value;
	expr = transformExpr(state, raw, EXPR_KIND_OTHER);
	if (contain_aggs_of_level(expr, 0) || contain_windowfuncs(expr) || expression_returns_set(expr))
		refuse_mask("It aggregates, or returns a set.");
	expr = coerce_to_target_type(state, expr, exprType(expr), type, exprTypmod(value),
								 COERCION_EXPLICIT, COERCE_IMPLICIT_CAST, -1);
	if (expr == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the mask is not of type %s, as its column is", format_type_be(type)),
				 errhint("Cast it.")));
	assign_expr_collations(state, expr);
	free_parsestate(state);
	if (contain_volatile_functions(expr))
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("a mask may not call a volatile function"),
						errhint("Use one that is immutable or stable.")));
	if (usage_calls_untrusted(expr))
		refuse_untrusted();
	if (exprCollation(expr) != exprCollation(value))
		expr = (Node *) makeRelabelType((Expr *) expr, type, exprTypmod(value),
										exprCollation(value), COERCE_IMPLICIT_CAST);
	return expr;
}

/* NULL masks to NULL: also where an outer join has found no row */
static Node *
null_of_null(Node *expr, Node *value)
{
	if (names_value(expr, value) && !contain_nonstrict_functions(expr))
		return expr;
	return expression_choice(expression_null_test(copyObject(value), IS_NOT_NULL), expr,
							 expression_null_of(value));
}

/*
 * usage_mask_expression -- a column's mask over a value, or NULL.  Under usage_mask_settings().
 * Errors: 22023, 42804 where the mask is none any more.
 */
Node *
usage_mask_expression(Oid root, AttrNumber column, Node *value)
{
	const ColumnClass *class = column_class(root, column);

	return class != NULL && class->mask != NULL ? analyse(pstrdup(class->mask), value) : NULL;
}

/*
 * usage_mask_of -- what stands in the place of a column.
 *	value	the column there, or what opens it
 * Errors: 22023, 42804 where the mask is none any more.
 */
Node *
usage_mask_of(Oid root, AttrNumber column, Node *value)
{
	int level;
	Node *expr;

	/* of what is encrypted nothing is shown */
	if (!IsA(value, Var) || encrypted_holds(exprType(value)))
		return expression_null_of(value);
	level = usage_mask_settings();
	expr = usage_mask_expression(root, column, value);
	AtEOXact_GUC(true, level);
	if (expr == NULL)
		return expression_null_of(value);
	if (usage_mask_varies(expr) || usage_any_tells(expr) || !usage_mask_is_silent(expr))
		return usage_masked_call(root, column, value, runs_alone(expr, NULL));
	return null_of_null(expr, value);
}

/* check_mask(relation regclass, column_name name, mask text) RETURNS void */
Datum
privseg_check_mask(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	AttrNumber column = get_attnum(relid, NameStr(*PG_GETARG_NAME(1)));
	Oid type;
	int32 typmod;
	Oid collation;
	int level;

	if (column <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("there is no such column")));
	get_atttypetypmodcoll(relid, column, &type, &typmod, &collation);
	if (encrypted_holds(type))
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("the mask of an encrypted column is NULL"),
						errhint("Leave out the mask, or keep what may be shown in a column of its "
								"own.")));
	level = usage_mask_settings();
	(void) analyse(text_to_cstring(PG_GETARG_TEXT_PP(2)),
				   (Node *) makeVar(1, column, type, typmod, collation, 0));
	AtEOXact_GUC(true, level);
	PG_RETURN_VOID();
}
