"""psycopg3.py HOST PORT USER TABLE EMAILS [pooled] -- what psycopg 3 gets of a table of customers, a line a step.

As django_orm.py: parameters on the server, text and binary, prepared or not, COPY both ways.
"""
import datetime
import sys
from decimal import Decimal

import psycopg
from psycopg.rows import dict_row

host, port, user, table, emails = sys.argv[1:6]
pooled = sys.argv[6:] == ['pooled']


def connect():
    return psycopg.connect(host=host, port=port, user=user, dbname='postgres', autocommit=True,
                           prepare_threshold=None if pooled else 5)


connection = connect()
BORN = datetime.date(1990, 2, 28)


def step(name, action):
    global connection
    try:
        result = action()
    except Exception as error:
        connection.close()
        connection = connect()
        result = 'FAILED %s: %s' % (type(error).__name__, str(error).split('\n')[0])
    print('%s: %r' % (name, result))


def sql(text):
    return text.replace('CUSTOMER', table).replace('MINE', "email LIKE '%s%%%%'" % emails)


def rows(text, parameters=None, **options):
    return connection.execute(sql(text), parameters if parameters is not None else [], **options).fetchall()


def address(n):
    return '%s%02d@x.test' % (emails, n)


def insert():
    with connection.cursor() as cursor:
        cursor.execute(sql('INSERT INTO CUSTOMER (email, note, income, born) VALUES (%s, %s, %s, %s) RETURNING note, income, born'),
                       (address(1), 'it\'s "quoted" \\ é', Decimal('54321.99'), BORN))
        return cursor.fetchall(), [column.type_code for column in cursor.description]


def insert_many():
    with connection.cursor() as cursor:
        cursor.executemany(sql('INSERT INTO CUSTOMER (email, note, income, born) VALUES (%s, %s, %s, %s) RETURNING income'),
                           [(address(n), 'flu', Decimal(n * 1000), datetime.date(1990, n, 1)) for n in range(2, 8)], returning=True)
        result = [cursor.fetchone()]
        while cursor.nextset():
            result.append(cursor.fetchone())
        return result


QUERIES = [
    ('SELECT note, income, born FROM CUSTOMER WHERE MINE ORDER BY email', ()),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND note = %s', ('flu',)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND note <> %s', ('flu',)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND note = ANY (%s)', (['flu', 'x'],)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND note LIKE %s', ('f%',)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND note ~* %s', ('^F',)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND income > %s', (Decimal('2500.5'),)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND income > %s', (2500,)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND income > %s', (2500.5,)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND income = ANY (%s)', ([Decimal(2000), Decimal(3000)],)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND born BETWEEN %s AND %s', (datetime.date(1990, 3, 1), datetime.date(1990, 5, 1))),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND born > %s', (datetime.datetime(1990, 3, 1, 12),)),
    ('SELECT count(*) FROM CUSTOMER WHERE MINE AND born + %s > %s', (datetime.timedelta(days=40), datetime.date(1990, 5, 1))),
    ('SELECT income + %s, income * %s, born - %s FROM CUSTOMER WHERE MINE ORDER BY email', (1, Decimal('0.5'), datetime.date(1990, 1, 1))),
    ('SELECT note || %s, coalesce(note, %s), length(note) FROM CUSTOMER WHERE MINE ORDER BY email', ('!', 'none')),
    ('SELECT note, count(*), sum(income), avg(income), max(born) FROM CUSTOMER WHERE MINE GROUP BY note ORDER BY note', ()),
    ("SELECT date_trunc('month', born), count(*) FROM CUSTOMER WHERE MINE GROUP BY 1 ORDER BY 1", ()),
    ('SELECT array_agg(note ORDER BY email), array_agg(income ORDER BY email) FROM CUSTOMER WHERE MINE', ()),
    ('SELECT to_jsonb(income), jsonb_agg(note) FROM CUSTOMER WHERE MINE GROUP BY income ORDER BY income', ()),
    ('SELECT %s::text, (SELECT max(income) FROM CUSTOMER WHERE MINE), CASE WHEN %s THEN 1 END', ('x', True)),
    ('SELECT t.* FROM CUSTOMER t WHERE MINE AND (note, income) = (%s, %s)', ('flu', Decimal(2000))),
    ('SELECT v.n, t.income FROM (VALUES (%s, 1), (%s, 2)) v(n, i) LEFT JOIN CUSTOMER t ON t.note = v.n AND t.email = %s ORDER BY v.i', ('flu', 'none', address(2))),
]


def queries(**options):
    binary = options.pop('binary', False)
    result = []
    for text, parameters in QUERIES:
        text = text.replace('t.*', 't.note, t.income, t.born')
        with connection.cursor(binary=binary) as cursor:
            cursor.execute(sql(text), parameters, **options)
            result.append((cursor.fetchall(), [column.type_code for column in cursor.description]))
    return result


def update():
    return rows('UPDATE CUSTOMER SET income = income + %s, note = %s || note WHERE MINE AND note = %s RETURNING note, income', (Decimal('0.01'), 'a ', 'flu'))


def upsert():
    return rows('INSERT INTO CUSTOMER (email, note, income) VALUES (%s, %s, %s) ON CONFLICT (email) DO UPDATE '
                'SET note = excluded.note, income = CUSTOMER.income + excluded.income RETURNING note, income, born',
                (address(1), 'ups', Decimal('9.50')))


def pipelined():
    with connection.pipeline():
        cursors = [connection.execute(sql('SELECT note, income FROM CUSTOMER WHERE email = %s'), (address(n),)) for n in range(1, 4)]
        return [cursor.fetchall() for cursor in cursors]


def server_cursor(binary):
    with connection.transaction(), connection.cursor(name='c', binary=binary) as cursor:
        cursor.execute(sql('SELECT note, income, born FROM CUSTOMER WHERE MINE AND income > %s ORDER BY email'), (2000,))
        return cursor.fetchmany(2), cursor.fetchone(), cursor.fetchall()


def copy_out(how):
    with connection.cursor() as cursor, cursor.copy(sql('COPY (SELECT note, income, born FROM CUSTOMER WHERE MINE ORDER BY email) TO STDOUT' + how).replace('%%', '%')) as copy:
        return b''.join(bytes(part) for part in copy)


def copy_rows():
    with connection.cursor() as cursor, cursor.copy(sql('COPY (SELECT note, income, born FROM CUSTOMER WHERE MINE ORDER BY email) TO STDOUT (FORMAT binary)').replace('%%', '%')) as copy:
        copy.set_types(['text', 'numeric', 'date'])
        return list(copy.rows())


def copy_in(how):
    with connection.cursor() as cursor, cursor.copy(sql('COPY CUSTOMER (email, note, income, born) FROM STDIN' + how)) as copy:
        if how:
            copy.set_types(['text', 'text', 'numeric', 'date'])
        for n in (20, 21) if how else (22, 23):
            copy.write_row((address(n), 'copied', Decimal(n), BORN))
    return rows("SELECT note, income, born FROM CUSTOMER WHERE MINE AND note = 'copied' ORDER BY email")


def as_dicts():
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql('SELECT note, income, born FROM CUSTOMER WHERE MINE ORDER BY email')).fetchall()


def rollback():
    try:
        with connection.transaction():
            connection.execute(sql('UPDATE CUSTOMER SET note = %s WHERE MINE'), ('zzz',))
            raise KeyError
    except KeyError:
        return rows('SELECT DISTINCT note FROM CUSTOMER WHERE MINE ORDER BY note')


def temporary():
    with connection.transaction():
        connection.execute(sql('CREATE TEMP TABLE bins ON COMMIT DROP AS SELECT email, CASE WHEN income > 4000 THEN 1 ELSE 0 END AS bin FROM CUSTOMER WHERE MINE').replace('%%', '%'))
        return rows('SELECT bin, count(*), sum(t.income) FROM bins JOIN CUSTOMER t USING (email) GROUP BY bin ORDER BY bin')


def save_masked():
    loaded = rows('SELECT id, full_name, note, income, born FROM CUSTOMER WHERE MINE ORDER BY email')
    for row in loaded:
        connection.execute(sql('UPDATE CUSTOMER SET full_name = %s, note = %s, income = %s, born = %s WHERE id = %s'), ('masked', *row[2:], row[0]))
    return rows('SELECT full_name, note, income, born FROM CUSTOMER WHERE MINE ORDER BY email')


if user == 'masked':
    step('save_masked', save_masked)
else:
    step('insert', insert)
    step('insert_many', insert_many)
    step('queries', queries)
    step('queries, binary', lambda: queries(binary=True))
    step('queries, not prepared', lambda: queries(prepare=False))
    for action in (update, upsert, pipelined, as_dicts, rollback, temporary, copy_rows):
        step(action.__name__, action)
    for how in ('', ' (FORMAT csv, HEADER)', ' (FORMAT binary)'):
        step('copy_out' + how, lambda: copy_out(how))
    for how in ('', ' (FORMAT binary)'):
        step('copy_in' + how, lambda: copy_in(how))
    for binary in (False, True):
        step('server_cursor %s' % binary, lambda: server_cursor(binary))
    # a pooler gives the next transaction another connection, where nothing is prepared
    if not pooled:
        step('prepared', lambda: [rows('SELECT note FROM CUSTOMER WHERE email = %s AND income > %s', (address(n), n), prepare=True)
                                  for n in range(1, 8)])
    step('delete', lambda: sorted(rows('DELETE FROM CUSTOMER WHERE MINE AND income > %s RETURNING note, income, born', (6000,))))
