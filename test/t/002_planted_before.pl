# What somebody plants in a database before a superuser installs the extension there, and
# in the search path of whoever calls its functions: it is not adopted, and not called.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PrivsegNode;
use Test::More;

my $node = PrivsegNode::init('planted');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE planter CREATEROLE; GRANT CREATE ON DATABASE postgres TO planter; GRANT ALL ON SCHEMA public TO planter');

sub refused
{
	my ($plant, $pattern, $name) = @_;
	my $error;

	$node->psql('postgres', "BEGIN; SET ROLE planter; $plant; RESET ROLE; CREATE EXTENSION privseg; COMMIT", stderr => \$error);
	like($error, $pattern, $name);
	is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_extension WHERE extname = 'privseg')), '0', "$name: nothing is installed");
}

refused('CREATE SCHEMA privseg', qr/schema "privseg" already exists/, 'a schema');
refused('CREATE SCHEMA privseg; CREATE FUNCTION privseg.row_permitted(bigint, regclass, int) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$', qr/schema "privseg" already exists/, 'a function that says yes');
refused('CREATE ROLE privseg_admin; GRANT privseg_admin TO planter', qr/privseg_admin/, 'a role with its maker in it');
refused('CREATE ROLE privseg_steward LOGIN', qr/privseg_steward.*attributes of its own/, 'a role that logs in');

# names of core's, for every type that core's would need a cast for, in front of the path
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE public.called (what text);
GRANT ALL ON public.called TO PUBLIC;
SET ROLE planter;
CREATE FUNCTION public.caught(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.called VALUES ($1); END $$;
CREATE FUNCTION public.format(text, VARIADIC name[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('format'); RETURN pg_catalog.format($1, VARIADIC $2); END $$;
CREATE FUNCTION public.format(text, regclass, name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('format'); RETURN pg_catalog.format($1, $2, $3); END $$;
CREATE FUNCTION public.cardinality(name[]) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('cardinality'); RETURN 1; END $$;
CREATE FUNCTION public.equal(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('='); RETURN true; END $$;
CREATE FUNCTION public.equal(regclass, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('='); RETURN true; END $$;
CREATE FUNCTION public.equal(regclass, regclass) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('='); RETURN true; END $$;
CREATE FUNCTION public.equal(text, varchar) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('='); RETURN true; END $$;
CREATE FUNCTION public.glued(text, name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM public.caught('||'); RETURN $1; END $$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.equal);
CREATE OPERATOR public.= (LEFTARG = regclass, RIGHTARG = oid, FUNCTION = public.equal);
CREATE OPERATOR public.= (LEFTARG = regclass, RIGHTARG = regclass, FUNCTION = public.equal);
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = public.equal);
CREATE OPERATOR public.|| (LEFTARG = text, RIGHTARG = name, FUNCTION = public.glued);
CREATE TABLE public.pg_class (oid oid, relname name, relkind "char");
CREATE TABLE public.pg_attribute (attrelid oid, attname name, attnum smallint);
SQL
is(
	$node->safe_psql(
		'postgres', <<'SQL'), '2', 'with planted names in front everything works');
SET client_min_messages = error;
SET search_path = public, pg_catalog;
CREATE EXTENSION privseg;
CREATE ROLE reader;
CREATE TABLE people (id bigint PRIMARY KEY);
CREATE TABLE things (id int PRIMARY KEY, person bigint REFERENCES people, note varchar);
CREATE INDEX ON things (person);
CREATE TABLE parts (id int, thing int REFERENCES things);
INSERT INTO people VALUES (1), (2), (3);
INSERT INTO things VALUES (1, 1, 'a'), (2, 2, 'b');
INSERT INTO parts VALUES (1, 1), (2, 2);
GRANT SELECT ON people TO reader;
\o /dev/null
SELECT privseg.create_purpose('mail', 'consent'), privseg.create_data_category('contact'), privseg.publish_notice('n', '1', 'en', 'text', '{mail}');
SELECT privseg.protect('people', 'id');
SELECT privseg.protect('things', 'person', 'people');
SELECT privseg.carry_subject('parts', 'thing', 'person');
SELECT privseg.protect('parts', 'person', 'people');
SELECT privseg.classify('things', 'note', 'contact'), privseg.grant_clearance('reader', 'mail');
SELECT privseg.record_consent('people', g, 'mail', 'given', 'n/1') FROM pg_catalog.generate_series(1, 2) g;
SELECT privseg.record_objection('people', 3, 'mail'), privseg.record_signal('people', 3, 'gpc'), privseg.withdraw_consent('people', 3);
SELECT privseg.permitted('people', 1, 'mail'), privseg.explain_decision('people', 1, 'mail'), privseg.verify_receipt(privseg.consent_receipt('people', 1));
SELECT * FROM privseg.consent_status;
SELECT * FROM privseg.check();
SELECT privseg.fold_consent(), privseg.rebuild_consent();
SET ROLE reader;
SET privseg.purpose = 'mail';
\o
SELECT pg_catalog.count(*) FROM people;
RESET ROLE;
\o /dev/null
SELECT privseg.classify('things', 'note', NULL);
SELECT privseg.drop_data_category('contact'), privseg.revoke_clearance('reader', 'mail'), privseg.unprotect('parts'), privseg.unprotect('things'), privseg.unprotect('people');
SQL
is($node->safe_psql('postgres', q(SELECT string_agg(DISTINCT what, ' ') FROM called)), '', 'and nothing planted was called');
$node->stop;
done_testing();
