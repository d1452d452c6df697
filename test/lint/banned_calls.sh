#!/bin/sh
# Calls that overrun buffers, hide state or start a shell are not used; only the
# file that fetches the root key runs a command.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
my $unsafe = qr/\b(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|alloca|atoi|atol|rand|srand)\s*\(/;
for my $file (c_files())
{
	my $text = c_text($file);
	violation($file, line_at($text, $-[0]), "$1() is not used here") while $text =~ /$unsafe/g;
}
only_in(qr/\b(system|popen|OpenPipeStream)\s*\(/, qr{^src/crypto_keysource\.c$},
	"only the root key file runs commands");
PERL
