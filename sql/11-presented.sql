-- 11-presented.sql: what lets the parser resolve an expression over encrypted columns at all

-- A statement is analysed twice: as the catalogs have it, and with every encrypted column of its
-- base type (src/present_query.c), which is what counts.  The first time must get through, and infer
-- for a parameter either the type that the second one does, or an encrypted one.  Definitions that
-- core analyses on its own (CHECK, policies, triggers' conditions) stay with the first.
--
-- No expression without an encrypted type may change its meaning by any of this: so nothing is
-- implicitly made encrypted, but from types that would not be an exact match.

CREATE FUNCTION privseg.unopened("any") RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_unopened';
COMMENT ON FUNCTION privseg.unopened("any") IS 'an encrypted value as text, where such pass unopened: in a dump; NULL elsewhere';

-- casts, as the base type has them
DO $$
DECLARE
	kind record;
	target record;
BEGIN
	FOR kind IN
		SELECT k.name, k.base, k.implicit::regtype[] AS implicit FROM (VALUES
			('text', 'text', '{}'),
			('numeric', 'numeric', '{real,double precision}'),
			('bigint', 'bigint', '{numeric,real,double precision}'),
			('integer', 'integer', '{bigint,numeric,real,double precision}'),
			('double', 'double precision', '{}'),
			('date', 'date', '{timestamp,timestamptz}'),
			('timestamptz', 'timestamptz', '{}'),
			('boolean', 'boolean', '{}'),
			('jsonb', 'jsonb', '{}')) k (name, base, implicit)
	LOOP
		FOR target IN
			SELECT c.casttarget::regtype AS type, c.castcontext AS context FROM pg_catalog.pg_cast c
			 WHERE c.castsource = kind.base::regtype AND c.casttarget <> c.castsource
			   AND c.casttarget = ANY ('{boolean,smallint,integer,bigint,real,double precision,numeric,money,date,time,timetz,timestamp,timestamptz,json}'::regtype[])
			UNION ALL
			SELECT 'json'::regtype, 'e' WHERE kind.base <> 'jsonb'
		LOOP
			EXECUTE pg_catalog.format($f$
				CREATE FUNCTION privseg.opened_as_%3$s(privseg.encrypted_%1$s) RETURNS %2$s
					LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN %4$s;
				COMMENT ON FUNCTION privseg.opened_as_%3$s(privseg.encrypted_%1$s) IS 'what is inside, as a %2$s';
				CREATE CAST (privseg.encrypted_%1$s AS %2$s) WITH FUNCTION privseg.opened_as_%3$s(privseg.encrypted_%1$s) %5$s;
			$f$, kind.name, target.type, (SELECT t.typname FROM pg_catalog.pg_type t WHERE t.oid = target.type),
				-- never NULL, for core makes of it a part of a document
				CASE WHEN target.type = 'json'::regtype THEN 'COALESCE(pg_catalog.to_json(privseg.unopened($1)), pg_catalog.to_json(privseg.opened($1)), ''null'')'
					 ELSE pg_catalog.format('privseg.opened($1)::%s', target.type) END,
				CASE WHEN target.type = ANY (kind.implicit) THEN 'AS IMPLICIT'
					 WHEN target.context IN ('a', 'i') THEN 'AS ASSIGNMENT' ELSE '' END);
		END LOOP;
	END LOOP;
END
$$;

-- operators beside those of order, by which an unknown parameter is of the column's type, and what
-- would be taken for another type's otherwise
DO $$
DECLARE
	entry record;
BEGIN
	FOR entry IN
		WITH kind (name, base) AS (
			VALUES ('numeric', 'numeric'::regtype), ('bigint', 'bigint'), ('integer', 'integer'), ('date', 'date'), ('jsonb', 'jsonb')
		), side (kind, a, b, symbols) AS (
			-- NULL: the encrypted type
			VALUES ('numeric', NULL::regtype, NULL::regtype, '{+,-,*,/,%}'::text[]),
				   ('bigint', NULL, NULL, '{+,-,*,/,%}'), ('integer', NULL, NULL, '{+,-,*,/,%}'),
				   ('date', NULL, NULL, '{-}'), ('jsonb', NULL, NULL, '{||}'),
				   ('date', NULL, 'date', '{=,<>,<,<=,>,>=,-}'), ('date', 'date', NULL, '{=,<>,<,<=,>,>=,-}'),
				   ('date', NULL, 'integer', '{+,-}'), ('date', 'integer', NULL, '{+}'),
				   ('date', NULL, 'interval', '{+,-}'), ('date', 'interval', NULL, '{+}'),
				   ('bigint', NULL, 'integer', '{<<,>>}'), ('integer', NULL, 'integer', '{<<,>>}'),
				   ('date', NULL, 'time', '{+}'), ('date', NULL, 'timetz', '{+}')
			UNION ALL
			SELECT k.kind, NULL, t.type, '{=,<>,<,<=,>,>=,+,-,*,/}' FROM (VALUES ('bigint'), ('integer')) k (kind), unnest('{smallint,integer,bigint}'::regtype[]) t (type)
			 WHERE (k.kind, t.type::text) <> ('bigint', 'bigint')
			UNION ALL
			SELECT k.kind, t.type, NULL, '{=,<>,<,<=,>,>=,+,-,*,/}' FROM (VALUES ('bigint'), ('integer')) k (kind), unnest('{smallint,integer,bigint}'::regtype[]) t (type)
			 WHERE (k.kind, t.type::text) <> ('bigint', 'bigint')
		)
		SELECT k.name AS kind, s.a, s.b, o.oprname AS symbol, o.oprresult::regtype AS result, w.word,
			   COALESCE(s.a::text, 'privseg.encrypted_' || k.name) AS a_type, COALESCE(s.b::text, 'privseg.encrypted_' || k.name) AS b_type,
			   n.commutator, n.negator, n.restrict, n.joins
		  FROM side s JOIN kind k ON k.name = s.kind
		  JOIN pg_catalog.pg_operator o ON o.oprleft = COALESCE(s.a, k.base) AND o.oprright = COALESCE(s.b, k.base) AND o.oprname::text = ANY (s.symbols)
		  JOIN (VALUES ('=', 'eq'), ('<>', 'ne'), ('<', 'lt'), ('<=', 'le'), ('>', 'gt'), ('>=', 'ge'),
				('+', 'add'), ('-', 'subtract'), ('*', 'multiply'), ('/', 'divide'), ('%', 'remainder'), ('||', 'concat'), ('<<', 'shift_left'), ('>>', 'shift_right')) w (symbol, word) ON w.symbol = o.oprname
		  LEFT JOIN (VALUES ('=', '=', '<>', 'eqsel', 'eqjoinsel'), ('<>', '<>', '=', 'neqsel', 'neqjoinsel'),
				('<', '>', '>=', 'scalarltsel', 'scalarltjoinsel'), ('<=', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
				('>', '<', '<=', 'scalargtsel', 'scalargtjoinsel'), ('>=', '<=', '<', 'scalargesel', 'scalargejoinsel'))
			n (symbol, commutator, negator, restrict, joins) ON n.symbol = o.oprname
		 WHERE o.oprnamespace = 'pg_catalog'::regnamespace
		 ORDER BY 1, 2, 3, 4
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.opened_%1$s(%2$s, %3$s) RETURNS %4$s LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN %5$s OPERATOR(pg_catalog.%6$s) %7$s;
			COMMENT ON FUNCTION privseg.opened_%1$s(%2$s, %3$s) IS 'implementation of the operator %8$s';
			CREATE OPERATOR pg_catalog.%6$s (LEFTARG = %2$s, RIGHTARG = %3$s, FUNCTION = privseg.opened_%1$s %9$s);
		$f$, entry.word, entry.a_type, entry.b_type, entry.result,
			CASE WHEN entry.a IS NULL THEN 'privseg.opened($1)' ELSE '$1' END, entry.symbol,
			CASE WHEN entry.b IS NULL THEN 'privseg.opened($2)' ELSE '$2' END,
			pg_catalog.replace(entry.symbol, '%', '%%'),
			CASE WHEN entry.negator IS NOT NULL THEN
				pg_catalog.format(', COMMUTATOR = OPERATOR(pg_catalog.%s), NEGATOR = OPERATOR(pg_catalog.%s), RESTRICT = %s, JOIN = %s',
					entry.commutator, entry.negator, entry.restrict, entry.joins) END);
	END LOOP;
END
$$;

-- between two encrypted types
DO $$
DECLARE
	entry record;
BEGIN
	FOR entry IN
		SELECT s.a AS a_type, s.b AS b_type, w.symbol, w.word, o.oprresult::regtype AS result
		  FROM (VALUES ('privseg.encrypted_bigint', 'bigint'::regtype, 'privseg.encrypted_integer', 'integer'::regtype),
					   ('privseg.encrypted_integer', 'integer', 'privseg.encrypted_bigint', 'bigint')) s (a, a_base, b, b_base),
			   (VALUES ('=', 'eq'), ('<>', 'ne'), ('<', 'lt'), ('<=', 'le'), ('>', 'gt'), ('>=', 'ge'), ('+', 'add'), ('-', 'subtract'), ('*', 'multiply'), ('/', 'divide')) w (symbol, word)
		  JOIN pg_catalog.pg_operator o ON o.oprname = w.symbol AND o.oprnamespace = 'pg_catalog'::regnamespace
		 WHERE o.oprleft = s.a_base AND o.oprright = s.b_base
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.opened_%1$s(%2$s, %3$s) RETURNS %4$s LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN privseg.opened($1) OPERATOR(pg_catalog.%5$s) privseg.opened($2);
			COMMENT ON FUNCTION privseg.opened_%1$s(%2$s, %3$s) IS 'implementation of the operator %5$s';
			CREATE OPERATOR pg_catalog.%5$s (LEFTARG = %2$s, RIGHTARG = %3$s, FUNCTION = privseg.opened_%1$s);
		$f$, entry.word, entry.a_type, entry.b_type, entry.result, entry.symbol);
	END LOOP;
END
$$;

CREATE FUNCTION privseg.opened_avg(numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN $1[1] OPERATOR(pg_catalog./) NULLIF($1[2], 0);
COMMENT ON FUNCTION privseg.opened_avg(numeric[]) IS 'final function of avg()';

-- functions that the parser would take of double precision, of which there is one of the base type
DO $$
DECLARE
	entry record;
BEGIN
	FOR entry IN
		SELECT k.name AS kind, p.proname AS function, p.prorettype::regtype AS result FROM
			(VALUES ('numeric', 'numeric'::regtype, '{abs,round,ceil,ceiling,floor,sign,trunc,sqrt,exp,ln,log}'::text[]),
				('bigint', 'bigint', '{abs,to_hex}'), ('integer', 'integer', '{abs,to_hex}')) k (name, base, functions)
			JOIN pg_catalog.pg_proc p ON p.proname::text = ANY (k.functions) AND p.pronargs = 1 AND p.proargtypes[0] = k.base
			 AND p.pronamespace = 'pg_catalog'::regnamespace
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION pg_catalog.%1$I(privseg.encrypted_%2$s) RETURNS %3$s LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN pg_catalog.%1$I(privseg.opened($1));
			COMMENT ON FUNCTION pg_catalog.%1$I(privseg.encrypted_%2$s) IS 'of what is inside';
		$f$, entry.function, entry.kind, entry.result);
	END LOOP;
	FOR entry IN
		SELECT k.name AS kind, k.base FROM (VALUES ('numeric', 'numeric'), ('bigint', 'bigint'), ('integer', 'integer')) k (name, base)
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.opened_minus(privseg.encrypted_%1$s) RETURNS %2$s LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN OPERATOR(pg_catalog.-) privseg.opened($1);
			COMMENT ON FUNCTION privseg.opened_minus(privseg.encrypted_%1$s) IS 'implementation of the operator -';
			CREATE OPERATOR pg_catalog.- (RIGHTARG = privseg.encrypted_%1$s, FUNCTION = privseg.opened_minus);
		$f$, entry.kind, entry.base);
		CONTINUE WHEN entry.kind = 'numeric';
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.opened_not(privseg.encrypted_%1$s) RETURNS %2$s LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN OPERATOR(pg_catalog.~) privseg.opened($1);
			COMMENT ON FUNCTION privseg.opened_not(privseg.encrypted_%1$s) IS 'implementation of the operator ~';
			CREATE OPERATOR pg_catalog.~ (RIGHTARG = privseg.encrypted_%1$s, FUNCTION = privseg.opened_not);
		$f$, entry.kind, entry.base);
		-- not where an integer would be taken for an encrypted bigint
		CONTINUE WHEN entry.kind = 'bigint';
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION pg_catalog.mod(privseg.encrypted_%1$s, %2$s) RETURNS %2$s LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN pg_catalog.mod(privseg.opened($1), $2);
			COMMENT ON FUNCTION pg_catalog.mod(privseg.encrypted_%1$s, %2$s) IS 'of what is inside';
		$f$, entry.kind, entry.base);
	END LOOP;
	-- aggregates
	FOR entry IN
		SELECT k.name AS kind, k.base, a.name AS aggregate, CASE a.name WHEN 'sum' THEN k.sum WHEN 'avg' THEN 'numeric' ELSE k.base END AS result,
			   CASE a.name WHEN 'sum' THEN '$1 OPERATOR(pg_catalog.+) privseg.opened($2)' WHEN 'min' THEN 'LEAST($1, privseg.opened($2))'
				 WHEN 'max' THEN 'GREATEST($1, privseg.opened($2))' WHEN 'bit_and' THEN '$1 OPERATOR(pg_catalog.&) privseg.opened($2)'
				 WHEN 'bit_or' THEN '$1 OPERATOR(pg_catalog.|) privseg.opened($2)' WHEN 'bit_xor' THEN '$1 OPERATOR(pg_catalog.#) privseg.opened($2)' END AS step
		  FROM (VALUES ('numeric', 'numeric', 'numeric'), ('bigint', 'bigint', 'numeric'), ('integer', 'integer', 'bigint'), ('date', 'date', NULL)) k (name, base, sum),
			   (VALUES ('sum'), ('avg'), ('min'), ('max'), ('bit_and'), ('bit_or'), ('bit_xor')) a (name)
		 WHERE a.name IN ('min', 'max') OR (a.name IN ('sum', 'avg') AND k.sum IS NOT NULL) OR k.name IN ('bigint', 'integer')
	LOOP
		IF entry.aggregate = 'avg' THEN
			EXECUTE pg_catalog.format($f$
				CREATE FUNCTION privseg.opened_avg_step(numeric[], privseg.encrypted_%1$s) RETURNS numeric[] LANGUAGE sql STABLE PARALLEL SAFE
					RETURN CASE WHEN privseg.opened($2) IS NULL THEN $1 ELSE ARRAY[$1[1] OPERATOR(pg_catalog.+) privseg.opened($2), $1[2] OPERATOR(pg_catalog.+) 1] END;
				COMMENT ON FUNCTION privseg.opened_avg_step(numeric[], privseg.encrypted_%1$s) IS 'transition function of avg()';
				CREATE AGGREGATE pg_catalog.avg(privseg.encrypted_%1$s) (SFUNC = privseg.opened_avg_step, STYPE = numeric[], INITCOND = '{0,0}', FINALFUNC = privseg.opened_avg, PARALLEL = SAFE);
			$f$, entry.kind);
		ELSE
			EXECUTE pg_catalog.format($f$
				CREATE FUNCTION privseg.opened_%2$s_step(%3$s, privseg.encrypted_%1$s) RETURNS %3$s LANGUAGE sql STABLE PARALLEL SAFE
					RETURN COALESCE(%4$s, $1, privseg.opened($2)%5$s);
				COMMENT ON FUNCTION privseg.opened_%2$s_step(%3$s, privseg.encrypted_%1$s) IS 'transition function of %2$s()';
				CREATE AGGREGATE pg_catalog.%2$s(privseg.encrypted_%1$s) (SFUNC = privseg.opened_%2$s_step, STYPE = %3$s, PARALLEL = SAFE);
			$f$, entry.kind, entry.aggregate, entry.result, entry.step, CASE WHEN entry.result <> entry.base THEN '::' || entry.result ELSE '' END);
		END IF;
		EXECUTE pg_catalog.format('COMMENT ON AGGREGATE pg_catalog.%I(privseg.encrypted_%s) IS %L', entry.aggregate, entry.kind, 'of what is inside');
	END LOOP;
END
$$;

CREATE FUNCTION privseg.opened_string_agg_step(text, privseg.encrypted_text, text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
	RETURN CASE WHEN privseg.opened($2) IS NULL THEN $1 WHEN $1 IS NULL THEN privseg.opened($2) ELSE $1 OPERATOR(pg_catalog.||) COALESCE($3, '') OPERATOR(pg_catalog.||) privseg.opened($2) END;
COMMENT ON FUNCTION privseg.opened_string_agg_step(text, privseg.encrypted_text, text) IS 'transition function of string_agg()';
CREATE AGGREGATE pg_catalog.string_agg(privseg.encrypted_text, text) (SFUNC = privseg.opened_string_agg_step, STYPE = text, PARALLEL = SAFE);
COMMENT ON AGGREGATE pg_catalog.string_agg(privseg.encrypted_text, text) IS 'of what is inside';

-- rows are compared by members of one operator family
DO $$
DECLARE
	entry record;
BEGIN
	FOR entry IN
		SELECT k.kind, o."type", 'privseg.encrypted_cmp(privseg.encrypted_' || k.kind || ', ' || o."type" || ')' AS compare, k.own = o."type" AS there, o.core
		  FROM (VALUES ('date', 'date'), ('bigint', 'bigint'), ('integer', 'integer')) k (kind, own)
		  JOIN (VALUES ('date', 'date', NULL), ('bigint', 'smallint', 'btint82cmp'), ('bigint', 'integer', 'btint84cmp'),
				('integer', 'smallint', 'btint42cmp'), ('integer', 'integer', NULL), ('integer', 'bigint', 'btint48cmp')) o (kind, "type", core) USING (kind)
	LOOP
		IF NOT entry.there THEN
			EXECUTE pg_catalog.format($f$
				CREATE FUNCTION %1$s RETURNS int LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN pg_catalog.%2$s(privseg.opened($1), $2);
				COMMENT ON FUNCTION %1$s IS 'the order of what is inside';
			$f$, entry.compare, entry.core);
		END IF;
		EXECUTE pg_catalog.format($f$
			ALTER OPERATOR FAMILY privseg.encrypted_%1$s_ops USING btree ADD
				OPERATOR 1 pg_catalog.< (privseg.encrypted_%1$s, %2$s), OPERATOR 2 pg_catalog.<= (privseg.encrypted_%1$s, %2$s),
				OPERATOR 3 pg_catalog.= (privseg.encrypted_%1$s, %2$s), OPERATOR 4 pg_catalog.>= (privseg.encrypted_%1$s, %2$s),
				OPERATOR 5 pg_catalog.> (privseg.encrypted_%1$s, %2$s), FUNCTION 1 (privseg.encrypted_%1$s, %2$s) %3$s;
		$f$, entry.kind, entry."type", entry.compare);
	END LOOP;
END
$$;

-- RANGE with an offset
DO $$
DECLARE
	entry record;
BEGIN
	FOR entry IN
		SELECT * FROM (VALUES ('numeric', 'numeric'), ('bigint', 'bigint'), ('bigint', 'integer'), ('integer', 'integer'), ('integer', 'bigint'),
			('double', 'double precision'), ('date', 'interval'), ('timestamptz', 'interval')) o (kind, "offset")
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.encrypted_in_range(privseg.encrypted_%1$s, privseg.encrypted_%1$s, %2$s, boolean, boolean) RETURNS boolean
				LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN pg_catalog.in_range(privseg.opened($1), privseg.opened($2), $3, $4, $5);
			COMMENT ON FUNCTION privseg.encrypted_in_range(privseg.encrypted_%1$s, privseg.encrypted_%1$s, %2$s, boolean, boolean) IS 'RANGE with an offset';
			ALTER OPERATOR FAMILY privseg.encrypted_%1$s_ops USING btree ADD
				FUNCTION 3 (privseg.encrypted_%1$s, %2$s) privseg.encrypted_in_range(privseg.encrypted_%1$s, privseg.encrypted_%1$s, %2$s, boolean, boolean);
		$f$, entry.kind, entry."offset");
	END LOOP;
END
$$;

CREATE FUNCTION privseg.presented_type(type oid, typmod int) RETURNS oid
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'presented_type';
COMMENT ON FUNCTION privseg.presented_type(oid, int) IS 'the type that a role sees in place of an encrypted one, in pg_attribute';
