-- 09-privileges.sql: last, so that nothing created above keeps PUBLIC's EXECUTE

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA privseg FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA privseg FROM PUBLIC;
GRANT SELECT ON privseg.purpose, privseg.data_category, privseg.notice, privseg.protected_relation,
	privseg.protected_column, privseg.clearance TO PUBLIC;

-- what the row policy needs: core asks for EXECUTE as the reader
GRANT EXECUTE ON FUNCTION privseg.row_permitted(bigint, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_permitted(uuid, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_permitted(text, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_writable(bigint, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_writable(uuid, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.row_writable(text, regclass, int) TO PUBLIC;
GRANT EXECUTE ON FUNCTION privseg.library_is_preloaded() TO PUBLIC;

-- core asks for EXECUTE as the owner of a partition that is created or attached;
-- all the function does is refuse.  Never subject_carried: it reads as the
-- referenced table's owner.
GRANT EXECUTE ON FUNCTION privseg.subject_moved() TO PUBLIC;
