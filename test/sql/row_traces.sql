-- What a statement does besides giving rows (locks, warnings, the depth of the stack, the
-- sizes and the order of what it builds) is the same whatever hidden rows hold.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE ROLE trace_owner;
CREATE ROLE trace_keeper BYPASSRLS IN ROLE trace_owner;
CREATE ROLE trace_reader;
CREATE SCHEMA trace AUTHORIZATION trace_owner;
GRANT ALL ON SCHEMA trace TO PUBLIC;
SELECT format('GRANT CREATE ON DATABASE %I TO trace_owner', current_database()) \gexec
SELECT privseg.create_purpose('trace_mail', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'trace_mail')::text) FROM unnest('{trace_owner,trace_reader}'::text[]) r;
SET ROLE trace_owner;
CREATE TABLE trace.person (id int PRIMARY KEY, name text, secret text, words tsvector, note text, doc jsonb, line lseg, round circle, coupon int NOT NULL, gone timestamptz, numbers int[], made text GENERATED ALWAYS AS (NULLIF('s9', secret)) STORED);
CREATE TABLE trace.purchase (id int PRIMARY KEY, person_id int NOT NULL, coupon int NOT NULL);
CREATE TABLE trace.empty (person_id int, n int, numbers int[]);
CREATE TABLE trace.visit (person_id int, day date, PRIMARY KEY (person_id, day)) PARTITION BY RANGE (day);
CREATE TABLE trace.visit_1 PARTITION OF trace.visit FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO trace.visit SELECT i, '2026-01-01' FROM generate_series(1, 9) i;
INSERT INTO trace.person SELECT i, 'n' || i, 's' || i, ('common w' || i)::tsvector, repeat('e diabetes ', 3000), (repeat('{"deep": ', 500) || '1' || repeat('}', 500))::jsonb, lseg(point(1e308, 0), point(-1e308, 0)), circle(point(0, 0), 1e200), i FROM generate_series(1, 9) i;
UPDATE trace.person SET note = 'e', doc = '{}', line = NULL, round = NULL WHERE id < 9;
INSERT INTO trace.purchase SELECT i, i, 700 + i FROM generate_series(1, 9) i;
CREATE INDEX person_secret ON trace.person (secret);
CREATE INDEX ON trace.purchase (person_id);
CREATE INDEX ON trace.empty (person_id);
CREATE COLLATION trace.loose (provider = icu, locale = 'und', deterministic = false);
SET client_min_messages = error;
CREATE COLLATION trace.outdated (provider = icu, locale = 'und', version = '1');
SET client_min_messages = warning;
CREATE TYPE trace.stretch AS RANGE (subtype = text, collation = trace.outdated);
GRANT ALL ON ALL TABLES IN SCHEMA trace TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('trace.person', 'id'), privseg.protect('trace.purchase', 'person_id', 'trace.person'), privseg.protect('trace.empty', 'person_id', 'trace.person'), privseg.protect('trace.visit', 'person_id', 'trace.person');
SELECT count(privseg.record_consent('trace.person', i, 'trace_mail', 'given')) FROM generate_series(1, 8) i;

-- errors of functions that core has for LEAKPROOF: the ninth person's secret is guessed right, and wrong
CREATE TABLE trace.guess (k int GENERATED ALWAYS AS IDENTITY, q text);
INSERT INTO trace.guess (q) VALUES
	('SELECT count(*) FROM trace.person WHERE secret BETWEEN {s} AND {s} AND starts_with(name COLLATE trace.loose, secret)'),
	('SELECT count(*) FROM trace.person WHERE secret BETWEEN {s} AND {s} AND name COLLATE trace.loose ^@ secret'),
	('SELECT count(*) FROM trace.person WHERE secret BETWEEN {s} AND {s} AND line < lseg(point(0, 0), point(1, 1))'),
	('SELECT count(*) FROM trace.person WHERE secret BETWEEN {s} AND {s} AND round = circle(point(0, 0), 1)'),
	('SELECT count(*) FROM trace.person WHERE secret BETWEEN {s} AND {s} AND (line <= lseg(point(0, 0), point(1, 1)) OR round > circle(point(0, 0), 1))');
SELECT k, pg_temp.outcome('trace_reader', 'trace_mail', replace(q, '{s}', '''s9''')), pg_temp.outcome('trace_reader', 'trace_mail', replace(q, '{s}', '''s0''')) FROM trace.guess ORDER BY k;
SET row_security = off;
SELECT k, pg_temp.outcome(replace(q, '{s}', '''s9''')), pg_temp.outcome(replace(q, '{s}', '''s0''')) FROM trace.guess ORDER BY k;
RESET row_security;

-- purpose, role and row_security changed while a statement runs: it ends in an error whether or not a hidden row was asked about
CREATE TABLE trace.change (k int GENERATED ALWAYS AS IDENTITY, change text);
INSERT INTO trace.change (change) VALUES ($$set_config('privseg.purpose', 'trace_none', true)$$), ($$set_config('privseg.purpose', '', true)$$), ($$set_config('role', 'trace_nobody', true)$$), ($$set_config('row_security', 'off', true)$$);
CREATE ROLE trace_nobody;
GRANT trace_nobody TO trace_reader;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_seqscan = off;
SELECT k, change, right_guess.code, right_guess.message, right_guess.message = wrong_guess.message AND right_guess.code = wrong_guess.code AS same FROM trace.change,
	LATERAL (SELECT format('SET LOCAL privseg.purpose = trace_mail; SET LOCAL ROLE trace_reader; SELECT count(*) FROM (SELECT %s AS a, 9 AS b OFFSET 0) s JOIN trace.person p ON p.id = s.b AND p.secret = {s}', change) AS q) q,
	LATERAL pg_temp.refusal(replace(q, '{s}', quote_literal('s9'))) AS right_guess, LATERAL pg_temp.refusal(replace(q, '{s}', quote_literal('s0'))) AS wrong_guess ORDER BY k;
-- the rows are those of the purpose it began with
SET ROLE trace_reader;
SET privseg.purpose = 'trace_mail';
\set VERBOSITY terse
BEGIN;
SELECT id, set_config('privseg.purpose', 'trace_none', true) FROM trace.person;
ROLLBACK;
\set VERBOSITY default
-- what is read while the policy is asked is counted, and not shown
SELECT count(*) FROM trace.person WHERE secret = 's9';
SELECT relid::regclass, idx_scan, pg_stat_get_xact_numscans(relid) AS scans FROM pg_stat_all_tables WHERE relid IN ('privseg.consent_page'::regclass, 'privseg.consent_set'::regclass, 'pg_class'::regclass) ORDER BY 1::text;
SELECT bool_and(pg_stat_get_blocks_fetched(c.oid) IS NULL) AS hidden FROM pg_class c WHERE relnamespace IN ('privseg'::regnamespace, 'pg_catalog'::regnamespace)
	OR relname IN (SELECT format(f, r::oid) FROM unnest('{pg_toast_%s,pg_toast_%s_index}'::text[]) f, unnest('{pg_proc,privseg.consent_page}'::regclass[]) r);
SELECT count(*) AS functions, count(pg_stat_get_function_calls('privseg.library_is_preloaded'::regproc)) AS calls, count(pg_stat_get_function_total_time('privseg.library_is_preloaded'::regproc)) AS times FROM pg_stat_user_functions;
RESET ROLE;
RESET privseg.purpose;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_seqscan;

-- the latest version of a row, also through a view; functions of other arguments, as a counter
CREATE TEMP VIEW through AS SELECT ctid FROM trace.person;
GRANT SELECT ON through TO trace_reader;
CREATE ROLE trace_counts IN ROLE pg_read_all_stats;
SELECT r AS role, pg_temp.outcome(r, 'trace_mail', 'SELECT currtid2(''trace.person'', ''(0,1)'')') AS of_table, pg_temp.outcome(r, 'trace_mail', 'SELECT currtid2(''pg_temp.through'', ''(0,1)'')') AS of_view,
	pg_temp.outcome(r, 'trace_mail', 'SELECT privseg.shown_counter(''currtid2'', 16)') AS tid, pg_temp.outcome(r, 'trace_mail', 'SELECT privseg.shown_counter(''pg_stat_get_progress_info'', 16)') AS progress, pg_temp.outcome(r, 'trace_mail', 'SELECT privseg.shown_time(''currtid2'', 16)') AS time
	FROM unnest('{trace_reader,trace_counts}'::text[]) r;
SELECT privseg.shown_counter('currtid2', 16), privseg.shown_counter('pg_stat_get_progress_info', 16), privseg.shown_counter('pg_relation_size(regclass)'::regprocedure, 16), privseg.shown_counter('pg_stat_get_function_self_time', 16);
-- what row_security = off has shown is not kept
SET row_security = off;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT id, secret FROM trace.person;
ROLLBACK;
RESET row_security;

-- the depth that a value asks for, where little of the stack is left
CREATE FUNCTION trace.deep(depth int, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF depth > 0 THEN RETURN trace.deep(depth - 1, statement); END IF;
	EXECUTE statement INTO result;
	RETURN result;
END $$;
CREATE FUNCTION trace.nested(levels int, leaf text, start text, stop text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT repeat(start, levels) || leaf || repeat(stop, levels) $$;
-- planned where there is room, a right guess and a wrong one; then it is answered at some depths, and ends in an error at others
CREATE FUNCTION trace.differ(condition text, OUT answered boolean, OUT refused boolean, OUT differ bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE FUNCTION trace.right() RETURNS bigint LANGUAGE plpgsql AS %L', format('BEGIN RETURN (SELECT count(*) FROM trace.person WHERE id = 9 AND %s); END', replace(condition, '{w}', 'w9')));
	EXECUTE format('CREATE OR REPLACE FUNCTION trace.wrong() RETURNS bigint LANGUAGE plpgsql AS %L', format('BEGIN RETURN (SELECT count(*) FROM trace.person WHERE id = 9 AND %s); END', replace(condition, '{w}', 'w0')));
	PERFORM pg_temp.outcome('trace_reader', 'trace_mail', 'SELECT trace.deep(0, ''SELECT trace.right() + trace.wrong()'')');
	SELECT bool_or(r = '0'), bool_or(r = '54001'), count(*) FILTER (WHERE r <> w) INTO answered, refused, differ
	  FROM generate_series(0, 120) d, LATERAL (SELECT pg_temp.outcome('trace_reader', 'trace_mail', format('SELECT trace.deep(%s, ''SELECT trace.right()'')', d)) AS r,
		pg_temp.outcome('trace_reader', 'trace_mail', format('SELECT trace.deep(%s, ''SELECT trace.wrong()'')', d)) AS w) s;
END $$;
SET max_stack_depth = '500kB';
SELECT k, (trace.differ(c)).* FROM (VALUES (1, 'words @@ ''{w}'' AND note LIKE ''' || repeat('%e', 30) || ''''), (2, 'words @@ ''{w}'' AND note LIKE ''' || repeat('%e', 2000) || ''''),
	(3, 'words @@ ''{w} & ' || trace.nested(7, 'common', '(common & !!', ')') || ''''), (4, 'words @@ ''{w} & ' || trace.nested(600, 'common', '(common & !!', ')') || ''''),
	(5, 'words @@ ''{w}'' AND doc @> ''' || trace.nested(500, '1', '{"deep": ', '}') || '''')) t (k, c) ORDER BY k;
RESET max_stack_depth;

-- what an owner builds: its size, what it is checked against, the order it puts rows in
SELECT o.owner, s.statement, r.code, r.message FROM unnest('{trace_owner,trace_keeper}'::text[]) WITH ORDINALITY o (owner, i), unnest(ARRAY[
	'CREATE INDEX ON trace.person (id) WHERE secret = ''s9''',
	'CREATE INDEX ON trace.person (id) WHERE id = 9 AND coupon BETWEEN 1 AND 9',
	'CREATE INDEX ON trace.person (id) WHERE gone IS NULL',
	'CREATE INDEX ON trace.person (id) WHERE gone IS NULL AND secret IS NOT NULL',
	'CREATE INDEX ON trace.person (id) WHERE gone IS NULL AND secret = ''s9''',
	'CREATE INDEX ON trace.empty (person_id) WHERE n = 3',
	'CREATE INDEX ON trace.person (id) WHERE starts_with(name COLLATE trace.loose, secret) IS NULL',
	'ALTER TABLE trace.person ADD g bool GENERATED ALWAYS AS (secret = ''s9'' AND starts_with(name COLLATE trace.loose, secret)) STORED',
	'ALTER TABLE trace.person ADD g bool GENERATED ALWAYS AS (secret = ''s9'' AND name < secret COLLATE trace.outdated) STORED',
	'ALTER TABLE trace.person ADD g text GENERATED ALWAYS AS (md5(secret)) STORED',
	'CREATE INDEX ON trace.person (COALESCE(NULLIF(left(''ab'', (id = 9 AND coupon > 8)::int), ''a''), ''long''))',
	'CREATE EXTENSION intarray SCHEMA trace; CREATE INDEX ON trace.person USING gist (numbers trace.gist__int_ops (numranges = 3))',
	'CREATE EXTENSION intarray SCHEMA trace; CREATE INDEX ON trace.empty USING gist (numbers trace.gist__int_ops)',
	'CREATE EXTENSION btree_gist SCHEMA trace; CREATE INDEX ON trace.person USING gist (coupon)',
	'CREATE INDEX ON trace.person ((id = 9))',
	'CREATE INDEX ON trace.person ((secret IS NULL))',
	'CREATE INDEX ON trace.person (left(name, id))',
	'CREATE INDEX ON trace.person (lower(name || ''x'' || secret))',
	'CREATE INDEX ON trace.person ((doc -> ''k'' ->> ''a''))',
	'CREATE INDEX ON trace.person ((doc ->> name))',
	'CREATE INDEX ON trace.person (COALESCE(name, ''nobody''))',
	'CREATE INDEX ON trace.person (id) WHERE made IS NOT NULL',
	'CREATE INDEX ON trace.person (md5(made))',
	'ALTER TABLE trace.person ADD g bool GENERATED ALWAYS AS (NULLIF(id = 9, false)) STORED',
	'ALTER TABLE trace.person ADD g text GENERATED ALWAYS AS (COALESCE(NULLIF(secret, ''s9''), ''long'')) STORED',
	'ALTER TABLE trace.person ALTER made DROP EXPRESSION',
	'ALTER TABLE trace.purchase DROP CONSTRAINT purchase_pkey, ADD PRIMARY KEY (coupon, id)',
	'CREATE UNIQUE INDEX made_key ON trace.purchase (coupon); ALTER TABLE trace.purchase DROP CONSTRAINT purchase_pkey, ADD PRIMARY KEY USING INDEX made_key',
	'ALTER TABLE trace.purchase DROP CONSTRAINT purchase_pkey, ADD PRIMARY KEY (person_id)',
	'CREATE TABLE trace.visit_2 (LIKE trace.visit); INSERT INTO trace.visit_2 VALUES (1, ''2026-02-01''); ALTER TABLE trace.visit ATTACH PARTITION trace.visit_2 FOR VALUES FROM (''2026-02-01'') TO (''2026-03-01'')',
	'ALTER TABLE trace.purchase ADD FOREIGN KEY (person_id) REFERENCES trace.purchase ON DELETE CASCADE NOT VALID',
	'ALTER TABLE trace.purchase ADD FOREIGN KEY (id) REFERENCES trace.person ON DELETE CASCADE NOT VALID',
	'ALTER TABLE trace.purchase ADD FOREIGN KEY (coupon) REFERENCES trace.person',
	'ALTER TABLE trace.purchase ADD FOREIGN KEY (coupon) REFERENCES trace.person NOT VALID',
	'ALTER TABLE trace.person ADD FOREIGN KEY (coupon) REFERENCES trace.person',
	'ALTER TABLE trace.purchase ADD FOREIGN KEY (person_id) REFERENCES trace.person']) WITH ORDINALITY s (statement, j),
	pg_temp.refusal(format('SET LOCAL ROLE %s; SET LOCAL row_security = %s; %s', owner, CASE owner WHEN 'trace_owner' THEN 'on' ELSE 'off' END, statement)) r ORDER BY i, j;
SET ROLE trace_owner;
\set VERBOSITY terse
ALTER TABLE trace.person CLUSTER ON person_secret;
RESET ROLE;
SET row_security = off;
ALTER TABLE trace.person CLUSTER ON person_secret;
RESET row_security;
SET ROLE trace_owner;
CLUSTER;
ALTER TABLE trace.person CLUSTER ON person_pkey;
CLUSTER;
\set VERBOSITY default
RESET ROLE;

-- a collation's warning comes once in a session
\c
SET ROLE trace_reader;
SET privseg.purpose = 'trace_mail';
SELECT count(*) FROM trace.person WHERE secret BETWEEN 's9' AND 's9' AND name < secret COLLATE trace.outdated;
SELECT count(*) FROM trace.person WHERE secret BETWEEN 's9' AND 's9' AND name <@ ANY (ARRAY['[a,)'::trace.stretch]) IS NULL;
-- nor by the second column of an index, which is asked where the first is found
\c
SET client_min_messages = error;
SET row_security = off;
CREATE TABLE trace.dated (id int PRIMARY KEY, a int, t text COLLATE trace.outdated);
INSERT INTO trace.dated SELECT i, i, 'x' || i FROM generate_series(1, 9) i;
CREATE INDEX ON trace.dated (a, t);
GRANT SELECT ON trace.dated TO trace_reader;
SELECT privseg.protect('trace.dated', 'id', 'trace.person');
\c
SET ROLE trace_reader;
SET privseg.purpose = 'trace_mail';
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT id FROM trace.dated WHERE a = 9 AND t = 'x9';
\c
SET client_min_messages = error;
DROP SCHEMA trace CASCADE;
DROP OWNED BY trace_owner, trace_keeper, trace_reader;
DROP ROLE trace_owner, trace_keeper, trace_reader, trace_nobody, trace_counts;
