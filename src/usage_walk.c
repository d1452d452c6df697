/*
 * usage_walk.c
 *	  Which columns of protected relations a statement uses, and for what: traced from what it
 *	  sends, and from what it filters, sorts and groups by, inward.
 *
 * A column that a subquery only hands outward is used where it arrives.  One that nobody asks for
 * is not used; what is computed of it there is not computed.
 *
 * What policies and checks of new rows ask is not asked by the reader, and is left alone.
 */
#include "compat.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "encrypted.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "usage_walk.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* are rows put in order by it, and no more? */
static bool
is_ordered_by(const Query *query, const TargetEntry *entry)
{
	ListCell *lc;

	if (usage_is_sorted_by(query->sortClause, entry))
		return true;
	foreach (lc, query->windowClause)
		if (usage_is_sorted_by(lfirst_node(WindowClause, lc)->partitionClause, entry) ||
			usage_is_sorted_by(lfirst_node(WindowClause, lc)->orderClause, entry))
			return true;
	return false;
}

/* nobody asks for it: it is not computed, either, for that could be noticed */
static bool
is_left_out(TargetEntry *entry)
{
	Node *expr = (Node *) entry->expr;

	if (IsA(expr, Var) || IsA(expr, Const))
		return true;
	if (contain_volatile_functions(expr) || expression_returns_set(expr))
		return false;
	entry->expr = (Expr *) makeNullConst(exprType(expr), exprTypmod(expr), exprCollation(expr));
	return true;
}

static void
walk_target(Usage *usage, Level *level, TargetEntry *entry, Wanted wanted, bool hands_on)
{
	Query *query = level->query;
	Walk walk = {.usage = usage, .level = level};
	bool distinct = usage_is_sorted_by(query->distinctClause, entry);
	bool groups = usage_is_sorted_by(query->groupClause, entry);
	bool orders = distinct || is_ordered_by(query, entry);

	walk.context = wanted.context | (groups || orders ? USE_FILTER : 0);
	walk.into = wanted.into;
	if (walk.context == 0 && is_left_out(entry))
		return;
	if (walk.context == 0)
		walk.context = USE_PROJECT;
	if (hands_on && IsA(entry->expr, Var) && ((Var *) entry->expr)->varlevelsup == 0 &&
		((Var *) entry->expr)->varattno > 0)
	{
		Var *var = (Var *) entry->expr;

		/* it is used where it arrives */
		usage_column(&walk, level, var->varno, var->varattno, walk.context);
		if (groups || orders)
		{
			walk.entry = entry;
			walk.groups = groups;
			walk.distinct = distinct;
			walk.alone = true;
			level->beside_groups = query->groupClause != NIL;
			usage_place(&walk, (Node *) var, var, USE_FILTER);
			level->beside_groups = false;
		}
		return;
	}
	/* what is chosen by outside, too, is one with what is sorted by */
	if ((groups || orders) && !entry->resjunk && (wanted.context & USE_FILTER) == 0)
		walk.entry = entry;
	walk.groups = groups;
	walk.distinct = distinct;
	walk.alone = true;
	level->beside_groups = query->groupClause != NIL;
	(void) usage_walk_expr((Node *) entry->expr, &walk);
	level->beside_groups = false;
}

/* the number of a column that is written to */
static int
target_of(Usage *usage, Oid root, AttrNumber column)
{
	UsageTarget *target;
	ListCell *lc;

	foreach (lc, usage->targets)
	{
		target = lfirst(lc);
		if (target->root == root && target->column == column)
			return foreach_current_index(lc);
	}
	target = palloc(sizeof(UsageTarget));
	*target = (UsageTarget){root, column};
	usage->targets = lappend(usage->targets, target);
	return list_length(usage->targets) - 1;
}

/* the column that an entry is written to, of one that is protected */
static Bitmapset *
into_of(Usage *usage, Level *level, const TargetEntry *entry)
{
	Oid relid = rt_fetch(level->query->resultRelation, level->query->rtable)->relid;
	const ProtectedRelation *found = protected_relation(relid);
	Oid root = found != NULL ? found->relid : InvalidOid;
	AttrNumber column =
		OidIsValid(root) && !entry->resjunk ? usage_root_column(relid, entry->resno, root) : 0;

	return column > 0 ? bms_make_singleton(target_of(usage, root, column)) : NULL;
}

/* what stands for one of several results of a subselect */
typedef struct Assigned
{
	const SubLink *link;
	Asked *asked;
	Bitmapset *into;
} Assigned;

static bool
find_assigned(Node *node, Assigned *assigned)
{
	Param *param = (Param *) node;

	if (node == NULL)
		return false;
	if (IsA(node, Param) && param->paramkind == PARAM_MULTIEXPR &&
		param->paramid >> 16 == assigned->link->subLinkId)
	{
		int column = (param->paramid & 0xFFFF) - 1;

		Assert(column >= 0 && column < assigned->asked->n);
		assigned->asked->columns[column].into =
			bms_add_members(assigned->asked->columns[column].into, assigned->into);
	}
	return expression_tree_walker(node, find_assigned, assigned);
}

/* what no column is filled with by itself: a subselect whose results are several columns', or a row */
static void
walk_junk(Usage *usage, Level *level, List *targets, TargetEntry *entry)
{
	Walk walk = {.usage = usage, .level = level, .context = USE_PROJECT};
	SubLink *link = (SubLink *) entry->expr;
	Assigned assigned = {.link = link};
	Query *query;
	ListCell *lc;

	if (!IsA(link, SubLink) || link->subLinkType != MULTIEXPR_SUBLINK)
	{
		foreach (lc, targets)
			walk.into = bms_add_members(walk.into, into_of(usage, level, lfirst(lc)));
		(void) usage_walk_expr((Node *) link, &walk);
		return;
	}
	query = castNode(Query, link->subselect);
	assigned.asked = usage_new_asked(list_length(query->targetList));
	for (int i = 0; i < assigned.asked->n; i++)
		assigned.asked->columns[i].context = walk.context;
	foreach (lc, targets)
	{
		assigned.into = into_of(usage, level, lfirst(lc));
		(void) find_assigned((Node *) lfirst_node(TargetEntry, lc)->expr, &assigned);
	}
	usage_walk_query(usage, query, level, assigned.asked, false);
}

/*
 * usage_is_through_view -- was it a view that was written to?  Its defaults come in as if they were the
 * table's, and so do its conditions.
 */
bool
usage_is_through_view(const Query *query)
{
	ListCell *lc;

	foreach (lc, query->rtable)
		if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_RELATION &&
			lfirst_node(RangeTblEntry, lc)->relkind == RELKIND_VIEW)
			return true;
	return false;
}

/*
 * Of a row that is inserted: is it what the table has for whatever is left out?  Of several rows of VALUES
 * some may have NULL there, which anybody may insert.
 */
static bool
is_own_default(const Query *query, Oid relid, const TargetEntry *entry)
{
	Relation relation = table_open(relid, NoLock);
	Node *value = build_column_default(relation, entry->resno);
	const Var *var = (const Var *) entry->expr;
	const RangeTblEntry *rte =
		IsA(var, Var) && var->varlevelsup == 0 ? rt_fetch(var->varno, query->rtable) : NULL;
	ListCell *row;

	table_close(relation, NoLock);
	if (value == NULL || rte == NULL || rte->rtekind != RTE_VALUES)
		return equal(entry->expr, value);
	foreach (row, rte->values_lists)
	{
		Node *item = list_nth(lfirst_node(List, row), var->varattno - 1);

		if (!equal(item, value) && !expression_is_null(item))
			return false;
	}
	return true;
}

/*
 * Does the writer, or a view, fill this column?  The table's default is nobody's choice, whether the column
 * is left out or DEFAULT is written for it; but where it is compared with others, its owner's.  Of a view's
 * own defaults core says nothing: all that it does not name comes from them, or is the table's.
 */
static bool
is_written(const Query *query, const TargetEntry *entry, bool updates, Oid root)
{
	const RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);

	if (!updates && usage_default_is_compared(target->relid, entry->resno, root))
		return true;
	return (usage_is_through_view(query) ||
			bms_is_member(entry->resno - FirstLowInvalidHeapAttributeNumber,
						  updates ? target->updatedCols : target->insertedCols)) &&
		   (updates || !is_own_default(query, target->relid, entry));
}

/* SET doc['a'] = ..., list[1] = ..., whole.part = ...: of the value there is, some is assigned */
static bool
assigns_part(Node *expr)
{
	while (IsA(expr, CoerceToDomain))
		expr = (Node *) ((CoerceToDomain *) expr)->arg;
	return IsA(expr, FieldStore) ||
		   (IsA(expr, SubscriptingRef) && ((SubscriptingRef *) expr)->refassgnexpr != NULL);
}

/* columns that INSERT, UPDATE and MERGE fill */
static void
walk_columns(Usage *usage, Level *level, List *targets, bool updates)
{
	Query *query = level->query;
	RangeTblEntry *target = rt_fetch(query->resultRelation, query->rtable);
	const ProtectedRelation *found = protected_relation(target->relid);
	Oid root = found != NULL ? found->relid : InvalidOid;
	ListCell *lc;

	foreach (lc, targets)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);
		Walk walk = {.usage = usage, .level = level, .context = USE_PROJECT};
		Var *var = (Var *) entry->expr;
		AttrNumber column;

		if (entry->resjunk)
		{
			walk_junk(usage, level, targets, entry);
			continue;
		}
		column = OidIsValid(root) ? usage_root_column(target->relid, entry->resno, root) : 0;
		walk.into = into_of(usage, level, entry);
		/* a column is what it was */
		if (updates && IsA(var, Var) && var->varlevelsup == 0 &&
			(int) var->varno == query->resultRelation && var->varattno == entry->resno)
		{
			usage->left = lappend(usage->left, entry);
			continue;
		}
		if (column > 0 && is_written(query, entry, updates, root))
		{
			UsageWrite *write = palloc0(sizeof(UsageWrite));

			usage_entry(usage, root, column, updates ? USE_WRITE : USE_INSERT, NULL);
			if (updates && assigns_part((Node *) entry->expr))
				usage_entry(usage, root, column, USE_PART, NULL);
			write->query = query;
			write->targets = targets;
			write->entry = entry;
			write->updates = updates;
			write->root = root;
			write->column = column;
			write->number = entry->resno;
			write->encrypted =
				encrypted_code(getBaseType(get_atttype(target->relid, entry->resno))) !=
				ENCRYPTED_NONE;
			usage->writes = lappend(usage->writes, write);
		}
		(void) usage_walk_expr((Node *) entry->expr, &walk);
	}
}

/*
 * usage_arbiters -- the columns that ON CONFLICT finds rows of a protected relation by; those of its
 * root.  Whole rows are in no index.
 */
Bitmapset *
usage_arbiters(Query *query, Oid root)
{
	const OnConflictExpr *conflict = query->onConflict;
	Oid relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	Bitmapset *columns = NULL;
	Bitmapset *result = NULL;
	Oid ignored;

	pull_varattnos((Node *) conflict->arbiterElems, query->resultRelation, &columns);
	if (OidIsValid(conflict->constraint))
		columns = get_relation_constraint_attnos(relid, get_constraint_name(conflict->constraint),
												 false, &ignored);
	for (int i = -1; (i = bms_next_member(columns, i)) >= 0;)
	{
		AttrNumber number = i + FirstLowInvalidHeapAttributeNumber;
		AttrNumber column = number > 0 ? usage_root_column(relid, number, root) : 0;

		if (column > 0)
			result = bms_add_member(result, column);
	}
	return result;
}

/* what a conflict is found by tells of the row that is there; there is no mask for it */
static void
use_arbiters(Usage *usage, Query *query)
{
	const ProtectedRelation *found =
		protected_relation(rt_fetch(query->resultRelation, query->rtable)->relid);
	Oid root = found != NULL ? found->relid : InvalidOid;
	Bitmapset *columns = found != NULL ? usage_arbiters(query, root) : NULL;

	for (int column = -1; (column = bms_next_member(columns, column)) >= 0;)
		usage_entry(usage, root, column, USE_FIND, NULL);
}

static void
walk_conflict(Usage *usage, Level *level, OnConflictExpr *conflict)
{
	Walk walk = {.usage = usage, .level = level, .context = USE_FILTER};

	if (conflict == NULL)
		return;
	use_arbiters(usage, level->query);
	usage_walk_with(&walk, conflict->arbiterWhere, USE_FILTER);
	level->conflicts = true;
	usage_walk_with(&walk, conflict->onConflictWhere, USE_FILTER);
	walk_columns(usage, level, conflict->onConflictSet, true);
	level->conflicts = false;
}

static Wanted
wanted_of(const Asked *asked, AttrNumber column)
{
	return asked != NULL && column <= asked->n ? asked->columns[column - 1] :
												 (Wanted){USE_PROJECT, NULL};
}

static void
walk_modification(Usage *usage, Level *level, const Asked *asked)
{
	Query *query = level->query;
	ListCell *lc;

	if (protected_relation(rt_fetch(query->resultRelation, query->rtable)->relid) != NULL)
		usage->modifies = true;
	/* of others, what a trigger INSTEAD OF them is handed */
	if (query->commandType == CMD_INSERT || query->commandType == CMD_UPDATE)
		walk_columns(usage, level, query->targetList, query->commandType == CMD_UPDATE);
	else
	{
		Walk walk = {.usage = usage, .level = level, .context = USE_PROJECT};

		(void) usage_walk_expr((Node *) query->targetList, &walk);
	}
	walk_conflict(usage, level, query->onConflict);
	foreach (lc, query->mergeActionList)
	{
		MergeAction *action = lfirst_node(MergeAction, lc);
		Walk walk = {.usage = usage, .level = level, .context = USE_FILTER};

		(void) usage_walk_expr(action->qual, &walk);
		if (action->commandType == CMD_INSERT || action->commandType == CMD_UPDATE)
			walk_columns(usage, level, action->targetList, action->commandType == CMD_UPDATE);
	}
	foreach (lc, query->returningList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		walk_target(usage, level, entry, wanted_of(asked, entry->resno), asked != NULL);
	}
}

/* FROM, WHERE and all that is asked of rows */
static void
walk_clauses(Usage *usage, Level *level)
{
	Query *query = level->query;
	Walk walk = {.usage = usage, .level = level, .context = USE_FILTER};
	ListCell *lc;

	(void) usage_walk_expr((Node *) query->jointree, &walk);
	(void) usage_walk_expr(query->limitOffset, &walk);
	(void) usage_walk_expr(query->limitCount, &walk);
	foreach (lc, query->windowClause)
	{
		(void) usage_walk_expr(lfirst_node(WindowClause, lc)->startOffset, &walk);
		(void) usage_walk_expr(lfirst_node(WindowClause, lc)->endOffset, &walk);
	}
	level->beside_groups = query->groupClause != NIL;
	(void) usage_walk_expr(query->havingQual, &walk);
	level->beside_groups = false;
}

/* rows of VALUES, column by column */
static void
walk_values(Usage *usage, Level *level, RangeTblEntry *rte, const Asked *asked)
{
	ListCell *row;
	ListCell *lc;

	foreach (row, rte->values_lists)
		foreach (lc, lfirst_node(List, row))
		{
			Wanted wanted = asked->columns[foreach_current_index(lc)];
			Walk walk = {.usage = usage,
						 .level = level,
						 .context = wanted.context != 0 ? wanted.context : USE_FILTER,
						 .into = wanted.into};

			(void) usage_walk_expr(lfirst(lc), &walk);
		}
}

/* what rows of something that is not a query are made of: used for what the rows are */
static void
walk_made(Usage *usage, Level *level, RangeTblEntry *rte, const Asked *asked)
{
	Walk walk = {.usage = usage, .level = level};

	for (int i = 0; asked != NULL && i < asked->n; i++)
	{
		walk.context |= asked->columns[i].context;
		walk.into = bms_add_members(walk.into, asked->columns[i].into);
	}
	if (walk.context == 0)
		walk.context = USE_FILTER;
	(void) usage_walk_expr((Node *) rte->functions, &walk);
	(void) usage_walk_expr((Node *) rte->tablefunc, &walk);
	walk.context = USE_FILTER;
	(void) usage_walk_expr((Node *) rte->tablesample, &walk);
}

/* of a set operation: its arms' columns are its own */
static void
walk_set(Usage *usage, Level *level, const Asked *asked, bool distinct)
{
	Query *query = level->query;
	Asked *arms = usage_new_asked(list_length(query->targetList));
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk)
			continue;
		arms->columns[entry->resno - 1] = wanted_of(asked, entry->resno);
		if (distinct || is_ordered_by(query, entry))
			arms->columns[entry->resno - 1].context |= USE_FILTER;
	}
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			usage_walk_query(usage, rte->subquery, level, arms, false);
	}
}

static bool
tells_rows_apart(Node *operations)
{
	SetOperationStmt *operation = (SetOperationStmt *) operations;

	if (!IsA(operations, SetOperationStmt))
		return false;
	return operation->op != SETOP_UNION || !operation->all || tells_rows_apart(operation->larg) ||
		   tells_rows_apart(operation->rarg);
}

static void
walk_ctes(Usage *usage, Level *level)
{
	Query *query = level->query;

	/* each may be read by those behind it */
	for (int i = list_length(query->cteList) - 1; i >= 0; i--)
	{
		CommonTableExpr *cte = list_nth_node(CommonTableExpr, query->cteList, i);
		Asked *asked = level->asked[list_length(query->rtable) + i];

		/* a query that reads itself may use its results for anything */
		if (cte->cterecursive)
			for (int column = 0; column < asked->n; column++)
				asked->columns[column].context |= USE_SEEN;
		usage_walk_query(usage, castNode(Query, cte->ctequery), level, asked, !cte->cterecursive);
	}
}

/* what a policy opens, it filters by */
static bool
open_for_policy(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (encrypted_is_opening(node))
		encrypted_open_for((FuncExpr *) node, USE_FILTER);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, open_for_policy, context, 0);
	return expression_tree_walker(node, open_for_policy, context);
}

static void
begin_level(Level *level)
{
	Query *query = level->query;
	int n = list_length(query->rtable);
	ListCell *lc;

	level->asked = palloc0(sizeof(Asked *) * (n + list_length(query->cteList) + 1));
	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			level->asked[foreach_current_index(lc)] =
				usage_new_asked(list_length(rte->subquery->targetList));
		else if (rte->rtekind == RTE_FUNCTION || rte->rtekind == RTE_TABLEFUNC ||
				 rte->rtekind == RTE_VALUES)
			level->asked[foreach_current_index(lc)] = usage_new_asked(usage_n_columns(rte));
	}
	foreach (lc, query->rtable)
		(void) open_for_policy((Node *) lfirst_node(RangeTblEntry, lc)->securityQuals, NULL);
	foreach (lc, query->withCheckOptions)
		(void) open_for_policy(lfirst_node(WithCheckOption, lc)->qual, NULL);
	foreach (lc, query->cteList)
	{
		Query *inside = castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery);

		level->asked[n + foreach_current_index(lc)] = usage_new_asked(
			Max(list_length(inside->targetList), list_length(inside->returningList)));
	}
}

/*
 * What policies ask of their own table's columns is not the reader's use, and is asked of the values that
 * are stored; what they read besides is, and so is a whole row.  Of what is written to, the conditions of
 * views are among them (guard_query.c): these are.
 */
static void
walk_policies(Usage *usage, Level *level)
{
	Query *query = level->query;
	ListCell *lc;

	foreach (lc, query->rtable)
	{
		Index varno = foreach_current_index(lc) + 1;
		Walk walk = {.usage = usage, .level = level, .context = USE_FILTER};
		ListCell *qual;

		foreach (qual, lfirst_node(RangeTblEntry, lc)->securityQuals)
		{
			level->policy_of = policy_is_condition(lfirst(qual)) ? 0 : varno;
			(void) usage_walk_expr(lfirst(qual), &walk);
		}
	}
	foreach (lc, query->withCheckOptions)
	{
		WithCheckOption *check = lfirst_node(WithCheckOption, lc);
		Walk walk = {.usage = usage, .level = level, .context = USE_FILTER};

		level->policy_of = check->kind == WCO_VIEW_CHECK ? 0 : query->resultRelation;
		(void) usage_walk_expr(check->qual, &walk);
	}
	level->policy_of = 0;
}

/*
 *	asked		what its results are used for; NULL: they are sent
 *	hands_on	a result that is a column is used where it arrives
 */
void
usage_walk_query(Usage *usage, Query *query, Level *outer, const Asked *asked, bool hands_on)
{
	Level level = {.outer = outer, .query = query};
	ListCell *lc;

	check_stack_depth();
	begin_level(&level);
	if (query->setOperations != NULL)
	{
		walk_clauses(usage, &level);
		walk_set(usage, &level, asked, tells_rows_apart(query->setOperations));
		walk_ctes(usage, &level);
		return;
	}
	walk_policies(usage, &level);
	foreach (lc, query->rtable)
		/* what is put into a partition, its writer knows; not what ON CONFLICT finds there */
		if (query->commandType != CMD_INSERT || query->onConflict != NULL ||
			foreach_current_index(lc) + 1 != query->resultRelation)
			usage_partition(usage, lfirst_node(RangeTblEntry, lc));
	if (query->commandType != CMD_SELECT)
		walk_modification(usage, &level, asked);
	else
		foreach (lc, query->targetList)
		{
			TargetEntry *entry = lfirst_node(TargetEntry, lc);

			walk_target(usage, &level, entry,
						entry->resjunk ? (Wanted){0, NULL} : wanted_of(asked, entry->resno),
						hands_on);
		}
	walk_clauses(usage, &level);
	/* each may be read by those behind it, LATERAL */
	for (int i = list_length(query->rtable) - 1; i >= 0; i--)
	{
		RangeTblEntry *rte = list_nth_node(RangeTblEntry, query->rtable, i);

		if (rte->rtekind == RTE_SUBQUERY)
			usage_walk_query(usage, rte->subquery, &level, level.asked[i], true);
		else if (rte->values_lists != NIL)
			walk_values(usage, &level, rte, level.asked[i]);
		else if (rte->functions != NIL || rte->tablefunc != NULL || rte->tablesample != NULL)
			walk_made(usage, &level, rte, level.asked[i]);
	}
	walk_ctes(usage, &level);
}

/*
 * usage_of -- the uses of a statement, before it is planned.  What opens an encrypted value is told
 * what for: of columns it is known when the statement begins, of others when they are opened.
 */
Usage *
usage_of(Query *query)
{
	Usage *usage = palloc0(sizeof(Usage));
	ListCell *lc;

	usage_walk_query(usage, query, NULL, NULL, false);
	usage_compared(usage, query);
	foreach (lc, usage->places)
	{
		UsagePlace *place = lfirst(lc);
		int uses = place->context & (USE_SEEN | USE_AGGREGATE);

		if (!IsA(place->node, FuncExpr))
			continue;
		if (OidIsValid(place->root))
			uses = OPENED_DECIDED;
		else if (place->grouped)
			uses = USE_SEEN;
		if (!OidIsValid(place->root) && place->conflicts)
			uses |= OPENED_CONFLICT;
		encrypted_open_for((FuncExpr *) place->node, uses);
	}
	return usage;
}
