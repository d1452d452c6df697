-- COPY FROM a protected table: core's checks, the rows INSERT would take, and no others.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE copy_owner;
CREATE ROLE copy_writer;
CREATE ROLE copy_columns;
CREATE ROLE copy_nobody;
CREATE ROLE copy_bypass BYPASSRLS;
CREATE ROLE copy_uncleared;
GRANT pg_execute_server_program TO copy_owner, copy_writer, copy_columns, copy_nobody, copy_bypass, copy_uncleared;
CREATE SCHEMA copies AUTHORIZATION copy_owner;
GRANT USAGE ON SCHEMA copies TO PUBLIC;
SELECT privseg.create_purpose('copy_mail', 'consent');
SELECT privseg.create_purpose('copy_contract', 'contract');
SELECT count(privseg.grant_clearance(r::regrole, p)::text) FROM unnest('{copy_owner,copy_writer,copy_columns,copy_nobody,copy_bypass}'::text[]) r, unnest('{copy_mail,copy_contract}'::text[]) p;
SET ROLE copy_owner;
CREATE TABLE copies.person (id bigint PRIMARY KEY, name text CHECK (name <> 'bad'), joined date DEFAULT '2026-01-01');
CREATE TABLE copies.tag (person bigint REFERENCES copies.person, other bigint, tag text, serial bigint GENERATED ALWAYS AS IDENTITY);
CREATE TABLE copies.event (person bigint, day int, note text) PARTITION BY RANGE (day);
CREATE TABLE copies.event_1 PARTITION OF copies.event FOR VALUES FROM (0) TO (10);
CREATE TABLE copies.event_2 (note text, day int, person bigint);
ALTER TABLE copies.event ATTACH PARTITION copies.event_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE copies.triggered (person bigint, note text, serial bigserial);
CREATE TABLE copies.generated (half bigint, person bigint GENERATED ALWAYS AS (half * 2) STORED, note text DEFAULT 'none');
CREATE TABLE copies.policed (person bigint, note text);
CREATE TABLE copies.line (tag bigint, person bigint, note text);
INSERT INTO copies.person SELECT i, 'n' || i FROM generate_series(1, 9) i;
ALTER TABLE copies.tag ADD UNIQUE (serial);
ALTER TABLE copies.line ADD FOREIGN KEY (tag) REFERENCES copies.tag (serial);
INSERT INTO copies.tag (person, tag) SELECT i, 't' FROM generate_series(1, 9) i;
CREATE FUNCTION copies.shift() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.note = 'shift' THEN NEW.person := NEW.person + 1; ELSIF NEW.note = 'skip' THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER a BEFORE INSERT ON copies.triggered FOR EACH ROW EXECUTE FUNCTION copies.shift();
CREATE TRIGGER a BEFORE INSERT ON copies.event_2 FOR EACH ROW EXECUTE FUNCTION copies.shift();
GRANT ALL ON ALL TABLES IN SCHEMA copies TO copy_writer, copy_bypass, copy_uncleared;
GRANT ALL ON ALL SEQUENCES IN SCHEMA copies TO copy_writer, copy_bypass, copy_uncleared;
GRANT INSERT (id, name), SELECT (id) ON copies.person TO copy_columns;
GRANT INSERT (person, note), SELECT (person) ON copies.triggered TO copy_columns;
GRANT USAGE ON SEQUENCE copies.triggered_serial_seq TO copy_columns;
RESET ROLE;
SELECT privseg.protect('copies.person', 'id');
SELECT privseg.protect('copies.tag', 'person', subject_of => 'copies.person', also_about => '{other}', null_subject => 'show');
SELECT privseg.protect(('copies.' || t)::regclass, 'person', subject_of => 'copies.person') FROM unnest('{event,triggered,generated,policed}'::text[]) t;
SELECT privseg.protect('copies.line', 'person', subject_of => 'copies.person');
SELECT privseg.carry_subject('copies.line', 'tag');
CREATE POLICY plain ON copies.policed USING (true) WITH CHECK (note <> 'policed');
-- even subjects permit
SELECT count(privseg.record_consent('copies.person', i::text, 'copy_mail', 'given')::text) FROM generate_series(2, 8, 2) i;
SELECT count(privseg.record_consent('copies.person', i::text, 'copy_mail', 'refused')::text) FROM generate_series(1, 7, 2) i;

-- every kind of table, row and role: COPY takes what INSERT takes
CREATE TEMP TABLE shape (relation text, columns text, row text[]);
INSERT INTO shape SELECT 'person', 'id,name', ARRAY[id, name] FROM unnest('{2,3,50,\\N}'::text[]) id, unnest('{new,bad}'::text[]) name;
INSERT INTO shape SELECT 'tag', 'person,other,tag', ARRAY[p, o, 'x'] FROM unnest('{2,3,9,50,\\N}'::text[]) p, unnest('{4,5,50,\\N}'::text[]) o;
INSERT INTO shape SELECT 'tag', 'person,serial', ARRAY[p, '1000'] FROM unnest('{2,3}'::text[]) p;
INSERT INTO shape SELECT relation, 'person,day,note', ARRAY[p, d, n] FROM unnest('{event,event_1,event_2}'::text[]) relation, unnest('{2,3,\\N}'::text[]) p, unnest('{5,15,25}'::text[]) d, unnest('{plain,shift,skip}'::text[]) n;
INSERT INTO shape SELECT 'triggered', 'person,note', ARRAY[p, n] FROM unnest('{2,3,50,\\N}'::text[]) p, unnest('{plain,shift,skip}'::text[]) n;
INSERT INTO shape SELECT 'generated', 'half', ARRAY[h] FROM unnest('{1,2,25,\\N}'::text[]) h;
INSERT INTO shape VALUES ('generated', 'half,person', '{1,2}');
INSERT INTO shape SELECT 'policed', 'person,note', ARRAY[p, n] FROM unnest('{2,3}'::text[]) p, unnest('{plain,policed}'::text[]) n;
INSERT INTO shape SELECT 'line', 'tag,note', ARRAY[t, 'x'] FROM unnest('{2,3,999,\\N}'::text[]) t;
INSERT INTO shape SELECT 'line', 'tag,person,note', ARRAY[t, p, 'x'] FROM unnest('{2,3}'::text[]) t, unnest('{2,3,\\N}'::text[]) p;
-- what is in the table afterwards, but for serial numbers
CREATE FUNCTION pg_temp.after(actor text, purpose text, relation text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	row_count bigint;
	content text;
BEGIN
	PERFORM set_config('privseg.purpose', purpose, true), set_config('role', actor, true);
	EXECUTE statement;
	GET DIAGNOSTICS row_count = ROW_COUNT;
	PERFORM set_config('role', 'postgres', true), set_config('row_security', 'off', true);
	EXECUTE format($q$SELECT count(*) || ' ' || COALESCE(md5(string_agg(to_jsonb(t) - 'serial' #>> '{}', ',' ORDER BY to_jsonb(t) - 'serial')), '') FROM copies.%I t$q$, relation) INTO content;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = row_count || ': ' || content;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE TEMP TABLE compared AS
SELECT s.*, actor, purpose,
	pg_temp.after(actor, purpose, relation, format('INSERT INTO copies.%I (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', relation, columns, (SELECT string_agg(CASE WHEN v = '\N' THEN 'NULL' ELSE quote_literal(v) END, ', ' ORDER BY n) FROM unnest("row") WITH ORDINALITY u (v, n)))) AS inserted,
	pg_temp.after(actor, purpose, relation, format('COPY copies.%I (%s) FROM PROGRAM %L', relation, columns, format('printf ''%%s\n'' ''%s''', array_to_string("row", E'\t')))) AS copied
FROM shape s, unnest('{copy_owner,copy_writer,copy_columns,copy_nobody,copy_bypass,copy_uncleared,postgres}'::text[]) actor, unnest('{copy_mail,copy_contract,copy_missing,""}'::text[]) purpose;
SELECT * FROM compared WHERE inserted IS DISTINCT FROM copied AND NOT (columns ~ 'half,person' AND inserted = '428C9' AND copied = '42P10');
SELECT relation, count(*) AS tried, count(*) FILTER (WHERE copied ~ '^1: ') AS taken, count(*) FILTER (WHERE copied ~ '^0: ') AS skipped, count(*) FILTER (WHERE copied = '42501') AS refused, count(*) FILTER (WHERE copied !~ '^[01]: ' AND copied <> '42501') AS other FROM compared GROUP BY relation ORDER BY relation;

-- the error names the table and the line, not the row
\set VERBOSITY default
BEGIN;
SET LOCAL ROLE copy_writer;
SET LOCAL privseg.purpose = 'copy_mail';
SAVEPOINT s;
COPY copies.tag (person, tag) FROM STDIN;
2	fine
\N	nobody
3	secret
\.
ROLLBACK TO s;
COPY copies.triggered (person, note) FROM STDIN;
2	fine
3	secret
\.
ROLLBACK TO s;
-- a serial number is taken once a row; WHERE is asked before the policy, of what was read
COPY copies.triggered (person, note) FROM STDIN WITH (FORMAT csv, HEADER) WHERE note <> 'other' AND person + 1 > 0;
person,note
2,one
3,other
3,shift
4,two
\.
SELECT person, note, serial - (SELECT min(serial) FROM copies.triggered) AS serial FROM copies.triggered ORDER BY serial;
COPY copies.tag (person, tag) FROM STDIN WHERE tag <> 'other';
2	one
3	other
4	two
\.
SELECT person, tag FROM copies.tag WHERE tag <> 't' ORDER BY person;
SAVEPOINT s;
COPY copies.triggered (person, note) FROM STDIN WHERE serial > 0;
2	one
\.
ROLLBACK TO s;
COPY copies.generated (half) FROM STDIN WHERE person > 0;
\.
ROLLBACK TO s;
COPY copies.tag (person, tag) FROM STDIN WHERE (SELECT true);
\.
ROLLBACK TO s;
COPY copies.triggered (person, note) FROM STDIN WITH (FREEZE);
2	one
\.
ROLLBACK TO s;
COPY copies.tag FROM '/etc/passwd';
ROLLBACK TO s;
COPY copies.tag (person, nothing) FROM STDIN;
\.
ROLLBACK TO s;
COPY copies.tag (person, person) FROM STDIN;
\.
ROLLBACK TO s;
SET TRANSACTION READ ONLY;
COPY copies.tag (person, tag) FROM STDIN;
\.
ROLLBACK;

-- binary, and all columns
SET ROLE copy_owner;
SET privseg.purpose = 'copy_mail';
COPY (SELECT 100 + i::bigint, 'n' || i, '2026-01-02'::date FROM generate_series(2, 8, 2) i) TO PROGRAM 'cat > copy_from.binary' WITH (FORMAT binary);
COPY copies.person FROM PROGRAM 'cat copy_from.binary && rm copy_from.binary' WITH (FORMAT binary);
SELECT count(*) FROM copies.person;
SET privseg.purpose = 'copy_contract';
SELECT count(*) FROM copies.person WHERE id > 100;

-- maintenance: everything, as it is
RESET ROLE;
SET privseg.purpose = '';
SET row_security = off;
COPY copies.tag (person, tag) FROM STDIN;
3	kept
\.
SELECT count(*) FROM copies.tag WHERE tag = 'kept';
RESET row_security;

-- a purpose is one from begin to end
CREATE FUNCTION copies.other_purpose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('privseg.purpose', 'copy_contract', false); RETURN NULL; END $$;
CREATE TRIGGER a BEFORE INSERT ON copies.tag FOR EACH STATEMENT EXECUTE FUNCTION copies.other_purpose();
SET privseg.purpose = 'copy_mail';
SET ROLE copy_writer;
COPY copies.tag (person, tag) FROM STDIN;
3	other purpose
\.
SET privseg.purpose = 'copy_mail';
COPY copies.tag (person, tag) FROM STDIN;
2	the purpose it began with
\.
RESET ROLE;
DROP TRIGGER a ON copies.tag;

-- a name that is not a table is core's to refuse
CREATE VIEW copies.view AS SELECT * FROM copies.person;
COPY copies.view FROM STDIN;
\.
COPY copies.missing FROM STDIN;
\.

RESET privseg.purpose;
DROP SCHEMA copies CASCADE;
DROP OWNED BY copy_owner, copy_writer, copy_columns, copy_nobody, copy_bypass, copy_uncleared;
DROP ROLE copy_owner, copy_writer, copy_columns, copy_nobody, copy_bypass, copy_uncleared;
