-- 04-protection.sql: protected relations and classified columns

-- What the row policy calls.  PUBLIC may execute them because core asks for
-- EXECUTE as the reader; they check clearance themselves.
DO $$
DECLARE
	key_type text;
BEGIN
	FOREACH key_type IN ARRAY ARRAY['bigint', 'uuid', 'text']
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.row_permitted_support_%2$s(internal) RETURNS internal
			LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'row_permitted_support';
			COMMENT ON FUNCTION privseg.row_permitted_support_%2$s(internal) IS 'planner support: how many rows pass';

			CREATE FUNCTION privseg.row_permitted(key %1$s, domain regclass, flags int) RETURNS boolean
			LANGUAGE c STABLE PARALLEL SAFE COST 2 SUPPORT privseg.row_permitted_support_%2$s
			AS 'MODULE_PATHNAME', 'row_permitted_%2$s';
			COMMENT ON FUNCTION privseg.row_permitted(%1$s, regclass, int) IS
				'row policy: does the subject permit the purpose the session acts under?';

			CREATE FUNCTION privseg.row_explicit(key %1$s, domain regclass) RETURNS boolean
			LANGUAGE c STABLE PARALLEL SAFE COST 2 AS 'MODULE_PATHNAME', 'row_explicit_%2$s';
			COMMENT ON FUNCTION privseg.row_explicit(%1$s, regclass) IS
				'are values of special categories opened of the subject, under the purpose the session acts under?';

			CREATE FUNCTION privseg.row_writable(key %1$s, domain regclass, flags int) RETURNS boolean
			LANGUAGE c STABLE PARALLEL SAFE COST 2 AS 'MODULE_PATHNAME', 'row_writable';
			COMMENT ON FUNCTION privseg.row_writable(%1$s, regclass, int) IS
				'row policy: may a row of the subject table be written?';
		$f$, key_type, CASE key_type WHEN 'bigint' THEN 'integer' ELSE key_type END);
	END LOOP;
END
$$;

CREATE FUNCTION privseg.library_is_preloaded() RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1 AS 'MODULE_PATHNAME', 'library_is_preloaded';
COMMENT ON FUNCTION privseg.library_is_preloaded() IS
'stored policy of protected tables: an error in a server that does not preload privseg';

-- What core counts of a table tells of hidden rows: src/guard_counters.c puts these
-- in the place of its columns and functions.
CREATE FUNCTION privseg.counters_shown(relation oid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'counters_shown';
COMMENT ON FUNCTION privseg.counters_shown(oid) IS 'may the current user see what core counts of the relation?';
CREATE FUNCTION privseg.shown_time(function regproc, "of" oid) RETURNS double precision
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'shown_time';
COMMENT ON FUNCTION privseg.shown_time(regproc, oid) IS 'the time of a function as core counts it, NULL for whoever may not see it';
CREATE FUNCTION privseg.shown_counter(function regproc, "of" oid) RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'shown_counter';
COMMENT ON FUNCTION privseg.shown_counter(regproc, oid) IS 'a counter of core''s, NULL of a protected relation for whoever may not see it';
CREATE FUNCTION privseg.shown_moment(function regproc, "of" oid) RETURNS timestamptz
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'shown_counter';
COMMENT ON FUNCTION privseg.shown_moment(regproc, oid) IS 'when core last did something, NULL of a protected relation for whoever may not see it';
CREATE FUNCTION privseg.shown_size(function regproc, relation regclass, fork text) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'shown_size';
COMMENT ON FUNCTION privseg.shown_size(regproc, regclass, text) IS 'a size, NULL of a protected relation for whoever may not see it';
CREATE FUNCTION privseg.shown_progress(command text, OUT pid int, OUT datid oid, OUT relid oid,
	OUT param1 bigint, OUT param2 bigint, OUT param3 bigint, OUT param4 bigint, OUT param5 bigint,
	OUT param6 bigint, OUT param7 bigint, OUT param8 bigint, OUT param9 bigint, OUT param10 bigint,
	OUT param11 bigint, OUT param12 bigint, OUT param13 bigint, OUT param14 bigint, OUT param15 bigint,
	OUT param16 bigint, OUT param17 bigint, OUT param18 bigint, OUT param19 bigint, OUT param20 bigint)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100 AS 'MODULE_PATHNAME', 'shown_progress';
COMMENT ON FUNCTION privseg.shown_progress(text) IS 'progress of commands, not of those on protected relations for whoever may not see it';
CREATE FUNCTION privseg.shown_locks(OUT locktype text, OUT database oid, OUT relation oid, OUT page int, OUT tuple smallint, OUT virtualxid text,
	OUT transactionid xid, OUT classid oid, OUT objid oid, OUT objsubid smallint, OUT virtualtransaction text, OUT pid int, OUT mode text,
	OUT granted boolean, OUT fastpath boolean, OUT waitstart timestamptz) RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED ROWS 1000 AS 'MODULE_PATHNAME', 'shown_locks';
COMMENT ON FUNCTION privseg.shown_locks() IS 'the locks that are held, not those of protected relations for whoever may not see them';
CREATE FUNCTION privseg.shown_tid(relation text, version tid) RETURNS tid
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'shown_tid';
COMMENT ON FUNCTION privseg.shown_tid(text, tid) IS 'the latest version of a row, NULL of a protected relation';
CREATE FUNCTION privseg.row_security_active(relation oid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'policed_row_security_active';
COMMENT ON FUNCTION privseg.row_security_active(oid) IS 'as core''s, but of protected relations it is, for everybody, unless it is honoured as off';
-- src/guard_statistics.c has every reader of these catalogs ask
CREATE FUNCTION privseg.statistics_shown(catalog regclass, "of" oid) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'statistics_shown';
COMMENT ON FUNCTION privseg.statistics_shown(regclass, oid) IS 'may the current user see a row of pg_statistic or pg_statistic_ext_data?';

CREATE FUNCTION privseg.subject_moved() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'subject_moved';
COMMENT ON FUNCTION privseg.subject_moved() IS 'trigger: a row may not be moved to another subject';
CREATE FUNCTION privseg.subject_carried() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'subject_carried';
COMMENT ON FUNCTION privseg.subject_carried() IS 'trigger: fills the subject''s key through a foreign key';
CREATE FUNCTION privseg.carry_subject_rows(relation regclass, subject name) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'carry_subject_rows';
COMMENT ON FUNCTION privseg.carry_subject_rows(regclass, name) IS
'fill the subject''s key of the rows there are; for the extension itself';

-- The order of the first columns is known to src/catalog_relation.c.
CREATE TABLE privseg.protected_relations (
	relation regclass PRIMARY KEY,
	subject_table regclass NOT NULL,
	subject_column name NOT NULL,
	also_about name[],
	null_subject text NOT NULL DEFAULT 'hide' CHECK (null_subject IN ('hide', 'show')),
	key_type regtype NOT NULL,
	open_policy boolean NOT NULL,
	salt bytea,
	residence name,
	birth_date name
);
COMMENT ON TABLE privseg.protected_relations IS 'protected relations; written through privseg.protect()';
COMMENT ON COLUMN privseg.protected_relations.open_policy IS
'it had neither policies nor row security when it was protected';
COMMENT ON COLUMN privseg.protected_relations.salt IS 'keys the order of the domain''s pages';

-- What protect() changed, so that unprotect() can put it back.
CREATE TABLE privseg.protection_undo (
	relation regclass NOT NULL,
	changed regclass NOT NULL,
	had_row_security boolean NOT NULL,
	had_force boolean NOT NULL,
	PRIMARY KEY (relation, changed)
);
COMMENT ON TABLE privseg.protection_undo IS 'row security as it was before privseg.protect()';

CREATE TABLE privseg.protected_columns (
	relation regclass NOT NULL,
	column_name name NOT NULL,
	category text COLLATE "C" NOT NULL,
	mask text,
	searchable boolean NOT NULL DEFAULT false,
	PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE privseg.protected_columns IS
'classified columns; the security label is the classification, this is its copy';

CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.protected_relations
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.catalog_changed();
ALTER TABLE privseg.protected_relations ENABLE ALWAYS TRIGGER catalog_changed;
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.protected_columns
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.catalog_changed();
ALTER TABLE privseg.protected_columns ENABLE ALWAYS TRIGGER catalog_changed;

SELECT pg_catalog.pg_extension_config_dump('privseg.protected_relations', '');
SELECT pg_catalog.pg_extension_config_dump('privseg.protection_undo', '');
SELECT pg_catalog.pg_extension_config_dump('privseg.protected_columns', '');

CREATE VIEW privseg.protected_relation AS
SELECT relation, subject_column AS subject, CASE WHEN subject_table <> relation THEN subject_table END AS subject_of, key_type,
	   COALESCE(also_about, '{}') AS also_about, null_subject, residence, birth_date
  FROM privseg.protected_relations;
COMMENT ON VIEW privseg.protected_relation IS 'the protected relations; subject_of is NULL for subject tables';

CREATE VIEW privseg.protected_column AS
SELECT c.relation, c.column_name, c.category, c.mask, d.sensitivity, d.protected_attribute
  FROM privseg.protected_columns c
  JOIN privseg.protected_relations r ON r.relation = c.relation
  LEFT JOIN privseg.data_categories d ON d.name = c.category;
COMMENT ON VIEW privseg.protected_column IS 'the classified columns of protected relations';
GRANT SELECT ON privseg.protected_relation, privseg.protected_column TO PUBLIC;

-- the relation and everything below it
CREATE FUNCTION privseg.relation_tree(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE tree(relid) AS (
		SELECT $1::pg_catalog.oid
		UNION
		SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent OPERATOR(pg_catalog.=) tree.relid)
	SELECT relid::pg_catalog.regclass FROM tree
$$;
COMMENT ON FUNCTION privseg.relation_tree(regclass) IS 'a relation and its partitions and inheritance children';

CREATE FUNCTION privseg.lock_tree(relation regclass, alone boolean) RETURNS regclass[]
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'lock_tree';
COMMENT ON FUNCTION privseg.lock_tree(regclass, boolean) IS 'lock a relation and all below it, and say which those are; for the extension itself';

CREATE FUNCTION privseg.key_kind(key_type regtype) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE $1::pg_catalog.oid
		WHEN 21 THEN 'integer' WHEN 23 THEN 'integer' WHEN 20 THEN 'integer'
		WHEN 2950 THEN 'uuid' WHEN 25 THEN 'text' WHEN 1043 THEN 'text' END
$$;
COMMENT ON FUNCTION privseg.key_kind(regtype) IS 'which kind of subject key a type is; NULL for none';

-- What is stored with one table of a protected tree.  Names alone prove nothing: its
-- owner may have made something else under them.
CREATE FUNCTION privseg.secure_relation(member regclass, subject name, also_about name[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class pg_catalog.pg_class;
	policy record;
	changes text;
	analyzed name;
BEGIN
	SELECT c.* INTO STRICT class FROM pg_class c WHERE c.oid = secure_relation.member;
	EXECUTE format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY', secure_relation.member);
	EXECUTE format('ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY', secure_relation.member);
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = secure_relation.member AND t.tgparentid = 0
				AND t.tgname IN ('privseg_subject_moved', 'privseg_subject_moved_before')) THEN
		RAISE EXCEPTION '"%" has a trigger under a name that protection uses', class.relname
			USING ERRCODE = 'duplicate_object', DETAIL = 'privseg_subject_moved, or privseg_subject_moved_before',
				  HINT = 'Drop or rename it first.';
	END IF;
	FOR policy IN
		SELECT * FROM (VALUES ('privseg', 'RESTRICTIVE', 'privseg.library_is_preloaded()'),
				-- without a permissive policy, core would show nothing instead of asking the restrictive one
				('privseg_library', 'PERMISSIVE', '(NOT privseg.library_is_preloaded())')) v (name, kind, condition)
	LOOP
		IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = secure_relation.member AND p.polname = policy.name) THEN
			EXECUTE format('CREATE POLICY %I ON %s AS %s USING (%s)', policy.name, secure_relation.member, policy.kind, policy.condition);
		ELSIF NOT privseg.policy_is_own(secure_relation.member, policy.name) THEN
			RAISE EXCEPTION '"%" has a policy "%", which is the name of a policy of protection', class.relname, policy.name
				USING ERRCODE = 'duplicate_object', HINT = 'Drop or rename it first.';
		END IF;
	END LOOP;
	FOR analyzed IN SELECT a FROM privseg.analyzed_by_code(secure_relation.member) a
	LOOP
		EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS 0', secure_relation.member, analyzed);
		changes := concat_ws(', ', changes, format('"%s"', analyzed));
	END LOOP;
	IF changes IS NOT NULL THEN
		RAISE NOTICE 'ANALYZE keeps nothing of columns of "%" from now on: %', class.relname, changes
			USING DETAIL = 'It would hand values of everybody to code of a user, which their types bring along.';
	END IF;
	-- commands take names, and whoever owns a schema can move it meanwhile
	IF EXISTS (SELECT FROM privseg.analyzed_by_code(secure_relation.member))
	   OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = secure_relation.member AND c.relrowsecurity AND c.relforcerowsecurity)
	   OR (SELECT count(*) FROM pg_policy p WHERE p.polrelid = secure_relation.member AND p.polname IN ('privseg', 'privseg_library')) <> 2 THEN
		RAISE EXCEPTION '"%" was given another name meanwhile', class.relname
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run the statement again.';
	END IF;
	-- partitions have their parent's triggers
	IF class.relispartition THEN
		RETURN;
	END IF;
	SELECT string_agg(c, ' OR ') INTO changes FROM (
		SELECT format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', secure_relation.subject) AS c
		UNION ALL
		SELECT format('OLD.%1$I IS NOT NULL AND OLD.%1$I IS DISTINCT FROM NEW.%1$I', column_name) FROM unnest(secure_relation.also_about) column_name) s;
	EXECUTE format('CREATE TRIGGER privseg_subject_moved AFTER UPDATE ON %s FOR EACH ROW'
				   ' WHEN (%s) EXECUTE FUNCTION privseg.subject_moved()', secure_relation.member, changes);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER privseg_subject_moved', secure_relation.member);
	IF class.relkind = 'p' THEN
		-- a row that changes its partition is deleted and inserted: no AFTER UPDATE
		EXECUTE format('CREATE TRIGGER privseg_subject_moved_before BEFORE UPDATE ON %s FOR EACH ROW'
					   ' EXECUTE FUNCTION privseg.subject_moved()', secure_relation.member);
		EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER privseg_subject_moved_before', secure_relation.member);
	END IF;
	IF (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = secure_relation.member AND t.tgenabled = 'A'
		  AND t.tgname IN ('privseg_subject_moved', 'privseg_subject_moved_before')) <> 1 + (class.relkind = 'p')::int THEN
		RAISE EXCEPTION '"%" was given another name meanwhile', class.relname
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run the statement again.';
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.secure_relation(regclass, name, name[]) IS
'row security, policies and triggers of one table of a protected tree; for the extension itself';

CREATE FUNCTION privseg.has_plain_children(members regclass[]) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
					WHERE i.inhparent = ANY (members) AND c.relkind = 'r')
$$;
COMMENT ON FUNCTION privseg.has_plain_children(regclass[]) IS
'is any of these a table with inheritance children, which have no triggers of their parent''s; for the extension itself';

CREATE FUNCTION privseg.policy_is_own(member regclass, policy name) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (
		SELECT FROM pg_policy p
		 WHERE p.polrelid = $1 AND p.polname = $2 AND p.polcmd = '*' AND p.polroles = '{0}' AND p.polwithcheck IS NULL
		   AND p.polpermissive = ($2 = 'privseg_library')
		   AND pg_get_expr(p.polqual, p.polrelid) =
			   CASE $2 WHEN 'privseg_library' THEN '(NOT privseg.library_is_preloaded())' ELSE 'privseg.library_is_preloaded()' END)
$$;
COMMENT ON FUNCTION privseg.policy_is_own(regclass, name) IS 'is the stored policy what protection makes under that name?';

-- What runs over every row of a table though nobody knows whether it is silent: see
-- src/guard_define.c, which refuses it where it would come later.
CREATE FUNCTION privseg.definition_is_reviewed(expression pg_node_tree) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'definition_is_reviewed';
COMMENT ON FUNCTION privseg.definition_is_reviewed(pg_node_tree) IS 'does an expression of the catalog tell nothing of the rows it runs over?';
CREATE FUNCTION privseg.class_is_reviewed(class oid, type oid) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'class_is_reviewed';
COMMENT ON FUNCTION privseg.class_is_reviewed(oid, oid) IS 'is an index''s operator class, for a column of this type, core''s or a superuser''s in C, and tells it nothing by raising?';
CREATE FUNCTION privseg.type_is_reviewed(type oid) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'type_is_reviewed';
COMMENT ON FUNCTION privseg.type_is_reviewed(oid) IS 'does ANALYZE run nothing of a user for a column of the type?';
CREATE FUNCTION privseg.results_are_reviewed(expressions pg_node_tree) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'results_are_reviewed';
COMMENT ON FUNCTION privseg.results_are_reviewed(pg_node_tree) IS 'does ANALYZE run nothing of a user for what expressions of an index or of statistics come to?';
-- Domains of users whose checks are handed what is written into a column.
CREATE FUNCTION privseg.type_checked_by(type oid) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'type_checked_by';
COMMENT ON FUNCTION privseg.type_checked_by(oid) IS 'domains that the type is, or is made of, whose checks run code of a user';
CREATE FUNCTION privseg.unreviewed_code(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('index "%s"', c.relname)
	  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	 WHERE i.indrelid = $1
	   AND (NOT privseg.definition_is_reviewed(i.indexprs) OR NOT privseg.definition_is_reviewed(i.indpred)
			OR EXISTS (SELECT FROM unnest(i.indclass) WITH ORDINALITY u (class, n)
						 JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = u.n
						WHERE NOT privseg.class_is_reviewed(u.class, a.atttypid)))
	UNION ALL
	SELECT format('check "%s"', n.conname) FROM pg_constraint n
	 WHERE n.conrelid = $1 AND n.contype = 'c' AND NOT privseg.definition_is_reviewed(n.conbin)
	UNION ALL
	SELECT format('generated column "%s"', a.attname)
	  FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	 WHERE a.attrelid = $1 AND a.attgenerated <> '' AND NOT privseg.definition_is_reviewed(d.adbin)
	UNION ALL
	SELECT format('statistics "%s"', s.stxname) FROM pg_statistic_ext s
	 WHERE s.stxrelid = $1 AND NOT privseg.definition_is_reviewed(s.stxexprs)
	UNION ALL
	SELECT format('partition key of "%s"', p.partrelid::regclass) FROM pg_partitioned_table p
	 WHERE p.partrelid = $1 AND NOT privseg.definition_is_reviewed(p.partexprs)
	UNION ALL
	SELECT format('rule "%s"', w.rulename) FROM pg_rewrite w WHERE w.ev_class = $1
$$;
COMMENT ON FUNCTION privseg.unreviewed_code(regclass) IS 'what would run over every row of a table, and is not known to be silent';

-- Of a range, ANALYZE asks a function of its maker's how far the bounds of every row are apart, and autovacuum
-- runs ANALYZE: of such columns it is to keep nothing.
CREATE FUNCTION privseg.analyzed_by_code(relation regclass) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.attname FROM pg_attribute a
	 WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget <> 0 AND NOT privseg.type_is_reviewed(a.atttypid)
$$;
COMMENT ON FUNCTION privseg.analyzed_by_code(regclass) IS 'columns whose values ANALYZE hands to code of a user, which their type brings along';

-- Of expressions it keeps the same, and a statistics target is no column's: an index's is set by whoever owns it.
CREATE FUNCTION privseg.expressions_analyzed_by_code(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('index "%s"', c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	 WHERE i.indrelid = $1 AND NOT privseg.results_are_reviewed(i.indexprs)
	UNION ALL
	SELECT format('statistics "%s"', s.stxname) FROM pg_statistic_ext s
	 WHERE s.stxrelid = $1 AND NOT privseg.results_are_reviewed(s.stxexprs)
$$;
COMMENT ON FUNCTION privseg.expressions_analyzed_by_code(regclass) IS 'indexes and statistics with expressions that ANALYZE hands to code of a user, which their type brings along';

CREATE FUNCTION privseg.telling_indexes(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('"%s"', c.relname)
	  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	 WHERE i.indrelid = $1 AND (i.indisexclusion OR (i.indisunique AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)))
$$;
COMMENT ON FUNCTION privseg.telling_indexes(regclass) IS 'exclusion constraints and unique indexes that tell more than that a key exists';

CREATE FUNCTION privseg.telling_references(relation regclass, column_name name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('"%s" of %s', f.conname, f.conrelid::regclass), ', ' ORDER BY f.conrelid::regclass::text COLLATE "C", f.conname)
	  FROM privseg.protected_relations r
	 CROSS JOIN LATERAL privseg.relation_tree(r.relation) t
	  JOIN pg_attribute a ON a.attrelid = t AND a.attname = $2
	  JOIN pg_constraint f ON f.confrelid = t AND f.contype = 'f' AND f.conparentid = 0 AND a.attnum = ANY (f.confkey)
	 WHERE r.relation = $1
	   -- keys of the same subjects
	   AND NOT EXISTS (SELECT FROM privseg.protected_relations o
						WHERE o.subject_table = r.subject_table AND f.conrelid IN (SELECT privseg.relation_tree(o.relation))
						  AND NOT EXISTS (SELECT FROM pg_attribute k
										   WHERE (k.attrelid = f.conrelid AND k.attnum = ANY (f.conkey) AND k.attname <> ALL (o.subject_column || o.also_about))
											  OR (k.attrelid = f.confrelid AND k.attnum = ANY (f.confkey) AND k.attname <> ALL (r.subject_column || r.also_about))))
$$;
COMMENT ON FUNCTION privseg.telling_references(regclass, name) IS 'foreign keys to a column of a protected table, by which whoever may change its rows learns whose a value is';

-- which columns the generated columns of a table are made of
CREATE FUNCTION privseg.generated_from(relation regclass) RETURNS TABLE(column_name name, source name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.attname, s.attname
	  FROM pg_attribute a
	  JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	  JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
						  AND p.refobjid = a.attrelid AND p.refobjsubid <> a.attnum AND p.refobjsubid > 0
	  JOIN pg_attribute s ON s.attrelid = a.attrelid AND s.attnum = p.refobjsubid
	 WHERE a.attrelid = $1 AND a.attgenerated <> ''
$$;
COMMENT ON FUNCTION privseg.generated_from(regclass) IS 'generated columns of a table, and what each is made of';

-- Columns of children are classified as the root's of their name are: src/guard_class.c refuses this where
-- it would come later.
CREATE FUNCTION privseg.generated_apart(root regclass) RETURNS TABLE(member regclass, column_name name, source name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t, g.column_name, g.source
	  FROM privseg.relation_tree($1) t CROSS JOIN LATERAL privseg.generated_from(t) g
	 WHERE t <> $1
	   AND EXISTS (SELECT FROM privseg.protected_columns c WHERE c.relation = $1 AND c.column_name IN (g.column_name, g.source))
	   AND NOT EXISTS (SELECT FROM privseg.generated_from($1) r WHERE r.column_name = g.column_name AND r.source = g.source)
$$;
COMMENT ON FUNCTION privseg.generated_apart(regclass) IS 'what children generate from a classified column, or into one, and their root does not';

-- for children that come later: src/guard_children.c calls it
CREATE FUNCTION privseg.partition_columns(relation regclass) RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	-- they depend on the table
	SELECT a.attname
	  FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
	 WHERE d.classid = 'pg_class'::regclass AND d.objid = $1 AND d.objsubid > 0 AND d.deptype = 'i'
	   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = 0
$$;
COMMENT ON FUNCTION privseg.partition_columns(regclass) IS 'the columns that a table is partitioned by';

CREATE FUNCTION privseg.secure_children(root regclass, maintains boolean, administers boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry privseg.protected_relations;
	class pg_catalog.pg_class;
	code text;
BEGIN
	SELECT r.* INTO entry FROM privseg.protected_relations r WHERE r.relation = secure_children.root;
	FOR class IN
		SELECT c.* FROM privseg.relation_tree(secure_children.root) t JOIN pg_class c ON c.oid = t
		 WHERE NOT EXISTS (SELECT FROM privseg.protection_undo u WHERE u.relation = secure_children.root AND u.changed = c.oid)
	LOOP
		SELECT string_agg(u, ', ') INTO code FROM (
			SELECT privseg.unreviewed_code(class.oid)
			UNION ALL
			SELECT format('ANALYZE of column "%s"', a) FROM privseg.analyzed_by_code(class.oid) a
			UNION ALL
			SELECT format('ANALYZE of %s', a) FROM privseg.expressions_analyzed_by_code(class.oid) a) s (u);
		IF code IS NOT NULL AND NOT secure_children.maintains THEN
			RAISE EXCEPTION '"%" cannot become part of protected relation "%"', class.relname, secure_children.root
				USING ERRCODE = 'feature_not_supported',
					  DETAIL = format('It would run code that is not known to be silent over rows of everybody: %s.', code),
					  HINT = 'Drop it first. Whoever may bypass row security can do it after SET row_security = off.';
		END IF;
		SELECT string_agg(format('"%s"', p), ', ') INTO code FROM privseg.partition_columns(class.oid) p
		  JOIN privseg.protected_columns c ON c.relation = secure_children.root AND c.column_name = p;
		IF code IS NOT NULL AND NOT secure_children.administers THEN
			RAISE EXCEPTION 'only a member of privseg_admin may partition "%" by columns that are classified: %', class.relname, code
				USING ERRCODE = 'insufficient_privilege', DETAIL = 'Where a row is would tell of them.';
		END IF;
		INSERT INTO privseg.protection_undo (relation, changed, had_row_security, had_force)
		VALUES (secure_children.root, class.oid, class.relrowsecurity, class.relforcerowsecurity);
		PERFORM privseg.secure_relation(class.oid, entry.subject_column, COALESCE(entry.also_about, '{}'));
	END LOOP;
END
$$;
COMMENT ON FUNCTION privseg.secure_children(regclass, boolean, boolean) IS
'secure the children that a protected relation got since; for the extension itself';

CREATE FUNCTION privseg.protect(relation regclass, subject name, subject_of regclass DEFAULT NULL,
	residence name DEFAULT NULL, birth_date name DEFAULT NULL, also_about name[] DEFAULT '{}',
	null_subject text DEFAULT 'hide') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	class pg_catalog.pg_class;
	keys name[];
	key name;
	key_attribute pg_catalog.pg_attribute;
	subject_type regtype;
	domain_type regtype;
	is_open boolean;
	members regclass[];
	member regclass;
	code text;
BEGIN
	IF protect.relation IS NULL OR protect.subject IS NULL THEN
		RAISE EXCEPTION 'the relation and its subject column must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF protect.null_subject IS NULL OR protect.null_subject NOT IN ('hide', 'show') THEN
		RAISE EXCEPTION 'null_subject must be ''hide'' or ''show'''
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF array_ndims(protect.also_about) > 1 THEN
		RAISE EXCEPTION 'also_about must be a plain list' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- a record whose writer has not committed yet would miss, or outlive, the set
	LOCK TABLE privseg.protected_relations, privseg.consent_record IN SHARE ROW EXCLUSIVE MODE;
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = protect.relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the relation does not exist' USING ERRCODE = 'undefined_table';
	END IF;
	IF class.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'privseg'::regnamespace)
	   OR class.relkind NOT IN ('r', 'p')
	THEN
		RAISE EXCEPTION '"%" cannot be protected', class.relname
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'Ordinary and partitioned tables of users can be.',
				  HINT = CASE class.relkind
					  WHEN 'v' THEN 'Protect the tables below the view; the view then shows what they show.'
					  WHEN 'm' THEN 'Protect the tables below the materialized view.'
					  WHEN 'f' THEN 'Protect the table on its own server.'
					  ELSE 'Protect a table that holds personal data.' END;
	END IF;
	-- as it is once nobody else can change it, or give its name to another
	members := privseg.lock_tree(protect.relation, true);
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = protect.relation;
	IF EXISTS (SELECT FROM privseg.protected_relations r WHERE r.relation = protect.relation) THEN
		RAISE EXCEPTION '"%" is already protected', class.relname
			USING ERRCODE = 'duplicate_object',
				  HINT = 'Call privseg.unprotect() first to protect it in another way.';
	END IF;
	code := privseg.encrypted_columns(members);
	IF code IS NOT NULL THEN
		RAISE EXCEPTION '"%" has columns of encrypted types', class.relname
			USING ERRCODE = 'feature_not_supported', DETAIL = code,
				  HINT = 'Whose its values are is not known. Give them base types, protect it, and call privseg.encrypt_column().';
	END IF;
	IF EXISTS (SELECT FROM pg_trigger t
				WHERE t.tgrelid = ANY (members) AND t.tgfoid = 'privseg.subject_carried()'::regprocedure
				  AND (t.tgname <> 'privseg_subject_carried' OR t.tgenabled <> 'A' OR t.tgtype <> 23 OR t.tgqual IS NOT NULL
					   OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'x'))) THEN
		RAISE EXCEPTION '"%" has a trigger that carries a subject, but not as carry_subject() made it', class.relname
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Drop it, and call privseg.carry_subject() anew.';
	END IF;
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = protect.relation AND t.tgname = 'privseg_subject_carried')
	   AND privseg.has_plain_children(members) THEN
		RAISE EXCEPTION '"%" carries its subjects, and its inheritance children do not', class.relname
			USING ERRCODE = 'feature_not_supported', HINT = 'Make it a partitioned table, or take the children out of it.';
	END IF;
	IF EXISTS (SELECT FROM pg_class c
				WHERE c.oid = ANY (members) AND (c.relkind NOT IN ('r', 'p') OR (c.relkind = 'r' AND c.relam <> 2))) THEN
		RAISE EXCEPTION '"%" is not, or not wholly, stored as ordinary tables', class.relname
			USING ERRCODE = 'feature_not_supported',
				  DETAIL = 'Foreign tables and other table access methods may be read past the policy.';
	END IF;

	-- the columns
	IF COALESCE(protect.also_about, '{}') <> '{}' AND EXISTS (
		SELECT FROM pg_constraint f JOIN pg_trigger t ON t.tgrelid = f.conrelid AND t.tgname = 'privseg_subject_carried'
		 WHERE f.contype = 'f' AND f.confrelid IN (SELECT privseg.relation_tree(protect.relation))) THEN
		RAISE EXCEPTION 'rows of "%" cannot be about others', protect.relation
			USING ERRCODE = 'feature_not_supported', DETAIL = 'A relation carries its subject, and would not ask them.',
				  HINT = 'Give that relation a column for each of them, and protect it with also_about.';
	END IF;
	keys := protect.subject || COALESCE(protect.also_about, '{}');
	IF array_position(keys, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'a column in also_about must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF cardinality(keys) > 9 THEN
		RAISE EXCEPTION 'too many columns in also_about' USING ERRCODE = 'program_limit_exceeded';
	END IF;
	FOREACH key IN ARRAY keys
	LOOP
		SELECT a.* INTO key_attribute FROM pg_attribute a
		 WHERE a.attrelid = protect.relation AND a.attname = key AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'column "%" of "%" does not exist', key, class.relname
				USING ERRCODE = 'undefined_column';
		END IF;
		IF privseg.key_kind(key_attribute.atttypid) IS NULL THEN
			RAISE EXCEPTION 'column "%" of "%" cannot hold a subject''s key', key, class.relname
				USING ERRCODE = 'datatype_mismatch',
					  DETAIL = format('Its type is %s.', format_type(key_attribute.atttypid, key_attribute.atttypmod)),
					  HINT = 'Keys are smallint, integer, bigint, uuid, text or varchar.';
		END IF;
		IF EXISTS (SELECT FROM pg_collation c WHERE c.oid = key_attribute.attcollation AND NOT c.collisdeterministic) THEN
			RAISE EXCEPTION 'column "%" of "%" has a nondeterministic collation', key, class.relname
				USING ERRCODE = 'feature_not_supported',
					  DETAIL = 'Two texts that count as equal would be two subjects.';
		END IF;
		IF key = protect.subject THEN
			subject_type := key_attribute.atttypid;
		ELSIF privseg.key_kind(key_attribute.atttypid) <> privseg.key_kind(subject_type) THEN
			RAISE EXCEPTION 'columns "%" and "%" of "%" do not hold keys of the same kind', protect.subject, key, class.relname
				USING ERRCODE = 'datatype_mismatch';
		END IF;
	END LOOP;
	FOREACH key IN ARRAY ARRAY[protect.residence, protect.birth_date]
	LOOP
		IF key IS NOT NULL AND NOT EXISTS (
			SELECT FROM pg_attribute a
			 WHERE a.attrelid = protect.relation AND a.attname = key AND a.attnum > 0 AND NOT a.attisdropped) THEN
			RAISE EXCEPTION 'column "%" of "%" does not exist', key, class.relname
				USING ERRCODE = 'undefined_column';
		END IF;
	END LOOP;

	IF protect.subject_of IS NULL THEN
		-- a subject table: one row per subject
		IF NOT EXISTS (
			SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			 WHERE i.indrelid = protect.relation AND i.indisunique AND i.indimmediate AND i.indisvalid
			   AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL
			   AND a.attname = protect.subject) THEN
			RAISE EXCEPTION 'subject table "%" has no unique index on "%"', class.relname, protect.subject
				USING ERRCODE = 'object_not_in_prerequisite_state',
					  DETAIL = 'A subject table holds one row per data subject, and a row that can be inserted is about a new one.',
					  HINT = format('If its rows are about people of another table, name that in subject_of; else CREATE UNIQUE INDEX ON %s (%I).',
									protect.relation, protect.subject);
		END IF;
	ELSE
		SELECT r.key_type INTO domain_type FROM privseg.protected_relations r
		 WHERE r.relation = protect.subject_of AND r.subject_table = r.relation;
		IF NOT FOUND THEN
			RAISE EXCEPTION '"%" is not a subject table', protect.subject_of
				USING ERRCODE = 'wrong_object_type',
					  HINT = 'Protect the table with one row per data subject first.';
		END IF;
		IF privseg.key_kind(domain_type) <> privseg.key_kind(subject_type) THEN
			RAISE EXCEPTION 'column "%" of "%" does not hold keys of "%"', protect.subject, class.relname, protect.subject_of
				USING ERRCODE = 'datatype_mismatch',
					  DETAIL = format('The column is %s, the keys are %s.', subject_type, domain_type);
		END IF;
		IF NOT EXISTS (
			SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			 WHERE i.indrelid = protect.relation AND i.indisvalid AND a.attname = protect.subject) THEN
			RAISE NOTICE 'column "%" of "%" has no index', protect.subject, class.relname
				USING HINT = 'Requests of a data subject look its rows up by this column; CREATE INDEX helps them.';
		END IF;
	END IF;

	-- what came with the table from a dump of it alone is not what it was
	FOR member, key IN
		SELECT p.polrelid, p.polname FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
		 WHERE p.polrelid = ANY (members) AND p.polname IN ('privseg', 'privseg_library')
		   AND d.refclassid = 'pg_proc'::regclass AND d.refobjid = 'privseg.library_is_preloaded()'::regprocedure
	LOOP
		EXECUTE format('DROP POLICY %I ON %s', key, member);
		IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = member) THEN
			EXECUTE format('ALTER TABLE ONLY %s DISABLE ROW LEVEL SECURITY', member);
			EXECUTE format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY', member);
		END IF;
	END LOOP;
	FOR member, key IN
		SELECT g.tgrelid, g.tgname FROM pg_trigger g
		 WHERE g.tgrelid = ANY (members)
		   AND g.tgfoid = 'privseg.subject_moved()'::regprocedure AND g.tgparentid = 0
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', key, member);
	END LOOP;
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = protect.relation;

	FOR member, code IN
		SELECT t, string_agg(a, ', ' ORDER BY a COLLATE "C") FROM unnest(members) t, privseg.expressions_analyzed_by_code(t) a GROUP BY t
	LOOP
		RAISE EXCEPTION 'ANALYZE of "%" hands values of everybody to code of a user: %', (SELECT c.relname FROM pg_class c WHERE c.oid = member), code
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'The types of their expressions bring it along.',
				  HINT = 'Drop it first.';
	END LOOP;
	FOR member, code IN
		SELECT t, string_agg(u, ', ') FROM unnest(members) t, privseg.unreviewed_code(t) u GROUP BY t
	LOOP
		RAISE NOTICE '"%" runs code over rows of everybody: %', (SELECT c.relname FROM pg_class c WHERE c.oid = member), code
			USING DETAIL = 'It is not known to be silent.', HINT = 'Let nobody change it who may not see the rows.';
	END LOOP;
	FOR member, code IN
		SELECT t, string_agg(u, ', ') FROM unnest(members) t, privseg.telling_indexes(t) u GROUP BY t
	LOOP
		RAISE NOTICE 'whoever writes to "%" is told about values of hidden rows by: %', (SELECT c.relname FROM pg_class c WHERE c.oid = member), code
			USING DETAIL = 'They tell more than that a key exists.', HINT = 'Drop them, or let nobody write here who may not see the rows.';
	END LOOP;

	-- what it was
	is_open := NOT class.relrowsecurity
		AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = protect.relation);
	IF class.relrowsecurity AND NOT class.relforcerowsecurity THEN
		RAISE NOTICE 'row security of "%" is forced from now on', class.relname
			USING DETAIL = 'Its own policies bind its owner, too.';
	END IF;
	INSERT INTO privseg.protection_undo (relation, changed, had_row_security, had_force)
	SELECT protect.relation, c.oid, c.relrowsecurity, c.relforcerowsecurity
	  FROM pg_class c WHERE c.oid = ANY (members);

	-- what it is from now on
	FOREACH member IN ARRAY members
	LOOP
		PERFORM privseg.secure_relation(member, protect.subject, COALESCE(protect.also_about, '{}'));
	END LOOP;
	INSERT INTO privseg.protected_relations
		(relation, subject_table, subject_column, also_about, null_subject, key_type, open_policy, salt, residence, birth_date)
	VALUES (protect.relation, COALESCE(protect.subject_of, protect.relation), protect.subject,
			NULLIF(protect.also_about, '{}'), protect.null_subject, subject_type, is_open,
			CASE WHEN protect.subject_of IS NULL
				 THEN decode(replace(gen_random_uuid()::text, '-', ''), 'hex') END,
			protect.residence, protect.birth_date);
	-- a label may have been there before
	INSERT INTO privseg.protected_columns (relation, column_name, category)
	SELECT protect.relation, a.attname, l.label
	  FROM pg_seclabel l JOIN pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid
	 WHERE l.provider = 'privseg' AND l.classoid = 'pg_class'::regclass AND l.objoid = protect.relation AND NOT a.attisdropped
	ON CONFLICT ON CONSTRAINT protected_columns_pkey DO UPDATE SET category = EXCLUDED.category;
	FOR member, key, code IN SELECT g.member, g.column_name, g.source FROM privseg.generated_apart(protect.relation) g
	LOOP
		RAISE EXCEPTION 'column "%" of child "%" is generated from "%"', key, member, code
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'One of them is classified, and it would tell values under another class.',
				  HINT = format('Drop it, or generate it in %s.', protect.relation);
	END LOOP;
	FOR key, code IN
		SELECT c.column_name, privseg.type_checked_by(a.atttypid) FROM privseg.protected_columns c
		  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name
		 WHERE c.relation = protect.relation AND privseg.type_checked_by(a.atttypid) IS NOT NULL
	LOOP
		RAISE NOTICE 'checks that run code of a user are handed column "%" of "%": %', key, class.relname, code
			USING DETAIL = 'They see what is written, whatever their functions'' owners are cleared for.', HINT = 'Read them, and have a superuser own what they call.';
	END LOOP;
	FOR key, code IN
		SELECT c.column_name, privseg.telling_references(c.relation, c.column_name) FROM privseg.protected_columns c
		 WHERE c.relation = protect.relation AND privseg.telling_references(c.relation, c.column_name) IS NOT NULL
	LOOP
		RAISE NOTICE 'foreign keys tell whose a value of column "%" of "%" is: %', key, class.relname, code
			USING DETAIL = 'What becomes of a row that refers to it tells that to whoever may delete the one.', HINT = 'Drop them, or let nobody delete here who may not see the column.';
	END LOOP;
	IF protect.subject_of IS NULL AND current_setting('transaction_isolation') LIKE 'read %' THEN
		PERFORM privseg.fold_consent(protect.relation);
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.protect(regclass, name, regclass, name, name, name[], text) IS
'protect a table: from now on its rows are shown only where their subject permits the session''s purpose';

CREATE FUNCTION privseg.carried_subjects() RETURNS TABLE(relation regclass, through regclass)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	-- the trigger's first argument is the column, ended by a zero byte
	SELECT f.conrelid::regclass, f.confrelid::regclass
	  FROM pg_trigger t
	  JOIN pg_attribute a ON a.attrelid = t.tgrelid
		   AND a.attname = convert_from(substring(t.tgargs FROM 1 FOR position(decode('00', 'hex') IN t.tgargs) - 1), getdatabaseencoding())
	  JOIN pg_constraint f ON f.conrelid = t.tgrelid AND f.contype = 'f' AND f.conparentid = 0 AND f.conkey = ARRAY[a.attnum]
	 WHERE t.tgfoid = 'privseg.subject_carried()'::regprocedure AND t.tgparentid = 0 AND t.tgnargs = 2
$$;
COMMENT ON FUNCTION privseg.carried_subjects() IS
'the relations whose rows get their subject''s key through a foreign key, and to what that refers';

CREATE FUNCTION privseg.unprotect(relation regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entry privseg.protected_relations;
	children text;
	members regclass[];
	member regclass;
	policy_name name;
	analyzed name;
	undo privseg.protection_undo;
BEGIN
	IF unprotect.relation IS NULL THEN
		RAISE EXCEPTION 'the relation must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	LOCK TABLE privseg.protected_relations, privseg.consent_record IN SHARE ROW EXCLUSIVE MODE;
	SELECT r.* INTO entry FROM privseg.protected_relations r WHERE r.relation = unprotect.relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION '"%" is not protected', unprotect.relation
			USING ERRCODE = 'undefined_object',
				  HINT = 'The view privseg.protected_relation lists the protected relations.';
	END IF;
	SELECT string_agg(r.relation::text, ', ') INTO children FROM privseg.protected_relations r
	 WHERE r.subject_table = unprotect.relation AND r.relation <> unprotect.relation;
	IF children IS NOT NULL THEN
		RAISE EXCEPTION 'subject table "%" has relations that belong to its subjects', unprotect.relation
			USING ERRCODE = 'dependent_objects_still_exist',
				  DETAIL = children,
				  HINT = 'Unprotect those first.';
	END IF;
	members := privseg.lock_tree(unprotect.relation, false);
	children := privseg.encrypted_columns(members);
	IF children IS NOT NULL THEN
		RAISE EXCEPTION '"%" has encrypted columns', unprotect.relation
			USING ERRCODE = 'dependent_objects_still_exist', DETAIL = children, HINT = 'Call privseg.decrypt_column() first.';
	END IF;
	IF entry.subject_table = entry.relation THEN
		PERFORM privseg.forget_consent_set(unprotect.relation, NULL);
		PERFORM privseg.forget_keys(unprotect.relation);
	END IF;
	DELETE FROM privseg.protected_relations r WHERE r.relation = unprotect.relation;
	FOREACH member IN ARRAY members
	LOOP
		FOR policy_name IN SELECT p.polname FROM pg_policy p
			 WHERE p.polrelid = member AND p.polname IN ('privseg', 'privseg_library')
		LOOP
			EXECUTE format('DROP POLICY %I ON %s', policy_name, member);
		END LOOP;
		SELECT u.* INTO undo FROM privseg.protection_undo u
		 WHERE u.relation = unprotect.relation AND u.changed = member;
		-- a child that came later gets what its root had
		IF NOT FOUND THEN
			SELECT u.* INTO undo FROM privseg.protection_undo u
			 WHERE u.relation = unprotect.relation AND u.changed = unprotect.relation;
		END IF;
		IF undo.had_row_security IS NOT TRUE THEN
			EXECUTE format('ALTER TABLE ONLY %s DISABLE ROW LEVEL SECURITY', member);
		END IF;
		IF undo.had_force IS NOT TRUE THEN
			EXECUTE format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY', member);
		END IF;
		FOR analyzed IN SELECT a.attname FROM pg_attribute a
			 WHERE a.attrelid = member AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget = 0 AND NOT privseg.type_is_reviewed(a.atttypid)
		LOOP
			EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS -1', member, analyzed);
		END LOOP;
	END LOOP;
	FOR member IN
		SELECT t.tgrelid::regclass FROM pg_trigger t
		 WHERE t.tgrelid = ANY (members)
		   AND t.tgname = 'privseg_subject_moved' AND t.tgparentid = 0
	LOOP
		EXECUTE format('DROP TRIGGER privseg_subject_moved ON %s', member);
		IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = member AND t.tgname = 'privseg_subject_moved_before') THEN
			EXECUTE format('DROP TRIGGER privseg_subject_moved_before ON %s', member);
		END IF;
	END LOOP;
	DELETE FROM privseg.protection_undo u WHERE u.relation = unprotect.relation;
	FOR member IN SELECT DISTINCT s.relation FROM privseg.carried_subjects() s WHERE s.through = ANY (members) ORDER BY 1
	LOOP
		RAISE NOTICE '"%" gets its subjects from "%", which is no longer protected', member, unprotect.relation
			USING HINT = format('No row of "%s" can be written until "%s" is protected again, or the trigger privseg_subject_carried dropped.',
								member, unprotect.relation);
	END LOOP;
	IF EXISTS (SELECT FROM privseg.protected_columns c WHERE c.relation = unprotect.relation) THEN
		RAISE NOTICE 'columns of "%" stay classified', unprotect.relation
			USING HINT = 'privseg.classify() with category NULL takes a classification away.';
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.unprotect(regclass) IS
'take protection away and put row security back as it was; consent records stay';

CREATE FUNCTION privseg.carry_subject(relation regclass, foreign_key name, subject name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reference pg_catalog.pg_constraint;
	candidates int;
	parent privseg.protected_relations;
	from_column name;
	subject_type text;
	members regclass[];
	code text;
BEGIN
	IF carry_subject.relation IS NULL OR carry_subject.foreign_key IS NULL OR carry_subject.subject IS NULL THEN
		RAISE EXCEPTION 'relation, foreign key and subject column must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF carry_subject.subject = '' THEN
		RAISE EXCEPTION 'the name of the subject column must not be empty' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = carry_subject.relation AND c.relkind IN ('r', 'p') AND NOT c.relispartition
					AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'privseg'::regnamespace)) THEN
		RAISE EXCEPTION '"%" cannot carry a subject', carry_subject.relation
			USING ERRCODE = 'wrong_object_type',
				  DETAIL = 'Ordinary and partitioned tables can.';
	END IF;
	members := privseg.lock_tree(carry_subject.relation, true);
	IF privseg.has_plain_children(members) THEN
		RAISE EXCEPTION '"%" has inheritance children', carry_subject.relation
			USING ERRCODE = 'feature_not_supported', DETAIL = 'They have triggers of their own, and would not carry the subject.',
				  HINT = 'Make it a partitioned table, or take the children out of it.';
	END IF;
	IF EXISTS (SELECT FROM privseg.protected_relations r WHERE r.relation = carry_subject.relation) THEN
		RAISE EXCEPTION '"%" is already protected', carry_subject.relation
			USING ERRCODE = 'duplicate_object', HINT = 'Carry the subject before protecting the relation.';
	END IF;
	-- by the constraint's name, or by its one column
	SELECT count(*) INTO candidates FROM pg_constraint c
	  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
	 WHERE c.conrelid = carry_subject.relation AND c.contype = 'f' AND cardinality(c.conkey) = 1
	   AND (c.conname = carry_subject.foreign_key OR a.attname = carry_subject.foreign_key);
	IF candidates <> 1 THEN
		RAISE EXCEPTION '"%" of "%" is not one foreign key of one column', carry_subject.foreign_key, carry_subject.relation
			USING ERRCODE = 'undefined_object',
				  HINT = 'Name the foreign key constraint, or its column.';
	END IF;
	SELECT c.* INTO reference FROM pg_constraint c
	  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
	 WHERE c.conrelid = carry_subject.relation AND c.contype = 'f' AND cardinality(c.conkey) = 1
	   AND (c.conname = carry_subject.foreign_key OR a.attname = carry_subject.foreign_key);
	IF reference.condeferrable THEN
		RAISE EXCEPTION 'foreign key "%" is deferrable', reference.conname
			USING ERRCODE = 'feature_not_supported', DETAIL = 'The row it refers to may come later, and cannot tell the subject.',
				  HINT = 'ALTER CONSTRAINT ... NOT DEFERRABLE.';
	END IF;
	SELECT r.* INTO parent FROM privseg.protected_relations r WHERE r.relation = reference.confrelid;
	IF NOT FOUND THEN
		RAISE EXCEPTION '"%", which "%" refers to, is not protected', reference.confrelid::regclass, carry_subject.relation
			USING ERRCODE = 'wrong_object_type',
				  HINT = 'Protect it first: its rows must belong to a subject.';
	END IF;
	IF parent.also_about IS NOT NULL THEN
		RAISE EXCEPTION 'the subject of "%" cannot be carried', parent.relation
			USING ERRCODE = 'feature_not_supported', DETAIL = 'Its rows are also about others, who would not be asked.',
				  HINT = 'Give the relation a column for each of them, and protect it with also_about.';
	END IF;
	IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = carry_subject.relation
				AND a.attname = carry_subject.subject AND NOT a.attisdropped) THEN
		RAISE EXCEPTION 'column "%" of "%" already exists', carry_subject.subject, carry_subject.relation
			USING ERRCODE = 'duplicate_column';
	END IF;
	IF EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = carry_subject.relation AND t.tgname = 'privseg_subject_carried') THEN
		RAISE EXCEPTION '"%" carries a subject already', carry_subject.relation
			USING ERRCODE = 'duplicate_object', HINT = 'DROP TRIGGER privseg_subject_carried first, to carry another.';
	END IF;
	SELECT a.attname INTO from_column FROM pg_attribute a
	 WHERE a.attrelid = carry_subject.relation AND a.attnum = reference.conkey[1];
	SELECT format_type(a.atttypid, a.atttypmod)
		   || CASE WHEN a.attcollation <> 0
				   THEN (SELECT format(' COLLATE %I.%I', n.nspname, l.collname)
						   FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
						  WHERE l.oid = a.attcollation) ELSE '' END
	  INTO subject_type FROM pg_attribute a
	 WHERE a.attrelid = reference.confrelid AND a.attname = parent.subject_column;

	SELECT string_agg(c, ', ') INTO code FROM (
		SELECT u AS c FROM unnest(members) m, privseg.unreviewed_code(m) u
		UNION ALL
		SELECT format('trigger "%s"', t.tgname) FROM pg_trigger t
		 WHERE t.tgrelid = ANY (members) AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 16 <> 0) s;
	IF code IS NOT NULL THEN
		RAISE EXCEPTION '"%" has code that would see whose its rows are: %', carry_subject.relation, code
			USING ERRCODE = 'feature_not_supported',
				  DETAIL = 'Rows of everybody get their subject''s key at once, whoever permits what.',
				  HINT = 'Drop it, or disable triggers, until the relation is protected.';
	END IF;

	EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', carry_subject.relation, carry_subject.subject, subject_type);
	EXECUTE format('CREATE TRIGGER privseg_subject_carried BEFORE INSERT OR UPDATE ON %s FOR EACH ROW'
				   ' EXECUTE FUNCTION privseg.subject_carried(%L, %L)',
				   carry_subject.relation, from_column, carry_subject.subject);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER privseg_subject_carried', carry_subject.relation);
	IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = carry_subject.relation AND t.tgname = 'privseg_subject_carried' AND t.tgenabled = 'A') THEN
		RAISE EXCEPTION '"%" was given another name meanwhile', carry_subject.relation
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run the statement again.';
	END IF;
	PERFORM privseg.carry_subject_rows(carry_subject.relation, carry_subject.subject);
	EXECUTE format('CREATE INDEX ON %s (%I)', carry_subject.relation, carry_subject.subject);
END
$$;
COMMENT ON FUNCTION privseg.carry_subject(regclass, name, name) IS
'add a column with the subject''s key, fill it through a foreign key, and keep it true';

CREATE FUNCTION privseg.check_mask(relation regclass, column_name name, mask text) RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'privseg_check_mask';
COMMENT ON FUNCTION privseg.check_mask(regclass, name, text) IS 'is it an expression that may mask the column?';

-- Which column's mask is computed: made by C code only, so nobody else calls the functions.
CREATE TYPE privseg.mask_place;
CREATE FUNCTION privseg.mask_place_in(cstring) RETURNS privseg.mask_place
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_place_in';
COMMENT ON FUNCTION privseg.mask_place_in(cstring) IS 'input: refused';
CREATE FUNCTION privseg.mask_place_out(privseg.mask_place) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'mask_place_out';
COMMENT ON FUNCTION privseg.mask_place_out(privseg.mask_place) IS 'output: the column''s number';
CREATE TYPE privseg.mask_place (
	INPUT = privseg.mask_place_in, OUTPUT = privseg.mask_place_out, LIKE = pg_catalog.int8);
COMMENT ON TYPE privseg.mask_place IS 'whose mask is computed; nobody writes one';

CREATE FUNCTION privseg.masked(anyelement, privseg.mask_place) RETURNS anyelement
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'privseg_masked';
COMMENT ON FUNCTION privseg.masked(anyelement, privseg.mask_place) IS
'the mask of a value, where it may raise or depends on settings; added to statements';
CREATE FUNCTION privseg.masked_alone(anyelement, privseg.mask_place) RETURNS anyelement
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'privseg_masked';
COMMENT ON FUNCTION privseg.masked_alone(anyelement, privseg.mask_place) IS
'the same of a mask that cannot be computed beside parallel workers';

CREATE FUNCTION privseg.unchanged(anyelement, anyelement, anyelement, text) RETURNS anyelement
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'privseg_unchanged';
COMMENT ON FUNCTION privseg.unchanged(anyelement, anyelement, anyelement, text) IS
'written by who may not write: the stored value, where the new one is what was shown';

CREATE FUNCTION privseg.classify(relation regclass, column_name name, category text, mask text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF classify.relation IS NULL OR classify.column_name IS NULL THEN
		RAISE EXCEPTION 'relation and column must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF classify.category IS NOT NULL
	   AND NOT EXISTS (SELECT FROM privseg.protected_relations r WHERE r.relation = classify.relation) THEN
		RAISE EXCEPTION '"%" is not protected', classify.relation
			USING ERRCODE = 'wrong_object_type',
				  HINT = 'Protect the relation first, with privseg.protect().';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = classify.relation
					AND a.attname = classify.column_name AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE EXCEPTION 'column "%" of "%" does not exist', classify.column_name, classify.relation
			USING ERRCODE = 'undefined_column';
	END IF;
	IF classify.category IS NULL THEN
		EXECUTE format('SECURITY LABEL FOR privseg ON COLUMN %s.%I IS NULL', classify.relation, classify.column_name);
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM privseg.data_categories d WHERE d.name = classify.category) THEN
		RAISE EXCEPTION 'data category "%" does not exist', classify.category
			USING ERRCODE = 'undefined_object', HINT = 'Create it with privseg.create_data_category().';
	END IF;
	PERFORM privseg.check_mask(classify.relation, classify.column_name, classify.mask);
	IF privseg.telling_references(classify.relation, classify.column_name) IS NOT NULL THEN
		RAISE NOTICE 'foreign keys tell whose a value of column "%" of "%" is: %', classify.column_name, classify.relation,
			privseg.telling_references(classify.relation, classify.column_name)
			USING DETAIL = 'What becomes of a row that refers to it tells that to whoever may delete the one.', HINT = 'Drop them, or let nobody delete here who may not see the column.';
	END IF;
	EXECUTE format('SECURITY LABEL FOR privseg ON COLUMN %s.%I IS %L', classify.relation, classify.column_name,
				   classify.category);
	UPDATE privseg.protected_columns c SET mask = classify.mask
	 WHERE c.relation = classify.relation AND c.column_name = classify.column_name;
END
$$;
COMMENT ON FUNCTION privseg.classify(regclass, name, text, text) IS
'say which category of data a column holds; a NULL category takes the classification away';

GRANT EXECUTE ON FUNCTION
	privseg.protect(regclass, name, regclass, name, name, name[], text),
	privseg.unprotect(regclass),
	privseg.carry_subject(regclass, name, name),
	privseg.classify(regclass, name, text, text)
TO privseg_admin;
