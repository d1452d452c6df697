-- What the planner asks of kept statistics is asked of hidden rows' values: only by operators that tell
-- nothing, whatever way they come into a qual.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE known_reader;
CREATE ROLE known_stranger;
CREATE ROLE known_bypass BYPASSRLS;
CREATE ROLE known_auditor IN ROLE privseg_auditor;
CREATE SCHEMA known;
CREATE SCHEMA known_own AUTHORIZATION known_reader;
GRANT USAGE ON SCHEMA known, known_own TO PUBLIC;
SELECT privseg.create_purpose('known_mail', 'consent');
SELECT privseg.grant_clearance('known_reader', 'known_mail'), privseg.grant_clearance('known_auditor', 'known_mail');
CREATE TABLE known.person (id bigint PRIMARY KEY, name text, age int);
CREATE TABLE known.plain (a bigint);
CREATE FUNCTION known.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || statement; END $$;
INSERT INTO known.person SELECT g, CASE WHEN g % 2 = 0 THEN 'secretname' ELSE 'other' || g % 5 END, CASE WHEN g % 2 = 0 THEN 7777 ELSE g % 50 END FROM generate_series(1, 2000) g;
INSERT INTO known.plain SELECT generate_series(1, 10);
SELECT privseg.protect('known.person', 'id');
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'known.person', g::text, 'known_mail', 'given' FROM generate_series(1, 2000, 2) g;
GRANT SELECT ON known.person, known.plain TO PUBLIC;
ANALYZE known.person, known.plain;

-- an error of core's own, in a part of the statement whose row is another query's
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', replace(s, '{}', 'secret')) AS there, pg_temp.outcome('known_reader', 'known_mail', replace(s, '{}', 'nobody')) AS not_there,
	pg_temp.outcome('known_stranger', '', replace(s, '{}', 'secret')) AS stranger, pg_temp.outcome('known_bypass', '', replace(s, '{}', 'secret')) AS bypass, pg_temp.outcome('postgres', '', replace(s, '{}', 'secret')) AS super
FROM unnest(ARRAY[
	$$SELECT count(*) FROM known.person x, LATERAL (SELECT x.name LIKE '{}%\' AS f) s WHERE s.f$$,
	$$SELECT count(*) FROM known.person x, LATERAL (SELECT 1 FROM known.plain y WHERE x.name LIKE '{}%\') s$$,
	$$SELECT count(*) FROM known.person x WHERE EXISTS (SELECT 1 FROM known.plain y WHERE y.a = x.id AND x.name LIKE '{}%\')$$,
	$$SELECT count(*) FROM known.person x WHERE x.id IN (SELECT a FROM known.plain WHERE x.name LIKE '{}%\')$$,
	$$SELECT count(*) FROM (SELECT name LIKE '{}%\' AS f FROM known.person UNION ALL SELECT true WHERE false) s WHERE f$$,
	$$SELECT count(*) FROM (SELECT name FROM known.person OFFSET 0) s WHERE name LIKE '{}%\'$$,
	$$SELECT count(*) FROM (SELECT name, count(*) FROM known.person GROUP BY name HAVING name LIKE '{}%\') s$$,
	$$SELECT count(*) FROM known.plain LEFT JOIN known.person ON a = id AND name LIKE '{}%\'$$,
	$$EXPLAIN SELECT * FROM known.person x, LATERAL (SELECT x.name LIKE '{}%\' AS f) s WHERE s.f$$]) s;

-- operators of a user, in what is inlined, pulled up or simplified
SET ROLE known_reader;
CREATE FUNCTION known_own.leak(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF $1 > 80 THEN RAISE EXCEPTION 'saw %', $1; END IF; RETURN $1 < $2; END $$;
CREATE OPERATOR known_own.<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = known_own.leak, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE TYPE known_own.pair AS (f1 boolean, f2 int);
CREATE DOMAIN known_own.truth AS boolean;
CREATE FUNCTION known_own.row_of(x int) RETURNS known_own.pair LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(x OPERATOR(known_own.<<<) 5, 1)::known_own.pair $$;
CREATE FUNCTION known_own.truth_of(x int) RETURNS known_own.truth LANGUAGE sql IMMUTABLE AS $$ SELECT (x OPERATOR(known_own.<<<) 5)::known_own.truth $$;
CREATE FUNCTION known_own.number_of(x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT (x OPERATOR(known_own.<<<) 5)::int $$;
CREATE FUNCTION known_own.rows_of() RETURNS TABLE (f boolean) LANGUAGE sql STABLE AS $$ SELECT age OPERATOR(known_own.<<<) 5 FROM known.person $$;
CREATE VIEW known_own.flags AS SELECT age OPERATOR(known_own.<<<) 5 AS f FROM known.person;
RESET ROLE;
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', s) AS reader
FROM unnest(ARRAY[
	$$SELECT count(*) FROM (SELECT (known_own.row_of(age)).f1 AS flag FROM known.person) s WHERE s.flag$$, $$SELECT count(*) FROM (SELECT known_own.truth_of(age) AS flag FROM known.person) s WHERE s.flag$$,
	$$WITH c AS (SELECT (known_own.row_of(age)).f1 AS flag FROM known.person) SELECT count(*) FROM c WHERE flag IS TRUE$$, $$SELECT count(*) FROM known.person, LATERAL (VALUES ((known_own.row_of(age)).f1)) v (f) WHERE f$$,
	$$SELECT count(*) FROM (SELECT known_own.number_of(age) AS n FROM known.person) s WHERE n = 1$$, $$SELECT count(*) FROM (SELECT (known_own.row_of(age)).f1 AS f FROM known.person UNION ALL SELECT a = 1 FROM known.plain) s WHERE f$$,
	$$SELECT count(*) FROM known_own.rows_of() WHERE f$$, $$SELECT count(*) FROM known_own.flags WHERE f$$, $$SELECT count(*) FROM known.person WHERE age OPERATOR(known_own.<<<) 5$$,
	$$SELECT count(*) FROM (SELECT age FROM known.person OFFSET 0) s WHERE age OPERATOR(known_own.<<<) 5$$, $$SELECT count(*) FROM (SELECT age FROM known.person GROUP BY age) s JOIN known.plain ON age OPERATOR(known_own.<<<) a::int$$,
	$$SELECT count(*) FROM known.plain p JOIN (SELECT (known_own.row_of(age)).f1 AS f, id FROM known.person) s ON s.f AND s.id = p.a$$, $$SELECT count(*) FROM known.person x WHERE NOT EXISTS (SELECT FROM known.plain WHERE x.age OPERATOR(known_own.<<<) 5)$$]) s;

-- operators over core's functions, whose negator or commutator is a user's
SET ROLE known_reader;
CREATE OPERATOR known_own.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = known_own.leak, RESTRICT = eqsel, JOIN = eqjoinsel, NEGATOR = OPERATOR(known_own.<=>));
CREATE OPERATOR known_own.<=> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne, RESTRICT = neqsel, JOIN = neqjoinsel, NEGATOR = OPERATOR(known_own.===));
CREATE OPERATOR known_own.<<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = known_own.leak, RESTRICT = scalarltsel, COMMUTATOR = OPERATOR(known_own.>>>>));
CREATE OPERATOR known_own.>>>> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4gt, RESTRICT = scalargtsel, COMMUTATOR = OPERATOR(known_own.<<<<));
RESET ROLE;
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', s) AS reader
FROM unnest(ARRAY[$$SELECT count(*) FROM known.person WHERE age OPERATOR(known_own.<=>) 5$$, $$SELECT count(*) FROM known.person WHERE 5 OPERATOR(known_own.>>>>) age$$, $$SELECT count(*) FROM known.person WHERE age OPERATOR(known_own.<=>) ANY (ARRAY[5, 6])$$,
	$$SELECT count(*) FROM known.person WHERE age OPERATOR(known_own.<=>) ALL (ARRAY[5, 6])$$, $$SELECT count(*) FROM known.person JOIN known.plain ON age OPERATOR(known_own.<=>) a::int$$, $$SELECT count(*) FROM known.plain WHERE EXISTS (SELECT FROM known.person WHERE age OPERATOR(known_own.<=>) a::int)$$,
	$$SELECT count(*) FROM (SELECT age FROM known.person GROUP BY age HAVING age OPERATOR(known_own.<=>) 5) s$$, $$SELECT count(*) FROM known.person WHERE NOT (age OPERATOR(known_own.<=>) 5)$$]) s;

-- a user's distance between a range's bounds
CREATE FUNCTION known.distance(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1 - $2; END $$;
CREATE TYPE known.span AS RANGE (subtype = int, subtype_diff = known.distance);
CREATE TABLE known.spans (id bigint PRIMARY KEY, s known.span);
INSERT INTO known.spans SELECT g, known.span(g, g + 5) FROM generate_series(1, 2000) g;
UPDATE known.spans SET s = known.span(7000 + id::int, 7100 + id::int) WHERE id % 2 = 0;
-- what was kept before it was protected
ANALYZE known.spans;
SELECT privseg.protect('known.spans', 'id', 'known.person');
GRANT SELECT ON known.spans TO PUBLIC;
CREATE OR REPLACE FUNCTION known.distance(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF $1 > 7000 THEN RAISE EXCEPTION 'saw %', $1; END IF; RETURN $1 - $2; END $$;
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', s) AS reader FROM unnest(ARRAY[$$SELECT count(*) FROM known.spans WHERE s && known.span(100, 7300)$$, $$SELECT count(*) FROM known.spans WHERE s @> 7300$$, $$SELECT count(*) FROM known.spans WHERE s @> known.span(7200, 7300)$$]) s;

-- and one of core's that raises; ranges and arrays of what cannot be compared, or only as deep as it is
CREATE TYPE known.floats AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE known.points AS RANGE (subtype = point[]);
CREATE TABLE known.odd (id bigint PRIMARY KEY, f known.floats, p known.points, q tsquery[]);
INSERT INTO known.odd SELECT g, known.floats(-1.7e308 + 1e300 * g, -1.6e308 + 1e300 * g), NULL, NULL FROM generate_series(1, 99, 2) g;
INSERT INTO known.odd VALUES (900, known.floats(1.7e308, 1.75e308), known.points(array['(1,1)'::point], NULL), array['!a'::tsquery]);
ANALYZE known.odd;
SELECT privseg.protect('known.odd', 'id', 'known.person');
GRANT SELECT ON known.odd TO PUBLIC;
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', s) AS reader FROM unnest(ARRAY[$$SELECT count(*) FROM known.odd WHERE f && '[5,6]'::known.floats$$, $$SELECT count(*) FROM known.odd WHERE f < '[1e308,1.1e308]'::known.floats AND id = 3$$, $$SELECT count(*) FROM known.odd WHERE p = known.points(array['(1,1)'::point], NULL)$$]) s;
SELECT pg_temp.outcome('known_auditor', 'known_mail', $$SELECT string_agg(l, '|') FROM known.plan('SELECT * FROM known.odd WHERE q = ''{a}''') l$$);

-- a vector that is none, which comparing it says: 900 is hidden
CREATE TABLE known.vectors (id bigint PRIMARY KEY, n int, v oidvector, a oidvector[]);
INSERT INTO known.vectors SELECT 900, 7777, v, array[v] FROM trim_array('1 2'::oidvector, 2) v;
INSERT INTO known.vectors SELECT g, g, '1 2', array['1 2'::oidvector] FROM generate_series(1, 99, 2) g;
SELECT privseg.protect('known.vectors', 'id', 'known.person');
GRANT SELECT ON known.vectors TO PUBLIC;
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', s) AS reader FROM unnest(ARRAY[$$SELECT count(*) FROM known.vectors WHERE v = '1 2'$$, $$SELECT count(*) FROM known.vectors WHERE n = 7777 AND v <> '1 2'$$, $$SELECT count(*) FROM known.vectors WHERE v < '1 3'$$, $$SELECT count(*) FROM known.vectors WHERE btoidvectorcmp(v, '1 2') = 0$$,
	$$SELECT count(*) FROM known.vectors WHERE v = ANY (array['1 2', '1 3']::oidvector[])$$, $$SELECT count(*) FROM known.vectors WHERE a @> array['1 2'::oidvector]$$, $$SELECT count(*) FROM known.vectors WHERE a = array['1 2'::oidvector]$$]) s;

CREATE INDEX ON known.vectors (n, v);
SET enable_seqscan = off;
SELECT s AS statement, pg_temp.outcome('known_reader', 'known_mail', s) AS reader FROM unnest(ARRAY[$$SELECT count(*) FROM known.vectors WHERE (n, v) >= (7777, '1 2'::oidvector)$$, $$SELECT count(*) FROM known.vectors WHERE (n, v) >= (7000, '1 2'::oidvector)$$, $$SELECT count(*) FROM known.vectors WHERE n = 7777 AND greatest(v, '1 2') IS NULL$$, $$SELECT count(*) FROM known.vectors WHERE n = 7777 AND nullif(v, '1 2') IS NULL$$, $$SELECT count(*) FROM known.vectors WHERE n = 7777 AND v IS DISTINCT FROM '1 2'$$]) s;
RESET enable_seqscan;

-- what tells nothing has estimates, and what stands beside it in a query of its own does not take them away
CREATE FUNCTION pg_temp.estimate(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN round((plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric, -1);
END $$;
SELECT s AS statement, pg_temp.outcome('known_auditor', 'known_mail', format('SELECT pg_temp.estimate(%L)', s)) AS estimate FROM unnest(ARRAY[
	$$SELECT * FROM known.person WHERE age = 7777$$, $$SELECT * FROM known.person WHERE name LIKE 'secret%'$$, $$SELECT * FROM (SELECT * FROM known.person OFFSET 0) s WHERE age = 7777$$, $$SELECT * FROM (SELECT id, age = 7777 AS f FROM known.person) s WHERE f$$,
	$$SELECT * FROM (SELECT age FROM known.person UNION ALL SELECT age FROM known.person) s WHERE age = 7777$$, $$SELECT *, (SELECT count(*) FROM known.plain WHERE a::text LIKE x.name) FROM known.person x WHERE age = 7777$$]) s;

DROP SCHEMA known, known_own CASCADE;
DROP OWNED BY known_reader, known_stranger, known_bypass, known_auditor;
DROP ROLE known_reader, known_stranger, known_bypass, known_auditor;
