#!/bin/sh
# Every entry of mutations.list names a test that exists, and takes out what is in its
# file exactly once: a list that has gone stale proves nothing.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
my $list = 'test/mutations.list';
exit unless -e $list;
my %places = (regress => 'test/sql/%s.sql', isolation => 'test/isolation/specs/%s.spec',
	pgtap => 'test/pgtap/%s.sql', tap => 'test/t/%s.pl', lint => 'test/lint/%s.sh');
my ($line, @entries) = (0);
for (split /\n/, slurp($list))
{
	$line++;
	if (/^\[(.+)\] (\w+)\/(\S+) (\S+)$/) { push @entries, { name => $1, suite => $2, test => $3, file => $4, line => $line, old => [] } }
	elsif (/^- (.*)/ && @entries) { push @{ $entries[-1]{old} }, $1 }
	elsif (!/^(?:[#+] .*|)$/) { violation($list, $line, 'is no line of an entry') }
}
for my $entry (@entries)
{
	my $test = sprintf $places{ $entry->{suite} } // '', $entry->{test};
	violation($list, $entry->{line}, "no test $entry->{suite}/$entry->{test}") unless $test ne '' && -e $test;
	my $text = -e $entry->{file} ? slurp($entry->{file}) : '';
	my $old = join "\n", @{ $entry->{old} };
	my $found = () = $old eq '' ? () : $text =~ /\Q$old\E/g;
	violation($list, $entry->{line}, "[$entry->{name}] is in $entry->{file} $found times") if $found != 1;
}
PERL
