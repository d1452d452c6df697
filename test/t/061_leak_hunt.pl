# Who may not be seen makes no difference: three databases hold the same visible rows,
# and beside them hidden ones that break every cast and every division, hidden ones that
# break nothing, and none at all.  Whatever a role asks, by however a cheap function,
# operator, cast or domain, wherever it stands in the statement, the answer, the error and
# the traces that functions leave behind are the same in all three.
#
# Statements are made by chance; LEAK_HUNT_SEED and LEAK_HUNT_STATEMENTS say which and how
# many.  On tables without protection the same statements do tell: that is counted, too.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $seed = $ENV{LEAK_HUNT_SEED} // 20261126;
my $statements = $ENV{LEAK_HUNT_STATEMENTS} // 2000;

srand($seed);
sub pick { return $_[ int(rand(@_)) ]; }

#
# Conditions about a row {p} that a visible row answers without an error: a hidden one of
# the first kind raises, or leaves a trace in the sequence "spied".
#
my @probes = (
	# functions, operators, casts, domains, aggregates of a user, as cheap as can be
	'spy({p}.n)', 'spy_sql({p}.n)', 'spy_stable({p}.n)', 'spy_leakproof({p}.n)', 'spy({p}.name)', 'spy(to_jsonb({p}))',
	'{p}.n <~ 5', '{p}.n =~= 7', '{p}.n::spied IS NOT NULL', '{p}.n::checked > -5', '{p}.name::checked_text IS NOT NULL',
	'({p}.n)::spied_cast IS NOT NULL', 'spy_row({p})', 'spy_row(ROW({p}.n))', 'spy_any({p}.n, {p}.n)', 'spy_variadic({p}.n, 1)',
	'{p}.n = ANY (spy_set({p}.n))', '(SELECT spy({p}.n))', 'EXISTS (SELECT FROM spy_rows({p}.n))', q(query_of(format('SELECT spy(%s)', {p}.n))),
	# errors of core: division, overflow, range, domain of a function
	'1 / ({p}.n + 5) > -100', '{p}.n % ({p}.n + 5) > -100', '1 / {p}.amount > -1', '{p}.n * 1000000 > 0', '{p}.n + 2147480000 > 0', '-{p}.n < 0', 'abs({p}.n) > 0',
	'{p}.n::smallint > 0', 'ln({p}.amount) > -1', 'sqrt({p}.f) > -1', 'exp({p}.f) > 0', 'power({p}.f, 2) > 0', '1 / {p}.f > -1', '{p}.f::int > 0', '{p}.f::real > 0', '{p}.amount::int > 0', '{p}.amount::bigint > 0',
	'factorial({p}.n) > 0', 'chr({p}.n) IS NOT NULL', q(length(repeat('x', {p}.n * 1000)) > 0), 'substring({p}.name, 1, {p}.n) IS NOT NULL', 'left({p}.name, {p}.n) IS NOT NULL AND 1 / ({p}.n + 5) > -9',
	'make_date(2024, 1, {p}.n) IS NOT NULL', q(make_interval(days => {p}.n * 10000000) IS NOT NULL), '{p}.d + {p}.n IS NOT NULL', '{p}.t + {p}.iv IS NOT NULL', q({p}.d::timestamp > '2000-01-01'), '{p}.t::date IS NOT NULL', q(age({p}.t) < interval '1000 years'), '{p}.iv * 10 IS NOT NULL', q(date_trunc('day', {p}.t) IS NOT NULL),
	'width_bucket({p}.amount, 1, 100, 5) > 0', 'generate_series(1, 2) IS NOT NULL AND 1 / ({p}.n + 5) > -9', 'lcm({p}.n, 65521) > 0', 'get_byte({p}.b, 3) >= 0', 'get_bit({p}.b, 9) >= 0', q(encode({p}.b, 'escape') IS NOT NULL AND convert_from({p}.b, 'UTF8') IS NOT NULL), q({p}.bits & B'1010' IS NOT NULL), '{p}.bits::bit(4)::int IS NOT NULL AND get_bit({p}.bits, 3) >= 0',
	# texts that are read as something else
	'{p}.name::int > 0', '{p}.name::numeric > 0', '{p}.name::float8 > 0', '{p}.name::bigint > 0', q(('2024-01-' || {p}.name)::date IS NOT NULL), '{p}.name::json IS NOT NULL', '{p}.name::jsonb IS NOT NULL', q('x' ~ {p}.name IS NOT NULL), q(regexp_replace('x', {p}.name, '') IS NOT NULL), q('x' SIMILAR TO {p}.name IS NOT NULL), q('x' LIKE {p}.name || '' IS NOT NULL), q('x' LIKE '%' || {p}.name ESCAPE '~' IS NOT NULL AND {p}.name::int > 0), '{p}.name::tsquery IS NOT NULL', q(to_tsquery('simple', {p}.name) IS NOT NULL), q(('{' || {p}.name || '}')::int[] IS NOT NULL), q(to_number({p}.name, '9999') > 0), q(to_date('2024-01-' || {p}.name, 'YYYY-MM-DD') IS NOT NULL), q(('10.0.0.' || {p}.name)::inet IS NOT NULL), q(decode({p}.name || {p}.name, 'hex') IS NOT NULL), q(set_byte('\x01'::bytea, 0, {p}.name::int) IS NOT NULL), q({p}.name::regclass IS NULL OR true), q(current_setting('leak.' || {p}.name, true) IS NULL), q(xmlparse(CONTENT '<a>' || {p}.name || '</a>') IS NOT NULL), q(('{"a":' || {p}.name || '}')::jsonb @> '{}'), q(jsonb_path_exists('[1]', {p}.name::jsonpath)), q(json_populate_record(NULL::pair, ('{"a":"' || {p}.name || '"}')::json) IS NOT NULL),
	# parts of values
	q(({p}.j ->> 'a')::int > 0), q(({p}.j -> 'a')::int > 0), q(jsonb_array_length({p}.j -> 'l') > 0), q(jsonb_path_query_first({p}.j, 'strict $.l.size()') IS NOT NULL), q(jsonb_object_keys({p}.j) IS NOT NULL), q(EXISTS (SELECT FROM jsonb_each({p}.j))), q({p}.j - 'a' IS NOT NULL), q(jsonb_set({p}.j, '{a,0}', '1') IS NOT NULL),
	'{p}.arr || {p}.arr IS NOT NULL AND array_append({p}.arr, 1) IS NOT NULL', 'array_position({p}.arr, 1) IS NOT NULL OR true', q(array_fill(1, ARRAY[{p}.n * 1000]) IS NOT NULL), 'array_to_tsvector({p}.names) IS NOT NULL', '{p}.r + int4range(1, 5) IS NOT NULL', 'int4range({p}.n, 40) IS NOT NULL', '{p}.r - int4range(150, 160) IS NOT NULL', 'lower({p}.r) * 100000000 > 0', '{p}.i + 1 IS NOT NULL', 'set_masklen({p}.i, {p}.n) IS NOT NULL', 'host({p}.i)::inet IS NOT NULL AND {p}.i - 1 IS NOT NULL', 'CAST({p}.names AS int[]) IS NOT NULL', q({p}.e < pick_mood({p}.n)), 'format({p}.name) IS NOT NULL AND format(({p}.names)[1]) IS NOT NULL',
	# side effects of core's own functions
	q(pg_try_advisory_lock({p}.n - {p}.n % 1000) AND spy({p}.n)), q(set_config('leak.seen', CASE WHEN {p}.n > 1000 THEN 'seen' ELSE current_setting('leak.seen', true) END, false) IS NOT NULL),
	# what may go before the policy, next to something that may not
	q({p}.n < 100000 AND spy({p}.n)), q({p}.amount = 12 OR spy({p}.n)), q({p}.j @> '{"a": 12}' OR 1 / ({p}.n + 5) > -9), q({p}.arr && '{1}' AND spy({p}.n)), q({p}.name LIKE '1%' AND {p}.name::int > 0), q({p}.r && int4range(1, 1000) AND lower({p}.r) * 100000000 > 0), q({p}.i <<= '0.0.0.0/0' AND {p}.i + 1 IS NOT NULL), q({p}.e >= 'sad' AND spy({p}.n)),
	q({p}.amount BETWEEN -10 AND 1000000), q({p}.j ? 'a'), q({p}.arr @> '{1}'), q({p}.t > '2020-01-01'::timestamptz), q({p}.name ILIKE 's%'), q({p}.e = 'ok'), q({p}.n IN (1, 2, 4, 1001, 1002, 1003, -5)), q({p}.b > '\x'), q({p}.f <> 'NaN'));

# sources of rows: every protected table, and ways around their names
my @tables = qw(person person purchase purchase visit visit_low visit_high base kid person_view person_barrier person_invoker_view);
my @sources = (@tables, '(SELECT * FROM person OFFSET 0)', '(SELECT * FROM purchase UNION ALL SELECT * FROM purchase)', 'person_function()', 'purchase_function()', '(SELECT DISTINCT * FROM visit)', '(SELECT q.* FROM person q JOIN purchase r USING (n))', '(SELECT * FROM person TABLESAMPLE BERNOULLI (100))');
my @writable = qw(person purchase visit base kid person_view person_barrier);

# statements: {t} a source, {u} another, {w} a writable one; [p] a condition about p, [q] about q
my @shapes = (
	'SELECT count(*) FROM {t} p WHERE [p]', 'SELECT count(*) FROM {t} p WHERE [p] AND [p]', 'SELECT count(*) FROM {t} p WHERE [p] OR [p]', 'SELECT count(*) FROM {t} p WHERE NOT ([p])',
	'SELECT count(*) FROM {t} p WHERE ([p]) IS NOT TRUE', 'SELECT count(*) FILTER (WHERE [p]) FROM {t} p', 'SELECT count(*) FILTER (WHERE [p]) FROM {t} p WHERE [p]', 'SELECT bool_and([p]) FROM {t} p', 'SELECT every_spied(n) FROM {t} p WHERE [p]',
	q(SELECT string_agg(n::text, ',' ORDER BY ([p]), n) FROM {t} p), 'SELECT count(*) FROM (SELECT ([p]) AS c, count(*) FROM {t} p GROUP BY 1 HAVING bool_or([p])) s', 'SELECT count(*) FROM (SELECT n FROM {t} p GROUP BY n, ([p])) s',
	'SELECT count(*) FROM {t} p JOIN {u} q ON q.n = p.n AND [p]', 'SELECT count(*) FROM {t} p JOIN {u} q ON q.n = p.n WHERE [p] AND [q]', 'SELECT count(*) FROM {t} p LEFT JOIN {u} q ON q.n = p.n AND [q]', 'SELECT count(q.n) FROM {t} p LEFT JOIN {u} q ON q.n = p.n WHERE [p]', 'SELECT count(p.n) FROM {t} p RIGHT JOIN {u} q ON q.n = p.n AND [p]', 'SELECT count(*) FROM {t} p FULL JOIN {u} q ON q.n = p.n WHERE [p]',
	'SELECT count(p.n) FROM generate_series(1, 1005) g LEFT JOIN {t} p ON p.n = g AND [p]', 'SELECT count(*) FROM other o JOIN {t} p ON p.n = o.n WHERE [p]', 'SELECT count(*) FROM other o JOIN {t} p ON p.name = o.name AND [p]', 'SELECT count(*) FROM other o JOIN {t} p ON o.n =~= p.n',
	'SELECT count(*) FROM {t} p WHERE EXISTS (SELECT FROM {u} q WHERE q.n = p.n AND [q])', 'SELECT count(*) FROM {t} p WHERE NOT EXISTS (SELECT FROM {u} q WHERE q.n = p.n AND [p] AND [q])', 'SELECT count(*) FROM other o WHERE n IN (SELECT n FROM {t} p WHERE [p])', 'SELECT count(*) FROM other o WHERE n NOT IN (SELECT n FROM {t} p WHERE [p])', 'SELECT sum((SELECT count(*) FROM {u} q WHERE q.n = p.n AND [q])) FROM {t} p WHERE [p]',
	'SELECT count(*) FROM {t} p, LATERAL (SELECT [p] AS c) s WHERE c', 'SELECT count(*) FROM {t} p CROSS JOIN LATERAL (SELECT FROM {u} q WHERE [p] AND [q] LIMIT 2) s', 'SELECT count(*) FROM (SELECT *, [p] AS c FROM {t} p) s WHERE c', 'SELECT count(*) FROM (SELECT *, [p] AS c FROM {t} p OFFSET 0) s WHERE c', 'SELECT count(*) FROM {t} p, unnest(p.arr) a WHERE [p]',
	'SELECT sum(CASE WHEN [p] THEN 1 ELSE 2 END) FROM {t} p', 'SELECT count(*) FROM {t} p WHERE CASE WHEN [p] THEN [p] ELSE true END', 'SELECT count(*) FROM {t} p WHERE COALESCE([p], [p])', 'SELECT count(NULLIF([p], [p])) FROM {t} p',
	'WITH c AS MATERIALIZED (SELECT * FROM {t} p WHERE [p]) SELECT count(*) FROM c p WHERE [p]', 'WITH c AS NOT MATERIALIZED (SELECT * FROM {t} p) SELECT count(*) FROM c p, c q WHERE p.n = q.n AND [p] AND [q]', 'WITH RECURSIVE c AS (SELECT n FROM {t} p WHERE n < 5 AND [p] UNION SELECT p.n FROM {t} p JOIN c ON p.boss = c.n WHERE [p]) SELECT count(*) FROM c',
	'SELECT count(*) FROM (SELECT n FROM {t} p WHERE [p] EXCEPT SELECT n FROM {u} q WHERE [q]) s', 'SELECT count(*) FROM (SELECT n, [p] FROM {t} p UNION SELECT n, [q] FROM {u} q) s', 'SELECT sum(r) FROM (SELECT rank() OVER (PARTITION BY [p] ORDER BY n) AS r FROM {t} p) s', 'SELECT sum(s) FROM (SELECT sum(n) OVER (ORDER BY ([p]), n) AS s FROM {t} p WHERE [p]) s', 'SELECT sum(c) FROM (SELECT count(*) AS c FROM {t} p GROUP BY GROUPING SETS (([p]), (n), ())) s', q(SELECT string_agg(n::text, ',') FROM (SELECT DISTINCT ON (c) n FROM (SELECT [p] AS c, n FROM {t} p) s ORDER BY c, n) s), q(SELECT string_agg(n::text, ',') FROM (SELECT n FROM {t} p WHERE [p] ORDER BY n DESC LIMIT 3) s), q(SELECT format('%s %s %s', min(n), max(amount), min(name)) FROM {t} p WHERE [p]), 'SELECT count(DISTINCT ([p])) FROM {t} p', 'SELECT count(*) FROM {t} p WHERE n > 0 AND ([p]) ORDER BY 1', 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ([p])) FROM {t} p', 'SELECT count(*) FROM {t} p JOIN {u} q ON ([p]) = ([q])', 'SELECT count(*) FROM ROWS FROM (generate_series(1, (SELECT count(*) FROM {t} p WHERE [p]))) g',
	'SELECT count(*) FROM (SELECT n FROM {w} p WHERE [p] FOR UPDATE) s', 'SELECT count(*) FROM (SELECT n FROM {w} p WHERE [p] FOR SHARE SKIP LOCKED) s', q(SELECT count(*) FROM query_of_count($x$SELECT count(*) FROM {t} p WHERE [p]$x$)), q(DECLARE c CURSOR FOR SELECT n FROM {t} p WHERE [p]; FETCH FORWARD 1 FROM c), q(CREATE TEMP TABLE leak_copy AS SELECT * FROM {t} p WHERE [p]; SELECT count(*) FROM leak_copy p WHERE [p]),
	'WITH u AS (UPDATE {w} p SET boss = 1 WHERE [p] RETURNING [p] AS c) SELECT count(*) FILTER (WHERE c) FROM u', 'WITH u AS (UPDATE {w} p SET boss = CASE WHEN [p] THEN 2 END RETURNING n) SELECT count(*) FROM u', 'WITH u AS (UPDATE {w} p SET boss = 3 FROM {t} q WHERE q.n = p.n AND [p] AND [q] RETURNING p.n) SELECT count(*) FROM u', 'WITH d AS (DELETE FROM {w} p WHERE [p] RETURNING n) SELECT count(*) FROM d', 'WITH d AS (DELETE FROM {w} p USING {t} q WHERE q.n = p.n AND [p] AND [q] RETURNING p.n) SELECT count(*) FROM d',
	q(MERGE INTO {w} p USING other q ON p.n = q.n AND [p] WHEN MATCHED AND [p] THEN UPDATE SET boss = 5 WHEN NOT MATCHED THEN DO NOTHING; SELECT sum(boss) FROM {w}), q(MERGE INTO {w} p USING {t} q ON p.n = q.n AND [q] WHEN MATCHED THEN DELETE; SELECT count(*) FROM {w}), q(INSERT INTO person AS p (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET boss = 7 WHERE [p]; SELECT sum(boss) FROM person));

# what only an owner may write: over all rows of the table, or over those of other people's statements
my @definitions = (
	'ALTER TABLE {o} ADD CHECK ([o])', 'ALTER TABLE {o} ADD CHECK ([o]) NOT VALID; ALTER TABLE {o} VALIDATE CONSTRAINT {o}_check', 'CREATE INDEX ON {o} (([o]))', 'CREATE INDEX ON {o} (n) WHERE [o]', 'CREATE STATISTICS s ON ([o]), n FROM {o}; ANALYZE {o}',
	'ALTER TABLE {o} ALTER boss TYPE text USING ([o])::text', 'ALTER TABLE {o} ADD added bool GENERATED ALWAYS AS ([o]) STORED', 'ALTER TABLE {o} ADD EXCLUDE (n WITH =) WHERE ([o])', 'CREATE POLICY own ON {o} USING ([o]); SELECT count(*) FROM {o}', 'CREATE POLICY own ON {o} AS RESTRICTIVE USING ([o]); SELECT count(*) FROM {o}', 'CREATE MATERIALIZED VIEW made AS SELECT [o] FROM {o}', 'CREATE TABLE made AS SELECT [o] FROM {o}', 'CREATE TABLE made PARTITION OF visit FOR VALUES FROM (5000) TO (6000); ALTER TABLE visit ADD CHECK ([visit])',
	'CREATE VIEW made AS SELECT *, [o] AS c FROM {o}; SELECT count(*) FROM made WHERE c', 'CREATE FUNCTION made() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $x$SELECT count(*) FROM {o} WHERE [o]$x$; SELECT made()', 'ALTER TABLE {o} ALTER boss SET DEFAULT 1 / 0; SELECT count(*) FROM {o} WHERE [o]', 'CREATE RULE made AS ON UPDATE TO {o} DO ALSO SELECT [o] FROM {o}');

sub fill
{
	my ($shape) = @_;
	my $w = pick(@writable);
	my $o = pick(qw(person purchase visit base));

	$shape =~ s/\{t\}/pick(@sources)/ge;
	$shape =~ s/\{u\}/pick(@sources)/ge;
	$shape =~ s/\{w\}/$w/g;
	$shape =~ s/\{o\}/$o/g;
	$shape =~ s/\[o\]/[$o]/g;
	$shape =~ s/\[(person|purchase|visit|base|p|q)\]/my $alias = $1; (my $probe = pick(@probes)) =~ s!\{p\}!$alias!g; "($probe)"/ge;
	return $shape;
}

# ways to plan it
my @planner = ('', 'SET LOCAL enable_seqscan = off;', 'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;', 'SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_seqscan = off;',
	'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;', 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_nestloop = off;', 'SET LOCAL enable_memoize = off; SET LOCAL enable_hashagg = off;', 'SET LOCAL force_parallel_mode = on; SET LOCAL parallel_setup_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;');
my @roles = qw(cleared cleared cleared cleared owner owner bypass uncleared);

my @attempts;
foreach (1 .. $statements)
{
	my $defines = rand() < 0.1;

	push @attempts, [ $defines ? 'owner' : pick(@roles), rand() < 0.9 ? 'leak_a' : pick('', 'leak_b'), pick(@planner), fill($defines ? pick(@definitions) : pick(@shapes)) ];
}

my %columns = (
	n => 'int', boss => 'int', name => 'text', amount => 'numeric', f => 'float8', d => 'date', t => 'timestamptz', iv => 'interval', j => 'jsonb', arr => 'int[]',
	names => 'text[]', b => 'bytea', bits => 'varbit', r => 'int4range', i => 'inet', e => 'mood');
my @columns = sort keys %columns;
my %shown = (
	n => 'g', boss => 'g / 2', name => 'g::text', amount => 'g', f => 'g', d => q('2024-01-01'::date + g), t => q('2024-01-01'::timestamptz + g * interval '1 hour'), iv => q(g * interval '1 day'), j => q(jsonb_build_object('a', g, 'l', '[1]'::jsonb)), arr => 'ARRAY[g, 1]',
	names => 'ARRAY[g::text]', b => q('\x4142434445464748'::bytea), bits => q(B'1010'), r => 'int4range(1, 4)', i => q('10.0.0.1'::inet + g), e => q('ok'::mood));
# one of a column's values breaks what reads it, whichever way it is read
my %breaks = (
	n => 'CASE g % 3 WHEN 0 THEN 2147483647 - g WHEN 1 THEN 1000 + g ELSE -5 END', boss => 'g % 30', name => q~CASE g % 4 WHEN 0 THEN 'secret(' WHEN 1 THEN '9999999999999999999' WHEN 2 THEN '%' ELSE 'secret"<\' END~, amount => q(CASE g % 3 WHEN 0 THEN 0 WHEN 1 THEN -1 ELSE 'NaN'::numeric END), f => q(CASE g % 3 WHEN 0 THEN 0 WHEN 1 THEN -1 ELSE 1e308::float8 END),
	d => q('infinity'::date - 0), t => q(CASE g % 2 WHEN 0 THEN '294276-12-31'::timestamptz ELSE 'infinity'::timestamptz END), iv => q(interval '170000000 years'), j => q(CASE g % 3 WHEN 0 THEN '{"a": "x", "l": 1}' WHEN 1 THEN '[]'::jsonb ELSE '7'::jsonb END), arr => q(CASE g % 2 WHEN 0 THEN '{}' ELSE '{{1,2},{3,4}}'::int[] END),
	names => q(CASE g % 2 WHEN 0 THEN '{%,NULL}' ELSE '{secret}'::text[] END), b => q('\xff'::bytea), bits => q(B'1'), r => q(int4range(100, 200)), i => q('255.255.255.255'::inet), e => q('sad'::mood));

# the tables, in the schema that is created in; the hidden are numbers 31 to 60
sub tables
{
	my ($hidden) = @_;
	my $list = join(', ', map { "$_ $columns{$_}" } @columns);
	my $rows = sub {
		my ($key) = @_;
		my $of = sub { my ($by, $numbers) = @_; return "SELECT " . ($key ? 'g, ' : '') . join(', ', map { $by->{$_} } @columns) . " FROM generate_series($numbers) g"; };
		# g of the hidden stays apart from the shown in key and number
		return $of->(\%shown, '1, 30') . ($hidden ? ' UNION ALL ' . $of->($hidden eq 'breaks' ? \%breaks : \%shown, '31, 60') : '');
	};
	my $indexes = sub { my ($t) = @_; return join("\n", map { "CREATE INDEX ON $t USING $_;" } 'btree (n)', 'btree (name text_pattern_ops)', 'btree (amount)', 'btree (t)', 'btree (e)', 'gin (j)', 'gin (arr)', 'gist (r)', 'gist (i inet_ops)'); };

	return <<"SQL" . join("\n", map { $indexes->($_) } qw(person purchase visit base kid));
CREATE TABLE person (id int PRIMARY KEY, $list);
CREATE TABLE purchase (person_id int, $list);
CREATE TABLE visit (person_id int, $list) PARTITION BY RANGE (n);
CREATE TABLE visit_low PARTITION OF visit FOR VALUES FROM (MINVALUE) TO (1000);
CREATE TABLE visit_high PARTITION OF visit FOR VALUES FROM (1000) TO (5000);
CREATE TABLE visit_top PARTITION OF visit FOR VALUES FROM (6000) TO (MAXVALUE);
CREATE TABLE base (person_id int, $list);
CREATE TABLE kid () INHERITS (base);
CREATE TABLE other (n int, name text);
INSERT INTO person @{[ $rows->(1) ]};
INSERT INTO purchase @{[ $rows->(1) ]};
INSERT INTO visit @{[ $rows->(1) ]};
INSERT INTO base @{[ $rows->(1) ]};
INSERT INTO kid @{[ $rows->(1) ]};
INSERT INTO other SELECT g, g::text FROM generate_series(1, 60) g;
CREATE VIEW person_view AS SELECT * FROM person;
CREATE VIEW person_barrier WITH (security_barrier) AS SELECT * FROM person WHERE n IS NOT NULL;
CREATE VIEW person_invoker_view WITH (security_invoker) AS SELECT * FROM person WHERE amount IS NOT NULL;
CREATE FUNCTION person_function() RETURNS SETOF person LANGUAGE sql STABLE AS 'SELECT * FROM person';
CREATE FUNCTION purchase_function() RETURNS SETOF purchase LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM purchase; END';
CREATE FUNCTION spy_row(person) RETURNS boolean LANGUAGE sql AS 'SELECT public.spy(\$1.n)';
SQL
}

# Functions leave a trace if they see a hidden row: a step of the sequence, which no rollback undoes.
my $spies = <<'SQL';
CREATE SEQUENCE spied;
GRANT ALL ON SEQUENCE spied TO PUBLIC;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION spy(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$ BEGIN IF $1 > 1000 OR $1 < 0 THEN PERFORM nextval('public.spied'); END IF; RETURN true; END $$;
CREATE FUNCTION spy(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$ BEGIN IF $1 !~ '^\d{1,4}$' THEN PERFORM nextval('public.spied'); END IF; RETURN true; END $$;
CREATE FUNCTION spy(jsonb) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RETURN public.spy(($1 ->> 'n')::int); END $$;
CREATE FUNCTION spy(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RETURN public.spy((to_jsonb($1) ->> 'n')::int); END $$;
CREATE FUNCTION spy_stable(int) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS $$ BEGIN RETURN public.spy($1); END $$;
CREATE FUNCTION spy_sql(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT public.spy($1)';
CREATE FUNCTION spy_leakproof(int) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS $$ BEGIN RETURN public.spy($1); END $$;
CREATE FUNCTION spy_row(record) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RETURN public.spy((to_jsonb($1) ->> 'f1')::int); END $$;
CREATE FUNCTION spy_any(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RETURN public.spy($1::int); END $$;
CREATE FUNCTION spy_variadic(VARIADIC int[]) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RETURN public.spy($1[1]); END $$;
CREATE FUNCTION spy_set(int) RETURNS int[] LANGUAGE plpgsql STABLE COST 0.0000001 AS $$ BEGIN PERFORM public.spy($1); RETURN ARRAY[$1]; END $$;
CREATE FUNCTION spy_rows(int) RETURNS SETOF int LANGUAGE plpgsql STABLE COST 0.0000001 ROWS 1 AS $$ BEGIN PERFORM public.spy($1); RETURN NEXT $1; END $$;
CREATE FUNCTION spy_less(int, int) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS $$ BEGIN RETURN public.spy($1) AND public.spy($2); END $$;
CREATE FUNCTION spy_equal(int, int) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS $$ BEGIN RETURN public.spy($1) AND public.spy($2) AND $1 = $2; END $$;
CREATE OPERATOR <~ (LEFTARG = int, RIGHTARG = int, FUNCTION = spy_less, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR =~= (LEFTARG = int, RIGHTARG = int, FUNCTION = spy_equal, COMMUTATOR = =~=, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE DOMAIN spied AS int CHECK (spy(VALUE));
CREATE DOMAIN checked AS int CHECK (VALUE BETWEEN 0 AND 1000);
CREATE DOMAIN checked_text AS text CHECK (VALUE ~ '^\d{1,4}$');
CREATE TYPE spied_cast AS (n int);
CREATE FUNCTION to_spied_cast(int) RETURNS spied_cast LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spy($1); RETURN ROW($1); END $$;
CREATE CAST (int AS spied_cast) WITH FUNCTION to_spied_cast(int);
CREATE FUNCTION spy_step(boolean, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN public.spy($2); END $$;
CREATE AGGREGATE every_spied(int) (SFUNC = spy_step, STYPE = boolean);
CREATE FUNCTION pick_mood(int) RETURNS mood LANGUAGE plpgsql STABLE COST 0.0000001 AS $$ BEGIN PERFORM public.spy($1); RETURN 'happy'; END $$;
CREATE FUNCTION query_of(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ DECLARE r boolean; BEGIN EXECUTE $1 INTO r; RETURN r; END $$;
CREATE FUNCTION query_of_count(text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE r bigint; BEGIN EXECUTE $1 INTO r; RETURN r; END $$;
-- What a statement gives or raises; "seen" is what functions left behind.
CREATE FUNCTION outcome(place text, actor text, purpose text, planner text, statement text) RETURNS text LANGUAGE plpgsql SET leak.seen = '' AS $$
DECLARE
	result text;
	detail text;
	hint text;
	context text;
	spied_before bigint := (SELECT last_value FROM public.spied);
BEGIN
	BEGIN
		EXECUTE planner;
		PERFORM set_config('search_path', place || ', public', true), set_config('privseg.purpose', purpose, true), set_config('role', actor, true);
		EXECUTE statement INTO result;
		RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = COALESCE(result, 'NULL') || current_setting('leak.seen');
	EXCEPTION
		WHEN SQLSTATE 'ZZ000' THEN
			result := SQLERRM;
		WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
			result := concat_ws(' | ', SQLSTATE, SQLERRM, detail, hint, context);
	END;
	PERFORM pg_advisory_unlock_all();
	RETURN result || CASE WHEN (SELECT last_value FROM public.spied) <> spied_before THEN ' | spied' ELSE '' END;
END $$;
CREATE TABLE attempt (k int PRIMARY KEY, actor text, purpose text, planner text, statement text, outcome text DEFAULT 'not tried', bare text DEFAULT 'not tried');
SQL

my $node = PrivsegNode::init('leak_hunt');
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nmax_wal_senders = 0\nwal_level = minimal\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE leak_owner; CREATE ROLE leak_cleared; CREATE ROLE leak_bypass BYPASSRLS; CREATE ROLE leak_uncleared;');

my @databases = qw(breaks mild none);
my (%outcome, %bare);
foreach my $database (@databases)
{
	my $hidden = $database eq 'none' ? '' : $database;
	my $attempts = join(', ', map { my $k = $_; '(' . join(', ', $k, map { "\$a\$$_\$a\$" } "leak_$attempts[$k][0]", @{ $attempts[$k] }[ 1 .. 3 ]) . ')' } 0 .. $#attempts);

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, <<"SQL");
SET client_min_messages = warning;
CREATE EXTENSION privseg;
SELECT privseg.create_purpose('leak_a', 'consent'), privseg.create_purpose('leak_b', 'consent');
SELECT count(privseg.grant_clearance(r::regrole, 'leak_a')::text) FROM unnest('{leak_owner,leak_cleared,leak_bypass}'::text[]) r;
$spies
CREATE SCHEMA bare AUTHORIZATION leak_owner;
CREATE SCHEMA guarded AUTHORIZATION leak_owner;
SET ROLE leak_owner;
SET search_path = bare, public;
@{[ tables($hidden) ]}
SET search_path = guarded, public;
@{[ tables($hidden) ]}
RESET ROLE;
GRANT USAGE ON SCHEMA bare, guarded TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA bare, guarded TO PUBLIC;
SELECT privseg.protect('guarded.person', 'id');
SELECT privseg.protect(('guarded.' || t)::regclass, 'person_id', 'guarded.person') FROM unnest('{purchase,visit,base}'::text[]) t;
SELECT count(privseg.record_consent('guarded.person', g, 'leak_a', CASE WHEN g <= 30 THEN 'given' ELSE 'refused' END)) FROM generate_series(1, 60) g;
ANALYZE;
SQL
	$node->safe_psql($database, "INSERT INTO attempt (k, actor, purpose, planner, statement) VALUES $attempts");
	# each is a statement of its own: none may take for ever, whatever chance has made, on however busy a machine
	$node->psql($database, "SET client_min_messages = error; SET statement_timeout = '60s';" . join('', map { <<"SQL" } 0 .. $#attempts), on_error_stop => 0);
UPDATE attempt SET outcome = public.outcome('guarded', actor, purpose, planner, statement) WHERE k = $_;
UPDATE attempt SET bare = public.outcome('bare', 'leak_owner', '', planner, statement) WHERE k = $_;
SQL
	foreach my $kind ('outcome', 'bare')
	{
		my @values = split /\x1e/, $node->safe_psql($database, "SELECT string_agg($kind, chr(30) ORDER BY k) FROM attempt");
		($kind eq 'bare' ? \%bare : \%outcome)->{$database} = \@values;
		is(scalar(grep { $_ ne 'not tried' } @values), $statements, "every statement came to an end: $kind, $database");
	}
}
$node->stop;

my ($differ, $tells, $answered, $refused, $failed) = (0) x 5;
foreach my $k (0 .. $#attempts)
{
	my ($breaks, $mild, $none) = map { $outcome{$_}[$k] } @databases;

	if ($breaks ne $mild || $mild ne $none || "$breaks$mild$none" =~ / \| spied/)
	{
		$differ++;
		diag(join("\n", "as $attempts[$k][0] under '$attempts[$k][1]', $attempts[$k][2] $attempts[$k][3]", "breaks: $breaks", "mild: $mild", "none: $none")) if $differ <= 10;
	}
	my @bare = map { $bare{$_}[$k] } @databases;
	$tells++ if $bare[0] ne $bare[1] || $bare[1] ne $bare[2] || "@bare" =~ / \| spied/;
	if ($none =~ /^(42501|0A000) \| /) { $refused++ }
	elsif ($none =~ /^[0-9A-Z]{5} \| /) { $failed++; diag("$none: $attempts[$k][3]") if $ENV{LEAK_HUNT_VERBOSE} }
	else { $answered++ }
}
is($differ, 0, "who is hidden makes no difference to $statements statements");
# a hunt that shoots at nothing shows nothing
cmp_ok($tells, '>', 0.8 * $statements, 'on tables without protection most of them tell');
cmp_ok($answered, '>', 0.6 * $statements, 'most of them are answered');
note("seed $seed: $statements statements, $answered answered, $refused refused, $failed end in another error, $differ tell of the hidden; without protection $tells tell");
done_testing();
