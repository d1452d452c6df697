# mutate.pl LIST        the entries: name, test and file, a line each, tabs between
# mutate.pl LIST NAME   standard input with the entry's replacement; status 1 where
#                       what it replaces is not there exactly once
use strict;
use warnings;

my ($list, $wanted) = @ARGV;
my @entries;
open my $in, '<', $list or die "$list: $!\n";
while (my $line = <$in>)
{
	next if $line =~ /^#/;
	chomp $line;
	if ($line =~ /^\[(.+)\] (\S+) (\S+)$/) { push @entries, { name => $1, test => $2, file => $3, old => '', new => '' } }
	elsif ($line =~ /^- (.*)$/) { $entries[-1]{old} .= "$1\n" }
	elsif ($line =~ /^\+ (.*)$/) { $entries[-1]{new} .= "$1\n" }
	elsif ($line ne '') { die "$list: $.: $line\n" }
}
if (!defined $wanted)
{
	print "$_->{name}\t$_->{test}\t$_->{file}\n" for @entries;
	exit 0;
}
my ($entry) = grep { $_->{name} eq $wanted } @entries or die "no entry $wanted\n";
my ($old, $new) = map { my $text = $entry->{$_}; chomp $text; $text } qw(old new);
local $/;
my $text = <STDIN>;
my $places = () = $text =~ /\Q$old\E/g;
exit 1 if $places != 1;
$text =~ s/\Q$old\E/$new/;
print $text;
