#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Static programs under sgxctl run: what they may do, what CPUID tells them, how they end.  Programs are linked here,
# because not every system has the static C library.
set -u
top=${top_srcdir:?} build=${top_builddir:?}
: "${SGXCTL:?}" "${CC:=cc}"
SGXCTL_EXEC=$build/sgxctl-exec
SGXCTL_SHIM=$build/libsgxemu.so
SGXCTL_ENCLAVES=$build/enclaves
export SGXCTL_EXEC SGXCTL_SHIM SGXCTL_ENCLAVES
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
SGXCTL_TEST_KEY=$tmp/key.pem            # made by the first of them
export SGXCTL_TEST_KEY
n=0

result() { # STATUS WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# A TAP program must pass as a whole; what failed is shown.
tap() { # WHAT COMMAND...
	what=$1
	shift
	timeout 400 "$@" >"$tmp/out" 2>&1
	status=$?
	[ "$status" -eq 0 ] && grep -q '^1\.\.[1-9]' "$tmp/out" && ! grep -q '^not ok' "$tmp/out"
	status=$?
	result "$status" "$what"
	if [ "$status" -ne 0 ]; then grep -v '^ok' "$tmp/out" | sed 's/^/# /'; fi
}

static() { # NAME OPTIONS...
	name=$1
	shift
	$CC -D_GNU_SOURCE -O2 -w -pthread "$@" -o "$tmp/$name" 2>"$tmp/ld"
}

if ! static hello -static "$top/tests/run/static_hello.c"; then
	echo "1..0 # SKIP $CC cannot link static programs"
	exit 0
fi
tap "a static program" "$SGXCTL" run -- "$tmp/hello"
if static hello-pie -static-pie "$top/tests/run/static_hello.c"; then
	tap "a static PIE" "$SGXCTL" run -- "$tmp/hello-pie"
fi

"$SGXCTL" run -- "$tmp/hello" child
[ $? -eq 42 ]
result $? "its exit status is its own"
"$SGXCTL" run -- "$tmp/nowhere" 2>/dev/null
[ $? -eq 127 ]
result $? "127 when there is no such program"
printf '\177ELF garbage' >"$tmp/garbage"
chmod +x "$tmp/garbage"
"$SGXCTL" run -- "$tmp/garbage" 2>/dev/null
status=$?
[ "$status" -eq 126 ] || [ "$status" -eq 125 ]
result $? "125 or 126 when it is none"
"$SGXCTL_EXEC" "$tmp/garbage" "$tmp/garbage" 2>/dev/null
[ $? -eq 126 ]
result $? "126 from sgxctl-exec itself"

static cpuid -static "$top/tests/run/static_cpuid.c"
result $? "a program that asks CPUID links"
means=$("$SGXCTL" run --probe -- "$tmp/cpuid" | sed 's/.*"means":"\([a-z]*\)".*/\1/')
echo "# CPUID by: $means"
if [ "$means" != none ]; then
	tap "CPUID shows SGX, and nothing else changed" "$SGXCTL" run --epc 64M -- "$tmp/cpuid" 0x4000000
fi
if [ "$means" = rewrite ] && command -v objdump >/dev/null; then
	# all but the one behind data that does not decode, and the decoys, which objdump takes for instructions
	sites=$("$SGXCTL" run --probe -- "$tmp/hello" | sed 's/.*"sites":\([0-9]*\).*/\1/')
	want=$(objdump -d "$tmp/hello" | grep -cw cpuid)
	[ "$sites" -eq "$want" ] && [ "$want" -gt 0 ]
	result $? "as many CPUID as objdump finds: $sites of $want"
	cp "$tmp/hello" "$tmp/stripped" && strip "$tmp/stripped"
	sites=$("$SGXCTL" run --probe -- "$tmp/stripped" | sed 's/.*"sites":\([0-9]*\).*/\1/')
	[ "$sites" -gt 0 ] && [ "$sites" -le "$want" ]
	result $? "stripped, by the unwind tables: $sites of $want"
fi
"$SGXCTL" run --cpuid=off -- "$tmp/cpuid" 0 >"$tmp/out"
grep -q '^ok .*an immediate' "$tmp/out"
result $? "--cpuid=off changes no byte"

static device_calls -static -D_GNU_SOURCE "$top/tests/run/device_calls.c"
tap "reading and writing the device" "$SGXCTL" run -- "$tmp/device_calls"

# a runtime of its own, in both shapes
for shape in -static -static-pie; do
	static runtime $shape -nostdlib -ffreestanding -fno-stack-protector "$top/tests/run/static_runtime.c" &&
		timeout 100 "$SGXCTL" run -- "$tmp/runtime" >"$tmp/out" 2>&1
	status=$?
	[ "$status" -eq 0 ]
	result $? "a runtime without a C library, $shape: status $status"
done

# the tests of the emulator and of `run`, as static programs on the device
libs="$build/libimage.a $build/libbase.a $build/libarch.a -lcrypto -lelf -lz"
for test in emul_native emul_stress; do
	code=
	if [ "$test" = emul_native ]; then code=$top/tests/unit/vector_code.S; fi
	# shellcheck disable=SC2086
	if static "$test" -static -I"$top/src" -I"$top/enclaves/include" -I"$top/tests/unit" -I"$build" -mfsgsbase \
		"$top/tests/unit/test_$test.c" $code "$top/tests/run/libc_device.c" "$top/tests/unit/emul_rig.c" $libs; then
		tap "$test, static" "$SGXCTL" run -- "$tmp/$test"
	else
		n=$((n + 1))
		echo "ok $n - $test # SKIP a library has no static variant"
	fi
done
# shellcheck disable=SC2086
if static world -static -I"$top/src" -I"$top/enclaves/include" -I"$top/tests/unit" -I"$build" \
	"$top/tests/run/world.c" "$top/tests/run/libc_device.c" "$top/tests/unit/emul_rig.c" $libs; then
	for topic in handlers masks timer threads fork exec pass fds views stub; do
		tap "world $topic, static" "$SGXCTL" run -- "$tmp/world" $topic
	done
fi
echo "1..$n"
