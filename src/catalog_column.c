/*
 * catalog_column.c
 *	  Classified columns of protected relations: privseg.protected_columns.
 *
 * A dump without security labels loses them, so there is a copy; where the two differ, nobody
 * uses the column.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_partitioned_table.h"
#include "commands/seclabel.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/*
 * protected_column -- is a column classified?  Its data category, 0 where that is gone, and
 * whether it is searchable.
 *	root	the relation protect() was called on
 */
bool
protected_column(Oid root, const char *column, ProtectedColumn *found)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_PROTECTED_COLUMNS), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	NameData name;
	bool result;

	namestrcpy(&name, column);
	ScanKeyInit(&keys[0], COLUMNS_RELATION, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(root));
	ScanKeyInit(&keys[1], COLUMNS_NAME, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&name));
	keys[1].sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_PROTECTED_COLUMNS_INDEX), true, NULL,
							  lengthof(keys), keys);
	tuple = systable_getnext(scan);
	result = HeapTupleIsValid(tuple);
	if (result)
	{
		Datum values[COLUMNS_NATTS];
		bool nulls[COLUMNS_NATTS];
		const DataCategory *category;

		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		category = category_by_name(TextDatumGetCString(values[COLUMNS_CATEGORY - 1]));
		found->category = category != NULL ? category->id : 0;
		found->searchable = DatumGetBool(values[COLUMNS_SEARCHABLE - 1]);
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
	return result;
}

/* ---- all columns of a relation, kept ---- */

static HTAB *relations = NULL; /* of RelationEntry */
static MemoryContext relations_context = NULL;
static uint64 catalog_generation = 0;
static uint64 relation_generation = 0;

typedef struct RelationEntry
{
	Oid root; /* hash key */
	RelationColumns columns;
} RelationEntry;

static ColumnClass *
column_named(RelationColumns *columns, const char *name)
{
	for (int i = 0; i < columns->n; i++)
		if (columns->columns[i].name != NULL && strcmp(columns->columns[i].name, name) == 0)
			return &columns->columns[i];
	return NULL;
}

static void
load_names(const ProtectedRelation *entry, RelationColumns *columns)
{
	Relation relation = RelationIdGetRelation(columns->root);
	TupleDesc row;

	if (!RelationIsValid(relation))
		return;
	row = RelationGetDescr(relation);
	columns->n = row->natts;
	columns->columns = palloc0(sizeof(ColumnClass) * Max(row->natts, 1));
	for (int i = 0; i < row->natts; i++)
		if (!TupleDescAttr(row, i)->attisdropped)
		{
			columns->columns[i].name = pstrdup(NameStr(TupleDescAttr(row, i)->attname));
			columns->columns[i].is_key = protected_by_column(entry, columns->columns[i].name);
		}
	RelationClose(relation);
}

static void
load_classes(RelationColumns *columns)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_PROTECTED_COLUMNS), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, COLUMNS_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(columns->root));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_PROTECTED_COLUMNS_INDEX), true, NULL,
							  1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[COLUMNS_NATTS];
		bool nulls[COLUMNS_NATTS];
		const DataCategory *category;
		ColumnClass *column;
		ObjectAddress address;
		char *label;
		char *name;

		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		column = column_named(columns, NameStr(*DatumGetName(values[COLUMNS_NAME - 1])));
		if (column == NULL)
			continue;
		name = TextDatumGetCString(values[COLUMNS_CATEGORY - 1]);
		category = category_by_name(name);
		column->classified = true;
		column->category = category != NULL ? category->id : 0;
		if (!nulls[COLUMNS_MASK - 1])
			column->mask = TextDatumGetCString(values[COLUMNS_MASK - 1]);
		ObjectAddressSubSet(address, RelationRelationId, columns->root,
							column - columns->columns + 1);
		label = GetSecurityLabel(&address, "privseg");
		column->mismatch = label == NULL || strcmp(label, name) != 0;
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
}

/* is a label there that has no copy? */
static void
load_labels(RelationColumns *columns)
{
	for (int i = 0; i < columns->n; i++)
		if (columns->columns[i].name != NULL && !columns->columns[i].classified)
		{
			ObjectAddress address;

			ObjectAddressSubSet(address, RelationRelationId, columns->root, i + 1);
			if (GetSecurityLabel(&address, "privseg") != NULL)
				columns->columns[i].classified = columns->columns[i].mismatch = true;
		}
}

/* of those that are as sensitive, a special one is asked more about */
static bool
is_higher(const DataCategory *category, const DataCategory *other)
{
	return category->sensitivity > other->sensitivity ||
		   (category->sensitivity == other->sensitivity && category->special && !other->special);
}

/* what is computed from other columns is of their class, where it has none of its own */
static void
load_generated(RelationColumns *columns)
{
	Relation relation = RelationIdGetRelation(columns->root);

	if (!RelationIsValid(relation))
		return;
	if (RelationGetDescr(relation)->constr != NULL &&
		RelationGetDescr(relation)->constr->has_generated_stored)
		for (int i = 0; i < columns->n; i++)
		{
			Bitmapset *sources = NULL;
			int source = -1;
			const DataCategory *highest = NULL;
			ColumnClass *column = &columns->columns[i];

			if (column->classified ||
				TupleDescAttr(RelationGetDescr(relation), i)->attgenerated == '\0')
				continue;
			pull_varattnos(build_column_default(relation, i + 1), 1, &sources);
			while ((source = bms_next_member(sources, source)) >= 0)
			{
				int number = source + FirstLowInvalidHeapAttributeNumber;
				const DataCategory *category;

				if (number <= 0 || !columns->columns[number - 1].classified)
					continue;
				column->classified = true;
				column->mismatch |= columns->columns[number - 1].mismatch;
				category = category_by_id(columns->columns[number - 1].category);
				if (category == NULL || (highest != NULL && !is_higher(category, highest)))
					continue;
				highest = category;
				column->category = category->id;
			}
		}
	RelationClose(relation);
}

/*
 * protected_columns -- the columns of a protected relation, and how they are classified; good
 * until the next command.
 *	root	the relation protect() was called on
 */
const RelationColumns *
protected_columns(Oid root)
{
	for (;;)
	{
		RelationEntry *entry;
		RelationColumns columns = {root, 0, NULL};
		const ProtectedRelation *relation;
		ProtectedRelation copy;
		MemoryContext caller;
		uint64 catalog;
		uint64 relation_now;

		if (relations == NULL || catalog_generation != cache_catalog_generation ||
			relation_generation != cache_relation_generation)
		{
			HASHCTL ctl;

			if (relations_context == NULL)
				relations_context = AllocSetContextCreate(
					CacheMemoryContext, "privseg classified columns", ALLOCSET_SMALL_SIZES);
			relations = NULL;
			MemoryContextReset(relations_context);
			ctl.keysize = sizeof(Oid);
			ctl.entrysize = sizeof(RelationEntry);
			ctl.hcxt = relations_context;
			relations = hash_create("privseg classified columns", 32, &ctl,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
			catalog_generation = cache_catalog_generation;
			relation_generation = cache_relation_generation;
		}
		entry = hash_search(relations, &root, HASH_FIND, NULL);
		if (likely(entry != NULL))
			return &entry->columns;
		catalog = cache_catalog_generation;
		relation_now = cache_relation_generation;
		relation = protected_relation(root);
		if (relation == NULL)
			return NULL;
		copy = *relation;
		caller = MemoryContextSwitchTo(relations_context);
		load_names(&copy, &columns);
		load_classes(&columns);
		load_labels(&columns);
		load_generated(&columns);
		MemoryContextSwitchTo(caller);
		if (catalog != cache_catalog_generation || relation_now != cache_relation_generation)
			continue;
		entry = hash_search(relations, &root, HASH_ENTER, NULL);
		entry->columns = columns;
	}
}

/* partition_key -- the columns that a table is partitioned by, as pull_varattnos() has them */
Bitmapset *
partition_key(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relid));
	Form_pg_partitioned_table form;
	Bitmapset *columns = NULL;
	Datum expressions;
	bool isnull;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	for (int i = 0; i < form->partnatts; i++)
		if (form->partattrs.values[i] != InvalidAttrNumber)
			columns = bms_add_member(columns, form->partattrs.values[i] -
												  FirstLowInvalidHeapAttributeNumber);
	expressions = SysCacheGetAttr(PARTRELID, tuple, Anum_pg_partitioned_table_partexprs, &isnull);
	if (!isnull)
		pull_varattnos(stringToNode(TextDatumGetCString(expressions)), 1, &columns);
	ReleaseSysCache(tuple);
	return columns;
}

/* column_class -- of one of them, by its number in the root; NULL: there is none.  As good as that. */
const ColumnClass *
column_class(Oid root, AttrNumber column)
{
	const RelationColumns *columns = protected_columns(root);

	return columns != NULL && column >= 1 && column <= columns->n ? &columns->columns[column - 1] :
																	NULL;
}
