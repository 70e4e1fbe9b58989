#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The test enclaves come out byte for byte the same wherever and whenever they are built: two copies of the
# sources under paths of different length, two working directories, two times, are compared with the build tree.
set -eu

top=${top_srcdir:?} build=${top_builddir:?}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
first=$tmp/a second=$tmp/another/place/altogether
n=0 failed=0

result() { # STATUS WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

for copy in "$first" "$second"; do
	mkdir -p "$copy/src"
	cp -R "$top/enclaves" "$copy/enclaves"
	cp -R "$top/src/arch" "$copy/src/arch"
	find "$copy" -name '*.elf' -exec rm -f {} +
	chmod -R u+w "$copy"
done
find "$second" -type f -exec touch -d '2001-02-03 04:05:06' {} +

for name in grow threads mmap; do
	status=0
	(cd / && sh "$first/enclaves/build.sh" "$first" "$name" "$first/$name.elf") || status=1
	(cd "$second" && TZ=Asia/Tokyo sh enclaves/build.sh . "$name" "$name.elf") || status=1
	result $status "$name builds from a copy of its sources"
	status=0
	cmp "$first/$name.elf" "$second/$name.elf" >&2 || status=1
	result $status "$name is the same from two places"
	status=0
	cmp "$first/$name.elf" "$build/enclaves/$name.elf" >&2 || status=1
	result $status "$name is the same as in the build tree"
	status=0
	if grep -q -e "$tmp" -e "$top" "$build/enclaves/$name.elf"; then status=1; fi
	result $status "$name holds no path"
done
# The example of sgxctl-enclave(7) is the file, and builds by the command given there.
status=0
sed -n '/^\.\\" enclaves\/example\/minimal\.S/,/^\.\\" end/p' "$top/man/sgxctl-enclave.7" |
	grep -v '^\.' >"$tmp/printed"
tail -n +2 "$top/enclaves/example/minimal.S" | cmp - "$tmp/printed" >&2 || status=1
result $status "the manual prints enclaves/example/minimal.S"
status=0
${CC:-cc} -nostdlib -static -Wl,-Ttext-segment=0,--build-id=none \
	-o "$tmp/minimal.elf" "$top/enclaves/example/minimal.S" || status=1
result $status "the example builds"

echo "1..$n"
exit $failed
