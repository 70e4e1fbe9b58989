#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion offers every command and every option, enclaves, operations and values.
load helper

complete() { "$SGXCTL" __complete "$@" | cut -f1; }
# long options as --help shows them
options_of() { "$SGXCTL" "$@" --help | sed -nE 's/^ +(-[a-z], )?(--[a-z0-9-]+).*/\2/p' | sort -u; }

@test "every command completes from its beginning" {
	for c in $("$SGXCTL" --help | sed -n 's/^  \([a-z][a-z-]*\)  *[a-zA-Z].*/\1/p'); do
		run -0 complete "${c:0:2}"
		[[ $'\n'$output$'\n' == *$'\n'"$c"$'\n'* ]]
	done
}

@test "every long option of every command completes" {
	for c in $(complete ''); do
		run -0 complete "$c" --
		offered=$(sed 's/=$//' <<<"$output" | sort -u)
		[ "$offered" = "$(options_of "$c")" ]
	done
}

@test "values of options" {
	run -0 complete augment --strategy=
	[ "$output" = $'--strategy=auto\n--strategy=ioctl\n--strategy=touch\n--strategy=accept\n--strategy=access' ]
	run -0 complete --device em
	[ "$output" = emulated ]
	run -0 complete load --format=
	[[ $output == *--format=sgxctl* && $output == *--format=kernel* ]]
	run -0 complete load --key ''
	[ "$output" = :files ]
}

@test "enclaves, dead ones too" {
	(umask 077 && mkdir -p "$SGXCTL_STATE_DIR/ghost")
	run -0 complete unload g
	[ "$output" = ghost ]
	run -0 complete --text status ''
	[ "$output" = ghost ]
	run -0 complete unload ghost gh
	[ "$output" = ghost ]
}

@test "operations and installed enclaves" {
	run -0 complete call ghost acc
	[ "$output" = $'accept\nacceptcopy' ]
	run -0 complete load gro
	[[ $output == *grow* ]]
}

@test "the bash completion" {
	run -0 bash -c '
		set -u
		source "$top_srcdir/completions/sgxctl"
		try() { COMP_WORDS=("$SGXCTL" "$@"); COMP_CWORD=$#; COMPREPLY=(); _sgxctl; echo "${COMPREPLY[*]}"; }
		try augm
		try augment --str
		try augment --strategy = to
		try --device = ""
		try measure gro'
	[ "${lines[0]}" = augment ]
	[ "${lines[1]}" = --strategy= ]
	[ "${lines[2]}" = touch ]
	[ "${lines[3]}" = "auto kernel emulated" ]
	[[ ${lines[4]} == *grow* ]]
}

@test "the fish and zsh completions parse" {
	found=0
	if command -v zsh >/dev/null; then zsh -n "$top_srcdir/completions/_sgxctl"; found=1; fi
	if command -v fish >/dev/null; then fish -n "$top_srcdir/completions/sgxctl.fish"; found=1; fi
	[ "$found" = 1 ] || skip "neither zsh nor fish is installed"
}
