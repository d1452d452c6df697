/*
 * catalog_column.c
 *	  Classified columns of protected relations: privseg.protected_columns.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

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
