# pg_upgrade: protection, consent, encrypted values and their indexes in a new cluster.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $old = PrivsegNode::init('old');
$old->start;
$old->safe_psql(
	'postgres', q(
CREATE EXTENSION privseg;
CREATE ROLE reader LOGIN;
CREATE TABLE person (id bigint PRIMARY KEY, email text, note text, income numeric, tags text[]);
CREATE TABLE visit (id int, person bigint NOT NULL REFERENCES person, place text, PRIMARY KEY (id, person)) PARTITION BY HASH (person);
CREATE TABLE visit_0 PARTITION OF visit FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO person SELECT i, 'p' || i || '@example.org', 'note ' || i, i * 1.5, ARRAY['t' || i] FROM generate_series(1, 300) i;
INSERT INTO visit SELECT i, i % 300 + 1, 'place ' || i % 10 FROM generate_series(1, 600) i;
CREATE TABLE twin AS SELECT * FROM person;
SELECT privseg.create_purpose('care', 'consent'), privseg.create_data_category('user.contact');
SELECT privseg.protect('person', 'id'), privseg.protect('visit', 'person', 'person');
SELECT privseg.grant_clearance('reader', 'care'), privseg.grant_clearance('reader', 'care', 'user.contact', '{project,filter,write}');
SELECT count(privseg.record_consent('person', i, 'care', 'given')) FROM generate_series(1, 200) i;
SELECT privseg.withdraw_consent('person', 200::bigint, 'care');
SELECT privseg.encrypt_column('person', c, 'user.contact', c <> 'note') FROM unnest('{email,note,income}'::name[]) c;
SELECT privseg.encrypt_column('visit', 'place', 'user.contact', true);
CREATE UNIQUE INDEX person_email ON person (email);
CREATE INDEX person_income ON person USING hash (income);
CREATE INDEX visit_place ON visit (place);
GRANT ALL ON person, visit, twin TO reader;
SELECT privseg.fold_consent();
SELECT privseg.record_consent('person', 201::bigint, 'care', 'given');
SELECT privseg.shred_subject('person', 7::bigint);
CREATE TABLE kept (id bigint, note privseg.encrypted_text);
GRANT ALL ON kept TO reader;
SET row_security = off;
INSERT INTO kept SELECT id, note FROM person;
));

# what a reader sees, by whichever way
my $seen = q(SET client_min_messages = error; SET privseg.purpose = care;
	SELECT count(*), sum(hashtext(id || email::text || note::text || income::numeric)) FROM person;
	SELECT count(*), sum(hashtext(place::text)) FROM visit;
	SELECT count(*), sum(hashtext(note::text)) FROM kept WHERE note::text IS NOT NULL;
	SET enable_seqscan = off;
	SELECT id FROM person WHERE email = 'p8@example.org';
	SELECT id FROM person WHERE income = 15;
	SELECT count(*) FROM visit WHERE place = 'place 3';
	SELECT count(*) FROM person WHERE email IN ('p7@example.org', 'p200@example.org', 'p250@example.org'););
my $before = $old->safe_psql('postgres', $seen, extra_params => [ '-U', 'reader' ]);
like($before, qr/^200\|/, 'there is something to see');
my $defined = q(SELECT indexrelid::regclass, indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('person'::regclass, 'visit'::regclass) ORDER BY 1;
	SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname ~ '^(person|visit)' AND relkind IN ('r', 'p') ORDER BY 1;
	SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'person'::regclass AND NOT tgisinternal ORDER BY 1;
	SELECT * FROM privseg.protected_columns ORDER BY 1, 2;);
my $definitions = $old->safe_psql('postgres', $defined);
$old->stop;

my $new = PrivsegNode::init('new');
$new->adjust_conf('postgresql.conf', 'privseg.root_key_file', "'" . $old->basedir . "/root.key'");
chdir $PostgreSQL::Test::Utils::tmp_check;
my $bindir = $old->config_data('--bindir');
command_ok(
	[
		'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port, '-U', 'postgres'
	],
	'upgraded');
$new->start;
is($new->safe_psql('postgres', $seen, extra_params => [ '-U', 'reader' ]), $before, 'a reader sees the same');
is($new->safe_psql('postgres', $defined), $definitions, 'and all is defined as it was');
$new->safe_psql('postgres', q(SET privseg.purpose = care; INSERT INTO person (id, email, note) VALUES (301, 'new@example.org', 'new');
	UPDATE person SET email = 'other@example.org' WHERE email = 'p9@example.org'), extra_params => [ '-U', 'reader' ]);
is($new->safe_psql('postgres', q(SET privseg.purpose = care; SET enable_seqscan = off; SELECT id FROM person WHERE email = 'other@example.org'), extra_params => [ '-U', 'reader' ]), '9', 'what is written is found');
is($new->safe_psql('postgres', q(SELECT string_agg(object || ': ' || message, '; ') FROM privseg.check() WHERE status = 'violation')), '', 'the doctor finds no violation');
$new->stop;
done_testing();
