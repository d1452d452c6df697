-- Who may filter by a value, and not see it, calls every function of core's and of privseg's with
-- it, at every place, beside several constants; and every operator, and every cast.  Refused or
-- not: no error and no message names the value.
SET client_min_messages = warning;
\pset format unaligned
SET timezone = 'UTC';
SET statement_timeout = '5min';

CREATE SCHEMA arguments;
CREATE ROLE arguments_filter;
GRANT USAGE ON SCHEMA arguments TO arguments_filter;
SELECT privseg.create_purpose('arguments_care', 'contract'), privseg.create_data_category('arguments.all');
CREATE TYPE arguments.label AS ENUM ('qx74185', 'a');
CREATE TABLE arguments.person (id bigint PRIMARY KEY, te text, vc varchar, bc char(7), na name, by bytea, i2 int2, i4 int4, i8 int8, nu numeric, f4 float4, f8 float8, da date, ts timestamp, tz timestamptz, ti time, tt timetz, iv interval,
	js json, jb jsonb, uu uuid, ie inet, ci cidr, mo money, xm xml, tv tsvector, tq tsquery, bi bit(24), vb varbit, la arguments.label, ta text[], ia int4[], ar numeric[], ra int4range, nr numrange, mr int4multirange, po point, bx box, jp jsonpath,
	e_text text, e_numeric numeric, e_bigint bigint, e_integer integer, e_double float8, e_date date, e_timestamptz timestamptz, e_jsonb jsonb);
INSERT INTO arguments.person VALUES (1, 'qx74185', 'qx74185', 'qx74185', 'qx74185', 'qx74185', 7418, 74185, 74185, 74185.63, 74185, 74185.63, '7418-05-29', '7418-05-29 06:03', '7418-05-29 06:03', '07:41:08.529', '07:41:08.529+01', '74185 days',
	'["qx74185"]', '["qx74185"]', '74185741-8574-1857-4185-741857418574', '74.18.52.9', '74.18.52.9', 74185, '<qx74185/>', 'qx74185', 'qx74185', 74185::bit(24), '10010000111001001', 'qx74185', '{qx74185}', '{74185}', '{74185.63}',
	'[74185,74186)', '[74185.63,74186)', '{[74185,74186)}', '(74185.63,1)', '((74185.63,1),(0,0))', '$."qx74185"', 'qx74185', 74185.63, 74185, 74185, 74185.63, '7418-05-29', '7418-05-29 06:03', '["qx74185"]');
SELECT privseg.protect('arguments.person', 'id');
SELECT count(privseg.encrypt_column('arguments.person', attname, 'arguments.all')::text) FROM pg_attribute WHERE attrelid = 'arguments.person'::regclass AND attname LIKE 'e\_%';
SELECT count(privseg.classify('arguments.person', attname, 'arguments.all')::text) FROM pg_attribute WHERE attrelid = 'arguments.person'::regclass AND attnum > 1 AND attname NOT LIKE 'e\_%';
SELECT privseg.grant_clearance('arguments_filter', 'arguments_care'), privseg.grant_clearance('arguments_filter', 'arguments_care', 'arguments.all', '{filter}');
GRANT SELECT ON arguments.person TO arguments_filter;

-- of each type, what of the row is of it, and constants of it
CREATE TABLE arguments.value (type oid, expr text);
INSERT INTO arguments.value SELECT a.atttypid, a.attname FROM pg_attribute a WHERE attrelid = 'arguments.person'::regclass AND attnum > 1;
INSERT INTO arguments.value VALUES ('regclass'::regtype, 'i4::oid::regclass'), ('oid'::regtype, 'i4::oid'), ('regproc'::regtype, 'i4::oid::regproc'), ('regprocedure'::regtype, 'i4::oid::regprocedure'), ('regtype'::regtype, 'i4::oid::regtype'), ('regconfig'::regtype, 'i4::oid::regconfig'),
	('regconfig'::regtype, 'te::regconfig'), ('regdictionary'::regtype, 'i4::oid::regdictionary'), ('regnamespace'::regtype, 'i4::oid::regnamespace'), ('regrole'::regtype, 'i4::oid::regrole'), ('"char"'::regtype, 'te::"char"'), ('"char"'::regtype, 'i4::"char"'), ('name'::regtype, 'te::name'), ('varchar'::regtype, 'te::varchar'),
	('bit'::regtype, 'i4::bit(24)'), ('int4'::regtype, '-i4'), ('int4'::regtype, 'f8::int4'), ('bool'::regtype, 'i4 > 1'), ('record'::regtype, 'row(te, i4)'), ('cstring'::regtype, 'te::cstring');
INSERT INTO arguments.value SELECT p.type::regtype, v.expr FROM (VALUES ('anyelement', 'te'), ('anyelement', 'la'), ('anyarray', 'ta'), ('anyarray', 'ia'), ('anycompatible', 'te'), ('anycompatible', 'i4'), ('anycompatiblearray', 'ta'), ('anycompatiblearray', 'ia'), ('anyrange', 'ra'), ('anymultirange', 'mr'), ('anyenum', 'la'),
	('anynonarray', 'i4'), ('anynonarray', 'la'), ('"any"', 'te'), ('"any"', 'la'), ('"any"', 'e_text')) p (type, expr), LATERAL (SELECT p.expr) v (expr);
CREATE TABLE arguments.constant (type oid, n int, expr text);
INSERT INTO arguments.constant SELECT t::regtype, n, format('%L::%s', v, t) FROM (VALUES ('text', '{a,UTF8,[,year,YYYY}'::text[]), ('varchar', '{a,"",x,year,9}'), ('bpchar', '{a,"",x,y,9}'), ('name', '{a,UTF8,"",x,y}'), ('bytea', '{a,"","\\\\x00",b,qx}'), ('int2', '{0,1,-1,3,9}'), ('int4', '{0,1,-1,3,300}'),
	('int8', '{0,1,-1,3,300}'), ('numeric', '{0,1,-1,NaN,1e100}'), ('float4', '{0,1,-1,NaN,1e30}'), ('float8', '{0,1,-1,NaN,1e300}'), ('date', '{2024-01-01,infinity,-infinity,0001-01-01,5874897-12-31}'), ('timestamp', '{2024-01-01,infinity,-infinity,0001-01-01,294276-12-31}'), ('timestamptz', '{2024-01-01,infinity,-infinity,0001-01-01,294276-12-31}'),
	('time', '{00:00,24:00,12:00,01:02,23:59}'), ('timetz', '{00:00+0,24:00+0,12:00+5,01:02+1,23:59-7}'), ('interval', '{0,1 day,-1 day,170000000 years,1 month}'), ('json', '{1,"{}","[]",null,"{\"a\": 1}"}'), ('jsonb', '{1,"{}","[]",null,"{\"a\": 1}"}'), ('uuid', '{00000000-0000-0000-0000-000000000000}'), ('inet', '{10.0.0.1,::1,0.0.0.0/0,255.255.255.255,10.0.0.0/8}'),
	('cidr', '{10.0.0.1,::1,0.0.0.0/0,255.255.255.255,10.0.0.0/8}'), ('money', '{0,1,-1}'), ('xml', '{<a/>,a}'), ('tsvector', '{"",a,a:1A}'), ('tsquery', '{"",a,!a}'), ('bit(3)', '{000,101}'), ('varbit', '{"",101}'), ('bool', '{t,f}'), ('text[]', '{"{}","{a}","{{a},{b}}","{NULL}","{9}"}'), ('int4[]', '{"{}","{1}","{{1},{2}}","{NULL}","{9}"}'), ('numeric[]', '{"{}","{1}"}'),
	('int4range', '{empty,"[1,2)","(,)"}'), ('numrange', '{empty,"[1,2)","(,)"}'), ('int4multirange', '{"{}","{[1,2)}","{(,)}"}'), ('point', '{"(0,0)","(NaN,1)"}'), ('box', '{"((0,0),(1,1))"}'), ('jsonpath', '{$,$.a,strict $.a,"$[*] ? (@ > 1)","$.double()"}'), ('"char"', '{"",a}'), ('regclass', '{arguments.person,pg_class}'), ('oid', '{0,1}'), ('regconfig', '{simple,english}'),
	('regdictionary', '{simple}'), ('regtype', '{text}'), ('regproc', '{now}'), ('regprocedure', '{now()}'), ('regnamespace', '{pg_catalog}'), ('regrole', '{arguments_filter}'), ('cstring', '{a}')) c (t, vs), LATERAL unnest(vs) WITH ORDINALITY u (v, n);
INSERT INTO arguments.constant SELECT p.t::regtype, n, e FROM (VALUES ('anyelement', ARRAY['''a''::text', '1']), ('anyarray', ARRAY['''{a}''::text[]', '''{1}''::int4[]', '''{}''::text[]']), ('anycompatible', ARRAY['''a''::text', '1', 'NULL::int4']), ('anycompatiblearray', ARRAY['''{a}''::text[]', '''{1}''::int4[]', '''{{a}}''::text[]', '''{{1}}''::int4[]']),
	('anyrange', ARRAY['''[1,2)''::int4range', '''(,)''::int4range']), ('anymultirange', ARRAY['''{[1,2)}''::int4multirange']), ('anyenum', ARRAY['''a''::arguments.label']), ('anynonarray', ARRAY['1']), ('"any"', ARRAY['''a''::text', '1', '''a''::arguments.label']), ('record', ARRAY['row(''a''::text, 1)'])) p (t, es), LATERAL unnest(es) WITH ORDINALITY u (e, n);

-- every call, of whatever has the value for its argument number i, and constants for the others
CREATE FUNCTION arguments.calls(types oid[], i int) RETURNS TABLE (value text, arguments text[]) LANGUAGE sql AS $$
	SELECT v.expr, ARRAY(SELECT CASE WHEN t.n = i THEN v.expr
			ELSE (SELECT c.expr FROM arguments.constant c WHERE c.type = t.type ORDER BY (c.n - k + 5) % 5 LIMIT 1) END FROM unnest(types) WITH ORDINALITY t (type, n) ORDER BY t.n)
	  FROM arguments.value v, generate_series(1, 5) k WHERE v.type = types[i] AND (k = 1 OR cardinality(types) > 1) $$;
CREATE TABLE arguments.statement AS
SELECT DISTINCT 'SELECT 1 FROM arguments.person WHERE ' || CASE WHEN p.proretset OR p.prorettype = 'record'::regtype THEN format('EXISTS (SELECT FROM %s x WHERE x IS NOT NULL)', call) ELSE '(' || call || ') IS NOT NULL' END AS text
  FROM pg_proc p, LATERAL (SELECT ARRAY(SELECT t FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (t, n) ORDER BY n) AS types) t, generate_series(1, p.pronargs) i, LATERAL arguments.calls(t.types, i) c,
	LATERAL (SELECT format('%I.%I(%s)', pronamespace::regnamespace::text, proname, CASE WHEN provariadic NOT IN (0, '"any"'::regtype) THEN regexp_replace(array_to_string(c.arguments, ', '), '(^|, )([^,]*)$', '\1VARIADIC \2') ELSE array_to_string(c.arguments, ', ') END) AS call) l
 WHERE pronamespace IN ('pg_catalog'::regnamespace, 'privseg'::regnamespace) AND prokind = 'f' AND provolatile <> 'v' AND proname <> 'generate_series' AND array_position(c.arguments, NULL) IS NULL AND has_function_privilege('arguments_filter', p.oid, 'EXECUTE')
UNION
SELECT DISTINCT format('SELECT 1 FROM arguments.person WHERE (%s OPERATOR(%I.%s) %s) IS NOT NULL', CASE WHEN oprleft <> 0 THEN c.arguments[1] END, oprnamespace::regnamespace::text, oprname, c.arguments[cardinality(c.arguments)])
  FROM pg_operator o, LATERAL (SELECT array_remove(ARRAY[oprleft, oprright], 0) AS types) t, generate_series(1, cardinality(t.types)) i, LATERAL arguments.calls(t.types, i) c
 WHERE oprnamespace IN ('pg_catalog'::regnamespace, 'privseg'::regnamespace) AND array_position(c.arguments, NULL) IS NULL
UNION
SELECT format('SELECT 1 FROM arguments.person WHERE (%s)::%s IS NOT NULL', v.expr, t) FROM arguments.value v, unnest('{text,varchar(3),char(3),bytea,int2,int4,int8,numeric,"numeric(4,1)",float4,float8,date,timestamp,timestamp(0),timestamptz,time,time(1),interval,interval year,json,jsonb,uuid,inet,cidr,money,xml,tsvector,bit(3),varbit(3),bool,int4[],int4range,point,regclass,arguments.label}'::text[]) t
 WHERE v.type <> ALL ('{anyelement,anyarray,"\"any\"",record}'::regtype[]);

CREATE FUNCTION arguments.run() RETURNS TABLE (how text, statement text, message text) LANGUAGE plpgsql AS $$
DECLARE
	s text;
	message text;
	detail text;
	hint text;
	context text;
	known text := '(?i)74185|74,185|qx7418|7418-|07:41:08|74\.18|10010000111001001|717837343138|\m7418\M';
BEGIN
	FOR s IN SELECT text FROM arguments.statement LOOP
		BEGIN
			EXECUTE s;
			RETURN QUERY SELECT 'executed', s, NULL::text;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
			context := replace(context, s, '');
			RETURN QUERY SELECT CASE WHEN concat_ws(' ', message, detail, hint, context) ~ known THEN 'told' WHEN SQLSTATE = '42501' THEN 'refused' WHEN SQLSTATE ~ '^42' THEN 'no such call' ELSE 'raised' END, s, concat_ws(' ', message, detail);
		END;
	END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION arguments.run() TO arguments_filter;
GRANT SELECT ON arguments.statement TO arguments_filter;
CREATE TABLE arguments.outcome (how text, statement text, message text);
GRANT ALL ON arguments.outcome TO arguments_filter;
SET privseg.purpose = 'arguments_care';
SET ROLE arguments_filter;
INSERT INTO arguments.outcome SELECT * FROM arguments.run();
RESET ROLE;
SELECT how, statement, message FROM arguments.outcome WHERE how = 'told' ORDER BY 2 LIMIT 20;
-- it was not for nothing
SELECT how, count(*) > 300 AS many FROM arguments.outcome WHERE how <> 'told' GROUP BY how ORDER BY how;
RESET privseg.purpose;
DROP SCHEMA arguments CASCADE;
DROP OWNED BY arguments_filter;
DROP ROLE arguments_filter;
