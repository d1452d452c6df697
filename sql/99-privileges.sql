-- 99-privileges.sql: last, so that nothing created above keeps PUBLIC's EXECUTE

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA privseg FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA privseg FROM PUBLIC;
GRANT SELECT ON privseg.purpose, privseg.data_category, privseg.notice, privseg.protected_relation,
	privseg.protected_column, privseg.clearance TO PUBLIC;
GRANT SELECT ON privseg.key_status TO privseg_admin, privseg_auditor;

-- what the row policy needs: core asks for EXECUTE as the reader
GRANT EXECUTE ON FUNCTION privseg.row_permitted(bigint, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_permitted(uuid, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_permitted(text, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_explicit(bigint, regclass) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_explicit(uuid, regclass) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_explicit(text, regclass) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_writable(bigint, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_writable(uuid, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_writable(text, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.library_is_preloaded() TO PUBLIC;
-- it takes what nobody can write
GRANT EXECUTE ON FUNCTION privseg.enough_subjects(bigint, privseg.group_cell, bigint), privseg.enough_subjects(uuid, privseg.group_cell, bigint),
	privseg.enough_subjects(text, privseg.group_cell, bigint), privseg.enough_differ(bigint, privseg.group_cell, bigint, bigint) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.as_float8(numeric), privseg.as_moment(date), privseg.as_moment(timestamp), privseg.as_moment(timestamptz) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.counters_shown(oid), privseg.shown_counter(regproc, oid), privseg.shown_time(regproc, oid), privseg.shown_moment(regproc, oid),
	privseg.shown_size(regproc, regclass, text), privseg.shown_progress(text), privseg.shown_locks(), privseg.row_security_active(oid), privseg.shown_tid(text, tid),
	privseg.statistics_shown(regclass, oid) TO PUBLIC;
-- what is put into the place of columns that a role may not write, or is shown the mask of
GRANT EXECUTE ON FUNCTION privseg.unchanged(anyelement, anyelement, anyelement, text), privseg.masked(anyelement, privseg.mask_place),
	privseg.masked_alone(anyelement, privseg.mask_place) TO PUBLIC;

-- what the encrypted types need; who opens a value, C code asks for each
DO $$
DECLARE
	function regprocedure;
BEGIN
	FOR function IN
		SELECT p.oid FROM pg_catalog.pg_proc p
		 WHERE p.pronamespace = 'privseg'::regnamespace
		   AND (p.proname ~ '^encrypted_(text|numeric|bigint|integer|double|date|timestamptz|boolean|jsonb)(_in|_out|_recv|_send|_typmod_in|_typmod_out)?$'
				OR p.proname ~ '^encrypted_(eq|ne|lt|le|gt|ge|cmp|hash|hash_extended)$' OR p.proname ~ '^opened' OR p.proname IN ('unopened', 'encrypted_typanalyze', 'encrypted_in_range', 'presented_type', 'search_value', 'encrypted_tag_eq', 'has_key', 'may_find', 'are_bound'))
	LOOP
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', function);
	END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION privseg.encrypted_row() TO PUBLIC;

-- core asks for EXECUTE as the owner of a partition that is created or attached;
-- subject_moved only refuses; subject_carried gives nobody a key whose subject does
-- not permit the purpose.
GRANT EXECUTE ON FUNCTION privseg.subject_moved(), privseg.subject_carried() TO PUBLIC;

-- What a session has set must not change what the text of our functions means, nor how names are
-- written that they compare.  Those that are not listed here run inside these.
DO $$
DECLARE
	function regprocedure;
BEGIN
	FOR function IN
		SELECT p.oid FROM pg_catalog.pg_proc p
		 WHERE p.pronamespace = 'privseg'::regnamespace
		   -- src/guard_children.c calls the latter
		   AND (p.prosecdef OR p.proname = 'secure_children')
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s SET standard_conforming_strings = on', function);
		EXECUTE pg_catalog.format('ALTER FUNCTION %s SET quote_all_identifiers = off', function);
	END LOOP;
END
$$;

-- Whoever may write all data may not write these: see catalog_guard().
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['purposes', 'notices', 'data_categories', 'protected_relations', 'protection_undo',
		'protected_columns', 'clearances', 'keys', 'subject_keys', 'subject_key_delta', 'shredded_subjects']
	LOOP
		EXECUTE pg_catalog.format('CREATE TRIGGER catalog_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.%I'
			' FOR EACH STATEMENT EXECUTE FUNCTION privseg.catalog_guard()', name);
		EXECUTE pg_catalog.format('ALTER TABLE privseg.%I ENABLE ALWAYS TRIGGER catalog_guard', name);
	END LOOP;
END
$$;
