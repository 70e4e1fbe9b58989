#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# MRENCLAVE of generated images, of the test enclaves, and their SIGSTRUCTs: the library, the command and
# programs that share no code with them must agree.  TAP on stdout.
#
# Environment: top_srcdir, top_builddir, SGXCTL (compared when it is there).

. "${top_srcdir:-.}/tests/oracle/lib.sh"
ORACLE=mrenclave.py

mk() {
	"$python" "$src/tests/mk/mk_elf.py" -o "$tmp/image" "$@" || exit 99
}

generated() {
	mk "$@"
	compare "$tmp/image" "image: ${*:-as it comes}"
}

generated
generated --seed 7 --ntcs 5 --nssa 3 --ssaframesize 2 --stack 0x5000
generated --note-section
generated --type dyn
generated --stack 0 --heap 0 --reserve 0
generated --heap 0x1234000 --reserve 0x40000000
generated --reserve-off 0x200000 --size 0x1000000
generated --segment r:0:0x10 --segment r-x:0x1000:0x3001 --segment rw:0x7ff0:0x20:0x9000 --entry 0x1100
generated --segment rwx:0x3000:0x1000 --segment r:0x10000:0:0x4000 --segment=---:0x20000:5
generated --segment r-x:0x200000:0x1000 --segment rw:0x400000:0:0x1000 --dyn-entry 0x200010
generated --zeros
generated --format kernel
generated --format kernel --tcs 1 --seed 3
generated --format kernel --tcs 7 --nssa 2 --dyn-entry 0x7000
generated --format kernel --segment r-x:0x2000:0x1801 --segment rw:0x4000:0x3456 --segment r:0x8000:1

mk
same "$("$tool" measure "$tmp/image" - 0x7000 0x100000)" \
	"$(oracle --heap 0x7000 --reserve 0x100000 "$tmp/image")" "options override the image"
mk --format kernel
same "$("$tool" measure "$tmp/image" kernel 0x100000)" "$(oracle --heap 0x100000 "$tmp/image")" \
	"heap of the kernel's format"
same "$("$tool" measure "$tmp/image" kernel 0)" "$(oracle --heap 0 "$tmp/image")" "no heap"

# the test enclaves, where they are built
for f in "${top_builddir:-.}"/enclaves/*; do
	case $(head -c 4 "$f" 2>/dev/null | tr -d '\177') in
	ELF*)	case $f in
		*.o) ;;
		*) compare "$f" "enclave ${f##*/}" ;;
		esac ;;
	esac
done

# ---- signatures ----------------------------------------------------------------------------------

if ! command -v openssl >/dev/null; then
	skip "signatures" "there is no openssl command"
	finish
fi
sigstruct() {
	"$python" "$src/tests/oracle/sigstruct.py" "$@"
}
# bytes of the SIGSTRUCT: OFFSET LENGTH
cut_out() {
	tail -c +$(($1 + 1)) "$tmp/sig" | head -c "$2"
}
reverse() {
	"$python" -c 'import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])'
}

mk
openssl genrsa -3 -out "$tmp/key.pem" 3072 2>/dev/null || exit 99
"$tool" sign "$tmp/image" "$tmp/key.pem" "$tmp/sig"
result $? "an image is signed"
signer=$(sigstruct "$tmp/sig")
result $? "plain integers accept the signature"
same "$("$tool" verify "$tmp/sig")" "$signer" "MRSIGNER"

{ cut_out 0 128; cut_out 900 128; } > "$tmp/message"
cut_out 516 384 | reverse > "$tmp/signature"
openssl rsa -in "$tmp/key.pem" -pubout -out "$tmp/pub.pem" 2>/dev/null
openssl dgst -sha256 -verify "$tmp/pub.pem" -signature "$tmp/signature" "$tmp/message" >/dev/null 2>&1
result $? "the openssl command accepts the signature"
openssl dgst -sha256 -sign "$tmp/key.pem" -out "$tmp/again" "$tmp/message"
cmp -s "$tmp/again" "$tmp/signature"
result $? "and makes the same one"
same "$(cut_out 128 384 | reverse | od -An -tx1 -v | tr -d ' \n' | tr a-f A-F)" \
	"$(openssl rsa -in "$tmp/key.pem" -noout -modulus | sed 's/Modulus=//')" "the modulus is the key's"
same "$(cut_out 960 32 | od -An -tx1 -v | tr -d ' \n')" "$(oracle "$tmp/image")" "ENCLAVEHASH is MRENCLAVE"

# one flipped byte in every field: both implementations refuse
cp "$tmp/sig" "$tmp/good"
agreed=0
for at in 0 16 20 24 40 44 127 128 511 512 516 899 900 904 908 910 928 944 960 992 1008 1024 1026 1028 1040 \
	1423 1424 1807; do
	"$python" -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[int(sys.argv[3])] ^= 0x40
open(sys.argv[2], "wb").write(b)' "$tmp/good" "$tmp/sig" "$at"
	if "$tool" verify "$tmp/sig" >/dev/null || sigstruct "$tmp/sig" >/dev/null; then
		echo "# a changed byte $at is accepted"
		agreed=1
	fi
done
result $agreed "both refuse a changed byte in any field"

finish
