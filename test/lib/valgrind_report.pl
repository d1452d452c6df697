#!/usr/bin/perl
# valgrind_report.pl DIR: prints memcheck's errors with privseg.so in the
# stack, each distinct one once; exits 1 when there is one.
use strict;
use warnings;

my ($dir) = @ARGV;
my (%seen, $processes, $others);

$processes = $others = 0;
for my $file (glob "$dir/*.xml")
{
	open my $in, '<', $file or die "$file: $!";
	my $xml = do { local $/; <$in> };
	$processes++;
	while ($xml =~ m{<error>(.*?)</error>}sg)
	{
		my $error = $1;
		# XML output brings the leak check along; memory contexts mislead it
		next if $error =~ m{<kind>Leak_};
		if ($error !~ m{<obj>[^<]*/privseg\.so</obj>})
		{
			$others++;
			next;
		}
		my ($what) = $error =~ m{<(?:what|text)>(.*?)</(?:what|text)>}s;
		my @stack;
		while ($error =~ m{<frame>(.*?)</frame>|<auxwhat>(.*?)</auxwhat>}sg)
		{
			my ($frame, $note) = ($1, $2);
			if (defined $note) { push @stack, "  $note"; next; }
			my %of = $frame =~ m{<(\w+)>([^<]*)</}g;
			push @stack, sprintf '    %s (%s)', $of{fn} // '?',
				$of{file} ? "$of{file}:$of{line}" : $of{obj} // '?';
		}
		my $text = join "\n", $what // '?', @stack;
		push @{ $seen{$text} }, $file;
	}
}
for my $text (sort keys %seen)
{
	print scalar(@{ $seen{$text} }), " times: $text\n\n";
}
printf "valgrind: %d processes, %d distinct errors through privseg, %d elsewhere\n",
	$processes, scalar(keys %seen), $others;
exit(($processes == 0 || %seen) ? 1 : 0);
