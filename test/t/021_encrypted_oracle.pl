# Random inserts, updates, deletes, moves, erasures, rotations, rollbacks, and a dump, of
# encrypted tables and of their plaintext twins: they agree after each step.
# ENCRYPTED_ORACLE_STEPS: how many (400); PRIVSEG_SEED: of what is random.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $steps = $ENV{ENCRYPTED_ORACLE_STEPS} // 400;
my $seed = $ENV{PRIVSEG_SEED} // 20261127;
srand($seed);
note "seed $seed";

my $node = PrivsegNode::init('encrypted_oracle');
$node->append_conf('postgresql.conf', 'privseg.fold_delay = 20');
$node->start;
my $columns = 'note, income, born, doc, agrees';
my $types = 'note text, income numeric, born date, doc jsonb, agrees boolean';
$node->safe_psql(
	'postgres', qq(
CREATE EXTENSION privseg;
CREATE ROLE app LOGIN;
CREATE TABLE person (id bigint PRIMARY KEY, $types);
CREATE TABLE account (id text PRIMARY KEY, $types);
CREATE TABLE visit (id int PRIMARY KEY, person bigint NOT NULL, $types) PARTITION BY RANGE (id);
CREATE INDEX ON visit (person);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (MINVALUE) TO (50);
CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (50) TO (MAXVALUE);
CREATE TABLE person_twin (LIKE person INCLUDING ALL);
CREATE TABLE account_twin (LIKE account INCLUDING ALL);
CREATE TABLE visit_twin (id int PRIMARY KEY, person bigint NOT NULL, $types);
SELECT privseg.create_purpose('care', 'contract'), privseg.create_data_category('user.health');
SELECT privseg.protect('person', 'id'), privseg.protect('account', 'id'), privseg.protect('visit', 'person', 'person');
SELECT privseg.grant_clearance('app', 'care'), privseg.grant_clearance('app', 'care', 'user.health', '{project,filter,write}');
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
SELECT privseg.encrypt_column(t, c, 'user.health', c IN ('income', 'born')) FROM unnest('{person,account,visit}'::regclass[]) t, unnest('{note,income,born,doc,agrees}'::name[]) c;
CREATE INDEX ON person (income); CREATE INDEX ON account USING hash (income); CREATE INDEX ON visit (income, id);
CREATE INDEX ON person USING hash (born); CREATE INDEX ON account (born); CREATE INDEX ON visit USING hash (born);
ALTER ROLE app SET privseg.purpose = 'care';
));

sub literal { return defined $_[0] ? "'$_[0]'" : 'NULL'; }

# values of the five columns, some of them NULL
sub values_of_row
{
	my $long = rand() < 0.05 ? 'x' x int(rand 9000) : '';
	my @values = (
		"n$long" . int(rand 50), int(rand 1000) / 8, sprintf('%d-%02d-%02d', 1900 + rand 120, 1 + rand 12, 1 + rand 28),
		'{"k": ' . int(rand 9) . '}', rand() < 0.5 ? 'true' : 'false');

	return map { literal(rand() < 0.15 ? undef : $_) } @values;
}

sub key
{
	my ($table) = @_;
	my $n = int(rand 80);

	return $table eq 'account' ? "'" . ($n % 2 ? 'a key of more than sixteen bytes ' : 'k') . "$n'" : $n;
}

# one statement with %s for the table, or undef
sub statement
{
	my ($table) = @_;
	my $key = key($table);
	my $owner = $table eq 'visit' ? ', ' . key('person') : '';
	my $owner_column = $table eq 'visit' ? ', person' : '';
	my @values = values_of_row();
	my $all = join ', ', @values;
	my @column = split /, /, $columns;
	my $one = int(rand @column);
	my $kind = rand();

	return "INSERT INTO %s (id$owner_column, $columns) VALUES ($key$owner, $all) ON CONFLICT DO NOTHING" if $kind < 0.35;
	return "UPDATE %s SET $column[$one] = $values[$one] WHERE id = $key" if $kind < 0.55;
	return "UPDATE %s SET $column[$one] = NULL WHERE id = $key" if $kind < 0.6;
	return "DELETE FROM %s WHERE id = $key" if $kind < 0.7;
	return "UPDATE %s SET note = note::text || '+', income = income::numeric + 1 WHERE born::date > '1990-01-01' AND length(note::text) < 60" if $kind < 0.78;
	return "INSERT INTO %s (id$owner_column, $columns) VALUES ($key$owner, $all) ON CONFLICT (id) DO UPDATE SET ($columns) = (EXCLUDED.note, EXCLUDED.income, EXCLUDED.born, EXCLUDED.doc, EXCLUDED.agrees)" if $kind < 0.86 && $table ne 'visit';
	return "UPDATE %s SET id = id + 100 WHERE id = $key AND id < 50" if $kind < 0.92 && $table eq 'visit';
	return "MERGE INTO %s t USING (VALUES ($key)) v (id) ON t.id = v.id WHEN MATCHED AND t.agrees::boolean THEN DELETE WHEN MATCHED THEN UPDATE SET doc = '[1]'";
}

# all rows of a table, its encrypted columns as the base types
sub rows
{
	my ($table) = @_;

	return "SELECT id" . ($table =~ /^visit/ ? ', person' : '') . ", note::text, income::numeric, born::date, doc::jsonb, agrees::boolean FROM $table";
}

my @tables = qw(person account visit);
my $differing = 'SELECT ' . join(' + ', map { "(SELECT count(*) FROM ((" . rows($_) . ') EXCEPT ALL (' . rows("${_}_twin") . ')) x) + (SELECT count(*) FROM ((' . rows("${_}_twin") . ') EXCEPT ALL (' . rows($_) . ')) x)' } @tables);
# and what is found by an index on tags
my $found = 'SET jit = off; SET enable_seqscan = off; SELECT ' . join(' + ', map { my $table = $_; map {
	"(SELECT count(*) FROM (SELECT DISTINCT $_ FROM ${table}_twin UNION SELECT NULL) d WHERE (SELECT count(*) FROM $table x WHERE x.$_ = d.$_) <> (SELECT count(*) FROM ${table}_twin x WHERE x.$_ = d.$_))" } qw(income born) } @tables);
my ($bad, $did) = (0, 0);

# run as the app, or as a superuser; what the statement says of itself is not looked at
sub run_all
{
	my ($sql, $superuser) = @_;
	my ($out, $err);

	$node->psql('postgres', "SET client_min_messages = error; $sql", stdout => \$out, stderr => \$err, on_error_stop => 0, $superuser ? () : (extra_params => [ '-U', 'app' ]));
	return $out;
}

foreach my $step (1 .. $steps)
{
	my $kind = rand();
	my $sql = '';

	if ($kind < 0.85)
	{
		my @parts;
		foreach (1 .. 1 + rand 6)
		{
			my $table = $tables[rand @tables];
			my $template = statement($table);

			# both or none
			push @parts, "SAVEPOINT s; " . sprintf($template, $table) . '; ' . sprintf($template, "${table}_twin") . '; '
				. (rand() < 0.2 ? 'ROLLBACK TO s; ' : '') . 'RELEASE s;';
		}
		$sql = 'BEGIN; ' . join(' ', @parts) . (rand() < 0.15 ? ' ROLLBACK;' : ' COMMIT;');
		run_all($sql);
	}
	elsif ($kind < 0.9)
	{
		# erased: what is written of them later is of another key
		my $table = rand() < 0.7 ? 'person' : 'account';
		my $key = key($table);
		my $clear = join ', ', map { "$_ = NULL" } split /, /, $columns;

		run_all("SELECT privseg.shred_subject('$table', " . ($table eq 'account' ? $key : "$key\::bigint") . "); SET row_security = off; UPDATE ${table}_twin SET $clear WHERE id = $key;"
			. ($table eq 'person' ? " UPDATE visit_twin SET $clear WHERE person = $key;" : ''), 1);
	}
	elsif ($kind < 0.94)
	{
		# moved to another subject, in maintenance
		my ($from, $to) = (key('person'), key('person'));

		run_all("SET row_security = off; BEGIN; UPDATE visit SET person = $to WHERE person = $from; UPDATE visit_twin SET person = $to WHERE person = $from; COMMIT;", 1);
	}
	elsif ($kind < 0.97) { run_all('SELECT privseg.rotate_epoch(' . (rand() < 0.5 ? '1' : '') . ')', 1); }
	else { run_all('SELECT privseg.fold_keys()', 1); }
	$did++;
	my $answer = run_all("$differing; $found");
	if ($answer ne "0\n0")
	{
		$bad++;
		diag("step $step: '$answer' rows differ after: $sql");
		last if $bad > 3;
	}
}
my $by = run_all($found =~ s/SELECT/EXPLAIN SELECT/r);
is(scalar(() = $by =~ /Index (?:Only )?Scan .*(?:income|born)/g), 8, 'what is found is found by indexes');
is($bad, 0, "$did steps: encrypted tables and their twins agree");
my $counts = run_all(join ' UNION ALL ', map { "SELECT count(*) FROM $_" } @tables);
cmp_ok($counts =~ s/\n/+/gr =~ s/(\d+)\+(\d+)\+(\d+)/$1 + $2 + $3/er, '>', 60, 'and there are rows');

# all of it in a dump
my $file = PostgreSQL::Test::Utils::tempdir . '/oracle.sql';
$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored; ALTER ROLE app SET privseg.purpose = care');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr('restored') ], 'restored');
$node->safe_psql('restored', 'SELECT privseg.fold_consent()');
is($node->safe_psql('restored', "SET client_min_messages = error; $differing; $found", extra_params => [ '-U', 'app' ]), "0\n0", 'and they agree there');
$node->stop;
done_testing();
