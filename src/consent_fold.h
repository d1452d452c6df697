/*
 * consent_fold.h
 *	  Between the files that fold: a change, and who applies it.
 */
#ifndef PRIVSEG_CONSENT_FOLD_H
#define PRIVSEG_CONSENT_FOLD_H

#include "consent.h"

#pragma GCC visibility push(hidden)

/* one subject of one purpose, decided */
typedef struct Change
{
	SubjectPosition position;
	TimestampTz next_change; /* DT_NOEND: time alone changes nothing */
	const char *subject;
	bool member;
} Change;

typedef struct ChangeList
{
	Change *items;
	int64 count;
	int64 size;
} ChangeList;

/* consent_apply.c: changes to stored pages */
extern void change_add(ChangeList *list, const Change *change);
extern int change_compare(const void *a, const void *b);
extern TimestampTz change_schedule(const ProtectedRelation *domain, int32 purpose_id, char kind,
								   uint64 start, Change *changes, int64 n, TimestampTz now);
extern bool bitmap_put(PageRow *page, uint64 hi, bool member);
extern int
merge_members(const PageRow *page, const Change *changes, int64 n, SubjectPosition *merged);
extern void page_set_members(const ProtectedRelation *domain, PageRow *page,
							 const SubjectPosition *members, int count);
extern void list_dense_chunk(PageRow *page, uint64 start);
extern bool fold_changes(const ProtectedRelation *domain, ConsentSet *set, ChangeList *changes,
						 TimestampTz now, Snapshot snapshot);

/* consent_build.c: a set from the records */
#define BUILD_PURPOSES_PER_PASS 2

extern void build_sets(const ProtectedRelation *domain, Purpose **purposes, int npurposes,
					   TimestampTz now, Snapshot snapshot);

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_FOLD_H */
