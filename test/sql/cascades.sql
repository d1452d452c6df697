-- What core asks of a row that the action of a foreign key changes: what else a hidden row holds is not told by
-- whether the statement ends there.  Keys of other tables and rows of one's own are what an attacker chooses.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE asked_owner;
CREATE SCHEMA asked AUTHORIZATION asked_owner;
CREATE EXTENSION IF NOT EXISTS btree_gist;
SELECT privseg.create_purpose('asked_mail', 'consent');
SELECT privseg.grant_clearance('asked_owner', 'asked_mail');
SET ROLE asked_owner;
CREATE TABLE asked.person (id int PRIMARY KEY);
INSERT INTO asked.person SELECT generate_series(1, 9);
CREATE TABLE asked.number (n int PRIMARY KEY, b int UNIQUE);
CREATE TABLE asked.couple (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE asked.flag (b boolean PRIMARY KEY);
CREATE TABLE asked.plain (id int PRIMARY KEY, n int REFERENCES asked.number ON UPDATE CASCADE ON DELETE SET NULL, secret int);
CREATE TABLE asked.generated (LIKE asked.plain INCLUDING INDEXES, g int NOT NULL GENERATED ALWAYS AS (NULLIF(n, secret)) STORED, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE);
CREATE TABLE asked.flagged (LIKE asked.plain INCLUDING INDEXES, g boolean GENERATED ALWAYS AS (n < secret) STORED REFERENCES asked.flag, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE);
CREATE TABLE asked.overlapping (LIKE asked.plain INCLUDING INDEXES, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE, FOREIGN KEY (n, secret) REFERENCES asked.couple);
CREATE TABLE asked.unlike (LIKE asked.plain INCLUDING INDEXES, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE);
CREATE UNIQUE INDEX unlike_key ON asked.unlike ((n < secret));
CREATE TABLE asked.partly (LIKE asked.plain INCLUDING INDEXES, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE);
CREATE UNIQUE INDEX partly_key ON asked.partly (secret) WHERE n > 5;
CREATE TABLE asked.apart (LIKE asked.plain INCLUDING INDEXES, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE, EXCLUDE USING gist (n WITH =, secret WITH <>));
CREATE TABLE asked.together (LIKE asked.plain INCLUDING INDEXES, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE, UNIQUE (n, secret));
CREATE TABLE asked.included (LIKE asked.plain INCLUDING INDEXES, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE, UNIQUE (secret) INCLUDE (n));
CREATE TABLE asked.emptied (LIKE asked.plain INCLUDING INDEXES, name text, pad text, FOREIGN KEY (n) REFERENCES asked.number ON UPDATE CASCADE ON DELETE SET NULL);
CREATE INDEX ON asked.emptied (pad, name, n);
INSERT INTO asked.number VALUES (0, 0), (1, 1);
INSERT INTO asked.flag VALUES (true), (false);
INSERT INTO asked.couple VALUES (0, 42), (1, 42);
RESET ROLE;
SELECT privseg.protect('asked.person', 'id');
SELECT count(privseg.record_consent('asked.person', i, 'asked_mail', 'given')) FROM generate_series(1, 6) i;
SELECT count(privseg.protect(('asked.' || t)::regclass, 'id', 'asked.person')::text) FROM unnest('{plain,generated,flagged,overlapping,unlike,partly,apart,together,included,emptied}'::text[]) t;
SET client_min_messages = warning;
SELECT status, object, message FROM privseg.check() WHERE object ~ '^asked' AND message ~ 'told' ORDER BY object;
SET row_security = off;
DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY '{plain,generated,flagged,overlapping,unlike,partly,apart,together,included,emptied}'::text[] LOOP EXECUTE format('INSERT INTO asked.%I (id, n, secret) VALUES (9, 0, 42)', t); END LOOP; END $$;
RESET row_security;
CREATE FUNCTION pg_temp.ends(kept text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	t text;
	result text;
BEGIN
	SET LOCAL row_security = off;
	FOREACH t IN ARRAY '{plain,generated,flagged,overlapping,unlike,partly,apart,together,included,emptied}'::text[] LOOP
		IF t <> kept THEN EXECUTE format('TRUNCATE asked.%I', t); END IF;
	END LOOP;
	SET LOCAL row_security = on;
	result := pg_temp.outcome('asked_owner', 'asked_mail', statement);
	RAISE SQLSTATE 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	RETURN result;
END $$;
-- 42501: the statement reaches rows of subjects who do not permit the purpose, whatever they hold
SELECT t AS table, pg_temp.ends(t, 'UPDATE asked.number SET n = 42 WHERE n = 0 RETURNING n') AS hits, pg_temp.ends(t, 'UPDATE asked.number SET n = 41 WHERE n = 0 RETURNING n') AS misses, pg_temp.ends(t, 'DELETE FROM asked.number WHERE n = 0 RETURNING n') AS deletes
FROM unnest('{plain,generated,flagged,overlapping,unlike,partly,apart,together,included,emptied}'::text[]) WITH ORDINALITY u (t, i) ORDER BY i;
-- rows of whoever permits it are changed, and asked
SET row_security = off;
DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY '{plain,generated,flagged,overlapping,unlike,partly,apart,together,included,emptied}'::text[] LOOP EXECUTE format('UPDATE asked.%I SET id = 1', t); END LOOP; END $$;
RESET row_security;
SELECT t AS table, pg_temp.ends(t, 'UPDATE asked.number SET n = 42 WHERE n = 0 RETURNING n') AS hits, pg_temp.ends(t, 'UPDATE asked.number SET n = 41 WHERE n = 0 RETURNING n') AS misses, pg_temp.ends(t, 'DELETE FROM asked.number WHERE n = 0 RETURNING n') AS deletes
FROM unnest('{plain,generated,flagged,overlapping,unlike,partly,apart,together,included,emptied}'::text[]) WITH ORDINALITY u (t, i) ORDER BY i;

-- a subject's own rows are set to nobody's, in partitions, too
SET ROLE asked_owner;
CREATE TABLE asked.parted (id int REFERENCES asked.person ON DELETE SET NULL, kind int) PARTITION BY LIST (kind);
CREATE TABLE asked.parted_1 PARTITION OF asked.parted FOR VALUES IN (1);
INSERT INTO asked.parted VALUES (2, 1), (9, 1);
RESET ROLE;
SELECT privseg.protect('asked.parted', 'id', 'asked.person');
SELECT pg_temp.ends('none', 'DELETE FROM asked.person WHERE id = 2 RETURNING id') AS shown, pg_temp.ends('none', 'DELETE FROM asked.person WHERE id = 9 RETURNING id') AS hidden;

-- rows about nobody go with what they belong to, where no code of anybody's is handed them
SET ROLE asked_owner;
CREATE TABLE asked.post (id int PRIMARY KEY, person int NOT NULL REFERENCES asked.person ON DELETE CASCADE);
CREATE TABLE asked.comment (id int PRIMARY KEY, person int REFERENCES asked.person ON DELETE SET NULL, post int NOT NULL REFERENCES asked.post ON DELETE CASCADE);
INSERT INTO asked.post VALUES (3, 3), (4, 4);
INSERT INTO asked.comment VALUES (1, 3, 3), (2, 4, 3), (3, NULL, 4), (4, 9, 4);
RESET ROLE;
SELECT privseg.protect('asked.post', 'person', 'asked.person'), privseg.protect('asked.comment', 'person', 'asked.person');
SELECT pg_temp.ends('none', 'DELETE FROM asked.person WHERE id = 3 RETURNING id') AS own, pg_temp.ends('none', 'DELETE FROM asked.person WHERE id = 4 RETURNING id') AS with_one_hidden;
SET row_security = off;
DELETE FROM asked.comment WHERE id = 4;
RESET row_security;
SELECT pg_temp.ends('none', 'DELETE FROM asked.person WHERE id = 4 RETURNING id') AS nobodys;
SET ROLE asked_owner;
CREATE FUNCTION asked.sees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'deleted: %', OLD; RETURN OLD; END $$;
CREATE TRIGGER sees BEFORE DELETE ON asked.comment FOR EACH ROW EXECUTE FUNCTION asked.sees();
RESET ROLE;
SELECT pg_temp.ends('none', 'DELETE FROM asked.person WHERE id = 4 RETURNING id') AS seen;
SET row_security = off;
DROP TABLE asked.comment, asked.post;
RESET row_security;

-- what tells more than that a key exists is named where it is protected
SET client_min_messages = notice;
SELECT privseg.unprotect('asked.apart');
SELECT privseg.protect('asked.apart', 'id', 'asked.person');
SET client_min_messages = warning;

DROP SCHEMA asked CASCADE;
DROP OWNED BY asked_owner;
DROP ROLE asked_owner;
