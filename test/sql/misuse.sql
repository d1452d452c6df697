-- Misuse of protect(), unprotect(), carry_subject(), classify() and of the
-- tables they protect: each ends in an error that says why, and changes nothing.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA misuse_test;
SELECT privseg.create_purpose('misuse_news', 'consent');
SELECT privseg.create_data_category('misuse.email');
CREATE EXTENSION IF NOT EXISTS file_fdw;
CREATE SERVER misuse_server FOREIGN DATA WRAPPER file_fdw;
CREATE TABLE misuse_test.person (id int PRIMARY KEY, email text, other int, born date, country text);
CREATE TABLE misuse_test.purchase (id int PRIMARY KEY, person_id int REFERENCES misuse_test.person, person_uuid uuid, amount numeric, at timestamptz, note text);
CREATE INDEX ON misuse_test.purchase (person_id);
CREATE VIEW misuse_test.a_view AS SELECT * FROM misuse_test.person;
CREATE MATERIALIZED VIEW misuse_test.a_matview AS SELECT * FROM misuse_test.person;
CREATE SEQUENCE misuse_test.a_sequence;
CREATE TYPE misuse_test.a_type AS (id int);
CREATE FOREIGN TABLE misuse_test.a_foreign_table (id int) SERVER misuse_server OPTIONS (filename '/dev/null');
CREATE TABLE misuse_test.parted (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE misuse_test.part PARTITION OF misuse_test.parted FOR VALUES IN (1);
CREATE TABLE misuse_test.child () INHERITS (misuse_test.person);
CREATE TABLE misuse_test.with_foreign (id int) PARTITION BY LIST (id);
CREATE FOREIGN TABLE misuse_test.foreign_part PARTITION OF misuse_test.with_foreign FOR VALUES IN (1) SERVER misuse_server OPTIONS (filename '/dev/null');
CREATE TABLE misuse_test.no_index (id int, name text);
CREATE TABLE misuse_test.plain_index (id int);
CREATE INDEX ON misuse_test.plain_index (id);
CREATE TABLE misuse_test.partial_index (id int);
CREATE UNIQUE INDEX ON misuse_test.partial_index (id) WHERE id > 0;
CREATE TABLE misuse_test.expression_index (id int);
CREATE UNIQUE INDEX ON misuse_test.expression_index ((id + 0));
CREATE TABLE misuse_test.wide_index (id int, other int, UNIQUE (id, other));
CREATE TABLE misuse_test.deferrable_key (id int UNIQUE DEFERRABLE);
CREATE TABLE misuse_test.deferred_key (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE misuse_test.including_index (id int, other int);
CREATE UNIQUE INDEX ON misuse_test.including_index (id) INCLUDE (other);
CREATE COLLATION misuse_test.folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE misuse_test.folding_key (id text COLLATE misuse_test.folding PRIMARY KEY);
CREATE DOMAIN misuse_test.a_domain AS int;
SELECT privseg.protect('misuse_test.including_index', 'id');
SELECT privseg.unprotect('misuse_test.including_index');

-- everything that protection changes, as one value
CREATE FUNCTION pg_temp.fingerprint() RETURNS text LANGUAGE sql AS $$
	SELECT md5(concat(
		(SELECT string_agg(c::text, ';' ORDER BY c.oid) FROM pg_class c WHERE relnamespace = 'misuse_test'::regnamespace),
		(SELECT string_agg(a::text, ';' ORDER BY a.attrelid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE relnamespace = 'misuse_test'::regnamespace),
		(SELECT string_agg(p::text, ';' ORDER BY p.oid) FROM pg_policy p),
		(SELECT string_agg(t::text, ';' ORDER BY t.oid) FROM pg_trigger t),
		(SELECT string_agg(l::text, ';' ORDER BY l.objoid, l.objsubid) FROM pg_seclabel l),
		(SELECT string_agg(r::text, ';' ORDER BY r::text) FROM privseg.protected_relations r),
		(SELECT string_agg(r::text, ';' ORDER BY r::text) FROM privseg.protected_columns r),
		(SELECT string_agg(r::text, ';' ORDER BY r::text) FROM privseg.protection_undo r),
		(SELECT string_agg(r::text, ';' ORDER BY r::text) FROM privseg.consent_set r),
		(SELECT count(*) FROM privseg.consent_record)))
$$;
SELECT privseg.protect('misuse_test.parted', 'id');
SELECT pg_temp.fingerprint() AS before \gset

-- what cannot be protected, or not so
SELECT s AS call, r.* FROM unnest(ARRAY[
	$$(NULL, 'id')$$, $$('misuse_test.person', NULL)$$, $$('misuse_test.none', 'id')$$, $$(1, 'id')$$,
	$$('misuse_test.person', 'none')$$, $$('misuse_test.person', 'ctid')$$, $$('misuse_test.person', 'tableoid')$$,
	$$('misuse_test.person', 'ID')$$,
	$$('misuse_test.a_view', 'id')$$, $$('misuse_test.a_matview', 'id')$$, $$('misuse_test.a_sequence', 'last_value')$$,
	$$('misuse_test.a_type', 'id')$$, $$('misuse_test.a_foreign_table', 'id')$$, $$('misuse_test.person_pkey', 'id')$$,
	$$('pg_catalog.pg_class', 'oid')$$, $$('information_schema.sql_features', 'feature_id')$$,
	$$('privseg.consent_record', 'subject')$$, $$('privseg.purposes', 'name')$$,
	$$('misuse_test.part', 'id')$$, $$('misuse_test.child', 'id')$$, $$('misuse_test.parted', 'id')$$,
	$$('misuse_test.with_foreign', 'id')$$,
	$$('misuse_test.no_index', 'id')$$, $$('misuse_test.plain_index', 'id')$$, $$('misuse_test.partial_index', 'id')$$,
	$$('misuse_test.expression_index', 'id')$$, $$('misuse_test.wide_index', 'id')$$, $$('misuse_test.deferrable_key', 'id')$$,
	$$('misuse_test.deferred_key', 'id')$$, $$('misuse_test.folding_key', 'id')$$,
	$$('misuse_test.person', 'born')$$, $$('misuse_test.purchase', 'amount', 'misuse_test.parted')$$,
	$$('misuse_test.purchase', 'at', 'misuse_test.parted')$$,
	$$('misuse_test.purchase', 'person_uuid', 'misuse_test.parted')$$, $$('misuse_test.purchase', 'note', 'misuse_test.parted')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.person')$$, $$('misuse_test.purchase', 'person_id', 'misuse_test.part')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.purchase')$$, $$('misuse_test.purchase', 'person_id', 'pg_class')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.parted', also_about => '{none}')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.parted', also_about => '{person_uuid}')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.parted', also_about => '{NULL}')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.parted', also_about => '{{id},{person_id}}')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.parted', null_subject => 'maybe')$$,
	$$('misuse_test.purchase', 'person_id', 'misuse_test.parted', null_subject => NULL)$$,
	$$('misuse_test.person', 'id', residence => 'none')$$, $$('misuse_test.person', 'id', birth_date => 'none')$$]) s,
	LATERAL pg_temp.refusal('SELECT privseg.protect' || s) r;
-- a temporary table goes away with its session, a domain over a key type is not one
CREATE TEMP TABLE misuse_temporary (id misuse_test.a_domain PRIMARY KEY);
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.protect('misuse_temporary', 'id')$$);

SELECT s AS call, r.* FROM unnest(ARRAY[
	$$unprotect(NULL)$$, $$unprotect('misuse_test.person')$$, $$unprotect('misuse_test.part')$$, $$unprotect('misuse_test.a_view')$$, $$unprotect(1)$$,
	$$carry_subject(NULL, 'person_id', 'subject')$$, $$carry_subject('misuse_test.purchase', NULL, 'subject')$$,
	$$carry_subject('misuse_test.purchase', 'person_id', NULL)$$,
	$$carry_subject('misuse_test.purchase', 'person_id', '')$$, $$shred_subject(1, 1)$$, $$fold_consent(1)$$,
	$$carry_subject('misuse_test.purchase', 'none', 'subject')$$, $$carry_subject('misuse_test.purchase', 'amount', 'subject')$$,
	$$carry_subject('misuse_test.purchase', 'person_id', 'subject')$$, $$carry_subject('misuse_test.a_view', 'id', 'subject')$$,
	$$carry_subject('misuse_test.part', 'id', 'subject')$$, $$carry_subject('pg_class', 'relname', 'subject')$$,
	$$classify(NULL, 'email', 'misuse.email')$$, $$classify('misuse_test.person', 'email', 'misuse.email')$$,
	$$classify('misuse_test.parted', NULL, 'misuse.email')$$, $$classify('misuse_test.parted', 'none', 'misuse.email')$$,
	$$classify('misuse_test.parted', 'id', 'misuse.none')$$, $$classify('misuse_test.part', 'id', 'misuse.email')$$,
	$$classify('misuse_test.a_view', 'id', 'misuse.email')$$]) s,
	LATERAL pg_temp.refusal('SELECT privseg.' || s) r;
SELECT pg_temp.fingerprint() = :'before' AS unchanged;

-- a subject column without an index is allowed, and mentioned
SET client_min_messages = notice;
SELECT privseg.protect('misuse_test.no_index', 'id', 'misuse_test.parted');
SET client_min_messages = warning;
SELECT privseg.unprotect('misuse_test.no_index');

-- what protection rests on stays as it is
DROP TABLE misuse_test.child;
DROP MATERIALIZED VIEW misuse_test.a_matview;
SELECT privseg.protect('misuse_test.person', 'id', also_about => '{other}', residence => 'country', birth_date => 'born');
SELECT privseg.protect('misuse_test.purchase', 'person_id', 'misuse_test.person');
SELECT pg_temp.fingerprint() AS before \gset
SELECT s AS statement, r.* FROM unnest(ARRAY[
	$$SELECT privseg.protect('misuse_test.person', 'id')$$,
	$$SELECT privseg.protect('misuse_test.person', 'other', 'misuse_test.parted')$$,
	$$SELECT privseg.unprotect('misuse_test.person')$$,
	$$SELECT privseg.carry_subject('misuse_test.purchase', 'person_id', 'subject')$$,
	$$ALTER TABLE misuse_test.person DROP COLUMN id$$,
	$$ALTER TABLE misuse_test.person DROP COLUMN id CASCADE$$,
	$$ALTER TABLE misuse_test.person DROP COLUMN IF EXISTS other$$,
	$$ALTER TABLE misuse_test.purchase DROP COLUMN person_id$$,
	$$ALTER TABLE misuse_test.parted DROP COLUMN id CASCADE$$,
	$$ALTER TABLE misuse_test.person RENAME COLUMN id TO key$$,
	$$ALTER TABLE misuse_test.person RENAME other TO key$$,
	$$ALTER TABLE ONLY misuse_test.purchase RENAME COLUMN person_id TO key$$,
	$$ALTER TABLE misuse_test.part RENAME COLUMN id TO key$$,
	$$ALTER VIEW misuse_test.person RENAME COLUMN id TO key$$,
	$$ALTER FOREIGN TABLE misuse_test.person RENAME COLUMN id TO key$$,
	$$ALTER TABLE misuse_test.person ALTER COLUMN id TYPE bigint$$,
	$$ALTER TABLE misuse_test.person ALTER other TYPE text USING email$$,
	$$ALTER TABLE misuse_test.purchase ALTER COLUMN person_id TYPE bigint, ADD COLUMN extra int$$,
	$$ALTER TABLE misuse_test.part ALTER COLUMN id TYPE bigint$$,
	$$ALTER TABLE misuse_test.person DISABLE ROW LEVEL SECURITY$$,
	$$ALTER TABLE misuse_test.person NO FORCE ROW LEVEL SECURITY$$,
	$$ALTER TABLE misuse_test.part DISABLE ROW LEVEL SECURITY$$,
	$$ALTER TABLE misuse_test.person DISABLE TRIGGER ALL$$,
	$$ALTER TABLE misuse_test.person DISABLE TRIGGER USER$$,
	$$ALTER TABLE misuse_test.person DISABLE TRIGGER privseg_subject_moved$$,
	$$ALTER TABLE misuse_test.person ENABLE REPLICA TRIGGER privseg_subject_moved$$,
	$$DROP TRIGGER privseg_subject_moved ON misuse_test.person$$,
	$$ALTER TRIGGER privseg_subject_moved ON misuse_test.person RENAME TO other$$,
	$$DROP POLICY privseg ON misuse_test.person$$,
	$$DROP POLICY privseg ON misuse_test.part$$,
	$$ALTER POLICY privseg ON misuse_test.person RENAME TO other$$,
	$$DROP FUNCTION privseg.row_permitted(bigint, regclass, int)$$,
	$$DROP FUNCTION privseg.library_is_preloaded() CASCADE$$,
	$$DROP TYPE misuse_test.a_type, pg_catalog.int4 CASCADE$$,
	$$ALTER TABLE privseg.protected_relations ADD COLUMN x int$$]) s,
	LATERAL pg_temp.refusal(s) r;
SELECT pg_temp.fingerprint() = :'before' AS unchanged;

-- DROP TABLE and everything that drops it stay the owner's right, and leave nothing behind
BEGIN;
SET LOCAL client_min_messages = notice;
DROP TABLE misuse_test.purchase;
SELECT relation FROM privseg.protected_relation WHERE relation::text LIKE 'misuse_test%' ORDER BY relation::text;
DROP TABLE misuse_test.person CASCADE;
SELECT relation FROM privseg.protected_relation WHERE relation::text LIKE 'misuse_test%' ORDER BY relation::text;
SELECT count(*) FROM privseg.protection_undo u WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = u.changed) OR NOT EXISTS (SELECT FROM pg_class WHERE oid = u.relation);
ROLLBACK;
SELECT relation FROM privseg.protected_relation WHERE relation::text LIKE 'misuse_test%' ORDER BY relation::text;

-- labels by hand: their form is checked, and where they may be
SELECT s AS statement, r.* FROM unnest(ARRAY[
	$$SECURITY LABEL FOR privseg ON COLUMN misuse_test.person.email IS 'Email!'$$,
	$$SECURITY LABEL FOR privseg ON COLUMN misuse_test.person.email IS ''$$,
	$$SECURITY LABEL FOR privseg ON COLUMN misuse_test.person.email IS 'a..b'$$,
	$$SECURITY LABEL FOR privseg ON TABLE misuse_test.person IS 'misuse.email'$$,
	$$SECURITY LABEL FOR privseg ON SCHEMA misuse_test IS 'misuse.email'$$,
	$$SECURITY LABEL FOR privseg ON COLUMN privseg.consent_record.subject IS 'misuse.email'$$]) s,
	LATERAL pg_temp.refusal(s) r;

-- a setting that is none, and a purpose that is none, is an error when it is used
SELECT s AS setting, r.code FROM unnest(ARRAY[$$SET privseg.purpose = 'a', 'b'$$, $$SET privseg.purposes = 'a'$$,
	$$SET privseg.root_key_file = '/tmp/x'$$, $$SET privseg.root_key_command = 'id'$$, $$SET privseg.fold_delay = 1$$]) s, LATERAL pg_temp.refusal(s) r;

DROP SCHEMA misuse_test CASCADE;
DROP SERVER misuse_server;
DROP EXTENSION file_fdw;
SELECT privseg.drop_data_category('misuse.email');
SELECT privseg.drop_purpose('misuse_news');
