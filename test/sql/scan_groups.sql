-- A sequential scan answers for several rows at once (policy_page.c).  What it
-- shows is what an index scan, which asks row by row, and a plain join over an
-- unprotected copy show: for each key type, over shapes that leave the beaten
-- path.
SET client_min_messages = warning;
\pset format unaligned
SET jit = off;

CREATE SCHEMA groups;
CREATE ROLE groups_reader;
GRANT USAGE ON SCHEMA groups TO groups_reader;
SELECT privseg.create_purpose('groups_in', 'consent'), privseg.create_purpose('groups_out', 'legitimate_interests');
SELECT privseg.grant_clearance('groups_reader', p) FROM unnest('{groups_in,groups_out}'::text[]) p;

-- n % 3 = 1 said yes to the first, n % 5 = 2 no to the second, n > 950 came later
CREATE FUNCTION groups.wanted(n int) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT CASE current_setting('privseg.purpose') WHEN 'groups_in' THEN n % 3 = 1 AND n <= 950 ELSE n % 5 <> 2 OR n > 950 END $$;
CREATE FUNCTION groups.make(kind text, key text) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	-- a column dropped in front, a wide one, one that older rows do not have
	EXECUTE format('CREATE TABLE groups.%1$s (gone int, note text, key %1$s NOT NULL, n int)', kind);
	EXECUTE format('ALTER TABLE groups.%1$s DROP gone', kind);
	EXECUTE format('INSERT INTO groups.%1$s SELECT repeat(''x'', n %% 50), (%2$s)::%1$s, n FROM generate_series(1, 1000) n ORDER BY n * 7919 %% 1009', kind, key);
	EXECUTE format('ALTER TABLE groups.%1$s ADD late int DEFAULT 5, ADD PRIMARY KEY (key)', kind);
	EXECUTE format('CREATE TABLE groups.%1$s_copy AS TABLE groups.%1$s', kind);
	EXECUTE format('CREATE TABLE groups.%1$s_child (n int, owner %1$s)', kind);
	EXECUTE format('INSERT INTO groups.%1$s_child SELECT n, CASE WHEN i < 3 THEN key END FROM groups.%1$s, generate_series(1, 3) i ORDER BY (n * 31 + i * 17) %% 997', kind);
	EXECUTE format('CREATE INDEX ON groups.%1$s_child (owner)', kind);
	EXECUTE format('CREATE TABLE groups.%1$s_child_copy AS TABLE groups.%1$s_child', kind);
	EXECUTE format('SELECT privseg.protect(''groups.%1$s'', ''key''), privseg.protect(''groups.%1$s_child'', ''owner'', ''groups.%1$s'', null_subject => ''show'')', kind);
	EXECUTE format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, kind)'
		' SELECT ''groups.%1$s'', key::text, p, CASE p WHEN ''groups_in'' THEN ''given'' ELSE ''refused'' END, CASE p WHEN ''groups_in'' THEN ''consent'' ELSE ''objection'' END'
		' FROM groups.%1$s_copy, unnest(''{groups_in,groups_out}''::text[]) p WHERE n <= 950 AND CASE p WHEN ''groups_in'' THEN n %% 3 = 1 ELSE n %% 5 = 2 END', kind);
	EXECUTE format('ANALYZE groups.%1$s, groups.%1$s_child, groups.%1$s_copy, groups.%1$s_child_copy', kind);
END
$$;
SELECT count(groups.make(kind, key)::text) FROM (VALUES
	('bigint', 'n'), ('integer', '(n - 1500) * 1000003'), ('smallint', 'n * 7 - 10000'),
	('uuid', 'md5(n::text)::uuid'), ('varchar', '''customer '' || n')) k (kind, key);
-- some short, some long, some that are compressed, some stored outside
CREATE TABLE groups.text (note text, key text NOT NULL, n int);
INSERT INTO groups.text SELECT 'x', CASE n % 4 WHEN 0 THEN repeat('k', n * 9) WHEN 1 THEN n || 'é' WHEN 2 THEN n || repeat('long', 60) ELSE n || (SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 150) i) END, n
  FROM generate_series(1, 1000) n ORDER BY n * 7919 % 1009;
CREATE TABLE groups.text_copy AS TABLE groups.text;
SELECT count(*) FILTER (WHERE octet_length(key) > 2000 AND pg_column_size(key) < 100) > 0 AS compressed,
	count(*) FILTER (WHERE octet_length(key) < 127) > 0 AS short, count(*) FILTER (WHERE pg_column_size(key) BETWEEN 200 AND 300) > 0 AS long,
	pg_relation_size(reltoastrelid) > 0 AS outside FROM groups.text_copy, pg_class WHERE oid = 'groups.text'::regclass GROUP BY reltoastrelid;

-- what SQL shows under each purpose, as two scans and the copy tell it
CREATE FUNCTION groups.compare(what text, shape text) RETURNS TABLE (kind text, purpose text, result text) LANGUAGE plpgsql AS
$$
DECLARE
	k text;
	p text;
	plain text;
	grouped text;
	single text;
	protected text;
BEGIN
	FOREACH k IN ARRAY '{bigint,integer,smallint,uuid,varchar}'::text[] LOOP
		FOREACH p IN ARRAY '{groups_in,groups_out}'::text[] LOOP
			PERFORM set_config('privseg.purpose', p, true);
			EXECUTE replace(replace(shape, '$T', format('(SELECT * FROM groups.%s_copy WHERE groups.wanted(n))', k)),
				'$C', format('(SELECT * FROM groups.%s_child_copy WHERE owner IS NULL OR groups.wanted(n))', k)) INTO plain;
			protected := replace(replace(shape, '$T', 'groups.' || k), '$C', format('groups.%s_child', k));
			SET LOCAL ROLE groups_reader;
			SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;
			EXECUTE protected INTO grouped;
			SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_seqscan = off;
			EXECUTE protected INTO single;
			SET LOCAL enable_seqscan = on;
			RESET ROLE;
			IF plain = grouped AND plain = single THEN CONTINUE; END IF;
			kind := k; purpose := p; result := format('%s: copy %s, sequential %s, index %s', what, plain, grouped, single);
			RETURN NEXT;
		END LOOP;
	END LOOP;
END
$$;
GRANT SELECT ON ALL TABLES IN SCHEMA groups TO groups_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA groups TO groups_reader;

-- no line may come
CREATE VIEW groups.differences AS SELECT d.* FROM (VALUES
	('all', 'SELECT count(*) || ''/'' || sum(n) FROM $T t'),
	('columns', 'SELECT md5(string_agg(key::text || n || late || note, '','' ORDER BY n)) FROM $T t'),
	('clause before', 'SELECT count(*) || ''/'' || sum(n) FROM $T t WHERE n > 300'),
	('few before', 'SELECT count(*) || ''/'' || COALESCE(sum(n), 0) FROM $T t WHERE n % 100 = 7'),
	('none before', 'SELECT count(*) || '''' FROM $T t WHERE n < 0'),
	('clause behind', 'SELECT count(*) || ''/'' || sum(n) FROM $T t WHERE length(note) > 20 AND note LIKE ''x%'''),
	('subplan', 'SELECT count(*) || ''/'' || sum(n) FROM $T t WHERE n > (SELECT count(*) FROM generate_series(1, 2) u WHERE u < t.n) * 150'),
	('NULL shown', 'SELECT count(*) || ''/'' || sum(n) || ''/'' || count(owner) FROM $C c'),
	('semijoin', 'SELECT count(*) || ''/'' || sum(n) FROM $T t WHERE key IN (SELECT owner FROM $C c WHERE c.n % 2 = 0)'),
	('rescan', 'SELECT count(*) || ''/'' || sum(c) FROM generate_series(1, 3) g, LATERAL (SELECT count(*) AS c FROM $T t WHERE n % 3 = g - 1) l'),
	('few rows', 'SELECT count(*) || '''' FROM (SELECT FROM $T t LIMIT 40) l'),
	('anti', 'SELECT count(*) || '''' FROM $C c WHERE NOT EXISTS (SELECT FROM $T t WHERE t.key = c.owner)'))
	shapes (what, shape), LATERAL groups.compare(what, shape) d;
SELECT * FROM groups.differences;
-- some are decided anew, between those that are folded
SELECT count(privseg.record_consent('groups.bigint', n, 'groups_in', 'withdrawn')), count(privseg.record_consent('groups.bigint', n, 'groups_in', 'given')) FROM generate_series(1, 950, 99) n;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'groups.uuid', md5(n::text), 'groups_in', 'given' FROM generate_series(1, 950, 30) n;
SELECT * FROM groups.differences;

-- the purpose changes in mid-page, when many rows were asked about already
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
SET LOCAL ROLE groups_reader;
SELECT count(c) FROM (SELECT n, CASE WHEN n = 499 THEN set_config('privseg.purpose', 'groups_out', true) END AS c FROM groups.bigint OFFSET 0) s;
ROLLBACK;

-- texts of all storages
CREATE TABLE groups.short_text (key text PRIMARY KEY);
INSERT INTO groups.short_text SELECT n::text FROM generate_series(1, 100) n;
SELECT privseg.protect('groups.short_text', 'key'), privseg.protect('groups.text', 'key', 'groups.short_text');
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'groups.short_text', key, 'groups_in', 'given' FROM groups.text_copy WHERE n % 3 = 1 AND n % 4 < 3;
GRANT SELECT ON ALL TABLES IN SCHEMA groups TO groups_reader;
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
SET LOCAL ROLE groups_reader;
SELECT count(*), sum(n) FROM groups.text;
SELECT count(*), sum(n) FROM groups.text_copy WHERE n % 3 = 1 AND n % 4 < 3;
COMMIT;

-- short texts are told by their bytes, longer ones by a hash: every length, and
-- every text that differs from another in one byte
CREATE TABLE groups.lengths (key varchar PRIMARY KEY, n int);
INSERT INTO groups.lengths SELECT key, row_number() OVER (ORDER BY key COLLATE "C") FROM (
	SELECT DISTINCT overlay(repeat('k', length) placing letter from place) AS key
	  FROM generate_series(1, 20) length, generate_series(1, length) place, unnest('{k,l,K,é,~}'::text[]) letter UNION SELECT '') k;
CREATE TABLE groups.lengths_copy AS TABLE groups.lengths;
SELECT privseg.protect('groups.lengths', 'key');
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'groups.lengths', key, 'groups_in', 'given' FROM groups.lengths_copy WHERE n % 2 = 1;
GRANT SELECT ON ALL TABLES IN SCHEMA groups TO groups_reader;
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
SET LOCAL ROLE groups_reader;
CREATE TEMPORARY TABLE together AS SELECT key FROM groups.lengths;
SET LOCAL enable_seqscan = off;
CREATE TEMPORARY TABLE alone AS SELECT key FROM groups.lengths;
COMMIT;
SELECT count(*) AS keys, count(*) FILTER (WHERE n % 2 = 1) AS permitted, count(*) FILTER (WHERE (n % 2 = 1) <> EXISTS (SELECT FROM together t WHERE t.key COLLATE "C" = c.key)) AS wrong_together,
	count(*) FILTER (WHERE (n % 2 = 1) <> EXISTS (SELECT FROM alone a WHERE a.key COLLATE "C" = c.key)) AS wrong_alone,
	count(*) FILTER (WHERE (n % 2 = 1) <> privseg.permitted('groups.lengths', key::text, 'groups_in')) AS wrong_asked
  FROM groups.lengths_copy c;
DROP TABLE together, alone;

-- who is stopped is left out early, and counted all the same
CREATE FUNCTION groups.filtered(query text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line LIKE '%Rows Removed by Filter%' THEN RETURN btrim(line); END IF;
	END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION groups.filtered(text) TO groups_reader;
CREATE ROLE groups_auditor IN ROLE groups_reader, privseg_auditor;
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
SET LOCAL ROLE groups_auditor;
SET LOCAL enable_indexscan = off;
SELECT groups.filtered('SELECT * FROM groups.varchar'), groups.filtered('SELECT * FROM groups.varchar WHERE n > 500');
COMMIT;
SELECT count(*) FILTER (WHERE NOT (n % 3 = 1 AND n <= 950)), count(*) FILTER (WHERE NOT (n % 3 = 1 AND n <= 950 AND n > 500)) FROM groups.varchar_copy;

-- a cursor goes back and forth, over rows of its own snapshot
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
SET LOCAL ROLE groups_reader;
SET LOCAL enable_indexscan = off;
DECLARE seen SCROLL CURSOR FOR SELECT n FROM groups.uuid;
MOVE FORWARD 200 IN seen;
FETCH 2 FROM seen;
MOVE BACKWARD 150 IN seen;
FETCH 2 FROM seen;
FETCH ABSOLUTE 201 FROM seen;
MOVE BACKWARD ALL IN seen;
FETCH 2 FROM seen;
RESET ROLE;
SAVEPOINT before;
SELECT count(privseg.withdraw_consent('groups.uuid', key, 'groups_in')) FROM groups.uuid_copy;
SET LOCAL ROLE groups_reader;
FETCH ABSOLUTE 201 FROM seen;
SELECT count(*) FROM groups.uuid;
ROLLBACK TO before;
SET LOCAL ROLE groups_reader;
FETCH ABSOLUTE 202 FROM seen;
SELECT count(*) FROM groups.uuid;
FETCH ABSOLUTE 1 FROM seen;
SET LOCAL privseg.purpose = 'groups_out';
FETCH ABSOLUTE 300 FROM seen;
ROLLBACK;

-- rows that the statement itself changes
GRANT UPDATE, DELETE ON groups.integer TO groups_reader;
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
SET LOCAL ROLE groups_reader;
SET LOCAL enable_indexscan = off;
UPDATE groups.integer SET n = n + 3000 WHERE n % 2 = 1 AND note <> 'none';
UPDATE groups.integer SET n = n - 3000 WHERE n > 3000;
DELETE FROM groups.integer WHERE n % 2 = 0;
SELECT count(*) FROM groups.integer;
RESET ROLE;
SET LOCAL row_security = off;
SELECT count(*), sum(n) FROM groups.integer;
ROLLBACK;
SELECT count(*) FILTER (WHERE n % 3 = 1 AND n <= 950 AND n % 2 = 1) AS updated, count(*) FILTER (WHERE n % 3 = 1 AND n <= 950 AND n % 2 = 0) AS deleted,
	count(*) FILTER (WHERE NOT (n % 3 = 1 AND n <= 950 AND n % 2 = 0)) AS rest FROM groups.integer_copy;

-- other ways to read a table, and a table without pages
BEGIN;
SET LOCAL privseg.purpose = 'groups_in';
CREATE TABLE groups.empty (key uuid PRIMARY KEY);
SELECT privseg.protect('groups.empty', 'key');
GRANT SELECT ON groups.empty TO groups_reader;
SET LOCAL ROLE groups_reader;
SELECT count(*), count(*) FILTER (WHERE n % 3 = 1 AND n <= 950) FROM groups.integer TABLESAMPLE SYSTEM (100);
SELECT count(*), count(*) FILTER (WHERE n % 3 = 1 AND n <= 950) FROM groups.integer WHERE ctid > '(1,1)';
SELECT count(*) FROM groups.empty;
COMMIT;

SET client_min_messages = error;
DROP SCHEMA groups CASCADE;
DROP OWNED BY groups_reader;
DROP ROLE groups_reader, groups_auditor;
