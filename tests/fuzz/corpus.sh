#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes the files that fuzzing starts from: DIR/TARGET/*, and in DIR the other files of formats that have two.
#
#     corpus.sh DIR
# Environment: top_srcdir, PYTHON3.
set -eu

dir=$1
mk=${top_srcdir:?}/tests/mk
python=${PYTHON3:-python3}

make() { # TARGET NAME GENERATOR ARGUMENT...
	mkdir -p "$dir/$1"
	out=$dir/$1/$2
	generator=$3
	shift 3
	"$python" "$mk/$generator" -o "$out" "$@"
}

make sgxctl plain mk_elf.py
make sgxctl segments mk_elf.py --segment r-x:0x1000:0x800 --segment rw:0x2100:16:0x5000 --ntcs 3
make sgxctl reserve mk_elf.py --heap 0x8000 --reserve 0x10000 --nssa 3
make sgxctl section mk_elf.py --note-section
make kernel plain mk_elf.py --format kernel
make kernel two mk_elf.py --format kernel --ntcs 2 --nssa 3

make sgxs plain mk_sgxs.py
make sgxs parts mk_sgxs.py -r ecreate:1:0x10000 -r page:0:0x205:3 -r eadd:0x1000:0x203 -r eextend:0x1300:4 \
	-r eextend:0x1100 -r unmeasrd:0x1200:5 -r data:0x2000:0x203:6 -r tcs:0x3000:0x4000:2:0x10:0x1000 \
	-r zeros:0x4000:0x203:3 -r heap:0x8000:0x203:4
make sgxs open mk_sgxs.py -r unsized:1:0x20 -r page:0:0x205:3 -r tcs:0x1000:0x2000:2:0:0 -r zeros:0x2000:0x203:2
make raw plain mk_sgxs.py --raw 4
make enarx shim mk_enarx.py
make enarx notes mk_enarx.py --isvsvn 3 --misc 1 --unmeasured
mkdir -p "$dir/enarx-exec"
"$python" "$mk/mk_enarx.py" --exec -o "$dir/exec"
cp "$dir/exec" "$dir/enarx-exec/plain"
cp "$dir/enarx/shim" "$dir/shim"

make sdk plain mk_sdk.py --threads 2
make sdk old mk_sdk.py --block 1.3 --old-ids --quirk 0x3000
make sdk new mk_sdk.py --block 3.3 --block 1.5 --user 16 --rsrv 1:2:4 --dynamic 2 --stack 8:2
make sdk based mk_sdk.py --block 12.4 --elrange 0x10000000:0x10000000:0x10000000
make sdk relocs mk_sdk.py --textrel 0x1ffc --jmprel 0x1010 --fips
make sdk stripped mk_sdk.py --strip

make oe plain mk_oe.py
make oe tls mk_oe.py --tdata 100 --tbss 5000 --tbss-align 64 --relocs 300 --plt 3 --tpoff 2 --ntcs 3
make oe zero mk_oe.py --flags 3 --start 0x10000
make oe middle mk_oe.py --structure 0.13
make oe older mk_oe.py --structure 0.6
make oe oldest mk_oe.py --structure 0.4

mkdir -p "$dir/gramine" "$dir/gramine-libpal"
for style in tables dotted odd; do
	"$python" "$mk/mk_gramine.py" -o "$dir/app" --style "$style" --threads 4
	cp "$dir/app.manifest.sgx" "$dir/gramine/$style"
done
cp "$dir/app.libpal.so" "$dir/libpal"
cp "$dir/libpal" "$dir/gramine-libpal/plain"
mv "$dir/app.manifest.sgx" "$dir/manifest"

# a SIGSTRUCT that is right in all but its hash, and one with every optional field
mkdir -p "$dir/sigstruct"
openssl genrsa -3 -out "$dir/key.pem" 3072 2>/dev/null
hash=$(printf %064d 7)
"$python" "$mk/mk_sigstruct.py" -o "$dir/sigstruct/plain" --key "$dir/key.pem" --hash "$hash"
"$python" "$mk/mk_sigstruct.py" -o "$dir/sigstruct/full" --key "$dir/key.pem" --hash "$hash" --vendor 0x8086 \
	--misc 1 --miscmask 0xffffffff --prodid 5 --svn 6 --flags 0x86 --flagmask 0xff

# one of each, to be told apart
mkdir -p "$dir/detect"
for target in sgxctl kernel sgxs enarx sdk oe gramine; do
	for f in "$dir/$target"/*; do
		cp "$f" "$dir/detect/$target"
		break
	done
done
