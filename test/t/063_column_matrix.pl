# Every shape of a statement that can touch a column, for every clearance, for every kind of
# column: the answer, and what is in the tables afterwards, are those of the same statement on
# plain tables, or on plain tables that hold the mask; or the statement is refused.
#
# Which it is follows from what a shape uses the column for, which is written down here,
# letter by letter, from the contract (API.md: Clearance, Ordinary SQL), and from nothing else:
#	P	it is shown: project, or the mask
#	F	WHERE, JOIN, GROUP BY, ORDER BY, DISTINCT and conditions elsewhere: filter, or the mask
#	A	inside one of core's statistical aggregates, over groups of enough subjects: aggregate;
#		who sees the values may do sums, too (project); or the mask
#	G	the same, where rows are chosen or groups are of groups: project; whoever has aggregate
#		alone is refused; or the mask
#	K	ON CONFLICT finds rows by it: filter, and nothing instead
#	W	another value than the one shown is written: write
#	M	the mask is written: write, or the mask being all that is shown
#	V	the value itself is written: write, or project
#	B	what is shown is written back: write, project or mask
#	X	it is copied to where it is not classified as high: nobody whom it is shown to;
#		the mask may go there
#	0	refused for everybody, also with 0A000
# No letter: the column is not used.  If each use is cleared, the answer is that of the plain
# tables; if masks stand for some, that of the tables with masks; else 42501.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

# clearance for the category alone is shown groups of enough subjects only
my $groups_are_counted = 1;

my @kinds = qw(classified encrypted masked);
# which tables without the extension hold what masks show
my %twin = (classified => 'null', encrypted => 'null', masked => 'mask');
my %mask = (
	null => { c => 'NULL', v => 'NULL', literal => 'NULL' },
	mask => { c => q(left(value, 1) || '***'), v => 'trunc(value, -1)', literal => q('a***') });
my @clearances = (
	[ none => '' ],
	[ full => 'project,mask,filter,aggregate,write' ],
	[ mask => 'mask' ],
	[ project => 'project' ],
	[ filter => 'filter' ],
	[ aggregate => 'aggregate' ],
	[ write => 'write' ],
	[ unmasked => 'project,filter,aggregate,write' ]);
my @mixed = ([ filter_mask => 'filter,mask' ], [ project_mask => 'project,mask' ], [ aggregate_mask => 'aggregate,mask' ]);

my $copied = PostgreSQL::Test::Utils::tempdir() . '/rows';
append_to_file("$copied.with", "2001\t5\tnew\n2002\t6\t\\N\n");
append_to_file("$copied.null", "2001\t5\t\\N\n");
append_to_file("$copied.without", "2001\t5\n2002\t6\n");

#
# Shapes: name, uses, statement; then, where they differ, uses per kind of column, or what one
# clearance is answered.  {s} is the schema, {mask} what masks show of 'alpha'.  A statement of several lines is a script, and
# not prepared; "same": which masks (1: all) make no difference to the answer.
#
my @shapes = (
	# not used
	[ 'rows', '', 'SELECT count(*) FROM {s}.person' ],
	[ 'other columns', '', 'SELECT id, other FROM {s}.person WHERE n < 9 ORDER BY id' ],
	[ 'unused in a subquery', '', 'SELECT id FROM (SELECT id, upper(c) FROM {s}.person) s ORDER BY id LIMIT 5' ],
	[ 'unused in a CTE', '', 'WITH q AS (SELECT id, c, v FROM {s}.person) SELECT sum(id) FROM q' ],
	[ 'unused in a CTE materialized', '', 'WITH q AS MATERIALIZED (SELECT id, c || 1 AS x FROM {s}.person) SELECT sum(id) FROM q' ],
	[ 'unused in a view', '', 'SELECT id, other FROM {s}.person_view WHERE n < 9 ORDER BY id' ],
	[ 'unused in a view of expressions', '', 'SELECT id FROM {s}.person_view_expression ORDER BY id LIMIT 5' ],
	[ 'unused in UNION ALL', '', 'SELECT count(*) FROM (SELECT c FROM {s}.person UNION ALL SELECT c FROM {s}.purchase) s' ],
	[ 'unused window function', '', 'SELECT id FROM (SELECT id, lag(c) OVER (ORDER BY id) FROM {s}.person) s ORDER BY id LIMIT 5' ],
	[ 'unused aggregate', '', 'SELECT n FROM (SELECT n, max(v) FROM {s}.person GROUP BY n) s ORDER BY n LIMIT 5' ],
	[ 'EXISTS', '', 'SELECT n FROM {s}.person p WHERE EXISTS (SELECT o.c FROM {s}.purchase o WHERE o.person_id = p.id AND o.amount = 3) ORDER BY n' ],
	[ 'a field of a row', '', 'SELECT (p).id FROM {s}.person p ORDER BY p.id LIMIT 5' ],
	[ 'unused, but noticed', 'P', 'SELECT id FROM (SELECT id, {s}.spy(c) FROM {s}.person) s ORDER BY id LIMIT 5', same => 1 ],

	# shown
	[ 'select', 'P', 'SELECT id, c, v FROM {s}.person ORDER BY id' ],
	[ 'star', 'P', 'SELECT * FROM {s}.person ORDER BY id' ],
	[ 'TABLE', 'P', 'TABLE {s}.person ORDER BY id' ],
	[ 'expression', 'P', q(SELECT id, upper(c) || '!', v * 2 FROM {s}.person WHERE n < 9 ORDER BY id) ],
	[ 'cast', 'P', 'SELECT id, c::varchar(3), v::int FROM {s}.person WHERE n < 9 ORDER BY id' ],
	[ 'CASE', 'P', q(SELECT id, CASE WHEN c = 'alpha' THEN 1 ELSE 2 END FROM {s}.person WHERE n < 9 ORDER BY id) ],
	[ 'COALESCE', 'P', q(SELECT id, COALESCE(c, 'none'), COALESCE(v, -1) FROM {s}.person WHERE n > 40 ORDER BY id) ],
	[ 'NULLIF', 'P', q(SELECT id, NULLIF(c, 'alpha') FROM {s}.person WHERE n < 9 ORDER BY id) ],
	[ 'IS NULL', 'P', 'SELECT id, c IS NULL FROM {s}.person WHERE n < 9 ORDER BY id', same => 'mask' ],
	[ 'whole row', 'P', 'SELECT p FROM {s}.person p ORDER BY id' ],
	[ 'whole row of a subquery', 'P', 'SELECT s FROM (SELECT id, c FROM {s}.person WHERE n < 9) s ORDER BY id' ],
	[ 'a field of a row handed on', 'P', 'SELECT (s.p).c FROM (SELECT p, id FROM {s}.person p WHERE n < 9) s ORDER BY id' ],
	[ 'row_to_json', 'P', 'SELECT row_to_json(p) FROM {s}.person p WHERE n < 9 ORDER BY id' ],
	[ 'to_jsonb', 'P', q(SELECT to_jsonb(p) ->> 'c' FROM {s}.person p WHERE n < 9 ORDER BY id) ],
	[ 'ROW()', 'P', 'SELECT ROW(id, c) FROM {s}.person WHERE n < 9 ORDER BY id' ],
	[ 'ARRAY[]', 'P', q(SELECT ARRAY[c, 'x'] FROM {s}.person WHERE n < 9 ORDER BY id) ],
	[ 'ARRAY(SELECT)', 'P', 'SELECT ARRAY(SELECT c FROM {s}.person ORDER BY id)' ],
	[ 'a function over a record', 'P', 'SELECT {s}.c_of(p) FROM {s}.person p WHERE n < 9 ORDER BY id' ],
	[ 'an SQL function over a record', 'P', 'SELECT {s}.upper_c(p) FROM {s}.person p WHERE n < 9 ORDER BY id' ],
	[ 'jsonb_populate_record', 'P', q(SELECT (jsonb_populate_record(p, '{"n": 5}')).c FROM {s}.person p WHERE n < 9 ORDER BY id) ],
	[ 'subquery in FROM', 'P', 'SELECT s.x FROM (SELECT id, c AS x FROM {s}.person WHERE n < 9 OFFSET 0) s ORDER BY id' ],
	[ 'subquery in the select list', 'P', 'SELECT n, (SELECT o.c FROM {s}.purchase o WHERE o.person_id = p.id ORDER BY o.id LIMIT 1) FROM {s}.person p WHERE n < 9 ORDER BY n' ],
	[ 'a subquery that compares in the select list', 'P', q(SELECT 'alpha' IN (SELECT c FROM {s}.person)) ],
	[ 'CTE', 'P', 'WITH q AS (SELECT id, c FROM {s}.person) SELECT a.c, b.c FROM q a JOIN q b ON b.id = a.id + 1 WHERE a.id < 9 ORDER BY a.id' ],
	[ 'CTE materialized', 'P', 'WITH q AS MATERIALIZED (SELECT id, c FROM {s}.person) SELECT c FROM q WHERE id < 9 ORDER BY id' ],
	[ 'CTE recursive', 'P', q(WITH RECURSIVE q (id, path) AS (SELECT id, c::text FROM {s}.person WHERE n = 1 UNION ALL SELECT p.id, q.path || '/' || COALESCE(p.c, '-') FROM {s}.person p JOIN q ON p.boss = q.id WHERE p.n < 20) SELECT id, path FROM q ORDER BY id), uses => 'PF' ],
	[ 'join', 'P', 'SELECT p.c, o.c FROM {s}.person p JOIN {s}.purchase o ON o.person_id = p.id WHERE p.n < 9 ORDER BY o.id' ],
	[ 'left join', 'P', 'SELECT p.n, o.c, o.v FROM {s}.person p LEFT JOIN {s}.purchase o ON o.person_id = p.id AND o.amount > 3 WHERE p.n < 9 ORDER BY p.id, o.id' ],
	[ 'the whole row of a left join', 'P', 'SELECT p.n, o FROM {s}.person p LEFT JOIN {s}.purchase o ON o.person_id = p.id AND o.amount > 3 WHERE p.n < 9 ORDER BY p.id, o.id' ],
	[ 'full join', 'P', 'SELECT p.c, o.v FROM {s}.person p FULL JOIN {s}.purchase o ON o.id = p.id AND p.n < 30 WHERE COALESCE(p.n, 1) < 9 ORDER BY p.id, o.id' ],
	[ 'self-join', 'P', 'SELECT e.c, b.c FROM {s}.person e LEFT JOIN {s}.person b ON b.id = e.boss WHERE e.n < 9 ORDER BY e.id' ],
	[ 'LATERAL', 'P', 'SELECT p.n, s.c, s.x FROM {s}.person p, LATERAL (SELECT o.c, p.c AS x FROM {s}.purchase o WHERE o.person_id = p.id ORDER BY o.id LIMIT 1) s WHERE p.n < 9 ORDER BY p.n' ],
	[ 'LATERAL function', 'P', q(SELECT p.n, l FROM {s}.person p, LATERAL regexp_split_to_table(p.c, 'a') l WHERE p.n < 9 ORDER BY p.n, l COLLATE "C"), uses => 'PF' ],
	[ 'VALUES', 'P', 'SELECT x FROM {s}.person p, LATERAL (VALUES (p.c), (p.other)) v (x) WHERE p.n < 5 ORDER BY p.n, x = p.other' , uses => 'PF' ],
	[ 'UNION ALL', 'P', 'SELECT id, c FROM {s}.person WHERE n < 5 UNION ALL SELECT person_id, c FROM {s}.visit WHERE n < 5 ORDER BY 1' ],
	[ 'window function', 'P', 'SELECT id, lag(c) OVER (ORDER BY id), first_value(v) OVER (PARTITION BY n % 2 ORDER BY id) FROM {s}.person WHERE n < 9 ORDER BY id' ],
	[ 'a sum over a window', 'P', 'SELECT id, sum(v) OVER (ORDER BY id ROWS 3 PRECEDING), count(c) OVER () FROM {s}.person ORDER BY id' ],
	[ 'TABLESAMPLE', 'P', 'SELECT c FROM {s}.person TABLESAMPLE SYSTEM (100) WHERE n < 9 ORDER BY id' ],
	[ 'FOR UPDATE', 'P', 'SELECT c FROM {s}.person WHERE n < 9 ORDER BY id FOR UPDATE' ],
	[ 'LIMIT by a subquery of others', 'P', 'SELECT c FROM {s}.person ORDER BY id LIMIT (SELECT count(*) / 10 FROM {s}.person)' ],
	[ 'partitioned table', 'P', 'SELECT person_id, c FROM {s}.visit WHERE n < 9 ORDER BY person_id, at' ],
	[ 'partition', 'P', 'SELECT person_id, c, v FROM {s}.visit_old WHERE n < 9 ORDER BY person_id, at' ],
	[ 'inheritance', 'P', 'SELECT person_id, c FROM {s}.base WHERE n < 9 ORDER BY person_id', only => 'classified masked' ],
	[ 'ONLY', 'P', 'SELECT person_id, c FROM ONLY {s}.base ORDER BY person_id', only => 'classified masked' ],
	[ 'inheritance child', 'P', 'SELECT person_id, c, v FROM {s}.kid ORDER BY person_id', only => 'classified masked' ],
	[ 'whole row of a child', 'P', 'SELECT k FROM {s}.kid k ORDER BY person_id', only => 'classified masked' ],
	[ 'generated column', 'P', 'SELECT id, g FROM {s}.made ORDER BY id', only => 'classified masked' ],
	[ 'min and max', 'P', 'SELECT min(c), max(c), max(v) FROM {s}.person' ],
	[ 'array_agg', 'P', 'SELECT array_agg(v ORDER BY id) FROM {s}.person' ],
	[ 'string_agg', 'P', q(SELECT n % 2, string_agg(c, ',' ORDER BY id) FROM {s}.person GROUP BY 1 ORDER BY 1) ],
	[ 'json_agg', 'P', 'SELECT json_agg(c ORDER BY id) FROM {s}.person' ],
	[ 'json_object_agg', 'P', 'SELECT json_object_agg(id, c ORDER BY id) FROM {s}.person' ],
	[ 'jsonb_agg of rows', 'P', 'SELECT jsonb_agg(p ORDER BY id) FROM {s}.person p' ],
	[ 'bool_and', 'P', q(SELECT bool_and(v > 0), bool_or(c = 'alpha') FROM {s}.person) ],

	# filtered by
	[ 'WHERE', 'F', q(SELECT id FROM {s}.person WHERE c = 'alpha' AND v > 1 ORDER BY id) ],
	[ 'WHERE over an expression', 'F', q(SELECT id FROM {s}.person WHERE upper(c) LIKE 'A%' ORDER BY id), same => 'mask' ],
	[ 'WHERE IS NULL', 'F', 'SELECT id FROM {s}.person WHERE c IS NOT NULL ORDER BY id', same => 'mask' ],
	[ 'shown and filtered by', 'PF', q(SELECT id, c FROM {s}.person WHERE c LIKE '%a%' ORDER BY id) ],
	[ 'row comparison', 'F', q(SELECT id FROM {s}.person WHERE (c, n) > ('alpha', 20) ORDER BY id) ],
	[ 'IN a list', 'F', q(SELECT id FROM {s}.person WHERE c IN ('alpha', 'beta', 'a***') AND n < 30 ORDER BY id) ],
	[ 'IN a subquery', 'F', q(SELECT n FROM {s}.person WHERE c IN (SELECT o.c FROM {s}.purchase o WHERE o.n = 4) ORDER BY n), same => 'mask' ],
	[ 'NOT IN', 'F', q(SELECT n FROM {s}.person WHERE c NOT IN (SELECT o.c FROM {s}.purchase o WHERE o.n = 4) ORDER BY n), same => 'mask' ],
	[ 'ANY', 'F', 'SELECT n FROM {s}.person WHERE v = ANY (SELECT o.v FROM {s}.purchase o WHERE o.n = 4) ORDER BY n', same => 'mask' ],
	[ 'ALL', 'F', 'SELECT n FROM {s}.person WHERE v > ALL (SELECT o.v FROM {s}.purchase o WHERE o.n = 4) ORDER BY n', same => 'mask' ],
	[ 'EXISTS that compares', 'F', 'SELECT n FROM {s}.person p WHERE EXISTS (SELECT FROM {s}.purchase o WHERE o.c = p.c AND o.n = 4) ORDER BY n', same => 'mask' ],
	[ 'NOT EXISTS that compares', 'F', 'SELECT n FROM {s}.person p WHERE NOT EXISTS (SELECT FROM {s}.purchase o WHERE o.c = p.c AND o.n = 4) ORDER BY n', same => 'mask' ],
	[ 'a maximum in WHERE', 'PF', 'SELECT n FROM {s}.person WHERE v = (SELECT max(v) FROM {s}.person) ORDER BY n', same => 'mask' ],
	[ 'join ON', 'F', 'SELECT p.n, o.n FROM {s}.person p JOIN {s}.purchase o ON o.c = p.c AND o.amount = p.n ORDER BY 1, 2', same => 'mask' ],
	[ 'join USING', 'F', 'SELECT p.n, o.id FROM {s}.person p JOIN {s}.purchase o USING (n, c) ORDER BY 1, 2' ],
	[ 'join USING, shown', 'PF', 'SELECT c, p.n, o.id FROM {s}.person p JOIN {s}.purchase o USING (n, c) ORDER BY 2, 3' ],
	[ 'natural join', 'F', 'SELECT n, id FROM {s}.person NATURAL JOIN (SELECT n, c FROM {s}.purchase) o ORDER BY 1, 2' ],
	[ 'left join ON', 'F', 'SELECT p.n, o.id FROM {s}.person p LEFT JOIN {s}.purchase o ON o.c = p.c AND o.n = p.n WHERE p.n < 20 ORDER BY 1, 2' ],
	[ 'full join USING', 'PF', 'SELECT c, p.n, o.id FROM (SELECT c, n FROM {s}.person WHERE n < 9) p FULL JOIN (SELECT c, id, n FROM {s}.purchase WHERE n < 9) o USING (c, n) ORDER BY p.n, o.id' ],
	[ 'self-join ON', 'F', 'SELECT count(*) FROM {s}.person a JOIN {s}.person b ON b.c = a.c AND b.v < a.v' ],
	[ 'a condition of a join to others', 'F', q(SELECT g, p.n FROM generate_series(1, 8) g LEFT JOIN {s}.person p ON p.n = g AND p.c = 'alpha' ORDER BY 1) ],
	[ 'LATERAL that compares', 'F', 'SELECT p.n, s.k FROM {s}.person p, LATERAL (SELECT count(*) AS k FROM {s}.purchase o WHERE o.c = p.c) s ORDER BY 1' ],
	[ 'a set in FROM', 'F', q(SELECT count(*) FROM {s}.person p, LATERAL regexp_split_to_table(p.c, 'a')) ],
	[ 'GROUP BY', 'F', 'SELECT count(*) FROM {s}.person GROUP BY c ORDER BY 1, min(id)' ],
	[ 'GROUP BY, shown', 'PF', 'SELECT c, count(*), min(n) FROM {s}.person GROUP BY c ORDER BY 3' ],
	[ 'GROUP BY an expression', 'PF', 'SELECT upper(c), min(n) FROM {s}.person GROUP BY upper(c) ORDER BY 2' ],
	[ 'GROUP BY an expression, not shown', 'F', 'SELECT count(*), min(n) FROM {s}.person GROUP BY left(c, 2) ORDER BY 2' ],
	[ 'GROUP BY position', 'PF', 'SELECT c, min(n) FROM {s}.person GROUP BY 1 ORDER BY 2' ],
	[ 'GROUP BY the key', 'P', 'SELECT p.c, count(o.id) FROM {s}.person p LEFT JOIN {s}.purchase o ON o.person_id = p.id WHERE p.n < 9 GROUP BY p.id ORDER BY p.id' ],
	[ 'HAVING over what is grouped by', 'F', q(SELECT min(n) FROM {s}.person GROUP BY c HAVING c < 'b' ORDER BY 1) ],
	[ 'HAVING over a maximum', 'PF', 'SELECT n % 5 FROM {s}.person GROUP BY 1 HAVING max(v) > 40 ORDER BY 1', same => 'mask' ],
	[ 'ROLLUP', 'PF', 'SELECT c, n % 2, count(*) FROM {s}.person GROUP BY ROLLUP (c, n % 2) ORDER BY 3, min(n), 2' ],
	[ 'CUBE', 'F', 'SELECT n % 2, count(*), min(n) FROM {s}.person GROUP BY CUBE (c, n % 2) ORDER BY 2, 3, 1' ],
	[ 'GROUPING SETS', 'PF', 'SELECT c, count(*), grouping(c) FROM {s}.person GROUP BY GROUPING SETS ((c), ()) ORDER BY 3, 2, min(n)' ],
	[ 'DISTINCT', 'PF', 'SELECT DISTINCT c FROM {s}.person ORDER BY c' ],
	[ 'DISTINCT, not shown', 'F', 'SELECT count(*) FROM (SELECT DISTINCT c FROM {s}.person) s' ],
	[ 'DISTINCT ON', 'F', 'SELECT DISTINCT ON (c) n FROM {s}.person ORDER BY c, n' ],
	[ 'DISTINCT ON, shown', 'PF', 'SELECT DISTINCT ON (c) c, n FROM {s}.person ORDER BY c, n DESC' ],
	[ 'DISTINCT ON another', 'P', 'SELECT DISTINCT ON (n % 4) n % 4, c, v FROM {s}.person ORDER BY n % 4, id' ],
	[ 'ORDER BY', 'F', 'SELECT n FROM {s}.person ORDER BY c, v DESC, n' ],
	[ 'ORDER BY, shown', 'PF', 'SELECT c, n FROM {s}.person ORDER BY 1 DESC NULLS LAST, 2' ],
	[ 'ORDER BY an expression', 'F', 'SELECT n FROM {s}.person ORDER BY length(c), n' ],
	[ 'ORDER BY and LIMIT', 'F', 'SELECT n FROM {s}.person ORDER BY v DESC, n LIMIT 3', same => 'mask' ],
	[ 'LIMIT WITH TIES', 'F', 'SELECT count(*) FROM (SELECT n FROM {s}.person ORDER BY v DESC FETCH FIRST 3 ROWS WITH TIES) s', same => 'mask' ],
	[ 'LIMIT by a subquery', 'F', q(SELECT n FROM {s}.person ORDER BY n LIMIT (SELECT count(*) / 2 FROM {s}.person WHERE c = 'alpha')) ],
	[ 'UNION', 'PF', 'SELECT c FROM {s}.person UNION SELECT c FROM {s}.purchase ORDER BY 1' ],
	[ 'UNION, not shown', 'F', 'SELECT count(*) FROM (SELECT c FROM {s}.person UNION SELECT c FROM {s}.purchase) s' ],
	[ 'INTERSECT', 'PF', 'SELECT v FROM {s}.person INTERSECT SELECT v FROM {s}.purchase WHERE n < 5 ORDER BY 1' ],
	[ 'EXCEPT', 'PF', 'SELECT v FROM {s}.person EXCEPT SELECT v FROM {s}.purchase WHERE n < 5 ORDER BY 1' ],
	[ 'EXCEPT ALL', 'F', 'SELECT count(*) FROM (SELECT c FROM {s}.person EXCEPT ALL SELECT c FROM {s}.person WHERE n < 5) s', same => 1 ],
	[ 'UNION with constants', 'PF', q(SELECT 'alpha' UNION SELECT c FROM {s}.person ORDER BY 1) ],
	[ 'CTE recursive, told apart', 'F', q(WITH RECURSIVE q (x) AS (SELECT c FROM {s}.person UNION SELECT x FROM q) SELECT count(*) FROM q), uses => 'PF' ],
	[ 'window PARTITION BY', 'F', 'SELECT n, count(*) OVER (PARTITION BY c) FROM {s}.person ORDER BY n' ],
	[ 'window ORDER BY', 'F', 'SELECT n, rank() OVER (ORDER BY c), row_number() OVER (ORDER BY v, n) FROM {s}.person ORDER BY n' ],
	[ 'window RANGE', 'F', 'SELECT n, count(*) OVER (ORDER BY v RANGE BETWEEN 8 PRECEDING AND CURRENT ROW) FROM {s}.person ORDER BY n' ],
	[ 'window GROUPS', 'F', 'SELECT n, sum(n) OVER (ORDER BY c GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM {s}.person ORDER BY n' ],
	[ 'window FILTER', 'F', q(SELECT n, count(*) FILTER (WHERE c = 'alpha') OVER (ORDER BY n) FROM {s}.person ORDER BY n) ],
	[ 'named window', 'PF', 'SELECT n, max(v) OVER w, rank() OVER w FROM {s}.person WINDOW w AS (PARTITION BY c ORDER BY v) ORDER BY n' ],
	[ 'FILTER', 'F', q(SELECT count(*) FILTER (WHERE c = 'alpha'), sum(n) FILTER (WHERE v > 20) FROM {s}.person) ],
	[ 'an aggregate ordered by it', 'F', q(SELECT string_agg(n::text, ',' ORDER BY c DESC, n) FROM {s}.person) ],
	[ 'an aggregate of it, ordered by it', 'PF', q(SELECT string_agg(c, ',' ORDER BY c DESC) FROM {s}.person) ],
	[ 'array_agg(DISTINCT)', 'P', 'SELECT array_agg(DISTINCT c) FROM {s}.person' ],
	[ 'percentile_disc', 'PF', 'SELECT percentile_disc(0.3) WITHIN GROUP (ORDER BY v) FROM {s}.person' ],
	[ 'mode', 'PF', 'SELECT mode() WITHIN GROUP (ORDER BY c) FROM {s}.person WHERE n IN (3, 4, 7)' ],
	[ 'rank of a constant', 'PF', q(SELECT rank('beta') WITHIN GROUP (ORDER BY c) FROM {s}.person) ],
	[ 'view that filters', 'F', 'SELECT count(*) FROM {s}.person_view_filter' ],
	[ 'view that groups', 'PF', 'SELECT c, k FROM {s}.person_view_groups ORDER BY first' ],
	[ 'view that groups, not shown', 'F', 'SELECT k FROM {s}.person_view_groups ORDER BY first' ],

	# summed up, over at least 10 subjects
	[ 'sum', 'A', 'SELECT sum(v) FROM {s}.person' ],
	[ 'average', 'A', 'SELECT round(avg(v), 6), round(stddev(v)::numeric, 6), round(var_pop(v)::numeric, 6) FROM {s}.person' ],
	[ 'correlation', 'G', 'SELECT round(corr(v::float8, n::float8)::numeric, 6), round(regr_slope(n::float8, v::float8)::numeric, 6) FROM {s}.person' ],
	[ 'count', 'A', 'SELECT count(c), count(v) FROM {s}.person', same => 'mask' ],
	[ 'count DISTINCT', 'A', 'SELECT count(DISTINCT c), count(DISTINCT v) FROM {s}.person', same => 'mask' ],
	[ 'sum DISTINCT', 'G', 'SELECT sum(DISTINCT v) FROM {s}.person' ],
	[ 'sum by groups', 'A', 'SELECT part, sum(v) FROM {s}.person GROUP BY part ORDER BY part' ],
	[ 'sum by groups of others', 'A', 'SELECT amount, sum(v), count(*) FROM {s}.purchase GROUP BY amount ORDER BY amount' ],
	[ 'sum of a sum', 'A', 'SELECT sum(v + n), sum(v * 2) FROM {s}.person' ],
	[ 'sum with FILTER', 'A', 'SELECT sum(v) FILTER (WHERE n > 20) FROM {s}.person' ],
	[ 'sum in CASE', 'A', 'SELECT sum(CASE WHEN n > 20 THEN v ELSE 0 END) FROM {s}.person' ],
	[ 'sum with FILTER by it', 'AF', q(SELECT sum(v) FILTER (WHERE c = 'alpha') FROM {s}.person) ],
	[ 'sum by groups of it', 'AF', 'SELECT sum(v) FROM {s}.person GROUP BY c ORDER BY min(n)' ],
	[ 'sum where', 'AF', q(SELECT sum(v) FROM {s}.person WHERE c <> 'alpha') ],
	[ 'sum ORDER BY', 'AF', 'SELECT sum(v ORDER BY c) FROM {s}.person' ],
	[ 'HAVING over a sum', 'A', 'SELECT part FROM {s}.person GROUP BY part HAVING sum(v) > 640 ORDER BY part' ],
	[ 'ORDER BY a sum', 'A', 'SELECT amount FROM {s}.purchase GROUP BY amount ORDER BY sum(v) DESC, amount', same => 'mask' ],
	[ 'sum of a join', 'A', 'SELECT sum(o.v), sum(p.v) FROM {s}.person p JOIN {s}.purchase o ON o.person_id = p.id' ],
	[ 'sum in a subquery', 'A', 'SELECT n, (SELECT sum(v) FROM {s}.purchase) FROM {s}.person WHERE n < 3 ORDER BY n' ],
	[ 'sum of a subquery', 'A', 'SELECT sum(x) FROM (SELECT v AS x FROM {s}.person WHERE n > 5) s' ],
	[ 'sum of a CTE', 'A', 'WITH q AS (SELECT v FROM {s}.person) SELECT sum(v) FROM q' ],
	[ 'sum of a view', 'A', 'SELECT sum(v) FROM {s}.person_view' ],
	[ 'sum of a nested view', 'A', 'SELECT sum(v) FROM {s}.person_view_nested' ],
	[ 'sum of a function', 'A', 'SELECT sum(v) FROM {s}.inlined()', kinds => { encrypted => 'G' } ],
	[ 'sum of a partitioned table', 'A', 'SELECT sum(v) FROM {s}.visit' ],
	[ 'sum of a partition', 'A', 'SELECT sum(v) FROM {s}.visit_new' ],
	[ 'sum of inheritance', 'A', 'SELECT sum(v), count(c) FROM {s}.base', only => 'classified masked' ],
	[ 'sums united', 'A', 'SELECT sum(v) FROM {s}.person UNION ALL SELECT sum(v) FROM {s}.purchase ORDER BY 1' ],
	# groups inside groups, and choices of rows: who has aggregate alone is not shown these
	[ 'sum in ROLLUP', 'G', 'SELECT n % 2, sum(v) FROM {s}.person GROUP BY ROLLUP (n % 2) ORDER BY 1' ],
	[ 'a sum of sums over a window', 'G', 'SELECT n % 2, sum(sum(v)) OVER (ORDER BY n % 2) FROM {s}.person GROUP BY n % 2 ORDER BY 1' ],
	[ 'sum of chosen rows', 'G', 'SELECT sum(v) FROM (SELECT v FROM {s}.person ORDER BY n LIMIT 20) s' ],
	[ 'sum of an outer row', 'P', 'SELECT n, (SELECT sum(p.v + g) FROM generate_series(1, 2) g) FROM {s}.person p WHERE n < 9 ORDER BY n' ],
	[ 'an aggregate that somebody made', 'P', 'SELECT {s}.total(v) FROM {s}.person' ],
	# groups of too few are left out
	[ 'sum by person', 'A', 'SELECT id, sum(v) FROM {s}.person GROUP BY id ORDER BY id', aggregate => '' ],
	[ 'sum for each outer row', 'G', 'SELECT n, (SELECT sum(o.v) FROM {s}.purchase o WHERE o.person_id = p.id) FROM {s}.person p WHERE n < 3 ORDER BY n' ],
	[ 'sum of a few', 'A', 'SELECT sum(v) FROM {s}.person WHERE n < 9', aggregate => '' ],
	[ 'sum of a few by FILTER', 'A', 'SELECT sum(v) FILTER (WHERE n < 9) FROM {s}.person', aggregate => '-' ],
	[ 'sum of many rows of a few', 'A', 'SELECT sum(v) FROM {s}.purchase WHERE n < 9', aggregate => '' ],
	[ 'sum of a few rows that a subquery computes', 'A', 'SELECT sum(x) FILTER (WHERE n < 9) FROM (SELECT n, v * 2 AS x FROM {s}.person) s', aggregate => '-' ],
	[ 'sum of a few rows of VALUES', 'G', 'SELECT sum(x) FILTER (WHERE n < 9) FROM {s}.person p, LATERAL (VALUES (p.v)) s (x)' ],
	[ 'sum of a few rows of a CTE', 'A', 'WITH q AS (SELECT n, v * 2 AS x FROM {s}.person) SELECT sum(CASE WHEN n < 9 THEN x END) FROM q', aggregate => '-' ],
	# which look like one of all, but are of a few
	[ 'sum of rows that a subquery chooses', 'G', 'SELECT sum(x) FROM (SELECT CASE WHEN n = 7 THEN v ELSE 0 END AS x FROM {s}.person) s' ],
	[ 'sum of rows that a CTE chooses', 'G', 'WITH q AS MATERIALIZED (SELECT v * CASE WHEN n = 7 THEN 1 ELSE 0 END AS x FROM {s}.person) SELECT sum(x) FROM q' ],
	[ 'sum of rows that VALUES choose', 'G', 'SELECT sum(x) FROM {s}.person p, LATERAL (VALUES (CASE WHEN n = 7 THEN v ELSE 0 END)) s (x)' ],
	[ 'sum of rows that LATERAL chooses', 'G', 'SELECT sum(x) FROM {s}.person p, LATERAL (SELECT CASE WHEN n = 7 THEN v ELSE 0 END AS x) s' ],
	[ 'sum of rows that a function chooses', 'G', 'SELECT sum(x) FROM {s}.person p, LATERAL abs(CASE WHEN n = 7 THEN v ELSE 0 END) x' ],
	[ 'sum of sums that choose', 'G', 'SELECT sum(x) FROM (SELECT person_id, COALESCE(sum(v) FILTER (WHERE n = 7), 0) AS x FROM {s}.purchase GROUP BY person_id) s' ],
	[ 'sum of a subquery inside', 'G', 'SELECT sum((SELECT p.v WHERE p.n = 7)) FROM {s}.person p' ],
	[ 'sum of a field of a row', 'G', 'SELECT sum((s.r).v) FROM (SELECT p AS r FROM {s}.person p WHERE n = 7) s' ],
	[ 'sum of what is returned', 'G', q(WITH u AS (UPDATE {s}.person SET other = 'x' WHERE n = 7 RETURNING v) SELECT sum(v) FROM u) ],
	[ 'rows counted by what they are', 'G', 'SELECT count(DISTINCT s) FROM (SELECT c FROM {s}.person WHERE n IN (4, 8, 9)) s', only => 'classified masked' ],
	[ 'sum by groups of an expression that may raise', 'G', 'SELECT n % 2, sum(v) FROM {s}.person GROUP BY n % 2 ORDER BY 1' ],

	# through views and functions
	[ 'view', 'P', 'SELECT id, c FROM {s}.person_view ORDER BY id' ],
	[ 'view by superuser', 'P', 'SELECT id, c FROM {s}.person_view_super ORDER BY id' ],
	[ 'nested view', 'P', 'SELECT * FROM {s}.person_view_nested ORDER BY id' ],
	[ 'security_invoker view', 'PF', q(SELECT id, c FROM {s}.person_view_invoker WHERE c > 'alpha' ORDER BY id) ],
	[ 'security_barrier view', 'F', q(SELECT id FROM {s}.person_view_barrier WHERE c > 'alpha' ORDER BY id) ],
	[ 'view of expressions', 'P', 'SELECT id, upper_c FROM {s}.person_view_expression ORDER BY id LIMIT 9' ],
	[ 'view of expressions, filtered by', 'F', q(SELECT id FROM {s}.person_view_expression WHERE upper_c LIKE 'A%A' ORDER BY id) ],
	[ 'whole row of a view', 'P', 'SELECT w FROM {s}.person_view w ORDER BY id LIMIT 9' ],
	[ 'SQL function, inlined', 'P', 'SELECT id, c FROM {s}.inlined() ORDER BY id LIMIT 9' ],
	[ 'SQL function, inlined, filtered by', 'F', q(SELECT id FROM {s}.inlined() WHERE c = 'alpha' ORDER BY id) ],
	[ 'SQL function, not inlined', 'P', 'SELECT x FROM {s}.not_inlined() WITH ORDINALITY t (x, i) ORDER BY i' ],
	[ 'SQL function of a value', 'P', 'SELECT {s}.name_of(4)' ],
	[ 'plpgsql function', 'P', 'SELECT x FROM {s}.in_plpgsql() WITH ORDINALITY t (x, i) ORDER BY i' ],
	[ 'plpgsql loop', 'P', 'SELECT {s}.by_loop()' ],
	[ 'plpgsql that filters', 'F', q(SELECT {s}.how_many('alpha')) ],
	[ 'security definer, cleared', '', 'SELECT x FROM {s}.definer() WITH ORDINALITY t (x, i) ORDER BY i' ],
	[ 'security definer, not cleared', '0', 'SELECT x FROM {s}.definer_uncleared() WITH ORDINALITY t (x, i) ORDER BY i' ],
	[ 'DO', 'P', "DO \$do\$ BEGIN PERFORM set_config('c.result', (SELECT string_agg(c, ',' ORDER BY id) FROM {s}.person), true); END \$do\$;\nSELECT current_setting('c.result');" ],
	[ 'query_to_xml', 'P', q(SELECT unnest(xpath('//c/text()', query_to_xml('SELECT id, c FROM {s}.person WHERE n < 9 ORDER BY id', true, false, '')))::text) ],
	[ 'table_to_xml', 'P', q(SELECT unnest(xpath('//v/text()', table_to_xml('{s}.made', true, false, '')))::text) ],
	[ 'cursor, SCROLL', 'P', "DECLARE q SCROLL CURSOR FOR SELECT id, c FROM {s}.person ORDER BY id;\nFETCH LAST FROM q;\nFETCH BACKWARD 2 FROM q;\nFETCH FIRST FROM q;\nCLOSE q;" ],
	[ 'cursor, WITH HOLD', 'P', "DECLARE q CURSOR WITH HOLD FOR SELECT id, c FROM {s}.person WHERE n < 9 ORDER BY id;\nCOMMIT;\nBEGIN \\; SET LOCAL privseg.purpose = '{purpose}' \\; SET LOCAL ROLE {role};\nFETCH ALL FROM q;\nCLOSE q;" ],
	[ 'cursor that filters', 'F', "DECLARE q CURSOR FOR SELECT id FROM {s}.person WHERE c = 'alpha' ORDER BY id;\nFETCH ALL FROM q;\nCLOSE q;" ],
	[ 'parallel query', 'P', "SET LOCAL force_parallel_mode = on;\nSELECT id, c FROM {s}.person ORDER BY id;" ],
	[ 'parallel query that filters', 'F', "SET LOCAL force_parallel_mode = on;\nSET LOCAL parallel_setup_cost = 0;\nSET LOCAL min_parallel_table_scan_size = 0;\nSELECT id FROM {s}.person WHERE c = 'alpha' ORDER BY id;" ],
	[ 'parallel sum', 'A', "SET LOCAL force_parallel_mode = on;\nSET LOCAL parallel_tuple_cost = 0;\nSET LOCAL parallel_setup_cost = 0;\nSET LOCAL min_parallel_table_scan_size = 0;\nSELECT sum(v) FROM {s}.person;" ],
	[ 'COPY of a query', 'P', 'COPY (SELECT id, c FROM {s}.person WHERE n < 9 ORDER BY id) TO STDOUT;' . "\n" ],
	[ 'COPY of a table', 'P', "COPY {s}.card TO STDOUT;\n", only => 'classified masked' ],
	[ 'COPY of a table with a sign for NULL', 'P', "COPY {s}.card TO STDOUT (NULL '');\n" ],
	[ 'COPY of other columns', '', "COPY {s}.person (id, n, other) TO STDOUT;\n" ],
	[ 'EXPLAIN', 'P', "EXPLAIN (COSTS off) SELECT c FROM {s}.person \\g /dev/null", same => 1 ],
	[ 'EXPLAIN ANALYZE', 'F', "EXPLAIN (ANALYZE, VERBOSE) SELECT n FROM {s}.person WHERE c = 'alpha' \\g /dev/null", same => 1 ],
	[ 'EXPLAIN of an aggregate', 'A', "EXPLAIN SELECT sum(v) FROM {s}.person \\g /dev/null", same => 1 ],

	# copies
	[ 'temporary copy', 'P', "CREATE TEMP TABLE m_copy AS SELECT id, c FROM {s}.person WHERE n < 9;\nSELECT id, c FROM m_copy ORDER BY id;" ],
	[ 'temporary copy, not read', 'P', "CREATE TEMP TABLE m_copy AS SELECT id, c FROM {s}.person WHERE n < 9;\nSELECT id FROM m_copy ORDER BY id;", same => 1 ],
	[ 'temporary copy, filtered by', 'P', "CREATE TEMP TABLE m_copy AS SELECT id, c FROM {s}.person WHERE n < 9;\nSELECT id FROM m_copy WHERE c = 'alpha' ORDER BY id;", kinds => { encrypted => 'PF' } ],
	[ 'CREATE TABLE AS', '0', "CREATE TABLE {s}.m_copy AS SELECT c FROM {s}.person;\nSELECT 'done';" ],
	[ 'SELECT INTO', '0', "SELECT c INTO {s}.m_copy FROM {s}.person;\nSELECT 'done';" ],
	[ 'materialized view', '0', "CREATE MATERIALIZED VIEW {s}.m_copy AS SELECT c FROM {s}.person;\nSELECT 'done';" ],
	[ 'INSERT into an unprotected table', '0', 'INSERT INTO {s}.unprotected SELECT c FROM {s}.person' ],
	[ 'copied to as high', 'PW', 'INSERT INTO {s}.kept (id, person_id, same) SELECT 1000 + n, id, c FROM {s}.person WHERE n < 9', kinds => { classified => 'PM', encrypted => 'PM' } ],
	[ 'copied to higher', 'P', 'INSERT INTO {s}.kept (id, person_id, high) SELECT 1000 + n, id, c FROM {s}.person WHERE n < 9' ],
	[ 'copied to lower', 'PX', 'INSERT INTO {s}.kept (id, person_id, low) SELECT 1000 + n, id, c FROM {s}.person WHERE n < 9' ],
	[ 'copied to unclassified', 'PX', 'INSERT INTO {s}.kept (id, person_id, free) SELECT 1000 + n, id, upper(c) FROM {s}.person WHERE n < 9' ],
	[ 'copied through a CTE', 'PX', 'WITH q AS (SELECT n, id, c FROM {s}.person WHERE n < 9) INSERT INTO {s}.kept (id, person_id, free) SELECT 1000 + n, id, c FROM q' ],
	[ 'copied as JSON', 'PX', 'INSERT INTO {s}.kept (id, person_id, free) SELECT 1000 + n, id, row_to_json(p) FROM {s}.person p WHERE n < 9' ],
	[ 'copied by a subquery', 'PX', 'UPDATE {s}.kept k SET free = (SELECT c FROM {s}.person p WHERE p.id = k.person_id) WHERE k.id < 9' ],
	[ 'copied beside', 'PX', 'UPDATE {s}.person SET other = c WHERE n < 9' ],
	[ 'copied through RETURNING', 'PX', q(WITH u AS (UPDATE {s}.person SET other = 'x' WHERE n < 9 RETURNING n, id, c) INSERT INTO {s}.kept (id, person_id, free) SELECT 1000 + n, id, c FROM u) ],
	[ 'a sum copied', 'A', 'INSERT INTO {s}.kept (id, person_id, high) SELECT 1000, 1, sum(v)::text FROM {s}.person' ],

	# written
	[ 'UPDATE', 'W', q(UPDATE {s}.person SET c = 'new', v = 1 WHERE n < 9) ],
	[ 'UPDATE to itself', '', q(UPDATE {s}.person SET c = c, other = 'x' WHERE n < 9 RETURNING id) ],
	[ 'UPDATE of others', '', q(UPDATE {s}.person SET other = 'x' WHERE n < 9 RETURNING id) ],
	[ 'UPDATE RETURNING', 'P', q(UPDATE {s}.person SET other = 'x' WHERE n < 9 RETURNING id, c) ],
	[ 'UPDATE WHERE', 'F', q(UPDATE {s}.person SET other = 'x' WHERE c = 'alpha' RETURNING id) ],
	[ 'UPDATE of a number', 'PW', 'UPDATE {s}.person SET v = v + 1 WHERE n < 9', kinds => { classified => 'PM', encrypted => 'PM' } ],
	[ 'UPDATE by its own value', 'PW', 'UPDATE {s}.person SET c = upper(c) WHERE n < 9', kinds => { classified => 'PM', encrypted => 'PM' } ],
	[ 'UPDATE to the mask', 'M', 'UPDATE {s}.person SET c = {mask} WHERE id IN (4, 8) RETURNING id' ],
	[ 'UPDATE to the value', 'V', q(UPDATE {s}.person SET c = 'alpha' WHERE id IN (4, 8) RETURNING id), kinds => { encrypted => 'W' }, same => 1 ],
	[ 'UPDATE to NULL', 'W', 'UPDATE {s}.person SET c = NULL WHERE id IN (4, 8) RETURNING id', kinds => { classified => 'M', encrypted => 'M' } ],
	[ 'UPDATE to the default', 'W', 'UPDATE {s}.person SET c = DEFAULT WHERE id IN (4, 8) RETURNING id', kinds => { classified => 'M', encrypted => 'M' } ],
	[ 'UPDATE to what is NULL anyway', 'B', 'UPDATE {s}.person SET c = NULL WHERE id IN (50, 51) RETURNING id', same => 1 ],
	[ 'UPDATE that gives back', 'PB', 'UPDATE {s}.person p SET c = s.c, other = p.other || 1 FROM (SELECT id, c FROM {s}.person) s WHERE s.id = p.id AND p.n < 9', same => 1 ],
	[ 'UPDATE of several', 'W', q(UPDATE {s}.person SET (c, other) = (SELECT 'new', 'x') WHERE n < 9) ],
	[ 'UPDATE from another table', 'PW', 'UPDATE {s}.purchase o SET c = p.c FROM {s}.person p WHERE p.id = o.person_id AND p.n = 5', kinds => { classified => 'PM', encrypted => 'PM' } ],
	[ 'UPDATE from an unclassified column', 'W', 'UPDATE {s}.person SET c = other WHERE n < 9' ],
	[ 'UPDATE FROM, joined by it', 'F', q(WITH u AS (UPDATE {s}.person p SET other = 'x' FROM {s}.purchase o WHERE o.c = p.c AND o.n = 4 RETURNING p.id) SELECT id FROM u ORDER BY id), same => 'mask' ],
	[ 'UPDATE of a view', 'W', q(UPDATE {s}.person_view SET c = 'new' WHERE n < 9 RETURNING id) ],
	[ 'UPDATE of a view by superuser', 'PW', q(UPDATE {s}.person_view_super SET c = 'new' WHERE n < 9 RETURNING id, c) ],
	[ 'UPDATE moves partitions', '', q(UPDATE {s}.visit SET at = at + 365 WHERE at < '2025-01-01' RETURNING n) ],
	[ 'UPDATE moves partitions, RETURNING', 'P', q(UPDATE {s}.visit SET at = at + 365 WHERE at < '2025-01-01' AND n < 9 RETURNING n, c) ],
	[ 'UPDATE of inheritance', 'W', q(UPDATE {s}.base SET c = 'new' WHERE n < 9), only => 'classified masked' ],
	[ 'UPDATE of a child', 'P', 'UPDATE {s}.kid SET n = n + 100 WHERE n < 9 RETURNING n, c', only => 'classified masked' ],
	[ 'UPDATE through a rule', '', q(UPDATE {s}.person_rule SET other = 'x' WHERE id < 9) ],
	[ 'UPDATE through a rule that copies', 'PX', q(UPDATE {s}.person_rule_copies SET other = 'x' WHERE id < 9) ],
	[ 'WHERE CURRENT OF', 'P', "DECLARE q CURSOR FOR SELECT id, c FROM {s}.person WHERE n = 4 FOR UPDATE;\nFETCH q;\nUPDATE {s}.person SET other = 'x' WHERE CURRENT OF q;" ],
	[ 'DELETE', '', 'DELETE FROM {s}.purchase WHERE amount > 3 RETURNING id' ],
	[ 'DELETE WHERE', 'F', q(DELETE FROM {s}.purchase WHERE c = 'alpha' RETURNING id) ],
	[ 'DELETE RETURNING', 'P', 'DELETE FROM {s}.purchase WHERE amount > 3 RETURNING id, c' ],
	[ 'DELETE USING', 'F', 'WITH d AS (DELETE FROM {s}.purchase o USING {s}.person p WHERE p.c = o.c AND p.n = 4 RETURNING o.id) SELECT id FROM d ORDER BY id' ],
	[ 'WITH that deletes', '', 'WITH d AS (DELETE FROM {s}.purchase WHERE amount = 2 RETURNING id, c) SELECT count(id) FROM d' ],
	[ 'WITH that deletes, shown', 'P', 'WITH d AS (DELETE FROM {s}.purchase WHERE amount = 2 RETURNING id, c) SELECT c FROM d ORDER BY id' ],
	[ 'WITH that deletes, filtered by', 'F', q(WITH d AS (DELETE FROM {s}.purchase WHERE amount = 2 RETURNING id, c) SELECT id FROM d WHERE c = 'alpha' ORDER BY id) ],
	[ 'INSERT', 'W', q(INSERT INTO {s}.person (id, n, c) VALUES (100, 100, 'new') RETURNING id) ],
	[ 'INSERT of several', 'W', q(INSERT INTO {s}.person (id, n, c) VALUES (100, 100, NULL), (101, 101, 'new') RETURNING id) ],
	[ 'INSERT RETURNING', 'PW', q(INSERT INTO {s}.person (id, n, c) VALUES (100, 100, 'new') RETURNING c) ],
	[ 'INSERT of others', '', 'INSERT INTO {s}.person (id, n) VALUES (100, 100) RETURNING id' ],
	[ 'INSERT of NULL', '', 'INSERT INTO {s}.person (id, n, c, v) VALUES (100, 100, NULL, DEFAULT) RETURNING id' ],
	[ 'INSERT into a view', 'W', q(INSERT INTO {s}.person_view (id, n, c) VALUES (100, 100, 'new') RETURNING id) ],
	[ 'INSERT into a partitioned table', 'W', q(INSERT INTO {s}.visit (person_id, n, at, c) VALUES (4, 4, '2025-03-03', 'new')) ],
	[ 'INSERT into a partition', 'W', q(INSERT INTO {s}.visit_new (person_id, n, at, v) VALUES (4, 4, '2025-03-03', 7)) ],
	[ 'INSERT into a child table', '', 'INSERT INTO {s}.purchase (id, person_id, n, amount) VALUES (5000, 4, 4, 1) RETURNING id' ],
	[ 'INSERT of what is generated from it', 'W', q(INSERT INTO {s}.made (id, person_id, c) VALUES (1000, 4, 'new') RETURNING id), only => 'classified masked' ],
	[ 'INSERT ON CONFLICT DO NOTHING', '', 'INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT DO NOTHING' ],
	[ 'ON CONFLICT of the key', '', q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = 'x' RETURNING id) ],
	[ 'ON CONFLICT, written', 'W', q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET c = 'new' RETURNING id) ],
	[ 'ON CONFLICT, given back', 'B', q(INSERT INTO {s}.person (id, n) VALUES (51, 4) ON CONFLICT (id) DO UPDATE SET c = excluded.c RETURNING id), same => 1 ],
	[ 'ON CONFLICT WHERE', 'F', q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = 'x' WHERE person.c = 'alpha' RETURNING id) ],
	[ 'ON CONFLICT RETURNING', 'P', q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = 'x' RETURNING c) ],
	[ 'ON CONFLICT that copies', 'PX', q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = person.c RETURNING id) ],
	[ 'ON CONFLICT by it', 'KW', q(INSERT INTO {s}.card (id, person_id, c) VALUES (1000, 4, 'card4') ON CONFLICT (c) DO UPDATE SET other = 'x' RETURNING id) ],
	[ 'ON CONFLICT by it, of NULL', 'K', q(INSERT INTO {s}.card (id, person_id, c) VALUES (1000, 4, NULL) ON CONFLICT (c) DO NOTHING RETURNING id) ],
	[ 'ON CONFLICT ON CONSTRAINT', 'K', q(INSERT INTO {s}.card (id, person_id) VALUES (1000, 4) ON CONFLICT ON CONSTRAINT card_v_key DO UPDATE SET other = 'x' RETURNING id), only => 'classified masked' ],
	[ 'MERGE', 'F', q(MERGE INTO {s}.purchase o USING {s}.person p ON p.id = o.person_id AND p.c = o.c WHEN MATCHED THEN UPDATE SET amount = 33) ],
	[ 'MERGE by a condition', 'F', q(MERGE INTO {s}.person p USING generate_series(1, 8) g ON g = p.id WHEN MATCHED AND p.c = 'alpha' THEN UPDATE SET other = 'x' WHEN MATCHED AND p.c > 'b' THEN UPDATE SET other = 'y') ],
	[ 'MERGE that writes', 'W', q(MERGE INTO {s}.purchase o USING {s}.person p ON p.id = o.person_id AND o.amount = 3 WHEN MATCHED THEN UPDATE SET c = 'new') ],
	[ 'MERGE that copies', 'PX', 'MERGE INTO {s}.kept k USING {s}.person p ON p.id = k.person_id WHEN MATCHED THEN UPDATE SET free = p.c' ],
	[ 'MERGE that inserts', 'W', q(MERGE INTO {s}.person p USING generate_series(59, 62) g ON g = p.id WHEN NOT MATCHED THEN INSERT (id, n, c) VALUES (g, g, 'new')) ],
	[ 'MERGE that inserts others', '', q(MERGE INTO {s}.person p USING generate_series(59, 62) g ON g = p.id WHEN NOT MATCHED THEN INSERT (id, n) VALUES (g, g)) ],
	[ 'COPY FROM', 'W', "COPY {s}.person (id, n, c) FROM '$copied.with'\n" ],
	[ 'COPY FROM of NULL', 'W', "COPY {s}.person (id, n, c) FROM '$copied.null'\n", kinds => { encrypted => '' } ],
	[ 'COPY FROM of others', '', "COPY {s}.person (id, n) FROM '$copied.without'\n" ],
	[ 'trigger body', 'P', 'INSERT INTO {s}.log VALUES (1) RETURNING seen' ],
	[ 'TRUNCATE', '0', "TRUNCATE {s}.purchase;\n" ],
	[ 'ALTER TYPE', '0', "ALTER TABLE {s}.person ALTER c TYPE varchar USING {s}.spy(c);\n" ],
	[ 'expression index', '0', "CREATE INDEX ON {s}.person ({s}.spy(c));\n" ],
	[ 'materialized through a function', '0', "CREATE TABLE {s}.m_copy AS SELECT x FROM {s}.in_plpgsql() x;\n" ],
);

sub tables
{
	my ($s, $holds, $unique) = @_;
	my $name = sub { "(CASE WHEN n <= 48 THEN (ARRAY['alpha', 'amber', 'beta', 'birch'])[1 + ($_[0]) % 4] END)" };
	my $number = sub { "(CASE WHEN n <= 48 THEN ($_[0]) % 8 * 7.5 END)" };
	# what a mask makes of a value; NULL of NULL
	my $c = sub { my $text = $mask{$holds}{c}; $text =~ s/value/$_[0]/; return $holds eq 'plain' ? $_[0] : $text };
	my $v = sub { my $text = $mask{$holds}{v}; $text =~ s/value/$_[0]/; return $holds eq 'plain' ? $_[0] : $text };
	my ($of_n, $number_of_n) = ($c->($name->('n')), $v->($number->('n')));
	my ($of_both, $number_of_both) = ($c->($name->('n + i')), $v->($number->('n + i')));
	my $of_card = $c->(q(('card' || n)));
	my $number_of_card = $v->('n::numeric');
	my $generated = $s =~ /^m_(?:classified|masked)$/ ? 'GENERATED ALWAYS AS (upper(c)) STORED' : '';
	my $g = $holds eq 'plain' ? "upper($of_n)" : 'NULL';
	my $made = $generated ? '(id, person_id, c, v)' : '';
	my $g_too = $generated ? '' : ", $g";

	return <<"SQL";
CREATE SCHEMA $s;
GRANT ALL ON SCHEMA $s TO PUBLIC;
SET ROLE m_owner;
CREATE TABLE $s.person (id bigint PRIMARY KEY, n int, c text, v numeric, other text, boss bigint, part int);
CREATE TABLE $s.purchase (id int PRIMARY KEY, person_id bigint REFERENCES $s.person, n int, c text, v numeric, amount int);
CREATE TABLE $s.visit (person_id bigint, n int, at date, c text, v numeric) PARTITION BY RANGE (at);
CREATE TABLE $s.visit_old PARTITION OF $s.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE $s.visit_new PARTITION OF $s.visit FOR VALUES FROM ('2025-01-01') TO ('2027-01-01');
CREATE TABLE $s.base (person_id bigint, n int, c text, v numeric);
CREATE TABLE $s.kid () INHERITS ($s.base);
CREATE TABLE $s.card (id int PRIMARY KEY, person_id bigint, c text, v numeric, other text);
CREATE TABLE $s.kept (id int PRIMARY KEY, person_id bigint, same text, high text, low text, free text);
CREATE TABLE $s.made (id int PRIMARY KEY, person_id bigint, c text, v numeric, g text $generated);
CREATE TABLE $s.log (k int, seen text);
CREATE TABLE $s.unprotected (x text);
INSERT INTO $s.person SELECT n, n, $of_n, $number_of_n, 'o' || n, n / 2, n % 2 FROM generate_series(1, 60) n;
INSERT INTO $s.purchase SELECT n * 10 + i, n, n, $of_both, $number_of_both, (n + i) % 6 FROM generate_series(1, 60) n, generate_series(0, 1) i;
INSERT INTO $s.visit SELECT n, n, '2024-07-01'::date + n + i * 300, $of_both, $number_of_both FROM generate_series(1, 60) n, generate_series(0, 1) i;
INSERT INTO $s.base SELECT n, n, $of_n, $number_of_n FROM generate_series(1, 60) n WHERE n % 5 = 0;
INSERT INTO $s.kid SELECT n, n, $of_n, $number_of_n FROM generate_series(1, 60) n WHERE n % 5 <> 0;
INSERT INTO $s.card SELECT n, n, $of_card, $number_of_card, 'o' FROM generate_series(1, 60) n;
INSERT INTO $s.kept SELECT n, n, NULL, 'x', 'x', 'x' FROM generate_series(1, 20) n;
INSERT INTO $s.made $made SELECT n, n, $of_n, $number_of_n $g_too FROM generate_series(1, 20) n;
RESET ROLE;
SQL
}

sub views
{
	my ($s) = @_;
	# whoever may not write leaves what was there; tables of masks know what that was
	my $stored = sub { my ($table, $column, $key) = @_; return $s =~ /^m_(?:null|mask)$/ ? "COALESCE((SELECT o.$column FROM m_plain.$table o WHERE o.$key), t.$column)" : "t.$column" };
	my $rows = sub {
		my ($table, $key, $others) = @_;
		my ($c, $v) = ($stored->($table, 'c', $key), $stored->($table, 'v', $key));
		return "SELECT concat_ws('|', '$table', ($c)::text, '/', ($v)::numeric, '/', $others) FROM ONLY $s.$table t";
	};
	my $content = join(' UNION ALL ',
		$rows->('person', 'id = t.id', 't.id, t.n, t.other, t.boss'), $rows->('purchase', 'id = t.id', 't.id, t.person_id, t.amount'),
		$rows->('base', 'person_id = t.person_id', 't.person_id, t.n'), $rows->('kid', 'person_id = t.person_id', 't.person_id, t.n'),
		$rows->('card', 'id = t.id', 't.id, t.other'), $rows->('made', 'id = t.id', 't.id'));
	my $visits = join(' UNION ALL ',
		map { my $c = $s =~ /^m_(?:null|mask)$/ ? "COALESCE((SELECT o.c FROM m_plain.visit o WHERE o.person_id = t.person_id AND o.at IN (t.at, t.at - 365) ORDER BY o.at DESC LIMIT 1), t.c)" : 't.c';
			"SELECT concat_ws('|', '$_', ($c)::text, t.person_id, t.at) FROM $s.$_ t" } qw(visit_old visit_new));

	return <<"SQL";
SET ROLE m_owner;
SET privseg.purpose = 'm';
CREATE VIEW $s.person_view AS SELECT * FROM $s.person;
CREATE VIEW $s.person_view_nested AS SELECT id, n, c, v FROM $s.person_view WHERE n > 3;
CREATE VIEW $s.person_view_invoker WITH (security_invoker) AS SELECT * FROM $s.person;
CREATE VIEW $s.person_view_barrier WITH (security_barrier) AS SELECT * FROM $s.person WHERE n > 3;
CREATE VIEW $s.person_view_expression AS SELECT id, upper(c) AS upper_c FROM $s.person;
CREATE VIEW $s.person_view_filter AS SELECT id FROM $s.person WHERE c = 'alpha';
CREATE VIEW $s.person_view_groups AS SELECT c, count(*) AS k, min(n) AS first FROM $s.person GROUP BY c;
CREATE VIEW $s.person_rule AS SELECT id, other FROM $s.person;
CREATE RULE r AS ON UPDATE TO $s.person_rule DO INSTEAD UPDATE $s.person SET other = NEW.other WHERE id = OLD.id;
CREATE VIEW $s.person_rule_copies AS SELECT id, other, c FROM $s.person;
CREATE RULE r AS ON UPDATE TO $s.person_rule_copies DO INSTEAD UPDATE $s.person SET other = OLD.c WHERE id = OLD.id;
CREATE FUNCTION $s.spy(text) RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN \$1; END';
CREATE FUNCTION $s.c_of($s.person) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN \$1.c; END';
CREATE FUNCTION $s.upper_c($s.person) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper(\$1.c)';
CREATE FUNCTION $s.inlined() RETURNS SETOF $s.person LANGUAGE sql STABLE AS 'SELECT * FROM $s.person';
CREATE FUNCTION $s.not_inlined() RETURNS SETOF text LANGUAGE sql VOLATILE AS 'SELECT c FROM $s.person ORDER BY id LIMIT 9';
CREATE FUNCTION $s.name_of(bigint) RETURNS text LANGUAGE sql STABLE AS 'SELECT c FROM $s.person WHERE id = \$1';
CREATE FUNCTION $s.in_plpgsql() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT c FROM $s.person ORDER BY id LIMIT 9; END';
CREATE FUNCTION $s.by_loop() RETURNS text LANGUAGE plpgsql AS 'DECLARE r record; t text := ''''; BEGIN FOR r IN SELECT c, id FROM $s.person ORDER BY id LIMIT 9 LOOP t := t || COALESCE(r.c, ''-''); END LOOP; RETURN t; END';
CREATE FUNCTION $s.how_many(text) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM $s.person WHERE c = \$1); END';
CREATE FUNCTION $s.definer() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY SELECT c FROM $s.person WHERE c > ''alpha'' ORDER BY id LIMIT 9; END';
CREATE AGGREGATE $s.total(numeric) (sfunc = numeric_add, stype = numeric, initcond = '0');
CREATE FUNCTION $s.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.seen := (SELECT string_agg(c, '','' ORDER BY id) FROM $s.person); RETURN NEW; END';
CREATE TRIGGER see BEFORE INSERT ON $s.log FOR EACH ROW EXECUTE FUNCTION $s.see();
CREATE FUNCTION $s.digest() RETURNS text LANGUAGE sql AS \$f\$ SELECT md5(string_agg(r, ',' ORDER BY r COLLATE "C")) FROM (
	$content UNION ALL $visits UNION ALL SELECT concat_ws('|', 'kept', t.id, COALESCE(t.same::text, '-'), t.high, t.low, t.free) FROM $s.kept t) s (r) \$f\$;
GRANT ALL ON ALL TABLES IN SCHEMA $s TO PUBLIC;
RESET ROLE;
RESET privseg.purpose;
CREATE VIEW $s.person_view_super AS SELECT * FROM $s.person;
ALTER VIEW $s.person_view_super OWNER TO m_superuser;
CREATE FUNCTION $s.definer_uncleared() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY SELECT c FROM $s.person ORDER BY id LIMIT 9; END';
ALTER FUNCTION $s.definer_uncleared() OWNER TO m_none;
GRANT ALL ON ALL TABLES IN SCHEMA $s TO PUBLIC;
ANALYZE $s.person, $s.purchase, $s.visit, $s.base, $s.kid;
SQL
}

# Where clearances are mixed, the mask stands for the column in the places that are not cleared;
# in a place that serves two uses, for both.  What that comes to is written here, on plain tables:
# {c:...} and {v:...} are masks of a column.
my @mixed_shapes = (
	[ 'shown and filtered by', q(SELECT id, c FROM {s}.person WHERE c LIKE 'a%' AND v > 10 ORDER BY id),
		filter_mask => q(SELECT id, {c:c} FROM {s}.person WHERE c LIKE 'a%' AND v > 10 ORDER BY id),
		project_mask => q(SELECT id, c FROM {s}.person WHERE {c:c} LIKE 'a%' AND {v:v} > 10 ORDER BY id) ],
	[ 'shown and sorted by', 'SELECT c, n FROM {s}.person ORDER BY 1 DESC NULLS LAST, 2',
		filter_mask => 'SELECT {c:c}, n FROM {s}.person ORDER BY c DESC NULLS LAST, 2',
		project_mask => 'SELECT c, n FROM {s}.person ORDER BY {c:c} DESC NULLS LAST, 2' ],
	[ 'DISTINCT', 'SELECT DISTINCT c FROM {s}.person ORDER BY c', both => 'SELECT DISTINCT {c:c} AS c FROM {s}.person ORDER BY c' ],
	[ 'DISTINCT of an expression', 'SELECT DISTINCT upper(c) AS c FROM {s}.person ORDER BY c', both => 'SELECT DISTINCT upper({c:c}) AS c FROM {s}.person ORDER BY c' ],
	[ 'DISTINCT ON', 'SELECT DISTINCT ON (c) c, n FROM {s}.person ORDER BY c, n DESC', both => 'SELECT DISTINCT ON ({c:c}) {c:c}, n FROM {s}.person ORDER BY {c:c}, n DESC' ],
	[ 'UNION', 'SELECT c FROM {s}.person UNION SELECT c FROM {s}.purchase ORDER BY 1', both => 'SELECT {c:c} FROM {s}.person UNION SELECT {c:c} FROM {s}.purchase ORDER BY 1' ],
	[ 'INTERSECT', 'SELECT v FROM {s}.person INTERSECT SELECT v FROM {s}.purchase WHERE n < 5 ORDER BY 1', both => 'SELECT {v:v} FROM {s}.person INTERSECT SELECT {v:v} FROM {s}.purchase WHERE n < 5 ORDER BY 1' ],
	[ 'EXCEPT ALL', 'SELECT c FROM {s}.person EXCEPT ALL SELECT c FROM {s}.purchase WHERE n < 5 ORDER BY 1', both => 'SELECT {c:c} FROM {s}.person EXCEPT ALL SELECT {c:c} FROM {s}.purchase WHERE n < 5 ORDER BY 1' ],
	[ 'UNION ALL, filtered by', q(SELECT x FROM (SELECT id, c AS x FROM {s}.person UNION ALL SELECT id, c FROM {s}.purchase) s WHERE x < 'b' ORDER BY id), both => q(SELECT x FROM (SELECT id, {c:c} AS x FROM {s}.person UNION ALL SELECT id, {c:c} FROM {s}.purchase) s WHERE x < 'b' ORDER BY id) ],
	[ 'GROUP BY', 'SELECT c, count(*), min(n) FROM {s}.person GROUP BY c ORDER BY 3',
		filter_mask => 'SELECT {c:c}, count(*), min(n) FROM {s}.person GROUP BY c ORDER BY 3',
		project_mask => 'SELECT {c:c}, count(*), min(n) FROM {s}.person GROUP BY 1 ORDER BY 3' ],
	[ 'GROUP BY an expression', 'SELECT upper(c), min(n) FROM {s}.person GROUP BY upper(c) ORDER BY 2', both => 'SELECT upper({c:c}), min(n) FROM {s}.person GROUP BY 1 ORDER BY 2' ],
	[ 'GROUP BY with HAVING', q(SELECT c, count(*) FROM {s}.person GROUP BY c HAVING c < 'b' ORDER BY min(n)),
		filter_mask => q(SELECT {c:c}, count(*) FROM {s}.person GROUP BY c HAVING c < 'b' ORDER BY min(n)),
		project_mask => q(SELECT {c:c}, count(*) FROM {s}.person GROUP BY 1 HAVING {c:c} < 'b' ORDER BY min(n)) ],
	[ 'GROUP BY an expression with HAVING', q(SELECT upper(c), count(*) FROM {s}.person GROUP BY upper(c) HAVING upper(c) < 'B' ORDER BY min(n)), both => q(SELECT upper({c:c}), count(*) FROM {s}.person GROUP BY 1 HAVING upper({c:c}) < 'B' ORDER BY min(n)) ],
	[ 'DISTINCT of groups', q(SELECT DISTINCT c, count(*) FROM {s}.person GROUP BY c HAVING c < 'b' ORDER BY 1), both => q(SELECT DISTINCT {c:c}, count(*) FROM {s}.person GROUP BY 1 HAVING {c:c} < 'b' ORDER BY 1) ],
	[ 'view that groups', 'SELECT c, k FROM {s}.person_view_groups ORDER BY first',
		filter_mask => 'SELECT {c:c}, count(*) FROM {s}.person GROUP BY c ORDER BY min(n)',
		project_mask => 'SELECT {c:c}, count(*) FROM {s}.person GROUP BY 1 ORDER BY min(n)' ],
	[ 'join USING', 'SELECT c, p.n, o.id FROM {s}.person p JOIN {s}.purchase o USING (n, c) ORDER BY 2, 3',
		filter_mask => 'SELECT {c:p.c}, p.n, o.id FROM {s}.person p JOIN {s}.purchase o ON o.n = p.n AND o.c = p.c ORDER BY 2, 3',
		project_mask => 'SELECT p.c, p.n, o.id FROM {s}.person p JOIN {s}.purchase o ON o.n = p.n AND {c:o.c} = {c:p.c} ORDER BY 2, 3' ],
	[ 'left join', 'SELECT p.n, o.c FROM {s}.person p LEFT JOIN {s}.purchase o ON o.c = p.c AND o.n = p.n WHERE p.n < 20 ORDER BY p.n, o.id',
		filter_mask => 'SELECT p.n, {c:o.c} FROM {s}.person p LEFT JOIN {s}.purchase o ON o.c = p.c AND o.n = p.n WHERE p.n < 20 ORDER BY p.n, o.id',
		project_mask => 'SELECT p.n, o.c FROM {s}.person p LEFT JOIN {s}.purchase o ON {c:o.c} = {c:p.c} AND o.n = p.n WHERE p.n < 20 ORDER BY p.n, o.id' ],
	[ 'IN', 'SELECT n, c FROM {s}.person WHERE c IN (SELECT o.c FROM {s}.purchase o WHERE o.n = 4) ORDER BY n',
		filter_mask => 'SELECT n, {c:c} FROM {s}.person WHERE c IN (SELECT o.c FROM {s}.purchase o WHERE o.n = 4) ORDER BY n',
		project_mask => 'SELECT n, c FROM {s}.person WHERE {c:c} IN (SELECT {c:o.c} FROM {s}.purchase o WHERE o.n = 4) ORDER BY n' ],
	[ 'subqueries', q(SELECT s.c FROM (SELECT id, c FROM {s}.person WHERE c > 'a***') s WHERE s.c < 'bf' ORDER BY s.id),
		filter_mask => q(SELECT {c:c} FROM {s}.person WHERE c > 'a***' AND c < 'bf' ORDER BY id),
		project_mask => q(SELECT c FROM {s}.person WHERE {c:c} > 'a***' AND {c:c} < 'bf' ORDER BY id) ],
	[ 'CTE, twice', 'WITH q AS (SELECT id, c FROM {s}.person) SELECT a.id, a.c FROM q a JOIN q b ON b.c = a.c AND b.id = a.id + 4 ORDER BY 1',
		filter_mask => 'SELECT a.id, {c:a.c} FROM {s}.person a JOIN {s}.person b ON b.c = a.c AND b.id = a.id + 4 ORDER BY 1',
		project_mask => 'SELECT a.id, a.c FROM {s}.person a JOIN {s}.person b ON {c:b.c} = {c:a.c} AND b.id = a.id + 4 ORDER BY 1' ],
	[ 'window', 'SELECT n, max(v) OVER w, rank() OVER w FROM {s}.person WINDOW w AS (PARTITION BY c ORDER BY v) ORDER BY n',
		filter_mask => 'SELECT n, max({v:v}) OVER w, rank() OVER w FROM {s}.person WINDOW w AS (PARTITION BY c ORDER BY v) ORDER BY n',
		project_mask => 'SELECT n, max(v) OVER w, rank() OVER w FROM {s}.person WINDOW w AS (PARTITION BY {c:c} ORDER BY {v:v}) ORDER BY n' ],
	[ 'whole row', q(SELECT p FROM {s}.person p WHERE c < 'b' ORDER BY id),
		filter_mask => q(SELECT ROW(id, n, {c:c}, {v:v}, other, boss, part) FROM {s}.person p WHERE c < 'b' ORDER BY id),
		project_mask => q(SELECT p FROM {s}.person p WHERE {c:c} < 'b' ORDER BY id) ],
	[ 'an aggregate sorted by it', q(SELECT string_agg(c, ',' ORDER BY c DESC, n) FROM {s}.person), both => q(SELECT string_agg({c:c}, ',' ORDER BY {c:c} DESC, n) FROM {s}.person) ],
	[ 'sum with FILTER', q(SELECT sum(v) FILTER (WHERE c LIKE 'a%') FROM {s}.person),
		filter_mask => q(SELECT sum({v:v}) FILTER (WHERE c LIKE 'a%') FROM {s}.person),
		project_mask => q(SELECT sum(v) FILTER (WHERE {c:c} LIKE 'a%') FROM {s}.person),
		aggregate_mask => q(SELECT sum(v) FILTER (WHERE {c:c} LIKE 'a%') FROM {s}.person) ],
	[ 'sum where', q(SELECT sum(v) FROM {s}.person WHERE c LIKE 'a%' OR n > 30),
		filter_mask => q(SELECT sum({v:v}) FROM {s}.person WHERE c LIKE 'a%' OR n > 30),
		project_mask => q(SELECT sum(v) FROM {s}.person WHERE {c:c} LIKE 'a%' OR n > 30),
		aggregate_mask => q(SELECT sum(v) FROM {s}.person WHERE {c:c} LIKE 'a%' OR n > 30) ],
	[ 'sum by groups of it', 'SELECT c, sum(v) FROM {s}.person GROUP BY c ORDER BY min(n)',
		filter_mask => 'SELECT {c:c}, sum({v:v}) FROM {s}.person GROUP BY c ORDER BY min(n)',
		project_mask => 'SELECT {c:c}, sum(v) FROM {s}.person GROUP BY 1 ORDER BY min(n)',
		aggregate_mask => 'SELECT {c:c}, sum(v) FROM {s}.person GROUP BY 1 ORDER BY min(n)' ],
	[ 'UPDATE', q(UPDATE {s}.person SET other = 'x' WHERE c < 'b' AND n < 9 RETURNING id, c),
		filter_mask => q(UPDATE {s}.person SET other = 'x' WHERE c < 'b' AND n < 9 RETURNING id, {c:c}),
		project_mask => q(UPDATE {s}.person SET other = 'x' WHERE {c:c} < 'b' AND n < 9 RETURNING id, c) ],
	[ 'DELETE', q(DELETE FROM {s}.purchase WHERE c < 'b' AND n < 9 RETURNING id, v),
		filter_mask => q(DELETE FROM {s}.purchase WHERE c < 'b' AND n < 9 RETURNING id, {v:v}),
		project_mask => q(DELETE FROM {s}.purchase WHERE {c:c} < 'b' AND n < 9 RETURNING id, v) ],
	[ 'ON CONFLICT', q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = 'x' WHERE person.c < 'b' RETURNING id, c),
		filter_mask => q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = 'x' WHERE person.c < 'b' RETURNING id, {c:c}),
		project_mask => q(INSERT INTO {s}.person (id, n) VALUES (4, 4) ON CONFLICT (id) DO UPDATE SET other = 'x' WHERE {c:person.c} < 'b' RETURNING id, c) ],
);

my $node = PrivsegNode::init('column_matrix');
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nmax_wal_senders = 0\nwal_level = minimal\nautovacuum = off\nprivseg.differencing_window = 0\nlog_statement = none\nlog_min_error_statement = panic\nlog_min_messages = panic\n");
$node->start;

# what is in tables of plain values, and of masks
my $roles = join('', map { "CREATE ROLE m_$_->[0];\n" } @clearances, @mixed, [ 'any' ], [ 'owner' ], [ 'reader' ], [ 'granted' ]) . "CREATE ROLE m_superuser SUPERUSER;\n" . join('', map { "GRANT pg_read_server_files TO m_$_->[0];\n" } @clearances, @mixed, [ 'owner' ]);
my $unique = sub { "ALTER TABLE $_[0].card OWNER TO CURRENT_USER; ALTER TABLE $_[0].card ADD UNIQUE (c), ADD UNIQUE (v); ALTER TABLE $_[0].card OWNER TO m_owner;\n" };
$node->safe_psql('postgres', "SET client_min_messages = warning;\n$roles" . tables('m_plain', 'plain') . $unique->('m_plain') . views('m_plain') . tables('m_null', 'null') . views('m_null') . tables('m_mask', 'mask') . views('m_mask'));

# the same, protected
my $protected = '';
foreach my $kind (@kinds)
{
	my $s = "m_$kind";

	$protected .= tables($s, 'plain') . ($kind eq 'encrypted' ? '' : $unique->($s));
	$protected .= "SELECT privseg.protect('$s.person', 'id');\nSELECT privseg.protect(('$s.' || t)::regclass, 'person_id', '$s.person') FROM unnest('{purchase,visit,base,card,kept,made}'::text[]) t;\n";
	foreach my $table (qw(person purchase visit base card made))
	{
		foreach my $column (qw(c v))
		{
			my $class = $kind eq 'masked' ? ", \$m\$$mask{mask}{$column}\$m\$" : '';

			$protected .= $kind eq 'encrypted' && $table ne 'base' ? "SELECT privseg.encrypt_column('$s.$table', '$column', 'm_tested'" . ($table eq 'card' && $column eq 'c' ? ', true' : '') . ");\n"
			  : "SELECT privseg.classify('$s.$table', '$column', 'm_tested'$class);\n";
		}
	}
	$protected .= $kind eq 'encrypted' ? "SELECT privseg.encrypt_column('$s.kept', 'same', 'm_tested'); CREATE UNIQUE INDEX ON $s.card (c);\n" : "SELECT privseg.classify('$s.kept', 'same', 'm_tested');\n";
	$protected .= "SELECT privseg.classify('$s.kept', 'low', 'm_low'), privseg.classify('$s.kept', 'high', 'm_high');\n" . views($s);
}
my $grants = '';
foreach my $clearance (@clearances, @mixed)
{
	my ($name, $uses) = @$clearance;

	$grants .= "SELECT privseg.create_purpose('m_$name', 'contract');\n";
	foreach my $grantee ([ "m_$name", 'm', $uses ], [ 'm_any', "m_$name", $uses ], [ 'm_owner', "m_$name", 'project,filter,aggregate,write' ])
	{
		my ($role, $purpose, $cleared) = @$grantee;

		$grants .= "SELECT privseg.grant_clearance('$role', '$purpose');\n";
		$grants .= "SELECT privseg.grant_clearance('$role', '$purpose', 'm_tested', '{$cleared}');\n" if $cleared ne '';
		$grants .= "SELECT privseg.grant_clearance('$role', '$purpose', c, '{project,filter,aggregate,write}') FROM unnest('{m_low,m_high}'::text[]) c;\n";
	}
}
$node->safe_psql('postgres', <<"SQL");
SET client_min_messages = warning;
CREATE EXTENSION privseg;
SELECT privseg.create_data_category('m_tested', 'sensitive'), privseg.create_data_category('m_low', 'personal'), privseg.create_data_category('m_high', 'criminal_offence');
SELECT privseg.create_purpose('m', 'contract');
$grants
SELECT privseg.grant_clearance('m_granted', 'm'), privseg.grant_clearance('m_granted', 'm', 'm_low', '{project,filter,aggregate,write}'), privseg.grant_clearance('m_granted', 'm', 'm_high', '{project,filter,aggregate,write}');
SELECT privseg.grant_clearance(r::regrole, 'm'), privseg.grant_clearance(r::regrole, 'm', 'm_tested', '{project,filter,aggregate,write}') FROM unnest('{m_owner,m_reader}'::text[]) r;
SELECT privseg.grant_clearance(r::regrole, 'm', c, '{project,filter}') FROM unnest('{m_owner,m_reader}'::text[]) r, unnest('{m_low,m_high}'::text[]) c;
$protected
SQL

#
# Sessions, at once, that each run many: what they say to each, by the marks in it.  The error,
# if there is one, is all of the answer.
#
sub answers
{
	my @scripts = @_;
	my (@sessions, %answers);

	foreach my $script (@scripts)
	{
		my $file = PostgreSQL::Test::Utils::tempdir() . '/script';

		append_to_file($file, "\\set ON_ERROR_STOP 0\nSET client_min_messages = error;\nSET plan_cache_mode = force_generic_plan;\n$script");
		push @sessions, IPC::Run::start([ 'psql', '-X', '-A', '-q', '-t', '-v', 'VERBOSITY=sqlstate', '-P', 'null=-', '-d', $node->connstr('postgres'), '-f', $file ], '>', "$file.out", '2>', "$file.err");
		$sessions[-1]->{answers_are_in} = $file;
	}
	foreach my $session (@sessions)
	{
		my $file = $session->{answers_are_in};

		$session->finish;
		foreach my $from ('out', 'err')
		{
			foreach my $part (split /^-- mark /m, slurp_file("$file.$from"))
			{
				my ($mark, $answer) = $part =~ /^(.+)\n((?:.*\n?)*)/ or next;

				chomp $answer;
				$answers{$mark} = $answer if $from eq 'out';
				$answers{$mark} = "error $1" if $from eq 'err' && $answer =~ /ERROR:  (\w+)/;
			}
		}
	}
	return \%answers;
}

sub cell
{
	my ($mark, $role, $purpose, $shape, $schema, $holds, $prepared) = @_;
	my ($name, $uses, $statement) = @$shape;
	my $script = "\\echo -- mark $mark\n\\warn -- mark $mark\nBEGIN \\; SET LOCAL privseg.purpose = '$purpose' \\; SET LOCAL ROLE $role;\n";

	foreach my $line ($prepared ? 'EXECUTE q' : split(/\n/, for_schema($statement, $schema, $holds)))
	{
		$script .= $line . ($line =~ /;$|\\g/ ? '' : ';') . "\n";
	}
	$script =~ s/\{purpose\}/$purpose/g;
	$script =~ s/\{role\}/$role/g;
	$script .= "SET LOCAL privseg.purpose = 'm' \\; SET LOCAL ROLE m_reader \\; SELECT $schema.digest();\n" if $statement =~ /\b(?:INSERT|UPDATE|DELETE|MERGE)\b|\bFROM '/;
	return "${script}ROLLBACK;\n";
}

sub for_schema
{
	my ($statement, $schema, $holds) = @_;

	$statement =~ s/\{s\}/$schema/g;
	$statement =~ s/\{mask\}/$mask{$holds}{literal}/g;
	while ($statement =~ /\{([cv]):(.*?)\}/)
	{
		my ($begin, $end, $column, $value) = ($-[0], $+[0], $1, $2);
		my $shown = $mask{$holds}{$column} =~ s/value/$value/r;

		substr($statement, $begin, $end - $begin) = "($shown)::" . ($column eq 'c' ? 'text' : 'numeric');
	}
	return $statement;
}

# what a clearance makes of uses: 'plain', 'masked' or 'refused'; 'both': masks stand for some
sub expected
{
	my ($uses, $clearance) = @_;
	my %may = map { $_ => 1 } split(/,/, $clearance);
	my $shown = $may{project};
	my $sums = $may{project} || $may{aggregate};
	my $mask_only = $may{mask} && !$shown;
	my %rule = (
		P => $shown ? 'plain' : $may{mask} ? 'masked' : 'refused',
		F => $may{filter} ? 'plain' : $may{mask} ? 'masked' : 'refused',
		A => $sums ? 'plain' : $may{mask} ? 'masked' : 'refused',
		G => $shown ? 'plain' : $may{mask} && !$may{aggregate} ? 'masked' : 'refused',
		K => $may{filter} ? 'plain' : 'refused',
		W => $may{write} ? 'plain' : 'refused',
		M => $may{write} ? 'plain' : $mask_only ? 'masked' : 'refused',
		V => $may{write} || $shown ? 'plain' : 'refused',
		B => $may{write} || $shown ? 'plain' : $may{mask} ? 'masked' : 'refused',
		X => $mask_only ? 'masked' : 'refused',
		'0' => 'refused');
	my %found = map { $rule{$_} => 1 } split(//, $uses);

	return $found{refused} ? 'refused' : $found{plain} && $found{masked} ? 'both' : $found{masked} ? 'masked' : 'plain';
}

# the same statement on tables without the extension; what writes the mask writes either
my @scripts = ('', '');
for (my $i = 0; $i < @shapes; $i++)
{
	foreach my $holds ('null', 'mask')
	{
		$scripts[0] .= cell("$i plain $holds", 'm_owner', '', $shapes[$i], 'm_plain', $holds) if $holds eq 'null' || $shapes[$i][2] =~ /\{mask\}/;
		$scripts[1] .= cell("$i $holds", 'm_owner', '', $shapes[$i], "m_$holds", $holds);
	}
}
my $references = answers(@scripts);
my @wrong;
for (my $i = 0; $i < @shapes; $i++)
{
	my ($name, $uses, undef, %opts) = @{ $shapes[$i] };
	my $same = $opts{same} // '';

	$references->{"$i plain mask"} //= $references->{"$i plain null"};
	push @wrong, "$name: $references->{\"$i plain null\"}" if $uses ne '0' && $references->{"$i plain null"} =~ /^error/;
	foreach my $holds ('null', 'mask')
	{
		push @wrong, "$name: $holds is no other answer" if $uses =~ /[PFAG]/ && $uses !~ /[WK]/ && $same !~ /1|$holds/ && $references->{"$i $holds"} eq $references->{"$i plain $holds"};
	}
}
is(join("\n", @wrong), '', 'every reference is an answer, and tells the mask from the value');

# the shapes on each kind of column, directly and prepared: one plan for all purposes, and for
# clearance that is granted and revoked
my (%cells, %count, @differ, @wrong_mixed);
my $granted = '';
@scripts = ();
foreach my $kind (@kinds)
{
	my ($directly, $prepared) = ('', '');

	for (my $i = 0; $i < @shapes; $i++)
	{
		my ($name, $uses, $statement, %opts) = @{ $shapes[$i] };
		my $prepares = $statement !~ /\n|\\/;

		next if exists $opts{only} && $opts{only} !~ /\b$kind\b/;
		$uses = $opts{uses} if exists $opts{uses};
		$uses = $opts{kinds}{$kind} if exists $opts{kinds}{$kind};
		my $prepare = "\\warn -- mark $i $kind prepare\nPREPARE q AS " . for_schema($statement, "m_$kind", $twin{$kind}) . ";\n";
		$prepared .= $prepare if $prepares;
		$granted .= $prepare if $prepares && $i % 12 == 0;
		foreach my $clearance (@clearances, @mixed)
		{
			my ($cleared, $may) = @$clearance;
			my $expected = expected($uses, $may);
			my $few = exists $opts{aggregate} && $expected eq 'plain' && $may =~ /aggregate/ && $may !~ /project/;
			my $reference = $expected eq 'refused' ? 'error 42501' : $few ? $opts{aggregate} : $references->{ "$i " . ($expected eq 'masked' ? '' : 'plain ') . $twin{$kind} };

			next if $expected eq 'both' || (!$groups_are_counted && $uses =~ /[AG]/ && $may =~ /aggregate/ && $may !~ /project/);
			foreach my $way ('directly', $prepares ? 'prepared' : (), $prepares && $i % 12 == 0 ? 'granted' : ())
			{
				my $mark = "$i $kind $cleared $way";

				$cells{$mark} = [ $expected, $reference ];
				$directly .= cell($mark, "m_$cleared", 'm', $shapes[$i], "m_$kind", $twin{$kind}) if $way eq 'directly';
				$prepared .= cell($mark, 'm_any', "m_$cleared", $shapes[$i], "m_$kind", $twin{$kind}, 1) if $way eq 'prepared';
				$granted .= "\\echo -- mark grant\n" . ($may eq '' ? '' : "SELECT privseg.grant_clearance('m_granted', 'm', 'm_tested', '{$may}');\n") . cell($mark, 'm_granted', 'm', $shapes[$i], "m_$kind", $twin{$kind}, 1)
				  . "\\echo -- mark revoke\n" . ($may eq '' ? '' : "SELECT privseg.revoke_clearance('m_granted', 'm', 'm_tested');\n") if $way eq 'granted';
			}
		}
		$prepared .= "DEALLOCATE q;\n" if $prepares;
		$granted .= "DEALLOCATE q;\n" if $prepares && $i % 12 == 0;
	}
	push @scripts, $directly . $prepared;
}
my $answers = answers(@scripts);
%$answers = (%$answers, %{ answers($granted) });
foreach my $mark (sort { ($a =~ /^(\d+)/)[0] <=> ($b =~ /^(\d+)/)[0] || $a cmp $b } keys %cells)
{
	my ($i, $kind, $cleared, $way) = split / /, $mark;
	my ($expected, $reference) = @{ $cells{$mark} };
	my $answer = $answers->{$mark} // 'not tried';

	$count{$cleared}{$expected}++;
	next if $answer eq $reference || ($shapes[$i][1] eq '0' && $answer eq 'error 0A000');
	s/\n/ /g foreach $answer, $reference;
	push @differ, "$kind, $cleared, $way: $shapes[$i][0]: $expected: " . substr($answer, 0, 100) . ' instead of ' . substr($reference, 0, 100);
}
my $n_cells = keys %cells;

# clearances that are mixed
@scripts = ('');
my %mixed_cells;
for (my $i = 0; $i < @mixed_shapes; $i++)
{
	my ($name, $statement, %written) = @{ $mixed_shapes[$i] };

	foreach my $cleared (grep { exists $written{$_} || ($_ ne 'aggregate_mask' && exists $written{both}) } map { $_->[0] } @mixed)
	{
		my $reference = $written{$cleared} // $written{both};

		foreach my $kind (@kinds)
		{
			my $schema = "m_$kind";
			my $mark = "$i $kind $cleared";

			$scripts[0] .= cell("$mark reference", 'm_owner', '', [ '', '', $reference ], 'm_plain', $twin{$kind});
			$scripts[0] .= cell("$mark cell", "m_$cleared", 'm', [ '', '', $statement ], $schema, $twin{$kind});
			$mixed_cells{$mark} = 1;
		}
	}
}
$answers = answers(@scripts);
foreach my $mark (sort { ($a =~ /^(\d+)/)[0] <=> ($b =~ /^(\d+)/)[0] || $a cmp $b } keys %mixed_cells)
{
	my ($i, $kind, $cleared) = split / /, $mark;
	my ($answer, $reference) = map { $answers->{"$mark $_"} // 'not tried' } qw(cell reference);

	push @wrong_mixed, "$mixed_shapes[$i][0]: $reference" if $reference =~ /^error/;
	next if $answer eq $reference;
	s/\n/ /g foreach $answer, $reference;
	push @differ, "$kind, $cleared, mixed: $mixed_shapes[$i][0]: plain: " . substr($answer, 0, 120) . ' instead of ' . substr($reference, 0, 120);
}
is(join("\n", @wrong_mixed), '', 'every reference of mixed clearances is an answer');
is(join("\n", @differ), '', 'each cell is the reference, or refused where it should be');
cmp_ok(scalar(@shapes), '>=', 110, 'so many shapes');
foreach my $clearance (@clearances, @mixed)
{
	my $name = $clearance->[0];

	note(sprintf '%s: %s', $name, join(', ', map { "$count{$name}{$_} $_" } sort keys %{ $count{$name} }));
}
note(scalar(@shapes) . " shapes, $n_cells cells; " . scalar(@mixed_shapes) . " shapes under mixed clearances, " . scalar(keys %mixed_cells) . " cells");
$node->stop;
done_testing();
