/*
 * policy_trigger.c
 *	  A row may not be moved to another subject: WITH CHECK sees the new row
 *	  only, so a trigger compares the two.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_constraint.h"
#include "commands/trigger.h"
#include "errors.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "policy.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

PG_FUNCTION_INFO_V1(subject_moved);
PG_FUNCTION_INFO_V1(subject_carried);
PG_FUNCTION_INFO_V1(carry_subject_rows);
PG_FUNCTION_INFO_V1(role_belongs);

bool policy_carrying_subject = false;

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

/* the trigger of carry_subject() that fills this relation through the column, or NULL */
static Trigger *
carrying_trigger(Relation relation, const char *column)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == catalog_function_oid(CATALOG_SUBJECT_CARRIED) &&
			trigger->tgnargs == 2 && (column == NULL || strcmp(trigger->tgargs[0], column) == 0))
			return trigger;
	}
	return NULL;
}

/*
 * Rows that got their subject's key through a row that was moved get it anew:
 * their own trigger fills it, so an update that changes nothing will do.
 *	from, column	the referencing relation and its foreign key column
 *	key, type		of the row that was moved
 */
static void
carry_on(Oid from, AttrNumber column, Datum key, Oid type)
{
	Relation relation = table_open(from, AccessShareLock);
	char *key_column = get_attname(from, column, false);
	Trigger *carrying = carrying_trigger(relation, key_column);
	bool outer = policy_carrying_subject;
	const char *subject;
	char *query;
	Oid saved_user;
	int saved_context;

	if (carrying != NULL)
	{
		subject = quote_identifier(carrying->tgargs[1]);
		query = psprintf("UPDATE %s SET %s = %s WHERE %s OPERATOR(pg_catalog.=) $1",
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(from)),
													RelationGetRelationName(relation)),
						 subject, subject, quote_identifier(key_column));
		become_owner(from, &saved_user, &saved_context);
		policy_carrying_subject = true;
		PG_TRY();
		{
			if (SPI_execute_with_args(query, 1, &type, &key, NULL, false, 0) != SPI_OK_UPDATE)
				ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
								errmsg("the subject's column could not be filled")));
		}
		PG_FINALLY();
		{
			policy_carrying_subject = outer;
		}
		PG_END_TRY();
		SetUserIdAndSecContext(saved_user, saved_context);
	}
	table_close(relation, AccessShareLock);
}

/* a row has another subject: so have those that carry it from there */
static void
subject_follows(Relation relation, HeapTuple row)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_constraint_confrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(relation)));
	ScanKeyInit(&keys[1], Anum_pg_constraint_contype, BTEqualStrategyNumber, F_CHAREQ,
				CharGetDatum(CONSTRAINT_FOREIGN));
	scan = systable_beginscan(constraints, InvalidOid, false, NULL, 2, keys);
	SPI_connect();
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		AttrNumber conkey[INDEX_MAX_KEYS];
		AttrNumber confkey[INDEX_MAX_KEYS];
		Oid operators[INDEX_MAX_KEYS];
		int n;
		Datum key;
		bool isnull;

		DeconstructFkConstraintRow(tuple, &n, conkey, confkey, operators, operators, operators,
								   NULL, NULL);
		key = heap_getattr(row, confkey[0], RelationGetDescr(relation), &isnull);
		if (n == 1 && !isnull)
			carry_on(((Form_pg_constraint) GETSTRUCT(tuple))->conrelid, conkey[0], key,
					 TupleDescAttr(RelationGetDescr(relation), confkey[0] - 1)->atttypid);
	}
	SPI_finish();
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
}

/*
 * May rows be moved now?  Under row_security = off; also where core then cascades
 * as the relation's owner; and where a row follows another (carry_on()).
 */
static bool
may_move(Relation relation)
{
	if (policy_carrying_subject && carrying_trigger(relation, NULL) != NULL)
		return true;
	if (InNoForceRLSOperation())
		return !row_security && has_bypassrls_privilege(GetOuterUserId()) &&
			   has_bypassrls_privilege(GetSessionUserId());
	return row_security_bypassed();
}

/* subject_moved -- trigger WHEN (OLD.key IS DISTINCT FROM NEW.key) */
Datum
subject_moved(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("subject_moved: not called by its trigger")));
	if (!may_move(trigger->tg_relation))
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("a row of \"%s\" may not be moved to another subject",
							   RelationGetRelationName(trigger->tg_relation)),
						errhint("Delete the row and insert one for the other subject.")));
	if (TRIGGER_FIRED_AFTER(trigger->tg_event))
		subject_follows(trigger->tg_relation, trigger->tg_newtuple);
	/* a BEFORE trigger goes on with the new row; an AFTER trigger's is ignored */
	return PointerGetDatum(trigger->tg_newtuple);
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
	bool outer = policy_carrying_subject;
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
			policy_carrying_subject = outer;
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
