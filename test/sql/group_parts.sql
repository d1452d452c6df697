-- Groups of enough subjects: what stands beside people's rows is run, or not, by what a row holds. It tells of none:
-- each statement ends alike whatever the one row that it asks about holds.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
\pset null (null)

CREATE SCHEMA group_part;
CREATE ROLE group_part_counter;
CREATE ROLE group_part_owner;
GRANT USAGE ON SCHEMA group_part TO PUBLIC;
GRANT CREATE ON SCHEMA group_part TO group_part_owner;
CREATE TABLE group_part.person (id bigint PRIMARY KEY, town text NOT NULL, income numeric NOT NULL, salary int NOT NULL, hours float8 NOT NULL);
INSERT INTO group_part.person SELECT i, 'town' || i % 4, i * 100, i, i FROM generate_series(1, 100) i;
CREATE TABLE group_part.code (code text PRIMARY KEY, town text);
INSERT INTO group_part.code SELECT 'c' || i, 'town' || i % 4 FROM generate_series(1, 50) i;
CREATE TABLE group_part.shift (id int PRIMARY KEY, person bigint NOT NULL, hours float8 NOT NULL);
INSERT INTO group_part.shift SELECT i, 1 + i % 100, i % 9 FROM generate_series(1, 300) i;
CREATE EXTENSION file_fdw;
CREATE SERVER group_part_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE group_part.elsewhere (town text) SERVER group_part_files OPTIONS (filename '/nowhere');
SET ROLE group_part_owner;
CREATE TABLE group_part.told (town text);
INSERT INTO group_part.told VALUES ('town1');
ALTER TABLE group_part.told ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION group_part.tell(text) RETURNS boolean STABLE LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'reached'; END$$;
CREATE POLICY tells ON group_part.told USING (group_part.tell(town));
RESET ROLE;
SELECT privseg.create_purpose('group_part_stats', 'contract'), privseg.create_data_category('group_part.money'), privseg.protect('group_part.person', 'id'), privseg.protect('group_part.shift', 'person', 'group_part.person');
SELECT privseg.classify('group_part.person', 'income', 'group_part.money');
SELECT privseg.grant_clearance('group_part_counter', 'group_part_stats', NULL, '{aggregate}'), privseg.grant_clearance('group_part_counter', 'group_part_stats', 'group_part.money', '{aggregate,filter}');
GRANT SELECT ON ALL TABLES IN SCHEMA group_part TO PUBLIC;
CREATE TABLE group_part.written (town text);
CREATE TABLE group_part.chosen (id bigint) PARTITION BY LIST (id);
CREATE TABLE group_part.chosen_1 PARTITION OF group_part.chosen DEFAULT;
INSERT INTO group_part.chosen SELECT generate_series(3, 99, 3);
CREATE TABLE group_part.viewed (id bigint PRIMARY KEY);
INSERT INTO group_part.viewed SELECT generate_series(10, 60);
CREATE VIEW group_part.view AS SELECT * FROM group_part.viewed;
CREATE TABLE group_part.above (id bigint PRIMARY KEY);
INSERT INTO group_part.above SELECT generate_series(2, 99, 4);
CREATE TABLE group_part.below (id bigint PRIMARY KEY REFERENCES group_part.above ON DELETE CASCADE);
INSERT INTO group_part.below SELECT * FROM group_part.above;
CREATE TABLE group_part.hen (id bigint PRIMARY KEY);
CREATE TABLE group_part.egg (id bigint PRIMARY KEY REFERENCES group_part.hen ON DELETE CASCADE);
INSERT INTO group_part.hen SELECT generate_series(4, 64, 3);
INSERT INTO group_part.egg SELECT * FROM group_part.hen;
ALTER TABLE group_part.hen ADD FOREIGN KEY (id) REFERENCES group_part.egg ON DELETE CASCADE;
GRANT SELECT ON group_part.egg TO PUBLIC;
CREATE TABLE group_part.large (n numeric, f float8, t text);
INSERT INTO group_part.large VALUES ('9e131071', 1e308, 'a'), ('9e131071', 1e308, 'b');
CREATE TABLE group_part.apart (town text) PARTITION BY LIST (town);
CREATE FOREIGN TABLE group_part.apart_1 PARTITION OF group_part.apart DEFAULT SERVER group_part_files OPTIONS (filename '/nowhere');
GRANT SELECT ON group_part.apart TO PUBLIC;
GRANT ALL ON group_part.written, group_part.large TO group_part_counter;
GRANT SELECT ON group_part.chosen, group_part.viewed, group_part.below, group_part.above TO group_part_counter;
GRANT SELECT, DELETE ON group_part.view TO group_part_counter;
GRANT DELETE ON group_part.above TO group_part_counter;
GRANT CREATE ON SCHEMA group_part TO group_part_counter;
GRANT INSERT ON group_part.chosen_1 TO group_part_counter;
CREATE TABLE group_part.member (id bigint PRIMARY KEY, mail text COLLATE "POSIX" NOT NULL, nick text COLLATE "C" NOT NULL);
INSERT INTO group_part.member SELECT i, 'm' || i, 'n' || i FROM generate_series(1, 20) i;
SELECT privseg.protect('group_part.member', 'id', 'group_part.person');
GRANT SELECT ON group_part.member TO PUBLIC;
-- of a version that there is not: the first that is compared by it gets a warning
SET client_min_messages = error;
CREATE COLLATION group_part.old (provider = icu, locale = 'de', version = '0');
CREATE TYPE group_part.span AS RANGE (subtype = text, collation = group_part.old);
CREATE TABLE group_part.name (name text COLLATE group_part.old, spans group_part.span[]);
INSERT INTO group_part.name VALUES ('a', ARRAY[group_part.span('a', 'b')]), ('b', ARRAY[group_part.span('a', 'c')]);
CREATE TABLE group_part.alias (person bigint NOT NULL, name text COLLATE group_part.old);
INSERT INTO group_part.alias SELECT i, 'name' || i % 3 FROM generate_series(1, 100) i;
SELECT privseg.protect('group_part.alias', 'person', 'group_part.person');
GRANT SELECT ON group_part.name, group_part.alias TO PUBLIC;
SET client_min_messages = warning;
SET privseg.purpose = 'group_part_stats';
SET ROLE group_part_counter;

-- of one row that there is, and one that there is not
CREATE FUNCTION pg_temp.ends(statement text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN a = b THEN a.code || COALESCE(' ' || a.detail, '') ELSE format('TELLS: %s, %s', a.code, b.code) END
	FROM pg_temp.refusal(replace(statement, 'ROW', 'p.id = 17 AND p.income > 1600')) a, pg_temp.refusal(replace(statement, 'ROW', 'p.id = 17 AND p.income > 1700')) b $$;
SELECT statement, pg_temp.ends(statement) FROM unnest(ARRAY[
	-- what raises
	'SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT (1 / (length(code) - 2))::text FROM group_part.code)',
	'SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT code FROM group_part.code WHERE 1 / (length(code) - 2) > 0)',
	'SELECT count(*) FILTER (WHERE ROW AND (SELECT 1 / (count(*) - 50) FROM group_part.code) = 0) FROM group_part.person p',
	'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT FROM group_part.code WHERE town IN (SELECT (1 / (count(*) - 50))::text FROM group_part.code))) FROM group_part.person p',
	'SELECT count(*) FROM group_part.person p JOIN (SELECT town FROM group_part.person GROUP BY town HAVING 1 / (count(*) - 25) = 1) q USING (town) WHERE ROW',
	'SELECT count(*) FROM group_part.person p JOIN (SELECT DISTINCT town, 1 / (length(code) - 2) FROM group_part.code) q USING (town) WHERE ROW',
	'WITH q AS MATERIALIZED (SELECT 1 / (length(code) - 2) AS n FROM group_part.code) SELECT count(*) FROM group_part.person p WHERE ROW AND length(town) IN (SELECT n FROM q)',
	'WITH q AS MATERIALIZED (SELECT 1 / (length(code) - 2) AS n FROM group_part.code), r AS (SELECT n FROM q) SELECT count(*) FROM group_part.person p WHERE ROW AND EXISTS (SELECT FROM r WHERE n < 3)',
	'SELECT count(*) FROM group_part.person p WHERE ROW AND EXISTS (SELECT FROM group_part.code LIMIT -1)',
	'SELECT town, count(*) FILTER (WHERE ROW AND p.town = (SELECT 1 / (count(*) - 50) FROM group_part.code)::text) FROM group_part.person p GROUP BY town',
	'SELECT p.town = (SELECT 1 / (count(*) - 50) FROM group_part.code)::text, count(*) FROM group_part.person p WHERE ROW GROUP BY 1',
	'SELECT count(*) FROM group_part.person p JOIN group_part.shift TABLESAMPLE bernoulli (-1) ON person = p.id WHERE ROW', 'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT FROM group_part.code TABLESAMPLE system (50) REPEATABLE (NULL))) FROM group_part.person p',
	'SELECT count(*) FROM (SELECT ''1''::json j, town FROM group_part.person p WHERE p.income IN (1700, 1800)) s GROUP BY s', 'SELECT count(*) FROM (SELECT ''1''::json j, town FROM group_part.person p WHERE p.income IN (1700, 1800)) s GROUP BY ARRAY[s]',
	'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT s FROM (SELECT ''1''::json j, code FROM group_part.code) s UNION SELECT NULL)) FROM group_part.person p',
	-- what is made of values of one''s own
	'SELECT count(*) FILTER (WHERE ROW AND (SELECT sum(n) FROM group_part.large) > 0) FROM group_part.person p', 'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT FROM group_part.large WHERE n * 1000000000000.0 > 0)) FROM group_part.person p', 'SELECT count(*) FILTER (WHERE ROW AND (SELECT avg(f) FROM (SELECT f FROM group_part.large) l) > 0) FROM group_part.person p',
	'WITH l AS (SELECT f FROM group_part.large) SELECT count(*) FILTER (WHERE ROW AND (SELECT sum(f) FROM l) > 0) FROM group_part.person p', 'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT FROM group_part.large WHERE upper(t) = ''A'')) FROM group_part.person p', 'SELECT count(*) FILTER (WHERE ROW AND (SELECT sum(x) FROM (VALUES (1e308::float8), (1e308)) v (x)) > 0) FROM group_part.person p',
	'SELECT count(*) FILTER (WHERE ROW AND town = current_setting(''data_directory'')) FROM group_part.person p',
	'SELECT count(*) FROM group_part.person p WHERE ROW AND p.income < (SELECT x * 1e12 FROM (SELECT 1e131071::numeric AS x OFFSET 0) s LIMIT 1)', 'SELECT count(*) FROM group_part.person p WHERE ROW AND town = ANY (ARRAY(SELECT town FROM group_part.code))', 'SELECT count(*) FROM group_part.person p WHERE ROW AND town <> current_schema',
	'SELECT count(*) FROM group_part.person p WHERE ROW AND current_date + 5866000 > ''2000-01-01''',
	'SELECT count(*) FROM group_part.person p WHERE ROW AND p.income < (SELECT sum(9e131071::numeric) FROM group_part.person)', 'SELECT count(*) FROM group_part.person p WHERE ROW AND p.income < (SELECT sum(x * 1e12) FROM (SELECT id, 1e131071::numeric AS x FROM group_part.person) q)',
	-- what may find several
	'SELECT count(*) FILTER (WHERE ROW AND town = (SELECT code FROM group_part.code)) FROM group_part.person p',
	'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT FROM group_part.code WHERE town = (SELECT code FROM group_part.code))) FROM group_part.person p',
	-- what locks
	'SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT town FROM group_part.written FOR UPDATE)', 'WITH q AS (SELECT town FROM group_part.written FOR SHARE) SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT town FROM q)',
	-- whose code is run
	'SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT town FROM group_part.told)', 'SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT code FROM group_part.code WHERE group_part.tell(code))',
	'SELECT count(*) FROM group_part.person p JOIN group_part.told USING (town) WHERE ROW', 'SELECT count(*) FROM group_part.person p WHERE ROW AND town IN (SELECT town FROM group_part.elsewhere)', 'SELECT count(*) FROM group_part.person p JOIN group_part.elsewhere USING (town) WHERE ROW', 'SELECT count(*) FILTER (WHERE ROW AND EXISTS (SELECT FROM group_part.apart WHERE town = ''town1'')) FROM group_part.person p', 'SELECT count(*) FROM group_part.member p WHERE p.id = 17 AND lower(coalesce(mail, nick)) IS NULL',
	-- rows that an aggregate of a query around a subquery takes
	'SELECT (SELECT sum(p.income) FILTER (WHERE ROW)) FROM group_part.person p', 'SELECT ARRAY(SELECT count(*) FILTER (WHERE ROW) FROM group_part.code) FROM group_part.person p', 'SELECT (SELECT (SELECT sum(p.income) FILTER (WHERE ROW))) FROM group_part.person p',
	'SELECT count(*) FROM group_part.person p HAVING (SELECT sum(p.income) FILTER (WHERE ROW) LIMIT 1) > 0', 'SELECT * FROM (SELECT (SELECT sum(p.income) FILTER (WHERE ROW)) FROM group_part.person p) q']) WITH ORDINALITY s (statement, n) ORDER BY n;

-- what warns
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT DISTINCT name FROM group_part.name OFFSET 1)) FROM group_part.person', 'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT name FROM group_part.name GROUP BY name OFFSET 1)) FROM group_part.person',
	'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT name FROM group_part.name ORDER BY name OFFSET 1)) FROM group_part.person', 'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT name FROM group_part.name UNION SELECT name FROM group_part.name OFFSET 1)) FROM group_part.person',
	'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT DISTINCT spans FROM group_part.name OFFSET 1)) FROM group_part.person', 'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT FROM group_part.name WHERE length(lower(name)) = 1)) FROM group_part.person',
	'SELECT count(*) FILTER (WHERE id = 17 AND EXISTS (SELECT FROM group_part.name HAVING count(DISTINCT name) > 1)) FROM group_part.person', 'SELECT count(*) FILTER (WHERE id = 17 AND (SELECT max(name) FROM group_part.name) IS NOT NULL) FROM group_part.person', 'SELECT name, count(*) FROM group_part.alias WHERE person = 17 GROUP BY name', 'SELECT DISTINCT name FROM group_part.alias WHERE person = 17', 'SELECT count(DISTINCT name) FILTER (WHERE person = 17) FROM group_part.alias',
	'SELECT count(*) FILTER (WHERE person = 17 AND length(lower(name)) = 5) FROM group_part.alias', 'SELECT count(*) FILTER (WHERE person = 17 AND length(name) = 5) FROM group_part.alias']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;

-- of a plan that is kept, what depends on a setting, or a parameter
SET plan_cache_mode = force_generic_plan;
PREPARE there_by(int) AS SELECT count(*) FILTER (WHERE id = 17 AND income > 1600 AND salary = 60 / $1) FROM group_part.person;
PREPARE not_there_by(int) AS SELECT count(*) FILTER (WHERE id = 17 AND income > 1700 AND salary = 60 / $1) FROM group_part.person;
EXECUTE there_by(5);
EXECUTE not_there_by(5);
SELECT code, message FROM unnest('{there_by(0),not_there_by(0)}'::text[]) WITH ORDINALITY s (name, n), LATERAL pg_temp.refusal('EXECUTE ' || name) ORDER BY n;
SET group_part.n = '5';
SELECT statement, code, detail FROM unnest(ARRAY['SELECT count(*) FILTER (WHERE id = 17 AND income > 1600 AND salary = current_setting(''group_part.n'')::int) FROM group_part.person', 'SELECT sum(income / current_setting(''group_part.n'')::numeric) FROM group_part.person WHERE id = 17',
	'SELECT count(*) FILTER (WHERE id = 17 AND income > 1600 AND ''group_part.code''::text::regclass IS NOT NULL) FROM group_part.person', 'SELECT count(*) FILTER (WHERE id = 17 AND income > 1600 AND to_tsquery(''the'') IS NOT NULL) FROM group_part.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
PREPARE asks(text) AS SELECT count(*) FILTER (WHERE id = 17 AND income > 1600 AND to_tsquery('english', $1) IS NOT NULL) FROM group_part.person;
SELECT code, detail FROM pg_temp.refusal('EXECUTE asks(''the'')');
RESET plan_cache_mode;
PREPARE written(bytea) AS SELECT count(*) FILTER (WHERE id = 17 AND income > 1600 AND 1 / (length($1::text) - 16) = 1) FROM group_part.person;
SELECT code, detail FROM pg_temp.refusal($$EXECUTE written('\x01020304')$$);
-- a variable that is of another type now
CREATE FUNCTION pg_temp.changes(bound numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	n int;
BEGIN
	FOR i IN 1 .. 2 LOOP
		IF i = 1 THEN SELECT true AS b INTO r; ELSE SELECT 1 AS b INTO r; END IF;
		SELECT count(*) FILTER (WHERE id = 17 AND income > bound AND r.b) INTO n FROM group_part.person;
	END LOOP;
	RETURN 'finished';
EXCEPTION WHEN OTHERS THEN RETURN sqlerrm;
END $$;
SELECT pg_temp.changes(1600) = pg_temp.changes(1700) AS alike;
-- conflicts with who has written meanwhile
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT code, message FROM pg_temp.refusal('SELECT count(*) FROM group_part.person WHERE town IN (SELECT town FROM group_part.written)');
SELECT code FROM pg_temp.refusal('SELECT count(*) FROM group_part.person WHERE town IN (SELECT town FROM group_part.code)');
ROLLBACK;

-- not the same question, of a table that the role writes to by a part of it
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.chosen);
INSERT INTO group_part.chosen_1 VALUES (40);
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.chosen);

-- nor by whatever else core calls immutable, and that goes by the catalogs; nor of a table that is written to by a view, or a cascade
CREATE TABLE group_part.mine (x int) PARTITION BY LIST (x);
CREATE TABLE group_part.mine_1 (x int);
ALTER TABLE group_part.mine ATTACH PARTITION group_part.mine_1 FOR VALUES IN (1);
SELECT count(*) FROM group_part.person WHERE id > 45 AND id <> CASE WHEN pg_partition_root('group_part.mine_1'::regclass) = 'group_part.mine'::regclass THEN 4444 ELSE 67 END;
ALTER TABLE group_part.mine DETACH PARTITION group_part.mine_1;
SELECT count(*) FROM group_part.person WHERE id > 45 AND id <> CASE WHEN pg_partition_root('group_part.mine_1'::regclass) = 'group_part.mine'::regclass THEN 4444 ELSE 67 END;
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.viewed);
DELETE FROM group_part.view WHERE id = 50;
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.viewed);
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.below);
DELETE FROM group_part.above WHERE id = 70;
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.below);

-- foreign keys in a circle
SELECT count(*) FROM group_part.person WHERE id IN (SELECT id FROM group_part.egg);

-- HAVING without an aggregate makes a group, too
SELECT 1 AS one FROM group_part.person HAVING true;
SELECT 1 AS one FROM group_part.person WHERE id < 5 HAVING true;
SELECT count(*) FROM (SELECT 1 FROM group_part.person HAVING true) q;
WITH q AS (SELECT 1 AS one FROM group_part.person HAVING 1 = 1) SELECT count(*) FROM q, group_part.code;
SELECT count(*) FROM group_part.person JOIN (SELECT 1 AS one FROM group_part.shift HAVING true) q ON true;


-- what is answered
SELECT code, message FROM pg_temp.refusal('SELECT count(*) FROM group_part.person WHERE income > (SELECT avg(income) FROM group_part.person)');
SELECT DISTINCT town FROM group_part.person ORDER BY town DESC;
SELECT DISTINCT town FROM group_part.person ORDER BY town LIMIT 1;
SELECT CASE town WHEN 'town1' THEN 'one' ELSE 'others' END AS kind, count(*), sum(CASE town WHEN 'town2' THEN income END) FROM group_part.person GROUP BY 1 ORDER BY 1;
PREPARE chosen(text) AS SELECT count(*) FROM group_part.person WHERE id = ANY (string_to_array($1, ',')::bigint[]);
EXECUTE chosen('1,2,3,4,5,6,7,8,9,10,11,12');
SELECT count(*) FROM group_part.person WHERE town <> current_setting('group_part.n');
SELECT DISTINCT id FROM group_part.person;
SELECT code, detail FROM pg_temp.refusal('SELECT DISTINCT ON (town) town FROM group_part.person');
WITH q AS (SELECT town, sum(income) / count(*) AS mean FROM group_part.person GROUP BY town) SELECT town, mean::int FROM q ORDER BY town;
SELECT town, (avg(income) / (SELECT sum(income) / count(*) FROM group_part.person))::numeric(8, 2) AS share FROM group_part.person GROUP BY town ORDER BY town;
SELECT count(*) FROM group_part.person WHERE town IN (SELECT town FROM group_part.code WHERE code LIKE 'c1%');
SELECT count(*) FROM group_part.person WHERE town IN (SELECT unnest('{town1,town2}'::text[]));
SELECT count(*) FROM group_part.person WHERE salary IN (SELECT n FROM generate_series(1, 40) n);
SELECT count(*) FROM group_part.person WHERE town = (SELECT town FROM group_part.code WHERE code = 'c1' LIMIT 1);
SELECT count(*) FROM group_part.person WHERE town = (SELECT max(town) FROM group_part.code);
SELECT sum(n) FROM (SELECT person::numeric, count(*) AS n FROM group_part.shift GROUP BY 1) q;
RESET ROLE;

-- how often another table was read, which depends on the rows that it was joined with
SELECT actor, pg_temp.outcome(actor, 'group_part_stats', 'SELECT count(COALESCE(seq_scan, seq_tup_read, idx_scan)) + count(n_live_tup) FROM pg_stat_all_tables WHERE schemaname = ''group_part'' AND relname = ''code''') AS shown,
	pg_temp.outcome(actor, 'group_part_stats', 'SELECT count(COALESCE(heap_blks_read, heap_blks_hit)) FROM pg_statio_all_tables WHERE schemaname = ''group_part'' AND relname = ''code''') AS blocks,
	pg_temp.outcome(actor, 'group_part_stats', 'SELECT count(COALESCE(i.idx_scan, t.seq_scan)) FROM pg_stat_xact_all_tables t JOIN pg_stat_all_indexes i USING (relid) WHERE t.schemaname = ''group_part'' AND t.relname = ''code''') AS indexes
FROM unnest('{group_part_counter,pg_read_all_stats}'::text[]) actor;

SET client_min_messages = error;
DROP SCHEMA group_part CASCADE;
DROP EXTENSION file_fdw CASCADE;
DROP OWNED BY group_part_counter, group_part_owner;
DROP ROLE group_part_counter, group_part_owner;
