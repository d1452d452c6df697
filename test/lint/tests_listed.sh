#!/bin/sh
# Every test is named by its suite's list, every name in a list is a test, and
# what has expected output is a test.  Install parts likewise, in the Makefile.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
sub listed
{
	my ($list) = @_;
	return () unless -e $list;
	return map { s/#.*//r =~ /^test:\s*(.*)/ ? split ' ', $1 : () } split /\n/, slurp($list);
}
sub base { return map { m{([^/]+)\.\w+$} } @_; }

for my $suite (
	[ 'test/schedule',           'test/sql/*.sql',               'expected/*.out' ],
	[ 'test/isolation/schedule', 'test/isolation/specs/*.spec',  'test/isolation/expected/*.out' ],
	[ 'test/pgtap/schedule',     'test/pgtap/*.sql' ],
	[ 'test/t/schedule',         'test/t/*.pl' ],
	[ 'test/lint/schedule',      'test/lint/*.sh' ])
{
	my ($list, $tests, $outputs) = @$suite;
	my %listed;
	$listed{$_}++ for listed($list);
	my %exists = map { $_ => 1 } base(glob $tests);

	violation($list, 1, "$_ is listed twice") for grep { $listed{$_} > 1 } sort keys %listed;
	violation($list, 1, "does not list $_") for grep { !$listed{$_} } sort keys %exists;
	violation($list, 1, "$_ does not exist") for grep { !$exists{$_} } sort keys %listed;
	next unless $outputs;
	my %expected = map { $_ => 1 } base(glob $outputs);
	violation($list, 1, "$_ has no expected output") for grep { !$expected{$_} } sort keys %listed;
	# x_1.out is another accepted output of x
	violation($outputs =~ s/\*/$_/r, 1, "is the output of no test")
		for grep { !$exists{$_} && !$exists{ s/_\d$//r } } sort keys %expected;
}

exit unless -e 'Makefile';
my ($parts) = slurp('Makefile') =~ /^SQL_PARTS\s*=((?:.*\\\n)*.*)/m;
my %part = map { $_ => 1 } grep { $_ ne '\\' } split ' ', $parts // '';
for my $file (glob 'sql/[0-9]*.sql')
{
	violation('Makefile', 1, "SQL_PARTS does not name $file") unless $part{ (base($file))[0] };
}
PERL
