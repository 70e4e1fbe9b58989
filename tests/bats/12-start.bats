#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Keepers that do not start, die early or talk nonsense: always an error, never a wait without end.
load helper

# keeper SCRIPT: the program that load starts; its descriptor 3 is the socket
keeper() {
	export SGXCTL_KEEPER=$BATS_TEST_TMPDIR/keeper
	printf '#!/bin/sh\n%s\n' "$1" >"$SGXCTL_KEEPER"
	chmod +x "$SGXCTL_KEEPER"
}
# a frame with this body, for a script
frame() { printf 'printf "\\%03o\\%03o\\000\\000" >&3; printf %%s '"'%s'"' >&3' $((${#1} % 256)) $((${#1} / 256)) "$1"; }
image() { printf x >"$BATS_TEST_TMPDIR/image"; echo "$BATS_TEST_TMPDIR/image"; }

@test "no keeper at all" {
	SGXCTL_KEEPER=/no/such/keeper run -1 json load "$(image)"
	fails_with keeper-start
}

@test "a keeper that is not executable" {
	keeper 'exit 0'
	chmod -x "$SGXCTL_KEEPER"
	[ "$(id -u)" != 0 ] || chmod 600 "$SGXCTL_KEEPER"
	run -1 json load "$(image)"
	fails_with keeper-start
	has '.error.errno == "EACCES"'
}

@test "a keeper that ends before it answers, with its last words" {
	keeper 'echo "first line"; echo "out of luck" >&2; exit 3'
	run -1 json load "$(image)"
	fails_with keeper-start
	has '.error.message | test("out of luck")'
}

@test "a keeper that is killed before it answers" {
	keeper 'kill -9 $$'
	run -1 json load "$(image)"
	fails_with keeper-start
}

@test "a keeper whose child holds the socket open when it dies" {
	keeper 'sleep 60 & echo $! >'"$BATS_TEST_TMPDIR"'/child; exit 1'
	run -1 json load "$(image)"
	kill "$(cat "$BATS_TEST_TMPDIR/child")"
	fails_with keeper-start
}

@test "a keeper that answers with rubbish" {
	for words in 'printf "hello, world" >&3' 'printf "\005\000\000\000abcde" >&3' 'printf "\377\377\377\377" >&3' \
		'printf "\002\000\000\000{}" >&3' 'printf "\002\000\000\000[]" >&3' 'printf "\000\000\000\000" >&3'; do
		keeper "$words; sleep 0.2"
		run -1 json load "$(image)"
		has '.ok == false and (.error.code == "protocol" or .error.code == "keeper-start")'
	done
}

@test "the answer of a keeper is passed on unaltered" {
	keeper "$(frame '{"schema":"sgxctl.load/1","ok":false,"error":{"code":"no-epc","message":"full"},"more":[1]}')"
	run -1 json load "$(image)"
	[ "$output" = '{"schema":"sgxctl.load/1","ok":false,"error":{"code":"no-epc","message":"full"},"more":[1]}' ]
}

@test "exit statuses follow the error code" {
	for row in 'enclave-fault 2' 'no-such-enclave 3' 'keeper-gone 3' 'no-device 4' 'no-sgx2 4' 'usage 64' 'bug 70' \
		'bad-elf 1' 'from-the-future 1'; do
		keeper "$(frame '{"schema":"sgxctl.error/1","ok":false,"error":{"code":"'"${row% *}"'","message":"m"}}')"
		run "-${row#* }" json load "$(image)"
	done
}

@test "text that is not fit for a terminal is escaped" {
	keeper "$(frame '{"schema":"sgxctl.load/1","ok":true,"enclave":"\u001b[31mred\u0007","device":"\u009b31m"}')"
	for mode in --text --quiet --json; do
		run -0 sgxctl load "$(image)" $mode
		[[ $output != *$'\e'* && $output != *$'\a'* && $output != *$'\xc2\x9b'* ]]
		[[ $output == *red* ]]
	done
	keeper "$(frame '{"schema":"sgxctl.error/1","ok":false,"error":{"code":"io","message":"\u001b[31mx"}}')"
	run -1 sgxctl load "$(image)"
	[[ $output != *$'\e'* ]]
}

@test "the keeper has its standard descriptors, the socket, and nothing else" {
	keeper 'ls /proc/$$/fd >'"$BATS_TEST_TMPDIR"'/fds; pwd >>'"$BATS_TEST_TMPDIR"'/fds; exit 1'
	exec 9</dev/null
	run -1 json load "$(image)"
	exec 9<&-
	# the shell that runs the script holds it open on a high number
	run -0 grep -xE '[3-9]' "$BATS_TEST_TMPDIR/fds"
	[ "$output" = 3 ]
	run -0 tail -n 1 "$BATS_TEST_TMPDIR/fds"
	[ "$output" = / ]
}

@test "the keeper is in a session of its own" {
	keeper 'cut -d" " -f5,6 /proc/$$/stat >'"$BATS_TEST_TMPDIR"'/ids; exit 1'
	run -1 json load "$(image)"
	read -r _ session <"$BATS_TEST_TMPDIR/ids"
	[ "$session" != "$(cut -d' ' -f6 /proc/self/stat)" ]
}

@test "progress is shown on a terminal after a second, and nowhere else" {
	keeper "$(frame '{"progress":{"done":3,"total":12}}'); sleep 1.6; $(frame '{"schema":"sgxctl.load/1","ok":true,"enclave":"e"}')"
	run -0 --separate-stderr sgxctl load "$(image)" --quiet
	[ "$output" = e ]
	[ -z "$stderr" ]
	command -v script >/dev/null || skip "script(1) is not installed"
	run -0 script -qec "'$SGXCTL' load '$(image)' --quiet" /dev/null
	[[ $output == *"sgxctl load: 3 of 12 (25 %)"* ]]
	[[ $output == *e* ]]
}

@test "what was built runs where it is" {
	run -0 --separate-stderr env -u SGXCTL_KEEPER -u SGXCTL_ENCLAVES "$SGXCTL" load grow --name here --quiet --device=emulated 3>&-
	[ "$output" = here ]
	run -0 json unload here
}

@test "libcrypto is loaded by commands that need it, and missed in words" {
	local lib=$BATS_TEST_TMPDIR/lib command
	run readelf -d "$SGXCTL"
	[ "$status" -eq 0 ]
	! grep libcrypto <<<"$output"
	"$SGXCTL" sign grow --out "$BATS_TEST_TMPDIR/sig" >/dev/null
	mkdir "$lib"
	for name in $(strings -a "$SGXCTL" | grep -x 'libcrypto\.so.*'); do : >"$lib/$name"; done
	[ -n "$(ls "$lib")" ]
	export LD_LIBRARY_PATH=$lib
	"$SGXCTL" list | jq -e .ok
	"$SGXCTL" run --probe true | jq -e .ok
	for command in "measure grow" "inspect grow" "inspect $BATS_TEST_TMPDIR/sig" "verify grow" "diff grow grow" \
		"sign grow" "dump-secs --image grow"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$SGXCTL" $command
		[ "$status" -eq 4 ]
		[ "$(jq -r .error.code <<<"$output")" = unsupported ]
		[[ $(jq -r .error.message <<<"$output") == "libcrypto cannot be loaded: "* ]]
	done
}
