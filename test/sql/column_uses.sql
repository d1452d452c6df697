-- Columns: what a statement uses them for, and what a role is shown of them. The generated matrix
-- (test/t/063_column_matrix.pl) tries every shape; here are examples, what is refused and how it is
-- said, masks, writes, labels, and plans that outlive a decision.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA uses;
CREATE ROLE uses_full;
CREATE ROLE uses_masked;
CREATE ROLE uses_filter;
CREATE ROLE uses_filter_mask;
CREATE ROLE uses_project_mask;
CREATE ROLE uses_write;
CREATE ROLE uses_none;
CREATE ROLE uses_owner;
GRANT USAGE, CREATE ON SCHEMA uses TO PUBLIC;
SET ROLE uses_owner;
CREATE TABLE uses.person (id bigint PRIMARY KEY, email text, town text, salary numeric(10,2), remark varchar(20), shouted text GENERATED ALWAYS AS (lower(email)) STORED);
INSERT INTO uses.person SELECT i, 'p' || i || '@example.org', 'town' || i % 3, i * 100, 'r' || i FROM generate_series(1, 30) i;
CREATE TABLE uses.purchase (id int PRIMARY KEY, person bigint REFERENCES uses.person, note text, total numeric);
CREATE INDEX ON uses.purchase (person);
INSERT INTO uses.purchase SELECT i, 1 + i % 30, 'n' || i, i FROM generate_series(1, 60) i;
CREATE VIEW uses.person_view AS SELECT id, email, upper(email) AS loud, town FROM uses.person;
GRANT ALL ON ALL TABLES IN SCHEMA uses TO PUBLIC;
RESET ROLE;
SELECT privseg.create_purpose('uses_care', 'contract'), privseg.create_purpose('uses_ads', 'contract'), privseg.create_data_category('uses.contact'),
	privseg.create_data_category('uses.money', 'sensitive'), privseg.create_data_category('uses.sex', protected_attribute => true);
SELECT privseg.protect('uses.person', 'id'), privseg.protect('uses.purchase', 'person', 'uses.person');

-- a mask is one expression over value
SELECT mask, code, message, detail FROM unnest(ARRAY['left(value, 2) || ''***''', 'NULL', '''hidden''', 'upper(value)', 'value)', 'value, value', 'value; DROP TABLE uses.person', '(SELECT value)', 'value FROM uses.person', 'email',
	'uses.person.email', 'random()::text', 'clock_timestamp()::text', 'count(value)', 'generate_series(1, 2)::text', '1', 'point(1, 2)', 'pg_sleep(1)::text', 'value AS x', 'ARRAY[value]', 'CASE WHEN value LIKE ''a%'' THEN ''a'' END', '$1', ''])
	WITH ORDINALITY m (mask, n), LATERAL pg_temp.refusal(format('SELECT privseg.classify(''uses.person'', ''email'', ''uses.contact'', %L)', mask)) ORDER BY n;
-- what the parser says of it is shown in the mask
SELECT privseg.classify('uses.person', 'email', 'uses.contact', 'left(value, 2 || ''***''');
SELECT privseg.classify('uses.person', 'email', 'uses.contact', 'left(value, 2) || ''***'''), privseg.classify('uses.person', 'salary', 'uses.money'),
	privseg.classify('uses.person', 'remark', 'uses.contact', 'repeat(left(value, 1), 30)');
SELECT privseg.grant_clearance(r, p) FROM unnest('{uses_full,uses_masked,uses_filter,uses_filter_mask,uses_project_mask,uses_write,uses_none,uses_owner}'::regrole[]) r, unnest('{uses_care,uses_ads}'::text[]) p;
SELECT count(privseg.grant_clearance(g.r::regrole, 'uses_care', c, g.u::text[])::text) FROM (VALUES ('uses_full', '{project,filter,aggregate,write}'), ('uses_masked', '{mask}'), ('uses_filter', '{filter}'), ('uses_filter_mask', '{filter,mask}'),
	('uses_project_mask', '{project,mask}'), ('uses_write', '{write}')) g (r, u), unnest('{uses.contact,uses.money}'::text[]) c;
SET privseg.purpose = 'uses_care';

-- and means what it meant when it was checked, whatever its reader calls by the same names
GRANT CREATE ON SCHEMA uses TO uses_masked;
SET ROLE uses_masked;
CREATE FUNCTION uses.left(text, int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION uses.joined(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE OPERATOR uses.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = uses.joined);
SET search_path = uses, pg_catalog;
SELECT email, remark FROM person WHERE id = 2;
RESET search_path;
DROP FUNCTION uses.left(text, int), uses.joined(text, text) CASCADE;
RESET ROLE;
-- and whatever its reader has set by which it could be read otherwise
SELECT privseg.classify('uses.person', 'email', 'uses.contact', $$regexp_replace(value, '\d', CASE WHEN NULLIF(left(value, 1), 'p') = NULL THEN 'one' ELSE '*' END)$$);
SET ROLE uses_masked;
SELECT email FROM uses.person WHERE id = 2;
SET escape_string_warning = off; SET standard_conforming_strings = off;
SELECT email FROM uses.person WHERE id = 2;
RESET standard_conforming_strings; RESET escape_string_warning;
SET transform_null_equals = on;
SELECT email FROM uses.person WHERE id = 2;
RESET transform_null_equals;
RESET ROLE;
SELECT privseg.classify('uses.person', 'email', 'uses.contact', 'left(quote_ident(split_part(value, ''@'', 1)), 1)');
SET ROLE uses_masked;
SET quote_all_identifiers = on;
SELECT email FROM uses.person WHERE id = 2;
RESET quote_all_identifiers;
RESET ROLE;
SET ROLE uses_owner;
CREATE TYPE uses.mood AS ENUM ('low', 'high');
CREATE TABLE uses.diary (id bigint PRIMARY KEY, at timestamptz, moods uses.mood[]);
INSERT INTO uses.diary VALUES (1, '2020-01-01 14:30+00', '{low,high}');
GRANT ALL ON uses.diary TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('uses.diary', 'id', 'uses.person'), privseg.classify('uses.diary', 'moods', 'uses.contact', 'value[1:1]'),
	privseg.classify('uses.diary', 'at', 'uses.contact', 'date_trunc(''day'', value AT TIME ZONE ''EST'') AT TIME ZONE ''EST''');
SET ROLE uses_masked;
SELECT at AT TIME ZONE 'UTC' AS at, moods FROM uses.diary;
SET timezone_abbreviations = 'Australia';
SELECT at AT TIME ZONE 'UTC' AS at FROM uses.diary;
RESET timezone_abbreviations;
RESET ROLE;
DROP TABLE uses.diary;
DROP TYPE uses.mood;
SELECT privseg.classify('uses.person', 'email', 'uses.contact', 'left(value, 2) || ''***''');
REVOKE CREATE ON SCHEMA uses FROM uses_masked;

-- whatever its reader has set: when the text is read, and when what depends on settings is computed
CREATE TABLE uses.visit (id bigint PRIMARY KEY, person bigint, seen timestamptz, born date, weight float8, code text, card text);
INSERT INTO uses.visit VALUES (1, 1, '2024-05-05 13:14:15+00', '1980-02-03', 1.0/3, '4711', 'card 4711');
SELECT privseg.protect('uses.visit', 'person', 'uses.person');
SELECT privseg.classify('uses.visit', 'seen', 'uses.contact', $$date_trunc('day', value)$$), privseg.classify('uses.visit', 'born', 'uses.contact', $$to_date(to_char(value, 'YYYY'), 'YYYY')$$),
	privseg.classify('uses.visit', 'weight', 'uses.contact', 'length(value::text)'), privseg.classify('uses.visit', 'code', 'uses.contact', $$'no ' || ('01/02/2003'::date - '2003-01-01'::date)$$),
	privseg.classify('uses.visit', 'card', 'uses.contact', $$regexp_replace(value, '\d', 'x', 'g')$$);
GRANT SELECT ON uses.visit TO uses_masked;
CREATE FUNCTION pg_temp.visits_under(setting text, value text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
	before text := current_setting(setting);
	result text;
BEGIN
	PERFORM set_config(setting, value, false);
	EXECUTE $$SELECT concat_ws(' ', extract(epoch FROM seen), born - '1980-01-01', weight, code, card) FROM uses.visit$$ INTO result;
	IF current_setting(setting) <> value THEN RAISE EXCEPTION '% is not what it was', setting; END IF;
	PERFORM set_config(setting, before, false);
	RETURN result;
END $f$;
SET ROLE uses_masked;
SELECT setting, value, pg_temp.visits_under(setting, value) FROM (VALUES ('DateStyle', 'ISO, MDY'), ('DateStyle', 'German, DMY'), ('TimeZone', 'Asia/Tokyo'), ('TimeZone', 'America/Los_Angeles'), ('extra_float_digits', '-12'),
	('standard_conforming_strings', 'off'), ('search_path', 'uses, pg_catalog'), ('force_parallel_mode', 'on')) s (setting, value);
EXPLAIN (VERBOSE, COSTS OFF) SELECT seen FROM uses.visit;
SELECT privseg.masked(code, NULL) AS nobody FROM uses.visit;
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.masked('x'::text, '1')$$);
RESET ROLE;

-- a mask that cannot be computed does not say of what; what is not about a value is said as it is
CREATE FUNCTION uses.slow(text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(10); RETURN left($1, 1); END';
CREATE FUNCTION uses.talks(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'it is %', $1 USING DETAIL = $1, HINT = $1, ERRCODE = '42501'; END $$;
CREATE FUNCTION pg_temp.masked_by(mask text, OUT code text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM privseg.classify('uses.visit', 'card', 'uses.contact', mask);
	PERFORM set_config('role', 'uses_masked', true);
	SELECT * FROM pg_temp.refusal('SELECT card FROM uses.visit') INTO code, message, detail, hint;
	PERFORM set_config('role', 'none', true);
END $$;
SELECT mask, r.* FROM unnest(ARRAY['value::int::text', 'left(value, 6)::date::text', 'uses.talks(value)', '(1 / (length(value) - 9))::text', 'left(value, 1)']) WITH ORDINALITY m (mask, n), pg_temp.masked_by(mask) r ORDER BY n;
CREATE TABLE uses.huge (id bigint PRIMARY KEY, amount numeric);
INSERT INTO uses.huge VALUES (1, 4711 * 10::numeric ^ 320);
SELECT privseg.protect('uses.huge', 'id'), privseg.classify('uses.huge', 'amount', 'uses.contact', 'round(value::float8)::numeric');
GRANT SELECT ON uses.huge TO uses_masked;
SET ROLE uses_masked;
SELECT * FROM pg_temp.refusal('SELECT amount FROM uses.huge');
RESET ROLE;
DROP TABLE uses.huge;
SELECT privseg.classify('uses.visit', 'card', 'uses.contact', 'uses.slow(value)');
SET ROLE uses_masked;
SET force_parallel_mode = on;
EXPLAIN (COSTS OFF) SELECT card FROM uses.visit;
RESET force_parallel_mode;
SET statement_timeout = '300ms';
SELECT card FROM uses.visit;
RESET statement_timeout;
RESET ROLE;

-- a mask hands the value to nobody's code but PostgreSQL's own and superusers'
CREATE FUNCTION uses.heard(text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$ BEGIN RAISE NOTICE 'heard %', $1; RETURN 'x'; END $$;
CREATE FUNCTION uses.hears(text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE 'heard %', $1; RETURN true; END $$;
CREATE DOMAIN uses.hearing AS text CHECK (uses.hears(VALUE));
CREATE DOMAIN uses.short AS text CHECK (length(VALUE) < 100);
CREATE FUNCTION uses.joined(text, text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1; END';
CREATE OPERATOR uses.## (LEFTARG = text, RIGHTARG = text, FUNCTION = uses.joined);
CREATE TYPE uses.kind AS ENUM ('a');
SELECT privseg.classify('uses.visit', 'card', 'uses.contact', 'uses.heard(value)');
ALTER FUNCTION uses.hears(text) OWNER TO uses_owner;
ALTER FUNCTION uses.joined(text, text) OWNER TO uses_owner;
ALTER DOMAIN uses.hearing OWNER TO uses_owner;
ALTER DOMAIN uses.short OWNER TO uses_owner;
ALTER TYPE uses.kind OWNER TO uses_owner;
SET ROLE uses_masked;
SELECT card FROM uses.visit;
RESET ROLE;
ALTER FUNCTION uses.heard(text) OWNER TO uses_owner;
SET ROLE uses_masked;
SELECT card FROM uses.visit;
RESET ROLE;
SELECT mask, code, message, detail FROM unnest(ARRAY['uses.heard(value)', 'CASE WHEN uses.hears(value) THEN ''x'' END', 'value OPERATOR(uses.##) ''x''', 'value::uses.hearing::text', '''{a}''::uses.hearing[]::text', 'left(value, 1)::uses.short', '''a''::uses.kind::text'])
	WITH ORDINALITY m (mask, n), pg_temp.refusal(format('SELECT privseg.classify(''uses.visit'', ''card'', ''uses.contact'', %L)', mask)) ORDER BY n;
-- nor by a type of its column, or what that is made of, by casts that core's functions look for, or while it is parsed
SET ROLE uses_owner;
CREATE TYPE uses.pair AS (what uses.kind, much numeric);
CREATE TYPE uses.heard_pair AS (what text, much uses.hearing);
CREATE TYPE uses.span AS RANGE (subtype = numeric);
CREATE DOMAIN uses.hearings AS uses.hearing[];
CREATE FUNCTION uses.told(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'told %, as %', $1, current_user; RETURN true; END $$;
CREATE DOMAIN uses.telling AS text CHECK (uses.told('x') AND uses.told(VALUE));
CREATE DOMAIN uses.itself AS text;
ALTER DOMAIN uses.itself ADD CHECK ((VALUE::uses.itself) <> '');
CREATE FUNCTION uses.tells_all(uses.telling[]) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'x';
CREATE FUNCTION uses.listed(text, uses.telling[]) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true;
CREATE OPERATOR uses.### (LEFTARG = text, RIGHTARG = uses.telling[], FUNCTION = uses.listed);
CREATE FUNCTION uses.cast_of(uses.kind) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'cast of %', enum_out($1); RETURN 'x'; END $$;
CREATE FUNCTION uses.cast_of(uses.span) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'cast of %', lower($1); RETURN '1'; END $$;
CREATE CAST (uses.kind AS text) WITH FUNCTION uses.cast_of(uses.kind);
CREATE CAST (uses.span AS json) WITH FUNCTION uses.cast_of(uses.span);
RESET ROLE;
CREATE DOMAIN uses.above AS uses.telling;
CREATE FUNCTION uses.given(text) RETURNS uses.telling[] LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN NULL; END';
CREATE TABLE uses.typed (id bigint, card text, kind uses.kind, pair uses.pair, pairs uses.pair[], heard_pair uses.heard_pair, span uses.span, spans uses.span_multirange, told uses.telling[], short uses.short[]);
CREATE TABLE uses.endless (id bigint, itself uses.itself);
SELECT privseg.protect('uses.typed', 'id', 'uses.person'), privseg.protect('uses.endless', 'id', 'uses.person');
SET row_security = off;
INSERT INTO uses.typed VALUES (1, 'c1', 'a', '(a,12.5)', '{"(a,12.5)"}', '(x,y)', '[12,51)', '{[1,5)}', NULL, '{short}');
RESET row_security;
SELECT c AS column, mask, code, message FROM (VALUES ('pair', $$ROW((value).what, round((value).much))::uses.pair$$), ('pairs', $$ARRAY[ROW('a', 1)::uses.pair]$$), ('pairs', $$value[1:1]$$), ('span', $$uses.span(floor(lower(value)), ceil(upper(value)))$$), ('spans', $$uses.span_multirange(range_merge(value))$$), ('span', $$'[0,9)'$$), ('short', $$value[1:1]$$),
	('kind', $$CASE WHEN value = 'a' THEN value END$$), ('pair', $$CASE WHEN value::text ~ 'a' THEN value END$$), ('card', $$left(value, 1) || ('[1,2)'::uses.span)$$), ('card', $$left(value, 1) || ('[1,2)'::uses.span)::text$$),
	('heard_pair', $$CASE WHEN (value).what = 'x' THEN value END$$), ('heard_pair', $$NULL$$), ('told', $$'{a}'$$), ('kind', $$CASE WHEN to_json(value)::text = 'x' THEN value END$$), ('kind', $$CASE WHEN quote_literal(value) = 'x' THEN value END$$), ('kind', $$CASE WHEN value || '' = 'x' THEN value END$$),
	('span', $$CASE WHEN to_jsonb(value) = '1' THEN value END$$), ('spans', $$CASE WHEN to_jsonb(range_merge(value)) = '1' THEN value END$$), ('spans', $$CASE WHEN to_jsonb(ROW(value)) = '1' THEN value END$$), ('pair', $$CASE WHEN to_jsonb(value) = '1' THEN value END$$), ('pairs', $$CASE WHEN array_to_json(value)::text = '1' THEN value END$$),
	('card', $$value::uses.telling::text$$), ('card', $$'a'::uses.telling::text$$), ('card', $$value::uses.above::text$$), ('card', $$'{a}'::uses.telling[]::text$$), ('card', $$CAST('{a}' AS uses.telling[])::text$$), ('card', $$uses._telling('{a}')::text$$), ('card', $$uses.hearings('{a}')::text$$), ('card', $$uses.tells_all('{a}')$$),
	('card', $$CASE WHEN value OPERATOR(uses.###) '{a}' THEN 'x' END$$), ('card', $$'(x,y)'::uses.heard_pair::text$$), ('card', $$array_to_string(uses.given(value), '')$$)) m (c, mask), pg_temp.refusal(format('SELECT privseg.classify(''uses.typed'', %L, ''uses.contact'', %L)', c, mask));
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.classify('uses.endless', 'itself', 'uses.contact', 'NULL')$$);
-- nor by functions of core that find a type, a view, a function or a partition by a name or an OID
SET ROLE uses_owner;
CREATE FUNCTION uses.listens() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE WARNING 'listens'; RETURN 'x'; END $$;
CREATE VIEW uses.listening AS SELECT uses.listens();
CREATE TABLE uses.parted (id bigint) PARTITION BY RANGE (((uses.told('partition'))::int + id));
RESET ROLE;
SELECT mask, code, message FROM unnest(ARRAY[$$domain_in(textout(value), 'uses.hearing'::regtype::oid, -1) IS NULL$$, $$record_in(textout('(,' || value || ')'), 'uses.heard_pair'::regtype::oid, -1) IS NULL$$, $$array_in(textout('{' || value || '}'), 'uses.hearing'::regtype::oid, -1) IS NULL$$,
	$$range_in(textout(value), 'uses.span'::regtype::oid, -1) IS NULL$$, $$table_to_xml('uses.listening'::regclass, true, true, '') IS DOCUMENT$$, $$schema_to_xml('uses', true, true, '') IS DOCUMENT$$, $$database_to_xml(true, true, '') IS DOCUMENT$$,
	$$query_to_xml('TABLE uses.listening', true, true, '') IS DOCUMENT$$, $$fmgr_sql_validator('uses.listens()'::regprocedure) IS NULL$$, $$satisfies_hash_partition('uses.parted'::regclass, 1, 0, value)$$, $$pg_get_partition_constraintdef('uses.parted'::regclass) IS NULL$$, $$array_append('{}'::text[], value) IS NULL$$, $$enum_first(NULL::uses.kind) IS NULL$$, $$(value::text[])[1] = 'a'$$, $$value::uses.kind = 'a'$$, $$value::uses.span IS NULL$$, $$textin(textout(value)) = 'a'$$])
	WITH ORDINALITY m (mask, n), pg_temp.refusal(format('SELECT privseg.classify(''uses.typed'', ''card'', ''uses.contact'', %L)', 'CASE WHEN ' || mask || ' THEN ''x'' END')) ORDER BY n;
-- whichever it is: all that can be called whose result is of a type that those of their arguments do not tell
SELECT count(*) > 40 AS many, count(*) FILTER (WHERE r.code IS DISTINCT FROM '22023') AS accepted, min(p.oid::regprocedure::text) FILTER (WHERE r.code IS DISTINCT FROM '22023') AS first
	FROM pg_proc p JOIN pg_type t ON t.oid = p.prorettype, LATERAL (SELECT string_agg('NULL::' || a::regtype, ', ' ORDER BY n), bool_or(a::regtype::text ~ '^any') FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY a (a, n)) a (list, poly),
	pg_temp.refusal(format('SELECT privseg.classify(''uses.typed'', ''card'', ''uses.contact'', %L)', format('CASE WHEN %s(%s) IS NULL THEN ''x'' END', p.proname, a.list))) r
	WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND p.provolatile <> 'v' AND NOT p.proretset AND t.typtype = 'p' AND t.typname NOT IN ('cstring', 'internal') AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[]) AND NOT (a.poly AND t.typname ~ '^any.');
SELECT privseg.classify('uses.typed', 'pair', 'uses.contact', 'ROW(NULL, round((value).much, -1))::uses.pair'), privseg.classify('uses.typed', 'span', 'uses.contact', 'uses.span(floor(lower(value) / 10) * 10, upper(value) * 10)'), privseg.classify('uses.typed', 'pairs', 'uses.contact', 'ARRAY[ROW((value[1]).what, NULL)::uses.pair]'),
	privseg.classify('uses.typed', 'short', 'uses.contact', 'ARRAY[left(value[1], 2)]::uses.short[]');
GRANT SELECT ON uses.typed TO uses_masked;
SET ROLE uses_masked;
SELECT pair, pairs, span, short FROM uses.typed;
RESET ROLE;
-- what becomes of a type later is seen where the mask is read, by its reader
ALTER DOMAIN uses.short ADD CHECK (uses.told(VALUE)) NOT VALID;
SET ROLE uses_masked;
SELECT short FROM uses.typed;
RESET ROLE;
DROP TABLE uses.typed, uses.endless, uses.parted;
DROP TABLE uses.visit;

-- under every role: what comes, or how it is refused
CREATE FUNCTION pg_temp.as_all(statement text) RETURNS TABLE(role text, answer text) LANGUAGE plpgsql AS $$
BEGIN
	FOR role IN SELECT unnest('{full,masked,filter,filter_mask,project_mask,write,none}'::text[]) LOOP
		answer := pg_temp.outcome('uses_' || role, 'uses_care', format('SELECT string_agg(x::text, '' '' ORDER BY x::text) FROM (%s) x', statement));
		RETURN NEXT;
	END LOOP;
END $$;
SELECT s AS statement, string_agg(role || ': ' || answer, E'\n' ORDER BY n) FROM unnest(ARRAY[
	$$SELECT email FROM uses.person WHERE id < 3$$,
	$$SELECT id FROM uses.person WHERE email = 'p2@example.org'$$,
	$$SELECT email FROM uses.person WHERE email LIKE 'p2_@%' AND id < 22$$,
	$$SELECT id FROM (SELECT id, upper(email), email FROM uses.person) s WHERE id < 2$$,
	$$SELECT loud FROM uses.person_view WHERE email LIKE 'p21%'$$,
	$$SELECT id FROM (SELECT * FROM uses.person ORDER BY email DESC LIMIT 1) s$$,
	$$SELECT email, count(*) FROM uses.person WHERE id < 3 GROUP BY email$$,
	$$SELECT upper(email) FROM uses.person WHERE id < 3 GROUP BY upper(email)$$,
	$$SELECT DISTINCT email FROM uses.person WHERE id IN (1, 2)$$,
	$$SELECT email FROM uses.person WHERE id < 2 UNION SELECT note FROM uses.purchase WHERE id = 1$$,
	$$SELECT p FROM uses.person p WHERE id = 1$$,
	$$SELECT to_json(p) FROM uses.person p WHERE id = 1$$,
	$$SELECT j FROM (uses.purchase o RIGHT JOIN uses.person p ON o.person = p.id AND o.id = 59) j WHERE j.person = 30$$,
	$$SELECT count(email), sum(salary) FROM uses.person$$,
	$$SELECT max(email) FROM uses.person$$,
	$$SELECT o.id FROM uses.purchase o JOIN uses.person p ON p.id = o.person AND p.salary > 2900$$,
	$$SELECT p.email FROM uses.purchase o LEFT JOIN uses.person p ON p.id = o.person AND p.id > 3 WHERE o.id < 4$$,
	$$WITH RECURSIVE r AS (SELECT id, email FROM uses.person WHERE id = 1 UNION ALL SELECT p.id, p.email FROM uses.person p JOIN r ON p.id = r.id + 1 WHERE p.id < 3) SELECT email FROM r$$,
	$$SELECT remark FROM uses.person WHERE id = 1$$,
	$$SELECT shouted FROM uses.person WHERE id = 1$$,
	$$SELECT x.email FROM uses.person x NATURAL JOIN (SELECT email FROM uses.person WHERE id = 4) y$$,
	$$SELECT EXISTS (SELECT email FROM uses.person WHERE id = 1)$$]) WITH ORDINALITY s (s, k), LATERAL pg_temp.as_all(s) WITH ORDINALITY a (role, answer, n) GROUP BY s, k ORDER BY k;

-- a refusal names column, category, use and purpose; and no value
SET ROLE uses_none;
SELECT statement, code, message, hint FROM unnest(ARRAY['SELECT email FROM uses.person', 'SELECT 1 FROM uses.person ORDER BY salary', 'SELECT avg(salary) FROM uses.person', 'UPDATE uses.person SET salary = 1', 'INSERT INTO uses.person (id, email) VALUES (100, ''x'')',
	'INSERT INTO uses.person (id) VALUES (100) ON CONFLICT (id) DO UPDATE SET remark = ''x''']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE;

-- what is written
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE plpgsql AS $$ DECLARE result text; BEGIN SET LOCAL row_security = off; SELECT (id, email, town, salary, remark)::text INTO result FROM uses.person p WHERE id = 1; SET LOCAL row_security = on; RETURN result; END $$;
CREATE FUNCTION pg_temp.written(statement text) RETURNS TABLE(role text, answer text) LANGUAGE plpgsql AS $$
BEGIN
	FOR role IN SELECT unnest('{full,masked,filter,filter_mask,project_mask,write,none}'::text[]) LOOP
		BEGIN
			PERFORM set_config('role', 'uses_' || role, true);
			EXECUTE statement;
			RESET ROLE;
			RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = pg_temp.stored();
		EXCEPTION WHEN SQLSTATE 'ZZ000' THEN answer := SQLERRM; WHEN OTHERS THEN answer := SQLSTATE; END;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT s AS statement, string_agg(role || ': ' || answer, E'\n' ORDER BY n) FROM unnest(ARRAY[
	$$UPDATE uses.person SET email = 'new' WHERE id = 1$$,
	$$UPDATE uses.person SET email = 'p1***' WHERE id = 1$$,
	$$UPDATE uses.person SET email = 'p1@example.org' WHERE id = 1$$,
	$$UPDATE uses.person SET email = email, salary = salary WHERE id = 1$$,
	$$UPDATE uses.person SET salary = NULL WHERE id = 1$$,
	$$UPDATE uses.person SET salary = salary + 1 WHERE id = 1$$,
	$$UPDATE uses.person SET salary = 100.0 WHERE id = 1$$,
	$$UPDATE uses.person SET town = email WHERE id = 1$$,
	$$UPDATE uses.person SET remark = email WHERE id = 1$$,
	$$UPDATE uses.person SET email = salary WHERE id = 1$$,
	$$UPDATE uses.person SET (town, salary) = (SELECT 'x', 100) WHERE id = 1$$,
	$$INSERT INTO uses.person (id, email, salary) VALUES (1, NULL, NULL) ON CONFLICT (id) DO UPDATE SET town = 'x'$$,
	$$INSERT INTO uses.person (id, email) VALUES (1, 'y') ON CONFLICT (id) DO UPDATE SET email = excluded.email$$,
	$$INSERT INTO uses.person (id, email) SELECT id, email FROM uses.person WHERE id = 1 ON CONFLICT (id) DO UPDATE SET town = 'to ' || excluded.email$$,
	$$INSERT INTO uses.person (id, email) SELECT id, email FROM uses.person WHERE id = 1 ON CONFLICT (id) DO UPDATE SET town = excluded.shouted$$,
	$$INSERT INTO uses.person (id, email) SELECT id, email FROM uses.person WHERE id = 1 ON CONFLICT (id) DO UPDATE SET town = excluded::text$$,
	$$INSERT INTO uses.person (id, email) SELECT id, email FROM uses.person WHERE id = 1 ON CONFLICT (id) DO UPDATE SET (town, remark) = (SELECT excluded.email, 'y')$$,
	$$INSERT INTO uses.person (id, email) SELECT id, email FROM uses.person WHERE id = 1 ON CONFLICT (id) DO UPDATE SET town = 'x' WHERE excluded.email LIKE 'p%'$$,
	$$INSERT INTO uses.person (id, email) SELECT id, email FROM uses.person WHERE id = 1 ON CONFLICT (id) DO UPDATE SET remark = excluded.email$$,
	$$INSERT INTO uses.person (id, email) SELECT 1, 'y' ON CONFLICT (id) DO UPDATE SET town = 'to ' || excluded.email$$,
	$$INSERT INTO uses.person (id, email) VALUES (1, 'y'), (2, 'z') ON CONFLICT (id) DO UPDATE SET town = 'to ' || excluded.email$$,
	$$MERGE INTO uses.person t USING (VALUES (1)) v (i) ON t.id = v.i WHEN MATCHED THEN UPDATE SET email = 'merged'$$]) WITH ORDINALITY s (s, k), LATERAL pg_temp.written(s) WITH ORDINALITY a (role, answer, n) GROUP BY s, k ORDER BY k;
SET ROLE uses_masked;
COPY uses.person (id, email) FROM stdin;
100	x
\.
COPY uses.person (id, town) FROM stdin;
101	x
\.
DELETE FROM uses.person WHERE id = 101;
RESET ROLE;

-- plans are shared: by purposes, by roles, by what was granted when they were made
SET plan_cache_mode = force_generic_plan;
PREPARE shared AS SELECT email FROM uses.person WHERE id = $1;
PREPARE chosen AS SELECT count(*) FROM uses.person WHERE email = $1;
SET ROLE uses_full;
EXECUTE shared(1);
EXECUTE chosen('p1@example.org');
RESET ROLE; SET ROLE uses_masked;
EXECUTE shared(1);
EXECUTE chosen('p1@example.org');
EXECUTE chosen('p1***');
RESET ROLE; SET ROLE uses_none;
EXECUTE shared(1);
RESET ROLE; SET ROLE uses_full;
SET privseg.purpose = 'uses_ads';
EXECUTE shared(1);
SET privseg.purpose = 'uses_care';
EXECUTE shared(1);
RESET ROLE;
SELECT privseg.revoke_clearance('uses_full', 'uses_care', 'uses.contact');
SET ROLE uses_full;
EXECUTE shared(1);
RESET ROLE;
SELECT privseg.grant_clearance('uses_full', 'uses_care', 'uses.contact', '{project,filter,aggregate,write}');
-- another mask, another category, none
SET ROLE uses_masked;
EXECUTE shared(1);
RESET ROLE;
SELECT privseg.classify('uses.person', 'email', 'uses.contact', '''mail of '' || left(value, 1)');
SET ROLE uses_masked;
EXECUTE shared(1);
RESET ROLE;
SELECT privseg.classify('uses.person', 'email', 'uses.sex');
SET ROLE uses_masked;
EXECUTE shared(1);
RESET ROLE;
SELECT privseg.classify('uses.person', 'email', NULL);
SET ROLE uses_none;
EXECUTE shared(1);
RESET ROLE;
SELECT privseg.classify('uses.person', 'email', 'uses.contact', 'left(value, 2) || ''***''');
SET ROLE uses_none;
EXECUTE shared(1);
RESET ROLE;
-- a function's plan; a cursor shows what it was opened with
CREATE FUNCTION uses.mail(bigint) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT email FROM uses.person WHERE id = $1); END $$;
SET ROLE uses_full;
SELECT uses.mail(1);
RESET ROLE; SET ROLE uses_masked;
SELECT uses.mail(1);
RESET ROLE; SET ROLE uses_none;
SELECT code FROM pg_temp.refusal('SELECT uses.mail(1)');
RESET ROLE;
RESET plan_cache_mode;
-- what a function reads in a parallel worker is decided there
CREATE FUNCTION uses.in_worker(bigint) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN (SELECT email FROM uses.person WHERE id = $1); END $$;
SET ROLE uses_none;
SET force_parallel_mode = on;
SELECT code FROM pg_temp.refusal('SELECT max(uses.in_worker(id)) FROM uses.person');
RESET ROLE; SET ROLE uses_masked;
SELECT max(uses.in_worker(id)) FROM uses.person;
RESET force_parallel_mode;
RESET ROLE;

-- columns that are not classified
SELECT privseg.classify('uses.person', 'town', NULL);
SET privseg.unclassified = deny;
SET ROLE uses_full;
SELECT statement, code, message FROM unnest(ARRAY['SELECT id, email FROM uses.person', 'SELECT town FROM uses.person', 'SELECT count(*) FROM uses.person WHERE town = ''x''', 'SELECT person FROM uses.purchase', 'UPDATE uses.person SET town = NULL']) statement, pg_temp.refusal(statement);
-- nothing may be written there, as for any column that one may not write
SELECT statement, code, message, detail FROM unnest(ARRAY['INSERT INTO uses.person (id, town) VALUES (500, NULL)', 'INSERT INTO uses.person (id, town) VALUES (500, DEFAULT), (501, NULL)', 'INSERT INTO uses.person (id, town) VALUES (500, ''x'')', 'INSERT INTO uses.person (id, town) VALUES (500, NULL), (501, ''x'')', 'INSERT INTO uses.person (id, town) SELECT 500, email FROM uses.person WHERE id = 1',
	'INSERT INTO uses.person (id, town) VALUES (1, NULL) ON CONFLICT (id) DO UPDATE SET town = NULL', 'INSERT INTO uses.person (id, town) VALUES (1, NULL) ON CONFLICT (town) DO NOTHING', 'INSERT INTO uses.person (id, town) VALUES (500, NULL) RETURNING town']) WITH ORDINALITY s (statement, n), pg_temp.refusal(statement) ORDER BY n;
RESET ROLE;
RESET privseg.unclassified;

-- a label that a restore has lost; and one that nobody has copied
SET allow_system_table_mods = on;
DELETE FROM pg_seclabel WHERE objoid = 'uses.person'::regclass AND provider = 'privseg' AND objsubid = 5;
RESET allow_system_table_mods;
ALTER TABLE uses.person ALTER town SET STATISTICS 10;
SET ROLE uses_none;
SELECT code, message, detail, hint FROM pg_temp.refusal('SELECT remark FROM uses.person');
RESET ROLE;
SELECT privseg.classify('uses.person', 'remark', 'uses.contact');

-- an owner's policy does not choose by what he may not filter by
SET ROLE uses_owner;
SELECT statement, code, message FROM unnest(ARRAY['CREATE POLICY rich ON uses.person USING (salary > 1000)', 'CREATE POLICY near ON uses.person USING (town = ''town1'')', 'CREATE POLICY theirs ON uses.purchase USING (EXISTS (SELECT FROM uses.person p WHERE p.id = person AND p.salary > 5))']) statement, pg_temp.refusal(statement);
RESET ROLE;
-- nor is his trigger, or anybody's, handed what he may not see
CREATE FUNCTION uses.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', OLD; RETURN OLD; END $$;
SELECT r, statement, t.code, t.message FROM unnest('{uses_owner,uses_write}'::text[]) r, unnest(ARRAY['CREATE TRIGGER tell BEFORE DELETE ON uses.person FOR EACH ROW EXECUTE FUNCTION uses.tell()', 'CREATE TRIGGER tell AFTER DELETE ON uses.person REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION uses.tell()',
	'CREATE TRIGGER tell BEFORE DELETE ON uses.person FOR EACH STATEMENT EXECUTE FUNCTION uses.tell()', 'CREATE TRIGGER tell BEFORE DELETE ON uses.purchase FOR EACH ROW EXECUTE FUNCTION uses.tell()']) WITH ORDINALITY s (statement, n), LATERAL (SELECT set_config('role', r, true)) c, LATERAL pg_temp.refusal(statement) t ORDER BY r, n;
RESET ROLE;
-- a policy that an administrator has made asks for everybody, about what is stored: whatever is done, also through views
CREATE TABLE uses.wage (id bigint PRIMARY KEY, wage numeric, town text);
CREATE TABLE uses.most (wage numeric);
INSERT INTO uses.wage SELECT i, i * 100, 'town' FROM generate_series(1, 30) i;
INSERT INTO uses.most VALUES (1000);
CREATE FUNCTION uses.tells(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.001 AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN true; END $$;
CREATE VIEW uses.wage_view WITH (security_invoker) AS SELECT id, wage, town FROM uses.wage;
CREATE VIEW uses.wage_barrier WITH (security_barrier, security_invoker) AS SELECT id, wage, town FROM uses.wage_view WHERE town <> 'x';
CREATE VIEW uses.wage_own WITH (security_barrier, security_invoker) AS SELECT id, wage, town FROM uses.wage_barrier WHERE uses.tells(wage);
CREATE VIEW uses.wage_ruled WITH (security_barrier, security_invoker) AS SELECT id, wage, town FROM uses.wage WHERE true;
CREATE RULE instead AS ON DELETE TO uses.wage_ruled DO INSTEAD DELETE FROM uses.wage WHERE id = OLD.id RETURNING id, wage, town;
GRANT ALL ON ALL TABLES IN SCHEMA uses TO PUBLIC;
SELECT privseg.protect('uses.wage', 'id'), privseg.classify('uses.wage', 'wage', 'uses.money', 'round(value, -3)');
CREATE POLICY inserts ON uses.wage FOR INSERT WITH CHECK (true);
CREATE POLICY updates ON uses.wage FOR UPDATE USING ((wage <= 1000) IS NOT FALSE);
CREATE POLICY deletes ON uses.wage FOR DELETE USING (EXISTS (SELECT FROM uses.most m WHERE m.wage >= uses.wage.wage));
CREATE POLICY selects ON uses.wage FOR SELECT USING ((wage <= 1000) IS NOT FALSE);
CREATE POLICY narrows ON uses.wage AS RESTRICTIVE FOR SELECT USING ((wage > 200) IS NOT FALSE);
SELECT statement, masked, none FROM unnest(ARRAY['SELECT count(*) FROM uses.wage', 'WITH w AS (UPDATE uses.wage SET town = town RETURNING id) SELECT array_agg(id ORDER BY id) FROM w', 'WITH w AS (DELETE FROM uses.wage RETURNING id) SELECT array_agg(id ORDER BY id) FROM w', 'WITH w AS (DELETE FROM uses.wage RETURNING wage) SELECT sum(wage) FROM w',
	'WITH w AS (DELETE FROM uses.wage_view RETURNING id) SELECT array_agg(id ORDER BY id) FROM w', 'WITH w AS (UPDATE uses.wage_barrier SET town = ''y'' RETURNING id) SELECT array_agg(id ORDER BY id) FROM w', 'WITH w AS (UPDATE uses.wage_own SET town = ''y'' RETURNING id) SELECT array_agg(id ORDER BY id) FROM w', 'DELETE FROM uses.wage_ruled WHERE id > 10 RETURNING id', 'DELETE FROM uses.wage_ruled WHERE id = 10 RETURNING wage',
	'INSERT INTO uses.wage (id, town) VALUES (10, ''y'') ON CONFLICT (id) DO UPDATE SET town = ''y'' RETURNING id', 'INSERT INTO uses.wage (id, town) VALUES (11, ''y'') ON CONFLICT (id) DO UPDATE SET town = ''y'' RETURNING id']) WITH ORDINALITY s (statement, n),
	LATERAL pg_temp.outcome('uses_masked', 'uses_care', statement) masked, LATERAL pg_temp.outcome('uses_none', 'uses_care', statement) none ORDER BY n;
BEGIN;
SET ROLE uses_masked;
MERGE INTO uses.wage w USING (VALUES (2), (3), (10), (11)) v (i) ON w.id = v.i WHEN MATCHED THEN UPDATE SET town = 'merged';
RESET ROLE;
SET LOCAL row_security = off;
SELECT array_agg(id ORDER BY id) FROM uses.wage WHERE town = 'merged';
ROLLBACK;

-- a cursor is gone on with by who is cleared for the same
CREATE FUNCTION uses.gone_on(statement text, began text, after text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	c refcursor := 'c';
	hold text;
	result text := '';
BEGIN
	FOREACH hold IN ARRAY '{"",refcursor,with hold}'::text[] LOOP
		BEGIN
			PERFORM set_config('role', began, true);
			IF hold = 'refcursor' THEN
				OPEN c SCROLL FOR EXECUTE statement;
			ELSE
				EXECUTE format('DECLARE c SCROLL CURSOR %s FOR %s', hold, statement);
			END IF;
			EXECUTE 'MOVE 1 IN c';
			PERFORM set_config('role', after, true);
			EXECUTE 'MOVE 1 IN c';
			RAISE EXCEPTION USING ERRCODE = 'ZZ000';
		EXCEPTION
			WHEN SQLSTATE 'ZZ000' THEN result := result || 'moved, ';
			WHEN OTHERS THEN result := result || SQLERRM || ', ';
		END;
	END LOOP;
	RETURN result;
END $$;
SELECT statement, began, after, uses.gone_on(statement, began, after) FROM (VALUES ('SELECT email FROM uses.person', 'uses_full', 'uses_masked'), ('SELECT email FROM uses.person', 'uses_full', 'uses_none'), ('SELECT email FROM uses.person', 'uses_masked', 'uses_full'), ('SELECT email FROM uses.person', 'uses_full', 'uses_full'),
	('SELECT id FROM uses.person WHERE email > ''''', 'uses_full', 'uses_filter'), ('SELECT id FROM uses.person WHERE email > ''''', 'uses_filter', 'uses_none'), ('SELECT id FROM uses.person', 'uses_full', 'uses_none')) v (statement, began, after);
BEGIN;
SET LOCAL ROLE uses_full;
DECLARE h CURSOR WITH HOLD FOR SELECT email FROM uses.person ORDER BY id;
COMMIT;
SET ROLE uses_masked;
FETCH 1 FROM h;
SET ROLE uses_full;
FETCH 1 FROM h;
CLOSE h;
RESET ROLE;
-- what is copied goes into the column that it is for: of several rows, of one subselect for several columns
CREATE TABLE uses.letter (id int PRIMARY KEY, person bigint, body text, sent date, sealed text);
INSERT INTO uses.letter SELECT i, i, 'body', '2024-01-01', 'sealed' || i FROM generate_series(1, 3) i;
GRANT ALL ON uses.letter TO PUBLIC;
SELECT privseg.protect('uses.letter', 'person', 'uses.person'), privseg.classify('uses.letter', 'body', 'uses.contact'), privseg.encrypt_column('uses.letter', 'sealed', 'uses.contact');
SET ROLE uses_full;
SELECT statement, code, message FROM unnest(ARRAY['INSERT INTO uses.letter (id, person, body) VALUES (11, 1, (SELECT body FROM uses.letter WHERE id = 2)), (12, 2, NULL)', 'INSERT INTO uses.letter (id, person, sent, body) VALUES (11, 1, NULL, NULL), (12, 2, ''2024-01-01'', (SELECT body FROM uses.letter WHERE id = 2))',
	'UPDATE uses.letter l SET (body, sent) = (SELECT p.body, date ''2024-01-01'' FROM uses.letter p WHERE p.id = 1) WHERE l.id = 2', 'UPDATE uses.letter l SET (sent, sealed) = (SELECT p.sent, p.sealed FROM uses.letter p WHERE p.id = 2) WHERE l.id = 2',
	'INSERT INTO uses.purchase (id, person, note) VALUES (101, 1, (SELECT body FROM uses.letter WHERE id = 2)), (102, 1, NULL)', 'UPDATE uses.purchase c SET (total, note) = (SELECT 1, p.body FROM uses.letter p WHERE p.id = 1) WHERE c.id = 1',
	'UPDATE uses.purchase c SET (note, total) = (SELECT p.body, length(p.body) FROM uses.letter p WHERE p.id = 1) WHERE c.id = 1', 'UPDATE uses.purchase c SET (total, note) = (SELECT length(p.body), ''x'' FROM uses.letter p WHERE p.id = 1) WHERE c.id = 1']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE; SET ROLE uses_filter;
-- what an encrypted value is compared by is shown, when it is sent
SELECT statement, code, message FROM unnest(ARRAY['SELECT sealed = ''sealed1'' FROM uses.letter', 'SELECT privseg.encrypted_eq(sealed, ''sealed1''::text) FROM uses.letter', 'SELECT privseg.encrypted_hash(sealed) FROM uses.letter', 'SELECT ARRAY[privseg.encrypted_cmp(sealed, ''sealed1''::text)] FROM uses.letter', 'SELECT sealed OPERATOR(privseg.=) ANY (ARRAY[''sealed1''::text]) FROM uses.letter',
	'SELECT count(*) FROM uses.letter WHERE privseg.encrypted_eq(sealed, ''sealed1''::text)', 'SELECT count(*) FROM uses.letter WHERE sealed = ''sealed1''']) WITH ORDINALITY s (statement, n), LATERAL pg_temp.refusal(statement) ORDER BY n;
RESET ROLE;
-- what is left out comes from the table's own default, also through views; a view's default is written by whoever wrote to the view
SET ROLE uses_owner;
CREATE TABLE uses.filled (id bigint PRIMARY KEY, number int GENERATED BY DEFAULT AS IDENTITY, town text DEFAULT 'here', email text DEFAULT 'none@example.org', income numeric DEFAULT 7 * 100);
RESET ROLE;
SELECT privseg.protect('uses.filled', 'id'), privseg.classify('uses.filled', 'email', 'uses.contact', 'left(value, 1)'), privseg.classify('uses.filled', 'income', 'uses.money'), privseg.classify('uses.filled', 'number', 'uses.money');
SET row_security = off;
INSERT INTO uses.filled VALUES (1, 1, 'town', 'a@example.org', 100);
RESET row_security;
SET ROLE uses_owner;
CREATE VIEW uses.filled_view AS SELECT * FROM uses.filled;
CREATE VIEW uses.filled_invoker WITH (security_invoker) AS SELECT income, email AS mail, town, id FROM uses.filled;
CREATE VIEW uses.filled_barrier WITH (security_barrier) AS SELECT id, town FROM uses.filled WHERE income > 0;
CREATE VIEW uses.filled_checked AS SELECT id, town FROM uses.filled WHERE id > 0 WITH CHECK OPTION;
CREATE VIEW uses.filled_above AS SELECT id, town FROM uses.filled_view WITH CASCADED CHECK OPTION;
CREATE VIEW uses.filled_ruled AS SELECT id, town FROM uses.filled;
CREATE RULE r AS ON INSERT TO uses.filled_ruled DO INSTEAD INSERT INTO uses.filled (id, town) VALUES (NEW.id, NEW.town);
CREATE VIEW uses.filled_by_rule AS SELECT id, town FROM uses.filled;
CREATE RULE r AS ON INSERT TO uses.filled_by_rule DO INSTEAD INSERT INTO uses.filled (id, town, income) VALUES (NEW.id, NEW.town, 1);
CREATE VIEW uses.filled_same AS SELECT * FROM uses.filled;
ALTER VIEW uses.filled_same ALTER income SET DEFAULT 7 * 100;
CREATE VIEW uses.filled_other AS SELECT * FROM uses.filled;
ALTER VIEW uses.filled_other ALTER income SET DEFAULT 700;
CREATE VIEW uses.filled_under AS SELECT id, town FROM uses.filled_other;
CREATE VIEW uses.filled_null AS SELECT * FROM uses.filled;
ALTER VIEW uses.filled_null ALTER income SET DEFAULT NULL;
CREATE VIEW uses.filled_asked AS SELECT id, town FROM uses.filled WHERE income > 0 WITH CHECK OPTION;
CREATE VIEW uses.filled_trigger AS SELECT id, town FROM uses.filled;
CREATE FUNCTION uses.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO uses.filled (id, town) VALUES (NEW.id, NEW.town); RETURN NEW; END $$;
CREATE TRIGGER t INSTEAD OF INSERT ON uses.filled_trigger FOR EACH ROW EXECUTE FUNCTION uses.instead();
GRANT ALL ON uses.filled, uses.filled_view, uses.filled_invoker, uses.filled_barrier, uses.filled_checked, uses.filled_above, uses.filled_ruled, uses.filled_by_rule, uses.filled_same, uses.filled_other, uses.filled_under, uses.filled_null, uses.filled_asked, uses.filled_trigger TO PUBLIC;
GRANT ALL ON SEQUENCE uses.filled_number_seq TO PUBLIC;
RESET ROLE;
SELECT replace(s, '@', 'uses.filled' || v) AS statement, string_agg(right(r, -5) || ': ' || pg_temp.outcome(r, 'uses_care', replace(s, '@', 'uses.filled' || v)), ', ' ORDER BY m)
  FROM unnest('{"",_view,_invoker,_barrier,_checked,_above,_same,_trigger,_other,_under,_null,_asked}'::text[]) WITH ORDINALITY v (v, n), unnest(ARRAY['WITH w AS (INSERT INTO @ (id, town) VALUES (2, ''x'') RETURNING 1) SELECT count(*) FROM w', 'WITH w AS (INSERT INTO @ (id, town) VALUES (3, ''x''), (2, DEFAULT) RETURNING 1) SELECT count(*) FROM w',
	'INSERT INTO @ AS f (id, town) VALUES (1, ''x'') ON CONFLICT (id) DO UPDATE SET town = excluded.town || f.town RETURNING town']) WITH ORDINALITY s (s, k), unnest('{uses_none,uses_masked,uses_filter,uses_write}'::text[]) WITH ORDINALITY r (r, m)
 WHERE NOT (v ~ 'rule' OR (k = 3 AND v ~ 'trigger')) GROUP BY v, n, s, k ORDER BY k, n;
SELECT v, string_agg(right(r, -5) || ': ' || t.code, ', ' ORDER BY m) FROM unnest('{_ruled,_by_rule}'::text[]) WITH ORDINALITY v (v, n), unnest('{uses_none,uses_masked,uses_filter,uses_write}'::text[]) WITH ORDINALITY r (r, m), LATERAL pg_temp.refusal(format('SET LOCAL ROLE %s; INSERT INTO uses.filled%s (id, town) VALUES (2, ''x'')', r, v)) t GROUP BY v, n ORDER BY n;
-- and so does DEFAULT, in some rows, too, of which others may be NULL; not what somebody writes there, nor an update
SELECT replace(s, '@', 'uses.filled' || v) AS statement, string_agg(right(r, -5) || ': ' || t.code, ', ' ORDER BY m) FROM unnest('{"",_view,_same,_other,_null}'::text[]) WITH ORDINALITY v (v, n), unnest(ARRAY['INSERT INTO @ (id, income) VALUES (2, DEFAULT)', 'INSERT INTO @ VALUES (2, DEFAULT, ''x'', DEFAULT, DEFAULT)',
	'INSERT INTO @ (id, income) VALUES (3, DEFAULT), (2, DEFAULT)', 'INSERT INTO @ (id, income, email) VALUES (3, DEFAULT, NULL), (2, NULL, DEFAULT)', 'INSERT INTO @ (id, income) VALUES (3, DEFAULT), (2, 5)', 'INSERT INTO @ (id, income) VALUES (3, 5), (2, DEFAULT)', 'INSERT INTO @ (id, income) VALUES (2, 5)',
	'INSERT INTO @ (id, income) SELECT * FROM (VALUES (2, 7 * 100)) v', 'INSERT INTO @ (id, income) VALUES (1, DEFAULT) ON CONFLICT (id) DO UPDATE SET income = excluded.income', 'UPDATE @ SET income = DEFAULT']) WITH ORDINALITY s (s, k), unnest('{uses_none,uses_masked,uses_filter,uses_write}'::text[]) WITH ORDINALITY r (r, m),
	LATERAL pg_temp.refusal(format('SET LOCAL ROLE %s; %s', r, replace(s, '@', 'uses.filled' || v))) t GROUP BY v, n, s, k ORDER BY k, n;
SET ROLE uses_none;
BEGIN;
MERGE INTO uses.filled f USING (VALUES (2), (3)) v (i) ON f.id = v.i WHEN NOT MATCHED THEN INSERT (id, income) VALUES (v.i, DEFAULT);
INSERT INTO uses.filled (id, income) VALUES (4, DEFAULT), (5, NULL);
RESET ROLE;
SET LOCAL row_security = off;
SELECT id, income FROM uses.filled WHERE id > 1 ORDER BY id;
ROLLBACK;
-- and where a length or a domain is applied to NULL; not where a cast makes something of it
SET ROLE uses_owner;
CREATE DOMAIN uses.town AS text CHECK (VALUE <> '');
CREATE DOMAIN uses.district AS uses.town;
CREATE TYPE uses.nothing AS ENUM ('nothing');
CREATE FUNCTION uses.something(uses.nothing) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'chosen' $$;
CREATE FUNCTION uses.same(uses.nothing) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT 1 $$;
CREATE CAST (uses.nothing AS text) WITH FUNCTION uses.something AS ASSIGNMENT;
CREATE CAST (uses.nothing AS int) WITH FUNCTION uses.same AS ASSIGNMENT;
CREATE TABLE uses.fitted (id bigint PRIMARY KEY, a varchar(10) DEFAULT 'none', b char(3) DEFAULT 'x', c uses.town DEFAULT 'here', d uses.district DEFAULT 'there', e numeric(6,2) DEFAULT 1.5, f varchar(4)[] DEFAULT '{a}', g timestamptz(0) DEFAULT '2020-01-01', h text DEFAULT 'i', i int DEFAULT 4);
GRANT ALL ON uses.fitted TO PUBLIC;
RESET ROLE;
SELECT privseg.protect('uses.fitted', 'id');
SELECT count(privseg.classify('uses.fitted', c, 'uses.money')) FROM unnest('{a,b,c,d,e,f,g,h,i}'::name[]) c;
SELECT s, t.code FROM unnest(ARRAY['(id, a) VALUES (1, NULL), (2, DEFAULT)', '(id, b) VALUES (1, NULL), (2, DEFAULT)', '(id, c) VALUES (1, NULL), (2, DEFAULT)', '(id, d) VALUES (1, NULL), (2, DEFAULT)', '(id, e) VALUES (1, DEFAULT), (2, NULL)', '(id, f) VALUES (1, NULL), (2, DEFAULT)', '(id, g) VALUES (1, NULL), (2, DEFAULT)',
	'(id, a) VALUES (1, ''none''), (2, DEFAULT)', '(id, a) VALUES (1, ''some''), (2, DEFAULT)', '(id, e) VALUES (1, 1.2), (2, DEFAULT)', '(id, d) VALUES (1, ''some''), (2, DEFAULT)', '(id, f) VALUES (1, ''{b}''), (2, DEFAULT)',
	'(id, a) VALUES (1, NULL::uses.nothing), (2, DEFAULT)', '(id, h) VALUES (1, NULL::uses.nothing), (2, DEFAULT)', '(id, i) VALUES (1, NULL::uses.nothing), (2, DEFAULT)', '(id, i) VALUES (1, ''nothing''::uses.nothing), (2, DEFAULT)', '(id, h) VALUES (1, concat(NULL, ''chosen'')), (2, DEFAULT)']) WITH ORDINALITY s (s, n), LATERAL pg_temp.refusal('SET LOCAL ROLE uses_none; INSERT INTO uses.fitted ' || s) t ORDER BY n;
-- the table gets another default while a plan is kept
SET ROLE uses_none;
PREPARE filled AS INSERT INTO uses.filled_same (id) VALUES (9) ON CONFLICT DO NOTHING;
EXECUTE filled;
RESET ROLE;
ALTER TABLE uses.filled ALTER income SET DEFAULT 8;
SET ROLE uses_none;
EXECUTE filled;
RESET ROLE;
-- rows do not come in the order of an index on what may not be filtered by
CREATE TABLE uses.ranked (id bigint PRIMARY KEY, vip boolean NOT NULL, income numeric, note text);
INSERT INTO uses.ranked SELECT i, i % 4 = 0, i * 7919 % 1009, 'n' || i FROM generate_series(1, 400) i;
CREATE INDEX ON uses.ranked (vip, income);
CREATE INDEX ON uses.ranked (income) INCLUDE (id, vip);
CREATE INDEX ON uses.ranked (vip, (income + 1));
SELECT privseg.protect('uses.ranked', 'id'), privseg.classify('uses.ranked', 'income', 'uses.money', 'round(value, -3)');
GRANT SELECT ON uses.ranked TO PUBLIC;
VACUUM ANALYZE uses.ranked;
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
PREPARE vips AS SELECT id FROM uses.ranked WHERE vip;
CREATE FUNCTION uses.in_order(OUT vips boolean, OUT rows boolean, OUT masks boolean) LANGUAGE plpgsql AS $$
DECLARE
	found bigint[];
	r record;
BEGIN
	FOR r IN EXECUTE 'EXECUTE vips' LOOP found := found || r.id; END LOOP;
	vips := found = (SELECT array_agg(i ORDER BY i) FROM unnest(found) i);
	found := NULL;
	FOR r IN EXECUTE 'SELECT id, vip FROM uses.ranked' LOOP found := found || r.id; END LOOP;
	rows := found = (SELECT array_agg(i ORDER BY i) FROM unnest(found) i);
	found := NULL;
	FOR r IN EXECUTE CASE WHEN current_user = 'uses_none' THEN 'SELECT id FROM uses.ranked WHERE vip' ELSE 'SELECT id, income FROM uses.ranked WHERE vip' END LOOP found := found || r.id; END LOOP;
	masks := found = (SELECT array_agg(i ORDER BY i) FROM unnest(found) i);
END $$;
SET ROLE uses_none;
SELECT * FROM uses.in_order();
SET ROLE uses_masked;
SELECT * FROM uses.in_order();
SET ROLE uses_full;
SELECT * FROM uses.in_order();
EXPLAIN (COSTS OFF) SELECT id FROM uses.ranked WHERE vip AND income > 5 ORDER BY income;
EXPLAIN (COSTS OFF) SELECT max(income) FROM uses.ranked;
RESET ROLE;
DEALLOCATE vips;
RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort;
-- nor, where what has no class is closed, in the order of such a column; a kept plan is made anew
CREATE TABLE uses.dated (person bigint, at int, note text);
INSERT INTO uses.dated SELECT 1 + i % 3, i * 7919 % 1009, lpad(i::text, 4, '0') FROM generate_series(1, 300) i;
CREATE INDEX ON uses.dated (person, at);
CREATE TABLE uses.dated_child (extra int) INHERITS (uses.dated);
INSERT INTO uses.dated_child SELECT 1 + i % 3, i * 7919 % 1009, lpad(i::text, 4, '0'), i * 17 % 1013 FROM generate_series(1, 300) i;
CREATE INDEX ON uses.dated_child (extra, person);
SELECT privseg.protect('uses.dated', 'person', 'uses.person'), privseg.classify('uses.dated', 'note', 'uses.contact');
GRANT SELECT ON uses.dated, uses.dated_child TO PUBLIC;
VACUUM ANALYZE uses.dated, uses.dated_child;
CREATE FUNCTION uses.noted(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	found text[];
	r record;
BEGIN
	FOR r IN EXECUTE query LOOP found := found || r.note; END LOOP;
	RETURN found = (SELECT array_agg(i ORDER BY i) FROM unnest(found) i);
END $$;
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan;
SET ROLE uses_full;
PREPARE dated AS SELECT note FROM ONLY uses.dated WHERE person = 1;
SELECT uses.noted('EXECUTE dated'), uses.noted('SELECT note FROM ONLY uses.dated WHERE person = 1'), uses.noted('SELECT note FROM uses.dated_child WHERE person = 1');
RESET ROLE;
SET privseg.unclassified = deny;
SET ROLE uses_full;
SELECT uses.noted('EXECUTE dated'), uses.noted('SELECT note FROM ONLY uses.dated WHERE person = 1'), uses.noted('SELECT note FROM uses.dated_child WHERE person = 1');
RESET ROLE;
RESET privseg.unclassified;
SET ROLE uses_full;
SELECT uses.noted('EXECUTE dated');
RESET ROLE;
DEALLOCATE dated;
RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort; RESET plan_cache_mode;
DROP TABLE uses.dated CASCADE;
-- row_security = off shows all of it
SET row_security = off;
SELECT email, salary FROM uses.person WHERE id = 1;
RESET row_security;
DROP SCHEMA uses CASCADE;
DROP OWNED BY uses_full, uses_masked, uses_filter, uses_filter_mask, uses_project_mask, uses_write, uses_none, uses_owner;
DROP ROLE uses_full, uses_masked, uses_filter, uses_filter_mask, uses_project_mask, uses_write, uses_none, uses_owner;
