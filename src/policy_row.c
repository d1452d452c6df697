/*
 * policy_row.c
 *	  What the row policy asks when a statement runs.
 *
 * row_permitted(key, domain, flags): does the subject permit the purpose the
 * session acts under?  The first row of an execution resolves purpose,
 * clearance and the consent set; the rest is consent_lookup.c.
 *
 * The resolved state hangs off the expression (fn_extra).  Plans get a new one
 * for each execution, but plpgsql keeps expressions, and fn_extra with them,
 * alive across statements.  So each call proves that the state is still its
 * own: same snapshot contents, no subtransaction rolled back, same user, and
 * the same purpose.  Two snapshots with equal xmax and equally many running
 * transactions below it are equal, because below a fixed xmax transactions
 * only ever end.
 *
 * A statement's purpose and user are those it began with: a change while it runs is
 * refused when the rows are through (policy_statement_went_on).
 *
 * row_explicit(key, domain): are values of special categories opened of this subject?  The
 * same, asked of the purpose's explicit twin (GDPR Art. 9(2)(a)).
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "cache_inval.h"
#include "catalog/pg_class.h"
#include "consent.h"
#include "errors.h"
#include "guc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "parser/parsetree.h"
#include "policy.h"
#include "policy_row.h"
#include "policy_stamp.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(row_permitted_integer);
PG_FUNCTION_INFO_V1(row_permitted_uuid);
PG_FUNCTION_INFO_V1(row_permitted_text);
PG_FUNCTION_INFO_V1(row_explicit_integer);
PG_FUNCTION_INFO_V1(row_explicit_uuid);
PG_FUNCTION_INFO_V1(row_explicit_text);
PG_FUNCTION_INFO_V1(row_writable);
PG_FUNCTION_INFO_V1(row_permitted_support);
PG_FUNCTION_INFO_V1(library_is_preloaded);

typedef struct RowState
{
	/* proof that this is still the statement it was resolved for */
	PolicyStamp stamp;
	Oid domain;
	uint64 purpose_generation;
	/* what was resolved */
	bool of_statement; /* as it began: see resolve_state() */
	bool bypass;
	bool newest;        /* rows may be newer than the snapshot */
	bool explicit_only; /* asked of the purpose's twin */
	bool unique;        /* row_writable() has seen that the subject's key is */
	bool same;          /* without a lookup: the answer for every key */
	KeyKind key_kind;
	ConsentLookup *lookup;
	char purpose[NAMEDATALEN];
	MemoryContext context;
} RowState;

/*
 * policy_require_purpose -- the purpose the session acts under, if the user may;
 * otherwise 42501 that says what is missing.
 */
Purpose
policy_require_purpose(Oid user)
{
	const char *name = guc_purpose;
	Purpose purpose;

	if (name == NULL || name[0] == '\0')
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("no purpose is set for reading or writing personal data"),
						errhint("SET privseg.purpose = '...' to the purpose you act under%s.",
								or_bypass())));
	if (!purpose_by_name(name, &purpose))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED), errmsg("purpose \"%s\" does not exist", name),
			 strchr(name, ',') ?
				 errdetail("A statement acts under one purpose; a list is not one.") :
				 0,
			 errhint("SET privseg.purpose to one of the purposes in the view privseg.purpose.")));
	if (!clearance_to_act(user, &purpose) && !clearance_to_aggregate(user, &purpose))
		ereport(
			ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 errmsg("role \"%s\" has no clearance for purpose \"%s\"",
					GetUserNameFromId(user, false), purpose.name),
			 clearance_in_part(user, &purpose) ?
				 errdetail(
					 "It may collect or aggregate, or holds clearance for a category of data; acting under the purpose is granted without a category.") :
				 0,
			 may_bypass_row_security() ?
				 errhint("SET privseg.purpose to a purpose you are cleared for%s.", or_bypass()) :
				 errhint(
					 "SET privseg.purpose to a purpose you are cleared for, or ask an administrator for privseg.grant_clearance().")));
	return purpose;
}

#define ANY_KIND (-1) /* of key: the function does not look at it */

static inline bool
state_is_current(const RowState *state, Oid domain)
{
	Snapshot snapshot = GetActiveSnapshot();

	return snapshot != NULL && policy_stamp_holds(&state->stamp, snapshot) &&
		   state->domain == domain;
}

/* a caller may name any domain: what is passed as its key must be one */
static void
check_key_kind(const ProtectedRelation *domain, int kind)
{
	if (kind != ANY_KIND && domain->key_kind != (KeyKind) kind)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the key is not of the type of the keys of \"%s\"",
							   get_rel_name(domain->relid)),
						errdetail("Its keys are of type %s.", format_type_be(domain->key_type))));
}

static void
begin_lookup(RowState *state, const ProtectedRelation *domain, const Purpose *purpose,
			 const PolicyReader *reader)
{
	state->lookup = lookup_begin(
		domain, purpose, state->of_statement ? reader->moment : consent_now(false), state->context);
}

/* what is asked: the flags of row_permitted() and row_writable(), which row_explicit() has none of */
#define ROW_FLAGS(fcinfo) ((fcinfo)->nargs > 2 ? PG_GETARG_INT32(2) : 0)
#define ASKS_FOR_EXPLICIT(fcinfo) ((fcinfo)->nargs == 2)

static RowState *
resolve_state(FunctionCallInfo fcinfo, Oid domain_oid, int kind)
{
	RowState *state = fcinfo->flinfo->fn_extra;
	Snapshot snapshot = consent_snapshot();
	const PolicyReader *reader = policy_reader_of_statement(fcinfo->flinfo->fn_mcxt);
	bool cascaded = (ROW_FLAGS(fcinfo) & ROW_CASCADED) != 0;
	/* what changes while the statement runs is not for its rows to say */
	bool of_statement = !cascaded && reader != NULL && reader->reads != READS_NOTHING;
	const ProtectedRelation *domain;

	/* statements repeated under locks already held do not do this themselves; ours have */
	if (!of_statement)
		AcceptInvalidationMessages();

	fcinfo->flinfo->fn_extra = NULL;
	if (state != NULL)
		MemoryContextDelete(state->context);
	{
		MemoryContext context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "privseg row state",
													  ALLOCSET_SMALL_SIZES);

		state = MemoryContextAllocZero(context, sizeof(RowState));
		state->context = context;
	}
	state->stamp = policy_stamp(snapshot);
	state->domain = domain_oid;
	state->purpose_generation = guc_purpose_generation;
	if (cascaded)
		state->bypass = policy_actor_bypasses();
	else if (of_statement)
		state->bypass = reader->reads == READS_ALL;
	else
		state->bypass = row_security_bypassed();
	state->of_statement = of_statement;
	state->newest =
		(ROW_FLAGS(fcinfo) & ROW_NEWEST) != 0 || policy_is_rechecked(fcinfo->flinfo->fn_mcxt);
	if (!state->bypass)
	{
		Purpose purpose = of_statement ?
							  reader->resolved :
							  policy_require_purpose(cascaded ? policy_actor() : GetUserId());
		Purpose twin;

		if (!of_statement && reader != NULL && strcmp(reader->purpose, purpose.name) != 0)
			policy_purpose_changed(reader->purpose);

		domain = subject_domain(domain_oid);
		if (domain == NULL)
			ereport(
				ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY),
				 errmsg(
					 "the subject table of a protected relation no longer exists or is no longer protected"),
				 errhint(
					 "Unprotect the relation, and protect it under its present subject table.")));
		check_key_kind(domain, kind);
		state->key_kind = domain->key_kind;
		strlcpy(state->purpose, purpose.name, NAMEDATALEN);
		if (!ASKS_FOR_EXPLICIT(fcinfo))
			begin_lookup(state, domain, &purpose, reader);
		else if (purpose_explicit(&purpose, &twin))
		{
			state->explicit_only = true;
			begin_lookup(state, domain, &twin, reader);
		}
		else
			state->same = purpose.special != SPECIAL_NONE;
	}
	else
		state->same = true;
	fcinfo->flinfo->fn_extra = state;
	return state;
}

static void
check_same_purpose(RowState *state)
{
	if (!state->bypass && !state->of_statement &&
		strcmp(state->purpose, guc_purpose ? guc_purpose : "") != 0)
		policy_purpose_changed(state->purpose);
	state->purpose_generation = guc_purpose_generation;
}

static pg_noinline RowState *
row_state_slow(FunctionCallInfo fcinfo, int kind)
{
	RowState *state = fcinfo->flinfo->fn_extra;
	Oid domain = PG_GETARG_OID(1);

	if (state == NULL || !state_is_current(state, domain))
		return resolve_state(fcinfo, domain, kind);
	if (state->purpose_generation != guc_purpose_generation)
		check_same_purpose(state);
	return state;
}

static inline RowState *
row_state(FunctionCallInfo fcinfo, int kind)
{
	RowState *state = fcinfo->flinfo->fn_extra;

	if (likely(state != NULL && state_is_current(state, PG_GETARG_OID(1)) &&
			   state->purpose_generation == guc_purpose_generation))
		return state;
	return row_state_slow(fcinfo, kind);
}

/*
 * policy_row_lookup -- what a call of row_permitted would ask; NULL where
 * row_security = off is honoured and every row passes.
 *	fcinfo	as for the call; its key is not looked at
 *	kind	of key the function takes
 */
ConsentLookup *
policy_row_lookup(FunctionCallInfo fcinfo, KeyKind kind)
{
	return row_state(fcinfo, kind)->lookup;
}

static pg_noinline void
may_not_answer_no(int flags)
{
	if ((flags & ROW_COPIED) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg_internal("%s", ROW_COPIED_ERROR)));
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_DENIED),
		 errmsg("the statement reaches rows of subjects who do not permit the purpose"),
		 errdetail(
			 "A foreign key's action would delete or change them, or rows about nobody, which are hidden, too."),
		 errhint("Act under a purpose that all of them permit%s.", or_bypass())));
}

/* the answer, where a hidden row is not simply left out */
static inline bool
answered(FunctionCallInfo fcinfo, bool permitted)
{
	if (unlikely(!permitted && (ROW_FLAGS(fcinfo) & (ROW_CASCADED | ROW_COPIED)) != 0))
		may_not_answer_no(ROW_FLAGS(fcinfo));
	return permitted;
}

/* is it the policy's own call in the check of a new row, whose triggers have told its key? */
static inline bool
asks_for_expected(FunctionCallInfo fcinfo)
{
	Node *call = fcinfo->flinfo->fn_expr;

	return unlikely((ROW_FLAGS(fcinfo) & ROW_EXPECTED) != 0) && call != NULL &&
		   IsA(call, FuncExpr) && ((FuncExpr *) call)->location == ROW_CALL_LOCATION;
}

static pg_noinline void
check_expected(FunctionCallInfo fcinfo, const void *key, size_t length)
{
	if (policy_key_is_expected((ROW_FLAGS(fcinfo) >> ROW_WHICH_SHIFT) % POLICY_MAX_KEYS, key,
							   length))
		return;
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED), errmsg("a trigger gave a row another subject's key"),
			 errdetail("A row stays with its subject, whichever trigger comes last."),
			 errhint("Leave the column that holds the key to its writer.")));
}

/* without a key, or where row_security = off is honoured and there is no lookup */
static bool
answer_without_key(FunctionCallInfo fcinfo, const RowState *state)
{
	if (asks_for_expected(fcinfo) && state->lookup != NULL)
		check_expected(fcinfo, NULL, 0);
	if (state->lookup == NULL)
		return answered(fcinfo, state->same);
	return answered(fcinfo, (ROW_FLAGS(fcinfo) & ROW_NULL_PASSES) != 0);
}

/* of a row that is written: the key is the one its triggers have told */
static inline void
check_written(FunctionCallInfo fcinfo, KeyKind kind)
{
	if (asks_for_expected(fcinfo))
	{
		KeyBytes bytes;

		policy_key_bytes(PG_GETARG_DATUM(0), kind, &bytes);
		check_expected(fcinfo, bytes.data, bytes.length);
	}
}

/*
 * Is it asked about a row that may be newer than what the statement sees?  row_explicit() stands
 * in what is made of the row, which core computes apart from its policy: in RETURNING.
 */
static inline bool
is_newest(const RowState *state)
{
	return state->newest || (state->explicit_only && policy_rows_may_be_newer());
}

/* of a row that may be newer than what the statement sees: by what is said now, too */
static pg_noinline bool
permitted_now(RowState *state, Datum canonical)
{
	bool permitted = lookup_newest(state->lookup, DatumGetCString(canonical));

	pfree(DatumGetCString(canonical));
	return permitted;
}

static inline Datum
row_of_integer(FunctionCallInfo fcinfo)
{
	RowState *state = row_state(fcinfo, KEY_INTEGER);
	bool permitted;

	if (unlikely(state->lookup == NULL || PG_ARGISNULL(0)))
		PG_RETURN_BOOL(answer_without_key(fcinfo, state));
	check_written(fcinfo, KEY_INTEGER);
	permitted = lookup_integer(state->lookup, PG_GETARG_INT64(0));
	if (unlikely(permitted && is_newest(state)))
		permitted = permitted_now(state, DirectFunctionCall1(int8out, PG_GETARG_DATUM(0)));
	PG_RETURN_BOOL(answered(fcinfo, permitted));
}

static inline Datum
row_of_uuid(FunctionCallInfo fcinfo)
{
	RowState *state = row_state(fcinfo, KEY_UUID);
	bool permitted;

	if (unlikely(state->lookup == NULL || PG_ARGISNULL(0)))
		PG_RETURN_BOOL(answer_without_key(fcinfo, state));
	check_written(fcinfo, KEY_UUID);
	permitted = lookup_uuid(state->lookup, PG_GETARG_UUID_P(0)->data);
	if (unlikely(permitted && is_newest(state)))
		permitted = permitted_now(state, DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0)));
	PG_RETURN_BOOL(answered(fcinfo, permitted));
}

static inline Datum
row_of_text(FunctionCallInfo fcinfo)
{
	RowState *state = row_state(fcinfo, KEY_TEXT);
	text *key;
	bool result;

	if (unlikely(state->lookup == NULL || PG_ARGISNULL(0)))
		PG_RETURN_BOOL(answer_without_key(fcinfo, state));
	check_written(fcinfo, KEY_TEXT);
	key = PG_GETARG_TEXT_PP(0);
	result = lookup_text(state->lookup, VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key));
	if (unlikely(result && is_newest(state)))
		result = permitted_now(state, CStringGetDatum(text_to_cstring(key)));
	PG_FREE_IF_COPY(key, 0);
	PG_RETURN_BOOL(answered(fcinfo, result));
}

/* row_permitted(bigint, regclass, int) RETURNS boolean */
Datum
row_permitted_integer(PG_FUNCTION_ARGS)
{
	return row_of_integer(fcinfo);
}

/* row_permitted(uuid, regclass, int) RETURNS boolean */
Datum
row_permitted_uuid(PG_FUNCTION_ARGS)
{
	return row_of_uuid(fcinfo);
}

/* row_permitted(text, regclass, int) RETURNS boolean */
Datum
row_permitted_text(PG_FUNCTION_ARGS)
{
	return row_of_text(fcinfo);
}

/*
 * row_explicit(bigint|uuid|text, regclass) RETURNS boolean -- true for everybody where the
 * purpose has another basis for special categories, for nobody where it has none
 */
Datum
row_explicit_integer(PG_FUNCTION_ARGS)
{
	return row_of_integer(fcinfo);
}

/* the same of a uuid */
Datum
row_explicit_uuid(PG_FUNCTION_ARGS)
{
	return row_of_uuid(fcinfo);
}

/* the same of a text */
Datum
row_explicit_text(PG_FUNCTION_ARGS)
{
	return row_of_text(fcinfo);
}

/*
 * row_writable(bigint|uuid|text, regclass, int) RETURNS boolean -- may a row of
 * the subject table with this key be written?
 *
 * protect() requires a unique index on the key, which must still be there, so an
 * INSERT that succeeds is about a new subject; and a trigger (subject_moved) refuses an UPDATE that
 * changes the key, so a row updated is one that was permitted.  What is left is
 * that somebody is named, and that the role may act under the purpose.
 */
Datum
row_writable(PG_FUNCTION_ARGS)
{
	RowState *state = row_state(fcinfo, ANY_KIND);

	if (state->bypass)
		PG_RETURN_BOOL(true);
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(answer_without_key(fcinfo, state));
	check_written(fcinfo, state->key_kind);
	if (unlikely(!state->unique))
	{
		Oid domain = PG_GETARG_OID(1);

		if (!subject_key_is_unique(domain))
			ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
							errmsg("the key of subject table \"%s\" is not unique any more",
								   get_rel_name(domain)),
							errdetail("A new row might be about somebody who is hidden."),
							errhint("Create the unique index anew that was dropped.")));
		state->unique = true;
	}
	PG_RETURN_BOOL(true);
}

/* is it asked about rows of a protected relation?  Of no others is an estimate hidden. */
static bool
is_about_protected(SupportRequestSelectivity *request)
{
	Node *key = linitial(request->args);
	RangeTblEntry *rte;

	if (IsA(key, FuncExpr) && list_length(((FuncExpr *) key)->args) == 1)
		key = linitial(((FuncExpr *) key)->args);
	if (IsA(key, RelabelType))
		key = (Node *) ((RelabelType *) key)->arg;
	if (!IsA(key, Var) || request->root == NULL)
		return false;
	rte = planner_rt_fetch(((Var *) key)->varno, request->root);
	return rte->rtekind == RTE_RELATION && protected_relation(rte->relid) != NULL;
}

/*
 * row_permitted_support -- how many rows will it pass?  The set knows how many
 * members it has, the subject table's statistics how many subjects there are.
 */
Datum
row_permitted_support(PG_FUNCTION_ARGS)
{
	Node *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestSelectivity *selectivity;
	const ProtectedRelation *domain;
	Purpose purpose;
	Const *domain_const;
	Oid relid;
	HeapTuple tuple;
	float4 reltuples = -1;
	double share;
	ConsentSet set;

	if (!IsA(request, SupportRequestSelectivity))
		PG_RETURN_POINTER(NULL);
	selectivity = (SupportRequestSelectivity *) request;
	if (list_length(selectivity->args) != 3 || !IsA(lsecond(selectivity->args), Const) ||
		guc_purpose == NULL || guc_purpose[0] == '\0' || !catalog_installed() ||
		!is_about_protected(selectivity))
		PG_RETURN_POINTER(NULL);
	domain_const = lsecond_node(Const, selectivity->args);
	domain = domain_const->constisnull ? NULL :
										 subject_domain(DatumGetObjectId(domain_const->constvalue));
	if (domain == NULL || !purpose_by_name(guc_purpose, &purpose))
		PG_RETURN_POINTER(NULL);
	relid = domain->relid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (HeapTupleIsValid(tuple))
	{
		reltuples = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	if (reltuples <= 0)
		PG_RETURN_POINTER(NULL);
	set_fetch(relid, purpose.id, NULL, &set);
	if (!set.found)
		PG_RETURN_POINTER(NULL);
	share = (double) set.members / reltuples;
	if (purpose_default_permitted(&purpose))
		share = 1.0 - share;
	/* never 0 or 1: the estimate must not turn a plan into a bet */
	selectivity->selectivity = Min(Max(share, 0.005), 0.995);
	PG_RETURN_POINTER(selectivity);
}

/*
 * library_is_preloaded -- what the stored policy of a protected table asks.
 * Immutable, so it folds away; where the library is not preloaded, loading it
 * for this function raises (privseg.c).
 */
Datum
library_is_preloaded(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(true);
}
