/*
 * consent_spread.c
 *	  Lays a set's sparse pages out for statements that ask about many subjects.
 *
 * A scan asks about subjects in no order that the set knows, so almost every
 * row misses the caches; what counts is how many lines it touches.
 */
#include "compat.h"

#include <sys/mman.h>

#include "consent_spread.h"
#include "utils/memutils.h"

/* more than half of the slots stay empty: few buckets run over into the next */
#define SPREAD_ROOM 2.5
#define SPREAD_TAIL 6
#define SPREAD_MAX_BYTES ((Size) 1 << 30)

static void
spread_end(void *argument)
{
	Spread *spread = argument;

	(void) munmap(spread->buckets, spread->bytes);
}

/*
 * spread_begin -- make room for a set; NULL where it would be unreasonably big.
 *	bits, members	of the set
 *	kind			of the keys
 */
Spread *
spread_begin(int bits, int64 members, KeyKind kind, MemoryContext context)
{
	Spread *spread;
	int64 pages = INT64CONST(1) << bits;
	int64 per_page; /* buckets */
	Size bytes;

	if (bits > 24)
		return NULL;
	per_page = (int64) (members / (double) pages * SPREAD_ROOM) / (kind == KEY_UUID ? 4 : 8) + 2;
	bytes = pages * (per_page + SPREAD_TAIL) * BUCKET_WORDS * sizeof(uint64);
	if (bytes > SPREAD_MAX_BYTES)
		return NULL;
	spread = MemoryContextAlloc(context, sizeof(Spread));
	spread->bits = bits;
	spread->buckets_per_page = per_page;
	spread->stride = per_page + SPREAD_TAIL;
	spread->kind = kind;
	spread->loaded = MemoryContextAllocZero(context, (pages + 7) / 8);

	/*
	 * Straight from the kernel: zero, without our writing it, on a boundary of
	 * a cache line, and if there is none we do without.
	 */
	spread->bytes = bytes;
	spread->buckets = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (spread->buckets == MAP_FAILED)
		return NULL;
	spread->callback.func = spread_end;
	spread->callback.arg = spread;
	MemoryContextRegisterResetCallback(context, &spread->callback);
#ifdef MADV_HUGEPAGE
	/* fewer TLB misses; whether the kernel does it does not matter */
	(void) madvise(spread->buckets, bytes, MADV_HUGEPAGE);
#endif
	return spread;
}

static pg_attribute_always_inline bool
add_members(const Spread *laid_out, KeyKind kind, const PageRow *page, uint64 number)
{
	Spread spread = *laid_out; /* nothing that is written changes it */
	int width = kind == KEY_UUID ? 2 : 1;
	Size entry = kind == KEY_INTEGER ? sizeof(uint64) : sizeof(SubjectPosition);
	uint64 *next = spread.buckets + BUCKET_WORDS * number * spread.stride;
	/* the last slot stays empty: it ends every search */
	uint64 *last = next + BUCKET_WORDS * spread.stride - width;
	const char *stored = page->stored;

	for (int i = 0; i < page->count; i++, stored += entry)
	{
		SubjectPosition position = {0};
		uint64 *wanted;
		uint64 word;

		memcpy(&position, stored, entry);
		word = spread_word(kind, position);
		wanted = spread_bucket(&spread, position.hi);
		next = Max(next, wanted);
		if (word == SPREAD_EMPTY || next >= last)
			return false;
		next[0] = word;
		if (kind == KEY_UUID)
			next[1] = position.lo;
		next += width;
	}
	return true;
}

/*
 * spread_add -- lay out a clean page, as page_scan() gives it.  False when its
 * members do not fit, or one of them looks like an empty slot: the page is then
 * searched as it is.
 */
bool
spread_add(Spread *spread, const PageRow *page)
{
	uint64 number = spread_number(spread, page->position);
	bool added;

	switch (spread->kind)
	{
		case KEY_INTEGER:
			added = add_members(spread, KEY_INTEGER, page, number);
			break;
		case KEY_UUID:
			added = add_members(spread, KEY_UUID, page, number);
			break;
		default:
			added = add_members(spread, KEY_TEXT, page, number);
	}
	if (added)
		spread->loaded[number >> 3] |= 1 << (number & 7);
	return added;
}

/* spread_forget -- the page must be asked itself: somebody on it is dirty */
void
spread_forget(Spread *spread, uint64 hi)
{
	uint64 number = spread_number(spread, hi);

	spread->loaded[number >> 3] &= ~(1 << (number & 7));
}

/* spread_finish -- pages that do not exist have no members */
void
spread_finish(Spread *spread, const uint8 *present)
{
	PageRow nobody = {0};

	for (uint64 number = 0; number < UINT64CONST(1) << spread->bits; number++)
	{
		if ((present[number >> 3] >> (number & 7)) & 1)
			continue;
		nobody.position = spread->bits == 0 ? 0 : number << (64 - spread->bits);
		(void) spread_add(spread, &nobody);
	}
}
