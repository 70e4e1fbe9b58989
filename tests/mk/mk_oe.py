#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes Open Enclave images, valid and hostile ones.

Without options the result is a small image with the structure of release 0.17.1, not signed, whose code
leaves the enclave at once (EEXIT).  --sign puts a SIGSTRUCT into it: its constants and this ENCLAVEHASH, or
with --sigstruct a whole file made elsewhere.  --patch-info and --patch come last and can break anything.
The same options always give the same bytes.

Numbers are decimal or 0x...
"""
import argparse
import struct
import sys

sys.dont_write_bytecode = True
from mk_elf import LEAVE, PAGE, R, W, X, number, pattern, up  # noqa: E402

# release: (bytes of the structure, offset of SIGSTRUCT, of attributes)
STRUCTURES = {"0.17.1": (1960, 144, 72), "0.13": (1952, 136, 72), "0.6": (1920, 104, 40), "0.4": (1864, 48, 40)}
HEADER = bytes.fromhex("06000000e10000000000010000000000")
HEADER2 = bytes.fromhex("01010000600000006000000001000000")
VARIABLES = ["_enclave_rva", "_reloc_rva", "_reloc_size", "_tdata_rva", "_tdata_size", "_tdata_align",
             "_tbss_size", "_tbss_align", "_td_from_tcs_offset"]


def oeinfo(o):
    size, sig_at, attributes_at = STRUCTURES[o.structure]
    b = bytearray(size)
    struct.pack_into("<II3QHH", b, 0, size, o.type, o.heap, o.stack, o.ntcs, o.prodid, o.svn)
    if sig_at >= 136:
        struct.pack_into("<I", b, 36, o.flags)
        b[40:56], b[56:72] = o.family_id.ljust(16, b"\0"), o.ext_id.ljust(16, b"\0")
    if sig_at == 144:
        struct.pack_into("<Q", b, 88, o.start)
    struct.pack_into("<Q", b, attributes_at, o.attributes)
    if o.structure == "0.4":
        struct.pack_into("<16s", b, sig_at, HEADER)
    if o.sigstruct:
        with open(o.sigstruct, "rb") as f:
            b[sig_at:sig_at + 1808] = f.read()
    elif o.sign:
        sig = bytearray(1808)
        sig[0:16], sig[24:40] = HEADER, HEADER2
        struct.pack_into("<I", sig, 512, 3)
        struct.pack_into("<4Q", sig, 928, o.attributes | 4, 3, 2**64 - 3, 2**64 - 1 - 0xe4)
        sig[960:992] = bytes.fromhex(o.sign)
        b[sig_at:sig_at + 1808] = sig
    struct.pack_into("<Q", b, size - 8, 0xececececececececec & 2**64 - 1)
    for text in o.patch_info:
        off, width, value = (number(t) for t in text.split(":"))
        b[off:off + width] = value.to_bytes(width, "little")
    return bytes(b)


class Strings:
    def __init__(self):
        self.bytes = b"\0"

    def add(self, text):
        at = len(self.bytes)
        self.bytes += text.encode() + b"\0"
        return at


def symbol_table(entries, strings):
    out = bytes(24)
    for name, info, value in entries:
        out += struct.pack("<IBBHQQ", strings.add(name), info, 0, 1, value & 2**64 - 1, 8)
    return out


def build(o):
    """rodata at 0 (headers, tables, .oeinfo), text, data with .tdata and the variables, .bss."""
    dynstr, strtab, shstr = Strings(), Strings(), Strings()
    needed = dynstr.add(o.needed) if o.needed else 0
    tls_symbols = [(f"tls{i}", 0x16, -8 * (i + 1)) for i in range(o.tpoff)]
    sections = [bytes(64)]

    def section(name, kind, flags, addr, off, size, link=0, align=1, entsize=0):
        sections.append(struct.pack("<IIQQQQIIQQ", shstr.add(name), kind, flags, addr, off, size, link, 0,
                                    align, entsize))

    # where things will be: sizes first
    n_phdrs = 5
    names = [v for v in VARIABLES if v not in o.without]
    ro = bytearray(64 + 56 * n_phdrs)

    def put(data, align=8):
        ro.extend(bytes(-len(ro) % align))
        at = len(ro)
        ro.extend(data)
        return at

    info = oeinfo(o)
    at_info = put(info)
    dynsym_at = put(bytes(24 * (1 + len(names) + len(tls_symbols))))
    probe = Strings()
    for name in [o.needed or ""] * bool(o.needed) + names + [t[0] for t in tls_symbols]:
        probe.add(name)
    dynstr_at = put(probe.bytes)
    rela_at = put(bytes(24 * (o.relocs + len(tls_symbols))))
    plt_at = put(bytes(24 * o.plt))
    ro_end = len(ro)

    text_at = up(ro_end)
    text = pattern(0x1800, o.seed)
    entry = text_at + 0x100
    text = text[:0x100] + LEAVE + text[0x100 + len(LEAVE):]
    data_at = up(text_at + len(text)) + PAGE + 0x40
    tdata = pattern(o.tdata, o.seed + 1)
    data = bytearray(tdata) + bytearray(-len(tdata) % 8) + bytearray(pattern(0x120, o.seed + 2))
    dynamic_at = data_at + len(data)
    dynamic = b"".join(struct.pack("<QQ", t, v) for t, v in
                       ([(1, needed)] if o.needed else []) + [(5, dynstr_at), (6, dynsym_at), (0, 0)])
    data += dynamic
    variables = data_at + up(len(data), 8)
    if o.in_bss:
        variables = data_at + up(len(data), PAGE) + 0x800
        filesz = len(data)
    else:
        data += bytearray(pattern(up(len(data), 8) - len(data) + 8 * len(VARIABLES), o.seed + 3))
        filesz = len(data)
    memsz = max(filesz, variables - data_at + 8 * len(VARIABLES)) + o.bss
    where = {name: variables + 8 * VARIABLES.index(name) for name in names}
    where |= {k: number(v) for k, v in (t.split("=") for t in o.symbol)}

    dynsym = symbol_table([(n, 0x11, where[n]) for n in names] + tls_symbols, dynstr)
    assert dynstr.bytes == probe.bytes
    rela = b"".join(struct.pack("<QQq", text_at + 16 * i, 8, data_at + i) for i in range(o.relocs))
    rela += b"".join(struct.pack("<QQq", data_at + 8 * i, (1 + len(names) + i) << 32 | 18, 5)
                     for i in range(len(tls_symbols)))
    plt = b"".join(struct.pack("<QQq", data_at + 8 * i, 1 << 32 | 7, 0) for i in range(o.plt))
    for at, b in ((dynsym_at, dynsym), (dynstr_at, dynstr.bytes), (rela_at, rela), (plt_at, plt)):
        ro[at:at + len(b)] = b

    f = bytearray(ro)
    f += bytes(-len(f) % PAGE)
    text_off = len(f)
    f += text
    f += bytes((data_at - len(f)) % PAGE)
    data_off = len(f)
    f += data
    section(".oeinfo", 1, 2, at_info, at_info, len(info), align=8)
    section(".dynsym", 11, 2, dynsym_at, dynsym_at, len(dynsym), 3, 8, 24)
    section(".dynstr", 3, 2, dynstr_at, dynstr_at, len(dynstr.bytes))
    if not o.no_relocs:
        section(".rela.dyn", 4, 2, rela_at, rela_at, len(rela), 2, 8, 24)
    if o.plt:
        section(".rela.plt", 4, 2, plt_at, plt_at, len(plt), 2, 8, 24)
    section(".text", 1, 6, text_at, text_off, len(text))
    if o.tdata:
        section(".tdata", 1, 0x403, data_at, data_off, o.tdata, align=o.tdata_align)
    if o.tbss:
        section(".tbss", 8, 0x403, data_at + o.tdata, data_off + o.tdata, o.tbss, align=o.tbss_align)
    section(".dynamic", 6, 3, dynamic_at, data_off + dynamic_at - data_at, len(dynamic), 3, 8, 16)
    symtab = symbol_table([(n, 0x11, where[n]) for n in names], strtab)
    f += bytes(-len(f) % 8)
    section(".strtab", 3, 0, 0, len(f), len(strtab.bytes))
    f += strtab.bytes
    f += bytes(-len(f) % 8)
    section(".symtab", 2, 0, 0, len(f), len(symtab), len(sections) - 1, 8, 24)
    f += symtab
    name_at = len(f)
    shstr_name = shstr.add(".shstrtab")
    sections.append(struct.pack("<IIQQQQIIQQ", shstr_name, 3, 0, 0, name_at, len(shstr.bytes), 0, 0, 1, 0))
    f += shstr.bytes
    f += bytes(-len(f) % 8)
    shoff = len(f)
    f += b"".join(sections)

    phdr = lambda kind, flags, off, addr, fsz, msz, align: struct.pack(
        "<IIQQQQQQ", kind, flags, off, addr, addr, fsz, msz, align)
    phdrs = phdr(1, R, 0, 0, ro_end, ro_end, PAGE)
    phdrs += phdr(1, R | X, text_off, text_at, len(text), len(text), PAGE)
    phdrs += phdr(1, R | W, data_off, data_at, filesz, memsz, PAGE)
    phdrs += phdr(2, R | W, data_off + dynamic_at - data_at, dynamic_at, len(dynamic), len(dynamic), 8)
    phdrs += phdr(7, R, data_off, data_at, o.tdata, o.tdata + o.tbss, o.tls_align or o.tdata_align)
    f[:64] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, entry, 64, shoff, 0, 64, 56, n_phdrs, 64, len(sections), len(sections) - 1)
    f[64:64 + len(phdrs)] = phdrs
    for text_patch in o.patch:
        off, width, value = (number(t) for t in text_patch.split(":"))
        f[off:off + width] = value.to_bytes(width, "little")
    if o.truncate is not None:
        del f[o.truncate:]
    return f


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--structure", choices=list(STRUCTURES), default="0.17.1", help="of the release that had it first")
    p.add_argument("--type", type=number, default=2, help="enclave type, 2 is SGX")
    p.add_argument("--heap", type=number, default=4, help="pages")
    p.add_argument("--stack", type=number, default=2, help="pages")
    p.add_argument("--ntcs", type=number, default=1)
    p.add_argument("--prodid", type=number, default=1)
    p.add_argument("--svn", type=number, default=1)
    p.add_argument("--flags", type=number, default=0, help="1 capture #PF and #GP, 2 zero base")
    p.add_argument("--start", type=number, default=0, help="start address of a zero-base enclave")
    p.add_argument("--attributes", type=number, default=6)
    p.add_argument("--family-id", type=bytes.fromhex, default=b"", metavar="HEX")
    p.add_argument("--ext-id", type=bytes.fromhex, default=b"", metavar="HEX")
    p.add_argument("--sign", metavar="HEX", help="ENCLAVEHASH of the SIGSTRUCT")
    p.add_argument("--sigstruct", metavar="FILE", help="1808 bytes for .oeinfo")
    p.add_argument("--seed", type=number, default=1)
    p.add_argument("--relocs", type=number, default=5, help="entries of .rela.dyn")
    p.add_argument("--no-relocs", action="store_true", help="no section .rela.dyn")
    p.add_argument("--plt", type=number, default=0, help="entries of .rela.plt")
    p.add_argument("--tpoff", type=number, default=0, help="thread-local relocations")
    p.add_argument("--tdata", type=number, default=0x28, help="bytes of .tdata")
    p.add_argument("--tdata-align", type=number, default=8)
    p.add_argument("--tls-align", type=number, default=0, help="p_align of PT_TLS (default: as --tdata-align)")
    p.add_argument("--tbss", type=number, default=0, help="bytes of .tbss")
    p.add_argument("--tbss-align", type=number, default=8)
    p.add_argument("--bss", type=number, default=0x1234)
    p.add_argument("--in-bss", action="store_true", help="the loader's variables are in .bss")
    p.add_argument("--needed", metavar="NAME", help="a second module")
    p.add_argument("--without", action="append", default=[], choices=VARIABLES)
    p.add_argument("--symbol", action="append", default=[], metavar="NAME=ADDRESS")
    p.add_argument("--patch-info", action="append", default=[], metavar="OFFSET:WIDTH:VALUE", help="in .oeinfo")
    p.add_argument("--patch", action="append", default=[], metavar="OFFSET:WIDTH:VALUE", help="in the file")
    p.add_argument("--truncate", type=number, default=None, metavar="BYTES")
    return p


def main():
    o = parser().parse_args()
    data = build(o)
    with open(o.output, "wb") as out:
        out.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
