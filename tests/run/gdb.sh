#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# gdb on programs under sgxctl run, with the settings of sgxctl-run(1): breakpoints and steps inside an enclave.
set -u
: "${SGXCTL:?}" "${top_builddir:?}"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0
if ! command -v gdb >/dev/null; then
	echo "1..0 # SKIP no gdb"
	exit 0
fi
program=$top_builddir/tests/run/world
if ldd "$program" | grep -q libasan; then
	echo "1..0 # SKIP LeakSanitizer and gdb both want to trace the program"
	exit 0
fi

result() { # STATUS WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/out"; fi
}

cat >"$tmp/settings" <<'END'
set pagination off
set breakpoint pending on
handle SIGILL SIGSEGV SIGSYS SIGBUS SIGFPE nostop noprint pass
END

# The enclave's entry point is 0x3000 behind its base.
cat >"$tmp/inside" <<'END'
break rig_op
run
hbreak *(rig.base + 0x3000)
delete 1
continue
printf "at +%lx\n", $pc - rig.base
stepi
printf "at +%lx\n", $pc - rig.base
delete
continue
END
for SGXCTL_TRAP in enclu hlt; do
	export SGXCTL_TRAP
	timeout 100 gdb -batch -nx -x "$tmp/settings" -x "$tmp/inside" --args "$SGXCTL" run -- "$program" once >"$tmp/out" 2>&1
	grep -q '^at +3000$' "$tmp/out"
	result $? "hbreak in the enclave, $SGXCTL_TRAP"
	grep -q '^at +3003$' "$tmp/out"
	result $? "stepi in the enclave, $SGXCTL_TRAP"
	grep -q 'exited normally' "$tmp/out"
	result $? "the program goes on and ends as ever, $SGXCTL_TRAP"
done

# not hbreak: some virtual machines do not run into it in a process that runs already, with or without sgxctl
cat >"$tmp/attached" <<'END'
break rig_op
continue
continue
backtrace 1
delete
detach
END
"$SGXCTL" run -- "$program" stays &
pid=$!
tries=0
while ! grep -q sgx_enclave "/proc/$pid/maps" && [ $tries -lt 100 ]; do
	sleep 0.1
	tries=$((tries + 1))
done
sleep 1
timeout 100 gdb -batch -nx -x "$tmp/settings" -x "$tmp/attached" -p "$pid" >"$tmp/out" 2>&1
grep -q '^#0 .*rig_op' "$tmp/out"
result $? "a breakpoint of a gdb that attached, while enclaves are entered"
sleep 1
kill -TERM "$pid"
wait "$pid"
[ $? -eq 143 ]
result $? "the program went on after gdb had left"
echo "1..$n"
