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

-- of a range its maker says how far the bounds are apart: ANALYZE, whoever runs it, does not ask him
SET client_min_messages = notice;
SET ROLE stored_owner;
CREATE FUNCTION stored.apart(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'told of %', $1; RETURN $1 - $2; END $$;
CREATE TYPE stored.years AS RANGE (subtype = int, subtype_diff = stored.apart);
CREATE DOMAIN stored.work AS stored.years;
CREATE TABLE stored.job (id bigint, person_id bigint, since stored.years, at stored.work, many stored.years_multirange, of stored.years[], plain int4range) PARTITION BY RANGE (id);
CREATE TABLE stored.job_1 PARTITION OF stored.job FOR VALUES FROM (1) TO (10);
INSERT INTO stored.job SELECT i, i, stored.years(i, i + 1), stored.years(i, i + 1), stored.years_multirange(stored.years(i, i + 1)), ARRAY[stored.years(i, i + 1)], int4range(i, i + 1) FROM generate_series(1, 3) i;
RESET ROLE;
SELECT privseg.protect('stored.job', 'person_id', 'stored.person');
SELECT count(*) FROM privseg.check() WHERE object LIKE 'stored.job%' AND status <> 'compliant';
ANALYZE stored.job;
SET ROLE stored_owner;
ANALYZE stored.job;
ANALYZE stored.job_1 (since, at, many, plain);
SELECT code, message FROM unnest(ARRAY['ALTER TABLE stored.job ALTER since SET STATISTICS 10', 'ALTER TABLE stored.job_1 ALTER many SET STATISTICS -1', 'ALTER TABLE stored.job ALTER at SET STATISTICS 0', 'ALTER TABLE stored.job ALTER plain SET STATISTICS 10']) s, pg_temp.refusal(s);
-- nor of a partition that comes later
SELECT code FROM pg_temp.refusal('CREATE TABLE stored.job_2 PARTITION OF stored.job FOR VALUES FROM (10) TO (20)');
CREATE TABLE stored.job_2 (LIKE stored.job);
INSERT INTO stored.job_2 (id, person_id, since) VALUES (11, 11, stored.years(11, 12));
SELECT code, message, detail FROM pg_temp.refusal('ALTER TABLE stored.job ATTACH PARTITION stored.job_2 FOR VALUES FROM (10) TO (20)');
ALTER TABLE stored.job_2 ALTER since SET STATISTICS 0, ALTER at SET STATISTICS 0, ALTER many SET STATISTICS 0;
ALTER TABLE stored.job ATTACH PARTITION stored.job_2 FOR VALUES FROM (10) TO (20);
ANALYZE stored.job_2;
RESET ROLE;
SET row_security = off;
SELECT s.starelid::regclass, a.attname FROM pg_statistic s JOIN pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum WHERE s.starelid::regclass::text LIKE 'stored.job%' AND a.attnum > 2 ORDER BY 1, 2;
-- maintenance may have it otherwise, and is told
ALTER TABLE stored.job_1 ALTER since SET STATISTICS 10;
RESET row_security;
SELECT status, object, message, hint FROM privseg.check() WHERE object LIKE 'stored.job%' AND status = 'violation';
SELECT privseg.unprotect('stored.job');
SELECT attrelid::regclass, attname, attstattarget FROM pg_attribute WHERE attrelid::regclass::text LIKE 'stored.job%' AND attname IN ('since', 'plain') ORDER BY 1, 2;

-- of expressions it keeps the same: nobody makes an index or statistics of one that comes to such a range
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.said(statements text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT trim(concat_ws(' ', code, message, detail)) FROM unnest(statements) s, pg_temp.refusal(s) $$;
SET ROLE stored_owner;
CREATE TABLE stored.room (id bigint, person_id bigint, since stored.years, at stored.work, many stored.years_multirange, plain int4range, lower int, upper int);
CREATE INDEX room_made ON stored.room (stored.years(lower, upper));
CREATE INDEX room_at ON stored.room ((at::stored.years));
ALTER INDEX stored.room_at ALTER COLUMN 1 SET STATISTICS 0;
CREATE STATISTICS stored.room_since ON (coalesce(since, since)), id FROM stored.room;
CREATE STATISTICS stored.room_plain ON (coalesce(plain, plain)), id FROM stored.room;
INSERT INTO stored.room SELECT i, i, stored.years(i, i + 1), stored.years(i, i + 1), stored.years_multirange(stored.years(i, i + 1)), int4range(i, i + 1), i, i + 1 FROM generate_series(1, 3) i;
RESET ROLE;
SELECT pg_temp.said(ARRAY['SELECT privseg.protect(''stored.room'', ''person_id'', ''stored.person'')']);
DROP INDEX stored.room_made, stored.room_at;
SELECT pg_temp.said(ARRAY['SELECT privseg.protect(''stored.room'', ''person_id'', ''stored.person'')']);
DROP STATISTICS stored.room_since;
SELECT privseg.protect('stored.room', 'person_id', 'stored.person');
SET ROLE stored_owner;
SELECT pg_temp.said(ARRAY[
	'CREATE INDEX ON stored.room ((at::stored.years))',
	'CREATE INDEX ON stored.room (coalesce(many, many))',
	'CREATE INDEX ON stored.room (id, (at::stored.years))',
	'CREATE STATISTICS stored.s ON (coalesce(since, since)), id FROM stored.room',
	'CREATE STATISTICS stored.s ON (coalesce(many)) FROM stored.room',
	'CREATE STATISTICS stored.s ON (coalesce(''[1,2)''::stored.years, ''[3,4)''::stored.years)), id FROM stored.person',
	'CREATE STATISTICS stored.s ON (coalesce(plain, plain)), person_id FROM stored.room']);
ANALYZE stored.room;
-- nor brings a child one
CREATE TABLE stored.room_later (LIKE stored.room INCLUDING ALL);
CREATE INDEX room_later_at ON stored.room_later ((at::stored.years));
CREATE STATISTICS stored.room_later_many ON (coalesce(many, many)), id FROM stored.room_later;
ALTER TABLE stored.room_later ALTER since SET STATISTICS 0, ALTER at SET STATISTICS 0, ALTER many SET STATISTICS 0;
SELECT pg_temp.said(ARRAY['ALTER TABLE stored.room_later INHERIT stored.room']);
DROP INDEX stored.room_later_at;
SELECT pg_temp.said(ARRAY['ALTER TABLE stored.room_later INHERIT stored.room']);
DROP STATISTICS stored.room_later_many;
SELECT pg_temp.said(ARRAY['ALTER TABLE stored.room_later INHERIT stored.room']);
RESET ROLE;
SELECT status, object, message, hint FROM privseg.check() WHERE object LIKE 'stored.room%' AND status = 'violation';
SET row_security = off;
CREATE INDEX room_at ON stored.room ((at::stored.years));
CREATE STATISTICS stored.room_since ON (coalesce(since, since)), id FROM stored.room;
RESET row_security;
SELECT status, object, message, hint FROM privseg.check() WHERE object LIKE 'stored.room%' AND status = 'violation';

DROP SCHEMA stored CASCADE;
DROP OWNED BY stored_owner, stored_reader, stored_keeper;
DROP ROLE stored_owner, stored_reader, stored_keeper;
