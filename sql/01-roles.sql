-- 01-roles.sql: the roles, and who already holds one
--
-- Somebody who may create roles could have made one of these names before the
-- extension came, and put themselves in.  So a role that exists must not log
-- in, and its members must have been let in by a superuser, or by somebody
-- whom a superuser let in with ADMIN OPTION.

-- Not IF NOT EXISTS: a schema that somebody planted is not ours.
CREATE SCHEMA privseg;
COMMENT ON SCHEMA privseg IS 'consent-enforced segmentation';

DO $$
DECLARE
	role_name name;
	stranger text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['privseg_admin', 'privseg_reviewer', 'privseg_steward', 'privseg_auditor']::name[]
	LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
			CONTINUE;
		END IF;
		IF EXISTS (SELECT FROM pg_catalog.pg_roles
					WHERE rolname = role_name
					  AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls))
		THEN
			RAISE EXCEPTION 'role "%" exists and has attributes of its own', role_name
				USING ERRCODE = 'invalid_role_specification',
					  HINT = 'ALTER ROLE ... NOLOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS, or rename it.';
		END IF;
		WITH RECURSIVE trusted(roleid) AS (
			SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper
			UNION
			SELECT m.member
			  FROM pg_catalog.pg_auth_members m
			  JOIN trusted t ON t.roleid = m.grantor
			 WHERE m.roleid = role_name::pg_catalog.regrole AND m.admin_option)
		SELECT m.member::pg_catalog.regrole::text INTO stranger
		  FROM pg_catalog.pg_auth_members m
		 WHERE m.roleid = role_name::pg_catalog.regrole
		   AND m.grantor NOT IN (SELECT roleid FROM trusted)
		 LIMIT 1;
		IF stranger IS NOT NULL THEN
			RAISE EXCEPTION 'role "%" exists and has a member that no superuser let in: %', role_name, stranger
				USING ERRCODE = 'invalid_role_specification',
					  HINT = 'REVOKE the membership, or grant it as a superuser.';
		END IF;
	END LOOP;
	IF NOT pg_catalog.pg_has_role('privseg_admin', 'privseg_reviewer', 'MEMBER') THEN
		GRANT privseg_reviewer TO privseg_admin;
	END IF;
	IF NOT pg_catalog.pg_has_role('privseg_admin', 'privseg_steward', 'MEMBER') THEN
		GRANT privseg_steward TO privseg_admin;
	END IF;
	IF NOT pg_catalog.pg_has_role('privseg_admin', 'privseg_auditor', 'MEMBER') THEN
		GRANT privseg_auditor TO privseg_admin;
	END IF;
END
$$;
