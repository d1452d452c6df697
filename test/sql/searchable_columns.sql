-- Searchable columns: tags, their indexes, who finds what by them, and what is refused.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set flipped :abs_srcdir '/lib/flipped.sql'
\i :flipped
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned
SET jit = off;

CREATE ROLE search_app;
CREATE ROLE search_none;
CREATE SCHEMA searched;
GRANT USAGE, CREATE ON SCHEMA searched TO search_app, search_none;
CREATE COLLATION searched.same_letters (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE searched.person (id bigint PRIMARY KEY, email text, phone varchar(20), income numeric, points bigint, age integer, ratio double precision,
	born date, seen timestamptz, agrees boolean, doc jsonb, nick text COLLATE searched.same_letters, secret text);
INSERT INTO searched.person SELECT i, 'p' || i || '@example.org', '+49 ' || i % 50, i % 40 / 10.0, i % 30, i % 20, (CASE i % 10 WHEN 0 THEN '-0' WHEN 1 THEN 'NaN' ELSE (i % 10)::text END)::double precision,
	date '2000-01-01' + i % 25, timestamptz '2020-01-01 00:00+00' + i % 15 * interval '1 hour', true, '{}', 'n', 's' || i FROM generate_series(1, 400) i;
INSERT INTO searched.person (id) VALUES (401);
CREATE TABLE searched.twin AS TABLE searched.person;
SELECT privseg.create_purpose('searched_care', 'consent'), privseg.create_data_category('searched');
SELECT id AS category FROM privseg.data_categories WHERE name = 'searched' \gset
SELECT privseg.protect('searched.person', 'id');
SELECT privseg.grant_clearance(r::regrole, 'searched_care') FROM unnest('{search_app,search_none}'::text[]) r;
SELECT privseg.grant_clearance('search_app', 'searched_care', 'searched', '{project,filter,write}');
SELECT count(privseg.record_consent('searched.person', i, 'searched_care', 'given')) FROM generate_series(1, 300) i;
GRANT ALL ON searched.person, searched.twin TO search_app, search_none;

-- what cannot be searchable, and why
SELECT code, message, detail FROM unnest(ARRAY['agrees', 'doc', 'nick']) c, pg_temp.refusal(format('SELECT privseg.encrypt_column(%L, %L, %L, true)', 'searched.person', c, 'searched'));
SELECT count(privseg.encrypt_column('searched.person', c::name, 'searched', true)) FROM unnest('{email,phone,income,points,age,ratio,born,seen}'::text[]) c;
SELECT privseg.encrypt_column('searched.person', 'secret', 'searched');

-- indexes, of what is searchable only, and in no order but that of the tags
GRANT CREATE ON SCHEMA searched TO search_none;
ALTER TABLE searched.person OWNER TO search_none;
SET ROLE search_none;
SELECT code, message, hint FROM pg_temp.refusal('CREATE UNIQUE INDEX person_email ON searched.person (email)');
CREATE INDEX person_anyhow ON searched.person (email);
DROP INDEX searched.person_anyhow;
RESET ROLE;
CREATE UNIQUE INDEX person_email ON searched.person (email);
ALTER TABLE searched.person OWNER TO CURRENT_USER;
GRANT ALL ON searched.person TO search_app, search_none;
CREATE INDEX person_letters ON searched.person (email COLLATE searched.same_letters);
CREATE INDEX person_phone ON searched.person USING hash (phone);
CREATE INDEX person_income ON searched.person (income);
CREATE INDEX person_points ON searched.person (points);
CREATE INDEX person_age ON searched.person USING hash (age);
CREATE INDEX person_ratio ON searched.person (ratio);
CREATE INDEX person_born ON searched.person (born);
CREATE INDEX person_seen ON searched.person (seen);
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'searched.person'::regclass ORDER BY 1;
CREATE TABLE searched.loose (id bigint, email privseg.encrypted_text, phones privseg.encrypted_text[]);
CREATE TABLE searched.number (n numeric PRIMARY KEY);
SELECT statement, code, message, detail, hint FROM unnest(ARRAY['CREATE INDEX ON searched.person (secret)', 'CREATE INDEX ON searched.person (secret privseg.encrypted_text_search_ops)',
	'CREATE INDEX ON searched.person (email privseg.encrypted_text_ops)', 'CREATE INDEX ON searched.person USING hash (email privseg.encrypted_text_ops)',
	'CREATE INDEX ON searched.person (lower(email))', 'CREATE INDEX ON searched.person (id) WHERE email = ''x''', 'ALTER TABLE searched.person ADD UNIQUE (phone)',
	'ALTER TABLE searched.person ADD UNIQUE USING INDEX person_email', 'ALTER TABLE searched.person ADD EXCLUDE USING hash (phone WITH OPERATOR(privseg.=))',
	'CREATE INDEX ON searched.loose (email)', 'CREATE INDEX ON searched.loose (email privseg.encrypted_text_search_ops)', 'CREATE INDEX ON searched.loose (phones)',
	'CREATE STATISTICS searched.s ON email, phone FROM searched.person', 'ALTER TABLE searched.loose ADD FOREIGN KEY (email) REFERENCES searched.person (email)',
	'CREATE TABLE searched.child (n privseg.encrypted_numeric REFERENCES searched.number)',
	'CREATE TABLE searched.parted (email privseg.encrypted_text) PARTITION BY HASH (email)', 'CREATE TABLE searched.parted (email privseg.encrypted_text) PARTITION BY LIST (email)',
	'CREATE TABLE searched.parted (email privseg.encrypted_text) PARTITION BY RANGE (email privseg.encrypted_text_search_ops)',
	'CREATE TABLE searched.parted (LIKE searched.person) PARTITION BY RANGE (income)', 'CREATE TABLE searched.copied (LIKE searched.person INCLUDING ALL)',
	'CREATE TABLE searched.copied (LIKE searched.person INCLUDING ALL EXCLUDING INDEXES)',
	'CREATE TYPE searched.mails AS RANGE (subtype = privseg.encrypted_text, subtype_opclass = privseg.encrypted_text_search_ops)',
	'SELECT privseg.decrypt_column(''searched.person'', ''email'')']) statement, pg_temp.refusal(statement);

-- what is equal is found, by every type, with and without an index, as by the plaintext twin
CREATE TABLE searched.wrong (query text);
CREATE FUNCTION searched.agree(path text) RETURNS TABLE(type text, comparisons bigint, wrong bigint) LANGUAGE plpgsql AS $$
DECLARE
	tried record;
	setting record;
	here bigint;
	there bigint;
BEGIN
	PERFORM set_config('search_path', path, true);
	FOR tried IN SELECT c, v FROM (VALUES ('email', 'p7@example.org'), ('email', 'p377@example.org'), ('email', 'nobody'), ('email', ''), ('phone', '+49 7'), ('phone', '+49 49'), ('phone', '+49 70'),
		('income', '1.5'), ('income', '1.50'), ('income', '1'), ('income', '0'), ('income', '-1'), ('income', 'NaN'), ('points', '7'), ('points', '-7'), ('age', '7'), ('age', '20'),
		('ratio', '0'), ('ratio', '-0'), ('ratio', 'NaN'), ('ratio', '3'), ('ratio', '2.5'), ('born', '2000-01-03'), ('born', 'infinity'), ('seen', '2020-01-01 03:00+00'), ('seen', '-infinity')) t (c, v)
	LOOP
		FOR setting IN SELECT * FROM (VALUES ('on', 'off', 'off'), ('off', 'on', 'off'), ('off', 'off', 'on')) s (seq, indexes, bitmaps) LOOP
			PERFORM set_config('enable_seqscan', setting.seq, true), set_config('enable_indexscan', setting.indexes, true), set_config('enable_bitmapscan', setting.bitmaps, true);
			EXECUTE format('SELECT count(*) FROM searched.person WHERE %1$I = %2$L AND %2$L = %1$I', tried.c, tried.v) INTO here;
			EXECUTE format('SELECT count(*) FROM searched.twin WHERE %I = %L AND id <= 300', tried.c, tried.v) INTO there;
			IF here <> there THEN INSERT INTO searched.wrong VALUES (format('%s = %s: %s, %s by %s', tried.c, tried.v, here, there, setting)); END IF;
			EXECUTE format('SELECT count(*) FROM searched.person WHERE %1$I IN (%2$L, %2$L)', tried.c, tried.v) INTO here;
			IF here <> there THEN INSERT INTO searched.wrong VALUES (format('%s IN %s: %s, %s by %s', tried.c, tried.v, here, there, setting)); END IF;
			EXECUTE format('SELECT count(*) FROM searched.person WHERE %1$I = %2$L OR %1$I = %3$L', tried.c, tried.v, CASE tried.c WHEN 'email' THEN 'p8@example.org' WHEN 'born' THEN '2000-01-02' WHEN 'seen' THEN '2020-01-01' ELSE '8' END) INTO here;
			EXECUTE format('SELECT count(*) FROM searched.twin WHERE (%1$I = %2$L OR %1$I = %3$L) AND id <= 300', tried.c, tried.v, CASE tried.c WHEN 'email' THEN 'p8@example.org' WHEN 'born' THEN '2000-01-02' WHEN 'seen' THEN '2020-01-01' ELSE '8' END) INTO there;
			IF here <> there THEN INSERT INTO searched.wrong VALUES (format('%s OR %s: %s, %s by %s', tried.c, tried.v, here, there, setting)); END IF;
		END LOOP;
	END LOOP;
	FOR tried IN SELECT c FROM unnest('{email,phone,income,points,age,ratio,born,seen}'::text[]) c LOOP
		EXECUTE format('SELECT count(*) FROM searched.twin a JOIN searched.twin b ON a.%1$I = b.%1$I WHERE a.id <= 300 AND b.id <= 300 AND a.id %% 50 = 0', tried.c) INTO there;
		FOR setting IN SELECT * FROM (VALUES ('on', 'on', 'off'), ('on', 'off', 'on'), ('off', 'on', 'on')) s (hashes, merges, loops) LOOP
			PERFORM set_config('enable_hashjoin', setting.hashes, true), set_config('enable_mergejoin', setting.merges, true), set_config('enable_nestloop', setting.loops, true),
				set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true);
			EXECUTE format('SELECT count(*) FROM searched.person a JOIN searched.person b ON a.%1$I = b.%1$I WHERE a.id %% 50 = 0', tried.c) INTO here;
			IF here <> there THEN INSERT INTO searched.wrong VALUES (format('%s joined: %s, %s by %s', tried.c, here, there, setting)); END IF;
		END LOOP;
	END LOOP;
	PERFORM set_config('search_path', 'public', true);
	RETURN QUERY SELECT 'all', there, (SELECT count(*) FROM searched.wrong);
END $$;
GRANT ALL ON searched.wrong TO search_app;
SET ROLE search_app;
SET privseg.purpose = 'searched_care';
SELECT wrong FROM searched.agree('public');
SELECT wrong FROM searched.agree('privseg, public');
SELECT * FROM searched.wrong;

-- what else is asked of a row that an index finds, is asked; by joins of all kinds
CREATE FUNCTION searched.alike(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	answer text;
	first text;
BEGIN
	PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_nestloop', 'off', true);
	EXECUTE statement INTO first;
	FOREACH setting IN ARRAY ARRAY['enable_indexscan', 'enable_bitmapscan'] LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true), set_config('enable_nestloop', 'on', true),
			set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_material', 'off', true), set_config(setting, 'on', true);
		EXECUTE statement INTO answer;
		IF answer IS DISTINCT FROM first THEN RETURN format('%s by %s, %s without', answer, setting, first); END IF;
	END LOOP;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true), set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true);
	EXECUTE statement INTO answer;
	RETURN CASE WHEN answer IS DISTINCT FROM first THEN format('%s by default, %s without', answer, first) ELSE first END;
END $$;
SELECT statement, searched.alike(statement) FROM unnest(ARRAY['SELECT count(*) FROM searched.person c, searched.twin l WHERE c.email = l.email AND (l.id < 3 OR c.id < 3) AND l.id < 10',
	'SELECT count(*) FROM searched.twin l JOIN searched.person c ON c.email = l.email AND c.secret || l.id = ''s22'' WHERE l.id < 10', 'SELECT count(c.id) FROM searched.twin l LEFT JOIN searched.person c ON c.email = l.email AND (c.id < 50 OR l.id < 10)',
	'SELECT count(*) FROM searched.twin l WHERE EXISTS (SELECT FROM searched.person c WHERE c.email = l.email AND (c.id < 50 OR l.id < 10))', 'SELECT count(*) FROM searched.twin l WHERE NOT EXISTS (SELECT FROM searched.person c WHERE c.email = l.email AND c.id <> l.id + 1)',
	'SELECT count(*) FROM searched.twin l JOIN searched.person c ON c.email = l.email AND c.phone = l.phone AND c.id <> 7 AND c.income <> l.id', 'SELECT count(*) FROM searched.person a JOIN searched.person b ON a.income = b.income AND a.id = b.id + 40',
	'SELECT count(*) FROM searched.person a LEFT JOIN searched.person b ON a.born = b.born AND a.points <> b.points WHERE a.id < 30', 'SELECT count(*) FROM generate_series(1, 5) g LEFT JOIN searched.person a ON a.points = g AND a.id > g * 30',
	'SELECT count(*) FROM searched.person a JOIN searched.person b ON a.age = b.points WHERE a.id < 20', 'SELECT count(*) FROM searched.person a JOIN searched.person b ON a.points = b.age AND a.id < b.id WHERE b.id < 20',
	'SELECT sum((SELECT count(*) FROM searched.person c WHERE c.phone = l.phone AND c.id > l.id)) FROM searched.twin l WHERE l.id < 60', 'SELECT count(*) FROM searched.twin l, LATERAL (SELECT * FROM searched.person c WHERE c.phone = l.phone AND c.id % 3 = l.id % 3) x WHERE l.id < 60',
	'SELECT count(*) FROM searched.person c WHERE (c.email = ''p7@example.org'' OR c.income = 2) AND c.id > 100', 'SELECT count(*) FROM searched.person a JOIN searched.person b ON a.email = b.email OR a.income = b.income WHERE a.id < 10']) statement;

-- which statements an index answers; a value that a function of a user makes is not one of them
CREATE FUNCTION searched.mine() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN ''p7@example.org''; END';
CREATE FUNCTION searched.uses(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP
		found := concat_ws(', ', found, substring(line FROM '(?:Scan using|Index Scan on) (\w+)'), substring(line FROM 'Seq Scan on \w+'));
	END LOOP;
	RETURN found;
END $$;
SET enable_seqscan = off;
PREPARE one(text) AS SELECT id FROM searched.person WHERE email = $1;
PREPARE letters(text) AS SELECT id FROM searched.person WHERE email = $1 COLLATE searched.same_letters;
PREPARE many(text[]) AS SELECT id FROM searched.person WHERE email = ANY ($1);
SET plan_cache_mode = force_generic_plan;
SELECT statement, searched.uses(statement) FROM unnest(ARRAY['SELECT id FROM searched.person WHERE email = ''p7@example.org''', 'SELECT id FROM searched.person WHERE ''p7@example.org'' = email',
	'SELECT id FROM searched.person WHERE email IN (''p7@example.org'', ''p8@example.org'')', 'EXECUTE one(''p7@example.org'')', 'EXECUTE many(''{p7@example.org,p8@example.org}'')', 'EXECUTE letters(''p7@example.org'')',
	'SELECT id FROM searched.person WHERE email = ''p7@example.org'' OR income = 2', 'SELECT id FROM searched.person WHERE points = 7::int', 'SELECT id FROM searched.person WHERE phone = ''+49 7''',
	'UPDATE searched.person SET agrees = false WHERE email = ''p7@example.org''', 'DELETE FROM searched.person WHERE email = ''p7@example.org''',
	'SELECT b.id FROM searched.person a JOIN searched.person b ON a.email = b.email WHERE a.id = 7', 'SELECT b.id FROM searched.twin a JOIN searched.person b ON a.email = b.email WHERE a.id = 7',
	'SELECT a.id FROM searched.twin a LEFT JOIN searched.person b ON a.email = b.email WHERE a.id = 7',
	'SELECT id FROM searched.person WHERE email = searched.mine()', 'SELECT id FROM searched.person WHERE email = (SELECT searched.mine())', 'SELECT id FROM searched.person WHERE email <> ''p7@example.org''',
	'SELECT id FROM searched.person WHERE email > ''p7@example.org''', 'SELECT id FROM searched.person WHERE email = ''p7@example.org'' COLLATE searched.same_letters',
	'SELECT id FROM searched.person WHERE NOT email = ''p7@example.org''', 'SELECT id FROM searched.person WHERE email OPERATOR(privseg.~=~) ''p7@example.org''',
	'SELECT id FROM searched.person ORDER BY email']) statement;
SELECT searched.uses(format('SELECT id FROM searched.person WHERE email OPERATOR(privseg.~=~) privseg.search_value(''p7@example.org''::text, %s)', :category));
EXECUTE one('p7@example.org');
EXECUTE one('p307@example.org');
EXECUTE many('{p7@example.org,p8@example.org,NULL,p308@example.org}');
EXECUTE letters('P7@EXAMPLE.ORG');
RESET plan_cache_mode;
SELECT id FROM searched.person WHERE email OPERATOR(privseg.~=~) 'p7@example.org';
SELECT count(*) FROM searched.person WHERE email OPERATOR(privseg.~=~) 'p307@example.org';
SELECT id FROM searched.person WHERE email = 'P7@EXAMPLE.ORG' COLLATE searched.same_letters;
SELECT b.id, b.secret FROM searched.twin a LEFT JOIN searched.person b ON a.email = b.email AND b.income > 0 WHERE a.id IN (7, 80, 307) ORDER BY a.id;
RESET enable_seqscan;

-- what is unique is so for everybody's rows; what is there already is not told
INSERT INTO searched.person (id, email) VALUES (7007, 'p7007@example.org'), (7008, NULL), (7009, NULL);
SELECT code, message, detail FROM unnest(ARRAY['p7@example.org', 'p307@example.org', 'p7007@example.org']) e,
	pg_temp.refusal(format('INSERT INTO searched.person (id, email) VALUES (7010, %L)', e));
SELECT code, message FROM pg_temp.refusal('UPDATE searched.person SET email = ''p8@example.org'' WHERE id = 7');
INSERT INTO searched.person (id, email) VALUES (7010, 'p7@example.org'), (7011, 'p7011@example.org') ON CONFLICT (email) DO NOTHING;
INSERT INTO searched.person (id, email, phone) VALUES (7010, 'p7@example.org', 'new') ON CONFLICT (email) DO UPDATE SET phone = excluded.phone RETURNING id, email, phone;
INSERT INTO searched.person (id, email) VALUES (7010, 'p307@example.org') ON CONFLICT (email) DO NOTHING;
SELECT code, message FROM pg_temp.refusal('INSERT INTO searched.person (id, email) VALUES (7010, ''p307@example.org'') ON CONFLICT (email) DO UPDATE SET phone = ''hidden''');
SELECT id FROM searched.person WHERE phone = 'new';
UPDATE searched.person SET email = 'other@example.org' WHERE id = 7 RETURNING email;
SELECT count(*) FILTER (WHERE email = 'p7@example.org') AS before, count(*) FILTER (WHERE email = 'other@example.org') AS after FROM searched.person;
UPDATE searched.person SET email = 'p7@example.org' WHERE email = 'other@example.org' RETURNING id;

-- a value of another column gets its tag when it comes in
UPDATE searched.person SET phone = secret WHERE id = 9;
SET enable_seqscan = off;
SELECT id FROM searched.person WHERE phone = 's9';
RESET enable_seqscan;

-- a role that may not read finds out nothing, not by an error either: there and in a copy
CREATE TEMP TABLE copied AS SELECT id, email, phone FROM searched.person WHERE id IN (7, 8);
GRANT ALL ON copied TO search_none;
SELECT id FROM copied WHERE email = 'p7@example.org';
SET ROLE search_none;
SELECT statement, code, message FROM unnest(ARRAY['SELECT count(*) FROM searched.person WHERE email = ''p7@example.org''', 'SELECT count(*) FROM searched.person WHERE email = ''nobody''',
	'SELECT count(*) FROM copied WHERE email = ''p7@example.org''', 'SELECT count(*) FROM copied WHERE email = ''nobody''', 'SELECT count(*) FROM copied WHERE email OPERATOR(privseg.=) ''nobody''',
	'SELECT count(*) FROM copied WHERE email OPERATOR(privseg.=) ''p7@example.org''', 'SELECT count(*) FROM copied WHERE email OPERATOR(privseg.~=~) ''nobody''',
	'SELECT count(*) FROM copied WHERE email OPERATOR(privseg.<>) ''nobody''', 'SELECT count(*) FROM copied a JOIN copied b ON a.email OPERATOR(privseg.=) b.phone',
	'SELECT count(*) FROM copied WHERE privseg.encrypted_tag_cmp(email, ''x''::text) = 0', 'SELECT privseg.encrypted_tag_hash(''x''::text)',
	'INSERT INTO searched.person (id, email) VALUES (7012, ''p7@example.org'')']) statement, pg_temp.refusal(statement);
RESET ROLE;
-- nor by what an index of another category finds
SELECT privseg.create_data_category('letters');
CREATE TABLE searched.letter (id bigint PRIMARY KEY, person bigint REFERENCES searched.person, address text);
INSERT INTO searched.letter VALUES (1, 7, 'p7@example.org'), (2, 7, 'nobody');
CREATE INDEX ON searched.letter (person);
SELECT privseg.protect('searched.letter', 'person', 'searched.person'), privseg.encrypt_column('searched.letter', 'address', 'letters', true);
GRANT SELECT ON searched.letter TO search_app;
SET ROLE search_app;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT statement, code, message FROM unnest(ARRAY['SELECT id FROM searched.person WHERE email OPERATOR(privseg.=) (SELECT address FROM searched.letter WHERE id = 1)', 'SELECT id FROM searched.person WHERE email OPERATOR(privseg.=) (SELECT address FROM searched.letter WHERE id = 2)',
	'SELECT p.id FROM searched.letter l JOIN searched.person p ON p.email OPERATOR(privseg.=) l.address WHERE l.id = 1', 'SELECT p.id FROM searched.letter l JOIN searched.person p ON p.email OPERATOR(privseg.=) l.address WHERE l.id = 2']) statement, pg_temp.refusal(statement);
RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin;
RESET ROLE;
SELECT code, message FROM unnest(ARRAY['SELECT privseg.encrypted_tag_cmp(email, ''x''::text) FROM searched.person', 'SELECT privseg.encrypted_tag_cmp(email, email) FROM searched.person',
	'SELECT privseg.encrypted_tag_hash(email) FROM searched.person', 'SELECT privseg.encrypted_tag_hash(''x''::text)', 'SELECT privseg.encrypted_tag_cmp(''x''::text, ''x''::text)']) s,
	pg_temp.refusal('SET LOCAL row_security = off; ' || s);

-- which values are equal shows in no order of rows: an index is asked with a condition on its tags only
RESET ROLE;
CREATE INDEX person_phone_id ON searched.person (phone) INCLUDE (id);
CREATE INDEX person_nick_phone ON searched.person (nick, phone);
CREATE INDEX person_phone_nick ON searched.person (phone, nick);
CREATE INDEX person_both ON searched.person (phone, income);
ANALYZE searched.person, searched.twin;
VACUUM searched.person;
-- ANALYZE counts values, and keeps none
SET row_security = off;
SELECT a.attname, s.stadistinct, s.stanullfrac > 0 AS some_null, s.stakind1 + s.stakind2 + s.stakind3 AS kinds, num_nulls(s.stavalues1, s.stanumbers1) AS nothing FROM pg_attribute a LEFT JOIN pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum
 WHERE a.attrelid = 'searched.person'::regclass AND a.attname IN ('email', 'phone', 'income', 'age', 'ratio', 'secret') ORDER BY a.attnum;
RESET row_security;
SET ROLE search_app;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; SET enable_material = off; SET enable_memoize = off;
SELECT statement, searched.uses(statement) FROM unnest(ARRAY['SELECT id FROM searched.person', 'SELECT phone FROM searched.person', 'SELECT id FROM searched.person WHERE nick = ''n''',
	'SELECT id FROM searched.person WHERE nick = ''n'' ORDER BY nick', 'SELECT id FROM searched.person WHERE nick = ''n'' AND phone IN (''+49 7'', ''+49 8'')', 'SELECT p.id FROM searched.twin t JOIN searched.person p ON p.nick = t.nick',
	'SELECT id FROM searched.person WHERE nick IS NOT NULL', 'SELECT id FROM searched.person WHERE phone IS NOT NULL',
	'SELECT id FROM searched.person WHERE phone = ''+49 7'' AND income = 2', 'SELECT count(DISTINCT nick) FROM searched.person', 'SELECT id FROM searched.person ORDER BY phone LIMIT 3',
	'SELECT id FROM searched.person WHERE (nick, phone) > (''n'', ''+49 7'')', 'SELECT id FROM searched.person WHERE nick = ''n'' AND phone = ''+49 7''']) statement;
RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_bitmapscan; RESET enable_material; RESET enable_memoize;
RESET ROLE;
DROP INDEX searched.person_phone_id, searched.person_nick_phone, searched.person_phone_nick, searched.person_both, searched.person_income;
CREATE INDEX person_two ON searched.person (income, points);
SET ROLE search_app;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; SET enable_material = off; SET enable_memoize = off;
SELECT statement, searched.uses(statement) FROM unnest(ARRAY['SELECT p.id FROM searched.twin t JOIN searched.person p ON p.income = t.income', 'SELECT p.id FROM searched.person p WHERE income = 2', 'SELECT p.id FROM searched.person p WHERE income = 2 AND points = 4']) statement;
RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_bitmapscan; RESET enable_material; RESET enable_memoize;
RESET ROLE;

-- nor in how well an array of them is compressed, or how rows are ordered by their images
SET ROLE search_app;
SELECT string_agg('a.phone', ', ') AS phones FROM generate_series(1, 30) \gset
CREATE TEMP TABLE squeezed AS SELECT a.id AS a, b.id AS b, ARRAY[:phones, b.phone] AS values FROM searched.person a, searched.person b WHERE a.id IN (11, 12, 13) AND b.id BETWEEN 51 AND 70;
CREATE TEMP TABLE counted AS SELECT phone FROM searched.person WHERE id IN (11, 61);
CREATE DOMAIN pg_temp.phones AS privseg.encrypted_text;
CREATE TEMP TABLE counted_too (phone pg_temp.phones);
INSERT INTO counted_too SELECT phone FROM searched.person WHERE id IN (11, 61);
ANALYZE counted, counted_too;
SELECT tablename, attname, n_distinct FROM pg_stats WHERE tablename LIKE 'counted%';
RESET ROLE;
SET row_security = off;
-- (a tag is of 16 bytes; a few are saved by chance)
SELECT min(pg_column_size(values)) FILTER (WHERE a % 50 = b % 50) + 8 > min(pg_column_size(values)) FILTER (WHERE a % 50 <> b % 50) AS equal_or_not, count(*) FILTER (WHERE a % 50 = b % 50) AS equal FROM squeezed;
RESET row_security;
SET ROLE search_none;
RESET ROLE;
SET row_security = off;
SELECT count(DISTINCT substr(decode(substr(privseg.encrypted_text_out(phone)::text, 11), 'base64'), 33, 16)) = count(phone) AS tags_differ FROM searched.person;
RESET row_security;

-- every bit of a value with its tag, turned: never the plaintext
SET row_security = off;
CREATE TEMP TABLE whole AS SELECT privseg.encrypted_text_out(email)::text AS armour FROM searched.person WHERE id = 8;
SELECT accepted > 500 AS accepted FROM whole, pg_temp.flip_bits(armour);
RESET row_security;
SET ROLE search_app;
SET client_min_messages = error;
SELECT DISTINCT pg_temp.opens(bit) AS outcome FROM flipped WHERE bit BETWEEN 256 AND 383;
SELECT DISTINCT pg_temp.opens(bit) AS outcome FROM flipped ORDER BY 1;
SELECT count(*) AS equal FROM flipped WHERE bit BETWEEN 256 AND 383 AND value OPERATOR(privseg.=) 'p8@example.org';
SET client_min_messages = warning;
RESET ROLE;

-- of a subject whose key is gone nothing is found, and nobody is told
SELECT privseg.shred_subject('searched.person', 20::bigint);
SET ROLE search_app;
SET enable_seqscan = off;
SELECT count(*) FROM searched.person WHERE email = 'p20@example.org';
SELECT count(*) FROM searched.person WHERE email OPERATOR(privseg.=) 'p20@example.org';
RESET enable_seqscan;
SET enable_indexscan = off; SET enable_bitmapscan = off;
SELECT count(*) FROM searched.person WHERE email OPERATOR(privseg.=) 'p20@example.org';
SELECT count(*) FROM searched.person WHERE email OPERATOR(privseg.~=~) 'p20@example.org';
RESET enable_indexscan; RESET enable_bitmapscan;
-- nor by an upsert, which is refused as one that meets a hidden row
SELECT code, message FROM pg_temp.refusal('INSERT INTO searched.person (id, email) VALUES (7020, ''p20@example.org'') ON CONFLICT (email) DO UPDATE SET points = 1 RETURNING id');
RESET ROLE;

-- who may write and not read does not look for anybody by writing
CREATE ROLE search_writer;
GRANT USAGE ON SCHEMA searched TO search_writer;
GRANT ALL ON searched.person TO search_writer;
SELECT privseg.grant_clearance('search_writer', 'searched_care'), privseg.grant_clearance('search_writer', 'searched_care', 'searched', '{mask,write}');
SET ROLE search_writer;
SELECT DISTINCT code, message FROM unnest('{p9@example.org,nobody@example.org}'::text[]) e, unnest('{NOTHING,UPDATE SET id = person.id}'::text[]) a,
	pg_temp.refusal(format('INSERT INTO searched.person (id, email) VALUES (7021, %L) ON CONFLICT (email) DO %s RETURNING id', e, a));
BEGIN;
INSERT INTO searched.person (id, email) VALUES (7021, 'new@example.org') ON CONFLICT (id) DO UPDATE SET email = excluded.email RETURNING id, email;
INSERT INTO searched.person (id, email) VALUES (7022, 'p9@example.org') ON CONFLICT DO NOTHING RETURNING id;
ROLLBACK;
RESET ROLE;

-- partitions have the index of the table above
CREATE TABLE searched.visit (id bigint, person bigint REFERENCES searched.person, place text, PRIMARY KEY (id, person)) PARTITION BY HASH (person);
CREATE TABLE searched.visit_0 PARTITION OF searched.visit FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE searched.visit_1 PARTITION OF searched.visit FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO searched.visit SELECT i, i % 300 + 1, 'place ' || i % 10 FROM generate_series(1, 600) i;
SELECT privseg.protect('searched.visit', 'person', 'searched.person');
SELECT privseg.encrypt_column('searched.visit', 'place', 'searched', true);
CREATE INDEX visit_place ON searched.visit (place);
CREATE INDEX visit_both ON searched.visit (place, id);
GRANT ALL ON searched.visit TO search_app;
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('searched.visit_0'::regclass, 'searched.visit_1'::regclass) ORDER BY 1;
SET ROLE search_app;
SET enable_seqscan = off;
SELECT searched.uses('SELECT count(*) FROM searched.visit WHERE place = ''place 3''') ~ 'visit_0_place.*visit_1_place' AS by_index;
SELECT count(*) FROM searched.visit WHERE place = 'place 3';
SELECT count(*) FROM searched.visit v JOIN searched.person p ON v.place = p.secret;
RESET enable_seqscan;
RESET ROLE;

-- and back
DROP INDEX searched.person_email, searched.person_letters;
SELECT privseg.decrypt_column('searched.person', 'email');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'searched.person'::regclass AND attname = 'email' AND atttypid = 'text'::regtype;
