/*
 * consent_apply.c
 *	  Applies decided changes to the stored pages of one set: the part of a fold
 *	  that knows what dense and sparse pages and their agenda are.
 *
 * The caller holds the domain's fold lock.  Each page is fetched and stored
 * once, under the fold's snapshot.
 */
#include "compat.h"

#include "access/xact.h"
#include "consent_fold.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

void
change_add(ChangeList *list, const Change *change)
{
	if (list->count == list->size)
	{
		list->size = list->size ? list->size * 2 : 64;
		list->items = list->items == NULL ? MemoryContextAllocHuge(CurrentMemoryContext,
																   sizeof(Change) * list->size) :
											repalloc_huge(list->items, sizeof(Change) * list->size);
	}
	list->items[list->count++] = *change;
}

int
change_compare(const void *a, const void *b)
{
	return position_compare(&((const Change *) a)->position, &((const Change *) b)->position);
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
TimestampTz
change_schedule(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 start,
				Change *changes, int64 n, TimestampTz now)
{
	Change **timed = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Change *) * Max(n, 1));
	int64 ntimed = 0;
	TimestampTz first = DT_NOEND;

	for (int64 i = 0; i < n; i++)
		if (changes[i].next_change != DT_NOEND)
			timed[ntimed++] = &changes[i];
	if (ntimed > 0)
	{
		char **subjects = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(char *) * ntimed);

		qsort(timed, ntimed, sizeof(Change *), compare_by_next_change);
		for (int64 i = 0; i < ntimed;)
		{
			TimestampTz due = agenda_due_for(timed[i]->next_change, now);
			int count = 0;

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

/* bitmap_put -- set a subject's bit; true when it was not so already */
bool
bitmap_put(PageRow *page, uint64 hi, bool member)
{
	uint32 bit = hi & CHUNK_MASK;
	uint8 mask = 1 << (bit & 7);
	bool is = (page->bitmap[bit >> 3] & mask) != 0;

	if (member == is)
		return false;
	page->bitmap[bit >> 3] ^= mask;
	page->count += member ? 1 : -1;
	return true;
}

static void
refresh_agenda(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 start,
			   TimestampTz now, Snapshot snapshot, PageRow *page)
{
	DirtyList ignored = {0};

	/* who is due is among the changes already: fold_subjects() asked */
	if (page->found && page->next_due <= now)
		page->next_due =
			agenda_collect(domain, purpose_id, kind, start, now, snapshot, &ignored, true);
}

static int64
fold_dense_page(const ProtectedRelation *domain, int32 purpose_id, uint64 start, Change *changes,
				int64 n, TimestampTz now, Snapshot snapshot)
{
	PageRow page;
	int before;
	TimestampTz due_before;
	bool changed;

	page_fetch(domain, purpose_id, PAGE_DENSE, start, snapshot, &page);
	changed = !page.found;
	if (!page.found)
		page.bitmap = palloc0(BITMAP_BYTES);
	before = page.count;
	due_before = page.next_due;
	refresh_agenda(domain, purpose_id, PAGE_DENSE, start, now, snapshot, &page);
	for (int64 i = 0; i < n; i++)
		changed |= bitmap_put(&page, changes[i].position.hi, changes[i].member);
	page.next_due =
		Min(page.next_due, change_schedule(domain, purpose_id, PAGE_DENSE, start, changes, n, now));
	if (changed || page.next_due != due_before)
		page_store(domain, purpose_id, PAGE_DENSE, start, &page);
	pfree(page.bitmap);
	return page.count - before;
}

static bool
chunk_is_dense(const PageRow *page, uint64 start)
{
	int low = 0;
	int high = page->n_dense;

	while (low < high)
	{
		int middle = (low + high) / 2;

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
int
merge_members(const PageRow *page, const Change *changes, int64 n, SubjectPosition *merged)
{
	int count = 0;
	int i = 0;
	int64 j = 0;

	while (i < page->count || j < n)
	{
		int order;
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

void
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

void
list_dense_chunk(PageRow *page, uint64 start)
{
	int i = page->n_dense;
	uint64 *grown = palloc(sizeof(uint64) * (page->n_dense + 1));

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
	PageRow dense = {0};

	dense.bitmap = palloc0(BITMAP_BYTES);
	dense.next_due = DT_NOEND;
	for (int i = 0; i < count; i++)
		bitmap_put(&dense, members[i].hi, true);
	if (sparse->next_due != DT_NOEND)
	{
		DirtyList timed = {0};
		char **subjects;
		int n = 0;

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
fold_sparse_page(const ProtectedRelation *domain, int32 purpose_id, uint64 start, Change *changes,
				 int64 n, TimestampTz now, Snapshot snapshot, bool *overflow)
{
	PageRow page;
	Change *sparse = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Change) * n);
	int64 nsparse = 0;
	int64 gained = 0;
	SubjectPosition *members;
	int count;
	int n_dense_before;
	TimestampTz due_before;

	page_fetch(domain, purpose_id, PAGE_SPARSE, start, snapshot, &page);
	n_dense_before = page.n_dense;
	due_before = page.next_due;
	refresh_agenda(domain, purpose_id, PAGE_SPARSE, start, now, snapshot, &page);
	for (int64 i = 0; i < n;)
	{
		uint64 chunk = chunk_start(changes[i].position.hi);
		int64 j = i;

		while (j < n && chunk_start(changes[j].position.hi) == chunk)
			j++;
		if (domain->key_kind == KEY_INTEGER && chunk_is_dense(&page, chunk))
			gained += fold_dense_page(domain, purpose_id, chunk, changes + i, j - i, now, snapshot);
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
		int kept = 0;

		for (int i = 0; i < count;)
		{
			uint64 chunk = chunk_start(members[i].hi);
			int j = i;

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
		int64 still = 0;

		for (int64 i = 0; i < nsparse;)
		{
			uint64 chunk = chunk_start(sparse[i].position.hi);
			int64 j = i;

			while (j < nsparse && chunk_start(sparse[j].position.hi) == chunk)
				j++;
			if (domain->key_kind == KEY_INTEGER && chunk_is_dense(&page, chunk))
			{
				bool timed = false;

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
		page.next_due = Min(page.next_due, change_schedule(domain, purpose_id, PAGE_SPARSE, start,
														   sparse, still, now));
	}

	if (page_bytes(domain, &page) > PAGE_MAX_BYTES)
		*overflow = true;
	else if (nsparse > 0 || page.n_dense != n_dense_before || page.next_due != due_before)
		page_store(domain, purpose_id, PAGE_SPARSE, start, &page);
	pfree(members);
	pfree(sparse);
	return gained;
}

/* fold changes, sorted by position, into a built set; false: it must be rebuilt */
bool
fold_changes(const ProtectedRelation *domain, ConsentSet *set, ChangeList *changes, TimestampTz now,
			 Snapshot snapshot)
{
	bool overflow = false;
	MemoryContext page_context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg fold page", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(page_context);

	for (int64 i = 0; i < changes->count && !overflow;)
	{
		uint64 start = sparse_start(changes->items[i].position.hi, set->bits);
		uint64 last = sparse_last(start, set->bits);
		int64 j = i;

		CHECK_FOR_INTERRUPTS();
		consent_mark_changed(domain->relid, start, last);
		while (j < changes->count && changes->items[j].position.hi <= last)
			j++;
		set->members += fold_sparse_page(domain, set->purpose_id, start, changes->items + i, j - i,
										 now, snapshot, &overflow);
		MemoryContextReset(page_context);
		i = j;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(page_context);
	return !overflow;
}
