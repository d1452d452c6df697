/*
 * guard_children.c
 *	  Partitions and inheritance children that a protected relation gets later:
 *	  they are protected at once (catalog_relation.c looks at parents), and here
 *	  they get what is stored with each table of the tree.
 */
#include "compat.h"

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
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(lock_tree);

static void
secure_below(RangeVar *parent)
{
	Oid relid = parent ? RangeVarGetRelid(parent, NoLock, true) : InvalidOid;
	const ProtectedRelation *entry = protected_relation(relid);
	Oid types[] = {REGCLASSOID, BOOLOID};
	Datum arguments[2];
	Oid saved_user;
	int saved_context;

	if (entry == NULL)
		return;
	arguments[0] = ObjectIdGetDatum(entry->relid);
	arguments[1] = BoolGetDatum(row_security_bypassed());
	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(catalog_owner(), saved_context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (SPI_execute_with_args("SELECT privseg.secure_children($1, $2)", 2, types, arguments, NULL,
							  false, 0) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("the new child could not be secured")));
	SPI_finish();
	SetUserIdAndSecContext(saved_user, saved_context);
}

/* guard_children -- after a utility command that may have given a table a parent */
void
guard_children(Node *node)
{
	ListCell *lc;

	if (IsA(node, CreateStmt))
	{
		foreach (lc, ((CreateStmt *) node)->inhRelations)
			secure_below(lfirst_node(RangeVar, lc));
	}
	else if (IsA(node, AlterTableStmt))
	{
		AlterTableStmt *alter = (AlterTableStmt *) node;

		foreach (lc, alter->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, lc);

			if (command->subtype == AT_AttachPartition)
				secure_below(alter->relation);
			else if (command->subtype == AT_AddInherit)
				secure_below((RangeVar *) command->def);
		}
	}
}

/* a parent of the table that is not among these, or InvalidOid */
static Oid
parent_outside(Oid member, const List *tree)
{
	List *outside = list_difference_oid(guard_parents(member, NULL), tree);

	return outside != NIL ? linitial_oid(outside) : InvalidOid;
}

/*
 * lock_tree(relation regclass, alone boolean) RETURNS regclass[]: the relation and all below it, as they
 * are once nobody else can change them, nor move their names.  For whoever protects and
 * unprotects, who then names them in commands.
 * Errors: undefined_table; if alone, wrong_object_type where one of them has a parent outside.
 */
Datum
lock_tree(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	bool alone = PG_GETARG_BOOL(1);
	List *tree;
	ListCell *lc;
	Datum *members;
	int n = 0;

	LockRelationOid(relid, AccessExclusiveLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("the relation does not exist")));
	tree = find_all_inheritors(relid, AccessExclusiveLock, NULL);
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
