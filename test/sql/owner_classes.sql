-- What the owner of a table with classified columns makes, to have their values under another class,
-- or handed to code of his.  What is there already when a column is classified is refused, or named.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE FUNCTION pg_temp.refusal(statement text, actor text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', actor, true);
	SELECT * INTO code, message, detail, hint FROM pg_temp.refusal(statement);
	RESET ROLE;
END $$;
CREATE SCHEMA owned;
CREATE ROLE class_owner;
CREATE ROLE class_admin;
GRANT privseg_admin TO class_admin;
GRANT class_owner TO class_admin;
GRANT USAGE, CREATE ON SCHEMA owned TO class_owner;
GRANT EXECUTE ON FUNCTION pg_temp.refusal(text) TO PUBLIC;
SELECT privseg.create_purpose('class_care', 'contract'), privseg.create_data_category('class.money', 'sensitive'), privseg.create_data_category('class.contact');
SET ROLE class_owner;
CREATE TABLE owned.person (id bigint PRIMARY KEY, income numeric, town text);
INSERT INTO owned.person SELECT i, i * 100, 'town' || i FROM generate_series(1, 30) i;
RESET ROLE;
SELECT privseg.protect('owned.person', 'id'), privseg.classify('owned.person', 'income', 'class.money');
SELECT privseg.grant_clearance('class_owner', 'class_care');
SET privseg.purpose = 'class_care';

-- columns of children alone that are generated from a classified one, or make one
SET ROLE class_owner;
CREATE TABLE owned.root (person bigint, a text, u text);
CREATE TABLE owned.kid () INHERITS (owned.root);
CREATE TABLE owned.grandkid (own text) INHERITS (owned.kid);
CREATE TABLE owned.with_own (person bigint, a text, u text, x text GENERATED ALWAYS AS (a) STORED);
CREATE TABLE owned.with_known (person bigint, a text, u text GENERATED ALWAYS AS (lower(a)) STORED);
CREATE TABLE owned.makes_it (person bigint, raw text, a text GENERATED ALWAYS AS (raw) STORED, u text);
CREATE TABLE owned.harmless (person bigint, a text, u text, x text GENERATED ALWAYS AS (u) STORED);
INSERT INTO owned.kid VALUES (1, 'secret', 'u');
RESET ROLE;
SELECT privseg.protect('owned.root', 'person', 'owned.person'), privseg.classify('owned.root', 'a', 'class.money');
SELECT r AS as_role, s AS statement, t.code, t.message, t.detail FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, m), unnest(ARRAY[
	'ALTER TABLE owned.kid ADD COLUMN x text GENERATED ALWAYS AS (a) STORED', 'ALTER TABLE owned.grandkid ADD COLUMN x text GENERATED ALWAYS AS (lower(COALESCE(u, a))) STORED',
	'CREATE TABLE owned.new (x text GENERATED ALWAYS AS (a) STORED) INHERITS (owned.root)', 'CREATE TABLE owned.new (x text GENERATED ALWAYS AS (a) STORED) INHERITS (owned.kid)',
	'ALTER TABLE owned.with_own INHERIT owned.root', 'ALTER TABLE owned.with_known INHERIT owned.kid', 'ALTER TABLE owned.makes_it INHERIT owned.root',
	-- what tells nothing that is classified, and what the root has, too
	'ALTER TABLE owned.harmless INHERIT owned.root', 'ALTER TABLE owned.kid ADD COLUMN x text GENERATED ALWAYS AS (u) STORED', 'ALTER TABLE owned.root ADD COLUMN x text GENERATED ALWAYS AS (a) STORED',
	'ALTER TABLE owned.root ADD COLUMN x text GENERATED ALWAYS AS (a) STORED; CREATE TABLE owned.new () INHERITS (owned.grandkid)',
	-- a column that a child keeps when the root's goes, and its class with it
	'ALTER TABLE ONLY owned.root DROP COLUMN a', 'ALTER TABLE owned.root DROP COLUMN a', 'ALTER TABLE ONLY owned.root DROP COLUMN u',
	'ALTER TABLE owned.root ADD COLUMN x text GENERATED ALWAYS AS (a) STORED; ALTER TABLE ONLY owned.root DROP COLUMN x',
	'ALTER TABLE owned.harmless INHERIT owned.root; ALTER TABLE owned.root DROP COLUMN a'])
	WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s, r) t ORDER BY m, n;
RESET ROLE;
-- a root's column that joins a child's; what is classified afterwards finds it
SET ROLE class_owner;
ALTER TABLE owned.kid ADD COLUMN x text GENERATED ALWAYS AS (lower(u)) STORED;
RESET ROLE;
SELECT s, t.* FROM unnest(ARRAY['SELECT privseg.classify(''owned.root'', ''u'', ''class.contact'')', 'SET LOCAL ROLE class_owner; SECURITY LABEL FOR privseg ON COLUMN owned.root.u IS ''class.contact''',
	'SET LOCAL ROLE class_owner; ALTER TABLE owned.root ADD COLUMN x text; RESET ROLE; SELECT privseg.classify(''owned.root'', ''u'', ''class.contact'')',
	'SET LOCAL ROLE class_owner; ALTER TABLE owned.root ADD COLUMN x text; RESET ROLE; SELECT privseg.classify(''owned.root'', ''x'', ''class.contact'')',
	'SET LOCAL ROLE class_owner; ALTER TABLE owned.kid DROP COLUMN x; RESET ROLE; SELECT privseg.classify(''owned.root'', ''u'', ''class.contact'')']) WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s) t ORDER BY n;
-- one that an administrator has let in is named, and not protected anew
SET ROLE class_admin;
ALTER TABLE owned.with_own INHERIT owned.root;
RESET ROLE;
SELECT status, area, object, message, hint FROM privseg.check() WHERE object ~ '^owned\.(kid|with_own)\.';
SELECT privseg.unprotect('owned.root');
SELECT * FROM pg_temp.refusal('SELECT privseg.protect(''owned.root'', ''person'', ''owned.person'')');
SET ROLE class_owner;
ALTER TABLE owned.with_own DROP COLUMN x;
RESET ROLE;
SELECT privseg.protect('owned.root', 'person', 'owned.person');
SELECT count(*) FROM privseg.check() WHERE object ~ '^owned\.(kid|with_own)\.';

-- policies that ask about whole rows, of which core notes no column
SET ROLE class_owner;
CREATE TABLE owned.plain (id bigint PRIMARY KEY, note text);
CREATE FUNCTION owned.steal(owned.person) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';
RESET ROLE;
SELECT s AS statement, t.code, t.message FROM unnest(ARRAY[
	'CREATE POLICY p ON owned.person AS RESTRICTIVE FOR SELECT USING (owned.steal(person))', 'CREATE POLICY p ON owned.person USING (to_jsonb(person) ->> ''income'' > ''5'')', 'CREATE POLICY p ON owned.person USING (person IS NOT NULL)',
	'CREATE POLICY p ON owned.person FOR INSERT WITH CHECK (owned.steal(person.*))', 'CREATE POLICY p ON owned.person USING ((SELECT owned.steal(person)))', 'CREATE POLICY p ON owned.kid USING (kid::text ~ ''x'')',
	'CREATE POLICY p ON owned.plain USING (EXISTS (SELECT FROM owned.person p WHERE p.id = plain.id AND owned.steal(p)))',
	'CREATE POLICY p ON owned.plain USING (EXISTS (SELECT FROM (owned.person p JOIN owned.root r ON r.person = p.id) j WHERE j.id = plain.id AND j::text ~ ''x''))',
	'CREATE POLICY p ON owned.person USING (true); ALTER POLICY p ON owned.person USING (owned.steal(person))',
	'CREATE POLICY p ON owned.person USING (town ~ ''t'')', 'CREATE POLICY p ON owned.plain USING (plain IS NOT NULL)']) WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s, 'class_owner') t ORDER BY n;

-- triggers that are handed rows, and policies, of tables that become a part
SET ROLE class_owner;
CREATE FUNCTION owned.take() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', NEW; RETURN NEW; END';
CREATE TABLE owned.part (person bigint, a text, at int) PARTITION BY LIST (at);
CREATE TABLE owned.part_1 PARTITION OF owned.part FOR VALUES IN (1);
CREATE TRIGGER t BEFORE INSERT ON owned.part_1 FOR EACH ROW EXECUTE FUNCTION owned.take();
RESET ROLE;
SELECT privseg.protect('owned.part', 'person', 'owned.person'), privseg.classify('owned.part', 'a', 'class.money');
SELECT r AS as_role, kind, m.made AS what, t.code, t.message FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, i), (VALUES ('ALTER TABLE owned.part ATTACH PARTITION owned.new FOR VALUES IN (2)', ''), ('ALTER TABLE owned.new INHERIT owned.root', ''),
	('ALTER TABLE owned.above ATTACH PARTITION owned.new FOR VALUES IN (2); ALTER TABLE owned.part ATTACH PARTITION owned.above FOR VALUES IN (2, 3)', 'CREATE TABLE owned.above (person bigint, a text, at int) PARTITION BY LIST (at); ')) k (kind, before), unnest(ARRAY[
	'CREATE TRIGGER mine BEFORE INSERT OR UPDATE ON owned.new FOR EACH ROW EXECUTE FUNCTION owned.take()', 'CREATE TRIGGER mine AFTER INSERT ON owned.new REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION owned.take()',
	'CREATE TRIGGER mine AFTER INSERT ON owned.new FOR EACH STATEMENT EXECUTE FUNCTION owned.take()', 'CREATE POLICY mine ON owned.new USING (a > ''b'')', 'CREATE POLICY mine ON owned.new USING (new IS NOT NULL)',
	'CREATE POLICY mine ON owned.new USING (person > 5)']) WITH ORDINALITY m (made, n),
	LATERAL pg_temp.refusal(k.before || 'CREATE TABLE owned.new (person bigint, a text, ' || CASE WHEN kind ~ 'INHERIT' THEN 'u text' ELSE 'at int' END || '); ' || m.made || '; ' || kind, r) t ORDER BY i, kind, n;
-- those that were there before are named
SELECT status, area, object, message, hint FROM privseg.check() WHERE object ~ '^owned\.part' AND message ~ 'trigger';
ALTER FUNCTION owned.take() OWNER TO CURRENT_USER;
SELECT count(*) FROM privseg.check() WHERE object ~ '^owned\.part' AND message ~ 'trigger';

-- checks of a domain are handed what is written, also those that are not validated, through types made of it, and those of
-- other domains that they lead to
SET ROLE class_owner;
CREATE DOMAIN owned.money AS numeric;
CREATE DOMAIN owned.salary AS owned.money;
CREATE TYPE owned.pay AS (what text, much owned.money);
CREATE DOMAIN owned.unused AS numeric;
CREATE TYPE owned.unused_row AS (much owned.unused);
CREATE SEQUENCE owned.asked;
CREATE DOMAIN owned.town AS text;
CREATE FUNCTION owned.told(numeric) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';
CREATE FUNCTION owned.told(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';
RESET ROLE;
SELECT c.type, r AS as_role, s AS statement, t.code, t.message FROM unnest('{owned.money,owned.salary,owned.money[],owned.salary[],owned.pay,owned.pay[]}'::text[]) WITH ORDINALITY c (type, i), unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, m), unnest(ARRAY[
	'ALTER DOMAIN owned.money ADD CHECK (owned.told(VALUE)) NOT VALID', 'ALTER DOMAIN owned.money ADD CHECK (owned.told(VALUE))', 'ALTER DOMAIN owned.money ADD CHECK (VALUE > -1) NOT VALID', 'ALTER DOMAIN owned.unused ADD CHECK (owned.told(VALUE)) NOT VALID',
	'ALTER DOMAIN owned.town ADD CHECK (owned.told(VALUE)) NOT VALID', 'ALTER DOMAIN owned.money ADD CHECK (VALUE::numeric::owned.unused IS NOT NULL) NOT VALID', 'ALTER DOMAIN owned.money ADD CHECK (ROW(VALUE)::owned.unused_row IS NOT NULL) NOT VALID', 'ALTER DOMAIN owned.money ADD CHECK (ARRAY[VALUE]::owned.unused[] IS NOT NULL) NOT VALID',
	'ALTER DOMAIN owned.money ADD CHECK (domain_in(numeric_out(VALUE), ''owned.unused''::regtype::oid, -1) IS NOT NULL) NOT VALID', 'ALTER DOMAIN owned.money ADD CHECK (CASE WHEN VALUE > 5 THEN nextval(''owned.asked'') END > 0) NOT VALID']) WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(format('RESET ROLE; CREATE TABLE owned.paid (person bigint, pay %s, town owned.town); SELECT privseg.protect(''owned.paid'', ''person'', ''owned.person''), privseg.classify(''owned.paid'', ''pay'', ''class.money''); SET LOCAL ROLE %s; %s', c.type, r, s)) t
	WHERE i = 1 OR (n = 1 AND m = 1) ORDER BY i, m, n;

-- those that were there when the column came, which is refused where there are rows, or got its class
SET ROLE class_owner;
CREATE DOMAIN owned.heard AS numeric CHECK (owned.told(VALUE));
CREATE DOMAIN owned.above AS owned.heard;
CREATE TYPE owned.heard_pair AS (what text, much owned.heard);
CREATE TYPE owned.heard_range AS RANGE (subtype = owned.heard);
CREATE DOMAIN owned.positive AS numeric CHECK (VALUE > 0);
RESET ROLE;
CREATE DOMAIN owned.administered AS numeric CHECK (owned.told(VALUE));
SELECT type, t.code, t.message FROM unnest('{owned.heard,owned.above,owned.heard[],owned.heard_pair,owned.heard_pair[],owned.heard_range,owned.heard_multirange,owned.administered[],owned.positive[],owned.pay}'::text[]) WITH ORDINALITY c (type, i),
	pg_temp.refusal('ALTER TABLE owned.person ADD COLUMN x ' || type, 'class_owner') t ORDER BY i;
CREATE TABLE owned.listens (person bigint, a owned.above, b owned.heard[], c owned.heard_pair, d owned.heard_multirange, e owned.administered[], f owned.positive[], g owned.heard_pair[], h owned.heard);
SECURITY LABEL FOR privseg ON COLUMN owned.listens.g IS 'class.money';
SET client_min_messages = notice;
SELECT privseg.protect('owned.listens', 'person', 'owned.person');
SELECT privseg.classify('owned.listens', c, 'class.money') FROM unnest('{a,b,c,e,f}'::name[]) c;
SECURITY LABEL FOR privseg ON COLUMN owned.listens.d IS 'class.money';
SET client_min_messages = warning;
SELECT status, area, object, message, hint FROM privseg.check() WHERE object ~ '^owned\.listens' AND message ~ 'checks' ORDER BY object;
-- also where a function of core's finds the domain, or what is written is told by what that does
SET ROLE class_owner;
CREATE DOMAIN owned.found AS numeric CHECK (domain_in(numeric_out(VALUE), 'owned.heard'::regtype::oid, -1) IS NOT NULL);
CREATE DOMAIN owned.notified AS numeric CHECK (pg_notify('owned', VALUE::text) IS NOT NULL);
CREATE DOMAIN owned.counted AS numeric CHECK (CASE WHEN VALUE > 5 THEN nextval('owned.asked') END > 0);
CREATE DOMAIN owned.led AS numeric CHECK ((VALUE::numeric)::owned.unused IS NOT NULL);
CREATE DOMAIN owned.at_random AS numeric CHECK (VALUE <> random() AND VALUE < extract(epoch FROM now()));
CREATE TABLE owned.finds (person bigint, a owned.found, b owned.notified[], c owned.counted, d owned.led, e owned.at_random);
RESET ROLE;
SELECT privseg.protect('owned.finds', 'person', 'owned.person');
SET client_min_messages = notice;
SELECT privseg.classify('owned.finds', c, 'class.money') FROM unnest('{a,b,c,d,e}'::name[]) c;
SET client_min_messages = warning;
SELECT object, message FROM privseg.check() WHERE object ~ '^owned\.finds' AND message ~ 'checks' ORDER BY object;
-- one that comes while the column has no class
SET ROLE class_owner;
CREATE TABLE owned.later (person bigint, a owned.unused[]);
RESET ROLE;
SELECT privseg.protect('owned.later', 'person', 'owned.person');
SET ROLE class_owner;
ALTER DOMAIN owned.unused ADD CHECK (owned.told(VALUE)) NOT VALID;
SET client_min_messages = notice;
SECURITY LABEL FOR privseg ON COLUMN owned.later.a IS 'class.money';
RESET client_min_messages;
RESET ROLE;
SET client_min_messages = warning;
SELECT object, message FROM privseg.check() WHERE object ~ '^owned\.later' AND message ~ 'checks';
-- a superuser's function is what a superuser has made it, whoever owns the domain
ALTER FUNCTION owned.told(numeric) OWNER TO CURRENT_USER;
SELECT count(*) FROM privseg.check() WHERE object ~ '^owned\.(later|listens)' AND message ~ 'checks';
ALTER FUNCTION owned.told(numeric) OWNER TO class_owner;

-- which partition a row is in tells of what it is partitioned by
CREATE ROLE class_filters;
CREATE ROLE class_masked;
CREATE ROLE class_sees;
GRANT USAGE ON SCHEMA owned TO class_filters, class_masked, class_sees;
SELECT privseg.grant_clearance(r, 'class_care') FROM unnest('{class_filters,class_masked,class_sees}'::regrole[]) r;
SELECT privseg.grant_clearance('class_filters', 'class_care', 'class.money', '{filter,mask}'), privseg.grant_clearance('class_masked', 'class_care', 'class.money', '{mask}'), privseg.grant_clearance('class_sees', 'class_care', 'class.money', '{project}');
SELECT s AS statement, r AS as_role, t.code, t.message FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, m), unnest(ARRAY[
	'CREATE TABLE owned.part_2 PARTITION OF owned.part FOR VALUES IN (2) PARTITION BY LIST (a)', 'CREATE TABLE owned.part_2 PARTITION OF owned.part FOR VALUES IN (2) PARTITION BY RANGE (person, lower(a))', 'CREATE TABLE owned.part_2 PARTITION OF owned.part FOR VALUES IN (2) PARTITION BY LIST (person)',
	'CREATE TABLE owned.part_2 (person bigint, a text, at int) PARTITION BY LIST (a); ALTER TABLE owned.part ATTACH PARTITION owned.part_2 FOR VALUES IN (2)',
	'ALTER TABLE owned.part ADD COLUMN which oid GENERATED ALWAYS AS (tableoid) STORED']) WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s, r) t ORDER BY m, n;
DROP TRIGGER t ON owned.part_1;
CREATE TABLE owned.part_2 PARTITION OF owned.part FOR VALUES IN (2) PARTITION BY LIST (a);
CREATE TABLE owned.part_2_x PARTITION OF owned.part_2 FOR VALUES IN ('x');
CREATE TABLE owned.part_2_y PARTITION OF owned.part_2 FOR VALUES IN ('y');
SET row_security = off;
INSERT INTO owned.part SELECT i, CASE WHEN i % 3 = 0 THEN 'x' ELSE 'y' END, 2 FROM generate_series(1, 30) i;
RESET row_security;
GRANT ALL ON ALL TABLES IN SCHEMA owned TO PUBLIC;
SELECT s AS statement, string_agg(right(r, -6) || ': ' || pg_temp.outcome(r, 'class_care', s), ', ' ORDER BY m) FROM unnest('{class_owner,class_masked,class_filters,class_sees}'::text[]) WITH ORDINALITY r (r, m), unnest(ARRAY[
	'SELECT tableoid::regclass FROM owned.part WHERE person = 3', 'SELECT tableoid::regclass FROM owned.part_1 LIMIT 1', 'SELECT person FROM owned.part WHERE tableoid = ''owned.part_2_x''::regclass AND person < 4', 'SELECT count(*) FROM owned.part GROUP BY tableoid ORDER BY 1 LIMIT 1',
	'SELECT x FROM (SELECT tableoid::regclass AS x, person FROM owned.part OFFSET 0) s WHERE person = 3', 'SELECT person FROM (SELECT tableoid AS x, person FROM owned.part OFFSET 0) s WHERE person = 3', 'SELECT count(tableoid) FROM owned.part', 'SELECT max(person) FROM owned.part_2_x',
	'SELECT max(person) FROM owned.part_2', 'SELECT count(*) FROM owned.part_1', 'SELECT count(*) FROM owned.person p JOIN owned.part_2_x x ON x.person = p.id', 'UPDATE owned.part_2_x SET at = 2 WHERE person = 3 RETURNING person', 'DELETE FROM owned.part_2_x RETURNING person',
	'DELETE FROM owned.part WHERE person = 3 RETURNING person']) WITH ORDINALITY s (s, n) GROUP BY s, n ORDER BY n;
-- what is put there its writer knows, and not what ON CONFLICT finds there
CREATE UNIQUE INDEX ON owned.part_2_x (person);
SELECT privseg.grant_clearance('class_masked', 'class_care', 'class.money', '{write}'), privseg.grant_clearance('class_filters', 'class_care', 'class.money', '{write}');
SELECT s AS statement, string_agg(right(r, -6) || ': ' || pg_temp.outcome(r, 'class_care', s), ', ' ORDER BY m) FROM unnest('{class_masked,class_filters}'::text[]) WITH ORDINALITY r (r, m), unnest(ARRAY[
	'INSERT INTO owned.part_2_x VALUES (1, ''x'', 2) RETURNING person', 'INSERT INTO owned.part_2_x VALUES (3, ''x'', 2) ON CONFLICT (person) DO UPDATE SET at = 2 RETURNING person', 'INSERT INTO owned.part_2_x VALUES (3, ''x'', 2) ON CONFLICT (person) DO NOTHING RETURNING person',
	'INSERT INTO owned.part_2_x VALUES (3, ''x'', 2) ON CONFLICT DO NOTHING RETURNING person', 'WITH w AS (INSERT INTO owned.part_2_x VALUES (3, ''x'', 2) ON CONFLICT (person) DO UPDATE SET at = 2 RETURNING person) SELECT person FROM w']) WITH ORDINALITY s (s, n) GROUP BY s, n ORDER BY n;
SELECT status, area, object, message, hint FROM privseg.check() WHERE object ~ '^owned\.part' AND message ~ 'partitioned';
DROP OWNED BY class_filters, class_masked, class_sees;
DROP ROLE class_filters, class_masked, class_sees;

-- checks that a child alone has tell what its rows have
CREATE TABLE owned.checked (person bigint, a text, at int, CHECK (a <> ''));
CREATE TABLE owned.checked_x (CONSTRAINT is_x CHECK (a = 'x'), CONSTRAINT is_new CHECK (at > 5)) INHERITS (owned.checked);
SELECT privseg.protect('owned.checked', 'person', 'owned.person'), privseg.classify('owned.checked', 'a', 'class.money');
SELECT status, area, object, message, hint FROM privseg.check() WHERE object ~ 'checked' AND area = 'classification';
ALTER TABLE owned.checked_x DROP CONSTRAINT is_x;
SELECT count(*) FROM privseg.check() WHERE object ~ 'checked' AND area = 'classification';

-- what is done to one part of a table is seen in rows of the whole, and tells which are in it: dropped, and rolled back
CREATE SCHEMA AUTHORIZATION class_owner;
SET ROLE class_owner;
CREATE TABLE owned.visit (person bigint, page text, at int, free int, PRIMARY KEY (person, at, free)) PARTITION BY RANGE (at);
CREATE TABLE owned.visit_1 PARTITION OF owned.visit FOR VALUES FROM (0) TO (10);
CREATE TABLE owned.visit_2 PARTITION OF owned.visit FOR VALUES FROM (10) TO (20) PARTITION BY LIST (free);
CREATE TABLE owned.visit_2_1 PARTITION OF owned.visit_2 FOR VALUES IN (1);
CREATE TYPE class_owner.kind AS (n int);
CREATE TABLE class_owner.visit_3 PARTITION OF owned.visit FOR VALUES FROM (20) TO (30);
CREATE TABLE owned.log (person bigint, a text, at int);
CREATE TABLE owned.log_x (CHECK (a = 'x')) INHERITS (owned.log);
CREATE TABLE owned.log_5 (CHECK (at < 5), k class_owner.kind) INHERITS (owned.log);
CREATE TABLE owned.dull (person bigint, a text, at int, PRIMARY KEY (person, at)) PARTITION BY RANGE (at);
CREATE TABLE owned.dull_1 PARTITION OF owned.dull FOR VALUES FROM (0) TO (10);
CREATE FUNCTION owned.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
RESET ROLE;
SELECT privseg.protect(r, 'person', 'owned.person') FROM unnest('{owned.visit,owned.log,owned.dull}'::regclass[]) r;
SELECT privseg.classify('owned.visit', 'at', 'class.money'), privseg.classify('owned.log', 'a', 'class.money'), privseg.classify('owned.dull', 'a', 'class.money');
CREATE TRIGGER seen AFTER INSERT ON owned.visit FOR EACH ROW EXECUTE FUNCTION owned.nothing();
SELECT r AS as_role, s AS statement, t.code, t.message, t.detail FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, i), unnest(ARRAY[
	'DROP TABLE owned.visit_1', 'DROP TABLE owned.visit_2', 'DROP TABLE owned.visit_2_1', 'DROP SCHEMA class_owner CASCADE', 'DROP TABLE owned.log_x', 'DROP TABLE owned.log_5', 'DROP TABLE owned.dull_1',
	'DO $do$ BEGIN DROP TABLE owned.visit_1; RAISE SQLSTATE ''ZZ001''; END $do$', 'DROP TABLE owned.visit_1, owned.visit', 'DROP TABLE owned.visit', 'DROP TABLE owned.log CASCADE', 'SET LOCAL client_min_messages = error; DROP OWNED BY class_owner CASCADE',
	'ALTER TABLE owned.visit_1 ALTER page SET STORAGE EXTERNAL', 'ALTER TABLE ONLY owned.visit ALTER page SET STORAGE EXTERNAL', 'ALTER TABLE owned.visit ALTER page SET STORAGE EXTERNAL',
	'ALTER TABLE owned.visit_2_1 ALTER page SET COMPRESSION pglz', 'ALTER TABLE owned.visit ALTER page SET COMPRESSION pglz', 'ALTER TABLE owned.log_x ALTER a SET STORAGE MAIN', 'ALTER TABLE owned.dull_1 ALTER a SET STORAGE MAIN',
	'ALTER TABLE owned.visit_1 SET (fillfactor = 10)', 'ALTER TABLE owned.visit_1 SET (toast_tuple_target = 128)', 'ALTER TABLE owned.visit_1 SET (autovacuum_enabled = off)', 'ALTER TABLE owned.dull_1 SET (fillfactor = 10)',
	'CLUSTER owned.visit_1 USING visit_1_pkey', 'CLUSTER owned.dull_1 USING dull_1_pkey', 'ALTER TABLE owned.visit_1 SET UNLOGGED', 'ALTER TABLE owned.dull_1 SET UNLOGGED',
	'ALTER TABLE owned.visit_1 DISABLE TRIGGER seen', 'ALTER TABLE ONLY owned.visit DISABLE TRIGGER seen', 'ALTER TABLE owned.visit DISABLE TRIGGER seen',
	'CREATE TABLE owned.visit_4 PARTITION OF owned.visit FOR VALUES FROM (30) TO (40)', 'CREATE TABLE owned.visit_4 PARTITION OF owned.visit FOR VALUES FROM (30) TO (40) WITH (fillfactor = 10)',
	'CREATE TABLE owned.visit_4 (person bigint NOT NULL, page text COMPRESSION pglz, at int NOT NULL, free int NOT NULL); ALTER TABLE owned.visit ATTACH PARTITION owned.visit_4 FOR VALUES FROM (30) TO (40)',
	'CREATE TABLE owned.visit_4 (person bigint NOT NULL, page text GENERATED ALWAYS AS (''x'') STORED, at int NOT NULL, free int NOT NULL); ALTER TABLE owned.visit ATTACH PARTITION owned.visit_4 FOR VALUES FROM (30) TO (40)',
	'CREATE TABLE owned.visit_4 (at int NOT NULL, person bigint NOT NULL, free int NOT NULL, page text); ALTER TABLE owned.visit ATTACH PARTITION owned.visit_4 FOR VALUES FROM (30) TO (40)']) WITH ORDINALITY s (s, n), pg_temp.refusal(s, r) t ORDER BY i, n;
SET ROLE class_owner;
VACUUM FULL owned.dull_1;
VACUUM FULL owned.visit;
VACUUM FULL owned.visit_1;
RESET ROLE;
DROP TABLE owned.visit, owned.log, owned.dull CASCADE;
DROP SCHEMA class_owner CASCADE;

-- foreign keys whose action changes a classified column
CREATE TABLE owned.code (a text PRIMARY KEY);
CREATE TABLE owned.coded (person bigint, a text, b text REFERENCES owned.code ON UPDATE CASCADE, c text REFERENCES owned.code, FOREIGN KEY (a) REFERENCES owned.code ON DELETE SET NULL, CONSTRAINT gone FOREIGN KEY (a) REFERENCES owned.code ON DELETE CASCADE);
SELECT privseg.protect('owned.coded', 'person', 'owned.person'), privseg.classify('owned.coded', 'a', 'class.money'), privseg.classify('owned.coded', 'c', 'class.money');
SELECT status, area, object, message, hint FROM privseg.check() WHERE object = 'owned.coded' AND message ~ 'foreign keys';
SELECT privseg.classify('owned.coded', 'b', 'class.money');
SELECT message FROM privseg.check() WHERE object = 'owned.coded' AND message ~ 'foreign keys';

-- foreign keys that compare classified columns: what becomes of the rows that refer tells whose a value is
SET ROLE class_owner;
CREATE TABLE owned.worker (person bigint UNIQUE NOT NULL, ssn bigint PRIMARY KEY, boss bigint, team int);
CREATE TABLE owned.ward (nr bigint, person bigint, team int, PRIMARY KEY (nr, team)) PARTITION BY LIST (team);
CREATE TABLE owned.ward_1 PARTITION OF owned.ward FOR VALUES IN (1);
CREATE TABLE owned.guess (ssn bigint PRIMARY KEY);
CREATE TABLE owned.before (ssn bigint REFERENCES owned.worker);
CREATE TABLE owned.member (email text PRIMARY KEY, n int);
CREATE TABLE owned.letter (member text REFERENCES owned.member, body text);
CREATE TABLE owned.note (member text, body text);
INSERT INTO owned.guess SELECT generate_series(1, 9);
RESET ROLE;
SELECT privseg.protect('owned.worker', 'person', 'owned.person'), privseg.protect('owned.ward', 'person', 'owned.person'), privseg.protect('owned.member', 'email'), privseg.protect('owned.letter', 'member', 'owned.member'), privseg.protect('owned.note', 'member', 'owned.member');
SET client_min_messages = notice;
SELECT privseg.classify('owned.worker', 'ssn', 'class.money'), privseg.classify('owned.worker', 'boss', 'class.money'), privseg.classify('owned.ward', 'nr', 'class.money'), privseg.classify('owned.member', 'email', 'class.contact');
SET client_min_messages = warning;
SELECT status, area, object, message, hint FROM privseg.check() WHERE object ~ '^owned\.(worker|ward|member)\.' AND message ~ 'foreign';
SELECT r AS as_role, s AS statement, t.code, t.message, t.detail FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, i), unnest(ARRAY[
	'CREATE TABLE owned.probe (s bigint REFERENCES owned.worker ON DELETE CASCADE)', 'CREATE TABLE owned.probe (s bigint REFERENCES owned.worker (ssn))', 'ALTER TABLE owned.guess ADD FOREIGN KEY (ssn) REFERENCES owned.worker NOT VALID',
	'ALTER TABLE owned.worker ADD FOREIGN KEY (boss) REFERENCES owned.worker', 'ALTER TABLE owned.worker ADD FOREIGN KEY (boss) REFERENCES owned.guess', 'ALTER TABLE owned.worker ADD FOREIGN KEY (ssn) REFERENCES owned.guess NOT VALID', 'ALTER TABLE owned.worker ADD g bigint GENERATED ALWAYS AS (ssn) STORED REFERENCES owned.guess',
	'CREATE TABLE owned.probe (n bigint, t int, FOREIGN KEY (n, t) REFERENCES owned.ward)', 'CREATE TABLE owned.probe (n bigint, t int, FOREIGN KEY (n, t) REFERENCES owned.ward_1)', 'CREATE TABLE owned.ward_2 PARTITION OF owned.ward (FOREIGN KEY (nr) REFERENCES owned.guess) FOR VALUES IN (2)',
	'CREATE TABLE owned.heir (FOREIGN KEY (boss) REFERENCES owned.guess) INHERITS (owned.worker)', 'CREATE TABLE owned.heir () INHERITS (owned.worker); ALTER TABLE owned.heir ADD FOREIGN KEY (boss) REFERENCES owned.guess',
	'CREATE TABLE owned.ward_2 (nr bigint NOT NULL, person bigint, team int NOT NULL, PRIMARY KEY (nr, team)); CREATE TABLE owned.probe (n bigint, t int, FOREIGN KEY (n, t) REFERENCES owned.ward_2); ALTER TABLE owned.ward ATTACH PARTITION owned.ward_2 FOR VALUES IN (2)',
	'CREATE TABLE owned.ward_2 (nr bigint REFERENCES owned.guess, person bigint, team int NOT NULL, PRIMARY KEY (nr, team)); ALTER TABLE owned.ward ATTACH PARTITION owned.ward_2 FOR VALUES IN (2)',
	'CREATE TABLE owned.heir (LIKE owned.worker INCLUDING ALL); CREATE TABLE owned.probe (s bigint REFERENCES owned.heir (person)); ALTER TABLE owned.heir INHERIT owned.worker', 'CREATE TABLE owned.heir (LIKE owned.worker INCLUDING ALL); ALTER TABLE owned.heir ADD FOREIGN KEY (boss) REFERENCES owned.heir; ALTER TABLE owned.heir INHERIT owned.worker',
	'CREATE TABLE owned.probe (m text REFERENCES owned.member)', 'ALTER TABLE owned.letter ADD FOREIGN KEY (body) REFERENCES owned.member',
	-- what is of no class, and from keys to keys of the same people
	'CREATE TABLE owned.probe (p bigint REFERENCES owned.worker (person))', 'ALTER TABLE owned.worker ADD FOREIGN KEY (person) REFERENCES owned.person', 'ALTER TABLE owned.note ADD FOREIGN KEY (member) REFERENCES owned.member',
	'CREATE TABLE owned.probe (n int PRIMARY KEY); ALTER TABLE owned.worker ADD FOREIGN KEY (team) REFERENCES owned.probe', 'ALTER TABLE owned.worker ADD n bigint REFERENCES owned.guess', 'CREATE TABLE owned.ward_2 PARTITION OF owned.ward FOR VALUES IN (2)'])
	WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s, r) t WHERE i = 1 OR n < 3 ORDER BY i, n;
SELECT t.* FROM pg_temp.refusal('SET LOCAL row_security = off; CREATE TABLE owned.probe (s bigint REFERENCES owned.worker ON DELETE CASCADE)') t;
-- a class that was there before the protection
SELECT privseg.unprotect('owned.worker');
SET client_min_messages = notice;
SELECT privseg.protect('owned.worker', 'person', 'owned.person');
SET client_min_messages = warning;

-- rows do not lie in the order of a classified key
SET ROLE class_owner;
CREATE TABLE owned.called (person bigint, nr bigint, at int, PRIMARY KEY (person, nr));
CREATE TABLE owned.met (id bigint PRIMARY KEY, person bigint, place int);
CREATE TABLE owned.met_child (PRIMARY KEY (id)) INHERITS (owned.met);
ALTER TABLE owned.called CLUSTER ON called_pkey;
RESET ROLE;
SELECT privseg.protect('owned.called', 'person', 'owned.person'), privseg.protect('owned.met', 'person', 'owned.person');
SET ROLE class_owner;
CLUSTER;
RESET ROLE;
SELECT privseg.classify('owned.called', 'nr', 'class.money');
SELECT s AS statement, t.code, t.message, t.detail FROM unnest(ARRAY['CLUSTER owned.worker USING worker_pkey', 'ALTER TABLE owned.worker CLUSTER ON worker_pkey', 'CLUSTER owned.called USING called_pkey', 'CLUSTER owned.called', 'ALTER TABLE owned.called CLUSTER ON called_pkey', 'CLUSTER owned.member USING member_pkey',
	'CREATE TABLE owned.heir (LIKE owned.worker INCLUDING INDEXES) INHERITS (owned.worker); CLUSTER owned.heir USING heir_pkey', 'CREATE TABLE owned.heir (PRIMARY KEY (person, ssn)) INHERITS (owned.worker); ALTER TABLE owned.heir CLUSTER ON heir_pkey',
	'CLUSTER owned.ward_1 USING ward_1_pkey', 'ALTER TABLE owned.ward_1 CLUSTER ON ward_1_pkey', 'CLUSTER owned.met USING met_pkey', 'CLUSTER owned.met_child USING met_child_pkey', 'ALTER TABLE owned.met CLUSTER ON met_pkey', 'CLUSTER owned.person USING person_pkey']) WITH ORDINALITY s (s, n), pg_temp.refusal(s, 'class_owner') t ORDER BY n;
SET ROLE class_owner;
CLUSTER owned.ward USING ward_pkey;
CLUSTER;
RESET ROLE;
-- nor of one that is closed to everybody
SET privseg.unclassified = deny;
SELECT s AS statement, t.code, t.message FROM unnest(ARRAY['CLUSTER owned.met USING met_pkey', 'ALTER TABLE owned.met CLUSTER ON met_pkey', 'CLUSTER owned.person USING person_pkey', 'SET LOCAL row_security = off; RESET ROLE; CLUSTER owned.worker USING worker_pkey']) WITH ORDINALITY s (s, n), pg_temp.refusal(s, 'class_owner') t ORDER BY n;
RESET privseg.unclassified;

-- unique indexes of classified columns over rows that are there: that two have one value, and whose a guess is
SET ROLE class_owner;
CREATE TABLE owned.paid (id bigint PRIMARY KEY, income numeric, email varchar(20), town text, mail varchar(20) UNIQUE);
CREATE TABLE owned.paid_parts (person bigint, income numeric, part int) PARTITION BY LIST (part);
CREATE TABLE owned.paid_part PARTITION OF owned.paid_parts FOR VALUES IN (1);
CREATE TABLE owned.unpaid (id bigint PRIMARY KEY, income numeric);
INSERT INTO owned.paid SELECT i, i * 100, 'e' || i, 't' || i, 'm' || i FROM generate_series(1, 9) i;
INSERT INTO owned.paid_parts SELECT i, i * 100, 1 FROM generate_series(1, 9) i;
RESET ROLE;
SELECT privseg.protect('owned.paid', 'id', 'owned.person'), privseg.protect('owned.paid_parts', 'person', 'owned.person'), privseg.protect('owned.unpaid', 'id', 'owned.person');
SELECT count(privseg.classify(t::regclass, c, 'class.money')) FROM (VALUES ('owned.paid', 'income'), ('owned.paid', 'email'), ('owned.paid', 'mail'), ('owned.paid_parts', 'income'), ('owned.unpaid', 'income')) v (t, c);
SELECT r AS as_role, s AS statement, t.code, t.message FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, i), unnest(ARRAY['CREATE UNIQUE INDEX ON owned.paid (income)', 'ALTER TABLE owned.paid ADD UNIQUE (town, email)', 'ALTER TABLE owned.paid DROP CONSTRAINT paid_pkey, ADD PRIMARY KEY (income)',
	'CREATE UNIQUE INDEX ON owned.paid_parts (income, part)', 'CREATE UNIQUE INDEX ON owned.paid_part (income)', 'CREATE UNIQUE INDEX ON ONLY owned.paid_parts (income, part)', 'ALTER TABLE owned.paid ALTER email TYPE varchar(30), ADD UNIQUE (email)', 'ALTER TABLE owned.paid DROP CONSTRAINT paid_mail_key, ADD CONSTRAINT paid_mail_key UNIQUE (income)', 'CREATE UNIQUE INDEX ON owned.paid (mail) NULLS NOT DISTINCT',
	-- without rows, of open columns, and of what was unique
	'CREATE UNIQUE INDEX ON owned.unpaid (income)', 'CREATE UNIQUE INDEX ON owned.paid (town)', 'CREATE INDEX ON owned.paid (income)', 'ALTER TABLE owned.paid ALTER mail TYPE varchar(30)', 'CREATE UNIQUE INDEX ON owned.paid (mail)', 'CREATE TABLE owned.paid_2 PARTITION OF owned.paid_parts (UNIQUE (income)) FOR VALUES IN (2)'])
	WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s, r) t ORDER BY i, n;
SET ROLE class_owner;
REINDEX INDEX CONCURRENTLY owned.paid_mail_key;
RESET ROLE;
-- rows that a table brings which joins are written by nobody
SET ROLE class_owner;
CREATE TABLE owned.paid_2 (person bigint, income numeric, part int);
CREATE TABLE owned.paid_kid () INHERITS (owned.unpaid);
CREATE TABLE owned.paid_own (id bigint PRIMARY KEY, income numeric);
RESET ROLE;
SELECT r AS as_role, s AS statement, t.code, t.message, t.detail, t.hint FROM unnest('{class_owner,class_admin}'::text[]) WITH ORDINALITY r (r, i), unnest(ARRAY['ALTER TABLE owned.paid_parts ATTACH PARTITION owned.paid_2 FOR VALUES IN (2)', 'ALTER TABLE owned.paid_own INHERIT owned.unpaid',
	'INSERT INTO owned.paid_2 VALUES (3, 700, 2); ALTER TABLE owned.paid_parts ATTACH PARTITION owned.paid_2 FOR VALUES IN (2)', 'INSERT INTO owned.paid_own VALUES (3, 700); ALTER TABLE owned.paid_own INHERIT owned.unpaid', 'INSERT INTO owned.paid_own VALUES (3, 700); ALTER TABLE owned.paid_own INHERIT owned.paid_kid']) WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal(s, r) t ORDER BY i, n;
-- under privseg.unclassified = deny, of columns without a class, too
SET privseg.unclassified = deny;
SELECT t.code, t.message FROM pg_temp.refusal('CREATE UNIQUE INDEX ON owned.paid (town)', 'class_owner') t;
-- nor are columns that are closed to everybody compared by foreign keys, or by a default
SELECT s AS statement, t.code, t.message, t.hint FROM unnest(ARRAY['ALTER TABLE owned.paid ADD o bigint REFERENCES owned.guess', 'CREATE TABLE owned.probe (n bigint, t int, FOREIGN KEY (n, t) REFERENCES owned.called)', 'CREATE TABLE owned.probe (p bigint REFERENCES owned.paid)']) WITH ORDINALITY s (s, n), pg_temp.refusal(s, 'class_owner') t ORDER BY n;
RESET privseg.unclassified;
SET ROLE class_owner;
CREATE TABLE owned.closed (id bigint PRIMARY KEY, person bigint, mark int DEFAULT 7, UNIQUE (mark), town text);
RESET ROLE;
SELECT privseg.protect('owned.closed', 'person', 'owned.person'), privseg.grant_clearance('class_owner', 'class_care', 'class.money', '{write}'), privseg.classify('owned.closed', 'id', 'class.money');
SET privseg.unclassified = deny;
SELECT s AS statement, t.code, t.message FROM unnest(ARRAY['INSERT INTO owned.closed (id, person) VALUES (1, 1)', 'INSERT INTO owned.closed (id, person, mark) VALUES (1, 1, NULL)']) WITH ORDINALITY s (s, n), pg_temp.refusal(s, 'class_owner') t ORDER BY n;
RESET privseg.unclassified;
SELECT privseg.revoke_clearance('class_owner', 'class_care', 'class.money');
-- a foreign key between keys of the same people comes after the protection
SELECT t.* FROM pg_temp.refusal('CREATE TABLE owned.session (id bigserial PRIMARY KEY, member text REFERENCES owned.member)', 'class_owner') t;
SET ROLE class_owner;
CREATE TABLE owned.session (id bigserial PRIMARY KEY, member text);
RESET ROLE;
SELECT privseg.protect('owned.session', 'member', 'owned.member');
SET ROLE class_owner;
ALTER TABLE owned.session ADD FOREIGN KEY (member) REFERENCES owned.member;
RESET ROLE;

-- nor is a default compared with others' values of a classified column, by who may not write it
SET ROLE class_owner;
CREATE SEQUENCE owned.guessed;
CREATE TABLE owned.apart (person bigint, mark int DEFAULT 7, place int) PARTITION BY LIST (place);
CREATE TABLE owned.apart_1 PARTITION OF owned.apart FOR VALUES IN (1);
CREATE UNIQUE INDEX ON owned.apart_1 (mark);
CREATE VIEW owned.worker_view AS SELECT person, ssn, team FROM owned.worker;
RESET ROLE;
SELECT privseg.protect('owned.apart', 'person', 'owned.person'), privseg.classify('owned.apart', 'mark', 'class.money');
SET row_security = off;
INSERT INTO owned.worker SELECT i, 100 + i, i, 1 FROM generate_series(1, 9) i;
INSERT INTO owned.apart VALUES (1, 7, 1);
RESET row_security;
SET ROLE class_owner;
ALTER TABLE owned.worker ALTER ssn SET DEFAULT 105, ALTER boss SET DEFAULT 3;
COPY owned.worker (person, team) FROM stdin;
900	1
\.
ALTER TABLE owned.worker ALTER ssn DROP DEFAULT;
RESET ROLE;
SELECT c.uses, s AS statement, t.code, t.message FROM unnest('{mask,write}'::text[]) WITH ORDINALITY c (uses, m), unnest(ARRAY['ALTER TABLE owned.worker ALTER ssn SET DEFAULT 105; INSERT INTO owned.worker (person, team) VALUES (900, 1)', 'ALTER TABLE owned.worker ALTER ssn SET DEFAULT 105; DELETE FROM owned.worker WHERE person = 5; INSERT INTO owned.worker (person, team) VALUES (900, 1)',
	'ALTER TABLE owned.worker ALTER ssn SET DEFAULT 106; DELETE FROM owned.worker WHERE person = 5; INSERT INTO owned.worker (person, team) VALUES (900, 1) ON CONFLICT DO NOTHING', 'ALTER TABLE owned.worker ALTER ssn SET DEFAULT nextval(''owned.guessed''); INSERT INTO owned.worker (person, ssn) VALUES (900, DEFAULT), (901, DEFAULT)',
	'ALTER TABLE owned.worker ALTER ssn ADD GENERATED ALWAYS AS IDENTITY (START 105); INSERT INTO owned.worker (person) VALUES (900)', 'ALTER TABLE owned.worker ALTER ssn SET DEFAULT 105; INSERT INTO owned.worker_view (person) VALUES (900)', 'ALTER VIEW owned.worker_view ALTER ssn SET DEFAULT 105; INSERT INTO owned.worker_view (person) VALUES (900)',
	'ALTER TABLE owned.worker ALTER ssn SET DEFAULT 105; MERGE INTO owned.worker w USING (VALUES (900)) v (i) ON w.person = v.i WHEN NOT MATCHED THEN INSERT (person) VALUES (v.i)', 'CREATE TABLE owned.heir (LIKE owned.worker INCLUDING INDEXES) INHERITS (owned.worker); ALTER TABLE owned.heir ALTER ssn SET DEFAULT 105; INSERT INTO owned.heir (person) VALUES (900)',
	'INSERT INTO owned.apart (person, place) VALUES (900, 1)', 'INSERT INTO owned.apart_1 (person, place) VALUES (900, 1)', 'ALTER TABLE owned.apart ALTER mark SET DEFAULT NULL; INSERT INTO owned.apart (person, place) VALUES (900, 1)', 'DROP INDEX owned.apart_1_mark_idx; INSERT INTO owned.apart (person, place) VALUES (900, 1)']) WITH ORDINALITY s (s, n),
	pg_temp.refusal(format('SELECT privseg.grant_clearance(''class_owner'', ''class_care'', ''class.money'', ''{%s}''); SET LOCAL ROLE class_owner; %s', uses, s)) t ORDER BY m, n;

DROP SCHEMA owned CASCADE;
DROP OWNED BY class_owner, class_admin;
DROP ROLE class_owner, class_admin;
