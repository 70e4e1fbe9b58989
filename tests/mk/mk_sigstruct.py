#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signs a SIGSTRUCT with plain integers: an independent signer, and one that signs nonsense when asked to.

The key is an RSA-3072 key with exponent 3 in PEM, PKCS#1 or PKCS#8, as openssl genrsa -3 makes it.
Numbers are decimal or 0x...  The same options always give the same bytes.

Authority: Intel SDM Vol. 3D, SIGSTRUCT; RFC 8017, EMSA-PKCS1-v1_5.
"""
import argparse
import base64
import hashlib
import struct
import sys

HEADER = bytes.fromhex("06000000e10000000000010000000000")
HEADER2 = bytes.fromhex("01010000600000006000000001000000")
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
ALL = (1 << 64) - 1


def der(data):
    """The elements of a DER sequence's contents: (tag, bytes)."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            n = length & 0x7f
            length = int.from_bytes(data[at:at + n], "big")
            at += n
        yield tag, data[at:at + length]
        at += length


def key_of(path):
    """Modulus and private exponent."""
    with open(path, encoding="ascii") as f:
        text = "".join(line.strip() for line in f if not line.startswith("-----"))
    (_, top), = der(base64.b64decode(text))
    parts = list(der(top))
    if parts[1][0] == 0x30:  # PKCS#8: version, algorithm, octets that hold a PKCS#1 key
        (_, inner), = der(parts[2][1])
        parts = list(der(inner))
    numbers = [int.from_bytes(b, "big") for _, b in parts]
    return numbers[1], numbers[3]


def sign(path, enclavehash, flags=4, flagmask=ALL & ~2, xfrm=3, xfrmmask=ALL & ~0xe4, misc=0,
         miscmask=0xffffffff, prodid=0, svn=0, vendor=0, date=0x20240101, family=bytes(16), extprod=bytes(16)):
    n, d = key_of(path)
    s = bytearray(1808)
    s[0:16], s[24:40] = HEADER, HEADER2
    struct.pack_into("<II", s, 16, vendor, date)
    s[128:512] = n.to_bytes(384, "little")
    struct.pack_into("<I", s, 512, 3)
    struct.pack_into("<II", s, 900, misc, miscmask)
    s[912:928] = family
    struct.pack_into("<4Q", s, 928, flags, xfrm, flagmask, xfrmmask)
    s[960:992] = enclavehash
    s[1008:1024] = extprod
    struct.pack_into("<HH", s, 1024, prodid, svn)
    digest = hashlib.sha256(s[0:128] + s[900:1028]).digest()
    padding = b"\xff" * (384 - 3 - len(DIGEST_INFO) - len(digest))
    sig = pow(int.from_bytes(b"\0\x01" + padding + b"\0" + DIGEST_INFO + digest, "big"), d, n)
    q1 = sig * sig // n
    q2 = (sig ** 3 - q1 * sig * n) // n
    for at, value in ((516, sig), (1040, q1), (1424, q2)):
        s[at:at + 384] = value.to_bytes(384, "little")
    return bytes(s)


def number(text):
    return int(text, 0)


NUMBERS = ("flags", "flagmask", "xfrm", "xfrmmask", "misc", "miscmask", "prodid", "svn", "vendor", "date")
BYTES = ("family", "extprod")


def add_options(p):
    for name in NUMBERS:
        p.add_argument("--" + name, type=number)
    for name in BYTES:
        p.add_argument("--" + name, type=bytes.fromhex, metavar="HEX")


def options(o):
    return {n: getattr(o, n) for n in NUMBERS + BYTES if getattr(o, n) is not None}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--key", required=True, metavar="PEM")
    p.add_argument("--hash", required=True, type=bytes.fromhex, metavar="HEX", help="MRENCLAVE")
    add_options(p)
    o = p.parse_args()
    with open(o.output, "wb") as f:
        f.write(sign(o.key, o.hash, **options(o)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
