-- Core's queries for foreign keys see all rows; nobody else's do, however they are
-- written, wherever they run: in a trigger of a cascade, a default of an ALTER TABLE.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE ref_owner;
CREATE ROLE ref_analyst;
CREATE ROLE ref_nobody;
CREATE SCHEMA ref AUTHORIZATION ref_owner;
GRANT ALL ON SCHEMA ref TO ref_analyst, ref_nobody;
SELECT privseg.create_purpose('ref_mail', 'consent');
SELECT privseg.grant_clearance('ref_analyst', 'ref_mail'), privseg.grant_clearance('ref_owner', 'ref_mail');
SET ROLE ref_owner;
CREATE TABLE ref.customers (id bigint PRIMARY KEY, a int, b int, UNIQUE (a, b));
CREATE TABLE ref.orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES ref.customers ON DELETE CASCADE, note text);
CREATE TABLE ref.details (customer_id bigint PRIMARY KEY REFERENCES ref.customers, secret text);
CREATE TABLE ref.pairs (a int, b int, customer_id bigint, FOREIGN KEY (a, b) REFERENCES ref.customers (a, b));
CREATE TABLE ref.people (id bigint PRIMARY KEY) PARTITION BY HASH (id);
CREATE TABLE ref.people_0 PARTITION OF ref.people FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE ref.visits (id int, person_id bigint REFERENCES ref.people);
INSERT INTO ref.customers SELECT i, i, i + 1 FROM generate_series(1, 9) i;
INSERT INTO ref.orders SELECT i, 1 + i % 9, CASE WHEN 1 + i % 9 > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 18) i;
INSERT INTO ref.details SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 9) i;
INSERT INTO ref.pairs SELECT i, i + 1, i FROM generate_series(1, 9) i;
INSERT INTO ref.people SELECT generate_series(1, 9);
INSERT INTO ref.visits SELECT i, i FROM generate_series(1, 9) i;
CREATE INDEX ON ref.orders (customer_id);
CREATE INDEX ON ref.pairs (customer_id);
CREATE INDEX ON ref.visits (person_id);
GRANT ALL ON ALL TABLES IN SCHEMA ref TO ref_analyst, ref_nobody;
RESET ROLE;
SELECT privseg.protect('ref.customers', 'id'), privseg.protect('ref.orders', 'customer_id', 'ref.customers'), privseg.protect('ref.details', 'customer_id', 'ref.customers'),
	privseg.protect('ref.pairs', 'customer_id', 'ref.customers'), privseg.protect('ref.people', 'id'), privseg.protect('ref.visits', 'person_id', 'ref.people');
SELECT count(privseg.record_consent('ref.customers', i, 'ref_mail', 'given')), count(privseg.record_consent('ref.people', i, 'ref_mail', 'given')) FROM generate_series(1, 5) i;

-- code that writes down what it is shown, also when the statement then fails
CREATE SEQUENCE ref.spied;
CREATE SEQUENCE ref.shown;
GRANT ALL ON ALL SEQUENCES IN SCHEMA ref TO PUBLIC;
CREATE FUNCTION ref.spy(text) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$
BEGIN
	IF $1 LIKE 'hidden%' OR $1 IN ('6', '7', '8', '9') THEN PERFORM nextval('ref.spied'); ELSE PERFORM nextval('ref.shown'); END IF;
	RETURN true;
END $$;
CREATE FUNCTION pg_temp.spied(actor text, purpose text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	PERFORM setval('ref.spied', 1, false), setval('ref.shown', 1, false);
	code := pg_temp.outcome(actor, purpose, statement);
	RETURN format('%s, %s', code, (SELECT CASE WHEN is_called THEN 'spied' ELSE 'held' END FROM ref.spied));
END $$;

-- a query like the one that validates a foreign key, in an ALTER TABLE that validates one
CREATE FUNCTION ref.run(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	FOR r IN EXECUTE statement LOOP
		PERFORM ref.spy(r);
	END LOOP;
	RETURN 1;
END $$;
SELECT what, pg_temp.spied('ref_nobody', '', format('CREATE TEMP TABLE x (x int PRIMARY KEY); CREATE TEMP TABLE y (x int); INSERT INTO y VALUES (NULL);'
	' ALTER TABLE y ADD COLUMN c int DEFAULT ref.run(%L), ADD FOREIGN KEY (x) REFERENCES x', query)) AS nobody
FROM (VALUES
	('to the letter', 'SELECT fk.customer_id FROM ONLY ref.orders fk LEFT OUTER JOIN ONLY ref.customers pk ON (pk.id OPERATOR(pg_catalog.=) fk.customer_id) WHERE pk.id IS NULL AND (fk.customer_id IS NOT NULL)'),
	('having', 'SELECT fk.customer_id FROM ONLY ref.orders fk LEFT OUTER JOIN ONLY ref.customers pk ON pk.id = fk.customer_id WHERE pk.id IS NULL AND fk.customer_id IS NOT NULL GROUP BY fk.customer_id HAVING ref.spy(fk.customer_id::text)'),
	('one to one', 'SELECT fk.customer_id FROM ONLY ref.details fk LEFT OUTER JOIN ONLY ref.customers pk ON pk.id = fk.customer_id WHERE pk.id IS NULL AND fk.customer_id IS NOT NULL GROUP BY fk.customer_id HAVING ref.spy(fk.secret)'),
	('parent only', 'SELECT fk.person_id FROM ONLY ref.visits fk LEFT OUTER JOIN ONLY ref.people pk ON pk.id = fk.person_id WHERE pk.id IS NULL AND fk.person_id IS NOT NULL'),
	('crosswise', 'SELECT fk.a, fk.b FROM ONLY ref.pairs fk LEFT OUTER JOIN ONLY ref.customers pk ON pk.a = fk.b AND pk.b = fk.a WHERE pk.a IS NULL AND fk.a IS NOT NULL AND fk.b IS NOT NULL'),
	('NULL keys', 'SELECT fk.customer_id FROM ONLY ref.orders fk LEFT OUTER JOIN ONLY ref.customers pk ON pk.id = fk.customer_id WHERE pk.id IS NULL')) q (what, query);

-- a cascade does not hand hidden rows to triggers: whoever owns the table, or may put one on it
CREATE TABLE ref.hook (h int PRIMARY KEY);
INSERT INTO ref.hook VALUES (1);
GRANT ALL ON ref.hook TO PUBLIC;
ALTER TABLE ref.hook OWNER TO ref_owner;
CREATE FUNCTION ref.take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ref.spy(OLD.note); IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
CREATE FUNCTION ref.take_all() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ref.spy(note) FROM gone; RETURN NULL; END $$;
CREATE FUNCTION ref.like_core() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	v bigint := 7;
	n int;
BEGIN
	IF current_setting('ref.once', true) = 'yes' THEN RETURN OLD; END IF;
	PERFORM set_config('ref.once', 'yes', true);
	PERFORM 1 FROM ref.orders x WHERE customer_id = v FOR KEY SHARE OF x;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n > 0 THEN PERFORM nextval('ref.spied'); END IF;
	PERFORM 1 FROM ONLY ref.customers x WHERE id = v FOR KEY SHARE OF x;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n > 0 THEN PERFORM nextval('ref.spied'); END IF;
	DELETE FROM ref.orders WHERE customer_id = v;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n > 0 THEN PERFORM nextval('ref.spied'); END IF;
	UPDATE ref.orders SET customer_id = NULL WHERE customer_id = v;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n > 0 THEN PERFORM nextval('ref.spied'); END IF;
	RETURN OLD;
END $$;
-- all orders refer to one row of another table
BEGIN;
SET LOCAL row_security = off;
ALTER TABLE ref.orders ADD COLUMN h int DEFAULT 1, ADD FOREIGN KEY (h) REFERENCES ref.hook ON DELETE SET NULL;
RESET row_security;
SELECT what, pg_temp.spied('ref_owner', p, format('%s; DELETE FROM ref.hook RETURNING h', sql)) FROM unnest(ARRAY['', 'ref_mail']) p, (VALUES
	('no trigger', 'SELECT 1'),
	('before', 'CREATE TRIGGER t BEFORE UPDATE ON ref.orders FOR EACH ROW EXECUTE FUNCTION ref.take()'),
	('after', 'CREATE TRIGGER t AFTER UPDATE ON ref.orders FOR EACH ROW EXECUTE FUNCTION ref.take()'),
	('when', 'CREATE TRIGGER t AFTER UPDATE ON ref.orders FOR EACH ROW WHEN (ref.spy(OLD.note)) EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
	('all at once', 'CREATE TRIGGER t AFTER UPDATE ON ref.orders REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ref.take_all()'),
	('of the statement', 'CREATE TRIGGER t BEFORE UPDATE ON ref.orders FOR EACH STATEMENT EXECUTE FUNCTION ref.like_core()'),
	('a rule', 'CREATE RULE r AS ON UPDATE TO ref.orders DO ALSO SELECT ref.spy(OLD.note)'),
	('a rule instead', 'CREATE RULE r AS ON UPDATE TO ref.orders DO INSTEAD SELECT ref.spy(note) FROM ref.orders'),
	('a rule that copies', 'CREATE TABLE ref.copied (note text); CREATE RULE r AS ON UPDATE TO ref.orders DO ALSO INSERT INTO ref.copied SELECT note FROM ref.orders WHERE ref.spy(note)'),
	('a policy', 'CREATE POLICY p ON ref.orders USING (ref.spy(note))'),
	('a default', 'ALTER TABLE ref.orders DROP CONSTRAINT orders_h_fkey, ADD FOREIGN KEY (h) REFERENCES ref.hook ON DELETE SET DEFAULT; ALTER TABLE ref.orders ALTER h SET DEFAULT ref.run($$SELECT note FROM ref.orders$$)')) t (what, sql);
ROLLBACK;
-- but what belongs to a permitted subject goes with it, and triggers see it
SELECT what, pg_temp.spied('ref_analyst', 'ref_mail', format('%s; DELETE FROM ref.details WHERE customer_id = 1; DELETE FROM ref.pairs WHERE customer_id = 1; DELETE FROM ref.customers WHERE id = 1 RETURNING id', sql)) AS analyst FROM (VALUES
	('no trigger', 'SELECT 1'),
	('before', 'CREATE TRIGGER t BEFORE DELETE ON ref.orders FOR EACH ROW EXECUTE FUNCTION ref.take()'),
	('like core', 'CREATE TRIGGER t BEFORE DELETE ON ref.orders FOR EACH ROW EXECUTE FUNCTION ref.like_core()'),
	('like core, before the statement', 'CREATE TRIGGER t BEFORE DELETE ON ref.orders FOR EACH STATEMENT EXECUTE FUNCTION ref.like_core()')) t (what, sql);
SELECT pg_temp.outcome('ref_analyst', 'ref_mail', 'DELETE FROM ref.customers WHERE id = 7 RETURNING id') AS hidden;

-- keys are validated against all rows, whoever does it, in every command that does
ALTER TABLE ref.orders DROP CONSTRAINT orders_customer_id_fkey;
CREATE TABLE ref.year (customer_id bigint REFERENCES ref.customers, y int) PARTITION BY LIST (y);
CREATE TABLE ref.year_1 (customer_id bigint, y int);
INSERT INTO ref.year_1 VALUES (7, 1);
CREATE TABLE ref.year_2 (customer_id bigint, y int);
INSERT INTO ref.year_2 VALUES (70, 2);
ALTER TABLE ref.year OWNER TO ref_owner;
ALTER TABLE ref.year_1 OWNER TO ref_owner;
ALTER TABLE ref.year_2 OWNER TO ref_owner;
SELECT s AS statement, pg_temp.outcome('ref_owner', '', s || '; SELECT 0') AS owner, pg_temp.outcome('postgres', '', s || '; SELECT 0') AS super FROM unnest(ARRAY[
	'ALTER TABLE ref.orders ADD FOREIGN KEY (customer_id) REFERENCES ref.customers',
	'ALTER TABLE ref.orders ADD CONSTRAINT k FOREIGN KEY (customer_id) REFERENCES ref.customers NOT VALID; ALTER TABLE ref.orders VALIDATE CONSTRAINT k',
	'ALTER TABLE ref.orders ADD FOREIGN KEY (id) REFERENCES ref.customers',
	'ALTER TABLE ref.pairs ADD FOREIGN KEY (a, b) REFERENCES ref.customers (a, b) MATCH FULL',
	'ALTER TABLE ref.visits ADD FOREIGN KEY (person_id) REFERENCES ref.people',
	'ALTER TABLE ref.year ATTACH PARTITION ref.year_1 FOR VALUES IN (1)',
	'ALTER TABLE ref.year ATTACH PARTITION ref.year_2 FOR VALUES IN (2)']) s;

-- what a key becomes is not copied to a table that is not protected, not in maintenance either
SET ROLE ref_owner;
CREATE TABLE ref.member (mail text PRIMARY KEY, number bigint UNIQUE);
CREATE TABLE ref.kept (mail text REFERENCES ref.member ON UPDATE CASCADE, number bigint);
CREATE TABLE ref.badge (member text REFERENCES ref.member ON UPDATE CASCADE);
INSERT INTO ref.member SELECT 'm' || i, i FROM generate_series(1, 9) i;
INSERT INTO ref.kept SELECT mail, number FROM ref.member;
INSERT INTO ref.badge SELECT mail FROM ref.member;
GRANT ALL ON ALL TABLES IN SCHEMA ref TO ref_analyst, ref_nobody;
-- core has its plan from here on
UPDATE ref.member SET mail = 'm10' WHERE mail = 'm9';
RESET ROLE;
SELECT privseg.protect('ref.member', 'mail'), privseg.protect('ref.badge', 'member', 'ref.member');
SELECT count(privseg.record_consent('ref.member', 'm' || i, 'ref_mail', 'given')) FROM generate_series(1, 5) i;
SET row_security = off;
UPDATE ref.member SET mail = 'm11' WHERE mail = 'm10';
UPDATE ref.member SET mail = mail WHERE mail = 'm10';
SELECT r.code, r.message FROM unnest(ARRAY['SET DEFAULT', 'SET NULL', 'CASCADE']) a, LATERAL pg_temp.refusal(format('ALTER TABLE ref.kept DROP CONSTRAINT kept_mail_fkey, ADD FOREIGN KEY (mail) REFERENCES ref.member ON UPDATE %s; UPDATE ref.member SET mail = ''m11'' WHERE mail = ''m10''', a)) r;
-- numbers are no better
ALTER TABLE ref.kept DROP CONSTRAINT kept_mail_fkey, ADD FOREIGN KEY (number) REFERENCES ref.member (number) ON UPDATE CASCADE;
UPDATE ref.member SET mail = 'm11' WHERE mail = 'm10';
UPDATE ref.member SET number = 12 WHERE mail = 'm11';
SELECT * FROM ref.badge ORDER BY 1;
SELECT * FROM ref.kept ORDER BY 1;
RESET row_security;

DROP SCHEMA ref CASCADE;
DROP OWNED BY ref_owner, ref_analyst, ref_nobody;
DROP ROLE ref_owner, ref_analyst, ref_nobody;
