# Random tables, groups and conditions: whoever is shown groups only is shown all that are large enough, none
# that is smaller, and no two answers that differ by fewer people than that. Sets of people are bits of a
# bigint, computed by a superuser from all rows.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $seed = $ENV{PRIVSEG_SEED} // time;
my $statements = $ENV{GROUP_STATEMENTS} // 1500;
my $rounds = 15;

note("PRIVSEG_SEED=$seed");
srand($seed);
sub any { return $_[ int rand @_ ]; }
sub upto { return 1 + int rand $_[0]; }

my $node = PrivsegNode::init('groups');
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nmax_wal_senders = 0\nwal_level = minimal\n");
$node->start;
$node->safe_psql('postgres', <<"SQL");
SET client_min_messages = warning;
CREATE EXTENSION privseg;
CREATE ROLE counter;
-- long rows, few to a page: several processes read some each
CREATE TABLE person (id bigint PRIMARY KEY, town text, age int NOT NULL, salary numeric, kind int, note text NOT NULL DEFAULT repeat('x', 1500));
CREATE TABLE purchase (id int PRIMARY KEY, person bigint NOT NULL REFERENCES person, year int, amount numeric NOT NULL, note text NOT NULL DEFAULT repeat('x', 1500));
CREATE INDEX ON purchase (person);
GRANT SELECT ON person, purchase TO counter;
SELECT privseg.create_data_category('g');
SELECT privseg.protect('person', 'id'), privseg.protect('purchase', 'person', 'person'), privseg.classify('person', 'salary', 'g');
-- whole: all people of the group, where only those who have a value for a column are counted
-- groups: of a table alone, which have no row in common, whatever a statement asks of them
CREATE TABLE answer (purpose text, statement text, who bigint, whole bigint, value text, groups text);
CREATE TABLE part (LIKE answer);
CREATE TABLE finding (what text, purpose text, statement text, detail text);
CREATE TABLE tally (what text);

-- runs a statement as the role, and compares what it shows with all rows
--	cells	statements that give (group as text, people as bits, all of the group, column) of each group, one for each
--			condition in it, and each column that some have no value for
--	groups	for each of them what it groups, but for what an aggregate chooses
-- do two groups differ by few?  Not so the same people, of whom some have no value
CREATE FUNCTION near(k int, who bigint, whole bigint, value text, other bigint, other_whole bigint, other_value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
'SELECT bit_count((who # other)::bit(64)) BETWEEN 1 AND k - 1 AND NOT (whole = other_whole AND value <> other_value)';
CREATE FUNCTION try(p text, k int, statement text, cells text[], groups text[], exact boolean) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
	shown text[];
	code text := '';
	told text;
	answered record;
	large text[];
	near boolean := false;
BEGIN
	PERFORM set_config('privseg.purpose', p, false);
	BEGIN
		PERFORM set_config('role', 'counter', true);
		IF current_setting('max_parallel_workers_per_gather')::int > 0 THEN
			-- cursors, and so loops, have one process
			EXECUTE format('SELECT array_agg(COALESCE(s.g::text, ''none'')), count(s.*) FROM (%s) s', statement) INTO shown;
		ELSE
			-- not from a subquery: what is not used of one is not computed
			FOR answered IN EXECUTE statement LOOP
				shown := shown || COALESCE(answered.g::text, 'none');
			END LOOP;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, told = MESSAGE_TEXT;
	END;
	PERFORM set_config('role', 'none', true);
	PERFORM set_config('row_security', 'off', true);
	INSERT INTO tally VALUES (CASE WHEN code = '' THEN 'answered' WHEN told LIKE '%nearly the same%' THEN 'nearly the same' ELSE code || ' ' || told END);
	CREATE TEMP TABLE IF NOT EXISTS asked (g text, who bigint, whole bigint, value text, n int, groups text);
	TRUNCATE asked;
	FOR i IN 1 .. cardinality(cells) LOOP
		EXECUTE format('INSERT INTO asked SELECT COALESCE(g::text, ''none''), who, whole, value, %s, %L FROM (%s) s WHERE who IS NOT NULL AND bit_count(who::bit(64)) >= %s', i, groups[i], cells[i], k);
	END LOOP;
	near := EXISTS (SELECT FROM asked a, answer b WHERE b.purpose = p AND b.statement <> try.statement AND (a.groups = b.groups) IS NOT TRUE AND near(k, a.who, a.whole, a.value, b.who, b.whole, b.value))
		OR EXISTS (SELECT FROM asked a, asked b WHERE a.n <> b.n AND near(k, a.who, a.whole, a.value, b.who, b.whole, b.value));
	IF code = '' THEN
		SELECT array_agg(DISTINCT g ORDER BY g) INTO large FROM asked WHERE n = 1;
		SELECT array_agg(g ORDER BY g) INTO shown FROM unnest(shown) g;
		IF shown IS DISTINCT FROM large THEN
			INSERT INTO finding VALUES ('other groups than are large enough', p, statement, format('%s instead of %s', shown, large));
		END IF;
		IF near THEN
			INSERT INTO finding VALUES ('two answers that differ by few', p, statement, '');
		END IF;
		INSERT INTO answer SELECT p, statement, who, whole, value, asked.groups FROM asked;
	ELSIF told NOT LIKE '%nearly the same%' THEN
		INSERT INTO finding VALUES ('refused for another reason', p, statement, code || ' ' || told);
	ELSIF exact AND NOT near
		AND NOT EXISTS (SELECT FROM asked a, part b WHERE b.purpose = p AND (a.groups = b.groups) IS NOT TRUE AND near(k, a.who, a.whole, a.value, b.who, b.whole, b.value))
		-- the same people, a few of them with other rows
		AND NOT EXISTS (SELECT FROM asked a, (SELECT * FROM answer UNION ALL SELECT * FROM part) b WHERE b.purpose = p AND b.statement LIKE '%purchase%' AND a.who = b.who) THEN
		INSERT INTO finding VALUES ('refused without need', p, statement, '');
	END IF;
	-- some of its groups may have been shown before it was refused
	IF code <> '' THEN
		INSERT INTO part SELECT p, statement, who, whole, value, asked.groups FROM asked;
	END IF;
	PERFORM set_config('row_security', 'on', true);
END \$\$;
SQL

# a condition on people that tells of no row
sub condition
{
	my @conditions = map {
		any('age < ' . upto(60), 'age >= ' . upto(60), "town = 't" . upto(3) . "'", 'town IS NOT NULL', "town IN ('t1', 't" . upto(3) . "')", 'kind = ' . upto(4), 'salary > ' . upto(50) * 10, 'salary IS NOT NULL',
			'id <> ' . upto(60), 'id > ' . upto(20), 'id NOT IN (' . join(', ', map { upto(60) } 1 .. upto(12)) . ')', 'id <= ' . (40 + upto(20)), '(age < ' . upto(60) . " OR town = 't1')", 'NOT age < ' . upto(40))
	} 1 .. upto(2);

	return join ' AND ', @conditions;
}

# the same of their purchases, which somebody may have in several groups
sub purchases
{
	return any('true', 'year > 2020', 'amount > ' . upto(30), 'amount <= ' . (70 + upto(30)), 'person <> ' . upto(60));
}

my $script = "SET client_min_messages = error; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off; SET max_parallel_workers_per_gather = 0;\n";
foreach my $round (1 .. $rounds)
{
	my $k = any(3, 5, 8, 10);
	my $purpose = "round$round";
	my $workers = $round % 5 == 0 ? 2 : 0;

	$script .= <<"SQL";
SET max_parallel_workers_per_gather = $workers;
SELECT privseg.create_purpose('$purpose', 'contract', min_group_size => $k);
SELECT privseg.grant_clearance('counter', '$purpose', NULL, '{aggregate}'), privseg.grant_clearance('counter', '$purpose', 'g', '{aggregate,filter}');
SET row_security = off;
DELETE FROM purchase;
DELETE FROM person;
SELECT setseed(${\ rand()});
INSERT INTO person SELECT i, (ARRAY['t1', 't2', 't3', NULL])[1 + (random() * 3)::int], 1 + (random() * 59)::int, CASE WHEN random() < 0.8 THEN (random() * 500)::int END, 1 + (random() * 3)::int FROM generate_series(1, ${\ (30 + upto(30))}) i;
INSERT INTO purchase SELECT i, (SELECT id FROM person ORDER BY random() + i LIMIT 1), 2020 + i % 3, i FROM generate_series(1, 100) i;
RESET row_security;
SQL
	foreach (1 .. $statements / $rounds)
	{
		my $where = condition();
		my $group = any('town', 'kind', 'age < 30', 'town, kind', '');
		my $joins = any(0, 0, 1);
		my $alone = rand() < 0.2;
		my $from = $joins ? 'person JOIN purchase ON purchase.person = person.id' : any('person', 'person', '(SELECT * FROM person) person');
		($where, $group, $joins, $from) = (purchases(), any('year', 'amount < 50', ''), 1, 'purchase') if $alone;
		my $by = $group eq '' ? '' : "GROUP BY $group";
		my $label = $group eq '' ? "'all'" : $group eq 'town, kind' ? "format('%s %s', town, kind)" : "($group)::text";
		my $bits = $alone ? 'bit_or(1::bigint << person::int)' : 'bit_or(1::bigint << person.id::int)';
		my $all = "$bits AS whole, '' AS value";

		$from =~ s/^person$/person/;
		$where =~ s/\bid\b/person.id/g;
		my $groups = $from =~ /JOIN/ ? 'NULL' : "\$q\$$from WHERE $where $by\$q\$";
		my @groups = ($groups);
		my @measures = $alone ? any('count(*)', 'sum(amount)', 'count(*), count(DISTINCT year)', 'avg(amount)') : ('count(*)');
		my @cells = ("SELECT $label AS g, $bits AS who, $all FROM $from WHERE $where $by");

		if (rand() < 0.3)
		{
			my $filter = $alone ? purchases() : condition();

			$filter =~ s/\bid\b/person.id/g;
			push @measures, ($alone ? 'sum(amount)' : 'sum(age)') . " FILTER (WHERE $filter)";
			push @groups, 'NULL';
			push @cells, "SELECT $label AS g, $bits FILTER (WHERE $filter) AS who, $bits FILTER (WHERE $filter) AS whole, '' AS value FROM $from WHERE $where $by";
		}
		if (!$alone && rand() < 0.2)
		{
			push @measures, 'avg(salary)';
			push @groups, $groups;
			push @cells, "SELECT $label AS g, $bits FILTER (WHERE salary IS NOT NULL) AS who, $bits AS whole, 'salary' AS value FROM $from WHERE $where $by";
		}
		my $statement = "SELECT $label AS g, " . join(', ', @measures) . " FROM $from WHERE $where $by";

		$script .= "SELECT try('$purpose', $k, \$q\$$statement\$q\$, ARRAY[" . join(', ', map { "\$q\$$_\$q\$" } @cells) . '], ARRAY[' . join(', ', @groups) . "]::text[], " . ($joins ? 'false' : 'true') . ");\n";
		# the same again is answered again
		$script .= "SELECT try('$purpose', $k, \$q\$$statement\$q\$, ARRAY[" . join(', ', map { "\$q\$$_\$q\$" } @cells) . '], ARRAY[' . join(', ', @groups) . "]::text[], false);\n" if rand() < 0.05;
	}
}
$node->safe_psql('postgres', $script);
is($node->safe_psql('postgres', q(SELECT what, count(*), min(purpose || ': ' || statement || ' ' || detail) FROM finding GROUP BY what ORDER BY what)), '', "what is shown is what may be (seed $seed)");
note($node->safe_psql('postgres', 'SELECT what, count(*) FROM tally GROUP BY what ORDER BY 2 DESC'));
cmp_ok($node->safe_psql('postgres', q(SELECT count(*) FROM tally WHERE what = 'answered')), '>', $statements / 10, 'enough were answered');
cmp_ok($node->safe_psql('postgres', q(SELECT count(*) FROM tally WHERE what = 'nearly the same')), '>', $statements / 20, 'and enough refused');
$node->stop;
done_testing();
