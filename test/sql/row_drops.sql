-- What a user drops, or loses, while a statement of his is open: no row is told by it that was asked.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE drop_reader;
CREATE ROLE drop_group;
CREATE ROLE drop_member;
GRANT drop_group TO drop_member WITH ADMIN OPTION;
CREATE SCHEMA drops;
GRANT ALL ON SCHEMA drops TO drop_reader, drop_member;
SELECT privseg.create_purpose('drop_mail', 'consent'), privseg.create_purpose('drop_sale', 'contract');
SELECT privseg.grant_clearance('drop_reader', 'drop_mail'), privseg.grant_clearance('drop_group', 'drop_mail');
CREATE TYPE drops.mood AS ENUM ('sad', 'ok');
CREATE TYPE drops.span AS RANGE (subtype = numeric);
CREATE COLLATION drops.own (provider = icu, locale = 'de');
CREATE TABLE drops.person (id int PRIMARY KEY, secret text, amount numeric, mood drops.mood, span drops.span, name text COLLATE drops.own, words text[]);
INSERT INTO drops.person SELECT i, 's' || i, i, 'ok', drops.span(i, i + 1), 'n' || i, ARRAY['w' || i] FROM generate_series(1, 90) i;
CREATE INDEX ON drops.person (secret);
CREATE INDEX ON drops.person (mood);
CREATE INDEX ON drops.person USING gist (span);
CREATE TABLE drops.same (id int PRIMARY KEY, word text);
CREATE TABLE drops.differ (LIKE drops.same INCLUDING ALL);
INSERT INTO drops.same SELECT i, CASE WHEN i <= 60 THEN 'w' || i ELSE 'same' END FROM generate_series(1, 200) i;
INSERT INTO drops.differ SELECT i, 'w' || i FROM generate_series(1, 200) i;
ANALYZE drops.person, drops.same, drops.differ;
GRANT SELECT ON ALL TABLES IN SCHEMA drops TO drop_reader, drop_member;
SELECT privseg.protect('drops.person', 'id'), privseg.protect('drops.same', 'id', 'drops.person'), privseg.protect('drops.differ', 'id', 'drops.person');
SELECT count(privseg.record_consent('drops.person', i, 'drop_mail', 'given')) FROM generate_series(1, 60) i;

-- a type or a collation of one's own: s80 is hidden, s99 nobody's
SET ROLE drop_reader;
SET privseg.purpose = 'drop_mail';
SET enable_seqscan = off;
CREATE FUNCTION drops.ends(clause text, drops text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hidden refcursor;
	absent refcursor;
	n int;
	result text := '';
	c refcursor;
BEGIN
	CREATE TYPE drops.own_range AS RANGE (subtype = numeric);
	CREATE TYPE drops.own_text AS RANGE (subtype = text);
	CREATE COLLATION drops.mine (provider = icu, locale = 'fr');
	OPEN absent FOR EXECUTE format('SELECT id FROM drops.person WHERE secret = ''s99'' AND %s', clause);
	OPEN hidden FOR EXECUTE format('SELECT id FROM drops.person WHERE secret = ''s80'' AND %s', clause);
	EXECUTE drops;
	FOREACH c IN ARRAY ARRAY[absent, hidden] LOOP
		BEGIN
			FETCH c INTO n;
			result := result || COALESCE(n::text, 'nothing') || ' ';
		EXCEPTION WHEN OTHERS THEN
			result := result || SQLSTATE || ' ';
		END;
	END LOOP;
	RAISE SQLSTATE 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	RETURN result;
END $$;
SELECT clause, drops.ends(clause, drops) FROM (VALUES ('amount <@ ''[1,99)''::drops.own_range', 'DROP TYPE drops.own_range CASCADE'), ('secret <@ ''[a,z)''::drops.own_text', 'DROP TYPE drops.own_text CASCADE'),
	('amount <@ ANY (ARRAY[''[1,99)''::drops.own_range])', 'DROP TYPE drops.own_range CASCADE'), ('''[1,99)''::drops.own_range @> amount', 'DROP TYPE drops.own_range CASCADE'), ('secret >= ''a'' COLLATE drops.mine', 'DROP COLLATION drops.mine'), ('words && ARRAY[''x'' COLLATE drops.mine]', 'DROP COLLATION drops.mine')) s (clause, drops);
-- what a column has is kept, and its index is used; what is a user's is asked after the policy
CREATE COLLATION drops.mine (provider = icu, locale = 'fr');
CREATE TYPE drops.own_range AS RANGE (subtype = numeric);
EXPLAIN (COSTS off) SELECT id FROM drops.person WHERE mood = 'sad';
EXPLAIN (COSTS off) SELECT id FROM drops.person WHERE span && '[3,4)'::drops.span;
EXPLAIN (COSTS off) SELECT id FROM drops.person WHERE secret = 's80' AND name > 'a' AND mood = ANY ('{sad,ok}');
EXPLAIN (COSTS off) SELECT id FROM drops.person WHERE secret = 's80' AND secret > 'a' COLLATE drops.mine;
EXPLAIN (COSTS off) SELECT id FROM drops.person WHERE secret = 's80' AND amount <@ '[1,99)'::drops.own_range;
EXPLAIN (COSTS off) SELECT id FROM drops.person WHERE secret = 's80' AND amount <@ '[1,99)'::numrange;
RESET enable_seqscan;

-- what core tries on kept values, which raises by a collation of a user: there are none for it
CREATE COLLATION drops.alike (provider = icu, locale = 'und', deterministic = false);
CREATE OPERATOR drops.<^> (LEFTARG = text, RIGHTARG = text, FUNCTION = starts_with, RESTRICT = eqsel);
EXPLAIN (COSTS off) SELECT FROM drops.same WHERE word OPERATOR(drops.<^>) 'x' COLLATE drops.alike;
EXPLAIN (COSTS off) SELECT FROM drops.differ WHERE word OPERATOR(drops.<^>) 'x' COLLATE drops.alike;
RESET ROLE;

-- clearance that is lost: what is open goes on, whichever rows it gets to
SET ROLE drop_member;
BEGIN;
DECLARE absent CURSOR FOR SELECT id FROM drops.person WHERE secret = 's99';
DECLARE hidden CURSOR FOR SELECT id FROM drops.person WHERE secret = 's80';
DECLARE shown CURSOR FOR SELECT id FROM drops.person WHERE secret = 's8';
REVOKE drop_group FROM drop_member;
FETCH absent;
FETCH hidden;
FETCH shown;
SELECT id FROM drops.person WHERE secret = 's99';
ROLLBACK;
RESET ROLE;
GRANT drop_group TO drop_member WITH ADMIN OPTION;
SET ROLE drop_member;
CREATE FUNCTION drops.loses() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN REVOKE drop_group FROM drop_member; RETURN 1; END $$;
SELECT count(p.id) FROM (SELECT drops.loses() AS n OFFSET 0) l LEFT JOIN LATERAL (SELECT id FROM drops.person WHERE secret = 's99' AND id > l.n) p ON true;
RESET ROLE;
GRANT drop_group TO drop_member WITH ADMIN OPTION;
SET ROLE drop_member;
SELECT count(p.id) FROM (SELECT drops.loses() AS n OFFSET 0) l LEFT JOIN LATERAL (SELECT id FROM drops.person WHERE secret = 's80' AND id > l.n) p ON true;
RESET ROLE;

-- decisions of a statement are of one moment, whichever row is the first it asks about: 59's consent ends while it runs
SELECT privseg.record_consent('drops.person', 59, 'drop_mail', 'given', expires_at => clock_timestamp() + interval '1 second') > 0 AS recorded;
SET ROLE drop_reader;
SET privseg.purpose = 'drop_mail';
SELECT before.n = after.n AS alike FROM (SELECT count(*) AS n FROM drops.person) before, LATERAL (SELECT pg_sleep(1.5) WHERE before.n > 0 OFFSET 0) s, LATERAL (SELECT count(*) + 0 * length(s::text) AS n FROM drops.person WHERE id > 0) after;
RESET ROLE;
SELECT privseg.record_consent('drops.person', i, 'drop_mail', 'given', expires_at => clock_timestamp() + interval '1 second') > 0 AS recorded FROM generate_series(58, 59) i;
SET ROLE drop_reader;
SET enable_seqscan = off;
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
BEGIN;
DECLARE hidden CURSOR FOR SELECT p.id FROM (VALUES ('s80'), ('s59')) v (k) LEFT JOIN LATERAL (SELECT id FROM drops.person WHERE secret = v.k OFFSET 0) p ON true;
DECLARE absent CURSOR FOR SELECT p.id FROM (VALUES ('s99'), ('s59')) v (k) LEFT JOIN LATERAL (SELECT id FROM drops.person WHERE secret = v.k OFFSET 0) p ON true;
FETCH hidden;
FETCH absent;
SELECT pg_sleep(1.5);
CREATE FUNCTION pg_temp.next(c refcursor) RETURNS int LANGUAGE plpgsql AS $$ DECLARE n int; BEGIN FETCH c INTO n; RETURN n; END $$;
SELECT pg_temp.next('hidden') IS NOT DISTINCT FROM pg_temp.next('absent') AS alike;
ROLLBACK;
RESET ROLE;
RESET enable_seqscan;

DROP SCHEMA drops CASCADE;
DROP OWNED BY drop_reader, drop_group, drop_member;
DROP ROLE drop_reader, drop_group, drop_member;
