#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# SGXS streams, raw pages and Enarx keeps from file to entered enclave, and images written as SGXS.
load helper

MK=${top_srcdir:?}/tests/mk
ORACLE=${top_srcdir:?}/tests/oracle

setup() {
	sgxctl_setup
	cd "$BATS_TEST_TMPDIR"
}

mk() {
	local kind=$1
	shift
	"${PYTHON3:-python3}" "$MK/mk_$kind.py" "$@"
}

nothing_left() {
	run -0 json list
	has '.enclaves == []'
	[ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]
}

# entered NAME: EENTER comes back by EEXIT
entered() {
	run -0 json call "$1" --raw
	has '.raw.leaf == "EENTER" and .raw.run.function == "EEXIT"'
}

# replace FILE OFFSET HEX: bytes of a file
replace() {
	"${PYTHON3:-python3}" -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); h = bytes.fromhex(sys.argv[3]); at = int(sys.argv[2])
b[at:at + len(h)] = h
open(sys.argv[1], "wb").write(b)' "$@"
}

@test "a stream is measured, signed beside it, loaded and entered" {
	mk sgxs -o x.sgxs
	run -0 json measure x.sgxs
	has '.format == "sgxs" and .pages == {"added": 8, "measured": 5} and .tcs == ["0x2000"]'
	has ".mrenclave == \"$(sha256sum x.sgxs | cut -d ' ' -f 1)\""
	run -0 json sign x.sgxs --out x.sig --isvprodid 7
	signer=$(jq -r .mrsigner <<<"$output")
	run -0 json load x.sgxs --device=emulated --name x
	has ".mrsigner == \"$signer\" and .debug == true"
	run -0 json dump-secs x
	has '.secs.isvprodid == 7 and .secs.size == 65536'
	entered x
}

@test "the SIGSTRUCT beside a stream has to be right" {
	mk sgxs -o x.sgxs
	run -0 json sign x.sgxs --out x.sig --production
	run -1 json load x.sgxs --device=emulated --debug
	fails_with sigstruct-mismatch
	run -0 json load x.sgxs --device=emulated --name x
	has '.debug == false'
	sgxctl unload x
	replace x.sig 516 00
	run -1 json load x.sgxs --device=emulated
	fails_with bad-sigstruct
	has '.error.check == "EINIT.5"'
	replace x.sig 0 00
	run -1 json load x.sgxs --device=emulated
	fails_with bad-sigstruct
	run -1 json load x.sgxs --device=emulated --sigstruct /dev/null
	fails_with bad-sigstruct
	rm x.sig
	run -0 json load x.sgxs --device=emulated --name unsigned
	sgxctl unload --all
	nothing_left
}

@test "another stream's SIGSTRUCT does not initialise this one" {
	mk sgxs -o x.sgxs
	mk sgxs -o y.sgxs --example
	run -0 json sign y.sgxs --out x.sig
	run -1 json load x.sgxs --device=emulated
	fails_with sigstruct-mismatch || fails_with init-failed
	nothing_left
}

@test "contents that are not measured are loaded" {
	mk sgxs -o x.sgxs -r ecreate:1:0x10000 -r code:0:0x205 -r tcs:0x2000:0x3000:2:0:0x1000 \
		-r zeros:0x3000:0x203:2 -r data:0x6000:0x203:5 -r eadd:0x7000:0x203 -r unmeasrd:0x7100:5
	run -0 json load x.sgxs --device=emulated --name x
	has ".mrenclave == \"$("${PYTHON3:-python3}" "$ORACLE/sgxs.py" x.sgxs)\""
	sgxctl peek x --offset 0x7100 --length 256 --raw part >/dev/null
	sgxctl peek x --offset 0x6000 --length 256 --raw whole >/dev/null
	cmp part whole
	sgxctl peek x --offset 0x7000 --length 256 --raw none >/dev/null
	cmp none <(head -c 256 /dev/zero)
}

@test "what the driver cannot measure is not loaded" {
	mk sgxs -o x.sgxs -r ecreate:1:0x10000 -r code:0:0x205 -r tcs:0x2000:0x3000:2:0:0x1000 \
		-r zeros:0x3000:0x203:2 -r eadd:0x6000:0x203 -r eextend:0x6100:5
	run -0 json measure x.sgxs
	run -4 json load x.sgxs --device=emulated
	fails_with unsupported
	mk sgxs -o y.sgxs -r ecreate:1:0x10000 -r page:0:0x203:1
	run -0 json measure y.sgxs
	run -1 json load y.sgxs --device=emulated
	fails_with no-tcs
	nothing_left
}

@test "an open size has to be said" {
	mk sgxs -o x.sgxs -r unsized:1:0x1000 -r code:0:0x205 -r page:0x1000:0x203:3 \
		-r tcs:0x2000:0x3000:2:0:0x1000 -r zeros:0x3000:0x203:2
	run -1 json measure x.sgxs
	fails_with bad-layout
	has '.error.hint | contains("sgxs:fit")'
	run -0 json load x.sgxs --device=emulated --format sgxs:fit --name x
	has '.elrange.size == 32768'
	has ".mrenclave == \"$("${PYTHON3:-python3}" "$ORACLE/sgxs.py" --size 0x8000 x.sgxs)\""
	run -0 sgxctl peek x --offset 0x1000 --length 8 --quiet
	entered x
}

@test "raw pages" {
	mk sgxs -o x.bin --raw 5
	run -1 json measure x.bin
	run -0 json sign x.bin --format raw:tcs,rx,rw --out x.sigstruct
	run -0 json load x.bin --device=emulated --format raw:tcs,rx,rw --sigstruct x.sigstruct --name x
	has '.format == "raw" and .pages.measured == 5'
	has ".mrenclave == \"$("${PYTHON3:-python3}" "$ORACLE/sgxs.py" --raw tcs,rx,rw x.bin)\""
	entered x
	run -4 json measure x.bin --format raw --heap 4096
	fails_with unsupported
}

@test "an Enarx keep" {
	mk enarx -o shim
	mk enarx --exec -o prog
	want=$("${PYTHON3:-python3}" "$ORACLE/enarx.py" shim prog)
	run -1 json load shim --device=emulated
	fails_with no-image
	has '.error.hint | contains("--exec")'
	run -0 json load shim --exec prog --device=emulated --name keep
	has ".mrenclave == \"$want\" and .format == \"enarx\""
	run -0 json dump-secs keep
	has '.secs.isvprodid == 7 and .secs.isvsvn == 3 and .secs.miscselect == "0x1"'
	entered keep
	run -0 json augment keep --offset 0x300000 --pages 2
	sgxctl unload keep
	run -0 json sign shim --exec prog --out keep.sig
	has '.isvprodid == 7 and .isvsvn == 3'
	run -0 json sign shim --exec prog --out keep.sig --isvprodid 0 --isvsvn 9
	has '.isvprodid == 0 and .isvsvn == 9'
}

@test "any image can be written as a stream" {
	run -0 json measure grow --sgxs-out grow.sgxs
	hash=$(jq -r .mrenclave <<<"$output")
	has '.sgxs.path == "grow.sgxs" and .sgxs.canonical and (.sgxs | has("sigstruct") | not)'
	has ".sgxs.bytes == $(stat -c %s grow.sgxs) and .sgxs.not_in_stream == [\"dynamic\"]"
	[ "$(sha256sum grow.sgxs | cut -d ' ' -f 1)" = "$hash" ]
	[ "$("${PYTHON3:-python3}" "$ORACLE/sgxs.py" grow.sgxs)" = "$hash" ]
	run -0 json sign grow --out grow.sigstruct --sgxs-out grow.sgxs
	has '.sgxs.sigstruct == "grow.sig"'
	cmp grow.sig grow.sigstruct
	run -0 json load grow.sgxs --device=emulated --name g
	has ".mrenclave == \"$hash\""
	ls >files
	[ "$(grep -c tmp files)" -eq 0 ]
}

@test "a stream appears whole or not at all" {
	mk sgxs -o x.sgxs
	run -1 json measure x.sgxs --sgxs-out /dev/full
	fails_with io
	has '.error.errno == "ENOSPC"'
	run -1 json measure x.sgxs --sgxs-out no/such.sgxs
	fails_with io
	echo old >out.sgxs
	(
		ulimit -f 1
		trap '' XFSZ
		run -1 json measure x.sgxs --sgxs-out out.sgxs
		fails_with io
	)
	[ "$(cat out.sgxs)" = old ]
	mkdir out.sig
	run -1 json sign x.sgxs --out x.sigstruct --sgxs-out out.sgxs
	[ "$(cat out.sgxs)" = old ]
	run -64 json measure x.sgxs --sgxs-out -
	run -64 json measure x.sgxs --sgxs-out y.sig
	run -64 json measure x.sgxs --force
	[ "$(find . -name '*.tmp')" = "" ]
	run -0 bash -c "'$SGXCTL' measure x.sgxs --sgxs-out /dev/stderr 2>&1 >/dev/null | cmp - x.sgxs"
}

@test "a stream does not come to lie beside another one's SIGSTRUCT" {
	mk sgxs -o x.sgxs
	mk sgxs -o y.sgxs --example
	run -0 json sign x.sgxs --out out.sig
	run -0 json measure x.sgxs --sgxs-out out.sgxs
	run -1 json measure y.sgxs --sgxs-out out.sgxs
	fails_with sigstruct-mismatch
	cmp out.sgxs x.sgxs
}

# two segments of the program, the second one below the first
@test "pages that do not ascend are written with --force only" {
	mk enarx -o shim
	mk enarx --exec -o prog
	mk enarx --exec -o prog --phdr 1.p_vaddr=0x9000 --ehdr e_entry=0x9000
	run -4 json measure shim --exec prog --sgxs-out out.sgxs
	fails_with unsupported
	[ ! -e out.sgxs ]
	run -0 json measure shim --exec prog --sgxs-out out.sgxs --force
	has '.sgxs.canonical == false'
	has ".mrenclave == \"$(sha256sum out.sgxs | cut -d ' ' -f 1)\""
	run -1 json measure out.sgxs
	fails_with bad-layout
}
