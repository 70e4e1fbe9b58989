#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# One session of commands on one device: every document and exit status into a folder.  Runs unchanged on the
# emulated device and, in a virtual machine, on the real driver.  Needs no more than a POSIX shell.
#
# Usage: session.sh DEVICE OUTPUT_DIR.  Environment: SGXCTL, SGXCTL_KEEPER, SGXCTL_ENCLAVES, SGXCTL_STATE_DIR, HOME;
# in the folder of this script: key.pem, other.sig (a SIGSTRUCT of another image)
set -u
device=$1 out=$2
here=$(dirname "$0")
mkdir -p "$out"

# step NAME COMMAND...: stdout to NAME.json, the exit status beside it
step() {
	name=$1
	shift
	"$SGXCTL" "$@" > "$out/$name.json" 2> "$out/$name.err"
	echo "$?" > "$out/$name.status"
}

head -c 20000 /dev/zero | tr '\0' 'x' > "$out/contents"

step 01-load load grow --name demo --key "$here/key.pem" --device="$device"
step 02-list list
step 03-status status demo
step 04-call-nop call demo nop

step 10-augment-ioctl augment demo --offset 0x100000 --pages 64 --strategy ioctl --accept
step 11-augment-touch augment demo --offset 0x200000 --pages 64 --strategy touch --accept
step 12-augment-accept augment demo --offset 0x300000 --pages 64 --strategy accept
step 13-augment-access augment demo --offset 0x400000 --pages 16 --strategy access
step 14-augment-auto augment demo --offset 0x500000 --pages 16
step 15-augment-copy augment demo --offset 0x600000 --copy-from "$out/contents" --perm r-x
step 16-augment-rwx augment demo --offset 0x700000 --pages 4 --perm rwx --accept
step 17-augment-none augment demo --offset 0x800000 --pages 4 --perm --- --accept
step 18-augment-down augment demo --offset 0x900000 --pages 16 --strategy accept --down
step 20-exists augment demo --offset 0x100000 --pages 4 --strategy ioctl
step 21-exists-touch augment demo --offset 0x200000 --pages 4 --strategy touch
step 22-partial augment demo --offset 0x4ff000 --pages 4 --strategy ioctl --accept
step 23-beyond augment demo --offset 0x7fff000 --pages 2
step 24-unaligned augment demo --offset 0x100800 --pages 1
step 25-over-text augment demo --offset 0x3000 --pages 1 --strategy ioctl
step 26-call-alive call demo nop

step 30-fill call demo fill --addr 0x100000 --pages 64 --value 7
step 31-checksum call demo checksum --addr 0x100000 --pages 64
step 32-read call demo read --addr 0x600000
step 33-restrict restrict demo --offset 0x100000 --pages 4 --perm r--
step 34-restrict-accept accept demo --offset 0x100000 --pages 4 --perm r-- --pr
step 35-extend extend demo --offset 0x100000 --pages 4 --perm rw-
step 36-trim modify-type demo --offset 0x110000 --pages 4 --type trim
step 37-remove-early remove demo --offset 0x110000 --pages 4
step 38-trim-accept accept demo --offset 0x110000 --pages 4 --type trim
step 39-remove remove demo --offset 0x110000 --pages 4
step 40-remove-again remove demo --offset 0x110000 --pages 4
step 41-accept-twice accept demo --offset 0x100000 --pages 1
step 42-restrict-tcs restrict demo --offset 0x29000 --pages 1 --perm r--
step 43-restrict-nowhere restrict demo --offset 0xa00000 --pages 1 --perm r--
step 44-trim-pending modify-type demo --offset 0x500000 --pages 1 --type trim

step 50-poke poke demo --offset 0x200000 --hex 1122334455667788
step 51-peek peek demo --offset 0x200000 --length 16
step 52-peek-nowhere peek demo --offset 0xa00000 --length 16
step 53-tcs dump-tcs demo
step 54-secs dump-secs demo
step 55-pages pages demo

step 60-fault-ud call demo fault --value 6
step 61-ssa dump-ssa demo
step 62-fault-write call demo write --addr 0x600000 --value 1
step 63-no-tcs call demo nop
step 64-status status demo
step 65-unload unload demo

step 66-load load grow --name again --key "$here/key.pem" --device="$device"
step 67-stopped call again fill --addr 0x300000 --pages 2 --value 7
step 67-stopped-again call again --resume
step 68-augment augment again --offset 0x300000 --pages 2 --strategy touch --accept
step 68-resumed call again --resume
step 68-nothing call again --resume
step 69-raw call again --raw --mem-size 4K --rdi mem --rsi 1 --r9 2
step 69-raw-refused call again --raw --rdi 1 --tcs 1
step 69-unload unload again

step 70-production load grow --name prod --production --key "$here/key.pem" --device="$device"
step 71-peek-production peek prod --offset 0 --length 8
step 72-secs-production dump-secs prod
step 73-unload unload --all
step 74-mismatch load grow --name other --sigstruct "$here/other.sig" --device="$device"
step 75-list list

step 80-accept-test accept-test --device="$device"
