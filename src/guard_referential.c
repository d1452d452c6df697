/*
 * guard_referential.c
 *	  Core's own queries for foreign keys, which must see all rows: hidden ones
 *	  are referenced, cascade, and are validated like any other.
 *
 * Core runs them through SPI in the middle of statements in which code of users
 * runs, too: triggers that a cascade fires, functions in a CHECK that the same
 * ALTER TABLE validates.  So nothing but the exact query is exempt: built-in
 * equality on just the columns of a foreign key that exists, as the owner of
 * the relation where core becomes the owner, and no value comes out that the
 * foreign key's own check does not tell.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

bool guard_validating = false;

static Oid
owner_of(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* ---- which foreign keys there are ---- */

static Bitmapset *
columns_of(const AttrNumber *numbers, int n)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < n; i++)
		columns = bms_add_member(columns, numbers[i]);
	return columns;
}

/*
 * Is there a foreign key from these columns, or to those?
 *	from, to				the relations; InvalidOid: any
 *	from_columns, to_columns	NULL: any
 */
static bool
foreign_key_exists(Oid from, const Bitmapset *from_columns, Oid to, const Bitmapset *to_columns)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&keys[0],
				OidIsValid(from) ? Anum_pg_constraint_conrelid : Anum_pg_constraint_confrelid,
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(OidIsValid(from) ? from : to));
	ScanKeyInit(&keys[1], Anum_pg_constraint_contype, BTEqualStrategyNumber, F_CHAREQ,
				CharGetDatum(CONSTRAINT_FOREIGN));
	scan = systable_beginscan(constraints, ConstraintRelidTypidNameIndexId, OidIsValid(from), NULL,
							  OidIsValid(from) ? 1 : 2, keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint constraint = (Form_pg_constraint) GETSTRUCT(tuple);
		AttrNumber conkey[INDEX_MAX_KEYS];
		AttrNumber confkey[INDEX_MAX_KEYS];
		Oid operators[3][INDEX_MAX_KEYS];
		int n;

		if (constraint->contype != CONSTRAINT_FOREIGN ||
			(OidIsValid(from) && constraint->conrelid != from) ||
			(OidIsValid(to) && constraint->confrelid != to))
			continue;
		DeconstructFkConstraintRow(tuple, &n, conkey, confkey, operators[0], operators[1],
								   operators[2], NULL, NULL);
		found = (from_columns == NULL || bms_equal(columns_of(conkey, n), from_columns)) &&
				(to_columns == NULL || bms_equal(columns_of(confkey, n), to_columns));
	}
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
	return found;
}

/* ---- what its queries look like ---- */

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
				 ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST &&
				 ((FuncExpr *) node)->funcid < FirstNormalObjectId &&
				 list_length(((FuncExpr *) node)->args) == 1)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

static AttrNumber
column_of(Node *node, Index varno)
{
	node = strip_casts(node);
	if (node == NULL || !IsA(node, Var) || ((Var *) node)->varno != (int) varno ||
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

/* an operator of a user would be shown the rows */
static bool
is_equality(Node *node)
{
	OpExpr *op = (OpExpr *) node;
	char *name;

	if (node == NULL || !IsA(node, OpExpr) || op->opno >= FirstNormalObjectId ||
		list_length(op->args) != 2)
		return false;
	name = get_opname(op->opno);
	return name != NULL && strcmp(name, "=") == 0;
}

/* columns of the relation that are compared, each with a parameter; or NULL */
static Bitmapset *
compared_columns(Node *quals, Index varno)
{
	Bitmapset *columns = NULL;
	ListCell *lc;

	foreach (lc, make_ands_implicit((Expr *) quals))
	{
		OpExpr *op = lfirst(lc);
		AttrNumber column;

		if (!is_equality((Node *) op))
			return NULL;
		column = column_of(linitial(op->args), varno);
		if (column != InvalidAttrNumber ? !is_parameter(lsecond(op->args)) :
										  !is_parameter(linitial(op->args)))
			return NULL;
		if (column == InvalidAttrNumber)
			column = column_of(lsecond(op->args), varno);
		if (column == InvalidAttrNumber)
			return NULL;
		columns = bms_add_member(columns, column);
	}
	return columns;
}

/*
 * A check of a referenced row, or an action on referencing ones (ri_triggers.c):
 * SELECT 1 ... FOR KEY SHARE, DELETE, UPDATE of the key's columns.
 */
static Oid
action_on(Query *query)
{
	RangeTblEntry *rte;
	Bitmapset *columns;
	ListCell *lc;

	if (!InNoForceRLSOperation() || list_length(query->rtable) != 1 || query->cteList != NIL ||
		query->returningList != NIL || query->hasSubLinks || query->hasAggs ||
		query->hasTargetSRFs || query->jointree == NULL || query->sortClause != NIL ||
		query->limitCount != NULL)
		return InvalidOid;
	rte = linitial_node(RangeTblEntry, query->rtable);
	if (rte->rtekind != RTE_RELATION || rte->tablesample != NULL ||
		owner_of(rte->relid) != GetUserId())
		return InvalidOid;
	columns = compared_columns(query->jointree->quals, 1);
	if (columns == NULL)
		return InvalidOid;
	switch (query->commandType)
	{
		case CMD_SELECT:
			/* carry_subject's trigger reads the subject beside the key */
			if (query->rowMarks == NIL || list_length(query->targetList) != 1 ||
				(!IsA(linitial_node(TargetEntry, query->targetList)->expr, Const) &&
				 !policy_carrying_subject))
				return InvalidOid;
			if (foreign_key_exists(InvalidOid, NULL, rte->relid, columns))
				return rte->relid;
			break;
		case CMD_UPDATE:
			foreach (lc, query->targetList)
			{
				TargetEntry *target = lfirst_node(TargetEntry, lc);

				/* carry_on() has the trigger fill a column anew */
				if (policy_carrying_subject && column_of((Node *) target->expr, 1) == target->resno)
					continue;
				if (!bms_is_member(target->resno, columns) ||
					(!is_parameter((Node *) target->expr) &&
					 !IsA(strip_casts((Node *) target->expr), Const)))
					return InvalidOid;
			}
			break;
		case CMD_DELETE:
			break;
		default:
			return InvalidOid;
	}
	return foreign_key_exists(rte->relid, columns, InvalidOid, NULL) ? rte->relid : InvalidOid;
}

/* is NOT NULL asked of columns of the referencing relation, and nothing else? */
static bool
asks_not_null(Node *node, Index varno)
{
	ListCell *lc;

	if (IsA(node, NullTest))
		return ((NullTest *) node)->nulltesttype == IS_NOT_NULL &&
			   column_of((Node *) ((NullTest *) node)->arg, varno) != InvalidAttrNumber;
	if (!IsA(node, BoolExpr) || ((BoolExpr *) node)->boolop == NOT_EXPR)
		return false;
	foreach (lc, ((BoolExpr *) node)->args)
		if (!asks_not_null(lfirst(lc), varno))
			return false;
	return true;
}

/*
 * The query that validates a foreign key: keys of referencing rows, left joined
 * to what they reference, where there is none.
 */
static Oid
validation_of(Query *query)
{
	JoinExpr *join;
	Index from;
	Index to;
	RangeTblEntry *referencing;
	RangeTblEntry *referenced;
	Bitmapset *from_columns = NULL;
	Bitmapset *to_columns = NULL;
	bool unmatched = false;
	ListCell *lc;

	if (!guard_validating || query->commandType != CMD_SELECT || list_length(query->rtable) != 3 ||
		query->hasAggs || query->hasSubLinks || query->hasTargetSRFs || query->cteList != NIL ||
		query->jointree == NULL || list_length(query->jointree->fromlist) != 1 ||
		!IsA(linitial(query->jointree->fromlist), JoinExpr))
		return InvalidOid;
	join = linitial_node(JoinExpr, query->jointree->fromlist);
	if (join->jointype != JOIN_LEFT || !IsA(join->larg, RangeTblRef) ||
		!IsA(join->rarg, RangeTblRef))
		return InvalidOid;
	from = ((RangeTblRef *) join->larg)->rtindex;
	to = ((RangeTblRef *) join->rarg)->rtindex;
	referencing = rt_fetch(from, query->rtable);
	referenced = rt_fetch(to, query->rtable);
	if (referencing->rtekind != RTE_RELATION || referenced->rtekind != RTE_RELATION ||
		referencing->tablesample != NULL || referenced->tablesample != NULL)
		return InvalidOid;

	foreach (lc, make_ands_implicit((Expr *) join->quals))
	{
		OpExpr *op = lfirst(lc);

		if (!is_equality((Node *) op) || column_of(linitial(op->args), to) == InvalidAttrNumber ||
			column_of(lsecond(op->args), from) == InvalidAttrNumber)
			return InvalidOid;
		to_columns = bms_add_member(to_columns, column_of(linitial(op->args), to));
		from_columns = bms_add_member(from_columns, column_of(lsecond(op->args), from));
	}
	foreach (lc, make_ands_implicit((Expr *) query->jointree->quals))
	{
		NullTest *test = lfirst(lc);

		if (IsA(test, NullTest) && test->nulltesttype == IS_NULL &&
			bms_is_member(column_of((Node *) test->arg, to), to_columns))
			unmatched = true;
		else if (!asks_not_null((Node *) test, from))
			return InvalidOid;
	}
	if (!unmatched || from_columns == NULL)
		return InvalidOid;
	foreach (lc, query->targetList)
		if (!bms_is_member(column_of((Node *) lfirst_node(TargetEntry, lc)->expr, from),
						   from_columns))
			return InvalidOid;
	if (!foreign_key_exists(referencing->relid, from_columns, referenced->relid, to_columns))
		return InvalidOid;
	return referencing->relid;
}

/* take out what core's rewriter has put in for an owner under FORCE */
static void
drop_policy(Query *query)
{
	Index varno = 0;
	ListCell *lc;

	foreach (lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		const ProtectedRelation *entry =
			rte->rtekind == RTE_RELATION ? protected_relation(rte->relid) : NULL;
		List *policy;
		ListCell *qual;

		varno++;
		if (entry == NULL)
			continue;
		policy = policy_read_quals(entry, rte->relid, varno);
		foreach (qual, rte->securityQuals)
			if (policy_is_on(lfirst(qual), policy, NIL))
				rte->securityQuals = foreach_delete_current(rte->securityQuals, qual);
	}
}

/*
 * guard_referential -- is this whole statement one of core's referential
 * queries?  Then it has no policy after this call.
 *	relid	of the relation that guard_may_run_referential() is to ask about
 */
ReferentialKind
guard_referential(Query *query, Oid *relid)
{
	*relid = action_on(query);
	if (OidIsValid(*relid))
		return REFERENTIAL_ACTION;
	*relid = validation_of(query);
	if (!OidIsValid(*relid))
		return REFERENTIAL_NONE;
	drop_policy(query);
	return REFERENTIAL_VALIDATION;
}

/* guard_may_run_referential -- may such a plan, once made, run here and now? */
bool
guard_may_run_referential(ReferentialKind kind, Oid relid)
{
	if (kind == REFERENTIAL_ACTION)
		return InNoForceRLSOperation() && owner_of(relid) == GetUserId();
	return guard_validating;
}
