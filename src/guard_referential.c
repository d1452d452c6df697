/*
 * guard_referential.c
 *	  Core's own queries for foreign keys, which must see all rows: hidden ones
 *	  are referenced, and cascade, like any other.
 *
 * Core runs them through SPI, so they look like anybody's.  What tells them is the
 * security context in which they are handed over: only core sets it, and
 * policy_carry.c.  Code of users that then runs inside of them -- triggers, defaults,
 * operators -- does not run in it (policy_context_enter()).
 *
 * And nothing but the exact query is exempt: the foreign key's own operators on just
 * its columns, with no value in the result that the foreign key's own check does not
 * tell.  Any other query in that context is refused if it touches a protected
 * relation, never filtered: a foreign key that sees a part of the rows is broken.
 *
 * What a cascade does to hidden rows is guard_cascade.c's.
 *
 * A foreign key that is added or validated is checked row by row, by the same
 * queries: core's shortcut is not allowed (guard_permissions()).
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static Oid
owner_of(Oid relid)
{
	FormData_pg_class class;

	return catalog_class(relid, &class) ? class.relowner : InvalidOid;
}

/* ---- which foreign keys there are ---- */

/* columns, each compared by an operator */
typedef struct ComparedKey
{
	int n;
	AttrNumber columns[INDEX_MAX_KEYS];
	Oid operators[INDEX_MAX_KEYS];
} ComparedKey;

/* would such an operator be shown the rows by its owner's leave, and by core's? */
static bool
is_trusted_operator(Oid operator)
{
	Oid function = get_opcode(operator);
	HeapTuple tuple;
	Form_pg_proc form;
	bool result;

	if (operator<FirstNormalObjectId)
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = (form->prolang == ClanguageId || form->prolang == INTERNALlanguageId) &&
			 superuser_arg(form->proowner);
	ReleaseSysCache(tuple);
	return result;
}

static bool
is_compared(const ComparedKey *key, AttrNumber column, Oid operator, Oid other)
{
	for (int i = 0; i < key->n; i++)
		if (key->columns[i] == column &&
			(key->operators[i] == operator|| key->operators[i] == other))
			return is_trusted_operator(key->operators[i]);
	return false;
}

/* is it the key of a foreign key from the relation, or to it? */
static bool
foreign_key_exists(Oid relid, bool to, const ComparedKey *key)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0], to ? Anum_pg_constraint_confrelid : Anum_pg_constraint_conrelid,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_constraint_contype, BTEqualStrategyNumber, F_CHAREQ,
				CharGetDatum(CONSTRAINT_FOREIGN));
	scan = systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, !to, NULL, to ? 2 : 1,
							  keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		AttrNumber conkey[INDEX_MAX_KEYS];
		AttrNumber confkey[INDEX_MAX_KEYS];
		Oid pf_operators[INDEX_MAX_KEYS];
		Oid pp_operators[INDEX_MAX_KEYS];
		Oid ff_operators[INDEX_MAX_KEYS];
		int n;

		if (((Form_pg_constraint) GETSTRUCT(tuple))->contype != CONSTRAINT_FOREIGN)
			continue;
		DeconstructFkConstraintRow(tuple, &n, conkey, confkey, pf_operators, pp_operators,
								   ff_operators, NULL, NULL);
		found = n == key->n;
		for (int i = 0; found && i < n; i++)
			found = to ? is_compared(key, confkey[i], pf_operators[i], pp_operators[i]) :
						 is_compared(key, conkey[i], pf_operators[i], pf_operators[i]);
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return found;
}

/* ---- what its queries look like ---- */

/* casts as core writes them: to the type that the operator takes */
static Node *
strip_casts(Node *node)
{
	for (;;)
	{
		if (node != NULL && IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (node != NULL && IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (node != NULL && IsA(node, FuncExpr) &&
				 (((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST ||
				  ((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CAST) &&
				 ((FuncExpr *) node)->funcid < FirstNormalObjectId)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* the column that the expression is, casts aside; or 0 */
static AttrNumber
column_of(Node *node)
{
	node = strip_casts(node);
	if (node == NULL || !IsA(node, Var) || ((Var *) node)->varno != 1 ||
		((Var *) node)->varlevelsup != 0 || ((Var *) node)->varattno <= 0)
		return InvalidAttrNumber;
	return ((Var *) node)->varattno;
}

static bool
is_parameter(Node *node)
{
	node = strip_casts(node);
	return node != NULL && IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN;
}

/* the columns that are compared, each with a parameter, and nothing else */
static bool
compared_key(Node *quals, ComparedKey *key)
{
	ListCell *lc;

	key->n = 0;
	foreach (lc, make_ands_implicit((Expr *) quals))
	{
		OpExpr *op = lfirst(lc);
		AttrNumber left;
		AttrNumber right;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || key->n == INDEX_MAX_KEYS)
			return false;
		left = column_of(linitial(op->args));
		right = column_of(lsecond(op->args));
		if (!(left != InvalidAttrNumber && is_parameter(lsecond(op->args))) &&
			!(right != InvalidAttrNumber && is_parameter(linitial(op->args))))
			return false;
		key->columns[key->n] = left != InvalidAttrNumber ? left : right;
		key->operators[key->n] = op->opno;
		key->n++;
	}
	return key->n > 0;
}

/* has a query nothing of what it can have but a WHERE clause? */
static bool
is_bare(Query *query)
{
	return query->cteList == NIL && !query->hasAggs && !query->hasWindowFuncs &&
		   !query->hasTargetSRFs && !query->hasSubLinks && !query->hasModifyingCTE &&
		   query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == NULL &&
		   query->windowClause == NIL && query->distinctClause == NIL && query->sortClause == NIL &&
		   query->limitOffset == NULL && query->limitCount == NULL &&
		   query->setOperations == NULL && query->returningList == NIL &&
		   query->onConflict == NULL && query->jointree != NULL;
}

/* is the result one that the query's own check tells, and no other? */
static bool
result_tells_nothing(Query *query, bool carrying)
{
	/* the subject is read beside the key */
	return query->rowMarks != NIL && list_length(query->targetList) == 1 &&
		   (carrying || IsA(linitial_node(TargetEntry, query->targetList)->expr, Const));
}

/* a cascade sets the key's columns, to values it brings or to their defaults */
static bool
sets_key_only(Query *query, const ComparedKey *key, bool carrying)
{
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		bool found = false;

		/* a column is set to itself, for the trigger to fill it anew */
		if (carrying && column_of((Node *) target->expr) == target->resno)
			continue;
		for (int i = 0; i < key->n; i++)
			found = found || key->columns[i] == target->resno;
		if (!found || contain_var_clause((Node *) target->expr))
			return false;
	}
	return true;
}

/*
 * A check of a referenced row, or an action on referencing ones (ri_triggers.c):
 * SELECT 1 ... FOR KEY SHARE, DELETE, UPDATE of the key's columns.
 */
static Oid
action_on(Query *query, const PolicyContext *context)
{
	RangeTblEntry *rte;
	ComparedKey key;
	bool carrying;

	if (list_length(query->rtable) != 1 || !is_bare(query))
		return InvalidOid;
	rte = linitial_node(RangeTblEntry, query->rtable);
	/* nor has it a policy: core's rewriter adds none in that context */
	if (rte->rtekind != RTE_RELATION || rte->tablesample != NULL || rte->securityQuals != NIL ||
		owner_of(rte->relid) != GetUserId())
		return InvalidOid;
	carrying = context->carrying == rte->relid;
	if (!compared_key(query->jointree->quals, &key) &&
		!(carrying && query->jointree->quals == NULL))
		return InvalidOid;
	switch (query->commandType)
	{
		case CMD_SELECT:
			if (key.n > 0 && result_tells_nothing(query, carrying) &&
				(foreign_key_exists(rte->relid, true, &key) ||
				 foreign_key_exists(rte->relid, false, &key)))
				return rte->relid;
			return InvalidOid;
		case CMD_UPDATE:
			if (!sets_key_only(query, &key, carrying))
				return InvalidOid;
			return key.n == 0 || foreign_key_exists(rte->relid, false, &key) ? rte->relid :
																			   InvalidOid;
		case CMD_DELETE:
			return foreign_key_exists(rte->relid, false, &key) ? rte->relid : InvalidOid;
		default:
			return InvalidOid;
	}
}

static bool
touches_protected(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ListCell *lc;

		foreach (lc, ((Query *) node)->rtable)
		{
			RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

			if (rte->rtekind == RTE_RELATION && protected_relation(rte->relid) != NULL)
				return true;
		}
		return query_tree_walker((Query *) node, touches_protected, NULL, 0);
	}
	return expression_tree_walker(node, touches_protected, NULL);
}

/*
 * policy_carry.c names the relation in the text of its query, and what has that name now may
 * be another: its owner moves it, or the schema, while a statement runs.
 */
static void
require_carried(Query *query, Oid relid)
{
	RangeTblEntry *rte = list_length(query->rtable) == 1 ? linitial(query->rtable) : NULL;

	if (rte != NULL && rte->rtekind == RTE_RELATION && rte->relid == relid)
		return;
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("relation \"%s\" was given another name while its subjects were looked up",
					get_rel_name(relid)),
			 errhint("Run the statement again.")));
}

/*
 * guard_referential -- is this whole statement one of core's referential
 * queries?  Then it has no policy after this call, but that a cascade may end at
 * a hidden row.
 *	context		in which it was handed over
 *
 * Returns the relation, for guard_may_run_referential(), or InvalidOid.
 */
Oid
guard_referential(Query *query, const PolicyContext *context)
{
	Oid relid;

	if (!context->referential)
		return InvalidOid;
	if (OidIsValid(context->carrying))
		require_carried(query, context->carrying);
	relid = action_on(query, context);
	if (OidIsValid(relid))
		guard_cascade(query);
	else if (touches_protected((Node *) query, NULL))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("the query of a foreign key on a protected relation is not one that is known"),
			 errdetail("A rule may have rewritten it, or an operator or a cast of the key is not "
					   "trusted."),
			 errhint(
				 "Operators of keys belong to a superuser and are written in C; take rules off the referencing table.")));
	return relid;
}

/* guard_may_run_referential -- may such a plan, once made, run here and now? */
bool
guard_may_run_referential(Oid relid, const PolicyContext *context)
{
	return context->referential && owner_of(relid) == GetUserId();
}

/*
 * guard_permissions -- for core's permission hook.
 *
 * Core validates a foreign key by a query of its own over both tables, as whoever
 * runs the command and without saying that it does.  Where it may not read them it
 * asks row by row instead, as for new rows; so it is told that it may not.
 */
bool
guard_permissions(List *range_table, bool raises)
{
	ListCell *lc;

	/* core's only caller that is content with "no" */
	if (raises)
		return true;
	foreach (lc, range_table)
		if (protected_relation(lfirst_node(RangeTblEntry, lc)->relid) != NULL)
			return false;
	return true;
}
