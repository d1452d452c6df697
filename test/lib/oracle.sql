-- The rule, told a second time for test/t/020_oracle.pl: written from the
-- contract (what permits), as sets, slowly, and without a look at the C.

CREATE SCHEMA oracle;

-- Everybody the test knows: the rows of the subject tables, and (listed = false)
-- some who have records but no row.  grp 0 is compared in every way, the big
-- tables (grp 1) by what a reader sees.
CREATE TABLE oracle.subject (
	subject_table regclass NOT NULL,
	subject text COLLATE "C" NOT NULL,
	n int NOT NULL,
	listed boolean NOT NULL,
	PRIMARY KEY (subject_table, subject)
);

CREATE TABLE oracle.domain (
	subject_table regclass PRIMARY KEY,
	child_table regclass NOT NULL,
	key_type text NOT NULL,
	big boolean NOT NULL
);

-- what the generator says next
CREATE TABLE oracle.script (
	n int PRIMARY KEY,
	subject_table regclass NOT NULL,
	subject text COLLATE "C" NOT NULL,
	purpose text,
	status text,
	notice text,
	effective_at timestamptz,
	expires_at timestamptz,
	explicit boolean,
	kind text
);

/*
 * verdict -- who permits what at a moment, for every subject and purpose asked; and of whom
 * values of special categories are opened (GDPR Art. 9(2)).
 *
 * `knob` breaks the rule on purpose, to see the comparison notice:
 * expiry, tie, cancel, notice, signal, restriction; explicit, withdrawal (of what is opened only).
 * Neither strict nor with settings, so that the planner sees the arguments.
 */
CREATE FUNCTION oracle.verdict(moment timestamptz, domains regclass[], purposes text[], knob text DEFAULT '',
	as_of boolean DEFAULT false, only_subject text DEFAULT NULL)
RETURNS TABLE (subject_table regclass, subject text, purpose text, permitted boolean, opened boolean)
LANGUAGE sql STABLE ROWS 100000
AS $$
WITH aim AS MATERIALIZED (
	SELECT p.name, p.legal_basis = 'consent' AS asks, p.direct_marketing AS markets,
		   p.sale_or_sharing OR p.targeted_advertising AS sells,
		   p.direct_marketing OR p.legal_basis IN ('legitimate_interests', 'public_interest') AS objectable,
		   p.special_category_basis AS special
	  FROM privseg.purpose p
	 WHERE p.name = ANY (verdict.purposes)
), record AS MATERIALIZED (
	SELECT r.id, r.subject_table AS d, r.subject AS s, r.purpose, r.kind, r.status, r.notice, r.explicit,
		   r.effective_at AS since, r.expires_at AS until, r.recorded_at AS arrived
	  FROM privseg.consent_record r
	 WHERE r.subject_table = ANY (domains) AND r.subject = COALESCE(only_subject, r.subject)
), said AS MATERIALIZED (
	-- a record about everything is a record about each purpose
	SELECT r.*, a.name AS p, a.asks, a.markets, a.sells
	  FROM record r JOIN aim a ON COALESCE(r.purpose, a.name) = a.name
), no AS MATERIALIZED (
	SELECT * FROM said
	 WHERE kind = 'consent' AND status IN ('refused', 'expired', 'withdrawn', 'revoked', 'invalidated')
		OR kind = 'objection'
		OR kind = 'withdrawal' AND (asks OR markets)
		OR kind = 'signal' AND sells
), yes AS MATERIALIZED (
	-- what a later no found still ahead is void
	SELECT y.* FROM said y
	 WHERE y.kind = 'consent' AND y.status IN ('given', 'renewed')
	   AND NOT EXISTS (SELECT FROM no n
						WHERE n.d = y.d AND n.s = y.s AND n.p = y.p
						  AND n.id > y.id AND n.arrived < y.since AND knob <> 'cancel')
), version AS (
	SELECT name || '/' || version AS reference, name, min(id) AS came, min(published_at) AS published,
		   bool_or(material) AS material
	  FROM privseg.notice GROUP BY name, version
), stale AS MATERIALIZED (
	SELECT v.reference FROM version v
	 WHERE EXISTS (SELECT FROM version w
					WHERE w.name = v.name AND w.came > v.came AND w.material AND knob <> 'notice'
					  AND (NOT as_of OR w.published <= moment))
), word AS (
	SELECT *, true AS good FROM yes WHERE since <= moment
	UNION ALL
	SELECT *, false FROM no WHERE since <= moment AND kind <> 'signal'
), last_word AS (
	SELECT DISTINCT ON (d, s, p) * FROM word
	 ORDER BY d, s, p, since DESC, CASE knob WHEN 'tie' THEN -id ELSE id END DESC
), stands AS (
	SELECT d, s, p, id, since, explicit FROM last_word
	 WHERE good
	   AND (until IS NULL OR until > moment OR knob = 'expiry')
	   AND (notice IS NULL OR notice NOT IN (SELECT reference FROM stale))
), openly AS (
	-- who has said so explicitly, and has not taken it back with everything else
	SELECT d, s, p FROM stands WHERE explicit OR knob = 'explicit'
	EXCEPT
	SELECT t.d, t.s, t.p
	  FROM stands t JOIN record w ON w.d = t.d AND w.s = t.s AND w.kind = 'withdrawal'
	 WHERE knob <> 'withdrawal'
	   AND (w.id > t.id AND w.arrived < t.since
			OR w.since <= moment AND (w.since > t.since OR w.since = t.since AND w.id > t.id))
), objected AS (
	SELECT DISTINCT d, s, p FROM no
	 WHERE since <= moment AND (kind = 'objection' OR kind = 'withdrawal' AND markets)
), signalled AS (
	SELECT DISTINCT n.d, n.s, n.p FROM no n
	 WHERE n.kind = 'signal' AND n.since <= moment
	   AND NOT EXISTS (SELECT FROM yes y
						WHERE y.d = n.d AND y.s = n.s AND y.p = n.p
						  AND (y.explicit OR knob = 'signal') AND y.since <= moment
						  AND (y.since > n.since OR y.since = n.since AND y.id > n.id))
), frozen AS (
	SELECT d, s FROM record WHERE kind = 'erasure' AND since <= moment
	UNION
	SELECT d, s
	  FROM (SELECT DISTINCT ON (d, s) * FROM record
			 WHERE kind = 'restriction' AND since <= moment AND knob <> 'restriction'
			 ORDER BY d, s, since DESC, id DESC) latest
	 WHERE status = 'refused'
)
SELECT u.subject_table, u.subject, a.name, v.permitted,
	   v.permitted AND a.special IS NOT NULL AND (a.special <> 'explicit_consent' OR e.s IS NOT NULL)
  FROM oracle.subject u
 CROSS JOIN aim a
  LEFT JOIN openly e ON e.d = u.subject_table AND e.s = u.subject AND e.p = a.name
  LEFT JOIN stands t ON t.d = u.subject_table AND t.s = u.subject AND t.p = a.name
  LEFT JOIN objected o ON o.d = u.subject_table AND o.s = u.subject AND o.p = a.name
  LEFT JOIN signalled g ON g.d = u.subject_table AND g.s = u.subject AND g.p = a.name
  LEFT JOIN frozen f ON f.d = u.subject_table AND f.s = u.subject
 CROSS JOIN LATERAL (SELECT CASE
			WHEN f.s IS NOT NULL OR g.s IS NOT NULL THEN false
			WHEN t.s IS NOT NULL THEN true
			WHEN a.asks THEN false
			ELSE NOT (a.objectable AND o.s IS NOT NULL)
	   END AS permitted) v
 WHERE u.subject_table = ANY (domains) AND u.subject = COALESCE(only_subject, u.subject)
$$;

-- the same about one, for a reader, who may not read the records
CREATE FUNCTION oracle.one(domain regclass, subject text, purpose text, OUT permitted boolean, OUT opened boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	-- inlined only where no argument is volatile
	moment timestamptz := clock_timestamp();
BEGIN
	SELECT v.permitted, v.opened INTO one.permitted, one.opened
	  FROM oracle.verdict(moment, ARRAY[domain], ARRAY[one.purpose], only_subject => one.subject) v;
END
$$;

/*
 * seen -- what a cleared role sees of a table under each purpose; rows as text.
 * scan, child: all of the table, of its child.  parallel: by several processes.
 * point: some rows (oracle.asked), each in a statement of its own.
 * explicit: of whom values of special categories are opened, of all there are; opened, opened
 * point: of the rows, as in scan and point.
 */
CREATE FUNCTION oracle.asked(n int) RETURNS boolean LANGUAGE sql IMMUTABLE
AS 'SELECT n < 1500 AND n % 23 = 5';

CREATE FUNCTION oracle.seen(way text, domains regclass[], purposes text[])
RETURNS TABLE (subject_table regclass, item text, purpose text)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	d record;
	p text;
	k text;
	keys text[];
	wanted text;
BEGIN
	PERFORM set_config('role', 'oracle_reader', true),
			set_config('max_parallel_workers_per_gather', CASE WHEN way IN ('parallel', 'opened') THEN '2' ELSE '0' END, true);
	FOR d IN SELECT * FROM oracle.domain o WHERE o.subject_table = ANY (domains)
	LOOP
		wanted := format('privseg.row_explicit(%%s::%s, %L)', CASE WHEN d.key_type IN ('bigint', 'integer', 'smallint') THEN 'bigint'
																   WHEN d.key_type = 'uuid' THEN 'uuid' ELSE 'text' END, d.subject_table);
		keys := CASE WHEN way IN ('point', 'opened_point') THEN ARRAY(SELECT u.subject FROM oracle.subject u
												  WHERE u.subject_table = d.subject_table AND oracle.asked(u.n)) END;
		FOREACH p IN ARRAY purposes
		LOOP
			PERFORM set_config('privseg.purpose', p, true);
			IF keys IS NOT NULL THEN
				FOREACH k IN ARRAY keys
				LOOP
					RETURN QUERY EXECUTE format('SELECT %L::regclass, key::text, %L FROM %s WHERE key = %L AND %s',
												d.subject_table, p, d.subject_table, k,
												CASE way WHEN 'point' THEN 'true' ELSE format(wanted, 'key') END);
				END LOOP;
			ELSIF way = 'explicit' THEN
				RETURN QUERY EXECUTE format('SELECT subject_table, subject, %L FROM oracle.subject WHERE subject_table = %L::regclass AND %s',
											p, d.subject_table, format(wanted, 'subject'));
			ELSE
				RETURN QUERY EXECUTE format('SELECT %L::regclass, %s::text, %L FROM %s WHERE %s', d.subject_table,
					CASE way WHEN 'child' THEN 'id' ELSE 'key' END, p,
					CASE way WHEN 'child' THEN d.child_table ELSE d.subject_table END,
					CASE way WHEN 'opened' THEN format(wanted, 'key') ELSE 'true' END);
			END IF;
		END LOOP;
	END LOOP;
	PERFORM set_config('role', 'none', true);
END
$$;

-- which record arrived when does not matter here: the records as they are
CREATE FUNCTION oracle.fingerprint() RETURNS text LANGUAGE sql STABLE
SET timezone = 'UTC' SET datestyle = 'ISO'
AS $$
SELECT count(*) || ' ' || md5(string_agg(r::text, E'\n' ORDER BY id)) FROM privseg.consent_record r
$$;

-- is nothing that time changes near?  (What took effect when it was recorded is in effect for whoever sees it.)
CREATE FUNCTION oracle.near(after timestamptz, before timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
AS $$
SELECT max(t) FROM (SELECT effective_at FROM privseg.consent_record WHERE effective_at > recorded_at
					 UNION ALL SELECT expires_at FROM privseg.consent_record) x (t)
 WHERE t BETWEEN after AND before
$$;
