-- consents.sql: consent histories of all kinds for crm.sql's customers
--
-- Run after the purposes below exist and crm.customers is protected; the same
-- histories each time.

INSERT INTO privseg.consent_record
	(subject_table, subject, purpose, status, notice, method, evidence, effective_at, expires_at, explicit, given_by)
SELECT 'crm.customers', id::text, 'newsletter',
	   CASE WHEN id % 10 < 6 THEN 'given' WHEN id % 10 = 6 THEN 'requested' ELSE 'refused' END,
	   CASE WHEN id % 10 < 6 THEN 'privacy/2024' END,
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
SELECT 'crm.customers', id::text, 'newsletter', 'renewed', 'privacy/2024', 'call centre', signed_up + interval '500 days', true
  FROM crm.customers WHERE id % 10 < 6 AND id % 27 = 0;

-- who agreed to start next year
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at)
SELECT 'crm.customers', id::text, 'newsletter', 'given', 'privacy/2024', 'web form', now() + interval '1 year'
  FROM crm.customers WHERE id % 10 = 8 AND id % 11 = 0;

INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at, explicit)
SELECT 'crm.customers', id::text, 'personal_ads',
	   CASE WHEN id % 4 = 0 THEN 'given' ELSE 'refused' END,
	   CASE WHEN id % 4 = 0 THEN 'privacy/2024' END, 'cookie banner', signed_up + time '12:01', id % 8 = 0
  FROM crm.customers WHERE id % 3 <> 0;

-- browsers that send Global Privacy Control, objections, people who want out of all
SELECT count(privseg.record_signal('crm.customers', id, 'gpc')) AS signals
  FROM crm.customers WHERE id % 500 = 4;
SELECT count(privseg.record_objection('crm.customers', id, 'fraud_prevention')) AS objections
  FROM crm.customers WHERE id % 1000 = 3;
SELECT count(privseg.withdraw_consent('crm.customers', id)) AS withdrew_everything
  FROM crm.customers WHERE id % 1000 = 1;
