-- Ways around the binding of encrypted values, and what would hold plaintext of them.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE sealed_owner;
CREATE ROLE sealed_writer;
CREATE ROLE sealed_reader;
CREATE ROLE sealed_none;
CREATE SCHEMA sealed AUTHORIZATION sealed_owner;
GRANT USAGE, CREATE ON SCHEMA sealed TO sealed_writer, sealed_reader, sealed_none;
SELECT privseg.create_purpose('sealed_care', 'consent'), privseg.create_data_category('sealed.health');
SELECT privseg.grant_clearance(r::regrole, 'sealed_care') FROM unnest('{sealed_owner,sealed_writer,sealed_reader,sealed_none}'::text[]) r;
SELECT privseg.grant_clearance('sealed_writer', 'sealed_care', 'sealed.health', '{project,filter,write}'), privseg.grant_clearance('sealed_reader', 'sealed_care', 'sealed.health', '{project}');
SET ROLE sealed_owner;
CREATE TABLE sealed.person (id int PRIMARY KEY, note text, other text, name varchar(8), plain int);
CREATE TABLE sealed.visit (id int, person int REFERENCES sealed.person ON DELETE SET NULL, body text) PARTITION BY RANGE (id);
CREATE INDEX ON sealed.visit (person);
CREATE TABLE sealed.visit_1 PARTITION OF sealed.visit FOR VALUES FROM (0) TO (100);
CREATE TABLE sealed.visit_2 PARTITION OF sealed.visit FOR VALUES FROM (100) TO (200);
INSERT INTO sealed.person SELECT i, 'note ' || i, 'other ' || i, 'n' || i, i FROM generate_series(1, 20) i;
INSERT INTO sealed.visit SELECT i, i, 'visit ' || i FROM generate_series(1, 20) i;
GRANT ALL ON ALL TABLES IN SCHEMA sealed TO sealed_writer, sealed_reader, sealed_none;
RESET ROLE;
SELECT privseg.protect('sealed.person', 'id'), privseg.protect('sealed.visit', 'person', 'sealed.person', null_subject => 'show');
SELECT count(privseg.record_consent('sealed.person', i, 'sealed_care', 'given')) FROM generate_series(1, 15) i;
SELECT privseg.encrypt_column('sealed.person', c, 'sealed.health') FROM unnest('{note,other,name}'::name[]) c;
SELECT privseg.encrypt_column('sealed.visit', 'body', 'sealed.health');
SET privseg.purpose = 'sealed_care';

-- what joins the tree is sealed by the same trigger, and has no values that nobody has bound
SET ROLE sealed_owner;
CREATE TABLE sealed.aside (LIKE sealed.person);
CREATE TABLE sealed.part (id int, person int, body privseg.encrypted_text);
CREATE TABLE sealed.tricked (LIKE sealed.part);
CREATE FUNCTION sealed.late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.body := ''late''; RETURN new; END';
CREATE TRIGGER "~zz" BEFORE INSERT ON sealed.tricked FOR EACH ROW EXECUTE FUNCTION sealed.late();
INSERT INTO sealed.part VALUES (250, 1, NULL);
SELECT code, message FROM unnest(ARRAY['CREATE TABLE sealed.kid () INHERITS (sealed.person)', 'ALTER TABLE sealed.aside INHERIT sealed.person',
	'ALTER TABLE sealed.visit ATTACH PARTITION sealed.part FOR VALUES FROM (200) TO (300)', 'ALTER TABLE sealed.visit ATTACH PARTITION sealed.tricked FOR VALUES FROM (300) TO (400)',
	'ALTER TABLE sealed.person ADD COLUMN e privseg.encrypted_text', 'ALTER TABLE sealed.person ADD COLUMN e privseg.encrypted_text[]',
	'ALTER TABLE sealed.person ADD COLUMN e sealed.part', 'ALTER TABLE sealed.person ALTER plain TYPE privseg.encrypted_integer']) s, pg_temp.refusal(s);
TRUNCATE sealed.part;
ALTER TABLE sealed.visit ATTACH PARTITION sealed.part FOR VALUES FROM (200) TO (300);
RESET ROLE;
SELECT tgrelid::regclass, tgenabled FROM pg_trigger WHERE tgfoid = 'privseg.encrypted_row()'::regprocedure AND tgrelid::regclass::text LIKE 'sealed.%' ORDER BY 1;
SELECT code, message, detail FROM pg_temp.refusal($$SELECT privseg.protect('sealed.aside', 'id')$$);
SET row_security = off;
SELECT code FROM pg_temp.refusal('ALTER TABLE sealed.person ADD COLUMN e privseg.encrypted_text');
RESET row_security;

-- a value is rebound by the statement only that has sealed it
CREATE FUNCTION sealed.diagnose(who int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN UPDATE sealed.visit SET body = 'diagnosis of ' || who WHERE id = who; END $$;
ALTER FUNCTION sealed.diagnose OWNER TO sealed_writer;
SET ROLE sealed_none;
SELECT sealed.diagnose(11);
SELECT code FROM pg_temp.refusal('UPDATE sealed.visit SET body = (SELECT body FROM sealed.visit WHERE id = 11) WHERE id = 4');
SET ROLE sealed_writer;
-- who may read it may write what it says
BEGIN;
UPDATE sealed.visit SET body = 'sealed now' WHERE id = 11;
UPDATE sealed.visit SET body = (SELECT body FROM sealed.visit WHERE id = 11) WHERE id = 4 RETURNING body;
ROLLBACK;
SELECT code FROM pg_temp.refusal('WITH u AS (UPDATE sealed.visit SET body = ''x'' WHERE id = 11 RETURNING body) UPDATE sealed.visit v SET body = u.body FROM u WHERE v.id = 4');

-- nothing is written without clearance, not what is the same subject's either
SET ROLE sealed_reader;
CREATE TEMP TABLE old AS SELECT id, note FROM sealed.person;
GRANT SELECT ON old TO sealed_none;
SET ROLE sealed_writer;
UPDATE sealed.person SET note = 'corrected' WHERE id = 5;
SET ROLE sealed_none;
SELECT code, message FROM unnest(ARRAY['UPDATE sealed.person SET note = other WHERE id = 5', 'UPDATE sealed.person p SET note = o.note FROM old o WHERE o.id = p.id AND p.id = 5',
	'INSERT INTO sealed.visit SELECT 90, id, note FROM sealed.person WHERE id = 5', 'UPDATE sealed.person SET note = NULL WHERE id = 5']) s, pg_temp.refusal(s);
-- other columns may change, and rows may go to another partition
UPDATE sealed.person SET plain = 0, note = note WHERE id = 5;
UPDATE sealed.visit SET id = id + 100 WHERE id BETWEEN 5 AND 7;
SET ROLE sealed_reader;
SELECT id, note FROM sealed.person WHERE id = 5;
SELECT tableoid::regclass, id, body FROM sealed.visit WHERE id > 100 ORDER BY id;
-- by the same statement, as a new row, neither as it is nor from another column
SET ROLE sealed_none;
SELECT code FROM unnest(ARRAY['WITH u AS (UPDATE sealed.visit SET id = id WHERE id = 8 RETURNING person, body) INSERT INTO sealed.visit SELECT 58, u.person, u.body FROM u',
	'MERGE INTO sealed.visit v USING (SELECT id, person, body FROM sealed.visit WHERE id = 8) u ON v.id = 59 WHEN NOT MATCHED THEN INSERT VALUES (59, u.person, u.body)']) s, pg_temp.refusal(s);
-- nor copied unopened where the copy's bytes are one's own to look at: how long it is, and whether it is NULL
RESET ROLE;
CREATE ROLE sealed_masked;
GRANT USAGE, CREATE ON SCHEMA sealed TO sealed_masked;
GRANT ALL ON sealed.person, sealed.visit TO sealed_masked;
SELECT privseg.grant_clearance('sealed_masked', 'sealed_care'), privseg.grant_clearance('sealed_masked', 'sealed_care', 'sealed.health', '{mask}');
CREATE TEMP TABLE mine (id int, note privseg.encrypted_text, notes privseg.encrypted_text[]);
CREATE TEMP TABLE mine_not_null (note privseg.encrypted_text NOT NULL);
CREATE FUNCTION pg_temp.measured() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% bytes, null: %', pg_column_size(NEW), NEW.note IS NULL; RETURN NEW; END $$;
CREATE TRIGGER measured BEFORE INSERT OR UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION pg_temp.measured();
CREATE FUNCTION pg_temp.carried() RETURNS SETOF privseg.encrypted_text LANGUAGE sql AS 'SELECT note FROM sealed.person WHERE id = 8';
CREATE FUNCTION pg_temp.looped() RETURNS SETOF privseg.encrypted_text LANGUAGE plpgsql AS $$ DECLARE v privseg.encrypted_text; BEGIN FOR v IN SELECT note FROM sealed.person WHERE id = 8 LOOP RETURN NEXT v; END LOOP; END $$;
GRANT ALL ON mine, mine_not_null TO PUBLIC;
CREATE FUNCTION pg_temp.refused(actor text, statement text, OUT code text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', actor, true);
	SELECT r.code, r.message INTO code, message FROM pg_temp.refusal(statement) r;
	PERFORM set_config('role', 'none', true);
END $$;
SELECT role, s AS statement, code, message FROM unnest('{sealed_none,sealed_masked,sealed_reader}'::text[]) WITH ORDINALITY a (role, n), unnest(ARRAY['INSERT INTO mine SELECT id, note FROM sealed.person WHERE id = 8', 'INSERT INTO mine_not_null SELECT note FROM sealed.person WHERE id = 8',
	'INSERT INTO mine (notes) SELECT ARRAY[note, other] FROM sealed.person WHERE id = 8', 'WITH w AS (SELECT note FROM sealed.person WHERE id = 8) INSERT INTO mine (note) SELECT note FROM (SELECT * FROM w UNION ALL SELECT * FROM w) x',
	'INSERT INTO mine (note) SELECT privseg.unchanged(note, NULL, NULL, ''x'') FROM sealed.person WHERE id = 8', 'INSERT INTO mine (note) SELECT n FROM pg_temp.carried() n', 'INSERT INTO mine (note) SELECT n FROM pg_temp.looped() n',
	'INSERT INTO mine (note) SELECT v.n FROM sealed.person p, LATERAL (VALUES (p.note)) v (n) WHERE p.id = 8', 'UPDATE mine SET note = (SELECT note FROM sealed.person WHERE id = 8)',
	'MERGE INTO mine m USING (SELECT id, note FROM sealed.person WHERE id = 8) u ON m.id = u.id WHEN NOT MATCHED THEN INSERT (id, note) VALUES (u.id, u.note)', 'CREATE TEMP TABLE sealed_copy AS SELECT note FROM sealed.person WHERE id = 8',
	'WITH w AS (UPDATE sealed.person SET plain = plain WHERE id = 8 RETURNING note) INSERT INTO mine (note) SELECT note FROM w']) WITH ORDINALITY s (s, k), pg_temp.refused(role, s) ORDER BY n, k;
DROP TABLE mine, mine_not_null;
-- with a trigger on the way that runs statements
CREATE TABLE sealed.log (id int);
GRANT ALL ON sealed.log TO PUBLIC;
CREATE FUNCTION sealed.logs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO sealed.log VALUES (1); RETURN COALESCE(new, old); END';
CREATE TRIGGER logs BEFORE INSERT OR DELETE ON sealed.visit FOR EACH ROW EXECUTE FUNCTION sealed.logs();
SET ROLE sealed_none;
UPDATE sealed.visit SET id = id + 100 WHERE id = 8;
RESET ROLE;
DROP TRIGGER logs ON sealed.visit;
-- nor where core runs a user's functions as the table's owner
SET ROLE sealed_none;
CREATE TABLE sealed.mine (a int);
INSERT INTO sealed.mine VALUES (1);
CREATE FUNCTION sealed.writes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE sealed.person SET note = 'forged', other = NULL WHERE id = 6; END $$;
CREATE FUNCTION sealed.hides(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM sealed.writes(); RETURN $1; END';
SELECT code, message FROM pg_temp.refusal('CREATE INDEX ON sealed.mine (sealed.hides(a))');
-- a type modifier holds for what comes bound, too; whether it does is for who may read it
RESET ROLE;
CREATE ROLE sealed_blind;
GRANT ALL ON sealed.person TO sealed_blind;
GRANT USAGE ON SCHEMA sealed TO sealed_blind;
SELECT privseg.grant_clearance('sealed_blind', 'sealed_care'), privseg.grant_clearance('sealed_blind', 'sealed_care', 'sealed.health', '{write}');
SET ROLE sealed_blind;
UPDATE sealed.person SET name = 'typed' WHERE id = 10;
SELECT code, message FROM pg_temp.refusal('UPDATE sealed.person SET name = other WHERE id = 10');
SET ROLE sealed_writer;
UPDATE sealed.person SET other = 'too long for it' WHERE id = 2;
SELECT code, message FROM pg_temp.refusal('UPDATE sealed.person SET name = other WHERE id = 2');
UPDATE sealed.person SET name = note WHERE id = 3 RETURNING name;

-- whom a row was about is gone: its values stay whose they were
RESET ROLE;
SET row_security = off;
DELETE FROM sealed.person WHERE id = 9;
RESET row_security;
SET ROLE sealed_reader;
SELECT id, person, body FROM sealed.visit WHERE id = 9;

-- values that are not opened are behind all others, and equal to none: where core allows no NULL
RESET ROLE;
SELECT privseg.shred_subject('sealed.person', 3), privseg.shred_subject('sealed.person', 4);
SET ROLE sealed_writer;
SET client_min_messages = error;
SELECT count(DISTINCT note), (SELECT count(*) FROM (SELECT DISTINCT note FROM sealed.person) x), mode() WITHIN GROUP (ORDER BY note) FROM sealed.person;
SELECT array_position(array_agg(note ORDER BY id), 'note 8') FROM sealed.person;
SELECT note::text FROM sealed.person WHERE id < 6 ORDER BY note;
SET client_min_messages = warning;

-- what would hold plaintext
RESET ROLE;
CREATE FUNCTION sealed.f(privseg.encrypted_text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1::text; END';
SET ROLE sealed_reader;
CREATE TABLE sealed.keep (id int, note privseg.encrypted_text, notes privseg.encrypted_text[]);
INSERT INTO sealed.keep VALUES (1, NULL, NULL);
SELECT code, message FROM pg_temp.refusal('CREATE INDEX ON sealed.keep (notes)');
SELECT code, message FROM unnest(ARRAY['CREATE STATISTICS sealed.s ON (note::text), id FROM sealed.keep', 'CREATE STATISTICS sealed.s ON note, id FROM sealed.keep',
	'CREATE INDEX ON sealed.keep (sealed.f(note))', 'CREATE INDEX ON sealed.keep (id) WHERE sealed.f(note) = ''x''', 'CREATE INDEX ON sealed.keep (note)',
	'ALTER TABLE sealed.keep ADD COLUMN told text GENERATED ALWAYS AS (sealed.f(note)) STORED', 'CREATE TABLE sealed.told (note privseg.encrypted_text, told text GENERATED ALWAYS AS (sealed.f(note)) STORED)']) s, pg_temp.refusal(s);
CREATE TEMP TABLE bound AS SELECT id, ARRAY[note] AS notes FROM sealed.person;
RESET privseg.purpose;
ANALYZE sealed.keep, bound;
SET privseg.purpose = 'sealed_care';
RESET ROLE;
SELECT count(*) FROM pg_statistic WHERE starelid = 'sealed.keep'::regclass AND staattnum = 2;
SET ROLE sealed_owner;
CREATE TABLE sealed.whole (id int PRIMARY KEY, note text, CHECK (whole IS NOT NULL));
CREATE FUNCTION sealed.tells(sealed.whole) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1.note::text; END';
CREATE INDEX whole_idx ON sealed.whole (sealed.tells(whole));
RESET ROLE;
SELECT privseg.protect('sealed.whole', 'id', 'sealed.person');
SELECT code, message, detail FROM pg_temp.refusal($$SELECT privseg.encrypt_column('sealed.whole', 'note', 'sealed.health')$$);

-- an error of COPY does not quote what was to be encrypted
SET ROLE sealed_writer;
\set SHOW_CONTEXT always
COPY sealed.person (id, note) FROM STDIN;
5	a secret line	with too much
\.
COPY sealed.person (id, name) FROM STDIN;
5	a secret too long
\.
\set SHOW_CONTEXT errors
RESET ROLE;

-- the doctor sees where nothing binds values
BEGIN;
SET LOCAL allow_system_table_mods = on;
UPDATE pg_trigger SET tgenabled = 'O' WHERE tgrelid = 'sealed.person'::regclass AND tgname = '~privseg_encrypted';
SELECT status, object, message FROM privseg.check() WHERE area = 'encryption';
ROLLBACK;
SELECT count(*) FROM privseg.check() WHERE area = 'encryption';

-- with the subject table go the keys, and it says so
RESET privseg.purpose;
SET client_min_messages = notice;
DROP TABLE sealed.person CASCADE;
SET client_min_messages = warning;
SELECT code, message, hint FROM pg_temp.refusal($$SELECT privseg.decrypt_column('sealed.visit', 'body')$$);
ALTER TABLE sealed.visit DROP COLUMN body;
SELECT privseg.unprotect('sealed.visit');
SELECT count(*) FROM sealed.visit;

DROP SCHEMA sealed CASCADE;
DROP OWNED BY sealed_owner, sealed_writer, sealed_reader, sealed_none, sealed_blind, sealed_masked;
DROP ROLE sealed_owner, sealed_writer, sealed_reader, sealed_none, sealed_blind, sealed_masked;
