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
#include "commands/trigger.h"
#include "errors.h"
#include "miscadmin.h"
#include "policy.h"
#include "policy_carry.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(subject_moved);

/* does the row get its subject anew, from the row it refers to (carry_on())? */
static bool
follows(Relation relation)
{
	return OidIsValid(policy_carried()) && carries_subject(relation);
}

/* a key column's value as row_permitted() takes it */
static void
key_of(HeapTuple row, AttrNumber column, Relation relation, KeyKind kind, KeyBytes *bytes)
{
	bool isnull;
	Datum value = heap_getattr(row, column, RelationGetDescr(relation), &isnull);
	Oid type = TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid;

	bytes->data = NULL;
	bytes->length = 0;
	if (isnull)
		return;
	policy_key_bytes(policy_as_key(value, type), kind, bytes);
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

/*
 * An update: the row keeps its keys.
 *	before		the update: the check of the new row is told which
 */
static void
check_keys(TriggerData *trigger, bool before_update)
{
	Relation relation = trigger->tg_relation;
	const ProtectedRelation *found = protected_relation(RelationGetRelid(relation));
	ProtectedRelation entry;

	/* also where core then cascades as the relation's owner */
	if (policy_actor_bypasses())
		return;
	if (found == NULL)
		refuse_move(relation);
	entry = *found;
	/* whom else it is about stays */
	for (int i = follows(relation) ? 1 : 0; i <= entry.n_also_about; i++)
	{
		AttrNumber column = get_attnum(RelationGetRelid(relation),
									   i == 0 ? entry.subject : entry.also_about[i - 1]);
		KeyBytes before;
		KeyBytes after;
		Datum value;
		bool isnull;

		value = heap_getattr(trigger->tg_trigtuple, column, RelationGetDescr(relation), &isnull);
		key_of(trigger->tg_trigtuple, column, relation, entry.key_kind, &before);
		key_of(trigger->tg_newtuple, column, relation, entry.key_kind, &after);
		/* of whom else it is about may be said later */
		if (i > 0 && before.data == NULL)
		{
			policy_expect_nothing(i);
			continue;
		}
		/* a foreign key says that the row outlives whom it was about */
		if (!same_key(&before, &after) &&
			(after.data != NULL || !subject_is_gone(relation, column, value, entry.domain)))
			refuse_move(relation);
		/* a row that carries its subject is told its key by subject_carried() */
		if (before_update && (i > 0 || !carries_subject(relation)))
			policy_expect_key(i, after.data, after.length);
	}
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
		check_keys(trigger, true);
		return PointerGetDatum(trigger->tg_newtuple);
	}
	check_keys(trigger, false);
	subject_follows(trigger->tg_relation, trigger->tg_newtuple);
	return PointerGetDatum(NULL);
}
