/*
 * keyring_store.c
 *	  Rows of the tables that keys lie in, wrapped: keys, subject_keys,
 *	  subject_key_delta, shredded_subjects.
 *
 * Ordinary tables: MVCC, WAL-logged, replicated, dumped.  Only this file writes them (and a
 * superuser who restores a dump), as core writes its catalogs.  Pages are written, and deltas
 * deleted, under the domain's fold lock with a snapshot taken after it (keyring_fold.c).
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "errors.h"
#include "keyring.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

enum
{
	KEY_KIND = 1,
	KEY_NUMBER,
	KEY_ROOT_KEY,
	KEY_WRAPPED,
	KEY_CREATED_AT,
	KEY_NATTS = KEY_CREATED_AT
};

enum
{
	PAGE_DOMAIN = 1,
	PAGE_POSITION,
	PAGE_EPOCH,
	PAGE_COUNT,
	PAGE_KEYS,
	PAGE_NATTS = PAGE_KEYS
};

enum
{
	DELTA_DOMAIN = 1,
	DELTA_POSITION,
	DELTA_EPOCH,
	DELTA_KEY,
	DELTA_NATTS = DELTA_KEY
};

enum
{
	SHREDDED_DOMAIN = 1,
	SHREDDED_POSITION,
	SHREDDED_POSITION_LOW,
	SHREDDED_KEYS,
	SHREDDED_AT,
	SHREDDED_NATTS = SHREDDED_AT
};

/*
 * keyring_snapshot -- what is committed now, and what this transaction has written before the
 * running command.  Good until the next call; not registered, for it is used at once.  Core's
 * GetLatestSnapshot() is not for parallel workers.
 */
Snapshot
keyring_snapshot(void)
{
	static SnapshotData snapshot = {.snapshot_type = SNAPSHOT_MVCC};

	return GetSnapshotData(&snapshot);
}

static void
refuse_row(const char *table)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_CORRUPT),
					errmsg("a row of privseg.%s has not the form of one", table)));
}

/* no column of theirs is ever NULL */
static void
write_row(CatalogTable table, const ItemPointerData *tid, Datum *values)
{
	static bool nulls[KEY_NATTS];

	catalog_write_row(table, tid, values, nulls);
}

static Datum
bytes_datum(const uint8 *bytes, size_t len)
{
	bytea *result = palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	memcpy(VARDATA(result), bytes, len);
	return PointerGetDatum(result);
}

static uint8 *
copy_bytes(Datum value, size_t *len)
{
	bytea *stored = DatumGetByteaPP(value);
	uint8 *result;

	*len = VARSIZE_ANY_EXHDR(stored);
	result = palloc(*len + 1);
	memcpy(result, VARDATA_ANY(stored), *len);
	return result;
}

/* ---- keys ---- */

static void
read_key(HeapTuple tuple, TupleDesc descriptor, StoredKey *key)
{
	Datum values[KEY_NATTS];
	bool nulls[KEY_NATTS];
	bytea *wrapped;

	heap_deform_tuple(tuple, descriptor, values, nulls);
	wrapped = DatumGetByteaPP(values[KEY_WRAPPED - 1]);
	if (VARSIZE_ANY_EXHDR(wrapped) != WRAPPED_KEY_BYTES)
		refuse_row("keys");
	key->tid = tuple->t_self;
	key->kind = DatumGetChar(values[KEY_KIND - 1]);
	key->number = DatumGetInt32(values[KEY_NUMBER - 1]);
	strlcpy(key->root_key, TextDatumGetCString(values[KEY_ROOT_KEY - 1]), sizeof(key->root_key));
	memcpy(key->wrapped, VARDATA_ANY(wrapped), WRAPPED_KEY_BYTES);
	key->created_at = DatumGetTimestampTz(values[KEY_CREATED_AT - 1]);
}

/*
 * stored_key_fetch -- a key; false where there is none.
 *	number	0: the newest of its kind
 */
bool
stored_key_fetch(char kind, int32 number, Snapshot snapshot, StoredKey *key)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_KEYS), AccessShareLock);
	Relation index = index_open(catalog_table_oid(CATALOG_KEYS_INDEX), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;

	ScanKeyInit(&keys[0], KEY_KIND, BTEqualStrategyNumber, F_CHAREQ, CharGetDatum(kind));
	ScanKeyInit(&keys[1], KEY_NUMBER, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(number));
	scan = systable_beginscan_ordered(heap, index, snapshot, number == 0 ? 1 : 2, keys);
	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	found = HeapTupleIsValid(tuple);
	if (found)
		read_key(tuple, RelationGetDescr(heap), key);
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	return found;
}

/* stored_keys -- all of them: of StoredKey * */
List *
stored_keys(Snapshot snapshot)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_KEYS), AccessShareLock);
	SysScanDesc scan = systable_beginscan(heap, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple tuple;
	List *result = NIL;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		StoredKey *key = palloc(sizeof(StoredKey));

		read_key(tuple, RelationGetDescr(heap), key);
		result = lappend(result, key);
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
	return result;
}

void
stored_key_put(const StoredKey *key)
{
	Datum values[KEY_NATTS];

	values[KEY_KIND - 1] = CharGetDatum(key->kind);
	values[KEY_NUMBER - 1] = Int32GetDatum(key->number);
	values[KEY_ROOT_KEY - 1] = CStringGetTextDatum(key->root_key);
	values[KEY_WRAPPED - 1] = bytes_datum(key->wrapped, WRAPPED_KEY_BYTES);
	values[KEY_CREATED_AT - 1] = TimestampTzGetDatum(key->created_at);
	write_row(CATALOG_KEYS, &key->tid, values);
}

void
stored_key_delete(const StoredKey *key)
{
	catalog_delete_row(CATALOG_KEYS, &key->tid);
}

/* ---- subject_keys ---- */

static void
read_page(HeapTuple tuple, TupleDesc descriptor, KeyPageRow *page)
{
	Datum values[PAGE_NATTS];
	bool nulls[PAGE_NATTS];

	heap_deform_tuple(tuple, descriptor, values, nulls);
	page->tid = tuple->t_self;
	page->first = position_from_sql(DatumGetInt64(values[PAGE_POSITION - 1]));
	page->last = ~UINT64CONST(0);
	page->epoch = DatumGetInt32(values[PAGE_EPOCH - 1]);
	page->count = DatumGetInt32(values[PAGE_COUNT - 1]);
	page->wrapped = copy_bytes(values[PAGE_KEYS - 1], &page->wrapped_len);
	if (page->count < 0 || page->count > KEYS_PER_PAGE)
		refuse_row("subject_keys");
}

static SysScanDesc
page_scan_begins(Relation heap, Relation index, Oid domain, StrategyNumber strategy,
				 RegProcedure compares, uint64 hi, Snapshot snapshot)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], PAGE_DOMAIN, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(domain));
	ScanKeyInit(&keys[1], PAGE_POSITION, strategy, compares, Int64GetDatum(position_to_sql(hi)));
	return systable_beginscan_ordered(heap, index, snapshot, 2, keys);
}

/* where the first page behind a position begins, less one */
static uint64
page_ends(Relation heap, Relation index, Oid domain, uint64 hi, Snapshot snapshot)
{
	SysScanDesc scan =
		page_scan_begins(heap, index, domain, BTGreaterStrategyNumber, F_INT8GT, hi, snapshot);
	HeapTuple tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	uint64 last = ~UINT64CONST(0);

	if (HeapTupleIsValid(tuple))
	{
		bool isnull;

		last = position_from_sql(DatumGetInt64(
				   heap_getattr(tuple, PAGE_POSITION, RelationGetDescr(heap), &isnull))) -
			   1;
	}
	systable_endscan_ordered(scan);
	return last;
}

/*
 * key_page_fetch -- the page that covers a position, in the caller's memory; false where none
 * does, and page->last is then where the first one begins.
 *	ends	set page->last, which takes a look at the next page
 */
bool
key_page_fetch(Oid domain, uint64 hi, bool ends, Snapshot snapshot, KeyPageRow *page)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_SUBJECT_KEYS), AccessShareLock);
	Relation index = index_open(catalog_table_oid(CATALOG_SUBJECT_KEYS_INDEX), AccessShareLock);
	SysScanDesc scan =
		page_scan_begins(heap, index, domain, BTLessEqualStrategyNumber, F_INT8LE, hi, snapshot);
	HeapTuple tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	bool found = HeapTupleIsValid(tuple);

	MemSet(page, 0, sizeof(*page));
	if (found)
		read_page(tuple, RelationGetDescr(heap), page);
	systable_endscan_ordered(scan);
	if (ends)
		page->last = page_ends(heap, index, domain, hi, snapshot);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	return found;
}

/*
 * key_page_next -- the first page from a position on of an older epoch; false: no more.
 * page->last is not set.
 */
bool
key_page_next(Oid domain, uint64 from, int32 before_epoch, Snapshot snapshot, KeyPageRow *page)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_SUBJECT_KEYS), AccessShareLock);
	Relation index = index_open(catalog_table_oid(CATALOG_SUBJECT_KEYS_INDEX), AccessShareLock);
	SysScanDesc scan = page_scan_begins(heap, index, domain, BTGreaterEqualStrategyNumber, F_INT8GE,
										from, snapshot);
	HeapTuple tuple;
	bool found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool isnull;

		found = DatumGetInt32(heap_getattr(tuple, PAGE_EPOCH, RelationGetDescr(heap), &isnull)) <
				before_epoch;
		if (found)
			read_page(tuple, RelationGetDescr(heap), page);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	return found;
}

void
key_page_put(Oid domain, const KeyPageRow *page)
{
	Datum values[PAGE_NATTS];

	values[PAGE_DOMAIN - 1] = ObjectIdGetDatum(domain);
	values[PAGE_POSITION - 1] = Int64GetDatum(position_to_sql(page->first));
	values[PAGE_EPOCH - 1] = Int32GetDatum(page->epoch);
	values[PAGE_COUNT - 1] = Int32GetDatum(page->count);
	values[PAGE_KEYS - 1] = bytes_datum(page->wrapped, page->wrapped_len);
	write_row(CATALOG_SUBJECT_KEYS, &page->tid, values);
}

/* ---- subject_key_delta ---- */

/*
 * key_deltas -- of KeyDeltaRow *, in the caller's memory, of subjects between two positions, in
 * order.
 *	limit	at most so many; 0: all
 */
List *
key_deltas(Oid domain, uint64 first, uint64 last, Snapshot snapshot, int limit)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_SUBJECT_KEY_DELTA), AccessShareLock);
	Relation index =
		index_open(catalog_table_oid(CATALOG_SUBJECT_KEY_DELTA_INDEX), AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple tuple;
	List *result = NIL;

	ScanKeyInit(&keys[0], DELTA_DOMAIN, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(domain));
	ScanKeyInit(&keys[1], DELTA_POSITION, BTGreaterEqualStrategyNumber, F_INT8GE,
				Int64GetDatum(position_to_sql(first)));
	ScanKeyInit(&keys[2], DELTA_POSITION, BTLessEqualStrategyNumber, F_INT8LE,
				Int64GetDatum(position_to_sql(last)));
	scan = systable_beginscan_ordered(heap, index, snapshot, lengthof(keys), keys);
	while ((limit == 0 || list_length(result) < limit) &&
		   HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		Datum values[DELTA_NATTS];
		bool nulls[DELTA_NATTS];
		KeyDeltaRow *delta = palloc(sizeof(KeyDeltaRow));

		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		delta->tid = tuple->t_self;
		delta->hi = position_from_sql(DatumGetInt64(values[DELTA_POSITION - 1]));
		delta->epoch = DatumGetInt32(values[DELTA_EPOCH - 1]);
		delta->wrapped = copy_bytes(values[DELTA_KEY - 1], &delta->wrapped_len);
		result = lappend(result, delta);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	return result;
}

void
key_delta_append(Oid domain, const KeyDeltaRow *delta)
{
	Datum values[DELTA_NATTS];

	values[DELTA_DOMAIN - 1] = ObjectIdGetDatum(domain);
	values[DELTA_POSITION - 1] = Int64GetDatum(position_to_sql(delta->hi));
	values[DELTA_EPOCH - 1] = Int32GetDatum(delta->epoch);
	values[DELTA_KEY - 1] = bytes_datum(delta->wrapped, delta->wrapped_len);
	write_row(CATALOG_SUBJECT_KEY_DELTA, NULL, values);
}

void
key_delta_delete(const KeyDeltaRow *delta)
{
	catalog_delete_row(CATALOG_SUBJECT_KEY_DELTA, &delta->tid);
}

/* ---- shredded_subjects ---- */

void
shredded_append(Oid domain, SubjectPosition position, int32 keys)
{
	Datum values[SHREDDED_NATTS];

	values[SHREDDED_DOMAIN - 1] = ObjectIdGetDatum(domain);
	values[SHREDDED_POSITION - 1] = Int64GetDatum(position_to_sql(position.hi));
	values[SHREDDED_POSITION_LOW - 1] = Int64GetDatum(position_to_sql(position.lo));
	values[SHREDDED_KEYS - 1] = Int32GetDatum(keys);
	values[SHREDDED_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	write_row(CATALOG_SHREDDED_SUBJECTS, NULL, values);
}

/* shredded_since -- of Shredded *: whose keys were destroyed at a moment or later */
List *
shredded_since(Oid domain, TimestampTz since, Snapshot snapshot)
{
	Relation heap = table_open(catalog_table_oid(CATALOG_SHREDDED_SUBJECTS), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	List *result = NIL;

	ScanKeyInit(&keys[0], SHREDDED_DOMAIN, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(domain));
	ScanKeyInit(&keys[1], SHREDDED_AT, BTGreaterEqualStrategyNumber, F_TIMESTAMPTZ_GE,
				TimestampTzGetDatum(since));
	scan = systable_beginscan(heap, catalog_table_oid(CATALOG_SHREDDED_SUBJECTS_INDEX), true,
							  snapshot, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Shredded *shredded = palloc(sizeof(Shredded));
		Datum values[SHREDDED_NATTS];
		bool nulls[SHREDDED_NATTS];

		heap_deform_tuple(tuple, RelationGetDescr(heap), values, nulls);
		shredded->position.hi = position_from_sql(DatumGetInt64(values[SHREDDED_POSITION - 1]));
		shredded->position.lo = position_from_sql(DatumGetInt64(values[SHREDDED_POSITION_LOW - 1]));
		shredded->at = DatumGetTimestampTz(values[SHREDDED_AT - 1]);
		result = lappend(result, shredded);
	}
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
	return result;
}

/* ---- all of them ---- */

static bool
delete_all(CatalogTable table, Oid domain, Snapshot snapshot)
{
	Relation heap = table_open(catalog_table_oid(table), RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool any = false;

	/* its first column, in each of these tables */
	ScanKeyInit(&key, PAGE_DOMAIN, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(domain));
	scan = systable_beginscan(heap, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		CatalogTupleDelete(heap, &tuple->t_self);
		any = true;
	}
	systable_endscan(scan);
	table_close(heap, RowExclusiveLock);
	return any;
}

/* keys_delete_all -- of a domain; returns whether there were any */
bool
keys_delete_all(Oid domain)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool any = delete_all(CATALOG_SUBJECT_KEYS, domain, snapshot);

	any = delete_all(CATALOG_SUBJECT_KEY_DELTA, domain, snapshot) || any;
	(void) delete_all(CATALOG_SHREDDED_SUBJECTS, domain, snapshot);
	UnregisterSnapshot(snapshot);
	return any;
}
