-- What clients see of encrypted columns: base types, in results, parameters and catalogs, whoever
-- runs the statement and however.  What expressions mean is in test/t/022_presented.pl.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
\pset format unaligned
SET jit = off;
SET client_min_messages = warning;
CREATE ROLE presented_app;
CREATE ROLE presented_masked;
CREATE ROLE presented_none;
CREATE ROLE presented_owner;
CREATE SCHEMA presented AUTHORIZATION presented_owner;
GRANT USAGE, CREATE ON SCHEMA presented TO presented_app, presented_masked, presented_none;
SET ROLE presented_owner;
CREATE TABLE presented.person (id bigint PRIMARY KEY, name text, note text, nick varchar(12), income numeric(10,2), rank smallint, born date, doc jsonb);
INSERT INTO presented.person SELECT i, 'name ' || i, 'note ' || i, 'nick ' || i, i * 1.5, i, date '2000-01-01' + i, jsonb_build_object('a', i) FROM generate_series(1, 4) i;
CREATE TABLE presented.plain (LIKE presented.person INCLUDING ALL);
GRANT ALL ON presented.person, presented.plain TO presented_app, presented_masked, presented_none;
RESET ROLE;
SELECT privseg.create_purpose('presented_care', 'contract'), privseg.create_data_category('presented');
SELECT privseg.protect('presented.person', 'id');
SELECT count(privseg.encrypt_column('presented.person', c, 'presented')) FROM unnest('{note,nick,income,rank,born,doc}'::name[]) c;
SELECT privseg.grant_clearance(r, 'presented_care') FROM unnest('{presented_app,presented_masked,presented_none,presented_owner}'::regrole[]) r;
SELECT privseg.grant_clearance('presented_app', 'presented_care', 'presented', '{project,filter,write}'), privseg.grant_clearance('presented_masked', 'presented_care', 'presented', '{mask}');
SET privseg.purpose = 'presented_care';

-- the catalogs have the types that results have, for all but who administers privseg
SELECT attname, atttypid::regtype, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'presented.person'::regclass AND attnum > 2 ORDER BY attnum;
SET ROLE presented_app;
SELECT attname, atttypid::regtype, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'presented.person'::regclass AND attnum > 2 ORDER BY attnum;
SELECT count(*) AS columns, count(*) FILTER (WHERE (p.data_type, p.udt_name, p.character_maximum_length, p.numeric_precision, p.numeric_scale) IS NOT DISTINCT FROM
	(q.data_type, q.udt_name, q.character_maximum_length, q.numeric_precision, q.numeric_scale)) AS alike
  FROM information_schema.columns p JOIN information_schema.columns q USING (table_schema, column_name) WHERE p.table_name = 'person' AND q.table_name = 'plain' AND table_schema = 'presented';
-- of a type that is gone, as core's functions have it; of a column that is
SELECT privseg.presented_type(4000000000, -1), privseg.presented_type(0, -1), privseg.presented_type('text'::regtype, NULL)::regtype, privseg.presented_type(NULL, 1);
PREPARE types AS SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'presented.person'::regclass AND attname = 'note';
EXECUTE types;
RESET ROLE;
EXECUTE types;
SET ROLE presented_app;
EXECUTE types;
DEALLOCATE types;

-- results, whichever the statement
SELECT * FROM presented.person WHERE id = 1 \gdesc
SELECT (p).note, (p).income FROM presented.person p WHERE id = 1 \gdesc
UPDATE presented.person SET note = note WHERE id = 1 RETURNING note, income, born \gdesc
BEGIN;
DECLARE reader CURSOR FOR SELECT note, income, rank FROM presented.person ORDER BY id;
FETCH 1 FROM reader \gdesc
FETCH 2 FROM reader;
MOVE BACKWARD 1 IN reader;
COMMIT;
COPY (SELECT note, income, born FROM presented.person ORDER BY id) TO STDOUT;
COPY presented.person (id, note, born) TO STDOUT;
EXPLAIN (COSTS OFF, VERBOSE) SELECT note || '!' FROM presented.person WHERE born > '2000-01-02';

-- functions and views
CREATE FUNCTION presented.notes() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT note FROM presented.person ORDER BY id; END $$;
CREATE FUNCTION presented.total(minimum numeric) RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT sum(income) FROM presented.person WHERE income > minimum $$;
CREATE FUNCTION presented.whole() RETURNS SETOF presented.person LANGUAGE sql STABLE AS $$ SELECT * FROM presented.person $$;
-- where the statement itself names no encrypted column
SELECT pg_typeof(note), pg_typeof(income) FROM presented.whole() WHERE id = 1;
SELECT (SELECT pg_typeof(note) FROM presented.person WHERE id = 1), ARRAY(SELECT pg_typeof(p.income) FROM presented.person p WHERE id < 3);
SELECT 1 WHERE EXISTS (SELECT FROM presented.person p HAVING pg_typeof(max(p.note)) = 'text'::regtype AND pg_typeof(min(p.born)) = 'date'::regtype);
WITH w AS (SELECT note AS n FROM presented.person WHERE id = 1) SELECT pg_typeof(n) FROM w;
PREPARE alone AS SELECT $1::privseg.encrypted_text = 'x';
SELECT parameter_types FROM pg_prepared_statements;
DEALLOCATE alone;
CREATE FUNCTION presented.described(who bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	one presented.person;
	its_note presented.person.note%TYPE;
	its_income numeric;
	r record;
	result text := '';
BEGIN
	SELECT * INTO one FROM presented.person WHERE id = who;
	SELECT note, income INTO its_note, its_income FROM presented.person WHERE id = who;
	its_income := its_income + (SELECT income FROM presented.person WHERE id = who);
	FOR r IN SELECT note, born + 1 AS after FROM presented.person WHERE id <= who ORDER BY id LOOP
		result := result || r.note || ' ' || r.after || ', ';
	END LOOP;
	IF (SELECT income FROM presented.person WHERE id = who) > 2 AND its_note LIKE 'note%' THEN
		result := result || 'more than 2, ';
	END IF;
	RETURN result || its_note || ' ' || its_income || ' ' || pg_typeof(r.note) || ' ' || upper(one.note);
END $$;
SELECT * FROM presented.notes() n WHERE n > 'note 2';
SELECT presented.total(2), pg_typeof(presented.total(2));
SELECT note, income + 1 FROM presented.whole() WHERE born > '2000-01-03' ORDER BY id;
SELECT presented.described(2);
DO $$ DECLARE n text; BEGIN UPDATE presented.person SET note = note || '!' WHERE id = 1 RETURNING note INTO n; RAISE WARNING '%', n; UPDATE presented.person SET note = 'note 1' WHERE id = 1; END $$;
-- variables and rows in PL/pgSQL: opened where they are used, handed on as they are
CREATE FUNCTION presented.lowered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.income > 1 AND new.note <> '' THEN
		new.note := lower(new.note);
	END IF;
	new.nick := old.nick;
	new.income := round(new.income, 1);
	RAISE WARNING '% % %', pg_typeof(new.note), length(new.note), (new).income + 1;
	RETURN new;
END $$;
CREATE FUNCTION presented.of_variables() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n presented.person.note%TYPE;
	kept presented.person.note%TYPE;
	i presented.person.income%TYPE;
	p presented.person;
BEGIN
	SELECT note, income INTO n, i FROM presented.person WHERE id = 3;
	SELECT * INTO p FROM presented.person WHERE id = 2;
	kept := p.note;
	RETURN concat_ws(' ', n, i + 1, upper(n), n = 'note 3', n || '!', pg_typeof(i), kept, pg_typeof(p.born), p.note LIKE 'note%', (p).note = 'note 2', CASE WHEN kept = p.note THEN 'kept' END);
END $$;
-- a cursor's row
BEGIN;
DECLARE cc CURSOR FOR SELECT id, note FROM presented.person WHERE id = 4 FOR UPDATE;
FETCH 1 FROM cc;
UPDATE presented.person SET note = upper(note) WHERE CURRENT OF cc RETURNING note, income;
DELETE FROM presented.person WHERE CURRENT OF cc RETURNING note;
ROLLBACK;
RESET ROLE;
CREATE TRIGGER lowered BEFORE UPDATE ON presented.person FOR EACH ROW EXECUTE FUNCTION presented.lowered();
SET ROLE presented_app;
UPDATE presented.person SET note = 'NOTE 2', income = 3.04 WHERE id = 2 RETURNING note, nick, income;
UPDATE presented.person SET income = 3.00 WHERE id = 2 RETURNING note, nick, income;
RESET ROLE;
DROP TRIGGER lowered ON presented.person;
SET ROLE presented_app;
SELECT presented.of_variables();
-- what is computed of the mask, of a column that the statement does not set, is not written
RESET ROLE;
CREATE ROLE presented_mask_and_write;
GRANT ALL ON presented.person TO presented_mask_and_write;
GRANT USAGE ON SCHEMA presented TO presented_mask_and_write;
SELECT privseg.grant_clearance('presented_mask_and_write', 'presented_care'), privseg.grant_clearance('presented_mask_and_write', 'presented_care', 'presented', '{mask,write}');
CREATE TRIGGER lowered BEFORE UPDATE ON presented.person FOR EACH ROW EXECUTE FUNCTION presented.lowered();
SET ROLE presented_mask_and_write;
UPDATE presented.person SET name = 'Two' WHERE id = 2;
RESET ROLE;
SET ROLE presented_app;
SELECT note, income, nick FROM presented.person WHERE id = 2;
RESET ROLE;
SET ROLE presented_mask_and_write;
UPDATE presented.person SET name = 'name 2', income = 3.00, nick = NULL WHERE id = 2;
RESET ROLE;
DROP TRIGGER lowered ON presented.person;
SET ROLE presented_app;
SELECT note, income, nick FROM presented.person WHERE id = 2;
UPDATE presented.person SET nick = 'nick 2' WHERE id = 2;

-- nobody's function or operator is called in place of core's
SELECT c, code, message FROM unnest(ARRAY[
	'CREATE FUNCTION presented.lower(privseg.encrypted_text) RETURNS text LANGUAGE plpgsql AS ''BEGIN RETURN privseg.opened($1); END''',
	'CREATE FUNCTION presented.lower(a int, VARIADIC b privseg.encrypted_text[]) RETURNS text LANGUAGE sql AS ''SELECT 1''',
	'CREATE FUNCTION presented.lower(presented.person.note%TYPE) RETURNS text LANGUAGE sql AS ''SELECT 1::text''',
	'CREATE PROCEDURE presented.lower(privseg.encrypted_numeric) LANGUAGE sql AS ''SELECT 1''',
	'CREATE AGGREGATE presented.longest(privseg.encrypted_text) (SFUNC = array_append, STYPE = privseg.encrypted_text[])',
	'CREATE OPERATOR presented.=== (LEFTARG = privseg.encrypted_text, RIGHTARG = privseg.encrypted_text, FUNCTION = privseg.encrypted_eq)',
	'CREATE TYPE presented.seen AS (v text); CREATE CAST (privseg.encrypted_text AS presented.seen) WITH INOUT AS IMPLICIT',
	'CREATE DOMAIN presented.own AS privseg.encrypted_text; CREATE FUNCTION presented.lower(presented.own) RETURNS text LANGUAGE sql AS ''SELECT 1::text''']) c, pg_temp.refusal(c);
CREATE FUNCTION presented.of_row(presented.person) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1.note)';
CREATE FUNCTION presented.lower(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $2';
CREATE FUNCTION pg_temp.lower(privseg.encrypted_text) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
SET search_path = presented, public;
SELECT presented.of_row(p), p.of_row, lower(p.note), lower((p).note) FROM presented.person p WHERE id = 3;
RESET search_path;
-- fields of rows, and rows that functions take and return
CREATE FUNCTION presented.round(double precision, int) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'not core''s: % %', current_user, $1; RETURN -1; END $$;
RESET ROLE;
CREATE FUNCTION presented.of_type(privseg.encrypted_text) RETURNS regtype LANGUAGE sql AS 'SELECT pg_typeof($1)';
SET ROLE presented_app;
CREATE FUNCTION presented.rounded(p presented.person) RETURNS numeric LANGUAGE sql AS 'SELECT round(p.income, 1)';
CREATE FUNCTION presented.rounded_by_number(presented.person) RETURNS numeric LANGUAGE sql AS 'SELECT round($1.income, 1)';
CREATE FUNCTION presented.rounded_in_plpgsql(p presented.person) RETURNS numeric LANGUAGE plpgsql STABLE AS 'BEGIN RETURN round((p).income, 1) + round($1.income, 1); END';
SET search_path = presented, pg_catalog;
SELECT round((p).income, 1), pg_typeof(power((p).income, 2)), round((p.*).income + 1, 1), round((SELECT (q).income FROM presented.person q WHERE q.id = p.id), 1), round(coalesce((p).income, 0), 1) FROM presented.person p WHERE id = 3;
SELECT presented.of_type('x'::privseg.encrypted_text);
SELECT presented.rounded(p), presented.rounded_by_number(p), presented.rounded_in_plpgsql(p), (p).rounded FROM presented.person p WHERE id = 3;
SELECT round((j).income, 1) FROM (SELECT p AS j FROM presented.person p WHERE id = 3) s;
RESET search_path;
SELECT (p).income FROM presented.person p ORDER BY (p).income DESC LIMIT 1;
SELECT (p).note, count(*) FROM presented.person p GROUP BY (p).note HAVING max((p).income) > 3 ORDER BY (p).note;
CREATE FUNCTION presented.all_of(minimum numeric) RETURNS SETOF presented.person LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT * FROM presented.person WHERE income > minimum ORDER BY id;
	RETURN QUERY UPDATE presented.person SET name = name WHERE id = 1 RETURNING *;
	RETURN QUERY SELECT p.id, 'listed', p.note, p.nick, p.income, p.rank, p.born, p.doc FROM presented.person p WHERE id < 3 ORDER BY p.note DESC;
	RETURN QUERY SELECT DISTINCT p.id, 'distinct', p.note || '!', p.nick, p.income, p.rank, p.born, p.doc FROM presented.person p WHERE id = 2;
	RETURN QUERY SELECT min(p.id), 'grouped', p.note, max(p.nick), sum(p.income), min(p.rank), p.born, p.doc FROM presented.person p WHERE id = 2 GROUP BY p.note, p.born, p.doc ORDER BY p.note;
END $$;
CREATE FUNCTION presented.some_of() RETURNS TABLE (note text, income numeric) LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT p.note, p.income FROM presented.person p ORDER BY id LIMIT 1; END';
CREATE FUNCTION presented.notes_as_stored() RETURNS SETOF presented.person.note%TYPE LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT p.note FROM presented.person p ORDER BY id LIMIT 1; END';
SELECT id, name, note, nick, income, rank, born FROM presented.all_of(4);
SELECT *, pg_typeof(note) FROM presented.some_of();
SELECT n, pg_typeof(n) FROM presented.notes_as_stored() n;
CREATE FUNCTION presented.table_as_stored() RETURNS TABLE (i bigint, n presented.person.nick%TYPE) LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT id, nick FROM presented.person WHERE id = 1; END';
SELECT *, pg_typeof(n) FROM presented.table_as_stored();
-- a WITH that writes stays at the top, where core runs rules, triggers and defaults of it
RESET ROLE;
CREATE TABLE presented.target (n int GENERATED ALWAYS AS IDENTITY, m int DEFAULT 5);
CREATE TABLE presented.ruled AS SELECT 1 AS n;
CREATE RULE kept AS ON DELETE TO presented.ruled DO INSTEAD NOTHING;
GRANT ALL ON presented.target, presented.ruled TO presented_app;
SET ROLE presented_app;
SELECT code, message FROM pg_temp.refusal('WITH d AS (INSERT INTO presented.target (n) VALUES (77) RETURNING *) SELECT DISTINCT s.*, d.* FROM d, (SELECT note FROM presented.person WHERE id = 1) s');
WITH d AS (INSERT INTO presented.target (m) VALUES (DEFAULT), (6) RETURNING *), c AS (SELECT note FROM presented.person WHERE id = 1) SELECT DISTINCT c.*, d.* FROM c, d ORDER BY m;
WITH d AS (DELETE FROM presented.ruled) SELECT DISTINCT s.* FROM (SELECT note FROM presented.person WHERE id = 1) s;
SELECT * FROM presented.ruled;
WITH d AS (UPDATE presented.person SET note = note || '?' WHERE id = 1 RETURNING *), e AS (SELECT * FROM d) SELECT DISTINCT e.*, (SELECT count(*) FROM d WHERE d.id IN (SELECT id FROM e)) FROM e;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
WITH d AS (DELETE FROM presented.target) SELECT DISTINCT s.* FROM (SELECT note FROM presented.person WHERE id = 2) s;
WITH RECURSIVE r AS (SELECT id, note FROM presented.person WHERE id = 1 UNION ALL SELECT p.id, p.note FROM presented.person p JOIN r ON p.id = r.id + 1) SELECT DISTINCT r.* FROM r ORDER BY id;
WITH a AS (SELECT * FROM presented.person), b AS (WITH a AS (SELECT * FROM a WHERE id > 2) SELECT * FROM a) (SELECT a.* FROM a WHERE id = 1) UNION (SELECT b.* FROM b) ORDER BY id;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
UPDATE presented.person SET note = 'note 1' WHERE id = 1;
SELECT count(*) FROM presented.target;
CREATE FUNCTION presented.writes() RETURNS SETOF presented.person LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY WITH d AS (INSERT INTO presented.target (m) VALUES (1)) SELECT DISTINCT * FROM presented.person; END';
SELECT code, message FROM pg_temp.refusal('SELECT * FROM presented.writes()');
-- what core copies
SELECT id FROM presented.person p WHERE (p).income BETWEEN 1 AND 4 AND (p).note NOT BETWEEN SYMMETRIC 'z' AND 'note 2' ORDER BY id;
-- what is handed on by a variable keeps its subject, whoever hands it on
RESET ROLE;
CREATE TABLE presented.kept (id bigint, note privseg.encrypted_text, income privseg.encrypted_numeric, plain text);
GRANT ALL ON presented.kept TO presented_app, presented_masked;
CREATE FUNCTION presented.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO presented.kept VALUES (new.id, new.note, (new).income, new.note); RETURN NULL; END $$;
CREATE TRIGGER keep AFTER UPDATE ON presented.person FOR EACH ROW EXECUTE FUNCTION presented.keep();
SET ROLE presented_masked;
UPDATE presented.person SET name = 'masked' WHERE id = 3;
SET ROLE presented_app;
UPDATE presented.person SET name = 'name 3' WHERE id = 3;
SELECT * FROM presented.kept;
RESET ROLE;
DROP TABLE presented.kept;
DROP TRIGGER keep ON presented.person;
SET ROLE presented_app;
SELECT code, message FROM pg_temp.refusal($$INSERT INTO presented.person (id, note) VALUES (1, 'x') ON CONFLICT ((coalesce(note, note))) DO NOTHING$$);
CREATE VIEW presented.rich WITH (security_invoker = true) AS SELECT id, note, income, upper(note) AS loud FROM presented.person WHERE income > 2;
SELECT * FROM presented.rich ORDER BY id;
SELECT note || '!', income * 2 FROM presented.rich WHERE note LIKE '%3';
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'presented.rich'::regclass ORDER BY attnum;
UPDATE presented.rich SET note = 'by a view' WHERE id = 2 RETURNING note;
UPDATE presented.rich SET note = 'note 2' WHERE id = 2;
SELECT pg_get_viewdef('presented.rich');

-- what is only handed on stays encrypted, and is handed on by whoever may read it
CREATE TEMP TABLE copied AS SELECT id, note, ARRAY[note, nick] AS both FROM (SELECT * FROM presented.person) x;
GRANT ALL ON copied TO presented_none;
SET ROLE presented_none;
SELECT code, message FROM pg_temp.refusal('CREATE TEMP TABLE copied_too AS SELECT id, note, ARRAY[note, nick] AS both FROM (SELECT * FROM presented.person) x');
SELECT code, message FROM pg_temp.refusal('SELECT note FROM copied');
SELECT code FROM pg_temp.refusal('SELECT id FROM presented.person WHERE note = ''x''');
SELECT code FROM pg_temp.refusal('SELECT * FROM presented.person');
SELECT code FROM pg_temp.refusal('SELECT count(*) FROM presented.person WHERE note IS NULL');
SELECT count(*) FROM presented.person;
UPDATE presented.person SET name = name, note = note WHERE id = 1 RETURNING id;
RESET ROLE;
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'pg_temp.copied'::regclass AND attnum > 1 ORDER BY attnum;

-- who sees the mask only, loads an object, and saves it whole, changes nothing
CREATE TEMP TABLE before (id bigint, stored text);
SET row_security = off;
INSERT INTO before SELECT id, to_json(p)::text FROM presented.person p;
RESET row_security;
SET ROLE presented_masked;
SELECT id, note, income, born FROM presented.person WHERE id < 3 ORDER BY id;
PREPARE saves AS UPDATE presented.person SET name = $2, note = $3, nick = $4, income = $5, rank = $6, born = $7, doc = $8 WHERE id = $1;
EXECUTE saves (1, 'name 1', NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE presented.person p SET (note, income) = (SELECT q.note, q.income FROM presented.person q WHERE q.id = p.id);
UPDATE presented.person SET note = note, income = income, doc = doc;
UPDATE presented.person SET note = COALESCE(note, NULL);
SELECT code, message FROM pg_temp.refusal('UPDATE presented.person SET note = ''mine'' WHERE id = 1');
RESET ROLE;
SET row_security = off;
SELECT count(*), count(*) FILTER (WHERE b.stored = to_json(p)::text) AS as_before FROM presented.person p JOIN before b USING (id);
RESET row_security;
SET ROLE presented_app;
EXECUTE saves (1, 'name 1', 'saved', 'nick 1', 1.5, 1, '2000-01-02', '{"a": 1}');
SELECT note, nick, income, rank, born, doc FROM presented.person WHERE id = 1;
DEALLOCATE saves;
RESET ROLE;

-- schema tools that plan to exchange a column
SET ROLE presented_owner;
SELECT c AS command, r.* FROM unnest(ARRAY['DROP COLUMN note', 'ALTER COLUMN note TYPE text', 'ALTER COLUMN note TYPE text USING note::text', 'ALTER COLUMN income TYPE numeric(12,2)']) c,
	pg_temp.refusal('ALTER TABLE presented.person ' || c) r;
RESET ROLE;

-- a plan that is kept serves another purpose and role
SELECT privseg.create_purpose('presented_ads', 'consent');
SELECT privseg.grant_clearance('presented_app', 'presented_ads');
SET ROLE presented_app;
PREPARE kept AS SELECT note FROM presented.person WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE kept (2);
SET privseg.purpose = 'presented_ads';
EXECUTE kept (2);
SET privseg.purpose = 'presented_care';
EXECUTE kept (2);
RESET ROLE;
SET ROLE presented_none;
EXECUTE kept (2);
RESET ROLE;
RESET plan_cache_mode;

-- a record's fields, in PL/pgSQL; a star that has a label; scripts
SET ROLE presented_app;
CREATE TEMP TABLE log (id bigint, name text, said text);
CREATE TEMP TABLE book AS SELECT id, name FROM presented.person;
CREATE FUNCTION pg_temp.book_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (new.*, (SELECT note FROM presented.person p WHERE p.id = new.id)); RETURN new; END $$;
CREATE TRIGGER book_changed AFTER UPDATE ON book FOR EACH ROW EXECUTE FUNCTION pg_temp.book_changed();
UPDATE book SET name = 'renamed' WHERE id = 2;
SELECT * FROM log;
DO $$ DECLARE r presented.plain; BEGIN SELECT * INTO r FROM presented.person WHERE id = 3; PERFORM r.*, p.note FROM presented.person p; RAISE WARNING '% %', r.note, (SELECT note FROM presented.person WHERE row(r.*) IS NOT NULL AND id = 4); END $$;
SELECT DISTINCT p.* AS x FROM presented.person p ORDER BY id LIMIT 1 \gdesc
SELECT * FROM presented.person EXCEPT SELECT * FROM presented.person WHERE id > 1 ORDER BY id;
SELECT * FROM (SELECT array_agg(DISTINCT note ORDER BY note) FROM presented.person) x;
SELECT note FROM presented.person WHERE id = 1\; SELECT income FROM presented.person WHERE id = 2\; UPDATE presented.person SET rank = rank WHERE id = 2 RETURNING *;

-- what was a string when it was prepared stays one
PREPARE quoted AS SELECT id FROM presented.person WHERE id = 1 AND name <> '\' AND note <> ' OR id < 4 -- ';
EXECUTE quoted;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET search_path = presented;
EXECUTE quoted;
RESET standard_conforming_strings;
RESET escape_string_warning;
RESET search_path;
EXECUTE quoted;
RESET ROLE;

DROP SCHEMA presented CASCADE;
DROP OWNED BY presented_app, presented_masked, presented_none, presented_owner;
DROP ROLE presented_app, presented_masked, presented_none, presented_owner;
