/*
 * encrypted_io.c
 *	  Input, output and casts of the encrypted types.
 *
 * Ordinary roles write and read the base type's text.  The stored bytes, as armour, are for
 * dumps and replication: they come out where values are handed on unopened, and go in there
 * only.  Elsewhere a text that looks like armour is refused: whoever types it may mean either.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "encrypted.h"
#include "errors.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(encrypted_in);
PG_FUNCTION_INFO_V1(encrypted_out);
PG_FUNCTION_INFO_V1(encrypted_unopened);
PG_FUNCTION_INFO_V1(encrypted_recv);
PG_FUNCTION_INFO_V1(encrypted_send);

static EncryptedCode
require_code(Oid type)
{
	EncryptedCode code = encrypted_code(type);

	if (code == ENCRYPTED_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("type %u is not encrypted", type)));
	return code;
}

/* stored bytes that come in as text: only where values are handed on; never encrypted again */
static bytea *
from_armour(const char *text, size_t len, EncryptedCode code)
{
	if (!encrypted_passes_unopened())
		ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("a value may not begin as an encrypted one does"),
						errhint("A superuser who restores a dump sets row_security = off.")));
	return encrypted_from_armour(text, len, code);
}

/* encrypted_in(cstring, oid, int) -- the type is the second argument */
Datum
encrypted_in(PG_FUNCTION_ARGS)
{
	char *text = PG_GETARG_CSTRING(0);
	EncryptedCode code = require_code(PG_GETARG_OID(1));
	int32 typmod = PG_GETARG_INT32(2);
	Oid function;
	Oid parameter;
	Datum plain;

	if (encrypted_is_armour(text, strlen(text)))
		PG_RETURN_BYTEA_P(from_armour(text, strlen(text), code));
	getTypeInputInfo(encrypted_types[code].base, &function, &parameter);
	plain = OidInputFunctionCall(function, text, parameter, -1);
	PG_RETURN_BYTEA_P(encrypted_from_base(code, encrypted_fit_base(code, plain, typmod, false)));
}

/* encrypted_out(encrypted) -- the base type's text, or armour */
Datum
encrypted_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	EncryptedHeader header;
	EncryptedOpened opened;
	Oid function;
	bool varies;
	char *text;

	encrypted_header(value, &header);
	if (encrypted_passes_unopened())
		PG_RETURN_CSTRING(encrypted_armour(value));
	/* what is not opened has no text; whoever selects it is given NULL by its cast */
	if (!encrypted_open(value, header.code, USE_PROJECT, &opened))
		PG_RETURN_CSTRING(pstrdup(""));
	getTypeOutputInfo(encrypted_types[header.code].base, &function, &varies);
	text = OidOutputFunctionCall(function, opened.value);
	encrypted_close(&opened);
	PG_RETURN_CSTRING(text);
}

/* unopened(encrypted) -- armour, where values pass unopened; NULL elsewhere */
Datum
encrypted_unopened(PG_FUNCTION_ARGS)
{
	if (!encrypted_passes_unopened() ||
		encrypted_code(get_fn_expr_argtype(fcinfo->flinfo, 0)) == ENCRYPTED_NONE)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(encrypted_armour(PG_GETARG_VARLENA_PP(0))));
}

/* encrypted_recv(internal, oid, int) -- the base type's binary form, or the stored bytes */
Datum
encrypted_recv(PG_FUNCTION_ARGS)
{
	StringInfo buffer = (StringInfo) PG_GETARG_POINTER(0);
	EncryptedCode code = require_code(PG_GETARG_OID(1));
	int32 typmod = PG_GETARG_INT32(2);
	const char *bytes = buffer->data + buffer->cursor;
	int len = buffer->len - buffer->cursor;
	Oid function;
	Oid parameter;
	Datum plain;

	if (encrypted_is_armour(bytes, len))
	{
		buffer->cursor = buffer->len;
		PG_RETURN_BYTEA_P(from_armour(bytes, len, code));
	}
	getTypeBinaryInputInfo(encrypted_types[code].base, &function, &parameter);
	plain = OidReceiveFunctionCall(function, buffer, parameter, -1);
	PG_RETURN_BYTEA_P(encrypted_from_base(code, encrypted_fit_base(code, plain, typmod, false)));
}

/* encrypted_send(encrypted) */
Datum
encrypted_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	EncryptedHeader header;
	EncryptedOpened opened;
	Oid function;
	bool varies;
	bytea *result;

	encrypted_header(value, &header);
	if (encrypted_passes_unopened())
	{
		StringInfoData buffer;
		char *armour = encrypted_armour(value);

		pq_begintypsend(&buffer);
		pq_sendbytes(&buffer, armour, strlen(armour));
		PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
	}
	if (!encrypted_open(value, header.code, USE_PROJECT, &opened))
		ereport(ERROR, (errcode(PRIVSEG_ERR_DENIED),
						errmsg("an encrypted value that may not be opened has no binary form"),
						errhint("Cast it to %s, which gives NULL.",
								format_type_be(encrypted_types[header.code].base))));
	getTypeBinaryOutputInfo(encrypted_types[header.code].base, &function, &varies);
	result = OidSendFunctionCall(function, opened.value);
	encrypted_close(&opened);
	PG_RETURN_BYTEA_P(result);
}

/* ---- type modifiers: those of varchar and numeric; 2: a smallint ---- */

#define SMALLINT_TYPMOD 2

/*
 * encrypted_fit_base -- a value of the base type, made to fit a type modifier.
 *	explicit	a cast that was written: a text is cut off
 * Errors: as the base type's.
 */
Datum
encrypted_fit_base(EncryptedCode code, Datum value, int32 typmod, bool explicit)
{
	if (typmod < 0)
		return value;
	switch (code)
	{
		case ENCRYPTED_TEXT:
			return OidFunctionCall3(F_VARCHAR_VARCHAR_INT4_BOOL, value, Int32GetDatum(typmod),
									BoolGetDatum(explicit));
		case ENCRYPTED_NUMERIC:
			return OidFunctionCall2(F_NUMERIC_NUMERIC_INT4, value, Int32GetDatum(typmod));
		case ENCRYPTED_INTEGER:
			if (typmod == SMALLINT_TYPMOD)
				(void) OidFunctionCall1(F_INT2_INT4, value);
			return value;
		default:
			return value;
	}
}

PG_FUNCTION_INFO_V1(encrypted_integer_typmod_in);
PG_FUNCTION_INFO_V1(encrypted_integer_typmod_out);

/* encrypted_integer_typmod_in(cstring[]) -- encrypted_integer(2) holds a smallint */
Datum
encrypted_integer_typmod_in(PG_FUNCTION_ARGS)
{
	int n;
	int32 *modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1 || modifiers[0] != SMALLINT_TYPMOD)
		ereport(ERROR, (errcode(PRIVSEG_ERR_BAD_ARGUMENT),
						errmsg("the type modifier of encrypted_integer is 2, for a smallint")));
	PG_RETURN_INT32(modifiers[0]);
}

/* encrypted_integer_typmod_out(int) */
Datum
encrypted_integer_typmod_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(psprintf("(%d)", PG_GETARG_INT32(0)));
}

/* ---- casts: one function a type, for its name says the type ---- */

/* what a value is opened for */
static int
uses_of_call(FunctionCallInfo fcinfo, const struct varlena *value)
{
	/* what nobody has looked at, is shown; see encrypted_open_for() */
	int uses = PG_NARGS() > 1 ? PG_GETARG_INT32(1) : USE_PROJECT;
	EncryptedHeader header;

	if (likely((uses & OPENED_CONFLICT) == 0))
		return uses;
	encrypted_header(value, &header);
	return header.bound && sealed_as_typed(fcinfo->flinfo->fn_mcxt, &header) ?
			   OPENED_TYPED :
			   uses & ~OPENED_CONFLICT;
}

static Datum
to_base(FunctionCallInfo fcinfo, EncryptedCode code)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	EncryptedOpened opened;
	Datum result;

	if (!encrypted_open(value, code, uses_of_call(fcinfo, value), &opened))
	{
		PG_FREE_IF_COPY(value, 0);
		PG_RETURN_NULL();
	}
	/* in memory of its own */
	if (encrypted_types[code].by_value)
		return opened.value;
	if (opened.large != NULL)
		return opened.value;
	result = PointerGetDatum(palloc(VARSIZE(opened.room.bytes)));
	memcpy(DatumGetPointer(result), opened.room.bytes, VARSIZE(opened.room.bytes));
	PG_FREE_IF_COPY(value, 0);
	return result;
}

/* a base type's value, a type modifier, whether the cast is explicit */
static Datum
from_base(FunctionCallInfo fcinfo, EncryptedCode code)
{
	Datum plain = PG_GETARG_DATUM(0);

	if (code == ENCRYPTED_TEXT)
	{
		text *given = DatumGetTextPP(plain);

		if (encrypted_is_armour(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given)))
			PG_RETURN_BYTEA_P(from_armour(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), code));
	}
	plain = encrypted_fit_base(code, plain, PG_GETARG_INT32(1), PG_GETARG_BOOL(2));
	PG_RETURN_BYTEA_P(encrypted_from_base(code, plain));
}

/* an encrypted value made to fit a type modifier; one that is bound has been */
static Datum
fit(FunctionCallInfo fcinfo, EncryptedCode code)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	EncryptedHeader header;
	EncryptedOpened opened;
	bytea *result;

	encrypted_header(value, &header);
	if (header.bound || PG_GETARG_INT32(1) < 0 ||
		!encrypted_open(value, code, USE_PROJECT, &opened))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	result = encrypted_from_base(
		code, encrypted_fit_base(code, opened.value, PG_GETARG_INT32(1), PG_GETARG_BOOL(2)));
	encrypted_close(&opened);
	PG_RETURN_BYTEA_P(result);
}

#define CASTS(name, code)                           \
	PG_FUNCTION_INFO_V1(encrypted_##name##_open);   \
	Datum encrypted_##name##_open(PG_FUNCTION_ARGS) \
	{                                               \
		return to_base(fcinfo, code);               \
	}                                               \
	PG_FUNCTION_INFO_V1(encrypted_##name##_seal);   \
	Datum encrypted_##name##_seal(PG_FUNCTION_ARGS) \
	{                                               \
		return from_base(fcinfo, code);             \
	}                                               \
	PG_FUNCTION_INFO_V1(encrypted_##name##_fit);    \
	Datum encrypted_##name##_fit(PG_FUNCTION_ARGS)  \
	{                                               \
		return fit(fcinfo, code);                   \
	}                                               \
	extern int no_such_variable

CASTS(text, ENCRYPTED_TEXT);
CASTS(numeric, ENCRYPTED_NUMERIC);
CASTS(bigint, ENCRYPTED_BIGINT);
CASTS(integer, ENCRYPTED_INTEGER);
CASTS(double, ENCRYPTED_DOUBLE);
CASTS(date, ENCRYPTED_DATE);
CASTS(timestamptz, ENCRYPTED_TIMESTAMPTZ);
CASTS(boolean, ENCRYPTED_BOOLEAN);
CASTS(jsonb, ENCRYPTED_JSONB);
