-- Protection's own triggers: nobody makes one, puts another in its place, or has it dropped with something else.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE made_shop;
CREATE ROLE made_attacker;
CREATE SCHEMA made;
GRANT ALL ON SCHEMA made TO made_shop, made_attacker;
SELECT privseg.create_purpose('made_service', 'contract'), privseg.create_purpose('made_mail', 'consent');
SET ROLE made_shop;
CREATE TABLE made.customer (id int PRIMARY KEY, name text);
CREATE TABLE made.ordered (id int PRIMARY KEY, customer int NOT NULL, note text);
INSERT INTO made.customer SELECT i, 'n' || i FROM generate_series(1, 20) i;
INSERT INTO made.ordered VALUES (4, 4, 'shown'), (77, 18, 'hidden');
SET ROLE made_attacker;
CREATE TABLE made.mine (id int PRIMARY KEY, customer int NOT NULL, note text, friend int);
INSERT INTO made.mine VALUES (1, 3, 'mine', 5), (2, 15, 'secret of 15', 16);
CREATE TABLE made.part (id int, k int, v text, PRIMARY KEY (id, k)) PARTITION BY RANGE (k);
CREATE TABLE made.part_1 PARTITION OF made.part FOR VALUES FROM (0) TO (100);
CREATE TABLE made.part_2 PARTITION OF made.part FOR VALUES FROM (100) TO (200);
INSERT INTO made.part VALUES (15, 15, 'secret of 15');
RESET ROLE;
SELECT privseg.protect('made.customer', 'id'), privseg.protect('made.ordered', 'customer', 'made.customer'), privseg.protect('made.mine', 'customer', 'made.customer', also_about => '{friend}'), privseg.protect('made.part', 'id', 'made.customer');
SELECT count(privseg.record_consent('made.customer', i, 'made_mail', 'given')) FROM generate_series(1, 10) i;
SELECT privseg.grant_clearance('made_attacker', 'made_mail'), privseg.grant_clearance('made_attacker', 'made_service');
GRANT REFERENCES, SELECT ON made.customer, made.ordered TO made_attacker;
CREATE FUNCTION made.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
GRANT TRIGGER, UPDATE ON made.ordered TO made_attacker;
SET ROLE made_attacker;
SET privseg.purpose = 'made_mail';
ALTER TABLE made.mine ADD COLUMN order_id int REFERENCES made.ordered, ADD COLUMN d int;
ALTER TABLE made.part ADD COLUMN ref int REFERENCES made.customer;

-- none is made or replaced, by an owner or whoever may make triggers
SELECT s AS statement, code, message FROM unnest(ARRAY[
	'CREATE TRIGGER b BEFORE UPDATE ON made.mine FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried(''order_id'', ''d'')',
	'CREATE TRIGGER b BEFORE INSERT ON made.mine FOR EACH ROW WHEN (false) EXECUTE FUNCTION privseg.subject_carried(''order_id'', ''d'')',
	'CREATE TRIGGER privseg_subject_carried BEFORE INSERT OR UPDATE ON made.mine FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried(''order_id'', ''d'')',
	'CREATE TRIGGER z BEFORE UPDATE ON made.part FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried(''ref'', ''id'')',
	'CREATE TRIGGER c AFTER UPDATE ON made.mine FOR EACH ROW EXECUTE FUNCTION privseg.subject_moved()',
	'CREATE OR REPLACE TRIGGER privseg_subject_moved AFTER UPDATE ON made.mine FOR EACH ROW WHEN (false) EXECUTE FUNCTION privseg.subject_moved()',
	'CREATE OR REPLACE TRIGGER privseg_subject_moved AFTER UPDATE ON made.mine FOR EACH ROW WHEN (false) EXECUTE FUNCTION made.nothing()',
	'CREATE OR REPLACE TRIGGER privseg_subject_moved AFTER UPDATE ON made.ordered FOR EACH ROW WHEN (false) EXECUTE FUNCTION made.nothing()',
	'CREATE OR REPLACE TRIGGER privseg_subject_moved_before BEFORE UPDATE ON made.part FOR EACH ROW WHEN (false) EXECUTE FUNCTION made.nothing()',
	'ALTER TRIGGER privseg_subject_moved ON made.mine DEPENDS ON EXTENSION plpgsql',
	'ALTER TRIGGER privseg_subject_moved_before ON made.part DEPENDS ON EXTENSION plpgsql',
	'CREATE TRIGGER own AFTER UPDATE ON made.mine FOR EACH ROW EXECUTE FUNCTION made.nothing()',
	'CREATE TABLE made.part_3 PARTITION OF made.part FOR VALUES FROM (200) TO (300)']) s, LATERAL pg_temp.refusal(s);

-- one that a superuser has put there, or that is of another column, is not taken for the one that tells the subject
RESET ROLE;
CREATE TABLE made.z (k int PRIMARY KEY);
INSERT INTO made.z VALUES (1);
CREATE FUNCTION made.to_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.order_id := 77; RETURN new; END';
CREATE FUNCTION made.to_friend() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.friend := 5; RETURN new; END';
ALTER TABLE made.mine ADD COLUMN z int REFERENCES made.z ON UPDATE CASCADE;
SET row_security = off;
UPDATE made.mine SET z = 1 WHERE id = 1;
RESET row_security;
CREATE TRIGGER a BEFORE UPDATE ON made.mine FOR EACH ROW EXECUTE FUNCTION made.to_order();
CREATE TRIGGER b BEFORE INSERT OR UPDATE ON made.mine FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried('order_id', 'd');
GRANT ALL ON made.z TO made_attacker;
SET ROLE made_attacker;
SELECT code, message FROM pg_temp.refusal('UPDATE made.z SET k = 2');
SELECT code, message FROM pg_temp.refusal('UPDATE made.mine SET note = note WHERE id = 1');
SET privseg.purpose = 'made_service';
SELECT code, message FROM pg_temp.refusal('INSERT INTO made.mine (id, customer, note, order_id) SELECT 1000 + id, 3, note, id FROM made.ordered WHERE id = 77');
RESET ROLE;
DROP TRIGGER a ON made.mine;
DROP TRIGGER b ON made.mine;
CREATE TRIGGER z BEFORE UPDATE ON made.part FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried('ref', 'id');
SET ROLE made_attacker;
SELECT code, message FROM pg_temp.refusal('UPDATE made.part SET id = 5, k = k + 100 WHERE id = 15');
SELECT code, message FROM pg_temp.refusal('UPDATE made.part SET ref = 5, k = k + 100 WHERE id = 15');

-- one of carry_subject() for another column than the one that protects
RESET ROLE;
CREATE TABLE made.line (id int PRIMARY KEY, order_id int NOT NULL REFERENCES made.ordered, reviewer int NOT NULL, txt text);
INSERT INTO made.line VALUES (1, 4, 15, 'review of 15'), (2, 4, 3, 'review of 3');
ALTER TABLE made.line OWNER TO made_attacker;
SELECT privseg.carry_subject('made.line', 'order_id', 'of');
SELECT privseg.protect('made.line', 'reviewer', 'made.customer');
CREATE FUNCTION made.to_reviewer() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.reviewer := 3; RETURN new; END';
CREATE TRIGGER a BEFORE UPDATE ON made.line FOR EACH ROW EXECUTE FUNCTION made.to_reviewer();
SET ROLE made_attacker;
SELECT code, message FROM pg_temp.refusal('UPDATE made.line SET txt = txt WHERE id = 1');
RESET ROLE;
-- the order is moved in maintenance: its lines keep their reviewers
SELECT privseg.grant_clearance('made_shop', 'made_service');
SET row_security = off;
UPDATE made.ordered SET customer = 5 WHERE id = 4;
SELECT id, reviewer FROM made.line ORDER BY id;
RESET row_security;

-- whom else a row is about stays, also when its subject follows another row's, who is gone
CREATE TABLE made.call (id int PRIMARY KEY, customer int REFERENCES made.customer ON DELETE SET NULL);
INSERT INTO made.call VALUES (1, 9);
CREATE TABLE made.said (id int PRIMARY KEY, call int NOT NULL REFERENCES made.call, friend int, txt text);
INSERT INTO made.said VALUES (1, 1, 16, 'about 16, too');
SELECT privseg.protect('made.call', 'customer', 'made.customer');
SELECT privseg.carry_subject('made.said', 'call', 'customer');
SELECT privseg.protect('made.said', 'customer', 'made.customer', also_about => '{friend}');
GRANT DELETE ON made.customer TO made_attacker;
SET ROLE made_attacker;
SELECT code, message FROM pg_temp.refusal('DELETE FROM made.customer WHERE id = 9');
RESET ROLE;
CREATE TRIGGER a BEFORE UPDATE ON made.said FOR EACH ROW EXECUTE FUNCTION made.to_friend();
SET ROLE made_attacker;
SELECT code, message FROM pg_temp.refusal('DELETE FROM made.customer WHERE id = 9');
RESET ROLE;

-- a statement that a function keeps is not written to
CREATE TABLE made.plain (id int);
CREATE POLICY own ON made.plain USING (true);
CREATE FUNCTION made.alters() RETURNS void LANGUAGE plpgsql SET search_path = made, public AS $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		ALTER POLICY own ON plain USING (id > 0);
		PERFORM string_agg(repeat('x', n), '') FROM generate_series(1, 200) n;
		ALTER POLICY own ON plain USING (true);
	END LOOP;
END $$;
SELECT made.alters(), made.alters();

DROP SCHEMA made CASCADE;
DROP OWNED BY made_shop, made_attacker;
DROP ROLE made_shop, made_attacker;
