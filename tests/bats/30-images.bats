#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Image files: inspect, verify, sign in one and in two steps, diff, and the SECS that is foretold.
load helper
source "${BATS_TEST_DIRNAME:?}/images.bash"

setup() {
	sgxctl_setup
	cd "$BATS_TEST_TMPDIR"
	mk a.elf
}

# ---- inspect ---------------------------------------------------------------------------------------

@test "inspect: the layout covers ELRANGE, by offset" {
	run -0 json inspect a.elf
	has '.schema == "sgxctl.inspect/1" and .kind == "image" and .format == "sgxctl"'
	has '([.ranges[].pages] | add) * 4096 == .elrange.size and .ranges_total == (.ranges | length)'
	has '[.ranges[] | select(.order != null) | .pages] | add == 16'
	has '[.ranges[] | select(.measured) | .pages] | add == 13'
	has '[.ranges[] | select(.type == "dynamic")] | length == 1 and .[0].what == "reserve"'
	has '[.ranges[] | select(.what == "gap")] | length > 0 and all(.type == "none")'
	has '.pages == {"added": 16, "measured": 13} and (has("sigstruct") | not) and .blocks == []'
}

@test "inspect: threads and where they begin" {
	mk t.elf --ntcs 3 --entry 0x1000
	run -0 json inspect t.elf
	has '.tcs | length == 3 and all(.oentry == "0x1000" and .nssa > 0 and .cssa == 0)'
	has '.tcs_total == 3 and .entries == [.entries[0]] and .entries[0].threads == 3'
	has '[.ranges[] | select(.type == "tcs") | .offset] == [.tcs[].offset]'
	run -0 json inspect t.elf --limit 1
	has '(.ranges | length) == 1 and .ranges_total > 10 and (.tcs | length) == 1 and .tcs_total == 3'
	run -0 json inspect t.elf --limit 0
	has '(.ranges | length) == .ranges_total'
	run -64 json inspect t.elf --limit x
}

@test "inspect: sections and symbols of what the file names" {
	run -0 json inspect grow
	has '.tcs[0].entry.section == ".text" and .entries[0].place.section_offset == "0x0"'
	has '[.ranges[].place.section] | index(".text") != null'
}

@test "inspect: every page, in the order of EADD, with its hash" {
	run -0 json inspect a.elf --pages
	has '(.page_list | length) == 16 and .page_list_total == 16'
	has '.page_list[0].offset == "0x0" and .page_list[0].perm == "r-x"'
	zero=$(head -c 4096 /dev/zero | sha256sum | cut -d' ' -f1)
	has "[.page_list[] | select(.what == \"heap\") | .sha256] | unique == [\"$zero\"]"
	run -0 json inspect a.elf --pages --limit 5
	has '(.page_list | length) == 5 and .page_list_total == 16'
}

@test "inspect: a SIGSTRUCT, decoded" {
	run -0 json sign a.elf --out s --isvprodid 7 --isvsvn 9 --date 20240229 --xfrm X87,SSE,AVX
	signer=$(jq -r .mrsigner <<<"$output")
	run -0 json inspect s
	has '.kind == "sigstruct" and .sigstruct.isvprodid == 7 and .sigstruct.isvsvn == 9'
	has '.sigstruct.date == {"raw": "0x20240229", "bcd": "2024-02-29"}'
	has '.sigstruct.attributes == {"flags":"0x4","xfrm":"0x7","names":["MODE64BIT"],"xfrm_names":["X87","SSE","AVX"]}'
	has '.sigstruct.free.names == ["DEBUG"] and .sigstruct.debug.policy == "free" and .sigstruct.signature.valid'
	has ".sigstruct.mrsigner == \"$signer\" and .sigstruct.problems == [] and .sigstruct.header_type == \"production\""
	run -0 json inspect a.elf --sigstruct s --raw-sigstruct copy
	has '.sigstruct.from == "s" and .kind == "image"'
	cmp s copy
	run -1 json inspect a.elf --raw-sigstruct copy2
	fails_with not-signed
	[ ! -e copy2 ]
}

@test "inspect: the debug policy, in words" {
	local row
	for row in "--debug:debug" "--production:production" ":free" "--attributes-mask=0:free"; do
		# shellcheck disable=SC2086
		json sign a.elf --out s ${row%:*} >/dev/null
		run -0 json inspect s
		has ".sigstruct.debug.policy == \"${row##*:}\""
	done
	has '.sigstruct.debug.text | contains("any flags")'
	run -0 json sign a.elf --out s --attributes MODE64BIT,DEBUG --attributes-mask '~DEBUG'
	run -0 json inspect s
	has '.sigstruct.debug.policy == "free" and (.sigstruct.debug.text | contains("not in the mask"))'
}

@test "inspect: dates in binary, a debug type, what EINIT refuses" {
	json sign a.elf --out s >/dev/null
	"${PYTHON3:-python3}" -c '
b = bytearray(open("s", "rb").read())
b[20:24] = bytes.fromhex("e6070b1c"); b[15] = 0x80; b[44] = 1
open("s", "wb").write(b)'
	run -0 json inspect s
	has '.sigstruct.date.binary == "2022-11-28" and (.sigstruct.date | has("bcd") | not)'
	has '.sigstruct.header_type == "debug" and .sigstruct.signature.valid == false'
	has '[.sigstruct.problems[].field] == ["header", "reserved1", "signature"]'
}

@test "inspect: text is made from the document" {
	run -0 sgxctl inspect a.elf --text
	[[ $output == *"one character is"* && $output == *"threads:"* && $output == *reserve* ]]
	[[ $output != *" "$'\n'* ]]
	json sign a.elf --out s >/dev/null
	run -0 sgxctl inspect s --text
	[[ $output == *"debug policy"*"the loader decides"* ]]
}

# ---- verify ----------------------------------------------------------------------------------------

@test "verify: yes" {
	json sign a.elf --out s >/dev/null
	run -0 json verify a.elf --sigstruct s --device=emulated
	has '.schema == "sgxctl.verify/1" and .ok and .matches and .signature.valid and .failed == 0'
	has '(.checks | length) >= 20 and all(.checks[]; .ok) and .device == "emulated"'
	has '.mrenclave == .sigstruct.enclavehash and .pages.added == 16 and .elrange.size == 262144'
	has ".mrsigner == \"$(oracle s)\""
	run -0 json verify s
	has '.ok and (has("matches") | not) and .signature.valid'
}

@test "verify: no, and every reason" {
	json sign a.elf --out s >/dev/null
	flip s 0 16 24 44 512 910 992 1028 1040 1424
	run -1 json verify a.elf --sigstruct s
	fails_with not-verified
	has '.matches and .signature.valid == false and .failed == 11'
	has '[.checks[] | select(.ok == false) | .name] == ["header","vendor","header2","reserved1","exponent","reserved2","reserved3","reserved4","signature","q1","q2"]'
	has '[.checks[] | select(.ok == false)] | all((.expected | length > 0) and (.actual | length > 0) and .expected != .actual and (.message | length > 0))'
	has '[.checks[] | select(.name == "exponent")] | .[0].expected == "0x3" and .[0].actual == "0x2"'
	run -1 sgxctl verify a.elf --sigstruct s --text
	[[ $output == *"WRONG    q1: Q1 is not"* ]]
}

@test "verify: another image, another signer" {
	mk b.elf --seed 3
	json sign a.elf --out s >/dev/null
	signer=$(oracle s)
	run -1 json verify b.elf --sigstruct s
	fails_with not-verified
	has '.matches == false and .signature.valid and .failed == 1'
	has '. as $d | [.checks[] | select(.ok == false)] | .[0].name == "enclavehash" and .[0].expected == $d.mrenclave and .[0].actual == $d.sigstruct.enclavehash'
	run -0 json verify a.elf --sigstruct s --mrsigner "$signer"
	run -1 json verify a.elf --sigstruct s --mrsigner "${signer//[0-9]/0}"
	has '[.checks[] | select(.ok == false) | .name] == ["mrsigner"]'
	run -64 json verify a.elf --sigstruct s --mrsigner 1234
	keys
	json sign a.elf --out s --key "$KEY" >/dev/null
	run -0 json verify a.elf --sigstruct s --key "$PUB"
	run -0 json verify a.elf --sigstruct s --key "$KEY"
	json sign a.elf --out s >/dev/null
	run -1 json verify a.elf --sigstruct s --key "$PUB"
	run -64 json verify a.elf --sigstruct s --key "$PUB" --mrsigner "$signer"
	run -1 json verify a.elf
	fails_with not-signed
	head -c 100 /dev/zero >short
	run -1 json verify a.elf --sigstruct short
	fails_with bad-sigstruct
}

@test "verify: what the device does not offer" {
	wrong() {
		json sign a.elf --out s "${@:2}" >/dev/null
		run -1 json verify a.elf --sigstruct s --device=emulated
		has "[.checks[] | select(.ok == false) | .name] == $1"
	}
	wrong '["attributes.flags"]' --attributes MODE64BIT,CET,AEXNOTIFY
	has '[.checks[] | select(.ok == false)][0].message | contains("CET AEXNOTIFY")'
	wrong '["attributes.flags"]' --attributes MODE64BIT,EINITTOKENKEY
	wrong '["attributes.xfrm"]' --xfrm X87,SSE,bit62 --xfrm-mask X87,SSE,bit62
	wrong '["miscselect"]' --miscselect CPINFO --miscselect-mask CPINFO
	wrong '["xfrm-legal"]' --xfrm 0 --xfrm-mask 3
	wrong '["kss"]' --isvfamilyid 00112233445566778899aabbccddeeff
	wrong '["mode64bit"]' --attributes 0
	wrong '["init"]' --attributes MODE64BIT,INIT --attributes-mask INIT
	wrong '["cet_attributes"]' --cet-attributes 1 --cet-attributes-mask 1
	# and what nobody demands is fine
	json sign a.elf --out s --attributes MODE64BIT,CET --attributes-mask MODE64BIT --xfrm-mask 0 >/dev/null
	run -0 json verify a.elf --sigstruct s --device=emulated
	json sign a.elf --out s --attributes MODE64BIT,KSS --isvfamilyid 00112233445566778899aabbccddeeff >/dev/null
	run -0 json verify a.elf --sigstruct s --device=emulated
}

# ---- sign ------------------------------------------------------------------------------------------

@test "sign: every field lands where it belongs" {
	run -0 json sign a.elf --sigstruct-out s --isvprodid 0x1234 --isvsvn 0x5678 --date 20260102 --vendor 0x8086 \
		--swdefined 0x11223344 --attributes MODE64BIT,kss,bit33 --attributes-mask '~DEBUG,KSS' --xfrm 0xe7 \
		--xfrm-mask '~AVX' --miscselect EXINFO --miscselect-mask 0xfffffff0 --cet-attributes 2 \
		--cet-attributes-mask 0xfe --isvfamilyid 000102030405060708090a0b0c0d0e0f \
		--isvextprodid 101112131415161718191a1b1c1d1e1f
	has '.sigstruct == "s" and .isvprodid == 4660 and .date == "20260102" and (.warnings | length) == 1'
	[ "$(hex_at s 16 8)" = 8680000002012620 ]
	[ "$(hex_at s 40 4)" = 44332211 ]
	[ "$(hex_at s 900 12)" = 01000000f0ffffff02fe0000 ]
	[ "$(hex_at s 912 16)" = 000102030405060708090a0b0c0d0e0f ]
	[ "$(hex_at s 928 16)" = 8400000002000000e700000000000000 ]
	[ "$(hex_at s 944 16)" = 7dfffffffffffffffbffffffffffffff ]
	[ "$(hex_at s 1008 20)" = 101112131415161718191a1b1c1d1e1f34127856 ]
	oracle s
	cp s first
	run -0 json sign a.elf --out s --keep --sigstruct first
	cmp s first
	run -0 json sign a.elf --out s --keep --sigstruct first --isvsvn 1
	[ "$(hex_at s 1024 4)" = 34120100 ]
	oracle s
	run -1 json sign a.elf --out s --keep
	fails_with not-signed
}

@test "sign: what is no value" {
	for o in "--vendor 1" "--date 20261301" "--isvsvn 65536" "--isvfamilyid 00" "--attributes NONSENSE" \
		"--attributes DEBUG," "--xfrm bit64" "--miscselect bit32" "--cet-attributes 256" "--attributes -1"; do
		# shellcheck disable=SC2086
		run -64 json sign a.elf --out s $o
		fails_with usage
	done
	[ ! -e s ]
}

@test "sign: two steps, with the key elsewhere" {
	keys
	run -0 json sign a.elf --to-sign tbs --isvsvn 3
	has '.to_sign == "tbs" and (.sigstruct | not) and .fields.isvsvn == 3 and .key == null'
	has ".to_sign_sha256 == \"$(sha256sum <tbs | cut -d' ' -f1)\""
	[ "$(stat -c %s tbs)" = 256 ]
	openssl dgst -sha256 -sign "$KEY" -out raw tbs
	run -0 json sign a.elf --attach raw --public "$PUB" --to-sign tbs --out two
	has '.sigstruct == "two" and .isvsvn == 3 and .fields.signature.valid'
	json sign a.elf --key "$KEY" --out one --isvsvn 3 >/dev/null
	cmp one two
	oracle two
	# the signed bytes alone are enough, and so is the image with the same options
	run -0 json sign --attach raw --public "$PUB" --to-sign tbs --out three
	cmp one three
	run -0 json sign a.elf --attach raw --public "$PUB" --isvsvn 3 --out four
	cmp one four
	# the openssl command agrees about what was signed
	openssl dgst -sha256 -verify "$PUB" -signature raw tbs
	run -0 json verify a.elf --sigstruct two --key "$PUB"
}

@test "sign: a signature that is not of these bytes, or not of this key" {
	keys
	json sign a.elf --to-sign tbs >/dev/null
	openssl dgst -sha256 -sign "$KEY" -out raw tbs
	run -1 json sign a.elf --attach raw --public "$PUB" --isvsvn 4 --out s
	fails_with bad-signature
	openssl genrsa -3 -out other.pem 3072 2>/dev/null
	run -1 json sign --attach raw --public other.pem --to-sign tbs --out s
	fails_with bad-signature
	flip raw 200
	run -1 json sign --attach raw --public "$PUB" --to-sign tbs --out s
	fails_with bad-signature
	head -c 384 /dev/zero | tr '\0' '\377' >raw
	run -1 json sign --attach raw --public "$PUB" --to-sign tbs --out s
	fails_with bad-signature
	head -c 383 /dev/zero >raw
	run -1 json sign --attach raw --public "$PUB" --to-sign tbs --out s
	fails_with bad-signature
	mk b.elf --seed 3
	openssl dgst -sha256 -sign "$KEY" -out raw tbs
	run -1 json sign b.elf --attach raw --public "$PUB" --to-sign tbs --out s
	fails_with sigstruct-mismatch
	flip tbs 0
	run -1 json sign --attach raw --public "$PUB" --to-sign tbs --out s
	fails_with bad-sigstruct
	[ ! -e s ]
	for o in "--attach raw" "--public $PUB" "--attach raw --public $PUB" "--to-sign x --out s" "--to-sign x --key $KEY" \
		"--attach raw --public $PUB --to-sign tbs --isvsvn 1" "--attach raw --public $PUB --key $KEY"; do
		# shellcheck disable=SC2086
		case $o in
		*--to-sign\ tbs*|*--key*|"--attach raw"|--public*|--to-sign*) run -64 json sign a.elf $o ;;
		*) run -64 json sign $o ;;
		esac
		fails_with usage
	done
}

@test "sign: keys with a passphrase" {
	keys
	openssl rsa -aes128 -in "$KEY" -out locked.pem -passout pass:secret 2>/dev/null
	json sign a.elf --key "$KEY" --out plain >/dev/null
	run -1 json sign a.elf --key locked.pem --out s
	fails_with bad-key
	has '.error.message | contains("passphrase")'
	run -1 json sign a.elf --key locked.pem --passin pass:wrong --out s
	fails_with bad-key
	printf 'secret\nmore\n' >word
	WORD=secret run -0 json sign a.elf --key locked.pem --passin env:WORD --out s
	cmp s plain
	run -0 json sign a.elf --key locked.pem --passin pass:secret --out s
	run -0 json sign a.elf --key locked.pem --passin file:word --out s
	run -0 json sign a.elf --key locked.pem --passin fd:7 --out s 7<word
	run -0 json sign a.elf --key locked.pem --passin stdin --out s <word
	cmp s plain
	run -64 json sign a.elf --key locked.pem --passin secret --out s
	run -64 json sign a.elf --key locked.pem --passin env:NO_SUCH_WORD --out s
	run -1 json sign a.elf --key locked.pem --passin file:none --out s
	fails_with io
	run -64 json sign a.elf --passin pass:x --out s
}

# ---- diff ------------------------------------------------------------------------------------------

@test "diff: nothing, and exit statuses" {
	cp a.elf b.elf
	run -0 json diff a.elf b.elf
	has '.schema == "sgxctl.diff/1" and .ok and .same and .same_mrenclave and .differences == [] and .first_difference == null'
	has '.a.mrenclave == .b.mrenclave and (.a.mrenclave | length) == 64'
	mk b.elf --seed 3
	run -1 json diff a.elf b.elf
	has '.ok and (.same | not) and (.same_mrenclave | not) and (has("error") | not)'
	run -1 json diff a.elf none
	has '.ok == false'
	run -64 json diff a.elf
	run -64 json diff a.elf a.elf a.elf
}

@test "diff: one byte" {
	cp a.elf b.elf
	# the data segment: its bytes are at 0x2080 in the enclave
	off=$("${PYTHON3:-python3}" -c '
import struct
b = open("a.elf", "rb").read()
phoff, = struct.unpack_from("<Q", b, 32)
n, = struct.unpack_from("<H", b, 56)
for i in range(n):
    t, f, o, v, p, fs, ms, al = struct.unpack_from("<IIQQQQQQ", b, phoff + 56 * i)
    if t == 1 and v == 0x2080: print(o)')
	flip b.elf "$((off + 0x40))"
	run -1 json diff a.elf b.elf
	has '.first_difference | .what == "data" and .byte == "0x20c0" and .a.leaf == "EEXTEND" and .a.offset == "0x2000"'
	has '.differences == [.differences[0]] and (.differences[0] | .kind == "content" and .measured and .offset == "0x2000" and .pages == 1 and .bytes == 1 and .ranges == [{"offset": "0x20c0", "bytes": 1}])'
	run -1 sgxctl diff a.elf b.elf --text
	[[ $output == *"the measurements part at record"*"data at 0x20c0"* && $output == *"* content 0x2000 (1 pages)"* ]]
}

@test "diff: SIZE, SSAFRAMESIZE, threads, heap, reserve" {
	mk b.elf --ssaframesize 2 --reserve 0x1000000
	run -1 json diff a.elf b.elf
	has '.first_difference.record == 0 and .first_difference.a.leaf == "ECREATE"'
	has '[.differences[].kind] | index("size") != null and index("ssaframesize") != null'
	mk b.elf --heap 0x8000
	run -1 json diff a.elf b.elf --no-measure
	has '.a.mrenclave == null and .same_mrenclave == false'
	has '[.differences[] | select(.kind == "added")] | length > 0 and all(.b.what == "heap" and .b.measured == false and .measured)'
}

@test "diff: a huge heap costs nothing" {
	json measure a.elf >/dev/null
	mk a.elf --heap 0x1e00000000
	mk b.elf --heap 0x1e00001000
	run -1 timeout 20 "$SGXCTL" diff a.elf b.elf --no-measure
	has '[.differences[] | select(.kind == "added")] | length == 1 and .[0].pages == 1'
	! grep -q __asan_init "$SGXCTL" || return 0 # the address sanitizer needs more than any limit
	run -1 bash -c 'ulimit -v 400000; exec timeout 20 "$SGXCTL" diff a.elf b.elf --no-measure'
	has '.differences_total == 4'
}

@test "diff: signatures, and a limit" {
	json sign a.elf --out one >/dev/null
	mk b.elf --seed 3 --ntcs 2
	run -1 json diff a.elf b.elf --limit 2
	has '(.differences | length) == 2 and .differences_total > 2'
	run -64 json diff a.elf b.elf --sigstruct one
}

# ---- dump-secs --image -----------------------------------------------------------------------------

@test "the SECS that is foretold is the SECS that comes" {
	json sign a.elf --out s --isvprodid 5 --isvsvn 6 >/dev/null
	run -0 json dump-secs --image a.elf --sigstruct s --device=emulated
	has '.matches and .device == "emulated" and .secs.isvprodid == 5 and .secs.isvsvn == 6 and .secs.attributes.names == ["INIT","DEBUG","MODE64BIT"]'
	has ".secs.mrsigner == \"$(oracle s)\" and .sources.mrsigner == \"sigstruct\" and .sources.mrenclave == \"measured\" and .sources.size == \"create\""
	foretold=$(jq -S '.secs | del(.base, .eid, .children)' <<<"$output")
	json load "$PWD/a.elf" --device=emulated --name demo --sigstruct s >/dev/null
	[ "$(json dump-secs demo | jq -S '.secs | del(.base, .eid, .children)')" = "$foretold" ]
	run -0 json dump-secs --image a.elf --sigstruct s --device=emulated --production
	has '.secs.attributes.names == ["INIT","MODE64BIT"]'
	json sign a.elf --out s --debug >/dev/null
	run -1 json dump-secs --image a.elf --sigstruct s --production
	fails_with sigstruct-mismatch
	run -0 json dump-secs --image a.elf
	has '.secs.mrsigner == null and (.sources | has("mrsigner") | not)'
	run -64 json dump-secs demo --debug
}
