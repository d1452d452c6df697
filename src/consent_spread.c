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
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/* half of the slots stay empty: runs are short, and mostly one cache line */
#define SPREAD_ROOM 2.0
#define SPREAD_TAIL 24
#define SPREAD_MAX_BYTES ((Size) 1 << 30)

/*
 * spread_begin -- make room for a set; NULL where it would be unreasonably big.
 *	bits, members	of the set
 *	wide			uuid and text
 */
Spread *
spread_begin(int bits, int64 members, bool wide, MemoryContext context)
{
	Spread *spread;
	int64 pages = INT64CONST(1) << bits;
	int64 per_page = (int64) (members / (double) pages * SPREAD_ROOM) + 8;
	Size bytes;

	if (bits > 24)
		return NULL;
	bytes = pages * (per_page + SPREAD_TAIL) * sizeof(uint64) * (wide ? 2 : 1);
	if (bytes > SPREAD_MAX_BYTES)
		return NULL;
	spread = MemoryContextAlloc(context, sizeof(Spread));
	spread->bits = bits;
	spread->slots_per_page = per_page;
	spread->stride = per_page + SPREAD_TAIL;
	spread->wide = wide;
	spread->ahead_page = NULL;
	/* pages that no row asks about are never touched, so cost no memory */
	spread->slots = MemoryContextAllocHuge(context, bytes);
	spread->loaded = MemoryContextAllocZero(context, (pages + 7) / 8);
#ifdef MADV_HUGEPAGE
	{
		const uintptr_t huge = 2 * 1024 * 1024;
		uintptr_t first = ((uintptr_t) spread->slots + huge - 1) & ~(huge - 1);
		uintptr_t last = ((uintptr_t) spread->slots + bytes) & ~(huge - 1);

		/* fewer TLB misses; whether the kernel does it does not matter */
		if (last > first)
			(void) madvise((void *) first, last - first, MADV_HUGEPAGE);
	}
#endif
	return spread;
}

/*
 * spread_add -- lay out a clean page.  False when its members do not fit, or
 * one of them looks like an empty slot: the page is then searched as it is.
 */
bool
spread_add(Spread *spread, const PageRow *page)
{
	int width = spread->wide ? 2 : 1;
	uint64 number = spread_number(spread, page->position);
	uint64 *base = spread->slots + number * spread->stride * width;
	uint32 next = 0;

	for (int i = 0; i < page->count; i++)
	{
		uint64 hi = page->wide ? page->wide[i].hi : page->hi[i];
		uint32 wanted = (uint32) (spread_slot(spread, hi) - number * spread->stride);

		if (hi == SPREAD_EMPTY)
			return false;
		for (; next < wanted; next++)
			base[next * width] = SPREAD_EMPTY;
		/* the last slot stays empty: it ends every search */
		if (next >= spread->stride - 1)
			return false;
		base[next * width] = hi;
		if (spread->wide)
			base[next * width + 1] = page->wide[i].lo;
		next++;
	}
	for (; next < spread->stride; next++)
		base[next * width] = SPREAD_EMPTY;
	spread->loaded[number >> 3] |= 1 << (number & 7);
	return true;
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

/* ---- looking ahead ---- */

/*
 * spread_look_ahead -- the key lies in a shared buffer: fetch what the other tuples
 * of that heap page will ask for into the processor's caches.
 *
 * A large set of uuid or text keys answers each row with one cache line that is
 * nowhere near; waiting for it would be most of the row's time.  A scan has its
 * page pinned, so the other keys can be read.  What is read is only a hint: it
 * may be changing under us, or be no key at all, and nothing is decided by it.
 */
void
spread_look_ahead(Spread *spread, const uint64 *salt, const void *key, bool is_text)
{
	const char *at = key;
	const char *page;
	PageHeader header;
	OffsetNumber last;
	Size within = 0;

	if (at < BufferBlocks || at >= BufferBlocks + (Size) NBuffers * BLCKSZ)
		return;
	page = BufferBlocks + ((at - BufferBlocks) / BLCKSZ) * BLCKSZ;
	if (page == spread->ahead_page)
		return;
	spread->ahead_page = page;

	header = (PageHeader) page;
	if (header->pd_lower < SizeOfPageHeaderData || header->pd_lower > BLCKSZ)
		return;
	last = (header->pd_lower - SizeOfPageHeaderData) / sizeof(ItemIdData);
	/* where in its tuple the key is; in most tables it is there in all */
	for (OffsetNumber i = 0; i < last && within == 0; i++)
	{
		ItemIdData item = header->pd_linp[i];
		const char *tuple = page + ItemIdGetOffset(&item);

		if (ItemIdIsNormal(&item) && at >= tuple && at < tuple + ItemIdGetLength(&item))
			within = at - tuple;
	}
	if (within == 0)
		return;
	for (OffsetNumber i = 0; i < last; i++)
	{
		ItemIdData item = header->pd_linp[i];
		Size offset = ItemIdGetOffset(&item) + within;
		SubjectPosition position;

		if (!ItemIdIsNormal(&item) || offset + UUID_LEN > BLCKSZ)
			continue;
		if (!is_text)
			position = position_of_uuid(salt, page + offset);
		else
		{
			const char *text = page + offset;
			Size length;

			/* short texts without compression, which keys are */
			if (!VARATT_IS_1B(text) || VARATT_IS_1B_E(text))
				continue;
			length = VARSIZE_1B(text) - VARHDRSZ_SHORT;
			if (offset + VARHDRSZ_SHORT + length > BLCKSZ)
				continue;
			position = position_of_text(salt, text + VARHDRSZ_SHORT, length);
		}
		spread_prefetch(spread, position.hi);
	}
}
