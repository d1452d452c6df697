/*
 * consent_spread.h
 *	  Members of a set, spread out for statements that ask about many subjects.
 */
#ifndef PRIVSEG_CONSENT_SPREAD_H
#define PRIVSEG_CONSENT_SPREAD_H

#include "consent_cache.h"

#pragma GCC visibility push(hidden)

/*
 * One open-addressed table in the order of the positions, in buckets of a cache
 * line: a position's bucket is where it would stand if members were spread
 * evenly over their page, and what does not fit there follows in the next.  A
 * lookup touches one line, seldom two, and compares all of it.  Pages have
 * equally many slots, so a slot's address is computed, not looked up.
 */
typedef struct Spread
{
	int bits;                /* of a sparse page's prefix */
	uint32 buckets_per_page; /* where positions may start */
	uint32 stride;           /* buckets of a page, with room behind for the last run */
	bool wide;               /* two words a slot, or one */
	uint64 *buckets;         /* of BUCKET_WORDS each */
	Size bytes;
	MemoryContextCallback callback; /* gives the buckets back */
	uint8 *loaded;                  /* a bit for each page */
} Spread;

#define BUCKET_WORDS 8 /* 64 bytes */

/*
 * Positions are stored inverted, so members lie in descending order, and fresh
 * memory, which is zero, is a table of empty slots.
 */
#define SPREAD_EMPTY UINT64CONST(0)

extern Spread *spread_begin(int bits, int64 members, bool wide, MemoryContext context);
extern bool spread_add(Spread *spread, const PageRow *page);
extern void spread_forget(Spread *spread, uint64 hi);
extern void spread_finish(Spread *spread, const uint8 *present);

static inline uint64
spread_number(const Spread *spread, uint64 hi)
{
	return spread->bits == 0 ? 0 : hi >> (64 - spread->bits);
}

static inline bool
spread_has(const Spread *spread, uint64 hi)
{
	uint64 number = spread_number(spread, hi);

	return ((spread->loaded[number >> 3] >> (number & 7)) & 1) != 0;
}

/* a position's bucket */
static inline uint64 *
spread_bucket(const Spread *spread, uint64 hi)
{
	uint64 within = spread->bits == 0 ? hi : hi << spread->bits;

	return spread->buckets + BUCKET_WORDS * (spread_number(spread, hi) * spread->stride +
											 (((within >> 32) * spread->buckets_per_page) >> 32));
}

/*
 * Fetch a position's bucket into the processor's caches.  A macro: gcc takes a
 * function that does nothing but this for one without effects.
 */
#define spread_prefetch(spread, hi) __builtin_prefetch(spread_bucket(spread, hi))

/* without a branch where one would be guessed wrong half of the time */
static inline bool
spread_contains(const Spread *spread, SubjectPosition position)
{
	const uint64 *slot = spread_bucket(spread, position.hi);
	uint64 hi = ~position.hi;
	uint64 lo = position.lo;

	for (;; slot += BUCKET_WORDS)
	{
		bool found;
		uint64 least;

		if (spread->wide)
		{
			found = ((slot[0] == hi) & (slot[1] == lo)) | ((slot[2] == hi) & (slot[3] == lo)) |
					((slot[4] == hi) & (slot[5] == lo)) | ((slot[6] == hi) & (slot[7] == lo));
			least = slot[6];
		}
		else
		{
			found = (slot[0] == hi) | (slot[1] == hi) | (slot[2] == hi) | (slot[3] == hi) |
					(slot[4] == hi) | (slot[5] == hi) | (slot[6] == hi) | (slot[7] == hi);
			least = slot[7];
		}
		if (likely(least < hi) || found || least == SPREAD_EMPTY)
			return found && hi != SPREAD_EMPTY;
	}
}

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_SPREAD_H */
