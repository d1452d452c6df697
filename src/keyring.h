/*
 * keyring.h
 *	  Keys of encrypted values.  Each is wrapped under the one above it:
 *
 *	  root key			not in the database (crypto_rootkey.c)
 *	  epoch key			wraps subjects' keys; one is the newest
 *	  subject's key		random, seals a subject's values; destroyed with the subject
 *
 *	  keyring_store.c	rows of the tables that keys lie in
 *	  keyring_root.c	what is wrapped under the root key: epochs, literals, tags
 *	  keyring_page.c	subjects' keys as they are stored, wrapped, page by page
 *	  keyring_subject.c	subjects' keys unwrapped: the hot path
 *	  keyring_new.c		new keys, until they are written
 *	  keyring_fold.c	new keys into pages, new epochs, keys that are destroyed
 *	  keyring_admin.c	SQL functions
 *
 * A subject may have several keys: two transactions that write the first values of a subject
 * do not wait for one another.  Each has an id, which values name.
 *
 * Keys are read under a snapshot taken when they are looked for, not the statement's: one that
 * was destroyed meanwhile is gone for all.  A value never becomes visible before its key.
 */
#ifndef PRIVSEG_KEYRING_H
#define PRIVSEG_KEYRING_H

#include "catalog.h"
#include "consent.h"
#include "crypto.h"

#pragma GCC visibility push(hidden)

/* ---- rows (keyring_store.c) ---- */

#define KEY_EPOCH 'e'   /* wraps subjects' keys */
#define KEY_LITERAL 'l' /* seals values that are of no row yet */
#define KEY_TAG 't'     /* tags of searchable columns */

/* a key that is wrapped under the root key */
typedef struct StoredKey
{
	ItemPointerData tid; /* invalid: not stored yet */
	char kind;
	int32 number;
	char root_key[ROOTKEY_FINGERPRINT_HEX + 1];
	uint8 wrapped[WRAPPED_KEY_BYTES];
	TimestampTz created_at;
} StoredKey;

/* subjects' keys, wrapped: those of a range of the order */
typedef struct KeyPageRow
{
	ItemPointerData tid; /* invalid: not stored yet */
	uint64 first;
	uint64 last; /* before the next page's first */
	int32 epoch;
	int32 count;
	uint8 *wrapped;
	size_t wrapped_len;
} KeyPageRow;

/* one subject's key, wrapped, that is in no page yet */
typedef struct KeyDeltaRow
{
	ItemPointerData tid;
	uint64 hi;
	int32 epoch;
	uint8 *wrapped;
	size_t wrapped_len;
} KeyDeltaRow;

/* a subject whose keys were destroyed */
typedef struct Shredded
{
	SubjectPosition position;
	TimestampTz at;
} Shredded;

extern Snapshot keyring_snapshot(void);
extern bool stored_key_fetch(char kind, int32 number, Snapshot snapshot, StoredKey *key);
extern List *stored_keys(Snapshot snapshot);
extern void stored_key_put(const StoredKey *key);
extern void stored_key_delete(const StoredKey *key);
extern bool key_page_fetch(Oid domain, uint64 hi, bool ends, Snapshot snapshot, KeyPageRow *page);
extern bool
key_page_next(Oid domain, uint64 from, int32 before_epoch, Snapshot snapshot, KeyPageRow *page);
extern void key_page_put(Oid domain, const KeyPageRow *page);
extern List *key_deltas(Oid domain, uint64 first, uint64 last, Snapshot snapshot, int limit);
extern void key_delta_append(Oid domain, const KeyDeltaRow *delta);
extern void key_delta_delete(const KeyDeltaRow *delta);
extern List *shredded_since(Oid domain, TimestampTz since, Snapshot snapshot);
extern bool keys_delete_all(Oid domain);
extern void shredded_append(Oid domain, SubjectPosition position, int32 keys);

/* ---- under the root key (keyring_root.c) ---- */

extern const uint8 *keyring_root(char kind, int32 number);
extern int32 keyring_newest(char kind);
extern void keyring_create(void);
extern bool keyring_exists(void);
extern void keyring_root_forget(void);
extern void keyring_rotate_root(void);
extern int32 keyring_new_epoch(void);

/* ---- pages (keyring_page.c) ---- */

/* a subject's key, unwrapped: only in secret memory */
typedef struct SubjectKey
{
	SubjectPosition position;
	uint32 id;
	uint8 key[AEAD_KEY_BYTES];
} SubjectKey;

StaticAssertDecl(offsetof(SubjectKey, key) == offsetof(SubjectKey, id) + sizeof(uint32),
				 "a new key is filled with random bytes at once");

#define KEYS_PER_PAGE 140

extern uint32 keyring_reference(const ProtectedRelation *domain);
extern const ProtectedRelation *keyring_domain(uint32 reference);
extern void
key_page_unwrap(const ProtectedRelation *domain, const KeyPageRow *page, SubjectKey *keys);
extern void key_page_wrap(const ProtectedRelation *domain, const SubjectKey *keys, int32 epoch,
						  KeyPageRow *page);
extern void
key_delta_unwrap(const ProtectedRelation *domain, const KeyDeltaRow *delta, SubjectKey *key);
extern void key_delta_wrap(const ProtectedRelation *domain, const SubjectKey *key, int32 epoch,
						   KeyDeltaRow *delta);
extern int subject_key_compare(const void *a, const void *b);

/* ---- the hot path (keyring_subject.c) ---- */

extern const SubjectKey *
keyring_find(const ProtectedRelation *domain, SubjectPosition position, uint32 id);
extern void keyring_add(Oid domain, const SubjectKey *key);
extern void keyring_forget(void);

/* ---- new keys (keyring_new.c) ---- */

extern void keyring_new_init(void);
extern void keyring_new_remember(void);
extern const SubjectKey *
keyring_find_or_make(const ProtectedRelation *domain, SubjectPosition position);
extern void keyring_flush(void);

/* ---- folding (keyring_fold.c) ---- */

extern bool key_fold_lock(Oid domain, bool wait);
extern int64 key_fold(const ProtectedRelation *domain, SubjectKey **extra, int n_extra);
extern int64 key_fold_all(const ProtectedRelation *domain);
extern void
key_store(const ProtectedRelation *domain, SubjectKey **keys, const TimestampTz *made, int n);
extern bool key_older_is_used(int32 epoch);
extern void key_drop_epochs(void);
extern void keyring_lock_rotation(void);
extern bool key_forget(Oid domain);
extern int64 key_shred(const ProtectedRelation *domain, SubjectPosition position);
extern int64 key_rewrap(const ProtectedRelation *domain, int32 epoch, int64 *budget);
extern void key_fold_domain(Oid domain);

/* ---- what backends tell each other (keyring_shmem.c) ---- */

extern Size keyring_shmem_size(void);
extern void keyring_shmem_startup(void);
extern void keyring_shmem_init(void);
extern void keyring_shredded(void);
extern uint64 keyring_shreds(void);

#pragma GCC visibility pop

#endif /* PRIVSEG_KEYRING_H */
