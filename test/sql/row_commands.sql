-- What EXPLAIN counts and what commands make tells and keeps nothing protected, also where a
-- cursor that was opened before goes on in them, and where a parallel worker reads.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE command_reader;
CREATE SCHEMA command;
GRANT ALL ON SCHEMA command TO command_reader;
CREATE TABLE command.person (id int PRIMARY KEY, secret text);
INSERT INTO command.person SELECT i, 's' || i FROM generate_series(1, 9) i;
CREATE TABLE command.plain AS SELECT i FROM generate_series(1, 9) i;
GRANT SELECT ON ALL TABLES IN SCHEMA command TO command_reader;
SELECT privseg.create_purpose('command_mail', 'consent'), privseg.protect('command.person', 'id');
SELECT privseg.grant_clearance('command_reader', 'command_mail');
SELECT count(privseg.record_consent('command.person', i, 'command_mail', 'given')) FROM generate_series(1, 8) i;
SET ROLE command_reader;
SET privseg.purpose = 'command_mail';

-- what a statement says, or how it is refused; and is anything counted in it?
CREATE FUNCTION pg_temp.explained(statement text, OUT code text, OUT counts boolean, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	c refcursor := 'opened';
BEGIN
	code := 'ran';
	counts := false;
	OPEN c FOR SELECT id FROM command.person WHERE secret = 's9';
	FOR line IN EXECUTE statement LOOP
		counts := counts OR line ~ 'actual|Buffers|cost';
	END LOOP;
	CLOSE c;
EXCEPTION WHEN OTHERS THEN
	code := SQLSTATE;
	message := SQLERRM;
END $$;
CREATE FUNCTION command.reads() RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN (SELECT count(*) FROM command.person WHERE secret = 's9'); END $$;
CREATE FUNCTION command.harmless() RETURNS bigint LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN (SELECT count(*) FROM command.plain); END $$;
CREATE FUNCTION command.fetches() RETURNS int LANGUAGE plpgsql AS $$ DECLARE c refcursor := 'opened'; i int; BEGIN FETCH c INTO i; RETURN i; END $$;
PREPARE reads AS SELECT command.reads();
PREPARE harmless AS SELECT command.harmless();
PREPARE fetches AS SELECT command.fetches();
PREPARE xml AS SELECT cursor_to_xml('opened', 5, true, true, '');
SELECT w.workers, s.statement, e.* FROM (VALUES ('off'), ('on')) w (workers), unnest(ARRAY[
	'EXPLAIN (ANALYZE, BUFFERS) SELECT command.harmless()',
	'EXPLAIN (ANALYZE, BUFFERS) SELECT command.reads()',
	'EXPLAIN (ANALYZE, BUFFERS) SELECT command.fetches()',
	'EXPLAIN (ANALYZE, BUFFERS) SELECT cursor_to_xml(''opened'', 5, true, true, '''')',
	'EXPLAIN (ANALYZE, BUFFERS) EXECUTE harmless',
	'EXPLAIN (ANALYZE, BUFFERS) EXECUTE reads',
	'EXPLAIN (ANALYZE, BUFFERS) EXECUTE fetches',
	'EXPLAIN (ANALYZE, BUFFERS) EXECUTE xml']) WITH ORDINALITY s (statement, i),
	LATERAL (SELECT set_config('force_parallel_mode', w.workers, true) AS set OFFSET 0) f, LATERAL pg_temp.explained(s.statement || substr(f.set, 1, 0)) e ORDER BY w.workers, s.i;

-- and copies
SELECT w.workers, s.statement, r.code, r.message FROM (VALUES ('off'), ('on')) w (workers), unnest(ARRAY[
	'CREATE TABLE command.made AS SELECT command.harmless()',
	'CREATE TABLE command.made AS SELECT command.reads()',
	'SELECT command.reads() INTO command.made',
	'CREATE MATERIALIZED VIEW command.made AS SELECT command.harmless()',
	'CREATE MATERIALIZED VIEW command.made AS SELECT command.reads()',
	'EXPLAIN ANALYZE CREATE TABLE command.made AS SELECT command.reads()',
	'CREATE TEMP TABLE made AS SELECT command.reads()',
	'DECLARE opened CURSOR FOR SELECT secret FROM command.person; CREATE TABLE command.made AS SELECT cursor_to_xml(''opened'', 5, true, true, '''')',
	'DECLARE opened CURSOR FOR SELECT id FROM command.person; CREATE TABLE command.made AS SELECT command.fetches()',
	'DECLARE opened CURSOR FOR SELECT id FROM command.person; CREATE TEMP TABLE made AS SELECT command.fetches()']) WITH ORDINALITY s (statement, i),
	LATERAL (SELECT set_config('force_parallel_mode', w.workers, true) AS set OFFSET 0) f, LATERAL pg_temp.refusal(s.statement || substr(f.set, 1, 0)) r ORDER BY w.workers, s.i;
RESET ROLE;
GRANT pg_write_server_files TO command_reader;
SET ROLE command_reader;
SELECT w.workers, r.code, r.message FROM (VALUES ('off'), ('on')) w (workers),
	LATERAL (SELECT set_config('force_parallel_mode', w.workers, true) AS set OFFSET 0) f, LATERAL pg_temp.refusal('COPY (SELECT command.reads()) TO ''/dev/null''' || substr(f.set, 1, 0)) r ORDER BY w.workers;
-- afterwards nothing is forbidden any more
SET force_parallel_mode = on;
SELECT command.reads();
RESET force_parallel_mode;
RESET ROLE;

-- a command has workers that no statement started: they are told by when it is, and what it is in
GRANT CREATE ON SCHEMA command TO command_reader;
SET ROLE command_reader;
CREATE TABLE command.wide AS SELECT i AS n FROM generate_series(1, 20000) i;
ALTER TABLE command.wide SET (parallel_workers = 2);
CREATE FUNCTION command.sees(n int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	IF n = 10000 THEN
		RAISE WARNING 'sees %', (SELECT count(*) FROM command.person WHERE id = 8);
	END IF;
	RETURN n;
END $$;
CREATE FUNCTION command.sees_elsewhere(n int, leader int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	IF n % 100 = 0 AND pg_backend_pid() <> leader THEN
		PERFORM FROM command.person;
	ELSIF n % 100 = 0 THEN
		PERFORM pg_sleep(0.01); -- something is left for the others
	END IF;
	RETURN n;
END $$;
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
RESET ROLE;
-- nobody else folds meanwhile
BEGIN;
DO $$ BEGIN PERFORM privseg.record_consent('command.person', 8, 'command_mail', 'given', expires_at => clock_timestamp() + interval '1.5 seconds'); END $$;
DO $$ BEGIN PERFORM privseg.fold_consent('command.person'); END $$;
SET ROLE command_reader;
SET force_parallel_mode = on;
SELECT count(*) FROM command.wide;
RESET force_parallel_mode;
DO $$ BEGIN PERFORM pg_sleep(2); END $$;
SELECT count(*) FROM command.person WHERE id = 8;
CREATE INDEX ON command.wide (command.sees(n));
COMMIT;
CREATE FUNCTION command.indexes() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE INDEX made ON command.wide (command.sees_elsewhere(n, %s))', pg_backend_pid()); DROP INDEX command.made; END $$;
SELECT command.indexes();
PREPARE indexes AS SELECT command.indexes();
SELECT r.code, r.message FROM pg_temp.refusal('EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, SUMMARY off) EXECUTE indexes') r;
DEALLOCATE indexes;
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
RESET ROLE;
RESET privseg.purpose;

-- what runs in a parallel statement, and begins later, decides for that moment
CREATE TABLE command.many AS SELECT i FROM generate_series(1, 20000) i;
ANALYZE command.many;
GRANT SELECT ON command.many TO command_reader;
DO $$ BEGIN PERFORM privseg.record_consent('command.person', 7, 'command_mail', 'given', expires_at => clock_timestamp() + interval '0.5 seconds'); END $$;
SET ROLE command_reader;
SET privseg.purpose = 'command_mail';
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION command.waits_and_sees() RETURNS bigint PARALLEL SAFE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.52); RETURN (SELECT count(*) FROM command.person WHERE id = 7); END $$;
SELECT command.waits_and_sees(), s FROM (SELECT sum(i) s FROM command.many) x;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET ROLE;
RESET privseg.purpose;

SET client_min_messages = error;
DROP SCHEMA command CASCADE;
DROP OWNED BY command_reader;
DROP ROLE command_reader;
