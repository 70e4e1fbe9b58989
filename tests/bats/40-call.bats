#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# call: entries that exceptions stop and how they go on; raw entries with registers.
load helper

MK=${top_srcdir:?}/tests/mk/mk_elf.py

# kernel_image NAME [OPTIONS]: an image in the layout of the kernel's test enclaves, loaded under this name
kernel_image() {
	"${PYTHON3:-python3}" "$MK" --format kernel -o "$BATS_TEST_TMPDIR/$1.elf" "${@:2}"
	IMAGE=$BATS_TEST_TMPDIR/$1.elf run -0 load --name "$1"
}

# movabs $0x1122334455667788,%rax; mov %rax,(%rdi); lea 1(%rsi),%rsi; mov $7,%edx; mov %rdi,%r8;
# mov %rcx,%rbx; mov $4,%eax; enclu
STORE=48b88877665544332211488907488d7601ba070000004989f84889cbb8040000000f01d7

@test "a stopped entry keeps its TCS until it is resumed, with its memory" {
	run -0 load --name demo
	printf hello >"$BATS_TEST_TMPDIR/in"
	run -2 json call demo copyin --addr 0x300000 --src "$BATS_TEST_TMPDIR/in"
	fails_with enclave-fault
	has '.exception.offset == "0x300000" and .resumed == false and (.error.hint | test("--resume"))'
	tcs=$(jq -r .tcs <<<"$output")
	run -0 json status demo
	has "[.tcs[] | select(.depth == 1) | .offset] == [\"$tcs\"]"
	# nothing has changed: the same exception, and the same frame
	run -2 json call demo --resume
	has '.exception.offset == "0x300000" and .resumed'
	run -0 json status demo
	has '[.tcs[].depth] == [1, 0]'
	run -0 json augment demo --offset 0x300000 --pages 1 --accept
	run -0 json call demo --resume
	has ".resumed and .call == \"copyin\" and .status == \"ok\" and .tcs == \"$tcs\" and .counters.eresumes == 1"
	run -0 json status demo
	has '[.tcs[].depth] == [0, 0]'
	run -0 json call demo copyout --addr 0x300000 --bytes 5
	has '.data == "68656c6c6f"'
	run -1 json call demo --resume
	fails_with bad-tcs
}

@test "the stopped TCS itself repairs what it faulted on" {
	run -0 load --name demo
	run -0 json augment demo --offset 0x100000 --pages 2
	run -2 json call demo touch --addr 0x100000 --pages 2
	has '.exception.error_code == "0x8005"'
	run -0 json call demo accept --tcs 0 --addr 0x100000 --pages 2 --flags 0x20b
	has '.done == 2 and .tcs == "0x29000"'
	run -0 json call demo --resume --tcs 0x29000
	has '.call == "touch" and .done == 2'
}

@test "what another command left stopped is resumed, too" {
	run -0 load --name demo
	run -0 json augment demo --offset 0x100000 --pages 8
	run -2 json accept demo --offset 0x100000 --pages 64 --perm rw- --pending
	fails_with enclave-fault
	has '.accepted_pages == 8'
	run -2 json call demo --resume
	has '.call == "accept" and .done == 8 and .counters.eaccepts == 0'
}

@test "no TCS is left, several are stopped, none of that name" {
	run -0 load --name demo
	run -2 json call demo fault --value 6
	run -2 json call demo fault --value 3
	run -1 json call demo nop
	fails_with no-free-tcs
	has '.error.hint | test("--resume")'
	run -1 json call demo --resume
	fails_with bad-tcs
	has '.error.message | test("2 TCSs")'
	run -2 json call demo --resume --tcs 1
	has '.exception.vector == 6 and .tcs == "0x52000" and .value == "0x3"'
	run -1 json call demo nop --tcs 7
	fails_with bad-tcs
	run -1 json call demo nop --tcs 0x1000
	fails_with bad-tcs
	# a number names what it names, stopped or not
	run -0 json call demo nop --tcs 0
}

@test "a debugger steps over what can never succeed" {
	run -0 load --name demo
	run -2 json call demo fault --value 6
	run -0 json dump-ssa demo
	has '.frames | length == 1 and .[0].exitinfo.vector == 6'
	at=$(($(jq -r '.frames[0].gprsgx_offset' <<<"$output") + 136))
	rip=$(($(jq -r '.frames[0].registers.rip' <<<"$output") + 2))
	run -0 json poke demo --offset "$at" --value "$rip"
	run -0 json call demo --resume
	has '.status == "ok"'
	run -0 json status demo
	has '[.tcs[].depth] == [0, 0]'
}

@test "errors name the check that refused just now, and what would be right" {
	run -0 load --name demo
	run -2 json extend demo --offset 0x700000 --pages 1 --perm rw-
	has '.error.check == "EMODPE.2"'
	run -1 json restrict demo --offset 0x700000 --pages 1 --perm r--
	fails_with no-page
	has '.error | has("check") | not'
	run -2 json call demo accept --addr 0x58000 --pages 1 --flags 0x21
	has '.exception.vector == 13 and (.error.check | test("^EACCEPT"))'
	run -0 json unload demo
	run -0 load --name demo
	run -0 json augment demo --offset 0x100000 --pages 2 --accept
	run -1 json accept demo --offset 0x100000 --pages 1
	has '.error.sgx == 19 and (.error.hint | test("accepted already"))'
	run -0 json modify-type demo --offset 0x100000 --pages 1 --type trim
	run -1 json accept demo --offset 0x100000 --pages 1
	has '.error.hint | test("--type trim")'
	run -0 json restrict demo --offset 0x101000 --pages 1 --perm r--
	run -1 json accept demo --offset 0x101000 --pages 1
	has '.error.hint | test("--pr --perm r--")'
}

@test "raw: registers in, registers out" {
	kernel_image leave
	want=$(jq -r .mrenclave <<<"$output")
	run -0 sgxctl measure "$BATS_TEST_TMPDIR/leave.elf" --quiet
	[ "$output" = "$want" ]
	run -0 "${PYTHON3:-python3}" "$top_srcdir/tests/oracle/mrenclave.py" "$BATS_TEST_TMPDIR/leave.elf"
	[ "$output" = "$want" ]
	run -4 json call leave nop
	fails_with no-op-interface
	run -0 json call leave --raw --rdi 5 --rsi 0xffffffffffffffff --rdx 7 --r8 8 --r9 9
	has '.raw.registers == {"rdi":"0x5","rsi":"0xffffffffffffffff","rdx":"0x7","r8":"0x8","r9":"0x9"}'
	has '.raw.leaf == "EENTER" and .raw.run == {"returned":0,"function":"EEXIT"} and .counters.eexits == 1'
}

@test "raw: memory in and out" {
	kernel_image store --code "$STORE"
	printf 0123456789abcdefghij >"$BATS_TEST_TMPDIR/in"
	run -0 json call store --raw --mem "$BATS_TEST_TMPDIR/in" --rdi mem+4 --rsi 41 --mem-out "$BATS_TEST_TMPDIR/out"
	has '.raw.registers | .rsi == "0x2a" and .rdx == "0x7" and .rdi == .r8'
	has '.raw.mem.bytes == 20'
	[ "$(od -An -tx1 "$BATS_TEST_TMPDIR/out" | tr -d ' \n')" = 30313233887766554433221163646566$(printf ghij | od -An -tx1 | tr -d ' \n') ]
	[ "$(cat "$BATS_TEST_TMPDIR/in")" = 0123456789abcdefghij ]
	run -0 json call store --raw --mem-size 4K --rdi mem --mem-out "$BATS_TEST_TMPDIR/out"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/out")" = 4096 ]
	run -64 json call store --raw --mem-size 16 --rdi mem+16
	fails_with usage
}

@test "raw: an exception, then ERESUME, and the frames run out" {
	kernel_image store --code "$STORE" --tcs 1
	run -2 json call store --raw --rdi 8
	has '.raw.run == {"returned":0,"function":"ERESUME","vector":14,"error_code":"0x6","address":"0x0"}'
	has '(.raw | has("registers") | not) and .exception.address == "0x0"'
	run -2 json call store --raw --resume
	has '.raw.leaf == "ERESUME" and .counters.eresumes == 1'
	run -1 json call store --raw
	fails_with no-free-tcs
	run -2 json call store --raw --tcs 0
	fails_with entry-refused
	has '.raw.run.function == "EENTER" and .exception.vector == 13 and (.exception | has("address") | not)'
	# an operation cannot be taken for registers
	run -0 load --name demo
	run -2 json call demo fault --value 6
	run -1 json call demo --raw --resume
	fails_with bad-tcs
	run -2 json call demo --resume
}

@test "options that do not go together" {
	for words in '--raw nop' '--resume nop' '' '--raw --rdi mem' '--raw --addr 0' '--raw --resume --rdi 1' 'nop --rdi 1' \
		'--raw --rdi x' '--raw --rdi mem+x --mem-size 1' '--raw --mem-out x' '--resume --mem-out x' '--raw --src x' \
		'nop --tcs x' '--raw --rdi memory'; do
		# shellcheck disable=SC2086
		run -64 json call nobody $words
		fails_with usage
	done
}
