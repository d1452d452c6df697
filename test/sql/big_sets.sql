-- A statement that asks about many subjects lays the set out in its own memory
-- (consent_ahead.c): sets of more pages than other tests have, for each kind of
-- key, against unprotected copies.
SET client_min_messages = warning;
\pset format unaligned
SET jit = off;

CREATE SCHEMA big;
CREATE ROLE big_reader;
GRANT USAGE ON SCHEMA big TO big_reader;
SELECT privseg.create_purpose('big_in', 'consent', special_category_basis => 'explicit_consent'), privseg.create_purpose('big_out', 'legitimate_interests');
SELECT privseg.grant_clearance('big_reader', p) FROM unnest('{big_in,big_out}'::text[]) p;

-- scattered: every key in another range; clustered: as snowflake ids are
CREATE TABLE big.kinds (kind text, type text, key text);
INSERT INTO big.kinds VALUES ('scattered', 'bigint', 'n * 3773636577589'), ('clustered', 'bigint', '((n / 20 * 977)::bigint << 33) + n % 20 * 3'),
	('uuid', 'uuid', 'md5(n::text)::uuid'), ('text', 'text', '''C-'' || n'), ('long_text', 'varchar', '''customer of the north-east, number '' || n');

-- who is permitted: one decision before the set is built, another after
CREATE FUNCTION big.wanted(n int, later int) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT n % 10 < 7 AND n <= 90000 AND (later = 0 OR n % 1000 <> 500 + later) $$;
CREATE FUNCTION big.make(kind text, type text, key text) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	EXECUTE format('CREATE TABLE big.%I AS SELECT (%s)::%s AS key, n FROM generate_series(1, 100000) n ORDER BY n::bigint * 7919 %% 100003', kind, key, type);
	EXECUTE format('CREATE TABLE big.%I AS TABLE big.%I', kind || '_copy', kind);
	EXECUTE format('ALTER TABLE big.%I ADD PRIMARY KEY (key)', kind);
	EXECUTE format('ANALYZE big.%I', kind);
	PERFORM privseg.protect(format('big.%I', kind)::regclass, 'key');
	PERFORM big.decide(kind, 0);
	PERFORM privseg.rebuild_consent(format('big.%I', kind)::regclass);
END
$$;
-- the one purpose rests on who said yes, the other on who did not object
CREATE FUNCTION big.decide(kind text, later int) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	IF later = 0 THEN
		EXECUTE format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, explicit) SELECT %L, key::text, ''big_in'', ''given'', true FROM big.%I WHERE big.wanted(n, 0)', 'big.' || kind, kind || '_copy');
		EXECUTE format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, kind) SELECT %L, key::text, ''big_out'', ''refused'', ''objection'' FROM big.%I WHERE NOT big.wanted(n, 0)', 'big.' || kind, kind || '_copy');
	ELSE
		EXECUTE format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT %L, key::text, ''big_in'', ''withdrawn'' FROM big.%I WHERE big.wanted(n, 0) AND NOT big.wanted(n, %s)', 'big.' || kind, kind || '_copy', later);
		EXECUTE format('INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, kind) SELECT %L, key::text, ''big_out'', ''refused'', ''objection'' FROM big.%I WHERE big.wanted(n, 0) AND NOT big.wanted(n, %s)', 'big.' || kind, kind || '_copy', later);
	END IF;
END
$$;
SELECT count(big.make(kind, type, key)::text) FROM big.kinds;
GRANT SELECT ON ALL TABLES IN SCHEMA big TO big_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA big TO big_reader;
-- no line may come: with 64 pages, a statement asks for each on its own
SELECT domain::regclass, count(*) FROM privseg.consent_page p JOIN big.kinds k ON domain = ('big.' || k.kind)::regclass WHERE p.kind = 's' GROUP BY domain, purpose HAVING count(*) <= 64;

-- no line may come
CREATE FUNCTION big.compare(later int) RETURNS TABLE (kind text, purpose text, plan text, result text) LANGUAGE plpgsql AS
$$
DECLARE
	plain text;
	answer text;
BEGIN
	FOR kind, purpose, plan IN SELECT k.kind, p, s FROM big.kinds k, unnest('{big_in,big_out}'::text[]) p, unnest('{sequential,workers,index,join,explicit}'::text[]) s
							   WHERE s <> 'explicit' OR p = 'big_in' LOOP
		EXECUTE format('SELECT count(*) || ''/'' || sum(n) FROM big.%I WHERE big.wanted(n, %s)', kind || '_copy', later) INTO plain;
		PERFORM set_config('privseg.purpose', purpose, true),
			set_config('enable_seqscan', CASE plan WHEN 'index' THEN 'off' ELSE 'on' END, true),
			set_config('max_parallel_workers_per_gather', CASE plan WHEN 'workers' THEN '2' ELSE '0' END, true),
			set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true), set_config('min_parallel_table_scan_size', '0', true);
		SET LOCAL ROLE big_reader;
		EXECUTE format(CASE plan WHEN 'join' THEN 'SELECT count(*) || ''/'' || sum(s.n) FROM big.%I c JOIN big.%I s USING (key)' WHEN 'explicit' THEN 'SELECT count(*) || ''/'' || sum(n) FROM big.%I WHERE privseg.row_explicit(key, ''big.%I'')' ELSE 'SELECT count(*) || ''/'' || sum(n) FROM big.%2$I' END, kind || '_copy', kind) INTO answer;
		RESET ROLE;
		IF answer IS DISTINCT FROM plain THEN
			result := format('%s instead of %s', answer, plain);
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
SELECT * FROM big.compare(0);
-- some are to be decided from their records: nobody else can fold them yet
BEGIN;
SELECT count(big.decide(kind, 1)::text) FROM big.kinds;
SELECT * FROM big.compare(1);
COMMIT;
SELECT count(privseg.fold_consent(('big.' || kind)::regclass)) FROM big.kinds;
SELECT * FROM big.compare(1);

SET client_min_messages = error;
DROP SCHEMA big CASCADE;
DROP OWNED BY big_reader;
DROP ROLE big_reader;
