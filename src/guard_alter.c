/*
 * guard_alter.c
 *	  Objects that protection rests on, when they are altered in whatever way: by
 *	  their own name, through a parent or a type, by a command that waited for a
 *	  lock while names moved.
 *
 * Core calls these hooks when the catalog's row is written, and by OID; before
 * the next command only SnapshotSelf sees the new row, and the caches still have
 * the old one.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "policy_carry.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/*
 * A row of a catalog, or NULL.
 *	snapshot	SnapshotSelf: as it is now.  NULL: as it was before the command.
 */
static HeapTuple
catalog_row(Oid catalog, Oid index, Snapshot snapshot, int nkeys, ScanKeyData *keys)
{
	Relation heap = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(heap, index, true, snapshot, nkeys, keys);
	HeapTuple tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(heap, AccessShareLock);
	return tuple;
}

/* guard_row_of_oid -- the same, by OID */
HeapTuple
guard_row_of_oid(Oid catalog, Oid index, AttrNumber column, Oid oid, Snapshot snapshot)
{
	ScanKeyData key;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	return catalog_row(catalog, index, snapshot, 1, &key);
}

/* guard_row_of_column -- a catalog's row of a relation's column, as it is now, or NULL */
HeapTuple
guard_row_of_column(Oid catalog, Oid index, AttrNumber relid_column, AttrNumber number_column,
					Oid relid, AttrNumber number)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], relid_column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], number_column, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(number));
	return catalog_row(catalog, index, SnapshotSelf, 2, keys);
}

/* guard_column_row -- a column's row in pg_attribute, as it is now, or NULL; also of an index */
HeapTuple
guard_column_row(Oid relid, AttrNumber number)
{
	return guard_row_of_column(AttributeRelationId, AttributeRelidNumIndexId,
							   Anum_pg_attribute_attrelid, Anum_pg_attribute_attnum, relid, number);
}

/* guard_belongs_to_protection -- refuse to touch a policy or trigger of ours */
void
guard_belongs_to_protection(const char *object, Oid relid)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("\"%s\" belongs to the protection of \"%s\"", object, get_rel_name(relid)),
			 errhint("Call privseg.unprotect() to take protection away.")));
}

static void
own_object(const char *name)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED), errmsg("\"%s\" belongs to privseg", name),
					errhint("The extension's objects change with the extension only.")));
}

/* a column of any relation: an encrypted one keeps its type */
static void
type_altered(Oid relid, AttrNumber number)
{
	HeapTuple before = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(number));
	HeapTuple after;

	if (!HeapTupleIsValid(before))
		return;
	after = guard_column_row(relid, number);
	if (HeapTupleIsValid(after))
		guard_encrypted_column(relid, (Form_pg_attribute) GETSTRUCT(before),
							   (Form_pg_attribute) GETSTRUCT(after));
	ReleaseSysCache(before);
}

/* a column of a protected relation: its key keeps name and type, and so does what tells it */
static void
column_altered(Oid relid, AttrNumber number)
{
	const ProtectedRelation *entry = protected_relation(relid);
	bool own = catalog_is_internal_table(relid);
	bool is_key;
	const char *name;
	HeapTuple tuple;
	Form_pg_attribute attribute;

	if (!own)
		type_altered(relid, number);
	if (!protected_any() && !own)
		return;
	name = get_attname(relid, number, true);
	if (name == NULL)
		return;
	is_key =
		(entry != NULL && protected_by_column(entry, name)) || subject_is_carried_by(relid, name);
	if (!own && !is_key && entry == NULL)
		return;
	tuple = guard_column_row(relid, number);
	if (!HeapTupleIsValid(tuple))
		return;
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	if (!own && entry != NULL)
	{
		HeapTuple before = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(number));

		if (HeapTupleIsValid(before))
		{
			guard_column_altered(relid, (Form_pg_attribute) GETSTRUCT(before), attribute);
			ReleaseSysCache(before);
			if (!is_key && strcmp(NameStr(attribute->attname), name) != 0)
				guard_column_renamed(relid, name, NameStr(attribute->attname));
		}
	}
	if (!own && !is_key)
		return;
	if (strcmp(NameStr(attribute->attname), name) == 0 &&
		attribute->atttypid == get_atttype(relid, number))
		return;
	if (own)
		own_object(get_rel_name(relid));
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_SHAPE),
		 errmsg("column \"%s\" holds the subject's key of relation \"%s\", or carries it", name,
				get_rel_name(relid)),
		 errdetail("Its name and type cannot change."),
		 errhint(
			 "Call privseg.unprotect(), drop the trigger privseg_subject_carried if there is one, alter the column, and protect the relation anew.")));
}

/* one of our own tables, indexes or sequences is found by its name */
static void
relation_altered(Oid relid)
{
	HeapTuple tuple;
	Form_pg_class class;

	if (!catalog_is_own_table(relid) && protected_relation(relid) == NULL)
		return;
	tuple = guard_row_of_oid(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, relid,
							 SnapshotSelf);
	if (!HeapTupleIsValid(tuple))
		return;
	class = (Form_pg_class) GETSTRUCT(tuple);
	if (!catalog_is_own_table(relid))
	{
		if (class->relnamespace != get_rel_namespace(relid))
			guard_published(relid, class->relnamespace);
		return;
	}
	if (strcmp(NameStr(class->relname), get_rel_name(relid)) != 0 ||
		class->relnamespace != get_rel_namespace(relid))
		own_object(get_rel_name(relid));
}

static void
schema_altered(Oid namespace)
{
	HeapTuple tuple;
	const char *name = get_namespace_name(namespace);

	if (name == NULL || !catalog_installed())
		return;
	tuple = guard_row_of_oid(NamespaceRelationId, NamespaceOidIndexId, Anum_pg_namespace_oid,
							 namespace, SnapshotSelf);
	if (!HeapTupleIsValid(tuple) ||
		strcmp(NameStr(((Form_pg_namespace) GETSTRUCT(tuple))->nspname), name) == 0)
		return;
	if (strcmp(name, "privseg") == 0)
		own_object(name);
	/*
	 * Commands that look at a relation there go by its name (guard_locked_relation()).  Newer
	 * minor versions of core lock it, too.
	 */
	LockDatabaseObject(NamespaceRelationId, namespace, 0, AccessExclusiveLock);
}

/*
 * guard_parents -- the parents of a table, or of a partition's index.
 *	snapshot	as in guard_row_of_oid()
 */
List *
guard_parents(Oid child, Snapshot snapshot)
{
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	List *result = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(child));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return result;
}

/* is it a heap, or a partitioned table: nothing that is read in ways of its own */
static bool
is_heap(Oid relid)
{
	FormData_pg_class class;

	return catalog_class(relid, &class) &&
		   (class.relkind == RELKIND_PARTITIONED_TABLE ||
			(class.relkind == RELKIND_RELATION && class.relam == HEAP_TABLE_AM_OID));
}

/* the root of the protected tree that a relation is in, or InvalidOid */
static Oid
root_of(Oid relid)
{
	const ProtectedRelation *entry = protected_relation(relid);

	return entry != NULL ? entry->relid : InvalidOid;
}

/*
 * Has a table, or will it have, a parent outside the protected tree?  ANALYZE, and a change
 * of a column's type, reach its rows from there.
 *	below	what joins the tree: parents there are well
 */
static bool
has_parent_outside(Oid member, Oid root, const List *below)
{
	ListCell *lc;

	foreach (lc, guard_parents(member, SnapshotSelf))
		if (root_of(lfirst_oid(lc)) != root && !list_member_oid(below, lfirst_oid(lc)))
			return true;
	return false;
}

static void
joins_tree(Oid child, Oid parent)
{
	Oid root = root_of(parent);
	List *below;
	ListCell *lc;

	/* what joins stays as it is looked at: core locks it so that others may still change it */
	if (OidIsValid(root))
		LockRelationOid(child, AccessExclusiveLock);
	below = find_all_inheritors(child, OidIsValid(root) ? AccessExclusiveLock : NoLock, NULL);

	if (catalog_is_internal_table(parent) || catalog_is_internal_table(child))
		own_object(get_rel_name(catalog_is_internal_table(parent) ? parent : child));
	foreach (lc, below)
	{
		Oid member = lfirst_oid(lc);
		Oid root_before = root_of(member);

		if ((OidIsValid(root) || guard_is_protected_now(member)) &&
			has_parent_outside(member, root, below))
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_SHAPE),
					 errmsg("\"%s\" cannot have parents inside and outside of a protected relation",
							get_rel_name(member)),
					 errdetail("Through the one outside its rows would be counted and rewritten."),
					 errhint("Take it out of the other parent first.")));
		if (OidIsValid(root_before) && root_before != root)
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("protected relation \"%s\" cannot become a child of \"%s\"",
						get_rel_name(member), get_rel_name(parent)),
				 errdetail("Its rows could be written, and its columns renamed, through a parent "
						   "that is not protected as it is."),
				 errhint("Call privseg.unprotect() first, and protect the topmost parent.")));
		if (root != InvalidOid && !is_heap(member))
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("\"%s\" cannot become part of protected relation \"%s\"",
						get_rel_name(member), get_rel_name(root)),
				 errdetail(
					 "It is not stored as an ordinary table, and may be read past the policy.")));
		if (root != InvalidOid)
		{
			guard_published(member, get_rel_namespace(member));
			guard_joins_tree(member, parent);
			guard_class_joins(member, root);
			guard_part_joins(member, parent, root);
			guard_encrypted_joins(member, parent);
			guard_rows_join(member, root);
		}
	}
	if (root == InvalidOid)
		return;
	guard_default_partition(parent);
	guard_stays_as_copied(parent);
	if (get_rel_relkind(parent) == RELKIND_RELATION && subject_is_carried_by(parent, NULL))
		ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
						errmsg("protected relation \"%s\" carries its subjects, and its "
							   "inheritance children would not",
							   get_rel_name(parent)),
						errhint("Make it a partitioned table.")));
	guard_joined(root);
}

static void
leaves_tree(Oid child, Oid parent)
{
	const ProtectedRelation *above = protected_relation(parent);

	if (above != NULL)
		ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
						errmsg("children of protected relation \"%s\" cannot be taken out of it",
							   get_rel_name(above->relid)),
						errdetail("Their rows would no longer be protected."),
						errhint("Drop the child, or call privseg.unprotect() first.")));
}

static bool
is_named_as_ours(Form_pg_trigger trigger)
{
	return guard_is_our_name(NameStr(trigger->tgname));
}

/*
 * A trigger was made, or replaced.  What runs the functions of protection's own is taken for
 * them: whose subject a row gets, and that it may be moved.  So nobody makes one but protect()
 * and carry_subject(), core for a partition, and a superuser who restores a dump; and nobody
 * puts another in their place.
 */
static void
trigger_made(HeapTuple tuple)
{
	Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

	if (OidIsValid(trigger->tgparentid) || creating_extension || catalog_works())
		return;
	if (catalog_is_own_trigger(trigger->tgfoid) && !superuser())
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("trigger \"%s\" would run a function of protection's own",
							   NameStr(trigger->tgname)),
						errhint("Triggers that run it are made by privseg.protect() and "
								"privseg.carry_subject(), and restored by superusers.")));
	if (!catalog_is_own_trigger(trigger->tgfoid) && is_named_as_ours(trigger) &&
		protected_relation(trigger->tgrelid) != NULL)
		guard_belongs_to_protection(NameStr(trigger->tgname), trigger->tgrelid);
	if (!catalog_is_own_trigger(trigger->tgfoid) && guard_hands_rows(tuple))
		guard_trigger_made(trigger->tgrelid);
}

static bool
is_renamed(Form_pg_trigger now)
{
	HeapTuple tuple =
		guard_row_of_oid(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, now->oid, NULL);

	return !HeapTupleIsValid(tuple) ||
		   strcmp(NameStr(((Form_pg_trigger) GETSTRUCT(tuple))->tgname), NameStr(now->tgname)) != 0;
}

static void
trigger_altered(Oid trigger, bool created)
{
	HeapTuple tuple = guard_row_of_oid(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid,
									   trigger, SnapshotSelf);
	Form_pg_trigger now;

	if (!HeapTupleIsValid(tuple))
		return;
	now = (Form_pg_trigger) GETSTRUCT(tuple);
	if (now->tgisinternal)
		return;
	if (catalog_is_internal_table(now->tgrelid))
		own_object(NameStr(now->tgname));
	guard_stays_as_copied(now->tgrelid);
	if (guard_comes_behind(NameStr(now->tgname), now->tgtype) &&
		protected_relation(now->tgrelid) != NULL)
		guard_refuse_behind(NameStr(now->tgname), now->tgrelid);
	if (created)
		trigger_made(tuple);
	else if (catalog_is_own_trigger(now->tgfoid) && protected_relation(now->tgrelid) != NULL &&
			 (now->tgenabled != TRIGGER_FIRES_ALWAYS || is_renamed(now)))
		guard_belongs_to_protection(NameStr(now->tgname), now->tgrelid);
}

static void
policy_altered(Oid policy)
{
	HeapTuple tuple =
		guard_row_of_oid(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, policy, NULL);
	Form_pg_policy before;

	if (!HeapTupleIsValid(tuple))
		return;
	before = (Form_pg_policy) GETSTRUCT(tuple);
	if (protected_relation(before->polrelid) != NULL &&
		strncmp(NameStr(before->polname), "privseg", 7) == 0)
		guard_belongs_to_protection(NameStr(before->polname), before->polrelid);
}

/* what our functions do is what the extension's scripts say */
static void
function_altered(Oid function)
{
	Oid extension = getExtensionOfObject(ProcedureRelationId, function);

	if (OidIsValid(extension) && extension == get_extension_oid("privseg", true))
		own_object(get_func_name(function));
}

/*
 * guard_altered -- for core's object access hook: something was created or
 * altered.
 *	created		created, not altered
 *	auxiliary	of an inheritance link: the parent
 */
void
guard_altered(bool created, Oid class_id, Oid object_id, int sub_id, Oid auxiliary)
{
	switch (class_id)
	{
		case RelationRelationId:
			if (sub_id != 0)
				column_altered(object_id, sub_id);
			else
				relation_altered(object_id);
			break;
		case IndexRelationId:
			if (!created)
				guard_index_altered(object_id);
			break;
		case InheritsRelationId:
			if (list_member_oid(guard_parents(object_id, SnapshotSelf), auxiliary))
				joins_tree(object_id, auxiliary);
			else
				leaves_tree(object_id, auxiliary);
			break;
		case TriggerRelationId:
			trigger_altered(object_id, created);
			break;
		case PolicyRelationId:
			policy_altered(object_id);
			guard_policy_made(object_id);
			break;
		case ProcedureRelationId:
			function_altered(object_id);
			break;
		case NamespaceRelationId:
			schema_altered(object_id);
			break;
		default:
			break;
	}
}
