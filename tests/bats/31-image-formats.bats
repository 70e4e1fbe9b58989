#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The commands for image files with other people's formats: they know no format but the plan.
load helper
source "${BATS_TEST_DIRNAME:?}/images.bash"

setup() {
	sgxctl_setup
	cd "$BATS_TEST_TMPDIR"
}

py() { "${PYTHON3:-python3}" "$top_srcdir/tests/mk/$1" "${@:2}"; }
# sdk FILE OPTION...: signed with the key of this file
sdk() { py mk_sdk.py -o "$@" --key "$KEY"; }
# foretold FILE OPTION...: the SECS of dump-secs --image is the one that load makes
foretold() {
	local secs
	secs=$(json dump-secs --image "$1" --device=emulated "${@:2}" | jq -S '.secs | del(.base, .eid, .children)')
	[ -n "$secs" ]
	json load "$PWD/$1" --device=emulated --name foretold "${@:2}" >/dev/null
	[ "$(json dump-secs foretold | jq -S '.secs | del(.base, .eid, .children)')" = "$secs" ]
	json unload foretold >/dev/null
}

@test "sdk: every metadata block, the facts, the symbols" {
	keys
	sdk a.so --threads 2 --prodid 3
	run -0 json inspect a.so
	has '.format == "sdk" and [.blocks[].version] == ["2.4", "2.1", "1.4"] and ([.blocks[] | select(.chosen)] | length) == 1'
	has '.blocks | all(.sigstruct.signature.valid) and ([.[].sigstruct.enclavehash] | unique | length) == 1'
	has '. as $d | [.blocks[] | select(.chosen)][0] | .sigstruct.isvprodid == 3 and .version as $v | ($d.sigstruct.from | contains($v))'
	has '.facts | length > 3'
	has '.tcs | length == 2 and all(.entry.symbol == "enclave_entry" and .entry.symbol_offset == "0x0")'
	has '([.ranges[].pages] | add) * 4096 == .elrange.size and ([.ranges[] | select(.what == "gap")] | length) > 2'
	run -0 sgxctl inspect a.so --text
	[[ $output == *"metadata blocks:"*"1.4"*yes* && $output == *enclave_entry* ]]
}

@test "sdk: verified, foretold, signed again" {
	keys
	sdk a.so --want-xfrm 0xe7
	run -0 json verify a.so --key "$PUB" --device=emulated
	has '.matches and .signature.valid and .failed == 0'
	foretold a.so
	foretold a.so --production
	json inspect a.so --raw-sigstruct theirs >/dev/null
	json sign a.so --keep --key "$KEY" --out again >/dev/null
	cmp theirs again
	# bits that no CPU has are wished, not demanded
	sdk b.so --want-xfrm 0x1000602e7
	foretold b.so
	# a signature that was damaged in the block that counts
	at=$(json inspect a.so | jq -r .sigstruct.file_offset)
	flip a.so $((at + 600))
	run -1 json verify a.so
	fails_with not-verified
	has '[.checks[] | select(.ok == false) | .name] == ["signature", "q1", "q2"]'
	run -1 json load "$PWD/a.so" --device=emulated --name damaged
	has '.ok == false'
}

@test "sdk: what cannot run is measured, inspected, verified" {
	keys
	sdk a.so --sim
	run -0 json verify a.so
	has '.ok and (.no_run | contains("simulation"))'
	run -0 json inspect a.so
	has '.no_run | contains("simulation")'
	run -4 json load "$PWD/a.so" --device=emulated --name sim
	fails_with unsupported
}

@test "sdk: why another thread makes another MRENCLAVE" {
	keys
	sdk a.so --threads 1
	sdk b.so --threads 2
	run -1 json diff a.so b.so
	has '.same_mrenclave == false and ([.differences[] | select(.kind == "added" and .b.type == "tcs")] | length) == 1'
	has '[.differences[] | select(.kind == "sigstruct") | .field] == ["enclavehash"]'
	has '[.differences[] | select(.measured) | .kind] - ["added", "size", "content", "moved", "missing"] == []'
	# text that differs is named by its symbol
	cp a.so c.so
	at=$("${PYTHON3:-python3}" -c 'print(open("a.so", "rb").read().index(bytes.fromhex("4889cbb804000000")))')
	flip c.so $((at + 9))
	run -1 json diff a.so c.so
	has '.differences == [.differences[0]] and (.differences[0] | .kind == "content" and .bytes == 1 and .a.place.symbol == "enclave_entry" and .a.place.symbol_offset == "0x9")'
	has '.first_difference.a.place.symbol == "enclave_entry"'
}

@test "oe: signed by us, verified, foretold" {
	py mk_oe.py -o a.oe --ntcs 2
	json sign a.oe --out s >/dev/null
	py mk_oe.py -o b.oe --ntcs 2 --sigstruct s
	run -0 json verify b.oe --device=emulated
	has '.format == "oe" and .matches and .signature.valid'
	foretold b.oe
	run -1 json diff a.oe b.oe
	has '.same_mrenclave and ([.differences[].kind] - ["signed", "sigstruct", "signer"] == [])'
}

@test "dump-secs --image takes the second file of an image, and what measure takes" {
	py mk_enarx.py -o shim
	py mk_enarx.py --exec -o prog
	run -1 json dump-secs --image shim --device=emulated
	fails_with no-image
	json sign shim --exec prog --out keep.sig >/dev/null
	foretold shim --exec prog --sigstruct keep.sig
	run -0 json dump-secs --image shim --exec prog --device=emulated
	has ".secs.mrenclave == \"$(json measure shim --exec prog | jq -r .mrenclave)\""
	py mk_gramine.py -o g --size 4M
	run -64 json dump-secs --image g.manifest.sgx --device=emulated
	fails_with usage
	json sign g.manifest.sgx --libpal g.libpal.so --format gramine:2 -o g.sig >/dev/null
	foretold g.manifest.sgx --libpal g.libpal.so
	mv g.sig away.sig
	run -4 json dump-secs --image g.manifest.sgx --libpal g.libpal.so --device=emulated
	fails_with unsupported
	foretold g.manifest.sgx --libpal g.libpal.so --sigstruct away.sig
	run -0 json dump-secs --image g.manifest.sgx --libpal g.libpal.so --format gramine:2 --device=emulated
	has ".secs.mrenclave == \"$(hex_at away.sig 960 32)\" and .secs.mrsigner == null"
}

@test "dump-secs --image: bytes as a loader would give them" {
	keys
	sdk a.so
	run -0 json dump-secs --image a.so --device=emulated --raw secs
	[ "$(stat -c %s secs)" = 4096 ]
	has ".secs.mrenclave == \"$(hex_at secs 64 32)\" and .secs.mrsigner == \"$(hex_at secs 128 32)\""
}

@test "one enclave in two formats, and signed by two" {
	keys
	mk a.elf
	json sign a.elf --sgxs-out a.sgxs --out s1 >/dev/null
	json sign a.elf --sgxs-out b.sgxs --out s2 --key "$KEY" --isvsvn 2 >/dev/null
	run -1 json diff a.elf a.sgxs
	has '.same_mrenclave and .first_difference == null and .a.format == "sgxctl" and .b.format == "sgxs"'
	has 'all(.differences[]; .measured | not) and ([.differences[].kind] | index("signed") != null)'
	run -1 json diff a.sgxs b.sgxs
	has '.same_mrenclave and [.differences[].kind] == ["signer", "sigstruct"]'
	has '.differences[1] | .field == "isvsvn" and .a_value == "0x0" and .b_value == "0x2"'
	has '.differences[0].a_value == .a.mrsigner and .differences[0].b_value == .b.mrsigner'
	run -0 json verify b.sgxs --key "$PUB" --device=emulated
	has '.matches and .format == "sgxs" and .sigstruct.isvsvn == 2'
	run -1 json verify a.sgxs --key "$PUB" --device=emulated
	run -0 json inspect b.sgxs
	has '.sigstruct.from == "b.sgxs" or .sigstruct.from == "b.sig"'
	run -0 json sign b.sgxs --keep --out s3 --key "$KEY"
	cmp s2 s3
	run -0 json dump-secs --image b.sgxs --device=emulated
	has '.secs.isvsvn == 2 and .sources.isvsvn == "sigstruct" and .matches'
}

@test "an enclave that does not speak the operation interface" {
	mk k.elf --format kernel
	run -0 json load "$PWD/k.elf" --device=emulated --name k
	has '.format == "kernel" and .op_interface == false'
	run -0 json call k --raw --rdi 5
	has '.ok and .raw.run.function == "EEXIT" and .raw.registers.rdi == "0x5"'
	run -0 json status k
	has '.state == "running" and .format == "kernel" and .op_interface == false and (.mrsigner | length) == 64'
	run -0 json dump-secs k
	foretold=$(json dump-secs --image k.elf --device=emulated | jq -r .secs.mrenclave)
	has ".secs.mrenclave == \"$foretold\""
	run -0 json pages k
	has '[.ranges[].pages] | add == 8'
	run -0 json dump-tcs k
	tcs=$(jq -c '[.tcs[] | {offset, oentry, ossa, nssa, ofsbase, ogsbase, fslimit, gslimit}]' <<<"$output")
	[ "$(json inspect k.elf | jq -c '[.tcs[] | {offset, oentry, ossa, nssa, ofsbase, ogsbase, fslimit, gslimit}]')" = "$tcs" ]
	for c in "call k nop" "accept k --offset 0x7000 --pages 1 --perm rw-" "extend k --offset 0x7000 --pages 1 --perm rwx"; do
		# shellcheck disable=SC2086
		run -4 json $c
		fails_with no-op-interface
	done
}
