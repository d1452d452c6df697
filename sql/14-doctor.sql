-- 14-doctor.sql: what privseg.check() finds beside protection: other libraries, settings
-- that record values, consent that waits, clearances

CREATE FUNCTION privseg.protected_tree() RETURNS TABLE(root regclass, member regclass)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE tree(root, relid) AS (
		SELECT r.relation, r.relation::oid FROM privseg.protected_relations r
		UNION
		SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.relid)
	SELECT t.root, t.relid::regclass FROM tree t
$$;
COMMENT ON FUNCTION privseg.protected_tree() IS 'the protected relations, each with itself and what is below it; for check()';

CREATE FUNCTION privseg.libraries_of(setting text) RETURNS TABLE(number bigint, library text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.n, regexp_replace(regexp_replace(btrim(u.name, E' \t\n"'''), '^.*/', ''), '\.so$', '')
	  FROM string_to_table($1, ',') WITH ORDINALITY u(name, n) WHERE btrim(u.name, E' \t\n"''') <> ''
$$;
COMMENT ON FUNCTION privseg.libraries_of(text) IS 'the names of a list of libraries, in order; for check()';

-- Whoever is named later is called first.  Before privseg, a planner of another library sees
-- the statement with the policy in it; after privseg, a logger sees what privseg runs itself.
CREATE FUNCTION privseg.findings_about_libraries(preloaded text) RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH known(library, place, verdict) AS (VALUES
		-- test/t/070_other_libraries.pl
		('auto_explain', 'any', NULL), ('pg_stat_statements', 'any', NULL),
		-- they neither plan nor run statements
		('auth_delay', 'any', NULL), ('basic_archive', 'any', NULL), ('passwordcheck', 'any', NULL), ('pg_prewarm', 'any', NULL),
		('pgaudit', 'after', NULL),
		('citus', 'first', 'hands statements to other servers, where no policy of this one is asked'),
		('timescaledb', 'before', 'plans tables of its own kind in ways of its own, and compresses them, which nobody has tried with privseg'),
		('anon', 'before', 'masks in ways of its own, which nobody has tried with privseg'),
		('pgsodium', 'before', 'encrypts in ways of its own, which nobody has tried with privseg'),
		('pg_duckdb', 'before', 'runs statements in an engine of its own, which asks no policy'),
		('pg_mooncake', 'before', 'runs statements in an engine of its own, which asks no policy'),
		('columnar', 'before', 'stores tables in ways of its own; such are not protected')
	), named AS (
		SELECT l.library, l.number, k.place, k.verdict, k.library IS NOT NULL AS is_known,
			   l.number > (SELECT min(p.number) FROM privseg.libraries_of($1) p WHERE p.library = 'privseg') AS after
		  FROM privseg.libraries_of($1) l LEFT JOIN known k ON k.library = l.library
		 WHERE l.library <> 'privseg'
	), odd AS (
		SELECT n.library, concat_ws(', and ',
				   CASE WHEN NOT n.is_known THEN 'nobody has tried it beside privseg' ELSE n.verdict END,
				   CASE WHEN n.place = 'first' AND n.number > 1 THEN 'it must be the first'
						WHEN n.place = 'after' AND NOT n.after THEN 'it is named before privseg, and does not see COPY of protected tables'
						WHEN (n.place = 'before' OR NOT n.is_known) AND n.after THEN 'it is named after privseg, so that it has statements before the policy is in them' END) AS message,
			   CASE WHEN n.place = 'first' THEN 'Name it first, privseg behind it, and test that readers see what they may.'
					WHEN n.place = 'after' THEN 'Name it after privseg in shared_preload_libraries.'
					ELSE 'Name it before privseg in shared_preload_libraries, and test that readers see what they may.' END AS hint
		  FROM named n
	)
	SELECT 'gap', 'server', 'library ' || o.library, o.message, o.hint FROM odd o WHERE o.message <> ''
	UNION ALL
	SELECT 'compliant', 'server', 'libraries', COALESCE('known to work beside privseg: ' || string_agg(n.library, ', ' ORDER BY n.number), 'no other library is preloaded'), NULL
	  FROM named n HAVING NOT EXISTS (SELECT FROM odd o WHERE o.message <> '')
$$;
COMMENT ON FUNCTION privseg.findings_about_libraries(text) IS 'what check() finds about a list of libraries that are preloaded';

-- As this session has it; where that is a role's, a database's or the session's own, as the
-- server's configuration has it, too; and as roles and databases have it.
CREATE FUNCTION privseg.settings_in_force() RETURNS TABLE(setting text, place text, value text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.name, '', s.setting FROM pg_settings s
	UNION ALL
	SELECT s.name, ' of the server', COALESCE(f.value, s.boot_val)
	  FROM pg_settings s
	  LEFT JOIN LATERAL (SELECT f.setting AS value FROM pg_file_settings f WHERE f.name = s.name AND f.applied ORDER BY f.seqno DESC LIMIT 1) f ON true
	 WHERE s.source IN ('database', 'user', 'database user', 'client', 'session')
	UNION ALL
	SELECT split_part(u.entry, '=', 1), concat(' of role ' || COALESCE(quote_ident(r.rolname), NULLIF(d.setrole, 0)::text), ' in database ' || quote_ident(b.datname)),
		   substr(u.entry, strpos(u.entry, '=') + 1)
	  FROM pg_db_role_setting d
	 CROSS JOIN LATERAL unnest(d.setconfig) u(entry)
	  LEFT JOIN pg_roles r ON r.oid = d.setrole
	  LEFT JOIN pg_database b ON b.oid = d.setdatabase
	 WHERE d.setdatabase = 0 OR b.datname = current_database()
$$;
COMMENT ON FUNCTION privseg.settings_in_force() IS 'settings, and as which roles and databases have them; for check()';

CREATE FUNCTION privseg.findings_about_settings() RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH rules(setting, harmless, message, with_parameters, hint) AS (VALUES
		('log_statement', '^none$', 'the log gets the text of statements, with every value that is written or compared in it', true, 'Set it to none.'),
		('log_min_duration_statement', '^-', 'the log gets the text of slow statements, with every value in it', true, 'Set it to -1, and use pg_stat_statements.'),
		('log_min_duration_sample', '^-', 'the log gets the text of some slow statements, with every value in it', true, 'Set it to -1, and use pg_stat_statements.'),
		('log_transaction_sample_rate', '^0*(\.0*)?$', 'the log gets the text of some statements, with every value in it', true, 'Set it to 0.'),
		('log_min_error_statement', '^(fatal|panic)$', 'the log gets the text of statements that fail, or about which anything else is logged, with every value in it', false, 'Set it to fatal.'),
		('log_parameter_max_length_on_error', '^0+[a-z]*$', 'the log gets the parameters of statements that fail', false, 'Set it to 0.'),
		('debug_print_parse', '^(o|of|off|f|fa|fal|fals|false|n|no|0)$', 'the log gets the trees of statements, with every value in them', false, 'Set it to off.'),
		('debug_print_rewritten', '^(o|of|off|f|fa|fal|fals|false|n|no|0)$', 'the log gets the trees of statements, with every value in them', false, 'Set it to off.'),
		('debug_print_plan', '^(o|of|off|f|fa|fal|fals|false|n|no|0)$', 'the log gets plans, with every value in them', false, 'Set it to off.'),
		('auto_explain.log_min_duration', '^-', 'the log gets the text and the plans of slow statements, with every value in them', false, 'Set it to -1.'),
		('auto_explain.log_parameter_max_length', '^0+[a-z]*$', 'the log gets the parameters of statements that auto_explain logs', false, 'Set it to 0.'),
		('pg_stat_statements.track_utility', '^(o|of|off|f|fa|fal|fals|false|n|no|0)$', 'pg_stat_statements keeps the text of CREATE TABLE AS, COPY, DECLARE and the like as it is, with every value in it', false, 'Set it to off.'),
		('pg_stat_monitor.pgsm_normalized_query', '^(on|t|tr|tru|true|y|ye|yes|1)$', 'pg_stat_monitor keeps the text of statements as it is, with every value in it', false, 'Set it to on.'),
		('pgaudit.log', '^(none)?$', 'the log gets the text of statements, with every value that is written or compared in it', false, 'Set pgaudit.log_statement to off.')
	), forced AS MATERIALIZED (
		SELECT * FROM privseg.settings_in_force()
	), kept AS (
		SELECT DISTINCT f.setting, f.place, f.value, r.with_parameters,
			   CASE WHEN f.setting = 'log_statement' AND lower(f.value) = 'ddl' THEN 'the log gets the text of CREATE TABLE AS, with every value that is compared in it' ELSE r.message END AS message, r.hint
		  FROM rules r JOIN forced f ON f.setting = r.setting
		 WHERE lower(f.value) COLLATE "C" !~ r.harmless
		   -- a parameter is a part of what auto_explain logs only where it logs
		   AND (r.setting <> 'auto_explain.log_parameter_max_length'
				OR EXISTS (SELECT FROM forced e WHERE e.setting = 'auto_explain.log_min_duration' AND e.value !~ '^-'))
		   AND (r.setting <> 'pgaudit.log' OR EXISTS (SELECT FROM forced e WHERE e.setting = 'pgaudit.log_statement' AND e.value <> 'off'))
	)
	SELECT 'gap', 'settings', k.setting || k.place,
		   format('is %s: %s%s', k.value, k.message,
				  CASE WHEN k.with_parameters AND EXISTS (SELECT FROM forced f WHERE f.setting = 'log_parameter_max_length' AND f.value !~ '^0+[a-zA-Z]*$') THEN ', and their parameters' END),
		   k.hint || CASE WHEN k.with_parameters THEN ' If it must be, have clients send values as parameters, and set log_parameter_max_length to 0.' ELSE '' END
	  FROM kept k
	 WHERE EXISTS (SELECT FROM privseg.protected_relations)
	UNION ALL
	SELECT 'violation', 'server', f.setting || f.place, 'names privseg, which is no way to load it', 'Name it in shared_preload_libraries only.'
	  FROM forced f
	 WHERE f.setting IN ('session_preload_libraries', 'local_preload_libraries')
	   AND EXISTS (SELECT FROM privseg.libraries_of(f.value) l WHERE l.library = 'privseg')
$$;
COMMENT ON FUNCTION privseg.findings_about_settings() IS
'what check() finds about settings by which values of statements on protected tables are written where no policy is';

CREATE FUNCTION privseg.launcher_runs() RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'launcher_runs';
COMMENT ON FUNCTION privseg.launcher_runs() IS 'is there somebody who starts fold workers? for check()';

-- A delta has no time.  It came with a record about its subjects, so it waits since their newest
-- record at least.  Each begins with the length of a subject's text, in the order of bytes of the
-- machine, and that text: src/consent_dirty.c.
CREATE FUNCTION privseg.findings_about_folding(patience interval) RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH first_deltas AS MATERIALIZED (
		SELECT d.domain, substr(d.subjects, 5, CASE WHEN d.little > 0 THEN d.little ELSE d.big END) AS subject
		  FROM (SELECT f.domain, f.subjects, get_byte(f.subjects, 0) + 256 * get_byte(f.subjects, 1) AS little, get_byte(f.subjects, 3) + 256 * get_byte(f.subjects, 2) AS big
				  FROM (SELECT * FROM privseg.consent_delta LIMIT 200) f WHERE length(f.subjects) > 4) d
	), waiting AS (
		SELECT f.domain, (SELECT max(r.recorded_at) FROM privseg.consent_record r
						   WHERE r.subject_table = f.domain AND r.subject = convert_from(f.subject, getdatabaseencoding())) AS recorded
		  FROM first_deltas f
	)
	SELECT 'gap', 'consent', w.domain::regclass::text,
		   format('changes of consent have not been folded for %s minutes or more; decisions are right but slow', floor(extract(epoch FROM now() - min(w.recorded)) / 60)),
		   'Call privseg.fold_consent(). See the server''s log for why the fold worker does not.'
	  FROM waiting w WHERE w.recorded < now() - $1 GROUP BY w.domain
	UNION ALL
	SELECT 'gap', 'consent', a.domain::regclass::text,
		   format('what has expired or come into effect has not been folded for %s minutes; decisions are right but slow', floor(extract(epoch FROM now() - min(a.due)) / 60)),
		   'Call privseg.fold_consent(). See the server''s log for why the fold worker does not.'
	  FROM privseg.consent_agenda a WHERE a.due < now() - $1 GROUP BY a.domain
	UNION ALL
	SELECT 'gap', 'consent', 'fold worker', 'is switched off: privseg.fold_delay is -1', 'Set it to 200, or call privseg.fold_consent() every few minutes.'
	 WHERE current_setting('privseg.fold_delay') = '-1' AND NOT pg_is_in_recovery()
	UNION ALL
	SELECT 'gap', 'consent', 'fold worker', 'its launcher does not run', 'Restart the server, and see its log.'
	 WHERE NOT pg_is_in_recovery() AND NOT privseg.launcher_runs()
$$;
COMMENT ON FUNCTION privseg.findings_about_folding(interval) IS 'what check() finds about changes of consent that are not in the sets yet';

-- a version is of its first language, as in src/catalog_purpose.c
CREATE FUNCTION privseg.findings_about_notices() RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH versions AS (
		SELECT n.name, n.version, min(n.id) AS id, bool_or(n.material) AS material FROM privseg.notices n GROUP BY n.name, n.version
	), overtaken AS (
		SELECT v.name || '/' || v.version AS notice FROM versions v
		 WHERE EXISTS (SELECT FROM versions m WHERE m.name = v.name AND m.material AND m.id > v.id)
	)
	SELECT 'gap', 'consent', format('%s, purpose %s', r.subject_table, r.purpose),
		   format('consents that a newer material version of their notice has stopped: %s', count(*)),
		   'Show these people the newest version, and record consent as renewed when they agree.'
	  FROM privseg.consent_record r
	 WHERE r.notice IN (SELECT o.notice FROM overtaken o) AND r.kind = 'consent' AND r.status IN ('given', 'renewed')
	   AND r.subject_table <> 0 AND r.effective_at <= now() AND (r.expires_at IS NULL OR r.expires_at > now())
	   AND EXISTS (SELECT FROM privseg.purposes p WHERE p.name = r.purpose AND p.legal_basis = 'consent')
	   AND NOT EXISTS (
		SELECT FROM privseg.consent_record l
		 WHERE l.subject_table = r.subject_table AND l.subject = r.subject AND (l.purpose = r.purpose OR l.purpose IS NULL)
		   AND l.kind IN ('consent', 'objection', 'withdrawal') AND l.status NOT IN ('requested', 'request_deferred', 'unknown')
		   AND l.effective_at <= now() AND (l.effective_at, l.id) > (r.effective_at, r.id))
	 GROUP BY r.subject_table, r.purpose
$$;
COMMENT ON FUNCTION privseg.findings_about_notices() IS 'what check() finds about consents under notices that are outdated';

-- Roles that are shown groups only under a purpose, of rows or of a category: by what they and those
-- whose privileges they have are cleared for.  A clearance covers the categories below, but no
-- special one: src/catalog_clearance.c.
CREATE FUNCTION privseg.shown_groups_only() RETURNS TABLE(role oid, purpose text, categories text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE holders(role, grantee) AS (
		-- as pg_has_role() does, which is slow where roles and clearances are many
		SELECT c.grantee::oid, c.grantee FROM privseg.clearances c
		UNION
		SELECT m.member, h.grantee FROM holders h JOIN pg_auth_members m ON m.roleid = h.role JOIN pg_roles r ON r.oid = m.member AND r.rolinherit
	), held AS MATERIALIZED (
		SELECT h.role, c.purpose, c.category, c.uses
		  FROM holders h JOIN privseg.clearances c ON c.grantee = h.grantee
		  -- a superuser has everybody's privileges
		  JOIN pg_roles r ON r.oid = h.role AND NOT r.rolsuper
	)
	SELECT h.role, h.purpose, string_agg(DISTINCT h.category, ', ' ORDER BY h.category)
	  FROM held h
	 WHERE 'aggregate' = ANY (h.uses)
	   AND NOT EXISTS (
		SELECT FROM held o
		 WHERE o.role = h.role AND o.purpose = h.purpose
		   AND CASE WHEN h.category IS NULL THEN o.category IS NULL AND o.uses = '{}'
					ELSE 'project' = ANY (o.uses)
						 AND (o.category = h.category
							  OR starts_with(h.category, o.category || '.')
								 AND NOT EXISTS (SELECT FROM privseg.data_categories d WHERE d.name = h.category AND d.sensitivity = 'special')) END)
	 GROUP BY h.role, h.purpose
$$;
COMMENT ON FUNCTION privseg.shown_groups_only() IS 'roles that are shown groups only, under which purpose, and of which categories, or NULL: of rows; for check()';

CREATE FUNCTION privseg.findings_about_clearances() RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'violation', 'clearance', c.grantee::text, 'the role of this clearance does not exist', 'Call privseg.revoke_clearance().'
	  FROM privseg.clearances c WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = c.grantee)
	UNION ALL
	SELECT 'violation', 'clearance', c.grantee::text, format('there is no purpose "%s"', c.purpose), 'Call privseg.revoke_clearance().'
	  FROM privseg.clearances c WHERE NOT EXISTS (SELECT FROM privseg.purposes p WHERE p.name = c.purpose)
	UNION ALL
	SELECT 'violation', 'clearance', c.grantee::text,
		   format('is cleared for category "%s", which is special, under purpose "%s", which has no basis for such', c.category, c.purpose),
		   'Call privseg.revoke_clearance(), and grant it under a purpose with a special_category_basis.'
	  FROM privseg.clearances c
	  JOIN privseg.data_categories d ON d.name = c.category AND d.sensitivity = 'special'
	  JOIN privseg.purposes p ON p.name = c.purpose AND p.special_category_basis IS NULL
	UNION ALL
	SELECT 'gap', 'clearance', 'purpose ' || p.name, 'nobody may act under it', 'Call privseg.grant_clearance(), or privseg.drop_purpose().'
	  FROM privseg.purposes p
	 WHERE NOT EXISTS (SELECT FROM privseg.clearances c JOIN pg_roles r ON r.oid = c.grantee
						WHERE c.purpose = p.name AND c.category IS NULL AND c.uses <> '{collect}')
	UNION ALL
	SELECT 'gap', 'clearance', r.rolname::text, 'it may give itself, and anybody, every role that is cleared: it has CREATEROLE',
		   'Have superusers make roles, or clear nobody whom it may not be.'
	  FROM pg_roles r WHERE r.rolcreaterole AND NOT r.rolsuper AND EXISTS (SELECT FROM privseg.clearances)
	UNION ALL
	SELECT 'gap', 'clearance', r.rolname::text, concat_ws(', and ', CASE WHEN r.rolbypassrls THEN 'reads rows of everybody under row_security = off' END,
			CASE WHEN r.rolreplication THEN 'may copy the whole cluster: it has REPLICATION' END),
		   'Keep such roles for dumps, migrations and standbys.'
	  FROM pg_roles r WHERE (r.rolbypassrls OR r.rolreplication) AND NOT r.rolsuper AND EXISTS (SELECT FROM privseg.protected_relations)
	UNION ALL
	SELECT 'gap', 'clearance', r.rolname::text, 'may read the file of the root key, and those of all tables: it is a member of ' || m.names,
		   'Keep such membership for maintenance, and have the root key come from privseg.root_key_command.'
	  FROM pg_roles r, LATERAL (
			SELECT string_agg(f.name, ', ' ORDER BY f.name) AS names
			  FROM unnest('{pg_execute_server_program,pg_read_server_files,pg_write_server_files}'::name[]) f(name)
			 WHERE pg_has_role(r.oid, f.name, 'MEMBER')) m
	 WHERE m.names IS NOT NULL AND NOT r.rolsuper AND r.rolname !~ '^pg_' AND EXISTS (SELECT FROM privseg.protected_relations)
	UNION ALL
	SELECT 'gap', 'clearance', r.rolname::text,
		   format('is shown groups only under purpose "%s"%s, and may change rows of %s: who asks before and after learns of single people',
				  g.purpose, ', of ' || g.categories, t.changed),
		   'Revoke its privileges to write, or its clearance, and use another role for one of them.'
	  FROM privseg.shown_groups_only() g JOIN pg_roles r ON r.oid = g.role
	 CROSS JOIN LATERAL (
			SELECT string_agg(DISTINCT p.root::text COLLATE "C", ', ') AS changed
			  FROM privseg.protected_tree() p JOIN pg_class c ON c.oid = p.member
			 WHERE pg_has_role(g.role, c.relowner, 'USAGE') OR has_any_column_privilege(g.role, c.oid, 'INSERT, UPDATE')
				OR has_table_privilege(g.role, c.oid, 'DELETE')) t
	 WHERE t.changed IS NOT NULL
	UNION ALL
	SELECT 'gap', 'clearance', r.rolname::text,
		   format('is shown groups only under purpose "%s"%s, and may record what people decide: who asks before and after learns of single people',
				  g.purpose, ', of ' || g.categories),
		   'Use another role for one of them.'
	  FROM privseg.shown_groups_only() g JOIN pg_roles r ON r.oid = g.role
	 WHERE pg_has_role(g.role, 'privseg_steward', 'USAGE')
		OR EXISTS (SELECT FROM privseg.clearances c
					WHERE c.purpose = g.purpose AND 'collect' = ANY (c.uses) AND EXISTS (SELECT FROM pg_roles o WHERE o.oid = c.grantee AND pg_has_role(g.role, o.oid, 'USAGE')))
	UNION ALL
	-- 10: whom initdb made
	SELECT 'gap', 'clearance', r.rolname::text, 'is a superuser beside the first: it reads rows of everybody under row_security = off, and what the server''s memory holds',
		   'Have people work under roles of their own, and one superuser for maintenance.'
	  FROM pg_roles r WHERE r.rolsuper AND r.oid <> 10 AND EXISTS (SELECT FROM privseg.protected_relations)
$$;
COMMENT ON FUNCTION privseg.findings_about_clearances() IS 'what check() finds about clearances, and about roles that need none';

-- what comes out of classified columns under another class, or under none
CREATE FUNCTION privseg.findings_about_classes() RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH classified AS MATERIALIZED (
		SELECT c.relation, c.column_name, c.category, array_position('{personal,sensitive,special,criminal_offence}', d.sensitivity) AS height, d.protected_attribute
		  FROM privseg.protected_columns c JOIN privseg.data_categories d ON d.name = c.category
	)
	SELECT 'gap', 'classification', format('%s.%s', l.relation, l.column_name),
		   format('it is classified lower than what it is generated from: %s', string_agg(format('%s (%s)', h.column_name, h.category), ', ' ORDER BY h.column_name)),
		   'If that is not meant, call privseg.classify() with category NULL: it then has the category of what it is made of.'
	  FROM classified l
	 CROSS JOIN LATERAL privseg.generated_from(l.relation) g
	  JOIN classified h ON h.relation = l.relation AND h.column_name = g.source
	 WHERE g.column_name = l.column_name AND l.category <> h.category
	   AND (l.height < h.height OR (h.protected_attribute AND NOT l.protected_attribute))
	 GROUP BY l.relation, l.column_name
	UNION ALL
	SELECT 'gap', 'classification', format('%s.%s', g.member, g.column_name),
		   format('it is generated from %s, and in %s it is not: it tells values under another class', g.source, r.relation),
		   format('Drop it, or generate it in %s.', r.relation)
	  FROM privseg.protected_relations r CROSS JOIN LATERAL privseg.generated_apart(r.relation) g
	UNION ALL
	-- a superuser's function is what a superuser has made it
	SELECT 'gap', 'classification', t.member::text, 'triggers that run code of a user are handed rows with classified columns: ' || string_agg(format('"%s"', g.tgname), ', ' ORDER BY g.tgname),
		   'Read their functions and have a superuser own them, encrypt the columns, or drop the triggers.'
	  FROM privseg.protected_tree() t
	  JOIN pg_trigger g ON g.tgrelid = t.member
	  JOIN pg_proc f ON f.oid = g.tgfoid AND f.pronamespace <> 'privseg'::regnamespace
	  JOIN pg_roles o ON o.oid = f.proowner AND NOT o.rolsuper
	 WHERE NOT g.tgisinternal AND g.tgparentid = 0
	   AND ((g.tgtype::int & 1) = 1 OR g.tgoldtable IS NOT NULL OR g.tgnewtable IS NOT NULL)
	   AND EXISTS (SELECT FROM privseg.protected_columns c
					 JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name
					 JOIN pg_type y ON y.oid = a.atttypid
					WHERE c.relation = t.root AND NOT (y.typnamespace = 'privseg'::regnamespace AND y.typname LIKE 'encrypted\_%'))
	 GROUP BY t.member
	UNION ALL
	SELECT 'gap', 'classification', format('%s.%s', c.relation, c.column_name), 'checks that run code of a user are handed its values: ' || privseg.type_checked_by(a.atttypid),
		   'Read them, and have a superuser own what they call, or drop the checks.'
	  FROM privseg.protected_columns c
	  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = c.column_name
	 WHERE privseg.type_checked_by(a.atttypid) IS NOT NULL
	UNION ALL
	SELECT 'gap', 'classification', t.member::text, 'whoever may change what they refer to changes classified columns by foreign keys with an action: ' || string_agg(format('"%s"', f.conname), ', ' ORDER BY f.conname),
		   'Make them NO ACTION, or let nobody change there who may not write here.'
	  FROM privseg.protected_tree() t
	  JOIN pg_constraint f ON f.conrelid = t.member AND f.contype = 'f' AND f.conparentid = 0
	 WHERE (f.confupdtype IN ('c', 'n', 'd') OR f.confdeltype IN ('n', 'd'))
	   AND EXISTS (SELECT FROM pg_attribute a JOIN privseg.protected_columns c ON c.relation = t.root AND c.column_name = a.attname
					WHERE a.attrelid = t.member AND a.attnum = ANY (f.conkey))
	 GROUP BY t.member
	UNION ALL
	SELECT 'gap', 'classification', format('%s.%s', c.relation, c.column_name), 'whoever may delete its rows learns whose a value is by foreign keys to it: ' || privseg.telling_references(c.relation, c.column_name),
		   'Drop them, or let nobody delete here who may not see the column.'
	  FROM privseg.protected_columns c
	 WHERE privseg.telling_references(c.relation, c.column_name) IS NOT NULL
	UNION ALL
	SELECT 'gap', 'classification', t.member::text, 'it is partitioned by classified columns, so that what names a partition tells of them, also core''s errors and log messages, to whoever may not see them: ' || string_agg(format('"%s"', p), ', ' ORDER BY p),
		   'Partition by another column, or let names and bounds of partitions say nothing of single values.'
	  FROM privseg.protected_tree() t
	 CROSS JOIN LATERAL privseg.partition_columns(t.member) p
	  JOIN privseg.protected_columns c ON c.relation = t.root AND c.column_name = p
	 GROUP BY t.member
	UNION ALL
	-- what all of the tree is checked for tells nothing of a part of it
	SELECT 'gap', 'classification', t.member::text, 'that a row is in it, which its name and tableoid tell, says what it has in classified columns, by checks: ' || string_agg(format('"%s"', k.conname), ', ' ORDER BY k.conname),
		   format('Drop them, or have them in %s.', t.root)
	  FROM privseg.protected_tree() t
	  JOIN pg_constraint k ON k.conrelid = t.member AND k.contype = 'c' AND k.coninhcount = 0
	 WHERE t.member <> t.root
	   AND EXISTS (SELECT FROM pg_attribute a JOIN privseg.protected_columns c ON c.relation = t.root AND c.column_name = a.attname
					WHERE a.attrelid = t.member AND a.attnum = ANY (k.conkey))
	 GROUP BY t.member, t.root
$$;
COMMENT ON FUNCTION privseg.findings_about_classes() IS 'what check() finds about values of classified columns that are told in other ways';
