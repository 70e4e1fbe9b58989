#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Gramine enclaves: MRENCLAVE by the library, the command and gramine.py, and inputs that are refused.
# TAP on stdout.

# shellcheck source=tests/oracle/lib.sh
. "${top_srcdir:-.}/tests/oracle/lib.sh"
ORACLE=gramine.py

mk() {
	rm -f "$tmp"/g.*
	"$python" "$src/tests/mk/mk_gramine.py" -o "$tmp/g" "$@" || exit 99
}

measure() {
	IMAGE_LIBPAL=$tmp/g.libpal.so "$tool" measure "$tmp/g.manifest.sgx" "$@"
}

# generated LAYOUT OPTIONS...: by the user's word, and by the signed MRENCLAVE
generated() {
	layout=$1
	shift
	mk "$@"
	want=$(oracle --layout "$layout" "$tmp/g.manifest.sgx" "$tmp/g.libpal.so")
	same "$(measure "gramine:$layout")" "$want" "generated: ${*:-as it comes}"
	mk "$@" --sign "$want"
	same "$(measure)" "$want" "signed: ${*:-as it comes}"
	if have_command; then
		same "$("$SGXCTL" measure "$tmp/g.manifest.sgx" --libpal "$tmp/g.libpal.so" | jq -r .mrenclave)" "$want" \
			"signed, by the command"
	fi
}

# broken CODE OFFSET OPTIONS...: OFFSET - when no place is to blame
broken() {
	code=$1 off=$2
	shift 2
	mk "$@"
	same "$(measure | sed 's/^error: //; s/:.*//')" "$code$([ "$off" = - ] || echo " at $off")" "refused: $*"
}

generated 2
generated 2 --style dotted --newlines 3
generated 2 --style odd --edmm --size 0x1000000
generated 2 --size 16384K --threads 3 --seed 9
generated 2 --threads-key thread_num --nonpie true
generated 1 --threads-key thread_num --nonpie false --size 64M

# nothing tells how its thread blocks are
broken unsupported -
broken unsupported - --sign "$(printf '%064d' 0)"
mk --threads-key max_threads
want=$(oracle --layout 1 "$tmp/g.manifest.sgx" "$tmp/g.libpal.so")
broken unsupported - --threads-key max_threads --sign "$want"

broken bad-layout 0x95 --size 3M
broken bad-layout 0x95 --size 512K
broken bad-layout 0x95 --size 99999999999999999999999G
broken bad-layout 0x95 --set enclave_size=8388608
broken bad-layout 0xa8 --set max_threads=0
broken bad-layout 0xa8 --set max_threads=65537
broken bad-layout 0xa8 --set max_threads=99999999999999999999
broken bad-layout - --set max_threads=
broken bad-layout - --set thread_num=2
broken bad-layout 0xfd --set 'd=1' --set 'debug = true
debug=false'
broken bad-layout 0xf2 --set 'x="'
broken bad-layout 0xf9 --set 'x=[[[['
broken bad-layout 0xf4 --set 'x=[1 2]'
broken unsupported 0x40 --patch 16:2:2
broken unsupported 0x40 --patch 80:8:0x1000
broken bad-layout 0x78 --patch 0x80:8:0x1e00
mk
rm "$tmp/g.libpal.so"
same "$(measure | sed 's/^error: //; s/:.*//')" no-image "refused: no libpal"

finish
