-- A clause that tells nothing has its index and its statistics as without the policy;
-- whatever else is in a statement stays behind the policy.
SET client_min_messages = warning;
\pset format unaligned
SET jit = off;

CREATE SCHEMA promo;
CREATE EXTENSION pg_trgm SCHEMA promo;
CREATE EXTENSION btree_gin SCHEMA promo;
CREATE ROLE promo_reader;
CREATE ROLE promo_auditor IN ROLE privseg_auditor, promo_reader;
GRANT USAGE ON SCHEMA promo TO promo_reader;
SELECT privseg.create_purpose('promo_mail', 'consent');
SELECT privseg.grant_clearance('promo_reader', 'promo_mail');
CREATE TYPE promo.mood AS ENUM ('sad', 'so-so', 'fine', 'great');
CREATE FUNCTION promo.make(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE promo.%I (id bigint PRIMARY KEY, n numeric, f float8, d date, ts timestamp, tz timestamptz, u uuid, t text, v varchar, c char(12), a int[], ta text[], j jsonb, m promo.mood, r int4range, tr tsrange,'
		' ip inet, doc tsvector, gj int)', name);
	EXECUTE format('INSERT INTO promo.%I SELECT i, (i * 7919) %% 10007 / 10.0, (i * 7919) %% 10007, date ''2000-01-01'' + (i * 7919 %% 10007)::int, timestamp ''2000-01-01'' + (i * 7919 %% 10007) * interval ''1 hour'','
		' timestamptz ''2000-01-01 UTC'' + (i * 7919 %% 10007) * interval ''1 hour'', md5(i::text)::uuid, ''t'' || (i * 7919) %% 10007, ''v'' || (i * 7919) %% 10007, ''c'' || (i * 7919) %% 10007, ARRAY[i * 7919 %% 10007, i %% 50 + 20000], ARRAY[''x'' || i * 7919 %% 10007],'
		' jsonb_build_object(''k'', i * 7919 %% 10007, ''s'' || i %% 997, true, ''city'', ''c'' || i %% 1009), CASE WHEN i %% 1000 = 0 THEN ''great'' ELSE (ARRAY[''sad'', ''so-so'', ''fine''])[1 + i %% 3] END::promo.mood, int4range((i * 7919 %% 10007)::int, (i * 7919 %% 10007 + 3)::int),'
		' tsrange(timestamp ''2000-01-01'' + (i * 7919 %% 10007) * interval ''1 hour'', timestamp ''2000-01-01'' + (i * 7919 %% 10007 + 2) * interval ''1 hour''), (''10.0.'' || i / 256 %% 256 || ''.'' || i %% 256)::inet, to_tsvector(''simple'', ''w'' || i %% 1009 || '' x'' || i %% 3), i %% 1009'
		' FROM generate_series(1::bigint, 10006) i', name);
	EXECUTE format('CREATE INDEX %1$s_n ON promo.%1$I (n); CREATE INDEX %1$s_f ON promo.%1$I (f); CREATE INDEX %1$s_d ON promo.%1$I (d); CREATE INDEX %1$s_ts ON promo.%1$I (ts); CREATE INDEX %1$s_tz ON promo.%1$I (tz); CREATE INDEX %1$s_u ON promo.%1$I (u);'
		' CREATE INDEX %1$s_t ON promo.%1$I (t); CREATE INDEX %1$s_tp ON promo.%1$I (t text_pattern_ops); CREATE INDEX %1$s_v ON promo.%1$I (v varchar_pattern_ops); CREATE INDEX %1$s_c ON promo.%1$I (c bpchar_pattern_ops); CREATE INDEX %1$s_trgm ON promo.%1$I USING gin (t promo.gin_trgm_ops);'
		' CREATE INDEX %1$s_a ON promo.%1$I USING gin (a); CREATE INDEX %1$s_ta ON promo.%1$I USING gin (ta); CREATE INDEX %1$s_ab ON promo.%1$I (a); CREATE INDEX %1$s_j ON promo.%1$I USING gin (j); CREATE INDEX %1$s_jp ON promo.%1$I USING gin (j jsonb_path_ops);'
		' CREATE INDEX %1$s_city ON promo.%1$I ((j ->> ''city'')); CREATE INDEX %1$s_jb ON promo.%1$I (j); CREATE INDEX %1$s_m ON promo.%1$I (m); CREATE INDEX %1$s_r ON promo.%1$I USING gist (r); CREATE INDEX %1$s_tr ON promo.%1$I USING gist (tr); CREATE INDEX %1$s_ip ON promo.%1$I USING gist (ip inet_ops);'
		' CREATE INDEX %1$s_doc ON promo.%1$I USING gin (doc); CREATE INDEX %1$s_lower ON promo.%1$I (lower(t)); CREATE INDEX %1$s_part ON promo.%1$I (gj) WHERE n > 900; CREATE INDEX %1$s_gj ON promo.%1$I USING gin (gj promo.int4_ops)', name);
	EXECUTE format('ANALYZE promo.%I', name);
END $$;
SELECT promo.make('plain'), promo.make('safe');
CREATE FUNCTION promo.wanted(clause text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM promo.plain WHERE id % 10 < 7 AND ' || clause INTO n; RETURN n; END $$;
CREATE TABLE promo.other AS SELECT n, t, id FROM promo.plain WHERE id % 500 = 0;
CREATE TABLE promo.keys (n numeric, m promo.mood, pattern text);
INSERT INTO promo.keys VALUES (17, 'great', 't17%');
ANALYZE promo.other, promo.keys;
SELECT privseg.protect('promo.safe', 'id');
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'promo.safe', id::text, 'promo_mail', 'given' FROM promo.plain WHERE id % 10 < 7;
SELECT privseg.fold_consent('promo.safe') > 0 AS folded;
GRANT SELECT ON ALL TABLES IN SCHEMA promo TO promo_reader;

-- the indexes a statement uses, without the table's name in front
CREATE FUNCTION promo.indexes(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || query INTO plan;
	RETURN COALESCE((SELECT string_agg(DISTINCT m[1], ' ' ORDER BY m[1]) FROM regexp_matches(plan::text, '"Index Name": "[a-z]+_([a-z]+)"', 'g') m), 'none');
END $$;
CREATE FUNCTION promo.rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT count(*) || ''/'' || COALESCE(sum(hashtextextended(q::text, 0) %% 1000000007), 0) FROM (%s) q', query) INTO result;
	RETURN result;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA promo TO promo_reader;
CREATE FUNCTION promo.compare(query text) RETURNS TABLE (plain text, safe text, rows text) LANGUAGE plpgsql AS $$
DECLARE
	shown text;
	wanted text;
BEGIN
	plain := promo.indexes(replace(query, '$T', 'promo.plain'));
	wanted := promo.rows_of(replace(query, '$T', '(SELECT * FROM promo.plain WHERE id % 10 < 7)'));
	SET LOCAL ROLE promo_reader;
	SET LOCAL privseg.purpose = 'promo_mail';
	safe := promo.indexes(replace(query, '$T', 'promo.safe'));
	shown := promo.rows_of(replace(query, '$T', 'promo.safe'));
	RESET ROLE;
	rows := CASE WHEN shown = wanted THEN split_part(shown, '/', 1) ELSE format('%s instead of %s', shown, wanted) END;
	RETURN NEXT;
END $$;

-- clauses that have the index they would have
CREATE VIEW promo.promoted AS SELECT q.clause, c.* FROM unnest(ARRAY[
	'n = 17', 'n < 3', 'n >= 990', 'n BETWEEN 100 AND 101', 'n = ANY (ARRAY[17, 18, 19.5])', 'n IN (17, 18)', '17 = n', 'n = 17 OR n = 18', 'f = 17', 'f BETWEEN 3 AND 5',
	$$d = timestamp '2003-03-03'$$, $$d < timestamptz '2000-01-05 UTC'$$, $$ts = date '2001-01-01'$$, $$ts BETWEEN timestamptz '2000-03-01' AND timestamptz '2000-03-02'$$, $$tz < date '2000-01-03'$$, $$tz = timestamp '2001-01-01'$$,
	$$u = md5('77')::uuid$$, $$t = 't17'$$, $$t LIKE 't17%'$$, $$t LIKE 't1\_7%'$$, $$v LIKE 'v17%'$$, $$t ^@ 't17'$$, $$t LIKE '%0017%'$$, $$t ILIKE '%T9917%'$$, $$t ILIKE 'T9917'$$,
	'a && ARRAY[17]', 'a @> ARRAY[17, 20018]', 'a <@ ARRAY[17, 20018, 3, 20001]', 'a = ARRAY[7919, 20001]', $$ta && ARRAY['x17']$$,
	$$j @> '{"k": 17}'$$, $$j ? 's17'$$, $$j ?| ARRAY['s17', 's18']$$, $$j ?& ARRAY['s17', 'k']$$, $$j ->> 'city' = 'c17'$$, $$j = '{"k": 7919, "s1": true, "city": "c1"}'$$,
	$$m = 'great'$$, $$m > 'fine'$$, 'r && int4range(17, 19)', 'r @> 17', 'r @> int4range(17, 18)', 'r << int4range(2, 4)', $$tr && tsrange('2000-05-05', '2000-05-06')$$, $$tr @> timestamp '2000-05-05'$$,
	$$ip <<= '10.0.3.0/28'$$, $$ip << '10.0.3.0/28'$$, $$ip && '10.0.3.7/32'$$, $$doc @@ to_tsquery('simple', 'w17 & x2')$$, $$to_tsquery('simple', 'w17') @@ doc$$,
	'n = 17::int + 1', 'n = (SELECT 17)', 'n > 1000 AND gj = 17', 'n = 17 AND t IS NOT NULL', 'n = 17 AND NOT (f = 5)', 'n IS NOT DISTINCT FROM 17']) q (clause),
	LATERAL promo.compare('SELECT * FROM $T t WHERE ' || clause) c;
SELECT clause, plain AS index, rows FROM promo.promoted WHERE plain = safe AND rows !~ 'instead';
SELECT * FROM promo.promoted WHERE plain <> safe OR rows ~ 'instead';

-- statements: joins, outer joins, subqueries, order
SELECT query, c.* FROM unnest(ARRAY[
	'SELECT t.id FROM promo.other o JOIN $T t ON t.n = o.n',
	'SELECT o.id, t.id AS tid FROM promo.other o LEFT JOIN $T t ON t.n = o.n AND t.f < 5000',
	'SELECT o.id FROM promo.other o LEFT JOIN $T t ON t.n = o.n WHERE t.n IS NULL',
	'SELECT o.id FROM promo.other o LEFT JOIN $T t ON t.id = o.id WHERE COALESCE(t.n, 17) = 17',
	'SELECT k.m, t.id FROM promo.keys k JOIN $T t ON t.m = k.m',
	'SELECT t.id FROM promo.keys k, LATERAL (SELECT * FROM $T t WHERE t.n = k.n) t',
	'SELECT t.id, u.id AS uid FROM $T t JOIN $T u ON u.n = t.n WHERE t.n < 2',
	'SELECT * FROM (SELECT n, count(*) FROM $T t GROUP BY n) s WHERE n BETWEEN 100 AND 101',
	'SELECT id FROM $T t WHERE n IN (SELECT n FROM promo.other)',
	'SELECT id FROM promo.other o WHERE EXISTS (SELECT FROM $T t WHERE t.n = o.n)',
	'SELECT id FROM promo.other o WHERE NOT EXISTS (SELECT FROM $T t WHERE t.n = o.n)',
	'SELECT id FROM (SELECT * FROM $T t ORDER BY n LIMIT 5) s',
	'SELECT id FROM (SELECT * FROM $T t WHERE n > 500 ORDER BY n DESC LIMIT 5) s',
	'WITH c AS (SELECT * FROM $T t WHERE n = 17) SELECT id FROM c',
	'SELECT id FROM $T t WHERE n = 17 UNION ALL SELECT id FROM $T t WHERE f = 3',
	'SELECT max(n) FROM $T t', 'SELECT id FROM $T t WHERE n = (SELECT min(n) FROM promo.other)']) query, LATERAL promo.compare(query) c;

-- what tells something does not come before the policy
CREATE FUNCTION promo.noisy(numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN RAISE WARNING 'noisy %', $1; RETURN $1; END $$;
CREATE FUNCTION promo.noisy_eq(numeric, numeric) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN RAISE WARNING 'noisy %', $1; RETURN $1 = $2; END $$;
CREATE OPERATOR promo.=== (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = promo.noisy_eq, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE DOMAIN promo.dom AS numeric CHECK (promo.noisy(VALUE) > -1);
SET client_min_messages = error;
SET privseg.purpose = 'promo_mail';
SET ROLE promo_reader;
SELECT clause, promo.indexes('SELECT * FROM promo.safe WHERE ' || clause) FROM unnest(ARRAY[
	't LIKE (SELECT pattern FROM promo.keys)', $$t LIKE 't17\'$$, $$t ~ '^t17'$$, $$lower(t) = 't17'$$, 'n + 1 = 17', 'n::int = 17', 'n = promo.noisy(17)', 'n OPERATOR(promo.===) 17', '(n::promo.dom) = 17', 'sqrt(n) = 17',
	$$to_tsvector('simple', t) @@ to_tsquery('simple', 't17')$$, $$j @@ '$.k == 17'$$, $$j @? '$.k ? (@ == 17)'$$, 'r -|- int4range(1, 2)', 'gj = 17', '(n, f) = (17, 170)', 'n = 17 OR sqrt(f) = 17']) clause;

RESET ROLE;

-- and rows are estimated as they are, if nothing in the statement could look at values
CREATE FUNCTION promo.estimate(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SET ROLE promo_auditor;
SELECT clause, estimate, shown, estimate BETWEEN shown / 2 - 5 AND shown * 2 + 5 AS good FROM (SELECT clause, promo.estimate('SELECT * FROM promo.safe WHERE ' || clause) AS estimate, promo.wanted(clause) AS shown
FROM unnest(ARRAY['n BETWEEN 100 AND 200', 'n < 300', $$m = 'fine'$$, $$m = 'great'$$, $$t LIKE 't1%'$$, 'a && ARRAY[20013]', $$j ->> 'city' = 'c17'$$, 'true']) clause) e;
SELECT clause, promo.estimate('SELECT * FROM promo.safe WHERE ' || clause) < 4000 AS guessed FROM unnest(ARRAY['n < 900 AND promo.noisy(n) > 0', 'n < 900 AND id OPERATOR(promo.===) 17']) clause;

RESET ROLE;
RESET privseg.purpose;
DROP SCHEMA promo CASCADE;
DROP OWNED BY promo_reader, promo_auditor;
DROP ROLE promo_reader, promo_auditor;
