-- Groups of enough subjects, attacked: weights, other names of who it is, subqueries that hide which rows went in,
-- changes between two answers; and what must be answered all the same.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA group_attack;
CREATE ROLE group_attack_counter;
CREATE ROLE group_attack_money;
CREATE ROLE group_attack_writer;
CREATE ROLE group_attack_member NOINHERIT IN ROLE group_attack_counter, group_attack_writer;
GRANT USAGE ON SCHEMA group_attack TO PUBLIC;
CREATE TABLE group_attack.person (id bigint PRIMARY KEY, town text NOT NULL, born date NOT NULL, salary numeric, bonus numeric NOT NULL, points int NOT NULL);
INSERT INTO group_attack.person SELECT g, 'town' || g % 3, date '1990-01-01' + g, CASE WHEN g NOT IN (50, 51) THEN g * 10 END, g, g FROM generate_series(1, 90) g;
CREATE TABLE group_attack.purchase (id int PRIMARY KEY, person bigint NOT NULL REFERENCES group_attack.person, at date NOT NULL, price numeric NOT NULL, quantity int NOT NULL);
INSERT INTO group_attack.purchase SELECT i, 1 + i % 90, date '1990-02-01' + i, i * 3, i % 7 FROM generate_series(1, 270) i;
CREATE TABLE group_attack.transfer (id int PRIMARY KEY, sender bigint NOT NULL, recipient bigint, amount numeric NOT NULL, fee numeric);
INSERT INTO group_attack.transfer SELECT i, 1 + i % 90, CASE i % 4 WHEN 0 THEN 5 WHEN 2 THEN 1 + i * 7 % 45 END, i, i FROM generate_series(1, 180) i;
CREATE TABLE group_attack.monthly (id int, person bigint NOT NULL, month int NOT NULL, fee numeric, PRIMARY KEY (person, month));
INSERT INTO group_attack.monthly SELECT m * 40 - 40 + p, p, m, p FROM generate_series(1, 40) p, generate_series(1, 4) m WHERE NOT (p = 17 AND m = 2);
INSERT INTO group_attack.monthly VALUES (198, 18, 5, NULL);
INSERT INTO group_attack.monthly SELECT 200 + p, p, 6, NULL FROM generate_series(1, 12) p;
CREATE TABLE group_attack.gift (id int PRIMARY KEY, person bigint NOT NULL, worth numeric, size numeric);
INSERT INTO group_attack.gift SELECT i, i, CASE WHEN i <= 30 THEN i END, i % 5 FROM generate_series(1, 50) i;
CREATE TABLE group_attack.rate (n int PRIMARY KEY, factor numeric NOT NULL);
INSERT INTO group_attack.rate SELECT n, n FROM generate_series(1, 300) n;
CREATE SEQUENCE group_attack.counting;
GRANT SELECT ON ALL TABLES IN SCHEMA group_attack TO PUBLIC;
GRANT SELECT, USAGE ON group_attack.counting TO PUBLIC;
GRANT INSERT, UPDATE, DELETE ON group_attack.person TO group_attack_writer;
SELECT privseg.create_purpose('group_attack_stats', 'contract'), privseg.create_data_category('group_attack.money');
SELECT privseg.protect('group_attack.person', 'id'), privseg.protect('group_attack.purchase', 'person', 'group_attack.person'),
	privseg.protect('group_attack.transfer', 'sender', 'group_attack.person', also_about => '{recipient}'), privseg.protect('group_attack.monthly', 'person', 'group_attack.person'), privseg.protect('group_attack.gift', 'person', 'group_attack.person');
SELECT privseg.classify('group_attack.person', c, 'group_attack.money') FROM unnest('{salary,bonus,points}'::name[]) c;
SELECT privseg.classify('group_attack.gift', 'worth', 'group_attack.money'), privseg.classify('group_attack.purchase', 'price', 'group_attack.money'), privseg.classify('group_attack.purchase', 'quantity', 'group_attack.money');
SELECT privseg.grant_clearance('group_attack_counter', 'group_attack_stats', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_stats', 'group_attack.money', '{aggregate,filter}'),
	privseg.grant_clearance('group_attack_money', 'group_attack_stats'), privseg.grant_clearance('group_attack_money', 'group_attack_stats', 'group_attack.money', '{aggregate}'),
	privseg.grant_clearance('group_attack_writer', 'group_attack_stats'), privseg.grant_clearance('group_attack_writer', 'group_attack_stats', 'group_attack.money', '{aggregate,write}');
SET privseg.purpose = 'group_attack_stats';
SET ROLE group_attack_counter;

-- a condition about a query around it, or its aggregates
SELECT count(*) FROM group_attack.person c WHERE EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND o.at > c.born);
SELECT town, count(*) FROM group_attack.person c WHERE EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND o.at > c.born) GROUP BY town ORDER BY town;
SELECT count(*) FROM group_attack.person c WHERE c.id IN (SELECT o.person FROM group_attack.purchase o WHERE o.at > c.born);
SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND o.at > c.born)) FROM group_attack.person c;
SELECT count(*) FROM group_attack.person c JOIN LATERAL (SELECT * FROM group_attack.purchase o WHERE o.person = c.id AND o.at > c.born) l ON true;
SELECT count(*) FROM group_attack.person c WHERE EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND EXISTS (SELECT FROM group_attack.purchase v WHERE v.person = o.person AND v.at > o.at));

-- weights that the role knows, powers, parts of a sum; who it is, under another name
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT sum(salary) - sum(DISTINCT salary) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id < 13 OR o.id = 95', 'SELECT avg(DISTINCT bonus) FROM group_attack.person',
	'SELECT sum(c.bonus * o.id) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id', 'SELECT sum(bonus * id) FROM group_attack.person', 'SELECT regr_sxy(c.bonus, o.id) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id',
	'SELECT sum(x * id) FROM (SELECT c.bonus AS x, o.id FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id) z', 'SELECT sum(x * y) FROM (SELECT bonus AS x, bonus AS y FROM group_attack.person) z', 'SELECT sum(c.bonus * d.bonus) FROM group_attack.person c JOIN group_attack.person d ON c.id = d.id',
	'SELECT sum(c.bonus * q.n) FROM group_attack.person c JOIN (SELECT person, count(*) AS n FROM group_attack.purchase GROUP BY person) q ON q.person = c.id', 'SELECT sum(o.price * r.factor) FROM group_attack.purchase o JOIN group_attack.rate r ON r.n = o.id',
	'SELECT sum(x * 1e12) FROM (SELECT bonus * 1e12 * 1e12 * 1e12 * 1e12 AS x FROM group_attack.person) a', 'SELECT count(*) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE c.points * o.quantity > 0', 'SELECT sum(x * 1e12::float8) FROM (SELECT x * 1e12::float8 * 1e12::float8 AS x FROM (SELECT bonus::float8 * 1e12::float8 * 1e12::float8 * 1e12::float8 AS x FROM group_attack.person WHERE id = 7) a) b', 'SELECT sum(q.x * q.y) FROM (SELECT s.points * t.points AS x, t.points AS y FROM group_attack.person s, group_attack.person t WHERE s.id = t.id) q',
	'SELECT count(DISTINCT c.id) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE c.id < 11 AND (o.person <> 7 OR c.salary > 60)', 'SELECT count(*) FROM (SELECT id AS a, id AS b, salary FROM group_attack.person) c WHERE a < 11 AND (b <> 7 OR salary > 60)',
	'SELECT count(*) FROM (SELECT id AS a, id + 1 AS b, salary FROM group_attack.person) c WHERE a < 11 AND (b <> 8 OR salary > 60)', 'SELECT count(*) FROM group_attack.person c(person) FULL JOIN group_attack.purchase o USING (person) WHERE person < 11 AND (person <> 7 OR town = ''town1'')',
	'SELECT count(*) FROM group_attack.person WHERE id < 11 AND (ctid <> ''(0,7)'' OR salary > 60)', 'SELECT count(DISTINCT person) FROM group_attack.purchase o WHERE id < 11 AND (id <> 7 OR price > 20)',
	'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND (c.id <> 7 OR o.price > 30))',
	'SELECT town, count(*) FROM group_attack.person c GROUP BY town HAVING EXISTS (SELECT FROM group_attack.purchase o WHERE o.at > min(c.born))',
	'SELECT sum(bonus::float8 * 1e-300::float8 * 1e-27::float8) FROM group_attack.person WHERE id = 17', 'SELECT count(*) FROM group_attack.person c WHERE c.id = 17 AND (SELECT true FROM group_attack.person d, group_attack.rate r WHERE d.id = c.id AND d.bonus > 16)',
	'SELECT count(*) FROM group_attack.person c WHERE c.id = 17 AND (c.id, c.bonus) = (SELECT d.id, d.bonus FROM group_attack.person d, group_attack.rate r WHERE d.id = c.id AND d.bonus > 16)',
	'SELECT count(*) FROM group_attack.person c JOIN LATERAL (SELECT o.id FROM group_attack.person o TABLESAMPLE bernoulli(CASE WHEN c.points > 16 THEN 200 ELSE 100 END) WHERE o.id = c.id) x ON true WHERE c.id = 17',
	'SELECT count(*) FROM (SELECT d.id, sum(d.points) AS s FROM group_attack.person d, group_attack.rate GROUP BY d.id) x WHERE x.s * x.s > 0', 'SELECT count(*) FROM group_attack.person c, group_attack.rate r WHERE c.points + r.n > 0 AND c.id = 17 AND r.n = 200', 'SELECT sum(c.points + r.n) FROM group_attack.person c, group_attack.rate r WHERE c.id = 17 AND r.n = 200',
	'SELECT count(*) FROM group_attack.person c WHERE c.id = 17 AND EXISTS (SELECT 1 FROM group_attack.person d WHERE d.id = c.id LIMIT c.points)', 'SELECT count(*) FROM group_attack.person c WHERE c.id = 17 AND EXISTS (SELECT 1 FROM group_attack.person d WHERE d.id = c.id OFFSET c.points)',
	'SELECT count(*) FROM (SELECT id, percentile_disc(extract(day FROM born)::float8) WITHIN GROUP (ORDER BY town) AS x FROM group_attack.person WHERE id = 17 GROUP BY id, born) s WHERE x IS NOT NULL',
	'SELECT count(*) FROM (SELECT id, v * v AS v FROM (SELECT id, sum(bonus)::float8 * 1e8::float8 AS v FROM group_attack.person GROUP BY id) a) b WHERE v * v > 0 AND id = 17', 'SELECT count(*) FROM (SELECT id, v * v AS v FROM (SELECT id, sum(bonus) AS v FROM group_attack.person GROUP BY id) a) b WHERE id = 17 AND v > 0',
	'SELECT count(*) FROM group_attack.person c WHERE c.id IN (SELECT t.sender FROM group_attack.transfer t WHERE t.recipient = 12)'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- the same for each person, and summed up over people: products with what the role knows, counts by another name, powers of powers
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT sum(s) FROM (SELECT person, covar_pop(price, id) AS s FROM group_attack.purchase GROUP BY person) q', 'WITH q AS (SELECT o.person, regr_sxy(o.price, r.factor) AS s FROM group_attack.purchase o JOIN group_attack.rate r ON r.n = o.id GROUP BY o.person) SELECT avg(s) FROM q',
	'SELECT sum(t) FROM (SELECT person, sum(s) AS t FROM (SELECT person, at, regr_slope(price, id) AS s FROM group_attack.purchase GROUP BY person, at) r GROUP BY person) q',
	'SELECT var_pop(s) FROM (SELECT person, sum(price + 1) AS s FROM group_attack.purchase GROUP BY person) q',
	'SELECT sum(s * n) FROM (SELECT person, sum(price) AS s, sum(quantity::numeric * 0 + 1) AS n FROM group_attack.purchase GROUP BY person) q', 'SELECT corr(s, n) FROM (SELECT c.id, sum(o.price) AS s, regr_count(c.points, o.quantity) AS n FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id GROUP BY c.id) q',
	'SELECT var_pop(s) FROM (SELECT person, var_samp(price::float8) AS s FROM group_attack.purchase GROUP BY person) q'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- who it is, or which row, and something else: in HAVING and GROUP BY, in what a subquery returns, by what it calls a row, in conditions that are negated or are one of several
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT count(*) FROM (SELECT person FROM group_attack.purchase WHERE person < 11 GROUP BY person HAVING person <> 7 OR sum(price) > 60) q', 'SELECT count(*) FROM (SELECT person FROM group_attack.purchase WHERE person < 11 GROUP BY person HAVING NOT bool_or(id = 7 AND at < ''1990-03-01'')) q',
	'SELECT count(*) FROM group_attack.person WHERE id < 11 GROUP BY (id <> 7 OR salary > 60)', 'SELECT count(*) FROM (SELECT id, (id <> 7 OR salary > 60) AS f FROM group_attack.person) c WHERE id < 11 AND f', 'SELECT count(*) FROM (SELECT person, (id <> 7 OR price > 20) AS f FROM group_attack.purchase) c WHERE person < 11 AND f',
	'SELECT count(DISTINCT person) FROM (SELECT id AS x, person, price FROM group_attack.purchase) o WHERE x < 11 AND (x <> 7 OR price > 20)', 'WITH o AS (SELECT id AS x, person, price FROM group_attack.purchase) SELECT count(DISTINCT person) FROM o WHERE x < 11 AND (x <> 7 OR price > 20)',
	'SELECT count(*) FROM (SELECT person, max(id) AS x, sum(price) AS s FROM group_attack.purchase WHERE id < 31 GROUP BY person) q WHERE x <> 7 OR s > 20',
	'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND NOT EXISTS (SELECT FROM group_attack.person d WHERE d.id = c.id AND d.id = 7 AND d.salary < 60)', 'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND id NOT IN (SELECT id FROM group_attack.person WHERE id = 7 AND salary < 60)',
	'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND id NOT IN (SELECT id FROM (SELECT id FROM group_attack.person WHERE salary < 60) d WHERE id = 7)', 'WITH w AS (SELECT id FROM group_attack.person WHERE id = 7 AND salary < 60) SELECT count(*) FROM group_attack.person c WHERE id < 11 AND id NOT IN (SELECT id FROM w)',
	'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND NOT EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND o.id = 7 AND o.price < 20)', 'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND (EXISTS (SELECT FROM group_attack.person d WHERE d.id = c.id AND d.id <> 7) OR c.salary > 60)',
	'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND ((SELECT d.id FROM group_attack.person d WHERE d.id = c.id LIMIT 1) <> 7 OR c.salary > 60)', 'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND 7 NOT IN (SELECT d.id FROM group_attack.person d WHERE d.id = c.id AND d.salary < 60)',
	'SELECT count(*) FROM group_attack.person c WHERE id < 11 AND c.salary > ALL (SELECT d.bonus * 10 FROM group_attack.person d WHERE d.id = c.id AND d.id = 7)', 'SELECT count(*) FROM group_attack.person c LEFT JOIN group_attack.rate r ON r.n = 1 AND c.id = 7 AND c.salary < 60 WHERE c.id < 11 AND r.n IS NULL'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE;
SELECT privseg.create_purpose('group_attack_asks', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_asks', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_asks', 'group_attack.money', '{aggregate,filter,write}');
SET privseg.purpose = 'group_attack_asks';
SET ROLE group_attack_counter;
-- not so: what asks for nobody, counts of rows, the order by which one is taken
SELECT pg_temp.outcome(statement), statement FROM unnest(ARRAY[
	'SELECT count(*) FROM group_attack.person c WHERE NOT EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND o.price > 700)', 'SELECT count(*) FROM group_attack.person c WHERE id NOT IN (SELECT person FROM group_attack.purchase WHERE price > 700)',
	'WITH w AS (SELECT person FROM group_attack.purchase WHERE price > 700) SELECT count(*) FROM group_attack.person c WHERE id NOT IN (SELECT person FROM w)', 'SELECT count(*) FROM group_attack.person c WHERE id IN (SELECT person FROM group_attack.purchase WHERE price > 700 AND id > 3)',
	'SELECT count(*) FROM group_attack.person c WHERE EXISTS (SELECT FROM group_attack.purchase o WHERE o.person = c.id AND o.price > 700) OR bonus > 85', 'SELECT count(*) FROM group_attack.person c WHERE (SELECT o.price FROM group_attack.purchase o WHERE o.person = c.id ORDER BY o.id LIMIT 1) > 70 OR bonus < 5',
	'SELECT count(*) FROM (SELECT person FROM group_attack.purchase WHERE price > 400 GROUP BY person HAVING count(id) > 1 OR sum(price) > 1000) q', 'SELECT count(*) FROM (SELECT person, count(id) AS n, sum(price) AS s FROM group_attack.purchase GROUP BY person) q WHERE n > 4 OR s > 1400',
	'SELECT sum(c.bonus) FROM group_attack.person c LEFT JOIN group_attack.rate r ON r.n = c.points AND c.town = $$town1$$'])
	WITH ORDINALITY s (statement, n) ORDER BY n;
-- the same for each person, with what the role may write
RESET ROLE; GRANT UPDATE ON group_attack.purchase TO group_attack_counter; SET ROLE group_attack_counter;
SELECT code, detail FROM pg_temp.refusal('SELECT sum(s) FROM (SELECT person, covar_pop(price, quantity) AS s FROM group_attack.purchase GROUP BY person) q');
RESET ROLE; REVOKE UPDATE ON group_attack.purchase FROM group_attack_counter; SET ROLE group_attack_counter;
SELECT sum(s)::numeric(8, 2) FROM (SELECT person, covar_pop(price, quantity) AS s FROM group_attack.purchase GROUP BY person) q;
SET privseg.purpose = 'group_attack_stats';
-- not so: constants, and columns that are as unknown, each with many people to a value
SELECT sum(salary * 1.19), avg(bonus + 10)::numeric(6, 2) FROM group_attack.person;
SELECT sum(price * quantity), corr(price, quantity)::numeric(4, 2) FROM group_attack.purchase;
-- a last digit that is lost, which a constant lifts one person's value over
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum((bonus * 1e-10 + 900000000000.0000047801) / 1e11) FROM group_attack.person', 'SELECT sum(bonus / 1.7) FROM group_attack.person', 'SELECT sum((bonus + 900000000000.5)::float8) FROM group_attack.person', 'SELECT sum((bonus * 5e-8 + 900000000000)::float8::numeric) FROM group_attack.person',
	'SELECT corr(bonus + 900000000000, salary) FROM group_attack.person', 'SELECT sum(x / 10.0) FROM (SELECT bonus + 900000000000 AS x FROM group_attack.person) q', 'SELECT sum(x::float8) FROM (SELECT bonus * 5e-8 + 900000000000 AS x FROM group_attack.person) q', 'SELECT sum(x / 10.0) FROM (SELECT bonus / 10.0 AS x FROM group_attack.person) q',
	'SELECT avg(s::float8) FROM (SELECT person, sum(price + 900000000000) AS s FROM group_attack.purchase GROUP BY person) q', 'WITH w AS (SELECT bonus * 3.0 AS x FROM group_attack.person) SELECT sum(x::float8) FROM w', 'SELECT sum(bonus::float8 * ''3''::float8 + salary::float8 * ''1e-3''::float8) FROM group_attack.person'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- and how many digits are written, by how large it is
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum(bonus / 1000) FROM group_attack.person', 'SELECT sum(v) FROM (SELECT person, avg(price * 52.95) AS v FROM group_attack.purchase GROUP BY person) q', 'SELECT sum(v) FROM (SELECT person, avg(price) AS v FROM group_attack.purchase GROUP BY person) q', 'SELECT avg(v) FROM (SELECT person, stddev(quantity) AS v FROM group_attack.purchase GROUP BY person) q',
	'SELECT sum(bonus::float8::numeric) FROM group_attack.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT sum(-bonus), sum(bonus::float8), avg(bonus::float8 * '1.5'::float8)::numeric(8, 2) FROM group_attack.person;
SELECT avg(s::float8)::numeric(8, 2), (avg(s) / 3)::numeric(8, 2) FROM (SELECT person, sum(price) AS s FROM group_attack.purchase GROUP BY person) q;
-- a value that float8 has no room for is not named
RESET ROLE;
CREATE TABLE group_attack.huge (person bigint NOT NULL, amount numeric NOT NULL);
INSERT INTO group_attack.huge SELECT i, CASE i WHEN 17 THEN 123456789 * 10::numeric ^ 320 + 4711 ELSE i END FROM generate_series(1, 90) i;
SELECT privseg.protect('group_attack.huge', 'person', 'group_attack.person');
GRANT SELECT ON group_attack.huge TO group_attack_counter;
SET ROLE group_attack_counter;
SELECT sum(amount::float8) FROM group_attack.huge;
SELECT count(DISTINCT town), count(DISTINCT id) FROM group_attack.person;
SELECT sum(points + quantity) FROM (SELECT c.points, 1::numeric AS quantity FROM group_attack.person c) q;
SELECT count(*) FROM group_attack.person c WHERE (SELECT o.price FROM group_attack.purchase o WHERE o.person = c.id ORDER BY o.at LIMIT 1) > 0;
SELECT count(*) > 0 FROM group_attack.person TABLESAMPLE bernoulli(100);
SELECT avg(spent)::numeric(8, 2) FROM (SELECT person, sum(price) AS spent FROM group_attack.purchase GROUP BY person) q;

SELECT var_pop(spent * 2 + 1)::numeric(10, 2), avg(varied)::numeric(8, 2), corr(paid, bought)::numeric(4, 2) FROM (SELECT person, sum(price * 1.19) AS spent, sum(price) AS paid, sum(quantity) AS bought FROM group_attack.purchase WHERE person <= 70 GROUP BY person) q JOIN (SELECT person AS id, var_pop(price::float8) AS varied FROM group_attack.purchase WHERE person <= 70 GROUP BY person) r ON id = person;

-- which rows went into a sum for each person
SELECT sum(s) FROM (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 10 AND 30 GROUP BY person) q;
SELECT sum(s) FROM (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 10 AND 30 AND id <> 105 GROUP BY person) q;
WITH q AS (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 40 AND 60 GROUP BY person) SELECT sum(s) FROM q;
WITH q AS (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 40 AND 60 AND id <> 50 GROUP BY person) SELECT sum(s) FROM q;
SELECT sum(q.s) FROM group_attack.person c JOIN (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 65 AND 85 GROUP BY person) q ON q.person = c.id;
SELECT sum(q.s) FROM group_attack.person c JOIN (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 65 AND 85 AND id <> 70 GROUP BY person) q ON q.person = c.id;
SELECT sum(a.s) FROM (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 5 AND 25 GROUP BY person) a JOIN (SELECT person, count(*) AS n FROM group_attack.purchase WHERE id <> 10 GROUP BY person) b ON a.person = b.person;
SELECT sum(a.s) FROM (SELECT person, sum(price) AS s FROM group_attack.purchase WHERE person BETWEEN 5 AND 25 AND id <> 10 GROUP BY person) a JOIN (SELECT person, count(*) AS n FROM group_attack.purchase GROUP BY person) b ON a.person = b.person;

-- whom rows are also about
SELECT sum(amount) FROM group_attack.transfer;
SELECT sum(amount) FROM group_attack.transfer WHERE recipient = 5;
SELECT sum(amount) FILTER (WHERE recipient = 5), sum(amount + fee) FILTER (WHERE recipient = 5), count(fee) FILTER (WHERE recipient = 5) FROM group_attack.transfer;
SELECT recipient, sum(amount) FROM group_attack.transfer GROUP BY recipient HAVING recipient < 5 ORDER BY recipient;
SELECT recipient IS NULL AS nobody_else, sum(amount) FROM group_attack.transfer WHERE sender > 40 GROUP BY 1 ORDER BY 1;
SELECT sum(amount) FROM (SELECT * FROM group_attack.transfer WHERE recipient IS NOT NULL) t WHERE recipient <> 5;
SELECT code, detail FROM pg_temp.refusal('SELECT sum(s) FROM (SELECT sender, sum(amount) AS s FROM group_attack.transfer GROUP BY sender) t');

-- who has no value was chosen by nobody: values of a column beside their group, and beside those of another; groups of the same people, month by month
SELECT count(*), avg(salary)::numeric(8, 2), sum(bonus) FROM group_attack.person;
SELECT town, count(*), avg(salary)::numeric(8, 2) FROM group_attack.person GROUP BY town ORDER BY town;
SELECT avg(salary) FILTER (WHERE id <= 60), count(*) FILTER (WHERE id <= 60) FROM group_attack.person;
SELECT month, count(*), sum(fee) FROM group_attack.monthly WHERE month < 5 GROUP BY month ORDER BY month;
-- but for what an outer join leaves without value, a count of values, several columns, and another group
SELECT statement, code, message FROM unnest(ARRAY['SELECT sum(d.bonus) FROM group_attack.person c LEFT JOIN group_attack.person d ON c.id = d.id AND d.points <> 7', 'SELECT count(salary) FROM group_attack.person',
	'SELECT corr(salary, points) FROM group_attack.person', 'SELECT avg(salary) FROM group_attack.person WHERE id <> 50', 'SELECT avg(salary) FROM group_attack.person WHERE id NOT IN (50, 7)', 'SELECT count(*) FROM group_attack.person WHERE salary IS NOT NULL'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- weights that a role is shown
RESET ROLE; SET ROLE group_attack_money;
SELECT code, detail FROM pg_temp.refusal('SELECT sum(worth * size) FROM group_attack.gift');
SELECT code, detail FROM pg_temp.refusal('SELECT corr(worth, size) FROM group_attack.gift');
SELECT sum(worth + size) FROM group_attack.gift;
SELECT corr(price, quantity)::numeric(4, 2) FROM group_attack.purchase;
-- nobody with a value, and as many without as there must be
RESET ROLE;
SELECT privseg.create_purpose('group_attack_nulls', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_nulls', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_nulls', 'group_attack.money', '{aggregate,filter}');
SET privseg.purpose = 'group_attack_nulls';
SET ROLE group_attack_counter;
SELECT count(*), sum(salary) FROM group_attack.person WHERE id BETWEEN 41 AND 50;
SELECT count(*), sum(salary) FROM group_attack.person WHERE id BETWEEN 1 AND 20;
SELECT code, message FROM pg_temp.refusal('SELECT sum(salary) FROM group_attack.person WHERE id BETWEEN 2 AND 20 OR id IN (50, 51)');
-- the same but for one, by a group with many who have none
SELECT count(*) FROM group_attack.gift WHERE person <= 30;
SELECT code, message FROM pg_temp.refusal('SELECT sum(worth), avg(worth) FROM group_attack.gift WHERE person <= 29 OR person > 30');
-- the same people, by a sum that is not of the column alone
SELECT sum(fee) FROM group_attack.monthly;
SELECT statement, code, message FROM unnest(ARRAY['SELECT sum(m.fee) FROM group_attack.monthly m LEFT JOIN group_attack.rate r ON r.n = 0 WHERE m.month < 5 AND m.id <> 7', 'SELECT sum(s) FROM (SELECT person, sum(fee) AS s FROM group_attack.monthly WHERE month < 5 AND id <> 7 GROUP BY person) x', 'SELECT sum(fee + month) FROM group_attack.monthly WHERE month < 5 AND id <> 7'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- a month without value in the place of one with a value
SELECT sum(fee) FROM group_attack.monthly WHERE month = 1 AND person BETWEEN 1 AND 20;
SELECT code, message FROM pg_temp.refusal('SELECT sum(fee) FROM group_attack.monthly WHERE person BETWEEN 1 AND 20 AND month = CASE WHEN person = 18 THEN 5 ELSE 1 END');
SELECT code, message FROM pg_temp.refusal('SELECT sum(fee) FROM group_attack.monthly WHERE month = 1 AND person BETWEEN 1 AND 20 AND person <> 18 OR month = 5 AND person = 18');
SELECT code, message FROM pg_temp.refusal('SELECT sum(fee) FROM group_attack.monthly WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 198, 19, 20)');
SET privseg.purpose = 'group_attack_stats';

-- what a role writes, or another that it may become
RESET ROLE;
GRANT UPDATE (factor) ON group_attack.rate TO group_attack_counter;
SET ROLE group_attack_counter;
SELECT code, detail FROM pg_temp.refusal('SELECT sum(o.price) FROM group_attack.purchase o JOIN group_attack.rate r ON o.id <> r.factor');
SELECT code, detail FROM pg_temp.refusal('SELECT sum(o.price) FROM group_attack.purchase o JOIN group_attack.counting r ON o.id <> r.last_value');
RESET ROLE;
REVOKE UPDATE (factor) ON group_attack.rate FROM group_attack_counter;
GRANT UPDATE ON group_attack.rate TO group_attack_writer;
SET SESSION AUTHORIZATION group_attack_member;
SET ROLE group_attack_counter;
SET privseg.purpose = 'group_attack_stats';
SELECT code, detail FROM pg_temp.refusal('SELECT sum(o.price) FROM group_attack.purchase o JOIN group_attack.rate r ON o.id <> r.factor');
-- asked, changed, asked again
SELECT sum(salary) FROM group_attack.person WHERE id BETWEEN 20 AND 40;
BEGIN;
SET LOCAL ROLE group_attack_writer;
UPDATE group_attack.person SET salary = 0 WHERE id = 27;
SET LOCAL ROLE group_attack_counter;
SELECT sum(salary) FROM group_attack.person WHERE id BETWEEN 20 AND 40;
ROLLBACK;
BEGIN;
SAVEPOINT s;
SET LOCAL ROLE group_attack_writer;
UPDATE group_attack.person SET salary = 0 WHERE id = 27;
ROLLBACK TO s;
SELECT sum(salary) FROM group_attack.person WHERE id BETWEEN 20 AND 40;
ROLLBACK;
BEGIN;
CREATE TEMP TABLE scratch AS SELECT 1 AS i;
SELECT sum(salary) FROM group_attack.person WHERE id BETWEEN 20 AND 40;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT privseg.create_purpose('group_attack_news', 'consent'), privseg.grant_clearance('group_attack_writer', 'group_attack_news'), privseg.grant_clearance('group_attack_writer', 'group_attack_news', NULL, '{collect}'), privseg.grant_clearance('group_attack_writer', 'group_attack_news', 'group_attack.money', '{aggregate,write}');
SELECT count(privseg.record_consent('group_attack.person', i, 'group_attack_news', 'given')) FROM generate_series(1, 60) i;
SET SESSION AUTHORIZATION group_attack_writer;
SET privseg.purpose = 'group_attack_news';
SELECT sum(salary) FROM group_attack.person;
BEGIN;
SELECT privseg.withdraw_consent('group_attack.person', 27::bigint, 'group_attack_news') IS NOT NULL;
SELECT sum(salary) FROM group_attack.person;
ROLLBACK;
SET privseg.purpose = 'group_attack_stats';
BEGIN;
COPY group_attack.person (id, town, born, bonus, points) FROM stdin;
9001	town0	1990-01-01	0	0
\.
SELECT sum(salary) FROM group_attack.person;
ROLLBACK;
BEGIN;
SELECT sum(salary) > 0 FROM group_attack.person;
UPDATE group_attack.person SET bonus = 5 WHERE id = 1;
COMMIT;
SELECT sum(salary) > 0 FROM group_attack.person;
-- who might do anything is a superuser
RESET SESSION AUTHORIZATION;
BEGIN;
SET LOCAL ROLE group_attack_writer;
UPDATE group_attack.person SET bonus = 5 WHERE id = 1;
SELECT sum(salary) > 0 FROM group_attack.person;
COMMIT;

-- joins that repeat rows, and weigh people by conditions, and by how often they are made
RESET ROLE;
SELECT privseg.create_purpose('group_attack_joins', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_joins', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_joins', 'group_attack.money', '{aggregate,filter}');
CREATE TABLE group_attack.parent (id bigint PRIMARY KEY);
CREATE TABLE group_attack.child () INHERITS (group_attack.parent);
CREATE TABLE group_attack.loose (n int UNIQUE, m int, f numeric, g numeric UNIQUE DEFERRABLE);
CREATE UNIQUE INDEX ON group_attack.loose (f) WHERE n > 0;
GRANT SELECT ON group_attack.parent, group_attack.loose TO PUBLIC;
SET privseg.purpose = 'group_attack_joins';
SET ROLE group_attack_counter;
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.purchase o ON c.born = date ''1990-01-18'' OR o.id = 5', 'SELECT count(*) FROM group_attack.person c JOIN group_attack.rate r ON r.n = 1 OR c.born = date ''1990-01-18''', 'SELECT avg(bonus) FROM group_attack.person, group_attack.rate',
	'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.purchase a ON a.person = c.id JOIN group_attack.purchase b ON b.person = c.id', 'SELECT avg(bonus) FROM (SELECT c.bonus FROM group_attack.person c JOIN group_attack.purchase a ON a.person = c.id JOIN group_attack.purchase b ON b.person = c.id) z',
	'WITH z AS (SELECT c.* FROM group_attack.person c, group_attack.rate) SELECT avg(bonus) FROM z', 'SELECT avg(s) FROM (SELECT c.id, sum(bonus) AS s FROM group_attack.person c JOIN group_attack.purchase a ON a.person = c.id JOIN group_attack.purchase b ON b.person = c.id GROUP BY c.id) z',
	'SELECT avg(bonus) FROM group_attack.person c LEFT JOIN group_attack.rate r ON r.n = 1 AND c.id = 7 JOIN group_attack.rate s ON s.factor > r.factor', 'SELECT count(*) FROM (group_attack.person c CROSS JOIN group_attack.rate r) LEFT JOIN group_attack.purchase o ON o.id = c.id AND o.id = r.n',
	'SELECT count(*) FROM (group_attack.person c CROSS JOIN group_attack.rate r) LEFT JOIN LATERAL (SELECT * FROM group_attack.purchase o WHERE o.person = c.id AND r.n = o.id) z ON true', 'SELECT count(*) FROM group_attack.purchase o RIGHT JOIN (group_attack.person c CROSS JOIN group_attack.rate r) ON o.person = c.id AND o.id = r.n',
	'SELECT r.factor, avg(bonus) FROM group_attack.person c JOIN group_attack.rate r ON r.factor > c.points GROUP BY r.factor', 'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id JOIN group_attack.parent p ON p.id = o.person JOIN group_attack.parent q ON q.id = o.person',
	'SELECT l.n, avg(bonus) FROM group_attack.person c JOIN group_attack.loose l ON l.f > c.points GROUP BY l.n', 'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.loose l ON l.f = c.points JOIN group_attack.loose m ON m.f = l.f', 'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.loose l ON l.g = c.points JOIN group_attack.loose m ON m.g = l.g',
	'SELECT count(*) FROM group_attack.person c FULL JOIN (group_attack.purchase o JOIN group_attack.rate r ON true) ON o.id = c.id AND r.n = c.id', 'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.monthly m ON m.month = 1', 'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.loose l ON l.n = l.m']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- nor in parts of a person's rows, that are summed again; nor chosen by conditions on several tables
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT avg(s) FROM (SELECT c.id, r.n, sum(bonus) AS s FROM group_attack.person c JOIN group_attack.rate r ON r.n = 1 OR c.born = date ''1990-01-18'' GROUP BY c.id, r.n) z', 'SELECT avg(bonus) FROM (SELECT c.id, r.n, c.bonus FROM group_attack.person c, group_attack.rate r GROUP BY c.id, r.n) z',
	'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE c.born = date ''1990-01-18'' OR o.at < date ''1990-03-01''', 'SELECT avg(bonus) FILTER (WHERE c.born = date ''1990-01-18'' OR o.at < date ''1990-03-01'') FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id',
	'SELECT avg(bonus) FROM (SELECT c.born, c.bonus, o.at FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id) z WHERE NOT (born <> date ''1990-01-18'' AND at > date ''1990-03-01'')',
	'SELECT avg(bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE EXISTS (SELECT FROM group_attack.monthly m WHERE m.person = c.id AND (c.born = date ''1990-01-18'' OR o.at < date ''1990-03-01''))']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT count(*), sum(price) FROM group_attack.purchase o JOIN group_attack.person c ON c.id = o.person WHERE c.town = 'town1' OR o.at < date '1990-03-01';
SELECT count(*), sum(bonus) FROM group_attack.purchase o JOIN group_attack.person c ON c.id = o.person WHERE o.at > c.born AND c.town = 'town1';
-- not where others are found by unique columns, or are grouped; and not of different people
SELECT count(*), sum(price) FROM group_attack.purchase o JOIN group_attack.person c ON c.id = o.person JOIN group_attack.rate r ON r.n = 1 LEFT JOIN group_attack.rate s ON s.n = c.id;
SELECT r.n, count(*), sum(bonus) FROM group_attack.person c JOIN group_attack.rate r ON r.n > c.points WHERE r.n IN (20, 70) GROUP BY r.n ORDER BY 1;
SELECT count(*), sum(price) FROM group_attack.person c JOIN LATERAL (SELECT * FROM group_attack.purchase o WHERE o.person = c.id) l ON true;
WITH s AS (SELECT person, sum(price) AS price FROM group_attack.purchase GROUP BY person), c AS (SELECT id AS who, bonus FROM group_attack.person) SELECT count(*), sum(s.price) FROM c JOIN s ON s.person = c.who LEFT JOIN (SELECT person, count(*) AS n FROM group_attack.gift GROUP BY person) t ON t.person = c.who;
SELECT count(DISTINCT c.id) FROM group_attack.person c JOIN group_attack.purchase a ON a.person = c.id JOIN group_attack.purchase b ON b.person = c.id;
SELECT count(*) FROM group_attack.person c FULL JOIN group_attack.purchase o ON o.person = c.id;
SELECT count(*) FROM group_attack.monthly a JOIN group_attack.monthly b ON b.person = a.person AND b.month = a.month JOIN group_attack.person c ON c.id = b.person WHERE a.month = 3;
-- the same people again, with rows in other proportions: twice the one less the other tells of one of them
SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.monthly m ON m.person = c.id WHERE m.month = 3;
SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.monthly m ON m.person = c.id WHERE m.month IN (3, 4);
SELECT code, message FROM pg_temp.refusal('SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.monthly m ON m.person = c.id WHERE m.month IN (2, 3)');
SELECT code, message FROM pg_temp.refusal('SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.monthly m ON m.person = c.id WHERE m.month IN (2, 3, 4)');
RESET ROLE;
SELECT privseg.create_purpose('group_attack_many', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_many', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_many', 'group_attack.money', '{aggregate,filter}');
SET privseg.purpose = 'group_attack_many';
SET ROLE group_attack_counter;
SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id <= 180;
SELECT code, message FROM pg_temp.refusal('SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id <> 95');
SELECT code, message FROM pg_temp.refusal('SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id <= 90 OR o.id = 95');
SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id <= 90;
SELECT sum(c.bonus) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id <= 180 AND o.id NOT BETWEEN 91 AND 110;

-- parts of a person's rows, of which one row is dealt out otherwise
RESET ROLE;
SELECT privseg.create_purpose('group_attack_parts', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_parts', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_parts', 'group_attack.money', '{aggregate,filter}');
SET privseg.purpose = 'group_attack_parts';
SET ROLE group_attack_counter;
SELECT statement, code, detail FROM unnest(ARRAY[
	'SELECT sum(s) FROM (SELECT person, avg(price) AS s FROM group_attack.purchase GROUP BY person, id < 95) q', 'SELECT sum(s) FROM (SELECT person, count(DISTINCT quantity) AS s FROM group_attack.purchase GROUP BY person, id < 95) q', 'SELECT var_pop(s) FROM (SELECT person, sum(price) AS s FROM group_attack.purchase GROUP BY person, id < 95) q',
	'SELECT sum(t) FROM (SELECT person, var_pop(s::float8) AS t FROM (SELECT person, sum(price) AS s FROM group_attack.purchase GROUP BY person, id < 95) q GROUP BY person) r', 'WITH q AS (SELECT o.person, p.town, avg(price) AS s FROM group_attack.purchase o JOIN group_attack.person p ON p.bonus = o.price GROUP BY o.person, p.town) SELECT sum(s) FROM q']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- what is found from who it is makes none
SELECT town, avg(s)::numeric(8, 2) FROM (SELECT p.id, p.town, avg(price::float8) AS s FROM group_attack.person p JOIN group_attack.purchase o ON o.person = p.id GROUP BY p.id, p.town) q GROUP BY town ORDER BY town;
SELECT sum(s) FROM (SELECT person, month, sum(fee) AS s FROM group_attack.monthly WHERE month IN (1, 3) GROUP BY person, month) q;
SELECT sum(s) FROM (SELECT person, month < 3, sum(fee) AS s FROM group_attack.monthly WHERE month IN (1, 3, 4) GROUP BY 1, 2) q;
SELECT code, message FROM pg_temp.refusal('SELECT avg(s) FROM (SELECT person, id < 125, sum(fee) AS s FROM group_attack.monthly WHERE month IN (1, 3, 4) GROUP BY 1, 2) q');
SELECT sum(t) FROM (SELECT person, avg(s::float8) AS t FROM (SELECT person, month < 3, sum(fee) AS s FROM group_attack.monthly WHERE month IN (1, 3, 4) GROUP BY 1, 2) q GROUP BY person) r;
SELECT code, message FROM pg_temp.refusal('SELECT sum(t) FROM (SELECT person, avg(s::float8) AS t FROM (SELECT person, id < 125, sum(fee) AS s FROM group_attack.monthly WHERE month IN (1, 3, 4) GROUP BY 1, 2) q GROUP BY person) r');

-- the same people by their rows and once each, in one statement; by groups that have no row in common; by who has more rows
SELECT statement, code, COALESCE(detail, message) FROM unnest(ARRAY[
	'SELECT sum(a), sum(t) FROM (SELECT c.id, avg(c.bonus::float8) AS a, sum(c.bonus) AS t FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id BETWEEN 91 AND 120 OR o.id = 185 GROUP BY c.id) s',
	'SELECT o.id < 100, count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM group_attack.person c WHERE c.id = o.person AND c.town = ''town1'')) FROM group_attack.purchase o WHERE o.id BETWEEN 41 AND 70 OR o.id BETWEEN 131 AND 159 GROUP BY 1',
	'SELECT c.town, count(*), count(DISTINCT o.person) FROM group_attack.person c JOIN group_attack.purchase o ON o.person = c.id WHERE o.id < 31 OR o.person = 7 GROUP BY c.town', 'SELECT count(DISTINCT r.n) FROM group_attack.person c JOIN group_attack.rate r ON r.n <= c.points', 'SELECT count(*) FROM group_attack.person WHERE id = points']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- texts that get too long for one row
SELECT statement, code, detail FROM unnest(ARRAY['SELECT count(*) FROM group_attack.person WHERE length(town || repeat(''x'', 2000)) > 0', 'SELECT count(*) FROM group_attack.person WHERE length(town || current_setting(''search_path'')) > 0', 'SELECT count(*) FROM group_attack.person WHERE length(town || town) > 0',
	'SELECT count(*) FROM (SELECT town || town AS x FROM group_attack.person) s WHERE length(x) > 3', 'SELECT count(*) FROM group_attack.person WHERE length(town || ''a'' || ''b'' || ''c'' || ''d'' || ''e'' || ''f'' || ''g'' || ''h'' || ''i'') > 0']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT town || ' ' || left(town, 1) || '.' AS name, count(*) FROM group_attack.person GROUP BY 1 ORDER BY 1;
-- people who have no rows of another table
SELECT town, count(g.id), count(*) FROM group_attack.person c LEFT JOIN group_attack.gift g ON g.person = c.id GROUP BY town ORDER BY town;
SELECT town, count(l.id), count(*) FROM group_attack.person c LEFT JOIN LATERAL (SELECT g.id FROM group_attack.gift g WHERE g.person = c.id) l ON true GROUP BY town ORDER BY town;
SELECT COALESCE(g.n, 0) AS gifts, count(*) FROM group_attack.person c LEFT JOIN (SELECT person, count(*) AS n FROM group_attack.gift GROUP BY person) g ON g.person = c.id GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM group_attack.gift g RIGHT JOIN group_attack.person c ON g.person = c.id WHERE g.id IS NULL;
-- who may not choose by a value has it computed for each person, and not chosen by
RESET ROLE;
SELECT privseg.create_purpose('group_attack_sums', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_sums', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_sums', 'group_attack.money', '{aggregate}');
SET privseg.purpose = 'group_attack_sums';
SET ROLE group_attack_counter;
WITH q AS (SELECT person, sum(price) AS t FROM group_attack.purchase GROUP BY person) SELECT avg(t) FROM q;
SELECT c.town, avg(q.t)::numeric(8, 2) FROM group_attack.person c JOIN (SELECT person, sum(price) AS t FROM group_attack.purchase GROUP BY person) q ON q.person = c.id GROUP BY c.town ORDER BY c.town;
SELECT statement, code, COALESCE(detail, message) FROM unnest(ARRAY['SELECT avg(t) FROM (SELECT person, sum(price) AS t FROM group_attack.purchase GROUP BY person) q WHERE t > 500', 'SELECT count(*) FROM (SELECT person FROM group_attack.purchase GROUP BY person HAVING sum(price) > 500) q', 'SELECT t > 500, count(*) FROM (SELECT person, sum(price) AS t FROM group_attack.purchase GROUP BY person) q GROUP BY 1',
	'SELECT avg(t) FILTER (WHERE t > 500) FROM (SELECT person, sum(price) AS t FROM group_attack.purchase GROUP BY person) q', 'SELECT avg(CASE WHEN t > 500 THEN 1 END) FROM (SELECT person, sum(price) AS t FROM group_attack.purchase GROUP BY person) q', 'SELECT sum(CASE WHEN price > 500 THEN 1 ELSE 0 END) FROM group_attack.purchase',
	'SELECT avg(t) FROM (SELECT person, sum(s) AS t FROM (SELECT person, at, sum(price) AS s FROM group_attack.purchase GROUP BY person, at) r GROUP BY person HAVING sum(s) > 500) q']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;

-- what is read beside rows: by LIMIT of a set operation, by subqueries without people, of rows that a join lacks
RESET ROLE;
SELECT privseg.create_purpose('group_attack_beside', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_beside', NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', 'group_attack_beside', 'group_attack.money', '{aggregate,filter}');
CREATE TABLE group_attack.payment (id int PRIMARY KEY, payer bigint NOT NULL, payee bigint, sum numeric NOT NULL, fee numeric);
INSERT INTO group_attack.payment SELECT i, i, CASE WHEN i <= 12 THEN 80 ELSE i + 1 END, i, CASE WHEN i <= 12 THEN 100 END FROM generate_series(1, 60) i;
SELECT privseg.protect('group_attack.payment', 'payer', 'group_attack.person', also_about => '{payee}'), privseg.classify('group_attack.payment', 'fee', 'group_attack.money');
GRANT SELECT ON group_attack.payment TO group_attack_counter;
SET privseg.purpose = 'group_attack_beside';
SET ROLE group_attack_counter;
CREATE TEMP TABLE mine (i bigint, v numeric);
SELECT count(*) FROM (SELECT n FROM generate_series(1, 2000) n UNION ALL SELECT 2 LIMIT (SELECT sum(bonus)::bigint FROM group_attack.person WHERE id = 17)) x;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT count(*) FROM (SELECT n FROM generate_series(1, 50) n UNION ALL SELECT 2 LIMIT (SELECT bonus::bigint FROM group_attack.person WHERE id = 17)) x',
	'SELECT count(*) FROM group_attack.person c WHERE id <= 10 AND EXISTS (SELECT WHERE c.id <> 7 OR c.bonus > 6)', 'SELECT count(*) FROM group_attack.person c WHERE id <= 10 AND EXISTS (SELECT FROM group_attack.rate r WHERE r.n = 1 AND (c.id <> 7 OR c.bonus > 6))',
	'SELECT count(*) FROM group_attack.person c WHERE id <= 10 AND EXISTS (SELECT 1 WHERE c.id <> 7 UNION ALL SELECT 1 WHERE c.bonus > 6)', 'SELECT count(*) FROM group_attack.person c, LATERAL (SELECT FROM group_attack.rate r WHERE r.n = 1 AND (c.id <> 7 OR c.bonus > 6)) l WHERE id <= 10',
	'SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT WHERE c.id <> 7 OR c.bonus > 6)) FROM group_attack.person c WHERE id <= 10', 'SELECT count(*) FROM group_attack.person c WHERE id <= 10 AND EXISTS (SELECT FROM mine m WHERE m.i = c.id AND m.v < c.bonus)', 'SELECT count(*) FROM group_attack.person c WHERE id <= 10 AND c.id IN (SELECT m.i FROM mine m WHERE m.v < c.bonus)',
	'SELECT count(*) FROM group_attack.person c LEFT JOIN (SELECT id FROM group_attack.person WHERE id = 7 AND bonus < 6) d ON d.id = c.id WHERE c.id <= 10 AND d.id IS NULL', 'SELECT count(*) FROM group_attack.person c LEFT JOIN (SELECT id, bonus FROM group_attack.person WHERE id = 7) d ON d.id = c.id WHERE c.id <= 10 AND COALESCE(d.bonus, 8) > 6',
	'SELECT count(*) FROM group_attack.person c LEFT JOIN group_attack.person d ON d.id = c.id AND d.id = 7 WHERE c.id <= 10 AND COALESCE(d.bonus, 8) > 6',
	-- conditions in an aggregate, and arithmetic
	'SELECT regr_avgx(CASE WHEN o.id <= 30 THEN o.price::float8 ELSE 0 END, CASE WHEN c.id <> 37 THEN c.bonus::float8 ELSE 0 END) FROM group_attack.purchase o JOIN group_attack.person c ON c.id = o.person', 'SELECT sum(CASE WHEN id <= 40 THEN 1 ELSE 0 END) FILTER (WHERE bonus > 20) FROM group_attack.person WHERE id <= 41',
	'SELECT count(DISTINCT bonus - 2 * bonus) FROM group_attack.person', 'SELECT count(DISTINCT bonus - 3.5 * id) FROM group_attack.person', 'SELECT sum(bonus::float8 * ''1e-12''::float8 + ''268435456''::float8 - ''268435456''::float8) FROM group_attack.person', 'SELECT sum(bonus * 1.0000000000000000000000000001) FROM group_attack.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT count(*) FROM group_attack.person c WHERE EXISTS (SELECT FROM group_attack.rate r WHERE r.n = c.points AND r.factor > 20);
SELECT count(*), sum(fee), sum(sum) FROM group_attack.payment;

-- integers whose product, or sum, has no room: for one row, and for a group that is told
RESET ROLE;
CREATE TABLE group_attack.account (id bigint PRIMARY KEY, town text NOT NULL, a smallint NOT NULL, b int NOT NULL, c bigint NOT NULL, d int);
INSERT INTO group_attack.account SELECT g, 'town' || g % 2, 1 + g * 7 % 32, 1 + g * 11 % 40, 1 + g * 13 % 50, CASE WHEN g % 3 > 0 THEN -1 - g % 12 END FROM generate_series(1, 240) g;
INSERT INTO group_attack.account SELECT 240 + g, 'town2', (ARRAY[-32768, 32767])[1 + g % 2], (ARRAY[-2147483648, 2147483647, 3])[1 + g % 3], (ARRAY[-9223372036854775808, 9223372036854775807, 5])[1 + g % 3], (ARRAY[-2147483648, 2147483647])[1 + g % 2] FROM generate_series(1, 30) g;
GRANT SELECT ON group_attack.account TO group_attack_counter;
SELECT privseg.create_purpose(p, 'contract'), privseg.grant_clearance('group_attack_counter', p, NULL, '{aggregate}'), privseg.grant_clearance('group_attack_counter', p, 'group_attack.money', '{aggregate,filter}') FROM unnest('{group_attack_integers,group_attack_products}'::text[]) p;
SELECT privseg.protect('group_attack.account', 'id', 'group_attack.person');
SELECT privseg.classify('group_attack.account', x, 'group_attack.money') FROM unnest('{a,b,c,d}'::name[]) x;
SET privseg.purpose = 'group_attack_integers';
SET ROLE group_attack_counter;
CREATE FUNCTION pg_temp.value_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END $$;
SELECT DISTINCT x, pg_temp.value_of(format('SELECT %s(%s) FILTER (WHERE id = %s) FROM group_attack.account', f, x, i)) FROM unnest('{a * b,b * d,b + d,b - d,-b,-a,c * b,c + b,c * d - 1,b * 3,c * 5,CASE WHEN b > 1 THEN b * d END,(b * d)::bigint + c,(b * d)::numeric}'::text[]) x, unnest('{sum,avg,count,stddev}'::text[]) f, generate_series(240, 246) i;
SELECT DISTINCT x, pg_temp.value_of(format('SELECT sum(%s) FROM group_attack.account WHERE id = %s GROUP BY town', x, i)) FROM unnest('{b * d,c + b,b * d * a + c}'::text[]) x, generate_series(240, 246) i;
-- the types that they have anywhere else, and the values, where these have room
SET privseg.purpose = 'group_attack_products';
SELECT sum(b * d), pg_typeof(sum(a * b)), sum(c - b), pg_typeof(sum(c - b)), avg(a * b), stddev(b * d), pg_typeof(count(b * d)), sum(-d), sum(b * 2), pg_typeof(sum(b * 2)), sum(d + 1), avg(c * 3) FROM group_attack.account WHERE id <= 240;
SELECT town, sum(b * d), sum(CASE WHEN b > 20 THEN a * b ELSE 0 END) FROM group_attack.account WHERE id <= 240 GROUP BY town HAVING sum(b * d) < 0 ORDER BY sum(a * b);
SELECT sum(c * d) FROM group_attack.account WHERE id > 240;
SELECT sum(b * d * a * 1000000) FROM group_attack.account WHERE id > 240;
PREPARE products AS SELECT sum(b * 2 + a) FROM group_attack.account WHERE id <= 240;
EXECUTE products;
SELECT variance(b - d), stddev_pop(c + b) FROM group_attack.account WHERE id <= 240;
RESET ROLE;
SET row_security = off;
SELECT sum(b * d), pg_typeof(sum(a * b)), sum(c - b), pg_typeof(sum(c - b)), avg(a * b), stddev(b * d), pg_typeof(count(b * d)), sum(-d), sum(b * 2), pg_typeof(sum(b * 2)), sum(d + 1), avg(c * 3) FROM group_attack.account WHERE id <= 240;
EXECUTE products;
SELECT variance(b - d), stddev_pop(c + b) FROM group_attack.account WHERE id <= 240;
RESET row_security;
SET ROLE group_attack_counter;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT sum(b / d) FROM group_attack.account', 'SELECT sum(b % d) FROM group_attack.account', 'SELECT sum((b * d)::int) FROM group_attack.account', 'SELECT sum((c * d)::int) FROM group_attack.account', 'SELECT corr(b * d, a) FROM group_attack.account', 'SELECT sum((b + d)::float8) FROM group_attack.account',
	'SELECT count(DISTINCT b * d) FROM group_attack.account', 'SELECT count(*) FROM group_attack.account WHERE b + 1 > 0', 'SELECT sum(x) FROM (SELECT id, sum(b * 2) AS x FROM group_attack.account GROUP BY id) q', 'SELECT sum(x) FROM (SELECT b + 1 AS x FROM group_attack.account) q', 'SELECT sum(b * 2000000000000) FROM group_attack.account',
	'SELECT b * 2, count(*) FROM group_attack.account GROUP BY 1', 'SELECT sum(coalesce(b * d, 0)) FROM group_attack.account']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
DEALLOCATE products;

-- values that core's functions raise for: infinite, first and last ones, as they are stored and as constants
RESET ROLE;
CREATE TABLE group_attack.odd (id bigint PRIMARY KEY, d date, t timestamp, z timestamptz, v interval, i2 smallint, i4 int, i8 bigint, n numeric, f float8, s text, b bytea, g lseg);
INSERT INTO group_attack.odd SELECT g, date '2000-01-01' + g, timestamp '2000-01-01' + g * interval '1 day', timestamptz '2000-01-01 UTC' + g * interval '1 day', g * interval '1 hour', g, -g, g, g, g, 'text' || g FROM generate_series(1, 40) g;
INSERT INTO group_attack.odd (id, d, t, z) SELECT 40 + n, d::date, t::timestamp, z::timestamptz FROM unnest(ARRAY['infinity', '-infinity', '4714-11-24 BC', '5874897-12-31', '294277-01-01', '3001-01-01 BC'], ARRAY['infinity', '-infinity', '4714-11-24 BC', '294276-12-31 23:59:59.999999', '4001-01-01 BC', '2999-01-01 BC'],
	ARRAY['infinity', '-infinity', '4714-11-24 00:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '4001-01-01 00:00:00+00 BC', '3000-01-01 00:00:00+00 BC']) WITH ORDINALITY o (d, t, z, n);
INSERT INTO group_attack.odd (id, v, i2, i4, i8, n, f, s) SELECT 46 + o, v::interval, i2, i4, i8, n::numeric, f::float8, s FROM unnest(ARRAY['178000000 years', '-178000000 years', '2562047788 hours', '-2147483648 days'], ARRAY[-32768, 32767, 0, 1], ARRAY[-2147483648, 2147483647, 0, 1], ARRAY[-9223372036854775808, 9223372036854775807, 0, 1],
	ARRAY['NaN', 'Infinity', '-Infinity', '1e400'], ARRAY['NaN', 'Infinity', '-Infinity', '-0'], ARRAY['', '%', '\', 'text']) WITH ORDINALITY r (v, i2, i4, i8, n, f, s, o);
GRANT SELECT ON group_attack.odd TO group_attack_counter;
SELECT privseg.create_purpose('group_attack_odd', 'contract'), privseg.grant_clearance('group_attack_counter', 'group_attack_odd', NULL, '{aggregate}'), privseg.protect('group_attack.odd', 'id', 'group_attack.person');
SET privseg.purpose = 'group_attack_odd';
SET ROLE group_attack_counter;
CREATE FUNCTION pg_temp.raised(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'nothing';
EXCEPTION WHEN OTHERS THEN RETURN SQLERRM;
END $$;
CREATE TEMP TABLE asked AS WITH moment AS (SELECT unnest('{d,t,z,d::timestamp,d::timestamptz,t::timestamptz,t::date,z::timestamp,z::date,t::timestamptz::timestamp}'::text[]) m)
	SELECT format('date_trunc(%L, %s)', p, m) AS x FROM moment, unnest('{millennium,century,decade,year,quarter,month,week,day,hour,second}'::text[]) p
	UNION ALL SELECT format('extract(%s FROM %s)%s', p, m, c) FROM moment, unnest('{millennium,year,isoyear,week,doy,dow}'::text[]) p, unnest('{"",::int}'::text[]) c
	UNION ALL SELECT format('date_part(%L, %s)%s', p, m, c) FROM moment, unnest('{century,quarter,month,isodow}'::text[]) p, unnest('{"",::int}'::text[]) c
	UNION ALL SELECT format('to_char(%s, %L)', m, 'YYYY-IYYY Month IW Day HH24') FROM moment
	UNION ALL SELECT format(a, m) FROM moment, unnest(ARRAY['age(%s)', 'age(%s, ''-infinity'')', 'age(''infinity'', %s)', 'age(%s, ''2020-01-01'')', 'extract(year FROM age(%1$s, date_trunc(''week'', %1$s)))::int', '%s']) a
	UNION ALL SELECT format('extract(%s FROM v)%s', p, c) FROM unnest('{year,month,day,minute}'::text[]) p, unnest('{"",::int}'::text[]) c
	UNION ALL SELECT unnest('{extract(hour FROM v),abs(i2),abs(i4),abs(i8),abs(i2::int),abs(i4::bigint),abs(n),abs(f),i8::float8,i8::numeric,f::numeric,n::float8,"left(s, -2147483648)","right(s, -2147483648)","left(s, 2147483647)","substr(s, -2147483648, 2147483647)","substring(s, 2147483647)",length(s),upper(s),initcap(s),rtrim(s)}'::text[]);
SELECT count(*) FROM asked;
SET TimeZone = 'Pacific/Kiritimati';
SELECT pg_temp.raised(format('SELECT count(*) FILTER (WHERE %s IS NOT NULL) FROM group_attack.odd WHERE id = %s', x, id)), count(*) FROM asked, generate_series(40, 50) id GROUP BY 1;
SELECT pg_temp.raised(format('SELECT count(*) FROM group_attack.odd WHERE id = %s GROUP BY %s', id, x)), count(*) FROM asked, generate_series(40, 50) id GROUP BY 1;
SET TimeZone = 'Etc/GMT+12';
SELECT pg_temp.raised(format('SELECT count(*) FROM group_attack.odd WHERE id = %s AND %s IS NULL', id, x)), count(*) FROM asked, generate_series(40, 50) id GROUP BY 1;
RESET TimeZone;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT count(*) FROM group_attack.odd WHERE extract(hour FROM v)::int > 1', 'SELECT count(*) FROM group_attack.odd WHERE date_part(''HOUR'', v)::int > 1', 'SELECT count(*) FROM group_attack.odd WHERE length(b, ''UTF8'') > 1', 'SELECT count(*) FROM group_attack.odd WHERE length(g) > 1',
	'SELECT count(*) FROM group_attack.odd WHERE d - date ''2020-01-01'' > 1', 'SELECT count(*) FROM group_attack.odd WHERE t + v > now()', 'SELECT count(*) FROM group_attack.odd WHERE t - t > ''1 day''', 'SELECT count(*) FROM group_attack.odd WHERE -v > ''1 day''']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- who has such a value is in the groups that he is in; there is no age, nor a number of a year
SELECT count(*), count(*) FILTER (WHERE d::timestamp > '2000-01-21'), count(*) FILTER (WHERE extract(month FROM d)::int = 2) FROM group_attack.odd WHERE id <= 41;
SELECT count(*) FROM group_attack.odd WHERE age(d) > '1 year' AND id BETWEEN 10 AND 46;
SELECT date_trunc('month', d)::date, count(*), avg(i4) FROM group_attack.odd WHERE id <= 40 GROUP BY 1 ORDER BY 1;
DROP TABLE asked;

RESET ROLE;
DROP SCHEMA group_attack CASCADE;
DROP OWNED BY group_attack_counter, group_attack_money, group_attack_writer, group_attack_member;
DROP ROLE group_attack_member, group_attack_counter, group_attack_money, group_attack_writer;
