#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Tables, help, completion and man pages say the same: every command, every long and short option, every error.
set -eu

top=${top_srcdir:?} sgxctl=${SGXCTL:?}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0

# same WHAT: $tmp/a and $tmp/b hold the same lines
same() {
	n=$((n + 1))
	if diff -u "$tmp/a" "$tmp/b" >"$tmp/diff"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/diff"
	fi
}

# options_of ARGS...: the long options that completion offers, sorted
options_of() { "$sgxctl" __complete "$@" -- | sed -n 's/^--\([a-z0-9-]*\).*/\1/p' | sort -u; }
# options_in PAGE: the long options that have an entry in a man page
options_in() { sed -n '/^\.It Fl/{s/ Ns = .*//;p;}' "$1" | grep -o 'Fl -[a-z0-9-]*' | sed 's/^Fl -//' | sort -u; }
# shorts_of ARGS...: "a accept" of each short option, from --help
shorts_of() { "$sgxctl" "$@" --help | sed -n 's/^  -\(.\), --\([a-z0-9-]*\).*/\1 \2/p' | sort; }
shorts_in() { sed -n 's/^\.It Fl \(.\) , Fl -\([a-z0-9-]*\).*/\1 \2/p' "$1" | sort; }

sed -n 's/^SGXCTL_CMD([a-z_]*, *"\([a-z-]*\)".*/\1/p' "$top/src/cli/commands.def" | sort >"$tmp/commands"
count=$(wc -l <"$tmp/commands")
n=$((n + 1))
if [ "$count" -ge 20 ]; then echo "ok $n - commands.def was read ($count commands)"; else echo "not ok $n - commands.def was read"; fi

cp "$tmp/commands" "$tmp/a"
"$sgxctl" __complete '' | cut -f1 | sort >"$tmp/b"
same "completion offers every command"
"$sgxctl" --help | sed -n 's/^  \([a-z][a-z-]*\)  *[a-zA-Z].*/\1/p' | sort >"$tmp/b"
same "help lists every command"
grep '^\.It Xr' "$top/man/sgxctl.1" | grep -o 'Xr sgxctl-[a-z-]* 1' | sed 's/^Xr sgxctl-//; s/ 1$//' | sort -u >"$tmp/b"
same "sgxctl(1) lists every command"
grep -o 'man/sgxctl-[a-z-]*\.1' "$top/man/local.mk" | sed 's,^man/sgxctl-,,; s,\.1$,,' | sort -u >"$tmp/b"
same "every command has a man page that is installed"

options_of >"$tmp/global"
cp "$tmp/global" "$tmp/a"
options_in "$top/man/sgxctl.1" >"$tmp/b"
same "sgxctl(1) documents every global option"
shorts_of >"$tmp/global_shorts"
cp "$tmp/global_shorts" "$tmp/a"
shorts_in "$top/man/sgxctl.1" >"$tmp/b"
same "and their short forms"

while read -r command; do
	page=$top/man/sgxctl-$command.1
	[ -e "$page" ] || page=/dev/null
	# sgxctl(1) has the options that all commands share; a page may repeat them
	options_of "$command" | comm -23 - "$tmp/global" >"$tmp/a"
	options_in "$page" | comm -23 - "$tmp/global" >"$tmp/b"
	same "$command: options of program and page"
	shorts_of "$command" | comm -23 - "$tmp/global_shorts" >"$tmp/a"
	shorts_in "$page" | comm -23 - "$tmp/global_shorts" >"$tmp/b"
	same "$command: short options of program and page"
	printf '%s\n' "Nm sgxctl $command" "sgxctl.$command/1" >"$tmp/a"
	{
		sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/s/^\.\(Nm sgxctl [a-z-]*\).*/\1/p' "$page" | sort -u
		sed -n '/^\.Sh OUTPUT/,/^\.Sh /s/.*\(sgxctl\.'"$command"'\/1\).*/\1/p' "$page" | head -n 1
	} >"$tmp/b"
	same "$command: the page has synopsis and schema"
done <"$tmp/commands"

sed -n 's/^SGXCTL_ERR([A-Z0-9_]*, *"\([a-z0-9-]*\)", *\([0-9]*\),.*/\1 \2/p' "$top/src/base/errors.def" | sort >"$tmp/a"
sed -n 's/^\.It Sy \([a-z0-9-]*\) Pq \([0-9]*\).*/\1 \2/p' "$top/man/sgxctl-errors.7" | sort >"$tmp/b"
same "sgxctl-errors(7) has every code with its exit status"
sed -n 's/^SGXCTL_ERR([A-Z0-9_]*, *"\([a-z0-9-]*\)", *[0-9]*, "\(.*\)")$/\1 \2/p' "$top/src/base/errors.def" | sort >"$tmp/a"
sed -n '/^\.It Sy/{s/^\.It Sy \([a-z0-9-]*\).*/\1/;h;}; /^\.Em Hint/{n;s/^\\&//;H;x;s/\n/ /;p;}' "$top/man/sgxctl-errors.7" |
	sort >"$tmp/b"
same "and with its hint"
echo "1..$n"
