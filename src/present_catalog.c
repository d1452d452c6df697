/*
 * present_catalog.c
 *	  The types of encrypted columns in pg_attribute, and in all that reads it, as clients see them.
 *
 * What looks at a table's columns (a driver, a mapper, a schema tool) must find the types that
 * results have.  Who administers privseg, and a dump, see what is there: which is decided when
 * the statement runs, for plans are kept.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "present.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(presented_type);

static bool
is_attributes(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->relid == AttributeRelationId;
}

static Node *
presented_column(Var *var)
{
	Var *typmod =
		makeVar(var->varno, Anum_pg_attribute_atttypmod, INT4OID, -1, InvalidOid, var->varlevelsup);

	return (Node *) makeFuncExpr(catalog_function_of_types("presented_type", OIDOID, INT4OID),
								 OIDOID, list_make2(copyObject(var), typmod), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

/* the whole row, which functions of information_schema take */
static Node *
presented_row(const Var *whole)
{
	RowExpr *row = makeNode(RowExpr);

	for (AttrNumber i = 1; i <= Natts_pg_attribute; i++)
	{
		Oid type;
		int32 typmod;
		Oid collation;
		Var *column;

		get_atttypetypmodcoll(AttributeRelationId, i, &type, &typmod, &collation);
		column = makeVar(whole->varno, i, type, typmod, collation, whole->varlevelsup);
		row->args = lappend(row->args, i == Anum_pg_attribute_atttypid ? presented_column(column) :
																		 (Node *) column);
		row->colnames =
			lappend(row->colnames, makeString(get_attname(AttributeRelationId, i, false)));
	}
	row->row_typeid = whole->vartype;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->location = -1;
	return (Node *) row;
}

/* the queries around a node, the innermost first */
static Node *
present_types(Node *node, List *queries)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var *var = (Var *) node;
		RangeTblEntry *rte;

		if ((var->varattno != Anum_pg_attribute_atttypid && var->varattno != 0) ||
			(int) var->varlevelsup >= list_length(queries))
			return node;
		rte = rt_fetch(var->varno, list_nth_node(Query, queries, var->varlevelsup)->rtable);
		if (rte->rtekind != RTE_RELATION || rte->relid != AttributeRelationId)
			return node;
		return var->varattno == 0 ? presented_row(var) : presented_column(var);
	}
	if (IsA(node, Query))
	{
		(void) query_tree_mutator((Query *) node, present_types, lcons(node, list_copy(queries)),
								  QTW_DONT_COPY_QUERY);
		return node;
	}
	return expression_tree_mutator(node, present_types, queries);
}

/* present_catalog -- a statement before it is planned; written over */
void
present_catalog(Query *query)
{
	if (query->commandType != CMD_UTILITY && catalog_installed() &&
		present_any_entry(query, is_attributes))
		(void) present_types((Node *) query, NIL);
}

/*
 * presented_type(type, typmod) -- of a column; the type itself for who administers privseg, and
 * where values pass unopened
 */
Datum
presented_type(PG_FUNCTION_ARGS)
{
	Oid type;
	Oid presented;
	int32 typmod;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	type = PG_GETARG_OID(0);
	/* as core's functions about its catalogs do; what core brings is not encrypted */
	if (type >= FirstNormalObjectId && !SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(type)))
		PG_RETURN_NULL();
	presented = present_type(type, PG_ARGISNULL(1) ? -1 : PG_GETARG_INT32(1), &typmod);
	if (presented == type || row_security_bypassed() || role_is_admin(GetUserId(), "privseg_admin"))
		PG_RETURN_OID(type);
	PG_RETURN_OID(presented);
}
