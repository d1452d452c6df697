-- A DBA's own row policies keep the meaning PostgreSQL gives them, beside the
-- consent policy, which they can only narrow.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA policy_test;
CREATE ROLE policy_reader;
CREATE ROLE policy_other;
CREATE ROLE policy_owner;
GRANT ALL ON SCHEMA policy_test TO PUBLIC;
SELECT privseg.create_purpose('policy_a', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'policy_a')::text) FROM unnest('{policy_reader,policy_other,policy_owner}'::text[]) r;
-- open: neither row security nor policies; enabled: row security without policies; the rest with policies
CREATE TABLE policy_test.open (id int PRIMARY KEY, n int DEFAULT 0);
CREATE TABLE policy_test.enabled (LIKE policy_test.open INCLUDING ALL);
CREATE TABLE policy_test.dormant (LIKE policy_test.open INCLUDING ALL);
CREATE TABLE policy_test.selecting (LIKE policy_test.open INCLUDING ALL);
CREATE TABLE policy_test.everything (LIKE policy_test.open INCLUDING ALL);
CREATE TABLE policy_test.narrowed (LIKE policy_test.open INCLUDING ALL);
CREATE TABLE policy_test.checked (LIKE policy_test.open INCLUDING ALL);
CREATE FUNCTION pg_temp.tables() RETURNS SETOF regclass LANGUAGE sql AS $$ SELECT oid::regclass FROM pg_class WHERE relnamespace = 'policy_test'::regnamespace AND relkind = 'r' ORDER BY relname $$;
DO $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT pg_temp.tables() LOOP
		EXECUTE format('INSERT INTO %s SELECT i FROM generate_series(1, 9) i', t);
		EXECUTE format('ALTER TABLE %s OWNER TO policy_owner', t);
		EXECUTE format('GRANT ALL ON %s TO PUBLIC', t);
	END LOOP;
END $$;
ALTER TABLE policy_test.enabled ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policy_test.dormant USING (id < 4);
ALTER TABLE policy_test.selecting ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policy_test.selecting FOR SELECT TO policy_reader USING (id > 3);
ALTER TABLE policy_test.everything ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policy_test.everything TO policy_reader USING (true);
CREATE POLICY q ON policy_test.everything TO policy_other USING (id = 2);
ALTER TABLE policy_test.narrowed ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policy_test.narrowed USING (true);
CREATE POLICY r ON policy_test.narrowed AS RESTRICTIVE USING (id <> 1);
ALTER TABLE policy_test.checked ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON policy_test.checked USING (true) WITH CHECK (n < 10);
SELECT t, privseg.protect(t, 'id') IS NOT NULL AS protected FROM pg_temp.tables() t;
SELECT count(privseg.record_consent(t, i, 'policy_a', 'given')) FROM pg_temp.tables() t, generate_series(1, 5) i;

-- rows 1 to 5 permit.  What each role reads, updates, deletes, inserts of the nine rows
CREATE FUNCTION pg_temp.may() RETURNS TABLE("table" regclass, role text, reads text, updates text, deletes text, inserts text, updates_to_20 text) LANGUAGE sql AS $$
	SELECT t, r, pg_temp.outcome(r, 'policy_a', format('SELECT string_agg(id::text, '''' ORDER BY id) FROM %s', t)),
		pg_temp.outcome(r, 'policy_a', format('WITH w AS (UPDATE %s SET n = n + 1 RETURNING id) SELECT string_agg(id::text, '''' ORDER BY id) FROM w', t)),
		pg_temp.outcome(r, 'policy_a', format('WITH w AS (DELETE FROM %s RETURNING id) SELECT string_agg(id::text, '''' ORDER BY id) FROM w', t)),
		pg_temp.outcome(r, 'policy_a', format('INSERT INTO %s VALUES (10) RETURNING id', t)),
		pg_temp.outcome(r, 'policy_a', format('WITH w AS (UPDATE %s SET n = 20 RETURNING id) SELECT string_agg(id::text, '''' ORDER BY id) FROM w', t))
	FROM pg_temp.tables() t, unnest('{policy_reader,policy_other,policy_owner}'::text[]) r ORDER BY t::text COLLATE "C", array_position('{policy_reader,policy_other,policy_owner}', r) $$;
SELECT * FROM pg_temp.may();

-- a policy that comes after protection: the table is not open any more
SET ROLE policy_owner;
CREATE POLICY later ON policy_test.open FOR SELECT TO policy_reader USING (id > 3);
RESET ROLE;
SELECT * FROM pg_temp.may() WHERE "table" = 'policy_test.open'::regclass;
SET ROLE policy_owner;
DROP POLICY later ON policy_test.open;
-- a restrictive one alone leaves it open, narrower
CREATE POLICY later ON policy_test.open AS RESTRICTIVE TO policy_reader USING (id > 3);
RESET ROLE;
SELECT * FROM pg_temp.may() WHERE "table" = 'policy_test.open'::regclass;
SET ROLE policy_owner;
DROP POLICY later ON policy_test.open;
RESET ROLE;
SELECT * FROM pg_temp.may() WHERE "table" = 'policy_test.open'::regclass;

-- a policy that asks another protected table is policed there as well
CREATE POLICY nested ON policy_test.enabled USING (id IN (SELECT id + 2 FROM policy_test.open));
SELECT * FROM pg_temp.may() WHERE "table" = 'policy_test.enabled'::regclass;
DROP POLICY nested ON policy_test.enabled;
-- no policy shows what consent hides
CREATE POLICY wide ON policy_test.everything TO PUBLIC USING (true) WITH CHECK (true);
SELECT * FROM pg_temp.may() WHERE "table" = 'policy_test.everything'::regclass;

SELECT t, privseg.unprotect(t) IS NOT NULL AS unprotected FROM pg_temp.tables() t;
SELECT relname, relrowsecurity, relforcerowsecurity, (SELECT string_agg(polname, ',' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) FROM pg_class c
WHERE relnamespace = 'policy_test'::regnamespace AND relkind = 'r' ORDER BY relname;
DROP SCHEMA policy_test CASCADE;
DROP OWNED BY policy_reader, policy_other, policy_owner;
DROP ROLE policy_reader, policy_other, policy_owner;
