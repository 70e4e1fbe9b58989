#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The same random lives of enclaves on the real driver in a virtual machine and under `sgxctl run`, compared line by line.
# TAP on stdout.
#
# Environment: DRIVER_VM  boot script: [-p CPU] [-a KERNEL_WORDS] [-o OUTPUT_DIR] [-t SECONDS] SCRIPT FILE...
#              SGXCTL, SGXCTL_SHIM, ENCLDIFF, from make
#              ENCLDIFF_FIRST ENCLDIFF_COUNT ENCLDIFF_STEPS  default 1 100 200
set -u

: "${ENCLDIFF:?}" "${SGXCTL:?}"
first=${ENCLDIFF_FIRST:-1} count=${ENCLDIFF_COUNT:-100} steps=${ENCLDIFF_STEPS:-200}

if [ -z "${DRIVER_VM:-}" ]; then
	echo "1..0 # SKIP DRIVER_VM names no boot script of a machine with the real driver"
	exit 0
fi
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
failed=0

# compare NUMBER NAME KERNEL_WORDS SEQUENCES BALLAST [OPTIONS OF RUN...]
compare() {
	number=$1 name=$2 words=$3 n=$4 ballast=$5
	shift 5
	mkdir -p "$tmp/$number"
	printf './encldiff %s %s %s %s > /tmp/lines && cp /tmp/lines /out/lines\n' \
		"$first" "$n" "$steps" "$ballast" > "$tmp/script"
	# Without protection keys, so that an execute-only mapping can be read, as the model has it.
	"$DRIVER_VM" -t 900 -p max,vendor=GenuineIntel,-pku -a "$words" -o "$tmp/$number" \
		"$tmp/script" "$ENCLDIFF" > "$tmp/log" 2>&1
	# shellcheck disable=SC2086	# no ballast is no argument
	"$SGXCTL" run "$@" -- "$ENCLDIFF" "$first" "$n" "$steps" $ballast > "$tmp/$number/emul" 2>> "$tmp/log"
	# A child that hangs on the driver ends its sequence, and leaves nothing to compare with.
	hung=$(sed -n 's/^\([0-9]*\)\.[0-9]*p the child hangs$/\1/p' "$tmp/$number/lines" | sort -u)
	for seed in $hung; do
		sed -i "/^$seed\./d" "$tmp/$number/lines" "$tmp/$number/emul"
	done
	hung=$(echo "$hung" | grep -c .)
	lines=$(wc -l < "$tmp/$number/emul")
	if [ "$((hung * 5))" -le "$n" ] && [ -s "$tmp/$number/lines" ] && diff "$tmp/$number/lines" "$tmp/$number/emul" > "$tmp/diff"; then
		echo "ok $number - $name: $lines steps, all alike ($hung of $n sequences hung on the driver)"
		return
	fi
	failed=1
	echo "not ok $number - $name: $lines steps, $hung of $n sequences hung, < driver, > model"
	head -n 40 "$tmp/diff" "$tmp/log" 2>/dev/null | sed 's/^/# /'
	: > "$tmp/diff"
}

echo 1..3
compare 1 "SGX2" "" "$count" ""
compare 2 "SGX1 only" "sgxsim_nosgx2" "$count" "" --no-sgx2
compare 3 "a short EPC" "sgxsim_epc=2M" "$((count / 10 + 4))" 600 --epc=2M
exit $failed
