/*
 * guard_log.c
 *	  The server's log does not get what was opened of encrypted values: core's errors name the
 *	  value that a cast could not take, and the row that a constraint refused.  Who runs the
 *	  statement is told as ever.
 */
#include "compat.h"

#include "access/xact.h"
#include "encrypted.h"
#include "guard.h"
#include "utils/elog.h"
#include "utils/memutils.h"

/* a worker's error is logged once more by its leader, who may have opened nothing */
static bool
may_hold_opened(void)
{
	return encrypted_any_opened() || IsInParallelMode();
}

/* guard_log -- for core's hook for messages that go to the log.  Reads no catalog. */
void
guard_log(ErrorData *error)
{
	if (error->elevel < ERROR || !may_hold_opened())
		return;
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
			if (error->detail != NULL && error->detail_log == NULL)
				error->detail_log = MemoryContextStrdup(
					error->assoc_context, "Not logged: the statement has opened encrypted values.");
			break;
		case ERRCODE_DATA_EXCEPTION:
			error->output_to_server = false;
			ereport(
				LOG_SERVER_ONLY,
				(errcode(error->sqlerrcode),
				 errmsg("an error with SQLSTATE %s of a statement that has opened encrypted values",
						unpack_sql_state(error->sqlerrcode)),
				 errdetail("Its message, which may hold one, was sent to the client only.")));
			break;
		default:
			break;
	}
}
