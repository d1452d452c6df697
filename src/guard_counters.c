/*
 * guard_counters.c
 *	  What core counts of a table tells of hidden rows: how many there are, how many
 *	  were fetched by an index that was asked before the policy.
 *
 * Whoever may not see such figures gets none: in a statement's tree, columns of
 * pg_class and calls of core's functions are replaced by ones that ask who reads,
 * when they run.  They are replaced for everybody, because plans are shared.  A
 * function that reaches the executor in another way -- a SQL function of a user
 * that the planner inlines, a call by the fastpath protocol -- is refused there.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "errors.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "guard.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(counters_shown);
PG_FUNCTION_INFO_V1(shown_counter);
PG_FUNCTION_INFO_V1(shown_time);
PG_FUNCTION_INFO_V1(shown_size);
PG_FUNCTION_INFO_V1(shown_progress);
PG_FUNCTION_INFO_V1(shown_tid);

/* of a relation: how often it was read, which depends on the rows that it was joined with */
static const Oid counters_of_reads[] = {
	F_PG_STAT_GET_NUMSCANS,
	F_PG_STAT_GET_TUPLES_RETURNED,
	F_PG_STAT_GET_TUPLES_FETCHED,
	F_PG_STAT_GET_BLOCKS_FETCHED,
	F_PG_STAT_GET_BLOCKS_HIT,
	F_PG_STAT_GET_XACT_NUMSCANS,
	F_PG_STAT_GET_XACT_TUPLES_RETURNED,
	F_PG_STAT_GET_XACT_TUPLES_FETCHED,
	F_PG_STAT_GET_XACT_BLOCKS_FETCHED,
	F_PG_STAT_GET_XACT_BLOCKS_HIT,
};

/* rows there are, and rows written */
static const Oid relation_counters[] = {
	F_PG_STAT_GET_TUPLES_INSERTED,
	F_PG_STAT_GET_TUPLES_UPDATED,
	F_PG_STAT_GET_TUPLES_DELETED,
	F_PG_STAT_GET_TUPLES_HOT_UPDATED,
	F_PG_STAT_GET_LIVE_TUPLES,
	F_PG_STAT_GET_DEAD_TUPLES,
	F_PG_STAT_GET_MOD_SINCE_ANALYZE,
	F_PG_STAT_GET_INS_SINCE_VACUUM,
	F_PG_STAT_GET_XACT_TUPLES_INSERTED,
	F_PG_STAT_GET_XACT_TUPLES_UPDATED,
	F_PG_STAT_GET_XACT_TUPLES_DELETED,
	F_PG_STAT_GET_XACT_TUPLES_HOT_UPDATED,
	/* autovacuum goes by how many rows there are */
	F_PG_STAT_GET_VACUUM_COUNT,
	F_PG_STAT_GET_AUTOVACUUM_COUNT,
	F_PG_STAT_GET_ANALYZE_COUNT,
	F_PG_STAT_GET_AUTOANALYZE_COUNT,
};
static const Oid relation_moments[] = {
	F_PG_STAT_GET_LAST_VACUUM_TIME,
	F_PG_STAT_GET_LAST_AUTOVACUUM_TIME,
	F_PG_STAT_GET_LAST_ANALYZE_TIME,
	F_PG_STAT_GET_LAST_AUTOANALYZE_TIME,
};

/* of the database, that is, of all its tables */
static const Oid database_counters[] = {
	F_PG_STAT_GET_DB_BLOCKS_FETCHED,  F_PG_STAT_GET_DB_BLOCKS_HIT,
	F_PG_STAT_GET_DB_TUPLES_RETURNED, F_PG_STAT_GET_DB_TUPLES_FETCHED,
	F_PG_STAT_GET_DB_TUPLES_INSERTED, F_PG_STAT_GET_DB_TUPLES_UPDATED,
	F_PG_STAT_GET_DB_TUPLES_DELETED,  F_PG_STAT_GET_DB_TEMP_FILES,
	F_PG_STAT_GET_DB_TEMP_BYTES,
};
static const Oid database_times[] = {
	F_PG_STAT_GET_DB_BLK_READ_TIME,
	F_PG_STAT_GET_DB_BLK_WRITE_TIME,
};

/* of all there is in a database or a tablespace */
static const Oid sums_of_sizes[] = {
	F_PG_DATABASE_SIZE_OID,
	F_PG_TABLESPACE_SIZE_OID,
};
static const Oid named_sums_of_sizes[] = {
	F_PG_DATABASE_SIZE_NAME,
	F_PG_TABLESPACE_SIZE_NAME,
};

/* of functions: how often the policy's own were called */
static const Oid function_counters[] = {
	F_PG_STAT_GET_FUNCTION_CALLS,
	F_PG_STAT_GET_XACT_FUNCTION_CALLS,
};
static const Oid function_times[] = {
	F_PG_STAT_GET_FUNCTION_TOTAL_TIME,
	F_PG_STAT_GET_FUNCTION_SELF_TIME,
	F_PG_STAT_GET_XACT_FUNCTION_TOTAL_TIME,
	F_PG_STAT_GET_XACT_FUNCTION_SELF_TIME,
};

static const Oid sizes[] = {
	F_PG_RELATION_SIZE_REGCLASS,
	F_PG_RELATION_SIZE_REGCLASS_TEXT,
	F_PG_TABLE_SIZE,
	F_PG_INDEXES_SIZE,
	F_PG_TOTAL_RELATION_SIZE,
	/* how many pages they have worked on */
	F_GIN_CLEAN_PENDING_LIST,
	F_BRIN_SUMMARIZE_NEW_VALUES,
	F_BRIN_SUMMARIZE_RANGE,
};

static bool
is_one_of(Oid function, const Oid *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == function)
			return true;
	return false;
}

#define IS_ONE_OF(function, list) is_one_of(function, list, lengthof(list))

static bool
is_counter(Oid function)
{
	return IS_ONE_OF(function, counters_of_reads) || IS_ONE_OF(function, relation_counters) ||
		   IS_ONE_OF(function, relation_moments) || IS_ONE_OF(function, database_counters) ||
		   IS_ONE_OF(function, function_counters) || IS_ONE_OF(function, function_times) ||
		   IS_ONE_OF(function, database_times) || IS_ONE_OF(function, sizes) ||
		   IS_ONE_OF(function, sums_of_sizes) || IS_ONE_OF(function, named_sums_of_sizes) ||
		   function == F_PG_STAT_GET_PROGRESS_INFO || function == F_PG_LOCK_STATUS ||
		   function == F_CURRTID2;
}

/*
 * guard_sees_counts -- may the current user know how many rows there are, hidden
 * ones included?
 */
bool
guard_sees_counts(void)
{
	Oid user = GetUserId();

	return role_is_admin(user, "privseg_admin") || role_is_admin(user, "privseg_auditor");
}

/* guard_sees_counters -- whoever was given the cluster's statistics has them, too */
bool
guard_sees_counters(void)
{
	return guard_sees_counts() || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

/* guard_is_of_protected -- a protected table, its index, its sequence, or the table of its large values? */
bool
guard_is_of_protected(Oid relid)
{
	char relkind = get_rel_relkind(relid);
	int32 column;

	if (relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX)
	{
		relid = IndexGetRelation(relid, true);
		relkind = get_rel_relkind(relid);
	}
	if (relkind == RELKIND_TOASTVALUE)
		return OidIsValid(protected_toast(relid));
	/* a number for each row, whoever may see it */
	if (relkind == RELKIND_SEQUENCE && !sequenceIsOwned(relid, DEPENDENCY_AUTO, &relid, &column))
		(void) sequenceIsOwned(relid, DEPENDENCY_INTERNAL, &relid, &column);
	return protected_relation(relid) != NULL;
}

/*
 * The relation that an index or a table of long values is of.  pg_toast_12345 and
 * pg_toast_12345_index are of relation 12345.
 */
static Oid
table_of(Oid relid)
{
	const char *name;

	if (get_rel_relkind(relid) == RELKIND_INDEX)
		relid = IndexGetRelation(relid, true);
	if (get_rel_namespace(relid) == PG_TOAST_NAMESPACE && (name = get_rel_name(relid)) != NULL)
		relid = (Oid) strtoul(name + strlen("pg_toast_"), NULL, 10);
	return relid;
}

/*
 * Is it read while the policy is asked about a row?  The extension's own, and core's
 * catalogs, with their indexes and what holds their large values.
 */
static bool
is_read_for_rows(Oid relid)
{
	Oid schema;

	if (relid < FirstNormalObjectId)
		return true;
	schema = get_rel_namespace(table_of(relid));
	return OidIsValid(schema) && schema == get_namespace_oid("privseg", true);
}

/* do foreign keys of protected tables look into it, or its indexes, for each row? */
static bool
is_referred_to(Oid relid)
{
	Relation relation = RelationIdGetRelation(table_of(relid));
	TriggerDesc *triggers;
	bool result = false;

	if (!RelationIsValid(relation))
		return false;
	triggers = relation->trigdesc;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers && !result; i++)
		result = triggers->triggers[i].tgisinternal &&
				 protected_relation(triggers->triggers[i].tgconstrrelid) != NULL;
	RelationClose(relation);
	return result;
}

/*
 * Does its size depend on hidden rows?  That of protected relations, of the extension's own,
 * which have what people decided, and of the catalogs of what ANALYZE has kept.
 */
static bool
is_sized_by_rows(Oid relid)
{
	Oid table;

	if (!protected_any())
		return false;
	table = table_of(relid);
	return guard_is_of_protected(relid) || guard_keeps_statistics(table) ||
		   (table >= FirstNormalObjectId && is_read_for_rows(table));
}

/* ---- what takes their place ---- */

/* counters_shown(relation oid) RETURNS boolean: to whoever reads */
Datum
counters_shown(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(guard_sees_counters() || !is_sized_by_rows(PG_GETARG_OID(0)));
}

/* call a function of core's with one argument, an oid */
static Datum
count_of(Oid function, Oid of, bool *isnull)
{
	LOCAL_FCINFO(call, 1);
	FmgrInfo info;
	Datum result;

	fmgr_info(function, &info);
	InitFunctionCallInfoData(*call, &info, 1, InvalidOid, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(of);
	call->args[0].isnull = false;
	result = FunctionCallInvoke(call);
	*isnull = call->isnull;
	return result;
}

/*
 * shown_counter(function regproc, of oid) RETURNS bigint: what the function gives,
 * or NULL.  Nothing but core's own counters is called.  So is
 * shown_moment(function regproc, of oid) RETURNS timestamptz.
 */
Datum
shown_counter(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);
	Oid of = PG_GETARG_OID(1);
	bool hidden;
	Datum result;
	bool isnull;

	if (IS_ONE_OF(function, database_counters))
		hidden = of == MyDatabaseId && protected_any();
	else if (IS_ONE_OF(function, relation_counters) || IS_ONE_OF(function, relation_moments))
		hidden = protected_any() &&
				 (guard_is_of_protected(of) || is_read_for_rows(of) || is_referred_to(of));
	else if (IS_ONE_OF(function, counters_of_reads) || IS_ONE_OF(function, function_counters) ||
			 IS_ONE_OF(function, sums_of_sizes))
		hidden = protected_any();
	else
		/* another function, of whatever arguments: not called for anybody */
		PG_RETURN_NULL();
	if (hidden && !guard_sees_counters())
		PG_RETURN_NULL();
	result = count_of(function, of, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* shown_time(function regproc, of oid) RETURNS float8: the same of the times of functions */
Datum
shown_time(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);
	Datum result;
	bool isnull;

	if (!(IS_ONE_OF(function, function_times) || IS_ONE_OF(function, database_times)) ||
		(protected_any() && !guard_sees_counters()))
		PG_RETURN_NULL();
	result = count_of(function, PG_GETARG_OID(1), &isnull);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* what they do is done, but not how much it was */
static bool
is_maintenance(Oid function)
{
	return function == F_GIN_CLEAN_PENDING_LIST || function == F_BRIN_SUMMARIZE_NEW_VALUES ||
		   function == F_BRIN_SUMMARIZE_RANGE;
}

/*
 * shown_size(function regproc, relation regclass, fork text) RETURNS bigint: the same; of
 * a database or tablespace, the last is its name.
 */
Datum
shown_size(PG_FUNCTION_ARGS)
{
	Oid function = PG_GETARG_OID(0);
	Oid relid = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	int nargs = function == F_PG_RELATION_SIZE_REGCLASS_TEXT ? 2 : 1;
	LOCAL_FCINFO(call, 2);
	FmgrInfo info;
	Datum result;
	bool hidden;

	if (IS_ONE_OF(function, named_sums_of_sizes))
	{
		NameData name;

		if (PG_ARGISNULL(2) || (protected_any() && !guard_sees_counters()))
			PG_RETURN_NULL();
		namestrcpy(&name, text_to_cstring(PG_GETARG_TEXT_PP(2)));
		PG_RETURN_DATUM(OidFunctionCall1(function, NameGetDatum(&name)));
	}
	hidden = is_sized_by_rows(relid) && !guard_sees_counters();
	if (PG_ARGISNULL(1) || !IS_ONE_OF(function, sizes) || (hidden && !is_maintenance(function)))
		PG_RETURN_NULL();
	if (is_maintenance(function))
	{
		if (function == F_BRIN_SUMMARIZE_RANGE && PG_ARGISNULL(2))
			PG_RETURN_NULL();
		if (function == F_GIN_CLEAN_PENDING_LIST)
			result = OidFunctionCall1(function, ObjectIdGetDatum(relid));
		else if (function == F_BRIN_SUMMARIZE_NEW_VALUES)
			result =
				Int64GetDatum(DatumGetInt32(OidFunctionCall1(function, ObjectIdGetDatum(relid))));
		else
			result = Int64GetDatum(DatumGetInt32(OidFunctionCall2(
				function, ObjectIdGetDatum(relid),
				DirectFunctionCall1(int8in,
									CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(2)))))));
		if (hidden)
			PG_RETURN_NULL();
		PG_RETURN_DATUM(result);
	}
	/* one argument: SQL functions of core's, over pg_relation_size(regclass, text) */
	if (function == F_PG_RELATION_SIZE_REGCLASS)
	{
		function = F_PG_RELATION_SIZE_REGCLASS_TEXT;
		nargs = 2;
	}
	fmgr_info(function, &info);
	InitFunctionCallInfoData(*call, &info, nargs, InvalidOid, NULL, NULL);
	call->args[0].value = ObjectIdGetDatum(relid);
	call->args[0].isnull = false;
	if (nargs == 2)
	{
		call->args[1].value =
			PG_GETARG_OID(0) == F_PG_RELATION_SIZE_REGCLASS_TEXT && !PG_ARGISNULL(2) ?
				PG_GETARG_DATUM(2) :
				CStringGetTextDatum("main");
		call->args[1].isnull = false;
	}
	result = FunctionCallInvoke(call);
	if (call->isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * shown_tid(relation text, row tid) RETURNS tid: what currtid2() gives, the latest version
 * of a row; NULL where it may be a hidden one.  That is anywhere: the name may be of a
 * view, and what it names may change.
 */
Datum
shown_tid(PG_FUNCTION_ARGS)
{
	if (protected_any() && !row_security_bypassed())
		PG_RETURN_NULL();
	PG_RETURN_DATUM(OidFunctionCall2(F_CURRTID2, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

/*
 * shown_progress(command text) RETURNS SETOF record: how far commands have come, as
 * core's pg_stat_get_progress_info() has it, without those on protected relations.
 */
Datum
shown_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Tuplestorestate *all;
	TupleTableSlot *slot;
	MemoryContext old;

	(void) pg_stat_get_progress_info(fcinfo);
	if (guard_sees_counters())
		return (Datum) 0;
	all = result->setResult;
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	result->setResult = tuplestore_begin_heap(false, false, work_mem);
	slot = MakeSingleTupleTableSlot(result->setDesc, &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(old);
	while (tuplestore_gettupleslot(all, true, false, slot))
	{
		bool no_database;
		bool no_relation;
		Oid database = DatumGetObjectId(slot_getattr(slot, 2, &no_database));
		Oid relid = DatumGetObjectId(slot_getattr(slot, 3, &no_relation));

		if (no_database || no_relation || database != MyDatabaseId || !is_sized_by_rows(relid))
			tuplestore_puttupleslot(result->setResult, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(all);
	return (Datum) 0;
}

/* ---- putting it there ---- */

typedef struct Replacing
{
	Query *query; /* the innermost, and those around it */
	struct Replacing *outer;
	bool keeps_result; /* what is said of its result relation stays */
} Replacing;

/* guard_counts_rows -- is a call of it replaced? */
bool
guard_counts_rows(Oid function)
{
	/* of every function in every statement: of core's only, and looked up once */
	static enum { UNKNOWN, NO, YES } known[FirstNormalObjectId];

	if (function >= FirstNormalObjectId)
		return false;
	if (unlikely(known[function] == UNKNOWN))
		known[function] = is_counter(function) || function == F_ROW_SECURITY_ACTIVE_OID ? YES : NO;
	return known[function] == YES;
}

static Node *
our_call(CatalogFunction function, Oid result, List *args)
{
	return (Node *) makeFuncExpr(catalog_function_oid(function), result, args, InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

static Node *
regproc_constant(Oid function)
{
	return (Node *) makeConst(REGPROCOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(function),
							  false, true);
}

static Node *
as_text(Node *number)
{
	CoerceViaIO *text = makeNode(CoerceViaIO);

	text->arg = (Expr *) number;
	text->resulttype = TEXTOID;
	text->resultcollid = DEFAULT_COLLATION_OID;
	text->coerceformat = COERCE_EXPLICIT_CAST;
	text->location = -1;
	return (Node *) text;
}

static Node *
replace_call(FuncExpr *call)
{
	Node *size;

	if (call->funcid == F_PG_STAT_GET_PROGRESS_INFO)
	{
		call->funcid = catalog_function_oid(CATALOG_SHOWN_PROGRESS);
		return (Node *) call;
	}
	if (call->funcid == F_PG_LOCK_STATUS)
	{
		call->funcid = catalog_function_oid(CATALOG_SHOWN_LOCKS);
		return (Node *) call;
	}
	if (call->funcid == F_ROW_SECURITY_ACTIVE_OID)
		return our_call(CATALOG_ROW_SECURITY_ACTIVE, BOOLOID, call->args);
	if (call->funcid == F_CURRTID2)
		return our_call(CATALOG_SHOWN_TID, TIDOID, call->args);
	if (IS_ONE_OF(call->funcid, sizes))
	{
		List *args = lcons(regproc_constant(call->funcid), list_copy(call->args));

		if (list_length(args) == 2)
			args = lappend(args, makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID));
		else if (exprType(lthird(args)) == INT8OID)
			lthird(args) = as_text(lthird(args));
		size = our_call(CATALOG_SHOWN_SIZE, INT8OID, args);
		if (call->funcresulttype == INT4OID)
			size = (Node *) makeFuncExpr(F_INT4_INT8, INT4OID, list_make1(size), InvalidOid,
										 InvalidOid, COERCE_EXPLICIT_CALL);
		return size;
	}
	if (IS_ONE_OF(call->funcid, named_sums_of_sizes))
		return our_call(
			CATALOG_SHOWN_SIZE, INT8OID,
			list_make3(regproc_constant(call->funcid), makeNullConst(REGCLASSOID, -1, InvalidOid),
					   makeFuncExpr(F_TEXT_NAME, TEXTOID, list_copy(call->args),
									DEFAULT_COLLATION_OID, C_COLLATION_OID, COERCE_EXPLICIT_CALL)));
	if (IS_ONE_OF(call->funcid, function_times) || IS_ONE_OF(call->funcid, database_times))
		return our_call(CATALOG_SHOWN_TIME, FLOAT8OID,
						lcons(regproc_constant(call->funcid), list_copy(call->args)));
	if (IS_ONE_OF(call->funcid, relation_moments))
		return our_call(CATALOG_SHOWN_MOMENT, TIMESTAMPTZOID,
						lcons(regproc_constant(call->funcid), list_copy(call->args)));
	return our_call(CATALOG_SHOWN_COUNTER, INT8OID,
					lcons(regproc_constant(call->funcid), list_copy(call->args)));
}

/* the query that a column is of, at whichever level, or NULL */
static const Replacing *
level_of(const Var *var, const Replacing *replacing)
{
	for (Index level = 0; level < var->varlevelsup && replacing != NULL; level++)
		replacing = replacing->outer;
	return replacing;
}

/* the range table's entry that it is of, or NULL */
static RangeTblEntry *
entry_of(const Var *var, const Replacing *level)
{
	if (level == NULL || var->varno <= 0 || var->varno > list_length(level->query->rtable) ||
		(level->query->resultRelation == var->varno &&
		 (level->keeps_result || var->varattno != MaxTransactionIdAttributeNumber)))
		return NULL;
	return rt_fetch(var->varno, level->query->rtable);
}

static Node *
replace(Node *node, void *context)
{
	Replacing *replacing = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;
		Replacing inner = {query, replacing, false};
		List *returning = query->returningList;

		/* RETURNING xmax = 0: was it inserted, or had it been there? */
		if (query->commandType == CMD_INSERT)
			query->returningList = NIL;
		(void) query_tree_mutator(query, replace, &inner, QTW_DONT_COPY_QUERY);
		if (query->commandType == CMD_INSERT)
		{
			inner.keeps_result = true;
			query->returningList = (List *) replace((Node *) returning, &inner);
		}
		return node;
	}
	if (IsA(node, Var))
	{
		const RangeTblEntry *rte = entry_of((Var *) node, level_of((Var *) node, replacing));

		return rte != NULL ? guard_column((Var *) node, rte) : node;
	}
	node = expression_tree_mutator(node, replace, context);
	if (IsA(node, FuncExpr) && guard_counts_rows(((FuncExpr *) node)->funcid))
		return replace_call((FuncExpr *) node);
	return node;
}

/* a join has all columns of what it joins; only those that are named count */
static bool
counts_anything(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Replacing inner = {(Query *) node, context, false};

		return query_tree_walker((Query *) node, counts_anything, &inner, QTW_IGNORE_JOINALIASES);
	}
	if (IsA(node, Var))
	{
		const Var *var = (Var *) node;
		const Replacing *level = level_of(var, context);
		const RangeTblEntry *rte = entry_of(var, level);

		if (rte == NULL)
			return false;
		if (rte->rtekind == RTE_JOIN)
			return var->varattno <= 0 ||
				   counts_anything(list_nth(rte->joinaliasvars, var->varattno - 1),
								   unconstify(Replacing *, level));
		return guard_replaces_column(var, rte);
	}
	if (IsA(node, FuncExpr) && guard_counts_rows(((FuncExpr *) node)->funcid))
		return true;
	return expression_tree_walker(node, counts_anything, context);
}

/* guard_counters -- before planning, where any relation is protected: what counts is replaced */
void
guard_counters(Query *query)
{
	if (counts_anything((Node *) query, NULL))
		(void) replace((Node *) query, NULL);
}

/* guard_function -- for core's object access hook: the executor is about to call it */
void
guard_function(Oid function)
{
	guard_grant(function);
	if (!protected_any())
		return;
	if (catalog_is_own_function(function))
		guard_planned();
	if (!guard_counts_rows(function) || !is_counter(function) || guard_sees_counters())
		return;
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("function %s tells of hidden rows", get_func_name(function)),
					errhint("Call it in the statement itself, which gives NULL for protected "
							"relations; or be a member of privseg_auditor or pg_read_all_stats.")));
}
