/*
 * consent_shmem.c
 *	  What backends tell each other: which databases want a fold, and the
 *	  moment a parallel statement decides for.
 *
 * Locking: one spinlock over the request list; the moments are written by
 * their owner before it launches workers, and read by those workers only.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "consent.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#define MAX_REQUESTS 64

typedef struct ConsentShared
{
	slock_t lock;
	int nrequests;
	Oid requests[MAX_REQUESTS]; /* databases that want a fold */
	Latch *launcher;
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
		consent_shmem_request();
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
	}
}

/* consent_shmem_init -- per-process part, from _PG_init */
void
consent_shmem_init(void)
{
	RegisterXactCallback(xact_event, NULL);
}

/*
 * fold_request -- ask that this database be folded once the transaction has
 * committed.  Cheap; readers that met a delta call it too.
 */
void
fold_request(void)
{
	fold_wanted = true;
}

/* consent_shmem_request -- put this database on the list, wake the launcher */
void
consent_shmem_request(void)
{
	Latch *launcher = NULL;
	bool listed = false;

	if (shared == NULL || RecoveryInProgress())
		return;
	SpinLockAcquire(&shared->lock);
	for (int i = 0; i < shared->nrequests; i++)
		listed = listed || shared->requests[i] == MyDatabaseId;
	if (!listed && shared->nrequests < MAX_REQUESTS)
	{
		shared->requests[shared->nrequests++] = MyDatabaseId;
		launcher = shared->launcher;
	}
	SpinLockRelease(&shared->lock);
	if (launcher != NULL)
		SetLatch(launcher);
}

/* consent_shmem_next_database -- take one database off the list */
Oid
consent_shmem_next_database(void)
{
	Oid database = InvalidOid;

	SpinLockAcquire(&shared->lock);
	if (shared->nrequests > 0)
		database = shared->requests[--shared->nrequests];
	SpinLockRelease(&shared->lock);
	return database;
}

/* consent_shmem_set_launcher -- whom to wake; NULL when it ends */
void
consent_shmem_set_launcher(void *latch)
{
	SpinLockAcquire(&shared->lock);
	shared->launcher = latch;
	SpinLockRelease(&shared->lock);
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
