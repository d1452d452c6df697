-- 05-clearance.sql: role x purpose x category -> uses

-- The order of the columns is known to src/catalog_clearance.c.
CREATE TABLE privseg.clearances (
	grantee regrole NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	category text COLLATE "C",
	uses text[] NOT NULL
		CHECK (uses <@ ARRAY['project', 'mask', 'filter', 'aggregate', 'write', 'collect'])
);
CREATE UNIQUE INDEX clearances_key ON privseg.clearances (grantee, purpose, (COALESCE(category, '')), uses);
COMMENT ON TABLE privseg.clearances IS 'clearances; written through privseg.grant_clearance()';
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.clearances
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.catalog_changed();
ALTER TABLE privseg.clearances ENABLE ALWAYS TRIGGER catalog_changed;
SELECT pg_catalog.pg_extension_config_dump('privseg.clearances', '');

CREATE VIEW privseg.clearance AS
SELECT grantee, purpose, category, uses FROM privseg.clearances
 WHERE pg_catalog.pg_has_role(grantee, 'MEMBER')
	OR pg_catalog.pg_has_role('privseg_auditor', 'MEMBER')
	OR pg_catalog.pg_has_role('privseg_reviewer', 'MEMBER');
COMMENT ON VIEW privseg.clearance IS 'clearances: one''s own, or for auditors and reviewers all';
GRANT SELECT ON privseg.clearance TO PUBLIC;

CREATE FUNCTION privseg.caller_belongs(role regrole) RETURNS boolean
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'caller_belongs';
COMMENT ON FUNCTION privseg.caller_belongs(regrole) IS
'does who calls, as session user or by SET ROLE, belong to the role, without a superuser''s implicit membership?';

CREATE FUNCTION privseg.grant_clearance(grantee regrole, purpose text, category text DEFAULT NULL,
	uses text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	granted text[];
	has_wider boolean;
	special_basis text;
	key_type text;
BEGIN
	IF array_ndims(grant_clearance.uses) > 1 THEN
		RAISE EXCEPTION 'uses must be a plain list' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF grant_clearance.grantee IS NULL OR grant_clearance.purpose IS NULL OR grant_clearance.uses IS NULL
	   OR array_position(grant_clearance.uses, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'grantee, purpose and uses must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	-- one after the other: the grants of EXECUTE below are not to meet another's, nor what is looked up here to change
	LOCK TABLE privseg.clearances IN SHARE ROW EXCLUSIVE MODE;
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = grant_clearance.grantee) THEN
		RAISE EXCEPTION 'the role does not exist' USING ERRCODE = 'undefined_object';
	END IF;
	SELECT p.special_category_basis INTO special_basis FROM privseg.purposes p WHERE p.name = grant_clearance.purpose;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'purpose "%" does not exist', grant_clearance.purpose
			USING ERRCODE = 'undefined_object', HINT = 'Create it with privseg.create_purpose().';
	END IF;
	-- with whose rights it was called is asked before: src/guard_role.c
	IF privseg.caller_belongs(grant_clearance.grantee) THEN
		RAISE EXCEPTION 'nobody grants clearance to themselves or to a role they belong to'
			USING ERRCODE = 'insufficient_privilege',
				  HINT = 'Another administrator grants it.';
	END IF;
	SELECT COALESCE(array_agg(DISTINCT u ORDER BY u), '{}') INTO granted FROM unnest(grant_clearance.uses) u;
	IF grant_clearance.category IS NULL THEN
		IF NOT (granted <@ ARRAY['aggregate', 'collect']) THEN
			RAISE EXCEPTION 'without a category, uses are ''{}'', ''{aggregate}'' or ''{collect}'''
				USING ERRCODE = 'invalid_parameter_value',
					  HINT = 'project, mask, filter and write are granted per category.';
		END IF;
	ELSE
		IF cardinality(granted) = 0 OR NOT (granted <@ ARRAY['project', 'mask', 'filter', 'aggregate', 'write']) THEN
			RAISE EXCEPTION 'uses of a category are some of project, mask, filter, aggregate, write'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
		IF NOT EXISTS (SELECT FROM privseg.data_categories d WHERE d.name = grant_clearance.category) THEN
			RAISE EXCEPTION 'data category "%" does not exist', grant_clearance.category
				USING ERRCODE = 'undefined_object', HINT = 'Create it with privseg.create_data_category().';
		END IF;
		IF special_basis IS NULL AND EXISTS (
			SELECT FROM privseg.data_categories d
			 WHERE d.name = grant_clearance.category AND d.sensitivity = 'special') THEN
			RAISE EXCEPTION 'purpose "%" has no basis for special categories of data', grant_clearance.purpose
				USING ERRCODE = 'object_not_in_prerequisite_state',
					  DETAIL = 'GDPR Art. 9(2) asks for one.',
					  HINT = 'Create a purpose with a special_category_basis.';
		END IF;
	END IF;
	-- who grants less than is there means to narrow it; mask counts for less than project
	SELECT CASE WHEN grant_clearance.category IS NULL THEN 'aggregate' = ANY (granted) AND bool_or(c.uses = '{}')
				ELSE array_remove(granted, 'mask') <@ array_agg(u) AND NOT array_agg(u) <@ granted END
	  INTO has_wider FROM privseg.clearances c LEFT JOIN unnest(c.uses) u ON true
	 WHERE c.grantee = grant_clearance.grantee AND c.purpose = grant_clearance.purpose
	   AND c.category IS NOT DISTINCT FROM grant_clearance.category;
	IF has_wider THEN
		RAISE NOTICE 'role "%" keeps the wider clearance it has for this', grant_clearance.grantee
			USING HINT = 'Clearances add up. To narrow one, call privseg.revoke_clearance() first.';
	END IF;
	INSERT INTO privseg.clearances (grantee, purpose, category, uses)
	VALUES (grant_clearance.grantee, grant_clearance.purpose, grant_clearance.category, granted)
	ON CONFLICT DO NOTHING;

	-- EXECUTE is by name: whoever acts under a purpose may ask who permits it
	FOREACH key_type IN ARRAY ARRAY['bigint', 'uuid', 'text']
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION privseg.permitted(regclass, %s, text, timestamptz) TO %s',
					   key_type, grant_clearance.grantee);
		IF 'collect' = ANY (granted) THEN
			EXECUTE format('GRANT EXECUTE ON FUNCTION privseg.record_consent(regclass, %1$s, text, text, text, text, jsonb, timestamptz, timestamptz, boolean, text),'
						   ' privseg.withdraw_consent(regclass, %1$s, text) TO %2$s', key_type, grant_clearance.grantee);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION privseg.grant_clearance(regrole, text, text, text[]) IS
'clear a role to act under a purpose, or to use a category of data under it';

CREATE FUNCTION privseg.revoke_clearance(grantee regrole, purpose text, category text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key_type text;
BEGIN
	IF revoke_clearance.grantee IS NULL OR revoke_clearance.purpose IS NULL THEN
		RAISE EXCEPTION 'grantee and purpose must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	-- as grant_clearance() does
	LOCK TABLE privseg.clearances IN SHARE ROW EXCLUSIVE MODE;
	DELETE FROM privseg.clearances c
	 WHERE c.grantee = revoke_clearance.grantee AND c.purpose = revoke_clearance.purpose
	   AND (revoke_clearance.category IS NULL OR c.category = revoke_clearance.category);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'role "%" has no such clearance', revoke_clearance.grantee
			USING ERRCODE = 'undefined_object',
				  HINT = 'The view privseg.clearance lists the clearances; without a category all under the purpose are taken at once.';
	END IF;
	-- what these roles may call they may call by themselves
	IF revoke_clearance.grantee IN ('privseg_steward'::regrole, 'privseg_auditor'::regrole) THEN
		RETURN;
	END IF;
	FOREACH key_type IN ARRAY ARRAY['bigint', 'uuid', 'text']
	LOOP
		IF NOT EXISTS (SELECT FROM privseg.clearances c WHERE c.grantee = revoke_clearance.grantee) THEN
			EXECUTE format('REVOKE EXECUTE ON FUNCTION privseg.permitted(regclass, %s, text, timestamptz) FROM %s',
						   key_type, revoke_clearance.grantee);
		END IF;
		IF NOT EXISTS (SELECT FROM privseg.clearances c
						WHERE c.grantee = revoke_clearance.grantee AND 'collect' = ANY (c.uses)) THEN
			EXECUTE format('REVOKE EXECUTE ON FUNCTION privseg.record_consent(regclass, %1$s, text, text, text, text, jsonb, timestamptz, timestamptz, boolean, text),'
						   ' privseg.withdraw_consent(regclass, %1$s, text) FROM %2$s', key_type, revoke_clearance.grantee);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION privseg.revoke_clearance(regrole, text, text) IS
'take clearance away: for a category, or without one everything under the purpose';

GRANT EXECUTE ON FUNCTION
	privseg.grant_clearance(regrole, text, text, text[]),
	privseg.revoke_clearance(regrole, text, text)
TO privseg_admin;
