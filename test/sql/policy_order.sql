-- The policy comes first, before any code of a user: in whatever a user has written,
-- its own call to the letter included, and whoever owns the table.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE order_owner;
CREATE ROLE order_bypass BYPASSRLS;
CREATE SCHEMA order_test AUTHORIZATION order_owner;
GRANT ALL ON SCHEMA order_test TO order_bypass;
SELECT privseg.create_purpose('order_mail', 'consent');
SELECT privseg.grant_clearance('order_owner', 'order_mail'), privseg.grant_clearance('order_bypass', 'order_mail');
SET ROLE order_owner;
CREATE TABLE order_test.person (id bigint PRIMARY KEY, name text, n numeric);
CREATE TABLE order_test.pet (id int PRIMARY KEY, person_id bigint, name text);
INSERT INTO order_test.person SELECT i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i, i FROM generate_series(1, 9) i;
INSERT INTO order_test.pet SELECT i, i, CASE WHEN i > 5 THEN 'hidden' ELSE 'shown' END || i FROM generate_series(1, 9) i;
CREATE INDEX ON order_test.pet (person_id);
CREATE TABLE order_test.own (id bigint PRIMARY KEY, name text);
INSERT INTO order_test.own VALUES (1, 'x');
CREATE TABLE order_test.own_child (id bigint REFERENCES order_test.own ON DELETE CASCADE);
INSERT INTO order_test.own_child VALUES (1);
GRANT ALL ON ALL TABLES IN SCHEMA order_test TO order_bypass;
RESET ROLE;
SELECT privseg.protect('order_test.person', 'id'), privseg.protect('order_test.pet', 'person_id', 'order_test.person');
SELECT count(privseg.record_consent('order_test.person', i, 'order_mail', 'given')) FROM generate_series(1, 5) i;

CREATE SEQUENCE order_test.spied;
GRANT ALL ON SEQUENCE order_test.spied TO PUBLIC;
CREATE FUNCTION order_test.spy(text) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$
BEGIN
	IF $1 LIKE 'hidden%' THEN PERFORM nextval('order_test.spied'); END IF;
	RETURN true;
END $$;
CREATE FUNCTION pg_temp.spied(actor text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	PERFORM setval('order_test.spied', 1, false);
	code := pg_temp.outcome(actor, 'order_mail', statement);
	RETURN format('%s, %s', code, (SELECT CASE WHEN is_called THEN 'spied' ELSE 'held' END FROM order_test.spied));
END $$;
SELECT statement, pg_temp.spied(actor, statement) FROM (VALUES
	-- own policies
	('order_owner', $$CREATE POLICY a ON order_test.person USING (true); CREATE POLICY b ON order_test.person AS RESTRICTIVE USING (order_test.spy(name) AND privseg.row_permitted(id, 'order_test.person', 4)); SELECT count(*) FROM order_test.person$$),
	('order_owner', $$CREATE POLICY a ON order_test.person USING (order_test.spy(name) AND privseg.row_permitted(id, 'order_test.person', 4)); SELECT count(*) FROM order_test.person$$),
	('order_owner', $$CREATE POLICY a ON order_test.person AS RESTRICTIVE USING (privseg.row_permitted(id, 'order_test.person', 4)); CREATE POLICY b ON order_test.person USING (order_test.spy(name)); SELECT count(*) FROM order_test.person$$),
	('order_owner', $$CREATE POLICY a ON order_test.person USING (order_test.spy(name)) WITH CHECK (true); INSERT INTO order_test.person VALUES (6, 'shown', 1) ON CONFLICT (id) DO UPDATE SET name = 'z' RETURNING id$$),
	('order_owner', $$CREATE POLICY a ON order_test.person USING (true) WITH CHECK (order_test.spy(name) AND privseg.row_writable(id, 'order_test.person', 4)); CREATE POLICY b ON order_test.person FOR UPDATE USING (order_test.spy(name)); INSERT INTO order_test.person VALUES (6, 'shown', 1) ON CONFLICT (id) DO UPDATE SET name = 'z' RETURNING id$$),
	('order_owner', $$CREATE POLICY a ON order_test.person USING (order_test.spy(name)); MERGE INTO order_test.person p USING (VALUES (6), (7)) v (id) ON p.id = v.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN DO NOTHING; SELECT 0$$),
	-- functions that are inlined, views, updatable ones
	('order_bypass', $$CREATE FUNCTION order_test.f() RETURNS SETOF order_test.person LANGUAGE sql STABLE AS 'SELECT * FROM order_test.person WHERE order_test.spy(name) AND privseg.row_permitted(id, ''order_test.person'', 4)'; SELECT count(*) FROM order_test.f()$$),
	('order_bypass', $$CREATE FUNCTION order_test.f() RETURNS SETOF order_test.person LANGUAGE sql STABLE AS 'SELECT * FROM order_test.person WHERE order_test.spy(name)'; SELECT count(*) FROM order_test.f(), order_test.f() g WHERE g.id = f.id$$),
	('order_bypass', $$CREATE FUNCTION order_test.f() RETURNS SETOF order_test.person LANGUAGE sql STABLE AS 'SELECT * FROM order_test.person'; CREATE FUNCTION order_test.g() RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC SELECT name FROM order_test.f(); END; SELECT count(*) FROM order_test.g() g WHERE order_test.spy(g)$$),
	('order_bypass', $$CREATE FUNCTION order_test.f(bigint) RETURNS SETOF order_test.pet LANGUAGE sql STABLE AS 'SELECT * FROM order_test.pet WHERE person_id >= $1'; SELECT count(*) FROM order_test.person p, LATERAL (SELECT * FROM order_test.f(p.id) WHERE order_test.spy(name)) x WHERE p.id = 1$$),
	('order_bypass', $$CREATE VIEW order_test.v WITH (security_barrier) AS SELECT * FROM order_test.person WHERE order_test.spy(name) AND privseg.row_permitted(id, 'order_test.person', 4); WITH u AS (UPDATE order_test.v SET n = n RETURNING id) SELECT count(*) FROM u$$),
	('order_bypass', $$CREATE VIEW order_test.v WITH (security_barrier) AS SELECT * FROM order_test.person WHERE order_test.spy(name) AND privseg.row_permitted(id, 'order_test.person', 4); SELECT count(*) FROM order_test.v WHERE order_test.spy(name)$$),
	('order_bypass', $$SELECT count(*) FROM order_test.person WHERE order_test.spy(name) AND privseg.row_permitted(id, 'order_test.person', 4)$$),
	-- an inlined function, where core itself skips row security
	('order_owner', $$CREATE FUNCTION order_test.f() RETURNS SETOF order_test.person LANGUAGE sql STABLE AS 'SELECT * FROM order_test.person WHERE order_test.spy(name) AND privseg.row_permitted(id, ''order_test.person'', 4)';
		CREATE FUNCTION order_test.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM count(*) FROM order_test.f(); RETURN OLD; END'; CREATE TRIGGER t BEFORE DELETE ON order_test.own_child FOR EACH ROW EXECUTE FUNCTION order_test.t(); DELETE FROM order_test.own RETURNING id$$),
	-- quals of the statement itself, over every way to scan
	('order_owner', $$SELECT count(*) FROM order_test.person WHERE id = 7 AND order_test.spy(name)$$),
	('order_owner', $$SELECT count(*) FROM order_test.pet p JOIN order_test.person q ON q.id = p.person_id AND order_test.spy(p.name || q.name)$$),
	('order_owner', $$SELECT count(*) FROM order_test.person WHERE ctid = ANY (ARRAY(SELECT format('(0,%s)', i)::tid FROM generate_series(1, 9) i)) AND order_test.spy(name)$$)) t (actor, statement);

-- plans of functions inlined follow their function and the role
CREATE FUNCTION order_test.mine() RETURNS SETOF order_test.person LANGUAGE sql STABLE AS 'SELECT * FROM order_test.person WHERE id > 3';
SET plan_cache_mode = force_generic_plan;
PREPARE counting AS SELECT count(*) FROM order_test.mine();
SET privseg.purpose = 'order_mail';
SET ROLE order_bypass;
EXECUTE counting;
RESET ROLE;
CREATE OR REPLACE FUNCTION order_test.mine() RETURNS SETOF order_test.person LANGUAGE sql STABLE AS 'SELECT * FROM order_test.person WHERE id > 4';
SET ROLE order_owner;
EXECUTE counting;
RESET ROLE;
SET row_security = off;
EXECUTE counting;
RESET row_security;
RESET privseg.purpose;
RESET plan_cache_mode;
DEALLOCATE counting;

DROP SCHEMA order_test CASCADE;
DROP OWNED BY order_owner, order_bypass;
DROP ROLE order_owner, order_bypass;
