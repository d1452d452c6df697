#!/bin/sh
# C code that needs no server does what it says.
exec "$(cd "$(dirname "$0")/../.." && pwd)/test/unit/run"
