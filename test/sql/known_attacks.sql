-- Attacks that worked once, by owners, DBAs without superuser, BYPASSRLS roles
-- and superusers who did not say row_security = off.  Each line must hold.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA attack_test;
CREATE ROLE attack_owner;
CREATE ROLE attack_bypass BYPASSRLS;
CREATE ROLE attack_analyst;
GRANT ALL ON SCHEMA attack_test TO PUBLIC;
SELECT privseg.create_purpose('attack_a', 'consent'), privseg.create_purpose('attack_b', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, p)::text) FROM unnest('{attack_owner,attack_bypass,attack_analyst}'::text[]) r, unnest('{attack_a,attack_b}'::text[]) p;
SET ROLE attack_owner;
CREATE TABLE attack_test.person (id int PRIMARY KEY, secret text, n int);
CREATE TABLE attack_test.purchase (id int PRIMARY KEY, person_id int REFERENCES attack_test.person ON DELETE CASCADE, secret text);
CREATE TABLE attack_test.event (person_id int, secret text, at int) PARTITION BY LIST (at);
CREATE TABLE attack_test.event_1 PARTITION OF attack_test.event FOR VALUES IN (1);
CREATE TABLE attack_test.base (person_id int, secret text);
CREATE TABLE attack_test.kid () INHERITS (attack_test.base);
CREATE INDEX ON attack_test.purchase (person_id);
CREATE INDEX ON attack_test.event (person_id);
CREATE INDEX ON attack_test.base (person_id);
INSERT INTO attack_test.person SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i, i FROM generate_series(1, 9) i;
INSERT INTO attack_test.purchase SELECT i, i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 9) i;
INSERT INTO attack_test.event SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i, 1 FROM generate_series(1, 9) i;
INSERT INTO attack_test.kid SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 9) i;
GRANT ALL ON ALL TABLES IN SCHEMA attack_test TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('attack_test.person', 'id'), privseg.protect('attack_test.purchase', 'person_id', 'attack_test.person'),
	privseg.protect('attack_test.event', 'person_id', 'attack_test.person'), privseg.protect('attack_test.base', 'person_id', 'attack_test.person');
SELECT count(privseg.record_consent('attack_test.person', i, 'attack_a', 'given')) FROM generate_series(1, 5) i;
SELECT count(privseg.record_consent('attack_test.person', i, 'attack_b', 'given')) FROM generate_series(3, 7) i;

CREATE SEQUENCE attack_test.spied;
GRANT ALL ON SEQUENCE attack_test.spied TO PUBLIC;
CREATE FUNCTION attack_test.spy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$
BEGIN
	IF $1 LIKE 'hidden%' THEN PERFORM nextval('attack_test.spied'); END IF;
	RETURN $1;
END $$;
CREATE FUNCTION attack_test.spy_eq(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM attack_test.spy($1), attack_test.spy($2); RETURN $1 = $2; END $$;
CREATE OPERATOR attack_test.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = attack_test.spy_eq);
CREATE FUNCTION attack_test.spy_cmp(text, text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM attack_test.spy($1); RETURN bttextcmp($1, $2); END $$;
CREATE OPERATOR CLASS attack_test.spy_ops FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 attack_test.spy_cmp(text, text);

-- code of the owner's runs on shown rows only: nothing hidden is spied
CREATE FUNCTION pg_temp.spied(actor text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	PERFORM setval('attack_test.spied', 1, false);
	code := pg_temp.outcome(actor, 'attack_a', statement);
	RETURN (SELECT CASE WHEN is_called THEN 'spied' ELSE 'held' END FROM attack_test.spied);
END $$;
SELECT s AS statement, pg_temp.spied('attack_owner', s) FROM unnest(ARRAY[
	$$CREATE POLICY a ON attack_test.person AS RESTRICTIVE USING (attack_test.spy(secret) <> ''); SELECT count(*) FROM attack_test.person$$,
	$$CREATE POLICY a ON attack_test.person USING (attack_test.spy(secret) <> ''); SELECT count(*) FROM attack_test.person$$,
	$$CREATE POLICY a ON attack_test.person AS RESTRICTIVE FOR UPDATE USING (attack_test.spy(secret) <> ''); UPDATE attack_test.person SET n = 1$$,
	$$ALTER TABLE attack_test.person ADD CHECK (attack_test.spy(secret) <> '')$$,
	$$ALTER TABLE attack_test.person ADD CONSTRAINT c CHECK (attack_test.spy(secret) <> '') NOT VALID; ALTER TABLE attack_test.person VALIDATE CONSTRAINT c$$,
	$$CREATE INDEX ON attack_test.person (attack_test.spy(secret))$$,
	$$CREATE INDEX ON attack_test.person (id) WHERE attack_test.spy(secret) <> ''$$,
	$$CREATE INDEX ON attack_test.person (secret attack_test.spy_ops)$$,
	$$CREATE INDEX ON attack_test.event_1 (attack_test.spy(secret))$$,
	$$ALTER TABLE attack_test.person ALTER secret TYPE text USING attack_test.spy(secret)$$,
	$$ALTER TABLE attack_test.base ALTER secret TYPE text USING attack_test.spy(secret)$$,
	$$ALTER TABLE attack_test.person ADD COLUMN g text GENERATED ALWAYS AS (attack_test.spy(secret)) STORED$$,
	$$ALTER TABLE attack_test.person ADD EXCLUDE USING btree (attack_test.spy(secret) WITH =)$$,
	$$CREATE STATISTICS attack_test.s ON (attack_test.spy(secret)) FROM attack_test.person; ANALYZE attack_test.person$$,
	$$CREATE DOMAIN attack_test.d AS text; ALTER TABLE attack_test.person ALTER secret TYPE attack_test.d; ALTER DOMAIN attack_test.d ADD CHECK (attack_test.spy(VALUE) <> '')$$,
	$$CREATE FUNCTION attack_test.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM attack_test.person WHERE secret OPERATOR(attack_test.===) '''' FOR KEY SHARE; RETURN OLD; END';
		CREATE TRIGGER t BEFORE DELETE ON attack_test.purchase FOR EACH ROW EXECUTE FUNCTION attack_test.t(); DELETE FROM attack_test.person WHERE id = 1$$,
	$$CREATE FUNCTION attack_test.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE attack_test.event SET at = at WHERE secret OPERATOR(attack_test.===) ''''; RETURN OLD; END';
		CREATE TRIGGER t BEFORE DELETE ON attack_test.purchase FOR EACH ROW EXECUTE FUNCTION attack_test.t(); DELETE FROM attack_test.person WHERE id = 1$$]) s;
-- nor does a trigger's statement in a cascade change hidden rows
CREATE FUNCTION attack_test.vandal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE attack_test.base SET secret = 'gone'; DELETE FROM attack_test.event WHERE person_id = 7; UPDATE attack_test.base SET secret = 'gone' WHERE person_id = 7; RETURN OLD; END $$;
CREATE TRIGGER vandal BEFORE DELETE ON attack_test.purchase FOR EACH ROW EXECUTE FUNCTION attack_test.vandal();
BEGIN;
SET LOCAL ROLE attack_owner;
SET LOCAL privseg.purpose = 'attack_a';
DELETE FROM attack_test.person WHERE id = 1;
RESET ROLE;
SET LOCAL row_security = off;
SELECT (SELECT count(*) FROM attack_test.base WHERE secret LIKE 'hidden%') AS base, (SELECT count(*) FROM attack_test.event WHERE secret LIKE 'hidden%') AS event;
ROLLBACK;
DROP TRIGGER vandal ON attack_test.purchase;

-- an owner does not free a child: all of these are refused, or leave it protected
SELECT s AS statement, pg_temp.outcome('attack_owner', 'attack_a', s) IN ('0', '5', '42501', '0A000') AS held FROM unnest(ARRAY[
	$$ALTER TABLE attack_test.event DETACH PARTITION attack_test.event_1; SELECT count(*) FROM attack_test.event_1$$,
	$$ALTER TABLE attack_test.event DETACH PARTITION attack_test.event_1; ALTER TABLE attack_test.event_1 DISABLE ROW LEVEL SECURITY; SELECT count(*) FROM attack_test.event_1$$,
	$$ALTER TABLE attack_test.event DETACH PARTITION attack_test.event_1; DROP POLICY privseg ON attack_test.event_1; CREATE POLICY p ON attack_test.event_1 USING (true); SELECT count(*) FROM attack_test.event_1$$,
	$$ALTER TABLE attack_test.kid NO INHERIT attack_test.base; ALTER TABLE attack_test.kid DISABLE ROW LEVEL SECURITY; SELECT count(*) FROM attack_test.kid$$,
	$$CREATE TABLE attack_test.top (person_id int, secret text); ALTER TABLE attack_test.kid INHERIT attack_test.top; SELECT count(*) FROM attack_test.top$$,
	$$CREATE TABLE attack_test.top (LIKE attack_test.event) PARTITION BY LIST (at); ALTER TABLE attack_test.top ATTACH PARTITION attack_test.event FOR VALUES IN (1, 2); SELECT count(*) FROM attack_test.top$$]) s;

-- a call of the policy's own function does not stand for the policy
CREATE FUNCTION attack_test.inlined() RETURNS SETOF attack_test.person LANGUAGE sql STABLE AS $$ SELECT * FROM attack_test.person WHERE privseg.row_permitted(id * 0 + 1, 'attack_test.person', 0) $$;
CREATE VIEW attack_test.barrier WITH (security_barrier) AS SELECT * FROM attack_test.person WHERE privseg.row_permitted(id * 0 + 1, 'attack_test.person', 0);
ALTER VIEW attack_test.barrier OWNER TO attack_bypass;
CREATE VIEW attack_test.barrier_also WITH (security_barrier) AS SELECT * FROM attack_test.person WHERE privseg.row_permitted(1, 'attack_test.person', 0);
ALTER VIEW attack_test.barrier_also OWNER TO attack_bypass;
SELECT s AS statement, pg_temp.outcome('attack_bypass', 'attack_a', s) IN ('5', '42501', '0A000') AS held FROM unnest(ARRAY[
	$$SELECT count(*) FROM attack_test.inlined()$$,
	$$SELECT count(*) FROM attack_test.barrier$$,
	$$WITH w AS (UPDATE attack_test.barrier SET n = n RETURNING id) SELECT count(*) FROM w$$,
	$$WITH w AS (DELETE FROM attack_test.barrier_also RETURNING id) SELECT count(*) FROM w$$,
	$$WITH w AS (UPDATE attack_test.barrier_also SET n = n RETURNING id) SELECT count(*) FROM w$$]) s;

-- one purpose per statement, from its start to its end
SELECT pg_temp.outcome('attack_analyst', 'attack_a', $$WITH a AS MATERIALIZED (SELECT array_agg(id ORDER BY id) AS ids FROM attack_test.person),
	b AS MATERIALIZED (SELECT set_config('privseg.purpose', 'attack_b', true), ids FROM a)
	SELECT format('%s %s', ids, (SELECT array_agg(person_id ORDER BY person_id) FROM attack_test.purchase)) FROM b$$) AS two_purposes;
SET SESSION AUTHORIZATION attack_analyst;
SET privseg.purpose = 'attack_a';
\set VERBOSITY sqlstate
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM attack_test.person;
FETCH 2 FROM c;
SET LOCAL privseg.purpose = 'attack_b';
SAVEPOINT s;
ROLLBACK TO s;
FETCH ALL FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM attack_test.person;
SET LOCAL privseg.purpose = 'attack_b';
FETCH ALL FROM c;
ROLLBACK;
\set VERBOSITY default
RESET privseg.purpose;
RESET SESSION AUTHORIZATION;

-- nobody clears themselves by a name that needs quotes, nor makes themselves an administrator
CREATE ROLE "Attack_Admin" IN ROLE privseg_admin;
CREATE ROLE attack_admin;
CREATE ROLE "attack.admin" IN ROLE privseg_admin;
CREATE ROLE attack_creator CREATEROLE;
SET SESSION AUTHORIZATION "Attack_Admin";
SELECT code FROM pg_temp.refusal($$SELECT privseg.grant_clearance('"Attack_Admin"', 'attack_a')$$);
SELECT code FROM pg_temp.refusal($$SELECT privseg.grant_clearance('attack_admin', 'attack_a')$$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION "attack.admin";
SELECT code FROM pg_temp.refusal($$SELECT privseg.grant_clearance('attack_admin', 'attack_a')$$);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION attack_creator;
SELECT s AS statement, code FROM unnest(ARRAY['GRANT privseg_admin TO attack_creator', 'GRANT privseg_steward TO attack_admin', 'ALTER ROLE privseg_admin LOGIN', 'DROP ROLE privseg_reviewer', 'CREATE ROLE attack_x IN ROLE privseg_admin', 'ALTER GROUP privseg_admin ADD USER attack_creator', 'ALTER ROLE privseg_admin RENAME TO attack_y']) s, LATERAL pg_temp.refusal(s);
RESET SESSION AUTHORIZATION;

-- what a person said is not made to vanish by taking the guards off its table, nor is the stored policy
SELECT s AS statement, code FROM unnest(ARRAY[
	'DROP TRIGGER consent_record_refuse ON privseg.consent_record', 'DROP TRIGGER consent_record_after ON privseg.consent_record', 'ALTER TRIGGER consent_record_refuse ON privseg.consent_record RENAME TO x',
	'CREATE RULE x AS ON INSERT TO privseg.consent_record DO INSTEAD NOTHING', 'CREATE TRIGGER x BEFORE INSERT ON privseg.consent_record FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'ALTER POLICY privseg ON attack_test.person USING (true)', 'ALTER POLICY privseg ON attack_test.person TO attack_analyst',
	'ALTER TABLE attack_test.person ENABLE TRIGGER privseg_subject_moved', 'ALTER TABLE attack_test.person ENABLE TRIGGER ALL']) s, LATERAL pg_temp.refusal(s);

-- a foreign key sees all rows when it is added, whoever adds it and whatever the purpose
CREATE TABLE attack_test.reference (person_id int);
ALTER TABLE attack_test.reference OWNER TO attack_bypass;
GRANT ALL ON attack_test.reference TO PUBLIC;
INSERT INTO attack_test.reference VALUES (7);
SELECT r AS actor, p AS purpose, pg_temp.outcome(r, p, 'ALTER TABLE attack_test.reference ADD FOREIGN KEY (person_id) REFERENCES attack_test.person; SELECT 1') AS added
FROM unnest('{postgres,attack_bypass}'::text[]) r, unnest('{"",attack_a}'::text[]) p WHERE NOT (r = 'attack_bypass' AND p = '');
-- and an orphan is one although it is hidden
SET row_security = off;
ALTER TABLE attack_test.purchase DROP CONSTRAINT purchase_person_id_fkey;
INSERT INTO attack_test.purchase VALUES (70, 70, 'hidden');
RESET row_security;
SELECT pg_temp.outcome('attack_owner', 'attack_a', 'ALTER TABLE attack_test.purchase ADD FOREIGN KEY (person_id) REFERENCES attack_test.person; SELECT 1') AS owner;
ALTER TABLE attack_test.purchase OWNER TO attack_bypass;
SELECT pg_temp.outcome('attack_bypass', 'attack_a', 'ALTER TABLE attack_test.purchase ADD FOREIGN KEY (person_id) REFERENCES attack_test.person; SELECT 1') AS bypass;

-- a carried subject follows its order through a rename
CREATE TABLE attack_test.orders (id int PRIMARY KEY, person_id int);
CREATE INDEX ON attack_test.orders (person_id);
INSERT INTO attack_test.orders VALUES (1, 1);
GRANT ALL ON attack_test.orders TO PUBLIC;
SELECT privseg.protect('attack_test.orders', 'person_id', 'attack_test.person');
CREATE TABLE attack_test.line (id int, order_id int REFERENCES attack_test.orders);
SELECT privseg.carry_subject('attack_test.line', 'order_id', 'person_id');
ALTER TABLE attack_test.orders RENAME TO "Orders";
ALTER TABLE attack_test."Orders" RENAME COLUMN id TO "Number";
GRANT ALL ON attack_test.line TO PUBLIC;
SELECT pg_temp.outcome('attack_analyst', 'attack_a', 'INSERT INTO attack_test.line VALUES (1, 1) RETURNING person_id') AS carried;

-- a key that is out of its type's range does not fit: 22P02, in every form
CREATE TABLE attack_test.small (id smallint PRIMARY KEY);
SELECT privseg.protect('attack_test.small', 'id');
SELECT s AS call, code FROM unnest(ARRAY[$$record_consent('attack_test.small', 40000, 'attack_a', 'given')$$, $$record_consent('attack_test.small', '40000', 'attack_a', 'given')$$,
	$$permitted('attack_test.person', 3000000000, 'attack_a')$$, $$withdraw_consent('attack_test.person', '99999999999999999999')$$]) s, LATERAL pg_temp.refusal('SELECT privseg.' || s);
-- no message carries what a record holds
SELECT detail LIKE '%secret%' AS shown FROM pg_temp.refusal($$SELECT privseg.record_consent('attack_test.person', 1, 'attack_a', 'given', given_by => 'nobody', evidence => '{"secret": 1}')$$);

DROP SCHEMA attack_test CASCADE;
DROP OWNED BY attack_owner, attack_bypass, attack_analyst, attack_admin, "Attack_Admin", "attack.admin", attack_creator;
DROP ROLE attack_owner, attack_bypass, attack_analyst, attack_admin, "Attack_Admin", "attack.admin", attack_creator;
