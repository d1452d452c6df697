/*
 * keyring_root.c
 *	  Keys that are wrapped under the root key: those of epochs, of literals, of tags.
 *
 * Each names the fingerprint of the root key it is under.  That is the server's root key, or,
 * while it is rotated, the next one, which is read when it is first needed: so that a standby
 * goes on when it has replayed the rotation, and a server that is started again before its
 * settings have changed.
 */
#include "compat.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "cache_inval.h"
#include "errors.h"
#include "guc.h"
#include "keyring.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#define MAX_UNWRAPPED 64

/* milliseconds until a command that did not give the key is asked again */
#define ASK_AGAIN 10000

static struct
{
	char kind;
	int32 number;
	bool newest; /* of its kind */
	uint8 *key;  /* secret memory */
} unwrapped[MAX_UNWRAPPED];
static int n_unwrapped = 0;
static uint64 unwrapped_generation = 0;

/* keyring_root_forget -- wipe what is unwrapped */
void
keyring_root_forget(void)
{
	while (n_unwrapped > 0)
		secret_free(unwrapped[--n_unwrapped].key, AEAD_KEY_BYTES);
}

/* what is authenticated with a wrapped key */
typedef struct About
{
	char what[16];
	uint32 kind;
	uint32 number;
} About;

static About
about(const StoredKey *key)
{
	About result = {"privseg key v1", pg_hton32((uint32) key->kind), pg_hton32(key->number)};

	return result;
}

static KeySource
next_source(void)
{
	return (KeySource){guc_next_root_key_command, "privseg.next_root_key_command",
					   guc_next_root_key_file, "privseg.next_root_key_file"};
}

/* the number of the root key with a fingerprint; it is read if need be */
static int
root_key_number(const char *fingerprint)
{
	static TimestampTz asked = 0;
	KeySource next = next_source();
	char why[ROOTKEY_PROBLEM_BYTES] = "";
	char ours[ROOTKEY_FINGERPRINT_HEX + 1];
	int number;

	rootkey_require();
	number = rootkey_find(fingerprint);
	if (number >= 0)
		return number;
	if (keysource_is_set(&next) &&
		TimestampDifferenceExceeds(asked, GetCurrentTimestamp(), ASK_AGAIN))
	{
		asked = GetCurrentTimestamp();
		if (rootkey_add(&next, DataDir, why) >= 0)
			number = rootkey_find(fingerprint);
		if (number >= 0)
		{
			asked = 0;
			return number;
		}
	}
	rootkey_fingerprint(ours);
	ereport(
		ERROR,
		(errcode(PRIVSEG_ERR_NOT_READY),
		 errmsg("the keys of this database are under another root key"),
		 why[0] ?
			 errdetail("They are under the one with fingerprint %s; the server's has %s. The next "
					   "one could not be read: %s.",
					   fingerprint, ours, why) :
			 errdetail("They are under the one with fingerprint %s; the server's has %s.",
					   fingerprint, ours),
		 errhint(
			 "Give the server that key: as privseg.root_key_command or _file, and restart, or, until "
			 "that is done, as privseg.next_root_key_command or _file.")));
}

static uint8 *
unwrap(const StoredKey *key)
{
	About what = about(key);
	int number = root_key_number(key->root_key);
	uint8 *result = secret_alloc(AEAD_KEY_BYTES);

	if (!rootkey_unwrap(number, &what, sizeof(what), key->wrapped, result))
	{
		secret_free(result, AEAD_KEY_BYTES);
		ereport(ERROR, (errcode(PRIVSEG_ERR_CORRUPT),
						errmsg("a key of this database was altered, or is of another one"),
						errdetail("Its kind is \"%c\", its number %d.", key->kind, key->number)));
	}
	return result;
}

static void
wrap(StoredKey *key, int root_key, const uint8 *plain)
{
	About what = about(key);

	rootkey_fingerprint_of(root_key, key->root_key);
	rootkey_wrap(root_key, &what, sizeof(what), plain, key->wrapped);
}

static int
find_unwrapped(char kind, int32 number)
{
	if (unwrapped_generation != cache_key_generation)
	{
		keyring_root_forget();
		unwrapped_generation = cache_key_generation;
	}
	for (int i = 0; i < n_unwrapped; i++)
		if (unwrapped[i].kind == kind &&
			(number == 0 ? unwrapped[i].newest : unwrapped[i].number == number))
			return i;
	return -1;
}

/* where the key is unwrapped */
static int
load(char kind, int32 number)
{
	StoredKey stored;
	uint8 *key;
	uint64 generation = cache_key_generation;

	if (!stored_key_fetch(kind, number, keyring_snapshot(), &stored))
	{
		bool none = number == 0 || !keyring_exists();

		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY),
						none ? errmsg("this database has no keys for encrypted values") :
							   errmsg("a key that values of this database are under is gone"),
						none ? errhint("Call privseg.encrypt_column(), which makes them.") :
							   errdetail("Its kind is \"%c\", its number %d.", kind, number)));
	}
	key = unwrap(&stored);
	/* whoever holds the pointer of another one has used it */
	if (n_unwrapped == MAX_UNWRAPPED || generation != cache_key_generation)
		keyring_root_forget();
	unwrapped[n_unwrapped].kind = kind;
	unwrapped[n_unwrapped].number = stored.number;
	unwrapped[n_unwrapped].newest = number == 0;
	unwrapped[n_unwrapped].key = key;
	unwrapped_generation = generation;
	return n_unwrapped++;
}

static int
unwrapped_at(char kind, int32 number)
{
	int at = find_unwrapped(kind, number);

	return at >= 0 ? at : load(kind, number);
}

/*
 * keyring_root -- a key, unwrapped; good until the next call of anything here.
 *	number	0: the newest of its kind
 * Errors: 55000 where there is none, or it is under another root key; XX001 where it was altered.
 */
const uint8 *
keyring_root(char kind, int32 number)
{
	return unwrapped[unwrapped_at(kind, number)].key;
}

/* keyring_newest -- the number of the newest key of a kind.  Errors: as above. */
int32
keyring_newest(char kind)
{
	return unwrapped[unwrapped_at(kind, 0)].number;
}

/* keyring_exists -- has this database keys? */
bool
keyring_exists(void)
{
	StoredKey stored;

	return stored_key_fetch(KEY_EPOCH, 0, keyring_snapshot(), &stored);
}

static void
keys_changed(void)
{
	CacheInvalidateRelcacheByRelid(catalog_table_oid(CATALOG_KEYS));
	CommandCounterIncrement();
}

static void
make_key(char kind, int32 number, int root_key)
{
	StoredKey stored = {.kind = kind, .number = number, .created_at = GetCurrentTimestamp()};
	uint8 *key = secret_alloc(AEAD_KEY_BYTES);

	crypto_random(key, AEAD_KEY_BYTES);
	wrap(&stored, root_key, key);
	secret_free(key, AEAD_KEY_BYTES);
	stored_key_put(&stored);
}

/*
 * keyring_create -- make the keys of this database, unless it has some.
 * Errors: 55000 without a root key.
 */
void
keyring_create(void)
{
	rootkey_require();
	if (keyring_exists())
		return;
	keyring_lock_rotation();
	if (keyring_exists())
		return;
	make_key(KEY_EPOCH, 1, 0);
	make_key(KEY_LITERAL, 1, 0);
	make_key(KEY_TAG, 1, 0);
	keys_changed();
}

/* keyring_new_epoch -- make the key of a new epoch; returns its number.  Under the rotation lock. */
int32
keyring_new_epoch(void)
{
	StoredKey newest;

	if (!stored_key_fetch(KEY_EPOCH, 0, keyring_snapshot(), &newest))
		(void) keyring_root(KEY_EPOCH, 0); /* says so */
	/* under the same root key as the others */
	make_key(KEY_EPOCH, newest.number + 1, root_key_number(newest.root_key));
	keys_changed();
	return newest.number + 1;
}

/*
 * keyring_rotate_root -- wrap the keys of this database under the next root key.  Under the
 * rotation lock.
 * Errors: 55000 without one, or where it cannot be read.
 */
void
keyring_rotate_root(void)
{
	KeySource source = next_source();
	char why[ROOTKEY_PROBLEM_BYTES] = "";
	char fingerprint[ROOTKEY_FINGERPRINT_HEX + 1];
	char before[ROOTKEY_FINGERPRINT_HEX + 1];
	int next;
	int changed = 0;
	List *keys;
	ListCell *lc;

	rootkey_require();
	if (!keysource_is_set(&source))
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("there is no root key to rotate to"),
				 errhint("Set privseg.next_root_key_command or privseg.next_root_key_file in "
						 "postgresql.conf, and reload it.")));
	next = rootkey_add(&source, DataDir, why);
	if (next < 0)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("the next root key could not be read"),
				 errdetail("%c%s.", pg_toupper((unsigned char) why[0]), why + 1)));
	rootkey_fingerprint_of(next, fingerprint);
	keys = stored_keys(keyring_snapshot());
	foreach (lc, keys)
	{
		StoredKey *stored = lfirst(lc);
		uint8 *key;

		if (strcmp(stored->root_key, fingerprint) == 0)
			continue;
		strlcpy(before, stored->root_key, sizeof(before));
		key = unwrap(stored);
		wrap(stored, next, key);
		secret_free(key, AEAD_KEY_BYTES);
		stored_key_put(stored);
		changed++;
	}
	if (changed == 0)
		ereport(
			NOTICE,
			(keys == NIL ? errmsg("this database has no keys yet") :
						   errmsg("the keys of this database are under that root key"),
			 errhint(
				 "Make the next root key privseg.root_key_command or privseg.root_key_file when every "
				 "database and standby has it. If it is the former one, and this database "
				 "was forgotten: let the two keys change places, restart, and call this "
				 "again here; then change them back.")));
	else
		ereport(NOTICE,
				(errmsg("the keys of this database are under the root key with fingerprint %s now",
						fingerprint),
				 errdetail("They were under the one with %s.", before)));
	keys_changed();
}
