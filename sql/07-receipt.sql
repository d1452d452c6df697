-- 07-receipt.sql: signed consent receipts
--
-- consent_receipt() reads the records of a subject as the owner of the
-- extension; who may call it is granted here and to nobody else.

CREATE FUNCTION privseg.consent_receipt(subject_table regclass, subject text)
RETURNS jsonb
LANGUAGE c VOLATILE STRICT SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS 'MODULE_PATHNAME', 'privseg_consent_receipt';
COMMENT ON FUNCTION privseg.consent_receipt(regclass, text) IS
'signed receipt of the consent decisions and records of a data subject, whose key is given as text';

CREATE FUNCTION privseg.consent_receipt(subject_table regclass, subject bigint)
RETURNS jsonb
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
RETURN privseg.consent_receipt(subject_table, subject::pg_catalog.text);
COMMENT ON FUNCTION privseg.consent_receipt(regclass, bigint) IS
'signed receipt of the consent decisions and records of a data subject with an integer key';

CREATE FUNCTION privseg.consent_receipt(subject_table regclass, subject uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
RETURN privseg.consent_receipt(subject_table, subject::pg_catalog.text);
COMMENT ON FUNCTION privseg.consent_receipt(regclass, uuid) IS
'signed receipt of the consent decisions and records of a data subject with a uuid key';

-- Not IMMUTABLE: the answer depends on the server's root key.
CREATE FUNCTION privseg.verify_receipt(receipt jsonb)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'privseg_verify_receipt';
COMMENT ON FUNCTION privseg.verify_receipt(jsonb) IS
'whether a consent receipt was signed under this server''s root key and is unchanged since';

GRANT EXECUTE ON FUNCTION
	privseg.consent_receipt(regclass, text),
	privseg.consent_receipt(regclass, bigint),
	privseg.consent_receipt(regclass, uuid),
	privseg.verify_receipt(jsonb)
TO privseg_steward, privseg_auditor;
