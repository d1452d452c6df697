#!/bin/bash
# demo.sh -- the story of privseg, on a throw-away server.  Called by `make demo`.
#
#   sudo make demo                                   a made-up CRM of 100,000 customers
#   sudo make demo DATA=customers.csv SUBJECT=id     your own data, one line per customer
#   ORDERS=orders.csv ORDER_SUBJECT=customer_id      and lines that belong to them
#   KEEP=1                                           leave the server running afterwards
#
# It fails if anything forbidden succeeds, if anything else fails, or if a result
# differs from what the same SQL gives without the extension: on an unprotected
# copy, cut down to the people whom plain SQL over the records finds (truth.sql).
set -eu -o pipefail
. "$(dirname "$0")/../test/lib/common.sh"
forget_libpq_environment
find_server_programs
DATA=${DATA:-} SUBJECT=${SUBJECT:-} ORDERS=${ORDERS:-} ORDER_SUBJECT=${ORDER_SUBJECT:-} KEEP=${KEEP:-}
[ -z "$DATA" ] || { [ -f "$DATA" ] && [ -r "$DATA" ]; } || die "cannot read DATA=$DATA"
[ -z "$DATA" ] || [ -n "$SUBJECT" ] || die "say which column holds the customer's key: SUBJECT=..."
[ -n "$DATA" ] || [ -z "$SUBJECT$ORDERS$ORDER_SUBJECT" ] || die "SUBJECT and ORDERS go with DATA=customers.csv"
[ -z "$ORDERS" ] || { [ -f "$ORDERS" ] && [ -r "$ORDERS" ]; } || die "cannot read ORDERS=$ORDERS"
[ -z "$ORDERS" ] || [ -n "$ORDER_SUBJECT" ] || die "say which column of ORDERS holds the customer's key: ORDER_SUBJECT=..."

dir=$(mktemp -d /tmp/privseg-demo.XXXXXX)
chmod 755 "$dir"
port=54999 failed=0 shown=
cleanup() { [ -n "$shown" ] || { "$ROOT/test/server" stop "$dir" > /dev/null 2>&1 || true; rm -rf "$dir"; }; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- telling ----

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
chapter() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }
tell() { printf '%s\n' "$*" | fold -s -w 78 | sed 's/ *$//'; echo; }
wrong() { printf '!! %s\n' "$*"; failed=1; }

# ---- talking to the server ----

psql() { "$BINDIR/psql" -X -q -h "$dir" -p "$port" -d demo -P pager=off "$@"; }
quiet() { psql -U postgres -At -v ON_ERROR_STOP=1 "$@" > /dev/null; }
value() { psql -U postgres -At -v ON_ERROR_STOP=1 -c "$1"; }

# Sessions stay open through the story: a statement sees what happened since the last.
declare -A into outof
session() # USER: open one
{
	local fd
	mkfifo "$dir/$1.in" "$dir/$1.out"
	psql -U "$1" < "$dir/$1.in" > "$dir/$1.out" 2>&1 &
	exec {fd}> "$dir/$1.in"; into[$1]=$fd
	exec {fd}< "$dir/$1.out"; outof[$1]=$fd
}
ask() # USER SQL: sets answer and state
{
	local line
	printf '%s;\n\\echo --answered :SQLSTATE\n' "$2" >&"${into[$1]}"
	answer=
	while IFS= read -r -t 300 -u "${outof[$1]}" line || die "the server gave no answer to: $2"; do
		[[ $line != '--answered '* ]] || break
		answer+=$line$'\n'
	done
	state=${line#--answered }
}
show() # USER SQL, as it would be typed
{
	ask "$1" "$2"
	printf '%s=> %s;\n' "$1" "${2//$'\n'/$'\n'$(printf "%${#1}s->" '')}"
}
# does SQL that must work; SILENTLY= keeps its result to itself
as()
{
	show "$@"
	[ "$state" = 00000 ] || wrong "this should have worked"
	[ "$state" = 00000 ] && [ -n "${SILENTLY+yes}" ] || printf '%s' "$answer"
}
# what must not work, with this SQLSTATE
refused() # SQLSTATE USER SQL
{
	show "$2" "$3"
	printf '%s\n' "$answer"
	[ "$state" != 00000 ] || wrong "this should have been refused"
	[ "$state" = 00000 ] || [ "$state" = "$1" ] || wrong "this was refused for another reason, $state instead of $1"
}
# counts and segments: the analyst's answer is the truth under the session's purpose
reads() # SQL
{
	as analyst "$1"
	if [ "$(truth "$1")" = "$(printf %s "$answer")" ]; then printf '   checked: the same SQL gives the same over an unprotected copy that has only those who permit it\n\n'
	else wrong "the same SQL over an unprotected copy that has only those who permit it gives:"; truth "$1"; fi
}
under() { purpose=$1; as analyst "SET privseg.purpose = '$1'"; }
truth() { PGOPTIONS="-c search_path=truth -c truth.purpose=$purpose" psql -U postgres -v ON_ERROR_STOP=1 -c "$1"; }
# after records changed
learn() { quiet -c "ANALYZE privseg.consent_record" -c "SELECT truth.learn()"; }

# ---- the reader's own data ----

# TABLE FILE COLUMN: loads FILE, every column as text, and sets key to COLUMN's
# name in the table
load()
{
	local header delimiter columns
	[ -s "$2" ] || die "$2 is empty"
	header=$(sed -n $'1{s/^\xef\xbb\xbf//; s/\r$//; p; q}' "$2")
	delimiter=$(printf '%s' "$header" | awk '{t = gsub(/\t/, ""); s = gsub(/;/, ""); c = gsub(/,/, ""); print (t > s && t > c) ? "\t" : (s > c) ? ";" : ","}')
	columns=$(psql -U postgres -At -F $'\n' -v ON_ERROR_STOP=1 -v table="$1" -v header="$header" -v delimiter="$delimiter" -v wanted="$3" <<'SQL'
\set named '([^' :delimiter '"]*)'
WITH written AS (
	SELECT n, COALESCE(replace(m[1], '""', '"'), m[2]) AS name
	  FROM regexp_matches(:'delimiter' || :'header', :'delimiter' || '(?:"((?:[^"]|"")*)"|' || :'named' || ')', 'g')
			WITH ORDINALITY AS matches (m, n)),
named AS (
	SELECT n, name, COALESCE(NULLIF(left(trim('_' FROM regexp_replace(lower(name), '[^a-z0-9\u0080-\uffff]+', '_', 'g')), 20), ''), 'column') AS short
	  FROM written),
-- a name that comes again, or is nobody's, gets its column's number
columns AS (
	SELECT n, name, short || CASE WHEN short = 'column' OR count(*) OVER (PARTITION BY short) > 1 THEN '_' || n ELSE '' END AS short
	  FROM named)
SELECT format('CREATE TABLE %s (%s)', :'table', string_agg(format('%I text', short), ', ' ORDER BY n)),
	   COALESCE(min(format('%I', short)) FILTER (WHERE name = :'wanted'),
				min(format('%I', short)) FILTER (WHERE lower(trim(name)) = lower(trim(:'wanted'))))
  FROM columns;
SQL
	) || die "the first line of $2 is not a list of column names in UTF-8"
	[[ $columns == *$'\n'* ]] || die "$2 has no column \"$3\"; its first line is: $header"
	key=${columns#*$'\n'} columns=${columns%%$'\n'*}
	quiet -c "$columns" || die "cannot make a table for $2"
	psql -U postgres -v ON_ERROR_STOP=1 -c "COPY $1 FROM STDIN (FORMAT csv, HEADER, DELIMITER '$delimiter')" < "$2" ||
		die "$2 could not be loaded as a CSV file in UTF-8 with a header line"
}
# TABLE MOST: its columns with 2 to MOST distinct values, the key left out
groups() { value "SELECT format('%I', attname) FROM pg_stats JOIN pg_attribute USING (attname) WHERE attrelid = '$1'::regclass AND schemaname || '.' || tablename = '$1' AND n_distinct BETWEEN 2 AND $2 AND format('%I', attname) <> '$key' ORDER BY attnum LIMIT 2"; }

# ==== the story ====

chapter "A server of our own"
"$ROOT/test/server" start "$dir" "$port" > /dev/null
"$BINDIR/createdb" -h "$dir" -p "$port" -U postgres demo
quiet -c "CREATE EXTENSION privseg" -c "CREATE ROLE analyst LOGIN" -c "ALTER DATABASE demo SET search_path = crm, public"
tell "PostgreSQL $(value 'SHOW server_version') with privseg preloaded; it listens on a socket in a temporary folder, and goes away when the story ends."

if [ -n "$DATA" ]; then
	chapter "1. Your data"
	quiet -c 'CREATE SCHEMA crm'
	if [ -n "$ORDERS" ]; then load crm.orders "$ORDERS" "$ORDER_SUBJECT"; order_key=$key; fi
	load crm.customers "$DATA" "$SUBJECT"
	IFS='|' read -r missing twice example key_type <<< "$(value "
		SELECT count(*) FILTER (WHERE $key IS NULL), count($key) - count(DISTINCT $key),
			   (SELECT $key FROM crm.customers WHERE $key IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1),
			   CASE WHEN bool_and($key ~ '^(0|-?[1-9][0-9]{0,17})\$') THEN 'bigint'
					WHEN bool_and($key ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\$') THEN 'uuid'
					ELSE 'text' END
		  FROM crm.customers")"
	[ "$missing" = 0 ] || die "column \"$SUBJECT\" is empty in $missing lines of $DATA; every line must be one customer's"
	[ "$twice" = 0 ] || die "column \"$SUBJECT\" of $DATA names some customers twice, \"$example\" for one; give one line per customer, and further lines as ORDERS=..."
	quiet -c "ALTER TABLE crm.customers ALTER $key TYPE $key_type USING $key::$key_type, ADD PRIMARY KEY ($key)"
	if [ -n "$ORDERS" ]; then
		quiet -c "ALTER TABLE crm.orders ALTER $order_key TYPE $key_type USING $order_key::$key_type" -c "CREATE INDEX ON crm.orders ($order_key)" ||
			die "column \"$ORDER_SUBJECT\" of $ORDERS does not hold keys of $DATA"
	fi
else
	chapter "1. A CRM"
	quiet -f "$ROOT/seeds/crm.sql"
	key=id order_key=customer_id ORDERS=made
fi
customers=$(value "SELECT count(*) FROM crm.customers")
[ "$customers" -ge 12 ] || die "too few customers for this story: at least twelve, please"
tell "$customers customers$([ -z "$ORDERS" ] || echo ", $(value 'SELECT count(*) FROM crm.orders') orders"). We keep an unprotected copy aside, to check every answer against."
quiet -v key="$key" -v order_key="${order_key:-}" -f "$ROOT/seeds/truth.sql"
quiet -c "GRANT USAGE ON SCHEMA crm TO analyst" -c "GRANT SELECT ON ALL TABLES IN SCHEMA crm TO analyst"
session postgres
session analyst

# what the analyst is after
mapfile -t by <<< "$(groups plain.customers 12)"
if [ -z "$DATA" ]; then
	by=(country)
	segment="SELECT tier, count(*) AS customers, round(avg(spent)) AS spent
  FROM customers
  JOIN (SELECT customer_id, sum(amount) AS spent FROM orders GROUP BY customer_id) o ON customer_id = id
 WHERE country IN ('DE', 'AT') AND spent > 200
 GROUP BY tier ORDER BY tier"
elif [ -n "${by[1]:-}" ]; then
	segment="SELECT ${by[0]}, ${by[1]}, count(*) FROM customers
 GROUP BY ${by[0]}, ${by[1]} ORDER BY count(*) DESC, 1, 2 LIMIT 5"
else
	segment=
fi
if [ -n "$DATA" ] && [ -n "$ORDERS" ]; then
	key=$order_key
	mapfile -t order_by <<< "$(groups plain.orders 100)"
	key=$(value "SELECT format('%I', attname) FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0] WHERE indrelid = 'crm.customers'::regclass AND indisprimary")
	[ -z "${order_by[0]}" ] || segment="SELECT ${order_by[0]}, count(DISTINCT $order_key) AS customers, count(*) AS lines FROM orders
 GROUP BY ${order_by[0]} ORDER BY 2 DESC, 1 LIMIT 5"
fi
count="SELECT count(*) FROM customers"
group="${by[0]:+SELECT ${by[0]}, count(*) FROM customers GROUP BY ${by[0]} ORDER BY count(*) DESC, 1 LIMIT 5}"

chapter "2. What the company may use it for"
SILENTLY= as postgres "SELECT privseg.create_purpose('newsletter', 'consent', 'Our monthly mail', direct_marketing => true)"
SILENTLY= as postgres "SELECT privseg.create_purpose('analytics', 'consent', 'How the shop is used')"
SILENTLY= as postgres "SELECT privseg.create_purpose('personal_ads', 'consent', 'Advertisements elsewhere', targeted_advertising => true)"
SILENTLY= as postgres "SELECT privseg.create_purpose('fulfilment', 'contract', 'Delivering what was bought')"
SILENTLY= as postgres "SELECT privseg.create_purpose('fraud_prevention', 'legitimate_interests')"
SILENTLY= as postgres "SELECT privseg.publish_notice('privacy', '2019', 'en', 'We mail you once a month ...', '{newsletter,personal_ads}')"
SILENTLY= as postgres "SELECT privseg.publish_notice('cookies', '2019', 'en', 'We count visits ...', '{analytics}')"
SILENTLY= as postgres "SELECT privseg.publish_notice('cookies', '2021', 'en', 'We count visits, and keep them ...', '{analytics}', material => true)"
SILENTLY= as postgres "SELECT privseg.protect('customers', '$(value "SELECT replace((parse_ident('${key//\'/\'\'}'))[1], '''', '''''')")')"
[ -z "$ORDERS" ] || SILENTLY= as postgres "SELECT privseg.protect('orders', '$(value "SELECT replace((parse_ident('${order_key//\'/\'\'}'))[1], '''', '''''')")', subject_of => 'customers')"
for purpose in newsletter analytics fulfilment; do SILENTLY= as postgres "SELECT privseg.grant_clearance('analyst', '$purpose')"; done
echo
tell "From here on the tables belong to the people in them. What these said:"
if [ -n "$DATA" ]; then
	quiet <<SQL
SET row_security = off;
CREATE TEMP TABLE numbered AS SELECT $key::text AS subject, row_number() OVER (ORDER BY $key) AS n FROM crm.customers;
INSERT INTO privseg.consent_record (subject_table, subject, purpose, status, notice, method, effective_at)
SELECT 'crm.customers', subject, 'newsletter', CASE WHEN n % 10 < 7 THEN 'given' ELSE 'refused' END,
	   CASE WHEN n % 10 < 7 THEN 'privacy/2019' END, 'made up', date '2020-01-01' + (n % 700)::int
  FROM numbered WHERE n % 10 < 9
 UNION ALL
SELECT 'crm.customers', subject, 'analytics', 'given', CASE WHEN n % 3 = 0 THEN 'cookies/2019' ELSE 'cookies/2021' END,
	   'made up', date '2020-01-01' + (n % 700)::int
  FROM numbered WHERE n % 10 BETWEEN 2 AND 8;
SQL
else
	quiet -f "$ROOT/seeds/consents.sql"
fi
learn
quiet -c "SELECT privseg.fold_consent()" -c "ANALYZE privseg.consent_record"
as postgres "SELECT purpose, status, count(*) FROM privseg.consent_record GROUP BY 1, 2 ORDER BY 1, 3 DESC"
[ -z "$DATA" ] || tell "We made that up: seven in ten agreed to the newsletter."

chapter "3. An analyst asks"
refused 42501 analyst "$count"
tell "Nobody reads people without saying what for."
under newsletter
reads "$count"
[ -z "$group" ] || reads "$group"
[ -z "$segment" ] || reads "$segment"
[ -z "$ORDERS" ] || reads "SELECT count(*) AS orders, count(DISTINCT $order_key) AS customers FROM orders"
tell "No consent in the SQL: it is in the database. The same for another purpose; here some agreed to a privacy notice that has changed materially since:"
under analytics
reads "$count"
[ -z "$segment" ] || reads "$segment"
tell "And for delivering orders, which rests on the contract:"
under fulfilment
reads "$count"

chapter "4. Somebody withdraws"
under newsletter
person=$(value "SELECT CASE WHEN atttypid = 'bigint'::regtype THEN subject ELSE quote_literal(subject) END
	FROM truth.permitting JOIN pg_index ON indrelid = 'crm.customers'::regclass AND indisprimary JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
	 WHERE purpose = 'newsletter' ORDER BY length(subject), subject LIMIT 1 OFFSET 7")
[ -n "$person" ] || die "nobody agreed to the newsletter"
one="SELECT count(*) FROM customers WHERE $key = $person"
reads "$one"
as postgres "SELECT privseg.withdraw_consent('customers', $person, 'newsletter') AS record"
learn
tell "The analyst's next statement, in the session that was open all along:"
reads "$one"
reads "$count"
tell "Why is this person not there?"
as postgres "SELECT jsonb_pretty(privseg.explain_decision('customers', $person, 'newsletter')) AS because"
[[ $answer == *'"permitted": false'* && $answer == *'"reason": "withdrawn"'* ]] || wrong "the reason should be: withdrawn"
tell "And why anybody is, or is not:"
as postgres "SELECT permitted, reason, count(*) FROM privseg.consent_status
 WHERE purpose = 'newsletter' GROUP BY 1, 2 ORDER BY 1 DESC, 3 DESC"
echo

chapter "5. Getting round it"
tell "A purpose the analyst has no clearance for:"
SILENTLY= as analyst "SET privseg.purpose = 'fraud_prevention'"
refused 42501 analyst "SELECT * FROM customers"
tell "Row security switched off:"
under newsletter
SILENTLY= as analyst "SET row_security = off"
refused 42501 analyst "$count"
SILENTLY= as analyst "RESET row_security"
echo
tell "A view that belongs to a superuser shows what the table shows:"
SILENTLY= as postgres "CREATE VIEW public.everyone AS SELECT * FROM crm.customers"
SILENTLY= as postgres "GRANT SELECT ON public.everyone TO analyst"
quiet -c "CREATE VIEW truth.everyone AS SELECT * FROM truth.customers"
reads "SELECT count(*) FROM everyone"
tell "A superuser's function that runs with its owner's rights: the superuser has no clearance either."
SILENTLY= as postgres "CREATE FUNCTION public.total() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM crm.customers'"
refused 42501 analyst "SELECT total()"
tell "A function in WHERE, so cheap that the planner would ask it first, that tells whom it is asked about: it is asked about permitted rows only."
as postgres "CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
\$\$ BEGIN RAISE NOTICE 'saw %', \$1; RETURN true; END \$\$"
as analyst "SELECT count(*) FROM customers WHERE leak($key::text)" > "$dir/leaked"
sed -n 1,4p "$dir/leaked"
echo "..."
sed -n 's/^NOTICE:  saw //p' "$dir/leaked" | LC_ALL=C sort > "$dir/saw"
value "SELECT subject FROM truth.permitting WHERE purpose = 'newsletter'" | LC_ALL=C sort > "$dir/may"
if [ -s "$dir/saw" ] && cmp -s "$dir/saw" "$dir/may"; then printf '   checked: it saw %s people, just those who permit it\n\n' "$(wc -l < "$dir/saw")"
else wrong "it saw others than those who permit it: $(comm -3 "$dir/saw" "$dir/may" | head -5 | tr '\n' ' ')"; fi
tell "A look at who is in the set, and a word put in somebody's mouth:"
refused 42501 analyst "SELECT * FROM privseg.consent_page"
refused 42501 analyst "SELECT privseg.record_consent('customers', $person, 'newsletter', 'given')"
tell "Rewriting what was said, as a superuser:"
refused 42501 postgres "UPDATE privseg.consent_record SET status = 'given' WHERE subject = $person::text"
refused 42501 postgres "DELETE FROM privseg.consent_page"
tell "A superuser is policed like anyone. To see all takes an explicit wish, which pg_dump makes, too:"
refused 42501 postgres "$count"
SILENTLY= as postgres "SET row_security = off"
as postgres "$count"
[[ $answer == *" $customers"$'\n'* ]] || wrong "this should have been $customers"
SILENTLY= as postgres "RESET row_security"

chapter "6. What it costs"
# SCHEMA SQL: median of five on a warm connection, in milliseconds
time_of()
{
	{ echo "SET search_path = $1; SET privseg.purpose = 'newsletter'; SET max_parallel_workers_per_gather = 0;"
	  echo "$2 \\g /dev/null"; echo '\timing on'; for _ in 1 2 3 4 5; do echo "$2 \\g /dev/null"; done
	} | psql -U analyst -v ON_ERROR_STOP=1 | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | sort -n | sed -n 3p
}
cost() # WHAT SQL
{
	awk -v what="$1" -v without="$(time_of plain "$2")" -v with="$(time_of crm "$2")" \
		'BEGIN {printf "%-40s %10.2f ms %10.2f ms %8.2f\n", what, without, with, with / without}'
}
quiet -c "GRANT USAGE ON SCHEMA plain TO analyst" -c "GRANT SELECT ON ALL TABLES IN SCHEMA plain TO analyst" -c "VACUUM ANALYZE"
printf '%-40s %13s %13s %8s\n' '' 'unprotected' 'protected' 'ratio'
cost "one customer by key" "SELECT * FROM customers WHERE $key = $person"
cost "count of customers" "$count"
[ -z "$group" ] || cost "customers by ${by[0]}" "$group"
[ -z "$segment" ] || cost "the segment above" "$segment"
[ -z "$ORDERS" ] || cost "count of orders" "SELECT count(*) FROM orders"
echo
tell "Protected queries also carry fewer people on: those who did not agree. What protection costs once a statement, some 0.1 ms, is seen where there is little else, as in a customer by key."

# the text that tells people apart best
IFS=$'\t' read -r column name <<< "$(value "SELECT concat_ws(E'\t', format('%I', a.attname), quote_literal(a.attname)) FROM pg_stats s JOIN pg_attribute a USING (attname)
	 WHERE a.attrelid = 'crm.customers'::regclass AND s.schemaname = 'plain' AND s.tablename = 'customers' AND a.atttypid = 'text'::regtype AND format('%I', a.attname) <> '$key'
	 ORDER BY a.attname <> 'email', CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * $customers ELSE s.n_distinct END DESC, a.attnum LIMIT 1")"
if [ -n "$column" ]; then
	chapter "7. A column that only some may read"
	# FILES-OF-TABLE: how many of them hold the text?
	on_disk()
	{
		quiet -c CHECKPOINT
		( cd "$dir/data" && grep -aFc -- "$text" $(value "SELECT string_agg(pg_relation_filepath(oid), ' ') FROM pg_class c WHERE oid = 'crm.customers'::regclass OR oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'crm.customers'::regclass)") /dev/null | grep -vc ':0$' )
	}
	# one that is nowhere else by chance
	text=$(value "SELECT min($column) FROM plain.customers WHERE length($column) BETWEEN 10 AND 60 AND $column !~ E'[\\n\\r]' GROUP BY $column HAVING count(*) = 1 ORDER BY length($column) DESC, 1 LIMIT 1")
	[ -z "$text" ] || before=$(on_disk || true)
	SILENTLY= as postgres "DROP VIEW public.everyone"
	SILENTLY= as postgres "SELECT privseg.create_data_category('personal')"
	SILENTLY= as postgres "SELECT privseg.encrypt_column('customers', $name, 'personal')"
	echo
	if [ -n "$text" ]; then
		after=$(on_disk || true)
		tell "Was \"$text\" in the table's files before? $([ "$before" = 0 ] && echo No || echo Yes). And now? $([ "$after" = 0 ] && echo No || echo Yes)."
		[ "$after" = 0 ] || wrong "the text is in the files"
	fi
	tell "What a backup, a copy of the disk or whoever has no clearance gets:"
	SILENTLY= as postgres "SET row_security = off"
	as postgres "SELECT $key, left(to_json($column)::text, 60) || '...' AS stored FROM customers ORDER BY $key LIMIT 2"
	SILENTLY= as postgres "RESET row_security"
	echo
	under newsletter
	refused 42501 analyst "SELECT max($column) FROM customers"
	tell "With a clearance for it, SQL is what it was:"
	SILENTLY= as postgres "SELECT privseg.grant_clearance('analyst', 'newsletter', 'personal', '{project,filter}')"
	reads "SELECT count($column), count(DISTINCT lower($column)) AS \"distinct\", max($column) FROM customers"
	reads "SELECT left($column, 1) AS begins, count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"
	tell "Somebody wants to be forgotten. Without their key, every copy of their values in this database is noise:"
	forgotten=$(value "SELECT CASE WHEN atttypid = 'bigint'::regtype THEN subject ELSE quote_literal(subject) END
		FROM truth.permitting JOIN pg_index ON indrelid = 'crm.customers'::regclass AND indisprimary JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
		 WHERE purpose = 'newsletter' ORDER BY length(subject), subject LIMIT 1 OFFSET 8")
	SILENTLY= as postgres "SELECT privseg.shred_subject('customers', $forgotten)"
	as analyst "SELECT $column IS NULL AS gone FROM customers WHERE $key = $forgotten"
	[[ $answer == *" t"$'\n'* ]] || wrong "the value should be gone"
	echo
fi

chapter "The end"
if [ "$failed" -ne 0 ]; then say "something above went wrong (!!)"; exit 1; fi
tell "Every answer agreed, nothing forbidden succeeded. The README goes on from here."
if [ -n "$KEEP" ]; then
	shown=yes
	say "The server still runs:" "    $BINDIR/psql -h $dir -p $port -U analyst demo" \
		"To end it:" "    sudo $ROOT/test/server stop $dir && sudo rm -r $dir"
fi
