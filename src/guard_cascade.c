/*
 * guard_cascade.c
 *	  What the action of a foreign key does to hidden rows it reaches.
 *
 * It deletes them, or sets a column in them, like any other.  But it hands them to
 * triggers, and asks checks and partitions' bounds anew, which fail or do not by what else
 * is in the row.  Where the table has triggers of users, or such checks, a hidden row
 * ends the statement (policy_cascade_quals()).  So it does where a row, or its place in an
 * index, might become too long, and where a default is computed that counts.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "errors.h"
#include "guard.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "policy_reviewed.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"

/* ---- triggers ---- */

/* does the condition compare columns of the two rows, and nothing else? */
static bool
calls_something(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_List:
		case T_Var:
		case T_BoolExpr:
		case T_NullTest:
		case T_RelabelType:
			break;
		case T_DistinctExpr:
			if (((DistinctExpr *) node)->opno >= FirstNormalObjectId)
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, calls_something, context);
}

/*
 * A trigger that protection made, which shows no row to anybody's code.  Another one with
 * its function may have a condition that asks, and fire for an event it raises at.
 */
static bool
is_own(const Trigger *trigger)
{
	static const struct
	{
		const char *name;
		int16 type;
		bool conditional;
	} made[] = {
		{"privseg_subject_moved", TRIGGER_TYPE_ROW | TRIGGER_TYPE_UPDATE, true},
		{"privseg_subject_moved_before",
		 TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_UPDATE, false},
		{"privseg_subject_carried",
		 TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE, false},
	};

	if (!catalog_is_own_trigger(trigger->tgfoid) || trigger->tgnattr != 0)
		return false;
	for (size_t i = 0; i < lengthof(made); i++)
		if (strcmp(made[i].name, trigger->tgname) == 0 && made[i].type == trigger->tgtype)
			return trigger->tgqual == NULL ||
				   (made[i].conditional && !calls_something(stringToNode(trigger->tgqual), NULL));
	return false;
}

static bool
trigger_sees_rows(const Trigger *trigger, CmdType command, bool moves)
{
	bool fires = command == CMD_DELETE || moves ? TRIGGER_FOR_DELETE(trigger->tgtype) : false;

	if (command == CMD_UPDATE)
		fires = fires || TRIGGER_FOR_UPDATE(trigger->tgtype) ||
				(moves && TRIGGER_FOR_INSERT(trigger->tgtype));
	return fires && !trigger->tgisinternal && trigger->tgenabled != TRIGGER_DISABLED &&
		   (TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgoldtable != NULL ||
			trigger->tgnewtable != NULL) &&
		   !is_own(trigger);
}

/*
 *	moves	a row may move to another partition, which deletes and inserts it
 */
static bool
relation_hands_rows_on(Oid relid, CmdType command, bool moves)
{
	Relation relation = table_open(relid, NoLock);
	TriggerDesc *triggers = relation->trigdesc;
	bool found = false;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers && !found; i++)
		found = trigger_sees_rows(&triggers->triggers[i], command, moves);
	table_close(relation, NoLock);
	return found;
}

/* ---- checks ---- */

/* of this relation: the columns that the query sets in the one it names */
static Bitmapset *
columns_set(Query *query, Oid relid)
{
	Oid named = linitial_node(RangeTblEntry, query->rtable)->relid;
	Bitmapset *columns = NULL;
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		Var *value = (Var *) target->expr;
		const char *name;

		/* policy_carry.c's, for the trigger */
		if (IsA(value, Var) && value->varattno == target->resno)
			continue;
		name = get_attname(named, target->resno, false);
		columns =
			bms_add_member(columns, get_attnum(relid, name) - FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

/* may the expression, in a catalog's text, change its result with these columns? */
static bool
depends_on(const char *expression, const Bitmapset *columns)
{
	Bitmapset *used = NULL;

	pull_varattnos(stringToNode(expression), 1, &used);
	return bms_overlap(used, columns) ||
		   bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
}

/* what is generated of them changes, too */
static Bitmapset *
with_generated(Relation relation, Bitmapset *columns)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	Bitmapset *result = bms_copy(columns);

	if (constraints == NULL || !constraints->has_generated_stored)
		return result;
	for (int i = 0; i < constraints->num_defval; i++)
	{
		AttrDefault *generated = &constraints->defval[i];

		if (TupleDescAttr(RelationGetDescr(relation), generated->adnum - 1)->attgenerated != '\0' &&
			depends_on(generated->adbin, columns))
			result = bms_add_member(result, generated->adnum - FirstLowInvalidHeapAttributeNumber);
	}
	return result;
}

static bool
partitions_by(Relation relation, const Bitmapset *columns)
{
	PartitionKey key = RelationGetPartitionKey(relation);
	Bitmapset *used = NULL;

	if (key == NULL)
		return false;
	for (int i = 0; i < key->partnatts; i++)
		if (key->partattrs[i] != 0)
			used = bms_add_member(used, key->partattrs[i] - FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) key->partexprs, 1, &used);
	return bms_overlap(used, columns);
}

/* the same of the tables it is a partition of, whose keys make its bounds */
static bool
partition_asks(Relation relation, Query *query)
{
	List *tables = list_make1_oid(RelationGetRelid(relation));
	bool result = false;
	ListCell *lc;

	if (relation->rd_rel->relispartition)
		tables = list_concat(tables, get_partition_ancestors(RelationGetRelid(relation)));
	foreach (lc, tables)
	{
		Relation table = table_open(lfirst_oid(lc), AccessShareLock);
		PartitionKey key = RelationGetPartitionKey(table);

		/* the whole of the bounds is asked for each row that changes */
		result = result || (key != NULL && !reviewed_expression((Node *) key->partexprs)) ||
				 partitions_by(table,
							   with_generated(table, columns_set(query, RelationGetRelid(table))));
		table_close(table, NoLock);
	}
	return result;
}

/* all columns that are generated may be computed anew, where there is a trigger */
static bool
generated_runs_code(Relation relation)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (constraints == NULL || !constraints->has_generated_stored)
		return false;
	for (int i = 0; i < constraints->num_defval; i++)
		if (TupleDescAttr(RelationGetDescr(relation), constraints->defval[i].adnum - 1)
					->attgenerated != '\0' &&
			!reviewed_expression(stringToNode(constraints->defval[i].adbin)))
			return true;
	return false;
}

/*
 * Whether a row's other foreign keys change is asked by their operators, after a cast where
 * the column is of another type.  Of a user's type the cast is, or may become, a user's.
 */
static bool
reference_casts(Relation relation)
{
	ListCell *lc;

	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, lc);

		for (int i = 0; i < key->nkeys; i++)
		{
			Oid type = getBaseType(
				TupleDescAttr(RelationGetDescr(relation), key->conkey[i] - 1)->atttypid);
			Oid referenced;
			Oid compared;

			op_input_types(key->conpfeqop[i], &referenced, &compared);
			if (type >= FirstNormalObjectId && type != compared &&
				!IsBinaryCoercible(type, compared))
				return true;
		}
	}
	return false;
}

/* code of a user in an index is there from before the relation was protected */
static bool
index_runs_code(Relation relation)
{
	ListCell *lc;
	bool result = false;

	foreach (lc, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		result = result || !reviewed_expression((Node *) RelationGetIndexExpressions(index)) ||
				 !reviewed_expression((Node *) RelationGetIndexPredicate(index));
		index_close(index, AccessShareLock);
	}
	return result;
}

/* what the action of a foreign key does to the columns of a row */
typedef struct Change
{
	Bitmapset *set;     /* that it sets itself */
	Bitmapset *columns; /* and those that are generated of them */
	bool resizes;       /* may one of a fixed length be NULL then? */
} Change;

/* the columns of which an index makes its rows: the first n, and its expressions and predicate */
static Bitmapset *
columns_of_index(Relation index, int n)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < n; i++)
		if (index->rd_index->indkey.values[i] != 0)
			columns = bms_add_member(columns, index->rd_index->indkey.values[i] -
												  FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &columns);
	return columns;
}

/* may a column that changes take up more, or less, in an index? */
static bool
changes_length(Relation relation, const Change *change)
{
	int i = -1;

	if (change->resizes || !bms_equal(change->set, change->columns))
		return true;
	while ((i = bms_next_member(change->set, i)) >= 0)
		if (TupleDescAttr(RelationGetDescr(relation), i + FirstLowInvalidHeapAttributeNumber - 1)
				->attlen < 0)
			return true;
	return false;
}

/*
 * A unique index asks for the key as a whole.  That a value of a column that is one by
 * itself is there, it tells anybody.
 */
static bool
key_asks(Relation index, const Change *change)
{
	Form_pg_index form = index->rd_index;

	return (form->indisunique || form->indisexclusion) &&
		   (form->indnkeyatts > 1 || RelationGetIndexExpressions(index) != NIL ||
			RelationGetIndexPredicate(index) != NIL) &&
		   bms_overlap(columns_of_index(index, form->indnkeyatts), change->columns);
}

/* beside what changes, an index would tell how long other values are */
static bool
length_asks(Relation relation, Relation index, const Change *change)
{
	return changes_length(relation, change) &&
		   bms_overlap(columns_of_index(index, index->rd_index->indnatts), change->columns) &&
		   guard_index_measures(index->rd_indextuple);
}

static bool
indexes_ask(Relation relation, const Change *change)
{
	ListCell *lc;
	bool result = false;

	foreach (lc, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);

		result = result || key_asks(index, change) || length_asks(relation, index, change);
		index_close(index, AccessShareLock);
	}
	return result;
}

/* other foreign keys of its columns, which may refer to nothing then */
static bool
references_ask(Relation relation, const Change *change)
{
	ListCell *lc;

	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, lc);
		Bitmapset *columns = NULL;

		for (int i = 0; i < key->nkeys; i++)
			columns = bms_add_member(columns, key->conkey[i] - FirstLowInvalidHeapAttributeNumber);
		if (bms_overlap(columns, change->columns) && !bms_equal(columns, change->set))
			return true;
	}
	return false;
}

/* a generated column that must not be NULL */
static bool
generated_asks(Relation relation, const Change *change)
{
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(relation), i);

		if (form->attgenerated != '\0' && form->attnotnull &&
			bms_is_member(form->attnum - FirstLowInvalidHeapAttributeNumber, change->columns))
			return true;
	}
	return false;
}

static bool
checks_ask(Relation relation, const Change *change)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	/* all are asked, also those of columns that stay */
	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
		if (!constraints->check[i].ccvalid ||
			depends_on(constraints->check[i].ccbin, change->columns) ||
			!reviewed_expression(stringToNode(constraints->check[i].ccbin)))
			return true;
	return false;
}

/* is a column set to what is computed for each row, and may count or fail? */
static bool
computes(Query *query)
{
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		Node *value = (Node *) lfirst_node(TargetEntry, lc)->expr;

		if (contain_volatile_functions(value) || runs_user_code(value))
			return true;
	}
	return false;
}

static bool
has_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || expression_tree_walker(node, has_parameter, context);
}

/* is a column set to what the statement brings, or to NULL or a default? */
static bool
sets_parameters(Query *query)
{
	ListCell *lc;

	foreach (lc, query->targetList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);

		/* policy_carry.c's: it stays, or is filled by the trigger */
		if (!has_parameter((Node *) target->expr, NULL) && !IsA(target->expr, Var))
			return false;
	}
	return true;
}

/*
 * Is anything asked of a row that is updated which may fail by what else it holds?  These
 * are, of all that core does to it (ExecUpdate(), ri_triggers.c): what is generated,
 * NOT NULL, checks, partitions' bounds, what fits into the row and its indexes, keys of
 * its indexes, its foreign keys; and code of users in any of these.  Triggers: above.
 */
static bool
relation_asks(Oid relid, Query *query)
{
	Relation relation;
	Change change;
	bool result;

	if (query->commandType != CMD_UPDATE)
		return false;
	relation = table_open(relid, NoLock);
	change.set = columns_set(query, relid);
	change.columns = with_generated(relation, change.set);
	change.resizes = !sets_parameters(query);
	result = computes(query) || generated_runs_code(relation) ||
			 generated_asks(relation, &change) || checks_ask(relation, &change) ||
			 partition_asks(relation, query) || !guard_rows_always_fit(relid) ||
			 index_runs_code(relation) || indexes_ask(relation, &change) ||
			 reference_casts(relation) || references_ask(relation, &change);
	table_close(relation, NoLock);
	return result;
}

/*
 * A table that is not protected is not to keep what a hidden row's key becomes.  To set it
 * to NULL or to its default copies nothing.
 */
static void
refuse_to_copy_key(Query *query, Oid relid)
{
	Bitmapset *set = NULL;
	Relation relation;
	ListCell *lc;

	foreach (lc, query->targetList)
		if (has_parameter((Node *) lfirst_node(TargetEntry, lc)->expr, NULL))
			set = bms_add_member(set, lfirst_node(TargetEntry, lc)->resno);
	relation = table_open(relid, NoLock);
	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *key = lfirst_node(ForeignKeyCacheInfo, lc);

		for (int i = 0; i < key->nkeys; i++)
			if (bms_is_member(key->conkey[i], set) && protected_relation(key->confrelid) != NULL)
				ereport(ERROR,
						(errcode(PRIVSEG_ERR_SHAPE),
						 errmsg("a key of protected relation \"%s\" cannot change",
								get_rel_name(key->confrelid)),
						 errdetail("Table \"%s\", which is not protected, would copy it, whoever "
								   "permits what: its foreign key is ON UPDATE CASCADE.",
								   RelationGetRelationName(relation)),
						 errhint("Protect that table with subject_of, or drop its foreign key.")));
	}
	table_close(relation, NoLock);
}

/*
 * guard_cascade -- let a cascade end at a hidden row that a trigger of a user would be
 * shown, or a check asked about.  Of the rows it reaches, that is: the policy comes after
 * the key, whose operators are trusted.
 */
void
guard_cascade(Query *query)
{
	RangeTblEntry *rte = linitial_node(RangeTblEntry, query->rtable);
	const ProtectedRelation *entry = protected_relation(rte->relid);
	ProtectedRelation copy;
	bool moves = query->commandType == CMD_UPDATE && rte->relkind == RELKIND_PARTITIONED_TABLE;
	ListCell *lc;

	if (query->commandType == CMD_SELECT)
		return;
	if (entry == NULL)
	{
		if (query->commandType == CMD_UPDATE)
			refuse_to_copy_key(query, rte->relid);
		return;
	}
	copy = *entry;
	foreach (lc, find_all_inheritors(rte->relid, AccessShareLock, NULL))
	{
		List *quals;
		WithCheckOption *check;

		if (!relation_hands_rows_on(lfirst_oid(lc), query->commandType, moves) &&
			!relation_asks(lfirst_oid(lc), query))
			continue;
		quals = policy_cascade_quals(&copy, rte->relid, 1);
		query->jointree->quals = (Node *) make_ands_explicit(
			list_concat(make_ands_implicit((Expr *) query->jointree->quals), quals));
		query->hasRowSecurity = true;
		if (!moves)
			return;
		check = makeNode(WithCheckOption);
		check->kind = WCO_RLS_UPDATE_CHECK;
		check->relname = get_rel_name(rte->relid);
		check->polname = pstrdup("privseg");
		check->qual = (Node *) make_ands_explicit(policy_moved_quals(&copy, rte->relid, 1));
		query->withCheckOptions = list_make1(check);
		return;
	}
}
