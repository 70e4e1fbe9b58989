#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the two ELF files of an Enarx keep, valid and hostile ones: the shim, or with --exec the program
that it runs.

The shim holds code that leaves the enclave at once (EEXIT), and one TCS of four SSA frames, linked for
base 0.  Every option changes one thing; --phdr, --ehdr, --patch and --truncate come last and can break
anything.  Numbers are decimal or 0x...  The same options always give the same bytes.
"""
import argparse
import struct
import sys

sys.dont_write_bytecode = True
from mk_elf import LEAVE, PAGE, PT_INTERP, PT_LOAD, PT_NOTE, R, W, X, damage, number, pattern  # noqa: E402

PT_EXEC = 0x63400000
TCS, UNMEASURED = 1 << 20, 1 << 21

# what the notes of the shim hold: name of the option, type, struct code, default
NOTES = [
    ("block-size", 0x73677820, "Q", 0x1000), ("block-count", 0x73677821, "Q", 2),
    ("bits", 0x73677800, "B", 22), ("ssap", 0x73677801, "B", 1),
    ("isvprodid", 0x73677810, "H", 7), ("isvsvn", 0x73677811, "H", 3),
    ("misc", 0x73677812, "I", 1), ("miscmask", 0x73677813, "I", 1),
    ("attr", 0x73677814, "2Q", (4, 0xe7)), ("attrmask", 0x73677815, "2Q", (4, 0xe7)),
]


def note(kind, desc):
    pad = lambda b: b + bytes(-len(b) % 4)
    return struct.pack("<3I", 10, len(desc), kind) + pad(b"sallyport\0") + pad(desc)


def notes(o):
    out = note(0, o.requires.encode())
    for name, kind, code, _ in NOTES:
        value = getattr(o, name.replace("-", "_"))
        if name not in o.drop_note:
            out += note(kind, struct.pack("<" + code, *(value if isinstance(value, tuple) else (value,))))
    if o.two_notes:
        out += note(0x73677800, b"\x20")
    return out


def shim_segments(o):
    """type, flags, vaddr, filesz or bytes, memsz"""
    tcs = struct.pack("<QQQIIQQQQII", 0, 0, 0x19000, 0, 4, 0x4010, 0, 0, 0, 0xfff, 0xfff).ljust(PAGE, b"\0")
    text = bytearray(pattern(0x1234, o.seed))
    text[0x10:0x10 + len(LEAVE)] = LEAVE
    out = [
        (PT_LOAD, R, 0, 0x1800, 0x1800),
        (PT_LOAD, R | W, 0x2080, pattern(0x123, o.seed + 1), 0x1800),
        (PT_LOAD, R | X, 0x4000, bytes(text), len(text)),
        (PT_LOAD, R | W, 0x11000, b"", 0x3000),
        (PT_LOAD, R | W, 0x15000, b"", 0x3000),
        (PT_LOAD, TCS | o.tcs_flags, 0x18000, tcs, PAGE),
        (PT_LOAD, R | W, 0x19000, b"", 4 * PAGE),
        (PT_EXEC, 0, o.slot, b"", o.slot_size),
    ]
    if o.unmeasured:
        out.append((PT_LOAD, R | W | UNMEASURED, 0x1e000, pattern(0x2100, o.seed + 2), 0x4000))
    return out, 0x4010


def exec_segments(o):
    return [
        (PT_LOAD, R, 0, 0x1800, 0x1800),
        (PT_LOAD, R | X, 0x2000, pattern(0x2345, o.seed + 3), 0x2345),
        (PT_LOAD, R | W, o.data, pattern(0x300, o.seed + 4), 0x3000),
    ], 0x2000


def build(o):
    segments, entry = exec_segments(o) if o.exec else shim_segments(o)
    if o.entry is not None:
        entry = o.entry
    extra = [] if o.exec or o.no_notes else [(PT_NOTE, R, notes(o))]
    if o.interp:
        extra.append((PT_INTERP, R, b"/lib64/ld-linux-x86-64.so.2\0"))
    # the first segment is the start of the file: headers, notes, a pattern
    data = bytearray(64 + 56 * (len(segments) + len(extra)))
    table = []
    for kind, flags, content in extra:
        data += bytes(-len(data) % 4)
        table.append(struct.pack("<IIQQQQQQ", kind, flags, len(data), len(data), len(data), len(content),
                                 len(content), 4))
        data += content
    first = segments[0][3]
    data += pattern(max(0, first - len(data)), o.seed + 9)
    loads = []
    for kind, flags, vaddr, content, memsz in segments:
        filesz = content if isinstance(content, int) else len(content)
        offset = 0
        if not isinstance(content, int) and content:
            data += bytes((vaddr - len(data)) % PAGE)
            offset = len(data)
            data += content
        loads.append(struct.pack("<IIQQQQQQ", kind, flags, offset, vaddr, vaddr, filesz, memsz, o.align))
    ehdr = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, entry, 64, 0, 0, 64, 56, len(loads) + len(extra), 0, 0, 0)
    data[:64] = ehdr
    data[64:64 + 56 * (len(loads) + len(extra))] = b"".join(loads + table)
    return data


def pair(text):
    return tuple(number(t) for t in text.split(","))


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True, help="file to write")
    p.add_argument("--exec", action="store_true", help="the program, not the shim")
    p.add_argument("--seed", type=number, default=1, help="chooses the bytes of the segments")
    p.add_argument("--entry", type=number)
    p.add_argument("--align", type=number, default=PAGE, help="p_align of every segment")
    p.add_argument("--interp", action="store_true", help="ask for a dynamic linker (PT_INTERP)")
    p.add_argument("--data", type=number, default=0x5f80, help="p_vaddr of the program's data")
    p.add_argument("--slot", type=number, default=0x100000, help="where the program goes")
    p.add_argument("--slot-size", type=number, default=0x100000)
    p.add_argument("--tcs-flags", type=number, default=0, help="further p_flags of the TCS segment")
    p.add_argument("--unmeasured", action="store_true", help="have a segment that is not measured")
    p.add_argument("--requires", default="^0.8", help="the text of note 0")
    p.add_argument("--no-notes", action="store_true")
    p.add_argument("--two-notes", action="store_true", help="two notes of one type")
    p.add_argument("--drop-note", action="append", default=[], choices=[n[0] for n in NOTES])
    for name, _, code, default in NOTES:
        p.add_argument("--" + name, type=pair if code == "2Q" else number, default=default)
    g = p.add_argument_group("damage, done last and in this order")
    g.add_argument("--phdr", action="append", default=[], metavar="INDEX.FIELD=VALUE")
    g.add_argument("--ehdr", action="append", default=[], metavar="FIELD=VALUE")
    g.add_argument("--patch", action="append", default=[], metavar="OFFSET:WIDTH:VALUE")
    g.add_argument("--truncate", type=number, default=None, metavar="BYTES")
    return p


def main():
    o = parser().parse_args()
    with open(o.output, "wb") as out:
        out.write(damage(o, build(o)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
