/*
 * consent_cache.h
 *	  Pages as the lookup reads them, and those kept across statements.
 */
#ifndef PRIVSEG_CONSENT_CACHE_H
#define PRIVSEG_CONSENT_CACHE_H

#include "consent.h"

#pragma GCC visibility push(hidden)

typedef enum Memo
{
	MEMO_UNKNOWN,
	MEMO_PERMITTED,
	MEMO_STOPPED
} Memo;

typedef struct DirtyMember
{
	SubjectPosition position;
	Memo memo;
	const char *subject; /* where the position does not tell: texts */
} DirtyMember;

typedef struct LoadedPage
{
	uint64 start;
	uint64 last;
	int count;
	int n_dense;
	int ndirty;
	bool absent; /* dense: the chunk has no page */
	uint64 *dense;
	uint64 *hi;
	SubjectPosition *wide;
	uint8 *bitmap;
	DirtyMember *dirty; /* sorted; NULL when none */
	/* while kept: */
	int holders;  /* lookups that point at it */
	bool dropped; /* no longer findable: free it with its last holder */
} LoadedPage;

extern LoadedPage *cache_find_page(Oid domain, int32 purpose_id, char kind, uint64 start,
								   uint64 last, TimestampTz at, Snapshot snapshot);
extern LoadedPage *cache_keep_page(Oid domain, int32 purpose_id, char kind, const LoadedPage *page,
								   Size entry_bytes, TimestampTz next_due, uint64 changes);
extern void cache_hold_page(LoadedPage *page, MemoryContext context);
extern bool cache_find_set(ConsentSet *set, Snapshot snapshot);
extern void cache_keep_set(const ConsentSet *set, uint64 changes);

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_CACHE_H */
