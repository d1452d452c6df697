-- Purposes, data categories and notices: what they accept, what they keep, and
-- that none is dropped while something rests on it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA vocabulary_test;
CREATE TABLE vocabulary_test.person (id int PRIMARY KEY, email text);
CREATE ROLE vocabulary_reader;

-- every legal basis; defaults; all that is given is kept
SELECT b, privseg.create_purpose('vocabulary_' || b, b) IS NOT NULL AS created
FROM unnest(ARRAY['consent', 'contract', 'legal_obligation', 'vital_interests', 'public_interest',
	'legitimate_interests']) b;
SELECT privseg.create_purpose('vocabulary full', 'consent', 'what we do', 'explicit_consent', 25,
	'2 years', true, true, true);
SELECT name, legal_basis, description, special_category_basis, min_group_size, retention,
	direct_marketing, sale_or_sharing, targeted_advertising
FROM privseg.purpose WHERE name LIKE 'vocabulary%' ORDER BY name COLLATE "C";
SELECT privseg.create_purpose('vocabulary_' || b, 'consent', special_category_basis => b) IS NOT NULL AS created
FROM unnest(ARRAY['employment', 'not_for_profit', 'made_public', 'legal_claims', 'substantial_public_interest',
	'health_care', 'public_health', 'research']) b;

-- names of any language, but no lists
SELECT privseg.create_purpose('vocabulary Größe', 'consent');
SELECT code, message FROM pg_temp.refusal($$SELECT privseg.create_purpose('vocabulary,consent', 'consent')$$);

SELECT privseg.create_data_category('vocabulary.plain');
SELECT s, privseg.create_data_category('vocabulary.' || s, s) IS NOT NULL AS created
FROM unnest(ARRAY['personal', 'sensitive', 'special', 'criminal_offence']) s;
SELECT privseg.create_data_category('vocabulary.full', 'special', true, '1 year');
-- below a special one all are special, by default, too
SELECT privseg.create_data_category('vocabulary.full.detail'), privseg.create_data_category('vocabulary.fuller'), privseg.create_data_category('vocabulary.deep.detail');
SELECT code, message FROM unnest(ARRAY['''vocabulary.full.other'', ''sensitive''', '''vocabulary.full.detail.crime'', ''criminal_offence''', '''vocabulary.deep'', ''special''']) a, pg_temp.refusal(format('SELECT privseg.create_data_category(%s)', a));
SELECT * FROM privseg.data_category WHERE name LIKE 'vocabulary%' ORDER BY name COLLATE "C";

-- one notice in two languages is two texts of one version
SELECT privseg.publish_notice('vocabulary', '1', 'en', 'english', ARRAY['vocabulary_consent', 'vocabulary full'])
	< privseg.publish_notice('vocabulary', '1', 'de', 'deutsch', ARRAY['vocabulary_consent'], true) AS ascending;
SELECT name, version, language, body, purposes, material
FROM privseg.notice WHERE name = 'vocabulary' ORDER BY language;

-- what is not in the vocabulary
SELECT s AS statement, r.*
FROM (VALUES
	($$SELECT privseg.create_purpose(NULL, 'consent')$$),
	($$SELECT privseg.create_purpose('vocabulary_x', NULL)$$),
	($$SELECT privseg.create_purpose('', 'consent')$$),
	($$SELECT privseg.create_purpose(repeat('x', 64), 'consent')$$),
	($$SELECT privseg.create_purpose(E'a\nb', 'consent')$$),
	($$SELECT privseg.create_purpose('vocabulary_x', 'curiosity')$$),
	($$SELECT privseg.create_purpose('vocabulary_x', 'Consent')$$),
	($$SELECT privseg.create_purpose('vocabulary_x', 'consent', special_category_basis => 'consent')$$),
	($$SELECT privseg.create_purpose('vocabulary_x', 'consent', min_group_size => 0)$$),
	($$SELECT privseg.create_purpose('vocabulary_x', 'consent', retention => '-1 day')$$),
	($$SELECT privseg.create_purpose('vocabulary_consent', 'contract')$$),
	($$SELECT privseg.create_data_category(NULL)$$),
	($$SELECT privseg.create_data_category('vocabulary.x', NULL)$$),
	($$SELECT privseg.create_data_category('')$$),
	($$SELECT privseg.create_data_category('Vocabulary.X')$$),
	($$SELECT privseg.create_data_category('vocabulary..x')$$),
	($$SELECT privseg.create_data_category('.vocabulary')$$),
	($$SELECT privseg.create_data_category('vocabulary; DROP TABLE x')$$),
	($$SELECT privseg.create_data_category('vocabulary.x', 'secret')$$),
	($$SELECT privseg.create_data_category('vocabulary.x', max_age => '0')$$),
	($$SELECT privseg.create_data_category('vocabulary.plain', 'special')$$),
	($$SELECT privseg.publish_notice(NULL, '1', 'en', 'b', '{}')$$),
	($$SELECT privseg.publish_notice('n', '1', 'en', 'b', NULL)$$),
	($$SELECT privseg.publish_notice('n', '1', 'en', 'b', ARRAY['vocabulary_consent', NULL])$$),
	($$SELECT privseg.publish_notice('n', '1', 'en', 'b', ARRAY['vocabulary_none'])$$),
	($$SELECT privseg.publish_notice('n', '1/2', 'en', 'b', ARRAY['vocabulary_consent'])$$),
	($$SELECT privseg.publish_notice('n', '1', 'en', 'b', ARRAY[['vocabulary_consent']])$$),
	($$SELECT privseg.publish_notice('n', '1', '', 'b', ARRAY['vocabulary_consent'])$$),
	($$SELECT privseg.publish_notice('n', '1', 'en', '', ARRAY['vocabulary_consent'])$$),
	($$SELECT privseg.publish_notice((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i), '1', 'en', 'b', ARRAY['vocabulary_consent'])$$),
	($$SELECT privseg.publish_notice('vocabulary', '1', 'en', 'other', ARRAY['vocabulary_consent'])$$),
	($$SELECT privseg.drop_purpose(NULL)$$),
	($$SELECT privseg.drop_purpose('vocabulary_none')$$),
	($$SELECT privseg.drop_data_category('vocabulary.none')$$)
) AS statements (s), LATERAL pg_temp.refusal(s) r;

-- nothing in use is dropped: by a notice, a clearance, a record, a classification
SELECT r.* FROM pg_temp.refusal($$SELECT privseg.drop_purpose('vocabulary full')$$) r;
SELECT privseg.grant_clearance('vocabulary_reader', 'vocabulary_contract');
SELECT r.* FROM pg_temp.refusal($$SELECT privseg.drop_purpose('vocabulary_contract')$$) r;
SELECT privseg.protect('vocabulary_test.person', 'id');
SELECT privseg.record_consent('vocabulary_test.person', 1, 'vocabulary_research', 'given') IS NOT NULL AS recorded;
SELECT r.* FROM pg_temp.refusal($$SELECT privseg.drop_purpose('vocabulary_research')$$) r;
SELECT privseg.classify('vocabulary_test.person', 'email', 'vocabulary.plain');
SELECT r.* FROM pg_temp.refusal($$SELECT privseg.drop_data_category('vocabulary.plain')$$) r;
SELECT privseg.grant_clearance('vocabulary_reader', 'vocabulary_contract', 'vocabulary.sensitive', '{filter}');
SELECT r.* FROM pg_temp.refusal($$SELECT privseg.drop_data_category('vocabulary.sensitive')$$) r;

-- and everything else is
SELECT privseg.revoke_clearance('vocabulary_reader', 'vocabulary_contract');
SELECT privseg.classify('vocabulary_test.person', 'email', NULL);
SELECT count(privseg.drop_purpose(name)::text) FROM privseg.purpose
WHERE name LIKE 'vocabulary%' AND name NOT IN ('vocabulary_research', 'vocabulary_consent', 'vocabulary full');
SELECT count(privseg.drop_data_category(name)::text) FROM privseg.data_category WHERE name LIKE 'vocabulary%';
SELECT name FROM privseg.purpose WHERE name LIKE 'vocabulary%' ORDER BY name COLLATE "C";
SELECT count(*) FROM privseg.data_category WHERE name LIKE 'vocabulary%';

-- a dropped purpose is one that does not exist, for reading too
SELECT privseg.create_purpose('vocabulary_gone', 'contract');
SELECT privseg.grant_clearance('vocabulary_reader', 'vocabulary_gone');
GRANT USAGE ON SCHEMA vocabulary_test TO vocabulary_reader;
GRANT SELECT ON vocabulary_test.person TO vocabulary_reader;
SELECT pg_temp.outcome('vocabulary_reader', 'vocabulary_gone', 'SELECT count(*) FROM vocabulary_test.person');
SELECT privseg.revoke_clearance('vocabulary_reader', 'vocabulary_gone');
SELECT privseg.drop_purpose('vocabulary_gone');
SELECT pg_temp.outcome('vocabulary_reader', 'vocabulary_gone', 'SELECT count(*) FROM vocabulary_test.person');
-- and one created anew under its name starts without clearances
SELECT privseg.create_purpose('vocabulary_gone', 'contract');
SELECT pg_temp.outcome('vocabulary_reader', 'vocabulary_gone', 'SELECT count(*) FROM vocabulary_test.person');
SELECT privseg.drop_purpose('vocabulary_gone');

SELECT privseg.unprotect('vocabulary_test.person');
DROP SCHEMA vocabulary_test CASCADE;
DROP OWNED BY vocabulary_reader;
DROP ROLE vocabulary_reader;
