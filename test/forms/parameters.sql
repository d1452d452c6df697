-- Prepared statements over person (test/t/022_presented.pl): declared types, the statement, and
-- arguments.  What is inferred of the others must be what plain columns have.
||SELECT id FROM person WHERE note = $1 ORDER BY id|'note 1'
||SELECT id FROM person WHERE nick = $1 ORDER BY id|'nick 1'
||SELECT id FROM person WHERE income > $1 ORDER BY id|2500
||SELECT id FROM person WHERE price > $1 ORDER BY id|5
||SELECT id FROM person WHERE visits = $1 ORDER BY id|3
||SELECT id FROM person WHERE age = $1 ORDER BY id|21
||SELECT id FROM person WHERE rank = $1 ORDER BY id|1
||SELECT id FROM person WHERE ratio < $1 ORDER BY id|0.7
||SELECT id FROM person WHERE born >= $1 ORDER BY id|'1990-02-05'
||SELECT id FROM person WHERE seen < $1 ORDER BY id|'2020-01-01 05:00+00'
||SELECT id FROM person WHERE active = $1 ORDER BY id|true
||SELECT id FROM person WHERE doc @> $1 ORDER BY id|'{"a": 1}'
||SELECT id FROM person WHERE born BETWEEN $1 AND $2 ORDER BY id|'1990-02-03', '1990-02-06'
||SELECT id FROM person WHERE note IN ($1, $2) ORDER BY id|'note 1', 'note 2'
||SELECT id FROM person WHERE note = ANY ($1) ORDER BY id|'{note 1,note 2}'
||SELECT id FROM person WHERE income = ANY ($1) ORDER BY id|'{1000.5,2001}'
||SELECT id FROM person WHERE note LIKE $1 ORDER BY id|'%1'
||SELECT id FROM person WHERE note ~ $1 ORDER BY id|'1$'
||SELECT id FROM person WHERE (income, id) > ($1, $2) ORDER BY id|2000, 3
||SELECT id FROM person WHERE income + $1 > $2 ORDER BY id|1, 3000
||SELECT id FROM person WHERE age + $1 > 22 ORDER BY id|1
||SELECT id FROM person WHERE visits * $1 > 5 ORDER BY id|2
||SELECT id FROM person WHERE born - $1 > 5 ORDER BY id|'1990-01-31'
||SELECT id FROM person WHERE COALESCE(note, $1) = $2 ORDER BY id|'x', 'note 1'
||SELECT id FROM person WHERE COALESCE(income, $1) > $2 ORDER BY id|0, 2000
||SELECT id, CASE WHEN active THEN note ELSE $1 END FROM person ORDER BY id|'none'
||SELECT id, note || $1 FROM person ORDER BY id|'!'
||SELECT id, $1 || note FROM person ORDER BY id|'!'
||SELECT note, sum(income) FROM person GROUP BY note HAVING sum(income) > $1 AND avg(age) < $2 AND max(born) > $3 AND min(visits) >= $4 ORDER BY note|1000, 50, '1980-01-01', 0
||SELECT note FROM person GROUP BY note HAVING sum(age) > $1 AND sum(visits) > $2 ORDER BY note|10, 1
||SELECT id FROM person WHERE round(income) = $1 OR abs(income) = $2 OR -income = $3 ORDER BY id|2001, 5, 5
||SELECT id FROM person WHERE date_trunc('month', born) = $1 ORDER BY id|'1990-02-01'
||SELECT id FROM person WHERE born + interval '1 month' > $1 ORDER BY id|'1990-03-05'
||SELECT id FROM person WHERE extract(year from born) = $1 ORDER BY id|1990
||SELECT id FROM person WHERE length(note) = $1 AND upper(note) = $2 ORDER BY id|6, 'NOTE 1'
||SELECT id FROM person WHERE note IS DISTINCT FROM $1 ORDER BY id|'note 1'
||SELECT id FROM person ORDER BY income LIMIT $1 OFFSET $2|3, 2
||INSERT INTO person (id, note, nick, income, price, visits, age, rank, ratio, born, seen, active, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *|100, 'n', 'i', 1.5, 2.25, 3, 4, 5, 0.5, '2000-01-01', '2020-01-01', true, '{}'
||UPDATE person SET note = $1, income = income + $2, born = $3 WHERE id = $4 AND note IS DISTINCT FROM $1 RETURNING note, income, born|'changed', 5, '2001-02-03', 1
||UPDATE person SET visits = visits + $1, age = $2 WHERE note = $3 RETURNING id, visits, age|1, 30, 'note 1'
||INSERT INTO person (id, note) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET note = $2 || excluded.note RETURNING note|1, 'up'
||DELETE FROM person WHERE note = $1 AND income < $2 RETURNING id|'note 1', 5000
|varchar|SELECT id FROM person WHERE note = $1 ORDER BY id|'note 1'
|varchar|SELECT id FROM person WHERE nick = $1 OR note LIKE $1 ORDER BY id|'nick 1'
|varchar|SELECT id, COALESCE(note, $1), note || $1 FROM person ORDER BY id|'none'
|varchar, varchar|UPDATE person SET note = $1, nick = $2 WHERE id = 1 RETURNING note, nick|'a', 'b'
|text|SELECT id FROM person WHERE note = $1 ORDER BY id|'note 1'
|integer|SELECT id FROM person WHERE income > $1 AND visits >= $1 - 2500 AND age < $1 ORDER BY id|2500
|bigint|SELECT id FROM person WHERE income > $1 OR visits = $1 OR age = $1 ORDER BY id|3
|smallint|SELECT id FROM person WHERE income > $1 AND visits = $1 ORDER BY id|3
|double precision|SELECT id FROM person WHERE income > $1 AND visits < $1 AND age < $1 AND ratio < $1 ORDER BY id|2500.5
|real|SELECT id FROM person WHERE income > $1 ORDER BY id|2500.5
|numeric|SELECT id FROM person WHERE income > $1 AND visits < $1 AND age < $1 ORDER BY id|2500.5
|date|SELECT id FROM person WHERE born >= $1 AND seen > $1 ORDER BY id|'1990-02-05'
|timestamp|SELECT id FROM person WHERE born >= $1 AND seen > $1 ORDER BY id|'1990-02-05 12:00'
|timestamptz|SELECT id FROM person WHERE born >= $1 AND seen > $1 ORDER BY id|'1990-02-05 12:00+00'
|boolean|SELECT id FROM person WHERE active = $1 ORDER BY id|false
|json|UPDATE person SET doc = $1 WHERE id = 1 RETURNING doc|'{"b": 2}'
|jsonb|SELECT id FROM person WHERE doc @> $1 ORDER BY id|'{"a": 1}'
|text[]|SELECT id FROM person WHERE note = ANY ($1) ORDER BY id|'{note 1,note 2}'
|varchar[]|SELECT id FROM person WHERE note = ANY ($1) ORDER BY id|'{note 1,note 2}'
|integer[]|SELECT id FROM person WHERE age = ANY ($1) OR visits = ANY ($1) ORDER BY id|'{1,21}'
|integer, double precision, date|INSERT INTO person (id, income, age, ratio, born) VALUES (100, $1, $1, $2, $3) RETURNING income, age, ratio, born|5, 0.5, '2000-01-01'
|float8, int|UPDATE person SET income = $1, visits = $2, age = $2 WHERE id = 1 RETURNING income, visits, age|5.5, 7
