/*
 * usage_told.c
 *	  Which calls may tell the value that they are made with: code of a user, which may print it,
 *	  and functions of core that name an argument in an error.
 *
 * To filter by a value is to compare it, not to see it: what such a call is made with is shown.
 * Which functions of core do not name what they are given was read; the others are taken to.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* of core's, by name, whatever the types */
static const char *const functions[] = {
	/* texts */
	"ascii", "bit_length", "btrim", "bpchar", "char_length", "character_length", "concat",
	"concat_ws", "initcap", "left", "like_escape", "lower", "lpad", "ltrim", "md5", "name",
	"octet_length", "overlay", "position", "quote_ident", "quote_literal", "quote_nullable",
	"repeat", "replace", "reverse", "right", "rpad", "rtrim", "similar_to_escape", "split_part",
	"starts_with", "string_to_array", "string_to_table", "strpos", "substr", "substring", "text",
	"textcat", "to_hex", "translate", "upper", "varchar", "hashtext", "hashtextextended", "sha224",
	"sha256", "sha384", "sha512",
	/* numbers */
	"abs", "bit_count", "ceil", "ceiling", "div", "exp", "floor", "int2", "int4", "int8", "ln",
	"log", "mod", "numeric", "power", "round", "scale", "sign", "sqrt", "to_char", "trim_scale",
	"trunc", "width_bucket",
	/* times */
	"age", "date", "date_bin", "isfinite", "justify_days", "justify_hours", "justify_interval",
	"overlaps", "time", "timestamp", "timestamptz", "now",
	/* arrays, ranges, documents */
	"array_append", "array_cat", "array_dims", "array_length", "array_lower", "array_ndims",
	"array_position", "array_positions", "array_prepend", "array_remove", "array_replace",
	"array_to_string", "array_upper", "cardinality", "unnest", "bool", "isempty",
	"jsonb_array_elements", "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array",
	"jsonb_build_object", "jsonb_each", "jsonb_each_text", "jsonb_exists", "jsonb_extract_path",
	"jsonb_extract_path_text", "jsonb_object_keys", "jsonb_pretty", "jsonb_strip_nulls",
	"jsonb_typeof", "json_build_array", "json_build_object", "lower_inc", "lower_inf",
	"row_to_json", "to_json", "to_jsonb", "upper_inc", "upper_inf",
	/* addresses, and what is not one value */
	"abbrev", "broadcast", "family", "host", "masklen", "netmask", "network", "generate_series",
	"num_nonnulls", "num_nulls", "numnode"};

static bool
is_named(Oid function)
{
	return name_is_among(get_func_name(function), functions, lengthof(functions));
}

/* usage_looks_for_casts -- a function of core's: does it look for a cast of a type's owner? */
bool
usage_looks_for_casts(Oid function)
{
	static const char *const casters[] = {
		"to_json",           "to_jsonb",          "row_to_json",        "json_build_array",
		"json_build_object", "jsonb_build_array", "jsonb_build_object", "quote_literal",
		"quote_nullable",    "textanycat",        "anytextcat",         "array_to_json"};

	return function < FirstNormalObjectId &&
		   name_is_among(get_func_name(function), casters, lengthof(casters));
}

/*
 * Does code of a user come with a value of this type: what compares or prints it, or, where the
 * function casts it, a cast?
 */
static bool
type_brings_code(Oid type, bool casts)
{
	Oid element;
	TupleDesc columns;
	bool brings = false;

	check_stack_depth();
	/* a record's columns may be of any type */
	if (type < FirstNormalObjectId)
		return type != UNKNOWNOID && get_typtype(type) == TYPTYPE_PSEUDO;
	/* a domain's checks are asked where values are made */
	if (get_typtype(type) == TYPTYPE_DOMAIN)
		return type_brings_code(getBaseType(type), casts);
	if (encrypted_code(type) != ENCRYPTED_NONE)
		return false;
	element = get_element_type(type);
	if (OidIsValid(element))
		return type_brings_code(element, casts);
	/* its owner makes its casts */
	if (casts)
		return true;
	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return !type_is_of_core(type);
	columns = lookup_rowtype_tupdesc(type, -1);
	for (int i = 0; i < columns->natts && !brings; i++)
		brings = !TupleDescAttr(columns, i)->attisdropped &&
				 type_brings_code(TupleDescAttr(columns, i)->atttypid, casts);
	ReleaseTupleDesc(columns);
	return brings;
}

static bool
types_bring_code(List *arguments, bool casts)
{
	ListCell *lc;

	foreach (lc, arguments)
	{
		Node *argument = lfirst(lc);
		bool brings = IsA(argument, RowExpr) && ((RowExpr *) argument)->row_typeid == RECORDOID ?
						  types_bring_code(((RowExpr *) argument)->args, casts) :
						  type_brings_code(exprType(argument), casts);

		if (brings)
			return true;
	}
	return false;
}

static bool
arguments_bring_code(Oid function, List *arguments)
{
	return types_bring_code(arguments, usage_looks_for_casts(function));
}

/* is it computed of a row, or of several? */
static bool
names_row(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_SubLink:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
		case T_CaseTestExpr:
			return true;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN;
		default:
			return expression_tree_walker(node, names_row, context);
	}
}

/* is all of it the same for every row, but for the value that the function works on? */
static bool
works_on(const List *arguments, int value)
{
	ListCell *lc;

	foreach (lc, arguments)
		if (foreach_current_index(lc) != value && names_row(lfirst(lc), NULL))
			return false;
	return true;
}

#define LAST (-1)

/* of core's, which name an argument in an error: all but the value that they work on are constants */
static bool
is_named_after(Oid function, const List *arguments)
{
	static const struct
	{
		const char *name;
		int value;
	} workers[] = {{"date_part", 1},
				   {"date_trunc", 1},
				   {"extract", 1},
				   {"length", 0},
				   {"setweight", 0},
				   {"timezone", 1},
				   {"to_tsvector", LAST},
				   {"regexp_count", 0},
				   {"regexp_instr", 0},
				   {"regexp_like", 0},
				   {"regexp_match", 0},
				   {"regexp_matches", 0},
				   {"regexp_replace", 0},
				   {"regexp_split_to_array", 0},
				   {"regexp_split_to_table", 0},
				   {"regexp_substr", 0}};
	const char *name = get_func_name(function);

	for (size_t i = 0; name != NULL && i < lengthof(workers); i++)
		if (strcmp(name, workers[i].name) == 0)
			return works_on(arguments, workers[i].value == LAST ? list_length(arguments) - 1 :
																  workers[i].value);
	return false;
}

/* is it a cast, and says an error to which length it is cast, by another column? */
static bool
casts_by_row(Oid function, Oid result, const List *arguments)
{
	HeapTuple tuple;
	bool casts;

	if (list_length(arguments) < 2 || works_on(arguments, 0))
		return false;
	tuple = SearchSysCache2(CASTSOURCETARGET, ObjectIdGetDatum(exprType(linitial(arguments))),
							ObjectIdGetDatum(result));
	if (!HeapTupleIsValid(tuple))
		return false;
	casts = ((Form_pg_cast) GETSTRUCT(tuple))->castfunc == function;
	ReleaseSysCache(tuple);
	return casts;
}

/* of numbers: one that does not fit into the other type is named */
static bool
widens(Oid function)
{
	static const Oid functions_that_widen[] = {F_FLOAT8_FLOAT4, F_FLOAT8_INT2, F_FLOAT8_INT4,
											   F_FLOAT8_INT8,   F_FLOAT4_INT2, F_FLOAT4_INT4,
											   F_FLOAT4_INT8};

	return function_is_among(function, functions_that_widen, lengthof(functions_that_widen));
}

/* of ours, those that are behind the operators of encrypted types, and what policies call */
static bool
is_quiet_of_ours(Oid function)
{
	const char *name = get_func_name(function);

	return strncmp(name, "encrypted_", 10) == 0 || strncmp(name, "opened", 6) == 0 ||
		   strncmp(name, "row_", 4) == 0 || strcmp(name, "search_value") == 0 ||
		   strcmp(name, "has_key") == 0 || strcmp(name, "enough_subjects") == 0;
}

static bool
operator_tells(Oid opno, List *arguments)
{
	Oid function = get_opcode(opno);

	if (catalog_is_own_function(function))
		return !is_quiet_of_ours(function);
	/* nobody has read those of extensions */
	return function >= FirstNormalObjectId || function == F_JSONB_DELETE_PATH ||
		   arguments_bring_code(function, arguments);
}

static bool
call_tells(FuncExpr *call)
{
	Oid function = call->funcid;

	/* by name, they are called for one value: what is compared has an operator */
	if (catalog_is_own_function(function))
		return !is_quiet_of_ours(function) || !works_on(call->args, 0);
	if (function >= FirstNormalObjectId)
		return true;
	if (!is_named(function) && !is_named_after(function, call->args) && !widens(function))
		return true;
	return casts_by_row(function, call->funcresulttype, call->args) ||
		   arguments_bring_code(function, call->args);
}

static bool
any_tells(Node *node, void *context)
{
	return node != NULL && (usage_tells(node) || expression_tree_walker(node, any_tells, context));
}

/* usage_any_tells -- is there such a call in an expression? */
bool
usage_any_tells(Node *node)
{
	return any_tells(node, NULL);
}

/*
 * usage_tells -- may a call tell what it is made with?  Looks at this one, and not at what its
 * arguments are computed by.
 */
bool
usage_tells(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			if (encrypted_is_opening(node))
				return false;
			return call_tells((FuncExpr *) node);
		/* what computes names no value, nor does what compares */
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return operator_tells(((OpExpr *) node)->opno, ((OpExpr *) node)->args);
		case T_ScalarArrayOpExpr:
			return operator_tells(((ScalarArrayOpExpr *) node)->opno,
								  ((ScalarArrayOpExpr *) node)->args);
		case T_RowCompareExpr:
		{
			RowCompareExpr *compare = (RowCompareExpr *) node;
			ListCell *lc;

			foreach (lc, compare->opnos)
				if (operator_tells(lfirst_oid(lc), compare->largs))
					return true;
			return types_bring_code(compare->rargs, false);
		}
		case T_MinMaxExpr:
			return types_bring_code(((MinMaxExpr *) node)->args, false);
		case T_SubscriptingRef:
			return type_brings_code(((SubscriptingRef *) node)->refcontainertype, false);
		case T_WindowFunc:
			return ((WindowFunc *) node)->winfnoid >= FirstNormalObjectId ||
				   types_bring_code(((WindowFunc *) node)->args, ((WindowFunc *) node)->winagg);
		/* a text that is read as something else is named where it is none */
		case T_CoerceViaIO:
		{
			Oid type = getBaseType(((CoerceViaIO *) node)->resulttype);

			return (type != TEXTOID && type != VARCHAROID && type != BPCHAROID &&
					type != NAMEOID) ||
				   types_bring_code(list_make1(((CoerceViaIO *) node)->arg), false);
		}
		case T_ArrayCoerceExpr:
			return usage_any_tells((Node *) ((ArrayCoerceExpr *) node)->elemexpr);
		case T_CoerceToDomain:
		case T_TableFunc:
			return true;
		case T_XmlExpr:
			return ((XmlExpr *) node)->op == IS_XMLPARSE || ((XmlExpr *) node)->op == IS_XMLPI ||
				   types_bring_code(((XmlExpr *) node)->named_args, false) ||
				   types_bring_code(((XmlExpr *) node)->args, false);
		default:
			return false;
	}
}
