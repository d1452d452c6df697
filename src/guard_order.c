/*
 * guard_order.c
 *	  CLUSTER, by which index: where rows lie is shown to everybody.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "usage.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/*
 * In which order an index puts rows may say what they hold.  Not a primary key that is a
 * number; nor one that leads with the subject's: of a subject all rows are shown, or none.
 */
/* order_is_no_news -- are values of the type numbers of rows, where they are their key? */
bool
order_is_no_news(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID || type == UUIDOID;
}

static bool
order_tells_nothing(Oid relid, Oid index)
{
	ProtectedRelation entry = *protected_relation(relid);
	Relation relation = index_open(index, AccessShareLock);
	AttrNumber first = relation->rd_index->indkey.values[0];
	bool result = relation->rd_index->indisprimary;

	if (result &&
		(entry.n_also_about > 0 || strcmp(entry.subject, get_attname(relid, first, false)) != 0))
		result =
			order_is_no_news(get_atttype(relid, first)) && relation->rd_index->indnkeyatts == 1;
	index_close(relation, NoLock);
	return result;
}

/* has a key a column that is only for those who are cleared for it, or for nobody? */
static bool
has_closed_column(Oid relid, Oid index)
{
	Oid root = protected_relation(relid)->relid;
	Relation relation = index_open(index, AccessShareLock);
	bool result = false;

	for (int i = 0; i < relation->rd_index->indnkeyatts; i++)
	{
		AttrNumber column = usage_root_column(relid, relation->rd_index->indkey.values[i], root);

		result = result || !usage_is_open(column > 0 ? column_class(root, column) : NULL);
	}
	index_close(relation, NoLock);
	return result;
}

static void
guard_order(Oid relid, Oid index)
{
	if (!OidIsValid(index) || !order_tells_nothing(relid, index))
		guard_refuse(relid, "CLUSTER by other than a key that is a number, or the subject's",
					 "Where its rows lie would tell what they hold.");
	if (has_closed_column(relid, index))
		guard_refuse(relid, "CLUSTER by a column that is not open to all",
					 "Where its rows lie would tell everybody what they hold.");
}

/* an index by its name, which no other gets until the command is through */
static Oid
locked_index(const char *name, Oid relid)
{
	RangeVar *index = makeRangeVar(get_namespace_name(get_rel_namespace(relid)), pstrdup(name), -1);

	return RangeVarGetRelidExtended(index, AccessExclusiveLock, RVR_MISSING_OK, NULL, NULL);
}

/* guard_index_altered -- of a protected relation: it was marked as the one to cluster by */
void
guard_index_altered(Oid index)
{
	HeapTuple tuple;
	Form_pg_index form;

	if (!protected_any() || guard_may_define())
		return;
	tuple = guard_row_of_oid(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid, index,
							 SnapshotSelf);
	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_index) GETSTRUCT(tuple);
	if (form->indisclustered && protected_relation(form->indrelid) != NULL)
		guard_order(form->indrelid, index);
}

/* all at once, by the indexes they were marked with: those of them that are protected */
static void
guard_cluster_all(void)
{
	Relation catalog = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_index_indisclustered, BTEqualStrategyNumber, F_BOOLEQ,
				BoolGetDatum(true));
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

		if (protected_relation(form->indrelid) != NULL &&
			pg_class_ownercheck(form->indrelid, GetUserId()))
		{
			guard_part_rewritten(form->indrelid);
			guard_order(form->indrelid, form->indexrelid);
		}
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/* guard_cluster -- CLUSTER */
void
guard_cluster(ClusterStmt *cluster)
{
	Oid relid;

	if (row_security_bypassed())
		return;
	if (cluster->relation == NULL)
	{
		guard_cluster_all();
		return;
	}
	relid = guard_locked_relation(cluster->relation, AccessExclusiveLock, false);
	if (protected_relation(relid) == NULL)
		return;
	guard_part_rewritten(relid);
	guard_order(relid,
				cluster->indexname == NULL ? InvalidOid : locked_index(cluster->indexname, relid));
}
