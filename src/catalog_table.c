/*
 * catalog_table.c
 *	  Finds the extension's own tables, indexes and functions.
 *
 * The names are looked up once and remembered until cache_inval.c says that
 * the catalog may have changed; DROP EXTENSION and CREATE EXTENSION in a live
 * session are therefore seen.  Nothing is remembered while the extension's own
 * script runs, because its objects appear one by one.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "cache_inval.h"
#include "catalog.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "access/xact.h"
#include "errors.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static const char *const relation_names[CATALOG_N_RELATIONS] = {
	[CATALOG_DATA_CATEGORIES] = "data_categories",
	[CATALOG_PURPOSES] = "purposes",
	[CATALOG_NOTICES] = "notices",
	[CATALOG_PROTECTED_RELATIONS] = "protected_relations",
	[CATALOG_PROTECTED_COLUMNS] = "protected_columns",
	[CATALOG_PROTECTION_UNDO] = "protection_undo",
	[CATALOG_CLEARANCES] = "clearances",
	[CATALOG_CONSENT_RECORD] = "consent_record",
	[CATALOG_CONSENT_SET] = "consent_set",
	[CATALOG_CONSENT_PAGE] = "consent_page",
	[CATALOG_CONSENT_DELTA] = "consent_delta",
	[CATALOG_CONSENT_AGENDA] = "consent_agenda",
	[CATALOG_KEYS] = "keys",
	[CATALOG_SUBJECT_KEYS] = "subject_keys",
	[CATALOG_SUBJECT_KEY_DELTA] = "subject_key_delta",
	[CATALOG_SHREDDED_SUBJECTS] = "shredded_subjects",
	[CATALOG_PROTECTED_COLUMNS_INDEX] = "protected_columns_pkey",
	[CATALOG_KEYS_INDEX] = "keys_pkey",
	[CATALOG_SUBJECT_KEYS_INDEX] = "subject_keys_pkey",
	[CATALOG_SUBJECT_KEY_DELTA_INDEX] = "subject_key_delta_position_idx",
	[CATALOG_SHREDDED_SUBJECTS_INDEX] = "shredded_subjects_at_idx",
	[CATALOG_CONSENT_RECORD_SUBJECT_INDEX] = "consent_record_subject_idx",
	[CATALOG_CONSENT_SET_INDEX] = "consent_set_pkey",
	[CATALOG_CONSENT_PAGE_INDEX] = "consent_page_pkey",
	[CATALOG_CONSENT_DELTA_INDEX] = "consent_delta_position_idx",
	[CATALOG_CONSENT_AGENDA_INDEX] = "consent_agenda_position_idx",
	[CATALOG_CONSENT_AGENDA_DUE_INDEX] = "consent_agenda_due_idx",
	[CATALOG_CONSENT_RECORD_SEQUENCE] = "consent_record_id_seq",
};

#define FUNCTION_MAX_ARGUMENTS 4

static const struct
{
	const char *name;
	int nargs;
	Oid arguments[FUNCTION_MAX_ARGUMENTS];
} function_names[CATALOG_N_FUNCTIONS] = {
	[CATALOG_ROW_PERMITTED_INTEGER] = {"row_permitted", 3, {INT8OID, REGCLASSOID, INT4OID}},
	[CATALOG_ROW_PERMITTED_UUID] = {"row_permitted", 3, {UUIDOID, REGCLASSOID, INT4OID}},
	[CATALOG_ROW_PERMITTED_TEXT] = {"row_permitted", 3, {TEXTOID, REGCLASSOID, INT4OID}},
	[CATALOG_ROW_EXPLICIT_INTEGER] = {"row_explicit", 2, {INT8OID, REGCLASSOID}},
	[CATALOG_ROW_EXPLICIT_UUID] = {"row_explicit", 2, {UUIDOID, REGCLASSOID}},
	[CATALOG_ROW_EXPLICIT_TEXT] = {"row_explicit", 2, {TEXTOID, REGCLASSOID}},
	[CATALOG_ROW_WRITABLE_INTEGER] = {"row_writable", 3, {INT8OID, REGCLASSOID, INT4OID}},
	[CATALOG_ROW_WRITABLE_UUID] = {"row_writable", 3, {UUIDOID, REGCLASSOID, INT4OID}},
	[CATALOG_ROW_WRITABLE_TEXT] = {"row_writable", 3, {TEXTOID, REGCLASSOID, INT4OID}},
	[CATALOG_SUBJECT_CARRIED] = {"subject_carried", 0, {InvalidOid}},
	[CATALOG_SUBJECT_MOVED] = {"subject_moved", 0, {InvalidOid}},
	[CATALOG_ENCRYPTED_ROW] = {"encrypted_row", 0, {InvalidOid}},
	[CATALOG_ARE_BOUND] = {"are_bound", 1, {ANYOID}},
	[CATALOG_LIBRARY_IS_PRELOADED] = {"library_is_preloaded", 0, {InvalidOid}},
	[CATALOG_COUNTERS_SHOWN] = {"counters_shown", 1, {OIDOID}},
	[CATALOG_SHOWN_COUNTER] = {"shown_counter", 2, {REGPROCOID, OIDOID}},
	[CATALOG_SHOWN_TIME] = {"shown_time", 2, {REGPROCOID, OIDOID}},
	[CATALOG_SHOWN_MOMENT] = {"shown_moment", 2, {REGPROCOID, OIDOID}},
	[CATALOG_SHOWN_SIZE] = {"shown_size", 3, {REGPROCOID, REGCLASSOID, TEXTOID}},
	[CATALOG_SHOWN_PROGRESS] = {"shown_progress", 1, {TEXTOID}},
	[CATALOG_SHOWN_LOCKS] = {"shown_locks", 0, {InvalidOid}},
	[CATALOG_SHOWN_TID] = {"shown_tid", 2, {TEXTOID, TIDOID}},
	[CATALOG_ROW_SECURITY_ACTIVE] = {"row_security_active", 1, {OIDOID}},
	[CATALOG_STATISTICS_SHOWN] = {"statistics_shown", 2, {REGCLASSOID, OIDOID}},
	[CATALOG_UNCHANGED] = {"unchanged", 4, {ANYELEMENTOID, ANYELEMENTOID, ANYELEMENTOID, TEXTOID}},
	[CATALOG_GRANT_CLEARANCE] = {"grant_clearance",
								 4,
								 {REGROLEOID, TEXTOID, TEXTOID, TEXTARRAYOID}},
};

PG_FUNCTION_INFO_V1(catalog_changed);
PG_FUNCTION_INFO_V1(catalog_guard);

static uint64 known_generation = 0; /* 0: nothing known */
static bool known_installed = false;
static Oid known_owner = InvalidOid;
static Oid known_schema = InvalidOid;
static Oid relation_oids[CATALOG_N_RELATIONS];
static Oid function_oids[CATALOG_N_FUNCTIONS];

/* the role that owns the extension, or InvalidOid where it is not installed */
static Oid
extension_owner(Oid extension)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

static Oid
function_oid(const char *name, const oidvector *arguments, Oid namespace)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(arguments), ObjectIdGetDatum(namespace));
}

/*
 * catalog_installed -- is the extension installed in this database, whole?
 * Cheap when nothing changed.  False outside a transaction.
 */
bool
catalog_installed(void)
{
	Oid namespace;
	Oid extension;

	if (known_generation == cache_catalog_generation)
		return known_installed;
	if (!IsTransactionState())
		return false;

	/* lookups below may deliver invalidations, so remember the older counter */
	known_generation = 0;
	known_installed = false;
	for (;;)
	{
		uint64 generation = cache_catalog_generation;
		bool whole = true;

		namespace = get_namespace_oid("privseg", true);
		extension = OidIsValid(namespace) ? get_extension_oid("privseg", true) : InvalidOid;
		if (!OidIsValid(extension))
		{
			MemSet(relation_oids, 0, sizeof(relation_oids));
			if (generation != cache_catalog_generation)
				continue;
			/* a schema without its extension may be about to get it: look again */
			if (!OidIsValid(namespace))
				known_generation = generation;
			return false;
		}

		for (int i = 0; i < CATALOG_N_RELATIONS; i++)
		{
			relation_oids[i] = get_relname_relid(relation_names[i], namespace);
			whole = whole && OidIsValid(relation_oids[i]);
		}
		for (int i = 0; i < CATALOG_N_FUNCTIONS; i++)
		{
			oidvector *vector =
				buildoidvector(function_names[i].arguments, function_names[i].nargs);

			function_oids[i] = function_oid(function_names[i].name, vector, namespace);
			whole = whole && OidIsValid(function_oids[i]);
			pfree(vector);
		}
		known_owner = extension_owner(extension);
		known_schema = namespace;
		if (generation != cache_catalog_generation)
			continue;
		if (!whole || creating_extension)
			return whole;
		known_generation = generation;
		known_installed = true;
		return true;
	}
}

/* catalog_table_oid -- the OID of one of our relations; InvalidOid if absent */
Oid
catalog_table_oid(CatalogTable table)
{
	return catalog_installed() ? relation_oids[table] : InvalidOid;
}

/* catalog_function_oid -- the OID of one of our functions; InvalidOid if absent */
Oid
catalog_function_oid(CatalogFunction function)
{
	return catalog_installed() ? function_oids[function] : InvalidOid;
}

/*
 * catalog_function_of_types -- one of ours of one argument, or two; InvalidOid if absent
 *	second	InvalidOid: it has one
 */
Oid
catalog_function_of_types(const char *name, Oid first, Oid second)
{
	Oid types[] = {first, second};
	oidvector *arguments = buildoidvector(types, OidIsValid(second) ? 2 : 1);
	Oid result = catalog_installed() ? function_oid(name, arguments, known_schema) : InvalidOid;

	pfree(arguments);
	return result;
}

/* catalog_is_own_function -- any in our schema */
bool
catalog_is_own_function(Oid function)
{
	return function >= FirstNormalObjectId && catalog_installed() &&
		   get_func_namespace(function) == known_schema;
}

/* catalog_is_own_function_named -- one of that name in our schema */
bool
catalog_is_own_function_named(Oid function, const char *name)
{
	return catalog_is_own_function(function) && strcmp(get_func_name(function), name) == 0;
}

/* catalog_is_own_type -- any in our schema */
bool
catalog_is_own_type(Oid type)
{
	return type >= FirstNormalObjectId && catalog_installed() &&
		   GetSysCacheOid1(TYPEOID, Anum_pg_type_typnamespace, ObjectIdGetDatum(type)) ==
			   known_schema;
}

/*
 * catalog_has_added_types -- is a column of a relation of a type that core does not bring?  The
 * caller holds a lock on it.
 */
bool
catalog_has_added_types(Oid relid)
{
	static Oid without[64]; /* some that have none: every statement asks */
	static uint64 generation = 0;
	Relation relation;
	TupleDesc columns;
	bool result = false;

	if (relid < FirstNormalObjectId)
		return false;
	if (generation != cache_relation_generation)
		MemSet(without, 0, sizeof(without));
	generation = cache_relation_generation;
	if (without[relid % lengthof(without)] == relid)
		return false;
	relation = relation_open(relid, NoLock);
	columns = RelationGetDescr(relation);
	for (int i = 0; i < columns->natts && !result; i++)
		result = TupleDescAttr(columns, i)->atttypid >= FirstNormalObjectId;
	relation_close(relation, NoLock);
	if (!result && generation == cache_relation_generation)
		without[relid % lengthof(without)] = relid;
	return result;
}

/* catalog_owner -- who owns the extension: the identity internal work runs under */
Oid
catalog_owner(void)
{
	return catalog_installed() ? known_owner : InvalidOid;
}

/*
 * catalog_is_own_table -- may this relation's invalidation mean that our
 * catalog changed?  Reads no catalog: called from an invalidation callback.
 */
bool
catalog_is_own_table(Oid relid)
{
	if (!OidIsValid(relid))
		return true;
	for (int i = 0; i < CATALOG_N_RELATIONS; i++)
		if (relation_oids[i] == relid)
			return true;
	return false;
}

/*
 * catalog_is_internal_table -- the tables that only C code of ours may write.
 */
bool
catalog_is_internal_table(Oid relid)
{
	if (!catalog_installed())
		return false;
	for (int i = CATALOG_DATA_CATEGORIES; i <= CATALOG_SHREDDED_SUBJECTS; i++)
		if (relation_oids[i] == relid)
			return true;
	return false;
}

/*
 * catalog_write_row -- a row of one of our tables, as core writes its catalogs: without triggers.
 *	tid		of the row in whose place it goes; NULL, or invalid: a new one
 * Returns where it is.
 */
ItemPointerData
catalog_write_row(CatalogTable table, const ItemPointerData *tid, Datum *values, bool *nulls)
{
	Relation heap = table_open(catalog_table_oid(table), RowExclusiveLock);
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(heap), values, nulls);
	ItemPointerData where;

	if (tid != NULL && ItemPointerIsValid(tid))
	{
		where = *tid;
		CatalogTupleUpdate(heap, &where, tuple);
	}
	else
		CatalogTupleInsert(heap, tuple);
	where = tuple->t_self;
	heap_freetuple(tuple);
	table_close(heap, RowExclusiveLock);
	return where;
}

/* catalog_delete_row -- the same, gone */
void
catalog_delete_row(CatalogTable table, const ItemPointerData *tid)
{
	Relation heap = table_open(catalog_table_oid(table), RowExclusiveLock);
	ItemPointerData where = *tid;

	CatalogTupleDelete(heap, &where);
	table_close(heap, RowExclusiveLock);
}

/*
 * catalog_holds_keys -- may this relation's invalidation mean that keys changed?  Reads no
 * catalog: called from an invalidation callback.
 */
bool
catalog_holds_keys(Oid relid)
{
	if (!OidIsValid(relid))
		return true;
	for (int i = CATALOG_KEYS; i <= CATALOG_SHREDDED_SUBJECTS; i++)
		if (relation_oids[i] == relid)
			return true;
	return false;
}

/*
 * catalog_class -- a relation's row in core's catalog, but for what may be NULL; false
 * where there is none.
 */
bool
catalog_class(Oid relid, FormData_pg_class *class)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

	if (!HeapTupleIsValid(tuple))
		return false;
	memcpy(class, GETSTRUCT(tuple), CLASS_TUPLE_SIZE);
	ReleaseSysCache(tuple);
	return true;
}

/* catalog_works -- does a function of the extension's do its owner's work? */
bool
catalog_works(void)
{
	return GetUserId() == catalog_owner() && InLocalUserIdChange();
}

/* catalog_is_own_trigger -- is that the function of a trigger that protection makes? */
bool
catalog_is_own_trigger(Oid function)
{
	return OidIsValid(function) && (function == catalog_function_oid(CATALOG_SUBJECT_CARRIED) ||
									function == catalog_function_oid(CATALOG_SUBJECT_MOVED) ||
									function == catalog_function_oid(CATALOG_ENCRYPTED_ROW));
}

/*
 * catalog_guard -- trigger on the same tables, before: they are written by our own
 * functions, by the extension's scripts, and by a superuser who restores a dump
 * under row_security = off.  Whoever may write all data may not write these.
 */
Datum
catalog_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("catalog_guard: not called by its trigger")));
	if (!creating_extension && !catalog_works() && !(superuser() && row_security_bypassed()))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_DENIED),
				 errmsg("\"%s\" of privseg is written through its functions only",
						RelationGetRelationName(trigger->tg_relation)),
				 errhint("The README's reference lists them. A superuser who restores a dump sets "
						 "row_security = off.")));
	return PointerGetDatum(NULL);
}

/*
 * catalog_changed -- trigger on the vocabulary, protection and clearance
 * tables: every backend's caches are stale once this commits.
 */
Datum
catalog_changed(PG_FUNCTION_ARGS)
{
	cache_inval_broadcast();
	return PointerGetDatum(NULL);
}
