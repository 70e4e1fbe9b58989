#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on MRENCLAVE of enclaves of the Intel SGX SDK.

Written from the description of the format and from the manual, not from the C code.  It believes its input;
hostile files are the business of other tests.

Prints the hash; with --pages one line per run of pages, with --blocks one per metadata block.

Authority: Intel SGX SDK for Linux, metadata.h, loader.cpp, elfparser.cpp; Intel SDM Vol. 3D.
"""
import argparse
import struct
import sys

sys.dont_write_bytecode = True
from mrenclave import PAGE, REG, TCS, Elf, Enclave, Run, mrenclave, rights, show  # noqa: E402

MAGIC = struct.pack("<Q", 0x86A80294635D0E4C)
EADD, EEXTEND = 1, 2


def down(n):
    return n // PAGE * PAGE


def up(n):
    return down(n + PAGE - 1)


class Block:
    def __init__(self, data, at):
        self.at = at
        self.minor, self.major, self.size = struct.unpack_from("<III", data, at + 8)
        self.data = data[at:at + self.size]
        self.ssaframesize, = struct.unpack_from("<I", self.data, 24)
        self.enclave_size, = struct.unpack_from("<Q", self.data, 40)

    def part(self, at):
        offset, size = struct.unpack_from("<II", self.data, at)
        return self.data[offset:offset + size]

    @property
    def version(self):
        return f"{self.major}.{self.minor}"

    @property
    def later(self):
        """Has it the two directories that came with SDK 2.24?"""
        return (self.major % 10, self.minor) in ((1, 5),) or (self.major % 10 == 3 and self.minor >= 2)


def blocks(data):
    elf = Elf(data)
    at = None
    for i in range(elf.shnum):
        name, kind, _, _, offset, size = struct.unpack_from("<IIQQQQ", data, elf.shoff + 64 * i)
        if kind == 7 and data[offset + 12:offset + 25] == b"sgx_metadata\0":
            at = offset + 25
    if at is None:
        at = data.index(b"sgx_metadata\0" + MAGIC) + 13
    out = []
    while data[at:at + 8] == MAGIC:
        out.append(Block(data, at))
        at += out[-1].size
    return out


def choose(all_blocks, wish):
    if wish and "." in wish:
        return next(b for b in all_blocks if b.version == wish)
    most = int(wish or 1)
    fit = [b for b in all_blocks if b.major % 10 <= most]
    return max(fit, key=lambda b: (b.major % 10, b.major, b.minor)) if fit else \
        min(all_blocks, key=lambda b: (b.major % 10, -b.major, -b.minor))


def relocated_pages(data, elf):
    """Pages that text relocations write to."""
    tags = {}
    for p in elf.phdrs:
        if p[0] == 2:
            at = p[2]
            while (tag := struct.unpack_from("<Q", data, at)[0]) != 0:
                tags[tag] = struct.unpack_from("<Q", data, at + 8)[0]
                at += 16
            break
    pages = set()
    if 22 not in tags:
        return pages
    for table, size in ((7, 8), (23, 2)):
        address = tags.get(table, 0)
        offset = next((off + address - vaddr for _, off, vaddr, filesz, _ in elf.loads
                       if vaddr <= address <= vaddr + filesz), 0)
        for i in range(tags.get(size, 0) // 24):
            where, info = struct.unpack_from("<QQ", data, offset + 24 * i)
            if info & 0xffffffff:
                pages |= {where // PAGE, (where + 7) // PAGE}
    return pages


def segment(data, load, writable, base):
    flags, offset, vaddr, filesz, memsz = load
    content = bytes(vaddr % PAGE) + data[offset:offset + filesz]
    first = down(vaddr)
    si = REG | rights(flags)
    for at in range(0, up(vaddr + memsz) - first, PAGE):
        page = content[at:at + PAGE]
        marked = page and (first + at) // PAGE in writable
        yield Run(base + first + at, page, 1, si | 2 if marked else si, True, "segment")


def segments(data, elf, block, writable, base):
    runs = []
    highest = None
    quirk = (block.major, block.minor) == (1, 3)

    def extra(load, following):
        _, _, vaddr, _, memsz = load
        end = up(vaddr + memsz)
        if end < up(up(memsz) + vaddr) and (following is None or end < down(following[2])):
            runs.append(Run(base + end, None, 1, REG | rights(load[0]), True, "extra"))

    for load in elf.loads:
        if quirk and highest:
            extra(highest, load)
        if load[2] > (highest[2] if highest else 0):
            highest = load
        runs += segment(data, load, writable, base)
    if quirk and highest:
        extra(highest, None)
    return runs


def entry_runs(block, e, delta, base):
    _, attributes, pages, rva, size, content, flags = e
    rva += delta
    measured = bool(attributes & EEXTEND)
    if not attributes & EADD or not pages:
        return []
    if content and flags == TCS:
        page = bytearray(block.data[content:content + size].ljust(72, b"\0"))
        for at in (16, 48, 56):
            value = (struct.unpack_from("<Q", page, at)[0] + rva) % 2**64
            struct.pack_into("<Q", page, at, value)
        return [Run(base + rva + i * PAGE, bytes(page), 1, flags, measured, "tcs") for i in range(pages)]
    if content:
        return [Run(base + rva, block.data[content:content + size], pages, flags, True, "content")]
    if not flags:
        return []
    if size and measured:
        return [Run(base + rva, struct.pack("<I", size) * (PAGE // 4 * pages), pages, flags, True, "filled")]
    return [Run(base + rva, None, pages, flags, measured, "zeros")]


def layout_runs(block, base):
    table = block.part(0x758)
    entries = [struct.unpack_from("<HHIQIIQ", table, at) for at in range(0, len(table), 32)]
    runs = []
    for i, e in enumerate(entries):
        if not e[0] & 0x1000:
            runs += entry_runs(block, e, 0, base)
            continue
        _, count, times, step = e[:4]
        for j in range(1, times + 1):
            for member in entries[i - count:i]:
                runs += entry_runs(block, member, j * step, base)
    return runs


def enclave(data, wish=None):
    block = choose(blocks(data), wish)
    size, base = block.enclave_size, 0
    if block.major > 10:
        image, start, size = struct.unpack("<QQQ", block.part(0x760))
        base = image - start
    elf = Elf(data)
    writable = relocated_pages(data, elf)
    second = None
    if block.later:
        extensions = block.part(0x768)
        for at in range(0, len(extensions), 16):
            ident, _, where, _ = struct.unpack_from("<4I", extensions, at)
            if ident == 0x1002:
                second = struct.unpack_from("<QQQ", block.data, where)
    patched = bytearray(data)
    patches = block.part(0x750)
    for at in range(0, len(patches), 32):
        dst, src, count = struct.unpack_from("<QII", patches, at)
        patched[dst:dst + count] = block.data[src:src + count]
    patched = bytes(patched)
    runs = segments(patched, elf, block, writable, base)
    if second:
        at, where, count = second
        other = data[at:at + count]
        runs += [r for load in Elf(other).loads for r in segment(patched[at:at + count], load, set(), base + where)]
    runs += layout_runs(block, base)
    return Enclave("sdk", size, block.ssaframesize, runs)


def measure(data, wish=None):
    return mrenclave(enclave(data, wish))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("image")
    p.add_argument("--block", help="1, 2, 3: the newest that such a run-time takes; or MAJOR.MINOR")
    p.add_argument("--pages", action="store_true", help="print the runs of pages too")
    p.add_argument("--blocks", action="store_true", help="print the metadata blocks too")
    o = p.parse_args()
    with open(o.image, "rb") as f:
        data = f.read()
    if o.blocks:
        for b in blocks(data):
            print(f"{b.version} 0x{b.at:x} 0x{b.size:x}")
    found = enclave(data, o.block)
    if o.pages:
        show(found)
    print(mrenclave(found))


if __name__ == "__main__":
    main()
