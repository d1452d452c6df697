/*
 * guard_class.c
 *	  Policies and triggers that owners make and that see classified columns.
 *
 * What they ask is not the reader's use of a column, and needs no clearance of his.  So whoever makes
 * one chooses rows by values that he may not filter by, and is handed values that he may not see: that
 * is for privseg_admin.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_policy.h"
#include "encrypted.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "usage.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

static bool
may_see_all(void)
{
	return !protected_any() || row_security_bypassed() ||
		   role_is_admin(GetUserId(), "privseg_admin");
}

/* guard_made_of -- the columns a generated one is made of, as pull_varattnos() has them */
Bitmapset *
guard_made_of(Oid relid, AttrNumber column)
{
	HeapTuple tuple =
		guard_row_of_column(AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid,
							Anum_pg_attrdef_adnum, relid, column);
	Bitmapset *sources = NULL;

	/* a default is made of none */
	if (HeapTupleIsValid(tuple))
		pull_varattnos(guard_expression(tuple, Anum_pg_attrdef_adbin, AttrDefaultRelationId), 1,
					   &sources);
	return sources;
}

/*
 * guard_trigger_made -- a trigger was made that is handed rows of a relation as they are stored.
 * Encrypted values in them are opened for who may read them.
 */
void
guard_trigger_made(Oid relid)
{
	const ProtectedRelation *found = may_see_all() ? NULL : protected_relation(relid);
	const RelationColumns *columns;
	Oid root;

	if (found == NULL)
		return;
	root = found->relid;
	columns = protected_columns(root);
	for (int i = 0; columns != NULL && i < columns->n; i++)
		if (columns->columns[i].classified &&
			encrypted_code(getBaseType(get_atttype(root, i + 1))) == ENCRYPTED_NONE)
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg(
					 "only a member of privseg_admin may make a trigger that is handed column %s",
					 usage_column_name(root, i + 1)),
				 errdetail("It sees rows as they are stored, whatever its function's owner is "
						   "cleared for."),
				 errhint("Have the trigger made by an administrator who has read its function, or "
						 "encrypt the column.")));
}

/* guard_policy_made -- a policy was created or altered, and what it depends on is recorded */
void
guard_policy_made(Oid policy)
{
	Relation depend;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	Oid relid = InvalidOid;
	AttrNumber column = 0;

	if (may_see_all())
		return;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(PolicyRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(policy));
	scan = systable_beginscan(depend, DependDependerIndexId, true, SnapshotSelf, 2, keys);
	while (relid == InvalidOid && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend row = (Form_pg_depend) GETSTRUCT(tuple);
		const ProtectedRelation *found;
		const RelationColumns *columns;
		Oid root;

		if (row->refclassid != RelationRelationId || row->refobjsubid <= 0 ||
			(found = protected_relation(row->refobjid)) == NULL)
			continue;
		root = found->relid;
		column = usage_root_column(row->refobjid, row->refobjsubid, root);
		columns = protected_columns(root);
		if (column > 0 && columns != NULL && column <= columns->n &&
			columns->columns[column - 1].classified)
			relid = root;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	if (OidIsValid(relid))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("only a member of privseg_admin may make a policy that asks about column %s",
					usage_column_name(relid, column)),
			 errdetail("It would choose rows by a classified column, whatever the reader is "
					   "cleared for.")));
}
