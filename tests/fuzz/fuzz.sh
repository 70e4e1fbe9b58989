#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make fuzz: each target under libFuzzer with ASan and UBSan, for FUZZ_SECONDS of CPU time (default 60).
#
# Environment: top_srcdir, top_builddir, FUZZ_SECONDS, FUZZ_TARGETS (default: all), CLANG, LIBS_FUZZ.
# Findings stay in fuzz-work/TARGET-*; exit 1 when there are any.
set -eu

src=${top_srcdir:?}
build=${top_builddir:?}
work=$build/fuzz-work
seconds=${FUZZ_SECONDS:-60}
clang=${CLANG:-clang}

mkdir -p "$work"
rm -rf "$work/corpus"
sh "$src/tests/fuzz/corpus.sh" "$work/corpus"

echo "building"
# shellcheck disable=SC2046,SC2086
"$clang" -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -D_GNU_SOURCE \
	-DOPENSSL_API_COMPAT=0x10100000L -I"$src/src" -I"$build/src" -I"$build" -I"$src/enclaves/include" \
	$(ls "$src"/src/image/*.c "$src"/src/arch/*.c "$src"/src/base/*.c) \
	"$src/tests/fuzz/targets.c" "$src/tests/fuzz/plan_check.c" "$src/tests/fuzz/libfuzzer.c" \
	-o "$work/fuzz" ${LIBS_FUZZ:?}

# cpu: CPU seconds of what this shell has started so far (a subshell would know of its own only)
count_cpu() {
	times >"$work/times"
	cpu=$(sed -n '2s/[ms]/ /gp' "$work/times" | awk '{ printf "%d\n", ($1 + $3) * 60 + $2 + $4 }')
}

# libFuzzer counts wall time, so on a busy machine it is started again until the CPU time is there, and has patience
# with an input (none takes a second).
fuzz() { # TARGET
	local begin
	count_cpu
	begin=$cpu
	spent=0
	: >"$work/$1.log"
	while [ "$spent" -lt "$seconds" ]; do
		FUZZ_TARGET=$1 FUZZ_DIR=$work/corpus "$work/fuzz" -max_total_time=$((seconds - spent)) -timeout=60 \
			-rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$work/$1-" "$work/found-$1" \
			"$work/corpus/$1" >>"$work/$1.log" 2>&1 || return 1
		count_cpu
		spent=$((cpu - begin))
	done
}

status=0
for target in ${FUZZ_TARGETS:-$("$build/tests/fuzz/replay" --list)}; do
	mkdir -p "$work/found-$target"
	if fuzz "$target"; then
		inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log" | awk '{ n += $1 } END { print n + 0 }')
		echo "$target: nothing found, $inputs inputs, $spent s of CPU time"
	else
		status=1
		echo "$target: FOUND SOMETHING, see $work/$target.log"
		grep -m5 -E 'ERROR|SUMMARY|fuzz target' "$work/$target.log" || true
	fi
done
exit $status
