/*
 * policy_class.c
 *	  Which types and operator classes bring code of a user along.
 *
 * An index shows its operator class the rows of everybody, and ANALYZE shows them to
 * a type's own functions.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_range.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "policy_reviewed.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* BRIN minmax-multi's support function that says how far two values are apart */
#define BRIN_OPCINFO 1
#define BRIN_DISTANCE 11

/* ---- types ---- */

/*
 * reviewed_type -- does it bring code along that ANALYZE runs?  Of a range, how far its
 * bounds are apart is its maker's to say.
 */
bool
reviewed_type(Oid type)
{
	HeapTuple tuple;
	Form_pg_range range;
	bool result;

	type = getBaseType(type);
	if (get_typtype(type) == TYPTYPE_MULTIRANGE)
		type = get_multirange_range(type);
	tuple = SearchSysCache1(RANGETYPE, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return true;
	range = (Form_pg_range) GETSTRUCT(tuple);
	result = (range_distance_is_silent(range->rngsubdiff) ||
			  (range->rngsubdiff >= FirstNormalObjectId && is_superusers_c(range->rngsubdiff))) &&
			 (!OidIsValid(range->rngcanonical) || is_superusers_c(range->rngcanonical));
	ReleaseSysCache(tuple);
	return result;
}

/*
 * reviewed_results -- and of expressions of an index, or of statistics?  ANALYZE makes statistics of
 * what they come to as if it were in columns of these types.
 */
bool
reviewed_results(Node *expressions)
{
	ListCell *lc;

	foreach (lc, castNode(List, expressions))
		if (!reviewed_type(exprType(lfirst(lc))))
			return false;
	return true;
}

/* ---- operator classes ---- */

/* is_superusers_c -- core's, or in C, and a superuser's */
bool
is_superusers_c(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc procedure;
	bool result;

	if (!HeapTupleIsValid(tuple))
		return false;
	procedure = (Form_pg_proc) GETSTRUCT(tuple);
	result = function < FirstNormalObjectId ||
			 (procedure->prolang == ClanguageId && superuser_arg(procedure->proowner));
	ReleaseSysCache(tuple);
	return result;
}

static bool
is_member_of(Oid opclass, const char *extension)
{
	Oid owner = getExtensionOfObject(OperatorClassRelationId, opclass);

	return OidIsValid(owner) && owner == get_extension_oid(extension, true);
}

/*
 * reviewed_opclass -- core's own, and ours; and those of pg_trgm as a superuser's script has
 * made them: members of the extension, owned by a superuser, with nothing but C
 * functions of a superuser.  pg_trgm is trusted, so whoever may create in the
 * database can install it; but then, too, the script runs as the superuser who owns
 * what it makes, and nobody else can put a function into the class.
 */
bool
reviewed_opclass(Oid opclass)
{
	HeapTuple tuple;
	Form_pg_opclass class;
	Oid family;
	Oid type;
	CatCList *members;
	bool result;

	if (opclass < FirstNormalObjectId || is_member_of(opclass, "privseg"))
		return true;
	if (!is_member_of(opclass, "pg_trgm"))
		return false;
	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(tuple))
		return false;
	class = (Form_pg_opclass) GETSTRUCT(tuple);
	family = class->opcfamily;
	type = class->opcintype;
	result = superuser_arg(class->opcowner);
	ReleaseSysCache(tuple);
	members = SearchSysCacheList2(AMPROCNUM, ObjectIdGetDatum(family), ObjectIdGetDatum(type));
	for (int i = 0; i < members->n_members && result; i++)
		result = is_superusers_c(((Form_pg_amproc) GETSTRUCT(&members->members[i]->tuple))->amproc);
	ReleaseSysCacheList(members);
	return result;
}

/* is the distance of a range's bounds a float, which is never too large; or is there none? */
static bool
distance_is_float(Oid function)
{
	switch (function)
	{
		case InvalidOid:
		case F_INT4RANGE_SUBDIFF:
		case F_INT8RANGE_SUBDIFF:
		case F_DATERANGE_SUBDIFF:
		case F_TSRANGE_SUBDIFF:
		case F_TSTZRANGE_SUBDIFF:
			return true;
		default:
			return false;
	}
}

/* range_distance_is_silent -- of a range's bounds, by a function of core's that takes them all */
bool
range_distance_is_silent(Oid function)
{
	return function == F_NUMRANGE_SUBDIFF || distance_is_float(function);
}

/* a type's, if it is of ranges */
static Oid
distance_of_type(Oid type)
{
	HeapTuple tuple;
	Oid function = InvalidOid;

	if (get_typtype(type) == TYPTYPE_MULTIRANGE)
		type = get_multirange_range(type);
	tuple = SearchSysCache1(RANGETYPE, ObjectIdGetDatum(type));
	if (HeapTupleIsValid(tuple))
	{
		function = ((Form_pg_range) GETSTRUCT(tuple))->rngsubdiff;
		ReleaseSysCache(tuple);
	}
	return function;
}

/*
 * To choose a page for a value, GiST computes areas and distances to what is there, and BRIN
 * distances.  Where they are too large it raises: whoever inserts a value near the limit
 * learns how far away the rows of others are.
 */
static bool
measures_exactly(Form_pg_opclass class, Oid type)
{
	Oid stored = OidIsValid(class->opckeytype) ? class->opckeytype : class->opcintype;

	if (class->opcmethod == GIST_AM_OID)
		return stored == BOXOID || class->opcintype == NUMERICOID ||
			   !distance_is_float(distance_of_type(type));
	if (class->opcmethod == BRIN_AM_OID)
		return get_opfamily_proc(class->opcfamily, class->opcintype, class->opcintype,
								 BRIN_DISTANCE) == F_BRIN_MINMAX_MULTI_DISTANCE_NUMERIC;
	return false;
}

/* of a type that is made of others, an index tries the first parts before it says that it cannot */
static bool
type_is_ordered(Form_pg_opclass class, Oid type)
{
	if (get_typtype(class->opcintype) != TYPTYPE_PSEUDO)
		return true;
	/* a range has an order, whatever its bounds are of */
	if (get_typtype(type) == TYPTYPE_MULTIRANGE)
		type = get_multirange_range(type);
	while (get_typtype(type) == TYPTYPE_RANGE)
		type = getBaseType(get_range_subtype(type));
	if (class->opcmethod == HASH_AM_OID)
		return OidIsValid(lookup_type_cache(type, TYPECACHE_HASH_PROC)->hash_proc);
	return class->opcmethod != BTREE_AM_OID ||
		   OidIsValid(lookup_type_cache(type, TYPECACHE_CMP_PROC)->cmp_proc);
}

/*
 * What BRIN keeps of several rows is one tuple: whether it fits tells which of their values
 * is less.  Values of one length always do, and a Bloom filter is made to.
 */
static bool
summary_fits(Form_pg_opclass class, Oid type)
{
	return class->opcmethod != BRIN_AM_OID || get_typlen(type) > 0 ||
		   index_class_summarizes_many(class->oid);
}

/* index_class_summarizes_many -- does BRIN keep many values by the class, or a filter of them? */
bool
index_class_summarizes_many(Oid opclass)
{
	Oid type = get_opclass_input_type(opclass);
	Oid function = get_opfamily_proc(get_opclass_family(opclass), type, type, BRIN_OPCINFO);

	return function == F_BRIN_MINMAX_MULTI_OPCINFO || function == F_BRIN_BLOOM_OPCINFO;
}

/*
 * reviewed_index_class -- core's own, and those of extensions in C that a superuser
 * has installed: nothing that the owner of a relation can write.
 *	type	of the index's column
 */
bool
reviewed_index_class(Oid opclass, Oid type)
{
	HeapTuple tuple;
	Form_pg_opclass class;
	Oid family;
	CatCList *members;
	bool result;

	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	if (!HeapTupleIsValid(tuple))
		return false;
	class = (Form_pg_opclass) GETSTRUCT(tuple);
	family = class->opcfamily;
	result = !measures_exactly(class, type) && type_is_ordered(class, type) &&
			 summary_fits(class, type) &&
			 (opclass < FirstNormalObjectId || superuser_arg(class->opcowner));
	ReleaseSysCache(tuple);
	if (opclass < FirstNormalObjectId)
		return result;
	members = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family));
	for (int i = 0; i < members->n_members && result; i++)
		result = is_superusers_c(((Form_pg_amproc) GETSTRUCT(&members->members[i]->tuple))->amproc);
	ReleaseSysCacheList(members);
	members = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
	for (int i = 0; i < members->n_members && result; i++)
		result = is_superusers_c(
			get_opcode(((Form_pg_amop) GETSTRUCT(&members->members[i]->tuple))->amopopr));
	ReleaseSysCacheList(members);
	return result;
}

/*
 * reviewed_extension -- core's own, and those of extensions whose classes take every value:
 * others raise, and say how long an array is, or that it holds a NULL.
 */
bool
reviewed_extension(Oid opclass)
{
	static const char *const reviewed[] = {"btree_gin", "btree_gist", "citext",
										   "hstore",    "pg_trgm",    "privseg"};
	char *name;

	if (opclass < FirstNormalObjectId)
		return true;
	name = get_extension_name(getExtensionOfObject(OperatorClassRelationId, opclass));
	for (size_t i = 0; name != NULL && i < lengthof(reviewed); i++)
		if (strcmp(reviewed[i], name) == 0)
			return true;
	return false;
}
