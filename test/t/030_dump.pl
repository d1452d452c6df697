# Dump and restore: what a restored server decides, shows and refuses is what
# the dumped one did, in every format and in parts.

use strict;
use warnings;

use IPC::Run qw(run);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my @tables = qw(public.customers public.accounts public.handles public.orders
  public.order_lines public.visits);

#
# What is compared: each answer of a database, by name
#
my %asked = (
	decisions => q(SELECT p.name, s.t, s.id, privseg.permitted(s.t, s.id, p.name),
		privseg.permitted(s.t, s.id, p.name, now() + '45 days'), privseg.permitted(s.t, s.id, p.name, now() + '2 years'),
		privseg.explain_decision(s.t, s.id, p.name)
		FROM privseg.purpose p, (SELECT 'customers'::regclass AS t, id::text AS id FROM customers
			UNION ALL SELECT 'accounts', id::text FROM accounts UNION ALL SELECT 'handles', id FROM handles) s),
	status => 'SELECT * FROM privseg.consent_status',
	records => 'SELECT * FROM privseg.consent_record',
	labels => q(SELECT objtype, objname, provider, label FROM pg_seclabels),
	classified => 'SELECT * FROM privseg.protected_column',
	clearance => 'SELECT * FROM privseg.clearance',
	executable => q(SELECT r, p::regprocedure, has_function_privilege(r, p, 'EXECUTE') FROM unnest('{team,form,other}'::name[]) r,
		(SELECT oid FROM pg_proc WHERE pronamespace = 'privseg'::regnamespace) f(p)),
	policies => 'SELECT * FROM pg_policies',
	row_security => q(SELECT oid::regclass, relrowsecurity, relforcerowsecurity FROM pg_class
		WHERE relnamespace = 'public'::regnamespace),
	triggers => q(SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal),
	protected => 'SELECT * FROM privseg.protected_relation',
	undo => 'SELECT * FROM privseg.protection_undo',
	vocabulary => q(SELECT 'p', p::text FROM privseg.purposes p UNION ALL SELECT 'c', c::text FROM privseg.data_categories c
		UNION ALL SELECT 'n', n::text FROM privseg.notices n),
	sequences => q(SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'privseg'),
	check => q(SELECT status, area, object, message FROM privseg.check() WHERE area <> 'keys' AND object <> 'statistics'),
	map { ("rows of $_" => "SELECT * FROM $_") } @tables);

# The rows a cleared role sees, for each of its purposes.
my @purposes = qw(newsletter ads fulfilment fraud research);
my $visible = join "\n", map { my $purpose = $_;
	"SET privseg.purpose = '$purpose';",
	map { "SELECT '$purpose', '$_', x FROM $_ x ORDER BY x::text;" } @tables } @purposes;

sub visible
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, $visible, extra_params => [ '-U', 'analyst' ]);
}

sub answers
{
	my ($node, $database, @names) = @_;
	my $sql = "SET row_security = off;\n";

	foreach my $name (@names)
	{
		$sql .= "\\echo == $name\nSELECT x FROM ($asked{$name}) x ORDER BY x::text;\n";
	}
	my (undef, %answers) = split /^== (.*)\n/m, $node->safe_psql($database, $sql) . "\n", -1;
	return \%answers;
}

sub state_of
{
	my ($node, $database) = @_;

	$node->safe_psql($database, 'SELECT privseg.fold_consent()');
	return { %{ answers($node, $database, sort keys %asked) }, visible => visible($node, $database) };
}

# The lines that only one of two texts has, or says that their order differs.
sub difference
{
	my ($got, $expected) = @_;
	my %lines;

	return '' if $got eq $expected;
	$lines{$_}++ foreach split /\n/, $got;
	$lines{$_}-- foreach split /\n/, $expected;
	my @differ = map { ($lines{$_} > 0 ? '+ ' : '- ') . $_ } grep { $lines{$_} } sort keys %lines;
	return join "\n", @differ ? @differ : 'in another order';
}

sub same_state
{
	my ($node, $database, $expected, $name) = @_;
	my $got = state_of($node, $database);

	foreach my $part (sort keys %$expected)
	{
		is(difference($got->{$part}, $expected->{$part}), '', "$name: $part");
	}
	return;
}

# The SQLSTATE a statement fails with; '' if it does not.
sub sqlstate
{
	my ($node, $database, $sql, @more) = @_;
	my (undef, undef, $err) = $node->psql($database, "\\set VERBOSITY sqlstate\n$sql", @more);

	return $err =~ /ERROR:\s+(\w{5})/ ? $1 : '';
}

# A client program that must work: its output.
sub client
{
	my ($node, $input, @command) = @_;
	my ($out, $err) = ('', '');

	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	run(\@command, '<', \$input, '>', \$out, '2>', \$err) or die "@command: $err";
	return $out;
}

# pg_dump as text; the key keeps psql's \restrict the same in each.
sub dump_text
{
	my ($node, $database, @options) = @_;

	return client($node, '', 'pg_dump', '--restrict-key=k', @options, $database);
}

sub restore_text
{
	my ($node, $database, @texts) = @_;

	client($node, $_, qw(psql -X -q -v ON_ERROR_STOP=1 -d), $database) foreach @texts;
	return;
}

#
# A database with something of everything
#
my $origin = PrivsegNode::start('origin');
$origin->safe_psql(
	'postgres', q(
CREATE ROLE team;
CREATE ROLE analyst LOGIN IN ROLE team;
CREATE ROLE other LOGIN;
CREATE ROLE form LOGIN;
CREATE ROLE backup LOGIN BYPASSRLS IN ROLE pg_read_all_data;
CREATE ROLE keeper LOGIN;
CREATE TABLE customers (id bigint PRIMARY KEY, name text, country text, email text);
CREATE TABLE accounts (id uuid PRIMARY KEY, name text);
CREATE TABLE handles (id text PRIMARY KEY, name text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint REFERENCES customers, amount numeric);
CREATE TABLE order_lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders, item text);
CREATE TABLE visits (account_id uuid, at int) PARTITION BY RANGE (at);
CREATE TABLE visits_a PARTITION OF visits FOR VALUES FROM (0) TO (50);
CREATE TABLE visits_b PARTITION OF visits FOR VALUES FROM (50) TO (100);
INSERT INTO customers SELECT g, 'Name ' || g, CASE WHEN g % 3 = 0 THEN 'DE' ELSE 'FR' END, g || '@example.org' FROM generate_series(1, 300) g;
INSERT INTO accounts SELECT md5(g::text)::uuid, 'Account ' || g FROM generate_series(1, 60) g;
INSERT INTO handles SELECT 'h' || g, 'Handle ' || g FROM generate_series(1, 60) g;
INSERT INTO orders SELECT g, 1 + g % 300, g FROM generate_series(1, 400) g;
INSERT INTO orders VALUES (1000, NULL, 1);
INSERT INTO order_lines SELECT g, 1 + g % 400, 'item' FROM generate_series(1, 500) g;
INSERT INTO visits SELECT md5((1 + g % 60)::text)::uuid, g FROM generate_series(0, 99) g;
ALTER TABLE customers OWNER TO keeper;
GRANT ALL ON ALL TABLES IN SCHEMA public TO team, form, other;

SELECT privseg.create_purpose('newsletter', 'consent', direct_marketing => true);
SELECT privseg.create_purpose('ads', 'consent', targeted_advertising => true);
SELECT privseg.create_purpose('dropped', 'consent');
SELECT privseg.create_purpose('fulfilment', 'contract');
SELECT privseg.create_purpose('fraud', 'legitimate_interests');
SELECT privseg.create_purpose('research', 'public_interest', special_category_basis => 'research');
SELECT privseg.drop_purpose('dropped');
SELECT privseg.publish_notice('privacy', '1', 'en', 'It''s a\\nfirst', '{newsletter,ads}');
SELECT privseg.create_data_category('user.contact.email', 'sensitive'), privseg.create_data_category('user.name', max_age => '1 year');

-- the DBA's own policies: before protection, and after it
CREATE POLICY all_of_it ON handles USING (true);
CREATE POLICY not_seven ON handles AS RESTRICTIVE FOR SELECT TO team USING (id <> 'h7');
ALTER TABLE handles ENABLE ROW LEVEL SECURITY;
SELECT privseg.protect('customers', 'id', residence => 'country'), privseg.protect('accounts', 'id'), privseg.protect('handles', 'id');
SELECT privseg.protect('orders', 'customer_id', 'customers', null_subject => 'show');
SELECT privseg.carry_subject('order_lines', 'order_id', 'customer_id');
SELECT privseg.protect('order_lines', 'customer_id', 'customers'), privseg.protect('visits', 'account_id', 'accounts');
CREATE POLICY cheap ON orders FOR SELECT TO team USING (amount < 350);
SELECT privseg.classify('customers', 'email', 'user.contact.email', 'left(value, 1)'), privseg.classify('accounts', 'name', 'user.name');
SECURITY LABEL FOR privseg ON COLUMN handles.name IS 'user.name';

SELECT privseg.grant_clearance('team', p) FROM unnest('{newsletter,ads,fulfilment,fraud,research}'::text[]) p;
SELECT privseg.grant_clearance('team', p, 'user.contact.email', '{mask,filter}'), privseg.grant_clearance('team', p, 'user.name', CASE p WHEN 'fraud' THEN '{project,filter}' ELSE '{mask}' END::text[])
	FROM unnest('{newsletter,ads,fulfilment,fraud,research}'::text[]) p;
SELECT privseg.grant_clearance('form', 'newsletter', uses => '{collect}');

CREATE TEMP TABLE subject AS SELECT 'customers'::regclass AS t, g::text AS id, g FROM generate_series(1, 300) g
	UNION ALL SELECT 'accounts', md5(g::text)::uuid::text, g FROM generate_series(1, 60) g UNION ALL SELECT 'handles', 'h' || g, g FROM generate_series(1, 60) g;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, evidence, effective_at, expires_at, explicit, given_by)
SELECT t, id, p, (ARRAY['given', 'given', 'renewed', 'refused', 'withdrawn', 'requested', 'unknown', 'revoked', 'given', 'expired', 'invalidated', 'given', 'given'])[1 + (g + i) % 13],
	CASE WHEN g % 5 = 0 AND p <> 'fraud' THEN 'privacy/1' END, 'import', jsonb_build_object('page', g),
	now() + CASE g % 7 WHEN 0 THEN '30 days' WHEN 1 THEN '-90 days' ELSE '0' END::interval,
	CASE g % 6 WHEN 0 THEN now() + interval '60 days' WHEN 1 THEN CASE g % 7 WHEN 1 THEN now() - interval '60 days' END END,
	g % 4 = 0, CASE WHEN g % 11 = 0 THEN 'guardian' ELSE 'subject' END
	FROM subject, unnest('{newsletter,ads,fraud}'::text[]) WITH ORDINALITY u(p, i) WHERE (g + i) % 9 > 0;
SELECT privseg.record_objection(t, id, CASE WHEN g % 2 = 0 THEN 'fraud' ELSE 'newsletter' END) FROM subject WHERE g % 13 = 0;
SELECT privseg.withdraw_consent(t, id) FROM subject WHERE g % 17 = 0;
SELECT privseg.record_signal(t, id, 'gpc') FROM subject WHERE g % 19 = 0;
INSERT INTO privseg.consent_record (subject_table, subject, status, kind) SELECT t, id, 'refused', 'restriction' FROM subject WHERE g % 23 = 0;
INSERT INTO privseg.consent_record (subject_table, subject, status, kind) SELECT t, id, 'given', 'restriction' FROM subject WHERE g % 46 = 0;
INSERT INTO privseg.consent_record (subject_table, subject, status, kind) SELECT t, id, 'refused', 'erasure' FROM subject WHERE g % 29 = 0;
SELECT privseg.publish_notice('privacy', '2', 'en', 'second', '{newsletter,ads}', material => true);
SELECT privseg.record_consent(t, id, 'newsletter', 'renewed', 'privacy/2', effective_at => now() - interval '1 minute') FROM subject WHERE g % 10 = 0;
));
my $expected = state_of($origin, 'postgres');
foreach my $reason (qw(given renewed no_objection legal_basis no_record refused withdrawn
	revoked expired invalidated notice_overtaken objection signal restricted erased))
{
	like($expected->{decisions}, qr/""reason"": ""$reason""/, "somebody is decided by: $reason");
}
foreach my $table (qw(customers accounts handles orders order_lines visits))
{
	my $all = () = $expected->{"rows of public.$table"} =~ /^\(/mg;
	my $shown = () = $expected->{visible} =~ /^newsletter\|public\.$table\|/mg;
	cmp_ok($shown, '>', 0, "the newsletter shows rows of $table");
	cmp_ok($shown, '<', $all, "and hides some of the $all");
}
my $whole = dump_text($origin, 'postgres');

#
# Every format, into a fresh server
#
my $target = PrivsegNode::init('target');
$target->append_conf('postgresql.conf', 'privseg.fold_delay = -1');
$target->start;
my $roles = client($origin, '', 'pg_dumpall', '--globals-only') =~ s/^(CREATE|ALTER) ROLE postgres\b.*\n//mgr;
restore_text($target, 'postgres', $roles);
$target->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(plain custom directory parts);

restore_text($target, 'plain', $whole);
client($origin, '', 'pg_dump', '-Fc', '-f', "$dir/custom", 'postgres');
client($target, '', qw(pg_restore --exit-on-error -j2 -d custom), "$dir/custom");
client($origin, '', 'pg_dump', '-Fd', '-j2', '-f', "$dir/directory", 'postgres');
client($target, '', qw(pg_restore --exit-on-error --single-transaction -d directory), "$dir/directory");
restore_text($target, 'parts', map { dump_text($origin, 'postgres', "--section=$_") } qw(pre-data data post-data));

# Decisions do not wait for the sets, and those are built without being asked.
is($target->safe_psql('plain', 'SELECT count(*) FROM privseg.consent_set'), '0', 'sets are not dumped');
is(visible($target, 'plain'), $expected->{visible}, 'rows before the sets are built');
is(answers($target, 'plain', 'decisions')->{decisions}, $expected->{decisions}, 'decisions before that');
$target->adjust_conf('postgresql.conf', 'privseg.fold_delay', '0');
$target->reload;
ok($target->poll_query_until('plain', 'SELECT count(*) = 15 FROM privseg.consent_set'),
	'the sets are built in the background');
same_state($target, $_, $expected, $_) foreach qw(plain custom directory parts);
is(dump_text($target, $_), $whole, "$_: its own dump is the same") foreach qw(plain custom);
is(dump_text($origin, 'postgres', '-U', 'backup'), $whole, 'the dump of a BYPASSRLS role is the same');

#
# The restored database is alive: append-only, and new records have new numbers
#
foreach my $off ('', 'SET row_security = off;', 'SET session_replication_role = replica;')
{
	is(sqlstate($target, 'plain', "$off $_"), '42501', "refused: $off $_")
	  foreach ("UPDATE privseg.consent_record SET status = 'given'", 'DELETE FROM privseg.consent_record',
		'TRUNCATE privseg.consent_record', 'DELETE FROM privseg.consent_delta', 'DELETE FROM privseg.consent_set');
}
is(sqlstate($target, 'plain', q(SET privseg.purpose = 'ads'; UPDATE accounts SET id = gen_random_uuid()),
	extra_params => [ '-U', 'analyst' ]), '42501', 'a row is not moved to another subject');
my $newest = $target->safe_psql('plain', 'SELECT max(id) FROM privseg.consent_record');
my $record = $target->safe_psql('plain', q(SELECT privseg.record_consent('customers', 299, 'research', 'given')));
cmp_ok($record, '>', $newest, 'a new record has a new number');
is($target->safe_psql('plain', q(SELECT privseg.create_purpose('later', 'consent');
	SELECT privseg.publish_notice('privacy', '3', 'en', 'third', '{later}');
	SELECT privseg.record_consent('handles', 'h3', 'later', 'given', 'privacy/3') > 0;
	SELECT privseg.grant_clearance('team', 'later');
	SELECT privseg.permitted('handles', 'h3', 'later'), privseg.permitted('handles', 'h4', 'later'))),
	"\n3\nt\n\nt|f", 'new purposes, notices and clearances work');
is($target->safe_psql('plain', q(SET privseg.purpose = 'later'; SELECT id FROM handles), extra_params => [ '-U', 'analyst' ]),
	'h3', 'and are obeyed');
my ($given) = $target->safe_psql('plain', q(SET privseg.purpose = 'newsletter'; SELECT min(id) FROM customers), extra_params => [ '-U', 'analyst' ]);
$target->safe_psql('plain', "SELECT privseg.withdraw_consent('customers', $given, 'newsletter')");
is($target->safe_psql('plain', "SET privseg.purpose = 'newsletter'; SELECT count(*) FROM customers WHERE id = $given", extra_params => [ '-U', 'analyst' ]),
	'0', 'a withdrawal of a restored consent is obeyed');

#
# In two parts
#
$target->safe_psql('postgres', 'CREATE DATABASE halves');
restore_text($target, 'halves', dump_text($origin, 'postgres', '--schema-only'));
my $bare = answers($target, 'halves', qw(labels policies row_security triggers executable records));
is(difference($bare->{$_}, $expected->{$_}), '', "schema only: $_") foreach qw(labels policies row_security triggers executable);
is($bare->{records}, '', 'schema only: no records');
restore_text($target, 'halves', dump_text($origin, 'postgres', '--data-only'));
same_state($target, 'halves', $expected, 'schema, then data');

done_testing();
