-- flipped.sql -- included by pg_regress tests: encrypted texts with each of their bits turned,
-- and what becomes of them when they are opened.

CREATE TEMP TABLE flipped (bit int, value privseg.encrypted_text);
GRANT SELECT ON flipped TO PUBLIC;

-- puts a value's into the table, but for those that are none; under row_security = off
CREATE FUNCTION pg_temp.flip_bits(armour text) RETURNS TABLE (accepted bigint, refused bigint) LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea := decode(substr(armour, 11), 'base64');
BEGIN
	accepted := 0;
	refused := 0;
	FOR bit IN 0 .. length(bytes) * 8 - 1 LOOP
		BEGIN
			INSERT INTO flipped VALUES (bit, ('privseg:1:' || translate(encode(set_bit(bytes, bit, 1 - get_bit(bytes, bit)), 'base64'), E'\n', ''))::privseg.encrypted_text);
			accepted := accepted + 1;
		EXCEPTION WHEN invalid_text_representation OR feature_not_supported THEN
			refused := refused + 1;
		END;
	END LOOP;
	RETURN NEXT;
END $$;

CREATE FUNCTION pg_temp.opens(number int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	EXECUTE format('SELECT value::text FROM flipped WHERE bit = %s', number) INTO found;
	RETURN COALESCE('opened ' || found, 'NULL');
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
