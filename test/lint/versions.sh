#!/bin/sh
# The control file, META.json and the changelog agree on the version.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
my ($version) = slurp('privseg.control') =~ /^default_version\s*=\s*'([^']+)'/m;
my @meta = slurp('META.json') =~ /"version":\s*"([^"]+)"/g;
pop @meta;		# of the format
my ($changed) = slurp('CHANGELOG.md') =~ /^## (\d\S*)/m;
violation('META.json', 1, "version $_, privseg.control has $version") for grep { $_ ne $version } @meta;
violation('CHANGELOG.md', 1, "latest version $changed, privseg.control has $version") if $changed ne $version;
PERL
