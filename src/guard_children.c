/*
 * guard_children.c
 *	  Partitions and inheritance children that a protected relation gets later:
 *	  they are protected at once (catalog_relation.c looks at parents), and here
 *	  they get what is stored with each table of the tree.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "executor/spi.h"
#include "guard.h"
#include "miscadmin.h"

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
