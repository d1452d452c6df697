-- Copies of protected rows go where the policy follows, and nowhere else.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE kept_owner;
CREATE ROLE kept_analyst IN ROLE pg_write_server_files, pg_execute_server_program;
CREATE ROLE kept_super SUPERUSER;
CREATE SCHEMA kept AUTHORIZATION kept_owner;
GRANT ALL ON SCHEMA kept TO PUBLIC;
SELECT privseg.create_purpose('kept_mail', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'kept_mail')::text) FROM unnest('{kept_owner,kept_analyst,kept_super}'::text[]) r;
SET ROLE kept_owner;
CREATE TABLE kept.person (id bigint PRIMARY KEY, name text);
CREATE TABLE kept.tag (person_id bigint, tag text, id bigint);
CREATE TABLE kept.small (person_id int, tag text);
CREATE TABLE kept.shown (person_id bigint, tag text);
CREATE TABLE kept.orders (id bigint PRIMARY KEY, person_id bigint);
CREATE TABLE kept.line (order_id bigint REFERENCES kept.orders, tag text);
CREATE TABLE kept.account (id bigint PRIMARY KEY, name text);
CREATE TABLE kept.plain (id bigint, name text);
CREATE TABLE kept.both (person_id bigint, other bigint, name text);
INSERT INTO kept.both VALUES (1, 2, 'x'), (1, NULL, 'y');
CREATE INDEX ON kept.both (person_id);
CREATE UNLOGGED TABLE kept.staged (id bigint, name text);
CREATE TABLE kept.parted (id bigint, name text) PARTITION BY RANGE (id);
CREATE TABLE kept.part PARTITION OF kept.parted DEFAULT;
INSERT INTO kept.person SELECT i, 'p' || i FROM generate_series(1, 9) i;
INSERT INTO kept.account SELECT i, 'a' || i FROM generate_series(1, 9) i;
INSERT INTO kept.orders SELECT i, i FROM generate_series(1, 9) i;
CREATE VIEW kept.v AS SELECT * FROM kept.person;
CREATE VIEW kept.into_plain AS SELECT * FROM kept.plain;
CREATE FUNCTION kept.inlined() RETURNS SETOF kept.person LANGUAGE sql STABLE AS 'SELECT * FROM kept.person';
CREATE FUNCTION kept.called() RETURNS SETOF kept.person LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT * FROM kept.person; END $$;
CREATE MATERIALIZED VIEW kept.later AS SELECT id, name FROM kept.person WITH NO DATA;
CREATE TEMP TABLE scratch (id bigint, name text);
GRANT ALL ON ALL TABLES IN SCHEMA kept TO PUBLIC;
GRANT ALL ON scratch TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('kept.person', 'id'), privseg.protect('kept.account', 'id');
SELECT privseg.protect(('kept.' || t)::regclass, 'person_id', 'kept.person') FROM unnest('{tag,small,orders}'::text[]) t;
SELECT privseg.protect('kept.shown', 'person_id', 'kept.person', null_subject => 'show');
SELECT privseg.carry_subject('kept.line', 'order_id', 'person_id');
SELECT privseg.protect('kept.line', 'person_id', 'kept.person');
SELECT count(privseg.record_consent('kept.person', i, 'kept_mail', 'given')), count(privseg.record_consent('kept.account', i, 'kept_mail', 'given')) FROM generate_series(1, 5) i;

SELECT privseg.protect('kept.both', 'person_id', 'kept.person', also_about => '{other}');
-- who else a row is about does not go along
SELECT s AS statement, pg_temp.outcome('kept_analyst', 'kept_mail', s || '; SELECT 1') AS analyst FROM unnest(ARRAY[
	'INSERT INTO kept.tag SELECT person_id, name FROM kept.both', 'INSERT INTO kept.tag SELECT p.id, b.name FROM kept.person p JOIN kept.both b ON b.person_id = p.id', 'UPDATE kept.tag t SET tag = b.name FROM kept.both b WHERE b.person_id = t.person_id',
	'MERGE INTO kept.tag t USING kept.both b ON b.person_id = t.person_id WHEN MATCHED THEN UPDATE SET tag = b.name', 'MERGE INTO kept.tag t USING kept.both b ON b.person_id = t.person_id WHEN NOT MATCHED THEN INSERT VALUES (b.person_id, b.name)',
	'WITH b AS (SELECT * FROM kept.both) INSERT INTO kept.tag SELECT person_id, name FROM b', 'WITH p AS (SELECT * FROM kept.person) INSERT INTO kept.tag SELECT id, name FROM p', 'WITH p AS (SELECT * FROM kept.person) INSERT INTO kept.tag SELECT 5, name FROM p',
	'WITH p AS (SELECT * FROM kept.person) INSERT INTO kept.tag SELECT 5, name FROM (SELECT * FROM (SELECT * FROM p) q) r', 'WITH p AS (SELECT 5 AS id, ''x'' AS name) INSERT INTO kept.tag SELECT id, name FROM p', 'INSERT INTO kept.tag SELECT id, name FROM kept.person', 'UPDATE kept.both SET name = name', 'INSERT INTO kept.both VALUES (1, 2, ''z'')']) s;

-- MERGE, whose source is made of many, or asks for each of its rows
SELECT s AS statement, pg_temp.outcome('kept_analyst', 'kept_mail', format('MERGE INTO kept.tag t USING %s ON t.id = s.i WHEN NOT MATCHED THEN INSERT (person_id, tag, id) VALUES (%s); SELECT 1', split_part(s, '|', 1), split_part(s, '|', 2))) AS analyst FROM unnest(ARRAY[
	'(SELECT name n, id i FROM kept.person) s|1, s.n, s.i', '(SELECT name n, id i FROM kept.person) s|s.i, s.n, s.i', '(SELECT unnest(array_agg(name)) n, unnest(array_agg(id)) i FROM kept.person) s|1, s.n, s.i', 'unnest((SELECT array_agg(name) FROM kept.person)) WITH ORDINALITY s (n, i)|1, s.n, s.i',
	'generate_series(1, 9) g CROSS JOIN LATERAL (SELECT max(name) n, g i FROM kept.person WHERE id = g) s|1, s.n, s.i', 'generate_series(1, 9) s (i)|1, (SELECT name FROM kept.person WHERE id = s.i), s.i', '(VALUES (1, (SELECT name FROM kept.person WHERE id = 1)), (2, (SELECT name FROM kept.person WHERE id = 2))) s (i, n)|1, s.n, s.i',
	'(VALUES (90, ''x'')) s (i, n)|1, s.n, s.i', 'generate_series(91, 92) s (i)|1, ''x'', s.i']) s;
-- what is only asked about goes nowhere
SELECT s AS statement, pg_temp.outcome('kept_analyst', 'kept_mail', s || '; SELECT 1') AS analyst FROM unnest(ARRAY[
	'UPDATE kept.account SET name = upper(name) WHERE NOT EXISTS (SELECT FROM kept.person p WHERE p.name = account.name)', 'UPDATE kept.account a SET name = a.name FROM kept.person p WHERE p.id = a.id', 'UPDATE kept.shown s SET tag = s.tag FROM kept.tag t WHERE t.person_id = s.person_id',
	'UPDATE kept.account SET name = (SELECT max(name) FROM kept.person)', 'UPDATE kept.account a SET name = p.name FROM kept.person p WHERE p.id = a.id', 'UPDATE kept.account a SET name = j.name FROM (kept.person p JOIN kept.tag t ON t.person_id = p.id) j WHERE j.person_id = a.id', 'UPDATE kept.plain SET name = ''seen'' WHERE id IN (SELECT id FROM kept.person)']) s;
-- a row that is written where there is none yet
SELECT s AS statement, pg_temp.outcome('kept_analyst', 'kept_mail', s || '; SELECT 1') AS analyst FROM unnest(ARRAY[
	'INSERT INTO kept.tag SELECT 1, ''x'' WHERE NOT EXISTS (SELECT FROM kept.tag WHERE person_id = 1)', 'WITH u AS (UPDATE kept.tag SET tag = ''x'' WHERE person_id = 1 RETURNING tag) INSERT INTO kept.tag SELECT 1, ''x'' WHERE NOT EXISTS (SELECT FROM u)',
	'INSERT INTO kept.account SELECT 1, ''x'' WHERE NOT EXISTS (SELECT FROM kept.person)', 'INSERT INTO kept.plain SELECT 1, ''x'' WHERE NOT EXISTS (SELECT FROM kept.person)', 'INSERT INTO kept.tag SELECT 1, unnest((SELECT array_agg(name) FROM kept.person)) WHERE EXISTS (SELECT FROM kept.tag)',
	'INSERT INTO kept.tag SELECT 1, ''x'' WHERE EXISTS (SELECT FROM kept.person) UNION ALL SELECT 1, ''y'' WHERE EXISTS (SELECT FROM kept.person)', 'INSERT INTO kept.tag SELECT 1, (SELECT name FROM kept.person WHERE id = g) FROM generate_series(1, 9) g WHERE EXISTS (SELECT FROM kept.person)',
	'INSERT INTO kept.tag SELECT 1, s.n FROM generate_series(1, 9) g CROSS JOIN LATERAL (SELECT (SELECT name FROM kept.person WHERE id = g) n WHERE EXISTS (SELECT FROM kept.tag)) s', 'INSERT INTO kept.tag SELECT 1, ''x'' WHERE EXISTS (SELECT FROM kept.person) GROUP BY GROUPING SETS ((), ())',
	'MERGE INTO kept.tag t USING (SELECT 90 AS i WHERE NOT EXISTS (SELECT FROM kept.tag WHERE id = 90)) s ON t.id = s.i WHEN NOT MATCHED THEN INSERT (person_id, tag, id) VALUES (1, ''x'', s.i)']) s;

PREPARE kept_p AS SELECT * FROM kept.person;
-- in which ways rows are copied: of the owner, an analyst, a superuser; and of the
-- latter where row_security = off is honoured
CREATE FUNCTION pg_temp.copy(actor text, statement text, rs text DEFAULT 'on') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.outcome(actor, 'kept_mail', format('SET LOCAL row_security = %s; %s', rs, CASE WHEN statement ~ '^WITH .* SELECT ''copied''' THEN statement ELSE statement || '; SELECT ''copied''' END)) $$;
CREATE FUNCTION pg_temp.copies(statement text, OUT statement text, OUT owner text, OUT analyst text, OUT super text, OUT off text) LANGUAGE sql AS $$
	SELECT $1, pg_temp.copy('kept_owner', $1), pg_temp.copy('kept_analyst', $1), pg_temp.copy('kept_super', $1), pg_temp.copy('kept_super', $1, 'off') $$;
-- something new
SELECT c.* FROM unnest(ARRAY[
	'CREATE TABLE kept.x AS SELECT * FROM kept.person', 'CREATE UNLOGGED TABLE kept.x AS SELECT name FROM kept.person', 'SELECT name INTO kept.x FROM kept.person', 'CREATE TABLE kept.x AS SELECT count(*) FROM kept.person',
	'CREATE TABLE kept.x AS SELECT * FROM kept.v', 'CREATE TABLE kept.x AS SELECT * FROM kept.inlined()', 'CREATE TABLE kept.x AS SELECT * FROM kept.called()', 'CREATE TABLE kept.x AS SELECT (SELECT name FROM kept.person WHERE id = 1) FROM kept.plain',
	'CREATE TABLE kept.x AS SELECT * FROM kept.plain', 'CREATE TABLE kept.x AS SELECT * FROM kept.person WITH NO DATA', 'CREATE TABLE kept.x AS EXECUTE kept_p',
	'CREATE TEMP TABLE x AS SELECT * FROM kept.person', 'CREATE TABLE pg_temp.x AS SELECT * FROM kept.person', 'SELECT * INTO TEMP x FROM kept.person', 'CREATE MATERIALIZED VIEW kept.x AS SELECT * FROM kept.person',
	'CREATE MATERIALIZED VIEW kept.x AS SELECT * FROM kept.called()', 'CREATE MATERIALIZED VIEW kept.x AS SELECT * FROM kept.person WITH NO DATA', 'REFRESH MATERIALIZED VIEW kept.later', 'EXPLAIN ANALYZE CREATE TABLE kept.x AS SELECT * FROM kept.person', 'EXPLAIN (ANALYZE off, ANALYZE) CREATE MATERIALIZED VIEW kept.x AS SELECT * FROM kept.person',
	'EXPLAIN CREATE TABLE kept.x AS SELECT * FROM kept.person', 'EXPLAIN ANALYZE CREATE TEMP TABLE x AS SELECT * FROM kept.person',
	'COPY kept.person TO ''/dev/null''', 'COPY (SELECT name FROM kept.person) TO ''/dev/null''', 'COPY (SELECT * FROM kept.called()) TO ''/dev/null''', 'COPY kept.person TO PROGRAM ''cat > /dev/null''', 'COPY kept.plain TO ''/dev/null''']) s, pg_temp.copies(s) c;
-- into something that is there
SELECT c.* FROM unnest(ARRAY[
	'INSERT INTO kept.plain SELECT * FROM kept.person', 'INSERT INTO kept.staged SELECT * FROM kept.person', 'INSERT INTO kept.parted SELECT * FROM kept.person', 'INSERT INTO kept.part SELECT * FROM kept.v', 'INSERT INTO kept.into_plain SELECT * FROM kept.person',
	'INSERT INTO kept.plain SELECT * FROM kept.inlined()', 'INSERT INTO kept.plain SELECT max(id), max(name) FROM kept.person', 'INSERT INTO kept.plain VALUES (1, (SELECT name FROM kept.person WHERE id = 1))',
	'WITH d AS (DELETE FROM kept.tag RETURNING *) INSERT INTO kept.plain SELECT person_id, tag FROM d', 'WITH i AS (INSERT INTO kept.plain SELECT * FROM kept.person RETURNING id) SELECT ''copied''', 'WITH i AS (INSERT INTO kept.plain SELECT 1 RETURNING id) SELECT ''copied'' FROM i, kept.person WHERE person.id = 1',
	'UPDATE kept.plain SET name = p.name FROM kept.person p', 'UPDATE kept.plain SET name = (SELECT min(name) FROM kept.person)', 'UPDATE kept.plain SET id = 1', 'DELETE FROM kept.plain USING kept.person p WHERE p.id = plain.id',
	'MERGE INTO kept.plain USING kept.person p ON p.id = plain.id WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.name)', 'MERGE INTO kept.plain USING kept.person p ON p.id = plain.id WHEN MATCHED THEN DELETE', 'INSERT INTO kept.plain VALUES (1, ''x'') ON CONFLICT DO NOTHING',
	'INSERT INTO scratch SELECT * FROM kept.person', 'UPDATE scratch SET name = p.name FROM kept.person p']) s, pg_temp.copies(s) c;
-- through a view, for a trigger INSTEAD OF it, whose statements are looked at for themselves
CREATE VIEW kept.seen AS SELECT id, name FROM kept.person;
CREATE FUNCTION kept.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE kept.person SET name = NEW.name WHERE id = NEW.id; RETURN NEW; END $$;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE ON kept.seen FOR EACH ROW EXECUTE FUNCTION kept.instead();
GRANT ALL ON kept.seen TO PUBLIC;
SELECT c.* FROM unnest(ARRAY['UPDATE kept.seen SET name = name || ''!'' WHERE id = 1', 'UPDATE kept.seen SET name = p.name FROM kept.person p', 'UPDATE kept.seen SET name = (SELECT min(name) FROM kept.person)', 'INSERT INTO kept.seen SELECT * FROM kept.person']) s, pg_temp.copies(s) c;
-- into what is protected: with the key of the subjects who are read
SELECT c.* FROM unnest(ARRAY[
	'INSERT INTO kept.tag SELECT id, name FROM kept.person', 'INSERT INTO kept.tag SELECT id, name FROM kept.v', 'INSERT INTO kept.small SELECT id, name FROM kept.person', 'INSERT INTO kept.tag SELECT p.id, a.name FROM kept.person p JOIN kept.tag t ON t.person_id = p.id JOIN kept.orders a (id, name) ON true',
	'WITH c AS (SELECT id, name FROM kept.person) INSERT INTO kept.tag SELECT id, name FROM c', 'INSERT INTO kept.tag SELECT id, name FROM kept.person UNION ALL SELECT person_id, tag FROM kept.tag', 'INSERT INTO kept.line SELECT id, ''x'' FROM kept.orders',
	'INSERT INTO kept.tag SELECT 1, name FROM kept.person', 'INSERT INTO kept.tag SELECT id + 0, name FROM kept.person', 'INSERT INTO kept.tag SELECT 6 - id, name FROM kept.person', 'INSERT INTO kept.tag SELECT id, name FROM kept.account', 'INSERT INTO kept.tag SELECT p.id, a.name FROM kept.person p JOIN kept.account a ON a.id = p.id',
	'INSERT INTO kept.tag SELECT id, name FROM kept.person UNION ALL SELECT 1, tag FROM kept.tag', 'INSERT INTO kept.tag SELECT 1, x.name FROM (SELECT name, count(*) FROM kept.person GROUP BY name) x', 'INSERT INTO kept.shown SELECT p.id, q.name FROM kept.person q LEFT JOIN kept.person p ON p.id = q.id + 1',
	'INSERT INTO kept.shown SELECT id, name FROM kept.person', 'INSERT INTO kept.shown SELECT NULL, name FROM kept.person', 'UPDATE kept.tag SET tag = p.name FROM kept.person p', 'UPDATE kept.tag SET tag = a.name FROM kept.account a',
	'MERGE INTO kept.tag t USING kept.person p ON t.person_id = p.id WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.name)', 'MERGE INTO kept.tag t USING kept.person p ON t.person_id = p.id WHEN NOT MATCHED THEN INSERT VALUES (1, p.name)',
	'INSERT INTO kept.tag VALUES (1, ''mine'')', 'INSERT INTO kept.tag VALUES (1, (SELECT name FROM kept.person WHERE id = 2))', 'INSERT INTO kept.tag SELECT 1, name FROM kept.plain']) s, pg_temp.copies(s) c;
-- temporary copies are a setting of the superuser's
SELECT pg_temp.outcome('kept_analyst', 'kept_mail', 'SET privseg.allow_temporary_copies = off; SELECT 1') AS may_set;
SET privseg.allow_temporary_copies = off;
SELECT c.* FROM unnest(ARRAY['CREATE TEMP TABLE x AS SELECT * FROM kept.person', 'SELECT * INTO TEMP x FROM kept.person', 'INSERT INTO scratch SELECT * FROM kept.person', 'INSERT INTO scratch SELECT * FROM kept.plain']) s, pg_temp.copies(s) c;
RESET privseg.allow_temporary_copies;
-- a temporary copy is as long as what was permitted
SET ROLE kept_analyst;
SET privseg.purpose = 'kept_mail';
CREATE TEMP TABLE copied AS SELECT id FROM kept.person;
SELECT count(*) FROM copied;
-- a plan that was made before its target was protected, and a prepared one, ask when they run
RESET privseg.purpose;
SET ROLE kept_super;
SET plan_cache_mode = force_generic_plan;
PREPARE kept_i AS INSERT INTO kept.plain SELECT * FROM kept.person;
BEGIN;
SET LOCAL row_security = off;
EXECUTE kept_i;
SELECT count(*) FROM kept.plain;
ROLLBACK;
SET privseg.purpose = 'kept_mail';
EXECUTE kept_i;
SELECT count(*) FROM kept.plain;
-- what the refusal says
SELECT code, message, detail, hint FROM unnest(ARRAY['CREATE TABLE kept.x AS SELECT * FROM kept.person', 'INSERT INTO kept.plain SELECT * FROM kept.person', 'INSERT INTO kept.tag SELECT 1, name FROM kept.person', 'COPY kept.person TO ''/dev/null''', 'UPDATE kept.tag SET tag = a.name FROM kept.account a']) s, pg_temp.refusal(s);
RESET privseg.purpose;
RESET ROLE;

DROP SCHEMA kept CASCADE;
DROP OWNED BY kept_owner, kept_analyst, kept_super;
DROP ROLE kept_owner, kept_analyst, kept_super;
