-- The SQL surface is the one users were promised: every function with the names,
-- types, order and defaults of its arguments and its result; roles, settings
-- and the columns of views.  Trailing arguments with defaults may be added, and
-- columns at the end.
BEGIN;

CREATE TEMPORARY TABLE promised (name text, arguments text, result text);
INSERT INTO promised VALUES
    ('create_purpose', 'name text, legal_basis text, description text DEFAULT NULL::text, special_category_basis text DEFAULT NULL::text, min_group_size integer DEFAULT NULL::integer, retention interval DEFAULT NULL::interval, direct_marketing boolean DEFAULT false, sale_or_sharing boolean DEFAULT false, targeted_advertising boolean DEFAULT false', 'void'),
    ('create_data_category', 'name text, sensitivity text DEFAULT ''personal''::text, protected_attribute boolean DEFAULT false, max_age interval DEFAULT NULL::interval', 'void'),
    ('publish_notice', 'name text, version text, language text, body text, purposes text[], material boolean DEFAULT false', 'bigint'),
    ('drop_purpose', 'name text', 'void'),
    ('drop_data_category', 'name text', 'void'),
    ('protect', 'relation regclass, subject name, subject_of regclass DEFAULT NULL::regclass, residence name DEFAULT NULL::name, birth_date name DEFAULT NULL::name, also_about name[] DEFAULT ''{}''::name[], null_subject text DEFAULT ''hide''::text', 'void'),
    ('unprotect', 'relation regclass', 'void'),
    ('carry_subject', 'relation regclass, foreign_key name, subject name', 'void'),
    ('classify', 'relation regclass, column_name name, category text, mask text DEFAULT NULL::text', 'void'),
    ('grant_clearance', 'grantee regrole, purpose text, category text DEFAULT NULL::text, uses text[] DEFAULT ''{}''::text[]', 'void'),
    ('revoke_clearance', 'grantee regrole, purpose text, category text DEFAULT NULL::text', 'void'),
    ('verify_receipt', 'receipt jsonb', 'boolean'),
    ('check', '', 'TABLE(status text, area text, object text, message text, hint text)');
-- a function that takes a subject comes in three forms
INSERT INTO promised
SELECT name, replace(arguments, 'SUBJECT', key_type), result
FROM unnest(ARRAY['bigint', 'uuid', 'text']) key_type, (VALUES
    ('record_consent', 'subject_table regclass, subject SUBJECT, purpose text, status text, notice text DEFAULT NULL::text, method text DEFAULT ''api''::text, evidence jsonb DEFAULT NULL::jsonb, effective_at timestamp with time zone DEFAULT now(), expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, explicit boolean DEFAULT false, given_by text DEFAULT ''subject''::text', 'bigint'),
    ('record_objection', 'subject_table regclass, subject SUBJECT, purpose text', 'bigint'),
    ('withdraw_consent', 'subject_table regclass, subject SUBJECT, purpose text DEFAULT NULL::text', 'bigint'),
    ('record_signal', 'subject_table regclass, subject SUBJECT, signal text', 'bigint'),
    ('permitted', 'subject_table regclass, subject SUBJECT, purpose text', 'boolean'),
    ('explain_decision', 'subject_table regclass, subject SUBJECT, purpose text', 'jsonb'),
    ('consent_receipt', 'subject_table regclass, subject SUBJECT', 'jsonb')) AS form (name, arguments, result);
CREATE TEMPORARY VIEW present AS
SELECT proname::text AS name, pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result
FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace;

CREATE TEMPORARY TABLE promised_column (view text, position int, name text, type text);
INSERT INTO promised_column
SELECT view, n, split_part(c, ' ', 1), substr(c, strpos(c, ' ') + 1)
FROM (VALUES
    ('purpose', ARRAY['name text', 'legal_basis text', 'description text', 'special_category_basis text', 'min_group_size integer', 'retention interval', 'direct_marketing boolean', 'sale_or_sharing boolean', 'targeted_advertising boolean']),
    ('data_category', ARRAY['name text', 'sensitivity text', 'protected_attribute boolean', 'max_age interval']),
    ('notice', ARRAY['name text', 'version text', 'language text', 'body text', 'purposes text[]', 'material boolean']),
    ('clearance', ARRAY['grantee regrole', 'purpose text', 'category text', 'uses text[]']),
    ('protected_relation', ARRAY['relation regclass', 'subject name', 'subject_of regclass']),
    ('protected_column', ARRAY['relation regclass', 'column_name name', 'category text', 'mask text']),
    ('consent_status', ARRAY['subject_table regclass', 'subject text', 'purpose text', 'permitted boolean']),
    ('consent_record', ARRAY['subject_table regclass', 'subject text', 'purpose text', 'status text', 'notice text', 'method text', 'evidence jsonb', 'effective_at timestamp with time zone', 'expires_at timestamp with time zone'])
) AS views (view, columns), unnest(columns) WITH ORDINALITY AS c (c, n);

SELECT plan((SELECT count(*)::int FROM promised) + (SELECT count(DISTINCT view)::int FROM promised_column) + 4 + 4 + 6 + 3 + 3);

SELECT ok(EXISTS (SELECT FROM present h WHERE h.name = p.name AND h.result = p.result
            AND (h.arguments = p.arguments
                 OR (starts_with(h.arguments, p.arguments) AND substr(h.arguments, length(p.arguments) + 1) ~ '^(, \w+ [^,]+ DEFAULT [^,]+)+$'))),
    format('privseg.%s(%s) RETURNS %s', p.name, p.arguments, p.result))
FROM promised p;

SELECT is((SELECT array_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
           FROM pg_attribute a WHERE a.attrelid = format('privseg.%I', p.view)::regclass AND a.attnum BETWEEN 1 AND p.width),
    array_agg(format('%s %s', p.name, p.type) ORDER BY p.position), format('columns of privseg.%s', p.view))
FROM (SELECT *, count(*) OVER (PARTITION BY view) AS width FROM promised_column) p GROUP BY p.view, p.width ORDER BY p.view;

-- roles: may not log in, nor do anything else by themselves
SELECT is(row(rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text, '(f,f,f,f,f,f)', format('%s has no attribute of its own', rolname))
FROM pg_roles WHERE rolname IN ('privseg_admin', 'privseg_reviewer', 'privseg_steward', 'privseg_auditor') ORDER BY rolname;
SELECT is_member_of('privseg_steward', 'privseg_admin');
SELECT is_member_of('privseg_reviewer', 'privseg_admin');
SELECT is_member_of('privseg_auditor', 'privseg_admin');
SELECT is((SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname IN ('privseg_reviewer', 'privseg_steward', 'privseg_auditor')), 0::bigint, 'reviewer, steward and auditor are members of nothing');

-- settings
SELECT is(context, expected, name || ' is of context ' || expected)
FROM pg_settings JOIN (VALUES ('privseg.purpose', 'user'), ('privseg.root_key_command', 'postmaster'), ('privseg.root_key_file', 'postmaster')) AS s (name, expected) USING (name) ORDER BY name;
-- nothing that anybody may set switches anything off
SELECT is((SELECT string_agg(name || ' ' || context, ', ' ORDER BY name) FROM pg_settings WHERE name LIKE 'privseg.%' AND context NOT IN ('postmaster', 'sighup', 'superuser')),
	'privseg.purpose user, privseg.shredded_is_error user', 'who is no superuser sets a purpose, and what becomes of values whose key is destroyed');
SELECT is(current_setting('privseg.purpose'), '', 'no purpose is set by default');
SELECT throws_ok('SET privseg.purpos = ''x''', '42602', NULL, 'a misspelt setting is an error');

-- the regrole and regclass arguments, and the words
CREATE TABLE contract_person (id int PRIMARY KEY);
DO $$ BEGIN PERFORM privseg.create_purpose('contract words', 'consent'), privseg.protect('contract_person', 'id'); END $$;
CREATE FUNCTION pg_temp.accepted(column_name text, words text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	word text;
	taken text[] := '{}';
BEGIN
	FOREACH word IN ARRAY words LOOP
		BEGIN
			EXECUTE format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, given_by) VALUES (%L, 1, %L, %L, %L)',
				'contract_person', 'contract words', CASE column_name WHEN 'status' THEN word ELSE 'given' END, CASE column_name WHEN 'given_by' THEN word ELSE 'subject' END);
			taken := taken || word;
		EXCEPTION WHEN invalid_parameter_value THEN
		END;
	END LOOP;
	RETURN taken;
END $$;
SELECT is(pg_temp.accepted('status', ARRAY['expired', 'given', 'Given', 'invalidated', 'refused', 'denied', 'renewed', 'request_deferred', 'requested', 'revoked', '', 'unknown', 'withdrawn']),
    ARRAY['expired', 'given', 'invalidated', 'refused', 'renewed', 'request_deferred', 'requested', 'revoked', 'unknown', 'withdrawn'], 'statuses are the words of W3C DPV');
SELECT is(pg_temp.accepted('given_by', ARRAY['agent', 'guardian', 'parent', 'subject', '']),
    ARRAY['agent', 'guardian', 'subject'], 'who gives consent');
SELECT is((SELECT provolatile FROM pg_proc WHERE oid = 'privseg.permitted(regclass, bigint, text, timestamptz)'::regprocedure), 's', 'permitted() is stable');

-- check()
SELECT is_empty($$SELECT FROM privseg.check() WHERE status NOT IN ('compliant', 'violation', 'gap')$$, 'check() knows three statuses');
SELECT is_empty($$SELECT FROM privseg.check() WHERE status <> 'compliant' AND hint IS NULL$$, 'what is not compliant comes with a hint');
SELECT is_empty($$SELECT FROM privseg.check() WHERE status = 'violation' AND NOT (area = 'server' AND current_setting('server_version_num')::int < 150019)$$, 'a new installation violates nothing');

SELECT * FROM finish();
ROLLBACK;
