#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# load, list, status, unload: handles, their names, their deaths.
load helper

pid_of() { json list | jq -r ".enclaves[] | select(.enclave == \"$1\") | .pid"; }

@test "load, list, status, unload" {
	run -0 load --name demo
	has '.schema == "sgxctl.load/1" and .ok and .enclave == "demo" and .device == "emulated"'
	has '(.mrenclave | test("^[0-9a-f]{64}$")) and (.elrange.base | test("^0x")) and (.tcs | length > 0)'
	pid=$(jq .pid <<<"$output")
	alive "$pid"
	run -0 json list
	has ".enclaves | length == 1 and .[0].enclave == \"demo\" and .[0].pid == $pid and .[0].state == \"running\""
	run -0 json status demo
	has '.schema == "sgxctl.status/1" and .ok and .enclave == "demo"'
	run -0 json unload demo
	has '.unloaded == [{"enclave":"demo","was":"running"}]'
	! alive "$pid"
	run -0 json list
	has '.enclaves == []'
	run -3 json status demo
	fails_with no-such-enclave
}

@test "without --name an enclave is called after its image" {
	run -0 load --quiet
	[ "$output" = grow ]
	run -0 load --quiet
	[ "$output" = grow-2 ]
	run -0 json unload grow
	run -0 load --quiet
	[ "$output" = grow ]
}

@test "a name in use is refused and nothing is left" {
	run -0 load --name demo
	run -1 load --name demo
	fails_with name-in-use
	run -0 json list
	has '.enclaves | length == 1'
}

@test "of several loads of one name one wins" {
	pids=()
	for i in 1 2 3 4; do
		load --name one >"$BATS_TEST_TMPDIR/$i" & pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p" || true; done
	run -0 jq -s '[.[] | select(.ok)] | length' "$BATS_TEST_TMPDIR"/[1-4]
	[ "$output" = 1 ]
	run -0 jq -s '[.[] | select(.error.code == "name-in-use")] | length' "$BATS_TEST_TMPDIR"/[1-4]
	[ "$output" = 3 ]
	run -0 json status one
}

@test "a killed keeper: dead in the list, refused, cleared, and the name is free again" {
	run -0 load --name demo
	pid=$(jq .pid <<<"$output")
	kill -9 "$pid"
	until_true 10 eval '! alive '"$pid"
	run -0 json list
	has '.enclaves[0].state == "dead"'
	run -3 json status demo
	fails_with keeper-gone
	run -1 load --name demo
	fails_with name-in-use
	run -0 json unload demo
	has '.unloaded[0].was == "dead"'
	run -0 load --name demo
}

@test "a keeper killed while it loads leaves at most what unload clears" {
	# the real one, by way of a script that leaves its pid
	printf '#!/bin/sh\necho $$ >%q\nexec %q "$@"\n' "$BATS_TEST_TMPDIR/pid" "$SGXCTL_KEEPER" >"$BATS_TEST_TMPDIR/keeper"
	chmod +x "$BATS_TEST_TMPDIR/keeper"
	for delay in 0 0.002 0.004 0.007 0.01 0.02 0.04; do
		rm -f "$BATS_TEST_TMPDIR/pid"
		SGXCTL_KEEPER=$BATS_TEST_TMPDIR/keeper load --name victim >/dev/null & job=$!
		until_true 10 test -s "$BATS_TEST_TMPDIR/pid"
		sleep "$delay"
		kill -9 "$(cat "$BATS_TEST_TMPDIR/pid")"
		wait "$job" || true
		run -0 json list
		has '.enclaves | length <= 1'
		if jq -e '.enclaves | length == 1' <<<"$output" >/dev/null; then
			run -0 json unload victim
		fi
		run -0 json list
		has '.enclaves == []'
		[ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]
	done
}

@test "a command killed while it loads leaves no half-made enclave" {
	printf '#!/bin/sh\necho $$ >%q\nexec %q "$@"\n' "$BATS_TEST_TMPDIR/pid" "$SGXCTL_KEEPER" >"$BATS_TEST_TMPDIR/keeper"
	chmod +x "$BATS_TEST_TMPDIR/keeper"
	for delay in 0 0.002 0.005 0.01 0.02; do
		rm -f "$BATS_TEST_TMPDIR/pid"
		SGXCTL_KEEPER=$BATS_TEST_TMPDIR/keeper "$SGXCTL" load grow --device=emulated --name orphan \
			>/dev/null 2>&1 3>&- & job=$!
		until_true 10 test -s "$BATS_TEST_TMPDIR/pid"
		sleep "$delay"
		kill -9 "$job" 2>/dev/null || true
		wait "$job" || true
		# either its keeper has seen that nobody waits, or the answer was on its way and the enclave is whole
		until_true 10 eval 'json list | jq -e "all(.enclaves[]; .state == \"running\")" >/dev/null'
		run -0 json unload --all
		until_true 10 eval '! alive "$(cat "$BATS_TEST_TMPDIR/pid")"'
		[ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]
	done
}

@test "a keeper killed while a request runs is noticed" {
	run -0 load --name demo
	pid=$(jq .pid <<<"$output")
	json call demo spin >"$BATS_TEST_TMPDIR/out" & job=$!
	until_true 10 eval 'json status demo | jq -e "any(.tcs[]; .busy)" >/dev/null'
	kill -9 "$pid"
	rc=0
	wait "$job" || rc=$?
	[ "$rc" = 3 ]
	run -0 cat "$BATS_TEST_TMPDIR/out"
	fails_with keeper-gone
}

@test "status answers while an enclave thread runs, and unload ends it" {
	run -0 load --name demo
	json call demo spin >/dev/null & job=$!
	until_true 10 eval 'json status demo | jq -e "any(.tcs[]; .busy)" >/dev/null'
	run -0 json unload demo
	wait "$job" || true
	run -0 json list
	has '.enclaves == []'
}

@test "a stopped keeper is killed when its time is over" {
	run -0 load --name demo
	pid=$(jq .pid <<<"$output")
	kill -STOP "$pid"
	run -0 json unload demo --timeout 200
	! alive "$pid"
	[ ! -e "$SGXCTL_STATE_DIR/demo" ]
}

@test "unload takes several names and goes on after a failure" {
	run -0 load --name a
	run -0 load --name b
	run -3 json unload a nobody b
	has '.ok == false and (.unloaded | map(.enclave)) == ["a","b"] and .failed[0].enclave == "nobody"'
	fails_with no-such-enclave
	run -0 json list
	has '.enclaves == []'
}

@test "unload --all" {
	run -0 load --name a
	run -0 load --name b
	run -0 sgxctl unload --all --quiet
	[ "$output" = $'a\nb' ]
	run -0 json unload --all
	has '.unloaded == []'
}

@test "load --foreground stays until it is told to end, and unloads" {
	"$SGXCTL" load grow --device=emulated --name front --foreground >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & job=$!
	until_true 20 grep -q '"ok":true' "$BATS_TEST_TMPDIR/out"
	run -0 json status front
	kill -INT "$job" 2>/dev/null
	kill -TERM "$job"
	rc=0
	wait "$job" || rc=$?
	[ "$rc" = 0 ]
	run -0 json list
	has '.enclaves == []'
}

@test "load --foreground ends when someone else unloads" {
	"$SGXCTL" load grow --device=emulated --name front --foreground >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & job=$!
	until_true 20 grep -q '"ok":true' "$BATS_TEST_TMPDIR/out"
	run -0 json unload front
	rc=0
	wait "$job" || rc=$?
	[ "$rc" = 0 ]
}

@test "a foreground keeper dies with a killed command" {
	"$SGXCTL" load grow --device=emulated --name front --foreground >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & job=$!
	until_true 20 grep -q '"ok":true' "$BATS_TEST_TMPDIR/out"
	pid=$(pid_of front)
	kill -9 "$job"
	until_true 10 eval '! alive '"$pid"
	run -0 json unload --all
}

@test "bad images leave nothing behind" {
	printf 'not an ELF' >"$BATS_TEST_TMPDIR/text"
	run -1 json load "$BATS_TEST_TMPDIR/text" --device=emulated
	has '.ok == false'
	run -1 json load /bin/true --device=emulated
	has '.ok == false'
	run -1 json load "$BATS_TEST_TMPDIR" --device=emulated
	has '.ok == false'
	[ -z "$(ls -A "$SGXCTL_STATE_DIR")" ]
}

@test "relative paths mean the directory of the command" {
	cp "$SGXCTL_ENCLAVES/grow.elf" "$BATS_TEST_TMPDIR/mine.elf"
	cd "$BATS_TEST_TMPDIR"
	run -0 json load mine.elf --device=emulated --quiet
	[ "$output" = mine ]
}
