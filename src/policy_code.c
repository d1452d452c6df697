/*
 * policy_code.c
 *	  Which expressions run code of a user, or SQL: also by way of a type.
 *
 * Functions of core do, too: input of a record asks the checks of its columns'
 * domains, to_json() looks for a cast, query_to_xml() runs a query.  Which record, or
 * which view, may be named by a value, so that no type in the expression shows it.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "policy_reviewed.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* volatile, and nothing but a value */
static const Oid only_values[] = {F_NEXTVAL, F_GEN_RANDOM_UUID, F_CLOCK_TIMESTAMP, F_TIMEOFDAY,
								  F_RANDOM};

/* not volatile, and run queries, or compute what a partition key has of constants */
static const Oid run_what_is_named[] = {F_TABLE_TO_XML,
										F_TABLE_TO_XMLSCHEMA,
										F_TABLE_TO_XML_AND_XMLSCHEMA,
										F_SCHEMA_TO_XML,
										F_SCHEMA_TO_XMLSCHEMA,
										F_SCHEMA_TO_XML_AND_XMLSCHEMA,
										F_DATABASE_TO_XML,
										F_DATABASE_TO_XMLSCHEMA,
										F_DATABASE_TO_XML_AND_XMLSCHEMA,
										F_SATISFIES_HASH_PARTITION,
										F_PG_GET_PARTITION_CONSTRAINTDEF};

/* function_is_among -- is it one of these? */
bool
function_is_among(Oid function, const Oid *functions, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (functions[i] == function)
			return true;
	return false;
}

/* name_is_among -- is it one of these?  NULL is none */
bool
name_is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; name != NULL && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* of extensions whose functions are a superuser's C, and compute values, no more */
static bool
extension_only_computes(Oid function)
{
	static const char *const reviewed[] = {"pgcrypto", "uuid-ossp"};
	char *name = get_extension_name(getExtensionOfObject(ProcedureRelationId, function));

	return name_is_among(name, reviewed, lengthof(reviewed)) && is_superusers_c(function);
}

/*
 * function_runs_what_is_named -- a function of core's: may it run code of a user that it finds by a name or
 * an OID, or do more than compute a value?  Input of a type that an OID names is not among them: its result
 * tells it, which is of no type.
 *	in_check	asked of each value that is written: how often a sequence of somebody's was asked tells of it
 */
bool
function_runs_what_is_named(Oid function, bool in_check)
{
	if (func_volatile(function) == PROVOLATILE_VOLATILE)
		return !function_is_among(function, only_values, lengthof(only_values)) ||
			   (in_check && function == F_NEXTVAL);
	return function_is_among(function, run_what_is_named, lengthof(run_what_is_named));
}

static bool
function_is_of_user(Oid function, void *in_check)
{
	if (function >= FirstNormalObjectId)
		/* the stored policies ask for the first */
		return function != catalog_function_oid(CATALOG_LIBRARY_IS_PRELOADED) &&
			   !extension_only_computes(function);
	return function_runs_what_is_named(function, in_check != NULL);
}

/*
 * domain_checks -- the expressions of a domain's own checks.  As they are kept: what the type cache has is
 * planned, which calls what is immutable, in the name of whoever asks.
 */
List *
domain_checks(Oid domain)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	List *checks = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_constraint_contypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(domain));
	scan = systable_beginscan(constraints, ConstraintTypidIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Datum check =
			heap_getattr(tuple, Anum_pg_constraint_conbin, RelationGetDescr(constraints), &isnull);

		if (!isnull)
			checks = lappend(checks, stringToNode(TextDatumGetCString(check)));
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return checks;
}

/*
 * domain_runs_user_code -- do its checks, or those of the domains it is made of?
 */
bool
domain_runs_user_code(Oid type)
{
	ListCell *lc;

	for (; get_typtype(type) == TYPTYPE_DOMAIN; type = type_below(type))
		foreach (lc, domain_checks(type))
			if (check_runs_user_code(lfirst(lc)))
				return true;
	return false;
}

static bool
is_domain_of_user(Oid type, void *context)
{
	return domain_runs_user_code(type);
}

/* type_runs_user_code -- do the checks of a domain that a type is, or is made of? */
bool
type_runs_user_code(Oid type)
{
	return type_any_part(type, is_domain_of_user, NULL);
}

/* are a call's arguments, and what it returns, of types that core knows? */
static bool
types_are_of_core(Node *call, List *args)
{
	ListCell *lc;

	if (!type_is_of_core(exprType(call)))
		return false;
	foreach (lc, args)
		if (exprType(lfirst(lc)) != UNKNOWNOID && !type_is_of_core(exprType(lfirst(lc))))
			return false;
	return true;
}

/* of a node that calls a function; or false */
static bool
arguments_of(Node *node, List **args)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			*args = ((FuncExpr *) node)->args;
			return true;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			*args = ((OpExpr *) node)->args;
			return true;
		case T_ScalarArrayOpExpr:
			*args = ((ScalarArrayOpExpr *) node)->args;
			return true;
		case T_CoerceViaIO:
			*args = list_make1(((CoerceViaIO *) node)->arg);
			return true;
		case T_MinMaxExpr:
			*args = ((MinMaxExpr *) node)->args;
			return true;
		case T_RowCompareExpr:
			*args = ((RowCompareExpr *) node)->largs;
			return true;
		default:
			return false;
	}
}

/*
 *	in_check	not NULL: in a check of a domain, where other domains are not followed
 */
static bool
runs(Node *node, void *in_check)
{
	List *args;

	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, SubLink) || IsA(node, SubPlan) ||
		check_functions_in_node(node, function_is_of_user, in_check))
		return true;
	if (IsA(node, CoerceToDomain) &&
		(in_check != NULL || domain_runs_user_code(((CoerceToDomain *) node)->resulttype)))
		return true;
	if (arguments_of(node, &args) && !types_are_of_core(node, args))
		return true;
	return expression_tree_walker(node, runs, in_check);
}

/*
 * check_runs_user_code -- may a domain's check, or does it make a value of another domain, whose checks
 * somebody may change?
 */
bool
check_runs_user_code(Node *check)
{
	bool in_check = true;

	return runs(check, &in_check);
}

/*
 * runs_user_code -- may the expression run any?  What is not known may.
 */
bool
runs_user_code(Node *expression)
{
	return runs(expression, NULL);
}
