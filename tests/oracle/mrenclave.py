#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on MRENCLAVE, for the image formats 'sgxctl' and 'kernel'.

Written from the manual and from the description of the formats, not from the C code: it shares
nothing with it and parses ELF by itself.  It believes its input; hostile files are the business
of other tests.

Prints the hash, or with --pages one line per run of pages.

Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND, EINIT; sgxctl-enclave(7);
           Linux 6.1 tools/testing/selftests/sgx.
"""
import argparse
import array
import hashlib
import struct
import sys
from dataclasses import dataclass

PAGE = 4096
TCS, REG = 0x100, 0x200


@dataclass
class Run:
    offset: int
    data: bytes | None  # None: zeros
    pages: int
    flags: int
    measured: bool
    what: str

    def page(self, i):
        if self.data is None:
            return bytes(PAGE)
        return self.data[i * PAGE:(i + 1) * PAGE].ljust(PAGE, b"\0")


@dataclass
class Enclave:
    format: str
    size: int
    ssaframesize: int
    runs: list


def up(n):
    return -(-n // PAGE) * PAGE


def power_of_two(n, least):
    size = least
    while size < n:
        size *= 2
    return size


def rights(p_flags):
    return (1 if p_flags & 4 else 0) | (2 if p_flags & 2 else 0) | (4 if p_flags & 1 else 0)


class Elf:
    def __init__(self, data):
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01":
            sys.exit("not a 64-bit little-endian ELF file")
        (self.entry, self.phoff, self.shoff) = struct.unpack_from("<3Q", data, 24)
        self.phnum, _, self.shnum = struct.unpack_from("<3H", data, 56)
        self.phdrs = [struct.unpack_from("<IIQQQQQQ", data, self.phoff + 56 * i) for i in range(self.phnum)]
        # (flags, offset, vaddr, filesz, memsz)
        self.loads = [(p[1], p[2], p[3], p[5], p[6]) for p in self.phdrs if p[0] == 1 and p[6]]

    def note_areas(self):
        for p in self.phdrs:
            if p[0] == 4:
                yield p[2], p[5]
        for i in range(self.shnum):
            s = struct.unpack_from("<IIQQQQIIQQ", self.data, self.shoff + 64 * i)
            if s[1] == 7:
                yield s[4], s[5]

    def note(self, name, kind):
        for at, size in self.note_areas():
            end = at + size
            while at + 12 <= end:
                namesz, descsz, ntype = struct.unpack_from("<3I", self.data, at)
                name_at = at + 12
                desc_at = name_at + -(-namesz // 4) * 4
                if ntype == kind and self.data[name_at:name_at + namesz] == name + b"\0":
                    return self.data[desc_at:desc_at + descsz]
                at = desc_at + -(-descsz // 4) * 4
        return None


def sgxctl(elf, heap_option, reserve_option):
    (version, _flags, frame_pages, nssa, ntcs, _misc, _attributes, _xfrm, stack, heap, reserve, size,
     reserve_off, _dyn) = struct.unpack("<6I8Q", elf.note(b"sgxctl", 1))
    if version != 1:
        sys.exit("unknown version of the note")
    heap = heap if heap_option is None else heap_option
    reserve = reserve if reserve_option is None else reserve_option

    runs = []
    here = 0
    for flags, offset, vaddr, filesz, memsz in elf.loads:
        lead = vaddr % PAGE
        content = bytes(lead) + elf.data[offset:offset + filesz]
        pages = up(lead + memsz) // PAGE
        runs.append(Run(vaddr - lead, content, pages, REG | rights(flags), True, "segment"))
        here = up(vaddr + memsz)

    threads = []
    for index in range(ntcs):
        here += PAGE
        entry_stack, here = here, here + stack
        here += PAGE
        handler_stack, here = here, here + stack
        here += PAGE
        tcs, here = here, here + PAGE
        ssa, here = here, here + nssa * frame_pages * PAGE
        tls, here = here, here + PAGE
        threads.append((index, entry_stack, handler_stack, tcs, ssa, tls))
    heap_at = here
    reserve_at = reserve_off or heap_at + heap
    if not size:
        size = power_of_two(reserve_at + reserve, 8192)

    for index, entry_stack, handler_stack, tcs, ssa, tls in threads:
        tcs_bytes = struct.pack("<QQQIIQQQQII", 0, 0, ssa, 0, nssa, elf.entry, 0, tls, tls,
                                0xffffffff, 0xffffffff)
        tls_bytes = struct.pack("<14Q", tls, tcs, entry_stack + stack, stack, ssa, nssa, frame_pages * PAGE,
                                heap_at, heap, reserve_at, reserve, size, index, handler_stack + stack)
        runs += [
            Run(entry_stack, None, stack // PAGE, REG | 3, True, "stack"),
            Run(handler_stack, None, stack // PAGE, REG | 3, True, "handler stack"),
            Run(tcs, tcs_bytes, 1, TCS, True, "tcs"),
            Run(ssa, None, nssa * frame_pages, REG | 3, True, "ssa"),
            Run(tls, tls_bytes, 1, REG | 3, True, "tls"),
        ]
    runs.append(Run(heap_at, None, heap // PAGE, REG | 3, False, "heap"))
    return Enclave("sgxctl", size, frame_pages, runs)


def kernel(elf, heap_option, reserve_option):
    heap = PAGE if heap_option is None else heap_option
    start = elf.loads[0][1] // PAGE * PAGE
    runs = []
    end = 0
    for i, (flags, offset, _vaddr, filesz, _memsz) in enumerate(elf.loads):
        place = offset // PAGE * PAGE - start
        size = up(filesz)
        content = elf.data[start + place:start + place + size]
        runs.append(Run(place, content, size // PAGE, TCS if i == 0 else REG | rights(flags), True,
                        "segment"))
        end = place + size
    runs.append(Run(end, None, heap // PAGE, REG | 3, False, "heap"))
    return Enclave("kernel", power_of_two(end + heap + (reserve_option or 0), 8192), 1, runs)


def add_records(h, run, batch=1 << 16):
    """EADD records alone, many at a time: heaps have millions of pages."""
    empty = array.array("Q", b"EADD\0\0\0\0" + struct.pack("<QQ", 0, run.flags) + bytes(40))
    for first in range(0, run.pages, batch):
        n = min(batch, run.pages - first)
        records = empty * n
        start = run.offset + first * PAGE
        records[1::8] = array.array("Q", range(start, start + n * PAGE, PAGE))
        h.update(records)


def measured_page(run, i):
    page = run.page(i)
    if run.flags & 0xff00 == TCS:
        # EADD clears STATE, DBGOPTIN, CSSA and AEP before anything is measured
        state_flags = struct.pack("<QQ", 0, struct.unpack_from("<Q", page, 8)[0] & ~1)
        page = state_flags + page[16:24] + bytes(4) + page[28:40] + bytes(8) + page[48:]
    return page


def mrenclave(enclave):
    h = hashlib.sha256()
    h.update(b"ECREATE\0" + struct.pack("<IQ", enclave.ssaframesize, enclave.size) + bytes(44))
    for run in enclave.runs:
        if not run.measured:
            add_records(h, run)
            continue
        for i in range(run.pages):
            offset = run.offset + i * PAGE
            h.update(b"EADD\0\0\0\0" + struct.pack("<QQ", offset, run.flags) + bytes(40))
            page = measured_page(run, i)
            for chunk in range(0, PAGE, 256):
                h.update(b"EEXTEND\0" + struct.pack("<Q", offset + chunk) + bytes(48))
                h.update(page[chunk:chunk + 256])
    return h.hexdigest()


def show(enclave):
    print(f"{enclave.format} size 0x{enclave.size:x} ssaframesize {enclave.ssaframesize}")
    for r in enclave.runs:
        measured = "measured" if r.measured else "-"
        print(f"0x{r.offset:08x} {r.pages:6} 0x{r.flags:03x} {measured:8} {r.what}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("image")
    p.add_argument("--format", choices=["sgxctl", "kernel"], help="default: sgxctl when there is a note")
    p.add_argument("--heap", type=lambda s: int(s, 0), help="heap bytes instead of the image's")
    p.add_argument("--reserve", type=lambda s: int(s, 0), help="reserved bytes instead of the image's")
    p.add_argument("--pages", action="store_true", help="print the runs of pages too")
    o = p.parse_args()
    with open(o.image, "rb") as f:
        elf = Elf(f.read())
    name = o.format or ("sgxctl" if elf.note(b"sgxctl", 1) is not None else "kernel")
    enclave = (sgxctl if name == "sgxctl" else kernel)(elf, o.heap, o.reserve)
    if o.pages:
        show(enclave)
    print(mrenclave(enclave))


if __name__ == "__main__":
    main()
