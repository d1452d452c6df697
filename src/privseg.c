/*
 * privseg.c
 *	  The library's start: a list of calls.
 */
#include "compat.h"

#include "cache_inval.h"
#include "consent.h"
#include "crypto.h"
#include "errors.h"
#include "guc.h"
#include "hooks.h"
#include "keyring.h"
#include "miscadmin.h"
#include "worker.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/*
 * _PG_init -- refuses unless the postmaster preloads the library: a backend
 * that loaded it later would have run statements without the hooks.
 */
void
_PG_init(void)
{
	KeySource root_key;

	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("privseg must be loaded at server start"),
				 errdetail("Without it protected relations cannot be read."),
				 errhint("Add \"privseg\" to shared_preload_libraries and restart the server.")));

	guc_init();
	crypto_init();
	root_key = (KeySource){guc_root_key_command, "privseg.root_key_command", guc_root_key_file,
						   "privseg.root_key_file"};
	rootkey_load(&root_key, DataDir);
	cache_inval_init();
	consent_shmem_init();
	keyring_shmem_init();
	keyring_new_init();
	hooks_init();
	worker_register();
}
