#!/bin/sh
# cache_inval.c is the only file that registers invalidation callbacks.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
only_in(qr/\bCacheRegister\w*Callback\s*\(/, qr{^src/cache_inval\.c$},
	"only cache_inval.c registers invalidation callbacks");
PERL
