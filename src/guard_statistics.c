/*
 * guard_statistics.c
 *	  What ANALYZE has kept of a protected relation: most common values, bounds,
 *	  correlations; that is, values of hidden rows.
 *
 * pg_stats and its like go by row_security_active(), which is made to say what
 * holds.  The catalogs under them can be read by members of pg_read_all_data and by
 * superusers: there, every reading statement gets a qual of ours.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(statistics_shown);
PG_FUNCTION_INFO_V1(policed_row_security_active);

/* is it a catalog whose columns count rows, for whoever may not see them? */
static bool
counts_rows(Oid relid)
{
	return (relid == RelationRelationId || relid == IndexRelationId) && protected_any() &&
		   !row_security_bypassed() && !guard_sees_counters();
}

/* row_security_active(oid) RETURNS boolean: for protected relations, unless it is honoured as off */
Datum
policed_row_security_active(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);

	if (protected_relation(relid) != NULL)
		PG_RETURN_BOOL(!row_security_bypassed());
	if (counts_rows(relid))
		PG_RETURN_BOOL(true);
	PG_RETURN_DATUM(OidFunctionCall1(F_ROW_SECURITY_ACTIVE_OID, ObjectIdGetDatum(relid)));
}

/* the relation that an object of CREATE STATISTICS is of */
static Oid
relation_of_statistics(Oid statistics)
{
	HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	Oid relid = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		relid = ((Form_pg_statistic_ext) GETSTRUCT(tuple))->stxrelid;
		ReleaseSysCache(tuple);
	}
	return relid;
}

/*
 * statistics_shown(catalog regclass, of oid) RETURNS boolean -- may the current user
 * see this row of the catalog?  Where `row_security = off` is honoured.
 */
Datum
statistics_shown(PG_FUNCTION_ARGS)
{
	Oid catalog = PG_GETARG_OID(0);
	Oid of = PG_GETARG_OID(1);

	if (row_security_bypassed())
		PG_RETURN_BOOL(true);
	if (catalog == StatisticRelationId)
		PG_RETURN_BOOL(!guard_is_of_protected(of) && !counts_rows(of));
	if (catalog == StatisticExtDataRelationId)
		PG_RETURN_BOOL(!guard_is_of_protected(relation_of_statistics(of)));
	/* in their tables of large values nothing says of what a value is */
	PG_RETURN_BOOL(false);
}

static Oid
toast_of(Oid catalog)
{
	FormData_pg_class class;

	return catalog_class(catalog, &class) ? class.reltoastrelid : InvalidOid;
}

/* guard_keeps_statistics -- is it a catalog of values that ANALYZE has kept? */
bool
guard_keeps_statistics(Oid relid)
{
	if (relid == StatisticRelationId || relid == StatisticExtDataRelationId)
		return true;
	return get_rel_relkind(relid) == RELKIND_TOASTVALUE &&
		   (relid == toast_of(StatisticRelationId) ||
			relid == toast_of(StatisticExtDataRelationId));
}

static Node *
shown(Oid catalog, Index varno)
{
	/* both catalogs begin with what they are of, and their large values with an oid, too */
	Node *of = (Node *) makeVar(varno, 1, OIDOID, -1, InvalidOid, 0);
	Node *of_what = (Node *) makeConst(REGCLASSOID, -1, InvalidOid, sizeof(Oid),
									   ObjectIdGetDatum(catalog), false, true);

	StaticAssertStmt(Anum_pg_statistic_starelid == 1 && Anum_pg_statistic_ext_data_stxoid == 1,
					 "see above");
	return (Node *) makeFuncExpr(catalog_function_oid(CATALOG_STATISTICS_SHOWN), BOOLOID,
								 list_make2(of_what, of), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

static bool
add_quals(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;
		ListCell *lc;

		foreach (lc, query->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind == RTE_RELATION && guard_keeps_statistics(rte->relid))
				rte->securityQuals =
					lcons(shown(rte->relid, foreach_current_index(lc) + 1), rte->securityQuals);
		}
		return query_tree_walker(query, add_quals, context, 0);
	}
	return expression_tree_walker(node, add_quals, context);
}

/* guard_statistics -- before planning, where any relation is protected */
void
guard_statistics(Query *query)
{
	(void) add_quals((Node *) query, NULL);
}
