-- enough_subjects is called by statements that it was added to, and by nobody else;
-- how small a group may be is for superusers to say.
\getenv abs_srcdir PG_ABS_SRCDIR
\set helper :abs_srcdir '/lib/refusal.sql'
\set ECHO none
\i :helper
\set ECHO all
SET client_min_messages = warning;
\pset format unaligned

CREATE SCHEMA group_calls;
CREATE TABLE group_calls.person (id bigint PRIMARY KEY, town text);
INSERT INTO group_calls.person SELECT i, 'town' || i % 3 FROM generate_series(1, 100) i;
SELECT privseg.create_purpose('group_calls_stats', 'legitimate_interests', min_group_size => 5);
SELECT privseg.protect('group_calls.person', 'id');
CREATE ROLE group_calls_reader;
GRANT USAGE ON SCHEMA group_calls TO group_calls_reader;
GRANT SELECT ON group_calls.person TO group_calls_reader;
SELECT privseg.grant_clearance('group_calls_reader', 'group_calls_stats');

SET ROLE group_calls_reader;
SET privseg.purpose = 'group_calls_stats';
SELECT s AS statement, r AS refusal FROM unnest(ARRAY[
	-- the cell that nobody can write
	$$SELECT privseg.enough_subjects(1::bigint, NULL, NULL)$$,
	$$SELECT privseg.enough_subjects(1::bigint, '0', NULL)$$,
	$$SELECT privseg.enough_subjects(1::bigint, 0::bigint::privseg.group_cell, NULL)$$,
	$$SELECT privseg.enough_subjects(1::bigint, (row(0)::record)::privseg.group_cell, NULL)$$,
	$$SELECT privseg.enough_subjects(id, NULL, NULL) FROM group_calls.person$$,
	$$SELECT privseg.enough_subjects(gen_random_uuid(), NULL, NULL)$$,
	$$SELECT privseg.enough_subjects('a'::text, NULL, 1)$$,
	$$SELECT privseg.enough_subjects(id, NULL, NULL) OVER () FROM group_calls.person$$,
	$$SELECT privseg.enough_subjects(1::bigint, NULL, NULL) WHERE false$$,
	-- its parts
	$$SELECT privseg.enough_subjects_step(NULL::internal, 1::bigint, NULL, NULL)$$,
	$$SELECT privseg.enough_subjects_combine(NULL::internal, NULL::internal)$$,
	$$SELECT privseg.enough_subjects_serialize(NULL::internal)$$,
	$$SELECT privseg.enough_subjects_deserialize(decode(repeat($a$00$a$, 16), $a$hex$a$), NULL::internal)$$,
	$$SELECT privseg.enough_subjects_final(NULL::internal)$$,
	$$CREATE AGGREGATE pg_temp.enough(bigint, privseg.group_cell, bigint) (SFUNC = privseg.enough_subjects_step, STYPE = internal)$$,
	-- the settings
	$$SET privseg.min_group_size = 1$$, $$SET privseg.differencing_window = 0$$, $$SET privseg.differencing_memory = '1GB'$$]) s,
	LATERAL pg_temp.refusal(s) r;
-- without a row there is nothing to count
SELECT privseg.enough_subjects(id, NULL, NULL) FROM group_calls.person WHERE false;
RESET privseg.purpose;
RESET ROLE;

SHOW privseg.min_group_size;
SHOW privseg.differencing_window;
SHOW privseg.differencing_memory;

SELECT privseg.unprotect('group_calls.person');
SELECT privseg.revoke_clearance('group_calls_reader', 'group_calls_stats');
SELECT privseg.drop_purpose('group_calls_stats');
DROP SCHEMA group_calls CASCADE;
DROP ROLE group_calls_reader;
