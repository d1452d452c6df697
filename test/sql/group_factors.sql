-- Products of columns, and aggregates of two, choose people where nearly all have the same factor: enough
-- people differ in it, or none.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
\pset null (null)

CREATE SCHEMA group_factor;
CREATE ROLE group_factor_counter;
GRANT USAGE ON SCHEMA group_factor TO PUBLIC;
CREATE TABLE group_factor.person (id bigint PRIMARY KEY, income numeric NOT NULL, children int NOT NULL, pets int NOT NULL, hours float8 NOT NULL, billed numeric NOT NULL, paid numeric NOT NULL, divorced int NOT NULL, indebted int NOT NULL, rest numeric NOT NULL);
INSERT INTO group_factor.person SELECT i, i * 10, CASE WHEN i = 17 THEN 2 ELSE 1 END, i % 5, CASE WHEN i IN (17, 57) THEN 4 ELSE 8 END, 2 + i % 50, 2 + i % 50 - (i = 17)::int, i % 2, CASE WHEN i = 17 THEN 1 ELSE (1 + i) % 2 END, 60 - i % 50 - (i = 17)::int FROM generate_series(1, 100) i;
CREATE TABLE group_factor.line (id int PRIMARY KEY, person bigint NOT NULL REFERENCES group_factor.person, price numeric NOT NULL, quantity int NOT NULL, size int NOT NULL);
INSERT INTO group_factor.line SELECT i, 1 + i % 100, i % 37, CASE WHEN i = 216 THEN 2 ELSE 1 END, i % 6 FROM generate_series(1, 500) i;
SELECT privseg.create_purpose('group_factor_stats', 'contract'), privseg.create_purpose('group_factor_sums', 'contract'), privseg.create_purpose('group_factor_trips', 'contract'), privseg.create_purpose('group_factor_small', 'contract', min_group_size => 3), privseg.protect('group_factor.person', 'id');
CREATE TABLE group_factor.bill (person bigint NOT NULL, net numeric, tax numeric);
INSERT INTO group_factor.bill SELECT i, CASE WHEN i <> 5 THEN i END, CASE WHEN i <> 7 THEN i / 10.0 END FROM generate_series(1, 100) i;
CREATE TABLE group_factor.trip (person bigint NOT NULL, price float8 NOT NULL, size int NOT NULL, extent float8 NOT NULL);
INSERT INTO group_factor.trip SELECT 1 + i % 100, i % 7, CASE WHEN i % 100 < 60 OR i % 100 = 95 THEN i % 7 % 3 * (i % 2) ELSE 1 END, CASE WHEN i = 116 THEN 2 ELSE 1 END FROM generate_series(1, 500) i;
SET client_min_messages = error;
SELECT privseg.protect('group_factor.bill', 'person', 'group_factor.person'), privseg.protect('group_factor.trip', 'person', 'group_factor.person'), privseg.protect('group_factor.line', 'person', 'group_factor.person');
GRANT SELECT ON ALL TABLES IN SCHEMA group_factor TO group_factor_counter;
SELECT count(privseg.grant_clearance('group_factor_counter', p, NULL, '{aggregate}')) FROM unnest('{group_factor_stats,group_factor_sums,group_factor_trips,group_factor_small}'::text[]) p;

-- one person's value, but for what the others make of it
SET ROLE group_factor_counter;
SET privseg.purpose = 'group_factor_stats';
SELECT sum(income) FROM group_factor.person;
SELECT sum(income * children) FROM group_factor.person;
SELECT sum(children * income), avg((income + pets) * children) FROM group_factor.person;
SELECT var_pop(income + children), stddev(income - children), var_pop(income)::numeric(8, 2) FROM group_factor.person;
SELECT sum(income * (billed - paid)), covar_pop(income, pets)::numeric(4, 2), sum((paid - billed) * income), sum(income * (billed + rest)) FROM group_factor.person;
-- two that are zero for half of all, but for one person not at once
SELECT sum(divorced), sum(indebted), sum(income * divorced), sum(divorced::numeric * indebted), sum(income * divorced * indebted), covar_pop(divorced, indebted), var_pop(divorced + indebted) FROM group_factor.person;
SELECT corr(income, children), covar_pop(children, income), regr_slope(income, children), regr_sxy(income, hours) FROM group_factor.person;
SELECT sum(price * quantity), sum(price * quantity) FILTER (WHERE size > 2) FROM group_factor.line;
SELECT sum(price * children) FROM group_factor.line JOIN group_factor.person p ON p.id = person;
SELECT sum(v) FROM (SELECT person, covar_pop(price, quantity) AS v FROM group_factor.line GROUP BY person) q;
WITH q AS (SELECT person, covar_pop(price, quantity) AS v FROM group_factor.line GROUP BY person), r AS (SELECT v AS w, person FROM q) SELECT sum(w), avg(s.w) FROM (SELECT * FROM r) s;
SELECT corr(n, income) FROM group_factor.person JOIN (SELECT person, sum(quantity) AS n FROM group_factor.line GROUP BY person) q ON person = id;
-- of groups of which one has somebody who differs
SELECT pets, sum(income * children) FROM group_factor.person GROUP BY pets ORDER BY pets;
SELECT pets FROM group_factor.person GROUP BY pets HAVING sum(income * children) > 0 ORDER BY pets;
-- enough differ, or none
SELECT sum(income * pets), corr(income, pets)::numeric(4, 2) FROM group_factor.person;
SELECT sum(price * size), sum(price * size) FILTER (WHERE size > 2) FROM group_factor.line;
SELECT sum(price * pets) FROM group_factor.line JOIN group_factor.person p ON p.id = person;
SELECT sum(v)::numeric(8, 2) FROM (SELECT person, covar_pop(price, size) AS v FROM group_factor.line GROUP BY person) q;
WITH q AS (SELECT person, covar_pop(price, size) AS v FROM group_factor.line GROUP BY person), r AS (SELECT v AS w, person FROM q) SELECT sum(w)::numeric(8, 2), avg(s.w)::numeric(8, 2) FROM (SELECT * FROM r) s;
SELECT var_pop(children)::numeric(4, 2), sum(income * 2), sum(children + pets), regr_count(income, children), regr_avgx(children, income) FROM group_factor.person;
-- two answers, of factors that nearly all have the same of; of which one person makes two pairs
SELECT sum(income * billed) FROM group_factor.person;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum(income * paid) FROM group_factor.person', 'SELECT corr(paid, pets) FROM group_factor.person', 'SELECT sum(income * billed), sum(income * paid) FROM group_factor.person', 'SELECT sum(income * (paid + pets)) FROM group_factor.person', 'SELECT avg(income * billed) FROM group_factor.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT sum(income * billed) FROM group_factor.person;
-- people who are there, and whose factor is zero: in another product, and in none
SELECT sum(income * divorced) FROM group_factor.person WHERE id BETWEEN 40 AND 90;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum(income * divorced) FROM group_factor.person WHERE id BETWEEN 42 AND 99', 'SELECT sum(income) FROM group_factor.person WHERE id BETWEEN 40 AND 89 AND id NOT IN (41, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 78, 80, 82, 84, 86, 88)', 'SELECT regr_sxy(income, divorced) FROM group_factor.person WHERE id BETWEEN 42 AND 99', 'SELECT sum(-(income * divorced)) FROM group_factor.person WHERE id BETWEEN 42 AND 99', 'SELECT sum(pets + income * divorced) FROM group_factor.person WHERE id BETWEEN 42 AND 99']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- so it is with what is added to it, or multiplied out, and with what was multiplied for each person
SET privseg.purpose = 'group_factor_sums';
SELECT sum(pets + income * divorced), sum(pets) FROM group_factor.person WHERE id BETWEEN 40 AND 90;
SELECT sum(pets) FROM group_factor.person WHERE id BETWEEN 42 AND 99;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum(pets + income * divorced) FROM group_factor.person WHERE id BETWEEN 42 AND 99', 'SELECT sum((pets + income) * divorced) FROM group_factor.person WHERE id BETWEEN 42 AND 99']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SET privseg.purpose = 'group_factor_trips';
SELECT covar_pop(pets::float8 + divorced::float8, income) FROM group_factor.person WHERE id BETWEEN 40 AND 90;
SELECT code, detail FROM pg_temp.refusal('SELECT covar_pop(pets::float8 + divorced::float8, income) FROM group_factor.person WHERE id BETWEEN 40 AND 91 OR id IN (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 92, 94)');
SELECT sum(v)::numeric(8, 2) FROM (SELECT person, covar_pop(price, size) AS v FROM group_factor.trip GROUP BY person) q WHERE person BETWEEN 20 AND 80;
SELECT code, detail FROM pg_temp.refusal('SELECT sum(v) FROM (SELECT person, covar_pop(price, size) AS v FROM group_factor.trip GROUP BY person) q WHERE person BETWEEN 20 AND 100');
-- and of one column: who has one row only has no variance
SELECT sum(v)::numeric(8, 2), sum(w)::numeric(8, 2) FROM (SELECT person, var_pop(price) AS v, var_pop(extent) AS w FROM group_factor.trip GROUP BY person) q;
-- few of whom have no value: that is refused, and nothing else after it
SET privseg.purpose = 'group_factor_small';
SELECT code, detail FROM pg_temp.refusal('SELECT sum(net + tax) FROM group_factor.bill');
SELECT count(*), sum(net) FROM group_factor.bill;
SET privseg.purpose = 'group_factor_stats';
-- what nobody can compare
SELECT code, detail FROM pg_temp.refusal('SELECT privseg.enough_differ(1, NULL, 1, 1)');
SELECT code, detail FROM pg_temp.refusal('SELECT privseg.enough_differ(id, NULL, 1, 1) FROM group_factor.person');
RESET ROLE;

-- an oracle: random groups, asked in one process and in several
SET privseg.differencing_window = 0;
SELECT setseed(0.6);
CREATE TABLE group_factor.part (g int NOT NULL, person bigint NOT NULL, x numeric, f int);
INSERT INTO group_factor.part
	SELECT g, g * 100 + p, CASE WHEN random() < 0.1 THEN NULL ELSE x END, CASE WHEN random() < 0.1 THEN NULL WHEN random() < others THEN (random() * 3)::int ELSE 1 END
	FROM (SELECT g, (random() * 14)::int AS n, random() * random() * random() AS others, random() < 0.3 AS flat FROM generate_series(1, 2000) g) s,
		LATERAL generate_series(1, n) p, LATERAL (SELECT CASE WHEN flat AND random() < 0.8 THEN 7 ELSE (random() * 1000)::int END AS x FROM generate_series(1, 1 + (p * g) % 3)) r
	ORDER BY random();
CREATE TABLE group_factor.expected AS
	WITH present AS (SELECT * FROM group_factor.part WHERE x * f IS NOT NULL),
		columns AS (SELECT g, person, 'x' AS name, x AS value FROM present UNION ALL SELECT g, person, 'f', f FROM present),
		candidates AS (SELECT DISTINCT g, name, value FROM columns),
		differing AS (SELECT g, name, c.value, count(DISTINCT person) FILTER (WHERE p.value <> c.value) AS n, count(DISTINCT person) AS people FROM candidates c JOIN columns p USING (g, name) GROUP BY 1, 2, 3),
		hidden AS (SELECT g FROM differing WHERE n BETWEEN 1 AND 2 AND people - n > 1 UNION SELECT g FROM present GROUP BY g HAVING count(DISTINCT person) < 3 OR count(DISTINCT person) FILTER (WHERE x * f <> 0) < 3)
	SELECT g, CASE WHEN g NOT IN (SELECT g FROM hidden) THEN sum(x * f) END AS product,
		CASE WHEN g NOT IN (SELECT g FROM hidden) THEN covar_pop(x, f)::numeric(20, 6) END AS covariance
	FROM group_factor.part GROUP BY g HAVING count(DISTINCT person) >= 3;
SELECT count(*) FILTER (WHERE product IS NOT NULL) > 300 AS many_shown, count(*) FILTER (WHERE product IS NULL) > 300 AS many_hidden FROM group_factor.expected;
SELECT privseg.protect('group_factor.part', 'person', 'group_factor.person');
GRANT SELECT ON group_factor.part TO group_factor_counter;
ANALYZE group_factor.part;
CREATE FUNCTION group_factor.differences() RETURNS TABLE (shape text, wrong bigint, all_there text) LANGUAGE plpgsql AS
$$
DECLARE
	statement text;
	several text;
	results jsonb;
BEGIN
	FOREACH statement IN ARRAY ARRAY['SELECT g, sum(x * f) AS result FROM group_factor.part GROUP BY g', 'SELECT g, covar_pop(x, f)::numeric(20, 6) AS result FROM group_factor.part GROUP BY g']
	LOOP
		FOREACH several IN ARRAY '{0,2}'::text[]
		LOOP
			PERFORM set_config('max_parallel_workers_per_gather', several, true), set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true);
			SET LOCAL ROLE group_factor_counter;
			EXECUTE format('SELECT jsonb_object_agg(g, result) FROM (%s) r', statement) INTO results;
			RESET ROLE;
			RETURN QUERY SELECT several || ' workers: ' || statement, count(*) FILTER (WHERE (results ->> g::text)::numeric IS DISTINCT FROM CASE WHEN statement LIKE '%sum%' THEN product ELSE covariance END OR NOT results ? g::text),
					((SELECT count(*) FROM jsonb_object_keys(results)) = count(*))::text FROM group_factor.expected;
		END LOOP;
	END LOOP;
END
$$;
SET privseg.purpose = 'group_factor_small';
SELECT * FROM group_factor.differences();

-- who it is by a text, and a factor that is encrypted
RESET ALL;
SET client_min_messages = error;
CREATE TABLE group_factor.coded (code text PRIMARY KEY, income numeric NOT NULL, children numeric NOT NULL, pets numeric NOT NULL);
INSERT INTO group_factor.coded SELECT repeat('c', i) || i, i, CASE WHEN i = 17 THEN 2 ELSE 1 END, i % 5 FROM generate_series(1, 100) i;
SELECT privseg.create_data_category('group_factor_private'), privseg.protect('group_factor.coded', 'code');
SELECT privseg.encrypt_column('group_factor.coded', c, 'group_factor_private') FROM unnest('{children,pets}'::name[]) c;
GRANT SELECT ON group_factor.coded TO group_factor_counter;
SELECT privseg.grant_clearance('group_factor_counter', 'group_factor_stats', 'group_factor_private', '{aggregate}');
SET privseg.purpose = 'group_factor_stats';
SET ROLE group_factor_counter;
SELECT sum(children), sum(income * children), sum(income * pets), corr(pets, children) FROM group_factor.coded;
RESET ROLE;

SET client_min_messages = error;
DROP SCHEMA group_factor CASCADE;
DROP OWNED BY group_factor_counter;
DROP ROLE group_factor_counter;
