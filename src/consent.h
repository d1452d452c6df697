/*
 * consent.h
 *	  From what people said to who is permitted: records, the rule, the set.
 *
 *	  consent_key.c      a subject's key, its canonical text, its position
 *	  consent_decide.c   the rule: facts of one subject -> a decision
 *	  consent_record.c   the append-only records and the functions that add one
 *	  consent_facts.c    reads one subject's records as facts
 *	  consent_store.c    rows of the set's own tables
 *	  consent_fold.c     builds and folds the set
 *	  consent_cache.c    pages kept across statements, when proven fresh
 *	  consent_lookup.c   reads the set: the hot path
 *	  consent_explain.c  permitted(), explain_decision(), consent_status
 */
#ifndef PRIVSEG_CONSENT_H
#define PRIVSEG_CONSENT_H

#include "catalog.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"
#include "utils/timestamp.h"

#pragma GCC visibility push(hidden)

/* ---- keys (consent_key.c) ---- */

/*
 * A subject's place in the one order all pages, deltas and agenda rows share.
 * Integers: hi is a keyed bijection of the key that leaves the low 32 bits
 * alone, so that neighbouring keys stay neighbours; 16,384 of them are a chunk;
 * lo is 0.
 * uuid: hi a keyed mix, lo the other half: together a bijection.
 * text: of at most 16 bytes a keyed bijection, too; longer, a keyed 128-bit hash
 * (SipHash-2-4-128).
 */
typedef struct SubjectPosition
{
	uint64 hi;
	uint64 lo;
} SubjectPosition;

#define CHUNK_BITS 14
#define CHUNK_SIZE (1 << CHUNK_BITS)
#define CHUNK_MASK ((uint64) CHUNK_SIZE - 1)

extern char *subject_canonical(const ProtectedRelation *domain, const char *text);
extern char *subject_key_canonical(Oid subject_table, const char *text);
extern SubjectPosition subject_position(const ProtectedRelation *domain, const char *canonical);

static inline int
position_compare(const SubjectPosition *a, const SubjectPosition *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return 0;
}

/* bigint columns order as signed: flip the sign bit so that the order is hi's */
static inline int64
position_to_sql(uint64 hi)
{
	return (int64) (hi ^ (UINT64CONST(1) << 63));
}

static inline uint64
position_from_sql(int64 position)
{
	return (uint64) position ^ (UINT64CONST(1) << 63);
}

/* ---- the rule (consent_decide.c) ---- */

typedef enum FactKind
{
	FACT_CONSENT,
	FACT_OBJECTION,
	FACT_WITHDRAWAL, /* of everything that rests on consent */
	FACT_SIGNAL,
	FACT_RESTRICTION,
	FACT_ERASURE
} FactKind;

typedef enum FactEffect
{
	EFFECT_NONE, /* an event that never replaces a decision */
	EFFECT_PERMIT,
	EFFECT_STOP
} FactEffect;

#define FACT_EVERY_PURPOSE 0         /* purpose_id of a fact without a purpose */
#define FACT_NO_PURPOSE PG_INT32_MIN /* its purpose is not in the vocabulary */

typedef struct ConsentFact
{
	int64 id; /* arrival */
	TimestampTz effective;
	TimestampTz recorded;
	TimestampTz expires; /* DT_NOEND: does not */
	int32 purpose_id;
	int32 notice_seq; /* 0: none */
	FactKind kind;
	FactEffect effect;
	const char *status; /* static string: the DPV word */
	bool explicit;
} ConsentFact;

typedef struct ConsentDecision
{
	bool permitted;
	const char *reason;      /* static string */
	const ConsentFact *fact; /* that decided, or NULL */
	TimestampTz next_change; /* nothing changes before it by time alone */
} ConsentDecision;

extern FactKind fact_kind_from_text(const char *kind);
extern FactEffect status_effect(const char *status, const char **word);
extern int fact_compare(const void *a, const void *b);
extern void consent_decide(const Purpose *purpose, const ConsentFact *facts, int nfacts,
						   TimestampTz at, bool as_of, ConsentDecision *decision);

/* ---- facts (consent_facts.c) ---- */

typedef struct FactReader FactReader;

extern FactReader *facts_begin(Oid domain, Snapshot snapshot);
extern int facts_of_subject(FactReader *reader, const char *canonical, ConsentFact **facts);
extern void facts_end(FactReader *reader);

/* column numbers of privseg.consent_record: part of the contract */
enum
{
	RECORD_SUBJECT_TABLE = 1,
	RECORD_SUBJECT,
	RECORD_PURPOSE,
	RECORD_STATUS,
	RECORD_NOTICE,
	RECORD_METHOD,
	RECORD_EVIDENCE,
	RECORD_EFFECTIVE_AT,
	RECORD_EXPIRES_AT,
	RECORD_EXPLICIT,
	RECORD_GIVEN_BY,
	RECORD_KIND,
	RECORD_ID,
	RECORD_RECORDED_AT,
	RECORD_RECORDED_BY,
	RECORD_NATTS = RECORD_RECORDED_BY
};

extern void fact_from_record(Datum *values, bool *nulls, ConsentFact *fact);
extern char *subject_argument(FunctionCallInfo fcinfo, int argument, Oid subject_table);
extern Oid relation_argument(FunctionCallInfo fcinfo, int argument, const char *what);

/* ---- the set's tables (consent_store.c) ---- */

#define PAGE_DENSE 'd'  /* a bitmap over one chunk; integers only */
#define PAGE_SPARSE 's' /* sorted positions of a prefix of the order */

typedef struct ConsentSet
{
	Oid domain;
	int32 purpose_id;
	int bits; /* a sparse page covers a prefix of this length */
	int64 members;
	bool found; /* false: not built yet */
	ItemPointerData tid;
} ConsentSet;

/*
 * A page as stored.  Dense: bitmap of CHUNK_SIZE bits.  Sparse: first the
 * chunks within its range that have dense pages, then the members.
 */
typedef struct PageRow
{
	bool found;
	ItemPointerData tid;
	uint64 position;
	int count;             /* members on it */
	TimestampTz next_due;  /* when time alone may change it */
	int n_dense;           /* sparse: chunks listed */
	uint64 *dense;         /* sparse: their first positions, sorted */
	uint64 *hi;            /* sparse: members; NULL when wide */
	SubjectPosition *wide; /* sparse, uuid and text: members */
	uint8 *bitmap;         /* dense */
	const char *stored;    /* sparse: the members where they lie, not aligned */
} PageRow;

#define BITMAP_BYTES (CHUNK_SIZE / 8)
#define PAGE_MAX_BYTES 7600
#define DENSE_MIN 64 /* members that make a chunk dense */

/* a subject that must be decided anew */
typedef struct DirtySubject
{
	SubjectPosition position;
	char *subject;    /* canonical text */
	int32 purpose_id; /* FACT_EVERY_PURPOSE: all */
} DirtySubject;

typedef struct DirtyList
{
	DirtySubject *items;
	int count;
	int size;
} DirtyList;

extern void
dirty_add(DirtyList *list, SubjectPosition position, const char *subject, int32 purpose_id);
extern bytea *dirty_encode(char **subjects, int n);
extern void dirty_decode(const ProtectedRelation *domain, Datum stored, int32 purpose_id, uint64 lo,
						 uint64 hi, DirtyList *list);

extern void set_fetch(Oid domain, int32 purpose_id, Snapshot snapshot, ConsentSet *set);
extern void set_store(ConsentSet *set);
extern void set_clear(Oid domain, int32 purpose_id, Snapshot snapshot);
extern void page_fetch(const ProtectedRelation *domain, int32 purpose_id, char kind,
					   uint64 position, Snapshot snapshot, PageRow *page);
extern void page_store(const ProtectedRelation *domain, int32 purpose_id, char kind,
					   uint64 position, PageRow *page);
typedef void (*PageVisitor)(PageRow *page, void *argument);

extern void page_scan(const ProtectedRelation *domain, int32 purpose_id, Snapshot snapshot,
					  PageVisitor visit, void *argument);
extern void page_copy_members(const ProtectedRelation *domain, PageRow *page);
extern Size page_bytes(const ProtectedRelation *domain, const PageRow *page);
extern void delta_append(const ProtectedRelation *domain, int32 purpose_id,
						 const DirtySubject *subjects, int n);
extern void delta_collect(const ProtectedRelation *domain, int32 purpose_id, uint64 lo, uint64 hi,
						  Snapshot snapshot, DirtyList *dirty, List **tids);
extern void delta_delete(List *tids);
extern void agenda_append(const ProtectedRelation *domain, int32 purpose_id, char kind,
						  uint64 position, TimestampTz due, char **subjects, int n);
extern TimestampTz
agenda_collect(const ProtectedRelation *domain, int32 purpose_id, char kind, uint64 position,
			   TimestampTz at, Snapshot snapshot, DirtyList *dirty, bool delete);
extern void
agenda_due(const ProtectedRelation *domain, TimestampTz at, Snapshot snapshot, DirtyList *dirty);
extern TimestampTz agenda_next_due(Oid domain, Snapshot snapshot);

/* the sparse page that covers a position */
static inline uint64
sparse_start(uint64 hi, int bits)
{
	return bits == 0 ? 0 : hi & ~((UINT64CONST(1) << (64 - bits)) - 1);
}

static inline uint64
sparse_last(uint64 start, int bits)
{
	return bits == 0 ? ~UINT64CONST(0) : start | ((UINT64CONST(1) << (64 - bits)) - 1);
}

static inline uint64
chunk_start(uint64 hi)
{
	return hi & ~CHUNK_MASK;
}

/* ---- folding (consent_fold.c) ---- */

extern bool fold_lock(Oid domain, bool wait);
extern TimestampTz fold_domain(Oid domain);
extern int64 fold_subjects(Oid domain, DirtyList *extra);
extern void fold_request(void);
extern void fold_request_if_unknown(void);

/* ---- lookup (consent_lookup.c) ---- */

/*
 * What the row policy tries first, inline: the dense page of the previous row,
 * where nobody on it is dirty.
 */
typedef struct ConsentLookup
{
	uint64 last_chunk;
	const uint8 *last_bitmap; /* NULL: ask lookup_integer() */
	bool default_permitted;   /* the set holds who is stopped */
} ConsentLookup;

typedef enum LookupAnswer
{
	ANSWER_UNKNOWN, /* to be asked on its own */
	ANSWER_PERMITTED,
	ANSWER_STOPPED
} LookupAnswer;

extern ConsentLookup *lookup_begin(const ProtectedRelation *domain, const Purpose *purpose,
								   TimestampTz at, MemoryContext context);
extern bool lookup_integer_slow(ConsentLookup *lookup, int64 key);
extern bool lookup_uuid(ConsentLookup *lookup, const void *uuid);
extern bool lookup_newest(ConsentLookup *lookup, const char *canonical);
extern bool lookup_hashed(ConsentLookup *lookup, SubjectPosition position);
extern bool lookup_text(ConsentLookup *lookup, const char *text, size_t length);
extern void
lookup_prepare(ConsentLookup *lookup, const Datum *keys, int n, SubjectPosition *positions);
extern void lookup_several(ConsentLookup *lookup, const Datum *keys,
						   const SubjectPosition *positions, int n, LookupAnswer *answers);
extern TimestampTz consent_now(bool is_part);
extern Snapshot consent_snapshot(void);

/* lookup_integer -- is the subject with this key permitted? */
static inline bool
lookup_integer(ConsentLookup *lookup, int64 key)
{
	uint64 raw = (uint64) key;

	if (likely(lookup->last_bitmap != NULL && lookup->last_chunk == raw >> CHUNK_BITS))
		return ((lookup->last_bitmap[(raw & CHUNK_MASK) >> 3] >> (raw & 7)) & 1) !=
			   lookup->default_permitted;
	return lookup_integer_slow(lookup, key);
}

/* ---- shared memory and worker (consent_shmem.c, worker.c) ---- */

extern Size consent_shmem_size(void);
extern void consent_shmem_init(void);
extern void consent_shmem_fold_at(Oid database, TimestampTz at);
extern void consent_shmem_startup(void);
extern void consent_shmem_publish_time(TimestampTz at);
extern TimestampTz consent_shmem_leader_time(void);
extern Oid consent_shmem_next_database(TimestampTz *at);
extern bool consent_shmem_take_request(bool *others);
extern void consent_shmem_set_launcher(void *latch);
extern void consent_mark_changed(Oid domain, uint64 first, uint64 last);
extern void consent_mark_set_changed(Oid domain);
extern bool
consent_settled(Oid domain, uint64 first, uint64 last, Snapshot snapshot, uint64 *changes);
extern bool consent_set_settled(Oid domain, Snapshot snapshot, uint64 *changes);

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_H */
