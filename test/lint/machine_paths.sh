#!/bin/sh
# No committed file names a place on somebody's machine: a home directory, the
# checkout, the directory it lies in, or somebody's corner of /tmp.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
use Cwd 'getcwd';
my $checkout = getcwd();
my $above = $checkout =~ s{/[^/]+$}{}r;
my @places = ($checkout);
# a directory everybody has says nothing
push @places, $above unless $above =~ m{^(/|/tmp|/var/tmp|/home|/root|/mnt|/opt|/srv|/usr/src|/usr/local/src)?$};
my $mine = join '|', map { quotemeta } @places;
my $anyones = qr{(?<![\w./-])/(?:home|Users|root|work|workspaces?|mnt|media|tmp/(?!privseg)[\w.-]+)/[\w.-]};
for my $file (tracked_files())
{
	my $text = slurp($file);
	next if $text =~ /\0/;
	while ($text =~ m{(?<![\w/])(?:$mine)(?![\w-])|$anyones}g)
	{
		violation($file, line_at($text, $-[0]), "names a place on one machine: $&");
	}
}
PERL
