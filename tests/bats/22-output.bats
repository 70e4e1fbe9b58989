#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# One answer, three faces: JSON on one line, text for people, an identifier for scripts.
load helper

@test "JSON is one line without a terminal" {
	run -0 load --name demo
	[ "${#lines[@]}" = 1 ]
	if command -v script >/dev/null; then
		run -0 script -qec "$SGXCTL list" /dev/null
		[ "${#lines[@]}" -gt 3 ]
	fi
}

@test "text of the handles" {
	run -0 load --name demo --text
	[[ $output == *MRENCLAVE* && $output == *emulated* ]]
	run -0 sgxctl list --text
	[[ ${lines[0]} == ENCLAVE*STATE*DEVICE* ]]
	[[ ${lines[1]} == demo*running*emulated* ]]
	run -0 sgxctl status demo --text
	[[ $output == *"pages added"* ]]
	run -0 sgxctl unload demo --text
	[[ ${lines[1]} == demo*running ]]
}

@test "--quiet is the identifier" {
	run -0 load --name demo --quiet
	[ "$output" = demo ]
	run -0 sgxctl list --quiet
	[ "$output" = demo ]
	run -0 json measure grow
	want=$(jq -r .mrenclave <<<"$output")
	run -0 sgxctl measure grow --quiet
	[ "$output" = "$want" ]
	run -0 sgxctl dump-secs demo -q
	[ "$output" = "$want" ]
	run -0 sgxctl -q dump-secs --image grow
	[ "$output" = "$want" ]
	run -3 --separate-stderr sgxctl -q status nobody
	[ -z "$output" ]
	[[ $stderr == "sgxctl status: there is no enclave 'nobody'"* ]]
}

@test "failures in text have an empty standard output, a line and a hint" {
	run -3 --separate-stderr sgxctl --text status nobody
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = "sgxctl status: there is no enclave 'nobody'" ]
	[[ ${stderr_lines[1]} == "hint: "* ]]
}

@test "a page map as table, picture and SVG" {
	run -0 load --name demo
	run -0 json augment demo --offset 0x100000 --pages 16 --accept
	run -0 json pages demo
	has '.schema == "sgxctl.pages/1" and any(.ranges[]; .offset == "0x100000" and .pages == 16 and .origin == "eaug")'
	run -0 sgxctl pages demo --text --svg "$BATS_TEST_TMPDIR/map.svg"
	[[ ${lines[0]} == OFFSET*PAGES*TYPE*PERM* ]]
	[[ $output == *0x100000*16*reg*rw-* ]]
	[[ $output == *"one character is"* ]]
	grep -q '^<svg ' "$BATS_TEST_TMPDIR/map.svg"
	grep -q '</svg>' "$BATS_TEST_TMPDIR/map.svg"
	run -1 json pages demo --svg /no/such/dir/map.svg
	fails_with io
}

@test "a user's file is written whole or not at all, and a device is not replaced" {
	run -0 load --name demo
	run -0 json dump-secs demo --raw "$BATS_TEST_TMPDIR/secs"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/secs")" = 4096 ]
	run -0 json dump-secs demo --raw /dev/null
	[ -c /dev/null ]
	run -1 json dump-secs demo --raw /dev/full
	fails_with io
	[ -c /dev/full ]
	run -1 json dump-secs demo --raw "$BATS_TEST_TMPDIR/no/dir"
	fails_with io
}

@test "KTAP of accept-test" {
	run -0 sgxctl accept-test --device=emulated --scenario accept-empty --format ktap
	[ "${lines[0]}" = "KTAP version 1" ]
	[[ ${lines[1]} == 1..* ]]
	n=$(grep -c '^ok ' <<<"$output")
	[ "${lines[1]}" = "1..$n" ]
	[[ $output == *"# Totals: pass:"* ]]
}

@test "peek as bytes, text and file" {
	run -0 load --name demo
	run -0 json peek demo --offset 0 --length 16
	has '.data | length == 32'
	hex=$(jq -r .data <<<"$output")
	run -0 sgxctl peek demo --offset 0 --length 16 --quiet
	[ "$output" = "$hex" ]
	run -0 sgxctl peek demo --offset 0 --length 32 --text
	[ "${#lines[@]}" = 2 ]
	run -0 json peek demo --offset 0 --length 16 --raw "$BATS_TEST_TMPDIR/raw"
	[ "$(od -An -tx1 "$BATS_TEST_TMPDIR/raw" | tr -d ' \n')" = "$hex" ]
}

@test "absolute addresses are offsets from the ELRANGE base" {
	run -0 load --name demo
	base=$(jq -r .elrange.base <<<"$output")
	run -0 json peek demo --absolute --offset "$(printf '0x%x' $((base + 0x1000)))" --length 8
	has '.offset == "0x1000"'
}

@test "signing makes a SIGSTRUCT that load takes" {
	cd "$BATS_TEST_TMPDIR"
	run -0 json sign grow --isvprodid 7 --isvsvn 3
	has '.schema == "sgxctl.sign/1" and .isvprodid == 7 and .sigstruct == "grow.sigstruct"'
	[ "$(stat -c %s grow.sigstruct)" = 1808 ]
	run -0 load --name signed --sigstruct grow.sigstruct
	run -0 json dump-secs signed
	has '.secs.isvprodid == 7 and .secs.isvsvn == 3'
	run -64 json sign grow --date 20261399
	fails_with usage
}
