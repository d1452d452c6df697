/*
 * guard_copy.c
 *	  COPY of whole relations, which core does without a query where row security
 *	  does not bind.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "errors.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

static List *
targets(const List *columns)
{
	List *result = NIL;
	ListCell *lc;

	if (columns == NIL)
		columns = list_make1(makeNode(A_Star));
	foreach (lc, columns)
	{
		ColumnRef *column = makeNode(ColumnRef);
		ResTarget *target = makeNode(ResTarget);

		column->fields = list_make1(lfirst(lc));
		column->location = -1;
		target->val = (Node *) column;
		target->location = -1;
		result = lappend(result, target);
	}
	return result;
}

/* make it COPY (SELECT ...) TO, as core does where row security binds */
static void
copy_query(CopyStmt *copy, Oid relid)
{
	SelectStmt *select = makeNode(SelectStmt);
	RangeVar *relation =
		makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1);

	relation->inh = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
	select->targetList = targets(copy->attlist);
	select->fromClause = list_make1(relation);
	copy->relation = NULL;
	copy->attlist = NIL;
	copy->query = (Node *) select;
}

/*
 * guard_copy -- TO: a query, which the policy binds.  FROM: refused, as core refuses
 * it under row security.
 */
void
guard_copy(CopyStmt *copy)
{
	Oid relid = copy->relation ? RangeVarGetRelid(copy->relation, NoLock, true) : InvalidOid;

	/* guard_counters.c changes what queries see of it */
	if (relid == RelationRelationId && !copy->is_from && protected_any())
		copy_query(copy, relid);
	if (protected_relation(relid) == NULL || row_security_bypassed())
		return;
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return;
	if (copy->is_from)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("COPY FROM is not supported on protected relation \"%s\"", get_rel_name(relid)),
			 errhint(
				 "Use INSERT, or COPY into a temporary table and INSERT ... SELECT. A superuser may SET row_security = off.")));
	copy_query(copy, relid);
}
