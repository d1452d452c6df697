#!/bin/sh
# What reads encrypted values goes over the corpus of the fuzzer, under sanitizers.
root=$(cd "$(dirname "$0")/../.." && pwd)
echo 'int main(void) { return 0; }' > "${TMPDIR:-/tmp}/privseg-sanitizers.$$.c"
cc -fsanitize=address,undefined -o "${TMPDIR:-/tmp}/privseg-sanitizers.$$" "${TMPDIR:-/tmp}/privseg-sanitizers.$$.c" 2> /dev/null
status=$?
rm -f "${TMPDIR:-/tmp}/privseg-sanitizers.$$" "${TMPDIR:-/tmp}/privseg-sanitizers.$$.c"
[ $status -eq 0 ] || { echo "this compiler has no sanitizers"; exit 77; }
exec "$root/test/fuzz/run"
