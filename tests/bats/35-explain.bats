#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# sgxctl explain: codes in, causes out; no device, no keeper, no state directory.

bats_require_minimum_version 1.5.0

setup() {
	export SGXCTL_STATE_DIR=/nonexistent/sgxctl SGXCTL_KEEPER=/nonexistent/keeper
}

explain() {
	"$SGXCTL" explain "$@" 2>/dev/null
}

# readings FILTER CODE...: jq over the readings
readings() {
	local filter=$1
	shift
	explain "$@" | jq -r ".readings[] | $filter"
}

@test "the document has schema, ok, code and readings with causes" {
	run -0 explain AUGMENT_PAGES:2
	jq -e '.schema == "sgxctl.explain/1" and .ok and .code == "AUGMENT_PAGES:2"' <<<"$output"
	jq -e '.readings | length == 1' <<<"$output"
	jq -e '.readings[0] | .kind == "return" and .context == "AUGMENT_PAGES" and (.causes | length) >= 4' <<<"$output"
	jq -e 'all(.readings[].causes[]; .cause != "" and .confirm != "" and .remedy != "")' <<<"$output"
}

@test "a bare 2 is a return value, an SGX code, an errno and an exit status" {
	run -0 readings .kind 2
	for kind in return sgx-code errno exit-status; do
		[[ $'\n'$output$'\n' == *$'\n'"$kind"$'\n'* ]]
	done
}

@test "one reading of a number can be asked for" {
	run -0 readings .kind sgx:2
	[ "$output" = sgx-code ]
	run -0 readings .name sgx:19
	[ "$output" = PAGE_ATTRIBUTES_MISMATCH ]
}

@test "--ioctl and a call before the codes give the same context" {
	[ "$(readings .meaning --ioctl MODIFY_TYPES EPERM)" = "$(readings .meaning MODIFY_TYPES EPERM)" ]
	[ "$(readings .meaning --ioctl modify-types EPERM)" = "$(readings .meaning MODIFY_TYPES:EPERM)" ]
}

@test "an errno with a result field is narrowed to that code" {
	run -0 readings '"\(.name) \(.result) \(.causes[0].case)"' MODIFY_TYPES:EFAULT:20
	[ "$output" = "EFAULT 20 not-accepted-yet" ]
}

@test "page-fault error codes are decoded in words" {
	run -0 readings '.decoded[]' pf:0x8007
	[[ $output == *"W = 1: a write"* && $output == *"SGX = 1"* ]]
}

@test "a run is explained by vector, error code and function" {
	[ "$(readings '.causes[0].case' v14/0x8007/3)" = page-pending ]
	[ "$(readings '.causes[0].case' v14/0x6/2)" = entry-tcs-missing ]
}

@test "EXITINFO names the vector" {
	[ "$(readings .name 0x80000306)" = "#UD" ]
}

@test "a check of the processor model says its condition and its refusal" {
	run -0 readings '"\(.context) \(.refusal)"' EAUG.8
	[ "$output" = "EAUG #PF(RCX)" ]
}

@test "every error code of the manual is explained with its exit status" {
	local man=${top_srcdir:?}/man/sgxctl-errors.7 n=0 code status
	while read -r code status; do
		n=$((n + 1))
		[ "$(readings 'select(.kind == "error").exit_status' "error:$code")" = "$status" ]
	done < <(sed -n 's/^\.It Sy \([a-z0-9-]*\) Pq \([0-9]*\)$/\1 \2/p' "$man")
	[ "$n" -gt 40 ]
}

@test "everything listed can be explained" {
	local bad
	bad=$("$SGXCTL" explain --list | jq -r '.entries[].code | select(. != "VEPC_REMOVE_ALL:n")' |
		xargs -d '\n' -n 60 "$SGXCTL" explain --quiet 2>&1 >/dev/null | head -3)
	[ -z "$bad" ]
}

@test "--text is readable and made of the same causes" {
	run -0 explain --text AUGMENT_PAGES:2
	[[ $output == *"1. a page exists already"* && $output == *"check"* && $output == *"do "* ]]
	local line
	while IFS= read -r line; do
		[ "${#line}" -le 80 ]
	done <<<"$output"
}

@test "--quiet prints kind and name" {
	run -0 explain --quiet '#UD'
	[ "$output" = "vector #UD" ]
}

@test "an unknown code is unknown-code and exit status 64" {
	run -64 explain bogus
	jq -e '.ok == false and .error.code == "unknown-code"' <<<"$output"
	run -64 explain --ioctl bogus 2
	jq -e '.error.code == "unknown-code"' <<<"$output"
	run -64 explain INIT:EPERM bogus
	jq -e '.error.code == "unknown-code"' <<<"$output"
}

@test "hostile codes are unknown and never reach the terminal raw" {
	run -64 "$SGXCTL" explain $'a\033[31mb\nc'
	[[ $output != *$'\033'* ]]
	run -64 explain "$(printf 'A%.0s' {1..5000})"
	run -64 explain ''
	run -64 explain '%s%n%x'
	run -64 explain v14/0x8007/3/9
}

@test "no code, and codes with --list, are usage errors" {
	run -64 explain
	jq -e '.error.code == "usage"' <<<"$output"
	run -64 explain --list 2
	jq -e '.error.code == "usage"' <<<"$output"
}

@test "a full disk is noticed" {
	# shellcheck disable=SC2016
	run -1 bash -c '"$SGXCTL" explain 2 >/dev/full'
}
