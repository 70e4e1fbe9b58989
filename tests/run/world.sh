#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The programs of this folder under `sgxctl run`, in both ways to trap ENCLU (or those of TEST_TRAPS).  TAP on
# stdout.
set -u

: "${SGXCTL:?}" "${SGXCTL_SHIM:?}" "${top_builddir:?}"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
SGXCTL_TEST_KEY=$tmp/key.pem            # made by the first of them
export SGXCTL_TEST_KEY
n=0

# These programs end in the middle of things, with an enclave loaded: what they still hold is no leak to look for.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

# one WHAT PROGRAM ARGS...: all its checks become one
one() {
	what=$1
	shift
	n=$((n + 1))
	case $1 in
	--*) timeout 120 "$SGXCTL" run "$@" ;;
	*) timeout 120 "$SGXCTL" run -- "$@" ;;
	esac >"$tmp/out" 2>&1
	status=$?
	if [ "$status" -eq 0 ] && grep -q '^1\.\.[1-9]' "$tmp/out" && ! grep -q '^not ok' "$tmp/out"; then
		echo "ok $n - $what: $(grep -c '^ok' "$tmp/out") checks"
	else
		echo "not ok $n - $what: status $status"
		grep -v '^ok' "$tmp/out" | sed 's/^/# /'
	fi
}

for SGXCTL_TRAP in ${TEST_TRAPS:-enclu hlt}; do
	export SGXCTL_TRAP
	for topic in handlers masks timer threads fork exec pass fds views stub; do
		one "$topic, $SGXCTL_TRAP" "$top_builddir/tests/run/world" "$topic"
	done
	one "the emulator's own tests, $SGXCTL_TRAP" "$top_builddir/tests/run/emul_native"
done
one "one EPC for a tree of programs" --epc=1M "$top_builddir/tests/run/pool"
one "the emulator's tests of stress" "$top_builddir/tests/run/emul_stress"

# The same random calls through libc and on the model.  Pages that the enclave may use are read in clear from outside.
clear_is_ones() { sed 's/\(touch([^)]*)\) = [0-9]*$/\1 = 255/' "$1"; }
n=$((n + 1))
"$top_builddir/tests/driver/seqdiff_emul" 1 60 200 >"$tmp/model" 2>"$tmp/err"
"$SGXCTL" run --epc=64M -- "$top_builddir/tests/driver/seqdiff_kernel" 1 60 200 >"$tmp/libc" 2>>"$tmp/err"
clear_is_ones "$tmp/model" >"$tmp/a"
clear_is_ones "$tmp/libc" >"$tmp/b"
lines=$(wc -l <"$tmp/a")
if [ "$lines" -ge 10000 ] && diff "$tmp/a" "$tmp/b" >"$tmp/diff"; then
	echo "ok $n - $lines random calls have the results of the model"
else
	echo "not ok $n - $lines random calls have the results of the model: < model, > program"
	head -n 20 "$tmp/diff" "$tmp/err" | sed 's/^/# /'
fi
echo "1..$n"
