/*
 * guard_role.c
 *	  The extension's roles are not any role: CREATEROLE could hand them out.
 *
 * Core lets whoever has CREATEROLE grant, alter and drop every role that is
 * not a superuser.  For ours it takes a superuser, or for granting, somebody
 * who holds the role WITH ADMIN OPTION.  So it does for granting a member of one of
 * ours, and a role that holds clearance in this database; from another database the
 * latter can still be granted, which check() tells.
 *
 * And nobody clears themselves: grant_clearance() asks who it is that calls it, which is only
 * told apart where nobody lends their rights.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_authid.h"
#include "commands/defrem.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "utils/acl.h"

PG_FUNCTION_INFO_V1(caller_belongs);

static const char *const own_roles[] = {"privseg_admin", "privseg_reviewer", "privseg_steward",
										"privseg_auditor"};

static bool
is_own_role(const char *name)
{
	for (size_t i = 0; name != NULL && i < lengthof(own_roles); i++)
		if (strcmp(name, own_roles[i]) == 0)
			return true;
	return false;
}

/* one of ours, or a member of one, or a role that acts under any purpose */
static bool
is_guarded(const char *name, Oid role)
{
	if (is_own_role(name))
		return true;
	if (!OidIsValid(role))
		return false;
	for (size_t i = 0; i < lengthof(own_roles); i++)
	{
		Oid own = get_role_oid(own_roles[i], true);

		if (OidIsValid(own) && is_member_of_role_nosuper(role, own))
			return true;
	}
	return catalog_installed() && clearance_any(role);
}

static void
may_grant(const char *name)
{
	Oid role;

	if (name == NULL || superuser())
		return;
	role = get_role_oid(name, true);
	if (!is_guarded(name, role))
		return;
	if (OidIsValid(role) && is_admin_of_role(GetUserId(), role))
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("role \"%s\" may be granted by its administrators only", name),
		 errdetail("CREATEROLE is not enough for the roles of privseg, their members, and roles "
				   "that hold clearance."),
		 errhint("A superuser grants it, WITH ADMIN OPTION to those who may grant it on.")));
}

static void
may_alter(const char *name)
{
	if (is_own_role(name) && !superuser())
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED), errmsg("role \"%s\" belongs to privseg", name),
						errhint("Only a superuser changes it.")));
}

static const char *
spec_name(RoleSpec *role)
{
	return role != NULL && role->roletype == ROLESPEC_CSTRING ? role->rolename : NULL;
}

/*
 * guard_role -- refuse a utility command on our roles that core would allow.
 */
void
guard_role(Node *node)
{
	ListCell *lc;

	switch (nodeTag(node))
	{
		case T_GrantRoleStmt:
			foreach (lc, ((GrantRoleStmt *) node)->granted_roles)
				may_grant(lfirst_node(AccessPriv, lc)->priv_name);
			break;
		case T_CreateRoleStmt:
			foreach (lc, ((CreateRoleStmt *) node)->options)
			{
				DefElem *option = lfirst_node(DefElem, lc);
				ListCell *into;

				if (strcmp(option->defname, "addroleto") != 0)
					continue;
				foreach (into, (List *) option->arg)
					may_grant(spec_name(lfirst(into)));
			}
			break;
		case T_AlterRoleStmt:
			may_alter(spec_name(((AlterRoleStmt *) node)->role));
			/* ALTER GROUP ... ADD USER */
			foreach (lc, ((AlterRoleStmt *) node)->options)
				if (strcmp(lfirst_node(DefElem, lc)->defname, "rolemembers") == 0)
					may_grant(spec_name(((AlterRoleStmt *) node)->role));
			break;
		case T_AlterRoleSetStmt:
			may_alter(spec_name(((AlterRoleSetStmt *) node)->role));
			break;
		case T_DropRoleStmt:
			foreach (lc, ((DropRoleStmt *) node)->roles)
				may_alter(spec_name(lfirst(lc)));
			break;
		case T_RenameStmt:
			if (((RenameStmt *) node)->renameType == OBJECT_ROLE)
				may_alter(((RenameStmt *) node)->subname);
			break;
		default:
			break;
	}
}

/*
 * guard_grant -- for core's object access hook: the executor is about to call the function.
 *
 * In a SECURITY DEFINER function, and in code of a table's owner that core runs for somebody else
 * (functions of indexes in autovacuum, materialized views), an administrator's rights act under
 * another session's name.  Here the caller is still the current user; in grant_clearance() it is
 * the extension's owner.
 */
void
guard_grant(Oid function)
{
	if (function < FirstNormalObjectId || function != catalog_function_oid(CATALOG_GRANT_CLEARANCE))
		return;
	if (GetUserId() == GetOuterUserId() && !InSecurityRestrictedOperation())
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("clearance is granted by who calls grant_clearance(), not for somebody else"),
		 errdetail("It was called with the rights of \"%s\", by a SECURITY DEFINER function or by "
				   "code of a table's owner.",
				   GetUserNameFromId(GetUserId(), false)),
		 errhint("An administrator calls it in a session of their own.")));
}

/*
 * caller_belongs(role regrole) RETURNS boolean: is it the role of the session, or the one it has
 * set itself to, or are they members?  Really, not as a superuser may.
 */
Datum
caller_belongs(PG_FUNCTION_ARGS)
{
	Oid role = PG_GETARG_OID(0);
	Oid callers[] = {GetSessionUserId(), GetOuterUserId()};

	for (size_t i = 0; i < lengthof(callers); i++)
		if (callers[i] == role || is_member_of_role_nosuper(callers[i], role))
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}
