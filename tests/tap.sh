# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# TAP of shell tests: numbers, and whether all was well.  To be sourced.
count=0
failed=0

# result STATUS WHAT: one line
result() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=1
		echo "not ok $count - $2"
	fi
}

# skip WHAT WHY
skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# finish: the plan, and the exit status
finish() {
	echo "1..$count"
	exit $failed
}
