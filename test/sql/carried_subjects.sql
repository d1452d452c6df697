-- A subject's key that is carried through foreign keys stays true: whatever is
-- written, and when a row above is moved to another subject, which only
-- maintenance (row_security = off) may do.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE carry_owner;
CREATE ROLE carry_analyst;
CREATE ROLE carry_keeper BYPASSRLS;
CREATE SCHEMA carry AUTHORIZATION carry_owner;
SELECT privseg.create_purpose('carry_mail', 'consent');
SELECT privseg.grant_clearance('carry_analyst', 'carry_mail'), privseg.grant_clearance('carry_owner', 'carry_mail');
SET ROLE carry_owner;
CREATE TABLE carry.customers (id bigint PRIMARY KEY);
CREATE TABLE carry.orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES carry.customers ON UPDATE CASCADE);
CREATE INDEX ON carry.orders (customer_id);
CREATE TABLE carry.lines (id bigint PRIMARY KEY, order_id bigint REFERENCES carry.orders ON UPDATE CASCADE);
CREATE TABLE carry.notes (line_id bigint REFERENCES carry.lines, note text) PARTITION BY LIST (note);
CREATE TABLE carry.notes_a PARTITION OF carry.notes FOR VALUES IN ('a');
CREATE TABLE carry.notes_b PARTITION OF carry.notes DEFAULT;
INSERT INTO carry.customers SELECT generate_series(1, 3);
INSERT INTO carry.orders SELECT c * 10 + i, c FROM generate_series(1, 3) c, generate_series(1, 2) i;
INSERT INTO carry.lines SELECT id * 10 + i, id FROM carry.orders, generate_series(1, 2) i;
INSERT INTO carry.notes SELECT id, CASE id % 3 WHEN 0 THEN 'a' ELSE 'b' END FROM carry.lines;
GRANT USAGE ON SCHEMA carry TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA carry TO carry_analyst, carry_keeper;
RESET ROLE;
SELECT privseg.protect('carry.customers', 'id'), privseg.protect('carry.orders', 'customer_id', 'carry.customers');
SELECT privseg.carry_subject('carry.lines', 'order_id', 'customer_id');
SELECT privseg.protect('carry.lines', 'customer_id', 'carry.customers');
SELECT privseg.carry_subject('carry.notes', 'line_id', 'customer_id');
SELECT privseg.protect('carry.notes', 'customer_id', 'carry.customers');
SELECT privseg.record_consent('carry.customers', 1, 'carry_mail', 'given') > 0 AS recorded;

-- no line may come: each carries what the row above it has
CREATE VIEW carry.wrong AS
SELECT 'line' AS what, l.id FROM carry.lines l JOIN carry.orders o ON o.id = l.order_id WHERE l.customer_id IS DISTINCT FROM o.customer_id
UNION ALL SELECT 'note', n.line_id FROM carry.notes n JOIN carry.lines l ON l.id = n.line_id WHERE n.customer_id IS DISTINCT FROM l.customer_id;
SET row_security = off;
SELECT * FROM carry.wrong;
SELECT customer_id, count(*) FROM carry.notes GROUP BY 1 ORDER BY 1;

-- maintenance moves an order: its lines and their notes follow
UPDATE carry.orders SET customer_id = 2 WHERE id = 11;
SELECT * FROM carry.wrong;
SELECT customer_id, count(*) FROM carry.notes GROUP BY 1 ORDER BY 1;
-- a customer is renumbered, though its orders have another owner
UPDATE carry.customers SET id = 4 WHERE id = 2;
SELECT * FROM carry.wrong;
SELECT customer_id, count(*) FROM carry.notes GROUP BY 1 ORDER BY 1;
-- an order about nobody
UPDATE carry.orders SET customer_id = NULL WHERE id = 31;
SELECT * FROM carry.wrong;
SELECT customer_id, count(*) FROM carry.notes GROUP BY 1 ORDER BY 1;
-- an order is renumbered
UPDATE carry.orders SET id = 99 WHERE id = 32;
SELECT * FROM carry.wrong;
-- somebody else who may bypass row security and is no superuser
SET SESSION AUTHORIZATION carry_keeper;
UPDATE carry.orders SET customer_id = 1 WHERE id = 21;
RESET SESSION AUTHORIZATION;
SELECT * FROM carry.wrong;
SELECT customer_id, count(*) FROM carry.notes GROUP BY 1 ORDER BY 1;
RESET row_security;

-- nobody else moves anything, by whichever column
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst, pg_temp.outcome('carry_owner', 'carry_mail', s) AS owner FROM unnest(ARRAY[
	'UPDATE carry.orders SET customer_id = 4 WHERE id = 12 RETURNING id',
	'UPDATE carry.customers SET id = 5 WHERE id = 1 RETURNING id',
	'UPDATE carry.lines SET order_id = 22 WHERE id = 121 RETURNING id',
	'UPDATE carry.lines SET customer_id = 4 WHERE id = 121 RETURNING customer_id',
	'UPDATE carry.lines SET order_id = 21 WHERE id = 121 RETURNING order_id',
	'INSERT INTO carry.lines (id, order_id, customer_id) VALUES (7, 12, 4) RETURNING customer_id',
	'INSERT INTO carry.lines (id, order_id, customer_id) VALUES (8, 22, 1) RETURNING customer_id',
	'SELECT count(*) FROM carry.lines',
	'SELECT count(*) FROM carry.notes']) s;
SET row_security = off;
SELECT * FROM carry.wrong;
RESET row_security;

-- a column that is not of the key's type takes no key
SELECT pg_temp.outcome('carry_owner', 'carry_mail', 'ALTER TABLE carry.lines ALTER customer_id TYPE text') AS of_a_protected_table;
SET ROLE carry_owner;
CREATE TABLE carry.gifts (id int, order_id bigint REFERENCES carry.orders);
RESET ROLE;
SELECT privseg.carry_subject('carry.gifts', 'order_id', 'customer_id');
-- nor tells who is behind a row that is hidden, before the table is protected, too
GRANT ALL ON carry.gifts TO carry_analyst;
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst, pg_temp.outcome('carry_analyst', '', s) AS without_purpose FROM unnest(ARRAY[
	'INSERT INTO carry.gifts VALUES (1, 12) RETURNING customer_id', 'INSERT INTO carry.gifts VALUES (1, 22) RETURNING customer_id', 'INSERT INTO carry.gifts VALUES (1, NULL) RETURNING customer_id']) s;
ALTER TABLE carry.gifts ALTER customer_id TYPE text;
SELECT code, message, hint FROM pg_temp.refusal('SET ROLE carry_owner; SET privseg.purpose = carry_mail; INSERT INTO carry.gifts VALUES (1, 12)');

-- a foreign key that may be checked later tells nothing now
SELECT s AS statement, r.code, r.message, r.detail FROM unnest(ARRAY['ALTER TABLE carry.gifts ALTER CONSTRAINT gifts_order_id_fkey DEFERRABLE; SELECT privseg.carry_subject(''carry.gifts'', ''order_id'', ''of_order'')',
	'ALTER TABLE carry.lines ALTER CONSTRAINT lines_order_id_fkey DEFERRABLE; INSERT INTO carry.lines VALUES (9, 12)', 'ALTER TABLE carry.lines DROP CONSTRAINT lines_order_id_fkey; INSERT INTO carry.lines VALUES (9, 12)']) s, pg_temp.refusal('SET LOCAL row_security = off; ' || s) r;
-- whoever writes a row that refers to none is not told by the subject it gets
SELECT pg_temp.outcome('carry_analyst', 'carry_mail', 'INSERT INTO carry.lines (id, order_id) VALUES (9, 1234) RETURNING customer_id') AS no_order;
-- the column that tells the subject keeps its name and type, and is not dropped
SELECT s AS statement, pg_temp.outcome('carry_owner', 'carry_mail', s || '; SELECT 1') AS owner FROM unnest(ARRAY['ALTER TABLE carry.lines RENAME order_id TO x', 'ALTER TABLE carry.lines ALTER order_id TYPE numeric', 'ALTER TABLE carry.lines RENAME id TO x']) s;

-- a second foreign key of the column tells another subject: that is no way to tell
SELECT r.code, r.message FROM pg_temp.refusal('SET LOCAL row_security = off; ALTER TABLE carry.customers ADD alt bigint UNIQUE; ALTER TABLE carry.lines ADD CONSTRAINT aaa FOREIGN KEY (order_id) REFERENCES carry.customers (alt) NOT VALID; SET LOCAL row_security = on; SET LOCAL ROLE carry_owner; SET LOCAL privseg.purpose = carry_mail; INSERT INTO carry.lines (id, order_id) VALUES (9, 12)') r;

-- a trigger that comes later has no say about whose row it is
SET ROLE carry_owner;
CREATE FUNCTION carry.turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('carry.turn', true) <> '' THEN NEW.customer_id := NULLIF(current_setting('carry.turn'), 'none')::bigint; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER z BEFORE INSERT OR UPDATE ON carry.lines FOR EACH ROW EXECUTE FUNCTION carry.turn();
CREATE TRIGGER z BEFORE INSERT OR UPDATE ON carry.notes_a FOR EACH ROW EXECUTE FUNCTION carry.turn();
CREATE TRIGGER z BEFORE INSERT OR UPDATE ON carry.notes_b FOR EACH ROW EXECUTE FUNCTION carry.turn();
CREATE TRIGGER z BEFORE INSERT OR UPDATE ON carry.orders FOR EACH ROW EXECUTE FUNCTION carry.turn();
RESET ROLE;
SELECT privseg.record_consent('carry.customers', 4, 'carry_mail', 'given') > 0 AS both_permit;
SELECT s AS statement, t AS turned_to, pg_temp.outcome('carry_owner', 'carry_mail', format('SET LOCAL carry.turn = %L; %s', t, s)) AS owner FROM unnest(ARRAY[
	'INSERT INTO carry.lines (id, order_id) VALUES (9, 12) RETURNING customer_id', 'UPDATE carry.lines SET id = id + 1000 WHERE id = 121 RETURNING customer_id', 'UPDATE carry.lines SET order_id = order_id WHERE id = 121 RETURNING customer_id',
	'INSERT INTO carry.notes (line_id, note) VALUES (121, ''a'') RETURNING customer_id', 'UPDATE carry.notes SET note = CASE note WHEN ''a'' THEN ''b'' ELSE ''a'' END WHERE line_id = 121 RETURNING customer_id',
	'UPDATE carry.orders SET id = id + 1000 WHERE id = 12 RETURNING customer_id', 'WITH i AS (INSERT INTO carry.lines (id, order_id) VALUES (9, 12), (10, 12) RETURNING customer_id) SELECT string_agg(customer_id::text, '' '') FROM i']) s, unnest('{"",1,4,none}'::text[]) t;
SET row_security = off;
SELECT * FROM carry.wrong;
RESET row_security;

-- rows that change their partition are rows that are moved, also by a cascade
SET ROLE carry_owner;
CREATE TABLE carry.kinds (kind text PRIMARY KEY);
INSERT INTO carry.kinds VALUES ('a'), ('b');
CREATE TABLE carry.visits (customer_id bigint, friend bigint, kind text REFERENCES carry.kinds ON UPDATE CASCADE, n int) PARTITION BY LIST (kind);
CREATE TABLE carry.visits_a PARTITION OF carry.visits FOR VALUES IN ('a');
CREATE TABLE carry.visits_b PARTITION OF carry.visits DEFAULT;
INSERT INTO carry.visits SELECT c, 4, 'a', c FROM unnest('{1,1,4}'::bigint[]) c;
GRANT ALL ON carry.visits, carry.kinds TO carry_analyst;
RESET ROLE;
SELECT privseg.protect('carry.visits', 'customer_id', 'carry.customers', also_about => '{friend}');
SET ROLE carry_owner;
CREATE TRIGGER z BEFORE UPDATE OR INSERT ON carry.visits_a FOR EACH ROW EXECUTE FUNCTION carry.turn();
CREATE TRIGGER z BEFORE UPDATE OR INSERT ON carry.visits_b FOR EACH ROW EXECUTE FUNCTION carry.turn();
RESET ROLE;
SELECT s AS statement, t AS turned_to, pg_temp.outcome('carry_analyst', 'carry_mail', format('SET LOCAL carry.turn = %L; %s', t, s)) AS analyst FROM unnest(ARRAY[
	'UPDATE carry.visits SET kind = ''b'' WHERE n = 1 RETURNING customer_id', 'UPDATE carry.visits SET kind = ''b'', customer_id = 4 WHERE n = 1 RETURNING customer_id', 'UPDATE carry.visits SET kind = ''b'', friend = 1 WHERE n = 1 RETURNING friend',
	'UPDATE carry.visits SET friend = 1 WHERE n = 1 RETURNING friend', 'UPDATE carry.visits SET n = 2 WHERE n = 1 RETURNING customer_id', 'UPDATE carry.kinds SET kind = ''c'' WHERE kind = ''a'' RETURNING kind']) s, unnest('{"",1,4,none}'::text[]) t;
-- a hidden row that a cascade would move between partitions, where triggers would see it
SELECT privseg.withdraw_consent('carry.customers', 4, 'carry_mail') > 0 AS withdrawn;
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst FROM unnest(ARRAY['UPDATE carry.kinds SET kind = ''c'' WHERE kind = ''a'' RETURNING kind', 'SELECT count(*) FROM carry.visits']) s;
SET row_security = off;
SELECT count(*) FROM carry.visits WHERE friend = 4 AND kind = 'a';
RESET row_security;

-- whoever may refer to hidden rows does not have their subjects carried to a table of his own, when maintenance cascades there
SET row_security = off;
INSERT INTO carry.customers VALUES (8), (9);
INSERT INTO carry.orders VALUES (80, 8);
RESET row_security;
SET ROLE carry_owner;
GRANT REFERENCES ON carry.customers, carry.orders TO carry_analyst;
GRANT CREATE ON SCHEMA carry TO carry_analyst;
SET ROLE carry_analyst;
CREATE TABLE carry.mine (customer bigint REFERENCES carry.customers ON DELETE SET NULL, order_id bigint REFERENCES carry.orders, customer_id bigint);
INSERT INTO carry.mine VALUES (9, 80);
RESET ROLE;
-- as a superuser restores it
CREATE TRIGGER t BEFORE INSERT OR UPDATE ON carry.mine FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried('order_id', 'customer_id');
SET row_security = off;
SELECT code, message FROM pg_temp.refusal('DELETE FROM carry.customers WHERE id = 9');
SELECT * FROM carry.mine;
RESET row_security;

-- nor by a trigger like it: what is also about others, about nobody, or of a column he may not read
SET ROLE carry_owner;
CREATE TABLE carry.message (id bigint PRIMARY KEY, sender bigint, recipient bigint);
CREATE TABLE carry.ticket (id bigint PRIMARY KEY, customer_id bigint);
INSERT INTO carry.message VALUES (1, 1, 1), (2, 1, 9);
INSERT INTO carry.ticket VALUES (1, 1), (2, NULL), (3, 9);
GRANT SELECT, REFERENCES ON carry.message TO carry_analyst;
GRANT REFERENCES ON carry.ticket TO carry_analyst;
RESET ROLE;
SELECT privseg.protect('carry.message', 'sender', 'carry.customers', also_about => '{recipient}'), privseg.protect('carry.ticket', 'customer_id', 'carry.customers');
SET ROLE carry_analyst;
CREATE TABLE carry.of_message (id bigint REFERENCES carry.message, taken bigint);
CREATE TABLE carry.of_ticket (id bigint REFERENCES carry.ticket, taken bigint);
RESET ROLE;
CREATE TRIGGER t BEFORE INSERT ON carry.of_message FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried('id', 'taken');
CREATE TRIGGER t BEFORE INSERT ON carry.of_ticket FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried('id', 'taken');
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst FROM unnest(ARRAY['INSERT INTO carry.of_message VALUES (1) RETURNING taken', 'INSERT INTO carry.of_message VALUES (2) RETURNING taken', 'INSERT INTO carry.of_ticket VALUES (1) RETURNING taken', 'INSERT INTO carry.of_ticket VALUES (2) RETURNING id', 'INSERT INTO carry.of_ticket VALUES (3) RETURNING id']) s;
GRANT SELECT ON carry.ticket TO carry_analyst;
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst FROM unnest(ARRAY['INSERT INTO carry.of_ticket VALUES (1) RETURNING taken', 'INSERT INTO carry.of_ticket VALUES (2) RETURNING id', 'INSERT INTO carry.of_ticket VALUES (3) RETURNING id']) s;
-- rows about several people pass on none of them; whoever refers to a row about nobody that is hidden is told nothing
SELECT code, message, detail FROM pg_temp.refusal($$SELECT privseg.carry_subject('carry.of_message', 'id', 'sender')$$);
DROP TRIGGER t ON carry.of_ticket;
SELECT privseg.carry_subject('carry.of_ticket', 'id', 'customer_id');
SELECT privseg.protect('carry.of_ticket', 'customer_id', 'carry.customers', null_subject => 'show');
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst FROM unnest(ARRAY['INSERT INTO carry.of_ticket VALUES (1) RETURNING customer_id', 'INSERT INTO carry.of_ticket VALUES (2) RETURNING id', 'INSERT INTO carry.of_ticket VALUES (3) RETURNING id']) s;
SET client_min_messages = notice;
SELECT privseg.unprotect('carry.ticket');
SET client_min_messages = warning;
-- until it is protected again, which check() says
SELECT code, message, hint FROM pg_temp.refusal('SET LOCAL row_security = off; INSERT INTO carry.of_ticket VALUES (1)');
SELECT status, message, hint FROM privseg.check() WHERE object = 'carry.of_ticket' AND status = 'violation';
SELECT code, message, detail FROM pg_temp.refusal($$SELECT privseg.protect('carry.ticket', 'customer_id', 'carry.customers', also_about => '{id}')$$);
-- where the trigger is not as it was made
SELECT privseg.protect('carry.ticket', 'customer_id', 'carry.customers');
SELECT count(*) FROM privseg.check() WHERE object = 'carry.of_ticket' AND status = 'violation';
SELECT code, message, hint FROM pg_temp.refusal($$SELECT privseg.protect('carry.of_message', 'taken', 'carry.customers')$$);
DROP TRIGGER t ON carry.of_message;
SELECT privseg.protect('carry.of_message', 'taken', 'carry.customers');
CREATE TRIGGER t BEFORE INSERT ON carry.of_message FOR EACH ROW EXECUTE FUNCTION privseg.subject_carried('id', 'taken');
SELECT s AS statement, pg_temp.outcome('carry_analyst', 'carry_mail', s) AS analyst FROM unnest(ARRAY['INSERT INTO carry.of_message VALUES (1) RETURNING taken', 'INSERT INTO carry.of_message VALUES (2) RETURNING taken']) s;

-- the column that carries a subject does not go, nor does the trigger with an extension; without its foreign key nothing is written
SELECT s AS statement, pg_temp.outcome('carry_owner', 'carry_mail', s) AS owner FROM unnest(ARRAY['ALTER TABLE carry.lines DROP COLUMN order_id', 'ALTER TABLE carry.notes DROP COLUMN line_id CASCADE', 'ALTER TRIGGER privseg_subject_carried ON carry.lines DEPENDS ON EXTENSION plpgsql']) s;
SET ROLE carry_owner;
CREATE TABLE carry.early (id bigint PRIMARY KEY, order_id bigint REFERENCES carry.orders);
RESET ROLE;
SELECT privseg.carry_subject('carry.early', 'order_id', 'customer_id');
SELECT s AS statement, pg_temp.outcome('carry_owner', 'carry_mail', s) AS owner FROM unnest(ARRAY['ALTER TRIGGER privseg_subject_carried ON carry.early DEPENDS ON EXTENSION plpgsql', 'ALTER TABLE carry.early DROP CONSTRAINT early_order_id_fkey; INSERT INTO carry.early VALUES (1, NULL)']) s;

-- inheritance children have no triggers of their parent's
SET ROLE carry_owner;
CREATE TABLE carry.kid () INHERITS (carry.early);
RESET ROLE;
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.protect('carry.early', 'customer_id', 'carry.customers')$$);
DROP TABLE carry.kid;
SELECT privseg.protect('carry.early', 'customer_id', 'carry.customers');
SET ROLE carry_owner;
CREATE TABLE carry.kid (LIKE carry.early INCLUDING ALL);
SELECT s AS statement, (pg_temp.refusal(s)).* FROM unnest(ARRAY['CREATE TABLE carry.kid_2 () INHERITS (carry.early)', 'ALTER TABLE carry.kid INHERIT carry.early']) s;
CREATE TABLE carry.other (id bigint, order_id bigint REFERENCES carry.orders);
CREATE TABLE carry.kid_2 () INHERITS (carry.other);
RESET ROLE;
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.carry_subject('carry.other', 'order_id', 'customer_id')$$);

DROP SCHEMA carry CASCADE;
DROP OWNED BY carry_owner, carry_analyst, carry_keeper;
DROP ROLE carry_owner, carry_analyst, carry_keeper;
