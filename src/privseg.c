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
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(PRIVSEG_ERR_NOT_READY), errmsg("privseg must be loaded at server start"),
				 errdetail("Without it protected relations cannot be read."),
				 errhint("Add \"privseg\" to shared_preload_libraries and restart the server.")));

	guc_init();
	crypto_init();
	rootkey_load(guc_root_key_command, guc_root_key_file, DataDir);
	cache_inval_init();
	consent_shmem_init();
	hooks_init();
	worker_register();
}
