/*
 * consent_lookup.h
 *	  What the files that read the set for one expression share.
 */
#ifndef PRIVSEG_CONSENT_LOOKUP_H
#define PRIVSEG_CONSENT_LOOKUP_H

#include "consent_cache.h"
#include "consent_key.h"
#include "consent_spread.h"

#pragma GCC visibility push(hidden)

/* open addressing, power of two; key 0 is stored with used = true */
typedef struct PageSlot
{
	uint64 key;
	LoadedPage *page; /* NULL with used: known not to exist */
	bool used;
} PageSlot;

typedef struct PageTable
{
	PageSlot *slots;
	uint32 mask;
	uint32 used;
} PageTable;

/* one of the chunks used last, found without a search */
typedef struct ChunkEntry
{
	uint64 chunk;
	const uint8 *bitmap; /* NULL: nothing here */
} ChunkEntry;

#define CHUNKS_AT_HAND 1024 /* a power of two */

/* what lookup_begin() really makes; ConsentLookup is its beginning */
typedef struct SetLookup
{
	ConsentLookup fast;
	ProtectedRelation domain;
	Purpose purpose;
	bool built;
	bool cached; /* pages kept from earlier statements may be used */
	int bits;
	TimestampTz at;
	MemoryContext context;
	MemoryContext scratch;
	PageTable chunks;    /* integers: chunk number -> dense page */
	PageTable sparse;    /* page number -> sparse page */
	ChunkEntry *at_hand; /* lookup_several(): clean dense pages by chunk; or NULL */
	int64 members;
	uint32 asked;   /* sparse pages loaded */
	Spread *spread; /* NULL while the statement asks about few subjects */
} SetLookup;

/* a statement that needs more sparse pages than this asks about many subjects */
#define FEW_PAGES 64
/* and then reads a set of fewer members (of 8 or 16 bytes) ahead */
#define READ_AHEAD_MEMBERS (64 * 1024 * 1024)

/* consent_lookup.c */
extern void page_table_put(PageTable *table, MemoryContext context, uint64 key, LoadedPage *page);
extern LoadedPage *page_make(SetLookup *lookup, const PageRow *row, uint64 start, uint64 last);

extern DirtyMember *page_find_dirty(LoadedPage *page, const SubjectPosition *position);
extern LoadedPage *lookup_sparse_page(SetLookup *lookup, SubjectPosition position);

/* consent_ahead.c */
extern void lookup_read_ahead(SetLookup *lookup);

/* ---- the page tables ---- */

static inline uint32
slot_hash(uint64 key)
{
	/* Fibonacci hashing: Knuth, TAOCP 3, 6.4 */
	return (uint32) ((key * UINT64CONST(0x9E3779B97F4A7C15)) >> 32);
}

static inline PageSlot *
page_table_find(PageTable *table, uint64 key)
{
	uint32 i = slot_hash(key) & table->mask;

	while (table->slots[i].used)
	{
		if (table->slots[i].key == key)
			return &table->slots[i];
		i = (i + 1) & table->mask;
	}
	return NULL;
}

/* ---- searching a sparse page ---- */

/*
 * Positions are spread evenly between the first and the last, so guess by
 * interpolation and gallop from there; the worst case stays logarithmic.
 */
#define SPARSE_SEARCH(page, HI, LESS, result)                                                      \
	do                                                                                             \
	{                                                                                              \
		int low = 0;                                                                               \
		int high = (page)->count;                                                                  \
                                                                                                   \
		if (high > 8)                                                                              \
		{                                                                                          \
			uint64 first = HI(0);                                                                  \
			uint64 last = HI(high - 1);                                                            \
			int step = 4;                                                                          \
			int guess;                                                                             \
                                                                                                   \
			if (position.hi <= first)                                                              \
				guess = 0;                                                                         \
			else if (position.hi >= last)                                                          \
				guess = high - 1;                                                                  \
			else                                                                                   \
				guess =                                                                            \
					(int) ((double) (position.hi - first) / (double) (last - first) * (high - 1)); \
			if (LESS(guess))                                                                       \
			{                                                                                      \
				low = guess + 1;                                                                   \
				while (low + step < high && LESS(low + step))                                      \
				{                                                                                  \
					low += step + 1;                                                               \
					step *= 2;                                                                     \
				}                                                                                  \
				high = Min(low + step, high);                                                      \
			}                                                                                      \
			else                                                                                   \
			{                                                                                      \
				high = guess;                                                                      \
				while (high - step > 0 && !LESS(high - step))                                      \
				{                                                                                  \
					high -= step;                                                                  \
					step *= 2;                                                                     \
				}                                                                                  \
				low = Max(high - step, 0);                                                         \
			}                                                                                      \
		}                                                                                          \
		while (low < high)                                                                         \
		{                                                                                          \
			int middle = (low + high) / 2;                                                         \
                                                                                                   \
			if (LESS(middle))                                                                      \
				low = middle + 1;                                                                  \
			else                                                                                   \
				high = middle;                                                                     \
		}                                                                                          \
		(result) = low;                                                                            \
	} while (0)

static inline bool
sparse_contains_integer(const LoadedPage *page, SubjectPosition position)
{
	int at;

#define HI(i) (page->hi[i])
#define LESS(i) (HI(i) < position.hi)
	SPARSE_SEARCH(page, HI, LESS, at);
#undef HI
#undef LESS
	return at < page->count && page->hi[at] == position.hi;
}

static inline bool
sparse_contains_wide(const LoadedPage *page, SubjectPosition position)
{
	int at;

#define HI(i) (page->wide[i].hi)
#define LESS(i) (position_compare(&page->wide[i], &position) < 0)
	SPARSE_SEARCH(page, HI, LESS, at);
#undef HI
#undef LESS
	return at < page->count && page->wide[at].hi == position.hi && page->wide[at].lo == position.lo;
}

/* of the sparse page that covers a position */
static inline uint64
position_number(const SetLookup *lookup, uint64 hi)
{
	return lookup->bits == 0 ? 0 : hi >> (64 - lookup->bits);
}

/* is the page laid out, and the member on it? -1: ask the page itself */
static inline int
spread_answer(const SetLookup *lookup, SubjectPosition position)
{
	if (lookup->spread == NULL || !spread_has(lookup->spread, position.hi))
		return -1;
	return spread_contains(lookup->spread, lookup->spread->kind, position);
}

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_LOOKUP_H */
