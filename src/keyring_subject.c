/*
 * keyring_subject.c
 *	  Subjects' keys, unwrapped: what this process has needed so far.
 *
 * Keys do not change, so what is unwrapped stays good; only one that was destroyed must go at
 * once, also in the middle of a statement: who destroys one counts it in shared memory
 * (keyring_shmem.c) and sends an invalidation, which standbys get, too.  A page may lack keys
 * that came to it since: what is not found is looked for in the tables once more.
 */
#include "compat.h"

#include "access/xact.h"
#include "cache_inval.h"
#include "consent_lookup.h"
#include "errors.h"
#include "keyring.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* of these a process keeps so many, then it starts afresh: 64 MB, and 16 MB */
#define MAX_PAGES 8192
#define MAX_LOOSE 131072

typedef struct CachedPage
{
	uint64 first;
	uint64 last;
	int count;
	SubjectKey *keys; /* secret memory; NULL: there is no page */
	/* when it was read with all deltas of its subjects */
	CommandId command;
	uint64 xact_generation;
} CachedPage;

typedef struct CachedDomain
{
	Oid relid;
	int n;
	int size;
	int recent;
	CachedPage *pages; /* sorted; they do not overlap */
} CachedDomain;

/* keys that are on no page that we have, and those that are known not to exist */
typedef struct LooseSlot
{
	Oid domain;
	uint32 padding;
	SubjectPosition position;
} LooseSlot;

typedef struct LooseKey
{
	struct LooseKey *next;
	uint32 id;
	SubjectKey *key; /* secret memory; NULL: there is none */
} LooseKey;

typedef struct LooseEntry
{
	LooseSlot slot;
	LooseKey *first;
} LooseEntry;

static MemoryContext context = NULL;
static CachedDomain *domains = NULL;
static int n_domains = 0;
static CachedDomain *recent_domain = NULL;
static int n_pages = 0;
static HTAB *loose = NULL;
static int n_loose = 0;
static uint64 known_generation = 0;
static uint64 known_shreds = 0;

/* what was found last: a row has several values of one subject */
static Oid last_domain = InvalidOid;
static const SubjectKey *last_key = NULL;

/* keyring_forget -- wipe what is unwrapped; the next search begins with keys that are not stored */
void
keyring_forget(void)
{
	HASH_SEQ_STATUS status;
	LooseEntry *entry;

	for (int d = 0; d < n_domains; d++)
		for (int i = 0; i < domains[d].n; i++)
			secret_free(domains[d].pages[i].keys, SECRET_LARGE);
	if (loose != NULL)
	{
		hash_seq_init(&status, loose);
		while ((entry = hash_seq_search(&status)) != NULL)
			for (LooseKey *key = entry->first; key != NULL; key = key->next)
				secret_free(key->key, sizeof(SubjectKey));
	}
	domains = NULL;
	n_domains = 0;
	recent_domain = NULL;
	n_pages = 0;
	loose = NULL;
	n_loose = 0;
	last_key = NULL;
	known_generation = 0;
	if (context != NULL)
		MemoryContextReset(context);
}

static void
make_context(void)
{
	HASHCTL ctl;

	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext, "privseg keys", ALLOCSET_DEFAULT_SIZES);
	if (loose != NULL)
		return;
	ctl.keysize = sizeof(LooseSlot);
	ctl.entrysize = sizeof(LooseEntry);
	ctl.hcxt = context;
	loose = hash_create("privseg loose keys", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static inline void
check_fresh(void)
{
	if (likely(known_generation == cache_key_generation && known_shreds == keyring_shreds()))
		return;
	keyring_forget();
	known_generation = cache_key_generation;
	known_shreds = keyring_shreds();
	keyring_new_remember();
}

/* ---- loose keys ---- */

static LooseEntry *
loose_entry(Oid domain, SubjectPosition position, HASHACTION action)
{
	LooseSlot slot;
	LooseEntry *entry;
	bool found;

	MemSet(&slot, 0, sizeof(slot));
	slot.domain = domain;
	slot.position = position;
	entry = hash_search(loose, &slot, action, &found);
	if (entry != NULL && !found)
		entry->first = NULL;
	return entry;
}

static LooseKey *
loose_find(Oid domain, SubjectPosition position, uint32 id)
{
	LooseEntry *entry;

	if (n_loose == 0)
		return NULL;
	entry = loose_entry(domain, position, HASH_FIND);
	for (LooseKey *key = entry != NULL ? entry->first : NULL; key != NULL; key = key->next)
		if (id == 0 ? key->key != NULL : key->id == id)
			return key;
	return NULL;
}

/* one that is not there yet */
static LooseKey *
loose_put(Oid domain, SubjectPosition position, uint32 id)
{
	LooseEntry *entry;
	LooseKey *key;

	make_context();
	entry = loose_entry(domain, position, HASH_ENTER);
	key = MemoryContextAllocZero(context, sizeof(LooseKey));
	key->id = id;
	key->next = entry->first;
	entry->first = key;
	n_loose++;
	return key;
}

/* keyring_add -- a key that is new, to be found from now on */
void
keyring_add(Oid domain, const SubjectKey *key)
{
	LooseKey *entry = loose_put(domain, key->position, key->id);

	entry->key = secret_alloc(sizeof(SubjectKey));
	*entry->key = *key;
	last_domain = domain;
	last_key = entry->key;
}

/* one that may be there, or known not to exist */
static void
add_stored(Oid domain, const SubjectKey *key)
{
	LooseKey *entry = loose_find(domain, key->position, key->id);

	if (entry == NULL)
		keyring_add(domain, key);
	else if (entry->key == NULL)
	{
		entry->key = secret_alloc(sizeof(SubjectKey));
		*entry->key = *key;
	}
}

/* ---- pages ---- */

static CachedDomain *
cached_domain(Oid relid)
{
	CachedDomain *grown;

	for (int i = 0; i < n_domains; i++)
		if (domains[i].relid == relid)
			return &domains[i];
	make_context();
	grown = MemoryContextAllocZero(context, (n_domains + 1) * sizeof(CachedDomain));
	if (n_domains > 0)
		memcpy(grown, domains, n_domains * sizeof(CachedDomain));
	domains = grown;
	domains[n_domains].relid = relid;
	return &domains[n_domains++];
}

/* the first page that ends at or behind a position */
static int
page_at(const CachedDomain *domain, uint64 hi)
{
	int low = 0;
	int high = domain->n;

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (domain->pages[middle].last < hi)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* put a page in the place of what overlaps it */
static void
put_page(CachedDomain *domain, const CachedPage *page)
{
	int from = page_at(domain, page->first);
	int to = from;
	int n;

	last_key = NULL;
	while (to < domain->n && domain->pages[to].first <= page->last)
		secret_free(domain->pages[to++].keys, SECRET_LARGE);
	n = domain->n - (to - from) + 1;
	if (n > domain->size)
	{
		CachedPage *grown;

		domain->size = Max(64, n * 2);
		grown = MemoryContextAlloc(context, domain->size * sizeof(CachedPage));
		if (domain->n > 0)
			memcpy(grown, domain->pages, domain->n * sizeof(CachedPage));
		domain->pages = grown;
	}
	memmove(&domain->pages[from + 1], &domain->pages[to], (domain->n - to) * sizeof(CachedPage));
	domain->pages[from] = *page;
	n_pages += n - domain->n;
	domain->n = n;
	domain->recent = from;
}

static const SubjectKey *
find_on_page(const CachedPage *page, SubjectPosition position, uint32 id)
{
	int at;

#define HI(i) (page->keys[i].position.hi)
#define LESS(i) (position_compare(&page->keys[i].position, &position) < 0)
	SPARSE_SEARCH(page, HI, LESS, at);
#undef HI
#undef LESS
	for (; at < page->count && position_compare(&page->keys[at].position, &position) == 0; at++)
		if (id == 0 || page->keys[at].id == id)
			return &page->keys[at];
	return NULL;
}

/* the page that covers a position, if we have it */
static CachedPage *
cached_page(Oid relid, uint64 hi)
{
	CachedDomain *domain = recent_domain;
	CachedPage *page;
	int at;

	if (unlikely(domain == NULL || domain->relid != relid))
	{
		domain = cached_domain(relid);
		recent_domain = domain;
	}
	if (domain->n == 0)
		return NULL;
	page = &domain->pages[domain->recent];
	if (likely(hi >= page->first && hi <= page->last))
		return page;
	at = page_at(domain, hi);
	if (at == domain->n || domain->pages[at].first > hi)
		return NULL;
	domain->recent = at;
	return &domain->pages[at];
}

static inline const SubjectKey *
find_cached(Oid relid, SubjectPosition position, uint32 id)
{
	const CachedPage *page = cached_page(relid, position.hi);

	return page != NULL && page->count > 0 ? find_on_page(page, position, id) : NULL;
}

/*
 *	found		whether there is such a page: that there is none is remembered, too
 *	complete	row->last is set, and the deltas of all its subjects come, too; otherwise the
 *				page does for the positions up to its last key
 */
static void
take_page(const ProtectedRelation *domain, bool found, const KeyPageRow *row, bool complete)
{
	CachedPage page = {row->first, row->last, row->count, NULL, InvalidCommandId, 0};

	if (complete)
	{
		page.command = GetCurrentCommandId(false);
		page.xact_generation = cache_xact_generation;
	}
	if (found)
	{
		page.keys = secret_alloc(SECRET_LARGE);
		PG_TRY();
		{
			key_page_unwrap(domain, row, page.keys);
		}
		PG_CATCH();
		{
			secret_free(page.keys, SECRET_LARGE);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	if (!complete)
		page.last = page.count > 0 ? page.keys[page.count - 1].position.hi : page.first;
	put_page(cached_domain(domain->relid), &page);
	recent_domain = NULL;
}

static void
take_delta(const ProtectedRelation *domain, const KeyDeltaRow *delta)
{
	SubjectKey *key = secret_alloc(sizeof(SubjectKey));

	PG_TRY();
	{
		key_delta_unwrap(domain, delta, key);
		add_stored(domain->relid, key);
	}
	PG_FINALLY();
	{
		secret_free(key, sizeof(SubjectKey));
	}
	PG_END_TRY();
}

/*
 * Unwrap the page of a position and its deltas.
 *	all		those of all its page's subjects: more are about to be asked for
 */
static void
load(const ProtectedRelation *domain, SubjectPosition position, bool all)
{
	/* of one moment, before anything else is read: a fold may be under way */
	Snapshot snapshot = keyring_snapshot();
	KeyPageRow row;
	bool found = key_page_fetch(domain->relid, position.hi, all, snapshot, &row);
	List *deltas = key_deltas(domain->relid, all ? row.first : position.hi,
							  all ? row.last : position.hi, snapshot, 0);
	ListCell *lc;

	if (found || all)
		take_page(domain, found, &row, all);
	foreach (lc, deltas)
		take_delta(domain, lfirst(lc));
}

/* Unwrap the page of a position only, on which nearly every key is. */
static void
load_page(const ProtectedRelation *domain, SubjectPosition position)
{
	KeyPageRow row;

	if (key_page_fetch(domain->relid, position.hi, false, keyring_snapshot(), &row))
		take_page(domain, true, &row, false);
}

static const SubjectKey *
find_slow(const ProtectedRelation *domain, SubjectPosition position, uint32 id)
{
	LooseKey *known = loose_find(domain->relid, position, id);
	const CachedPage *page;
	const SubjectKey *key;
	ProtectedRelation copy = *domain; /* the cache may move under us */
	MemoryContext scratch;
	MemoryContext caller;

	if (known != NULL)
		return known->key;
	/*
	 * Whoever wants any key is about to make one, and all that there were when this command began
	 * are here.  Had the subject got one since, two are as good.
	 */
	page = id == 0 ? cached_page(domain->relid, position.hi) : NULL;
	if (page != NULL && page->command == GetCurrentCommandId(false) &&
		page->xact_generation == cache_xact_generation)
		return NULL;
	if (n_pages >= MAX_PAGES || n_loose >= MAX_LOOSE)
		keyring_forget();
	scratch = AllocSetContextCreate(CurrentMemoryContext, "privseg key", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	if (id != 0)
		load_page(&copy, position);
	key = find_cached(copy.relid, position, id);
	if (key == NULL)
	{
		load(&copy, position, id == 0);
		key = find_cached(copy.relid, position, id);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	if (key != NULL)
		return key;
	known = loose_find(copy.relid, position, id);
	if (known != NULL)
		return known->key;
	/* no value that can be seen comes before its key, so this stays so */
	if (id != 0)
		(void) loose_put(copy.relid, position, id);
	return NULL;
}

/*
 * keyring_find -- a subject's key, good until the next call of anything here; NULL: there is
 * none, or not any more.
 *	id		of the key; 0: any
 * Errors: as keyring_root(); XX001.
 */
const SubjectKey *
keyring_find(const ProtectedRelation *domain, SubjectPosition position, uint32 id)
{
	const SubjectKey *key;

	check_fresh();
	if (last_key != NULL && last_domain == domain->relid && (id == 0 || last_key->id == id) &&
		position_compare(&last_key->position, &position) == 0)
		return last_key;
	key = find_cached(domain->relid, position, id);
	if (unlikely(key == NULL))
		key = find_slow(domain, position, id);
	last_domain = domain->relid;
	last_key = key;
	return key;
}
