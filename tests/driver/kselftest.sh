#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Linux kernel's own SGX selftests, sources unmodified, in two ways: built by their Makefile, under `sgxctl run`;
# and on the emulator alone, their system calls redirected by kselftest_wrap.h (also with sanitizers).  TAP on stdout.
# Nothing is fetched.
#
# Environment: KSELFTEST_SRC  a folder tools/testing/selftests/sgx of a kernel tree (6.0 or later)
#              KSELFTEST_LONG  not empty: also eight copies with the default EPC in all modes, some minutes
#              CC, SAN_CFLAGS, CRYPTO_LIBS, SGXCTL, SGXCTL_KEEPER, SGXCTL_SHIM, SGXCTL_EXEC, top_srcdir, top_builddir: from make.
#
# The device has the EPC that CPUID reports, so the two "oversubscribed" tests live on paging.
set -u

: "${top_srcdir:?}" "${top_builddir:?}" "${CC:=cc}" "${SAN_CFLAGS:=}" "${CRYPTO_LIBS:=-lcrypto}"
wrap=$top_srcdir/tests/driver/kselftest_wrap.h
# shellcheck source=tests/tap.sh
. "$top_srcdir/tests/tap.sh"

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
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
			'*/tools/testing/selftests/kselftest*.h' '*/tools/testing/selftests/lib.mk' \
			'*/tools/testing/selftests/x86/check_cc.sh' '*/scripts/subarch.include' \
			'*/tools/testing/selftests/x86/trivial_64bit_program.c' '*/arch/x86/include/asm/sgx.h' \
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

# build_plain FOLDER COMPILER: as for real hardware, by their own Makefile
build_plain() {
	mkdir "$tmp/$1" && make -s -C "$src" OUTPUT="$tmp/$1" CC="$2"
}

# at_once WHAT EPC COPY...: copies under `sgxctl run`, all at the same time; a COPY is FOLDER:KERNEL:TRAP, an empty EPC
# is the default.  Every copy must run 16 tests and pass them all, none skipped.
at_once() {
	what=$1 epc=$2
	shift 2
	for copy; do
		(
			folder=${copy%%:*} trap=${copy##*:} kernel=${copy#*:}
			cd "$tmp/$folder" && SGXCTL_TRAP=$trap timeout 600 "$SGXCTL" run --kernel="${kernel%:*}" \
				${epc:+--epc="$epc"} -- ./test_sgx >"$tmp/copy-$copy" 2>&1
			echo $? >"$tmp/status-$copy"
		) &
	done
	wait
	for copy; do
		[ "$(cat "$tmp/status-$copy")" -eq 0 ] && [ "$(grep -c '^ok ' "$tmp/copy-$copy")" -eq 16 ] &&
			! grep -E '^not ok |# SKIP' "$tmp/copy-$copy" >"$tmp/bad"
		status=$?
		result $status "sgxctl run, $copy, $what: 16 tests passed"
		if [ $status -ne 0 ]; then comment <"$tmp/copy-$copy"; fi
	done
}

# one_epc SIZE COPIES: below one `sgxctl run`, so that all copies share one EPC, which each of them could fill alone
one_epc() {
	rm -f "$tmp"/shared-*
	# shellcheck disable=SC2016
	(cd "$tmp/plain" && timeout 600 "$SGXCTL" run --epc="$1" -- \
		sh -c 'for i in $(seq "$0"); do ./test_sgx >"$1-$i" 2>&1 & done; wait' "$2" "$tmp/shared")
	for i in $(seq "$2"); do
		[ "$(grep -c '^ok ' "$tmp/shared-$i")" -eq 16 ] && ! grep -E '^not ok |# SKIP' "$tmp/shared-$i" >"$tmp/bad"
		status=$?
		result $status "sgxctl run, copy $i of $2 in one EPC of $1: 16 tests passed"
		if [ $status -ne 0 ]; then comment <"$tmp/shared-$i"; fi
	done
}

# Whether this machine has what a static program needs.
links_static() {
	echo 'int main(void) { return 0; }' >"$tmp/trial.c"
	$CC -static -o "$tmp/trial" "$tmp/trial.c" -lcrypto 2>"$tmp/ld"
}

# What was built for real hardware, in every mode, alone and with others.  The oversubscribed tests fill the EPC that
# CPUID reports: with the default size they take longest.
under_run() {
	at_once "2M of EPC, alone" 2M plain:rfc:hlt
	if [ -x "${SGXCTL_EXEC:-}" ] && links_static; then
		build_plain static "$CC -static" >"$tmp/build" 2>&1
		result $? "they build with -static"
		at_once "2M of EPC, 8 at once" 2M plain:rfc:enclu plain:rfc:int3 plain:upstream:enclu plain:fixed:int3 \
			static:rfc:hlt static:upstream:hlt static:fixed:hlt static:fixed:enclu
		at_once "the default EPC, 2 at once" "" plain:rfc:hlt static:upstream:hlt
	else
		skip "with -static" "no sgxctl-exec, or no static libraries"
		at_once "the default EPC, 2 at once" "" plain:rfc:hlt plain:upstream:hlt
	fi
	one_epc 16M 2
	one_epc 8M 8
	at_once "8M of EPC, 3 at once" 8M plain:upstream:hlt plain:fixed:hlt plain:fixed:enclu
	if [ -n "${KSELFTEST_LONG:-}" ]; then
		at_once "the default EPC, 8 at once" "" plain:rfc:enclu plain:rfc:int3 plain:upstream:enclu \
			plain:fixed:int3 static:rfc:hlt static:upstream:hlt static:fixed:hlt static:fixed:enclu
	fi
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
run "a small EPC" KSELFTEST_EPC=1048576
run "one much smaller than reported" KSELFTEST_EPC=4194304 KSELFTEST_DEVICE_EPC=1048576
KSELFTEST_EPC=1048576
export KSELFTEST_EPC
measurements
if [ -x "${SGXCTL:-}" ]; then tool; fi
if [ -x "${SGXCTL:-}" ] && [ -r "${SGXCTL_SHIM:-}" ]; then
	build_plain plain "$CC" >"$tmp/build" 2>&1
	status=$?
	result $status "their own Makefile builds them"
	if [ $status -eq 0 ]; then under_run; else comment <"$tmp/build"; fi
fi
finish
