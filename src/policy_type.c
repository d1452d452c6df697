/*
 * policy_type.c
 *	  Types and collations of values that are compared before the policy: does that run
 *	  code of core alone, and does nobody hear of it?
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "policy_reviewed.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/*
 * collation_is_current -- comparing text by a collation whose library has another version than it was made for
 * warns, the first time in a session.
 */
bool
collation_is_current(Oid collation)
{
	HeapTuple tuple;
	Form_pg_collation form;
	Datum locale;
	Datum version;
	bool no_locale;
	bool no_version;
	bool result = true;

	if (!OidIsValid(collation) || collation == DEFAULT_COLLATION_OID ||
		collation == C_COLLATION_OID || collation == POSIX_COLLATION_OID)
		return true;
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_collation) GETSTRUCT(tuple);
	version = SysCacheGetAttr(COLLOID, tuple, Anum_pg_collation_collversion, &no_version);
	locale =
		SysCacheGetAttr(COLLOID, tuple,
						form->collprovider == COLLPROVIDER_ICU ? Anum_pg_collation_colliculocale :
																 Anum_pg_collation_collcollate,
						&no_locale);
	if (!no_version && !no_locale)
	{
		char *actual =
			get_collation_actual_version(form->collprovider, TextDatumGetCString(locale));

		result = actual != NULL && strcmp(actual, TextDatumGetCString(version)) == 0;
	}
	ReleaseSysCache(tuple);
	return result;
}

/* type_is_of_core -- are values of this type read, written and compared by code of core alone? */
bool
type_is_of_core(Oid type)
{
	Oid element = get_element_type(type);

	if (OidIsValid(element))
		return type_is_of_core(element);
	if (type_is_enum(type))
		return true;
	if (get_typtype(type) == TYPTYPE_MULTIRANGE)
		return type_is_of_core(get_multirange_range(type));
	if (get_typtype(type) == TYPTYPE_RANGE)
	{
		TypeCacheEntry *range = lookup_type_cache(type, TYPECACHE_RANGE_INFO);

		return range->rngelemtype != NULL && type_is_of_core(range->rngelemtype->type_id) &&
			   (range->rng_collation == InvalidOid || collation_is_current(range->rng_collation)) &&
			   range->rng_cmp_proc_finfo.fn_oid < FirstNormalObjectId &&
			   range_distance_is_silent(range->rng_subdiff_finfo.fn_oid) &&
			   (!OidIsValid(range->rng_canonical_finfo.fn_oid) ||
				range->rng_canonical_finfo.fn_oid < FirstNormalObjectId);
	}
	/* a record's columns may be of any type; a domain's checks are code of a user */
	return type < FirstNormalObjectId && get_typtype(type) == TYPTYPE_BASE;
}

/* type_below -- the type that a domain is over, which may be a domain again; or InvalidOid */
Oid
type_below(Oid domain)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
	Oid base = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		base = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
	}
	return base;
}

/* type_of_parts -- of an array's elements, a range's bounds, a multirange's ranges; or InvalidOid */
Oid
type_of_parts(Oid type)
{
	switch (get_typtype(type))
	{
		case TYPTYPE_MULTIRANGE:
			return get_multirange_range(type);
		case TYPTYPE_RANGE:
			return get_range_subtype(type);
		default:
			return get_element_type(type);
	}
}

/*
 * type_any_part -- is a type, or anything that it is made of, what is asked for?  Of domains that is what
 * they are over, of arrays, ranges and composites their parts.
 */
bool
type_any_part(Oid type, bool (*is)(Oid type, void *context), void *context)
{
	TupleDesc columns;
	bool result = false;

	check_stack_depth();
	if (!OidIsValid(type))
		return false;
	if (is(type, context))
		return true;
	if (get_typtype(type) == TYPTYPE_DOMAIN)
		return type_any_part(type_below(type), is, context);
	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return type_any_part(type_of_parts(type), is, context);
	columns = lookup_rowtype_tupdesc_copy(type, -1);
	for (int i = 0; i < columns->natts && !result; i++)
		result = !TupleDescAttr(columns, i)->attisdropped &&
				 type_any_part(TupleDescAttr(columns, i)->atttypid, is, context);
	return result;
}

/*
 * type_compares -- and can they be compared at all?  Of some types only the first attempt says
 * that they cannot.
 */
bool
type_compares(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_CMP_PROC);
	Oid part = type_of_parts(type);

	/* queries of text are compared as deep as they are; an oidvector may be no vector */
	return OidIsValid(entry->eq_opr) && OidIsValid(entry->cmp_proc) && type != TSQUERYOID &&
		   type != OIDVECTOROID && (!OidIsValid(part) || type_compares(part));
}

/* ---- what a user may drop ---- */

/* of the columns of a clause: their types, and those that these are made of; collations */
typedef struct Lasting
{
	List *types;
	List *collations;
} Lasting;

static void
add_type(Lasting *lasting, Oid type)
{
	if (type < FirstNormalObjectId || list_member_oid(lasting->types, type))
		return;
	lasting->types = lappend_oid(lasting->types, type);
	add_type(lasting, get_array_type(type));
	add_type(lasting, type_of_parts(type));
	if (get_typtype(type) == TYPTYPE_RANGE)
		add_type(lasting, get_range_multirange(type));
	add_type(lasting, getBaseType(type));
}

static bool
add_columns(Node *node, void *context)
{
	Lasting *lasting = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		add_type(lasting, ((Var *) node)->vartype);
		lasting->collations =
			list_append_unique_oid(lasting->collations, ((Var *) node)->varcollid);
	}
	return expression_tree_walker(node, add_columns, context);
}

static bool
is_kept(const List *kept, Oid object)
{
	return object < FirstNormalObjectId || list_member_oid(kept, object);
}

/* nor are ours, which go with the extension */
static bool
type_is_kept(const Lasting *lasting, Oid type)
{
	return is_kept(lasting->types, type) || catalog_is_own_type(type);
}

static bool
names_other(Node *node, void *context)
{
	const Lasting *lasting = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query: /* a statement of its own */
			return false;
		case T_Const:
		case T_Param:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_RelabelType:
		case T_CollateExpr:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
			if (!type_is_kept(lasting, exprType(node)) ||
				!is_kept(lasting->collations, exprCollation(node)) ||
				!is_kept(lasting->collations, exprInputCollation(node)))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, names_other, context);
}

/*
 * clause_lasts -- does it name nothing that a user may drop while a statement of his is open?
 * A plan depends on no collation, and an open cursor on no type: a user may drop his own
 * while it is there, and the first row that gets to the clause raises.  What a column has is
 * kept by the column, which a statement that reads it keeps.
 */
bool
clause_lasts(Node *clause)
{
	Lasting lasting = {NIL, NIL};

	(void) add_columns(clause, &lasting);
	return !names_other(clause, &lasting);
}
