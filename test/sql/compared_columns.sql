-- What a column that is set is compared with: stored values of classified columns, asked for by checks,
-- unique indexes and partitions when somebody changes another column of their row.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
CREATE SCHEMA compared;
CREATE ROLE compared_owner;
CREATE ROLE compared_none;
CREATE ROLE compared_mask;
CREATE ROLE compared_write;
CREATE ROLE compared_filter;
GRANT USAGE ON SCHEMA compared TO PUBLIC;
GRANT CREATE ON SCHEMA compared TO compared_owner;
GRANT EXECUTE ON FUNCTION pg_temp.refusal(text) TO PUBLIC;
SELECT privseg.create_purpose('compared_care', 'contract'), privseg.create_data_category('compared.money', 'sensitive');
SET ROLE compared_owner;
CREATE TABLE compared.account (id bigint PRIMARY KEY, income numeric, debt numeric, least numeric, extra numeric, tenant int, email text, town text, kept text, spare numeric GENERATED ALWAYS AS (income - extra) STORED,
	CHECK (income >= least), CHECK (town <> ''), UNIQUE (tenant, email));
CREATE TABLE compared.bonus (CHECK (town <> email)) INHERITS (compared.account);
CREATE TABLE compared.visit (person bigint, page text, at date, note text) PARTITION BY RANGE (at);
CREATE TABLE compared.visit_1 PARTITION OF compared.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE compared.visit_2 PARTITION OF compared.visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE compared.code (number int PRIMARY KEY);
CREATE TABLE compared.use (id bigint PRIMARY KEY, code int REFERENCES compared.code ON UPDATE CASCADE ON DELETE SET NULL, income numeric, CHECK (code < income));
CREATE TABLE compared.plain (id bigint PRIMARY KEY, a int, b int, c int, UNIQUE (a, b), CHECK (b < c));
INSERT INTO compared.account (id, income, debt, least, tenant, email, town, kept) SELECT i, i * 100, 0, 1, i, CASE WHEN i < 3 THEN 'same' ELSE 'e' || i END, 'town', 'k' FROM generate_series(1, 9) i;
INSERT INTO compared.visit SELECT i, 'page' || i, '2024-06-01', 'n' FROM generate_series(1, 9) i;
INSERT INTO compared.code VALUES (1), (2);
INSERT INTO compared.use VALUES (1, 1, 500);
INSERT INTO compared.plain VALUES (1, 1, 1, 2);
GRANT ALL ON ALL TABLES IN SCHEMA compared TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('compared.account', 'id'), privseg.protect('compared.visit', 'person', 'compared.account'), privseg.protect('compared.use', 'id', 'compared.account'), privseg.protect('compared.plain', 'id', 'compared.account');
SELECT count(privseg.classify(t::regclass, c, 'compared.money', m)) FROM (VALUES ('compared.account', 'income', NULL), ('compared.account', 'debt', NULL), ('compared.account', 'email', 'left(value, 1)'), ('compared.account', 'spare', NULL), ('compared.visit', 'page', NULL), ('compared.use', 'income', NULL)) v (t, c, m);
SELECT privseg.encrypt_column('compared.visit', 'note', 'compared.money', true);
SELECT privseg.grant_clearance(r, 'compared_care') FROM unnest('{compared_owner,compared_none,compared_mask,compared_write,compared_filter}'::regrole[]) r;
SELECT privseg.grant_clearance('compared_mask', 'compared_care', 'compared.money', '{mask}'), privseg.grant_clearance('compared_write', 'compared_care', 'compared.money', '{write}'), privseg.grant_clearance('compared_filter', 'compared_care', 'compared.money', '{filter}');
SET privseg.purpose = 'compared_care';

CREATE FUNCTION pg_temp.by_role(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := '';
	name text;
	t record;
BEGIN
	FOREACH name IN ARRAY '{none,mask,write,filter}'::text[] LOOP
		PERFORM set_config('role', 'compared_' || name, true);
		SELECT * INTO t FROM pg_temp.refusal(statement);
		RESET ROLE;
		result := concat_ws(', ', NULLIF(result, ''), name || ': ' || t.code);
	END LOOP;
	RETURN result;
END $$;
SET ROLE compared_none;
SELECT t.* FROM pg_temp.refusal('UPDATE compared.account SET tenant = 1 WHERE id = 2') t;
RESET ROLE;
-- a check, a unique index, a generated column, of a child, too: by whoever may filter, or writes what is compared
SELECT s, pg_temp.by_role(s) FROM unnest(ARRAY['UPDATE compared.account SET least = 501 WHERE id = 5', 'UPDATE compared.account SET extra = 1 WHERE id = 5', 'UPDATE compared.account SET tenant = 1 WHERE id = 2', 'UPDATE compared.account SET town = ''e5'' WHERE id = 5', 'UPDATE ONLY compared.account SET kept = ''x'', debt = debt WHERE id = 5',
	'UPDATE compared.account SET tenant = 70, email = ''s'' WHERE id = 2', 'UPDATE compared.account SET email = ''s'' WHERE id = 2', 'UPDATE compared.account SET tenant = 70, email = email WHERE id = 2', 'UPDATE compared.account SET tenant = tenant WHERE id = 2',
	'INSERT INTO compared.account (id, tenant) VALUES (2, 50) ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant', 'INSERT INTO compared.account (id, tenant) VALUES (2, 50) ON CONFLICT (id) DO UPDATE SET kept = ''x''',
	'MERGE INTO compared.account a USING (VALUES (2)) v (i) ON a.id = v.i WHEN MATCHED THEN UPDATE SET tenant = 50', 'WITH w AS (UPDATE compared.account SET least = 2 WHERE id = 5 RETURNING 1) SELECT count(*) FROM w', 'UPDATE compared.plain SET a = 5, c = 9']) WITH ORDINALITY s (s, n) ORDER BY n;
-- what is given back as a mask stays what it was, also where somebody may write who does not see it
SELECT privseg.grant_clearance('compared_write', 'compared_care', 'compared.money', '{mask}');
SELECT s, pg_temp.by_role(s) FROM unnest(ARRAY['UPDATE compared.account SET tenant = 70, email = left(email, 9) WHERE id = 2']) s;
SELECT privseg.revoke_clearance('compared_write', 'compared_care', 'compared.money');
SELECT privseg.grant_clearance('compared_write', 'compared_care', 'compared.money', '{write}');
-- a partition to which a row is moved, and what it alone asks for
SELECT p AS partition, r, t.code, t.message FROM unnest(ARRAY['', '(CHECK (page LIKE ''page5%''))', '(page NOT NULL)', '(UNIQUE (page))', '(note NOT NULL)', '(CHECK (person > 0))']) WITH ORDINALITY p (p, m), unnest('{compared_none,compared_filter}'::text[]) WITH ORDINALITY r (r, n),
	LATERAL pg_temp.refusal(format('SET LOCAL ROLE compared_owner; CREATE TABLE compared.visit_9 PARTITION OF compared.visit %s FOR VALUES FROM (''2050-01-01'') TO (''2051-01-01''); GRANT ALL ON compared.visit_9 TO PUBLIC; RESET ROLE; SET LOCAL ROLE %s; UPDATE compared.visit SET at = ''2050-03-03'' WHERE person = 5', p, r)) t ORDER BY m, n;
-- what all partitions ask for alike is no news
SELECT t.code FROM pg_temp.refusal('SET LOCAL row_security = off; ALTER TABLE compared.visit ADD CHECK (page <> ''''); ALTER TABLE compared.visit ALTER page SET NOT NULL; SET LOCAL row_security = on; SET LOCAL ROLE compared_none; UPDATE compared.visit SET at = ''2025-03-03'' WHERE person = 5') t;
-- a plan is kept until a partition that it does not read is asked for more
SET ROLE compared_owner;
CREATE TABLE compared.visit_9 PARTITION OF compared.visit FOR VALUES FROM ('2050-01-01') TO ('2051-01-01');
RESET ROLE;
SET ROLE compared_none;
PREPARE moves AS UPDATE compared.visit SET at = '2050-03-03' WHERE person = 500 AND at < '2025-01-01';
EXECUTE moves;
RESET ROLE;
SET ROLE compared_owner;
ALTER TABLE compared.visit_9 ADD CHECK (page LIKE 'page5%');
RESET ROLE;
SET ROLE compared_none;
SELECT code, message FROM pg_temp.refusal('EXECUTE moves');
RESET ROLE;
-- a trigger that somebody has made sets whichever column
CREATE FUNCTION compared.sets() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.tenant := 1; RETURN NEW; END';
CREATE TRIGGER sets BEFORE UPDATE ON compared.account FOR EACH ROW EXECUTE FUNCTION compared.sets();
SELECT s, pg_temp.by_role(s) FROM unnest(ARRAY['UPDATE compared.account SET kept = ''x'' WHERE id = 2']) s;
DROP TRIGGER sets ON compared.account;
-- the action of a foreign key is of whoever changes what is referred to
SELECT s, pg_temp.by_role(s) FROM unnest(ARRAY['UPDATE compared.code SET number = 600 WHERE number = 1', 'UPDATE compared.code SET number = 400 WHERE number = 1', 'DELETE FROM compared.code WHERE number = 1']) s;
SELECT t.code FROM pg_temp.refusal('SET LOCAL row_security = off; UPDATE compared.code SET number = 400 WHERE number = 1; UPDATE compared.account SET tenant = 90, least = 2') t;
-- columns without a class, where these are closed
SET privseg.unclassified = 'deny';
SET ROLE compared_write;
SELECT code, message FROM pg_temp.refusal('UPDATE compared.account SET email = ''q'' WHERE id = 2') t;
RESET ROLE;
RESET privseg.unclassified;

-- where NULLs are equal, so is the NULL of whoever leaves a column out, or writes it, by COPY, too
SET ROLE compared_owner;
CREATE TABLE compared.single (id bigint PRIMARY KEY, tenant int, email text, town text, UNIQUE NULLS NOT DISTINCT (tenant, email), UNIQUE NULLS NOT DISTINCT (town));
GRANT ALL ON compared.single TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('compared.single', 'id', 'compared.account'), privseg.classify('compared.single', 'email', 'compared.money');
SET row_security = off;
INSERT INTO compared.single VALUES (1, 1, NULL, 'a'), (2, 2, 'e', 'b');
RESET row_security;
SELECT s, pg_temp.by_role(s) FROM unnest(ARRAY['INSERT INTO compared.single (id, tenant) VALUES (3, 1)', 'INSERT INTO compared.single (id, tenant) VALUES (3, 2)', 'INSERT INTO compared.single (id, tenant, email) VALUES (3, 2, NULL)', 'INSERT INTO compared.single VALUES (3, 2, ''n'', NULL)', 'MERGE INTO compared.single s USING (VALUES (3)) v (i) ON s.id = v.i WHEN NOT MATCHED THEN INSERT (id, tenant) VALUES (v.i, 2)']) WITH ORDINALITY s (s, n) ORDER BY n;
SET ROLE compared_none;
COPY compared.single (id, tenant) FROM stdin;
3	2
\.
RESET ROLE;
BEGIN;
SET LOCAL ROLE compared_write;
COPY compared.single (id, tenant) FROM stdin;
3	2
\.
ROLLBACK;

DROP SCHEMA compared CASCADE;
DROP OWNED BY compared_owner, compared_none, compared_mask, compared_write, compared_filter;
DROP ROLE compared_owner, compared_none, compared_mask, compared_write, compared_filter;
