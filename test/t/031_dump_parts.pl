# No dump is filtered without saying so: whoever pg_dump runs as, it writes every
# row or fails.  COPY under a purpose is filtered, as it was asked for.  And a
# part of a dump opens nothing.

use strict;
use warnings;

use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $node = PrivsegNode::start('origin');
$node->safe_psql(
	'postgres', q(
CREATE ROLE team;
CREATE ROLE analyst LOGIN IN ROLE team;
CREATE ROLE reader LOGIN IN ROLE pg_read_all_data, team;
CREATE ROLE keeper LOGIN IN ROLE team;
CREATE ROLE stranger LOGIN IN ROLE pg_read_all_data;
CREATE ROLE backup LOGIN BYPASSRLS IN ROLE pg_read_all_data, team;
CREATE ROLE boss LOGIN SUPERUSER IN ROLE team;
CREATE TABLE customers (id bigint PRIMARY KEY, email text);
CREATE TABLE visits (customer_id bigint, at int) PARTITION BY RANGE (at);
CREATE TABLE visits_a PARTITION OF visits FOR VALUES FROM (0) TO (50);
CREATE TABLE visits_b PARTITION OF visits FOR VALUES FROM (50) TO (100);
INSERT INTO customers SELECT g, g || '@example.org' FROM generate_series(1, 300) g;
INSERT INTO visits SELECT 1 + g % 30, g FROM generate_series(0, 99) g;
ALTER TABLE customers OWNER TO keeper;
ALTER TABLE visits OWNER TO keeper;
ALTER TABLE visits_a OWNER TO keeper;
ALTER TABLE visits_b OWNER TO keeper;
GRANT SELECT ON customers TO team;
SELECT privseg.create_purpose('newsletter', 'consent');
SELECT privseg.protect('customers', 'id'), privseg.protect('visits', 'customer_id', 'customers');
SELECT privseg.grant_clearance('team', 'newsletter');
SELECT count(privseg.record_consent('customers', g, 'newsletter', 'given')) FROM generate_series(1, 300, 3) g;
));

# pg_dump as the role: the rows of customers and visits in it, or how it failed.
sub dumped
{
	my ($user, @options) = @_;
	my ($out, $err) = ('', '');

	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	run([ 'pg_dump', '-U', $user, @options, 'postgres' ], '>', \$out, '2>', \$err)
	  or return $err =~ /error/ ? 'error' : 'failed and said nothing';
	my $customers = () = $out =~ /\d+\@example\.org/g;
	my $visits = () = $out =~ /^(?:\d+\t\d+$|INSERT INTO public\.visits_)/mg;
	return "$customers $visits";
}

my @ways = ('', '--enable-row-security', '--inserts', '--enable-row-security --inserts',
	'--enable-row-security --section=data');
foreach my $user (qw(stranger reader keeper backup boss))
{
	foreach my $purpose ('', 'newsletter')
	{
		local $ENV{PGOPTIONS} = "-c privseg.purpose=$purpose";
		foreach my $way (@ways)
		{
			foreach my $part ('-n public', '-t visits_a')
			{
				my $whole = $part eq '-n public' ? '300 100' : '0 50';
				my $bypass = $user =~ /^b/ && $way !~ /row-security/;
				my $got = dumped($user, split(/ /, $way), split(/ /, $part));

				is($got, $bypass || $got ne 'error' ? $whole : 'error',
					"pg_dump $way $part as $user for '$purpose': whole, or an error");
			}
		}
	}
}

{
	local $ENV{PGOPTIONS} = '-c privseg.purpose=newsletter';
	local $ENV{PGAPPNAME} = 'nightly backup';
	is(dumped('reader', '--enable-row-security', '-n', 'public'), 'error', 'by another name, too');
}

#
# COPY under a purpose is a query like others
#
foreach my $user (qw(analyst reader keeper backup boss))
{
	my @as = (extra_params => [ '-U', $user ]);
	my $shown = $node->safe_psql('postgres', q(SET privseg.purpose = 'newsletter'; SELECT id FROM customers ORDER BY id), @as);
	is($shown, join("\n", map { 1 + 3 * $_ } 0 .. 99), "$user sees a third");

	foreach my $copy ('COPY customers (id) TO STDOUT', 'COPY (SELECT id FROM customers ORDER BY id) TO STDOUT',
		'\copy customers (id) to stdout', '\copy (select id from customers order by id) to stdout')
	{
		my $rows = $node->safe_psql('postgres', "SET privseg.purpose = 'newsletter';\n$copy", @as);
		is(join("\n", sort { $a <=> $b } split /\n/, $rows), $shown, "$copy as $user: what SELECT shows");
		my (undef, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$copy", @as);
		is($out . $err =~ s/.*ERROR: +//sr, '42501', "$copy as $user: not without a purpose");
	}
}

#
# Parts of a dump: a protected table without the rest is closed
#
my @client = ('-h', $node->host, '-p', $node->port);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';

# Restore into a new database; returns what went wrong.
sub restored
{
	my ($database, $prepare, $dump_options, $restore_options) = @_;
	my $err = '';

	$node->safe_psql('postgres', "CREATE DATABASE $database") if defined $prepare;
	$node->safe_psql($database, $prepare) if $prepare;
	run([ 'pg_dump', @client, '-Fc', '-f', $dump, split(/ /, $dump_options), 'postgres' ]) or die 'pg_dump failed';
	run([ 'pg_restore', @client, '-d', $database, split(/ /, $restore_options), $dump ], '2>', \$err);
	return $err;
}

# The keys of customers the role sees under the purpose, or the error.
sub seen
{
	my ($database, $user) = @_;
	my (undef, $out, $err) = $node->psql($database, "\\set VERBOSITY sqlstate\nSET privseg.purpose = 'newsletter'; SELECT id FROM customers ORDER BY id",
		extra_params => [ '-U', $user ]);
	return $err =~ /ERROR: +(\w+)/ ? $1 : $out;
}

sub all_is_well
{
	my ($database, $name) = @_;

	is(seen($database, $_), seen('postgres', $_), "$name: $_ sees the same") foreach qw(analyst boss stranger keeper);
	is($node->safe_psql($database, q(SELECT object, message FROM privseg.check() WHERE status = 'violation' AND area <> 'server')), '', "$name: no violations");
	return;
}

is(restored('one', 'CREATE EXTENSION privseg', '-t customers', ''), '', 'one table: restored');
is($node->safe_psql('one', 'SELECT count(*) FROM customers'), '300', 'one table: every row');
is(seen('one', $_), '', "one table: closed to $_") foreach qw(analyst keeper reader);
{
	my (undef, undef, $err) = $node->psql('one', q(SELECT privseg.protect('customers', 'id')));
	is($err, '', 'one table: can be protected anew');
}

isnt(restored('bare', '', '-t customers', ''), '', 'one table, no extension: that it is missing is said');
is(seen('bare', $_), '', "one table, no extension: closed to $_") foreach qw(analyst keeper reader);

is(restored('halves', '', '--schema-only', '--exit-on-error'), '', 'schema only: restored');
$node->safe_psql('halves', 'INSERT INTO customers VALUES (1), (2)');
is(seen('halves', $_), '', "schema only: closed to $_") foreach qw(analyst keeper reader);
$node->safe_psql('halves', 'DELETE FROM customers');
isnt(restored('halves', undef, '--data-only', '--data-only --disable-triggers --exit-on-error --single-transaction'), '',
	'data only, without triggers: refused, for records would be changeable meanwhile');
is(restored('halves', undef, '--data-only', '--data-only --exit-on-error --single-transaction'), '', 'data only: restored');
all_is_well('halves', 'schema, then data');
isnt(restored('halves', undef, '', '--clean --exit-on-error'), '', 'over itself: the policy of a protected table cannot be dropped first');
restored('halves', undef, '', '--clean');
all_is_well('halves', 'over itself');

done_testing();
