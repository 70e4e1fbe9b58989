#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tests of the emulated device that enter enclaves, with ENCLU left as it is and with ENCLU rewritten: start-up
# timing picks one of the ways, and a machine would never see the others.  TAP on stdout.
#
# Environment: top_builddir; TEST_TRAPS  the ways to try, all unless told
set -u

: "${top_builddir:?}"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
SGXCTL_TEST_KEY=$tmp/key.pem            # made by the first of them
export SGXCTL_TEST_KEY
count=0
failed=0

for trap in ${TEST_TRAPS:-enclu hlt int3}; do
	for test in test_emul_native test_emul_entry test_emul_stress test_emul_paging; do
		count=$((count + 1))
		if out=$(SGXCTL_TRAP=$trap "$top_builddir/tests/unit/$test" 2>&1); then
			echo "ok $count - $test with SGXCTL_TRAP=$trap"
		else
			failed=1
			echo "not ok $count - $test with SGXCTL_TRAP=$trap"
			echo "$out" | grep -v '^ok' | sed 's/^/# /'
		fi
	done
done
echo "1..$count"
exit $failed
