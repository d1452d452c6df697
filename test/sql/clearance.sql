-- Clearance: who may act and who may collect, through which memberships, and
-- that granting, revoking and SET ROLE count from the next statement on.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA clearance_test;
GRANT USAGE ON SCHEMA clearance_test TO PUBLIC;
CREATE TABLE clearance_test.person (id int PRIMARY KEY);
INSERT INTO clearance_test.person SELECT generate_series(1, 4);
GRANT ALL ON clearance_test.person TO PUBLIC;
SELECT privseg.protect('clearance_test.person', 'id');
SELECT privseg.create_purpose('clearance_a', 'consent'), privseg.create_purpose('clearance_b', 'contract');
SELECT count(privseg.record_consent('clearance_test.person', i, 'clearance_a', 'given')) FROM generate_series(1, 3) i;
SELECT privseg.create_data_category('clearance.email'), privseg.create_data_category('clearance.health', 'special');

CREATE ROLE clearance_direct;
CREATE ROLE clearance_group;
CREATE ROLE clearance_member IN ROLE clearance_group;
CREATE ROLE clearance_outer_member IN ROLE clearance_member;
CREATE ROLE clearance_noinherit NOINHERIT IN ROLE clearance_group;
CREATE ROLE clearance_super SUPERUSER;
CREATE ROLE clearance_super_member SUPERUSER IN ROLE clearance_group;
CREATE ROLE clearance_bypass BYPASSRLS;
CREATE ROLE clearance_owner;
CREATE ROLE clearance_aggregate;
CREATE ROLE clearance_category;
CREATE ROLE clearance_nobody;
ALTER TABLE clearance_test.person OWNER TO clearance_owner;
SELECT privseg.grant_clearance('clearance_direct', 'clearance_a');
SELECT privseg.grant_clearance('clearance_group', 'clearance_a');
SELECT privseg.grant_clearance('clearance_aggregate', 'clearance_a', uses => '{aggregate}');
SELECT privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{project,filter}');

-- who acts under a purpose: the grantee and who inherits from it; nobody by
-- being superuser, owner, BYPASSRLS, or cleared for a category only
SELECT r AS role, pg_temp.outcome(r, 'clearance_a', 'SELECT count(*) FROM clearance_test.person') AS reads,
	pg_temp.outcome(r, 'clearance_a', 'INSERT INTO clearance_test.person VALUES (9) RETURNING id') AS writes,
	pg_temp.outcome(r, 'clearance_b', 'SELECT count(*) FROM clearance_test.person') AS other_purpose,
	pg_temp.outcome(r, '', 'SELECT count(*) FROM clearance_test.person') AS no_purpose
FROM unnest(ARRAY['clearance_direct', 'clearance_group', 'clearance_member', 'clearance_outer_member',
	'clearance_noinherit', 'clearance_super', 'clearance_super_member', 'clearance_bypass', 'clearance_owner',
	'clearance_aggregate', 'clearance_category', 'clearance_nobody', 'privseg_admin', 'privseg_steward',
	'privseg_auditor', 'privseg_reviewer']) r;
-- NOINHERIT: the role it sets itself to counts
SET SESSION AUTHORIZATION clearance_noinherit;
SELECT pg_temp.outcome('clearance_group', 'clearance_a', 'SELECT count(*) FROM clearance_test.person');
RESET SESSION AUTHORIZATION;
-- a superuser is cleared when somebody clears it
SELECT privseg.grant_clearance('clearance_super', 'clearance_a');
SELECT pg_temp.outcome('clearance_super', 'clearance_a', 'SELECT count(*) FROM clearance_test.person');

-- what a refusal says: what is missing, and how to get it
SET ROLE clearance_direct;
SET privseg.purpose = '';
SELECT r.* FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
SET privseg.purpose = 'clearance_none';
SELECT r.* FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
SET privseg.purpose = 'clearance_b';
SELECT r.* FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
SET privseg.purpose = 'clearance_a,clearance_b';
SELECT r.* FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
SET privseg.purpose = 'clearance_a, clearance_a';
SELECT r.code FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
SET privseg.purpose = ' clearance_a';
SELECT r.code FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
SET privseg.purpose = 'CLEARANCE_A';
SELECT r.code FROM pg_temp.refusal('SELECT count(*) FROM clearance_test.person') r;
RESET privseg.purpose;
RESET ROLE;

-- what a role holds, when it is not what it takes
SELECT privseg.create_data_category('clearance.telephone');
SELECT held, r.code, r.detail FROM unnest(ARRAY[$$NULL, '{aggregate}'$$, $$NULL, '{collect}'$$, $$'clearance.telephone', '{project,filter}'$$]) held,
	LATERAL pg_temp.refusal(format($$SELECT privseg.grant_clearance('clearance_nobody', 'clearance_b', %s); SET privseg.purpose = clearance_b; SET ROLE clearance_nobody; SELECT count(*) FROM clearance_test.person$$, held)) r;

-- every way to set the purpose
ALTER ROLE clearance_direct SET privseg.purpose = 'clearance_a';
SELECT rolconfig FROM pg_roles WHERE rolname = 'clearance_direct';
ALTER ROLE clearance_direct RESET privseg.purpose;
CREATE FUNCTION clearance_test.counted() RETURNS bigint LANGUAGE plpgsql SET privseg.purpose = 'clearance_a'
AS $$ BEGIN RETURN (SELECT count(*) FROM clearance_test.person); END $$;
SELECT r, pg_temp.outcome(r, 'clearance_b', 'SELECT clearance_test.counted()')
FROM unnest(ARRAY['clearance_direct', 'clearance_nobody']) r;
-- SECURITY DEFINER: its owner counts, who therefore needs clearance too
CREATE FUNCTION clearance_test.counted_as_owner() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN RETURN (SELECT count(*) FROM clearance_test.person); END $$;
SELECT o AS owner, c AS caller, pg_temp.outcome(format('ALTER FUNCTION clearance_test.counted_as_owner() OWNER TO %I;'
	' SET privseg.purpose = clearance_a; SET ROLE %I; SELECT clearance_test.counted_as_owner()', o, c)) AS result
FROM unnest(ARRAY['clearance_direct', 'clearance_nobody', 'clearance_super_member']) o, unnest(ARRAY['clearance_direct', 'clearance_nobody']) c;
SET ROLE clearance_direct;
BEGIN;
SET LOCAL privseg.purpose = 'clearance_a';
SELECT count(*) FROM clearance_test.person;
COMMIT;
SELECT pg_temp.outcome('SELECT count(*) FROM clearance_test.person') AS after_commit;
BEGIN;
SAVEPOINT s;
SET privseg.purpose = 'clearance_a';
ROLLBACK TO s;
SELECT pg_temp.outcome('SELECT count(*) FROM clearance_test.person') AS after_rollback;
COMMIT;
RESET ROLE;

-- grants and revocations count from the next statement on, in the same
-- transaction and for statements prepared before
SET plan_cache_mode = force_generic_plan;
PREPARE counting AS SELECT count(*) FROM clearance_test.person;
SET privseg.purpose = 'clearance_a';
CREATE FUNCTION clearance_test.as_direct(statement text) RETURNS text LANGUAGE sql
AS $$ SELECT pg_temp.outcome('clearance_direct', 'clearance_a', statement) $$;
BEGIN;
SELECT clearance_test.as_direct('SELECT count(*) FROM clearance_test.person');
SET LOCAL ROLE clearance_direct;
EXECUTE counting;
RESET ROLE;
SELECT privseg.revoke_clearance('clearance_direct', 'clearance_a');
SELECT clearance_test.as_direct('SELECT count(*) FROM clearance_test.person') AS revoked, clearance_test.as_direct('EXECUTE counting') AS prepared;
SAVEPOINT granted;
SELECT privseg.grant_clearance('clearance_direct', 'clearance_a');
SELECT clearance_test.as_direct('SELECT count(*) FROM clearance_test.person') AS granted, clearance_test.as_direct('EXECUTE counting') AS prepared;
ROLLBACK TO granted;
SELECT clearance_test.as_direct('SELECT count(*) FROM clearance_test.person') AS rolled_back, clearance_test.as_direct('EXECUTE counting') AS prepared;
ROLLBACK;
SELECT clearance_test.as_direct('SELECT count(*) FROM clearance_test.person') AS rolled_back, clearance_test.as_direct('EXECUTE counting') AS prepared;
REVOKE clearance_group FROM clearance_member;
SELECT r, pg_temp.outcome(r, 'clearance_a', 'EXECUTE counting') FROM unnest(ARRAY['clearance_member', 'clearance_outer_member']) r;
GRANT clearance_group TO clearance_member;
SELECT r, pg_temp.outcome(r, 'clearance_a', 'EXECUTE counting') FROM unnest(ARRAY['clearance_member', 'clearance_outer_member']) r;
ALTER ROLE clearance_member NOINHERIT;
SELECT r, pg_temp.outcome(r, 'clearance_a', 'EXECUTE counting') FROM unnest(ARRAY['clearance_member', 'clearance_outer_member']) r;
ALTER ROLE clearance_member INHERIT;
DEALLOCATE counting;
RESET plan_cache_mode;

-- nobody clears themselves, nor a role they belong to, whoever they are now
CREATE ROLE clearance_admin IN ROLE privseg_admin;
CREATE ROLE clearance_admin_group;
GRANT clearance_admin_group TO clearance_admin;
SET SESSION AUTHORIZATION clearance_admin;
SELECT g AS grantee, r.code, r.message FROM unnest(ARRAY['clearance_admin', 'clearance_admin_group', 'privseg_admin',
	'privseg_steward', 'clearance_nobody']) g,
	LATERAL pg_temp.refusal(format('SELECT privseg.grant_clearance(%L, %L)', g, 'clearance_a')) r;
SELECT g AS grantee, r.code FROM unnest(ARRAY['clearance_admin', 'clearance_admin_group', 'privseg_admin']) g,
	LATERAL pg_temp.refusal(format('SET ROLE privseg_admin; SELECT privseg.grant_clearance(%L, %L, uses => %L)', g, 'clearance_a', '{collect}')) r;
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION clearance_super;
SELECT r.code FROM pg_temp.refusal($$SELECT privseg.grant_clearance('clearance_super', 'clearance_b')$$) r;
RESET SESSION AUTHORIZATION;
-- nor who has set himself to a role
SELECT g AS grantee, r.code, r.message FROM unnest(ARRAY['clearance_admin', 'clearance_admin_group', 'clearance_nobody']) g,
	LATERAL pg_temp.refusal(format('SET ROLE clearance_admin; SELECT privseg.grant_clearance(%L, %L)', g, 'clearance_a')) r;
RESET ROLE;
-- nor by code that others call, or that core runs for others, with an administrator's rights
CREATE SCHEMA clearance_lent AUTHORIZATION clearance_admin;
GRANT USAGE ON SCHEMA clearance_lent TO PUBLIC;
SET SESSION AUTHORIZATION clearance_admin;
CREATE FUNCTION clearance_lent.grants(grantee text) RETURNS int LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN PERFORM privseg.grant_clearance(grantee::regrole, 'clearance_a'); RETURN 1; END $$;
CREATE FUNCTION clearance_lent.lends(grantee text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN PERFORM privseg.grant_clearance(grantee::regrole, 'clearance_a'); END $$;
CREATE FUNCTION clearance_lent.lends_in_sql(grantee text) RETURNS void LANGUAGE sql SECURITY DEFINER
AS $$ SELECT privseg.grant_clearance(grantee::regrole, 'clearance_a') $$;
CREATE FUNCTION clearance_lent.lends_on() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $$ BEGIN PERFORM clearance_lent.grants('clearance_admin'); RETURN NULL; END $$;
CREATE TABLE clearance_lent.plain (grantee text);
CREATE INDEX lends ON clearance_lent.plain (clearance_lent.grants(grantee));
CREATE MATERIALIZED VIEW clearance_lent.made AS SELECT clearance_lent.grants('clearance_nobody') WITH NO DATA;
CREATE TABLE clearance_lent.written (i int);
CREATE TRIGGER lends AFTER INSERT ON clearance_lent.written FOR EACH ROW EXECUTE FUNCTION clearance_lent.lends_on();
GRANT INSERT ON clearance_lent.written, clearance_lent.plain TO PUBLIC;
RESET SESSION AUTHORIZATION;
SELECT c AS caller, s AS statement, r.code, r.message, r.detail, r.hint
FROM (VALUES ('clearance_nobody', $$SELECT clearance_lent.lends('clearance_admin')$$), ('clearance_super', $$SELECT clearance_lent.lends('clearance_admin')$$),
	('clearance_nobody', $$SELECT clearance_lent.lends_in_sql('clearance_admin')$$),
	('clearance_nobody', 'INSERT INTO clearance_lent.written VALUES (1)'),
	('clearance_super', $$SET LOCAL row_security = off; INSERT INTO clearance_lent.plain VALUES ('clearance_nobody'); REINDEX TABLE clearance_lent.plain$$),
	('clearance_super', 'REFRESH MATERIALIZED VIEW clearance_lent.made'), ('clearance_admin', 'REFRESH MATERIALIZED VIEW clearance_lent.made'),
	-- code that lends nothing
	('clearance_admin', $$SELECT clearance_lent.grants('clearance_nobody')$$)) v (c, s),
	LATERAL pg_temp.refusal(format('SET SESSION AUTHORIZATION %I; %s', c, s)) r;
RESET SESSION AUTHORIZATION;

-- what is granted must make sense
SELECT s AS call, r.* FROM unnest(ARRAY[
	$$(NULL, 'clearance_a')$$, $$('clearance_nobody', NULL)$$, $$('clearance_nobody', 'clearance_a', uses => NULL)$$,
	$$('clearance_nobody', 'clearance_a', uses => '{NULL}')$$, $$('clearance_nobody', 'clearance_none')$$,
	$$('clearance_absent', 'clearance_a')$$, $$(1, 'clearance_a')$$, $$('clearance_nobody', 'clearance_a', uses => '{project}')$$,
	$$('clearance_nobody', 'clearance_a', uses => '{{aggregate},{collect}}')$$, $$('clearance_nobody', 'clearance_a', uses => '{read}')$$, $$('clearance_nobody', 'clearance_a', 'clearance.email')$$,
	$$('clearance_nobody', 'clearance_a', 'clearance.email', '{}')$$, $$('clearance_nobody', 'clearance_a', 'clearance.email', '{collect}')$$,
	$$('clearance_nobody', 'clearance_a', 'clearance.none', '{filter}')$$,
	$$('clearance_nobody', 'clearance_a', 'clearance.health', '{filter}')$$]) s,
	LATERAL pg_temp.refusal('SELECT privseg.grant_clearance' || s) r;
SELECT s AS call, r.* FROM unnest(ARRAY[
	$$(NULL, 'clearance_a')$$, $$('clearance_direct', NULL)$$, $$('clearance_direct', 'clearance_b')$$,
	$$('clearance_nobody', 'clearance_a')$$, $$('clearance_direct', 'clearance_a', 'clearance.email')$$]) s,
	LATERAL pg_temp.refusal('SELECT privseg.revoke_clearance' || s) r;

-- grants add up, twice is once, and one category is taken away alone
SELECT privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{filter,project,filter}');
SELECT privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{mask}');
SELECT privseg.grant_clearance('clearance_category', 'clearance_a');
SELECT category, uses FROM privseg.clearance WHERE grantee = 'clearance_category'::regrole ORDER BY 1, 2;
-- less than what is there narrows nothing, which is said; more, or something else, or the same again is as usual
SET client_min_messages = notice;
SELECT privseg.grant_clearance('clearance_category', 'clearance_a', uses => '{aggregate}');
SELECT privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{mask}');
SELECT privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{filter}');
SELECT privseg.grant_clearance('clearance_category', 'clearance_a'), privseg.grant_clearance('clearance_category', 'clearance_a', uses => '{collect}'),
	privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{write}'), privseg.grant_clearance('clearance_category', 'clearance_a', 'clearance.email', '{filter,mask,project,write}');
SET client_min_messages = warning;
SELECT privseg.revoke_clearance('clearance_category', 'clearance_a', 'clearance.email');
SELECT category, uses FROM privseg.clearance WHERE grantee = 'clearance_category'::regrole ORDER BY 1, 2;
-- one sees one's own; an auditor sees all
SELECT r, pg_temp.outcome(r, '', $$SELECT string_agg(DISTINCT grantee::text, ',' ORDER BY grantee::text) FROM privseg.clearance WHERE purpose = 'clearance_a'$$)
FROM unnest(ARRAY['clearance_nobody', 'clearance_direct', 'clearance_member', 'privseg_auditor']) r;

-- collecting: record and withdraw for that purpose, and nothing else
CREATE ROLE clearance_form;
SELECT privseg.grant_clearance('clearance_form', 'clearance_a', uses => '{collect}');
SELECT s AS statement, pg_temp.outcome('clearance_form', 'clearance_a', 'SELECT ' || s || ' IS NOT NULL') AS result
FROM unnest(ARRAY[
	$$privseg.record_consent('clearance_test.person', 4, 'clearance_a', 'given')$$,
	$$privseg.record_consent('clearance_test.person', '4', 'clearance_a', 'refused')$$,
	$$privseg.withdraw_consent('clearance_test.person', 4, 'clearance_a')$$,
	$$privseg.permitted('clearance_test.person', 4, 'clearance_a')$$,
	$$privseg.record_consent('clearance_test.person', 4, 'clearance_b', 'given')$$,
	$$privseg.withdraw_consent('clearance_test.person', 4, 'clearance_b')$$,
	$$privseg.withdraw_consent('clearance_test.person', 4)$$,
	$$privseg.permitted('clearance_test.person', 4, 'clearance_b')$$,
	$$privseg.record_consent('clearance_test.person', 4, 'clearance_none', 'given')$$,
	$$privseg.record_consent('clearance_test.person', 4, NULL, 'given')$$,
	$$privseg.record_objection('clearance_test.person', 4, 'clearance_a')$$,
	$$privseg.record_signal('clearance_test.person', 4, 'gpc')$$,
	$$privseg.explain_decision('clearance_test.person', 4, 'clearance_a')$$,
	$$privseg.consent_receipt('clearance_test.person', 4)$$,
	$$privseg.fold_consent()$$,
	$$(SELECT count(*) FROM privseg.consent_record)$$,
	$$(SELECT count(*) FROM privseg.consent_status)$$,
	$$(SELECT count(*) FROM clearance_test.person)$$]) s;
SELECT privseg.revoke_clearance('clearance_form', 'clearance_a');
SELECT pg_temp.outcome('clearance_form', 'clearance_a', $$SELECT privseg.record_consent('clearance_test.person', 4, 'clearance_a', 'given')$$) AS revoked;
-- whoever acts may ask who permits that purpose
SELECT r, p, pg_temp.outcome(r, '', format($$SELECT privseg.permitted('clearance_test.person', 4, %L)$$, p))
FROM unnest(ARRAY['clearance_direct', 'clearance_member', 'clearance_nobody']) r, unnest(ARRAY['clearance_a', 'clearance_b']) p;

-- a role that is dropped takes its clearance along: its successor has none
CREATE ROLE clearance_short;
SELECT privseg.grant_clearance('clearance_short', 'clearance_a');
DROP OWNED BY clearance_short;
DROP ROLE clearance_short;
CREATE ROLE clearance_short;
SELECT pg_temp.outcome('clearance_short', 'clearance_a', 'SELECT count(*) FROM clearance_test.person');
SELECT count(*) FROM privseg.clearance WHERE grantee::text ~ '^\d+$';
DROP ROLE clearance_short;
-- renaming changes nothing
ALTER ROLE clearance_direct RENAME TO "Clearance Direct";
SELECT pg_temp.outcome('Clearance Direct', 'clearance_a', 'SELECT count(*) FROM clearance_test.person');
ALTER ROLE "Clearance Direct" RENAME TO clearance_direct;

DROP SCHEMA clearance_test CASCADE;
DROP OWNED BY clearance_direct, clearance_group, clearance_member, clearance_outer_member, clearance_noinherit,
	clearance_super, clearance_super_member, clearance_bypass, clearance_owner, clearance_aggregate, clearance_category,
	clearance_nobody, clearance_admin, clearance_admin_group, clearance_form;
DROP ROLE clearance_direct, clearance_group, clearance_member, clearance_outer_member, clearance_noinherit,
	clearance_super, clearance_super_member, clearance_bypass, clearance_owner, clearance_aggregate, clearance_category,
	clearance_nobody, clearance_admin, clearance_admin_group, clearance_form;
SELECT count(*) FROM privseg.clearance WHERE purpose LIKE 'clearance%';
