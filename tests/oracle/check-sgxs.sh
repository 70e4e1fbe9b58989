#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# SGXS streams, raw blobs and Enarx keeps: what the library reads, measures and writes, against programs that
# share no code with it.  What one refuses the other refuses.  TAP on stdout.
#
# Environment: top_srcdir, top_builddir.

ORACLE=sgxs.py
# shellcheck source=tests/oracle/lib.sh
. "${top_srcdir:-.}/tests/oracle/lib.sh"

mk() {
	"$python" "$src/tests/mk/mk_sgxs.py" -o "$tmp/s.sgxs" "$@" || exit 99
}
sha() {
	sha256sum "$1" | cut -d ' ' -f 1
}

# ---- streams -------------------------------------------------------------------------------------

# stream WHAT RECORD...: measured as the oracle does; written again it is a stream with the same MRENCLAVE
stream() {
	what=$1
	shift
	mk $(printf -- '-r %s ' "$@")
	want=$(oracle "$tmp/s.sgxs")
	same "$("$tool" measure "$tmp/s.sgxs")" "$want" "$what"
	same "$("$tool" sgxs "$tmp/s.sgxs" - - "$tmp/out")" "$want" "$what, written"
	same "$(oracle "$tmp/out")" "$want" "$what, read again"
}

mk
same "$("$tool" measure "$tmp/s.sgxs")" "$(oracle "$tmp/s.sgxs")" "a small enclave"
same "$("$tool" measure "$tmp/s.sgxs")" "$(sha "$tmp/s.sgxs")" "is what SHA-256 says"
"$tool" sgxs "$tmp/s.sgxs" - - "$tmp/out" >/dev/null && cmp -s "$tmp/s.sgxs" "$tmp/out"
result $? "and written again the same file"

mk --example
same "$(head -c 64 "$tmp/s.sgxs" | sha256sum | cut -d ' ' -f 1)" \
	407a5fc545d3925ba6e7b155b11a00b87eade79eaf539d96f83bfbcdf560a793 "ECREATE of the worked example"
same "$(wc -c <"$tmp/s.sgxs" | tr -d ' ')" 46720 "its size"
same "$("$tool" measure "$tmp/s.sgxs")" "$(sha "$tmp/s.sgxs")" "a stream of its layout"
"$tool" sgxs "$tmp/s.sgxs" - - "$tmp/out" >/dev/null && cmp -s "$tmp/s.sgxs" "$tmp/out"
result $? "and written again the same file"

T=tcs:0x2000:0x3000:2:0:0x1000
stream "pages without contents" ecreate:1:0x10000 code:0:0x205 $T eadd:0x5000:0x203 eadd:0x7000:0x201
stream "SSAFRAMESIZE 3, SIZE 2^40" ecreate:3:0x10000000000 code:0:0x205 $T page:0xfffffff000:0x203:5
stream "contents that are not measured" ecreate:1:0x10000 code:0:0x205 $T data:0x4000:0x203:3 data:0x5000:0x203:4
stream "missing chunks" ecreate:1:0x10000 $T eadd:0x4000:0x203 eextend:0x4100:1 eextend:0x4f00:2 \
	eadd:0x5000:0x203 eextend:0x5100:3 eextend:0x5f00:4 eadd:0x6000:0x203 eextend:0x6100:5
stream "chunks in another order" ecreate:1:0x10000 $T eadd:0x4000:0x203 eextend:0x4f00:1 eextend:0x4000:2 \
	eextend:0x4500:3 eadd:0x5000:0x203 eextend:0x5f00:4 eextend:0x5000:5 eextend:0x5500:6
stream "measured and unmeasured chunks mixed" ecreate:1:0x10000 $T eadd:0x4000:0x203 unmeasrd:0x4000:1 \
	eextend:0x4200:2 unmeasrd:0x4100:3 eextend:0x4300:4 eadd:0x5000:0x207 unmeasrd:0x5000:1
stream "long zeros among data" ecreate:1:0x1000000 $T page:0x3000:0x203:1 zeros:0x4000:0x203:63 \
	page:0x43000:0x203:2 zeros:0x44000:0x203:64 page:0x84000:0x203:3 zeros:0x85000:0x203:200 \
	page:0x14d000:0x203:4 heap:0x14e000:0x203:100 zeros:0x1b2000:0x203:3 data:0x1b5000:0x203:0
stream "zeros of chunks in another order" ecreate:1:0x10000 $T eadd:0x4000:0x203 \
	$(for c in 1 0 2 3 4 5 6 7 8 9 a b c d e f; do echo "eextend:0x4${c}00"; done)
mk -r ecreate:1:0x10000 -r code:0:0x205 -r $T --patch 0x1500:8:1 --patch 0x1508:8:1 --patch 0x1518:4:7 \
	--patch 0x1528:8:9
same "$("$tool" measure "$tmp/s.sgxs")" "$(oracle "$tmp/s.sgxs")" "a TCS that EADD changes"
[ "$("$tool" measure "$tmp/s.sgxs")" != "$(oracle --plain "$tmp/s.sgxs")" ]
result $? "is not measured as it is in the file"
same "$("$tool" measure "$tmp/s.sgxs")" "$("$tool" sgxs "$tmp/s.sgxs" - - "$tmp/out"; sha "$tmp/out" >"$tmp/sum")" \
	"written it is"
same "$(cat "$tmp/sum")" "$("$tool" measure "$tmp/s.sgxs")" "as EADD leaves it"

for fit in fit:0x8000 0x20000:0x20000; do
	mk -r unsized:1:0x1108 -r code:0:0x205 -r zeros:0x1000:0x203:1 -r $T -r zeros:0x3000:0x203:2
	same "$("$tool" measure "$tmp/s.sgxs" "sgxs:${fit%:*}")" "$(oracle --size "${fit#*:}" "$tmp/s.sgxs")" \
		"an UNSIZED stream, size ${fit%:*}"
done

# ---- refused -------------------------------------------------------------------------------------

# refused OFFSET RECORD...: bad-layout at that byte, and the oracle says no
refused() {
	offset=$1
	shift
	mk $(printf -- '-r %s ' "$@")
	same "$("$tool" measure "$tmp/s.sgxs" sgxs | cut -d : -f 1-2)" "error: bad-layout at $offset" "refused: $*"
	! oracle "$tmp/s.sgxs" >/dev/null 2>&1
	result $? "by both"
}

E=ecreate:1:0x10000
refused 0x40 $E $E $T
refused 0x0 eadd:0:0x203
refused 0x88 $E eadd:0x4000:0x203 eadd:0x4000:0x203
refused 0x88 $E eadd:0x4000:0x203 eadd:0x3000:0x203
refused 0x48 $E eadd:0x4100:0x203
refused 0x40 $E eextend:0
refused 0x88 $E eadd:0x4000:0x203 eextend:0x4080
refused 0x88 $E eadd:0x4000:0x203 eextend:0x5000
refused 0x88 $E eadd:0x4000:0x203 eextend:0x3f00
refused 0x1c8 $E eadd:0x4000:0x203 eextend:0x4000 eextend:0x4000
refused 0x1c8 $E eadd:0x4000:0x203 eextend:0x4000 unmeasrd:0x4000
refused 0x40 $E eadd:0x4000:0x103
refused 0x0 unsized:1:0x1000 code:0:0x205

# damaged OFFSET OPTION...: the small enclave, changed
damaged() {
	offset=$1
	shift
	mk "$@"
	same "$("$tool" measure "$tmp/s.sgxs" sgxs | cut -d : -f 1-2)" "error: bad-layout at $offset" "damaged: $*"
	! oracle "$tmp/s.sgxs" >/dev/null 2>&1
	result $? "by both"
}

damaged 0x0 --truncate 0
damaged 0x3f --truncate 0x3f
damaged 0x41 --truncate 0x41
damaged 0xc0 --truncate 0xc0
damaged 0x1bf --truncate 0x1bf
damaged 0x0 --patch 0:1:0x65
damaged 0x0 --patch 20:1:1
damaged 0x0 --patch 63:1:1
damaged 0x80 --patch 0x87:1:1
damaged 0x90 --patch 0x90:1:1
damaged 0x58 --patch 0x7f:1:1

# what EADD and ECREATE refuse, a stream may say
mk_error() {
	code=$1
	shift
	mk "$@"
	same "$("$tool" measure "$tmp/s.sgxs" | cut -d : -f 1-2)" "error: $code" "$code: $*"
}
mk_error "bad-layout at 0x8" -r ecreate:0:0x10000 -r $T
mk_error "bad-layout at 0xc" -r ecreate:1:0x11000 -r $T
mk_error "bad-layout at 0xc" -r ecreate:1:0x1000 -r $T
mk_error "bad-layout at 0xc" -r ecreate:1:0x8000000000000000 -r $T
mk_error "bad-layout at 0xc" -r ecreate:1:0 -r $T
mk_error "bad-layout at 0x48" -r $E -r eadd:0x10000:0x203
mk_error "bad-layout at 0x48" -r $E -r eadd:0xfffffffffffff000:0x203
mk_error "bad-layout at 0x40" -r $E -r eadd:0:0x202
mk_error "bad-layout at 0x80" -r $E -r eadd:0:0x203 -r eadd:0x1000:0x303
mk_error "bad-layout at 0x40" -r $E -r eadd:0:0x20b
mk_error "bad-layout at 0x40" -r $E -r eadd:0:0x8000000000000203
mk -r unsized:1:0x5000 -r code:0:0x205 -r $T
same "$("$tool" measure "$tmp/s.sgxs" sgxs:fit | cut -d : -f 1-2)" "error: bad-layout at 0xc" "no place for SIZE"
mk -r unsized:1:0x2004 -r code:0:0x205 -r $T
same "$("$tool" measure "$tmp/s.sgxs" sgxs:fit | cut -d : -f 1-2)" "error: bad-layout at 0xc" "SIZE not aligned"
mk -r unsized:1:0x2000 -r code:0:0x205 -r $T
same "$("$tool" measure "$tmp/s.sgxs" sgxs:0x1000 | cut -d : -f 1-2)" "error: bad-layout at 0x1488" "SIZE too small"
same "$("$tool" measure "$tmp/s.sgxs" sgxs:0x9000 | cut -d : -f 1)" "error" "SIZE no power of two"
same "$("$tool" measure "$tmp/s.sgxs" sgxs:large | cut -d : -f 1-2)" "error: unknown-format" "no size"
mk
same "$("$tool" measure "$tmp/s.sgxs" sgxs:fit | cut -d : -f 1-2)" "error: unknown-format" "a size that is decided"
same "$("$tool" measure "$tmp/s.sgxs" - 0x1000 | cut -d : -f 1-2)" "error: unsupported" "a heap of one's own"

# ---- raw blobs -----------------------------------------------------------------------------------

mk --raw 9
for kinds in tcs,rwx tcs,rx,rw tcs,rx,rw,rw,r,tcs; do
	same "$("$tool" measure "$tmp/s.sgxs" "raw:$kinds")" "$(oracle --raw "$kinds" "$tmp/s.sgxs")" "raw:$kinds"
done
same "$("$tool" measure "$tmp/s.sgxs" raw)" "$(oracle --raw tcs,rwx "$tmp/s.sgxs")" "raw alone"
same "$("$tool" measure "$tmp/s.sgxs" | cut -d : -f 1-2)" "error: bad-elf at 0x0" "nothing tells a raw blob"
same "$("$tool" measure "$tmp/s.sgxs" raw:tcs,w | cut -d : -f 1-2)" "error: unknown-format" "raw:tcs,w"
same "$("$tool" measure "$tmp/s.sgxs" raw:rwx | cut -d : -f 1-2)" "error: no-tcs" "raw:rwx"
same "$("$tool" measure "$tmp/s.sgxs" raw:tcs,r,r,r,r,r,r,r,r,r | cut -d : -f 1-2)" "error: bad-layout at 0x9000" \
	"more kinds than pages"
mk --raw 9 --truncate 0x8fff
same "$("$tool" measure "$tmp/s.sgxs" raw | cut -d : -f 1-2)" "error: bad-layout at 0x8fff" "a page in part"
mk --raw 1
same "$("$tool" measure "$tmp/s.sgxs" raw)" "$(oracle --raw tcs "$tmp/s.sgxs")" "one page"

same "$("$tool" measure "$tmp/s.sgxs" raw:tcs,rwx | cut -d : -f 1-2)" "error: bad-layout at 0x1000" \
	"one page, two kinds"

# ---- Enarx ---------------------------------------------------------------------------------------

mk_shim() {
	"$python" "$src/tests/mk/mk_enarx.py" -o "$tmp/shim" "$@" || exit 99
}
mk_exec() {
	"$python" "$src/tests/mk/mk_enarx.py" --exec -o "$tmp/exec" "$@" || exit 99
}
enarx() {
	"$tool" sgxs "$tmp/shim" - "$tmp/exec" "$tmp/out"
}
# keep WHAT
keep() {
	same "$(enarx)" "$("$python" "$src/tests/oracle/enarx.py" "$tmp/shim" "$tmp/exec")" "$1"
	same "$("$tool" measure "$tmp/out")" "$(oracle "$tmp/out")" "$1, as SGXS"
}
# not_keep CODE WHAT: with the files as they are
not_keep() {
	same "$(enarx | cut -d : -f 1-2 | sed 's/ at .*//')" "error: $1" "enarx: $2"
}

mk_exec
mk_shim
keep "a keep"
mk_shim --bits 34 --ssap 2 --seed 5
keep "16 GiB, SSAFRAMESIZE 2"
mk_shim --unmeasured
keep "a segment that is not measured"
mk_shim --tcs-flags 0x200007
keep "a TCS that is not measured"
mk_exec --phdr 2.p_align=0x4000 --data 0x9f80
keep "p_align above a page"
mk_exec --align 0x4000
not_keep bad-layout "segments that overlap when they are aligned"
mk_exec --align 0x10
keep "p_align below a page"
mk_exec --align 0
keep "no p_align"

mk_exec
for n in bits ssap isvprodid isvsvn misc miscmask attr attrmask; do
	mk_shim --drop-note $n
	not_keep bad-layout "no note $n"
done
mk_shim --no-notes
same "$("$tool" measure "$tmp/shim" enarx | cut -d : -f 1-2)" "error: bad-layout" "enarx: no notes at all"
mk_shim --two-notes
not_keep bad-layout "two notes of one type"
for bits in 0 12 47 64 255; do
	mk_shim --bits $bits
	not_keep bad-layout "an enclave of 2^$bits bytes"
done
mk_shim --ssap 0
not_keep bad-layout "SSAFRAMESIZE 0"
mk_shim --bits 16
not_keep bad-layout "a shim larger than its enclave"
mk_shim --slot 0x100800
not_keep bad-layout "a slot that is not aligned"
mk_shim --slot 0xfffffffffffff000 --slot-size 0x2000
not_keep bad-layout "a slot that wraps"
mk_shim --slot-size 0x8f7f
not_keep bad-layout "a program that is too large"
mk_shim --slot 0x10000
not_keep bad-layout "a program over the shim"
mk_shim --entry 0x9000
not_keep bad-elf "an entry outside"
mk_shim --interp
not_keep bad-elf "a shim with a dynamic linker"
mk_shim --phdr 3.p_align=3
not_keep bad-elf "p_align 3"
mk_shim --phdr 7.p_type=1
same "$("$tool" measure "$tmp/shim" enarx | cut -d : -f 1-2)" "error: bad-layout" "enarx: no slot"
mk_shim --phdr 3.p_memsz=0x7fffffffffff0000
not_keep too-big "a segment of 2^63"
mk_shim --phdr 1.p_filesz=0x100000
not_keep bad-elf "a segment larger in the file"
mk_shim --phdr 3.p_memsz=0 --phdr 3.p_vaddr=0xffffffffffffff80
not_keep bad-elf "an empty segment at the end of the world"
mk_shim --phdr 5.p_flags=6
not_keep no-tcs "no TCS"
mk_shim
mk_exec --phdr 0.p_vaddr=0x1000
not_keep bad-layout "a program that does not begin at 0"
mk_exec --truncate 0x3000
not_keep bad-elf "a program cut short"
mk_exec --truncate 63
not_keep bad-elf "a program cut shorter"
mk_exec --interp
not_keep bad-elf "a program with a dynamic linker"
rm "$tmp/exec"
not_keep no-image "no program there"
same "$("$tool" measure "$tmp/shim" | cut -d : -f 1-2)" "error: no-image" "enarx: no program given"

finish
