-- What attackers found open in uses of columns and in groups: each line must hold. A value that is told
-- has "known" in it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = notice;
\pset format unaligned

CREATE SCHEMA attacks;
CREATE ROLE attacks_none;
CREATE ROLE attacks_masked;
CREATE ROLE attacks_filter;
CREATE ROLE attacks_counter;
CREATE ROLE attacks_money;
GRANT USAGE, CREATE ON SCHEMA attacks TO PUBLIC;
CREATE TABLE attacks.person (id bigint PRIMARY KEY, email text, income numeric, town text, born date);
INSERT INTO attacks.person SELECT i, 'known' || i, i * 100, 'town' || i % 2, '2000-01-01'::date + i FROM generate_series(1, 40) i;
CREATE TABLE attacks.purchase (id int PRIMARY KEY, person bigint REFERENCES attacks.person, amount numeric);
CREATE INDEX ON attacks.purchase (person);
INSERT INTO attacks.purchase SELECT i, 1 + i % 40, i FROM generate_series(1, 120) i;
CREATE TABLE attacks.town (name text PRIMARY KEY, size int);
INSERT INTO attacks.town VALUES ('town0', 5), ('town1', 6);
GRANT ALL ON attacks.person, attacks.purchase TO attacks_none, attacks_masked, attacks_filter, attacks_counter, attacks_money;
GRANT SELECT ON attacks.town TO PUBLIC;
SET client_min_messages = warning;
SELECT privseg.create_purpose('attacks_care', 'contract'), privseg.create_data_category('attacks.contact'), privseg.create_data_category('attacks.money');
SELECT privseg.protect('attacks.person', 'id'), privseg.protect('attacks.purchase', 'person', 'attacks.person'), privseg.classify('attacks.person', 'email', 'attacks.contact', 'left(value, 1) || ''***'''), privseg.classify('attacks.person', 'income', 'attacks.money'), privseg.classify('attacks.purchase', 'amount', 'attacks.money');
SELECT privseg.grant_clearance(r, 'attacks_care') FROM unnest('{attacks_none,attacks_masked,attacks_filter,attacks_money}'::regrole[]) r;
SELECT privseg.grant_clearance('attacks_masked', 'attacks_care', c, '{mask}'), privseg.grant_clearance('attacks_filter', 'attacks_care', c, '{filter}'), privseg.grant_clearance('attacks_money', 'attacks_care', c, '{aggregate}'), privseg.grant_clearance('attacks_counter', 'attacks_care', c, '{aggregate}') FROM unnest('{attacks.contact,attacks.money}'::text[]) c;
SELECT privseg.grant_clearance('attacks_counter', 'attacks_care', NULL, '{aggregate}');
SET client_min_messages = notice;
SET privseg.purpose = 'attacks_care';
CREATE FUNCTION attacks.tell(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.001 AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$;
CREATE FUNCTION attacks.same(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$;
CREATE OPERATOR attacks.= (LEFTARG = text, RIGHTARG = text, FUNCTION = attacks.same);
CREATE OPERATOR attacks.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = attacks.same);

SET ROLE attacks_none;
CREATE VIEW attacks.own AS SELECT id, email, income, town FROM attacks.person;
CREATE FUNCTION attacks.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', OLD; RETURN OLD; END $$;
CREATE VIEW attacks.instead_of AS SELECT id, email FROM attacks.person;
CREATE TRIGGER instead INSTEAD OF DELETE ON attacks.instead_of FOR EACH ROW EXECUTE FUNCTION attacks.instead();
CREATE VIEW attacks.barrier WITH (security_barrier) AS SELECT id, town FROM attacks.person WHERE attacks.tell(email);
CREATE VIEW attacks.checked AS SELECT id, town FROM attacks.person WHERE attacks.tell(email) WITH CHECK OPTION;
CREATE VIEW attacks.defaulted AS SELECT * FROM attacks.person;
ALTER VIEW attacks.defaulted ALTER email SET DEFAULT 'evil', ALTER income SET DEFAULT 4242;
CREATE TABLE attacks.mine (id int);
INSERT INTO attacks.mine VALUES (1);
ALTER TABLE attacks.mine ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON attacks.mine USING ((SELECT attacks.tell(o.email) FROM attacks.own o WHERE o.id = 5));
GRANT ALL ON attacks.own, attacks.instead_of, attacks.barrier, attacks.checked, attacks.defaulted, attacks.mine TO attacks_masked;
-- several columns by a subselect; triggers and conditions of views; defaults of views; policies that read
SELECT statement, code, message FROM unnest(ARRAY['UPDATE attacks.person c SET (town, born) = (SELECT c.email, c.born) WHERE id = 5', 'UPDATE attacks.person c SET (town, born) = (SELECT ''x'', born FROM attacks.person d WHERE d.email = ''known5'') WHERE id = 5',
	'INSERT INTO attacks.person (id, town) VALUES (5, ''x'') ON CONFLICT (id) DO UPDATE SET (town, born) = (SELECT attacks.person.email, attacks.person.born)', 'MERGE INTO attacks.person c USING (SELECT 5 AS i) v ON c.id = i WHEN MATCHED THEN UPDATE SET (town, born) = (SELECT c.email, c.born)',
	'DELETE FROM attacks.instead_of WHERE id = 5', 'UPDATE attacks.barrier SET town = town WHERE id = 5', 'DELETE FROM attacks.barrier WHERE id = 5', 'UPDATE attacks.checked SET town = town WHERE id = 5', 'INSERT INTO attacks.checked (id, town) VALUES (5, ''x'') ON CONFLICT (id) DO UPDATE SET town = ''x''',
	'INSERT INTO attacks.defaulted (id, town) VALUES (7001, ''x'')', 'SELECT * FROM attacks.mine', 'DELETE FROM attacks.mine']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- the policy's own calls, written by a user: what they are made with is used like anything else
SELECT statement, code, message FROM unnest(ARRAY['SELECT count(*) FROM attacks.person WHERE privseg.row_permitted(CASE WHEN attacks.tell(email) THEN id END, ''attacks.person'', 0)', 'SELECT count(*) FROM attacks.person WHERE privseg.row_permitted(length(email), ''attacks.person'', 0)',
	'SELECT count(*) FROM attacks.person WHERE privseg.row_writable(CASE WHEN attacks.tell(email) THEN id END, ''attacks.person'', 0)', 'SELECT count(*) FROM attacks.person WHERE privseg.row_explicit(CASE WHEN attacks.tell(email) THEN id END, ''attacks.person'')',
	'DELETE FROM attacks.barrier WHERE privseg.row_permitted(CASE WHEN attacks.tell(town) THEN id END, ''attacks.person'', 0)', 'SELECT count(*) FROM attacks.person WHERE privseg.row_permitted(id, ''attacks.person'', 0)']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE; SET ROLE attacks_masked;
SELECT statement, pg_temp.outcome(statement) FROM unnest(ARRAY['DELETE FROM attacks.instead_of WHERE id = 5 RETURNING 1', 'UPDATE attacks.person c SET (town, born) = (SELECT c.email, c.born) WHERE id = 5 RETURNING town', 'SELECT id FROM attacks.person WHERE id = 5 AND ''known5'' IN (SELECT email FROM attacks.person ORDER BY email)',
	'SELECT 1 WHERE (SELECT income FROM attacks.person WHERE id = 5 ORDER BY income) = 500', 'SELECT s.id FROM (SELECT id, email || '''' AS z FROM attacks.person ORDER BY email || '''') s WHERE s.z LIKE ''known5%''', 'SELECT count(*) FROM ((SELECT email AS z FROM attacks.person ORDER BY 1) UNION SELECT ''x'') s',
	'SELECT c.id FROM attacks.person c, LATERAL (SELECT c.income AS z ORDER BY 1) l WHERE l.z > 3900', 'SELECT date_part((SELECT email FROM attacks.person WHERE id = 5 ORDER BY email LIMIT 1), now())']) WITH ORDINALITY s (statement, n) ORDER BY n;
RESET ROLE; SET ROLE attacks_filter;
-- who may compare is told nothing
SET search_path = attacks, pg_catalog, public;
SELECT id FROM attacks.person WHERE id = 5 AND (CASE email WHEN 'x' THEN 1 ELSE 2 END) = 2;
SELECT 1 WHERE 'x'::text IN (SELECT email FROM attacks.person WHERE id = 6);
RESET search_path;
SELECT statement, code, message FROM unnest(ARRAY['SELECT 1 WHERE ''x''::text OPERATOR(attacks.===) ANY (SELECT email FROM attacks.person WHERE id = 6)',
	'SELECT 1 FROM attacks.person WHERE id = 5 AND attacks.tell(email)', 'SELECT 1 FROM attacks.person WHERE id = 5 AND date_part(email, now()) > 1', 'SELECT 1 FROM attacks.person WHERE id = 5 AND date_trunc(email, now()) > now()', 'SELECT 1 FROM attacks.person WHERE id = 5 AND (now() AT TIME ZONE email) > now()',
	'SELECT 1 FROM attacks.person WHERE id = 5 AND (''[1]''::jsonb #- ARRAY[email]) IS NULL', 'SELECT 1 FROM attacks.person WHERE id = 5 AND (income * 1e320)::float8 > 1', 'SELECT 1 FROM attacks.person WHERE id = 5 AND regexp_like(''a'', ''a'', email)', 'SELECT 1 FROM attacks.person WHERE id = 5 AND privseg.permitted(''attacks.person'', 1::bigint, email)',
	'SELECT 1 FROM attacks.person WHERE id = 5 AND privseg.unchanged(''a''::text, ''b'', ''c'', email) IS NULL', 'SELECT 1 FROM attacks.person WHERE id = 5 AND email::int > 1', 'SELECT 1 FROM attacks.person WHERE id = 5 AND date_part(''year'', born) > 1 AND email ~ ''5$''']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- core's functions and operators that look for a cast of the type's owner, or for what compares it
CREATE TYPE attacks.box AS (e text, i numeric);
CREATE TYPE attacks.two AS ENUM ('less', 'more');
CREATE FUNCTION attacks.spill(attacks.box) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN 'x'; END $$;
CREATE FUNCTION attacks.spill(attacks.two) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN 'x'; END $$;
CREATE FUNCTION attacks.spill_json(attacks.two) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN '1'; END $$;
CREATE CAST (attacks.box AS text) WITH FUNCTION attacks.spill(attacks.box);
CREATE CAST (attacks.two AS text) WITH FUNCTION attacks.spill(attacks.two);
CREATE CAST (attacks.two AS json) WITH FUNCTION attacks.spill_json(attacks.two);
SELECT statement, code, message FROM unnest(ARRAY['SELECT 1 FROM attacks.person WHERE id = 5 AND ('''' || row(email, income)::attacks.box) IS NOT NULL', 'SELECT 1 FROM attacks.person WHERE id = 5 AND (row(email, income)::attacks.box || '''') IS NOT NULL', 'SELECT 1 FROM attacks.person WHERE id = 5 AND ('''' || CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END) IS NOT NULL',
	'SELECT 1 FROM attacks.person WHERE id = 5 AND ('''' || CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END) IS DISTINCT FROM ''x''', 'SELECT 1 FROM attacks.person WHERE id = 5 AND quote_literal(CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END) IS NOT NULL', 'SELECT 1 FROM attacks.person WHERE id = 5 AND to_json(ARRAY[CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END]) IS NOT NULL',
	'SELECT 1 FROM attacks.person WHERE id = 5 AND to_jsonb(row(CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END)) IS NOT NULL', 'SELECT 1 FROM (SELECT json_agg(CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END) OVER () AS z FROM attacks.person WHERE id = 5) s WHERE z IS NOT NULL',
	'SELECT 1 FROM attacks.person WHERE id = 5 AND CASE WHEN income > 9 THEN ''more''::attacks.two ELSE ''less'' END = ''more''', 'SELECT 1 FROM attacks.person WHERE id = 5 AND row(email, income)::attacks.box = row(''x'', 5)::attacks.box', 'SELECT 1 FROM attacks.person WHERE id = 5 AND to_json(row(email, income))::text > '''' AND (email, income) < (''zz'', 5) AND '''' || income > ''''']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE; SET ROLE attacks_money;
-- of one person, by what is computed for each; by weights; by overflow
CREATE TEMP TABLE weight AS SELECT i AS id, CASE WHEN i = 5 THEN 1 ELSE 0 END AS w FROM generate_series(1, 40) i;
SELECT statement, pg_temp.outcome(statement) FROM unnest(ARRAY['SELECT array_agg(id || '':'' || s) FROM (SELECT id, sum(income) AS s FROM attacks.person GROUP BY id) x', 'SELECT count(*) FROM (SELECT person, sum(amount) AS s FROM attacks.purchase GROUP BY person) x WHERE s > 100', 'SELECT count(*) FROM (SELECT person FROM attacks.purchase GROUP BY person HAVING sum(amount) > 100) x',
	'SELECT sum(c.income * w.w) FROM attacks.person c JOIN weight w ON w.id = c.id', 'SELECT sum(c.income * w.w) FROM attacks.person c JOIN (VALUES (5, 1), (6, 0)) w (id, w) ON w.id = c.id', 'SELECT sum(c.income * v.x) FROM attacks.person c, (VALUES (8e131067::numeric)) v (x)', 'SELECT sum(c.income * v.x) FROM attacks.person c, (SELECT 8e131067::numeric AS x FROM attacks.town LIMIT 1) v (x)',
	'SELECT t.size, sum(c.income) FROM attacks.person c JOIN attacks.town t ON t.name = c.town GROUP BY t.size ORDER BY 1 LIMIT 1']) WITH ORDINALITY s (statement, n) ORDER BY n;
RESET ROLE; SET ROLE attacks_counter;
SELECT statement, code, detail FROM unnest(ARRAY['SELECT * FROM (SELECT town, count(*) AS n FROM attacks.person WHERE id = 5 GROUP BY town) x WHERE attacks.tell(x.town)', 'WITH x AS (SELECT town, count(*) AS n FROM attacks.person WHERE id = 5 GROUP BY town) SELECT * FROM x WHERE attacks.tell(x.town)',
	'SELECT count(*) FROM attacks.person c, LATERAL (SELECT attacks.tell(c.town) AS y OFFSET 0) x WHERE c.id = 5', 'SELECT count(*) FROM attacks.person c WHERE c.id = 5 AND (SELECT attacks.tell(c.town))', 'SELECT count(*) FROM attacks.person c WHERE c.id = 5 AND (SELECT c.town::int) > 0', 'SELECT count(*) FROM attacks.person c WHERE c.id = 5 AND EXISTS (SELECT 1 / (c.id - 5))',
	'SELECT count(*) FROM attacks.person WHERE id = 5 AND CASE WHEN town = ''town1'' THEN 1 / (current_date - current_date) ELSE 1 END > 0', 'SELECT count(*) FROM attacks.person WHERE CASE WHEN town = ''town1'' THEN extract(''foo'' FROM born) ELSE 1 END > 0',
	'SELECT count(*) FROM attacks.person WHERE id BETWEEN 1 AND 10 AND (id <> 5 OR town = ''town1'')', 'SELECT count(*) FILTER (WHERE id <> 5 OR town = ''town1'') FROM attacks.person', 'SELECT count(*) FROM attacks.person c JOIN generate_series(0, 3000) t (x) ON c.id = 5 OR t.x = 0', 'SELECT count(*) FROM (SELECT id FROM attacks.person WHERE id = 5 FOR UPDATE) x',
	'SELECT count(*) FROM attacks.person c WHERE (SELECT count(*) FROM attacks.purchase o WHERE o.person = c.id) > 2']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT count(*) FROM attacks.person WHERE id IN (SELECT person FROM attacks.purchase GROUP BY person HAVING count(*) > 2);
SELECT town, sum(n) FROM (SELECT c.id, c.town, count(*) AS n FROM attacks.purchase o JOIN attacks.person c ON c.id = o.person GROUP BY c.id) x GROUP BY town ORDER BY town;
-- times and texts by their parts, for constants that no row can make an error of; a date has no hour
SELECT statement, code, detail FROM unnest(ARRAY['to_char(born, ''YYYY-MM'')', 'to_char(born::timestamp, ''IYYY/IW HH24:MI:SS Q'')', 'extract(dow FROM born)', 'extract(year FROM born)::int', 'date_part(''day'', age(date ''2026-01-01'', born))', 'date_trunc(''hour'', born::timestamp)', 'extract(hour FROM born::timestamp)', 'substring(town, 1, 4)', 'substr(town, 5)', 'extract(DOW FROM born)',
	'to_char(born, ''TMMonth'')', 'to_char(born, NULL)', 'to_char(born, town)', 'to_char(id, ''9'')', 'extract(hour FROM born)', 'date_trunc(''dow'', born)', 'extract(epoch FROM age(born))', 'substring(town, 1, -1)', 'substring(town, 1, NULL)', 'substring(town, ''(o'')', 'substring(town, id::int)', 'income::int', 'extract(year FROM born)::smallint', 'substring(town::bytea, 1, 2)'])
	WITH ORDINALITY s (expression, n), LATERAL (SELECT 'SELECT count(*) FROM attacks.person GROUP BY ' || expression AS statement) t, LATERAL pg_temp.refusal(statement) ORDER BY n;
SELECT date_trunc('year', born)::date, count(*) FROM attacks.person WHERE born > '2000-01-01'::date - 365 GROUP BY 1;
-- the same again is none that was refused, nor one that the role changes
SELECT size, sum(born - '2000-01-01') FROM (SELECT t.size, c.born FROM attacks.person c JOIN attacks.town t ON c.id <> t.size - 5) x GROUP BY size;
SELECT size, sum(born - '2000-01-01') FROM (SELECT t.size, c.born FROM attacks.person c JOIN attacks.town t ON c.id <> t.size - 5) x GROUP BY size;
CREATE TABLE attacks.switch (id bigint);
SELECT count(*) FROM attacks.person WHERE id < 21 AND id NOT IN (SELECT id FROM attacks.switch);
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA attacks CASCADE;
DROP OWNED BY attacks_none, attacks_masked, attacks_filter, attacks_counter, attacks_money;
DROP ROLE attacks_none, attacks_masked, attacks_filter, attacks_counter, attacks_money;
