# Beside libraries that hook into the same places of core, loaded before privseg or
# after it: the policy holds, and the others see every statement.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

foreach my $order ('pg_stat_statements, auto_explain, privseg', 'privseg, auto_explain, pg_stat_statements')
{
	my $node = PrivsegNode::init('beside' . ($order =~ /^privseg/ ? '_after' : '_before'));
	my $as = sub { my ($sql) = @_; my ($status, $out, $error) = $node->psql('postgres', "SET ROLE reader; SET privseg.purpose = 'mail'; $sql"); return $status ? $error : $out; };

	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = '$order'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
pg_stat_statements.track = all
compute_query_id = on
CONF
	$node->start;
	$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION privseg;
CREATE EXTENSION pg_stat_statements;
CREATE ROLE reader;
CREATE TABLE people (id bigint PRIMARY KEY, n int);
INSERT INTO people SELECT g, g FROM generate_series(1, 9) g;
GRANT ALL ON people TO reader;
CREATE FUNCTION nested() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT sum(n) FROM people); END $$;
SELECT privseg.create_purpose('mail', 'consent'), privseg.protect('people', 'id');
SELECT privseg.grant_clearance('reader', 'mail');
SELECT privseg.record_consent('people', g, 'mail', 'given') FROM generate_series(1, 6) g;
SELECT pg_stat_statements_reset();
SQL
	is($as->('SELECT count(*) FROM people'), '6', "$order: a query");
	is($as->('SELECT nested()'), '21', "$order: a nested one");
	is($as->('WITH u AS (UPDATE people SET n = n + 1 RETURNING n) SELECT sum(n) FROM u'), '27', "$order: an update");
	is($as->('COPY people (id) TO STDOUT'), join("\n", 1 .. 6), "$order: COPY");
	like($as->('RESET ROLE; ALTER TABLE people DISABLE ROW LEVEL SECURITY'), qr/cannot be switched off/, "$order: a utility command");
	like($as->('EXPLAIN SELECT * FROM people WHERE n = 5'), qr/^Seq Scan on people\n  Filter:/m, "$order: EXPLAIN, without counts");
	like($as->(q(SET privseg.purpose = ''; SELECT count(*) FROM people)), qr/no purpose is set/, "$order: no purpose");
	is(scalar $node->psql('postgres', 'SELECT count(*) FROM people'), 3, "$order: a superuser without one");
	foreach my $query ('SELECT count(*) FROM people', 'SELECT nested()', '(SELECT sum(n) FROM people)', 'WITH u AS (UPDATE people SET n = n + $1 RETURNING n) SELECT sum(n) FROM u', 'COPY people (id) TO STDOUT')
	{
		is($node->safe_psql('postgres', "SELECT bool_or(calls > 0) FROM pg_stat_statements WHERE query = \$q\$$query\$q\$"), 't', "$order: counted: $query");
	}
	my $log = slurp_file($node->logfile);
	like($log, qr/plan:\n\tQuery Text: SELECT count\(\*\) FROM people\n\tAggregate/, "$order: the plan is logged");
	like($log, qr/plan:\n\tQuery Text: \(SELECT sum\(n\) FROM people\)\n/, "$order: the nested one's, too");
	$node->stop;
}
done_testing();
