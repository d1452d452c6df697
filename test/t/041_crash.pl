# Crashes lose no record that was acknowledged and keep none that was not; pages
# and records agree afterwards.  Prepared transactions count when they commit,
# also when the server went down in between.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PrivsegNode::init('crash');
$node->append_conf('postgresql.conf', q(
restart_after_crash = on
max_prepared_transactions = 10
privseg.fold_delay = 0
));
$node->start;
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION privseg;
CREATE ROLE analyst LOGIN;
CREATE TABLE people (id bigint PRIMARY KEY);
CREATE TABLE handles (id text PRIMARY KEY);
INSERT INTO people SELECT generate_series(1, 2000);
INSERT INTO handles SELECT 'h' || id FROM people;
GRANT SELECT ON people, handles TO analyst;
CREATE FUNCTION person(who bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT id FROM people WHERE id = who); END $$;
SELECT privseg.create_purpose('mail', 'consent'), privseg.create_purpose('fraud', 'legitimate_interests');
SELECT privseg.protect('people', 'id'), privseg.protect('handles', 'id');
SELECT privseg.grant_clearance('analyst', 'mail'), privseg.grant_clearance('analyst', 'fraud');
SELECT privseg.record_consent('people', g, 'mail', 'given'), privseg.record_consent('handles', 'h' || g, 'mail', 'given') FROM generate_series(1, 2000, 2) g;
SELECT privseg.fold_consent();
));
my @as_analyst = (extra_params => [ '-U', 'analyst' ]);

# What is shown -- in one scan, and person by person -- is what the records say.
sub agrees
{
	my ($name) = @_;

	foreach my $purpose ('mail', 'fraud')
	{
		my $said = $node->safe_psql('postgres', "SELECT count(*), sum(g) FROM generate_series(1, 2000) g WHERE privseg.permitted('people', g, '$purpose')");
		my $handles = $node->safe_psql('postgres', "SELECT count(*), sum(g) FROM generate_series(1, 2000) g WHERE privseg.permitted('handles', 'h' || g, '$purpose')");
		is($node->safe_psql('postgres', "SET privseg.purpose = '$purpose'; SELECT count(*), sum(id) FROM people; SELECT count(*), sum(substr(id, 2)::int) FROM handles;
			SELECT count(p), sum(p) FROM (SELECT person(g) AS p FROM generate_series(1, 2000) g OFFSET 0) s", @as_analyst),
			"$said\n$handles\n$said", "$name: pages and records agree about $purpose");
	}
	return;
}

sub everything_folds
{
	my ($name) = @_;
	my $left;

	foreach (1 .. 100)
	{
		$left = $node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta');
		last if $left == 0;
		usleep(100_000);
	}
	is($left, '0', "$name: the worker folds");
	$node->safe_psql('postgres', 'SELECT privseg.fold_consent()');
	agrees("$name, folded");
	return;
}

#
# A backend is killed, or the server stopped, while records are written
#
my $dir = PostgreSQL::Test::Utils::tempdir;
foreach my $writer (0 .. 2)
{
	my @statements = map {
		my $who = 1 + ($_ * 7 + $writer * 501) % 2000;
		my $word = ($_ + $writer) % 3 ? 'withdrawn' : 'given';
		($_ % 5 == 0 ? "SELECT privseg.record_objection('people', $who, 'fraud');"
			: $_ % 5 == 1 ? "SELECT privseg.record_consent('handles', 'h$who', 'mail', '$word');"
			: "SELECT privseg.record_consent('people', $who, 'mail', '$word');") } 1 .. 30_000;
	append_to_file("$dir/writer$writer", join "\n", @statements, '');
}

# Start the writers, do the deed while they write; the numbers acknowledged.
sub while_writing
{
	my ($deed) = @_;
	my (@numbers, @writers);

	unlink map { "$dir/said$_" } 0 .. 2;
	foreach my $writer (0 .. 2)
	{
		push @writers, IPC::Run::start([ qw(psql -XAtq -f), "$dir/writer$writer", '-o', "$dir/said$writer", '-d',
			$node->connstr('postgres') . " application_name=writer$writer" ], '<', \undef, '>', \my $out, '2>', \my $err);
	}
	$node->poll_query_until('postgres', q(SELECT count(*) > 2000 FROM privseg.consent_record WHERE id > ) . $node->safe_psql('postgres', 'SELECT max(id) FROM privseg.consent_record')) or die 'nobody writes';
	$deed->();
	$_->finish foreach @writers;
	push @numbers, split /\n/, slurp_file("$dir/said$_") foreach 0 .. 2;
	return grep { /^\d+$/ } @numbers;
}

sub nothing_lost
{
	my ($name, @numbers) = @_;
	my $list = join ',', @numbers;

	cmp_ok(scalar @numbers, '>', 500, "$name: records were acknowledged");
	is($node->safe_psql('postgres', "SELECT count(*) FROM privseg.consent_record WHERE id IN ($list)"), scalar @numbers, "$name: and none is lost");
	is(outcome("DELETE FROM privseg.consent_record"), '42501', "$name: append-only");
	agrees($name);
	everything_folds($name);
	return;
}

sub outcome
{
	my ($sql, @more) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", @more);
	return $err =~ /(?:ERROR|FATAL): +(\w+)/ ? $1 : $out;
}

my @numbers = while_writing(
	sub {
		my $pid = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE application_name = 'writer1'));
		kill 'KILL', $pid or die 'no backend to kill';
		$node->poll_query_until('postgres', 'SELECT true') or die 'no restart';
	});
nothing_lost('backend killed', @numbers);
like(slurp_file($node->logfile), qr/all server processes terminated; reinitializing/, 'that was a crash');

@numbers = while_writing(sub { $node->stop('immediate') });
$node->start;
nothing_lost('immediate stop', @numbers);

# A bulk import and a rebuild that did not end leave nothing.
my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_record');
my $open = $node->background_psql('postgres');
$open->query_safe(q(BEGIN; INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT 'people', g::text, 'mail', 'given' FROM generate_series(1, 2000) g));
my $rebuilding = $node->background_psql('postgres');
$rebuilding->query_safe(q(BEGIN; SELECT privseg.rebuild_consent('handles')));
$node->stop('immediate');
$_->quit foreach $open, $rebuilding;
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_record'), $before, 'an import that did not commit is gone');
agrees('import and rebuild cut short');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_class WHERE relnamespace = 'privseg'::regnamespace AND relpersistence <> 'p')), '0', 'nothing of privseg is unlogged');

#
# Prepared transactions
#
$node->safe_psql('postgres', q(SELECT privseg.record_consent('people', g, 'mail', CASE WHEN g % 2 = 0 THEN 'given' ELSE 'withdrawn' END) FROM generate_series(1, 10) g; SELECT privseg.fold_consent()));
my $ask = 'SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM people WHERE id <= 10';
my $session;
sub seen
{
	# twice, and one by one: pages are kept between statements
	my @points = map { $session->query_safe("SELECT id FROM people WHERE id = $_") } 1 .. 10;
	my $points = join ' ', grep { $_ ne '' } @points;
	my $scan = $session->query_safe($ask);
	return $points eq $scan ? $scan : "one by one: $points; scan: $scan";
}
sub connect_reader
{
	$session = $node->background_psql('postgres', @as_analyst);
	$session->query_safe(q(SET privseg.purpose = 'mail'));
	return;
}
connect_reader();
is(seen(), '2 4 6 8 10', 'who permits');
is(seen(), '2 4 6 8 10', 'kept');
$node->safe_psql('postgres', "BEGIN; $_->[1]; PREPARE TRANSACTION '$_->[0]'") foreach
  [ one => q(SELECT privseg.record_consent('people', 1, 'mail', 'given'), privseg.withdraw_consent('people', 2, 'mail')) ],
  [ two => q(SELECT privseg.record_consent('people', 3, 'mail', 'given'), privseg.withdraw_consent('people', 4, 'mail')) ],
  [ three => q(SELECT privseg.withdraw_consent('people', 6)) ];
is(seen(), '2 4 6 8 10', 'prepared: pending');
$node->safe_psql('postgres', q(SELECT privseg.record_consent('people', 5, 'mail', 'given'); SELECT privseg.fold_consent()));
is(seen(), '2 4 5 6 8 10', 'prepared: others are folded meanwhile');
$node->safe_psql('postgres', q(COMMIT PREPARED 'one'));
is(seen(), '1 4 5 6 8 10', 'committed: counts at once');
everything_folds('committed');

$node->stop('immediate');
$session->quit;
$node->start;
is($node->safe_psql('postgres', q(SELECT string_agg(gid, ' ' ORDER BY gid) FROM pg_prepared_xacts)), 'three two', 'two are there after a crash');
connect_reader();
is(seen(), '1 4 5 6 8 10', 'after a crash: pending');
is(seen(), '1 4 5 6 8 10', 'kept');
$node->safe_psql('postgres', q(SELECT privseg.record_consent('people', 7, 'mail', 'given'); SELECT privseg.rebuild_consent('people')));
is(seen(), '1 4 5 6 7 8 10', 'after a crash: a rebuild goes past them');
$node->safe_psql('postgres', q(COMMIT PREPARED 'two'));
is(seen(), '1 3 5 6 7 8 10', 'after a crash: committed, counts at once');
$node->safe_psql('postgres', q(ROLLBACK PREPARED 'three'));
is(seen(), '1 3 5 6 7 8 10', 'after a crash: rolled back, counts for nothing');
everything_folds('after a crash');

# A bulk import folds itself, and holds the fold lock until it ends: prepared,
# it must not stop those who record consent, and those who fold wait for it.
$node->safe_psql('postgres', q(BEGIN; INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
	SELECT 'people', g::text, 'mail', 'given' FROM generate_series(1, 2000) g; PREPARE TRANSACTION 'bulk'));
is(seen(), '1 3 5 6 7 8 10', 'prepared import: pending');
is(outcome(q(SET statement_timeout = '5s'; SELECT privseg.withdraw_consent('people', 1, 'mail') > 0)), 't', 'prepared import: records are taken');
is(seen(), '3 5 6 7 8 10', 'prepared import: and obeyed');
is(outcome(q(SET statement_timeout = '1s'; SELECT privseg.fold_consent('people') > 0)), '57014', 'prepared import: a fold waits');
$node->stop('immediate');
$session->quit;
$node->start;
connect_reader();
is(seen(), '3 5 6 7 8 10', 'prepared import, crash: pending');
$node->safe_psql('postgres', q(COMMIT PREPARED 'bulk'));
is(seen(), '2 3 4 5 6 7 8 9 10', 'prepared import: committed; the later withdrawal stands');
everything_folds('prepared import');
is(seen(), '2 3 4 5 6 7 8 9 10', 'folded');
$session->quit;

$node->stop('fast');
my $killed = () = slurp_file($node->logfile) =~ /was terminated by signal|PANIC|TRAP/g;
is($killed, 1, 'one backend died, the one that was killed');

done_testing();
