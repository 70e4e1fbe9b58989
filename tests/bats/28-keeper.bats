#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The keeper survives what clients and enclaves do, and ends when it is told to.
load helper

setup() {
	sgxctl_setup
	load --name demo --quiet
	keeper=$(json list | jq '.enclaves[0].pid')
}

busy() { json status demo | jq -e '[.tcs[] | select(.busy)] | length == '"$1" >/dev/null; }

@test "status and pages answer while an enclave thread spins" {
	"$SGXCTL" call demo spin >/dev/null 2>&1 3>&- &
	client=$!
	until_true 10 busy 1
	run -0 json pages demo
	run -0 json augment demo --offset 0x100000 --pages 4 --accept
	has '.accepted_pages == 4'
	kill $client
	# its client is gone: the enclave is let go
	until_true 10 busy 0
	run -0 json call demo nop
}

@test "a spin ends after its time" {
	run -0 json call demo spin --ms 100
	has '.status == "ok"'
}

@test "unload ends an enclave that spins" {
	"$SGXCTL" call demo spin >/dev/null 2>&1 3>&- &
	first=$!
	"$SGXCTL" call demo spin >/dev/null 2>&1 3>&- &
	second=$!
	until_true 10 busy 2
	run -1 json call demo nop
	fails_with no-free-tcs
	run -0 json unload demo
	run ! alive "$keeper"
	[ ! -e "$SGXCTL_STATE_DIR/demo" ]
	# who waited for the enclave hears of its end
	run -3 wait $first
	run -3 wait $second
}

@test "SIGTERM unloads" {
	kill -TERM "$keeper"
	until_true 10 test ! -e "$SGXCTL_STATE_DIR/demo"
	until_true 10 bash -c "! [ -e /proc/$keeper ]"
}

@test "SIGPIPE, SIGHUP and an early hang-up of the client do nothing" {
	kill -PIPE "$keeper"
	kill -HUP "$keeper"
	for i in 1 2 3 4 5; do
		"$SGXCTL" accept-test demo --scenario accept-many >/dev/null 2>&1 3>&- &
		client=$!
		kill -9 $client
		wait $client || true
	done
	until_true 20 busy 0
	run -0 json status demo
	run -0 json call demo nop
}

@test "a killed keeper is dead in the list, and its name can be cleared" {
	kill -9 "$keeper"
	until_true 10 bash -c "! [ -e /proc/$keeper ]"
	run -0 json list
	has '.enclaves[0].state == "dead"'
	run -3 json call demo nop
	fails_with keeper-gone
	run -0 json unload demo
	has '.unloaded[0].was == "dead"'
}

@test "an enclave that corrupts its keeper takes nobody else with it" {
	load --name other --quiet
	# the enclave writes wherever the host is mapped
	run json call demo fault --value 260
	run -0 json call other nop
	run -0 json status other
	run json unload demo
}

@test "failures are in the log" {
	run -1 json augment demo --offset 0x800 --pages 1
	grep -q 'augment: bad-range' "$SGXCTL_STATE_DIR/demo/log"
}

@test "requests that change pages take turns" {
	local pids=()
	for i in 1 2 3 4 5 6 7 8; do
		json augment demo --offset "$((i * 0x100000))" --pages 64 --accept >"$BATS_TEST_TMPDIR/$i" & pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p"; done
	run -0 jq -s 'map(.accepted_pages) | add' "$BATS_TEST_TMPDIR"/[1-8]
	[ "$output" = 512 ]
}

@test "the keeper is not started by hand" {
	run -64 "$SGXCTL_KEEPER"
	run -64 "$SGXCTL_KEEPER" --fd x
	run -64 "$SGXCTL_KEEPER" --fd 3 --nonsense
}
