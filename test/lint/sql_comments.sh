#!/bin/sh
# Every function, table, view and type the extension creates has a COMMENT.
# By name; what loops generate, test/pgtap/objects_are_described.sql sees.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
my (%made, %described);
my $name = qr/((?:\w+\.)?\w+)/;
for my $file (grep { !/--/ } sql_parts())
{
	for my $s (sql_statements($file))
	{
		my $text = $s->{text};
		if ($text =~ /^CREATE (?:OR REPLACE )?(FUNCTION|PROCEDURE|AGGREGATE) $name ?(\()/i)
		{
			# one description for each signature
			my ($kind, $function) = (uc $1, lc $2);
			my $signature = substr($text, $-[3]);
			$signature =~ s/\b(RETURNS|LANGUAGE|AS)\b.*//is;
			$made{"$kind $function"}{$signature} //= $s;
		}
		elsif ($text =~ /^CREATE (?:UNLOGGED )?(TABLE|TYPE|DOMAIN) (?:IF NOT EXISTS )?$name(.*)/i
			|| $text =~ /^CREATE (?:OR REPLACE )?(VIEW) $name(.*)/i)
		{
			my ($kind, $object, $rest) = (uc $1, lc $2, $3);
			# a shell type is described when it is filled
			next if $kind eq 'TYPE' && $rest !~ /\S/;
			$made{"$kind $object"}{''} //= $s;
		}
		elsif ($text =~ /^COMMENT ON (FUNCTION|PROCEDURE|AGGREGATE|TABLE|TYPE|DOMAIN|VIEW) $name/i)
		{
			$described{uc($1) . ' ' . lc $2}++;
		}
		# generated comments, such as format('COMMENT ON FUNCTION privseg.x(...)')
		for my $body (@{ $s->{bodies} })
		{
			$described{uc($1) . ' ' . lc $2} += 1000
				while $body =~ /COMMENT ON (FUNCTION|TABLE|TYPE|VIEW|AGGREGATE) $name/gi;
		}
	}
}
for my $object (sort keys %made)
{
	my @signatures = values %{ $made{$object} };
	next if ($described{$object} // 0) >= @signatures;
	violation($signatures[0]{file}, $signatures[0]{line},
		sprintf '%s: %d created, %d with a COMMENT', $object, scalar @signatures,
		$described{$object} // 0);
}
PERL
