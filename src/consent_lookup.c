/*
 * consent_lookup.c
 *	  Reads the consent set while a statement runs: the hot path.
 *
 * A lookup belongs to one expression of one execution.  It fetches a page when
 * a row first needs it, under the statement's active snapshot, and points at it
 * for that execution; consent_cache.c may spare it the fetch.  A row then costs
 * a hash probe and a bit, or a short search; no catalog, no SQL, no allocation.
 *
 * A page comes with the subjects that have deltas, or whose agenda row is due:
 * they are dirty, and decided from their records when first asked for.  Where
 * the set was never built, every subject is dirty.
 *
 * All fetches use the active snapshot, which is the same for the whole
 * execution: the executor pushes it around every run, and functions called
 * from the statement push and pop their own.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "consent_lookup.h"
#include "errors.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

/*
 * consent_now -- the moment decisions of a statement are made for: taken after its snapshot, so
 * that whatever the snapshot sees has begun.
 *	is_part		the statement is a worker's part of its leader's: then that one's moment
 */
TimestampTz
consent_now(bool is_part)
{
	return is_part ? consent_shmem_leader_time() : GetCurrentTimestamp();
}

/* consent_snapshot -- what the statement sees; plpgsql may ask a domain's check outside of any */
Snapshot
consent_snapshot(void)
{
	if (!ActiveSnapshotSet())
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("consent cannot be asked about outside a statement"),
						errdetail("There is no snapshot, as after COMMIT in a procedure.")));
	return GetActiveSnapshot();
}

/* ---- the page tables ---- */

static void
table_init(PageTable *table, MemoryContext context)
{
	table->mask = 15;
	table->used = 0;
	table->slots = MemoryContextAllocZero(context, sizeof(PageSlot) * (table->mask + 1));
}

void
page_table_put(PageTable *table, MemoryContext context, uint64 key, LoadedPage *page)
{
	uint32 i;

	if ((table->used + 1) * 2 > table->mask + 1)
	{
		PageTable grown;

		grown.mask = table->mask * 2 + 1;
		grown.used = 0;
		grown.slots = MemoryContextAllocExtended(
			context, sizeof(PageSlot) * ((Size) grown.mask + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (uint32 j = 0; j <= table->mask; j++)
			if (table->slots[j].used)
				page_table_put(&grown, context, table->slots[j].key, table->slots[j].page);
		pfree(table->slots);
		*table = grown;
	}
	i = slot_hash(key) & table->mask;
	while (table->slots[i].used)
		i = (i + 1) & table->mask;
	table->slots[i].key = key;
	table->slots[i].page = page;
	table->slots[i].used = true;
	table->used++;
}

/* ---- loading ---- */

static int
compare_members(const void *a, const void *b)
{
	return position_compare(&((const DirtyMember *) a)->position,
							&((const DirtyMember *) b)->position);
}

static void
attach_dirty(SetLookup *lookup, LoadedPage *page, const DirtyList *dirty)
{
	int n = 0;

	if (dirty->count == 0)
		return;
	page->dirty = MemoryContextAllocHuge(lookup->context, sizeof(DirtyMember) * dirty->count);
	for (int i = 0; i < dirty->count; i++)
	{
		page->dirty[i].position = dirty->items[i].position;
		page->dirty[i].memo = MEMO_UNKNOWN;
		page->dirty[i].subject = lookup->domain.key_kind == KEY_TEXT ?
									 MemoryContextStrdup(lookup->context, dirty->items[i].subject) :
									 NULL;
	}
	qsort(page->dirty, dirty->count, sizeof(DirtyMember), compare_members);
	for (int i = 0; i < dirty->count; i++)
		if (n == 0 || compare_members(&page->dirty[n - 1], &page->dirty[i]) != 0)
			page->dirty[n++] = page->dirty[i];
	page->ndirty = n;
}

/* a page in the lookup's memory, from its row */
LoadedPage *
page_make(SetLookup *lookup, const PageRow *row, uint64 start, uint64 last)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);
	LoadedPage *page = palloc0(sizeof(LoadedPage));

	page->start = start;
	page->last = last;
	page->count = row->count;
	page->n_dense = row->n_dense;
	if (row->n_dense > 0)
	{
		page->dense = palloc(sizeof(uint64) * row->n_dense);
		memcpy(page->dense, row->dense, sizeof(uint64) * row->n_dense);
	}
	if (row->hi != NULL)
	{
		page->hi = palloc(sizeof(uint64) * Max(row->count, 1));
		memcpy(page->hi, row->hi, sizeof(uint64) * row->count);
	}
	if (row->wide != NULL)
	{
		page->wide = palloc(sizeof(SubjectPosition) * Max(row->count, 1));
		memcpy(page->wide, row->wide, sizeof(SubjectPosition) * row->count);
	}
	if (row->bitmap != NULL)
	{
		page->bitmap = palloc(BITMAP_BYTES);
		memcpy(page->bitmap, row->bitmap, BITMAP_BYTES);
	}
	MemoryContextSwitchTo(caller);
	return page;
}

static LoadedPage *
load_page(SetLookup *lookup, char kind, uint64 start, uint64 last)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->scratch);
	Snapshot snapshot = consent_snapshot();
	Oid domain = lookup->domain.relid;
	int32 purpose_id = lookup->purpose.id;
	DirtyList dirty = {0};
	PageRow row;
	LoadedPage *page;
	bool settled;
	uint64 changes;

	page = lookup->cached ?
			   cache_find_page(domain, purpose_id, kind, start, last, lookup->at, snapshot) :
			   NULL;
	if (page != NULL)
	{
		MemoryContextSwitchTo(caller);
		cache_hold_page(page, lookup->context);
		return page->absent ? NULL : page;
	}
	settled = lookup->cached && !IsParallelWorker() &&
			  consent_settled(domain, start, last, snapshot, &changes);

	page_fetch(&lookup->domain, lookup->purpose.id, kind, start, snapshot, &row);
	delta_collect(&lookup->domain, purpose_recorded_id(&lookup->purpose), start, last, snapshot,
				  &dirty, NULL);
	if (row.next_due <= lookup->at)
		agenda_collect(&lookup->domain, lookup->purpose.id, kind, start, lookup->at, snapshot,
					   &dirty, false);

	MemoryContextSwitchTo(lookup->context);
	page = page_make(lookup, &row, start, last);
	/* whoever has a delta on a chunk without a page is on its sparse page too */
	page->absent = kind == PAGE_DENSE && !row.found;
	attach_dirty(lookup, page, &dirty);
	if (settled && dirty.count == 0 && row.next_due > lookup->at && lookup->asked < FEW_PAGES)
	{
		LoadedPage *kept = cache_keep_page(
			domain, purpose_id, kind, page,
			lookup->domain.key_kind == KEY_INTEGER ? sizeof(uint64) : sizeof(SubjectPosition),
			row.next_due, changes);

		if (kept != NULL)
		{
			cache_hold_page(kept, lookup->context);
			page = kept;
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(lookup->scratch);
	return page->absent ? NULL : page;
}

/*
 * lookup_begin -- start looking up in one set.
 *	at		the moment decisions are made for
 *	context	lives as long as the execution
 */
ConsentLookup *
lookup_begin(const ProtectedRelation *domain, const Purpose *purpose, TimestampTz at,
			 MemoryContext context)
{
	SetLookup *lookup = MemoryContextAllocZero(context, sizeof(SetLookup));
	Snapshot snapshot = consent_snapshot();
	ConsentSet set;
	uint64 changes;

	lookup->domain = *domain;
	lookup->purpose = *purpose;
	lookup->fast.default_permitted = purpose_default_permitted(purpose);
	lookup->at = at;
	/* what is not read anew takes no predicate locks */
	lookup->cached = !IsolationIsSerializable();
	lookup->context = context;
	lookup->scratch = AllocSetContextCreate(context, "privseg lookup", ALLOCSET_SMALL_SIZES);
	table_init(&lookup->chunks, context);
	table_init(&lookup->sparse, context);
	set.domain = domain->relid;
	set.purpose_id = purpose->id;
	if (!lookup->cached || !cache_find_set(&set, snapshot))
	{
		bool settled = lookup->cached && consent_set_settled(domain->relid, snapshot, &changes);

		set_fetch(domain->relid, purpose->id, snapshot, &set);
		if (settled && !IsParallelWorker())
			cache_keep_set(&set, changes);
	}
	lookup->built = set.found;
	lookup->bits = set.bits;
	lookup->members = set.members;
	return &lookup->fast;
}

/* ---- deciding one subject from its records ---- */

static bool
decide(SetLookup *lookup, const char *canonical, Snapshot snapshot, TimestampTz at)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->scratch);
	FactReader *reader = facts_begin(lookup->domain.relid, snapshot);
	ConsentFact *facts;
	int nfacts = facts_of_subject(reader, canonical, &facts);
	ConsentDecision decision;

	consent_decide(&lookup->purpose, facts, nfacts, at, false, &decision);
	facts_end(reader);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(lookup->scratch);
	return decision.permitted;
}

static bool
decide_dirty(SetLookup *lookup, const char *canonical)
{
	return decide(lookup, canonical, consent_snapshot(), lookup->at);
}

/*
 * lookup_newest -- the same from what is committed now, of a row that may be newer than the
 * statement's snapshot.  Not in parallel mode.
 */
bool
lookup_newest(ConsentLookup *fast, const char *canonical)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool permitted = decide((SetLookup *) fast, canonical, snapshot, GetCurrentTimestamp());

	UnregisterSnapshot(snapshot);
	return permitted;
}

/* page_find_dirty -- the member, if it must be decided from its records */
DirtyMember *
page_find_dirty(LoadedPage *page, const SubjectPosition *position)
{
	int low = 0;
	int high = page->ndirty;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = position_compare(&page->dirty[middle].position, position);

		if (order == 0)
			return &page->dirty[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool
decide_integer(SetLookup *lookup, DirtyMember *member, int64 key)
{
	char text[32];
	bool permitted;

	if (member != NULL && member->memo != MEMO_UNKNOWN)
		return member->memo == MEMO_PERMITTED;
	pg_lltoa(key, text);
	permitted = decide_dirty(lookup, text);
	if (member != NULL)
		member->memo = permitted ? MEMO_PERMITTED : MEMO_STOPPED;
	return permitted;
}

static bool
decide_text(SetLookup *lookup, DirtyMember *member, const char *text, size_t length)
{
	char *canonical;
	bool permitted;

	if (member != NULL && member->memo != MEMO_UNKNOWN)
		return member->memo == MEMO_PERMITTED;
	canonical = pnstrdup(text, length);
	permitted = decide_dirty(lookup, canonical);
	pfree(canonical);
	if (member != NULL)
		member->memo = permitted ? MEMO_PERMITTED : MEMO_STOPPED;
	return permitted;
}

/* lookup_sparse_page -- the page that covers the position */
LoadedPage *
lookup_sparse_page(SetLookup *lookup, SubjectPosition position)
{
	uint64 number = position_number(lookup, position.hi);
	PageSlot *slot = page_table_find(&lookup->sparse, number);
	uint64 start;
	LoadedPage *page;

	if (likely(slot != NULL))
		return slot->page;
	start = sparse_start(position.hi, lookup->bits);
	page = load_page(lookup, PAGE_SPARSE, start, sparse_last(start, lookup->bits));
	page_table_put(&lookup->sparse, lookup->context, number, page);
	if (++lookup->asked == FEW_PAGES)
		lookup_read_ahead(lookup);
	return page;
}

/* ---- integers ---- */

static bool
dense_contains(SetLookup *lookup, LoadedPage *page, int64 key)
{
	uint32 bit = (uint64) key & CHUNK_MASK;

	if (unlikely(page->ndirty > 0))
	{
		SubjectPosition position = position_of_integer(lookup->domain.salt, key);
		DirtyMember *member = page_find_dirty(page, &position);

		if (member != NULL)
			return decide_integer(lookup, member, key);
	}
	return ((page->bitmap[bit >> 3] >> (bit & 7)) & 1) != lookup->fast.default_permitted;
}

static void
remember_chunk(SetLookup *lookup, uint64 chunk, const LoadedPage *page)
{
	lookup->fast.last_chunk = chunk;
	lookup->fast.last_bitmap = page->ndirty == 0 ? page->bitmap : NULL;
	if (lookup->at_hand != NULL && page->ndirty == 0)
	{
		lookup->at_hand[chunk % CHUNKS_AT_HAND].chunk = chunk;
		lookup->at_hand[chunk % CHUNKS_AT_HAND].bitmap = page->bitmap;
	}
}

/* lookup_integer_slow -- lookup_integer() away from the previous row's page */
bool
lookup_integer_slow(ConsentLookup *fast, int64 key)
{
	SetLookup *lookup = (SetLookup *) fast;
	uint64 chunk = (uint64) key >> CHUNK_BITS;
	SubjectPosition position;
	PageSlot *slot;
	LoadedPage *page;
	DirtyMember *member;

	if (!lookup->built)
		return decide_integer(lookup, NULL, key);

	if (lookup->spread != NULL)
	{
		int answer;

		position = position_of_integer(lookup->domain.salt, key);
		answer = spread_answer(lookup, position);
		if (answer >= 0)
			return (answer != 0) != lookup->fast.default_permitted;
	}
	slot = page_table_find(&lookup->chunks, chunk);
	if (slot != NULL)
	{
		remember_chunk(lookup, chunk, slot->page);
		return dense_contains(lookup, slot->page, key);
	}

	/*
	 * Ask the sparse page of the chunk's range first if it is here, for it
	 * lists the chunks that are dense; else try the dense page, which is what
	 * a table with a serial key has.
	 */
	position = position_of_integer(lookup->domain.salt, key);
	slot = page_table_find(&lookup->sparse, position_number(lookup, position.hi));
	page = slot != NULL ? slot->page : NULL;
	for (;;)
	{
		bool try_dense = page == NULL;

		for (int low = 0, high = page ? page->n_dense : 0; low < high && !try_dense;)
		{
			int middle = (low + high) / 2;

			if (page->dense[middle] == chunk_start(position.hi))
				try_dense = true;
			else if (page->dense[middle] < chunk_start(position.hi))
				low = middle + 1;
			else
				high = middle;
		}
		if (try_dense)
		{
			LoadedPage *dense = load_page(lookup, PAGE_DENSE, chunk_start(position.hi),
										  chunk_start(position.hi) | CHUNK_MASK);

			if (dense != NULL)
			{
				page_table_put(&lookup->chunks, lookup->context, chunk, dense);
				remember_chunk(lookup, chunk, dense);
				return dense_contains(lookup, dense, key);
			}
		}
		if (page != NULL)
			break;
		page = lookup_sparse_page(lookup, position);
	}

	if (page->ndirty > 0 && (member = page_find_dirty(page, &position)) != NULL)
		return decide_integer(lookup, member, key);
	return sparse_contains_integer(page, position) != lookup->fast.default_permitted;
}

/* ---- uuid and text ---- */

/*
 * What the set says of a position that stands for the whole key; -1: it does not, and the
 * subject's records do.
 *	member	what has changed since the page was written; NULL with -1: there is no set
 */
static inline int
wide_answer(SetLookup *lookup, SubjectPosition position, DirtyMember **member)
{
	int answer = spread_answer(lookup, position);

	*member = NULL;
	if (unlikely(answer < 0))
	{
		LoadedPage *page = lookup->built ? lookup_sparse_page(lookup, position) : NULL;

		if (page != NULL && page->ndirty > 0)
			*member = page_find_dirty(page, &position);
		if (unlikely(page == NULL || *member != NULL))
			return -1;
		answer = sparse_contains_wide(page, position);
	}
	return (answer != 0) != lookup->fast.default_permitted;
}

/* lookup_uuid -- the same for a uuid key (16 bytes) */
bool
lookup_uuid(ConsentLookup *fast, const void *uuid)
{
	SetLookup *lookup = (SetLookup *) fast;
	DirtyMember *member;
	int answer = wide_answer(lookup, position_of_uuid(lookup->domain.salt, uuid), &member);

	if (unlikely(answer < 0))
	{
		char *text = DatumGetCString(DirectFunctionCall1(uuid_out, PointerGetDatum(uuid)));
		bool permitted = decide_text(lookup, member, text, strlen(text));

		pfree(text);
		return permitted;
	}
	return answer != 0;
}

/* lookup_text -- the same for a text key */
bool
lookup_text(ConsentLookup *fast, const char *text, size_t length)
{
	SetLookup *lookup = (SetLookup *) fast;
	DirtyMember *member;
	int answer = wide_answer(lookup, position_of_text(lookup->domain.salt, text, length), &member);

	return answer < 0 ? decide_text(lookup, member, text, length) : answer != 0;
}

/*
 * lookup_hashed -- the same for a text key of which only the hash is known, as values have it.
 * Where there is no set yet, the answer is no.
 */
bool
lookup_hashed(ConsentLookup *fast, SubjectPosition position)
{
	SetLookup *lookup = (SetLookup *) fast;
	DirtyMember *member;
	int answer = wide_answer(lookup, position, &member);

	if (answer < 0)
		return member != NULL &&
			   decide_text(lookup, member, member->subject, strlen(member->subject));
	return answer != 0;
}
