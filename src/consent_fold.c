/*
 * consent_fold.c
 *	  Builds the consent set from the records, and folds what changed into it.
 *
 * A fold takes the domain's fold lock (an object lock, held to the end of the
 * transaction), then a fresh snapshot S.  Every subject named by a delta that S
 * sees, or by an agenda row that is due, is decided anew from the records S
 * sees; its bit goes to the page, those deltas and agenda rows are deleted.  A
 * record that S does not see has a delta that S does not see, which stays.  A
 * reader merges page and deltas under one snapshot, so the fold is invisible.
 *
 * Lock order: fold lock of a domain, then rows of the set's tables.  A writer
 * of records takes no fold lock, except at the end of a bulk import, and then
 * only if it is free.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "consent.h"
#include "errors.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* one subject of one purpose, decided */
typedef struct Change
{
	SubjectPosition position;
	TimestampTz next_change;	/* DT_NOEND: time alone changes nothing */
	const char *subject;
	bool		member;
} Change;

typedef struct ChangeList
{
	Change	   *items;
	int64		count;
	int64		size;
} ChangeList;

/* purposes whose sets are built in one pass over the records */
#define BUILD_PURPOSES_PER_PASS 2
#define BUILD_FETCH_ROWS 5000

static void
change_add(ChangeList *list, const Change *change)
{
	if (list->count == list->size)
	{
		list->size = list->size ? list->size * 2 : 64;
		list->items = list->items == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Change) * list->size) :
			repalloc_huge(list->items, sizeof(Change) * list->size);
	}
	list->items[list->count++] = *change;
}

static int
compare_changes(const void *a, const void *b)
{
	return position_compare(&((const Change *) a)->position, &((const Change *) b)->position);
}

static int
compare_dirty(const void *a, const void *b)
{
	return position_compare(&((const DirtySubject *) a)->position,
							&((const DirtySubject *) b)->position);
}

/*
 * fold_lock -- the right to fold a domain, until the transaction ends.
 * Without `wait`, false when somebody else has it.
 */
bool
fold_lock(Oid domain, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_table_oid(CATALOG_CONSENT_SET), domain, 0);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * When must a subject be looked at again?  Early is harmless, it is then
 * decided exactly; so far-off moments are rounded down to share rows.
 */
static TimestampTz
agenda_due_for(TimestampTz next_change, TimestampTz now)
{
	TimestampTz ahead = next_change - now;

	if (ahead > 2 * USECS_PER_DAY)
		return next_change - (next_change % USECS_PER_DAY + USECS_PER_DAY) % USECS_PER_DAY;
	if (ahead > 2 * USECS_PER_HOUR)
		return next_change - (next_change % USECS_PER_HOUR + USECS_PER_HOUR) % USECS_PER_HOUR;
	return next_change;
}

static int
compare_by_next_change(const void *a, const void *b)
{
	const Change *x = *(Change *const *) a;
	const Change *y = *(Change *const *) b;

	return (x->next_change > y->next_change) - (x->next_change < y->next_change);
}

/*
 * Put changes that time will change again on a page's agenda; returns when the
 * first is due.
 */
static TimestampTz
schedule(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 start,
		 Change *changes, int64 n, TimestampTz now)
{
	Change	  **timed = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(Change *) * Max(n, 1));
	int64		ntimed = 0;
	TimestampTz first = DT_NOEND;

	for (int64 i = 0; i < n; i++)
		if (changes[i].next_change != DT_NOEND)
			timed[ntimed++] = &changes[i];
	if (ntimed > 0)
	{
		char	  **subjects = MemoryContextAllocHuge(CurrentMemoryContext,
													  sizeof(char *) * ntimed);

		qsort(timed, ntimed, sizeof(Change *), compare_by_next_change);
		for (int64 i = 0; i < ntimed;)
		{
			TimestampTz due = agenda_due_for(timed[i]->next_change, now);
			int			count = 0;

			for (; i < ntimed && agenda_due_for(timed[i]->next_change, now) == due; i++)
				subjects[count++] = unconstify(char *, timed[i]->subject);
			agenda_append(domain, purpose_id, kind, start, due, subjects, count);
			first = Min(first, due);
		}
		pfree(subjects);
	}
	pfree(timed);
	return first;
}

/* ---- applying changes to stored pages ---- */

static inline void
bitmap_put(PageRow *page, uint64 hi, bool member)
{
	uint32		bit = hi & CHUNK_MASK;
	uint8		mask = 1 << (bit & 7);
	bool		is = (page->bitmap[bit >> 3] & mask) != 0;

	if (member && !is)
	{
		page->bitmap[bit >> 3] |= mask;
		page->count++;
	}
	else if (!member && is)
	{
		page->bitmap[bit >> 3] &= ~mask;
		page->count--;
	}
}

static void
refresh_agenda(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 start,
			   TimestampTz now, Snapshot snapshot, PageRow *page)
{
	DirtyList	ignored = {0};

	/* who is due is among the changes already: fold_subjects() asked */
	if (page->found && page->next_due <= now)
		page->next_due = agenda_collect(domain, purpose_id, kind, start, now, snapshot, &ignored,
										true);
}

static int64
fold_dense_page(const ProtectedRelation *domain, int32 purpose_id, uint64 start, Change *changes,
				int64 n, TimestampTz now, Snapshot snapshot)
{
	PageRow		page;
	int			before;
	TimestampTz due;

	page_fetch(domain, purpose_id, PAGE_DENSE, start, snapshot, &page);
	if (!page.found)
		page.bitmap = palloc0(BITMAP_BYTES);
	before = page.count;
	refresh_agenda(domain, purpose_id, PAGE_DENSE, start, now, snapshot, &page);
	for (int64 i = 0; i < n; i++)
		bitmap_put(&page, changes[i].position.hi, changes[i].member);
	due = schedule(domain, purpose_id, PAGE_DENSE, start, changes, n, now);
	page.next_due = Min(page.next_due, due);
	page_store(domain, purpose_id, PAGE_DENSE, start, &page);
	pfree(page.bitmap);
	return page.count - before;
}

static bool
chunk_is_dense(const PageRow *page, uint64 start)
{
	int			low = 0;
	int			high = page->n_dense;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (page->dense[middle] == start)
			return true;
		if (page->dense[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static inline SubjectPosition
sparse_member(const PageRow *page, int i)
{
	SubjectPosition position;

	if (page->wide != NULL)
		return page->wide[i];
	position.hi = page->hi[i];
	position.lo = 0;
	return position;
}

/* members of the page, with the changes merged in; returns how many */
static int
merge_members(const PageRow *page, const Change *changes, int64 n, SubjectPosition *merged)
{
	int			count = 0;
	int			i = 0;
	int64		j = 0;

	while (i < page->count || j < n)
	{
		int			order;
		SubjectPosition member = {0, 0};

		if (i < page->count)
			member = sparse_member(page, i);
		if (i >= page->count)
			order = 1;
		else if (j >= n)
			order = -1;
		else
			order = position_compare(&member, &changes[j].position);
		if (order < 0)
		{
			merged[count++] = member;
			i++;
			continue;
		}
		if (changes[j].member)
			merged[count++] = changes[j].position;
		j++;
		if (order == 0)
			i++;
	}
	return count;
}

static void
page_set_members(const ProtectedRelation *domain, PageRow *page, const SubjectPosition *members,
				 int count)
{
	page->count = count;
	if (domain->key_kind == KEY_INTEGER)
	{
		page->hi = palloc(sizeof(uint64) * Max(count, 1));
		for (int i = 0; i < count; i++)
			page->hi[i] = members[i].hi;
	}
	else
	{
		page->wide = palloc(sizeof(SubjectPosition) * Max(count, 1));
		memcpy(page->wide, members, sizeof(SubjectPosition) * count);
	}
}

static void
list_dense_chunk(PageRow *page, uint64 start)
{
	int			i = page->n_dense;
	uint64	   *grown = palloc(sizeof(uint64) * (page->n_dense + 1));

	while (i > 0 && page->dense[i - 1] > start)
		i--;
	if (page->n_dense > 0)
	{
		memcpy(grown, page->dense, sizeof(uint64) * i);
		memcpy(grown + i + 1, page->dense + i, sizeof(uint64) * (page->n_dense - i));
	}
	grown[i] = start;
	page->dense = grown;
	page->n_dense++;
}

/*
 * A chunk has grown enough members to be a bitmap.  Its subjects on the sparse
 * page's agenda are put on its own, at the sparse page's next due moment: they
 * are then decided anew and scheduled exactly.
 */
static void
make_chunk_dense(const ProtectedRelation *domain, int32 purpose_id, PageRow *sparse,
				 uint64 sparse_at, uint64 start, const SubjectPosition *members, int count,
				 Snapshot snapshot)
{
	PageRow		dense = {0};

	dense.bitmap = palloc0(BITMAP_BYTES);
	dense.next_due = DT_NOEND;
	for (int i = 0; i < count; i++)
		bitmap_put(&dense, members[i].hi, true);
	if (sparse->next_due != DT_NOEND)
	{
		DirtyList	timed = {0};
		char	  **subjects;
		int			n = 0;

		/* DT_NOEND - 1: whatever is on the agenda at all */
		agenda_collect(domain, purpose_id, PAGE_SPARSE, sparse_at, DT_NOEND - 1, snapshot, &timed,
					   false);
		subjects = palloc(sizeof(char *) * Max(timed.count, 1));
		for (int i = 0; i < timed.count; i++)
			if (chunk_start(timed.items[i].position.hi) == start)
				subjects[n++] = timed.items[i].subject;
		if (n > 0)
		{
			agenda_append(domain, purpose_id, PAGE_DENSE, start, sparse->next_due, subjects, n);
			dense.next_due = sparse->next_due;
		}
		pfree(subjects);
	}
	page_store(domain, purpose_id, PAGE_DENSE, start, &dense);
	list_dense_chunk(sparse, start);
	pfree(dense.bitmap);
}

/*
 * Fold the changes that fall on one sparse page, and on dense pages within its
 * range.  Returns the change in members; *overflow when the page became too big.
 */
static int64
fold_sparse_page(const ProtectedRelation *domain, int32 purpose_id, uint64 start,
				 Change *changes, int64 n, TimestampTz now, Snapshot snapshot, bool *overflow)
{
	PageRow		page;
	Change	   *sparse = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Change) * n);
	int64		nsparse = 0;
	int64		gained = 0;
	SubjectPosition *members;
	int			count;

	page_fetch(domain, purpose_id, PAGE_SPARSE, start, snapshot, &page);
	refresh_agenda(domain, purpose_id, PAGE_SPARSE, start, now, snapshot, &page);
	for (int64 i = 0; i < n;)
	{
		uint64		chunk = chunk_start(changes[i].position.hi);
		int64		j = i;

		while (j < n && chunk_start(changes[j].position.hi) == chunk)
			j++;
		if (domain->key_kind == KEY_INTEGER && chunk_is_dense(&page, chunk))
			gained += fold_dense_page(domain, purpose_id, chunk, changes + i, j - i, now,
									  snapshot);
		else
		{
			memcpy(sparse + nsparse, changes + i, sizeof(Change) * (j - i));
			nsparse += j - i;
		}
		i = j;
	}

	members = MemoryContextAllocHuge(CurrentMemoryContext,
									 sizeof(SubjectPosition) * (page.count + nsparse + 1));
	count = merge_members(&page, sparse, nsparse, members);
	gained += count - page.count;

	if (domain->key_kind == KEY_INTEGER)
	{
		int			kept = 0;

		for (int i = 0; i < count;)
		{
			uint64		chunk = chunk_start(members[i].hi);
			int			j = i;

			while (j < count && chunk_start(members[j].hi) == chunk)
				j++;
			if (j - i >= DENSE_MIN)
				make_chunk_dense(domain, purpose_id, &page, start, chunk, members + i, j - i,
								 snapshot);
			else
			{
				memmove(members + kept, members + i, sizeof(SubjectPosition) * (j - i));
				kept += j - i;
			}
			i = j;
		}
		count = kept;
	}
	page_set_members(domain, &page, members, count);

	/* timed changes of chunks that just became dense go to the dense page */
	if (nsparse > 0)
	{
		int64		still = 0;

		for (int64 i = 0; i < nsparse;)
		{
			uint64		chunk = chunk_start(sparse[i].position.hi);
			int64		j = i;

			while (j < nsparse && chunk_start(sparse[j].position.hi) == chunk)
				j++;
			if (domain->key_kind == KEY_INTEGER && chunk_is_dense(&page, chunk))
			{
				bool		timed = false;

				for (int64 k = i; k < j; k++)
					timed = timed || sparse[k].next_change != DT_NOEND;
				if (timed)
				{
					/* the page's row is new in this command: rewrite it next time round */
					CommandCounterIncrement();
					fold_dense_page(domain, purpose_id, chunk, sparse + i, j - i, now,
									GetLatestSnapshot());
				}
			}
			else
			{
				memmove(sparse + still, sparse + i, sizeof(Change) * (j - i));
				still += j - i;
			}
			i = j;
		}
		page.next_due = Min(page.next_due,
							schedule(domain, purpose_id, PAGE_SPARSE, start, sparse, still, now));
	}

	if (page_bytes(domain, &page) > PAGE_MAX_BYTES)
		*overflow = true;
	else
		page_store(domain, purpose_id, PAGE_SPARSE, start, &page);
	pfree(members);
	pfree(sparse);
	return gained;
}

/* fold changes, sorted by position, into a built set; false: it must be rebuilt */
static bool
fold_changes(const ProtectedRelation *domain, ConsentSet *set, ChangeList *changes,
			 TimestampTz now, Snapshot snapshot)
{
	bool		overflow = false;
	MemoryContext page_context = AllocSetContextCreate(CurrentMemoryContext, "privseg fold page",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(page_context);

	for (int64 i = 0; i < changes->count && !overflow;)
	{
		uint64		start = sparse_start(changes->items[i].position.hi, set->bits);
		uint64		last = sparse_last(start, set->bits);
		int64		j = i;

		CHECK_FOR_INTERRUPTS();
		while (j < changes->count && changes->items[j].position.hi <= last)
			j++;
		set->members += fold_sparse_page(domain, set->purpose_id, start, changes->items + i,
										 j - i, now, snapshot, &overflow);
		MemoryContextReset(page_context);
		i = j;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(page_context);
	return !overflow;
}

/* ---- building a set from the records ---- */

/* write the pages of a new set; false when some page would be too big */
static bool
sparse_pages_fit(const ProtectedRelation *domain, const ChangeList *entries, const bool *dense,
				 int bits)
{
	PageRow		page = {0};
	uint64		start = 0;

	for (int64 i = 0; i < entries->count; i++)
	{
		uint64		at = sparse_start(entries->items[i].position.hi, bits);

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
	ConsentSet	set = {0};
	bool	   *dense = MemoryContextAllocExtended(CurrentMemoryContext, entries->count + 1,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	MemoryContext page_context = AllocSetContextCreate(CurrentMemoryContext, "privseg build page",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller;

	qsort(entries->items, entries->count, sizeof(Change), compare_changes);
	set.domain = domain->relid;
	set.purpose_id = purpose->id;

	for (int64 i = 0; i < entries->count;)
	{
		uint64		chunk = chunk_start(entries->items[i].position.hi);
		int64		j = i;
		int64		members = 0;

		while (j < entries->count && chunk_start(entries->items[j].position.hi) == chunk)
			members += entries->items[j++].member;
		set.members += members;
		if (domain->key_kind == KEY_INTEGER && members >= DENSE_MIN)
			memset(dense + i, true, j - i);
		i = j;
	}
	while (!sparse_pages_fit(domain, entries, dense, set.bits) && set.bits < 40)
		set.bits++;

	caller = MemoryContextSwitchTo(page_context);
	for (int64 i = 0; i < entries->count;)
	{
		uint64		start = sparse_start(entries->items[i].position.hi, set.bits);
		uint64		last = sparse_last(start, set.bits);
		PageRow		page = {0};
		int64		j = i;
		int64		nsparse = 0;
		Change	   *sparse;

		CHECK_FOR_INTERRUPTS();
		while (j < entries->count && entries->items[j].position.hi <= last)
			j++;
		sparse = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Change) * (j - i));
		page.next_due = DT_NOEND;
		for (int64 k = i; k < j;)
		{
			uint64		chunk = chunk_start(entries->items[k].position.hi);
			int64		end = k;

			while (end < j && chunk_start(entries->items[end].position.hi) == chunk)
				end++;
			if (dense[k])
			{
				PageRow		bitmap = {0};

				bitmap.bitmap = palloc0(BITMAP_BYTES);
				for (int64 m = k; m < end; m++)
					bitmap_put(&bitmap, entries->items[m].position.hi, entries->items[m].member);
				bitmap.next_due = schedule(domain, purpose->id, PAGE_DENSE, chunk,
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
			PageRow		nothing = {0};
			SubjectPosition *members = MemoryContextAllocHuge(CurrentMemoryContext,
															  sizeof(SubjectPosition) *
															  (nsparse + 1));
			int			count = merge_members(&nothing, sparse, nsparse, members);

			page_set_members(domain, &page, members, count);
		}
		page.next_due = schedule(domain, purpose->id, PAGE_SPARSE, start, sparse, nsparse, now);
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
decide_into(const ProtectedRelation *domain, Purpose **purposes, int npurposes,
			ConsentFact *facts, int nfacts, const char *subject, TimestampTz now,
			ChangeList *entries)
{
	SubjectPosition position = subject_position(domain, subject);
	const char *kept = NULL;

	qsort(facts, nfacts, sizeof(ConsentFact), fact_compare);
	for (int i = 0; i < npurposes; i++)
	{
		ConsentDecision decision;
		Change		change;

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
static void
build_sets(const ProtectedRelation *domain, Purpose **purposes, int npurposes, TimestampTz now,
		   Snapshot snapshot)
{
	ChangeList	entries[BUILD_PURPOSES_PER_PASS] = {{0}};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "privseg build",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext row_context = AllocSetContextCreate(context, "privseg build rows",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Datum		names[BUILD_PURPOSES_PER_PASS];
	Oid			types[2] = {REGCLASSOID, TEXTARRAYOID};
	Datum		arguments[2];
	Portal		portal;
	char	   *current = NULL;
	ConsentFact *facts;
	int			nfacts = 0;
	int			size = 64;

	MemoryContextSwitchTo(context);
	facts = palloc(sizeof(ConsentFact) * size);
	for (int i = 0; i < npurposes; i++)
		names[i] = CStringGetTextDatum(purposes[i]->name);
	arguments[0] = ObjectIdGetDatum(domain->relid);
	arguments[1] = PointerGetDatum(construct_array(names, npurposes, TEXTOID, -1, false,
												   TYPALIGN_INT));

	SPI_connect();
	PushActiveSnapshot(snapshot);
	portal = SPI_cursor_open_with_args(NULL,
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
			Datum		values[RECORD_NATTS];
			bool		nulls[RECORD_NATTS];
			char	   *subject;

			CHECK_FOR_INTERRUPTS();
			MemoryContextSwitchTo(row_context);
			heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
			subject = TextDatumGetCString(values[RECORD_SUBJECT - 1]);
			if (current == NULL || strcmp(current, subject) != 0)
			{
				if (current != NULL)
				{
					MemoryContextSwitchTo(context);
					decide_into(domain, purposes, npurposes, facts, nfacts, current, now,
								entries);
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

/* ---- the fold itself ---- */

/*
 * fold_subjects -- fold a domain: its deltas, what is due, and the subjects in
 * `extra` (or NULL), whose records this transaction has just written without
 * deltas.  The caller holds the fold lock and no isolation level above READ
 * COMMITTED.  Returns how many subjects were decided.
 */
int64
fold_subjects(Oid domain_oid, DirtyList *extra)
{
	ProtectedRelation domain;
	const ProtectedRelation *entry = subject_domain(domain_oid);
	MemoryContext context;
	MemoryContext caller;
	MemoryContext subject_context;
	Snapshot	snapshot;
	TimestampTz now;
	DirtyList	dirty = {0};
	List	   *tids = NIL;
	List	   *purposes;
	ListCell   *lc;
	Purpose   **built;
	ConsentSet *sets;
	ChangeList *changes;
	int			nbuilt = 0;
	List	   *unbuilt = NIL;
	int64		decided = 0;

	if (entry == NULL)
		return 0;
	domain = *entry;			/* the cache may move under us */

	context = AllocSetContextCreate(CurrentMemoryContext, "privseg fold",
									ALLOCSET_DEFAULT_SIZES);
	subject_context = AllocSetContextCreate(context, "privseg fold subject",
											ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	now = GetCurrentTimestamp();

	delta_collect(&domain, FACT_NO_PURPOSE, 0, ~UINT64CONST(0), snapshot, &dirty, &tids);
	agenda_due(&domain, now, snapshot, &dirty);
	if (extra != NULL)
		for (int i = 0; i < extra->count; i++)
			dirty_add(&dirty, extra->items[i].position, extra->items[i].subject,
					  extra->items[i].purpose_id);

	purposes = purpose_all();
	built = palloc(sizeof(Purpose *) * (list_length(purposes) + 1));
	sets = palloc(sizeof(ConsentSet) * (list_length(purposes) + 1));
	changes = palloc0(sizeof(ChangeList) * (list_length(purposes) + 1));
	foreach(lc, purposes)
	{
		Purpose    *purpose = lfirst(lc);

		set_fetch(domain.relid, purpose->id, snapshot, &sets[nbuilt]);
		if (sets[nbuilt].found)
			built[nbuilt++] = purpose;
		else
			unbuilt = lappend(unbuilt, purpose);
	}

	if (dirty.count > 0 && nbuilt > 0)
	{
		FactReader *reader = facts_begin(domain.relid, snapshot);

		qsort(dirty.items, dirty.count, sizeof(DirtySubject), compare_dirty);
		for (int i = 0; i < dirty.count;)
		{
			ConsentFact *facts;
			int			nfacts;
			int			j = i;

			CHECK_FOR_INTERRUPTS();
			while (j < dirty.count && compare_dirty(&dirty.items[i], &dirty.items[j]) == 0)
				j++;
			MemoryContextSwitchTo(subject_context);
			nfacts = facts_of_subject(reader, dirty.items[i].subject, &facts);
			for (int p = 0; p < nbuilt; p++)
			{
				bool		wanted = false;
				ConsentDecision decision;
				Change		change;

				for (int k = i; k < j && !wanted; k++)
					wanted = dirty.items[k].purpose_id == FACT_EVERY_PURPOSE ||
						dirty.items[k].purpose_id == built[p]->id;
				if (!wanted)
					continue;
				consent_decide(built[p], facts, nfacts, now, false, &decision);
				change.position = dirty.items[i].position;
				change.member = decision.permitted != purpose_default_permitted(built[p]);
				change.next_change = decision.next_change;
				change.subject = dirty.items[i].subject;
				MemoryContextSwitchTo(context);
				change_add(&changes[p], &change);
				MemoryContextSwitchTo(subject_context);
			}
			MemoryContextSwitchTo(context);
			MemoryContextReset(subject_context);
			decided++;
			i = j;
		}
		facts_end(reader);
	}
	for (int p = 0; p < nbuilt; p++)
	{
		if (changes[p].count == 0)
			continue;
		if (fold_changes(&domain, &sets[p], &changes[p], now, snapshot))
			set_store(&sets[p]);
		else
		{
			CommandCounterIncrement();
			set_clear(domain.relid, built[p]->id, GetLatestSnapshot());
			unbuilt = lappend(unbuilt, built[p]);
		}
	}
	for (int first = 0; first < list_length(unbuilt); first += BUILD_PURPOSES_PER_PASS)
	{
		Purpose    *pass[BUILD_PURPOSES_PER_PASS];
		int			n = 0;

		while (n < BUILD_PURPOSES_PER_PASS && first + n < list_length(unbuilt))
		{
			pass[n] = list_nth(unbuilt, first + n);
			n++;
		}
		build_sets(&domain, pass, n, now, snapshot);
	}
	delta_delete(tids);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return decided;
}

/* fold_domain -- take the lock, wait for it if need be, and fold */
int64
fold_domain(Oid domain)
{
	fold_lock(domain, true);
	return fold_subjects(domain, NULL);
}
