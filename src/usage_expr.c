/*
 * usage_expr.c
 *	  Which columns an expression uses, and for what.
 */
#include "compat.h"

#include "access/sysattr.h"
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
#include "policy_reviewed.h"
#include "usage_walk.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static Node *
without_labels(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

static void
use_var(Walk *walk, Node *node, Var *var)
{
	Level *level = walk->level;
	int context = walk->context;

	for (Index up = 0; up < var->varlevelsup; up++)
		level = level->outer;
	/* an encrypted value that is only handed on, too: where it goes, its length and its NULL can be seen */
	context &= USE_SEEN | USE_AGGREGATE;
	if (context == 0 || (var->varattno < 0 && var->varattno != TableOidAttributeNumber))
		return;
	/* of an outer query's row an aggregate is of one row */
	if ((context & USE_AGGREGATE) != 0 && level != walk->aggregate && walk->aggregate != NULL)
		context = (context & ~USE_AGGREGATE) | USE_PROJECT;
	usage_column(walk, level, var->varno, var->varattno, context);
	if (var->varattno >= 0)
		usage_place(walk, node, var, context);
}

/*
 * usage_is_of_groups -- is it one of core's aggregates that tell of a group, and of no row in it?
 * The others carry rows: they show what they are made of.
 */
bool
usage_is_of_groups(Oid aggregate)
{
	static const char *const names[] = {
		"count",     "sum",       "avg",        "stddev",         "stddev_pop", "stddev_samp",
		"variance",  "var_pop",   "var_samp",   "corr",           "covar_pop",  "covar_samp",
		"regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",    "regr_slope",
		"regr_sxx",  "regr_sxy",  "regr_syy"};

	return aggregate < FirstNormalObjectId &&
		   name_is_among(get_func_name(aggregate), names, lengthof(names));
}

/* usage_walk_with -- an expression that is used for something else than what it is in */
void
usage_walk_with(Walk *walk, Node *node, int context)
{
	Walk inside = *walk;

	inside.context = context;
	(void) usage_walk_expr(node, &inside);
}

static void
walk_aggregate(Walk *walk, Aggref *aggregate)
{
	Level *level = walk->level;
	bool beside_groups;
	Walk inside = *walk;
	ListCell *lc;

	for (Index up = 0; up < aggregate->agglevelsup; up++)
		level = level->outer;
	beside_groups = level->beside_groups;
	level->beside_groups = false;
	inside.entry = NULL;
	inside.groups = inside.distinct = inside.alone = false;
	foreach (lc, aggregate->args)
	{
		TargetEntry *argument = lfirst_node(TargetEntry, lc);

		inside.context = walk->context | USE_PROJECT;
		inside.into = walk->into;
		if (usage_is_of_groups(aggregate->aggfnoid))
		{
			inside.context = USE_AGGREGATE;
			inside.into = NULL;
			inside.aggregate = level;
			inside.chosen = (walk->context & USE_FILTER) != 0;
		}
		if (usage_is_sorted_by(aggregate->aggorder, argument))
			inside.context |= USE_FILTER;
		/* what is only sorted by is no more than that */
		if (argument->resjunk)
		{
			inside.context = USE_FILTER;
			inside.into = NULL;
		}
		(void) usage_walk_expr((Node *) argument->expr, &inside);
	}
	inside.context = USE_FILTER;
	(void) usage_walk_expr((Node *) aggregate->aggfilter, &inside);
	level->beside_groups = beside_groups;
	/* these are computed of the group */
	usage_walk_with(walk, (Node *) aggregate->aggdirectargs, walk->context);
}

Asked *
usage_new_asked(int n)
{
	Asked *asked = palloc0(offsetof(Asked, columns) + sizeof(Wanted) * Max(n, 1));

	asked->n = n;
	return asked;
}

static void
walk_conditions(Walk *walk, CaseExpr *choice)
{
	ListCell *lc;

	usage_walk_with(walk, (Node *) choice->arg, USE_FILTER);
	foreach (lc, choice->args)
		usage_walk_with(walk, (Node *) lfirst_node(CaseWhen, lc)->expr, USE_FILTER);
}

/* what is compared with each WHEN is handed to its operator */
static bool
is_told_by_when(const CaseExpr *choice)
{
	ListCell *lc;

	foreach (lc, choice->args)
		if (usage_any_tells((Node *) lfirst_node(CaseWhen, lc)->expr))
			return true;
	return false;
}

static void
walk_sublink(Walk *walk, SubLink *link)
{
	Query *query = castNode(Query, link->subselect);
	Asked *asked = usage_new_asked(list_length(query->targetList));

	if (link->subLinkType != EXISTS_SUBLINK)
		for (int i = 0; i < asked->n; i++)
			asked->columns[i] = (Wanted){
				walk->context | (usage_any_tells(link->testexpr) ? USE_PROJECT : 0), walk->into};
	usage_walk_with(walk, link->testexpr, walk->context);
	usage_walk_query(walk->usage, query, walk->level, asked, false);
}

/*
 * The text of an encrypted value, as core makes it where one is assigned to a varchar: it is made of what
 * is inside, by a call that is told what for, and is NULL where that is not opened.
 */
static void
open_for_text(CoerceViaIO *text)
{
	Oid type = getBaseType(exprType((Node *) text->arg));
	EncryptedCode code = encrypted_code(type);

	if (code != ENCRYPTED_NONE)
		text->arg = (Expr *) makeFuncExpr(catalog_function_of_types("opened", type, InvalidOid),
										  encrypted_types[code].base, list_make1(text->arg),
										  get_typcollation(encrypted_types[code].base), InvalidOid,
										  COERCE_IMPLICIT_CAST);
}

/* also in a subquery of the policy */
static bool
is_asked_by_policy(const Walk *walk, const Var *var)
{
	const Level *level = walk->level;

	for (Index up = 0; up < var->varlevelsup; up++)
		level = level->outer;
	return level->policy_of == (Index) var->varno && var->varattno > 0;
}

bool
usage_walk_expr(Node *node, Walk *walk)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	switch (nodeTag(node))
	{
		case T_Var:
			/* a policy asks about its own table's columns for everybody */
			if (is_asked_by_policy(walk, (Var *) node))
			{
				walk->usage->asked = lappend(walk->usage->asked, node);
				return false;
			}
			use_var(walk, node, (Var *) node);
			return false;
		case T_FuncExpr:
			/* a key is all that it asks for */
			if (policy_is_ours(node))
				return false;
			if (encrypted_is_opening(node))
			{
				Node *argument = without_labels(linitial(((FuncExpr *) node)->args));

				if (IsA(argument, Var))
				{
					use_var(walk, node, (Var *) argument);
					return false;
				}
				usage_place(walk, node, NULL, walk->context);
			}
			break;
		case T_Aggref:
			walk_aggregate(walk, (Aggref *) node);
			return false;
		case T_GroupingFunc:
			return false;
		case T_WindowFunc:
			usage_walk_with(walk, (Node *) ((WindowFunc *) node)->args,
							walk->context | (usage_tells(node) ? USE_PROJECT : 0));
			usage_walk_with(walk, (Node *) ((WindowFunc *) node)->aggfilter, USE_FILTER);
			return false;
		case T_SubLink:
			walk_sublink(walk, (SubLink *) node);
			return false;
		case T_CoerceViaIO:
			open_for_text((CoerceViaIO *) node);
			break;
		case T_CaseExpr:
			/* what an aggregate takes by a condition it takes as by FILTER */
			if ((walk->context & USE_AGGREGATE) != 0)
				walk_conditions(walk, (CaseExpr *) node);
			if (((CaseExpr *) node)->arg != NULL && is_told_by_when((CaseExpr *) node))
				usage_walk_with(walk, (Node *) ((CaseExpr *) node)->arg,
								walk->context | USE_PROJECT);
			break;
		default:
			break;
	}
	/* who may compare a value is not to be told it */
	if ((walk->context & USE_SEEN) == USE_FILTER && usage_tells(node))
	{
		Walk inside = *walk;

		inside.context |= USE_PROJECT;
		inside.alone = false;
		return expression_tree_walker(node, usage_walk_expr, &inside);
	}
	/* what is more than one column is no longer the entry alone; conditions are looked at */
	if (walk->alone)
	{
		Walk inside = *walk;

		inside.alone = IsA(node, RelabelType);
		return expression_tree_walker(node, usage_walk_expr, &inside);
	}
	return expression_tree_walker(node, usage_walk_expr, walk);
}
