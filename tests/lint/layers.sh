#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may include whom: each room of src/ says which rooms its files may see, and nothing else is allowed.
# Shown twice: for the tree, and that a violation of each kind would be seen.
set -eu

top=${top_srcdir:?}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/layers.awk" <<'AWK'
BEGIN {
	may["base"]    = " base "
	may["arch"]    = " arch "
	may["machine"] = " machine arch "
	may["image"]   = " image arch base "
	may["emul"]    = " emul machine arch base "
	may["device"]  = " device image arch base "
	may["session"] = " session base "
	may["keeper"]  = " keeper session device image arch base "
	may["shim"]    = " shim emul machine arch base "
	may["cli"]     = " cli session image arch base "
}
FNR == 1 {
	n = split(FILENAME, part, "/")
	for (i = n; i > 0 && part[i] != "src"; i--)
		;
	room = part[i + 1]
	name = part[n]
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	if (split(quoted[2], dir, "/") < 2 || !(dir[1] in may))
		next
	if (!(room in may) || !index(may[room], " " dir[1] " ")) {
		# the one file that knows the emulated device, and the EPCM bits it shows, from outside
		if (room == "device" && (dir[1] == "emul" || dir[1] == "machine") && name == "device_emul.c")
			next
		printf "%s:%d: '%s' must not include '%s'\n", FILENAME, FNR, room, quoted[2]
	}
}
AWK

violations() { # ROOT
	find "$1/src" -type f \( -name '*.c' -o -name '*.h' -o -name '*.S' -o -name '*.def' \) |
		sort | xargs awk -f "$tmp/layers.awk"
}

n=0
result() { # STATUS WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

violations "$top" >"$tmp/found"
sed 's/^/# /' "$tmp/found"
test -s "$tmp/found" && status=1 || status=0
result "$status" "every include goes the way the rooms allow"

count=$(find "$top/src" -name '*.c' | wc -l)
test "$count" -ge 50 && status=0 || status=1
result "$status" "the sources were found ($count files)"

refuses() { # FILE HEADER
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree/src/$(dirname "$1")"
	printf '#include "%s"\n' "$2" >"$tmp/tree/src/$1"
	test -n "$(violations "$tmp/tree")" && status=0 || status=1
	result "$status" "$1 may not include $2"
}
allows() { # FILE HEADER
	rm -rf "$tmp/tree"
	mkdir -p "$tmp/tree/src/$(dirname "$1")"
	printf '#include "%s"\n' "$2" >"$tmp/tree/src/$1"
	test -z "$(violations "$tmp/tree")" && status=0 || status=1
	result "$status" "$1 may include $2"
}
refuses cli/cmd_x.c machine/machine.h
refuses cli/cmd_x.c device/device.h
refuses cli/cmd_x.c keeper/keeper.h
refuses machine/epcm.c base/err.h
refuses device/device_kernel.c emul/emul.h
refuses device/device_kernel.c machine/machine.h
refuses session/slot.c image/image.h
refuses emul/encl.c shim/shim.h
refuses shim/files.c device/device.h
refuses emul/ioc_init.c device/seam.h
allows device/device_emul.c emul/emul.h
allows keeper/req_load.c session/session.h
echo "1..$n"
