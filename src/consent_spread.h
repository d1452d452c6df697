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
 *
 * A slot holds the position: one word for integers, two for uuids, which both
 * are exact.  Of a text's position, 128 bits of a keyed hash, it holds the low
 * half, and the high half says which bucket: that somebody else's key has the
 * same low half as one of the few keys there happens once in 2^61 questions,
 * and nobody who lacks the salt can look for it.
 */
typedef struct Spread
{
	int bits;                /* of a sparse page's prefix */
	uint32 buckets_per_page; /* where positions may start */
	uint32 stride;           /* buckets of a page, with room behind for the last run */
	KeyKind kind;
	uint64 *buckets; /* of BUCKET_WORDS each */
	Size bytes;
	MemoryContextCallback callback; /* gives the buckets back */
	uint8 *loaded;                  /* a bit for each page */
} Spread;

#define BUCKET_WORDS 8 /* 64 bytes */

/*
 * Words are stored inverted, so that integers and uuids lie in descending order,
 * and fresh memory, which is zero, is a table of empty slots.
 */
#define SPREAD_EMPTY UINT64CONST(0)

extern Spread *spread_begin(int bits, int64 members, KeyKind kind, MemoryContext context);
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

/* what is stored first in a position's slot */
static inline uint64
spread_word(KeyKind kind, SubjectPosition position)
{
	return ~(kind == KEY_TEXT ? position.lo : position.hi);
}

/*
 * Is the position's subject a member?  Without a branch where one would be
 * guessed wrong half of the time.
 *	kind		the spread's; a constant where it counts
 */
static pg_attribute_always_inline bool
spread_contains(const Spread *spread, KeyKind kind, SubjectPosition position)
{
	const uint64 *slot = spread_bucket(spread, position.hi);
	uint64 word = spread_word(kind, position);
	uint64 lo = position.lo;

	for (;; slot += BUCKET_WORDS)
	{
		bool found;
		uint64 least;

		if (kind == KEY_UUID)
		{
			found = ((slot[0] == word) & (slot[1] == lo)) | ((slot[2] == word) & (slot[3] == lo)) |
					((slot[4] == word) & (slot[5] == lo)) | ((slot[6] == word) & (slot[7] == lo));
			least = slot[6];
		}
		else
		{
			found = (slot[0] == word) | (slot[1] == word) | (slot[2] == word) | (slot[3] == word) |
					(slot[4] == word) | (slot[5] == word) | (slot[6] == word) | (slot[7] == word);
			least = slot[7];
		}
		if (likely(least == SPREAD_EMPTY) || found || (kind != KEY_TEXT && least < word))
			return found && word != SPREAD_EMPTY;
	}
}

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_SPREAD_H */
