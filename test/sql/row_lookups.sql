-- What an index has found before the policy is asked: nothing is dropped from it at random,
-- no code of a user rechecks it, nobody waits for what it leads to.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE lookup_reader;
CREATE SCHEMA lookup;
GRANT ALL ON SCHEMA lookup TO lookup_reader;
CREATE TABLE lookup.person (id int PRIMARY KEY, secret text, tags text[], item text);
INSERT INTO lookup.person SELECT i, 's' || i, ARRAY['t' || i], CASE WHEN i > 8 THEN repeat('x', 10000) ELSE 'short' END FROM generate_series(1, 9) i;
UPDATE lookup.person SET tags = '{t9,t0}' WHERE id = 8;
CREATE INDEX person_tags ON lookup.person USING gin (tags) WITH (fastupdate = off);
CREATE INDEX person_hash ON lookup.person USING hash (secret);
CREATE TABLE lookup.word (id text PRIMARY KEY, secret text);
INSERT INTO lookup.word SELECT repeat('k', 2000) || i, 's' || i FROM generate_series(1, 9) i;
GRANT SELECT ON ALL TABLES IN SCHEMA lookup TO lookup_reader;
SELECT privseg.create_purpose('lookup_mail', 'consent'), privseg.protect('lookup.person', 'id'), privseg.protect('lookup.word', 'id');
SELECT privseg.grant_clearance('lookup_reader', 'lookup_mail');
SELECT count(privseg.record_consent('lookup.person', i, 'lookup_mail', 'given')) FROM generate_series(1, 8) i;

-- GIN drops at random what is more than a limit: of everybody's rows
CREATE FUNCTION lookup.counts(tag text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen bigint[];
BEGIN
	FOR i IN 1..40 LOOP
		seen := seen || (SELECT count(*) FROM lookup.person WHERE tags @> ARRAY[tag]);
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT s::text, ' ') FROM unnest(seen) s);
END $$;
SET enable_seqscan = off;
SET gin_fuzzy_search_limit = 1;
SET ROLE lookup_reader;
SET privseg.purpose = 'lookup_mail';
SELECT lookup.counts('t9') AS hidden, lookup.counts('t0') AS nobody;
SHOW gin_fuzzy_search_limit;
SELECT pg_temp.outcome('SET gin_fuzzy_search_limit = 1'), pg_temp.outcome('SELECT set_config(''gin_fuzzy_search_limit'', ''1'', false)');
RESET ROLE;
-- where nothing is protected it does what it did
CREATE TABLE lookup.plain AS SELECT ARRAY['t9'] AS tags FROM generate_series(1, 400);
CREATE INDEX plain_tags ON lookup.plain USING gin (tags);
SELECT count(*) < 400 AS fuzzy FROM lookup.plain WHERE tags @> '{t9}';
RESET gin_fuzzy_search_limit;

-- a function of core may ask a domain's check
SET ROLE lookup_reader;
CREATE FUNCTION lookup.noisy(t text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'asked'; RETURN true; END $$;
CREATE DOMAIN lookup.noise AS text CHECK (lookup.noisy(value));
CREATE TYPE lookup.pair AS (a lookup.noise);
SET lookup.guess = '(s9)';
SELECT count(*) FROM lookup.person WHERE secret = ((current_setting('lookup.guess')::lookup.pair).a)::text;
SET lookup.guess = '(s0)';
SELECT count(*) FROM lookup.person WHERE secret = ((current_setting('lookup.guess')::lookup.pair).a)::text;
EXPLAIN (COSTS off) SELECT count(*) FROM lookup.person WHERE secret = ((current_setting('lookup.guess')::lookup.pair).a)::text;
EXPLAIN (COSTS off) SELECT count(*) FROM lookup.person WHERE secret = current_setting('lookup.guess');
SET enable_indexscan = off;
EXPLAIN (COSTS off) SELECT count(*) FROM lookup.person WHERE secret = current_setting('lookup.guess');
EXPLAIN (COSTS off) SELECT count(*) FROM lookup.person WHERE secret = 's9';
RESET enable_indexscan;

-- long values are elsewhere: who may come to read them before the policy is asked waits at the start, or not at all
CREATE FUNCTION pg_temp.locked(table_name regclass) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s', CASE c.relkind WHEN 't' THEN 'values' ELSE 'index' END, l.mode), ', ' ORDER BY c.relkind)
	  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND l.pid = pg_backend_pid()
	 WHERE c.oid IN (SELECT reltoastrelid FROM pg_class WHERE oid = $1 UNION SELECT indexrelid FROM pg_index WHERE indrelid = (SELECT reltoastrelid FROM pg_class WHERE oid = $1)) $$;
BEGIN;
SELECT count(*) FROM lookup.person WHERE secret >= 's0' AND secret <= 's0' AND item > 'a';
RESET ROLE;
SELECT pg_temp.locked('lookup.person');
ROLLBACK;
BEGIN;
SELECT count(*) FROM lookup.person WHERE id = 9;
RESET ROLE;
SELECT pg_temp.locked('lookup.person');
ROLLBACK;
BEGIN;
SELECT count(*) FROM lookup.word WHERE secret = 's0';
RESET ROLE;
SELECT pg_temp.locked('lookup.word');
ROLLBACK;
RESET ROLE;

-- an index that gives rows in the order of a distance checks the distance of each: by no code of a user
CREATE TABLE lookup.place (id int PRIMARY KEY, shape polygon);
INSERT INTO lookup.place SELECT i, polygon(box(point(i, i), point(i + 1, i + 1))) FROM generate_series(1, 9) i;
CREATE INDEX place_shape ON lookup.place USING gist (shape);
GRANT SELECT ON lookup.place TO lookup_reader;
SELECT privseg.protect('lookup.place', 'id', 'lookup.person');
SET enable_sort = off;
SET ROLE lookup_reader;
CREATE FUNCTION lookup.here() RETURNS point LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN point(0, 0); END $$;
EXPLAIN (COSTS off) SELECT id FROM lookup.place ORDER BY shape <-> lookup.here() LIMIT 1;
EXPLAIN (COSTS off) SELECT id FROM lookup.place ORDER BY shape <-> point(0, 0) LIMIT 1;
SELECT id FROM lookup.place ORDER BY shape <-> lookup.here() LIMIT 1;
SELECT id FROM lookup.place ORDER BY shape <-> point(0, 0) LIMIT 1;
RESET enable_sort;

-- where there is no snapshot, there is no answer
CREATE DOMAIN lookup.asking AS bigint CHECK (value IS NULL OR privseg.row_permitted(value, 'lookup.person', 4));
CREATE DOMAIN lookup.asking_all AS bigint CHECK (value IS NULL OR privseg.permitted('lookup.person', value, 'lookup_mail'));
DO $$ DECLARE x lookup.asking; BEGIN COMMIT; GET DIAGNOSTICS x = row_count; END $$;
DO $$ DECLARE x lookup.asking_all; BEGIN COMMIT; GET DIAGNOSTICS x = row_count; END $$;
DO $$ DECLARE x lookup.asking; BEGIN FOR i IN 1..2 LOOP PERFORM 1; IF i = 2 THEN COMMIT; END IF; GET DIAGNOSTICS x = row_count; RAISE WARNING 'asked %', i; END LOOP; END $$;
RESET ROLE;
RESET privseg.purpose;
RESET enable_seqscan;

SET client_min_messages = error;
DROP SCHEMA lookup CASCADE;
DROP OWNED BY lookup_reader;
DROP ROLE lookup_reader;
