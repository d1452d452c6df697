# lint.sh -- sourced by the lints.  Each guards one rule over the tree it is
# started for (LINT_ROOT, by default the one it lies in), prints every
# violation as file:line: message, and exits 1 if there was one.
LINT_LIB=$(cd "$(dirname "$0")/../lib" && pwd)
cd "${LINT_ROOT:-$(dirname "$0")/../..}" || exit 2

# The rule, in Perl on standard input, with Lint.pm at hand.
lint()
{
	perl -I"$LINT_LIB" -MLint - "$@"
}
