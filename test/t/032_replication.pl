# Logical replication: the initial copy is whole or an error, what is applied is
# applied, whoever permits what.

use strict;
use warnings;

use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $publisher = PrivsegNode::init('publisher', allows_streaming => 'logical');
$publisher->start;
my $tables = q(
CREATE TABLE people (id bigint PRIMARY KEY, name text);
CREATE TABLE visits (person bigint, day int, PRIMARY KEY (person, day)) PARTITION BY RANGE (day);
CREATE TABLE visits_a PARTITION OF visits FOR VALUES FROM (0) TO (50);
CREATE TABLE visits_b PARTITION OF visits FOR VALUES FROM (50) TO (100);
);
my $protect = q(
SELECT privseg.create_purpose('mail', 'consent');
SELECT privseg.protect('people', 'id'), privseg.protect('visits', 'person', 'people');
);
$publisher->safe_psql('postgres', "CREATE EXTENSION privseg; $tables $protect" . q(
CREATE ROLE copier LOGIN REPLICATION;
CREATE ROLE carrier LOGIN REPLICATION BYPASSRLS;
GRANT SELECT ON people, visits, visits_a, visits_b TO copier, carrier;
SELECT privseg.grant_clearance('copier', 'mail'), privseg.grant_clearance('carrier', 'mail');
ALTER ROLE copier SET privseg.purpose = 'mail';
SET row_security = off;
INSERT INTO people SELECT g, 'n' || g FROM generate_series(1, 9) g;
INSERT INTO visits SELECT g % 9 + 1, g FROM generate_series(0, 99) g;
SELECT privseg.record_consent('people', g, 'mail', 'given') FROM generate_series(1, 6) g;
CREATE PUBLICATION whole FOR TABLE people, visits;
CREATE PUBLICATION part FOR TABLE people (id) WHERE (id > 3), visits;
));

# Over a replication connection: rows, or the SQLSTATE.
sub walsender
{
	my ($user, @statements) = @_;
	my ($out, $err) = ('', '');

	run([ 'psql', '-XAtq', '-v', 'VERBOSITY=sqlstate', '-d', $publisher->connstr('postgres') . " user=$user replication=database",
			map { ('-c', $_) } @statements ], '>', \$out, '2>', \$err);
	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : ($out =~ tr/\n//);
}

foreach (
	[ 'COPY people TO STDOUT', 9 ],
	[ 'COPY visits_a TO STDOUT', 50 ],
	[ 'COPY visits TO STDOUT', '42809' ],
	[ 'COPY (SELECT id FROM ONLY people WHERE id > 3) TO STDOUT', 6 ],
	[ 'SELECT id FROM people', '42501' ])
{
	my ($statement, $rows) = @$_;

	is(walsender('carrier', $statement), $rows, "$statement: whole where row security may be bypassed");
	is(walsender('copier', $statement), $rows eq '42809' ? 0 + 0 || '42501' : '42501', "$statement: refused where it may not");
}
is(walsender('carrier', 'COPY people TO STDOUT', 'SELECT id FROM people'), '42501', 'the next statement is policed again');
is(walsender('carrier', 'COPY (SELECT 1/0 FROM people) TO STDOUT', 'SELECT id FROM people'), '22012', 'an error first');
is($publisher->psql('postgres', 'SET ROLE carrier; COPY people TO STDOUT'), 3, 'elsewhere COPY is policed');

# Subscribers: a server without the extension, and one that protects the same tables.
my %whole = (whole => [ 9, 100 ], part => [ 6, 100 ]);
foreach my $kind (qw(plain protected))
{
	my $subscriber = PrivsegNode::init($kind, allows_streaming => 'logical');

	$subscriber->append_conf('postgresql.conf', "shared_preload_libraries = ''") if $kind eq 'plain';
	$subscriber->start;
	$subscriber->safe_psql('postgres', $tables);
	$subscriber->safe_psql('postgres', "CREATE EXTENSION privseg; $protect") if $kind eq 'protected';
	my $connection = $publisher->connstr('postgres') . ' user=carrier';
	my $count = sub
	{
		return $subscriber->safe_psql('postgres', q(SET row_security = off; SELECT (SELECT count(*) FROM people) || ' ' || (SELECT count(*) FROM visits)));
	};

	foreach my $publication (sort keys %whole)
	{
		$subscriber->safe_psql('postgres', 'SET row_security = off; DELETE FROM visits; DELETE FROM people');
		$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION ${kind}_$publication CONNECTION \$c\$$connection\$c\$ PUBLICATION $publication");
		$subscriber->wait_for_subscription_sync($publisher, "${kind}_$publication");
		is($count->(), "@{$whole{$publication}}", "$kind: the initial copy of publication $publication is whole");
		$publisher->safe_psql('postgres', q(SET row_security = off;
			INSERT INTO people VALUES (100, 'new'), (101, 'new'); INSERT INTO visits VALUES (100, 1), (3, 99), (8, 98);
			UPDATE people SET name = 'changed' WHERE id IN (5, 8); DELETE FROM visits WHERE person = 9; DELETE FROM people WHERE id = 101));
		$publisher->wait_for_catchup("${kind}_$publication");
		is($count->(), ($whole{$publication}[0] + 1) . ' 92', "$kind: changes of publication $publication are applied") or diag($count->());
		is($subscriber->safe_psql('postgres', q(SET row_security = off; SELECT count(*) FROM people WHERE name = 'changed')), $publication eq 'whole' ? 2 : 0,
			"$kind: updates, too");
		$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION ${kind}_$publication");
		$publisher->safe_psql('postgres', q(SET row_security = off; DELETE FROM visits; DELETE FROM people;
			INSERT INTO people SELECT g, 'n' || g FROM generate_series(1, 9) g;
			INSERT INTO visits SELECT g % 9 + 1, g FROM generate_series(0, 99) g));
	}
	$subscriber->stop;
}
done_testing();
