-- Partitions and inheritance children are protected with their topmost parent,
-- read from the top, from the middle or directly; and unprotect() puts row
-- security of every one of them back as it was.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA tree_test;
CREATE ROLE tree_reader;
GRANT USAGE ON SCHEMA tree_test TO tree_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA tree_test GRANT ALL ON TABLES TO tree_reader;
SELECT privseg.create_purpose('tree_news', 'consent');
SELECT privseg.grant_clearance('tree_reader', 'tree_news');

CREATE VIEW tree_test.state AS
SELECT c.relname, c.relkind, c.relrowsecurity AS secured, c.relforcerowsecurity AS forced,
	(SELECT string_agg(p.polname, ',' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
	(SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid) AS triggers
FROM pg_class c WHERE c.relnamespace = 'tree_test'::regnamespace AND c.relkind IN ('r', 'p');

-- columns are in another order in each child, and some were dropped
CREATE TABLE tree_test.event (note text, id bigint, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE tree_test.event_a (dropped int, at date NOT NULL, id bigint NOT NULL, note text);
ALTER TABLE tree_test.event_a DROP COLUMN dropped;
ALTER TABLE tree_test.event ATTACH PARTITION tree_test.event_a FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE tree_test.event_b PARTITION OF tree_test.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY HASH (id);
CREATE TABLE tree_test.event_b0 PARTITION OF tree_test.event_b FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE tree_test.event_b1 (id bigint NOT NULL, note text, dropped int, at date NOT NULL);
ALTER TABLE tree_test.event_b1 DROP COLUMN dropped;
ALTER TABLE tree_test.event_b ATTACH PARTITION tree_test.event_b1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE tree_test.base (note text, person_id int);
CREATE TABLE tree_test.kid (extra int) INHERITS (tree_test.base);
CREATE TABLE tree_test.grandkid (person_id int, more int) INHERITS (tree_test.kid);
CREATE TABLE tree_test.person (id int PRIMARY KEY);

INSERT INTO tree_test.person SELECT generate_series(1, 10);
INSERT INTO tree_test.event SELECT 'e' || i, i % 10 + 1, '2024-06-01'::date + i * 10 FROM generate_series(0, 49) i;
INSERT INTO tree_test.base SELECT 'base', i FROM generate_series(1, 10) i;
INSERT INTO tree_test.kid SELECT 'kid', i, 0 FROM generate_series(1, 10) i;
INSERT INTO tree_test.grandkid SELECT 'grandkid', i, 0, 0 FROM generate_series(1, 10) i;
CREATE INDEX ON tree_test.event (id);
CREATE INDEX ON tree_test.base (person_id);

-- some of them had row security of their own
ALTER TABLE tree_test.event_b0 ENABLE ROW LEVEL SECURITY;
ALTER TABLE tree_test.kid ENABLE ROW LEVEL SECURITY;
ALTER TABLE tree_test.kid FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tree_test.kid USING (true);
ALTER TABLE tree_test.grandkid FORCE ROW LEVEL SECURITY;
CREATE TEMP TABLE before AS SELECT * FROM tree_test.state;

SELECT privseg.protect('tree_test.person', 'id');
SELECT privseg.protect('tree_test.event', 'id', 'tree_test.person');
SELECT privseg.protect('tree_test.base', 'person_id', 'tree_test.person');
SELECT relname, relkind, secured, forced, policies FROM tree_test.state ORDER BY relname;
SELECT count(privseg.record_consent('tree_test.person', i, 'tree_news', 'given')) FROM generate_series(1, 5) i;

-- from wherever it is read: half of the subjects, all of their rows
SELECT t AS read, pg_temp.outcome('tree_reader', 'tree_news', format(
	'SELECT format(''%%s rows, %%s hidden'', count(*), count(*) FILTER (WHERE %I > 5)) FROM %s', k, t)) AS result
FROM (VALUES ('tree_test.event', 'id'), ('ONLY tree_test.event', 'id'), ('tree_test.event_a', 'id'),
	('tree_test.event_b', 'id'), ('tree_test.event_b0', 'id'), ('tree_test.event_b1', 'id'),
	('tree_test.base', 'person_id'), ('ONLY tree_test.base', 'person_id'), ('tree_test.kid', 'person_id'),
	('ONLY tree_test.kid', 'person_id'), ('tree_test.grandkid', 'person_id')) v (t, k);
-- and by whoever row security does not bind otherwise
CREATE ROLE tree_bypass BYPASSRLS;
GRANT tree_reader TO tree_bypass;
SELECT t AS read, pg_temp.outcome('tree_bypass', 'tree_news', format(
	'SELECT format(''%%s rows, %%s hidden'', count(*), count(*) FILTER (WHERE %I > 5)) FROM %s', k, t)) AS result
FROM (VALUES ('tree_test.event', 'id'), ('tree_test.event_a', 'id'), ('tree_test.event_b', 'id'),
	('tree_test.event_b1', 'id'), ('tree_test.base', 'person_id'), ('tree_test.kid', 'person_id'),
	('tree_test.grandkid', 'person_id')) v (t, k);

-- no write reaches a hidden row, through the root or directly
SELECT t AS written, pg_temp.outcome('tree_bypass', 'tree_news', format(
	'WITH w AS (UPDATE %s SET note = ''x'' RETURNING %I) SELECT format(''%%s rows, %%s hidden'', count(*), count(*) FILTER (WHERE %2$I > 5)) FROM w', t, k)) AS updated,
	pg_temp.outcome('tree_bypass', 'tree_news', format(
	'WITH w AS (DELETE FROM %s RETURNING %I) SELECT format(''%%s rows, %%s hidden'', count(*), count(*) FILTER (WHERE %2$I > 5)) FROM w', t, k)) AS deleted
FROM (VALUES ('tree_test.event', 'id'), ('tree_test.event_a', 'id'), ('tree_test.event_b1', 'id'),
	('tree_test.base', 'person_id'), ('tree_test.grandkid', 'person_id')) v (t, k);
SELECT s AS statement, pg_temp.outcome('tree_reader', 'tree_news', s) AS result
FROM unnest(ARRAY[
	$$INSERT INTO tree_test.event VALUES ('new', 1, '2025-02-02') RETURNING id$$,
	$$INSERT INTO tree_test.event VALUES ('new', 6, '2025-02-02') RETURNING id$$,
	$$INSERT INTO tree_test.event_a (id, at) VALUES (6, '2024-02-02') RETURNING id$$,
	$$INSERT INTO tree_test.event_b1 (id, at) VALUES (6, '2025-02-02') RETURNING id$$,
	$$INSERT INTO tree_test.grandkid (person_id) VALUES (6) RETURNING person_id$$,
	$$UPDATE tree_test.event SET id = 6 WHERE id = 1 RETURNING id$$,
	$$UPDATE tree_test.event SET id = 2 WHERE id = 1 RETURNING id$$,
	$$UPDATE tree_test.event_b SET id = id % 5 + 1 RETURNING id$$,
	$$UPDATE tree_test.event SET at = '2025-12-31' WHERE id = 1 AND at = '2024-06-01' RETURNING id$$,
	$$UPDATE tree_test.grandkid SET person_id = 2 WHERE person_id = 1 RETURNING person_id$$]) s;

-- a child that comes later is protected from its first row on
CREATE TABLE tree_test.event_c PARTITION OF tree_test.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE tree_test.late () INHERITS (tree_test.base);
SET row_security = off;
INSERT INTO tree_test.event SELECT 'c', i, '2026-06-01' FROM generate_series(1, 10) i;
INSERT INTO tree_test.late SELECT 'late', i FROM generate_series(1, 10) i;
RESET row_security;
SELECT t AS read, pg_temp.outcome(r, 'tree_news', format('SELECT count(*) FROM %s', t)) AS rows, r AS actor
FROM unnest(ARRAY['tree_test.event_c', 'tree_test.late']) t, unnest(ARRAY['tree_reader', 'tree_bypass']) r;
SELECT pg_temp.outcome('tree_reader', 'tree_news', 'UPDATE tree_test.event_c SET id = 2 WHERE id = 1 RETURNING id') AS moved;

-- a child is not protected, nor unprotected, by itself
SELECT s AS statement, r.* FROM unnest(ARRAY[
	$$SELECT privseg.protect('tree_test.event_a', 'id', 'tree_test.person')$$,
	$$SELECT privseg.protect('tree_test.kid', 'person_id', 'tree_test.person')$$,
	$$SELECT privseg.unprotect('tree_test.event_a')$$]) s, LATERAL pg_temp.refusal(s) r;

-- unprotect puts everything back; what came later gets what its root had
DROP TABLE tree_test.event_c, tree_test.late;
SELECT privseg.unprotect('tree_test.event');
SELECT privseg.unprotect('tree_test.base');
SELECT privseg.unprotect('tree_test.person');
TABLE before EXCEPT TABLE tree_test.state;
TABLE tree_test.state EXCEPT TABLE before;
SELECT pg_temp.outcome('tree_bypass', '', 'SELECT count(*) FROM tree_test.event') AS open_again;

-- the same for single tables with every state of row security, twice over
CREATE TABLE tree_test.a (id int PRIMARY KEY);
CREATE TABLE tree_test.b (id int PRIMARY KEY);
CREATE TABLE tree_test.c (id int PRIMARY KEY);
CREATE TABLE tree_test.d (id int PRIMARY KEY);
ALTER TABLE tree_test.b ENABLE ROW LEVEL SECURITY;
ALTER TABLE tree_test.c FORCE ROW LEVEL SECURITY;
ALTER TABLE tree_test.d ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tree_test.d FOR SELECT TO tree_reader USING (id > 0);
CREATE POLICY own ON tree_test.a FOR SELECT TO tree_reader USING (id > 0);
DROP TABLE before;
CREATE TEMP TABLE before AS SELECT *, (SELECT array_agg(p::text) FROM pg_policies p WHERE p.tablename = relname) AS policy FROM tree_test.state;
SELECT t, privseg.protect(t, 'id') IS NOT NULL AS protected FROM unnest('{tree_test.a,tree_test.b,tree_test.c,tree_test.d}'::regclass[]) t;
SELECT t, privseg.unprotect(t) IS NOT NULL AS unprotected FROM unnest('{tree_test.a,tree_test.b,tree_test.c,tree_test.d}'::regclass[]) t;
SELECT t, privseg.protect(t, 'id') IS NOT NULL AS protected FROM unnest('{tree_test.a,tree_test.b,tree_test.c,tree_test.d}'::regclass[]) t;
SELECT t, privseg.unprotect(t) IS NOT NULL AS unprotected FROM unnest('{tree_test.a,tree_test.b,tree_test.c,tree_test.d}'::regclass[]) t;
SELECT count(*) AS same FROM before b JOIN (SELECT *, (SELECT array_agg(p::text) FROM pg_policies p WHERE p.tablename = relname) AS policy FROM tree_test.state) s
	ON b IS NOT DISTINCT FROM s;
-- and an unprotect that is rolled back leaves the table protected
SELECT privseg.protect('tree_test.a', 'id');
BEGIN;
SELECT privseg.unprotect('tree_test.a');
ROLLBACK;
SELECT relname, secured, forced, policies FROM tree_test.state WHERE relname = 'a';
SELECT pg_temp.outcome('tree_reader', '', 'SELECT count(*) FROM tree_test.a');

DROP SCHEMA tree_test CASCADE;
DROP OWNED BY tree_reader, tree_bypass;
DROP ROLE tree_reader, tree_bypass;
