#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The state directory: found or made, trusted only when it is ours alone.
load helper

@test "it is made with mode 0700" {
	run -0 json list
	has '.enclaves == []'
	[ "$(stat -c %a "$SGXCTL_STATE_DIR")" = 700 ]
}

@test "a symbolic link is refused" {
	mkdir -m 700 "$BATS_TEST_TMPDIR/real"
	ln -s real "$SGXCTL_STATE_DIR"
	run -1 json list
	fails_with state-dir
	has '.error.errno == "ELOOP"'
	SGXCTL_STATE_DIR=$SGXCTL_STATE_DIR/ run -1 json list
	fails_with state-dir
	rm "$SGXCTL_STATE_DIR"
}

@test "one that others may enter is refused" {
	for mode in 755 770 701 777; do
		mkdir -p "$SGXCTL_STATE_DIR"
		chmod "$mode" "$SGXCTL_STATE_DIR"
		run -1 json list
		fails_with state-dir
		run -1 json load grow
		fails_with state-dir
	done
	chmod 700 "$SGXCTL_STATE_DIR"
}

@test "one of another user is refused" {
	[ "$(id -u)" = 0 ] || skip "only root can make one"
	mkdir -m 700 "$SGXCTL_STATE_DIR"
	chown 12345 "$SGXCTL_STATE_DIR"
	run -1 json list
	fails_with state-dir
	chown 0 "$SGXCTL_STATE_DIR"
}

@test "a file and a directory without a parent are refused" {
	: >"$SGXCTL_STATE_DIR"
	run -1 json list
	fails_with state-dir
	rm "$SGXCTL_STATE_DIR"
	SGXCTL_STATE_DIR=$BATS_TEST_TMPDIR/no/parent run -1 json list
	fails_with state-dir
}

@test "XDG_RUNTIME_DIR is used when nothing else is said" {
	unset SGXCTL_STATE_DIR
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir -m 700 "$XDG_RUNTIME_DIR"
	run -0 json list
	[ -d "$XDG_RUNTIME_DIR/sgxctl" ]
}

@test "things that are no enclaves are not listed" {
	mkdir -m 700 "$SGXCTL_STATE_DIR"
	mkdir "$SGXCTL_STATE_DIR/.hidden" "$SGXCTL_STATE_DIR/-dash"
	: >"$SGXCTL_STATE_DIR/file"
	ln -s / "$SGXCTL_STATE_DIR/link"
	run -0 json list
	has '.enclaves == []'
	run -1 json status file
	fails_with state-dir
	run -1 json unload link
	has '.failed[0].code == "state-dir"'
	[ -L "$SGXCTL_STATE_DIR/link" ]
}

@test "a folder that a dead keeper left: listed, refused, cleared" {
	(umask 077 && mkdir -p "$SGXCTL_STATE_DIR/ghost")
	: >"$SGXCTL_STATE_DIR/ghost/lock"
	printf '{"pid":1,"start_time":1,"device":"emulated"}' >"$SGXCTL_STATE_DIR/ghost/info"
	run -0 json list
	has '.enclaves | length == 1 and .[0].enclave == "ghost" and .[0].state == "dead"'
	run -3 json status ghost
	fails_with keeper-gone
	run -1 json load grow --device=emulated --name ghost
	fails_with name-in-use
	run -0 json unload ghost
	has '.unloaded == [{"enclave":"ghost","was":"dead"}]'
	[ ! -e "$SGXCTL_STATE_DIR/ghost" ]
	run -3 json unload ghost
	fails_with no-such-enclave
}

@test "information that is no JSON hides no enclave" {
	(umask 077 && mkdir -p "$SGXCTL_STATE_DIR/odd")
	printf '{"pid": \033[31m' >"$SGXCTL_STATE_DIR/odd/info"
	run -0 json list
	has '.enclaves[0] | .enclave == "odd" and .state == "dead"'
	run -0 sgxctl list --text
	[[ $output != *$'\e'* ]]
	run -0 json unload --all
}
