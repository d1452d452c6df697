/*
 * usage_apply.c
 *	  Masks put in the places of columns, and columns that are written guarded, in a statement's tree.
 *
 * A place that serves two uses (a result that rows are sorted by) is made two of, where the role is
 * cleared for one of them only.  Where that cannot be (rows are told apart by it, or grouped by
 * something computed of it), the mask stands for both.
 */
#include "compat.h"

#include "catalog.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "usage.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#define SHOWN_USES (USE_PROJECT | USE_AGGREGATE)
#define ALL_USES (USE_PROJECT | USE_AGGREGATE | USE_FILTER)

/* a result that becomes two: what is shown, and what rows are sorted or grouped by */
typedef struct Split
{
	Query *query;
	TargetEntry *shown;
	TargetEntry *sorted;
} Split;

/* a query, on the way inward */
typedef struct Inside
{
	const struct Inside *outer;
	Query *query;
} Inside;

typedef struct Apply
{
	Usage *usage;
	const UsageReader *reader;
	List *forced;       /* of UsagePlace *: groups whose mask stands wherever they do */
	List *splits;       /* of Split * */
	TargetEntry *entry; /* of a split, which is being changed */
	int uses;           /* that count there */
	const Inside *inside;
} Apply;

static bool
is_masked(const Apply *apply, const UsagePlace *place, int uses)
{
	static const int each[] = {USE_PROJECT, USE_FILTER, USE_AGGREGATE};

	if (!OidIsValid(place->root) ||
		(place->filtered &&
		 usage_outcome(apply->reader, place->root, place->column, USE_FILTER) == OUTCOME_MASKED))
		return false;
	for (size_t i = 0; i < lengthof(each); i++)
		if ((place->context & uses & each[i]) != 0 &&
			usage_outcome(apply->reader, place->root, place->column, each[i]) == OUTCOME_MASKED)
			return true;
	return false;
}

/* what of a group the mask must stand for everywhere beside it */
static void
find_forced(Apply *apply)
{
	ListCell *lc;

	foreach (lc, apply->usage->places)
	{
		UsagePlace *place = lfirst(lc);
		bool filtered = is_masked(apply, place, USE_FILTER);

		if (place->var == NULL || !(place->groups || place->distinct))
			continue;
		if (place->distinct || !place->alone)
			filtered = filtered || is_masked(apply, place, SHOWN_USES);
		if (filtered)
			apply->forced = lappend(apply->forced, place);
	}
}

static bool
is_forced(const Apply *apply, const UsagePlace *place)
{
	ListCell *lc;

	if (!place->grouped || place->var == NULL)
		return false;
	foreach (lc, apply->forced)
	{
		UsagePlace *group = lfirst(lc);

		if (group->query == place->query && group->var->varno == place->var->varno &&
			group->var->varattno == place->var->varattno)
			return true;
	}
	return false;
}

static void
find_splits(Apply *apply)
{
	ListCell *lc;

	foreach (lc, apply->usage->places)
	{
		UsagePlace *place = lfirst(lc);
		Split *split;
		ListCell *other;

		if (place->entry == NULL || place->entry->resjunk || place->distinct ||
			(place->groups && !place->alone) || is_forced(apply, place) ||
			is_masked(apply, place, USE_FILTER) == is_masked(apply, place, SHOWN_USES))
			continue;
		foreach (other, apply->splits)
			if (((Split *) lfirst(other))->shown == place->entry)
				break;
		if (other != NULL)
			continue;
		split = palloc0(sizeof(Split));
		split->shown = place->entry;
		apply->splits = lappend(apply->splits, split);
	}
}

static void
make_splits(Apply *apply, Query *query)
{
	ListCell *lc;

	foreach (lc, apply->splits)
	{
		Split *split = lfirst(lc);

		if (!list_member_ptr(query->targetList, split->shown))
			continue;
		split->sorted = flatCopyTargetEntry(split->shown);
		split->sorted->resjunk = true;
		split->sorted->resno = list_length(query->targetList) + 1;
		split->shown->ressortgroupref = 0;
		query->targetList = lappend(query->targetList, split->sorted);
	}
}

/* ---- special categories ---- */

/*
 * The relation that a column is of, where its values are for some subjects only; or NULL.  What is
 * encrypted, too: that is asked about when it is opened.
 */
static const ProtectedRelation *
needs_explicit(const Apply *apply, const Var *var, const RangeTblEntry **rte)
{
	const Inside *inside = apply->inside;
	const ProtectedRelation *found;
	AttrNumber column;

	if (apply->reader->purpose.special != SPECIAL_EXPLICIT_CONSENT || var->varattno <= 0 ||
		apply->reader->bypasses)
		return NULL;
	for (Index up = 0; up < var->varlevelsup; up++)
		inside = inside->outer;
	*rte = rt_fetch(var->varno, inside->query->rtable);
	if ((*rte)->rtekind != RTE_RELATION || (*rte)->relkind == RELKIND_COMPOSITE_TYPE ||
		(found = protected_relation((*rte)->relid)) == NULL)
		return NULL;
	column = usage_root_column((*rte)->relid, var->varattno, found->relid);
	return column > 0 && usage_needs_explicit(apply->reader, found->relid, column) ? found : NULL;
}

static bool
is_encrypted(const Var *var)
{
	return encrypted_code(getBaseType(var->vartype)) != ENCRYPTED_NONE;
}

/* a value, or its mask, of a row about those who have consented explicitly; otherwise NULL */
static Node *
of_explicit(const Apply *apply, const Var *var, Node *value)
{
	const RangeTblEntry *rte;
	const ProtectedRelation *found = needs_explicit(apply, var, &rte);
	Node *permitted;

	if (found == NULL)
		return value;
	permitted = (Node *) policy_explicit(found, rte->relid, var->varno);
	IncrementVarSublevelsUp(permitted, var->varlevelsup, 0);
	return expression_choice(permitted, value, expression_null_of(value));
}

/* where a column stands: what is encrypted is asked about when it is opened */
static Node *
shown_of(const Apply *apply, const Var *var, Node *value)
{
	return is_encrypted(var) ? value : of_explicit(apply, var, value);
}

/*
 * A row that ON CONFLICT finds by a value must be of those whose value it may be used of: it is refused
 * like one that the policy hides, whatever the statement asks of it besides.
 */
static void
find_of_explicit(const Apply *apply, Query *query)
{
	const RangeTblEntry *rte;
	const ProtectedRelation *found;
	ProtectedRelation copy;
	Bitmapset *columns;
	WithCheckOption *check;
	int column = -1;

	if (query->onConflict == NULL || query->onConflict->action != ONCONFLICT_UPDATE)
		return;
	rte = rt_fetch(query->resultRelation, query->rtable);
	if ((found = protected_relation(rte->relid)) == NULL)
		return;
	copy = *found;
	columns = usage_arbiters(query, copy.relid);
	while ((column = bms_next_member(columns, column)) >= 0)
		if (usage_needs_explicit(apply->reader, copy.relid, column))
			break;
	if (column < 0)
		return;
	check = makeNode(WithCheckOption);
	check->kind = WCO_RLS_CONFLICT_CHECK;
	check->relname = get_rel_name(rte->relid);
	check->polname = pstrdup("privseg");
	check->qual = (Node *) policy_explicit(&copy, rte->relid, query->resultRelation);
	query->withCheckOptions = lcons(check, query->withCheckOptions);
}

/* ---- whole rows ---- */

static Node *
row_of(const Apply *apply, const UsagePlace *place, int uses)
{
	RowExpr *row = makeNode(RowExpr);
	RangeTblEntry *rte = rt_fetch(place->var->varno, place->query->rtable);
	ListCell *lc;

	foreach (lc, place->parts)
	{
		UsagePlace part = *(UsagePlace *) lfirst(lc);

		part.context = place->context;
		if (part.var == NULL)
			row->args = lappend(row->args, makeNullConst(INT4OID, -1, InvalidOid));
		else if (is_masked(apply, &part, uses))
			row->args = lappend(row->args,
								shown_of(apply, part.var,
										 usage_mask_of(part.root, part.column, (Node *) part.var)));
		else
			row->args =
				lappend(row->args, shown_of(apply, part.var, copyObject((Node *) part.var)));
	}
	row->row_typeid = place->var->vartype;
	row->row_format = COERCE_IMPLICIT_CAST;
	row->colnames = copyObject(rte->eref->colnames);
	row->location = -1;
	/* where an outer join has found none, there is no row */
	return expression_choice(expression_null_test(copyObject((Node *) place->var), IS_NOT_NULL),
							 (Node *) row, expression_null_of((Node *) place->var));
}

static bool
any_part_is_masked(const Apply *apply, const UsagePlace *place, int uses)
{
	const RangeTblEntry *rte;
	ListCell *lc;

	foreach (lc, place->parts)
	{
		UsagePlace part = *(UsagePlace *) lfirst(lc);

		part.context = place->context;
		if (part.var != NULL &&
			(is_masked(apply, &part, uses) ||
			 (!is_encrypted(part.var) && needs_explicit(apply, part.var, &rte) != NULL)))
			return true;
	}
	return false;
}

/* ---- columns that are written ---- */

/*
 * What is written, where writing back what was shown leaves the stored value as it was.
 *	refuses	anything else, when it comes: of whoever may not write the column
 */
static Expr *
kept(const Apply *apply, const UsageWrite *write, Expr *expr, bool refuses)
{
	Oid relid = rt_fetch(write->query->resultRelation, write->query->rtable)->relid;
	Oid type;
	int32 typmod;
	Oid collation;
	Node *stored;
	Node *shown;
	Node *name;

	get_atttypetypmodcoll(relid, write->number, &type, &typmod, &collation);
	stored =
		(Node *) makeVar(write->query->resultRelation, write->number, type, typmod, collation, 0);
	shown = stored;
	if (!write->updates)
		stored = shown = expression_null_of(stored);
	else
	{
		if (usage_outcome(apply->reader, write->root, write->column, USE_PROJECT) != OUTCOME_SHOWN)
			shown = usage_mask_of(write->root, write->column, stored);
		shown = of_explicit(apply, (Var *) stored, shown);
	}
	name =
		refuses ?
			(Node *) makeConst(TEXTOID, -1, DEFAULT_COLLATION_OID, -1,
							   CStringGetTextDatum(usage_column_name(write->root, write->column)),
							   false, false) :
			(Node *) makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID);
	return (Expr *) makeFuncExpr(catalog_function_oid(CATALOG_UNCHANGED), type,
								 list_make4(expr, shown, stored, name), collation, collation,
								 COERCE_EXPLICIT_CALL);
}

/* is something written there that was read, and not shown as it is to everybody? */
static bool
takes_unshown(const Apply *apply, const UsageWrite *write)
{
	ListCell *lc;

	foreach (lc, apply->usage->entries)
	{
		const UsageEntry *entry = lfirst(lc);

		if (entry->into.root == write->root && entry->into.column == write->column &&
			(usage_needs_explicit(apply->reader, entry->root, entry->column) ||
			 usage_outcome(apply->reader, entry->root, entry->column, entry->use) != OUTCOME_SHOWN))
			return true;
	}
	return false;
}

/*
 * Whoever may not write a column may write back what was shown.  Who may, does not lose by it what
 * the statement itself has read: for others the value that is not shown would be gone.
 */
static Expr *
written(const Apply *apply, const UsageWrite *write, Expr *expr)
{
	UsageOutcome outcome = usage_outcome(apply->reader, write->root, write->column,
										 write->updates ? USE_WRITE : USE_INSERT);

	if (outcome == OUTCOME_GUARDED && !write->encrypted)
		return kept(apply, write, expr, true);
	if (outcome == OUTCOME_SHOWN && write->updates && takes_unshown(apply, write))
		return kept(apply, write, expr, false);
	return expr;
}

static UsageWrite *
write_of(const Apply *apply, const TargetEntry *entry)
{
	ListCell *lc;

	foreach (lc, apply->usage->writes)
		if (((UsageWrite *) lfirst(lc))->entry == entry)
			return lfirst(lc);
	return NULL;
}

/* ---- the tree ---- */

static Node *
replacement(const Apply *apply, Node *node)
{
	ListCell *lc;

	foreach (lc, apply->usage->places)
	{
		UsagePlace *place = lfirst(lc);
		int uses = ALL_USES;

		if (place->node != node)
			continue;
		if (place->entry != NULL && place->entry == apply->entry)
			uses = apply->uses;
		if (place->parts != NIL)
			return any_part_is_masked(apply, place, uses) ? row_of(apply, place, uses) : NULL;
		if (is_masked(apply, place, uses) || is_forced(apply, place))
			return usage_mask_of(place->root, place->column, node);
		return NULL;
	}
	return NULL;
}

static Node *
apply_mutator(Node *node, Apply *apply)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		Apply inside = *apply;
		Inside query = {apply->inside, (Query *) node};

		inside.inside = &query;
		make_splits(apply, (Query *) node);
		node = (Node *) query_tree_mutator((Query *) node, apply_mutator, &inside,
										   QTW_DONT_COPY_QUERY);
		/* what is asked of whom a row is about, has no mask */
		find_of_explicit(apply, (Query *) node);
		return node;
	}
	if (IsA(node, Var) || IsA(node, FuncExpr))
	{
		Node *instead = replacement(apply, node);

		if (instead == NULL && IsA(node, Var))
			instead = copyObject(node);
		/* policies ask whoever consents to what */
		if (list_member_ptr(apply->usage->asked, node))
			return instead;
		if (instead != NULL)
			return IsA(node, Var) ? shown_of(apply, (Var *) node, instead) : instead;
	}
	/* what conflicts are found by, is looked up in an index */
	if (IsA(node, InferenceElem))
		return copyObject(node);
	if (IsA(node, TargetEntry))
	{
		Apply inside = *apply;
		UsageWrite *write = write_of(apply, (TargetEntry *) node);
		TargetEntry *result;
		ListCell *lc;

		if (list_member_ptr(apply->usage->left, node))
			return copyObject(node);
		foreach (lc, apply->splits)
		{
			Split *split = lfirst(lc);

			if (node != (Node *) split->shown && node != (Node *) split->sorted)
				continue;
			inside.entry = split->shown;
			inside.uses = node == (Node *) split->shown ? SHOWN_USES : USE_FILTER;
		}
		result = (TargetEntry *) expression_tree_mutator(node, apply_mutator, &inside);
		if (write != NULL)
			result->expr = written(apply, write, result->expr);
		return (Node *) result;
	}
	return expression_tree_mutator(node, apply_mutator, apply);
}

/* usage_apply -- change a statement to what its reader is shown, and may write */
void
usage_apply(Query *query, Usage *usage, const UsageReader *reader)
{
	Apply apply = {.usage = usage, .reader = reader};

	find_forced(&apply);
	find_splits(&apply);
	(void) apply_mutator((Node *) query, &apply);
}
