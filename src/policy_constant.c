/*
 * policy_constant.c
 *	  Constants that a clause compares values with: how deep they lead, and whether
 *	  that may raise.  And those of an owner's definitions: whether they are constant,
 *	  and how long.
 */
#include "compat.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "policy_reviewed.h"
#include "tsearch/ts_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

/*
 * How deep a clause may go before the policy for each row.  With the stack that a
 * statement leaves for it (policy_traces.c) it never raises for want of more.
 */
#define DEPTH_MAX 32

/* a constant argument, past casts that do nothing; or NULL */
static Const *
constant_of(Node *argument)
{
	while (argument != NULL && IsA(argument, RelabelType))
		argument = (Node *) ((RelabelType *) argument)->arg;
	return argument != NULL && IsA(argument, Const) ? (Const *) argument : NULL;
}

/* how deep it is below an item; DEPTH_MAX + 1 for any more */
static int
depth_of_item(QueryItem *item, int depth)
{
	int left;
	int right = 0;

	if (item->type == QI_VAL || depth > DEPTH_MAX)
		return depth;
	if (item->qoperator.oper != OP_NOT)
		right = depth_of_item(item + item->qoperator.left, depth + 1);
	left = depth_of_item(item + 1, depth + 1);
	return Max(left, right);
}

static int
depth_of_jsonb(Jsonb *value)
{
	JsonbIterator *iterator = JsonbIteratorInit(&value->root);
	JsonbIteratorToken token;
	JsonbValue part;
	int depth = 0;
	int deepest = 0;

	while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE)
	{
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			deepest = Max(deepest, ++depth);
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
	}
	return deepest;
}

/*
 * constant_is_shallow -- is it a constant that is compared in few calls, one in another?
 */
bool
constant_is_shallow(Node *argument)
{
	Const *constant = constant_of(argument);

	if (constant == NULL || constant->constisnull)
		return constant != NULL;
	if (constant->consttype == JSONBOID)
		return depth_of_jsonb(DatumGetJsonbP(constant->constvalue)) <= DEPTH_MAX;
	if (constant->consttype == TSQUERYOID)
	{
		TSQuery query = DatumGetTSQuery(constant->constvalue);

		return query->size == 0 || depth_of_item(GETQUERY(query), 0) <= DEPTH_MAX;
	}
	return false;
}

/*
 * constant_pattern_is_silent -- of LIKE: is the second a constant whose last character is
 * not an escape, with few %?
 */
bool
constant_pattern_is_silent(List *args)
{
	Const *pattern = constant_of(lsecond(args));
	char *string;
	int escapes = 0;
	int depth = 0;

	if (pattern == NULL || pattern->constisnull)
		return pattern != NULL;
	if (pattern->consttype != TEXTOID && pattern->consttype != VARCHAROID &&
		pattern->consttype != BPCHAROID)
		return false;
	string = TextDatumGetCString(pattern->constvalue);
	for (int i = (int) strlen(string) - 1; i >= 0 && string[i] == '\\'; i--)
		escapes++;
	for (const char *c = string; *c != '\0'; c++)
		depth += *c == '%';
	pfree(string);
	return escapes % 2 == 0 && depth <= DEPTH_MAX;
}

/* ---- constants of definitions ---- */

/* so short that no row is told from another by whether an index takes them: see TELLS_LENGTH */
#define SHORT_CONSTANT 64

static bool
is_short(const Const *constant)
{
	return constant->constisnull || constant->constlen > 0 ||
		   toast_raw_datum_size(constant->constvalue) <= SHORT_CONSTANT + VARHDRSZ;
}

static bool
has_domain(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, CoerceToDomain) || expression_tree_walker(node, has_domain, NULL);
}

/* what the session or the moment says, which raises for nobody */
static bool
is_of_session(Node *node)
{
	static const Oid moments[] = {F_NOW, F_TRANSACTION_TIMESTAMP, F_STATEMENT_TIMESTAMP,
								  F_CLOCK_TIMESTAMP, F_RANDOM};

	return IsA(node, SQLValueFunction) ||
		   (IsA(node, FuncExpr) &&
			function_is_among(((FuncExpr *) node)->funcid, moments, lengthof(moments)));
}

/*
 * constant_in_definition -- does a part of an owner's definition that names no column have
 * a value already?  AND, OR and COALESCE ask for such a part only in some rows: whether it
 * raises then, tells of them.  A domain may get checks later.
 *	stored	the result takes up space: then it is short, too
 */
bool
constant_in_definition(Node *node, bool stored)
{
	if (is_of_session(node))
		return true;
	if (has_domain(node, NULL) || runs_user_code(node))
		return false;
	node = eval_const_expressions(NULL, copyObject(node));
	return IsA(node, Const) && (!stored || is_short((Const *) node));
}

/*
 * constant_default_is_short -- of a column that is added to rows of everybody?
 */
bool
constant_default_is_short(Node *expression)
{
	if (expression == NULL)
		return true;
	expression = eval_const_expressions(NULL, copyObject(expression));
	while (true)
	{
		if (IsA(expression, RelabelType))
			expression = (Node *) ((RelabelType *) expression)->arg;
		else if (IsA(expression, CoerceToDomain))
			expression = (Node *) ((CoerceToDomain *) expression)->arg;
		else if (IsA(expression, CoerceViaIO))
			expression = (Node *) ((CoerceViaIO *) expression)->arg;
		/* a cast that knows how long a value is to be may make it so long */
		else if (IsA(expression, FuncExpr) &&
				 ((FuncExpr *) expression)->funcformat == COERCE_IMPLICIT_CAST &&
				 (list_length(((FuncExpr *) expression)->args) == 1 ||
				  ((FuncExpr *) expression)->funcid == F_VARCHAR_VARCHAR_INT4_BOOL))
			expression = linitial(((FuncExpr *) expression)->args);
		else
			break;
	}
	if (IsA(expression, Const))
		return is_short((Const *) expression);
	return IsA(expression, SQLValueFunction) || get_typlen(exprType(expression)) > 0;
}
