-- Statements that live longer than one execution, or are none of the query
-- kinds: cursors, prepared statements, COPY, EXPLAIN, CREATE TABLE AS.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA session_test;
CREATE ROLE session_analyst;
CREATE ROLE session_other;
CREATE ROLE session_stranger;
CREATE ROLE session_bypass BYPASSRLS;
CREATE ROLE session_super SUPERUSER;
GRANT ALL ON SCHEMA session_test TO PUBLIC;
CREATE TABLE session_test.person (id int PRIMARY KEY, name text);
CREATE TABLE session_test.event (person_id int, at int) PARTITION BY LIST (at);
CREATE TABLE session_test.event_1 PARTITION OF session_test.event FOR VALUES IN (1);
CREATE INDEX ON session_test.event (person_id);
INSERT INTO session_test.person SELECT i, 'n' || i FROM generate_series(1, 9) i;
INSERT INTO session_test.event SELECT i, 1 FROM generate_series(1, 9) i;
GRANT ALL ON ALL TABLES IN SCHEMA session_test TO PUBLIC;
SELECT privseg.create_purpose('session_a', 'consent'), privseg.create_purpose('session_b', 'consent'), privseg.create_purpose('session_c', 'consent');
SELECT privseg.protect('session_test.person', 'id'), privseg.protect('session_test.event', 'person_id', 'session_test.person');
SELECT count(privseg.record_consent('session_test.person', i, 'session_a', 'given')) FROM generate_series(1, 4) i;
SELECT count(privseg.record_consent('session_test.person', i, 'session_b', 'given')) FROM generate_series(3, 6) i;
SELECT count(privseg.grant_clearance(r::regrole, p)::text) FROM unnest('{session_analyst,session_other,session_bypass,session_super}'::text[]) r, unnest('{session_a,session_b}'::text[]) p;
SELECT privseg.revoke_clearance('session_other', 'session_a');

-- a cursor: one purpose from its first row to its last
SET SESSION AUTHORIZATION session_analyst;
SET privseg.purpose = 'session_a';
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM session_test.person ORDER BY id;
FETCH 2 FROM c;
FETCH ABSOLUTE 1 FROM c;
MOVE ALL IN c;
FETCH BACKWARD 1 FROM c;
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM session_test.person;
FETCH 2 FROM c;
SET LOCAL privseg.purpose = 'session_b';
\set VERBOSITY sqlstate
FETCH ALL FROM c;
ROLLBACK;
-- not a row is handed out
CREATE TEMP SEQUENCE handed_out;
BEGIN;
DECLARE c CURSOR FOR SELECT id, nextval('handed_out') FROM session_test.person;
FETCH 1 FROM c;
SET LOCAL privseg.purpose = 'session_b';
FETCH ALL FROM c;
ROLLBACK;
SELECT last_value FROM handed_out;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM session_test.person;
FETCH 1 FROM c;
SET LOCAL privseg.purpose = '';
FETCH ALL FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM session_test.person;
FETCH 1 FROM c;
SET LOCAL privseg.purpose = 'session_b';
SET LOCAL privseg.purpose = 'session_a';
FETCH ALL FROM c;
-- opened under no purpose, none, or a wrong one: refused when it is opened
SET LOCAL privseg.purpose = '';
SAVEPOINT s;
DECLARE d CURSOR FOR SELECT id FROM session_test.person;
ROLLBACK TO s;
SET LOCAL privseg.purpose = 'session_c';
DECLARE d CURSOR FOR SELECT id FROM session_test.person;
ROLLBACK;
\set VERBOSITY default
-- WITH HOLD: fetched under the purpose it was declared for, or not at all
BEGIN;
SET LOCAL privseg.purpose = 'session_b';
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM session_test.person ORDER BY id;
COMMIT;
SHOW privseg.purpose;
FETCH ALL FROM h;
CLOSE h;
-- an update through a cursor changes what the cursor shows
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM session_test.person WHERE id = 3 FOR UPDATE;
FETCH c;
UPDATE session_test.person SET name = 'changed' WHERE CURRENT OF c RETURNING id, name;
ROLLBACK;
RESET SESSION AUTHORIZATION;
-- what a cursor has kept, in a sort, for the rows ahead, WITH HOLD, is for nobody
-- whom the statement itself would refuse
CREATE TABLE session_test.many (n int, person_id int);
INSERT INTO session_test.many SELECT i, 1 + i % 9 FROM generate_series(1, 400) i;
CREATE INDEX ON session_test.many (person_id);
GRANT SELECT ON session_test.many TO PUBLIC;
SELECT privseg.protect('session_test.many', 'person_id', 'session_test.person');
CREATE FUNCTION pg_temp.fetched(begin text, change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	cursor text;
	result text := '';
BEGIN
	FOREACH cursor IN ARRAY '{sorted,ahead,hold}'::text[] LOOP
		BEGIN
			EXECUTE begin;
			EXECUTE 'DECLARE sorted SCROLL CURSOR FOR SELECT n FROM session_test.many ORDER BY person_id, n';
			EXECUTE 'DECLARE ahead SCROLL CURSOR FOR SELECT n FROM session_test.many';
			EXECUTE 'MOVE 2 IN sorted; MOVE 60 IN ahead';
			EXECUTE change;
			EXECUTE format('MOVE RELATIVE 1 IN %I', cursor);
			result := result || cursor || ' moved, ';
			RAISE EXCEPTION USING ERRCODE = 'ZZ000';
		EXCEPTION
			WHEN SQLSTATE 'ZZ000' THEN NULL;
			WHEN OTHERS THEN result := result || cursor || ' ' || SQLSTATE || ', ';
		END;
	END LOOP;
	RETURN result;
END $$;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET ROLE session_analyst;
SET privseg.purpose = 'session_a';
DECLARE hold SCROLL CURSOR WITH HOLD FOR SELECT n FROM session_test.many ORDER BY person_id;
RESET ROLE;
SELECT change, pg_temp.fetched('SET ROLE session_analyst; SET privseg.purpose = session_a', change)
FROM unnest(ARRAY['SELECT 1', 'SET privseg.purpose = session_b', 'SET privseg.purpose = session_none', 'RESET privseg.purpose',
	'SET ROLE session_stranger', 'SET ROLE session_other', 'RESET ROLE', 'SET ROLE session_super', 'SET ROLE session_bypass']) change;
CLOSE hold;
RESET privseg.purpose;
SET row_security = off;
DECLARE hold SCROLL CURSOR WITH HOLD FOR SELECT n FROM session_test.many ORDER BY person_id;
RESET row_security;
SELECT change, pg_temp.fetched('SET row_security = off', change)
FROM unnest(ARRAY['SELECT 1', 'SET row_security = on', 'SET ROLE session_analyst', 'SET row_security = on; SET privseg.purpose = session_a; SET ROLE session_analyst']) change;
CLOSE hold;
RESET enable_indexscan;
RESET enable_bitmapscan;

-- a prepared statement: each execution by its own role and purpose, custom or generic
CREATE FUNCTION session_test.counts() RETURNS TABLE(all_rows text, by_key text) LANGUAGE sql AS $$
	SELECT pg_temp.outcome('EXECUTE every_row'), pg_temp.outcome('EXECUTE one_row(5)') $$;
SET privseg.purpose = 'session_a';
SET ROLE session_analyst;
PREPARE every_row AS SELECT count(*) FROM session_test.person;
PREPARE one_row(int) AS SELECT count(*) FROM session_test.person WHERE id = $1;
RESET ROLE;
SELECT mode, r AS role, p AS purpose, pg_temp.outcome(format('SET plan_cache_mode = %s; SET ROLE %I; SET privseg.purpose = %L; SELECT c::text FROM session_test.counts() c', mode, r, p)) AS counts
FROM unnest('{force_custom_plan,force_generic_plan,auto}'::text[]) mode, unnest('{session_analyst,session_super,session_other,session_bypass,session_stranger,session_analyst}'::text[]) WITH ORDINALITY AS r (r, n),
	unnest('{session_a,session_b,session_c,""}'::text[]) p ORDER BY mode, n, p;
DEALLOCATE ALL;
RESET ROLE;

-- COPY: a query and a table, of the root and of a partition, by anyone
SET ROLE session_analyst;
SET privseg.purpose = 'session_a';
COPY (SELECT id FROM session_test.person ORDER BY id) TO STDOUT;
COPY session_test.person (id) TO STDOUT;
COPY session_test.event_1 TO STDOUT;
\set VERBOSITY sqlstate
COPY session_test.event TO STDOUT;
\copy session_test.person FROM /dev/null
\copy session_test.event_1 FROM /dev/null
SET ROLE session_bypass;
COPY session_test.person (name, id) TO STDOUT WITH (FORMAT csv, HEADER);
COPY session_test.event_1 TO STDOUT;
\copy session_test.person FROM /dev/null
\copy session_test.event FROM /dev/null
SET ROLE session_super;
COPY session_test.person TO STDOUT;
COPY session_test.event_1 (person_id) TO STDOUT;
\copy session_test.event_1 FROM /dev/null
SET ROLE session_stranger;
COPY session_test.person TO STDOUT;
SET privseg.purpose = '';
SET ROLE session_super;
COPY session_test.person TO STDOUT;
COPY (SELECT * FROM session_test.event_1) TO STDOUT;

-- EXPLAIN runs, or plans, under the same rules
EXPLAIN SELECT FROM session_test.person;
EXPLAIN (ANALYZE) SELECT FROM session_test.person;
SET privseg.purpose = 'session_a';
EXPLAIN (COSTS OFF) SELECT FROM session_test.person WHERE id = 5;
EXPLAIN (COSTS OFF) SELECT FROM session_test.event_1;
EXPLAIN (COSTS OFF) UPDATE session_test.person SET name = '';

-- copies made by a statement hold what the statement shows
CREATE TEMP TABLE copy_a AS SELECT * FROM session_test.person;
SELECT id INTO TEMP copy_b FROM session_test.person;
CREATE TEMP TABLE copy_d (LIKE session_test.person);
INSERT INTO copy_d SELECT * FROM session_test.person;
SELECT (SELECT count(*) FROM copy_a) AS a, (SELECT count(*) FROM copy_b) AS b, (SELECT count(*) FROM copy_d) AS d;
SET privseg.purpose = 'session_b';
SELECT person_id INTO TEMP copy_c FROM session_test.event;
SELECT array_agg(person_id ORDER BY person_id) FROM copy_c;
SET privseg.purpose = 'session_c';
CREATE TEMP TABLE copy_e AS SELECT * FROM session_test.person;
CREATE TEMP TABLE copy_e AS SELECT * FROM session_test.person WITH NO DATA;

-- the purpose cannot change inside a statement
SET ROLE session_analyst;
SET privseg.purpose = 'session_a';
SELECT id, set_config('privseg.purpose', 'session_b', false) FROM session_test.person;
SHOW privseg.purpose;
RESET ROLE;
RESET privseg.purpose;
\set VERBOSITY default

-- row_security = off: all rows for whom session, outer and current user may bypass, an error or the policy for everyone else
CREATE FUNCTION session_test.as_super() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT count(*) FROM session_test.person); END $$;
ALTER FUNCTION session_test.as_super() OWNER TO session_super;
CREATE FUNCTION session_test.as_analyst() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT count(*) FROM session_test.person); END $$;
ALTER FUNCTION session_test.as_analyst() OWNER TO session_analyst;
CREATE VIEW session_test.of_super AS SELECT count(*) FROM session_test.person;
ALTER VIEW session_test.of_super OWNER TO session_super;
GRANT SELECT ON session_test.of_super TO PUBLIC;
GRANT session_super, session_bypass TO session_analyst;
SET row_security = off;
SET privseg.purpose = 'session_a';
SET SESSION AUTHORIZATION session_super;
SELECT pg_temp.outcome('SELECT count(*) FROM session_test.person') AS own, pg_temp.outcome('SELECT session_test.as_super()') AS definer_super,
	pg_temp.outcome('SELECT session_test.as_analyst()') AS definer_analyst, pg_temp.outcome('TABLE session_test.of_super') AS view_of_super, pg_temp.outcome('SELECT count(*) FROM session_test.event_1') AS partition;
SET SESSION AUTHORIZATION session_bypass;
SELECT pg_temp.outcome('SELECT count(*) FROM session_test.person') AS own, pg_temp.outcome('SELECT session_test.as_super()') AS definer_super,
	pg_temp.outcome('SELECT session_test.as_analyst()') AS definer_analyst, pg_temp.outcome('TABLE session_test.of_super') AS view_of_super, pg_temp.outcome('SELECT count(*) FROM session_test.event_1') AS partition;
SET SESSION AUTHORIZATION session_super;
SET ROLE session_analyst;
SELECT pg_temp.outcome('SELECT count(*) FROM session_test.person') AS own, pg_temp.outcome('SELECT session_test.as_super()') AS definer_super;
RESET ROLE;
SET SESSION AUTHORIZATION session_analyst;
SELECT pg_temp.outcome('SELECT count(*) FROM session_test.person') AS own, pg_temp.outcome('SELECT session_test.as_super()') AS definer_super,
	pg_temp.outcome('SELECT session_test.as_analyst()') AS definer_analyst, pg_temp.outcome('TABLE session_test.of_super') AS view_of_super, pg_temp.outcome('SELECT count(*) FROM session_test.event_1') AS partition;
SET ROLE session_super;
SELECT pg_temp.outcome('SELECT count(*) FROM session_test.person') AS own, pg_temp.outcome('SELECT session_test.as_super()') AS definer_super;
-- a plan made while it was off keeps no hole once it is on
RESET SESSION AUTHORIZATION;
SET plan_cache_mode = force_generic_plan;
PREPARE everyone AS SELECT count(*) FROM session_test.person;
PREPARE partition AS SELECT count(*) FROM session_test.event_1;
EXECUTE everyone;
EXECUTE partition;
SET row_security = on;
SELECT r, pg_temp.outcome(r, 'session_a', 'EXECUTE everyone') AS everyone, pg_temp.outcome(r, 'session_a', 'EXECUTE partition') AS partition FROM unnest('{session_super,session_bypass,session_analyst,session_stranger}'::text[]) r;
SET row_security = off;
EXECUTE everyone;
RESET row_security;
DEALLOCATE ALL;

RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA session_test CASCADE;
DROP OWNED BY session_analyst, session_other, session_stranger, session_bypass, session_super;
DROP ROLE session_analyst, session_other, session_stranger, session_bypass, session_super;
