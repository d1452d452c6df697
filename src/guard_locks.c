/*
 * guard_locks.c
 *	  Which locks are held tells of hidden rows: of the table of long values where one has
 *	  such a value, of rows and pages under SERIALIZABLE, of what refers to them.
 *
 * A statement under the policy takes the same locks whatever hidden rows hold
 * (policy_traces.c).  Core's own queries for foreign keys, and commands, do not; so
 * pg_locks has nothing about protected relations for whoever may not see counters.
 * guard_counters.c puts the function here into the place of core's.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "guard.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(shown_locks);

/* columns of pg_lock_status() */
#define LOCK_DATABASE 1
#define LOCK_RELATION 2

/* may anybody know that it is locked? */
static bool
is_shown(Oid relid)
{
	char relkind = get_rel_relkind(relid);
	Oid table = relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX ?
					IndexGetRelation(relid, true) :
					relid;

	/* one that is gone may be anybody's */
	if (relkind == '\0' || !OidIsValid(table))
		return false;
	return get_rel_namespace(table) != get_namespace_oid("privseg", true) &&
		   !guard_is_of_protected(relid);
}

/*
 * shown_locks() RETURNS SETOF record: what core's pg_lock_status() gives, without the locks
 * of protected relations, their indexes and long values.
 */
Datum
shown_locks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool all = !protected_any() || guard_sees_counters();
	LOCAL_FCINFO(call, 0);
	FmgrInfo info;
	ReturnSetInfo each;

	InitMaterializedSRF(fcinfo, 0);
	fmgr_info(F_PG_LOCK_STATUS, &info);
	memset(&each, 0, sizeof(each));
	each.type = T_ReturnSetInfo;
	each.econtext = result->econtext;
	each.allowedModes = SFRM_ValuePerCall;
	each.returnMode = SFRM_ValuePerCall;
	InitFunctionCallInfoData(*call, &info, 0, InvalidOid, NULL, (Node *) &each);
	for (;;)
	{
		Datum values[MaxTupleAttributeNumber];
		bool nulls[MaxTupleAttributeNumber];
		HeapTupleData tuple;
		Datum row = FunctionCallInvoke(call);

		if (each.isDone == ExprEndResult)
			break;
		tuple.t_data = DatumGetHeapTupleHeader(row);
		tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
		heap_deform_tuple(&tuple, result->setDesc, values, nulls);
		if (all || nulls[LOCK_RELATION] ||
			DatumGetObjectId(values[LOCK_DATABASE]) != MyDatabaseId ||
			is_shown(DatumGetObjectId(values[LOCK_RELATION])))
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
