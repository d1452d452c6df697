/*
 * guard_class.c
 *	  Policies, triggers and generated columns that owners make and that see classified columns.
 *
 * What they ask is not the reader's use of a column, and needs no clearance of his.  So whoever makes
 * one chooses rows by values that he may not filter by, and is handed values that he may not see: that
 * is for privseg_admin.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "encrypted.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "usage.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/* guard_class_is_free -- may whoever runs the command be told of classified columns by what it makes? */
bool
guard_class_is_free(void)
{
	return !protected_any() || row_security_bypassed() ||
		   role_is_admin(GetUserId(), "privseg_admin");
}

/* guard_made_of -- the columns a generated one is made of, as pull_varattnos() has them */
Bitmapset *
guard_made_of(Oid relid, AttrNumber column)
{
	HeapTuple tuple =
		guard_row_of_column(AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid,
							Anum_pg_attrdef_adnum, relid, column);
	Bitmapset *sources = NULL;

	/* a default is made of none */
	if (HeapTupleIsValid(tuple))
		pull_varattnos(guard_expression(tuple, Anum_pg_attrdef_adbin, AttrDefaultRelationId), 1,
					   &sources);
	return sources;
}

/* guard_is_classified -- is the root's column of this name? */
bool
guard_is_classified(Oid root, const char *name)
{
	const RelationColumns *columns = protected_columns(root);

	for (int i = 0; columns != NULL && i < columns->n; i++)
		if (columns->columns[i].name != NULL && strcmp(columns->columns[i].name, name) == 0)
			return columns->columns[i].classified;
	return false;
}

/* is the root's column of one name made of that of another? */
static bool
root_makes(Oid root, const char *made, const char *source)
{
	AttrNumber column = get_attnum(root, made);
	AttrNumber from = get_attnum(root, source);

	return column != InvalidAttrNumber && from != InvalidAttrNumber &&
		   bms_is_member(from - FirstLowInvalidHeapAttributeNumber, guard_made_of(root, column));
}

/*
 * Columns of children are classified as the root's of their name are.  So what a child alone makes of a
 * classified column, or into one, is that value under another class: which column is it made of?
 *	labelled	the column that is being classified; NULL: those that are
 */
static const char *
made_apart(Oid member, AttrNumber column, Oid root, const char *labelled)
{
	Bitmapset *sources = guard_made_of(member, column);
	const char *made = sources != NULL ? get_attname(member, column, false) : NULL;

	for (int i = -1; (i = bms_next_member(sources, i)) >= 0;)
	{
		AttrNumber number = i + FirstLowInvalidHeapAttributeNumber;
		const char *source = number > 0 ? get_attname(member, number, false) : NULL;

		if (source == NULL || root_makes(root, made, source))
			continue;
		if (labelled != NULL ? strcmp(labelled, source) == 0 || strcmp(labelled, made) == 0 :
							   guard_is_classified(root, source) || guard_is_classified(root, made))
			return source;
	}
	return NULL;
}

/* guard_generated_made -- a column, of a relation that is, or becomes, a part of a protected one */
void
guard_generated_made(Oid member, AttrNumber column, Oid root)
{
	const char *source;

	if (!OidIsValid(root) || guard_class_is_free())
		return;
	if (bms_is_member(TableOidAttributeNumber - FirstLowInvalidHeapAttributeNumber,
					  guard_made_of(member, column)))
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("only a member of privseg_admin may have column \"%s\" of \"%s\" "
							   "generated from tableoid",
							   get_attname(member, column, false), get_rel_name(member)),
						errdetail("Which partition a row is in tells what it is partitioned by.")));
	if (member == root)
		return;
	source = made_apart(member, column, root, NULL);
	if (source != NULL)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("only a member of privseg_admin may have column \"%s\" of \"%s\" generated "
					"from \"%s\"",
					get_attname(member, column, false), get_rel_name(member), source),
			 errdetail("One of them is classified in \"%s\", where the one is not generated from "
					   "the other.",
					   get_rel_name(root)),
			 errhint("Generate it in \"%s\".", get_rel_name(root))));
}

/*
 * guard_class_set -- a column of a protected relation is about to be classified: refuse where children
 * make something of it.  None comes until the transaction ends.  Name what else its values are handed to.
 */
void
guard_class_set(Oid root, const char *name)
{
	char *domains = guard_checked_by(get_atttype(root, get_attnum(root, name)));
	ListCell *lc;

	if (domains != NULL)
		ereport(NOTICE,
				(errmsg("checks that run code of a user are handed column \"%s\" of \"%s\": %s",
						name, get_rel_name(root), domains),
				 errdetail("They see what is written, whatever their functions' owners are cleared "
						   "for."),
				 errhint("Read them, and have a superuser own what they call.")));
	foreach (lc, find_all_inheritors(root, ShareUpdateExclusiveLock, NULL))
	{
		Oid member = lfirst_oid(lc);
		FormData_pg_class class;

		if (member == root || !catalog_class(member, &class))
			continue;
		for (AttrNumber column = 1; column <= class.relnatts; column++)
			if (made_apart(member, column, root, name) != NULL)
				ereport(
					ERROR,
					(errcode(PRIVSEG_ERR_NOT_READY),
					 errmsg("column \"%s\" of child \"%s\" is generated from \"%s\", or makes it",
							get_attname(member, column, false), get_rel_name(member), name),
					 errdetail("It would tell its values under another class."),
					 errhint("Drop it, or generate it in \"%s\".", get_rel_name(root))));
	}
}

/*
 * guard_class_dropped -- a column of a protected relation is dropped: its class goes, and so must its values,
 * also those of children that would keep the column as their own.
 */
void
guard_class_dropped(Oid root, const char *name)
{
	ListCell *lc;

	if (guard_class_is_free() || !guard_is_classified(root, name))
		return;
	foreach (lc, find_all_inheritors(root, NoLock, NULL))
	{
		Oid member = lfirst_oid(lc);
		AttrNumber column = member != root ? get_attnum(member, name) : InvalidAttrNumber;
		HeapTuple tuple =
			column != InvalidAttrNumber ? guard_column_row(member, column) : (HeapTuple) NULL;

		if (HeapTupleIsValid(tuple) && ((Form_pg_attribute) GETSTRUCT(tuple))->attislocal)
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_DENIED),
					 errmsg("only a member of privseg_admin may drop column \"%s\" of \"%s\", "
							"which child \"%s\" would keep",
							name, get_rel_name(root), get_rel_name(member)),
					 errdetail("It is classified, and what the child keeps would not be.")));
	}
}

/* guard_hands_rows -- is a trigger's function handed rows, one by one or as a table? */
bool
guard_hands_rows(HeapTuple trigger)
{
	return TRIGGER_FOR_ROW(((Form_pg_trigger) GETSTRUCT(trigger))->tgtype) ||
		   !heap_attisnull(trigger, Anum_pg_trigger_tgoldtable, NULL) ||
		   !heap_attisnull(trigger, Anum_pg_trigger_tgnewtable, NULL);
}

/*
 * The number of a relation's first column that is classified; 0: none.
 *	handed	to triggers, as it is stored: encrypted ones are opened for who may read them
 */
static AttrNumber
first_classified(Oid root, bool handed)
{
	const RelationColumns *columns = protected_columns(root);

	for (int i = 0; columns != NULL && i < columns->n; i++)
		if (columns->columns[i].classified &&
			!(handed && encrypted_code(getBaseType(get_atttype(root, i + 1))) != ENCRYPTED_NONE))
			return i + 1;
	return InvalidAttrNumber;
}

/* guard_trigger_made -- a trigger was made that is handed rows of a relation as they are stored */
void
guard_trigger_made(Oid relid)
{
	const ProtectedRelation *found = guard_class_is_free() ? NULL : protected_relation(relid);
	Oid root = found != NULL ? found->relid : InvalidOid;
	AttrNumber column = OidIsValid(root) ? first_classified(root, true) : InvalidAttrNumber;

	if (column != InvalidAttrNumber)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("only a member of privseg_admin may make a trigger that is handed column %s",
					usage_column_name(root, column)),
			 errdetail("It sees rows as they are stored, whatever its function's owner is "
					   "cleared for."),
			 errhint("Have the trigger made by an administrator who has read its function, or "
					 "encrypt the column.")));
}

/* the triggers that a table brings which becomes a part of a protected relation */
static void
triggers_join(Oid member, Oid root)
{
	AttrNumber column = first_classified(root, true);
	Relation triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(member));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, SnapshotSelf, 1, &key);
	while (column != InvalidAttrNumber && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

		if (!trigger->tgisinternal && !catalog_is_own_trigger(trigger->tgfoid) &&
			guard_hands_rows(tuple))
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg(
					 "only a member of privseg_admin may have trigger \"%s\" of \"%s\" handed column %s",
					 NameStr(trigger->tgname), get_rel_name(member),
					 usage_column_name(root, column)),
				 errdetail("It sees rows as they are stored, whatever its function's owner is "
						   "cleared for."),
				 errhint("Drop the trigger first, or have an administrator do it who has read "
						 "its function.")));
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
}

/* a column that a policy asks about */
typedef struct Asking
{
	Oid relid;         /* that the policy is of */
	Oid joins;         /* the root of the tree which that comes into; or InvalidOid */
	List *tables;      /* range tables of the subqueries it is in, the innermost first */
	Oid root;          /* found; or InvalidOid */
	AttrNumber column; /* of the root */
} Asking;

static bool
asks_about(Asking *asking, Oid relid, AttrNumber column)
{
	const ProtectedRelation *found = protected_relation(relid);
	Oid root = found != NULL ? found->relid : InvalidOid;
	const ColumnClass *class;

	if (relid == asking->relid && OidIsValid(asking->joins))
		root = asking->joins;
	if (!OidIsValid(root))
		return false;
	column = column == 0 ? first_classified(root, false) : usage_root_column(relid, column, root);
	class = column_class(root, column);
	if (class == NULL || !class->classified)
		return false;
	asking->root = root;
	asking->column = column;
	return true;
}

/* of whole rows core notes no column that the policy depends on */
static bool
asks_about_row(Node *node, Asking *asking)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var *var = (Var *) node;
		List *tables;
		RangeTblEntry *rte;
		ListCell *lc;

		if (var->varattno != 0)
			return false;
		if ((int) var->varlevelsup >= list_length(asking->tables))
			return asks_about(asking, asking->relid, 0);
		tables = list_nth(asking->tables, var->varlevelsup);
		rte = rt_fetch(var->varno, tables);
		if (rte->rtekind == RTE_RELATION)
			return asks_about(asking, rte->relid, 0);
		/* what else rows are made of names its columns, but for a JOIN */
		if (rte->rtekind == RTE_JOIN)
			foreach (lc, tables)
				if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_RELATION &&
					asks_about(asking, lfirst_node(RangeTblEntry, lc)->relid, 0))
					return true;
		return false;
	}
	if (IsA(node, Query))
	{
		bool result;

		asking->tables = lcons(((Query *) node)->rtable, asking->tables);
		result = query_tree_walker((Query *) node, asks_about_row, asking, 0);
		asking->tables = list_delete_first(asking->tables);
		return result;
	}
	return expression_tree_walker(node, asks_about_row, asking);
}

static bool
asks_about_column(Oid policy, Asking *asking)
{
	Relation depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool result = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(PolicyRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(policy));
	scan = systable_beginscan(depend, DependDependerIndexId, true, SnapshotSelf, 2, keys);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend row = (Form_pg_depend) GETSTRUCT(tuple);

		result = row->refclassid == RelationRelationId && row->refobjsubid > 0 &&
				 asks_about(asking, row->refobjid, row->refobjsubid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return result;
}

/*
 * A policy's row in its catalog.
 *	joins	the root of the tree that its relation becomes a part of; or InvalidOid
 */
static void
policy_is_seen(HeapTuple tuple, Oid joins)
{
	Form_pg_policy policy = (Form_pg_policy) GETSTRUCT(tuple);
	Asking asking = {.relid = policy->polrelid, .joins = joins};

	if (asks_about_column(policy->oid, &asking) ||
		asks_about_row(guard_expression(tuple, Anum_pg_policy_polqual, PolicyRelationId),
					   &asking) ||
		asks_about_row(guard_expression(tuple, Anum_pg_policy_polwithcheck, PolicyRelationId),
					   &asking))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("only a member of privseg_admin may make a policy that asks about column %s",
					usage_column_name(asking.root, asking.column)),
			 errdetail("It would choose rows by a classified column, whatever the reader is "
					   "cleared for.")));
}

/* guard_policy_made -- a policy was created or altered, and what it depends on is recorded */
void
guard_policy_made(Oid policy)
{
	HeapTuple tuple;

	if (guard_class_is_free())
		return;
	tuple = guard_row_of_oid(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, policy,
							 SnapshotSelf);
	if (HeapTupleIsValid(tuple))
		policy_is_seen(tuple, InvalidOid);
}

static void
policies_join(Oid member, Oid root)
{
	Relation policies = table_open(PolicyRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_policy_polrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(member));
	scan = systable_beginscan(policies, PolicyPolrelidPolnameIndexId, true, SnapshotSelf, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		policy_is_seen(tuple, root);
	systable_endscan(scan);
	table_close(policies, AccessShareLock);
}

/*
 * guard_class_joins -- a table becomes a part of a protected relation, with what was made of it when its
 * columns had no class.
 */
void
guard_class_joins(Oid member, Oid root)
{
	FormData_pg_class class;

	if (guard_class_is_free() || !catalog_class(member, &class))
		return;
	for (AttrNumber column = 1; column <= class.relnatts; column++)
		guard_generated_made(member, column, root);
	triggers_join(member, root);
	policies_join(member, root);
}

/* guard_rows_join -- and with rows: in a classified column they bring somebody's values, and guesses at what others have */
void
guard_rows_join(Oid member, Oid root)
{
	AttrNumber column = first_classified(root, false);

	if (!guard_class_is_free() && column != InvalidAttrNumber && !guard_is_empty(member))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only a member of privseg_admin may have \"%s\", which has rows, become a "
						"part of \"%s\"",
						get_rel_name(member), get_rel_name(root)),
				 errdetail("They would be written without the clearance for column %s, and without "
						   "asking whom they are about.",
						   usage_column_name(root, column)),
				 errhint("Have it join empty, and INSERT the rows.")));
}
