/*
 * policy_trigger.c
 *	  A row may not be moved to another subject: WITH CHECK sees the new row
 *	  only, so a trigger compares the two.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "commands/trigger.h"
#include "errors.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "policy.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(subject_moved);
PG_FUNCTION_INFO_V1(subject_carried);
PG_FUNCTION_INFO_V1(carry_subject_rows);
PG_FUNCTION_INFO_V1(role_belongs);

bool policy_carrying_subject = false;

/*
 * subject_moved -- trigger WHEN (OLD.key IS DISTINCT FROM NEW.key): refuse.
 */
Datum
subject_moved(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("subject_moved: not called by its trigger")));
	if (!row_security_bypassed())
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("a row of \"%s\" may not be moved to another subject",
							   RelationGetRelationName(trigger->tg_relation)),
						errhint("Delete the row and insert one for the other subject.")));
	/* a BEFORE trigger goes on with the new row; an AFTER trigger's is ignored */
	return PointerGetDatum(trigger->tg_newtuple);
}

/* act as the relation's owner, as core's referential actions do */
static void
become_owner(Oid relid, Oid *saved_user, int *saved_context)
{
	Relation relation = table_open(relid, AccessShareLock);
	Oid owner = relation->rd_rel->relowner;

	table_close(relation, AccessShareLock);
	GetUserIdAndSecContext(saved_user, saved_context);
	SetUserIdAndSecContext(owner,
						   *saved_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

/* what a foreign key column refers to, and where the subject's key is there */
static void
find_referenced(Relation relation, AttrNumber column, Oid *referenced, const char **key_column,
				const char **subject_column)
{
	ListCell *lc;

	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *reference = lfirst_node(ForeignKeyCacheInfo, lc);
		const ProtectedRelation *entry = protected_relation(reference->confrelid);

		if (reference->nkeys != 1 || reference->conkey[0] != column || entry == NULL)
			continue;
		*referenced = reference->confrelid;
		*key_column = get_attname(reference->confrelid, reference->confkey[0], false);
		*subject_column = pstrdup(entry->subject);
		return;
	}
	ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
					errmsg("the foreign key that carries the subject of \"%s\" is gone",
						   RelationGetRelationName(relation)),
					errhint("Add it again, or drop the trigger privseg_subject_carried.")));
}

/*
 * subject_carried -- BEFORE INSERT OR UPDATE trigger made by carry_subject():
 * fills the subject's key through the foreign key.  Arguments: our foreign key
 * column, our subject column.  The referenced table is found through the
 * foreign key itself, so it may be renamed.
 *
 * The referenced row is read unfiltered, as a foreign key check reads it; the
 * row policy then decides about the row that is written.
 */
Datum
subject_carried(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc descriptor;
	HeapTuple tuple;
	char **arguments;
	Oid referenced;
	const char *key_column;
	const char *subject_column;
	int from;
	int to;
	Datum value;
	bool isnull;
	Oid saved_user;
	int saved_context;
	SPIPlanPtr volatile plan = fcinfo->flinfo->fn_extra;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("subject_carried: not called by its trigger")));
	arguments = trigger->tg_trigger->tgargs;
	descriptor = RelationGetDescr(trigger->tg_relation);
	tuple =
		TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	from = SPI_fnumber(descriptor, arguments[0]);
	to = SPI_fnumber(descriptor, arguments[1]);
	if (from <= 0 || to <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("a column that carries the subject of \"%s\" is gone",
							   RelationGetRelationName(trigger->tg_relation))));
	value = heap_getattr(tuple, from, descriptor, &isnull);
	find_referenced(trigger->tg_relation, from, &referenced, &key_column, &subject_column);

	if (!isnull)
	{
		SPI_connect();
		become_owner(referenced, &saved_user, &saved_context);
		if (plan == NULL)
		{
			Oid type = TupleDescAttr(descriptor, from - 1)->atttypid;
			char *query = psprintf(
				"SELECT %s FROM %s x WHERE %s OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x",
				quote_identifier(subject_column),
				quote_qualified_identifier(get_namespace_name(get_rel_namespace(referenced)),
										   get_rel_name(referenced)),
				quote_identifier(key_column));

			plan = SPI_prepare(query, 1, &type);
			if (plan == NULL || SPI_keepplan(plan) != 0)
				ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
								errmsg("the subject could not be looked up")));
			fcinfo->flinfo->fn_extra = plan;
		}
		policy_carrying_subject = true;
		PG_TRY();
		{
			SPI_execute_plan(plan, &value, NULL, false, 1);
		}
		PG_FINALLY();
		{
			policy_carrying_subject = false;
		}
		PG_END_TRY();
		SetUserIdAndSecContext(saved_user, saved_context);
		if (SPI_processed == 1)
		{
			Datum found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
			Form_pg_attribute attribute = TupleDescAttr(descriptor, to - 1);

			if (!isnull)
				value = SPI_datumTransfer(found, attribute->attbyval, attribute->attlen);
		}
		else
			isnull = true;
		SPI_finish();
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(tuple, descriptor, 1, &to, &value, &isnull));
}

/*
 * carry_subject_rows(relation regclass, subject name) -- fill the column of all
 * rows there are, as the relation's owner: triggers of users run as their
 * owner, never as ours.
 */
Datum
carry_subject_rows(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	const char *column = quote_identifier(NameStr(*PG_GETARG_NAME(1)));
	Oid saved_user;
	int saved_context;
	char *query = psprintf("UPDATE %s SET %s = %s",
						   quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
													  get_rel_name(relid)),
						   column, column);

	become_owner(relid, &saved_user, &saved_context);
	SetUserIdAndSecContext(GetUserId(), saved_context | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	if (SPI_execute(query, false, 0) != SPI_OK_UPDATE)
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("the subject's column could not be filled")));
	SPI_finish();
	SetUserIdAndSecContext(saved_user, saved_context);
	PG_RETURN_VOID();
}

/* role_belongs(member regrole, role regrole) -- really, not as a superuser may */
Datum
role_belongs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_OID(0) == PG_GETARG_OID(1) ||
				   is_member_of_role_nosuper(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}
