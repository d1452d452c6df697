/*
 * usage_settle.c
 *	  Expressions of no row, beside people's rows: parameters, settings and the clock.
 *
 * They are computed when a row gets there.  So they raise before there are any, or never, and come to the same
 * whenever they are computed for a statement.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* of no row, and of no query */
static bool
depends_on_more(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_SubLink:
		case T_CaseTestExpr:
		case T_CoerceToDomainValue:
		case T_SetToDefault:
		case T_CurrentOfExpr:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		/* of each element, which is none of these */
		case T_ArrayCoerceExpr:
			return depends_on_more((Node *) ((ArrayCoerceExpr *) node)->arg, context);
		default:
			return expression_tree_walker(node, depends_on_more, context);
	}
}

static bool
is_expression(Node *node)
{
	switch (nodeTag(node))
	{
		/* a variable of plpgsql may be of another type now, which it says when it is read */
		case T_Param:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_NullTest:
		case T_BooleanTest:
			return true;
		default:
			return false;
	}
}

static bool
is_plain_type(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case BYTEAOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
		case UUIDOID:
		case JSONBOID:
		case ANYOID:
		case ANYARRAYOID:
		case ANYELEMENTOID:
		case ANYCOMPATIBLEOID:
		case ANYCOMPATIBLEARRAYOID:
		case ANYNONARRAYOID:
		case ANYCOMPATIBLENONARRAYOID:
			return true;
		default:
			return OidIsValid(get_element_type(type)) && is_plain_type(get_element_type(type));
	}
}

/*
 * usage_is_pure -- comes a function of core's to the same for the same arguments, whatever settings and objects
 * are?  Some that core calls immutable go by them.
 */
bool
usage_is_pure(Oid function)
{
	static const char *const others[] = {"age", "quote_ident", "timezone"};
	Oid *types;
	int n;

	if (function >= FirstNormalObjectId || func_volatile(function) != PROVOLATILE_IMMUTABLE ||
		name_is_among(get_func_name(function), others, lengthof(others)))
		return false;
	/* whatever their labels are called, and in whatever order */
	if (function == F_ENUM_EQ || function == F_ENUM_NE)
		return true;
	if (!is_plain_type(get_func_signature(function, &types, &n)))
		return false;
	for (int i = 0; i < n; i++)
		if (!is_plain_type(types[i]))
			return false;
	return true;
}

static bool
is_impure(Oid function, void *context)
{
	return !usage_is_pure(function);
}

/* text is read as what the type's own function takes it for */
static bool
reads_text(const CoerceViaIO *coerce)
{
	Oid type = coerce->resulttype;

	return exprType((Node *) coerce->arg) == TEXTOID &&
		   (type == BOOLOID || type == INT2OID || type == INT4OID || type == INT8OID ||
			type == NUMERICOID || type == UUIDOID);
}

static bool
any_is_impure(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceViaIO))
		return !reads_text((CoerceViaIO *) node) ||
			   any_is_impure((Node *) ((CoerceViaIO *) node)->arg, context);
	return check_functions_in_node(node, is_impure, NULL) ||
		   expression_tree_walker(node, any_is_impure, context);
}

/* usage_is_settled -- comes an expression to the same whenever it is computed for a statement, by usage_settle() first? */
bool
usage_is_settled(Node *expr)
{
	return is_expression(expr) && !depends_on_more(expr, NULL) && !runs_user_code(expr) &&
		   !contain_mutable_functions(expr) && !expression_returns_set(expr) &&
		   !any_is_impure(expr, NULL);
}

static bool
is_of_no_clock(Oid function, void *context)
{
	static const char *const functions[] = {"age",
											"date",
											"date_mi",
											"date_mi_interval",
											"date_mii",
											"date_part",
											"date_pl_interval",
											"date_pli",
											"date_trunc",
											"extract",
											"interval_mi",
											"interval_pl",
											"now",
											"statement_timestamp",
											"timestamp",
											"timestamp_mi_interval",
											"timestamp_pl_interval",
											"timestamptz",
											"timestamptz_mi_interval",
											"timestamptz_pl_interval",
											"to_char",
											"transaction_timestamp"};

	return function >= FirstNormalObjectId ||
		   !name_is_among(get_func_name(function), functions, lengthof(functions));
}

/* about 2000, in which a moment may be */
#define MOST_DAYS INT64CONST(365000)

/* raises here, or gives a value; or NULL */
static Const *
computed_now(Node *expr)
{
	PlannerInfo root = {.type = T_PlannerInfo};
	PlannerGlobal global = {.type = T_PlannerGlobal};

	root.glob = &global;
	expr = estimate_expression_value(&root, copyObject(expr));
	return IsA(expr, Const) ? (Const *) expr : NULL;
}

/* by as much as a kept plan's time zone, or age, may move it */
static bool
is_far_from_limits(Node *expr)
{
	const Const *value = computed_now(expr);

	if (value == NULL || value->constisnull)
		return value != NULL;
	switch (value->consttype)
	{
		case DATEOID:
			return Abs(DatumGetDateADT(value->constvalue)) < MOST_DAYS;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return Abs(DatumGetTimestamp(value->constvalue)) < MOST_DAYS * USECS_PER_DAY;
		default:
			return true;
	}
}

/* the one for temporary tables, where it is the first in the path */
static bool
makes_schema(Node *node)
{
	return ((SQLValueFunction *) node)->op == SVFOP_CURRENT_SCHEMA;
}

static bool
names_more_than_clock(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
		return makes_schema(node);
	if (!IsA(node, Const) && !IsA(node, FuncExpr) && !IsA(node, OpExpr) &&
		!IsA(node, RelabelType) && !IsA(node, List))
		return true;
	if (check_functions_in_node(node, is_of_no_clock, NULL) ||
		expression_tree_walker(node, names_more_than_clock, context))
		return true;
	return !IsA(node, List) && !is_far_from_limits(node);
}

/*
 * usage_is_of_clock -- is an expression made of the time and constants?  It raises while it is planned, or
 * never: a kept plan is not that old.
 */
bool
usage_is_of_clock(Node *expr)
{
	return !names_more_than_clock(expr, NULL) && computed_now(expr) != NULL;
}

/* usage_is_setting -- of a name; one that there is not is NULL (usage_fit.c) */
bool
usage_is_setting(Node *expr)
{
	const FuncExpr *call = (FuncExpr *) expr;

	return IsA(expr, FuncExpr) &&
		   (call->funcid == F_CURRENT_SETTING_TEXT ||
			call->funcid == F_CURRENT_SETTING_TEXT_BOOL) &&
		   IsA(linitial(call->args), Const) && IsA(llast(call->args), Const) &&
		   computed_now(expr) != NULL;
}

static void
compute(Node *node, ParamListInfo params)
{
	Expr *expr = expression_planner((Expr *) copyObject(node));
	EState *estate = CreateExecutorState();
	MemoryContext old = MemoryContextSwitchTo(estate->es_query_cxt);
	ExprState *state = ExecInitExprWithParams(expr, params);
	ExprContext *context = GetPerTupleExprContext(estate);
	bool isnull;

	context->ecxt_param_list_info = params;
	(void) ExecEvalExprSwitchContext(state, context, &isnull);
	MemoryContextSwitchTo(old);
	FreeExecutorState(estate);
}

static bool
find_settled(Node *node, ParamListInfo params)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_settled, params, 0);
	if (!usage_is_settled(node))
		return expression_tree_walker(node, find_settled, params);
	compute(node, params);
	return false;
}

/*
 * usage_settle -- compute what is of parameters before there are rows: what raises, raises whatever they are.
 */
void
usage_settle(Query *tree, ParamListInfo params)
{
	/* what is of none was computed when it was planned */
	if (params != NULL)
		(void) find_settled((Node *) tree, params);
}
