#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on SIGSTRUCT: checks constants, the RSA signature, Q1 and Q2 with plain integers.

Prints MRSIGNER and exits 0, or "refused: FIELD" and exits 1.  Shares nothing with the C code.

Authority: Intel SDM Vol. 3D, SIGSTRUCT; RFC 8017, EMSA-PKCS1-v1_5.
"""
import hashlib
import struct
import sys

BYTES = 1808
HEADER = bytes.fromhex("06000000e10000000000010000000000")
HEADER2 = bytes.fromhex("01010000600000006000000001000000")
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
RESERVED = [("reserved1", 44, 84), ("reserved2", 910, 2), ("reserved3", 992, 16), ("reserved4", 1028, 12)]


def refused(s):
    """The name of the first field that is wrong, or None."""
    if len(s) != BYTES:
        return "length"
    if s[0:16] != HEADER:
        return "header"
    if s[24:40] != HEADER2:
        return "header2"
    if struct.unpack_from("<I", s, 16)[0] not in (0, 0x8086):
        return "vendor"
    if struct.unpack_from("<I", s, 512)[0] != 3:
        return "exponent"
    for name, off, size in RESERVED:
        if any(s[off:off + size]):
            return name

    n, sig, q1, q2 = (int.from_bytes(s[o:o + 384], "little") for o in (128, 516, 1040, 1424))
    if n == 0:
        return "modulus"
    if sig >= n:
        return "signature"
    digest = hashlib.sha256(s[0:128] + s[900:1028]).digest()
    padding = b"\xff" * (384 - 3 - len(DIGEST_INFO) - len(digest))
    encoded = b"\x00\x01" + padding + b"\x00" + DIGEST_INFO + digest
    if pow(sig, 3, n) != int.from_bytes(encoded, "big"):
        return "signature"
    # the processor's way: no division, only products and range checks
    r1 = sig * sig - q1 * n
    if not 0 <= r1 < n:
        return "q1"
    if r1 * sig - q2 * n != int.from_bytes(encoded, "big"):
        return "q2"
    return None


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: sigstruct.py FILE")
    with open(sys.argv[1], "rb") as f:
        s = f.read()
    why = refused(s)
    if why:
        print("refused:", why)
        return 1
    print(hashlib.sha256(s[128:512]).hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main())
