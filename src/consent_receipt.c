/*-------------------------------------------------------------------------
 *
 * consent_receipt.c
 *	  Signed consent receipts, and their verification.
 *
 * A receipt is what a data subject can be given, in the spirit of ISO/IEC TS
 * 27560 and the Kantara consent receipt: the decisions in effect, the records
 * behind them (a hash instead of the evidence; nothing on who of the staff
 * recorded them), and a signature.
 *
 * What is signed is RECEIPT_PREFIX followed by the text of the receipt
 * without its member "signature", as jsonb prints it, in UTF-8.  jsonb keeps
 * members in an order of its own, without duplicates, and prints them in one
 * way, so that a receipt that went through other hands verifies however it
 * was laid out.  Timestamps are text from the start, in ISO 8601, which is how
 * jsonb has them whatever DateStyle is, and in UTC by the function's own SET
 * clause: no session setting has a part in it.  Anyone with the public key
 * can check a receipt outside the server.
 *
 * The receipt is signed here and not by a function of its own, for a function
 * that signs any jsonb would make receipts of anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "consent.h"
#include "crypto.h"
#include "errors.h"

#define RECEIPT_PREFIX "privseg receipt v1\n"
#define RECEIPT_PREFIX_LEN (sizeof(RECEIPT_PREFIX) - 1)

/* the type and version of receipts, also in the receipt itself */
#define RECEIPT_TYPE "privseg consent receipt"
#define RECEIPT_VERSION 1

/*
 * The longest text of a receipt: far above any that is honest, and low enough
 * that conversions of it stay within an allocation.
 */
#define RECEIPT_MAX_TEXT (64 * 1024 * 1024)

#define SIGNATURE_DIGITS (2 * CRYPTO_SIGNATURE_BYTES)
#define PUBLIC_KEY_DIGITS (2 * CRYPTO_PUBLIC_KEY_BYTES)

PG_FUNCTION_INFO_V1(privseg_consent_receipt);
PG_FUNCTION_INFO_V1(privseg_verify_receipt);

/*
 * One query, hence one snapshot for decisions and records.
 * $1 relation, $2 canonical subject, $3 fingerprint, $4 public key, $5 type,
 * $6 version
 */
static const char receipt_query[] =
	"SELECT pg_catalog.jsonb_build_object("
	" 'type', $5, 'version', $6,"
	" 'receipt_id', pg_catalog.gen_random_uuid(),"
	" 'issued_at', pg_catalog.statement_timestamp(),"
	" 'subject_table', (SELECT pg_catalog.quote_ident(n.nspname) || '.' ||"
	"                          pg_catalog.quote_ident(c.relname)"
	"   FROM pg_catalog.pg_class c"
	"   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	"   WHERE c.oid = $1),"
	" 'subject', $2,"
	" 'decisions', (SELECT coalesce(pg_catalog.jsonb_agg("
	"     pg_catalog.jsonb_build_object("
	"      'purpose', s.purpose, 'permitted', s.permitted, 'reason', s.reason,"
	"      'status', s.status, 'record', s.record, 'notice', s.notice,"
	"      'effective_at', s.effective_at, 'expires_at', s.expires_at,"
	"      'explicit', s.explicit)"
	"     ORDER BY s.purpose COLLATE pg_catalog.\"C\"), '[]')"
	"   FROM privseg.consent_status s"
	"   WHERE s.subject_table = $1 AND s.subject = $2),"
	" 'records', (SELECT coalesce(pg_catalog.jsonb_agg("
	"     pg_catalog.jsonb_build_object("
	"      'id', r.id, 'kind', r.kind, 'purpose', r.purpose,"
	"      'status', r.status, 'notice', r.notice, 'method', r.method,"
	"      'effective_at', r.effective_at, 'expires_at', r.expires_at,"
	"      'explicit', r.explicit, 'given_by', r.given_by,"
	"      'recorded_at', r.recorded_at,"
	"      'evidence_sha256', pg_catalog.encode(pg_catalog.sha256("
	"         pg_catalog.convert_to(r.evidence::pg_catalog.text, 'UTF8')), 'hex'))"
	"     ORDER BY r.id), '[]')"
	"   FROM privseg.consent_record r"
	"   WHERE r.subject_table = $1 AND r.subject = $2),"
	" 'key_fingerprint', $3, 'algorithm', 'Ed25519', 'public_key', $4)";

/*
 * Would the text of the receipt stay below the limit?  Counted beforehand,
 * since a few bytes of numeric can print as a hundred thousand digits.
 */
static bool
receipt_text_fits(Jsonb *receipt)
{
	JsonbIterator *it = JsonbIteratorInit(&receipt->root);
	JsonbIteratorToken token;
	JsonbValue value;
	uint64 total = RECEIPT_PREFIX_LEN;

	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		total += 8; /* brackets, separators, literals */
		if (token != WJB_KEY && token != WJB_VALUE && token != WJB_ELEM)
			continue;
		if (value.type == jbvString)
			total += 6 * (uint64) value.val.string.len;
		else if (value.type == jbvNumeric)
		{
			char *digits;

			digits = DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
			total += strlen(digits);
			pfree(digits);
		}
		if (total > RECEIPT_MAX_TEXT)
			return false;
	}
	return true;
}

/*
 * The bytes that are signed, or NULL when the receipt is too long or cannot
 * be had in UTF-8.  The receipt has no member "signature" any more.
 */
static uint8 *
receipt_message(Jsonb *receipt, size_t *len)
{
	StringInfoData text;
	int encoding = GetDatabaseEncoding();
	char *utf8;
	int utf8_len;
	uint8 *message;

	if (!receipt_text_fits(receipt))
		return NULL;

	initStringInfo(&text);
	(void) JsonbToCString(&text, &receipt->root, VARSIZE(receipt));

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
	{
		utf8 = text.data;
		utf8_len = text.len;
		if (!pg_verify_mbstr(PG_UTF8, utf8, utf8_len, true))
			return NULL;
	}
	else
	{
		Oid proc = FindDefaultConversionProc(encoding, PG_UTF8);
		Size size = (Size) text.len * MAX_CONVERSION_GROWTH + 1;

		if (!OidIsValid(proc))
			return NULL;
		utf8 = palloc(size);
		if (pg_do_encoding_conversion_buf(proc, encoding, PG_UTF8, (unsigned char *) text.data,
										  text.len, (unsigned char *) utf8, size, true) != text.len)
			return NULL;
		utf8_len = strlen(utf8);
	}

	*len = RECEIPT_PREFIX_LEN + utf8_len;
	message = palloc(*len);
	memcpy(message, RECEIPT_PREFIX, RECEIPT_PREFIX_LEN);
	memcpy(message + RECEIPT_PREFIX_LEN, utf8, utf8_len);
	return message;
}

/*
 * The receipt without a signature, in the caller's memory context.
 */
static Jsonb *
receipt_build(Oid relation, const char *subject)
{
	char fingerprint[ROOTKEY_FINGERPRINT_HEX + 1];
	uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES];
	char public_key_hex[PUBLIC_KEY_DIGITS + 1];
	Oid types[] = {REGCLASSOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID};
	Datum values[lengthof(types)];
	Datum receipt;
	bool isnull;

	rootkey_fingerprint(fingerprint);
	crypto_public_key(public_key);
	public_key_hex[hex_encode((char *) public_key, sizeof(public_key), public_key_hex)] = '\0';

	values[0] = ObjectIdGetDatum(relation);
	values[1] = CStringGetTextDatum(subject);
	values[2] = CStringGetTextDatum(fingerprint);
	values[3] = CStringGetTextDatum(public_key_hex);
	values[4] = CStringGetTextDatum(RECEIPT_TYPE);
	values[5] = Int32GetDatum(RECEIPT_VERSION);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(receipt_query, lengthof(types), types, values, NULL, true, 0) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "the query of a consent receipt failed");
	receipt = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	Assert(!isnull);
	receipt = SPI_datumTransfer(receipt, false, -1);
	SPI_finish();

	return DatumGetJsonbP(receipt);
}

/*
 * The receipt with the member "signature".
 */
static Datum
receipt_with_signature(Jsonb *receipt, const uint8 *signature)
{
	char digits[SIGNATURE_DIGITS + 1];
	JsonbParseState *state = NULL;
	JsonbValue key;
	JsonbValue value;
	JsonbValue *object;

	hex_encode((const char *) signature, CRYPTO_SIGNATURE_BYTES, digits);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	key.type = jbvString;
	key.val.string.val = "signature";
	key.val.string.len = strlen("signature");
	pushJsonbValue(&state, WJB_KEY, &key);
	value.type = jbvString;
	value.val.string.val = digits;
	value.val.string.len = SIGNATURE_DIGITS;
	pushJsonbValue(&state, WJB_VALUE, &value);
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);

	return DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(receipt),
							   JsonbPGetDatum(JsonbValueToJsonb(object)));
}

/*
 * The signature of a receipt, if it has one of the right form: lower-case
 * digits only, lest one receipt have several texts.
 */
static bool
receipt_signature(Jsonb *receipt, uint8 *signature)
{
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(receipt))
		return false;
	if (getKeyJsonValueFromContainer(&receipt->root, "signature", strlen("signature"), &value) ==
		NULL)
		return false;
	if (value.type != jbvString || value.val.string.len != SIGNATURE_DIGITS)
		return false;

	for (int i = 0; i < SIGNATURE_DIGITS; i++)
	{
		char c = value.val.string.val[i];
		uint8 digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else
			return false;

		if (i % 2 == 0)
			signature[i / 2] = digit << 4;
		else
			signature[i / 2] |= digit;
	}
	return true;
}

/*
 * consent_receipt(subject_table regclass, subject text) RETURNS jsonb
 *
 * Errors: 55000 without a root key, 22P02 when the text is not a key of the
 * table, 42809 when the table is not a subject table, 54000 for a receipt of
 * more than RECEIPT_MAX_TEXT bytes.
 */
Datum
privseg_consent_receipt(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	char *subject;
	Jsonb *receipt;
	uint8 *message;
	size_t len;
	uint8 signature[CRYPTO_SIGNATURE_BYTES];
	uint8 public_key[CRYPTO_PUBLIC_KEY_BYTES];

	rootkey_require();
	subject = subject_key_canonical(relation, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	receipt = receipt_build(relation, subject);

	message = receipt_message(receipt, &len);
	if (message == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("consent receipt cannot be signed"),
			 errdetail(
				 "Its text is longer than %d bytes, or has characters that have no equivalent in UTF-8.",
				 RECEIPT_MAX_TEXT)));

	crypto_sign(message, len, signature, public_key);
	PG_RETURN_DATUM(receipt_with_signature(receipt, signature));
}

/* says so where a receipt names another root key than the one that is loaded */
static void
tell_other_key(Jsonb *receipt)
{
	static const char name[] = "key_fingerprint";
	char fingerprint[ROOTKEY_FINGERPRINT_HEX + 1];
	JsonbValue value;

	if (getKeyJsonValueFromContainer(&receipt->root, name, strlen(name), &value) == NULL ||
		value.type != jbvString)
		return;
	rootkey_fingerprint(fingerprint);
	if (value.val.string.len == ROOTKEY_FINGERPRINT_HEX &&
		memcmp(value.val.string.val, fingerprint, ROOTKEY_FINGERPRINT_HEX) == 0)
		return;
	ereport(NOTICE, (errmsg("the receipt names another root key than the one that is loaded"),
					 errhint("Verify it where the key with its \"key_fingerprint\" is loaded.")));
}

/*
 * verify_receipt(receipt jsonb) RETURNS boolean
 *
 * True only for a receipt as consent_receipt() made it, under this root key; a notice
 * where it names another.
 * Errors: 55000 without a root key, and no other for any input.
 */
Datum
privseg_verify_receipt(PG_FUNCTION_ARGS)
{
	Jsonb *receipt = PG_GETARG_JSONB_P(0);
	uint8 signature[CRYPTO_SIGNATURE_BYTES];
	uint8 *message;
	size_t len;

	rootkey_require();
	if (!receipt_signature(receipt, signature))
		PG_RETURN_BOOL(false);

	tell_other_key(receipt);
	receipt = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(receipt),
												 CStringGetTextDatum("signature")));
	message = receipt_message(receipt, &len);
	if (message == NULL)
		PG_RETURN_BOOL(false);

	PG_RETURN_BOOL(crypto_verify(message, len, signature));
}
