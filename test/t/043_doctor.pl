# What privseg.check() finds of the server it runs in: libraries, its configuration, the
# launcher of the fold worker; and that it runs on a hot standby, beside tables of other sessions.


use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PrivsegNode::init('doctor', allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_trgm, pg_stat_statements, privseg'\nlog_statement = none\nlog_min_error_statement = fatal\n");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION privseg;
	CREATE ROLE auditor LOGIN;
	GRANT privseg_auditor TO auditor;
	CREATE TABLE people (id bigint PRIMARY KEY, n int);
	INSERT INTO people SELECT generate_series(1, 9);
	CREATE TABLE lead (id int, email text);
	SELECT privseg.create_purpose('mail', 'consent');
));

# the findings about it, as an auditor gets them
sub found
{
	my ($about, $asked) = @_;
	return ($asked // $node)->safe_psql('postgres', "SELECT status, object, message FROM privseg.check() WHERE object ~ '$about'", extra_params => [ '-U', 'auditor' ]);
}

sub becomes
{
	my ($about, $expected, $name) = @_;
	my $got;

	foreach (1 .. 300)
	{
		$got = found($about);
		last if $got eq $expected;
		usleep(20_000);
	}
	is($got, $expected, $name);
	return;
}

is(found('^librar'), 'gap|library pg_trgm|nobody has tried it beside privseg', 'a library that is not known');
is(found('track_utility'), '', 'settings do not matter where nothing is protected');
$node->safe_psql('postgres', q(SELECT privseg.protect('people', 'id')));
my $utility = 'gap|pg_stat_statements.track_utility|is on: pg_stat_statements keeps the text of CREATE TABLE AS, COPY, DECLARE and the like as it is, with every value in it';
is(found('track_utility'), $utility, 'but where something is');
is(found('^log_'), '', 'the log gets nothing');

# a role's own setting does not hide the server's
$node->safe_psql('postgres', 'ALTER ROLE auditor SET log_min_duration_statement = -1');
$node->append_conf('postgresql.conf', "log_min_duration_statement = '3s'\nlog_parameter_max_length = 0\nprivseg.fold_delay = -1\n");
$node->reload;
becomes('^log_', 'gap|log_min_duration_statement of the server|is 3s: the log gets the text of slow statements, with every value in it', 'the configuration of the server');
becomes('^fold worker', 'gap|fold worker|is switched off: privseg.fold_delay is -1', 'the fold worker is off');
$node->append_conf('postgresql.conf', "privseg.fold_delay = 200\n");
$node->reload;
becomes('^fold worker', '', 'and on');

# neither tables of other sessions nor locks of tables that are not protected are in its way
my $other = $node->background_psql('postgres');
$other->query_safe('CREATE TEMP TABLE theirs (email text); BEGIN; LOCK TABLE lead IN ACCESS EXCLUSIVE MODE');
is($node->safe_psql('postgres', "SET lock_timeout = '2s'; SELECT object FROM privseg.check() WHERE message ~ 'personal data'", extra_params => [ '-U', 'auditor' ]), 'public.lead', 'tables that are locked, and temporary ones of others, are in no way');
$other->query_safe('ROLLBACK');
$other->quit;

# a standby
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my $all = q(SELECT status, object, message FROM privseg.check());
is($standby->safe_psql('postgres', $all, extra_params => [ '-U', 'auditor' ]), $node->safe_psql('postgres', $all, extra_params => [ '-U', 'auditor' ]), 'a standby finds the same');
$standby->stop;

# the launcher: a small machine has no ps, and process 0 is our whole group
my ($pid) = map { m{^/proc/(\d+)/} } grep { (eval { slurp_file($_) } // '') =~ /^PPid:\s+$node->{_pid}$/m && (eval { slurp_file(s/status$/cmdline/r) } // '') =~ /privseg launcher/ } glob '/proc/[0-9]*/status';
ok($pid, 'there is a launcher') and kill 'TERM', $pid;
becomes('^fold worker', 'gap|fold worker|its launcher does not run', 'the launcher has gone');
$node->restart;
is(found('^fold worker'), '', 'and is back');
$node->stop;
done_testing();
