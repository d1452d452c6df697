-- What an owner has run, made or locked while rows of everybody are worked on.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE trail_owner;
CREATE ROLE trail_keeper BYPASSRLS IN ROLE trail_owner;
CREATE SCHEMA trail AUTHORIZATION trail_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO trail_owner', current_database()) \gexec
SELECT privseg.create_purpose('trail_mail', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'trail_mail')::text) FROM unnest('{trail_owner,trail_keeper}'::text[]) r;
SET ROLE trail_owner;
CREATE TABLE trail.person (id int PRIMARY KEY, secret text, place point, span numrange, amount numeric);
CREATE TABLE trail.shop (id int PRIMARY KEY);
CREATE TABLE trail.visit (id int PRIMARY KEY, person_id int, shop int REFERENCES trail.shop ON DELETE CASCADE ON UPDATE CASCADE, kind text);
CREATE TABLE trail.event (person_id int, day date, note text) PARTITION BY RANGE (day);
CREATE TABLE trail.event_1 PARTITION OF trail.event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO trail.person SELECT i, 's' || i, point(i, i), numrange(i, i + 1), i FROM generate_series(1, 9) i;
INSERT INTO trail.shop VALUES (1), (2);
INSERT INTO trail.visit SELECT i, i, 1 + (i <> 9)::int, 'k' || i FROM generate_series(1, 9) i;
INSERT INTO trail.event SELECT i, '2026-01-01', 'n' FROM generate_series(1, 9) i;
CREATE TABLE trail.stolen (secret text);
GRANT INSERT ON trail.stolen TO PUBLIC;
-- what an owner left in the table before it was protected
CREATE FUNCTION trail.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
RESET ROLE;
SELECT privseg.protect('trail.person', 'id'), privseg.protect('trail.visit', 'person_id', 'trail.person'), privseg.protect('trail.event', 'person_id', 'trail.person');
SELECT count(privseg.record_consent('trail.person', i, 'trail_mail', 'given')) FROM generate_series(1, 8) i;

-- code that runs while rows are written anew: they lie in a table that has no policy, under a name that can be guessed
SET ROLE trail_owner;
CREATE FUNCTION trail.steals() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO trail.stolen SELECT secret FROM trail.pg_temp_%s WHERE id = 9', 'trail.person'::regclass::oid);
	RETURN 1;
END $$;
CREATE FUNCTION trail.steals_as_reader() RETURNS int LANGUAGE plpgsql SET row_security = on AS $$ BEGIN RETURN trail.steals(); END $$;
CREATE FUNCTION trail.stealing(t text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN trail.steals() = 1; END $$;
CREATE DOMAIN trail.checked AS text CHECK (trail.stealing(value));
CREATE DOMAIN trail.above AS trail.checked;
CREATE DOMAIN trail.filled AS int DEFAULT trail.steals();
CREATE DOMAIN trail.plain AS text DEFAULT 'x' CHECK (length(value) < 10);
CREATE TYPE trail.pair AS (a trail.checked);
RESET ROLE;
SELECT o.owner, s.statement, r.code, CASE WHEN r.code <> '42P01' THEN r.message END AS message FROM unnest('{trail_owner,trail_keeper}'::text[]) WITH ORDINALITY o (owner, i), unnest(ARRAY[
	'ALTER TABLE trail.person ADD g int DEFAULT trail.steals()',
	'ALTER TABLE trail.person ADD g int DEFAULT trail.steals_as_reader()',
	'ALTER TABLE trail.person ADD g trail.checked',
	'ALTER TABLE trail.person ADD g trail.above',
	'ALTER TABLE trail.person ADD g trail.filled',
	'ALTER TABLE trail.person ADD g text DEFAULT ((concat(''(x'', '')'')::trail.pair).a)::text',
	'ALTER TABLE trail.person ADD g xml DEFAULT query_to_xml(''SELECT secret FROM trail.pg_temp_'' || ''trail.person''::regclass::oid, true, true, '''')',
	'ALTER TABLE trail.person ADD g text DEFAULT set_config(''client_min_messages'', ''debug1'', false)',
	'ALTER TABLE trail.event ADD g int DEFAULT trail.steals()',
	'ALTER TABLE trail.person ADD g trail.plain, ADD h timestamptz DEFAULT clock_timestamp(), ADD i uuid DEFAULT gen_random_uuid(), ADD j serial, ADD k text DEFAULT current_user, ADD l int GENERATED ALWAYS AS IDENTITY',
	'CREATE EXTENSION pgcrypto SCHEMA trail; ALTER TABLE trail.person ADD g bytea DEFAULT trail.gen_random_bytes(4)',
	'ALTER TABLE trail.person ADD g int; ALTER TABLE trail.person ALTER g SET DEFAULT trail.steals()',
	'CREATE INDEX ON trail.person USING gist (place)',
	'CREATE INDEX ON trail.person USING spgist (place)',
	'CREATE INDEX ON trail.person USING gist (span)',
	'CREATE INDEX ON trail.person USING spgist (span)',
	'CREATE INDEX ON trail.person USING gist (int4range(id, id + 1))',
	'CREATE INDEX ON trail.person USING brin (amount numeric_minmax_multi_ops)',
	'CREATE INDEX ON trail.person USING brin (amount)',
	'CREATE INDEX ON trail.person USING brin (id int4_minmax_multi_ops)']) WITH ORDINALITY s (statement, j),
	pg_temp.refusal(format('SET LOCAL ROLE %s; SET LOCAL row_security = %s; %s', owner, CASE owner WHEN 'trail_owner' THEN 'on' ELSE 'off' END, statement)) r ORDER BY i, j;
SELECT * FROM trail.stolen;
-- and what was there before is named when the table is protected
SET ROLE trail_owner;
CREATE TABLE trail.late (id int PRIMARY KEY, place point, span numrange, days daterange);
CREATE INDEX late_place ON trail.late USING gist (place);
CREATE INDEX late_span ON trail.late USING gist (span);
CREATE INDEX late_days ON trail.late USING gist (days);
RESET ROLE;
SELECT * FROM privseg.unreviewed_code('trail.late');

-- triggers that only look like those of protection, over the rows of a cascade
SET ROLE trail_owner;
ALTER TABLE trail.visit ADD guess text DEFAULT 'k9';
ALTER TABLE trail.visit ADD wrong text DEFAULT 'k0';
RESET ROLE;
SELECT t.made, c.command, g.*, g.code = w.code AND g.message = w.message AS same FROM unnest(ARRAY[
	'BEFORE DELETE ON trail.visit FOR EACH ROW WHEN (NOT (old.kind IS DISTINCT FROM old.{g})) EXECUTE FUNCTION privseg.subject_moved()',
	'BEFORE UPDATE ON trail.visit FOR EACH ROW WHEN (NOT (old.kind IS DISTINCT FROM old.{g})) EXECUTE FUNCTION privseg.subject_carried()',
	'AFTER UPDATE ON trail.visit FOR EACH ROW WHEN (NOT (old.kind IS DISTINCT FROM old.{g})) EXECUTE FUNCTION privseg.subject_carried()']) WITH ORDINALITY t (made, i),
	unnest(ARRAY['DELETE FROM trail.shop WHERE id = 1', 'UPDATE trail.shop SET id = 7 WHERE id = 1']) WITH ORDINALITY c (command, j),
	pg_temp.refusal(format('SET LOCAL privseg.purpose = trail_mail; SET LOCAL ROLE trail_owner; CREATE TRIGGER t %s; %s', replace(t.made, '{g}', 'guess'), command)) g,
	pg_temp.refusal(format('SET LOCAL privseg.purpose = trail_mail; SET LOCAL ROLE trail_owner; CREATE TRIGGER t %s; %s', replace(t.made, '{g}', 'wrong'), command)) w ORDER BY i, j;

-- checks and partitions' bounds that a cascade asks anew about rows of everybody
SET ROLE trail_owner;
CREATE TABLE trail.word (g text PRIMARY KEY);
CREATE TABLE trail.bound (g text PRIMARY KEY);
INSERT INTO trail.word VALUES ('aa'), ('bb');
INSERT INTO trail.bound VALUES ('aa');
CREATE TABLE trail.asked (id int PRIMARY KEY, secret text, g text DEFAULT 'aa' REFERENCES trail.word ON UPDATE CASCADE ON DELETE SET NULL, twice text GENERATED ALWAYS AS (lower(g)) STORED, h text);
CREATE TABLE trail.parted (id int, person_id int, secret text, g text REFERENCES trail.bound ON UPDATE CASCADE) PARTITION BY RANGE (g, secret);
CREATE TABLE trail.parted_1 PARTITION OF trail.parted FOR VALUES FROM ('aa', minvalue) TO ('ab', minvalue);
INSERT INTO trail.parted SELECT i, i, 's' || i, 'aa' FROM generate_series(1, 9) i;
RESET ROLE;
SELECT privseg.protect('trail.asked', 'id'), privseg.protect('trail.parted', 'person_id', 'trail.person');
SET ROLE trail_owner;
ALTER TABLE trail.asked ADD CHECK (secret <> 'x');
RESET ROLE;
SELECT count(privseg.record_consent('trail.asked', i, 'trail_mail', 'given')) FROM generate_series(1, 8) i;
SELECT privseg.create_purpose('trail_all', 'contract'), privseg.grant_clearance('trail_owner', 'trail_all');
SET ROLE trail_owner;
SET privseg.purpose = 'trail_all';
INSERT INTO trail.asked (id, secret) SELECT i, 's' || i FROM generate_series(1, 9) i;
RESET ROLE;
SET privseg.purpose = 'trail_mail';
SELECT s.made, c.command, r.code, r.message FROM unnest(ARRAY[
	'SELECT 1',
	'ALTER TABLE trail.asked ADD CHECK (g <> secret)',
	'ALTER TABLE trail.asked ADD CHECK (twice <> secret)',
	'ALTER TABLE trail.asked ADD CHECK (g IS NOT NULL OR secret <> ''s9'') NOT VALID']) WITH ORDINALITY s (made, i),
	unnest(ARRAY['UPDATE trail.word SET g = ''s77'' WHERE g = ''aa''', 'UPDATE trail.word SET g = ''s9'' WHERE g = ''aa''', 'DELETE FROM trail.word WHERE g = ''aa''']) WITH ORDINALITY c (command, j),
	pg_temp.refusal(format('SET LOCAL row_security = off; %s; SET LOCAL row_security = on; SET LOCAL ROLE trail_owner; %s', made, command)) r ORDER BY i, j;
SELECT b.bound, r.* FROM unnest('{s9,s91}'::text[]) b (bound), pg_temp.refusal(format('SET LOCAL ROLE trail_owner; DELETE FROM trail.parted; CREATE TABLE trail.parted_2 PARTITION OF trail.parted FOR VALUES FROM (''x'', minvalue) TO (''x'', %L); UPDATE trail.bound SET g = ''x'' WHERE g = ''aa''', bound)) r;
RESET privseg.purpose;

-- sizes, orders, lengths and types that tell
SET ROLE trail_owner;
CREATE TYPE trail.parts AS (a text, b point);
CREATE TYPE trail.span AS RANGE (subtype = float8, subtype_diff = float8div);
CREATE TABLE trail.made (person_id int, secret text, at timestamp, parts trail.parts, big bigint, PRIMARY KEY (secret, person_id));
CREATE UNIQUE INDEX ON trail.made (at);
CREATE TABLE trail.days (person_id int, day date NOT NULL, secret text NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE trail.days_1 PARTITION OF trail.days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO trail.made SELECT i, 's' || i, '2026-01-01 00:00'::timestamp + i * interval '1 day', ROW('s' || i, NULL)::trail.parts, i FROM generate_series(1, 9) i;
INSERT INTO trail.days SELECT i, '2026-01-01', 's' || i FROM generate_series(1, 9) i;
RESET ROLE;
SELECT privseg.protect('trail.made', 'person_id', 'trail.person'), privseg.protect('trail.days', 'person_id', 'trail.person');
SELECT o.owner, s.statement, r.code, r.message FROM unnest('{trail_owner,trail_keeper}'::text[]) WITH ORDINALITY o (owner, i), unnest(ARRAY[
	'CREATE INDEX ON trail.made ((secret || ''s9''))',
	'CREATE INDEX ON trail.made (lower(secret))',
	'CREATE INDEX ON trail.made (parts)',
	'CREATE INDEX ON trail.made USING hash (parts)',
	'ALTER TABLE trail.made ADD s trail.span',
	'ALTER TABLE trail.made ADD s numrange',
	'ALTER TABLE trail.made ALTER at TYPE date',
	'ALTER TABLE trail.made ALTER big TYPE numeric',
	'ALTER TABLE trail.made ALTER big TYPE float8',
	'ALTER TABLE trail.made ALTER secret SET STORAGE PLAIN',
	'ALTER TABLE trail.made ALTER secret SET STORAGE EXTERNAL',
	'ALTER TABLE trail.days ADD PRIMARY KEY (day, secret)',
	'ALTER TABLE trail.days_1 ADD PRIMARY KEY (day, secret)',
	'CLUSTER trail.made USING made_pkey',
	'ALTER TABLE trail.made CLUSTER ON made_pkey',
	'ALTER TABLE trail.made CLUSTER ON made_at_idx',
	'ALTER TABLE trail.made DROP CONSTRAINT made_pkey, ADD CONSTRAINT made_pkey UNIQUE (at), CLUSTER ON made_pkey',
	'CLUSTER trail.person USING person_pkey',
	'CLUSTER trail.visit USING visit_pkey']) WITH ORDINALITY s (statement, j),
	pg_temp.refusal(format('SET LOCAL ROLE %s; SET LOCAL row_security = %s; %s', owner, CASE owner WHEN 'trail_owner' THEN 'on' ELSE 'off' END, statement)) r ORDER BY i, j;

-- tables that the policy reads are locked by nobody but superusers
CREATE DATABASE trail_database OWNER trail_owner;
\c trail_database
SET client_min_messages = warning;
CREATE EXTENSION privseg;
SET ROLE trail_owner;
CREATE TABLE person (id int PRIMARY KEY);
VACUUM (FULL) privseg.consent_page;
RESET ROLE;
SELECT privseg.protect('person', 'id');
SET ROLE trail_owner;
\set VERBOSITY terse
VACUUM FULL;
VACUUM (FULL) person, privseg.consent_delta;
VACUUM FULL privseg.consent_set;
REINDEX DATABASE trail_database;
VACUUM (FULL) person;
VACUUM (FULL off) privseg.consent_page;
REINDEX TABLE person;
RESET ROLE;
VACUUM (FULL) privseg.consent_page;
\c regression
SET client_min_messages = error;
DROP DATABASE trail_database;
DROP SCHEMA trail CASCADE;
DROP OWNED BY trail_owner, trail_keeper;
DROP ROLE trail_owner, trail_keeper;
