"""django_orm.py HOST PORT USER TABLE EMAILS [pooled] -- what Django's ORM gets of a table of customers, a line a step.

EMAILS is what the rows' addresses begin with, so that runs do not meet.  The test runs it on a
plain table and on one with encrypted columns, and compares.
"""
import datetime
import io
import re
import sys
from decimal import Decimal

import django
from django.conf import settings

host, port, user, table, emails = sys.argv[1:6]
pooled = sys.argv[6:] == ['pooled']
settings.configure(
    DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'postgres', 'USER': user,
                           'HOST': host, 'PORT': port, 'DISABLE_SERVER_SIDE_CURSORS': pooled}},
    INSTALLED_APPS=['django.contrib.postgres'], DEFAULT_AUTO_FIELD='django.db.models.BigAutoField',
    USE_TZ=True, SECRET_KEY='x')
django.setup()

from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import (Avg, Case, Count, Exists, F, Max, Min, OuterRef, Q, StdDev, Subquery, Sum, Value,
                              When, Window)
from django.db.models.functions import (Cast, Coalesce, Concat, ExtractYear, Greatest, Length, Lower, NullIf, Rank,
                                        Substr, TruncMonth, TruncYear, Upper)


class Customer(models.Model):
    email = models.TextField(unique=True)
    full_name = models.TextField(null=True)
    note = models.TextField(null=True)
    income = models.DecimalField(max_digits=20, decimal_places=2, null=True)
    born = models.DateField(null=True)

    class Meta:
        db_table = table
        app_label = 'clients'
        managed = False


def step(name, action):
    try:
        result = action()
    except Exception as error:
        connection.close()
        result = 'FAILED %s: %s' % (type(error).__name__, str(error).split('\n')[0])
    print('%s: %r' % (name, result))


mine = Customer.objects.filter(email__startswith=emails).order_by('email')
flu = mine.filter(note='flu')


def address(n):
    return '%s%02d@x.test' % (emails, n)


def one():
    return Customer.objects.get(email=address(1))


def create():
    Customer.objects.create(email=address(1), full_name='Ann', note='it\'s "quoted" \\ é', income=Decimal('54321.99'),
                            born=datetime.date(1990, 2, 28))
    return one().note, one().income, one().born


def bulk_create():
    rows = Customer.objects.bulk_create(
        [Customer(email=address(n), note='flu', income=Decimal(n * 1000), born=datetime.date(1990, n, 1))
         for n in range(2, 8)])
    return all(row.pk for row in rows)


def bulk_update():
    rows = list(flu)
    for row in rows:
        row.income += 1
        row.full_name = row.note.upper()
    Customer.objects.bulk_update(rows, ['full_name', 'note', 'income', 'born'])
    return list(flu.values_list('full_name', 'note', 'income', 'born'))


def save_all():
    row = one()
    row.note = 'saved'
    row.income += Decimal('0.01')
    row.save()
    return one().note, one().income, one().born


def save_nothing_new():
    row = one()
    row.save()
    return one().note, one().income, one().born


def filters():
    return [mine.filter(condition).count() for condition in (
        Q(note='flu'), Q(note__in=['flu', 'x']), Q(note__iexact='FLU'), Q(note__icontains='LU'),
        Q(note__startswith='fl'), Q(note__iendswith='U'), Q(note__regex='^f.u$'), Q(note__iregex='^F'),
        Q(note__gt='a'), Q(note__range=('a', 'g')), Q(note__isnull=True), ~Q(note='flu'),
        Q(income__gt=Decimal('2500')), Q(income__lte=2500.5), Q(income=3001), Q(income__in=[2001, 3001]),
        Q(born__year=1990), Q(born__month__gte=3), Q(born__range=('1990-03-01', '1990-05-01')),
        Q(born__lt=datetime.date(1990, 4, 1)), Q(born__week_day=5), Q(note='flu') | Q(income__gt=50000),
        Q(note=F('note')), Q(income__gt=F('id') * 0))]


def update_expression():
    flu.update(income=F('income') * 2, note=Concat('note', Value('!')))
    mine.filter(note='flu!').update(income=F('income') / 2, note=Substr('note', 1, 3))
    mine.filter(email=address(2)).update(born=F('born') + datetime.timedelta(days=1))
    return list(flu.values_list('note', 'income', 'born'))


def update_or_create():
    row, created = Customer.objects.update_or_create(email=address(1), defaults={'note': 'ups', 'income': Decimal('9.50')})
    return created, one().note, one().income


def ignore_conflicts():
    Customer.objects.bulk_create([Customer(email=address(1), note='no')], ignore_conflicts=True)
    return one().note


def aggregates():
    return sorted(flu.aggregate(
        n=Count('note'), d=Count('note', distinct=True), s=Sum('income'), a=Avg('income'), x=Max('born'), m=Min('note'),
        f=Count('id', filter=Q(income__gt=4000)), v=StdDev('income')).items())


def groups():
    return [list(mine.order_by().values('note').annotate(n=Count('*'), s=Sum('income')).order_by('note')),
            list(mine.order_by().annotate(m=TruncMonth('born')).values('m').annotate(n=Count('*')).order_by('m')),
            list(mine.order_by().values('note').annotate(n=Count('*')).filter(n__gt=1)),
            list(mine.order_by('note').distinct('note').values_list('note', flat=True)),
            sorted(mine.order_by().values_list('note', flat=True).distinct())]


def functions():
    return list(mine.annotate(
        l=Lower('note'), u=Upper('note'), n=Length('note'), c=Coalesce('note', Value('none'), output_field=models.TextField()), k=Concat('note', Value('/'), 'email', output_field=models.TextField()),
        t=Cast('income', models.TextField()), i=Cast('income', models.IntegerField()), y=ExtractYear('born'), b=TruncYear('born'),
        g=Greatest('income', Value(Decimal(4000)), output_field=models.DecimalField()), z=NullIf('note', Value('flu'), output_field=models.TextField()),
        w=Case(When(income__gt=4000, then=Value('high')), When(note='ups', then=Value('ups')), default=Value('low'),
               output_field=models.TextField()),
    ).values_list('l', 'u', 'n', 'c', 'k', 't', 'i', 'y', 'b', 'g', 'z', 'w'))


def windows():
    return list(mine.annotate(r=Window(Rank(), partition_by=[F('note')], order_by=F('income').desc()),
                              s=Window(Sum('income'), order_by=F('born').asc(nulls_last=True))).values_list('email', 'r', 's'))


def subqueries():
    richer = mine.filter(income__gt=OuterRef('income')).order_by('income')
    return (list(mine.annotate(next=Subquery(richer.values('income')[:1])).values_list('income', 'next')),
            mine.annotate(any=Exists(richer)).filter(any=True).count(),
            mine.filter(note__in=flu.values('note')).count())


def unions():
    first, second = flu.order_by().values_list('note', 'income'), mine.order_by().filter(note='ups').values_list('note', 'income')
    return sorted(first.union(second)), sorted(first.union(second, all=True)), sorted(first.intersection(first)), sorted(first.difference(second))


def rollback():
    try:
        with transaction.atomic():
            mine.update(note='zzz')
            raise KeyError
    except KeyError:
        return one().note


def savepoint():
    with transaction.atomic():
        try:
            with transaction.atomic():
                mine.update(note='zzz')
                raise KeyError
        except KeyError:
            return one().note


def locked():
    with transaction.atomic():
        return mine.select_for_update().get(email=address(1)).note


def raw():
    return [row.note for row in Customer.objects.raw('SELECT * FROM %s WHERE note = %%s AND email LIKE %%s ORDER BY email' % table, ['flu', emails + '%'])]


def deferred():
    row = Customer.objects.only('email').get(email=address(2))
    return row.note, Customer.objects.defer('note').get(email=address(2)).income


def introspection():
    written = io.StringIO()
    call_command('inspectdb', table, stdout=written)
    return sorted(re.sub(r'\s+', ' ', line.strip()) for line in written.getvalue().splitlines() if 'Field(' in line)


def nulls():
    Customer.objects.create(email=address(9))
    row = mine.get(note__isnull=True)
    return row.note, row.income, row.born


def save_masked():
    rows = list(mine)
    for row in rows:
        row.full_name = 'masked'
        row.save()
    return [(row.full_name, row.note, row.income, row.born) for row in mine]


if user == 'masked':
    step('save_masked', save_masked)
else:
    for action in (create, bulk_create, bulk_update, save_all, save_nothing_new, filters, update_expression, update_or_create,
                   ignore_conflicts, aggregates, groups, functions, windows, subqueries, unions, rollback, savepoint, locked,
                   raw, deferred, introspection, nulls):
        step(action.__name__, action)
    step('iterator', lambda: [row.note for row in mine.iterator(chunk_size=2)])
    step('order', lambda: list(mine.order_by('-income', F('note').asc(nulls_first=True)).values_list('income', 'note')))
    step('slice', lambda: list(mine.order_by('income')[1:3].values_list('income', flat=True)))
    step('dates', lambda: list(mine.dates('born', 'month', order='DESC')))
    step('explain', lambda: bool(mine.filter(note='flu').explain()))
    step('delete', lambda: flu.filter(income__gt=6000).delete()[0])
