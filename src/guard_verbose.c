/*
 * guard_verbose.c
 *	  What commands on whole relations say of the rows they met: VERBOSE, messages for
 *	  developers, errors.
 */
#include "compat.h"

#include "catalog.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "utils/acl.h"

static List *
without_verbose(List *options)
{
	ListCell *lc;

	foreach (lc, options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "verbose") == 0)
			options = foreach_delete_current(options, lc);
	return options;
}

/* of whatever name: it may be another's by the time the command gets its lock */
static bool
owns_protected(void)
{
	ListCell *lc;

	/* who vacuums all of its tables */
	if (pg_database_ownercheck(MyDatabaseId, GetUserId()))
		return true;
	foreach (lc, protected_members())
		if (pg_class_ownercheck(lfirst_oid(lc), GetUserId()))
			return true;
	return false;
}

/*
 * guard_verbose -- VACUUM, ANALYZE and CLUSTER of protected relations say nothing of
 * how many rows they met, to whom it is not to be said.
 */
void
guard_verbose(Node *node)
{
	if (!protected_any() || guard_sees_counters() || !owns_protected())
		return;
	if (IsA(node, VacuumStmt))
		((VacuumStmt *) node)->options = without_verbose(((VacuumStmt *) node)->options);
	else
		castNode(ClusterStmt, node)->params = without_verbose(castNode(ClusterStmt, node)->params);
}

/*
 * guard_is_quiet -- is it a command that counts rows in messages for developers, to
 * whom they are not to be told?
 */
bool
guard_is_quiet(Node *node)
{
	switch (nodeTag(node))
	{
		case T_AlterTableStmt:
		case T_ClusterStmt:
		case T_IndexStmt:
		case T_ReindexStmt:
		case T_VacuumStmt:
			return protected_any() && !guard_sees_counters();
		default:
			return false;
	}
}

/*
 * guard_command_failed -- in PG_CATCH, after a command that looks at rows of everybody: throw
 * the error on.  Core says which row did not fit, and by how much; an index is built in its
 * order, so that this would tell, one try after the other, what a row holds.
 */
void
guard_command_failed(void)
{
	MemoryContext context = MemoryContextSwitchTo(TopTransactionContext);
	ErrorData *error = CopyErrorData();

	MemoryContextSwitchTo(context);
	if (error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		PG_RE_THROW();
	FlushErrorState();
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 error->constraint_name != NULL ?
				 errmsg("a row is too long for index \"%s\"", error->constraint_name) :
				 errmsg("a row is too long"),
			 errhint("Whoever may bypass row security is told which one after SET row_security = "
					 "off.")));
}
