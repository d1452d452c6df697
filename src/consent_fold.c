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
#include "consent_fold.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

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
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, catalog_table_oid(CATALOG_CONSENT_SET), domain, 0);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

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
	Snapshot snapshot;
	TimestampTz now;
	DirtyList dirty = {0};
	List *tids = NIL;
	List *purposes;
	ListCell *lc;
	Purpose **built;
	ConsentSet *sets;
	ChangeList *changes;
	int nbuilt = 0;
	List *unbuilt = NIL;
	int64 decided = 0;

	if (entry == NULL)
		return 0;
	domain = *entry; /* the cache may move under us */

	context = AllocSetContextCreate(CurrentMemoryContext, "privseg fold", ALLOCSET_DEFAULT_SIZES);
	subject_context =
		AllocSetContextCreate(context, "privseg fold subject", ALLOCSET_DEFAULT_SIZES);
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
	foreach (lc, purposes)
	{
		Purpose *purpose = lfirst(lc);

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
			int nfacts;
			int j = i;

			CHECK_FOR_INTERRUPTS();
			while (j < dirty.count && compare_dirty(&dirty.items[i], &dirty.items[j]) == 0)
				j++;
			MemoryContextSwitchTo(subject_context);
			nfacts = facts_of_subject(reader, dirty.items[i].subject, &facts);
			for (int p = 0; p < nbuilt; p++)
			{
				bool wanted = false;
				ConsentDecision decision;
				Change change;

				for (int k = i; k < j && !wanted; k++)
					wanted = dirty.items[k].purpose_id == FACT_EVERY_PURPOSE ||
							 /* a delta's, or that of the agenda of its set */
							 dirty.items[k].purpose_id == purpose_recorded_id(built[p]) ||
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
		Purpose *pass[BUILD_PURPOSES_PER_PASS];
		int n = 0;

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

/* fold_domain -- fold a domain, unless somebody does; gives when it is to be folded again */
TimestampTz
fold_domain(Oid domain)
{
	Snapshot snapshot;
	TimestampTz due;

	/* whoever folds now may have begun before what is asked for */
	if (!fold_lock(domain, false))
		return GetCurrentTimestamp();
	fold_subjects(domain, NULL);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	due = agenda_next_due(domain, snapshot);
	UnregisterSnapshot(snapshot);
	return due;
}
