/*
 * guard_index.c
 *	  Indexes on protected relations: what their expressions, predicates and operator
 *	  classes would run, or tell, and those that a table brings along which becomes a
 *	  partition or a child of one.
 *
 * Core calls these hooks by OID when the catalog's row is written, before any
 * row of the relation is looked at.  Only SnapshotSelf sees the new row then.
 */
#include "compat.h"

#include "access/attmap.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "errors.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "policy_reviewed.h"
#include "usage.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* why an index is refused, in the words of guard_refuse(); NULL: it is not */
typedef struct Refusal
{
	const char *what;
	const char *why;
} Refusal;

static bool
has_generated(Form_pg_index index)
{
	for (int i = 0; i < index->indnkeyatts; i++)
		if (index->indkey.values[i] > 0 &&
			get_attgenerated(index->indrelid, index->indkey.values[i]) != '\0')
			return true;
	return false;
}

/* IS NULL and IS NOT NULL of columns that are entered: of no row in particular */
static bool
tests_presence_only(Oid relid, Node *predicate)
{
	ListCell *lc;

	foreach (lc, make_ands_implicit((Expr *) predicate))
	{
		NullTest *test = lfirst(lc);

		if (!IsA(test, NullTest) || !IsA(test->arg, Var) || ((Var *) test->arg)->varattno <= 0 ||
			get_attgenerated(relid, ((Var *) test->arg)->varattno) != '\0')
			return false;
	}
	return true;
}

/* does a unique index take for one what its column does not? */
static bool
equates_more(Form_pg_index form, const oidvector *collations)
{
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		AttrNumber column = form->indkey.values[i];
		Oid collation = collations->values[i];
		HeapTuple tuple;

		if (column <= 0 || !OidIsValid(collation) || get_collation_isdeterministic(collation))
			continue;
		tuple = guard_column_row(form->indrelid, column);
		if (!HeapTupleIsValid(tuple) ||
			((Form_pg_attribute) GETSTRUCT(tuple))->attcollation != collation)
			return true;
	}
	return false;
}

/* an array of OIDs in a row of pg_index */
static oidvector *
oids_of(HeapTuple tuple, AttrNumber column)
{
	Relation catalog = table_open(IndexRelationId, AccessShareLock);
	bool isnull;
	Datum value = heap_getattr(tuple, column, RelationGetDescr(catalog), &isnull);

	table_close(catalog, AccessShareLock);
	return (oidvector *) DatumGetPointer(value);
}

/* guard_index_classes -- the operator classes in a row of pg_index */
const oidvector *
guard_index_classes(HeapTuple tuple)
{
	return oids_of(tuple, Anum_pg_index_indclass);
}

/* are these columns of an index others' too, so that it is asked for a row's, one by one? */
static bool
covers(Form_pg_index form, Form_pg_index other)
{
	for (int i = 0; i < other->indnkeyatts; i++)
	{
		bool found = false;

		for (int k = 0; k < form->indnkeyatts; k++)
			found = found || form->indkey.values[k] == other->indkey.values[i];
		if (!found)
			return false;
	}
	return form->indnkeyatts > other->indnkeyatts;
}

/*
 * Has the table a unique key of some of these columns?  Then a key of all of them keeps
 * nothing from being written that was not kept before; but by it, one could guess what
 * else a row holds whose key is known.
 */
static bool
extends_key(Form_pg_index form)
{
	Relation table = table_open(form->indrelid, AccessShareLock);
	bool found = false;
	ListCell *lc;

	foreach (lc, RelationGetIndexList(table))
	{
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index other;

		if (!HeapTupleIsValid(tuple))
			continue;
		other = (Form_pg_index) GETSTRUCT(tuple);
		found =
			found || (other->indexrelid != form->indexrelid && other->indisunique &&
					  heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) &&
					  heap_attisnull(tuple, Anum_pg_index_indpred, NULL) && covers(form, other));
		ReleaseSysCache(tuple);
	}
	table_close(table, AccessShareLock);
	return found;
}

/* has a column of the index a length that its class was given? */
static bool
has_parameters(Form_pg_index form)
{
	for (int i = 1; i <= form->indnkeyatts; i++)
	{
		HeapTuple column = guard_column_row(form->indexrelid, i);

		if (!HeapTupleIsValid(column) ||
			!heap_attisnull(column, Anum_pg_attribute_attoptions, NULL))
			return true;
	}
	return false;
}

/*
 * Why is an index not to be?
 *	tuple	its row in pg_index
 *	empty	is its table?
 */
static Refusal
refusal_of(HeapTuple tuple, bool empty)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	Node *expressions = guard_expression(tuple, Anum_pg_index_indexprs, IndexRelationId);
	Node *predicate = guard_expression(tuple, Anum_pg_index_indpred, IndexRelationId);
	const oidvector *classes = guard_index_classes(tuple);

	if (!reviewed_expression(expressions) || !reviewed_expression(predicate))
		return (Refusal){"an index with such an expression", RUNS_CODE};
	if (!reviewed_results(expressions))
		return (Refusal){"an index with an expression of such a type", RUNS_CODE};
	if (!reviewed_definition(expressions) && !empty)
		return (Refusal){"an index with such an expression", TELLS_SIZE};
	/* how many rows it holds, its size says */
	if (predicate != NULL && !tests_presence_only(form->indrelid, predicate) && !empty)
		return (Refusal){"a partial index by such a condition", TELLS_SIZE};
	if (((form->indisunique && (expressions != NULL || predicate != NULL || has_generated(form))) ||
		 form->indisexclusion) &&
		/* but for a partition's, made for the one of the table above, which was looked at */
		guard_parents(form->indexrelid, SnapshotSelf) == NIL)
		return (Refusal){
			"an exclusion constraint, or a unique index of an expression or with a condition,",
			TELLS_ROWS};
	if (form->indisunique && !empty &&
		equates_more(form, oids_of(tuple, Anum_pg_index_indcollation)))
		return (Refusal){"a unique index by such a collation", TELLS_ROWS};
	if (form->indisunique && !empty && extends_key(form))
		return (Refusal){
			"a unique index of more columns than a key has that is there",
			"Who knows that key could guess, one by one, what the other columns hold."};
	/* two values of several columns may then not fit into a page together */
	if (form->indnatts > 1 && !empty && has_parameters(form))
		return (Refusal){"an index of several columns with such parameters", TELLS_WIDTH};
	for (int i = 0; i < classes->dim1; i++)
	{
		HeapTuple column = guard_column_row(form->indexrelid, i + 1);

		if (!HeapTupleIsValid(column) ||
			!reviewed_index_class(classes->values[i],
								  ((Form_pg_attribute) GETSTRUCT(column))->atttypid))
			return (Refusal){"an index with such an operator class", RUNS_CODE};
		/* beside another column, it may no longer fit */
		if (form->indnkeyatts > 1 && index_class_summarizes_many(classes->values[i]))
			return (Refusal){"an index with such an operator class, of several columns,",
							 TELLS_ROWS};
		if (!reviewed_extension(classes->values[i]) && !empty)
			return (Refusal){"an index with such an operator class", TELLS_ROWS};
	}
	return (Refusal){NULL, NULL};
}

/* are these columns of an index another's, whichever comes first? */
static bool
are_same(Form_pg_index form, Form_pg_index other)
{
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		bool found = false;

		for (int k = 0; k < other->indnkeyatts; k++)
			found = found || form->indkey.values[i] == other->indkey.values[k];
		if (!found)
			return false;
	}
	return form->indnkeyatts == other->indnkeyatts;
}

/*
 * Were these values unique when the command began?  Then an index that is made anew, because of another
 * type or concurrently, tells nothing.
 */
static bool
was_unique(Form_pg_index form)
{
	Relation indexes = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(form->indrelid));
	scan = systable_beginscan(indexes, IndexIndrelidIndexId, true,
							  ActiveSnapshotSet() ? GetActiveSnapshot() : NULL, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_index other = (Form_pg_index) GETSTRUCT(tuple);

		found = other->indexrelid != form->indexrelid && other->indisunique && other->indisvalid &&
				other->indimmediate && other->indnullsnotdistinct >= form->indnullsnotdistinct &&
				heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) &&
				heap_attisnull(tuple, Anum_pg_index_indpred, NULL) && are_same(form, other);
	}
	systable_endscan(scan);
	table_close(indexes, AccessShareLock);
	return found;
}

/* which column does it compare that is not everybody's? */
static AttrNumber
compares_closed(Form_pg_index form, Oid root)
{
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		AttrNumber number = form->indkey.values[i];
		AttrNumber column = number > 0 ? usage_root_column(form->indrelid, number, root) : 0;

		if (column > 0 && !usage_is_open(column_class(root, column)))
			return column;
	}
	return InvalidAttrNumber;
}

static bool
has_rows(Oid relid)
{
	return get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ? !guard_is_empty_tree(relid) :
																 !guard_is_empty(relid);
}

/* rows of which one must not be equal to another: that they are, is told, and then whose they are */
static void
refuse_to_compare(Form_pg_index form)
{
	Oid root = guard_root_now(form->indrelid);
	AttrNumber column = form->indisunique ? compares_closed(form, root) : InvalidAttrNumber;

	if (column == InvalidAttrNumber || guard_may_compare() || !has_rows(form->indrelid) ||
		/* a partition's was looked at with its table's */
		guard_parents(form->indexrelid, SnapshotSelf) != NIL || was_unique(form))
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg(
			 "a unique index of column %s, where there are rows, is for members of privseg_admin",
			 usage_column_name(root, column)),
		 errdetail("Its failure tells that values are equal."),
		 errhint("Or whoever may bypass row security makes it after SET row_security = off.")));
}

/*
 * guard_index_created -- for core's object access hook, of any relation
 *	retyped	does the command change how values are stored, later?
 */
void
guard_index_created(Oid index, bool retyped)
{
	HeapTuple tuple = guard_row_of_oid(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid,
									   index, SnapshotSelf);
	Oid relid;
	Refusal refusal;

	if (!HeapTupleIsValid(tuple))
		return;
	relid = ((Form_pg_index) GETSTRUCT(tuple))->indrelid;
	if (!guard_is_protected_now(relid))
		return;
	refusal = refusal_of(tuple, guard_is_empty(relid));
	if (refusal.what != NULL)
		guard_refuse(relid, refusal.what, refusal.why);
	refuse_to_compare((Form_pg_index) GETSTRUCT(tuple));
	if (!guard_is_empty(relid))
		guard_index_must_fit(
			tuple, (List *) guard_expression(tuple, Anum_pg_index_indexprs, IndexRelationId),
			guard_expression(tuple, Anum_pg_index_indpred, IndexRelationId) != NULL, retyped);
}

/* guard_is_indexed -- has any index the column, as such or in an expression? */
bool
guard_is_indexed(Oid relid, AttrNumber column)
{
	Relation table = table_open(relid, AccessShareLock);
	bool found = false;
	ListCell *lc;

	foreach (lc, RelationGetIndexList(table))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		Bitmapset *used = NULL;

		for (int i = 0; i < index->rd_index->indnatts; i++)
			found = found || index->rd_index->indkey.values[i] == column;
		pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &used);
		found = found || bms_is_member(column - FirstLowInvalidHeapAttributeNumber, used);
		index_close(index, AccessShareLock);
	}
	table_close(table, AccessShareLock);
	return found;
}

/* ---- what joins a protected tree ---- */

/* has the table above the same index? */
static bool
has_same_index(Relation above, Relation table, Oid index)
{
	Relation mine = index_open(index, AccessShareLock);
	IndexInfo *info = BuildIndexInfo(mine);
	AttrMap *map = build_attrmap_by_name(RelationGetDescr(table), RelationGetDescr(above));
	bool found = false;
	ListCell *lc;

	foreach (lc, RelationGetIndexList(above))
	{
		Relation other = index_open(lfirst_oid(lc), AccessShareLock);

		found = found || CompareIndexInfo(info, BuildIndexInfo(other), mine->rd_indcollation,
										  other->rd_indcollation, mine->rd_opfamily,
										  other->rd_opfamily, map);
		index_close(other, AccessShareLock);
	}
	index_close(mine, AccessShareLock);
	return found;
}

/* detail: a sentence */
static void
refuse_to_join(Relation table, const char *detail)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
					errmsg("\"%s\" cannot become part of a protected relation",
						   RelationGetRelationName(table)),
					errdetail("%s", detail),
					errhint("Drop it first. Whoever may bypass row security can do it after SET "
							"row_security = off.")));
}

static void
indexes_join(Relation table, Relation above)
{
	ListCell *lc;

	foreach (lc, RelationGetIndexList(table))
	{
		Oid index = lfirst_oid(lc);
		HeapTuple tuple = guard_row_of_oid(IndexRelationId, IndexRelidIndexId,
										   Anum_pg_index_indexrelid, index, SnapshotSelf);
		Refusal refusal;

		if (!HeapTupleIsValid(tuple))
			continue;
		refusal = refusal_of(tuple, false);
		if (refusal.what != NULL && !has_same_index(above, table, index))
			refuse_to_join(table, psprintf("Index \"%s\": %s", get_rel_name(index), refusal.why));
	}
}

/* of what the columns are made of, the size would tell */
static void
generated_columns_join(Relation table, Relation above)
{
	for (int i = 0; i < RelationGetNumberOfAttributes(table); i++)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(table), i);
		AttrNumber number;
		HeapTuple tuple;

		if (form->attisdropped || form->attgenerated == '\0')
			continue;
		number = get_attnum(RelationGetRelid(above), NameStr(form->attname));
		if (number != InvalidAttrNumber &&
			get_attgenerated(RelationGetRelid(above), number) != '\0')
			continue;
		tuple =
			guard_row_of_column(AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid,
								Anum_pg_attrdef_adnum, RelationGetRelid(table), form->attnum);
		if (HeapTupleIsValid(tuple) && !reviewed_definition(guard_expression(
										   tuple, Anum_pg_attrdef_adbin, AttrDefaultRelationId)))
			guard_refuse(RelationGetRelid(above), "a child with such a generated column",
						 TELLS_SIZE);
	}
}

/*
 * What others refer to, they can ask for; and core copies into their tables what changes in it.
 *	to	the foreign keys to the table; else those from it
 */
static void
references_join(Relation table, Relation above, bool to)
{
	Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, to ? Anum_pg_constraint_confrelid : Anum_pg_constraint_conrelid,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RelationGetRelid(table)));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, !to, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype != CONSTRAINT_FOREIGN || OidIsValid(form->conparentid))
			continue;
		if (to && !guard_may_refer(tuple, form, RelationGetRelid(above)))
			refuse_to_join(
				table,
				psprintf(
					"Foreign key \"%s\" of another table refers to other than its key, or to a classified column, or copies what is changed.",
					NameStr(form->conname)));
		if (!to && guard_compares_classified(tuple, form, RelationGetRelid(above)))
			refuse_to_join(table, psprintf("Foreign key \"%s\" is of a classified column.",
										   NameStr(form->conname)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

/*
 * guard_joins_tree -- a table becomes part of a protected relation, with what was made for
 * it before: rows of anybody are written to it from now on.
 *	parent		the protected table it comes under
 */
void
guard_joins_tree(Oid member, Oid parent)
{
	Relation table;
	Relation above;

	if (guard_may_define())
		return;
	table = table_open(member, AccessShareLock);
	above = table_open(parent, AccessShareLock);
	indexes_join(table, above);
	generated_columns_join(table, above);
	references_join(table, above, true);
	references_join(table, above, false);
	table_close(above, AccessShareLock);
	table_close(table, AccessShareLock);
}
