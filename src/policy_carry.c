/*
 * policy_carry.c
 *	  carry_subject(): a row's subject is that of the row it refers to.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/catalog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "errors.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "policy.h"
#include "policy_carry.h"
#include "policy_row.h"
#include "replication/logicalworker.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(subject_carried);
PG_FUNCTION_INFO_V1(carry_subject_rows);

/*
 * Hand over a query as core hands over those of foreign keys: as the relation's
 * owner, in their security context, which guard_referential.c looks for.
 *	plan	prepared here if it is NULL
 *	keep	then it outlives the caller, errors included
 *	newest	what others have committed counts, in a transaction of one snapshot, too
 */
static int
run_as_owner(Oid relid, const char *query, SPIPlanPtr *plan, bool keep, int nargs, Oid *types,
			 Datum *values, int context_flags, bool newest, long count)
{
	/* its names and its owner stay */
	Relation relation = table_open(relid, AccessShareLock);
	Oid owner = relation->rd_rel->relowner;
	Oid outer = policy_carrying;
	Oid saved_user;
	int saved_context;
	int volatile result = 0;

	table_close(relation, NoLock);
	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(owner, saved_context | SECURITY_LOCAL_USERID_CHANGE |
									  SECURITY_NOFORCE_RLS | context_flags);
	policy_carrying = relid;
	PG_TRY();
	{
		SPIPlanPtr made = *plan == NULL ? SPI_prepare(query, nargs, types) : NULL;

		if (made != NULL && (!keep || SPI_keepplan(made) == 0))
			*plan = made;
		if (*plan != NULL && newest && IsolationUsesXactSnapshot())
		{
			/* as core does: where it would change what is newer than its snapshot, it ends */
			CommandCounterIncrement();
			result = SPI_execute_snapshot(*plan, values, NULL, GetLatestSnapshot(),
										  GetTransactionSnapshot(), false, true, count);
		}
		else if (*plan != NULL)
			result = SPI_execute_plan(*plan, values, NULL, false, count);
	}
	PG_FINALLY();
	{
		policy_carrying = outer;
		SetUserIdAndSecContext(saved_user, saved_context);
	}
	PG_END_TRY();
	return result;
}

static void
update_as_owner(Oid relid, const char *query, int nargs, Oid *types, Datum *values,
				int context_flags)
{
	SPIPlanPtr plan = NULL;

	if (run_as_owner(relid, query, &plan, false, nargs, types, values, context_flags, true, 0) !=
		SPI_OK_UPDATE)
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("the subject's column could not be filled")));
	SPI_freeplan(plan);
}

/* what a row refers to through the foreign key that carries its subject */
typedef struct Reference
{
	Oid relid;
	Oid domain;
	KeyKind key_kind;
	bool show_null;  /* are its rows about nobody shown? */
	bool has_others; /* are they also about others? */
	const char *key_column;
	const char *subject_column;
	Oid equality; /* the foreign key's: of the referenced column and ours */
} Reference;

/* a row that may come later can tell nothing now */
static bool
is_deferrable(Oid constraint)
{
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	bool result;

	if (!HeapTupleIsValid(tuple))
		return true;
	result = ((Form_pg_constraint) GETSTRUCT(tuple))->condeferrable;
	ReleaseSysCache(tuple);
	return result;
}

/* an operator as it is written between its arguments */
static const char *
operator_text(Oid operator)
{
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;
	const char *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	result = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)),
					  NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return result;
}

static Reference
find_referenced(Relation relation, AttrNumber column)
{
	Reference found = {InvalidOid};
	Oid root = InvalidOid;
	Oid unprotected = InvalidOid;
	bool usable = true;
	ListCell *lc;

	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *reference = lfirst_node(ForeignKeyCacheInfo, lc);
		const ProtectedRelation *entry = protected_relation(reference->confrelid);
		const char *key_column;

		if (reference->nkeys != 1 || reference->conkey[0] != column)
			continue;
		if (entry == NULL)
		{
			unprotected = reference->confrelid;
			continue;
		}
		usable = usable && !is_deferrable(reference->conoid);
		/* the columns keep their names until they are looked up */
		LockRelationOid(reference->confrelid, AccessShareLock);
		key_column = get_attname(reference->confrelid, reference->confkey[0], false);
		/* core has one more for each partition that is referred to; another one is not meant */
		if (OidIsValid(root) && (root != entry->relid || strcmp(key_column, found.key_column) != 0))
			usable = false;
		if (OidIsValid(root) && reference->confrelid != entry->relid)
			continue;
		root = entry->relid;
		found.relid = reference->confrelid;
		found.domain = entry->domain;
		found.key_kind = entry->key_kind;
		found.show_null = entry->show_null;
		found.has_others = entry->n_also_about > 0;
		found.subject_column = pstrdup(entry->subject);
		found.equality = reference->conpfeqop[0];
		found.key_column = key_column;
	}
	if (OidIsValid(root) && usable)
		return found;
	if (!OidIsValid(root) && OidIsValid(unprotected))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("\"%s\", which \"%s\" gets its subjects from, is not protected",
							   get_rel_name(unprotected), RelationGetRelationName(relation)),
						errhint("Protect it again, or drop the trigger privseg_subject_carried.")));
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_NOT_READY),
			 errmsg("the foreign key that carries the subject of \"%s\" is gone, deferrable, or "
					"not the only one",
					RelationGetRelationName(relation)),
			 errhint("Add it again, drop the others, or drop the trigger "
					 "privseg_subject_carried.")));
}

/* what one execution of the trigger keeps */
typedef struct Carrying
{
	SPIPlanPtr plan;
	FmgrInfo permitted;
	MemoryContextCallback callback;
} Carrying;

static void
carrying_ends(void *argument)
{
	Carrying *carrying = argument;

	if (carrying->plan != NULL)
		SPI_freeplan(carrying->plan);
}

static Carrying *
carrying_of(FmgrInfo *function)
{
	Carrying *carrying = function->fn_extra;

	if (carrying != NULL)
		return carrying;
	carrying = MemoryContextAllocZero(function->fn_mcxt, sizeof(Carrying));
	carrying->callback.func = carrying_ends;
	carrying->callback.arg = carrying;
	MemoryContextRegisterResetCallback(function->fn_mcxt, &carrying->callback);
	function->fn_extra = carrying;
	return carrying;
}

static const char *
select_subject(Oid relid, const char *column, const char *key_column, Oid equality)
{
	return psprintf("SELECT %s FROM %s x WHERE %s %s $1", quote_identifier(column),
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
											   get_rel_name(relid)),
					quote_identifier(key_column), operator_text(equality));
}

/* a query of the shape that guard_referential.c knows */
static const char *
look_up(Oid relid, const char *column, const char *key_column, Oid equality)
{
	return psprintf("%s FOR KEY SHARE OF x", select_subject(relid, column, key_column, equality));
}

/* of what a query has found, against the column that gets it */
static void
check_type(const Reference *reference, Form_pg_attribute target)
{
	if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) != target->atttypid)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"%s\" is not of the type of the subject's key it carries",
							   NameStr(target->attname)),
						errhint("Give it the type of column \"%s\" of \"%s\".",
								reference->subject_column, get_rel_name(reference->relid))));
}

/* the key that a query has found, in the memory of whoever connected; disconnects */
static Datum
take_subject(const Reference *reference, Form_pg_attribute target, bool *isnull)
{
	Datum found;

	check_type(reference, target);
	found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	if (!*isnull)
		found = SPI_datumTransfer(found, target->attbyval, target->attlen);
	SPI_finish();
	return found;
}

/*
 * The subject's key of the referenced row, in the caller's memory.  It is read
 * unfiltered, as a foreign key check reads it.
 */
static Datum
subject_of_referenced(Carrying *carrying, const Reference *reference, Datum key, Oid key_type,
					  Form_pg_attribute target, bool *isnull)
{
	const char *query = NULL;

	SPI_connect();
	if (carrying->plan == NULL)
		query = look_up(reference->relid, reference->subject_column, reference->key_column,
						reference->equality);
	/*
	 * Once to lock the row, and once more: who moves it meanwhile has done so before the lock
	 * was there, or waits for us (subject_follows()).
	 */
	if (run_as_owner(reference->relid, query, &carrying->plan, true, 1, &key_type, &key, 0, false,
					 1) != SPI_OK_SELECT ||
		run_as_owner(reference->relid, query, &carrying->plan, true, 1, &key_type, &key, 0, true,
					 1) != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("the subject could not be looked up")));
	/* so will core say, at the end of the statement */
	if (SPI_processed != 1)
		ereport(ERROR, (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
						errmsg("the row of \"%s\" that would tell the subject does not exist",
							   get_rel_name(reference->relid)),
						errhint("Write it first.")));
	return take_subject(reference, target, isnull);
}

/* triggers that come later have no say: the policy's check of the new row asks for it */
static void
expect(const Reference *reference, Datum subject, bool isnull, Oid type)
{
	KeyBytes bytes;

	if (isnull)
	{
		policy_expect_key(0, NULL, 0);
		return;
	}
	policy_key_bytes(policy_as_key(subject, type), reference->key_kind, &bytes);
	policy_expect_key(0, bytes.data, bytes.length);
}

/*
 * Whoever writes the row is shown the key that it gets, so it must be one that
 * the row policy would show; newer than the snapshot, for so is it read.  Not where core or
 * carry_on() has a row follow.
 */
static void
require_permitted(Carrying *carrying, const Reference *reference, Datum subject, bool isnull,
				  Oid type, Relation relation)
{
	static const CatalogFunction functions[] = {
		[KEY_INTEGER] = CATALOG_ROW_PERMITTED_INTEGER,
		[KEY_UUID] = CATALOG_ROW_PERMITTED_UUID,
		[KEY_TEXT] = CATALOG_ROW_PERMITTED_TEXT,
	};

	bool permitted = isnull && reference->show_null;

	/* who else it is about is not asked: carry_subject() refuses that */
	if (!isnull && !reference->has_others)
	{
		if (carrying->permitted.fn_oid == InvalidOid)
			fmgr_info_cxt(catalog_function_oid(functions[reference->key_kind]),
						  &carrying->permitted, GetMemoryChunkContext(carrying));
		permitted = DatumGetBool(FunctionCall3(&carrying->permitted, policy_as_key(subject, type),
											   ObjectIdGetDatum(reference->domain),
											   Int32GetDatum(ROW_NEWEST)));
	}
	if (!permitted)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("a row of \"%s\" may not be written for a subject who does not "
							   "permit the purpose",
							   RelationGetRelationName(relation)),
						errdetail("It refers to a row of \"%s\" that is about them.",
								  get_rel_name(reference->relid))));
}

/*
 * May a row get the key of a hidden subject?  Where core or carry_on() has it follow,
 * under row_security = off, and where rows are replayed.
 */
static bool
may_carry_hidden(bool is_protected)
{
	if (OidIsValid(policy_carried()))
		return true;
	if (is_protected)
		return policy_is_referential() || policy_actor_bypasses();
	return !IsLogicalWorker() && !policy_is_referential() && policy_actor_bypasses();
}

/*
 * A table that is not protected, or a column that is not its subject's key, may be anybody's,
 * and refer to rows he may not see.  There, the trigger reads what whoever writes may read.
 */
static Datum
subject_shown(Relation relation, const Reference *reference, Datum key, Oid key_type,
			  Form_pg_attribute target, bool *isnull)
{
	const char *query = select_subject(reference->relid, reference->subject_column,
									   reference->key_column, reference->equality);

	SPI_connect();
	if (SPI_execute_with_args(query, 1, &key_type, &key, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("the row of \"%s\" that \"%s\" refers to is not shown",
							   get_rel_name(reference->relid), RelationGetRelationName(relation)),
						errhint("Write it first, act under a purpose its subject permits, or call "
								"privseg.protect().")));
	return take_subject(reference, target, isnull);
}

/*
 * subject_carried -- BEFORE INSERT OR UPDATE trigger made by carry_subject():
 * fills the subject's key through the foreign key.  Arguments: our foreign key
 * column, our subject column.  The referenced table is found through the
 * foreign key itself, so it may be renamed.
 */
Datum
subject_carried(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc descriptor;
	HeapTuple tuple;
	char **arguments;
	int from;
	int to;
	Datum value;
	bool isnull;
	Carrying *carrying;
	Reference reference;
	const ProtectedRelation *entry;
	bool is_protected;
	bool tells_subject;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("subject_carried: not called by its trigger")));
	arguments = trigger->tg_trigger->tgargs;
	descriptor = RelationGetDescr(trigger->tg_relation);
	tuple =
		TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	from = SPI_fnumber(descriptor, arguments[0]);
	to = SPI_fnumber(descriptor, arguments[1]);
	if (from <= 0 || to <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("a column that carries the subject of \"%s\" is gone",
							   RelationGetRelationName(trigger->tg_relation))));
	entry = protected_relation(RelationGetRelid(trigger->tg_relation));
	is_protected = entry != NULL;
	tells_subject = is_protected && subject_trigger_is_as_made(trigger->tg_trigger) &&
					strcmp(entry->subject, arguments[1]) == 0;
	carrying = carrying_of(fcinfo->flinfo);
	value = heap_getattr(tuple, from, descriptor, &isnull);
	/* also where it refers to nothing: else a row would lose its subject with the foreign key */
	reference = find_referenced(trigger->tg_relation, from);
	if (!isnull)
	{
		Form_pg_attribute target = TupleDescAttr(descriptor, to - 1);

		Oid type = TupleDescAttr(descriptor, from - 1)->atttypid;
		bool any = tells_subject == is_protected && may_carry_hidden(is_protected);

		if (!any && !tells_subject)
			value = subject_shown(trigger->tg_relation, &reference, value, type, target, &isnull);
		else
		{
			value = subject_of_referenced(carrying, &reference, value, type, target, &isnull);
			if (!any)
				require_permitted(carrying, &reference, value, isnull, target->atttypid,
								  trigger->tg_relation);
		}
		if (tells_subject)
			expect(&reference, value, isnull, target->atttypid);
	}
	else if (tells_subject)
		policy_expect_key(0, NULL, 0);
	return PointerGetDatum(heap_modify_tuple_by_cols(tuple, descriptor, 1, &to, &value, &isnull));
}

/*
 * carry_subject_rows(relation regclass, subject name) -- fill the column of all
 * rows there are, as the relation's owner: triggers of users run as their
 * owner, never as ours.
 */
Datum
carry_subject_rows(PG_FUNCTION_ARGS)
{
	Oid relid = PG_GETARG_OID(0);
	const char *name = NameStr(*PG_GETARG_NAME(1));
	const char *column = quote_identifier(name);
	char relkind = get_rel_relkind(relid);

	if ((relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE) ||
		IsCatalogRelationOid(relid) || get_attnum(relid, name) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("a table and its column are wanted")));
	SPI_connect();
	update_as_owner(relid,
					psprintf("UPDATE %s SET %s = %s",
							 quote_qualified_identifier(
								 get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)),
							 column, column),
					0, NULL, NULL, SECURITY_RESTRICTED_OPERATION);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * subject_is_gone -- do the foreign keys of a column refer to subjects of this domain, and
 * is there none any more whom the key is of?
 */
bool
subject_is_gone(Relation relation, AttrNumber column, Datum key, Oid domain)
{
	Oid type = TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid;
	bool refers = false;
	ListCell *lc;

	foreach (lc, RelationGetFKeyList(relation))
	{
		ForeignKeyCacheInfo *reference = lfirst_node(ForeignKeyCacheInfo, lc);
		const ProtectedRelation *entry;
		SPIPlanPtr plan = NULL;
		const char *query;
		uint64 found;
		bool is_of_it = false;

		for (int i = 0; i < reference->nkeys; i++)
			is_of_it = is_of_it || reference->conkey[i] == column;
		if (!is_of_it)
			continue;
		entry = protected_relation(reference->confrelid);
		/* to the subjects' own key: another column of theirs may be anything */
		if (reference->nkeys != 1 || entry == NULL || entry->domain != domain ||
			entry->relid != domain ||
			strcmp(entry->subject,
				   get_attname(reference->confrelid, reference->confkey[0], false)) != 0)
			return false;
		LockRelationOid(reference->confrelid, AccessShareLock);
		SPI_connect();
		query = look_up(reference->confrelid, entry->subject,
						get_attname(reference->confrelid, reference->confkey[0], false),
						reference->conpfeqop[0]);
		if (run_as_owner(reference->confrelid, query, &plan, false, 1, &type, &key, 0, false, 1) !=
			SPI_OK_SELECT)
			ereport(ERROR,
					(errcode(PRIVSEG_ERR_NOT_READY), errmsg("the subject could not be looked up")));
		found = SPI_processed;
		SPI_finish();
		if (found > 0)
			return false;
		refers = true;
	}
	return refers;
}

/*
 * Rows that got their subject's key through a row that was moved get it anew:
 * their own trigger fills it, so an update that changes nothing will do.
 *	from, column	the referencing relation and its foreign key column
 *	equality		the foreign key's
 *	key, type		of the row that was moved
 */
static void
carry_on(Oid from, AttrNumber column, Oid equality, Datum key, Oid type)
{
	Relation relation = table_open(from, AccessShareLock);
	char *key_column = get_attname(from, column, false);
	Trigger *carrying = subject_trigger(relation, key_column);

	if (carrying != NULL && protected_relation(from) != NULL)
	{
		const char *subject = quote_identifier(carrying->tgargs[1]);

		update_as_owner(
			from,
			psprintf("UPDATE %s SET %s = %s WHERE $1 %s %s",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(from)),
												RelationGetRelationName(relation)),
					 subject, subject, operator_text(equality), quote_identifier(key_column)),
			1, &type, &key, 0);
	}
	table_close(relation, NoLock);
}

/*
 * Wait for whoever has referred to the row while it was moved, and keep others from it until
 * this is committed: their locks for foreign keys do not mind the move.
 */
static void
keep_out_others(Relation relation, HeapTuple row)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TM_FailureData failure;

	/* our own version of it */
	CommandCounterIncrement();
	(void) table_tuple_lock(relation, &row->t_self, GetActiveSnapshot(), slot,
							GetCurrentCommandId(true), LockTupleExclusive, LockWaitBlock,
							TUPLE_LOCK_FLAG_FIND_LAST_VERSION, &failure);
	ExecDropSingleTupleTableSlot(slot);
}

/* subject_follows -- a row has another subject: so have those that carry it from there */
void
subject_follows(Relation relation, HeapTuple row)
{
	Relation constraints = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_constraint_confrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationGetRelid(relation)));
	ScanKeyInit(&keys[1], Anum_pg_constraint_contype, BTEqualStrategyNumber, F_CHAREQ,
				CharGetDatum(CONSTRAINT_FOREIGN));
	scan = systable_beginscan(constraints, InvalidOid, false, NULL, 2, keys);
	SPI_connect();
	keep_out_others(relation, row);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		AttrNumber conkey[INDEX_MAX_KEYS];
		AttrNumber confkey[INDEX_MAX_KEYS];
		Oid equalities[INDEX_MAX_KEYS];
		Oid others[INDEX_MAX_KEYS];
		int n;
		Datum key;
		bool isnull;

		DeconstructFkConstraintRow(tuple, &n, conkey, confkey, equalities, others, others, NULL,
								   NULL);
		key = heap_getattr(row, confkey[0], RelationGetDescr(relation), &isnull);
		if (n == 1 && !isnull)
			carry_on(((Form_pg_constraint) GETSTRUCT(tuple))->conrelid, conkey[0], equalities[0],
					 key, TupleDescAttr(RelationGetDescr(relation), confkey[0] - 1)->atttypid);
	}
	SPI_finish();
	systable_endscan(scan);
	table_close(constraints, AccessShareLock);
}
