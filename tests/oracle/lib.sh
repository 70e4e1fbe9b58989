# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# What the checks against the oracles share: TAP on stdout, a directory for files, comparing.  To be sourced;
# $tmp goes when the script ends.
#
# Environment: top_srcdir, top_builddir, SGXCTL (compared when it is there).

src=${top_srcdir:-.}
tool=${top_builddir:-.}/tests/oracle/image_tool
python=${PYTHON3:-python3}
# shellcheck source=tests/tap.sh
. "$src/tests/tap.sh"

if ! command -v "$python" >/dev/null; then
	echo "1..0 # SKIP there is no python3"
	exit 0
fi
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT INT TERM

# same A B WHAT: equal and not empty
same() {
	[ -n "$1" ] && [ "$1" = "$2" ]
	result $? "$3"
	[ "$1" = "$2" ] || printf '#  one:   %s\n#  other: %s\n' "$1" "$2"
}

# oracle ARGS: a program of this directory; ORACLE names it
oracle() {
	"$python" "$src/tests/oracle/$ORACLE" "$@"
}

have_command() {
	[ -n "$SGXCTL" ] && [ -x "$SGXCTL" ] && command -v jq >/dev/null
}

# compare IMAGE WHAT: library and command against the oracle
compare() {
	want=$(oracle "$1")
	same "$("$tool" measure "$1")" "$want" "$2"
	if have_command; then
		same "$("$SGXCTL" measure "$1" | jq -r .mrenclave)" "$want" "$2, by the command"
	fi
}
