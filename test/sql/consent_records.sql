-- Consent records: append-only for everyone, completed by the server only, and
-- seen by the next command whichever way they came.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA record_test;
CREATE TABLE record_test.person (id bigint PRIMARY KEY);
CREATE TABLE record_test.member (id uuid PRIMARY KEY);
CREATE TABLE record_test.account (name text PRIMARY KEY);
INSERT INTO record_test.person SELECT generate_series(1, 50);
INSERT INTO record_test.member SELECT md5(i::text)::uuid FROM generate_series(1, 5) i;
INSERT INTO record_test.account VALUES ('42'), ('o''neil'), ('');
CREATE ROLE record_reader;
CREATE ROLE record_steward IN ROLE privseg_steward;
GRANT USAGE ON SCHEMA record_test TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA record_test TO PUBLIC;
SELECT privseg.create_purpose('record_news', 'consent'), privseg.create_purpose('record_ads', 'consent');
SELECT privseg.publish_notice('record notice/eu', '1', 'en', 'b', ARRAY['record_news']) IS NOT NULL AS published;
SELECT privseg.grant_clearance('record_reader', 'record_news');
SELECT privseg.protect('record_test.person', 'id');
SELECT privseg.protect('record_test.member', 'id');
SELECT privseg.protect('record_test.account', 'name');
CREATE FUNCTION record_test.shown() RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('record_reader', 'record_news', 'SELECT string_agg(id::text, '','' ORDER BY id) FROM record_test.person') $$;

-- every form of the subject, untyped literals and parameters too
SELECT s AS subject, pg_temp.outcome(format('SELECT privseg.record_consent(%s, ''record_news'', ''given'') > 0', s)) AS recorded,
	pg_temp.outcome(format('SELECT privseg.permitted(%s, ''record_news'')', s)) AS permitted
FROM unnest(ARRAY[
	$$'record_test.person', 42$$, $$'record_test.person', '42'$$, $$'record_test.person', 42::bigint$$,
	$$'record_test.person', '42'::text$$, $$'record_test.person', 42::smallint$$, $$'record_test.person', ' 42 '$$,
	$$'record_test.person', '+42'$$, $$'record_test.person', '42'::varchar$$, $$'record_test.person', 42::numeric$$,
	$$'record_test.person'::regclass::oid, 42$$,
	$$'record_test.member', md5('1')::uuid$$, $$'record_test.member', md5('1')$$, $$'record_test.member', upper(md5('1'))$$,
	$$'record_test.account', '42'$$, $$'record_test.account', 42$$, $$'record_test.account', 'o''neil'$$, $$'record_test.account', ''$$
]) s;
PREPARE recording AS SELECT privseg.record_consent('record_test.person', $1, 'record_news', 'given') > 0 AS recorded;
BEGIN;
EXECUTE recording('43');
SELECT subject, purpose, status, notice, method, evidence, effective_at = now() AS effective_now, expires_at, explicit,
	given_by, kind, recorded_at = now() AS recorded_now, recorded_by
FROM privseg.consent_record WHERE subject_table = 'record_test.person'::regclass;
ROLLBACK;
DEALLOCATE recording;

-- everything that is given is kept
SELECT privseg.record_consent('record_test.person', 1, 'record_news', 'given', 'record notice/eu/1', 'web form',
	'{"ip": "192.0.2.1"}', '2024-01-02 03:04+00', '2999-01-01 00:00+00', true, 'guardian') IS NOT NULL AS recorded;
SELECT privseg.withdraw_consent('record_test.person', 2, 'record_news') < privseg.withdraw_consent('record_test.person', 2) AS recorded;
SELECT privseg.record_objection('record_test.person', 3, 'record_news') < privseg.record_signal('record_test.person', 3, 'gpc') AS recorded;
SELECT subject, purpose, status, kind, notice, method, evidence, effective_at AT TIME ZONE 'UTC' < '2025-01-01' AS past, expires_at IS NOT NULL AS expires, explicit,
	given_by, recorded_by
FROM privseg.consent_record WHERE subject_table = 'record_test.person'::regclass ORDER BY id;

-- every status: those that permit, those that stop, those that decide nothing
CREATE TEMP TABLE status (n, status) AS SELECT n, s FROM unnest('{requested,request_deferred,given,renewed,refused,expired,withdrawn,
	revoked,invalidated,unknown}'::text[]) WITH ORDINALITY AS s (s, n);
SELECT count(privseg.record_consent('record_test.person', 10 + n, 'record_news', status)) FROM status;
SELECT count(privseg.record_consent('record_test.person', 20 + n, 'record_news', 'given')) FROM status;
SELECT count(privseg.record_consent('record_test.person', 20 + n, 'record_news', status)) FROM status;
SELECT status, privseg.permitted('record_test.person', 10 + n, 'record_news') AS alone,
	privseg.permitted('record_test.person', 20 + n, 'record_news') AS after_given FROM status ORDER BY n;
SELECT record_test.shown();

-- append-only: for the steward, the owner and every superuser, and without triggers too
SET ROLE record_steward;
SELECT s AS statement, r.code FROM unnest(ARRAY[
	$$UPDATE privseg.consent_record SET status = 'given'$$, $$DELETE FROM privseg.consent_record$$, $$TRUNCATE privseg.consent_record$$,
	$$SELECT FROM privseg.consent_record FOR UPDATE$$]) s, LATERAL pg_temp.refusal(s) r;
RESET ROLE;
SELECT s AS statement, r.* FROM unnest(ARRAY[
	$$UPDATE privseg.consent_record SET status = 'given'$$,
	$$UPDATE privseg.consent_record SET status = 'given' WHERE false$$,
	$$DELETE FROM privseg.consent_record$$,
	$$WITH d AS (DELETE FROM privseg.consent_record RETURNING id) SELECT count(*) FROM d$$,
	$$MERGE INTO privseg.consent_record r USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE$$,
	$$TRUNCATE privseg.consent_record$$,
	$$ALTER TABLE privseg.consent_record DISABLE TRIGGER ALL$$,
	$$ALTER TABLE privseg.consent_record DISABLE TRIGGER consent_record_refuse$$,
	$$ALTER TABLE privseg.consent_record ALTER COLUMN status TYPE varchar$$,
	$$ALTER TABLE privseg.consent_record DROP COLUMN evidence$$,
	$$DROP TABLE privseg.consent_record$$,
	$$SET session_replication_role = replica; UPDATE privseg.consent_record SET status = 'given'$$,
	$$SET session_replication_role = replica; DELETE FROM privseg.consent_record$$,
	$$SET session_replication_role = replica; TRUNCATE privseg.consent_record$$,
	$$SET row_security = off; DELETE FROM privseg.consent_record$$,
	$$DELETE FROM privseg.consent_set$$,
	$$UPDATE privseg.consent_page SET members = ''$$,
	$$DELETE FROM privseg.consent_delta$$,
	$$INSERT INTO privseg.consent_delta SELECT * FROM privseg.consent_delta$$,
	$$TRUNCATE privseg.consent_agenda$$,
	$$SET session_replication_role = replica; DELETE FROM privseg.consent_page$$]) s, LATERAL pg_temp.refusal(s) r;

-- id, recorded_at and recorded_by are the server's, whatever is given
SET ROLE record_steward;
SELECT c AS column, (pg_temp.refusal(format($$INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, %I)
	VALUES ('record_test.person', '1', 'record_news', 'given', DEFAULT)$$, c))).code
FROM unnest('{id,recorded_at,recorded_by,kind}'::text[]) c;
RESET ROLE;
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, id, recorded_at, recorded_by)
VALUES ('record_test.person', '5', 'record_news', 'given', -7, '2000-01-01', 'somebody')
RETURNING id > 0 AS id, recorded_at = now() AS recorded_at, recorded_by = session_user AS recorded_by;
ROLLBACK;
-- the session user, not who the function runs as
SET SESSION AUTHORIZATION record_steward;
SELECT privseg.record_consent('record_test.account', 'o''neil', 'record_news', 'refused') IS NOT NULL AS recorded;
RESET SESSION AUTHORIZATION;
SELECT recorded_by FROM privseg.consent_record WHERE subject_table = 'record_test.account'::regclass;
-- a restore keeps them, by a superuser with row_security = off only
BEGIN;
SET LOCAL row_security = off;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, id, recorded_at, recorded_by)
VALUES ('record_test.person', '5', 'record_news', 'given', 1000000000, '2000-01-01 00:00+00', 'somebody')
RETURNING id, recorded_at = '2000-01-01 00:00+00' AS recorded_at, recorded_by;
SET LOCAL row_security = on;
SELECT privseg.permitted('record_test.person', 5, 'record_news');
ROLLBACK;

-- bulk: INSERT and COPY as steward, of many and of none
SET ROLE record_steward;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'record_test.person', i::text, 'record_news', 'given' FROM generate_series(31, 33) i;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'record_test.person', i::text, 'record_news', 'given' FROM generate_series(1, 0) i;
COPY privseg.consent_record (subject_table, subject, purpose, status, notice, method, evidence, effective_at, expires_at) FROM stdin;
record_test.person	34	record_news	given	\N	paper	{"box": 7}	2024-01-01 00:00+00	\N
record_test.person	 035 	record_news	given	record notice/eu/1	\N	\N	\N	2999-01-01 00:00+00
record_test.person	31	record_news	withdrawn	\N	paper	\N	\N	\N
record_test.member	C4CA4238A0B923820DCC509A6F75849B	record_news	given	\N	paper	\N	\N	\N
\.
RESET ROLE;
SELECT subject_table, subject, status, notice, method, evidence, given_by, kind FROM privseg.consent_record
WHERE subject_table::text LIKE 'record_test%' ORDER BY id DESC LIMIT 4;
SELECT record_test.shown();
SELECT privseg.permitted('record_test.member', md5('1')::uuid, 'record_news');
-- above the size that is folded on the spot, and one bad row spoils all of it
BEGIN;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'record_test.person', i::text, 'record_news', CASE WHEN i % 2 = 0 THEN 'given' ELSE 'refused' END FROM generate_series(1, 3000) i;
SELECT record_test.shown();
ROLLBACK;
SELECT record_test.shown();
SELECT code, message FROM pg_temp.refusal($$INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'record_test.person', i::text, 'record_news', CASE WHEN i < 2000 THEN 'given' ELSE 'maybe' END FROM generate_series(1, 2000) i$$);
SELECT record_test.shown();

-- 1 MB of evidence, and not a byte more however it is compressed
SELECT n, (pg_temp.refusal(format($$SELECT privseg.record_consent('record_test.person', 40, 'record_news', 'given', evidence => to_jsonb(repeat('x', %s)))$$, n))).*
FROM unnest(ARRAY[1000000, 1048568, 1048569, 5000000]) n;
SELECT (pg_temp.refusal($$SELECT privseg.record_consent('record_test.person', 40, 'record_news', 'given',
	evidence => (SELECT jsonb_agg(md5(i::text)) FROM generate_series(1, 30000) i))$$)).code;

-- what a record must be
SELECT s AS call, r.* FROM unnest(ARRAY[
	$$record_consent(NULL, 1, 'record_news', 'given')$$,
	$$record_consent('record_test.person', NULL::bigint, 'record_news', 'given')$$,
	$$record_consent('record_test.person', 1, NULL, 'given')$$,
	$$record_consent('record_test.person', 1, 'record_news', NULL)$$,
	$$record_consent('record_test.person', 1, 'record_none', 'given')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'yes')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'GIVEN')$$,
	$$record_consent('record_test.person', 1, 'record_news', '')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'given', 'record notice/eu/2')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'given', 'record notice/eu')$$,
	$$record_consent('record_test.person', 1, 'record_ads', 'given', 'record notice/eu/1')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'given', expires_at => now())$$,
	$$record_consent('record_test.person', 1, 'record_news', 'given', effective_at => '2030-01-02', expires_at => '2030-01-01')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'given', effective_at => 'infinity')$$,
	$$record_consent('record_test.person', 1, 'record_news', 'given', effective_at => '-infinity')$$,
	$$record_consent('record_test.person', 'x', 'record_news', 'given')$$,
	$$record_consent('record_test.person', '', 'record_news', 'given')$$,
	$$record_consent('record_test.person', '1.5', 'record_news', 'given')$$,
	$$record_consent('record_test.person', md5('1')::uuid, 'record_news', 'given')$$,
	$$record_consent('record_test.member', 1, 'record_news', 'given')$$,
	$$record_consent('record_test.none', 1, 'record_news', 'given')$$,
	$$record_consent('pg_class', 1, 'record_news', 'given')$$,
	$$record_objection('record_test.person', 1, NULL)$$,
	$$record_objection('record_test.person', 1, 'record_none')$$,
	$$record_objection('record_test.person', NULL::text, 'record_news')$$,
	$$withdraw_consent('record_test.person', 1, 'record_none')$$,
	$$withdraw_consent('record_test.person', NULL::bigint)$$,
	$$withdraw_consent(NULL, 1)$$,
	$$record_signal('record_test.person', 1, 'dnt')$$,
	$$record_signal('record_test.person', 1, NULL)$$,
	$$permitted('record_test.person', 1, NULL)$$,
	$$permitted('record_test.person', 1, 'record_none')$$,
	$$permitted('record_test.person', NULL::text, 'record_news')$$,
	$$permitted('record_test.person', 'x', 'record_news')$$,
	$$permitted(NULL, 1, 'record_news')$$,
	$$explain_decision('record_test.person', 1, 'record_none')$$,
	$$explain_decision('record_test.person', 'x', 'record_news')$$]) s, LATERAL pg_temp.refusal('SELECT privseg.' || s) r;
SELECT code IN ('22023', '23514') AS refused FROM pg_temp.refusal($$SELECT privseg.record_consent('record_test.person', 1, 'record_news', 'given', given_by => 'staff')$$);
SELECT s AS row, r.code, r.message FROM unnest(ARRAY[
	$$(NULL, '1', 'record_news', 'given', 'consent')$$, $$('record_test.person', NULL, 'record_news', 'given', 'consent')$$,
	$$('record_test.person', '1', NULL, 'given', 'consent')$$, $$('record_test.person', '1', NULL, 'refused', 'objection')$$,
	$$('record_test.person', '1', 'record_news', NULL, 'consent')$$, $$('record_test.person', '1', 'record_news', 'given', 'wish')$$,
	$$('record_test.person', 'one', 'record_news', 'given', 'consent')$$, $$('pg_class', '1', 'record_news', 'given', 'consent')$$,
	$$('record_test.person', '1', 'record_none', 'given', 'consent')$$]) s,
	LATERAL pg_temp.refusal('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, kind) VALUES ' || s) r;

-- a kind that is no consent has a status that says something of it
SELECT kind, string_agg(status, ' ' ORDER BY status) FILTER (WHERE code = 'accepted') AS accepted, string_agg(DISTINCT code, ' ' ORDER BY code) AS codes
FROM unnest('{objection,withdrawal,signal,restriction,erasure}'::text[]) kind,
	unnest('{requested,request_deferred,given,renewed,refused,expired,withdrawn,revoked,invalidated,unknown}'::text[]) status,
	LATERAL pg_temp.refusal(format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, kind) VALUES (''record_test.person'', ''1'', ''record_news'', %L, %L)', status, kind)) r
GROUP BY kind ORDER BY kind;
SELECT code, message, hint FROM pg_temp.refusal($$INSERT INTO privseg.consent_record (subject_table, subject, status, kind) VALUES ('record_test.person', '1', 'given', 'erasure')$$);

-- seen by the next command, unseen when rolled back, whatever added them
BEGIN;
SELECT record_test.shown();
WITH added AS (INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
	VALUES ('record_test.person', '45', 'record_news', 'given') RETURNING id)
SELECT count(*) AS added FROM added;
SELECT record_test.shown();
SAVEPOINT one;
SELECT privseg.withdraw_consent('record_test.person', 45, 'record_news') IS NOT NULL AS withdrawn;
SELECT record_test.shown();
SAVEPOINT two;
SELECT privseg.record_consent('record_test.person', 46, 'record_news', 'given') IS NOT NULL AS recorded;
SELECT record_test.shown();
ROLLBACK TO two;
SELECT record_test.shown();
RELEASE two;
SELECT record_test.shown();
ROLLBACK TO one;
SELECT record_test.shown();
DO $$
DECLARE
	number bigint;
BEGIN
	INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
	VALUES ('record_test.person', '47', 'record_news', 'given') RETURNING id INTO number;
	ASSERT number IS NOT NULL;
	ASSERT record_test.shown() LIKE '%,45,47';
	BEGIN
		PERFORM privseg.record_consent('record_test.person', 48, 'record_news', 'given');
		ASSERT record_test.shown() LIKE '%,45,47,48';
		RAISE EXCEPTION 'undone';
	EXCEPTION WHEN raise_exception THEN
		ASSERT record_test.shown() LIKE '%,45,47';
	END;
END
$$;
SELECT record_test.shown();
ROLLBACK;
SELECT record_test.shown();

-- folding and building anew change no answer
SELECT privseg.fold_consent('record_test.person') >= 0 AS folded;
SELECT record_test.shown();
SELECT privseg.rebuild_consent('record_test.person') >= 0 AS rebuilt;
SELECT record_test.shown();
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.fold_consent('pg_class')$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT code, message, detail FROM pg_temp.refusal($$SELECT privseg.fold_consent()$$);
COMMIT;
BEGIN READ ONLY;
SELECT code FROM unnest(ARRAY['SELECT privseg.fold_consent()', $$SELECT privseg.record_consent('record_test.person', 1, 'record_news', 'given')$$]) s,
	LATERAL pg_temp.refusal(s) r;
SELECT record_test.shown();
COMMIT;

DROP FUNCTION record_test.shown();
SELECT privseg.unprotect('record_test.person');
-- evidence outlives protection, and serves again when it comes back
SELECT count(*) > 20 AS kept FROM privseg.consent_record WHERE subject_table = 'record_test.person'::regclass;
SELECT privseg.protect('record_test.person', 'id');
SELECT pg_temp.outcome('record_reader', 'record_news', 'SELECT string_agg(id::text, '','' ORDER BY id) FROM record_test.person');
DROP SCHEMA record_test CASCADE;
DROP OWNED BY record_reader, record_steward;
DROP ROLE record_reader, record_steward;
