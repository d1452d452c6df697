/*
 * catalog_purpose.c
 *	  The vocabulary as C sees it: purposes and privacy notices.
 *
 * Both tables are small (tens of rows), so each is read whole into a cache of
 * this backend and thrown away when cache_inval.c's counter moves.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

static MemoryContext vocabulary_context = NULL;
static uint64 vocabulary_generation = 0;
static List *purposes = NIL; /* of Purpose * */
static List *notices = NIL;  /* of Notice *, by seq */

static LegalBasis
legal_basis_from_text(const char *text)
{
	if (strcmp(text, "consent") == 0)
		return BASIS_CONSENT;
	if (strcmp(text, "contract") == 0)
		return BASIS_CONTRACT;
	if (strcmp(text, "legal_obligation") == 0)
		return BASIS_LEGAL_OBLIGATION;
	if (strcmp(text, "vital_interests") == 0)
		return BASIS_VITAL_INTERESTS;
	if (strcmp(text, "public_interest") == 0)
		return BASIS_PUBLIC_INTEREST;
	if (strcmp(text, "legitimate_interests") == 0)
		return BASIS_LEGITIMATE_INTERESTS;
	/* a CHECK constraint keeps this out; consent is the strictest reading */
	return BASIS_CONSENT;
}

static SpecialBasis
special_basis_from_text(const char *text)
{
	return strcmp(text, "explicit_consent") == 0 ? SPECIAL_EXPLICIT_CONSENT : SPECIAL_OTHER;
}

/* table layout: see sql/02-vocabulary.sql */
enum
{
	PURPOSES_ID = 1,
	PURPOSES_NAME,
	PURPOSES_BASIS,
	PURPOSES_DIRECT_MARKETING,
	PURPOSES_SALE,
	PURPOSES_TARGETED,
	PURPOSES_DESCRIPTION,
	PURPOSES_SPECIAL,
	PURPOSES_MIN_GROUP_SIZE,
	PURPOSES_NATTS = PURPOSES_MIN_GROUP_SIZE
};

enum
{
	NOTICES_ID = 1,
	NOTICES_NAME,
	NOTICES_VERSION,
	NOTICES_MATERIAL,
	NOTICES_PUBLISHED_AT,
	NOTICES_PURPOSES,
	NOTICES_NATTS = NOTICES_PURPOSES
};

static void
load_purposes(void)
{
	Relation rel = table_open(catalog_table_oid(CATALOG_PURPOSES), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[64];
		bool nulls[64];
		Purpose *purpose = palloc0(sizeof(Purpose));

		Assert(RelationGetDescr(rel)->natts <= 64);
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		purpose->id = DatumGetInt32(values[PURPOSES_ID - 1]);
		strlcpy(purpose->name, TextDatumGetCString(values[PURPOSES_NAME - 1]), NAMEDATALEN);
		purpose->basis = legal_basis_from_text(TextDatumGetCString(values[PURPOSES_BASIS - 1]));
		purpose->direct_marketing = DatumGetBool(values[PURPOSES_DIRECT_MARKETING - 1]);
		purpose->sale_or_sharing = DatumGetBool(values[PURPOSES_SALE - 1]);
		purpose->targeted_advertising = DatumGetBool(values[PURPOSES_TARGETED - 1]);
		if (!nulls[PURPOSES_MIN_GROUP_SIZE - 1])
			purpose->min_group_size = DatumGetInt32(values[PURPOSES_MIN_GROUP_SIZE - 1]);
		if (nulls[PURPOSES_SPECIAL - 1])
			purpose->special = SPECIAL_NONE;
		else
			purpose->special =
				special_basis_from_text(TextDatumGetCString(values[PURPOSES_SPECIAL - 1]));
		purposes = lappend(purposes, purpose);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* one publication may come in several languages: those are one version */
static Notice *
find_version(List *list, const char *name, const char *version)
{
	ListCell *lc;

	foreach (lc, list)
	{
		Notice *notice = lfirst(lc);

		if (strcmp(notice->name, name) == 0 && strcmp(notice->version, version) == 0)
			return notice;
	}
	return NULL;
}

static int
compare_notice_ids(const ListCell *a, const ListCell *b)
{
	const Notice *x = lfirst(a);
	const Notice *y = lfirst(b);

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void
load_notices(void)
{
	Relation rel = table_open(catalog_table_oid(CATALOG_NOTICES), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[64];
		bool nulls[64];
		char *name;
		char *version;
		int32 id;
		bool material;
		TimestampTz published;
		Notice *notice;
		Datum *elements;
		int nelements;

		Assert(RelationGetDescr(rel)->natts <= 64);
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		id = (int32) DatumGetInt64(values[NOTICES_ID - 1]);
		name = TextDatumGetCString(values[NOTICES_NAME - 1]);
		version = TextDatumGetCString(values[NOTICES_VERSION - 1]);
		material = DatumGetBool(values[NOTICES_MATERIAL - 1]);
		published = DatumGetTimestampTz(values[NOTICES_PUBLISHED_AT - 1]);
		notice = find_version(notices, name, version);
		if (notice == NULL)
		{
			notice = palloc0(sizeof(Notice));
			notice->seq = id;
			notice->name = name;
			notice->version = version;
			notice->published_at = published;
			notices = lappend(notices, notice);
		}
		notice->seq = Min(notice->seq, id);
		notice->material = notice->material || material;
		notice->published_at = Min(notice->published_at, published);
		deconstruct_array(DatumGetArrayTypeP(values[NOTICES_PURPOSES - 1]), TEXTOID, -1, false,
						  TYPALIGN_INT, &elements, NULL, &nelements);
		for (int i = 0; i < nelements; i++)
			notice->purposes = lappend(notice->purposes, TextDatumGetCString(elements[i]));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(notices, compare_notice_ids);
}

static void
ensure_vocabulary(void)
{
	MemoryContext caller = CurrentMemoryContext;

	if (!catalog_installed())
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("extension \"privseg\" is not installed in this database"),
						errhint("Run CREATE EXTENSION privseg.")));
	while (vocabulary_generation != cache_catalog_generation)
	{
		uint64 generation = cache_catalog_generation;

		if (vocabulary_context == NULL)
			vocabulary_context = AllocSetContextCreate(CacheMemoryContext, "privseg vocabulary",
													   ALLOCSET_SMALL_SIZES);
		vocabulary_generation = 0;
		purposes = NIL;
		notices = NIL;
		MemoryContextReset(vocabulary_context);
		MemoryContextSwitchTo(vocabulary_context);
		load_purposes();
		load_notices();
		MemoryContextSwitchTo(caller);
		/* inside the extension's own script nothing stays known */
		if (!catalog_installed())
			break;
		vocabulary_generation = generation;
	}
}

/* purpose_by_name -- copy the purpose of that name; false: there is none */
bool
purpose_by_name(const char *name, Purpose *purpose)
{
	ListCell *lc;

	ensure_vocabulary();
	foreach (lc, purposes)
	{
		const Purpose *known = lfirst(lc);

		if (strcmp(known->name, name) != 0)
			continue;
		*purpose = *known;
		return true;
	}
	return false;
}

/*
 * purpose_explicit -- the twin of a purpose, under which values of special categories are opened;
 * false: it has none, for their use does not rest on explicit consent
 */
bool
purpose_explicit(const Purpose *purpose, Purpose *twin)
{
	if (purpose->special != SPECIAL_EXPLICIT_CONSENT || purpose->explicit_only)
		return false;
	*twin = *purpose;
	twin->id = -purpose->id;
	twin->explicit_only = true;
	return true;
}

/*
 * purpose_all -- copies of all that have a consent set, purposes and twins, in the caller's
 * context
 */
List *
purpose_all(void)
{
	List *copies = NIL;
	ListCell *lc;

	ensure_vocabulary();
	foreach (lc, purposes)
	{
		Purpose *copy = palloc(sizeof(Purpose));

		memcpy(copy, lfirst(lc), sizeof(Purpose));
		copies = lappend(copies, copy);
		copy = palloc(sizeof(Purpose));
		if (purpose_explicit(lfirst(lc), copy))
			copies = lappend(copies, copy);
	}
	return copies;
}

/* notice_by_reference -- the notice written 'name/version', or NULL */
const Notice *
notice_by_reference(const char *reference)
{
	const char *slash = strrchr(reference, '/');
	ListCell *lc;

	ensure_vocabulary();
	if (slash == NULL)
		return NULL;
	foreach (lc, notices)
	{
		Notice *notice = lfirst(lc);

		if (strlen(notice->name) == (size_t) (slash - reference) &&
			strncmp(notice->name, reference, slash - reference) == 0 &&
			strcmp(notice->version, slash + 1) == 0)
			return notice;
	}
	return NULL;
}

/* notice_by_seq -- the notice with that order number, or NULL */
const Notice *
notice_by_seq(int32 seq)
{
	ListCell *lc;

	ensure_vocabulary();
	foreach (lc, notices)
	{
		Notice *notice = lfirst(lc);

		if (notice->seq == seq)
			return notice;
	}
	return NULL;
}

/*
 * notice_overtaking -- the first material notice of the same name that was
 * published after this one; NULL if consents given under it still stand.
 */
const Notice *
notice_overtaking(const Notice *given_under)
{
	ListCell *lc;

	foreach (lc, notices)
	{
		Notice *notice = lfirst(lc);

		if (notice->material && notice->seq > given_under->seq &&
			strcmp(notice->name, given_under->name) == 0)
			return notice;
	}
	return NULL;
}
