#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# accept-test: the scenarios, for every kernel that can be played.
load helper

run_all() { json accept-test --device=emulated "$@"; }

@test "every scenario passes on the emulated device" {
	run -0 run_all
	has '.device == "emulated" and .failed == 0 and .skipped == 0 and .passed == (.scenarios | length) and .passed > 60'
	has '.scenarios | all(.result == "pass" and (.checks | length > 0) and (.counters | has("ioctls")) and .elapsed_ns > 0)'
	has '[.scenarios[].name] | unique | length > 20'
}

@test "no scenario fails on a kernel without the ioctl; those that need it are skipped with the reason" {
	run -0 run_all --kernel=upstream
	has '.failed == 0 and .skipped > 0 and .passed > 40'
	has '.scenarios | map(select(.result == "skip")) | all((.reason | contains("AUGMENT_PAGES")) and .strategy == "ioctl")'
}

@test "nor on a kernel with real errnos" {
	run -0 run_all --kernel=fixed
	has '.failed == 0 and .skipped == 0'
}

@test "on an SGX1 machine everything that needs SGX2 is skipped" {
	run -0 run_all --no-sgx2 --scenario accept-empty --scenario trim-remove
	has '.failed == 0 and .passed == 0 and (.scenarios | all(.reason | contains("SGX2")))'
}

@test "strategies differ as they must" {
	run -0 run_all --scenario accept-many --pages 32
	has '.scenarios | map({(.strategy): .counters.aexs}) | add == {"ioctl":32,"touch":0,"accept":32,"access":64}'
	has '.scenarios | map({(.strategy): .round_trips_per_page}) | add | .touch < .access and .ioctl < .access'
	run -0 run_all --scenario accept-many --pages 32 --strategy touch
	has '.scenarios | length == 1 and .[0].strategy == "touch" and .[0].pages == 32'
}

@test "they run in a named enclave too" {
	load --name demo --quiet
	run -0 json accept-test demo
	has '.enclave == "demo" and .failed == 0 and .passed > 40'
	has '.scenarios | map(select(.result == "skip")) | all(.reason | contains("of its own"))'
	run -0 json call demo nop
	run -0 json accept-test demo --scenario accept-many
	has '.failed == 0'
}

@test "the list runs nothing" {
	run -0 json accept-test --list
	has '(has("passed") | not) and (.scenarios | all((.name | length > 0) and (.text | length > 0)))'
	run -64 run_all --scenario no-such-thing
	fails_with usage
}

@test "repetitions are counted" {
	run -0 run_all --scenario accept-empty --strategy ioctl --repeat 3
	has '.passed == 3 and (.scenarios | length == 3)'
	run -1 run_all --repeat 1000000
	fails_with too-big
}

@test "KTAP for test harnesses" {
	run -0 run_all --scenario accept-twice --format ktap
	[ "${lines[0]}" = "KTAP version 1" ]
	[ "${lines[1]}" = "1..4" ]
	[[ $output == *"ok 1 accept-twice"* ]]
	[[ $output != *"not ok"* ]]
}

@test "a scenario that fails is an exit status and an error, with the checks that say why" {
	# an EPC that cannot hold the pages makes any strategy fail
	run -1 run_all --scenario accept-many --strategy touch --pages 600 --epc 2M
	fails_with test-failed
	has '.failed == 1 and .scenarios[0].result == "fail" and ([.scenarios[0].checks[] | select(.ok | not)] | length > 0)'
}
