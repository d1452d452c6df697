/*
 * worker.c
 *	  The launcher sleeps until somebody asks for a fold; it then starts a
 *	  worker in that database, which folds every subject domain, and again
 *	  while it is asked again.
 *
 * A process a fold would cost more than the fold where changes keep coming.  A
 * worker that nobody asks any more ends well before DROP DATABASE, which waits
 * for others to leave, gives up.
 *
 * Neither can be started from SQL: their entry points are found by name only
 * by the postmaster, from what is registered here.
 */
#include "compat.h"

#include "access/xact.h"
#include "cache_inval.h"
#include "consent.h"
#include "guc.h"
#include "keyring.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "worker.h"

PGDLLEXPORT void privseg_launcher_main(Datum arg);
PGDLLEXPORT void privseg_fold_main(Datum arg);

/* milliseconds a worker stays that nobody asks; DROP DATABASE waits for 5000 */
#define LINGER 1000
/* between two folds, whatever the setting says */
#define SHORTEST_REST 10
/* until what is due, or could not be folded, is; readers decide from the records meanwhile */
#define AFTER_FOLD 1000
#define AFTER_ERROR 60000
/* the launcher's longest sleep when something is due, an hour */
#define LONGEST 3600000L

static bool folding = false;

static void
forget_launcher(int code, Datum arg)
{
	consent_shmem_set_launcher(NULL);
}

/* quietly: that a server stops is no error */
static void
end_if_asked(void)
{
	if (ShutdownRequestPending)
		proc_exit(0);
}

static TimestampTz
fold_later(int milliseconds)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
}

static void
start_fold(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	pid_t pid;

	MemSet(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker.bgw_library_name, "privseg", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "privseg_fold_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "privseg fold", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "privseg fold", BGW_MAXLEN);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		/* no free slot */
		consent_shmem_fold_at(database, fold_later(AFTER_FOLD));
		return;
	}
	for (;;)
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(handle, &pid);

		if (status != BGWH_NOT_YET_STARTED && status != BGWH_STARTED)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1L,
						 WAIT_EVENT_BGWORKER_SHUTDOWN);
		ResetLatch(MyLatch);
		end_if_asked();
	}
}

/* privseg_launcher_main -- entry point of the launcher */
void
privseg_launcher_main(Datum arg)
{
	long wait = -1;
	TimestampTz next;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	/* how the postmaster tells that a worker ended; ignored in workers without a database */
	pqsignal(SIGUSR1, procsignal_sigusr1_handler);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(forget_launcher, (Datum) 0);
	consent_shmem_set_launcher(MyLatch);
	/* what was asked for while there was no launcher */
	SetLatch(MyLatch);

	for (;;)
	{
		Oid database;

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (wait >= 0 ? WL_TIMEOUT : 0),
						 wait, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		wait = -1;
		end_if_asked();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (guc_fold_delay < 0)
			continue;
		/* let a burst of changes gather */
		if (guc_fold_delay > 0)
		{
			(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, guc_fold_delay,
							 PG_WAIT_EXTENSION);
			end_if_asked();
		}
		while (OidIsValid(database = consent_shmem_next_database(&next)))
			start_fold(database);
		if (next != DT_NOEND)
			wait = Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next) + 1, LONGEST);
	}
}

/* an error ends the worker; what it was to fold is not forgotten */
static void
try_again(int code, Datum arg)
{
	if (folding)
		consent_shmem_fold_at(MyDatabaseId, fold_later(AFTER_ERROR));
}

static void
fold_all(MemoryContext context)
{
	List *domains;
	ListCell *lc;
	TimestampTz due = DT_NOEND;

	folding = true;
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(context);
	domains = list_copy(subject_domains());
	PopActiveSnapshot();
	CommitTransactionCommand();

	foreach (lc, domains)
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		pgstat_report_activity(STATE_RUNNING, "folding consent");
		due = Min(due, fold_domain(lfirst_oid(lc)));
		key_fold_domain(lfirst_oid(lc));
		PopActiveSnapshot();
		CommitTransactionCommand();
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
	}
	MemoryContextReset(context);
	/* what cannot be done is not tried all the time */
	consent_shmem_fold_at(MyDatabaseId, Max(due, fold_later(AFTER_FOLD)));
	folding = false;
}

/*
 * Wait until this database is to be folded again; false: nobody asks, or
 * another database does and needs the launcher.
 */
static bool
asked_again(void)
{
	int waited = 0;

	/* nothing is open that an end could interrupt */
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	while (guc_fold_delay >= 0 && waited < LINGER)
	{
		int rest = Max(guc_fold_delay, SHORTEST_REST);
		bool others;

		if (rest > LINGER)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, rest,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		end_if_asked();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			continue;
		}
		if (consent_shmem_take_request(&others))
		{
			pqsignal(SIGTERM, die);
			end_if_asked();
			return true;
		}
		if (others)
			return false;
		waited += rest;
	}
	return false;
}

/* privseg_fold_main -- entry point of the worker: fold one database */
void
privseg_fold_main(Datum arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	/* what is lost in a crash is folded again: nobody need wait for the disk */
	SetConfigOption("synchronous_commit", "off", PGC_SUSET, PGC_S_OVERRIDE);
	before_shmem_exit(try_again, (Datum) 0);
	context =
		AllocSetContextCreate(TopMemoryContext, "privseg fold worker", ALLOCSET_DEFAULT_SIZES);
	do
		fold_all(context);
	while (asked_again());
}

/* worker_register -- from _PG_init, when preloaded */
void
worker_register(void)
{
	BackgroundWorker worker;

	MemSet(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "privseg", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "privseg_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "privseg launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "privseg launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}
