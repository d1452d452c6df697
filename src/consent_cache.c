/*
 * consent_cache.c
 *	  Pages of the consent set kept across statements, for statements that ask
 *	  about few subjects and would pay more for fetching a page than for the
 *	  rest.
 *
 * A page is kept only if it was clean (no deltas, nothing due), and used again
 * only where it is proven that the new snapshot would read the same: its change
 * mark has not moved since, every change counted had ended before the new
 * snapshot's xmin, and nothing on it is due (consent_shmem.c).  A page that a
 * lookup points at outlives its removal until that lookup ends.
 */
#include "compat.h"

#include "access/parallel.h"
#include "consent_cache.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* a backend keeps at most this much; then it starts afresh */
#define CACHE_MAX_BYTES (8 * 1024 * 1024)

typedef struct CacheKey
{
	uint64 start;
	Oid domain;
	int32 purpose_id;
	int32 kind; /* PAGE_DENSE, PAGE_SPARSE or KIND_SET */
	int32 padding;
} CacheKey;

#define KIND_SET 'S'

typedef struct CacheEntry
{
	CacheKey key;
	uint64 changes;
	TimestampTz next_due;
	LoadedPage *page; /* KIND_SET: NULL */
	int bits;         /* KIND_SET */
	int64 members;    /* KIND_SET; as it was then */
	bool found;       /* KIND_SET */
} CacheEntry;

typedef struct Holder
{
	MemoryContextCallback callback;
	LoadedPage *page;
} Holder;

static MemoryContext cache_context = NULL;
static HTAB *entries = NULL;
static Size kept_bytes = 0;

static CacheKey
make_key(Oid domain, int32 purpose_id, char kind, uint64 start)
{
	CacheKey key;

	MemSet(&key, 0, sizeof(key));
	key.start = start;
	key.domain = domain;
	key.purpose_id = purpose_id;
	key.kind = kind;
	return key;
}

static void
drop_page(LoadedPage *page)
{
	if (page->holders > 0)
		page->dropped = true;
	else
	{
		kept_bytes -= Min(kept_bytes, GetMemoryChunkSpace(page));
		pfree(page);
	}
}

static void
drop_all(void)
{
	HASH_SEQ_STATUS status;
	CacheEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->page != NULL)
			drop_page(entry->page);
		hash_search(entries, &entry->key, HASH_REMOVE, NULL);
	}
}

static CacheEntry *
enter(CacheKey *key)
{
	CacheEntry *entry;
	bool found;

	if (entries == NULL)
	{
		HASHCTL ctl;

		cache_context = AllocSetContextCreate(CacheMemoryContext, "privseg consent pages",
											  ALLOCSET_DEFAULT_SIZES);
		ctl.keysize = sizeof(CacheKey);
		ctl.entrysize = sizeof(CacheEntry);
		ctl.hcxt = cache_context;
		entries =
			hash_create("privseg consent pages", 128, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	if (kept_bytes > CACHE_MAX_BYTES)
		drop_all();
	entry = hash_search(entries, key, HASH_ENTER, &found);
	if (found && entry->page != NULL)
		drop_page(entry->page);
	entry->page = NULL;
	return entry;
}

/*
 * cache_find_page -- the page as the snapshot would read it, or NULL.
 *	at		the moment asked about: nothing on the page may be due by then
 */
LoadedPage *
cache_find_page(Oid domain, int32 purpose_id, char kind, uint64 start, uint64 last, TimestampTz at,
				Snapshot snapshot)
{
	CacheKey key = make_key(domain, purpose_id, kind, start);
	CacheEntry *entry;
	uint64 changes;

	if (entries == NULL)
		return NULL;
	entry = hash_search(entries, &key, HASH_FIND, NULL);
	if (entry == NULL || entry->next_due <= at || entry->page->last != last ||
		!consent_settled(domain, start, last, snapshot, &changes) || changes != entry->changes)
		return NULL;
	return entry->page;
}

/* copy n bytes behind the page, advance */
static void *
append(char **at, const void *source, Size n)
{
	void *result = *at;

	if (source == NULL)
		return NULL;
	memcpy(result, source, n);
	*at += MAXALIGN(n);
	return result;
}

/*
 * cache_keep_page -- keep a copy of a clean page; returns the copy.
 *	entry_bytes	size of a member of a sparse page
 *	changes		what consent_settled() counted before the page was read
 */
LoadedPage *
cache_keep_page(Oid domain, int32 purpose_id, char kind, const LoadedPage *page, Size entry_bytes,
				TimestampTz next_due, uint64 changes)
{
	CacheKey key = make_key(domain, purpose_id, kind, page->start);
	Size members = page->bitmap != NULL ? 0 : page->count * entry_bytes;
	CacheEntry *entry = enter(&key);
	LoadedPage *copy;
	char *at;

	Assert(page->ndirty == 0);
	/* not findable while incomplete */
	entry->next_due = DT_NOBEGIN;
	copy = MemoryContextAllocExtended(
		cache_context,
		MAXALIGN(sizeof(LoadedPage)) + MAXALIGN(page->n_dense * sizeof(uint64)) +
			MAXALIGN(members) + (page->bitmap != NULL ? BITMAP_BYTES : 0),
		MCXT_ALLOC_NO_OOM);
	if (copy == NULL)
	{
		hash_search(entries, &key, HASH_REMOVE, NULL);
		return NULL;
	}
	*copy = *page;
	at = (char *) copy + MAXALIGN(sizeof(LoadedPage));
	copy->dense = append(&at, page->dense, page->n_dense * sizeof(uint64));
	copy->hi = append(&at, page->hi, members);
	copy->wide = append(&at, page->wide, members);
	copy->bitmap = append(&at, page->bitmap, BITMAP_BYTES);
	copy->holders = 0;
	copy->dropped = false;
	kept_bytes += GetMemoryChunkSpace(copy);
	entry->page = copy;
	entry->changes = changes;
	entry->next_due = next_due;
	return copy;
}

static void
release_page(void *argument)
{
	LoadedPage *page = argument;

	page->holders--;
	if (page->dropped && page->holders == 0)
		drop_page(page);
}

/* cache_hold_page -- keep the page alive as long as the context */
void
cache_hold_page(LoadedPage *page, MemoryContext context)
{
	Holder *holder = MemoryContextAlloc(context, sizeof(Holder));

	holder->page = page;
	holder->callback.func = release_page;
	holder->callback.arg = page;
	page->holders++;
	MemoryContextRegisterResetCallback(context, &holder->callback);
}

/* cache_find_set -- fill in found and bits, if they are known for the snapshot */
bool
cache_find_set(ConsentSet *set, Snapshot snapshot)
{
	CacheKey key = make_key(set->domain, set->purpose_id, KIND_SET, 0);
	CacheEntry *entry = entries ? hash_search(entries, &key, HASH_FIND, NULL) : NULL;
	uint64 changes;

	if (entry == NULL || !consent_set_settled(set->domain, snapshot, &changes) ||
		changes != entry->changes)
		return false;
	set->found = entry->found;
	set->bits = entry->bits;
	set->members = entry->members;
	return true;
}

/* cache_keep_set -- remember found and bits */
void
cache_keep_set(const ConsentSet *set, uint64 changes)
{
	CacheKey key = make_key(set->domain, set->purpose_id, KIND_SET, 0);
	CacheEntry *entry = enter(&key);

	entry->changes = changes;
	entry->next_due = DT_NOEND;
	entry->found = set->found;
	entry->bits = set->bits;
	entry->members = set->members;
}
