#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on SGXS streams and raw blobs: is the stream canonical, and what is its MRENCLAVE?

Written from the description of the format and from the manual, not from the C code.  The stream is
read record by record, so its size does not matter.

Prints the hash; with --plain what SHA-256 of the hashed records is, without what EADD does to a TCS.
Exit status 1 and a word on standard error when the stream is not canonical.

Authority: Fortanix' description of SGXS and its enhanced form; Intel SDM Vol. 3D, ECREATE, EADD,
           EEXTEND, EINIT.
"""
import argparse
import hashlib
import struct
import sys

PAGE, CHUNK = 4096, 256


class Refused(Exception):
    pass


def demand(condition, at, why):
    if not condition:
        raise Refused(f"byte 0x{at:x}: {why}")


def records(f):
    """(offset in the file, header, data or None)"""
    at = 0
    while head := f.read(64):
        demand(len(head) == 64, at, "cut short in a header")
        data = None
        if head[:8] in (b"EEXTEND\0", b"UNMEASRD"):
            data = f.read(CHUNK)
            demand(len(data) == CHUNK, at + 64, "cut short in data")
        yield at, head, data
        at += 64 + len(data or b"")


def after_eadd(chunk_no, data):
    """The first 256 bytes of a TCS as EEXTEND sees them: STATE, DBGOPTIN, CSSA and AEP are clear."""
    if chunk_no:
        return data
    flags = struct.unpack_from("<Q", data, 8)[0] & ~1
    return struct.pack("<QQ", 0, flags) + data[16:24] + bytes(4) + data[28:40] + bytes(8) + data[48:]


def measure(f, plain, fit):
    stream = records(f)
    at, head, _ = next(stream, (0, b"", None))
    unsized = head[:8] == b"UNSIZED\0"
    demand(head[:8] == b"ECREATE\0" or unsized, at, "not ECREATE or UNSIZED")
    demand(not any(head[20:]), at, "bytes after SIZE")
    ssa, size = struct.unpack_from("<IQ", head, 8)
    if unsized:
        demand(fit is not None, at, "the size is open")
        head = b"ECREATE\0" + struct.pack("<IQ", ssa, fit) + bytes(44)
    h = hashlib.sha256(head)
    patched = None if not unsized else size
    page = last = None
    seen = set()
    for at, head, data in stream:
        offset = struct.unpack_from("<Q", head, 8)[0]
        if head[:8] == b"EADD\0\0\0\0":
            flags = struct.unpack_from("<Q", head, 16)[0]
            demand(offset % PAGE == 0, at, "page offset")
            demand(last is None or offset > last, at, "pages do not ascend")
            demand(not any(head[24:]), at, "SECINFO")
            demand(flags & 0xff00 != 0x100 or not flags & 7, at, "a TCS has rights")
            page = last = offset
            seen = set()
            h.update(head)
            continue
        demand(data is not None, at, "unknown record")
        demand(page is not None and page <= offset < page + PAGE and offset % CHUNK == 0, at, "chunk offset")
        demand(offset not in seen, at, "chunk twice")
        demand(not any(head[16:]), at, "bytes after the offset")
        seen.add(offset)
        if patched is not None and offset <= patched < offset + CHUNK:
            data = data[:patched - offset] + struct.pack("<Q", fit) + data[patched - offset + 8:]
        if head[:8] == b"EEXTEND\0":
            if not plain and flags & 0xff00 == 0x100:
                data = after_eadd((offset - page) // CHUNK, data)
            h.update(head + data)
    return h.hexdigest()


def raw(data, kinds):
    """A blob: one kind per page, the last one for the rest."""
    flags = {"tcs": 0x100, "r": 0x201, "rw": 0x203, "rx": 0x205, "rwx": 0x207}
    size = 8192
    while size < len(data):
        size *= 2
    h = hashlib.sha256(b"ECREATE\0" + struct.pack("<IQ", 1, size) + bytes(44))
    for i in range(len(data) // PAGE):
        kind = kinds[min(i, len(kinds) - 1)]
        page = data[i * PAGE:(i + 1) * PAGE]
        h.update(b"EADD\0\0\0\0" + struct.pack("<QQ", i * PAGE, flags[kind]) + bytes(40))
        for c in range(16):
            chunk = page[c * CHUNK:(c + 1) * CHUNK]
            h.update(b"EEXTEND\0" + struct.pack("<Q", i * PAGE + c * CHUNK) + bytes(48))
            h.update(after_eadd(c, chunk) if kind == "tcs" else chunk)
    return h.hexdigest()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stream")
    p.add_argument("--plain", action="store_true")
    p.add_argument("--size", type=lambda s: int(s, 0), help="SIZE of an UNSIZED stream")
    p.add_argument("--raw", metavar="KIND,...", help="the file is a blob of such pages")
    o = p.parse_args()
    with open(o.stream, "rb") as f:
        try:
            print(raw(f.read(), o.raw.split(",")) if o.raw else measure(f, o.plain, o.size))
        except Refused as why:
            sys.exit(f"{o.stream}: {why}")


if __name__ == "__main__":
    main()
