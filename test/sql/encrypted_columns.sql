-- Encrypted columns: every type, who opens and writes what, and what is refused.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set flipped :abs_srcdir '/lib/flipped.sql'
\i :flipped
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE encrypted_reader;
CREATE ROLE encrypted_app;
CREATE ROLE encrypted_masked;
CREATE SCHEMA encrypted;
GRANT USAGE, CREATE ON SCHEMA encrypted TO encrypted_reader, encrypted_app, encrypted_masked;
CREATE TABLE encrypted.person (id bigint PRIMARY KEY, note text NOT NULL DEFAULT 'none', name varchar(12), income numeric(10,2), points bigint,
	age integer, rank smallint, ratio double precision, born date, seen timestamptz, agrees boolean, doc jsonb, plain int);
INSERT INTO encrypted.person SELECT i, 'note ' || i, 'name' || i, i * 1.25, i * 10000000000, i, i, i / 4.0, date '2000-01-01' + i,
	timestamptz '2020-01-01 00:00+00' + i * interval '1 hour', i % 2 = 0, jsonb_build_object('n', i), i FROM generate_series(1, 300) i;
INSERT INTO encrypted.person (id, note) VALUES (301, '');
CREATE TABLE encrypted.twin AS TABLE encrypted.person;
SELECT privseg.create_purpose('encrypted_care', 'consent'), privseg.create_purpose('encrypted_news', 'consent'),
	privseg.create_data_category('encrypted'), privseg.create_data_category('encrypted.health'), privseg.create_data_category('encrypted.money'),
	privseg.create_data_category('encrypted.health.secret', 'special');
SELECT privseg.protect('encrypted.person', 'id');
SELECT COALESCE(epoch, 1) AS epoch, subject_keys, shredded FROM privseg.key_status \gset was_
SELECT privseg.grant_clearance(r::regrole, 'encrypted_care') FROM unnest('{encrypted_reader,encrypted_app,encrypted_masked}'::text[]) r;
SELECT privseg.grant_clearance('encrypted_reader', 'encrypted_care', 'encrypted', '{project,filter}'),
	privseg.grant_clearance('encrypted_app', 'encrypted_care', 'encrypted', '{project,filter,write}'),
	privseg.grant_clearance('encrypted_masked', 'encrypted_care', 'encrypted.health', '{mask}'),
	privseg.grant_clearance('encrypted_reader', 'encrypted_news');
SELECT count(privseg.record_consent('encrypted.person', i, p, 'given')) FROM generate_series(1, 250) i, unnest('{encrypted_care,encrypted_news}'::text[]) p;
GRANT ALL ON encrypted.person TO encrypted_reader, encrypted_app, encrypted_masked;
ANALYZE encrypted.person;

-- what cannot be encrypted, and why
SELECT code, message, detail, hint FROM unnest(ARRAY[
	$$privseg.encrypt_column('encrypted.twin', 'note', 'encrypted.health')$$,
	$$privseg.encrypt_column('encrypted.person', 'id', 'encrypted.health')$$,
	$$privseg.encrypt_column('encrypted.person', 'nothing', 'encrypted.health')$$,
	$$privseg.encrypt_column('encrypted.person', 'note', 'encrypted.nothing')$$,
	$$privseg.encrypt_column('encrypted.person', NULL, 'encrypted.health')$$,
	$$privseg.decrypt_column('encrypted.person', 'note')$$]) s, pg_temp.refusal('SELECT ' || s);
CREATE DOMAIN encrypted.label AS text;
CREATE TABLE encrypted.odd (id bigint PRIMARY KEY, raw bytea, list text[], label encrypted.label, at time);
SELECT privseg.protect('encrypted.odd', 'id');
SELECT code, message, detail, hint FROM unnest('{raw,list,label,at}'::name[]) c, pg_temp.refusal(format($$SELECT privseg.encrypt_column('encrypted.odd', %L, 'encrypted')$$, c));
SELECT privseg.unprotect('encrypted.odd');
DROP TABLE encrypted.odd;
CREATE VIEW encrypted.notes AS SELECT note FROM encrypted.person;
CREATE INDEX note_idx ON encrypted.person (note);
SELECT code, message, detail, hint FROM pg_temp.refusal($$SELECT privseg.encrypt_column('encrypted.person', 'note', 'encrypted.health')$$);
DROP VIEW encrypted.notes;
DROP INDEX encrypted.note_idx;

SELECT c, privseg.encrypt_column('encrypted.person', c, CASE c WHEN 'income' THEN 'encrypted.money' ELSE 'encrypted.health' END)
  FROM unnest('{note,name,income,points,age,rank,ratio,born,seen,agrees,doc}'::name[]) c;
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute WHERE attrelid = 'encrypted.person'::regclass AND attnum > 0 ORDER BY attnum;
SELECT column_name, category FROM privseg.protected_column WHERE relation = 'encrypted.person'::regclass ORDER BY 1;
SELECT code, message, detail FROM pg_temp.refusal($$SELECT privseg.encrypt_column('encrypted.person', 'note', 'encrypted.health')$$);
ANALYZE encrypted.person;
SET row_security = off;
SELECT array_agg(staattnum ORDER BY staattnum) FROM pg_statistic WHERE starelid = 'encrypted.person'::regclass;
RESET row_security;

-- the same values
CREATE FUNCTION encrypted.differing() RETURNS TABLE (id bigint) LANGUAGE sql AS $$
	SELECT t.id FROM encrypted.twin t LEFT JOIN encrypted.person p USING (id)
	 WHERE (t.note, t.name, t.income, t.points, t.age, t.rank, t.ratio, t.born, t.seen, t.agrees, t.doc) IS DISTINCT FROM
		   (p.note::text, p.name::varchar, p.income::numeric, p.points::bigint, p.age::int, p.rank::int, p.ratio::float8, p.born::date,
			p.seen::timestamptz, p.agrees::boolean, p.doc::jsonb)
$$;
GRANT SELECT ON encrypted.twin TO encrypted_reader, encrypted_app;
SET ROLE encrypted_reader;
SET privseg.purpose = 'encrypted_care';
SELECT count(*), min(id) FROM encrypted.differing();
SELECT * FROM encrypted.person WHERE id = 7;
SELECT count(*) FROM encrypted.person WHERE note = 'note 7' AND income > 8 AND age BETWEEN 7 AND 9 AND born >= '2000-01-08' AND agrees = false AND doc @> '{"n": 7}';
SELECT string_agg(note, ',' ORDER BY note) FROM encrypted.person WHERE note LIKE 'note 1_';
SELECT agrees, count(*), sum(income), avg(age), max(born::date) FROM encrypted.person GROUP BY agrees ORDER BY agrees;
SELECT DISTINCT age % 3 AS m FROM encrypted.person ORDER BY 1;
SELECT id FROM encrypted.person ORDER BY ratio DESC, note LIMIT 3;
-- joins by what is inside, in every way
SET enable_hashjoin = off; SET enable_nestloop = off;
SELECT count(*) FROM encrypted.person a JOIN encrypted.person b ON a.note OPERATOR(privseg.=) b.note;
SET enable_hashjoin = on; SET enable_mergejoin = off;
SELECT count(*) FROM encrypted.person a JOIN encrypted.person b ON a.note OPERATOR(privseg.=) b.note;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop;
-- in an array, a record, a row; through views, functions, prepared statements
SELECT ARRAY(SELECT note FROM encrypted.person WHERE id < 3 ORDER BY id), (SELECT row(note, income) FROM encrypted.person WHERE id = 3), (SELECT p FROM (SELECT note, born FROM encrypted.person WHERE id = 4) p);
SELECT row_to_json(p) FROM (SELECT id, note, income FROM encrypted.person WHERE id = 3) p;
PREPARE by_note(text) AS SELECT id FROM encrypted.person WHERE note = $1;
EXECUTE by_note('note 8');
-- without clearance for the category, and under another purpose
SET ROLE encrypted_masked;
SELECT code, message FROM pg_temp.refusal('SELECT income::text FROM encrypted.person WHERE id = 1');
SELECT id, note::text, born::date FROM encrypted.person WHERE id = 1;
SELECT count(*) FROM encrypted.person WHERE note = 'note 7';
SET ROLE encrypted_reader;
SET privseg.purpose = 'encrypted_news';
SELECT id FROM encrypted.person WHERE id = 1;
SELECT code, message, hint FROM pg_temp.refusal('SELECT note::text FROM encrypted.person WHERE id = 1');
EXECUTE by_note('note 8');
RESET privseg.purpose;
SELECT code FROM pg_temp.refusal('SELECT note::text FROM encrypted.person WHERE id = 1');
SET privseg.purpose = 'encrypted_care';

-- writing
SELECT code, message FROM pg_temp.refusal($$UPDATE encrypted.person SET note = 'x' WHERE id = 1$$);
SELECT code, message FROM pg_temp.refusal($$INSERT INTO encrypted.person (id, note) VALUES (400, 'x')$$);
UPDATE encrypted.person SET plain = -plain WHERE id = 1;
SET ROLE encrypted_app;
UPDATE encrypted.person SET note = 'changed', income = 3.0, born = '1999-12-31', doc = '[1]', agrees = NOT agrees, rank = 7 WHERE id = 1 RETURNING note, income, born, doc, agrees, rank;
INSERT INTO encrypted.person (id, name, age) VALUES (400, 'new', 5) RETURNING id, note, name, age, income;
SELECT code, message FROM pg_temp.refusal($$UPDATE encrypted.person SET name = 'much too long for it' WHERE id = 1$$);
SELECT code, message FROM pg_temp.refusal($$UPDATE encrypted.person SET rank = 40000 WHERE id = 1$$);
SELECT code, message FROM pg_temp.refusal($$UPDATE encrypted.person SET income = 1e9 WHERE id = 1$$);
SELECT code, message, detail FROM pg_temp.refusal($$UPDATE encrypted.person SET note = repeat(repeat('x', 1024), 256 * 1024) || 'x' WHERE id = 1$$);
SELECT code, message FROM pg_temp.refusal($$UPDATE encrypted.person SET note = NULL WHERE id = 1$$);
SELECT code FROM pg_temp.refusal($$UPDATE encrypted.person SET born = 'no date' WHERE id = 1$$);
UPDATE encrypted.person SET name = NULL WHERE id = 2 RETURNING name;
-- values that are frequent are not to be found by their bytes: in one row after the other, and in many of one subject
RESET ROLE;
CREATE TABLE encrypted.answer (id int PRIMARY KEY, person bigint, says text, agrees boolean);
INSERT INTO encrypted.answer SELECT i, 1 + i % 3, 'yes', true FROM generate_series(1, 600) i;
SELECT privseg.protect('encrypted.answer', 'person', 'encrypted.person'), privseg.encrypt_column('encrypted.answer', 'says', 'encrypted.health'), privseg.encrypt_column('encrypted.answer', 'agrees', 'encrypted.health');
GRANT ALL ON encrypted.answer TO encrypted_app;
SET ROLE encrypted_app;
INSERT INTO encrypted.answer SELECT i, 1, 'yes', true FROM generate_series(601, 700) i;
SELECT says, agrees, count(*) FROM encrypted.answer GROUP BY 1, 2;
RESET ROLE;
SET row_security = off;
SELECT count(*), count(DISTINCT to_json(says) #>> '{}') AS says, count(DISTINCT to_json(agrees) #>> '{}') AS agrees FROM encrypted.answer;
RESET row_security;
DROP TABLE encrypted.answer;
SET ROLE encrypted_app;
-- a value of somebody else
SELECT code, message, hint FROM pg_temp.refusal('UPDATE encrypted.person SET note = (SELECT note FROM encrypted.person WHERE id = 2) WHERE id = 3');
SELECT code FROM pg_temp.refusal('UPDATE encrypted.person SET note = name WHERE id = 3');
UPDATE encrypted.person SET note = (SELECT note::text FROM encrypted.person WHERE id = 2) WHERE id = 3 RETURNING note;
-- an upsert that conflicts with another row
RESET ROLE;
ALTER TABLE encrypted.person ADD COLUMN email text;
SET row_security = off;
UPDATE encrypted.person SET email = 'e' || id;
RESET row_security;
CREATE UNIQUE INDEX ON encrypted.person (email);
SELECT privseg.record_consent('encrypted.person', 401::bigint, 'encrypted_care', 'given') IS NOT NULL AS recorded;
SET ROLE encrypted_app;
INSERT INTO encrypted.person (id, note, email) VALUES (401, 'upserted', 'e9') ON CONFLICT (email) DO UPDATE SET note = EXCLUDED.note RETURNING id, note;
MERGE INTO encrypted.person p USING (VALUES (10, 'merged')) v (id, note) ON p.id = v.id WHEN MATCHED THEN UPDATE SET note = v.note;
SELECT note FROM encrypted.person WHERE id IN (9, 10) ORDER BY id;
COPY encrypted.person (id, note, age) FROM STDIN;
402	copied	\N
\.
SELECT code FROM pg_temp.refusal($$INSERT INTO encrypted.person (id, note) VALUES (403, 'privseg:1:AAAA')$$);
-- whoever sees the mask, and writes it back, changes nothing
SET ROLE encrypted_masked;
UPDATE encrypted.person SET name = NULL, born = NULL WHERE id = 20;
SELECT code FROM pg_temp.refusal($$UPDATE encrypted.person SET name = 'x' WHERE id = 20$$);
SET ROLE encrypted_app;
SELECT name, born FROM encrypted.person WHERE id = 20;
RESET ROLE;

-- the stored bytes: armour under row_security = off, the same after an update of something else
SET row_security = off;
CREATE TEMP TABLE before AS SELECT id, note::text IS NULL AS closed, to_json(note) #>> '{}' AS armour FROM encrypted.person WHERE id <= 5;
SELECT bool_and(closed), bool_and(armour ~ '^privseg:1:[A-Za-z0-9+/=]+$') FROM before;
UPDATE encrypted.person SET plain = 0, note = note WHERE id <= 5;
SELECT count(*) FROM before b JOIN encrypted.person p USING (id) WHERE b.armour = to_json(p.note) #>> '{}';
-- it stores back byte for byte
UPDATE encrypted.person p SET note = b.armour::privseg.encrypted_text FROM before b WHERE p.id = b.id;
SELECT count(*) FROM before b JOIN encrypted.person p USING (id) WHERE b.armour = to_json(p.note) #>> '{}';
-- not where it does not belong, nor when it was cut off or is of another type
SELECT code, message FROM pg_temp.refusal($$UPDATE encrypted.person SET note = (SELECT armour::privseg.encrypted_text FROM before WHERE id = 2) WHERE id = 1$$);
SELECT DISTINCT code, message FROM before, generate_series(0, length(armour) - 1, 7) n, pg_temp.refusal(format('SELECT %L::privseg.encrypted_text', 'privseg:1:' || substr(armour, 11, n))) WHERE id = 1 AND n < 60;
SELECT code, message FROM before, pg_temp.refusal(format('SELECT %L::privseg.encrypted_numeric', armour)) WHERE id = 1;
GRANT SELECT ON before TO encrypted_app;
RESET row_security;
SET ROLE encrypted_app;
SELECT code, message FROM before, pg_temp.refusal(format('UPDATE encrypted.person SET note = %L WHERE id = 1', armour)) WHERE id = 1;
SELECT code, message FROM before, pg_temp.refusal(format('UPDATE encrypted.person SET note = %L::text WHERE id = 1', armour)) WHERE id = 1;
RESET ROLE;
SET row_security = off;
-- every bit of a value, turned: never the plaintext, never something else
SELECT accepted > 300 AS accepted, refused > 20 AS refused FROM before, pg_temp.flip_bits(armour) WHERE id = 4;
RESET row_security;
SET ROLE encrypted_reader;
SET client_min_messages = error;
SELECT DISTINCT pg_temp.opens(bit) AS outcome FROM flipped ORDER BY 1;
SET client_min_messages = warning;
RESET ROLE;

-- what may not be made of them
SELECT code, message FROM unnest(ARRAY['CREATE INDEX ON encrypted.person (note)', 'CREATE INDEX ON encrypted.person USING hash (note)', 'ALTER TABLE encrypted.person ADD UNIQUE (note)',
	'CREATE STATISTICS encrypted.s ON note, id FROM encrypted.person', 'ALTER TABLE encrypted.person ALTER note TYPE text', 'ALTER TABLE encrypted.person ALTER note TYPE text USING ''''',
	'SELECT privseg.unprotect(''encrypted.person'')', 'SELECT privseg.classify(''encrypted.person'', ''note'', ''encrypted.money'')', 'SELECT privseg.classify(''encrypted.person'', ''note'', NULL)',
	'DROP TRIGGER "~privseg_encrypted" ON encrypted.person', 'ALTER TABLE encrypted.person DISABLE TRIGGER "~privseg_encrypted"',
	'CREATE TRIGGER "~zz" BEFORE INSERT ON encrypted.person FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'ALTER TABLE encrypted.person ADD COLUMN long text GENERATED ALWAYS AS (note || ''!'') STORED', 'SELECT privseg.decrypt_stored(note) FROM encrypted.person',
	'SELECT privseg.change_storage(''SELECT 1'')']) s, pg_temp.refusal(s);
SET row_security = off;
SELECT code FROM unnest(ARRAY['CREATE INDEX ON encrypted.person (note)', 'ALTER TABLE encrypted.person ALTER note TYPE text', 'SELECT privseg.decrypt_stored(note) FROM encrypted.person',
	'SELECT privseg.encrypt_stored(''x''::text, 1::bigint, ''encrypted.person''::regclass, 1, false)']) s, pg_temp.refusal(s);
RESET row_security;

-- the policy sticks: copies are opened by whom their subject permits
SET ROLE encrypted_app;
CREATE TEMP TABLE copy AS SELECT id, note, ARRAY[note] AS notes FROM encrypted.person;
SELECT count(*), count(note::text), count(notes[1]::text) FROM copy;
RESET ROLE;
GRANT SELECT ON copy TO encrypted_masked;
SELECT privseg.withdraw_consent('encrypted.person', 30::bigint, 'encrypted_care') IS NOT NULL AS withdrawn;
SET ROLE encrypted_app;
SELECT count(*), count(note::text), count(notes[1]::text) FROM copy;
SELECT id, note::text FROM copy WHERE id = 30;
SET privseg.purpose = 'encrypted_news';
SELECT code FROM pg_temp.refusal('SELECT note::text FROM copy');
SET privseg.purpose = 'encrypted_care';

-- shredding: every copy is closed at once, in this session, too
RESET ROLE;
PREPARE opened AS SELECT count(*), count(note::text) FROM copy;
SET ROLE encrypted_app;
SELECT count(*), count(note::text) FROM copy;
RESET ROLE;
SELECT privseg.shred_subject('encrypted.person', 40::bigint);
SET ROLE encrypted_app;
SELECT count(*), count(note::text) FROM copy;
SELECT id, note::text, born::date, plain FROM encrypted.person WHERE id = 40;
SET privseg.shredded_is_error = on;
SELECT code, message FROM pg_temp.refusal('SELECT note::text FROM encrypted.person WHERE id = 40');
-- of whom groups only are shown nothing is said
RESET ROLE;
CREATE ROLE encrypted_counter;
GRANT SELECT ON encrypted.person TO encrypted_counter;
GRANT USAGE ON SCHEMA encrypted TO encrypted_counter;
SELECT privseg.grant_clearance('encrypted_counter', 'encrypted_care', NULL, '{aggregate}'), privseg.grant_clearance('encrypted_counter', 'encrypted_care', 'encrypted', '{aggregate,filter}');
SET ROLE encrypted_counter;
SELECT count(*) FROM encrypted.person WHERE id = 40 AND note > 'a';
RESET privseg.shredded_is_error;
SELECT count(*) FROM encrypted.person WHERE id = 40 AND note > 'a';
RESET ROLE;
DROP OWNED BY encrypted_counter;
DROP ROLE encrypted_counter;
SET ROLE encrypted_app;
-- what is written later is of a new key; what it was stays closed
UPDATE encrypted.person SET note = 'again' WHERE id = 40 RETURNING note, born::date;
RESET ROLE;
SELECT epoch - :was_epoch AS epochs, subject_keys - :was_subject_keys AS subject_keys, shredded - :was_shredded AS shredded FROM privseg.key_status;

-- new epochs, new keys that are not folded yet, keys of a transaction that is rolled back
SELECT privseg.fold_keys() >= 0 AS folded;
SELECT privseg.rotate_epoch(1) > 0 AS left, privseg.rotate_epoch() AS none_left;
SELECT epoch - :was_epoch AS epochs, older_pages FROM privseg.key_status;
SELECT count(privseg.record_consent('encrypted.person', i, 'encrypted_care', 'given')) FROM generate_series(500, 540) i;
SET ROLE encrypted_app;
BEGIN;
INSERT INTO encrypted.person (id, note) VALUES (500, 'first');
SAVEPOINT s;
INSERT INTO encrypted.person (id, note) SELECT i, 'lost' FROM generate_series(501, 520) i;
SELECT count(*) FROM encrypted.person WHERE note = 'lost';
ROLLBACK TO s;
INSERT INTO encrypted.person (id, note) VALUES (501, 'second');
SELECT id, note FROM encrypted.person WHERE id >= 500 ORDER BY id;
COMMIT;
INSERT INTO encrypted.person (id, note) SELECT i, 'third' FROM generate_series(502, 520) i;
SELECT note, count(*) FROM encrypted.person WHERE id >= 500 GROUP BY note ORDER BY note;
RESET ROLE;
SELECT privseg.fold_keys() >= 0;
DISCARD ALL;
SET client_min_messages = warning;
SET ROLE encrypted_app;
SET privseg.purpose = 'encrypted_care';
SELECT note, count(*) FROM encrypted.person WHERE id >= 500 GROUP BY note ORDER BY note;
-- what workers see of a transaction that is open; stored for them, and rolled back there
BEGIN;
INSERT INTO encrypted.person (id, note) SELECT i, 'here' FROM generate_series(530, 535) i;
SAVEPOINT s;
SET LOCAL force_parallel_mode = on;
SELECT count(*) FROM encrypted.person WHERE note = 'here';
ROLLBACK TO s;
COMMIT;
\c -
SET client_min_messages = warning;
SET ROLE encrypted_app;
SET privseg.purpose = 'encrypted_care';
SELECT count(*) FROM encrypted.person WHERE note = 'here';
RESET ROLE;
RESET privseg.purpose;

\set ECHO none
\i :helper
\set ECHO all

-- values are not copied where a lower category is enough to read them, whichever way they come unopened
CREATE TABLE encrypted.letter (id bigint PRIMARY KEY, person bigint REFERENCES encrypted.person, body text, secret text, copy text);
INSERT INTO encrypted.letter SELECT i, 1 + i % 2, 'body ' || i, 'secret ' || i, 'copy ' || i FROM generate_series(1, 4) i;
SELECT privseg.create_data_category('encrypted.low'), privseg.create_data_category('encrypted.high', 'sensitive');
SELECT privseg.protect('encrypted.letter', 'person', 'encrypted.person');
SELECT c, privseg.encrypt_column('encrypted.letter', c, CASE c WHEN 'secret' THEN 'encrypted.high' ELSE 'encrypted.low' END) FROM unnest('{body,secret,copy}'::name[]) c;
GRANT ALL ON encrypted.letter TO encrypted_app, encrypted_masked;
SELECT privseg.grant_clearance('encrypted_masked', 'encrypted_care'), privseg.grant_clearance('encrypted_masked', 'encrypted_care', 'encrypted.low', '{mask,write}');
SET ROLE encrypted_app;
SET privseg.purpose = 'encrypted_care';
CREATE TEMP TABLE carried AS SELECT id, secret FROM encrypted.letter;
SELECT statement, code, message, detail FROM unnest(ARRAY['UPDATE encrypted.letter SET body = secret', 'UPDATE encrypted.letter l SET body = o.secret FROM encrypted.letter o WHERE o.id = l.id',
	'UPDATE encrypted.letter l SET body = (SELECT secret FROM encrypted.letter o WHERE o.id = l.id)', 'UPDATE encrypted.letter l SET body = c.secret FROM carried c WHERE c.id = l.id',
	'INSERT INTO encrypted.letter (id, person, body) SELECT id + 10, person, secret FROM encrypted.letter', 'INSERT INTO encrypted.letter (id, person, body) SELECT id, person, secret FROM encrypted.letter ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body',
	'INSERT INTO encrypted.letter (id, person, secret) SELECT id, person, secret FROM encrypted.letter ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.secret',
	'MERGE INTO encrypted.letter l USING encrypted.letter o ON o.id = l.id WHEN MATCHED THEN UPDATE SET body = o.secret', 'UPDATE encrypted.letter SET secret = body', 'UPDATE encrypted.letter SET body = copy',
	'UPDATE encrypted.letter SET body = body, secret = secret', 'INSERT INTO encrypted.letter (id, person, body, secret) SELECT id + 10, person, body, secret FROM encrypted.letter'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
-- nor lost where who sees the mask has a statement give them back, through whatever it reads them
SET ROLE encrypted_masked;
INSERT INTO encrypted.letter (id, person, body) VALUES (1, 2, (SELECT body FROM encrypted.letter WHERE id = 1)), (2, 1, (SELECT body FROM encrypted.letter WHERE id = 2)) ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body;
UPDATE encrypted.letter l SET body = v.b FROM encrypted.letter o CROSS JOIN LATERAL (VALUES (o.body)) v (b) WHERE o.person = l.person AND o.id = l.id;
MERGE INTO encrypted.letter l USING (VALUES (3, (SELECT body FROM encrypted.letter WHERE id = 3)), (4, NULL)) v (i, b) ON v.i = l.id AND l.id = 3 WHEN MATCHED THEN UPDATE SET body = v.b;
WITH w AS (SELECT i, b FROM (VALUES (1, (SELECT body FROM encrypted.letter WHERE id = 1)), (2, (SELECT body FROM encrypted.letter WHERE id = 2))) v (i, b) UNION ALL SELECT id, CASE WHEN id > 3 THEN body END FROM encrypted.letter WHERE id = 4)
	UPDATE encrypted.letter l SET body = w.b FROM w WHERE w.i = l.id;
SELECT v.b FROM encrypted.letter o CROSS JOIN LATERAL (VALUES (o.body), (o.body)) v (b) WHERE id = 1;
SET ROLE encrypted_app;
SELECT id, body FROM encrypted.letter ORDER BY id;
-- what EXCLUDED holds is what the statement puts there: who has typed it is not asked what he may read; what it has read is not lost
RESET ROLE;
ALTER TABLE encrypted.letter ADD label varchar, ADD low varchar;
SELECT privseg.classify('encrypted.letter', 'low', 'encrypted.low');
CREATE ROLE encrypted_writer;
GRANT USAGE ON SCHEMA encrypted TO encrypted_writer;
GRANT ALL ON encrypted.letter TO encrypted_writer;
SELECT privseg.grant_clearance('encrypted_writer', 'encrypted_care'), privseg.grant_clearance('encrypted_writer', 'encrypted_care', 'encrypted.low', '{write}');
-- a statement inside the statement, which seals many values of its own
CREATE FUNCTION encrypted.twice(given text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO encrypted.letter (id, person, body, copy) SELECT i, 1, 'inner', 'inner' FROM generate_series(100, 200) i;
	DELETE FROM encrypted.letter WHERE id >= 100;
	RETURN given || given;
END $$;
CREATE FUNCTION pg_temp.letter_after(actor text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('role', actor, true);
	EXECUTE statement;
	PERFORM set_config('role', 'encrypted_app', true);
	SELECT string_agg(concat_ws(' ', id || ':', '"' || body || '"', '"' || label || '"'), E'\n' ORDER BY id) INTO result FROM encrypted.letter WHERE id < 3;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = result;
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'ZZ000' THEN SQLERRM ELSE SQLSTATE || ' ' || SQLERRM END;
END $$;
SET privseg.purpose = 'encrypted_care';
SELECT s AS statement, role, pg_temp.letter_after(role, 'INSERT INTO encrypted.letter AS l (id, person, body) ' || s) FROM unnest(ARRAY[
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET body = excluded.body$$,
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET (body, label) = ROW (excluded.body, excluded.body)$$,
	$$VALUES (1, 2, 'new'), (2, 1, 'newer') ON CONFLICT (id) DO UPDATE SET body = (SELECT excluded.body), label = excluded.body$$,
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET body = (SELECT max(x) FROM (SELECT excluded.body UNION SELECT v FROM (VALUES (excluded.body)) v (v)) u (x))$$,
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET body = encrypted.twice(excluded.body), label = upper((excluded).body)$$,
	$$SELECT 1, 2, 'new' ON CONFLICT (id) DO UPDATE SET body = coalesce(excluded.body, 'lost')$$,
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET body = coalesce(excluded.body, l.body)$$,
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE excluded.body IS NOT NULL AND excluded.body LIKE 'n%'$$,
	$$VALUES (1, 2, 'new') ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE l.body IS DISTINCT FROM excluded.body$$,
	$$VALUES (1, 2, NULL) ON CONFLICT (id) DO UPDATE SET body = (SELECT excluded.body)$$,
	$$SELECT id, person, body FROM encrypted.letter WHERE id = 1 ON CONFLICT (id) DO UPDATE SET body = excluded.body$$,
	$$SELECT id, person, body FROM encrypted.letter WHERE id = 1 ON CONFLICT (id) DO UPDATE SET body = (SELECT excluded.body)$$,
	$$SELECT id, person, body FROM encrypted.letter WHERE id = 1 ON CONFLICT (id) DO UPDATE SET body = excluded.body WHERE excluded.body IS NULL$$,
	$$VALUES (1, 2, (SELECT body FROM encrypted.letter WHERE id = 1)) ON CONFLICT (id) DO UPDATE SET body = excluded.body, low = excluded.body$$,
	$$SELECT id, person, body FROM encrypted.letter WHERE id = 1 ON CONFLICT (id) DO UPDATE SET label = excluded.body$$]) WITH ORDINALITY s (s, n),
	unnest('{encrypted_app,encrypted_masked,encrypted_writer}'::text[]) WITH ORDINALITY r (role, k) ORDER BY n, k;
-- in partitions, by a plan that is kept, and of what triggers make of it
RESET privseg.purpose;
CREATE TABLE encrypted.mail (id bigint PRIMARY KEY, person bigint, body text, label text, code varchar(20)) PARTITION BY RANGE (id);
CREATE TABLE encrypted.mail_1 PARTITION OF encrypted.mail FOR VALUES FROM (1) TO (10);
CREATE TABLE encrypted.mail_2 (code varchar(20), label text, body text, id bigint PRIMARY KEY, person bigint);
ALTER TABLE encrypted.mail ATTACH PARTITION encrypted.mail_2 FOR VALUES FROM (10) TO (20);
INSERT INTO encrypted.mail VALUES (1, 1, 'old', 'old', 'code'), (11, 2, 'old', 'old', 'code');
SELECT privseg.protect('encrypted.mail', 'person', 'encrypted.person'), privseg.encrypt_column('encrypted.mail', 'body', 'encrypted.low'), privseg.encrypt_column('encrypted.mail', 'code', 'encrypted.low');
CREATE FUNCTION encrypted.louder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := 'typed by a trigger'; RETURN NEW; END $$;
SET row_security = off;
CREATE TRIGGER louder BEFORE INSERT ON encrypted.mail FOR EACH ROW WHEN (NEW.id = 11) EXECUTE FUNCTION encrypted.louder();
RESET row_security;
GRANT ALL ON encrypted.mail TO encrypted_app, encrypted_writer;
PREPARE send(bigint, text) AS INSERT INTO encrypted.mail AS m VALUES ($1, 1, $2), ($1 + 10, 2, $2) ON CONFLICT (id) DO UPDATE SET body = concat(excluded.body, '!'), label = excluded.body;
SET privseg.purpose = 'encrypted_care';
SET plan_cache_mode = force_generic_plan;
SET ROLE encrypted_app;
EXECUTE send(1, 'first');
SET ROLE encrypted_writer;
EXECUTE send(1, 'second');
SET ROLE encrypted_app;
SELECT id, body, label FROM encrypted.mail ORDER BY id;
RESET ROLE;
RESET plan_cache_mode;
-- what was read unopened is not typed, though it is sealed anew where it must fit
CREATE ROLE encrypted_filterer;
GRANT USAGE ON SCHEMA encrypted TO encrypted_filterer;
GRANT ALL ON encrypted.mail TO encrypted_filterer;
SELECT privseg.grant_clearance('encrypted_filterer', 'encrypted_care'), privseg.grant_clearance('encrypted_filterer', 'encrypted_care', 'encrypted.low', '{filter,write}');
SET ROLE encrypted_app;
CREATE TEMP TABLE codes AS SELECT id, person, code FROM encrypted.mail;
GRANT SELECT ON codes TO encrypted_filterer;
SET ROLE encrypted_filterer;
SELECT code, message FROM unnest('{label = excluded.code,code = excluded.code}'::text[]) s, pg_temp.refusal('INSERT INTO encrypted.mail (id, person, code) SELECT * FROM codes ON CONFLICT (id) DO UPDATE SET ' || s);
RESET ROLE;
-- where it is not opened, what is made of it is NULL; and no text is made of one that may not be copied there
SET ROLE encrypted_masked;
CREATE TEMP TABLE texts AS SELECT id, body, 'x'::varchar AS label FROM encrypted.letter WHERE id = 1;
UPDATE texts SET label = body;
SELECT label IS NULL AS is_null FROM texts;
-- so is the value itself in COPY of the table, as in COPY of a query
COPY texts TO STDOUT;
COPY texts (body) TO STDOUT (FORMAT csv, HEADER, NULL 'none');
COPY encrypted.letter (id, body, low) TO STDOUT;
COPY (SELECT id, body, low FROM encrypted.letter) TO STDOUT;
SET ROLE encrypted_app;
SELECT code, message FROM pg_temp.refusal('UPDATE encrypted.letter SET low = secret');
RESET ROLE;
RESET privseg.purpose;
DEALLOCATE send;
DROP TABLE texts, codes, carried, encrypted.letter, encrypted.mail;
DROP OWNED BY encrypted_writer, encrypted_filterer;
DROP ROLE encrypted_writer, encrypted_filterer;

-- back
SELECT code, message, hint FROM pg_temp.refusal($$SELECT privseg.decrypt_column('encrypted.person', 'note')$$);
ALTER TABLE encrypted.person ALTER note DROP NOT NULL;
SELECT c, privseg.decrypt_column('encrypted.person', c) FROM unnest('{note,name,income,points,age,rank,ratio,born,seen,agrees,doc}'::name[]) c;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'encrypted.person'::regclass AND attnum > 0 ORDER BY attnum;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'encrypted.person'::regclass ORDER BY 1;
SET row_security = off;
SELECT id, note, name, income, rank, born FROM encrypted.person WHERE id IN (1, 3, 40, 260) ORDER BY id;
RESET row_security;

DROP SCHEMA encrypted CASCADE;
DROP OWNED BY encrypted_reader, encrypted_app, encrypted_masked;
DROP ROLE encrypted_reader, encrypted_app, encrypted_masked;
