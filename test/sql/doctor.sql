-- What privseg.check() finds: each state is made, named, and gone with its cause.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
\pset tuples_only on

CREATE SCHEMA doctor_test;
CREATE ROLE doctor_auditor;
CREATE ROLE doctor_owner;
CREATE ROLE doctor_reader;
GRANT privseg_auditor TO doctor_auditor;
GRANT ALL ON SCHEMA doctor_test TO doctor_owner;
GRANT USAGE ON SCHEMA doctor_test TO doctor_auditor;
-- as an auditor asks
CREATE FUNCTION doctor_test.found(about text) RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql SET role = doctor_auditor AS $$ SELECT * FROM privseg.check() c WHERE c.object ~ about $$;
SELECT privseg.create_purpose('doctor_news', 'consent'), privseg.create_data_category('doctor.contact');

-- names that are words for personal data, and names that only look so
\pset tuples_only off
SELECT n AS guilty, p.kind FROM unnest(ARRAY[
	'email', 'e_mail', 'EMail', 'customerEmail', 'email_address', 'emails', 'mail', 'phone', 'phone_number', 'homePhone', 'phone2', 'tel', 'telefon', 'mobile',
	'ssn', 'national_id', 'passport_no', 'tax_id', 'codice_fiscale', 'iban', 'card_number', 'birth_date', 'dateOfBirth', 'dob', 'geburtsdatum', 'fecha_nacimiento',
	'first_name', 'LastName', 'SURNAME', 'nachname', 'vorname', 'prenom', 'address', 'address_line_1', 'street', 'strasse', 'zip', 'plz', 'postcode', 'gender', 'sex',
	'marital_status', 'religion', 'ethnicity', 'nationality', 'health', 'diagnosis', 'salary', 'income', 'ip_address', 'latitude', 'E-Mail Address']::name[]) WITH ORDINALITY u(n, i)
  LEFT JOIN privseg.personal_names(ARRAY(SELECT n)) p ON true ORDER BY i;
SELECT * FROM privseg.personal_names(ARRAY[
	'emailed_count', 'email_count', 'email_sent_at', 'is_email_verified', 'has_phone', 'message', 'filename', 'file_name', 'hostname', 'host_name', 'table_name', 'address_id',
	'address_type', 'mail_server', 'smtp_mail_host', 'email_template_id', 'phone_model', 'mobile_app_version', 'birth_rate', 'zip_file', 'zipped', 'streetlight', 'telemetry',
	'title', 'subject', 'description', 'memory_address', 'health_check_url', 'immobile', 'mailbox', 'platform', 'translation', 'ship_date', 'script', 'recipe', 'name', 'id',
	'created_at', 'hotel', 'postage', 'incoming', 'income_statement', 'orientation', 'session_id', 'nameplate', 'race_id', 'dobro', 'flat', 'stipend', 'addressed']::name[]);

-- values that are personal data, and values that only look so
SELECT u.list, privseg.personal_values(u.list) FROM (VALUES
	('{a.b@example.org,x,y,z}'::text[]), ('{call c@example.com today,-}'),
	('{DE89370400440532013000,GB82 WEST 1234 5698 7654 32}'), ('{DE88370400440532013000,GB83WEST12345698765432}'),
	('{4111 1111 1111 1111,5500-0000-0000-0004}'), ('{4111111111111112,5500000000000005}'), ('{1690000000000,1690000000018}'),
	('{+49 30 901820,+1 (212) 555-0100}'), ('{+1,+12.5,030901820}'),
	('{1980-05-17,17.05.1971,01/02/1999}'), ('{2999-01-01,2998-01-01,01/02/1999}'), ('{10.20.30.1980,1980-1}'),
	('{@home,a@b,me @ work}'), ('{}'), ('{NULL}'), (NULL)) u(list);

-- tables that are not protected: by name, by what ANALYZE kept, whoever owns them, whatever their kind
CREATE TABLE doctor_test.lead (id int PRIMARY KEY, email text, "Date of Birth" date, notes text, code text, card text, is_email boolean);
INSERT INTO doctor_test.lead SELECT g, 'p' || g || '@example.org', '1970-01-01', 'secret' || g || '@example.org', 'c' || g, '4111111111111111' FROM generate_series(1, 50) g;
SELECT * FROM doctor_test.found('^doctor_test\.lead');
ANALYZE doctor_test.lead;
SELECT * FROM doctor_test.found('^doctor_test\.lead');
SELECT count(*) FROM doctor_test.found('.') f WHERE f::text ~ 'secret|4111';
-- a label says what a column holds before its table is protected
SECURITY LABEL FOR privseg ON COLUMN doctor_test.lead.email IS 'doctor.contact';
SELECT object, message FROM doctor_test.found('^doctor_test\.lead') ORDER BY object;
SECURITY LABEL FOR privseg ON COLUMN doctor_test.lead.email IS NULL;
ALTER TABLE doctor_test.lead DROP COLUMN email, DROP COLUMN "Date of Birth", DROP COLUMN notes, DROP COLUMN card;
ANALYZE doctor_test.lead;
SELECT count(*) FROM doctor_test.found('^doctor_test\.lead');

-- an owner's policy, which would raise, is not asked
SET ROLE doctor_owner;
CREATE FUNCTION doctor_test.asked() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'asked as %', current_user; END $$;
CREATE TABLE doctor_test.own_policy (id int, remark varchar(90));
INSERT INTO doctor_test.own_policy SELECT g, '+49 30 9018' || g + 100 FROM generate_series(1, 50) g;
ANALYZE doctor_test.own_policy;
CREATE POLICY asked ON doctor_test.own_policy USING (doctor_test.asked());
ALTER TABLE doctor_test.own_policy ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
REVOKE ALL ON doctor_test.own_policy FROM doctor_owner;
RESET ROLE;
CREATE DOMAIN doctor_test.some_text AS text;
CREATE DOMAIN doctor_test.more_text AS doctor_test.some_text;
CREATE DOMAIN doctor_test.most_text AS doctor_test.more_text;
CREATE TABLE "doctor_test"."Odd "" Name" ("Phone Number" text, "e mail" doctor_test.some_text, d doctor_test.some_text, deep doctor_test.most_text);
INSERT INTO "doctor_test"."Odd "" Name" SELECT g, g, 'DE89370400440532013000', 'p' || g || '@example.org' FROM generate_series(1, 9) g;
ANALYZE "doctor_test"."Odd "" Name";
CREATE TABLE doctor_test.parted (id int, surname text, x text) PARTITION BY LIST (id);
CREATE TABLE doctor_test.parted_1 PARTITION OF doctor_test.parted FOR VALUES IN (1);
INSERT INTO doctor_test.parted SELECT 1, 'n', '1971-05-' || 10 + g % 9 FROM generate_series(1, 50) g;
ANALYZE doctor_test.parted_1;
CREATE TABLE doctor_test.parent (id int, email text);
CREATE TABLE doctor_test.child (iban text) INHERITS (doctor_test.parent);
CREATE MATERIALIZED VIEW doctor_test.kept AS SELECT 1 AS latitude;
CREATE VIEW doctor_test.shown AS SELECT 1 AS latitude;
CREATE EXTENSION file_fdw;
CREATE SERVER doctor_server FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE doctor_test.far (ssn text) SERVER doctor_server OPTIONS (filename '/dev/null');
CREATE TEMPORARY TABLE doctor_temporary (ssn text);
SELECT * FROM doctor_test.found('^(doctor_test\.("Odd|own|par|child|kept|far|shown)|.*doctor_temporary)');
DROP FOREIGN TABLE doctor_test.far;
DROP SERVER doctor_server;
DROP EXTENSION file_fdw;
DROP TABLE doctor_test.own_policy, "doctor_test"."Odd "" Name", doctor_test.parted, doctor_test.parent CASCADE;
DROP MATERIALIZED VIEW doctor_test.kept;
SELECT count(*) FROM doctor_test.found('^(doctor_test\.("Odd|own|par|child|kept|far|shown)|.*doctor_temporary)');
-- tables of an extension are not a user's
ALTER EXTENSION plpgsql ADD TABLE doctor_test.lead;
ALTER TABLE doctor_test.lead ADD email text;
SELECT count(*) FROM doctor_test.found('^doctor_test\.lead');
ALTER EXTENSION plpgsql DROP TABLE doctor_test.lead;
SELECT count(*) FROM doctor_test.found('^doctor_test\.lead');
DROP TABLE doctor_test.lead;

-- a protected table: columns that are not classified, by name; its statistics are not looked at, by nobody
CREATE TABLE doctor_test.person (id int PRIMARY KEY, email text, "Remark" text, born date, n int);
INSERT INTO doctor_test.person SELECT g, 'x', 'p' || g || '@example.org' FROM generate_series(1, 50) g;
ANALYZE doctor_test.person;
SELECT privseg.protect('doctor_test.person', 'id');
SELECT * FROM doctor_test.found('^doctor_test\.person$') WHERE area = 'classification';
BEGIN;
SET LOCAL row_security = off;
SELECT message FROM privseg.check() WHERE object = 'doctor_test.person' AND area = 'classification';
ROLLBACK;
SELECT privseg.classify('doctor_test.person', 'email', 'doctor.contact');
SECURITY LABEL FOR privseg ON COLUMN doctor_test.person.born IS 'doctor.contact';
SELECT message FROM doctor_test.found('^doctor_test\.person$') WHERE area = 'classification';
SELECT privseg.classify('doctor_test.person', c, 'doctor.contact') FROM unnest('{Remark,n}'::name[]) c;
SELECT count(*) FROM doctor_test.found('^doctor_test\.person$') WHERE area = 'classification';

-- a table that refers to it
CREATE TABLE doctor_test.visit (id int PRIMARY KEY, person_id int REFERENCES doctor_test.person);
CREATE INDEX ON doctor_test.visit (person_id);
SELECT * FROM doctor_test.found('^doctor_test\.visit');
SELECT privseg.protect('doctor_test.visit', 'person_id', 'doctor_test.person');
SELECT message FROM doctor_test.found('^doctor_test\.visit');
SELECT privseg.unprotect('doctor_test.visit');
DROP TABLE doctor_test.visit;

-- views that belong to those who may bypass row security
CREATE VIEW doctor_test.seen AS SELECT * FROM doctor_test.person;
CREATE VIEW doctor_test.seen_again AS SELECT id FROM doctor_test.seen;
SELECT * FROM doctor_test.found('^doctor_test\.seen');
ALTER VIEW doctor_test.seen SET (security_invoker = true);
SELECT object FROM doctor_test.found('^doctor_test\.seen');
ALTER VIEW doctor_test.seen_again OWNER TO doctor_owner;
SELECT object FROM doctor_test.found('^doctor_test\.seen');
ALTER ROLE doctor_owner BYPASSRLS;
SELECT object, message FROM doctor_test.found('^doctor_test\.seen');
SELECT * FROM doctor_test.found('^doctor_owner$');
ALTER ROLE doctor_owner NOBYPASSRLS SUPERUSER;
SELECT * FROM doctor_test.found('^doctor_owner$');
ALTER ROLE doctor_owner NOSUPERUSER;
-- who may read the server's files, by whatever way it became a member
CREATE ROLE doctor_files NOINHERIT;
GRANT pg_read_server_files, pg_execute_server_program TO doctor_files;
GRANT doctor_files TO doctor_owner;
SELECT * FROM doctor_test.found('^(doctor_owner|doctor_files)$');
DROP ROLE doctor_files;
SELECT count(*) FROM doctor_test.found('^(doctor_owner$|doctor_files$|doctor_test\.seen)');
DROP VIEW doctor_test.seen CASCADE;

-- purposes that nobody may act under
SELECT * FROM doctor_test.found('purpose doctor_news') WHERE area = 'clearance';
SELECT privseg.grant_clearance('doctor_reader', 'doctor_news', uses => '{collect}');
SELECT privseg.grant_clearance('doctor_reader', 'doctor_news', 'doctor.contact', '{project}');
SELECT count(*) FROM doctor_test.found('purpose doctor_news') WHERE area = 'clearance';
SELECT privseg.grant_clearance('doctor_reader', 'doctor_news', uses => '{aggregate}');
SELECT count(*) FROM doctor_test.found('purpose doctor_news') WHERE area = 'clearance';

-- who is shown groups only, and may change rows, by whatever privilege
CREATE ROLE doctor_counter;
CREATE ROLE doctor_counts IN ROLE doctor_counter;
CREATE ROLE doctor_apart NOINHERIT IN ROLE doctor_counter;
SELECT privseg.grant_clearance('doctor_counter', 'doctor_news', uses => '{aggregate}');
SELECT count(*) FROM doctor_test.found('^doctor_(count|apart)');
SELECT p AS privilege, pg_temp.outcome(format('GRANT %s doctor_test.person TO doctor_counter, doctor_apart; SELECT string_agg(object, $$,$$ ORDER BY object) FROM doctor_test.found($$^doctor_(count|apart)$$)', p))
  FROM unnest('{SELECT ON,INSERT ON,UPDATE ON,DELETE ON,UPDATE (n) ON,REFERENCES ON}'::text[]) WITH ORDINALITY u(p, i) ORDER BY i;
GRANT UPDATE (n) ON doctor_test.person TO doctor_counts;
SELECT * FROM doctor_test.found('^doctor_(count|apart)');
-- and who may record what people decide
SELECT done, pg_temp.outcome(done || '; SELECT string_agg(object, $$,$$ ORDER BY object) FROM doctor_test.found($$^doctor_(count|apart)$$) WHERE message LIKE $$%may record%$$')
  FROM unnest(ARRAY['SELECT 1', 'GRANT privseg_steward TO doctor_counts', 'SELECT privseg.grant_clearance($$doctor_counter$$, $$doctor_news$$, uses => $${aggregate,collect}$$)']) WITH ORDINALITY u(done, i) ORDER BY i;
-- cleared for rows beside; for a category, but not for one that is shown, nor for what is below such a one, unless it is special
SELECT u.held, pg_temp.outcome(format($s$
	SELECT privseg.create_data_category('doctor'), privseg.create_data_category('doctor.health', 'special');
	SET LOCAL row_security = off;
	UPDATE privseg.purposes SET special_category_basis = 'research' WHERE name = 'doctor_news';
	SELECT privseg.grant_clearance('doctor_counts', 'doctor_news', h.category, h.uses::text[]) FROM (VALUES (NULL, '{}'), %s) h(category, uses);
	SELECT string_agg(message, ',') FROM privseg.check() WHERE object = 'doctor_counts'$s$, held))
  FROM unnest(ARRAY[$$(NULL, '{collect}')$$, $$('doctor.contact', '{aggregate,filter}')$$, $$('doctor.contact', '{aggregate,project}')$$, $$('doctor.contact', '{aggregate}'), ('doctor', '{project}')$$,
	$$('doctor.health', '{aggregate}'), ('doctor', '{project}')$$, $$('doctor', '{aggregate}'), ('doctor.contact', '{project}')$$]) WITH ORDINALITY u(held, i) ORDER BY i;
SELECT pg_temp.outcome($$ALTER TABLE doctor_test.person OWNER TO doctor_counter; REVOKE ALL ON doctor_test.person FROM doctor_counter, doctor_counts;
	SELECT string_agg(object, ',' ORDER BY object) FROM doctor_test.found('^doctor_(count|apart)')$$) AS owner;
SELECT privseg.revoke_clearance('doctor_counter', 'doctor_news');
SELECT count(*) FROM doctor_test.found('^doctor_(count|apart)');
DROP OWNED BY doctor_counts;
DROP ROLE doctor_counter, doctor_counts, doctor_apart;

-- what a superuser has put into the tables of clearances: of no role, for a special category without a basis
BEGIN;
SET LOCAL row_security = off;
INSERT INTO privseg.data_categories (name, sensitivity) VALUES ('doctor.health', 'special');
INSERT INTO privseg.clearances VALUES ('doctor_reader', 'doctor_news', 'doctor.health', '{project}'), (4000000000, 'doctor_news', NULL, '{}');
SELECT * FROM doctor_test.found('^(doctor_reader|4000000000)$');
UPDATE privseg.purposes SET special_category_basis = 'research' WHERE name = 'doctor_news';
DELETE FROM privseg.clearances WHERE grantee = 4000000000;
SELECT count(*) FROM doctor_test.found('^(doctor_reader|4000000000)$');
ROLLBACK;

-- consents that a material version of their notice has stopped
SELECT privseg.publish_notice('doctor', '1', 'en', 'text', '{doctor_news}') IS NOT NULL;
SELECT privseg.record_consent('doctor_test.person', g, 'doctor_news', 'given', 'doctor/1') IS NOT NULL FROM generate_series(1, 6) g;
SELECT privseg.record_consent('doctor_test.person', 7, 'doctor_news', 'given', 'doctor/1', expires_at => now() + '1 microsecond') IS NOT NULL;
SELECT privseg.withdraw_consent('doctor_test.person', 6) IS NOT NULL, privseg.record_consent('doctor_test.person', 5, 'doctor_news', 'requested') IS NOT NULL;
SELECT message FROM doctor_test.found('^doctor_test.person, purpose doctor_news') WHERE message ~ 'notice';
SELECT privseg.publish_notice('doctor', '2', 'en', 'text', '{doctor_news}') IS NOT NULL;
SELECT message FROM doctor_test.found('^doctor_test.person, purpose doctor_news') WHERE message ~ 'notice';
SELECT privseg.publish_notice('doctor', '3', 'en', 'text', '{doctor_news}', material => true) IS NOT NULL;
SELECT * FROM doctor_test.found('^doctor_test.person, purpose doctor_news') WHERE message ~ 'notice';
SELECT privseg.record_consent('doctor_test.person', 1, 'doctor_news', 'renewed', 'doctor/3') IS NOT NULL;
SELECT message FROM doctor_test.found('^doctor_test.person, purpose doctor_news') WHERE message ~ 'notice';
SELECT count(*) FROM privseg.consent_status WHERE purpose = 'doctor_news' AND reason = 'notice_overtaken' AND subject_table = 'doctor_test.person'::regclass;
SELECT privseg.record_consent('doctor_test.person', g, 'doctor_news', 'refused') IS NOT NULL FROM generate_series(2, 5) g;
SELECT count(*) FROM doctor_test.found('^doctor_test.person, purpose doctor_news') WHERE message ~ 'notice';

-- what waits to be folded: the fold worker sees nothing of a transaction that is open
SELECT privseg.fold_consent() IS NOT NULL;
BEGIN;
SET LOCAL row_security = off;
SELECT privseg.record_consent('doctor_test.person', 9, 'doctor_news', 'given', 'doctor/3') IS NOT NULL;
SELECT count(*) FROM doctor_test.found('^doctor_test.person$') WHERE area = 'consent';
ROLLBACK;
BEGIN;
SET LOCAL row_security = off;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, id, recorded_at, recorded_by)
	VALUES ('doctor_test.person', '10', 'doctor_news', 'given', 'doctor/3', 1000000000, now() - interval '17 minutes', 'somebody');
SELECT count(*) > 0 FROM privseg.consent_delta;
SELECT * FROM doctor_test.found('^doctor_test.person$') WHERE area = 'consent';
SELECT privseg.fold_consent('doctor_test.person') IS NOT NULL;
SELECT count(*) FROM doctor_test.found('^doctor_test.person$') WHERE area = 'consent';
ROLLBACK;
-- what expires in half an hour is half an hour late in an hour
SELECT privseg.record_consent('doctor_test.person', 11, 'doctor_news', 'given', 'doctor/3', expires_at => now() + '30 minutes') IS NOT NULL;
SELECT privseg.fold_consent('doctor_test.person') IS NOT NULL;
SELECT count(*) FROM privseg.findings_about_folding('0') WHERE object = 'doctor_test.person';
SELECT status, area, object, regexp_replace(message, '[0-9]+', 'N'), hint FROM privseg.findings_about_folding('-1 hour') WHERE object = 'doctor_test.person';

-- settings by which values go where no policy is, of this session, of roles and databases
SELECT * FROM doctor_test.found('^log_min_error_statement$');
SET log_min_error_statement = fatal;
SELECT * FROM doctor_test.found('^log_min_error_statement');
RESET log_min_error_statement;
SET log_statement = 'mod';
SET log_min_duration_statement = 0;
SET log_min_duration_sample = '1s';
SET log_transaction_sample_rate = 0.5;
SET log_parameter_max_length_on_error = -1;
SET debug_print_parse = on;
SET debug_print_rewritten = on;
SET debug_print_plan = on;
LOAD 'auto_explain';
SELECT message FROM doctor_test.found('^auto_explain');
SET auto_explain.log_min_duration = 60000;
SELECT * FROM doctor_test.found('^(log|debug|auto)_.*[a-z]$') WHERE area = 'settings' AND object !~ 'server|log_min_error_statement' ORDER BY object;
SET log_parameter_max_length = 0;
SET log_statement = ddl;
SELECT object, message FROM doctor_test.found('^log_(statement|min_duration_statement)$') ORDER BY object;
RESET log_statement;
RESET log_min_duration_statement;
RESET log_min_duration_sample;
RESET log_transaction_sample_rate;
RESET log_parameter_max_length_on_error;
RESET log_parameter_max_length;
RESET debug_print_parse;
RESET debug_print_rewritten;
RESET debug_print_plan;
RESET auto_explain.log_min_duration;
SELECT object FROM doctor_test.found('^(log|debug|auto)_') WHERE object !~ 'log_statement|log_min_error_statement';
ALTER ROLE doctor_reader SET log_min_duration_sample = '7s';
ALTER ROLE doctor_owner SET log_min_duration_sample = '-1';
ALTER DATABASE :DBNAME SET auto_explain.log_min_duration = '5s';
ALTER ROLE doctor_reader IN DATABASE :DBNAME SET log_transaction_sample_rate = '0.1';
ALTER ROLE doctor_reader IN DATABASE template1 SET log_transaction_sample_rate = '0.1';
ALTER ROLE doctor_reader SET session_preload_libraries = 'auto_explain, $libdir/privseg';
ALTER ROLE doctor_owner SET local_preload_libraries = 'privsegment';
SELECT status, area, replace(object, :'DBNAME', 'DBNAME') AS object, message, hint FROM doctor_test.found(' (of role|in database) ');
ALTER ROLE doctor_reader RESET ALL;
ALTER ROLE doctor_reader IN DATABASE :DBNAME RESET ALL;
ALTER ROLE doctor_reader IN DATABASE template1 RESET ALL;
ALTER ROLE doctor_owner RESET ALL;
ALTER DATABASE :DBNAME RESET auto_explain.log_min_duration;
SELECT count(*) FROM doctor_test.found(' (of role|in database) ');

-- other libraries, and their place
SELECT u.list, f.status, f.object, f.message, f.hint FROM unnest(ARRAY['privseg', 'pg_stat_statements, privseg, auto_explain', 'citus, privseg, pgaudit', 'privseg, citus', 'pgaudit,privseg',
	'timescaledb, privseg', 'privseg, "timescaledb"', 'privseg, pg_duckdb', 'something, privseg', '$libdir/privseg.so, something']) WITH ORDINALITY u(list, i), privseg.findings_about_libraries(u.list) f ORDER BY i, f.object;

-- the order is the same each time, and every gap comes with a hint
SELECT (SELECT array_agg(c::text) FROM privseg.check() c) = (SELECT array_agg(c::text) FROM privseg.check() c);
SELECT * FROM privseg.check() WHERE status NOT IN ('compliant', 'gap', 'violation') OR (status = 'compliant') <> (hint IS NULL);
-- nor does what it says depend on what the session has set
SELECT md5(string_agg(c::text, ' ')) AS said FROM privseg.check() c WHERE c.area IN ('protection', 'encryption', 'settings', 'classification') AND c.object <> 'statistics' \gset
BEGIN;
SET LOCAL escape_string_warning = off;
SET LOCAL standard_conforming_strings = off;
SELECT md5(string_agg(c::text, ' ')) = :'said' FROM privseg.check() c WHERE c.area IN ('protection', 'encryption', 'settings', 'classification') AND c.object <> 'statistics';
ROLLBACK;
BEGIN;
SET LOCAL quote_all_identifiers = on;
SELECT md5(string_agg(c::text, ' ')) = :'said' FROM privseg.check() c WHERE c.area IN ('protection', 'encryption', 'settings', 'classification') AND c.object <> 'statistics';
ROLLBACK;
BEGIN;
SET LOCAL transform_null_equals = on; SET LOCAL array_nulls = off; SET LOCAL datestyle = german; SET LOCAL intervalstyle = sql_standard; SET LOCAL timezone = 'Asia/Tokyo';
SET LOCAL bytea_output = escape; SET LOCAL extra_float_digits = -15; SET LOCAL xmlbinary = hex; SET LOCAL backslash_quote = off; SET LOCAL plpgsql.variable_conflict = use_column;
SELECT md5(string_agg(c::text, ' ')) = :'said' FROM privseg.check() c WHERE c.area IN ('protection', 'encryption', 'settings', 'classification') AND c.object <> 'statistics';
ROLLBACK;
-- a server that only reads
BEGIN READ ONLY;
SELECT count(*) > 3 FROM doctor_test.found('.');
COMMIT;
-- the parts are nobody's to call
SELECT DISTINCT p.code FROM pg_proc f, pg_temp.outcome('doctor_auditor', '', format('SELECT 1 FROM privseg.%I(%s)', f.proname, array_to_string(ARRAY(SELECT 'NULL' FROM unnest(f.proargtypes)), ', '))) p(code)
 WHERE f.pronamespace = 'privseg'::regnamespace AND f.proname ~ '^(personal|findings|settings_in|libraries_of|user_tables|protected_tree|iban|card|launcher)';

SELECT privseg.revoke_clearance('doctor_reader', 'doctor_news');
SELECT privseg.unprotect('doctor_test.person');
DROP SCHEMA doctor_test CASCADE;
DROP ROLE doctor_auditor, doctor_owner, doctor_reader;
