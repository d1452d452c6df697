/*
 * consent_ahead.c
 *	  For statements that ask about many subjects: reads the set in order ahead
 *	  of the rows, and answers for several rows at once.
 */
#include "compat.h"

#include "consent_lookup.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* ---- reading the set ---- */

typedef struct SetVisit
{
	SetLookup *lookup;
	Spread *spread;
	uint8 *present; /* pages that exist, laid out or not */
	uint64 *dirty;  /* numbers of pages with somebody dirty, sorted */
	int ndirty;
} SetVisit;

/* pages with dense chunks or with somebody due are asked themselves */
#define PLAIN_PAGE(lookup, page) ((page)->n_dense == 0 && (page)->next_due > (lookup)->at)

static void
spread_visit(PageRow *page, void *argument)
{
	SetVisit *visit = argument;
	uint64 number = spread_number(visit->spread, page->position);

	visit->present[number >> 3] |= 1 << (number & 7);
	if (PLAIN_PAGE(visit->lookup, page))
		(void) spread_add(visit->spread, page);
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

static void
load_visit(PageRow *page, void *argument)
{
	SetVisit *visit = argument;
	SetLookup *lookup = visit->lookup;
	uint64 number = position_number(lookup, page->position);

	if (PLAIN_PAGE(lookup, page) && page_table_find(&lookup->sparse, number) == NULL &&
		bsearch(&number, visit->dirty, visit->ndirty, sizeof(uint64), compare_numbers) == NULL)
	{
		page_copy_members(&lookup->domain, page);
		page_table_put(
			&lookup->sparse, lookup->context, number,
			page_make(lookup, page, page->position, sparse_last(page->position, lookup->bits)));
	}
}

/*
 * The statement asks about many subjects: read the whole set in order instead
 * of page after page as rows happen to need them, and lay it out where its
 * pages are of one size.  Keys that come in clusters have pages that are not.
 */
void
lookup_read_ahead(SetLookup *lookup)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->scratch);
	Snapshot snapshot = consent_snapshot();
	SetVisit visit = {0};
	DirtyList dirty = {0};

	visit.lookup = lookup;
	delta_collect(&lookup->domain, purpose_recorded_id(&lookup->purpose), 0, ~UINT64CONST(0),
				  snapshot, &dirty, NULL);
	visit.spread =
		spread_begin(lookup->bits, lookup->members, lookup->domain.key_kind, lookup->context);
	if (visit.spread != NULL)
	{
		visit.present = palloc0(((Size) 1 << lookup->bits) / 8 + 1);
		page_scan(&lookup->domain, lookup->purpose.id, snapshot, spread_visit, &visit);
		spread_finish(visit.spread, visit.present);
		for (int i = 0; i < dirty.count; i++)
			spread_forget(visit.spread, dirty.items[i].position.hi);
		lookup->spread = visit.spread;
	}
	else if (lookup->members < READ_AHEAD_MEMBERS)
	{
		visit.dirty = palloc(sizeof(uint64) * (dirty.count + 1));
		for (; visit.ndirty < dirty.count; visit.ndirty++)
			visit.dirty[visit.ndirty] =
				position_number(lookup, dirty.items[visit.ndirty].position.hi);
		qsort(visit.dirty, visit.ndirty, sizeof(uint64), compare_numbers);
		page_scan(&lookup->domain, lookup->purpose.id, snapshot, load_visit, &visit);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(lookup->scratch);
}

/* ---- several rows at once ---- */

/*
 * lookup_prepare -- these subjects will be asked about soon: have what their
 * answers need fetched from memory meanwhile.
 *	keys		as lookup_integer(), lookup_uuid(), lookup_text() take them; a text
 *				as a varlena, which may be short but not compressed or external
 *	positions	for lookup_several()
 */
void
lookup_prepare(ConsentLookup *fast, const Datum *keys, int n, SubjectPosition *positions)
{
	SetLookup *lookup = (SetLookup *) fast;
	const uint64 salt[2] = {lookup->domain.salt[0], lookup->domain.salt[1]};
	Spread spread;

	switch (lookup->domain.key_kind)
	{
		case KEY_INTEGER:
			if (lookup->spread == NULL)
				return;
			for (int i = 0; i < n; i++)
				positions[i] = position_of_integer(salt, DatumGetInt64(keys[i]));
			break;
		case KEY_UUID:
			for (int i = 0; i < n; i++)
				positions[i] = position_of_uuid(salt, DatumGetPointer(keys[i]));
			break;
		case KEY_TEXT:
			for (int i = 0; i < n; i++)
				positions[i] = position_of_text(salt, VARDATA_ANY(DatumGetPointer(keys[i])),
												VARSIZE_ANY_EXHDR(DatumGetPointer(keys[i])));
			break;
	}
	if (lookup->spread == NULL)
		return;
	spread = *lookup->spread; /* nothing that is written changes it */
	for (int i = 0; i < n; i++)
		spread_prefetch(&spread, positions[i].hi);
}

static bool
integer_permitted(SetLookup *lookup, int64 key)
{
	uint64 chunk = (uint64) key >> CHUNK_BITS;
	uint32 bit = (uint64) key & CHUNK_MASK;
	const ChunkEntry *entry = &lookup->at_hand[chunk % CHUNKS_AT_HAND];
	SubjectPosition position;
	PageSlot *slot;

	if (likely(entry->bitmap != NULL && entry->chunk == chunk))
		return ((entry->bitmap[bit >> 3] >> (bit & 7)) & 1) != lookup->fast.default_permitted;
	if (lookup->spread == NULL)
	{
		position = position_of_integer(lookup->domain.salt, key);
		slot = page_table_find(&lookup->sparse, position_number(lookup, position.hi));
		if (slot != NULL && slot->page->n_dense == 0 && slot->page->ndirty == 0)
			return sparse_contains_integer(slot->page, position) != lookup->fast.default_permitted;
	}
	return lookup_integer_slow(&lookup->fast, key);
}

static void
integers_several(SetLookup *lookup, const Datum *keys, int n, LookupAnswer *answers)
{
	if (lookup->at_hand == NULL)
		lookup->at_hand =
			MemoryContextAllocZero(lookup->context, sizeof(ChunkEntry) * CHUNKS_AT_HAND);
	for (int i = 0; i < n; i++)
		answers[i] =
			integer_permitted(lookup, DatumGetInt64(keys[i])) ? ANSWER_PERMITTED : ANSWER_STOPPED;
}

/*
 * From the pages laid out: compiled for each kind, for this is most of what a
 * row costs.  Gives the number of those whose page is to be asked itself.
 */
static pg_attribute_always_inline int
spread_several(const Spread *laid_out, KeyKind kind, bool default_permitted,
			   const SubjectPosition *positions, int n, LookupAnswer *answers)
{
	Spread spread = *laid_out; /* nothing that is written changes it */
	int left = 0;

	for (int i = 0; i < n; i++)
	{
		if (unlikely(!spread_has(&spread, positions[i].hi)))
		{
			answers[i] = ANSWER_UNKNOWN;
			left++;
		}
		else
			answers[i] = spread_contains(&spread, kind, positions[i]) != default_permitted ?
							 ANSWER_PERMITTED :
							 ANSWER_STOPPED;
	}
	return left;
}

static int
laid_out_several(const SetLookup *lookup, const SubjectPosition *positions, int n,
				 LookupAnswer *answers)
{
	bool default_permitted = lookup->fast.default_permitted;

	if (lookup->spread == NULL)
	{
		for (int i = 0; i < n; i++)
			answers[i] = ANSWER_UNKNOWN;
		return n;
	}
	if (lookup->domain.key_kind == KEY_TEXT)
		return spread_several(lookup->spread, KEY_TEXT, default_permitted, positions, n, answers);
	return spread_several(lookup->spread, KEY_UUID, default_permitted, positions, n, answers);
}

/*
 * lookup_several -- are these subjects permitted?  The same as asking one by
 * one, only faster; who would be decided from records is left unknown.
 *	keys		integers; other keys are not looked at, for their memory may be gone
 *	positions	of the others, from lookup_prepare()
 */
void
lookup_several(ConsentLookup *fast, const Datum *keys, const SubjectPosition *positions, int n,
			   LookupAnswer *answers)
{
	SetLookup *lookup = (SetLookup *) fast;

	if (!lookup->built)
	{
		for (int i = 0; i < n; i++)
			answers[i] = ANSWER_UNKNOWN;
		return;
	}
	if (lookup->domain.key_kind == KEY_INTEGER)
	{
		integers_several(lookup, keys, n, answers);
		return;
	}
	if (laid_out_several(lookup, positions, n, answers) == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		LoadedPage *page;

		if (answers[i] != ANSWER_UNKNOWN)
			continue;
		page = lookup_sparse_page(lookup, positions[i]);
		if (page->ndirty > 0 && page_find_dirty(page, &positions[i]) != NULL)
			continue;
		answers[i] = sparse_contains_wide(page, positions[i]) != lookup->fast.default_permitted ?
						 ANSWER_PERMITTED :
						 ANSWER_STOPPED;
	}
}
