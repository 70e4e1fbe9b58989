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

# one of each, to be told apart
mkdir -p "$dir/detect"
for target in sgxctl kernel; do
	for f in "$dir/$target"/*; do
		cp "$f" "$dir/detect/$target"
		break
	done
done
