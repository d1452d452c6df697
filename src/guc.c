/*
 * guc.c
 *	  Defines the extension's settings, sorted by name.
 *
 * A setting is a claim, never a proof: privseg.purpose is authorised when a
 * statement uses it (policy_row.c), not when it is set, so no check hook here
 * looks at a catalog.
 */
#include "compat.h"

#include <limits.h>

#include "errors.h"
#include "guc.h"
#include "utils/guc.h"
#include "utils/rls.h"

char *guc_purpose = NULL;
uint64 guc_purpose_generation = 1; /* grows with every assignment */
char *guc_root_key_command = NULL;
char *guc_root_key_file = NULL;
char *guc_next_root_key_command = NULL;
char *guc_next_root_key_file = NULL;
int guc_cipher = 0;
bool guc_shredded_is_error = false;
bool guc_allow_temporary_copies = true;
int guc_fold_delay = 200;
int guc_unclassified = UNCLASSIFIED_ALLOW;
int guc_min_group_size = 10;
int guc_differencing_window = 86400;
int guc_differencing_memory = 4096;
bool guc_quiet = false;

/* the numbers are those of AeadCipher */
static const struct config_enum_entry ciphers[] = {{"auto", 0, false},
												   {"aes-256-gcm", 1, false},
												   {"xchacha20-poly1305", 2, false},
												   {NULL, 0, false}};

static const struct config_enum_entry unclassified[] = {{"allow", UNCLASSIFIED_ALLOW, false},
														{"deny", UNCLASSIFIED_DENY, false},
														{NULL, 0, false}};

static void
assign_purpose(const char *newval, void *extra)
{
	guc_purpose_generation++;
}

static struct config_generic *row_security_setting = NULL;

static bool
check_client_messages(int *value, void **extra, GucSource source)
{
	if (!guc_quiet || *value >= NOTICE)
		return true;
	GUC_check_errcode(PRIVSEG_ERR_DENIED);
	GUC_check_errmsg("client_min_messages cannot be set below \"notice\" while a statement on "
					 "protected relations runs");
	return false;
}

/*
 * Settings of core that are for superusers where this library is loaded.
 *
 * gin_fuzzy_search_limit: of an index that has found more rows than that, core drops some at
 * random: rows of everybody, so that whoever counts his own learns of others.  A statement
 * under the policy runs without (hooks.c), and nobody sets it while one runs.
 * ignore_system_indexes: core warns whenever it fetches a long value.
 * default_toast_compression: by trying another one on an index that is there, an owner would
 * learn what in a hidden row repeats.
 * trace_sort: it says how much was sorted, after a statement has ended.
 * client_min_messages: see hooks.c.
 */
static void
restrict_settings(void)
{
	struct config_generic *fuzzy = find_setting("gin_fuzzy_search_limit");
	struct config_generic *messages = find_setting("client_min_messages");
	struct config_generic *ignore = find_setting("ignore_system_indexes");
	struct config_generic *compression = find_setting("default_toast_compression");
	struct config_generic *trace = find_setting("trace_sort");

	if (fuzzy != NULL && fuzzy->context == PGC_USERSET)
		fuzzy->context = PGC_SUSET;
	if (trace != NULL && trace->context == PGC_USERSET)
		trace->context = PGC_SUSET;
	if (compression != NULL && compression->context == PGC_USERSET)
		compression->context = PGC_SUSET;
	if (ignore != NULL && ignore->context == PGC_BACKEND)
		ignore->context = PGC_SU_BACKEND;
	if (messages != NULL && messages->vartype == PGC_ENUM &&
		((struct config_enum *) messages)->check_hook == NULL)
		((struct config_enum *) messages)->check_hook = check_client_messages;
	row_security_setting = find_setting("row_security");
}

/*
 * guc_row_security_is_off -- has somebody said so who speaks for the session?  A database's
 * owner can give it to all sessions there, a superuser's included.
 */
bool
guc_row_security_is_off(void)
{
	return !row_security && row_security_setting != NULL &&
		   row_security_setting->source != PGC_S_DATABASE;
}

/*
 * guc_init -- define every setting and reserve the prefix, so that a
 * misspelt privseg.* setting is an error and not a silent placeholder.
 */
void
guc_init(void)
{
	DefineCustomBoolVariable("privseg.allow_temporary_copies",
							 "Allows copying rows of protected tables into temporary tables.",
							 "A temporary table goes by no policy; it ends with its session.",
							 &guc_allow_temporary_copies, true, PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable(
		"privseg.cipher", "The cipher that values are encrypted with.",
		"What was encrypted with another one stays readable. auto: AES-256-GCM where the processor "
		"has it; set xchacha20-poly1305 where another server is to read it that has not.",
		&guc_cipher, 0, ciphers, PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"privseg.differencing_memory",
		"Memory for the groups a role has been given answers about, under one purpose.",
		"When it is full, groups that are not in it are refused. It is shared memory, taken as "
		"needed, for each subject table.",
		&guc_differencing_memory, 4096, 64, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB, NULL, NULL,
		NULL);

	DefineCustomIntVariable(
		"privseg.differencing_window",
		"Time for which an answer about nearly the same data subjects as an earlier one is "
		"refused.",
		"Two groups that differ by fewer subjects than are shown tell of these few. 0 switches "
		"this off.",
		&guc_differencing_window, 86400, 0, INT_MAX, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"privseg.fold_delay",
		"Time between a change of consent and its being folded into the consent pages.",
		"Decisions do not wait for it. -1 switches the worker off.", &guc_fold_delay, 200, -1,
		INT_MAX / 2, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable(
		"privseg.min_group_size",
		"The fewest data subjects of a group that an aggregate-only reader is shown.",
		"For purposes that have no min_group_size of their own.", &guc_min_group_size, 10, 1,
		INT_MAX, PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"privseg.next_root_key_command",
		"Shell command whose output is the root key to rotate to, in hexadecimal.",
		"privseg.rotate_root_key() goes over to it; a standby needs it, too.",
		&guc_next_root_key_command, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	DefineCustomStringVariable(
		"privseg.next_root_key_file", "File that holds the root key to rotate to, in hexadecimal.",
		"Readable by its owner only, and outside the data directory.", &guc_next_root_key_file, "",
		PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	DefineCustomStringVariable("privseg.purpose", "The purpose the session acts under.",
							   "Authorised when it is used, not when it is set.", &guc_purpose, "",
							   PGC_USERSET, 0, NULL, assign_purpose, NULL);

	DefineCustomStringVariable("privseg.root_key_command",
							   "Shell command whose output is the 32-byte root key in hexadecimal.",
							   NULL, &guc_root_key_command, "", PGC_POSTMASTER, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);

	DefineCustomStringVariable(
		"privseg.root_key_file", "File that holds the 32-byte root key in hexadecimal.",
		"Readable by its owner only, and outside the data directory.", &guc_root_key_file, "",
		PGC_POSTMASTER, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);

	DefineCustomBoolVariable("privseg.shredded_is_error",
							 "Makes reading an encrypted value whose key was destroyed an error.",
							 "Otherwise it is NULL, with one warning in a statement.",
							 &guc_shredded_is_error, false, PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable(
		"privseg.unclassified",
		"What is done about columns of protected tables that are not "
		"classified.",
		"deny: nobody uses them, but for the columns that hold subjects' keys.", &guc_unclassified,
		UNCLASSIFIED_ALLOW, unclassified, PGC_SUSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("privseg");
	restrict_settings();
}
