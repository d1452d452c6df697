-- What ANALYZE keeps of a protected relation are values of hidden rows: whoever may
-- read the catalogs sees nothing of them, unless row_security = off is honoured.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE stored_owner;
CREATE ROLE stored_reader IN ROLE pg_read_all_data;
CREATE ROLE stored_keeper BYPASSRLS IN ROLE pg_read_all_data;
CREATE SCHEMA stored AUTHORIZATION stored_owner;
GRANT ALL ON SCHEMA stored TO PUBLIC;
SET ROLE stored_owner;
CREATE TABLE stored.person (id bigint PRIMARY KEY, name text, long text);
CREATE TABLE stored.plain (id bigint PRIMARY KEY, name text, long text);
CREATE TABLE stored.event (person_id bigint, day int) PARTITION BY LIST (day);
CREATE TABLE stored.event_1 PARTITION OF stored.event DEFAULT;
INSERT INTO stored.person SELECT i, 'hidden' || i % 3, (SELECT string_agg(md5(i % 3 || ' ' || j), '') FROM generate_series(1, 25) j) FROM generate_series(1, 99) i;
INSERT INTO stored.plain SELECT * FROM stored.person;
INSERT INTO stored.event SELECT i, i % 3 FROM generate_series(1, 99) i;
CREATE INDEX person_lower ON stored.person (lower(name));
CREATE INDEX plain_lower ON stored.plain (lower(name));
CREATE STATISTICS stored.of_person (mcv) ON name, long FROM stored.person;
CREATE STATISTICS stored.of_plain (mcv) ON name, long FROM stored.plain;
RESET ROLE;
ANALYZE stored.person, stored.plain, stored.event;
SELECT privseg.protect('stored.person', 'id'), privseg.protect('stored.event', 'person_id', 'stored.person');
-- which relations of ours a query names, or how many rows it gives
CREATE VIEW stored.view AS SELECT starelid, stanumbers1 FROM pg_statistic;
CREATE FUNCTION stored.inlined() RETURNS SETOF pg_statistic LANGUAGE sql STABLE AS 'SELECT * FROM pg_statistic';
CREATE FUNCTION stored.run(statement text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY EXECUTE statement; END $$;
GRANT ALL ON stored.view TO PUBLIC;
CREATE FUNCTION pg_temp.names(actor text, rs text, statement text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.outcome(actor, '', format('SELECT set_config(''row_security'', %L, true); SELECT COALESCE(string_agg(DISTINCT c.relname::text, '' '' ORDER BY c.relname::text), ''none'') FROM (%s) s (of) JOIN pg_class c ON c.oid = s.of WHERE c.relnamespace = ''stored''::regnamespace', rs, statement)) $$;
SELECT s AS statement, pg_temp.names('stored_reader', 'on', s) AS reader, pg_temp.names('stored_keeper', 'on', s) AS keeper, pg_temp.names('postgres', 'on', s) AS super, pg_temp.names('stored_keeper', 'off', s) = pg_temp.names('postgres', 'off', s) AS same_off, pg_temp.names('postgres', 'off', s) AS off
FROM unnest(ARRAY[
	'SELECT starelid FROM pg_statistic', 'SELECT starelid FROM stored.view', 'SELECT starelid FROM stored.inlined()', 'SELECT r::regclass::oid FROM stored.run(''SELECT starelid::regclass::text FROM pg_statistic'') r',
	'SELECT (s).starelid FROM (SELECT s FROM pg_statistic s OFFSET 0) x', 'SELECT a.oid FROM pg_class a LEFT JOIN pg_statistic s ON s.starelid = a.oid WHERE s.stavalues1 IS NOT NULL',
	'WITH c AS MATERIALIZED (SELECT * FROM pg_statistic) SELECT starelid FROM c', 'SELECT a.oid FROM pg_class a WHERE EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = a.oid)',
	'SELECT e.stxrelid FROM pg_statistic_ext_data d JOIN pg_statistic_ext e ON e.oid = d.stxoid', 'SELECT e.stxrelid FROM pg_statistic_ext e, LATERAL (SELECT d.stxdmcv FROM pg_statistic_ext_data d WHERE d.stxoid = e.oid) x WHERE stxdmcv IS NOT NULL',
	'SELECT format(''%I.%I'', schemaname, tablename)::regclass::oid FROM pg_stats WHERE schemaname = ''stored''', 'SELECT format(''%I.%I'', schemaname, tablename)::regclass::oid FROM pg_stats_ext WHERE schemaname = ''stored''']) s;
-- large values are kept apart
SELECT a AS actor, r AS row_security, pg_temp.outcome(a, '', format('SET LOCAL row_security = %s; SELECT count(*) > 0 FROM %s', r, t)) AS found FROM unnest('{stored_reader,postgres}'::text[]) a, unnest('{on,off}'::text[]) r,
	LATERAL (SELECT reltoastrelid::regclass AS t FROM pg_class WHERE oid = 'pg_statistic'::regclass) t WHERE NOT (a = 'stored_reader' AND r = 'off');
-- COPY, which is no query of the client's
\getenv abs_builddir PG_ABS_BUILDDIR
\set copied :abs_builddir '/results/stored_statistics.copied'
CREATE TEMP TABLE copied (of oid);
COPY pg_statistic (starelid) TO :'copied';
COPY copied FROM :'copied';
SELECT count(*) FILTER (WHERE of = 'stored.plain'::regclass) AS plain, count(*) FILTER (WHERE of = 'stored.person'::regclass) AS person FROM copied;
-- a plan that was made for another
SET plan_cache_mode = force_generic_plan;
PREPARE p AS SELECT count(*) > 0 AS kept FROM pg_statistic WHERE starelid = 'stored.person'::regclass;
SET row_security = off;
EXECUTE p;
RESET row_security;
EXECUTE p;
SET ROLE stored_reader;
EXECUTE p;
RESET ROLE;
-- ANALYZE keeps them all the same, and nothing is lost for maintenance
ANALYZE stored.person;
SELECT pg_temp.names('postgres', 'off', 'SELECT starelid FROM pg_statistic') AS off;

DROP SCHEMA stored CASCADE;
DROP OWNED BY stored_owner, stored_reader, stored_keeper;
DROP ROLE stored_owner, stored_reader, stored_keeper;
