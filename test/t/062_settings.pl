# Settings of the server, of a database and of a connection that would tell of hidden rows,
# or show them: compiling expressions, messages for developers, system indexes ignored,
# row_security switched off by a database's owner.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $node = PrivsegNode::start('settings');
$node->safe_psql('postgres', q(ALTER SYSTEM SET log_statement = none));
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->safe_psql('postgres', q(
	CREATE ROLE owner LOGIN;
	CREATE ROLE reader LOGIN;
	CREATE ROLE keeper LOGIN BYPASSRLS;
	CREATE ROLE chief LOGIN SUPERUSER;
	ALTER DATABASE postgres OWNER TO owner;
	GRANT ALL ON SCHEMA public TO owner;
	SET ROLE owner;
	CREATE TABLE person (id int PRIMARY KEY, secret text, doc jsonb);
	ALTER TABLE person ALTER doc SET STORAGE EXTERNAL;
	INSERT INTO person SELECT i, 's' || i, jsonb_build_object('k', 'v' || i, 'long', repeat('x', 10000)) FROM generate_series(1, 9) i;
	CREATE INDEX ON person (secret);
	CREATE INDEX ON person USING gin (doc);
	CREATE TABLE shop (id int PRIMARY KEY);
	INSERT INTO shop SELECT generate_series(1, 9);
	CREATE TABLE visit (id int PRIMARY KEY, shop int REFERENCES shop ON DELETE SET NULL);
	INSERT INTO visit SELECT i, CASE WHEN i > 8 THEN 3 ELSE 1 END FROM generate_series(1, 12) i;
	GRANT ALL ON person, shop, visit TO reader, keeper;
	RESET ROLE;
	CREATE TABLE tagged (id int PRIMARY KEY, tags text[]);
	INSERT INTO tagged SELECT i, ARRAY['common', 't' || i] FROM generate_series(1, 30000) i;
	CREATE INDEX ON tagged USING gin (tags);
	GRANT SELECT ON tagged TO reader;
	ANALYZE;
	SELECT privseg.create_purpose('mail', 'consent'), privseg.protect('person', 'id'), privseg.protect('visit', 'id', 'person'), privseg.protect('tagged', 'id', 'person');
	SELECT privseg.grant_clearance(r::regrole, 'mail') FROM unnest('{owner,reader,keeper,chief}'::text[]) r;
	SELECT privseg.record_consent('person', i, 'mail', 'given') FROM generate_series(1, 8) i;
));

# rows and messages of a statement
sub asked
{
	my ($role, $settings, $statement, %options) = @_;
	my ($out, $err);
	local $ENV{PGOPTIONS} = $options{connection} // '';
	$node->psql('postgres', "SET privseg.purpose = mail; SET enable_seqscan = off; $settings; $statement", extra_params => [ '-U', $role, '-q' ], stdout => \$out, stderr => \$err);
	# times, and where a statement stands
	$err =~ s/\d+\.\d+ ?s\b/0 s/g;
	$err =~ s/^psql:<stdin>:\d+: //mg;
	return "$out|$err";
}

my $guess = q(SELECT FROM person WHERE secret = '%s');

# the first row that an index finds has expressions compiled: so does every statement when it starts
my $jit = 'SET jit = on; SET jit_above_cost = 0; SET client_min_messages = debug1';
my $available = $node->safe_psql('postgres', 'SELECT pg_jit_available()') eq 't';
SKIP:
{
	skip 'this server compiles no expressions', 3 unless $available;
	is(asked('chief', $jit, sprintf($guess, 's9')), asked('chief', $jit, sprintf($guess, 's0')), 'compiling: the same for a hidden row and none');
	like(asked('chief', $jit, sprintf($guess, 's0')), qr/time to/, 'and it is done, when the statement starts');
	is(asked('reader', $jit, sprintf($guess, 's9')), asked('reader', $jit, sprintf($guess, 's0')), 'the same for others');
}

# messages about rows are for superusers: here, of more than a leaf of a frequent key's rows
my $leaves = q(SELECT count(*) FROM tagged WHERE tags @> '{common,%s}');
like(asked('chief', 'SET client_min_messages = debug2', sprintf($leaves, 't20000')), qr/entryLoadMoreItems/, 'a message that tells where a row lies');
is(asked('reader', 'SET client_min_messages = debug2', sprintf($leaves, 't20000')), '0|', 'is not sent');
is(asked('reader', 'SET client_min_messages = debug2', sprintf($leaves, 't0')), '0|', 'as it is not for no row');
like(asked('reader', '', q(SELECT set_config('client_min_messages', 'debug2', false) FROM person)), qr/cannot be set below "notice" while a statement on protected relations runs/, 'nor can they be asked for while it runs');
is(asked('reader', '', q(SELECT set_config('client_min_messages', 'debug1', false); SHOW client_min_messages; SELECT 1 FROM person WHERE id = 1; SHOW client_min_messages)), "debug1\ndebug1\n1\ndebug1|", 'before and after they can');
like(asked('reader', 'SET client_min_messages = debug1', q(DO $$ BEGIN PERFORM FROM person; RAISE DEBUG 'mine'; END $$)), qr/mine/, 'but what a user raises');

# fetching a long value without an index would warn
like(asked('reader', '', q(SELECT 1), connection => '-c ignore_system_indexes=on'), qr/permission denied to set parameter "ignore_system_indexes"/, 'ignore_system_indexes is for superusers');
like(asked('chief', '', q(SELECT count(*) FROM person WHERE doc @> '{"k": "v9"}'), connection => '-c ignore_system_indexes=on'), qr/cannot be read under ignore_system_indexes/, 'who read no protected tables under it');
like(asked('chief', '', q(SELECT count(*) FROM shop), connection => '-c ignore_system_indexes=on'), qr/^9\|/, 'but others');

# plans of core's own queries for foreign keys
my $print = 'SET debug_print_plan = on; SET client_min_messages = log';
for my $id (3, 5)
{
	my $told = asked('reader', $print, "BEGIN; DELETE FROM shop WHERE id = $id; ROLLBACK");
	like($told, qr/debug_print_plan would count rows/, "the plan of a cascade is not printed: $id");
	unlike($told, qr/visit.*plan_rows/s, "nor its estimates: $id");
}

# a database's owner speaks for nobody's session
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET row_security = off', extra_params => [ '-U', 'owner' ]);
for my $role ('chief', 'keeper')
{
	is(asked($role, '', 'SELECT count(*) FROM person'), '8|', "row_security = off of a database is not honoured: $role");
	is(asked($role, 'SET row_security = off', 'SELECT count(*) FROM person'), '9|', "that of a session is: $role");
}
$node->safe_psql('postgres', 'ALTER ROLE keeper SET row_security = off; ALTER DATABASE postgres RESET row_security');
is(asked('keeper', '', 'SELECT count(*) FROM person'), '9|', 'and that of a role');

$node->stop;
done_testing();
