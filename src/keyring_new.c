/*
 * keyring_new.c
 *	  New keys of subjects, from the first value that is written of them until they are stored.
 *
 * They are stored many at once: when a statement ends, and before the transaction does.  A key
 * belongs to the subtransaction that made it, and what was stored in one that is rolled back is
 * stored again if the key is not of it.
 */
#include "compat.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "errors.h"
#include "keyring.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* so many are stored at once while a statement goes on */
#define MANY 32768

typedef struct NewKey
{
	Oid domain;
	SubTransactionId made_in;
	SubTransactionId stored_in; /* invalid: it is not stored */
	SubjectKey *key;            /* secret memory */
	TimestampTz made;
} NewKey;

static NewKey *news = NULL;
static int n_news = 0;
static int news_size = 0;
static int n_unstored = 0;
static bool stored_any = false; /* in this transaction */

static void
drop_news(void)
{
	for (int i = 0; i < n_news; i++)
		secret_free(news[i].key, sizeof(SubjectKey));
	if (news != NULL)
		pfree(news);
	news = NULL;
	n_news = 0;
	news_size = 0;
	n_unstored = 0;
}

/* keyring_new_remember -- put them among the keys that are found, after keyring_forget() */
void
keyring_new_remember(void)
{
	for (int i = 0; i < n_news; i++)
		keyring_add(news[i].domain, news[i].key);
}

static int
compare_news(const void *a, const void *b)
{
	const NewKey *left = a;
	const NewKey *right = b;

	if (left->domain != right->domain)
		return left->domain < right->domain ? -1 : 1;
	return subject_key_compare(left->key, right->key);
}

static void
store_domain(Oid relid, NewKey *keys, int n)
{
	const ProtectedRelation *entry = subject_domain(relid);
	ProtectedRelation domain;
	SubjectKey **wanted = palloc(n * sizeof(SubjectKey *));
	int n_wanted = 0;
	TimestampTz *made = palloc(n * sizeof(TimestampTz));

	for (int i = 0; i < n; i++)
		if (keys[i].stored_in == InvalidSubTransactionId)
		{
			made[n_wanted] = keys[i].made;
			wanted[n_wanted++] = keys[i].key;
		}
	if (entry != NULL)
	{
		domain = *entry;
		key_store(&domain, wanted, made, n_wanted);
	}
	pfree(wanted);
	pfree(made);
	for (int i = 0; i < n; i++)
		if (keys[i].stored_in == InvalidSubTransactionId)
			keys[i].stored_in = GetCurrentSubTransactionId();
}

/*
 * keyring_flush -- store the keys that this transaction has made.
 * Errors: as keyring_root().
 */
void
keyring_flush(void)
{
	MemoryContext scratch;
	MemoryContext caller;
	int kept = 0;

	if (n_unstored == 0)
		return;
	scratch =
		AllocSetContextCreate(CurrentMemoryContext, "privseg new keys", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	stored_any = true;
	qsort(news, n_news, sizeof(NewKey), compare_news);
	for (int i = 0; i < n_news;)
	{
		int j = i;

		while (j < n_news && news[j].domain == news[i].domain)
			j++;
		store_domain(news[i].domain, &news[i], j - i);
		i = j;
	}
	n_unstored = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	CommandCounterIncrement();

	/* what goes with the whole transaction only needs no remembering */
	for (int i = 0; i < n_news; i++)
		if (news[i].stored_in == TopSubTransactionId)
			secret_free(news[i].key, sizeof(SubjectKey));
		else
			news[kept++] = news[i];
	n_news = kept;
	fold_request();
}

/*
 * keyring_find_or_make -- a key to seal a subject's values with, good until the next call.
 * Errors: as keyring_find(); 25006 on a standby, 25000 in a parallel operation.
 */
const SubjectKey *
keyring_find_or_make(const ProtectedRelation *domain, SubjectPosition position)
{
	const SubjectKey *found = keyring_find(domain, position, 0);
	Oid relid = domain->relid;
	NewKey *made;

	if (likely(found != NULL))
		return found;
	PreventCommandIfReadOnly("encryption of a new subject's value");
	PreventCommandIfParallelMode("encryption of a new subject's value");
	PreventCommandDuringRecovery("encryption of a new subject's value");
	/* it can be wrapped, later */
	(void) keyring_newest(KEY_EPOCH);
	if (n_unstored >= MANY)
		keyring_flush();
	if (n_news == news_size)
	{
		int size = Max(64, news_size * 2);

		news = news == NULL ? MemoryContextAlloc(TopMemoryContext, size * sizeof(NewKey)) :
							  repalloc_huge(news, size * sizeof(NewKey));
		news_size = size;
	}
	made = &news[n_news];
	made->domain = relid;
	made->made_in = GetCurrentSubTransactionId();
	made->stored_in = InvalidSubTransactionId;
	made->made = GetCurrentTimestamp();
	made->key = secret_alloc(sizeof(SubjectKey));
	made->key->position = position;
	/* its number and what is behind it, at once */
	do
		crypto_random_key(&made->key->id, sizeof(made->key->id) + AEAD_KEY_BYTES);
	while (made->key->id == 0);
	n_news++;
	n_unstored++;
	keyring_add(relid, made->key);
	return made->key;
}

static void
xact_event(XactEvent event, void *arg)
{
	bool any = n_news > 0 || stored_any;

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			keyring_flush();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			drop_news();
			stored_any = false;
			break;
		case XACT_EVENT_PREPARE: /* they are there if it is committed, and not ours till then */
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			drop_news();
			stored_any = false;
			if (any)
				keyring_forget();
			break;
		default:
			break;
	}
}

static void
subxact_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int kept = 0;
	bool any = stored_any;

	if (n_news == 0 && !stored_any)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (int i = 0; i < n_news; i++)
		{
			if (news[i].made_in == mine)
				news[i].made_in = parent;
			if (news[i].stored_in == mine)
				news[i].stored_in = parent;
		}
		return;
	}
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	n_unstored = 0;
	for (int i = 0; i < n_news; i++)
	{
		if (news[i].made_in == mine)
		{
			secret_free(news[i].key, sizeof(SubjectKey));
			any = true;
			continue;
		}
		if (news[i].stored_in == mine)
			news[i].stored_in = InvalidSubTransactionId;
		if (news[i].stored_in == InvalidSubTransactionId)
			n_unstored++;
		news[kept++] = news[i];
	}
	n_news = kept;
	if (any)
		keyring_forget();
}

/* keyring_new_init -- register the callbacks; once, from _PG_init */
void
keyring_new_init(void)
{
	RegisterXactCallback(xact_event, NULL);
	RegisterSubXactCallback(subxact_event, NULL);
}
