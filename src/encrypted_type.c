/*
 * encrypted_type.c
 *	  The nine encrypted types, and the base type of each.
 */
#include "compat.h"

#include "cache_inval.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

static Oid oids[ENCRYPTED_N_CODES];
static uint64 known_generation = 0;

/* the types come and go with the extension, which its catalog's generation tells */
static void
ensure_oids(void)
{
	while (known_generation != cache_catalog_generation)
	{
		uint64 generation = cache_catalog_generation;
		Oid namespace = get_namespace_oid("privseg", true);

		for (int code = 1; code < ENCRYPTED_N_CODES; code++)
			oids[code] = OidIsValid(namespace) ?
							 GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
											 CStringGetDatum(encrypted_types[code].name),
											 ObjectIdGetDatum(namespace)) :
							 InvalidOid;
		known_generation = generation;
		/* its script makes them one by one */
		if (!OidIsValid(oids[ENCRYPTED_JSONB]))
		{
			known_generation = 0;
			return;
		}
	}
}

/* encrypted_code -- which of ours is the type? */
EncryptedCode
encrypted_code(Oid type)
{
	ensure_oids();
	for (int code = 1; code < ENCRYPTED_N_CODES; code++)
		if (oids[code] == type && OidIsValid(type))
			return code;
	return ENCRYPTED_NONE;
}
