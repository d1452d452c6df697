/*
 * guard_copy.c
 *	  COPY of whole relations, which core does without a query where row security
 *	  does not bind, and refuses to fill where it does.
 *
 * TO becomes COPY of a query.  FROM is done here, by core's own routines and with
 * the checks of core's DoCopy().  Where nothing changes a row between the input and
 * the table, the policy is a further condition on what is read, one that raises an
 * error; core then inserts many rows at once.  Where BEFORE triggers, generated
 * keys or other policies have a say, the rows are kept and inserted by INSERT.
 */
#include "compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/copy.h"
#include "commands/copyfrom_internal.h"
#include "commands/trigger.h"
#include "encrypted.h"
#include "errors.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/prep.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "policy.h"
#include "policy_row.h"
#include "replication/walsender.h"
#include "rewrite/rowsecurity.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "usage.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/tuplestore.h"

/* ---- TO ---- */

/* the type inside a relation's column that is encrypted, where values are opened; or InvalidOid */
static Oid
type_inside(Oid relid, const char *column)
{
	AttrNumber number = get_attnum(relid, column);
	EncryptedCode code = number > 0 && !encrypted_passes_unopened() ?
							 encrypted_code(getBaseType(get_atttype(relid, number))) :
							 ENCRYPTED_NONE;

	return encrypted_types[code].base;
}

static bool
opens_any(Oid relid)
{
	FormData_pg_class class;

	if (!OidIsValid(relid) || !catalog_class(relid, &class) || !catalog_has_added_types(relid))
		return false;
	for (AttrNumber number = 1; number <= class.relnatts; number++)
	{
		const char *name = get_attname(relid, number, true);

		if (name != NULL && OidIsValid(type_inside(relid, name)))
			return true;
	}
	return false;
}

/* the columns that a star stands for */
static List *
all_columns(Oid relid)
{
	FormData_pg_class class;
	List *result = NIL;

	if (!catalog_class(relid, &class))
		return NIL;
	for (AttrNumber number = 1; number <= class.relnatts; number++)
	{
		char *name = get_attname(relid, number, true);

		/* one that was dropped has no type; of a table COPY leaves out what is generated, of a query not */
		if (name != NULL && OidIsValid(get_atttype(relid, number)) &&
			(get_attgenerated(relid, number) == '\0' || protected_relation(relid) != NULL))
			result = lappend(result, makeString(name));
	}
	return result;
}

/* what is encrypted is opened by a cast, which is NULL where it is not shown: text has no such value */
static List *
targets(const List *columns, Oid relid)
{
	List *result = NIL;
	const ListCell *lc;

	if (columns == NIL)
		columns = opens_any(relid) ? all_columns(relid) : list_make1(makeNode(A_Star));
	foreach (lc, columns)
	{
		ColumnRef *column = makeNode(ColumnRef);
		ResTarget *target = makeNode(ResTarget);
		Oid inside = IsA(lfirst(lc), String) ? type_inside(relid, strVal(lfirst(lc))) : InvalidOid;

		column->fields = list_make1(lfirst(lc));
		column->location = -1;
		target->val = (Node *) column;
		target->location = -1;
		if (OidIsValid(inside))
		{
			TypeCast *cast = makeNode(TypeCast);

			cast->arg = (Node *) column;
			cast->typeName = makeTypeNameFromOid(inside, -1);
			cast->location = -1;
			target->val = (Node *) cast;
			target->name = strVal(lfirst(lc));
		}
		result = lappend(result, target);
	}
	return result;
}

/* of others core says what COPY does not do */
static bool
is_table(Oid relid)
{
	char kind = get_rel_relkind(relid);

	return kind == RELKIND_RELATION ||
		   (kind == RELKIND_PARTITIONED_TABLE && protected_relation(relid) != NULL);
}

/* make it COPY (SELECT ...) TO, as core does where row security binds */
static void
copy_query(CopyStmt *copy, Oid relid)
{
	SelectStmt *select = makeNode(SelectStmt);
	RangeVar *relation =
		makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1);

	relation->inh = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
	select->targetList = targets(copy->attlist, relid);
	select->fromClause = list_make1(relation);
	copy->relation = NULL;
	copy->attlist = NIL;
	copy->query = (Node *) select;
}

/*
 * guard_copy -- TO: make it a query.
 */
void
guard_copy(CopyStmt *copy)
{
	Oid relid;

	if (copy->relation == NULL)
		return;
	if (copy->is_from)
	{
		guard_bound_copy(copy);
		return;
	}
	if (!protected_any())
		return;
	/* while core waited for the lock, the name might move to another relation */
	relid = RangeVarGetRelid(copy->relation, AccessShareLock, true);
	/* guard_counters.c and guard_statistics.c change what queries see of these */
	if (relid == RelationRelationId || guard_keeps_statistics(relid))
		copy_query(copy, relid);
	else if (opens_any(relid) && is_table(relid))
		copy_query(copy, relid);
	else if (protected_relation(relid) != NULL && !row_security_bypassed() &&
			 check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED)
		copy_query(copy, relid);
}

/* guard_copies_for_replication -- is it the initial copy of logical replication? */
bool
guard_copies_for_replication(Node *node)
{
	return am_walsender && IsA(node, CopyStmt) && !((CopyStmt *) node)->is_from &&
		   ((CopyStmt *) node)->filename == NULL;
}

/* ---- FROM ---- */

static void
require_source(const CopyStmt *copy)
{
	Oid role = copy->is_program ? ROLE_PG_EXECUTE_SERVER_PROGRAM : ROLE_PG_READ_SERVER_FILES;

	if (copy->filename == NULL || has_privs_of_role(GetUserId(), role))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be superuser or have privileges of the %s role to COPY from %s",
					GetUserNameFromId(role, false), copy->is_program ? "a program" : "a file"),
			 errhint("Anyone can COPY from stdin. psql's \\copy command also works for anyone.")));
}

/* the attributes an expression refers to; all of them for a whole row */
static Bitmapset *
referenced(Node *expression, Relation relation)
{
	Bitmapset *attributes = NULL;
	int whole_row = -FirstLowInvalidHeapAttributeNumber;

	pull_varattnos(expression, 1, &attributes);
	if (bms_is_member(whole_row, attributes))
	{
		attributes = bms_add_range(attributes, whole_row + 1,
								   whole_row + RelationGetNumberOfAttributes(relation));
		attributes = bms_del_member(attributes, whole_row);
	}
	return attributes;
}

/* COPY ... WHERE, ready to run */
static List *
transform_where(ParseState *parse, ParseNamespaceItem *item, Relation relation, Node *where)
{
	Bitmapset *attributes;
	int member = -1;

	addNSItemToQuery(parse, item, false, true, true);
	where = transformExpr(parse, where, EXPR_KIND_COPY_WHERE);
	where = coerce_to_boolean(parse, where, "WHERE");
	assign_expr_collations(parse, where);
	attributes = referenced(where, relation);
	while ((member = bms_next_member(attributes, member)) >= 0)
	{
		AttrNumber attribute = member + FirstLowInvalidHeapAttributeNumber;

		if (attribute > 0 && TupleDescAttr(RelationGetDescr(relation), attribute - 1)->attgenerated)
			ereport(
				ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("generated columns are not supported in COPY FROM WHERE conditions"),
				 errdetail(
					 "Column \"%s\" is a generated column.",
					 NameStr(TupleDescAttr(RelationGetDescr(relation), attribute - 1)->attname))));
	}
	where = eval_const_expressions(NULL, where);
	where = (Node *) canonicalize_qual((Expr *) where, false);
	return make_ands_implicit((Expr *) where);
}

static bool
key_is_generated(const ProtectedRelation *entry, Relation relation)
{
	TupleDesc columns = RelationGetDescr(relation);

	for (int i = 0; i < columns->natts; i++)
		if (TupleDescAttr(columns, i)->attgenerated &&
			protected_by_column(entry, NameStr(TupleDescAttr(columns, i)->attname)))
			return true;
	return false;
}

/* do rows reach the table as they were read?  A partition has generated columns of its own. */
static bool
rows_stay_as_read(const ProtectedRelation *entry, Relation relation)
{
	ListCell *lc;

	foreach (lc, find_all_inheritors(RelationGetRelid(relation), RowExclusiveLock, NULL))
	{
		Relation member = table_open(lfirst_oid(lc), NoLock);
		bool changes = (member->trigdesc != NULL && (member->trigdesc->trig_insert_before_row ||
													 member->trigdesc->trig_insert_instead_row)) ||
					   key_is_generated(entry, member);

		table_close(member, NoLock);
		if (changes)
			return false;
		if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			break;
	}
	return true;
}

Oid guard_copying = InvalidOid;

/*
 * guard_stays_as_copied -- triggers and partitions of a relation into which core copies
 * are as they were looked at: code of users that runs meanwhile makes none.
 */
void
guard_stays_as_copied(Oid relid)
{
	const ProtectedRelation *entry = OidIsValid(guard_copying) ? protected_relation(relid) : NULL;

	if (entry == NULL || entry->relid != guard_copying)
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
					errmsg("protected relation \"%s\" gets no trigger or partition while COPY "
						   "fills it",
						   get_rel_name(entry->relid))));
}

static bool
has_other_policies(const ProtectedRelation *entry, Relation relation)
{
	ListCell *lc;

	if (!entry->open_policy)
		return true;
	if (relation->rd_rsdesc == NULL)
		return false;
	foreach (lc, relation->rd_rsdesc->policies)
	{
		const char *name = ((RowSecurityPolicy *) lfirst(lc))->policy_name;

		if (strcmp(name, "privseg") != 0 && strcmp(name, "privseg_library") != 0)
			return true;
	}
	return false;
}

/* core copies; the policy is a further condition */
static uint64
copy_by_core(ParseState *parse, const CopyStmt *copy, Relation relation, List *where,
			 const ProtectedRelation *entry)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg copy", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Oid copying = guard_copying;
	CopyFromState volatile state = NULL;
	uint64 volatile processed = 0;

	usage_wrote(entry->relid);
	where = list_concat_copy(where, policy_copy_quals(entry, RelationGetRelid(relation), 1));
	/* one purpose from begin to end: what a trigger sets is not for its own statement */
	policy_statement_begins(context, READS_PERMITTED, 0, NULL);
	old = MemoryContextSwitchTo(context);
	guard_copying = entry->relid;
	PG_TRY();
	{
		state = BeginCopyFrom(parse, relation, (Node *) where, copy->filename, copy->is_program,
							  NULL, copy->attlist, copy->options);
		processed = CopyFrom(state);
		policy_statement_went_on(context);
		EndCopyFrom(state);
	}
	PG_CATCH();
	{
		ErrorData *error;

		guard_copying = copying;
		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE || state == NULL)
			PG_RE_THROW();
		FlushErrorState();
		if (strcmp(error->message, ROW_COPIED_ERROR) == 0)
			error->message = psprintf("%s for table \"%s\"", ROW_COPIED_ERROR,
									  RelationGetRelationName(relation));
		/* core's holds the row */
		error->context = psprintf("COPY %s, line " UINT64_FORMAT, RelationGetRelationName(relation),
								  state->cur_lineno);
		ReThrowError(error);
	}
	PG_END_TRY();
	guard_copying = copying;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return processed;
}

/* the columns that are read, as a row of their own, and their names */
static TupleDesc
read_columns(const CopyFromState state, StringInfo names)
{
	TupleDesc all = RelationGetDescr(state->rel);
	TupleDesc read = CreateTemplateTupleDesc(list_length(state->attnumlist));
	ListCell *lc;

	foreach (lc, state->attnumlist)
	{
		int n = foreach_current_index(lc) + 1;

		TupleDescCopyEntry(read, n, all, lfirst_int(lc));
		appendStringInfo(
			names, "%s%s", n > 1 ? ", " : "",
			quote_identifier(NameStr(TupleDescAttr(all, lfirst_int(lc) - 1)->attname)));
	}
	return read;
}

/* INSERT will fill them in: they are not known where rows are read */
static void
leave_defaults(CopyFromState state, List *where)
{
	Bitmapset *attributes = referenced((Node *) where, state->rel);

	for (int i = 0; i < state->num_defaults; i++)
		if (bms_is_member(state->defmap[i] + 1 - FirstLowInvalidHeapAttributeNumber, attributes))
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_SHAPE),
					 errmsg("COPY into protected relation \"%s\" cannot compare a column that is "
							"not read",
							RelationGetRelationName(state->rel)),
					 errhint("COPY into a temporary table, and INSERT from there.")));
	state->num_defaults = 0;
}

/* in place of core's, which quotes the line: of what is to be encrypted nothing goes to a log */
static void
copy_context(void *argument)
{
	CopyFromState state = argument;

	errcontext("COPY %s, line " UINT64_FORMAT, RelationGetRelationName(state->rel),
			   state->cur_lineno);
}

static Tuplestorestate *
read_rows(CopyFromState state, List *where, TupleDesc read)
{
	EState *estate = CreateExecutorState();
	ExprContext *context = GetPerTupleExprContext(estate);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(state->rel), &TTSOpsVirtual);
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	ExprState *qual = ExecPrepareQual(where, estate);
	Datum *values = palloc(read->natts * sizeof(Datum));
	bool *nulls = palloc(read->natts * sizeof(bool));
	MemoryContext old = CurrentMemoryContext;
	ErrorContextCallback callback;

	callback.callback =
		guard_has_encrypted(RelationGetRelid(state->rel)) ? copy_context : CopyFromErrorCallback;
	callback.arg = state;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	for (;;)
	{
		ListCell *lc;
		bool more;

		CHECK_FOR_INTERRUPTS();
		ResetPerTupleExprContext(estate);
		ExecClearTuple(slot);
		MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
		more = NextCopyFrom(state, context, slot->tts_values, slot->tts_isnull);
		MemoryContextSwitchTo(old);
		if (!more)
			break;
		ExecStoreVirtualTuple(slot);
		slot->tts_tableOid = RelationGetRelid(state->rel);
		context->ecxt_scantuple = slot;
		if (!ExecQual(qual, context))
			continue;
		foreach (lc, state->attnumlist)
		{
			int n = foreach_current_index(lc);

			values[n] = slot->tts_values[lfirst_int(lc) - 1];
			nulls[n] = slot->tts_isnull[lfirst_int(lc) - 1];
		}
		tuplestore_putvalues(rows, read, values, nulls);
	}
	error_context_stack = callback.previous;
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
	return rows;
}

/* read all, then INSERT ... SELECT */
static uint64
copy_by_insert(ParseState *parse, const CopyStmt *copy, Relation relation, List *where)
{
	CopyFromState state = BeginCopyFrom(parse, relation, NULL, copy->filename, copy->is_program,
										NULL, copy->attlist, copy->options);
	EphemeralNamedRelationData rows = {0};
	StringInfoData names;
	StringInfoData insert;
	uint64 processed;

	if (state->opts.freeze || relation->rd_rules != NULL)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_SHAPE),
				 errmsg("COPY %s is not supported on protected relation \"%s\"",
						state->opts.freeze ? "FREEZE" : "FROM", RelationGetRelationName(relation)),
				 errdetail("It has triggers or policies that see every row, or rules."),
				 errhint("Use INSERT, or COPY without FREEZE.")));
	leave_defaults(state, where);
	initStringInfo(&names);
	rows.md.name = "privseg_copied";
	rows.md.enrtype = ENR_NAMED_TUPLESTORE;
	rows.md.tupdesc = read_columns(state, &names);
	rows.reldata = read_rows(state, where, rows.md.tupdesc);
	EndCopyFrom(state);

	initStringInfo(&insert);
	appendStringInfo(&insert,
					 "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM privseg_copied",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)),
					 names.data, names.data);
	if (SPI_connect() != SPI_OK_CONNECT || SPI_register_relation(&rows) != SPI_OK_REL_REGISTER ||
		SPI_execute(insert.data, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert what COPY has read");
	processed = SPI_processed;
	SPI_finish();
	tuplestore_end(rows.reldata);
	return processed;
}

/*
 * guard_copy_from -- COPY FROM into a protected relation, with core's checks and the
 * policy's.  False where it is for core to do.
 *	statement	whose tree is read only
 *	completion	may be NULL
 */
bool
guard_copy_from(PlannedStmt *statement, const char *query_string, QueryEnvironment *environment,
				QueryCompletion *completion)
{
	CopyStmt *copy = (CopyStmt *) statement->utilityStmt;
	Oid relid;
	ProtectedRelation entry;
	ParseState *parse;
	ParseNamespaceItem *item;
	Relation relation;
	List *where = NIL;
	ListCell *lc;
	uint64 processed;

	if (!IsA(copy, CopyStmt) || !copy->is_from || !protected_any() || row_security_bypassed())
		return false;
	require_source(copy);
	/* core asks for no right before it waits for the lock, either */
	relid = RangeVarGetRelid(copy->relation, RowExclusiveLock, true);
	if (protected_relation(relid) == NULL)
		return false;
	entry = *protected_relation(relid);
	relation = table_open(relid, NoLock);
	PreventCommandIfParallelMode("COPY FROM");
	PreventCommandDuringRecovery("COPY FROM");
	if (!relation->rd_islocaltemp)
		PreventCommandIfReadOnly("COPY FROM");
	parse = make_parsestate(NULL);
	parse->p_sourcetext = query_string;
	parse->p_queryEnv = environment;
	item = addRangeTableEntryForRelation(parse, relation, RowExclusiveLock, NULL, false, false);
	item->p_rte->requiredPerms = ACL_INSERT;
	copy = copyObject(copy);
	if (copy->whereClause != NULL)
		where = transform_where(parse, item, relation, copy->whereClause);
	foreach (lc, CopyGetAttnums(RelationGetDescr(relation), relation, copy->attlist))
		item->p_rte->insertedCols = bms_add_member(
			item->p_rte->insertedCols, lfirst_int(lc) - FirstLowInvalidHeapAttributeNumber);
	ExecCheckRTPerms(parse->p_rtable, true);
	(void) policy_require_purpose(GetUserId());
	usage_may_copy(relid, entry.relid, item->p_rte->insertedCols);

	if (rows_stay_as_read(&entry, relation) && !has_other_policies(&entry, relation))
		processed = copy_by_core(parse, copy, relation, where, &entry);
	else
		processed = copy_by_insert(parse, copy, relation, where);
	table_close(relation, NoLock);
	free_parsestate(parse);
	if (completion)
		SetQueryCompletion(completion, CMDTAG_COPY, processed);
	return true;
}
