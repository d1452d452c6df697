/*
 * guard_define.c
 *	  Definitions on protected relations that would run code over every row, hidden
 *	  ones included, or tell of one: expressions of indexes, constraints, generated
 *	  columns and statistics, changes of a column's type, what is validated against
 *	  rows that are there.
 *
 * What is reviewed (policy_reviewed.c) is allowed; so is everything to whoever may
 * bypass row security and has said `row_security = off`.
 *
 * Core calls these hooks by OID when the catalog's row is written, before any
 * row of the relation is looked at.  Only SnapshotSelf sees the new row then.
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/heaptoast.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "errors.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "policy_reviewed.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(definition_is_reviewed);
PG_FUNCTION_INFO_V1(class_is_reviewed);
PG_FUNCTION_INFO_V1(type_is_reviewed);
PG_FUNCTION_INFO_V1(results_are_reviewed);

/*
 * What the command that runs is allowed, and which columns it has added so far: they
 * have no values of anybody.  More than fit are taken for old ones.
 */
static bool maintains = false;
/* and by whom */
static bool administers = false;
static struct
{
	Oid relid;
	AttrNumber column;
} added[256];
static int n_added = 0;
/* has it changed how a column's values are stored?  They are as before while it runs. */
static bool retyped = false;

/* a utility command runs */
bool guard_in_command = false;

/* guard_command_begins -- a utility command; call guard_command_ends() also after an error */
GuardCommand
guard_command_begins(Node *command)
{
	GuardCommand outer = {.in_command = guard_in_command,
						  .maintains = maintains,
						  .administers = administers,
						  .retyped = retyped,
						  .n_added = n_added};

	guard_in_command = true;

	/* asked here, for core becomes the relation's owner before it makes an index */
	maintains = !IsA(command, TransactionStmt) && protected_any() && row_security_bypassed();
	administers = (IsA(command, IndexStmt) || IsA(command, AlterTableStmt)) && protected_any() &&
				  role_is_admin(GetUserId(), "privseg_admin");
	return outer;
}

void
guard_command_ends(GuardCommand outer)
{
	guard_in_command = outer.in_command;
	maintains = outer.maintains;
	administers = outer.administers;
	retyped = outer.retyped;
	n_added = outer.n_added;
}

static void
column_added(Oid relid, AttrNumber column)
{
	if (n_added == lengthof(added))
		return;
	added[n_added].relid = relid;
	added[n_added].column = column;
	n_added++;
}

static bool
is_added(Oid relid, AttrNumber column)
{
	for (int i = 0; i < n_added; i++)
		if (added[i].relid == relid && added[i].column == column)
			return true;
	return false;
}

/* guard_may_compare -- may what is defined tell which values are equal? */
bool
guard_may_compare(void)
{
	return administers || guard_may_define();
}

/* guard_may_define -- may whatever is defined be so, for row_security = off is honoured? */
bool
guard_may_define(void)
{
	return maintains || guard_changes_storage || row_security_bypassed();
}

/*
 * guard_refuse -- a definition that is not allowed.
 *	what	"an index ...", the beginning of a sentence
 *	why		a sentence
 */
void
guard_refuse(Oid relid, const char *what, const char *why)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("%s is not allowed on protected relation \"%s\"", what, get_rel_name(relid)),
			 errdetail("%s", why),
			 errhint("Whoever may bypass row security can do it after SET row_security = "
					 "off.")));
}

/* ---- what is there now ---- */

/* guard_root_now -- of the tree it is in, or comes into with the command that runs; or InvalidOid */
Oid
guard_root_now(Oid relid)
{
	const ProtectedRelation *found = protected_relation(relid);
	ListCell *lc;

	if (found != NULL)
		return found->relid;
	foreach (lc, guard_parents(relid, SnapshotSelf))
		if ((found = protected_relation(lfirst_oid(lc))) != NULL)
			return found->relid;
	return InvalidOid;
}

/* guard_is_protected_now -- is it protected, or becomes so with the command that runs? */
bool
guard_is_protected_now(Oid relid)
{
	return OidIsValid(guard_root_now(relid));
}

/* guard_is_empty -- has it no row, not even a dead one?  A parent's rows are its children's. */
bool
guard_is_empty(Oid relid)
{
	Relation relation;
	bool result;

	if (get_rel_relkind(relid) != RELKIND_RELATION)
		return true;
	relation = table_open(relid, AccessShareLock);
	result = RelationGetNumberOfBlocks(relation) == 0;
	table_close(relation, AccessShareLock);
	return result;
}

/* guard_is_empty_tree -- nor has any of its children */
bool
guard_is_empty_tree(Oid relid)
{
	ListCell *lc;

	foreach (lc, find_all_inheritors(relid, AccessShareLock, NULL))
		if (!guard_is_empty(lfirst_oid(lc)))
			return false;
	return true;
}

/* guard_expression -- an expression in a catalog's row */
Node *
guard_expression(HeapTuple tuple, AttrNumber column, Oid catalog)
{
	Relation relation = table_open(catalog, AccessShareLock);
	bool isnull;
	Datum value = heap_getattr(tuple, column, RelationGetDescr(relation), &isnull);
	Node *expression = isnull ? NULL : stringToNode(TextDatumGetCString(value));

	table_close(relation, AccessShareLock);
	return expression;
}

/* ---- columns that are added ---- */

static void
column_created(Oid relid, AttrNumber column)
{
	HeapTuple tuple = guard_column_row(relid, column);
	Form_pg_attribute form;
	bool generated;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_attribute) GETSTRUCT(tuple);
	generated = form->attgenerated != '\0';
	/* one that is generated has values of everybody at once */
	if (!generated)
		column_added(relid, column);
	guard_row_type_changed(relid);
	if (!guard_is_protected_now(relid))
		return;
	if (!reviewed_type(form->atttypid))
		guard_refuse(relid, "a column of such a type", RUNS_CODE);
	/* its checks are asked, and its default is computed, for the rows that are there */
	if (!guard_is_empty(relid) &&
		(type_runs_user_code(form->atttypid) || runs_user_code(get_typdefault(form->atttypid))))
		guard_refuse(relid, "a column of such a domain", WHILE_REWRITTEN);
	if (!generated && !constant_default_is_short(get_typdefault(form->atttypid)) &&
		!guard_is_empty(relid))
		guard_refuse(relid, "a column with such a default", TELLS_LENGTH);
	if (generated && form->attnotnull && !guard_is_empty(relid))
		guard_refuse(relid, "NOT NULL of a generated column", TELLS_ROWS);
	guard_refuse_what_may_not_fit(relid, "such a number of columns");
	/* its values are there after the command only */
	retyped = retyped || generated;
}

/* ---- constraints, columns, statistics, rules ---- */

static bool
was_validated(Oid constraint)
{
	HeapTuple before = guard_row_of_oid(ConstraintRelationId, ConstraintOidIndexId,
										Anum_pg_constraint_oid, constraint, NULL);

	return HeapTupleIsValid(before) && ((Form_pg_constraint) GETSTRUCT(before))->convalidated;
}

/* guard_is_of_added -- is a constraint of columns only that the command itself has added? */
bool
guard_is_of_added(HeapTuple constraint, Oid relid)
{
	int16 columns[MaxHeapAttributeNumber];
	int n = guard_columns_of(constraint, Anum_pg_constraint_conkey, columns);

	for (int i = 0; i < n; i++)
		if (!is_added(relid, columns[i]))
			return false;
	return n > 0;
}

static void
constraint_changed(Oid constraint, bool created)
{
	HeapTuple tuple = guard_row_of_oid(ConstraintRelationId, ConstraintOidIndexId,
									   Anum_pg_constraint_oid, constraint, SnapshotSelf);
	Form_pg_constraint form;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	if (form->contype == CONSTRAINT_FOREIGN)
		guard_reference(tuple, form, created,
						created || (form->convalidated && !was_validated(constraint)));
	if (form->contype == CONSTRAINT_PRIMARY && created)
		guard_primary_key(tuple, form);
	if (OidIsValid(form->contypid) && form->convalidated && created)
		guard_domain_checked(form->contypid);
	if (OidIsValid(form->contypid) && created)
		guard_domain_code(form->contypid,
						  guard_expression(tuple, Anum_pg_constraint_conbin, ConstraintRelationId));
	if (form->contype != CONSTRAINT_CHECK || !OidIsValid(form->conrelid) ||
		!guard_is_protected_now(form->conrelid))
		return;
	if (created && !reviewed_expression(
					   guard_expression(tuple, Anum_pg_constraint_conbin, ConstraintRelationId)))
		guard_refuse(form->conrelid, "a check with such an expression", RUNS_CODE);
	/*
	 * Cascades ask also one that is not validated.  One that was renamed, or is
	 * inherited once more, was looked at before.
	 */
	if ((created || (form->convalidated && !was_validated(constraint))) &&
		!guard_is_of_added(tuple, form->conrelid) && !guard_is_empty(form->conrelid))
		guard_refuse(
			form->conrelid, "a check of the rows that are there",
			"It is asked of rows of everybody, then or later, and its failure tells of one. A column and its check may be added in one ALTER TABLE.");
}

static void
default_created(Oid relid, AttrNumber column)
{
	HeapTuple tuple;
	Node *expression;

	if (!guard_is_protected_now(relid))
		return;
	tuple = guard_row_of_column(AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid,
								Anum_pg_attrdef_adnum, relid, column);
	if (!HeapTupleIsValid(tuple))
		return;
	expression = guard_expression(tuple, Anum_pg_attrdef_adbin, AttrDefaultRelationId);
	/* of a column that the command adds it fills the rows that are there */
	if ((is_added(relid, column) || n_added == lengthof(added)) && !guard_is_empty(relid) &&
		runs_user_code(expression))
		guard_refuse(relid, "a column with such a default", SET_LATER);
	if ((is_added(relid, column) || n_added == lengthof(added)) && !guard_is_empty(relid) &&
		!constant_default_is_short(expression))
		guard_refuse(relid, "a column with such a default", TELLS_LENGTH);
	/* a default knows no row; what a generated column is made of does */
	if (contain_var_clause(expression) && !reviewed_expression(expression))
		guard_refuse(relid, "a column generated by such an expression", RUNS_CODE);
	if (contain_var_clause(expression) && !reviewed_definition(expression) &&
		!guard_is_empty(relid))
		guard_refuse(relid, "a column generated by such an expression", TELLS_SIZE);
	guard_generated_made(relid, column, guard_root_now(relid));
}

static void
statistics_created(Oid statistics)
{
	HeapTuple tuple = guard_row_of_oid(StatisticExtRelationId, StatisticExtOidIndexId,
									   Anum_pg_statistic_ext_oid, statistics, SnapshotSelf);
	Oid relid;
	Node *expressions;

	if (!HeapTupleIsValid(tuple))
		return;
	relid = ((Form_pg_statistic_ext) GETSTRUCT(tuple))->stxrelid;
	if (!guard_is_protected_now(relid))
		return;
	expressions = guard_expression(tuple, Anum_pg_statistic_ext_stxexprs, StatisticExtRelationId);
	if (!reviewed_expression(expressions))
		guard_refuse(relid, "statistics of such an expression", RUNS_CODE);
	if (!reviewed_results(expressions))
		guard_refuse(relid, "statistics of an expression of such a type", RUNS_CODE);
}

static void
rule_created(Oid rule)
{
	HeapTuple tuple = guard_row_of_oid(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid,
									   rule, SnapshotSelf);
	Oid relid;

	if (!HeapTupleIsValid(tuple))
		return;
	relid = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	if (guard_is_protected_now(relid))
		guard_refuse(relid, "a rule",
					 "It puts other statements in the place of those that the "
					 "policy was asked about.");
}

/* ---- columns that are altered ---- */

/* the new value, of the old one, as it would be planned; or NULL */
static Node *
conversion_of(Form_pg_attribute before, Form_pg_attribute after)
{
	Var *value =
		makeVar(1, before->attnum, before->atttypid, before->atttypmod, before->attcollation, 0);
	Node *converted =
		coerce_to_target_type(NULL, (Node *) value, before->atttypid, after->atttypid,
							  after->atttypmod, COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);

	/* core leaves away what a longer type does not need */
	return converted != NULL ? eval_const_expressions(NULL, converted) : NULL;
}

/*
 * A domain that has no check now may have one by the time that the rows are written anew, or
 * have had one when that was planned.
 */
static bool
conversion_is_reviewed(Node *conversion, Form_pg_attribute after)
{
	return conversion != NULL && get_typtype(after->atttypid) != TYPTYPE_DOMAIN &&
		   reviewed_conversion(conversion);
}

/* nothing but a name for the same value */
static bool
keeps_value(Node *conversion)
{
	while (conversion != NULL && IsA(conversion, RelabelType))
		conversion = (Node *) ((RelabelType *) conversion)->arg;
	return conversion != NULL && IsA(conversion, Var);
}

/*
 * guard_column_altered -- a column of a protected relation.
 *	before, after	its row in pg_attribute
 */
void
guard_column_altered(Oid relid, Form_pg_attribute before, Form_pg_attribute after)
{
	if (guard_may_define())
		return;
	if (before->atttypid != after->atttypid || before->atttypmod != after->atttypmod)
	{
		Node *conversion = conversion_of(before, after);

		if (!conversion_is_reviewed(conversion, after) || !reviewed_type(after->atttypid))
			guard_refuse(relid, "such a change of a column's type", CONVERTS);
		retyped = retyped || !keeps_value(conversion);
	}
	if (before->attstattarget != after->attstattarget && after->attstattarget != 0 &&
		!reviewed_type(after->atttypid))
		guard_refuse(relid, "SET STATISTICS of a column of such a type", RUNS_CODE);
	/* to whom two values are equal that were not, tells of both by a unique index */
	if ((before->atttypid != after->atttypid || before->attcollation != after->attcollation) &&
		(getBaseType(after->atttypid) >= FirstNormalObjectId ||
		 !(after->attcollation == InvalidOid ||
		   get_collation_isdeterministic(after->attcollation))) &&
		!guard_is_empty(relid))
		guard_refuse(relid, "such a change of a column's type", TELLS_ROWS);
	if (after->attlen != before->attlen)
		guard_refuse_what_may_not_fit(relid, "so wide a type");
	if (before->attstorage != after->attstorage && after->attstorage == TYPSTORAGE_PLAIN &&
		!guard_is_empty(relid))
		guard_refuse(relid, "SET STORAGE PLAIN", TELLS_WIDTH);
	if (before->atttypid == after->atttypid &&
		(before->attstorage != after->attstorage ||
		 before->attcompression != after->attcompression) &&
		guard_is_indexed(relid, after->attnum) && !guard_is_empty(relid))
		guard_refuse(relid, "SET STORAGE or SET COMPRESSION of a column with an index",
					 "A row that no longer fits into it is told.");
	if (before->attgenerated != '\0' && after->attgenerated == '\0' && !guard_is_empty(relid))
		guard_refuse(relid, "DROP EXPRESSION", "What was computed of rows of everybody is kept.");
	if (!before->attnotnull && after->attnotnull && !guard_is_empty(relid))
		guard_refuse(relid, "SET NOT NULL", TELLS_ROWS);
}

/* ---- partitions ---- */

/*
 * guard_default_partition -- a new partition's rows must not be in the default one:
 * that its key is there would be told.
 */
void
guard_default_partition(Oid parent)
{
	Oid other = get_rel_relkind(parent) == RELKIND_PARTITIONED_TABLE ?
					get_default_partition_oid(parent) :
					InvalidOid;
	ListCell *lc;

	if (!OidIsValid(other) || guard_may_define())
		return;
	/* as core locks it before it looks: nobody writes to it in between */
	LockRelationOid(other, AccessExclusiveLock);
	foreach (lc, find_all_inheritors(other, AccessExclusiveLock, NULL))
		if (!guard_is_empty(lfirst_oid(lc)))
			guard_refuse(parent, "another partition beside a default one that is not empty",
						 TELLS_ROWS);
}

/*
 * guard_defined -- for core's object access hook: something was created, or altered.
 */
void
guard_defined(bool created, Oid class_id, Oid object_id, int sub_id)
{
	if (!protected_any() || guard_may_define())
		return;
	switch (class_id)
	{
		case RelationRelationId:
			if (created && sub_id == 0)
				guard_index_created(object_id, retyped);
			else if (created)
				column_created(object_id, sub_id);
			break;
		case ConstraintRelationId:
			constraint_changed(object_id, created);
			break;
		case AttrDefaultRelationId:
			default_created(object_id, sub_id);
			break;
		case StatisticExtRelationId:
			if (created)
				statistics_created(object_id);
			break;
		case RewriteRelationId:
			if (created)
				rule_created(object_id);
			break;
		case PublicationRelationId:
		case PublicationRelRelationId:
		case PublicationNamespaceRelationId:
			guard_publication(class_id, object_id);
			break;
		default:
			break;
	}
}

/* ---- for what was there before (sql/04-protection.sql) ---- */

/* definition_is_reviewed(pg_node_tree) RETURNS boolean */
Datum
definition_is_reviewed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reviewed_expression(stringToNode(TextDatumGetCString(PG_GETARG_DATUM(0)))));
}

/* class_is_reviewed(oid, oid) RETURNS boolean: an operator class, for a column of an index of this type */
Datum
class_is_reviewed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reviewed_index_class(PG_GETARG_OID(0), PG_GETARG_OID(1)));
}

/* type_is_reviewed(oid) RETURNS boolean: of a column */
Datum
type_is_reviewed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reviewed_type(PG_GETARG_OID(0)));
}

/* results_are_reviewed(pg_node_tree) RETURNS boolean: of expressions of an index, or of statistics */
Datum
results_are_reviewed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reviewed_results(stringToNode(TextDatumGetCString(PG_GETARG_DATUM(0)))));
}
