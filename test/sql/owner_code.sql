-- DDL on protected relations: definitions that would run an owner's code over rows of
-- everybody, or whose failure would tell of one, are refused; the rest works. Whoever
-- may bypass row security does anything after SET row_security = off.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE code_owner;
CREATE ROLE code_keeper BYPASSRLS IN ROLE code_owner;
CREATE SCHEMA code AUTHORIZATION code_owner;
SELECT privseg.create_purpose('code_mail', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'code_mail')::text) FROM unnest('{code_owner,code_keeper}'::text[]) r;
CREATE EXTENSION citext SCHEMA code;
SELECT format('GRANT CREATE ON DATABASE %I TO code_owner', current_database()) \gexec
SET ROLE code_owner;
CREATE DOMAIN code.d AS int;
CREATE DOMAIN code.d2 AS code.d;
CREATE DOMAIN code.other AS int;
CREATE TYPE code.mood AS ENUM ('good', 'bad');
CREATE TABLE code.person (id bigint PRIMARY KEY, name text, short varchar(20), n int, m int NOT NULL DEFAULT 0, at timestamp, price numeric(8,2), doc jsonb, mood code.mood, ci code.citext, dom code.d2);
CREATE TABLE code.event (person_id bigint, day date, kind text) PARTITION BY LIST (kind);
CREATE TABLE code.event_a PARTITION OF code.event FOR VALUES IN ('a');
CREATE TABLE code.event_rest PARTITION OF code.event DEFAULT;
CREATE TABLE code.empty (person_id bigint, n int);
CREATE TABLE code.base (person_id bigint, n int);
CREATE TABLE code.kid () INHERITS (code.base);
CREATE TABLE code.plain (id bigint PRIMARY KEY, n int, dom code.other);
INSERT INTO code.person SELECT i, 'n' || i, 's' || i, i, i, '2026-01-01', i, '{}', 'good', 'c' || i, i FROM generate_series(1, 9) i;
INSERT INTO code.event SELECT i, '2026-01-01', CASE WHEN i > 5 THEN 'hidden' ELSE 'a' END FROM generate_series(1, 9) i;
INSERT INTO code.kid SELECT i, i FROM generate_series(1, 9) i;
INSERT INTO code.plain SELECT i, i, i FROM generate_series(1, 9) i;
CREATE FUNCTION code.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION code.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION code.of(code.person) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.n';
RESET ROLE;
SELECT privseg.protect('code.person', 'id');
SELECT privseg.protect(('code.' || t)::regclass, 'person_id', 'code.person') FROM unnest('{event,empty,base}'::text[]) t;
SELECT count(privseg.record_consent('code.person', i, 'code_mail', 'given')) FROM generate_series(1, 5) i;

CREATE FUNCTION pg_temp.keeper(statement text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.outcome('postgres', '', 'SET LOCAL row_security = off; ' || $1 || '; SELECT ''done''') $$;
CREATE FUNCTION pg_temp.defines(statement text, OUT statement text, OUT owner text, OUT super text, OUT keeper_off text) LANGUAGE sql AS $$
	SELECT $1, pg_temp.outcome('code_owner', '', $1 || '; SELECT ''done'''), pg_temp.outcome('postgres', '', $1 || '; SELECT ''done'''), pg_temp.keeper($1) $$;
-- expressions
SELECT d.* FROM unnest(ARRAY[
	'CREATE INDEX ON code.person (lower(name))', 'CREATE INDEX ON code.person (left(name, 3), n) WHERE m > 3 AND name LIKE ''a%''', 'CREATE INDEX ON code.person ((doc ->> ''a''))', 'CREATE INDEX ON code.person (date_trunc(''day'', at))', 'CREATE INDEX ON code.person USING gin (doc)',
	'CREATE INDEX ON code.person (ci)', 'CREATE INDEX ON code.event (kind)', 'CREATE INDEX ON code.person (code.f(name))', 'CREATE INDEX ON code.person (id) WHERE code.f(n) = 1', 'CREATE INDEX ON code.person ((1 / n))', 'CREATE INDEX ON code.person ((name::int))', 'CREATE INDEX ON code.person (code.of(person))',
	'CREATE INDEX ON code.event (code.f(kind))', 'CREATE INDEX ON code.event_a (code.f(kind))', 'CREATE INDEX ON code.kid (code.f(n))', 'CREATE UNIQUE INDEX ON code.person (name)', 'CREATE UNIQUE INDEX ON code.person (lower(name))', 'CREATE UNIQUE INDEX ON code.person ((true)) WHERE id IN (1, 7) AND n > 6',
	'ALTER TABLE code.person ADD UNIQUE (name)', 'ALTER TABLE code.person ADD EXCLUDE (name WITH =)', 'ALTER TABLE code.person ADD EXCLUDE (code.f(name) WITH =)', 'CREATE INDEX ON code.plain (code.f(n))',
	'CREATE STATISTICS code.s ON name, n FROM code.person', 'CREATE STATISTICS code.s ON lower(name), n FROM code.person', 'CREATE STATISTICS code.s ON (code.f(name)) FROM code.person', 'CREATE STATISTICS code.s ON (code.f(kind)) FROM code.event_a',
	'ALTER TABLE code.person ADD g text GENERATED ALWAYS AS (lower(name)) STORED', 'ALTER TABLE code.person ADD g text GENERATED ALWAYS AS (code.f(name)) STORED', 'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (1 / n) STORED', 'ALTER TABLE code.event ADD g text GENERATED ALWAYS AS (code.f(kind)) STORED',
	'ALTER TABLE code.person ADD g int DEFAULT code.f(3)', 'ALTER TABLE code.person ALTER n SET DEFAULT code.f(3)', 'CREATE RULE r AS ON INSERT TO code.person DO ALSO NOTHING', 'CREATE RULE r AS ON UPDATE TO code.event_a DO INSTEAD NOTHING', 'CREATE RULE "_RETURN" AS ON SELECT TO code.empty DO INSTEAD SELECT 1::bigint AS person_id, 1 AS n',
	'CREATE RULE r AS ON INSERT TO code.plain DO ALSO NOTHING']) s, pg_temp.defines(s) d;
-- what is checked against rows that are there
SELECT d.* FROM unnest(ARRAY[
	'ALTER TABLE code.person ADD CHECK (n < 7)', 'ALTER TABLE code.person ADD CHECK (n < 7) NOT VALID', 'ALTER TABLE code.person ADD CONSTRAINT c CHECK (n < 7) NOT VALID; ALTER TABLE code.person VALIDATE CONSTRAINT c', 'ALTER TABLE code.person ADD CONSTRAINT c CHECK (n < 70) NOT VALID; ALTER TABLE code.person RENAME CONSTRAINT c TO c2',
	'ALTER TABLE code.person ADD CHECK (code.f(n) < 70) NOT VALID', 'ALTER TABLE code.event ADD CHECK (kind <> ''hidden'')', 'ALTER TABLE code.base ADD CHECK (n < 7)', 'ALTER TABLE code.empty ADD CHECK (n < 7)', 'ALTER TABLE code.empty ADD CHECK (code.f(n) < 7)', 'ALTER TABLE code.empty ALTER n SET NOT NULL',
	'ALTER TABLE code.person ADD z int CHECK (z < 7)', 'ALTER TABLE code.person ADD z int CHECK (z < 7), ADD y int CHECK (y < z)', 'ALTER TABLE code.person ADD z int DEFAULT 7, ADD CHECK (z <= n)', 'ALTER TABLE code.person ADD z int; ALTER TABLE code.person ADD CHECK (z < 7)', 'ALTER TABLE code.base ADD z int CHECK (z < 7)', 'ALTER TABLE code.event ADD z int NOT NULL DEFAULT 3 CHECK (z < 7)', 'ALTER TABLE code.person ADD z int CHECK (person IS NOT NULL)', 'ALTER TABLE code.person ALTER n SET NOT NULL', 'ALTER TABLE code.person ALTER m SET NOT NULL', 'ALTER TABLE code.person ALTER m DROP NOT NULL', 'ALTER TABLE code.event ALTER kind SET NOT NULL', 'ALTER TABLE code.plain ADD CHECK (n < 70)', 'ALTER TABLE code.plain ADD CHECK (n < 7)',
	'CREATE TABLE code.event_b PARTITION OF code.event FOR VALUES IN (''b'')', 'CREATE TABLE code.event_b PARTITION OF code.event FOR VALUES IN (''hidden'')', 'CREATE TABLE code.event_b (LIKE code.event); ALTER TABLE code.event ATTACH PARTITION code.event_b FOR VALUES IN (''b'')',
	'CREATE TABLE code.late (CHECK (n < 7)) INHERITS (code.base)', 'CREATE TABLE code.late (CHECK (code.f(n) < 7)) INHERITS (code.base)', 'CREATE TABLE code.late (person_id bigint, n int CHECK (code.f(n) < 7)); ALTER TABLE code.late INHERIT code.base', 'CREATE TABLE code.late (person_id bigint, n int); CREATE INDEX ON code.late (code.f(n)); ALTER TABLE code.late INHERIT code.base',
	'CREATE TABLE code.late (person_id bigint, n int CHECK (n < 7)); ALTER TABLE code.late INHERIT code.base']) s, pg_temp.defines(s) d;
-- types
SELECT d.* FROM unnest(ARRAY[
	'ALTER TABLE code.person ALTER n TYPE bigint', 'ALTER TABLE code.person ALTER short TYPE varchar(30)', 'ALTER TABLE code.person ALTER short TYPE text', 'ALTER TABLE code.person ALTER short TYPE varchar(2)', 'ALTER TABLE code.person ALTER n TYPE smallint', 'ALTER TABLE code.person ALTER n TYPE text', 'ALTER TABLE code.person ALTER price TYPE numeric(10,2)', 'ALTER TABLE code.person ALTER price TYPE numeric(3,2)',
	'ALTER TABLE code.person ALTER name TYPE text USING code.f(name)', 'ALTER TABLE code.person ALTER name TYPE text USING name', 'ALTER TABLE code.person ALTER n TYPE code.d', 'ALTER TABLE code.person ALTER n TYPE bigint, ALTER m TYPE text', 'ALTER TABLE code.base ALTER n TYPE bigint', 'ALTER TABLE code.base ALTER n TYPE smallint', 'ALTER TABLE code.plain ALTER n TYPE text USING code.f(n)',
	'ALTER DOMAIN code.d ADD CHECK (VALUE < 7)', 'ALTER DOMAIN code.d2 ADD CHECK (VALUE < 7) NOT VALID', 'ALTER DOMAIN code.d ADD CONSTRAINT c CHECK (code.f(VALUE) < 70)', 'ALTER DOMAIN code.d SET NOT NULL', 'ALTER DOMAIN code.d SET DEFAULT 3', 'ALTER DOMAIN code.other ADD CHECK (VALUE < 70)', 'ALTER DOMAIN code.other ADD CHECK (VALUE < 7)',
	'ALTER TYPE code.mood ADD VALUE ''so''', 'ALTER TYPE code.mood RENAME VALUE ''bad'' TO ''worse''']) s, pg_temp.defines(s) d;
-- commands; that the server's wal_level is low is not our matter
SET client_min_messages = error;
SELECT d.* FROM unnest(ARRAY[
	'TRUNCATE code.empty', 'TRUNCATE code.event_a', 'TRUNCATE code.plain', 'TRUNCATE code.person CASCADE', 'CREATE PUBLICATION p FOR TABLE code.person', 'CREATE PUBLICATION p FOR TABLE code.event_a', 'CREATE PUBLICATION p FOR TABLE code.plain', 'CREATE PUBLICATION p FOR TABLE code.plain; ALTER PUBLICATION p ADD TABLE code.person',
	'CREATE PUBLICATION p FOR TABLES IN SCHEMA code', 'CREATE PUBLICATION p FOR ALL TABLES', 'CREATE PUBLICATION p; ALTER PUBLICATION p ADD TABLES IN SCHEMA code', 'CREATE PUBLICATION p FOR TABLE code.plain; ALTER PUBLICATION p SET TABLE code.person', 'ALTER EXTENSION citext ADD TABLE code.person', 'ALTER EXTENSION citext ADD TABLE code.plain', 'ALTER EXTENSION privseg DROP TABLE privseg.purposes',
	'ALTER TABLE code.person SET ACCESS METHOD heap', 'ALTER TABLE code.person DISABLE RULE r', 'ALTER TABLE code.plain SET ACCESS METHOD heap', 'ALTER TABLE code.person SET UNLOGGED', 'ALTER TABLE code.person REPLICA IDENTITY FULL', 'ALTER TABLE code.person ALTER name SET STATISTICS 10', 'ALTER TABLE code.person SET (fillfactor = 50)',
	'ALTER TABLE code.person CLUSTER ON person_pkey', 'CLUSTER code.person USING person_pkey', 'REINDEX TABLE code.person', 'ALTER TABLE code.person ADD z int GENERATED BY DEFAULT AS IDENTITY', 'ALTER TABLE code.person RENAME TO people', 'ALTER TABLE code.person SET SCHEMA public', 'ALTER TABLE code.person DROP COLUMN n', 'ALTER TABLE code.person OWNER TO postgres', 'COMMENT ON TABLE code.person IS ''x''', 'LOCK TABLE code.person',
	'CREATE POLICY p ON code.person USING (code.f(n) > 0)', 'CREATE TRIGGER t BEFORE INSERT ON code.person FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'DROP TABLE code.empty']) s, pg_temp.defines(s) d;
-- whatever fails for one value and not for another asks about rows of everybody
SET client_min_messages = warning;
SET ROLE code_owner;
CREATE TABLE code.names (name text PRIMARY KEY);
CREATE TABLE code.numbers (x int PRIMARY KEY);
INSERT INTO code.names SELECT 'n' || i FROM generate_series(1, 9) i;
INSERT INTO code.numbers SELECT generate_series(0, 9);
CREATE FUNCTION code.diff(float8, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'diff % %', $1, $2; RETURN $1 - $2; END $$;
CREATE TYPE code.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = code.diff);
CREATE DOMAIN code.span_domain AS code.span;
RESET ROLE;
SELECT d.* FROM unnest(ARRAY[
	'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (NULLIF(n, 7)) STORED', 'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (NULLIF(n, 7)) STORED NOT NULL', 'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (NULLIF(n, 7)) STORED CHECK (g IS NOT NULL)', 'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (NULLIF(n, 7)) STORED UNIQUE',
	'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (COALESCE(NULLIF(n, 7), 70)) STORED REFERENCES code.numbers', 'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (NULLIF(n, 7)) STORED, ADD PRIMARY KEY (g)', 'ALTER TABLE code.empty ADD g int GENERATED ALWAYS AS (NULLIF(n, 7)) STORED NOT NULL',
	'ALTER TABLE code.person ADD g int GENERATED ALWAYS AS (CASE WHEN n = 7 THEN 1 END) STORED', 'CREATE INDEX ON code.person ((CASE (CASE WHEN n = 7 THEN 99999999999 ELSE 1 END) WHEN 1::oid THEN 1 ELSE 0 END))', 'CREATE INDEX ON code.person (date_trunc(''foo'', at))', 'CREATE INDEX ON code.person (date_trunc(''year'', at))', 'CREATE INDEX ON code.person (extract(timezone FROM at))', 'CREATE INDEX ON code.person (extract(year FROM at))',
	'CREATE INDEX ON code.person (COALESCE(lower(name), ''''))', 'CLUSTER code.person USING person_pkey', 'CREATE INDEX person_n ON code.person (n); CLUSTER code.person USING person_n', 'ALTER TABLE code.person CLUSTER ON person_pkey; CLUSTER code.person',
	'ALTER TABLE code.person ADD FOREIGN KEY (name) REFERENCES code.names', 'ALTER TABLE code.person ADD FOREIGN KEY (n) REFERENCES code.numbers ON UPDATE CASCADE', 'ALTER TABLE code.person ADD FOREIGN KEY (n) REFERENCES code.numbers ON DELETE CASCADE NOT VALID', 'ALTER TABLE code.person ADD z int REFERENCES code.numbers', 'ALTER TABLE code.person ADD z int DEFAULT 1 REFERENCES code.numbers ON DELETE CASCADE',
	'ALTER TABLE code.base ADD FOREIGN KEY (person_id) REFERENCES code.person', 'ALTER TABLE code.empty ADD FOREIGN KEY (n) REFERENCES code.numbers', 'ALTER TABLE code.person ADD alt bigint UNIQUE; ALTER TABLE code.kid ADD FOREIGN KEY (person_id) REFERENCES code.person (alt) ON UPDATE SET NULL NOT VALID',
	'ALTER TABLE code.person ADD r code.span', 'ALTER TABLE code.person ADD r code.span_domain', 'ALTER TABLE code.person ADD r int4range', 'ALTER TABLE code.plain ADD r code.span']) s, pg_temp.defines(s) d;
SET client_min_messages = error;
SELECT d.* FROM unnest(ARRAY['CREATE TABLE code.late (person_id bigint, n int); CREATE PUBLICATION p FOR TABLE code.late; ALTER TABLE code.late INHERIT code.base', 'CREATE TABLE code.late (person_id bigint, n int, r code.span); ALTER TABLE code.late INHERIT code.base']) s, pg_temp.defines(s) d;
CREATE SCHEMA code_published;
CREATE PUBLICATION code_p FOR TABLES IN SCHEMA code_published;
SELECT d.* FROM unnest(ARRAY['ALTER TABLE code.person SET SCHEMA code_published', 'ALTER TABLE code.plain SET SCHEMA code_published']) s, pg_temp.defines(s) d;
DROP PUBLICATION code_p;
DROP SCHEMA code_published;
BEGIN;
SET LOCAL row_security = off;
CREATE PUBLICATION code_p FOR TABLE code.person;
SELECT status, object, message FROM privseg.check() WHERE message ~ 'published';
ROLLBACK;
-- what was there before is named
SET client_min_messages = notice;
SET ROLE code_owner;
CREATE TABLE code.before (person_id bigint, n int CHECK (code.f(n) > 0), g int GENERATED ALWAYS AS (code.f(n)) STORED, t text, CHECK (n > 0));
CREATE INDEX before_code ON code.before (code.f(n));
CREATE INDEX before_person ON code.before (person_id);
CREATE INDEX before_lower ON code.before (lower(t));
CREATE STATISTICS code.before_kept ON (code.f(n)), t FROM code.before;
RESET ROLE;
SELECT privseg.protect('code.before', 'person_id', 'code.person');
SELECT status, object, message FROM privseg.check() WHERE object = 'code.before' ORDER BY message COLLATE "C";
SET client_min_messages = warning;
-- nobody is a keeper for whoever called him
CREATE FUNCTION code.as_keeper() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET row_security = off AS $$ BEGIN ALTER TABLE code.person ADD CHECK (n < 7); END $$;
ALTER FUNCTION code.as_keeper() OWNER TO code_keeper;
GRANT USAGE ON SCHEMA code TO code_owner;
SELECT pg_temp.outcome('code_owner', '', 'SELECT code.as_keeper()') AS owner;

-- a classification follows its column
SELECT privseg.create_data_category('code_contact', 'personal');
SELECT privseg.classify('code.person', 'name', 'code_contact'), privseg.classify('code.person', 'short', 'code_contact');
SET ROLE code_owner;
ALTER TABLE code.person RENAME name TO title;
ALTER TABLE code.person DROP COLUMN short;
RESET ROLE;
SELECT column_name, category FROM privseg.protected_column WHERE relation = 'code.person'::regclass;
SELECT privseg.classify('code.person', 'title', NULL);
SELECT privseg.drop_data_category('code_contact');

-- dropping the extension says what goes with it
SET client_min_messages = notice;
\set VERBOSITY terse
DROP EXTENSION privseg;
\set VERBOSITY default
SET client_min_messages = warning;

DROP SCHEMA code CASCADE;
DROP OWNED BY code_owner, code_keeper;
DROP ROLE code_owner, code_keeper;
