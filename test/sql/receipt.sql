-- Consent receipts: what is in them, and that only untouched ones verify.
-- Errors are shown by their SQLSTATE.
\set VERBOSITY sqlstate
SET client_min_messages = warning;

CREATE SCHEMA receipt_test;
CREATE TABLE receipt_test."Person" (id bigint PRIMARY KEY);
CREATE TABLE receipt_test.member (id uuid PRIMARY KEY);
CREATE TABLE receipt_test.account (name text PRIMARY KEY);
CREATE TABLE receipt_test.plain (id bigint PRIMARY KEY);
INSERT INTO receipt_test."Person" VALUES (1), (2);
INSERT INTO receipt_test.member VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
INSERT INTO receipt_test.account VALUES ('o''neil');

SELECT privseg.create_purpose('receipt_news', 'consent');
SELECT privseg.create_purpose('receipt_ads', 'consent');
SELECT privseg.publish_notice('receipt_notice', '1', 'en', 'We write once a month.',
	ARRAY['receipt_news']) IS NOT NULL AS published;
SELECT privseg.protect('receipt_test."Person"', 'id');
SELECT privseg.protect('receipt_test.member', 'id');
SELECT privseg.protect('receipt_test.account', 'name');

SELECT privseg.record_consent('receipt_test."Person"', 1, 'receipt_news', 'given',
	notice => 'receipt_notice/1', method => 'web', evidence => '{"ip": "192.0.2.7"}',
	effective_at => '2024-03-01 12:00+02', expires_at => 'infinity',
	explicit => true) IS NOT NULL AS recorded;
SELECT privseg.record_consent('receipt_test."Person"', 1, 'receipt_ads', 'refused',
	effective_at => '2024-03-01 12:00+02') IS NOT NULL AS recorded;
SELECT privseg.record_consent('receipt_test.member',
	'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'receipt_news', 'given') IS NOT NULL AS recorded;
SELECT privseg.record_consent('receipt_test.account', 'o''neil'::text, 'receipt_news',
	'given') IS NOT NULL AS recorded;

CREATE TEMP TABLE kept AS
SELECT privseg.consent_receipt('receipt_test."Person"', 1) AS receipt;

-- under another root key
SET client_min_messages = notice;
SELECT privseg.verify_receipt(receipt), privseg.verify_receipt(receipt || '{"key_fingerprint": "00"}') FROM kept;
SET client_min_messages = warning;

-- what is in it
SELECT receipt->>'type' AS type, receipt->>'version' AS version,
	receipt->>'subject_table' AS subject_table, receipt->>'subject' AS subject,
	receipt->>'algorithm' AS algorithm
FROM kept;
SELECT d->>'purpose' AS purpose, d->>'permitted' AS permitted, d->>'status' AS status,
	d->>'notice' AS notice, d->>'effective_at' AS effective_at,
	d->>'expires_at' AS expires_at, d->>'explicit' AS explicit
FROM kept, jsonb_array_elements(receipt->'decisions') d
WHERE d->>'purpose' LIKE 'receipt\_%'
ORDER BY 1;
SELECT r->>'purpose' AS purpose, r->>'status' AS status, r->>'notice' AS notice,
	r->>'method' AS method, r->>'effective_at' AS effective_at,
	r->>'expires_at' AS expires_at, r->>'given_by' AS given_by
FROM kept, jsonb_array_elements(receipt->'records') r
ORDER BY (r->>'id')::bigint;
SELECT receipt->>'key_fingerprint' ~ '^[0-9a-f]{32}$' AS fingerprint,
	receipt->>'public_key' ~ '^[0-9a-f]{64}$' AS public_key,
	receipt->>'signature' ~ '^[0-9a-f]{128}$' AS signature,
	receipt->>'issued_at' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$' AS issued_at
FROM kept;

-- evidence is there as a hash only, and the staff not at all
SELECT receipt::text LIKE '%192.0.2.7%' AS evidence,
	receipt #>> '{records,0,evidence_sha256}' =
		encode(sha256('{"ip": "192.0.2.7"}'), 'hex') AS hash,
	receipt::text LIKE '%recorded_by%' AS staff
FROM kept;

-- every form of the key
SELECT privseg.consent_receipt('receipt_test."Person"', '0001'::text)->>'subject' AS subject,
	privseg.verify_receipt(privseg.consent_receipt('receipt_test."Person"', '1')) AS text_form,
	privseg.verify_receipt(privseg.consent_receipt('receipt_test."Person"', 1)) AS bigint_form;
SELECT privseg.consent_receipt('receipt_test.member',
		'{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'::text)->>'subject' AS subject,
	jsonb_array_length(privseg.consent_receipt('receipt_test.member',
		'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid)->'records') AS records;
SELECT privseg.consent_receipt('receipt_test.account', 'o''neil')->>'subject' AS subject;

-- somebody about whom nothing is recorded
SELECT privseg.consent_receipt('receipt_test."Person"', 2)->'records' AS records,
	privseg.verify_receipt(privseg.consent_receipt('receipt_test."Person"', 2)) AS verified;

-- what does not fit
SELECT privseg.consent_receipt('receipt_test."Person"', 'x');
SELECT privseg.consent_receipt('receipt_test.member', 1);
SELECT privseg.consent_receipt('receipt_test.plain', 1);
SELECT privseg.consent_receipt('receipt_test."Person"', NULL::bigint) IS NULL AS null_subject,
	privseg.consent_receipt(NULL, 1) IS NULL AS null_table;

-- it verifies, however it is laid out and whatever the session's settings are
SELECT privseg.verify_receipt(receipt) AS verified,
	privseg.verify_receipt(jsonb_pretty(receipt)::jsonb) AS laid_out
FROM kept;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'SQL, DMY';
SELECT privseg.verify_receipt(receipt) AS verified,
	privseg.verify_receipt(privseg.consent_receipt('receipt_test."Person"', 1)) AS fresh
FROM kept;
SELECT privseg.consent_receipt('receipt_test."Person"', 1) #>> '{records,0,effective_at}'
	AS effective_at;
RESET timezone;
RESET datestyle;

-- it does not verify with any member removed, changed or added
SELECT count(*) AS members,
	bool_or(privseg.verify_receipt(receipt - key)) AS removed,
	bool_or(privseg.verify_receipt(jsonb_set(receipt, ARRAY[key], 'null'))) AS null,
	bool_or(privseg.verify_receipt(jsonb_set(receipt, ARRAY[key], '"x"'))) AS changed,
	bool_or(privseg.verify_receipt(jsonb_set(receipt, ARRAY[key], jsonb_build_array(value))))
		AS wrapped,
	bool_or(privseg.verify_receipt(receipt || jsonb_build_object(key || ' ', value))) AS added
FROM kept, jsonb_each(receipt);
SELECT path, privseg.verify_receipt(jsonb_set(receipt, path, value)) AS verified
FROM kept, (VALUES
	(ARRAY['decisions', '0', 'permitted'], '"x"'::jsonb),
	(ARRAY['decisions', '1', 'permitted'], '"x"'),
	(ARRAY['records', '0', 'effective_at'], '"2023-03-01T10:00:00+00:00"'),
	(ARRAY['records', '0', 'evidence_sha256'], 'null'),
	(ARRAY['records', '1', 'status'], '"given"'),
	(ARRAY['version'], '1.0'),
	(ARRAY['subject'], '1')) AS changes (path, value);
SELECT privseg.verify_receipt(receipt #- '{records,1}') AS record_removed,
	privseg.verify_receipt(receipt || jsonb_build_object('signature',
		privseg.consent_receipt('receipt_test."Person"', 2)->'signature')) AS other_signature,
	privseg.verify_receipt(receipt || jsonb_build_object('signature',
		upper(receipt->>'signature'))) AS upper_case
FROM kept;

-- malformed input is not an error
SELECT input, privseg.verify_receipt(input::jsonb) AS verified
FROM (VALUES ('null'), ('true'), ('1'), ('"signature"'), ('[]'), ('["signature"]'), ('{}'),
	('{"signature": null}'), ('{"signature": 1}'), ('{"signature": {}}'),
	('{"signature": ""}'), (NULL)) AS inputs (input);
SELECT length, privseg.verify_receipt(jsonb_build_object('signature', repeat(digit, length)))
	AS verified
FROM (VALUES ('0', 127), ('0', 128), ('0', 129), ('f', 128), ('g', 128), (chr(233), 64))
	AS signatures (digit, length);
-- nor is a small one with a text of gigabytes
SELECT privseg.verify_receipt(jsonb_build_object('signature', repeat('0', 128),
	'numbers', (SELECT jsonb_agg(1e131071) FROM generate_series(1, 20000)))) AS verified;

-- who may
SELECT role, has_function_privilege(role, f, 'EXECUTE') AS may, f
FROM unnest(ARRAY['privseg_steward', 'privseg_auditor', 'privseg_reviewer']) role,
	unnest(ARRAY['privseg.consent_receipt(regclass, bigint)',
		'privseg.consent_receipt(regclass, uuid)',
		'privseg.consent_receipt(regclass, text)',
		'privseg.verify_receipt(jsonb)']) f
ORDER BY role, f COLLATE "C";
CREATE ROLE receipt_nobody;
GRANT USAGE ON SCHEMA privseg TO receipt_nobody;
SET ROLE receipt_nobody;
SELECT privseg.verify_receipt('{}');
SELECT privseg.consent_receipt('pg_class', 1);
RESET ROLE;
SET ROLE privseg_steward;
SELECT privseg.verify_receipt(privseg.consent_receipt('pg_class', 1));
RESET ROLE;

REVOKE USAGE ON SCHEMA privseg FROM receipt_nobody;
DROP ROLE receipt_nobody;
