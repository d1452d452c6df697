/*-------------------------------------------------------------------------
 *
 * crypto_rootkey.c
 *	  The root key: where it comes from, where it lives, what is derived.
 *
 * The postmaster reads the key once, as 64 hexadecimal digits, from a
 * command or a file, and every process inherits it by fork.  A server
 * without a key starts all the same; whatever needs the key then fails with
 * the reason.  No key is ever generated here, since a new one over existing
 * data would make that data unreadable for good.
 *
 * Invariants
 * - The key is in one place: the end of a page of a shared anonymous mapping,
 *   between two pages nobody may touch.  Being shared, it is one physical
 *   page in all processes, so that the postmaster's mlock() keeps it off the
 *   swap for all of them (locks are not inherited by fork, and need not be).
 *   It is left out of core dumps, which fork does inherit, and it is
 *   read-only once it is loaded.
 * - The text of the key is in one buffer on the stack, read without stdio,
 *   and wiped by the function that owns it.
 * - No message holds what was read, nor the command (people put secrets into
 *   it), nor the file's name (the settings are for superusers, the messages
 *   for everyone).
 * - rootkey_load() runs before there are other processes, hence no locking.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "crypto.h"
#include "errors.h"

StaticAssertDecl(ROOTKEY_BYTES == crypto_kdf_KEYBYTES, "size of the root key");
StaticAssertDecl(CRYPTO_CONTEXT_BYTES == crypto_kdf_CONTEXTBYTES, "size of a derivation context");

#define KEY_DIGITS (2 * ROOTKEY_BYTES)

/* room for the digits and line ends; what fills it is too long to be a key */
#define KEY_TEXT_MAX 128

#define NO_KEY_HINT \
	"Set either \"privseg.root_key_command\" or \"privseg.root_key_file\" in postgresql.conf and restart the server. The key is 64 hexadecimal digits; keep a copy, since nothing can replace it."

#define MEND_KEY_HINT "Put it right and restart the server."

/* what to do about there being no key */
static const char *remedy = NO_KEY_HINT;

/* the mapping of three pages, or NULL */
static uint8 *key_map = NULL;

/* the key, in its second page; NULL while there is none */
static const uint8 *root_key = NULL;

/* has rootkey_load() been called? */
static bool load_called = false;

/* why there is no key: starts in lower case, no full stop */
static char problem[512] = "the library privseg was not loaded by \"shared_preload_libraries\"";

static void set_problem(const char *fmt, ...) pg_attribute_printf(1, 2);

/*
 * Remember why there is no key.  Always returns false, for "return".
 */
#define FAIL(...) (set_problem(__VA_ARGS__), false)

static void
set_problem(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(problem, sizeof(problem), fmt, args);
	va_end(args);
}

static size_t
page_size(void)
{
	return (size_t) sysconf(_SC_PAGESIZE);
}

/*
 * Make the mapping; returns where the key goes, or NULL with the problem set.
 */
static uint8 *
key_map_create(void)
{
	size_t page = page_size();
	void *map;

	map = mmap(NULL, 3 * page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
	{
		set_problem("the memory for the root key could not be mapped: %m");
		return NULL;
	}
	key_map = map;

	if (mprotect(key_map + page, page, PROT_READ | PROT_WRITE) != 0)
	{
		set_problem("the memory for the root key could not be made writable: %m");
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

	/* a read past the end of the key meets the guard page */
	return key_map + 2 * page - ROOTKEY_BYTES;
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

/*
 * Convert the text of a key.  `what` begins the problem, as in "the output
 * of the command".
 */
static bool
parse_key(const char *text, size_t len, uint8 *key, const char *what)
{
	size_t bin_len;
	const char *end;

	if (len >= KEY_TEXT_MAX)
		return FAIL("%s is longer than a key of %d hexadecimal digits", what, KEY_DIGITS);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;

	if (len == 0)
		return FAIL("%s is empty", what);
	if (len != KEY_DIGITS)
		return FAIL("%s is not a key of %d hexadecimal digits", what, KEY_DIGITS);

	/* takes the same time whatever the digits are */
	if (sodium_hex2bin(key, ROOTKEY_BYTES, text, len, NULL, &bin_len, &end) != 0 ||
		bin_len != ROOTKEY_BYTES || end != text + len)
		return FAIL("%s is not a key of %d hexadecimal digits", what, KEY_DIGITS);

	if (sodium_is_zero(key, ROOTKEY_BYTES))
		return FAIL("%s is a key of zeros", what);

	return true;
}

/*
 * Read the text of a key from a descriptor and convert it.  Nothing in here
 * can raise while the text is in memory.
 */
static bool
read_key(int fd, uint8 *key, const char *what)
{
	char text[KEY_TEXT_MAX];
	size_t len = 0;
	ssize_t n = 0;
	bool ok;

	while (len < sizeof(text))
	{
		n = read(fd, text + len, sizeof(text) - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}

	if (n < 0)
		ok = FAIL("%s could not be read: %m", what);
	else
		ok = parse_key(text, len, key, what);

	sodium_memzero(text, sizeof(text));
	return ok;
}

/*
 * Run the command as PostgreSQL runs ssl_passphrase_command.
 */
static bool
load_from_command(const char *command, uint8 *key)
{
	FILE *pipe;
	bool ok;
	int rc;

	pipe = OpenPipeStream(command, "r");
	if (pipe == NULL)
		return FAIL("the command in \"privseg.root_key_command\" could not be run: %m");

	ok = read_key(fileno(pipe), key, "the output of the command in \"privseg.root_key_command\"");

	rc = ClosePipeStream(pipe);
	if (rc == -1)
		return FAIL(
			"the exit of the command in \"privseg.root_key_command\" could not be awaited: %m");

	/*
	 * The exit status says more than an empty output does; but a command that
	 * wrote too much was killed by our closing the pipe.
	 */
	if (rc != 0 && (ok || !wait_result_is_signal(rc, SIGPIPE)))
		return FAIL("the command in \"privseg.root_key_command\" failed: %s",
					wait_result_to_str(rc));
	return ok;
}

/*
 * Is the canonical path in the directory, or in what that is a link to?
 */
static bool
path_is_under(const char *path, const char *directory)
{
	char *real = realpath(directory, NULL);
	size_t len;
	bool under;

	if (real == NULL)
		return false;
	len = strlen(real);
	under = strncmp(path, real, len) == 0 &&
			(path[len] == '/' || path[len] == '\0' || strcmp(real, "/") == 0);
	free(real);
	return under;
}

/*
 * Is the canonical path where a base backup would take it along, or SQL
 * could easily reach it: in the data directory, in the WAL directory or in a
 * tablespace?
 */
static bool
path_is_data(const char *path, const char *datadir)
{
	char directory[MAXPGPATH];
	DIR *dir;
	struct dirent *entry;
	bool found = false;

	if (path_is_under(path, datadir))
		return true;

	snprintf(directory, sizeof(directory), "%s/pg_wal", datadir);
	if (path_is_under(path, directory))
		return true;

	snprintf(directory, sizeof(directory), "%s/pg_tblspc", datadir);
	dir = opendir(directory);
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		snprintf(directory, sizeof(directory), "%s/pg_tblspc/%s", datadir, entry->d_name);
		found = path_is_under(path, directory);
	}
	closedir(dir);
	return found;
}

/*
 * The checks on the file are made on what was opened; its place is that of
 * its canonical path, which must still name the same file.
 */
static bool
check_file(int fd, const char *file, const char *datadir)
{
	struct stat st;
	struct stat st_real;
	char *real;
	bool same;
	bool data;

	if (fstat(fd, &st) != 0)
		return FAIL("the file in \"privseg.root_key_file\" could not be examined: %m");
	if (!S_ISREG(st.st_mode))
		return FAIL("the file in \"privseg.root_key_file\" is not a regular file");
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return FAIL(
			"the file in \"privseg.root_key_file\" is owned neither by the server's user nor by root");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return FAIL("the file in \"privseg.root_key_file\" has permissions for group or others");

	/* another name of it could be anywhere, in the data directory too */
	if (st.st_nlink != 1)
		return FAIL("the file in \"privseg.root_key_file\" has more than one name (hard links)");

	real = realpath(file, NULL);
	if (real == NULL)
		return FAIL("the path in \"privseg.root_key_file\" could not be resolved: %m");
	same = stat(real, &st_real) == 0 && st_real.st_dev == st.st_dev && st_real.st_ino == st.st_ino;
	data = path_is_data(real, datadir);
	free(real);

	if (!same)
		return FAIL("the file in \"privseg.root_key_file\" was replaced while it was read");
	if (data)
		return FAIL(
			"the file in \"privseg.root_key_file\" lies in the data directory or a tablespace, where backups would copy it");
	return true;
}

static bool
load_from_file(const char *file, const char *datadir, uint8 *key)
{
	int fd;
	bool ok;

	if (!is_absolute_path(file))
		return FAIL("the path in \"privseg.root_key_file\" is not absolute");

	/* O_NONBLOCK: the opening of a fifo must not wait for its writer */
	fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return FAIL("the file in \"privseg.root_key_file\" could not be opened: %m");

	ok = check_file(fd, file, datadir) &&
		 read_key(fd, key, "the content of the file in \"privseg.root_key_file\"");
	close(fd);
	return ok;
}

static bool
load_key(const char *command, const char *file, const char *datadir)
{
	bool have_command = command != NULL && command[0] != '\0';
	bool have_file = file != NULL && file[0] != '\0';
	uint8 *key;

	if (!have_command && !have_file)
		return FAIL("neither \"privseg.root_key_command\" nor \"privseg.root_key_file\" is set");
	remedy = MEND_KEY_HINT;
	if (have_command && have_file)
		return FAIL("both \"privseg.root_key_command\" and \"privseg.root_key_file\" are set");

	key = key_map_create();
	if (key == NULL)
		return false;

	if (have_command)
	{
		if (!load_from_command(command, key))
			return false;
	}
	else if (!load_from_file(file, datadir, key))
		return false;

	if (mprotect(key_map + page_size(), page_size(), PROT_READ) != 0)
		return FAIL("the memory of the root key could not be made read-only: %m");

	root_key = key;
	return true;
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

/*
 * See crypto.h.  What core raises in here (no descriptor left, no memory) is
 * caught and its text dropped, for it may quote the command.
 */
void
rootkey_load(const char *command, const char *file, const char *datadir)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = false;
	char fingerprint[ROOTKEY_FINGERPRINT_HEX + 1];

	if (load_called)
		return;
	load_called = true;

	PG_TRY();
	{
		ok = load_key(command, file, datadir);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		set_problem("the server ran out of memory or file descriptors while it read the root key");
	}
	PG_END_TRY();

	if (!ok)
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
	return root_key != NULL;
}

const char *
rootkey_problem(void)
{
	return root_key != NULL ? NULL : problem;
}

const char *
rootkey_remedy(void)
{
	return root_key != NULL ? NULL : remedy;
}

void
rootkey_require(void)
{
	if (unlikely(root_key == NULL))
		ereport(ERROR, (errcode(PRIVSEG_ERR_NOT_READY), errmsg("privseg has no root key"),
						errdetail_problem(), errhint_remedy()));
}

/*
 * Keyed BLAKE2b (RFC 7693) of nothing, with a personalisation.  It differs
 * from every personalisation of rootkey_derive() in its last eight bytes,
 * which crypto_kdf leaves zero.
 */
void
rootkey_fingerprint(char out[ROOTKEY_FINGERPRINT_HEX + 1])
{
	static const uint8 personal[crypto_generichash_blake2b_PERSONALBYTES] = "privseg.keyprint";
	uint8 hash[ROOTKEY_FINGERPRINT_HEX / 2];

	rootkey_require();
	if (crypto_generichash_blake2b_salt_personal(hash, sizeof(hash), NULL, 0, root_key,
												 ROOTKEY_BYTES, NULL, personal) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("privseg could not hash the root key")));
	sodium_bin2hex(out, ROOTKEY_FINGERPRINT_HEX + 1, hash, sizeof(hash));
}

/*
 * crypto_kdf: BLAKE2b keyed with the root key, the number as salt, the
 * context as personalisation.
 */
void
rootkey_derive(const char context[CRYPTO_CONTEXT_BYTES], uint64 subkey_id, uint8 *out, size_t len)
{
	rootkey_require();
	if (len < crypto_kdf_BYTES_MIN || len > crypto_kdf_BYTES_MAX ||
		crypto_kdf_derive_from_key(out, len, subkey_id, context, root_key) != 0)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("privseg could not derive a key of %zu bytes", len)));
}
