-- What an owner prepares beside a protected relation and lets join it, what lets him tell rows apart
-- by whether they fit, and parents that are not protected.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
CREATE FUNCTION pg_temp.refusal(statement text, actor text, OUT code text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE sql AS $$ SELECT * FROM pg_temp.refusal(format('SET LOCAL ROLE %I; %s', actor, statement)) $$;

CREATE ROLE join_owner;
CREATE ROLE join_app;
CREATE SCHEMA joins AUTHORIZATION join_owner;
CREATE EXTENSION IF NOT EXISTS btree_gist;
SELECT privseg.create_purpose('join_mail', 'consent'), privseg.create_purpose('join_sale', 'contract');
SELECT privseg.grant_clearance('join_owner', 'join_mail'), privseg.grant_clearance('join_app', 'join_sale');
SET ROLE join_owner;
CREATE TABLE joins.person (id int PRIMARY KEY, name text, email text, span int4range, age int);
CREATE TABLE joins.event (person_id int, day int, note text, seen boolean) PARTITION BY RANGE (day);
CREATE UNIQUE INDEX event_seen ON joins.event (person_id, day) WHERE seen;
CREATE TABLE joins.event_1 PARTITION OF joins.event FOR VALUES FROM (1) TO (10);
CREATE TABLE joins.other (name text, email text);
GRANT USAGE ON SCHEMA joins TO join_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA joins GRANT ALL ON TABLES TO join_app;
INSERT INTO joins.person SELECT i, 'n' || i, 'e' || i, int4range(i, i + 1) FROM generate_series(1, 9) i;
INSERT INTO joins.event SELECT i, i, 'note' || i, true FROM generate_series(1, 9) i;
CREATE FUNCTION joins.leak(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'seen: %', $1; RETURN $1; END $$;
RESET ROLE;
SELECT privseg.protect('joins.person', 'id'), privseg.protect('joins.event', 'person_id', 'joins.person');
SELECT count(privseg.record_consent('joins.person', i, 'join_mail', 'given')) FROM generate_series(1, 6) i;

-- a parent besides: ANALYZE of it would keep what hidden rows hold, ALTER ... USING would run code over them
SELECT s.statement, r.code, r.message, r.hint FROM unnest(ARRAY[
	'CREATE TABLE joins.kid () INHERITS (joins.person, joins.other)',
	'CREATE TABLE joins.kid () INHERITS (joins.other, joins.person)',
	'CREATE TABLE joins.kid () INHERITS (joins.person); ALTER TABLE joins.kid INHERIT joins.other',
	'CREATE TABLE joins.kid (LIKE joins.person) INHERITS (joins.other); ALTER TABLE joins.kid ALTER id SET NOT NULL, INHERIT joins.person',
	'CREATE TABLE joins.kid (LIKE joins.person); CREATE TABLE joins.grandkid () INHERITS (joins.kid, joins.other); ALTER TABLE joins.kid INHERIT joins.person',
	'CREATE TABLE joins.kid () INHERITS (joins.person); CREATE TABLE joins.grandkid () INHERITS (joins.kid, joins.other)',
	'ALTER TABLE joins.person INHERIT joins.other',
	-- all of it below: fine
	'CREATE TABLE joins.kid () INHERITS (joins.person); CREATE TABLE joins.grandkid () INHERITS (joins.kid, joins.person)',
	'CREATE TABLE joins.kid (LIKE joins.person); CREATE TABLE joins.grandkid () INHERITS (joins.kid); ALTER TABLE joins.kid INHERIT joins.person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;
-- also where it was there before
SET ROLE join_owner;
CREATE TABLE joins.older (id int PRIMARY KEY, name text, email text);
CREATE TABLE joins.older_kid () INHERITS (joins.older, joins.other);
RESET ROLE;
SELECT * FROM pg_temp.refusal($$SELECT privseg.protect('joins.older', 'id')$$);
SELECT * FROM pg_temp.refusal($$SELECT privseg.protect('joins.older_kid', 'id')$$);
ALTER TABLE joins.older_kid NO INHERIT joins.other;
SELECT code FROM pg_temp.refusal($$SELECT privseg.protect('joins.older', 'id')$$);
DROP TABLE joins.older_kid, joins.older;

-- what a table brings along that could not be made once rows of others are in it
SELECT s.made, r.code, r.message, r.detail FROM unnest(ARRAY[
	'EXCLUDE USING gist (span WITH &&)|', '|CREATE UNIQUE INDEX ON joins.kid (left(name, 1))', '|CREATE INDEX ON joins.kid (id) WHERE name = ''n9''', '|CREATE INDEX ON joins.kid (id) WHERE email IS NULL',
	'|CREATE INDEX ON joins.kid (COALESCE(name, repeat(''x'', 3000)))', '|CREATE INDEX ON joins.kid ((kid.*))', 'g text GENERATED ALWAYS AS (repeat(name, 100)) STORED|', 'g int GENERATED ALWAYS AS (id) STORED|',
	'UNIQUE (email)|CREATE TABLE joins.mirror (email text REFERENCES joins.kid (email) ON UPDATE CASCADE)', 'UNIQUE (email)|CREATE TABLE joins.mirror (email text REFERENCES joins.kid (email) ON UPDATE SET NULL)', 'PRIMARY KEY (id)|CREATE TABLE joins.mirror (id int REFERENCES joins.kid)',
	'UNIQUE (email)|', '|CREATE INDEX ON joins.kid (name)']) WITH ORDINALITY s (made, n),
	LATERAL pg_temp.refusal(format('CREATE TABLE joins.kid (%s); %s; ALTER TABLE joins.kid INHERIT joins.person', concat_ws(', ', 'LIKE joins.person', NULLIF(split_part(made, '|', 1), '')), split_part(made, '|', 2)), 'join_owner') r ORDER BY n;
-- a partition as its parent is: made for it, or with the same indexes; else not
SELECT s.statement, r.code, r.message, r.detail FROM unnest(ARRAY[
	'CREATE TABLE joins.event_2 PARTITION OF joins.event FOR VALUES FROM (10) TO (20)',
	'CREATE TABLE joins.event_2 (LIKE joins.event INCLUDING ALL); ALTER TABLE joins.event ATTACH PARTITION joins.event_2 FOR VALUES FROM (10) TO (20)',
	'CREATE TABLE joins.event_2 (LIKE joins.event); ALTER TABLE joins.event ATTACH PARTITION joins.event_2 FOR VALUES FROM (10) TO (20)',
	'CREATE TABLE joins.event_2 (LIKE joins.event); CREATE UNIQUE INDEX ON joins.event_2 (day) WHERE seen; ALTER TABLE joins.event ATTACH PARTITION joins.event_2 FOR VALUES FROM (10) TO (20)',
	'CREATE TABLE joins.event_2 (LIKE joins.event, EXCLUDE (note WITH =)); ALTER TABLE joins.event ATTACH PARTITION joins.event_2 FOR VALUES FROM (10) TO (20)']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- what the default partition holds
SET ROLE join_owner;
CREATE TABLE joins.kind (person_id int, kind text) PARTITION BY LIST (kind);
CREATE TABLE joins.kind_rest PARTITION OF joins.kind DEFAULT;
CREATE TABLE joins.kind_new (LIKE joins.kind);
RESET ROLE;
SELECT privseg.protect('joins.kind', 'person_id', 'joins.person');
SELECT s.statement, r.code AS of_empty FROM unnest(ARRAY['CREATE TABLE joins.kind_1 PARTITION OF joins.kind FOR VALUES IN (''a'')', 'ALTER TABLE joins.kind ATTACH PARTITION joins.kind_new FOR VALUES IN (''b'')']) s (statement), LATERAL pg_temp.refusal(s.statement, 'join_owner') r;
SET row_security = off;
INSERT INTO joins.kind VALUES (9, 'secret');
RESET row_security;
SELECT s.statement, r.* FROM unnest(ARRAY[
	'CREATE TABLE joins.kind_1 PARTITION OF joins.kind FOR VALUES IN (''secret'')', 'CREATE TABLE joins.kind_1 PARTITION OF joins.kind FOR VALUES IN (''other'')',
	'ALTER TABLE joins.kind ATTACH PARTITION joins.kind_new FOR VALUES IN (''secret'')', 'ALTER TABLE joins.kind ATTACH PARTITION joins.kind_new FOR VALUES IN (''other'')']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- which row does not fit, and by how much
SET ROLE join_owner;
SET privseg.purpose = 'join_mail';
SELECT left(string_agg(md5(g::text || 'x'), ''), 2700) AS pad FROM generate_series(1, 90) g \gset
RESET ROLE;
BEGIN;
SET LOCAL row_security = off;
ALTER TABLE joins.person ADD COLUMN pad text DEFAULT :'pad';
SET LOCAL row_security = on;
SET LOCAL ROLE join_owner;
UPDATE joins.person SET pad = '' RETURNING id;
SELECT r.* FROM unnest('{pad,"name, pad"}'::text[]) columns, LATERAL pg_temp.refusal('CREATE INDEX person_big ON joins.person (' || columns || ')') r;
ROLLBACK;
SET ROLE join_owner;
SELECT r.code, r.message, r.hint FROM unnest(ARRAY[
	'CREATE INDEX ON joins.person ((person.*))', 'CREATE INDEX ON joins.person ((person IS NULL))']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement) r ORDER BY n;
RESET ROLE;
SET row_security = off;
BEGIN;
ALTER TABLE joins.person ADD COLUMN pad text DEFAULT :'pad';
CREATE INDEX person_big ON joins.person (name, pad);
ROLLBACK;
RESET row_security;
-- what is short in every row, leaves room for what is there
SELECT s.added, r.code, r.detail FROM unnest(ARRAY['text DEFAULT repeat(''x'', 64)', 'text DEFAULT repeat(''x'', 65)', 'char(65) DEFAULT ''x''', 'varchar(80) DEFAULT ''x''', 'bytea DEFAULT decode(repeat(''00'', 65), ''hex'')', 'jsonb DEFAULT ''{}''', 'int[] DEFAULT ''{}''',
	'text DEFAULT left(''abc'', (nextval(''joins.row'') = 2)::int)', 'text DEFAULT nextval(''joins.row'')::text', 'text DEFAULT gen_random_uuid()', 'text DEFAULT current_user', 'uuid DEFAULT gen_random_uuid()', 'serial', 'timestamptz DEFAULT now()', 'numeric DEFAULT 0', 'name DEFAULT ''x''', 'joins.long', 'joins.short', 'char(1337) DEFAULT current_user', 'joins.padded', 'varchar(100) DEFAULT current_user', 'bit(2000) DEFAULT B''1''']) WITH ORDINALITY s (added, n),
	LATERAL pg_temp.refusal('CREATE SEQUENCE joins.row; CREATE DOMAIN joins.long AS text DEFAULT repeat(''x'', 65); CREATE DOMAIN joins.short AS text DEFAULT ''x''; CREATE DOMAIN joins.padded AS char(1300) DEFAULT current_user; ALTER TABLE joins.person ADD added ' || s.added, 'join_owner') r ORDER BY n;
-- the widest row there can be must fit
SELECT n, r.code, r.message, r.detail FROM unnest('{1,60,126,127,300}'::int[]) n,
	LATERAL pg_temp.refusal((SELECT 'ALTER TABLE joins.person ' || string_agg('ADD c' || i || ' name DEFAULT ''x''', ', ') FROM generate_series(1, n) i), 'join_owner') r ORDER BY n;
SELECT n, r.code FROM unnest('{100,250,270,300}'::int[]) n,
	LATERAL pg_temp.refusal((SELECT 'ALTER TABLE joins.person ' || string_agg('ADD c' || i || ' text DEFAULT ''12345678901234567890''', ', ') FROM generate_series(1, n) i), 'join_owner') r ORDER BY n;
SELECT r.code, r.message FROM pg_temp.refusal((SELECT 'CREATE TABLE joins.fresh (id int PRIMARY KEY); ALTER TABLE joins.fresh ' || string_agg('ADD c' || i || ' name', ', ') FROM generate_series(1, 300) i), 'join_owner') r;

-- values that become equal; and what ORMs write when a type gets wider
CREATE COLLATION joins.ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
GRANT USAGE ON SCHEMA joins TO PUBLIC;
SELECT s.statement, r.code, r.detail FROM unnest(ARRAY[
	'ALTER TABLE joins.person ALTER email TYPE text COLLATE joins.ci', 'CREATE UNIQUE INDEX ON joins.person (email COLLATE joins.ci)', 'CREATE INDEX ON joins.person (email COLLATE joins.ci)', 'CREATE UNIQUE INDEX ON joins.person (email COLLATE "C")',
	'ALTER TABLE joins.person ALTER age TYPE bigint USING "age"::bigint', 'ALTER TABLE joins.event ALTER note TYPE varchar USING note::varchar', 'ALTER TABLE joins.person ALTER name TYPE varchar USING "name"::varchar',
	'ALTER TABLE joins.person ALTER name TYPE varchar USING email::varchar', 'ALTER TABLE joins.person ALTER name TYPE varchar USING joins.leak(name)::varchar', 'ALTER TABLE joins.person ALTER name TYPE varchar USING name::text', 'ALTER TABLE joins.person ALTER name TYPE varchar(2) USING name::varchar(2)',
	'ALTER TABLE joins.person ALTER name TYPE int USING name::int']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- parts that name no column, and are asked for some rows only: they raise, or may be made to
SET ROLE join_owner;
CREATE DOMAIN joins.bomb AS int CHECK (value < 5);
CREATE DOMAIN joins.fuse AS text;
CREATE TABLE joins.empty (id int PRIMARY KEY, name text);
RESET ROLE;
SELECT privseg.protect('joins.empty', 'id', 'joins.person');
SELECT s.statement, r.code, r.detail FROM unnest(ARRAY[
	'CREATE STATISTICS joins.st ON ((name = ''n9'' AND (7::joins.bomb) IS NOT NULL)) FROM joins.person', 'CREATE STATISTICS joins.st ON ((name = ''n9'' AND (array[7]::joins.bomb[])[1] IS NOT NULL)) FROM joins.person',
	'CREATE STATISTICS joins.st ON ((name = ''n9'' AND length(name || repeat(''x'', 1073741816)) > 0)) FROM joins.person', 'CREATE STATISTICS joins.st ON ((name = ''n9'' AND current_setting(''a.b'')::int > 0)) FROM joins.person',
	'CREATE INDEX ON joins.person (COALESCE(name, (''x''::joins.fuse)::text))', 'ALTER TABLE joins.person ADD g text GENERATED ALWAYS AS (COALESCE(name, (''x''::joins.fuse)::text)) STORED', 'ALTER TABLE joins.person ADD g joins.bomb GENERATED ALWAYS AS (age) STORED',
	'CREATE INDEX ON joins.empty (name) WHERE name = ''x'' AND (7::joins.bomb) IS NOT NULL', 'CREATE INDEX ON joins.empty ((name = ''x'' AND (''x''::joins.fuse) IS NOT NULL))', 'ALTER TABLE joins.empty ADD CHECK (name <> ''x'' OR (''x''::joins.fuse) IS NOT NULL)',
	'CREATE STATISTICS joins.st ON (lower(name)), (name = ''a'' || ''b'' OR age > 3) FROM joins.person', 'ALTER TABLE joins.empty ADD CHECK (name <> lower(''X'') AND length(name) < 100)', 'CREATE INDEX ON joins.person (COALESCE(name, '''' || ''-''))', 'ALTER TABLE joins.empty ADD made timestamptz CHECK (made <= now())']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- the default partition, asked for a foreign table; a foreign key that was not validated; one to other than a key
SET ROLE join_owner;
CREATE TABLE joins.look (n int PRIMARY KEY);
RESET ROLE;
CREATE TABLE joins.older (id int PRIMARY KEY, n int);
INSERT INTO joins.older VALUES (9, 642);
ALTER TABLE joins.older ADD CONSTRAINT later FOREIGN KEY (n) REFERENCES joins.look NOT VALID;
ALTER TABLE joins.older OWNER TO join_owner;
CREATE TABLE joins.named (name text PRIMARY KEY, person_id int);
CREATE INDEX ON joins.named (person_id);
ALTER TABLE joins.named OWNER TO join_owner;
SELECT privseg.protect('joins.older', 'id', 'joins.person'), privseg.protect('joins.named', 'person_id', 'joins.person');
SELECT s.statement, r.code, r.message, r.detail FROM unnest(ARRAY[
	'CREATE FOREIGN TABLE joins.far PARTITION OF joins.kind FOR VALUES IN (''secret'') SERVER no_such_server', 'CREATE FOREIGN TABLE joins.far PARTITION OF joins.kind FOR VALUES IN (''nobody'') SERVER no_such_server',
	'INSERT INTO joins.look SELECT generate_series(1, 641); ALTER TABLE joins.older VALIDATE CONSTRAINT later', 'INSERT INTO joins.look SELECT generate_series(1, 642); ALTER TABLE joins.older VALIDATE CONSTRAINT later',
	'ALTER TABLE joins.person ADD UNIQUE (email); CREATE TABLE joins.asks (email text REFERENCES joins.person (email))', 'ALTER TABLE joins.person ADD UNIQUE (id, name); CREATE TABLE joins.asks (id int, name text, FOREIGN KEY (id, name) REFERENCES joins.person (id, name))', 'CREATE TABLE joins.asks (id int REFERENCES joins.person ON UPDATE CASCADE)',
	'CREATE TABLE joins.asks (name text REFERENCES joins.named ON UPDATE CASCADE)', 'CREATE TABLE joins.asks (name text REFERENCES joins.named)']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- what BRIN keeps of several rows must fit, whatever they hold
SELECT s.statement, r.code FROM unnest(ARRAY['CREATE INDEX ON joins.person USING brin (name)', 'CREATE INDEX ON joins.person USING brin (span)', 'CREATE INDEX ON joins.person USING brin (age)', 'CREATE INDEX ON joins.person USING brin (age, id)', 'CREATE INDEX ON joins.person USING brin (age int4_minmax_multi_ops)',
	'CREATE INDEX ON joins.person USING brin (age int4_minmax_multi_ops, id)', 'CREATE INDEX ON joins.person USING brin (name text_bloom_ops)', 'CREATE INDEX ON joins.person USING brin (name text_bloom_ops, age)', 'CREATE INDEX ON joins.empty USING brin (name)']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- the negator of an operator, by which core replaces it
SET ROLE join_owner;
CREATE FUNCTION joins.equal(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'seen: %', $1; RETURN $1 = $2; END $$;
CREATE OPERATOR joins.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = joins.equal, NEGATOR = OPERATOR(joins.<=>));
CREATE OPERATOR joins.<=> (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne, NEGATOR = OPERATOR(joins.===));
RESET ROLE;
SELECT s.statement, r.code FROM unnest(ARRAY['CREATE STATISTICS joins.st ON (NOT (age OPERATOR(joins.<=>) 5)) FROM joins.person', 'CREATE INDEX ON joins.empty (id) WHERE NOT (id OPERATOR(joins.<=>) 5)', 'CREATE INDEX ON joins.empty ((NOT (id OPERATOR(joins.<=>) 5)))', 'ALTER TABLE joins.empty ADD CHECK (NOT (id OPERATOR(joins.<=>) 5))',
	'ALTER TABLE joins.empty ADD g boolean GENERATED ALWAYS AS (NOT (id OPERATOR(joins.<=>) ANY (ARRAY[5]))) STORED']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- what core asks about a row that a cascade changes, also where it does not depend on what is set
SET ROLE join_owner;
CREATE FUNCTION joins.sees(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE TYPE joins.word AS ENUM ('aa', 'bb', 'cc');
CREATE FUNCTION joins.spelt(joins.word) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN enum_out($1)::text; END';
CREATE CAST (joins.word AS text) WITH FUNCTION joins.spelt(joins.word) AS IMPLICIT;
CREATE TABLE joins.words (word text PRIMARY KEY);
INSERT INTO joins.words VALUES ('aa'), ('bb'), ('cc');
CREATE TABLE joins.shop (id int PRIMARY KEY);
INSERT INTO joins.shop VALUES (1);
CREATE TABLE joins.by_cast (person_id int, shop int REFERENCES joins.shop ON UPDATE CASCADE, w joins.word REFERENCES joins.words (word));
CREATE TABLE joins.by_check (person_id int, shop int REFERENCES joins.shop ON UPDATE CASCADE, secret text, CHECK (joins.sees(secret) = 1));
CREATE TABLE joins.by_generated (person_id int, shop int REFERENCES joins.shop ON UPDATE CASCADE, secret text, g int GENERATED ALWAYS AS (joins.sees(secret)) STORED);
CREATE TABLE joins.by_part (person_id int, shop int REFERENCES joins.shop ON UPDATE CASCADE, secret text) PARTITION BY LIST (joins.sees(secret));
CREATE TABLE joins.by_part_1 PARTITION OF joins.by_part FOR VALUES IN (1);
CREATE TABLE joins.by_nothing (person_id int, shop int REFERENCES joins.shop ON UPDATE CASCADE, secret text, w text REFERENCES joins.words (word), CHECK (length(secret) > 0));
INSERT INTO joins.by_cast VALUES (9, 1, 'bb');
INSERT INTO joins.by_check VALUES (9, 1, 's9');
INSERT INTO joins.by_generated VALUES (9, 1, 's9');
INSERT INTO joins.by_part VALUES (9, 1, 's9');
INSERT INTO joins.by_nothing VALUES (9, 1, 's9', 'aa');
RESET ROLE;
SET client_min_messages = notice;
SELECT privseg.protect('joins.by_part', 'person_id', 'joins.person');
SET client_min_messages = warning;
SELECT count(privseg.protect(('joins.' || t)::regclass, 'person_id', 'joins.person')::text) FROM unnest('{by_cast,by_check,by_generated,by_nothing}'::text[]) t;
SET ROLE join_owner;
CREATE OR REPLACE FUNCTION joins.sees(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE WARNING ''seen: %'', $1; RETURN 1; END';
CREATE OR REPLACE FUNCTION joins.spelt(joins.word) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE WARNING ''seen: %'', $1; RETURN enum_out($1)::text; END';
RESET ROLE;
SELECT t, r.code, r.message FROM unnest('{by_cast,by_check,by_generated,by_part,by_nothing}'::text[]) WITH ORDINALITY t (t, n),
	LATERAL pg_temp.refusal((SELECT string_agg(format('ALTER TABLE joins.%I DROP COLUMN shop', o), '; ') FROM unnest('{by_cast,by_check,by_generated,by_part,by_nothing}'::text[]) o WHERE o <> t) || '; SET LOCAL privseg.purpose = ''join_mail''; UPDATE joins.shop SET id = 5', 'join_owner') r ORDER BY n;
SET ROLE join_owner;
CREATE TABLE joins.part_of (person_id int, kind text) PARTITION BY LIST (person_id);
RESET ROLE;
SELECT privseg.protect('joins.part_of', 'person_id', 'joins.person');
SELECT r.code, r.message, r.detail FROM pg_temp.refusal('CREATE TABLE joins.part_of_1 PARTITION OF joins.part_of FOR VALUES IN (1) PARTITION BY LIST (joins.sees(kind))', 'join_owner') r;

-- the keys that carry_subject() fills in are for nobody's code
SET ROLE join_owner;
CREATE TABLE joins.bill (id int PRIMARY KEY, person_id int);
CREATE INDEX ON joins.bill (person_id);
INSERT INTO joins.bill VALUES (50, 9);
CREATE TABLE joins.line (id int PRIMARY KEY, bill int REFERENCES joins.bill);
INSERT INTO joins.line VALUES (1, 50);
CREATE FUNCTION joins.shows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'seen: %', NEW; RETURN NEW; END $$;
RESET ROLE;
SELECT privseg.protect('joins.bill', 'person_id', 'joins.person');
SELECT s.statement, r.code, r.message, r.hint FROM unnest(ARRAY['CREATE TRIGGER shows AFTER UPDATE ON joins.line FOR EACH ROW EXECUTE FUNCTION joins.shows()', 'CREATE RULE shows AS ON UPDATE TO joins.line DO ALSO SELECT 1', 'CREATE FUNCTION joins.row_of(joins.line) RETURNS boolean LANGUAGE sql IMMUTABLE AS ''SELECT true''; ALTER TABLE joins.line ADD CHECK (joins.row_of(line))',
	'CREATE TRIGGER shows AFTER UPDATE ON joins.line FOR EACH ROW EXECUTE FUNCTION joins.shows(); ALTER TABLE joins.line DISABLE TRIGGER shows', 'CREATE TRIGGER shows AFTER INSERT ON joins.line FOR EACH ROW EXECUTE FUNCTION joins.shows()']) WITH ORDINALITY s (statement, n),
	LATERAL pg_temp.refusal('SET LOCAL ROLE join_owner; ' || s.statement || '; RESET ROLE; SELECT privseg.carry_subject(''joins.line'', ''bill'', ''person_id'')') r ORDER BY n;

-- a row type whose values are compared no more
SET ROLE join_owner;
CREATE TYPE joins.pair AS (a int, b text);
CREATE TABLE joins.plain (a int);
CREATE TYPE joins.outer_pair AS (p joins.pair, t joins.plain);
CREATE TYPE joins.between AS (k int);
CREATE TYPE joins.bounds AS RANGE (subtype = joins.between);
CREATE TYPE joins.unordered AS (k int, j json);
CREATE TYPE joins.unordered_bounds AS RANGE (subtype = joins.unordered);
CREATE TABLE joins.paired (id int PRIMARY KEY, c joins.pair, d joins.outer_pair[], e joins.bounds[], f joins.unordered_bounds);
CREATE INDEX ON joins.paired (c);
RESET ROLE;
SELECT privseg.protect('joins.paired', 'id', 'joins.person');
SELECT s.statement, r.code, r.message FROM unnest(ARRAY['ALTER TYPE joins.pair ADD ATTRIBUTE p point', 'ALTER TYPE joins.pair DROP ATTRIBUTE b', 'ALTER TYPE joins.outer_pair ADD ATTRIBUTE q point', 'ALTER TABLE joins.plain ADD p point', 'ALTER TABLE joins.plain DROP a', 'ALTER TYPE joins.pair RENAME ATTRIBUTE a TO aa', 'ALTER TABLE joins.other ADD p point', 'ALTER TYPE joins.between ADD ATTRIBUTE j json', 'CREATE INDEX ON joins.paired (f)', 'CREATE INDEX ON joins.paired (e)'])
	WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;

-- code of the owner's that runs in the very command moves the name of what is joined
CREATE SCHEMA join_first AUTHORIZATION join_owner;
SET ROLE join_owner;
CREATE TABLE join_first.part (person_id int, day int, note text, seen boolean);
CREATE STATISTICS join_first.st ON (joins.leak(note)), day FROM join_first.part;
CREATE TABLE join_first.child (LIKE joins.person);
CREATE STATISTICS join_first.st2 ON (joins.leak(name)), id FROM join_first.child;
CREATE TABLE join_first.free (LIKE joins.person);
CREATE FUNCTION join_first.renames() RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE joins.event RENAME TO event_x; RETURN 500; END $$;
CREATE FUNCTION join_first.shadows() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE join_first.person (a int); RETURN 1; END $$;
RESET ROLE;
SELECT s.statement, r.code, r.message FROM unnest(ARRAY[
	'ALTER TABLE joins.event ATTACH PARTITION join_first.part FOR VALUES FROM (400) TO (500)',
	'ALTER TABLE joins.event ATTACH PARTITION join_first.part FOR VALUES FROM (400) TO (join_first.renames())',
	'SET LOCAL search_path = join_first, joins; INSERT INTO child VALUES (1); ALTER TABLE child ADD COLUMN x int DEFAULT join_first.shadows(), INHERIT person']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(s.statement, 'join_owner') r ORDER BY n;
SET ROLE join_owner;
SET search_path = join_first, joins;
INSERT INTO free VALUES (1);
ALTER TABLE free ADD COLUMN x int DEFAULT join_first.shadows(), INHERIT person;
RESET search_path;
RESET ROLE;
SELECT c.relrowsecurity, c.relforcerowsecurity, (SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid) AS policies, (SELECT string_agg(tgname, ' ') FROM pg_trigger WHERE tgrelid = c.oid) AS triggers FROM pg_class c WHERE c.oid = 'join_first.free'::regclass;
DROP SCHEMA join_first CASCADE;

DROP SCHEMA joins CASCADE;
DROP OWNED BY join_owner, join_app;
DROP ROLE join_owner, join_app;
DROP EXTENSION btree_gist;
