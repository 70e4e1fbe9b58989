#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes enclave images, valid and hostile ones, of the formats 'sgxctl' and 'kernel'.

Without options the result is a small valid image whose code leaves the enclave at once (EEXIT).
Every option changes one thing; --phdr, --ehdr, --patch and --truncate come last and can break
anything.  The same options always give the same bytes.

Numbers are decimal or 0x...; sizes are bytes.
"""
import argparse
import struct
import sys

PAGE = 4096
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS = 1, 2, 3, 4, 7
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE = 1, 2, 3, 7
R, W, X = 4, 2, 1

# mov rbx,rcx ; mov eax,4 ; enclu: EEXIT to where EENTER came from
LEAVE = bytes.fromhex("4889cbb8040000000f01d7")

EHDR = {  # field: (offset, struct code)
    "e_class": (4, "B"), "e_data": (5, "B"), "e_type": (16, "H"), "e_machine": (18, "H"),
    "e_version": (20, "I"), "e_entry": (24, "Q"), "e_phoff": (32, "Q"), "e_shoff": (40, "Q"),
    "e_flags": (48, "I"), "e_ehsize": (52, "H"), "e_phentsize": (54, "H"), "e_phnum": (56, "H"),
    "e_shentsize": (58, "H"), "e_shnum": (60, "H"), "e_shstrndx": (62, "H"),
}
PHDR = {
    "p_type": (0, "I"), "p_flags": (4, "I"), "p_offset": (8, "Q"), "p_vaddr": (16, "Q"),
    "p_paddr": (24, "Q"), "p_filesz": (32, "Q"), "p_memsz": (40, "Q"), "p_align": (48, "Q"),
}


def number(text):
    return int(text, 0)


def up(value, to=PAGE):
    return (value + to - 1) // to * to


def flags_of(text):
    out = 0
    for c in text.replace("-", ""):
        out |= {"r": R, "w": W, "x": X}[c]
    return out


class Segment:
    """FLAGS:VADDR:FILESZ[:MEMSZ], for example r-x:0x1000:0x800, rw:0x2100:16:0x5000, or in the form
    --segment=---:0x8000:1 one without rights"""

    def __init__(self, text):
        parts = text.split(":")
        if not 3 <= len(parts) <= 4:
            raise argparse.ArgumentTypeError("FLAGS:VADDR:FILESZ[:MEMSZ] expected")
        self.flags = flags_of(parts[0])
        self.vaddr, self.filesz = number(parts[1]), number(parts[2])
        self.memsz = number(parts[3]) if len(parts) == 4 else self.filesz
        self.data = None
        self.offset = 0


def pattern(count, seed):
    """Bytes without long repetitions, so that a page in the wrong place is seen."""
    out = bytearray()
    state = seed * 2654435761 % 2**32 or 1
    while len(out) < count:
        state = (state * 1103515245 + 12345) % 2**32
        out += struct.pack("<I", state ^ state >> 15)
    return bytes(out[:count])


def note(desc, name=b"sgxctl\0", kind=1):
    pad = lambda b: b + bytes(-len(b) % 4)
    return struct.pack("<III", len(name), len(desc), kind) + pad(name) + pad(desc)


def sgxctl_note(o):
    return struct.pack(
        "<6I8Q", o.note_version, o.note_flags, o.ssaframesize, o.nssa, o.ntcs, o.miscselect,
        o.attributes, o.xfrm, o.stack, o.heap, o.reserve, o.size, o.reserve_off, o.dyn_entry)


def tcs_page(ossa, nssa, oentry):
    return struct.pack("<QQQIIQQQQII", 0, 0, ossa, 0, nssa, oentry, 0, 0, 0,
                       0xffffffff, 0xffffffff).ljust(PAGE, b"\0")


def default_segments(o):
    if o.format == "sgxctl":
        return [Segment("r-x:0:0x1234"), Segment("rw:0x2080:0x100:0x2000")]
    text = o.tcs * PAGE
    return [Segment(f"r-x:{text}:0x1000"), Segment(f"rw:{text + PAGE}:{(2 + o.tcs * o.nssa) * PAGE}")]


def fill(o, segments):
    for i, s in enumerate(segments):
        s.data = bytes(s.filesz) if o.zeros else pattern(s.filesz, o.seed * 100 + i)
        at = o.entry - s.vaddr
        if s.flags & X and 0 <= at and at + len(o.code) <= s.filesz:
            s.data = s.data[:at] + o.code + s.data[at + len(o.code):]


def kernel_tcs_segment(o, segments):
    """TCS pages whose SSA frames are the last pages of the last segment."""
    last = segments[-1]
    frames = last.vaddr + up(last.filesz) - o.tcs * o.nssa * PAGE
    s = Segment(f"rw:0:{o.tcs * PAGE}")
    s.data = b"".join(tcs_page(frames + i * o.nssa * PAGE, o.nssa, o.entry) for i in range(o.tcs))
    return s


class File:
    def __init__(self):
        self.bytes = bytearray()

    def put(self, data, align=1, congruent=0):
        self.bytes += bytes((congruent - len(self.bytes)) % align)
        at = len(self.bytes)
        self.bytes += data
        return at


def sections(f, notes, symbols):
    """Appends section headers for notes outside segments and for .symtab."""
    names = b"\0.shstrtab\0.note.sgxctl\0.symtab\0.strtab\0"
    name = lambda n: names.index(b"\0" + n + b"\0") + 1
    table = [bytes(64)]
    shdr = lambda n, kind, off, size, link=0, align=1, entsize=0: struct.pack(
        "<IIQQQQIIQQ", name(n), kind, 0, 0, off, size, link, 0, align, entsize)
    table.append(shdr(b".shstrtab", SHT_STRTAB, f.put(names), len(names)))
    for n in notes:
        table.append(shdr(b".note.sgxctl", SHT_NOTE, f.put(n, 4), len(n), align=4))
    if symbols:
        strings, syms = b"\0", bytes(24)
        for sym, value in symbols:
            syms += struct.pack("<IBBHQQ", len(strings), 0x12, 0, 1, value, 0)
            strings += sym.encode() + b"\0"
        table.append(shdr(b".symtab", SHT_SYMTAB, f.put(syms, 8), len(syms), len(table) + 1, 8, 24))
        table.append(shdr(b".strtab", SHT_STRTAB, f.put(strings), len(strings)))
    return f.put(b"".join(table), 8), len(table)


def build(o):
    segments = o.segment or default_segments(o)
    fill(o, segments)
    if o.format == "kernel" and o.tcs:
        segments.insert(0, kernel_tcs_segment(o, segments))

    extra = []  # (type, flags, data, align)
    notes = []
    if o.format == "sgxctl" and not o.no_note:
        desc = sgxctl_note(o)
        desc = desc[:o.note_bytes] if o.note_bytes is not None else desc
        notes = [note(desc)] * (2 if o.two_notes else 1)
    if not o.note_section:
        if notes:
            extra.append((PT_NOTE, R, b"".join(notes), 4))
        notes = []
    if o.relocs:
        extra.append((PT_DYNAMIC, R | W, struct.pack("<6Q", 7, 0, 8, 24 * o.relocs, 0, 0), 8))
    if o.interp:
        extra.append((PT_INTERP, R, b"/lib64/ld-linux-x86-64.so.2\0", 1))
    if o.tls:
        extra.append((PT_TLS, R, bytes(16), 8))

    f = File()
    f.put(bytes(64 + 56 * (len(segments) + len(extra))))
    phdrs = []
    if o.format == "kernel":
        # offset in the enclave = offset in the file, from the first segment on
        base = up(len(f.bytes))
        for s in segments:
            f.bytes += bytes(max(0, base + s.vaddr - len(f.bytes)))
            s.offset = f.put(s.data)
    else:
        for s in segments:
            s.offset = f.put(s.data, PAGE, s.vaddr)
    for s in segments:
        phdrs.append(struct.pack("<IIQQQQQQ", PT_LOAD, s.flags, s.offset, s.vaddr, s.vaddr,
                                 s.filesz, s.memsz, PAGE))
    for kind, flags, data, align in extra:
        at = f.put(data, align)
        phdrs.append(struct.pack("<IIQQQQQQ", kind, flags, at, 0, 0, len(data), len(data), align))
    symbols = [("encl_dyn_entry", o.dyn_entry)] if o.format == "kernel" and o.dyn_entry else []
    shoff, shnum = sections(f, notes, symbols) if notes or symbols else (0, 0)
    ehdr = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3 if o.type == "dyn" else 2, 62, 1, o.entry, 64, shoff, 0,
        64, 56, len(phdrs), 64 if shnum else 0, shnum, 1 if shnum else 0)
    f.bytes[:64] = ehdr
    f.bytes[64:64 + 56 * len(phdrs)] = b"".join(phdrs)
    return f.bytes


def field(text, index_wanted):
    """[INDEX.]FIELD=VALUE"""
    where, value = text.split("=")
    table = PHDR if index_wanted else EHDR
    index = 0
    if index_wanted:
        index, where = where.split(".")
    off, code = table[where]
    return int(index), off, code, number(value)


def damage(o, data):
    phoff = struct.unpack_from("<Q", data, 32)[0]
    for text in o.phdr:
        index, off, code, value = field(text, True)
        struct.pack_into("<" + code, data, phoff + 56 * index + off, value)
    for text in o.ehdr:
        _, off, code, value = field(text, False)
        struct.pack_into("<" + code, data, off, value)
    for text in o.patch:
        off, width, value = (number(t) for t in text.split(":"))
        data[off:off + width] = value.to_bytes(width, "little")
    if o.truncate is not None:
        del data[o.truncate:]
    return data


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True, help="file to write")
    p.add_argument("--format", choices=["sgxctl", "kernel"], default="sgxctl")
    p.add_argument("--segment", type=Segment, action="append", default=[],
                   help=Segment.__doc__ + "; replaces the default segments, may be repeated; format"
                   " kernel: without the TCS segment, VADDR is also the place in the enclave")
    p.add_argument("--entry", type=number, default=None,
                   help="entry point (default: start of the first code)")
    p.add_argument("--code", type=bytes.fromhex, default=LEAVE, metavar="HEX",
                   help="machine code at the entry point (default: EEXIT at once)")
    p.add_argument("--seed", type=number, default=1, help="chooses the bytes of the segments")
    p.add_argument("--zeros", action="store_true", help="segments are zero instead")
    p.add_argument("--type", choices=["exec", "dyn"], default="exec")
    p.add_argument("--relocs", type=number, default=0, help="claim so many relocations (PT_DYNAMIC)")
    p.add_argument("--interp", action="store_true", help="ask for a dynamic linker (PT_INTERP)")
    p.add_argument("--tls", action="store_true", help="have thread-local storage (PT_TLS)")
    p.add_argument("--nssa", type=number, default=None, help="SSA frames per TCS (default 2; kernel: 1)")
    g = p.add_argument_group("format sgxctl: the note")
    g.add_argument("--ntcs", type=number, default=1)
    g.add_argument("--ssaframesize", type=number, default=1, help="pages")
    g.add_argument("--stack", type=number, default=0x2000)
    g.add_argument("--heap", type=number, default=0x3000)
    g.add_argument("--reserve", type=number, default=0x10000)
    g.add_argument("--reserve-off", type=number, default=0)
    g.add_argument("--size", type=number, default=0, help="SECS.SIZE, 0 = what fits")
    g.add_argument("--attributes", type=number, default=4)
    g.add_argument("--xfrm", type=number, default=3)
    g.add_argument("--miscselect", type=number, default=0)
    g.add_argument("--note-flags", type=number, default=0)
    g.add_argument("--note-version", type=number, default=1)
    g.add_argument("--note-bytes", type=number, default=None, help="cut the note's contents to this length")
    g.add_argument("--note-section", action="store_true", help="note in a section only, not in PT_NOTE")
    g.add_argument("--two-notes", action="store_true")
    g.add_argument("--no-note", action="store_true")
    p.add_argument("--dyn-entry", type=number, default=0,
                   help="entry of run-time TCSs: in the note, or as symbol encl_dyn_entry (kernel)")
    g = p.add_argument_group("format kernel")
    g.add_argument("--tcs", type=number, default=2, help="TCS pages; 0 = no TCS segment")
    g = p.add_argument_group("damage, done last and in this order")
    g.add_argument("--phdr", action="append", default=[], metavar="INDEX.FIELD=VALUE",
                   help="for example 0.p_memsz=0x8000000000000000; the segments come first")
    g.add_argument("--ehdr", action="append", default=[], metavar="FIELD=VALUE",
                   help="for example e_machine=3, e_class=1")
    g.add_argument("--patch", action="append", default=[], metavar="OFFSET:WIDTH:VALUE")
    g.add_argument("--truncate", type=number, default=None, metavar="BYTES", help="length of the file")
    return p


def main():
    o = parser().parse_args()
    if o.nssa is None:
        o.nssa = 2 if o.format == "sgxctl" else 1
    if o.entry is None:
        code = [s for s in (o.segment or default_segments(o)) if s.flags & X]
        o.entry = code[0].vaddr if code else 0
    data = damage(o, build(o))
    with open(o.output, "wb") as out:
        out.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
