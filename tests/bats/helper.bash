# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests of the command line share: a state directory of their own, and no keeper that survives a test.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

: "${SGXCTL:?names the sgxctl to test}"
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}

# Keys are made once for all tests of a file: that takes a second.
sgxctl_setup() {
	export SGXCTL_STATE_DIR=$BATS_TEST_TMPDIR/state
	export HOME=$BATS_RUN_TMPDIR/home
	unset XDG_DATA_HOME XDG_RUNTIME_DIR
	mkdir -p "$HOME"
}

# Ends what the test started; fails when a keeper is still there afterwards.
sgxctl_teardown() {
	local pids pid
	pids=$(sgxctl list 2>/dev/null | jq -r '.enclaves[]? | select(.state != "dead" and .origin == "load") | .pid // empty')
	sgxctl unload --all >/dev/null 2>&1 || true
	for pid in $pids; do
		if alive "$pid"; then
			echo "# the keeper $pid survived" >&2
			kill -9 "$pid"
			return 1
		fi
	done
}

setup() { sgxctl_setup; }
teardown() { sgxctl_teardown; }

# bats waits for everything that has its descriptor 3 open
sgxctl() { "$SGXCTL" "$@" 3>&-; }
# JSON alone: what people are told goes to standard error
json() { "$SGXCTL" "$@" 2>/dev/null 3>&-; }
load() { json load "${IMAGE:-grow}" --device=emulated "$@"; }

# alive PID: there is such a process, and it is no zombie
alive() { [ -r "/proc/$1/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# until_true SECONDS COMMAND...: an event that only polling can see
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# has FILTER: $output is a document for which the jq filter holds
has() {
	jq -e "$1" <<<"$output" >/dev/null || {
		echo "# not true: $1"
		echo "# of: $output"
		return 1
	}
}

# fails_with CODE: $output is an error document of that code, with a message
fails_with() { has ".ok == false and .error.code == \"$1\" and (.error.message | length > 0)"; }
