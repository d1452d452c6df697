/*
 * keyring_shmem.c
 *	  How many times keys have been destroyed since the start: whoever keeps keys unwrapped
 *	  compares, for each value.
 *
 * It is counted when the transaction that destroyed them has committed.  A transaction that is
 * prepared commits in another process, so one that destroyed keys cannot be.
 */
#include "compat.h"

#include "access/xact.h"
#include "errors.h"
#include "keyring.h"
#include "port/atomics.h"
#include "storage/shmem.h"

typedef struct KeyringShared
{
	pg_atomic_uint64 shreds;
} KeyringShared;

static KeyringShared *shared = NULL;
static bool shredded = false;

Size
keyring_shmem_size(void)
{
	return sizeof(KeyringShared);
}

static void
xact_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_PREPARE && shredded)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a transaction that has destroyed keys cannot be prepared")));
	if (event == XACT_EVENT_COMMIT && shredded)
		pg_atomic_fetch_add_u64(&shared->shreds, 1);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		shredded = false;
}

void
keyring_shmem_startup(void)
{
	bool found;

	shared = ShmemInitStruct("privseg keyring", keyring_shmem_size(), &found);
	if (!found)
		pg_atomic_init_u64(&shared->shreds, 0);
}

/* keyring_shmem_init -- per-process part, from _PG_init */
void
keyring_shmem_init(void)
{
	RegisterXactCallback(xact_event, NULL);
}

/* keyring_shredded -- this transaction has destroyed keys */
void
keyring_shredded(void)
{
	shredded = true;
}

/* keyring_shreds -- how often that was done */
uint64
keyring_shreds(void)
{
	return shared != NULL ? pg_atomic_read_u64(&shared->shreds) : 0;
}
