#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Enclaves of Open Enclave and Gramine on the emulated device: EINIT checks what the library measured.

load helper

mk() { "${PYTHON3:-python3}" "${top_srcdir:-.}/tests/mk/mk_$1.py" -o "$BATS_TEST_TMPDIR/$2" "${@:3}"; }

@test "an Open Enclave image that is not signed is signed as its properties say" {
	mk oe e.img --ntcs 2 --prodid 7 --svn 3 --attributes 0x86 --family-id 0102
	run -0 json load "$BATS_TEST_TMPDIR/e.img" --name e --device=emulated
	has '.ok and .debug and (.tcs | length) == 2'
	run -0 json dump-secs e
	has '.secs.isvprodid == 7 and .secs.isvsvn == 3'
	run -0 json call e --raw
	has .ok
}

@test "one that is signed is loaded with its own SIGSTRUCT" {
	mk oe e.img
	run -0 json sign "$BATS_TEST_TMPDIR/e.img" -o "$BATS_TEST_TMPDIR/sig"
	mrsigner=$(jq -r .mrsigner <<<"$output")
	mk oe e.img --sigstruct "$BATS_TEST_TMPDIR/sig"
	run -0 json verify "$BATS_TEST_TMPDIR/e.img"
	has '.ok and .matches'
	# a key of another home would sign as somebody else
	HOME=$BATS_TEST_TMPDIR run -0 json load "$BATS_TEST_TMPDIR/e.img" --name e --device=emulated
	has ".mrsigner == \"$mrsigner\""
	run -0 json call e --raw
	has .ok
}

@test "a changed byte of a signed image is seen by verify and by EINIT" {
	mk oe e.img
	run -0 json sign "$BATS_TEST_TMPDIR/e.img" -o "$BATS_TEST_TMPDIR/sig"
	mk oe e.img --sigstruct "$BATS_TEST_TMPDIR/sig" --patch 0x1200:1:0
	run -1 json verify "$BATS_TEST_TMPDIR/e.img"
	run -1 json load "$BATS_TEST_TMPDIR/e.img" --name e --device=emulated
	has '.error.code == "sigstruct-mismatch" or .error.code == "init-failed"'
}

@test "a zero-base image demands base 0 and leaves low memory alone" {
	! grep -q __asan_init "$SGXCTL_KEEPER" || skip "low memory is the address sanitizer's"
	mk oe e.img --flags 2 --start 0x100000000
	run -0 json load "$BATS_TEST_TMPDIR/e.img" --name e --device=emulated
	has '.elrange.base == "0x0"'
	run -0 json call e --raw
	has .ok
}

@test "heap and reserve of an Open Enclave image are its own" {
	mk oe e.img
	run -4 json measure "$BATS_TEST_TMPDIR/e.img" --heap 1M
	has '.error.code == "unsupported"'
}

@test "a manifest without libpal is refused, and says what is missing" {
	mk gramine g
	run -64 json measure "$BATS_TEST_TMPDIR/g.manifest.sgx"
	has '.error.code == "usage" and (.error.hint | contains("--libpal"))'
}

@test "nothing pretends to know the MRENCLAVE of a manifest without a .sig" {
	mk gramine g
	args=("$BATS_TEST_TMPDIR/g.manifest.sgx" --libpal "$BATS_TEST_TMPDIR/g.libpal.so")
	run -4 json measure "${args[@]}"
	has '.error.code == "unsupported"'
	run -4 json load "${args[@]}" --name g --device=emulated
	has '.error.code == "unsupported"'
	run -0 json inspect "${args[@]}"
	has '.format == "gramine" and (.no_measure | contains("no .sig")) and .tcs_total == 2'
}

@test "a manifest is signed by the user's word, then known by its .sig, loaded and entered" {
	mk gramine g --size 4M
	args=("$BATS_TEST_TMPDIR/g.manifest.sgx" --libpal "$BATS_TEST_TMPDIR/g.libpal.so")
	run -0 json sign "${args[@]}" --format gramine:2 -o "$BATS_TEST_TMPDIR/g.sig"
	mrenclave=$(jq -r .mrenclave <<<"$output")
	run -0 json verify "${args[@]}"
	has ".ok and .mrenclave == \"$mrenclave\""
	run -0 json load "${args[@]}" --name g --device=emulated
	has ".mrenclave == \"$mrenclave\" and .elrange.base == \"0x0\" and (.debug | not)"
	run -0 json call g --raw
	has .ok
}
