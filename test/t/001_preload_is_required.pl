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
$node->stop;

done_testing();
