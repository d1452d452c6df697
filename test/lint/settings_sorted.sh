#!/bin/sh
# Settings are defined in guc.c, in the order of their names.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
my $define = qr/\bDefineCustom\w+Variable\s*\(\s*/;
only_in($define, qr{^src/guc\.c$}, "settings are defined in guc.c");
exit unless -e 'src/guc.c';
my $text = c_text('src/guc.c', strings => 1);
my $last = '';
while ($text =~ /$define"([^"]+)"/g)
{
	my ($name, $line) = ($1, line_at($text, $-[0]));
	violation('src/guc.c', $line, "$name is not privseg's") unless $name =~ /^privseg\./;
	violation('src/guc.c', $line, "$name comes after $last") if $name lt $last;
	$last = $name;
}
PERL
