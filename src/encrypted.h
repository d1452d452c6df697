/*
 * encrypted.h
 *	  Values that are encrypted: their form, their types, who opens them.
 *
 *	  encrypted_parse.c		the bytes of a value, as they are read
 *	  encrypted_datum.c		values made, sealed, opened
 *	  encrypted_type.c		the nine types, and their base types
 *	  encrypted_open.c		may this value be opened here and now?
 *	  encrypted_io.c		input and output, casts
 *	  encrypted_compare.c	operators, orders, hashes
 *	  encrypted_tag.c		tags of searchable columns, operator classes of their indexes
 *	  encrypted_search.c	which clauses such an index answers
 *	  encrypted_analyze.c	what ANALYZE keeps
 *	  encrypted_row.c		the trigger that binds values to their row's subject
 *	  encrypted_sealed.c	what an execution has sealed
 *	  encrypted_bound.c		values that are nobody's yet, and tables that do not take them
 *
 * A value is bound to a data category and a subject, and sealed under the subject's key; or it
 * is a literal, of no row yet, sealed under a key of this process that any process can derive.
 */
#ifndef PRIVSEG_ENCRYPTED_H
#define PRIVSEG_ENCRYPTED_H

#include "fmgr.h"
#include "keyring.h"
#include "nodes/pathnodes.h"

#pragma GCC visibility push(hidden)

/* ---- types (encrypted_type.c) ---- */

/* the numbers are stored in values */
typedef enum EncryptedCode
{
	ENCRYPTED_NONE,
	ENCRYPTED_TEXT,
	ENCRYPTED_NUMERIC,
	ENCRYPTED_BIGINT,
	ENCRYPTED_INTEGER,
	ENCRYPTED_DOUBLE,
	ENCRYPTED_DATE,
	ENCRYPTED_TIMESTAMPTZ,
	ENCRYPTED_BOOLEAN,
	ENCRYPTED_JSONB,
	ENCRYPTED_N_CODES
} EncryptedCode;

typedef struct EncryptedType
{
	const char *name; /* in schema privseg */
	Oid base;
	int16 length; /* of the base type; -1: it varies */
	bool by_value;
} EncryptedType;

extern const EncryptedType encrypted_types[ENCRYPTED_N_CODES];
extern EncryptedCode encrypted_code(Oid type);

/* ---- the bytes of a value (encrypted_datum.c) ---- */

/* what a value says of itself; authenticated with it */
typedef struct EncryptedHeader
{
	EncryptedCode code;
	AeadCipher cipher;
	bool bound;
	bool tagged; /* of a searchable column */
	bool hashed; /* the subject's key is known by its hash only: see consent_key.h */
	int32 category;
	uint32 domain; /* keyring_reference() */
	uint32 key_id;
	SubjectPosition subject; /* a literal: the salt of the process that made it */
	const uint8 *tag;
	const uint8 *sealed;
	size_t sealed_len;
	size_t plain_len;
	const uint8 *start; /* of what is authenticated, */
	size_t header_len;  /* and how much */
} EncryptedHeader;

#define ENCRYPTED_HEADER_BYTES 32

#ifdef WORDS_BIGENDIAN
#define ENCRYPTED_VERSION 0x81
#else
#define ENCRYPTED_VERSION 0x01
#endif
#define ENCRYPTED_FLAG_BOUND 0x80
#define ENCRYPTED_FLAG_TAGGED 0x40
#define ENCRYPTED_FLAG_HASHED 0x20
#define ENCRYPTED_ARMOUR_PREFIX 10 /* letters */

/* the most a value may hold: so that its text, twice as long and more, can be made */
#define ENCRYPTED_MAX_BYTES (256 * 1024 * 1024)

/* encrypted_parse.c */
extern const char encrypted_armour_prefix[];
extern bool encrypted_is_armour(const char *text, size_t len);
extern size_t encrypted_armour_room(size_t len);
extern int encrypted_decode_armour(const char *text, size_t len, uint8 *bytes, int room);
extern bool encrypted_parse(const uint8 *bytes, size_t len, EncryptedHeader *header);

/* encrypted_datum.c */
extern void encrypted_header(const struct varlena *value, EncryptedHeader *header);
extern void
encrypted_header_of(const struct varlena *value, EncryptedCode code, EncryptedHeader *header);
extern void encrypted_mask_tag(AeadCipher cipher, const uint8 *nonce, uint8 tag[CRYPTO_TAG_BYTES]);
extern bytea *encrypted_seal_literal(EncryptedCode code, const void *plain, size_t len);
extern bytea *encrypted_seal_bound(EncryptedCode code, const EncryptedHeader *binding,
								   const ProtectedRelation *domain, const void *plain, size_t len);
extern bool
encrypted_unseal(const EncryptedHeader *header, const ProtectedRelation *domain, void *plain);
extern char *encrypted_armour(const struct varlena *value);
extern bytea *encrypted_from_armour(const char *text, size_t len, EncryptedCode code);

/* ---- opening (encrypted_open.c) ---- */

/*
 * Room for what was opened; of short values no memory is taken.  value points into it, or is by
 * value.
 */
typedef struct EncryptedOpened
{
	Datum value;
	union
	{
		char bytes[256];
		int64 aligned;
	} room;
	char *large; /* palloc'd, or NULL */
} EncryptedOpened;

/* opened in a place that was looked at when the statement began: for any use */
#define OPENED_DECIDED 0x80
/* where ON CONFLICT updates: what EXCLUDED brings may be what the statement was told */
#define OPENED_CONFLICT 0x2000
/* and it is: whoever has typed it is told it */
#define OPENED_TYPED 0x4000

extern bool
encrypted_open(const struct varlena *value, EncryptedCode code, int uses, EncryptedOpened *opened);
extern bool encrypted_open_quietly(const struct varlena *value, EncryptedCode code, int uses,
								   EncryptedOpened *opened);
extern bool encrypted_may_compare(int32 category);
extern bool encrypted_any_opened(void);
extern bool encrypted_can_open(const EncryptedHeader *header);
extern void encrypted_close(EncryptedOpened *opened);
extern int encrypted_uses(int32 category);
extern void encrypted_require_use(int32 category, int use, const char *what);
extern bool encrypted_passes_unopened(void);

extern Datum encrypted_base_datum(EncryptedCode code, void *bytes);
extern const void *encrypted_plain(EncryptedCode code, Datum value, int64 *fixed, size_t *len);
extern bytea *encrypted_from_base(EncryptedCode code, Datum value);
extern Datum encrypted_fit_base(EncryptedCode code, Datum value, int32 typmod, bool explicit);

/* ---- what an execution has sealed (encrypted_sealed.c) ---- */

/* where what is inside a value came from */
typedef enum EncryptedSource
{
	SOURCE_ELSEWHERE,
	SOURCE_TYPED, /* a literal, or a value that its writer has read */
	SOURCE_STORED /* another value, that nobody has read */
} EncryptedSource;

typedef struct SealedList SealedList;

extern SealedList *sealed_begin(MemoryContext execution, int columns);
extern void
sealed_remember(SealedList *list, const EncryptedHeader *header, EncryptedSource source);
extern EncryptedSource sealed_source(const SealedList *list, const EncryptedHeader *header);
extern bool sealed_as_typed(MemoryContext execution, const EncryptedHeader *header);

/* ---- values of no subject (encrypted_bound.c) ---- */

extern bool encrypted_holds(Oid type);
extern void encrypted_refuse_unbound(void) pg_attribute_noreturn();
extern void encrypted_require_bound(Oid type, Datum value);

/* ---- tags (encrypted_tag.c) ---- */

extern void
encrypted_tag(EncryptedCode code, const void *plain, size_t len, uint8 tag[CRYPTO_TAG_BYTES]);
extern void encrypted_tag_of_base(EncryptedCode code, Datum value, uint8 tag[CRYPTO_TAG_BYTES]);
extern bool encrypted_tag_of(const EncryptedHeader *header, uint8 tag[CRYPTO_TAG_BYTES]);
extern int
encrypted_compare_tags(FunctionCallInfo fcinfo, EncryptedCode code, bool left, bool right);
extern bool encrypted_index_asks(FunctionCallInfo fcinfo);

/* ---- planning (encrypted_search.c) ---- */

extern bool encrypted_is_opening(Node *node);
extern void encrypted_open_for(FuncExpr *opening, int uses);
extern void encrypted_open_list(ScalarArrayOpExpr *clause);
extern void encrypted_search_paths(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte);

#pragma GCC visibility pop

#endif /* PRIVSEG_ENCRYPTED_H */
