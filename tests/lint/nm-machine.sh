#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The CPU model is freestanding: whatever libmachine.a needs, libmachine.a defines.
# Shown twice: for the archive that was built, and that this test can see a violation at all.
set -eu

: "${top_builddir:?}" "${CC:=cc}"
archive=$top_builddir/libmachine.a
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# foreign_symbols FILE...: undefined symbols that none of the files defines
foreign_symbols() {
	nm "$@" >"$tmp/all"
	awk 'NF > 1 && $(NF-1) ~ /^[TDRBVW]$/ { print $NF }' "$tmp/all" | sort -u >"$tmp/defined"
	awk 'NF > 1 && $(NF-1) == "U" { print $NF }' "$tmp/all" | sort -u >"$tmp/undefined"
	comm -23 "$tmp/undefined" "$tmp/defined" | grep -vx _GLOBAL_OFFSET_TABLE_ || true
}

echo 1..3
if [ -s "$archive" ] && [ "$(nm "$archive" | grep -c ' T sgxm_')" -ge 25 ]; then
	echo "ok 1 - libmachine.a holds the leafs"
else
	echo "not ok 1 - libmachine.a holds the leafs"
fi

foreign=$(foreign_symbols "$archive")
if [ -z "$foreign" ]; then
	echo "ok 2 - libmachine.a needs no symbol from outside"
else
	echo "not ok 2 - libmachine.a needs no symbol from outside"
	echo "$foreign" | sed 's/^/# needs /'
fi

echo 'extern void *memcpy(void *, const void *, unsigned long); void *f(void *a, void *b, unsigned long n);
void *f(void *a, void *b, unsigned long n) { return memcpy(a, b, n); }' >"$tmp/bad.c"
$CC -c -o "$tmp/bad.o" "$tmp/bad.c"
if [ "$(foreign_symbols "$archive" "$tmp/bad.o")" = memcpy ]; then
	echo "ok 3 - a call of memcpy would be seen"
else
	echo "not ok 3 - a call of memcpy would be seen"
fi
