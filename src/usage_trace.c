/*
 * usage_trace.c
 *	  Columns that are used, and which column of which protected relation something comes from.
 */
#include "compat.h"

#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "encrypted.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "usage_walk.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

bool
usage_is_sorted_by(const List *clause, const TargetEntry *entry)
{
	ListCell *lc;

	if (entry->ressortgroupref == 0)
		return false;
	foreach (lc, clause)
		if (lfirst_node(SortGroupClause, lc)->tleSortGroupRef == entry->ressortgroupref)
			return true;
	return false;
}

/*
 * usage_root_column -- the number of a column in the relation that protect() was called on; 0:
 * it has none of that name.
 */
AttrNumber
usage_root_column(Oid relid, AttrNumber column, Oid root)
{
	char *name;

	if (relid == root)
		return column;
	name = get_attname(relid, column, true);
	return name != NULL ? get_attnum(root, name) : InvalidAttrNumber;
}

void
usage_entry(Usage *usage, Oid root, AttrNumber column, int use, const UsageTarget *into)
{
	UsageTarget none = {InvalidOid, InvalidAttrNumber};
	UsageEntry *entry;
	ListCell *lc;

	if (into == NULL)
		into = &none;
	foreach (lc, usage->entries)
	{
		entry = lfirst(lc);
		if (entry->root == root && entry->column == column && entry->use == use &&
			entry->into.root == into->root && entry->into.column == into->column)
			return;
	}
	entry = palloc0(sizeof(UsageEntry));
	entry->root = root;
	entry->column = column;
	entry->use = use;
	entry->into = *into;
	usage->entries = lappend(usage->entries, entry);
}

/* which partition a row is in tells of what a table is partitioned by */
static void
use_of_key(Usage *usage, Oid relid, Oid root, int use)
{
	Bitmapset *key = partition_key(relid);

	for (int i = -1; (i = bms_next_member(key, i)) >= 0;)
	{
		AttrNumber number = i + FirstLowInvalidHeapAttributeNumber;
		AttrNumber column = number > 0 ? usage_root_column(relid, number, root) : 0;

		if (column > 0)
			usage_entry(usage, root, column, use, NULL);
	}
}

/* tableoid of a relation: of whatever is partitioned in it */
static void
use_of_tableoid(Usage *usage, Oid relid, Oid root, int context)
{
	ListCell *lc;

	foreach (lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if ((context & USE_FILTER) != 0)
			use_of_key(usage, lfirst_oid(lc), root, USE_PARTITION);
		if ((context & (USE_PROJECT | USE_AGGREGATE)) != 0)
			use_of_key(usage, lfirst_oid(lc), root, USE_TELL);
	}
}

/* usage_partition -- a relation is named in a statement: a partition, by what its rows have there */
void
usage_partition(Usage *usage, const RangeTblEntry *rte)
{
	const ProtectedRelation *found =
		rte->rtekind == RTE_RELATION ? protected_relation(rte->relid) : NULL;
	Oid root = found != NULL ? found->relid : InvalidOid;
	ListCell *lc;

	if (!OidIsValid(root) || rte->relid == root || rte->relkind == RELKIND_COMPOSITE_TYPE)
		return;
	foreach (lc, get_partition_ancestors(rte->relid))
		use_of_key(usage, lfirst_oid(lc), root, USE_PARTITION);
}

static void
use_of_relation(Walk *walk, const RangeTblEntry *rte, AttrNumber column, int context)
{
	static const int uses[] = {USE_PROJECT, USE_FILTER, USE_AGGREGATE};
	const ProtectedRelation *found = protected_relation(rte->relid);
	Oid root;

	if (found == NULL || rte->relkind == RELKIND_COMPOSITE_TYPE)
		return;
	root = found->relid;
	if (column == TableOidAttributeNumber)
		use_of_tableoid(walk->usage, rte->relid, root, context);
	if (column < 0)
		return;
	column = usage_root_column(rte->relid, column, root);
	if (column <= 0)
		return;
	for (size_t i = 0; i < lengthof(uses); i++)
		if ((context & uses[i]) != 0)
			usage_entry(walk->usage, root, column, uses[i], NULL);
	if ((context & USE_PROJECT) != 0)
		for (int i = -1; (i = bms_next_member(walk->into, i)) >= 0;)
			usage_entry(walk->usage, root, column, USE_PROJECT, list_nth(walk->usage->targets, i));
}

int
usage_n_columns(const RangeTblEntry *rte)
{
	return list_length(rte->eref->colnames);
}

/* the level that has a WITH, and which of them */
static Level *
level_of_cte(const RangeTblEntry *rte, Level *level, int *which)
{
	ListCell *lc;

	for (Index up = 0; up < rte->ctelevelsup && level != NULL; up++)
		level = level->outer;
	if (level == NULL)
		return NULL;
	foreach (lc, level->query->cteList)
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, rte->ctename) == 0)
		{
			*which = foreach_current_index(lc);
			return level;
		}
	return NULL;
}

/* is it the row that an INSERT has brought to a conflict? */
static bool
is_excluded(const Level *level, Index varno)
{
	const OnConflictExpr *conflict = level->query->onConflict;

	return conflict != NULL && conflict->exclRelIndex == (int) varno;
}

/* what is in EXCLUDED comes from what is inserted; what is generated of it, from any of that */
static void
use_of_inserted(const Walk *walk, Level *level, const RangeTblEntry *rte, AttrNumber column,
				int context)
{
	Walk inside = *walk;
	bool any = column == 0 || get_attgenerated(rte->relid, column) != '\0';
	ListCell *lc;

	inside.level = level;
	inside.context = context;
	inside.entry = NULL;
	inside.groups = inside.distinct = inside.alone = false;
	foreach (lc, level->query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (any || entry->resno == column)
			(void) usage_walk_expr((Node *) entry->expr, &inside);
	}
}

/* a column of a relation at a level, or (0) all of them, is used */
void
usage_column(Walk *walk, Level *level, Index varno, AttrNumber column, int context)
{
	RangeTblEntry *rte = rt_fetch(varno, level->query->rtable);
	Asked *asked = NULL;
	int which;

	if (is_excluded(level, varno))
	{
		use_of_inserted(walk, level, rte, column, context);
		return;
	}
	if (column == 0 && rte->rtekind == RTE_RELATION)
	{
		FormData_pg_class class;

		if (!catalog_class(rte->relid, &class))
			return;
		for (int i = 1; i <= class.relnatts; i++)
			use_of_relation(walk, rte, i, context);
		return;
	}
	if (column == 0)
	{
		for (int i = 1; i <= usage_n_columns(rte); i++)
			usage_column(walk, level, varno, i, context);
		return;
	}
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			use_of_relation(walk, rte, column, context);
			return;
		case RTE_SUBQUERY:
		case RTE_FUNCTION:
		case RTE_TABLEFUNC:
		case RTE_VALUES:
			asked = level->asked[varno - 1];
			break;
		case RTE_CTE:
		{
			Level *owner = level_of_cte(rte, level, &which);

			if (owner != NULL)
				asked = owner->asked[list_length(owner->query->rtable) + which];
			break;
		}
		case RTE_JOIN:
		{
			Walk inside = *walk;
			Var *source = list_nth(rte->joinaliasvars, column - 1);

			if (source != NULL && IsA(source, Var) && source->varlevelsup == 0)
			{
				usage_column(walk, level, source->varno, source->varattno, context);
				return;
			}
			inside.level = level;
			inside.context = context;
			inside.entry = NULL;
			inside.groups = inside.distinct = inside.alone = false;
			(void) usage_walk_expr((Node *) source, &inside);
			return;
		}
		default:
			return;
	}
	/* SEARCH and CYCLE add columns */
	if (asked == NULL || column < 1 || column > asked->n)
		return;
	asked->columns[column - 1].context |= context & (USE_SEEN | USE_AGGREGATE);
	asked->columns[column - 1].into = bms_add_members(asked->columns[column - 1].into, walk->into);
}

/* ---- which column of which relation something comes from, unchanged ---- */

bool
usage_trace(Level *level, Index varno, AttrNumber column, UsagePlace *place)
{
	RangeTblEntry *rte = rt_fetch(varno, level->query->rtable);
	const ProtectedRelation *found;
	Level inner = {0};
	TargetEntry *entry;
	Node *source;
	int which;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (rte->relkind == RELKIND_COMPOSITE_TYPE || column <= 0 ||
				(found = protected_relation(rte->relid)) == NULL)
				return false;
			place->root = found->relid;
			place->column = usage_root_column(rte->relid, column, place->root);
			if (place->column <= 0)
				place->root = InvalidOid;
			place->base = rte;
			return OidIsValid(place->root);
		case RTE_JOIN:
			source = column > 0 ? list_nth(rte->joinaliasvars, column - 1) : NULL;
			if (source == NULL || !IsA(source, Var) || ((Var *) source)->varlevelsup > 0)
				return false;
			return usage_trace(level, ((Var *) source)->varno, ((Var *) source)->varattno, place);
		case RTE_SUBQUERY:
			inner.outer = level;
			inner.query = rte->subquery;
			break;
		case RTE_CTE:
		{
			CommonTableExpr *cte;

			inner.outer = level_of_cte(rte, level, &which);
			if (inner.outer == NULL)
				return false;
			cte = list_nth_node(CommonTableExpr, inner.outer->query->cteList, which);
			if (cte->cterecursive)
				return false;
			inner.query = castNode(Query, cte->ctequery);
			break;
		}
		default:
			return false;
	}
	if (inner.query->setOperations != NULL || column <= 0)
		return false;
	entry = get_tle_by_resno(inner.query->commandType == CMD_SELECT ? inner.query->targetList :
																	  inner.query->returningList,
							 column);
	if (entry == NULL || !IsA(entry->expr, Var) || ((Var *) entry->expr)->varlevelsup > 0 ||
		((Var *) entry->expr)->varattno <= 0)
		return false;
	if (usage_is_sorted_by(inner.query->distinctClause, entry) ||
		usage_is_sorted_by(inner.query->groupClause, entry))
		place->filtered = true;
	return usage_trace(&inner, ((Var *) entry->expr)->varno, ((Var *) entry->expr)->varattno,
					   place);
}

/* the columns of a whole row */
static List *
parts_of(Level *level, Var *row)
{
	RangeTblEntry *rte = rt_fetch(row->varno, level->query->rtable);
	List *columns;
	List *parts = NIL;
	ListCell *lc;

	expandRTE(rte, row->varno, row->varlevelsup, -1, true, NULL, &columns);
	foreach (lc, columns)
	{
		UsagePlace *part = palloc0(sizeof(UsagePlace));

		/* of one that was dropped, NULL; of a JOIN, a column of what is joined */
		if (IsA(lfirst(lc), Var))
		{
			part->var = lfirst(lc);
			if (!usage_trace(level, part->var->varno, part->var->varattno, part))
				part->root = InvalidOid;
		}
		parts = lappend(parts, part);
	}
	return parts;
}

void
usage_place(Walk *walk, Node *node, Var *var, int context)
{
	Level *level = walk->level;
	UsagePlace *place;
	ListCell *lc;

	/* what a JOIN names is named from several places */
	foreach (lc, walk->usage->places)
	{
		place = lfirst(lc);
		if (place->node == node)
		{
			place->context |= context;
			place->chosen |= walk->chosen;
			return;
		}
	}
	place = palloc0(sizeof(UsagePlace));
	place->node = node;
	place->var = var;
	place->context = context;
	place->chosen = walk->chosen;
	place->entry = walk->entry;
	place->groups = walk->groups;
	place->distinct = walk->distinct;
	place->alone = walk->alone;
	for (const Level *around = level; around != NULL; around = around->outer)
		place->conflicts |= around->conflicts;
	if (var != NULL)
	{
		for (Index up = 0; up < var->varlevelsup; up++)
			level = level->outer;
		place->query = level->query;
		place->grouped = level->beside_groups;
		if (var->varattno == 0)
			place->parts = parts_of(level, var);
		else if (!usage_trace(level, var->varno, var->varattno, place))
			place->root = InvalidOid;
	}
	walk->usage->places = lappend(walk->usage->places, place);
}
