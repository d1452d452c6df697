/*
 * usage_masked.c
 *	  Masks that are computed apart from the statement: masked(value, place).
 *
 * An error in an expression may name the value, and what stable functions come to depends on
 * settings that the reader chooses: by a time zone of his, date_trunc('day', value) would tell the
 * hour.  So masks that may do either are not put into the statement; this function is, and runs them
 * under settings of ours, and with errors of ours.
 */
#include "compat.h"

#include "cache_inval.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(mask_place_in);
PG_FUNCTION_INFO_V1(mask_place_out);
PG_FUNCTION_INFO_V1(privseg_masked);

/* ---- settings ---- */

static const struct
{
	const char *name;
	const char *value;
} settings[] = {
	/* what names and texts mean */
	{"search_path", "pg_catalog, pg_temp"},
	{"standard_conforming_strings", "on"},
	{"escape_string_warning", "off"},
	{"backslash_quote", "safe_encoding"},
	{"transform_null_equals", "off"},
	{"array_nulls", "on"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
	/* how values are read and written */
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"timezone_abbreviations", "Default"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"quote_all_identifiers", "off"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"default_text_search_config", "pg_catalog.simple"},
};

/*
 * usage_mask_settings -- masks are read, and where they depend on settings run, under these, whoever
 * reads.  Until AtEOXact_GUC() of what it returns, or an error.
 */
int
usage_mask_settings(void)
{
	int level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(settings); i++)
	{
		const char *value = GetConfigOption(settings[i].name, false, false);

		if (strcmp(value, settings[i].value) != 0)
			(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	return level;
}

/* ---- places ---- */

/* Which column's mask it is.  Only C code makes one, so nobody else calls the function. */
Datum
mask_place_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("a value of type %s cannot be written", "privseg.mask_place")));
	PG_RETURN_NULL();
}

static Oid
root_of(int64 place)
{
	return (Oid) ((uint64) place >> 16);
}

static AttrNumber
column_of(int64 place)
{
	return (AttrNumber) (place & 0xffff);
}

/* as EXPLAIN shows it: the number of the column */
Datum
mask_place_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(psprintf("%d", column_of(PG_GETARG_INT64(0))));
}

static Const *
mask_place(Oid root, AttrNumber column)
{
	Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("mask_place"),
							   ObjectIdGetDatum(get_namespace_oid("privseg", true)));

	return makeConst(type, -1, InvalidOid, sizeof(int64),
					 Int64GetDatum((int64) ((uint64) root << 16 | (uint16) column)), false,
					 FLOAT8PASSBYVAL);
}

/*
 * usage_masked_call -- what stands in a column's place where its mask is computed apart.
 *	alone	it may not run in parallel workers, nor beside them
 */
Node *
usage_masked_call(Oid root, AttrNumber column, Node *value, bool alone)
{
	Const *place = mask_place(root, column);
	FuncExpr *call = makeFuncExpr(catalog_function_of_types(alone ? "masked_alone" : "masked",
															ANYELEMENTOID, place->consttype),
								  exprType(value), list_make2(value, place), exprCollation(value),
								  exprCollation(value), COERCE_EXPLICIT_CALL);

	return exprTypmod(value) < 0 ?
			   (Node *) call :
			   (Node *) makeRelabelType((Expr *) call, exprType(value), exprTypmod(value),
										exprCollation(value), COERCE_IMPLICIT_CAST);
}

/* ---- masked values ---- */

/* a mask, compiled; for the calls of one expression */
typedef struct Masked
{
	uint64 catalog_generation;
	uint64 relation_generation;
	int64 place;
	MemoryContext context;
	ExprState *state; /* NULL: the mask is NULL */
	ExprContext *around;
	ParamListInfo value;
	int16 length;
	bool varies; /* depends on settings */
} Masked;

static bool
is_current(const Masked *masked, int64 place)
{
	return masked->place == place && masked->catalog_generation == cache_catalog_generation &&
		   masked->relation_generation == cache_relation_generation;
}

static void
compile(Masked *masked, Node *argument)
{
	Param *value = makeNode(Param);
	Oid type;
	int level = usage_mask_settings();
	Node *expr;

	type = exprType(argument);
	value->paramkind = PARAM_EXTERN;
	value->paramid = 1;
	value->paramtype = type;
	value->paramtypmod = exprTypmod(argument);
	value->paramcollid = exprCollation(argument);
	value->location = -1;
	masked->value = makeParamList(1);
	masked->value->params[0].ptype = type;
	masked->length = get_typlen(type);
	expr = usage_mask_expression(root_of(masked->place), column_of(masked->place), (Node *) value);
	if (expr != NULL)
	{
		masked->varies = usage_mask_varies(expr);
		masked->state = ExecInitExprWithParams(expression_planner((Expr *) expr), masked->value);
		masked->around = CreateStandaloneExprContext();
		masked->around->ecxt_param_list_info = masked->value;
	}
	AtEOXact_GUC(true, level);
}

static Masked *
masked_for(FunctionCallInfo fcinfo)
{
	Masked *masked = fcinfo->flinfo->fn_extra;
	int64 place = PG_GETARG_INT64(1);
	uint64 catalog = cache_catalog_generation;
	uint64 relation = cache_relation_generation;
	MemoryContext context;
	MemoryContext caller;

	if (likely(masked != NULL && is_current(masked, place)))
		return masked;
	fcinfo->flinfo->fn_extra = NULL;
	if (masked != NULL)
		MemoryContextDelete(masked->context);
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "privseg mask", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	masked = palloc0(sizeof(Masked));
	masked->context = context;
	masked->catalog_generation = catalog;
	masked->relation_generation = relation;
	masked->place = place;
	compile(masked, linitial(castNode(FuncExpr, fcinfo->flinfo->fn_expr)->args));
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = masked;
	return masked;
}

/* is it an error that says nothing of a value: of the server, or the statement as a whole? */
static bool
is_of_no_value(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return true;
		default:
			return code == ERRCODE_STATEMENT_TOO_COMPLEX;
	}
}

static Datum
evaluate(Masked *masked, bool *isnull)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile Datum result = 0;
	int level = masked->varies ? usage_mask_settings() : 0;

	PG_TRY();
	{
		result = ExecEvalExpr(masked->state, masked->around, isnull);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		if (is_of_no_value(error->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		/* it ends what the first would have ended, so nothing of it is to be undone here */
		ereport(ERROR, (errcode(PRIVSEG_ERR_VALUE),
						errmsg("the mask of column %s cannot be computed of every value",
							   usage_column_name(root_of(masked->place), column_of(masked->place))),
						errhint("Give it one that can, with privseg.classify().")));
	}
	PG_END_TRY();
	if (masked->varies)
		AtEOXact_GUC(true, level);
	return result;
}

/* masked(anyelement, mask_place) RETURNS anyelement -- strict: NULL masks to NULL */
Datum
privseg_masked(PG_FUNCTION_ARGS)
{
	Masked *masked;
	Datum result;
	bool isnull;

	if (fcinfo->flinfo->fn_expr == NULL || !IsA(fcinfo->flinfo->fn_expr, FuncExpr))
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED), errmsg("masked cannot be called")));
	masked = masked_for(fcinfo);
	if (masked->state == NULL)
		PG_RETURN_NULL();
	masked->value->params[0].value =
		MakeExpandedObjectReadOnly(PG_GETARG_DATUM(0), false, masked->length);
	masked->value->params[0].isnull = false;
	result = evaluate(masked, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
