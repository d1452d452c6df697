/*
 * guard_encrypted.c
 *	  Encrypted columns: who changes their type, and what may not be made of them.
 *
 * encrypt_column() and decrypt_column() change a column's type, which nobody else may in that
 * way: the command is theirs, and is let through.  An index would be in the order of what is
 * inside, for whoever may read it, and in another for others; and ANALYZE, which counts for
 * statistics, may read nothing.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/pg_index.h"
#include "catalog/pg_statistic_ext.h"
#include "encrypted.h"
#include "errors.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "guard.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(change_storage);

/* is such a command being run? */
bool guard_changes_storage = false;

/* change_storage(command text) RETURNS void -- for the extension itself */
Datum
change_storage(PG_FUNCTION_ARGS)
{
	char *command = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool outer = guard_changes_storage;
	int volatile result = 0;

	if (!catalog_works())
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only privseg.encrypt_column() and privseg.decrypt_column() do that")));
	SPI_connect();
	guard_changes_storage = true;
	PG_TRY();
	{
		result = SPI_execute(command, false, 0);
	}
	PG_FINALLY();
	{
		guard_changes_storage = outer;
	}
	PG_END_TRY();
	SPI_finish();
	if (result != SPI_OK_UTILITY)
		elog(ERROR, "change_storage: not a utility command");
	PG_RETURN_VOID();
}

static bool
is_encrypted(Oid type)
{
	return encrypted_code(getBaseType(type)) != ENCRYPTED_NONE;
}

/*
 * guard_encrypted_column -- a column is altered, of a relation that need not be protected.
 *	before, after	its row in pg_attribute
 */
void
guard_encrypted_column(Oid relid, Form_pg_attribute before, Form_pg_attribute after)
{
	if (before->atttypid == after->atttypid || guard_changes_storage || IsBinaryUpgrade ||
		!is_encrypted(before->atttypid))
		return;
	ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
					errmsg("column \"%s\" of \"%s\" is encrypted, and keeps its type",
						   NameStr(before->attname), get_rel_name(relid)),
					errhint("Call privseg.decrypt_column() to have it as it was.")));
}

static void
refuse(const char *what, Oid relid)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("%s of encrypted columns of \"%s\" is not possible", what, get_rel_name(relid)),
			 errdetail("It would be in an order that depends on who may read them.")));
}

static void
index_created(Oid index)
{
	HeapTuple tuple = guard_row_of_oid(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid,
									   index, SnapshotSelf);
	Form_pg_index form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_index) GETSTRUCT(tuple);
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		HeapTuple column = form->indkey.values[i] != 0 ?
							   guard_column_row(form->indrelid, form->indkey.values[i]) :
							   NULL;

		if (HeapTupleIsValid(column) &&
			is_encrypted(((Form_pg_attribute) GETSTRUCT(column))->atttypid))
			refuse("an index", form->indrelid);
	}
}

static void
statistics_created(Oid statistics)
{
	HeapTuple tuple = guard_row_of_oid(StatisticExtRelationId, StatisticExtOidIndexId,
									   Anum_pg_statistic_ext_oid, statistics, SnapshotSelf);
	Form_pg_statistic_ext form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
	for (int i = 0; i < form->stxkeys.dim1; i++)
		if (is_encrypted(get_atttype(form->stxrelid, form->stxkeys.values[i])))
			refuse("a statistics object", form->stxrelid);
}

/* guard_encrypted_created -- something was made, of a relation that need not be protected */
void
guard_encrypted_created(Oid class_id, Oid object_id, int sub_id)
{
	if (class_id == RelationRelationId && sub_id == 0)
		index_created(object_id);
	else if (class_id == StatisticExtRelationId)
		statistics_created(object_id);
}
