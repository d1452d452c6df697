/*
 * policy_trigger.c
 *	  A row may not be moved to another subject: WITH CHECK sees the new row
 *	  only, so a trigger compares the two.
 *
 * After the update, where the row is final.  A row that changes its partition is
 * deleted and inserted, and has no such moment; there a trigger before the update
 * tells the key it had, and the policy's check of the new row, which comes after all
 * other triggers, asks for that (policy_expect_key()).
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "errors.h"
#include "miscadmin.h"
#include "policy.h"
#include "policy_carry.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(subject_moved);
PG_FUNCTION_INFO_V1(role_belongs);

/*
 * May rows be moved now?  Under row_security = off; also where core then cascades
 * as the relation's owner; and where a row follows another (carry_on()).
 */
static bool
may_move(Relation relation)
{
	return (OidIsValid(policy_carried()) && carries_subject(relation)) || policy_actor_bypasses();
}

/* a key column's value as row_permitted() takes it */
static void
key_of(HeapTuple row, AttrNumber column, Relation relation, KeyKind kind, bool *isnull,
	   KeyBytes *bytes)
{
	Datum value = heap_getattr(row, column, RelationGetDescr(relation), isnull);
	Oid type = TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid;

	bytes->data = NULL;
	bytes->length = 0;
	if (*isnull)
		return;
	if (type == INT4OID)
		value = Int64GetDatum(DatumGetInt32(value));
	else if (type == INT2OID)
		value = Int64GetDatum(DatumGetInt16(value));
	policy_key_bytes(value, kind, bytes);
}

static bool
same_key(const KeyBytes *a, const KeyBytes *b)
{
	return (a->data == NULL) == (b->data == NULL) && a->length == b->length &&
		   (a->data == NULL || memcmp(a->data, b->data, a->length) == 0);
}

static void
refuse_move(Relation relation)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("a row of \"%s\" may not be moved to another subject",
						   RelationGetRelationName(relation)),
					errhint("Delete the row and insert one for the other subject.")));
}

/* before an update: the row keeps its keys, and the check of the new row knows which */
static void
tell_key(TriggerData *trigger)
{
	Relation relation = trigger->tg_relation;
	const ProtectedRelation *found = protected_relation(RelationGetRelid(relation));
	ProtectedRelation entry;
	KeyBytes before;
	KeyBytes after;
	bool isnull;

	if (found == NULL || may_move(relation))
		return;
	entry = *found;
	for (int i = 0; i < entry.n_also_about; i++)
	{
		AttrNumber column = get_attnum(RelationGetRelid(relation), entry.also_about[i]);

		key_of(trigger->tg_trigtuple, column, relation, entry.key_kind, &isnull, &before);
		key_of(trigger->tg_newtuple, column, relation, entry.key_kind, &isnull, &after);
		if (before.data != NULL && !same_key(&before, &after))
			refuse_move(relation);
	}
	key_of(trigger->tg_trigtuple, get_attnum(RelationGetRelid(relation), entry.subject), relation,
		   entry.key_kind, &isnull, &before);
	key_of(trigger->tg_newtuple, get_attnum(RelationGetRelid(relation), entry.subject), relation,
		   entry.key_kind, &isnull, &after);
	if (!same_key(&before, &after))
		refuse_move(relation);
	/* a row that carries its subject is told its key by subject_carried() */
	if (!carries_subject(relation))
		policy_expect_key(before.data, before.length);
}

/*
 * subject_moved -- trigger AFTER UPDATE, WHEN a key changed; and BEFORE UPDATE of
 * partitioned relations.
 */
Datum
subject_moved(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("subject_moved: not called by its trigger")));
	if (TRIGGER_FIRED_BEFORE(trigger->tg_event))
	{
		tell_key(trigger);
		return PointerGetDatum(trigger->tg_newtuple);
	}
	if (!may_move(trigger->tg_relation))
		refuse_move(trigger->tg_relation);
	subject_follows(trigger->tg_relation, trigger->tg_newtuple);
	return PointerGetDatum(NULL);
}

/* role_belongs(member regrole, role regrole) -- really, not as a superuser may */
Datum
role_belongs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_OID(0) == PG_GETARG_OID(1) ||
				   is_member_of_role_nosuper(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}
