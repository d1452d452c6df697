/*
 * usage_trust.c
 *	  Whose code runs in a mask, or in a domain's check: PostgreSQL's own and that of superusers is
 *	  trusted, but for what of core's finds other code by a name or an OID.  Anybody else's would be
 *	  handed the value.
 *
 * A type brings code by the checks of the domains that it is made of, and by casts, which some of core's
 * functions look for.  Input, output and comparisons are superusers', whoever owns a composite, a range,
 * an array or an enum.
 *
 * Literals of an array, a composite or a range are made while an expression is parsed, in the name of
 * whoever has it parsed: so what it names is looked at before.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

typedef struct Trust
{
	bool in_check; /* of a domain */
	bool casts;    /* is something in it that looks for casts? */
} Trust;

static bool calls_untrusted(Node *node, void *context);

/* ---- functions ---- */

static bool
function_is_of_others(Oid function)
{
	HeapTuple tuple;
	bool result;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	result =
		!HeapTupleIsValid(tuple) || !superuser_arg(((Form_pg_proc) GETSTRUCT(tuple))->proowner);
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

static bool
function_is_untrusted(Oid function, void *context)
{
	return function < FirstNormalObjectId ? function_runs_what_is_named(function, true) :
											function_is_of_others(function);
}

/*
 * Is a call of core's of a type that those of its arguments do not tell?  Input of domains, records, arrays
 * and ranges is told the type by an OID, and asks its checks; what returns nothing is called for something
 * else, as the validators of functions are, which parse one.  In a cast the expression tells the type.
 */
static bool
call_finds_type(Node *node)
{
	const FuncExpr *call = (FuncExpr *) node;

	return IsA(node, FuncExpr) && call->funcid < FirstNormalObjectId &&
		   call->funcresulttype != CSTRINGOID &&
		   get_typtype(call->funcresulttype) == TYPTYPE_PSEUDO;
}

static bool
function_looks_for_casts(Oid function, void *context)
{
	return usage_looks_for_casts(function);
}

static bool
looks_for_casts(Node *node, void *context)
{
	return node != NULL && (check_functions_in_node(node, function_looks_for_casts, NULL) ||
							expression_tree_walker(node, looks_for_casts, context));
}

/* ---- types ---- */

/* is what makes a range's values equal a user's? */
static bool
range_is_untrusted(Oid range)
{
	HeapTuple tuple = SearchSysCache1(RANGETYPE, ObjectIdGetDatum(range));
	Oid canonical;

	if (!HeapTupleIsValid(tuple))
		return true;
	canonical = ((Form_pg_range) GETSTRUCT(tuple))->rngcanonical;
	ReleaseSysCache(tuple);
	return OidIsValid(canonical) && function_is_of_others(canonical);
}

/*
 * usage_checks_are_trusted -- of this domain alone.  A check that makes a value of another domain is not
 * followed.
 */
bool
usage_checks_are_trusted(Oid domain)
{
	Trust trust = {.in_check = true, .casts = true};
	ListCell *lc;

	foreach (lc, domain_checks(domain))
		if (calls_untrusted(lfirst(lc), &trust))
			return false;
	return true;
}

/* does this type itself bring code of somebody who is no superuser? */
static bool
is_untrusted(Oid type, void *context)
{
	const Trust *trust = context;
	HeapTuple tuple;
	Form_pg_type form;
	bool result = true;

	if (type < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_type) GETSTRUCT(tuple);
	switch (form->typtype)
	{
		case TYPTYPE_DOMAIN:
			result = trust->in_check || !usage_checks_are_trusted(type);
			break;
		case TYPTYPE_RANGE:
			result = range_is_untrusted(type) || (trust->casts && !superuser_arg(form->typowner));
			break;
		case TYPTYPE_ENUM:
		case TYPTYPE_COMPOSITE:
		case TYPTYPE_MULTIRANGE:
			result = trust->casts && !superuser_arg(form->typowner);
			break;
		default:
			result = (trust->casts || !OidIsValid(get_element_type(type))) &&
					 !superuser_arg(form->typowner);
			break;
	}
	ReleaseSysCache(tuple);
	return result;
}

/* ---- expressions ---- */

static bool
calls_untrusted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	/* what a check is about is of the type below the domain, which is looked at by itself */
	if (!IsA(node, List) && !IsA(node, CaseWhen) && !IsA(node, CoerceToDomainValue) &&
		(check_functions_in_node(node, function_is_untrusted, NULL) || call_finds_type(node) ||
		 type_any_part(exprType(node), is_untrusted, context)))
		return true;
	return expression_tree_walker(node, calls_untrusted, context);
}

/* usage_calls_untrusted -- does it call what is neither core's nor a superuser's? */
bool
usage_calls_untrusted(Node *expr)
{
	Trust trust = {.casts = looks_for_casts(expr, NULL)};

	return calls_untrusted(expr, &trust);
}

/* ---- what is not parsed yet ---- */

static bool
type_is_untrusted(Oid type)
{
	Trust trust = {.casts = false};

	return type_any_part(type, is_untrusted, &trust);
}

static bool
names_untrusted_type(TypeName *name)
{
	Type type = LookupTypeName(NULL, name, NULL, true);
	bool result = type != NULL && type_is_untrusted(typeTypeId(type));

	if (type != NULL)
		ReleaseSysCache(type);
	return result;
}

/* a call may also be a cast to a type of its name */
static bool
names_untrusted_function(List *name)
{
	FuncCandidateList candidate = FuncnameGetCandidates(name, -1, NIL, false, false, false, true);

	for (; candidate != NULL; candidate = candidate->next)
		if (function_is_of_others(candidate->oid))
			return true;
	return names_untrusted_type(makeTypeNameFromNameList(name));
}

static bool
names_untrusted_operator(List *name)
{
	FuncCandidateList candidate = OpernameGetCandidates(name, '\0', true);

	for (; candidate != NULL; candidate = candidate->next)
		if (function_is_of_others(get_opcode(candidate->oid)))
			return true;
	return false;
}

static bool
names_untrusted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if ((IsA(node, TypeName) && names_untrusted_type((TypeName *) node)) ||
		(IsA(node, FuncCall) && names_untrusted_function(((FuncCall *) node)->funcname)) ||
		(IsA(node, A_Expr) && names_untrusted_operator(((A_Expr *) node)->name)))
		return true;
	return raw_expression_tree_walker(node, names_untrusted, context);
}

/*
 * usage_names_untrusted -- does the text of an expression over a value of a type name such a function,
 * operator or type?  Nothing of it is made, nor called, for that.
 */
bool
usage_names_untrusted(Node *raw, Oid type)
{
	return type_is_untrusted(type) || names_untrusted(raw, NULL);
}
