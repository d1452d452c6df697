-- 06-purpose.sql: functions that write the vocabulary

CREATE FUNCTION privseg.create_purpose(name text, legal_basis text, description text DEFAULT NULL,
	special_category_basis text DEFAULT NULL, min_group_size int DEFAULT NULL, retention interval DEFAULT NULL,
	direct_marketing boolean DEFAULT false, sale_or_sharing boolean DEFAULT false,
	targeted_advertising boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF create_purpose.name IS NULL OR create_purpose.legal_basis IS NULL THEN
		RAISE EXCEPTION 'name and legal basis of a purpose must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF create_purpose.name = '' OR create_purpose.name ~ '[,[:cntrl:]]' OR octet_length(create_purpose.name) > 63 THEN
		RAISE EXCEPTION 'a purpose''s name has 1 to 63 bytes, without commas and control characters'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF create_purpose.legal_basis NOT IN ('consent', 'contract', 'legal_obligation', 'vital_interests',
										  'public_interest', 'legitimate_interests') THEN
		RAISE EXCEPTION 'unknown legal basis "%"', create_purpose.legal_basis
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'GDPR Art. 6(1) knows consent, contract, legal_obligation, vital_interests, public_interest, legitimate_interests.';
	END IF;
	IF create_purpose.special_category_basis IS NOT NULL
	   AND create_purpose.special_category_basis NOT IN (
		   'explicit_consent', 'employment', 'vital_interests', 'not_for_profit', 'made_public', 'legal_claims',
		   'substantial_public_interest', 'health_care', 'public_health', 'research') THEN
		RAISE EXCEPTION 'unknown basis for special categories "%"', create_purpose.special_category_basis
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'GDPR Art. 9(2) knows explicit_consent, employment, vital_interests, not_for_profit, made_public, legal_claims, substantial_public_interest, health_care, public_health, research.';
	END IF;
	IF create_purpose.min_group_size < 1 THEN
		RAISE EXCEPTION 'min_group_size must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF create_purpose.retention <= interval '0' THEN
		RAISE EXCEPTION 'retention must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF EXISTS (SELECT FROM privseg.purposes p WHERE p.name = create_purpose.name) THEN
		RAISE EXCEPTION 'purpose "%" already exists', create_purpose.name USING ERRCODE = 'duplicate_object';
	END IF;
	INSERT INTO privseg.purposes (name, legal_basis, description, special_category_basis, min_group_size, retention,
								  direct_marketing, sale_or_sharing, targeted_advertising)
	VALUES (create_purpose.name, create_purpose.legal_basis, create_purpose.description,
			create_purpose.special_category_basis, create_purpose.min_group_size, create_purpose.retention,
			COALESCE(create_purpose.direct_marketing, false), COALESCE(create_purpose.sale_or_sharing, false),
			COALESCE(create_purpose.targeted_advertising, false));
	-- signals, withdrawals and the like that are there already count for it
	IF current_setting('transaction_isolation') LIKE 'read %' THEN
		PERFORM privseg.fold_consent();
	END IF;
END
$$;
COMMENT ON FUNCTION privseg.create_purpose(text, text, text, text, int, interval, boolean, boolean, boolean) IS
'create a purpose of processing and the legal basis it rests on';

-- No function changes a purpose, but a superuser may, by hand: what was derived under its former
-- legal basis must not be taken for what it would be now.
CREATE FUNCTION privseg.purpose_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM privseg.forget_consent_set(r.relation, NEW.id)
	   FROM privseg.protected_relations r WHERE r.subject_table = r.relation;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION privseg.purpose_changed() IS 'trigger: the consent sets of a purpose that has changed are built anew';
CREATE TRIGGER purpose_changed AFTER UPDATE ON privseg.purposes
	FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION privseg.purpose_changed();
ALTER TABLE privseg.purposes ENABLE ALWAYS TRIGGER purpose_changed;

CREATE FUNCTION privseg.drop_purpose(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	purpose_id int;
	used_by text;
BEGIN
	IF drop_purpose.name IS NULL THEN
		RAISE EXCEPTION 'the purpose must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	-- writers of records and grants wait, so that none slips in
	LOCK TABLE privseg.consent_record, privseg.clearances IN SHARE ROW EXCLUSIVE MODE;
	SELECT p.id INTO purpose_id FROM privseg.purposes p WHERE p.name = drop_purpose.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'purpose "%" does not exist', drop_purpose.name USING ERRCODE = 'undefined_object';
	END IF;
	used_by := CASE
		WHEN EXISTS (SELECT FROM privseg.consent_record r WHERE r.purpose = drop_purpose.name) THEN 'consent records'
		WHEN EXISTS (SELECT FROM privseg.clearances c WHERE c.purpose = drop_purpose.name) THEN 'clearances'
		WHEN EXISTS (SELECT FROM privseg.notices n WHERE drop_purpose.name = ANY (n.purposes)) THEN 'privacy notices' END;
	IF used_by IS NOT NULL THEN
		RAISE EXCEPTION 'purpose "%" is in use', drop_purpose.name
			USING ERRCODE = 'dependent_objects_still_exist', DETAIL = format('There are %s for it.', used_by);
	END IF;
	PERFORM privseg.forget_consent_set(r.relation, purpose_id)
	   FROM privseg.protected_relations r WHERE r.subject_table = r.relation;
	DELETE FROM privseg.purposes p WHERE p.id = purpose_id;
END
$$;
COMMENT ON FUNCTION privseg.drop_purpose(text) IS 'drop a purpose; refuses while it is in use';

CREATE FUNCTION privseg.create_data_category(name text, sensitivity text DEFAULT 'personal',
	protected_attribute boolean DEFAULT false, max_age interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	special_above text;
	below text;
BEGIN
	IF create_data_category.name IS NULL OR create_data_category.sensitivity IS NULL THEN
		RAISE EXCEPTION 'name and sensitivity of a data category must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF create_data_category.name !~ '^[a-z0-9_]+(\.[a-z0-9_]+)*$' OR octet_length(create_data_category.name) > 255 THEN
		RAISE EXCEPTION 'a data category is a dotted key of lower case letters, digits and underscores'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''user.contact.email''.';
	END IF;
	IF create_data_category.sensitivity NOT IN ('personal', 'sensitive', 'special', 'criminal_offence') THEN
		RAISE EXCEPTION 'unknown sensitivity "%"', create_data_category.sensitivity
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = 'Sensitivities are personal, sensitive, special, criminal_offence.';
	END IF;
	IF create_data_category.max_age <= interval '0' THEN
		RAISE EXCEPTION 'max_age must be longer than nothing' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF EXISTS (SELECT FROM privseg.data_categories d WHERE d.name = create_data_category.name) THEN
		RAISE EXCEPTION 'data category "%" already exists', create_data_category.name USING ERRCODE = 'duplicate_object';
	END IF;
	-- what is below a special category is special, too
	SELECT d.name INTO special_above FROM privseg.data_categories d
	 WHERE d.sensitivity = 'special' AND starts_with(create_data_category.name, d.name || '.') ORDER BY 1 LIMIT 1;
	IF special_above IS NOT NULL AND create_data_category.sensitivity NOT IN ('personal', 'special') THEN
		RAISE EXCEPTION 'data category "%" is special, for "%" is', create_data_category.name, special_above
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave out the sensitivity, or create it elsewhere.';
	END IF;
	IF create_data_category.sensitivity = 'special' THEN
		SELECT d.name INTO below FROM privseg.data_categories d
		 WHERE d.sensitivity <> 'special' AND starts_with(d.name, create_data_category.name || '.') ORDER BY 1 LIMIT 1;
		IF below IS NOT NULL THEN
			RAISE EXCEPTION 'data category "%" is below "%", and is not special', below, create_data_category.name
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Drop it, and create it anew behind this one.';
		END IF;
	END IF;
	INSERT INTO privseg.data_categories (name, sensitivity, protected_attribute, max_age)
	VALUES (create_data_category.name, CASE WHEN special_above IS NULL THEN create_data_category.sensitivity ELSE 'special' END,
			COALESCE(create_data_category.protected_attribute, false), create_data_category.max_age);
END
$$;
COMMENT ON FUNCTION privseg.create_data_category(text, text, boolean, interval) IS 'create a data category';

CREATE FUNCTION privseg.drop_data_category(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	used_by text;
BEGIN
	IF drop_data_category.name IS NULL THEN
		RAISE EXCEPTION 'name of a data category must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF NOT EXISTS (SELECT FROM privseg.data_categories d WHERE d.name = drop_data_category.name) THEN
		RAISE EXCEPTION 'data category "%" does not exist', drop_data_category.name USING ERRCODE = 'undefined_object';
	END IF;
	used_by := CASE
		WHEN EXISTS (SELECT FROM privseg.protected_columns c WHERE c.category = drop_data_category.name) THEN 'classified columns'
		WHEN EXISTS (SELECT FROM pg_seclabel l WHERE l.provider = 'privseg' AND l.label = drop_data_category.name) THEN 'classified columns'
		WHEN EXISTS (SELECT FROM privseg.clearances c WHERE c.category = drop_data_category.name) THEN 'clearances' END;
	IF used_by IS NOT NULL THEN
		RAISE EXCEPTION 'data category "%" is in use', drop_data_category.name
			USING ERRCODE = 'dependent_objects_still_exist', DETAIL = format('There are %s for it.', used_by);
	END IF;
	DELETE FROM privseg.data_categories d WHERE d.name = drop_data_category.name;
END
$$;
COMMENT ON FUNCTION privseg.drop_data_category(text) IS 'drop a data category; refuses while it is in use';

CREATE FUNCTION privseg.publish_notice(name text, version text, language text, body text, purposes text[],
	material boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	notice_id bigint;
	unknown text;
	affected record;
BEGIN
	IF array_ndims(publish_notice.purposes) > 1 THEN
		RAISE EXCEPTION 'purposes must be a plain list' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF publish_notice.name IS NULL OR publish_notice.version IS NULL OR publish_notice.language IS NULL
	   OR publish_notice.body IS NULL OR publish_notice.purposes IS NULL
	   OR array_position(publish_notice.purposes, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'name, version, language, body and purposes of a notice must not be NULL'
			USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF publish_notice.name = '' OR publish_notice.version = '' OR publish_notice.version ~ '/' THEN
		RAISE EXCEPTION 'name and version of a notice must not be empty, nor the version contain a slash'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF publish_notice.language = '' OR publish_notice.body = '' THEN
		RAISE EXCEPTION 'language and body of a notice must not be empty' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- an index holds them
	IF GREATEST(octet_length(publish_notice.name), octet_length(publish_notice.version), octet_length(publish_notice.language)) > 255 THEN
		RAISE EXCEPTION 'name, version and language of a notice have 255 bytes at most' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	LOCK TABLE privseg.notices IN SHARE ROW EXCLUSIVE MODE;
	SELECT u INTO unknown FROM unnest(publish_notice.purposes) u
	 WHERE NOT EXISTS (SELECT FROM privseg.purposes p WHERE p.name = u) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'purpose "%" does not exist', unknown USING ERRCODE = 'undefined_object';
	END IF;
	IF EXISTS (SELECT FROM privseg.notices n WHERE n.name = publish_notice.name
				AND n.version = publish_notice.version AND n.language = publish_notice.language) THEN
		RAISE EXCEPTION 'notice "%/%" was already published in language "%"', publish_notice.name,
						publish_notice.version, publish_notice.language
			USING ERRCODE = 'duplicate_object', HINT = 'Publish a new version: what people read is not changed.';
	END IF;
	INSERT INTO privseg.notices (name, version, language, body, purposes, material)
	VALUES (publish_notice.name, publish_notice.version, publish_notice.language, publish_notice.body,
			publish_notice.purposes, COALESCE(publish_notice.material, false))
	RETURNING id INTO notice_id;

	-- consents under earlier versions stop: their sets are built anew
	IF publish_notice.material AND EXISTS (SELECT FROM privseg.notices n
											WHERE n.name = publish_notice.name AND n.version <> publish_notice.version) THEN
		FOR affected IN
			SELECT DISTINCT r.subject_table AS domain, p.id AS purpose
			  FROM privseg.consent_record r JOIN privseg.purposes p ON p.name = r.purpose
			  JOIN privseg.protected_relations d ON d.relation = r.subject_table AND d.subject_table = d.relation
			 WHERE starts_with(r.notice, publish_notice.name || '/')
		LOOP
			PERFORM privseg.forget_consent_set(affected.domain, affected.purpose);
		END LOOP;
		IF current_setting('transaction_isolation') LIKE 'read %' THEN
			PERFORM privseg.fold_consent();
		END IF;
	END IF;
	RETURN notice_id;
END
$$;
COMMENT ON FUNCTION privseg.publish_notice(text, text, text, text, text[], boolean) IS
'publish a version of a privacy notice; a material one stops consents given under earlier versions until renewed';

GRANT EXECUTE ON FUNCTION
	privseg.create_purpose(text, text, text, text, int, interval, boolean, boolean, boolean),
	privseg.drop_purpose(text),
	privseg.create_data_category(text, text, boolean, interval),
	privseg.drop_data_category(text),
	privseg.publish_notice(text, text, text, text, text[], boolean)
TO privseg_admin;
