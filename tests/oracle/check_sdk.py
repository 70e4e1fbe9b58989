#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Enclaves of the Intel SGX SDK: MRENCLAVE by the library, the command and a program that shares no code
with them; what the plan says; files that are refused, with the code and the place in the file.

    check_sdk.py IMAGE_TOOL DIRECTORY       TAP on stdout

Environment: SGXCTL, a command to compare with too.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "mk")]
import mk_sdk  # noqa: E402
import mk_sigstruct  # noqa: E402
import sdk  # noqa: E402
import sigstruct  # noqa: E402

TOOL, TMP = sys.argv[1:]
IMAGE, KEY = os.path.join(TMP, "image"), os.path.join(TMP, "key.pem")
count = failed = 0


def ok(good, what, *why):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")
    for line in () if good else why:
        print("#  ", str(line).replace("\n", "\n#   "))


def make(text, sign=False):
    """The file that these options of mk_sdk.py make, written to IMAGE."""
    o = mk_sdk.parser().parse_args(["-o", IMAGE] + text.split())
    o.blocks = o.blocks or [(2, 4), (2, 1), (1, 4)]
    sig = bytes(1808)
    if sign:
        sig = mk_sigstruct.sign(KEY, bytes.fromhex(sdk.measure(bytes(mk_sdk.build(o, sig)))),
                                **mk_sigstruct.options(o))
    data = mk_sdk.damage(o, mk_sdk.build(o, sig))
    with open(IMAGE, "wb") as f:
        f.write(data)
    return bytes(data)


def tool(*args):
    return subprocess.run([TOOL, *args], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


def compare(what, data, wish=None):
    want = sdk.measure(data, wish)
    got = tool("measure", IMAGE, *([f"sdk:{wish}"] if wish else []))
    ok(got == want, what, got, want)


def command(what, data):
    """The command prints the same."""
    if "SGXCTL" not in os.environ:
        return
    r = subprocess.run([os.environ["SGXCTL"], "measure", IMAGE], stdout=subprocess.PIPE, text=True,
                       check=False)
    got = json.loads(r.stdout).get("mrenclave")
    ok(got == sdk.measure(data), f"{what}, by the command", r.stdout)


VARIANTS = """
--threads 5 --seed 3
--threads 3 --removed 3 --dynamic 4 --block 2.2 --block 2.3 --block 1.4
--block 1.3
--block 1.3 --threads 4
--block 1.3 --quirk 0x203010
--block 1.3 --quirk 0x205010
--block 1.3 --quirk 0x204fc0 --data 0x206100 --bss 0x20 --gap 1
--block 1.4 --quirk 0x203010
--block 1.4 --old-ids --threads 2
--block 1.5 --fips
--block 3.0 --block 1.4
--block 3.1 --user 100
--block 3.2 --block 1.5 --fips --user 7 --dynamic 2
--block 3.3 --second 0x400000
--block 1.5 --second 0x300000 --fips
--block 12.4 --block 11.4
--block 13.1 --block 11.4 --elrange 0x40000000:0:0x80000000
--block 13.3 --block 11.5 --elrange 0x140000000:0x100000000:0x100000000
--rsrv 2:3:40 --heap 4:5:6 --stack 7:8
--ssaframesize 3 --nssa 4 --td 2
--attributes 0x84 --misc 1
--content 11223344556677889900
--textrel 0x2000
--textrel 0x1ffc --textrel 0x1ff8 --textrel 0x4001 --jmprel 0x3ff9
--textrel 0x1ffc --none 0x1ffc --textrel 0x206e00 --jmprel 0x5320
--textrel 0x2000 --no-textrel
--text 0x5000 --data 0x206000 --data-bytes 0x1000 --bss 0
--data 0x206fff --data-bytes 0x6d1 --bss 0x2000
--odd 2
--odd 3 --strip
--sim
--pcl
"""


def variants():
    data = make("")
    compare("image: as it comes", data)
    command("image: as it comes", data)
    for text in VARIANTS.strip().splitlines():
        compare("image: " + text, make(text))
    data = make("--block 3.2 --block 2.4 --block 1.5 --threads 2 --dynamic 1 --rsrv 1:1:1")
    for wish in ("1", "2", "3", "1.5", "2.4", "3.2"):
        compare("block " + wish, data, wish)
    extra = [[r.what for r in sdk.enclave(make(text)).runs].count("extra")
             for text in VARIANTS.strip().splitlines()[2:8]]
    ok(extra == [0, 0, 1, 0, 1, 0], "the page more of 1.3 is there, and there alone", extra)


# ---- what the plan says ------------------------------------------------------------------------------

# options, format, a line of the plan (a regular expression), what it means
SHOWS = [
    ("", None, r"block 1\.4 0x[0-9a-f]+ 0xf84 chosen", "of 2.4, 2.1 and 1.4 a plain loader takes 1.4"),
    ("", "sdk:2", r"block 2\.4 0x[0-9a-f]+ 0xf84 chosen", "sdk:2 takes the newest of generation 2"),
    ("", "sdk:3", r"block 2\.4 0x[0-9a-f]+ 0xf84 chosen", "so does sdk:3, when there is no 3"),
    ("", "sdk:2.1", r"block 2\.1 0x[0-9a-f]+ 0xf84 chosen", "sdk:2.1 takes that block"),
    ("--block 3.1 --block 2.4", None, r"block 2\.4 .* chosen", "without a generation 1 the plainest is taken"),
    ("--block 12.4 --block 11.4", None, "base 0x0", "an ELRANGE demands its base"),
    ("--block 12.4 --block 11.4", None, "size 0x40000000", "and its size"),
    ("--block 12.4 --block 11.4", None, "run 0x10000000 6 0x205 ffff 00000000 text", "and moves the pages"),
    ("--block 12.4 --block 11.4", None, "fact image_address 0x10000000", "which is said"),
    ("--block 3.1 --heap 1:2:3", None, "dynamic 0x[0-9a-f]+ 3 heap", "heap to be added at run time"),
    ("--block 3.1 --rsrv 1:1:5", None, "dynamic 0x[0-9a-f]+ 5 reserved", "reserved memory"),
    ("--block 3.1 --user 9", None, "dynamic 0x[0-9a-f]+ 9 user", "user region"),
    ("--block 3.1 --dynamic 2", None, "dynamic 0x[0-9a-f]+ 1 threads", "threads"),
    ("--block 3.1 --dynamic 2", None, "fact dynamic_threads 2", "how many of them"),
    ("--textrel 0x1ffc --textrel 0x4000", None, "run 0x1000 2 0x207 ffff 00000000 text-reloc",
     "pages of relocated text are writable, with the next one when a slot straddles"),
    ("--textrel 0x1ffc --textrel 0x4000", None, "run 0x3000 1 0x205 ffff 00000000 text", "others are not"),
    ("--textrel 0x1ffc --textrel 0x4000", None, "fact text_relocation_pages 3", "how many of them"),
    ("--sim", None, "no-run .*simulation.*", "an enclave for simulation cannot be run"),
    ("--sim --strip", None, "no-run .*simulation.*", "nor can one without section headers"),
    ("--pcl", None, "no-run .*encrypted.*", "an encrypted one cannot be run"),
    ("--block 3.3 --second 0x400000 --fips", None, "fact second_signature 1", "a second signature is shown"),
    ("--block 3.3 --second 0x400000 --fips", None, "run 0x400000 2 0x205 ffff 00000000 text",
     "a second ELF file is placed where it says"),
    ("--attributes 0x84 --misc 1 --want-xfrm 0x7", None, "flags 0x84", "KSS is wished"),
    ("--attributes 0x84 --misc 1 --want-xfrm 0x7", None, "miscselect 0x1", "MISCSELECT is wished"),
    ("--attributes 0x84 --misc 1 --want-xfrm 0x7", None, "xfrm 0x7", "XFRM is wished"),
    ("--block 1.4 --old-ids", None, "run 0x[0-9a-f]+ 1 0x100 ffff 00000000 tcs", "old ids: TCS"),
    ("--block 1.4 --old-ids", None, "run 0x[0-9a-f]+ 2 0x203 ffff 00000000 ssa", "old ids: SSA"),
    ("--block 1.4 --old-ids", None, "run 0x[0-9a-f]+ 16 0x203 0000 00000000 heap", "old ids: heap"),
]
# the pages, flags and offsets of a real enclave that is known page by page; its contents are not known
EXAMPLE = "--text 0x7e800 --entry 0x6ed82 --data 0x27ed28 --data-bytes 0x12e0 --bss 0x13ef8 --odd 4"
EXAMPLE_RUNS = """run 0x0 127 0x205 ffff 00000000 text
run 0x27e000 22 0x203 ffff 00000000 data
run 0x294000 1 0x203 0000 00000000 heap
run 0x295000 15 0x203 0000 00000000 heap
run 0x2b4000 2 0x203 ffff cccccccc stack
run 0x2b6000 2 0x203 ffff cccccccc stack
run 0x2c8000 1 0x100 ffff 00000000 tcs
run 0x2c9000 2 0x203 ffff 00000000 ssa
run 0x2db000 1 0x203 ffff 00000000 td
tcs 0x2c8000"""


def shows():
    for text, wish, line, what in SHOWS:
        make(text)
        said = tool("show", IMAGE, *([wish] if wish else []))
        ok(re.search(f"^{line}$", said, re.M), what, line, said)
    make("")
    ok("dynamic" not in re.sub("dynamic_", "", tool("show", IMAGE)),
       "a block of generation 1 declares nothing for later")
    data = make(EXAMPLE)
    said = tool("show", IMAGE)
    ok(EXAMPLE_RUNS in said and "pages 173 157" in said and "size 0x400000" in said,
       "the worked example's shape", said)
    compare("image: the worked example's shape", data)
    places = [("--block 11.4", "0x10001010", r"\.text\+0x[0-9a-f]+ enclave_entry\+0x10",
               "places have names, moved ones too"),
              ("", "0x206e38", r"\.data\+0x110 g_global_data\+0x10",
               "data have, though the place of the section headers is patched away"),
              ("", "0x100000", "nowhere", "a hole has none")]
    for text, offset, line, what in places:
        make(text)
        said = tool("locate", IMAGE, offset)
        ok(re.fullmatch(line, said), what, said)


# ---- large ones --------------------------------------------------------------------------------------

def large():
    data = make("--heap 1:0x1e00000:0 --text 0x400000 --data 0x606d28")
    got, peak = tool("peak", IMAGE).split()
    want = sdk.measure(data)
    ok(got == want, f"a heap of 120 GiB in a file of {len(data) >> 20} MiB", got, want)
    ok(int(peak) < 65536, f"is measured in {peak} KiB of memory, less than 64 MiB")


# ---- signed ------------------------------------------------------------------------------------------

def signed():
    if not shutil.which("openssl"):
        print(f"ok {count + 1} - signed files # SKIP there is no openssl command")
        return 1
    subprocess.run(["openssl", "genrsa", "-3", "-out", KEY, "3072"], stderr=subprocess.DEVNULL, check=True)
    data = make("--prodid 7 --svn 3", sign=True)
    at = re.search(r"^sigstruct (0x[0-9a-f]+) metadata block 1\.4 at 0x[0-9a-f]+$", tool("show", IMAGE), re.M)
    sig = data[int(at[1], 0):int(at[1], 0) + 1808] if at else b""
    ok(sig and not sigstruct.refused(sig), "the SIGSTRUCT is where the plan says, and is valid")
    with open(IMAGE, "wb") as f:
        f.write(sig)
    ok(len(tool("verify", IMAGE)) == 64, "the library accepts it")
    make("--prodid 7 --svn 3", sign=True)
    ok(sig[960:992].hex() == tool("measure", IMAGE), "it is of this MRENCLAVE")
    return 0


# ---- refused -----------------------------------------------------------------------------------------

ONE = "--block 2.4 "
# code, what, options, where: from the start of the file, the block, its patches, its layout; None: anywhere
REFUSED = [
    ("bad-layout", "a block shorter than its head", ONE + "--at 0:16:4:0x75f", "b+16"),
    ("bad-layout", "a block of no size", ONE + "--at 0:16:4:0", "b+16"),
    ("bad-layout", "a block longer than the file", ONE + "--at 0:16:4:0xffffffff", "b+16"),
    ("too-big", "a block of more than 1 MiB", ONE + "--pad 0x100000", "b+16"),
    ("too-big", "too many blocks", "--block 1.4 " * 65 + "--pad 0", None),
    ("unknown-format", "a generation to come", ONE + "--at 0:12:4:7", "b+8"),
    ("bad-layout", "no SSA frame", ONE + "--at 0:24:4:0", "b+24"),
    ("too-big", "huge SSA frames", ONE + "--at 0:24:4:0xffffffff", "b+24"),
    ("bad-layout", "a size that is no power of two", ONE + "--at 0:40:8:0x300000", "b+40"),
    ("bad-layout", "a size of one page", ONE + "--at 0:40:8:0x1000", "b+40"),
    ("too-big", "a size of 2^63", ONE + "--at 0:40:8:0x8000000000000000", "b+40"),
    ("bad-layout", "a segment that leaves the enclave", ONE + "--size 0x2000", "0+0x40"),
    ("bad-layout", "patches outside the block", ONE + "--at 0:0x750:4:0xffffffff", "b+0x750"),
    ("bad-layout", "patches that wrap", ONE + "--at 0:0x754:4:0xffffffe0", "b+0x750"),
    ("bad-layout", "patches of an odd size", ONE + "--at 0:0x754:4:33", "b+0x754"),
    ("bad-layout", "a layout outside the block", ONE + "--at 0:0x758:4:0x7fffffff", "b+0x758"),
    ("bad-layout", "a layout of an odd size", ONE + "--at 0:0x75c:4:40", "b+0x75c"),
    ("bad-layout", "a patch outside the file", ONE + "--at 0:0xd84:8:0x1000000", "p+0"),
    ("bad-layout", "a patch that wraps", ONE + "--at 0:0xd84:8:0xffffffffffffffff", "p+0"),
    ("bad-layout", "a patch from outside the block", ONE + "--at 0:0xd8c:4:0xfff00000", "p+8"),
    ("bad-layout", "a patch longer than the block", ONE + "--at 0:0xd90:4:0xffffffff", "p+8"),
    ("bad-layout", "an element at an odd place", ONE + "--field 0:0.rva=0x21b001", "y+8"),
    ("bad-layout", "an element that leaves the enclave", ONE + "--field 0:0.pages=0xffffffff", "y+4"),
    ("bad-layout", "an element that wraps", ONE + "--field 0:0.rva=0xfffffffffffff000", "y+4"),
    ("bad-layout", "elements that overlap", ONE + "--field 0:1.rva=0x21b000", None),
    ("bad-layout", "an element over a segment", ONE + "--field 0:0.rva=0x1000", None),
    ("bad-layout", "contents outside the block", ONE + "--field 0:7.content=0xfffffff0", "y+244"),
    ("bad-layout", "contents that wrap", ONE + "--field 0:7.size=0xffffffff", "y+244"),
    ("bad-layout", "contents larger than the TCS", ONE + "--pad 8000 --field 0:7.size=0x1001", "y+240"),
    ("too-big", "TCS pages without end", ONE + "--size 0x400000000000 --field 0:7.pages=0xffffffff",
     "y+228"),
    ("bad-layout", "W without R", ONE + "--field 0:0.flags=0x202", "y+0"),
    ("bad-layout", "a SECS page", ONE + "--field 0:0.flags=7", "y+0"),
    ("bad-layout", "a TCS with rights", ONE + "--field 0:7.flags=0x101 --field 0:7.content=0", "y+224"),
    ("bad-layout", "a group of more than there is", ONE + "--element 1,9,200,1,0x1000", "y+354"),
    ("bad-layout", "a group in a group", ONE + "--element 1,9,1,1,0x40000 --element 1,9,2,1,0x1000",
     "y+352"),
    ("bad-layout", "a group repeated 2^31 times", ONE + "--element 1,9,8,0x80000000,0x48000", "y+360"),
    ("bad-layout", "steps that wrap", ONE + "--element 1,9,8,0xffffffff,0xffffffffffffffff", "y+360"),
    ("bad-layout", "a group repeated in one place", ONE + "--element 1,9,8,0x80000000,0", "y+360"),
    ("bad-layout", "a step of no page", ONE + "--element 1,9,8,7,0x800", "y+104"),
    ("too-big", "a group that fills the largest enclave",
     ONE + "--size 0x400000000000 --element 1,9,8,0x1000000,0x48000", "y+356"),
    ("no-tcs", "no thread", ONE + "--threads 0", None),
    ("no-tcs", "no layout", ONE + "--at 0:0x75c:4:0", None),
    ("bad-elf", "a truncated file", ONE + "--truncate 0x100", "0+32"),
    ("bad-layout", "a note of another name", ONE + "--patch 0x7015:1:0x53", "b+-25"),
    ("bad-layout", "no magic: not signed", ONE + "--at 0:0:1:0", "b+0"),
    ("bad-layout", "an ELRANGE outside the block", "--block 12.4 --at 0:0x760:4:0xfffff000", "b+0x760"),
    ("bad-layout", "an ELRANGE of an odd size", "--block 12.4 --at 0:0x764:4:23", "b+0x764"),
    ("bad-layout", "an ELRANGE of no power of two", "--block 12.4 --elrange 0x10000000:0:0x30000000",
     "b+0x778"),
    ("bad-layout", "an ELRANGE that is not aligned", "--block 12.4 --elrange 0x10000000:0x1000:0x40000000",
     "b+0x770"),
    ("bad-layout", "an ELRANGE that wraps", "--block 12.4 --at 0:0x770:8:0xffffffffc0000000", "b+0x770"),
    ("bad-layout", "an image below its ELRANGE", "--block 12.4 --at 0:0x770:8:0x40000000", "b+0x768"),
    ("bad-layout", "an image that leaves its ELRANGE", "--block 12.4 --elrange 0x3fff0000:0:0x40000000",
     "b+0x768"),
    ("bad-layout", "extensions outside the block", "--block 1.5 --fips --at 0:0x768:4:0xffff0000",
     "b+0x768"),
    ("bad-elf", "relocations outside the file", ONE + "--textrel 0x2000 --patch 0x5d40:8:0x4000000", None),
    ("bad-elf", "relocations without end", ONE + "--textrel 0x2000 --patch 0x5d50:8:0xfffffffffffffff8", None),
]


def places(data):
    b = data.find(b"gx_metadata\0") + 12   # its first letter may be damaged
    try:
        patches, = struct.unpack_from("<I", data, b + 0x750)
        layout, = struct.unpack_from("<I", data, b + 0x758)
    except struct.error:
        patches = layout = 0
    return {"0": 0, "b": b, "p": b + patches, "y": b + layout}


def refused():
    for code, what, text, where in REFUSED:
        data = make(text)
        said = tool("measure", IMAGE)
        got = re.match(r"error: ([a-z-]+)(?: at (0x[0-9a-f]+))?", said)
        good = got and got[1] == code
        if good and where:
            base, offset = where.split("+")
            at = places(data)[base] + int(offset, 0)
            good = got[2] and int(got[2], 0) == at
            said = f"{said}\nwanted at 0x{at:x}"
        ok(good, f"{code}: {what}", said)
    for wish in ("sdk:4", "sdk:", "sdk:2.x", "sdk:9.9", "sdk:-1", "kernel:1"):
        make("")
        said = tool("measure", IMAGE, wish)
        ok(said.startswith("error: unknown-format"), f"unknown-format: --format {wish}", said)
    said = tool("measure", IMAGE, "sdk", "0x1000")
    ok(said.startswith("error: unsupported"), "unsupported: another heap", said)


def main():
    variants()
    shows()
    large()
    skipped = signed()
    refused()
    print(f"1..{count + skipped}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
