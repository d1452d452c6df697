-- Every object of the extension that a user meets has a COMMENT.
BEGIN;
SELECT plan(4);

CREATE TEMPORARY VIEW member AS
SELECT classid, objid
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'privseg');

SELECT isnt_empty('SELECT FROM member', 'the extension has objects');

SELECT is_empty($$
    SELECT objid::regprocedure
    FROM member
    WHERE classid = 'pg_proc'::regclass AND obj_description(objid, 'pg_proc') IS NULL
    ORDER BY objid
$$, 'every function is described');

SELECT is_empty($$
    SELECT objid::regclass
    FROM member JOIN pg_class ON pg_class.oid = objid
    WHERE classid = 'pg_class'::regclass AND relkind IN ('r', 'p', 'v', 'm', 'f')
      AND obj_description(objid, 'pg_class') IS NULL
    ORDER BY objid
$$, 'every table and view is described');

SELECT is_empty($$
    SELECT objid::regtype
    FROM member JOIN pg_type ON pg_type.oid = objid
    WHERE classid = 'pg_type'::regclass AND typrelid = 0 AND typcategory <> 'A'
      AND obj_description(objid, 'pg_type') IS NULL
    ORDER BY objid
$$, 'every type is described');

SELECT * FROM finish();
ROLLBACK;
