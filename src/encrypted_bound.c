/*
 * encrypted_bound.c
 *	  Values that are of no subject yet, which only the trigger of a protected relation makes
 *	  somebody's: no other table takes them.  They would be opened by whoever asks, and no
 *	  erasure would reach them.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "policy_reviewed.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(are_bound);

/* encrypted_holds -- is a type encrypted, or made of such? */
bool
encrypted_holds(Oid type)
{
	Oid part;
	TupleDesc columns;
	bool result = false;

	if (type < FirstNormalObjectId)
		return false;
	check_stack_depth();
	type = getBaseType(type);
	if (encrypted_code(type) != ENCRYPTED_NONE)
		return true;
	part = type_of_parts(type);
	if (OidIsValid(part))
		return encrypted_holds(part);
	if (get_typtype(type) != TYPTYPE_COMPOSITE)
		return false;
	columns = lookup_rowtype_tupdesc_copy(type, -1);
	for (int i = 0; i < columns->natts && !result; i++)
		result = !TupleDescAttr(columns, i)->attisdropped &&
				 encrypted_holds(TupleDescAttr(columns, i)->atttypid);
	return result;
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

static void
require_elements(Oid element, Datum value)
{
	Datum *elements;
	bool *nulls;
	int n;
	int16 length;
	bool by_value;
	char alignment;

	if (!encrypted_holds(element))
		return;
	get_typlenbyvalalign(element, &length, &by_value, &alignment);
	deconstruct_array(DatumGetArrayTypeP(value), element, length, by_value, alignment, &elements,
					  &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			encrypted_require_bound(element, elements[i]);
}

static void
require_columns(Datum value)
{
	HeapTupleHeader row = DatumGetHeapTupleHeader(value);
	TupleDesc columns =
		lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple;
	Datum *values = palloc(columns->natts * sizeof(Datum));
	bool *nulls = palloc(columns->natts * sizeof(bool));

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, columns, values, nulls);
	for (int i = 0; i < columns->natts; i++)
		if (!nulls[i])
			encrypted_require_bound(TupleDescAttr(columns, i)->atttypid, values[i]);
}

/* encrypted_require_bound -- of a value that is encrypted, or made of such.  Errors: 0A000. */
void
encrypted_require_bound(Oid type, Datum value)
{
	check_stack_depth();
	type = getBaseType(type);
	if (encrypted_code(type) != ENCRYPTED_NONE)
		require_bound(value);
	else if (OidIsValid(get_element_type(type)))
		require_elements(get_element_type(type), value);
	else if (get_typtype(type) == TYPTYPE_COMPOSITE)
		require_columns(value);
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
