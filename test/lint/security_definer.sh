#!/bin/sh
# A security definer function pins its search path: SET search_path = pg_catalog, pg_temp.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
my $pinned = qr/\bSET\s+search_path\s*(?:=|TO)\s*'?pg_catalog'?\s*,\s*'?pg_temp\b/i;
for my $file (sql_parts())
{
	for my $s (sql_statements($file))
	{
		for my $text ($s->{text}, @{ $s->{bodies} })
		{
			my $definers = () = $text =~ /\bSECURITY\s+DEFINER\b/gi;
			my $pins = () = $text =~ /$pinned/g;
			violation($file, $s->{line}, "SECURITY DEFINER without SET search_path = pg_catalog, pg_temp")
				if $definers > $pins;
		}
	}
}
PERL
