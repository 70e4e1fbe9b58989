#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Linux kernel's own SGX selftests, sources unmodified, on the emulated device: built with the flags of their
# Makefile, their system calls redirected by kselftest_wrap.h.  TAP on stdout.  Nothing is fetched.
#
# Environment: KSELFTEST_SRC  a folder tools/testing/selftests/sgx of a kernel tree (6.0 or later)
#              CC, SAN_CFLAGS, CRYPTO_LIBS, SGXCTL, SGXCTL_KEEPER, top_srcdir, top_builddir: from make.
#
# The emulated EPC is not paged, so the two "oversubscribed" tests are run twice: with a device larger than CPUID
# says, where they must pass, and with one of that size, where they must fail for want of EPC and nothing else may.
set -u

: "${top_srcdir:?}" "${top_builddir:?}" "${CC:=cc}" "${SAN_CFLAGS:=}" "${CRYPTO_LIBS:=-lcrypto}"
wrap=$top_srcdir/tests/driver/kselftest_wrap.h
count=0
failed=0

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# result STATUS WHAT: one line of TAP
result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=1
		echo "not ok $count - $2"
	fi
}

comment() { sed 's/^/# /'; }

# The folder with the selftests, from the source package when need be.
find_source() {
	if [ -n "${KSELFTEST_SRC:-}" ]; then
		echo "$KSELFTEST_SRC"
		return
	fi
	for archive in /usr/src/linux-source-*.tar.xz; do
		[ -r "$archive" ] || continue
		tar -xJf "$archive" -C "$tmp" --wildcards '*/tools/testing/selftests/sgx' '*/tools/include' \
			'*/tools/testing/selftests/kselftest*.h' '*/arch/x86/include/asm/sgx.h' \
			'*/arch/x86/include/asm/enclu.h' '*/arch/x86/include/uapi/asm/sgx.h' || return
		echo "$tmp"/linux-*/tools/testing/selftests/sgx
		return
	done
}

# build: test_encl.elf and test_sgx in $tmp/out, as their Makefile does; the host part with our header in front
build() {
	mkdir "$tmp/out" || return
	# shellcheck disable=SC2086
	$CC -Wall -Werror -static -nostdlib -nostartfiles -fPIC -fno-stack-protector -mrdrnd -I"$src/../../../include" \
		-T "$src/test_encl.lds" "$src/test_encl.c" "$src/test_encl_bootstrap.S" \
		-o "$tmp/out/test_encl.elf" -Wl,--build-id=none || return
	for part in main.c load.c sigstruct.c call.S sign_key.S; do
		# sign_key.S reads its key from the current folder
		# shellcheck disable=SC2086
		(cd "$src" && $CC -Wall -Werror -g $SAN_CFLAGS -I"$src/../../../include" -fPIC -include "$wrap" -c $part \
			-o "$tmp/out/${part%.*}.o") || return
	done
	# shellcheck disable=SC2086
	$CC $SAN_CFLAGS -g -z noexecstack -o "$tmp/out/test_sgx" "$tmp"/out/*.o \
		"$top_builddir/tests/driver/libkselftest_wrap.a" "$top_builddir/libemul.a" \
		"$top_builddir/libemul_native.a" "$top_builddir/libemul.a" "$top_builddir/libmachine.a" \
		$CRYPTO_LIBS -lpthread
}

# build_plain PROGRAM [FLAGS...]: the same, for `sgxctl run`, with nothing redirected
build_plain() {
	program=$1
	shift
	mkdir "$tmp/$program" || return
	for part in main.c load.c sigstruct.c call.S sign_key.S; do
		(cd "$src" && $CC -Wall -Werror -g -I"$src/../../../include" -fPIC "$@" -c $part \
			-o "$tmp/$program/${part%.*}.o") || return
	done
	$CC -g -z noexecstack -o "$tmp/out/$program" "$tmp/$program"/*.o -lcrypto
}

# under_run WHAT PROGRAM [OPTION...]: it under `sgxctl run`; $tmp/lines holds its results
under_run() {
	what=$1 program=$2
	shift 2
	(cd "$tmp/out" && timeout 60 "$SGXCTL" run "$@" -- "./$program" >"$tmp/tap" 2>&1)
	grep -E '^(not )?ok ' "$tmp/tap" >"$tmp/lines"
	[ "$(wc -l <"$tmp/lines")" -eq 16 ]
	result $? "$what: all 16 tests ran"
}

# The program as it is built for real hardware.  Four of its tests ask CPUID for SGX2 or the size of the EPC, and get
# this machine's answer.
unmodified() {
	under_run "sgxctl run" test_sgx_plain
	while read -r line; do
		case $line in
		"ok "*"# SKIP SGX2 not supported")
			count=$((count + 1))
			echo "ok $count - sgxctl run: ${line%% #*} # SKIP CPUID leaf 12H is this machine's" ;;
		"not ok "*enclave.unclobbered_vdso_oversubscribed*)
			if grep -q 'Expected total_mem (0) != 0' "$tmp/tap"; then
				count=$((count + 1))
				echo "ok $count - sgxctl run: ${line#*enclave.} # SKIP CPUID leaf 12H is this machine's"
			else
				result 1 "sgxctl run: ${line#*enclave.}"
			fi ;;
		"not "*) result 1 "sgxctl run: ${line#*enclave.}" ;;
		*) result 0 "sgxctl run: ${line#*enclave.}" ;;
		esac
	done <"$tmp/lines"
}

# With CPUID answered by a header everything passes; also several at once.
answered() {
	for kernel in rfc upstream fixed; do
		for trap in enclu hlt int3; do
			SGXCTL_TRAP=$trap
			export SGXCTL_TRAP
			under_run "sgxctl run, CPUID answered, $kernel, $trap" test_sgx_cpuid --kernel="$kernel" --epc=64M
			! grep -E '^not|SKIP' "$tmp/lines" >"$tmp/bad"
			result $? "sgxctl run, CPUID answered, $kernel, $trap: all passed"
			comment <"$tmp/bad"
		done
	done
	unset SGXCTL_TRAP
	for copies in 2 8; do
		rm -f "$tmp"/copy-*
		for i in $(seq $copies); do
			(cd "$tmp/out" && timeout 120 "$SGXCTL" run --epc=64M -- ./test_sgx_cpuid >"$tmp/copy-$i" 2>&1) &
		done
		wait
		[ "$(cat "$tmp"/copy-* | grep '^ok ' | grep -vc SKIP)" -eq $((16 * copies)) ]
		result $? "sgxctl run: $copies copies at once, all passed"
	done
}

# run WHAT [VAR=VALUE...]: the whole suite; each of its tests becomes one of ours
run() {
	what=$1
	shift
	(cd "$tmp/out" && env KSELFTEST_LOG="$tmp/log" "$@" timeout 60 ./test_sgx >"$tmp/tap" 2>&1)
	status=$?
	grep -E '^(not )?ok ' "$tmp/tap" >"$tmp/lines"
	while read -r line; do
		name=${line#*enclave.}
		case $line in
		*"# SKIP"*) result 1 "$what: $line" ;;
		ok*)	result 0 "$what: $name" ;;
		*)	result 1 "$what: $name" ;;
		esac
	done <"$tmp/lines"
	[ "$(wc -l <"$tmp/lines")" -ge 16 ] && [ "$status" -eq 0 ]
	result $? "$what: all tests ran and passed"
	if [ "$status" -ne 0 ]; then comment <"$tmp/tap"; fi
}

# full: a device with as much EPC as it reports
full() {
	(cd "$tmp/out" && KSELFTEST_EPC=16777216 KSELFTEST_DEVICE_EPC=16777216 timeout 60 ./test_sgx >"$tmp/tap" 2>&1)
	grep '^not ok' "$tmp/tap" | sed 's/.*enclave\.//; s/ .*//' | tr '\n' ' ' >"$tmp/lines"
	[ "$(cat "$tmp/lines")" = 'unclobbered_vdso_oversubscribed unclobbered_vdso_oversubscribed_remove ' ]
	result $? "full EPC: the two oversubscribed tests fail, and no other"
	[ "$(grep -c 'ADD_PAGES failed: Cannot allocate memory' "$tmp/tap")" -eq 2 ]
	result $? "full EPC: with ENOMEM from ADD_PAGES"
	[ "$failed" -eq 0 ] || comment <"$tmp/tap"
}

# What the selftests measured, in their own way, against our reader of the same file
measurements() {
	sort -u "$tmp/log" >"$tmp/measured"
	[ "$(wc -l <"$tmp/measured")" -ge 3 ]
	result $? "MRENCLAVE of three heap sizes at least is known"
	while read -r heap mrenclave; do
		ours=$("$top_builddir/tests/oracle/image_tool" measure "$tmp/out/test_encl.elf" kernel "$heap")
		[ "$ours" = "$mrenclave" ]
		result $? "MRENCLAVE with a heap of $heap bytes"
	done <"$tmp/measured"
}

# The same enclave under sgxctl
tool() {
	SGXCTL_STATE_DIR=$tmp/state
	XDG_CONFIG_HOME=$tmp/config
	HOME=$tmp
	export SGXCTL_STATE_DIR XDG_CONFIG_HOME HOME
	image=$tmp/out/test_encl.elf
	want=$(awk '$1 == 4096 { print $2; exit }' "$tmp/measured")
	"$SGXCTL" load "$image" --name kst --device emulated >"$tmp/load" 2>"$tmp/err"
	result $? "sgxctl load"
	grep -q "\"mrenclave\":\"$want\"" "$tmp/load"
	result $? "its MRENCLAVE is the selftests'"
	"$SGXCTL" dump-secs kst >"$tmp/secs" 2>>"$tmp/err" && grep -q "\"mrenclave\":\"$want\"" "$tmp/secs"
	result $? "and the SECS has it"
	"$SGXCTL" call kst nop >"$tmp/call" 2>>"$tmp/err"
	[ $? -eq 4 ]
	result $? "sgxctl call is refused: the enclave has no operation interface"
	"$SGXCTL" unload kst >/dev/null 2>>"$tmp/err"
	result $? "sgxctl unload"
	[ "$failed" -eq 0 ] || comment <"$tmp/err"
}

src=$(find_source)
[ -n "$src" ] || skip_all "no kernel source: KSELFTEST_SRC is not set and /usr/src has no linux-source archive"
[ -r "$src/test_encl.lds" ] || skip_all "$src: not a folder with the SGX selftests"
if ! build >"$tmp/build" 2>&1; then
	echo "1..1"
	echo "not ok 1 - the selftests build"
	comment <"$tmp/build"
	exit 1
fi
run "default"
for kernel in rfc upstream fixed; do
	for trap in enclu hlt int3; do
		run "$kernel, $trap" KSELFTEST_KERNEL=$kernel SGXCTL_TRAP=$trap KSELFTEST_EPC=2097152
	done
done
full
KSELFTEST_EPC=1048576
export KSELFTEST_EPC
measurements
if [ -x "${SGXCTL:-}" ]; then tool; fi
if [ -x "${SGXCTL:-}" ] && [ -r "${SGXCTL_SHIM:-}" ]; then
	if build_plain test_sgx_plain >"$tmp/build" 2>&1 &&
		build_plain test_sgx_cpuid -include "$top_srcdir/tests/driver/kselftest_cpuid.h" \
			-DKSELFTEST_EPC=2097152u >>"$tmp/build" 2>&1; then
		unmodified
		answered
	else
		result 1 "the selftests build without our headers"
		comment <"$tmp/build"
	fi
fi
echo "1..$count"
exit $failed
