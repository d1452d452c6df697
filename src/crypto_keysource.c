/*-------------------------------------------------------------------------
 *
 * crypto_keysource.c
 *	  Reads a root key, as 64 hexadecimal digits, from a command or a file.
 *
 * Invariants
 * - The text of the key is in one buffer on the stack, read without stdio,
 *   and wiped by the function that owns it.
 * - No message holds what was read, nor the command (people put secrets into
 *   it), nor the file's name (the settings are for superusers, the messages
 *   for everyone).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "crypto.h"

#define KEY_DIGITS (2 * ROOTKEY_BYTES)

/* room for the digits and line ends; what fills it is too long to be a key */
#define KEY_TEXT_MAX 128

/* why there is no key: starts in lower case, no full stop */
static char problem[ROOTKEY_PROBLEM_BYTES];

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

/*
 * Convert the text of a key.  `what`, in a setting, begins the problem, as in "the
 * output of the command".
 */
static bool
parse_key(const char *text, size_t len, uint8 *key, const char *what, const char *setting)
{
	size_t bin_len;
	const char *end;

	if (len >= KEY_TEXT_MAX)
		return FAIL("%s in \"%s\" is longer than a key of %d hexadecimal digits", what, setting,
					KEY_DIGITS);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;

	if (len == 0)
		return FAIL("%s in \"%s\" is empty", what, setting);
	if (len != KEY_DIGITS)
		return FAIL("%s in \"%s\" is not a key of %d hexadecimal digits", what, setting,
					KEY_DIGITS);

	/* takes the same time whatever the digits are */
	if (sodium_hex2bin(key, ROOTKEY_BYTES, text, len, NULL, &bin_len, &end) != 0 ||
		bin_len != ROOTKEY_BYTES || end != text + len)
		return FAIL("%s in \"%s\" is not a key of %d hexadecimal digits", what, setting,
					KEY_DIGITS);

	if (sodium_is_zero(key, ROOTKEY_BYTES))
		return FAIL("%s in \"%s\" is a key of zeros", what, setting);

	return true;
}

/*
 * Read the text of a key from a descriptor and convert it.  Nothing in here
 * can raise while the text is in memory.
 */
static bool
read_key(int fd, uint8 *key, const char *what, const char *setting)
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
		ok = FAIL("%s in \"%s\" could not be read: %m", what, setting);
	else
		ok = parse_key(text, len, key, what, setting);

	sodium_memzero(text, sizeof(text));
	return ok;
}

/*
 * Run the command as PostgreSQL runs ssl_passphrase_command.
 */
static bool
load_from_command(const KeySource *source, uint8 *key)
{
	FILE *pipe;
	bool ok;
	int rc;

	pipe = OpenPipeStream(source->command, "r");
	if (pipe == NULL)
		return FAIL("the command in \"%s\" could not be run: %m", source->command_setting);

	ok = read_key(fileno(pipe), key, "the output of the command", source->command_setting);

	rc = ClosePipeStream(pipe);
	if (rc == -1)
		return FAIL("the exit of the command in \"%s\" could not be awaited: %m",
					source->command_setting);

	/*
	 * The exit status says more than an empty output does; but a command that
	 * wrote too much was killed by our closing the pipe.
	 */
	if (rc != 0 && (ok || !wait_result_is_signal(rc, SIGPIPE)))
		return FAIL("the command in \"%s\" failed: %s", source->command_setting,
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
check_file(int fd, const char *file, const char *setting, const char *datadir)
{
	struct stat st;
	struct stat st_real;
	char *real;
	bool same;
	bool data;

	if (fstat(fd, &st) != 0)
		return FAIL("the file in \"%s\" could not be examined: %m", setting);
	if (!S_ISREG(st.st_mode))
		return FAIL("the file in \"%s\" is not a regular file", setting);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return FAIL("the file in \"%s\" is owned neither by the server's user nor by root",
					setting);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return FAIL("the file in \"%s\" has permissions for group or others", setting);

	/* another name of it could be anywhere, in the data directory too */
	if (st.st_nlink != 1)
		return FAIL("the file in \"%s\" has more than one name (hard links)", setting);

	real = realpath(file, NULL);
	if (real == NULL)
		return FAIL("the path in \"%s\" could not be resolved: %m", setting);
	same = stat(real, &st_real) == 0 && st_real.st_dev == st.st_dev && st_real.st_ino == st.st_ino;
	data = path_is_data(real, datadir);
	free(real);

	if (!same)
		return FAIL("the file in \"%s\" was replaced while it was read", setting);
	if (data)
		return FAIL(
			"the file in \"%s\" lies in the data directory or a tablespace, where backups would copy it",
			setting);
	return true;
}

static bool
load_from_file(const KeySource *source, const char *datadir, uint8 *key)
{
	const char *file = source->file;
	const char *setting = source->file_setting;
	int fd;
	bool ok;

	if (!is_absolute_path(file))
		return FAIL("the path in \"%s\" is not absolute", setting);

	/* O_NONBLOCK: the opening of a fifo must not wait for its writer */
	fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return FAIL("the file in \"%s\" could not be opened: %m", setting);

	ok = check_file(fd, file, setting, datadir) &&
		 read_key(fd, key, "the content of the file", setting);
	close(fd);
	return ok;
}

static bool
is_set(const char *setting)
{
	return setting != NULL && setting[0] != '\0';
}

/* See crypto.h. */
bool
keysource_is_set(const KeySource *source)
{
	return is_set(source->command) || is_set(source->file);
}

static bool
read_source(const KeySource *source, const char *datadir, uint8 *key)
{
	if (!keysource_is_set(source))
		return FAIL("neither \"%s\" nor \"%s\" is set", source->command_setting,
					source->file_setting);
	if (is_set(source->command) && is_set(source->file))
		return FAIL("both \"%s\" and \"%s\" are set", source->command_setting,
					source->file_setting);
	return is_set(source->command) ? load_from_command(source, key) :
									 load_from_file(source, datadir, key);
}

/* See crypto.h.  What core raises in here may quote the command, so its text is dropped. */
bool
keysource_read(const KeySource *source, const char *datadir, uint8 key[ROOTKEY_BYTES],
			   char why[ROOTKEY_PROBLEM_BYTES])
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = false;

	PG_TRY();
	{
		ok = read_source(source, datadir, key);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		set_problem("the server ran out of memory or file descriptors while it read the root key");
	}
	PG_END_TRY();
	strlcpy(why, ok ? "" : problem, ROOTKEY_PROBLEM_BYTES);
	return ok;
}
