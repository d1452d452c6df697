# The root key: where it may come from, what is refused, that the server runs
# without it and says why, that it appears nowhere, and what it signs.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Path qw(make_path);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = 'c0ffee5eed' . ('0123456789abcdef' x 3) . 'd00dad';
my $other_key = 'ab' x 32;
is(length($key), 64, 'the test key has 64 digits');

my $dir = abs_path(PostgreSQL::Test::Utils::tempdir);
my $node = PostgreSQL::Test::Cluster->new('root_key');
$node->init;
$node->append_conf(
	'postgresql.conf', qq(
shared_preload_libraries = 'privseg'
restart_after_crash = on
privseg.root_key_command = ''
privseg.root_key_file = ''
));

sub write_file
{
	my ($name, $content, $mode) = @_;
	my $path = $name =~ m{^/} ? $name : "$dir/$name";

	unlink $path;
	open(my $fh, '>', $path) or die "$path: $!";
	print $fh $content;
	close($fh);
	chmod($mode // 0600, $path) or die "$path: $!";
	return $path;
}

# Start the server with these two settings.
sub start_with
{
	my ($command, $file) = @_;

	$node->stop('fast') if defined $node->{_pid};
	$command =~ s/'/''/g;
	$node->adjust_conf('postgresql.conf', 'privseg.root_key_command',
		"'$command'");
	$node->adjust_conf('postgresql.conf', 'privseg.root_key_file', "'$file'");
	return $node->start;
}

# What needs the key fails, naming the reason, while the server runs; nothing
# read, and not the command, is in the answer.
sub no_key
{
	my ($name, $command, $file, $reason) = @_;
	my $offset = -s $node->logfile;
	my ($rc, $out, $err);

	start_with($command, $file);
	is($node->safe_psql('postgres', 'SELECT 1'), '1', "$name: server runs");
	($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT privseg.verify_receipt('{}')");
	like($err, qr/ERROR:  55000: privseg has no root key/, "$name: 55000");
	like($err, qr/DETAIL:  .*$reason/, "$name: reason in the error");
	my $set = $command ne '' || $file ne '';
	like($err, $set ? qr/HINT:  Put it right and restart the server/
		: qr/HINT:  .*privseg\.root_key_command.*privseg\.root_key_file/,
		"$name: hint says what to do");

	# what was asked for and is not there is a warning
	my $log = substr(slurp_file($node->logfile), $offset // 0);
	my $level = $set ? 'WARNING' : 'LOG';
	like($log, qr/$level:  privseg has no root key\n.*DETAIL:  .*$reason/,
		"$name: reason in the log");
	return;
}

# The key is there, and is the key that is expected.
sub has_key
{
	my ($name, $command, $file, $fingerprint) = @_;
	my $offset = -s $node->logfile;

	start_with($command, $file);
	is( $node->safe_psql('postgres', "SELECT privseg.verify_receipt('{}')"),
		'f', "$name: key is loaded");
	my $log = substr(slurp_file($node->logfile), $offset // 0);
	my ($found) = $log =~
	  /LOG:  privseg loaded the root key with fingerprint ([0-9a-f]{32})$/m;
	ok(defined $found, "$name: fingerprint in the log");
	is($found, $fingerprint, "$name: same key") if defined $fingerprint;
	return $found;
}

start_with('', '');
$node->safe_psql('postgres', 'CREATE EXTENSION privseg');

#
# Sources that hold no key
#
no_key('nothing set', '', '',
	'Neither "privseg.root_key_command" nor "privseg.root_key_file" is set\.');

my $good = write_file('good', "$key\n");
no_key('both set', "cat $good", $good, 'Both .* are set\.');

no_key('missing file', '', "$dir/missing", 'could not be opened: No such file');
no_key('relative path', '', 'key', 'is not absolute');
no_key('directory', '', $dir, 'is not a regular file');
ok(mkfifo("$dir/fifo", 0600), 'fifo made');
no_key('fifo', '', "$dir/fifo", 'is not a regular file');

foreach my $mode (0640, 0604, 0610, 0602)
{
	no_key(sprintf('mode %04o', $mode),
		'', write_file('open', $key, $mode), 'permissions for group or others');
}

my $data = abs_path($node->data_dir);
my $inside = write_file("$data/root.key", $key);
no_key('in the data directory', '', $inside, 'lies in the data directory');
no_key('in the data directory, other spelling',
	'', "$data/global/../../pgdata//root.key", 'lies in the data directory');
symlink($inside, "$dir/to_inside") or die $!;
no_key('link into the data directory',
	'', "$dir/to_inside", 'lies in the data directory');
unlink $inside;
unlink "$dir/to_inside";

link($good, "$data/hard") or die $!;
no_key('hard link', '', $good, 'more than one name');
unlink "$data/hard";

make_path("$dir/space");
start_with('', '');
$node->safe_psql('postgres', "CREATE TABLESPACE space LOCATION '$dir/space'");
no_key('in a tablespace', '', write_file('space/key', $key), 'tablespace');
unlink "$dir/space/key";

my %not_keys = (
	'empty' => ['', 'is empty'],
	'line ends only' => ["\r\n\n", 'is empty'],
	'63 digits' => [ substr($key, 1), 'is not a key of 64' ],
	'65 digits' => [ "${key}0", 'is not a key of 64' ],
	'not hexadecimal' => [ substr($key, 1) . 'g', 'is not a key of 64' ],
	'NUL' => [ substr($key, 1) . "\0", 'is not a key of 64' ],
	'space in front' => [ " $key", 'is not a key of 64' ],
	'digits after a line end' => [ "$key\n$key", 'longer than|is not a key' ],
	'32 raw bytes' => [ pack('H*', $key), 'is not a key of 64' ],
	'very long' => [ $key x 4, 'is longer than a key' ],
	'zeros' => [ '0' x 64, 'is a key of zeros' ]);
foreach my $name (sort keys %not_keys)
{
	my ($content, $reason) = @{ $not_keys{$name} };
	my $path = write_file('bad', $content);

	no_key("file: $name", '', $path, $reason);
	no_key("command: $name", "cat $path", '', $reason);
}

my $secret = 'hunter2-in-the-command';
no_key('command fails', "true $secret; cat $good; exit 3",
	'', 'failed: child process exited with exit code 3');
no_key('command is killed', "cat $good; kill -9 \$\$", '', 'failed: child process was terminated by signal 9');
no_key('command does not exist', "$dir/$secret", '', 'failed: command not found|failed: child process exited with exit code 127');
no_key('command without end', "yes $key", '', 'is longer than a key');

#
# Sources that hold one
#
my $fingerprint = has_key('file', '', $good);
has_key('no line end', '', write_file('plain', $key), $fingerprint);
has_key('CR LF', '', write_file('crlf', "$key\r\n", 0400), $fingerprint);
has_key('upper case', '', write_file('upper', uc $key), $fingerprint);
symlink($good, "$dir/link") or die $!;
has_key('symbolic link', '', "$dir/link", $fingerprint);
symlink($good, "$data/link") or die $!;
has_key('link from the data directory', '', "$data/link", $fingerprint);
unlink "$data/link";
isnt(has_key('other key', '', write_file('other', $other_key)),
	$fingerprint, 'another key has another fingerprint');
has_key('command', "echo run >> $dir/runs; cat $good; true $secret",
	'', $fingerprint);

#
# The settings
#
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
foreach my $setting ('privseg.root_key_command', 'privseg.root_key_file')
{
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSHOW $setting",
		connstr => $node->connstr('postgres') . ' user=nobody');
	like($err, qr/ERROR:  42501:/, "$setting is not shown to everyone");
	is( $node->safe_psql(
			'postgres',
			"SELECT count(*) FROM pg_settings WHERE name = '$setting'",
			connstr => $node->connstr('postgres') . ' user=nobody'),
		'0',
		"$setting is not in everyone's pg_settings");
	($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSET $setting = 'x'");
	like($err, qr/ERROR:  55P02:/, "$setting needs a restart");
}

#
# Where the key is: once in memory, locked, not dumped, not writable.
#
sub sleeping_backend
{
	my ($name) = @_;
	my $sql = "SELECT privseg.verify_receipt('{}'); SELECT pg_sleep(180)";
	my ($out, $err) = ('', '');
	my $handle = IPC::Run::start(
		[
			'psql', '-XAtq', '-d',
			$node->connstr('postgres') . " application_name=$name",
			'-c', $sql
		],
		'<', \undef, '>', \$out, '2>', \$err);

	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = '$name' AND wait_event = 'PgSleep'"
	) or die 'backend does not sleep';
	my $pid = $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE application_name = '$name'");
	return ($handle, $pid);
}

# (copies of the raw key, copies of its text, flags of the key's mapping)
sub look_into
{
	my ($pid) = @_;
	my ($raw, $text, $flags, $in) = (0, 0, '', 0);
	my $raw_key = pack('H*', $key);

	open(my $mem, '<:raw', "/proc/$pid/mem") or return;
	open(my $smaps, '<', "/proc/$pid/smaps") or return;
	while (my $line = <$smaps>)
	{
		if ($line =~ /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/)
		{
			my ($from, $to, $perms, $what) = (hex $1, hex $2, $3, $4);
			my ($tail, $found) = ('', 0);

			next if $perms !~ /^r/ || $what =~ /^\[v/;
			while ($from < $to)
			{
				my $want = $to - $from > 1 << 20 ? 1 << 20 : $to - $from;
				my $chunk;

				sysseek($mem, $from, 0);
				last unless sysread($mem, $chunk, $want);
				$from += length $chunk;
				my $all = $tail . $chunk;
				$found += () = $all =~ /\Q$raw_key\E/g;
				$text += () = $all =~ /\Q$key\E/gi;
				# 31 bytes: no key is counted twice, none is missed; a text
				# across the border of two pieces would be
				$tail = substr($all, -31);
			}
			$raw += $found;
			$in = $found;
			$flags .= "$perms " if $found;
		}
		elsif ($in && $line =~ /^VmFlags: (.*)$/)
		{
			$flags .= $1;
		}
	}
	return ($raw, $text, $flags);
}

my ($handle, $backend) = sleeping_backend('holds_key');
my ($postmaster) = slurp_file("$data/postmaster.pid") =~ /^(\d+)/;

SKIP:
{
	my @found = look_into($postmaster);
	skip 'no /proc/PID/mem to read', 9 unless @found;
	my ($raw, $text, $flags) = @found;

	is($raw, 1, 'postmaster: one copy of the key');
	is($text, 0, 'postmaster: no copy of its text');
	like($flags, qr/^r--s /, 'postmaster: key is read-only and shared');
	like($flags, qr/\bdd\b/, 'postmaster: key is kept out of core dumps');
	like($flags, qr/\blo\b/, 'postmaster: key is locked in memory');

	($raw, $text, $flags) = look_into($backend);
	is($raw, 1, 'backend: one copy of the key');
	is($text, 0, 'backend: no copy of its text');
	like($flags, qr/^r--s /, 'backend: key is read-only and shared');
	like($flags, qr/\bdd\b/, 'backend: key is kept out of core dumps');
}

#
# After a crash of a backend the postmaster keeps the key it has.
#
kill 'KILL', $backend;
$handle->finish;
$node->poll_query_until('postgres', "SELECT NOT privseg.verify_receipt('{}')")
  or die 'no key after a crash';
is(slurp_file("$dir/runs"), "run\n", 'the command ran once');

#
# What it signs
#
$node->safe_psql(
	'postgres', q(
CREATE TABLE person (id bigint PRIMARY KEY);
INSERT INTO person VALUES (1), (2);
SELECT privseg.create_purpose('newsletter', 'consent');
SELECT privseg.protect('person', 'id');
SELECT privseg.record_consent('person', 1, 'newsletter', 'given');
));
my $receipt = $node->safe_psql('postgres',
	"SELECT privseg.consent_receipt('person', 1)");
my $quoted = $receipt =~ s/'/''/gr;

sub verified
{
	return $node->safe_psql('postgres',
		"SELECT privseg.verify_receipt('$quoted')");
}

is(verified(), 't', 'receipt verifies');
has_key('restart', '', $good, $fingerprint);
is(verified(), 't', 'receipt verifies after a restart');
is( $node->safe_psql('postgres',
		"SET timezone = 'Asia/Kathmandu'; SET datestyle = 'SQL, DMY'; SELECT privseg.verify_receipt('$quoted')"
	),
	't',
	'receipt verifies under other session settings');
has_key('other key', '', "$dir/other");
is(verified(), 'f', 'receipt does not verify under another key');
has_key('first key', '', $good, $fingerprint);
is(verified(), 't', 'receipt verifies under the first key again');

SKIP:
{
	my ($openssl) = grep { -x } map { "$_/openssl" } split /:/, $ENV{PATH};
	skip 'no openssl program', 3 unless defined $openssl;

	my $message = "privseg receipt v1\n"
	  . $node->safe_psql('postgres', "SELECT '$quoted'::jsonb - 'signature'");
	my ($public) = $receipt =~ /"public_key": "([0-9a-f]{64})"/;
	my ($signature) = $receipt =~ /"signature": "([0-9a-f]{128})"/;

	# RFC 8410: an Ed25519 key as SubjectPublicKeyInfo
	write_file('public', pack('H*', "302a300506032b6570032100$public"));
	write_file('signature', pack('H*', $signature));
	write_file('message', $message);
	my @verify = (
		$openssl, qw(pkeyutl -verify -pubin -keyform DER -rawin),
		'-inkey', "$dir/public", '-sigfile', "$dir/signature",
		'-in', "$dir/message");

	command_like(\@verify, qr/Verified Successfully/,
		'openssl verifies the receipt');
	write_file('message', $message . ' ');
	isnt(system_log(@verify), 0, 'openssl refuses a changed receipt');
	unlike($message, qr/signature/, 'the signature does not sign itself');
}

#
# Nothing of the above is in the log.
#
$node->stop('fast');
my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$key\E/i, 'no key in the log');
unlike($log, qr/\Q@{[substr $key, 8, 40]}\E/i, 'no part of a key in the log');
unlike($log, qr/$other_key/i, 'no other key in the log');
unlike($log, qr/LOG:.*\Q$secret\E|DETAIL:.*\Q$secret\E/,
	'no command in the messages');
unlike($log, qr/\Q$dir\E\/(?:good|missing|open)/, 'no file name in the log');

done_testing();
