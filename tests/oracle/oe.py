#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on MRENCLAVE of Open Enclave images.

Written from the description of the format, not from the C code, which it shares nothing with: it
builds the loader's whole image in memory and believes its input.

Prints the hash; with --release another release's than the newest that has the file's structure, with
--steps what the hash would be after each part, with --any the first release that gives the
ENCLAVEHASH in the file.

Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND; Open Enclave SDK.
"""
import argparse
import hashlib
import struct
import sys

PAGE = 4096
# size of the structure: (offset of SIGSTRUCT, of the attributes, of flags, of the start address)
STRUCTURES = {1960: (144, 72, 36, 88), 1952: (136, 72, None, None), 1920: (104, 40, None, None)}
# what a release does, newest first
RELEASES = {
    "0.17.1": {"size": 1960, "plt": True},
    "0.16": {"size": 1952, "plt": True},
    "0.13": {"size": 1952, "header": True},
    "0.11": {"size": 1920, "header": True},
    "0.10": {"size": 1920, "header": True, "symtab": True, "one_tls": True},
    "0.7": {"size": 1920, "header": True, "symtab": True, "one_tls": True, "end": True},
    "0.6": {"size": 1920, "header": True, "symtab": True, "one_tls": True, "end": True, "gs": True},
}


def up(n, to=PAGE):
    return -(-n // to) * to


class Elf:
    def __init__(self, data):
        self.data = data
        self.entry, phoff, shoff = struct.unpack_from("<3Q", data, 24)
        phnum, _, shnum, shstrndx = struct.unpack_from("<4H", data, 56)
        self.phdrs = [struct.unpack_from("<IIQQQQQQ", data, phoff + 56 * i) for i in range(phnum)]
        heads = [struct.unpack_from("<IIQQQQIIQQ", data, shoff + 64 * i) for i in range(shnum)]
        names = heads[shstrndx][4]
        self.heads = heads
        self.sections = {}
        for h in heads:
            self.sections.setdefault(self.string(names + h[0]), h)

    def string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def bytes(self, name):
        h = self.sections.get(name)
        return self.data[h[4]:h[4] + h[5]] if h else None

    def symbols(self, section):
        h = self.sections[section]
        table = self.data[h[4]:h[4] + h[5]]
        names = self.heads[h[6]][4]
        return [(self.string(names + name), value)
                for name, _, _, _, value, _ in struct.iter_unpack("<IBBHQQ", table)]


class Measurement:
    def __init__(self, size, steps):
        self.hash = hashlib.sha256(b"ECREATE\0" + struct.pack("<IQ", 1, size) + bytes(44))
        self.steps = steps
        self.bias = 0
        self.step("ecreate")

    def step(self, name):
        if self.steps:
            print(f"{name:12} {self.hash.hexdigest()}")

    def add(self, offset, flags, page, measured=True):
        offset += self.bias
        self.hash.update(b"EADD\0\0\0\0" + struct.pack("<QQ", offset, flags) + bytes(40))
        if measured:
            for c in range(0, PAGE, 256):
                self.hash.update(b"EEXTEND\0" + struct.pack("<Q", offset + c) + bytes(48) + page[c:c + 256])


def relocations(elf, plt):
    table = elf.bytes(".rela.dyn")
    if table is None:
        return b""
    if plt:
        table += elf.bytes(".rela.plt") or b""
    values = [v for _, v in elf.symbols(".dynsym")]
    out = b""
    for offset, info, addend in struct.iter_unpack("<QQq", table):
        if info & 0xffffffff == 18:
            addend = struct.unpack("<q", struct.pack("<Q", values[info >> 32]))[0]
        out += struct.pack("<QQq", offset, info, addend)
    return out.ljust(up(len(out)), b"\0")


def mrenclave(elf, release, section_align=False, steps=False):
    r = RELEASES[release]
    sig_at, attributes_at, flags_at, start_at = STRUCTURES[r["size"]]
    oeinfo = elf.sections[".oeinfo"]
    rva = oeinfo[3]
    info = elf.bytes(".oeinfo")
    heap, stack, ntcs = struct.unpack_from("<3Q", info, 8)
    flags = struct.unpack_from("<I", info, flags_at)[0] if flags_at else 0
    start = struct.unpack_from("<Q", info, start_at)[0] if flags & 2 and start_at else 0

    loads = [p for p in elf.phdrs if p[0] == 1 and p[6]]
    image = bytearray(up(max(p[3] + p[6] for p in loads)))
    for _, _, offset, vaddr, _, filesz, _, _ in loads:
        image[vaddr:vaddr + filesz] = elf.data[offset:offset + filesz]
    rel = relocations(elf, r.get("plt"))

    tdata, tbss = elf.sections.get(".tdata"), elf.sections.get(".tbss")
    tls_bytes, patches = 0, {}
    if tdata and tdata[5]:
        align = tdata[8]
        for p in elf.phdrs:
            if p[0] == 7 and p[3] == tdata[3] and not section_align:
                align = p[7]
        tls_bytes += up(tdata[5], align or 1)
        patches |= {"_tdata_rva": tdata[3], "_tdata_size": tdata[5], "_tdata_align": align}
    if tbss and tbss[5]:
        tls_bytes += up(tbss[5], tbss[8] or 1)
        patches |= {"_tbss_size": tbss[5], "_tbss_align": tbss[8]}
    tls = 1 if r.get("one_tls") else up(tls_bytes) // PAGE
    if not r.get("one_tls"):
        patches["_td_from_tcs_offset"] = (tls + 4) * PAGE

    end = len(image) + len(rel) + PAGE * (heap + ntcs * (stack + 2 + tls + 5))
    size = PAGE * 2
    while size < end:
        size *= 2
    elrange = size
    while elrange < end + start:
        elrange *= 2

    if r.get("header") and image[:4] == b"\x7fELF":
        struct.pack_into("<Q", image, 40, 0)
        struct.pack_into("<2H", image, 60, 0, 0)
    struct.pack_into("<6Q", image, rva + sig_at - 48, rva, r["size"], len(image), len(rel),
                     len(image) + len(rel), end if r.get("end") else size)
    patches |= {"_reloc_rva": len(image), "_reloc_size": len(rel)}
    done = set()
    for name, value in elf.symbols(".symtab" if r.get("symtab") else ".dynsym"):
        if name == "_enclave_rva" and name not in done:
            struct.pack_into("<Q", image, value, value)
        elif name in patches and name not in done:
            struct.pack_into("<Q", image, value, patches[name])
        done.add(name)
    if not {"_enclave_rva", "_reloc_rva", "_reloc_size"} <= done:
        return None
    image[rva + sig_at:rva + sig_at + 1808] = bytes(1808)

    m = Measurement(elrange, steps)
    m.bias = start
    for _, p_flags, _, vaddr, _, _, memsz, _ in loads:
        rights = (p_flags >> 2 & 1) | (p_flags & 2) | (p_flags & 1) << 2
        for at in range(vaddr // PAGE * PAGE, vaddr + memsz, PAGE):
            m.add(at, 0x200 | rights, image[at:at + PAGE])
        m.step(f"load {vaddr:#x}")
    here = len(image)
    for at in range(0, len(rel), PAGE):
        m.add(here + at, 0x201, rel[at:at + PAGE])
    m.step("relocations")
    here += len(rel)
    for _ in range(heap):
        m.add(here, 0x203, None, False)
        here += PAGE
    m.step("heap")
    zero = bytes(PAGE)
    for _ in range(ntcs):
        here += PAGE
        for _ in range(stack):
            m.add(here, 0x203, b"\xcc" * PAGE)
            here += PAGE
        m.step("stack")
        here += PAGE
        fs = start + here + (tls + 4) * PAGE
        tcs = struct.pack("<QQQIIQQQQII", 0, 0, start + here + PAGE, 0, 2, start + elf.entry, 0, fs,
                          fs - (PAGE if r.get("gs") else 0), 0xffffffff, 0xffffffff)
        m.add(here, 0x100, tcs.ljust(PAGE, b"\0"))
        m.step("tcs")
        m.add(here + PAGE, 0x203, zero)
        m.add(here + 2 * PAGE, 0x203, zero)
        m.step("ssa")
        here += 4 * PAGE
        for _ in range(tls + 1):
            m.add(here, 0x203, zero)
            here += PAGE
        m.step("thread")
    return m.hash.hexdigest()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("image")
    p.add_argument("--release", choices=list(RELEASES))
    p.add_argument("--section-align", action="store_true", help=".tdata is aligned as its section says")
    p.add_argument("--any", action="store_true")
    p.add_argument("--steps", action="store_true")
    o = p.parse_args()
    with open(o.image, "rb") as f:
        elf = Elf(f.read())
    size = struct.unpack_from("<I", elf.bytes(".oeinfo"))[0]
    fitting = [r for r, what in RELEASES.items() if what["size"] == size]
    if o.any:
        at = STRUCTURES[size][0] + 960
        wanted = elf.bytes(".oeinfo")[at:at + 32].hex()
        for release in fitting:
            for align in (False, True):
                if mrenclave(elf, release, align) == wanted:
                    print(wanted)
                    return 0
        return 1
    print(mrenclave(elf, o.release or fitting[0], o.section_align, o.steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
