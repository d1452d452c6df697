-- Groups of enough subjects, for who is shown no rows; answers that differ by few subjects.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA groups;
CREATE ROLE groups_counter;
CREATE ROLE groups_other;
CREATE ROLE groups_of_money;
GRANT USAGE, CREATE ON SCHEMA groups TO PUBLIC;
CREATE TABLE groups.person (id bigint PRIMARY KEY, town text, salary numeric, age int NOT NULL, bonus numeric);
INSERT INTO groups.person SELECT g, 'town' || g % 4, g * 10, 20 + g % 50, CASE WHEN g <= 12 THEN g END FROM generate_series(1, 100) g;
INSERT INTO groups.person SELECT 1000 + g, 'hamlet', 99999, 20, 1 FROM generate_series(1, 3) g;
CREATE TABLE groups.purchase (id int PRIMARY KEY, person bigint NOT NULL REFERENCES groups.person, total numeric NOT NULL);
CREATE INDEX ON groups.purchase (person);
INSERT INTO groups.purchase SELECT i, 1 + i % 100, i FROM generate_series(1, 300) i;
INSERT INTO groups.purchase SELECT 1000 + i, 5, 1000 FROM generate_series(1, 50) i;
CREATE TABLE groups.visit (person bigint NOT NULL, month int NOT NULL) PARTITION BY LIST (month);
CREATE TABLE groups.visit_1 PARTITION OF groups.visit FOR VALUES IN (1);
CREATE TABLE groups.visit_2 PARTITION OF groups.visit FOR VALUES IN (2, 3);
INSERT INTO groups.visit SELECT g, m FROM generate_series(1, 100) g, generate_series(1, 3) m WHERE g % 50 <> m;
CREATE VIEW groups.person_view AS SELECT * FROM groups.person WHERE age > 0;
GRANT ALL ON ALL TABLES IN SCHEMA groups TO PUBLIC;
SELECT privseg.create_purpose('groups_stats', 'contract', min_group_size => 10), privseg.create_purpose('groups_coarse', 'contract', min_group_size => 30), privseg.create_data_category('groups.money');
SELECT privseg.protect('groups.person', 'id'), privseg.protect('groups.purchase', 'person', 'groups.person'), privseg.protect('groups.visit', 'person', 'groups.person'), privseg.classify('groups.person', 'salary', 'groups.money');
SELECT privseg.grant_clearance('groups_counter', p, NULL, '{aggregate}'), privseg.grant_clearance('groups_other', p, NULL, '{aggregate}'), privseg.grant_clearance('groups_of_money', p) FROM unnest('{groups_stats,groups_coarse}'::text[]) p;
SELECT privseg.grant_clearance('groups_counter', 'groups_stats', 'groups.money', '{aggregate,filter}'), privseg.grant_clearance('groups_of_money', 'groups_stats', 'groups.money', '{aggregate}');
SET privseg.purpose = 'groups_stats';

SET ROLE groups_counter;
-- groups of three are left out
SELECT town, count(*), avg(salary)::int FROM groups.person GROUP BY town ORDER BY town;
SELECT town FROM groups.person GROUP BY town HAVING count(*) > 20 ORDER BY count(*) DESC, town LIMIT 2;
SELECT count(*) FROM groups.person WHERE id = 5;
SELECT count(*) FROM groups.purchase WHERE person = 5;
-- one that nothing is in
SELECT count(*) FROM groups.person WHERE false;
-- rows are sent to nobody
SELECT statement, code, detail FROM unnest(ARRAY['SELECT id FROM groups.person', 'SELECT 1 FROM groups.person', 'SELECT DISTINCT town FROM groups.person', 'SELECT town FROM groups.person LIMIT 1', 'SELECT town, count(*) FROM groups.person GROUP BY ROLLUP (town)',
	'SELECT town, count(*) FROM groups.person GROUP BY CUBE (town, age)', 'SELECT count(*), rank() OVER (ORDER BY town) FROM groups.person GROUP BY town', 'SELECT array_agg(town) FROM groups.person', 'SELECT string_agg(town, '','') FROM groups.person', 'SELECT min(age), max(age) FROM groups.person',
	'SELECT mode() WITHIN GROUP (ORDER BY age) FROM groups.person', 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY age) FROM groups.person', 'SELECT bool_or(age > 5) FROM groups.person', 'SELECT json_agg(p) FROM groups.person p', 'SELECT town FROM groups.person UNION SELECT ''x''',
	'SELECT count(*) FROM (SELECT town FROM groups.person LIMIT 5) s', 'SELECT count(*) FROM (SELECT DISTINCT town FROM groups.person) s', 'UPDATE groups.person SET age = 1', 'DELETE FROM groups.person', 'INSERT INTO groups.person (id, age) VALUES (5000, 1)', 'SELECT count(*) FROM groups.person a, groups.person b WHERE b.id = 5',
	'SELECT EXISTS (SELECT FROM groups.person WHERE id = 5)', 'SELECT count(*) FROM groups.person WHERE EXISTS (SELECT FROM groups.person WHERE id = 5 AND age > 3)', 'TABLE groups.person', 'SELECT (SELECT town FROM groups.person WHERE id = 5)', 'VALUES ((SELECT age FROM groups.person WHERE id = 5))',
	'SELECT count(*) FROM groups.person, generate_series(1, age)']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
COPY (SELECT town, count(*) FROM groups.person GROUP BY town ORDER BY 1) TO stdout;
-- nor does an aggregate tell of one
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum((id = 5)::int * age) FROM groups.person', 'SELECT sum(NULLIF(age, 25)) FROM groups.person', 'SELECT sum(COALESCE(NULLIF(id, 5), 0)) FROM groups.person', 'SELECT sum(age * 5 / id) FROM groups.person', 'SELECT sum(age % 7) FROM groups.person', 'SELECT sum(power(0, (id - 5) ^ 2) * age) FROM groups.person',
	'SELECT count(*) FROM groups.person WHERE 1 / (id - 5) > 0', 'SELECT count(*) FROM groups.person WHERE age + 2147483600 > 0', 'SELECT count(*) FROM groups.person WHERE town::int > 0', 'SELECT town, count(*) FROM groups.person GROUP BY town HAVING 1 / (count(*) - 3) > 0', 'SELECT count(*) FROM groups.person WHERE random() < 0.5',
	'SELECT sum(age) FILTER (WHERE 1 / (id - 5) > 0) FROM groups.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT count(*), sum(age) FILTER (WHERE id < 41), sum(age) FILTER (WHERE id < 5) FROM groups.person WHERE age < 60;
SELECT sum(CASE WHEN id = 5 THEN age END), sum(CASE WHEN id = 5 THEN age ELSE 0 END) FROM groups.person WHERE age < 60;
-- few have a bonus in any town
SELECT town, avg(bonus) FROM groups.person GROUP BY town ORDER BY town;
-- queries that hand rows on, and whose they are
SELECT town, avg(n)::numeric(4, 2) FROM (SELECT p.town, p.id, count(*) AS n FROM groups.person p JOIN groups.purchase o ON o.person = p.id WHERE o.id < 1000 GROUP BY p.town, p.id) s GROUP BY town ORDER BY town;
WITH w AS (SELECT * FROM groups.person_view) SELECT town, count(*) FROM w GROUP BY town ORDER BY town;
SELECT max(n) FROM (SELECT town, count(*) AS n FROM groups.person GROUP BY town) s;
SELECT count(*) FROM groups.person p WHERE EXISTS (SELECT FROM groups.purchase o WHERE o.person = p.id AND o.id < 1000) AND p.id < 50;

-- two answers whose groups differ by one
SELECT statement, code, message FROM unnest(ARRAY['SELECT count(*) FROM groups.person WHERE id <> 5', 'SELECT avg(salary) FROM groups.person WHERE id < 98']) statement, pg_temp.refusal(statement);
SELECT count(*) FROM groups.person;
SELECT count(*) FROM groups.person WHERE id <> 5;
SELECT avg(salary)::int FROM groups.person WHERE id BETWEEN 2 AND 5000;
SELECT avg(age)::int FROM groups.person;
SELECT sum(total) FROM groups.purchase WHERE person <= 55;
SELECT sum(total) FROM groups.purchase WHERE person <= 55 AND id <> 1001;
SELECT sum(total) FROM groups.purchase WHERE person <= 55 AND person <> 5;
-- in one statement, too
SELECT count(*), count(*) FILTER (WHERE id <> 7) FROM groups.person;
SELECT count(*), count(*) FILTER (WHERE id <> 37) FROM groups.person WHERE id BETWEEN 31 AND 60;
-- what was rolled back was answered
BEGIN; SELECT count(*) FROM groups.person WHERE id < 70; ROLLBACK;
SELECT count(*) FROM groups.person WHERE id < 69;
-- the same again, when somebody has come meanwhile
SELECT count(*) FROM groups.person WHERE age < 1000;
RESET ROLE;
SET row_security = off;
INSERT INTO groups.person (id, town, age) SELECT 2000, 'town1', 30;
RESET row_security;
SET ROLE groups_counter;
SELECT count(*) FROM groups.person WHERE age < 1000;
SELECT count(*) FROM groups.person WHERE age < 1001;
-- not where it may mean something else
SELECT set_config('groups.x', 'nowhere', false);
SELECT count(*) FROM groups.person WHERE id > 30 AND town <> current_setting('groups.x');
SELECT set_config('groups.x', 'hamlet', false);
SELECT count(*) FROM groups.person WHERE id > 30 AND town <> current_setting('groups.x');
-- nor by functions that core calls immutable
SELECT count(*) FROM groups.person WHERE id > 30 AND age < 1002 AND (id <> 41 OR quote_ident('x') = 'x');
SET quote_all_identifiers = on;
SELECT count(*) FROM groups.person WHERE id > 30 AND age < 1002 AND (id <> 41 OR quote_ident('x') = 'x');
RESET quote_all_identifiers;
PREPARE without(int) AS SELECT count(*) FROM groups.person WHERE id > 52 AND id <> $1;
EXECUTE without(0);
EXECUTE without(0);
EXECUTE without(60);
CREATE TEMP TABLE mine (id bigint);
SELECT count(*) FROM groups.person WHERE id > 20 AND id NOT IN (SELECT id FROM mine);
INSERT INTO mine VALUES (60);
SELECT count(*) FROM groups.person WHERE id > 20 AND id NOT IN (SELECT id FROM mine);
-- another role, another purpose have answers of their own
RESET ROLE;
CREATE TABLE groups.bound (x int PRIMARY KEY); INSERT INTO groups.bound VALUES (40), (41); GRANT SELECT ON groups.bound TO PUBLIC;
SET ROLE groups_other;
SELECT count(*) FROM groups.person WHERE id <> 5;
-- the same people, one of them with other rows
SELECT sum(total) FROM groups.purchase WHERE person > 20;
SELECT sum(total) FROM groups.purchase WHERE person > 20 AND id <> 130;
-- groups of one statement, refused as often as it is repeated
SELECT x, count(*) FROM groups.person JOIN groups.bound ON age > x GROUP BY x;
SELECT x, count(*) FROM groups.person JOIN groups.bound ON age > x GROUP BY x;
SET privseg.purpose = 'groups_coarse';
SELECT town, count(*) FROM groups.person GROUP BY town;
SELECT count(*) FROM groups.person;
SET privseg.purpose = 'groups_stats';

-- of one category only groups, of the others rows
RESET ROLE; SET ROLE groups_of_money;
SELECT id, age FROM groups.person WHERE id < 3 ORDER BY id;
SELECT town, avg(salary)::int FROM groups.person GROUP BY town ORDER BY town;
SELECT id, avg(salary) FROM groups.person GROUP BY id;
SELECT town, count(*), array_agg(id ORDER BY id) FROM groups.person WHERE id < 3 GROUP BY town ORDER BY town;
SELECT statement, code FROM unnest(ARRAY['SELECT salary FROM groups.person', 'SELECT id FROM groups.person WHERE salary > 5', 'SELECT max(salary) FROM groups.person', 'SELECT sum(salary) OVER (ORDER BY id) FROM groups.person', 'SELECT id FROM groups.person GROUP BY id HAVING sum(salary) > 5 AND id = 5', 'SELECT a.id, (SELECT sum(a.salary) FROM generate_series(1, 1) g) FROM groups.person a',
	'SELECT id FROM groups.person a WHERE (SELECT sum(a.salary + g) FROM generate_series(1, 2) g) > 5', 'SELECT sum(CASE WHEN id = 5 THEN salary WHEN id = 6 THEN 0 END) FROM groups.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE;
-- groups of one statement by partitions, which are answered apart under a setting of anybody's; of a plan made for who is shown rows, too
SELECT privseg.create_purpose('groups_visits', 'contract'), privseg.grant_clearance('groups_counter', 'groups_visits', NULL, '{aggregate}'), privseg.create_purpose('groups_rows', 'contract'), privseg.grant_clearance('groups_counter', 'groups_rows');
SET enable_partitionwise_aggregate = on; SET enable_partitionwise_join = on;
SET ROLE groups_counter;
SET privseg.purpose = 'groups_rows';
PREPARE months AS SELECT month, count(*) FROM groups.visit GROUP BY month ORDER BY month;
EXECUTE months;
SET privseg.purpose = 'groups_visits';
EXECUTE months;
SELECT month, count(*) FROM groups.visit WHERE person > 20 GROUP BY month ORDER BY month;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT month, count(*) FROM groups.visit WHERE person > 40 GROUP BY month ORDER BY month;
SHOW enable_partitionwise_aggregate;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET enable_partitionwise_aggregate; RESET enable_partitionwise_join;
DEALLOCATE months;
-- people whose rows several processes have counted are counted once
RESET ROLE;
CREATE TABLE groups.crowd (person bigint NOT NULL, g int NOT NULL, note text);
INSERT INTO groups.crowd SELECT g * 10 + i % (5 + g), g, repeat('x', 100) FROM generate_series(1, 8000) i, generate_series(1, 6) g ORDER BY hashint4(i * 7 + g);
SELECT privseg.protect('groups.crowd', 'person', 'groups.person');
GRANT SELECT ON groups.crowd TO groups_counter;
ANALYZE groups.crowd;
SET ROLE groups_counter;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off; SET max_parallel_workers_per_gather = 2;
SELECT g, count(*) FROM groups.crowd GROUP BY g ORDER BY g;
SELECT g, count(*), count(DISTINCT person) FROM groups.crowd GROUP BY g ORDER BY g;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation; RESET max_parallel_workers_per_gather;
-- DISTINCT of whom rows are about
SELECT town, count(*) FROM (SELECT DISTINCT o.person, p.town FROM groups.purchase o JOIN groups.person p ON p.id = o.person WHERE o.id <= 300) s GROUP BY town ORDER BY town;
SELECT code, detail FROM pg_temp.refusal('SELECT count(*) FROM (SELECT DISTINCT ON (person) person, total FROM groups.purchase) s');
-- something else of the same groups, which have no row in common; not of other rows, nor of those that an aggregate chooses
SELECT count(*), month, avg(month)::int FROM groups.visit GROUP BY month HAVING sum(month) > 100 ORDER BY month DESC LIMIT 2;
SELECT month AS m, sum(month + 1.0) FROM   groups.visit GROUP BY month ORDER BY sum(month);
SELECT month, count(*) FILTER (WHERE person > 50), sum(month) FILTER (WHERE person <= 70) FROM groups.visit GROUP BY month ORDER BY month;
SELECT statement, code, message FROM unnest(ARRAY['SELECT month, sum(month) FROM groups.visit WHERE person <> 7 GROUP BY month', 'SELECT sum(month) FROM groups.visit', 'SELECT month > 2, sum(month) FROM groups.visit GROUP BY month > 2', 'SELECT month, sum(month) FILTER (WHERE person > 51) FROM groups.visit GROUP BY month',
	'SELECT month, count(*) FILTER (WHERE person <= 69) FROM groups.visit GROUP BY month']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE;
-- a boolean is a number of its column, as others are, where it is cast
CREATE TABLE groups.member (id bigint PRIMARY KEY, vip boolean NOT NULL, paid int NOT NULL);
INSERT INTO groups.member SELECT g, g % 3 = 0, g % 40 + 1 FROM generate_series(1, 90) g;
SELECT privseg.protect('groups.member', 'id', 'groups.person');
GRANT SELECT ON groups.member TO groups_counter;
SET ROLE groups_counter;
SELECT avg(vip::int), sum(vip::int), pg_typeof(sum(vip::int)), sum(vip::int * paid), corr(vip::int, paid)::numeric(6, 4) FROM groups.member;
SELECT count(*) FROM groups.member WHERE vip::int = 1;
SELECT code, detail FROM pg_temp.refusal('SELECT sum((paid > 5)::int) FROM groups.member');
RESET ROLE;
DROP TABLE mine;
DROP SCHEMA groups CASCADE;
DROP OWNED BY groups_counter, groups_other, groups_of_money;
DROP ROLE groups_counter, groups_other, groups_of_money;
