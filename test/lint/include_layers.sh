#!/bin/sh
# Includes go downward only, by the table in test/lint/layers.
. "$(dirname "$0")/../lib/lint.sh"
lint "$LINT_LIB/../lint/layers" <<'PERL'
my (%layer, %feature, $n);
for (split /\n/, slurp($ARGV[0]))
{
	s/#.*//;
	next unless /\S/;
	$n++;
	for my $feature (split)
	{
		my @prefixes = split /\+/, $feature;
		$layer{$feature} = $n;
		@feature{@prefixes} = ($feature) x @prefixes;
	}
}
sub feature { return $_[0] =~ m{([^/_.]+)[^/]*$} ? $feature{$1} // $1 : ''; }

for my $file (c_files())
{
	my $mine = feature($file);
	my $text = c_text($file, strings => 1);
	violation($file, 1, "feature $mine is not in test/lint/layers") unless $layer{$mine};
	while ($text =~ /^\s*#\s*include\s*"([^"\/]+)"/mg)
	{
		my ($header, $line) = ($1, line_at($text, $-[1]));
		my $theirs = feature($header);
		next if !-e "src/$header" || $mine eq $theirs || !$layer{$mine} || !$layer{$theirs};
		violation($file, $line, "$mine may not include $header")
			if $layer{$theirs} >= $layer{$mine};
	}
}
PERL
