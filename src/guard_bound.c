/*
 * guard_bound.c
 *	  Tables that are not protected take encrypted values that are a subject's already, and no
 *	  others: what INSERT, UPDATE, MERGE, COPY, CREATE TABLE AS and materialized views write to
 *	  them is looked at.
 *
 * Why not a trigger: whoever owns such a table would have one more that is not theirs, and so
 * would a dump; and CREATE TABLE AS has none.
 */
#include "compat.h"

#include "access/transam.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "errors.h"
#include "executor/tuptable.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "tcop/dest.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* the columns of a relation that are to hold none; of a relation that is open */
static List *
columns_of(Relation relation, Index varno)
{
	TupleDesc descriptor = RelationGetDescr(relation);
	List *columns = NIL;

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (!column->attisdropped && encrypted_holds(column->atttypid))
			columns = lappend(columns, makeVar(varno, column->attnum, column->atttypid,
											   column->atttypmod, column->attcollation, 0));
	}
	return columns;
}

static void
add_check(Query *query, const char *relation, WCOKind kind, List *columns)
{
	WithCheckOption *check = makeNode(WithCheckOption);

	check->kind = kind;
	check->relname = pstrdup(relation);
	check->polname = pstrdup("privseg");
	check->qual =
		(Node *) makeFuncExpr(catalog_function_oid(CATALOG_ARE_BOUND), BOOLOID, copyObject(columns),
							  InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
	query->withCheckOptions = lappend(query->withCheckOptions, check);
}

/*
 * guard_bound_statement -- the same of what a statement writes, with its WITH: where nothing is
 * protected, and for core's own queries
 */
void
guard_bound_statement(Query *query)
{
	ListCell *lc;

	if (query->resultRelation > 0)
	{
		RangeTblEntry *rte = rt_fetch(query->resultRelation, query->rtable);

		if (rte->rtekind == RTE_RELATION && protected_relation(rte->relid) == NULL)
			guard_bound_write(query, rte, query->resultRelation);
	}
	foreach (lc, query->cteList)
		if (IsA(lfirst_node(CommonTableExpr, lc)->ctequery, Query))
			guard_bound_statement((Query *) lfirst_node(CommonTableExpr, lc)->ctequery);
}

/* guard_bound_write -- a statement writes to a table that is not protected */
void
guard_bound_write(Query *query, const RangeTblEntry *rte, Index varno)
{
	Relation relation;
	List *columns;

	if (query->commandType == CMD_DELETE || !catalog_has_added_types(rte->relid) ||
		!OidIsValid(catalog_function_oid(CATALOG_ARE_BOUND)))
		return;
	/* the statement has locked it */
	relation = table_open(rte->relid, NoLock);
	columns = columns_of(relation, varno);
	if (columns != NIL)
	{
		add_check(query, RelationGetRelationName(relation), WCO_RLS_INSERT_CHECK, columns);
		add_check(query, RelationGetRelationName(relation), WCO_RLS_UPDATE_CHECK, columns);
	}
	table_close(relation, NoLock);
}

/* but for those of protection, of which a dump may be restored before anything else says it */
static bool
has_triggers_before_rows(Relation relation)
{
	TriggerDesc *triggers = relation->trigdesc;

	if (triggers == NULL || !triggers->trig_insert_before_row)
		return false;
	for (int i = 0; i < triggers->numtriggers; i++)
		if (TRIGGER_TYPE_MATCHES(triggers->triggers[i].tgtype, TRIGGER_TYPE_ROW,
								 TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT) &&
			!catalog_is_own_trigger(triggers->triggers[i].tgfoid))
			return true;
	return false;
}

/* guard_bound_copy -- COPY FROM into one: one more condition, and the last */
void
guard_bound_copy(CopyStmt *copy)
{
	Oid relid = RangeVarGetRelid(copy->relation, RowExclusiveLock, true);
	Relation relation;
	List *columns;
	List *arguments = NIL;
	Node *condition;
	ListCell *lc;

	/* what a view's triggers write is looked at there */
	if (!OidIsValid(relid) || protected_relation(relid) != NULL ||
		get_rel_relkind(relid) == RELKIND_VIEW)
		return;
	relation = table_open(relid, NoLock);
	columns = columns_of(relation, 1);
	if (columns != NIL && has_triggers_before_rows(relation))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg(
				 "COPY into \"%s\", which has encrypted columns, and triggers that may change them, is not supported",
				 RelationGetRelationName(relation)),
			 errhint("COPY into another table, and INSERT from there.")));
	foreach (lc, columns)
	{
		ColumnRef *column = makeNode(ColumnRef);
		AttrNumber number = lfirst_node(Var, lc)->varattno;

		column->fields = list_make1(makeString(
			pstrdup(NameStr(TupleDescAttr(RelationGetDescr(relation), number - 1)->attname))));
		column->location = -1;
		arguments = lappend(arguments, column);
	}
	table_close(relation, NoLock);
	if (arguments == NIL)
		return;
	condition = (Node *) makeFuncCall(list_make2(makeString("privseg"), makeString("are_bound")),
									  arguments, COERCE_EXPLICIT_CALL, -1);
	copy->whereClause =
		copy->whereClause == NULL ?
			condition :
			(Node *) makeBoolExpr(AND_EXPR, list_make2(copy->whereClause, condition), -1);
}

/* ---- what has neither ---- */

/* stands before the receiver that writes a new table, or a materialized view's rows */
typedef struct BoundReceiver
{
	DestReceiver receiver;
	DestReceiver *next;
} BoundReceiver;

static bool
receive_bound(TupleTableSlot *slot, DestReceiver *self)
{
	DestReceiver *next = ((BoundReceiver *) self)->next;
	TupleDesc descriptor = slot->tts_tupleDescriptor;

	slot_getallattrs(slot);
	for (int i = 0; i < descriptor->natts; i++)
		if (!slot->tts_isnull[i] && encrypted_holds(TupleDescAttr(descriptor, i)->atttypid))
			encrypted_require_bound(TupleDescAttr(descriptor, i)->atttypid, slot->tts_values[i]);
	return next->receiveSlot(slot, next);
}

static void
start_next(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	DestReceiver *next = ((BoundReceiver *) self)->next;

	next->rStartup(next, operation, typeinfo);
}

static void
shut_next_down(DestReceiver *self)
{
	DestReceiver *next = ((BoundReceiver *) self)->next;

	next->rShutdown(next);
}

/* the statement's memory goes with it */
static void
keep(DestReceiver *self)
{
}

/*
 * guard_bound_receiver -- who gets a statement's rows, where they are written to a new table or
 * a materialized view
 *	result	what its rows are
 */
DestReceiver *
guard_bound_receiver(DestReceiver *next, TupleDesc result)
{
	BoundReceiver *receiver;
	bool holds = false;

	if ((next->mydest != DestIntoRel && next->mydest != DestTransientRel) || result == NULL)
		return next;
	for (int i = 0; i < result->natts && !holds; i++)
		holds = encrypted_holds(TupleDescAttr(result, i)->atttypid);
	if (!holds)
		return next;
	receiver = palloc0(sizeof(BoundReceiver));
	receiver->receiver.mydest = next->mydest;
	receiver->receiver.receiveSlot = receive_bound;
	receiver->receiver.rStartup = start_next;
	receiver->receiver.rShutdown = shut_next_down;
	receiver->receiver.rDestroy = keep;
	receiver->next = next;
	return (DestReceiver *) receiver;
}

/* ---- values that are not opened, and what would be written in their place ---- */

/* one of ours that does: a cast, a comparison, what stands in for one of core's */
static bool
is_opening(Oid function)
{
	char *name;

	if (function < FirstNormalObjectId)
		return false;
	if (get_func_namespace(function) == PG_CATALOG_NAMESPACE)
		return true;
	if (!catalog_is_own_function(function))
		return false;
	name = get_func_name(function);
	return strncmp(name, "opened", strlen("opened")) == 0 ||
		   (strncmp(name, "encrypted_", strlen("encrypted_")) == 0 &&
			strncmp(name, "encrypted_tag_", strlen("encrypted_tag_")) != 0);
}

/* does a function open an argument?  Making a value fit does not. */
static bool
opens_arguments(Oid function, Oid result, List *arguments)
{
	ListCell *lc;

	if (!is_opening(function))
		return false;
	foreach (lc, arguments)
	{
		Node *argument =
			IsA(lfirst(lc), TargetEntry) ? (Node *) lfirst_node(TargetEntry, lc)->expr : lfirst(lc);
		Oid type = getBaseType(exprType(argument));

		if (encrypted_code(type) == ENCRYPTED_NONE)
			continue;
		return result != type;
	}
	return false;
}

static bool
is_encrypted(Oid type)
{
	return encrypted_code(getBaseType(type)) != ENCRYPTED_NONE;
}

/* are values compared that would all be alike? */
static bool
compares_arguments(List *arguments)
{
	ListCell *lc;

	foreach (lc, arguments)
	{
		Oid type = exprType(lfirst(lc));
		Oid element = get_element_type(getBaseType(type));

		if (is_encrypted(type) || (OidIsValid(element) && is_encrypted(element)))
			return true;
	}
	return false;
}

/* rows are grouped, told from one another or sorted by such values */
static bool
groups_by_opened(const Query *query)
{
	const SetOperationStmt *operations = (const SetOperationStmt *) query->setOperations;
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->ressortgroupref != 0 && compares_arguments(list_make1(entry->expr)))
			return true;
	}
	if (operations != NULL && !operations->all)
		foreach (lc, operations->colTypes)
			if (is_encrypted(lfirst_oid(lc)))
				return true;
	return false;
}

static bool
opens_itself(Node *node)
{
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			return opens_arguments(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->funcresulttype,
								   ((FuncExpr *) node)->args);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			return opens_arguments(get_opcode(((OpExpr *) node)->opno), InvalidOid,
								   ((OpExpr *) node)->args);
		case T_Aggref:
			return opens_arguments(((Aggref *) node)->aggfnoid, InvalidOid,
								   ((Aggref *) node)->args);
		case T_WindowFunc:
			return opens_arguments(((WindowFunc *) node)->winfnoid, InvalidOid,
								   ((WindowFunc *) node)->args);
		case T_ScalarArrayOpExpr:
			return compares_arguments(((ScalarArrayOpExpr *) node)->args);
		case T_RowCompareExpr:
			return compares_arguments(((RowCompareExpr *) node)->largs) ||
				   compares_arguments(((RowCompareExpr *) node)->rargs);
		case T_MinMaxExpr:
			return compares_arguments(((MinMaxExpr *) node)->args);
		case T_ArrayCoerceExpr:
			return opens_itself((Node *) ((ArrayCoerceExpr *) node)->elemexpr);
		default:
			return false;
	}
}

static bool
opens(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return groups_by_opened((Query *) node) ||
			   query_tree_walker((Query *) node, opens, context, 0);
	if (opens_itself(node) && contain_var_clause(node))
		return true;
	return expression_tree_walker(node, opens, context);
}

/* guard_opens -- does a statement write, and open encrypted values for it? */
bool
guard_opens(Query *query)
{
	return (query->commandType != CMD_SELECT || query->hasModifyingCTE) &&
		   query->commandType != CMD_UTILITY && opens((Node *) query, NULL);
}

/*
 * guard_closed_write -- before a plan runs: where row_security = off is honoured nothing is
 * opened, and what it computes from values, it would compute from NULL.
 */
void
guard_closed_write(const PlannedStmt *plan)
{
	ListCell *lc;

	foreach (lc, plan->invalItems)
		if (lfirst_node(PlanInvalItem, lc)->cacheId == MARK_OPENS && row_security_bypassed())
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg(
					 "encrypted values are not opened under row_security = off, and this statement would write what it makes of them"),
				 errhint(
					 "SET row_security = on, and privseg.purpose to a purpose that the role is cleared for.")));
}
