/*
 * guard_utility.c
 *	  Utility commands that would read, write or unprotect past the policy.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/tablecmds.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static Oid
named_relation(RangeVar *relation)
{
	return relation ? RangeVarGetRelid(relation, NoLock, true) : InvalidOid;
}

static void
require_owner(const RangeVar *relation, Oid relid, Oid old_relid, void *arg)
{
	if (OidIsValid(relid) && !pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)),
					   relation->relname);
}

/*
 * guard_locked_relation -- the relation that an owner's command is about, locked as the
 * command will lock it, and named so that core finds this one, or as little as we do: names
 * move at any time, those of schemas, too (guard_alter.c).  Also where nothing is protected
 * yet, for somebody may be about to do it.
 *	missing_ok	as the command has it
 * Errors: as core's, where there is none, or it is another's.
 */
Oid
guard_locked_relation(RangeVar *relation, LOCKMODE mode, bool missing_ok)
{
	Oid relid = RangeVarGetRelidExtended(relation, mode, missing_ok ? RVR_MISSING_OK : 0,
										 require_owner, NULL);
	Oid namespace;

	if (!OidIsValid(relid))
	{
		/* nobody can make a schema of such a name */
		relation->schemaname = pstrdup("pg_none");
		return InvalidOid;
	}
	namespace = get_rel_namespace(relid);
	LockDatabaseObject(NamespaceRelationId, namespace, 0, AccessShareLock);
	relation->schemaname = get_namespace_name(namespace);
	return relid;
}

static void
refuse_own_table(Oid relid, const char *what)
{
	if (catalog_is_internal_table(relid) && !creating_extension)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("%s is not allowed on \"%s\" of privseg", what, get_rel_name(relid)),
						errhint("The extension's tables change with the extension only.")));
}

/*
 * What ALTER TABLE may do to a protected relation.  Definitions and what is
 * validated are looked at where core writes them (guard_define.c, guard_alter.c);
 * this is whether such a command is known at all.
 */
static bool
is_known(AlterTableType subtype)
{
	switch (subtype)
	{
		/* a definition */
		case AT_AddColumn:
		case AT_AddConstraint:
		case AT_AddIndexConstraint:
		case AT_AlterColumnType:
		case AT_AlterConstraint:
		case AT_ColumnDefault:
		case AT_DropColumn:
		case AT_DropConstraint:
		case AT_DropExpression:
		case AT_DropNotNull:
		case AT_SetNotNull:
		case AT_ValidateConstraint:
		case AT_AddIdentity:
		case AT_SetIdentity:
		case AT_DropIdentity:
		case AT_AddOf:
		case AT_DropOf:
		/* how it is stored, and whose it is */
		case AT_ChangeOwner:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_DropOids:
		case AT_ReplicaIdentity:
		case AT_ResetOptions:
		case AT_ResetRelOptions:
		case AT_SetCompression:
		case AT_SetLogged:
		case AT_SetOptions:
		case AT_SetRelOptions:
		case AT_SetStatistics:
		case AT_SetStorage:
		case AT_SetTableSpace:
		case AT_SetUnLogged:
		/* its children and parents */
		case AT_AddInherit:
		case AT_AttachPartition:
		case AT_DetachPartition:
		case AT_DetachPartitionFinalize:
		case AT_DropInherit:
		/* its triggers and row security */
		case AT_DisableRowSecurity:
		case AT_DisableTrig:
		case AT_DisableTrigAll:
		case AT_DisableTrigUser:
		case AT_EnableAlwaysTrig:
		case AT_EnableReplicaTrig:
		case AT_EnableRowSecurity:
		case AT_EnableTrig:
		case AT_EnableTrigAll:
		case AT_EnableTrigUser:
		case AT_ForceRowSecurity:
		case AT_NoForceRowSecurity:
			return true;
		default:
			return false;
	}
}

/*
 * That nothing refers to the rows of a partition which is taken away, core asks in the
 * caller's name, and hears of the rows that are shown.
 */
static void
guard_detach(Oid relid, List *commands)
{
	ListCell *lc;
	Oid referring = InvalidOid;

	foreach (lc, commands)
		if (lfirst_node(AlterTableCmd, lc)->subtype == AT_DetachPartition ||
			lfirst_node(AlterTableCmd, lc)->subtype == AT_DetachPartitionFinalize)
			referring = guard_referring(relid);
	if (OidIsValid(referring) && !row_security_bypassed())
		guard_refuse(referring, "DETACH PARTITION of a table that is referred to from it",
					 "Whether rows of everybody refer to the partition has to be looked at.");
}

/* USING column::type, the type being the new one: what core does without it, looked at as that */
static bool
casts_only(const AlterTableCmd *command)
{
	const ColumnDef *column = castNode(ColumnDef, command->def);
	const TypeCast *cast = (const TypeCast *) column->raw_default;
	const ColumnRef *reference;

	if (!IsA(cast, TypeCast) || !IsA(cast->arg, ColumnRef) ||
		!equal(cast->typeName, column->typeName))
		return false;
	reference = (const ColumnRef *) cast->arg;
	return list_length(reference->fields) == 1 && IsA(linitial(reference->fields), String) &&
		   strcmp(strVal(linitial(reference->fields)), command->name) == 0;
}

static void
guard_alter_table(AlterTableStmt *alter)
{
	Oid relid = guard_locked_relation(alter->relation, AlterTableGetLockLevel(alter->cmds),
									  alter->missing_ok);
	const ProtectedRelation *entry;
	ProtectedRelation copy;
	ListCell *lc;

	if (!OidIsValid(relid))
		return;
	foreach (lc, alter->cmds)
	{
		AlterTableType subtype = lfirst_node(AlterTableCmd, lc)->subtype;

		/* where and how they are stored is the DBA's */
		if (subtype != AT_SetRelOptions && subtype != AT_ResetRelOptions &&
			subtype != AT_SetTableSpace && subtype != AT_SetStatistics)
			refuse_own_table(relid, "ALTER TABLE");
	}
	foreach (lc, alter->cmds)
	{
		guard_retyped(relid, lfirst_node(AlterTableCmd, lc));
		guard_encrypted_dropped(relid, lfirst_node(AlterTableCmd, lc));
	}
	entry = protected_relation(relid);
	if (entry == NULL)
	{
		guard_detach(relid, alter->cmds);
		return;
	}
	copy = *entry;
	guard_part_altered(alter, relid);
	foreach (lc, alter->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

		if (!is_known(command->subtype) && !row_security_bypassed())
			guard_refuse(relid, "such an ALTER TABLE",
						 "What it does to the rows of everybody is not known.");
		switch (command->subtype)
		{
			case AT_AlterColumnType:
			case AT_DropColumn:
			case AT_DropColumnRecurse:
				if (command->name != NULL && protected_by_column(&copy, command->name))
					ereport(
						ERROR,
						(errcode(command->subtype == AT_AlterColumnType ?
									 PRIVSEG_ERR_SHAPE :
									 ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						 errmsg(
							 "column \"%s\" holds the subject's key of protected relation \"%s\"",
							 command->name, get_rel_name(relid)),
						 errdetail("Which rows are shown depends on it."),
						 errhint("Call privseg.unprotect() first.")));
				if (command->subtype == AT_AlterColumnType && !guard_may_define() &&
					castNode(ColumnDef, command->def)->raw_default != NULL && !casts_only(command))
					guard_refuse(relid, "ALTER ... TYPE ... USING", RUNS_CODE);
				break;
			case AT_DetachPartition:
			case AT_DetachPartitionFinalize:
			case AT_DropInherit:
				ereport(ERROR,
						(errcode(PRIVSEG_ERR_SHAPE),
						 errmsg("children of protected relation \"%s\" cannot be taken out of it",
								get_rel_name(copy.relid)),
						 errdetail("Their rows would no longer be protected."),
						 errhint("Drop the child, or call privseg.unprotect() first.")));
				break;
			case AT_DisableRowSecurity:
			case AT_NoForceRowSecurity:
				ereport(ERROR,
						(errcode(PRIVSEG_ERR_DENIED),
						 errmsg("row security of protected relation \"%s\" cannot be switched off",
								get_rel_name(relid)),
						 errhint("Call privseg.unprotect() to take protection away.")));
				break;
			case AT_DisableTrig:
			case AT_DisableTrigAll:
			case AT_DisableTrigUser:
			case AT_EnableReplicaTrig:
			case AT_EnableTrig:
			case AT_EnableTrigAll:
			case AT_EnableTrigUser:
				if (command->name == NULL || guard_is_our_name(command->name))
					ereport(
						ERROR,
						(errcode(PRIVSEG_ERR_DENIED),
						 errmsg(
							 "the trigger that keeps rows of \"%s\" with their subject stays as it is",
							 get_rel_name(relid)),
						 errhint("Enable and disable other triggers by name.")));
				break;
			default:
				break;
		}
	}
}

/* core looks into the default partition before it makes the new one */
static void
guard_create(CreateStmt *create)
{
	Oid parent;

	if (create->partbound == NULL || list_length(create->inhRelations) != 1)
		return;
	parent = guard_locked_relation(linitial_node(RangeVar, create->inhRelations),
								   ShareUpdateExclusiveLock, false);
	if (protected_relation(parent) != NULL)
		guard_default_partition(parent);
}

static void
guard_rename(RenameStmt *rename)
{
	Oid relid;
	const ProtectedRelation *entry;

	if (rename->renameType != OBJECT_POLICY && rename->renameType != OBJECT_TRIGGER &&
		rename->renameType != OBJECT_COLUMN)
		return;
	relid = guard_locked_relation(rename->relation, AccessExclusiveLock, rename->missing_ok);
	if (rename->renameType == OBJECT_POLICY || rename->renameType == OBJECT_TRIGGER)
	{
		refuse_own_table(relid, "ALTER ... RENAME");
		if (protected_relation(relid) != NULL && rename->subname != NULL &&
			guard_is_our_name(rename->subname))
			guard_belongs_to_protection(rename->subname, relid);
		return;
	}
	entry = protected_relation(relid);
	if (entry != NULL && protected_by_column(entry, rename->subname))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg(
				 "column \"%s\" holds the subject's key of protected relation \"%s\" and cannot be renamed",
				 rename->subname, get_rel_name(relid)),
			 errhint(
				 "Call privseg.unprotect(), rename the column, and protect the relation anew.")));
}

/* who may drop the extension may do so, and is told what goes */
static void
guard_drop_extension(List *names)
{
	ListCell *lc;

	foreach (lc, names)
		if (strcmp(strVal(lfirst(lc)), "privseg") == 0)
			ereport(NOTICE,
					(errmsg("consent records, clearances and purposes of this database go with "
							"extension \"privseg\""),
					 protected_any() ?
						 errdetail("Tables that are protected keep row security enabled and "
								   "forced, and show nobody but superusers a row.") :
						 0,
					 protected_any() ?
						 errhint("Run pg_dump first, and privseg.unprotect() the tables "
								 "to have them as they were.") :
						 errhint("Run pg_dump first.")));
}

static void
guard_drop(DropStmt *drop)
{
	ListCell *lc;

	if (drop->removeType == OBJECT_EXTENSION)
		guard_drop_extension(drop->objects);
	if (drop->removeType != OBJECT_POLICY && drop->removeType != OBJECT_TRIGGER)
		return;
	foreach (lc, drop->objects)
	{
		List *name = lfirst_node(List, lc);
		const char *object = strVal(llast(name));
		RangeVar *relation;
		Oid relid;

		if (list_length(name) < 2)
			continue;
		relation = makeRangeVarFromNameList(list_truncate(list_copy(name), list_length(name) - 1));
		relid = guard_locked_relation(relation, AccessExclusiveLock, drop->missing_ok);
		if (relation->schemaname != NULL)
			lfirst(lc) = list_make3(makeString(relation->schemaname), makeString(relation->relname),
									llast(name));
		refuse_own_table(relid, "DROP");
		if (!guard_is_our_name(object) || protected_relation(relid) == NULL ||
			guard_changes_storage)
			continue;
		guard_belongs_to_protection(object, relid);
	}
}

static void
refuse_member(Oid relid)
{
	guard_refuse(relid, "ALTER EXTENSION ... ADD",
				 "Dumps would be without its rows, and say nothing.");
}

/*
 * guard_depend_on_none -- after ALTER ... DEPENDS ON EXTENSION and ALTER EXTENSION: neither
 * does a trigger of protection's own, nor is a protected relation a member, whatever had its
 * name while the command waited.
 */
void
guard_depend_on_none(void)
{
	Relation triggers = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(triggers, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	ListCell *lc;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

		if (!catalog_is_own_trigger(trigger->tgfoid) ||
			getAutoExtensionsOfObject(TriggerRelationId, trigger->oid) == NIL)
			continue;
		refuse_own_table(trigger->tgrelid, "ALTER ... DEPENDS ON EXTENSION");
		guard_belongs_to_protection(NameStr(trigger->tgname), trigger->tgrelid);
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	if (row_security_bypassed())
		return;
	foreach (lc, protected_members())
		if (OidIsValid(getExtensionOfObject(RelationRelationId, lfirst_oid(lc))))
			refuse_member(lfirst_oid(lc));
}

static void
guard_alter_policy(AlterPolicyStmt *alter)
{
	Oid relid = guard_locked_relation(alter->table, AccessExclusiveLock, false);

	if (strncmp(alter->policy_name, "privseg", 7) == 0 && protected_relation(relid) != NULL)
		guard_belongs_to_protection(alter->policy_name, relid);
}

/*
 * The policy looks consent up when the first row asks, and waits there for whoever has
 * locked what it reads: that it waits tells of the row.  A database's owner could lock it.
 */
static void
guard_maintenance(bool locks_own)
{
	if (locks_own && protected_any() && !superuser())
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("this would lock privseg's tables, which statements under the policy read"),
				 errhint("Name the tables to be worked on, or have a superuser do it.")));
}

static void
guard_vacuum(VacuumStmt *vacuum)
{
	bool own = vacuum->rels == NIL;
	bool full = vacuum->is_vacuumcmd && guard_option(vacuum->options, "full");
	ListCell *lc;

	foreach (lc, vacuum->rels)
	{
		VacuumRelation *relation = lfirst_node(VacuumRelation, lc);
		Oid relid = named_relation(relation->relation);

		own = own || catalog_is_internal_table(relid);
		/* nor is another found by that name, when its turn comes */
		if (OidIsValid(relid) && relation->relation->schemaname == NULL)
			relation->relation->schemaname = get_namespace_name(get_rel_namespace(relid));
		if (full && OidIsValid(relid))
			guard_part_rewritten(relid);
	}
	guard_maintenance(full && own);
}

/* a dump leaves out the rows of an extension's tables, and DROP EXTENSION drops them */
static void
guard_extension_contents(AlterExtensionContentsStmt *alter)
{
	Relation relation = NULL;
	ObjectAddress object;

	if (strcmp(alter->extname, "privseg") == 0)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("extension \"privseg\" keeps the objects it has"),
						errhint("They change with the extension only.")));
	if (!protected_any() || row_security_bypassed() || alter->action <= 0 ||
		alter->objtype != OBJECT_TABLE)
		return;
	object = get_object_address(OBJECT_TABLE, alter->object, &relation, AccessShareLock, true);
	if (relation == NULL)
		return;
	table_close(relation, AccessShareLock);
	if (protected_relation(object.objectId) != NULL)
		refuse_member(object.objectId);
}

/* guard_option -- a command's, as core reads them: the last one of the name counts */
bool
guard_option(List *options, const char *name)
{
	bool result = false;
	ListCell *lc;

	foreach (lc, options)
	{
		DefElem *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
			result = defGetBoolean(option);
	}
	return result;
}

/* guard_rewrites -- may guard_utility() change the tree of such a command? */
bool
guard_rewrites(Node *node)
{
	switch (nodeTag(node))
	{
		case T_ClusterStmt:
		case T_CopyStmt:
		case T_ExplainStmt:
		case T_VacuumStmt:
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
		case T_AlterTableStmt:
		case T_RenameStmt:
		case T_DropStmt:
		case T_AlterPolicyStmt:
		case T_IndexStmt:
			return catalog_installed();
		default:
			return false;
	}
}

/*
 * guard_utility -- refuse or adapt a utility command; may change its tree, so
 * the caller passes a copy where the tree may be read-only.
 */
void
guard_utility(PlannedStmt *statement)
{
	Node *node = statement->utilityStmt;

	/* roles are the cluster's: also where the extension is not installed */
	guard_role(node);
	if (!catalog_installed())
		return;
	switch (nodeTag(node))
	{
		case T_ExplainStmt:
			if (protected_any())
				guard_explain_execute((ExplainStmt *) node);
			break;
		case T_ClusterStmt:
			guard_cluster((ClusterStmt *) node);
			guard_verbose(node);
			break;
		case T_VacuumStmt:
			guard_vacuum((VacuumStmt *) node);
			guard_verbose(node);
			break;
		case T_ReindexStmt:
			guard_maintenance(((ReindexStmt *) node)->kind == REINDEX_OBJECT_DATABASE);
			break;
		case T_CopyStmt:
			guard_copy((CopyStmt *) node);
			break;
		case T_CreateStmt:
		case T_CreateForeignTableStmt: /* which begins with one */
			guard_create((CreateStmt *) node);
			break;
		case T_AlterTableStmt:
			guard_alter_table((AlterTableStmt *) node);
			break;
		case T_RenameStmt:
			guard_rename((RenameStmt *) node);
			break;
		case T_DropStmt:
			guard_drop((DropStmt *) node);
			break;
		case T_AlterDomainStmt:
			guard_domain((AlterDomainStmt *) node);
			break;
		case T_IndexStmt:
			guard_create_index((IndexStmt *) node);
			break;
		case T_CreateRangeStmt:
			guard_create_range((CreateRangeStmt *) node);
			break;
		case T_AlterExtensionContentsStmt:
			guard_extension_contents((AlterExtensionContentsStmt *) node);
			break;
		case T_RuleStmt:
			refuse_own_table(named_relation(((RuleStmt *) node)->relation), "CREATE RULE");
			break;
		case T_CreateTrigStmt:
			refuse_own_table(named_relation(((CreateTrigStmt *) node)->relation), "CREATE TRIGGER");
			break;
		case T_CreatePolicyStmt:
			refuse_own_table(named_relation(((CreatePolicyStmt *) node)->table), "CREATE POLICY");
			break;
		case T_AlterPolicyStmt:
			guard_alter_policy((AlterPolicyStmt *) node);
			break;
		default:
			break;
	}
}
