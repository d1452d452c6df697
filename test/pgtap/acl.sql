-- Who may do what by GRANT alone: every function and every relation of the
-- extension with the roles its ACL names, and the calls of somebody whom
-- nobody granted anything.
BEGIN;

CREATE TEMPORARY TABLE allowed (functions text, roles text);
INSERT INTO allowed VALUES
    ('row_permitted row_explicit row_writable library_is_preloaded subject_moved subject_carried counters_shown shown_counter shown_size shown_progress shown_tid shown_time shown_moment shown_locks row_security_active statistics_shown unchanged masked masked_alone enough_subjects enough_differ as_float8 as_moment', 'PUBLIC'),
    ('encrypted_text encrypted_text_in encrypted_text_out encrypted_text_recv encrypted_text_send encrypted_numeric encrypted_numeric_in encrypted_numeric_out encrypted_numeric_recv encrypted_numeric_send encrypted_bigint encrypted_bigint_in encrypted_bigint_out encrypted_bigint_recv encrypted_bigint_send encrypted_integer encrypted_integer_in encrypted_integer_out encrypted_integer_recv encrypted_integer_send encrypted_double encrypted_double_in encrypted_double_out encrypted_double_recv encrypted_double_send encrypted_date encrypted_date_in encrypted_date_out encrypted_date_recv encrypted_date_send encrypted_timestamptz encrypted_timestamptz_in encrypted_timestamptz_out encrypted_timestamptz_recv encrypted_timestamptz_send encrypted_boolean encrypted_boolean_in encrypted_boolean_out encrypted_boolean_recv encrypted_boolean_send encrypted_jsonb encrypted_jsonb_in encrypted_jsonb_out encrypted_jsonb_recv encrypted_jsonb_send encrypted_integer_typmod_in encrypted_integer_typmod_out encrypted_typanalyze opened encrypted_eq encrypted_ne encrypted_lt encrypted_le encrypted_gt encrypted_ge encrypted_cmp encrypted_hash encrypted_hash_extended encrypted_row search_value encrypted_tag_eq has_key may_find are_bound', 'PUBLIC'),
    ('opened_add opened_subtract opened_multiply opened_divide opened_remainder opened_concat opened_shift_left opened_shift_right opened_eq opened_ne opened_lt opened_le opened_gt opened_ge opened_minus opened_not opened_avg opened_avg_step opened_sum_step opened_min_step opened_max_step opened_bit_and_step opened_bit_or_step opened_bit_xor_step opened_string_agg_step opened_as_money opened_as_timestamp opened_as_timestamptz opened_as_date opened_as_time opened_as_timetz opened_as_int2 opened_as_int4 opened_as_int8 opened_as_float4 opened_as_float8 opened_as_numeric opened_as_bool opened_as_json unopened presented_type encrypted_in_range', 'PUBLIC'),
    ('create_purpose create_data_category publish_notice drop_purpose drop_data_category protect unprotect carry_subject classify grant_clearance revoke_clearance encrypt_column decrypt_column rotate_root_key rotate_epoch fold_keys shred_subject', 'privseg_admin'),
    ('keys_counted', 'privseg_admin privseg_auditor'),
    ('record_consent record_objection withdraw_consent record_signal fold_consent rebuild_consent', 'privseg_steward'),
    ('permitted explain_decision consent_receipt verify_receipt canonical_subject consent_decision', 'privseg_auditor privseg_steward'),
    ('check root_key_status', 'privseg_auditor'),
    ('encrypted_jsonb_subscript carry_subject_rows catalog_changed catalog_guard class_is_reviewed consent_record_after consent_record_before consent_record_refuse definition_is_reviewed forget_consent_set has_plain_children key_kind lock_tree relation_tree caller_belongs row_permitted_support_integer row_permitted_support_text row_permitted_support_uuid secure_children secure_relation policy_is_own telling_indexes analyzed_by_code type_is_reviewed results_are_reviewed expressions_analyzed_by_code unreviewed_code make_keys change_storage encrypt_stored decrypt_stored column_dependents refuse_dependents type_holds_encrypted forget_keys encrypted_tag_cmp encrypted_tag_hash encrypted_columns keys_applied card_is_valid iban_is_valid findings_about_clearances findings_about_classes shown_groups_only findings_about_columns findings_about_folding findings_about_libraries findings_about_notices findings_about_settings carried_subjects launcher_runs libraries_of personal_columns personal_names personal_values protected_tree settings_in_force user_tables check_mask enough_subjects_step enough_subjects_combine enough_subjects_serialize enough_subjects_deserialize enough_subjects_final enough_differ_step enough_differ_combine enough_differ_serialize enough_differ_deserialize enough_differ_final generated_from generated_apart partition_columns group_cell_in mask_place_in mask_place_out group_cell_out type_checked_by telling_references purpose_changed', '');
CREATE TEMPORARY TABLE allowed_relation (relations text, privileges text);
INSERT INTO allowed_relation VALUES
    ('purpose data_category notice protected_relation protected_column clearance', 'PUBLIC:SELECT'),
    ('consent_record consent_status', 'privseg_auditor:SELECT privseg_steward:SELECT'),
    ('purposes data_categories notices protected_relations protected_columns protection_undo clearances consent_set consent_page consent_delta consent_agenda consent_record_id_seq notices_id_seq purposes_id_seq data_categories_id_seq keys subject_keys subject_key_delta shredded_subjects', ''),
    ('key_status', 'privseg_admin:SELECT privseg_auditor:SELECT');
CREATE FUNCTION pg_temp.grantees(acl aclitem[], owner oid, kind "char") RETURNS text LANGUAGE sql AS $$
    SELECT COALESCE(string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, ' '), '')
    FROM aclexplode(COALESCE(acl, acldefault(kind, owner))) WHERE grantee <> owner $$;
CREATE FUNCTION pg_temp.privileges(acl aclitem[], owner oid, kind "char") RETURNS text LANGUAGE sql AS $$
    SELECT COALESCE(string_agg(p, ' ' ORDER BY p), '')
    FROM (SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END || ':' || privilege_type AS p
          FROM aclexplode(COALESCE(acl, acldefault(kind, owner))) WHERE grantee <> owner) x $$;

SELECT plan(15);

SELECT bag_eq(
    $$SELECT DISTINCT proname::text, pg_temp.grantees(proacl, proowner, 'f') FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace$$,
    $$SELECT f, roles FROM allowed, string_to_table(functions, ' ') f$$, 'who may execute each function');
SELECT is_empty($$SELECT FROM pg_proc, aclexplode(proacl) a WHERE pronamespace = 'privseg'::regnamespace AND a.is_grantable AND a.grantee <> proowner$$, 'nobody may pass it on');
SELECT bag_eq(
    $$SELECT relname::text, pg_temp.privileges(relacl, relowner, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char") FROM pg_class
      WHERE relnamespace = 'privseg'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')$$,
    $$SELECT r, privileges FROM allowed_relation, string_to_table(relations, ' ') r$$, 'who may do what with each relation');
SELECT set_eq(
    $$SELECT DISTINCT attname::text FROM pg_attribute, aclexplode(attacl) a WHERE attrelid = 'privseg.consent_record'::regclass
      AND a.grantee = 'privseg_steward'::regrole AND a.privilege_type = 'INSERT' ORDER BY 1$$,
    ARRAY['effective_at', 'evidence', 'expires_at', 'explicit', 'given_by', 'kind', 'method', 'notice', 'purpose', 'status', 'subject', 'subject_table'],
    'the columns of a record that a steward gives');
SELECT is_empty($$SELECT FROM pg_attribute JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl) a
    WHERE relnamespace = 'privseg'::regnamespace AND NOT (relname = 'consent_record' AND a.grantee = 'privseg_steward'::regrole AND a.privilege_type = 'INSERT')$$,
    'no other column is granted to anyone');
SELECT is((SELECT pg_temp.privileges(nspacl, nspowner, 'n') FROM pg_namespace WHERE nspname = 'privseg'), 'PUBLIC:USAGE', 'nobody creates anything in the schema');
SELECT is_empty($$SELECT FROM pg_default_acl WHERE defaclnamespace = 'privseg'::regnamespace$$, 'no default privileges');

-- security definer: each pins its search path
SELECT set_eq($$SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND prosecdef$$,
    ARRAY['create_purpose', 'create_data_category', 'publish_notice', 'purpose_changed', 'drop_purpose', 'drop_data_category', 'protect', 'unprotect', 'carry_subject', 'classify',
          'grant_clearance', 'revoke_clearance', 'consent_receipt', 'check', 'encrypt_column', 'decrypt_column', 'keys_counted'], 'which functions run as their owner');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND prosecdef
    AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$, 'each of them pins its search path');
SELECT set_eq($$SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND '{standard_conforming_strings=on,quote_all_identifiers=off}' <@ proconfig$$,
    $$SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND (prosecdef OR proname = 'secure_children')$$, 'they, and what C code calls, mean the same whatever a session has set');
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND proleakproof$$, 'no function claims to be leakproof');

-- somebody new
CREATE ROLE acl_nobody;
SELECT is_empty($$SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND has_function_privilege('acl_nobody', oid, 'EXECUTE')
    AND proname NOT IN (SELECT string_to_table(functions, ' ') FROM allowed WHERE roles = 'PUBLIC')$$, 'executes nothing but what the row policy calls');
CREATE FUNCTION pg_temp.calls() RETURNS TABLE(function regprocedure, code text) LANGUAGE plpgsql AS $$
BEGIN
    FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND NOT prorettype = 'trigger'::regtype AND NOT 'internal'::regtype = ANY (proargtypes) LOOP
        BEGIN
            EXECUTE format('SELECT FROM privseg.%I(%s)', (SELECT proname FROM pg_proc WHERE oid = function),
                (SELECT string_agg(format('(SELECT NULL::%s)', t::regtype), ', ' ORDER BY n) FROM pg_proc, unnest(proargtypes) WITH ORDINALITY a (t, n) WHERE oid = function));
            code := 'done';
        EXCEPTION WHEN OTHERS THEN
            code := SQLSTATE;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
SET LOCAL ROLE acl_nobody;
CREATE TEMPORARY TABLE called AS SELECT * FROM pg_temp.calls();
RESET ROLE;
SELECT is_empty($$SELECT function, code FROM called WHERE code <> '42501' AND function::text !~ '^privseg\.(library_is_preloaded|enough_subjects|enough_differ|as_float8|as_moment|counters_shown|shown_(counter|size|progress|tid|time|moment|locks)|row_security_active|statistics_shown|encrypted_\w+|opened(_\w+)?|unopened|presented_type|search_value|has_key|may_find|are_bound|unchanged|masked|masked_alone)\('$$, 'is refused every call, also with NULL for every argument');
SELECT ok((SELECT count(*) > 40 FROM called), 'all of them were called');
SELECT is_empty($$SELECT oid::regclass FROM pg_class WHERE relnamespace = 'privseg'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    AND (has_table_privilege('acl_nobody', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') OR has_any_column_privilege('acl_nobody', oid, 'INSERT, UPDATE, REFERENCES'))$$, 'writes no relation');

SELECT * FROM finish();
ROLLBACK;
