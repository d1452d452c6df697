-- crm.sql: a made-up CRM, the same one each time
--
--   psql -v customers=100000 -v orders=600000 -f seeds/crm.sql
--
-- Every value is computed from the row's number through md5(), not drawn, so
-- that the data does not depend on the order in which rows are made, nor, since
-- all dates lie in the past, on the day.  Nobody in it exists.

\if :{?customers}
\else
	\set customers 100000
\endif
\if :{?orders}
\else
	\set orders 600000
\endif

CREATE SCHEMA crm;

CREATE FUNCTION pg_temp.draw(label text, n bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
AS $$ SELECT ('x' || substr(md5(label || n), 1, 8))::bit(32)::bigint / 4294967296.0 $$;

CREATE FUNCTION pg_temp.pick(label text, n bigint, choices text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT choices[1 + floor(pg_temp.draw(label, n) * cardinality(choices))::int] $$;

CREATE TABLE crm.customers (
	id bigint PRIMARY KEY,
	name text NOT NULL,
	email text NOT NULL,
	country text NOT NULL,
	birth_date date NOT NULL,
	signed_up date NOT NULL,
	tier text NOT NULL,
	channel text NOT NULL
);

INSERT INTO crm.customers
SELECT g,
	   first_name || ' ' || last_name,
	   lower(first_name) || '.' || lower(last_name) || g || '@example.com',
	   pg_temp.pick('country', g, '{DE,DE,DE,FR,FR,ES,ES,IT,NL,PL,SE,AT,US,US,GB,GB}'),
	   date '2006-01-01' - (7000 * pg_temp.draw('age', g) ^ 0.8 + 6000 * pg_temp.draw('age2', g))::int,
	   date '2014-01-01' + (3000 * pg_temp.draw('signup', g))::int,
	   pg_temp.pick('tier', g, '{basic,basic,basic,basic,basic,silver,silver,silver,gold}'),
	   pg_temp.pick('channel', g, '{web,web,app,app,store,partner}')
  FROM generate_series(1, :customers) g,
	   LATERAL (SELECT pg_temp.pick('first', g, '{Anna,Ben,Clara,David,Elena,Felix,Greta,Hugo,Ines,Jonas,Katja,Luca,Maria,Noah,Olga,Paul,Rosa,Samuel,Tessa,Viktor}') AS first_name,
					   pg_temp.pick('last', g, '{Almeida,Bauer,Costa,Dubois,Eriksson,Fischer,Garcia,Hansen,Ivanov,Jansen,Keller,Leroy,Moretti,Novak,Olsen,Petit,Rossi,Schmidt,Torres,Weber}') AS last_name) n;

CREATE TABLE crm.orders (
	id bigint PRIMARY KEY,
	customer_id bigint NOT NULL REFERENCES crm.customers,
	ordered_at date NOT NULL,
	category text NOT NULL,
	amount numeric(10, 2) NOT NULL
);

-- a few buy a lot, most buy little
INSERT INTO crm.orders
SELECT g,
	   1 + floor(:customers * pg_temp.draw('who', g) ^ 2)::bigint,
	   date '2022-04-01' + (1000 * pg_temp.draw('when', g))::int,
	   pg_temp.pick('category', g, '{books,books,garden,kitchen,kitchen,music,sports,toys}'),
	   (4 + 30 * -ln(1 - 0.999 * pg_temp.draw('amount', g)))::numeric(10, 2)
  FROM generate_series(1, :orders) g;
CREATE INDEX ON crm.orders (customer_id);
ANALYZE crm.customers, crm.orders;
