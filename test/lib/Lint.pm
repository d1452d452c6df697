# Lint.pm -- what the lints share: the files, and C and SQL text without the
# parts that would mislead a pattern.
package Lint;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(c_files sql_parts tracked_files slurp c_text c_calls sql_statements
  violation line_at only_in);

my $violations = 0;

END { $? = 1 if $violations && $? == 0; }

sub violation
{
	my ($file, $line, $message) = @_;
	print "$file:$line: $message\n";
	$violations++;
}

sub c_files { return sort glob 'src/*.[ch]'; }

# The install parts and upgrade steps; not the generated install script.
sub sql_parts { return grep { !/privseg--[^-]+\.sql$/ } sort glob 'sql/*.sql'; }

# What is or would be committed.
sub tracked_files
{
	my @files = split /\0/,
	  `git -c 'safe.directory=*' ls-files -z --cached --others --exclude-standard 2>/dev/null`;
	@files = map { chomp; s{^\./}{}r } `find . -type f -not -path './.git/*'` unless @files;
	return sort grep { -f $_ } @files;
}

sub slurp
{
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!\n";
	local $/;
	return scalar(<$in>) // '';
}

sub line_at
{
	my ($text, $position) = @_;
	return 1 + (substr($text, 0, $position) =~ tr/\n//);
}

sub blank { return $_[0] =~ s/[^\n]/ /gr; }

# C without comments and, unless asked for, without what is in quotes.
# Positions and lines stay as they were.
sub c_text
{
	my ($file, %opt) = @_;
	my $text = slurp($file);
	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
		{ defined $1 ? blank($1)
		  : $opt{strings} ? $2
		  : substr($2, 0, 1) . blank(substr($2, 1, -1)) . substr($2, -1) }gse;
	return $text;
}

# The calls of functions matching a pattern: [position, name, text in parentheses].
sub c_calls
{
	my ($text, $name) = @_;
	my @calls;
	while ($text =~ /\b($name)\s*(?=\()/g)
	{
		my ($position, $called) = ($-[0], $1);
		my $rest = substr($text, pos $text);
		my $nested;
		$nested = qr/\((?:[^()"]++|"(?:\\.|[^"\\])*"|(??{ $nested }))*\)/s;
		push @calls, [ $position, $called, $1 ] if $rest =~ /^($nested)/;
	}
	return @calls;
}

# The statements of an SQL file: { line, text, bodies }.  Comments are gone; what
# was dollar-quoted is in bodies, and "$$" stands for it in the text.
sub sql_statements
{
	my ($file) = @_;
	my $sql = slurp($file);
	my (@statements, $current);
	my $line = 1;

	my $start = sub { $current = { line => undef, text => '', bodies => [] }; };
	$start->();
	while ($sql =~ /\G(--[^\n]*|\/\*.*?\*\/|\$(\w*)\$(.*?)\$\2\$|[Ee]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|"[^"]*"|\w+|\s+|.)/gs)
	{
		my ($token, $body) = ($1, $3);
		my $begins = $line;
		$line += ($token =~ tr/\n//);
		if ($token =~ /^(--|\/\*)/) { $token = ' '; }
		elsif ($token =~ /^\$\w*\$/s) { push @{ $current->{bodies} }, $body; $token = '$$'; }
		elsif ($token =~ /^\s/) { $token = ' '; }
		elsif ($token eq ';')
		{
			push @statements, $current if $current->{text} =~ /\S/;
			$start->();
			next;
		}
		$current->{line} //= $begins if $token ne ' ';
		$current->{text} .= $token;
	}
	push @statements, $current if $current->{text} =~ /\S/;
	for (@statements)
	{
		$_->{file} = $file;
		$_->{text} =~ s/\s+/ /g;
		$_->{text} =~ s/^ | $//g;
	}
	return @statements;
}

# Only files whose name matches OWNER may contain PATTERN.
sub only_in
{
	my ($pattern, $owner, $message) = @_;
	for my $file (grep { $_ !~ $owner } c_files())
	{
		my $text = c_text($file, strings => 1);
		violation($file, line_at($text, $-[0]), $message) while $text =~ /$pattern/g;
	}
}

1;
