#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Hostile and broken input from end to end: a stable code, a hint, an exit status, and nothing half-made.
load helper

MK=${top_srcdir:?}/tests/mk/mk_elf.py

# no enclave, no folder, no keeper that serves this state directory
nothing_left() {
	run -0 json list
	has '.enclaves == []'
	[ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]
}

# refuses CODE [mk_elf options]: neither load nor measure nor sign nor dump-secs takes such an image
refuses() {
	local image=$BATS_TEST_TMPDIR/bad.elf code=$1 status
	shift
	"${PYTHON3:-python3}" "$MK" -o "$image" "$@"
	output=
	for command in "load --device=emulated" measure "sign --out $BATS_TEST_TMPDIR/sig" "dump-secs --image"; do
		status=0
		# shellcheck disable=SC2086
		output+=$(json $command "$image") || status=$?
		[ "$status" -eq 1 ]
	done
	# all at once: there are many of these
	jq -es --arg code "$code" 'length == 4 and all(.[]; .schema == "sgxctl.error/1" and .ok == false and
		.error.code == $code and (.error.message | length > 0) and (.error.hint | length > 0))' <<<"$output" >/dev/null || {
		echo "# not $code four times: $output"
		return 1
	}
	[ ! -e "$BATS_TEST_TMPDIR/sig" ]
}

@test "files that are no ELF images" {
	: >"$BATS_TEST_TMPDIR/empty"
	printf 'text' >"$BATS_TEST_TMPDIR/text"
	for f in empty text; do
		run -1 json load "$BATS_TEST_TMPDIR/$f" --device=emulated
		fails_with bad-elf
	done
	for f in /no/such/file "$BATS_TEST_TMPDIR" /dev/null; do
		run -1 json load "$f" --device=emulated
		has '.error.code == "no-image" and (.error.hint | length > 0)'
	done
	refuses bad-elf --ehdr e_class=1
	refuses bad-elf --ehdr e_machine=3
	refuses bad-elf --interp
	refuses bad-elf --relocs 3
	nothing_left
}

@test "files that are cut short, headers that point outside" {
	for bytes in 5 63 64 119 4096 4097; do
		refuses bad-elf --truncate "$bytes"
	done
	refuses bad-elf --phdr 0.p_offset=0x7fffffffffffffff
	refuses bad-elf --phdr 0.p_offset=0xfffffffffffff000
	refuses bad-elf --phdr 1.p_filesz=0x8000000000000000
	refuses bad-elf --ehdr e_phoff=0xffffffffffffff00
	refuses too-big --ehdr e_phnum=0xffff
	nothing_left
}

@test "sizes that no enclave has" {
	refuses too-big --phdr 0.p_memsz=0x8000000000000000
	refuses too-big --phdr 1.p_vaddr=0x8000000000000000
	refuses bad-layout --phdr 0.p_vaddr=0xfffffffffffff000
	for field in size heap reserve stack; do
		refuses too-big --"$field" 0x8000000000000000
	done
	for field in ntcs nssa ssaframesize; do
		refuses too-big --"$field" 0xffffffff
	done
	refuses bad-elf --format kernel --phdr 2.p_offset=0x8000000000000000
	nothing_left
}

@test "layouts that cannot be" {
	refuses bad-layout --segment r-x:0:0x1000 --segment=-w-:0x2000:0x1000
	refuses bad-layout --format kernel --segment r-x:0x2000:0x1000 --segment=-w-:0x3000:0x4000
	refuses bad-layout --segment r-x:0:0x3000 --segment rw:0x1000:0x2000
	refuses bad-layout --segment rw:0x2000:0x1000 --segment r-x:0:0x1000
	refuses bad-layout --entry 0x7000000
	refuses bad-layout --two-notes
	refuses bad-layout --note-bytes 10
	refuses bad-layout --note-version 9
	refuses no-tcs --ntcs 0
	refuses unknown-format --no-note
	refuses unknown-format --format kernel --tcs 0
	"${PYTHON3:-python3}" "$MK" -o "$BATS_TEST_TMPDIR/k.elf" --format kernel --tcs 0
	run -1 json load "$BATS_TEST_TMPDIR/k.elf" --format kernel --device=emulated
	has '.error.code == "no-tcs" or .error.code == "bad-layout"'
	nothing_left
}

@test "an image and a SIGSTRUCT that do not belong together" {
	"${PYTHON3:-python3}" "$MK" -o "$BATS_TEST_TMPDIR/a.elf"
	"${PYTHON3:-python3}" "$MK" -o "$BATS_TEST_TMPDIR/b.elf" --seed 2
	run -0 json sign "$BATS_TEST_TMPDIR/a.elf" --out "$BATS_TEST_TMPDIR/a.sig"
	IMAGE=$BATS_TEST_TMPDIR/b.elf run -1 load --sigstruct "$BATS_TEST_TMPDIR/a.sig"
	fails_with sigstruct-mismatch
	has '.error.hint | length > 0'
	IMAGE=$BATS_TEST_TMPDIR/a.elf run -1 load --sigstruct "$BATS_TEST_TMPDIR/none"
	fails_with bad-sigstruct
	has '.error.errno == "ENOENT" and (.error.hint | length > 0)'
	nothing_left
	IMAGE=$BATS_TEST_TMPDIR/a.elf run -0 load --sigstruct "$BATS_TEST_TMPDIR/a.sig"
}

@test "keys that cannot be used" {
	command -v openssl >/dev/null || skip "openssl is not installed"
	cd "$BATS_TEST_TMPDIR"
	openssl genrsa -out exponent.pem 3072 2>/dev/null
	openssl genrsa -3 -out short.pem 2048 2>/dev/null
	openssl genrsa -3 -out whole.pem 3072 2>/dev/null
	openssl rsa -in whole.pem -pubout -out public.pem 2>/dev/null
	head -c 500 whole.pem >cut.pem
	for key in exponent short public cut none; do
		run -1 load --key "$key.pem"
		fails_with bad-key
		has '.error.hint | test("RSA-3072")'
	done
	nothing_left
	run -0 load --key whole.pem
	run -64 load --name other --key whole.pem --sigstruct whole.pem
	fails_with usage
}

@test "names" {
	for name in a/b ../up . .. .hidden -dash '' "$(printf 'x%.0s' {1..65})" $'a\nb' 'a b' ä; do
		run -64 load --name="$name"
		[ "$(jq -r .error.code <<<"$output")" = bad-name ]
		has '.error.hint | length > 0'
	done
	nothing_left
	run -0 load --name="$(printf 'x%.0s' {1..64})"
}

@test "an enclave whose name nobody could be told is not kept" {
	run -1 bash -c '"$SGXCTL" load grow --device=emulated --name demo 3>&- >/dev/full'
	[[ $output == *"unloaded again"* ]]
	nothing_left
	run -1 bash -o pipefail -c '"$SGXCTL" load grow --device=emulated --name demo 3>&- | true'
	[[ $output == *"unloaded again"* ]]
	nothing_left
}

# limited ULIMIT-OPTION NUMBER
limited() { bash -c 'ulimit "$@"; exec "$SGXCTL" load grow --device=emulated' _ "$@" 2>/dev/null 3>&-; }

@test "a limit of address space" {
	! grep -q __asan_init "$SGXCTL_KEEPER" || skip "the address sanitizer needs more than any limit"
	run -1 limited -v 500000
	fails_with no-memory
	has '.error.hint | test("ulimit")'
	nothing_left
}

@test "limits of file sizes and descriptors" {
	# in units of 1 KiB
	run -1 limited -f 100
	has '.ok == false and .error.errno == "EFBIG"'
	nothing_left
	for n in 6 8 10 12 14 16; do
		run limited -n "$n"
		has '.ok or (.error.code != "bug" and (.error.hint | length > 0))'
		run -0 json unload --all
		nothing_left
	done
}

@test "a file called - is not standard output" {
	run -0 load --name demo
	cd "$BATS_TEST_TMPDIR"
	for command in "dump-secs demo --raw -" "pages demo --svg -" "peek demo --offset 0 --length 8 --raw -"; do
		# shellcheck disable=SC2086
		run -64 json $command
		fails_with usage
	done
	[ ! -e ./- ]
}

@test "ranges that begin well: what could be done is done, and told" {
	run -0 load --name demo
	# the heap ends at 0x68000, nothing is behind it
	run -1 json peek demo --offset 0x66ff0 --length 8192
	fails_with no-page
	has '.bytes == 4112 and .requested_bytes == 8192 and (.data | length == 8224) and .error.offset == "0x68000"'
	run -1 json poke demo --offset 0x67fff --hex 1122
	has '.bytes == 1 and .error.offset == "0x68000"'
	run -0 json peek demo --offset 0x67fff --length 1
	has '.data == "11"'
	run -0 json pages demo --offset 0x67000
	has '.ranges[0].offset == "0x67000" and .ranges[0].pages == 1'
	run -1 json pages demo --offset 0x100000000000
	fails_with bad-range
	has '.error.message | test("leaves ELRANGE")'
	for words in '--pages 0' '--repeat 0'; do
		# shellcheck disable=SC2086
		run -64 json accept-test --device=emulated $words
		fails_with usage
	done
}

@test "a keeper that is killed at any moment" {
	printf '#!/bin/sh\necho $$ >"%s.new"; mv "%s.new" "%s"; exec "%s" "$@"\n' \
		"$BATS_TEST_TMPDIR"/pid{,,} "$SGXCTL_KEEPER" >"$BATS_TEST_TMPDIR/keeper"
	chmod +x "$BATS_TEST_TMPDIR/keeper"
	for _ in {1..20}; do
		rm -f "$BATS_TEST_TMPDIR/pid"
		SGXCTL_KEEPER=$BATS_TEST_TMPDIR/keeper load --name victim >"$BATS_TEST_TMPDIR/out" & job=$!
		until_true 10 test -s "$BATS_TEST_TMPDIR/pid"
		pid=$(cat "$BATS_TEST_TMPDIR/pid")
		sleep "0.0$((RANDOM % 40 + 10))"
		kill -9 "$pid"
		wait "$job" || true
		run -0 cat "$BATS_TEST_TMPDIR/out"
		has '.ok or (.error.code == "keeper-start" and (.error.hint | length > 0))'
		until_true 10 eval "! alive $pid"
		run -0 json list
		has 'all(.enclaves[]; .enclave == "victim" and .state == "dead")'
		run -0 json unload --all
		[ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]
	done
	run -0 load --name victim
}
