#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The corpora of the fuzzers and some damage to them, with a fixed seed.  TAP on stdout.
#
# Environment: top_srcdir, top_builddir, PYTHON3; FUZZ_ROUNDS damaged copies of each file.

replay=${top_builddir:-.}/tests/fuzz/replay
rounds=${FUZZ_ROUNDS:-400}
count=0
failed=0

if ! command -v "${PYTHON3:-python3}" >/dev/null; then
	echo "1..0 # SKIP there is no python3"
	exit 0
fi
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT INT TERM

sh "${top_srcdir:-.}/tests/fuzz/corpus.sh" "$tmp" || exit 99
for target in $("$replay" --list); do
	count=$((count + 1))
	if out=$(FUZZ_DIR="$tmp" "$replay" "$target" "$rounds" "$tmp/$target"/* 2>&1) &&
	   echo "$out" | grep -q 'taken [1-9][0-9]* refused [1-9]'; then
		echo "ok $count - $out"
	else
		failed=1
		echo "not ok $count - $target"
		echo "$out" | head -n 60 | sed 's/^/# /'
	fi
done
echo "1..$count"
exit $failed
