#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whatever is sent to a keeper, it answers with an error and lives on.
load helper

RAW=${top_builddir:?}/tests/unit/raw_frame

# raw: standard input to the socket of demo, byte for byte; prints the reply
raw() { "$RAW" "$SGXCTL_STATE_DIR/demo/sock"; }
# framed BODY: with its length in front
framed() {
	local n=${#1}
	printf "\\x$(printf %x $((n & 255)))\\x$(printf %x $((n >> 8 & 255)))\\x$(printf %x $((n >> 16 & 255)))\\x00"
	printf %s "$1"
}
lives() {
	run -0 json status demo
	has '.ok'
}

setup() {
	sgxctl_setup
	[ -x "$RAW" ] || skip "$RAW is not built"
	load --name demo >/dev/null
}

@test "a whole request is answered" {
	run -0 raw < <(framed '{"op":"status"}')
	has '.schema == "sgxctl.status/1" and .ok'
}

@test "frames that are cut short" {
	for bytes in '\x10' '\x10\x00\x00' '\x10\x00\x00\x00' '\x10\x00\x00\x00{"op":'; do
		run -0 raw < <(printf "$bytes")
		fails_with protocol
		lives
	done
}

@test "a frame that is too long" {
	run -0 raw < <(printf '\xff\xff\xff\xff{"op":"status"}')
	fails_with protocol
	run -0 raw < <(printf '\x01\x00\x00\x01{"op":"status"}')
	fails_with protocol
	lives
}

@test "frames that are not what they should be" {
	for body in '' 'x' '[]' '"op"' '{"op":"status"' '{"op":"status"} ' '{"op":"status","op":"list"}' \
		'{"op":"\ud800"}' '{"op":1e999}' '{"op":null}' '{}' '{"op":"no-such-op"}' '{"op":["status"]}'; do
		run -0 raw < <(framed "$body")
		[ "$body" = '{"op":"status"} ' ] || has '.ok == false'
		lives
	done
}

@test "JSON that is nested too deep" {
	deep=$(printf '{"a":%.0s' {1..200})1$(printf '}%.0s' {1..200})
	run -0 raw < <(framed "$deep")
	fails_with protocol
	lives
}

@test "options of a wrong type" {
	for body in '{"op":"augment","offset":"x","pages":1}' '{"op":"augment","offset":-1,"pages":1}' \
		'{"op":"augment","offset":0.5,"pages":1}' '{"op":"augment","offset":0,"pages":"all"}' \
		'{"op":"augment","offset":0,"pages":1,"accept":"yes"}' '{"op":"call","call":7}' \
		'{"op":"augment","offset":"0xfffffffffffff000","pages":9007199254740991}' \
		'{"op":"augment","offset":0,"pages":1,"copy":true}'; do
		run -0 raw < <(framed "$body")
		has '.ok == false'
		lives
	done
}

@test "a peer that connects and says nothing holds nobody up" {
	"$RAW" "$SGXCTL_STATE_DIR/demo/sock" < <(sleep 5) >/dev/null 2>&1 3>&- & job=$!
	lives
	kill "$job"
	wait "$job" || true
}

@test "many peers at once" {
	pids=()
	for i in {1..40}; do
		raw < <(framed '{"op":"status"}') >"$BATS_TEST_TMPDIR/r$i" 3>&- & pids+=($!)
	done
	wait "${pids[@]}"
	run -0 jq -s 'map(select(.schema == "sgxctl.status/1" and .ok)) | length' "$BATS_TEST_TMPDIR"/r*
	[ "$output" = 40 ]
	lives
}

@test "a peer of another user is refused" {
	[ "$(id -u)" = 0 ] || skip "only root can become another user"
	command -v setpriv >/dev/null || skip "setpriv is not installed"
	# the state directory keeps others out; open it to see that the keeper does, too
	cp "$RAW" "$BATS_TEST_TMPDIR/raw"
	chmod 755 "$BATS_TEST_TMPDIR/raw"
	chmod 711 "$SGXCTL_STATE_DIR" "$SGXCTL_STATE_DIR/demo"
	chmod 777 "$SGXCTL_STATE_DIR/demo/sock"
	dir=$BATS_TEST_TMPDIR
	opened=()
	while [ "$dir" != / ]; do
		if [ -O "$dir" ] && [ $(($(stat -c %a "$dir") % 10 & 1)) = 0 ]; then
			chmod o+x "$dir"
			opened+=("$dir")
		fi
		dir=$(dirname "$dir")
	done
	run setpriv --reuid=12345 --regid=12345 --clear-groups "$BATS_TEST_TMPDIR/raw" "$SGXCTL_STATE_DIR/demo/sock" \
		< <(framed '{"op":"unload"}')
	for dir in "${opened[@]}"; do chmod o-x "$dir"; done
	chmod 700 "$SGXCTL_STATE_DIR" "$SGXCTL_STATE_DIR/demo"
	fails_with peer-refused
	lives
}
