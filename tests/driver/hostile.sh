#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The hostile programs on the real driver in a virtual machine: they print what hostile.expected says.  Then here, as in
# make check.  TAP on stdout.
#
# Environment: DRIVER_VM  boot script: [-p CPU] [-o OUTPUT_DIR] [-t SECONDS] SCRIPT FILE...; without it only the second
#              HOSTILE_LEFT  a folder that keeps the transcripts; that of the driver is a new hostile.expected
#              and what tests/run/hostile.sh needs
set -u
top=${top_srcdir:?} build=${top_builddir:?}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
left=${HOSTILE_LEFT:-$tmp/left}
mkdir -p "$left"
HOSTILE_LEFT=$left
export HOSTILE_LEFT
status=0

driver() {
	mkdir -p "$tmp/out" "$tmp/enclaves"
	cp "$SGXCTL_ENCLAVES"/*.elf "$tmp/enclaves"
	# one key for all: making it takes that machine seconds
	SGXCTL_TEST_KEY=$tmp/key.pem SGXCTL_ENCLAVES=$SGXCTL_ENCLAVES TOPICS=masks \
		sh "$top/tests/run/hostile-topics.sh" "$SGXCTL" run -- "$build/tests/run/hostile" >/dev/null
	cat >"$tmp/script" <<'EOF'
export SGXCTL_ENCLAVES=/guest/enclaves SGXCTL_TEST_KEY=/guest/key.pem
sh ./hostile-topics.sh ./hostile >/tmp/lines && cp /tmp/lines /out/lines
EOF
	# Without protection keys, so that an execute-only mapping can be read, as the model has it.
	"$DRIVER_VM" -t 300 -p max,vendor=GenuineIntel,-pku -o "$tmp/out" "$tmp/script" "$build/tests/run/hostile" \
		"$top/tests/run/hostile-topics.sh" "$tmp/enclaves" "$tmp/key.pem" >"$tmp/log" 2>&1
	cp "$tmp/out/lines" "$left/driver"
	if [ -s "$left/driver" ] && diff "$top/tests/run/hostile.expected" "$left/driver" >"$tmp/diff"; then
		echo "ok 1 - the driver prints what is expected: $(wc -l <"$left/driver") lines"
		return
	fi
	status=1
	echo "not ok 1 - the driver prints what is expected: < expected, > driver"
	head -n 40 "$tmp/diff" "$tmp/log" 2>/dev/null | sed 's/^/# /'
}

if [ -n "${DRIVER_VM:-}" ]; then
	driver
else
	echo "ok 1 # SKIP DRIVER_VM names no boot script of a machine with the real driver"
fi
$SHELL "$top/tests/run/hostile.sh" >"$tmp/here" || status=1
# numbered behind the first
awk '/^(not )?ok [0-9]/ { i = match($0, /[0-9]+/); $0 = substr($0, 1, i - 1) (substr($0, i, RLENGTH) + 1) substr($0, i + RLENGTH) }
	/^1\.\./ { $0 = "1.." substr($0, 4) + 1 } { print }' "$tmp/here"
grep -q '^1\.\.[1-9]' "$tmp/here" || status=1
grep -q '^not ok' "$tmp/here" && status=1
exit $status
