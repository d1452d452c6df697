/*
 * guard_fit.c
 *	  Whether rows fit: into a page, and into an index of several columns.
 *
 * What does not is an error.  Where values of one row are counted together, an owner who
 * knows some of them learns, one try after the other, how long the others are, and which
 * are NULL.  So either the widest row there can be fits, and there is no error; or, for
 * an index, the error is about one value of one column, and comes at a length that is
 * always the same.
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "guard.h"
#include "policy_reviewed.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* ---- a page ---- */

/* the most a value takes that core may move out of its row */
#define SHORT_VALUE MAXALIGN(TOAST_POINTER_SIZE)

/* the most that is left free before a value to align it */
static Size
padding(char alignment)
{
	switch (alignment)
	{
		case TYPALIGN_CHAR:
			return 0;
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT - 1;
		case TYPALIGN_INT:
			return ALIGNOF_INT - 1;
		default:
			return ALIGNOF_DOUBLE - 1;
	}
}

static Size
room_in_row(Form_pg_attribute form)
{
	/* a dropped one is NULL in what is written anew */
	if (form->attisdropped)
		return 0;
	if (form->attlen > 0)
		return (Size) form->attlen + padding(form->attalign);
	/* one that stays in its row, however long it is, as text search queries do */
	if (form->attstorage == TYPSTORAGE_PLAIN)
		return MaxHeapTupleSize;
	return SHORT_VALUE + padding(form->attalign);
}

/* does the widest row there can be fit into a page? */
static bool
rows_always_fit(Oid relid)
{
	Relation attributes = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Size width = 0;
	int n = 0;

	ScanKeyInit(&key, Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(attributes, AttributeRelidNumIndexId, true, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_attribute form = (Form_pg_attribute) GETSTRUCT(tuple);

		if (form->attnum <= 0)
			continue;
		n++;
		width += room_in_row(form);
	}
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);
	return MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(n)) + width <= MaxHeapTupleSize;
}

/* guard_refuse_what_may_not_fit -- before rows that are there are written anew, and wider */
void
guard_refuse_what_may_not_fit(Oid relid, const char *what)
{
	if (!guard_is_empty(relid) && !rows_always_fit(relid))
		guard_refuse(relid, what, TELLS_WIDTH);
}

/* ---- an index of several columns ---- */

/* what a B-tree, which takes the least of all, takes of a row: a third of a page */
#define ROOM_IN_INDEX (BLCKSZ / 3 - 32)

/* values are held to this length, or half of it, and so on, down to LONG_VALUE */
#define LONGEST_LIMIT 2048

/* so much longer may a text get with other letters, in any collation */
#define LETTERS_GROW 3

static Oid
index_method(Oid index)
{
	HeapTuple tuple = guard_row_of_oid(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid,
									   index, SnapshotSelf);

	return HeapTupleIsValid(tuple) ? ((Form_pg_class) GETSTRUCT(tuple))->relam : InvalidOid;
}

/* the most that a value of an index's column takes there */
static Size
room_in_index(Form_pg_attribute form)
{
	int32 most;

	if (form->attlen > 0)
		return form->attlen;
	if (form->attlen == -2) /* of names, as B-trees keep them */
		return NAMEDATALEN;
	if (form->atttypid == INETOID || form->atttypid == CIDROID)
		return VARHDRSZ + sizeof(inet_struct);
	most = type_maximum_size(form->atttypid, form->atttypmod);
	return most >= 0 ? (Size) most : MaxAllocSize;
}

/* the columns of an index, and the most that each takes */
typedef struct Columns
{
	int n;
	int times[INDEX_MAX_KEYS]; /* as much as what is measured may it take */
	Size most[INDEX_MAX_KEYS];
} Columns;

/* can a value be longer than that? */
static bool
is_longer(Size most, Size limit)
{
	return most > limit + VARHDRSZ;
}

static bool
any_fits(const Columns *columns, Size limit)
{
	Size room = ROOM_IN_INDEX - MAXALIGN(sizeof(IndexTupleData) + sizeof(IndexAttributeBitMapData));
	Size size = 0;

	for (int i = 0; i < columns->n; i++)
		size += columns->times[i] *
				((is_longer(columns->most[i], limit) ? limit + VARHDRSZ : columns->most[i]) +
				 MAXIMUM_ALIGNOF - 1);
	return size <= room;
}

/* what is measured of an expression: letters do not change what is told about it */
static Node *
without_letters(Node *expression, int *times)
{
	while (IsA(expression, FuncExpr) && (((FuncExpr *) expression)->funcid == F_LOWER_TEXT ||
										 ((FuncExpr *) expression)->funcid == F_UPPER_TEXT))
	{
		*times *= LETTERS_GROW;
		expression = linitial(((FuncExpr *) expression)->args);
	}
	return expression;
}

/* documents, whose keys GIN makes short */
static bool
has_short_keys(Form_pg_index form)
{
	for (int i = 0; i < form->indnatts; i++)
	{
		Oid type = form->indkey.values[i] != 0 ?
					   getBaseType(get_atttype(form->indrelid, form->indkey.values[i])) :
					   InvalidOid;

		if (type != TSVECTOROID && type != JSONBOID)
			return false;
	}
	return true;
}

/* are several values of a row put together there, or one where others let it be? */
static bool
tells_of_several(Form_pg_index form, Oid method, bool partial)
{
	switch (method)
	{
		case BRIN_AM_OID: /* takes only values of one length: policy_class.c */
		case HASH_AM_OID: /* and this keeps no values */
			return false;
		case GIN_AM_OID: /* each key is of one value */
			return partial && !has_short_keys(form);
		default:
			return partial || form->indnatts > 1;
	}
}

/*
 * How long may a value be, in bytes, so that any such row fits?
 *	index		its row in pg_index
 *	partial		has it a condition?
 *	expressions	of the index; gets what is to be measured instead
 *	measured	gets the columns whose values may be longer, by number from 1
 *
 * Returns 0: not even a short one; -1: there is nothing to measure, for values are not put
 * together, or all are short.
 */
static int
index_limit(HeapTuple index, bool partial, List *expressions, Bitmapset **measured)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index);
	Oid method = index_method(form->indexrelid);
	ListCell *expression = list_head(expressions);
	Columns columns = {.n = form->indnatts};

	*measured = NULL;
	if (!tells_of_several(form, method, partial))
		return -1;
	for (int i = 0; i < columns.n; i++)
	{
		HeapTuple column = guard_column_row(form->indexrelid, i + 1);

		columns.most[i] = HeapTupleIsValid(column) ?
							  room_in_index((Form_pg_attribute) GETSTRUCT(column)) :
							  MaxAllocSize;
		/* what GiST puts over several rows has two of their values */
		columns.times[i] = method == GIST_AM_OID ? 2 : 1;
		if (form->indkey.values[i] != 0)
			continue;
		lfirst(expression) = without_letters(lfirst(expression), &columns.times[i]);
		expression = lnext(expressions, expression);
	}
	if (any_fits(&columns, MaxAllocSize))
		return -1;
	for (int limit = LONGEST_LIMIT; limit >= LONG_VALUE; limit /= 2)
	{
		if (!any_fits(&columns, limit))
			continue;
		for (int i = 0; i < columns.n; i++)
			if (is_longer(columns.most[i], limit))
				*measured = bms_add_member(*measured, i + 1);
		return limit;
	}
	return 0;
}

/* of these columns of an index, those that are given values of no fixed length */
static Bitmapset *
of_any_length(const Bitmapset *columns, Relation table, IndexInfo *info)
{
	ListCell *expression = list_head(info->ii_Expressions);
	Bitmapset *result = NULL;

	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		AttrNumber column = info->ii_IndexAttrNumbers[i];
		int16 length;

		if (column > 0)
			length = TupleDescAttr(RelationGetDescr(table), column - 1)->attlen;
		else
		{
			length = get_typlen(exprType(lfirst(expression)));
			expression = lnext(info->ii_Expressions, expression);
		}
		if (length == -1 && bms_is_member(i + 1, columns))
			result = bms_add_member(result, i + 1);
	}
	return result;
}

/* is any value of these columns longer? */
static bool
has_longer(Relation table, IndexInfo *info, const Bitmapset *columns, Size limit)
{
	EState *estate = CreateExecutorState();
	ExprContext *context = GetPerTupleExprContext(estate);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	SnapshotData snapshot;
	TableScanDesc scan;
	Datum values[INDEX_MAX_KEYS];
	bool isnull[INDEX_MAX_KEYS];
	bool found = false;

	/* what core puts into the index: what is deleted, too, while anybody may see it */
	InitNonVacuumableSnapshot(snapshot, GlobalVisTestFor(table));
	scan = table_beginscan(table, &snapshot, 0, NULL);
	context->ecxt_scantuple = slot;
	while (!found && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int i = -1;

		CHECK_FOR_INTERRUPTS();
		ResetExprContext(context);
		FormIndexDatum(info, slot, estate, values, isnull);
		while (!found && (i = bms_next_member(columns, i)) > 0)
			found = !isnull[i - 1] && toast_raw_datum_size(values[i - 1]) > limit + VARHDRSZ;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
	return found;
}

/*
 * guard_index_must_fit -- an index was created: are the values of its columns so short that
 * any row of such values fits?  Before core asks whether each row does.
 *	index		its row in pg_index
 *	expressions	its, as in guard_expression()
 *	partial		has it a condition?  It may be one of other columns
 *	rewritten	are the rows of its table as the catalog says only after this command?
 */
void
guard_index_must_fit(HeapTuple index, List *expressions, bool partial, bool rewritten)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(index);
	Bitmapset *measured;
	int limit = index_limit(index, partial, expressions, &measured);
	Relation table;
	IndexInfo *info;
	bool pushed = !ActiveSnapshotSet();
	bool longer;

	if (limit < 0)
		return;
	if (limit == 0)
		guard_refuse(form->indrelid, "an index of so many long columns", TELLS_WIDTH);
	if (rewritten)
		guard_refuse(
			form->indrelid,
			"an index of several columns that may be long, or with a condition, beside a change of a column's type",
			"It would tell how long values are. Drop it first, and create it after that.");
	table = table_open(form->indrelid, NoLock);
	info = makeIndexInfo(form->indnatts, form->indnkeyatts, index_method(form->indexrelid),
						 expressions, NIL, false, false, true, false);
	for (int i = 0; i < form->indnatts; i++)
		info->ii_IndexAttrNumbers[i] = form->indkey.values[i];
	/* values that are stored elsewhere want one, where expressions look at them */
	if (pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	longer = has_longer(table, info, of_any_length(measured, table, info), (Size) limit);
	if (pushed)
		PopActiveSnapshot();
	table_close(table, NoLock);
	if (longer)
		guard_refuse(
			form->indrelid,
			"an index of several columns or with a condition, and with so long a value,",
			psprintf(
				"A value may have %d bytes there, whatever is beside it: else it would tell of that.",
				limit));
}
