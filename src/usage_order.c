/*
 * usage_order.c
 *	  Rows come in the order of the index that they are read by, which tells how its columns compare: it
 *	  is used for rows where all of them that are classified may be told by the statement itself.  A column
 *	  that is closed to everybody never is.
 *
 * Elsewhere an index is read as a bitmap only, whose rows come in the order of the table.
 */
#include "compat.h"

#include "optimizer/optimizer.h"
#include "policy_promote.h"
#include "usage.h"

/*
 * Has the statement a use of it that is shown, of everybody?  The index has stored values, also those that
 * are for subjects with explicit consent only.  That is decided anew when it runs, and else it is planned
 * again; of a column that it does not use, nothing is.
 */
static bool
is_told(const UsageReader *reader, Oid root, AttrNumber column)
{
	ListCell *lc;

	foreach (lc, policy_statistics.uses)
	{
		const UsageEntry *entry = lfirst(lc);

		if (entry->root == root && entry->column == column &&
			(entry->use == USE_FILTER || entry->use == USE_PROJECT) &&
			(reader == NULL || (usage_outcome(reader, root, column, entry->use) == OUTCOME_SHOWN &&
								!usage_needs_explicit(reader, root, column))))
			return true;
	}
	return false;
}

static bool
may_tell(const UsageReader *reader, Oid relid, Oid root, AttrNumber column)
{
	AttrNumber of_root = usage_root_column(relid, column, root);
	const ColumnClass *class = of_root > 0 ? column_class(root, of_root) : NULL;

	return usage_is_open(class) || is_told(reader, root, of_root);
}

static bool
orders_by_hidden(const IndexOptInfo *index, const UsageReader *reader, Oid relid, Oid root)
{
	const ListCell *expression = list_head(index->indexprs);
	Bitmapset *columns = NULL;
	int column = -1;

	for (int i = 0; i < index->nkeycolumns; i++)
	{
		if (index->indexkeys[i] != 0)
		{
			columns =
				bms_add_member(columns, index->indexkeys[i] - FirstLowInvalidHeapAttributeNumber);
			continue;
		}
		pull_varattnos(lfirst(expression), index->rel->relid, &columns);
		expression = lnext(index->indexprs, expression);
	}
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber number = column + FirstLowInvalidHeapAttributeNumber;

		/* of a whole row: of all of them */
		if (number == 0 || (number > 0 && !may_tell(reader, relid, root, number)))
			return true;
	}
	return false;
}

/* usage_restrict_indexes -- for core's get_relation_info_hook: bitmaps only */
void
usage_restrict_indexes(Oid relid, RelOptInfo *rel)
{
	const ProtectedRelation *found;
	UsageReader reader;
	bool known;
	ListCell *lc;

	if (!policy_statistics.guarded || rel->indexlist == NIL)
		return;
	found = protected_relation(relid);
	if (found == NULL)
		return;
	known = usage_reader(&reader);
	foreach (lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);

		if (orders_by_hidden(index, known ? &reader : NULL, relid, found->relid))
			index->amhasgettuple = index->amcanparallel = false;
	}
}
