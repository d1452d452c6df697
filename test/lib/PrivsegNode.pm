# PrivsegNode.pm -- servers that preload privseg, for the tests in test/t.
package PrivsegNode;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;

# Sessions in the background say what they are asked, and answer: nine lines of ten of a run.
{
	no warnings qw(redefine once);
	*PostgreSQL::Test::BackgroundPsql::note = sub { };
}

# A new root key file of the node, beside its data directory.  Returns the path.
sub root_key
{
	my ($node, $name) = @_;
	my $path = $node->basedir . '/' . ($name // 'root.key');

	open my $random, '<:raw', '/dev/urandom' or die "random: $!";
	read($random, my $key, 32) == 32 or die 'no random bytes';
	my $umask = umask 077;
	open my $out, '>', $path or die "$path: $!";
	umask $umask;
	print $out unpack('H*', $key);
	close $out or die "$path: $!";
	return $path;
}

# init(NAME, allows_streaming => 1, ...): a configured node, not started.
sub init
{
	my ($name, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%init);
	my $key = root_key($node);
	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'privseg'
privseg.root_key_file = '$key'
CONF
	return $node;
}

# start(NAME, ...): the same, started, with the extension in database postgres.
sub start
{
	my $node = init(@_);

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION privseg');
	return $node;
}

1;
