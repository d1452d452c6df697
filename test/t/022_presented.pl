# Statements mean on encrypted columns what they mean on plain ones: the same values, of the same
# types, or the same error.  The statements are in test/forms, a line each; what differs between
# the two runs is search_path.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $node = PrivsegNode::init('presented');
$node->append_conf('postgresql.conf', "timezone = 'UTC'\nmax_parallel_workers_per_gather = 0");
$node->start;
my @encrypted = qw(note nick income price visits age rank ratio born seen active doc);
$node->safe_psql(
	'postgres', q(
CREATE EXTENSION privseg;
CREATE ROLE app LOGIN;
CREATE SCHEMA plain;
CREATE SCHEMA safe;
CREATE TABLE plain.person (id bigint PRIMARY KEY, name text, note text, nick varchar(12), income numeric, price numeric(8,2), visits bigint, age integer,
	rank smallint, ratio double precision, born date, seen timestamptz, active boolean, doc jsonb);
INSERT INTO plain.person
SELECT i, 'name ' || i, 'note ' || i % 5, 'nick ' || i % 4, i * 1000.5, i * 2.25, i % 5, 20 + i % 4, i % 3, CASE i WHEN 9 THEN 'NaN' ELSE i % 7 / 4.0 END, date '1990-01-31' + i,
	timestamptz '2020-01-01 00:00+00' + i * interval '100 min', i % 3 <> 0, jsonb_build_object('a', i % 3, 'b', jsonb_build_object('c', 'x' || i))
  FROM generate_series(1, 12) i;
INSERT INTO plain.person (id, name, note, income) VALUES (13, 'nobody', NULL, NULL), (14, 'note 1', 'note 1', 0), (15, 'empty', '', -5);
CREATE TABLE plain.orders (id bigint PRIMARY KEY, note text, amount numeric, placed date);
INSERT INTO plain.orders VALUES (1, 'note 1', 1000.5, '1990-02-03'), (2, 'note 2', 77, '2020-01-01'), (3, 'note 9', 2001, '1980-01-01'), (4, NULL, NULL, NULL);
CREATE TABLE safe.person (LIKE plain.person INCLUDING ALL);
INSERT INTO safe.person TABLE plain.person;
CREATE TABLE safe.orders (LIKE plain.orders INCLUDING ALL);
INSERT INTO safe.orders TABLE plain.orders;
SELECT privseg.create_purpose('care', 'contract'), privseg.create_data_category('private');
SELECT privseg.protect('safe.person', 'id');
SELECT privseg.grant_clearance('app', 'care'), privseg.grant_clearance('app', 'care', 'private', '{project,filter,write}');
GRANT USAGE ON SCHEMA plain, safe TO app;
GRANT ALL ON ALL TABLES IN SCHEMA plain, safe TO app;
GRANT TEMPORARY ON DATABASE postgres TO app;
ALTER ROLE app SET privseg.purpose = 'care';
));
$node->safe_psql('postgres', "SELECT privseg.encrypt_column('safe.person', '$_', 'private')") foreach @encrypted;
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_attribute WHERE attrelid = 'safe.person'::regclass AND atttypid::regtype::text ~ 'encrypted'"),
	scalar(@encrypted), 'the columns are encrypted');

# What psql says to a script, by the marks in it.  Both runs see the same text but for the schema.
sub answers
{
	my ($schema, $script) = @_;
	my $output = '';

	$node->psql(
		'postgres', "SET search_path = $schema;\n$script",
		extra_params => [ '-U', 'app', '-A', '-q', '-v', 'VERBOSITY=terse' ],
		stdout => \$output, stderr => \my $errors, on_error_stop => 0, on_error_die => 0);
	return split(/^-- mark \d+\n/m, $output);
}

sub compare_forms
{
	my ($file, $wrap, $may_fail) = @_;
	my @forms = grep { !/^--/ && /\S/ } split(/\n/, slurp_file("$FindBin::Bin/../forms/$file"));
	my $script = "\\o\n\\set ON_ERROR_STOP 0\n";
	my $mark = 0;

	foreach my $form (@forms)
	{
		$mark++;
		$script .= "\\echo -- mark $mark\n" . $wrap->($form) . "\\if :ERROR\n\\echo error :SQLSTATE :LAST_ERROR_MESSAGE\n\\endif\n";
	}
	my @plain = answers('plain', $script);
	my @safe = answers('safe', $script);
	is(scalar(@plain), scalar(@forms) + 1, "$file: all were run");
	for (my $i = 1; $i <= @forms; $i++)
	{
		# what does not work on plain columns tells nothing
		unlike($plain[$i], qr/^error /m, "works: $forms[$i - 1]") or diag $plain[$i] unless $may_fail;
		is($safe[$i], $plain[$i], $forms[$i - 1]);
	}
	return scalar @forms;
}

# what a write returns, and what is there afterwards
compare_forms('writes.sql', sub { "BEGIN;\n$_[0] \\gdesc\n$_[0];\nROLLBACK;\nBEGIN;\n\\o /dev/null\n$_[0];\n\\o\nTABLE person ORDER BY id;\nTABLE orders ORDER BY id;\nROLLBACK;\n" }, 'may fail');
compare_forms(
	'parameters.sql',
	sub {
		my ($types, $statement, $arguments) = $_[0] =~ /^\|([^|]*)\|(.*)\|([^|]*)$/;

		return 'PREPARE q' . ($types ne '' ? " ($types)" : '') . " AS $statement;\nSELECT parameter_types FROM pg_prepared_statements;\n"
		  . "EXECUTE q ($arguments) \\gdesc\nBEGIN;\nEXECUTE q ($arguments);\nROLLBACK;\nDEALLOCATE q;\n";
	});
compare_forms('dashboards.sql', sub { "BEGIN;\n$_[0];\nROLLBACK;\nCLOSE ALL;\n" });
my $forms = compare_forms('queries.sql', sub { "$_[0] \\gdesc\n$_[0];\n" });
cmp_ok($forms, '>=', 300, 'so many forms');
$node->stop;
done_testing();
