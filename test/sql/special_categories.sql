-- Special categories of data (GDPR Art. 9): without a basis nothing opens; with explicit consent
-- as the basis a value opens of those whose consent is explicit, and is NULL of the others.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
SET timezone = 'UTC';

CREATE ROLE special_doctor;
CREATE ROLE special_masked;
CREATE ROLE special_stranger;
CREATE SCHEMA special;
GRANT USAGE, CREATE ON SCHEMA special TO special_doctor, special_masked, special_stranger;
SELECT privseg.create_purpose('special_care', 'consent', special_category_basis => 'explicit_consent'),
	privseg.create_purpose('special_ward', 'contract', special_category_basis => 'explicit_consent'),
	privseg.create_purpose('special_offers', 'legitimate_interests', special_category_basis => 'explicit_consent', direct_marketing => true),
	privseg.create_purpose('special_ads', 'contract', special_category_basis => 'explicit_consent', targeted_advertising => true),
	privseg.create_purpose('special_study', 'consent', special_category_basis => 'research'),
	privseg.create_purpose('special_mail', 'consent'),
	privseg.create_data_category('special'), privseg.create_data_category('special.health', 'special');
CREATE TABLE special.person (id bigint PRIMARY KEY, phone text, diagnosis text, code text, plain int);
CREATE TABLE special.patient (id uuid PRIMARY KEY, diagnosis text);
CREATE TABLE special.member (id text PRIMARY KEY, diagnosis text);
SELECT privseg.protect(t, 'id') FROM unnest('{special.person,special.patient,special.member}'::regclass[]) t;
SELECT count(privseg.grant_clearance('special_doctor', name)::text), count(privseg.grant_clearance('special_doctor', name, 'special', '{project,filter,write}')::text),
	count(privseg.grant_clearance('special_masked', name)::text), count(privseg.grant_clearance('special_masked', name, 'special', '{mask}')::text),
	count(privseg.grant_clearance('special_stranger', name)::text)
  FROM privseg.purpose WHERE name LIKE 'special%';
SELECT count(privseg.grant_clearance('special_doctor', name, 'special.health', '{project,filter,write}')::text), count(privseg.grant_clearance('special_masked', name, 'special.health', '{mask}')::text)
  FROM privseg.purpose WHERE name LIKE 'special%' AND special_category_basis IS NOT NULL;
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.grant_clearance('special_doctor', 'special_mail', 'special.health', '{project}')$$);
GRANT ALL ON ALL TABLES IN SCHEMA special TO special_doctor, special_masked, special_stranger;

-- a story is a list of steps: status or kind @ days from now [/ days until it expires] [!: explicit] [~ days from now of recording]
CREATE TABLE special.story (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, story text, care boolean, ward boolean, offers boolean, ads boolean);
INSERT INTO special.story (story, care, ward, offers, ads) VALUES
	('nothing',                             false, false, false, false),
	('given@-9',                            false, false, false, false),
	('given@-9!',                           true,  true,  true,  true),
	('renewed@-9!',                         true,  true,  true,  true),
	('requested@-9!',                       false, false, false, false),
	('given@-9! given@-5',                  false, false, false, false),
	('given@-9 given@-5!',                  true,  true,  true,  true),
	('given@-9! given@-20',                 true,  true,  true,  true),
	('given@-9 given@-20!',                 false, false, false, false),
	('given@-9! given@-9',                  false, false, false, false),
	('given@-9 given@-9!',                  true,  true,  true,  true),
	('given@-9! requested@-1',              true,  true,  true,  true),
	('given@-9! given@9',                   true,  true,  true,  true),
	('given@9!',                            false, false, false, false),
	('given@-9! given@-5/2',                false, false, false, false),
	('given@-9!/3',                         false, false, false, false),
	('given@-9!/30',                        true,  true,  true,  true),
	('given@-9/3 given@-5!',                true,  true,  true,  true),
	('given@-9! withdrawn@-1',              false, false, false, false),
	('given@-9! refused@-1!',               false, false, false, false),
	('given@-9! withdrawn@-1 given@0',      false, false, false, false),
	('given@-9! withdrawn@-1 renewed@0!',   true,  true,  true,  true),
	('given@-9! withdrawn@9',               true,  true,  true,  true),
	('given@-9! withdrawal@-1',             false, false, false, false),
	('given@-9! withdrawal@-20',            true,  true,  true,  true),
	('given@-9! withdrawal@9',              true,  true,  true,  true),
	('withdrawal@-9 given@-1!',             true,  true,  true,  true),
	('given@-1!~-20 withdrawal@-15~-15',    false, false, false, false),
	('given@-1!~-20 refused@-15~-15',       false, false, false, false),
	('given@-9!~-9 given@-1~-9 withdrawal@-15~-5', true, false, true, false),
	('given@-9! objection@-1',              false, false, false, false),
	('objection@-9 given@-1!',              true,  true,  true,  true),
	('given@-9! signal@-1',                 true,  true,  true,  false),
	('signal@-9 given@-1!',                 true,  true,  true,  true),
	('given@-9! restriction@-1',            false, false, false, false),
	('given@-9! restriction@-5 lifted@-1',  true,  true,  true,  true),
	('given@-9! erasure@-1',                false, false, false, false);
SET row_security = off;
INSERT INTO special.person SELECT id, 'phone ' || id, 'sick ' || id, 'c' || id % 5, id FROM special.story;
INSERT INTO special.patient SELECT md5(id::text)::uuid, 'sick ' || id FROM special.story;
INSERT INTO special.member SELECT 'member number ' || id, 'sick ' || id FROM special.story;
RESET row_security;
SELECT privseg.encrypt_column('special.person', 'phone', 'special'), privseg.encrypt_column('special.person', 'diagnosis', 'special.health'),
	privseg.encrypt_column('special.person', 'code', 'special.health', true),
	privseg.encrypt_column('special.patient', 'diagnosis', 'special.health'), privseg.encrypt_column('special.member', 'diagnosis', 'special.health');
CREATE INDEX person_code ON special.person (code);

CREATE FUNCTION special.tell(story_id int, story text) RETURNS void LANGUAGE plpgsql SET row_security = off AS $$
DECLARE
	step text[];
	person record;
BEGIN
	FOR step IN SELECT regexp_match(s, '^(\w+)@(-?\d+)(!?)(?:/(\d+))?(?:~(-?\d+))?$') FROM regexp_split_to_table(story, ' ') s
	LOOP
		CONTINUE WHEN step IS NULL;
		FOR person IN SELECT * FROM (VALUES ('special.person'::regclass, story_id::text), ('special.patient', md5(story_id::text)::uuid::text),
			('special.member', 'member number ' || story_id)) v (t, key)
		LOOP
			INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, explicit, effective_at, expires_at, kind, id, recorded_at)
			SELECT person.t, person.key, p.name, CASE step[1] WHEN 'objection' THEN 'refused' WHEN 'withdrawal' THEN 'withdrawn' WHEN 'signal' THEN 'refused'
					WHEN 'restriction' THEN 'refused' WHEN 'lifted' THEN 'given' WHEN 'erasure' THEN 'refused' ELSE step[1] END, step[3] = '!',
				now() + step[2]::int * interval '1 day', now() + (step[2]::int + step[4]::int) * interval '1 day',
				CASE step[1] WHEN 'lifted' THEN 'restriction' WHEN 'objection' THEN step[1] WHEN 'withdrawal' THEN step[1] WHEN 'signal' THEN step[1]
					WHEN 'restriction' THEN step[1] WHEN 'erasure' THEN step[1] ELSE 'consent' END,
				nextval('privseg.consent_record_id_seq'), now() + COALESCE(step[5]::int, 0) * interval '1 day'
			  FROM (SELECT name FROM privseg.purpose WHERE name LIKE 'special%' AND name <> 'special_mail') p
			 WHERE step[1] NOT IN ('withdrawal', 'signal', 'restriction', 'lifted', 'erasure')
			UNION ALL
			SELECT person.t, person.key, NULL, CASE step[1] WHEN 'withdrawal' THEN 'withdrawn' WHEN 'lifted' THEN 'given' ELSE 'refused' END, false,
				now() + step[2]::int * interval '1 day', NULL, CASE step[1] WHEN 'lifted' THEN 'restriction' ELSE step[1] END,
				nextval('privseg.consent_record_id_seq'), now() + COALESCE(step[5]::int, 0) * interval '1 day'
			 WHERE step[1] IN ('withdrawal', 'signal', 'restriction', 'lifted', 'erasure');
		END LOOP;
	END LOOP;
END
$$;

-- every way to ask, against what is expected: what differs
CREATE FUNCTION special.wrong() RETURNS TABLE (way text, purpose text, stories text) LANGUAGE plpgsql AS $$
DECLARE
	p text;
BEGIN
	CREATE TEMP TABLE given (way text, purpose text, id int) ON COMMIT DROP;
	INSERT INTO given SELECT 'explained', 'special_' || q, s.id FROM special.story s, unnest('{care,ward,offers,ads}'::text[]) q
	 WHERE (privseg.explain_decision('special.person', s.id, 'special_' || q) ->> 'special_permitted')::boolean;
	INSERT INTO given SELECT 'explained then', 'special_' || q, s.id FROM special.story s, unnest('{care,ward,offers,ads}'::text[]) q
	 WHERE (privseg.explain_decision('special.person', s.id, 'special_' || q, now()) ->> 'special_permitted')::boolean;
	GRANT INSERT ON given TO special_doctor;
	PERFORM set_config('role', 'special_doctor', true);
	FOREACH p IN ARRAY '{special_care,special_ward,special_offers,special_ads}'::text[]
	LOOP
		PERFORM set_config('privseg.purpose', p, true);
		INSERT INTO given SELECT 'integer', p, s.id FROM special.story s WHERE privseg.row_explicit(s.id, 'special.person');
		INSERT INTO given SELECT 'uuid', p, s.id FROM special.story s WHERE privseg.row_explicit(md5(s.id::text)::uuid, 'special.patient');
		INSERT INTO given SELECT 'text', p, s.id FROM special.story s WHERE privseg.row_explicit('member number ' || s.id, 'special.member');
		INSERT INTO given SELECT 'integer, plain', p, a.plain FROM special.person a WHERE privseg.row_explicit(a.id, 'special.person');
		INSERT INTO given SELECT 'integer, opened', p, substr(a.diagnosis, 6)::int FROM special.person a WHERE a.diagnosis IS NOT NULL;
		INSERT INTO given SELECT 'uuid, opened', p, substr(a.diagnosis, 6)::int FROM special.patient a WHERE a.diagnosis IS NOT NULL;
		INSERT INTO given SELECT 'text, opened', p, substr(a.diagnosis, 6)::int FROM special.member a WHERE a.diagnosis IS NOT NULL;
	END LOOP;
	PERFORM set_config('role', 'none', true);
	RETURN QUERY WITH expected AS (
		SELECT 'special_care' AS purpose, s.id FROM special.story s WHERE care UNION ALL SELECT 'special_ward', s.id FROM special.story s WHERE ward
		UNION ALL SELECT 'special_offers', s.id FROM special.story s WHERE offers UNION ALL SELECT 'special_ads', s.id FROM special.story s WHERE ads
	), ways AS (SELECT DISTINCT g.way FROM given g)
	SELECT COALESCE(w.way, x.way), x.purpose, string_agg(s.story, ', ' ORDER BY s.id)
	  FROM (SELECT g.way, g.purpose, g.id FROM given g EXCEPT ALL SELECT ways.way, e.* FROM expected e, ways
			UNION ALL (SELECT ways.way, e.* FROM expected e, ways EXCEPT ALL SELECT g.way, g.purpose, g.id FROM given g)) x
	  JOIN special.story s USING (id) LEFT JOIN ways w ON w.way = x.way GROUP BY 1, 2
	UNION ALL SELECT 'ways', NULL, count(*)::text FROM ways HAVING count(*) <> 9;
	DROP TABLE given;
END
$$;
GRANT SELECT ON special.story TO special_doctor;
-- before anybody can fold it
BEGIN;
SELECT count(special.tell(id, story)::text) FROM special.story;
SELECT * FROM special.wrong();
COMMIT;
SELECT privseg.fold_consent() >= 0 AS folded;
SELECT * FROM special.wrong();
SELECT privseg.rebuild_consent() >= 0 AS built;
SELECT * FROM special.wrong();
-- who permits what is not explicit is seen, without the value
SET ROLE special_doctor;
SET privseg.purpose = 'special_care';
SELECT id, phone, diagnosis, code FROM special.person WHERE id < 8 ORDER BY id;
SET privseg.purpose = 'special_ward';
SELECT count(*), count(phone) AS phones, count(diagnosis) AS diagnoses FROM special.person;
RESET ROLE;
SELECT story, e ->> 'permitted' AS permitted, e ->> 'explicit' AS explicit, e ->> 'special_permitted' AS special
  FROM special.story, privseg.explain_decision('special.person', id, 'special_ward') e WHERE id IN (1, 2, 3, 6, 24);
SELECT p AS purpose, privseg.explain_decision('special.person', 2, p) ->> 'special_permitted' AS special FROM unnest('{special_study,special_mail}'::text[]) p;
SELECT subject, explicit FROM privseg.consent_status WHERE subject_table = 'special.person'::regclass AND purpose = 'special_care' AND subject IN ('2', '3', '6') ORDER BY 1;

-- another basis: no condition
SET ROLE special_doctor;
SET privseg.purpose = 'special_study';
SELECT count(*), count(diagnosis) AS diagnoses, bool_and(privseg.row_explicit(id, 'special.person')) AS open FROM special.person;
SELECT privseg.row_explicit(NULL::bigint, 'special.person') AS nobody, privseg.row_explicit(2, 'special.person') AS not_explicit;
-- none: nothing special opens, nor is it written, whatever was granted
RESET ROLE;
SET row_security = off;
INSERT INTO privseg.clearances (grantee, purpose, category, uses) VALUES ('special_doctor', 'special_mail', 'special.health', '{project,filter,write}'),
	('special_masked', 'special_mail', 'special.health', '{mask}');
RESET row_security;
SELECT count(privseg.record_consent('special.person', i, 'special_mail', 'given', explicit => true)) FROM generate_series(1, 5) i;
SET privseg.purpose = 'special_mail';
SET ROLE special_doctor;
SELECT id, phone FROM special.person ORDER BY id;
SELECT code, message, detail, hint FROM unnest(ARRAY['SELECT diagnosis FROM special.person', 'SELECT id FROM special.person WHERE code = ''c1''', 'UPDATE special.person SET diagnosis = ''x'' WHERE id = 1']) s, pg_temp.refusal(s);
SELECT privseg.row_explicit(3, 'special.person') AS explicit;
SET ROLE special_masked;
SELECT code, message FROM pg_temp.refusal('SELECT diagnosis FROM special.person');
SET privseg.purpose = 'special_care';
SELECT count(*), count(diagnosis) AS diagnoses FROM special.person;
SET ROLE special_stranger;
SELECT code, message, hint FROM pg_temp.refusal('SELECT diagnosis FROM special.person');

-- row_explicit: who may ask, and about what
SELECT code, message FROM unnest(ARRAY['3, ''special.person''', 'NULL::bigint, ''special.person''', '3, ''special.patient''', '3, ''special.story''', '3, NULL', 'NULL::text, ''special.member''']) a,
	pg_temp.refusal('SELECT privseg.row_explicit(' || a || ')');
SELECT privseg.row_explicit(3, 'special.person') AS explicit, privseg.row_explicit(2, 'special.person') AS given, privseg.row_explicit(NULL::bigint, 'special.person') AS nobody,
	privseg.row_explicit(999, 'special.person') AS unknown;
SET privseg.purpose = '';
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.row_explicit(3, 'special.person')$$);
RESET ROLE;
SET privseg.purpose = 'special_care';
SELECT code FROM pg_temp.refusal($$SELECT privseg.row_explicit(3, 'special.person')$$);
SET row_security = off;
SELECT privseg.row_explicit(2, 'special.person') AS given, privseg.row_explicit(NULL::bigint, 'special.person') AS nobody;
RESET row_security;

-- a statement sees what its snapshot sees; a change counts from the next one on, and a rollback undoes it
SET ROLE special_doctor;
PREPARE explicit AS SELECT count(diagnosis) AS opened, count(*) FILTER (WHERE privseg.row_explicit(id, 'special.person')) AS explicit FROM special.person WHERE id = 3;
SET plan_cache_mode = force_generic_plan;
EXECUTE explicit;
BEGIN;
EXECUTE explicit;
SAVEPOINT s;
RESET ROLE;
SELECT privseg.record_consent('special.person', 3, 'special_care', 'given') IS NOT NULL AS recorded;
SET ROLE special_doctor;
EXECUTE explicit;
ROLLBACK TO s;
EXECUTE explicit;
RESET ROLE;
SELECT privseg.withdraw_consent('special.person', 3) IS NOT NULL AS withdrawn;
SET ROLE special_doctor;
EXECUTE explicit;
ROLLBACK;
EXECUTE explicit;
RESET plan_cache_mode;
-- the two questions, kept apart in one function
CREATE FUNCTION special.both(k bigint) RETURNS text LANGUAGE plpgsql STABLE AS
	$$ BEGIN RETURN concat_ws(',', privseg.row_permitted(k, 'special.person', 0), privseg.row_explicit(k, 'special.person')); END $$;
SELECT k, special.both(k) FROM generate_series(1, 7) k;

-- time alone
RESET ROLE;
SELECT privseg.record_consent('special.person', 3, p, 'given', explicit => true, expires_at => clock_timestamp() + interval '1.5 s') IS NOT NULL AS recorded,
	privseg.record_consent('special.person', 2, p, 'given', explicit => true, effective_at => clock_timestamp() + interval '1.5 s') IS NOT NULL AS recorded
  FROM unnest('{special_care,special_ward}'::text[]) p;
SELECT privseg.fold_consent() >= 0 AS folded;
SET ROLE special_doctor;
SET privseg.purpose = 'special_ward';
SELECT id, diagnosis, privseg.row_explicit(id, 'special.person') AS explicit FROM special.person WHERE id IN (2, 3) ORDER BY 1;
SELECT pg_sleep(1.7) IS NOT NULL AS slept;
SELECT id, diagnosis, privseg.row_explicit(id, 'special.person') AS explicit FROM special.person WHERE id IN (2, 3) ORDER BY 1;
RESET ROLE;
SELECT privseg.fold_consent() >= 0 AS folded;
SET ROLE special_doctor;
SELECT id, diagnosis, privseg.row_explicit(id, 'special.person') AS explicit FROM special.person WHERE id IN (2, 3) ORDER BY 1;
RESET ROLE;

-- a material notice stops what rested on an earlier one
SELECT privseg.publish_notice('special_terms', '1', 'en', 'text', '{special_care,special_ward}') IS NOT NULL AS published;
SELECT privseg.record_consent('special.person', 4, p, 'given', 'special_terms/1', explicit => true) IS NOT NULL AS recorded FROM unnest('{special_care,special_ward}'::text[]) p;
SET ROLE special_doctor;
SELECT id, diagnosis FROM special.person WHERE id IN (4, 7) ORDER BY 1;
RESET ROLE;
SELECT privseg.publish_notice('special_terms', '2', 'en', 'text', '{special_care,special_ward}', true) IS NOT NULL AS published;
SET ROLE special_doctor;
SELECT id, diagnosis FROM special.person WHERE id IN (4, 7) ORDER BY 1;

-- what is not opened is NULL to whatever is asked of it; a copy, too
SET privseg.purpose = 'special_ward';
SELECT count(*) FILTER (WHERE diagnosis = 'sick 6') AS equal, count(*) FILTER (WHERE diagnosis <> 'sick 6') AS other, count(*) FILTER (WHERE diagnosis IS NULL) AS none,
	count(*) FILTER (WHERE diagnosis LIKE 'sick%') AS alike, min(diagnosis) AS least FROM special.person WHERE id IN (6, 7);
CREATE TEMP TABLE copy AS SELECT id, diagnosis, code FROM special.person;
SELECT count(*), count(diagnosis::text) AS opened FROM copy;
SELECT count(*) FROM copy a JOIN special.person b USING (diagnosis);

-- tags do not tell, by whatever else is asked of the rows that an index finds
CREATE TEMP TABLE told (n bigint);
CREATE FUNCTION pg_temp.noisy(n bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0001 AS $$ BEGIN INSERT INTO told VALUES (n); RETURN true; END $$;
SELECT id, code FROM special.person WHERE id IN (2, 6, 7, 11) ORDER BY 1;
CREATE FUNCTION pg_temp.told_by(settings text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config(s, CASE WHEN s = ANY (string_to_array(settings, ',')) THEN 'on' ELSE 'off' END, true)
	   FROM unnest('{enable_seqscan,enable_indexscan,enable_bitmapscan,enable_hashjoin,enable_mergejoin}'::text[]) s;
	DELETE FROM told;
	EXECUTE statement;
	SELECT string_agg(DISTINCT n::text, ',' ORDER BY n::text) INTO result FROM told;
	RETURN result;
END
$$;
SELECT settings, pg_temp.told_by(settings, s) FROM unnest('{enable_indexscan,enable_bitmapscan}'::text[]) settings,
	unnest(ARRAY['SELECT id FROM special.person WHERE code = ''c1'' AND pg_temp.noisy(id)',
		'SELECT b.id FROM copy a JOIN special.person b ON b.code = a.code AND pg_temp.noisy(b.id) WHERE a.id = 6',
		'SELECT b.id FROM copy a JOIN special.person b ON b.code = a.code AND pg_temp.noisy(b.id) WHERE a.id = 11',
		'SELECT b.id FROM copy a JOIN special.person b ON b.code OPERATOR(privseg.=) a.code AND pg_temp.noisy(b.id) WHERE a.id = 6',
		'SELECT b.id FROM copy a JOIN special.person b ON b.code OPERATOR(privseg.=) a.code AND pg_temp.noisy(b.id) WHERE a.id = 11']) s;
SELECT count(*) FROM special.person WHERE code = 'c1';
SET enable_seqscan = off;
SELECT array_agg(id ORDER BY id) FROM special.person WHERE code = 'c1';
SELECT array_agg(b.id ORDER BY b.id) FROM special.person a JOIN special.person b USING (code) WHERE a.id IN (6, 7);
RESET enable_seqscan;

-- writing: who may write a value may do so of anybody who permits the purpose; what is not seen is not changed
UPDATE special.person SET diagnosis = 'new' WHERE id IN (6, 7) RETURNING id, diagnosis;
UPDATE special.person SET plain = -plain WHERE id IN (6, 7);
RESET ROLE;
CREATE FUNCTION special.upper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.diagnosis := upper(NEW.diagnosis::text); RETURN NEW; END $$;
CREATE TRIGGER shout BEFORE UPDATE ON special.person FOR EACH ROW EXECUTE FUNCTION special.upper();
SET ROLE special_doctor;
UPDATE special.person SET plain = -plain WHERE id IN (6, 7);
RESET ROLE;
DROP TRIGGER shout ON special.person;
SELECT privseg.record_consent('special.person', 6, 'special_ward', 'given', explicit => true) IS NOT NULL AS recorded;
SET ROLE special_doctor;
SELECT id, diagnosis FROM special.person WHERE id IN (6, 7) ORDER BY 1;
RESET ROLE;

-- a purpose's sets come and go together
SELECT privseg.create_purpose('special_brief', 'consent', special_category_basis => 'explicit_consent');
SELECT count(*) FILTER (WHERE s.purpose = p.id) AS sets, count(*) FILTER (WHERE s.purpose = -p.id) AS explicit FROM privseg.consent_set s, privseg.purposes p
 WHERE p.name = 'special_brief' AND s.domain = 'special.person'::regclass;
SELECT id AS brief FROM privseg.purposes WHERE name = 'special_brief' \gset
SELECT privseg.drop_purpose('special_brief');
SELECT count(*) FROM privseg.consent_set WHERE purpose IN (:brief, -:brief);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT privseg.create_purpose('special_unbuilt', 'consent', special_category_basis => 'explicit_consent');
COMMIT;
SELECT privseg.forget_consent_set('special.person'::regclass, (SELECT id FROM privseg.purposes WHERE name = 'special_care'));
SELECT * FROM privseg.consent_set s JOIN privseg.purposes p ON s.purpose = -p.id WHERE domain = 'special.person'::regclass AND p.name = 'special_care';
SET privseg.purpose = 'special_care';
SET ROLE special_doctor;
SELECT array_agg(id ORDER BY id) FROM special.person WHERE privseg.row_explicit(id, 'special.person');
RESET ROLE;
SELECT privseg.fold_consent() >= 0 AS folded;
SET ROLE special_doctor;
SELECT array_agg(id ORDER BY id) FROM special.person WHERE privseg.row_explicit(id, 'special.person');
RESET ROLE;
-- a basis that is changed by hand: there and back, while consent goes on
SET row_security = off;
UPDATE privseg.purposes SET special_category_basis = 'research' WHERE name = 'special_care';
SELECT count(privseg.record_consent('special.person', i, 'special_care', 'given')) FROM unnest('{7,8}'::int[]) i;
SELECT privseg.fold_consent() >= 0 AS folded;
SET ROLE special_doctor;
SET row_security = on;
SELECT count(*) = count(diagnosis) AS opened FROM special.person;
RESET ROLE;
SET row_security = off;
UPDATE privseg.purposes SET special_category_basis = 'explicit_consent' WHERE name = 'special_care';
RESET row_security;
SET ROLE special_doctor;
SELECT array_agg(id ORDER BY id) FROM special.person WHERE diagnosis IS NOT NULL;
RESET ROLE;
SELECT privseg.fold_consent() >= 0 AS folded;
SET ROLE special_doctor;
SELECT array_agg(id ORDER BY id) FROM special.person WHERE diagnosis IS NOT NULL;
RESET ROLE;
-- an administrator's policy asks of everybody's, and for everybody, whether the statement shows them or not
CREATE TABLE special.weight (id bigint PRIMARY KEY, city text, kilos int);
INSERT INTO special.weight SELECT i, 'city ' || i, 50 + i FROM generate_series(1, 8) i;
GRANT ALL ON special.weight TO special_doctor;
SELECT privseg.protect('special.weight', 'id'), privseg.classify('special.weight', 'kilos', 'special.health');
CREATE POLICY light ON special.weight USING (kilos <= 54);
SELECT count(privseg.record_consent('special.weight', i, 'special_ward', 'given', explicit => i % 2 = 0)) FROM generate_series(1, 8) i;
SET privseg.purpose = 'special_ward';
SET ROLE special_doctor;
SELECT id, city FROM special.weight ORDER BY id;
SELECT id, city, kilos FROM special.weight ORDER BY id;
UPDATE special.weight SET city = 'moved' WHERE id <> 1 RETURNING id, city, kilos;
RESET ROLE;
DROP TABLE special.weight;
SELECT privseg.decrypt_column('special.member', 'diagnosis'), privseg.unprotect('special.member');
SELECT count(*) FROM privseg.consent_set WHERE domain = 'special.member'::regclass;

-- ordinary columns: who writes back what is not shown, in whichever shape of statement, leaves it as it was; a value or NULL that is meant is written
SELECT privseg.create_purpose('special_guests', 'contract', special_category_basis => 'explicit_consent');
CREATE TABLE special.guest (id bigint PRIMARY KEY, h text, h2 text, e text, note text);
INSERT INTO special.guest SELECT i, 'h' || i, 'other ' || i, 'e' || i, 'n' || i FROM generate_series(1, 3) i;
SELECT privseg.protect('special.guest', 'id'), privseg.classify('special.guest', 'h', 'special.health'), privseg.classify('special.guest', 'h2', 'special.health'), privseg.encrypt_column('special.guest', 'e', 'special.health');
CREATE VIEW special.guests AS SELECT id, h, e, note FROM special.guest;
GRANT ALL ON special.guest, special.guests TO special_doctor, special_masked;
SELECT privseg.grant_clearance(r, 'special_guests') FROM unnest('{special_doctor,special_masked}'::regrole[]) r;
SELECT privseg.grant_clearance('special_doctor', 'special_guests', 'special.health', '{project,filter,write}'), privseg.grant_clearance('special_masked', 'special_guests', 'special.health', '{filter,mask,write}');
SELECT privseg.record_consent('special.guest', 1, 'special_guests', 'given', explicit => true) IS NOT NULL AS recorded;
SET privseg.purpose = 'special_guests';
CREATE FUNCTION pg_temp.guests() RETURNS text LANGUAGE plpgsql AS $$ DECLARE result text; BEGIN SET LOCAL row_security = off; SELECT string_agg(concat_ws(' ', h, e IS NOT NULL, note), ', ' ORDER BY id) INTO result FROM special.guest WHERE id < 3; SET LOCAL row_security = on; RETURN result; END $$;
CREATE FUNCTION pg_temp.guests_after(statement text) RETURNS TABLE(role text, answer text) LANGUAGE plpgsql AS $$
BEGIN
	FOR role IN SELECT unnest('{doctor,masked}'::text[]) LOOP
		BEGIN
			PERFORM set_config('role', 'special_' || role, true);
			EXECUTE statement;
			RESET ROLE;
			RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = pg_temp.guests();
		EXCEPTION WHEN SQLSTATE 'ZZ000' THEN answer := SQLERRM; WHEN OTHERS THEN answer := SQLSTATE; END;
		RETURN NEXT;
	END LOOP;
END $$;
SET ROLE special_doctor;
SELECT id, h, e FROM special.guest WHERE id < 3 ORDER BY id;
RESET ROLE;
SELECT s AS statement, string_agg(role || ': ' || answer, E'\n' ORDER BY n) FROM unnest(ARRAY[
	$$UPDATE special.guest SET h = h WHERE id < 3 RETURNING *$$,
	$$UPDATE special.guest SET (h, e) = (h, e) WHERE id < 3 RETURNING *$$,
	$$UPDATE special.guest SET (h, e) = (SELECT h, e) WHERE id < 3$$,
	$$UPDATE special.guest g SET (h, e) = (SELECT o.h, o.e FROM special.guest o WHERE o.id = g.id) WHERE id < 3$$,
	$$UPDATE special.guest g SET h = o.h, e = o.e FROM special.guest o WHERE o.id = g.id AND g.id < 3$$,
	$$UPDATE special.guest SET h = coalesce(h), e = coalesce(e) WHERE id < 3$$,
	$$UPDATE special.guest SET h = upper(h), e = upper(e) WHERE id < 3$$,
	$$UPDATE special.guest SET h = h2 WHERE id < 3$$,
	$$UPDATE special.guest SET h = nullif(h, 'h1') WHERE id < 3$$,
	$$WITH x AS MATERIALIZED (SELECT * FROM special.guest) UPDATE special.guest g SET h = x.h, e = x.e FROM x WHERE x.id = g.id AND g.id < 3$$,
	$$WITH x AS (UPDATE special.guest SET h = h, e = e WHERE id < 3 RETURNING *) SELECT h, e FROM x$$,
	$$UPDATE special.guests SET h = h, e = e WHERE id < 3 RETURNING *$$,
	$$MERGE INTO special.guest g USING special.guest o ON o.id = g.id AND g.id < 3 WHEN MATCHED THEN UPDATE SET h = o.h, e = o.e$$,
	$$MERGE INTO special.guest g USING special.guest o ON o.id = g.id AND g.id < 3 WHEN MATCHED AND o.h IS NULL THEN UPDATE SET h = g.h, note = 'merged'$$,
	$$INSERT INTO special.guest AS g (id) VALUES (1), (2) ON CONFLICT (id) DO UPDATE SET h = g.h, e = g.e RETURNING *$$,
	$$INSERT INTO special.guest (id, h, e) SELECT id, h, e FROM special.guest WHERE id < 3 ON CONFLICT (id) DO UPDATE SET h = excluded.h, e = excluded.e$$,
	$$INSERT INTO special.guest (id, h, e) VALUES (1, 'new', 'new'), (2, 'new', 'new') ON CONFLICT (id) DO UPDATE SET h = (SELECT excluded.h), e = (SELECT excluded.e)$$,
	$$UPDATE special.guest SET h = NULL, e = NULL WHERE id < 3$$,
	$$UPDATE special.guest SET h = 'new', e = 'new' WHERE id < 3$$]) WITH ORDINALITY s (s, k), LATERAL pg_temp.guests_after(s) WITH ORDINALITY a (role, answer, n) GROUP BY s, k ORDER BY k;

-- what is special goes into columns of special categories only: of others nobody asks for the basis
SELECT privseg.create_data_category('special_crime', 'criminal_offence');
ALTER TABLE special.guest ADD crime text;
SELECT privseg.classify('special.guest', 'crime', 'special_crime'), privseg.grant_clearance('special_doctor', 'special_guests', 'special_crime', '{project,write}');
SET ROLE special_doctor;
SELECT statement, code, message FROM unnest(ARRAY['UPDATE special.guest SET crime = h', 'UPDATE special.guest SET crime = e', 'UPDATE special.guest SET h = crime']) statement, pg_temp.refusal(statement);
RESET ROLE;

-- a row about several people shows what is special where all of them have said so
CREATE TABLE special.pair (id int PRIMARY KEY, a bigint, b bigint, c bigint, h text);
INSERT INTO special.pair VALUES (1, 1, 2, NULL, 'one'), (2, 1, 3, 1, 'both'), (3, 2, 1, NULL, 'other'), (4, 1, NULL, NULL, 'alone'), (5, 1, 3, 2, 'third');
SELECT privseg.protect('special.pair', 'a', 'special.guest', also_about => '{b,c}'), privseg.classify('special.pair', 'h', 'special.health', 'left(value, 2)');
GRANT ALL ON special.pair TO special_doctor, special_masked;
SELECT privseg.record_consent('special.guest', 3, 'special_guests', 'given', explicit => true) IS NOT NULL AS recorded;
SET ROLE special_doctor;
SELECT id, h FROM special.pair ORDER BY id;
SELECT id FROM special.pair WHERE h LIKE '%o%' ORDER BY id;
UPDATE special.pair SET h = upper(h) WHERE id IN (1, 2) RETURNING id, h;
RESET ROLE;
SET ROLE special_masked;
SELECT id, h FROM special.pair ORDER BY id;
RESET ROLE;
SET row_security = off;
SELECT id, h FROM special.pair ORDER BY id;
RESET row_security;

-- what is below a special category is special, however it came there
SET row_security = off;
INSERT INTO privseg.data_categories (name, sensitivity) VALUES ('special.health.detail', 'personal');
RESET row_security;
ALTER TABLE special.guest ADD detail text DEFAULT 'detail';
SELECT privseg.classify('special.guest', 'detail', 'special.health.detail');
SELECT privseg.grant_clearance('special_masked', 'special_guests', 'special', '{project}');
SET ROLE special_masked;
SELECT code, message FROM pg_temp.refusal('SELECT detail FROM special.guest');
RESET ROLE;

-- whom ON CONFLICT finds by such a value, has said so, whatever else is asked of the row
CREATE TABLE special.card (id int PRIMARY KEY, guest bigint, code text, sealed text, note text, UNIQUE (code));
INSERT INTO special.card SELECT i, i, 'code ' || i, 'sealed ' || i, 'n' || i FROM generate_series(1, 3) i;
SELECT privseg.protect('special.card', 'guest', 'special.guest'), privseg.classify('special.card', 'code', 'special.health'), privseg.encrypt_column('special.card', 'sealed', 'special.health', true);
CREATE UNIQUE INDEX card_sealed ON special.card (sealed);
SET row_security = off;
CREATE UNIQUE INDEX card_lower ON special.card (lower(code));
RESET row_security;
GRANT ALL ON special.card TO special_doctor;
SELECT privseg.create_purpose('special_cards', 'contract', special_category_basis => 'research'), privseg.grant_clearance('special_doctor', 'special_cards'), privseg.grant_clearance('special_doctor', 'special_cards', 'special.health', '{project,filter,write}');
SELECT statement, who, pg_temp.outcome('special_doctor', 'special_guests', replace(statement, '?', who)) AS explicit, pg_temp.outcome('special_doctor', 'special_cards', replace(statement, '?', who)) AS research FROM unnest(ARRAY[
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT (code) DO UPDATE SET note = 'x' RETURNING c.guest$$,
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT ON CONSTRAINT card_code_key DO UPDATE SET note = 'x' RETURNING c.guest$$,
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT (lower(code)) DO UPDATE SET note = 'x' RETURNING c.guest$$,
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT (code) DO UPDATE SET note = 'x' WHERE c.guest = 4 RETURNING c.guest$$,
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT (code) DO UPDATE SET note = 'x' WHERE 1 / (c.guest - ?) = 1 RETURNING c.guest$$,
	$$WITH w AS (INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT (code) DO UPDATE SET note = 'x' RETURNING c.guest) SELECT guest FROM w$$,
	$$INSERT INTO special.card AS c (id, guest, sealed) VALUES (9, 1, 'sealed ?') ON CONFLICT (sealed) DO UPDATE SET note = 'x' RETURNING c.guest$$,
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code ?') ON CONFLICT (code) DO NOTHING RETURNING c.guest$$,
	$$INSERT INTO special.card AS c (id, guest, code) VALUES (?, 1, 'new') ON CONFLICT (id) DO UPDATE SET note = 'x' RETURNING c.guest$$]) WITH ORDINALITY s (statement, n), unnest('{2,3,4}'::text[]) who ORDER BY n, who;
-- another value is written, also where it equals the one that was read
CREATE TYPE special.bounds AS (least int, most int);
CREATE TABLE special.measure (id int PRIMARY KEY, guest bigint, size numeric, doc jsonb, sizes int[], range_of special.bounds);
INSERT INTO special.measure VALUES (1, 1, 1.5, '{"b": 2}', '{1,2,3}', '(1,2)');
SELECT privseg.create_data_category('special_parts'), privseg.grant_clearance('special_doctor', 'special_guests', 'special_parts', '{project,write}'), privseg.grant_clearance('special_masked', 'special_guests', 'special_parts', '{mask,write}');
SELECT privseg.protect('special.measure', 'guest', 'special.guest'), privseg.classify('special.measure', 'size', 'special.health'), privseg.classify('special.measure', 'doc', 'special.health');
GRANT ALL ON special.measure TO special_doctor, special_masked;
SET ROLE special_doctor;
SET privseg.purpose = 'special_guests';
UPDATE special.measure SET size = round(size, 2) RETURNING size;
-- a part of a value is assigned by who sees the rest, which would be lost
SELECT code, message, detail FROM pg_temp.refusal($$UPDATE special.measure SET doc['a'] = '1'$$);
RESET ROLE;
SELECT privseg.classify('special.measure', c, 'special_parts') FROM unnest('{doc,sizes,range_of}'::name[]) c;
SELECT s, pg_temp.outcome('special_masked', 'special_guests', s) AS masked, pg_temp.outcome('special_doctor', 'special_guests', s) AS doctor FROM unnest(ARRAY[$$UPDATE special.measure SET doc['a'] = '1' RETURNING 'done'$$, $$UPDATE special.measure SET sizes[2] = 5 RETURNING 'done'$$,
	$$UPDATE special.measure SET range_of.least = 0 RETURNING 'done'$$, $$INSERT INTO special.measure AS m (id, guest) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET sizes[2] = 5 RETURNING 'done'$$, $$INSERT INTO special.measure (id, guest, sizes[1]) VALUES (2, 1, 5) RETURNING 'done'$$]) s;
DROP TABLE special.measure;
DROP TYPE special.bounds;
-- also where it was prepared before
SET ROLE special_doctor;
SET privseg.purpose = 'special_cards';
PREPARE upsert AS INSERT INTO special.card AS c (id, guest, code) VALUES (9, 1, 'code 2') ON CONFLICT (code) DO UPDATE SET note = 'x' RETURNING c.guest;
EXECUTE upsert;
SET privseg.purpose = 'special_guests';
EXECUTE upsert;
RESET ROLE;

-- nor does a partition tell of it, of whomever a row is
CREATE TABLE special.ward (id int, guest bigint, code text, PRIMARY KEY (id, code)) PARTITION BY LIST (code);
CREATE TABLE special.ward_a PARTITION OF special.ward (UNIQUE (guest)) FOR VALUES IN ('a');
CREATE TABLE special.ward_b PARTITION OF special.ward (UNIQUE (guest)) FOR VALUES IN ('b');
INSERT INTO special.ward VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'b');
SELECT privseg.protect('special.ward', 'guest', 'special.guest'), privseg.classify('special.ward', 'code', 'special.health');
GRANT ALL ON special.ward, special.ward_a, special.ward_b TO special_doctor;
SELECT statement, pg_temp.outcome('special_doctor', 'special_guests', statement) AS explicit, pg_temp.outcome('special_doctor', 'special_cards', statement) AS research FROM unnest(ARRAY[
	'SELECT tableoid::regclass FROM special.ward WHERE id = 2', 'SELECT id FROM special.ward WHERE tableoid = ''special.ward_b''::regclass AND id = 2', 'SELECT count(*) FROM special.ward GROUP BY tableoid ORDER BY 1 DESC LIMIT 1', 'SELECT count(DISTINCT tableoid) FROM special.ward',
	'SELECT x.t::regclass FROM special.ward w, LATERAL (SELECT w.tableoid AS t) x WHERE id = 2', 'UPDATE special.ward SET guest = guest WHERE id = 2 RETURNING tableoid::regclass', 'SELECT guest FROM special.ward_b WHERE id = 2', 'UPDATE special.ward_b SET guest = guest WHERE id = 2 RETURNING guest',
	'DELETE FROM special.ward_b RETURNING guest', 'MERGE INTO special.ward_b b USING (SELECT 2 AS id) s ON b.id = s.id WHEN MATCHED THEN DELETE',
	'INSERT INTO special.ward_b VALUES (9, 2, ''b'') ON CONFLICT (guest) DO UPDATE SET guest = 2 RETURNING id', 'INSERT INTO special.ward_b VALUES (9, 2, ''b'') ON CONFLICT (guest) DO NOTHING RETURNING id', 'INSERT INTO special.ward VALUES (2, 1, ''b'') ON CONFLICT (id, code) DO UPDATE SET id = 2 RETURNING guest',
	'INSERT INTO special.ward VALUES (3, 1, ''b'') ON CONFLICT (id, code) DO UPDATE SET id = 3 RETURNING guest', 'INSERT INTO special.ward_b VALUES (9, 1, ''b'') RETURNING guest', 'SELECT count(*) FROM special.ward', 'SELECT code FROM special.ward WHERE id = 2', 'SELECT code FROM special.ward WHERE id = 3',
	'SELECT max(id) FROM special.ward WHERE code = ''b'' AND id < 3']) WITH ORDINALITY s (statement, n) ORDER BY n;
SET ROLE special_doctor;
SELECT * FROM unnest(ARRAY['SELECT tableoid FROM special.ward', 'SELECT id FROM special.ward_b']) s, pg_temp.refusal(s);
RESET ROLE;

-- a value that is closed, sealed again for another column: by ON CONFLICT for another subject, whether it fits, and whether it is there
CREATE TABLE special.file (id int PRIMARY KEY, guest bigint, e text, short varchar(5), s text);
INSERT INTO special.file VALUES (1, 1, 'one', 'one', 'one'), (2, 2, 'two', 'two', 'two'), (3, 2, 'three and more', 'three', 'three');
SELECT privseg.protect('special.file', 'guest', 'special.guest'), privseg.encrypt_column('special.file', 'e', 'special.health'), privseg.encrypt_column('special.file', 'short', 'special.health'), privseg.encrypt_column('special.file', 's', 'special.health', true);
GRANT ALL ON special.file TO special_doctor;
SET ROLE special_doctor;
SELECT s, code, message FROM unnest(ARRAY['INSERT INTO special.file (id, guest, short) SELECT 1, guest, short FROM special.file WHERE id = 2 ON CONFLICT (id) DO UPDATE SET short = excluded.short', 'INSERT INTO special.file (id, guest, s) SELECT 1, guest, e FROM special.file WHERE id = 2 ON CONFLICT (id) DO UPDATE SET s = excluded.s',
	'INSERT INTO special.file (id, guest, s) SELECT 1, guest, s FROM special.file WHERE id = 2 ON CONFLICT (id) DO UPDATE SET e = excluded.s', 'UPDATE special.file SET short = e WHERE id = 2', 'UPDATE special.file SET short = e WHERE id = 3', 'UPDATE special.file SET s = e WHERE id = 2', 'UPDATE special.file SET short = e, s = e WHERE id = 1']) s, pg_temp.refusal(s);
INSERT INTO special.file (id, guest, short, s) SELECT 1, guest, e, e FROM special.file WHERE id = 1 ON CONFLICT (id) DO UPDATE SET short = excluded.s, s = excluded.short RETURNING short, s;
SELECT id, e, short, s FROM special.file ORDER BY id;
RESET ROLE;

-- nor do rows come in the order of stored values that are for others only: those with no value beside those they are like
CREATE TABLE special.pat (id bigint PRIMARY KEY, city int NOT NULL, health int);
INSERT INTO special.pat SELECT i, i % 3, i * 7919 % 1009 FROM generate_series(1, 300) i;
CREATE INDEX ON special.pat (city, health);
CREATE INDEX ON special.pat (health, id);
SELECT privseg.protect('special.pat', 'id'), privseg.classify('special.pat', 'health', 'special.health');
SELECT count(privseg.record_consent('special.pat', i, p, 'given', explicit => i % 10 > 0)) FROM generate_series(1, 300) i, unnest('{special_ward,special_study}'::text[]) p;
SELECT privseg.fold_consent() >= 0 AS folded;
CREATE ROLE special_finder;
GRANT USAGE ON SCHEMA special TO special_finder;
GRANT SELECT ON special.pat TO special_finder, special_doctor;
SELECT privseg.grant_clearance('special_finder', p), privseg.grant_clearance('special_finder', p, 'special.health', '{filter}') FROM unnest('{special_ward,special_study}'::text[]) p;
VACUUM ANALYZE special.pat;
CREATE FUNCTION special.by_id(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	found bigint[];
	r record;
BEGIN
	FOR r IN EXECUTE query LOOP found := found || r.id; END LOOP;
	RETURN found = (SELECT array_agg(i ORDER BY i) FROM unnest(found) i);
END $$;
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
-- the column is shown of everybody, of some, and of some to who may filter by it
SET ROLE special_doctor;
SET privseg.purpose = 'special_study';
SELECT special.by_id('SELECT id, health FROM special.pat'), special.by_id('SELECT id FROM special.pat WHERE city = 1 AND health IS DISTINCT FROM 5000');
SET privseg.purpose = 'special_ward';
SELECT special.by_id('SELECT id, health FROM special.pat'), special.by_id('SELECT id FROM special.pat WHERE city = 1 AND health IS DISTINCT FROM 5000');
SET ROLE special_finder;
SELECT special.by_id('SELECT id FROM special.pat WHERE health IS NULL OR health < 2000'), special.by_id('SELECT id FROM special.pat WHERE city = 1 AND health IS DISTINCT FROM 5000');
-- so it is where a plan is kept
SET plan_cache_mode = force_generic_plan;
SET ROLE special_doctor;
PREPARE pat AS SELECT id, health FROM special.pat WHERE city = 1;
SET privseg.purpose = 'special_study';
SELECT special.by_id('EXECUTE pat');
SET privseg.purpose = 'special_ward';
SELECT special.by_id('EXECUTE pat');
DEALLOCATE pat;
RESET plan_cache_mode; RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_sort;
RESET ROLE;
DROP OWNED BY special_finder;
DROP ROLE special_finder;
