/*
 * usage_written.c
 *	  Whether the transaction has changed what groups are made of.
 *
 * Who is shown groups only and may also change rows asks, changes one person's row or what he permits,
 * asks the same again, and rolls back: nobody sees that anything was, and the difference is that
 * person's.  The same statement asked again is not compared with itself (policy_cohort.c), and the
 * people are the same.  So a transaction that has written is shown no groups any more.  What is
 * committed is there for others to see.  A superuser's session has other ways.
 */
#include "compat.h"

#include "access/parallel.h"
#include "catalog.h"
#include "errors.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "storage/proc.h"
#include "usage.h"

/* by which rows were written last; savepoints that are rolled back do not count */
static LocalTransactionId written_by = InvalidLocalTransactionId;

/* usage_wrote -- something is written to a relation */
void
usage_wrote(Oid relid)
{
	if (!superuser_arg(GetSessionUserId()) &&
		(protected_relation(relid) != NULL || relid == catalog_table_oid(CATALOG_CONSENT_RECORD)))
		written_by = MyProc->lxid;
}

/* usage_writes -- a statement begins that may */
void
usage_writes(const PlannedStmt *statement)
{
	ListCell *lc;

	foreach (lc, statement->resultRelations)
		usage_wrote(rt_fetch(lfirst_int(lc), statement->rtable)->relid);
}

/* usage_refuse_written -- Errors: 42501, where groups are asked for by a transaction that has written */
void
usage_refuse_written(void)
{
	if (IsParallelWorker() || written_by != MyProc->lxid)
		return;
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("groups of data subjects are not shown to a transaction that has changed rows "
					"of protected tables, or consent"),
			 errdetail("What changes with one row tells of one person."),
			 errhint("Commit first.")));
}
