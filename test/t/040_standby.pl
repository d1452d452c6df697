# A hot standby polices reads as the primary does, by what has been replayed and
# by the time it is; promoted, it takes records and folds them.

use strict;
use warnings;

use List::Util qw(sum0);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my $people = 1000;
my $primary = PrivsegNode::init('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', q(
privseg.fold_delay = -1
max_prepared_transactions = 10
hot_standby_feedback = on
min_parallel_table_scan_size = 0
));
$primary->start;

# One made-up person has the number g in four tables, whose keys differ in kind.
$primary->safe_psql(
	'postgres', qq(
CREATE EXTENSION privseg;
CREATE ROLE analyst LOGIN;
CREATE ROLE stranger LOGIN;
CREATE TABLE people (id bigint PRIMARY KEY, g int);
CREATE TABLE sparse (id bigint PRIMARY KEY, g int);
CREATE TABLE accounts (id uuid PRIMARY KEY, g int);
CREATE TABLE handles (id text PRIMARY KEY, g int);
CREATE TABLE visits (person_id bigint, n int);
CREATE INDEX ON visits (person_id);
INSERT INTO people SELECT g, g FROM generate_series(1, $people) g;
INSERT INTO sparse SELECT g * 1000003::bigint, g FROM people;
INSERT INTO accounts SELECT md5(g::text)::uuid, g FROM people;
INSERT INTO handles SELECT 'h' || g, g FROM people;
INSERT INTO visits SELECT g, g FROM people ORDER BY g % 7;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst, stranger;
ANALYZE;
SELECT privseg.protect(t, 'id') FROM unnest('{people,sparse,accounts,handles}'::regclass[]) t;
SELECT privseg.protect('visits', 'person_id', 'people');
CREATE FUNCTION say(g int, purpose text, status text, starts timestamptz DEFAULT now(), ends timestamptz DEFAULT NULL) RETURNS void LANGUAGE sql AS \$\$
	SELECT privseg.record_consent('people', g, purpose, status, effective_at => starts, expires_at => ends);
	SELECT privseg.record_consent('sparse', g * 1000003::bigint, purpose, status, effective_at => starts, expires_at => ends);
	SELECT privseg.record_consent('accounts', md5(g::text)::uuid, purpose, status, effective_at => starts, expires_at => ends);
	SELECT privseg.record_consent('handles', 'h' || g, purpose, status, effective_at => starts, expires_at => ends) \$\$;
CREATE FUNCTION object(g int, purpose text) RETURNS void LANGUAGE sql AS \$\$
	SELECT privseg.record_objection('people', g, purpose), privseg.record_objection('sparse', g * 1000003::bigint, purpose),
		privseg.record_objection('accounts', md5(g::text)::uuid, purpose), privseg.record_objection('handles', 'h' || g, purpose) \$\$;
CREATE FUNCTION person(who bigint) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN RETURN (SELECT g FROM people WHERE id = who); END \$\$;
CREATE FUNCTION account(who uuid) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN RETURN (SELECT g FROM accounts WHERE id = who); END \$\$;
SELECT privseg.create_purpose('mail', 'consent'), privseg.create_purpose('fraud', 'legitimate_interests');
SELECT say(g, 'mail', 'given') FROM generate_series(3, $people, 3) g;
SELECT object(g, 'fraud') FROM generate_series(5, $people, 5) g;
SELECT privseg.fold_consent();
-- under this isolation nothing is folded: sets that are never built
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT privseg.create_purpose('later', 'consent'), privseg.create_purpose('safety', 'public_interest');
COMMIT;
SELECT say(g, 'later', 'given') FROM generate_series(11, $people, 11) g;
SELECT privseg.grant_clearance('analyst', p) FROM unnest('{mail,fraud,later,safety}'::text[]) p;
));
# Who permits what: the truth, kept here.
my %permits = (
	mail => { map { $_ => 1 } grep { $_ % 3 == 0 } 1 .. $people },
	fraud => { map { $_ => 1 } grep { $_ % 5 != 0 } 1 .. $people },
	later => { map { $_ => 1 } grep { $_ % 11 == 0 } 1 .. $people },
	safety => { map { $_ => 1 } 1 .. $people });

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub catch_up { return $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')); }

my $only = sub { my %on = map { $_ => 1 } @_; join ' ', map { "SET LOCAL enable_$_ = " . ($on{$_} ? 'on;' : 'off;') } qw(seqscan indexscan indexonlyscan bitmapscan) };
my $workers = 'SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL max_parallel_workers_per_gather = 2;';
my @reads = (
	[ 'sequential scan' => $only->('seqscan'), 'count(*), sum(g) FROM people' ],
	[ 'index scan' => $only->('indexscan'), 'count(*), sum(g) FROM people WHERE id > 0' ],
	[ 'bitmap scan' => $only->('bitmapscan'), 'count(*), sum(g) FROM people WHERE id > 0' ],
	[ 'index only scan' => $only->('indexonlyscan'), 'count(*), sum(id) FROM people WHERE id > 0' ],
	[ 'parallel' => $workers, 'count(*), sum(g) FROM people' ],
	[ 'parallel, uuid' => $workers, 'count(*), sum(g) FROM accounts' ],
	[ 'sparse keys' => '', 'count(*), sum(g) FROM sparse' ],
	[ 'uuid' => '', 'count(*), sum(g) FROM accounts' ],
	[ 'text' => '', 'count(*), sum(g) FROM handles' ],
	[ 'child' => '', 'count(*), sum(n) FROM visits' ],
	[ 'join' => '', 'count(*), sum(n) FROM people JOIN visits ON person_id = id' ],
	[ 'one by one' => '', "count(p), sum(p) FROM (SELECT person(g) AS p FROM generate_series(1, $people) g OFFSET 0) s" ],
	[ 'one by one, uuid' => '', "count(p), sum(p) FROM (SELECT account(md5(g::text)::uuid) AS p FROM generate_series(1, $people) g OFFSET 0) s" ]);

# Every way of reading shows those who permit, and nobody else.
sub shows_the_truth
{
	my ($node, $name, @purposes) = @_;

	foreach my $purpose (@purposes)
	{
		my @who = keys %{ $permits{$purpose} };
		my $truth = @who . '|' . sum0(@who);
		my $sql = join "\n", "SET privseg.purpose = '$purpose';", map { "BEGIN; $_->[1] SELECT '$_->[0]', $_->[2]; COMMIT;" } @reads;
		my @got = split /\n/, $node->safe_psql('postgres', $sql, extra_params => [ '-U', 'analyst' ]);

		is(scalar @got, scalar @reads, "$name, $purpose: every read answers");
		is(join("\n", grep { !/\|\Q$truth\E$/ } @got), '', "$name, $purpose: the right $truth");
	}
	return;
}

# A change of what one person permits, and the truth about it.
sub say_to
{
	my ($node, $purpose, $status, @who) = @_;

	$node->safe_psql('postgres', join '', map { $status eq 'objection' ? "SELECT object($_, '$purpose');" : "SELECT say($_, '$purpose', '$status');" } @who);
	$status eq 'given' ? ($permits{$purpose}{$_} = 1) : delete $permits{$purpose}{$_} foreach @who;
	return;
}

sub outcome
{
	my ($node, $sql, $user) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", extra_params => [ '-U', $user // 'postgres' ]);
	return $err =~ /(?:ERROR|FATAL): +(\w+)/ ? $1 : $out;
}

#
# The same is shown, and the same refused
#
catch_up();
is($standby->safe_psql('postgres', q(SELECT count(*) FROM privseg.consent_set s JOIN privseg.purposes p ON p.id = s.purpose WHERE name IN ('later', 'safety'))),
	'0', 'two purposes have no sets');
shows_the_truth($primary, 'on the primary', qw(mail fraud later safety));
shows_the_truth($standby, 'on the standby', qw(mail fraud later safety));
like($standby->safe_psql('postgres', "SET privseg.purpose = 'mail'; BEGIN; $workers EXPLAIN SELECT count(*), sum(g) FROM people", extra_params => [ '-U', 'analyst' ]),
	qr/Workers Planned: 2/, 'with workers');
foreach my $case (
	[ stranger => q(SET privseg.purpose = 'mail'; SELECT count(*) FROM people), '42501' ],
	[ analyst => 'SELECT count(*) FROM people', '42501' ],
	[ analyst => q(SET privseg.purpose = 'nothing'; SELECT count(*) FROM people), '42501' ],
	[ analyst => q(SET privseg.purpose = 'mail'; SET row_security = off; SELECT count(*) FROM people), '42501' ],
	[ postgres => q(SET privseg.purpose = 'mail'; SELECT count(*) FROM people), '42501' ],
	[ postgres => q(SET row_security = off; SELECT count(*) FROM people), $people ],
	map { [ postgres => $_, '25006' ] } (
		q(SELECT privseg.record_consent('people', 1, 'mail', 'given')), q(SELECT privseg.withdraw_consent('people', 3, 'mail')),
		q(SELECT privseg.record_objection('people', 1, 'fraud')), q(SELECT privseg.record_signal('people', 1, 'gpc')),
		q(INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) VALUES ('people', '1', 'mail', 'given')),
		q(SELECT privseg.create_purpose('p', 'consent')), q(SELECT privseg.publish_notice('n', '1', 'en', 'x', '{mail}')),
		q(SELECT privseg.grant_clearance('stranger', 'mail')), q(SELECT privseg.revoke_clearance('analyst', 'mail')),
		q(SELECT privseg.fold_consent()), q(SELECT privseg.rebuild_consent()), q(SELECT privseg.unprotect('visits'))))
{
	my ($user, $sql, $expected) = @$case;
	is(outcome($standby, $sql, $user), $expected, "$user: $sql");
}
my $explain = q(SELECT g, privseg.explain_decision('people', g, p) FROM generate_series(1, 40) g, unnest('{mail,fraud,later}'::text[]) p);
is($standby->safe_psql('postgres', $explain), $primary->safe_psql('postgres', $explain), 'decisions are explained alike');
my $receipt = $primary->safe_psql('postgres', q(SELECT quote_literal(privseg.consent_receipt('people', 3)::text)));
is(outcome($standby, "SELECT privseg.verify_receipt($receipt)"), 't', 'a receipt of the primary verifies');

#
# Changes: seen from the moment they are replayed, deltas or not
#
my $session = $standby->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'analyst' ]);
my $count = 'SELECT count(*) FROM people';
my $point = 'SELECT count(*) FROM people WHERE id = 6';
my $before = keys %{ $permits{mail} };
$session->query_safe(q(SET privseg.purpose = 'mail'));
is($session->query_safe($point), '1', 'someone permits') foreach 1 .. 2;
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$standby->poll_query_until('postgres', q(SELECT pg_get_wal_replay_pause_state() = 'paused')) or die;
say_to($primary, 'mail', 'withdrawn', 6, 9);
is($session->query_safe("$point; $count"), "1\n$before", 'before it is replayed a withdrawal is not known');
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
catch_up();
is($session->query_safe("$point; $count"), "0\n" . ($before - 2), 'once it is replayed it is obeyed');
$session->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; DECLARE c CURSOR FOR SELECT g FROM people; MOVE 100 IN c');
say_to($primary, 'mail', 'given', 6, 7, 8);
say_to($primary, 'later', 'withdrawn', 22);
say_to($primary, 'safety', 'objection', 22);
catch_up();
cmp_ok($standby->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta'), '>', 0, 'nothing was folded');
shows_the_truth($standby, 'unfolded', qw(mail fraud later safety));
is($session->query_safe($count), $before - 2, 'a snapshot stays what it is');

# a rebuild on the primary while the standby reads
local $ENV{PGOPTIONS} = '-c privseg.purpose=mail';
my $script = $standby->basedir . '/reads.sql';
append_to_file($script, sprintf "SELECT 1 / (count(*) = %d)::int FROM people;\nSELECT 1 / (count(*) = 1)::int FROM people WHERE id = 6;\n", scalar keys %{ $permits{mail} });
my $bench = IPC::Run::start([ qw(pgbench -n -U analyst -c 2 -T 1 -f), $script, '-h', $standby->host, '-p', $standby->port, 'postgres' ], '>', \my $bench_out, '2>', \my $bench_err);
delete $ENV{PGOPTIONS};
foreach (1 .. 3)
{
	$primary->safe_psql('postgres', 'SELECT privseg.rebuild_consent(); SELECT privseg.fold_consent()');
	$primary->safe_psql('postgres', 'VACUUM privseg.consent_page, privseg.consent_set, privseg.consent_delta');
	catch_up();
}
$bench->finish;
is($bench_err =~ /(error:.*)/ ? $1 : '', '', 'during rebuilds the standby reads the same');
like($bench_out, qr/number of transactions actually processed: [1-9]/, 'and did read');
is($session->query_safe('MOVE ALL IN c'), '', 'a cursor from before goes on');
is($session->query_safe("$count; COMMIT; $count"), ($before - 2) . "\n" . keys %{ $permits{mail} }, 'and its snapshot, too');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta'), '0', 'all is folded');
shows_the_truth($standby, 'folded and rebuilt', qw(mail fraud later safety));

#
# Time passes on the standby alone
#
my $due = $primary->safe_psql('postgres', q(SELECT clock_timestamp() + interval '2 seconds'));
$primary->safe_psql('postgres', "SELECT say(12, 'mail', 'given', ends => '$due'), say(10, 'mail', 'given', '$due'), say(12, 'fraud', 'given', ends => '$due'), say(33, 'later', 'given', ends => '$due')");
$primary->safe_psql('postgres', 'SELECT privseg.fold_consent()');
catch_up();
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
like($session->query_safe("SELECT string_agg(id::text, ',' ORDER BY id), clock_timestamp() > '$due' FROM people WHERE id IN (10, 12)"), qr/^12\|f|t$/, 'before the moment');
$standby->poll_query_until('postgres', "SELECT clock_timestamp() > '$due'") or die;
is($session->query_safe('SELECT id FROM people WHERE id IN (10, 12)'), '10', 'after it, without a write');
delete @{ $permits{mail} }{12};
delete @{ $permits{later} }{33};
$permits{mail}{10} = 1;
shows_the_truth($standby, 'expired and come into effect', qw(mail fraud later safety));
$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');

# clearance, in a session that is connected
$primary->safe_psql('postgres', q(SELECT privseg.revoke_clearance('analyst', 'mail')));
catch_up();
like($session->query($count), qr/^$/, 'clearance revoked on the primary is gone here');
$session->{stderr} = '';
is(outcome($standby, "SET privseg.purpose = 'mail'; $count", 'analyst'), '42501', 'with the error');
$primary->safe_psql('postgres', q(SELECT privseg.grant_clearance('analyst', 'mail')));
catch_up();
is($session->query_safe($count), scalar keys %{ $permits{mail} }, 'and granted, back');

#
# Promotion
#
$primary->safe_psql('postgres', q(BEGIN; SELECT say(13, 'mail', 'given'), say(15, 'mail', 'withdrawn'); PREPARE TRANSACTION 'pending'));
catch_up();
$primary->stop('fast');
is($session->query_safe('SELECT id FROM people WHERE id IN (13, 15)'), '15', 'a prepared transaction is pending');
$standby->promote;
is($session->query_safe('SELECT id FROM people WHERE id IN (13, 15)'), '15', 'after promotion, too') foreach 1 .. 2;
$standby->safe_psql('postgres', q(COMMIT PREPARED 'pending'));
is($session->query_safe('SELECT id FROM people WHERE id IN (13, 15)'), '13', 'and counts when it commits');
$permits{mail}{13} = 1;
delete $permits{mail}{15};
say_to($standby, 'mail', 'withdrawn', 6);
say_to($standby, 'later', 'given', 2);
is($session->query_safe($point), '0', 'a withdrawal on the new primary is obeyed in an old session');
shows_the_truth($standby, 'promoted', qw(mail fraud later safety));
$standby->adjust_conf('postgresql.conf', 'privseg.fold_delay', '0');
$standby->reload;
say_to($standby, 'mail', 'given', 14);
my $folded;
foreach (1 .. 100)
{
	$folded = $standby->safe_psql('postgres', 'SELECT NOT EXISTS (SELECT FROM privseg.consent_delta) AND (SELECT count(*) = 16 FROM privseg.consent_set)');
	last if $folded eq 't';
	usleep(100_000);
}
is($folded, 't', 'its worker folds, and builds the sets that never were');
shows_the_truth($standby, 'folded by the worker', qw(mail fraud later safety));
$session->quit;
$standby->stop('fast');
unlike(slurp_file($_->logfile), qr/terminated by signal|PANIC|TRAP/, 'no crash of ' . $_->name) foreach $primary, $standby;

done_testing();
