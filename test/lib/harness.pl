#!/usr/bin/perl
# harness.pl [--exec PROGRAM] [--jobs N] [--summary FILE] -- TEST ...
#
# Runs TAP tests, with perl or with PROGRAM, and counts assertions.  A planned
# assertion that never ran counts as failed, and so does a file that ends
# badly with every assertion passed.  The two counts go to FILE.
use strict;
use warnings;
use Getopt::Long qw(:config require_order);
use List::Util qw(max);
use TAP::Harness;

my ($exec, $jobs, $summary) = (undef, 1, undef);
GetOptions('exec=s' => \$exec, 'jobs=i' => \$jobs, 'summary=s' => \$summary) or exit 2;

my $harness = TAP::Harness->new({
	($exec ? (exec => [$exec]) : (lib => [ split /:/, $ENV{PERL5LIB} // '' ])),
	jobs => $jobs, timer => 1, failures => 1, comments => 1, color => 0 });
my $result = eval { $harness->runtests(@ARGV) };

my ($passed, $failed) = (0, 0);
my @bad;
if (!$result)
{
	# a test bailed out (a server that did not start, mostly) and took the rest along
	print $@;
	$failed = 1;
	@bad = @ARGV;
}
for my $name ($result ? $result->descriptions : ())
{
	my ($parser) = $result->parsers($name);
	$passed += $parser->passed;
	next unless $parser->has_problems;
	my $missing = ($parser->tests_planned // 0) - ($parser->tests_run // 0);
	$failed += max(1, $parser->failed + max(0, $missing));
	push @bad, $name;
}
if ($summary)
{
	open my $out, '>', $summary or die "$summary: $!";
	print $out join("\n", "$passed $failed", @bad), "\n";
	close $out or die;
}
exit($failed ? 1 : 0);
