/*
 * usage_compared.c
 *	  Columns that a statement does not set, and that the row's constraints ask again because it
 *	  sets others.
 *
 * Whether a row may be with another value beside the one that is stored, a CHECK says, or a unique index,
 * or the partition it would go to: whoever sets a column that he may write would so ask for one that he may
 * not filter by.  There is no mask for that.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "guc.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "usage_walk.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

/* sets of columns are as pull_varattnos() has them */
#define AS_MEMBER(number) ((number) -FirstLowInvalidHeapAttributeNumber)
#define AS_NUMBER(member) ((member) + FirstLowInvalidHeapAttributeNumber)

/* what a statement does to the rows of a relation */
typedef struct Change
{
	Usage *usage;
	Oid root; /* that is protected */
	Relation named;
	List *names; /* of columns that are set */
	bool moves;  /* rows may go to another partition */
} Change;

/* one of the relations that the rows are in */
typedef struct Member
{
	const Change *change;
	Relation relation;
	Bitmapset *set;
} Member;

static bool
is_set(const Change *change, const char *name)
{
	ListCell *lc;

	foreach (lc, change->names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}

/* is one of those that others are written into what was read, and perhaps not shown? */
static bool
is_written_into(const Usage *usage, Oid root, AttrNumber column)
{
	ListCell *lc;

	foreach (lc, usage->entries)
	{
		const UsageEntry *entry = lfirst(lc);

		if (entry->into.root == root && entry->into.column == column)
			return true;
	}
	return false;
}

/* has anybody made a trigger that may set whichever column? */
static bool
has_other_trigger(Relation relation)
{
	const TriggerDesc *triggers = relation->trigdesc;

	if (triggers == NULL || !triggers->trig_update_before_row)
		return false;
	for (int i = 0; i < triggers->numtriggers; i++)
		if (TRIGGER_TYPE_MATCHES(triggers->triggers[i].tgtype, TRIGGER_TYPE_ROW,
								 TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_UPDATE) &&
			!catalog_is_own_trigger(triggers->triggers[i].tgfoid))
			return true;
	return false;
}

static Bitmapset *
set_of(const Change *change, Relation relation)
{
	bool any = has_other_trigger(relation);
	Bitmapset *set = NULL;

	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(relation), i);
		AttrNumber column;
		const ColumnClass *class;

		if (form->attisdropped)
			continue;
		column = usage_root_column(RelationGetRelid(relation), form->attnum, change->root);
		class = any && column > 0 ? column_class(change->root, column) : NULL;
		if (is_set(change, NameStr(form->attname)) ||
			(any && !(class != NULL && class->classified)))
			set = bms_add_member(set, AS_MEMBER(form->attnum));
	}
	return set;
}

/* what is asked for: all columns of a row that is read whole, and, for one that is generated, what it is made of */
static Bitmapset *
made_of(Relation relation, const Bitmapset *columns)
{
	bool whole = bms_is_member(AS_MEMBER(InvalidAttrNumber), columns);
	Bitmapset *result = bms_copy(columns);

	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(relation), i);
		int member = AS_MEMBER(form->attnum);

		if (form->attisdropped || !(whole || bms_is_member(member, columns)))
			continue;
		result = bms_add_member(result, member);
		if (form->attgenerated == '\0')
			continue;
		result = bms_del_member(result, member);
		pull_varattnos(build_column_default(relation, form->attnum), 1, &result);
	}
	return result;
}

/* for a column that is asked for beside one that is set */
static int
use_of(const Change *change, AttrNumber column)
{
	return is_set(change, get_attname(change->root, column, false)) &&
				   !is_written_into(change->usage, change->root, column) ?
			   USE_COMPARE_SET :
			   USE_COMPARE;
}

/*
 * These columns of a member are asked for together.
 *	alone	and of rows that go there only
 */
static void
are_compared(const Member *member, Bitmapset *columns, bool alone)
{
	const Change *change = member->change;
	Oid relid = RelationGetRelid(member->relation);
	Bitmapset *set;

	columns = made_of(member->relation, columns);
	set = bms_intersect(columns, member->set);
	for (int i = -1; (i = bms_next_member(columns, i)) >= 0;)
	{
		AttrNumber number = AS_NUMBER(i);
		AttrNumber column = number > 0 ? usage_root_column(relid, number, change->root) : 0;
		bool with_another = bms_num_members(set) > (bms_is_member(i, set) ? 1 : 0);

		if (column > 0 && (with_another || (alone && change->moves)))
			usage_entry(change->usage, change->root, column, use_of(change, column), NULL);
	}
}

/* ---- what asks ---- */

static bool
has_check(Relation relation, const char *name)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
		if (strcmp(constraints->check[i].ccname, name) == 0)
			return true;
	return false;
}

static bool
has_not_null(Relation relation, const char *name)
{
	AttrNumber number = get_attnum(RelationGetRelid(relation), name);

	return number > 0 && TupleDescAttr(RelationGetDescr(relation), number - 1)->attnotnull;
}

static void
checks_compare(const Member *member)
{
	Relation relation = member->relation;
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (constraints == NULL)
		return;
	for (int i = 0; i < constraints->num_check; i++)
	{
		Bitmapset *columns = NULL;

		pull_varattnos(stringToNode(constraints->check[i].ccbin), 1, &columns);
		are_compared(member, columns,
					 !has_check(member->change->named, constraints->check[i].ccname));
	}
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Form_pg_attribute form = TupleDescAttr(RelationGetDescr(relation), i);
		Bitmapset *column = bms_make_singleton(AS_MEMBER(form->attnum));

		if (form->attisdropped)
			continue;
		if (form->attgenerated != '\0')
			are_compared(member, column, false);
		if (member->change->moves && form->attnotnull &&
			!has_not_null(member->change->named, NameStr(form->attname)))
			are_compared(member, column, true);
	}
}

/* usage_index_columns -- what a unique index, or an exclusion constraint, compares; NULL: it is none */
Bitmapset *
usage_index_columns(Relation index)
{
	Form_pg_index form = index->rd_index;
	Bitmapset *columns = NULL;

	if (!form->indisunique && !form->indisexclusion)
		return NULL;
	for (int i = 0; i < form->indnkeyatts; i++)
		if (form->indkey.values[i] != 0)
			columns = bms_add_member(columns, AS_MEMBER(form->indkey.values[i]));
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &columns);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &columns);
	return columns;
}

/* is the index a part of one that the relation has which is named? */
static bool
is_of_named(const Change *change, Relation index)
{
	ListCell *lc;

	if (!index->rd_rel->relispartition)
		return false;
	foreach (lc, get_partition_ancestors(RelationGetRelid(index)))
		if (list_member_oid(RelationGetIndexList(change->named), lfirst_oid(lc)))
			return true;
	return false;
}

static void
indexes_compare(const Member *member)
{
	ListCell *lc;

	foreach (lc, RelationGetIndexList(member->relation))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		Bitmapset *columns = usage_index_columns(index);

		if (columns != NULL)
			are_compared(member, columns,
						 member->change->moves && member->relation != member->change->named &&
							 !is_of_named(member->change, index));
		index_close(index, NoLock);
	}
}

/* what core asks of a row that this member gets, or keeps */
static void
member_compares(Change *change, Oid relid)
{
	Member member = {.change = change, .relation = table_open(relid, NoLock)};

	member.set = set_of(change, member.relation);
	/* to which partition it was moved, is asked of it, too */
	if (change->moves)
		member.set = bms_add_member(member.set, AS_MEMBER(TableOidAttributeNumber));
	checks_compare(&member);
	indexes_compare(&member);
	are_compared(&member, partition_key(relid), member.relation != change->named);
	table_close(member.relation, NoLock);
}

/* is a relation partitioned by what is set? */
static bool
is_partitioned_by_set(const Change *change, Oid relid)
{
	Bitmapset *key =
		get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ? partition_key(relid) : NULL;
	Relation relation;
	bool result;

	if (key == NULL)
		return false;
	relation = table_open(relid, NoLock);
	result = bms_overlap(made_of(relation, key), set_of(change, relation));
	table_close(relation, NoLock);
	return result;
}

static bool
any_is_classified(Oid root)
{
	const RelationColumns *columns = protected_columns(root);

	for (int i = 0; columns != NULL && i < columns->n; i++)
		if (columns->columns[i].classified)
			return true;
	return guc_unclassified == UNCLASSIFIED_DENY;
}

static void
nulls_compare(const Change *change, Oid relid)
{
	Relation relation = table_open(relid, NoLock);
	ListCell *lc;

	foreach (lc, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		Bitmapset *columns =
			index->rd_index->indnullsnotdistinct ? usage_index_columns(index) : NULL;

		for (int i = -1; (i = bms_next_member(columns, i)) >= 0;)
		{
			AttrNumber column =
				AS_NUMBER(i) > 0 ? usage_root_column(relid, AS_NUMBER(i), change->root) : 0;

			if (column > 0)
				usage_entry(change->usage, change->root, column, USE_COMPARE_SET, NULL);
		}
		index_close(index, NoLock);
	}
	table_close(relation, NoLock);
}

/*
 * A relation's rows are changed.
 *	targets		what is set
 */
static void
change_compares(Usage *usage, const Query *query, const List *targets)
{
	Oid relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	const ProtectedRelation *found = protected_relation(relid);
	Change change = {.usage = usage, .root = found != NULL ? found->relid : InvalidOid};
	List *members;
	ListCell *lc;

	if (!OidIsValid(change.root) || !any_is_classified(change.root))
		return;
	foreach (lc, targets)
	{
		const TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!entry->resjunk && !list_member_ptr(usage->left, entry))
			change.names = lappend(change.names, get_attname(relid, entry->resno, false));
	}
	change.named = table_open(relid, NoLock);
	members = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach (lc, members)
		change.moves = change.moves || is_partitioned_by_set(&change, lfirst_oid(lc));
	foreach (lc, members)
		member_compares(&change, lfirst_oid(lc));
	table_close(change.named, NoLock);
	/* the plan is made anew where one of them is changed, also one that it does not read */
	usage->members = list_concat_unique_oid(usage->members, members);
}

/*
 * usage_insert_compares -- a row is inserted.  Where an index takes NULLs for equal, so is the NULL of whoever
 * leaves a column out, which anybody may do: by it he would ask who has no value.
 */
void
usage_insert_compares(Usage *usage, Oid relid)
{
	const ProtectedRelation *found = protected_relation(relid);
	Change change = {.usage = usage, .root = found != NULL ? found->relid : InvalidOid};
	List *members;
	ListCell *lc;

	if (!OidIsValid(change.root) || !any_is_classified(change.root))
		return;
	members = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach (lc, members)
		nulls_compare(&change, lfirst_oid(lc));
	usage->members = list_concat_unique_oid(usage->members, members);
}

/*
 * usage_compared -- what the changes that a statement makes have compared: when all else is known of it, for
 * a column that is written with what was read may stay what it is
 */
void
usage_compared(Usage *usage, const Query *query)
{
	ListCell *lc;

	if (query->commandType == CMD_UPDATE)
		change_compares(usage, query, query->targetList);
	if (query->onConflict != NULL && query->onConflict->action == ONCONFLICT_UPDATE)
		change_compares(usage, query, query->onConflict->onConflictSet);
	if (query->commandType == CMD_INSERT)
		usage_insert_compares(usage, rt_fetch(query->resultRelation, query->rtable)->relid);
	foreach (lc, query->mergeActionList)
	{
		const MergeAction *action = lfirst_node(MergeAction, lc);

		if (action->commandType == CMD_UPDATE)
			change_compares(usage, query, action->targetList);
		else if (action->commandType == CMD_INSERT)
			usage_insert_compares(usage, rt_fetch(query->resultRelation, query->rtable)->relid);
	}
	/* WITH changes rows at the top of a statement only */
	foreach (lc, query->cteList)
		usage_compared(usage, castNode(Query, lfirst_node(CommonTableExpr, lc)->ctequery));
}
