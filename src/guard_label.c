/*
 * guard_label.c
 *	  The SECURITY LABEL provider "privseg": a column's classification.
 *
 * pg_dump writes labels before the vocabulary is there, so nothing is looked
 * up in our tables: only the form of a label is checked.  privseg.classify()
 * checks the rest and keeps a copy that privseg.check() compares.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/seclabel.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

/* a dotted key: user.contact.email */
static bool
is_category(const char *label)
{
	bool start = true;

	for (const char *at = label; *at; at++)
	{
		if (*at == '.')
		{
			if (start)
				return false;
			start = true;
		}
		else if ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_')
			start = false;
		else
			return false;
	}
	return !start;
}

/*
 * guard_relabel -- for core's label provider.
 */
void
guard_relabel(const ObjectAddress *object, const char *label)
{
	if (object->classId != RelationRelationId || object->objectSubId == 0)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_WRONG_RELATION), errmsg("privseg labels are for columns"),
				 errhint("SECURITY LABEL FOR privseg ON COLUMN relation.column IS 'category'.")));
	if (label != NULL && (!is_category(label) || strlen(label) >= 256))
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("a privseg label is the dotted key of a data category"),
						errhint("For example 'user.contact.email'.")));
	if (catalog_is_internal_table(object->objectId))
		ereport(ERROR, (errcode(PRIVSEG_ERR_WRONG_RELATION),
						errmsg("the extension's own tables take no labels")));
	/* removing or changing one is the administrator's; the owner may add one */
	if (!role_is_admin(GetUserId(), "privseg_admin"))
	{
		char *present = GetSecurityLabel(object, "privseg");

		if (label == NULL || (present != NULL && strcmp(present, label) != 0))
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only a member of privseg_admin may change or remove a classification")));
	}
}
