/*
 * consent_spread.h
 *	  Members of a set, spread out for statements that ask about many subjects.
 */
#ifndef PRIVSEG_CONSENT_SPREAD_H
#define PRIVSEG_CONSENT_SPREAD_H

#include "consent_cache.h"

#pragma GCC visibility push(hidden)

/*
 * One open-addressed table in the order of the positions: a position's first
 * slot is where it would stand if members were spread evenly over their page,
 * and members that want the same slots follow each other in order.  A lookup
 * touches one cache line, rarely two.  Pages have equally many slots, so a
 * slot's address is computed, not looked up.
 */
typedef struct Spread
{
	int bits;              /* of a sparse page's prefix */
	uint32 slots_per_page; /* where positions may start */
	uint32 stride;         /* slots_per_page, and room behind for the last run */
	bool wide;             /* two words a slot, or one */
	uint64 *slots;
	uint8 *loaded;          /* a bit for each page */
	const char *ahead_page; /* heap page whose keys were prefetched */
} Spread;

/* stands for an empty slot, and is greater than any member before it */
#define SPREAD_EMPTY (~UINT64CONST(0))

extern Spread *spread_begin(int bits, int64 members, bool wide, MemoryContext context);
extern bool spread_add(Spread *spread, const PageRow *page);
extern void spread_forget(Spread *spread, uint64 hi);
extern void spread_look_ahead(Spread *spread, const uint64 *salt, const void *key, bool is_text);
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

/* index of the first slot a position may have */
static inline uint64
spread_slot(const Spread *spread, uint64 hi)
{
	uint64 within = spread->bits == 0 ? hi : hi << spread->bits;

	return spread_number(spread, hi) * spread->stride +
		   (((within >> 32) * spread->slots_per_page) >> 32);
}

/*
 * Fetch a position's slots into the processor's caches.  A macro: gcc takes a
 * function that does nothing but this for one without effects.
 */
#define spread_prefetch(spread, position_hi) \
	__builtin_prefetch((spread)->slots +     \
					   ((spread)->wide ? 2 : 1) * spread_slot(spread, position_hi))

static inline bool
spread_contains(const Spread *spread, SubjectPosition position)
{
	if (spread->wide)
	{
		const uint64 *slot = spread->slots + 2 * spread_slot(spread, position.hi);

		while (slot[0] < position.hi || (slot[0] == position.hi && slot[1] < position.lo))
			slot += 2;
		return slot[0] == position.hi && slot[1] == position.lo;
	}
	else
	{
		const uint64 *slot = spread->slots + spread_slot(spread, position.hi);

		while (*slot < position.hi)
			slot++;
		return *slot == position.hi;
	}
}

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_SPREAD_H */
