/*
 * guard_partition.c
 *	  Partitions by a classified column, and children that are checked for one: what is done to one of
 *	  them, and seen in rows of the whole table, tells which of them hold what.
 *
 * So who may not see the column drops none of them -- the rows that are gone would be told -- and has no
 * rows stored otherwise there than beside.  That is for privseg_admin; the whole is its owner's.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "usage.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static bool
is_classified(Oid relid, AttrNumber number, Oid root)
{
	AttrNumber column = number > 0 ? usage_root_column(relid, number, root) : InvalidAttrNumber;
	const ColumnClass *class = column > 0 ? column_class(root, column) : NULL;

	/* a whole row is of all columns */
	return number == 0 || (class != NULL && class->classified);
}

static bool
is_by_classified(Oid relid, Oid root)
{
	Bitmapset *key = partition_key(relid);

	for (int i = -1; (i = bms_next_member(key, i)) >= 0;)
		if (is_classified(relid, i + FirstLowInvalidHeapAttributeNumber, root))
			return true;
	return false;
}

/* by a check that its parents have not; those that its command has dropped with it count, too */
static bool
is_checked_alone(Oid relid, Oid root)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool result = false;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, true,
							  ActiveSnapshotSet() ? GetActiveSnapshot() : NULL, 1, &key);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		ArrayType *columns;
		bool isnull;
		Datum datum;

		if (form->contype != CONSTRAINT_CHECK || form->coninhcount > 0)
			continue;
		datum =
			heap_getattr(tuple, Anum_pg_constraint_conkey, RelationGetDescr(constraints), &isnull);
		columns = isnull ? NULL : DatumGetArrayTypeP(datum);
		for (int i = 0; columns != NULL && i < ARR_DIMS(columns)[0]; i++)
			result = result || is_classified(relid, ((int16 *) ARR_DATA_PTR(columns))[i], root);
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return result;
}

/*
 * Does being in a part of a protected relation tell of a classified column?
 *	above	the partitioned tables it is in, or will be
 */
static bool
part_tells(Oid relid, Oid root, const List *above)
{
	ListCell *lc;

	foreach (lc, above)
		if (is_by_classified(lfirst_oid(lc), root))
			return true;
	return is_checked_alone(relid, root);
}

/* the root of the tree that such a part is in, for who must not be told; or InvalidOid */
static Oid
root_of_telling(Oid relid)
{
	const ProtectedRelation *found = guard_class_is_free() ? NULL : protected_relation(relid);
	Oid root = found != NULL ? found->relid : InvalidOid;

	return OidIsValid(root) && root != relid &&
				   part_tells(relid, root, get_partition_ancestors(relid)) ?
			   root :
			   InvalidOid;
}

/* ---- rows that are gone ---- */

/* guard_part_dropped -- a relation is dropped, in whatever way; what is above it may be, behind it */
void
guard_part_dropped(Oid relid)
{
	Oid root = root_of_telling(relid);
	MemoryContext caller;

	/* what a session has made for itself goes with it, or with its transaction */
	if (!OidIsValid(root) || !guard_in_command)
		return;
	caller = MemoryContextSwitchTo(TopTransactionContext);
	guard_trees.bereft = list_append_unique_oid(guard_trees.bereft, root);
	MemoryContextSwitchTo(caller);
}

/* guard_bereft -- after a utility command: trees that parts were dropped of, and that are still there */
void
guard_bereft(const List *roots)
{
	ListCell *lc;

	foreach (lc, roots)
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(lc))))
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only a member of privseg_admin may drop a part of \"%s\" that tells of "
						"a classified column",
						get_rel_name(lfirst_oid(lc))),
				 errdetail("Whose rows are gone would tell what they held."),
				 errhint("Have an administrator do it, or drop the whole table.")));
}

/* ---- rows that are stored otherwise ---- */

static void
refuse_apart(Oid relid)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("only a member of privseg_admin may have \"%s\" stored, or its triggers fire, "
					"otherwise than other parts of its table",
					get_rel_name(relid)),
			 errdetail("Rows would show which part they are in, which tells of a classified "
					   "column.")));
}

/* guard_part_rewritten -- one that is alone: of its rows one sees that they lie elsewhere */
void
guard_part_rewritten(Oid relid)
{
	if (OidIsValid(root_of_telling(relid)))
		refuse_apart(relid);
}

/* of rows one sees where they lie, and how long they are stored */
static bool
shows_in_rows(List *options)
{
	ListCell *lc;

	foreach (lc, options)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (strcmp(name, "fillfactor") == 0 || strcmp(name, "toast_tuple_target") == 0)
			return true;
	}
	return false;
}

/* is any part of a protected relation such a one? */
static bool
parts_tell(Oid root)
{
	ListCell *lc;

	foreach (lc, find_all_inheritors(root, NoLock, NULL))
		if (OidIsValid(root_of_telling(lfirst_oid(lc))))
			return true;
	return false;
}

/* guard_part_altered -- ALTER TABLE of a protected relation, or a part of one */
void
guard_part_altered(const AlterTableStmt *alter, Oid relid)
{
	ListCell *lc;

	foreach (lc, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		switch (command->subtype)
		{
			case AT_SetCompression:
				/* it is of one relation, and of those that are made below it later */
				if (OidIsValid(root_of_telling(relid)) || parts_tell(relid))
					refuse_apart(relid);
				break;
			case AT_SetStorage:
				if (OidIsValid(root_of_telling(relid)) ||
					(!alter->relation->inh && parts_tell(relid)))
					refuse_apart(relid);
				break;
			case AT_SetRelOptions:
			case AT_ResetRelOptions:
			case AT_ReplaceRelOptions:
				if (shows_in_rows((List *) command->def) && OidIsValid(root_of_telling(relid)))
					refuse_apart(relid);
				break;
			case AT_SetLogged:
			case AT_SetUnLogged:
				guard_part_rewritten(relid);
				break;
			case AT_DisableTrig:
			case AT_EnableTrig:
			case AT_EnableAlwaysTrig:
			case AT_EnableReplicaTrig:
				if (OidIsValid(root_of_telling(relid)) ||
					(!alter->relation->inh && parts_tell(relid)))
					refuse_apart(relid);
				break;
			default:
				break;
		}
	}
}

static bool
is_stored_apart(Oid member, Oid parent)
{
	HeapTuple tuple = guard_row_of_oid(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid,
									   member, SnapshotSelf);
	FormData_pg_class class;
	Datum options;
	bool isnull;

	if (!HeapTupleIsValid(tuple) || !catalog_class(member, &class))
		return true;
	options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	if (!isnull && shows_in_rows(untransformRelOptions(options)))
		return true;
	for (AttrNumber number = 1; number <= class.relnatts; number++)
	{
		HeapTuple own = guard_column_row(member, number);
		Form_pg_attribute column =
			HeapTupleIsValid(own) ? (Form_pg_attribute) GETSTRUCT(own) : NULL;
		AttrNumber above = column != NULL && !column->attisdropped ?
							   get_attnum(parent, NameStr(column->attname)) :
							   InvalidAttrNumber;
		HeapTuple tuple_above =
			above != InvalidAttrNumber ? guard_column_row(parent, above) : (HeapTuple) NULL;
		Form_pg_attribute column_above;

		if (!HeapTupleIsValid(tuple_above))
			continue;
		column_above = (Form_pg_attribute) GETSTRUCT(tuple_above);
		if (column->attstorage != column_above->attstorage ||
			column->attcompression != column_above->attcompression ||
			column->attgenerated != column_above->attgenerated)
			return true;
	}
	return false;
}

/* guard_part_joins -- a table becomes a part of a protected relation, as it is stored */
void
guard_part_joins(Oid member, Oid parent, Oid root)
{
	List *above = lcons_oid(parent, get_partition_ancestors(parent));

	if (!guard_class_is_free() && part_tells(member, root, above) &&
		is_stored_apart(member, parent))
		refuse_apart(member);
}
