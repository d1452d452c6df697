# A thousand values that nobody may see are planted: in rows of people who do not permit the
# purpose, in classified columns, behind masks, in encrypted columns.  Roles of every kind of
# clearance then run statements made by chance (test/lib/Canaries.pm), and none of the values
# comes back: not in a result, a notice, an error, a plan or a catalog, nor in the server's log.
#
# CANARY_SEED and CANARY_STATEMENTS say which statements, and how many.

use strict;
use warnings;

use Canaries;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $seed = $ENV{CANARY_SEED} // 20261127;
my $statements = $ENV{CANARY_STATEMENTS} // 1000;

my $birds = Canaries->new($seed);
my $planted = $birds->plant;
my @roles = sort keys %Canaries::roles;

is(scalar(keys %{ $birds->{canaries} }), 1000, 'a thousand canaries');

my $node = PrivsegNode::init('canaries');
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nmax_wal_senders = 0\nwal_level = minimal\nautovacuum = off\nlog_statement = none\nlog_min_messages = notice\nlog_min_error_statement = error\n");
$node->start;

my $functions = Canaries::functions();
my $person_super = $functions =~ s/^(CREATE VIEW person_super.*)$//m ? $1 : die;
my $grants = join('', map { my $uses = $Canaries::roles{$_}{uses}; $uses ? "SELECT privseg.grant_clearance('$_', 'watching', c, '{$uses}') FROM unnest('{bird.a,bird.b}'::text[]) c;\n" : '' } @roles);

$node->safe_psql('postgres', join('', map { "CREATE ROLE $_ LOGIN" . ($_ eq 'bypass' ? ' BYPASSRLS' : '') . ";\n" } @roles, 'shown') . 'CREATE DATABASE birds');
$node->safe_psql('birds', <<"SQL");
SET client_min_messages = warning;
CREATE EXTENSION privseg;
CREATE SCHEMA birds;
GRANT ALL ON SCHEMA birds TO PUBLIC;
ALTER DATABASE birds SET search_path = birds;
SET search_path = birds;
SELECT privseg.create_purpose('watching', 'consent'), privseg.create_data_category('bird.a'), privseg.create_data_category('bird.b');
SELECT count(privseg.grant_clearance(r::regrole, 'watching')::text) FROM unnest('{@{[ join(',', 'shown', grep { $_ ne 'grouped' } @roles) ]}}'::text[]) r;
SELECT privseg.grant_clearance('grouped', 'watching', uses => '{aggregate}');
$grants
SELECT privseg.grant_clearance('shown', 'watching', c, '{project,filter}') FROM unnest('{bird.a,bird.b}'::text[]) c;
$functions
SET ROLE owner;
@{[ Canaries::tables() ]}
$planted
RESET ROLE;
SELECT privseg.protect('person', 'id'), privseg.protect('purchase', 'person_id', 'person'), privseg.protect('visit', 'person_id', 'person');
@{[ Canaries::classify() ]}
SET ROLE owner;
@{[ Canaries::owned() ]}
RESET ROLE;
$person_super
GRANT ALL ON ALL TABLES IN SCHEMA birds TO PUBLIC;
SELECT count(privseg.record_consent('person', g, 'watching', CASE WHEN g <= 36 THEN 'given' ELSE 'refused' END)) FROM generate_series(1, 60) g;
ANALYZE;
SQL

# groups of enough subjects are not counted by every version
my $counts = $node->safe_psql('birds', q(SELECT count(*) FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace AND proname = 'enough_subjects'));

# what the server has written to its log from a place on
sub logged
{
	my ($from) = @_;

	return substr(slurp_file($node->logfile), $from);
}

# Run statements, each in a transaction of its own.  Returns, for each, what the client was sent,
# and the SQLSTATE it failed with; and whether all came to an end.
sub run
{
	my ($role, @run) = @_;
	my $base = "$PostgreSQL::Test::Utils::tmp_check/canaries_$role";
	my @answers = map { { sql => $_, role => $role, text => '', state => '', met => 0 } } @run;
	my $end = @run;
	my $script = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT always\nSET privseg.purpose = watching; SET statement_timeout = '5s';\n"
	  . join('', map { "\\echo \@\@$_\n\\warn \@\@$_\nBEGIN; $run[$_];\nROLLBACK;\nDEALLOCATE ALL;\n" } 0 .. $#run) . "\\echo \@\@$end\n\\warn \@\@$end\n";

	PostgreSQL::Test::Utils::append_to_file("$base.sql", $script);
	local $ENV{PGUSER} = $role;
	system("psql -X -A -t -d '" . $node->connstr('birds') . "' -f '$base.sql' > '$base.out' 2> '$base.err'");
	my $ended = 0;
	foreach my $file ("$base.out", "$base.err")
	{
		my @parts = split /^@@(\d+)\n/m, slurp_file($file);

		shift @parts;
		while (my ($number, $text) = splice(@parts, 0, 2))
		{
			$ended++ if $number == $end;
			next if $number == $end;
			$answers[$number]{met}++;
			$answers[$number]{text} .= $text // '';
		}
	}
	foreach my $answer (@answers)
	{
		my @states = grep { $_ ne '25P02' } $answer->{text} =~ /^psql:\S+ (?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}):/mg;
		$answer->{state} = $answer->{met} == 2 ? $states[0] // '' : 'not run';
		$answer->{internal} = 1 if grep { /^XX/ } @states, $answer->{text} =~ /(?:caught \| )([0-9A-Z]{5}) \|/g;
		$answer->{internal} = 0 if !$counts && $answer->{text} =~ /privseg lacks the function that counts subjects/;
	}
	unlink "$base.sql", "$base.out", "$base.err";
	return (\@answers, $ended == 2);
}

# ---- the matcher finds what is there ----

my $known = (grep { /^canary-/ } sort keys %{ $birds->{canaries} })[0];
my ($token) = $known =~ /^canary-(.*)/;
my ($number) = grep { /^74/ } sort keys %{ $birds->{canaries} };
foreach my $form ($known, uc $known, scalar(reverse $known), unpack('H*', $known), "xx$token", join(' ', split //, $known), MIME::Base64::encode_base64("a $known", ''), "{$number.2500}", "-$number", substr($known, 0, 12))
{
	isnt(scalar($birds->seen("something before $form and behind it")), 0, "found: $form");
}
is(scalar($birds->seen('can*** {"masked": true} 2024-02-29 740000000000000 town 1 ' . 'f' x 40)), 0, 'nothing is found where nothing is');

# ---- the hunt ----

my $log_from = -s $node->logfile;
my (%count, @found, @internal);

foreach my $role (@roles)
{
	my @run = map { $birds->statement($role) } 1 .. $statements / @roles;
	my ($answers, $ended) = run($role, @run);

	ok($ended, "all statements of role $role came to an end")
	  or diag('the last was one of: ' . join("\n", map { $_->{sql} } (grep { $_->{met} == 2 && $_->{text} =~ /server closed|crash|terminat/ } @$answers)[0 .. 2]));
	foreach my $answer (@$answers)
	{
		my @seen = $birds->seen($answer->{text});

		$count{$role}{ $answer->{state} || 'executed' }++;
		$count{all}{ $answer->{state} || 'executed' }++;
		push @found, { %$answer, seen => \@seen } if @seen;
		push @internal, $answer if $answer->{internal};
		note("$answer->{state} $role: $answer->{sql}\n" . substr($answer->{text}, 0, 400)) if $ENV{CANARY_VERBOSE} && $answer->{state} =~ $ENV{CANARY_VERBOSE};
	}
}
foreach my $found (@found[ 0 .. ($#found > 9 ? 9 : $#found) ])
{
	my ($line) = grep { scalar(my @in = $birds->seen($_)) } split /\n/, $found->{text};

	diag("seed $seed, as $found->{role}: $found->{sql}\n  shows $found->{seen}[0]: " . substr($line // $found->{text}, 0, 300));
}
is(scalar(@found), 0, "no canary comes back (seed $seed)");
diag("seed $seed, as $_->{role}: $_->{sql}\n" . substr($_->{text}, 0, 500)) foreach @internal[ 0 .. ($#internal > 9 ? 9 : $#internal) ];
is(scalar(@internal), 0, "no internal error (seed $seed)");

my @lines = grep { my @in = $birds->seen($_); scalar @in } split /\n/, logged($log_from);
diag('the log: ' . substr($_, 0, 300)) foreach @lines[ 0 .. ($#lines > 9 ? 9 : $#lines) ];
is(scalar(@lines), 0, "no canary is in the server's log (seed $seed)");

foreach my $role (@roles, 'all')
{
	note("$role: " . join(', ', map { "$_ $count{$role}{$_}" } sort { $count{$role}{$b} <=> $count{$role}{$a} || $a cmp $b } keys %{ $count{$role} }));
}
# a hunt that shoots at nothing finds nothing
foreach my $role (@roles)
{
	# who is shown groups is refused nearly the same question again
	my $executed = $count{$role}{executed} // 0;

	cmp_ok($executed, '>=', ($role eq 'grouped' ? 0.2 : 0.4) * int($statements / @roles), "of the statements of role $role many are executed") if $counts || $role !~ /^(grouped|aggregating)$/;
}
cmp_ok($count{all}{executed} // 0, '>=', 0.5 * $statements, 'of all statements at least half are executed');

# ---- who may see them does ----

$log_from = -s $node->logfile;
my %visible = (
	'in a result' => 'SELECT name FROM person LIMIT 1', 'encrypted' => 'SELECT secret FROM person LIMIT 1', 'a number' => 'SELECT income FROM person LIMIT 1', 'a date' => 'SELECT born FROM person LIMIT 1', 'in a row' => 'SELECT p FROM person p LIMIT 1',
	'in a notice' => 'DO $$ DECLARE r record; BEGIN SELECT name INTO r FROM person LIMIT 1; RAISE NOTICE \'%\', r; END $$', 'in an error' => 'SELECT name::int FROM person', 'in an error that is caught' => 'SELECT caught($$SELECT due::text::int FROM person$$)',
	'in a plan' => "EXPLAIN (VERBOSE) SELECT '$known'", 'in COPY' => 'COPY (SELECT memo FROM purchase LIMIT 1) TO STDOUT', 'in hex' => q(SELECT convert_to(name, 'UTF8') FROM person LIMIT 1), 'in base64' => q(SELECT encode(convert_to('some ' || name, 'UTF8'), 'base64') FROM person LIMIT 1));
my @kinds = sort keys %visible;
my ($answers, $ended) = run('shown', map { $visible{$_} } @kinds);
foreach my $i (0 .. $#kinds)
{
	isnt(scalar($birds->seen($answers->[$i]{text})), 0, "who may see a canary does, and it is found: $kinds[$i]");
}
isnt(scalar(grep { my @in = $birds->seen($_); scalar @in } split /\n/, logged($log_from)), 0, 'and in the log');

my @kept = grep { my @in = $birds->seen($_); scalar @in } split /\n/, $node->safe_psql('birds', q(SELECT s FROM pg_statistic s JOIN pg_attribute a ON attrelid = starelid AND attnum = staattnum WHERE atttypid::regtype::text LIKE 'privseg%'));
is(scalar(@kept), 0, 'statistics of encrypted columns hold none');
$node->stop;
done_testing();
