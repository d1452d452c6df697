-- Encrypted values of no subject: no table takes them but a protected one, which binds them.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE unbound_app;
CREATE SCHEMA unbound;
GRANT USAGE, CREATE ON SCHEMA unbound TO unbound_app;
CREATE TABLE unbound.person (id bigint PRIMARY KEY, note text, amount numeric, n bigint, i integer, f double precision, born date, seen timestamptz, doc jsonb, mails text[]);
INSERT INTO unbound.person SELECT i, 'note ' || i FROM generate_series(1, 20) i;
SELECT privseg.create_purpose('unbound_care', 'consent'), privseg.create_data_category('unbound');
SELECT privseg.protect('unbound.person', 'id');
SELECT count(privseg.encrypt_column('unbound.person', c::name, 'unbound')) FROM unnest('{note,amount,n,i,f,born,seen,doc}'::text[]) c;
SELECT privseg.grant_clearance('unbound_app', 'unbound_care'), privseg.grant_clearance('unbound_app', 'unbound_care', 'unbound', '{project,filter,write}');
SELECT count(privseg.record_consent('unbound.person', i, 'unbound_care', 'given')) FROM generate_series(1, 20) i;
GRANT ALL ON unbound.person TO unbound_app;
CREATE TABLE unbound.loose (id int, note privseg.encrypted_text, notes privseg.encrypted_text[]);
CREATE TABLE unbound.defaulted (id int, note privseg.encrypted_text DEFAULT 'x');
CREATE TABLE unbound.number (n numeric);
CREATE TABLE unbound.filled (id int);
INSERT INTO unbound.filled VALUES (1);
CREATE DOMAIN unbound.mail AS privseg.encrypted_text;
CREATE TABLE unbound.domained (id int, note unbound.mail);
CREATE TABLE unbound.parted (id int, note privseg.encrypted_text) PARTITION BY LIST (id);
CREATE TABLE unbound.parted_1 PARTITION OF unbound.parted DEFAULT;
CREATE VIEW unbound.looking AS SELECT * FROM unbound.loose;
CREATE TYPE unbound.pair AS (a int, e privseg.encrypted_text);
CREATE DOMAIN unbound.checked AS unbound.pair;
CREATE DOMAIN unbound.mails AS privseg.encrypted_text[];
CREATE DOMAIN unbound.defaulting AS privseg.encrypted_text DEFAULT 'x';
CREATE TABLE unbound.deep (id int, p unbound.pair, ps unbound.pair[], c unbound.checked, m unbound.mails[]);
INSERT INTO unbound.deep VALUES (1, row(1, NULL), NULL, NULL, NULL);
CREATE TABLE unbound.parent (id int PRIMARY KEY);
INSERT INTO unbound.parent VALUES (1);
CREATE TABLE unbound.kid (id int REFERENCES unbound.parent ON UPDATE CASCADE, note privseg.encrypted_text);
INSERT INTO unbound.kid VALUES (1, NULL);
CREATE FUNCTION unbound.swap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.note := ''swapped''; RETURN new; END';
CREATE TABLE unbound.swapped (id int, note privseg.encrypted_text);
CREATE TRIGGER swap BEFORE UPDATE ON unbound.kid FOR EACH ROW EXECUTE FUNCTION unbound.swap();
CREATE TRIGGER swap BEFORE INSERT ON unbound.swapped FOR EACH ROW EXECUTE FUNCTION unbound.swap();
INSERT INTO unbound.loose VALUES (1, NULL);
PREPARE literal AS SELECT 'x'::privseg.encrypted_text AS note;
CREATE MATERIALIZED VIEW unbound.later AS SELECT 'x'::privseg.encrypted_text AS note WITH NO DATA;

SELECT statement, code, message FROM unnest(ARRAY['INSERT INTO unbound.loose VALUES (2, ''x'')', 'INSERT INTO unbound.loose (notes) VALUES (ARRAY[''x'', NULL]::privseg.encrypted_text[])',
	'INSERT INTO unbound.loose SELECT 2, v FROM (VALUES (''x''), (''y'')) t (v)', 'UPDATE unbound.loose SET note = ''y''', 'INSERT INTO unbound.defaulted (id) VALUES (1)',
	'MERGE INTO unbound.loose USING (VALUES (1)) v (id) ON loose.id = v.id WHEN MATCHED THEN UPDATE SET note = ''z''',
	'MERGE INTO unbound.loose USING (VALUES (2)) v (id) ON loose.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (2, ''z'')',
	'INSERT INTO unbound.looking VALUES (2, ''x'')', 'INSERT INTO unbound.domained VALUES (2, ''x'')', 'INSERT INTO unbound.parted VALUES (2, ''x'')', 'INSERT INTO unbound.parted_1 VALUES (2, ''x'')',
	'INSERT INTO unbound.swapped (id) VALUES (1)', 'WITH w AS (INSERT INTO unbound.loose VALUES (2, ''x'') RETURNING *) SELECT 1 FROM w',
	'DO $d$ BEGIN INSERT INTO unbound.loose VALUES (2, ''x''); END $d$', 'CREATE TABLE unbound.made AS SELECT ''x''::privseg.encrypted_text', 'CREATE TABLE unbound.made AS EXECUTE literal',
	'CREATE TEMP TABLE made AS VALUES (''x''::privseg.encrypted_text), (NULL)', 'CREATE MATERIALIZED VIEW unbound.made AS SELECT ARRAY[''x'']::privseg.encrypted_text[]',
	'REFRESH MATERIALIZED VIEW unbound.later', 'ALTER TABLE unbound.filled ADD COLUMN note privseg.encrypted_text DEFAULT ''x''',
	'INSERT INTO unbound.deep (p) VALUES (''(1,x)'')', 'INSERT INTO unbound.deep (p) VALUES (row(1, ''x''))', 'INSERT INTO unbound.deep (ps) VALUES (ARRAY[row(1, ''x'')::unbound.pair])',
	'INSERT INTO unbound.deep (c) VALUES (row(1, ''x'')::unbound.pair)', 'INSERT INTO unbound.deep (m) VALUES (ARRAY[''{x}''::unbound.mails])', 'UPDATE unbound.deep SET p.e = ''x''',
	'CREATE TABLE unbound.made AS SELECT row(1, ''x''::privseg.encrypted_text)::unbound.pair', 'ALTER TABLE unbound.deep ADD COLUMN q unbound.pair DEFAULT row(1, ''x'')',
	'ALTER TABLE unbound.filled ADD COLUMN note unbound.defaulting', 'UPDATE unbound.parent SET id = 2', 'CREATE TABLE unbound.made (id int, note privseg.encrypted_text GENERATED ALWAYS AS (''x'') STORED)',
	'ALTER TABLE unbound.loose ALTER COLUMN note TYPE privseg.encrypted_text USING ''x''', 'ALTER TABLE unbound.loose ALTER COLUMN notes TYPE privseg.encrypted_text[] USING ''{x}''',
	'SET LOCAL row_security = off; ALTER TABLE unbound.person ALTER COLUMN note TYPE privseg.encrypted_text USING ''x''',
	'SET LOCAL row_security = off; ALTER TABLE unbound.person ALTER COLUMN amount TYPE privseg.encrypted_numeric USING privseg.opened(amount)',
	'SET LOCAL row_security = off; ALTER TABLE unbound.person ALTER COLUMN amount TYPE privseg.encrypted_numeric(10,2)',
	'ALTER TABLE unbound.filled ALTER COLUMN id TYPE privseg.encrypted_integer USING id::privseg.encrypted_integer',
	'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) CREATE TABLE unbound.made AS SELECT ''x''::privseg.encrypted_text']) statement, pg_temp.refusal(statement);
SELECT 'x'::privseg.encrypted_text AS made INTO unbound.made;
COPY unbound.loose (id, note) FROM stdin;
2	x
\.
COPY unbound.swapped (id) FROM stdin;
2
\.
COPY unbound.deep (p) FROM stdin;
(1,x)
\.
COPY unbound.loose (id, note) FROM stdin WHERE id > 2;
2	x
3	\N
\.
COPY unbound.defaulted (id) FROM stdin;
2
\.
SET row_security = off;
COPY unbound.loose (id, note) FROM stdin;
2	x
\.
RESET row_security;
SELECT id, note FROM unbound.loose ORDER BY id;

-- one that is a subject's goes where it is put, and its policy with it
SET ROLE unbound_app;
SET privseg.purpose = 'unbound_care';
CREATE TEMP TABLE kept (id bigint, note privseg.encrypted_text, notes privseg.encrypted_text[]);
INSERT INTO kept SELECT id, note FROM unbound.person WHERE id < 4;
UPDATE kept SET notes = ARRAY[note, NULL], note = note WHERE id = 2;
CREATE TEMP TABLE kept_too AS SELECT note, notes FROM kept;
SELECT id, note, notes[1]::text FROM kept ORDER BY id;
SELECT code, message FROM pg_temp.refusal('INSERT INTO kept SELECT id, note::text FROM unbound.person WHERE id < 4');

-- in a protected table values of all types the base type is assigned from become a subject's
INSERT INTO unbound.person VALUES (21, 'text', 1, 2.0, 3::bigint, 4, now()::timestamp, date '2020-01-01', '{"a": 1}'::json);
INSERT INTO unbound.person VALUES (22, 5, 1.5::real, 2::smallint, 3.0, 4.5, '2020-01-02 03:04+00'::timestamptz, timestamp '2020-01-01', '{}');
SELECT code, message FROM unnest(ARRAY['INSERT INTO unbound.person (id, i) VALUES (23, 3000000000)', 'INSERT INTO unbound.person (id, n) VALUES (23, ''x''::text)',
	'INSERT INTO unbound.person (id, born) VALUES (23, 5)']) s, pg_temp.refusal(s);
RESET ROLE;
SELECT privseg.record_consent('unbound.person', i, 'unbound_care', 'given') IS NOT NULL FROM generate_series(21, 22) i;
SET ROLE unbound_app;
SELECT id, note, amount, n, i, f, doc FROM unbound.person WHERE id > 20 ORDER BY id;
UPDATE unbound.person SET amount = amount + 1, n = i, f = i, seen = born WHERE id = 21 RETURNING amount, n, f;
RESET ROLE;

-- under row_security = off nothing is opened, and nothing is written of what is not
CREATE FUNCTION unbound.normal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.note := upper(new.note); RETURN new; END';
SET row_security = off;
SELECT statement, code, message FROM unnest(ARRAY['UPDATE unbound.person SET amount = amount + 1', 'UPDATE unbound.person SET note = upper(note)', 'INSERT INTO unbound.number SELECT amount FROM unbound.person', 'DELETE FROM unbound.person WHERE note = ''note 1''',
	'WITH u AS (UPDATE unbound.person SET n = i RETURNING 1) SELECT count(*) FROM u', 'UPDATE unbound.person SET note = note, amount = NULL WHERE id < 3', 'UPDATE unbound.person SET mails = ''{}''',
	'MERGE INTO unbound.person p USING (VALUES (1)) v (id) ON p.id = v.id WHEN MATCHED THEN UPDATE SET f = p.amount', 'SELECT count(note::text) FROM unbound.person',
	'UPDATE unbound.person SET id = CASE WHEN note = ANY (''{a,b}''::privseg.encrypted_text[]) THEN 900 ELSE id END', 'UPDATE unbound.person SET id = 901 WHERE (note, id) > (''a''::privseg.encrypted_text, 1)', 'INSERT INTO unbound.number SELECT max(n) FROM (SELECT DISTINCT note, 1 AS n FROM unbound.person) s',
	'INSERT INTO unbound.number SELECT count(*) FROM (SELECT note FROM unbound.person UNION SELECT note FROM unbound.person) s', 'INSERT INTO unbound.number SELECT cardinality(array_agg(note)::text[]) FROM unbound.person', 'UPDATE unbound.person SET note = GREATEST(note, note)',
	'INSERT INTO unbound.number SELECT rank() OVER (ORDER BY note) FROM unbound.person']) statement, pg_temp.refusal(statement);
CREATE TRIGGER normal BEFORE INSERT OR UPDATE ON unbound.person FOR EACH ROW EXECUTE FUNCTION unbound.normal();
SELECT statement, code, message FROM unnest(ARRAY['UPDATE unbound.person SET mails = ''{}''', 'INSERT INTO unbound.person (id, note) VALUES (30, NULL)', 'INSERT INTO unbound.person (id, note) SELECT 31, note FROM unbound.person WHERE id = 1']) statement, pg_temp.refusal(statement);
RESET row_security;
SET ROLE unbound_app;
UPDATE unbound.person SET mails = '{}' WHERE id = 1 RETURNING note;
