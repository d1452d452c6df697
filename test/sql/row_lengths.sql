-- What does not fit is told: nobody learns by it how long one value of a hidden row is beside others.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
-- how a statement of the owner ends, beside hidden rows of which one value is changed
CREATE FUNCTION pg_temp.ends(statement text, change text DEFAULT 'SELECT') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result record;
BEGIN
	BEGIN
		SET LOCAL row_security = off;
		EXECUTE change;
		SET LOCAL row_security = on;
		SET LOCAL privseg.purpose = 'length_mail';
		result := pg_temp.refusal(format('SET LOCAL ROLE length_owner; %s', statement));
		RAISE SQLSTATE 'ZZ001';
	EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
	END;
	RETURN result.code || COALESCE(' ' || NULLIF(result.message, ''), '') || COALESCE('; ' || NULLIF(result.detail, ''), '');
END
$$;
CREATE FUNCTION pg_temp.noise(n int) RETURNS text LANGUAGE sql AS $$ SELECT left(string_agg(md5(g::text || 'x'), ''), n) FROM generate_series(1, 200) g $$;

CREATE ROLE length_owner;
CREATE SCHEMA lengths AUTHORIZATION length_owner;
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS btree_gin;
SELECT privseg.create_purpose('length_mail', 'consent');
SELECT privseg.grant_clearance('length_owner', 'length_mail');
SET ROLE length_owner;
CREATE TABLE lengths.shop (k text PRIMARY KEY, n int UNIQUE);
CREATE TABLE lengths.kind (k text PRIMARY KEY);
CREATE TABLE lengths.person (id int PRIMARY KEY, name text, pad text, amount int, code varchar(50), small varchar(100), shop text REFERENCES lengths.shop ON UPDATE CASCADE, address inet, words text[], kind text REFERENCES lengths.kind ON DELETE SET DEFAULT);
INSERT INTO lengths.shop VALUES ('s1', 1), ('s2', 2);
INSERT INTO lengths.kind VALUES ('k1'), ('k2'), ('k3');
INSERT INTO lengths.person SELECT i, 'n' || i, '', i, 'c' || i, 's' || i, 's' || 1 + (i > 6)::int, '10.0.0.1', '{w}', 'k' || 1 + (i > 6)::int FROM generate_series(1, 9) i;
RESET ROLE;
SELECT privseg.protect('lengths.person', 'id');
SELECT count(privseg.record_consent('lengths.person', i, 'length_mail', 'given')) FROM generate_series(1, 6) i;

-- of several columns, an index takes values of a length that is always the same: what is beside them is not told
SELECT made, bool_and(alike) AS told_by_pad_only, string_agg(pad::text, ', ' ORDER BY pad) FILTER (WHERE accepted) AS fits, max(substring(ends FROM 'A value may have .* bytes')) AS detail
FROM (SELECT i, made, pad, min(ends) = max(ends) AS alike, min(ends) = 'accepted' AS accepted, min(ends) AS ends
	FROM (SELECT i, made, pad, pg_temp.ends(made, format('UPDATE lengths.person SET pad = %1$L, words = ARRAY[%1$L], name = %2$L, amount = %3$L WHERE id = 9', pg_temp.noise(pad), name, amount)) AS ends
		FROM unnest(ARRAY[
			'CREATE INDEX ON lengths.person (pad, name)', 'CREATE INDEX ON lengths.person (pad, amount)', 'CREATE INDEX ON lengths.person (left(pad, 64), name, id)', 'CREATE INDEX ON lengths.person (id) INCLUDE (pad, name, amount)',
			'CREATE INDEX ON lengths.person (pad, (amount::numeric))', 'CREATE INDEX ON lengths.person (upper(pad), name)', 'CREATE INDEX ON lengths.person (upper(pad COLLATE "C"), lower(name))', 'CREATE INDEX ON lengths.person (pad) WHERE name IS NULL', 'CREATE INDEX ON lengths.person (pad) WHERE name IS NOT NULL', 'CREATE INDEX ON lengths.person USING gin (words) WHERE name IS NULL', 'CREATE INDEX ON lengths.person USING gin (pad) WHERE name IS NULL', 'CREATE INDEX ON lengths.person USING hash (pad) WHERE name IS NULL', 'CREATE INDEX ON lengths.person USING gist (pad, name)', 'CREATE INDEX ON lengths.person USING spgist (pad) INCLUDE (name)',
			'ALTER TABLE lengths.person ADD UNIQUE (pad, amount)', 'CREATE INDEX ON lengths.person (pad)']) WITH ORDINALITY m (made, i),
			unnest(ARRAY[0, 512, 513, 1024, 1025, 2048, 2049, 2640, 2664, 2690]) pad,
			(VALUES (NULL, NULL), ('n', '0'), ('name', '123456789'), (repeat('name', 6), '10000')) hidden (name, amount)) s
	GROUP BY i, made, pad) s
GROUP BY i, made ORDER BY i;
-- with a signature as long as somebody likes, whether an index has a second page is told by an error
SELECT s.made, pg_temp.ends(s.made) FROM unnest(ARRAY['ALTER TABLE lengths.person ADD a tsvector, ADD b tsvector; CREATE INDEX ON lengths.person USING gist (a tsvector_ops(siglen=2024), b tsvector_ops(siglen=2024))', 'ALTER TABLE lengths.person ADD a tsvector; CREATE INDEX ON lengths.person USING gist (a tsvector_ops(siglen=2024))', 'ALTER TABLE lengths.person ADD a tsvector, ADD b tsvector; CREATE INDEX ON lengths.person USING gist (a, b)']) s (made);
-- by a key that adds to another, whoever knows the other would guess the rest
SELECT s.made, pg_temp.ends(s.made) FROM unnest(ARRAY['CREATE UNIQUE INDEX ON lengths.person (id, name)', 'ALTER TABLE lengths.person ADD UNIQUE (name, id)', 'CREATE UNIQUE INDEX ON lengths.person (id)', 'CREATE UNIQUE INDEX ON lengths.person (id) INCLUDE (name)', 'CREATE UNIQUE INDEX ON lengths.person (name, code)']) s (made);
-- blanks at its end make no other char(n)
SELECT s.made, pg_temp.ends(s.made) FROM unnest(ARRAY['ALTER TABLE lengths.person ALTER name TYPE bpchar', 'ALTER TABLE lengths.person ALTER small TYPE bpchar', 'ALTER TABLE lengths.person ALTER name TYPE varchar']) s (made);
-- nor is a text read by which of its parts fit
SELECT s.made, pg_temp.ends(s.made) FROM unnest(ARRAY['CREATE INDEX ON lengths.person (left(pad, 64))', 'CREATE INDEX ON lengths.person (left(pad, 65))', 'CREATE INDEX ON lengths.person (right(pad, 64))', 'CREATE INDEX ON lengths.person (right(pad, -2))', 'CREATE INDEX ON lengths.person (left(pad, -2))', 'CREATE INDEX ON lengths.person (left(pad, amount))',
	'CREATE INDEX ON lengths.person (right(left(pad, 300), 9))', 'CREATE INDEX ON lengths.person (lower(left(pad, 9)))', 'ALTER TABLE lengths.person ADD part text GENERATED ALWAYS AS (right(left(pad, 300), 9)) STORED', 'ALTER TABLE lengths.person ADD part text GENERATED ALWAYS AS (upper(right(pad, 64))) STORED']) s (made);
-- stored elsewhere, compressed or in a row that was deleted, while anybody may see it
SELECT pg_temp.ends('CREATE INDEX ON lengths.person (pad, name)', s.change) FROM unnest(ARRAY[
	$$UPDATE lengths.person SET pad = repeat('x', 4000) WHERE id = 9$$, $$UPDATE lengths.person SET pad = pg_temp.noise(6000) WHERE id = 9$$, $$UPDATE lengths.person SET pad = pg_temp.noise(2000) WHERE id = 9; DELETE FROM lengths.person WHERE id = 9$$]) s (change);
SELECT pg_temp.ends('CREATE INDEX ON lengths.person (left(pad, 10), name)', 'UPDATE lengths.person SET pad = pg_temp.noise(6000) WHERE id = 9');
-- what has a length always fits, however many there are; and so many that have none do not
SELECT s.made, pg_temp.ends(s.made, $$UPDATE lengths.person SET code = repeat('c', 50), small = repeat('s', 100), amount = NULL WHERE id = 9$$) FROM unnest(ARRAY[
	'CREATE INDEX ON lengths.person (code, small, id, amount, address)', 'CREATE INDEX ON lengths.person (name, code)', 'ALTER TABLE lengths.person ADD a varchar(255), ADD b varchar(255), ADD c varchar(255); CREATE INDEX ON lengths.person (a, b, c)', 'ALTER TABLE lengths.person ADD a varchar(2000) DEFAULT repeat(''x'', 64); CREATE INDEX ON lengths.person (a, id)', 'CREATE INDEX ON lengths.person (' || repeat('left(name, 1), ', 10) || 'id)', 'CREATE INDEX ON lengths.person (' || repeat('left(name, 1), ', 11) || 'id)',
	'CREATE INDEX ON lengths.person USING brin (id, amount)', 'CREATE UNIQUE INDEX ON lengths.person (name, code, shop)', 'CREATE INDEX ON lengths.person (upper(name), (amount::numeric))']) s (made);
-- whoever may bypass the policy is told
BEGIN;
SET LOCAL row_security = off;
UPDATE lengths.person SET pad = pg_temp.noise(2690) WHERE id = 9;
SELECT code, message ~ 'index row size' AS of_core FROM pg_temp.refusal('CREATE INDEX ON lengths.person (pad, name)');
SELECT code FROM pg_temp.refusal('CREATE INDEX ON lengths.person (left(pad, 2600), name)');
ROLLBACK;

-- nor is it by a change of a column's type
SELECT s.made, pg_temp.ends(s.made, $$UPDATE lengths.person SET pad = pg_temp.noise(900) WHERE id = 9$$) FROM unnest(ARRAY[
	'CREATE INDEX ON lengths.person (pad, amount); ALTER TABLE lengths.person ALTER amount TYPE numeric', 'CREATE INDEX ON lengths.person (pad, code); ALTER TABLE lengths.person ALTER code TYPE varchar(60)', 'CREATE INDEX ON lengths.person (pad, code); ALTER TABLE lengths.person ALTER code TYPE text',
	'CREATE INDEX ON lengths.person (pad, name); ALTER TABLE lengths.person ALTER amount TYPE bigint', 'ALTER TABLE lengths.person ALTER amount TYPE numeric, ADD UNIQUE (pad, name)', 'CREATE INDEX ON lengths.person (amount); ALTER TABLE lengths.person ALTER amount TYPE numeric',
	'CREATE INDEX ON lengths.person (id, amount); ALTER TABLE lengths.person ALTER amount TYPE bigint']) s (made);

-- nor by a cascade, whose value the owner chooses
SELECT s.made, h.name, pg_temp.ends(s.made || format('; UPDATE lengths.shop SET k = %L WHERE k = ''s2''', pg_temp.noise(2600)), format('UPDATE lengths.person SET name = %L WHERE id = 9', h.name)) FROM unnest(ARRAY[
	'CREATE INDEX ON lengths.person (shop, name)', 'CREATE INDEX ON lengths.person (name, left(shop, 60))', 'CREATE INDEX ON lengths.person (shop)', 'CREATE INDEX ON lengths.person (name, amount)',
	'ALTER TABLE lengths.person ADD query tsquery']) WITH ORDINALITY s (made, i), unnest(ARRAY['n', repeat('name', 20)]) h (name) ORDER BY i, h.name;
-- rows that may be shown are as they were
SELECT pg_temp.ends('CREATE INDEX ON lengths.person (shop, name); UPDATE lengths.shop SET k = ''other'' WHERE k = ''s1''');
-- a number does not get longer
SELECT pg_temp.ends('CREATE INDEX ON lengths.person (number, name); UPDATE lengths.shop SET n = 1000000 WHERE n = 2', 'ALTER TABLE lengths.person ADD number int REFERENCES lengths.shop (n) ON UPDATE CASCADE; UPDATE lengths.person SET number = 2 WHERE id = 9');

-- what stays in its row, however long it is
SELECT s.made, pg_temp.ends(s.made) FROM unnest(ARRAY['ALTER TABLE lengths.person ADD query tsquery', 'ALTER TABLE lengths.person ADD query tsquery, ADD other int', 'ALTER TABLE lengths.person ADD vector tsvector, ADD other int']) s (made);

-- nor by a value that is computed when the rows are written
SELECT pg_temp.ends(s.made, $$UPDATE lengths.person SET pad = pg_temp.noise(1030) WHERE id = 9$$) FROM unnest(ARRAY['ALTER TABLE lengths.person ADD lower text GENERATED ALWAYS AS (lower(pad)) STORED, ADD UNIQUE (id) INCLUDE (lower, name)',
	'ALTER TABLE lengths.person ADD lower text GENERATED ALWAYS AS (lower(pad)) STORED; CREATE INDEX ON lengths.person (lower, name)', 'ALTER TABLE lengths.person ADD lower text GENERATED ALWAYS AS (left(pad, 64)) STORED; CREATE INDEX ON lengths.person (lower, name)',
	'ALTER TABLE lengths.person ADD short text DEFAULT ''short'', ADD UNIQUE (short, amount)', 'ALTER TABLE lengths.person ADD made text DEFAULT gen_random_uuid(), ADD UNIQUE (made, name)']) s (made);

-- a default that is computed for each row says how many there are
CREATE SEQUENCE lengths.counter;
CREATE FUNCTION lengths.default_kind() RETURNS text STABLE LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'asked'; RETURN 'k3'; END $$;
CREATE DOMAIN lengths.asked AS text CHECK (lengths.default_kind() = 'k3');
CREATE TYPE lengths.pair AS (kind lengths.asked);
GRANT ALL ON ALL SEQUENCES IN SCHEMA lengths TO length_owner;
SELECT s.made, pg_temp.ends(format('ALTER TABLE lengths.person ALTER kind SET DEFAULT %s; DELETE FROM lengths.kind WHERE k = ''k2''', s.made)) AS hidden, pg_temp.ends(format('ALTER TABLE lengths.person ALTER kind SET DEFAULT %s; DELETE FROM lengths.kind WHERE k = ''k1''', s.made), 'DELETE FROM lengths.person WHERE id < 6') AS shown
FROM unnest(ARRAY['''k3'' || left(nextval(''lengths.counter'')::text, 0)', 'lengths.default_kind()', '''k3'' || left(concat(''(x)'')::lengths.pair::text, 0)', '''k3''', 'NULL']) s (made);

-- how a value is kept is not changed where an index has it; nor is an index's text about a row shown
SELECT s.made, pg_temp.ends(s.made) FROM unnest(ARRAY['ALTER TABLE lengths.person ALTER small SET STORAGE EXTERNAL', 'CREATE INDEX ON lengths.person (small); ALTER TABLE lengths.person ALTER small SET STORAGE EXTERNAL', 'CREATE INDEX ON lengths.person (left(pad, 9)); ALTER TABLE lengths.person ALTER pad SET COMPRESSION pglz',
	'SET default_toast_compression = pglz']) s (made);
BEGIN;
CREATE INDEX ON lengths.person (shop, name);
SET LOCAL row_security = off;
UPDATE lengths.shop SET k = pg_temp.noise(2690) WHERE k = 's2';
ROLLBACK;

-- while others write
SET row_security = off;
UPDATE lengths.person SET pad = pg_temp.noise(2000) WHERE id = 9;
RESET row_security;
SET ROLE length_owner;
CREATE INDEX CONCURRENTLY person_pad ON lengths.person (pad, name);
CREATE INDEX CONCURRENTLY person_name ON lengths.person (name, code);
REINDEX INDEX CONCURRENTLY lengths.person_name;
RESET ROLE;
DROP INDEX lengths.person_name;

SELECT pg_temp.ends('ALTER TABLE lengths.person ADD made text DEFAULT concat(''(x)'')::lengths.pair::text');

DROP SCHEMA lengths CASCADE;
DROP OWNED BY length_owner;
DROP ROLE length_owner;
