/*
 * consent_explain.c
 *	  Asks for one decision: permitted(), explain_decision(), and the function
 *	  behind the view consent_status.  All three decide from the records, by the
 *	  rule in consent_decide.c, under the statement's snapshot.
 *	  Also the SQL entry points of folding.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "consent.h"
#include "errors.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(canonical_subject);
PG_FUNCTION_INFO_V1(permitted);
PG_FUNCTION_INFO_V1(explain_decision);
PG_FUNCTION_INFO_V1(consent_decision);
PG_FUNCTION_INFO_V1(fold_consent);
PG_FUNCTION_INFO_V1(rebuild_consent);
PG_FUNCTION_INFO_V1(forget_consent_set);

static Purpose
purpose_argument(FunctionCallInfo fcinfo, int argument)
{
	Purpose purpose;
	char *name;

	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NULL), errmsg("the purpose must not be NULL")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (!purpose_by_name(name, &purpose))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_UNKNOWN_NAME), errmsg("purpose \"%s\" does not exist", name),
				 errhint("The view privseg.purpose lists the purposes.")));
	return purpose;
}

/* decide for one subject, at a moment that is now, or as of a date */
static void
decide(Oid table, const char *subject, const Purpose *purpose, bool as_of, TimestampTz at,
	   ConsentDecision *decision, ConsentFact *fact)
{
	FactReader *reader = facts_begin(table, consent_snapshot());
	ConsentFact *facts;
	int nfacts = facts_of_subject(reader, subject, &facts);

	consent_decide(purpose, facts, nfacts, at, as_of, decision);
	if (decision->fact != NULL)
	{
		*fact = *decision->fact;
		decision->fact = fact;
	}
	facts_end(reader);
}

/* a date asked about, or NULL for now */
static TimestampTz
moment_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? consent_now(false) : PG_GETARG_TIMESTAMPTZ(argument);
}

/* canonical_subject(regclass, text) RETURNS text */
Datum
canonical_subject(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(
		subject_key_canonical(PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1)))));
}

/*
 * permitted(subject_table, subject, purpose, at DEFAULT NULL) RETURNS boolean
 * For stewards, auditors and whoever is cleared to act under the purpose.
 */
Datum
permitted(PG_FUNCTION_ARGS)
{
	Oid table = relation_argument(fcinfo, 0, "subject table");
	char *subject = subject_argument(fcinfo, 1, table);
	Purpose purpose = purpose_argument(fcinfo, 2);
	bool sees_records = role_is_admin(GetUserId(), "privseg_steward") ||
						role_is_admin(GetUserId(), "privseg_auditor");
	ConsentDecision decision;
	ConsentFact fact;

	if (!sees_records && !clearance_to_act(GetUserId(), &purpose) &&
		!clearance_to_collect(GetUserId(), &purpose))
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("role \"%s\" has no clearance for purpose \"%s\"",
							   GetUserNameFromId(GetUserId(), false), purpose.name),
						errhint("An administrator grants it with privseg.grant_clearance().")));
	/* that somebody who is hidden now was once permitted is not for the reader to know */
	if (!PG_ARGISNULL(3) && !sees_records)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("only a steward or an auditor may ask what was permitted at another time"),
				 errhint("Leave the argument \"at\" out to ask about now.")));
	decide(table, subject, &purpose, !PG_ARGISNULL(3), moment_argument(fcinfo, 3), &decision,
		   &fact);
	PG_RETURN_BOOL(decision.permitted);
}

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_string(JsonbParseState **state, const char *key, const char *text)
{
	JsonbValue value;

	push_key(state, key);
	if (text == NULL)
		value.type = jbvNull;
	else
	{
		value.type = jbvString;
		value.val.string.val = unconstify(char *, text);
		value.val.string.len = strlen(text);
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_bool(JsonbParseState **state, const char *key, bool flag)
{
	JsonbValue value;

	push_key(state, key);
	value.type = jbvBool;
	value.val.boolean = flag;
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_time(JsonbParseState **state, const char *key, TimestampTz at)
{
	push_string(state, key,
				at == DT_NOEND ?
					NULL :
					JsonEncodeDateTime(NULL, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL));
}

static const char *
basis_name(LegalBasis basis)
{
	switch (basis)
	{
		case BASIS_CONSENT:
			return "consent";
		case BASIS_CONTRACT:
			return "contract";
		case BASIS_LEGAL_OBLIGATION:
			return "legal_obligation";
		case BASIS_VITAL_INTERESTS:
			return "vital_interests";
		case BASIS_PUBLIC_INTEREST:
			return "public_interest";
		case BASIS_LEGITIMATE_INTERESTS:
			return "legitimate_interests";
	}
	return "consent";
}

static char *
notice_reference(int32 seq)
{
	const Notice *notice = seq ? notice_by_seq(seq) : NULL;

	return notice ? psprintf("%s/%s", notice->name, notice->version) : NULL;
}

/*
 * explain_decision(subject_table, subject, purpose, at DEFAULT NULL) RETURNS jsonb
 */
Datum
explain_decision(PG_FUNCTION_ARGS)
{
	Oid table = relation_argument(fcinfo, 0, "subject table");
	char *subject = subject_argument(fcinfo, 1, table);
	Purpose purpose = purpose_argument(fcinfo, 2);
	TimestampTz at = moment_argument(fcinfo, 3);
	Purpose twin;
	ConsentDecision decision;
	ConsentFact fact;
	JsonbParseState *state = NULL;
	JsonbValue value;

	decide(table, subject, &purpose, !PG_ARGISNULL(3), at, &decision, &fact);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_bool(&state, "permitted", decision.permitted);
	push_string(&state, "reason", decision.reason);
	push_string(&state, "purpose", purpose.name);
	push_string(&state, "legal_basis", basis_name(purpose.basis));
	push_string(&state, "regime", "opt-in");
	push_key(&state, "record");
	if (decision.fact != NULL)
	{
		value.type = jbvNumeric;
		value.val.numeric = int64_to_numeric(fact.id);
		pushJsonbValue(&state, WJB_VALUE, &value);
		push_string(&state, "status", fact.status);
		push_string(&state, "notice", notice_reference(fact.notice_seq));
		push_time(&state, "effective_at", fact.effective);
		push_time(&state, "expires_at", fact.expires);
		push_time(&state, "recorded_at", fact.recorded);
		push_bool(&state, "explicit", fact.explicit);
	}
	else
	{
		value.type = jbvNull;
		pushJsonbValue(&state, WJB_VALUE, &value);
		push_string(&state, "status", NULL);
		push_string(&state, "notice", NULL);
	}
	push_time(&state, "next_change", decision.next_change);
	if (purpose_explicit(&purpose, &twin))
		decide(table, subject, &twin, !PG_ARGISNULL(3), at, &decision, &fact);
	else if (purpose.special == SPECIAL_NONE)
		decision.permitted = false;
	push_bool(&state, "special_permitted", decision.permitted);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/*
 * consent_decision(subject_table regclass, subject text, purpose text) RETURNS
 * (permitted, reason, status, record, notice, effective_at, expires_at,
 * explicit): one row of the view consent_status.
 */
Datum
consent_decision(PG_FUNCTION_ARGS)
{
	Oid table = PG_GETARG_OID(0);
	char *subject = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Purpose purpose = purpose_argument(fcinfo, 2);
	ConsentDecision decision;
	ConsentFact fact;
	TupleDesc descriptor;
	Datum values[8];
	bool nulls[8] = {0};
	char *notice;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("function returning record called in context that cannot accept type record")));
	decide(table, subject, &purpose, false, consent_now(false), &decision, &fact);
	values[0] = BoolGetDatum(decision.permitted);
	values[1] = CStringGetTextDatum(decision.reason);
	if (decision.fact == NULL)
		memset(nulls + 2, true, 6);
	else
	{
		values[2] = CStringGetTextDatum(fact.status);
		values[3] = Int64GetDatum(fact.id);
		notice = notice_reference(fact.notice_seq);
		nulls[4] = notice == NULL;
		values[4] = notice ? CStringGetTextDatum(notice) : (Datum) 0;
		values[5] = TimestampTzGetDatum(fact.effective);
		nulls[6] = fact.expires == DT_NOEND;
		values[6] = TimestampTzGetDatum(fact.expires);
		values[7] = BoolGetDatum(fact.explicit);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* ---- folding on demand ---- */

static int64
fold_as_owner(Oid domain, bool clear)
{
	Oid saved_user;
	int saved_context;
	int64 folded;

	GetUserIdAndSecContext(&saved_user, &saved_context);
	SetUserIdAndSecContext(catalog_owner(), saved_context | SECURITY_LOCAL_USERID_CHANGE);
	fold_lock(domain, true);
	if (clear)
	{
		ListCell *lc;
		List *purposes = purpose_all();

		foreach (lc, purposes)
			set_clear(domain, ((Purpose *) lfirst(lc))->id, GetLatestSnapshot());
	}
	folded = fold_subjects(domain, NULL);
	SetUserIdAndSecContext(saved_user, saved_context);
	return folded;
}

static Datum
fold_argument(FunctionCallInfo fcinfo, bool clear)
{
	int64 folded = 0;
	List *domains;
	ListCell *lc;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("consent cannot be folded in a transaction above READ COMMITTED"),
						errdetail("The fold must see the newest records.")));
	PreventCommandIfReadOnly("fold_consent()");
	if (PG_ARGISNULL(0))
		domains = list_copy(subject_domains());
	else
	{
		if (subject_domain(PG_GETARG_OID(0)) == NULL)
			(void) subject_key_canonical(PG_GETARG_OID(0), ""); /* raises */
		domains = list_make1_oid(PG_GETARG_OID(0));
	}
	foreach (lc, domains)
		folded += fold_as_owner(lfirst_oid(lc), clear);
	PG_RETURN_INT64(folded);
}

/* fold_consent(subject_table regclass DEFAULT NULL) RETURNS bigint */
Datum
fold_consent(PG_FUNCTION_ARGS)
{
	return fold_argument(fcinfo, false);
}

/* rebuild_consent(subject_table regclass DEFAULT NULL) RETURNS bigint */
Datum
rebuild_consent(PG_FUNCTION_ARGS)
{
	return fold_argument(fcinfo, true);
}

/*
 * forget_consent_set(subject_table oid, purpose int) RETURNS void: delete what
 * is derived; purpose NULL means every purpose.  For unprotect, drop_purpose
 * and material notices; decisions then come from the records until it is built.
 */
Datum
forget_consent_set(PG_FUNCTION_ARGS)
{
	Oid domain = PG_GETARG_OID(0);
	ListCell *lc;
	Snapshot snapshot;

	fold_lock(domain, true);
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	if (PG_ARGISNULL(1))
		foreach (lc, purpose_all())
			set_clear(domain, ((Purpose *) lfirst(lc))->id, snapshot);
	else
	{
		/* of the purpose and its explicit twin, which it may have now or have had */
		set_clear(domain, PG_GETARG_INT32(1), snapshot);
		set_clear(domain, -PG_GETARG_INT32(1), snapshot);
	}
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}
