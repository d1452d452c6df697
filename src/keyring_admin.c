/*
 * keyring_admin.c
 *	  SQL functions about keys.
 */
#include "compat.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "errors.h"
#include "fmgr.h"
#include "keyring.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(rotate_root_key);
PG_FUNCTION_INFO_V1(rotate_epoch);
PG_FUNCTION_INFO_V1(fold_keys);
PG_FUNCTION_INFO_V1(shred_subject);
PG_FUNCTION_INFO_V1(forget_keys);
PG_FUNCTION_INFO_V1(keys_applied);

/* rotate_root_key() RETURNS void */
Datum
rotate_root_key(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("privseg.rotate_root_key()");
	keyring_lock_rotation();
	keyring_rotate_root();
	PG_RETURN_VOID();
}

/*
 * A subject domain, folded, and locked against others who would; false: it is none any more.
 * A copy, for the cache may move.
 */
static bool
fold_domain_waiting(Oid relid, ProtectedRelation *domain, int64 *folded)
{
	const ProtectedRelation *entry = subject_domain(relid);

	if (entry == NULL)
		return false;
	*domain = *entry;
	(void) key_fold_lock(relid, true);
	*folded += key_fold_all(domain);
	return true;
}

/*
 * rotate_epoch(pages int) RETURNS bigint -- pages NULL: all.  Goes on with a rotation that is
 * not through; otherwise it begins one.
 */
Datum
rotate_epoch(PG_FUNCTION_ARGS)
{
	int64 budget = PG_ARGISNULL(0) ? -1 : PG_GETARG_INT32(0);
	int64 left = 0;
	int64 folded = 0;
	int32 epoch;
	ListCell *lc;
	List *domains;

	PreventCommandIfReadOnly("privseg.rotate_epoch()");
	if (!PG_ARGISNULL(0) && budget <= 0)
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("the number of pages must be positive")));
	keyring_lock_rotation();
	domains = list_copy(subject_domains());
	epoch = keyring_newest(KEY_EPOCH);
	if (!key_older_is_used(epoch))
		epoch = keyring_new_epoch();
	foreach (lc, domains)
	{
		ProtectedRelation domain;

		if (fold_domain_waiting(lfirst_oid(lc), &domain, &folded))
			left += key_rewrap(&domain, epoch, &budget);
	}
	if (left == 0)
		key_drop_epochs();
	PG_RETURN_INT64(left);
}

/* fold_keys() RETURNS bigint */
Datum
fold_keys(PG_FUNCTION_ARGS)
{
	int64 folded = 0;
	ListCell *lc;
	List *domains = list_copy(subject_domains());

	PreventCommandIfReadOnly("privseg.fold_keys()");
	foreach (lc, domains)
	{
		ProtectedRelation domain;

		(void) fold_domain_waiting(lfirst_oid(lc), &domain, &folded);
	}
	PG_RETURN_INT64(folded);
}

/* shred_subject(subject_table regclass, subject bigint|uuid|text) RETURNS bigint */
Datum
shred_subject(PG_FUNCTION_ARGS)
{
	Oid relid = relation_argument(fcinfo, 0, "subject table");
	const ProtectedRelation *entry = subject_domain(relid);
	ProtectedRelation domain;
	char *subject;

	PreventCommandIfReadOnly("privseg.shred_subject()");
	if (entry == NULL)
	{
		char *name = get_rel_name(relid);

		ereport(ERROR,
				(errcode(PRIVSEG_ERR_WRONG_RELATION),
				 errmsg("\"%s\" is not a subject table", name ? name : "(dropped relation)")));
	}
	domain = *entry;
	subject = subject_argument(fcinfo, 1, relid);
	PG_RETURN_INT64(key_shred(&domain, subject_position(&domain, subject)));
}

/* forget_keys(subject_table regclass) RETURNS boolean -- for the extension itself */
Datum
forget_keys(PG_FUNCTION_ARGS)
{
	if (!catalog_works())
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED), errmsg("only privseg.unprotect() does that")));
	PG_RETURN_BOOL(key_forget(PG_GETARG_OID(0)));
}

/*
 * keys_applied() RETURNS trigger -- keys change by rows that come from another server, of which
 * statement triggers hear nothing: what processes keep of them is not good any more.
 */
Datum
keys_applied(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Oid relid;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("keys_applied: not called by its trigger")));
	relid = RelationGetRelid(trigger->tg_relation);
	CacheInvalidateRelcacheByRelid(
		relid == catalog_table_oid(CATALOG_KEYS) ? relid : catalog_table_oid(CATALOG_SUBJECT_KEYS));
	if (relid == catalog_table_oid(CATALOG_SHREDDED_SUBJECTS) ||
		TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		keyring_shredded();
	return PointerGetDatum(NULL);
}
