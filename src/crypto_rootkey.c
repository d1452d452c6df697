/*-------------------------------------------------------------------------
 *
 * crypto_rootkey.c
 *	  The root keys the server knows: where they live, what is derived from
 *	  them and wrapped under them.
 *
 * The postmaster reads the root key once, from a command or a file
 * (crypto_keysource.c), and every process inherits it by fork.  A server
 * without a key starts all the same; whatever needs the key then fails with
 * the reason.  No key is ever generated here, since a new one over existing
 * data would make that data unreadable for good.
 *
 * While the root key is rotated there are two: the next one is read by the
 * process that first needs it, and is then there for all.  Keys that a
 * database has stored name the fingerprint of the root key they are under.
 *
 * Invariants
 * - The keys are in one place: the end of a page of a shared anonymous mapping,
 *   between two pages nobody may touch.  Being shared, it is one physical
 *   page in all processes, so that the postmaster's mlock() keeps it off the
 *   swap for all of them (locks are not inherited by fork, and need not be).
 *   It is left out of core dumps, which fork does inherit, and it is
 *   read-only but for the moment in which a key is added.
 * - Keys are added, never changed or taken away: first the key, then, behind
 *   a barrier, their number.  Who adds one holds the lock.
 * - rootkey_load() runs before there are other processes, hence no locking.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/mman.h>
#include <unistd.h>

#include <sodium.h>

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

#include "crypto.h"
#include "errors.h"

StaticAssertDecl(ROOTKEY_BYTES == crypto_kdf_KEYBYTES, "size of the root key");
StaticAssertDecl(CRYPTO_CONTEXT_BYTES == crypto_kdf_CONTEXTBYTES, "size of a derivation context");

#define NO_KEY_HINT \
	"Set either \"privseg.root_key_command\" or \"privseg.root_key_file\" in postgresql.conf and restart the server. The key is 64 hexadecimal digits; keep a copy, since nothing can replace it."

#define MEND_KEY_HINT "Put it right and restart the server."

#define KEYS_LOCK "privseg_root_keys"

/* more rotations than that without a restart: it must be restarted */
#define MAX_ROOT_KEYS 8

typedef struct RootKey
{
	uint8 fingerprint[ROOTKEY_FINGERPRINT_BYTES];
	uint8 key[ROOTKEY_BYTES];
} RootKey;

typedef struct RootKeys
{
	pg_atomic_uint32 count; /* 0: there is none */
	RootKey keys[MAX_ROOT_KEYS];
} RootKeys;

/* what to do about there being no key */
static const char *remedy = NO_KEY_HINT;

/* the mapping of three pages, or NULL */
static uint8 *key_map = NULL;

/* in its second page; NULL while there is none */
static RootKeys *root_keys = NULL;

/* has rootkey_load() been called? */
static bool load_called = false;

/* why there is no key: starts in lower case, no full stop */
static char problem[ROOTKEY_PROBLEM_BYTES] =
	"the library privseg was not loaded by \"shared_preload_libraries\"";

static size_t
page_size(void)
{
	return (size_t) sysconf(_SC_PAGESIZE);
}

/*
 * Make the mapping; returns where the keys go, or NULL with the problem set.
 */
static RootKeys *
key_map_create(void)
{
	size_t page = page_size();
	void *map;

	map = mmap(NULL, 3 * page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
	{
		snprintf(problem, sizeof(problem), "the memory for the root key could not be mapped: %m");
		return NULL;
	}
	key_map = map;

	if (mprotect(key_map + page, page, PROT_READ | PROT_WRITE) != 0)
	{
		snprintf(problem, sizeof(problem),
				 "the memory for the root key could not be made writable: %m");
		return NULL;
	}

#ifdef MADV_DONTDUMP
	if (madvise(key_map, 3 * page, MADV_DONTDUMP) != 0)
		ereport(LOG, (errmsg("privseg could not keep the root key out of core dumps: %m")));
#endif

	if (mlock(key_map + page, page) != 0)
		ereport(
			LOG,
			(errmsg("privseg could not lock the root key in memory: %m"),
			 errhint(
				 "Allow the server to lock memory (\"ulimit -l\", LimitMEMLOCK), or encrypt the swap space.")));

	/* a read past the end of the keys meets the guard page */
	return (RootKeys *) (key_map + 2 * page - MAXALIGN(sizeof(RootKeys)));
}

static void
key_map_destroy(void)
{
	size_t page = page_size();

	if (key_map == NULL)
		return;
	if (mprotect(key_map + page, page, PROT_READ | PROT_WRITE) == 0)
		sodium_memzero(key_map + page, page);
	munmap(key_map, 3 * page);
	key_map = NULL;
}

static bool
key_map_protect(int access)
{
	return mprotect(key_map + page_size(), page_size(), access) == 0;
}

/*
 * Keyed BLAKE2b (RFC 7693) of nothing, with a personalisation.  It differs
 * from every personalisation of rootkey_derive() in its last eight bytes,
 * which crypto_kdf leaves zero.
 */
static bool
make_fingerprint(const uint8 *key, uint8 *fingerprint)
{
	static const uint8 personal[crypto_generichash_blake2b_PERSONALBYTES] = "privseg.keyprint";

	return crypto_generichash_blake2b_salt_personal(fingerprint, ROOTKEY_FINGERPRINT_BYTES, NULL, 0,
													key, ROOTKEY_BYTES, NULL, personal) == 0;
}

/* put the key behind the others; the page is writable */
static bool
add_key(RootKeys *keys, const uint8 *key)
{
	uint32 count = pg_atomic_read_u32(&keys->count);

	if (count == MAX_ROOT_KEYS || !make_fingerprint(key, keys->keys[count].fingerprint))
		return false;
	memcpy(keys->keys[count].key, key, ROOTKEY_BYTES);
	pg_write_barrier();
	pg_atomic_write_u32(&keys->count, count + 1);
	return true;
}

static bool
load_key(const KeySource *source, const char *datadir)
{
	uint8 key[ROOTKEY_BYTES];
	RootKeys *keys;
	bool ok;

	if (keysource_is_set(source))
		remedy = MEND_KEY_HINT;
	if (!keysource_read(source, datadir, key, problem))
	{
		sodium_memzero(key, sizeof(key));
		return false;
	}
	keys = key_map_create();
	ok = keys != NULL && add_key(keys, key);
	sodium_memzero(key, sizeof(key));
	if (!ok)
		return false;
	if (!key_map_protect(PROT_READ))
	{
		snprintf(problem, sizeof(problem),
				 "the memory of the root key could not be made read-only: %m");
		return false;
	}
	root_keys = keys;
	return true;
}

/* rootkey_shmem_request -- see crypto.h */
void
rootkey_shmem_request(void)
{
	RequestNamedLWLockTranche(KEYS_LOCK, 1);
}

/*
 * The problem as a sentence.
 */
static int
errdetail_problem(void)
{
	return errdetail_internal("%c%s.", pg_toupper((unsigned char) problem[0]), problem + 1);
}

static int
errhint_remedy(void)
{
	return errhint("%s", remedy);
}

/* See crypto.h. */
void
rootkey_load(const KeySource *source, const char *datadir)
{
	char fingerprint[ROOTKEY_FINGERPRINT_HEX + 1];

	if (load_called)
		return;
	load_called = true;

	if (!load_key(source, datadir))
	{
		key_map_destroy();
		ereport(strcmp(remedy, NO_KEY_HINT) != 0 ? WARNING : LOG,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("privseg has no root key"),
				 errdetail_problem(), errhint_remedy()));
		return;
	}

	problem[0] = '\0';
	rootkey_fingerprint(fingerprint);
	ereport(LOG, (errmsg("privseg loaded the root key with fingerprint %s", fingerprint)));
}

bool
rootkey_available(void)
{
	return root_keys != NULL;
}

const char *
rootkey_problem(void)
{
	return root_keys != NULL ? NULL : problem;
}

const char *
rootkey_remedy(void)
{
	return root_keys != NULL ? NULL : remedy;
}

void
rootkey_require(void)
{
	if (unlikely(root_keys == NULL))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY), errmsg("privseg has no root key"),
						errdetail_problem(), errhint_remedy()));
}

/* the key with a number that rootkey_find() or rootkey_add() has given */
static const RootKey *
key_of(int number)
{
	rootkey_require();
	if (number < 0 || (uint32) number >= pg_atomic_read_u32(&root_keys->count))
		elog(ERROR, "privseg has no root key number %d", number);
	pg_read_barrier();
	return &root_keys->keys[number];
}

void
rootkey_fingerprint(char out[ROOTKEY_FINGERPRINT_HEX + 1])
{
	rootkey_fingerprint_of(0, out);
}

void
rootkey_fingerprint_of(int number, char out[ROOTKEY_FINGERPRINT_HEX + 1])
{
	sodium_bin2hex(out, ROOTKEY_FINGERPRINT_HEX + 1, key_of(number)->fingerprint,
				   ROOTKEY_FINGERPRINT_BYTES);
}

int
rootkey_find(const char *fingerprint)
{
	int count = root_keys != NULL ? (int) pg_atomic_read_u32(&root_keys->count) : 0;
	char hex[ROOTKEY_FINGERPRINT_HEX + 1];

	for (int i = 0; i < count; i++)
	{
		rootkey_fingerprint_of(i, hex);
		if (strcmp(hex, fingerprint) == 0)
			return i;
	}
	return -1;
}

int
rootkey_add(const KeySource *source, const char *datadir, char why[ROOTKEY_PROBLEM_BYTES])
{
	LWLock *lock = &GetNamedLWLockTranche(KEYS_LOCK)->lock;
	uint8 key[ROOTKEY_BYTES];
	uint8 fingerprint[ROOTKEY_FINGERPRINT_BYTES];
	char hex[ROOTKEY_FINGERPRINT_HEX + 1];
	int number;

	rootkey_require();
	if (!keysource_read(source, datadir, key, why) || !make_fingerprint(key, fingerprint))
	{
		sodium_memzero(key, sizeof(key));
		return -1;
	}
	sodium_bin2hex(hex, sizeof(hex), fingerprint, sizeof(fingerprint));
	/* nothing in here raises */
	LWLockAcquire(lock, LW_EXCLUSIVE);
	number = rootkey_find(hex);
	if (number < 0)
	{
		if (!key_map_protect(PROT_READ | PROT_WRITE))
			snprintf(why, ROOTKEY_PROBLEM_BYTES,
					 "the memory for the root key could not be made writable: %m");
		else
		{
			if (add_key(root_keys, key))
				number = (int) pg_atomic_read_u32(&root_keys->count) - 1;
			else
				strlcpy(why, "it has had too many root keys since its start",
						ROOTKEY_PROBLEM_BYTES);
			(void) key_map_protect(PROT_READ);
		}
	}
	LWLockRelease(lock);
	sodium_memzero(key, sizeof(key));
	return number;
}

/*
 * crypto_kdf: BLAKE2b keyed with the root key, the number as salt, the
 * context as personalisation.
 */
static void
derive(int number, const char *context, uint64 subkey_id, uint8 *out, size_t len)
{
	const RootKey *key = key_of(number);

	if (len < crypto_kdf_BYTES_MIN || len > crypto_kdf_BYTES_MAX ||
		crypto_kdf_derive_from_key(out, len, subkey_id, context, key->key) != 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("privseg could not derive a key of %zu bytes", len)));
}

void
rootkey_derive(const char context[CRYPTO_CONTEXT_BYTES], uint64 subkey_id, uint8 *out, size_t len)
{
	derive(0, context, subkey_id, out, len);
}

void
rootkey_wrap(int number, const void *about, size_t about_len, const uint8 key[AEAD_KEY_BYTES],
			 uint8 wrapped[WRAPPED_KEY_BYTES])
{
	uint8 wrapping[AEAD_KEY_BYTES];

	derive(number, ROOTKEY_CONTEXT_WRAP, 1, wrapping, sizeof(wrapping));
	aead_seal(AEAD_XCHACHA20POLY1305, wrapping, about, about_len, key, AEAD_KEY_BYTES, wrapped);
	sodium_memzero(wrapping, sizeof(wrapping));
}

bool
rootkey_unwrap(int number, const void *about, size_t about_len,
			   const uint8 wrapped[WRAPPED_KEY_BYTES], uint8 key[AEAD_KEY_BYTES])
{
	uint8 wrapping[AEAD_KEY_BYTES];
	bool ok;

	derive(number, ROOTKEY_CONTEXT_WRAP, 1, wrapping, sizeof(wrapping));
	ok = aead_open(AEAD_XCHACHA20POLY1305, wrapping, about, about_len, wrapped, WRAPPED_KEY_BYTES,
				   key);
	sodium_memzero(wrapping, sizeof(wrapping));
	return ok;
}
