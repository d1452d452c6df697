-- consents.sql: consent histories of all kinds for crm.sql's customers
--
-- Run it as a superuser, after crm.customers is protected and these exist:
--   purposes  newsletter (consent, direct marketing), analytics (consent),
--             personal_ads (consent, targeted advertising), fulfilment (contract),
--             fraud_prevention (legitimate interests)
--   notices   privacy/2019, cookies/2019, cookies/2021 (material)
-- The same histories each time, and the same decisions on any day after 2023.

SET row_security = off;		-- reads every customer

INSERT INTO privseg.consent_record
	(subject_table, subject, purpose, status, notice, method, evidence, effective_at, expires_at, explicit, given_by)
SELECT 'crm.customers', id::text, 'newsletter',
	   CASE WHEN id % 10 < 6 THEN 'given' WHEN id % 10 = 6 THEN 'requested' ELSE 'refused' END,
	   CASE WHEN id % 10 < 6 THEN 'privacy/2019' END,
	   'web form', jsonb_build_object('form', 'signup', 'page', '/join'),
	   signed_up + time '12:00',
	   CASE WHEN id % 25 = 1 THEN signed_up + interval '200 days' END,	-- some ran out
	   id % 7 = 0,
	   CASE WHEN id % 400 = 0 THEN 'guardian' ELSE 'subject' END
  FROM crm.customers;

-- one in nine of those who said yes took it back later
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, method, effective_at)
SELECT 'crm.customers', id::text, 'newsletter', 'withdrawn', 'unsubscribe link', signed_up + interval '300 days'
  FROM crm.customers WHERE id % 10 < 6 AND id % 9 = 0;

-- and some of those came back
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at, explicit)
SELECT 'crm.customers', id::text, 'newsletter', 'renewed', 'privacy/2019', 'call centre', signed_up + interval '500 days', true
  FROM crm.customers WHERE id % 10 < 6 AND id % 27 = 0;

-- a form that turned out to be pre-ticked
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, method, evidence, effective_at)
SELECT 'crm.customers', id::text, 'newsletter', 'invalidated', 'review', '{"why": "box was ticked beforehand"}', signed_up + interval '600 days'
  FROM crm.customers WHERE id % 777 = 5;

-- who agreed to start at the end of the century
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at)
SELECT 'crm.customers', id::text, 'newsletter', 'given', 'privacy/2019', 'web form', date '2099-01-01'
  FROM crm.customers WHERE id % 10 = 8 AND id % 11 = 0;

-- asked under a notice that a material one overtook; one in four agreed again
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at)
SELECT 'crm.customers', id::text, 'analytics', 'given', CASE WHEN id % 3 = 0 THEN 'cookies/2019' ELSE 'cookies/2021' END,
	   'cookie banner', signed_up + time '12:01'
  FROM crm.customers WHERE id % 5 < 3;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at)
SELECT 'crm.customers', id::text, 'analytics', 'renewed', 'cookies/2021', 'cookie banner', signed_up + interval '400 days'
  FROM crm.customers WHERE id % 5 < 3 AND id % 12 = 0;

INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at, explicit)
SELECT 'crm.customers', id::text, 'personal_ads',
	   CASE WHEN id % 4 = 0 THEN 'given' ELSE 'refused' END,
	   CASE WHEN id % 4 = 0 THEN 'privacy/2019' END, 'cookie banner', signed_up + time '12:02', id % 8 = 0
  FROM crm.customers WHERE id % 3 <> 0;

-- browsers that send Global Privacy Control, objections, people who want out of
-- all, and one in five of them who came back for the advertisements only
SELECT count(privseg.record_signal('crm.customers', id, 'gpc')) AS signals
  FROM crm.customers WHERE id % 500 = 4;
SELECT count(privseg.record_objection('crm.customers', id, 'fraud_prevention')) AS objections
  FROM crm.customers WHERE id % 1000 = 3;
SELECT count(privseg.withdraw_consent('crm.customers', id)) AS withdrew_everything
  FROM crm.customers WHERE id % 1000 = 2;
SELECT count(privseg.record_consent('crm.customers', id, 'personal_ads', 'given', 'privacy/2019', explicit => true)) AS came_back
  FROM crm.customers WHERE id % 5000 IN (4, 2002);

RESET row_security;
