#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Open Enclave images: MRENCLAVE by the library, the command and oe.py, and images that are refused.
# TAP on stdout.

# shellcheck source=tests/oracle/lib.sh
. "${top_srcdir:-.}/tests/oracle/lib.sh"
ORACLE=oe.py

mk() {
	"$python" "$src/tests/mk/mk_oe.py" -o "$tmp/image" "$@" || exit 99
}

# the newest release that has the file's structure
generated() {
	mk "$@"
	compare "$tmp/image" "generated: ${*:-as it comes}"
}

# signed "ORACLE'S OPTIONS" OPTIONS...: only the signed MRENCLAVE tells how it was made
signed() {
	how=$1
	shift
	mk "$@"
	# shellcheck disable=SC2086
	want=$(oracle "$tmp/image" $how)
	mk "$@" --sign "$want"
	same "$("$tool" measure "$tmp/image")" "$want" "signed, $how: $*"
}

# broken CODE OFFSET OPTIONS...: OFFSET - when no place is to blame
broken() {
	code=$1 off=$2
	shift 2
	mk "$@"
	same "$("$tool" measure "$tmp/image" oe | sed 's/^error: //; s/:.*//')" \
		"$code$([ "$off" = - ] || echo " at $off")" "refused: $*"
}

generated
generated --ntcs 3 --heap 0x1000 --stack 0
generated --relocs 300 --plt 4 --tpoff 3
generated --no-relocs --plt 4
generated --relocs 0 --plt 4
generated --tdata 0
generated --tdata 0x1001 --tbss 0x3000 --tbss-align 64
generated --tdata 0x20 --tdata-align 16 --tls-align 4096
generated --in-bss --bss 0x100000
generated --flags 2 --start 0x100000000
generated --flags 1 --attributes 0x86 --family-id 00112233445566778899aabbccddeeff --ext-id 01
generated --without _td_from_tcs_offset --without _tdata_align
generated --structure 0.13 --plt 2
generated --structure 0.6

signed "--release 0.16" --structure 0.13 --plt 2
signed "--release 0.13" --structure 0.13 --plt 2
signed "--release 0.11" --structure 0.6 --tbss 0x1001
signed "--release 0.10" --structure 0.6 --tbss 0x1001
signed "--release 0.7" --structure 0.6
signed "--release 0.6" --structure 0.6
signed "--section-align" --tdata 0x20 --tdata-align 16 --tls-align 4096
signed "--release 0.13 --section-align" --structure 0.13 --tdata 0x20 --tdata-align 16 --tls-align 4096

# what an image in the field hashes to after ECREATE: 1024 pages of heap and of stack, one thread
mk --heap 1024 --stack 1024 --relocs 564 --bss 0xc0000
same "$(oracle "$tmp/image" --steps | awk '$1 == "ecreate" { print $2 }')" \
	a61f64a4b7bded6366b07259092ac5638b32f20ab402444e1d661a411240f95a "ECREATE of SIZE 0x1000000"

broken unsupported 0x158 --structure 0.4
broken unsupported 0x15c --type 3
broken unsupported - --needed libhelper.so
broken bad-layout 0x158 --patch-info 0:4:1961
broken too-big 0x160 --patch-info 8:8:0xffffffffffffffff
broken too-big 0x168 --patch-info 16:8:0x100000000000
broken too-big 0x168 --patch-info 16:8:0x200000000 --ntcs 3
broken too-big 0x170 --patch-info 24:8:0x100000000
broken no-tcs - --ntcs 0
broken bad-layout 0x1b0 --flags 2
broken bad-layout 0x1b0 --flags 2 --start 0x800
broken too-big 0x1b0 --flags 2 --start 0xfffffffffffff000
broken bad-layout 0x8f8 --patch-info 1952:8:0
broken bad-sigstruct 0x1e8 --patch-info 150:1:1
broken bad-layout 0x900 --without _reloc_rva
broken bad-layout 0x930 --symbol _reloc_rva=0x7000000
broken bad-layout 0x930 --symbol _reloc_rva=0xfffffffffffffffc
broken too-big 0x930 --symbol _reloc_rva=0x40000000 --bss 0x50000000
broken too-big 0xb0 --bss 0x200000000000
broken too-big 0x3588 --tbss 8 --tbss-align 0xffffffffffffffff
broken bad-elf 0x10 --patch 16:2:2
broken bad-layout 0x18 --patch 24:8:0
broken bad-layout 0x78 --patch 0x7c:4:0
broken bad-elf 0xb00 --tpoff 1 --patch 0xb08:8:0x7000000000012
broken bad-elf 0x3f --truncate 63

finish
