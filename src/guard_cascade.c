/*
 * guard_cascade.c
 *	  What the action of a foreign key may do to rows it reaches.
 *
 * Core's query for it has no policy.  Were hidden rows changed, then triggers, defaults and
 * checks, keys and lengths, locks and counters would each tell something of them; and
 * the people would be acted upon under a purpose they do not permit.  So a hidden row
 * ends the statement, as a reference without an action would: that it refers, a
 * foreign key tells anybody.  A row about nobody is deleted with what it belongs to.
 */
#include "compat.h"

#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "errors.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "policy.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static bool
has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || expression_tree_walker(node, has_parameter, context);
}

/*
 * A table that is not protected is not to keep what a hidden row's key becomes.  To set it
 * to NULL or to its default copies nothing.
 */
static void
refuse_to_copy_key(Query *query, Oid relid)
{
	Bitmapset *set = NULL;
	Relation relation;
	ListCell *lc;

	foreach (lc, query->targetList)
		if (has_parameter((Node *) lfirst_node(TargetEntry, lc)->expr, NULL))
			set = bms_add_member(set, lfirst_node(TargetEntry, lc)->resno);
	relation = table_open(relid, NoLock);
	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, lc);

		for (int i = 0; i < key->nkeys; i++)
			if (bms_is_member(key->conkey[i], set) && protected_relation(key->confrelid) != NULL)
				ereport(ERROR,
						(errcode(PRIVSEG_ERR_SHAPE),
						 errmsg("a key of protected relation \"%s\" cannot change",
								get_rel_name(key->confrelid)),
						 errdetail("Table \"%s\", which is not protected, would copy it, whoever "
								   "permits what: its foreign key is ON UPDATE CASCADE.",
								   RelationGetRelationName(relation)),
						 errhint("Protect that table with subject_of, or drop its foreign key.")));
	}
	table_close(relation, NoLock);
}

/* a row that moves to another partition is inserted there: it is asked for once more */
static WithCheckOption *
check_of_moved(const ProtectedRelation *entry, Oid relid)
{
	WithCheckOption *check = makeNode(WithCheckOption);

	check->kind = WCO_RLS_UPDATE_CHECK;
	check->relname = get_rel_name(relid);
	check->polname = pstrdup("privseg");
	check->qual = (Node *) make_ands_explicit(policy_moved_quals(entry, relid, 1));
	return check;
}

/* is anybody's code handed the rows that are deleted? */
static bool
triggers_see_deleted(Oid relid)
{
	Relation relation = table_open(relid, NoLock);
	TriggerDesc *triggers = relation->trigdesc;
	bool found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers && !found; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		found = TRIGGER_FOR_DELETE(trigger->tgtype) && !trigger->tgisinternal &&
				trigger->tgenabled != TRIGGER_DISABLED &&
				(TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgoldtable != NULL);
	}
	table_close(relation, NoLock);
	return found;
}

/* rows about nobody, who cannot be asked, go with what they belong to */
static bool
deletes_nobodys(Query *query, Oid relid)
{
	ListCell *lc;

	if (query->commandType != CMD_DELETE)
		return false;
	foreach (lc, find_all_inheritors(relid, AccessShareLock, NULL))
		if (triggers_see_deleted(lfirst_oid(lc)))
			return false;
	return true;
}

/*
 * guard_cascade -- let a cascade end at a hidden row.  Of the rows it reaches, that is: the
 * policy comes after the key, whose operators are trusted.
 */
void
guard_cascade(Query *query)
{
	RangeTblEntry *rte = linitial_node(RangeTblEntry, query->rtable);
	const ProtectedRelation *entry = protected_relation(rte->relid);
	ProtectedRelation copy;

	if (query->commandType == CMD_SELECT)
		return;
	if (entry == NULL)
	{
		if (query->commandType == CMD_UPDATE)
			refuse_to_copy_key(query, rte->relid);
		return;
	}
	copy = *entry;
	copy.show_null = copy.show_null || deletes_nobodys(query, rte->relid);
	query->jointree->quals =
		(Node *) make_ands_explicit(list_concat(make_ands_implicit((Expr *) query->jointree->quals),
												policy_cascade_quals(&copy, rte->relid, 1)));
	query->hasRowSecurity = true;
	if (query->commandType == CMD_UPDATE && rte->relkind == RELKIND_PARTITIONED_TABLE)
		query->withCheckOptions = list_make1(check_of_moved(&copy, rte->relid));
}
