#!/bin/sh
# hooks.c is the only file that sets the server's hook pointers.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
only_in(qr/(?<![\w.>])(?!(?:prev|previous|next|saved)_)\w+_hook(?:_permissive|_restrictive|_str)?\s*=(?!=)/,
	qr{^src/hooks\.c$}, "only hooks.c sets hooks");
PERL
