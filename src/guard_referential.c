/*
 * guard_referential.c
 *	  Core's own queries for foreign keys, which must see all rows: hidden ones
 *	  are referenced, cascade, and are validated like any other.
 *
 * Core runs them through SPI, so they look like anybody's.  What tells them:
 *
 * - Actions (a check of a referenced row, a cascade) run as the owner of the
 *   table, in a security context that only core and policy_trigger.c set.  Code
 *   of users runs in that context too, but only inside of such a query: in
 *   BEFORE triggers, expressions, operators.  So while one is planned or run
 *   (policy_referential_depth) no other is exempt.
 * - The query that validates a foreign key runs while a command does nothing
 *   but add or validate foreign keys, which runs no code of users.
 *
 * And nothing but the exact query is exempt: built-in equality on just the
 * columns of a foreign key that exists, with no value in its result that the
 * foreign key's own check does not tell.
 *
 * A cascade hands rows to triggers.  Where the table has triggers of users, a
 * hidden row ends the statement (policy_cascade_quals()).
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "guard.h"
#include "guard_referential.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
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

/* referential_column_of -- the column that the expression is, implicit casts aside; or 0 */
AttrNumber
referential_column_of(Node *node, Index varno)
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

/* referential_is_equality -- by an operator of core: one of a user would be shown the rows */
bool
referential_is_equality(Node *node)
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

		if (!referential_is_equality((Node *) op))
			return NULL;
		column = referential_column_of(linitial(op->args), varno);
		if (column != InvalidAttrNumber ? !is_parameter(lsecond(op->args)) :
										  !is_parameter(linitial(op->args)))
			return NULL;
		if (column == InvalidAttrNumber)
			column = referential_column_of(lsecond(op->args), varno);
		if (column == InvalidAttrNumber)
			return NULL;
		columns = bms_add_member(columns, column);
	}
	return columns;
}

/* referential_is_bare -- has a query nothing of what it can have but a WHERE clause? */
bool
referential_is_bare(Query *query)
{
	return query->cteList == NIL && !query->hasAggs && !query->hasWindowFuncs &&
		   !query->hasTargetSRFs && !query->hasSubLinks && !query->hasModifyingCTE &&
		   query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == NULL &&
		   query->windowClause == NIL && query->distinctClause == NIL && query->sortClause == NIL &&
		   query->limitOffset == NULL && query->limitCount == NULL &&
		   query->setOperations == NULL && query->returningList == NIL && query->jointree != NULL;
}

/* is the result column one that the query's own check tells, and no other? */
static bool
tells_nothing(Query *query)
{
	/* carry_subject's trigger reads the subject beside the key */
	return query->rowMarks != NIL && list_length(query->targetList) == 1 &&
		   (IsA(linitial_node(TargetEntry, query->targetList)->expr, Const) ||
			policy_carrying_depth == policy_referential_depth);
}

/* a cascade sets the key's columns, to values it brings or to their defaults */
static bool
sets_key_only(Query *query, const Bitmapset *columns)
{
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		/* carry_on() has the trigger fill a column anew */
		if (policy_carrying_depth == policy_referential_depth &&
			referential_column_of((Node *) target->expr, 1) == target->resno)
			continue;
		if (!bms_is_member(target->resno, columns) || contain_var_clause((Node *) target->expr))
			return false;
	}
	return true;
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

	if (!InNoForceRLSOperation() ||
		(policy_referential_depth > 0 && policy_carrying_depth != policy_referential_depth) ||
		list_length(query->rtable) != 1 || !referential_is_bare(query))
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
			if (!tells_nothing(query))
				return InvalidOid;
			if (foreign_key_exists(InvalidOid, NULL, rte->relid, columns))
				return rte->relid;
			break;
		case CMD_UPDATE:
			if (!sets_key_only(query, columns))
				return InvalidOid;
			break;
		case CMD_DELETE:
			break;
		default:
			return InvalidOid;
	}
	return foreign_key_exists(rte->relid, columns, InvalidOid, NULL) ? rte->relid : InvalidOid;
}

/* ---- triggers that a cascade fires ---- */

static bool
trigger_sees_rows(const Trigger *trigger, CmdType command)
{
	bool fires = command == CMD_DELETE ? TRIGGER_FOR_DELETE(trigger->tgtype) :
										 TRIGGER_FOR_UPDATE(trigger->tgtype);

	return fires && !trigger->tgisinternal && trigger->tgenabled != TRIGGER_DISABLED &&
		   (TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgoldtable != NULL ||
			trigger->tgnewtable != NULL) &&
		   !catalog_is_own_trigger(trigger->tgfoid);
}

static bool
relation_hands_rows_on(Oid relid, CmdType command)
{
	Relation relation = table_open(relid, NoLock);
	TriggerDesc *triggers = relation->trigdesc;
	bool found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers && !found; i++)
		found = trigger_sees_rows(&triggers->triggers[i], command);
	table_close(relation, NoLock);
	return found;
}

/* let a cascade end at a hidden row that a trigger of a user would be shown */
static void
ask_cascade(Query *query)
{
	RangeTblEntry *rte = linitial_node(RangeTblEntry, query->rtable);
	const ProtectedRelation *entry = protected_relation(rte->relid);
	ProtectedRelation copy;
	ListCell *lc;

	if (entry == NULL || query->commandType == CMD_SELECT)
		return;
	copy = *entry;
	foreach (lc, find_all_inheritors(rte->relid, AccessShareLock, NULL))
	{
		if (!relation_hands_rows_on(lfirst_oid(lc), query->commandType))
			continue;
		rte->securityQuals =
			lcons(make_ands_explicit(policy_cascade_quals(&copy, rte->relid, 1)), NIL);
		query->hasRowSecurity = true;
		return;
	}
}

/*
 * guard_referential -- is this whole statement one of core's referential
 * queries?  Then it has no policy after this call, but that a cascade may end at
 * a hidden row.
 *	relid	of the relation that guard_may_run_referential() is to ask about
 */
ReferentialKind
guard_referential(Query *query, Oid *relid)
{
	*relid = action_on(query);
	if (OidIsValid(*relid))
	{
		ask_cascade(query);
		return REFERENTIAL_ACTION;
	}
	*relid = guard_validation_of(query);
	return OidIsValid(*relid) ? REFERENTIAL_VALIDATION : REFERENTIAL_NONE;
}

/* guard_may_run_referential -- may such a plan, once made, run here and now? */
bool
guard_may_run_referential(ReferentialKind kind, Oid relid)
{
	if (kind == REFERENTIAL_ACTION)
		return InNoForceRLSOperation() && owner_of(relid) == GetUserId() &&
			   (policy_referential_depth == 0 || policy_carrying_depth == policy_referential_depth);
	return OidIsValid(guard_validating);
}
