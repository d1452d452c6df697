/*
 * guard_worker.c
 *	  What a command forbids to the statements in it, also in parallel workers.
 *
 * A function that is PARALLEL SAFE, or says so, may read protected relations in a
 * worker, which knows nothing of the command that its leader is in.  Each backend has
 * a place in shared memory, where it writes what it is doing before its workers start,
 * and where they count.
 *
 * Locking: none.  A place is written by its owner before it launches workers, and read
 * by those workers only; the counter is atomic, and only ever grows.
 */
#include "compat.h"

#include "access/parallel.h"
#include "catalog.h"
#include "guard.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/backendid.h"
#include "storage/shmem.h"

typedef struct Leader
{
	pg_atomic_uint64 policed; /* statements in its workers */
	GuardMaking making;
	bool watching;
} Leader;

static Leader *leaders = NULL; /* by backend id */

/* statements in this process that ran under the policy, or core's for foreign keys */
static uint64 policed = 0;

/* guard_worker_shmem_size -- what to ask for in the request hook */
Size
guard_worker_shmem_size(void)
{
	return mul_size(sizeof(Leader), MaxBackends + 1);
}

/* guard_worker_shmem_startup -- create or attach; from the shmem startup hook */
void
guard_worker_shmem_startup(void)
{
	bool found;

	leaders = ShmemInitStruct("privseg leaders", guard_worker_shmem_size(), &found);
	if (found)
		return;
	MemSet(leaders, 0, guard_worker_shmem_size());
	for (int i = 0; i <= MaxBackends; i++)
		pg_atomic_init_u64(&leaders[i].policed, 0);
}

static Leader *
my_leader(void)
{
	return &leaders[ParallelLeaderBackendId];
}

/* guard_lead -- before workers may start: what do they work for? */
void
guard_lead(void)
{
	if (IsParallelWorker() || MyBackendId == InvalidBackendId)
		return;
	leaders[MyBackendId].making = guard_making;
	leaders[MyBackendId].watching = guard_watching;
}

/*
 * guard_policed -- before rows are read under the policy, or by core's queries for
 * foreign keys: when a statement starts, and whenever it goes on.  A cursor that was
 * opened before goes on in a command, too.
 *	core		one of core's: nothing of it is copied
 */
void
guard_policed(bool core)
{
	GuardMaking making = guard_making;
	bool watching = guard_watching;

	if (IsParallelWorker())
	{
		pg_atomic_fetch_add_u64(&my_leader()->policed, 1);
		making = my_leader()->making;
		watching = my_leader()->watching;
	}
	else
		policed++;
	if (watching)
		guard_watched();
	if (making != MAKES_NOTHING && !core)
		guard_made(making);
}

/* guard_planned -- statistics and indexes of protected relations are looked at, or consent is */
void
guard_planned(void)
{
	policed++;
}

/* guard_n_policed -- how often that was, in this session and its workers */
uint64
guard_n_policed(void)
{
	uint64 in_workers =
		MyBackendId == InvalidBackendId ? 0 : pg_atomic_read_u64(&leaders[MyBackendId].policed);

	return policed + in_workers;
}
