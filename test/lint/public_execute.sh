#!/bin/sh
# EXECUTE goes to PUBLIC only for the functions in test/lint/public_functions.
. "$(dirname "$0")/../lib/lint.sh"
lint "${LINT_PUBLIC:-$LINT_LIB/../lint/public_functions}" <<'PERL'
my %allowed = map { $_ => 1 } grep { /\S/ } map { s/#.*//r =~ s/\s//gr } split /\n/, slurp($ARGV[0]);
my %used;
for my $file (sql_parts())
{
	for my $s (sql_statements($file))
	{
		for my $text ($s->{text}, @{ $s->{bodies} })
		{
			while ($text =~ /\bGRANT\s+(?:EXECUTE|ALL(?:\s+PRIVILEGES)?)\s+ON\s+(?:(ALL)\s+)?(?:FUNCTIONS?|PROCEDURES?|ROUTINES?)\s+([^;]*?)\s+TO\s+([^;]*)/gis)
			{
				my ($all, $functions, $grantees) = ($1, $2, $3);
				next unless $grantees =~ /\bPUBLIC\b/i;
				if ($all)
				{
					violation($file, $s->{line}, "EXECUTE on all functions granted to PUBLIC");
					next;
				}
				$functions =~ s/\([^()]*\)//g;
				for my $function (map { s/\s//gr } split /,/, $functions)
				{
					$function =~ s/^privseg\.//;
					$used{$function} = 1;
					violation($file, $s->{line}, "EXECUTE on $function granted to PUBLIC")
						unless $allowed{$function};
				}
			}
		}
	}
}
for my $function (sort keys %allowed)
{
	violation('test/lint/public_functions', 1, "$function is allowed but not granted") unless $used{$function};
}
PERL
