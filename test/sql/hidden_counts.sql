-- How many rows there are, hidden ones included, is told to administrators and
-- auditors, to nobody else: not by EXPLAIN, not by what core counts.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
SET jit = off;

CREATE ROLE counts_owner LOGIN;
CREATE ROLE counts_reader;
CREATE ROLE counts_bypass BYPASSRLS;
CREATE ROLE counts_admin IN ROLE privseg_admin;
CREATE ROLE counts_auditor IN ROLE privseg_auditor;
CREATE ROLE counts_monitor IN ROLE pg_read_all_stats;
CREATE SCHEMA counts AUTHORIZATION counts_owner;
GRANT ALL ON SCHEMA counts TO PUBLIC;
SELECT privseg.create_purpose('counts_mail', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'counts_mail')::text) FROM unnest('{counts_owner,counts_reader,counts_bypass,counts_admin,counts_auditor,counts_monitor}'::text[]) r;
SET ROLE counts_owner;
CREATE TABLE counts.person (id bigint PRIMARY KEY, name text, n int);
CREATE TABLE counts.plain (id bigint PRIMARY KEY, name text, n int);
INSERT INTO counts.person SELECT i, CASE WHEN i > 500 THEN 'hidden' ELSE 'shown' END || i % 10, i FROM generate_series(1, 1000) i;
INSERT INTO counts.plain SELECT * FROM counts.person;
CREATE INDEX person_name ON counts.person (name);
CREATE INDEX plain_n ON counts.plain (n);
CREATE INDEX person_n ON counts.person (n);
ALTER TABLE counts.person ALTER name SET STATISTICS 100;
CREATE STATISTICS counts.both (mcv, ndistinct) ON name, n FROM counts.person;
CREATE STATISTICS counts.expression ON lower(name), n FROM counts.person;
CREATE VIEW counts.view AS SELECT * FROM counts.person;
CREATE FUNCTION counts.inlined() RETURNS SETOF counts.person LANGUAGE sql STABLE AS 'SELECT * FROM counts.person';
GRANT ALL ON ALL TABLES IN SCHEMA counts TO PUBLIC;
RESET ROLE;
VACUUM ANALYZE counts.person, counts.plain;
SELECT privseg.protect('counts.person', 'id');
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'counts.person', i::text, 'counts_mail', 'given' FROM generate_series(1, 500) i;

-- EXPLAIN: the shape for everybody; figures for administrators and auditors
CREATE FUNCTION counts.explained(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	output text := '';
BEGIN
	FOR line IN EXECUTE statement LOOP
		output := output || line || E'\n';
	END LOOP;
	RETURN CASE WHEN output ~ 'Scan' THEN 'shape' ELSE output END || CASE WHEN output ~ '(rows=|cost=|Plan Rows|Plan-Rows|Total Cost)' THEN ', estimates' ELSE '' END ||
		CASE WHEN output ~ '(actual|Actual)' THEN ', counts' ELSE '' END || CASE WHEN output ~ 'Removed by' THEN ', removed' ELSE '' END ||
		CASE WHEN output ~ '(Buffers|Shared Hit|Heap Fetches|Planning Time|Execution Time|never executed)' THEN ', more' ELSE '' END;
END $$;
CREATE FUNCTION pg_temp.explains(actor text, statement text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.outcome(actor, 'counts_mail', format('SELECT counts.explained(%L)', statement)) $$;
PREPARE prepared AS SELECT * FROM counts.person WHERE name = 'hidden7';
PREPARE prepared_inlined AS SELECT * FROM counts.inlined() WHERE name = 'hidden7';
PREPARE prepared_plain AS SELECT * FROM counts.plain WHERE name = 'hidden7';
SELECT s AS statement, pg_temp.explains('counts_reader', s) AS reader, pg_temp.explains('counts_owner', s) AS owner, pg_temp.explains('counts_bypass', s) AS bypass, pg_temp.explains('counts_admin', s) AS admin, pg_temp.explains('counts_auditor', s) AS auditor
FROM unnest(ARRAY[
	$$EXPLAIN SELECT * FROM counts.person WHERE name = 'hidden7'$$, $$EXPLAIN (ANALYZE) SELECT * FROM counts.person WHERE n > 0$$, $$EXPLAIN (ANALYZE, BUFFERS, VERBOSE, FORMAT JSON) SELECT * FROM counts.person WHERE name = 'hidden7'$$,
	$$EXPLAIN (FORMAT XML) SELECT count(*) FROM counts.view$$, $$EXPLAIN (FORMAT YAML, SUMMARY) SELECT count(*) FROM counts.inlined()$$, $$EXPLAIN (ANALYZE, COSTS OFF) WITH c AS MATERIALIZED (SELECT * FROM counts.person) SELECT count(*) FROM c$$,
	$$EXPLAIN SELECT * FROM counts.plain p WHERE EXISTS (SELECT FROM counts.person q WHERE q.id = p.id)$$, $$EXPLAIN (ANALYZE) UPDATE counts.person SET n = n WHERE id = 7$$, $$EXPLAIN (ANALYZE) DECLARE c CURSOR FOR SELECT * FROM counts.person$$,
	$$EXPLAIN (ANALYZE) CREATE TEMP TABLE x AS SELECT * FROM counts.person$$, $$EXPLAIN EXECUTE prepared$$, $$EXPLAIN (ANALYZE) EXECUTE prepared$$, $$EXPLAIN (COSTS, VERBOSE) EXECUTE prepared_inlined$$, $$EXPLAIN (ANALYZE) EXECUTE prepared_plain$$,
	$$EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM counts.plain WHERE n > 0$$]) s;
-- ANALYZE runs the statement
BEGIN;
SET LOCAL ROLE counts_reader;
SET LOCAL privseg.purpose = 'counts_mail';
SET LOCAL client_min_messages = notice;
EXPLAIN (ANALYZE) UPDATE counts.person SET n = -n WHERE id IN (7, 507);
EXPLAIN (ANALYZE) CREATE TEMP TABLE copied AS SELECT * FROM counts.person;
SELECT count(*) FROM counts.person WHERE n < 0;
SELECT count(*) FROM copied;
ROLLBACK;

-- what core counts
CREATE FUNCTION counts.live(oid) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT pg_stat_get_live_tuples($1)';
CREATE FUNCTION counts.pages(oid) RETURNS int LANGUAGE sql STABLE AS 'SELECT relpages FROM pg_class WHERE oid = $1';
CREATE FUNCTION counts.loop(oid) RETURNS text LANGUAGE plpgsql STABLE AS 'DECLARE c pg_class; BEGIN SELECT * INTO c FROM pg_class k WHERE k.oid = $1; RETURN (c.reltuples >= 0) || ''/'' || COALESCE((pg_stat_get_tuples_inserted($1) > 0)::text, ''none''); END';
SELECT pg_stat_force_next_flush();
SELECT pg_sleep(0.1);
SELECT s AS statement, pg_temp.outcome('counts_reader', 'counts_mail', s) AS reader, pg_temp.outcome('counts_owner', '', s) AS owner, pg_temp.outcome('counts_bypass', 'counts_mail', s) AS bypass, pg_temp.outcome('counts_auditor', '', s) AS auditor, pg_temp.outcome('counts_monitor', '', s) AS monitor, pg_temp.outcome('postgres', '', s) AS super
FROM unnest(ARRAY[
	$$SELECT reltuples FROM pg_class WHERE oid = 'counts.person'::regclass$$, $$SELECT relpages > 0 FROM pg_class c WHERE c.oid = 'counts.person'::regclass$$, $$SELECT reltuples FROM pg_class WHERE oid = 'counts.person_name'::regclass$$,
	$$SELECT (c).reltuples FROM (SELECT c FROM pg_class c WHERE oid = 'counts.person'::regclass) s$$, $$SELECT row_to_json(c) ->> 'reltuples' FROM pg_class c WHERE oid = 'counts.person'::regclass$$, $$SELECT reltuples FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid WHERE c.oid = 'counts.person'::regclass$$,
	$$SELECT count(*) FROM pg_class WHERE oid = 'counts.person'::regclass AND reltuples > 500$$, $$SELECT (SELECT reltuples FROM pg_class d WHERE d.oid = c.oid) FROM pg_class c WHERE c.oid = 'counts.person'::regclass$$, $$SELECT max(reltuples) FROM pg_class c WHERE oid = 'counts.person'::regclass GROUP BY reltuples$$,
	$$SELECT to_jsonb(j) ->> 'reltuples' FROM (pg_class c CROSS JOIN (VALUES (1)) v (x)) j WHERE oid = 'counts.person'::regclass$$,
	$$SELECT reltuples FROM pg_class WHERE oid = 'counts.plain'::regclass$$,
	$$SELECT n_tup_ins > 0 FROM pg_stat_user_tables WHERE relid = 'counts.person'::regclass$$, $$SELECT n_live_tup > 0 FROM pg_stat_all_tables WHERE relid = 'counts.person'::regclass$$, $$SELECT last_analyze < now() FROM pg_stat_all_tables WHERE relid = 'counts.person'::regclass$$, $$SELECT analyze_count > 0 FROM pg_stat_user_tables WHERE relid = 'counts.person'::regclass$$, $$SELECT concat(last_vacuum, last_autovacuum, last_autoanalyze, vacuum_count, autovacuum_count, autoanalyze_count) <> '' FROM pg_stat_user_tables WHERE relid = 'counts.person'::regclass$$, $$SELECT last_analyze < now() AND analyze_count > 0 FROM pg_stat_user_tables WHERE relid = 'counts.plain'::regclass$$, $$SELECT idx_tup_fetch IS NULL FROM pg_stat_user_indexes WHERE indexrelid = 'counts.person_name'::regclass$$,
	$$SELECT heap_blks_hit IS NULL FROM pg_statio_user_tables WHERE relid = 'counts.person'::regclass$$, $$SELECT tup_fetched IS NULL FROM pg_stat_database WHERE datname = current_database()$$, $$SELECT n_tup_ins > 0 FROM pg_stat_user_tables WHERE relid = 'counts.plain'::regclass$$,
	$$SELECT pg_stat_get_live_tuples('counts.person'::regclass) > 0$$, $$SELECT pg_stat_get_xact_tuples_fetched('counts.person'::regclass) IS NULL$$, $$SELECT pg_relation_size('counts.person') > 0$$, $$SELECT pg_relation_size('counts.person', 'fsm') > 0$$, $$SELECT pg_table_size('counts.person') > 0$$,
	$$SELECT pg_indexes_size('counts.person') > 0$$, $$SELECT pg_total_relation_size('counts.person') > 0$$, $$SELECT pg_relation_size('counts.person_name') > 0$$, $$SELECT pg_relation_size(reltoastrelid) >= 0 FROM pg_class WHERE oid = 'counts.person'::regclass$$, $$SELECT pg_relation_size('counts.plain') > 0$$,
	-- by ways round the statement's tree
	$$SELECT counts.live('counts.person'::regclass) > 0$$, $$SELECT counts.pages('counts.person'::regclass) > 0$$, $$SELECT counts.loop('counts.person'::regclass)$$, $$SELECT counts.live('counts.plain'::regclass) > 0$$, $$SELECT privseg.shown_counter('pg_stat_get_live_tuples(oid)'::regprocedure, 'counts.person'::regclass) > 0$$, $$SELECT privseg.shown_moment('pg_stat_get_last_analyze_time(oid)'::regprocedure, 'counts.person'::regclass) < now()$$, $$SELECT privseg.shown_moment('now()'::regprocedure, 'counts.plain'::regclass)$$,
	$$SELECT privseg.shown_counter('pg_ls_dir(text)'::regprocedure, 1)$$, $$SELECT privseg.shown_size('pg_ls_dir(text)'::regprocedure, 'counts.plain', '')$$]) s;
-- which locks are held, of whatever hidden rows have: long values, keys that refer
BEGIN;
LOCK counts.plain IN ACCESS SHARE MODE;
LOCK counts.person IN ACCESS SHARE MODE;
SELECT r AS role, pg_temp.outcome(r, 'counts_mail', $$SELECT string_agg(relation::regclass::text, ' ' ORDER BY relation::regclass::text) FROM pg_locks WHERE pid = pg_backend_pid() AND relation::regclass::text ~ '^counts'$$) AS locks,
	pg_temp.outcome(r, 'counts_mail', $$SELECT count(*) > 0 FROM (SELECT (pg_lock_status()).*) l WHERE relation = 'counts.person'::regclass$$) AS listed, pg_temp.outcome(r, 'counts_mail', $$SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'virtualxid'$$) AS others, pg_temp.outcome(r, 'counts_mail', $$SELECT count(*) > 0 FROM ROWS FROM (pg_lock_status(), generate_series(1, 2)) l WHERE relation = 'counts.person'::regclass$$) AS rows_from
FROM unnest('{counts_reader,counts_owner,counts_bypass,counts_auditor,counts_monitor,postgres}'::text[]) r;
ROLLBACK;
SET ROLE counts_reader;
\o | grep -P '\t(person_n|person_name|plain_n)$' | sort
COPY pg_class (reltuples, relname) TO STDOUT;
\o
RESET ROLE;


-- a row of pg_class that an outer join has not found is none
SELECT pg_temp.outcome(r, 'counts_mail', $$SELECT concat_ws(' ', c.reltuples IS NULL, c.relpages IS NULL, c IS NULL, (SELECT count(d) FROM (VALUES (0::oid)) w (o) LEFT JOIN pg_class d ON d.oid = w.o)) FROM (VALUES (0::oid)) v (o) LEFT JOIN pg_class c ON c.oid = v.o$$),
	pg_temp.outcome(r, 'counts_mail', $$SELECT count(*) FROM (VALUES (0::oid)) v (o) LEFT JOIN pg_class c ON c.oid = v.o WHERE c IS NULL AND c.relpages IS NULL$$),
	pg_temp.outcome(r, 'counts_mail', $$SELECT COALESCE(t.reltuples, 0) FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'pg_am'::regclass$$) FROM unnest('{counts_reader,postgres}'::text[]) r;

-- when rows were written that are there
SELECT s AS statement, pg_temp.outcome('counts_owner', 'counts_mail', s) AS owner, pg_temp.outcome('counts_auditor', '', s) AS auditor FROM unnest(ARRAY[
	$$SELECT relfrozenxid IS NULL FROM pg_class WHERE oid = 'counts.person'::regclass$$, $$SELECT relminmxid IS NULL FROM pg_class WHERE oid = 'counts.person'::regclass$$, $$SELECT relfrozenxid IS NULL FROM pg_class WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'counts.person'::regclass)$$,
	$$SELECT relfrozenxid IS NULL FROM pg_class WHERE oid = 'counts.plain'::regclass$$, $$SELECT i.indcheckxmin FROM pg_index i WHERE i.indexrelid = 'counts.person_n'::regclass$$, $$SELECT (i).indcheckxmin FROM (SELECT i FROM pg_index i WHERE i.indexrelid = 'counts.person_n'::regclass) s$$,
	$$SELECT count(i) FROM (VALUES (0::oid)) v (o) LEFT JOIN pg_index i ON i.indexrelid = v.o$$]) s;
SET ROLE counts_owner;
VACUUM (VERBOSE, ANALYZE) counts.plain;
RESET ROLE;

-- of everything there is; times instead of counts; pages that are cleaned
ALTER TABLE counts.person ADD words int[];
CREATE INDEX person_words ON counts.person USING gin (words) WITH (fastupdate = on);
SELECT s AS statement, pg_temp.outcome('counts_reader', 'counts_mail', s) AS reader, pg_temp.outcome('counts_owner', 'counts_mail', s) AS owner, pg_temp.outcome('counts_auditor', '', s) AS auditor, pg_temp.outcome('counts_monitor', '', s) AS monitor
FROM unnest(ARRAY[$$SELECT pg_database_size(current_database()) > 0$$, $$SELECT pg_database_size(oid) > 0 FROM pg_database WHERE datname = current_database()$$, $$SELECT pg_database_size(NULL::name)$$, $$SELECT pg_tablespace_size('pg_default') > 0$$, $$SELECT pg_tablespace_size(oid) > 0 FROM pg_tablespace WHERE spcname = 'pg_default'$$,
	$$SELECT temp_files >= 0 FROM pg_stat_database WHERE datname = current_database()$$, $$SELECT temp_bytes >= 0 FROM pg_stat_database WHERE datname = current_database()$$, $$SELECT reltuples >= -1 FROM pg_class WHERE oid = 'privseg.consent_record'::regclass$$, $$SELECT relpages >= 0 FROM pg_class WHERE oid = 'privseg.consent_record_pkey'::regclass$$, $$SELECT pg_relation_size('privseg.consent_page') >= 0$$, $$SELECT pg_total_relation_size('pg_statistic') > 0$$, $$SELECT pg_relation_size(reltoastrelid) >= 0 FROM pg_class WHERE oid = 'pg_statistic'::regclass$$, $$SELECT relpages >= 0 FROM pg_class WHERE oid = 'pg_statistic_relid_att_inh_index'::regclass$$, $$SELECT pg_relation_size('pg_class') > 0$$, $$SELECT blk_read_time >= 0 FROM pg_stat_database WHERE datname = current_database()$$, $$SELECT blk_write_time >= 0 FROM pg_stat_database WHERE datname = current_database()$$, $$SELECT gin_clean_pending_list('counts.person_words') >= 0$$]) s;
ALTER TABLE counts.person DROP words;

-- xmax tells of a row that refers to it
CREATE TABLE counts.refers (id int PRIMARY KEY, person_id int REFERENCES counts.person, other int REFERENCES counts.person);
GRANT ALL ON counts.refers TO counts_reader;
SELECT privseg.protect('counts.refers', 'person_id', 'counts.person');
SET row_security = off;
UPDATE counts.person SET name = name WHERE id = 7;
INSERT INTO counts.refers VALUES (1, 507, 7);
SELECT xmax <> 0 AS referred_to FROM counts.person WHERE id = 7;
RESET row_security;
SELECT s AS statement, pg_temp.outcome('counts_reader', 'counts_mail', s) AS reader, pg_temp.outcome('counts_auditor', 'counts_mail', s) AS auditor
FROM unnest(ARRAY[$$SELECT count(*) FROM counts.person WHERE xmax <> 0$$, $$SELECT count(*) FROM (SELECT xmax AS x FROM counts.person OFFSET 0) s WHERE x <> 0$$, $$SELECT count(*) FROM counts.refers r, LATERAL (SELECT FROM counts.person p WHERE p.xmax <> 0 AND r.id > 0) s$$,
	$$WITH u AS (UPDATE counts.person SET name = 'x' WHERE xmax <> 0 RETURNING 1) SELECT count(*) FROM u$$, $$WITH d AS (DELETE FROM counts.person WHERE xmax <> 0 RETURNING xmax) SELECT count(*) FROM d$$, $$SELECT p.xmax FROM (VALUES (0)) v (n) LEFT JOIN counts.person p ON p.id = v.n$$,
	$$MERGE INTO counts.person p USING (VALUES (1)) v ON p.xmax <> 0 WHEN MATCHED THEN UPDATE SET name = 'merged'; SELECT count(*) FROM counts.person WHERE name = 'merged'$$,
	-- was it inserted, or had it been there?
	$$INSERT INTO counts.person (id, name) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' RETURNING xmax = 0$$, $$INSERT INTO counts.person (id, name) VALUES (1000000, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' RETURNING xmax = 0$$,
	$$INSERT INTO counts.person (id, name) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET name = 'y' WHERE person.xmax <> 0 RETURNING 1$$]) s;
DROP TABLE counts.refers;

-- what commands say of themselves, and how far they have come
SET ROLE counts_owner;
VACUUM (VERBOSE, ANALYZE) counts.person;
ANALYZE VERBOSE counts.person;
CLUSTER VERBOSE counts.person USING person_pkey;
RESET ROLE;
-- to whoever owns the database, who vacuums what he does not own
SELECT format('ALTER DATABASE %I OWNER TO counts_reader', current_database()) \gexec
SET ROLE counts_reader;
VACUUM (VERBOSE, ANALYZE) counts.person;
RESET ROLE;
SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), current_user) \gexec

-- what core keeps of values
SELECT s AS statement, pg_temp.outcome('counts_reader', 'counts_mail', s) AS reader, pg_temp.outcome('counts_owner', 'counts_mail', s) AS owner, pg_temp.outcome('counts_bypass', 'counts_mail', s) AS bypass, pg_temp.outcome('counts_auditor', '', s) AS auditor, pg_temp.outcome('postgres', 'counts_mail', s) AS super, pg_temp.outcome('postgres', '', 'SET row_security = off; ' || s) AS maintenance
FROM unnest(ARRAY[$$SELECT count(*) FROM pg_stats WHERE tablename = 'person' AND schemaname = 'counts'$$, $$SELECT count(*) FROM pg_stats_ext WHERE tablename = 'person'$$, $$SELECT count(*) FROM pg_stats_ext_exprs WHERE tablename = 'person'$$,
	$$SELECT row_security_active('counts.person'::regclass)$$, $$SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'plain' AND schemaname = 'counts'$$, $$SELECT row_security_active('counts.plain'::regclass)$$]) s;

-- ANALYZE keeps values of the catalogs' own columns, too
ANALYZE pg_class, pg_index;
SELECT s AS statement, pg_temp.outcome('counts_reader', 'counts_mail', s) AS reader, pg_temp.outcome('counts_bypass', 'counts_mail', s) AS bypass, pg_temp.outcome('counts_monitor', 'counts_mail', s) AS monitor, pg_temp.outcome('postgres', '', 'SET row_security = off; ' || s) AS maintenance
FROM unnest(ARRAY[$$SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'pg_catalog' AND tablename IN ('pg_class', 'pg_index')$$, $$SELECT count(*) > 0 FROM pg_stats WHERE schemaname = 'pg_catalog' AND tablename = 'pg_attribute'$$]) s;

-- EXPLAIN around a statement that is planned and then refused, or around a function that looks consent up
CREATE FUNCTION counts.refused(setting text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config(setting, value, true);
	EXECUTE 'SELECT 1 FROM counts.person WHERE n > 999';
	RETURN 'ran';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
SELECT s AS statement, pg_temp.explains('counts_reader', s) AS reader, pg_temp.explains('counts_bypass', s) AS bypass, pg_temp.explains('counts_auditor', s) AS auditor FROM unnest(ARRAY[
	$$EXPLAIN (ANALYZE, BUFFERS, TIMING off) SELECT counts.refused('privseg.purpose', '') FROM counts.plain$$, $$EXPLAIN (ANALYZE, BUFFERS, TIMING off) SELECT counts.refused('application_name', 'pg_dump') FROM counts.plain$$, $$EXPLAIN (ANALYZE, BUFFERS, TIMING off) SELECT privseg.permitted('counts.person', 600, 'counts_mail') FROM counts.plain$$,
	$$EXPLAIN (ANALYZE, BUFFERS, TIMING off) SELECT privseg.row_permitted(600, 'counts.person', 0) FROM counts.plain$$, $$EXPLAIN (ANALYZE, BUFFERS, TIMING off) SELECT abs(n) FROM counts.plain$$]) s;
-- and what the planner expects of the policy, where it is asked about anything
CREATE FUNCTION counts.expected(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SELECT s AS statement, pg_temp.outcome('counts_reader', 'counts_mail', format('SELECT counts.expected(%L)', s)) AS reader, pg_temp.outcome('counts_auditor', 'counts_mail', format('SELECT counts.expected(%L)', s)) AS auditor FROM unnest(ARRAY[
	$$SELECT 1 FROM generate_series(1, 9000000) g WHERE privseg.row_permitted(g, 'counts.person', 0)$$, $$SELECT 1 FROM counts.plain WHERE privseg.row_permitted(id, 'counts.person', 0)$$, $$SELECT 1 FROM counts.person$$]) s;
-- a number for each row, and a look at what it refers to
CREATE TABLE counts.product (id int PRIMARY KEY);
CREATE TABLE counts.bought (id bigserial PRIMARY KEY, person bigint, product int REFERENCES counts.product, other int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE counts.plain_bought (id bigserial PRIMARY KEY);
SELECT privseg.protect('counts.bought', 'person', 'counts.person');
SELECT r AS role, pg_temp.outcome(r, 'counts_mail', $$SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_statio_all_sequences WHERE schemaname = 'counts' AND blks_read IS NULL$$) AS null_of_sequences,
	pg_temp.outcome(r, 'counts_mail', $$SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_stat_all_tables WHERE schemaname = 'counts' AND idx_scan IS NULL AND relname <> 'person' AND EXISTS (SELECT FROM pg_index WHERE indrelid = relid)$$) AS null_of_tables,
	pg_temp.outcome(r, 'counts_mail', $$SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_stat_all_indexes WHERE schemaname = 'counts' AND idx_tup_read IS NULL AND relname <> 'person'$$) AS null_of_indexes FROM unnest('{counts_reader,counts_monitor}'::text[]) r;

-- how far commands have come: said to whoever runs them
-- which version of a row is the latest
SELECT r AS role, pg_temp.outcome(r, 'counts_mail', $$SELECT (currtid2('counts.person', '(0,1)') IS NULL)::text || (currtid2('counts.plain', '(0,1)') IS NULL)::text$$) AS null_of_person_and_plain,
	pg_temp.outcome(r, 'counts_mail', $$SET LOCAL row_security = off; SELECT (currtid2('counts.person', '(0,1)') IS NULL)::text$$) AS off FROM unnest('{counts_reader,counts_owner,counts_bypass,postgres}'::text[]) r;

CREATE FUNCTION counts.progress(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	IF n = 1 THEN
		RAISE WARNING '%: %', current_user, (SELECT count(p.phase) FROM pg_catalog.pg_stat_progress_create_index p);
	END IF;
	RETURN n;
END $$;
\c - counts_owner
SET client_min_messages = warning;
CREATE INDEX ON counts.plain (counts.progress(n));
\c - postgres
SET client_min_messages = warning;
-- core runs the code of an index as its owner
SET row_security = off;
CREATE INDEX ON counts.person (counts.progress(n));
RESET row_security;

DROP SCHEMA counts CASCADE;
DROP OWNED BY counts_owner, counts_reader, counts_bypass, counts_admin, counts_auditor, counts_monitor;
DROP ROLE counts_owner, counts_reader, counts_bypass, counts_admin, counts_auditor, counts_monitor;
