-- 10-encrypted.sql: encrypted types, and columns of them

-- Each type's functions share their C code; which type it is about, the code learns
-- from the value, or from the symbol's name where a value of the base type comes in.
DO $$
DECLARE
	kind record;
	side record;
	operator record;
	source text;
BEGIN
	FOR kind IN
		-- operators of some are where the parser looks for them: see 11-presented.sql
		SELECT *, CASE WHEN k.name IN ('numeric', 'bigint', 'integer', 'date') THEN 'pg_catalog' ELSE 'privseg' END AS visible FROM (VALUES
			('text', 'text', 'varchartypmodin', 'varchartypmodout', 'S', true, true, '{}'),
			('numeric', 'numeric', 'numerictypmodin', 'numerictypmodout', 'N', false, true, '{smallint,integer,bigint,real,double precision}'),
			('bigint', 'bigint', NULL, NULL, 'N', false, true, '{smallint,integer,numeric,real,double precision}'),
			('integer', 'integer', 'privseg.encrypted_integer_typmod_in', 'privseg.encrypted_integer_typmod_out', 'N', false, true,
				'{smallint,bigint,numeric,real,double precision}'),
			('double', 'double precision', NULL, NULL, 'N', false, true, '{smallint,integer,bigint,numeric,real}'),
			('date', 'date', NULL, NULL, 'D', false, true, '{timestamp,timestamptz}'),
			('timestamptz', 'timestamptz', NULL, NULL, 'D', false, true, '{date,timestamp}'),
			('boolean', 'boolean', NULL, NULL, 'B', false, false, '{}'),
			('jsonb', 'jsonb', NULL, NULL, 'U', false, false, '{json}')) k (name, base, typmod_in, typmod_out, category, collatable, searchable, assigned)
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE TYPE privseg.encrypted_%1$s;
			CREATE FUNCTION privseg.encrypted_%1$s_in(cstring, oid, int) RETURNS privseg.encrypted_%1$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_in';
			COMMENT ON FUNCTION privseg.encrypted_%1$s_in(cstring, oid, int) IS 'input: the text of a %2$s';
			CREATE FUNCTION privseg.encrypted_%1$s_out(privseg.encrypted_%1$s) RETURNS cstring
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_out';
			COMMENT ON FUNCTION privseg.encrypted_%1$s_out(privseg.encrypted_%1$s) IS 'output, for who may read it';
			CREATE FUNCTION privseg.encrypted_%1$s_recv(internal, oid, int) RETURNS privseg.encrypted_%1$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_recv';
			COMMENT ON FUNCTION privseg.encrypted_%1$s_recv(internal, oid, int) IS 'binary input: that of a %2$s';
			CREATE FUNCTION privseg.encrypted_%1$s_send(privseg.encrypted_%1$s) RETURNS bytea
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_send';
			COMMENT ON FUNCTION privseg.encrypted_%1$s_send(privseg.encrypted_%1$s) IS 'binary output, for who may read it';
		$f$, kind.name, kind.base);
		IF kind.name = 'integer' THEN
			CREATE FUNCTION privseg.encrypted_integer_typmod_in(cstring[]) RETURNS int
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_integer_typmod_in';
			COMMENT ON FUNCTION privseg.encrypted_integer_typmod_in(cstring[]) IS 'encrypted_integer(2) holds a smallint';
			CREATE FUNCTION privseg.encrypted_integer_typmod_out(int) RETURNS cstring
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_integer_typmod_out';
			COMMENT ON FUNCTION privseg.encrypted_integer_typmod_out(int) IS 'the other way';
		END IF;
		IF kind.name = 'jsonb' THEN
			CREATE FUNCTION privseg.encrypted_jsonb_subscript(internal) RETURNS internal
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_jsonb_subscript';
			COMMENT ON FUNCTION privseg.encrypted_jsonb_subscript(internal) IS 'subscripts, of what is inside';
		END IF;
		IF kind.name = 'text' THEN
			CREATE FUNCTION privseg.encrypted_typanalyze(internal) RETURNS boolean
				LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'encrypted_typanalyze';
			COMMENT ON FUNCTION privseg.encrypted_typanalyze(internal) IS 'ANALYZE keeps nothing of encrypted values';
		END IF;
		EXECUTE pg_catalog.format($f$
			CREATE TYPE privseg.encrypted_%1$s (
				INPUT = privseg.encrypted_%1$s_in, OUTPUT = privseg.encrypted_%1$s_out,
				RECEIVE = privseg.encrypted_%1$s_recv, SEND = privseg.encrypted_%1$s_send,
				%3$s %6$s ANALYZE = privseg.encrypted_typanalyze, INTERNALLENGTH = VARIABLE, STORAGE = external,
				CATEGORY = '%4$s', COLLATABLE = %5$s);
			COMMENT ON TYPE privseg.encrypted_%1$s IS 'an encrypted %2$s';

			CREATE FUNCTION privseg.opened(privseg.encrypted_%1$s) RETURNS %2$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_open';
			COMMENT ON FUNCTION privseg.opened(privseg.encrypted_%1$s) IS 'what is inside, for who may read it; NULL where it may not be opened';
			CREATE CAST (privseg.encrypted_%1$s AS %2$s) WITH FUNCTION privseg.opened(privseg.encrypted_%1$s) AS IMPLICIT;
			CREATE FUNCTION privseg.opened(privseg.encrypted_%1$s, internal) RETURNS %2$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_open';
			COMMENT ON FUNCTION privseg.opened(privseg.encrypted_%1$s, internal) IS 'the same, for the uses that the planner has found';

			CREATE FUNCTION privseg.encrypted_%1$s(%2$s, int, boolean) RETURNS privseg.encrypted_%1$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_seal';
			COMMENT ON FUNCTION privseg.encrypted_%1$s(%2$s, int, boolean) IS 'a value of no row yet';
			CREATE CAST (%2$s AS privseg.encrypted_%1$s) WITH FUNCTION privseg.encrypted_%1$s(%2$s, int, boolean) AS %7$s;

			CREATE FUNCTION privseg.encrypted_%1$s(privseg.encrypted_%1$s, int, boolean) RETURNS privseg.encrypted_%1$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_fit';
			COMMENT ON FUNCTION privseg.encrypted_%1$s(privseg.encrypted_%1$s, int, boolean) IS 'made to fit a type modifier';
			CREATE CAST (privseg.encrypted_%1$s AS privseg.encrypted_%1$s)
				WITH FUNCTION privseg.encrypted_%1$s(privseg.encrypted_%1$s, int, boolean) AS IMPLICIT;

			CREATE FUNCTION privseg.encrypt_stored(%2$s, anyelement, regclass, int, boolean) RETURNS privseg.encrypted_%1$s
				LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_stored';
			COMMENT ON FUNCTION privseg.encrypt_stored(%2$s, anyelement, regclass, int, boolean) IS 'for privseg.encrypt_column()';
			CREATE FUNCTION privseg.decrypt_stored(privseg.encrypted_%1$s) RETURNS %2$s
				LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_plain';
			COMMENT ON FUNCTION privseg.decrypt_stored(privseg.encrypted_%1$s) IS 'for privseg.decrypt_column()';
		$f$, kind.name, kind.base,
			CASE WHEN kind.typmod_in IS NOT NULL
				 THEN pg_catalog.format('TYPMOD_IN = %s, TYPMOD_OUT = %s,', kind.typmod_in, kind.typmod_out) END,
			kind.category, CASE WHEN kind.collatable THEN 'true' ELSE 'false' END,
			CASE kind.name WHEN 'jsonb' THEN 'SUBSCRIPT = privseg.encrypted_jsonb_subscript,' END,
			-- so that a recursive query may begin with such a column, where that changes nothing else
			CASE WHEN kind.name IN ('text', 'double', 'timestamptz', 'boolean') THEN 'IMPLICIT' ELSE 'ASSIGNMENT' END);

		FOR side IN
			SELECT s.word, pg_catalog.format(s.a, kind.name, kind.base) AS a, pg_catalog.format(s.b, kind.name, kind.base) AS b
			  FROM (VALUES ('ee', 'privseg.encrypted_%1$s', 'privseg.encrypted_%1$s'),
						   ('eb', 'privseg.encrypted_%1$s', '%2$s'), ('be', '%2$s', 'privseg.encrypted_%1$s')) s (word, a, b)
		LOOP
			FOR operator IN
				SELECT * FROM (VALUES ('eq', '=', '=', '<>', 'eqsel', 'eqjoinsel'), ('ne', '<>', '<>', '=', 'neqsel', 'neqjoinsel'),
					('lt', '<', '>', '>=', 'scalarltsel', 'scalarltjoinsel'), ('le', '<=', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
					('gt', '>', '<', '<=', 'scalargtsel', 'scalargtjoinsel'), ('ge', '>=', '<=', '<', 'scalargesel', 'scalargejoinsel'))
					o (word, symbol, commutator, negator, restrict, joins)
			LOOP
				EXECUTE pg_catalog.format($f$
					CREATE FUNCTION privseg.encrypted_%2$s(%3$s, %4$s) RETURNS boolean
						LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_%2$s_%5$s';
					COMMENT ON FUNCTION privseg.encrypted_%2$s(%3$s, %4$s) IS 'implementation of the operator %6$s';
					CREATE OPERATOR %12$s.%6$s (LEFTARG = %3$s, RIGHTARG = %4$s, FUNCTION = privseg.encrypted_%2$s,
						COMMUTATOR = OPERATOR(%12$s.%7$s), NEGATOR = OPERATOR(%12$s.%8$s), RESTRICT = %9$s, JOIN = %10$s %11$s);
				$f$, kind.name, operator.word, side.a, side.b, side.word, operator.symbol, operator.commutator, operator.negator,
					operator.restrict, operator.joins,
					CASE WHEN operator.word = 'eq' AND side.word = 'ee' THEN ', HASHES, MERGES' END,
					CASE WHEN side.word = 'ee' THEN kind.visible ELSE 'privseg' END);
			END LOOP;
			EXECUTE pg_catalog.format($f$
				CREATE FUNCTION privseg.encrypted_cmp(%2$s, %3$s) RETURNS int
					LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_cmp_%4$s';
				COMMENT ON FUNCTION privseg.encrypted_cmp(%2$s, %3$s) IS 'the order of what is inside';
			$f$, kind.name, side.a, side.b, side.word);
		END LOOP;
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.encrypted_hash(privseg.encrypted_%1$s) RETURNS int
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_hash';
			COMMENT ON FUNCTION privseg.encrypted_hash(privseg.encrypted_%1$s) IS 'hash of what is inside';
			CREATE FUNCTION privseg.encrypted_hash_extended(privseg.encrypted_%1$s, bigint) RETURNS bigint
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_hash_extended';
			COMMENT ON FUNCTION privseg.encrypted_hash_extended(privseg.encrypted_%1$s, bigint) IS 'the same, with a salt';
			CREATE OPERATOR CLASS privseg.encrypted_%1$s_ops DEFAULT FOR TYPE privseg.encrypted_%1$s USING btree AS
				OPERATOR 1 %2$s.<, OPERATOR 2 %2$s.<=, OPERATOR 3 %2$s.=, OPERATOR 4 %2$s.>=, OPERATOR 5 %2$s.>,
				FUNCTION 1 privseg.encrypted_cmp(privseg.encrypted_%1$s, privseg.encrypted_%1$s);
			CREATE OPERATOR CLASS privseg.encrypted_%1$s_ops DEFAULT FOR TYPE privseg.encrypted_%1$s USING hash AS
				OPERATOR 1 %2$s.=,
				FUNCTION 1 privseg.encrypted_hash(privseg.encrypted_%1$s),
				FUNCTION 2 privseg.encrypted_hash_extended(privseg.encrypted_%1$s, bigint);
		$f$, kind.name, kind.visible);

		-- what the base type is assigned from, besides itself; to a string, anything is
		FOREACH source IN ARRAY kind.assigned::text[] LOOP
			EXECUTE pg_catalog.format($f$
				CREATE FUNCTION privseg.encrypted_%1$s(%3$s, int, boolean) RETURNS privseg.encrypted_%1$s
					LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN privseg.encrypted_%1$s($1::%2$s, $2, $3);
				COMMENT ON FUNCTION privseg.encrypted_%1$s(%3$s, int, boolean) IS 'a value of no row yet';
				CREATE CAST (%3$s AS privseg.encrypted_%1$s) WITH FUNCTION privseg.encrypted_%1$s(%3$s, int, boolean) AS %4$s;
			$f$, kind.name, kind.base, source,
				-- what may stand beside such a column in COALESCE and the like, where that changes nothing else
				CASE WHEN (kind.name, source) IN (('numeric', 'smallint'), ('numeric', 'integer'), ('numeric', 'bigint'), ('bigint', 'integer'))
						  OR kind.name = 'double' THEN 'IMPLICIT' ELSE 'ASSIGNMENT' END);
		END LOOP;

		-- indexes on the tags of searchable columns
		CONTINUE WHEN NOT kind.searchable;
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.search_value(privseg.encrypted_%1$s, int) RETURNS privseg.encrypted_%1$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_search_value';
			COMMENT ON FUNCTION privseg.search_value(privseg.encrypted_%1$s, int) IS 'what an index on tags of a category is asked for';
			CREATE FUNCTION privseg.search_value(%2$s, int) RETURNS %2$s
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_search_base';
			COMMENT ON FUNCTION privseg.search_value(%2$s, int) IS 'what an index on tags of a category is asked for';
			CREATE FUNCTION privseg.search_value(%2$s[], int) RETURNS %2$s[]
				LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_search_base';
			COMMENT ON FUNCTION privseg.search_value(%2$s[], int) IS 'what an index on tags of a category is asked for';

			CREATE FUNCTION privseg.has_key(privseg.encrypted_%1$s) RETURNS boolean
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_has_key';
			COMMENT ON FUNCTION privseg.has_key(privseg.encrypted_%1$s) IS 'would it be opened here and now?';

			CREATE FUNCTION privseg.encrypted_tag_eq(privseg.encrypted_%1$s, privseg.encrypted_%1$s) RETURNS boolean
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_eq_ee';
			COMMENT ON FUNCTION privseg.encrypted_tag_eq(privseg.encrypted_%1$s, privseg.encrypted_%1$s) IS 'implementation of the operator ~=~';
			CREATE FUNCTION privseg.encrypted_tag_eq(privseg.encrypted_%1$s, %2$s) RETURNS boolean
				LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_eq_eb';
			COMMENT ON FUNCTION privseg.encrypted_tag_eq(privseg.encrypted_%1$s, %2$s) IS 'implementation of the operator ~=~';
			CREATE OPERATOR privseg.~=~ (LEFTARG = privseg.encrypted_%1$s, RIGHTARG = privseg.encrypted_%1$s,
				FUNCTION = privseg.encrypted_tag_eq, COMMUTATOR = OPERATOR(privseg.~=~), RESTRICT = eqsel, JOIN = eqjoinsel);
			CREATE OPERATOR privseg.~=~ (LEFTARG = privseg.encrypted_%1$s, RIGHTARG = %2$s,
				FUNCTION = privseg.encrypted_tag_eq, RESTRICT = eqsel, JOIN = eqjoinsel);
			COMMENT ON OPERATOR privseg.~=~ (privseg.encrypted_%1$s, privseg.encrypted_%1$s) IS 'equal; of indexes on tags';
			COMMENT ON OPERATOR privseg.~=~ (privseg.encrypted_%1$s, %2$s) IS 'equal; of indexes on tags';

			CREATE FUNCTION privseg.encrypted_tag_cmp(privseg.encrypted_%1$s, privseg.encrypted_%1$s) RETURNS int
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_cmp_ee';
			COMMENT ON FUNCTION privseg.encrypted_tag_cmp(privseg.encrypted_%1$s, privseg.encrypted_%1$s) IS 'the order of an index on tags; for indexes only';
			CREATE FUNCTION privseg.encrypted_tag_cmp(privseg.encrypted_%1$s, %2$s) RETURNS int
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_cmp_eb';
			COMMENT ON FUNCTION privseg.encrypted_tag_cmp(privseg.encrypted_%1$s, %2$s) IS 'the order of an index on tags; for indexes only';
			CREATE FUNCTION privseg.encrypted_tag_cmp(%2$s, %2$s) RETURNS int
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_cmp_bb';
			COMMENT ON FUNCTION privseg.encrypted_tag_cmp(%2$s, %2$s) IS 'the order of an index on tags; for indexes only';
			CREATE FUNCTION privseg.encrypted_tag_hash(privseg.encrypted_%1$s) RETURNS int
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_hash';
			COMMENT ON FUNCTION privseg.encrypted_tag_hash(privseg.encrypted_%1$s) IS 'hash of a tag; for indexes only';
			CREATE FUNCTION privseg.encrypted_tag_hash(%2$s) RETURNS int
				LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_%1$s_tag_hash_base';
			COMMENT ON FUNCTION privseg.encrypted_tag_hash(%2$s) IS 'hash of a tag; for indexes only';
			CREATE OPERATOR CLASS privseg.encrypted_%1$s_search_ops FOR TYPE privseg.encrypted_%1$s USING btree AS
				OPERATOR 3 privseg.~=~ (privseg.encrypted_%1$s, privseg.encrypted_%1$s),
				OPERATOR 3 privseg.~=~ (privseg.encrypted_%1$s, %2$s),
				FUNCTION 1 privseg.encrypted_tag_cmp(privseg.encrypted_%1$s, privseg.encrypted_%1$s),
				FUNCTION 1 (privseg.encrypted_%1$s, %2$s) privseg.encrypted_tag_cmp(privseg.encrypted_%1$s, %2$s),
				FUNCTION 1 (%2$s, %2$s) privseg.encrypted_tag_cmp(%2$s, %2$s);
			CREATE OPERATOR CLASS privseg.encrypted_%1$s_search_ops FOR TYPE privseg.encrypted_%1$s USING hash AS
				OPERATOR 1 privseg.~=~ (privseg.encrypted_%1$s, privseg.encrypted_%1$s),
				OPERATOR 1 privseg.~=~ (privseg.encrypted_%1$s, %2$s),
				FUNCTION 1 privseg.encrypted_tag_hash(privseg.encrypted_%1$s),
				FUNCTION 1 (%2$s, %2$s) privseg.encrypted_tag_hash(%2$s);
		$f$, kind.name, kind.base);
	END LOOP;
END
$$;
CREATE CAST (varchar AS privseg.encrypted_text) WITH FUNCTION privseg.encrypted_text(text, int, boolean) AS IMPLICIT;

-- from one encrypted type to another, where the base types are assigned
DO $$
DECLARE
	pair record;
BEGIN
	FOR pair IN
		SELECT a.name AS source, b.name AS target, b.base FROM
			(VALUES ('numeric', 'numeric', 1), ('bigint', 'bigint', 1), ('integer', 'integer', 1), ('double', 'double precision', 1),
					('date', 'date', 2), ('timestamptz', 'timestamptz', 2)) a (name, base, kind)
			JOIN (VALUES ('numeric', 'numeric', 1), ('bigint', 'bigint', 1), ('integer', 'integer', 1), ('double', 'double precision', 1),
					('date', 'date', 2), ('timestamptz', 'timestamptz', 2)) b (name, base, kind) USING (kind)
		 WHERE a.name <> b.name
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.encrypted_%2$s(privseg.encrypted_%1$s, int, boolean) RETURNS privseg.encrypted_%2$s
				LANGUAGE sql STABLE STRICT PARALLEL SAFE RETURN privseg.encrypted_%2$s(privseg.opened($1)::%3$s, $2, $3);
			COMMENT ON FUNCTION privseg.encrypted_%2$s(privseg.encrypted_%1$s, int, boolean) IS 'a value of no row yet';
			CREATE CAST (privseg.encrypted_%1$s AS privseg.encrypted_%2$s)
				WITH FUNCTION privseg.encrypted_%2$s(privseg.encrypted_%1$s, int, boolean) AS %4$s;
		$f$, pair.source, pair.target, pair.base,
			CASE WHEN (pair.source, pair.target) IN (('integer', 'bigint'), ('integer', 'numeric'), ('integer', 'double'), ('bigint', 'numeric'),
						('bigint', 'double'), ('numeric', 'double'), ('date', 'timestamptz')) THEN 'IMPLICIT' ELSE 'ASSIGNMENT' END);
	END LOOP;
END
$$;

CREATE FUNCTION privseg.encrypted_row() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'encrypted_row';
COMMENT ON FUNCTION privseg.encrypted_row() IS 'trigger: encrypted values become those of their row''s subject';

CREATE FUNCTION privseg.may_find(category int) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'encrypted_may_find';
COMMENT ON FUNCTION privseg.may_find(int) IS 'an error where values of a category may not be looked for by ON CONFLICT; for the extension itself';

CREATE FUNCTION privseg.are_bound(VARIADIC "any") RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'are_bound';
COMMENT ON FUNCTION privseg.are_bound(VARIADIC "any") IS 'an error where an encrypted value is of no subject: tables that are not protected take none';

CREATE FUNCTION privseg.make_keys() RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'make_keys';
COMMENT ON FUNCTION privseg.make_keys() IS 'make the keys of this database, unless it has some; for the extension itself';

CREATE FUNCTION privseg.change_storage(command text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'change_storage';
COMMENT ON FUNCTION privseg.change_storage(text) IS 'change how a column is stored; for the extension itself';

CREATE FUNCTION privseg.type_holds_encrypted(type oid) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'type_holds_encrypted';
COMMENT ON FUNCTION privseg.type_holds_encrypted(oid) IS 'is a type encrypted, or made of such? For the extension itself';

CREATE FUNCTION privseg.encrypted_columns(members regclass[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(DISTINCT a.attname, ', ') FROM pg_attribute a
	 WHERE a.attrelid = ANY (encrypted_columns.members) AND a.attnum > 0 AND NOT a.attisdropped AND privseg.type_holds_encrypted(a.atttypid)
$$;
COMMENT ON FUNCTION privseg.encrypted_columns(regclass[]) IS 'columns of relations that hold encrypted values; NULL: none. For the extension itself';

-- What would be in the way of another type, or hold plaintext.
CREATE FUNCTION privseg.column_dependents(relation regclass, column_name name) RETURNS TABLE(object text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH target AS (
		SELECT m.member, a.attnum
		  FROM privseg.relation_tree(column_dependents.relation) m(member)
		  JOIN pg_attribute a ON a.attrelid = m.member AND a.attname = column_dependents.column_name
	)
	SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
	  FROM target t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.member AND d.refobjsubid = t.attnum
	 WHERE d.deptype <> 'i' AND d.classid <> 'pg_attrdef'::regclass
	   AND NOT (d.classid = 'pg_class'::regclass AND d.objid = t.member)
	UNION
	-- by the whole row
	SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
	  FROM target t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.member AND d.refobjsubid = 0
	 WHERE (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint c WHERE c.oid = d.objid AND c.contype = 'c'))
		-- not those of partitions, that go with them
		OR (d.classid = 'pg_class'::regclass AND d.deptype NOT IN ('P', 'S') AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = d.objid))
		OR d.classid = 'pg_statistic_ext'::regclass AND EXISTS (SELECT FROM pg_statistic_ext s WHERE s.oid = d.objid AND s.stxexprs IS NOT NULL)
	UNION
	SELECT DISTINCT pg_describe_object('pg_class'::regclass, i.indexrelid, 0)
	  FROM target t JOIN pg_index i ON i.indrelid = t.member AND t.attnum = ANY (i.indkey)
	UNION
	SELECT DISTINCT pg_describe_object('pg_class'::regclass, t.member, t.attnum) || ' of a partition key'
	  FROM target t JOIN pg_partitioned_table p ON p.partrelid = t.member AND t.attnum = ANY (p.partattrs)
	UNION
	SELECT DISTINCT pg_describe_object('pg_class'::regclass, t.member, t.attnum) || ', which is generated'
	  FROM target t JOIN pg_attribute a ON a.attrelid = t.member AND a.attnum = t.attnum
	 WHERE a.attgenerated <> '' OR a.attidentity <> ''
$$;
COMMENT ON FUNCTION privseg.column_dependents(regclass, name) IS 'what depends on a column; for the extension itself';

CREATE FUNCTION privseg.refuse_dependents(relation regclass, column_name name, hint text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	dependents text;
BEGIN
	SELECT string_agg(d.object, ', ' ORDER BY d.object) INTO dependents
	  FROM privseg.column_dependents(refuse_dependents.relation, refuse_dependents.column_name) d;
	IF dependents IS NOT NULL THEN
		RAISE EXCEPTION 'other objects depend on column "%" of "%"', refuse_dependents.column_name, refuse_dependents.relation
			USING ERRCODE = 'dependent_objects_still_exist', DETAIL = dependents, HINT = refuse_dependents.hint;
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.refuse_dependents(regclass, name, text) IS
'an error where something depends on a column; for the extension itself';

CREATE FUNCTION privseg.encrypt_column(relation regclass, column_name name, category text, searchable boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry privseg.protected_relations;
	attribute pg_catalog.pg_attribute;
	encrypted text;
	members regclass[];
	category_id int;
BEGIN
	IF encrypt_column.relation IS NULL OR encrypt_column.column_name IS NULL OR encrypt_column.category IS NULL
	   OR encrypt_column.searchable IS NULL THEN
		RAISE EXCEPTION 'relation, column, category and searchable must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	members := privseg.lock_tree(encrypt_column.relation, true);
	SELECT r.* INTO entry FROM privseg.protected_relations r WHERE r.relation = encrypt_column.relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION '"%" is not protected', encrypt_column.relation
			USING ERRCODE = 'wrong_object_type', HINT = 'Protect the relation first, with privseg.protect().';
	END IF;
	IF privseg.has_plain_children(members) THEN
		RAISE EXCEPTION '"%" has inheritance children', encrypt_column.relation
			USING ERRCODE = 'feature_not_supported', DETAIL = 'They have triggers of their own, and would not encrypt.',
				  HINT = 'Make it a partitioned table.';
	END IF;
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = ANY (members) AND t.tgtype & 3 = 3 AND t.tgname::text COLLATE "C" > '~privseg_encrypted') THEN
		RAISE EXCEPTION '"%" has a trigger that would come behind the one that encrypts', encrypt_column.relation
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = 'Triggers before a row is written are run in the order of their names: rename it.';
	END IF;
	SELECT d.id INTO category_id FROM privseg.data_categories d WHERE d.name = encrypt_column.category;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'data category "%" does not exist', encrypt_column.category
			USING ERRCODE = 'undefined_object', HINT = 'Create it with privseg.create_data_category().';
	END IF;
	SELECT a.* INTO attribute FROM pg_attribute a
	 WHERE a.attrelid = encrypt_column.relation AND a.attname = encrypt_column.column_name AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'column "%" of "%" does not exist', encrypt_column.column_name, encrypt_column.relation
			USING ERRCODE = 'undefined_column';
	END IF;
	IF encrypt_column.column_name = entry.subject_column OR encrypt_column.column_name = ANY (COALESCE(entry.also_about, '{}')) THEN
		RAISE EXCEPTION 'column "%" holds the key of a subject', encrypt_column.column_name
			USING ERRCODE = 'feature_not_supported', DETAIL = 'Whose a row is must be known before anything in it is opened.';
	END IF;
	encrypted := CASE attribute.atttypid
		WHEN 'text'::regtype THEN 'text'
		WHEN 'varchar'::regtype THEN 'text'
		WHEN 'numeric'::regtype THEN 'numeric'
		WHEN 'bigint'::regtype THEN 'bigint'
		WHEN 'integer'::regtype THEN 'integer'
		WHEN 'smallint'::regtype THEN 'integer'
		WHEN 'double precision'::regtype THEN 'double'
		WHEN 'date'::regtype THEN 'date'
		WHEN 'timestamptz'::regtype THEN 'timestamptz'
		WHEN 'boolean'::regtype THEN 'boolean'
		WHEN 'jsonb'::regtype THEN 'jsonb' END;
	IF encrypted IS NULL THEN
		RAISE EXCEPTION 'column "%" of type % cannot be encrypted', encrypt_column.column_name, format_type(attribute.atttypid, attribute.atttypmod)
			USING ERRCODE = 'feature_not_supported',
				  -- an option that is NULL would be an error of its own
				  DETAIL = CASE WHEN privseg.type_holds_encrypted(attribute.atttypid) THEN 'It is encrypted.' ELSE 'No encrypted type stands for it.' END,
				  HINT = 'Columns of type text, varchar, numeric, smallint, integer, bigint, double precision, date, timestamptz, boolean and jsonb can.';
	END IF;
	IF encrypt_column.searchable AND encrypted IN ('boolean', 'jsonb') THEN
		RAISE EXCEPTION 'column "%" of type % cannot be searchable', encrypt_column.column_name, format_type(attribute.atttypid, attribute.atttypmod)
			USING ERRCODE = 'feature_not_supported',
				  DETAIL = CASE encrypted WHEN 'boolean' THEN 'Which values are equal would be seen on disk, and with two there is nothing else to know.'
					ELSE 'Documents that are equal need not be written alike.' END;
	END IF;
	IF encrypt_column.searchable AND EXISTS (
		SELECT FROM pg_collation c WHERE c.oid = attribute.attcollation AND NOT c.collisdeterministic) THEN
		RAISE EXCEPTION 'column "%" has a collation by which different texts are equal', encrypt_column.column_name
			USING ERRCODE = 'feature_not_supported', DETAIL = 'Equal values of a searchable column are found by what they are made of.';
	END IF;
	PERFORM privseg.refuse_dependents(encrypt_column.relation, encrypt_column.column_name,
				   'Drop them, encrypt the column, and make them anew where they can be.');
	PERFORM privseg.make_keys();
	EXECUTE format('SECURITY LABEL FOR privseg ON COLUMN %s.%I IS %L', encrypt_column.relation, encrypt_column.column_name,
				   encrypt_column.category);
	UPDATE privseg.protected_columns c SET searchable = encrypt_column.searchable
	 WHERE c.relation = encrypt_column.relation AND c.column_name = encrypt_column.column_name;
	PERFORM privseg.change_storage(format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE privseg.encrypted_%3$s%4$s'
				   ' USING privseg.encrypt_stored(%2$I::%5$s, %6$I, %7$L::regclass, %8$s, %9$L)',
				   encrypt_column.relation, encrypt_column.column_name, encrypted,
				   CASE WHEN attribute.atttypid = 'smallint'::regtype THEN '(2)'
						WHEN attribute.atttypmod >= 0 THEN substring(format_type(attribute.atttypid, attribute.atttypmod) FROM '\(.*\)') END,
				   CASE encrypted WHEN 'double' THEN 'double precision' ELSE encrypted END,
				   entry.subject_column, entry.subject_table::oid, category_id, encrypt_column.searchable));
	IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = encrypt_column.relation AND t.tgfoid = 'privseg.encrypted_row()'::regprocedure) THEN
		EXECUTE format('CREATE TRIGGER "~privseg_encrypted" BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION privseg.encrypted_row()',
					   encrypt_column.relation);
		EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER "~privseg_encrypted"', encrypt_column.relation);
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.encrypt_column(regclass, name, text, boolean) IS
'encrypt a column of a protected relation in place, rows that are there included';

CREATE FUNCTION privseg.decrypt_column(relation regclass, column_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attribute pg_catalog.pg_attribute;
	base text;
	members regclass[];
BEGIN
	IF decrypt_column.relation IS NULL OR decrypt_column.column_name IS NULL THEN
		RAISE EXCEPTION 'relation and column must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	members := privseg.lock_tree(decrypt_column.relation, true);
	SELECT a.* INTO attribute FROM pg_attribute a
	 WHERE a.attrelid = decrypt_column.relation AND a.attname = decrypt_column.column_name AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'column "%" of "%" does not exist', decrypt_column.column_name, decrypt_column.relation
			USING ERRCODE = 'undefined_column';
	END IF;
	base := CASE attribute.atttypid
		WHEN 'privseg.encrypted_text'::regtype THEN CASE WHEN attribute.atttypmod >= 0 THEN 'varchar' ELSE 'text' END
		WHEN 'privseg.encrypted_numeric'::regtype THEN 'numeric'
		WHEN 'privseg.encrypted_bigint'::regtype THEN 'bigint'
		WHEN 'privseg.encrypted_integer'::regtype THEN CASE WHEN attribute.atttypmod >= 0 THEN 'smallint' ELSE 'integer' END
		WHEN 'privseg.encrypted_double'::regtype THEN 'double precision'
		WHEN 'privseg.encrypted_date'::regtype THEN 'date'
		WHEN 'privseg.encrypted_timestamptz'::regtype THEN 'timestamptz'
		WHEN 'privseg.encrypted_boolean'::regtype THEN 'boolean'
		WHEN 'privseg.encrypted_jsonb'::regtype THEN 'jsonb' END;
	IF base IS NULL THEN
		RAISE EXCEPTION 'column "%" of "%" is not encrypted', decrypt_column.column_name, decrypt_column.relation
			USING ERRCODE = 'wrong_object_type';
	END IF;
	PERFORM privseg.refuse_dependents(decrypt_column.relation, decrypt_column.column_name,
				   'Drop them, decrypt the column, and make them anew.');
	IF attribute.attnotnull AND EXISTS (
		SELECT FROM privseg.shredded_subjects s JOIN privseg.protected_relations r ON r.subject_table = s.subject_table
		 WHERE r.relation = decrypt_column.relation) THEN
		RAISE EXCEPTION 'values of column "%" that is NOT NULL may be gone with the keys of their subjects', decrypt_column.column_name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = 'ALTER TABLE ... ALTER COLUMN ... DROP NOT NULL first: they become NULL.';
	END IF;
	PERFORM privseg.change_storage(format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %3$s%4$s USING privseg.decrypt_stored(%2$I)',
				   decrypt_column.relation, decrypt_column.column_name, base,
				   CASE WHEN attribute.atttypmod >= 0 AND base IN ('varchar', 'numeric')
						THEN substring(format_type(attribute.atttypid, attribute.atttypmod) FROM '\(.*\)') END));
	IF privseg.encrypted_columns(ARRAY[decrypt_column.relation]) IS NULL THEN
		PERFORM privseg.change_storage(format('DROP TRIGGER "~privseg_encrypted" ON %s', decrypt_column.relation));
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.decrypt_column(regclass, name) IS
'store a column as it was before privseg.encrypt_column(); its classification stays';

GRANT EXECUTE ON FUNCTION
	privseg.encrypt_column(regclass, name, text, boolean),
	privseg.decrypt_column(regclass, name)
TO privseg_admin;
