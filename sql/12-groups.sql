-- 12-groups.sql: groups that are large enough to be shown

-- Which groups a call counts: made by C code only, so nobody else calls the aggregate.
CREATE TYPE privseg.group_cell;
CREATE FUNCTION privseg.group_cell_in(cstring) RETURNS privseg.group_cell
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'group_cell_in';
COMMENT ON FUNCTION privseg.group_cell_in(cstring) IS 'input: refused';
CREATE FUNCTION privseg.group_cell_out(privseg.group_cell) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'group_cell_out';
COMMENT ON FUNCTION privseg.group_cell_out(privseg.group_cell) IS 'output: its number in the statement';
CREATE TYPE privseg.group_cell (
	INPUT = privseg.group_cell_in, OUTPUT = privseg.group_cell_out, LIKE = pg_catalog.int8);
COMMENT ON TYPE privseg.group_cell IS 'which groups of a statement are counted; nobody writes one';

CREATE FUNCTION privseg.enough_subjects_step(internal, bigint, privseg.group_cell, bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_integer';
COMMENT ON FUNCTION privseg.enough_subjects_step(internal, bigint, privseg.group_cell, bigint) IS 'one more row of a group';
CREATE FUNCTION privseg.enough_subjects_step(internal, uuid, privseg.group_cell, bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_uuid';
COMMENT ON FUNCTION privseg.enough_subjects_step(internal, uuid, privseg.group_cell, bigint) IS 'one more row of a group';
CREATE FUNCTION privseg.enough_subjects_step(internal, text, privseg.group_cell, bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_text';
COMMENT ON FUNCTION privseg.enough_subjects_step(internal, text, privseg.group_cell, bigint) IS 'one more row of a group';
CREATE FUNCTION privseg.enough_subjects_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_combine';
COMMENT ON FUNCTION privseg.enough_subjects_combine(internal, internal) IS 'the subjects of two parts of a group';
CREATE FUNCTION privseg.enough_subjects_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_serialize';
COMMENT ON FUNCTION privseg.enough_subjects_serialize(internal) IS 'the subjects of a part of a group, for another process';
CREATE FUNCTION privseg.enough_subjects_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_deserialize';
COMMENT ON FUNCTION privseg.enough_subjects_deserialize(bytea, internal) IS 'the subjects of a part of a group, from another process';
CREATE FUNCTION privseg.enough_subjects_final(internal) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_subjects_final';
COMMENT ON FUNCTION privseg.enough_subjects_final(internal) IS 'keeps that the group was answered';

-- A small estimate of the state: most groups are small, and for large ones sorting is no better.
DO $$
DECLARE
	key text;
BEGIN
	FOREACH key IN ARRAY ARRAY['bigint', 'uuid', 'text']
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE AGGREGATE privseg.enough_subjects(%1$s, privseg.group_cell, bigint) (
				SFUNC = privseg.enough_subjects_step, STYPE = internal, SSPACE = 256,
				FINALFUNC = privseg.enough_subjects_final, COMBINEFUNC = privseg.enough_subjects_combine,
				SERIALFUNC = privseg.enough_subjects_serialize, DESERIALFUNC = privseg.enough_subjects_deserialize,
				PARALLEL = safe);
			COMMENT ON AGGREGATE privseg.enough_subjects(%1$s, privseg.group_cell, bigint) IS
				'true where a group has enough data subjects to be shown, else NULL; added to statements';
		$f$, key);
	END LOOP;
END
$$;

-- For products of columns: who has another factor than most.
CREATE FUNCTION privseg.enough_differ_step(internal, bigint, privseg.group_cell, bigint, bigint) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_differ_step';
COMMENT ON FUNCTION privseg.enough_differ_step(internal, bigint, privseg.group_cell, bigint, bigint) IS 'one more row of a group';
CREATE FUNCTION privseg.enough_differ_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_differ_combine';
COMMENT ON FUNCTION privseg.enough_differ_combine(internal, internal) IS 'those of two parts of a group who differ';
CREATE FUNCTION privseg.enough_differ_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_differ_serialize';
COMMENT ON FUNCTION privseg.enough_differ_serialize(internal) IS 'those of a part of a group, for another process';
CREATE FUNCTION privseg.enough_differ_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_differ_deserialize';
COMMENT ON FUNCTION privseg.enough_differ_deserialize(bytea, internal) IS 'those of a part of a group, from another process';
CREATE FUNCTION privseg.enough_differ_final(internal) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'enough_differ_final';
COMMENT ON FUNCTION privseg.enough_differ_final(internal) IS 'are they enough, or nobody?';
CREATE AGGREGATE privseg.enough_differ(bigint, privseg.group_cell, bigint, bigint) (
	SFUNC = privseg.enough_differ_step, STYPE = internal, SSPACE = 512,
	FINALFUNC = privseg.enough_differ_final, COMBINEFUNC = privseg.enough_differ_combine,
	SERIALFUNC = privseg.enough_differ_serialize, DESERIALFUNC = privseg.enough_differ_deserialize,
	PARALLEL = safe);
COMMENT ON AGGREGATE privseg.enough_differ(bigint, privseg.group_cell, bigint, bigint) IS
	'above zero where enough data subjects of a group differ in a factor, or none; added to statements';

-- In place of core's cast, which names a value that is too large.
CREATE FUNCTION privseg.as_float8(numeric) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'as_float8';
COMMENT ON FUNCTION privseg.as_float8(numeric) IS 'infinity, where there is no room for a number; added to statements';

-- Around what core's functions of dates and times raise for.
CREATE FUNCTION privseg.as_moment(date) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'as_moment_of_date';
COMMENT ON FUNCTION privseg.as_moment(date) IS 'infinity, before 3000 BC and after 294000; added to statements';
CREATE FUNCTION privseg.as_moment(timestamp) RETURNS timestamp
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'as_moment';
COMMENT ON FUNCTION privseg.as_moment(timestamp) IS 'infinity, before 3000 BC and after 294000; added to statements';
CREATE FUNCTION privseg.as_moment(timestamptz) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'as_moment';
COMMENT ON FUNCTION privseg.as_moment(timestamptz) IS 'infinity, before 3000 BC and after 294000; added to statements';
