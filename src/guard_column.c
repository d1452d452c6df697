/*
 * guard_column.c
 *	  Columns that tell of hidden rows: those of catalogs that count rows, or say when
 *	  they were written, and xmax.  Each is replaced by one that asks who reads.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/syscache.h"

/* the columns of catalogs that count, or say when rows were written, and what they say else */
static Node *
nothing_known(Oid catalog, AttrNumber column)
{
	if (catalog == IndexRelationId && column == Anum_pg_index_indcheckxmin)
		return makeBoolConst(false, false);
	if (catalog != RelationRelationId)
		return NULL;
	switch (column)
	{
		case Anum_pg_class_reltuples:
			return (Node *) makeConst(FLOAT4OID, -1, InvalidOid, sizeof(float4), Float4GetDatum(-1),
									  false, true);
		case Anum_pg_class_relpages:
		case Anum_pg_class_relallvisible:
			return (Node *) makeConst(INT4OID, -1, InvalidOid, sizeof(int32), Int32GetDatum(0),
									  false, true);
		case Anum_pg_class_relfrozenxid:
		case Anum_pg_class_relminmxid:
			return (Node *) makeNullConst(XIDOID, -1, InvalidOid);
		default:
			return NULL;
	}
}

/* guard_counts -- does a catalog have such columns? */
bool
guard_counts(Oid relid)
{
	return relid == RelationRelationId || relid == IndexRelationId;
}

static Node *
column_of_catalog(const Var *var, Oid catalog, AttrNumber number)
{
	Form_pg_attribute attribute;
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(catalog), Int16GetDatum(number));
	Var *column;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u", number, catalog);
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	column = makeVar(var->varno, number, attribute->atttypid, attribute->atttypmod,
					 attribute->attcollation, var->varlevelsup);
	ReleaseSysCache(tuple);
	return (Node *) column;
}

/* the column that names the relation or index */
static Node *
named_in(const Var *var, Oid catalog)
{
	return column_of_catalog(
		var, catalog, catalog == RelationRelationId ? Anum_pg_class_oid : Anum_pg_index_indexrelid);
}

/*
 * The value where the figures of a relation are shown, else what is said then.
 *	of		the relation's OID, which is NULL where there is no row of pg_class
 */
static Node *
where_shown(Node *of, Node *value, Node *unknown)
{
	return expression_choice((Node *) makeFuncExpr(catalog_function_oid(CATALOG_COUNTERS_SHOWN),
												   BOOLOID, list_make1(of), InvalidOid, InvalidOid,
												   COERCE_EXPLICIT_CALL),
							 value, unknown);
}

/* the value where the test is not NULL: outer joins make rows of nothing */
static Node *
where_not_null(Node *test, Node *value)
{
	return expression_choice(expression_null_test(test, IS_NOT_NULL), value,
							 expression_null_of(value));
}

static Node *
shown_column(const Var *var, Oid catalog, AttrNumber number)
{
	Node *column = column_of_catalog(var, catalog, number);
	Node *unknown = nothing_known(catalog, number);

	if (unknown == NULL)
		return column;
	return where_not_null(named_in(var, catalog),
						  where_shown(named_in(var, catalog), column, unknown));
}

static Node *
shown_row(const Var *var, Oid catalog)
{
	RowExpr *row = makeNode(RowExpr);
	AttrNumber n = catalog == RelationRelationId ? Natts_pg_class : Natts_pg_index;

	for (AttrNumber i = 1; i <= n; i++)
		row->args = lappend(row->args, shown_column(var, catalog, i));
	row->row_typeid = var->vartype;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->location = -1;
	return where_not_null(named_in(var, catalog), (Node *) row);
}

/*
 * xmax of a row says that another refers to it, whose foreign key core has asked for: so it
 * is 0 for who may not know of hidden ones.
 */
static Node *
shown_xmax(const Var *var, Oid relid)
{
	Node *of = (Node *) makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(relid),
								  false, true);
	Node *zero = (Node *) makeConst(XIDOID, -1, InvalidOid, sizeof(TransactionId),
									TransactionIdGetDatum(InvalidTransactionId), false, true);

	return where_not_null(copyObject((Node *) var),
						  where_shown(of, copyObject((Node *) var), zero));
}

/* guard_replaces_column -- does another take a column's place? */
bool
guard_replaces_column(const Var *var, const RangeTblEntry *rte)
{
	if (rte->rtekind != RTE_RELATION)
		return false;
	if (var->varattno == MaxTransactionIdAttributeNumber)
		return protected_relation(rte->relid) != NULL;
	return guard_counts(rte->relid) &&
		   (var->varattno == 0 || nothing_known(rte->relid, var->varattno) != NULL);
}

/*
 * guard_column -- what takes a column's place, or itself.
 *	rte		what it is of
 */
Node *
guard_column(Var *var, const RangeTblEntry *rte)
{
	if (!guard_replaces_column(var, rte))
		return (Node *) var;
	if (var->varattno == MaxTransactionIdAttributeNumber)
		return shown_xmax(var, rte->relid);
	return var->varattno == 0 ? shown_row(var, rte->relid) :
								shown_column(var, rte->relid, var->varattno);
}
