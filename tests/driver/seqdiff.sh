#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The same random sequences of system calls on the real driver in a virtual machine and on the driver model,
# compared line by line.  TAP on stdout.
#
# Environment: DRIVER_VM  boot script: [-p CPU] [-a KERNEL_WORDS] [-o OUTPUT_DIR] [-t SECONDS] SCRIPT FILE...
#              SEQDIFF_KERNEL, SEQDIFF_EMUL  the two programs, from make
#              SEQDIFF_FIRST SEQDIFF_COUNT SEQDIFF_STEPS  default 1 300 200
set -u

: "${SEQDIFF_KERNEL:?}" "${SEQDIFF_EMUL:?}"
first=${SEQDIFF_FIRST:-1} count=${SEQDIFF_COUNT:-300} steps=${SEQDIFF_STEPS:-200}

if [ -z "${DRIVER_VM:-}" ]; then
	echo "1..0 # SKIP DRIVER_VM names no boot script of a machine with the real driver"
	exit 0
fi
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
failed=0

# compare NUMBER NAME KERNEL_WORDS [EMULATOR_WORDS...]
compare() {
	number=$1 name=$2 words=$3
	shift 3
	mkdir -p "$tmp/$number"
	printf './%s %s %s %s > /tmp/lines && cp /tmp/lines /out/lines\n' \
		"$(basename "$SEQDIFF_KERNEL")" "$first" "$count" "$steps" > "$tmp/script"
	# Without protection keys, so that an execute-only mapping can be read, as the model has it.
	"$DRIVER_VM" -t 900 -p max,vendor=GenuineIntel,-pku -a "$words" -o "$tmp/$number" \
		"$tmp/script" "$SEQDIFF_KERNEL" > "$tmp/log" 2>&1
	"$SEQDIFF_EMUL" "$first" "$count" "$steps" "$@" > "$tmp/$number/emul"
	lines=$(wc -l < "$tmp/$number/emul")
	if [ -s "$tmp/$number/lines" ] && diff "$tmp/$number/lines" "$tmp/$number/emul" > "$tmp/diff"; then
		echo "ok $number - $name: $lines calls, all alike"
		return
	fi
	failed=1
	echo "not ok $number - $name: $lines calls, < driver, > model"
	head -n 40 "$tmp/diff" "$tmp/log" 2>/dev/null | sed 's/^/# /'
	: > "$tmp/diff"
}

echo 1..2
compare 1 "SGX2" ""
compare 2 "SGX1 only" "sgxsim_nosgx2" no-sgx2
exit $failed
