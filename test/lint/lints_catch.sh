#!/bin/sh
# Every lint finds what it is for: each gets a small tree with one violation
# planted and must object, and the tree without it, which it must pass.
lints=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
status=0

# A tree that breaks no rule.
clean_tree()
{
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/src" "$scratch/tree/sql" "$scratch/tree/test/sql" \
		"$scratch/tree/test/pgtap" "$scratch/tree/expected"
	cd "$scratch/tree" || exit 2
	cp "$lints/../../.clang-format" .
	printf '/*\n * guc.c\n */\nint a;\n' > src/guc.c
	printf -- '-- part\n' > sql/01-a.sql
	printf 'SQL_PARTS = 01-a\n' > Makefile
	printf "default_version = '1.0.0'\n" > privseg.control
	printf '{"version": "1.0.0", "meta-spec": {"version": "1.0.0"}}\n' > META.json
	printf '## 1.0.0\n' > CHANGELOG.md
}

# plant LINT FILE LINE...: the lint must object to the tree with these lines in FILE.
plant()
{
	lint=$1 file=$2
	shift 2
	planted="$planted $lint"
	clean_tree
	LINT_ROOT=. LINT_PUBLIC=/dev/null "$lints/$lint.sh" > "$scratch/out" 2>&1
	result=$?
	if [ $result -ne 0 ] && [ $result -ne 77 ]; then
		echo "$lint objects to a clean tree:"; cat "$scratch/out"; status=1
	fi
	case $file in
		*.c|*.h) [ -f "$file" ] || printf '/*\n * %s\n */\n' "${file##*/}" > "$file" ;;
	esac
	printf '%s\n' "$@" >> "$file"
	LINT_ROOT=. LINT_PUBLIC=/dev/null "$lints/$lint.sh" > "$scratch/out" 2>&1
	result=$?
	if [ $result -ne 1 ] && [ $result -ne 77 ]; then
		echo "$lint misses: $*"; cat "$scratch/out"; status=1
	fi
}

planted=
plant security_definer sql/01-a.sql \
	'CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1; $$;'
plant security_definer sql/01-a.sql \
	'CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$ SELECT 1 $$;'
plant banned_calls src/guc.c 'void f(char *a) { strcpy(a, "x"); }'
plant banned_calls src/crypto_aead.c 'void f(void) { system("true"); }'
plant error_codes src/guc.c 'void f(void) { ereport(ERROR, (errmsg("no errcode(here)"))); }'
plant messages src/guc.c 'void f(void) { ereport(ERROR, errcode(1), errmsg("ends so.")); }'
plant messages src/guc.c 'void f(void) { ereport(ERROR, errcode(1), errhint("no sentence")); }'
plant hook_owner src/guc.c 'void f(void) { ExecutorStart_hook = NULL; }'
plant hook_owner src/policy_row.c 'void f(void) { row_security_policy_hook_permissive = 0; }'
plant sodium_owner src/guc.c '#include <sodium.h>'
plant invalidation_owner src/guc.c 'void f(void) { CacheRegisterRelcacheCallback(g, 0); }'
plant version_owner src/guc.c '#if PG_VERSION_NUM < 160000' '#endif'
plant source_files src/guc.c "$(yes 'int b;' | head -n 700)"
plant source_files sql/02-bare.sql 'SELECT 1;'
plant settings_sorted src/guc.c 'void f(void) { DefineCustomBoolVariable("privseg.b", 0); DefineCustomBoolVariable("privseg.a", 0); }'
plant sql_comments sql/01-a.sql 'CREATE FUNCTION privseg.f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;'
plant sql_comments sql/01-a.sql 'CREATE FUNCTION privseg.f(int) RETURNS int LANGUAGE sql RETURN 1;' \
	'CREATE FUNCTION privseg.f(text) RETURNS int LANGUAGE sql RETURN 1;' \
	"COMMENT ON FUNCTION privseg.f(int) IS 'one of two';"
plant public_execute sql/01-a.sql 'GRANT EXECUTE ON FUNCTION privseg.f(int), privseg.g() TO alice, PUBLIC;'
plant mutations_fit test/mutations.list '[it] lint/none src/guc.c' '- int a;' '+ int b;'
plant mutations_fit test/mutations.list '[it] regress/none src/none.c' '- int a;' '+ int b;'
plant tests_listed test/pgtap/unlisted.sql '-- test'
plant tests_listed test/sql/unlisted.sql '-- test'
plant tests_listed expected/orphan.out 'output'
plant tests_listed sql/02-b.sql '-- part'
plant machine_paths README.md "see $(printf '/%s/' home)someone/privseg"
plant machine_paths README.md "see $scratch/tree/src"
plant machine_paths README.md "see $(printf '/%s/' tmp)mine/x"
plant versions META.json '{"version": "1.0.1", "meta-spec": {"version": "1.0.0"}}'
plant format src/guc.c 'int f( void ){return 1;}'

# two files are needed to see a sideways include
printf '/*\n * encrypted.h\n */\n' > "$scratch/encrypted.h"
plant_layers()
{
	plant include_layers src/nobody.c 'int b;'
	clean_tree
	cp "$scratch/encrypted.h" src/
	printf '/*\n * consent.c\n */\n#include "encrypted.h"\n' > src/consent.c
	if LINT_ROOT=. "$lints/include_layers.sh" > /dev/null; then
		echo "include_layers misses a sideways include"; status=1
	fi
}
plant_layers

# and no lint was forgotten here, but what runs a program: mutations.list breaks that
for lint in "$lints"/*.sh; do
	lint=$(basename "$lint" .sh)
	case "$planted fuzz_corpus unit_tests lints_catch " in
		*" $lint "*) ;;
		*) echo "$lint: nothing planted"; status=1 ;;
	esac
done
exit $status
