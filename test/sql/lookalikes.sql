-- Code of a reader's own that runs where core reads all rows, and calls that
-- look like the policy: what a fresh attacker found, each line must hold.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA look_test;
CREATE ROLE look_analyst;
CREATE ROLE look_bypass BYPASSRLS;
GRANT ALL ON SCHEMA look_test TO PUBLIC;
SELECT privseg.create_purpose('look_a', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'look_a')::text) FROM unnest('{look_analyst,look_bypass}'::text[]) r;
CREATE TABLE look_test.person (id int PRIMARY KEY, secret text, n int);
CREATE TABLE look_test.purchase (id int PRIMARY KEY, person_id int REFERENCES look_test.person ON DELETE CASCADE, secret text);
INSERT INTO look_test.person SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i, i FROM generate_series(1, 9) i;
INSERT INTO look_test.purchase SELECT i, i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 9) i;
SELECT privseg.protect('look_test.person', 'id'), privseg.protect('look_test.purchase', 'person_id', 'look_test.person');
SELECT count(privseg.record_consent('look_test.person', i, 'look_a', 'given')) FROM generate_series(1, 5) i;
GRANT ALL ON look_test.person, look_test.purchase TO look_analyst, look_bypass;

-- the rows of a foreign key's validation are for core alone
CREATE TABLE look_test.lead (id uuid PRIMARY KEY, secret text);
INSERT INTO look_test.lead SELECT md5(i::text)::uuid, CASE WHEN i % 2 = 0 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 400) i;
SELECT privseg.protect('look_test.lead', 'id');
GRANT ALL ON look_test.lead TO look_analyst, look_bypass;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'look_test.lead', md5(i::text), 'look_a', 'given' FROM generate_series(1, 399, 2) i;
CREATE FUNCTION look_test.look(i int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT c.id, c.secret FROM look_test.lead c LEFT JOIN look_test.mine y ON c.id = y.id WHERE c.id IS NOT NULL LOOP
		INSERT INTO look_test.loot VALUES (r.secret);
	END LOOP;
	FOR r IN SELECT c.id, c.secret FROM ONLY look_test.lead c LEFT JOIN ONLY look_test.mine y ON y.id = c.id WHERE y.id IS NULL AND c.id IS NOT NULL LOOP
		INSERT INTO look_test.loot VALUES (r.secret);
	END LOOP;
	FOR r IN SELECT y.id, c.secret FROM ONLY look_test.mine y LEFT JOIN ONLY look_test.lead c ON c.id = y.id WHERE y.id IS NOT NULL LOOP
		INSERT INTO look_test.loot VALUES (r.secret);
	END LOOP;
	RETURN true;
END $$;
CREATE TABLE look_test.loot (secret text);
CREATE TABLE look_test.mine (id uuid, i int);
INSERT INTO look_test.mine VALUES (md5('2')::uuid, 1);
GRANT ALL ON look_test.loot TO PUBLIC;
ALTER TABLE look_test.mine OWNER TO look_analyst;
GRANT REFERENCES ON look_test.lead TO look_analyst;
SELECT s AS statement, pg_temp.outcome('look_analyst', 'look_a', s) AS outcome FROM unnest(ARRAY[
	$$ALTER TABLE look_test.mine ADD CONSTRAINT c CHECK (look_test.look(i)) NOT VALID; ALTER TABLE look_test.mine VALIDATE CONSTRAINT c; SELECT count(*) FILTER (WHERE secret LIKE 'hidden%') || CASE WHEN count(*) > 0 THEN ' of some' END FROM look_test.loot$$,
	$$ALTER TABLE look_test.mine ADD CONSTRAINT c CHECK (look_test.look(i)) NOT VALID; ALTER TABLE look_test.mine ADD FOREIGN KEY (id) REFERENCES look_test.lead, VALIDATE CONSTRAINT c; SELECT count(*) FILTER (WHERE secret LIKE 'hidden%') || CASE WHEN count(*) > 0 THEN ' of some' END FROM look_test.loot$$,
	$$ALTER TABLE look_test.mine ADD FOREIGN KEY (id) REFERENCES look_test.lead, ADD new boolean DEFAULT look_test.look(1); SELECT count(*) FILTER (WHERE secret LIKE 'hidden%') || CASE WHEN count(*) > 0 THEN ' of some' END FROM look_test.loot$$]) s;

-- nor is a cascade for the triggers of somebody's own tables
SET ROLE look_bypass;
CREATE TABLE look_test.p (i int PRIMARY KEY);
CREATE TABLE look_test.c (i int REFERENCES look_test.p ON DELETE CASCADE);
INSERT INTO look_test.p VALUES (1);
INSERT INTO look_test.c VALUES (1);
CREATE FUNCTION look_test.in_cascade() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	reached int;
	total int := 0;
BEGIN
	PERFORM 1 FROM look_test.person WHERE id = 7 FOR KEY SHARE; GET DIAGNOSTICS reached = ROW_COUNT; total := total + reached;
	PERFORM 1 FROM look_test.person WHERE id = 7 AND n = 7 FOR KEY SHARE; GET DIAGNOSTICS reached = ROW_COUNT; total := total + reached;
	UPDATE look_test.person SET n = 1 WHERE id = 7; GET DIAGNOSTICS reached = ROW_COUNT; total := total + reached;
	DELETE FROM look_test.purchase WHERE person_id = 7; GET DIAGNOSTICS reached = ROW_COUNT; total := total + reached;
	RAISE WARNING '% rows reached', total;
	RETURN OLD;
END $$;
CREATE TRIGGER t BEFORE DELETE ON look_test.c FOR EACH ROW EXECUTE FUNCTION look_test.in_cascade();
SET privseg.purpose = 'look_a';
DELETE FROM look_test.p;
RESET ROLE;

-- another one-argument function is not the key; nor is the function that checks writes
CREATE FUNCTION look_test.one(int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION look_test.by_one() RETURNS SETOF look_test.person LANGUAGE sql STABLE AS
$$ SELECT * FROM look_test.person WHERE privseg.row_permitted(look_test.one(id), 'look_test.person', 4) $$;
CREATE FUNCTION look_test.by_writable() RETURNS SETOF look_test.person LANGUAGE sql STABLE AS
$$ SELECT * FROM look_test.person WHERE privseg.row_writable(id::bigint, 'look_test.person', 4) $$;
CREATE VIEW look_test.writable WITH (security_barrier) AS SELECT * FROM look_test.person WHERE privseg.row_writable(id::bigint, 'look_test.person', 4);
ALTER VIEW look_test.writable OWNER TO look_bypass;
SELECT s AS statement, pg_temp.outcome('look_bypass', 'look_a', s) AS outcome FROM unnest(ARRAY[
	'SELECT count(*) FROM look_test.by_one()', 'SELECT count(*) FROM look_test.by_writable()', 'SELECT count(*) FROM look_test.writable',
	'UPDATE look_test.writable SET n = 1 WHERE id = 7 RETURNING id',
	'SELECT count(*) FROM look_test.person WHERE privseg.row_writable(id::bigint, ''look_test.person'', 4)']) s;

-- a call with a key of another type has no key to read
CREATE TABLE look_test.wrong (b bigint, c "char", n name, d regclass, f int);
INSERT INTO look_test.wrong SELECT i, 'x', E'\x01\x01AAAAAAAA', 'look_test.lead', 4 FROM generate_series(1, 500) i;
GRANT SELECT ON look_test.wrong TO look_analyst;
SELECT s AS statement, pg_temp.outcome('look_analyst', 'look_a', s) AS outcome FROM unnest(ARRAY[
	'SELECT privseg.row_permitted(1::bigint, ''look_test.lead'', 0)', 'SELECT privseg.row_permitted(''1''::text, ''look_test.person'', 0)',
	'SELECT count(*) FROM look_test.wrong WHERE privseg.row_permitted(b, ''look_test.lead'', 0)',
	'SELECT count(*) FROM look_test.wrong WHERE privseg.row_permitted(c, ''look_test.lead'', 0)',
	'SELECT count(*) FROM look_test.wrong WHERE privseg.row_permitted(n, ''look_test.person'', 0)',
	'SELECT count(*) FROM look_test.wrong WHERE privseg.row_permitted(md5(b::text)::uuid, d, f)',
	'SELECT count(*) FROM look_test.wrong WHERE privseg.row_permitted(b, ''look_test.person'', f)']) s;

-- a page that another scan of the statement has left, and that was pruned since
BEGIN;
SET LOCAL privseg.purpose = 'look_a';
SET LOCAL ROLE look_analyst;
SET LOCAL enable_memoize = off;
SET LOCAL enable_material = off;
SELECT n.i, count(*), count(*) FILTER (WHERE secret LIKE 'hidden%') AS hidden
  FROM (VALUES (1, 150), (2, 5), (3, 0), (4, 40), (5, 33), (6, 200)) n(i, k), LATERAL (SELECT secret FROM look_test.lead LIMIT n.k) s GROUP BY n.i ORDER BY n.i;
COMMIT;

-- what was permitted once is not for readers
SELECT pg_temp.outcome('look_analyst', 'look_a', 'SELECT privseg.permitted(''look_test.person'', 1, ''look_a'')') AS now,
	pg_temp.outcome('look_analyst', 'look_a', 'SELECT privseg.permitted(''look_test.person'', 7, ''look_a'', now() - interval ''1 day'')') AS then;

DROP SCHEMA look_test CASCADE;
DROP OWNED BY look_analyst, look_bypass;
DROP ROLE look_analyst, look_bypass;
