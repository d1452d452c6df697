# The fold worker folds what it is asked to, in every database, stays while it
# is asked again, and stands in nobody's way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PrivsegNode::init('fold_worker');
$node->append_conf('postgresql.conf', "privseg.fold_delay = 20ms\nmax_prepared_transactions = 2\n");
$node->start;
foreach my $database ('one', 'two')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql(
		$database, q(
CREATE EXTENSION privseg;
CREATE TABLE people (id bigint PRIMARY KEY);
INSERT INTO people SELECT generate_series(1, 1000);
SELECT privseg.create_purpose('mail', 'consent'), privseg.protect('people', 'id');
SELECT privseg.fold_consent();
));
}

sub comes_true
{
	my ($database, $query) = @_;

	foreach (1 .. 300)
	{
		return 1 if $node->safe_psql($database, $query) eq 't';
		usleep(20_000);
	}
	return 0;
}

my $folded = 'SELECT count(*) = 0 FROM privseg.consent_delta';

#
# While changes keep coming, one worker folds them all
#
# In one session, which asks again at once however busy the machine is.
my ($folded_ones, $workers) = split /\|/, $node->safe_psql('one', q(
CREATE TEMP TABLE fold (who int PRIMARY KEY);
CREATE TEMP TABLE worker (pid int PRIMARY KEY);
DO $$
BEGIN
	FOR asked IN 1 .. 20 LOOP
		PERFORM privseg.record_consent('people', asked, 'mail', 'given');
		COMMIT;
		FOR i IN 1 .. 3000 LOOP
			INSERT INTO worker SELECT pid FROM pg_stat_activity WHERE backend_type = 'privseg fold' ON CONFLICT DO NOTHING;
			COMMIT;
			INSERT INTO fold SELECT asked WHERE NOT EXISTS (SELECT FROM privseg.consent_delta);
			EXIT WHEN FOUND;
			PERFORM pg_sleep(0.01);
		END LOOP;
	END LOOP;
END $$;
SELECT (SELECT count(*) FROM fold), (SELECT count(*) FROM worker);
));
is($folded_ones, 20, 'each record is folded');
cmp_ok($workers, '>', 0, 'by a worker');
cmp_ok($workers, '<', 10, 'not by a process each');
ok(comes_true('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'privseg fold'"),
	'a worker that nobody asks ends');
is($node->safe_psql('one', "SELECT sum(count) FROM privseg.consent_page"), '20', 'the pages know them');

#
# A busy database does not keep the worker from another
#
my $script = PostgreSQL::Test::Utils::tempdir . '/busy.sql';
append_to_file($script, "\\set id random(1, 1000)\nSELECT privseg.record_consent('people', :id::bigint, 'mail', 'given');\n");
my $busy = IPC::Run::start(
	[ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-U', 'postgres', '-T', '60', '-c', '2', '-f', $script, 'one' ],
	'>', \my $out, '2>', \my $err);
ok(comes_true('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'privseg fold' AND datname = 'one'"), 'one database is busy');
foreach my $who (1 .. 3)
{
	$node->safe_psql('two', "SELECT privseg.record_consent('people', $who, 'mail', 'given')");
	ok(comes_true('two', $folded), "record $who of the other one is folded");
}
$busy->kill_kill;
ok(comes_true('one', $folded), 'in the busy one nothing is left');

#
# The settings are read again
#
$node->safe_psql('two', "SELECT privseg.record_consent('people', 10, 'mail', 'given')");
ok(comes_true('two', $folded), 'the worker is there');
$node->adjust_conf('postgresql.conf', 'privseg.fold_delay', '-1');
$node->reload;
ok(comes_true('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'privseg fold'"), 'switched off, it ends');
$node->safe_psql('two', "SELECT privseg.record_consent('people', 11, 'mail', 'given')");
usleep(500_000);
is($node->safe_psql('two', 'SELECT count(*) FROM privseg.consent_delta'), '1', 'and nothing is folded');
is($node->safe_psql('two', "SELECT privseg.permitted('people', 11, 'mail')"), 't', 'which no decision waits for');
$node->adjust_conf('postgresql.conf', 'privseg.fold_delay', '0');
$node->reload;

#
# What time changes is folded when it is due, whoever asks
#
my $agenda = 'SELECT count(*) = 0 FROM privseg.consent_agenda';
$node->safe_psql('two', "SELECT privseg.record_consent('people', 20, 'mail', 'given', expires_at => clock_timestamp() + interval '3 seconds')");
ok(comes_true('two', "SELECT NOT ($agenda)"), 'an expiry is on the agenda');
ok(comes_true('two', "SELECT ($agenda) AND ($folded)"), 'it is folded when it is due, and nobody had to ask');
is($node->safe_psql('two', "SELECT privseg.permitted('people', 20, 'mail')"), 'f', 'the consent has expired');

#
# What could not be folded when it was asked for is folded later
#
my $holder = $node->background_psql('two');
$holder->query_safe("BEGIN; SELECT privseg.fold_consent();");
$node->safe_psql('two', "SELECT privseg.record_consent('people', 21, 'mail', 'given')");
usleep(300_000);
is($node->safe_psql('two', $folded), 'f', 'nothing is folded while somebody else folds');
$holder->query_safe("COMMIT");
ok(comes_true('two', $folded), 'and then it is');
$holder->quit;

$node->safe_psql('two', "BEGIN; SELECT privseg.record_consent('people', 22, 'mail', 'given'); PREPARE TRANSACTION 'later';");
$node->safe_psql('two', "COMMIT PREPARED 'later'");
ok(comes_true('two', $folded), 'what a prepared transaction has recorded is folded when it is committed');

$node->adjust_conf('postgresql.conf', 'privseg.fold_delay', '-1');
$node->reload;
usleep(200_000);
$node->safe_psql('two', "SELECT privseg.record_consent('people', 23, 'mail', 'given')");
$node->adjust_conf('postgresql.conf', 'privseg.fold_delay', '0');
$node->restart;
usleep(300_000);
is($node->safe_psql('two', $folded), 'f', 'after a start nobody knows what is to be folded');
$node->safe_psql('two', q(CREATE ROLE mailer; GRANT SELECT ON people TO mailer; SELECT privseg.grant_clearance('mailer', 'mail');));
is($node->safe_psql('two', "SET ROLE mailer; SET privseg.purpose = 'mail'; SELECT max(id) FROM people"), '23', 'somebody reads under the policy');
ok(comes_true('two', $folded), 'and the database is folded');

#
# Dropping is not in its way
#
$node->safe_psql('two', "SELECT privseg.record_consent('people', 12, 'mail', 'given')");
ok(comes_true('two', $folded), 'it folds again');
$node->safe_psql('two', 'DROP EXTENSION privseg CASCADE; CREATE EXTENSION privseg;');
is($node->safe_psql('two', 'SELECT count(*) FROM privseg.consent_delta'), '0', 'the extension is dropped and made anew under it');
$node->safe_psql('one', "SELECT privseg.record_consent('people', 12, 'mail', 'given')");
foreach my $database ('one', 'two')
{
	my ($status, undef, $said) = $node->psql('postgres', "DROP DATABASE $database");
	is($status, 0, "database $database can be dropped at once") or diag($said);
}
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|signal 11/, 'nothing crashed');

$node->stop;
done_testing();
