# Logical replication of encrypted values: to a server without the library, and to one that
# was made of a dump and gets the keys, too.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $publisher = PrivsegNode::init('publisher', allows_streaming => 'logical');
$publisher->start;
$publisher->safe_psql(
	'postgres', q(
CREATE EXTENSION privseg;
CREATE ROLE app LOGIN;
CREATE TABLE person (id bigint PRIMARY KEY, email text, note text, plain int);
INSERT INTO person SELECT i, 'p' || i, 'note ' || i, i FROM generate_series(1, 50) i;
SELECT privseg.create_purpose('care', 'contract'), privseg.create_data_category('user.health');
SELECT privseg.protect('person', 'id');
SELECT privseg.encrypt_column('person', 'email', 'user.health', true), privseg.encrypt_column('person', 'note', 'user.health');
CREATE UNIQUE INDEX person_email ON person (email);
SELECT privseg.grant_clearance('app', 'care'), privseg.grant_clearance('app', 'care', 'user.health', '{project,filter,write}');
GRANT ALL ON person TO app;
ALTER ROLE app SET privseg.purpose = 'care';
SET row_security = off;
CREATE PUBLICATION people FOR TABLE person;
CREATE PUBLICATION keys FOR TABLE privseg.keys, privseg.subject_keys, privseg.subject_key_delta, privseg.shredded_subjects;
));
sub stored { my ($on) = @_; return $on->safe_psql('postgres', q(SET row_security = off; COPY (SELECT id, email, note FROM person ORDER BY id) TO STDOUT)); }
sub opened { my ($on, $sql) = @_; return $on->safe_psql('postgres', $sql, extra_params => [ '-U', 'app' ]); }
my $all = q(SET client_min_messages = error; SELECT id, email::text, note::text, plain FROM person ORDER BY id);

# one without
my $plain = PrivsegNode::init('plain');
$plain->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$plain->start;
$plain->safe_psql('postgres', 'CREATE TABLE person (id bigint PRIMARY KEY, email text, note text, plain int)');
my $connection = $publisher->connstr('postgres');
$plain->safe_psql('postgres', "CREATE SUBSCRIPTION plain CONNECTION \$c\$$connection\$c\$ PUBLICATION people");
$plain->wait_for_subscription_sync($publisher, 'plain');
is(stored($plain), stored($publisher), 'a server without the library gets what is stored');
like($plain->safe_psql('postgres', 'SELECT note FROM person WHERE id = 1'), qr/^privseg:1:/, 'which is noise');

# one that is made of a dump
my $made = PrivsegNode::init('made');
$made->adjust_conf('postgresql.conf', 'privseg.root_key_file', "'" . $publisher->basedir . "/root.key'");
$made->start;
my $file = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$made->safe_psql('postgres', 'CREATE ROLE app LOGIN');
$publisher->command_ok([ 'pg_dump', '--no-publications', '-f', $file, $connection ], 'dumped');
$made->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, $made->connstr('postgres') ], 'restored');
$made->safe_psql('postgres', "ALTER ROLE app SET privseg.purpose = 'care'");
$made->safe_psql('postgres', "CREATE SUBSCRIPTION made CONNECTION \$c\$$connection\$c\$ PUBLICATION people, keys WITH (copy_data = false)");
is(opened($made, $all), opened($publisher, $all), 'a server made of a dump opens them');

sub follows
{
	my ($name) = @_;

	$publisher->wait_for_catchup($_) foreach qw(plain made);
	is(stored($plain), stored($publisher), "$name: byte for byte, without the library");
	is(stored($made), stored($publisher), "$name: byte for byte, with it");
	is(opened($made, $all), opened($publisher, $all), "$name: opened");
	return;
}
opened($publisher, q(UPDATE person SET note = 'changed' WHERE id < 5; UPDATE person SET plain = 7 WHERE id = 9; DELETE FROM person WHERE id = 8));
follows('of subjects that are there');
opened($publisher, q(INSERT INTO person VALUES (101, 'new', 'of a new one', 1), (102, NULL, 'another', 2)));
follows('of new subjects');
is(opened($made, q(SET enable_seqscan = off; SELECT id FROM person WHERE email = 'new')), '101', 'and found by its index');
$publisher->safe_psql('postgres', 'SELECT privseg.fold_keys()');
opened($publisher, q(INSERT INTO person VALUES (103, 'newer', 'of a newer one', 3)));
follows('after a fold');
$publisher->safe_psql('postgres', 'SELECT privseg.rotate_epoch()');
opened($publisher, q(INSERT INTO person VALUES (104, 'newest', 'of the newest', 4)));
follows('after a new epoch');

# who is shredded there is closed here, also to a session that has the key at hand
my $warm = $made->background_psql('postgres', extra_params => [ '-U', 'app' ]);
like($warm->query_safe('SELECT note::text FROM person WHERE id = 10'), qr/note 10/, 'a session opens it');
$publisher->safe_psql('postgres', q(SELECT privseg.shred_subject('person', 10::bigint)));
follows('after a subject is shredded');
unlike($warm->query('SET client_min_messages = error; SELECT note::text FROM person WHERE id = 10'), qr/note 10/, 'and closed to it at once');
$warm->quit;
$_->stop foreach $plain, $made, $publisher;
done_testing();
