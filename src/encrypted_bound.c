/*
 * encrypted_bound.c
 *	  Values that are of no subject yet, which only the trigger of a protected relation makes
 *	  somebody's: no other table takes them.  They would be opened by whoever asks, and no
 *	  erasure would reach them.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(are_bound);

/* encrypted_holds -- is a type encrypted, or an array of such? */
bool
encrypted_holds(Oid type)
{
	Oid element;

	if (type < FirstNormalObjectId)
		return false;
	type = getBaseType(type);
	if (encrypted_code(type) != ENCRYPTED_NONE)
		return true;
	element = get_element_type(type);
	return OidIsValid(element) && encrypted_code(getBaseType(element)) != ENCRYPTED_NONE;
}

/* encrypted_refuse_unbound -- Errors: 0A000, always */
void
encrypted_refuse_unbound(void)
{
	ereport(ERROR,
			(errcode(PRIVSEG_ERR_SHAPE),
			 errmsg("an encrypted value of no subject is stored in protected relations only"),
			 errdetail("There it becomes one of the subject that its row is about."),
			 errhint("Protect the relation with privseg.protect(), and encrypt its column with "
					 "privseg.encrypt_column()."),
			 errhidecontext(true))); /* COPY's quotes the line, in the server's log */
}

static void
require_bound(Datum value)
{
	struct varlena *stored = (struct varlena *) PG_DETOAST_DATUM_PACKED(value);
	EncryptedHeader header;

	encrypted_header(stored, &header);
	if (!header.bound)
		encrypted_refuse_unbound();
	if ((Pointer) stored != DatumGetPointer(value))
		pfree(stored);
}

/* encrypted_require_bound -- of a value that is encrypted, or an array of such.  Errors: 0A000. */
void
encrypted_require_bound(Oid type, Datum value)
{
	Oid element;
	Datum *elements;
	bool *nulls;
	int n;

	type = getBaseType(type);
	if (encrypted_code(type) != ENCRYPTED_NONE)
	{
		require_bound(value);
		return;
	}
	element = get_element_type(type);
	if (!OidIsValid(element) || encrypted_code(getBaseType(element)) == ENCRYPTED_NONE)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), element, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			require_bound(elements[i]);
}

/* are_bound(VARIADIC "any") RETURNS boolean -- true, or an error */
Datum
are_bound(PG_FUNCTION_ARGS)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (!PG_ARGISNULL(i))
			encrypted_require_bound(get_fn_expr_argtype(fcinfo->flinfo, i), PG_GETARG_DATUM(i));
	PG_RETURN_BOOL(true);
}
