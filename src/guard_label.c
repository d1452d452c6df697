/*
 * guard_label.c
 *	  The SECURITY LABEL provider "privseg": a column's classification, and its copy
 *	  in protected_columns, by which privseg.check() sees that a label is missing.
 *
 * pg_dump writes labels before the vocabulary and before the relation is protected, so
 * only the form of a label is checked, and no copy is made for a relation that is not
 * protected: the dump brings it, or protect() makes it.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "commands/seclabel.h"
#include "encrypted.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* columns of data_categories: see sql/ */
#define CATEGORY_NAME 1
#define CATEGORY_SENSITIVITY 2
#define CATEGORY_PROTECTED_ATTRIBUTE 3

/* a dotted key: user.contact.email */
static bool
is_category(const char *label)
{
	bool start = true;

	for (const char *at = label; *at; at++)
	{
		if (*at == '.')
		{
			if (start)
				return false;
			start = true;
		}
		else if ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_')
			start = false;
		else
			return false;
	}
	return !start;
}

/*
 * How sensitive a category is: 0 personal, 1 sensitive, 2 special or about offences; -1
 * where there is no such category.
 */
static int
sensitivity_of(const char *category, bool *protected_attribute)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_DATA_CATEGORIES), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	int result = -1;

	ScanKeyInit(&key, CATEGORY_NAME, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(category));
	key.sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(heap, InvalidOid, false, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		TupleDesc row = RelationGetDescr(heap);
		bool isnull;
		char *word = TextDatumGetCString(heap_getattr(tuple, CATEGORY_SENSITIVITY, row, &isnull));

		result = category_sensitivity(word);
		*protected_attribute =
			DatumGetBool(heap_getattr(tuple, CATEGORY_PROTECTED_ATTRIBUTE, row, &isnull));
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
	return result;
}

/* does the classification only get stricter? */
static bool
raises_sensitivity(const char *from, const char *to)
{
	bool was_protected = true;
	bool is_protected = false;
	int before = sensitivity_of(from, &was_protected);
	int after = sensitivity_of(to, &is_protected);

	return before >= 0 && after > before && (is_protected || !was_protected);
}

/* may the owner put a category in the place of another? */
static bool
is_as_strict(const char *from, const char *to)
{
	return strcmp(from, to) == 0 || raises_sensitivity(from, to);
}

/* the category that a column has of its own: its label, or what is left of one; NULL: none */
static const char *
own_category(Oid relid, AttrNumber column)
{
	ObjectAddress address;
	ProtectedColumn copy;
	const DataCategory *category;
	char *label;

	ObjectAddressSubSet(address, RelationRelationId, relid, column);
	label = GetSecurityLabel(&address, "privseg");
	if (label != NULL)
		return label;
	if (!protected_column(relid, get_attname(relid, column, false), &copy))
		return NULL;
	category = category_by_id(copy.category);
	return category != NULL ? category->name : "";
}

/* a generated column has the class of what it is made of: a label of its own may lower that */
static bool
is_lower_than_sources(Oid relid, AttrNumber column, const char *label)
{
	Bitmapset *sources = guard_made_of(relid, column);

	for (int i = -1; (i = bms_next_member(sources, i)) >= 0;)
	{
		AttrNumber source = i + FirstLowInvalidHeapAttributeNumber;
		const char *category = source > 0 ? own_category(relid, source) : NULL;

		if (category != NULL && !is_as_strict(category, label))
			return true;
	}
	return false;
}

/*
 * A column gets another category: refuse where what is generated from it would stay lower by a label of
 * its own.  Its owner may have given it that when there was nothing to be lower than.
 */
static void
refuse_lower_made(Oid relid, AttrNumber column, const char *label)
{
	int bit = column - FirstLowInvalidHeapAttributeNumber;
	FormData_pg_class class;

	if (!catalog_class(relid, &class))
		return;
	for (AttrNumber made = 1; made <= class.relnatts; made++)
	{
		const char *category;

		if (!bms_is_member(bit, guard_made_of(relid, made)))
			continue;
		category = own_category(relid, made);
		if (category != NULL && !is_as_strict(label, category))
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY),
				 errmsg("column \"%s\" of \"%s\" is generated from \"%s\", and would be "
						"classified lower",
						get_attname(relid, made, false), get_rel_name(relid),
						get_attname(relid, column, false)),
				 errhint("Call privseg.classify() for it before, with category NULL: it then has "
						 "the category of what it is made of.")));
	}
}

/*
 * Plans of the relation, and of its children alone, are made anew: rows may have come in the order of an
 * index on the column (usage_order.c), which a plan that does not use the column says nothing of.
 */
static void
forget_plans(Oid relid)
{
	ListCell *lc;

	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
		CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
}

/* make, change or (category NULL) remove the copy of a column's label */
static void
copy_label(Oid relid, const char *column, const char *category)
{
	const ProtectedRelation *entry = protected_relation(relid);
	Relation heap = table_open(catalog_table_oid(CATALOG_PROTECTED_COLUMNS), RowExclusiveLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	NameData name;
	Datum values[COLUMNS_NATTS] = {0};
	bool nulls[COLUMNS_NATTS] = {false, false, false, true, false};

	namestrcpy(&name, column);
	values[COLUMNS_RELATION - 1] = ObjectIdGetDatum(relid);
	values[COLUMNS_NAME - 1] = NameGetDatum(&name);
	values[COLUMNS_SEARCHABLE - 1] = BoolGetDatum(false);
	if (category != NULL)
		values[COLUMNS_CATEGORY - 1] = CStringGetTextDatum(category);
	ScanKeyInit(&keys[0], COLUMNS_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], COLUMNS_NAME, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&name));
	keys[1].sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(heap, InvalidOid, false, NULL, lengthof(keys), keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) && category == NULL)
		CatalogTupleDelete(heap, &tuple->t_self);
	else if (HeapTupleIsValid(tuple))
	{
		int changed = COLUMNS_CATEGORY;

		CatalogTupleUpdate(heap, &tuple->t_self,
						   heap_modify_tuple_by_cols(tuple, RelationGetDescr(heap), 1, &changed,
													 &values[COLUMNS_CATEGORY - 1],
													 &nulls[COLUMNS_CATEGORY - 1]));
	}
	else if (category != NULL && entry != NULL && entry->relid == relid)
		CatalogTupleInsert(heap, heap_form_tuple(RelationGetDescr(heap), values, nulls));
	systable_endscan(scan);
	table_close(heap, RowExclusiveLock);
	cache_inval_broadcast();
	forget_plans(relid);
}

/* a column of a child or a partition that the protected relation above it has not, nobody asks about */
static void
must_be_of_root(Oid relid, AttrNumber column)
{
	const ProtectedRelation *entry = protected_relation(relid);
	char *name;

	if (entry == NULL || usage_root_column(relid, column, entry->relid) != InvalidAttrNumber)
		return;
	name = get_attname(relid, column, false);
	ereport(ERROR, (errcode(PRIVSEG_ERR_WRONG_RELATION),
					errmsg("column \"%s\" of \"%s\" is none of protected relation \"%s\"", name,
						   get_rel_name(relid), get_rel_name(entry->relid)),
					errdetail("Columns are classified for the whole tree."),
					errhint("Add the column to \"%s\", and classify it there.",
							get_rel_name(entry->relid))));
}

/*
 * guard_relabel -- for core's label provider.
 */
void
guard_relabel(const ObjectAddress *object, const char *label)
{
	if (object->classId != RelationRelationId || object->objectSubId == 0)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_WRONG_RELATION), errmsg("privseg labels are for columns"),
				 errhint("SECURITY LABEL FOR privseg ON COLUMN relation.column IS 'category'.")));
	if (label != NULL && (!is_category(label) || strlen(label) >= 256))
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("a privseg label is the dotted key of a data category"),
						errhint("For example 'user.contact.email'.")));
	if (catalog_is_internal_table(object->objectId))
		ereport(ERROR, (errcode(PRIVSEG_ERR_WRONG_RELATION),
						errmsg("the extension's own tables take no labels")));
	if (!catalog_installed())
		return;
	if (label != NULL)
		must_be_of_root(object->objectId, object->objectSubId);
	if (encrypted_code(get_atttype(object->objectId, object->objectSubId)) != ENCRYPTED_NONE)
	{
		char *present = GetSecurityLabel(object, "privseg");

		if (present != NULL && (label == NULL || strcmp(present, label) != 0))
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("the values of an encrypted column belong to its data category"),
				 errhint(
					 "Call privseg.decrypt_column(), and privseg.encrypt_column() with the other one.")));
	}
	if (!role_is_admin(GetUserId(), "privseg_admin"))
	{
		char *present = GetSecurityLabel(object, "privseg");

		if (label == NULL || (present != NULL && !is_as_strict(present, label)) ||
			is_lower_than_sources(object->objectId, object->objectSubId, label))
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_DENIED),
					 errmsg("only a member of privseg_admin may lower or remove a classification"),
					 errdetail("A column's owner may add one, and exchange it for one that is more "
							   "sensitive, and is a protected attribute if the present one is. A "
							   "generated column has the one of what it is made of.")));
	}
	if (label != NULL && protected_relation(object->objectId) != NULL)
	{
		const char *present = own_category(object->objectId, object->objectSubId);

		if (present == NULL || strcmp(present, label) != 0)
			refuse_lower_made(object->objectId, object->objectSubId, label);
		if (protected_relation(object->objectId)->relid == object->objectId)
			guard_class_set(object->objectId,
							get_attname(object->objectId, object->objectSubId, false));
	}
	copy_label(object->objectId, get_attname(object->objectId, object->objectSubId, false), label);
}
