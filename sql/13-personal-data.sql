-- 13-personal-data.sql: which columns look like personal data, for privseg.check()
--
-- By name, and by what ANALYZE has kept of them.  Statistics, not rows: check() runs
-- with the rights of its owner, and reading a user's table would evaluate expressions of
-- the table's owner (row security, a view below it) with these, wait for locks, and take
-- as long as tables are large.  What ANALYZE has kept is at hand, small, and of types that
-- run core's code only; it ran whatever it ran with the rights of the table's owner.
-- Statistics of protected relations are values of hidden rows, and stay hidden here, too:
-- every column of theirs that is not classified is named anyhow.
--
-- No value leaves these functions, only of what kind values are.

-- Words of a name, in snake_case or camelCase: one row for each kind.  In a rule ~ is a letter
-- that is not ASCII, in whatever encoding; what a rule takes beyond the word, as the id of
-- tax_id, does not count as what comes behind it.
CREATE FUNCTION privseg.personal_names(names name[]) RETURNS TABLE(column_name name, kind text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH rules(priority, kind, words) AS (VALUES
		(1, 'health', 'health|medical|medications?|diagnos(is|es|e|tic)|diagnoses|diagnostico|diagnostique|allerg(y|ies|ie|ien|ia|ias)|illness(es)?|diseases?'
			'|disabilit(y|ies)|behinderung|blood_?(type|group)|blutgruppe|gesundheit|krankheit(en)?|krankenkasse|sante|salud|salute|saude|sygdom|choroba|genetics?|dna|biometrics?'),
		(2, 'beliefs and origin', 'religion|religious|konfession|faith|denomination|beliefs?|weltanschauung|ethnic(ity)?|ethnie|etnia|race|racial|political|politics'
			'|party_affiliation|(trade_?)?union_?member(ship)?|criminal(_?record)?|convictions?|nationality|nationalite|nationalitaet|nationalit~t|nacionalidad|nazionalita|citizenships?'
			'|staatsangehoerigkeit|staatsangeh~rigkeit'),
		(3, 'sex', 'gender|sex|sexual(_?orientation)?|pronouns?|geschlecht|sexe|sexo|sesso|geslacht|kjonn|kj~nn|plec|marital(_?status)?|civil_status|familienstand'),
		(4, 'birth', 'births?|birth_?(date|day|dt|year|month|place|city|country)|(date|day|year|month|place|city|country)_?of_?birth|dob|yob|born(_(on|at|in))?|birth_?name'
			'|geburts?_?(datum|tag|ort|jahr|name|land)|geb_?datum|gebdat|(date_?(de_?)?)?naissance|(fecha_?(de_?)?)?nacimiento|(data_?(di_?)?)?nascita|(data_?(de_?)?)?nascimento'
			'|geboorte_?(datum|plaats|land)|f(o|~)d(sel|else)s?_?(dato|dag|datum|aar)|(data_?)?urodzenia|datum_?narozeni|syntym(a|~)aika'),
		(5, 'national numbers', 'ssn|social_?security(_?(number|no|nr|id))?|(national|personal|citizen|identity|identification)_?(id|insurance|number|code|card)(_?(number|no|nr|id))?'
			'|passports?(_?(id|no|nr|number|nummer))?|(driver|drivers|driving)_?licen[cs]e(_?(id|no|number))?|(tax|taxpayer)_?(id|number|no|code|identification)(_?(number|no))?'
			'|(id|identity)_?card(_?(id|no|number))?|nino|personalausweis|ausweis(_?(nr|nummer))?|reisepass(_?(nr|nummer))?|passnummer|steuer_?(id|nr|nummer)'
			'|sozialversicherungs?_?(nr|nummer)|svnr|passeport|pasaporte|passaporto|paspoort|numero_?(de_?)?securite_?sociale|insee|dni|nif|curp|cpf|bsn|codice_?fiscale'
			'|person_?nummer|f(o|~)dselsnummer|cpr(_?(nr|nummer))?|pesel|rodne_?cislo|henkil(o|~)tunnus|hetu|aadhaar'),
		(6, 'accounts and cards', 'ibans?|bank_?(account|konto)(_?(id|no|nr|number|nummer))?|account_?holder|konto_?(nr|nummer|inhaber)|bankverbindung|rekeningnummer'
			'|(credit|debit|payment|bank)_?card(_?(no|nr|number|holder))?|card_?(no|nr|number|holder)|kreditkarte(n_?(nr|nummer))?|kartennummer|cvv|cvc'),
		(7, 'income', 'salar(y|ies)|wages?|income|earnings_?per_?person|net_?worth|gehalt|lohn|einkommen|salaire|revenu_?(annuel|mensuel)|salario|sueldo|stipendio|reddito|inkomen'),
		(8, 'names', '(first|last|given|family|middle|maiden|full|sur|fore|nick|legal|user|person|customer|client|contact|employee|patient|member|guest|subscriber|beneficiary)_?names?'
			'|fname|lname|surname|vorname|nachname|familienname|zuname|pr(e|~)nom|nom_?(de_?)?famille|nombres?|apellidos?|cognome|sobrenome|voornaam|achternaam|tussenvoegsel'
			'|fornavn|etternavn|efternavn|f(o|~)rnamn|efternamn|imie|nazwisko|etunimi|sukunimi|jmeno|prijmeni'),
		(9, 'contact', '(e_?)?mails?|(e_?)?mail_?(addr(ess)?|adresse|adres|id)|emails|courriel|correo(_?electronico)?|correio|e_?post(_?adress(e)?)?'
			'|(tele|mobile?|cell|home|work|office)?_?phones?(_?(no|nr|number|num))?|tel|tel_?(no|nr|number)|t(e|~)l(e|~)phone|telefon(_?(nr|nummer))?|telef(o|~)n(o|e)|telefoon(_?nummer)?'
			'|mobile?(_?(no|nr|number|phone|nummer|telefon))?|handy(_?(nr|nummer))?|cell_?(no|number)|celular|movil|portable_?(no|num|numero)|msisdn|imsi|imei|fax(_?(no|nr|number|nummer))?|whatsapp|skype'),
		(10, 'whereabouts and devices', 'latitude|longitude|lat|lng|lon|geo_?(location|point|position|coordinates?)|gps|ip|(ip|remote|client|user)_?(addr(ess)?|ip)|ipv[46]?|mac_?addr(ess)?|user_?agent'
			'|cookie_?id|advertising_?id|idfa|gaid'),
		(11, 'address', 'address(es)?|(street|home|postal|mailing|billing|shipping|delivery)_?address(es)?|addr|streets?(_?(name|no|number))?|stra(ss|~)e(n_?name)?|str_?nr|haus_?(nr|nummer)|house_?(no|number)'
			'|anschrift|wohnort|adresse?|adres|adress|direcci(o|~)n|domicilio|indirizzo|endere(c|~)o|calle|rue|post_?codes?|postal(_?codes?)?|zip(_?code)?|plz|postleitzahl|code_?postal|c(o|~)digo_?postal'
			'|postnummer|postnr|kod_?pocztowy|ulica|gate_?adresse')
	), rule(priority, kind, words) AS (
		SELECT r.priority, r.kind, '_(?:' || replace(replace(r.words, '(', '(?:'), '~', '[^a-z0-9_]{1,2}') || ')_' FROM rules r
	), any_rule(words) AS (
		SELECT string_agg(r.words, '|') FROM rule r
	), words AS MATERIALIZED (
		-- _first_name_ of FirstName, first-name and first_name2
		SELECT n.name,
			   regexp_replace('_' || lower(regexp_replace(regexp_replace(regexp_replace(n.name::text COLLATE "C", '[ -/:-@\[-`{-~]+', '_', 'g'),
								'([a-z0-9])([A-Z])', '\1_\2', 'g'), '([A-Z])([A-Z][a-z])', '\1_\2', 'g')) || '_', '([a-z])[0-9]+_', '\1_', 'g') AS split
		  FROM (SELECT DISTINCT u COLLATE "C" FROM unnest($1) u) n(name)
	)
	SELECT w.name, (array_agg(r.kind ORDER BY r.priority))[1]
	  FROM any_rule h
	  JOIN words w ON w.split ~ h.words
	  JOIN rule r ON w.split ~ r.words
	 CROSS JOIN LATERAL (SELECT substring(w.split FROM r.words || '(.*)$') AS behind,
								left(w.split, -length(substring(w.split FROM r.words || '.*$'))) || '_' AS before) s
	 -- what is counted, configured or referred to
	 WHERE s.behind !~ ('(^|_)(ids?|uuid|guid|counts?|counter|total|sum|avg|length|len|size|types?|kind|status|sent|at|on|enabled|disabled|active|verified|verification|confirmed|confirmation'
			'|validated|valid|required|allowed|templates?|servers?|hosts?|port|protocol|provider|client|queue|format|pattern|regex|mask|labels?|flags?|bounced?|bounces|opens?|opened|clicks?|clicked|rate'
			'|frequency|interval|limit|quota|schedule|campaigns?|config|settings?|preferences?|models?|version|theme|icon|fields?|column|attribute|cost|price|fee|plan|policy|notifications?|alerts?'
			'|reminders?|view|files?|folder|archive|path|lists?|reason|score|check|checks|app|apps|site|page|os|url|statement|tax|account|index|table|schema|pool|range|block|mode|condition_?met)_')
	   AND s.before !~ ('_(is|has|no|num|nr|n|count|cnt|max|min|avg|sum|number_of|send|use|show|hide|allow|enable|require|requires|required|skip|memory|mem|contract|base|bind|listen|server|host|node'
			'|gateway|file|table|column|schema|class|function|smtp|imap|pop|config|virtual|physical|register|bus|web|link)_$')
	 GROUP BY w.name
$$;
COMMENT ON FUNCTION privseg.personal_names(name[]) IS
'which names of columns are words for personal data, and of what kind; for check()';

CREATE FUNCTION privseg.iban_is_valid(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN v ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' THEN
		(SELECT string_agg(CASE WHEN u.c ~ '[A-Z]' THEN (ascii(u.c) - 55)::text ELSE u.c END, '' ORDER BY u.n)
		   FROM string_to_table(substr(v, 5) || left(v, 4), NULL) WITH ORDINALITY u(c, n))::numeric % 97 = 1
		ELSE false END
	  FROM (SELECT replace($1, ' ', '') COLLATE "C") x(v)
$$;
COMMENT ON FUNCTION privseg.iban_is_valid(text) IS 'is it an IBAN, by its checksum? for check()';

CREATE FUNCTION privseg.card_is_valid(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN v ~ '^[2-6][0-9]{12,18}$' THEN
		(SELECT sum(CASE WHEN u.n % 2 = 1 THEN u.d::int WHEN u.d::int > 4 THEN u.d::int * 2 - 9 ELSE u.d::int * 2 END)
		   FROM string_to_table(reverse(v), NULL) WITH ORDINALITY u(d, n)) % 10 = 0
		ELSE false END
	  FROM (SELECT translate($1, ' -', '') COLLATE "C") x(v)
$$;
COMMENT ON FUNCTION privseg.card_is_valid(text) IS 'is it the number of a payment card, by its checksum? for check()';

-- Fifty values at most are looked at.  One digit in ten is right by chance, one IBAN in a hundred.
CREATE FUNCTION privseg.personal_values("values" text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN c.email * 10 >= c.n THEN 'e-mail addresses'
				WHEN c.iban * 10 >= c.n THEN 'IBANs'
				WHEN c.card * 2 >= c.n THEN 'numbers of payment cards'
				WHEN c.phone * 10 >= c.n THEN 'phone numbers'
				WHEN c.birth * 2 >= c.n AND c.dated * 10 >= c.n * 8 THEN 'dates of birth' END
	  FROM (
		SELECT NULLIF(count(*), 0) AS n,
			   NULLIF(count(*) FILTER (WHERE CASE WHEN v LIKE '%@%' THEN v ~ '[[:alnum:]._%+-]@[[:alnum:]]([[:alnum:].-]*[[:alnum:]])?\.[[:alpha:]]{2,}' END), 0) AS email,
			   NULLIF(count(*) FILTER (WHERE CASE WHEN v >= 'A' AND v < '[' AND length(v) < 43 THEN privseg.iban_is_valid(v) END), 0) AS iban,
			   NULLIF(count(*) FILTER (WHERE CASE WHEN v >= '2' AND v < '7' AND length(v) BETWEEN 13 AND 30 THEN privseg.card_is_valid(v) END), 0) AS card,
			   NULLIF(count(*) FILTER (WHERE CASE WHEN v LIKE '+%' THEN v ~ '^\+[1-9][0-9 ()./-]{6,20}$' AND length(translate(v, '+ ()./-', '')) BETWEEN 8 AND 15 END), 0) AS phone,
			   count(year) AS dated,
			   NULLIF(count(*) FILTER (WHERE year BETWEEN 1900 AND (SELECT extract(year FROM now())::int - 15)), 0) AS birth
		  FROM (SELECT v, CASE WHEN v >= '0' AND v < ':' AND length(v) BETWEEN 8 AND 10
									AND v ~ '^([0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4})$'
							   THEN substring(v FROM '[0-9]{4}')::int END
				  FROM (SELECT btrim(u.v) COLLATE "C" FROM unnest($1) WITH ORDINALITY u(v, i)
						 WHERE u.v IS NOT NULL AND u.i % (1 + (cardinality($1) - 1) / 50) = 0 OFFSET 0) t(v) OFFSET 0) s(v, year)
		) c
$$;
COMMENT ON FUNCTION privseg.personal_values(text[]) IS
'of which kind of personal data a sample of values is, NULL for none; for check()';

CREATE FUNCTION privseg.user_tables() RETURNS TABLE(relation oid, root oid, kind "char", counted real)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.oid, CASE WHEN c.relispartition THEN COALESCE(pg_partition_root(c.oid)::oid, c.oid) ELSE c.oid END, c.relkind, c.reltuples
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE c.relkind IN ('r', 'p', 'm', 'f')
	   -- temporary tables are in schemas of the system's, too
	   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'privseg')
	   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')
$$;
COMMENT ON FUNCTION privseg.user_tables() IS 'tables that are no system''s, no extension''s and not temporary; root: of which a partition is; for check()';

-- Not sampled: what is named already, and columns whose statistics are large.  Of the others
-- 20,000 at most, and of those with a value that may be of the kind 2,000.
CREATE FUNCTION privseg.personal_columns() RETURNS TABLE(relation oid, column_name name, number int2, described text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE texts(type) AS (
		SELECT u FROM unnest('{text,varchar,bpchar}'::regtype[]::oid[]) u
		UNION
		-- domains over them, and over these
		SELECT d.oid FROM texts JOIN pg_type d ON d.typtype = 'd' AND d.typbasetype = texts.type
	), tables AS MATERIALIZED (
		SELECT * FROM privseg.user_tables()
	), columns AS MATERIALIZED (
		SELECT t.relation, t.root, a.attname, a.attnum, a.attinhcount = 0 AS own, a.atttypid IN (SELECT s.type FROM texts s) AS is_text
		  FROM tables t
		  JOIN pg_attribute a ON a.attrelid = t.relation AND a.attnum > 0 AND NOT a.attisdropped
		  JOIN pg_type y ON y.oid = a.atttypid
		 WHERE a.atttypid <> 'boolean'::regtype AND y.typnamespace <> 'privseg'::regnamespace
		   -- NOT IN is hashed, however few labels the planner expects
		   AND (t.relation, a.attnum::int) NOT IN (SELECT l.objoid, l.objsubid FROM pg_seclabel l WHERE l.provider = 'privseg' AND l.classoid = 'pg_class'::regclass)
		   AND NOT EXISTS (SELECT FROM privseg.protected_columns p WHERE p.relation = t.relation AND p.column_name = a.attname)
	), named AS MATERIALIZED (
		SELECT p.column_name, p.kind FROM privseg.personal_names(ARRAY(SELECT DISTINCT c.attname FROM columns c)) p
	), kept AS (
		SELECT c.relation, c.root, c.attname, c.attnum,
			   -- most common values, and bounds of the others; of no other type, whatever the plan
			   CASE WHEN c.is_text THEN concat(E'\x01' || CASE WHEN s.stakind1 IN (1, 2) THEN array_to_string(s.stavalues1, E'\x01') END,
											   E'\x01' || CASE WHEN s.stakind2 IN (1, 2) THEN array_to_string(s.stavalues2, E'\x01') END) COLLATE "C" END AS list
		  FROM (SELECT c.* FROM columns c
				 WHERE c.is_text AND NOT EXISTS (SELECT FROM named n WHERE n.column_name = c.attname)
				   AND NOT EXISTS (SELECT FROM privseg.protected_tree() p WHERE p.member = c.relation)
				   AND EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = c.relation AND s.staattnum = c.attnum AND (s.stakind1 IN (1, 2) OR s.stakind2 IN (1, 2)))
				 ORDER BY c.relation, c.attnum LIMIT 20000) c
		  JOIN pg_statistic s ON s.starelid = c.relation AND s.staattnum = c.attnum
		   AND COALESCE(pg_column_size(s.stavalues1), 0) + COALESCE(pg_column_size(s.stavalues2), 0) <= 131072
	), sampled AS (
		SELECT k.root, k.attname, min(privseg.personal_values(string_to_array(substr(k.list, 2), E'\x01'))) AS kind
		  FROM (SELECT * FROM kept k
				 -- most columns are done with here, many times faster than one by one
				 WHERE k.list ~ ('@|\x01 *(\+[1-9][0-9 ()./-]{6}|[A-Z]{2}[0-9]{2}( ?[A-Z0-9]){11}|[2-6]([ -]?[0-9]){12}|[0-9]{4}[-./][0-9]{1,2}[-./][0-9]|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4})')
				 ORDER BY k.relation, k.attnum LIMIT 2000) k
		 GROUP BY k.root, k.attname
	)
	SELECT c.relation, c.attname, c.attnum,
		   format('%I (%s)', c.attname, COALESCE(n.kind, 'values like ' || s.kind))
	  FROM columns c
	  LEFT JOIN named n ON n.column_name = c.attname
	  LEFT JOIN sampled s ON s.root = c.relation AND s.attname = c.attname
	 WHERE c.relation = c.root AND c.own AND (n.kind IS NOT NULL OR s.kind IS NOT NULL)
$$;
COMMENT ON FUNCTION privseg.personal_columns() IS
'columns that look like personal data and are not classified, and why; for check()';

CREATE FUNCTION privseg.findings_about_columns() RETURNS TABLE(status text, area text, object text, message text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH looks AS MATERIALIZED (
		SELECT * FROM privseg.personal_columns()
	)
	SELECT 'gap', 'classification', r.relation::text,
		   'columns that are not classified, and look like personal data: ' || string_agg(p.described, ', ' ORDER BY p.number),
		   'Call privseg.classify() for each, or privseg.encrypt_column().'
	  FROM looks p JOIN privseg.protected_relations r ON r.relation = p.relation
	 WHERE p.column_name <> r.subject_column
	 GROUP BY r.relation
	UNION ALL
	SELECT 'gap', 'classification', p.relation::regclass::text,
		   'is not protected, and has columns that look like personal data: ' || string_agg(p.described, ', ' ORDER BY p.number),
		   CASE c.relkind WHEN 'f' THEN 'If its rows are about people, protect the table on its own server, and let nobody read it here.'
						  WHEN 'm' THEN 'If its rows are about people, protect the tables below it, and drop it.'
						  ELSE 'If its rows are about people, call privseg.protect(), and privseg.classify() for these columns.' END
	  FROM looks p JOIN pg_class c ON c.oid = p.relation
	 WHERE NOT EXISTS (SELECT FROM privseg.protected_tree() t WHERE t.member = p.relation)
	 GROUP BY p.relation, c.relkind
	UNION ALL
	SELECT 'gap', 'classification', 'statistics',
		   format('tables with rows that nobody has analyzed, so that only names of their columns were looked at: %s', count(*)),
		   'ANALYZE the database, and call privseg.check() again.'
	  FROM privseg.user_tables() t
	 WHERE t.kind IN ('r', 'm') AND t.counted = -1 AND pg_stat_get_live_tuples(t.relation) > 0
	   AND NOT EXISTS (SELECT FROM privseg.protected_tree() p WHERE p.member = t.relation)
	HAVING count(*) > 0
$$;
COMMENT ON FUNCTION privseg.findings_about_columns() IS 'what check() finds about columns that look like personal data';
