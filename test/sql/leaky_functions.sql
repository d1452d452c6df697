-- Functions, operators, casts and errors of the reader's own run on shown rows
-- only, however cheap they are and wherever they stand.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA leak_test;
CREATE ROLE leak_reader;
CREATE ROLE leak_bypass BYPASSRLS;
CREATE ROLE leak_super SUPERUSER;
GRANT ALL ON SCHEMA leak_test TO PUBLIC;
SELECT privseg.create_purpose('leak_a', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'leak_a')::text) FROM unnest('{leak_reader,leak_bypass,leak_super}'::text[]) r;
CREATE TABLE leak_test.person (id int PRIMARY KEY, secret text, n int);
CREATE TABLE leak_test.purchase (id int PRIMARY KEY, person_id int, secret text);
CREATE TABLE leak_test.event (person_id int, secret text, at int) PARTITION BY LIST (at);
CREATE TABLE leak_test.event_1 PARTITION OF leak_test.event FOR VALUES IN (1);
CREATE INDEX ON leak_test.person (secret);
CREATE INDEX ON leak_test.purchase (person_id);
CREATE INDEX ON leak_test.event (person_id);
INSERT INTO leak_test.person SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i, i - 6 FROM generate_series(1, 9) i;
INSERT INTO leak_test.purchase SELECT i, i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 9) i;
INSERT INTO leak_test.event SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i, 1 FROM generate_series(1, 9) i;
GRANT ALL ON ALL TABLES IN SCHEMA leak_test TO PUBLIC;
ANALYZE leak_test.person, leak_test.purchase, leak_test.event;
SELECT privseg.protect('leak_test.person', 'id'), privseg.protect('leak_test.purchase', 'person_id', 'leak_test.person'), privseg.protect('leak_test.event', 'person_id', 'leak_test.person');
SELECT count(privseg.record_consent('leak_test.person', i, 'leak_a', 'given')) FROM generate_series(1, 5) i;

-- a spy remembers every value it was asked about
CREATE SEQUENCE leak_test.spied;
CREATE FUNCTION leak_test.spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	IF $1 LIKE 'hidden%' THEN PERFORM nextval('leak_test.spied'); END IF;
	RETURN true;
END $$;
CREATE FUNCTION leak_test.spy_stable(text) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS $$
BEGIN
	IF $1 LIKE 'hidden%' THEN PERFORM nextval('leak_test.spied'); END IF;
	RETURN true;
END $$;
CREATE FUNCTION leak_test.spy_eq(text, text) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS $$
BEGIN
	IF $1 LIKE 'hidden%' OR $2 LIKE 'hidden%' THEN PERFORM nextval('leak_test.spied'); END IF;
	RETURN $1 = $2;
END $$;
CREATE OPERATOR leak_test.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = leak_test.spy_eq, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE DOMAIN leak_test.spied_text AS text CHECK (leak_test.spy(VALUE));
CREATE TABLE leak_test.attempt (n int GENERATED ALWAYS AS IDENTITY, query text);
INSERT INTO leak_test.attempt (query) SELECT replace(q, '{t}', t) FROM unnest('{leak_test.person,leak_test.purchase,leak_test.event,leak_test.event_1}'::text[]) t, unnest(ARRAY[
	'SELECT count(*) FROM {t} WHERE leak_test.spy(secret)',
	'SELECT count(*) FROM {t} WHERE leak_test.spy_stable(secret)',
	'SELECT count(*) FROM {t} WHERE leak_test.spy(secret) OR false',
	'SELECT count(*) FROM {t} WHERE secret OPERATOR(leak_test.===) ''x''',
	'SELECT count(*) FROM {t} WHERE secret::leak_test.spied_text IS NOT NULL',
	'SELECT count(leak_test.spy(secret)) FROM {t}',
	'SELECT count(*) FILTER (WHERE leak_test.spy(secret)) FROM {t}',
	'SELECT count(*) FROM {t} GROUP BY leak_test.spy(secret)',
	'SELECT count(*) FROM {t} HAVING bool_and(leak_test.spy(secret))',
	'SELECT secret FROM {t} ORDER BY leak_test.spy(secret)',
	'SELECT count(*) FROM {t} a JOIN {t} b ON a.secret OPERATOR(leak_test.===) b.secret',
	'SELECT count(*) FROM generate_series(1, 9) g LEFT JOIN {t} t ON leak_test.spy(t.secret)',
	'SELECT count(*) FROM (SELECT secret FROM {t}) s WHERE leak_test.spy(secret)',
	'SELECT count(*) FROM (SELECT secret FROM {t} OFFSET 0) s WHERE leak_test.spy(secret)',
	'WITH c AS (SELECT secret FROM {t}) SELECT count(*) FROM c WHERE leak_test.spy(secret)',
	'SELECT count(*) FROM {t}, LATERAL (SELECT 1 WHERE leak_test.spy(secret)) s',
	'SELECT count(*) FROM {t} WHERE EXISTS (SELECT 1 WHERE leak_test.spy(secret))',
	'SELECT count(*) FROM generate_series(1, 9) WHERE EXISTS (SELECT FROM {t} WHERE leak_test.spy(secret))',
	'SELECT count(*) FROM {t} t WHERE leak_test.spy((t).secret)',
	'SELECT count(*) FROM {t} t WHERE leak_test.spy(row_to_json(t)->>''secret'')',
	'SELECT count(*) FROM {t} TABLESAMPLE SYSTEM (100) WHERE leak_test.spy(secret)',
	'WITH u AS (UPDATE {t} SET secret = secret WHERE leak_test.spy(secret) RETURNING 1) SELECT count(*) FROM u',
	'WITH u AS (DELETE FROM {t} WHERE leak_test.spy(secret) RETURNING 1) SELECT count(*) FROM u',
	'WITH u AS (UPDATE {t} SET secret = leak_test.spy(secret)::text || secret RETURNING leak_test.spy(secret)) SELECT count(*) FROM u',
	'SELECT count(*) FROM (SELECT secret FROM {t} UNION ALL SELECT secret FROM {t}) s WHERE leak_test.spy(secret)',
	'SELECT count(*) FROM (SELECT secret, row_number() OVER (ORDER BY secret) FROM {t}) s WHERE leak_test.spy(secret)',
	'SELECT count(*) FROM {t} WHERE 1 / (length(secret) - 7) < 9',
	'SELECT count(*) FROM {t} WHERE (regexp_replace(secret, ''hidden.*'', ''x'') || ''0'')::text = ''y''',
	'SELECT count(*) FROM {t} WHERE CASE WHEN secret LIKE ''hidden%'' THEN secret::int END IS NULL']) q;
GRANT SELECT ON leak_test.attempt TO PUBLIC;
GRANT ALL ON SEQUENCE leak_test.spied TO PUBLIC;
CREATE FUNCTION pg_temp.attempts() RETURNS TABLE(reader text, attempts bigint, errors bigint, seen bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH reader IN ARRAY '{leak_reader,leak_bypass,leak_super}'::text[] LOOP
		PERFORM setval('leak_test.spied', 1, false);
		SELECT count(*), count(*) FILTER (WHERE o ~ '^[0-9A-Z]{5}$' AND o ~ '[1-9]') INTO attempts, errors
		FROM leak_test.attempt, LATERAL pg_temp.outcome(reader, 'leak_a', query) o;
		SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO seen FROM leak_test.spied;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM pg_temp.attempts();
-- disabled paths cost enough for jit, which would only take time
SET jit = off;
SET enable_seqscan = off;
SELECT * FROM pg_temp.attempts();
SET enable_indexscan = off;
SELECT * FROM pg_temp.attempts();
RESET ALL;
SET client_min_messages = warning;
SET jit = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT * FROM pg_temp.attempts();
RESET ALL;
SET client_min_messages = warning;
-- the spy does see what row_security = off shows, so it is awake
SET row_security = off;
SELECT setval('leak_test.spied', 1, false);
SELECT count(*) FROM leak_test.person WHERE leak_test.spy(secret);
SELECT last_value FROM leak_test.spied;
RESET row_security;

-- views of the reader's own, with and without a barrier, and functions made to be inlined
SELECT setval('leak_test.spied', 1, false);
SET ROLE leak_reader;
SET privseg.purpose = 'leak_a';
CREATE VIEW leak_test.v AS SELECT * FROM leak_test.person WHERE leak_test.spy(secret);
CREATE VIEW leak_test.vb WITH (security_barrier) AS SELECT * FROM leak_test.person WHERE leak_test.spy(secret);
CREATE FUNCTION leak_test.f() RETURNS SETOF leak_test.person LANGUAGE sql STABLE AS $$ SELECT * FROM leak_test.person WHERE leak_test.spy(secret) $$;
SELECT (SELECT count(*) FROM leak_test.v) AS view, (SELECT count(*) FROM leak_test.vb) AS barrier, (SELECT count(*) FROM leak_test.f()) AS function;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM leak_test.person WHERE leak_test.spy(secret) LOOP NULL; END LOOP; END $$;
UPDATE leak_test.vb SET n = n WHERE leak_test.spy(secret);
RESET ROLE;
RESET privseg.purpose;
SELECT is_called AS seen FROM leak_test.spied;

-- statistics of protected tables are not for those whom the policy binds
SET ROLE leak_reader;
SELECT count(*) FROM pg_stats WHERE schemaname = 'leak_test' AND tablename <> 'attempt';
RESET ROLE;

DROP SCHEMA leak_test CASCADE;
DROP OWNED BY leak_reader, leak_bypass, leak_super;
DROP ROLE leak_reader, leak_bypass, leak_super;
