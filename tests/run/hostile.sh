#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hostile programs under `sgxctl run`: what they print is what they printed on the real driver (hostile.expected),
# but for the differences listed in hostile-differences.txt, every one of which must be there.  TAP on stdout.
#
# Environment: HOSTILE_LEFT  a folder for what was printed, to look at
#              TEST_TRAPS  the ways to trap ENCLU, both unless told
set -u
top=${top_srcdir:?} build=${top_builddir:?}
: "${SGXCTL:?}" "${SGXCTL_ENCLAVES:?}" "${CC:=cc}"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
left=${HOSTILE_LEFT:-$tmp}
libs="$build/libimage.a $build/libbase.a $build/libarch.a -lcrypto -lelf -lz"
SGXCTL_TEST_KEY=$tmp/key.pem            # made by the first of them
export SGXCTL_TEST_KEY
n=0

# Programs that end in the middle of things; and a sanitizer is not to have their signals and stacks.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0:use_sigaltstack=0
ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0
export ASAN_OPTIONS
sanitizer=
if ldd "$build/tests/run/hostile" | grep -q libasan; then sanitizer=sanitizer; fi

# compare NAME COMMAND...: one result per topic
compare() {
	name=$1
	shift
	sh "$top/tests/run/hostile-topics.sh" "$@" >"$left/$name"
	for topic in $(sed 's/:.*//' "$top/tests/run/hostile.expected" | uniq); do
		n=$((n + 1))
		if [ "$topic$sanitizer" = pointerssanitizer ]; then
			echo "ok $n - $topic, $name # SKIP the sanitizer itself uses the pointers"
			continue
		fi
		grep "^$topic: " "$top/tests/run/hostile.expected" >"$tmp/want"
		grep "^$topic: " "$left/$name" >"$tmp/got"
		diff "$tmp/want" "$tmp/got" | grep '^[<>]' | sort >"$tmp/found"
		awk -v names="all $name ${sanitizer:+$name+$sanitizer}" -v topic="$topic:" 'BEGIN { n = split(names, is) }
			/^\[/ { on = 0; for (i = 1; i <= n; i++) on = on || index($0, " " is[i] " ") }
			on && /^[<>]/ && $2 == topic' "$top/tests/run/hostile-differences.txt" | sort >"$tmp/listed"
		if diff "$tmp/listed" "$tmp/found" >"$tmp/diff"; then
			echo "ok $n - $topic, $name: $(wc -l <"$tmp/got") lines, $(wc -l <"$tmp/found") differ as listed"
		else
			echo "not ok $n - $topic, $name: \"> <\" is the driver's line and \"> >\" ours, \"<\" a listed one that is gone"
			grep '^[<>]' "$tmp/diff" | head -n 40 | sed 's/^/# /'
		fi
	done
}

for SGXCTL_TRAP in ${TEST_TRAPS:-enclu hlt}; do
	export SGXCTL_TRAP
	compare "$SGXCTL_TRAP" "$SGXCTL" run -- "$build/tests/run/hostile"
done
unset SGXCTL_TRAP
compare instruction "$SGXCTL" run -- "$build/tests/run/hostile_instruction"
# shellcheck disable=SC2086
if [ ! -x "$build/sgxctl-exec" ]; then
	n=$((n + 1))
	echo "ok $n - static # SKIP this build has no sgxctl-exec"
elif $CC -D_GNU_SOURCE -O2 -w -pthread -static -I"$top/src" -I"$top/enclaves/include" -I"$top/tests/unit" -I"$build" \
	"$top"/tests/run/hostile*.c "$top/tests/run/libc_device.c" "$top/tests/unit/emul_rig.c" $libs \
	-o "$tmp/hostile" 2>"$tmp/ld"; then
	compare static "$SGXCTL" run -- "$tmp/hostile"
else
	n=$((n + 1))
	echo "ok $n - static # SKIP a library has no static variant: $(tail -n 1 "$tmp/ld")"
fi
echo "1..$n"
