#!/bin/sh
# The crypto files are the only ones that call libsodium.
. "$(dirname "$0")/../lib/lint.sh"
lint <<'PERL'
only_in(qr/#\s*include\s*[<"]sodium/, qr{^src/crypto_\w+\.c$}, "only crypto_*.c includes libsodium");
PERL
