# Thousands of random consent histories, decided by privseg and by a second,
# independent telling of the rule (test/lib/oracle.sql).  They must agree about
# everybody: unfolded, folded, mixed, rebuilt, as time passes, under writers,
# after crashes, on a standby, and after a dump and a restore.
#
# PRIVSEG_SEED=N repeats a run's histories.  PRIVSEG_ORACLE_KNOB=expiry (or tie,
# cancel, notice, signal, restriction, explicit, withdrawal) breaks the oracle's
# rule: the test must then fail.

use strict;
use warnings;
use utf8;

use List::Util qw(shuffle uniq);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;
use Time::HiRes qw(time sleep);

my $seed = $ENV{PRIVSEG_SEED} // int(time);
my $knob = $ENV{PRIVSEG_ORACLE_KNOB} // '';
srand($seed);
diag("PRIVSEG_SEED=$seed");

my $here = $ENV{TESTDIR} // '.';
my $dir = PostgreSQL::Test::Utils::tempdir;
my $started = time;

sub pick { return $_[ int(rand @_) ]; }
sub chance { return rand() < $_[0]; }

# (weight => value, ...)
sub weighted
{
	my @choices = @_;
	my $total = 0;
	for (my $i = 0; $i < @choices; $i += 2) { $total += $choices[$i]; }
	my $at = rand $total;
	for (my $i = 0; $i < @choices; $i += 2)
	{
		return $choices[ $i + 1 ] if ($at -= $choices[$i]) < 0;
	}
	return $choices[-1];
}

sub quote { return defined $_[0] ? "'" . $_[0] =~ s/'/''/gr . "'" : 'NULL'; }

#
# Purposes and notices
#
my @flags = ('', 'direct_marketing', 'sale_or_sharing', 'targeted_advertising');
my @purposes;

sub purpose
{
	my ($basis, @on) = @_;
	my %on = map { $_ => 1 } @on;
	my $name = join ' ', $basis, map { substr $_, 0, 6 } @on;
	# on what the use of special categories rests; every basis comes with explicit consent
	my $special = @purposes % 2 == 0 ? "'explicit_consent'" : @purposes % 6 == 1 ? "'research'" : 'NULL';
	push @purposes,
	  { name => $name, basis => $basis, special => $special, on => \%on, notices => [] };
	return;
}
foreach my $basis ('consent', 'legitimate_interests')
{
	purpose($basis);
	purpose($basis, $flags[$_]) foreach 1 .. 3;
	purpose($basis, @flags[ 1, 2 ]);
	purpose($basis, @flags[ 1 .. 3 ]);
}
purpose('public_interest');
purpose('public_interest', $flags[1]);
purpose('public_interest', $flags[2]);
purpose('public_interest', @flags[ 1, 3 ]);
purpose('contract');
purpose('contract', $flags[1]);
purpose('contract', $flags[3]);
purpose('legal_obligation', @flags[ 1, 2 ]);
purpose('legal_obligation');
purpose('vital_interests');
purpose('vital_interests', $flags[2]);

sub create_purpose
{
	my ($p) = @_;
	return sprintf "SELECT privseg.create_purpose('%s', '%s', direct_marketing => %s,"
	  . " sale_or_sharing => %s, targeted_advertising => %s, special_category_basis => %s);\n"
	  . "SELECT privseg.grant_clearance('oracle_reader', '%s');\n",
	  $p->{name}, $p->{basis}, (map { $p->{on}{$_} ? 'true' : 'false' } @flags[ 1 .. 3 ]), $p->{special},
	  $p->{name};
}

# notices: 'terms' is about every second purpose, 'privacy/eu' about all,
# 'cookies' about those that rest on consent
sub publish
{
	my ($name, $version, $material, $language) = @_;
	my @about = grep {
			$name eq 'privacy/eu' ? 1
		  : $name eq 'cookies' ? $purposes[$_]{basis} eq 'consent'
		  : $_ % 2 == 0
	} 0 .. $#purposes;

	foreach my $p (@purposes[@about])
	{
		push @{ $p->{notices} }, "$name/$version"
		  unless grep { $_ eq "$name/$version" } @{ $p->{notices} };
	}
	return sprintf "SELECT privseg.publish_notice('%s', '%s', '%s', 'text', ARRAY[%s], %s);\n",
	  $name, $version, $language // 'en',
	  join(', ', map { quote($purposes[$_]{name}) } @about), $material ? 'true' : 'false';
}

#
# Subjects
#
my @domains;
my %subjects;

sub hex_uuid
{
	my ($hex) = @_;
	return join '-', unpack 'A8 A4 A4 A4 A12', $hex;
}
sub random_hex { return join '', map { sprintf '%x', rand 16 } 1 .. $_[0]; }
# rand gives 48 bits
sub random_bigint { return (int(rand 2**31) << 32) + int(rand 2**32); }

sub random_texts
{
	my ($n, $longest) = @_;
	my @texts = (
		'', ' ', '  ', "\t", "\n", 'NULL', 'null', '\N', '\\', "'", "''", '"', '%', '_', '0', '00', '7', '07', ' 7',
		'7 ', '-1', '{}', '{"a":1}', "a\nb", "a\\nb", 'true', 'é', "e\x{301}", 'É', 'ß', 'ss', 'SS', 'İ', 'i', 'ı',
		"\x{1F600}", "\x{1F468}\x{200D}\x{1F469}", "\x{FEFF}x", 'x', "x\x{200B}", "\x{10FFFD}", 'Ω', "\x{2126}",
		'a' x $longest, ('a' x ($longest - 1)) . 'b', 'a' x ($longest - 1), "\x{20AC}" x int($longest / 3),
		'person/42', '42', '42.0', '4.2e1', 'SELECT 1; --');
	while (@texts < $n)
	{
		my $word = join '', map { pick('a' .. 'f', 'é', 'ж', ' ', '-', '中') } 1 .. 1 + rand 9;
		push @texts, $word, uc $word, pick(lc $word . ' ', " $word", "$word\@example.org", $word . random_hex(20));
	}
	return uniq(@texts);
}

sub domain
{
	my ($name, $type, @keys) = @_;
	push @domains, { name => "oracle.$name", type => $type, keys => [ uniq(@keys) ] };
	return;
}
domain('dense', 'bigint', -60 .. -1, 0 .. 599, 16300 .. 16500, map { 32768 * 40 + 3 * $_ } 1 .. 100);
domain('flake', 'bigint',
	'-9223372036854775808', '-9223372036854775807', '9223372036854775807', '9223372036854775806', -1, 0, 1,
	4294967295, 4294967296, -4294967296, -4294967297, 2147483648,
	# as snowflake ids come: bursts within milliseconds, workers in between
	(map { my $at = (1_600_000_000_000 + int(rand 2**36)) << 22; map { $at + pick(0, 1 << 17) + $_ } 0 .. rand 6 } 1 .. 150),
	(map { $_ + (7 << 32) } 1 .. 130),
	(map { chance(0.5) ? random_bigint() : -random_bigint() } 1 .. 350));
domain('ints', 'integer', -2147483648, -2147483647, 2147483647, 2147483646, -1, 0, 1, 65535, 65536, -65536,
	(map { -16384 + $_ } -100 .. 100), (map { int(rand 2**32) - 2**31 } 1 .. 500));
domain('smalls', 'smallint', -32768, 32767, (map { 16384 + $_ } -20 .. 20), (map { int(rand 65536) - 32768 } 1 .. 560));
domain('uuids', 'uuid',
	(map { hex_uuid($_ x 32) } '0', 'f'), hex_uuid('8' . '0' x 31), hex_uuid('7' . 'f' x 31),
	(map { hex_uuid(sprintf '018f3c5a%04x7000a%015x', $_ / 16, $_) } 1 .. 300),
	(map { hex_uuid(sprintf '%016x%s', $_, '0' x 16) } 1 .. 100),
	(map { hex_uuid(random_hex(32)) } 1 .. 450));
domain('texts', 'text', random_texts(850, 1500));
domain('varchars', 'varchar(300)', random_texts(500, 90));

my @big = (
	# big enough for what is done only for big sets
	{ name => 'oracle.big_uuids', type => 'uuid', rows => 22000, key => 'md5(g::text)::uuid' },
	{ name => 'oracle.big_flakes', type => 'bigint', rows => 42000,
		key => '(1700000000000 + g * 977::bigint) << 22 | (g % 3) << 12' });

my @asking = grep { $_->{basis} eq 'consent' } @purposes;

# whom the records are about; the last of each have no row
my @people;
foreach my $d (@domains)
{
	my @keys = shuffle(@{ $d->{keys} });
	my $n = 0;
	foreach my $key (@keys)
	{
		push @people, { domain => $d, key => $key, n => $n, listed => $n++ < @keys - 10 ? 1 : 0,
			cares => [ map { chance(0.5) ? pick(@asking) : pick(@purposes) } 1 .. 2 ] };
	}
}

sub copy_text
{
	my ($text) = @_;
	return '\N' unless defined $text;
	$text =~ s/([\\\t\n\r])/{"\\" => '\\\\', "\t" => '\t', "\n" => '\n', "\r" => '\r'}->{$1}/ge;
	return $text;
}

sub write_rows
{
	my ($name, @rows) = @_;
	open my $out, '>:encoding(UTF-8)', "$dir/$name" or die "$dir/$name: $!";
	print $out join("\t", map { copy_text($_) } @$_), "\n" foreach @rows;
	close $out or die "$dir/$name: $!";
	return "$dir/$name";
}

#
# Records
#
my $day = 86400;
my @past = map { -$_ } 1100 * $day, 730 * $day, 400 * $day, 90 * $day, 10 * $day, $day, 3600, 60;
my @future = (5400, 3 * 3600, 30 * 3600, 5 * $day, 40 * $day, 800 * $day);

sub stamp
{
	my ($epoch) = @_;
	return undef unless defined $epoch;
	return $epoch if $epoch !~ /^-?[\d.]+$/;
	my ($s, $m, $h, $d, $mon, $y) = gmtime(int $epoch);
	return sprintf '%04d-%02d-%02d %02d:%02d:%02d.%06d+00',
	  $y + 1900, $mon + 1, $d, $h, $m, $s, ($epoch - int $epoch) * 1e6;
}

# A record: [table, subject, purpose, status, notice, effective_at, expires_at,
# explicit, kind].  `near` is a list of moments that some take effect or expire.
sub record
{
	my ($who, $now, $near, $share) = @_;
	my $kind = weighted(78, 'consent', 10, 'objection', 4, 'withdrawal', 4, 'signal', 3, 'restriction', 0.5, 'erasure');
	my ($purpose, $status, $notice, $expires);
	my $explicit = 0;
	my $effective = weighted(25, undef, 45, 'past', 12, 'future');

	$effective = $effective eq 'past' ? $now + pick(@past) : $now + pick(@future) if defined $effective;
	$effective = pick(@$near) if @$near && chance($share);
	$effective = '0001-01-01 00:00+00' if chance(0.005);
	if ($kind eq 'consent' || $kind eq 'objection')
	{
		$purpose = chance(0.7) ? pick(@{ $who->{cares} }) : pick(@purposes);
	}
	if ($kind eq 'consent')
	{
		$status = weighted(40, 'given', 9, 'renewed', 9, 'refused', 8, 'withdrawn', 4, 'revoked', 3, 'expired',
			3, 'invalidated', 5, 'requested', 3, 'request_deferred', 5, 'unknown');
		$explicit = 1 if chance(0.35);
		$notice = pick(@{ $purpose->{notices} }) if @{ $purpose->{notices} } && chance(0.4);
		if (chance(0.35))
		{
			my $from = !defined $effective ? $now + 3000 : $effective =~ /^-?[\d.]+$/ ? $effective : $now - 2000 * $day;
			my @until = grep { $_ > $from } ((map { $now + $_ } @past, @future), @$near, @$near, $from + 0.001);
			$expires = chance(0.05) ? 'infinity' : pick(@until);
		}
	}
	else
	{
		$status = $kind eq 'withdrawal' ? 'withdrawn' : $kind eq 'restriction' ? pick('refused', 'given') : 'refused';
	}
	return [
		$who->{domain}{name}, $who->{key}, $purpose ? $purpose->{name} : undef, $status, $notice,
		stamp($effective), stamp($expires), $explicit, $kind ];
}

my $columns = 'subject_table, subject, purpose, status, notice, effective_at, expires_at, explicit, kind';
my $written = 0;

# SQL that adds the rows, so many with a statement
sub add_rows
{
	my ($slice, $pause, @rows) = @_;
	my $n = 0;
	my $file = write_rows('script' . ++$written, map { [ $n++, @$_ ] } @rows);
	my $sql = "TRUNCATE oracle.script;\nCOPY oracle.script FROM '$file';\n";

	for (my $at = 0; $at < @rows; $at += $slice)
	{
		$sql .= sprintf "INSERT INTO privseg.consent_record ($columns) SELECT $columns FROM oracle.script"
		  . " WHERE n >= %d AND n < %d ORDER BY n;\n", $at, $at + $slice;
		$sql .= "SELECT pg_sleep($pause);\n" if $pause;
	}
	return $sql;
}

# the same in calls of functions, one row each
sub call
{
	my ($row) = @_;
	my ($table, $subject, $purpose, $status, $notice, $effective, $expires, $explicit, $kind) = @$row;
	my ($d) = grep { $_->{name} eq $table } @domains;
	my $key = quote($subject);

	$key .= $d->{type} =~ /int/ ? '::bigint' : $d->{type} eq 'uuid' ? '::uuid' : '::text' if chance(0.6);
	my $who = "'$table', $key";
	return "SELECT privseg.record_objection($who, '$purpose');" if $kind eq 'objection';
	return "SELECT privseg.withdraw_consent($who);" if $kind eq 'withdrawal';
	return "SELECT privseg.record_signal($who, 'gpc');" if $kind eq 'signal';
	return "SELECT privseg.withdraw_consent($who, '$purpose');" if $kind eq 'consent' && $status eq 'withdrawn';
	return sprintf "SELECT privseg.record_consent(%s, '$purpose', '$status', %s, effective_at => %s,"
	  . " expires_at => %s, explicit => %s);",
	  $who, quote($notice), $effective ? quote($effective) : 'now()', quote($expires), $explicit ? 'true' : 'false'
	  if $kind eq 'consent';
	return sprintf "INSERT INTO privseg.consent_record ($columns) VALUES (%s);",
	  join ', ', map { quote($_) } @$row;
}

# records about anybody
sub random_rows
{
	my ($n, $soon, $share) = @_;
	return map { record(pick(@people), time, $soon // [], $share // 0) } 1 .. $n;
}

sub run_sql
{
	my ($node, $sql, $db) = @_;
	my $file = "$dir/run" . ++$written . '.sql';
	open my $out, '>:encoding(UTF-8)', $file or die "$file: $!";
	print $out $sql;
	close $out or die "$file: $!";
	return $node->safe_psql($db // 'postgres', "SET client_min_messages = warning;\n\\o /dev/null\n\\i $file\n\\o\n");
}

#
# Comparing
#
my ($compared, $comparisons) = (0, 0);

sub arrays
{
	my (%only) = @_;
	my @d = $only{domains} ? @{ $only{domains} } : map { $_->{name} } @domains;
	my @p = $only{purposes} ? @{ $only{purposes} } : (shuffle(map { $_->{name} } @purposes))[ 0 .. @purposes / 3 ];
	return 'ARRAY[' . join(', ', map { quote($_) } @d) . ']::regclass[]',
	  'ARRAY[' . join(', ', map { quote($_) } @p) . ']::text[]';
}

# One statement: the oracle's answers and everybody else's, under one snapshot.
# A WITH for each, because a standby has no temporary tables.  Asks about a third of
# the purposes, other ones each time, if not told which.
sub comparison
{
	my (%how) = @_;
	my ($d, $p) = arrays(%how);
	my @ways = @{ $how{ways} // [ 'permitted', 'explained', 'status', 'scan', 'child', 'point', 'special', 'explicit', 'opened', 'opened_point' ] };
	# a fifth of the answers, another one each time
	my $some = "abs(hashtext(subject || purpose) % 5) = " . ++$written % 5;
	my %given;

	$given{permitted} = "SELECT u.subject_table, u.subject, p.purpose, CASE"
	  . " WHEN d.key_type IN ('bigint', 'integer', 'smallint') THEN privseg.permitted(u.subject_table, u.subject::bigint, p.purpose)"
	  . " WHEN d.key_type = 'uuid' THEN privseg.permitted(u.subject_table, u.subject::uuid, p.purpose)"
	  . " ELSE privseg.permitted(u.subject_table, u.subject, p.purpose) END"
	  . " FROM oracle.subject u JOIN oracle.domain d USING (subject_table) CROSS JOIN unnest($p) p (purpose)"
	  . " WHERE u.subject_table = ANY ($d)";
	$given{explained} = "SELECT u.subject_table, u.subject, p.purpose,"
	  . " (privseg.explain_decision(u.subject_table, u.subject, p.purpose) ->> 'permitted')::boolean"
	  . " FROM oracle.subject u CROSS JOIN unnest($p) p (purpose)"
	  . " WHERE u.subject_table = ANY ($d) AND $some";
	$given{special} = $given{explained} =~ s/'permitted'/'special_permitted'/r;
	$given{status} = "SELECT subject_table, subject, purpose, permitted FROM privseg.consent_status"
	  . " WHERE subject_table = ANY ($d) AND purpose = ANY ($p)";
	my %expected = (
		permitted => 'TABLE truth',
		explained => "SELECT * FROM truth WHERE $some",
		status => 'SELECT t.* FROM truth t JOIN (SELECT DISTINCT r.subject_table, r.subject, p.purpose FROM privseg.consent_record r'
		  . " JOIN unnest($p) p (purpose) ON COALESCE(r.purpose, p.purpose) = p.purpose WHERE r.subject_table = ANY ($d)) said"
		  . ' USING (subject_table, subject, purpose)',
		scan => 'SELECT t.subject_table, t.subject, t.purpose, true FROM truth t JOIN oracle.subject u USING (subject_table, subject)'
		  . ' WHERE t.permitted AND u.listed',
		child => 'SELECT t.subject_table, c.id::text, t.purpose, true FROM truth t JOIN oracle.child c USING (subject_table, subject)'
		  . ' WHERE t.permitted',
		point => 'SELECT t.subject_table, t.subject, t.purpose, true FROM truth t JOIN oracle.subject u USING (subject_table, subject)'
		  . ' WHERE t.permitted AND u.listed AND oracle.asked(u.n)');
	$expected{parallel} = $expected{scan};
	$expected{special} = "SELECT subject_table, subject, purpose, opened FROM verdict WHERE $some";
	# of whom, where it matters; whether the row is seen is another question
	$expected{explicit} = "SELECT subject_table, subject, purpose, true FROM verdict JOIN privseg.purpose q ON q.name = purpose"
	  . " WHERE opened OR q.special_category_basis <> 'explicit_consent'";
	$expected{opened} = $expected{scan} =~ s/FROM truth/FROM verdict/r =~ s/t\.permitted/t.opened/r;
	$expected{opened_point} = $expected{point} =~ s/FROM truth/FROM verdict/r =~ s/t\.permitted/t.opened/r;
	$given{$_} = "SELECT s.subject_table, s.item, s.purpose, true FROM oracle.seen('$_', $d, $p) s"
	  foreach 'scan', 'child', 'point', 'parallel', 'explicit', 'opened', 'opened_point';

	return "WITH verdict AS MATERIALIZED (SELECT * FROM oracle.verdict(:'moment', $d, $p, '$knob'))\n"
	  . ", truth AS (SELECT subject_table, subject, purpose, permitted FROM verdict)\n"
	  . join("", map { ", expected_$_ (d, s, p, ok) AS MATERIALIZED ($expected{$_})\n"
	  . ", given_$_ (d, s, p, ok) AS MATERIALIZED ($given{$_})\n"
	  . ", wrong_$_ AS MATERIALIZED (SELECT 'wrong' AS what, * FROM (TABLE given_$_ EXCEPT ALL TABLE expected_$_) x"
	  . " UNION ALL SELECT 'missing', * FROM (TABLE expected_$_ EXCEPT ALL TABLE given_$_) y)\n" } @ways)
	  . join("\nUNION ALL ", map { "SELECT '$_', (SELECT count(*) FROM expected_$_), (SELECT count(*) FROM wrong_$_),"
	  . " (SELECT array_to_json(array_agg(row_to_json(w))) FROM (SELECT * FROM wrong_$_ ORDER BY d, s, p LIMIT 4) w)" } @ways)
	  . ";\n";
}

# compare(NODE, NAME, ways => [...], domains => [...], purposes => [...],
# db => ..., again => SECONDS): no moment at which time changes something may be
# near, so wait for a quiet time.  With `again` the same snapshot is asked twice.
sub compare
{
	my ($node, $name, %how) = @_;
	my $db = $how{db} // 'postgres';
	my @result;

	foreach my $attempt (1 .. 6)
	{
		my $wait = $node->safe_psql($db,
			"SELECT extract(epoch FROM oracle.near(clock_timestamp() - interval '2 s', clock_timestamp() + interval '4 s')"
			  . " - clock_timestamp()) + 2.1");
		sleep($wait) if $wait ne '' && $wait > 0;
		my $begun = time;
		my $out = $node->safe_psql($db,
			"BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT clock_timestamp() AS moment \\gset\n"
			  . comparison(%how)
			  . ($how{again} ? "SELECT 'pause', 0, 0, pg_sleep($how{again}) IS NULL;\n" . comparison(%how) : '')
			  . "SELECT 'near', 0, 0, oracle.near(:'moment'::timestamptz - interval '1.9 s', clock_timestamp() + interval '1.9 s');\nCOMMIT;\n");
		@result = map { [ split /\|/, $_, 4 ] } split /\n/, $out;
		my $near = pop @result;
		note sprintf '%s: %.1f s', $name, time - $begun;
		last if $near->[0] eq 'near' && $near->[3] eq '';
		die "no quiet time to compare: $name" if $attempt == 6;
	}
	foreach my $way (grep { $_->[0] ne 'pause' } @result)
	{
		my ($what, $count, $wrong, $example) = @$way;
		$compared += $count;
		$comparisons++;
		is($wrong, 0, "$name: $what ($count)") or diag($example);
	}
	return;
}

sub wait_until
{
	my ($moment) = @_;
	sleep($moment - time) if $moment > time;
	return;
}

sub wait_for
{
	my ($seconds, $until) = @_;
	my $end = time + $seconds;
	my $done;
	sleep(0.1) until ($done = $until->()) || time > $end;
	return $done;
}

sub elapsed { note sprintf '--- %s: %.1f s since the start', $_[0], time - $started; return; }

#
# The server, its tables, who may read
#
# Parallel plans for small tables, where allowed; nobody folds but who is told
# to.  The oracle's many small sets have no statistics: no nested loops.
my $settings = <<'CONF';
shared_buffers = 128MB
work_mem = 64MB
jit = off
enable_nestloop = off
max_parallel_workers = 4
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
privseg.fold_delay = -1
CONF
my $node = PrivsegNode::init('oracle', allows_streaming => 1, extra => [ '--encoding=UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "max_connections = 30\nautovacuum_naptime = 5s\n$settings");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION privseg');
run_sql($node, slurp_file("$here/test/lib/oracle.sql"));

my $setup = "CREATE ROLE oracle_reader;\n"
  . "CREATE TABLE oracle.child (id bigint PRIMARY KEY, subject_table regclass NOT NULL, subject text COLLATE \"C\");\n"
  . join('', map { create_purpose($_) } @purposes)
  . publish('terms', 1, 0) . publish('terms', 2, 0) . publish('privacy/eu', '2024', 0)
  . publish('cookies', 1, 1) . publish('cookies', 2, 0) . publish('cookies', 2, 0, 'de') . publish('cookies', '3', 1);
foreach my $d (@domains, @big)
{
	my $t = $d->{name};
	$setup .= "CREATE TABLE $t (key $d->{type} PRIMARY KEY, note text DEFAULT 'x');\n"
	  . "CREATE TABLE ${t}_child (id bigint GENERATED ALWAYS AS IDENTITY, owner $d->{type});\n"
	  . sprintf("INSERT INTO oracle.domain VALUES ('$t', '${t}_child', '%s', %s);\n", $d->{type}, $d->{key} ? 'true' : 'false');
}
$setup .= sprintf "COPY oracle.subject FROM '%s';\n",
  write_rows('subjects', map { [ $_->{domain}{name}, $_->{key}, $_->{n}, $_->{listed} ] } @people);
foreach my $d (@domains, @big)
{
	my $t = $d->{name};
	$setup .= "INSERT INTO oracle.subject SELECT '$t', ($d->{key})::text, g, true FROM generate_series(1, $d->{rows}) g;\n"
	  if $d->{key};
	$setup .= "INSERT INTO $t (key) SELECT subject::$d->{type} FROM oracle.subject WHERE subject_table = '$t'::regclass AND listed ORDER BY n;\n"
	  . "INSERT INTO ${t}_child (owner) SELECT key FROM $t, generate_series(1, 2) g ORDER BY g, md5(key::text);\n"
	  . "INSERT INTO oracle.child SELECT id + '$t'::regclass::bigint * 1000000, '$t', owner::text FROM ${t}_child;\n"
	  . "ALTER TABLE ${t}_child ALTER id DROP IDENTITY; UPDATE ${t}_child SET id = id + '$t'::regclass::bigint * 1000000;\n"
	  . "SELECT privseg.protect('$t', 'key'); SELECT privseg.protect('${t}_child', 'owner', '$t');\n";
}
$setup .= "GRANT USAGE ON SCHEMA oracle TO oracle_reader; GRANT SELECT ON ALL TABLES IN SCHEMA oracle TO oracle_reader; ANALYZE;\n";
run_sql($node, $setup);
elapsed('tables');

cmp_ok(scalar @people, '>=', 5000, 'at least 5000 histories: ' . @people);


#
# (a) As it comes in, unfolded
#
my $now = time;
my @near = map { $now + $_ * 0.5 } 1 .. 12;
my @rows;
foreach my $who (shuffle(map { my $p = $_; map { $p } 1 .. 1 + int(rand 13) } @people))
{
	push @rows, record($who, $now, \@near, 0.25);
}
# statements about one table, and statements about all of them
my $third = int(@rows / 3);
@rows = ((sort { $a->[0] cmp $b->[0] } @rows[ 0 .. $third ]), @rows[ $third + 1 .. $#rows ]);
my @late = splice @rows, -1500;
run_sql($node, add_rows(700, 0.08, @rows));
elapsed(@rows . ' records');
run_sql($node, join "\n", map { call($_) } @late[ 0 .. 499 ]);
# published in this mode, sets are forgotten and not built
run_sql($node, "BEGIN ISOLATION LEVEL REPEATABLE READ;\n" . publish('terms', 3, 1) . "COMMIT;\n");
run_sql($node, publish('terms', 2, 0, 'fr') . add_rows(200, 0, @late[ 500 .. $#late ]));
# what is rolled back was never said
run_sql($node, join "\n", 'BEGIN;', (map { call($_) } random_rows(40)), add_rows(1500, 0, random_rows(1500)), 'ROLLBACK;',
	'BEGIN;', 'SAVEPOINT s;', (map { call($_) } random_rows(20)), 'ROLLBACK TO s;', (map { call($_) } random_rows(20)), 'COMMIT;');
wait_until($near[-1] + 2);
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta'), '>', 1000, 'there are deltas');
my ($unbuilt, $built) = split /\|/, $node->safe_psql('postgres',
	"SELECT count(*) FILTER (WHERE s.domain IS NULL), count(s.domain) FROM oracle.domain d CROSS JOIN privseg.purposes p"
	  . " LEFT JOIN privseg.consent_set s ON s.domain = d.subject_table AND s.purpose = p.id WHERE NOT d.big");
cmp_ok($unbuilt, '>', 0, "$unbuilt sets are not built");
cmp_ok($built, '>', 0, "$built sets are built");
compare($node, 'unfolded');
elapsed('unfolded');

# the histories would show each of these mistakes
{
	my ($d, $p) = arrays(domains => [ map { "oracle.$_" } 'dense', 'uuids' ], purposes => [ map { $_->{name} } @purposes ]);
	foreach my $mistake ('expiry', 'tie', 'cancel', 'notice', 'signal', 'restriction', 'explicit', 'withdrawal')
	{
		my $n = $node->safe_psql('postgres',
			"SELECT sum(n) FROM unnest(ARRAY[now(), now() + interval '1 day', now() + interval '60 days']) m,"
			  . " LATERAL (SELECT count(*) AS n FROM (SELECT * FROM oracle.verdict(m, $d, $p) EXCEPT SELECT * FROM oracle.verdict(m, $d, $p, '$mistake')) x) y");
		cmp_ok($n, '>', 0, "$n answers depend on: $mistake");
	}

	# what was permitted then: at moments when something began or ended, and around
	my @moments = split /\n/, $node->safe_psql('postgres',
		"SELECT t + x FROM (SELECT t FROM (SELECT effective_at, expires_at FROM privseg.consent_record) r, unnest(ARRAY[effective_at, expires_at]) t"
		  . " WHERE t BETWEEN now() - interval '5 years' AND now() + interval '5 years' GROUP BY t ORDER BY count(*) DESC, t LIMIT 20) b,"
		  . " unnest('{-00:00:00.000001,0,00:00:00.000001}'::interval[]) x ORDER BY md5(t::text || x || $seed) LIMIT 4");
	foreach my $moment (@moments)
	{
		my ($count, $wrong) = split /\|/, $node->safe_psql('postgres',
			"WITH truth AS MATERIALIZED (SELECT * FROM oracle.verdict('$moment', $d, $p, '$knob', true)), given AS MATERIALIZED"
			  . " (SELECT t.subject_table, t.subject, t.purpose, privseg.permitted(t.subject_table, t.subject, t.purpose, '$moment'),"
			  . " (privseg.explain_decision(t.subject_table, t.subject, t.purpose, '$moment') ->> 'special_permitted')::boolean FROM truth t)"
			  . " SELECT (SELECT count(*) FROM truth), (SELECT count(*) FROM (TABLE truth EXCEPT TABLE given) x)");
		is($wrong, 0, "as of $moment: permitted ($count)");
		$compared += $count;
	}
}
elapsed('mistakes');

#
# (b) Folded
#
$node->safe_psql('postgres', 'SELECT privseg.fold_consent()');
is($node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta'), '0', 'no delta is left');
compare($node, 'folded');
elapsed('folded');

#
# (c) More on top: pages and deltas; new purposes, notices, bulk imports
#
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('oracle_standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nmax_standby_streaming_delay = -1\n");
$standby->start;

purpose('consent', @flags[ 2, 3 ]);
run_sql($node, create_purpose($purposes[-1]));
purpose('public_interest', $flags[3]);
run_sql($node, "BEGIN ISOLATION LEVEL REPEATABLE READ;\n" . create_purpose($purposes[-1]) . "COMMIT;\n");
$_->{cares}[0] = pick(@purposes[ -2, -1 ]) foreach @people[ grep { chance(0.05) } 0 .. $#people ];
run_sql($node, publish('privacy/eu', '2025', 1) . publish('terms', 2, 1, 'pl'));

my @big_purposes = ('consent sale_o', 'legitimate_interests direct');
run_sql($node, join "\n", map {
	"INSERT INTO privseg.consent_record ($columns)"
	  . " SELECT subject_table, subject, p, CASE WHEN (n * 7 + length(p)) % 10 > 0 THEN CASE WHEN p LIKE 'cons%' THEN 'given' ELSE 'refused' END ELSE 'withdrawn' END,"
	  . " NULL, now(), NULL, n % 2 = 0, CASE WHEN p LIKE 'cons%' THEN 'consent' WHEN n % 10 > 1 THEN 'objection' ELSE 'consent' END"
	  . " FROM oracle.subject, unnest(ARRAY[" . join(', ', map { quote($_) } @big_purposes) . "]) p WHERE subject_table = '$_->{name}'::regclass ORDER BY p, n;"
} @big);
elapsed('big tables');

# COPY, as an import does it; then what comes in one by one
my $import = write_rows('import', map { [ @$_[ 0 .. 6 ] ] } grep { $_->[8] eq 'consent' && !$_->[7] && $_->[5] } random_rows(9000));
run_sql($node, "COPY privseg.consent_record (subject_table, subject, purpose, status, notice, effective_at, expires_at) FROM '$import';\n"
	  . add_rows(150, 0, random_rows(3000))
	  . join("\n", map { call($_) } random_rows(300)) . "\n"
	  . join("\n", map {
		"INSERT INTO privseg.consent_record ($columns) SELECT subject_table, subject, CASE n % 3 WHEN 0 THEN '$big_purposes[0]' WHEN 1 THEN '$big_purposes[1]' END,"
		  . " CASE WHEN n % 3 = 2 THEN 'refused' WHEN n % 5 = 0 THEN 'given' WHEN n % 5 = 1 THEN 'requested' ELSE 'refused' END, NULL, now(), NULL, n % 4 = 0, CASE WHEN n % 3 < 2 THEN 'consent' ELSE 'signal' END"
		  . " FROM oracle.subject WHERE subject_table = '$_->{name}'::regclass AND n % 97 = 5;" } @big));
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta'), '>', 500, 'there are deltas again');
# an auditor is told how many workers there were
like($node->safe_psql('postgres', "BEGIN; GRANT privseg_auditor TO oracle_reader; SET ROLE oracle_reader; SET privseg.purpose = 'consent';"
		  . ' EXPLAIN (ANALYZE, COSTS off) SELECT * FROM oracle.dense; ROLLBACK'),
	qr/Workers Launched: [1-9]/, 'a parallel scan is one');
compare($node, 'mixed');
compare($node, 'big sets', domains => [ map { $_->{name} } @big ], purposes => \@big_purposes, ways => [ 'scan', 'opened', 'child', 'point', 'opened_point', 'parallel' ]);
$node->wait_for_catchup($standby);
compare($standby, 'standby, mixed');
elapsed('mixed');

#
# (e) Time passes, and nobody writes: half of the moments are on the agenda, of
# the others only deltas know
#
{
	my $first = time + 9;
	my @soon = map { $first + $_ * 0.4 } 0 .. 4;

	run_sql($node, add_rows(900, 0, random_rows(2200, \@soon, 0.8)) . "SELECT privseg.fold_consent();\n"
		  . join("\n", map {
			"INSERT INTO privseg.consent_record ($columns) SELECT subject_table, subject, '$big_purposes[0]', 'given', NULL,"
			  . " CASE WHEN n % 2 = 0 THEN now() ELSE '" . stamp($first) . "' END, CASE WHEN n % 2 = 0 THEN '" . stamp($first) . "'::timestamptz END, false, 'consent'"
			  . " FROM oracle.subject WHERE subject_table = '$_->{name}'::regclass AND n % 89 = 7;" } @big) . "\n"
		  . "SELECT privseg.fold_consent('$big[0]{name}');\n"
		  . add_rows(300, 0, random_rows(2200, \@soon, 0.8)));
	$node->wait_for_catchup($standby);
	my $expected = $node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_record');
	compare($node, 'before the moment', ways => [ 'permitted', 'explicit', 'scan', 'opened', 'child' ]);
	note sprintf '%.1f s before the moment', $first - time;
	wait_until($soon[-1] + 2.1);
	compare($node, 'after the moment', ways => [ 'permitted', 'explicit', 'scan', 'opened', 'child', 'point', 'opened_point', 'parallel' ]);
	compare($standby, 'after the moment, standby', ways => [ 'status', 'scan', 'opened', 'child', 'point', 'opened_point' ]);
	foreach my $server ($node, $standby)
	{
		compare($server, 'after the moment, big sets, ' . $server->name, domains => [ map { $_->{name} } @big ],
			purposes => \@big_purposes, ways => [ 'scan', 'opened', 'child' ]);
	}
	is($node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_record'), $expected, 'nobody wrote');
	$node->safe_psql('postgres', 'SELECT privseg.fold_consent()');
	compare($node, 'after the moment, folded', ways => [ 'scan', 'opened', 'child' ]);
	elapsed('time');
}

#
# (d) Built anew
#
$node->safe_psql('postgres', 'SELECT privseg.rebuild_consent()');
compare($node, 'rebuilt', ways => [ 'permitted', 'explicit', 'scan', 'opened', 'child', 'point', 'opened_point' ]);
compare($node, 'rebuilt, big sets', domains => [ map { $_->{name} } @big ], purposes => \@big_purposes, ways => [ 'scan', 'opened', 'child', 'point', 'opened_point' ]);
elapsed('rebuilt');

#
# (f) The worker folds while others write
#
my @crowd = (shuffle(grep { $_->{listed} } @people))[ 0 .. 199 ];

sub start_psql
{
	my ($server, $name, $sql) = @_;
	my $file = "$dir/$name." . ++$written . '.sql';
	open my $out, '>:encoding(UTF-8)', $file or die "$file: $!";
	print $out "SET client_min_messages = warning;\n", $sql;
	close $out or die "$file: $!";
	my %job = (name => $name, out => "$file.out", err => "$file.err");
	$job{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $server->connstr('postgres') . " application_name=$name", '-f', $file ],
		'<', '/dev/null', '>', $job{out}, '2>', $job{err});
	return \%job;
}

sub running { return $_[0]{handle}->pumpable; }

# a writer: small transactions, about few people mostly, some rolled back
sub writer
{
	my ($name, $transactions) = @_;
	my $sql = '';
	foreach my $i (1 .. $transactions)
	{
		my @said = map { record(chance(0.6) ? pick(@crowd) : pick(@people), time, [], 0) } 1 .. 1 + rand 5;

		# no bulk statement of two at once in different order of tables
		@said = sort { $a->[0] cmp $b->[0] } @said;
		$sql .= "BEGIN;\n" . join("\n", map { call($_) } @said) . "\n";
		$sql .= "SAVEPOINT s;\n" . call($said[0]) . "\nROLLBACK TO s;\n" if chance(0.1);
		$sql .= sprintf "SELECT pg_sleep(%.3f);\n", rand 0.08 if chance(0.4);
		$sql .= chance(0.1) ? "ROLLBACK;\n" : "COMMIT;\n";
	}
	return "\\o /dev/null\n$sql";
}

# a reader with a session of its own: asks for one row at a time, of few people
sub reader
{
	my ($questions) = @_;
	my $sql = "SET ROLE oracle_reader;\n";
	foreach my $d (@domains)
	{
		$sql .= "PREPARE ask_" . ($d->{name} =~ s/.*\.//r) . " AS SELECT 'wrong', \$1, \$2, v, t.key"
		  . " FROM oracle.one('$d->{name}', \$1, \$2) v LEFT JOIN $d->{name} t ON t.key = \$1::$d->{type}"
		  . " WHERE v.permitted IS NOT DISTINCT FROM (t.key IS NULL)"
		  . " OR v.opened IS DISTINCT FROM v.permitted AND privseg.row_explicit(\$1::" . ($d->{type} =~ /int/ ? 'bigint' : $d->{type} =~ /uuid/ ? 'uuid' : 'text') . ", '$d->{name}');\n";
	}
	foreach my $i (1 .. $questions)
	{
		my $who = pick(@crowd[ 0 .. 59 ]);
		my $p = pick(@{ $who->{cares} })->{name};
		$sql .= "SET privseg.purpose = '$p';\nEXECUTE ask_" . ($who->{domain}{name} =~ s/.*\.//r) . '(' . quote($who->{key}) . ", '$p');\n";
	}
	return $sql . "SELECT 'answered';\n";
}

$node->safe_psql('postgres', "ALTER SYSTEM SET privseg.fold_delay = '50ms'");
$node->reload;
{
	my @writers = map { start_psql($node, "writer$_", writer("writer$_", 400)) } 1 .. 3;
	my $disturber = start_psql($node, 'disturber', "\\o /dev/null\n" . join '', map {
		my $d = pick(@domains)->{name};
		"SELECT pg_sleep(0.3);\n" . weighted(
			3, sub { "SELECT privseg.fold_consent('$d');\n" },
			2, sub { "SELECT privseg.fold_consent();\n" },
			1, sub { "SELECT privseg.rebuild_consent('$d');\n" },
			1, sub { "VACUUM privseg.consent_page, privseg.consent_delta, privseg.consent_agenda;\n" },
			1, sub { add_rows(1500, 0, random_rows(1500)) })->();
	} 1 .. 12);
	my @readers = map { start_psql($_, 'reader_' . $_->name, reader(600)) } $node, $standby;
	my $rounds = 0;

	while ((grep { running($_) } @writers, $disturber) && $rounds < 8)
	{
		my @d = map { $_->{name} } (shuffle(@domains))[ 0 .. 1 ];
		my @p = map { $_->{name} } (shuffle(@purposes))[ 0 .. 7 ];
		compare($rounds % 3 == 2 ? $standby : $node, 'among writers' . ($rounds % 3 == 2 ? ', standby' : ''), domains => \@d, purposes => \@p,
			ways => $rounds % 2 ? [ 'opened', 'parallel' ] : [ 'scan', 'opened_point' ], again => 0.2);
		$rounds++;
	}
	cmp_ok($rounds, '>', 1, "$rounds rounds among writers");
	foreach my $job (@writers, $disturber, @readers)
	{
		$job->{handle}->finish;
		is(slurp_file($job->{err}), '', "$job->{name} had no error");
		is(slurp_file($job->{out}), "answered\n", "$job->{name} saw what the oracle says") if $job->{name} =~ /^reader/;
	}
	ok(wait_for(20, sub { $node->safe_psql('postgres', 'SELECT NOT EXISTS (SELECT FROM privseg.consent_delta)') eq 't' }),
		'the worker folds all deltas');
	# Not while they write: a notice is read as the catalogs are, and counts in a
	# snapshot that is older.
	run_sql($node, publish('privacy/eu', 2026, 1));
	compare($node, 'after writers', ways => [ 'permitted', 'explicit', 'scan', 'opened', 'child', 'point', 'opened_point', 'status' ]);
	elapsed('writers');
}

#
# (g) Crashes among writers
#
{
	my @writers = map { start_psql($node, "doomed$_", writer("doomed$_", 400)) } 1 .. 3;
	sleep(1.5);
	$node->stop('immediate');
	eval { $_->{handle}->finish } foreach @writers;
	$node->start;
	compare($node, 'after an immediate stop', ways => [ 'permitted', 'explicit', 'scan', 'opened', 'child' ]);

	$node->safe_psql('postgres', 'ALTER SYSTEM SET privseg.fold_delay = -1');
	$node->reload;
	@writers = map { start_psql($node, "doomed$_", writer("doomed$_", 400)) } 1 .. 3;
	sleep(1.5);
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	# a small machine has no ps
	my @children = map { m{^/proc/(\d+)/} } grep { (eval { slurp_file($_) } // '') =~ /^PPid:\s+$postmaster$/m } glob '/proc/[0-9]*/status';
	cmp_ok(scalar @children, '>', 3, 'children: ' . @children);
	$node->kill9;
	kill 'KILL', @children;
	eval { $_->{handle}->finish } foreach @writers;
	ok(wait_for(20, sub { !kill 0, $postmaster, @children }), 'all of them are gone');
	$node->start;
	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM privseg.consent_delta'), '>', 0, 'deltas survived');
	compare($node, 'after SIGKILL');
	$node->safe_psql('postgres', 'SELECT privseg.fold_consent()');
	compare($node, 'after SIGKILL, folded', ways => [ 'scan', 'opened', 'child' ]);
	elapsed('crashes');
}

#
# (h) The standby, which has followed all of it
#
run_sql($node, add_rows(100, 0, random_rows(500)));
$node->wait_for_catchup($standby);
compare($standby, 'standby at last', ways => [ 'explained', 'special', 'status', 'scan', 'opened', 'child', 'point', 'opened_point' ]);

#
# (i) Dump and restore, while there are deltas
#
my $copy = PrivsegNode::init('oracle_copy', extra => [ '--encoding=UTF8', '--no-locale' ]);
$copy->append_conf('postgresql.conf', $settings);
$copy->start;
$copy->safe_psql('postgres', 'CREATE ROLE oracle_reader; CREATE DATABASE plain; CREATE DATABASE custom');
$node->command_ok([ 'pg_dump', '-f', "$dir/plain.sql", $node->connstr('postgres') ], 'pg_dump, plain');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom.dump", $node->connstr('postgres') ], 'pg_dump, custom');
my $errors = '';
IPC::Run::run([ 'psql', '-Xq', '-d', $copy->connstr('plain'), '-f', "$dir/plain.sql" ], '>', '/dev/null', '2>', \$errors);
unlike($errors, qr/ERROR/, 'restored with psql');
$copy->command_ok([ 'pg_restore', '-j', '2', '-d', $copy->connstr('custom'), "$dir/custom.dump" ], 'restored with pg_restore');
my $fingerprint = $node->safe_psql('postgres', 'SELECT oracle.fingerprint()');
elapsed('restored');
foreach my $db ('plain', 'custom')
{
	is($copy->safe_psql($db, 'SELECT oracle.fingerprint()'), $fingerprint, "$db: the records are all there: $fingerprint");
	$copy->safe_psql($db, 'ANALYZE');
	# the records are the same: one is looked at closely
	compare($copy, "restored, $db", db => $db, ways => $db eq 'plain' ? [ 'permitted', 'explicit', 'explained', 'special', 'status', 'scan', 'opened', 'child', 'point', 'opened_point' ] : [ 'scan', 'opened', 'child' ]);
	$copy->safe_psql($db, 'SELECT privseg.fold_consent()');
	compare($copy, "restored, $db, folded", db => $db, ways => [ 'scan', 'opened', 'point', 'opened_point' ]);
	next if $db eq 'custom';
	compare($copy, "restored, $db, big sets", db => $db, domains => [ map { $_->{name} } @big ], purposes => \@big_purposes, ways => ['scan', 'opened']);
	run_sql($copy, add_rows(100, 0, random_rows(300)), $db);
	compare($copy, "restored, $db, more records", db => $db, ways => [ 'permitted', 'explicit', 'scan', 'opened' ]);
}
elapsed('copies');

foreach my $server ($node, $standby, $copy)
{
	my $log = slurp_file($server->logfile);
	unlike($log, qr/PANIC:|TRAP:|was terminated by signal (?!9)|stuck spinlock|XX\d\d\d/, $server->name . ': no crash');
	$server->stop('fast');
}
diag(sprintf '%d histories, %d answers compared in %d comparisons, %.0f s', scalar @people, $compared, $comparisons, time - $started);

done_testing();
