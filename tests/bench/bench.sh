#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the benchmarks and prints their rows as a table; the JSON rows go to BENCH.json in the current folder.
# bench.sh DIR_OF_PROGRAMS; SGXCTL, SGXCTL_ENCLAVES, PYTHON3 and top_srcdir from the environment.
set -eu
dir=$1
mk=${top_srcdir:?}/tests/mk
out=${BENCH_OUT:-BENCH.json}
: > "$out"

# The fastest of n runs of a command, in microseconds.
fastest_us() {
	n=$1; shift
	best=
	while [ "$n" -gt 0 ]; do
		a=$(date +%s%N)
		"$@" > /dev/null 2>&1 || true
		b=$(date +%s%N)
		t=$(( (b - a) / 1000 ))
		if [ -z "$best" ] || [ "$t" -lt "$best" ]; then best=$t; fi
		n=$((n - 1))
	done
	echo "$best"
}

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
SGXCTL_STATE_DIR=$state
export SGXCTL_STATE_DIR

# Images of about 32 MiB; the SDK's has a heap of as much, which is added and not measured.
"$PYTHON3" "$mk/mk_elf.py" -o "$state/own.elf" --segment r-x:0x1000:0x1000 --segment rw-:0x2000:0x2000000
"$PYTHON3" "$mk/mk_sdk.py" -o "$state/sdk.so" --data-bytes 0x2000000 --heap 0x2000:0x2000:0x2000
"$SGXCTL" measure "$state/own.elf" --sgxs-out "$state/stream.sgxs" > /dev/null
"$dir/bench_image" "$state/own.elf" "$state/sdk.so" "$state/stream.sgxs" >> "$out"
"$dir/bench_emul" >> "$out"

# Programs that use no SGX, of about a second: computing, files and pipes of the usual size, and the worst there is,
# nothing but system calls.
seq 1 4000000 > "$state/text"
head -c 2400000 "$state/text" > "$state/part"
{
	"$dir/bench_run" "$SGXCTL" start /bin/true 30 /bin/true
	"$dir/bench_run" "$SGXCTL" cost "xz" 11 "$(command -v xz)" -T1 -4 -kc "$state/part"
	LC_ALL=C "$dir/bench_run" "$SGXCTL" cost "sort with files" 11 \
		"$(command -v sort)" --parallel=1 -S 4M -T "$state" -r "$state/text"
	"$dir/bench_run" "$SGXCTL" cost "dd bs=512" 11 "$(command -v dd)" if=/dev/zero of=/dev/null bs=512 count=300000
	for kind in calls calls_own calls_static; do
		"$dir/bench_$kind" "$kind, natively"
		"$SGXCTL" run -- "$dir/bench_$kind" "$kind, run"
	done
	"$SGXCTL" run --kernel=rfc --epc=256M --unlisted -- "$dir/bench_under"
} >> "$out"

list=$(fastest_us 40 "$SGXCTL" list)
none=$(fastest_us 40 /bin/true)
extra=$((list - none))
reached=false
if [ "$extra" -le 3000 ]; then reached=true; fi
printf '{"row":"list-cold","against":"/bin/true","ours_ns":%d,"theirs_ns":%d,"extra_ms":%d.%03d,"reach":"<= 3 ms more","reached":%s}\n' \
	"$((list * 1000))" "$((none * 1000))" "$((extra / 1000))" "$((extra % 1000))" "$reached" >> "$out"

jq -r -s '
	(["work", "against", "ratio", "reach", "reached"], ["----", "-------", "-----", "-----", "-------"],
	 (.[] | select(.row and .row != "bare-trap") |
	  [.row, .against, (if .extra_ms != null then "+\(.extra_ms) ms" else (.ratio | tostring) end), .reach,
	   (if .reached == null then "-" elif .reached then "yes" else "NO" end)])) | @tsv' "$out" |
	awk -F '\t' '{ printf "%-30s %-34s %-10s %-14s %s\n", $1, $2, $3, $4, $5 }'
echo
jq -r 'select(.row == "bare-trap") |
	"bare traps in this run: hlt \(.hlt_ns) ns, int3 \(.int3_ns) ns, ud2 \(.ud2_ns) ns; the cheapest is the yardstick"' "$out"
echo
echo "single calls in ns: by functions of libc, and by syscall(2) or instructions of the program's own:"
jq -r -s '[.[] | select(.calls)] | (.[0] | keys_unsorted), (.[] | [.[]]) | @tsv' "$out" |
	awk -F '\t' '{ printf "%-24s", $1; for (i = 2; i <= NF; i++) printf " %-14s", $i; print "" }'
echo "rows as JSON: $out"
