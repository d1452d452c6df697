-- 08-check.sql: the doctor: what is compliant, violated, or a gap

CREATE FUNCTION privseg.root_key_status(OUT available boolean, OUT problem text, OUT fingerprint text, OUT remedy text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'privseg_root_key_status';
COMMENT ON FUNCTION privseg.root_key_status() IS 'is there a root key, why not, its fingerprint, and what to do';

CREATE FUNCTION privseg.check() RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off -- compiling it takes hundreds of times as long as running it
AS $$
	WITH RECURSIVE tree(root, member) AS MATERIALIZED (
		SELECT p.root, p.member FROM privseg.protected_tree() p
	), over(relid, source) AS (
		-- views over them, and over these
		SELECT member::oid, member FROM tree
		UNION
		SELECT w.ev_class, o.source FROM over o
		  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.relid AND d.classid = 'pg_rewrite'::regclass
		  JOIN pg_rewrite w ON w.oid = d.objid
	), findings(rank, status, area, object, message, hint) AS (
		SELECT 1, CASE WHEN current_setting('server_version_num')::int < 150019 THEN 'violation' ELSE 'compliant' END,
			   'server', 'version ' || current_setting('server_version'),
			   CASE WHEN current_setting('server_version_num')::int < 150019
					THEN 'row security of this minor release has known holes' ELSE 'row security is current' END,
			   CASE WHEN current_setting('server_version_num')::int < 150019 THEN 'Upgrade to 15.19 or newer.' END
		UNION ALL
		SELECT 1, f.* FROM privseg.findings_about_libraries(current_setting('shared_preload_libraries')) f
		UNION ALL
		SELECT 1, f.* FROM privseg.findings_about_settings() f
		UNION ALL
		SELECT 2, CASE WHEN k.available THEN 'compliant' WHEN EXISTS (SELECT FROM privseg.keys) THEN 'violation' ELSE 'gap' END, 'keys', 'root key',
			   CASE WHEN k.available THEN 'loaded, fingerprint ' || k.fingerprint ELSE k.problem END,
			   CASE WHEN NOT k.available THEN 'Receipts and encrypted columns need it. ' || k.remedy END
		  FROM privseg.root_key_status() k
		UNION ALL
		-- while there is a next key, these may be under it, or wait for it
		SELECT 2, CASE WHEN n.is_set THEN 'gap' ELSE 'violation' END, 'keys', 'root key',
			   format('%s of this database are under another root key, fingerprint %s',
					  CASE WHEN count(*) = (SELECT count(*) FROM privseg.keys) THEN 'the keys' ELSE 'some keys' END, e.root_key),
			   CASE WHEN n.is_set THEN 'When every standby has followed privseg.rotate_root_key(), make it privseg.root_key_file or privseg.root_key_command.'
					ELSE 'Nothing under it is opened: make it privseg.root_key_file or privseg.root_key_command.' END
		  FROM privseg.keys e, privseg.root_key_status() k,
			   (SELECT current_setting('privseg.next_root_key_file') <> '' OR current_setting('privseg.next_root_key_command') <> '' AS is_set) n
		 WHERE k.available AND e.root_key IS DISTINCT FROM k.fingerprint
		 GROUP BY e.root_key, n.is_set
		UNION ALL
		SELECT 2, 'gap', 'keys', 'epoch', format('pages of keys under a key of an older epoch: %s', count(*)), 'Call privseg.rotate_epoch().'
		  FROM privseg.subject_keys p WHERE p.epoch < (SELECT max(n.number) FROM privseg.keys n WHERE n.kind = 'e') HAVING count(*) > 0
		UNION ALL
		SELECT DISTINCT 3, 'violation', 'encryption', t.member::text, 'nothing binds the values of its encrypted columns to their subjects',
			   'Call privseg.decrypt_column() and privseg.encrypt_column().'
		  FROM tree t JOIN pg_attribute a ON a.attrelid = t.member AND a.attnum > 0 AND NOT a.attisdropped
		  JOIN pg_type y ON y.oid = a.atttypid AND y.typnamespace = 'privseg'::regnamespace AND y.typname LIKE 'encrypted\_%'
		 WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.member AND g.tgfoid = 'privseg.encrypted_row()'::regprocedure AND g.tgenabled = 'A')
		UNION ALL
		SELECT 3, CASE WHEN bool_and(s.secured) THEN 'compliant' ELSE 'violation' END,
			   'protection', r.root::text,
			   CASE WHEN bool_and(s.secured) THEN 'row security is enabled and forced'
					ELSE 'row security, a stored policy or a trigger of protection is missing, or another, on: '
						 || string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid::regclass::text COLLATE "C") FILTER (WHERE NOT s.secured) END,
			   CASE WHEN NOT bool_and(s.secured) THEN 'privseg.unprotect() and protect() the relation anew.' END
		  FROM tree r
		  JOIN pg_class c ON c.oid = r.member
		  CROSS JOIN LATERAL (
			SELECT c.relrowsecurity AND c.relforcerowsecurity AND privseg.policy_is_own(c.oid, 'privseg') AND privseg.policy_is_own(c.oid, 'privseg_library')
				   -- after update, for each row; before it, where rows change their partition
				   AND (SELECT count(*) FILTER (WHERE g.tgname = 'privseg_subject_moved' AND g.tgtype = 17 AND g.tgqual IS NOT NULL) = 1
							   AND count(*) FILTER (WHERE g.tgname = 'privseg_subject_moved_before' AND g.tgtype = 19 AND g.tgqual IS NULL) = (c.relkind = 'p' OR c.relispartition)::int
						  FROM pg_trigger g
						 WHERE g.tgrelid = c.oid AND g.tgenabled = 'A' AND g.tgfoid = 'privseg.subject_moved()'::regprocedure) AS secured) s
		 GROUP BY r.root
		UNION ALL
		SELECT 3, 'gap', 'protection', t.member::text,
			   'runs code that is not known to be silent over rows of everybody: ' || string_agg(u, ', ' ORDER BY u COLLATE "C"),
			   'Let nobody change it who may not see the rows.'
		  FROM tree t, privseg.unreviewed_code(t.member) u
		 GROUP BY t.member
		UNION ALL
		SELECT 3, 'violation', 'protection', t.member::text,
			   'ANALYZE, and autovacuum, hand values of everybody to code of a user, which these columns'' types bring along: ' || string_agg(format('"%s"', a), ', ' ORDER BY a COLLATE "C"),
			   'ALTER TABLE ... ALTER COLUMN ... SET STATISTICS 0.'
		  FROM tree t, privseg.analyzed_by_code(t.member) a
		 GROUP BY t.member
		UNION ALL
		SELECT 3, 'violation', 'protection', t.member::text,
			   'ANALYZE, and autovacuum, hand values of everybody to code of a user, which the types of expressions bring along: ' || string_agg(a, ', ' ORDER BY a COLLATE "C"),
			   'Drop them.'
		  FROM tree t, privseg.expressions_analyzed_by_code(t.member) a
		 GROUP BY t.member
		UNION ALL
		SELECT 3, 'gap', 'protection', t.member::text, 'whoever writes to it is told about values of hidden rows by: ' || string_agg(i, ', ' ORDER BY i COLLATE "C"),
			   'Drop these indexes, or let nobody write here who may not see the rows.'
		  FROM tree t, privseg.telling_indexes(t.member) i
		 GROUP BY t.member
		UNION ALL
		SELECT 3, 'gap', 'protection', t.member::text, 'is published, with the rows of everybody: ' || string_agg(p.pubname, ', ' ORDER BY p.pubname),
			   'Subscribers need a protection of their own.'
		  FROM tree t JOIN pg_class c ON c.oid = t.member
		  JOIN pg_namespace n ON n.oid = c.relnamespace
		  JOIN pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = c.relname
		 GROUP BY t.member
		UNION ALL
		SELECT 3, 'gap', 'protection', m.oid::regclass::text, 'is a materialized view with rows of ' || string_agg(DISTINCT o.source::text COLLATE "C", ', ') || ', whoever permits what now',
			   'Drop it, or let nobody read it who may not see the rows of everybody.'
		  FROM over o JOIN pg_class m ON m.oid = o.relid AND m.relkind = 'm'
		 GROUP BY m.oid
		UNION ALL
		SELECT 3, 'gap', 'protection', v.oid::regclass::text,
			   format('is a view over %s that belongs to %s, %s: other policies and privileges of the tables below are its owner''s, not the reader''s',
					  string_agg(DISTINCT o.source::text COLLATE "C", ', '), quote_ident(r.rolname), CASE WHEN r.rolsuper THEN 'a superuser' ELSE 'who has BYPASSRLS' END),
			   'ALTER VIEW ... SET (security_invoker = true), or OWNER TO a role that may not bypass row security.'
		  FROM over o JOIN pg_class v ON v.oid = o.relid AND v.relkind = 'v' JOIN pg_roles r ON r.oid = v.relowner
		 WHERE (r.rolsuper OR r.rolbypassrls)
		   AND NOT EXISTS (SELECT FROM pg_options_to_table(v.reloptions) p WHERE p.option_name = 'security_invoker' AND p.option_value::boolean)
		 GROUP BY v.oid, r.rolname, r.rolsuper
		UNION ALL
		SELECT 3, 'gap', 'protection', f.conrelid::regclass::text, 'is not protected, and its foreign key refers to rows of ' || string_agg(DISTINCT f.confrelid::regclass::text COLLATE "C", ', '),
			   'If its rows are about these people, call privseg.protect(), or carry_subject() before.'
		  FROM pg_constraint f
		 WHERE f.contype = 'f' AND f.conparentid = 0
		   AND f.confrelid IN (SELECT member FROM tree) AND f.conrelid NOT IN (SELECT member FROM tree)
		 GROUP BY f.conrelid
		UNION ALL
		SELECT 4, 'violation', 'protection', r.relation::text, 'its subject table no longer exists or is no longer protected',
			   'Unprotect it, and protect it under its present subject table.'
		  FROM privseg.protected_relations r
		 WHERE NOT EXISTS (SELECT FROM privseg.protected_relations d
							WHERE d.relation = r.subject_table AND d.subject_table = d.relation)
		UNION ALL
		SELECT 4, 'violation', 'protection', s.relation::text, format('it gets its subjects from %s, which is not protected: no row of it can be written', s.through),
			   format('Protect %s, or drop the trigger privseg_subject_carried.', s.through)
		  FROM privseg.carried_subjects() s WHERE s.through NOT IN (SELECT member FROM tree)
		UNION ALL
		-- as a dump of a table without the extension's own leaves it
		SELECT 4, 'violation', 'protection', p.polrelid::regclass::text, 'it has the policy of a protected relation, but is not protected',
			   'Protect it with privseg.protect(), or DROP POLICY privseg and privseg_library.'
		  FROM pg_policy p JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
		 WHERE p.polname = 'privseg' AND d.refclassid = 'pg_proc'::regclass
		   AND d.refobjid = 'privseg.library_is_preloaded()'::regprocedure
		   AND NOT EXISTS (SELECT FROM tree WHERE member = p.polrelid)
		UNION ALL
		SELECT 5, 'violation', 'protection', r.relation::text, 'there is no unique index on its subject column',
			   format('CREATE UNIQUE INDEX ON %s (%I).', r.relation, r.subject_column)
		  FROM privseg.protected_relations r
		 WHERE r.relation = r.subject_table
		   AND NOT EXISTS (
			SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			 WHERE i.indrelid = r.relation AND i.indisunique AND i.indimmediate AND i.indisvalid
			   AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL AND a.attname = r.subject_column)
		UNION ALL
		SELECT 6, CASE WHEN c.category IS NULL AND p.relation IS NULL THEN 'gap' ELSE 'violation' END, 'classification',
			   format('%s.%s', COALESCE(c.relation, l.objoid::regclass), COALESCE(c.column_name, l.attname)),
			   CASE WHEN l.label IS NULL THEN 'its security label is missing'
					WHEN c.category IS NOT NULL THEN 'the security label and its copy differ'
					WHEN p.relation IS NULL THEN 'it is classified, but its relation is not protected'
					ELSE 'it has a security label that privseg does not know' END,
			   CASE WHEN c.category IS NULL AND p.relation IS NULL
					THEN 'Call privseg.protect(), or privseg.classify() with category NULL.'
					ELSE 'Call privseg.classify(); a restore without security labels loses them.' END
		  FROM privseg.protected_columns c
		  FULL JOIN (SELECT s.objoid, a.attname, s.label FROM pg_seclabel s
					   JOIN pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid
					  WHERE s.provider = 'privseg' AND s.classoid = 'pg_class'::regclass) l
			ON l.objoid = c.relation AND l.attname = c.column_name
		  LEFT JOIN privseg.protected_relations p ON p.relation = COALESCE(c.relation, l.objoid::regclass)
		 WHERE c.category IS DISTINCT FROM l.label
		UNION ALL
		SELECT 6, 'violation', 'classification', format('%s.%s', c.relation, c.column_name), format('there is no data category "%s"', c.category),
			   'Call privseg.create_data_category(), or privseg.classify() with one that exists.'
		  FROM privseg.protected_columns c WHERE NOT EXISTS (SELECT FROM privseg.data_categories d WHERE d.name = c.category)
		UNION ALL
		SELECT 7, 'gap', 'classification', r.relation::text,
			   'columns that are not classified: ' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), 'Call privseg.classify() for each.'
		  FROM privseg.protected_relations r
		  JOIN pg_attribute a ON a.attrelid = r.relation AND a.attnum > 0 AND NOT a.attisdropped
		 WHERE a.attname <> r.subject_column
		   AND NOT EXISTS (SELECT FROM privseg.protected_columns c WHERE c.relation = r.relation AND c.column_name = a.attname)
		 GROUP BY r.relation
		UNION ALL
		SELECT 7, f.* FROM privseg.findings_about_columns() f
		UNION ALL
		SELECT 7, f.* FROM privseg.findings_about_classes() f
		UNION ALL
		SELECT 8, f.* FROM privseg.findings_about_clearances() f
		UNION ALL
		SELECT 10, 'gap', 'transparency', 'purpose ' || p.name, 'it rests on consent, but no privacy notice names it',
			   'Publish one with privseg.publish_notice().'
		  FROM privseg.purposes p
		 WHERE p.legal_basis = 'consent'
		   AND NOT EXISTS (SELECT FROM privseg.notices n WHERE p.name = ANY (n.purposes))
		UNION ALL
		SELECT 11, 'gap', 'consent', format('%s, purpose %s', r.relation, p.name),
			   'its consent set is not built; decisions are right but slow', 'Call privseg.fold_consent().'
		  FROM privseg.protected_relations r CROSS JOIN privseg.purposes p
		 WHERE r.relation = r.subject_table
		   AND (NOT EXISTS (SELECT FROM privseg.consent_set s WHERE s.domain = r.relation AND s.purpose = p.id)
				OR p.special_category_basis = 'explicit_consent'
				AND NOT EXISTS (SELECT FROM privseg.consent_set s WHERE s.domain = r.relation AND s.purpose = -p.id))
		UNION ALL
		SELECT 12, 'gap', 'consent', 'consent_record', format('%s records belong to a table that was dropped', count(*)),
			   'They are evidence, and permit nothing.'
		  FROM privseg.consent_record r WHERE r.subject_table = 0 HAVING count(*) > 0
		UNION ALL
		SELECT 12, 'violation', 'consent', 'consent_record_id_seq', 'somebody has set the sequence of consent records back',
			   format('New records will fail: SELECT setval(''privseg.consent_record_id_seq'', %s).', m.newest)
		  FROM (SELECT max(r.id) AS newest FROM privseg.consent_record r) m, privseg.consent_record_id_seq q
		 WHERE q.last_value < m.newest
		UNION ALL
		SELECT 13, f.* FROM privseg.findings_about_folding(interval '5 minutes' + current_setting('privseg.fold_delay')::interval) f
		UNION ALL
		SELECT 13, f.* FROM privseg.findings_about_notices() f
		UNION ALL
		SELECT 13, 'gap', 'consent', format('%s, purpose %s', r.subject_table, r.purpose),
			   format('consents that name no notice, and that no material notice overtakes: %s', count(*)),
			   'Name the notice that people were shown when you record consent.'
		  FROM privseg.consent_record r
		 WHERE r.kind = 'consent' AND r.status IN ('given', 'renewed') AND r.notice IS NULL AND r.subject_table <> 0
		 GROUP BY r.subject_table, r.purpose
	)
	SELECT status, area, object, message, hint FROM findings
	 ORDER BY rank, object COLLATE "C", status COLLATE "C", message COLLATE "C", hint COLLATE "C"
$$;
COMMENT ON FUNCTION privseg.check() IS
'what is compliant, what violates a rule, and where there is a gap';
GRANT EXECUTE ON FUNCTION privseg.check(), privseg.root_key_status() TO privseg_auditor;
