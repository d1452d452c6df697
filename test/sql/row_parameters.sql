-- What is the same for all rows (a parameter, a subquery's value, an array made of them) is
-- asked for when the first row needs it. That this is a hidden one is not told by an error.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE late_reader;
CREATE SCHEMA late;
GRANT USAGE ON SCHEMA late TO late_reader;
CREATE TYPE late.amount AS RANGE (subtype = money);
CREATE TABLE late.person (id int PRIMARY KEY, name text, secret text, tags text[], doc jsonb, spent late.amount, days int4range);
INSERT INTO late.person SELECT i, 'n' || i, 's' || i, ARRAY['t' || i], jsonb_build_object('k', 'v' || i), '[1,2]', '[1,2]' FROM generate_series(1, 9) i;
CREATE INDEX person_tags ON late.person USING gin (tags);
CREATE INDEX person_both ON late.person (secret, name);
CREATE INDEX person_name ON late.person (name);
GRANT SELECT ON late.person TO late_reader;
ANALYZE late.person;
SELECT privseg.create_purpose('late_mail', 'consent'), privseg.protect('late.person', 'id');
SELECT privseg.grant_clearance('late_reader', 'late_mail');
SELECT count(privseg.record_consent('late.person', i, 'late_mail', 'given')) FROM generate_series(1, 8) i;
SET ROLE late_reader;
SET privseg.purpose = 'late_mail';
SET plan_cache_mode = force_generic_plan;

-- an array that gets too big
SELECT pg_temp.outcome(format('PREPARE big (text, text) AS SELECT count(*) FROM late.person WHERE secret = $2 AND ARRAY[name%s] = ARRAY[''x'']', repeat(',$1', 1100)));
EXECUTE big (repeat('x', 1000000), 's9');
EXECUTE big (repeat('x', 1000000), 's0');
-- whoever asks for the current schema may be the first to make the temporary one
EXPLAIN (COSTS off) SELECT count(*) FROM late.person WHERE secret = 's9' AND (id IS NULL OR current_schema IS NULL);
-- what makes a longer value of a long one
EXPLAIN (COSTS off) SELECT count(*) FROM late.person WHERE name >= 'a' AND doc ->> 'k' = 'v' AND name ILIKE 'x' AND doc -> 'k' = '1';
-- a range of values that have no hash, among many
EXPLAIN (COSTS off) SELECT count(*) FROM late.person WHERE name >= 'a' AND spent = ANY ('{"[1,2]"}'::late.amount[]) AND days = ANY ('{"[1,2]"}'::int4range[]);

-- a plpgsql variable that has lost its field
CREATE FUNCTION pg_temp.lost(guess text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	c bigint;
	s text := 's0';
BEGIN
	SELECT 'x'::text AS field INTO r;
	FOR i IN 1..2 LOOP
		IF i = 2 THEN SELECT 1 AS other INTO r; s := guess; END IF;
		SELECT count(*) INTO c FROM late.person WHERE secret = s AND name = r.field;
	END LOOP;
	RETURN c;
EXCEPTION WHEN undefined_column THEN RETURN SQLSTATE;
END $$;
SELECT pg_temp.lost('s9') AS hidden, pg_temp.lost('s0') AS nobody, pg_temp.lost('s1') AS shown;

-- a value whose storage is gone
CREATE FUNCTION pg_temp.gone() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v text;
BEGIN
	CREATE TEMP TABLE store (v text);
	ALTER TABLE store ALTER v SET STORAGE EXTERNAL;
	INSERT INTO store VALUES (repeat('x', 10000));
	SELECT store.v INTO v FROM store;
	DROP TABLE store;
	RETURN v;
END $$;
PREPARE far (text, text) AS SELECT count(*) FROM late.person WHERE secret = $2 AND name = $1;
CREATE FUNCTION pg_temp.far(guess text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	v text := pg_temp.gone();
BEGIN
	SELECT count(*) INTO result FROM late.person WHERE secret = guess AND name = v;
	RETURN result;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
-- or goes while the statement runs
CREATE FUNCTION pg_temp.drop_store() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DROP TABLE IF EXISTS store; RETURN 1; END $$;
CREATE FUNCTION pg_temp.going(guess text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	v text;
BEGIN
	CREATE TEMP TABLE store (v text);
	ALTER TABLE store ALTER v SET STORAGE EXTERNAL;
	INSERT INTO store VALUES (repeat('x', 10000));
	SELECT store.v INTO v FROM store;
	SELECT count(pg_temp.drop_store()) INTO result FROM late.person WHERE secret = ANY (ARRAY['s1', guess]) AND name < v;
	RETURN result;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.all_outcomes(guess text) RETURNS TABLE (mode text, scan text, function text, prepared text, joined text, correlated text, going text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH mode IN ARRAY '{force_custom_plan,force_generic_plan}'::text[] LOOP
		FOREACH scan IN ARRAY '{enable_seqscan,enable_indexscan,enable_bitmapscan}'::text[] LOOP
			PERFORM set_config('plan_cache_mode', mode, true), set_config('enable_seqscan', (scan = 'enable_seqscan')::text, true), set_config('enable_indexscan', (scan = 'enable_indexscan')::text, true),
				set_config('enable_bitmapscan', (scan = 'enable_bitmapscan')::text, true), set_config('enable_indexonlyscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
			function := pg_temp.far(guess);
			prepared := pg_temp.outcome(format('EXECUTE far (pg_temp.gone(), %L)', guess));
			joined := pg_temp.outcome(format('SELECT count(*) FROM pg_temp.gone() v JOIN late.person ON secret = %L AND name = v', guess));
			correlated := pg_temp.outcome(format('SELECT (SELECT count(*) FROM late.person WHERE secret = %L AND name = v) FROM pg_temp.gone() v', guess));
			going := pg_temp.going(guess);
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
SELECT h.mode, h.scan, h.function AS f, h.prepared AS p, h.joined AS j, h.correlated AS c, h.going AS g, (h.function, h.prepared, h.joined, h.correlated, h.going) = (n.function, n.prepared, n.joined, n.correlated, n.going) AS same
	FROM pg_temp.all_outcomes('s9') WITH ORDINALITY h (mode, scan, function, prepared, joined, correlated, going, i), pg_temp.all_outcomes('s0') n WHERE (h.mode, h.scan) = (n.mode, n.scan) ORDER BY i;
-- rechecked are rows that the policy has let through
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT count(*) FROM (VALUES (ARRAY['t9'] || repeat('x', 10)), (ARRAY['t0'])) v (a), LATERAL (SELECT id FROM late.person WHERE tags <@ v.a OFFSET 0) p;
RESET ROLE;
DROP INDEX late.person_both;
CREATE INDEX person_secret ON late.person USING hash (secret);
SET ROLE late_reader;
SET enable_bitmapscan = off;
EXPLAIN (COSTS off) SELECT count(*) FROM (VALUES ('s9'), ('s0')) v (a), LATERAL (SELECT id FROM late.person WHERE secret = v.a OFFSET 0) p;
SELECT count(*) FROM (VALUES ('s8'), ('s9'), ('s0')) v (a), LATERAL (SELECT id FROM late.person WHERE secret = v.a OFFSET 0) p;
RESET enable_bitmapscan;
RESET ROLE;
RESET privseg.purpose;
RESET plan_cache_mode;
RESET enable_seqscan;

SET client_min_messages = error;
DROP SCHEMA late CASCADE;
DROP OWNED BY late_reader;
DROP ROLE late_reader;
