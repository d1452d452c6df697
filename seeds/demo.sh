#!/bin/bash
# demo.sh -- the story of privseg, on a throw-away server.  Called by `make demo`.
#
#   sudo make demo                                   a made-up CRM of 100,000 customers
#   sudo make demo DATA=customers.csv SUBJECT=id     your own data, one line per customer
#   ORDERS=orders.csv ORDER_SUBJECT=customer_id      and lines that belong to them
#
# It fails if anything forbidden succeeds, or if a count differs from what plain
# SQL without the extension finds in an unprotected copy.
set -eu
. "$(dirname "$0")/../test/lib/common.sh"
forget_libpq_environment
find_server_programs
DATA=${DATA:-} SUBJECT=${SUBJECT:-} ORDERS=${ORDERS:-} ORDER_SUBJECT=${ORDER_SUBJECT:-}
[ -z "$DATA" ] || [ -r "$DATA" ] || die "cannot read $DATA"
[ -z "$DATA" ] || [ -n "$SUBJECT" ] || die "say which column holds the customer's key: SUBJECT=..."
[ -z "$ORDERS" ] || [ -r "$ORDERS" ] || die "cannot read $ORDERS"

dir=$(mktemp -d /tmp/privseg-demo.XXXXXX)
chmod 755 "$dir"
port=54999
failed=0
cleanup() { "$ROOT/test/server" stop "$dir" > /dev/null 2>&1 || true; rm -rf "$dir"; }
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
chapter() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }
tell() { printf '%s\n' "$*" | fold -s -w 78; }
psql() { "$BINDIR/psql" -X -q -h "$dir" -p "$port" -d demo -v ON_ERROR_STOP=1 -P pager=off "$@"; }
quiet() { psql -U postgres -At "$@" > /dev/null; }
value() { psql -U postgres -At -c "$1"; }
# run SQL as a user, shown as it would be typed; the prompt names the purpose
purpose_set=
prompt() { printf '%s%s=> %s\n' "$1" "${purpose_set:+, for $purpose_set}" "$2"; }
as() { local user=$1 sql=$2; prompt "$user" "$sql"; shift 2; psql -U "$user" "$@" -c "$sql" 2>&1 | sed 's/^psql:[^ ]* //'; }
# the same, for what must not work
refused()
{
	local user=$1 sql=$2 out
	prompt "$user" "$sql"
	shift 2
	if out=$(psql -U "$user" "$@" -c "$sql" 2>&1); then
		printf '%s\n!! this should have been refused\n' "$out"; failed=1
	else
		printf '%s\n\n' "$out"
	fi
}
agree() # WHAT GOT EXPECTED
{
	if [ "$2" = "$3" ]; then printf '   checked: %s = %s, as plain SQL finds without the extension\n' "$1" "$2"
	else printf '!! %s is %s, plain SQL without the extension finds %s\n' "$1" "$2" "$3"; failed=1; fi
}
under() { local purpose_set=$1; shift; PGOPTIONS="-c privseg.purpose=$purpose_set" "$@"; }

chapter "A server of our own"
"$ROOT/test/server" start "$dir" "$port" > /dev/null
"$BINDIR/createdb" -h "$dir" -p "$port" -U postgres demo
quiet -c "CREATE EXTENSION privseg" -c "CREATE ROLE analyst LOGIN"
tell "PostgreSQL $(value 'SHOW server_version') with privseg preloaded; it goes away when the story ends."

if [ -n "$DATA" ]; then
	chapter "1. Your data"
	columns=$(head -1 "$DATA" | tr -d '\r' | sed 's/^\xef\xbb\xbf//' | python3 -c '
import csv, sys
for name in next(csv.reader(sys.stdin)): print(name)' 2>/dev/null || head -1 "$DATA" | tr -d '\r"' | tr ',' '\n')
	ddl=$(printf '%s\n' "$columns" | awk -v q='"' '{gsub(q, q q); printf "%s%s%s%s text", (NR > 1 ? ", " : ""), q, $0, q}')
	printf '%s\n' "$columns" | grep -qxF "$SUBJECT" || die "there is no column \"$SUBJECT\" in $DATA"
	quiet -c 'CREATE SCHEMA crm' -c "CREATE TABLE crm.customers ($ddl)"
	psql -U postgres -c "COPY crm.customers FROM STDIN (FORMAT csv, HEADER)" < "$DATA"
	quiet -v key="$SUBJECT" <<'SQL'
SELECT CASE WHEN count(*) FILTER (WHERE :"key" IS NULL) > 0 THEN 'null'
			WHEN count(*) <> count(DISTINCT :"key") THEN 'duplicate' ELSE 'ok' END AS state,
	   CASE WHEN bool_and(:"key" ~ '^-?[0-9]{1,18}$') THEN 'bigint'
			WHEN bool_and(:"key" ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') THEN 'uuid'
			ELSE 'text' END AS type
  FROM crm.customers \gset
SELECT :'state' = 'ok' AS ok \gset
\if :ok
\else
	\warn the subject column has NULLs or duplicates: there must be one line per customer
	SELECT 1/0;
\endif
SELECT format('ALTER TABLE crm.customers ALTER COLUMN %1$I TYPE %2$s USING %1$I::%2$s, ADD PRIMARY KEY (%1$I)', :'key', :'type') \gexec
ALTER TABLE crm.customers OWNER TO postgres;
SQL
	key=$SUBJECT
	key_type=$(value "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'crm.customers'::regclass AND attname = '${key//\'/\'\'}'")
	group=$(value "ANALYZE crm.customers" ; value "SELECT attname FROM pg_stats WHERE schemaname = 'crm' AND tablename = 'customers' AND n_distinct BETWEEN 2 AND 12 ORDER BY n_distinct DESC, attname LIMIT 1")
	[ -n "$group" ] || group=$key
	if [ -n "$ORDERS" ]; then
		ocolumns=$(head -1 "$ORDERS" | tr -d '\r"' | tr ',' '\n')
		oddl=$(printf '%s\n' "$ocolumns" | awk -v q='"' '{gsub(q, q q); printf "%s%s%s%s text", (NR > 1 ? ", " : ""), q, $0, q}')
		quiet -c "CREATE TABLE crm.orders ($oddl)"
		psql -U postgres -c "COPY crm.orders FROM STDIN (FORMAT csv, HEADER)" < "$ORDERS"
		quiet -c "ALTER TABLE crm.orders ALTER COLUMN \"$ORDER_SUBJECT\" TYPE $key_type USING \"$ORDER_SUBJECT\"::$key_type" \
			-c "CREATE INDEX ON crm.orders (\"$ORDER_SUBJECT\")"
	fi
else
	chapter "1. A CRM"
	quiet -f "$ROOT/seeds/crm.sql"
	key=id key_type=bigint group=country ORDERS=made ORDER_SUBJECT=customer_id
fi
customers=$(value "SELECT count(*) FROM crm.customers")
tell "$customers customers$([ -z "$ORDERS" ] || echo ", $(value 'SELECT count(*) FROM crm.orders') orders"). We keep an unprotected copy aside, to check every count against."
quiet -c "CREATE SCHEMA plain" -c "CREATE TABLE plain.customers AS SELECT * FROM crm.customers" -c "ANALYZE plain.customers"
[ -z "$ORDERS" ] || quiet -c "CREATE TABLE plain.orders AS SELECT * FROM crm.orders" -c "ANALYZE plain.orders"
quiet -c "GRANT USAGE ON SCHEMA crm TO analyst" -c "GRANT SELECT ON ALL TABLES IN SCHEMA crm TO analyst"

chapter "2. What the company may use it for"
as postgres "SELECT privseg.create_purpose('newsletter', 'consent', 'Our monthly mail', direct_marketing => true),
       privseg.create_purpose('personal_ads', 'consent', 'Advertisements elsewhere', targeted_advertising => true),
       privseg.create_purpose('fulfilment', 'contract', 'Delivering what was bought'),
       privseg.create_purpose('fraud_prevention', 'legitimate_interests')" -o /dev/null
as postgres "SELECT privseg.publish_notice('privacy', '2024', 'en', 'We mail you once a month ...', '{newsletter,personal_ads}')" -o /dev/null
as postgres "SELECT privseg.protect('crm.customers', '$key')" -o /dev/null
[ -z "$ORDERS" ] || as postgres "SELECT privseg.protect('crm.orders', '$ORDER_SUBJECT', subject_of => 'crm.customers')" -o /dev/null
as postgres "SELECT privseg.grant_clearance('analyst', 'newsletter'), privseg.grant_clearance('analyst', 'fulfilment')" -o /dev/null
tell "From here on the tables belong to the people in them."
if [ -n "$DATA" ]; then
	quiet <<SQL
SET row_security = off;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at)
SELECT 'crm.customers', "$key"::text, 'newsletter',
	   CASE WHEN n % 10 < 7 THEN 'given' ELSE 'refused' END, CASE WHEN n % 10 < 7 THEN 'privacy/2024' END, 'import',
	   now() - interval '1 year'
  FROM (SELECT "$key", row_number() OVER (ORDER BY "$key") AS n FROM crm.customers) c;
SQL
	tell "What your customers said we made up: seven in ten agreed to the newsletter."
else
	printf 'SET row_security = off;\n\\i %s\n' "$ROOT/seeds/consents.sql" | quiet
	tell "And this is what they said: $(value 'SELECT count(*) FROM privseg.consent_record') consent records, given, refused, expired, withdrawn, renewed, announced for next year."
fi
quiet -c "SELECT privseg.fold_consent()" -c "ANALYZE crm.customers"

# the reference: plain SQL over the records and the copy, without the extension
reference="WITH said AS (
	SELECT subject, status, effective_at, expires_at, recorded_at, id,
		   status IN ('given', 'renewed') AS permits,
		   min(recorded_at) FILTER (WHERE status NOT IN ('given', 'renewed'))
			OVER (PARTITION BY subject ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS stopped_at
	  FROM privseg.consent_record
	 WHERE subject_table = 'crm.customers'::regclass
	   AND (purpose = 'newsletter' OR purpose IS NULL AND kind = 'withdrawal')
	   AND status NOT IN ('requested', 'request_deferred', 'unknown'))
SELECT count(*) FROM plain.customers c JOIN (
	SELECT DISTINCT ON (subject) * FROM said
	 WHERE effective_at <= now() AND (permits AND stopped_at < effective_at) IS NOT TRUE
	 ORDER BY subject, effective_at DESC, id DESC) d ON d.subject = c.\"$key\"::text
 WHERE d.permits AND (d.expires_at IS NULL OR d.expires_at > now())"

chapter "3. An analyst asks"
refused analyst "SELECT count(*) FROM crm.customers"
tell "Nobody reads people without saying what for."
echo
under newsletter as analyst "SELECT count(*) FROM crm.customers"
seen=$(under newsletter psql -U analyst -At -c "SELECT count(*) FROM crm.customers")
agree "customers under newsletter" "$seen" "$(value "$reference")"
echo
under newsletter as analyst "SELECT \"$group\", count(*) FROM crm.customers GROUP BY 1 ORDER BY 2 DESC LIMIT 5"
tell "The same SQL, for delivering orders, which rests on the contract:"
echo
under fulfilment as analyst "SELECT count(*) FROM crm.customers"
agree "customers under fulfilment" "$(under fulfilment psql -U analyst -At -c "SELECT count(*) FROM crm.customers")" "$customers"
if [ -n "$ORDERS" ]; then
	echo
	under newsletter as analyst "SELECT count(*) AS orders, count(DISTINCT \"$ORDER_SUBJECT\") AS customers FROM crm.orders"
	tell "Orders follow the people they belong to."
fi

chapter "4. Somebody withdraws"
person=$(under newsletter psql -U analyst -At -c "SELECT \"$key\" FROM crm.customers ORDER BY 1 LIMIT 1 OFFSET 7")
under newsletter as analyst "SELECT count(*) FROM crm.customers WHERE \"$key\" = '$person'"
as postgres "SELECT privseg.withdraw_consent('crm.customers', '$person', 'newsletter') AS record"
under newsletter as analyst "SELECT count(*) FROM crm.customers WHERE \"$key\" = '$person'"
after=$(under newsletter psql -U analyst -At -c "SELECT count(*) FROM crm.customers")
agree "customers under newsletter, one statement later" "$after" "$((seen - 1))"
echo
tell "Why do I not see this person?"
echo
as postgres "SELECT jsonb_pretty(privseg.explain_decision('crm.customers', '$person', 'newsletter') - '{regime,recorded_at,next_change,explicit,expires_at,notice}'::text[]) AS because" -At

chapter "5. Getting round it"
tell "A purpose the analyst has no clearance for:"
under fraud_prevention refused analyst "SELECT * FROM crm.customers"
tell "A view that belongs to a superuser shows what the table shows:"
quiet -c "CREATE VIEW public.everyone AS SELECT * FROM crm.customers" -c "GRANT SELECT ON public.everyone TO analyst"
under newsletter as analyst "SELECT count(*) FROM everyone"
agree "customers through the view" "$(under newsletter psql -U analyst -At -c 'SELECT count(*) FROM everyone')" "$after"
echo
tell "A cheap function in WHERE that tells what it is given is asked about permitted rows only:"
quiet -c "CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'saw %', \$1; RETURN true; END \$\$"
told=$(under newsletter psql -U analyst -At -c "SELECT count(*) FROM crm.customers WHERE leak(\"$key\"::text)" 2>&1 | grep -c '^NOTICE')
agree "rows the function saw" "$told" "$after"
echo
tell "Rewriting what was said, as a superuser:"
refused postgres "UPDATE privseg.consent_record SET status = 'given' WHERE subject = '$person'"
refused postgres "DELETE FROM privseg.consent_page"
tell "A superuser is policed like anyone:"
refused postgres "SELECT count(*) FROM crm.customers"

chapter "6. What it costs"
time_of() # USER PURPOSE SQL: median of five, in milliseconds
{
	local i
	for i in 1 2 3 4 5 6; do
		PGOPTIONS="-c privseg.purpose=$2 -c max_parallel_workers_per_gather=0" psql -U "$1" -At -c '\timing on' -c "$3" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p'
	done | sort -n | sed -n 3p
}
quiet -c "GRANT USAGE ON SCHEMA plain TO analyst" -c "GRANT SELECT ON ALL TABLES IN SCHEMA plain TO analyst"
printf '%-46s %12s %12s\n' 'statement' 'unprotected' 'protected'
for statement in "SELECT count(*) FROM %s.customers" "SELECT \"$group\", count(*) FROM %s.customers GROUP BY 1"; do
	printf '%-46s %9s ms %9s ms\n' "$(printf "$statement" crm | cut -c1-46)" \
		"$(time_of analyst newsletter "$(printf "$statement" plain)")" "$(time_of analyst newsletter "$(printf "$statement" crm)")"
done

chapter "The end"
if [ "$failed" -ne 0 ]; then say "something above went wrong (!!)"; exit 1; fi
tell "Every count agreed, nothing forbidden succeeded. The README goes on from here."
