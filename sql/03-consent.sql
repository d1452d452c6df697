-- 03-consent.sql: consent records, and the set that is derived from them

-- The order of the columns is known to src/consent.h.  Its words are checked by
-- the trigger that completes a record: core would parse a CHECK anew for each INSERT.
CREATE TABLE privseg.consent_record (
	subject_table regclass NOT NULL,
	subject text COLLATE "C" NOT NULL,
	purpose text COLLATE "C",
	status text NOT NULL,
	notice text,
	method text NOT NULL DEFAULT 'import',
	evidence jsonb,
	effective_at timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	explicit boolean NOT NULL DEFAULT false,
	given_by text NOT NULL DEFAULT 'subject',
	kind text NOT NULL DEFAULT 'consent',
	id bigint NOT NULL,
	recorded_at timestamptz NOT NULL,
	recorded_by name NOT NULL,
	CONSTRAINT consent_record_pkey PRIMARY KEY (id)
);
CREATE INDEX consent_record_subject_idx ON privseg.consent_record (subject_table, subject);
CREATE SEQUENCE privseg.consent_record_id_seq OWNED BY privseg.consent_record.id;
COMMENT ON TABLE privseg.consent_record IS
'what people said about each purpose: append-only; rows are added by INSERT, COPY or privseg.record_consent()';
COMMENT ON COLUMN privseg.consent_record.subject_table IS 'the subject table that holds the person';
COMMENT ON COLUMN privseg.consent_record.subject IS 'the key in that table, as text';
COMMENT ON COLUMN privseg.consent_record.purpose IS 'NULL for what concerns every purpose: withdrawal of everything, signals, restriction, erasure';
COMMENT ON COLUMN privseg.consent_record.status IS 'W3C DPV word; given and renewed permit';
COMMENT ON COLUMN privseg.consent_record.effective_at IS 'when it takes effect, in the past or future';
COMMENT ON COLUMN privseg.consent_record.kind IS 'consent objection withdrawal signal restriction erasure';
COMMENT ON COLUMN privseg.consent_record.id IS 'order of arrival; set by the server';
COMMENT ON COLUMN privseg.consent_record.recorded_at IS 'set by the server';
COMMENT ON COLUMN privseg.consent_record.recorded_by IS 'session user; set by the server';

SELECT pg_catalog.pg_extension_config_dump('privseg.consent_record', '');
SELECT pg_catalog.pg_extension_config_dump('privseg.consent_record_id_seq', '');

-- What follows is derived and is not dumped.  Layouts: src/consent_store.c.
CREATE TABLE privseg.consent_set (
	domain oid NOT NULL,
	purpose int NOT NULL,
	bits int NOT NULL,
	members bigint NOT NULL,
	CONSTRAINT consent_set_pkey PRIMARY KEY (domain, purpose)
);
COMMENT ON TABLE privseg.consent_set IS 'the sets that are built, derived from privseg.consent_record';
COMMENT ON COLUMN privseg.consent_set.purpose IS 'negative: of those who permit the purpose by an explicit record';

CREATE TABLE privseg.consent_page (
	domain oid NOT NULL,
	purpose int NOT NULL,
	kind "char" NOT NULL,
	position bigint NOT NULL,
	count int NOT NULL,
	next_due timestamptz NOT NULL,
	members bytea NOT NULL,
	CONSTRAINT consent_page_pkey PRIMARY KEY (domain, purpose, kind, position)
);
ALTER TABLE privseg.consent_page ALTER COLUMN members SET STORAGE PLAIN;
COMMENT ON TABLE privseg.consent_page IS 'who is in a set, page by page, derived from privseg.consent_record';

CREATE TABLE privseg.consent_delta (
	domain oid NOT NULL,
	position bigint NOT NULL,
	purpose int NOT NULL,
	subjects bytea NOT NULL
);
CREATE INDEX consent_delta_position_idx ON privseg.consent_delta (domain, position);
COMMENT ON TABLE privseg.consent_delta IS 'subjects with records that are not folded into the pages yet';

CREATE TABLE privseg.consent_agenda (
	domain oid NOT NULL,
	purpose int NOT NULL,
	kind "char" NOT NULL,
	position bigint NOT NULL,
	due timestamptz NOT NULL,
	subjects bytea NOT NULL
);
CREATE INDEX consent_agenda_position_idx ON privseg.consent_agenda (domain, purpose, kind, position);
CREATE INDEX consent_agenda_due_idx ON privseg.consent_agenda (domain, due);
COMMENT ON TABLE privseg.consent_agenda IS 'subjects whom time alone will change: expiry, future effect';

CREATE FUNCTION privseg.consent_record_before() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'consent_record_before';
COMMENT ON FUNCTION privseg.consent_record_before() IS 'trigger: checks and completes a consent record';
CREATE FUNCTION privseg.consent_record_after() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'consent_record_after';
COMMENT ON FUNCTION privseg.consent_record_after() IS 'trigger: tells the set whom to decide anew';
CREATE FUNCTION privseg.consent_record_refuse() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'consent_record_refuse';
COMMENT ON FUNCTION privseg.consent_record_refuse() IS 'trigger: refuses changes of what was said and of what is derived from it';

CREATE TRIGGER consent_record_before BEFORE INSERT ON privseg.consent_record
	FOR EACH ROW EXECUTE FUNCTION privseg.consent_record_before();
CREATE TRIGGER consent_record_after AFTER INSERT ON privseg.consent_record
	REFERENCING NEW TABLE AS added FOR EACH ROW EXECUTE FUNCTION privseg.consent_record_after();
CREATE TRIGGER consent_record_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON privseg.consent_record
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.consent_record_refuse();
-- logical replication applies rows, not statements
CREATE TRIGGER consent_record_refuse_row BEFORE UPDATE OR DELETE ON privseg.consent_record
	FOR EACH ROW EXECUTE FUNCTION privseg.consent_record_refuse();
CREATE TRIGGER consent_set_refuse BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.consent_set
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.consent_record_refuse();
CREATE TRIGGER consent_page_refuse BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.consent_page
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.consent_record_refuse();
CREATE TRIGGER consent_delta_refuse BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.consent_delta
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.consent_record_refuse();
CREATE TRIGGER consent_agenda_refuse BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON privseg.consent_agenda
	FOR EACH STATEMENT EXECUTE FUNCTION privseg.consent_record_refuse();
ALTER TABLE privseg.consent_record ENABLE ALWAYS TRIGGER consent_record_before;
ALTER TABLE privseg.consent_record ENABLE ALWAYS TRIGGER consent_record_after;
ALTER TABLE privseg.consent_record ENABLE ALWAYS TRIGGER consent_record_refuse;
ALTER TABLE privseg.consent_record ENABLE ALWAYS TRIGGER consent_record_refuse_row;
ALTER TABLE privseg.consent_set ENABLE ALWAYS TRIGGER consent_set_refuse;
ALTER TABLE privseg.consent_page ENABLE ALWAYS TRIGGER consent_page_refuse;
ALTER TABLE privseg.consent_delta ENABLE ALWAYS TRIGGER consent_delta_refuse;
ALTER TABLE privseg.consent_agenda ENABLE ALWAYS TRIGGER consent_agenda_refuse;

GRANT SELECT ON privseg.consent_record TO privseg_steward, privseg_auditor;
GRANT INSERT (subject_table, subject, purpose, status, notice, method, evidence, effective_at, expires_at,
			  explicit, given_by, kind)
	ON privseg.consent_record TO privseg_steward;

-- Each function that takes a subject comes in a bigint, a uuid and a text form.
DO $$
DECLARE
	key_type text;
BEGIN
	FOREACH key_type IN ARRAY ARRAY['bigint', 'uuid', 'text']
	LOOP
		EXECUTE pg_catalog.format($f$
			CREATE FUNCTION privseg.record_consent(
				subject_table regclass, subject %1$s, purpose text, status text, notice text DEFAULT NULL,
				method text DEFAULT 'api', evidence jsonb DEFAULT NULL, effective_at timestamptz DEFAULT now(),
				expires_at timestamptz DEFAULT NULL, explicit boolean DEFAULT false, given_by text DEFAULT 'subject')
			RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'record_consent';
			COMMENT ON FUNCTION privseg.record_consent(regclass, %1$s, text, text, text, text, jsonb, timestamptz, timestamptz, boolean, text) IS
				'add a consent record; returns its number';
			GRANT EXECUTE ON FUNCTION privseg.record_consent(regclass, %1$s, text, text, text, text, jsonb, timestamptz, timestamptz, boolean, text)
				TO privseg_steward;

			CREATE FUNCTION privseg.record_objection(subject_table regclass, subject %1$s, purpose text)
			RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'record_objection';
			COMMENT ON FUNCTION privseg.record_objection(regclass, %1$s, text) IS
				'record that the subject objects to a purpose (GDPR Art. 21)';
			GRANT EXECUTE ON FUNCTION privseg.record_objection(regclass, %1$s, text) TO privseg_steward;

			CREATE FUNCTION privseg.withdraw_consent(subject_table regclass, subject %1$s, purpose text DEFAULT NULL)
			RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'withdraw_consent';
			COMMENT ON FUNCTION privseg.withdraw_consent(regclass, %1$s, text) IS
				'record that the subject withdraws consent for a purpose, or for all (GDPR Art. 7(3))';
			GRANT EXECUTE ON FUNCTION privseg.withdraw_consent(regclass, %1$s, text) TO privseg_steward;

			CREATE FUNCTION privseg.record_signal(subject_table regclass, subject %1$s, signal text)
			RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'record_signal';
			COMMENT ON FUNCTION privseg.record_signal(regclass, %1$s, text) IS
				'record an opt-out preference signal of the subject: gpc';
			GRANT EXECUTE ON FUNCTION privseg.record_signal(regclass, %1$s, text) TO privseg_steward;

			CREATE FUNCTION privseg.permitted(subject_table regclass, subject %1$s, purpose text, at timestamptz DEFAULT NULL)
			RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'permitted';
			COMMENT ON FUNCTION privseg.permitted(regclass, %1$s, text, timestamptz) IS
				'does the subject permit the purpose, now or at a moment?';
			GRANT EXECUTE ON FUNCTION privseg.permitted(regclass, %1$s, text, timestamptz)
				TO privseg_steward, privseg_auditor;

			CREATE FUNCTION privseg.explain_decision(subject_table regclass, subject %1$s, purpose text, at timestamptz DEFAULT NULL)
			RETURNS jsonb LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'explain_decision';
			COMMENT ON FUNCTION privseg.explain_decision(regclass, %1$s, text, timestamptz) IS
				'why the subject does or does not permit the purpose';
			GRANT EXECUTE ON FUNCTION privseg.explain_decision(regclass, %1$s, text, timestamptz)
				TO privseg_steward, privseg_auditor;
		$f$, key_type);
	END LOOP;
END
$$;

CREATE FUNCTION privseg.canonical_subject(subject_table regclass, subject text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'canonical_subject';
COMMENT ON FUNCTION privseg.canonical_subject(regclass, text) IS
'the one text of a subject''s key; error 22P02 when the text does not fit the key''s type';
GRANT EXECUTE ON FUNCTION privseg.canonical_subject(regclass, text) TO privseg_steward, privseg_auditor;

CREATE FUNCTION privseg.consent_decision(subject_table regclass, subject text, purpose text,
	OUT permitted boolean, OUT reason text, OUT status text, OUT record bigint, OUT notice text,
	OUT effective_at timestamptz, OUT expires_at timestamptz, OUT explicit boolean)
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'consent_decision';
COMMENT ON FUNCTION privseg.consent_decision(regclass, text, text) IS
'the decision behind a row of privseg.consent_status';
GRANT EXECUTE ON FUNCTION privseg.consent_decision(regclass, text, text) TO privseg_steward, privseg_auditor;

CREATE FUNCTION privseg.fold_consent(subject_table regclass DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'fold_consent';
COMMENT ON FUNCTION privseg.fold_consent(regclass) IS
'fold changed consent into the pages now instead of in the background; returns subjects decided';
GRANT EXECUTE ON FUNCTION privseg.fold_consent(regclass) TO privseg_steward;

CREATE FUNCTION privseg.rebuild_consent(subject_table regclass DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'rebuild_consent';
COMMENT ON FUNCTION privseg.rebuild_consent(regclass) IS
'build the consent sets anew from the records';
GRANT EXECUTE ON FUNCTION privseg.rebuild_consent(regclass) TO privseg_steward;

CREATE FUNCTION privseg.forget_consent_set(subject_table oid, purpose int) RETURNS void
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'forget_consent_set';
COMMENT ON FUNCTION privseg.forget_consent_set(oid, int) IS
'delete a derived set, or with a NULL purpose all of a subject table; for the extension itself';

CREATE VIEW privseg.consent_status AS
SELECT s.subject_table, s.subject, s.purpose, d.permitted, d.reason, d.status, d.record, d.notice,
	   d.effective_at, d.expires_at, d.explicit
  FROM (SELECT DISTINCT r.subject_table, r.subject, p.name AS purpose
		  FROM privseg.consent_record r
		  JOIN privseg.purposes p ON p.name = r.purpose OR r.purpose IS NULL
		 WHERE r.subject_table <> 0) s,
	   LATERAL privseg.consent_decision(s.subject_table, s.subject, s.purpose) d;
COMMENT ON VIEW privseg.consent_status IS
'the current decision for every subject and purpose about which there is a record';
GRANT SELECT ON privseg.consent_status TO privseg_steward, privseg_auditor;
