#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# sgxctl run: programs that know nothing of it.
# shellcheck shell=bash disable=SC2154

load helper

programs=${top_builddir:?}/tests/run
# They end with an enclave loaded: what they still hold is no leak to look for.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

@test "a program without SGX does what it does, and ends as it ends" {
	run --separate-stderr "$SGXCTL" run -- "$programs/hello"
	[ "$status" -eq 0 ] && [ "$output" = hello ] && [ -z "$stderr" ]
	run "$SGXCTL" run "$programs/hello" exit 37
	[ "$status" -eq 37 ]
	run "$SGXCTL" run -- "$programs/hello" exit 125
	[ "$status" -eq 125 ] && [ "$output" = hello ]
	run "$SGXCTL" run -- "$programs/hello" kill 15
	[ "$status" -eq 143 ]
}

@test "the program is the process: signals reach it" {
	"$SGXCTL" run -- "$programs/hello" sleep >"$BATS_TEST_TMPDIR/out" 3>&- &
	local pid=$!
	until_true 10 grep -q hello "$BATS_TEST_TMPDIR/out"
	[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$programs/hello")" ]
	kill -TERM "$pid"
	local status=0
	wait "$pid" || status=$?
	[ "$status" -eq 143 ]
}

@test "its options are its own" {
	run "$SGXCTL" run sh -c 'echo "$0 $1"' --trace --summary
	[ "$status" -eq 0 ] && [ "$output" = "--trace --summary" ]
}

@test "exit statuses of failures" {
	run -127 --separate-stderr "$SGXCTL" run -- no-such-program
	fails_with io
	run -127 --separate-stderr "$SGXCTL" run -- ./no-such-program
	touch "$BATS_TEST_TMPDIR/file"
	run -126 --separate-stderr "$SGXCTL" run -- "$BATS_TEST_TMPDIR/file"
	fails_with io
	run -126 --separate-stderr "$SGXCTL" run -- "$BATS_TEST_TMPDIR"
	run --separate-stderr "$SGXCTL" run
	[ "$status" -eq 125 ] && fails_with usage
	run --separate-stderr "$SGXCTL" run --device=kernel -- true
	[ "$status" -eq 125 ] && fails_with usage
	SGXCTL_SHIM=/nonexistent run --separate-stderr "$SGXCTL" run -- true
	[ "$status" -eq 125 ] && fails_with unsupported
	run --separate-stderr "$SGXCTL" run --trace=/nonexistent/file -- true
	[ "$status" -eq 125 ] && fails_with io
}

@test "static programs run, and options that they cannot have are refused" {
	[ -x "${SGXCTL_EXEC-}" ] || skip "sgxctl-exec is not built with sanitizers"
	printf 'int main(void) { return 7; }\n' >"$BATS_TEST_TMPDIR/s.c"
	${CC:-cc} -static -o "$BATS_TEST_TMPDIR/s" "$BATS_TEST_TMPDIR/s.c" 2>/dev/null || skip "no static libc"
	run -7 --separate-stderr "$SGXCTL" run -- "$BATS_TEST_TMPDIR/s"
	run --separate-stderr "$SGXCTL" run --probe -- "$BATS_TEST_TMPDIR/s"
	has '.ok and .linking == "static" and .loader == null and (.cpuid.means | test("none|fault|rewrite"))'
	run -7 --separate-stderr "$SGXCTL" run --summary -- "$BATS_TEST_TMPDIR/s"
	[[ $stderr = *total* ]]
	run -125 --separate-stderr "$SGXCTL" run --cpuid=off -- true
	fails_with unsupported
}

@test "a program with a sanitizer executes one without" {
	printf '#include <stdlib.h>\nint main(void) { return system("exit 3") >> 8; }\n' >"$BATS_TEST_TMPDIR/a.c"
	${CC:-cc} -fsanitize=address -o "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/a.c" 2>/dev/null || skip "no AddressSanitizer"
	ASAN_OPTIONS=detect_leaks=0 run -3 "$SGXCTL" run -- "$BATS_TEST_TMPDIR/a"
}

@test "--probe says what the program will find, and does not run it" {
	run --separate-stderr "$SGXCTL" run --probe -- "$programs/hello"
	[ "$status" -eq 0 ]
	has '.schema == "sgxctl.run/1" and .ok and .linking == "dynamic" and (.loader | test("ld-linux"))'
	has '.cpuid.leaf_12h == (if .cpuid.means == "none" then "native" else "emulated" end) and (.cpuid.can_fault | type == "boolean")'
	printf '#! /bin/sh -e\n' >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	run --separate-stderr "$SGXCTL" run --probe -- "$BATS_TEST_TMPDIR/script"
	has '.interpreter == "/bin/sh" and .linking == "dynamic"'
}

# Nothing fails, and what is skipped is what is skipped on a real driver with that kernel.
@test "the whole of sgxctl runs on the emulated device as on a kernel's" {
	local mode doc=$BATS_TEST_TMPDIR/doc
	for mode in --kernel=rfc --kernel=fixed --kernel=upstream --no-sgx2; do
		"$SGXCTL" run "$mode" -- "$SGXCTL" accept-test --device=kernel >"$doc-$mode" 2>/dev/null 3>&-
		[ "$(jq -c '[.ok, .device, .failed]' "$doc-$mode")" = '[true,"kernel",0]' ]
	done
	for mode in --kernel=rfc --kernel=fixed; do
		jq -e '.passed >= 67 and (.scenarios | map(select(.result == "skip")) | all(.name == "epc-exhausted"))' "$doc-$mode"
	done
	jq -e '.passed >= 49 and (.scenarios | map(select(.result == "skip")) |
		all(.name == "epc-exhausted" or (.strategy == "ioctl" and (.reason | contains("AUGMENT_PAGES")))))' \
		"$doc---kernel=upstream"
	jq -e '.passed == 0 and (.scenarios | all(.reason | contains("SGX2")))' "$doc---no-sgx2"
}

@test "the kernel's device tells what it offers, and a SIGSTRUCT that demands more is refused before CREATE" {
	"$SGXCTL" sign grow --out "$BATS_TEST_TMPDIR/s.sig" --xfrm X87,SSE,bit62 --xfrm-mask X87,SSE,bit62 >/dev/null
	run --separate-stderr "$SGXCTL" run --trace="$BATS_TEST_TMPDIR/trace" -- "$SGXCTL" load grow --device=kernel \
		--sigstruct "$BATS_TEST_TMPDIR/s.sig" 3>&-
	[ "$status" -eq 4 ]
	jq -e '.error.code == "unsupported" and (.error.message | contains("XFRM"))' <<<"$output"
	[ "$(jq -s '[.[] | select(.event == "ioctl" and (.command | contains("CREATE")))] | length' "$BATS_TEST_TMPDIR/trace")" -eq 0 ]
}

@test "a keeper that was started there goes on" {
	run --separate-stderr "$SGXCTL" run -- "$SGXCTL" load grow --device=kernel --name k 3>&-
	[ "$status" -eq 0 ]
	run json augment k --offset=0x200000 --pages=4
	has '.ok and .augmented_pages == 4'
	run json call k nop
	has '.ok and .device == "kernel"'
	run json unload k
	has '.ok'
}

@test "--kernel, --no-sgx2 and --epc choose the device" {
	run --separate-stderr "$SGXCTL" run --kernel=upstream -- "$SGXCTL" info 3>&-
	has '[.probes[] | select(.name == "ioctl-augment-pages")][0].value == "ENOTTY"'
	run --separate-stderr "$SGXCTL" run --no-sgx2 -- "$SGXCTL" info 3>&-
	has '[.probes[] | select(.name == "ioctl-modify-types")][0].value == "ENODEV"'
	run "$SGXCTL" run --epc=96M -- cat /sys/devices/system/node/node0/x86/sgx_total_bytes
	[ "$output" = 100663296 ]
	run "$SGXCTL" run -- cat /sys/devices/system/node/node0/x86/sgx_total_bytes
	[ "$output" = 134217728 ]
	run "$SGXCTL" run -- grep -c -w sgx_lc /proc/cpuinfo
	[ "$output" -ge 1 ]
}

@test "--trace writes one object per event, --summary counts the same" {
	local t=$BATS_TEST_TMPDIR/trace
	run --separate-stderr "$SGXCTL" run --summary --trace="$t" -- "$programs/world" stub
	[ "$status" -eq 0 ]
	jq -es 'all(.ns > 0 and .pid > 0 and .tid > 0)' "$t" >/dev/null
	jq -es 'map(select(.event == "ioctl" and .command == "CREATE")) | length == 3 and all(.result == 0)' "$t" >/dev/null
	jq -es 'map(select(.event == "ioctl" and .command == "INIT")) | length == 3' "$t" >/dev/null
	jq -es 'map(select(.event == "ioctl" and .command == "ADD_PAGES")) | all(.count == .length)' "$t" >/dev/null
	# the exceptions inside, with vector and address; the entry that was refused
	jq -es '[.[] | select(.event == "aex" and .vector != null) | .vector] | contains([6]) and contains([0])' "$t" >/dev/null
	jq -es 'map(select(.leaf == "EENTER" and .vector == 13)) | length == 1' "$t" >/dev/null
	local row
	for row in EENTER EEXIT AEX; do
		local counted traced
		counted=$(awk -v row="$row" '$3 == row { print $1 }' <<<"$stderr")
		traced=$(jq -r --arg row "$row" 'select((.leaf // (.event | ascii_upcase)) == $row) | .event' "$t" | wc -l)
		[ "$counted" -eq "$traced" ] && [ "$traced" -gt 0 ]
	done
	# a program that never touches the device leaves an empty file
	"$SGXCTL" run --trace="$t" -- true
	[ -e "$t" ] && [ ! -s "$t" ]
}

@test "children inherit device, trace and summary" {
	local t=$BATS_TEST_TMPDIR/trace
	run --separate-stderr "$SGXCTL" run --summary --trace="$t" -- "$programs/world" exec
	[ "$status" -eq 0 ]
	[ "$(jq -r .pid "$t" | sort -u | wc -l)" -eq 5 ]
	[ "$(awk '$3 == "CREATE" { print $1 }' <<<"$stderr")" -eq 5 ]
	[ "$(grep -c total <<<"$stderr")" -eq 1 ]
}

@test "the library exports nothing but what it takes over" {
	run nm -D --defined-only "$SGXCTL_SHIM"
	[ "$status" -eq 0 ]
	! grep -E ' (emul|native|sgxm|shim|errno)_' <<<"$output"
	run readelf -d "$SGXCTL_SHIM"
	! grep -E 'NEEDED.*(crypto|cjson|elf)' <<<"$output"
}
