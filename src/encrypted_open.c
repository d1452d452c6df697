/*
 * encrypted_open.c
 *	  May this value be opened, here and now?  The policy sticks to the value: wherever it lies
 *	  by now, the role must be cleared for its category under the session's purpose, and its
 *	  subject must permit that -- by an explicit record, where the category is a special one and
 *	  the purpose's basis for these is explicit consent.
 *
 * What was resolved is kept for the statements that run at the moment, one inside the other; it
 * proves on each call that it is still theirs, as the row policy's does (policy_row.c).
 *
 * A value that is not opened is NULL: its subject does not permit the purpose so, its key was
 * destroyed, the role sees the mask, or row_security = off is honoured.
 */
#include "compat.h"

#include "access/xact.h"
#include "cache_inval.h"
#include "consent_key.h"
#include "encrypted.h"
#include "errors.h"
#include "guc.h"
#include "miscadmin.h"
#include "policy.h"
#include "policy_stamp.h"
#include "replication/logicalworker.h"
#include "replication/walsender.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#define MAX_STATES 4
#define MAX_DOMAINS 16
#define MAX_CATEGORIES 16

typedef struct DomainState
{
	uint32 reference;
	bool explicit_only; /* of the purpose's twin */
	bool found;
	ProtectedRelation domain;
	ConsentLookup *lookup;
	bool asked; /* the last one */
	SubjectPosition last;
	bool last_permitted;
} DomainState;

typedef struct CategoryState
{
	int32 id;
	int uses;
	bool explicit_only;
	bool groups_only; /* is shown of it */
} CategoryState;

typedef struct OpenState
{
	/* proof that this is still the statement it was resolved for */
	bool valid;
	PolicyStamp stamp;
	bool restricted;
	uint64 purpose_generation;
	uint64 catalog_generation;
	uint64 role_generation;
	/* what was resolved */
	bool bypass;
	bool warned;
	Purpose purpose;
	int n_domains;
	DomainState domains[MAX_DOMAINS];
	int n_categories;
	CategoryState categories[MAX_CATEGORIES];
	MemoryContext context;
} OpenState;

static OpenState states[MAX_STATES];
static int recent = 0;

static inline bool
is_current(const OpenState *state, Snapshot snapshot)
{
	return state->valid && policy_stamp_holds(&state->stamp, snapshot) &&
		   state->restricted == InSecurityRestrictedOperation() &&
		   state->purpose_generation == guc_purpose_generation &&
		   state->catalog_generation == cache_catalog_generation &&
		   state->role_generation == cache_role_generation;
}

static OpenState *
resolve(Snapshot snapshot)
{
	OpenState *state;

	recent = (recent + 1) % MAX_STATES;
	state = &states[recent];
	state->valid = false;
	if (state->context == NULL)
		state->context = AllocSetContextCreate(TopMemoryContext, "privseg opened values",
											   ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(state->context);
	state->n_domains = 0;
	state->n_categories = 0;
	state->warned = false;
	state->bypass = encrypted_passes_unopened();
	/* ANALYZE, REFRESH and the like keep what they compute, for others: nothing is opened there */
	if (!state->bypass && !InSecurityRestrictedOperation())
		state->purpose = policy_require_purpose(GetUserId());
	state->stamp = policy_stamp(snapshot);
	state->restricted = InSecurityRestrictedOperation();
	state->purpose_generation = guc_purpose_generation;
	state->catalog_generation = cache_catalog_generation;
	state->role_generation = cache_role_generation;
	state->valid = true;
	return state;
}

static inline OpenState *
current_state(void)
{
	Snapshot snapshot = consent_snapshot();

	if (likely(is_current(&states[recent], snapshot)))
		return &states[recent];
	for (int i = 0; i < MAX_STATES; i++)
		if (is_current(&states[i], snapshot))
		{
			recent = i;
			return &states[i];
		}
	return resolve(snapshot);
}

/* good until another one is asked for */
static const CategoryState *
category_of(OpenState *state, int32 category)
{
	const DataCategory *entry;
	CategoryState resolved = {.id = category};

	for (int i = 0; i < state->n_categories; i++)
		if (state->categories[i].id == category)
			return &state->categories[i];
	entry = category_by_id(category);
	if (entry != NULL)
	{
		resolved.explicit_only =
			entry->special && state->purpose.special == SPECIAL_EXPLICIT_CONSENT;
		resolved.uses = clearance_uses(state->stamp.user, &state->purpose, entry);
		resolved.groups_only = (resolved.uses & (USE_AGGREGATE | USE_PROJECT)) == USE_AGGREGATE ||
							   !clearance_to_act(state->stamp.user, &state->purpose);
	}
	if (state->n_categories == MAX_CATEGORIES)
		state->n_categories = 0;
	state->categories[state->n_categories] = resolved;
	return &state->categories[state->n_categories++];
}

static int
uses_of(OpenState *state, int32 category)
{
	return category_of(state, category)->uses;
}

static DomainState *
domain_of(OpenState *state, uint32 reference, bool explicit_only)
{
	const ProtectedRelation *domain;
	DomainState *entry;

	for (int i = 0; i < state->n_domains; i++)
		if (likely(state->domains[i].reference == reference &&
				   state->domains[i].explicit_only == explicit_only))
			return &state->domains[i];
	if (state->n_domains == MAX_DOMAINS)
		state->n_domains = 0;
	domain = keyring_domain(reference);
	entry = &state->domains[state->n_domains++];
	entry->reference = reference;
	entry->explicit_only = explicit_only;
	entry->found = domain != NULL;
	entry->asked = false;
	if (domain != NULL)
	{
		Purpose purpose = state->purpose;

		if (explicit_only && !purpose_explicit(&state->purpose, &purpose))
			entry->found = false;
		entry->domain = *domain;
		entry->lookup = lookup_begin(&entry->domain, &purpose, consent_now(false), state->context);
	}
	return entry;
}

static bool
ask(DomainState *domain, const EncryptedHeader *header)
{
	const uint64 *salt = domain->domain.salt;
	char bytes[TEXT_EXACT_BYTES];

	switch (domain->domain.key_kind)
	{
		case KEY_INTEGER:
			return lookup_integer(domain->lookup, integer_of_position(salt, header->subject));
		case KEY_UUID:
			uuid_of_position(salt, header->subject, bytes);
			return lookup_uuid(domain->lookup, bytes);
		case KEY_TEXT:
			if (header->hashed)
				return lookup_hashed(domain->lookup, header->subject);
			return lookup_text(domain->lookup, bytes,
							   text_of_position(salt, header->subject, bytes));
	}
	return false;
}

static inline bool
permits(DomainState *domain, const EncryptedHeader *header)
{
	if (domain->asked && position_compare(&domain->last, &header->subject) == 0)
		return domain->last_permitted;
	domain->last_permitted = ask(domain, header);
	domain->last = header->subject;
	domain->asked = true;
	return domain->last_permitted;
}

/*
 * Of a row that may be newer than what the statement sees.  The row policy asks so of the row's
 * own subject, but not whether the consent is explicit.  A key of which only the hash is known
 * cannot be asked about: the answer is no.
 */
static pg_noinline bool
permits_now(const DomainState *domain, const EncryptedHeader *header)
{
	const uint64 *salt = domain->domain.salt;
	char bytes[TEXT_EXACT_BYTES];
	char *canonical;
	bool result;

	switch (domain->domain.key_kind)
	{
		case KEY_INTEGER:
			canonical = psprintf(INT64_FORMAT, integer_of_position(salt, header->subject));
			break;
		case KEY_UUID:
			uuid_of_position(salt, header->subject, bytes);
			canonical = DatumGetCString(DirectFunctionCall1(uuid_out, PointerGetDatum(bytes)));
			break;
		default:
			if (header->hashed)
				return false;
			canonical = pnstrdup(bytes, text_of_position(salt, header->subject, bytes));
			break;
	}
	result = lookup_newest(domain->lookup, canonical);
	pfree(canonical);
	return result;
}

/*
 * encrypted_passes_unopened -- is this where values are handed on as they are: a dump,
 * replication?
 */
bool
encrypted_passes_unopened(void)
{
	return row_security_bypassed() || am_walsender || IsLogicalWorker();
}

static void
refuse_use(OpenState *state, int32 category, const char *what)
{
	const DataCategory *entry = category_by_id(category);

	if (entry != NULL && entry->special && state->purpose.special == SPECIAL_NONE)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("nobody may %s values of category \"%s\" under purpose \"%s\"", what,
						entry->name, state->purpose.name),
				 errdetail("The category is a special one, and the purpose has no basis for these "
						   "(GDPR Art. 9(2))."),
				 errhint("Act under a purpose that was created with a special_category_basis.")));
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_DENIED),
			 entry != NULL ?
				 errmsg("role \"%s\" may not %s values of category \"%s\" under purpose \"%s\"",
						GetUserNameFromId(state->stamp.user, false), what, entry->name,
						state->purpose.name) :
				 errmsg("the category of an encrypted value does not exist any more"),
			 errhint("Ask an administrator for privseg.grant_clearance().")));
}

/* encrypted_uses -- what the user is cleared for, of USE_*.  Errors: 42501 without a purpose. */
int
encrypted_uses(int32 category)
{
	OpenState *state = current_state();

	return state->bypass || state->restricted ? 0 : uses_of(state, category);
}

/* encrypted_require_use -- Errors: 42501 without clearance for it, or without a purpose */
void
encrypted_require_use(int32 category, int use, const char *what)
{
	OpenState *state = current_state();

	if (state->bypass)
		return;
	if (state->restricted)
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("encrypted values may not be written within a security-restricted "
							   "operation")));
	if ((uses_of(state, category) & use) == 0)
		refuse_use(state, category, what);
}

/*
 * A trigger that computes from values while they are not opened would write, or say, what it
 * makes of NULL: a restore of rows into a table with triggers loses them.  Checks are asked
 * outside of triggers, and take NULL.
 */
static void
refuse_in_trigger(void)
{
	if (row_security_bypassed() && DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, 0)) > 0)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("encrypted values are not opened under row_security = off, and a trigger "
						"asks for one"),
				 errhint("Restore triggers after the rows, or disable them; elsewhere, SET "
						 "row_security = on, and privseg.purpose.")));
}

/* the uses asked for that the role is not cleared for; who sees values, sees what is made of them */
static int
uses_missing(int cleared, int uses)
{
	if ((uses & OPENED_DECIDED) != 0)
		return (cleared & (USE_PROJECT | USE_FILTER | USE_AGGREGATE)) != 0 ? 0 : USE_PROJECT;
	if ((cleared & USE_PROJECT) != 0)
		uses &= ~USE_AGGREGATE;
	return uses & ~cleared;
}

/*
 * The category, if values of it are opened for these uses; otherwise NULL.  Errors: 42501 where the
 * role is not cleared for one, and does not see a mask instead.
 */
static const CategoryState *
opened_category(OpenState *state, int32 category, int uses)
{
	const CategoryState *entry;
	int missing;

	if (state->bypass)
		refuse_in_trigger();
	if (state->bypass || state->restricted)
		return NULL;
	entry = category_of(state, category);
	missing = uses_missing(entry->uses, uses);
	if (unlikely(missing != 0))
	{
		if ((entry->uses & USE_MASK) != 0)
			return NULL;
		refuse_use(state, category,
				   (missing & USE_PROJECT) != 0 ? "project" :
				   (missing & USE_FILTER) != 0  ? "filter" :
												  "aggregate");
	}
	return entry;
}

/*
 * encrypted_may_compare -- the same, asked before a value's tag is looked at: an error must not
 * tell that it was the one.
 */
bool
encrypted_may_compare(int32 category)
{
	return opened_category(current_state(), category, USE_FILTER) != NULL;
}

static void
key_is_gone(OpenState *state, int32 category)
{
	/* it would tell that the row was asked for */
	if (category_of(state, category)->groups_only)
		return;
	if (guc_shredded_is_error)
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						errmsg("the key of an encrypted value was destroyed"),
						errdetail("Its data subject was erased.")));
	if (state->warned)
		return;
	state->warned = true;
	ereport(WARNING, (errmsg("the keys of encrypted values were destroyed; they are NULL"),
					  errdetail("Their data subjects were erased.")));
}

/* may what is bound be opened?  Sets whose it is. */
static bool
may_open(OpenState *state, const EncryptedHeader *header, int uses, DomainState **domain)
{
	const CategoryState *category = opened_category(state, header->category, uses);

	if (category == NULL)
		return false;
	*domain = domain_of(state, header->domain, category->explicit_only);
	if (!(*domain)->found || !permits(*domain, header))
		return false;
	return likely(!category->explicit_only) || !policy_rows_may_be_newer() ||
		   permits_now(*domain, header);
}

/*
 * encrypted_can_open -- would a value be opened here and now?  Nothing is said of a key that is
 * gone.
 */
bool
encrypted_can_open(const EncryptedHeader *header)
{
	DomainState *domain;

	return !header->bound ||
		   (may_open(current_state(), header, USE_FILTER, &domain) &&
			keyring_find(&domain->domain, header->subject, header->key_id) != NULL);
}

/* encrypted_base_datum -- what lies at bytes, as a value of the base type */
Datum
encrypted_base_datum(EncryptedCode code, void *bytes)
{
	switch (encrypted_types[code].length)
	{
		case 1:
			return CharGetDatum(*(char *) bytes);
		case 4:
			return Int32GetDatum(*(int32 *) bytes);
		case 8:
			return Int64GetDatum(*(int64 *) bytes);
		default:
			return PointerGetDatum(bytes);
	}
}

/* the transaction that has opened one */
static uint64 opened_generation = 0;

/* encrypted_any_opened -- has this transaction opened a value of a subject? */
bool
encrypted_any_opened(void)
{
	return opened_generation == cache_xact_generation;
}

static bool
open_value(const EncryptedHeader *header, int uses, bool quietly, EncryptedOpened *opened)
{
	DomainState *domain = NULL;
	OpenState *state = NULL;
	char *room = opened->room.bytes;
	size_t prefix = encrypted_types[header->code].length < 0 ? VARHDRSZ : 0;

	if (header->bound)
	{
		state = current_state();
		if ((uses & OPENED_TYPED) != 0 && !state->restricted)
			domain = domain_of(state, header->domain, false);
		else if (!may_open(state, header, uses, &domain))
			return false;
		if (!domain->found)
			return false;
		opened_generation = cache_xact_generation;
	}
	if (prefix + header->plain_len > sizeof(opened->room))
		room = opened->large = palloc(prefix + header->plain_len);
	if (!encrypted_unseal(header, domain != NULL ? &domain->domain : NULL, room + prefix))
	{
		encrypted_close(opened);
		if (!quietly)
			key_is_gone(state, header->category);
		return false;
	}
	if (prefix > 0)
		SET_VARSIZE(room, prefix + header->plain_len);
	opened->value = encrypted_base_datum(header->code, room);
	return true;
}

static bool
open_with_snapshot(const struct varlena *value, EncryptedCode code, int uses, bool quietly,
				   EncryptedOpened *opened)
{
	EncryptedHeader header;
	bool has_snapshot = ActiveSnapshotSet();
	bool result;

	opened->large = NULL;
	encrypted_header_of(value, code, &header);
	/* rows of RETURNING are sent when their statement is through */
	if (unlikely(!has_snapshot))
		PushActiveSnapshot(GetTransactionSnapshot());
	result = open_value(&header, uses, quietly, opened);
	if (unlikely(!has_snapshot))
		PopActiveSnapshot();
	return result;
}

/*
 * encrypted_open -- the value of the base type; false: it is not opened, which is NULL.  The
 * caller calls encrypted_close() after true.
 *	value	not toasted any more
 *	code	of the type it must be of
 *	uses	what for: USE_*, all of them; or OPENED_DECIDED, or OPENED_TYPED
 * Errors: 42501; XX001; 55000 where a key is gone and that is an error.
 */
bool
encrypted_open(const struct varlena *value, EncryptedCode code, int uses, EncryptedOpened *opened)
{
	return open_with_snapshot(value, code, uses, false, opened);
}

/* encrypted_open_quietly -- the same; nothing is said where a key is gone */
bool
encrypted_open_quietly(const struct varlena *value, EncryptedCode code, int uses,
					   EncryptedOpened *opened)
{
	return open_with_snapshot(value, code, uses, true, opened);
}

/* encrypted_close -- give the room back */
void
encrypted_close(EncryptedOpened *opened)
{
	if (opened->large != NULL)
		pfree(opened->large);
	opened->large = NULL;
}

/*
 * encrypted_plain -- the bytes of a value of the base type: what encrypted_base_datum() takes.
 *	fixed	room for those of a type of fixed length
 */
const void *
encrypted_plain(EncryptedCode code, Datum value, int64 *fixed, size_t *len)
{
	*fixed = 0;
	switch (encrypted_types[code].length)
	{
		case 1:
			*(char *) fixed = DatumGetChar(value);
			break;
		case 4:
			*(int32 *) fixed = DatumGetInt32(value);
			break;
		case 8:
			*fixed = DatumGetInt64(value);
			break;
		default:
		{
			struct varlena *plain = PG_DETOAST_DATUM_PACKED(value);

			*len = VARSIZE_ANY_EXHDR(plain);
			return VARDATA_ANY(plain);
		}
	}
	*len = encrypted_types[code].length;
	return fixed;
}

/* encrypted_from_base -- a literal, of a value of the base type */
bytea *
encrypted_from_base(EncryptedCode code, Datum value)
{
	int64 fixed;
	size_t len;
	const void *plain = encrypted_plain(code, value, &fixed, &len);

	return encrypted_seal_literal(code, plain, len);
}
