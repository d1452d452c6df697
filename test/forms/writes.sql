-- Writes that do the same to encrypted columns as to plain ones (test/t/022_presented.pl): one a
-- line, in a transaction of its own, after which the table is read and all is rolled back.  What
-- copies rows of people to where no policy follows them is not here: it is refused.
INSERT INTO person (id, note, income, born) VALUES (100, 'new', 5, '2000-01-01')
INSERT INTO person (id, note, income, born) VALUES (100, 'new', 5, '2000-01-01') RETURNING *
INSERT INTO person (id, note, income, age, visits, rank, ratio) VALUES (100, 'new', 5.5, 5::bigint, 5::smallint, 5, 5) RETURNING note, income, age, visits, rank, ratio
INSERT INTO person (id, income, ratio, born, seen) VALUES (100, 5.5::float8, 5.5, now()::timestamp, current_date) RETURNING income, ratio
INSERT INTO person (id, note) VALUES (100, NULL), (101, 'x'), (102, upper('y')) RETURNING id, note
INSERT INTO person VALUES (100, 'n', 'a', 'b', 1, 2, 3, 4, 5, 6, '2000-01-01', '2000-01-01', true, '{"a": 1}') RETURNING *
INSERT INTO person (id, nick) VALUES (100, 'a name that is too long')
INSERT INTO person (id, price) VALUES (100, 1234567.891)
INSERT INTO person (id, rank) VALUES (100, 70000)
INSERT INTO person (id, income) VALUES (100, 'many')
INSERT INTO person (id, born) VALUES (100, '2000-02-30')
INSERT INTO person (id, doc) VALUES (100, '{')
INSERT INTO person (id, note, income, born, doc) SELECT id + 100, note, amount, placed, to_jsonb(note) FROM orders RETURNING note, income, born, doc
INSERT INTO person SELECT * FROM person WHERE id = 99
INSERT INTO person (id, note) VALUES (1, 'again') ON CONFLICT (id) DO UPDATE SET note = excluded.note, income = person.income + 1 RETURNING note, income
INSERT INTO person (id, note, income) VALUES (1, 'again', 7), (200, 'new', 8) ON CONFLICT (id) DO UPDATE SET note = person.note || excluded.note, income = excluded.income WHERE person.income < 5000 RETURNING id, note, income
INSERT INTO person (id, note) VALUES (1, 'again') ON CONFLICT DO NOTHING RETURNING note
INSERT INTO person (id, note) VALUES (1, 'again') ON CONFLICT (id) DO UPDATE SET note = COALESCE(excluded.note, person.note), visits = COALESCE(person.visits, 0) + 1 RETURNING *
UPDATE person SET note = 'changed' WHERE id = 1 RETURNING note
UPDATE person SET note = note || '!', income = income + 1, visits = visits + 1, age = age + 1, born = born + 1 WHERE id < 4 RETURNING id, note, income, visits, age, born
UPDATE person SET income = income * 1.1, ratio = ratio * 2, seen = seen + interval '1 day', active = NOT active, doc = doc || '{"z": 1}' RETURNING id, income, ratio, seen, active, doc
UPDATE person SET income = visits, visits = age, age = rank, ratio = income WHERE id < 4 RETURNING income, visits, age, ratio
UPDATE person SET note = NULL WHERE income > 3000 RETURNING id
UPDATE person SET note = nick, nick = note WHERE id < 4 RETURNING note, nick
UPDATE person SET (note, income) = ('pair', 9) WHERE id = 2 RETURNING note, income
UPDATE person SET (note, income) = (SELECT note, amount FROM orders WHERE id = 2) WHERE id = 2 RETURNING note, income
UPDATE person SET note = (SELECT note FROM person WHERE id = 3) WHERE id = 2 RETURNING note
UPDATE person SET note = o.note, income = o.amount, born = o.placed FROM orders o WHERE o.id = person.id RETURNING person.*, o.amount
UPDATE person p SET note = q.note, income = p.income + q.income FROM person q WHERE q.id = p.id + 1 AND p.id < 4 RETURNING p.id, p.note, p.income
UPDATE person SET note = DEFAULT WHERE id = 1 RETURNING note
UPDATE person SET income = CASE WHEN income > 3000 THEN income - 1000 ELSE income END RETURNING id, income
UPDATE person SET doc = jsonb_set(doc, '{a}', '9') WHERE doc ? 'a' AND id < 5 RETURNING doc
UPDATE person SET nick = 'a name that is too long' WHERE id = 1
UPDATE person SET note = 'x' WHERE note IN ('note 1', 'note 2') AND income BETWEEN 1000 AND 9000 RETURNING id
WITH w AS (UPDATE person SET income = income + 1 WHERE id < 4 RETURNING id, note, income) SELECT note, income + 1 FROM w ORDER BY id
WITH w AS (INSERT INTO person (id, note) VALUES (300, 'w') RETURNING *) SELECT note, upper(note) FROM w
WITH s AS (SELECT id, note, income FROM person WHERE id < 3) UPDATE person p SET note = s.note || '?', income = s.income FROM s WHERE p.id = s.id + 3 RETURNING p.note, p.income
DELETE FROM person WHERE note = 'note 1' RETURNING id, note
DELETE FROM person WHERE income > 5000 RETURNING *
DELETE FROM person p USING orders o WHERE o.note = p.note AND o.amount < p.income RETURNING p.id, o.id, p.note
DELETE FROM person USING person q WHERE q.note = person.note AND q.id < person.id RETURNING person.id
DELETE FROM orders WHERE note IN (SELECT note FROM person) RETURNING id
WITH d AS (DELETE FROM person WHERE age = 21 RETURNING *) SELECT id, note, income, born FROM d ORDER BY id
MERGE INTO person p USING orders o ON p.id = o.id WHEN MATCHED AND p.income > 1500 THEN UPDATE SET note = o.note, income = p.income + COALESCE(o.amount, 0) WHEN MATCHED THEN DELETE
MERGE INTO person p USING (VALUES (1, 'one', 1.5), (400, 'new', 2)) v(id, note, income) ON p.id = v.id WHEN MATCHED THEN UPDATE SET note = v.note, income = v.income WHEN NOT MATCHED THEN INSERT (id, note, income) VALUES (v.id, v.note, v.income)
MERGE INTO person p USING person q ON p.id = q.id + 1 AND p.id < 5 WHEN MATCHED THEN UPDATE SET note = q.note WHEN NOT MATCHED THEN DO NOTHING
