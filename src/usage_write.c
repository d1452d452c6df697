/*
 * usage_write.c
 *	  Columns that a role may not write: an ORM that saves a whole object writes back what it was
 *	  shown, and changes nothing by it.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "guc.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(privseg_unchanged);

static bool
is_in_unique_index(Oid relid, AttrNumber number)
{
	Relation relation = table_open(relid, AccessShareLock);
	bool found = false;
	ListCell *lc;

	foreach (lc, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		found = found || bms_is_member(number - FirstLowInvalidHeapAttributeNumber,
									   usage_index_columns(index));
		index_close(index, NoLock);
	}
	table_close(relation, NoLock);
	return found;
}

/*
 * usage_default_is_compared -- is what a row gets that leaves a column out, which is not everybody's, compared with what other
 * rows have?  Whoever may change the default, or what it is computed from, asks by it whether somebody has a
 * value; and, when he has deleted a row, whether it was that.
 *	number	of the column in the relation
 */
bool
usage_default_is_compared(Oid relid, AttrNumber number, Oid root)
{
	AttrNumber column = usage_root_column(relid, number, root);
	const ColumnClass *class = column > 0 ? column_class(root, column) : NULL;
	char *name;
	ListCell *lc;

	if (class == NULL || usage_is_open(class))
		return false;
	name = pstrdup(class->name);
	/* a row may go to a partition that has the index alone */
	foreach (lc, find_all_inheritors(relid, AccessShareLock, NULL))
		if (is_in_unique_index(lfirst_oid(lc), get_attnum(lfirst_oid(lc), name)))
			return true;
	return false;
}

/*
 * usage_may_copy -- may these columns of a protected relation be filled by COPY, and the others
 * left to their defaults?  Encrypted ones are asked about when they come.
 *	columns	by number, as in a range table's entry
 * Errors: 42501.
 */
void
usage_may_copy(Oid relid, Oid root, const Bitmapset *columns)
{
	Usage usage = {0};
	UsageReader reader;
	Relation relation;

	if (!usage_reader(&reader))
		return;
	if (reader.aggregate_only)
		usage_refuse_rows(&reader, root);
	relation = table_open(relid, NoLock);
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(relation), i);
		AttrNumber column = form->attisdropped ? 0 : usage_root_column(relid, form->attnum, root);
		bool copied = bms_is_member(form->attnum - FirstLowInvalidHeapAttributeNumber, columns);

		if (column > 0 &&
			(copied ||
			 (form->attgenerated == '\0' && build_column_default(relation, form->attnum) != NULL &&
			  usage_default_is_compared(relid, form->attnum, root))) &&
			encrypted_code(getBaseType(form->atttypid)) == ENCRYPTED_NONE &&
			usage_outcome(&reader, root, column, USE_INSERT) != OUTCOME_SHOWN)
			usage_refuse(&reader, root, column, USE_INSERT);
	}
	table_close(relation, NoLock);
	usage_insert_compares(&usage, relid);
	(void) usage_decide(&reader, usage.entries, true);
}

/*
 * exactly	by their bytes: whoever may write also writes another value that equals
 */
static bool
are_equal(FunctionCallInfo fcinfo, Datum left, Datum right, bool exactly)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type == NULL)
	{
		Oid compared = get_fn_expr_argtype(fcinfo->flinfo, 0);

		/* encrypted ones by their bytes: nothing is opened for it */
		type = lookup_type_cache(compared, encrypted_code(getBaseType(compared)) == ENCRYPTED_NONE ?
											   TYPECACHE_EQ_OPR_FINFO :
											   0);
		fcinfo->flinfo->fn_extra = type;
	}
	if (!exactly && encrypted_code(getBaseType(type->type_id)) == ENCRYPTED_NONE &&
		OidIsValid(type->eq_opr_finfo.fn_oid))
		return DatumGetBool(
			FunctionCall2Coll(&type->eq_opr_finfo, PG_GET_COLLATION(), left, right));
	return datum_image_eq(left, right, type->typbyval, type->typlen);
}

/*
 * unchanged(anyelement, anyelement, anyelement, text) -- the stored value, where the new one is what
 * was shown.
 *	0	that is written
 *	1	that was shown
 *	2	that is stored
 *	3	the column and its category, for the message; NULL: another value is written
 * Errors: 42501 where it is another one.
 */
Datum
privseg_unchanged(PG_FUNCTION_ARGS)
{
	bool same = PG_ARGISNULL(0) || PG_ARGISNULL(1) ?
					PG_ARGISNULL(0) && PG_ARGISNULL(1) :
					are_equal(fcinfo, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_ARGISNULL(3));

	if (!same && PG_ARGISNULL(3))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!same)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("role \"%s\" may not write column %s under purpose \"%s\"",
					GetUserNameFromId(GetUserId(), false), text_to_cstring(PG_GETARG_TEXT_PP(3)),
					guc_purpose != NULL ? guc_purpose : ""),
			 errdetail("It may only be given back as it was shown, or left out."),
			 errhint("Ask an administrator for privseg.grant_clearance() of \"write\".")));
	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(2));
}
