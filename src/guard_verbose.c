/*
 * guard_verbose.c
 *	  What commands on whole relations say of the rows they met: VERBOSE, messages for
 *	  developers, errors.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/namespace.h"
#include "errors.h"
#include "guard.h"

static bool
is_verbose(List *options)
{
	ListCell *lc;

	foreach (lc, options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "verbose") == 0)
			return true;
	return false;
}

static List *
without_verbose(List *options)
{
	ListCell *lc;

	foreach (lc, options)
		if (strcmp(lfirst_node(DefElem, lc)->defname, "verbose") == 0)
			options = foreach_delete_current(options, lc);
	return options;
}

static bool
any_protected(List *relations)
{
	ListCell *lc;

	foreach (lc, relations)
	{
		RangeVar *relation = lfirst_node(VacuumRelation, lc)->relation;

		if (relation == NULL || guard_is_of_protected(RangeVarGetRelid(relation, NoLock, true)))
			return true;
	}
	return relations == NIL;
}

/*
 * guard_verbose -- VACUUM, ANALYZE and CLUSTER of protected relations say nothing of
 * how many rows they met, to whom it is not to be said.
 */
void
guard_verbose(Node *node)
{
	if (!protected_any() || guard_sees_counters())
		return;
	if (IsA(node, VacuumStmt))
	{
		VacuumStmt *vacuum = (VacuumStmt *) node;

		if (is_verbose(vacuum->options) && any_protected(vacuum->rels))
			vacuum->options = without_verbose(vacuum->options);
	}
	else
	{
		ClusterStmt *cluster = castNode(ClusterStmt, node);

		if (cluster->relation == NULL ||
			guard_is_of_protected(RangeVarGetRelid(cluster->relation, NoLock, true)))
			cluster->params = without_verbose(cluster->params);
	}
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
