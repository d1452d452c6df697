# No expression without an encrypted type means anything else where privseg is installed: every
# operator and function name under which the extension adds something is tried over built-in types,
# in a database with it and in one without, and the trees that the parser makes are the same.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $node = PrivsegNode::init('resolution');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION privseg');
$node->safe_psql('postgres', 'CREATE DATABASE without TEMPLATE template0');

# names under which the parser finds something of ours
my $of_ours = q(t.oid IN (SELECT oid FROM pg_type WHERE typnamespace = 'privseg'::regnamespace));
my @operators = split /\n/, $node->safe_psql('postgres', "SELECT DISTINCT oprname FROM pg_operator o JOIN pg_type t ON t.oid IN (o.oprleft, o.oprright)
	WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND $of_ours ORDER BY 1");
my @functions = split /\n/, $node->safe_psql('postgres', "SELECT DISTINCT p.proname, p.pronargs FROM pg_proc p JOIN pg_type t ON t.oid = ANY (p.proargtypes::oid[])
	WHERE p.pronamespace = 'pg_catalog'::regnamespace AND $of_ours ORDER BY 1");
cmp_ok(scalar(@operators), '>', 10, 'operators are added');
cmp_ok(scalar(@functions), '>', 10, 'functions are added');

# values of built-in types, and literals of none
my @values = ("'1'", map { "NULL::$_" } qw(smallint integer bigint real numeric oid money text varchar char(3) name boolean date time timestamp timestamptz interval
	  jsonb inet int4range numrange tstzrange text[] numeric[]), 'double precision');
my @expressions;
foreach my $left (@values)
{
	foreach my $right (@values)
	{
		push @expressions, map { "$left $_ $right" } @operators;
		foreach (@functions)
		{
			my ($name, $arguments) = split /\|/;

			push @expressions, "$name($left, $right)" if $arguments == 2;
		}
	}
	push @expressions, map { "$_ $left" } grep { /^[-~]$/ } @operators;
	foreach (@functions)
	{
		my ($name, $arguments) = split /\|/;

		push @expressions, "$name($left)" if $arguments == 1;
	}
}
# what takes a common type
push @expressions, map { my $left = $_; map { ("COALESCE($left, $_)", "ARRAY[$left, $_]", "NULLIF($left, $_)", "$left IN ($_)", "$left BETWEEN $_ AND $_") } @values } @values;

my $file = $node->basedir . '/expressions';
append_to_file($file, join("\n", map { s/\\/\\\\/gr } @expressions) . "\n");

sub trees
{
	my ($database) = @_;

	$node->safe_psql($database, "CREATE TABLE expressions (number serial, expression text, tree text); COPY expressions (expression) FROM '$file'");
	$node->safe_psql(
		$database, q(DO $$
		DECLARE
			one record;
			found text;
		BEGIN
			FOR one IN SELECT * FROM expressions LOOP
				BEGIN
					EXECUTE 'CREATE TEMP VIEW tried AS SELECT ' || one.expression || ' AS value';
					SELECT substring(r.ev_action::text FROM ':targetList (.*) :override') INTO found FROM pg_rewrite r WHERE r.ev_class = 'tried'::regclass;
					RAISE EXCEPTION USING ERRCODE = 'ZZ000';
				EXCEPTION
					WHEN SQLSTATE 'ZZ000' THEN NULL;
					WHEN OTHERS THEN found := SQLSTATE || ' ' || SQLERRM;
				END;
				UPDATE expressions SET tree = found WHERE number = one.number;
			END LOOP;
		END $$));
	return $node->safe_psql($database, 'SELECT expression, tree FROM expressions ORDER BY number');
}
my @with = split /\n/, trees('postgres');
my @without = split /\n/, trees('without');
is(scalar(@with), scalar(@expressions), 'all were tried: ' . @expressions);
cmp_ok(scalar(grep { /OPEXPR|FUNCEXPR/ } @without), '>', @expressions / 20, 'many of them mean something');
my @differ = grep { $with[$_] ne $without[$_] } 0 .. $#with;
is(scalar(@differ), 0, 'and all the same') or diag join("\n", map { "$expressions[$_]\n$with[$_]\n$without[$_]" } @differ[ 0 .. ($#differ < 20 ? $#differ : 20) ]);
$node->stop;
done_testing();
