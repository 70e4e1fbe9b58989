#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The enclaves of programs under sgxctl run, as list, pages, augment and the others find them.
# shellcheck shell=bash disable=SC2154

load helper

held=${top_builddir:?}/tests/run/held
# It ends with enclaves loaded: what it still holds is no leak to look for.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

# start [OPTION...]: tests/run/held, or $HELD, as $held_pid, told by say
start() {
	# made by the first of them: that takes a second
	export SGXCTL_TEST_KEY=$BATS_FILE_TMPDIR/key.pem
	rm -f "$BATS_TEST_TMPDIR/out"
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	exec 6<>"$BATS_TEST_TMPDIR/out"
	"$SGXCTL" run "$@" -- "${HELD:-$held}" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" \
		3>&- 5>&- 6>&- &
	held_pid=$!
	exec 5>"$BATS_TEST_TMPDIR/in"
}

# say WORD...: what it answers is $answer
say() {
	echo "$@" >&5
	read -r -t 60 answer <&6
}

# build: one more enclave, $name
build() {
	say build
	name=${held##*/}-$held_pid-$((answer + 1))
}

listed() { json list | jq -e --arg name "$name" 'any(.enclaves[]; .enclave == $name)' >/dev/null; }
not_listed() { ! listed; }
nothing_left() { [ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]; }

teardown() {
	exec 5>&- 6>&-
	[ -z "${held_pid-}" ] || kill -9 "$held_pid" 2>/dev/null || true
	sgxctl_teardown
}

@test "list, status, dump-secs and pages show the enclave of a program, which does not notice" {
	start
	build
	run json list
	has '.enclaves | length == 1'
	has ".enclaves[0] | .enclave == \"$name\" and .pid == $held_pid and .device == \"emulated\" and .origin == \"run\" and
		.state == \"running\" and .kernel == \"rfc\" and .debug and (.program | endswith(\"/held\"))"
	local mrenclave
	mrenclave=$(jq -r '.enclaves[0].mrenclave' <<<"$output")
	run json status "$name"
	has ".ok and .origin == \"run\" and .pid == $held_pid and .counters.eenters == 0 and (.tcs | length == 2)"
	run json dump-secs "$name"
	has ".secs.mrenclave == \"$mrenclave\" and .sources.mrenclave == \"epc\""
	say write 0 0x58000 7
	[ "$answer" = 7 ]
	run json status "$name"
	has '.counters.eenters == 2 and .counters.eexits == 2 and .counters.ioctls == null'
	run json pages "$name"
	# the page-table entries are those of the program, not of who looks
	has '[.ranges[] | select(.offset == "0x58000")][0] | .pte and .vma == "rw-" and .origin == "eadd"'
	has 'any(.ranges[]; .pte == false)'
	run json peek "$name" --offset 0x58000 --length 8
	has '.data == "0700000000000000"'
	run json poke "$name" --offset 0x58008 --hex 2a
	has '.ok'
	run json peek "$name" --offset 0x58008 --length 1
	has '.data == "2a"'
	run json dump-tcs "$name"
	has '.tcs | length == 2'
	say sibling
	[ "$answer" = "ECHILD 0" ]
}

@test "augment adds pages from outside, the program accepts them" {
	start
	build
	run json augment "$name" --offset 0x200000 --pages 4
	[ "$status" -eq 0 ]
	has '.ok and .strategy == "ioctl" and .augmented_pages == 4 and .accepted_pages == 0 and
		.counters.ioctls == 1 and .counters.mmaps == 0 and .counters.aexs == null'
	run json pages "$name" --offset 0x200000 --pages 4
	has '.ranges | length == 1 and (.[0] | .pending and .origin == "eaug" and .pages == 4 and .pte == false)'
	say accept 0 0x200000 4
	[ "$answer" = "0 4" ]
	say write 0 0x203000 9
	[ "$answer" = 9 ]
	run json pages "$name" --offset 0x200000 --pages 4
	has '[.ranges[] | select(.pending)] == []'
	run json augment "$name" --offset 0x200000 --pages 1
	[ "$status" -eq 1 ] && fails_with page-exists
}

@test "what needs an entry is the program's: refused, and nothing done" {
	start
	build
	local words
	for words in "augment $name --offset 0x200000 --pages 1 --accept" "augment $name --offset 0x200000 --pages 1 --strategy=touch" \
		"augment $name --offset 0x200000 --pages 1 --strategy=accept" "call $name nop" "accept-test $name" \
		"accept $name --offset 0x200000 --pages 1" "extend $name --offset 0x58000 --pages 1 --perm rwx" "unload $name"; do
		# shellcheck disable=SC2086
		run json $words
		[ "$status" -eq 4 ] && fails_with of-program
	done
	run json pages "$name" --offset 0x200000 --pages 1
	has '.ranges == []'
	# of the others, all are unloaded
	json load grow --device=emulated --name other >/dev/null
	run json unload --all
	has '.ok and [.unloaded[].enclave] == ["other"] and .failed == []'
	listed
}

@test "restrict, modify-type and remove reach the page tables of the program" {
	start
	build
	json augment "$name" --offset 0x200000 --pages 4 --quiet
	say accept 0 0x200000 4
	local page
	for page in 0 1 2 3; do
		say write 0 0x20${page}000 5
		[ "$answer" = 5 ]
	done
	run json restrict "$name" --offset 0x200000 --pages 1 --perm r--
	has '.ok and .done_pages == 1'
	# a thread that never leaves, while the program waits in read(2)
	say spin 0
	until_true 20 sh -c "'$SGXCTL' status '$name' 2>/dev/null 3>&- | jq -e '.tcs[1].busy' >/dev/null"
	run json restrict "$name" --offset 0x201000 --pages 1 --perm r--
	has '.ok and .done_pages == 1'
	run json modify-type "$name" --offset 0x202000 --pages 1 --type trim
	has '.ok and .done_pages == 1'
	run json remove "$name" --offset 0x202000 --pages 1
	[ "$status" -eq 1 ] && fails_with not-accepted
	# pages that stay as they are can still be written, the others not; each fault keeps an SSA frame
	say write 0 0x203000 6
	[ "$answer" = 6 ]
	say write 0 0x200000 6
	[ "$answer" = "fault 14" ]
	say write 0 0x201000 6
	[ "$answer" = "fault 14" ]
	say write 0 0x202000 6
	[ "$answer" = "fault 14" ]
	run json dump-ssa "$name" --tcs 0x29000
	has '[.frames[] | select(.tcs == "0x29000") | .exinfo.errcd] == ["0x8007","0x8007","0x8007"]'
	alive "$held_pid"
}

@test "a program that is stopped is looked at all the same" {
	start
	build
	json augment "$name" --offset 0x200000 --pages 1 --quiet
	say accept 0 0x200000 1
	say write 0 0x200000 5
	say spin 0
	kill -STOP "$held_pid"
	run timeout 20 "$SGXCTL" restrict "$name" --offset 0x200000 --pages 1 --perm r-- 3>&-
	[ "$status" -eq 0 ]
	run json pages "$name" --offset 0x200000 --pages 1
	has '.ranges[0].perm == "r--" and .ranges[0].pr'
	kill -CONT "$held_pid"
	say write 0 0x200000 6
	[ "$answer" = "fault 14" ]
}

@test "the entry goes with the enclave, and with the program however it ends" {
	start
	build
	local first=$name
	build
	say close 0
	run json list
	has "[.enclaves[].enclave] == [\"$name\"]"
	name=$first
	run json status "$first"
	[ "$status" -eq 3 ] && fails_with no-such-enclave
	echo exit >&5
	wait "$held_pid"
	nothing_left
	rm "$BATS_TEST_TMPDIR/in"
	start
	build
	echo _exit >&5
	wait "$held_pid"
	nothing_left
	rm "$BATS_TEST_TMPDIR/in"
	start
	build
	kill -9 "$held_pid"
	wait "$held_pid" || true
	run json pages "$name"
	[ "$status" -eq 3 ] && fails_with no-such-enclave
	run json list
	has '.enclaves == []'
	nothing_left
}

@test "what a killed program left is cleared by unload, and by the next program" {
	start
	build
	kill -9 "$held_pid"
	wait "$held_pid" || true
	[ -d "$SGXCTL_STATE_DIR/$name" ]
	run json unload "$name"
	has '.ok and .unloaded[0].was == "dead"'
	nothing_left
	rm "$BATS_TEST_TMPDIR/in"
	start
	build
	local dead=$SGXCTL_STATE_DIR/$name
	kill -9 "$held_pid"
	wait "$held_pid" || true
	[ -d "$dead" ]
	rm "$BATS_TEST_TMPDIR/in"
	start
	build
	[ ! -e "$dead" ] && [ -d "$SGXCTL_STATE_DIR/$name" ]
}

@test "an enclave lives on with a forked child" {
	start
	build
	say child
	local child=$answer
	kill -9 "$held_pid"
	wait "$held_pid" || true
	run json list
	has ".enclaves | length == 1 and .[0].pid == $child"
	run json augment "$name" --offset 0x200000 --pages 2
	has '.ok and .augmented_pages == 2'
	kill -9 "$child"
	until_true 10 not_listed
	nothing_left
}

@test "a program that becomes a daemon keeps its enclave listed" {
	start
	build
	say daemon
	local daemon=$answer
	wait "$held_pid"
	run json list
	has ".enclaves | length == 1 and .[0].pid == $daemon"
	say write 0 0x58000 3
	[ "$answer" = 3 ]
	run json pages "$name"
	has 'any(.ranges[]; .pte)'
	echo exit >&5
	until_true 10 not_listed
	nothing_left
}

@test "an enclave lives on with who got its descriptor" {
	start
	say helper
	local helper=$answer
	build
	say pass
	[ "$answer" = y ]
	kill -9 "$held_pid"
	wait "$held_pid" || true
	run json list
	has ".enclaves | length == 1 and .[0].pid == $helper"
	run json dump-secs "$name"
	has '.ok'
	kill -9 "$helper"
	until_true 10 not_listed
	nothing_left
}

@test "a program that closes every descriptor loses none of this" {
	start
	build
	say close-all
	run json list
	has ".enclaves | length == 1 and .[0].pid == $held_pid"
	run json augment "$name" --offset 0x200000 --pages 1
	has '.ok'
	say write 0 0x58000 4
	[ "$answer" = 4 ]
}

@test "many enclaves cost a program one descriptor more than it has anyway" {
	local i with
	start
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do build; done
	run json list
	has '.enclaves | length == 20 and ([.[].elrange.base] | unique | length == 20)'
	say fds
	with=$answer
	kill -9 "$held_pid"
	wait "$held_pid" || true
	json list >/dev/null
	nothing_left
	rm "$BATS_TEST_TMPDIR/in"
	start --unlisted
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do build; done
	say fds
	[ "$with" -eq $((answer + 1)) ]
	run json list
	has '.enclaves == []'
}

@test "a state directory that cannot be used is no matter to the program" {
	touch "$BATS_TEST_TMPDIR/file"
	SGXCTL_STATE_DIR=$BATS_TEST_TMPDIR/file start
	build
	say write 0 0x58000 4
	[ "$answer" = 4 ]
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
	kill -9 "$held_pid"
	wait "$held_pid" || true
	rm "$BATS_TEST_TMPDIR/in"
	mkdir -m 0755 "$BATS_TEST_TMPDIR/open"
	SGXCTL_STATE_DIR=$BATS_TEST_TMPDIR/open start
	build
	[ "$answer" = 0 ] && [ -z "$(ls -A "$BATS_TEST_TMPDIR/open")" ]
}

@test "upstream has no ioctl for it, and says how pages come there" {
	start --kernel=upstream
	build
	run json augment "$name" --offset 0x200000 --pages 1
	[ "$status" -eq 4 ] && fails_with no-augment-ioctl
	run json list
	has '.enclaves[0].kernel == "upstream"'
}

@test "from inside run, too" {
	start
	build
	run --separate-stderr "$SGXCTL" run -- "$SGXCTL" augment "$name" --offset 0x200000 --pages 2 3>&-
	has '.ok and .augmented_pages == 2'
	run --separate-stderr "$SGXCTL" run -- "$SGXCTL" load grow --device=emulated --name inner 3>&-
	has '.ok and .device == "emulated"'
	run json list
	has '[.enclaves[] | .origin] | sort == ["load", "run"]'
	json unload inner >/dev/null
}

@test "static programs are listed" {
	[ -x "${SGXCTL_EXEC-}" ] || skip "sgxctl-exec is not built with sanitizers"
	HELD=$BATS_TEST_TMPDIR/held
	# shellcheck disable=SC2154
	${CC:-cc} -D_GNU_SOURCE -O2 -w -pthread -static -o "$HELD" -I"$top_srcdir/src" -I"$top_srcdir/enclaves/include" \
		-I"$top_srcdir/tests/unit" -I"$top_builddir" "$top_srcdir/tests/run/held.c" "$top_srcdir/tests/run/libc_device.c" \
		"$top_srcdir/tests/unit/emul_rig.c" "$top_builddir/libimage.a" "$top_builddir/libbase.a" "$top_builddir/libarch.a" \
		-lcrypto -lelf -lz 2>/dev/null || skip "a library has no static variant"
	start
	build
	run json list
	has ".enclaves | length == 1 and (.[0] | .enclave == \"$name\" and .pid == $held_pid and .program == \"$HELD\")"
	run json augment "$name" --offset 0x200000 --pages 2
	has '.ok'
	say accept 0 0x200000 2
	[ "$answer" = "0 2" ]
	run json restrict "$name" --offset 0x200000 --pages 1 --perm r--
	has '.ok'
	say write 0 0x200000 2
	[ "$answer" = "fault 14" ]
	say close 0
	nothing_left
}
