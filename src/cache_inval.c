/*
 * cache_inval.c
 *	  Owns invalidation: the only file that registers callbacks.
 *
 * Every backend-local cache (vocabulary, protected relations, clearances,
 * notices) remembers the value of a generation counter when it was filled and
 * is refilled when the counter has moved.  Callbacks only add one to a counter:
 * they run at moments when a catalog may not be read.
 *
 * How a change reaches the counters.  Triggers on the extension's own tables
 * (privseg.catalog_changed) queue a relcache invalidation of privseg.purposes,
 * the sentinel.  Core delivers it to the own backend at the next command, to
 * the others at commit, to a standby by replay, and takes it back on abort by
 * delivering it once more.  We do not compare the relation's OID with the
 * sentinel's: any relcache invalidation of a relation in the list of tables
 * we know counts, and so does InvalidOid (reset).
 */
#include "compat.h"

#include "access/xact.h"
#include "cache_inval.h"
#include "catalog.h"
#include "utils/inval.h"
#include "utils/plancache.h"
#include "utils/syscache.h"

uint64 cache_catalog_generation = 1;
uint64 cache_role_generation = 1;
uint64 cache_relation_generation = 1;
uint64 cache_xact_generation = 1;
uint64 cache_key_generation = 1;

static void
relation_changed(Datum arg, Oid relid)
{
	cache_relation_generation++;
	if (catalog_holds_keys(relid))
		cache_key_generation++;
	if (!catalog_is_own_table(relid))
		return;
	cache_catalog_generation++;
	/* plans of a time without protected relations show what core counts of them */
	if (!protected_were_any())
		ResetPlanCache();
}

static void
role_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	cache_role_generation++;
}

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	/* CREATE or DROP EXTENSION brings or takes the schema */
	cache_catalog_generation++;
}

static void
xact_event(XactEvent event, void *arg)
{
	cache_xact_generation++;
}

static void
subxact_event(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	/* only an abort can take away what was seen */
	if (event == SUBXACT_EVENT_ABORT_SUB)
		cache_xact_generation++;
}

/*
 * cache_inval_init -- register the callbacks; once, from _PG_init.
 */
void
cache_inval_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, role_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, role_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
	RegisterXactCallback(xact_event, NULL);
	RegisterSubXactCallback(subxact_event, NULL);
}

/*
 * cache_inval_broadcast -- tell every backend that the extension's catalog
 * changes with this transaction.  Does nothing before the tables exist.
 */
void
cache_inval_broadcast(void)
{
	Oid sentinel = catalog_table_oid(CATALOG_PURPOSES);

	if (OidIsValid(sentinel))
		CacheInvalidateRelcacheByRelid(sentinel);
	cache_catalog_generation++;
}
