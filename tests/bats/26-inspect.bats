#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Looking at an enclave: dump-secs, pages, call, peek, poke, dump-tcs, dump-ssa, info.
load helper

setup() {
	sgxctl_setup
	load --name demo --quiet
}

@test "dump-secs: the SECS itself, with the source of every field" {
	run -0 json dump-secs demo
	has '.secs | .size == 134217728 and .ssaframesize == 1 and .attributes.flags == "0x7" and .attributes.xfrm == "0x3"'
	has '.secs.attributes.names == ["INIT","DEBUG","MODE64BIT"]'
	has '(.secs | keys) - ["attributes"] == (.sources | keys) - ["attributes","xfrm"]'
	has '[.sources[]] | unique == ["epc"]'
	run -0 json dump-secs demo --raw "$BATS_TEST_TMPDIR/secs"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/secs")" = 4096 ]
	raw=$(od -An -tx1 -j64 -N32 "$BATS_TEST_TMPDIR/secs" | tr -d ' \n')
	has ".secs.mrenclave == \"$raw\""
}

@test "dump-secs counts the children" {
	before=$(json dump-secs demo | jq .secs.children)
	json augment demo --offset 0x100000 --pages 10 --accept
	[ "$(json dump-secs demo | jq .secs.children)" = $((before + 10)) ]
}

@test "pages: every page of the image, by what it is" {
	run -0 json pages demo
	has '[.ranges[].pages] | add == 98'
	has '.ranges | all(.source == "epcm" and .origin == "eadd" and (.pending or .modified or .pr or .blocked | not))'
	has '[.ranges[] | select(.type == "tcs")] | length == 2 and all(.perm == "---" and .vma == "rw-")'
	has '[.ranges[].what] | unique - ["data","handler-stack","heap","rodata","ssa","stack","tcs","text","tls"] == []'
	run -0 json pages demo --offset 0x100000 --pages 16
	has '.ranges == []'
	run -1 json pages demo --offset 0x8000000 --pages 1
	fails_with bad-range
}

@test "call: operations, their results, their refusals" {
	json augment demo --offset 0x100000 --pages 2 --accept
	run -0 json call demo write --addr 0x100008 --value 0x1234
	run -0 json call demo read --addr 0x100008
	has '.value == "0x1234" and .status == "ok" and .counters.eenters == 1'
	run -0 json call demo checksum --addr 0x100000 --pages 2
	has '.value == "0x1234" and .done == 2'
	run -1 json call demo accept --addr 0x100000 --pages 1 --flags 0x20b
	fails_with op-failed
	has '.error.sgx == 19 and .error.offset == "0x100000" and .status == "refused"'
	run -64 json call demo nonsense
	fails_with no-such-op
	run -0 json call demo report
	has '.data | length == 864'
	# a zero KEYREQUEST asks for the EINITTOKEN key, which only launch enclaves get
	head -c 512 /dev/zero >"$BATS_TEST_TMPDIR/keyrequest"
	run -1 json call demo getkey --src "$BATS_TEST_TMPDIR/keyrequest"
	has '.sgx == "0x2" and .error.sgx == 2'
}

@test "call: a file in, a file out" {
	json augment demo --offset 0x100000 --pages 4 --accept
	head -c 9000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
	run -0 json call demo copyin --addr 0x100004 --src "$BATS_TEST_TMPDIR/in"
	run -0 json call demo copyout --addr 0x100004 --bytes 9000 --dst "$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "exceptions come back as documents, and the thread can be looked at" {
	run -2 json call demo fault --value 6
	fails_with enclave-fault
	has '.exception | .vector == 6 and .name == "#UD" and .function == "ERESUME"'
	run -0 json dump-ssa demo
	has '.frames | length == 1 and (.[0].exitinfo | .valid and .vector == 6 and .type == "hardware")'
	has '.frames[0].rip_offset | test("^0x[0-9a-f]+$")'
	run -0 json dump-tcs demo
	has '.tcs | length == 2 and ([.[].cssa] | add == 1) and all(.nssa == 4)'
	run -0 json status demo
	has '[.tcs[] | select(.depth == 1)] | length == 1'
	run -2 json call demo fault --value 0
	has '.exception.name == "#DE"'
	run -1 json call demo nop
	fails_with no-free-tcs
}

@test "faults of every kind" {
	local v
	for v in 0:0 6:6 13:13 14:14 256:6; do
		run -2 json call demo fault --value "${v%:*}"
		has ".exception.vector == ${v#*:}"
		json unload demo
		load --name demo --quiet
	done
}

@test "peek and poke what the enclave sees" {
	json augment demo --offset 0x100000 --pages 1 --accept
	run -0 json poke demo --offset 0x100ff8 --hex 8877665544332211
	run -0 json call demo read --addr 0x100ff8
	has '.value == "0x1122334455667788"'
	run -0 json call demo write --addr 0x100000 --value 0x42
	run -0 json peek demo --offset 0x100000 --length 8
	has '.data == "4200000000000000" and .bytes == 8'
	run -1 json peek demo --offset 0x200000 --length 8
	fails_with no-page
	run -1 json peek demo --offset 0x7fffffff --length 8
	fails_with bad-range
	run -1 json poke demo --offset 0x200000 --hex 00
	fails_with no-page
	run -1 json poke demo --offset 0x29000 --hex 0100000000000000
	has '.ok == false'
	run -0 json poke demo --offset 0x29008 --hex 0100000000000000
	run -0 json dump-tcs demo --tcs 0x29000
	has '.tcs[0].flags == "0x1"'
}

@test "peek shows the image's bytes as they are in the file" {
	json call demo nop
	json call demo checksum --addr 0x3000 --pages 1
	run -0 json peek demo --offset 0x3000 --length 4096
	seen=$(jq -r .data <<<"$output" | md5sum)
	run -0 json peek demo --offset 0x3000 --length 4096
	[ "$(jq -r .data <<<"$output" | md5sum)" = "$seen" ]
	has '.data | contains("0f01d7")'
}

@test "the mmap enclave, both ways" {
	IMAGE=mmap load --name m --quiet
	for opt in 0 1; do
		run -0 json call m mmap --pages 4 --flags 3 --opt $opt
		has '.status == "ok" and .done == 4 and .counters.eacceptcopies == 4 and .counters.ioctls == 1'
		has ".counters.user_exits == $((opt + 1))"
	done
	run -0 json pages m
	has '[.ranges[] | select(.origin == "eaug")] | length == 1 and .[0].pages == 8 and .[0].perm == "rw-"'
}

@test "info: every probe, and what auto takes" {
	run -0 json info
	has '.schema == "sgxctl.info/1" and (.auto | IN("kernel", "emulated")) and (.reason | length > 0)'
	has '[.probes[].name] as $n | ["cpuid-sgx","cpuid-sgx2","node-enclave","node-exec","ioctl-modify-types","ioctl-augment-pages","epc-bytes","vdso-enter","emulated-syscall-dispatch"] - $n == []'
	has '.probes | all(.pass == true or .pass == null or .pass == false)'
	has '[.probes[] | select(.pass == false and .message == "" and (.name != "cpuid-attributes"))] == []'
}
