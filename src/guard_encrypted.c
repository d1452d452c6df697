/*
 * guard_encrypted.c
 *	  Encrypted columns: who changes their type, and what may not be made of them.
 *
 * encrypt_column() and decrypt_column() change a column's type, which nobody else may in that
 * way: the command is theirs, and is let through.  An index would be in the order of what is
 * inside, for whoever may read it, and in another for others; and ANALYZE, which counts for
 * statistics, may read nothing.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "encrypted.h"
#include "errors.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(change_storage);
PG_FUNCTION_INFO_V1(type_holds_encrypted);

/* is such a command being run? */
bool guard_changes_storage = false;

/* change_storage(command text) RETURNS void -- for the extension itself */
Datum
change_storage(PG_FUNCTION_ARGS)
{
	char *command = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool outer = guard_changes_storage;
	int volatile result = 0;

	if (!catalog_works())
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only privseg.encrypt_column() and privseg.decrypt_column() do that")));
	SPI_connect();
	guard_changes_storage = true;
	PG_TRY();
	{
		result = SPI_execute(command, false, 0);
	}
	PG_FINALLY();
	{
		guard_changes_storage = outer;
	}
	PG_END_TRY();
	SPI_finish();
	if (result != SPI_OK_UTILITY)
		elog(ERROR, "change_storage: not a utility command");
	PG_RETURN_VOID();
}

static bool
is_encrypted(Oid type)
{
	return encrypted_code(getBaseType(type)) != ENCRYPTED_NONE;
}

/* type_holds_encrypted(regtype) RETURNS boolean -- for the extension itself */
Datum
type_holds_encrypted(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(encrypted_holds(PG_GETARG_OID(0)));
}

static bool
uses_encrypted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && encrypted_holds(((Var *) node)->vartype))
		return true;
	return expression_tree_walker(node, uses_encrypted, context);
}

/* guard_has_encrypted -- has the table a column of an encrypted type? */
bool
guard_has_encrypted(Oid relid)
{
	Relation relation = table_open(relid, AccessShareLock);
	TupleDesc columns = RelationGetDescr(relation);
	bool result = false;

	for (int i = 0; i < columns->natts && !result; i++)
		result = !TupleDescAttr(columns, i)->attisdropped &&
				 is_encrypted(TupleDescAttr(columns, i)->atttypid);
	table_close(relation, AccessShareLock);
	return result;
}

/* of a protected relation: whatever is put into it would be bound to nobody */
static void
refuse_plain_column(Oid relid)
{
	if (guard_is_protected_now(relid) && !guard_changes_storage)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("a column of protected relation \"%s\" gets an encrypted type otherwise",
						get_rel_name(relid)),
				 errhint("Give it the base type, and call privseg.encrypt_column().")));
}

static void
refuse_type(Oid relid, const char *column)
{
	ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
					errmsg("column \"%s\" of \"%s\" is encrypted, and keeps its type", column,
						   get_rel_name(relid)),
					errhint("Call privseg.decrypt_column() to have it as it was.")));
}

/*
 * guard_encrypted_column -- a column is altered, of a relation that need not be protected.
 *	before, after	its row in pg_attribute
 */
void
guard_encrypted_column(Oid relid, Form_pg_attribute before, Form_pg_attribute after)
{
	if (before->atttypid == after->atttypid || guard_changes_storage)
		return;
	if (!is_encrypted(before->atttypid))
	{
		if (!encrypted_holds(after->atttypid))
			return;
		refuse_plain_column(relid);
		if (!guard_is_empty(relid))
			encrypted_refuse_unbound();
		return;
	}
	refuse_type(relid, NameStr(before->attname));
}

/*
 * guard_retyped -- ALTER TABLE, to whichever type: also its own, where what is there would be
 * replaced by what an expression makes of it, past the trigger.  Nobody may, nor in maintenance,
 * where values are not opened.
 */
void
guard_retyped(Oid relid, const AlterTableCmd *command)
{
	AttrNumber column = command->subtype == AT_AlterColumnType && command->name != NULL ?
							get_attnum(relid, command->name) :
							InvalidAttrNumber;

	if (column > 0 && !guard_changes_storage && encrypted_holds(get_atttype(relid, column)))
		refuse_type(relid, command->name);
}

/*
 * guard_encrypted_dropped -- DROP COLUMN, which a schema tool plans that takes the type for another
 * than its model's
 */
void
guard_encrypted_dropped(Oid relid, const AlterTableCmd *command)
{
	AttrNumber column = command->subtype == AT_DropColumn && command->name != NULL ?
							get_attnum(relid, command->name) :
							InvalidAttrNumber;

	if (column > 0 && encrypted_holds(get_atttype(relid, column)) &&
		protected_relation(relid) != NULL && !row_security_bypassed() &&
		!role_is_admin(GetUserId(), "privseg_admin"))
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("column \"%s\" of \"%s\" is encrypted, and only members of "
							   "privseg_admin drop it",
							   command->name, get_rel_name(relid)),
						errhint("Or call privseg.decrypt_column() first.")));
}

static void
refuse(const char *what, Oid relid)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("%s of encrypted columns of \"%s\" is not possible", what, get_rel_name(relid)),
			 errdetail("It would be in an order that depends on who may read them.")));
}

/* hint: what there is in its place */
static void
refuse_index(Oid relid, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("an index of encrypted columns of \"%s\" is not possible", get_rel_name(relid)),
			 errdetail("%s", detail), errhint("%s", hint)));
}

static void
index_created(Oid index)
{
	static const char by_reader[] = "It would be in an order that depends on who may read them.";
	HeapTuple tuple = guard_row_of_oid(IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid,
									   index, SnapshotSelf);
	Form_pg_index form;
	const oidvector *classes;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_index) GETSTRUCT(tuple);
	classes = guard_index_classes(tuple);
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		HeapTuple tuple_of_column = form->indkey.values[i] != 0 ?
										guard_column_row(form->indrelid, form->indkey.values[i]) :
										NULL;
		Form_pg_attribute column;

		if (!HeapTupleIsValid(tuple_of_column))
			continue;
		column = (Form_pg_attribute) GETSTRUCT(tuple_of_column);
		if (!encrypted_holds(column->atttypid))
			continue;
		/* of a dump, perhaps, whose rows that say so are yet to come, or are not in it */
		if (!guard_is_searchable(form->indrelid, NameStr(column->attname)) &&
			!row_security_bypassed())
		{
			/* LIKE ... INCLUDING ALL copies the index, and not the protection */
			if (!guard_is_protected_now(form->indrelid))
				refuse_index(
					form->indrelid, "Columns are searchable in protected relations only.",
					"To copy a protected relation's columns, CREATE TABLE ... (LIKE ... INCLUDING ALL EXCLUDING INDEXES).");
			refuse_index(
				form->indrelid, by_reader,
				"Encrypt the column as searchable, and equal values can be found by an index.");
		}
		if (!guard_is_search_class(classes->values[i]))
			refuse_index(
				form->indrelid, by_reader,
				"CREATE INDEX, CREATE UNIQUE INDEX or USING hash finds equal values of a searchable column; constraints are not possible.");
	}
	if (uses_encrypted(guard_expression(tuple, Anum_pg_index_indexprs, IndexRelationId), NULL) ||
		uses_encrypted(guard_expression(tuple, Anum_pg_index_indpred, IndexRelationId), NULL))
		refuse("an index", form->indrelid);
}

static void
statistics_created(Oid statistics)
{
	HeapTuple tuple = guard_row_of_oid(StatisticExtRelationId, StatisticExtOidIndexId,
									   Anum_pg_statistic_ext_oid, statistics, SnapshotSelf);
	Form_pg_statistic_ext form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
	for (int i = 0; i < form->stxkeys.dim1; i++)
		if (encrypted_holds(get_atttype(form->stxrelid, form->stxkeys.values[i])))
			refuse("a statistics object", form->stxrelid);
	if (uses_encrypted(
			guard_expression(tuple, Anum_pg_statistic_ext_stxexprs, StatisticExtRelationId), NULL))
		refuse("a statistics object", form->stxrelid);
}

/* a default that uses other columns is that of a generated one */
static void
default_created(Oid relid, AttrNumber column)
{
	HeapTuple tuple =
		guard_row_of_column(AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid,
							Anum_pg_attrdef_adnum, relid, column);

	HeapTuple described = guard_column_row(relid, column);

	if (!HeapTupleIsValid(tuple))
		return;
	if (uses_encrypted(guard_expression(tuple, Anum_pg_attrdef_adbin, AttrDefaultRelationId),
					   NULL) ||
		(HeapTupleIsValid(described) &&
		 ((Form_pg_attribute) GETSTRUCT(described))->attgenerated != '\0' &&
		 encrypted_holds(((Form_pg_attribute) GETSTRUCT(described))->atttypid)))
		refuse("a generated column", relid);
	/* of a column that is added, the rows that are there would get it */
	if (HeapTupleIsValid(described) &&
		encrypted_holds(((Form_pg_attribute) GETSTRUCT(described))->atttypid) &&
		!guard_is_protected_now(relid) && !guard_is_empty(relid))
		encrypted_refuse_unbound();
}

static void
column_created(Oid relid, AttrNumber column)
{
	HeapTuple tuple = guard_column_row(relid, column);

	Oid type;

	if (!HeapTupleIsValid(tuple))
		return;
	type = ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid;
	if (!encrypted_holds(type))
		return;
	refuse_plain_column(relid);
	/* the default of a domain becomes that of the rows that are there */
	if (get_typtype(type) == TYPTYPE_DOMAIN && get_typdefault(type) != NULL &&
		!guard_is_empty(relid))
		encrypted_refuse_unbound();
}

static bool
any_is_encrypted(Oid relid, const AttrNumber *columns, int n)
{
	for (int i = 0; i < n; i++)
		if (encrypted_holds(get_atttype(relid, columns[i])))
			return true;
	return false;
}

/* core's queries would compare as whoever happens to write may read */
static void
constraint_created(Oid constraint)
{
	HeapTuple tuple = guard_row_of_oid(ConstraintRelationId, ConstraintOidIndexId,
									   Anum_pg_constraint_oid, constraint, SnapshotSelf);
	Form_pg_constraint form;
	AttrNumber referring[INDEX_MAX_KEYS];
	AttrNumber referred[INDEX_MAX_KEYS];
	int n;

	if (!HeapTupleIsValid(tuple) ||
		((Form_pg_constraint) GETSTRUCT(tuple))->contype != CONSTRAINT_FOREIGN)
		return;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	DeconstructFkConstraintRow(tuple, &n, referring, referred, NULL, NULL, NULL, NULL, NULL);
	if (!any_is_encrypted(form->conrelid, referring, n) &&
		!any_is_encrypted(form->confrelid, referred, n))
		return;
	ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
					errmsg("a foreign key of encrypted columns of \"%s\" is not possible",
						   get_rel_name(form->conrelid)),
					errdetail("Whether a row refers to another would depend on who may read both."),
					errhint("Refer to the key of the subject.")));
}

/* a partitioned table that is being made, whose key core has not written yet */
static Oid partitioned_made = InvalidOid;

static void
relation_created(Oid relid)
{
	HeapTuple tuple = guard_row_of_oid(RelationRelationId, ClassOidIndexId, Anum_pg_class_oid,
									   relid, SnapshotSelf);

	index_created(relid);
	if (HeapTupleIsValid(tuple) &&
		((Form_pg_class) GETSTRUCT(tuple))->relkind == RELKIND_PARTITIONED_TABLE)
		partitioned_made = relid;
}

/* guard_partition_key -- after a command: is a table partitioned by what is encrypted? */
void
guard_partition_key(void)
{
	Oid relid = partitioned_made;
	Relation relation;
	PartitionKey key;

	if (likely(!OidIsValid(relid)))
		return;
	relation = try_table_open(relid, AccessShareLock);
	if (relation == NULL)
	{
		partitioned_made = InvalidOid;
		return;
	}
	key = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
			  RelationGetPartitionKey(relation) :
			  NULL;
	if (key != NULL)
	{
		partitioned_made = InvalidOid;
		for (int i = 0; i < key->partnatts; i++)
			if (encrypted_holds(key->parttypid[i]))
				refuse("a partition key", relid);
		if (uses_encrypted((Node *) key->partexprs, NULL))
			refuse("a partition key", relid);
	}
	table_close(relation, AccessShareLock);
}

/*
 * guard_create_range -- CREATE TYPE AS RANGE: its maker says by which class bounds are compared,
 * and one for indexes compares what nobody may open.
 */
void
guard_create_range(CreateRangeStmt *create)
{
	ListCell *lc;

	foreach (lc, create->params)
	{
		DefElem *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, "subtype") == 0 &&
			encrypted_holds(typenameTypeId(NULL, defGetTypeName(option))))
			ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
							errmsg("a range of encrypted values is not possible"),
							errdetail("They have no order but for who may read them.")));
	}
}

/* guard_encrypted_created -- something was made, of a relation that need not be protected */
void
guard_encrypted_created(Oid class_id, Oid object_id, int sub_id)
{
	if (class_id == RelationRelationId && sub_id == 0)
		relation_created(object_id);
	else if (class_id == ConstraintRelationId)
		constraint_created(object_id);
	else if (class_id == RelationRelationId)
		column_created(object_id, sub_id);
	else if (class_id == AttrDefaultRelationId)
		default_created(object_id, sub_id);
	else if (class_id == StatisticExtRelationId)
		statistics_created(object_id);
}

static const char *
later_trigger(Oid relid)
{
	Relation relation = table_open(relid, AccessShareLock);
	const char *found = NULL;

	for (int i = 0; relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++)
	{
		Trigger *trigger = &relation->trigdesc->triggers[i];

		if (guard_comes_behind(trigger->tgname, trigger->tgtype))
			found = pstrdup(trigger->tgname);
	}
	table_close(relation, AccessShareLock);
	return found;
}

/* guard_comes_behind -- would such a trigger run after the one that seals? */
bool
guard_comes_behind(const char *name, int16 type)
{
	return TRIGGER_FOR_BEFORE(type) && TRIGGER_FOR_ROW(type) &&
		   (TRIGGER_FOR_INSERT(type) || TRIGGER_FOR_UPDATE(type)) &&
		   strcmp(name, "~privseg_encrypted") > 0;
}

/* guard_encrypted_joins -- a table becomes part of a protected tree, under this parent */
void
guard_encrypted_joins(Oid member, Oid parent)
{
	const char *trigger;

	trigger = later_trigger(member);
	if (trigger != NULL)
		guard_refuse_behind(trigger, member);
	if (!guard_has_encrypted(parent))
		return;
	if (get_rel_relkind(parent) == RELKIND_RELATION)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("protected relation \"%s\" has encrypted columns, and its inheritance "
						"children would not be encrypted",
						get_rel_name(parent)),
				 errhint("Make it a partitioned table.")));
	if (!guard_is_empty(member))
		ereport(ERROR, (errcode(PRIVSEG_ERR_SHAPE),
						errmsg("\"%s\" has rows, whose values nobody has bound to their subjects",
							   get_rel_name(member)),
						errdetail("Protected relation \"%s\" has encrypted columns.",
								  get_rel_name(parent)),
						errhint("Attach it when it is empty, and write them then.")));
}

/* guard_refuse_behind -- a trigger that would run after the one that seals */
void
guard_refuse_behind(const char *trigger, Oid relid)
{
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("trigger \"%s\" of protected relation \"%s\" would come behind the one that "
				"encrypts",
				trigger, get_rel_name(relid)),
		 errhint("Triggers before a row is written are run in the order of their names: give it "
				 "another.")));
}
