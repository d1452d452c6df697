-- A fold that meets records which were rolled back.  Their index entries are
-- found dead, and the index scan notes that in memory of its own: memory that
-- must live as long as the scan, not as long as one subject.
SET client_min_messages = warning;
SELECT privseg.create_purpose('fold_after_rollback', 'consent');
CREATE TABLE fold_after_rollback (id int PRIMARY KEY);
INSERT INTO fold_after_rollback SELECT generate_series(1, 200);
SELECT privseg.protect('fold_after_rollback', 'id');
DO $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		BEGIN
			INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
			SELECT 'fold_after_rollback', s::text, 'fold_after_rollback', 'given' FROM generate_series(1, 200) s, generate_series(1, 3);
			RAISE EXCEPTION 'undone';
		EXCEPTION WHEN raise_exception THEN
			NULL;
		END;
		INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
		SELECT 'fold_after_rollback', s::text, 'fold_after_rollback', CASE WHEN (s + i) % 2 = 0 THEN 'given' ELSE 'withdrawn' END FROM generate_series(1, 200) s;
		PERFORM privseg.fold_consent('fold_after_rollback');
	END LOOP;
END
$$;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status)
SELECT 'fold_after_rollback', (s % 200 + 1)::text, 'fold_after_rollback', CASE WHEN s % 2 = 0 THEN 'given' ELSE 'withdrawn' END FROM generate_series(1, 2000) s;
SELECT privseg.fold_consent('fold_after_rollback') IS NOT NULL AS folded;
SELECT count(*) FROM generate_series(1, 200) s WHERE privseg.permitted('fold_after_rollback', s, 'fold_after_rollback');
SELECT members FROM privseg.consent_set WHERE domain = 'fold_after_rollback'::regclass AND members > 0;
SELECT privseg.unprotect('fold_after_rollback');
DROP TABLE fold_after_rollback;
