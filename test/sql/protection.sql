-- protect(): which rows are shown, for every key type and every way a table
-- names its subjects.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA protection_test;
CREATE ROLE protection_reader;
GRANT USAGE ON SCHEMA protection_test TO protection_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA protection_test GRANT ALL ON TABLES TO protection_reader;
SELECT privseg.create_purpose('protection_news', 'consent');
SELECT privseg.grant_clearance('protection_reader', 'protection_news');

-- a subject table of every key type, extremes and near-misses among the keys;
-- every second key permits
CREATE TABLE protection_test.key (type text, key text, permits boolean);
INSERT INTO protection_test.key
SELECT type, key, n % 2 = 1
FROM (VALUES
	('smallint', '{-32768,-32767,-1,0,1,2,32766,32767}'::text[]),
	('integer', '{-2147483648,-2147483647,-16385,-1,0,1,16383,16384,2147483646,2147483647}'),
	('bigint', '{-9223372036854775808,-1,0,1,16383,16384,4294967295,4294967296,9223372036854775806,9223372036854775807}'),
	('uuid', '{00000000-0000-0000-0000-000000000000,00000000-0000-0000-0000-000000000001,
		01000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-fffffffffffe,ffffffff-ffff-ffff-ffff-ffffffffffff}'),
	('text', ARRAY['', ' ', 'a', 'A', 'a ', U&'\00e9', U&'e\0301', '1', '01', repeat('x', 3000)]),
	('varchar(60)', ARRAY['', ' ', 'a', 'A', 'a ', U&'\00e9', U&'e\0301', '1', '01', repeat('x', 60)])
) AS types (type, keys), unnest(keys) WITH ORDINALITY AS k (key, n);
CREATE FUNCTION pg_temp.every_key_type() RETURNS TABLE(type text, shown bigint, wrong bigint)
LANGUAGE plpgsql AS $$
BEGIN
	FOR type IN SELECT DISTINCT k.type FROM protection_test.key k ORDER BY 1 LOOP
		EXECUTE format('CREATE TABLE protection_test.person (id %s PRIMARY KEY)', type);
		EXECUTE format('INSERT INTO protection_test.person SELECT key::%s FROM protection_test.key k WHERE k.type = %1$L', type);
		PERFORM privseg.protect('protection_test.person', 'id');
		PERFORM privseg.record_consent('protection_test.person', k.key, 'protection_news',
				CASE WHEN k.permits THEN 'given' ELSE 'refused' END)
		FROM protection_test.key k WHERE k.type = every_key_type.type;
		SET LOCAL ROLE protection_reader;
		SELECT count(*), count(*) FILTER (WHERE NOT k.permits) INTO shown, wrong
		FROM protection_test.person p JOIN protection_test.key k ON k.key = p.id::text AND k.type = every_key_type.type;
		RESET ROLE;
		RETURN NEXT;
		PERFORM privseg.unprotect('protection_test.person');
		DROP TABLE protection_test.person;
	END LOOP;
END
$$;
SET privseg.purpose = 'protection_news';
SELECT e.*, (SELECT count(*) FROM protection_test.key k WHERE k.type = e.type AND k.permits) AS expected
FROM pg_temp.every_key_type() e;

-- subjects 1, 2 and 3 permit, 4, 5 and 6 do not
CREATE TABLE protection_test.person (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO protection_test.person SELECT i, 'person ' || i FROM generate_series(1, 6) i;
SELECT privseg.protect('protection_test.person', 'id');
SELECT count(privseg.record_consent('protection_test.person', i, 'protection_news', 'given')) FROM generate_series(1, 3) i;

-- rows of a child table are their subject's, whatever integer type the key has there
CREATE TABLE protection_test.purchase (id int PRIMARY KEY, person_id bigint, person_small smallint);
CREATE INDEX ON protection_test.purchase (person_id);
INSERT INTO protection_test.purchase SELECT i, NULLIF(i % 7, 0), NULLIF(i % 7, 0) FROM generate_series(1, 70) i;
SELECT privseg.protect('protection_test.purchase', 'person_id', 'protection_test.person');
SET ROLE protection_reader;
SELECT person_id, count(*) FROM protection_test.purchase GROUP BY 1 ORDER BY 1;
-- rows that name nobody are hidden, and cannot be written
SELECT count(*) FROM protection_test.purchase WHERE person_id IS NULL;
SELECT pg_temp.outcome('INSERT INTO protection_test.purchase VALUES (100, NULL) RETURNING id');
RESET ROLE;
SELECT privseg.unprotect('protection_test.purchase');
SELECT privseg.protect('protection_test.purchase', 'person_small', 'protection_test.person', null_subject => 'show');
SET ROLE protection_reader;
-- unless the table is told to show them
SELECT person_small, count(*) FROM protection_test.purchase GROUP BY 1 ORDER BY 1;
SELECT pg_temp.outcome('INSERT INTO protection_test.purchase VALUES (100, NULL) RETURNING id');
RESET ROLE;
SELECT privseg.unprotect('protection_test.purchase');

-- a row that is also about others needs every one of them
CREATE TABLE protection_test.message (id int PRIMARY KEY, sender int, receiver int, copy_to bigint);
CREATE INDEX ON protection_test.message (sender);
INSERT INTO protection_test.message
SELECT row_number() OVER (ORDER BY s, r, c), s, r, c
FROM unnest('{1,4,NULL}'::int[]) s, unnest('{2,5,NULL}'::int[]) r, unnest('{3,6,NULL}'::int[]) c;
SELECT privseg.protect('protection_test.message', 'sender', 'protection_test.person', also_about => '{receiver,copy_to}');
SET ROLE protection_reader;
SELECT sender, receiver, copy_to FROM protection_test.message ORDER BY 1, 2, 3;
SELECT pg_temp.outcome(format('INSERT INTO protection_test.message VALUES (100, %L, %L, %L) RETURNING id', s, r, c)), s, r, c
FROM (VALUES (1, 2, 3), (4, 2, 3), (1, 5, 3), (1, 2, 6), (NULL, 2, 3), (1, NULL, NULL)) v (s, r, c);
SELECT pg_temp.outcome('UPDATE protection_test.message SET receiver = 5 WHERE sender = 1 RETURNING id');
RESET ROLE;
SELECT privseg.unprotect('protection_test.message');
SELECT privseg.protect('protection_test.message', 'sender', 'protection_test.person', also_about => '{receiver,copy_to}',
	null_subject => 'show');
SET ROLE protection_reader;
SELECT sender, receiver, copy_to FROM protection_test.message ORDER BY 1, 2, 3;
RESET ROLE;

-- a subject table whose rows are about their subject and another
CREATE TABLE protection_test.member (id int PRIMARY KEY, sponsor int);
INSERT INTO protection_test.member VALUES (1, NULL), (2, 1), (3, 4), (4, 1), (5, NULL);
SELECT privseg.protect('protection_test.member', 'id', also_about => '{sponsor}');
SELECT count(privseg.record_consent('protection_test.member', i, 'protection_news', 'given')) FROM generate_series(1, 3) i;
SET ROLE protection_reader;
SELECT * FROM protection_test.member ORDER BY id;
-- somebody new, about whom nothing is known, but not at the cost of a sponsor
SELECT s, pg_temp.outcome(format('INSERT INTO protection_test.member VALUES (9, %L) RETURNING id', s)) AS inserted
FROM unnest('{NULL,1,4}'::int[]) s;
RESET ROLE;

-- lines of an order carry the subject of the order
CREATE TABLE protection_test.orders (id int PRIMARY KEY, person_id int NOT NULL REFERENCES protection_test.person);
CREATE INDEX ON protection_test.orders (person_id);
INSERT INTO protection_test.orders SELECT i, i FROM generate_series(1, 6) i;
SELECT privseg.protect('protection_test.orders', 'person_id', 'protection_test.person');
CREATE TABLE protection_test.line (id int PRIMARY KEY, order_id int REFERENCES protection_test.orders ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO protection_test.line SELECT i, NULLIF(i, 7) FROM generate_series(1, 7) i;
SELECT privseg.carry_subject('protection_test.line', 'order_id', 'person_id');
SELECT * FROM protection_test.line ORDER BY id;
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'protection_test.line'::regclass AND attname = 'person_id';
SELECT privseg.protect('protection_test.line', 'person_id', 'protection_test.person');
SET ROLE protection_reader;
SELECT * FROM protection_test.line ORDER BY id;
-- whatever the writer says about the subject
INSERT INTO protection_test.line VALUES (11, 1, 1), (12, 2, 1), (13, 3, NULL) RETURNING *;
SELECT pg_temp.outcome('INSERT INTO protection_test.line VALUES (14, 4, 1) RETURNING person_id') AS hidden_order;
SELECT pg_temp.outcome('INSERT INTO protection_test.line VALUES (14, 99, 1) RETURNING person_id') AS no_order;
SELECT pg_temp.outcome('UPDATE protection_test.line SET order_id = 2 WHERE id = 11 RETURNING id') AS other_subject;
SELECT pg_temp.outcome('UPDATE protection_test.line SET person_id = 2 WHERE id = 11 RETURNING person_id') AS kept;
RESET ROLE;
-- from then on, also when the order gets another number, or the search path is hostile
SET row_security = off;
UPDATE protection_test.orders SET id = 60 WHERE id = 6;
SELECT * FROM protection_test.line WHERE order_id = 60;
RESET row_security;
CREATE SCHEMA protection_decoy;
CREATE TABLE protection_decoy.orders (id int, person_id int);
INSERT INTO protection_decoy.orders SELECT i, 1 FROM generate_series(1, 60) i;
GRANT USAGE ON SCHEMA protection_decoy TO PUBLIC;
GRANT SELECT ON protection_decoy.orders TO PUBLIC;
SET search_path = protection_decoy;
SET ROLE protection_reader;
INSERT INTO protection_test.line VALUES (21, 2) RETURNING *;
SELECT pg_temp.outcome('INSERT INTO protection_test.line VALUES (22, 4) RETURNING person_id') AS hidden_order;
RESET ROLE;
RESET search_path;

-- two subject domains in one statement: each row needs its own subject
CREATE TABLE protection_test.company (id uuid PRIMARY KEY, name text);
INSERT INTO protection_test.company SELECT md5(i::text)::uuid, 'company ' || i FROM generate_series(1, 4) i;
SELECT privseg.protect('protection_test.company', 'id');
SELECT privseg.record_consent('protection_test.company', md5('2')::uuid, 'protection_news', 'given') IS NOT NULL AS recorded;
SET ROLE protection_reader;
SELECT p.name, c.name FROM protection_test.person p, protection_test.company c ORDER BY 1, 2;
SELECT p.name, c.name FROM protection_test.person p FULL JOIN protection_test.company c ON c.name = 'company ' || p.id ORDER BY 1, 2;
-- and a table used twice is policed twice
SELECT a.id, b.id FROM protection_test.person a JOIN protection_test.person b ON b.id = a.id + 2 ORDER BY 1;
SELECT a.id, b.id FROM protection_test.person a LEFT JOIN protection_test.person b ON b.id = a.id + 2 ORDER BY 1;
RESET ROLE;

-- whoever permits one domain's key permits nothing in the other
CREATE TABLE protection_test.patient (id int PRIMARY KEY);
INSERT INTO protection_test.patient SELECT generate_series(1, 6);
SELECT privseg.protect('protection_test.patient', 'id');
SET ROLE protection_reader;
SELECT (SELECT count(*) FROM protection_test.person) AS persons, (SELECT count(*) FROM protection_test.patient) AS patients;
RESET ROLE;

-- dropping a table drops its protection; a child without its domain shows nothing
SELECT privseg.unprotect('protection_test.patient');
DROP TABLE protection_test.patient;
CREATE TABLE protection_test.visit (member_id int);
INSERT INTO protection_test.visit SELECT generate_series(1, 5);
CREATE INDEX ON protection_test.visit (member_id);
SELECT privseg.protect('protection_test.visit', 'member_id', 'protection_test.member');
SET client_min_messages = notice;
DROP TABLE protection_test.member;
SET client_min_messages = warning;
SELECT count(*) FROM privseg.protected_relation WHERE relation::text LIKE 'protection_test.member%';
SELECT pg_temp.outcome('protection_reader', 'protection_news', 'SELECT count(*) FROM protection_test.visit');
SELECT status, area, object, message FROM privseg.check() WHERE object LIKE 'protection_test.visit%' AND status = 'violation';
DROP TABLE protection_test.visit;

-- a table that came alone out of a dump: its policies are there, its protection is not
CREATE TABLE protection_test.alone (id int PRIMARY KEY);
ALTER TABLE protection_test.alone ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY privseg ON protection_test.alone AS RESTRICTIVE USING (privseg.library_is_preloaded());
CREATE POLICY privseg_library ON protection_test.alone USING (NOT privseg.library_is_preloaded());
SECURITY LABEL FOR privseg ON COLUMN protection_test.alone.id IS 'user.id';
SELECT status, area, object, message, hint FROM privseg.check() WHERE object LIKE 'protection_test.alone%';
SELECT privseg.protect('protection_test.alone', 'id');
SELECT status, area, object, message FROM privseg.check() WHERE object LIKE 'protection_test.alone%' AND area = 'protection';
DROP TABLE protection_test.alone;

-- classified by hand: privseg knows it, before protection and after; the owner may only get stricter
CREATE ROLE protection_owner;
GRANT ALL ON SCHEMA protection_test TO protection_owner;
SELECT privseg.create_data_category('protection_' || name, sensitivity, protected)
  FROM (VALUES ('personal', 'personal', false), ('sensitive', 'sensitive', false), ('sex', 'personal', true), ('health', 'special', false),
			   ('race', 'special', true), ('crime', 'criminal_offence', false)) c (name, sensitivity, protected);
SET ROLE protection_owner;
CREATE TABLE protection_test.labelled (id int PRIMARY KEY, a text, b text, c text, d text);
SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.a IS 'protection_personal';
RESET ROLE;
SELECT status, area, object, message, hint FROM privseg.check() WHERE object LIKE 'protection_test.labelled%';
SELECT privseg.protect('protection_test.labelled', 'id');
SET ROLE protection_owner;
SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.b IS 'protection_sex';
SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.c IS 'protection_none';
SELECT column_name, category, sensitivity FROM privseg.protected_column WHERE relation = 'protection_test.labelled'::regclass ORDER BY 1;
SELECT s.statement, pg_temp.refusal('SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.' || s.statement)
  FROM unnest(ARRAY[
	$$a IS NULL$$, $$b IS 'protection_sensitive'$$, $$b IS 'protection_health'$$, $$b IS 'protection_race'$$, $$b IS 'protection_sex'$$,
	$$a IS 'protection_sex'$$, $$a IS 'protection_sensitive'$$, $$a IS 'protection_personal'$$, $$a IS 'protection_crime'$$, $$a IS 'protection_health'$$,
	$$a IS 'protection_none'$$, $$c IS 'protection_crime'$$, $$c IS 'protection_none'$$]) WITH ORDINALITY s (statement, n) ORDER BY n;
SELECT column_name, category, sensitivity FROM privseg.protected_column WHERE relation = 'protection_test.labelled'::regclass ORDER BY 1;
-- a column that only a child has is asked about by nobody
CREATE TABLE protection_test.child (extra text) INHERITS (protection_test.labelled);
SELECT code, message, detail, hint FROM pg_temp.refusal($$SECURITY LABEL FOR privseg ON COLUMN protection_test.child.extra IS 'protection_sensitive'$$);
DROP TABLE protection_test.child;
RESET ROLE;
SELECT status, message FROM privseg.check() WHERE object LIKE 'protection_test.labelled%' ORDER BY 1, 2;
SELECT privseg.classify('protection_test.labelled', 'a', 'protection_personal', 'left(value, 1)');
SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.a IS 'protection_sensitive';
SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.c IS NULL;
SELECT column_name, category, mask FROM privseg.protected_column WHERE relation = 'protection_test.labelled'::regclass ORDER BY 1;
SELECT status, message FROM privseg.check() WHERE object LIKE 'protection_test.labelled%' ORDER BY 1, 2;
BEGIN;
SECURITY LABEL FOR privseg ON COLUMN protection_test.labelled.d IS 'protection_health';
ROLLBACK;
SET client_min_messages = notice;
SELECT privseg.unprotect('protection_test.labelled');
SET client_min_messages = warning;
SELECT count(*) FROM privseg.protected_column WHERE relation = 'protection_test.labelled'::regclass;
SELECT code FROM pg_temp.refusal($$SELECT privseg.drop_data_category('protection_sensitive')$$);
SELECT privseg.classify('protection_test.labelled', 'b', NULL);
SELECT privseg.protect('protection_test.labelled', 'id');
SELECT column_name, category, mask FROM privseg.protected_column WHERE relation = 'protection_test.labelled'::regclass ORDER BY 1;
SELECT privseg.unprotect('protection_test.labelled');
SELECT privseg.classify('protection_test.labelled', 'a', NULL);
SELECT count(*) FROM pg_seclabel WHERE objoid = 'protection_test.labelled'::regclass;
DROP TABLE protection_test.labelled;
-- nor lower by a column that is generated from it, whichever of the two gets its label first
SET ROLE protection_owner;
CREATE TABLE protection_test.made (id int PRIMARY KEY, a text, b text, c text GENERATED ALWAYS AS (lower(b)) STORED);
RESET ROLE;
SELECT privseg.protect('protection_test.made', 'id'), privseg.classify('protection_test.made', 'a', 'protection_sensitive');
SET ROLE protection_owner;
ALTER TABLE protection_test.made ADD COLUMN h text GENERATED ALWAYS AS (a) STORED, ADD COLUMN i text GENERATED ALWAYS AS (lower(COALESCE(b, a))) STORED, ADD COLUMN j text GENERATED ALWAYS AS (b) STORED;
SELECT s.statement, pg_temp.refusal('SECURITY LABEL FOR privseg ON COLUMN protection_test.made.' || s.statement)
  FROM unnest(ARRAY[$$h IS 'protection_personal'$$, $$h IS 'protection_sex'$$, $$h IS 'protection_none'$$, $$h IS 'protection_sensitive'$$, $$h IS 'protection_health'$$, $$i IS 'protection_personal'$$, $$j IS 'protection_personal'$$])
	   WITH ORDINALITY s (statement, n) ORDER BY n;
SECURITY LABEL FOR privseg ON COLUMN protection_test.made.c IS 'protection_personal';
SECURITY LABEL FOR privseg ON COLUMN protection_test.made.b IS 'protection_personal';
SELECT * FROM pg_temp.refusal($$SECURITY LABEL FOR privseg ON COLUMN protection_test.made.b IS 'protection_health'$$);
RESET ROLE;
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.classify('protection_test.made', 'b', 'protection_health')$$);
SELECT privseg.classify('protection_test.made', 'c', NULL), privseg.classify('protection_test.made', 'b', 'protection_health');
-- an administrator may, afterwards, and it is named
SELECT privseg.classify('protection_test.made', 'c', 'protection_personal'), privseg.classify('protection_test.made', 'b', 'protection_health', 'left(value, 1)');
SELECT status, area, object, message, hint FROM privseg.check() WHERE object = 'protection_test.made.c';
SELECT privseg.unprotect('protection_test.made');
DROP TABLE protection_test.made;
SELECT privseg.drop_data_category(name) FROM privseg.data_category WHERE name LIKE 'protection\_%';
DROP OWNED BY protection_owner;
DROP ROLE protection_owner;

-- what lies beside protected tables: copies from before, and tables that were forgotten
CREATE TABLE protection_test.main (id int PRIMARY KEY, n int);
CREATE TABLE protection_test.forgotten (id int PRIMARY KEY, main_id int REFERENCES protection_test.main) PARTITION BY RANGE (id);
CREATE TABLE protection_test.forgotten_1 PARTITION OF protection_test.forgotten FOR VALUES FROM (1) TO (9);
CREATE VIEW protection_test.between AS SELECT * FROM protection_test.main;
CREATE MATERIALIZED VIEW protection_test.copied AS SELECT * FROM protection_test.between;
SELECT privseg.protect('protection_test.main', 'id');
SELECT status, area, object, message, hint FROM privseg.check() WHERE area = 'protection' AND object ~ 'forgotten|copied' ORDER BY object;
CREATE INDEX ON protection_test.forgotten (main_id);
SELECT privseg.protect('protection_test.forgotten', 'main_id', 'protection_test.main');
SELECT status, area, object FROM privseg.check() WHERE area = 'protection' AND object ~ 'forgotten|copied' ORDER BY object;
DROP TABLE protection_test.forgotten, protection_test.main CASCADE;

-- records of a dropped table are of no table: whoever gets its number, here or
-- from a dump, gets no consent with it
CREATE TABLE protection_test.brief (id int PRIMARY KEY);
SELECT privseg.protect('protection_test.brief', 'id');
SELECT count(privseg.record_consent('protection_test.brief', i, 'protection_news', 'given')) FROM generate_series(1, 3) i;
SELECT 'protection_test.brief'::regclass::oid AS number \gset
SELECT privseg.unprotect('protection_test.brief');
DROP TABLE protection_test.brief;
SELECT count(*) FILTER (WHERE subject_table = :number) AS of_the_number, count(*) FILTER (WHERE subject_table = 0) >= 3 AS of_no_table FROM privseg.consent_record;
SELECT count(*) FROM privseg.consent_status WHERE subject_table = 0;
SELECT status, area FROM privseg.check() WHERE message LIKE '%a table that was dropped';
BEGIN;
SET LOCAL row_security = off;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, id, recorded_at, effective_at) VALUES ('4000000000', '1', 'protection_news', 'given', 1000000, now(), now()) RETURNING subject_table;
-- who only maintains is held to what records are
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) VALUES ('protection_test.person', ' 01 ', 'protection_news', 'given') RETURNING '"' || subject || '"' AS subject;
SELECT code FROM pg_temp.refusal($$INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) VALUES ('protection_test.person', '1', 'protection_none', 'given')$$);
ROLLBACK;

-- protection is about relations as they are now, not as an older snapshot shows them
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.protect('protection_test.person', 'id')$$);
ROLLBACK;

DROP SCHEMA protection_test, protection_decoy CASCADE;
SELECT count(*) FROM privseg.protected_relation WHERE relation::text LIKE 'protection%';
DROP OWNED BY protection_reader;
DROP ROLE protection_reader;
