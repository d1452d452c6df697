# The library works only when the server preloads it, and says so otherwise.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->start;

my ($status, undef, $stderr) = $plain->psql('postgres', q(LOAD 'privseg'));
isnt($status, 0, 'a late load is refused');
like($stderr, qr/shared_preload_libraries/, 'and the message names the setting');
$plain->stop;

my $node = PrivsegNode::start('preloaded');
is($node->safe_psql('postgres', 'SELECT extname FROM pg_extension WHERE extname = $$privseg$$'),
	'privseg', 'a preloaded server takes the extension');

# A server that lost the setting gives errors, not tables that look empty.
$node->safe_psql('postgres', q(
CREATE ROLE reader LOGIN;
CREATE ROLE owner LOGIN;
CREATE TABLE bare (id int PRIMARY KEY);
CREATE TABLE kept (id int PRIMARY KEY, v text);
CREATE TABLE shut (id int PRIMARY KEY);
ALTER TABLE kept OWNER TO owner;
CREATE POLICY theirs ON kept USING (v = 'a');
ALTER TABLE kept ENABLE ROW LEVEL SECURITY;
CREATE POLICY never ON shut AS RESTRICTIVE USING (false);
CREATE TABLE parts (id int, k int) PARTITION BY LIST (k);
CREATE TABLE part PARTITION OF parts DEFAULT;
INSERT INTO bare VALUES (1);
INSERT INTO kept VALUES (1, 'a'), (2, 'b');
INSERT INTO parts VALUES (1, 1);
SELECT privseg.create_purpose('delivery', 'contract');
SELECT privseg.grant_clearance('reader', 'delivery'), privseg.grant_clearance('owner', 'delivery');
SELECT privseg.protect('bare', 'id'), privseg.protect('kept', 'id'), privseg.protect('shut', 'id');
SELECT privseg.protect('parts', 'id', 'bare');
GRANT ALL ON bare, kept, shut, parts, part TO reader;
ALTER ROLE reader SET privseg.purpose = 'delivery';
));
my @as_reader = (extra_params => [ '-U', 'reader' ]);
is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM bare), (SELECT count(*) FROM kept), (SELECT count(*) FROM shut), (SELECT count(*) FROM part)', @as_reader),
	'1|1|0|1', 'with the library');
is($node->safe_psql('postgres', q(ALTER POLICY theirs ON kept USING (true); SELECT count(*) FROM pg_policy WHERE polname LIKE 'privseg%'; SET ROLE reader; SET privseg.purpose = 'delivery'; SELECT count(*) FROM kept)),
	"10\n2", 'the policies are stored, and permit nothing themselves');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
foreach my $sql ('SELECT count(*) FROM bare', 'SELECT count(*) FROM kept', 'SELECT count(*) FROM parts', 'SELECT count(*) FROM part',
	'INSERT INTO bare VALUES (2)', 'UPDATE kept SET v = $$c$$', 'DELETE FROM part')
{
	my (undef, $out, $err) = $node->psql('postgres', $sql, @as_reader);
	like($err, qr/privseg must be loaded at server start/, "without it: $sql is an error");
	is($out, '', 'and shows nothing');
}
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'privseg'");
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM bare', @as_reader), '1', 'with it again');
$node->safe_psql('postgres', q(SELECT privseg.unprotect('parts'), privseg.unprotect('kept'), privseg.unprotect('shut'), privseg.unprotect('bare')));
is($node->safe_psql('postgres', q(SELECT relname || ' ' || relrowsecurity || ' ' || relforcerowsecurity || ' ' || (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid)
	FROM pg_class c WHERE relname IN ('bare', 'kept', 'shut', 'parts', 'part') ORDER BY 1)),
	"bare false false 0\nkept true false 1\npart false false 0\nparts false false 0\nshut false false 1", 'unprotected: as it was');
$node->stop;

done_testing();
