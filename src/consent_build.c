/*
 * consent_build.c
 *	  Builds sets from the records, in one pass in subject order.
 *
 * Used for a new purpose or domain, after a restore, when a material notice
 * overtakes consents, and when a set has outgrown its layout.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "consent_fold.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define BUILD_FETCH_ROWS 5000

/* write the pages of a new set; false when some page would be too big */
static bool
sparse_pages_fit(const ProtectedRelation *domain, const ChangeList *entries, const bool *dense,
				 int bits)
{
	PageRow page = {0};
	uint64 start = 0;

	for (int64 i = 0; i < entries->count; i++)
	{
		uint64 at = sparse_start(entries->items[i].position.hi, bits);

		if (i == 0 || at != start)
		{
			start = at;
			page.count = page.n_dense = 0;
		}
		if (dense[i])
		{
			if (i == 0 || !dense[i - 1] || page.n_dense == 0 ||
				chunk_start(entries->items[i].position.hi) !=
					chunk_start(entries->items[i - 1].position.hi))
				page.n_dense++;
		}
		else if (entries->items[i].member)
			page.count++;
		/* half full, so that the set can grow before it is laid out anew */
		if (page_bytes(domain, &page) > PAGE_MAX_BYTES / 2)
			return false;
	}
	return true;
}

static void
write_set(const ProtectedRelation *domain, const Purpose *purpose, ChangeList *entries,
		  TimestampTz now)
{
	ConsentSet set = {0};
	bool *dense = MemoryContextAllocExtended(CurrentMemoryContext, entries->count + 1,
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	MemoryContext page_context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg build page", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;

	consent_mark_changed(domain->relid, 0, ~UINT64CONST(0));
	qsort(entries->items, entries->count, sizeof(Change), change_compare);
	set.domain = domain->relid;
	set.purpose_id = purpose->id;

	for (int64 i = 0; i < entries->count;)
	{
		uint64 chunk = chunk_start(entries->items[i].position.hi);
		int64 j = i;
		int64 members = 0;

		while (j < entries->count && chunk_start(entries->items[j].position.hi) == chunk)
			members += entries->items[j++].member;
		set.members += members;
		if (domain->key_kind == KEY_INTEGER && members >= DENSE_MIN)
			memset(dense + i, true, j - i);
		i = j;
	}
	/* a page that does not fit with few bits may need many: go in strides first */
	while (set.bits < 48 && !sparse_pages_fit(domain, entries, dense, set.bits))
		set.bits += 4;
	while (set.bits > 0 && sparse_pages_fit(domain, entries, dense, set.bits - 1))
		set.bits--;

	caller = MemoryContextSwitchTo(page_context);
	for (int64 i = 0; i < entries->count;)
	{
		uint64 start = sparse_start(entries->items[i].position.hi, set.bits);
		uint64 last = sparse_last(start, set.bits);
		PageRow page = {0};
		int64 j = i;
		int64 nsparse = 0;
		Change *sparse;

		CHECK_FOR_INTERRUPTS();
		while (j < entries->count && entries->items[j].position.hi <= last)
			j++;
		sparse = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Change) * (j - i));
		page.next_due = DT_NOEND;
		for (int64 k = i; k < j;)
		{
			uint64 chunk = chunk_start(entries->items[k].position.hi);
			int64 end = k;

			while (end < j && chunk_start(entries->items[end].position.hi) == chunk)
				end++;
			if (dense[k])
			{
				PageRow bitmap = {0};

				bitmap.bitmap = palloc0(BITMAP_BYTES);
				for (int64 m = k; m < end; m++)
					bitmap_put(&bitmap, entries->items[m].position.hi, entries->items[m].member);
				bitmap.next_due = change_schedule(domain, purpose->id, PAGE_DENSE, chunk,
												  entries->items + k, end - k, now);
				page_store(domain, purpose->id, PAGE_DENSE, chunk, &bitmap);
				pfree(bitmap.bitmap);
				list_dense_chunk(&page, chunk);
			}
			else
			{
				memcpy(sparse + nsparse, entries->items + k, sizeof(Change) * (end - k));
				nsparse += end - k;
			}
			k = end;
		}
		{
			PageRow nothing = {0};
			SubjectPosition *members = MemoryContextAllocHuge(
				CurrentMemoryContext, sizeof(SubjectPosition) * (nsparse + 1));
			int count = merge_members(&nothing, sparse, nsparse, members);

			page_set_members(domain, &page, members, count);
		}
		page.next_due =
			change_schedule(domain, purpose->id, PAGE_SPARSE, start, sparse, nsparse, now);
		page_store(domain, purpose->id, PAGE_SPARSE, start, &page);
		MemoryContextReset(page_context);
		i = j;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(page_context);
	set_store(&set);
	pfree(dense);
}

static void
decide_into(const ProtectedRelation *domain, Purpose **purposes, int npurposes, ConsentFact *facts,
			int nfacts, const char *subject, TimestampTz now, ChangeList *entries)
{
	SubjectPosition position = subject_position(domain, subject);
	const char *kept = NULL;

	qsort(facts, nfacts, sizeof(ConsentFact), fact_compare);
	for (int i = 0; i < npurposes; i++)
	{
		ConsentDecision decision;
		Change change;

		consent_decide(purposes[i], facts, nfacts, now, false, &decision);
		change.position = position;
		change.member = decision.permitted != purpose_default_permitted(purposes[i]);
		change.next_change = decision.next_change;
		change.subject = NULL;
		if (!change.member && change.next_change == DT_NOEND)
			continue;
		if (change.next_change != DT_NOEND)
			change.subject = kept ? kept : (kept = pstrdup(subject));
		change_add(&entries[i], &change);
	}
}

/*
 * Build the sets of up to BUILD_PURPOSES_PER_PASS purposes in one pass over
 * the domain's records in subject order, under the snapshot.
 */
void
build_sets(const ProtectedRelation *domain, Purpose **purposes, int npurposes, TimestampTz now,
		   Snapshot snapshot)
{
	ChangeList entries[BUILD_PURPOSES_PER_PASS] = {{0}};
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext row_context =
		AllocSetContextCreate(context, "privseg build rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Datum names[BUILD_PURPOSES_PER_PASS];
	Oid types[2] = {REGCLASSOID, TEXTARRAYOID};
	Datum arguments[2];
	Portal portal;
	char *current = NULL;
	ConsentFact *facts;
	int nfacts = 0;
	int size = 64;

	MemoryContextSwitchTo(context);
	facts = palloc(sizeof(ConsentFact) * size);
	for (int i = 0; i < npurposes; i++)
		names[i] = CStringGetTextDatum(purposes[i]->name);
	arguments[0] = ObjectIdGetDatum(domain->relid);
	arguments[1] =
		PointerGetDatum(construct_array(names, npurposes, TEXTOID, -1, false, TYPALIGN_INT));

	SPI_connect();
	PushActiveSnapshot(snapshot);
	portal = SPI_cursor_open_with_args(
		NULL,
		"SELECT * FROM privseg.consent_record"
		" WHERE subject_table OPERATOR(pg_catalog.=) $1"
		" AND (purpose OPERATOR(pg_catalog.=) ANY ($2) OR purpose IS NULL)"
		" ORDER BY subject COLLATE pg_catalog.\"C\"",
		2, types, arguments, NULL, true, 0);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, BUILD_FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			Datum values[RECORD_NATTS];
			bool nulls[RECORD_NATTS];
			char *subject;

			CHECK_FOR_INTERRUPTS();
			MemoryContextSwitchTo(row_context);
			heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
			subject = TextDatumGetCString(values[RECORD_SUBJECT - 1]);
			if (current == NULL || strcmp(current, subject) != 0)
			{
				if (current != NULL)
				{
					MemoryContextSwitchTo(context);
					decide_into(domain, purposes, npurposes, facts, nfacts, current, now, entries);
					pfree(current);
				}
				current = MemoryContextStrdup(context, subject);
				nfacts = 0;
			}
			if (nfacts == size)
				facts = repalloc_huge(facts, sizeof(ConsentFact) * (size *= 2));
			MemoryContextSwitchTo(row_context);
			fact_from_record(values, nulls, &facts[nfacts++]);
			MemoryContextReset(row_context);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	MemoryContextSwitchTo(context);
	if (current != NULL)
		decide_into(domain, purposes, npurposes, facts, nfacts, current, now, entries);
	SPI_cursor_close(portal);
	PopActiveSnapshot();
	SPI_finish();

	MemoryContextSwitchTo(context);
	for (int i = 0; i < npurposes; i++)
		write_set(domain, purposes[i], &entries[i], now);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
