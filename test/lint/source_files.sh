#!/bin/sh
# A source file has at most 700 lines and begins with a comment that says what
# it owns; so does a part of the install script.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
for my $file (c_files())
{
	my $text = slurp($file);
	my $lines = ($text =~ tr/\n//);
	violation($file, $lines, "$lines lines, 700 are the most") if $lines > 700;
	violation($file, 1, "does not begin with a comment") unless $text =~ m{^/\*};
}
for my $file (sql_parts())
{
	violation($file, 1, "does not begin with a comment") unless slurp($file) =~ /^(--|\/\*)/;
}
PERL
