/*
 * guard_children.c
 *	  Partitions and inheritance children that a protected relation gets later:
 *	  they are protected at once (catalog_relation.c looks at parents), and here
 *	  they get what is stored with each table of the tree.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "executor/spi.h"
#include "guard.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(lock_tree);

GuardTrees guard_trees = {NIL, NIL};

/* guard_joined -- a protected tree has a new member, in the command that runs */
void
guard_joined(Oid root)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);

	guard_trees.joined = list_append_unique_oid(guard_trees.joined, root);
	MemoryContextSwitchTo(caller);
}

static void
secure_tree(Oid root)
{
	Oid types[] = {REGCLASSOID, BOOLOID, BOOLOID};
	Datum arguments[3];
	Oid saved_user;
	int saved_context;

	if (protected_relation(root) == NULL)
		return;
	arguments[0] = ObjectIdGetDatum(root);
	arguments[1] = BoolGetDatum(row_security_bypassed());
	arguments[2] =
		BoolGetDatum(row_security_bypassed() || role_is_admin(GetUserId(), "privseg_admin"));
	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(catalog_owner(), saved_context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args("SELECT privseg.secure_children($1, $2, $3)", 3, types, arguments,
							  NULL, false, 0) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("the new child could not be secured")));
	SPI_finish();
	SetUserIdAndSecContext(saved_user, saved_context);
}

/*
 * guard_children -- after a utility command: the trees that something joined in it, or was dropped of.
 * Not by the names in the command, which code of the owner's may have moved meanwhile.
 */
void
guard_children(GuardTrees trees)
{
	ListCell *lc;

	CommandCounterIncrement();
	guard_bereft(trees.bereft);
	foreach (lc, trees.joined)
		secure_tree(lfirst_oid(lc));
}

/* a parent of the table that is not among these, or InvalidOid */
static Oid
parent_outside(Oid member, const List *tree)
{
	List *outside = list_difference_oid(guard_parents(member, NULL), tree);

	return outside != NIL ? linitial_oid(outside) : InvalidOid;
}

/* a partition that is being taken out: core counts it no more, but it is still below */
static Oid
leaving(const List *tree)
{
	Relation inherits = table_open(InheritsRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(inherits, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	Oid found = InvalidOid;

	while (!OidIsValid(found) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_inherits form = (Form_pg_inherits) GETSTRUCT(tuple);

		if (form->inhdetachpending && list_member_oid(tree, form->inhparent))
			found = form->inhrelid;
	}
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return found;
}

/*
 * lock_tree(relation regclass, alone boolean) RETURNS regclass[]: the relation and all below it, as they
 * are once nobody else can change them, nor move their names.  For whoever protects and
 * unprotects, who then names them in commands.
 * Errors: undefined_table; 25001 in a transaction that would look at older catalogs; if alone,
 * wrong_object_type where one of them has a parent outside, 55000 where one is being detached.
 */
Datum
lock_tree(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	bool alone = PG_GETARG_BOOL(1);
	List *tree;
	ListCell *lc;
	Datum *members;
	Oid half;
	int n = 0;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("protection cannot change in a transaction above READ COMMITTED"),
						errdetail("It must see the relation as it is now.")));
	LockRelationOid(relid, AccessExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the relation does not exist")));
	tree = find_all_inheritors(relid, AccessExclusiveLock, NULL);
	half = alone ? leaving(tree) : InvalidOid;
	if (OidIsValid(half))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("partition \"%s\" is being detached", get_rel_name(half)),
						errhint("ALTER TABLE ... DETACH PARTITION ... FINALIZE first.")));
	members = palloc(list_length(tree) * sizeof(Datum));
	foreach (lc, tree)
	{
		Oid member = lfirst_oid(lc);
		Oid outside = alone ? parent_outside(member, tree) : InvalidOid;

		if (OidIsValid(outside) && member == relid)
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_WRONG_RELATION),
					 errmsg("\"%s\" is a partition or an inheritance child", get_rel_name(relid)),
					 errhint("Protect the topmost parent; its children are protected with it.")));
		if (OidIsValid(outside))
			ereport(ERROR, (errcode(PRIVSEG_ERR_WRONG_RELATION),
							errmsg("\"%s\" has a parent besides \"%s\"", get_rel_name(member),
								   get_rel_name(relid)),
							errdetail("Through \"%s\" its rows would be counted and rewritten.",
									  get_rel_name(outside)),
							errhint("ALTER TABLE ... NO INHERIT first.")));
		members[n++] = ObjectIdGetDatum(member);
	}
	PG_RETURN_ARRAYTYPE_P(
		construct_array(members, n, REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT));
}
