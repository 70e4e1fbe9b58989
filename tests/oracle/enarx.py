#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on MRENCLAVE of an Enarx keep: a shim, and the program in its slot.

Written from the description of the format and from the manual, not from the C code.  It believes its
input; hostile files are the business of other tests.

Authority: what Enarx' loader does (crates sallyport and enarx, binary.rs and backend/sgx); Intel SDM
           Vol. 3D, ECREATE, EADD, EEXTEND, EINIT.
"""
import argparse
import hashlib
import struct

PAGE = 4096


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    phoff, = struct.unpack_from("<Q", data, 32)
    phnum, = struct.unpack_from("<H", data, 56)
    fields = ("type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align")
    return data, [dict(zip(fields, struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i)))
                  for i in range(phnum)]


def notes(data, headers):
    out = {}
    for ph in headers:
        at, end = ph["offset"], ph["offset"] + ph["filesz"]
        while ph["type"] == 4 and at + 12 <= end:
            namesz, descsz, kind = struct.unpack_from("<3I", data, at)
            name = data[at + 12:at + 12 + namesz]
            desc = at + 12 + (namesz + 3) // 4 * 4
            if name == b"sallyport\0":
                out.setdefault(kind, data[desc:desc + descsz])
            at = desc + (descsz + 3) // 4 * 4
    return out


def pages(data, headers, base):
    for ph in headers:
        if ph["type"] != 1:
            continue
        align = max(ph["align"], PAGE)
        start = ph["vaddr"] // align * align
        end = (ph["vaddr"] + ph["memsz"] + PAGE - 1) // PAGE * PAGE
        body = bytearray(end - start)
        body[ph["vaddr"] - start:ph["vaddr"] - start + ph["filesz"]] = \
            data[ph["offset"]:ph["offset"] + ph["filesz"]]
        p_flags = ph["flags"]
        if p_flags >> 20 & 1:
            flags = 0x100
        else:
            flags = 0x200 | (p_flags >> 2 & 1) | (p_flags & 2) | (p_flags & 1) << 2
        for at in range(0, len(body), PAGE):
            yield base + start + at, flags, not p_flags >> 21 & 1, bytes(body[at:at + PAGE])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shim")
    p.add_argument("exec")
    o = p.parse_args()
    shim, shim_headers = read(o.shim)
    prog, prog_headers = read(o.exec)
    slot = next(ph["vaddr"] for ph in shim_headers if ph["type"] == 0x63400000)
    said = notes(shim, shim_headers)
    h = hashlib.sha256(b"ECREATE\0" + struct.pack("<IQ", said[0x73677801][0], 1 << said[0x73677800][0]) +
                       bytes(44))
    for body in (pages(shim, shim_headers, 0), pages(prog, prog_headers, slot)):
        for offset, flags, measured, page in body:
            h.update(b"EADD\0\0\0\0" + struct.pack("<QQ", offset, flags) + bytes(40))
            if flags == 0x100:  # as EADD leaves it: STATE, DBGOPTIN, CSSA, AEP
                page = bytes(8) + bytes([page[8] & 0xfe]) + page[9:24] + bytes(4) + page[28:40] + bytes(8) + \
                    page[48:]
            for at in range(0, PAGE if measured else 0, 256):
                h.update(b"EEXTEND\0" + struct.pack("<Q", offset + at) + bytes(48) + page[at:at + 256])
    print(h.hexdigest())


if __name__ == "__main__":
    main()
