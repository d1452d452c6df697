/*
 * consent_record.c
 *	  The append-only records: the triggers every row passes, and the functions
 *	  that add one.
 *
 * There is one way in, INSERT INTO privseg.consent_record (COPY included).  A
 * BEFORE ROW trigger checks the row and lets only the server set id,
 * recorded_at and recorded_by; an AFTER trigger, from the transition table, tells
 * the set whom to decide anew.
 *
 * A superuser with row_security = off -- which is what a restore runs under --
 * may give id, recorded_at and recorded_by, and the vocabulary need not be
 * there yet.
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "consent.h"
#include "errors.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(consent_record_before);
PG_FUNCTION_INFO_V1(consent_record_after);
PG_FUNCTION_INFO_V1(consent_record_refuse);
PG_FUNCTION_INFO_V1(record_consent);
PG_FUNCTION_INFO_V1(record_objection);
PG_FUNCTION_INFO_V1(record_signal);
PG_FUNCTION_INFO_V1(withdraw_consent);

#define EVIDENCE_MAX_BYTES (1024 * 1024)

/* a statement that adds at least so many records folds them itself */
#define BULK_RECORDS 1000

/* ---- BEFORE INSERT ROW ---- */

static void
check_purpose(Datum *values, bool *nulls, FactKind kind)
{
	Purpose purpose;

	if (nulls[RECORD_PURPOSE - 1])
	{
		if (kind == FACT_CONSENT || kind == FACT_OBJECTION)
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_NULL), errmsg("a consent record needs a purpose"),
				 errhint(
					 "To withdraw everything, call privseg.withdraw_consent() without a purpose.")));
		return;
	}
	if (!purpose_by_name(TextDatumGetCString(values[RECORD_PURPOSE - 1]), &purpose))
		ereport(ERROR, (errcode(PRIVSEG_ERR_UNKNOWN_NAME),
						errmsg("purpose \"%s\" does not exist",
							   TextDatumGetCString(values[RECORD_PURPOSE - 1])),
						errhint("Create it with privseg.create_purpose().")));
}

static void
check_notice(Datum *values, bool *nulls)
{
	char *reference;
	const Notice *notice;
	ListCell *lc;

	if (nulls[RECORD_NOTICE - 1])
		return;
	reference = TextDatumGetCString(values[RECORD_NOTICE - 1]);
	notice = notice_by_reference(reference);
	if (notice == NULL)
		ereport(ERROR, (errcode(PRIVSEG_ERR_UNKNOWN_NAME),
						errmsg("notice \"%s\" was not published", reference),
						errdetail("A notice is written \"name/version\"."),
						errhint("Publish it with privseg.publish_notice().")));
	if (nulls[RECORD_PURPOSE - 1])
		return;
	foreach (lc, notice->purposes)
		if (strcmp(lfirst(lc), TextDatumGetCString(values[RECORD_PURPOSE - 1])) == 0)
			return;
	ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
					errmsg("notice \"%s\" does not name purpose \"%s\"", reference,
						   TextDatumGetCString(values[RECORD_PURPOSE - 1])),
					errdetail("A consent is informed only by a notice about its purpose.")));
}

/*
 * What is no consent is there or is not: a status that permits says nothing of
 * it.  Only a restriction can be lifted, by one that is given.
 */
static void
check_status(FactKind kind, FactEffect effect, const char *kind_word, const char *status)
{
	if (kind == FACT_CONSENT || effect == EFFECT_STOP ||
		(kind == FACT_RESTRICTION && effect == EFFECT_PERMIT))
		return;
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_BAD_ARGUMENT),
			 errmsg("status \"%s\" means nothing for a record of kind \"%s\"", status, kind_word),
			 errhint("Record it as \"refused\" or \"withdrawn\"; \"given\" lifts a restriction.")));
}

static void
put_text(Datum *values, bool *nulls, bool *replace, int column, const char *text)
{
	values[column - 1] = CStringGetTextDatum(text);
	nulls[column - 1] = false;
	replace[column - 1] = true;
}

/*
 * Whoever may write all data may not therefore say what people consented to: it
 * takes a steward, one of our own functions, or a grant on this very table.
 */
static void
require_granted(Relation relation)
{
	Oid user = GetUserId();
	HeapTuple tuple;
	Datum acl;
	bool isnull;

	if (user == catalog_owner() || role_is_admin(user, "privseg_steward"))
		return;
	for (AttrNumber column = 0; column <= RECORD_SUBJECT; column += RECORD_SUBJECT)
	{
		bool granted = false;

		if (column == 0)
		{
			tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(relation)));
			acl = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);
		}
		else
		{
			tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(RelationGetRelid(relation)),
									Int16GetDatum(column));
			acl = SysCacheGetAttr(ATTNUM, tuple, Anum_pg_attribute_attacl, &isnull);
		}
		if (!isnull)
			granted = aclmask(DatumGetAclP(acl), user, relation->rd_rel->relowner, ACL_INSERT,
							  ACLMASK_ANY) != 0;
		ReleaseSysCache(tuple);
		if (granted)
			return;
	}
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("role \"%s\" may not record consent", GetUserNameFromId(user, false)),
					errhint("Members of privseg_steward may.")));
}

/*
 * consent_record_before -- trigger: checks a new record, completes it.
 */
Datum
consent_record_before(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc descriptor;
	HeapTuple tuple;
	Datum values[RECORD_NATTS];
	bool nulls[RECORD_NATTS];
	bool replace[RECORD_NATTS] = {0};
	bool restoring;
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	FactKind kind;
	FactEffect effect;
	const char *word;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != catalog_table_oid(CATALOG_CONSENT_RECORD))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("consent_record_before: not called by its trigger")));

	descriptor = RelationGetDescr(trigger->tg_relation);
	tuple = trigger->tg_trigtuple;
	heap_deform_tuple(tuple, descriptor, values, nulls);
	/* a dump gives every column: what was said stays as it was said */
	restoring = superuser() && row_security_bypassed() && !nulls[RECORD_ID - 1] &&
				!nulls[RECORD_RECORDED_AT - 1];
	if (!restoring)
		require_granted(trigger->tg_relation);

	for (int i = 0; i < RECORD_STATUS; i++)
		if (nulls[i] && i != RECORD_PURPOSE - 1)
			ereport(ERROR, (errcode(PRIVSEG_ERR_NULL),
							errmsg("\"%s\" of a consent record must not be NULL",
								   NameStr(TupleDescAttr(descriptor, i)->attname))));
	if (nulls[RECORD_KIND - 1])
		put_text(values, nulls, replace, RECORD_KIND, "consent");
	if (nulls[RECORD_METHOD - 1])
		put_text(values, nulls, replace, RECORD_METHOD, "import");
	if (nulls[RECORD_GIVEN_BY - 1])
		put_text(values, nulls, replace, RECORD_GIVEN_BY, "subject");
	if (nulls[RECORD_EXPLICIT - 1])
	{
		values[RECORD_EXPLICIT - 1] = BoolGetDatum(false);
		nulls[RECORD_EXPLICIT - 1] = false;
		replace[RECORD_EXPLICIT - 1] = true;
	}
	if (nulls[RECORD_EFFECTIVE_AT - 1])
	{
		values[RECORD_EFFECTIVE_AT - 1] = TimestampTzGetDatum(now);
		nulls[RECORD_EFFECTIVE_AT - 1] = false;
		replace[RECORD_EFFECTIVE_AT - 1] = true;
	}

	kind = fact_kind_from_text(TextDatumGetCString(values[RECORD_KIND - 1]));
	effect = status_effect(TextDatumGetCString(values[RECORD_STATUS - 1]), &word);
	if (word == NULL)
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_BAD_ARGUMENT),
			 errmsg("unknown status \"%s\" of a consent record",
					TextDatumGetCString(values[RECORD_STATUS - 1])),
			 errdetail(
				 "Statuses are requested, request_deferred, given, renewed, refused, expired, withdrawn, revoked, invalidated, unknown.")));
	{
		char *given_by = TextDatumGetCString(values[RECORD_GIVEN_BY - 1]);

		if (strcmp(given_by, "subject") != 0 && strcmp(given_by, "guardian") != 0 &&
			strcmp(given_by, "agent") != 0)
			ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
							errmsg("unknown giver \"%s\" of a consent record", given_by),
							errdetail("A consent is given by subject, guardian or agent.")));
	}
	if (!nulls[RECORD_EXPIRES_AT - 1] && DatumGetTimestampTz(values[RECORD_EXPIRES_AT - 1]) <=
											 DatumGetTimestampTz(values[RECORD_EFFECTIVE_AT - 1]))
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("a consent must expire after it takes effect")));
	if (TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(values[RECORD_EFFECTIVE_AT - 1])))
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("\"effective_at\" of a consent record must be finite")));
	if (!nulls[RECORD_EVIDENCE - 1] &&
		toast_raw_datum_size(values[RECORD_EVIDENCE - 1]) > EVIDENCE_MAX_BYTES + VARHDRSZ)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("evidence of a consent record is limited to 1 MB"),
						errhint("Keep the document elsewhere and record its hash and location.")));

	if (!restoring)
	{
		char *given = TextDatumGetCString(values[RECORD_SUBJECT - 1]);
		char *canonical =
			subject_key_canonical(DatumGetObjectId(values[RECORD_SUBJECT_TABLE - 1]), given);

		if (strcmp(given, canonical) != 0)
			put_text(values, nulls, replace, RECORD_SUBJECT, canonical);
		check_status(kind, effect, TextDatumGetCString(values[RECORD_KIND - 1]), word);
		check_purpose(values, nulls, kind);
		check_notice(values, nulls);
	}
	else if (!SearchSysCacheExists1(RELOID, values[RECORD_SUBJECT_TABLE - 1]))
	{
		/* its table was dropped before the dump: no later table is to have this number */
		values[RECORD_SUBJECT_TABLE - 1] = ObjectIdGetDatum(InvalidOid);
		replace[RECORD_SUBJECT_TABLE - 1] = true;
	}
	if (!restoring || nulls[RECORD_ID - 1])
	{
		values[RECORD_ID - 1] = Int64GetDatum(
			nextval_internal(catalog_table_oid(CATALOG_CONSENT_RECORD_SEQUENCE), false));
		nulls[RECORD_ID - 1] = false;
		replace[RECORD_ID - 1] = true;
	}
	if (!restoring || nulls[RECORD_RECORDED_AT - 1])
	{
		values[RECORD_RECORDED_AT - 1] = TimestampTzGetDatum(now);
		nulls[RECORD_RECORDED_AT - 1] = false;
		replace[RECORD_RECORDED_AT - 1] = true;
	}
	if (!restoring || nulls[RECORD_RECORDED_BY - 1])
	{
		values[RECORD_RECORDED_BY - 1] =
			CStringGetDatum(GetUserNameFromId(GetSessionUserId(), false));
		values[RECORD_RECORDED_BY - 1] =
			DirectFunctionCall1(namein, values[RECORD_RECORDED_BY - 1]);
		nulls[RECORD_RECORDED_BY - 1] = false;
		replace[RECORD_RECORDED_BY - 1] = true;
	}
	return PointerGetDatum(heap_modify_tuple(tuple, descriptor, values, nulls, replace));
}

/* ---- AFTER INSERT ---- */

static int
compare_dirty(const void *a, const void *b)
{
	const DirtySubject *x = a;
	const DirtySubject *y = b;
	int order;

	if (x->purpose_id != y->purpose_id)
		return x->purpose_id < y->purpose_id ? -1 : 1;
	order = position_compare(&x->position, &y->position);
	return order;
}

static void
append_deltas(const ProtectedRelation *domain, DirtyList *dirty)
{
	qsort(dirty->items, dirty->count, sizeof(DirtySubject), compare_dirty);
	for (int i = 0; i < dirty->count;)
	{
		int j = i + 1;

		while (j < dirty->count && dirty->items[j].purpose_id == dirty->items[i].purpose_id &&
			   chunk_start(dirty->items[j].position.hi) == chunk_start(dirty->items[i].position.hi))
			j++;
		delta_append(domain, dirty->items[i].purpose_id, &dirty->items[i], j - i);
		i = j;
	}
}

/* tell the set of one domain; many at once are folded right here if possible */
static void
announce(Oid domain_oid, DirtyList *dirty)
{
	const ProtectedRelation *entry = subject_domain(domain_oid);

	if (dirty->count == 0 || entry == NULL)
		return;
	if (dirty->count >= BULK_RECORDS && !IsolationUsesXactSnapshot() &&
		fold_lock(domain_oid, false))
		fold_subjects(domain_oid, dirty);
	else
	{
		ProtectedRelation domain = *entry;

		append_deltas(&domain, dirty);
		fold_request();
	}
}

/*
 * consent_record_after -- trigger: whoever got a record must be decided anew.
 *
 * A row trigger, although it works on the whole transition table at its first
 * call (later calls of the statement find the table read): a statement trigger
 * does not fire when the caller asked for a limited number of rows, as SPI
 * allows, and the record would be there without its delta.
 */
Datum
consent_record_after(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleTableSlot *slot;
	MemoryContext context;
	MemoryContext caller;
	Oid saved_user;
	int saved_context;
	DirtyList dirty = {0};
	Oid current = InvalidOid;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		trigger->tg_newtable == NULL ||
		RelationGetRelid(trigger->tg_relation) != catalog_table_oid(CATALOG_CONSENT_RECORD))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("consent_record_after: not called by its trigger")));
	if (!catalog_installed() || tuplestore_ateof(trigger->tg_newtable))
		return PointerGetDatum(NULL);

	context =
		AllocSetContextCreate(CurrentMemoryContext, "privseg records", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(catalog_owner(), saved_context | SECURITY_LOCAL_USERID_CHANGE);

	slot = MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(trigger->tg_newtable, true, false, slot))
	{
		Oid domain_oid;
		const ProtectedRelation *domain;
		int32 purpose_id = FACT_EVERY_PURPOSE;
		char *subject;

		slot_getsomeattrs(slot, RECORD_PURPOSE);
		domain_oid = DatumGetObjectId(slot->tts_values[RECORD_SUBJECT_TABLE - 1]);
		domain = subject_domain(domain_oid);
		/* during a restore the relation may not be protected yet: built later */
		if (domain == NULL)
			continue;
		if (!slot->tts_isnull[RECORD_PURPOSE - 1])
		{
			char *name = TextDatumGetCString(slot->tts_values[RECORD_PURPOSE - 1]);
			Purpose purpose;
			bool known = purpose_by_name(name, &purpose);

			pfree(name);
			if (!known)
				continue;
			purpose_id = purpose.id;
		}
		if (domain_oid != current || dirty.count >= 1000000)
		{
			announce(current, &dirty);
			dirty.count = 0;
			current = domain_oid;
			domain = subject_domain(domain_oid);
			if (domain == NULL)
				continue;
		}
		subject = TextDatumGetCString(slot->tts_values[RECORD_SUBJECT - 1]);
		dirty_add(&dirty, subject_position(domain, subject), subject, purpose_id);
		pfree(subject);
	}
	announce(current, &dirty);
	ExecDropSingleTupleTableSlot(slot);
	SetUserIdAndSecContext(saved_user, saved_context);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}

/*
 * consent_record_refuse -- trigger: nobody changes what was said, and nobody
 * writes the set's tables, owner and superuser included.
 */
Datum
consent_record_refuse(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("consent_record_refuse: not called by a trigger")));
	if (RelationGetRelid(trigger->tg_relation) == catalog_table_oid(CATALOG_CONSENT_RECORD))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED), errmsg("consent records are append-only"),
			 errdetail("What a person said is never changed or deleted, by anyone."),
			 errhint(
				 "Add a record that says what holds now, for example with privseg.withdraw_consent().")));
	ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
					errmsg("\"%s\" is written by privseg only",
						   RelationGetRelationName(trigger->tg_relation)),
					errhint("Add consent records instead; the set follows them.")));
	return PointerGetDatum(NULL);
}

/* ---- functions that add a record ---- */

/* the canonical text of a subject argument of type bigint, uuid or text */
char *
subject_argument(FunctionCallInfo fcinfo, int argument, Oid subject_table)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, argument);
	char *key;

	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NULL), errmsg("the subject must not be NULL")));
	if (type == INT8OID)
	{
		key = palloc(32);
		pg_lltoa(PG_GETARG_INT64(argument), key);
	}
	else if (type == UUIDOID)
		key = DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(argument)));
	else if (type == TEXTOID)
		key = TextDatumGetCString(PG_GETARG_DATUM(argument));
	else
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("this function must be called from SQL")));
	return subject_key_canonical(subject_table, key);
}

Oid
relation_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NULL), errmsg("the %s must not be NULL", what)));
	return PG_GETARG_OID(argument);
}

static void
require_recorder(const char *purpose_name)
{
	Purpose purpose;

	if (role_is_admin(GetUserId(), "privseg_steward"))
		return;
	if (purpose_name != NULL && purpose_by_name(purpose_name, &purpose) &&
		clearance_to_collect(GetUserId(), &purpose))
		return;
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 purpose_name != NULL ?
			 errmsg("role \"%s\" may not record consent for this purpose",
					GetUserNameFromId(GetUserId(), false)) :
			 errmsg(
				 "role \"%s\" may not record objections, signals, or a withdrawal from every purpose",
				 GetUserNameFromId(GetUserId(), false)),
		 purpose_name != NULL ?
			 errhint(
				 "Members of privseg_steward may, and roles with the clearance use \"collect\" for the purpose.") :
			 errhint("Members of privseg_steward may.")));
}

static int64
add_record(Datum *arguments, const char *nulls)
{
	static SPIPlanPtr plan = NULL;
	Oid saved_user;
	int saved_context;
	int64 id;
	bool isnull;

	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(catalog_owner(), saved_context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (plan == NULL)
	{
		Oid types[12] = {REGCLASSOID, TEXTOID,        TEXTOID,        TEXTOID, TEXTOID, TEXTOID,
						 JSONBOID,    TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID, TEXTOID, TEXTOID};
		SPIPlanPtr prepared;

		prepared =
			SPI_prepare("INSERT INTO privseg.consent_record"
						" (subject_table, subject, purpose, status, notice, method, evidence,"
						" effective_at, expires_at, explicit, given_by, kind)"
						" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
						" RETURNING id",
						12, types);
		if (prepared == NULL || SPI_keepplan(prepared) != 0)
			ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
							errmsg("the consent record could not be prepared: %s",
								   SPI_result_code_string(SPI_result))));
		plan = prepared;
	}
	if (SPI_execute_plan(plan, arguments, nulls, false, 0) != SPI_OK_INSERT_RETURNING ||
		SPI_processed != 1)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("the consent record was not inserted")));
	id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	SetUserIdAndSecContext(saved_user, saved_context);
	return id;
}

static int64
add_simple_record(FunctionCallInfo fcinfo, const char *purpose, const char *status,
				  const char *kind, Datum evidence)
{
	Oid table = relation_argument(fcinfo, 0, "subject table");
	char *subject = subject_argument(fcinfo, 1, table);
	Datum arguments[12] = {0};
	char nulls[12];

	memset(nulls, ' ', sizeof(nulls));
	arguments[0] = ObjectIdGetDatum(table);
	arguments[1] = CStringGetTextDatum(subject);
	if (purpose != NULL)
		arguments[2] = CStringGetTextDatum(purpose);
	else
		nulls[2] = 'n';
	arguments[3] = CStringGetTextDatum(status);
	nulls[4] = 'n';
	arguments[5] = CStringGetTextDatum("api");
	if (evidence != (Datum) 0)
		arguments[6] = evidence;
	else
		nulls[6] = 'n';
	arguments[7] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[8] = 'n';
	arguments[9] = BoolGetDatum(false);
	arguments[10] = CStringGetTextDatum("subject");
	arguments[11] = CStringGetTextDatum(kind);
	return add_record(arguments, nulls);
}

/*
 * record_consent(subject_table, subject, purpose, status, notice, method,
 * evidence, effective_at, expires_at, explicit, given_by) RETURNS bigint
 */
Datum
record_consent(PG_FUNCTION_ARGS)
{
	Oid table = relation_argument(fcinfo, 0, "subject table");
	char *subject;
	Datum arguments[12];
	char nulls[12];

	require_recorder(PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)));
	subject = subject_argument(fcinfo, 1, table);
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NULL), errmsg("purpose and status must not be NULL")));
	for (int i = 0; i < 11; i++)
	{
		arguments[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	arguments[1] = CStringGetTextDatum(subject);
	if (PG_ARGISNULL(5))
	{
		arguments[5] = CStringGetTextDatum("api");
		nulls[5] = ' ';
	}
	arguments[11] = CStringGetTextDatum("consent");
	nulls[11] = ' ';
	PG_RETURN_INT64(add_record(arguments, nulls));
}

/* record_objection(subject_table, subject, purpose) RETURNS bigint */
Datum
record_objection(PG_FUNCTION_ARGS)
{
	require_recorder(NULL);
	if (PG_ARGISNULL(2))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NULL), errmsg("the purpose must not be NULL")));
	PG_RETURN_INT64(add_simple_record(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(2)), "refused",
									  "objection", (Datum) 0));
}

/* record_signal(subject_table, subject, signal) RETURNS bigint */
Datum
record_signal(PG_FUNCTION_ARGS)
{
	char *signal;
	Datum evidence;

	require_recorder(NULL);
	signal = PG_ARGISNULL(2) ? pstrdup("") : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (strcmp(signal, "gpc") != 0)
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT), errmsg("unknown signal"),
						errdetail("The signal known is \"gpc\" (Global Privacy Control).")));
	evidence = DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"signal\": \"gpc\"}"));
	PG_RETURN_INT64(add_simple_record(fcinfo, NULL, "refused", "signal", evidence));
}

/* withdraw_consent(subject_table, subject, purpose DEFAULT NULL) RETURNS bigint */
Datum
withdraw_consent(PG_FUNCTION_ARGS)
{
	char *purpose = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	require_recorder(purpose);
	PG_RETURN_INT64(add_simple_record(fcinfo, purpose, "withdrawn",
									  purpose ? "consent" : "withdrawal", (Datum) 0));
}
