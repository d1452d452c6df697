# Behind PgBouncer: a purpose reaches the client that set it, and nobody who
# gets its server connection next.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'no pgbouncer program' unless defined $pgbouncer;

my $node = PrivsegNode::start('pooled');
$node->safe_psql('postgres', q(
CREATE ROLE analyst LOGIN;
CREATE ROLE mailer LOGIN;
ALTER ROLE mailer SET privseg.purpose = 'mail';
CREATE TABLE people (id int PRIMARY KEY);
INSERT INTO people SELECT generate_series(1, 9);
SELECT privseg.create_purpose('mail', 'consent'), privseg.create_purpose('fraud', 'legitimate_interests');
SELECT privseg.protect('people', 'id');
GRANT SELECT ON people TO analyst, mailer;
SELECT privseg.grant_clearance('analyst', 'mail'), privseg.grant_clearance('analyst', 'fraud'), privseg.grant_clearance('mailer', 'mail');
SELECT count(privseg.record_consent('people', g, 'mail', 'given')) FROM generate_series(1, 4) g;
SELECT privseg.record_objection('people', 9, 'fraud');
));

# One server connection for each database and user: the next client gets it.
my $dir = PostgreSQL::Test::Utils::tempdir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($host, $server_port) = ($node->host, $node->port);
open my $ini, '>', "$dir/pgbouncer.ini" or die $!;
print $ini <<"INI";
[databases]
by_transaction = host=$host port=$server_port dbname=postgres pool_mode=transaction pool_size=1
by_session = host=$host port=$server_port dbname=postgres pool_mode=session pool_size=1
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
logfile = $dir/pgbouncer.log
pidfile = $dir/pgbouncer.pid
ignore_startup_parameters = extra_float_digits,options
server_reset_query = DISCARD ALL
INI
close $ini or die $!;
open my $users, '>', "$dir/users" or die $!;
print $users qq("analyst" ""\n"mailer" ""\n);
close $users or die $!;

my ($out, $err) = ('', '');
my $bouncer = IPC::Run::start([ $pgbouncer, "$dir/pgbouncer.ini" ], '<', \undef, '>', \$out, '2>', \$err);
foreach (1 .. 100) { last if -S "$dir/.s.PGSQL.$port"; usleep(50_000); }

# What a client of its own gets for these statements: results, or SQLSTATEs.
sub client
{
	my ($database, $user, @sql) = @_;
	my ($stdout, $stderr) = ('', '');
	my $input = "\\set VERBOSITY sqlstate\n" . join('', map { "$_;\n" } @sql);

	IPC::Run::run([ 'psql', '-XAtq', '-d', "host=$dir port=$port dbname=$database user=$user" ],
		'<', \$input, '>', \$stdout, '2>&1');
	chomp $stdout;
	return $stdout =~ s/\n/ /gr;
}

my $count = 'SELECT count(*) FROM people';
my $pid = client('by_transaction', 'analyst', 'SELECT pg_backend_pid()');
like($pid, qr/^\d+$/, 'the pooler works') or diag($err, slurp_file("$dir/pgbouncer.log"));

is(client('by_transaction', 'analyst', 'BEGIN', "SET LOCAL privseg.purpose = 'mail'", $count, 'COMMIT'), '4', 'SET LOCAL in a transaction');
is(client('by_transaction', 'analyst', 'SELECT pg_backend_pid()', $count), "$pid ERROR:  42501", 'the next client of the connection has no purpose');
is(client('by_transaction', 'analyst', 'BEGIN', "SET LOCAL privseg.purpose = 'fraud'", $count, 'ROLLBACK', $count), '8 ERROR:  42501', 'gone with ROLLBACK, too');
is(client('by_transaction', 'analyst', "SELECT set_config('privseg.purpose', 'mail', true)", $count), 'mail ERROR:  42501', 'SET LOCAL alone is over at once');
is(client('by_transaction', 'mailer', $count), '4', 'a role for the purpose');
is(client('by_transaction', 'analyst', $count), 'ERROR:  42501', 'is not the next one\'s');

# two clients in turns on one server connection
{
	my @open = map {
		my %c = (in => "\\set VERBOSITY sqlstate\n", out => '');
		$c{handle} = IPC::Run::start([ 'psql', '-XAtq', '-d', "host=$dir port=$port dbname=by_transaction user=analyst" ],
			'<', \$c{in}, '>', \$c{out}, '2>&1', IPC::Run::timeout(60));
		\%c
	} 1, 2;
	my $ask = sub {
		my ($c, $sql) = @_;
		$c->{out} = '';
		$c->{in} .= "$sql;\n\\echo done\n";
		$c->{handle}->pump until $c->{out} =~ s/(^|\n)done\n//;
		return $c->{out} =~ s/\n/ /gr =~ s/ $//r;
	};
	my $prepared = 'BEGIN; SET LOCAL privseg.purpose = \'%s\'; SELECT count(*) FROM people WHERE id > 0; COMMIT';
	my @answers;
	foreach my $i (1 .. 8)
	{
		push @answers, $ask->($open[0], sprintf($prepared, 'mail')), $ask->($open[1], sprintf($prepared, 'fraud'));
		push @answers, $ask->($open[ $i % 2 ], $count);
	}
	is(join(' ', @answers), join(' ', ('4 8 ERROR:  42501') x 8), 'two clients in turns, each under its own purpose');
	foreach (@open) { $_->{in} .= "\\q\n"; $_->{handle}->finish; }
}

# the session's own setting
is(client('by_session', 'analyst', "SET privseg.purpose = 'mail'", $count, "SET privseg.purpose = 'fraud'", $count), '4 8', 'SET in a session');
is(client('by_session', 'analyst', $count), 'ERROR:  42501', 'DISCARD ALL between clients takes it');
is(client('by_session', 'mailer', $count, "SET privseg.purpose = ''", $count), '4 ERROR:  42501', 'the role\'s own');
is(client('by_session', 'mailer', $count), '4', 'comes back with DISCARD ALL');
is(client('by_session', 'analyst', "SET privseg.purpose = 'mail'", "PREPARE p AS $count", 'EXECUTE p', "SET privseg.purpose = 'fraud'", 'EXECUTE p', 'RESET ALL', 'EXECUTE p'),
	'4 8 ERROR:  42501', 'a prepared statement under each; RESET ALL takes the purpose');
is(client('by_session', 'analyst', 'EXECUTE p'), 'ERROR:  26000', 'and the next client has no such statement');

$bouncer->signal('INT');
$bouncer->finish;
$node->stop('fast');
done_testing();
