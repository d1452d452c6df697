-- truth.sql: what must come out, without the extension
--
--   psql -v key=id -v order_key=customer_id -f seeds/truth.sql
--
-- Run it before crm.customers (and crm.orders, where order_key is not empty) are
-- protected.  It keeps unprotected copies in schema plain.  Views of the same
-- names in schema truth hold the rows of those who permit the purpose in setting
-- truth.purpose, which truth.learn() finds by plain SQL over the records: a
-- second, slow and simple reading of the rule, to check the demo against.

CREATE SCHEMA plain;
CREATE SCHEMA truth;

CREATE TABLE plain.customers AS SELECT * FROM crm.customers;
ALTER TABLE plain.customers ADD PRIMARY KEY (:key);
CREATE TABLE truth.permitting (purpose text, subject text, PRIMARY KEY (purpose, subject));
CREATE VIEW truth.customers AS
SELECT c.* FROM plain.customers c
  JOIN truth.permitting p ON p.subject = c.:key::text AND p.purpose = pg_catalog.current_setting('truth.purpose');

SELECT :'order_key' <> '' AS has_orders \gset
\if :has_orders
	CREATE TABLE plain.orders AS SELECT * FROM crm.orders;
	CREATE INDEX ON plain.orders (:order_key);
	CREATE VIEW truth.orders AS
	SELECT o.* FROM plain.orders o
	  JOIN truth.permitting p ON p.subject = o.:order_key::text AND p.purpose = pg_catalog.current_setting('truth.purpose');
	ANALYZE plain.orders;
\endif
ANALYZE plain.customers;

SELECT format($f$
CREATE FUNCTION truth.learn() RETURNS void
LANGUAGE sql
SET enable_nestloop = off	-- what the planner cannot estimate here, it would loop over
SET jit = off
BEGIN ATOMIC
	DELETE FROM truth.permitting;
	INSERT INTO truth.permitting
	WITH said AS (
		-- what bears on a purpose; requests do not
		SELECT p.name AS bears_on, r.*, r.status IN ('given', 'renewed') AS permits,
			   min(r.recorded_at) FILTER (WHERE r.status NOT IN ('given', 'renewed'))
					OVER (PARTITION BY p.name, r.subject ORDER BY r.id
						  ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS stopped_at
		  FROM privseg.purpose p
		  JOIN privseg.consent_record r
			ON r.purpose = p.name
			OR r.kind = 'withdrawal' AND (p.legal_basis = 'consent' OR p.direct_marketing)
			OR r.kind = 'signal' AND (p.sale_or_sharing OR p.targeted_advertising)
		 WHERE r.subject_table = 'crm.customers'::regclass
		   AND r.status NOT IN ('requested', 'request_deferred', 'unknown')),
	-- what is in effect: not announced for later, not cancelled before it began
	counts AS (
		SELECT * FROM said
		 WHERE effective_at <= now() AND (permits AND effective_at > stopped_at) IS NOT TRUE),
	last_word AS (
		SELECT DISTINCT ON (bears_on, subject) * FROM counts
		 WHERE kind <> 'signal'
		 ORDER BY bears_on, subject, effective_at DESC, id DESC),
	agreed AS (
		SELECT w.bears_on, w.subject FROM last_word w
		 WHERE w.permits AND (w.expires_at > now()) IS NOT FALSE
		   -- its notice is not overtaken by a material one
		   AND NOT EXISTS (
				SELECT FROM privseg.notice given_under
				  JOIN privseg.notice later ON later.name = given_under.name AND later.material
										   AND later.id > given_under.id
				 WHERE given_under.name || '/' || given_under.version = w.notice))
	SELECT p.name, c.%1$I::text
	  FROM privseg.purpose p CROSS JOIN plain.customers c
	  LEFT JOIN agreed a ON a.bears_on = p.name AND a.subject = c.%1$I::text
	  LEFT JOIN (SELECT DISTINCT o.bears_on, o.subject FROM counts o WHERE o.kind IN ('objection', 'withdrawal')) no
			 ON no.bears_on = p.name AND no.subject = c.%1$I::text
	 WHERE CASE WHEN p.legal_basis = 'consent' THEN a.subject IS NOT NULL
				WHEN p.legal_basis IN ('legitimate_interests', 'public_interest') OR p.direct_marketing
					THEN no.subject IS NULL OR a.subject IS NOT NULL
				ELSE true END
	   -- a signal holds until a later explicit permit
	   AND NOT EXISTS (
			SELECT FROM counts s
			 WHERE s.kind = 'signal' AND s.bears_on = p.name AND s.subject = c.%1$I::text
			   AND NOT EXISTS (
					SELECT FROM counts e
					 WHERE e.bears_on = s.bears_on AND e.subject = s.subject AND e.permits AND e.explicit
					   AND (e.effective_at, e.id) > (s.effective_at, s.id)));
END
$f$, (parse_ident(:'key'))[1]) \gexec
