/*
 * guard_object.c
 *	  Objects that protection rests on, when they are dropped or created in
 *	  whatever way: DROP TABLE, DROP SCHEMA CASCADE, DROP OWNED, DROP COLUMN.
 *
 * Dropping a protected table is its owner's right; what the extension knew of
 * it goes with it.  Consent records stay, as evidence, but of no table: another
 * one may get this OID, here or where a dump is restored.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "consent.h"
#include "encrypted.h"
#include "errors.h"
#include "guard.h"
#include "keyring.h"
#include "miscadmin.h"
#include "policy_carry.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* columns of protected_relations: see sql/04-protection.sql */
#define RESIDENCE 9
#define BIRTH_DATE 10

/* delete the rows of one of our tables whose first column is this OID */
static int
forget(CatalogTable table, Oid object)
{
	Oid relid = catalog_table_oid(table);
	Relation heap;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;
	int forgotten = 0;

	if (!OidIsValid(relid))
		return 0;
	heap = table_open(relid, RowExclusiveLock);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(heap, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CatalogTupleDelete(heap, &tuple->t_self);
		forgotten++;
	}
	systable_endscan(scan);
	table_close(heap, RowExclusiveLock);
	if (forgotten > 0)
		cache_inval_broadcast();
	return forgotten;
}

/*
 * Our tables know columns by name, as dumps do.  A column that is renamed is followed.
 *	table, column	where the name is
 *	to				NULL: it is dropped, and the row goes
 */
static void
follow_column(CatalogTable table, AttrNumber column, Oid relid, const char *from, const char *to)
{
	Relation heap = table_open(catalog_table_oid(table), RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool changed = false;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(heap, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		NameData name;
		Datum value;
		int number = column;
		bool isnull;

		value = heap_getattr(tuple, column, RelationGetDescr(heap), &isnull);
		if (isnull || strcmp(NameStr(*DatumGetName(value)), from) != 0)
			continue;
		changed = true;
		if (to == NULL)
		{
			CatalogTupleDelete(heap, &tuple->t_self);
			continue;
		}
		namestrcpy(&name, to);
		value = NameGetDatum(&name);
		CatalogTupleUpdate(
			heap, &tuple->t_self,
			heap_modify_tuple_by_cols(tuple, RelationGetDescr(heap), 1, &number, &value, &isnull));
	}
	systable_endscan(scan);
	table_close(heap, RowExclusiveLock);
	if (changed)
		cache_inval_broadcast();
}

/* guard_column_renamed -- of a protected relation */
void
guard_column_renamed(Oid relid, const char *from, const char *to)
{
	follow_column(CATALOG_PROTECTED_COLUMNS, 2, relid, from, to);
	follow_column(CATALOG_PROTECTED_RELATIONS, RESIDENCE, relid, from, to);
	follow_column(CATALOG_PROTECTED_RELATIONS, BIRTH_DATE, relid, from, to);
}

/* the records of a dropped table are of none from now on */
static void
orphan_records(Oid relid)
{
	Oid records = catalog_table_oid(CATALOG_CONSENT_RECORD);
	char relkind = get_rel_relkind(relid);
	Relation heap;
	CatalogIndexState indexes = NULL;
	Snapshot snapshot;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;
	int column = RECORD_SUBJECT_TABLE;
	Datum nobody = ObjectIdGetDatum(InvalidOid);
	bool isnull = false;

	if (!OidIsValid(records) ||
		(relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE))
		return;
	heap = table_open(records, RowExclusiveLock);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyInit(&key, RECORD_SUBJECT_TABLE, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_CONSENT_RECORD_SUBJECT_INDEX), true,
							  snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		HeapTuple orphan =
			heap_modify_tuple_by_cols(tuple, RelationGetDescr(heap), 1, &column, &nobody, &isnull);

		if (indexes == NULL)
			indexes = CatalogOpenIndexes(heap);
		CatalogTupleUpdateWithInfo(heap, &tuple->t_self, orphan, indexes);
		heap_freetuple(orphan);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	if (indexes != NULL)
		CatalogCloseIndexes(indexes);
	table_close(heap, RowExclusiveLock);
}

static void
relation_dropped(Oid relid)
{
	const ProtectedRelation *entry;
	bool is_domain;

	/* DROP EXTENSION takes our own tables along, in any order */
	if (catalog_is_internal_table(relid))
		return;
	forget(CATALOG_PROTECTED_COLUMNS, relid);
	orphan_records(relid);
	guard_part_dropped(relid);
	entry = protected_relation(relid);
	if (entry == NULL || entry->relid != relid)
		return;
	is_domain = entry->domain == relid;
	if (is_domain)
		ereport(
			NOTICE,
			(errmsg("subject table \"%s\" is dropped", get_rel_name(relid)),
			 key_forget(relid) ?
				 errdetail(
					 "Its consent records stay in privseg.consent_record, as records of no table; relations whose rows belong to its subjects can be read no more until they are protected anew, and encrypted values of its subjects never again, wherever they are.") :
				 errdetail(
					 "Its consent records stay in privseg.consent_record, as records of no table; relations whose rows belong to its subjects can be read no more until they are protected anew.")));
	forget(CATALOG_PROTECTED_RELATIONS, relid);
	forget(CATALOG_PROTECTION_UNDO, relid);
	if (is_domain)
	{
		/* what is derived goes: another table may get this OID one day */
		List *purposes = purpose_all();
		ListCell *lc;
		Snapshot snapshot;

		/* a fold that is under way writes them, and deletes them itself */
		(void) fold_lock(relid, true);
		snapshot = RegisterSnapshot(GetLatestSnapshot());
		foreach (lc, purposes)
			set_clear(relid, ((Purpose *) lfirst(lc))->id, snapshot);
		UnregisterSnapshot(snapshot);
	}
}

static void
column_dropped(Oid relid, int attnum)
{
	const ProtectedRelation *entry;
	char *name;

	if (!guard_may_define())
		guard_row_type_changed(relid);
	entry = protected_relation(relid);
	if (entry == NULL)
		return;
	name = get_attname(relid, attnum, true);
	if (name != NULL && subject_is_carried_by(relid, name))
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("column \"%s\" carries the subject's key of protected relation "
							   "\"%s\"",
							   name, get_rel_name(relid)),
						errhint("Call privseg.unprotect() first, and drop the trigger "
								"privseg_subject_carried.")));
	if (name != NULL && protected_by_column(entry, name))
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("column \"%s\" holds the subject's key of protected relation \"%s\"",
							   name, get_rel_name(relid)),
						errdetail("Which rows are shown depends on it."),
						errhint("Call privseg.unprotect() first.")));
	if (name != NULL && entry->relid == relid)
		guard_class_dropped(relid, name);
	if (name != NULL)
		follow_column(CATALOG_PROTECTED_COLUMNS, 2, relid, name, NULL);
}

static void
relation_truncated(Oid relid)
{
	if (protected_relation(relid) == NULL || row_security_bypassed())
		return;
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("protected relation \"%s\" cannot be truncated", get_rel_name(relid)),
			 errdetail("Rows of everybody would go, not only of those who permit the purpose."),
			 errhint("DELETE takes the rows that are shown; whoever may bypass row security can "
					 "truncate it after SET row_security = off.")));
}

/* with a schema it goes, too: whoever owns that need not be who may drop this */
static void
extension_dropped(Oid extension)
{
	if (extension == get_extension_oid("privseg", true) && !superuser() &&
		!pg_extension_ownercheck(extension, GetUserId()))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("only its owner and superusers drop extension \"privseg\""),
			 errhint(
				 "It goes with the schema it was created in. Drop what else is there by name.")));
}

/*
 * guard_object -- for core's object access hook.
 */
void
guard_object(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	/* its tables may be gone by now */
	if (access == OAT_DROP && class_id == ExtensionRelationId)
		extension_dropped(object_id);
	if ((access != OAT_DROP && access != OAT_POST_ALTER && access != OAT_POST_CREATE &&
		 access != OAT_TRUNCATE) ||
		!catalog_installed() || creating_extension)
		return;
	if (access == OAT_TRUNCATE)
	{
		relation_truncated(object_id);
		return;
	}
	if (access != OAT_DROP)
	{
		Oid auxiliary = InvalidOid;

		if (access == OAT_POST_ALTER && arg != NULL)
			auxiliary = ((ObjectAccessPostAlter *) arg)->auxiliary_id;
		guard_altered(access == OAT_POST_CREATE, class_id, object_id, sub_id, auxiliary);
		guard_defined(access == OAT_POST_CREATE, class_id, object_id, sub_id);
		if (access == OAT_POST_CREATE)
		{
			guard_encrypted_created(class_id, object_id, sub_id);
			guard_overload(class_id, object_id);
		}
		return;
	}
	if (class_id == RelationRelationId)
	{
		if (!protected_any() && sub_id != 0)
			return;
		if (sub_id == 0)
			relation_dropped(object_id);
		else
			column_dropped(object_id, sub_id);
	}
	else if (class_id == AuthIdRelationId)
		forget(CATALOG_CLEARANCES, object_id);
}
