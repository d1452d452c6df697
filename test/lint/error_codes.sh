#!/bin/sh
# Every ereport() that raises names its SQLSTATE.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
for my $file (c_files())
{
	my $text = c_text($file);
	for my $call (c_calls($text, qr/ereport/))
	{
		my ($position, undef, $arguments) = @$call;
		next if $arguments =~ /^\(\s*(DEBUG\d|LOG|LOG_SERVER_ONLY|COMMERROR|INFO|NOTICE|WARNING)\s*,/;
		violation($file, line_at($text, $position), "ereport without errcode")
			unless $arguments =~ /\berrcode(_for_\w+)?\s*\(/;
	}
}
PERL
