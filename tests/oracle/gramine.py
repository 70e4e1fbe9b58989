#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second opinion on MRENCLAVE of Gramine enclaves.

Written from the description of the format, not from the C code, which it shares nothing with; the
manifest is read by Python's own TOML library.  It believes its input.

Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND; Gramine, sgx_sign.py, pal_tcb.h.
"""
import argparse
import hashlib
import struct
import sys
import tomllib

PAGE = 4096
LAYOUTS = {  # offsets in the thread block
    "2": {"size": 0x110, "tcs": 0x118, "stack": 0x120, "low": 0x130, "high": 0x138, "ssa": 0x148,
          "gpr": 0x150, "manifest": 0x1a0, "heap_min": 0x1a8, "heap_max": 0x1b0},
    "1": {"size": 0x110, "tcs": 0x120, "stack": 0x128, "low": 0x138, "high": 0x140, "ssa": 0x150,
          "gpr": 0x158, "manifest": 0x1a8, "heap_min": 0x1b0, "heap_max": 0x1b8},
}


def up(n):
    return -(-n // PAGE) * PAGE


def parse_size(text):
    unit = {"K": 2**10, "M": 2**20, "G": 2**30}.get(text[-1], 1)
    return int(text[:-1] if unit > 1 else text, 0) * unit


def mrenclave(manifest_bytes, pal, layout):
    sgx = tomllib.loads(manifest_bytes.decode())["sgx"]
    size = parse_size(sgx["enclave_size"])
    threads = sgx["max_threads"] if "max_threads" in sgx else sgx["thread_num"]
    base = size if sgx.get("nonpie_binary") is False else 0
    heap_min = base or 0x10000
    manifest = manifest_bytes + b"\0"

    entry, phoff = struct.unpack_from("<2Q", pal, 24)
    phnum = struct.unpack_from("<H", pal, 56)[0]
    loads = [p for p in (struct.unpack_from("<IIQQQQQQ", pal, phoff + 56 * i) for i in range(phnum))
             if p[0] == 1 and p[6]]
    pal_size = max(up(p[3] + p[6]) for p in loads)

    top = base + size
    at = {}
    for name, count in [("manifest", up(len(manifest))), ("ssa", threads * 8 * PAGE), ("tcs", threads * PAGE),
                        ("tls", threads * PAGE)]:
        top -= count
        at[name] = top
    stacks, sig_stacks = [], []
    for where, count in ((stacks, 64), (sig_stacks, 16)):
        for _ in range(threads):
            top -= count * PAGE
            where.append(top)
    top -= pal_size
    at["pal"] = top

    h = hashlib.sha256(b"ECREATE\0" + struct.pack("<IQ", 4, size) + bytes(44))

    def pages(addr, flags, content, count, measured=True):
        for i in range(count):
            offset = addr + i * PAGE - base
            h.update(b"EADD\0\0\0\0" + struct.pack("<QQ", offset, flags) + bytes(40))
            page = content[i * PAGE:(i + 1) * PAGE].ljust(PAGE, b"\0")
            for c in range(0, PAGE if measured else 0, 256):
                h.update(b"EEXTEND\0" + struct.pack("<Q", offset + c) + bytes(48) + page[c:c + 256])

    pages(at["manifest"], 0x201, manifest, up(len(manifest)) // PAGE)
    pages(at["ssa"], 0x203, b"", threads * 8)
    for t in range(threads):
        pages(at["tcs"] + t * PAGE, 0x100, struct.pack(
            "<QQQIIQQQQII", 0, 0, at["ssa"] + t * 8 * PAGE - base, 0, 2, at["pal"] + entry - base, 0, 0,
            at["tls"] + t * PAGE - base, 0xfff, 0xfff), 1)
    for t in range(threads):
        block = bytearray(PAGE)
        ssa = at["ssa"] + t * 8 * PAGE
        struct.pack_into("<QQ", block, 0, at["tls"] + t * PAGE, 0xbadbadbadbad)
        for field, value in {
                "size": size, "tcs": at["tcs"] + t * PAGE - base, "stack": stacks[t] + 64 * PAGE,
                "low": sig_stacks[t], "high": sig_stacks[t] + 16 * PAGE, "ssa": ssa,
                "gpr": ssa + 4 * PAGE - 184, "manifest": len(manifest), "heap_min": heap_min,
                "heap_max": at["pal"]}.items():
            struct.pack_into("<Q", block, LAYOUTS[layout][field], value)
        pages(at["tls"] + t * PAGE, 0x203, block, 1)
    for addr in stacks:
        pages(addr, 0x203, b"", 64)
    for addr in sig_stacks:
        pages(addr, 0x203, b"", 16)
    for _, p_flags, offset, vaddr, _, filesz, memsz, _ in loads:
        start = vaddr // PAGE * PAGE
        rights = (p_flags >> 2 & 1) | (p_flags & 2) | (p_flags & 1) << 2
        pages(at["pal"] + start, 0x200 | rights, bytes(vaddr - start) + pal[offset:offset + filesz],
              up(vaddr + memsz - start) // PAGE)
    if not sgx.get("edmm_enable"):
        pages(heap_min, 0x207, b"", (at["pal"] - heap_min) // PAGE, False)
    return h.hexdigest()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("manifest")
    p.add_argument("libpal")
    p.add_argument("--layout", choices=list(LAYOUTS), default="2")
    o = p.parse_args()
    with open(o.manifest, "rb") as f:
        manifest = f.read()
    with open(o.libpal, "rb") as f:
        pal = f.read()
    print(mrenclave(manifest, pal, o.layout))


if __name__ == "__main__":
    sys.exit(main())
