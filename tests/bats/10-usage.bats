#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Wrong usage is refused with status 64, a document and a line; help goes to standard output.
load helper

commands() { "$SGXCTL" __complete '' | cut -f1; }

@test "every command shows help on standard output" {
	for c in $(commands); do
		run -0 --separate-stderr sgxctl "$c" --help
		[[ $output == "Usage: sgxctl $c"* ]]
		[ -z "$stderr" ]
	done
}

@test "every command refuses an unknown option" {
	for c in $(commands); do
		# 64 would look like the program's own
		local status_of_usage=64
		[ "$c" != run ] || status_of_usage=125
		run "-$status_of_usage" json "$c" --no-such-option
		fails_with usage
	done
}

@test "every command refuses to show itself to a full disk" {
	for c in $(commands); do
		run -1 bash -c '"$SGXCTL" "$1" --help >/dev/full' _ "$c"
	done
}

@test "the version is shown" {
	run -0 sgxctl --version
	[[ $output =~ ^sgxctl\ [0-9]+\.[0-9]+ ]]
}

@test "a missing and an unknown command" {
	run -64 json
	fails_with usage
	run -64 json frobnicate
	fails_with usage
	run -64 --separate-stderr sgxctl frobnicate
	[[ ${stderr_lines[0]} == "sgxctl: there is no command 'frobnicate'" ]]
	[[ ${stderr_lines[1]} == "hint: "* ]]
}

@test "options of sgxctl stand before the command or behind it" {
	run -0 sgxctl --text call --list
	[[ ${lines[0]} == OP* ]]
	run -0 sgxctl call --list --text
	[[ ${lines[0]} == OP* ]]
	run -0 sgxctl --text call --list --json
	has '.schema == "sgxctl.operations/1"'
}

@test "device options are refused where no device is opened" {
	run -64 json list --device=emulated
	fails_with usage
	run -0 json --device=emulated list
}

@test "numbers and sizes are strict" {
	for bad in '' x -1 +1 ' 1' 1.5 0x 0xg 1e3 18446744073709551616 99999999999999999999; do
		run -64 json augment demo --offset 0 "--pages=$bad"
		fails_with usage
	done
	for bad in '' K 1KB 1KiB 1P -4K 0x10000000000000000 16777217T; do
		run -64 json augment demo --pages 1 "--offset=$bad"
		fails_with usage
	done
}

@test "ranges" {
	run -64 json augment demo
	fails_with usage
	run -64 json augment demo --offset 0
	fails_with usage
	run -64 json augment demo --pages 1
	fails_with usage
	run -64 json augment demo --offset 0 --pages 1 --length 4096
	fails_with usage
	run -64 json augment demo --offset 0 --pages 0
	fails_with usage
	run -1 json augment demo --offset 0 --length 4095
	fails_with bad-range
}

@test "words that are no choice" {
	run -64 json augment demo --offset 0 --pages 1 --strategy=fast
	fails_with usage
	run -64 json augment demo --offset 0 --pages 1 --strategy=
	fails_with usage
	run -64 json augment demo --offset 0 --pages 1 --perm=xwr
	fails_with usage
	run -64 json --device=magic list
	fails_with usage
	run -64 json --kernel=rf list
	fails_with usage
	run -64 json --epc=100 list
	fails_with usage
}

@test "options that exclude each other" {
	run -64 json load x --debug --production
	fails_with usage
	run -64 json load x --key a --sigstruct b
	fails_with usage
	run -64 json unload demo --all
	fails_with usage
	run -64 json unload
	fails_with usage
	run -64 json dump-secs demo --image x
	fails_with usage
	run -64 json accept demo --offset 0 --pages 1 --flags 0x203 --perm rw-
	fails_with usage
	run -64 json poke demo --offset 0
	fails_with usage
	run -64 json poke demo --offset 0 --value 1 --hex 00
	fails_with usage
	run -64 json poke demo --offset 0 --hex 0g
	fails_with usage
}

@test "names that are none" {
	for bad in '' . .. .hidden -dash a/b ../x 'a b' $'a\nb' $'\e[31m' "$(printf '%065d' 0)"; do
		run -64 json status -- "$bad"
		fails_with bad-name
		run -64 json load grow "--name=$bad"
		fails_with bad-name
	done
}

@test "control characters never reach the terminal raw" {
	run -64 --separate-stderr sgxctl status -- $'\e[31mred'
	[[ $stderr != *$'\e'* ]]
	[[ $output != *$'\e'* ]]
	run -64 --separate-stderr sgxctl $'\e]0;title\a'
	[[ $stderr != *$'\e'* && $stderr != *$'\a'* ]]
}

@test "an image that is not there" {
	run -1 json load no-such-enclave
	fails_with no-image
	run -1 json measure /no/such/file
	fails_with no-image
}

@test "standard output is full" {
	run -1 bash -c '"$SGXCTL" list >/dev/full'
	[[ $output == *"standard output"* ]]
	run -1 bash -c '"$SGXCTL" list --text --version >/dev/full'
	run -1 bash -c '"$SGXCTL" list >&-'
	# the first failure decides
	run -3 bash -c '"$SGXCTL" status nobody >/dev/full'
}
