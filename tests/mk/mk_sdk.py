#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes enclaves in the format of the Intel SGX SDK, valid and hostile ones.

Without options: a shared object with a text that begins with the ELF header, data that begin inside a page
2 MiB further on, a .bss, and metadata blocks 2.4, 2.1 and 1.4 at an odd place of the file; one thread.
The code leaves the enclave at once (EEXIT).  With --key all blocks carry a SIGSTRUCT of their MRENCLAVE,
which the oracle of this format works out.

Every option changes one thing; --at, --element, --phdr, --ehdr, --patch and --truncate come last and can
break anything.  The same options always give the same bytes.  Numbers are decimal or 0x...; sizes are
pages where the metadata have pages.
"""
import argparse
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import mk_sigstruct  # noqa: E402
from mk_elf import LEAVE, PAGE, PT_DYNAMIC, PT_LOAD, PT_TLS, R, W, X, damage, number, pattern, up  # noqa: E402

MAGIC = 0x86A80294635D0E4C
EADD, EEXTEND, EREMOVE, POST_ADD, POST_REMOVE, DYN, GROW_DOWN = 1, 2, 4, 8, 16, 32, 64
TCS, RW, GUARD_PAGES = 0x100, 0x203, 16
STACK = 0xCCCCCCCC
DT_NULL, DT_JMPREL, DT_PLTRELSZ, DT_RELA, DT_RELASZ, DT_TEXTREL = 0, 23, 2, 7, 8, 22
SHT_STRTAB, SHT_NOTE, SHT_DYNSYM, SHT_PROGBITS, SHT_NOBITS = 3, 7, 11, 1, 8
SHF_WRITE, SHF_ALLOC, SHF_EXEC = 1, 2, 4

FIELDS = {  # of a layout element: (offset, struct code)
    "id": (0, "H"), "attributes": (2, "H"), "pages": (4, "I"), "rva": (8, "Q"), "size": (16, "I"),
    "content": (20, "I"), "flags": (24, "Q"), "count": (2, "H"), "times": (4, "I"), "step": (8, "Q"),
}


def element(ident, attributes, pages, rva, flags=0, size=0, content=0):
    return struct.pack("<HHIQIIQ", ident, attributes, pages, rva, size, content, flags)


def group(ident, count, times, step):
    return struct.pack("<HHIQ", 0x1000 | ident, count, times, step).ljust(32, b"\0")


class Layout:
    """The layout table of one block.  Places are the same in all blocks of a file, so MRENCLAVE is too."""

    def __init__(self, o, version, end, template):
        self.o, self.template = o, template
        self.old = version[0] == 1 and (version[1] == 3 or o.old_ids)
        self.edmm = version[0] % 10 > 1
        self.at = end
        self.table = b""
        self.content_at = None  # filled in by the block

    def put(self, ident, old_id, attributes, pages, flags=0, size=0, content=0):
        if not self.edmm:
            attributes &= ~(POST_ADD | GROW_DOWN | DYN | EREMOVE)
        self.table += element(old_id if self.old else ident, attributes, pages, self.at, flags, size, content)
        self.at += pages * PAGE

    def guard(self):
        self.put(10, 7, 0, GUARD_PAGES)

    def heap(self):
        low, init, most = self.o.heap
        if self.old:
            self.put(1, 1, EADD, low + init, RW)
        else:
            self.put(1, 1, EADD, low, RW)
            self.put(2, 1, EADD | POST_REMOVE, init, RW)
        if not self.old:
            self.put(3, 1, POST_ADD, most, RW)
        else:
            self.at += most * PAGE

    def thread(self, remove, dynamic):
        o, both = self.o, EADD | EEXTEND | (EREMOVE if remove else 0)
        if dynamic:
            both = POST_ADD | DYN
        ids = (17, 18, 14, 16, 15) if dynamic else (7, 8, 4, 6, 5)
        begin = self.at
        self.guard()
        self.put(ids[0], 5, both, o.stack[0], RW, STACK)
        self.put(ids[1], 5, both, o.stack[1], RW, STACK)
        self.guard()
        self.put(ids[2], 2, both, 1, TCS, 72, self.template)
        self.put(ids[3], 4, both, o.nssa * o.ssaframesize, RW)
        self.guard()
        self.put(ids[4], 3, both, o.td, RW)
        return self.at - begin

    def threads(self, n, remove=False, dynamic=False):
        if n:
            step = self.thread(remove, dynamic)
            if n > 1:
                self.table += group(19 if dynamic else 6 if self.old else 9, 8, n - 1, step)
                self.at += (n - 1) * step

    def build(self):
        o = self.o
        self.heap()
        self.threads(o.threads)
        self.threads(o.removed, remove=True)
        self.threads(o.dynamic, dynamic=True)
        if not self.old and o.rsrv:
            low, init, most = o.rsrv
            self.guard()
            self.put(20, 0, EADD, low, RW)
            self.put(21, 0, EADD | POST_REMOVE, init, RW)
            self.put(22, 0, POST_ADD, most, RW)
        if o.user and self.edmm:
            self.put(23, 0, POST_ADD, o.user, RW)
        if o.content:
            self.put(99, 0, EADD, 3, RW, len(o.content), self.template + 72)
        for text in o.element:
            n = [number(t) for t in text.split(",")]
            self.table += group(*n[1:]) if n[0] else element(*n[1:])
        return self.table


def block(o, version, end, patches, layout_end):
    """One metadata block; patches are [(destination, bytes)]."""
    major, minor = version
    four = (major % 10 == 1 and minor >= 5) or (major % 10 == 3 and minor >= 2)
    head = 0x770 if four else 0x760
    data = bytearray(head)
    put = lambda b: (len(data), data.extend(b))[0]
    elrange = None
    if major > 10:
        if not four:
            put(bytes(8))
        elrange = put(struct.pack("<QQQ", *o.elrange))
        struct.pack_into("<II", data, 0x760, elrange, 24)
    bias = o.elrange[0] - o.elrange[1] if major > 10 else 0
    tcs = struct.pack("<QQQIIQQQQII", 0, 0, PAGE + bias, 0, o.nssa, o.entry + bias, 0, *[
        bias + (1 + o.nssa * o.ssaframesize + GUARD_PAGES) * PAGE] * 2, 0xffffffff, 0xffffffff)
    template = put(tcs + o.content)
    sources = [put(b) for _, b in patches]
    patch_at = put(b"".join(struct.pack("<QII", dst, src, len(b)).ljust(32, b"\0")
                            for (dst, b), src in zip(patches, sources)))
    struct.pack_into("<II", data, 0x750, patch_at, 32 * len(patches))
    table = Layout(o, version, layout_end, template).build()
    struct.pack_into("<II", data, 0x758, put(table), len(table))
    extend = b""
    if o.fips:
        extend += struct.pack("<4I", 0x1001, 384, put(pattern(384, 77)), 0)
    if o.second is not None:
        where = put(struct.pack("<4Q", o.second_at, o.second, o.second_bytes, 0))
        extend += struct.pack("<4I", 0x1002, 32, where, 0)
    if four and extend:
        struct.pack_into("<II", data, 0x768, put(extend), len(extend))
    data.extend(bytes(o.pad))
    struct.pack_into("<QIIIIIIIIQQQ", data, 0, MAGIC, minor, major, len(data), o.policy, o.ssaframesize, 2632,
                     o.misc or 0, 1 if major > 1 else 0, o.size or end, o.attributes, o.want_xfrm)
    return data


def power_of_two(n):
    size = 8192
    while size < n:
        size *= 2
    return size


def second_elf(o):
    """A shared object of its own, with two segments."""
    text, rw = pattern(0x1100, o.seed + 50), pattern(0x333, o.seed + 51)
    out = bytearray(b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0))
    out += struct.pack("<IIQQQQQQ", PT_LOAD, R | X, 0, 0, 0, 176 + len(text), 176 + len(text), PAGE)
    out += struct.pack("<IIQQQQQQ", PT_LOAD, R | W, 176 + len(text), 0x3120, 0x3120, len(rw), 0x2000, PAGE)
    return out + text + rw


class Image:
    """The ELF part."""

    def __init__(self, o):
        self.o = o
        self.entry = o.entry
        self.names = [b"enclave_entry", b"g_global_data_sim" if o.sim else b"g_global_data"]
        self.data_at = o.data
        self.global_at = self.data_at + 0x100
        self.build()

    def tables(self):
        rela = b"".join(struct.pack("<QQQ", a, 0 if a in self.o.none else 8, 0) for a in self.o.textrel)
        jmprel = b"".join(struct.pack("<QQQ", a, 7, 0) for a in self.o.jmprel)
        return rela, jmprel

    def build(self):
        o = self.o
        strings = b"\0" + b"".join(n + b"\0" for n in self.names)
        syms = bytes(24)
        for n, value, shndx in zip(self.names, (self.entry, self.global_at), (2, 3)):
            syms += struct.pack("<IBBHQQ", strings.index(b"\0" + n + b"\0") + 1,
                                0x12 if shndx == 2 else 0x11, 0, shndx, value, 64)
        rela, jmprel = self.tables()
        # the text segment: headers, tables, code
        text = bytearray(64 + 56 * 5)
        at = {}
        for name, content in (("syms", syms), ("strings", strings), ("rela", rela), ("jmprel", jmprel)):
            text += bytes(-len(text) % 8)
            at[name] = len(text)
            text += content
        code = up(len(text), 64)
        text += bytes(code - len(text)) + pattern(max(0, o.text - code), o.seed)
        text[self.entry:self.entry + len(LEAVE)] = LEAVE
        dynamic = b""
        if o.textrel or o.jmprel:
            dynamic += b"" if o.no_textrel else struct.pack("<QQ", DT_TEXTREL, 0)
            dynamic += struct.pack("<4Q", DT_RELA, at["rela"], DT_RELASZ, len(rela))
            dynamic += struct.pack("<4Q", DT_JMPREL, at["jmprel"], DT_PLTRELSZ, len(jmprel))
        dynamic += struct.pack("<QQ", DT_NULL, 0)
        content = bytearray(pattern(o.data_bytes, o.seed + 1))
        content[:len(dynamic)] = dynamic
        self.file = bytearray(text)
        self.file += bytes((self.data_at - len(text)) % PAGE)
        data_off = len(self.file)
        self.file += content
        memsz = len(content) + o.bss
        self.end = up(self.data_at + memsz) + o.gap * PAGE
        phdrs = [
            (PT_LOAD, R | X, 0, 0, len(text), len(text), 0x200000),
            (PT_LOAD, R | W, data_off, self.data_at, len(content), memsz, 0x200000),
            (PT_DYNAMIC, R | W, data_off, self.data_at, len(dynamic), len(dynamic), 8),
            (PT_TLS, R, data_off, self.data_at, 8, 16, 8),
        ]
        if o.quirk:  # a segment more, whose size rounded up alone makes a page that it does not cover
            off = len(self.file) + (o.quirk - len(self.file)) % PAGE
            self.file += bytes(off - len(self.file)) + pattern(0x80, o.seed + 5)
            phdrs.insert(1, (PT_LOAD, R, off, o.quirk, 0x80, 0x80, PAGE))
        self.file[64:64 + 56 * len(phdrs)] = b"".join(struct.pack(
            "<IIQQQQQQ", kind, flags, off, vaddr, vaddr, filesz, mem, align)
            for kind, flags, off, vaddr, filesz, mem, align in phdrs)
        self.phnum, self.at, self.code, self.data_off = len(phdrs), at, code, data_off
        self.sizes = {"syms": len(syms), "strings": len(strings), "text": len(text), "data": len(content)}

    def sections(self, note_off, note_bytes):
        o = self.o
        names = b"\0.dynsym\0.text\0.data\0.dynstr\0.note.sgxmeta\0.shstrtab\0.bss\0.pcltbl\0"
        name = lambda n: names.index(b"\0" + n + b"\0") + 1
        shdr = lambda n, kind, flags, addr, off, size, link=0, ent=0: struct.pack(
            "<IIQQQQIIQQ", name(n), kind, flags, addr, off, size, link, 0, 1, ent)
        names_off = len(self.file)
        self.file += names
        self.file += bytes(-len(self.file) % 8)
        shoff = len(self.file)
        at, sizes = self.at, self.sizes
        table = [
            bytes(64),
            shdr(b".dynsym", SHT_DYNSYM, SHF_ALLOC, at["syms"], at["syms"], sizes["syms"], 4, 24),
            shdr(b".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXEC, self.code, self.code, sizes["text"] - self.code),
            shdr(b".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, self.data_at, self.data_off, sizes["data"]),
            shdr(b".dynstr", SHT_STRTAB, SHF_ALLOC, at["strings"], at["strings"], sizes["strings"]),
            shdr(b".note.sgxmeta", SHT_NOTE, 0, 0, note_off, note_bytes),
            shdr(b".shstrtab", SHT_STRTAB, 0, 0, names_off, len(names)),
            shdr(b".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, self.data_at + sizes["data"], self.data_off, o.bss),
        ]
        if o.pcl:
            table.append(shdr(b".pcltbl", SHT_PROGBITS, SHF_ALLOC, self.data_at, self.data_off, 64))
        self.file += b"".join(table)
        return shoff, len(table), 6


def build(o, sigstruct):
    image = Image(o)
    note_off = len(image.file) + o.odd
    image.file += bytes(o.odd)
    # what the SDK patches: the global data, and the ELF header's words about sections
    patches = [(image.data_off + 0x100, pattern(0x5d0, o.seed + 7)), (0x3c, bytes(2)), (0x28, bytes(8)),
               (0x3e, bytes(2))]
    second = second_elf(o) if o.second is not None else b""
    o.second_bytes = len(second)
    layout_end = image.end
    if o.second is not None:
        layout_end = max(layout_end, up(o.second + 0x5120))
    probe = Layout(o, (1, 4), layout_end, 0)
    probe.build()
    size = power_of_two(probe.at)
    blocks = []
    o.second_at = 0
    length = lambda: sum(len(block(o, v, size, patches, layout_end)) for v in o.blocks)
    if o.second is not None:
        o.second_at = note_off + 25 + max(o.area, length())
    for v in o.blocks:
        b = block(o, v, size, patches, layout_end)
        b[64:64 + 1808] = sigstruct
        blocks.append(b)
    where = []
    at = note_off + 25
    for b in blocks:
        where.append((at, b))
        at += len(b)
    for text in o.at:  # BLOCK:OFFSET:WIDTH:VALUE
        i, off, width, value = (number(t) for t in text.split(":"))
        blocks[i][off:off + width] = value.to_bytes(width, "little")
    for text in o.field:  # BLOCK:INDEX.FIELD=VALUE
        i, rest = text.split(":")
        rest, value = rest.split("=")
        index, field = rest.split(".")
        off, code = FIELDS[field]
        b = blocks[number(i)]
        layout, = struct.unpack_from("<I", b, 0x758)
        struct.pack_into("<" + code, b, layout + 32 * number(index) + off, number(value))
    area = b"".join(blocks).ljust(o.area, b"\0")
    image.file += struct.pack("<III", 13, len(area), 1) + b"sgx_metadata\0" + area + second
    shoff, shnum, shstrndx = (0, 0, 0) if o.strip else image.sections(note_off, 25 + len(area))
    image.file[:64] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, image.entry, 64, shoff, 0, 64, 56, image.phnum, 64, shnum, shstrndx)
    if o.where:
        for (at, b), v in zip(where, o.blocks):
            patches, layout = (struct.unpack_from("<I", b, off)[0] for off in (0x750, 0x758))
            print(f"block {v[0]}.{v[1]} at 0x{at:x} bytes 0x{len(b):x} patches 0x{patches:x} layout 0x{layout:x}")
    return image.file


def numbers(count):
    def convert(text):
        out = [number(t) for t in text.split(":")]
        if len(out) != count:
            raise argparse.ArgumentTypeError(f"{count} numbers with colons expected")
        return out
    return convert


def version(text):
    return tuple(int(t) for t in text.split("."))


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True, help="file to write")
    p.add_argument("--seed", type=number, default=1)
    p.add_argument("--block", dest="blocks", type=version, action="append", metavar="MAJOR.MINOR")
    p.add_argument("--old-ids", action="store_true", help="1.4 blocks as an SDK before 2.0 wrote them")
    p.add_argument("--where", action="store_true", help="print where the blocks are")
    g = p.add_argument_group("metadata")
    g.add_argument("--heap", type=numbers(3), default=[1, 15, 0], metavar="MIN:INIT:MAX")
    g.add_argument("--stack", type=numbers(2), default=[2, 2], metavar="MAX:MIN")
    g.add_argument("--rsrv", type=numbers(3), metavar="MIN:INIT:MAX", help="reserved memory")
    g.add_argument("--user", type=number, default=0, help="user region")
    g.add_argument("--threads", type=number, default=1)
    g.add_argument("--removed", type=number, default=0, help="threads that an SGX2 run-time removes")
    g.add_argument("--dynamic", type=number, default=0, help="threads that an SGX2 run-time makes")
    g.add_argument("--td", type=number, default=1)
    g.add_argument("--nssa", type=number, default=2)
    g.add_argument("--ssaframesize", type=number, default=1)
    g.add_argument("--policy", type=number, default=1)
    g.add_argument("--size", type=number, default=0, help="SECS.SIZE, 0 = what fits")
    g.add_argument("--attributes", type=number, default=4)
    g.add_argument("--want-xfrm", type=number, default=0xe7)
    g.add_argument("--content", type=bytes.fromhex, default=b"", metavar="HEX", help="pages of contents")
    g.add_argument("--elrange", type=numbers(3), default=[0x10000000, 0, 0x40000000],
                   metavar="IMAGE:START:SIZE", help="of blocks with a major above 10")
    g.add_argument("--fips", action="store_true", help="extension 0x1001")
    g.add_argument("--second", type=number, metavar="OFFSET", help="extension 0x1002: a second ELF file there")
    g.add_argument("--area", type=number, default=0x5000, help="bytes of the note")
    g.add_argument("--pad", type=number, default=0x20, help="bytes at the end of each block")
    g.add_argument("--odd", type=number, default=1, help="bytes before the note")
    g = p.add_argument_group("ELF")
    g.add_argument("--text", type=number, default=0x5321, help="bytes of the text segment")
    g.add_argument("--entry", type=number, default=0x1000)
    g.add_argument("--data", type=number, default=0x206d28, help="address of the data segment")
    g.add_argument("--data-bytes", type=number, default=0x12e0)
    g.add_argument("--bss", type=number, default=0x12345)
    g.add_argument("--textrel", type=number, action="append", default=[], metavar="ADDRESS",
                   help="a relocation there")
    g.add_argument("--jmprel", type=number, action="append", default=[], metavar="ADDRESS",
                   help="one of DT_JMPREL")
    g.add_argument("--none", type=number, action="append", default=[], metavar="ADDRESS", help="of type NONE")
    g.add_argument("--no-textrel", action="store_true", help="without DT_TEXTREL")
    g.add_argument("--quirk", type=number, default=0, metavar="ADDRESS", help="a small segment more, there")
    g.add_argument("--gap", type=number, default=0, help="pages between the image and the heap")
    g.add_argument("--sim", action="store_true", help="built for simulation")
    g.add_argument("--pcl", action="store_true", help="encrypted")
    g.add_argument("--strip", action="store_true", help="no section headers")
    g = p.add_argument_group("SIGSTRUCT")
    g.add_argument("--key", metavar="PEM")
    g.add_argument("--sign-format", metavar="BLOCK", default=None, help="sign what this block makes")
    mk_sigstruct.add_options(g)
    g = p.add_argument_group("damage, done last and in this order")
    g.add_argument("--element", action="append", default=[],
                   metavar="0,ID,ATTRIBUTES,PAGES,RVA,FLAGS,SIZE,CONTENT", help="a layout element more; 1,ID,COUNT,TIMES,STEP is a group")
    g.add_argument("--at", action="append", default=[], metavar="BLOCK:OFFSET:WIDTH:VALUE")
    g.add_argument("--field", action="append", default=[], metavar="BLOCK:INDEX.FIELD=VALUE")
    g.add_argument("--phdr", action="append", default=[], metavar="INDEX.FIELD=VALUE")
    g.add_argument("--ehdr", action="append", default=[], metavar="FIELD=VALUE")
    g.add_argument("--patch", action="append", default=[], metavar="OFFSET:WIDTH:VALUE")
    g.add_argument("--truncate", type=number, default=None, metavar="BYTES")
    return p


def main():
    o = parser().parse_args()
    o.blocks = o.blocks or [(2, 4), (2, 1), (1, 4)]
    sigstruct = bytes(1808)
    if o.key:
        import sdk
        where, o.where = o.where, False
        wanted = mk_sigstruct.options(o)
        wanted.setdefault("flags", o.attributes)
        h = bytes.fromhex(sdk.measure(bytes(build(o, sigstruct)), o.sign_format))
        sigstruct = mk_sigstruct.sign(o.key, h, **wanted)
        o.where = where
    data = damage(o, build(o, sigstruct))
    with open(o.output, "wb") as f:
        f.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
