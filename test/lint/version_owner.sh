#!/bin/sh
# compat.h is the only file that asks for the server's version.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
only_in(qr/\bPG_VERSION_NUM\b/, qr{^src/compat\.h$}, "only compat.h tests the server's version");
PERL
