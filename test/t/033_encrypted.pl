# The life of encrypted values: a root key that is rotated, absent or another one; standbys,
# dumps, crashes; and that plaintext lies nowhere.  ENCRYPTED_CRASHES: how many (10).

use strict;
use warnings;

use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(usleep);

my $crashes = $ENV{ENCRYPTED_CRASHES} // 10;
my $dir = PostgreSQL::Test::Utils::tempdir;
my $node = PrivsegNode::init('encrypted', allows_streaming => 1);
my $old_key = $node->basedir . '/root.key';
my $new_key = PrivsegNode::root_key($node, 'new.key');
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nautovacuum = off\nlog_statement = none\nprivseg.next_root_key_file = ''");
$node->start;

my $roles = 'CREATE ROLE reader LOGIN; CREATE ROLE app LOGIN;';
$node->safe_psql(
	'postgres', "CREATE EXTENSION privseg; $roles" . q(
CREATE TABLE person (id bigint PRIMARY KEY, note text, income numeric(12,2), born date);
CREATE TABLE member (id uuid PRIMARY KEY, note text);
CREATE TABLE account (name text PRIMARY KEY, note varchar(40));
CREATE TABLE visit (id int PRIMARY KEY, person bigint NOT NULL REFERENCES person ON DELETE CASCADE, seen timestamptz, said jsonb) PARTITION BY RANGE (id);
CREATE INDEX ON visit (person);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (1000);
CREATE TABLE visit_2 PARTITION OF visit FOR VALUES FROM (1000) TO (100000);
INSERT INTO person SELECT i, 'note ' || i, i * 1.5, date '1950-01-01' + i FROM generate_series(1, 1500) i;
INSERT INTO member SELECT md5('m' || i)::uuid, 'member ' || i FROM generate_series(1, 500) i;
INSERT INTO account SELECT CASE WHEN i % 2 = 0 THEN 'short' || i ELSE 'a name of more than sixteen bytes ' || i END, 'account ' || i FROM generate_series(1, 300) i;
INSERT INTO visit SELECT i, 1 + i % 1500, '2020-01-01 00:00+00'::timestamptz + i * '1 h'::interval, jsonb_build_object('said', i) FROM generate_series(1, 2000) i;
CREATE TABLE twin AS SELECT 'person' AS t, id::text, note, income::text AS extra FROM person UNION ALL SELECT 'member', id::text, note, NULL FROM member
	UNION ALL SELECT 'account', name, note, NULL FROM account UNION ALL SELECT 'visit', id::text, said::text, seen::text FROM visit;
SELECT privseg.create_purpose('care', 'consent'), privseg.create_data_category('user.health');
SELECT privseg.protect('person', 'id'), privseg.protect('member', 'id'), privseg.protect('account', 'name'), privseg.protect('visit', 'person', 'person');
SELECT privseg.grant_clearance(r::regrole, 'care'), privseg.grant_clearance(r::regrole, 'care', 'user.health', CASE r WHEN 'app' THEN '{project,filter,write}'::text[] ELSE '{project,filter}' END)
  FROM unnest('{reader,app}'::text[]) r;
GRANT ALL ON person, member, account, visit, twin TO reader, app;
SET row_security = off;
SELECT count(privseg.record_consent('person', id, 'care', 'given')) FROM person;
SELECT count(privseg.record_consent('member', id, 'care', 'given')) FROM member;
SELECT count(privseg.record_consent('account', name, 'care', 'given')) FROM account;
RESET row_security;
SELECT privseg.fold_consent();
SELECT privseg.encrypt_column('person', c, 'user.health', c = 'income') FROM unnest('{note,income,born}'::name[]) c;
SELECT privseg.encrypt_column('member', 'note', 'user.health'), privseg.encrypt_column('account', 'note', 'user.health', true),
	privseg.encrypt_column('visit', 'seen', 'user.health', true), privseg.encrypt_column('visit', 'said', 'user.health');
CREATE UNIQUE INDEX account_note ON account (note);
CREATE INDEX person_income ON person USING hash (income);
CREATE INDEX visit_seen ON visit (seen);
-- one whose rows come before those of the extension in a dump
CREATE SCHEMA early;
CREATE TABLE early.letter (id bigint PRIMARY KEY, body text);
INSERT INTO early.letter SELECT i, 'letter ' || i FROM generate_series(1, 10) i;
SELECT privseg.protect('early.letter', 'id'), privseg.encrypt_column('early.letter', 'body', 'user.health', true);
CREATE UNIQUE INDEX letter_body ON early.letter (body);
));

# every value that the role reads, as the twin has it
my $differing = q(SELECT count(*) FROM twin FULL JOIN (SELECT 'person' AS t, id::text, note::text, income::numeric::text AS extra FROM person
	UNION ALL SELECT 'member', id::text, note::text, NULL FROM member UNION ALL SELECT 'account', name, note::text, NULL FROM account
	UNION ALL SELECT 'visit', id::text, said::jsonb::text, seen::timestamptz::text FROM visit) x USING (t, id)
	WHERE (x.note, x.extra) IS DISTINCT FROM (twin.note, twin.extra););

# what the role does not find by an index, as the twin has it
my $not_found = q(SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
	SELECT count(*) FROM twin WHERE note IS NOT NULL AND extra IS NOT NULL AND
		CASE t WHEN 'person' THEN NOT EXISTS (SELECT FROM person p WHERE p.income = extra::numeric AND p.id = twin.id::bigint)
			   WHEN 'visit' THEN NOT EXISTS (SELECT FROM visit v WHERE v.seen = extra::timestamptz AND v.id = twin.id::int) END;
	SELECT count(*) FROM twin LEFT JOIN account a ON a.note = twin.note WHERE t = 'account' AND a.name IS DISTINCT FROM twin.id AND twin.note IS NOT NULL;);

sub reads
{
	my ($on, $name, $database) = @_;

	is($on->safe_psql($database // 'postgres', "SET privseg.purpose = care; $differing SELECT count(*) FROM twin; $not_found", extra_params => [ '-U', 'reader' ]), "0\n4300\n0\n0", $name);
	return;
}

sub refused
{
	my ($on, $name, $error, $database) = @_;
	my ($out, $err);

	$on->psql($database // 'postgres', "SET privseg.purpose = care; SELECT id FROM person WHERE id = 1; $differing", stdout => \$out, stderr => \$err, extra_params => [ '-U', 'reader' ]);
	is($out, '1', "$name: the rest can be read");
	like($err, $error, $name);
	return;
}

sub settings
{
	my ($on, %changed) = @_;

	$on->adjust_conf('postgresql.conf', "privseg.$_", "'$changed{$_}'") foreach sort keys %changed;
	return;
}

sub fingerprint { return $_[0]->safe_psql('postgres', 'SELECT root_key FROM privseg.key_status'); }

reads($node, 'what was encrypted is read');
$node->restart;
reads($node, 'after a restart, too');

#
# a standby; and a root key that is rotated
#
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
reads($standby, 'a standby reads');

my $first = fingerprint($node);
my ($out, $err);
$node->psql('postgres', 'SELECT privseg.rotate_root_key()', stderr => \$err);
like($err, qr/there is no root key to rotate to.*HINT/s, 'there is none to rotate to');
sub next_key
{
	my ($on) = @_;

	settings($on, next_root_key_file => $new_key);
	$on->reload;
	$on->poll_query_until('postgres', q(SELECT current_setting('privseg.next_root_key_file') <> '')) or die 'not reloaded';
	return;
}

next_key($node);
$node->safe_psql('postgres', 'SELECT privseg.rotate_root_key()');
isnt(fingerprint($node), $first, 'another root key');
reads($node, 'is used at once');
my $doctor = q(SELECT status || ': ' || message FROM privseg.check() WHERE object = 'root key' AND status <> 'compliant');
like($node->safe_psql('postgres', $doctor), qr/^gap: .*under another root key/, 'and named by the doctor');
$node->wait_for_catchup($standby);
refused($standby, 'a standby that has not got it', qr/the keys of this database are under another root key/);
next_key($standby);
reads($standby, 'a standby that has');
$node->restart;
reads($node, 'a restart with both');
settings($node, root_key_file => $new_key, next_root_key_file => '');
$node->restart;
reads($node, 'with the new one only');
settings($node, root_key_file => $old_key);
$node->restart;
refused($node, 'with the old one only', qr/the keys of this database are under another root key.*DETAIL: .*HINT: /s);
like($node->safe_psql('postgres', $doctor), qr/^violation: the keys of this database are under another root key/, 'which the doctor calls a violation');
settings($node, root_key_file => '');
$node->restart;
refused($node, 'without any', qr/privseg has no root key/);
like($node->safe_psql('postgres', $doctor), qr/^violation: /, 'nor opens anything, says the doctor');
settings($node, root_key_file => $new_key);
$node->restart;
reads($node, 'and nothing was lost');
is($node->safe_psql('postgres', 'SELECT privseg.rotate_epoch()'), '0', 'a new epoch');
reads($node, 'is read');
$node->wait_for_catchup($standby);
reads($standby, 'on the standby, too');
is($node->safe_psql('postgres', q(SELECT epoch || ' ' || older_pages || ' ' || (SELECT count(*) FROM privseg.keys WHERE kind = 'e') FROM privseg.key_status)), '2 0 1', 'and the key of the old one is destroyed');

#
# who is shredded is closed on the standby, too
#
$node->safe_psql('postgres', q(SELECT privseg.shred_subject('person', 7::bigint), privseg.shred_subject('account', 'a name of more than sixteen bytes 7');
	UPDATE twin SET note = NULL, extra = NULL WHERE (t, id) IN (('person', '7'), ('account', 'a name of more than sixteen bytes 7')) OR (t = 'visit' AND (id::int - 6) % 1500 = 0)));
reads($node, 'values whose key is destroyed are NULL');
$node->wait_for_catchup($standby);
reads($standby, 'on the standby, too');
$standby->stop;

#
# dumps
#
foreach my $how ([ 'plain' ], [ 'plain', '--inserts' ], [ 'plain', '--column-inserts' ], [ 'custom' ])
{
	my ($format, @more) = @$how;
	my $name = join(' ', @$how);
	my $file = "$dir/dump.$format";
	my $database = 'restored_' . $name =~ s/\W+/_/gr;

	$node->command_ok([ 'pg_dump', '-F', $format, @more, '-f', $file, $node->connstr('postgres') ], "$name: dumped");
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	if ($format eq 'custom')
	{
		$node->command_ok([ 'pg_restore', '-d', $node->connstr($database), $file ], "$name: restored");
	}
	else
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr($database) ], "$name: restored");
	}
	$node->safe_psql($database, 'SELECT privseg.fold_consent()');
	reads($node, "$name: read", $database);
	is($node->safe_psql($database, q(SET row_security = off; SELECT md5(string_agg(note::text IS NULL || to_json(note)::text, ',' ORDER BY id)) FROM person)),
		$node->safe_psql('postgres', q(SET row_security = off; SELECT md5(string_agg(note::text IS NULL || to_json(note)::text, ',' ORDER BY id)) FROM person)),
		"$name: byte for byte");
}
# parts: the rows into tables that are there
$node->safe_psql('postgres', 'CREATE DATABASE parts');
$node->command_ok([ 'pg_dump', '-s', '-f', "$dir/schema.sql", $node->connstr('postgres') ], 'schema dumped');
$node->command_ok([ 'pg_dump', '-a', '-f', "$dir/data.sql", $node->connstr('postgres') ], 'data dumped');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/schema.sql", $node->connstr('parts') ], 'schema restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/data.sql", $node->connstr('parts') ], 'data restored');
$node->safe_psql('parts', 'SELECT privseg.fold_consent()');
reads($node, 'schema and data: read', 'parts');
is($node->safe_psql('parts', q(SET row_security = off; SELECT count(to_json(body)) FROM early.letter)), 10, 'also what comes before the rows of the extension');
# indexes before the rows that say which columns are searchable, as they may be where several jobs restore
run_command([ 'pg_restore', '-l', '-f', "$dir/list", "$dir/dump.custom" ]);
my @list = split(/\n/, slurp_file("$dir/list"));
my @indexes = grep { / INDEX \S+ (account_note|person_income|letter_body) / } @list;
is(scalar(@indexes), 3, 'the indexes are in the list');
my ($data_begins) = grep { $list[$_] =~ / TABLE DATA / } 0 .. $#list;
append_to_file("$dir/sorted", join("\n", @list[ 0 .. $data_begins - 1 ], @indexes, grep { !/ INDEX \S+ (account_note|person_income|letter_body) / } @list[ $data_begins .. $#list ]) . "\n");
$node->safe_psql('postgres', 'CREATE DATABASE sorted');
$node->command_ok([ 'pg_restore', '-L', "$dir/sorted", '-d', $node->connstr('sorted'), "$dir/dump.custom" ], 'restored with indexes first');
$node->safe_psql('sorted', 'SELECT privseg.fold_consent()');
reads($node, 'with indexes first: read', 'sorted');
# a server with another key takes the dump, and opens nothing
my $other = PrivsegNode::init('other');
$other->start;
$other->safe_psql('postgres', $roles);
$other->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/dump.plain", $other->connstr('postgres') ], 'restored elsewhere');
$other->safe_psql('postgres', 'SELECT privseg.fold_consent()');
refused($other, 'closed elsewhere', qr/under another root key/);
$other->stop;

#
# crashes: whatever is under way, afterwards all values open and nothing is half done
#
my @work = (
	q(SELECT privseg.rotate_root_key()),
	q(SELECT privseg.rotate_epoch()),
	q(SELECT privseg.rotate_epoch(3)),
	q(SELECT privseg.fold_keys()),
	q(SELECT privseg.encrypt_column('big', 'note', 'user.health')),
	q(SELECT privseg.decrypt_column('big', 'note')),
	q(SET ROLE app; SET privseg.purpose = care; UPDATE person SET note = note::text WHERE id % 3 = 0),
	q(SET ROLE app; SET privseg.purpose = care; UPDATE big SET note = note::text),
	q(SET row_security = off; INSERT INTO big SELECT i, 'big ' || i FROM generate_series(20001, 30000) i));
$node->safe_psql('postgres', q(CREATE TABLE big (id bigint PRIMARY KEY, note text); GRANT ALL ON big TO app; SET client_min_messages = warning; INSERT INTO big SELECT i, 'big ' || i FROM generate_series(1, 20000) i;
	SELECT privseg.protect('big', 'id'), privseg.encrypt_column('big', 'note', 'user.health'); SELECT count(privseg.record_consent('big', i, 'care', 'given')) FROM generate_series(1, 30000) i));
srand(20261127);
my $broken = 0;
foreach my $round (1 .. $crashes)
{
	my @running = map { my $sql = $work[rand @work];
		IPC::Run::start([ 'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-c', $sql ], '<', \undef, '>', '/dev/null', '2>', '/dev/null') } 1 .. 2;

	usleep(20_000 + rand 300_000);
	$node->stop('immediate');
	$_->finish foreach @running;
	# either root key may be the next one
	my @keys = rand() < 0.5 ? ($old_key, $new_key) : ($new_key, $old_key);
	settings($node, root_key_file => $keys[0], next_root_key_file => $keys[1]);
	$node->start;
	my $bad = $node->safe_psql('postgres', "SET privseg.purpose = care; $differing SELECT count(*) FROM big WHERE note::text IS DISTINCT FROM 'big ' || id", extra_params => [ '-U', 'app' ]);
	$broken++, diag("round $round: $bad") if $bad ne "0\n0";
}
is($broken, 0, "$crashes crashes: all values open");

#
# plaintext: what was only ever written to encrypted columns lies nowhere
#
my $secret = 'Xyzzyplughplover';
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'pg_stat_statements, privseg'");
$node->restart;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
$node->safe_psql('postgres', qq(SET privseg.purpose = care; UPDATE person SET note = '$secret' || id WHERE id BETWEEN 100 AND 400;
	UPDATE account SET note = '$secret' || right(name, 4) WHERE name LIKE 'short%';
	SET enable_seqscan = off; SELECT count(*) FROM account WHERE note = '${secret}rt10';
	SET work_mem = '64kB'; SELECT count(*) FROM (SELECT note::text FROM person ORDER BY born LIMIT 100) x), extra_params => [ '-U', 'app' ]);
is($node->safe_psql('postgres', "SET privseg.purpose = care; SELECT count(*) FROM person WHERE note LIKE '$secret%'", extra_params => [ '-U', 'reader' ]), '301', 'planted');
is($node->safe_psql('postgres', "SET privseg.purpose = care; SELECT count(*) FROM account WHERE note LIKE '$secret%'", extra_params => [ '-U', 'reader' ]), '150', 'in a searchable column, too');
$node->safe_psql('postgres', 'ANALYZE; CHECKPOINT; VACUUM FULL person; REINDEX TABLE account; CHECKPOINT');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%$secret%'"), '0', 'pg_stat_statements has none');
$node->backup('hunted');
# nor the log, when core's errors name what a cast or a constraint refused; the client is told
foreach my $statement (
	'SELECT note::text::int FROM person WHERE id = 100',
	'CREATE TEMP TABLE copy AS SELECT id, note FROM person WHERE id = 100; ALTER TABLE copy ADD x int CHECK (x < 5); UPDATE copy SET x = 7',
	"SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SELECT sum(note::text::int) FROM person WHERE id BETWEEN 100 AND 400")
{
	$node->psql('postgres', "SET privseg.purpose = care; $statement", stderr => \$err, extra_params => [ '-U', 'app' ]);
	like($err, qr/$secret/, 'a client is told what was refused');
}
like(slurp_file($node->logfile), qr/SQLSTATE 22P02.*Not logged: the statement/s, 'the log, that there was an error');
# where nothing is protected any more, keys are still there
$node->safe_psql('postgres', 'CREATE DATABASE bare');
$node->safe_psql('bare', q(CREATE EXTENSION privseg; CREATE TABLE was (id bigint PRIMARY KEY, note text); CREATE TABLE loose (note privseg.encrypted_text)));
$node->psql('bare', q(INSERT INTO loose VALUES ('x')), stderr => \$err);
like($err, qr/this database has no keys for encrypted values/, 'without keys there are no literals');
$node->safe_psql('bare', q(SELECT privseg.create_data_category('c'), privseg.protect('was', 'id'); SELECT privseg.encrypt_column('was', 'note', 'c'); SELECT privseg.decrypt_column('was', 'note'); SELECT privseg.unprotect('was')));
foreach my $statement (q(INSERT INTO loose VALUES ('x')), q(WITH w AS (INSERT INTO loose VALUES ('x') RETURNING 1) SELECT * FROM w), "COPY loose FROM STDIN;\nx\n\\.\n")
{
	$node->psql('bare', $statement, stderr => \$err);
	like($err, qr/an encrypted value of no subject/, 'nothing protected: a literal is not stored either');
}
$node->command_ok([ 'pg_dump', '-f', "$dir/hunted.sql", '-T', 'twin', $node->connstr('postgres') ], 'dumped once more');
$node->stop;
my @found;
find({ no_chdir => 1, wanted => sub { push @found, $_ if -f $_ && slurp_file($_) =~ /\Q$secret\E/ } }, $node->data_dir, $node->backup_dir . '/hunted', "$dir/hunted.sql");
is("@found", '', 'plaintext is found in no file of the server, nor in a base backup or a dump');
unlike(slurp_file($node->logfile), qr/\Q$secret\E/, 'nor in its log');
done_testing();
