#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Under sgxctl run: the programs of world.sh once more, with system calls of their own making, and the corners.
set -u
: "${SGXCTL:?}" "${SGXCTL_SHIM:?}" "${top_builddir:?}" "${top_srcdir:?}" "${CC:=cc}"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
SGXCTL_TEST_KEY=$tmp/key.pem            # made by the first of them
export SGXCTL_TEST_KEY
n=0

# These programs end in the middle of things, with an enclave loaded: what they still hold is no leak to look for.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

result() { # STATUS WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# one WHAT PROGRAM ARGS...: all its checks become one
one() {
	what=$1
	shift
	timeout 120 "$SGXCTL" run -- "$@" >"$tmp/out" 2>&1
	status=$?
	[ "$status" -eq 0 ] && grep -q '^1\.\.[1-9]' "$tmp/out" && ! grep -q '^not ok' "$tmp/out"
	failed=$?
	result $failed "$what: $(grep -c '^ok' "$tmp/out") checks"
	if [ "$failed" -ne 0 ]; then
		echo "# status $status"
		grep -v '^ok' "$tmp/out" | sed 's/^/# /'
	fi
}

for by in function instruction; do
	for topic in handlers masks timer threads fork exec pass fds views stub; do
		one "$topic, system calls by $by" "$top_builddir/tests/run/world_$by" "$topic"
	done
done
one "reading and writing the device" "$top_builddir/tests/run/device_calls"
# what AddressSanitizer cannot do, and why
asan_cannot() {
	ldd "$top_builddir/tests/run/corners" | grep -q libasan || return 1
	case $1 in
	cancel)	why="AddressSanitizer reports its own sigaltstack() when it is cancelled inside an enclave" ;;
	paths)	why="AddressSanitizer reads paths itself before it calls readlink() and others, and crashes" ;;
	*)	return 1 ;;
	esac
}
for topic in vdso fdio paths memory waiting numbers bare cancel left filters; do
	if asan_cannot "$topic"; then
		n=$((n + 1))
		echo "ok $n - $topic # SKIP $why"
		continue
	fi
	one "$topic" "$top_builddir/tests/run/corners" "$topic"
done
if ! grep -q 'refuses what' "$tmp/out"; then result 0 "harmless filters are not announced"; else result 1 "harmless filters are not announced"; fi
"$SGXCTL" run -- "$top_builddir/tests/run/corners" filters membarrier >"$tmp/out" 2>&1
grep -q "seccomp filter refuses what the emulated device needs.*: membarrier$" "$tmp/out"
result $? "a filter that forbids what the emulator needs is announced"
$CC -O1 -shared -fPIC "$top_srcdir/tests/run/raw_library.c" -o "$tmp/raw_library.so"
one "a library that comes by dlopen" "$top_builddir/tests/run/corners" library "$tmp/raw_library.so"

# only programs that can make system calls of their own get a filter
mode() { timeout 60 "$SGXCTL" run -- "$@" | sed -n 's/^Seccomp_filters:[^0-9]*//p'; }
before=$(sed -n 's/^Seccomp_filters:[^0-9]*//p' /proc/self/status)
[ "$(mode cat /proc/self/status)" = "$before" ]
result $? "an ordinary program gets no filter"
[ "$(mode "$top_builddir/tests/run/world_instruction" status)" = $((before + 1)) ]
result $? "one with system calls in its text gets one"
echo "1..$n"
