#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# load: what an enclave is built from, and every way in which it cannot be built.
load helper

nothing_left() {
	run -0 json list
	has '.enclaves == []'
	[ -z "$(find "$SGXCTL_STATE_DIR" -mindepth 1 -maxdepth 1 ! -name '.*')" ]
}

@test "the document names everything scripts rely on" {
	run -0 load --name demo
	has '.elrange.size > 0 and .pages.added >= .pages.measured and .pages.measured > 0'
	has '(.mrsigner | test("^[0-9a-f]{64}$")) and .debug == true and .kernel == "rfc"'
	has '(.tcs | all(test("^0x[0-9a-f]+$"))) and .elapsed_ns > 0 and .format == "sgxctl"'
}

@test "the loaded MRENCLAVE is the measured one" {
	measured=$(json measure grow | jq -r .mrenclave)
	run -0 load
	has ".mrenclave == \"$measured\""
	run -0 json dump-secs grow
	has ".secs.mrenclave == \"$measured\""
}

@test "a heap of another size is another enclave" {
	run -0 load --name small
	small=$(jq -r .mrenclave <<<"$output")
	run -0 load --name large --heap 256K
	has ".mrenclave != \"$small\" and .pages.added == 146"
	run -0 json measure grow --heap 256K
	has ".mrenclave == \"$(json status large | jq -r .mrenclave)\""
}

@test "a reserve makes room to grow" {
	run -0 load --reserve 1G
	has '.elrange.size >= 1073741824'
	run -0 json augment grow --offset 0x30000000 --pages 16 --accept
	has '.accepted_pages == 16'
}

@test "production enclaves cannot be looked into" {
	run -0 load --production
	has '.debug == false'
	run -0 json dump-secs grow
	has '.secs.attributes.names | index("DEBUG") == null'
	run -1 json peek grow --offset 0 --length 8
	fails_with not-debug
	run -1 json dump-tcs grow
	fails_with not-debug
	run -0 json call grow nop
}

@test "a ready SIGSTRUCT initialises its own image, with the signer it names" {
	run -0 json sign grow --out "$BATS_TEST_TMPDIR/grow.sig"
	signer=$(jq -r .mrsigner <<<"$output")
	run -0 load --sigstruct "$BATS_TEST_TMPDIR/grow.sig"
	has ".mrsigner == \"$signer\""
}

@test "a SIGSTRUCT of another image is refused, and says why" {
	json sign threads --out "$BATS_TEST_TMPDIR/threads.sig"
	run -1 load --sigstruct "$BATS_TEST_TMPDIR/threads.sig"
	fails_with sigstruct-mismatch
	has '.error.errno == "EPERM"'
	nothing_left
}

@test "a SIGSTRUCT with a broken signature is refused, and says why" {
	json sign grow --out "$BATS_TEST_TMPDIR/grow.sig"
	printf '\x01' | dd of="$BATS_TEST_TMPDIR/grow.sig" bs=1 seek=40 conv=notrunc status=none
	run -1 load --sigstruct "$BATS_TEST_TMPDIR/grow.sig"
	fails_with bad-sigstruct
	nothing_left
}

@test "a SIGSTRUCT that is cut short, or is something else" {
	json sign grow --out "$BATS_TEST_TMPDIR/grow.sig"
	truncate -s 1807 "$BATS_TEST_TMPDIR/grow.sig"
	run -1 load --sigstruct "$BATS_TEST_TMPDIR/grow.sig"
	fails_with bad-sigstruct
	run -1 load --sigstruct /dev/null
	has '.ok == false'
	nothing_left
}

@test "DEBUG that the SIGSTRUCT pins is not overruled" {
	json sign grow --production --out "$BATS_TEST_TMPDIR/p.sig"
	run -1 load --sigstruct "$BATS_TEST_TMPDIR/p.sig" --debug
	fails_with sigstruct-mismatch
	run -0 load --sigstruct "$BATS_TEST_TMPDIR/p.sig"
	has '.debug == false'
	json sign grow --debug --out "$BATS_TEST_TMPDIR/d.sig"
	run -1 load --sigstruct "$BATS_TEST_TMPDIR/d.sig" --production
	fails_with sigstruct-mismatch
}

# sdk FILE [mk_sdk options]: an SDK enclave, signed with a key of its own
sdk() {
	command -v python3 >/dev/null || skip "there is no python3"
	command -v openssl >/dev/null || skip "there is no openssl command"
	[ -e "$BATS_FILE_TMPDIR/key.pem" ] || openssl genrsa -3 -out "$BATS_FILE_TMPDIR/key.pem" 3072 2>/dev/null
	"${PYTHON3:-python3}" "${top_srcdir:?}/tests/mk/mk_sdk.py" -o "$1" --key "$BATS_FILE_TMPDIR/key.pem" "${@:2}"
}

@test "a signed SDK enclave is initialised with its own SIGSTRUCT" {
	sdk "$BATS_TEST_TMPDIR/a.so" --prodid 7 --svn 3 --threads 3
	IMAGE=$BATS_TEST_TMPDIR/a.so run -0 load --name a
	has '.format == "sdk" and .debug == true and (.tcs | length) == 3 and .op_interface == false'
	has ".mrenclave == \"$(json measure "$BATS_TEST_TMPDIR/a.so" | jq -r .mrenclave)\""
	signer=$(jq -r .mrsigner <<<"$output")
	run -0 json dump-secs a
	has '.secs.isvprodid == 7 and .secs.isvsvn == 3 and .secs.attributes.flags == "0x7"'
	has "(.secs.attributes.xfrm | test(\"[37]$\")) and .secs.mrsigner == \"$signer\""
	run -0 json pages a
	has '[.ranges[] | select(.what == "stack")] | length > 0'
	# another key, another signer
	run -0 json sign "$BATS_TEST_TMPDIR/a.so" --out "$BATS_TEST_TMPDIR/a.sig"
	IMAGE=$BATS_TEST_TMPDIR/a.so run -0 load --name b --sigstruct "$BATS_TEST_TMPDIR/a.sig"
	has ".mrsigner != \"$signer\""
}

@test "a changed SDK enclave is refused by EINIT, and taken with another key" {
	sdk "$BATS_TEST_TMPDIR/a.so"
	printf '\x90' | dd of="$BATS_TEST_TMPDIR/a.so" bs=1 seek=$((0x1234)) conv=notrunc status=none
	IMAGE=$BATS_TEST_TMPDIR/a.so run -1 load
	fails_with sigstruct-mismatch
	has '.error.errno == "EPERM"'
	nothing_left
	IMAGE=$BATS_TEST_TMPDIR/a.so run -0 load --key "$BATS_FILE_TMPDIR/key.pem"
}

@test "what an SDK enclave's SIGSTRUCT pins" {
	sdk "$BATS_TEST_TMPDIR/production.so" --flagmask 0xffffffffffffffff
	IMAGE=$BATS_TEST_TMPDIR/production.so run -1 load --debug
	fails_with sigstruct-mismatch
	nothing_left
	IMAGE=$BATS_TEST_TMPDIR/production.so run -0 load
	has '.debug == false'
	sdk "$BATS_TEST_TMPDIR/debug.so" --flags 6 --flagmask 0xffffffffffffffff
	IMAGE=$BATS_TEST_TMPDIR/debug.so run -1 load --production
	fails_with sigstruct-mismatch
	IMAGE=$BATS_TEST_TMPDIR/debug.so run -0 load
	has '.debug == true'
	# AVX is wished, and pinned to off
	sdk "$BATS_TEST_TMPDIR/sse.so" --want-xfrm 7 --xfrmmask 0xffffffffffffffff
	IMAGE=$BATS_TEST_TMPDIR/sse.so run -0 load --name sse
	run -0 json dump-secs sse
	has '.secs.attributes.xfrm == "0x3"'
}

@test "an SDK enclave with an ELRANGE gets its base, or an error" {
	sdk "$BATS_TEST_TMPDIR/a.so" --block 12.4 --block 11.4 --elrange 0x200010000000:0x200000000000:0x40000000
	IMAGE=$BATS_TEST_TMPDIR/a.so run -0 load
	has '.elrange == {base: "0x200000000000", size: 1073741824}'
	# above what user space has
	sdk "$BATS_TEST_TMPDIR/b.so" --block 12.4 --elrange 0x7ff010000000:0x7ff000000000:0x1000000000
	IMAGE=$BATS_TEST_TMPDIR/b.so run -1 load
	fails_with map-failed
}

@test "SDK enclaves that cannot be run" {
	for kind in sim pcl; do
		sdk "$BATS_TEST_TMPDIR/$kind.so" "--$kind"
		IMAGE=$BATS_TEST_TMPDIR/$kind.so run -4 load
		fails_with unsupported
		run -0 json measure "$BATS_TEST_TMPDIR/$kind.so"
	done
	nothing_left
}

@test "images that are none" {
	run -1 json load /nonexistent --device=emulated
	fails_with no-image
	echo "no ELF" >"$BATS_TEST_TMPDIR/text"
	run -1 json load "$BATS_TEST_TMPDIR/text" --device=emulated
	has '.ok == false and .error.code != "bug"'
	head -c 300 "$SGXCTL_ENCLAVES/grow.elf" >"$BATS_TEST_TMPDIR/short.elf"
	run -1 json load "$BATS_TEST_TMPDIR/short.elf" --device=emulated
	has '.ok == false and .error.code != "bug"'
	nothing_left
}

@test "a key that cannot be used" {
	echo "no key" >"$BATS_TEST_TMPDIR/key.pem"
	run -1 load --key "$BATS_TEST_TMPDIR/key.pem"
	fails_with bad-key
	run -1 load --key "$BATS_TEST_TMPDIR/none.pem"
	has '.ok == false'
	nothing_left
}

@test "an EPC that is too small for any page" {
	run -1 load --epc 8K
	fails_with no-epc
	has '.error.offset | test("^0x")'
	nothing_left
	run -1 load --epc 4K
	fails_with no-epc
	nothing_left
}

@test "an EPC that is smaller than the enclave" {
	run -0 load --name small --epc 128K
	has '.pages.added > 64'
	run -0 json call small nop
	run -0 json dump-secs small
	run -0 json unload small
}

@test "an enclave larger than an address space" {
	run -1 load --reserve 100T
	has '.ok == false and (.error.code | IN("too-big", "bad-layout", "create-failed"))'
	nothing_left
}

@test "--device=kernel does not fall back" {
	[ ! -c /dev/sgx_enclave ] || skip "this machine has the kernel's device"
	run -4 json load grow --device=kernel
	fails_with no-device
	nothing_left
}
