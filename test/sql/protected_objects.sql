-- What protection rests on does not change behind it: columns through parents and
-- types, children, the extension's own tables and functions, roles that may write
-- or read all data.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE objects_owner;
CREATE ROLE objects_analyst;
CREATE ROLE objects_writer IN ROLE pg_write_all_data;
CREATE ROLE objects_reader IN ROLE pg_read_all_data;
CREATE ROLE objects_creator CREATEROLE;
CREATE ROLE objects_importer;
CREATE SCHEMA objects AUTHORIZATION objects_owner;
GRANT ALL ON SCHEMA objects TO PUBLIC;
SELECT privseg.create_purpose('objects_mail', 'consent'), privseg.create_purpose('objects_work', 'contract');
SELECT privseg.grant_clearance('objects_owner', 'objects_mail'), privseg.grant_clearance('objects_analyst', 'objects_mail');
SET ROLE objects_owner;
CREATE TABLE objects.person (id bigint PRIMARY KEY, name text, also bigint);
CREATE TABLE objects.txt (id text PRIMARY KEY, n int);
CREATE TYPE objects.row_type AS (id bigint, name text, also bigint);
CREATE TABLE objects.typed OF objects.row_type (PRIMARY KEY (id));
CREATE TABLE objects.log (id bigint, person_id bigint, note text) PARTITION BY RANGE (id);
CREATE TABLE objects.base (person_id bigint, note text);
INSERT INTO objects.person SELECT i, repeat(CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END, 1000) || i, i FROM generate_series(1, 9) i;
ALTER TABLE objects.person ALTER name SET STORAGE EXTERNAL;
UPDATE objects.person SET name = name || '.';
INSERT INTO objects.txt VALUES ('a', 1), ('b', 2);
INSERT INTO objects.typed SELECT i, 'x', i FROM generate_series(1, 9) i;
GRANT ALL ON ALL TABLES IN SCHEMA objects TO objects_analyst;
RESET ROLE;
SELECT privseg.protect('objects.person', 'id'), privseg.protect('objects.txt', 'id'), privseg.protect('objects.typed', 'id', also_about => '{also}'),
	privseg.protect('objects.log', 'person_id', 'objects.person'), privseg.protect('objects.base', 'person_id', 'objects.person');
SELECT count(privseg.record_consent('objects.person', i, 'objects_mail', 'given')), count(privseg.record_consent('objects.typed', i, 'objects_mail', 'given')) FROM generate_series(1, 5) i;
SELECT privseg.record_consent('objects.txt', 'a', 'objects_mail', 'given') > 0 AS recorded;

-- the key column keeps its name and type, whichever way it is approached
SELECT s AS statement, pg_temp.outcome('objects_owner', 'objects_mail', s) AS owner, pg_temp.outcome('postgres', 'objects_mail', s) AS super FROM unnest(ARRAY[
	'CREATE TABLE objects.par (id bigint, name text, also bigint); ALTER TABLE objects.person INHERIT objects.par; SELECT 1',
	'CREATE TABLE objects.par (id text, n int); ALTER TABLE objects.txt INHERIT objects.par; SELECT 1',
	'CREATE TABLE objects.par (id bigint, person_id bigint, note text) PARTITION BY RANGE (id); ALTER TABLE objects.par ATTACH PARTITION objects.base FOR VALUES FROM (0) TO (9); SELECT 1',
	'CREATE TABLE objects.par (id bigint, person_id bigint, note text) PARTITION BY RANGE (id); ALTER TABLE objects.par ATTACH PARTITION objects.log FOR VALUES FROM (0) TO (9); SELECT 1',
	'CREATE TABLE objects.par () INHERITS (objects.person); CREATE TABLE objects.other (id bigint, name text, also bigint); ALTER TABLE objects.par INHERIT objects.other; SELECT 1',
	'CREATE TABLE objects.par (person_id bigint, note text); ALTER TABLE objects.par INHERIT objects.base; ALTER TABLE objects.par NO INHERIT objects.base; SELECT 1',
	'ALTER TABLE objects.person OF objects.row_type; SELECT 1',
	'ALTER TYPE objects.row_type RENAME ATTRIBUTE id TO x CASCADE; SELECT 1',
	'ALTER TYPE objects.row_type RENAME ATTRIBUTE also TO x CASCADE; SELECT 1',
	'ALTER TYPE objects.row_type ALTER ATTRIBUTE id TYPE int CASCADE; SELECT 1',
	'ALTER TYPE objects.row_type DROP ATTRIBUTE id CASCADE; SELECT 1',
	'ALTER TYPE objects.row_type RENAME ATTRIBUTE name TO title CASCADE; SELECT count(title) FROM objects.typed',
	'ALTER TABLE objects.person RENAME id TO x; SELECT 1',
	'ALTER TABLE objects.person ALTER id TYPE int; SELECT 1',
	'ALTER TABLE objects.person RENAME name TO title; SELECT count(title) FROM objects.person']) s;

-- children that come later are as protected as the rest
SET ROLE objects_owner;
CREATE TABLE objects.log_1 PARTITION OF objects.log FOR VALUES FROM (0) TO (10);
CREATE TABLE objects.log_2 (id bigint, person_id bigint, note text);
INSERT INTO objects.log_2 SELECT i + 10, i, 'x' FROM generate_series(1, 9) i;
PREPARE before AS SELECT count(*) FROM objects.log_2;
EXECUTE before;
ALTER TABLE objects.log ATTACH PARTITION objects.log_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE objects.log_3 PARTITION OF objects.log FOR VALUES FROM (20) TO (40) PARTITION BY RANGE (id);
CREATE TABLE objects.log_3a PARTITION OF objects.log_3 FOR VALUES FROM (20) TO (30);
CREATE TABLE objects.late () INHERITS (objects.base);
CREATE TABLE objects.mid (person_id bigint, note text);
CREATE TABLE objects.leaf () INHERITS (objects.mid);
INSERT INTO objects.leaf SELECT i, 'x' FROM generate_series(1, 9) i;
PREPARE leaf AS SELECT count(*) FROM objects.leaf;
EXECUTE leaf;
ALTER TABLE objects.mid INHERIT objects.base;
SET privseg.purpose = 'objects_mail';
EXECUTE before;
EXECUTE leaf;
RESET privseg.purpose;
RESET ROLE;
SELECT c.relname, relrowsecurity AND relforcerowsecurity AS secured, (SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) AS policies,
	(SELECT string_agg(format('%s/%s', tgname, tgenabled), ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid) AS triggers
FROM pg_class c WHERE relnamespace = 'objects'::regnamespace AND (relname ~ '^log_' OR relname IN ('late', 'mid', 'leaf')) AND relkind IN ('r', 'p') ORDER BY 1;
SELECT status, object, message FROM privseg.check() WHERE area = 'protection' AND object ~ '^objects.(log|base)';
SET row_security = off;
INSERT INTO objects.late VALUES (1, 'x'), (7, 'x');
INSERT INTO objects.log VALUES (1, 1, 'x'), (2, 7, 'x'), (25, 1, 'x'), (26, 7, 'x');
RESET row_security;
SELECT s AS statement, pg_temp.outcome('objects_owner', 'objects_mail', s) AS owner FROM unnest(ARRAY[
	'SELECT count(*) FROM objects.late', 'SELECT count(*) FROM objects.base', 'SELECT count(*) FROM objects.leaf', 'SELECT count(*) FROM objects.log', 'SELECT count(*) FROM objects.log_3a',
	'UPDATE objects.late SET person_id = 2 WHERE person_id = 1 RETURNING person_id', 'UPDATE objects.leaf SET person_id = 7 WHERE person_id = 1 RETURNING person_id',
	'UPDATE objects.log_3a SET person_id = 2 WHERE person_id = 1 RETURNING person_id', 'UPDATE objects.log SET id = 3 WHERE id = 25 RETURNING person_id', 'INSERT INTO objects.late VALUES (7, ''x'') RETURNING person_id']) s;
SELECT privseg.unprotect('objects.log'), privseg.unprotect('objects.base');
SELECT count(*) FILTER (WHERE relrowsecurity OR relforcerowsecurity) AS secured, count(*) FROM pg_class WHERE relnamespace = 'objects'::regnamespace AND (relname ~ '^log' OR relname IN ('base', 'late', 'mid', 'leaf')) AND relkind IN ('r', 'p');
SELECT privseg.protect('objects.log', 'person_id', 'objects.person'), privseg.protect('objects.base', 'person_id', 'objects.person');

-- a subject table's child has no unique index of its parent's: no new subjects there
SET ROLE objects_owner;
CREATE TABLE objects.special () INHERITS (objects.person);
RESET ROLE;
SELECT pg_temp.outcome('objects_owner', 'objects_mail', 'INSERT INTO objects.special VALUES (7, ''second'') RETURNING id') AS hidden,
	pg_temp.outcome('objects_owner', 'objects_mail', 'INSERT INTO objects.special VALUES (70, ''new'') RETURNING id') AS unknown,
	pg_temp.outcome('objects_owner', 'objects_mail', 'INSERT INTO objects.person VALUES (70, ''new'') RETURNING id') AS in_the_table;
SELECT pg_temp.outcome('objects_owner', 'objects_mail', 'SELECT count(*) FROM objects.person') AS both_shown;
-- nor in a table whose own is gone
SELECT pg_temp.outcome('objects_owner', 'objects_mail', 'ALTER TABLE objects.person DROP CONSTRAINT person_pkey; INSERT INTO objects.person VALUES (7, ''second'') RETURNING id') AS hidden;

-- who may write all data writes nothing of this, nor does a superuser by hand
SELECT s AS statement, pg_temp.outcome('objects_writer', 'objects_work', s) AS writer, pg_temp.outcome('postgres', 'objects_mail', s) AS super FROM unnest(ARRAY[
	$$INSERT INTO privseg.clearances (grantee, purpose, category, uses) VALUES ('objects_writer', 'objects_work', NULL, '{}') RETURNING 1$$,
	$$UPDATE privseg.purposes SET legal_basis = 'contract' WHERE name = 'objects_mail' RETURNING 1$$,
	$$DELETE FROM privseg.protected_relations$$, $$DELETE FROM privseg.protection_undo$$, $$DELETE FROM privseg.protected_columns$$,
	$$UPDATE privseg.notices SET material = false$$, $$DELETE FROM privseg.data_categories$$, $$TRUNCATE privseg.clearances$$]) s;
SELECT pg_temp.outcome('objects_writer', 'objects_work', $$INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) VALUES ('objects.person', '7', 'objects_mail', 'given') RETURNING status$$) AS writer;
GRANT INSERT (subject_table, subject, purpose, status) ON privseg.consent_record TO objects_importer;
SELECT pg_temp.outcome('objects_importer', '', $$INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) VALUES ('objects.person', '7', 'objects_mail', 'given'); SELECT 'recorded'$$) AS granted_by_name;
-- a sequence set back does not pass unnoticed
BEGIN;
SELECT setval('privseg.consent_record_id_seq', 1);
SELECT status, object, message FROM privseg.check() WHERE object = 'consent_record_id_seq';
ROLLBACK;
SELECT setval('privseg.consent_record_id_seq', (SELECT max(id) FROM privseg.consent_record)) > 0 AS set_again;

-- who may read all data reads no values where they are stored outside
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'objects.person'::regclass \gset
SELECT replace(pg_temp.outcome(r, 'objects_mail', format(s, :'toast')), :'toast', 'toast') AS outcome, r AS role, s AS statement
FROM unnest('{objects_reader,postgres}'::text[]) r, unnest(ARRAY['SELECT count(*) FROM %s', 'SELECT count(*) FROM %s t, privseg.purpose', 'SELECT count(*) FROM objects.person, %s t', 'SELECT count(*) > 0 FROM (SELECT set_config(''row_security'', ''off'', true)) s, %s t']) s;
SET row_security = off;
SELECT count(*) > 0 AS maintenance FROM :toast;
RESET row_security;

-- the extension's own objects change with the extension only, superusers included
SELECT s AS statement, code FROM unnest(ARRAY[
	'ALTER TABLE privseg.consent_set RENAME TO x', 'ALTER INDEX privseg.consent_set_pkey RENAME TO x', 'ALTER SEQUENCE privseg.consent_record_id_seq RENAME TO x',
	'ALTER TABLE privseg.consent_record SET SCHEMA objects', 'ALTER SCHEMA privseg RENAME TO x', 'ALTER TABLE privseg.consent_record RENAME subject TO x',
	'CREATE OR REPLACE FUNCTION privseg.consent_record_refuse() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NULL; END''',
	'ALTER FUNCTION privseg.grant_clearance(regrole, text, text, text[]) RESET search_path', 'ALTER FUNCTION privseg.row_permitted(bigint, regclass, int) RENAME TO x',
	'CREATE TABLE objects.forged () INHERITS (privseg.consent_record)', 'CREATE TRIGGER x BEFORE DELETE ON privseg.clearances FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'ALTER TABLE privseg.clearances DISABLE TRIGGER catalog_guard', 'ALTER TRIGGER catalog_guard ON privseg.clearances RENAME TO x',
	'CREATE TABLE objects.wide (a int); CREATE TRIGGER x BEFORE INSERT ON objects.wide FOR EACH ROW EXECUTE FUNCTION privseg.consent_record_before(); INSERT INTO objects.wide VALUES (1)',
	'CREATE TABLE objects.ints (a int, b int, c int); CREATE TRIGGER x AFTER INSERT ON objects.ints REFERENCING NEW TABLE AS n FOR EACH ROW EXECUTE FUNCTION privseg.consent_record_after(); INSERT INTO objects.ints VALUES (1, 2, 3)']) s, LATERAL pg_temp.refusal(s);

-- CREATEROLE makes nobody a member of who is cleared
SELECT s AS statement, pg_temp.outcome('objects_creator', '', s || '; SELECT 1') AS creator FROM unnest(ARRAY['GRANT objects_analyst TO objects_creator', 'CREATE ROLE objects_x IN ROLE objects_analyst', 'ALTER GROUP objects_analyst ADD USER objects_creator',
	'CREATE ROLE objects_y; GRANT objects_y TO objects_creator', 'REVOKE objects_analyst FROM objects_creator']) s;
CREATE ROLE objects_nested IN ROLE objects_analyst;
SELECT pg_temp.outcome('objects_creator', '', 'GRANT objects_nested TO objects_creator; SELECT 1') AS nested;
SELECT status, object, message FROM privseg.check() WHERE object = 'objects_creator';

CREATE ROLE objects_auditor IN ROLE privseg_auditor;
SELECT pg_temp.outcome('objects_creator', '', s || '; SELECT 1') AS member_of_ours FROM unnest(ARRAY['GRANT objects_auditor TO objects_creator', 'CREATE ROLE objects_x IN ROLE objects_auditor']) s;

-- names prove nothing: what somebody else made under them is found, and refused
SET ROLE objects_owner;
CREATE TABLE objects.planted (person_id bigint, k int) PARTITION BY LIST (k);
CREATE TABLE objects.planted_1 PARTITION OF objects.planted FOR VALUES IN (1);
CREATE FUNCTION objects.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
RESET ROLE;
SELECT s AS statement, pg_temp.outcome(s || $$; SELECT privseg.protect('objects.planted', 'person_id', 'objects.person'); SELECT 'replaced: ' || bool_and(privseg.policy_is_own(r, p)) FROM unnest('{objects.planted,objects.planted_1}'::regclass[]) r, unnest('{privseg,privseg_library}'::name[]) p$$) AS outcome FROM unnest(ARRAY[
	'CREATE POLICY privseg ON objects.planted USING (true)', 'CREATE POLICY privseg ON objects.planted AS RESTRICTIVE USING (true)', 'CREATE POLICY privseg ON objects.planted AS RESTRICTIVE TO objects_nested USING (privseg.library_is_preloaded())',
	'CREATE POLICY privseg ON objects.planted AS RESTRICTIVE FOR SELECT USING (privseg.library_is_preloaded())', 'CREATE POLICY privseg ON objects.planted AS RESTRICTIVE USING (privseg.library_is_preloaded()) WITH CHECK (true)',
	'CREATE POLICY privseg_library ON objects.planted USING (true)', 'CREATE POLICY privseg_library ON objects.planted_1 USING (true)', 'CREATE POLICY privseg ON objects.planted_1 USING (true)',
	'CREATE TRIGGER privseg_subject_moved AFTER UPDATE ON objects.planted FOR EACH ROW EXECUTE FUNCTION objects.nothing()', 'CREATE TRIGGER privseg_subject_moved_before BEFORE UPDATE ON objects.planted FOR EACH ROW EXECUTE FUNCTION objects.nothing()',
	'CREATE TRIGGER privseg_subject_moved AFTER UPDATE ON objects.planted_1 FOR EACH ROW EXECUTE FUNCTION objects.nothing()']) s;
-- and in a partition that comes later
SELECT privseg.protect('objects.planted', 'person_id', 'objects.person');
SELECT s AS statement, pg_temp.outcome('objects_owner', '', 'CREATE TABLE objects.planted_2 (person_id bigint, k int); ' || s || '; ALTER TABLE objects.planted ATTACH PARTITION objects.planted_2 FOR VALUES IN (2); SELECT 1') AS attached FROM unnest(ARRAY['SELECT 1',
	'CREATE POLICY privseg ON objects.planted_2 AS RESTRICTIVE USING (true)', 'CREATE POLICY privseg_library ON objects.planted_2 USING (true)', 'CREATE TRIGGER privseg_subject_moved AFTER UPDATE ON objects.planted_2 FOR EACH ROW EXECUTE FUNCTION objects.nothing()']) s;
-- what is not ours under our names is a violation
SELECT s AS statement, pg_temp.outcome('SET LOCAL allow_system_table_mods = on; ' || s || $$; SELECT string_agg(status, ',') FROM privseg.check() WHERE area = 'protection' AND object = 'objects.planted'$$) AS status FROM unnest(ARRAY['SELECT 1',
	$$UPDATE pg_policy SET polqual = NULL WHERE polrelid = 'objects.planted_1'::regclass AND polname = 'privseg'$$, $$UPDATE pg_policy SET polcmd = 'a' WHERE polrelid = 'objects.planted_1'::regclass AND polname = 'privseg'$$,
	$$UPDATE pg_policy SET polpermissive = true WHERE polrelid = 'objects.planted_1'::regclass$$, $$DELETE FROM pg_policy WHERE polrelid = 'objects.planted'::regclass AND polname = 'privseg_library'$$,
	$$UPDATE pg_trigger SET tgenabled = 'D' WHERE tgrelid = 'objects.planted_1'::regclass AND tgname = 'privseg_subject_moved'$$, $$UPDATE pg_trigger SET tgname = 'x' WHERE tgrelid = 'objects.planted'::regclass AND tgname = 'privseg_subject_moved_before'$$,
	$$UPDATE pg_trigger SET tgfoid = 'objects.nothing()'::regprocedure WHERE tgrelid = 'objects.planted_1'::regclass AND tgname = 'privseg_subject_moved'$$, $$UPDATE pg_class SET relforcerowsecurity = false WHERE oid = 'objects.planted_1'::regclass$$]) s;

-- no depth of inheritance is too deep
SET ROLE objects_owner;
CREATE TABLE objects.level_0 (person_id bigint);
DO $$ BEGIN FOR i IN 1 .. 130 LOOP EXECUTE format('CREATE TABLE objects.level_%s () INHERITS (objects.level_%s)', i, i - 1); END LOOP; END $$;
INSERT INTO objects.level_130 SELECT i FROM generate_series(1, 9) i;
RESET ROLE;
SELECT privseg.protect('objects.level_0', 'person_id', 'objects.person');
SELECT s AS statement, pg_temp.outcome('objects_owner', 'objects_mail', s) AS owner FROM unnest(ARRAY['SELECT count(*) FROM objects.level_130', 'SELECT count(*) FROM objects.level_0',
	'CREATE TABLE objects.level_131 () INHERITS (objects.level_130); INSERT INTO objects.level_131 VALUES (7) RETURNING 1', 'SELECT count(*) FROM objects.level_101']) s;

-- the extension goes with the schema it was created in, whose owner need not be who may drop it
SELECT s AS statement, (pg_temp.refusal(s)).* FROM unnest(ARRAY['ALTER SCHEMA public OWNER TO objects_owner; SET LOCAL ROLE objects_owner; DROP SCHEMA public CASCADE', 'SET LOCAL ROLE objects_owner; DROP EXTENSION privseg CASCADE']) s;

DROP SCHEMA objects CASCADE;
DROP OWNED BY objects_owner, objects_analyst, objects_writer, objects_reader, objects_creator, objects_importer, objects_nested, objects_auditor;
DROP ROLE objects_owner, objects_analyst, objects_writer, objects_reader, objects_creator, objects_importer, objects_nested, objects_auditor;
