/*
 * catalog.h
 *	  The extension's own catalog as C sees it: its tables, the vocabulary,
 *	  the protected relations and the clearances.
 *
 * Everything returned by a lookup lives in a cache of this backend and is good
 * until the next command may have processed an invalidation: copy what must
 * live longer.
 */
#ifndef PRIVSEG_CATALOG_H
#define PRIVSEG_CATALOG_H

#include "compat.h"

#include "catalog/pg_class.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#pragma GCC visibility push(hidden)

/* ---- tables (catalog_table.c) ---- */

typedef enum CatalogTable
{
	CATALOG_DATA_CATEGORIES,
	CATALOG_PURPOSES, /* from here on: read by the policy */
	CATALOG_NOTICES,
	CATALOG_PROTECTED_RELATIONS,
	CATALOG_PROTECTED_COLUMNS,
	CATALOG_PROTECTION_UNDO,
	CATALOG_CLEARANCES,
	CATALOG_CONSENT_RECORD,
	CATALOG_CONSENT_SET,
	CATALOG_CONSENT_PAGE,
	CATALOG_CONSENT_DELTA,
	CATALOG_CONSENT_AGENDA,
	CATALOG_KEYS, /* from here on: read when values are opened and sealed */
	CATALOG_SUBJECT_KEYS,
	CATALOG_SUBJECT_KEY_DELTA,
	CATALOG_SHREDDED_SUBJECTS,
	/* indexes C scans by */
	CATALOG_CONSENT_RECORD_SUBJECT_INDEX,
	CATALOG_CONSENT_SET_INDEX,
	CATALOG_CONSENT_PAGE_INDEX,
	CATALOG_CONSENT_DELTA_INDEX,
	CATALOG_CONSENT_AGENDA_INDEX,
	CATALOG_CONSENT_AGENDA_DUE_INDEX,
	CATALOG_PROTECTED_COLUMNS_INDEX,
	CATALOG_KEYS_INDEX,
	CATALOG_SUBJECT_KEYS_INDEX,
	CATALOG_SUBJECT_KEY_DELTA_INDEX,
	CATALOG_SHREDDED_SUBJECTS_INDEX,
	CATALOG_CONSENT_RECORD_SEQUENCE,
	CATALOG_N_RELATIONS
} CatalogTable;

typedef enum CatalogFunction
{
	CATALOG_ROW_PERMITTED_INTEGER,
	CATALOG_ROW_PERMITTED_UUID,
	CATALOG_ROW_PERMITTED_TEXT,
	CATALOG_ROW_EXPLICIT_INTEGER,
	CATALOG_ROW_EXPLICIT_UUID,
	CATALOG_ROW_EXPLICIT_TEXT,
	CATALOG_ROW_WRITABLE_INTEGER,
	CATALOG_ROW_WRITABLE_UUID,
	CATALOG_ROW_WRITABLE_TEXT,
	CATALOG_SUBJECT_CARRIED,
	CATALOG_SUBJECT_MOVED,
	CATALOG_ENCRYPTED_ROW,
	CATALOG_ARE_BOUND,
	CATALOG_LIBRARY_IS_PRELOADED,
	CATALOG_COUNTERS_SHOWN,
	CATALOG_SHOWN_COUNTER,
	CATALOG_SHOWN_TIME,
	CATALOG_SHOWN_MOMENT,
	CATALOG_SHOWN_SIZE,
	CATALOG_SHOWN_PROGRESS,
	CATALOG_SHOWN_LOCKS,
	CATALOG_SHOWN_TID,
	CATALOG_ROW_SECURITY_ACTIVE,
	CATALOG_STATISTICS_SHOWN,
	CATALOG_UNCHANGED,
	CATALOG_GRANT_CLEARANCE,
	CATALOG_N_FUNCTIONS
} CatalogFunction;

extern bool catalog_installed(void);
extern Oid catalog_table_oid(CatalogTable table);
extern Oid catalog_function_oid(CatalogFunction function);
extern bool catalog_is_own_table(Oid relid);
extern bool catalog_is_internal_table(Oid relid);
extern bool catalog_holds_keys(Oid relid);
extern ItemPointerData
catalog_write_row(CatalogTable table, const ItemPointerData *tid, Datum *values, bool *nulls);
extern void catalog_delete_row(CatalogTable table, const ItemPointerData *tid);
extern bool catalog_class(Oid relid, FormData_pg_class *class);
extern bool catalog_is_own_trigger(Oid function);
extern Oid catalog_owner(void);
extern bool catalog_works(void);
extern bool catalog_is_own_function(Oid function);
extern bool catalog_is_own_function_named(Oid function, const char *name);
extern bool catalog_has_added_types(Oid relid);
extern bool catalog_is_own_type(Oid type);
extern Oid catalog_function_of_types(const char *name, Oid first, Oid second);

/* ---- vocabulary (catalog_purpose.c) ---- */

typedef enum LegalBasis
{
	BASIS_CONSENT,
	BASIS_CONTRACT,
	BASIS_LEGAL_OBLIGATION,
	BASIS_VITAL_INTERESTS,
	BASIS_PUBLIC_INTEREST,
	BASIS_LEGITIMATE_INTERESTS
} LegalBasis;

/* on what the use of special categories of data rests (GDPR Art. 9(2)) */
typedef enum SpecialBasis
{
	SPECIAL_NONE, /* nothing special is opened */
	SPECIAL_EXPLICIT_CONSENT,
	SPECIAL_OTHER
} SpecialBasis;

/*
 * A purpose whose use of special categories rests on explicit consent has a twin, which those
 * permit who permit the purpose by an explicit record.  The twin has a consent set of its own,
 * and no records: those of the purpose are also about it.
 */
typedef struct Purpose
{
	int32 id; /* of its set; a twin's is negative */
	char name[NAMEDATALEN];
	LegalBasis basis;
	bool direct_marketing;
	bool sale_or_sharing;
	bool targeted_advertising;
	int32 min_group_size; /* 0: privseg.min_group_size */
	SpecialBasis special;
	bool explicit_only; /* it is a twin */
} Purpose;

extern bool purpose_by_name(const char *name, Purpose *purpose);
extern bool purpose_explicit(const Purpose *purpose, Purpose *twin);
extern List *purpose_all(void);

/* the number that the purpose's records, and deltas about it, have */
static inline int32
purpose_recorded_id(const Purpose *purpose)
{
	return purpose->explicit_only ? -purpose->id : purpose->id;
}

/* does an unknown subject permit it? then the set holds who does not */
static inline bool
purpose_default_permitted(const Purpose *purpose)
{
	return purpose->basis != BASIS_CONSENT && !purpose->explicit_only;
}

typedef struct Notice
{
	int32 seq; /* order of first publication, 1 based; 0 = no notice */
	char *name;
	char *version;
	bool material;
	TimestampTz published_at;
	List *purposes; /* of char *, over all languages */
} Notice;

extern const Notice *notice_by_reference(const char *reference);
extern const Notice *notice_by_seq(int32 seq);
extern const Notice *notice_overtaking(const Notice *notice);

/* ---- data categories (catalog_category.c) ---- */

typedef struct DataCategory
{
	int32 id;
	char *name;
	bool special;    /* GDPR Art. 9 */
	int sensitivity; /* 0 personal, 1 sensitive, 2 special or about offences */
	bool protected_attribute;
} DataCategory;

extern const DataCategory *category_by_id(int32 id);
extern const DataCategory *category_by_name(const char *name);
extern int category_sensitivity(const char *word);
extern bool category_covers(const char *granted, const DataCategory *category);
extern bool category_may_go_into(const DataCategory *from, const DataCategory *to);

/* ---- protected relations (catalog_relation.c) ---- */

typedef enum KeyKind
{
	KEY_INTEGER,
	KEY_UUID,
	KEY_TEXT
} KeyKind;

#define PROTECTED_MAX_ALSO_ABOUT 8

typedef struct ProtectedRelation
{
	Oid relid;  /* the relation protect() was called on */
	Oid domain; /* its subject table; equal to relid for one */
	char subject[NAMEDATALEN];
	int n_also_about;
	char also_about[PROTECTED_MAX_ALSO_ABOUT][NAMEDATALEN];
	bool show_null;   /* rows about nobody are shown */
	bool open_policy; /* had neither policies nor row security before */
	Oid key_type;
	KeyKind key_kind;
	uint64 salt[2]; /* of the domain: keys the order of its pages */
} ProtectedRelation;

extern const ProtectedRelation *protected_relation(Oid relid);
extern const ProtectedRelation *subject_domain(Oid relid);
extern bool protected_any(void);
extern bool protected_were_any(void);
extern bool protected_by_column(const ProtectedRelation *entry, const char *column);
extern Oid protected_toast(Oid relid);
extern List *protected_members(void);
extern List *subject_domains(void);
extern bool column_is_unique(Oid relid, AttrNumber column, bool surely);
extern bool subject_key_is_unique(Oid relid);

/* ---- classified columns (catalog_column.c) ---- */

/* columns of privseg.protected_columns: see sql/04-protection.sql */
enum
{
	COLUMNS_RELATION = 1,
	COLUMNS_NAME,
	COLUMNS_CATEGORY,
	COLUMNS_MASK,
	COLUMNS_SEARCHABLE,
	COLUMNS_NATTS = COLUMNS_SEARCHABLE
};

typedef struct ProtectedColumn
{
	int32 category;
	bool searchable;
} ProtectedColumn;

extern bool protected_column(Oid root, const char *column, ProtectedColumn *found);

/* a column of a protected relation, as its uses are judged */
typedef struct ColumnClass
{
	bool classified;
	bool mismatch;    /* the security label and its copy differ */
	bool is_key;      /* holds a subject's key */
	int32 category;   /* 0: gone */
	const char *name; /* of the column */
	const char *mask; /* an expression over `value`; NULL: the mask is NULL */
} ColumnClass;

typedef struct RelationColumns
{
	Oid root;
	int n;                /* columns, dropped ones included */
	ColumnClass *columns; /* by number - 1 */
} RelationColumns;

extern const RelationColumns *protected_columns(Oid root);
extern const ColumnClass *column_class(Oid root, AttrNumber column);
extern Bitmapset *partition_key(Oid relid);

/* ---- clearance (catalog_clearance.c) ---- */

extern bool clearance_to_act(Oid role, const Purpose *purpose);
extern bool clearance_to_aggregate(Oid role, const Purpose *purpose);
extern bool clearance_to_collect(Oid role, const Purpose *purpose);
extern bool clearance_in_part(Oid role, const Purpose *purpose);
extern bool clearance_any(Oid role);

/* uses of a data category */
#define USE_PROJECT 0x01
#define USE_MASK 0x02
#define USE_FILTER 0x04
#define USE_AGGREGATE 0x08
#define USE_WRITE 0x10

extern int clearance_uses(Oid role, const Purpose *purpose, const DataCategory *category);
extern bool role_counts_as(Oid member, Oid role);
extern bool role_is_admin(Oid role, const char *admin_role);
extern bool may_bypass_row_security(void);
extern const char *or_bypass(void);
extern bool catalog_copies_for_replication;
extern bool row_security_bypassed(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_CATALOG_H */
