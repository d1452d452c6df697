-- What a third attacker found open, and where honest users were hindered: each line
-- must hold.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE later_analyst;
CREATE ROLE later_nobody;
CREATE ROLE later_owner BYPASSRLS;
CREATE SCHEMA later;
GRANT ALL ON SCHEMA later TO PUBLIC;
SELECT privseg.create_purpose('later_mail', 'consent'), privseg.create_purpose('later_work', 'contract');
SELECT count(privseg.grant_clearance('later_analyst', p)::text) FROM unnest('{later_mail,later_work}'::text[]) p;
CREATE TABLE later.person (id bigint PRIMARY KEY, name text, country text, secret text UNIQUE, tags text[], doc json);
CREATE TABLE later.shop (id int PRIMARY KEY);
CREATE TABLE later.visit (id int PRIMARY KEY, person_id bigint, shop int NOT NULL REFERENCES later.shop ON DELETE SET NULL, shop2 int REFERENCES later.shop ON UPDATE CASCADE CHECK (shop2 < 1000), shop3 int DEFAULT 1 REFERENCES later.shop ON DELETE SET DEFAULT, secret text, UNIQUE (shop3, secret));
CREATE TABLE later.place (id int PRIMARY KEY);
CREATE TABLE later.seat (id int PRIMARY KEY, person_id bigint, place int REFERENCES later.place ON DELETE CASCADE);
CREATE TABLE later.seat_note (seat int REFERENCES later.seat ON DELETE CASCADE);
INSERT INTO later.person SELECT i, 'n' || lpad(i::text, 3, '0'), CASE WHEN i > 60 THEN 'ZZ' WHEN i % 2 = 0 THEN 'DE' ELSE 'FR' END, 's' || i, ARRAY['t', 'u' || i], '{}' FROM generate_series(1, 90) i;
INSERT INTO later.shop VALUES (1), (2), (3), (4);
INSERT INTO later.visit VALUES (1, 70, 2, 1, 1, 'hidden1'), (2, 70, 1, 3, 1, 'hidden2'), (3, 70, 1, 1, 4, 'hidden3'), (4, 70, 1, 1, 1, 'hidden3');
INSERT INTO later.place VALUES (1), (2);
INSERT INTO later.seat SELECT i, 10, 1 FROM generate_series(1, 7) i;
INSERT INTO later.seat_note SELECT generate_series(1, 7);
CREATE INDEX ON later.person (country);
ANALYZE later.person;
SELECT privseg.protect('later.person', 'id'), privseg.protect('later.visit', 'person_id', 'later.person'), privseg.protect('later.seat', 'person_id', 'later.person');
SELECT count(privseg.record_consent('later.person', i, 'later_mail', 'given')) FROM generate_series(1, 60) i;
GRANT ALL ON ALL TABLES IN SCHEMA later TO later_analyst, later_nobody;

-- a cascade's violated constraint holds no row, whoever owns the table
SELECT o AS owner, s AS statement, r.code, r.message, r.detail FROM unnest('{postgres,later_owner}'::text[]) o, unnest(ARRAY['DELETE FROM later.shop WHERE id = 2', 'UPDATE later.shop SET id = 1003 WHERE id = 3', 'DELETE FROM later.shop WHERE id = 4']) s,
	pg_temp.refusal(format('ALTER TABLE later.visit OWNER TO %s; SET LOCAL row_security = off; UPDATE later.visit SET person_id = 10; SET LOCAL row_security = on; SET LOCAL privseg.purpose = later_mail; SET LOCAL ROLE later_analyst; %s', o, s)) r;

-- the planner tries an operator on values that ANALYZE has kept: not one of a user
CREATE FUNCTION later.leak(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'leak %', $1; RETURN false; END $$;
CREATE OPERATOR later.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = later.leak, RESTRICT = eqsel, JOIN = eqjoinsel);
SET ROLE later_nobody;
EXPLAIN SELECT * FROM later.person WHERE country OPERATOR(later.===) 'x';
EXPLAIN SELECT * FROM (SELECT *, country OPERATOR(later.===) 'x' AS b FROM later.person) s WHERE b;
EXPLAIN SELECT * FROM (SELECT *, NOT (country OPERATOR(later.===) 'x' OR id = 1) AS b FROM later.person) s WHERE NOT b;
EXPLAIN WITH c AS (SELECT *, country OPERATOR(later.===) 'x' AS b FROM later.person) SELECT * FROM c WHERE b;
EXPLAIN SELECT * FROM later.person p, LATERAL (SELECT p.country OPERATOR(later.===) 'x') l (b) WHERE b;
EXPLAIN SELECT * FROM later.person p, LATERAL (VALUES (p.country OPERATOR(later.===) 'x')) l (b) WHERE b;
EXPLAIN SELECT * FROM later.person p JOIN (SELECT *, country OPERATOR(later.===) 'x' AS b FROM later.person) q ON q.b AND q.id = p.id;
EXPLAIN SELECT * FROM later.person p WHERE EXISTS (SELECT FROM (SELECT id, country OPERATOR(later.===) 'x' AS b FROM later.person) q WHERE q.b AND q.id = p.id);

-- a setting that prints plans
SET client_min_messages = log;
SET debug_print_plan = on;
\set VERBOSITY terse
SELECT count(*) FROM later.person WHERE country = 'ZZ';
RESET debug_print_plan;
SET client_min_messages = warning;
\set VERBOSITY default

-- a clause that is asked before the policy does not raise
SET ROLE later_analyst;
SET privseg.purpose = 'later_mail';
CREATE COLLATION later.nd (provider = icu, locale = 'und', deterministic = false);
SELECT s AS statement, pg_temp.outcome('SELECT count(*) FROM later.person WHERE id BETWEEN 75 AND 75 AND name >= ''n075'' AND ' || s) AS hidden, pg_temp.outcome('SELECT count(*) FROM later.person WHERE id BETWEEN 15 AND 15 AND name >= ''n015'' AND ' || s) AS shown FROM unnest(ARRAY[
	'ARRAY[xmin] < ARRAY[''1''::xid]', 'ARRAY[doc] = ARRAY[''1''::json]', 'name LIKE ''x%'' COLLATE later.nd', 'ARRAY[tags, ''{q,r}''] < ARRAY[['''']]', 'ARRAY[tags, ''{q}''] < ARRAY[['''']]', 'name COLLATE "POSIX" < ''a'' COLLATE "C"', 'name < ''z'' COLLATE later.nd', 'tags > ''{a}''']) s;

-- nor does anything tell that it was asked: not what is the same for all rows
CREATE SEQUENCE pg_temp.asked;
CREATE FUNCTION pg_temp.ask() RETURNS text LANGUAGE plpgsql COST 0.001 AS $$ BEGIN PERFORM nextval('pg_temp.asked'); RETURN 'x'; END $$;
CREATE FUNCTION pg_temp.asked(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	PERFORM setval('pg_temp.asked', 1, false);
	code := pg_temp.outcome(statement);
	RETURN code || (SELECT CASE WHEN is_called THEN ', asked' ELSE '' END FROM pg_temp.asked);
END $$;
RESET ROLE;
CREATE TABLE later.wide (id bigint PRIMARY KEY, a int, b int, filler text);
INSERT INTO later.wide SELECT i, i % 500, i % 499, repeat('x', 200) FROM generate_series(1, 20000) i;
CREATE INDEX ON later.wide (a);
CREATE INDEX ON later.wide (b);
ANALYZE later.wide;
SELECT privseg.protect('later.wide', 'id');
SELECT privseg.record_consent('later.wide', 9, 'later_mail', 'given') > 0 AS recorded;
GRANT SELECT ON later.wide TO later_analyst;
SET ROLE later_analyst;
SELECT s AS clause, pg_temp.asked('SELECT count(*) FROM later.person WHERE id <= 75 AND id >= 75 AND secret >= ''s75'' AND secret <= ''s75'' AND ' || s) AS is_so, pg_temp.asked('SELECT count(*) FROM later.person WHERE id <= 75 AND id >= 75 AND secret > ''s75'' AND ' || s) AS is_not,
	pg_temp.asked('SELECT count(*) FROM later.person WHERE id = 2 AND ' || s) AS shown FROM unnest(ARRAY['secret <> (SELECT pg_temp.ask())', 'secret <> (SELECT 1 / (random() * 0)::int)::text', 'secret <> pg_temp.ask()', 'secret <> (1 / (random() * 0)::int)::text', 'secret <> current_setting(''no.such'')', 'secret NOT IN (SELECT pg_temp.ask())',
	'(id < 0 OR secret <> (SELECT pg_temp.ask()))', 'id <> (SELECT nextval(''pg_temp.asked''))', 'secret = ANY (ARRAY[(SELECT pg_temp.ask())])']) s;
-- nor that an index was looked into, or not
SET enable_seqscan = off;
SET enable_indexscan = off;
EXPLAIN (COSTS off) SELECT id FROM later.wide WHERE a = 7 AND b = 8;
SELECT s AS statement, pg_temp.asked(s) FROM unnest(ARRAY['SELECT count(*) FROM later.wide WHERE a = 7 AND b = (SELECT length(pg_temp.ask()))', 'SELECT count(*) FROM later.wide WHERE a = 700 AND b = (SELECT length(pg_temp.ask()))', 'SELECT count(*) FROM later.wide WHERE a = (SELECT 0 + 9) AND b = (SELECT length(pg_temp.ask()) + 8)', 'SELECT count(*) FROM later.wide WHERE a = (SELECT 700) AND b = (SELECT length(pg_temp.ask()))']) s;
RESET enable_seqscan;
RESET enable_indexscan;

-- EXPLAIN of what was prepared for something else, of cascades, and around functions
CREATE TABLE later.u (id bigint);
CREATE VIEW later.v AS SELECT id FROM later.u;
PREPARE later_p AS SELECT * FROM later.v;
PREPARE later_d AS DELETE FROM later.place WHERE id = 1;
CREATE FUNCTION later.probe(c text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM later.person WHERE country = c); END $$;
PREPARE later_f AS SELECT later.probe('ZZ');
EXECUTE later_p;
CREATE OR REPLACE VIEW later.v AS SELECT id FROM later.person WHERE country > 'E';
EXPLAIN (ANALYZE) EXECUTE later_p;
EXPLAIN (ANALYZE) EXECUTE later_p;
EXPLAIN EXECUTE later_p;
SET client_min_messages = notice;
BEGIN;
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) DELETE FROM later.place WHERE id = 1;
ROLLBACK;
BEGIN;
EXPLAIN (ANALYZE, COSTS off, FORMAT JSON) DELETE FROM later.place WHERE id = 1;
ROLLBACK;
EXPLAIN (ANALYZE, BUFFERS) EXECUTE later_d;
EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, SUMMARY off) SELECT later.probe('ZZ');
EXPLAIN (ANALYZE, BUFFERS) EXECUTE later_f;
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT count(*) FROM later.u;
SET client_min_messages = warning;

-- a partition is not taken away from under rows that refer to it
RESET ROLE;
RESET privseg.purpose;
CREATE TABLE later.town (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE later.town_1 PARTITION OF later.town FOR VALUES FROM (0) TO (10);
CREATE TABLE later.town_2 PARTITION OF later.town FOR VALUES FROM (10) TO (20);
CREATE TABLE later.stay (person_id bigint, town int REFERENCES later.town);
INSERT INTO later.town VALUES (1), (11);
INSERT INTO later.stay VALUES (70, 11);
SELECT privseg.protect('later.stay', 'person_id', 'later.person');
SELECT p AS purpose, r, pg_temp.outcome('postgres', p, format('SET LOCAL row_security = %s; ALTER TABLE later.town DETACH PARTITION later.town_2; SELECT 1', r)) AS super FROM unnest('{"",later_work}'::text[]) p, unnest('{on,off}'::text[]) r;

-- rows that COPY takes, and rows that change their partition, are whose they were
CREATE TABLE later.event (k int, person_id bigint, friend bigint, v text) PARTITION BY RANGE (k);
CREATE TABLE later.event_1 PARTITION OF later.event FOR VALUES FROM (0) TO (100);
CREATE TABLE later.event_2 PARTITION OF later.event FOR VALUES FROM (100) TO (200);
INSERT INTO later.event SELECT i, i, 2, 'v' || i FROM generate_series(1, 12) i;
CREATE TABLE later.made (k int, person_id bigint, v text) PARTITION BY RANGE (k);
CREATE TABLE later.made_1 (k int, person_id bigint GENERATED ALWAYS AS (k + 70) STORED, v text);
ALTER TABLE later.made ATTACH PARTITION later.made_1 FOR VALUES FROM (0) TO (10);
SELECT privseg.protect('later.event', 'person_id', 'later.person', also_about => '{friend}'), privseg.protect('later.made', 'person_id', 'later.person');
GRANT ALL ON ALL TABLES IN SCHEMA later TO later_analyst;
SET ROLE later_analyst;
SET privseg.purpose = 'later_mail';
\set VERBOSITY sqlstate
COPY later.made (k, person_id, v) FROM STDIN;
5	5	x
\.
CREATE FUNCTION later.hide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.person_id := 75; RETURN NEW; END $$;
CREATE FUNCTION later.make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TRIGGER zzz BEFORE INSERT ON later.event_2 FOR EACH ROW EXECUTE FUNCTION later.hide(); RETURN NULL; END $$;
CREATE TRIGGER aa BEFORE INSERT ON later.event FOR EACH STATEMENT EXECUTE FUNCTION later.make();
COPY later.event (k, person_id, v) FROM STDIN;
190	5	copied
\.
RESET ROLE;
DROP TRIGGER aa ON later.event;
SET ROLE later_analyst;
\set VERBOSITY default
-- nor is the policy's question asked for it
CREATE FUNCTION later.turn() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	b boolean;
BEGIN
	IF NEW.v = 'ask' THEN b := privseg.row_permitted(NEW.person_id, 'later.person'::regclass, 255); END IF;
	IF NEW.v = 'ask again' THEN SELECT privseg.row_permitted(NEW.person_id, 'later.person'::regclass, 32 + 4) INTO b; END IF;
	IF NEW.v = 'friend' THEN NEW.friend := NULL; ELSIF NEW.v = 'other' THEN NEW.friend := 3; ELSIF NEW.v = 'skip' THEN RETURN NULL; ELSE NEW.person_id := 5; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER zz BEFORE UPDATE ON later.event_1 FOR EACH ROW EXECUTE FUNCTION later.turn();
SELECT s AS statement, pg_temp.outcome(s) AS analyst FROM unnest(ARRAY['UPDATE later.event SET k = 150, v = ''x'' WHERE k = 8 RETURNING person_id', 'UPDATE later.event SET k = 150, v = ''ask'' WHERE k = 8 RETURNING person_id', 'UPDATE later.event SET k = 150, v = ''ask again'' WHERE k = 8 RETURNING person_id',
	'UPDATE later.event SET k = 150, v = ''friend'' WHERE k = 8 RETURNING friend', 'UPDATE later.event SET k = 150, v = ''other'' WHERE k = 8 RETURNING friend', 'UPDATE later.event SET v = ''friend'' WHERE k = 8 RETURNING friend', 'UPDATE later.event SET k = 150, v = ''x'' WHERE k = 5 RETURNING person_id',
	-- a row that a trigger has left out is no other's
	'WITH u AS (UPDATE later.event SET v = ''skip'' WHERE k = 10 RETURNING k), i AS (INSERT INTO later.event SELECT 110 + count(*), 12, NULL, ''new'' FROM u RETURNING person_id) SELECT person_id FROM i']) s;
DO $$ BEGIN
	MERGE INTO later.event USING (VALUES (10, 10::bigint, 'skip'), (11, 12, 'new')) s (k, c, v) ON event.k = s.k AND s.v = 'skip'
	WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.c, NULL, s.v);
END $$;
SELECT k, person_id, v FROM later.event WHERE v IN ('new', 'skip') ORDER BY 1;
RESET ROLE;
DROP TRIGGER zz ON later.event_1;

-- a foreign key copies nothing out
SET ROLE later_nobody;
SELECT s AS statement, pg_temp.outcome('later_nobody', '', s || '; SELECT 1') AS nobody FROM unnest(ARRAY['CREATE TABLE later.catch (s text REFERENCES later.person (secret) ON UPDATE CASCADE)', 'CREATE TABLE later.catch (s text); ALTER TABLE later.catch ADD FOREIGN KEY (s) REFERENCES later.person (secret) ON UPDATE CASCADE',
	'CREATE TABLE later.catch (s text REFERENCES later.person (secret))', 'CREATE TABLE later.catch (s bigint REFERENCES later.person ON UPDATE CASCADE)']) s;
RESET ROLE;
RESET privseg.purpose;

-- copies under nobody's key, or somebody else's
CREATE TABLE later.guest (person_id bigint, v text);
CREATE TABLE later.orders (id bigint PRIMARY KEY, person_id bigint, amount text);
CREATE TABLE later.line (order_id bigint REFERENCES later.orders, v text);
CREATE TABLE later.line_shown (order_id bigint REFERENCES later.orders, v text);
CREATE TABLE later.key_text (k text PRIMARY KEY);
CREATE TABLE later.key_short (k varchar(20), v text);
INSERT INTO later.guest VALUES (NULL, 'nobody');
INSERT INTO later.orders SELECT i, i, 'a' FROM generate_series(1, 9) i;
SELECT privseg.protect('later.guest', 'person_id', 'later.person', null_subject => 'show'), privseg.protect('later.orders', 'person_id', 'later.person'), privseg.carry_subject('later.line', 'order_id', 'person_id'), privseg.carry_subject('later.line_shown', 'order_id', 'person_id');
SELECT privseg.protect('later.line', 'person_id', 'later.person'), privseg.protect('later.line_shown', 'person_id', 'later.person', null_subject => 'show'), privseg.protect('later.key_text', 'k'), privseg.protect('later.key_short', 'k', 'later.key_text');
GRANT ALL ON ALL TABLES IN SCHEMA later TO later_analyst;
SELECT s AS statement, pg_temp.outcome('later_analyst', 'later_mail', CASE WHEN s ~ '^WITH' THEN s ELSE s || '; SELECT ''copied''' END) AS analyst FROM unnest(ARRAY[
	'INSERT INTO later.guest SELECT id, string_agg(name, '','') FROM later.person GROUP BY ROLLUP (id)', 'INSERT INTO later.guest SELECT id, string_agg(name, '','') FROM later.person GROUP BY id', 'INSERT INTO later.guest SELECT (SELECT p.id FROM later.person p WHERE false), name FROM later.person',
	'INSERT INTO later.line_shown (order_id, v) SELECT NULL, name FROM later.person', 'INSERT INTO later.line_shown (order_id, v) SELECT id, amount FROM later.orders', 'UPDATE later.guest SET v = p.name FROM later.person p WHERE p.id = 3', 'UPDATE later.guest SET v = v || ''x''',
	'MERGE INTO later.guest g USING later.person p ON g.person_id IS NULL AND p.id = 3 WHEN MATCHED THEN UPDATE SET v = p.name', 'INSERT INTO later.line (order_id, v) SELECT 1, name FROM later.person WHERE id < 4', 'INSERT INTO later.line (order_id, v) SELECT id, amount FROM later.orders', 'INSERT INTO later.line (order_id, v) SELECT l.order_id, l.v FROM later.line l', 'INSERT INTO later.line (order_id, v) SELECT id, name FROM later.person',
	'INSERT INTO later.orders SELECT 90000 + s.age, s.id, s.name FROM (WITH a AS (SELECT id, name, id AS age FROM later.person) SELECT b.id, a.age, a.name FROM (SELECT 5::bigint AS id) b, a) s',
	'WITH a AS (SELECT 5::bigint AS id), b AS (SELECT id FROM a), i AS (INSERT INTO later.orders SELECT 90000 + s.n, s.id, s.name FROM (WITH a AS (SELECT id, name, id AS n FROM later.person) SELECT b.id, a.n, a.name FROM b, a WHERE a.id IN (7, 8)) s RETURNING id) SELECT count(*) FROM i',
	'INSERT INTO later.key_short SELECT k, ''x'' FROM later.key_text', 'INSERT INTO later.key_short SELECT k::varchar(1), ''x'' FROM later.key_text']) s;

-- what a person is deleted from under a contract that all permit: a foreign key says it stays
CREATE TABLE later.buyer (id bigint PRIMARY KEY);
CREATE TABLE later.bought (id int, buyer bigint REFERENCES later.buyer ON DELETE SET NULL, referrer bigint REFERENCES later.buyer ON DELETE SET NULL);
CREATE TABLE later.bought_part (id int, buyer bigint REFERENCES later.buyer ON DELETE SET NULL, referrer bigint REFERENCES later.buyer ON DELETE SET NULL) PARTITION BY LIST (id);
CREATE TABLE later.bought_part_1 PARTITION OF later.bought_part DEFAULT;
CREATE TABLE later.hook (id bigint PRIMARY KEY);
INSERT INTO later.buyer SELECT generate_series(1, 4);
INSERT INTO later.hook SELECT generate_series(1, 4);
INSERT INTO later.bought VALUES (1, 1, 3), (2, 2, 4);
INSERT INTO later.bought_part VALUES (1, 1, 3), (2, 2, 4);
SELECT privseg.protect('later.buyer', 'id'), privseg.protect('later.bought', 'buyer', 'later.buyer', also_about => '{referrer}', null_subject => 'show'), privseg.protect('later.bought_part', 'buyer', 'later.buyer', also_about => '{referrer}', null_subject => 'show');
SELECT privseg.record_consent('later.buyer', 1, 'later_mail', 'given') > 0 AS recorded;
GRANT ALL ON ALL TABLES IN SCHEMA later TO later_analyst;
SELECT p AS purpose, s AS statement, pg_temp.outcome('later_analyst', p, s) AS analyst FROM unnest('{later_work,later_mail}'::text[]) p, unnest(ARRAY['DELETE FROM later.buyer WHERE id = 1 RETURNING id', 'DELETE FROM later.buyer WHERE id = 3 RETURNING id', 'UPDATE later.bought SET buyer = NULL WHERE id = 1 RETURNING id', 'UPDATE later.bought_part SET referrer = NULL WHERE id = 1 RETURNING id']) s;
-- but not one of somebody else's, who would free rows of everybody
SELECT pg_temp.outcome('postgres', '', 'SET LOCAL row_security = off; ALTER TABLE later.bought ADD FOREIGN KEY (buyer) REFERENCES later.hook ON DELETE SET NULL; SET LOCAL row_security = on; SET LOCAL ROLE later_analyst; DELETE FROM later.hook WHERE id = 2 RETURNING id') AS other_key;

DROP SCHEMA later CASCADE;
DROP OWNED BY later_analyst, later_nobody, later_owner;
DROP ROLE later_analyst, later_nobody, later_owner;
