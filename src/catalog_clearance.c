/*
 * catalog_clearance.c
 *	  Who may act under which purpose, and when row security is really off.
 *
 * Clearance follows role membership and the current user at execution.  A
 * superuser's implicit membership of every role gives none: only what was
 * granted to the superuser, or to a role it was really made a member of.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "guc.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

/* table layout: see sql/04-clearance.sql */
enum
{
	CLEARANCES_GRANTEE = 1,
	CLEARANCES_PURPOSE,
	CLEARANCES_CATEGORY,
	CLEARANCES_USES,
	CLEARANCES_NATTS = CLEARANCES_USES
};

#define CLEARED_TO_ACT 0x01
#define CLEARED_TO_COLLECT 0x02
#define CLEARED_IN_PART 0x04 /* for a category: opens no rows */
#define CLEARED_TO_AGGREGATE 0x08

typedef struct Clearance
{
	Oid grantee;
	char purpose[NAMEDATALEN];
	int cleared;
	char *category; /* or NULL */
	int uses;       /* of the category: USE_* */
} Clearance;

typedef struct ClearanceKey
{
	Oid role;
	int32 purpose;
} ClearanceKey;

typedef struct ClearanceEntry
{
	ClearanceKey key;
	int cleared;
} ClearanceEntry;

static MemoryContext clearances_context = NULL;
static uint64 clearances_generation = 0;
static List *clearances = NIL; /* of Clearance * */

static HTAB *resolved = NULL; /* of ClearanceEntry */
static uint64 resolved_catalog_generation = 0;
static uint64 resolved_role_generation = 0;

static int
uses_mask(Datum uses)
{
	Datum *elements;
	int nelements;
	int mask = 0;

	deconstruct_array(DatumGetArrayTypeP(uses), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL,
					  &nelements);
	if (nelements == 0)
		return CLEARED_TO_ACT;
	for (int i = 0; i < nelements; i++)
	{
		char *use = TextDatumGetCString(elements[i]);

		mask |= strcmp(use, "collect") == 0 ? CLEARED_TO_COLLECT : CLEARED_TO_AGGREGATE;
	}
	return mask;
}

static int
category_uses(Datum uses)
{
	static const struct
	{
		const char *word;
		int use;
	} words[] = {{"project", USE_PROJECT},
				 {"mask", USE_MASK},
				 {"filter", USE_FILTER},
				 {"aggregate", USE_AGGREGATE},
				 {"write", USE_WRITE}};
	Datum *elements;
	int nelements;
	int mask = 0;

	deconstruct_array(DatumGetArrayTypeP(uses), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL,
					  &nelements);
	for (int i = 0; i < nelements; i++)
		for (size_t j = 0; j < lengthof(words); j++)
			if (strcmp(TextDatumGetCString(elements[i]), words[j].word) == 0)
				mask |= words[j].use;
	return mask;
}

static void
load_clearances(void)
{
	Relation rel = table_open(catalog_table_oid(CATALOG_CLEARANCES), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[64];
		bool nulls[64];
		Clearance *clearance;

		Assert(RelationGetDescr(rel)->natts <= 64);
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		clearance = palloc0(sizeof(Clearance));
		clearance->grantee = DatumGetObjectId(values[CLEARANCES_GRANTEE - 1]);
		strlcpy(clearance->purpose, TextDatumGetCString(values[CLEARANCES_PURPOSE - 1]),
				NAMEDATALEN);
		clearance->cleared = nulls[CLEARANCES_CATEGORY - 1] ?
								 uses_mask(values[CLEARANCES_USES - 1]) :
								 CLEARED_IN_PART;
		if (!nulls[CLEARANCES_CATEGORY - 1])
		{
			clearance->category = TextDatumGetCString(values[CLEARANCES_CATEGORY - 1]);
			clearance->uses = category_uses(values[CLEARANCES_USES - 1]);
		}
		clearances = lappend(clearances, clearance);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
ensure_clearances(void)
{
	MemoryContext caller = CurrentMemoryContext;

	while (clearances_generation != cache_catalog_generation)
	{
		uint64 generation = cache_catalog_generation;

		if (clearances_context == NULL)
			clearances_context = AllocSetContextCreate(CacheMemoryContext, "privseg clearances",
													   ALLOCSET_SMALL_SIZES);
		clearances_generation = 0;
		clearances = NIL;
		MemoryContextReset(clearances_context);
		if (!catalog_installed())
			return;
		MemoryContextSwitchTo(clearances_context);
		load_clearances();
		MemoryContextSwitchTo(caller);
		clearances_generation = generation;
	}
}

/*
 * role_counts_as -- does `member` hold what was granted to `role`?  As core's
 * has_privs_of_role (NOINHERIT respected), but without the superuser's
 * implicit membership.
 */
bool
role_counts_as(Oid member, Oid role)
{
	HeapTuple tuple;
	bool inherits;

	if (member == role)
		return true;
	if (!superuser_arg(member))
		return has_privs_of_role(member, role);
	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(member));
	if (!HeapTupleIsValid(tuple))
		return false;
	inherits = ((Form_pg_authid) GETSTRUCT(tuple))->rolinherit;
	ReleaseSysCache(tuple);
	return inherits && is_member_of_role_nosuper(member, role);
}

/* role_is_admin -- may `role` call what the named privseg role may call? */
bool
role_is_admin(Oid role, const char *admin_role)
{
	Oid admin;

	if (superuser_arg(role))
		return true;
	admin = get_role_oid(admin_role, true);
	return OidIsValid(admin) && has_privs_of_role(role, admin);
}

static int
cleared(Oid role, const Purpose *purpose)
{
	ClearanceKey key;
	ClearanceEntry *entry;

	for (;;)
	{
		uint64 role_generation;
		uint64 catalog_generation;
		int mask = 0;
		ListCell *lc;

		ensure_clearances();
		if (resolved == NULL || resolved_catalog_generation != cache_catalog_generation ||
			resolved_role_generation != cache_role_generation)
		{
			HASHCTL ctl;

			if (resolved != NULL)
				hash_destroy(resolved);
			resolved = NULL;
			ctl.keysize = sizeof(ClearanceKey);
			ctl.entrysize = sizeof(ClearanceEntry);
			ctl.hcxt = CacheMemoryContext;
			resolved = hash_create("privseg clearances seen", 64, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
			resolved_catalog_generation = cache_catalog_generation;
			resolved_role_generation = cache_role_generation;
		}

		key.role = role;
		key.purpose = purpose->id;
		entry = hash_search(resolved, &key, HASH_FIND, NULL);
		if (entry != NULL)
			return entry->cleared;

		role_generation = cache_role_generation;
		catalog_generation = cache_catalog_generation;
		foreach (lc, clearances)
		{
			Clearance *clearance = lfirst(lc);
			Oid grantee = clearance->grantee;
			int gives = clearance->cleared;

			if (strcmp(clearance->purpose, purpose->name) != 0)
				continue;
			if (role_counts_as(role, grantee))
				mask |= gives;
			/* role lookups may have thrown the list away */
			if (catalog_generation != cache_catalog_generation)
				break;
		}
		if (role_generation != cache_role_generation ||
			catalog_generation != cache_catalog_generation)
			continue;
		entry = hash_search(resolved, &key, HASH_ENTER, NULL);
		entry->cleared = mask;
		return mask;
	}
}

/*
 * clearance_uses -- the uses of a category that the role is cleared for under the purpose, of
 * USE_*; of a special one none where the purpose has no basis for these, whatever was granted.
 * Not remembered: the caller does.
 */
int
clearance_uses(Oid role, const Purpose *purpose, const DataCategory *category)
{
	DataCategory copy = *category;
	List *grantees;
	ListCell *lc;
	int uses;
	uint64 generation;

	if (category->special && purpose->special == SPECIAL_NONE)
		return 0;
	copy.name = pstrdup(category->name);
	do
	{
		ensure_clearances();
		generation = cache_catalog_generation;
		uses = 0;
		grantees = NIL;
		foreach (lc, clearances)
		{
			Clearance *clearance = lfirst(lc);

			if (clearance->category != NULL && strcmp(clearance->purpose, purpose->name) == 0 &&
				category_covers(clearance->category, &copy))
				grantees =
					lappend(grantees, list_make2_int((int) clearance->grantee, clearance->uses));
		}
		/* role lookups may throw the list away */
		foreach (lc, grantees)
			if (role_counts_as(role, (Oid) linitial_int(lfirst_node(List, lc))))
				uses |= lsecond_int(lfirst_node(List, lc));
	} while (generation != cache_catalog_generation);
	pfree(copy.name);
	return uses;
}

/* clearance_to_act -- may the role read and write rows under the purpose? */
bool
clearance_to_act(Oid role, const Purpose *purpose)
{
	return (cleared(role, purpose) & CLEARED_TO_ACT) != 0;
}

/* clearance_to_aggregate -- may it be shown groups of rows under the purpose? */
bool
clearance_to_aggregate(Oid role, const Purpose *purpose)
{
	return (cleared(role, purpose) & CLEARED_TO_AGGREGATE) != 0;
}

/* clearance_to_collect -- may it record and withdraw consent for the purpose? */
bool
clearance_to_collect(Oid role, const Purpose *purpose)
{
	return (cleared(role, purpose) & CLEARED_TO_COLLECT) != 0;
}

/* clearance_in_part -- is it cleared for something, though not to act? */
bool
clearance_in_part(Oid role, const Purpose *purpose)
{
	return (cleared(role, purpose) & (CLEARED_TO_COLLECT | CLEARED_IN_PART)) != 0;
}

/* clearance_any -- does the role hold any clearance, of its own or through others? */
bool
clearance_any(Oid role)
{
	List *grantees = NIL;
	ListCell *lc;

	ensure_clearances();
	foreach (lc, clearances)
		grantees = list_append_unique_oid(grantees, ((Clearance *) lfirst(lc))->grantee);
	foreach (lc, grantees)
		if (role_counts_as(role, lfirst_oid(lc)))
			return true;
	return false;
}

/* may_bypass_row_security -- would `row_security = off` be honoured? */
bool
may_bypass_row_security(void)
{
	return has_bypassrls_privilege(GetUserId()) && has_bypassrls_privilege(GetOuterUserId()) &&
		   has_bypassrls_privilege(GetSessionUserId());
}

/* or_bypass -- the end of a hint, for who may take that way */
const char *
or_bypass(void)
{
	return may_bypass_row_security() ? "; or, to maintain the database, SET row_security = off" :
									   "";
}

/*
 * Logical replication's initial copy is one COPY TO STDOUT over a replication
 * connection, and cannot set anything first.  It must be whole.
 */
bool catalog_copies_for_replication = false;

/*
 * row_security_bypassed -- is `row_security = off` to be honoured?
 *
 * Anyone may set it; a superuser's SECURITY DEFINER function called by an
 * analyst who did must not show all rows.  So session user, outer user and
 * current user must all be allowed to bypass row security.
 */
bool
row_security_bypassed(void)
{
	return (guc_row_security_is_off() || catalog_copies_for_replication) &&
		   may_bypass_row_security();
}
