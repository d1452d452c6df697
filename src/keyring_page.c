/*
 * keyring_page.c
 *	  Subjects' keys as they are stored: wrapped under an epoch's key, many at once, so that a
 *	  scan unwraps a page and not each key.
 *
 * A page is authenticated with its domain, its place and its epoch: no page can stand for
 * another.  The domain goes by its salt, which a dump keeps, not by an OID.
 * Wrapped bytes are nonce, the keys one after another, MAC; numbers have the highest byte first.
 */
#include "compat.h"

#include "errors.h"
#include "keyring.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

/* a key as it is stored */
#define ENTRY_BYTES (8 + 8 + 4 + AEAD_KEY_BYTES)

#define CIPHER AEAD_XCHACHA20POLY1305

StaticAssertDecl(sizeof(SubjectKey) * KEYS_PER_PAGE <= SECRET_LARGE,
				 "a page's keys fit into a cell of secret memory");
StaticAssertDecl(ENTRY_BYTES *KEYS_PER_PAGE + XCHACHA_NONCE_BYTES + AEAD_MAC_BYTES < 7600,
				 "a page fits into a row");

typedef struct About
{
	char what[16];
	uint8 domain[CRYPTO_HASH_BYTES];
	uint64 position;
	uint32 epoch;
	uint32 count;
} About;

static void
domain_hash(const ProtectedRelation *domain, uint8 hash[CRYPTO_HASH_BYTES])
{
	static const char what[] = "privseg domain v1";

	crypto_hash128((const uint8 *) domain->salt, what, sizeof(what), hash);
}

/* keyring_reference -- what values call a subject domain */
uint32
keyring_reference(const ProtectedRelation *domain)
{
	uint8 hash[CRYPTO_HASH_BYTES];
	uint32 reference;

	domain_hash(domain, hash);
	memcpy(&reference, hash, sizeof(reference));
	return pg_ntoh32(reference);
}

/* keyring_domain -- the subject domain of that name, or NULL */
const ProtectedRelation *
keyring_domain(uint32 reference)
{
	ListCell *lc;

	foreach (lc, subject_domains())
	{
		const ProtectedRelation *domain = subject_domain(lfirst_oid(lc));

		if (domain != NULL && keyring_reference(domain) == reference)
			return domain;
	}
	return NULL;
}

static About
about(const char *what, const ProtectedRelation *domain, uint64 position, int32 epoch, int32 count)
{
	About result;

	MemSet(&result, 0, sizeof(result));
	strlcpy(result.what, what, sizeof(result.what));
	domain_hash(domain, result.domain);
	result.position = pg_hton64(position);
	result.epoch = pg_hton32((uint32) epoch);
	result.count = pg_hton32((uint32) count);
	return result;
}

static void
encode(const SubjectKey *key, uint8 *out)
{
	uint64 hi = pg_hton64(key->position.hi);
	uint64 lo = pg_hton64(key->position.lo);
	uint32 id = pg_hton32(key->id);

	memcpy(out, &hi, 8);
	memcpy(out + 8, &lo, 8);
	memcpy(out + 16, &id, 4);
	memcpy(out + 20, key->key, AEAD_KEY_BYTES);
}

static void
decode(const uint8 *in, SubjectKey *key)
{
	uint64 hi;
	uint64 lo;
	uint32 id;

	memcpy(&hi, in, 8);
	memcpy(&lo, in + 8, 8);
	memcpy(&id, in + 16, 4);
	key->position.hi = pg_ntoh64(hi);
	key->position.lo = pg_ntoh64(lo);
	key->id = pg_ntoh32(id);
	memcpy(key->key, in + 20, AEAD_KEY_BYTES);
}

/* wrap n keys; in the caller's memory */
static uint8 *
wrap(const About *what, int32 epoch, const SubjectKey *keys, int n, size_t *len)
{
	uint8 *wrapped;
	uint8 *plain;
	const uint8 *epoch_key = keyring_root(KEY_EPOCH, epoch);

	*len = (size_t) n * ENTRY_BYTES + aead_overhead(CIPHER);
	wrapped = palloc(*len);
	plain = secret_alloc(Max((size_t) n * ENTRY_BYTES, 1));
	for (int i = 0; i < n; i++)
		encode(&keys[i], plain + (size_t) i * ENTRY_BYTES);
	aead_seal(CIPHER, epoch_key, what, sizeof(*what), plain, (size_t) n * ENTRY_BYTES, wrapped);
	secret_free(plain, Max((size_t) n * ENTRY_BYTES, 1));
	return wrapped;
}

static void
unwrap(const About *what, int32 epoch, const uint8 *wrapped, size_t len, SubjectKey *keys, int n)
{
	const uint8 *epoch_key = keyring_root(KEY_EPOCH, epoch);
	bool ok = len == (size_t) n * ENTRY_BYTES + aead_overhead(CIPHER);

	if (ok)
	{
		uint8 *plain = secret_alloc(Max((size_t) n * ENTRY_BYTES, 1));

		ok = aead_open(CIPHER, epoch_key, what, sizeof(*what), wrapped, len, plain);
		for (int i = 0; ok && i < n; i++)
			decode(plain + (size_t) i * ENTRY_BYTES, &keys[i]);
		secret_free(plain, Max((size_t) n * ENTRY_BYTES, 1));
	}
	if (!ok)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_CORRUPT),
				 errmsg("stored keys of subjects were altered, or are of another database")));
}

/* key_page_unwrap -- into room for KEYS_PER_PAGE keys in secret memory.  Errors: XX001. */
void
key_page_unwrap(const ProtectedRelation *domain, const KeyPageRow *page, SubjectKey *keys)
{
	About what = about("privseg keys v1", domain, page->first, page->epoch, page->count);

	unwrap(&what, page->epoch, page->wrapped, page->wrapped_len, keys, page->count);
}

/* key_page_wrap -- page->count keys, sorted; sets page->epoch and what is wrapped */
void
key_page_wrap(const ProtectedRelation *domain, const SubjectKey *keys, int32 epoch,
			  KeyPageRow *page)
{
	About what = about("privseg keys v1", domain, page->first, epoch, page->count);

	page->epoch = epoch;
	page->wrapped = wrap(&what, epoch, keys, page->count, &page->wrapped_len);
}

/* key_delta_unwrap -- into secret memory.  Errors: XX001. */
void
key_delta_unwrap(const ProtectedRelation *domain, const KeyDeltaRow *delta, SubjectKey *key)
{
	About what = about("privseg delta 1", domain, delta->hi, delta->epoch, 1);

	unwrap(&what, delta->epoch, delta->wrapped, delta->wrapped_len, key, 1);
}

/* key_delta_wrap -- all but the tid */
void
key_delta_wrap(const ProtectedRelation *domain, const SubjectKey *key, int32 epoch,
			   KeyDeltaRow *delta)
{
	About what = about("privseg delta 1", domain, key->position.hi, epoch, 1);

	delta->hi = key->position.hi;
	delta->epoch = epoch;
	delta->wrapped = wrap(&what, epoch, key, 1, &delta->wrapped_len);
}

/* subject_key_compare -- by position, then id: the order of a page */
int
subject_key_compare(const void *a, const void *b)
{
	const SubjectKey *left = a;
	const SubjectKey *right = b;
	int order = position_compare(&left->position, &right->position);

	if (order != 0)
		return order;
	return left->id < right->id ? -1 : left->id > right->id;
}
