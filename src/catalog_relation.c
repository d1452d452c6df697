/*
 * catalog_relation.c
 *	  "Is this relation protected, and as what?"  The one place that answers.
 *
 * protect() is called on the topmost parent of a partition or inheritance
 * tree; every descendant is protected with it, and its columns are found
 * through the root by name.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* table layout: see sql/03-protection.sql */
enum
{
	PROTECTED_RELATION = 1,
	PROTECTED_SUBJECT_TABLE,
	PROTECTED_SUBJECT_COLUMN,
	PROTECTED_ALSO_ABOUT,
	PROTECTED_NULL_SUBJECT,
	PROTECTED_KEY_TYPE,
	PROTECTED_OPEN_POLICY,
	PROTECTED_SALT,
	PROTECTED_NATTS = PROTECTED_SALT
};

typedef struct RelationEntry
{
	Oid relid;                     /* hash key */
	const ProtectedRelation *root; /* NULL: not protected */
} RelationEntry;

static MemoryContext relations_context = NULL;
static uint64 relations_generation = 0;
static List *relations = NIL; /* of ProtectedRelation * */

static HTAB *resolved = NULL; /* of RelationEntry, for relids seen so far */
static Oid plain[64];         /* of these some that are not protected: every statement asks */
static uint64 resolved_catalog_generation = 0;
static uint64 resolved_relation_generation = 0;

static KeyKind
key_kind_of(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return KEY_INTEGER;
		case UUIDOID:
			return KEY_UUID;
		default:
			return KEY_TEXT;
	}
}

static void
load_relations(void)
{
	Relation rel = table_open(catalog_table_oid(CATALOG_PROTECTED_RELATIONS), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[64];
		bool nulls[64];
		ProtectedRelation *entry = palloc0(sizeof(ProtectedRelation));

		Assert(RelationGetDescr(rel)->natts <= 64);
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		entry->relid = DatumGetObjectId(values[PROTECTED_RELATION - 1]);
		entry->domain = DatumGetObjectId(values[PROTECTED_SUBJECT_TABLE - 1]);
		strlcpy(entry->subject, NameStr(*DatumGetName(values[PROTECTED_SUBJECT_COLUMN - 1])),
				NAMEDATALEN);
		entry->show_null =
			strcmp(TextDatumGetCString(values[PROTECTED_NULL_SUBJECT - 1]), "show") == 0;
		entry->key_type = DatumGetObjectId(values[PROTECTED_KEY_TYPE - 1]);
		entry->key_kind = key_kind_of(entry->key_type);
		entry->open_policy = DatumGetBool(values[PROTECTED_OPEN_POLICY - 1]);
		if (!nulls[PROTECTED_ALSO_ABOUT - 1])
		{
			Datum *elements;
			int nelements;

			deconstruct_array(DatumGetArrayTypeP(values[PROTECTED_ALSO_ABOUT - 1]), NAMEOID,
							  NAMEDATALEN, false, TYPALIGN_CHAR, &elements, NULL, &nelements);
			if (nelements > PROTECTED_MAX_ALSO_ABOUT)
				ereport(ERROR,
						(errcode(PRIVSEG_ERR_CORRUPT),
						 errmsg("too many columns in privseg.protected_relations.also_about")));
			for (int i = 0; i < nelements; i++)
				strlcpy(entry->also_about[entry->n_also_about++],
						NameStr(*DatumGetName(elements[i])), NAMEDATALEN);
		}
		if (!nulls[PROTECTED_SALT - 1])
		{
			bytea *salt = DatumGetByteaPP(values[PROTECTED_SALT - 1]);

			if (VARSIZE_ANY_EXHDR(salt) == sizeof(entry->salt))
				memcpy(entry->salt, VARDATA_ANY(salt), sizeof(entry->salt));
		}
		relations = lappend(relations, entry);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
ensure_relations(void)
{
	MemoryContext caller = CurrentMemoryContext;

	while (relations_generation != cache_catalog_generation)
	{
		uint64 generation = cache_catalog_generation;

		if (relations_context == NULL)
			relations_context = AllocSetContextCreate(
				CacheMemoryContext, "privseg protected relations", ALLOCSET_SMALL_SIZES);
		relations_generation = 0;
		relations = NIL;
		resolved_catalog_generation = 0;
		MemoryContextReset(relations_context);
		if (!catalog_installed())
			return;
		MemoryContextSwitchTo(relations_context);
		load_relations();
		MemoryContextSwitchTo(caller);
		relations_generation = generation;
	}
}

static const ProtectedRelation *
find_direct(Oid relid)
{
	ListCell *lc;

	foreach (lc, relations)
	{
		const ProtectedRelation *entry = lfirst(lc);

		if (entry->relid == relid)
			return entry;
	}
	return NULL;
}

/* search upwards: a child may have several parents under plain inheritance */
static const ProtectedRelation *
find_by_ancestors(Oid relid)
{
	const ProtectedRelation *found = find_direct(relid);
	Relation inherits;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;
	List *parents = NIL;
	ListCell *lc;

	check_stack_depth();
	if (found != NULL)
		return found;

	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		parents = lappend_oid(parents, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);

	foreach (lc, parents)
	{
		found = find_by_ancestors(lfirst_oid(lc));
		if (found != NULL)
			break;
	}
	list_free(parents);
	return found;
}

/*
 * protected_any -- is any relation of this database protected?  The first
 * question every hook asks, so that whoever does not use privseg pays for
 * nothing else.
 */
bool
protected_any(void)
{
	if (relations_generation != cache_catalog_generation)
		ensure_relations();
	return relations != NIL;
}

/* protected_were_any -- as far as is known; reads no catalog */
bool
protected_were_any(void)
{
	return relations != NIL;
}

/*
 * protected_relation -- what the relation is protected as, or NULL.
 * For a partition or inheritance child: its root's entry.
 */
const ProtectedRelation *
protected_relation(Oid relid)
{
	RelationEntry *entry;
	bool found;

	if (!OidIsValid(relid) || !protected_any())
		return NULL;

	for (;;)
	{
		const ProtectedRelation *root;
		uint64 catalog_generation;
		uint64 relation_generation;

		if (resolved == NULL || resolved_catalog_generation != cache_catalog_generation ||
			resolved_relation_generation != cache_relation_generation)
		{
			HASHCTL ctl;

			if (resolved != NULL)
				hash_destroy(resolved);
			resolved = NULL;
			MemSet(plain, 0, sizeof(plain));
			ctl.keysize = sizeof(Oid);
			ctl.entrysize = sizeof(RelationEntry);
			ctl.hcxt = CacheMemoryContext;
			resolved = hash_create("privseg relations seen", 256, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
			resolved_catalog_generation = cache_catalog_generation;
			resolved_relation_generation = cache_relation_generation;
		}

		if (likely(plain[relid % lengthof(plain)] == relid))
			return NULL;
		entry = hash_search(resolved, &relid, HASH_FIND, NULL);
		if (entry != NULL)
		{
			if (entry->root == NULL)
				plain[relid % lengthof(plain)] = relid;
			return entry->root;
		}

		catalog_generation = cache_catalog_generation;
		relation_generation = cache_relation_generation;
		root = find_by_ancestors(relid);
		if (catalog_generation != cache_catalog_generation ||
			relation_generation != cache_relation_generation)
		{
			ensure_relations();
			continue;
		}
		entry = hash_search(resolved, &relid, HASH_ENTER, &found);
		entry->root = root;
		return root;
	}
}

/* protected_by_column -- does the column hold a subject's key? */
bool
protected_by_column(const ProtectedRelation *entry, const char *column)
{
	if (strcmp(entry->subject, column) == 0)
		return true;
	for (int i = 0; i < entry->n_also_about; i++)
		if (strcmp(entry->also_about[i], column) == 0)
			return true;
	return false;
}

/*
 * protected_toast -- the protected relation whose TOAST table this is, or
 * InvalidOid.
 */
Oid
protected_toast(Oid relid)
{
	Relation depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		if (((Form_pg_depend) GETSTRUCT(tuple))->refclassid == RelationRelationId &&
			((Form_pg_depend) GETSTRUCT(tuple))->deptype == DEPENDENCY_INTERNAL)
			owner = ((Form_pg_depend) GETSTRUCT(tuple))->refobjid;
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return protected_relation(owner) != NULL ? owner : InvalidOid;
}

/* subject_domain -- the entry of a subject table itself, or NULL */
const ProtectedRelation *
subject_domain(Oid relid)
{
	const ProtectedRelation *entry;

	if (!protected_any())
		return NULL;
	entry = find_direct(relid);
	return entry != NULL && entry->domain == relid ? entry : NULL;
}

/* protected_members -- OIDs of all protected relations and their children */
List *
protected_members(void)
{
	List *roots = NIL;
	List *members = NIL;
	ListCell *lc;

	if (!protected_any())
		return NIL;
	/* looking at children may make our list anew */
	foreach (lc, relations)
		roots = lappend_oid(roots, ((ProtectedRelation *) lfirst(lc))->relid);
	foreach (lc, roots)
		members = list_concat(members, find_all_inheritors(lfirst_oid(lc), NoLock, NULL));
	return members;
}

/* subject_domains -- OIDs of all subject tables, in the caller's context */
List *
subject_domains(void)
{
	List *result = NIL;
	ListCell *lc;

	if (!protected_any())
		return NIL;
	foreach (lc, relations)
	{
		const ProtectedRelation *entry = lfirst(lc);

		if (entry->relid == entry->domain)
			result = lappend_oid(result, entry->relid);
	}
	return result;
}

/*
 * column_is_unique -- has every row of a relation another value in a column, by an index of it alone?
 *	surely	of all rows, and from the moment they are there
 */
bool
column_is_unique(Oid relid, AttrNumber column, bool surely)
{
	Relation relation = table_open(relid, AccessShareLock);
	bool found = false;
	ListCell *lc;

	foreach (lc, RelationGetIndexList(relation))
	{
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		found = found || (index->indisunique && index->indnkeyatts == 1 &&
						  index->indkey.values[0] == column &&
						  (!surely || (index->indimmediate && index->indisvalid &&
									   heap_attisnull(tuple, Anum_pg_index_indpred, NULL) &&
									   heap_attisnull(tuple, Anum_pg_index_indexprs, NULL))));
		ReleaseSysCache(tuple);
	}
	table_close(relation, AccessShareLock);
	return found;
}

/*
 * subject_key_is_unique -- does an index make sure that a new row of the subject
 * table is about a new subject?  protect() asked for one; it may be gone.
 */
bool
subject_key_is_unique(Oid relid)
{
	const ProtectedRelation *entry = subject_domain(relid);

	return entry != NULL && column_is_unique(relid, get_attnum(relid, entry->subject), true);
}
