#!/bin/sh
# PostgreSQL's style of messages: the primary one begins in lower case (names
# and SQL words excepted) and has no full stop, detail and hint are sentences.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
for my $file (c_files())
{
	my $text = c_text($file, strings => 1);
	for my $call (c_calls($text, qr/errmsg|errmsg_plural|errdetail|errhint/))
	{
		my ($position, $name, $arguments) = @$call;
		# the first argument: adjacent literals
		next unless $arguments =~ /^\(\s*((?:"(?:\\.|[^"\\])*"\s*|[A-Z_0-9]+\s+(?="))+)/;
		my $message = join '', $1 =~ /"((?:\\.|[^"\\])*)"/g;
		my $line = line_at($text, $position);
		if ($name =~ /^errmsg/)
		{
			violation($file, $line, "errmsg begins with a capital: $message") if $message =~ /^[A-Z][a-z]/;
			violation($file, $line, "errmsg ends with a full stop: $message") if $message =~ /\.$/;
		}
		else
		{
			violation($file, $line, "$name is not a sentence: $message")
				unless $message =~ /^[A-Z%"\\]/ && $message =~ /([.?]|%s)$/;
		}
	}
}
PERL
