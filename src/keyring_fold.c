/*
 * keyring_fold.c
 *	  New keys of subjects go into pages; pages go over to a new epoch; keys are destroyed.
 *
 * Who writes pages holds the domain's fold lock (an object lock, to the end of the transaction)
 * and takes a snapshot after it, so a row that is found is the newest.  Who makes keys takes it
 * only if it is free, and only for many: one key is a row of its own until somebody folds.
 *
 * An epoch's key is destroyed when nothing is under it any more and nobody can be about to store
 * something under it: who stores keys holds a lock on privseg.keys until his transaction ends.
 *
 * Lock order: rotation lock -> privseg.keys -> fold lock of a domain -> rows.
 */
#include "compat.h"

#include "access/xact.h"
#include "cache_inval.h"
#include "errors.h"
#include "keyring.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* fewer are not worth writing a page for */
#define FEW_KEYS 16

#define LAST_POSITION (~UINT64CONST(0))

/* deltas that are folded at once */
#define DELTAS_AT_ONCE 16384

/*
 * What is stored now is under a key that stays until we are through; and whoever destroys a
 * subject's keys waits for us, or has done so.
 */
static void
hold_epochs(void)
{
	LockRelationOid(catalog_table_oid(CATALOG_KEYS), RowExclusiveLock);
}

/*
 * key_fold_lock -- the right to write a domain's pages, under epochs that stay; without `wait`,
 * false if another has it
 */
bool
key_fold_lock(Oid domain, bool wait)
{
	LOCKTAG tag;

	hold_epochs();
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_table_oid(CATALOG_SUBJECT_KEYS), domain, 0);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

static int
compare_pointers(const void *a, const void *b)
{
	return subject_key_compare(*(SubjectKey *const *) a, *(SubjectKey *const *) b);
}

/* secret memory that goes with a memory context, after an error, too */
typedef struct SecretPage
{
	MemoryContextCallback callback;
	SubjectKey *keys;
	size_t bytes;
} SecretPage;

static void
free_page(void *argument)
{
	SecretPage *page = argument;

	secret_free(page->keys, page->bytes);
}

static SubjectKey *
secret_in_context(size_t bytes)
{
	SecretPage *page = palloc(sizeof(SecretPage));

	page->bytes = bytes;
	page->keys = secret_alloc(bytes);
	page->callback.func = free_page;
	page->callback.arg = page;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &page->callback);
	return page->keys;
}

/* one page's keys and new ones, in order */
static SubjectKey **
merge(SubjectKey *stored, int n_stored, SubjectKey **added, int n_added, int *n)
{
	SubjectKey **merged = palloc((n_stored + n_added) * sizeof(SubjectKey *));
	int i = 0;
	int j = 0;

	*n = 0;
	while (i < n_stored || j < n_added)
	{
		int order = i == n_stored ? 1 :
					j == n_added  ? -1 :
									subject_key_compare(&stored[i], added[j]);

		if (order <= 0)
			merged[(*n)++] = &stored[i++];
		else
			merged[(*n)++] = added[j++];
		/* restored twice, perhaps */
		if (order == 0)
			j++;
	}
	return merged;
}

/* how many of the keys go on the next page: subjects of one position stay together */
static int
page_takes(SubjectKey **keys, int n, int wanted)
{
	int takes = wanted;

	if (n <= wanted)
		return n;
	while (takes > 0 && keys[takes]->position.hi == keys[takes - 1]->position.hi)
		takes--;
	if (takes == 0)
		for (takes = wanted; takes < n && keys[takes]->position.hi == keys[0]->position.hi; takes++)
			if (takes == KEYS_PER_PAGE)
				ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
								errmsg("a data subject has too many keys")));
	return takes;
}

/*
 * Write keys in the place of one page, or where there was none.
 *	row			that page; row->first is where the first of the new ones begins
 *	appended	what is new comes behind what was there: fill pages, for more will come there
 */
static void
write_pages(const ProtectedRelation *domain, KeyPageRow *row, SubjectKey **keys, int n,
			bool appended)
{
	int32 epoch = keyring_newest(KEY_EPOCH);
	int pages = (n + KEYS_PER_PAGE - 1) / KEYS_PER_PAGE;
	int wanted = appended || pages == 0 ? KEYS_PER_PAGE : (n + pages - 1) / pages;
	SubjectKey *page = secret_in_context(SECRET_LARGE);
	int at = 0;

	do
	{
		int takes = page_takes(keys + at, n - at, wanted);
		KeyPageRow written = {.first = at == 0 ? row->first : keys[at]->position.hi,
							  .count = takes};

		if (at == 0)
			written.tid = row->tid;
		for (int i = 0; i < takes; i++)
			page[i] = *keys[at + i];
		key_page_wrap(domain, page, epoch, &written);
		key_page_put(domain->relid, &written);
		pfree(written.wrapped);
		at += takes;
	} while (at < n);
}

/* put sorted keys into pages */
static void
fold_sorted(const ProtectedRelation *domain, SubjectKey **keys, int n, Snapshot snapshot)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg key page", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);

	for (int i = 0; i < n;)
	{
		SubjectKey *stored;
		SubjectKey **merged;
		KeyPageRow row;
		int n_merged;
		bool appended;
		int j = i;

		CHECK_FOR_INTERRUPTS();
		stored = secret_in_context(SECRET_LARGE);
		if (key_page_fetch(domain->relid, keys[i]->position.hi, true, snapshot, &row))
			key_page_unwrap(domain, &row, stored);
		while (j < n && keys[j]->position.hi <= row.last)
			j++;
		appended = row.count == 0 ||
				   position_compare(&stored[row.count - 1].position, &keys[i]->position) < 0;
		merged = merge(stored, row.count, keys + i, j - i, &n_merged);
		write_pages(domain, &row, merged, n_merged, appended);
		i = j;
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/*
 * key_fold -- put deltas, and keys that are stored nowhere yet, into pages.  The caller holds
 * the fold lock.  Returns how many deltas there were, at most a limit.
 */
int64
key_fold(const ProtectedRelation *domain, SubjectKey **extra, int n_extra)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg key fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Snapshot snapshot;
	SubjectKey **keys;
	List *deltas;
	ListCell *lc;
	int64 folded;
	int n = 0;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	deltas = key_deltas(domain->relid, 0, LAST_POSITION, snapshot, DELTAS_AT_ONCE);
	folded = list_length(deltas);
	keys = MemoryContextAllocHuge(context, (folded + n_extra + 1) * sizeof(SubjectKey *));
	foreach (lc, deltas)
	{
		keys[n] = secret_in_context(sizeof(SubjectKey));
		key_delta_unwrap(domain, lfirst(lc), keys[n]);
		n++;
	}
	for (int i = 0; i < n_extra; i++)
		keys[n++] = extra[i];
	qsort(keys, n, sizeof(SubjectKey *), compare_pointers);
	fold_sorted(domain, keys, n, snapshot);
	foreach (lc, deltas)
		key_delta_delete(lfirst(lc));
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	CommandCounterIncrement();
	return folded;
}

/* keys of whom somebody has erased since they were made must not come back with them */
static void
refuse_shredded(const ProtectedRelation *domain, SubjectKey **keys, const TimestampTz *made, int n)
{
	TimestampTz first = DT_NOEND;
	ListCell *lc;

	for (int i = 0; i < n; i++)
		first = Min(first, made[i]);

	foreach (lc, shredded_since(domain->relid, first, keyring_snapshot()))
	{
		const Shredded *shredded = lfirst(lc);

		for (int i = 0; i < n; i++)
			if (made[i] <= shredded->at &&
				position_compare(&keys[i]->position, &shredded->position) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("a data subject was erased while values about them were written"),
						 errhint("Run the transaction again, if they are still to be written.")));
	}
}

/*
 * key_store -- store new keys: many in pages, if nobody writes these, others one by one.
 *	made	when each of them was
 * Errors: 40001 where a subject's keys were destroyed meanwhile.
 */
void
key_store(const ProtectedRelation *domain, SubjectKey **keys, const TimestampTz *made, int n)
{
	hold_epochs();
	refuse_shredded(domain, keys, made, n);
	if (n >= FEW_KEYS && key_fold_lock(domain->relid, false))
	{
		(void) key_fold(domain, keys, n);
		return;
	}
	for (int i = 0; i < n; i++)
	{
		KeyDeltaRow delta;

		key_delta_wrap(domain, keys[i], keyring_newest(KEY_EPOCH), &delta);
		key_delta_append(domain->relid, &delta);
		pfree(delta.wrapped);
	}
}

/*
 * key_shred -- destroy all keys of a subject.  Returns how many there were.
 * What is overwritten here stays in dead rows and in WAL, wrapped, until these are gone.
 */
int64
key_shred(const ProtectedRelation *domain, SubjectPosition position)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg key shred", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Snapshot snapshot;
	SubjectKey *stored = secret_in_context(SECRET_LARGE);
	KeyPageRow row;
	List *deltas;
	ListCell *lc;
	int64 shredded = 0;

	keyring_flush();
	/* whoever stores keys has done so then, or sees that these were destroyed */
	LockRelationOid(catalog_table_oid(CATALOG_KEYS), ShareRowExclusiveLock);
	(void) key_fold_lock(domain->relid, true);
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (key_page_fetch(domain->relid, position.hi, true, snapshot, &row))
	{
		int kept = 0;

		key_page_unwrap(domain, &row, stored);
		for (int i = 0; i < row.count; i++)
			if (position_compare(&stored[i].position, &position) != 0)
				stored[kept++] = stored[i];
		shredded = row.count - kept;
		if (shredded > 0)
		{
			row.count = kept;
			key_page_wrap(domain, stored, keyring_newest(KEY_EPOCH), &row);
			key_page_put(domain->relid, &row);
		}
	}
	deltas = key_deltas(domain->relid, position.hi, position.hi, snapshot, 0);
	UnregisterSnapshot(snapshot);
	foreach (lc, deltas)
	{
		key_delta_unwrap(domain, lfirst(lc), stored);
		if (position_compare(&stored->position, &position) != 0)
			continue;
		key_delta_delete(lfirst(lc));
		shredded++;
	}
	shredded_append(domain->relid, position, shredded);
	keyring_shredded();
	CacheInvalidateRelcacheByRelid(catalog_table_oid(CATALOG_SUBJECT_KEYS));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	CommandCounterIncrement();
	return shredded;
}

/*
 * key_forget -- a subject table is protected, or there, no more: destroy the keys of all its
 * subjects.  Returns whether there were any.
 */
bool
key_forget(Oid domain)
{
	bool any;

	(void) key_fold_lock(domain, true);
	CommandCounterIncrement();
	any = keys_delete_all(domain);
	if (any)
	{
		keyring_shredded();
		CacheInvalidateRelcacheByRelid(catalog_table_oid(CATALOG_SUBJECT_KEYS));
	}
	return any;
}

/*
 * key_rewrap -- wrap pages of older epochs under this one.  The caller holds the fold lock.
 *	budget	pages to wrap at most; what is left of it.  Negative: all
 * Returns how many pages of older epochs are left.
 */
int64
key_rewrap(const ProtectedRelation *domain, int32 epoch, int64 *budget)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg key rewrap", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Snapshot snapshot;
	uint64 from = 0;
	int64 left = 0;
	KeyPageRow row;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	while (key_page_next(domain->relid, from, epoch, snapshot, &row))
	{
		CHECK_FOR_INTERRUPTS();
		from = row.first + 1;
		if (*budget == 0)
			left++;
		else
		{
			SubjectKey *keys = secret_in_context(SECRET_LARGE);

			key_page_unwrap(domain, &row, keys);
			key_page_wrap(domain, keys, epoch, &row);
			key_page_put(domain->relid, &row);
			(*budget)--;
		}
		MemoryContextReset(context);
		if (from == 0)
			break;
	}
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	CommandCounterIncrement();
	return left;
}

static bool
older_is_used_in(Oid domain, int32 epoch, Snapshot snapshot)
{
	KeyPageRow row;
	ListCell *lc;

	if (key_page_next(domain, 0, epoch, snapshot, &row))
		return true;
	foreach (lc, key_deltas(domain, 0, LAST_POSITION, snapshot, 0))
		if (((KeyDeltaRow *) lfirst(lc))->epoch < epoch)
			return true;
	return false;
}

/* key_older_is_used -- is anything under an epoch older than this? */
bool
key_older_is_used(int32 epoch)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool result = false;
	ListCell *lc;

	foreach (lc, list_copy(subject_domains()))
		result = result || older_is_used_in(lfirst_oid(lc), epoch, snapshot);
	UnregisterSnapshot(snapshot);
	return result;
}

/* key_drop_epochs -- destroy the keys of older epochs, if nothing is under them */
void
key_drop_epochs(void)
{
	MemoryContext context;
	MemoryContext caller;
	int32 newest;
	ListCell *lc;

	if (!ConditionalLockRelationOid(catalog_table_oid(CATALOG_KEYS), ShareRowExclusiveLock))
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "privseg epochs", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	newest = keyring_newest(KEY_EPOCH);
	CommandCounterIncrement();
	if (!key_older_is_used(newest))
		foreach (lc, stored_keys(keyring_snapshot()))
		{
			StoredKey *key = lfirst(lc);

			if (key->kind == KEY_EPOCH && key->number < newest)
				stored_key_delete(key);
		}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* key_fold_all -- fold a domain; the caller holds the fold lock.  Returns how many deltas. */
int64
key_fold_all(const ProtectedRelation *domain)
{
	int64 all = 0;
	int64 folded;

	do
	{
		folded = key_fold(domain, NULL, 0);
		all += folded;
	} while (folded == DELTAS_AT_ONCE);
	return all;
}

/* keyring_lock_rotation -- nobody else makes, wraps or destroys what is under the root key */
void
keyring_lock_rotation(void)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_table_oid(CATALOG_KEYS), InvalidOid, 0);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	AcceptInvalidationMessages();
}

/* key_fold_domain -- what the fold worker does, unless somebody does it */
void
key_fold_domain(Oid relid)
{
	const ProtectedRelation *entry = subject_domain(relid);
	ProtectedRelation domain;

	if (entry == NULL || !rootkey_available())
		return;
	domain = *entry;
	if (key_deltas(relid, 0, LAST_POSITION, keyring_snapshot(), 1) != NIL &&
		key_fold_lock(relid, false))
		(void) key_fold_all(&domain);
}
