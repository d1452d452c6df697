/*
 * catalog_category.c
 *	  Data categories, as values name them: by number, which does not come back when a
 *	  category is dropped and made anew.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* table layout: see sql/02-vocabulary.sql */
enum
{
	CATEGORY_NAME = 1,
	CATEGORY_SENSITIVITY,
	CATEGORY_PROTECTED_ATTRIBUTE,
	CATEGORY_MAX_AGE,
	CATEGORY_ID,
	CATEGORY_NATTS = CATEGORY_ID
};

static MemoryContext categories_context = NULL;
static uint64 categories_generation = 0;
static List *categories = NIL; /* of DataCategory * */

/* category_sensitivity -- how sensitive, of a word of the table's */
int
category_sensitivity(const char *word)
{
	return strcmp(word, "personal") == 0 ? 0 : strcmp(word, "sensitive") == 0 ? 1 : 2;
}

/* is a key below another? */
static bool
is_below(const char *name, const char *above)
{
	size_t length = strlen(above);

	return strncmp(above, name, length) == 0 && name[length] == '.';
}

/*
 * What is below a special category is special.  Who creates one is told; this is for those that
 * were there, or came by another way.
 */
static void
inherit_special(void)
{
	ListCell *lc;
	ListCell *other;

	foreach (lc, categories)
	{
		DataCategory *category = lfirst(lc);

		foreach (other, categories)
		{
			const DataCategory *above = lfirst(other);

			if (!above->special || !is_below(category->name, above->name))
				continue;
			category->special = true;
			category->sensitivity = above->sensitivity;
		}
	}
}

static void
load_categories(void)
{
	Relation rel = table_open(catalog_table_oid(CATALOG_DATA_CATEGORIES), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[CATEGORY_NATTS];
		bool nulls[CATEGORY_NATTS];
		DataCategory *category = palloc0(sizeof(DataCategory));
		const char *word;

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		category->id = DatumGetInt32(values[CATEGORY_ID - 1]);
		category->name = TextDatumGetCString(values[CATEGORY_NAME - 1]);
		word = TextDatumGetCString(values[CATEGORY_SENSITIVITY - 1]);
		category->special = strcmp(word, "special") == 0;
		category->sensitivity = category_sensitivity(word);
		category->protected_attribute = DatumGetBool(values[CATEGORY_PROTECTED_ATTRIBUTE - 1]);
		categories = lappend(categories, category);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	inherit_special();
}

static void
ensure_categories(void)
{
	MemoryContext caller = CurrentMemoryContext;

	while (categories_generation != cache_catalog_generation)
	{
		uint64 generation = cache_catalog_generation;

		if (categories_context == NULL)
			categories_context = AllocSetContextCreate(
				CacheMemoryContext, "privseg data categories", ALLOCSET_SMALL_SIZES);
		categories_generation = 0;
		categories = NIL;
		MemoryContextReset(categories_context);
		if (!catalog_installed())
			return;
		MemoryContextSwitchTo(categories_context);
		load_categories();
		MemoryContextSwitchTo(caller);
		categories_generation = generation;
	}
}

/* category_by_id -- or NULL; good until the next command */
const DataCategory *
category_by_id(int32 id)
{
	ListCell *lc;

	ensure_categories();
	foreach (lc, categories)
		if (((DataCategory *) lfirst(lc))->id == id)
			return lfirst(lc);
	return NULL;
}

/* category_by_name -- or NULL; good until the next command */
const DataCategory *
category_by_name(const char *name)
{
	ListCell *lc;

	ensure_categories();
	foreach (lc, categories)
		if (strcmp(((DataCategory *) lfirst(lc))->name, name) == 0)
			return lfirst(lc);
	return NULL;
}

/*
 * category_covers -- does clearance for a category, by its name, reach another?  The keys below
 * it, but no special one: that is granted by its own name.
 */
bool
category_covers(const char *granted, const DataCategory *category)
{
	return strcmp(granted, category->name) == 0 ||
		   (!category->special && is_below(category->name, granted));
}

/*
 * category_may_go_into -- may values of a category be written where another one is kept?  Where that is
 * at least as high.
 */
bool
category_may_go_into(const DataCategory *from, const DataCategory *to)
{
	if (from == NULL || to == NULL)
		return false;
	/* on what the use of special ones rests is asked of these only */
	return (to->special || !from->special) && to->sensitivity >= from->sensitivity &&
		   (to->protected_attribute || !from->protected_attribute);
}
