# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of image files share: making, damaging and judging them.
# shellcheck shell=bash

mk() { "${PYTHON3:-python3}" "$top_srcdir/tests/mk/mk_elf.py" -o "$@"; }
# flip FILE OFFSET...: the lowest bit of those bytes
flip() {
	"${PYTHON3:-python3}" -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read())
for at in sys.argv[2:]: b[int(at, 0)] ^= 1
open(sys.argv[1], "wb").write(b)' "$@"
}
oracle() { "${PYTHON3:-python3}" "$top_srcdir/tests/oracle/sigstruct.py" "$@"; }
hex_at() { od -An -tx1 -v "-j$2" "-N$3" "$1" | tr -d ' \n'; }
need_openssl() { command -v openssl >/dev/null || skip "there is no openssl command"; }
# The keys of a file, made once.
keys() {
	need_openssl
	KEY=$BATS_FILE_TMPDIR/key.pem
	[ -e "$KEY" ] || openssl genrsa -3 -out "$KEY" 3072 2>/dev/null
	openssl rsa -in "$KEY" -pubout -out "$BATS_FILE_TMPDIR/pub.pem" 2>/dev/null
	PUB=$BATS_FILE_TMPDIR/pub.pem
}
