# shellcheck shell=bash
# common.sh -- sourced by the test scripts (bash): where the server's programs
# are, who runs them, and throw-away servers.
#
# Servers do not run as root.  When the caller is root, everything that talks
# to a server runs as $SERVER_USER, in directories given to that user.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

PG_MAJOR=15
SERVER_USER=${PRIVSEG_TEST_USER:-postgres}

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }

# A server or role the caller usually works with is none of ours.
forget_libpq_environment()
{
	local name
	for name in $(compgen -e | grep -E '^PG[A-Z]+$'); do unset "$name"; done
}

default_pg_config()
{
	if [ -x "/usr/lib/postgresql/$PG_MAJOR/bin/pg_config" ]; then
		echo "/usr/lib/postgresql/$PG_MAJOR/bin/pg_config"
	else
		echo pg_config
	fi
}

# Sets PG_CONFIG, BINDIR, PKGLIBDIR, PGXS_TEST (where pg_regress and friends are).
find_server_programs()
{
	: "${PG_CONFIG:=$(default_pg_config)}"
	BINDIR=$("$PG_CONFIG" --bindir) || die "$PG_CONFIG does not run; set PG_CONFIG"
	PKGLIBDIR=$("$PG_CONFIG" --pkglibdir)
	PGXS_TEST=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
	[ -x "$BINDIR/initdb" ] || die "no server at $BINDIR; set PG_CONFIG or run test/deps"
	[ -x "$PGXS_TEST/regress/pg_regress" ] || die "no pg_regress at $PGXS_TEST; run test/deps"
	export PG_CONFIG
}

# Run a command as the user servers run as.
as_server_user()
{
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u "$SERVER_USER" -- "$@"
	else
		"$@"
	fi
}

give_to_server_user()
{
	[ "$(id -u)" -ne 0 ] || chown -R "$SERVER_USER" "$@"
}

# server_create DIR PORT: DIR becomes the home of a new server, which listens
# on a unix socket in DIR only.  LISTEN=localhost adds TCP; CONFIG names a file
# with more configuration.  The root key lies beside the data directory.
server_create()
{
	local dir=$1 port=$2
	( umask 077; head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > "$dir/root.key" )
	give_to_server_user "$dir/root.key"
	as_server_user "$BINDIR/initdb" -D "$dir/data" -U postgres -A trust -N \
		--no-locale -E UTF8 > "$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; return 1; }
	{
		echo "listen_addresses = '${LISTEN:-}'"
		echo "unix_socket_directories = '$dir'"
		echo "port = $port"
		echo "fsync = off"
		echo "max_prepared_transactions = 10"
		echo "log_line_prefix = '%m [%p] %q%a '"
		echo "shared_preload_libraries = 'privseg'"
		echo "privseg.root_key_file = '$dir/root.key'"
		if [ -n "${CONFIG:-}" ]; then cat "$CONFIG"; fi
	} | as_server_user tee -a "$dir/data/postgresql.conf" > /dev/null
}

# server_start DIR: under valgrind with VALGRIND=1.
server_start()
{
	local dir=$1 program=()
	if [ -n "${VALGRIND:-}" ]; then
		mkdir -p "$dir/valgrind"
		# where the server user can read them
		cp "$ROOT/test/lib/postgres_valgrind" "$ROOT/test/lib/valgrind.supp" "$dir/valgrind/"
		give_to_server_user "$dir/valgrind"
		program=(-p "$dir/valgrind/postgres_valgrind")
		export PGCTLTIMEOUT=600 VALGRIND_LOGS="$dir/valgrind" POSTGRES="$BINDIR/postgres"
	fi
	as_server_user "$BINDIR/pg_ctl" -D "$dir/data" -l "$dir/log" -w -s "${program[@]}" start \
		|| { tail -n 30 "$dir/log" >&2; return 1; }
}

# server_stop DIR [MODE]: quiet when none runs.
server_stop()
{
	[ -f "$1/data/postmaster.pid" ] || return 0
	as_server_user "$BINDIR/pg_ctl" -D "$1/data" -m "${2:-fast}" -w -s stop
}

# The names in a suite's list, one a line, in order.  Lists are written as
# pg_regress writes schedules: "test: name name", # starts a comment.
names_in()
{
	sed -n 's/#.*//; s/^test: *//p' "$1" | tr -s ' \t' '\n\n' | sed '/^$/d'
}
