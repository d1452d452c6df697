-- Every shape of a reading statement shows exactly the rows whose subject
-- permits the purpose, whoever reads: each answer is the reference, computed
-- from the decisions, or the statement is refused with 42501 or 0A000.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA shape_test;
CREATE ROLE shape_analyst;
CREATE ROLE shape_owner;
CREATE ROLE shape_bypass BYPASSRLS;
CREATE ROLE shape_super SUPERUSER;
GRANT ALL ON SCHEMA shape_test TO shape_analyst, shape_owner, shape_bypass;
SELECT privseg.create_purpose('shape_a', 'consent'), privseg.create_purpose('shape_b', 'legitimate_interests');
SELECT count(privseg.grant_clearance(r::regrole, p)::text) FROM unnest('{shape_analyst,shape_owner,shape_bypass,shape_super}'::text[]) r, unnest('{shape_a,shape_b}'::text[]) p;

CREATE TABLE shape_test.person (id int PRIMARY KEY, name text, boss int);
CREATE TABLE shape_test.purchase (id int PRIMARY KEY, person_id int REFERENCES shape_test.person ON DELETE CASCADE, amount int);
CREATE INDEX ON shape_test.purchase (person_id);
CREATE TABLE shape_test.visit (person_id int, at date) PARTITION BY RANGE (at);
CREATE TABLE shape_test.visit_old PARTITION OF shape_test.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE shape_test.visit_new PARTITION OF shape_test.visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE INDEX ON shape_test.visit (person_id);
CREATE TABLE shape_test.company (id uuid PRIMARY KEY, name text);
INSERT INTO shape_test.person SELECT i, 'n' || i, NULLIF(i / 2, 0) FROM generate_series(1, 200) i;
INSERT INTO shape_test.purchase SELECT i, i % 200 + 1, i % 10 FROM generate_series(1, 1000) i;
INSERT INTO shape_test.visit SELECT i % 200 + 1, '2024-07-01'::date + i FROM generate_series(0, 399) i;
INSERT INTO shape_test.company SELECT md5(i::text)::uuid, 'n' || i FROM generate_series(1, 200) i;
ALTER TABLE shape_test.person OWNER TO shape_owner;
ALTER TABLE shape_test.purchase OWNER TO shape_owner;
ALTER TABLE shape_test.visit OWNER TO shape_owner;
ALTER TABLE shape_test.company OWNER TO shape_owner;
GRANT ALL ON ALL TABLES IN SCHEMA shape_test TO shape_analyst, shape_bypass;
ANALYZE shape_test.person, shape_test.purchase, shape_test.visit, shape_test.company;
SELECT privseg.protect('shape_test.person', 'id'), privseg.protect('shape_test.company', 'id');
SELECT privseg.protect('shape_test.purchase', 'person_id', 'shape_test.person'), privseg.protect('shape_test.visit', 'person_id', 'shape_test.person');

-- two thirds permit purpose a, all but a fifth purpose b, half of the companies purpose a
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'shape_test.person', i::text, 'shape_a', CASE WHEN i % 3 = 0 THEN 'withdrawn' ELSE 'given' END FROM generate_series(1, 190) i;
SELECT count(privseg.record_objection('shape_test.person', i, 'shape_b')) FROM generate_series(5, 200, 5) i;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'shape_test.company', md5(i::text), 'shape_a', 'given' FROM generate_series(1, 200, 2) i;
-- the reference: decisions, and the same tables without privseg
CREATE TABLE shape_test.permitted AS
SELECT i AS id, p AS purpose FROM generate_series(1, 200) i, unnest('{shape_a,shape_b}'::text[]) p WHERE privseg.permitted('shape_test.person', i, p);
CREATE TABLE shape_test.permitted_company AS
SELECT c.id, p AS purpose FROM (SELECT md5(i::text)::uuid AS id FROM generate_series(1, 200) i) c, unnest('{shape_a,shape_b}'::text[]) p WHERE privseg.permitted('shape_test.company', c.id, p);
SET row_security = off;
CREATE TABLE shape_test.all_person AS SELECT * FROM shape_test.person;
CREATE TABLE shape_test.all_purchase AS SELECT * FROM shape_test.purchase;
CREATE TABLE shape_test.all_visit AS SELECT * FROM shape_test.visit;
CREATE TABLE shape_test.all_company AS SELECT * FROM shape_test.company;
RESET row_security;
SELECT purpose, (SELECT count(*) FROM shape_test.permitted p WHERE p.purpose = v.purpose) AS persons,
	(SELECT count(*) FROM shape_test.permitted_company p WHERE p.purpose = v.purpose) AS companies FROM (VALUES ('shape_a'), ('shape_b')) v (purpose) ORDER BY 1;

CREATE TABLE shape_test.shape (n int GENERATED ALWAYS AS IDENTITY, shape text, query text);
INSERT INTO shape_test.shape (shape, query) VALUES
	('select', 'SELECT count(*) FROM {person}'),
	('values', 'SELECT md5(string_agg(p::text, '','' ORDER BY id)) FROM {person} p'),
	('where', 'SELECT count(*) FROM {person} WHERE id > 100 AND name LIKE ''n1%'''),
	('by key', 'SELECT count(*) FROM {person} WHERE id = ANY (''{3,4,5,6,7,195}'')'),
	('ONLY', 'SELECT count(*) FROM ONLY {person}'),
	('join', 'SELECT count(*) FROM {person} p JOIN {purchase} o ON o.person_id = p.id'),
	('child alone', 'SELECT sum(amount) FROM {purchase}'),
	('left join', 'SELECT format(''%s %s'', count(*), count(o.id)) FROM {person} p LEFT JOIN {purchase} o ON o.person_id = p.id AND o.amount > 5'),
	('right join', 'SELECT count(p.id) FROM {purchase} o RIGHT JOIN {person} p ON o.person_id = p.id AND o.amount = 3'),
	('full join', 'SELECT format(''%s %s'', count(p.id), count(v.person_id)) FROM {person} p FULL JOIN {visit} v ON v.person_id = p.id + 1'),
	('join to an unprotected table', 'SELECT count(p.id) FROM generate_series(1, 300) g LEFT JOIN {person} p ON p.id = g'),
	('self-join', 'SELECT format(''%s %s'', count(*), count(b.id)) FROM {person} e LEFT JOIN {person} b ON b.id = e.boss'),
	('two domains', 'SELECT count(*) FROM {person} p JOIN {company} c ON c.name = p.name'),
	('subquery in FROM', 'SELECT count(*) FROM (SELECT id FROM {person} OFFSET 0) s'),
	('subquery in WHERE', 'SELECT count(*) FROM generate_series(1, 300) g WHERE g IN (SELECT id FROM {person})'),
	('NOT IN', 'SELECT count(*) FROM generate_series(1, 200) g WHERE g NOT IN (SELECT id FROM {person})'),
	('EXISTS', 'SELECT count(*) FROM generate_series(1, 300) g WHERE EXISTS (SELECT FROM {person} p WHERE p.id = g)'),
	('anti-join', 'SELECT count(*) FROM generate_series(1, 200) g WHERE NOT EXISTS (SELECT FROM {person} p WHERE p.id = g)'),
	('subquery in the select list', 'SELECT sum((SELECT count(*) FROM {purchase} o WHERE o.person_id = g)) FROM generate_series(1, 200) g'),
	('ANY and ALL', 'SELECT format(''%s %s'', 6 = ANY (SELECT id FROM {person}), 0 < ALL (SELECT id FROM {person}))'),
	('CTE', 'WITH c AS (SELECT id FROM {person}) SELECT count(*) FROM c a JOIN c b USING (id)'),
	('CTE materialized', 'WITH c AS MATERIALIZED (SELECT id FROM {person}) SELECT count(*) FROM c'),
	('CTE recursive', 'WITH RECURSIVE c (id) AS (SELECT id FROM {person} WHERE boss IS NULL UNION ALL SELECT p.id FROM {person} p JOIN c ON p.boss = c.id) SELECT count(*) FROM c'),
	('union', 'SELECT count(*) FROM (SELECT id FROM {person} UNION SELECT person_id FROM {purchase}) s'),
	('union all', 'SELECT count(*) FROM (SELECT id FROM {person} UNION ALL SELECT person_id FROM {visit}) s'),
	('intersect', 'SELECT count(*) FROM (SELECT id FROM {person} INTERSECT SELECT person_id FROM {purchase} WHERE amount = 1) s'),
	('except', 'SELECT count(*) FROM (SELECT g FROM generate_series(1, 200) g EXCEPT SELECT id FROM {person}) s'),
	('window', 'SELECT sum(n) FROM (SELECT row_number() OVER (ORDER BY id) AS n FROM {person}) s'),
	('window over partitions', 'SELECT max(n) FROM (SELECT count(*) OVER (PARTITION BY amount) AS n FROM {purchase}) s'),
	('DISTINCT ON', 'SELECT sum(id) FROM (SELECT DISTINCT ON (amount) id FROM {purchase} ORDER BY amount, id) s'),
	('group by', 'SELECT string_agg(amount || '':'' || n, '' '' ORDER BY amount) FROM (SELECT amount, count(*) AS n FROM {purchase} GROUP BY amount) s'),
	('rollup', 'SELECT count(*) FROM (SELECT boss, id % 2 AS odd, count(*) FROM {person} GROUP BY ROLLUP (boss, id % 2)) s'),
	('having', 'SELECT count(*) FROM (SELECT boss FROM {person} GROUP BY boss HAVING count(*) = 2) s'),
	('order by and limit', 'SELECT string_agg(id::text, '','') FROM (SELECT id FROM {person} ORDER BY id DESC LIMIT 5) s'),
	('minimum and maximum', 'SELECT format(''%s %s'', min(id), max(id)) FROM {person}'),
	('LATERAL', 'SELECT count(*) FROM {person} p, LATERAL (SELECT id FROM {purchase} o WHERE o.person_id = p.id ORDER BY id LIMIT 1) s'),
	('whole row', 'SELECT count(DISTINCT p) FROM {person} p'),
	('row_to_json', 'SELECT md5(string_agg(row_to_json(p)::text, '','' ORDER BY id)) FROM {person} p'),
	('aggregate of rows', 'SELECT jsonb_array_length(jsonb_agg(p)) FROM {person} p'),
	('TABLESAMPLE', 'SELECT count(*) FROM {person} TABLESAMPLE SYSTEM (100)'),
	('TABLE', 'SELECT count(*) FROM (TABLE {person}) s'),
	('tid scan', 'SELECT count(*) FROM {person} WHERE ctid >= ''(0,0)'''),
	('FOR UPDATE', 'SELECT count(*) FROM (SELECT id FROM {person} FOR UPDATE) s'),
	('FOR SHARE of one side', 'SELECT count(*) FROM (SELECT p.id FROM {person} p JOIN {purchase} o ON o.person_id = p.id FOR SHARE OF o SKIP LOCKED) s'),
	('partitioned parent', 'SELECT count(*) FROM {visit}'),
	('partition pruned', 'SELECT count(*) FROM {visit} WHERE at < ''2024-09-01'''),
	('GROUPING SETS and FILTER', 'SELECT sum(n) FROM (SELECT count(*) FILTER (WHERE amount > 4) AS n FROM {purchase} GROUP BY GROUPING SETS ((amount), ())) s'),
	('VALUES beside', 'SELECT count(*) FROM (VALUES (1), (2), (3), (6)) v (id) JOIN {person} USING (id)'),
	('nested', 'SELECT count(*) FROM {person} WHERE id IN (SELECT person_id FROM {purchase} WHERE amount > (SELECT avg(amount) FROM {purchase}))');

CREATE FUNCTION shape_test.reference(query text, purpose text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	part text;
BEGIN
	FOREACH part IN ARRAY '{person,purchase,visit,company}'::text[] LOOP
		query := replace(query, 'ONLY {' || part || '}', '{' || part || '}');
		query := replace(query, '{' || part || '} TABLESAMPLE SYSTEM (100)', '{' || part || '}');
		query := replace(query, 'ctid >= ''(0,0)''', 'true');
		query := replace(query, '(TABLE {' || part || '})', '{' || part || '}');
		query := regexp_replace(query, ' FOR (UPDATE|SHARE OF o SKIP LOCKED)', '');
		query := replace(query, '{' || part || '} p', '{' || part || '} AS p');
		query := replace(query, '{' || part || '}', format('shape_test.only_%s', part));
	END LOOP;
	PERFORM set_config('shape_test.purpose', purpose, true);
	EXECUTE query INTO result;
	RETURN COALESCE(result, 'NULL');
END
$$;
CREATE VIEW shape_test.only_person AS SELECT * FROM shape_test.all_person t WHERE id IN (SELECT id FROM shape_test.permitted WHERE purpose = current_setting('shape_test.purpose'));
CREATE VIEW shape_test.only_purchase AS SELECT * FROM shape_test.all_purchase t WHERE person_id IN (SELECT id FROM shape_test.permitted WHERE purpose = current_setting('shape_test.purpose'));
CREATE VIEW shape_test.only_visit AS SELECT * FROM shape_test.all_visit t WHERE person_id IN (SELECT id FROM shape_test.permitted WHERE purpose = current_setting('shape_test.purpose'));
CREATE VIEW shape_test.only_company AS SELECT * FROM shape_test.all_company t WHERE id IN (SELECT id FROM shape_test.permitted_company WHERE purpose = current_setting('shape_test.purpose'));
CREATE VIEW shape_test.expected AS
SELECT n, shape, p AS purpose, shape_test.reference(query, p) AS reference,
	replace(replace(replace(replace(query, '{person}', 'shape_test.person'), '{purchase}', 'shape_test.purchase'), '{visit}', 'shape_test.visit'), '{company}', 'shape_test.company') AS query
FROM shape_test.shape, unnest('{shape_a,shape_b}'::text[]) p;
CREATE TEMP TABLE answer AS TABLE shape_test.expected;

-- none of the references is what all rows give: a hole shows
CREATE VIEW pg_temp.unpoliced AS
SELECT n, regexp_replace(query, 'shape_test\.(person|purchase|visit|company)\y', 'shape_test.all_\1', 'g') AS query FROM answer WHERE purpose = 'shape_a';
SELECT a.shape FROM answer a JOIN pg_temp.unpoliced u USING (n) WHERE a.purpose = 'shape_a' AND pg_temp.outcome(u.query) = a.reference ORDER BY n;

SELECT count(*) AS shapes FROM answer;
SELECT r AS reader, count(*) AS shapes, count(*) FILTER (WHERE pg_temp.outcome(r, purpose, query) = reference) AS right
FROM answer, unnest('{shape_analyst,shape_owner,shape_bypass,shape_super}'::text[]) r GROUP BY r ORDER BY r;
SELECT r AS reader, purpose, shape, reference, o AS got
FROM answer, unnest('{shape_analyst,shape_owner,shape_bypass,shape_super}'::text[]) r, LATERAL pg_temp.outcome(r, purpose, query) o WHERE o <> reference ORDER BY n, r, purpose;
-- without a purpose each is refused
SELECT r AS reader, o AS outcome, count(*) FROM answer, unnest('{shape_analyst,shape_super}'::text[]) r, LATERAL pg_temp.outcome(r, '', query) o WHERE purpose = 'shape_a' GROUP BY r, o ORDER BY r;
-- other plans of the same: indexes, nested loops, merges, parallel workers
CREATE FUNCTION pg_temp.wrong() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM answer WHERE pg_temp.outcome('shape_analyst', purpose, query) <> reference $$;
-- disabled paths cost enough for jit, which would only take time
SET jit = off;
SET enable_seqscan = off;
SELECT pg_temp.wrong() AS index_scans;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SELECT pg_temp.wrong() AS bitmap_scans;
RESET ALL;
SET client_min_messages = warning;
SET jit = off;
SET enable_hashjoin = off;
SELECT pg_temp.wrong() AS merge_joins;
SET enable_mergejoin = off;
SET enable_memoize = off;
SELECT pg_temp.wrong() AS nested_loops;
RESET ALL;
SET client_min_messages = warning;
SET enable_partitionwise_join = on;
SET enable_partitionwise_aggregate = on;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET min_parallel_index_scan_size = 0;
SET ROLE shape_analyst;
SET privseg.purpose = 'shape_a';
DO $$
DECLARE
	line text;
	parallel boolean := false;
BEGIN
	FOR line IN EXPLAIN SELECT count(*) FROM shape_test.person LOOP
		parallel := parallel OR line LIKE '%Parallel Seq Scan%';
	END LOOP;
	ASSERT parallel, 'this would not test parallel workers';
END
$$;
RESET ROLE;
SELECT pg_temp.wrong() AS parallel;
SET force_parallel_mode = on;
SELECT pg_temp.wrong() AS every_plan_in_a_worker;
RESET ALL;
SET client_min_messages = warning;
-- and in the other places a query stands: view of each kind of owner, function, cursor
CREATE FUNCTION pg_temp.place(place text, query text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE place
		WHEN 'view of a superuser' THEN format('CREATE VIEW shape_test.v (x) AS %s', query)
		WHEN 'view of a BYPASSRLS role' THEN format('CREATE VIEW shape_test.v (x) AS %s; ALTER VIEW shape_test.v OWNER TO shape_bypass', query)
		WHEN 'security_barrier view' THEN format('CREATE VIEW shape_test.v (x) WITH (security_barrier) AS %s', query)
		WHEN 'security_invoker view' THEN format('CREATE VIEW shape_test.v (x) WITH (security_invoker) AS %s', query)
		WHEN 'nested view' THEN format('CREATE VIEW shape_test.w (x) WITH (security_invoker) AS %s; CREATE VIEW shape_test.v (x) AS TABLE shape_test.w', query)
		WHEN 'rule' THEN format('CREATE VIEW shape_test.v (x) AS SELECT NULL::text; CREATE OR REPLACE RULE "_RETURN" AS ON SELECT TO shape_test.v DO INSTEAD SELECT x::text FROM (%s) s (x)', query)
		WHEN 'SQL function' THEN format('CREATE FUNCTION shape_test.f() RETURNS text LANGUAGE sql VOLATILE AS %L; CREATE VIEW shape_test.v (x) AS SELECT shape_test.f()', query)
		WHEN 'inlined SQL function' THEN format('CREATE FUNCTION shape_test.f() RETURNS SETOF text LANGUAGE sql STABLE AS %L; CREATE VIEW shape_test.v (x) AS SELECT * FROM shape_test.f()', 'SELECT x::text FROM (' || query || ') s (x)')
		WHEN 'security definer SQL function of a superuser' THEN format('CREATE FUNCTION shape_test.f() RETURNS text LANGUAGE sql SECURITY DEFINER AS %L; ALTER FUNCTION shape_test.f() OWNER TO shape_super; CREATE VIEW shape_test.v (x) AS SELECT shape_test.f()', 'SELECT x::text FROM (' || query || ') s (x)')
		WHEN 'plpgsql expression' THEN format('CREATE FUNCTION shape_test.f() RETURNS text LANGUAGE plpgsql STABLE AS %L; CREATE VIEW shape_test.v (x) AS SELECT shape_test.f()', 'BEGIN RETURN (' || query || '); END')
		WHEN 'security definer plpgsql of a superuser' THEN format('CREATE FUNCTION shape_test.f() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS %L; ALTER FUNCTION shape_test.f() OWNER TO shape_super; CREATE VIEW shape_test.v (x) AS SELECT shape_test.f()', 'BEGIN RETURN (' || query || '); END')
		WHEN 'plpgsql cursor' THEN format('CREATE FUNCTION shape_test.f() RETURNS text LANGUAGE plpgsql AS %L; CREATE VIEW shape_test.v (x) AS SELECT shape_test.f()', 'DECLARE r text; c CURSOR FOR ' || query || '; BEGIN OPEN c; FETCH c INTO r; RETURN r; END')
		WHEN 'dynamic SQL' THEN format('CREATE FUNCTION shape_test.f() RETURNS text LANGUAGE plpgsql AS %L; CREATE VIEW shape_test.v (x) AS SELECT shape_test.f()', format('DECLARE r text; BEGIN EXECUTE %L INTO r; RETURN r; END', query))
	END || '; GRANT SELECT ON shape_test.v TO PUBLIC'
$$;
CREATE FUNCTION pg_temp.outcome_in(place text, actor text, purpose text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE pg_temp.place(place, query);
	result := pg_temp.outcome(actor, purpose, 'SELECT x::text FROM shape_test.v');
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = result;
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
	WHEN OTHERS THEN RETURN 'place: ' || SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT place, r AS reader, count(*) FILTER (WHERE o = reference) AS right, count(*) FILTER (WHERE o IN ('42501', '0A000')) AS refused,
	count(*) FILTER (WHERE o <> reference AND o NOT IN ('42501', '0A000')) AS wrong
FROM unnest(ARRAY['view of a superuser', 'view of a BYPASSRLS role', 'security_barrier view', 'security_invoker view', 'nested view', 'rule', 'SQL function', 'inlined SQL function',
		'security definer SQL function of a superuser', 'plpgsql expression', 'security definer plpgsql of a superuser', 'plpgsql cursor', 'dynamic SQL']) WITH ORDINALITY AS p (place, k),
	unnest('{shape_analyst,shape_super}'::text[]) r, answer, LATERAL pg_temp.outcome_in(place, r, purpose, query) o
WHERE purpose = 'shape_a' AND shape NOT IN ('FOR UPDATE', 'FOR SHARE of one side') GROUP BY place, k, r ORDER BY k, r;

DROP SCHEMA shape_test CASCADE;
DROP OWNED BY shape_analyst, shape_owner, shape_bypass, shape_super;
DROP ROLE shape_analyst, shape_owner, shape_bypass, shape_super;
