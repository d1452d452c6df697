/*
 * crypto_status.c
 *	  What privseg.check() asks about the root key.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "crypto.h"
#include "errors.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(privseg_root_key_status);

/* root_key_status() RETURNS (available, problem, fingerprint) */
Datum
privseg_root_key_status(PG_FUNCTION_ARGS)
{
	TupleDesc descriptor;
	Datum values[4];
	bool nulls[4] = {false, true, true, true};
	char fingerprint[ROOTKEY_FINGERPRINT_HEX + 1];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("function returning record called in context that cannot accept type record")));
	values[0] = BoolGetDatum(rootkey_available());
	if (rootkey_available())
	{
		rootkey_fingerprint(fingerprint);
		values[2] = CStringGetTextDatum(fingerprint);
		nulls[2] = false;
	}
	else
	{
		values[1] = CStringGetTextDatum(rootkey_problem());
		nulls[1] = false;
		values[3] = CStringGetTextDatum(rootkey_remedy());
		nulls[3] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
