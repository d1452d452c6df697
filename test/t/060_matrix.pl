# Every shape of a statement, for every role, under every state of the purpose, for every
# kind of key: the answer, and what is in the tables afterwards, are those of the same
# statement on tables that hold only the rows of who permits the purpose; or the
# statement is refused with 42501 or 0A000, and changes nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my %keys = (
	bigint => sub { $_[0] },
	uuid => sub { "md5('$_[0]')::uuid" },
	text => sub { "'key$_[0]'::text" });
my %key_of_n = (bigint => 'n', uuid => 'md5(n::text)::uuid', text => "'key' || n");

# who permits which purpose, as a condition on a person's number
my %permits = (m_a => 'n % 3 <> 0', m_b => 'n % 2 = 0');

#
# Shapes.  {s} is the schema, {k7} the key of the seventh person.  After the name come
# flags: "refused": also under a purpose that permits; "definer": runs under another role's
# clearance; "plain": cannot be prepared;
# "same": purposes make no difference.
#
my @shapes = (
	# reads
	[ 'select', '', 'SELECT count(*) FROM {s}.person' ],
	[ 'values', '', q(SELECT md5(string_agg(p::text, ',' ORDER BY n)) FROM {s}.person p) ],
	[ 'where', '', q(SELECT count(*) FROM {s}.person WHERE n > 10 AND name LIKE 'n1%') ],
	[ 'by key', '', 'SELECT count(*) FROM {s}.person WHERE id IN ({k3}, {k4}, {k5}, {k6}, {k7})' ],
	[ 'ONLY', '', 'SELECT count(*) FROM ONLY {s}.base' ],
	[ 'join', '', 'SELECT count(*) FROM {s}.person p JOIN {s}.purchase o ON o.person_id = p.id' ],
	[ 'child alone', '', 'SELECT sum(amount) FROM {s}.purchase' ],
	[ 'left join', '', q(SELECT format('%s %s', count(*), count(o.id)) FROM {s}.person p LEFT JOIN {s}.purchase o ON o.person_id = p.id AND o.amount > 5) ],
	[ 'right join', '', 'SELECT count(p.id) FROM {s}.purchase o RIGHT JOIN {s}.person p ON o.person_id = p.id AND o.amount = 3' ],
	[ 'full join', '', q(SELECT format('%s %s', count(p.id), count(v.person_id)) FROM {s}.person p FULL JOIN {s}.visit v ON v.n = p.n + 1) ],
	[ 'join to an unprotected table', '', 'SELECT count(p.id) FROM generate_series(1, 40) g LEFT JOIN {s}.person p ON p.n = g' ],
	[ 'self-join', '', q(SELECT format('%s %s', count(*), count(b.id)) FROM {s}.person e LEFT JOIN {s}.person b ON b.n = e.boss) ],
	[ 'subquery in FROM', '', 'SELECT count(*) FROM (SELECT id FROM {s}.person OFFSET 0) s' ],
	[ 'subquery in WHERE', '', 'SELECT count(*) FROM generate_series(1, 40) g WHERE g IN (SELECT n FROM {s}.person)' ],
	[ 'NOT IN', '', 'SELECT count(*) FROM generate_series(1, 30) g WHERE g NOT IN (SELECT n FROM {s}.person)' ],
	[ 'EXISTS', '', 'SELECT count(*) FROM generate_series(1, 40) g WHERE EXISTS (SELECT FROM {s}.person p WHERE p.n = g)' ],
	[ 'anti-join', '', 'SELECT count(*) FROM generate_series(1, 30) g WHERE NOT EXISTS (SELECT FROM {s}.person p WHERE p.n = g)' ],
	[ 'subquery in the select list', '', 'SELECT sum((SELECT count(*) FROM {s}.purchase o WHERE o.n = g)) FROM generate_series(1, 30) g' ],
	[ 'ANY and ALL', '', q(SELECT format('%s %s', 6 = ANY (SELECT n FROM {s}.person), 0 < ALL (SELECT n FROM {s}.person))) ],
	[ 'CTE', '', 'WITH c AS (SELECT id FROM {s}.person) SELECT count(*) FROM c a JOIN c b USING (id)' ],
	[ 'CTE materialized', '', 'WITH c AS MATERIALIZED (SELECT id FROM {s}.person) SELECT count(*) FROM c' ],
	[ 'CTE recursive', '', 'WITH RECURSIVE c (n) AS (SELECT n FROM {s}.person WHERE n < 5 UNION ALL SELECT p.n FROM {s}.person p JOIN c ON p.boss = c.n) SELECT count(*) FROM c' ],
	[ 'union', '', 'SELECT count(*) FROM (SELECT id FROM {s}.person UNION SELECT person_id FROM {s}.purchase) s' ],
	[ 'union all', '', 'SELECT count(*) FROM (SELECT id FROM {s}.person UNION ALL SELECT person_id FROM {s}.visit) s' ],
	[ 'intersect', '', 'SELECT sum(n) FROM (SELECT n FROM {s}.person INTERSECT SELECT n FROM {s}.purchase WHERE amount = 1) s' ],
	[ 'except', '', 'SELECT count(*) FROM (SELECT g FROM generate_series(1, 30) g EXCEPT SELECT n FROM {s}.person) s' ],
	[ 'window', '', 'SELECT sum(r) FROM (SELECT row_number() OVER (ORDER BY n) AS r FROM {s}.person) s' ],
	[ 'DISTINCT ON', '', 'SELECT sum(id) FROM (SELECT DISTINCT ON (amount) id FROM {s}.purchase ORDER BY amount, id) s' ],
	[ 'group by', '', q(SELECT string_agg(amount || ':' || c, ' ' ORDER BY amount) FROM (SELECT amount, count(*) AS c FROM {s}.purchase GROUP BY amount) s) ],
	[ 'rollup', '', 'SELECT count(*) FROM (SELECT boss, n % 2 AS odd, count(*) FROM {s}.person GROUP BY ROLLUP (boss, n % 2)) s' ],
	[ 'order by and limit', '', q(SELECT string_agg(n::text, ',') FROM (SELECT n FROM {s}.person ORDER BY n DESC LIMIT 5) s) ],
	[ 'minimum and maximum', '', q(SELECT format('%s %s', min(id::text), max(id::text)) FROM {s}.person) ],
	[ 'LATERAL', '', 'SELECT count(*) FROM {s}.person p, LATERAL (SELECT id FROM {s}.purchase o WHERE o.person_id = p.id ORDER BY id LIMIT 1) s' ],
	[ 'whole row', '', 'SELECT count(DISTINCT p) FROM {s}.person p' ],
	[ 'row_to_json', '', q(SELECT md5(string_agg(row_to_json(p)::text, ',' ORDER BY n)) FROM {s}.person p) ],
	[ 'TABLESAMPLE', '', 'SELECT count(*) FROM {s}.person TABLESAMPLE SYSTEM (100)' ],
	[ 'TABLE', '', 'SELECT count(*) FROM (TABLE {s}.person) s' ],
	[ 'tid scan', '', q(SELECT count(*) FROM {s}.person WHERE ctid >= '(0,0)') ],
	[ 'FOR UPDATE', '', 'SELECT count(*) FROM (SELECT id FROM {s}.person FOR UPDATE) s' ],
	[ 'FOR SHARE of one side', '', 'SELECT count(*) FROM (SELECT p.id FROM {s}.person p JOIN {s}.purchase o ON o.person_id = p.id FOR SHARE OF o SKIP LOCKED) s' ],
	[ 'partitioned parent', '', 'SELECT count(*) FROM {s}.visit' ],
	[ 'partition', '', 'SELECT count(*) FROM {s}.visit_old' ],
	[ 'inheritance', '', 'SELECT count(*) FROM {s}.base' ],
	[ 'inheritance child', '', 'SELECT count(*) FROM {s}.kid' ],
	[ 'VALUES beside', '', 'SELECT count(*) FROM (VALUES (1), (2), (5), (9)) v (n) JOIN {s}.person USING (n)' ],
	[ 'index only', '', 'SELECT count(id) FROM {s}.person WHERE id > {k1}' ],
	[ 'DO', 'plain', q(DO $do$ BEGIN PERFORM set_config('m.result', (SELECT count(*)::text FROM {s}.person), true); END $do$; SELECT current_setting('m.result')) ],
	[ 'cursor', 'plain', 'SELECT {s}.by_cursor()' ],
	[ 'view', '', 'SELECT count(*) FROM {s}.person_view' ],
	[ 'view by superuser', '', 'SELECT count(*) FROM {s}.person_view_super' ],
	[ 'view by BYPASSRLS', '', 'SELECT count(*) FROM {s}.person_view_bypass' ],
	[ 'nested view', '', 'SELECT count(*) FROM {s}.person_view_nested' ],
	[ 'security_invoker view', '', 'SELECT count(*) FROM {s}.person_view_invoker' ],
	[ 'security_barrier view', '', 'SELECT count(*) FROM {s}.person_view_barrier' ],
	[ 'SQL function, inlined', '', 'SELECT count(*) FROM {s}.inlined()' ],
	[ 'SQL function, not inlined', '', 'SELECT count(*) FROM {s}.not_inlined()' ],
	[ 'plpgsql function', '', 'SELECT count(*) FROM {s}.in_plpgsql()' ],
	[ 'security definer, owner', 'definer', 'SELECT count(*) FROM {s}.definer_owner()' ],
	[ 'security definer, superuser', 'definer', 'SELECT count(*) FROM {s}.definer_super()' ],
	[ 'query_to_xml', '', q(SELECT count(*) FROM unnest(xpath('//row', query_to_xml('SELECT n FROM {s}.person', true, false, '')))) ],
	[ 'table_to_xml', '', q(SELECT count(*) FROM unnest(xpath('//row', table_to_xml('{s}.person', true, false, '')))) ],

	# writes
	[ 'UPDATE', '', q(WITH u AS (UPDATE {s}.purchase SET amount = amount + 1 RETURNING amount) SELECT sum(amount) FROM u) ],
	[ 'UPDATE by key', '', q(WITH u AS (UPDATE {s}.person SET name = 'x' WHERE id IN ({k2}, {k3}, {k4}, {k5}) RETURNING n) SELECT count(*) FROM u) ],
	[ 'UPDATE FROM', '', 'WITH u AS (UPDATE {s}.purchase o SET amount = 7 FROM {s}.person p WHERE p.id = o.person_id AND p.n < 9 RETURNING o.id) SELECT count(*) FROM u' ],
	[ 'UPDATE of a view', '', q(WITH u AS (UPDATE {s}.person_view SET name = 'x' RETURNING n) SELECT count(*) FROM u) ],
	[ 'UPDATE of a view by superuser', '', q(WITH u AS (UPDATE {s}.person_view_super SET name = 'x' RETURNING n) SELECT count(*) FROM u) ],
	[ 'UPDATE moves partitions', '', q(WITH u AS (UPDATE {s}.visit SET at = at + 365 WHERE at < '2025-01-01' RETURNING n) SELECT count(*) FROM u) ],
	[ 'UPDATE of inheritance', '', 'WITH u AS (UPDATE {s}.base SET v = v + 1 RETURNING v) SELECT sum(v) FROM u' ],
	[ 'UPDATE of a child', '', 'WITH u AS (UPDATE {s}.kid SET v = v + 1 RETURNING v) SELECT sum(v) FROM u' ],
	[ 'DELETE', '', 'WITH d AS (DELETE FROM {s}.purchase WHERE amount > 3 RETURNING id) SELECT count(*) FROM d' ],
	[ 'DELETE of all', '', 'WITH d AS (DELETE FROM {s}.visit RETURNING n) SELECT count(*) FROM d' ],
	[ 'DELETE USING', '', 'WITH d AS (DELETE FROM {s}.purchase o USING {s}.person p WHERE p.id = o.person_id AND p.n > 20 RETURNING o.id) SELECT count(*) FROM d' ],
	[ 'DELETE that cascades', '', 'WITH d AS (DELETE FROM {s}.person WHERE n < 9 RETURNING n) SELECT sum(n) FROM d' ],
	[ 'INSERT of a new subject', 'same', q(WITH i AS (INSERT INTO {s}.person VALUES ({k100}, 100, 'new', 1) RETURNING n) SELECT n FROM i) ],
	[ 'INSERT into a child', 'same', 'WITH i AS (INSERT INTO {s}.purchase VALUES (1000, {k4}, 4, 9) RETURNING id) SELECT id FROM i' ],
	[ 'INSERT into a partitioned table', 'same', q(WITH i AS (INSERT INTO {s}.visit VALUES ({k4}, 4, '2025-03-03') RETURNING n) SELECT n FROM i) ],
	[ 'INSERT into a partition', 'same', q(WITH i AS (INSERT INTO {s}.visit_new VALUES ({k4}, 4, '2025-03-03') RETURNING n) SELECT n FROM i) ],
	[ 'INSERT SELECT of own subjects', '', 'WITH i AS (INSERT INTO {s}.purchase SELECT 1000 + n, id, n, 1 FROM {s}.person RETURNING id) SELECT count(*) FROM i' ],
	[ 'INSERT ON CONFLICT DO NOTHING', 'same', q(WITH i AS (INSERT INTO {s}.person VALUES ({k4}, 4, 'x', 1) ON CONFLICT DO NOTHING RETURNING n) SELECT count(*) FROM i) ],
	[ 'INSERT ON CONFLICT DO UPDATE', 'same', q(WITH i AS (INSERT INTO {s}.person VALUES ({k4}, 4, 'x', 1) ON CONFLICT (id) DO UPDATE SET name = 'conflict' RETURNING name) SELECT name FROM i) ],
	[ 'MERGE', 'plain', q(MERGE INTO {s}.purchase o USING {s}.person p ON p.id = o.person_id AND o.amount = 3 WHEN MATCHED THEN UPDATE SET amount = 33; SELECT 'done') ],
	[ 'MERGE deletes and inserts', 'plain', q(MERGE INTO {s}.purchase o USING {s}.person p ON p.id = o.person_id AND o.amount > 2 WHEN MATCHED AND o.amount > 4 THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (2000 + p.n, p.id, p.n, 0); SELECT 'done') ],
	[ 'WITH that writes and reads', '', 'WITH d AS (DELETE FROM {s}.purchase WHERE amount = 2 RETURNING person_id) SELECT count(*) FROM {s}.person WHERE id IN (SELECT person_id FROM d)' ],
	[ 'WHERE CURRENT OF', 'plain', 'SELECT {s}.by_current_of()' ],
	[ 'trigger body', '', 'WITH i AS (INSERT INTO {s}.log VALUES (1) RETURNING seen) SELECT seen FROM i' ],
	[ 'temporary copy', 'plain', q(CREATE TEMP TABLE m_copy AS SELECT n FROM {s}.person; SELECT count(*) FROM m_copy) ],

	# refused on purpose
	[ 'CREATE TABLE AS', 'plain refused', q(CREATE TABLE {s}.copy AS SELECT * FROM {s}.person; SELECT 'done') ],
	[ 'SELECT INTO', 'plain refused', q(SELECT n INTO {s}.copy FROM {s}.person; SELECT 'done') ],
	[ 'materialized view', 'plain refused', q(CREATE MATERIALIZED VIEW {s}.copy AS SELECT * FROM {s}.person; SELECT 'done') ],
	[ 'INSERT into an unprotected table', 'plain refused', q(INSERT INTO {s}.unprotected SELECT n FROM {s}.person; SELECT 'done') ],
	[ 'UPDATE of an unprotected table', 'plain refused', q(UPDATE {s}.unprotected SET n = p.n FROM {s}.person p; SELECT 'done') ],
	[ 'INSERT for somebody hidden', 'plain refused', q(INSERT INTO {s}.purchase VALUES (1000, {k3}, 3, 9); SELECT 'done') ],
	[ 'UPDATE to another subject', 'plain refused', q(UPDATE {s}.purchase SET person_id = {k4} WHERE n = 2; SELECT 'done') ],
	[ 'UPDATE to nobody', 'plain refused', q(UPDATE {s}.purchase SET person_id = NULL WHERE n IN (2, 4); SELECT 'done') ],
	[ 'INSERT over somebody hidden', 'plain refused', q(INSERT INTO {s}.person VALUES ({k3}, 3, 'x', 1) ON CONFLICT (id) DO UPDATE SET name = 'conflict'; SELECT 'done') ],
	[ 'INSERT about nobody', 'plain refused', q(INSERT INTO {s}.purchase VALUES (1000, NULL, 3, 9); SELECT 'done') ],
	[ 'TRUNCATE', 'plain refused', q(TRUNCATE {s}.purchase; SELECT 'done') ],
	[ 'DISABLE ROW LEVEL SECURITY', 'plain refused', q(ALTER TABLE {s}.person DISABLE ROW LEVEL SECURITY; SELECT 'done') ],
	[ 'NO FORCE ROW LEVEL SECURITY', 'plain refused', q(ALTER TABLE {s}.person NO FORCE ROW LEVEL SECURITY; SELECT 'done') ],
	[ 'DISABLE TRIGGER', 'plain refused', q(ALTER TABLE {s}.person DISABLE TRIGGER ALL; SELECT 'done') ],
	[ 'ALTER TYPE', 'plain refused', q(ALTER TABLE {s}.person ALTER n TYPE text USING {s}.spy(n); SELECT 'done') ],
	[ 'RENAME of the key', 'plain refused', q(ALTER TABLE {s}.person RENAME id TO x; SELECT 'done') ],
	[ 'DETACH PARTITION', 'plain refused', q(ALTER TABLE {s}.visit DETACH PARTITION {s}.visit_old; SELECT 'done') ],
	[ 'NO INHERIT', 'plain refused', q(ALTER TABLE {s}.kid NO INHERIT {s}.base; SELECT 'done') ],
	[ 'CREATE RULE', 'plain refused', q(CREATE RULE r AS ON UPDATE TO {s}.person DO INSTEAD NOTHING; SELECT 'done') ],
	[ 'DROP POLICY', 'plain refused', q(DROP POLICY privseg ON {s}.person; SELECT 'done') ],
	[ 'expression index', 'plain refused', q(CREATE INDEX ON {s}.person ({s}.spy(n)); SELECT 'done') ],
	[ 'expression statistics', 'plain refused', q(CREATE STATISTICS {s}.st ON ({s}.spy(n)) FROM {s}.person; SELECT 'done') ],
	[ 'publication', 'plain refused', q(CREATE PUBLICATION m_pub FOR TABLE {s}.person; SELECT 'done') ],
	[ 'dump of the sequence of records', 'plain refused', q(UPDATE privseg.consent_record SET status = 'given'; SELECT 'done') ],
);

my @roles = qw(owner superuser bypass cleared uncleared);
my @states = qw(none unknown wrong right switched);

my $node = PrivsegNode::init('matrix');
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nmax_wal_senders = 0\nwal_level = minimal\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION privseg;
CREATE ROLE m_owner;
CREATE ROLE m_superuser SUPERUSER;
CREATE ROLE m_bypass BYPASSRLS;
CREATE ROLE m_cleared;
CREATE ROLE m_uncleared;
SELECT privseg.create_purpose('m_a', 'consent'), privseg.create_purpose('m_b', 'legitimate_interests'), privseg.create_purpose('m_c', 'contract');
SELECT count(privseg.grant_clearance(r::regrole, p)::text) FROM unnest('{m_owner,m_superuser,m_bypass,m_cleared}'::text[]) r, unnest('{m_a,m_b}'::text[]) p;
CREATE TABLE hidden (schema text, row text);
CREATE TABLE cell (shape text, flags text, key text, role text, state text, purpose text, outcome text, reference text);
SET client_min_messages = warning;
SQL

# tables of one schema, with the rows of those numbers that the condition says
sub tables
{
	my ($s, $type, $condition) = @_;
	my $key = $key_of_n{$type};

	return <<"SQL";
CREATE SCHEMA $s;
GRANT ALL ON SCHEMA $s TO PUBLIC;
SET ROLE m_owner;
CREATE TABLE $s.person (id $type PRIMARY KEY, n int, name text, boss int);
CREATE TABLE $s.purchase (id int PRIMARY KEY, person_id $type REFERENCES $s.person ON DELETE CASCADE, n int, amount int);
CREATE TABLE $s.visit (person_id $type, n int, at date) PARTITION BY RANGE (at);
CREATE TABLE $s.visit_old PARTITION OF $s.visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE $s.visit_new PARTITION OF $s.visit FOR VALUES FROM ('2025-01-01') TO ('2027-01-01');
CREATE TABLE $s.base (person_id $type, n int, v int);
CREATE TABLE $s.kid () INHERITS ($s.base);
CREATE TABLE $s.log (k int, seen bigint);
CREATE TABLE $s.unprotected (n int);
CREATE INDEX ON $s.purchase (person_id);
CREATE INDEX ON $s.visit (person_id);
INSERT INTO $s.person SELECT $key, n, 'n' || n, n / 2 FROM generate_series(1, 30) n WHERE $condition;
INSERT INTO $s.purchase SELECT n * 10 + i, $key, n, (n + i) % 6 FROM generate_series(1, 30) n, generate_series(1, 3) i WHERE $condition;
INSERT INTO $s.visit SELECT $key, n, '2024-07-01'::date + n * 10 + i * 100 FROM generate_series(1, 30) n, generate_series(0, 1) i WHERE $condition;
INSERT INTO $s.base SELECT $key, n, n FROM generate_series(1, 30) n WHERE $condition AND n % 5 = 0;
INSERT INTO $s.kid SELECT $key, n, n FROM generate_series(1, 30) n WHERE $condition AND n % 5 <> 0;
CREATE VIEW $s.person_view AS SELECT * FROM $s.person;
CREATE VIEW $s.person_view_nested AS SELECT * FROM $s.person_view WHERE n > 3;
CREATE VIEW $s.person_view_invoker WITH (security_invoker) AS SELECT * FROM $s.person;
CREATE VIEW $s.person_view_barrier WITH (security_barrier) AS SELECT * FROM $s.person WHERE n > 3;
CREATE FUNCTION $s.inlined() RETURNS SETOF $s.person LANGUAGE sql STABLE AS 'SELECT * FROM $s.person';
CREATE FUNCTION $s.not_inlined() RETURNS SETOF $s.person LANGUAGE sql VOLATILE AS 'SELECT * FROM $s.person';
CREATE FUNCTION $s.in_plpgsql() RETURNS SETOF $s.person LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM $s.person; END';
CREATE FUNCTION $s.definer_owner() RETURNS SETOF $s.person LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY SELECT * FROM $s.person; END';
CREATE FUNCTION $s.spy(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN \$1; END';
CREATE FUNCTION $s.by_cursor() RETURNS bigint LANGUAGE plpgsql AS 'DECLARE c SCROLL CURSOR FOR SELECT n FROM $s.person ORDER BY n; i int; total bigint := 0; BEGIN OPEN c; LOOP FETCH c INTO i; EXIT WHEN NOT FOUND; total := total + i; END LOOP; FETCH FIRST FROM c INTO i; RETURN total * 100 + i; END';
CREATE FUNCTION $s.by_current_of() RETURNS bigint LANGUAGE plpgsql AS 'DECLARE c CURSOR FOR SELECT * FROM $s.purchase FOR UPDATE; r record; total bigint := 0; BEGIN FOR r IN c LOOP UPDATE $s.purchase SET amount = -1 WHERE CURRENT OF c; total := total + 1; END LOOP; RETURN total; END';
CREATE FUNCTION $s.see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.seen := (SELECT sum(n) FROM $s.person); RETURN NEW; END';
CREATE TRIGGER see BEFORE INSERT ON $s.log FOR EACH ROW EXECUTE FUNCTION $s.see();
GRANT ALL ON ALL TABLES IN SCHEMA $s TO PUBLIC;
RESET ROLE;
CREATE VIEW $s.person_view_super AS SELECT * FROM $s.person;
CREATE VIEW $s.person_view_bypass AS SELECT * FROM $s.person;
CREATE FUNCTION $s.definer_super() RETURNS SETOF $s.person LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY SELECT * FROM $s.person; END';
ALTER VIEW $s.person_view_super OWNER TO m_superuser;
ALTER VIEW $s.person_view_bypass OWNER TO m_bypass;
ALTER FUNCTION $s.definer_super() OWNER TO m_superuser;
GRANT ALL ON ALL TABLES IN SCHEMA $s TO PUBLIC;
CREATE FUNCTION $s.content() RETURNS SETOF text LANGUAGE sql AS \$\$
	SELECT 'person' || to_jsonb(t)::text FROM $s.person t UNION ALL SELECT 'purchase' || to_jsonb(t)::text FROM $s.purchase t UNION ALL SELECT 'old' || to_jsonb(t)::text FROM $s.visit_old t
	UNION ALL SELECT 'new' || to_jsonb(t)::text FROM $s.visit_new t UNION ALL SELECT 'base' || to_jsonb(t)::text FROM ONLY $s.base t UNION ALL SELECT 'kid' || to_jsonb(t)::text FROM $s.kid t
	UNION ALL SELECT 'log' || to_jsonb(t)::text FROM $s.log t UNION ALL SELECT 'unprotected' || to_jsonb(t)::text FROM $s.unprotected t \$\$;
SQL
}

foreach my $type (sort keys %keys)
{
	my $s = "m_$type";

	$node->safe_psql('postgres', 'SET client_min_messages = warning;' . tables($s, $type, 'true') . <<"SQL");
SELECT privseg.protect('$s.person', 'id');
SELECT privseg.protect(('$s.' || t)::regclass, 'person_id', '$s.person') FROM unnest('{purchase,visit,base}'::text[]) t;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status) SELECT '$s.person', ($key_of_n{$type})::text, 'm_a', CASE WHEN $permits{m_a} THEN 'given' ELSE 'refused' END FROM generate_series(1, 30) n;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, kind) SELECT '$s.person', ($key_of_n{$type})::text, 'm_b', 'refused', 'objection' FROM generate_series(1, 30) n WHERE NOT ($permits{m_b});
ANALYZE $s.person, $s.purchase, $s.visit, $s.base, $s.kid;
SQL
	foreach my $purpose (sort keys %permits)
	{
		$node->safe_psql('postgres', tables("${s}_$purpose", $type, $permits{$purpose}) . <<"SQL");
SET row_security = off;
INSERT INTO hidden SELECT '${s}_$purpose', c FROM $s.content() c EXCEPT SELECT '${s}_$purpose', c FROM ${s}_$purpose.content() c;
SQL
	}
}

# What a statement answers, and a digest of what is in the tables then: {s}'s, and what
# is hidden where {s} holds only what is not.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION digest(schema text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('role', 'none', true), set_config('row_security', 'off', true);
	EXECUTE format('SELECT md5(string_agg(c, '','' ORDER BY c)) FROM (SELECT c FROM %I.content() c UNION ALL SELECT h.row FROM hidden h WHERE h.schema = %L) s', schema, schema) INTO result;
	RETURN result;
END $$;
-- runs it once under one purpose, or, with another one before, twice: only the last time counts
CREATE FUNCTION try(schema text, actor text, earlier text, purpose text, statement text, prepared boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF earlier IS NOT NULL AND prepared THEN
		EXECUTE 'PREPARE m_q AS ' || statement;
		statement := 'EXECUTE m_q';
	END IF;
	IF earlier IS NOT NULL THEN
		BEGIN
			PERFORM set_config('privseg.purpose', earlier, true), set_config('role', actor, true);
			EXECUTE statement INTO result;
			RAISE EXCEPTION USING ERRCODE = 'ZZ000';
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END IF;
	PERFORM set_config('privseg.purpose', purpose, true), set_config('role', actor, true);
	EXECUTE statement INTO result;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = COALESCE(result, 'NULL') || ' ' || digest(schema);
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN
		RETURN SQLERRM;
	WHEN OTHERS THEN
		RETURN SQLSTATE;
END $$;
CREATE FUNCTION outcome(schema text, actor text, earlier text, purpose text, statement text, prepared boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := try(schema, actor, earlier, purpose, statement, prepared);
BEGIN
	IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'm_q') THEN DEALLOCATE m_q; END IF;
	RETURN result;
END $$;
SQL

my $cells = '';
foreach my $type (sort keys %keys)
{
	foreach my $shape (@shapes)
	{
		my ($name, $flags, $statement) = @$shape;
		my $prepared = $flags =~ /plain/ ? 'false' : 'true';
		my $for = sub { my ($s) = @_; my $text = $statement; $text =~ s/\{s\}/$s/g; $text =~ s/\{k(\d+)\}/$keys{$type}->($1)/ge; return "\$m\$$text\$m\$"; };
		my $protected = $for->("m_$type");

		foreach my $role (@roles)
		{
			foreach my $state (@states)
			{
				my $purpose = { none => '', unknown => 'm_nowhere', wrong => 'm_c', right => 'm_a', switched => 'm_b' }->{$state};
				my $earlier = $state eq 'switched' ? "'m_a'" : 'NULL';
				my $answers = ($role ne 'uncleared' || $flags =~ /definer/) && $purpose =~ /^m_[ab]$/ && $flags !~ /refused/;
				my $reference = 'NULL';

				$reference = "outcome('m_${type}_$purpose', 'm_owner', NULL, '', " . $for->("m_${type}_$purpose") . ', false)' if $answers;
				$cells .= "INSERT INTO cell SELECT '$name', '$flags', '$type', '$role', '$state', '$purpose', outcome('m_$type', 'm_$role', $earlier, '$purpose', $protected, $prepared), $reference;\n";
			}
		}
	}
}
$node->safe_psql('postgres', "SET client_min_messages = error; $cells");

is($node->safe_psql('postgres', 'SELECT count(*) FROM cell'), @shapes * @roles * @states * 3, 'every cell was tried');
# a reference that is an error compares nothing
is($node->safe_psql('postgres', 'SELECT DISTINCT shape, reference FROM cell WHERE length(reference) < 33'), '', 'every reference is an answer');
is($node->safe_psql('postgres', q(SELECT shape, key, role, state, outcome, reference FROM cell WHERE reference IS NOT NULL AND outcome <> reference ORDER BY 1, 2, 3, 4)), '', 'where it is permitted, the answer is the reference');
is($node->safe_psql('postgres', q(SELECT shape, key, role, state, outcome FROM cell WHERE reference IS NULL AND outcome NOT IN ('42501', '0A000') ORDER BY 1, 2, 3, 4)), '', 'where it is not, it is refused');
# answers differ where purposes do: a reference that is always the same shows nothing
is($node->safe_psql('postgres', q(SELECT shape FROM cell WHERE reference IS NOT NULL AND flags !~ 'same' GROUP BY shape, key HAVING count(DISTINCT reference) < 2)), '', 'every reference tells the purposes apart');
foreach my $line (split /\n/, $node->safe_psql('postgres', q(SELECT format('%s, %s: %s', role, state, string_agg(n || ' ' || o, ', ' ORDER BY o))
	FROM (SELECT role, state, CASE WHEN reference IS NOT NULL THEN 'as the reference' ELSE outcome END AS o, count(*) AS n FROM cell GROUP BY 1, 2, 3) s GROUP BY role, state ORDER BY role, state)))
{
	note($line);
}
note(scalar(@shapes) . ' shapes, ' . @roles . ' roles, ' . @states . ' states of the purpose, 3 kinds of key: ' . @shapes * @roles * @states * 3 . ' cells');
$node->stop;
done_testing();
