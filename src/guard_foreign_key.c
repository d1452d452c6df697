/*
 * guard_foreign_key.c
 *	  Keys of protected relations, and foreign keys to and from them: what they ask of
 *	  rows of everybody, and what they copy.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "errors.h"
#include "guard.h"
#include "guc.h"
#include "usage.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#define TELLS_WHOSE \
	"Which row keeps another from being written or deleted would tell whose a value is."

/*
 * guard_referring -- a protected relation with a foreign key to the relation, or InvalidOid.
 */
Oid
guard_referring(Oid relid)
{
	Relation catalog;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid found = InvalidOid;

	if (!protected_any())
		return InvalidOid;
	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_constraint_confrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 1, &key);
	while (!OidIsValid(found) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_FOREIGN && protected_relation(form->conrelid) != NULL)
			found = form->conrelid;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

/* guard_columns_of -- numbers of columns that a constraint is about, in the catalog's column for them */
int
guard_columns_of(HeapTuple constraint, AttrNumber in, int16 *columns)
{
	Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
	bool isnull;
	Datum value = heap_getattr(constraint, in, RelationGetDescr(catalog), &isnull);
	int n = 0;

	if (!isnull)
	{
		ArrayType *array = DatumGetArrayTypeP(value);

		n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		memcpy(columns, ARR_DATA_PTR(array), n * sizeof(int16));
	}
	table_close(catalog, AccessShareLock);
	return n;
}

/* of columns that the command itself has added, and without a default? */
static bool
has_no_values(HeapTuple constraint, Oid relid)
{
	int16 columns[INDEX_MAX_KEYS];
	int n = guard_columns_of(constraint, Anum_pg_constraint_conkey, columns);

	if (!guard_is_of_added(constraint, relid))
		return false;
	for (int i = 0; i < n; i++)
	{
		HeapTuple tuple =
			SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(columns[i]));
		bool has = true;

		if (HeapTupleIsValid(tuple))
		{
			Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);

			has = form->atthasdef || form->atthasmissing || form->attidentity != '\0';
			ReleaseSysCache(tuple);
		}
		if (has)
			return false;
	}
	return true;
}

static bool
is_of_primary_key(Oid relid, AttrNumber column)
{
	Relation relation = table_open(relid, AccessShareLock);
	Bitmapset *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	bool result = bms_is_member(column - FirstLowInvalidHeapAttributeNumber, key);

	table_close(relation, AccessShareLock);
	return result;
}

/*
 * Are these columns of a constraint nothing but keys of subjects?
 *	protected	the relation, or the one whose child it becomes
 *	or_primary	or of the relation's primary key
 */
static bool
is_of_keys(HeapTuple constraint, AttrNumber in, Oid relid, Oid protected, bool or_primary)
{
	const ProtectedRelation *found = protected_relation(protected);
	ProtectedRelation entry;
	int16 columns[INDEX_MAX_KEYS];
	int n = guard_columns_of(constraint, in, columns);

	if (found == NULL)
		return false;
	entry = *found;
	for (int i = 0; i < n; i++)
		if (!(or_primary && is_of_primary_key(relid, columns[i])) &&
			!protected_by_column(&entry, get_attname(relid, columns[i], false)))
			return false;
	return n > 0;
}

/*
 * guard_primary_key -- one was created.  Its columns are taken for numbers of rows: they stay
 * what they were; a partition has its parent's.
 */
void
guard_primary_key(HeapTuple tuple, Form_pg_constraint form)
{
	if (guard_is_protected_now(form->conrelid) && !guard_is_empty_tree(form->conrelid) &&
		!OidIsValid(form->conparentid) &&
		!is_of_keys(tuple, Anum_pg_constraint_conkey, form->conrelid, form->conrelid, false))
		guard_refuse(form->conrelid, "another primary key",
					 "What refers to its rows, and where they lie, would tell what they hold.");
}

/* are these columns of a foreign key's numbers, of rows or of subjects, as keys are? */
static bool
are_numbers(HeapTuple constraint, AttrNumber in, Oid relid)
{
	int16 columns[INDEX_MAX_KEYS];
	int n = guard_columns_of(constraint, in, columns);

	for (int i = 0; i < n; i++)
		if (!order_is_no_news(get_atttype(relid, columns[i])))
			return false;
	return true;
}

/*
 * Is it of and to nothing but keys of the same subjects?
 *	from, to	the relations, or those whose children they become
 */
static bool
joins_subjects(HeapTuple tuple, Form_pg_constraint form, Oid from, Oid to)
{
	const ProtectedRelation *found = protected_relation(from);
	Oid domain = found != NULL ? found->domain : InvalidOid;

	found = protected_relation(to);
	return found != NULL && found->domain == domain &&
		   is_of_keys(tuple, Anum_pg_constraint_conkey, form->conrelid, from, false) &&
		   is_of_keys(tuple, Anum_pg_constraint_confkey, form->confrelid, to, false);
}

/* is one of these columns of a constraint not everybody's, in the relation or the one whose child it becomes? */
static bool
is_of_classified(HeapTuple constraint, AttrNumber in, Oid relid, Oid protected)
{
	const ProtectedRelation *found = protected_relation(protected);
	Oid root = found != NULL ? found->relid : InvalidOid;
	int16 columns[INDEX_MAX_KEYS];
	int n = guard_columns_of(constraint, in, columns);

	for (int i = 0; OidIsValid(root) && i < n; i++)
	{
		AttrNumber column = get_attnum(root, get_attname(relid, columns[i], false));

		if (!usage_is_open(column > 0 ? column_class(root, column) : NULL))
			return true;
	}
	return false;
}

/*
 * Does it compare classified values with somebody's?  What becomes of a row that refers to one, or keeps
 * one from being deleted, tells whose it is to whoever changes rows that he knows by other columns.
 */
static bool
asks_for_classified(HeapTuple tuple, Form_pg_constraint form, Oid protected)
{
	return is_of_classified(tuple, Anum_pg_constraint_confkey, form->confrelid, protected) &&
		   !joins_subjects(tuple, form, form->conrelid, protected);
}

/* guard_compares_classified -- does one from a relation, likewise, once that is protected? */
bool
guard_compares_classified(HeapTuple tuple, Form_pg_constraint form, Oid protected)
{
	return is_of_classified(tuple, Anum_pg_constraint_conkey, form->conrelid, protected) &&
		   !joins_subjects(tuple, form, protected, form->confrelid);
}

/* does a foreign key ask for nothing but keys? */
static bool
asks_for_keys(HeapTuple tuple, Form_pg_constraint form, Oid protected)
{
	return is_of_keys(tuple, Anum_pg_constraint_confkey, form->confrelid, protected, true);
}

/* does it copy values of the protected relation into one that is not protected? */
static bool
copies_values(HeapTuple tuple, Form_pg_constraint form, Oid protected)
{
	return form->confupdtype == FKCONSTR_ACTION_CASCADE &&
		   protected_relation(form->conrelid) == NULL &&
		   !is_of_keys(tuple, Anum_pg_constraint_confkey, form->confrelid, protected, false) &&
		   !are_numbers(tuple, Anum_pg_constraint_confkey, form->confrelid);
}

/*
 * guard_may_refer -- may such a foreign key to a table be, once that is protected?
 *	protected	the relation whose child it becomes
 */
bool
guard_may_refer(HeapTuple tuple, Form_pg_constraint form, Oid protected)
{
	return asks_for_keys(tuple, form, protected) && !asks_for_classified(tuple, form, protected) &&
		   !copies_values(tuple, form, protected);
}

/* one from a protected relation: from rows of everybody, it tells what they hold */
static void
reference_from(HeapTuple tuple, Form_pg_constraint form)
{
	if (!joins_subjects(tuple, form, form->conrelid, form->confrelid) &&
		!has_no_values(tuple, form->conrelid) && !guard_is_empty_tree(form->conrelid))
		guard_refuse(
			form->conrelid, "a foreign key from or to other than keys of the same subjects",
			"It is checked against rows of everybody, then or later, and its actions change them. A column and its foreign key may be added in one ALTER TABLE.");
}

static void
refuse_of_classified(Oid relid, const char *which)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_SHAPE),
		 errmsg("a foreign key %s a %s column is not allowed on protected relation \"%s\"", which,
				guc_unclassified == UNCLASSIFIED_DENY ? "classified, or closed," : "classified",
				get_rel_name(relid)),
		 errdetail(TELLS_WHOSE),
		 errhint("Between keys of the same people it is: protect the table that refers first, and "
				 "then ALTER TABLE ... ADD FOREIGN KEY. Or whoever may bypass row security makes "
				 "it after SET row_security = off.")));
}

/*
 * guard_reference -- a foreign key was created or altered.
 *	validates	it is checked for rows that are there
 */
void
guard_reference(HeapTuple tuple, Form_pg_constraint form, bool created, bool validates)
{
	const ProtectedRelation *to = protected_relation(form->confrelid);
	Oid from;

	/* a partition's was looked at with its table's */
	if (created && to != NULL && !OidIsValid(form->conparentid))
	{
		if (!asks_for_keys(tuple, form, form->confrelid))
			guard_refuse(form->confrelid, "a foreign key to other than its key",
						 "Whether somebody has a value could be asked by referring to it.");
		if (asks_for_classified(tuple, form, form->confrelid))
			refuse_of_classified(form->confrelid, "to");
		if (copies_values(tuple, form, form->confrelid))
			guard_refuse(form->confrelid, "a foreign key ON UPDATE CASCADE of an unprotected table",
						 "It copies there what is changed here, whoever permits what.");
	}
	from = guard_root_now(form->conrelid);
	if (OidIsValid(from) && created && !OidIsValid(form->conparentid) &&
		guard_compares_classified(tuple, form, from))
		refuse_of_classified(form->conrelid, "of");
	if (protected_relation(form->conrelid) != NULL && validates)
		reference_from(tuple, form);
}
