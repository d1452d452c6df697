/*
 * consent_store.c
 *	  Rows of the set's own tables: consent_set, consent_page, consent_delta,
 *	  consent_agenda.
 *
 * They are ordinary tables: MVCC, WAL-logged, replicated.  Only this file
 * writes them (a trigger refuses everyone else), with the functions core uses
 * for its catalogs, so that a change costs no SQL.  They are not dumped: they
 * can be rebuilt from the records.
 *
 * Who writes what:
 * - a delta is appended by whoever adds a record, without any lock but its own
 *   row's, so writers never wait for one another;
 * - sets, pages and agenda are written, and deltas deleted, under the domain's
 *   fold lock (consent_fold.c) with a snapshot taken after the lock, so a row
 *   found is the newest.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "consent.h"
#include "errors.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

enum
{
	SET_DOMAIN = 1,
	SET_PURPOSE,
	SET_BITS,
	SET_MEMBERS,
	SET_NATTS = SET_MEMBERS
};

enum
{
	PAGE_DOMAIN = 1,
	PAGE_PURPOSE,
	PAGE_KIND,
	PAGE_POSITION,
	PAGE_COUNT,
	PAGE_NEXT_DUE,
	PAGE_MEMBERS,
	PAGE_NATTS = PAGE_MEMBERS
};

enum
{
	DELTA_DOMAIN = 1,
	DELTA_POSITION,
	DELTA_PURPOSE,
	DELTA_SUBJECTS,
	DELTA_NATTS = DELTA_SUBJECTS
};

enum
{
	AGENDA_DOMAIN = 1,
	AGENDA_PURPOSE,
	AGENDA_KIND,
	AGENDA_POSITION,
	AGENDA_DUE,
	AGENDA_SUBJECTS,
	AGENDA_NATTS = AGENDA_SUBJECTS
};

/* ---- generic row access ---- */

static HeapTuple
fetch_one(Relation heap, CatalogTable index, Snapshot snapshot, int nkeys, ScanKey keys)
{
	SysScanDesc scan =
		systable_beginscan(heap, catalog_table_oid(index), true, snapshot, nkeys, keys);
	HeapTuple tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

/* ---- consent_set ---- */

static void
set_keys(ScanKeyData *keys, Oid domain, int32 purpose_id)
{
	ScanKeyInit(&keys[0], SET_DOMAIN, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(domain));
	ScanKeyInit(&keys[1], SET_PURPOSE, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(purpose_id));
}

/* set_fetch -- the set's row; set->found is false when it was never built */
void
set_fetch(Oid domain, int32 purpose_id, Snapshot snapshot, ConsentSet *set)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_SET), AccessShareLock);
	ScanKeyData keys[2];
	HeapTuple tuple;

	MemSet(set, 0, sizeof(*set));
	set->domain = domain;
	set->purpose_id = purpose_id;
	set_keys(keys, domain, purpose_id);
	tuple = fetch_one(heap, CATALOG_CONSENT_SET_INDEX, snapshot, 2, keys);
	if (HeapTupleIsValid(tuple))
	{
		Datum values[SET_NATTS];
		bool nulls[SET_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		set->found = true;
		set->bits = DatumGetInt32(values[SET_BITS - 1]);
		set->members = DatumGetInt64(values[SET_MEMBERS - 1]);
		set->tid = tuple->t_self;
		heap_freetuple(tuple);
	}
	table_close(heap, AccessShareLock);
}

/* set_store -- insert or update the set's row */
void
set_store(ConsentSet *set)
{
	Datum values[SET_NATTS];
	bool nulls[SET_NATTS] = {0};

	values[SET_DOMAIN - 1] = ObjectIdGetDatum(set->domain);
	values[SET_PURPOSE - 1] = Int32GetDatum(set->purpose_id);
	values[SET_BITS - 1] = Int32GetDatum(set->bits);
	values[SET_MEMBERS - 1] = Int64GetDatum(set->members);
	/* an update changes the count of members only */
	if (!set->found)
		consent_mark_set_changed(set->domain);
	set->tid = catalog_write_row(CATALOG_CONSENT_SET, set->found ? &set->tid : NULL, values, nulls);
	set->found = true;
}

static void
delete_matching(CatalogTable table, CatalogTable index, ScanKeyData *keys, Snapshot snapshot)
{
	Relation heap = table_open(catalog_table_oid(table), RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(heap, catalog_table_oid(index), true, snapshot, 2, keys);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(heap, &tuple->t_self);
	systable_endscan(scan);
	table_close(heap, RowExclusiveLock);
}

/* set_clear -- delete the set, its pages and its agenda; deltas stay */
void
set_clear(Oid domain, int32 purpose_id, Snapshot snapshot)
{
	ScanKeyData keys[2];

	consent_mark_set_changed(domain);
	consent_mark_changed(domain, 0, ~UINT64CONST(0));
	set_keys(keys, domain, purpose_id);
	delete_matching(CATALOG_CONSENT_SET, CATALOG_CONSENT_SET_INDEX, keys, snapshot);
	set_keys(keys, domain, purpose_id);
	delete_matching(CATALOG_CONSENT_PAGE, CATALOG_CONSENT_PAGE_INDEX, keys, snapshot);
	set_keys(keys, domain, purpose_id);
	delete_matching(CATALOG_CONSENT_AGENDA, CATALOG_CONSENT_AGENDA_INDEX, keys, snapshot);
}

/* ---- consent_page ---- */

static Size
entry_bytes(const ProtectedRelation *domain)
{
	return domain->key_kind == KEY_INTEGER ? sizeof(uint64) : sizeof(SubjectPosition);
}

/* page_bytes -- what a sparse page would take when stored */
Size
page_bytes(const ProtectedRelation *domain, const PageRow *page)
{
	return sizeof(uint64) + page->n_dense * sizeof(uint64) + page->count * entry_bytes(domain);
}

static void
page_damaged(void)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_CORRUPT), errmsg("a page of privseg's consent set is damaged"),
			 errhint("Rebuild the consent set with privseg.rebuild_consent().")));
}

static void
decode_sparse(const ProtectedRelation *domain, const char *data, Size size, PageRow *page)
{
	uint64 n_dense;
	Size entries;

	if (size < sizeof(n_dense))
		page_damaged();
	memcpy(&n_dense, data, sizeof(n_dense));
	if (n_dense > (size - sizeof(n_dense)) / sizeof(uint64))
		page_damaged();
	data += sizeof(n_dense);
	size -= sizeof(n_dense) + n_dense * sizeof(uint64);
	page->n_dense = (int) n_dense;
	page->dense = palloc(Max(n_dense, 1) * sizeof(uint64));
	memcpy(page->dense, data, n_dense * sizeof(uint64));
	page->stored = data + n_dense * sizeof(uint64);
	entries = size / entry_bytes(domain);
	if (entries != (Size) page->count || entries * entry_bytes(domain) != size)
		page_damaged();
}

/* a page of a row; of a sparse one, the members stay where they are */
static void
decode_page(const ProtectedRelation *domain, char kind, TupleDesc descriptor, HeapTuple tuple,
			PageRow *page)
{
	Datum values[PAGE_NATTS];
	bool nulls[PAGE_NATTS];
	bytea *members;

	MemSet(page, 0, sizeof(*page));
	heap_deform_tuple(tuple, descriptor, values, nulls);
	page->found = true;
	page->tid = tuple->t_self;
	page->position = position_from_sql(DatumGetInt64(values[PAGE_POSITION - 1]));
	page->count = DatumGetInt32(values[PAGE_COUNT - 1]);
	page->next_due = DatumGetTimestampTz(values[PAGE_NEXT_DUE - 1]);
	members = DatumGetByteaPP(values[PAGE_MEMBERS - 1]);
	if (kind == PAGE_SPARSE)
		decode_sparse(domain, VARDATA_ANY(members), VARSIZE_ANY_EXHDR(members), page);
	else
	{
		if (VARSIZE_ANY_EXHDR(members) != BITMAP_BYTES)
			page_damaged();
		page->bitmap = palloc(BITMAP_BYTES);
		memcpy(page->bitmap, VARDATA_ANY(members), BITMAP_BYTES);
	}
}

/* page_copy_members -- of a sparse page, into memory of their own */
void
page_copy_members(const ProtectedRelation *domain, PageRow *page)
{
	Size size = page->count * entry_bytes(domain);
	void *members = palloc(Max(size, 1));

	memcpy(members, page->stored, size);
	if (domain->key_kind == KEY_INTEGER)
		page->hi = members;
	else
		page->wide = members;
	page->stored = NULL;
}

/* page_fetch -- one page; an absent row is an empty page without agenda */
void
page_fetch(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 position,
		   Snapshot snapshot, PageRow *page)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_PAGE), AccessShareLock);
	ScanKeyData keys[4];
	SysScanDesc scan;
	HeapTuple tuple;

	MemSet(page, 0, sizeof(*page));
	page->next_due = DT_NOEND;
	set_keys(keys, domain->relid, purpose_id);
	ScanKeyInit(&keys[2], PAGE_KIND, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(kind));
	ScanKeyInit(&keys[3], PAGE_POSITION, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(position_to_sql(position)));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_CONSENT_PAGE_INDEX), true, snapshot,
							  4, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		decode_page(domain, kind, RelationGetDescr(heap), tuple, page);
		if (kind == PAGE_SPARSE)
			page_copy_members(domain, page);
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
}

/*
 * page_scan -- every sparse page, in order of position, each in a context that
 * is reset after the call.  Only `stored` says where the members are.
 */
void
page_scan(const ProtectedRelation *domain, int32 purpose_id, Snapshot snapshot, PageVisitor visit,
		  void *argument)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_PAGE), AccessShareLock);
	MemoryContext page_context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg page scan", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(page_context);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple tuple;

	set_keys(keys, domain->relid, purpose_id);
	ScanKeyInit(&keys[2], PAGE_KIND, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(PAGE_SPARSE));
	MemoryContextSwitchTo(caller);
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_CONSENT_PAGE_INDEX), true, snapshot,
							  3, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		PageRow page;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(page_context);
		decode_page(domain, PAGE_SPARSE, RelationGetDescr(heap), tuple, &page);
		visit(&page, argument);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(page_context);
	}
	systable_endscan(scan);
	MemoryContextDelete(page_context);
	table_close(heap, AccessShareLock);
}

/* page_store -- insert, update, or delete when nothing is left on it */
void
page_store(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 position,
		   PageRow *page)
{
	Datum values[PAGE_NATTS];
	bool nulls[PAGE_NATTS] = {0};
	bytea *members;

	if (kind == PAGE_SPARSE && page->count == 0 && page->n_dense == 0 && page->next_due == DT_NOEND)
	{
		if (page->found)
			catalog_delete_row(CATALOG_CONSENT_PAGE, &page->tid);
		page->found = false;
		return;
	}

	if (kind == PAGE_DENSE)
	{
		members = palloc(VARHDRSZ + BITMAP_BYTES);
		SET_VARSIZE(members, VARHDRSZ + BITMAP_BYTES);
		memcpy(VARDATA(members), page->bitmap, BITMAP_BYTES);
	}
	else
	{
		Size size = page_bytes(domain, page);
		uint64 n_dense = page->n_dense;
		char *at;

		members = palloc(VARHDRSZ + size);
		SET_VARSIZE(members, VARHDRSZ + size);
		at = VARDATA(members);
		memcpy(at, &n_dense, sizeof(n_dense));
		at += sizeof(n_dense);
		memcpy(at, page->dense, n_dense * sizeof(uint64));
		at += n_dense * sizeof(uint64);
		memcpy(at, domain->key_kind == KEY_INTEGER ? (void *) page->hi : (void *) page->wide,
			   page->count * entry_bytes(domain));
	}

	values[PAGE_DOMAIN - 1] = ObjectIdGetDatum(domain->relid);
	values[PAGE_PURPOSE - 1] = Int32GetDatum(purpose_id);
	values[PAGE_KIND - 1] = CharGetDatum(kind);
	values[PAGE_POSITION - 1] = Int64GetDatum(position_to_sql(position));
	values[PAGE_COUNT - 1] = Int32GetDatum(page->count);
	values[PAGE_NEXT_DUE - 1] = TimestampTzGetDatum(page->next_due);
	values[PAGE_MEMBERS - 1] = PointerGetDatum(members);
	page->tid =
		catalog_write_row(CATALOG_CONSENT_PAGE, page->found ? &page->tid : NULL, values, nulls);
	page->found = true;
	pfree(members);
}

/* ---- consent_delta ---- */

/* delta_append -- one row about n subjects; it lies at the first one's position */
void
delta_append(const ProtectedRelation *domain, int32 purpose_id, const DirtySubject *subjects, int n)
{
	Datum values[DELTA_NATTS];
	bool nulls[DELTA_NATTS] = {0};
	char **texts = palloc(sizeof(char *) * n);
	uint64 position = subjects[0].position.hi;
	bytea *encoded;

	for (int i = 0; i < n; i++)
		texts[i] = subjects[i].subject;
	if (n > 1)
		position = chunk_start(position);
	encoded = dirty_encode(texts, n);
	consent_mark_changed(domain->relid, position, position);
	values[DELTA_DOMAIN - 1] = ObjectIdGetDatum(domain->relid);
	values[DELTA_POSITION - 1] = Int64GetDatum(position_to_sql(position));
	values[DELTA_PURPOSE - 1] = Int32GetDatum(purpose_id);
	values[DELTA_SUBJECTS - 1] = PointerGetDatum(encoded);
	catalog_write_row(CATALOG_CONSENT_DELTA, NULL, values, nulls);
	pfree(encoded);
	pfree(texts);
}

/*
 * delta_collect -- the subjects with deltas between two positions.
 *	purpose_id	that purpose's, as records have it, and the deltas about every purpose;
 *				FACT_NO_PURPOSE: all there are
 *	tids		if not NULL: the rows read, for delta_delete
 */
void
delta_collect(const ProtectedRelation *domain, int32 purpose_id, uint64 lo, uint64 hi,
			  Snapshot snapshot, DirtyList *dirty, List **tids)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_DELTA), AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], DELTA_DOMAIN, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(domain->relid));
	/* a row about several subjects lies at the start of their chunk */
	ScanKeyInit(&keys[1], DELTA_POSITION, BTGreaterEqualStrategyNumber, F_INT8GE,
				Int64GetDatum(position_to_sql(chunk_start(lo))));
	ScanKeyInit(&keys[2], DELTA_POSITION, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(position_to_sql(hi)));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_CONSENT_DELTA_INDEX), true, snapshot,
							  3, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[DELTA_NATTS];
		bool nulls[DELTA_NATTS];
		int32 row_purpose;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		row_purpose = DatumGetInt32(values[DELTA_PURPOSE - 1]);
		if (purpose_id != FACT_NO_PURPOSE && row_purpose != purpose_id &&
			row_purpose != FACT_EVERY_PURPOSE)
			continue;
		dirty_decode(domain, values[DELTA_SUBJECTS - 1], row_purpose, lo, hi, dirty);
		if (tids != NULL)
		{
			ItemPointer tid = palloc(sizeof(ItemPointerData));

			*tid = tuple->t_self;
			*tids = lappend(*tids, tid);
		}
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
}

/* delta_delete -- delete the rows that a fold has taken in */
void
delta_delete(List *tids)
{
	Relation heap;
	ListCell *lc;

	if (tids == NIL)
		return;
	heap = table_open(catalog_table_oid(CATALOG_CONSENT_DELTA), RowExclusiveLock);
	foreach (lc, tids)
		CatalogTupleDelete(heap, (ItemPointer) lfirst(lc));
	table_close(heap, RowExclusiveLock);
}

/* ---- consent_agenda ---- */

/* agenda_append -- these subjects must be decided anew at `due` */
void
agenda_append(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 position,
			  TimestampTz due, char **subjects, int n)
{
	/* rows stay well under a page; several rows with one due are as good */
	const int per_row = 256;

	for (int first = 0; first < n; first += per_row)
	{
		Datum values[AGENDA_NATTS];
		bool nulls[AGENDA_NATTS] = {0};
		bytea *encoded = dirty_encode(subjects + first, Min(per_row, n - first));

		values[AGENDA_DOMAIN - 1] = ObjectIdGetDatum(domain->relid);
		values[AGENDA_PURPOSE - 1] = Int32GetDatum(purpose_id);
		values[AGENDA_KIND - 1] = CharGetDatum(kind);
		values[AGENDA_POSITION - 1] = Int64GetDatum(position_to_sql(position));
		values[AGENDA_DUE - 1] = TimestampTzGetDatum(due);
		values[AGENDA_SUBJECTS - 1] = PointerGetDatum(encoded);
		catalog_write_row(CATALOG_CONSENT_AGENDA, NULL, values, nulls);
		pfree(encoded);
	}
}

/*
 * agenda_collect -- the subjects of a page due at or before a moment.
 * With `delete`, deletes those rows.  Returns when the next row is due.
 */
TimestampTz
agenda_collect(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 position,
			   TimestampTz at, Snapshot snapshot, DirtyList *dirty, bool delete)
{
	LOCKMODE mode = delete ? RowExclusiveLock : AccessShareLock;
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_AGENDA), mode);
	ScanKeyData keys[4];
	SysScanDesc scan;
	HeapTuple tuple;
	TimestampTz next = DT_NOEND;

	set_keys(keys, domain->relid, purpose_id);
	ScanKeyInit(&keys[2], AGENDA_KIND, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(kind));
	ScanKeyInit(&keys[3], AGENDA_POSITION, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(position_to_sql(position)));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_CONSENT_AGENDA_INDEX), true, snapshot,
							  4, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[AGENDA_NATTS];
		bool nulls[AGENDA_NATTS];
		TimestampTz due;

		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		due = DatumGetTimestampTz(values[AGENDA_DUE - 1]);
		if (due > at)
		{
			next = Min(next, due);
			continue;
		}
		dirty_decode(domain, values[AGENDA_SUBJECTS - 1], purpose_id, 0, ~UINT64CONST(0), dirty);
		if (delete)
			CatalogTupleDelete(heap, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(heap, mode);
	return next;
}

/*
 * agenda_due -- everything of a domain that is due at a moment.  The rows stay:
 * folding the subject's page deletes them.
 */
void
agenda_due(const ProtectedRelation *domain, TimestampTz at, Snapshot snapshot, DirtyList *dirty)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_AGENDA), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], AGENDA_DOMAIN, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(domain->relid));
	ScanKeyInit(&keys[1], AGENDA_DUE, BTLessEqualStrategyNumber, F_TIMESTAMPTZ_LE,
				TimestampTzGetDatum(at));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_CONSENT_AGENDA_DUE_INDEX), true,
							  snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum values[AGENDA_NATTS];
		bool nulls[AGENDA_NATTS];

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		dirty_decode(domain, values[AGENDA_SUBJECTS - 1], DatumGetInt32(values[AGENDA_PURPOSE - 1]),
					 0, ~UINT64CONST(0), dirty);
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
}

/* agenda_next_due -- when something of a domain is due next; DT_NOEND: nothing is */
TimestampTz
agenda_next_due(Oid domain, Snapshot snapshot)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_CONSENT_AGENDA), AccessShareLock);
	ScanKeyData key;
	HeapTuple tuple;
	TimestampTz due = DT_NOEND;
	bool isnull;

	ScanKeyInit(&key, AGENDA_DOMAIN, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(domain));
	/* the index's first */
	tuple = fetch_one(heap, CATALOG_CONSENT_AGENDA_DUE_INDEX, snapshot, 1, &key);
	if (tuple != NULL)
		due = DatumGetTimestampTz(heap_getattr(tuple, AGENDA_DUE, RelationGetDescr(heap), &isnull));
	table_close(heap, AccessShareLock);
	return due;
}
