# Behind PgBouncer: a purpose belongs to the transaction or the session that set
# it, never to whoever gets the same server connection next.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), qw(/usr/sbin /usr/local/sbin);
plan skip_all => 'no pgbouncer program (apt-get install pgbouncer)' unless defined $pgbouncer;

my $node = PrivsegNode::start('behind');
$node->safe_psql(
	'postgres', q(
CREATE ROLE analyst LOGIN;
CREATE ROLE other LOGIN;
CREATE ROLE stranger LOGIN;
CREATE ROLE mailer LOGIN;
CREATE TABLE people (id bigint PRIMARY KEY, note text);
INSERT INTO people SELECT g, chr(96 + g) FROM generate_series(1, 9) g;
GRANT SELECT ON people TO analyst, other, stranger, mailer;
CREATE FUNCTION shown() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT string_agg(id::text, '' ORDER BY id) FROM people); END $$;
SELECT privseg.create_purpose('mail', 'consent'), privseg.create_purpose('fraud', 'legitimate_interests');
SELECT privseg.protect('people', 'id');
SELECT privseg.record_consent('people', g, 'mail', 'given') FROM generate_series(1, 6) g;
SELECT privseg.record_objection('people', g, 'fraud') FROM generate_series(1, 4) g;
SELECT privseg.grant_clearance('analyst', 'mail'), privseg.grant_clearance('analyst', 'fraud'),
	privseg.grant_clearance('other', 'fraud'), privseg.grant_clearance('mailer', 'mail');
SELECT privseg.create_data_category('notes');
SELECT privseg.encrypt_column('people', 'note', 'notes');
SELECT privseg.grant_clearance('analyst', 'mail', 'notes', '{project,filter}'), privseg.grant_clearance('analyst', 'fraud', 'notes', '{mask}');
ALTER ROLE mailer SET privseg.purpose = 'mail';
));
my %rows = (mail => '123456', fraud => '56789');
my $denied = '42501';
my $read = q(SELECT string_agg(id::text, '' ORDER BY id) FROM people);

#
# Poolers with one server connection for each role
#
my @poolers;

sub pooler
{
	my ($name, %settings) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short;
	my $server = 'host=' . $node->host . ' port=' . $node->port . ' dbname=postgres';
	my %all = (
		listen_addr => '', listen_port => 6432, unix_socket_dir => $dir,
		auth_type => 'trust', auth_file => "$dir/users",
		pool_mode => 'transaction', default_pool_size => 1, server_reset_query => 'DISCARD ALL',
		query_wait_timeout => 20, %settings);

	append_to_file("$dir/users", qq("$_" ""\n)) foreach qw(analyst other stranger mailer);
	append_to_file("$dir/ini", join "\n", '[databases]', "postgres = $server",
		"for_mail = $server connect_query='SET privseg.purpose = ''mail'''",
		'[pgbouncer]', (map { "$_ = $all{$_}" } sort keys %all), '');
	my $log = "$PostgreSQL::Test::Utils::log_path/050_pooler_$name.log";
	my $run = IPC::Run::start([ $pgbouncer, '-q', "$dir/ini" ], '<', \undef, '>', $log, '2>&1');
	push @poolers, $run;
	foreach (1 .. 100)
	{
		return "host=$dir port=6432" if -S "$dir/.s.PGSQL.6432";
		usleep(50_000);
	}
	die "pgbouncer does not listen: " . slurp_file($log);
}
END
{
	my $status = $?;
	$_->kill_kill foreach @poolers;
	$? = $status;
}

# What a client gets: rows, or the SQLSTATE of the first error.
sub ask
{
	my ($where, $user, $sql) = @_;
	my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", connstr => "$where user=$user" . ($where =~ /dbname=/ ? '' : ' dbname=postgres'));

	return $err =~ /ERROR: +(\w+)/ ? $1 : $err =~ /FATAL|error/ ? 'not connected' : $out;
}

# A client that stays connected: answers as above.
sub client
{
	my ($where, $user) = @_;
	my $psql = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-d', "$where user=$user dbname=postgres" ]);

	$psql->query('\set VERBOSITY sqlstate');
	return $psql;
}

sub told
{
	my ($client, $sql) = @_;

	$client->{stderr} = '';
	my $out = $client->query($sql);
	my $err = $client->{stderr};
	$client->{stderr} = '';
	return $err =~ /ERROR: +(\w+)/ ? $1 : $out;
}

# pgbench: does each transaction see its own purpose's rows?
sub bench
{
	my ($name, $where, $statements, @options) = @_;
	my $base = PostgreSQL::Test::Utils::tempdir;
	my @scripts;

	foreach my $purpose (sort keys %rows)
	{
		append_to_file("$base/$purpose", $statements =~ s/PURPOSE/$purpose/gr =~ s/CHECK/SELECT 1 \/ (string_agg(id::text, '' ORDER BY id) = '$rows{$purpose}')::int FROM people/gr);
		push @scripts, '-f', "$base/$purpose";
	}
	my $done = IPC::Run::run([ qw(pgbench -n -c 4 -j 4 -T 1), @options, @scripts, "$where user=analyst dbname=postgres" ], '>', \my $out, '2>', \my $err);
	is($err =~ /(.*(?:ERROR|error):.*)/ ? $1 : '', '', "$name: no client sees another's purpose");
	like($out, qr/processed: [1-9]\d*\n/, "$name: and they did read");
	return;
}

#
# Without a pooler: where a purpose may come from, and what takes it away
#
my $direct = 'host=' . $node->host . ' port=' . $node->port;
is(ask("$direct options='-c privseg.purpose=mail'", 'analyst', $read), $rows{mail}, 'a startup option');
is(ask("$direct options='-c privseg.purpose=mail'", 'analyst', "SET privseg.purpose = 'fraud'; $_; $read"), $rows{mail}, "$_ goes back to the startup option")
  foreach 'RESET ALL', 'DISCARD ALL', 'RESET privseg.purpose', 'SET privseg.purpose TO DEFAULT';
is(ask("$direct options='-c privseg.purpose=mail'", 'other', $read), $denied, 'a startup option is no clearance');
{
	local $ENV{PGOPTIONS} = '-c privseg.purpose=fraud';
	is(ask($direct, 'other', $read), $rows{fraud}, 'PGOPTIONS');
}
is(ask($direct, 'mailer', $read), $rows{mail}, 'ALTER ROLE ... SET');
is(ask($direct, 'mailer', "SET privseg.purpose = 'fraud'; $_; $read"), $rows{mail}, "$_ goes back to the role's purpose") foreach 'RESET ALL', 'DISCARD ALL';
is(ask($direct, 'mailer', "SET privseg.purpose = 'fraud'; $read"), $denied, 'the role leaves its purpose: no clearance');
foreach my $reset ('RESET ALL', 'DISCARD ALL', 'RESET privseg.purpose', 'SET SESSION AUTHORIZATION DEFAULT; RESET ALL')
{
	is(ask($direct, 'analyst', "SET privseg.purpose = 'mail'; $read; $reset; $read"), $denied, "$reset resets the purpose");
}
is(ask($direct, 'analyst', "SET privseg.purpose = 'mail'; PREPARE q AS $read; SET privseg.purpose = 'fraud'; EXECUTE q"), $rows{fraud}, 'a prepared statement follows the purpose');

#
# Transaction pooling
#
my $pool = pooler('transaction');
my $one = client($pool, 'analyst');
my $two = client($pool, 'analyst');
my $pid = told($one, 'SELECT pg_backend_pid()');
is(told($two, 'SELECT pg_backend_pid()'), $pid, 'two clients share a server connection');
is(told($one, "BEGIN; SET LOCAL privseg.purpose = 'mail'; $read; COMMIT"), $rows{mail}, 'SET LOCAL in a transaction');
is(told($two, $read), $denied, 'has left nothing to the next client');
is(told($one, $read), $denied, 'nor to its own next transaction');
foreach (1 .. 3)
{
	is(told($one, "BEGIN; SET LOCAL privseg.purpose = 'mail'; $read; SELECT shown(); COMMIT"), "$rows{mail}\n$rows{mail}", 'one client reads for mail');
	is(told($two, "BEGIN; SET LOCAL privseg.purpose = 'fraud'; $read; SELECT shown(); COMMIT"), "$rows{fraud}\n$rows{fraud}", 'the other for fraud');
	is(told($one, 'SELECT shown()'), $denied, 'and nobody for nothing');
}
is(told($one, "BEGIN; SELECT set_config('privseg.purpose', 'mail', true); $read; COMMIT"), "mail\n$rows{mail}", 'set_config(..., true) is the same');
is(told($two, $read), $denied, 'and leaves nothing');
told($one, "BEGIN; SET LOCAL privseg.purpose = 'mail'; SELECT 1 / 0; ROLLBACK");
is(told($two, $read), $denied, 'a failed transaction leaves nothing');
is(told($one, "BEGIN; SAVEPOINT s; SET LOCAL privseg.purpose = 'mail'; ROLLBACK TO s; $read"), $denied, 'nor does a savepoint rolled back');
told($one, 'ROLLBACK');
told($one, "SET LOCAL privseg.purpose = 'mail'");
is(told($one, $read), $denied, 'SET LOCAL outside a transaction does nothing');
is(told($two, 'SELECT pg_backend_pid()'), $pid, 'all on one server connection');

# statements prepared by one client, run by another
told($one, "BEGIN; SET LOCAL privseg.purpose = 'mail'; PREPARE q AS $read; PREPARE one(bigint) AS SELECT count(*) FROM people WHERE id = \$1; COMMIT");
foreach my $mode (qw(auto force_generic_plan force_custom_plan))
{
	foreach (1 .. 3)
	{
		is(told($one, "BEGIN; SET LOCAL plan_cache_mode = $mode; SET LOCAL privseg.purpose = 'mail'; EXECUTE q; EXECUTE one(1); EXECUTE one(9); COMMIT"), "$rows{mail}\n1\n0", "$mode: prepared, for mail");
		is(told($two, "BEGIN; SET LOCAL plan_cache_mode = $mode; SET LOCAL privseg.purpose = 'fraud'; EXECUTE q; EXECUTE one(1); EXECUTE one(9); COMMIT"), "$rows{fraud}\n0\n1", "$mode: prepared, for fraud");
		is(told($two, $_), $denied, "$mode: $_, for nothing") foreach 'EXECUTE q', 'EXECUTE one(1)';
	}
}
is(told($two, 'DISCARD ALL; EXECUTE q'), '26000', 'DISCARD ALL forgets them');

# the same of an encrypted column, which one purpose opens and the other masks
my $notes = q(SELECT string_agg(coalesce(note, '-'), '' ORDER BY id) FROM people);
told($one, "BEGIN; SET LOCAL privseg.purpose = 'fraud'; PREPARE notes AS $notes; PREPARE found(text) AS SELECT count(*) FROM people WHERE note = \$1; COMMIT");
foreach my $mode (qw(auto force_generic_plan force_custom_plan))
{
	foreach (1 .. 3)
	{
		is(told($two, "BEGIN; SET LOCAL plan_cache_mode = $mode; SET LOCAL privseg.purpose = 'mail'; EXECUTE notes; EXECUTE found('b'); $notes; COMMIT"), "abcdef\n1\nabcdef", "$mode: an encrypted column, for mail");
		is(told($one, "BEGIN; SET LOCAL plan_cache_mode = $mode; SET LOCAL privseg.purpose = 'fraud'; EXECUTE notes; $notes; COMMIT"), "-----\n-----", "$mode: an encrypted column, for fraud");
		is(told($one, "BEGIN; SET LOCAL plan_cache_mode = $mode; SET LOCAL privseg.purpose = 'fraud'; EXECUTE found('b'); EXECUTE found('e'); COMMIT"), "0\n0", "$mode: asked about, for fraud");
		is(told($two, $_), $denied, "$mode: $_, for nothing") foreach 'EXECUTE notes', q(EXECUTE found('b'));
	}
}
told($two, 'DEALLOCATE ALL');

# a client goes away in the middle
told($one, "BEGIN; SET LOCAL privseg.purpose = 'mail'; $read");
$one->quit;
is(told($two, $read), $denied, 'a client that went away inside a transaction leaves nothing');
isnt(told($two, 'SELECT pg_backend_pid()'), $pid, 'its server connection is not used again');
bench('transaction pooling', $pool, "BEGIN;\nSET LOCAL privseg.purpose = 'PURPOSE';\nCHECK;\nCOMMIT;\n", '-M', $_) foreach qw(simple extended);

# a plain SET stays on the server connection, which is why it is not for here
$one = client($pool, 'analyst');
told($one, "SET privseg.purpose = 'mail'");
is(told($two, $read), $rows{mail}, 'a plain SET without a reset does reach the next client of the role');
is(ask($pool, 'stranger', $read), $denied, 'but no other role');
is(ask($pool, 'other', $read), $denied, 'nor one with another clearance');
is(told($two, "BEGIN; SET LOCAL privseg.purpose = 'fraud'; $read; COMMIT"), $rows{fraud}, 'who says SET LOCAL reads for that');
told($two, 'RESET ALL');
is(told($one, $read), $denied, 'RESET ALL takes it away');

# a role or a pool for each purpose
is(ask($pool, 'mailer', $_), $rows{mail}, "a role with a purpose of its own: $_") foreach $read, "RESET ALL; $read", "DISCARD ALL; $read";
is(ask("$pool dbname=for_mail", 'analyst', $read), $rows{mail}, 'a pool with a purpose of its own');
is(ask("$pool dbname=for_mail", $_, $read), $denied, "a pool's purpose is no clearance for $_") foreach qw(other stranger);
like(ask("$pool options='-c privseg.purpose=mail'", 'analyst', $read), qr/^(?:not connected|$denied|$rows{mail})$/, 'a startup option: refused, or obeyed');
is(told($two, $read), $denied, 'and leaves nothing');
$_->quit foreach $one, $two;

# a plain SET with the server connection reset after each transaction
my $always = pooler('always', server_reset_query_always => 1, ignore_startup_parameters => 'options');
$one = client($always, 'analyst');
$two = client($always, 'analyst');
is(told($one, 'SELECT pg_backend_pid()'), told($two, 'SELECT pg_backend_pid()'), 'reset always: one server connection');
told($one, "SET privseg.purpose = 'mail'");
is(told($_, $read), $denied, 'reset always: a plain SET is gone') foreach $one, $two;
told($one, "BEGIN; SET LOCAL privseg.purpose = 'mail'; DECLARE h CURSOR WITH HOLD FOR $read; PREPARE q AS $read; COMMIT");
is(told($two, 'FETCH h'), '34000', 'reset always: so is a cursor that was held');
is(told($two, 'EXECUTE q'), '26000', 'reset always: and a prepared statement');
is(told($two, "BEGIN; SET LOCAL privseg.purpose = 'fraud'; $read; COMMIT"), $rows{fraud}, 'reset always: SET LOCAL works');
is(ask($always, 'mailer', $read), $rows{mail}, "reset always: the role's purpose stays") foreach 1 .. 2;
is(ask("$always options='-c privseg.purpose=mail'", 'analyst', $read), $denied, 'a startup option that the pooler ignores opens nothing');
$_->quit foreach $one, $two;

#
# Session pooling
#
my $sessions = pooler('session', pool_mode => 'session');
$one = client($sessions, 'analyst');
$pid = told($one, "SET privseg.purpose = 'mail'; PREPARE q AS $read; SELECT pg_backend_pid()");
is(told($one, $read), $rows{mail}, 'session: SET holds');
is(told($one, "SET privseg.purpose = 'fraud'; EXECUTE q"), $rows{fraud}, 'session: prepared, for another purpose');
is(told($one, 'RESET privseg.purpose; EXECUTE q'), $denied, 'session: prepared, for nothing');
told($one, "SET privseg.purpose = 'mail'; EXECUTE q; DECLARE h CURSOR WITH HOLD FOR $read");
$one->quit;
$two = client($sessions, 'analyst');
is(told($two, 'SELECT pg_backend_pid()'), $pid, 'session: the next client gets the same server connection');
is(told($two, $read), $denied, 'session: not its purpose');
is(told($two, 'FETCH h'), '34000', 'session: not its cursor');
is(told($two, 'EXECUTE q'), '26000', 'session: not its prepared statement');
is(told($two, "SET privseg.purpose = 'fraud'; $read"), $rows{fraud}, 'session: it reads for its own');
is(told($two, "$_; $read"), $denied, "session: $_ resets the purpose") foreach 'RESET ALL', 'DISCARD ALL';
$two->quit;
is(ask($sessions, 'mailer', $read), $rows{mail}, "session: the role's purpose stays") foreach 1 .. 2;
bench('session pooling', $sessions, "SET privseg.purpose = 'PURPOSE';\nCHECK;\n", '-M', 'prepared', '-C');

done_testing();
