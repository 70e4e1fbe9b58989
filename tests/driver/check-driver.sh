#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The same session on the real driver in a virtual machine and on the emulated device: the documents must have the
# same fields with the same values, except where differences.txt explains why not.  TAP on stdout.
#
# Environment: DRIVER_VM  boot script: [-t SECONDS] [-o OUTPUT_DIR] SCRIPT FILE_OR_DIR...
#              SGXCTL, SGXCTL_KEEPER, SGXCTL_ENCLAVES, top_srcdir: from make.  KEEP: a folder to leave the documents in
set -u

if [ -z "${DRIVER_VM:-}" ]; then
	echo "1..0 # SKIP DRIVER_VM names no boot script of a machine with the real driver"
	exit 0
fi
if ! command -v jq > /dev/null; then
	echo "1..0 # SKIP jq is not installed"
	exit 0
fi
: "${SGXCTL:?}" "${SGXCTL_KEEPER:?}" "${SGXCTL_ENCLAVES:?}" "${top_srcdir:?}"
driver=$top_srcdir/tests/driver
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/tap.sh
. "$top_srcdir/tests/tap.sh"

# ---- both sessions -------------------------------------------------------------------------------------------

mkdir -p "$tmp/guest" "$tmp/home" "$tmp/kernel" "$tmp/emulated"
export HOME="$tmp/home" SGXCTL_STATE_DIR="$tmp/state"
unset XDG_DATA_HOME XDG_RUNTIME_DIR
cp "$driver/session.sh" "$tmp/guest"
# the key that is made on first use, here and there the same, and a SIGSTRUCT for another image
"$SGXCTL" sign threads --out "$tmp/guest/other.sig" > "$tmp/sign.json" 2> "$tmp/sign.err" || {
	result 1 "sign with a new key"
	sed 's/^/# /' "$tmp/sign.err"
	exit 1
}
cp "$(jq -r .key "$tmp/sign.json")" "$tmp/guest/key.pem"

sh "$tmp/guest/session.sh" emulated "$tmp/emulated"
result $? "the session on the emulated device"

cp "$SGXCTL" "$SGXCTL_KEEPER" "$tmp/guest"
mkdir "$tmp/guest/enclaves"
cp "$SGXCTL_ENCLAVES"/*.elf "$tmp/guest/enclaves"
cp -r "$tmp/home" "$tmp/guest/home"
cat > "$tmp/boot" <<'END'
cp -r guest/home /tmp/home
export HOME=/tmp/home SGXCTL_STATE_DIR=/tmp/state LC_ALL=C
export SGXCTL=/guest/guest/sgxctl SGXCTL_KEEPER=/guest/guest/sgxctl-keeper SGXCTL_ENCLAVES=/guest/guest/enclaves
sh guest/session.sh kernel /out
END
"$DRIVER_VM" -t 600 -o "$tmp/kernel" "$tmp/boot" "$tmp/guest" > "$tmp/vm.log" 2>&1
status=$?
result $status "the session on the real driver"
[ $status -eq 0 ] || sed 's/^/# /' "$tmp/vm.log" | tail -n 20

# ---- comparing --------------------------------------------------------------------------------------------------

# flatten DEVICE: every value of every document as DOCUMENT:PATH<tab>VALUE
flatten() {
	for f in "$tmp/$1"/*.json; do
		name=$(basename "$f" .json)
		printf '%s:exit-status\t%s\n' "$name" "$(cat "$tmp/$1/$name.status")"
		jq -r -f "$driver/documents.jq" "$f" | sed "s/^/$name:/"
	done | sort
}
flatten kernel > "$tmp/kernel.lines"
flatten emulated > "$tmp/emulated.lines"
# DOCUMENT:PATH<tab>KERNEL<tab>EMULATED of all that differ
join -t '	' -a 1 -a 2 -e '(absent)' -o 0,1.2,2.2 "$tmp/kernel.lines" "$tmp/emulated.lines" |
	awk -F '\t' '$2 != $3' > "$tmp/differing"
grep -v -e '^#' -e '^$' "$driver/differences.txt" > "$tmp/listed" || true

lines=$(wc -l < "$tmp/kernel.lines")
[ "$lines" -gt 1000 ]
result $? "there is something to compare: $lines values"

awk -F '\t' -v used="$tmp/used" -v listed="$tmp/listed" '
	BEGIN { while ((getline line < listed) > 0) { split(line, w, " "); re[++n] = w[1] } }
	{
		for (i = 1; i <= n; i++)
			if ($1 ~ "^" re[i] "$") {
				seen[i] = 1
				next
			}
		print
	}
	END { for (i = 1; i <= n; i++) if (!seen[i]) print re[i] > used }
' "$tmp/differing" > "$tmp/unexplained"
[ ! -s "$tmp/unexplained" ]
result $? "every difference is explained ($(wc -l < "$tmp/differing") differ)"
awk -F '\t' '{ print "# " $1 ": driver " $2 ", model " $3 }' "$tmp/unexplained" | head -n 60
[ ! -s "$tmp/used" ]
result $? "every explanation is needed"
[ ! -s "$tmp/used" ] || sed 's/^/# matches nothing: /' "$tmp/used" | head -n 20

for device in kernel emulated; do
	[ "$(jq -r .failed "$tmp/$device/80-accept-test.json")" = 0 ]
	result $? "no scenario fails ($device: $(jq -r '"\(.passed) passed, \(.skipped) skipped"' \
		"$tmp/$device/80-accept-test.json"))"
done

if [ -n "${KEEP:-}" ]; then
	mkdir -p "$KEEP" && cp -r "$tmp/kernel" "$tmp/emulated" "$tmp/differing" "$KEEP"
fi
finish
