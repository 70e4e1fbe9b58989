#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the three inputs of a Gramine enclave: NAME.manifest.sgx, NAME.libpal.so and, with --sign, NAME.sig.

The manifest has the shapes that Gramine's signer writes and some that it does not; libpal is a small
shared object whose code leaves the enclave at once (EEXIT).  --set and --patch come last and can break
anything.  The same options always give the same bytes.
"""
import argparse
import struct
import sys

sys.dont_write_bytecode = True
from mk_elf import LEAVE, PAGE, number, pattern  # noqa: E402

HEADER = bytes.fromhex("06000000e10000000000010000000000")
HEADER2 = bytes.fromhex("01010000600000006000000001000000")


def manifest(o):
    keys = {"enclave_size": f'"{o.size}"', o.threads_key: str(o.threads), "debug": "false", "isvprodid": "0",
            "isvsvn": "0", "remote_attestation": '"none"'}
    if o.edmm:
        keys["edmm_enable"] = "true"
    if o.nonpie:
        keys["nonpie_binary"] = o.nonpie
    for text in o.set:
        key, value = text.split("=", 1)
        keys[key] = value
        if not value:
            del keys[key]
    body = "".join(f"{k} = {v}\n" for k, v in keys.items())
    files = 'uri = "file:/lib/x\\u00e4 \\"[sgx]\\""\nsha256 = "' + "ab" * 32 + '"\n'
    if o.style == "tables":
        text = ('[libos]\nentrypoint = "file:/usr/bin/x"\n\n[loader]\nlog_level = "error"\nargv = [ "a", "b", ]\n\n'
                "[loader.env]\nPATH = '/bin:/usr/bin'\n\n[sgx]\n" + body + "\n[[sgx.trusted_files]]\n" + files +
                "\n[[sgx.trusted_files]]\n" + files + "\n[sgx.cpu_features]\navx = \"required\"\n")
    elif o.style == "dotted":
        text = ("# comment\nloader.log_level = 'error'\n" +
                "".join(f"sgx.{line}\n" for line in body.splitlines()) +
                'sgx.allowed_files = [\n  "file:a", # one\n  "file:b"\n]\nsgx.trusted_files = [ { uri = "x", '
                "sha256 = 'y' }, { uri = \"z\" } ]\nstart = 1979-05-27T07:32:00Z\npi = 3.14_15e0\n")
    else:
        text = ('title = """\nseveral\n[sgx]\nlines"""\n[sgx]\n' + body.replace("\n", "   # comment\n") +
                "[sgx.nested.deep]\nenclave_size = 7\n")
    return (text + "\n" * o.newlines).encode()


def libpal(o):
    segments = [(5, 0, 0x1900, 0x1900), (6, 0x2e40, 0x1d0, 0x2400)]
    f = bytearray(64 + 56 * len(segments))
    phdrs = b""
    for i, (flags, vaddr, filesz, memsz) in enumerate(segments):
        f += bytes((vaddr - len(f)) % PAGE) if i else b""
        off = len(f) if i else 0
        f += pattern(filesz - (len(f) if not i else 0), o.seed + i)
        phdrs += struct.pack("<IIQQQQQQ", 1, flags, off, vaddr, vaddr, filesz, memsz, PAGE)
    f[0x1000:0x1000 + len(LEAVE)] = LEAVE
    f[:64] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 3, 62, 1, 0x1000, 64, 0, 0, 64, 56, len(segments), 64, 0, 0)
    f[64:64 + len(phdrs)] = phdrs
    for text in o.patch:
        off, width, value = (number(t) for t in text.split(":"))
        f[off:off + width] = value.to_bytes(width, "little")
    return bytes(f)


def sigstruct(enclavehash):
    sig = bytearray(1808)
    sig[0:16], sig[24:40] = HEADER, HEADER2
    sig[20:24] = bytes([0xe6, 0x07, 11, 28])
    struct.pack_into("<I", sig, 512, 3)
    struct.pack_into("<4Q", sig, 928, 4, 3, 2**64 - 1, 0xfffffffffff9ff1b)
    sig[960:992] = bytes.fromhex(enclavehash)
    return bytes(sig)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-o", "--output", required=True, metavar="NAME")
    p.add_argument("--size", default="8M", help="as the manifest has it")
    p.add_argument("--threads", type=number, default=2)
    p.add_argument("--threads-key", default="max_threads", choices=["max_threads", "thread_num"])
    p.add_argument("--nonpie", choices=["true", "false"], help="nonpie_binary, which manifests had before 1.5")
    p.add_argument("--edmm", action="store_true")
    p.add_argument("--style", choices=["tables", "dotted", "odd"], default="tables", help="ways to write it")
    p.add_argument("--newlines", type=number, default=0, help="at the end; they count")
    p.add_argument("--set", action="append", default=[], metavar="KEY=TOML", help="in [sgx]; nothing removes it")
    p.add_argument("--seed", type=number, default=1)
    p.add_argument("--patch", action="append", default=[], metavar="OFFSET:WIDTH:VALUE", help="in libpal")
    p.add_argument("--sign", metavar="HEX", help="ENCLAVEHASH")
    o = p.parse_args()
    outputs = {".manifest.sgx": manifest(o), ".libpal.so": libpal(o)}
    if o.sign:
        outputs[".sig"] = sigstruct(o.sign)
    for ending, data in outputs.items():
        with open(o.output + ending, "wb") as f:
            f.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
