-- 09-keys.sql: the keys of encrypted values, each wrapped under the one above it:
-- the root key, which is not in the database; epoch keys; each subject's own.

-- The order of the columns of these tables is known to src/keyring_store.c.
CREATE TABLE privseg.keys (
	kind "char" NOT NULL CHECK (kind IN ('e', 'l', 't')),
	number int NOT NULL CHECK (number > 0),
	root_key text COLLATE "C" NOT NULL,
	wrapped bytea NOT NULL,
	created_at timestamptz NOT NULL,
	CONSTRAINT keys_pkey PRIMARY KEY (kind, number)
);
ALTER TABLE privseg.keys ALTER COLUMN wrapped SET STORAGE PLAIN;
COMMENT ON TABLE privseg.keys IS 'keys that are wrapped under the root key';
COMMENT ON COLUMN privseg.keys.kind IS 'e: wraps subjects'' keys (an epoch); l: seals values that are of no row yet; t: tags of searchable columns';
COMMENT ON COLUMN privseg.keys.root_key IS 'fingerprint of the root key it is wrapped under';

CREATE TABLE privseg.subject_keys (
	subject_table regclass NOT NULL,
	position bigint NOT NULL,
	epoch int NOT NULL,
	count int NOT NULL,
	keys bytea NOT NULL,
	CONSTRAINT subject_keys_pkey PRIMARY KEY (subject_table, position)
);
ALTER TABLE privseg.subject_keys ALTER COLUMN keys SET STORAGE PLAIN;
COMMENT ON TABLE privseg.subject_keys IS 'subjects'' keys, page by page, wrapped under the key of an epoch';

CREATE TABLE privseg.subject_key_delta (
	subject_table regclass NOT NULL,
	position bigint NOT NULL,
	epoch int NOT NULL,
	key bytea NOT NULL
);
ALTER TABLE privseg.subject_key_delta ALTER COLUMN key SET STORAGE PLAIN;
CREATE INDEX subject_key_delta_position_idx ON privseg.subject_key_delta (subject_table, position);
COMMENT ON TABLE privseg.subject_key_delta IS 'subjects'' keys that are not in a page yet';

CREATE TABLE privseg.shredded_subjects (
	subject_table regclass NOT NULL,
	position bigint NOT NULL,
	position_low bigint NOT NULL,
	keys int NOT NULL,
	shredded_at timestamptz NOT NULL
);
CREATE INDEX shredded_subjects_at_idx ON privseg.shredded_subjects (subject_table, shredded_at);
COMMENT ON TABLE privseg.shredded_subjects IS 'subjects whose keys were destroyed, by their place in the order of keys';

-- whoever replicates values may replicate their keys, too
ALTER TABLE privseg.subject_key_delta REPLICA IDENTITY FULL;
ALTER TABLE privseg.shredded_subjects REPLICA IDENTITY FULL;

SELECT pg_catalog.pg_extension_config_dump('privseg.keys', '');
SELECT pg_catalog.pg_extension_config_dump('privseg.subject_keys', '');
SELECT pg_catalog.pg_extension_config_dump('privseg.subject_key_delta', '');
SELECT pg_catalog.pg_extension_config_dump('privseg.shredded_subjects', '');

CREATE FUNCTION privseg.keys_applied() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'keys_applied';
COMMENT ON FUNCTION privseg.keys_applied() IS 'trigger: keys that come by logical replication reach all sessions';

-- what a superuser restores; C code of the extension writes without triggers
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['keys', 'subject_keys', 'subject_key_delta', 'shredded_subjects']
	LOOP
		EXECUTE pg_catalog.format('CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.%I'
			' FOR EACH STATEMENT EXECUTE FUNCTION privseg.catalog_changed()', name);
		EXECUTE pg_catalog.format('ALTER TABLE privseg.%I ENABLE ALWAYS TRIGGER catalog_changed', name);
		CONTINUE WHEN name = 'subject_key_delta';
		EXECUTE pg_catalog.format('CREATE TRIGGER keys_applied AFTER INSERT OR UPDATE OR DELETE ON privseg.%I'
			' FOR EACH ROW EXECUTE FUNCTION privseg.keys_applied()', name);
		EXECUTE pg_catalog.format('ALTER TABLE privseg.%I ENABLE ALWAYS TRIGGER keys_applied', name);
	END LOOP;
END
$$;

CREATE FUNCTION privseg.rotate_root_key() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rotate_root_key';
COMMENT ON FUNCTION privseg.rotate_root_key() IS
'wrap this database''s keys under the root key of privseg.next_root_key_command or privseg.next_root_key_file';

CREATE FUNCTION privseg.rotate_epoch(pages int DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rotate_epoch';
COMMENT ON FUNCTION privseg.rotate_epoch(int) IS
'wrap subjects'' keys under a new key, or go on with it: so many pages, or all; returns how many pages are left';

CREATE FUNCTION privseg.fold_keys() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'fold_keys';
COMMENT ON FUNCTION privseg.fold_keys() IS
'put new subjects'' keys into their pages, as the fold worker does; returns how many';

CREATE FUNCTION privseg.forget_keys(subject_table regclass) RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'forget_keys';
COMMENT ON FUNCTION privseg.forget_keys(regclass) IS 'destroy the keys of a table''s subjects; for the extension itself';

DO $$
DECLARE
	key_type text;
BEGIN
	FOREACH key_type IN ARRAY ARRAY['bigint', 'uuid', 'text']
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.shred_subject(subject_table regclass, subject %1$s) RETURNS bigint
			LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'shred_subject';
			COMMENT ON FUNCTION privseg.shred_subject(regclass, %1$s) IS
				'destroy the keys of a data subject, so that no copy of their encrypted values can be read again; returns how many keys there were';
			GRANT EXECUTE ON FUNCTION privseg.shred_subject(regclass, %1$s) TO privseg_admin;
		$f$, key_type);
	END LOOP;
END
$$;

CREATE FUNCTION privseg.keys_counted(OUT root_key text, OUT epoch int, OUT subject_keys bigint, OUT shredded bigint,
	OUT older_pages bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT COALESCE((SELECT k.root_key FROM privseg.keys k WHERE k.kind = 'e' ORDER BY k.number DESC LIMIT 1),
					(SELECT s.fingerprint FROM privseg.root_key_status() s)),
		   (SELECT max(k.number) FROM privseg.keys k WHERE k.kind = 'e'),
		   COALESCE((SELECT sum(p.count) FROM privseg.subject_keys p), 0)::bigint
			   + (SELECT count(*) FROM privseg.subject_key_delta),
		   COALESCE((SELECT sum(d.keys) FROM privseg.shredded_subjects d), 0)::bigint,
		   (SELECT count(*) FROM privseg.subject_keys p
			 WHERE p.epoch < (SELECT max(k.number) FROM privseg.keys k WHERE k.kind = 'e'))
$$;
COMMENT ON FUNCTION privseg.keys_counted() IS 'what privseg.key_status shows';

CREATE VIEW privseg.key_status AS
SELECT c.root_key, c.epoch, c.subject_keys, c.shredded, c.older_pages FROM privseg.keys_counted() c;
COMMENT ON VIEW privseg.key_status IS
'fingerprint of the root key, the epoch, how many subjects'' keys there are and were destroyed, pages of keys of older epochs';

GRANT EXECUTE ON FUNCTION privseg.rotate_root_key(), privseg.rotate_epoch(int), privseg.fold_keys() TO privseg_admin;
GRANT EXECUTE ON FUNCTION privseg.keys_counted() TO privseg_admin, privseg_auditor;
