/*
 * usage_told.c
 *	  Which calls may tell the value that they are made with: code of a user, which may print it,
 *	  and functions of core that name an argument in an error.
 *
 * To filter by a value is to compare it, not to see it: what such a call is made with is shown.
 * Which functions of core do not name what they are given was read; the others are taken to.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "nodes/nodeFuncs.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* of core's, by name, whatever the types */
static const char *const functions[] = {
	/* texts */
	"ascii", "bit_length", "btrim", "bpchar", "char_length", "character_length", "concat",
	"concat_ws", "initcap", "left", "length", "like_escape", "lower", "lpad", "ltrim", "md5",
	"name", "octet_length", "overlay", "position", "quote_ident", "quote_literal", "quote_nullable",
	"repeat", "replace", "reverse", "right", "rpad", "rtrim", "similar_to_escape", "split_part",
	"starts_with", "string_to_array", "string_to_table", "strpos", "substr", "substring", "text",
	"textcat", "to_hex", "translate", "upper", "varchar", "hashtext", "hashtextextended", "sha224",
	"sha256", "sha384", "sha512", "to_tsvector",
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
	"num_nonnulls", "num_nulls", "setweight", "numnode"};

static bool
is_named(Oid function)
{
	return name_is_among(get_func_name(function), functions, lengthof(functions));
}

/* to_json() calls a cast of a type's owner */
static bool
types_are_of_core(List *args)
{
	ListCell *lc;

	foreach (lc, args)
	{
		Oid type = exprType(lfirst(lc));

		if (type != UNKNOWNOID && !type_is_of_core(type) &&
			encrypted_code(getBaseType(type)) == ENCRYPTED_NONE)
			return false;
	}
	return true;
}

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
				   {"timezone", 1},
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
	ListCell *lc;

	for (size_t i = 0; name != NULL && i < lengthof(workers); i++)
	{
		if (strcmp(name, workers[i].name) != 0)
			continue;
		foreach (lc, arguments)
			if (foreach_current_index(lc) != workers[i].value && !IsA(lfirst(lc), Const))
				return false;
		return true;
	}
	return false;
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
function_tells(Oid function, const List *arguments, bool operates)
{
	if (catalog_is_own_function(function))
		return !is_quiet_of_ours(function);
	/* nobody has read those of extensions */
	if (function >= FirstNormalObjectId)
		return true;
	if (operates)
		return function == F_JSONB_DELETE_PATH;
	return !is_named(function) && !is_named_after(function, arguments) && !widens(function);
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
			return function_tells(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args, false) ||
				   !types_are_of_core(((FuncExpr *) node)->args);
		/* what computes names no value, nor does what compares */
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return function_tells(get_opcode(((OpExpr *) node)->opno), NIL, true);
		case T_ScalarArrayOpExpr:
			return function_tells(get_opcode(((ScalarArrayOpExpr *) node)->opno), NIL, true);
		case T_WindowFunc:
			return ((WindowFunc *) node)->winfnoid >= FirstNormalObjectId;
		/* a text that is read as something else is named where it is none */
		case T_CoerceViaIO:
		{
			Oid type = getBaseType(((CoerceViaIO *) node)->resulttype);

			return type != TEXTOID && type != VARCHAROID && type != BPCHAROID && type != NAMEOID;
		}
		case T_ArrayCoerceExpr:
			return usage_any_tells((Node *) ((ArrayCoerceExpr *) node)->elemexpr);
		case T_CoerceToDomain:
		case T_TableFunc:
			return true;
		case T_XmlExpr:
			return ((XmlExpr *) node)->op == IS_XMLPARSE || ((XmlExpr *) node)->op == IS_XMLPI;
		default:
			return false;
	}
}
