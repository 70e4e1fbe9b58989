#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes SGXS streams, valid and hostile ones, and raw blobs.

A stream is written record by record, in the order of the -r options:

    ecreate:SSAFRAMESIZE:SIZE        the first record of a stream
    unsized:SSAFRAMESIZE:OFFSET      its form for a size that is still open
    eadd:OFFSET:FLAGS                a page without contents
    eextend:OFFSET[:SEED]            256 measured bytes
    unmeasrd:OFFSET[:SEED]           256 bytes that are loaded only
    page:OFFSET:FLAGS[:SEED]         eadd and 16 eextends
    data:OFFSET:FLAGS[:SEED]         eadd and 16 unmeasrds
    zeros:OFFSET:FLAGS:PAGES         pages of measured zeros
    tcs:OFFSET:OSSA:NSSA:OENTRY:BASE the page of a TCS; BASE is that of FS and GS
    code:OFFSET:FLAGS                a page that leaves the enclave at once (EEXIT)
    heap:OFFSET:FLAGS:PAGES          eadds only

SEED chooses the bytes; without one they are zero.  Without -r the result is a small enclave that can be
run; with --example one laid out like a stream of the wild, with other contents.  With --raw the TCS and
the pages of the small enclave come as a blob without records.  Numbers are decimal or 0x...
The same options always give the same bytes.
"""
import argparse
import struct
import sys

sys.dont_write_bytecode = True
import mk_elf  # noqa: E402
from mk_elf import LEAVE, PAGE, number  # noqa: E402

CHUNK = 256
TCS, R, RX, RW = 0x100, 0x201, 0x205, 0x203


def pattern(count, seed):
    return mk_elf.pattern(count, seed) if seed else bytes(count)


def header(tag, body):
    return (tag.ljust(8, b"\0") + body).ljust(64, b"\0")


def eadd(offset, flags):
    return header(b"EADD", struct.pack("<QQ", offset, flags))


def chunk(tag, offset, data):
    return header(tag, struct.pack("<Q", offset)) + data


def page(offset, flags, data, tag=b"EEXTEND"):
    return eadd(offset, flags) + b"".join(
        chunk(tag, offset + at, data[at:at + CHUNK]) for at in range(0, PAGE, CHUNK))


def tcs_bytes(ossa, nssa, oentry, base, limit=0xfff):
    return struct.pack("<QQQIIQQQQII", 0, 0, ossa, 0, nssa, oentry, 0, base, base, limit,
                       limit).ljust(PAGE, b"\0")


def record(text):
    kind, *rest = text.split(":")
    n = [number(t) for t in rest]
    seed = lambda i: n[i] if len(n) > i else 0
    make = {
        "ecreate": lambda: header(b"ECREATE", struct.pack("<IQ", *n)),
        "unsized": lambda: header(b"UNSIZED", struct.pack("<IQ", *n)),
        "eadd": lambda: eadd(*n),
        "eextend": lambda: chunk(b"EEXTEND", n[0], pattern(CHUNK, seed(1))),
        "unmeasrd": lambda: chunk(b"UNMEASRD", n[0], pattern(CHUNK, seed(1))),
        "page": lambda: page(n[0], n[1], pattern(PAGE, seed(2))),
        "data": lambda: page(n[0], n[1], pattern(PAGE, seed(2)), b"UNMEASRD"),
        "zeros": lambda: b"".join(page(n[0] + i * PAGE, n[1], bytes(PAGE)) for i in range(n[2])),
        "tcs": lambda: page(n[0], TCS, tcs_bytes(*n[1:])),
        "code": lambda: page(n[0], n[1], LEAVE.ljust(PAGE, b"\xcc")),
        "heap": lambda: b"".join(eadd(n[0] + i * PAGE, n[1]) for i in range(n[2])),
    }.get(kind)
    if make is None:
        sys.exit(f"no such record: {text}")
    return make()


SMALL = ["ecreate:1:0x10000", f"code:0:{RX}", f"page:0x1000:{RW}:7", "tcs:0x2000:0x3000:2:0:0x1000",
         f"zeros:0x3000:{RW}:2", f"heap:0x8000:{RW}:3"]
EXAMPLE = ["ecreate:1:0x40000", f"page:0:{R}:1", f"code:0x1000:{RX}", f"page:0x2000:{RW}:2",
           f"page:0x4000:{R}:3", "tcs:0x15000:0x27000:2:0x1000:0x16000", f"zeros:0x16000:{RW}:1",
           f"zeros:0x27000:{RW}:2", f"zeros:0x39000:{RW}:1"]


def raw(pages):
    """TCS first, then code, data and the two frames of the TCS."""
    out = tcs_bytes(3 * PAGE, 2, PAGE, 2 * PAGE) + LEAVE.ljust(PAGE, b"\xcc") + pattern(PAGE, 9)
    return (out + bytes(2 * PAGE)).ljust(pages * PAGE, b"\0")[:pages * PAGE]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True, help="file to write")
    p.add_argument("-r", "--record", action="append", metavar="RECORD")
    p.add_argument("--example", action="store_true")
    p.add_argument("--raw", type=number, metavar="PAGES", help="a blob of so many pages")
    g = p.add_argument_group("damage, done last and in this order")
    g.add_argument("--patch", action="append", default=[], metavar="OFFSET:WIDTH:VALUE")
    g.add_argument("--truncate", type=number, metavar="BYTES")
    o = p.parse_args()
    if o.raw is not None:
        data = bytearray(raw(o.raw))
    else:
        data = bytearray(b"".join(record(r) for r in o.record or (EXAMPLE if o.example else SMALL)))
    for text in o.patch:
        off, width, value = (number(t) for t in text.split(":"))
        data[off:off + width] = value.to_bytes(width, "little")
    if o.truncate is not None:
        del data[o.truncate:]
    with open(o.output, "wb") as out:
        out.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
