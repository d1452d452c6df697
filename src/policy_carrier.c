/*
 * policy_carrier.c
 *	  Which relations carry their subjects, and through which column: told by the
 *	  trigger that carry_subject() has made, as it has made it.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "policy_carry.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* subject_trigger_is_as_made -- before whatever is written, whatever the row is? */
bool
subject_trigger_is_as_made(const Trigger *trigger)
{
	return trigger->tgfoid == catalog_function_oid(CATALOG_SUBJECT_CARRIED) &&
		   strcmp(trigger->tgname, "privseg_subject_carried") == 0 && trigger->tgnargs == 2 &&
		   trigger->tgtype == (TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT |
							   TRIGGER_TYPE_UPDATE) &&
		   trigger->tgenabled == TRIGGER_FIRES_ALWAYS && trigger->tgqual == NULL &&
		   trigger->tgnattr == 0;
}

/*
 * subject_trigger -- the trigger of carry_subject() that fills this relation, through the column
 * if it is not NULL; or NULL
 */
Trigger *
subject_trigger(Relation relation, const char *column)
{
	const ProtectedRelation *entry = protected_relation(RelationGetRelid(relation));
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (subject_trigger_is_as_made(trigger) &&
			(column == NULL || strcmp(trigger->tgargs[0], column) == 0) &&
			(entry == NULL || strcmp(trigger->tgargs[1], entry->subject) == 0))
			return trigger;
	}
	return NULL;
}

/* carries_subject -- do its rows get their subject's key through a foreign key? */
bool
carries_subject(Relation relation)
{
	return subject_trigger(relation, NULL) != NULL;
}

/* subject_is_carried_by -- through this column? */
bool
subject_is_carried_by(Oid relid, const char *column)
{
	Relation relation = RelationIdGetRelation(relid);
	bool result;

	if (!RelationIsValid(relation))
		return false;
	result = subject_trigger(relation, column) != NULL;
	RelationClose(relation);
	return result;
}

/*
 * subject_reference -- the column through which a relation's subjects are carried, and
 * what it refers to.  InvalidAttrNumber where there is none.
 */
AttrNumber
subject_reference(Oid relid, Oid *referenced, AttrNumber *referenced_column)
{
	Relation relation = RelationIdGetRelation(relid);
	Trigger *carrying = RelationIsValid(relation) ? subject_trigger(relation, NULL) : NULL;
	AttrNumber column = carrying ? get_attnum(relid, carrying->tgargs[0]) : InvalidAttrNumber;
	AttrNumber found = InvalidAttrNumber;
	ListCell *lc;

	*referenced = InvalidOid;
	*referenced_column = InvalidAttrNumber;
	if (!RelationIsValid(relation))
		return InvalidAttrNumber;
	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *reference = lfirst_node(ForeignKeyCacheInfo, lc);

		if (carrying == NULL || reference->nkeys != 1 || reference->conkey[0] != column)
			continue;
		found = column;
		*referenced = reference->confrelid;
		*referenced_column = reference->confkey[0];
	}
	RelationClose(relation);
	return found;
}

/* subject_is_carried_through -- is it such a column, and refers it to that? */
bool
subject_is_carried_through(Oid relid, AttrNumber column, Oid to, AttrNumber to_column)
{
	Oid referenced;
	AttrNumber referenced_column;

	return column == subject_reference(relid, &referenced, &referenced_column) &&
		   referenced == to && referenced_column == to_column;
}
