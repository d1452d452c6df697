-- Statements that mean the same on encrypted columns as on plain ones (test/t/022_presented.pl):
-- one a line, each run on both, over person and its plain twin.
-- comparison
SELECT id FROM person WHERE note = 'note 3' ORDER BY id
SELECT id FROM person WHERE note <> 'note 3' ORDER BY id
SELECT id FROM person WHERE note > 'note 3' ORDER BY id
SELECT id FROM person WHERE 'note 3' >= note ORDER BY id
SELECT id FROM person WHERE note = 'note 3'::text ORDER BY id
SELECT id FROM person WHERE note = 'note 3'::varchar ORDER BY id
SELECT id FROM person WHERE note = 'note 3'::name ORDER BY id
SELECT id FROM person WHERE note = 'note 3'::char(10) ORDER BY id
SELECT id FROM person WHERE note = name ORDER BY id
SELECT id FROM person WHERE nick = 'nick 2' ORDER BY id
SELECT id FROM person WHERE nick < note ORDER BY id
SELECT id FROM person WHERE income = 2001 ORDER BY id
SELECT id FROM person WHERE income > 2500 ORDER BY id
SELECT id FROM person WHERE income > 2500.5 ORDER BY id
SELECT id FROM person WHERE income > 2500.5::float8 ORDER BY id
SELECT id FROM person WHERE income > 2500.5::real ORDER BY id
SELECT id FROM person WHERE income > 2500::smallint ORDER BY id
SELECT id FROM person WHERE income > 2500::bigint ORDER BY id
SELECT id FROM person WHERE income > '2500' ORDER BY id
SELECT id FROM person WHERE 2500 < income ORDER BY id
SELECT id FROM person WHERE 2500::float8 < income ORDER BY id
SELECT id FROM person WHERE price >= 10 ORDER BY id
SELECT id FROM person WHERE visits = 3 ORDER BY id
SELECT id FROM person WHERE visits = 3::smallint ORDER BY id
SELECT id FROM person WHERE visits = 3::bigint ORDER BY id
SELECT id FROM person WHERE visits > 2.5 ORDER BY id
SELECT id FROM person WHERE visits > 2.5::float8 ORDER BY id
SELECT id FROM person WHERE visits = '3' ORDER BY id
SELECT id FROM person WHERE age = 21 ORDER BY id
SELECT id FROM person WHERE age = 21::smallint ORDER BY id
SELECT id FROM person WHERE age = 21::bigint ORDER BY id
SELECT id FROM person WHERE 21::bigint = age ORDER BY id
SELECT id FROM person WHERE age < 21.5 ORDER BY id
SELECT id FROM person WHERE age < 21.5::real ORDER BY id
SELECT id FROM person WHERE rank = 2 ORDER BY id
SELECT id FROM person WHERE rank = 2::smallint ORDER BY id
SELECT id FROM person WHERE rank > 1.5 ORDER BY id
SELECT id FROM person WHERE age = rank + 20 ORDER BY id
SELECT id FROM person WHERE income > age ORDER BY id
SELECT id FROM person WHERE visits = age ORDER BY id
SELECT id FROM person WHERE visits < ratio ORDER BY id
SELECT id FROM person WHERE income > ratio ORDER BY id
SELECT id FROM person WHERE ratio = 0.5 ORDER BY id
SELECT id FROM person WHERE ratio > 1 ORDER BY id
SELECT id FROM person WHERE ratio < 'NaN' ORDER BY id
SELECT id FROM person WHERE born = '1990-02-02' ORDER BY id
SELECT id FROM person WHERE born > date '1990-02-02' ORDER BY id
SELECT id FROM person WHERE born > timestamp '1990-02-02 12:00' ORDER BY id
SELECT id FROM person WHERE born > timestamptz '1990-02-02 12:00' ORDER BY id
SELECT id FROM person WHERE born < current_date ORDER BY id
SELECT id FROM person WHERE born < now() ORDER BY id
SELECT id FROM person WHERE born <= seen ORDER BY id
SELECT id FROM person WHERE seen > '2020-01-01 05:00+00' ORDER BY id
SELECT id FROM person WHERE seen > date '2020-01-01' ORDER BY id
SELECT id FROM person WHERE seen > timestamp '2020-01-01 05:00' ORDER BY id
SELECT id FROM person WHERE active ORDER BY id
SELECT id FROM person WHERE NOT active ORDER BY id
SELECT id FROM person WHERE active = true ORDER BY id
SELECT id FROM person WHERE active IS NOT TRUE ORDER BY id
SELECT id FROM person WHERE active IS UNKNOWN ORDER BY id
SELECT id FROM person WHERE doc = '{"a": 1}' ORDER BY id
SELECT id FROM person WHERE note IS NULL ORDER BY id
SELECT id FROM person WHERE income IS NOT NULL ORDER BY id
SELECT id FROM person WHERE note IS DISTINCT FROM 'note 3' ORDER BY id
SELECT id FROM person WHERE income IS NOT DISTINCT FROM 2001 ORDER BY id
SELECT id FROM person WHERE born IS DISTINCT FROM NULL ORDER BY id
SELECT id FROM person WHERE note = note ORDER BY id
SELECT a.id, b.id FROM person a, person b WHERE a.income = b.income + 1000.5 AND a.id < 5 ORDER BY 1, 2
-- lists and ranges
SELECT id FROM person WHERE note IN ('note 1', 'note 2') ORDER BY id
SELECT id FROM person WHERE note NOT IN ('note 1', 'note 2') ORDER BY id
SELECT id FROM person WHERE note IN ('note 1') ORDER BY id
SELECT id FROM person WHERE note IN ('note 1', name, NULL) ORDER BY id
SELECT id FROM person WHERE income IN (1000.5, 2001) ORDER BY id
SELECT id FROM person WHERE age IN (21, 22, 23) ORDER BY id
SELECT id FROM person WHERE born IN ('1990-02-02', date '1990-02-03') ORDER BY id
SELECT id FROM person WHERE note = ANY ('{note 1,note 2}') ORDER BY id
SELECT id FROM person WHERE note = ANY (ARRAY['note 1', 'note 2']) ORDER BY id
SELECT id FROM person WHERE note = ANY ('{note 1,note 2}'::varchar[]) ORDER BY id
SELECT id FROM person WHERE note <> ALL (ARRAY['note 1', 'note 2']) ORDER BY id
SELECT id FROM person WHERE income = ANY (ARRAY[1000.5, 2001]) ORDER BY id
SELECT id FROM person WHERE income < ANY (ARRAY[1000, 2001]) ORDER BY id
SELECT id FROM person WHERE born = ANY ('{1990-02-02,1990-02-03}'::date[]) ORDER BY id
SELECT id FROM person WHERE visits = ANY ('{1,2}'::int[]) ORDER BY id
SELECT id FROM person WHERE income BETWEEN 1000 AND 3000 ORDER BY id
SELECT id FROM person WHERE income NOT BETWEEN 1000 AND 3000.5 ORDER BY id
SELECT id FROM person WHERE income BETWEEN SYMMETRIC 3000 AND 1000 ORDER BY id
SELECT id FROM person WHERE born BETWEEN '1990-02-01' AND '1990-02-10' ORDER BY id
SELECT id FROM person WHERE seen BETWEEN '2020-01-01' AND '2020-01-02' ORDER BY id
SELECT id FROM person WHERE note BETWEEN 'note 1' AND 'note 3' ORDER BY id
SELECT id FROM person WHERE age BETWEEN 20 AND 22 ORDER BY id
SELECT id FROM person WHERE (income, born) > (2000, '1990-01-01') ORDER BY id
SELECT id FROM person WHERE (income, born) > (2000.5, date '1990-01-01') ORDER BY id
SELECT id FROM person WHERE (age, id) > (21, 5) ORDER BY id
SELECT id FROM person WHERE (visits, id) >= (3, 5) ORDER BY id
SELECT id FROM person WHERE (born, id) < (date '1990-02-05', 5) ORDER BY id
SELECT id FROM person WHERE (note, id) < ('note 2', 5) ORDER BY id
SELECT id FROM person WHERE (note, income) = ('note 1', 1000.5) ORDER BY id
SELECT id FROM person WHERE (note, age) IN (('note 1', 21), ('note 2', 22)) ORDER BY id
SELECT id FROM person WHERE (note, income) IN (SELECT note, income FROM person WHERE id < 4) ORDER BY id
SELECT id FROM person WHERE note IN (SELECT note FROM orders) ORDER BY id
SELECT id FROM person WHERE note IN (SELECT note FROM person WHERE id = 3) ORDER BY id
SELECT id FROM orders WHERE note IN (SELECT note FROM person) ORDER BY id
SELECT id FROM person WHERE income > ALL (SELECT amount FROM orders WHERE id < 3) ORDER BY id
SELECT id FROM person WHERE income = ANY (SELECT amount FROM orders) ORDER BY id
SELECT id FROM person p WHERE EXISTS (SELECT FROM orders o WHERE o.note = p.note AND o.amount < p.income) ORDER BY id
SELECT id FROM person p WHERE NOT EXISTS (SELECT FROM orders o WHERE o.note = p.note) ORDER BY id
SELECT id FROM person WHERE (born, born + 10) OVERLAPS (date '1990-02-01', date '1990-02-05') ORDER BY id
SELECT id FROM person WHERE (seen, interval '1 day') OVERLAPS (timestamptz '2020-01-01', interval '3 hours') ORDER BY id
-- patterns and text
SELECT id FROM person WHERE note LIKE 'note %' ORDER BY id
SELECT id FROM person WHERE note NOT LIKE '%1' ORDER BY id
SELECT id FROM person WHERE note ILIKE 'NOTE 1%' ORDER BY id
SELECT id FROM person WHERE note LIKE name ORDER BY id
SELECT id FROM person WHERE note LIKE ANY (ARRAY['%1', '%2']) ORDER BY id
SELECT id FROM person WHERE note SIMILAR TO 'note (1|2)' ORDER BY id
SELECT id FROM person WHERE note ~ '^note [12]$' ORDER BY id
SELECT id FROM person WHERE note ~* 'NOTE' ORDER BY id
SELECT id FROM person WHERE note !~ '1' ORDER BY id
SELECT id FROM person WHERE note ^@ 'note 1' ORDER BY id
SELECT id FROM person WHERE starts_with(note, 'note 1') ORDER BY id
SELECT id, note || '!' FROM person ORDER BY id
SELECT id, note || id FROM person ORDER BY id
SELECT id, id || note FROM person ORDER BY id
SELECT id, note || income FROM person ORDER BY id
SELECT id, income || 'x' FROM person ORDER BY id
SELECT id, note || nick || name FROM person ORDER BY id
SELECT id, concat(note, '-', income, born), concat_ws('/', note, age, active) FROM person ORDER BY id
SELECT id, upper(note), lower(note), initcap(note), length(note), char_length(note), octet_length(note) FROM person ORDER BY id
SELECT id, substring(note from 2 for 3), substr(note, 2), left(note, 3), right(note, 2), substring(note, 'o(.)e') FROM person ORDER BY id
SELECT id, position('t' in note), strpos(note, 't'), replace(note, 'n', 'N'), translate(note, 'no', 'NO'), reverse(note) FROM person ORDER BY id
SELECT id, trim(note), btrim(note, 'n'), ltrim(note, 'n'), rtrim(note, '1'), lpad(note, 10, '*'), rpad(note, 10), repeat(note, 2) FROM person ORDER BY id
SELECT id, split_part(note, ' ', 2), string_to_array(note, ' '), regexp_replace(note, '[0-9]', '#'), regexp_match(note, '(\d)'), regexp_split_to_array(note, ' ') FROM person ORDER BY id
SELECT id, md5(note), ascii(note), quote_literal(note), quote_ident(note), format('%s/%s/%L', note, income, nick) FROM person ORDER BY id
SELECT id, overlay(note placing 'X' from 1 for 1), encode(convert_to(note, 'UTF8'), 'hex'), sha256(note::bytea) FROM person ORDER BY id
SELECT id, regexp_matches(note, '\d') FROM person WHERE note IS NOT NULL ORDER BY id
SELECT id, to_tsvector('simple', note) @@ to_tsquery('simple', 'note') FROM person ORDER BY id
SELECT id, length(nick), upper(nick), nick || 'x', nick LIKE 'n%' FROM person ORDER BY id
SELECT id, note COLLATE "C" < 'note 3' COLLATE "C" FROM person ORDER BY id
SELECT id, ascii(note) + 1, bit_length(note) FROM person ORDER BY id
-- conditional expressions
SELECT id, COALESCE(note, 'none') FROM person ORDER BY id
SELECT id, COALESCE(note, nick, name) FROM person ORDER BY id
SELECT id, COALESCE(note, 'none'::varchar) FROM person ORDER BY id
SELECT id, COALESCE(nick, 'none') FROM person ORDER BY id
SELECT id, COALESCE(income, 0) FROM person ORDER BY id
SELECT id, COALESCE(income, 0.5) FROM person ORDER BY id
SELECT id, COALESCE(income, 0.5::float8) FROM person ORDER BY id
SELECT id, COALESCE(0, income) FROM person ORDER BY id
SELECT id, COALESCE(income, visits) FROM person ORDER BY id
SELECT id, COALESCE(visits, 0) FROM person ORDER BY id
SELECT id, COALESCE(visits, 0::bigint) FROM person ORDER BY id
SELECT id, COALESCE(visits, 0.5) FROM person ORDER BY id
SELECT id, COALESCE(age, 0) FROM person ORDER BY id
SELECT id, COALESCE(age, id) FROM person ORDER BY id
SELECT id, COALESCE(rank, 0) FROM person ORDER BY id
SELECT id, COALESCE(ratio, 0) FROM person ORDER BY id
SELECT id, COALESCE(ratio, 0.5) FROM person ORDER BY id
SELECT id, COALESCE(born, '1900-01-01') FROM person ORDER BY id
SELECT id, COALESCE(born, date '1900-01-01') FROM person ORDER BY id
SELECT id, COALESCE(born, timestamp '1900-01-01') FROM person ORDER BY id
SELECT id, COALESCE(seen, '2000-01-01') FROM person ORDER BY id
SELECT id, COALESCE(active, false) FROM person ORDER BY id
SELECT id, COALESCE(doc, '{}') FROM person ORDER BY id
SELECT id, NULLIF(note, 'note 1'), NULLIF(income, 2001), NULLIF(born, '1990-02-02'), NULLIF(age, 21) FROM person ORDER BY id
SELECT id, NULLIF(income, 2001.0::float8) FROM person ORDER BY id
SELECT id, GREATEST(income, 3000), LEAST(income, 3000), GREATEST(note, 'note 2'), LEAST(born, '1990-02-03') FROM person ORDER BY id
SELECT id, GREATEST(income, 3000.5::float8) FROM person ORDER BY id
SELECT id, GREATEST(visits, age), GREATEST(age, 3), LEAST(age, 2.5) FROM person ORDER BY id
SELECT id, CASE WHEN income > 2500 THEN 'high' ELSE 'low' END FROM person ORDER BY id
SELECT id, CASE WHEN income > 2500 THEN income ELSE 0 END FROM person ORDER BY id
SELECT id, CASE WHEN income > 2500 THEN 0 ELSE income END FROM person ORDER BY id
SELECT id, CASE note WHEN 'note 1' THEN 1 WHEN 'note 2' THEN 2 ELSE 0 END FROM person ORDER BY id
SELECT id, CASE income WHEN 2001 THEN note ELSE name END FROM person ORDER BY id
SELECT id, CASE WHEN active THEN note END FROM person ORDER BY id
SELECT id, CASE WHEN active THEN born ELSE current_date - 30000 - (current_date - date '2000-01-01') END FROM person ORDER BY id
-- casts
SELECT id, income::text, income::int, income::bigint, income::float8, income::real, income::numeric(6,1), income::varchar FROM person ORDER BY id
SELECT id, price::text, price::int, price::numeric FROM person ORDER BY id
SELECT id, visits::text, visits::int, visits::numeric, visits::float8 FROM person ORDER BY id
SELECT id, age::text, age::bigint, age::smallint, age::numeric, age::boolean, age::float8 FROM person ORDER BY id
SELECT id, rank::text, rank::int FROM person ORDER BY id
SELECT id, ratio::text, ratio::real FROM person ORDER BY id
SELECT id, born::text, born::timestamp, born::timestamptz, born::varchar FROM person ORDER BY id
SELECT id, seen::text, seen::date, seen::timestamp, seen::time FROM person ORDER BY id
SELECT id, active::text, active::int FROM person ORDER BY id
SELECT id, doc::text, doc::json FROM person ORDER BY id
SELECT id, note::varchar(3), note::char(4), note::name, note::bytea, CAST(note AS varchar) FROM person ORDER BY id
SELECT id, substr(note, 6)::int FROM person WHERE note LIKE 'note %' ORDER BY id
SELECT id, (income::text)::numeric = income FROM person ORDER BY id
SELECT id, income::money FROM person ORDER BY id
-- arithmetic
SELECT id, income + 1, income - 1, income * 2, income / 4, income % 7, -income, +income FROM person ORDER BY id
SELECT id, income + 0.5, income * 1.19, income / 3.0 FROM person ORDER BY id
SELECT id, income * 1.19::float8, income + 1::real, 2.0::float8 / income FROM person WHERE income > 0 ORDER BY id
SELECT id, 1 + income, 100 - income, 2 * income, 10000 / income FROM person WHERE income > 0 ORDER BY id
SELECT id, income + income, income * visits, income / age, income - rank FROM person WHERE age > 0 ORDER BY id
SELECT id, income ^ 2, income ^ 0.5, |/ income, @ income FROM person WHERE income > 0 ORDER BY id
SELECT id, visits + 1, visits * 2, visits / 2, visits % 2, -visits, visits - 1.5, visits + visits FROM person ORDER BY id
SELECT id, visits + 1::smallint, 1::smallint + visits, visits + 1::bigint, visits * 0.5::float8 FROM person ORDER BY id
SELECT id, age + 1, age * 2, age / 2, age % 2, age - 0.5, -age, age + age, age + visits FROM person ORDER BY id
SELECT id, age + 1::bigint, 1::bigint + age, age + 1::smallint, age / 2.0, age * 0.1::float8 FROM person ORDER BY id
SELECT id, age & 1, age | 8, age # 3, ~age, age << 1, age >> 1 FROM person ORDER BY id
SELECT id, rank + 1, rank + 1::smallint, rank * 2.5, rank + age FROM person ORDER BY id
SELECT id, ratio + 1, ratio * 2.5, ratio / 3, -ratio, ratio * income, ratio + age FROM person ORDER BY id
SELECT id, abs(income), round(income), round(income, 1), ceil(income), floor(income), trunc(income), sign(income), sqrt(income), mod(income, 7), power(income, 2) FROM person WHERE income > 0 ORDER BY id
SELECT id, ln(income), log(income), exp(0.001 * income), width_bucket(income, 0, 5000, 5), div(income, 7) FROM person WHERE income > 0 ORDER BY id
SELECT id, abs(age), round(age), round(age, 1), mod(age, 2), sqrt(age), to_hex(age), power(age, 2), sin(age) FROM person ORDER BY id
SELECT id, abs(visits), round(visits), mod(visits, 2::bigint), to_hex(visits), sqrt(visits) FROM person ORDER BY id
SELECT id, round(ratio), floor(ratio), round(ratio::numeric, 1), degrees(ratio), sin(ratio) FROM person ORDER BY id
SELECT id, sin(income), cos(income), atan2(income, 2), cbrt(income), radians(income) FROM person ORDER BY id
SELECT id, to_char(income, '9999.99'), to_char(age, '999'), to_char(visits, 'FM999'), to_char(ratio, '9.9') FROM person ORDER BY id
SELECT id, to_timestamp(income), make_interval(days => age), age * interval '1 day', income * interval '1 second', interval '1 hour' * ratio FROM person WHERE ratio < 'NaN' ORDER BY id
SELECT id, generate_series(1, age - 20) FROM person WHERE age BETWEEN 21 AND 22 ORDER BY id, 2
SELECT id, numrange(income, income + 10) @> 2001.0, int4range(age, age + 2), income::numeric <@ numrange(0, 5000) FROM person ORDER BY id
-- dates
SELECT id, born + 1, born - 1, 1 + born, born - date '1990-01-01', date '2000-01-01' - born, born - born FROM person ORDER BY id
SELECT id, born + interval '1 month', born - interval '1 day', interval '1 year' + born, born + time '03:00' FROM person ORDER BY id
SELECT id, timestamp '2020-01-01' - born, timestamptz '2020-01-01' - born, born - timestamp '1980-01-01' FROM person ORDER BY id
SELECT id, seen - born, seen - seen, seen + interval '1 day', seen - interval '1 hour', seen - timestamptz '2019-01-01', seen - date '2020-01-01' FROM person ORDER BY id
SELECT id, extract(year from born), extract(dow from born), date_part('month', born), extract(epoch from born), extract(epoch from seen), date_part('hour', seen) FROM person ORDER BY id
SELECT id, date_trunc('month', born), date_trunc('year', born)::date, date_trunc('hour', seen), date_trunc('day', seen, 'UTC'), date_bin('15 minutes', seen, '2020-01-01') FROM person ORDER BY id
SELECT id, to_char(born, 'YYYY-MM'), to_char(seen, 'HH24:MI'), age(date '2020-01-01', born), age(timestamptz '2020-01-01', seen), extract(year from age(date '2020-01-01', born)) FROM person ORDER BY id
SELECT id, born AT TIME ZONE 'UTC', seen AT TIME ZONE 'Asia/Tokyo', timezone('UTC', seen), isfinite(born), isfinite(seen) FROM person ORDER BY id
SELECT id, generate_series(born, born + 2, interval '1 day') FROM person WHERE id < 3 ORDER BY id, 2
SELECT id, daterange(born, born + 10) && daterange('1990-02-01', '1990-02-05'), born::date <@ daterange('1990-01-01', '1991-01-01'), tstzrange(seen, NULL) @> now() FROM person ORDER BY id
SELECT id, make_date(extract(year from born)::int, 1, 1), born = make_date(1990, 2, 2), justify_days(make_interval(days => born - date '1990-01-01')) FROM person ORDER BY id
SELECT id, date(seen), seen::date = born, born > 'yesterday'::date - 30000 FROM person ORDER BY id
-- json, arrays, rows
SELECT id, doc -> 'a', doc ->> 'a', doc #> '{b,c}', doc #>> '{b,c}', doc ? 'a', doc @> '{"a": 1}', doc <@ '{"a": 1, "b": 2}' FROM person ORDER BY id
SELECT id, doc || '{"z": 1}', doc - 'a', doc #- '{b,c}', doc['a'], jsonb_typeof(doc), jsonb_object_keys(doc) FROM person WHERE id < 5 ORDER BY id, 7
SELECT id, (doc ->> 'a')::int + 1, (doc -> 'a')::int, jsonb_path_exists(doc, '$.a'), doc @? '$.a', doc @@ '$.a > 1', jsonb_pretty(doc), jsonb_set(doc, '{a}', '5') FROM person ORDER BY id
SELECT id, e.key, e.value FROM person, jsonb_each(doc) e ORDER BY id, e.key
SELECT id, to_json(note), to_json(income), to_json(born), to_json(seen), to_json(active), to_json(doc), to_json(age), to_json(ratio), to_jsonb(note), to_jsonb(income), to_jsonb(seen) FROM person ORDER BY id
SELECT id, json_build_object('note', note, 'income', income, 'born', born, 'active', active, 'doc', doc, 'seen', seen), jsonb_build_object('n', note, 'v', visits), json_build_array(note, income) FROM person ORDER BY id
SELECT row_to_json(p) FROM person p ORDER BY id
SELECT to_jsonb(p) FROM person p ORDER BY id
SELECT to_jsonb(p) - 'doc' ->> 'income' FROM person p ORDER BY id
SELECT row_to_json(x) FROM (SELECT id, note, income, born FROM person) x ORDER BY id
SELECT row_to_json(row(note, income, born, seen)) FROM person ORDER BY id
SELECT json_agg(p ORDER BY id) FROM person p WHERE id < 4
SELECT json_agg(json_build_object('id', id, 'income', income) ORDER BY id), jsonb_object_agg(id, note), json_object_agg(id, income ORDER BY id), jsonb_agg(born ORDER BY id) FROM person
SELECT p::text FROM person p ORDER BY id
SELECT ROW(p.*)::text, ROW(note, income)::text FROM person p ORDER BY id
SELECT (p).note, (p).income + 1 FROM person p ORDER BY id
SELECT (x.p).income FROM (SELECT p FROM person p) x ORDER BY 1
SELECT id, ARRAY[note, 'x'], ARRAY[income, 1], ARRAY[born, '2000-01-01'], ARRAY[age, visits], ARRAY[note] FROM person ORDER BY id
SELECT id, note = ANY (string_to_array('note 1,note 2', ',')), ARRAY[note::text] && ARRAY['note 1'], array_append(ARRAY['a'], note), array_position(ARRAY['note 1', 'note 2'], note) FROM person ORDER BY id
SELECT id, cardinality(ARRAY[income, income]), unnest(ARRAY[note, nick]) FROM person WHERE id < 4 ORDER BY id, 3
SELECT id, pg_typeof(note), pg_typeof(nick), pg_typeof(income), pg_typeof(price), pg_typeof(visits), pg_typeof(age), pg_typeof(rank), pg_typeof(ratio), pg_typeof(born), pg_typeof(seen), pg_typeof(active), pg_typeof(doc) FROM person ORDER BY id
SELECT id, pg_typeof(note || 'x'), pg_typeof(income * 2), pg_typeof(income * 2.0::float8), pg_typeof(COALESCE(age, 0)), pg_typeof(born + 1), pg_typeof(ARRAY[income, 1]) FROM person ORDER BY id
SELECT num_nulls(note, income, born), num_nonnulls(note, active, doc) FROM person ORDER BY id
-- results as they are
SELECT * FROM person ORDER BY id
SELECT p.* FROM person p ORDER BY id
SELECT p.*, p.note AS again FROM person p ORDER BY id
SELECT note, nick, income, price, visits, age, rank, ratio, born, seen, active, doc FROM person ORDER BY id
SELECT note AS "Note", income AS total FROM person ORDER BY id
SELECT DISTINCT note FROM person ORDER BY note
SELECT DISTINCT income, born FROM person ORDER BY 1, 2
SELECT DISTINCT * FROM person ORDER BY id
SELECT DISTINCT note, upper(note) FROM person ORDER BY upper(note)
SELECT DISTINCT ON (note) note, id FROM person ORDER BY note, id
SELECT DISTINCT ON (born) born, income FROM person ORDER BY born, income DESC
SELECT id, note FROM person ORDER BY note, id
SELECT id, note FROM person ORDER BY note DESC NULLS LAST, id
SELECT id, note FROM person ORDER BY note NULLS FIRST, id
SELECT id, note FROM person ORDER BY note COLLATE "C", id
SELECT id, income FROM person ORDER BY income DESC, id LIMIT 5
SELECT id, income FROM person ORDER BY income OFFSET 3 FETCH FIRST 3 ROWS ONLY
SELECT id, income FROM person ORDER BY income FETCH FIRST 3 ROWS WITH TIES
SELECT id FROM person ORDER BY born, note, income, id
SELECT id FROM person ORDER BY born USING >, id
SELECT id, note AS n FROM person ORDER BY n, id
SELECT id, lower(note) AS n FROM person ORDER BY n DESC NULLS LAST, id
SELECT id FROM person ORDER BY income + visits, id
SELECT id FROM person ORDER BY active, doc, id
SELECT id FROM person ORDER BY seen - born, id
TABLE person ORDER BY id
-- groups and aggregates
SELECT note, count(*) FROM person GROUP BY note ORDER BY note
SELECT note, count(*) FROM person GROUP BY 1 ORDER BY 2 DESC, 1
SELECT note AS n, count(*) FROM person GROUP BY n ORDER BY n
SELECT upper(note), count(*) FROM person GROUP BY upper(note) ORDER BY 1
SELECT upper(note), count(*) FROM person GROUP BY note ORDER BY 1
SELECT born, note, sum(income) FROM person GROUP BY born, note ORDER BY 1, 2
SELECT date_trunc('month', born) AS month, count(*), sum(income) FROM person GROUP BY 1 ORDER BY 1
SELECT extract(year from born), avg(income) FROM person GROUP BY extract(year from born) ORDER BY 1
SELECT income > 2500, count(*) FROM person GROUP BY income > 2500 ORDER BY 1
SELECT id, note FROM person GROUP BY id ORDER BY id
SELECT p.* FROM person p GROUP BY p.id ORDER BY p.id
SELECT note, sum(income) FROM person GROUP BY note HAVING sum(income) > 5000 ORDER BY 1
SELECT note FROM person GROUP BY note HAVING count(DISTINCT born) > 1 AND max(income) < 100000 ORDER BY 1
SELECT note, born, count(*) FROM person GROUP BY ROLLUP (note, born) ORDER BY 1, 2
SELECT note, active, count(*), grouping(note) FROM person GROUP BY CUBE (note, active) ORDER BY 1, 2, 4, 3
SELECT note, active, sum(visits) FROM person GROUP BY GROUPING SETS ((note), (active), ()) ORDER BY 1, 2, 3
SELECT count(*), count(note), count(DISTINCT note), count(DISTINCT income), count(DISTINCT (note, born)) FROM person
SELECT sum(income), avg(income), min(income), max(income), stddev(income), variance(income), stddev_pop(income) FROM person
SELECT sum(price), avg(price), sum(visits), avg(visits), min(visits), max(visits), sum(age), avg(age), min(age), max(age), sum(rank), min(rank), avg(rank) FROM person
SELECT sum(ratio), avg(ratio), min(ratio), max(ratio), stddev(ratio), stddev(age), variance(visits) FROM person WHERE ratio < 'NaN'
SELECT min(note), max(note), min(nick), max(nick), min(born), max(born), min(seen), max(seen) FROM person
SELECT bool_and(active), bool_or(active), every(active), bit_and(age), bit_or(visits), bit_xor(rank) FROM person
SELECT string_agg(note, ',' ORDER BY id), string_agg(DISTINCT note, ',' ORDER BY note), array_agg(income ORDER BY id), array_agg(born ORDER BY born), array_agg(DISTINCT age ORDER BY age) FROM person
SELECT count(*) FILTER (WHERE income > 2500), sum(income) FILTER (WHERE note = 'note 1'), avg(age) FILTER (WHERE active) FROM person
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY income), percentile_disc(0.5) WITHIN GROUP (ORDER BY income), percentile_cont(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY age), mode() WITHIN GROUP (ORDER BY note) FROM person
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY born), percentile_disc(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY note), rank(2001) WITHIN GROUP (ORDER BY income), dense_rank('note 3') WITHIN GROUP (ORDER BY note) FROM person
SELECT corr(income, age), covar_pop(income, visits), regr_slope(income, ratio), regr_count(income, id), covar_samp(income, 2.5) FROM person WHERE ratio < 'NaN'
SELECT sum(income * visits), sum(income) / count(*), avg(income) * 2, sum(CASE WHEN active THEN income ELSE 0 END), sum(COALESCE(income, 0)) FROM person
SELECT range_agg(daterange(born, born + 1)), count(DISTINCT date_trunc('month', born)), max(length(note)) FROM person
SELECT note, array_agg(id ORDER BY id) FROM person GROUP BY note ORDER BY note
-- windows
SELECT id, row_number() OVER (ORDER BY income, id), rank() OVER (ORDER BY note), dense_rank() OVER (ORDER BY born) FROM person ORDER BY id
SELECT id, sum(income) OVER (PARTITION BY note ORDER BY id), avg(income) OVER (PARTITION BY note) FROM person ORDER BY id
SELECT id, lag(income) OVER (ORDER BY id), lead(note, 2, 'none') OVER (ORDER BY id), lag(income, 1, 0) OVER (ORDER BY id), first_value(born) OVER (ORDER BY income, id), last_value(note) OVER (ORDER BY id), nth_value(age, 2) OVER (ORDER BY id) FROM person ORDER BY id
SELECT id, sum(income) OVER (ORDER BY income ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM person ORDER BY id
SELECT id, count(*) OVER (ORDER BY income RANGE BETWEEN 1000 PRECEDING AND CURRENT ROW) FROM person ORDER BY id
SELECT id, count(*) OVER (ORDER BY born RANGE BETWEEN interval '1 month' PRECEDING AND CURRENT ROW) FROM person ORDER BY id
SELECT id, count(*) OVER (ORDER BY seen RANGE BETWEEN interval '3 hours' PRECEDING AND interval '1 hour' FOLLOWING) FROM person ORDER BY id
SELECT id, count(*) OVER (ORDER BY age RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING), count(*) OVER (ORDER BY visits RANGE 2 PRECEDING), count(*) OVER (ORDER BY ratio RANGE 0.5 PRECEDING) FROM person ORDER BY id
SELECT id, count(*) OVER (ORDER BY income GROUPS 1 PRECEDING) FROM person ORDER BY id
SELECT id, sum(income) OVER w, income / sum(income) OVER w FROM person WINDOW w AS (PARTITION BY note) ORDER BY id
SELECT id, ntile(4) OVER (ORDER BY income, id), percent_rank() OVER (ORDER BY income), cume_dist() OVER (ORDER BY note) FROM person ORDER BY id
SELECT note, sum(sum(income)) OVER (ORDER BY note) FROM person GROUP BY note ORDER BY note
SELECT id, round(100.0 * income / sum(income) OVER (), 2) FROM person ORDER BY id
-- joins and subqueries
SELECT p.id, o.id FROM person p JOIN orders o ON o.note = p.note ORDER BY 1, 2
SELECT p.id, o.id FROM person p JOIN orders o USING (note) ORDER BY 1, 2
SELECT note, p.id, o.id FROM person p JOIN orders o USING (note) ORDER BY 1, 2, 3
SELECT * FROM person p JOIN orders o USING (note) ORDER BY p.id, o.id
SELECT p.id, o.id, note FROM person p LEFT JOIN orders o USING (note) ORDER BY 1, 2
SELECT p.id, o.id, note FROM person p FULL JOIN orders o USING (note) ORDER BY 1, 2
SELECT a.id, b.id FROM person a JOIN person b USING (note, born) ORDER BY 1, 2
SELECT a.id, b.id FROM person a JOIN person b ON a.income = b.income AND a.born <= b.born ORDER BY 1, 2
SELECT a.id FROM person a NATURAL JOIN person b ORDER BY 1
SELECT p.id, o.id FROM person p JOIN orders o ON o.amount = p.income ORDER BY 1, 2
SELECT p.id, o.id FROM person p LEFT JOIN orders o ON o.amount > p.income AND o.placed > p.born ORDER BY 1, 2
SELECT p.id, o.total FROM person p, LATERAL (SELECT sum(amount) AS total FROM orders o WHERE o.note = p.note) o ORDER BY 1
SELECT p.id, x.half FROM person p CROSS JOIN LATERAL (SELECT p.income / 2 AS half) x ORDER BY 1
SELECT x.note, x.income FROM (SELECT note, income FROM person) x WHERE x.income > 2500 ORDER BY 1, 2
SELECT x.n || '!', x.i + 1 FROM (SELECT note AS n, income AS i FROM person) x ORDER BY 1, 2
SELECT * FROM (SELECT * FROM person) x ORDER BY id
SELECT x.* FROM (SELECT note, max(income) AS best FROM person GROUP BY note) x ORDER BY 1
SELECT * FROM (SELECT DISTINCT note, born FROM person) x ORDER BY 1, 2
SELECT count(*) FROM (SELECT note FROM person ORDER BY note LIMIT 5) x WHERE note > 'note 0'
SELECT (SELECT max(income) FROM person), (SELECT note FROM person WHERE id = 3) || '!'
SELECT id, (SELECT count(*) FROM person b WHERE b.income < a.income) FROM person a ORDER BY id
SELECT id, income - (SELECT avg(income) FROM person) FROM person ORDER BY id
SELECT ARRAY(SELECT income FROM person ORDER BY id), ARRAY(SELECT note FROM person ORDER BY id)
SELECT v.a, p.id FROM (VALUES ('note 1', 1), ('note 2', 2)) v(a, b) JOIN person p ON p.note = v.a ORDER BY 1, 2
SELECT id FROM person WHERE income = (SELECT max(income) FROM person)
SELECT id FROM person TABLESAMPLE BERNOULLI (100) WHERE income > 2500 ORDER BY id
-- with
WITH x AS (SELECT * FROM person) SELECT note, income + 1 FROM x ORDER BY id
WITH x AS (SELECT note, income FROM person WHERE active) SELECT note, sum(income) FROM x GROUP BY note ORDER BY note
WITH x AS MATERIALIZED (SELECT id, note, born FROM person) SELECT x.note || 'x', extract(year from born) FROM x ORDER BY id
WITH x(a, b) AS (SELECT note, income FROM person) SELECT a, b * 2 FROM x ORDER BY 1, 2
WITH RECURSIVE r AS (SELECT id, income::numeric FROM person WHERE id = 1 UNION ALL SELECT p.id, r.income + p.income FROM r JOIN person p ON p.id = r.id + 1) SELECT * FROM r ORDER BY id
WITH RECURSIVE r AS (SELECT id, note FROM person WHERE id = 1 UNION ALL SELECT p.id, p.note FROM r JOIN person p ON p.id = r.id + 1) SELECT * FROM r ORDER BY id
WITH RECURSIVE r(n, t) AS (SELECT 1, note FROM person WHERE id = 2 UNION ALL SELECT n + 1, t || '.' FROM r WHERE n < 4) SELECT * FROM r ORDER BY n
WITH a AS (SELECT note FROM person), b AS (SELECT note FROM orders) SELECT note FROM a INTERSECT SELECT note FROM b ORDER BY 1
WITH RECURSIVE r(n, a, b) AS (SELECT 1, ratio, seen FROM person WHERE id = 2 UNION ALL SELECT n + 1, a * 2, b + interval '1 day' FROM r WHERE n < 4) SELECT * FROM r ORDER BY n
-- set operations
SELECT note FROM person UNION SELECT 'x' ORDER BY 1
SELECT note FROM person UNION ALL SELECT note FROM orders ORDER BY 1
SELECT income FROM person UNION SELECT 1 ORDER BY 1
SELECT 1 UNION SELECT income FROM person ORDER BY 1
SELECT income FROM person UNION SELECT 1.5::float8 ORDER BY 1
SELECT age FROM person UNION ALL SELECT id FROM orders ORDER BY 1
SELECT visits FROM person UNION SELECT 7 ORDER BY 1
SELECT born FROM person UNION SELECT placed FROM orders ORDER BY 1
SELECT born FROM person UNION SELECT timestamp '2020-01-01' ORDER BY 1
SELECT note, income FROM person INTERSECT SELECT note, amount FROM orders ORDER BY 1, 2
SELECT note FROM person EXCEPT SELECT note FROM orders ORDER BY 1
SELECT note FROM person EXCEPT ALL SELECT note FROM orders ORDER BY 1
SELECT * FROM person EXCEPT SELECT * FROM person WHERE id > 3 ORDER BY id
(SELECT note FROM person ORDER BY income LIMIT 2) UNION ALL (SELECT note FROM person ORDER BY income DESC LIMIT 2) ORDER BY 1
SELECT note, income FROM person UNION SELECT NULL, NULL ORDER BY 1, 2
SELECT u.note FROM (SELECT note FROM person UNION ALL SELECT note FROM orders) u WHERE u.note LIKE '%1' ORDER BY 1
SELECT u.i + 1 FROM (SELECT income AS i FROM person UNION SELECT amount FROM orders) u ORDER BY 1
VALUES (1, (SELECT note FROM person WHERE id = 1)), (2, 'x')
-- dashboards
SELECT date_trunc('month', seen) AS "month", count(*) AS "Number of Records", sum(income) AS "sum:income:ok" FROM person WHERE born >= '1980-01-01' GROUP BY 1 ORDER BY 1 LIMIT 50000
SELECT CASE WHEN income < 1000 THEN '0-1k' WHEN income < 3000 THEN '1k-3k' ELSE '3k+' END AS bucket, count(*), count(DISTINCT note) FROM person GROUP BY 1 ORDER BY 1
SELECT FLOOR(income / 1000) * 1000 AS bin, COUNT(*) FROM person GROUP BY FLOOR(income / 1000) * 1000 ORDER BY 1
SELECT CAST(EXTRACT(YEAR FROM "t"."born") AS INTEGER) AS yr, SUM(CAST("t"."income" AS DOUBLE PRECISION)) AS s, AVG(CAST("t"."visits" AS DOUBLE PRECISION)) FROM "person" "t" GROUP BY 1 ORDER BY 1
SELECT note, income, sum(income) OVER (ORDER BY id) AS running, 100 * income / NULLIF(sum(income) OVER (), 0) AS share FROM person ORDER BY id
SELECT note, percentile_cont(0.9) WITHIN GROUP (ORDER BY income) AS p90, sum(income) FILTER (WHERE active) AS active FROM person GROUP BY note ORDER BY note
SELECT "source"."note" AS "note", count(*) AS "count" FROM (SELECT "person"."note" AS "note", "person"."income" AS "income" FROM "person") "source" WHERE "source"."income" > 1000 GROUP BY "source"."note" ORDER BY "source"."note" ASC
SELECT TO_CHAR(DATE_TRUNC('week', "born"), 'IYYY-IW') AS wk, SUM("income") FROM "person" WHERE ("note" ILIKE '%note%' OR "note" IS NULL) GROUP BY DATE_TRUNC('week', "born") ORDER BY 1
SELECT COUNT(DISTINCT CASE WHEN income > 2000 THEN id END) AS rich, COUNT(DISTINCT note) FILTER (WHERE note <> '') AS notes FROM person
SELECT t.note, t.n FROM (SELECT note, count(*) AS n, row_number() OVER (ORDER BY count(*) DESC, note) AS r FROM person GROUP BY note) t WHERE t.r <= 3 ORDER BY t.r
SELECT DISTINCT * FROM person t ORDER BY t.note, t.id
SELECT DISTINCT t.* FROM person t ORDER BY note NULLS FIRST, id
SELECT *, count(*) OVER (PARTITION BY note) FROM person ORDER BY id
SELECT t.*, upper(t.note) FROM person t ORDER BY t.note DESC, t.id
SELECT * FROM person t GROUP BY t.id ORDER BY t.note, id
SELECT t.* FROM person t GROUP BY t.id HAVING t.income > 3000 ORDER BY t.income DESC
SELECT DISTINCT ON (note) * FROM person ORDER BY note, id
SELECT DISTINCT ON (t.note) t.* FROM person t ORDER BY t.note, t.income DESC
SELECT DISTINCT note, income FROM person ORDER BY 2, 1
SELECT * FROM person ORDER BY 3, 1
SELECT * FROM person ORDER BY income DESC NULLS LAST LIMIT 3
SELECT note AS n, * FROM person ORDER BY n, id
SELECT * FROM (SELECT DISTINCT * FROM person) s ORDER BY s.note, s.id
SELECT DISTINCT s.note FROM (SELECT * FROM person) s ORDER BY s.note
(SELECT * FROM person WHERE id < 4) UNION (SELECT * FROM person WHERE id < 6) ORDER BY note, id
(TABLE person) EXCEPT (SELECT * FROM person WHERE id > 3) ORDER BY id
TABLE person ORDER BY born LIMIT 2
SELECT ARRAY[note, nick]::text[] && ARRAY['note 1'] FROM person ORDER BY id
SELECT array_length(array_agg(note), 1) FROM person
SELECT array_to_string(array_agg(note ORDER BY id), ',') FROM person
SELECT array_to_string(ARRAY[note, nick], ',') FROM person ORDER BY id
SELECT (array_agg(note ORDER BY id))[1] FROM person
SELECT unnest(array_agg(note ORDER BY id)) FROM person
SELECT cardinality(array_agg(income)) FROM person
SELECT numrange(income, income + 1) FROM person ORDER BY id
SELECT numrange(income, 100000) && numrange(1, 2) FROM person ORDER BY id
SELECT daterange(born, NULL) FROM person ORDER BY id
SELECT range_agg(daterange(born, born + 2)) FROM person WHERE born IS NOT NULL
WITH RECURSIVE r AS (SELECT id, note, 1 AS n FROM person WHERE id = 1 UNION ALL SELECT p.id, p.note, n + 1 FROM r JOIN person p ON p.id = r.id + 1 WHERE n < 4) SELECT * FROM r ORDER BY id
WITH RECURSIVE r(d) AS (SELECT min(born) FROM person UNION ALL SELECT d + 1 FROM r WHERE d < '1990-02-05') SELECT d, count(p.id) FROM r LEFT JOIN person p ON p.born = r.d GROUP BY d ORDER BY d
SELECT (born, born + 5) OVERLAPS (date '1990-02-01', date '1990-02-03') FROM person ORDER BY id
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY income), percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio), percentile_disc(0.25) WITHIN GROUP (ORDER BY note), mode() WITHIN GROUP (ORDER BY born) FROM person
SELECT percentile_cont(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY income) FROM person
SELECT income * 1.5::float8 FROM person ORDER BY id
SELECT count(*) FROM person WHERE note = name
SELECT id, sum(income) OVER (ORDER BY born RANGE BETWEEN interval '3 days' PRECEDING AND CURRENT ROW) FROM person ORDER BY id
SELECT id, sum(income) OVER (ORDER BY income RANGE BETWEEN 2000 PRECEDING AND CURRENT ROW) FROM person ORDER BY id
SELECT id FROM person WHERE (note, income) > ('note 2', 1000) ORDER BY id
SELECT pg_typeof(note), pg_typeof(income), pg_typeof(nick), pg_typeof(rank) FROM person LIMIT 1
SELECT person FROM person ORDER BY id
SELECT row_to_json(p), to_jsonb(p), json_agg(p) OVER () FROM person p ORDER BY id LIMIT 2
SELECT jsonb_object_agg(id, income) FROM person
SELECT json_build_object('n', note, 'i', income, 'b', born, 'd', doc) FROM person ORDER BY id
SELECT xmlelement(name x, note, income) FROM person ORDER BY id
SELECT string_agg(DISTINCT note, ',' ORDER BY note) FROM person
SELECT note COLLATE "C" FROM person ORDER BY note COLLATE "C", id
SELECT GREATEST(income, price, 100), LEAST(born, '1990-02-03'), COALESCE(note, nick, 'x') FROM person ORDER BY id
SELECT grouping(note), note, sum(income) FROM person GROUP BY ROLLUP (note) ORDER BY 1, 2
SELECT note, born, count(*) FROM person GROUP BY GROUPING SETS ((note), (born), ()) ORDER BY 1, 2, 3
SELECT note, count(*) FROM person GROUP BY CUBE (note, rank) ORDER BY 1, 2
SELECT ntile(3) OVER (ORDER BY income), lag(note, 1, 'none') OVER (ORDER BY id), first_value(income) OVER w, nth_value(born, 2) OVER w FROM person WINDOW w AS (PARTITION BY rank ORDER BY income) ORDER BY id
SELECT width_bucket(income, 0, 10000, 5), count(*) FROM person GROUP BY 1 ORDER BY 1
SELECT corr(income, ratio), regr_slope(income, age), covar_pop(price, income), stddev(income), variance(age) FROM person WHERE ratio <> 'NaN'
SELECT every(active), bool_or(active), bit_and(age), bit_or(visits) FROM person
SELECT a.note FROM person a JOIN orders b USING (note) ORDER BY 1
SELECT * FROM person NATURAL JOIN orders ORDER BY id
SELECT note FROM person FULL JOIN orders USING (note) ORDER BY 1 NULLS FIRST
SELECT * FROM person JOIN LATERAL (SELECT person.income * 2 AS twice, person.note) l ON true ORDER BY id LIMIT 2
SELECT id FROM person WHERE (note, income) IN (SELECT note, amount FROM orders) ORDER BY id
SELECT id FROM person WHERE income > ALL (SELECT amount FROM orders WHERE amount IS NOT NULL) ORDER BY id
SELECT id, note SIMILAR TO 'note (1|2)' FROM person ORDER BY id
SELECT extract(epoch FROM seen), extract(year FROM born), date_part('dow', born), age(born), age(seen, born) IS NULL FROM person ORDER BY id
SELECT date_bin('1 hour', seen, '2020-01-01'), date_trunc('hour', seen, 'Europe/Berlin') FROM person ORDER BY id
SELECT seen AT TIME ZONE 'UTC', born::timestamp AT TIME ZONE 'UTC' FROM person ORDER BY id
SELECT make_date(extract(year FROM born)::int, 1, 1), make_interval(days => age) FROM person ORDER BY id
SELECT generate_series(born, born + 1, interval '1 day') FROM person WHERE id < 3 ORDER BY 1
SELECT x FROM person, generate_series(1, age) x WHERE id = 1 ORDER BY x LIMIT 3
SELECT doc->'a', doc->>'b', doc #> '{b,c}', doc @> '{"a":1}', doc ? 'a', doc - 'a', doc || '{"z":1}' FROM person ORDER BY id
SELECT jsonb_path_query(doc, '$.b.c'), jsonb_typeof(doc), jsonb_pretty(doc) FROM person ORDER BY id
SELECT k, v FROM person, jsonb_each(doc) e(k, v) WHERE id < 3 ORDER BY id, k
SELECT doc['b']['c'] FROM person ORDER BY id
SELECT substring(note FROM 2 FOR 3), overlay(note PLACING 'x' FROM 1), position('o' IN note), trim(both 'n' FROM note), note ^@ 'no', left(note, 2), split_part(note, ' ', 2), regexp_replace(note, 'o', '0'), md5(note), format('%s-%s', note, income), ascii(note), reverse(note), lpad(note, 10), translate(note, 'no', 'NO') FROM person ORDER BY id
SELECT note LIKE ANY (ARRAY['note 1', 'n%2']) FROM person ORDER BY id
SELECT note IS DISTINCT FROM 'note 1', note IS NOT DISTINCT FROM NULL, income IS DISTINCT FROM 1000.5 FROM person ORDER BY id
SELECT income::int, income::text, income::float8, price::money, note::varchar(3), note::char(4), born::text, born::timestamptz, age::bool, active::int, note::bytea, nick::name, doc::text, ratio::numeric FROM person WHERE id < 9 ORDER BY id
SELECT CAST(note AS varchar), income::numeric(6,1) FROM person WHERE id < 9 ORDER BY id
SELECT -income, +income, abs(income), @ income, |/ income, income ^ 2, income % 7, income / 3, round(income, 1), trunc(income), ceil(income), sqrt(income), mod(age, 7), age & 3, age << 1, ~age FROM person WHERE income > 0 ORDER BY id
SELECT sum(age), sum(rank), sum(visits), sum(ratio), avg(age), avg(price), max(nick), min(seen), max(active::int) FROM person
SELECT interval '1 day' * age, age * interval '1 day', born + interval '1 day', seen - born, born - date '1990-01-01', seen + interval '1 h' FROM person ORDER BY id
SELECT note || income || born || age || active FROM person ORDER BY id
SELECT note || NULL, 'x' || note || 1, income || '' FROM person ORDER BY id
SELECT CASE note WHEN 'note 1' THEN income WHEN 'note 2' THEN 0 ELSE -1.5 END, CASE WHEN active THEN note ELSE nick END, NULLIF(income, 0) FROM person ORDER BY id
VALUES ((SELECT max(note) FROM person), (SELECT max(income) FROM person))
SELECT (SELECT note FROM person WHERE id = 1) = 'note 1', (SELECT income FROM person WHERE id = 1) + 1
SELECT EXISTS (SELECT note FROM person), ARRAY(SELECT income FROM person ORDER BY id)
SELECT count(DISTINCT (note, income)), count(DISTINCT note), count(note), count(person) FROM person
SELECT count(*) FILTER (WHERE note LIKE 'n%'), sum(income) FILTER (WHERE born > '1990-02-03') FROM person
SELECT (p).note, (p).income FROM (SELECT person AS p FROM person) s ORDER BY 1, 2
SELECT (SELECT p).note FROM person p ORDER BY 1
SELECT (p.*).note FROM person p ORDER BY 1
SELECT max(p.note) FROM (SELECT * FROM person UNION ALL SELECT * FROM person) p
SELECT note FROM person UNION SELECT note FROM orders ORDER BY 1
SELECT income FROM person UNION ALL SELECT amount FROM orders ORDER BY 1
SELECT income FROM person UNION ALL SELECT 1 ORDER BY 1
SELECT born FROM person UNION ALL SELECT now()::date - now()::date + date '1990-01-01' ORDER BY 1
SELECT nick FROM person INTERSECT SELECT 'nick 1' ORDER BY 1
SELECT (p).income ^ 2, power((p).income, 2), round((p).income, 1), (p).born + 1, upper((p).note), (p).doc -> 'a', to_char((p).income, '9999.9'), (p).rank + 1 FROM person p ORDER BY id
SELECT (p).note FROM person p WHERE (p).income > 3000 AND (p).note LIKE 'note%' ORDER BY (p).note DESC, (p).income
SELECT (p).note AS n, sum((p).income) FROM person p GROUP BY (p).note ORDER BY n NULLS FIRST
SELECT DISTINCT (p).note FROM person p ORDER BY (p).note
SELECT (s.p).note, (s.p).income * 2 FROM (SELECT p FROM person p) s ORDER BY 1, 2
SELECT ((SELECT p FROM person p WHERE id = 1)).note || '!', (SELECT (p).income FROM person p WHERE id = 2) + 1
SELECT (array_agg(p ORDER BY id))[2].income + 1 FROM person p
SELECT p.note, (p.*).income FROM person p WHERE ((p).note, (p).income) > ('note 1', 100) ORDER BY id
