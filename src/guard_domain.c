/*
 * guard_domain.c
 *	  Types that columns of protected relations are of, when they change.  ALTER DOMAIN
 *	  looks at every column that uses the domain: a check's code would run over rows of
 *	  everybody, and its failure tells of one.  Of a row type that gets another column,
 *	  values can perhaps be compared no more, where they are alike so far.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "guard.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "policy_reviewed.h"
#include "storage/lmgr.h"
#include "usage.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(type_checked_by);

/*
 * Is a domain a column's type, or one below it?  Of arrays and composites core lets no check
 * be added.
 *	domain	this one; InvalidOid: any that the user owns, who may give its name to another
 */
static bool
type_rests_on(Oid type, Oid domain)
{
	for (; OidIsValid(type); type = type_below(type))
		if (OidIsValid(domain) ?
				type == domain :
				get_typtype(type) == TYPTYPE_DOMAIN && pg_type_ownercheck(type, GetUserId()))
			return true;
	return false;
}

static bool
has_column_of(Oid relid, Oid domain)
{
	Relation relation = try_relation_open(relid, NoLock);
	bool result = false;

	if (relation == NULL)
		return false;
	for (int i = 0; i < RelationGetNumberOfAttributes(relation) && !result; i++)
		result = type_rests_on(TupleDescAttr(RelationGetDescr(relation), i)->atttypid, domain);
	relation_close(relation, NoLock);
	return result;
}

/* nobody can give a protected relation another column until the transaction ends */
static List *
locked_members(void)
{
	List *locked = NIL;
	bool changed;

	do
	{
		ListCell *lc;

		changed = false;
		foreach (lc, protected_members())
		{
			if (list_member_oid(locked, lfirst_oid(lc)))
				continue;
			LockRelationOid(lfirst_oid(lc), AccessShareLock);
			locked = lappend_oid(locked, lfirst_oid(lc));
			changed = true;
		}
	} while (changed);
	return locked;
}

static void
refuse_change(Oid domain, const char *what)
{
	ListCell *lc;

	/* a child has the columns of its parent, and perhaps others */
	foreach (lc, locked_members())
		if (has_column_of(lfirst_oid(lc), domain))
			guard_refuse(lfirst_oid(lc), what, TELLS_ROWS);
}

/*
 * guard_domain_checked -- a check of this domain was created, and core is about to look at
 * what uses it: refuse if a protected relation does.
 */
void
guard_domain_checked(Oid domain)
{
	refuse_change(domain, "such a change of a domain that it uses");
}

static bool
is_this_type(Oid type, void *wanted)
{
	return type == *(Oid *) wanted;
}

/*
 * guard_domain_code -- a check of this domain was created, validated or not.  What it calls is handed
 * whatever is written into columns of the domain, as a trigger would be; so is another domain that it makes a
 * value of, and any check that this one gets later.
 */
void
guard_domain_code(Oid domain, Node *check)
{
	ListCell *lc;

	if (!check_runs_user_code(check) || role_is_admin(GetUserId(), "privseg_admin"))
		return;
	foreach (lc, locked_members())
	{
		Oid root = lfirst_oid(lc);
		const RelationColumns *columns =
			protected_relation(root)->relid == root ? protected_columns(root) : NULL;

		for (int i = 0; columns != NULL && i < columns->n; i++)
			if (columns->columns[i].classified &&
				type_any_part(get_atttype(root, i + 1), is_this_type, &domain))
				ereport(
					ERROR,
					(errcode(PRIVSEG_ERR_DENIED),
					 errmsg(
						 "only a member of privseg_admin may add a check that runs such code to a type of column %s",
						 usage_column_name(root, i + 1)),
					 errdetail("It is handed what is written, whatever its function's owner is "
							   "cleared for."),
					 errhint("Have it added by an administrator who has read its function.")));
	}
}

/* the domains among what a type is made of whose checks call what is not a superuser's */
static bool
add_checked(Oid type, void *context)
{
	List **domains = context;

	if (get_typtype(type) == TYPTYPE_DOMAIN && !usage_checks_are_trusted(type))
		*domains = list_append_unique_oid(*domains, type);
	return false;
}

/*
 * guard_checked_by -- the domains that a type is, or is made of, whose checks run code of a user: each is
 * handed what is written.  A superuser's function is what a superuser has made it.
 */
char *
guard_checked_by(Oid type)
{
	StringInfoData names;
	List *domains = NIL;
	ListCell *lc;

	(void) type_any_part(type, add_checked, &domains);
	if (domains == NIL)
		return NULL;
	initStringInfo(&names);
	foreach (lc, domains)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 format_type_be_qualified(lfirst_oid(lc)));
	return names.data;
}

/* type_checked_by(oid) RETURNS text: these, of a column's type */
Datum
type_checked_by(PG_FUNCTION_ARGS)
{
	char *domains = guard_checked_by(PG_GETARG_OID(0));

	if (domains == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(domains));
}

/*
 * guard_domain -- before ALTER DOMAIN ... VALIDATE CONSTRAINT and SET NOT NULL: refuse what
 * would look at columns of protected relations.  Which domain core will find under the
 * name is not known yet: while it waits for a lock, names may move.
 */
void
guard_domain(AlterDomainStmt *alter)
{
	if (strchr("VOC", alter->subtype) == NULL || row_security_bypassed())
		return;
	/* who is about to protect a relation has done so then, or begins when we are through */
	LockRelationOid(catalog_table_oid(CATALOG_PROTECTED_RELATIONS), RowExclusiveLock);
	if (alter->subtype != 'C' && protected_any())
		refuse_change(InvalidOid, "such a change of a domain, where it uses one of yours,");
}

static bool
has_rows_of(Oid type, void *relid)
{
	return get_typtype(type) == TYPTYPE_COMPOSITE && get_typ_typrelid(type) == *(Oid *) relid;
}

/*
 * guard_row_type_changed -- a relation gets another column, or loses one: refuse where a
 * protected relation has a column of its row type.
 */
void
guard_row_type_changed(Oid relid)
{
	ListCell *lc;

	foreach (lc, protected_members())
	{
		Relation relation = try_relation_open(lfirst_oid(lc), AccessShareLock);

		if (relation == NULL)
			continue;
		for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
		{
			Form_pg_attribute form = TupleDescAttr(RelationGetDescr(relation), i);

			if (!form->attisdropped && form->atttypid >= FirstNormalObjectId &&
				type_any_part(form->atttypid, has_rows_of, &relid))
				guard_refuse(lfirst_oid(lc), "such a change of a row type that it uses",
							 TELLS_ROWS);
		}
		relation_close(relation, NoLock);
	}
}
