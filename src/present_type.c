/*
 * present_type.c
 *	  The type that clients see in an encrypted one's place, and the expression that opens a value.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "present.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(encrypted_jsonb_subscript);

/*
 * present_type -- the type that is seen in a type's place; the type itself where nothing is
 * encrypted.  Modifiers of ours are those of the type that the column had: a text with a length
 * was a varchar, an integer with one a smallint.
 */
Oid
present_type(Oid type, int32 typmod, int32 *presented_typmod)
{
	EncryptedCode code;
	Oid element;

	*presented_typmod = typmod;
	/* nothing that core brings is encrypted */
	if (likely(type < FirstNormalObjectId))
		return type;
	code = encrypted_code(type);
	if (code == ENCRYPTED_NONE)
	{
		int32 base_typmod = typmod;
		Oid base = getBaseTypeAndTypmod(type, &base_typmod);
		Oid presented;

		if (base != type && encrypted_holds(base))
			return present_type(base, base_typmod, presented_typmod);
		element = get_element_type(type);
		if (!OidIsValid(element))
			return type;
		presented = present_type(element, typmod, presented_typmod);
		return presented != element ? get_array_type(presented) : type;
	}
	if (typmod < 0)
		return encrypted_types[code].base;
	switch (code)
	{
		case ENCRYPTED_TEXT:
			return VARCHAROID;
		case ENCRYPTED_INTEGER:
			*presented_typmod = -1;
			return INT2OID;
		default:
			return encrypted_types[code].base;
	}
}

/* present_is_encrypted -- also in an array, or as a domain */
bool
present_is_encrypted(Oid type)
{
	int32 typmod;

	return present_type(type, -1, &typmod) != type;
}

/*
 * present_expr -- an expression of the type that is seen; the same where it is of no encrypted
 * one.
 */
Node *
present_expr(ParseState *state, Node *expr)
{
	Oid type = exprType(expr);
	Oid collation;
	int32 typmod;
	Oid presented = present_type(type, exprTypmod(expr), &typmod);
	Oid opened;
	int32 ignored;

	if (presented == type)
		return expr;
	collation = exprCollation(expr);
	opened = present_type(type, -1, &ignored);
	/* explicit, or core would look through it where it compares an expression with a result's */
	expr = coerce_to_target_type(state, expr, type, opened, -1, COERCION_EXPLICIT,
								 COERCE_EXPLICIT_CAST, -1);
	if (expr == NULL)
		elog(ERROR, "privseg cannot open type %s", format_type_be(type));
	exprSetCollation(expr, collation);
	exprSetInputCollation(expr, collation);
	if (presented == INT2OID)
		return coerce_to_target_type(state, expr, opened, presented, -1, COERCION_EXPLICIT,
									 COERCE_EXPLICIT_CAST, -1);
	if (typmod >= 0)
		return (Node *) makeRelabelType((Expr *) expr, presented, typmod, collation,
										COERCE_EXPLICIT_CAST);
	return expr;
}

/* ---- subscripts ---- */

/*
 * doc['a'] of an encrypted jsonb is one of what is inside: core's own from there on
 */
static void
subscript_opened(SubscriptingRef *reference, List *subscripts, ParseState *state, bool is_slice,
				 bool is_assignment)
{
	const SubscriptRoutines *routines = getSubscriptingRoutines(JSONBOID, NULL);

	if (is_assignment)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("elements of encrypted columns cannot be assigned to"),
						errhint("Assign to the column what jsonb_set() makes of it.")));
	reference->refexpr = (Expr *) present_expr(state, (Node *) reference->refexpr);
	reference->refcontainertype = JSONBOID;
	routines->transform(reference, subscripts, state, is_slice, is_assignment);
}

static void
subscripts_never_run(const SubscriptingRef *reference, struct SubscriptingRefState *state,
					 struct SubscriptExecSteps *methods)
{
	elog(ERROR, "privseg opens what is subscripted");
}

Datum
encrypted_jsonb_subscript(PG_FUNCTION_ARGS)
{
	static const SubscriptRoutines routines = {.transform = subscript_opened,
											   .exec_setup = subscripts_never_run,
											   .fetch_strict = true,
											   .fetch_leakproof = false,
											   .store_leakproof = false};

	PG_RETURN_POINTER(&routines);
}
