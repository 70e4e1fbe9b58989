#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images of other formats on the real driver in a virtual machine: loaded, initialised and entered, with the MRENCLAVE
# that independent programs compute.  TAP on stdout.
#
# Environment: DRIVER_VM, SGXCTL, SGXCTL_KEEPER, top_srcdir, as for check-driver.sh
set -u

if [ -z "${DRIVER_VM:-}" ]; then
	echo "1..0 # SKIP DRIVER_VM names no boot script of a machine with the real driver"
	exit 0
fi
: "${SGXCTL:?}" "${SGXCTL_KEEPER:?}" "${top_srcdir:?}"
mk=$top_srcdir/tests/mk oracle=$top_srcdir/tests/oracle
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
# shellcheck source=tests/tap.sh
. "$top_srcdir/tests/tap.sh"

# image NAME MRENCLAVE ARGUMENT...: a line for the guest, and what is expected of it
image() {
	name=$1 want=$2
	shift 2
	echo "$name $*" >> "$tmp/guest/images"
	echo "$name 0 $want EEXIT" >> "$tmp/want"
}

mkdir "$tmp/guest" "$tmp/out" "$tmp/home"
cp "$SGXCTL" "$SGXCTL_KEEPER" "$tmp/guest"
cd "$tmp/guest" || exit 99
export HOME="$tmp/home"
unset XDG_DATA_HOME

"${PYTHON3:-python3}" "$mk/mk_sgxs.py" -o signed.sgxs
"$SGXCTL" sign signed.sgxs --out signed.sig --isvsvn 4 > /dev/null || exit 99
image signed "$("${PYTHON3:-python3}" "$oracle/sgxs.py" signed.sgxs)" signed.sgxs
"${PYTHON3:-python3}" "$mk/mk_sgxs.py" -o loaded.sgxs -r ecreate:1:0x10000 -r code:0:0x205 -r tcs:0x2000:0x3000:2:0:0x1000 \
	-r zeros:0x3000:0x203:2 -r data:0x6000:0x203:5 -r eadd:0x7000:0x203 -r unmeasrd:0x7100:5
image loaded "$("${PYTHON3:-python3}" "$oracle/sgxs.py" loaded.sgxs)" loaded.sgxs
"${PYTHON3:-python3}" "$mk/mk_sgxs.py" -o raw.bin --raw 5
image raw "$("${PYTHON3:-python3}" "$oracle/sgxs.py" --raw tcs,rx,rw raw.bin)" raw.bin --format raw:tcs,rx,rw
"${PYTHON3:-python3}" "$mk/mk_enarx.py" -o shim --unmeasured
"${PYTHON3:-python3}" "$mk/mk_enarx.py" --exec -o prog
image keep "$("${PYTHON3:-python3}" "$oracle/enarx.py" shim prog)" shim --exec prog

# EINIT says no: another enclave's SIGSTRUCT, and one that was changed
"${PYTHON3:-python3}" "$mk/mk_sgxs.py" -o other.sgxs --example
cp signed.sig other.sig
echo "other other.sgxs" >> images
echo "other 1 - -" >> "$tmp/want"
"${PYTHON3:-python3}" "$mk/mk_sgxs.py" -o changed.sgxs
"${PYTHON3:-python3}" -c 'b = bytearray(open("signed.sig", "rb").read()); b[1026] ^= 1; open("changed.sig", "wb").write(b)'
echo "changed changed.sgxs" >> images
echo "changed 1 - -" >> "$tmp/want"

cp "$HOME/.local/share/sgxctl/signing-key.pem" key.pem
cat > "$tmp/boot" <<'END'
cd guest
export HOME=/tmp/home SGXCTL_STATE_DIR=/tmp/state LC_ALL=C SGXCTL_KEEPER=$PWD/sgxctl-keeper
mkdir -p /tmp/home/.local/share/sgxctl
cp key.pem /tmp/home/.local/share/sgxctl/signing-key.pem
chmod 600 /tmp/home/.local/share/sgxctl/signing-key.pem
while read -r name arguments; do
	./sgxctl load $arguments --device=kernel --name "$name" > load.json 2> load.err
	status=$?
	cat load.err >&2
	./sgxctl call "$name" --raw > call.json 2> /dev/null
	hash=$(grep -o '"mrenclave": *"[0-9a-f]*"' load.json | grep -o '[0-9a-f]\{64\}')
	left=$(grep -o '"function": *"[A-Z]*"' call.json | grep -o 'E[A-Z]*')
	echo "$name $status ${hash:--} ${left:--}" >> /out/got
done < images
END
"$DRIVER_VM" -t 300 -o "$tmp/out" "$tmp/boot" "$tmp/guest" > "$tmp/vm.log" 2>&1
result $? "the machine runs"
touch "$tmp/out/got"
while read -r line; do
	grep -qxF "$line" "$tmp/out/got"
	result $? "${line%% *}: $(grep "^${line%% *} " "$tmp/out/got" || tail -n 3 "$tmp/vm.log" | tr '\n' ' ')"
done < "$tmp/want"

finish
