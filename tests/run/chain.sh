#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Chains of programs under sgxctl run: dynamic, static, scripts, other C libraries.  All have the device.
set -u
top=${top_srcdir:?} build=${top_builddir:?}
: "${SGXCTL:?}" "${CC:=cc}"
SGXCTL_EXEC=$build/sgxctl-exec SGXCTL_SHIM=$build/libsgxemu.so
export SGXCTL_EXEC SGXCTL_SHIM
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

result() { # STATUS WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# The words that the last program says.
says() { # WHAT WORDS COMMAND...
	what=$1 words=$2
	shift 2
	timeout 60 "$SGXCTL" run -- "$@" >"$tmp/out" 2>&1
	status=$?
	[ "$status" -eq 0 ] && [ "$(cat "$tmp/out")" = "$words" ]
	result $? "$what"
	if [ "$status" -ne 0 ] || [ "$(cat "$tmp/out")" != "$words" ]; then
		echo "# status $status, expected: $words"
		sed 's/^/# /' "$tmp/out"
	fi
}

compile() { # COMPILER NAME OPTIONS...
	compiler=$1 name=$2
	shift 2
	$compiler -O1 -w "$@" "$top/tests/run/chain.c" -o "$tmp/$name" 2>"$tmp/ld"
}

compile "$CC" dynamic || exit 99
if ! compile "$CC" static -static; then
	echo "1..0 # SKIP $CC cannot link static programs"
	exit 0
fi
for how in execve execv execvp execl fexecve execveat spawn vfork fork raw; do
	says "dynamic, $how, static" "open x by static" "$tmp/dynamic" $how "$tmp/static" open x
	says "static, $how, dynamic" "open x by dynamic" "$tmp/static" $how "$tmp/dynamic" open x
done
says "dynamic, static, dynamic, static" "open x by static" \
	"$tmp/dynamic" execve "$tmp/static" spawn "$tmp/dynamic" vfork "$tmp/static" open x
for from in dynamic static; do
	says "$from, a static program without a name" "open x by memfd:program (deleted)" "$tmp/$from" memory "$tmp/static" open x
	says "$from, a dynamic program without a name" "open x by memfd:program (deleted)" "$tmp/$from" memory "$tmp/dynamic" open x
done

# scripts
printf '#!%s open\n' "$tmp/static" >"$tmp/script"
printf '#! %s\n' "$tmp/script" >"$tmp/script-of-script"
printf '#!/bin/sh\nexec "$@"\n' >"$tmp/shell"
chmod +x "$tmp/script" "$tmp/script-of-script" "$tmp/shell"
for from in dynamic static; do
	says "$from, a script of a static interpreter" "open $tmp/script x by static" "$tmp/$from" execve "$tmp/script" x
	says "$from, a script of a script" "open $tmp/script $tmp/script-of-script x by static" \
		"$tmp/$from" execve "$tmp/script-of-script" x
	says "$from, a shell script that executes a static program" "open x by static" \
		"$tmp/$from" execve "$tmp/shell" "$tmp/static" open x
done
says "sgxctl run of a script of a static interpreter" "open $tmp/script x by static" "$tmp/script" x
says "the loader by its name" "open x by ld-linux-x86-64.so.2" /lib64/ld-linux-x86-64.so.2 "$tmp/dynamic" open x

# errors are the kernel's
"$SGXCTL" run -- "$tmp/dynamic" execve "$tmp/nowhere" 2>"$tmp/err"
[ $? -eq 96 ] && grep -q 'No such file' "$tmp/err"
result $? "what is not there is not executed"
"$SGXCTL" run -- "$tmp/dynamic" spawn "$tmp/nowhere"
[ $? -eq 98 ]
result $? "nor spawned"

# another C library
if command -v musl-gcc >/dev/null && compile musl-gcc musl-static -static && compile musl-gcc musl-dynamic; then
	says "musl, static" "open x by musl-static" "$tmp/musl-static" open x
	says "musl, dynamic" "open x by musl-dynamic" "$tmp/musl-dynamic" open x
	says "glibc, musl, glibc, musl" "open x by musl-dynamic" \
		"$tmp/dynamic" execve "$tmp/musl-dynamic" spawn "$tmp/static" vfork "$tmp/musl-dynamic" open x
	says "musl, vfork, glibc" "open x by dynamic" "$tmp/musl-dynamic" vfork "$tmp/dynamic" open x
else
	n=$((n + 1))
	echo "ok $n - musl # SKIP no musl-gcc"
fi

# Go, static and with cgo
if command -v go >/dev/null; then
	GOCACHE=$tmp/go-cache GOPATH=$tmp/go GO111MODULE=off
	export GOCACHE GOPATH GO111MODULE
	mkdir "$tmp/with-c"
	sed 's/^import (/import "C"\nimport (/' "$top/tests/run/program.go" >"$tmp/with-c/program.go"
	CGO_ENABLED=0 go build -o "$tmp/go-static" "$top/tests/run/program.go" 2>"$tmp/ld"
	says "a static program of Go" "true true child  <nil> true" "$tmp/go-static"
	CGO_ENABLED=1 go build -o "$tmp/go-dynamic" "$tmp/with-c/program.go" 2>"$tmp/ld"
	says "a dynamic program of Go" "true true child  <nil> true" "$tmp/go-dynamic"
else
	n=$((n + 1))
	echo "ok $n - Go # SKIP no go"
fi

# what happened is told for static programs too
"$SGXCTL" run --trace="$tmp/trace" --summary -- "$tmp/dynamic" fork "$tmp/static" open x >"$tmp/out" 2>"$tmp/err"
grep -q '"event":"open".*"path":"/dev/sgx_enclave"' "$tmp/trace"
result $? "--trace: a static child"
grep -q '^ *1 *0 open$' "$tmp/err"
result $? "--summary: the calls of a static child"
"$SGXCTL" run --summary -- "$tmp/static" open x >"$tmp/out" 2>"$tmp/err"
grep -q '^ *1 *0 open$' "$tmp/err"
result $? "--summary of a static program"
echo "1..$n"
