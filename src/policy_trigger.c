/*
 * policy_trigger.c
 *	  A row may not be moved to another subject: WITH CHECK sees the new row
 *	  only, so a trigger compares the two.
 */
#include "compat.h"

#include "catalog.h"
#include "commands/trigger.h"
#include "errors.h"
#include "miscadmin.h"
#include "policy.h"
#include "policy_carry.h"
#include "replication/logicalworker.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/rls.h"

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

/* role_belongs(member regrole, role regrole) -- really, not as a superuser may */
Datum
role_belongs(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_OID(0) == PG_GETARG_OID(1) ||
				   is_member_of_role_nosuper(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}
