/*
 * consent_shmem.c
 *	  What backends tell each other: which databases are to be folded when, the moment a
 *	  parallel statement decides for, and when a set last changed.
 *
 * Locking: one spinlock over the list of folds; the moments are written by
 * their owner before it launches workers, and read by those workers only.
 *
 * Change marks prove that a page kept from an earlier statement is still good
 * (consent_cache.c).  Whoever writes a page, a delta or a set's row first marks
 * its part of the order: raises the newest writer's transaction id, then counts
 * one change.  A reader that loads a page reads the count, then the id; if the
 * id is older than its snapshot's xmin, every change counted has ended, and the
 * snapshot sees what there is.  Any later snapshot that sees another change
 * finds the count moved, because the writer marked before it committed.
 * What was written before the server started (a prepared transaction may still
 * be open) counts as written by the newest transaction id of that time.  On a
 * standby nobody marks, so nothing is kept there.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "cache_inval.h"
#include "common/hashfn.h"
#include "consent.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/snapmgr.h"

/* databases; of more, some wait until they are asked for again */
#define MAX_FOLDS 512

/*
 * Domains share marks by hash, and each has a mark for each part of the order
 * (by the leading bits of the position) and one for the rows of consent_set.
 * Sharing a mark only costs a reload.
 */
#define MARK_DOMAINS 32
#define MARK_PART_BITS 6
#define MARK_PARTS (1 << MARK_PART_BITS)

typedef struct ChangeMark
{
	pg_atomic_uint64 changes;
	pg_atomic_uint64 newest_xid; /* full; 0: none since the start */
} ChangeMark;

typedef struct FoldDue
{
	Oid database;
	TimestampTz at; /* when to fold it; DT_NOEND: nothing is known that it waits for */
} FoldDue;

typedef struct ConsentShared
{
	slock_t lock;
	int nfolds;
	FoldDue folds[MAX_FOLDS]; /* a database stays once it was asked for */
	Latch *launcher;
	pg_atomic_uint64 boot_xid; /* next transaction id at the first question */
	ChangeMark marks[MARK_DOMAINS * (MARK_PARTS + 1)];
	TimestampTz moments[FLEXIBLE_ARRAY_MEMBER]; /* by backend id */
} ConsentShared;

static ConsentShared *shared = NULL;
static bool fold_wanted = false;

/* consent_shmem_size -- what to ask for in the request hook */
Size
consent_shmem_size(void)
{
	return offsetof(ConsentShared, moments) + sizeof(TimestampTz) * (Size) (MaxBackends + 1);
}

static void
xact_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && fold_wanted)
		consent_shmem_fold_at(MyDatabaseId, GetCurrentTimestamp());
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		fold_wanted = false;
}

/* consent_shmem_startup -- create or attach; from the shmem startup hook */
void
consent_shmem_startup(void)
{
	bool found;

	shared = ShmemInitStruct("privseg", consent_shmem_size(), &found);
	if (!found)
	{
		MemSet(shared, 0, consent_shmem_size());
		SpinLockInit(&shared->lock);
		pg_atomic_init_u64(&shared->boot_xid, 0);
		for (size_t i = 0; i < lengthof(shared->marks); i++)
		{
			pg_atomic_init_u64(&shared->marks[i].changes, 0);
			pg_atomic_init_u64(&shared->marks[i].newest_xid, 0);
		}
	}
}

/* consent_shmem_init -- per-process part, from _PG_init */
void
consent_shmem_init(void)
{
	RegisterXactCallback(xact_event, NULL);
}

/* fold_request -- ask that this database be folded once the transaction has committed; cheap */
void
fold_request(void)
{
	fold_wanted = true;
}

/* the database's place; with `make`, a new one if need be.  NULL: none.  Under the lock. */
static FoldDue *
fold_due(Oid database, bool make)
{
	FoldDue *idle = NULL;

	for (int i = 0; i < shared->nfolds; i++)
	{
		if (shared->folds[i].database == database)
			return &shared->folds[i];
		if (shared->folds[i].at == DT_NOEND)
			idle = &shared->folds[i];
	}
	if (!make)
		return NULL;
	if (shared->nfolds < MAX_FOLDS)
		idle = &shared->folds[shared->nfolds++];
	if (idle != NULL)
	{
		idle->database = database;
		idle->at = DT_NOEND;
	}
	return idle;
}

/* consent_shmem_fold_at -- have a database folded at a moment at the latest; wake the launcher */
void
consent_shmem_fold_at(Oid database, TimestampTz at)
{
	Latch *launcher = NULL;
	FoldDue *due;

	if (shared == NULL || RecoveryInProgress())
		return;
	SpinLockAcquire(&shared->lock);
	due = fold_due(database, true);
	if (due != NULL && at < due->at)
	{
		due->at = at;
		launcher = shared->launcher;
	}
	SpinLockRelease(&shared->lock);
	if (launcher != NULL)
		SetLatch(launcher);
}

/* has anybody asked for folds of this database since the start? */
static bool
is_known(Oid database)
{
	bool known;

	SpinLockAcquire(&shared->lock);
	known = fold_due(database, false) != NULL;
	SpinLockRelease(&shared->lock);
	return known;
}

/*
 * fold_request_if_unknown -- before a statement asks the set about its rows: after a start
 * nobody knows what is due, and purposes may be new.  That a row met something to fold must
 * not show: the worker can be seen.
 */
void
fold_request_if_unknown(void)
{
	static uint64 asked_generation = 0;

	if (asked_generation == cache_catalog_generation || shared == NULL || IsParallelWorker())
		return;
	if (asked_generation != 0 || !is_known(MyDatabaseId))
	{
		consent_shmem_fold_at(MyDatabaseId, GetCurrentTimestamp());
		/* and what this transaction has made */
		fold_request();
	}
	asked_generation = cache_catalog_generation;
}

/*
 * consent_shmem_next_database -- take off the list who waits longest; InvalidOid: nobody does
 *	at		when the next one is due; DT_NOEND: none
 */
Oid
consent_shmem_next_database(TimestampTz *at)
{
	TimestampTz now = GetCurrentTimestamp();
	Oid database = InvalidOid;
	FoldDue *first = NULL;

	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < shared->nfolds; i++)
		if (first == NULL || shared->folds[i].at < first->at)
			first = &shared->folds[i];
	*at = first != NULL ? first->at : DT_NOEND;
	if (*at <= now)
	{
		database = first->database;
		first->at = DT_NOEND;
	}
	SpinLockRelease(&shared->lock);
	return database;
}

/*
 * consent_shmem_take_request -- take this database off the list, if it is the
 * only one that waits: others are the launcher's to serve, in their turn.
 *	others		set: whether there are any
 */
bool
consent_shmem_take_request(bool *others)
{
	TimestampTz now = GetCurrentTimestamp();
	FoldDue *mine = NULL;

	*others = false;
	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < shared->nfolds; i++)
	{
		if (shared->folds[i].at > now)
			continue;
		if (shared->folds[i].database == MyDatabaseId)
			mine = &shared->folds[i];
		else
			*others = true;
	}
	if (*others)
		mine = NULL;
	if (mine != NULL)
		mine->at = DT_NOEND;
	SpinLockRelease(&shared->lock);
	return mine != NULL;
}

/* consent_shmem_set_launcher -- whom to wake; NULL when it ends */
void
consent_shmem_set_launcher(void *latch)
{
	SpinLockAcquire(&shared->lock);
	shared->launcher = latch;
	SpinLockRelease(&shared->lock);
}

PG_FUNCTION_INFO_V1(launcher_runs);

/* launcher_runs() RETURNS boolean */
Datum
launcher_runs(PG_FUNCTION_ARGS)
{
	bool runs;

	SpinLockAcquire(&shared->lock);
	runs = shared->launcher != NULL;
	SpinLockRelease(&shared->lock);
	PG_RETURN_BOOL(runs);
}

/* consent_shmem_publish_time -- the leader's moment, before workers start */
void
consent_shmem_publish_time(TimestampTz at)
{
	if (shared != NULL && MyBackendId > 0 && MyBackendId <= MaxBackends)
		shared->moments[MyBackendId] = at;
}

/* consent_shmem_leader_time -- the moment of the parallel statement */
TimestampTz
consent_shmem_leader_time(void)
{
	BackendId leader = IsParallelWorker() ? ParallelLeaderBackendId : MyBackendId;
	TimestampTz at = 0;

	if (shared != NULL && leader > 0 && leader <= MaxBackends)
		at = shared->moments[leader];
	return at != 0 ? at : GetCurrentTimestamp();
}

/* ---- change marks ---- */

static ChangeMark *
marks_of(Oid domain)
{
	uint32 hash = murmurhash32(domain ^ (MyDatabaseId * 31));

	return &shared->marks[(hash % MARK_DOMAINS) * (MARK_PARTS + 1)];
}

static void
mark(ChangeMark *where)
{
	uint64 mine = U64FromFullTransactionId(GetTopFullTransactionId());
	uint64 newest = pg_atomic_read_u64(&where->newest_xid);

	while (newest < mine && !pg_atomic_compare_exchange_u64(&where->newest_xid, &newest, mine))
		;
	pg_atomic_fetch_add_u64(&where->changes, 1);
}

/* consent_mark_changed -- before writing a page or delta between two positions */
void
consent_mark_changed(Oid domain, uint64 first, uint64 last)
{
	ChangeMark *marks;

	if (shared == NULL)
		return;
	marks = marks_of(domain);
	for (uint64 part = first >> (64 - MARK_PART_BITS); part <= last >> (64 - MARK_PART_BITS);
		 part++)
		mark(&marks[part]);
}

/* consent_mark_set_changed -- before a set is built, cleared or laid out anew */
void
consent_mark_set_changed(Oid domain)
{
	if (shared != NULL)
		mark(&marks_of(domain)[MARK_PARTS]);
}

static bool
mark_is_settled(ChangeMark *where, TransactionId xmin, uint64 *changes)
{
	uint64 newest;

	*changes += pg_atomic_read_u64(&where->changes);
	pg_read_barrier();
	newest = pg_atomic_read_u64(&where->newest_xid);
	if (newest == 0)
	{
		uint64 boot = pg_atomic_read_u64(&shared->boot_xid);

		return TransactionIdPrecedesOrEquals((TransactionId) boot, xmin);
	}
	return TransactionIdPrecedes((TransactionId) newest, xmin);
}

static bool
marks_usable(Snapshot snapshot)
{
	uint64 unset = 0;

	if (shared == NULL || RecoveryInProgress() || !IsMVCCSnapshot(snapshot))
		return false;
	if (pg_atomic_read_u64(&shared->boot_xid) == 0)
		(void) pg_atomic_compare_exchange_u64(
			&shared->boot_xid, &unset, U64FromFullTransactionId(ReadNextFullTransactionId()));
	return true;
}

/*
 * consent_settled -- does the snapshot see every change counted so far between
 * two positions?  *changes is the count; take it before reading, compare it
 * after taking the snapshot it is to be used under.
 */
bool
consent_settled(Oid domain, uint64 first, uint64 last, Snapshot snapshot, uint64 *changes)
{
	ChangeMark *marks;

	*changes = 0;
	if (!marks_usable(snapshot))
		return false;
	marks = marks_of(domain);
	for (uint64 part = first >> (64 - MARK_PART_BITS); part <= last >> (64 - MARK_PART_BITS);
		 part++)
		if (!mark_is_settled(&marks[part], snapshot->xmin, changes))
			return false;
	return true;
}

/* consent_set_settled -- the same for the rows of consent_set */
bool
consent_set_settled(Oid domain, Snapshot snapshot, uint64 *changes)
{
	*changes = 0;
	return marks_usable(snapshot) &&
		   mark_is_settled(&marks_of(domain)[MARK_PARTS], snapshot->xmin, changes);
}
