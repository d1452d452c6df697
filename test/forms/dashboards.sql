-- What the dashboards of BI tools send (test/t/022_presented.pl): a script a line, each run in a
-- transaction on both.
CREATE TEMP TABLE t ON COMMIT DROP AS SELECT id, note, income, born FROM person; ANALYZE t; SELECT note, count(*), sum(income), min(born) FROM t GROUP BY note ORDER BY note NULLS FIRST
CREATE TEMP TABLE t ON COMMIT DROP AS SELECT date_trunc('month', born) AS m, CASE WHEN income > 5000 THEN 'high' ELSE 'low' END AS bin, income FROM person; SELECT m, bin, avg(income) FROM t GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2
CREATE TEMP TABLE t (k text, total numeric); INSERT INTO t SELECT note, sum(income) FROM person GROUP BY note; SELECT * FROM t ORDER BY k NULLS FIRST; UPDATE t SET total = total + p.income FROM person p WHERE p.note = t.k AND p.id = 1; SELECT * FROM t ORDER BY k NULLS FIRST
CREATE TEMP TABLE picked AS SELECT DISTINCT note FROM person WHERE income > 3000; SELECT p.id, p.note FROM person p JOIN picked USING (note) ORDER BY p.id
SELECT note, income INTO TEMP t FROM person WHERE born IS NOT NULL; SELECT max(note), sum(income) FROM t
CREATE TEMP VIEW v AS SELECT id, note, income * 12 AS yearly, extract(year FROM born) AS year FROM person; SELECT year, sum(yearly), count(DISTINCT note) FROM v GROUP BY year ORDER BY year NULLS FIRST
DECLARE c CURSOR FOR SELECT id, note, income, born FROM person ORDER BY income NULLS FIRST; FETCH 3 FROM c; FETCH 2 FROM c; CLOSE c
DECLARE c SCROLL CURSOR FOR SELECT note, born FROM person ORDER BY id; FETCH LAST FROM c; FETCH FIRST FROM c; FETCH ABSOLUTE 5 FROM c; FETCH BACKWARD 2 FROM c; MOVE FORWARD 1 FROM c; FETCH NEXT FROM c
DECLARE c CURSOR WITH HOLD FOR SELECT note, count(*) FROM person GROUP BY note ORDER BY note NULLS LAST; FETCH ALL FROM c
DECLARE c CURSOR FOR SELECT * FROM person ORDER BY id; FETCH 2 FROM c; UPDATE person SET note = 'fetched' WHERE CURRENT OF c; SELECT note FROM person WHERE id = 2
DECLARE c BINARY CURSOR FOR SELECT id FROM person WHERE note = 'note 1' ORDER BY id; FETCH FORWARD 0 FROM c
PREPARE q (text, numeric) AS SELECT note, sum(income) FROM person WHERE note <> $1 AND income > $2 GROUP BY note ORDER BY note; EXECUTE q ('note 1', 2000); EXECUTE q ('x', 0); DEALLOCATE q
SELECT date_trunc('month', seen) AS month, count(*) AS people, count(DISTINCT note) AS notes, sum(income) AS total, sum(sum(income)) OVER (ORDER BY date_trunc('month', seen)) AS running FROM person GROUP BY 1 ORDER BY 1 NULLS FIRST
SELECT CASE WHEN income < 2000 THEN '1: below 2000' WHEN income < 8000 THEN '2: below 8000' ELSE '3: more' END AS bin, count(*), round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share, avg(price) FROM person GROUP BY 1 ORDER BY 1
SELECT width_bucket(income, 0, 15000, 5) AS bucket, min(income), max(income), count(*) FROM person GROUP BY 1 ORDER BY 1 NULLS FIRST
SELECT floor(income / 1000) * 1000 AS bin, count(*) FROM person GROUP BY 1 ORDER BY 1 NULLS FIRST
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY income) AS median, percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY price) AS quartiles, percentile_disc(0.9) WITHIN GROUP (ORDER BY born) AS late, mode() WITHIN GROUP (ORDER BY note) AS usual FROM person
SELECT note, percentile_disc(0.5) WITHIN GROUP (ORDER BY income) FROM person GROUP BY note ORDER BY note NULLS FIRST
SELECT id, income, income / sum(income) OVER () AS share, rank() OVER (ORDER BY income DESC NULLS LAST), ntile(4) OVER (ORDER BY income), income - lag(income) OVER (ORDER BY born), avg(income) OVER (ORDER BY born ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), sum(income) OVER (ORDER BY born RANGE BETWEEN '3 days' PRECEDING AND CURRENT ROW) FROM person ORDER BY id
SELECT count(*) FILTER (WHERE income > 5000) AS high, sum(income) FILTER (WHERE born >= '1990-02-05') AS late, count(DISTINCT note) FILTER (WHERE active) AS notes FROM person
SELECT COALESCE(note, 'total') AS note, EXTRACT(quarter FROM born) AS quarter, sum(income), grouping(note, EXTRACT(quarter FROM born)) FROM person GROUP BY ROLLUP (note, EXTRACT(quarter FROM born)) ORDER BY 4, 1, 2 NULLS FIRST
SELECT to_char(born, 'YYYY-"W"IW') AS week, string_agg(DISTINCT note, ', ' ORDER BY note), array_agg(income ORDER BY income) FROM person GROUP BY 1 ORDER BY 1 NULLS FIRST
SELECT "t0"."note" AS "note", SUM("t0"."income") AS "sum:income:ok", (COUNT(DISTINCT "t0"."id")) AS "ctd:id:ok" FROM (SELECT * FROM "person" "x" WHERE ("x"."income" IS NOT NULL)) "t0" WHERE ((CAST("t0"."note" AS TEXT) >= 'a') AND (CAST("t0"."note" AS TEXT) <= 'z')) GROUP BY 1 HAVING (SUM("t0"."income") > 1000.5) ORDER BY 2 DESC NULLS LAST LIMIT 100
SELECT source.note, source.n FROM (SELECT note, count(*) AS n, max(born) AS last FROM person WHERE born BETWEEN date '1990-01-01' AND timestamp '1990-03-01 00:00:00' GROUP BY note) AS source WHERE source.last > CAST('1990-02-05' AS date) ORDER BY source.n DESC, source.note LIMIT 1048575
WITH monthly AS (SELECT date_trunc('month', born)::date AS month, sum(income) AS total FROM person GROUP BY 1), days AS (SELECT d::date AS month FROM generate_series((SELECT min(date_trunc('month', born)) FROM person), '1990-04-01', interval '1 month') d) SELECT days.month, COALESCE(monthly.total, 0) AS total, COALESCE(monthly.total, 0) - lag(COALESCE(monthly.total, 0)) OVER (ORDER BY days.month) AS change FROM days LEFT JOIN monthly USING (month) ORDER BY 1
SELECT p.note, o.amount, p.income FROM person p LEFT JOIN orders o ON o.note = p.note AND o.placed >= p.born WHERE p.income IN (SELECT max(income) FROM person GROUP BY note) ORDER BY p.id
SELECT count(*) FROM (SELECT * FROM person LIMIT 5) AS rows; SELECT * FROM person WHERE 1 = 0; SELECT * FROM (SELECT note, income FROM person) AS q LIMIT 0
COPY (SELECT note, income, born, sum(income) OVER (PARTITION BY note) FROM person ORDER BY id) TO STDOUT (FORMAT csv, HEADER)
EXPLAIN (COSTS OFF, VERBOSE OFF) SELECT 1; SELECT column_name, data_type, numeric_precision, character_maximum_length, udt_name FROM information_schema.columns WHERE table_name = 'person' AND table_schema = current_schema ORDER BY ordinal_position
