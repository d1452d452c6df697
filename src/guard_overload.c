/*
 * guard_overload.c
 *	  Functions, operators and casts that take encrypted values are made by who administers privseg.
 *
 * Whoever calls core's lower(text) of an encrypted value would call another's lower(encrypted_text)
 * instead, which fits better, with a clearance that its maker has not: in a trigger's function, in a
 * condition that is stored, of a row's field, wherever columns are not opened by their name
 * (present_query.c).  Of a plain text column nothing fits better than core's.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "encrypted.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* the code of an encrypted type, also in an array, or as a domain */
static EncryptedCode
code_in(Oid type)
{
	Oid element;

	type = getBaseType(type);
	element = get_element_type(type);
	return OidIsValid(element) ? code_in(element) : encrypted_code(type);
}

static void
require_none(const char *kind, const char *name, Oid type)
{
	EncryptedCode code = OidIsValid(type) ? code_in(type) : ENCRYPTED_NONE;

	if (code != ENCRYPTED_NONE)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("%s \"%s\" would take encrypted values", kind, name),
						errdetail("Others would call it in place of the one of the base type."),
						errhint("Take %s: values are opened for whoever may read them.",
								format_type_be(encrypted_types[code].base))));
}

static HeapTuple
fetch_made(Oid class_id, Oid index_id, AttrNumber oid_column, Oid object_id)
{
	Relation catalog = table_open(class_id, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, oid_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object_id));
	scan = systable_beginscan(catalog, index_id, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	tuple = HeapTupleIsValid(tuple) ? heap_copytuple(tuple) : NULL;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return tuple;
}

static void
function_made(Form_pg_proc form)
{
	/* nobody's statement finds one in a temporary schema by its name alone */
	if (isAnyTempNamespace(form->pronamespace))
		return;
	for (int i = 0; i < form->pronargs; i++)
		require_none("function", NameStr(form->proname), form->proargtypes.values[i]);
}

static void
operator_made(Form_pg_operator form)
{
	require_none("operator", NameStr(form->oprname), form->oprleft);
	require_none("operator", NameStr(form->oprname), form->oprright);
}

static void
cast_made(Form_pg_cast form)
{
	require_none("cast", format_type_be(form->castsource), form->castsource);
	require_none("cast", format_type_be(form->castsource), form->casttarget);
}

/* guard_overload -- something was made.  Errors: 42501. */
void
guard_overload(Oid class_id, Oid object_id)
{
	HeapTuple tuple;

	if ((class_id != ProcedureRelationId && class_id != OperatorRelationId &&
		 class_id != CastRelationId) ||
		role_is_admin(GetUserId(), "privseg_admin"))
		return;
	if (class_id == ProcedureRelationId)
		tuple = fetch_made(class_id, ProcedureOidIndexId, Anum_pg_proc_oid, object_id);
	else if (class_id == OperatorRelationId)
		tuple = fetch_made(class_id, OperatorOidIndexId, Anum_pg_operator_oid, object_id);
	else
		tuple = fetch_made(class_id, CastOidIndexId, Anum_pg_cast_oid, object_id);
	if (tuple == NULL)
		return;
	if (class_id == ProcedureRelationId)
		function_made((Form_pg_proc) GETSTRUCT(tuple));
	else if (class_id == OperatorRelationId)
		operator_made((Form_pg_operator) GETSTRUCT(tuple));
	else
		cast_made((Form_pg_cast) GETSTRUCT(tuple));
}
