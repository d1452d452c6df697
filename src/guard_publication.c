/*
 * guard_publication.c
 *	  Publications of protected relations: what is published goes to subscribers with
 *	  the rows of everybody.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "guard.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* a protected relation in the schema; in any, if it is InvalidOid */
static Oid
protected_in_schema(Oid namespace)
{
	ListCell *lc;

	foreach (lc, protected_members())
		if (!OidIsValid(namespace) || get_rel_namespace(lfirst_oid(lc)) == namespace)
			return lfirst_oid(lc);
	return InvalidOid;
}

static Oid
protected_in(Oid catalog, AttrNumber publication_column, AttrNumber column, Oid publication)
{
	Relation relation = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid found = InvalidOid;

	ScanKeyInit(&key, publication_column, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(publication));
	scan = systable_beginscan(relation, InvalidOid, false, SnapshotSelf, 1, &key);
	while (!OidIsValid(found) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Oid oid =
			DatumGetObjectId(heap_getattr(tuple, column, RelationGetDescr(relation), &isnull));

		if (catalog == PublicationRelRelationId)
			found = protected_relation(oid) != NULL ? oid : InvalidOid;
		else
			found = protected_in_schema(oid);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

static void
publication_changed(Oid publication)
{
	HeapTuple tuple = guard_row_of_oid(PublicationRelationId, PublicationObjectIndexId,
									   Anum_pg_publication_oid, publication, SnapshotSelf);
	Oid relid;

	if (!HeapTupleIsValid(tuple))
		return;
	relid = protected_in(PublicationRelRelationId, Anum_pg_publication_rel_prpubid,
						 Anum_pg_publication_rel_prrelid, publication);
	if (!OidIsValid(relid))
		relid = protected_in(PublicationNamespaceRelationId, Anum_pg_publication_namespace_pnpubid,
							 Anum_pg_publication_namespace_pnnspid, publication);
	if (!OidIsValid(relid) && ((Form_pg_publication) GETSTRUCT(tuple))->puballtables)
		relid = protected_in_schema(InvalidOid);
	if (OidIsValid(relid))
		guard_refuse(relid, "a publication", "Subscribers get the rows of everybody.");
}

static bool
names(Oid catalog, AttrNumber column, Oid object)
{
	Relation relation = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

/*
 * guard_published -- a relation becomes protected with its new parent, or moves to a schema:
 * not one that is published.
 */
void
guard_published(Oid relid, Oid namespace)
{
	if (guard_may_define())
		return;
	if (names(PublicationRelRelationId, Anum_pg_publication_rel_prrelid, relid) ||
		names(PublicationNamespaceRelationId, Anum_pg_publication_namespace_pnnspid, namespace))
		guard_refuse(relid, "to be in what a publication publishes",
					 "Subscribers get the rows of everybody.");
}

/* the publication that a row of one of its catalogs belongs to */
static Oid
publication_of(Oid catalog, Oid index, AttrNumber oid_column, AttrNumber column, Oid oid)
{
	HeapTuple tuple = guard_row_of_oid(catalog, index, oid_column, oid, SnapshotSelf);
	Relation relation;
	Oid publication;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	relation = table_open(catalog, AccessShareLock);
	publication =
		DatumGetObjectId(heap_getattr(tuple, column, RelationGetDescr(relation), &isnull));
	table_close(relation, AccessShareLock);
	return publication;
}

/* guard_publication -- a row of one of the catalogs of publications has come, or changed */
void
guard_publication(Oid catalog, Oid object)
{
	if (catalog == PublicationRelationId)
		publication_changed(object);
	else if (catalog == PublicationRelRelationId)
		publication_changed(publication_of(catalog, PublicationRelObjectIndexId,
										   Anum_pg_publication_rel_oid,
										   Anum_pg_publication_rel_prpubid, object));
	else
		publication_changed(publication_of(catalog, PublicationNamespaceObjectIndexId,
										   Anum_pg_publication_namespace_oid,
										   Anum_pg_publication_namespace_pnpubid, object));
}
