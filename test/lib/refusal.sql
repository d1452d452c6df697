-- refusal.sql -- included by pg_regress tests: functions that run a statement,
-- undo whatever it did, and say how it ended.

-- how a statement is refused; code is "accepted" when it is not
CREATE FUNCTION pg_temp.refusal(statement text, OUT code text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = '';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	IF code = 'ZZ000' THEN
		code := 'accepted';
	END IF;
END
$$;

-- the first value of a statement's result, or the SQLSTATE of its error
CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = COALESCE(result, 'NULL');
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN
		RETURN SQLERRM;
	WHEN OTHERS THEN
		RETURN SQLSTATE;
END
$$;

-- the same under a role and a purpose
CREATE FUNCTION pg_temp.outcome(actor text, purpose text, statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	role_before text := current_setting('role');
	purpose_before text := current_setting('privseg.purpose');
	result text;
BEGIN
	PERFORM set_config('privseg.purpose', purpose, false);
	PERFORM set_config('role', actor, false);
	result := pg_temp.outcome(statement);
	PERFORM set_config('role', role_before, false);
	PERFORM set_config('privseg.purpose', purpose_before, false);
	RETURN result;
END
$$;
