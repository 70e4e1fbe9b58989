#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds one test enclave: build.sh TOP_SRCDIR NAME OUTPUT, compiler in $CC, warning flags in $ENCLAVE_WARN.
#
# The flags are fixed here and the user's CFLAGS are not used: they would change MRENCLAVE, and most of
# what people put there (sanitizers, profiling, debug information) cannot work inside an enclave.
set -eu

top=$1 name=$2 output=$3
dir=$top/enclaves

case $name in
mmap) set -- "$dir/mmap.c" "$dir/mmap_ledger.c" "$dir/mmap_syscall.S" ;;
*)    set -- "$dir/lib/main.c" ;;
esac

# -fpie against a link at 0: the code finds its data wherever ELRANGE is, without relocations.
# --no-relax: the linker would turn an access through the GOT into the absolute address, right only at base 0;
# so it stays one, and the linker script refuses it.
# General registers only: the enclave then needs no care for what the host left in the vector state.
# shellcheck disable=SC2086
exec ${CC:-cc} -std=gnu17 -O2 ${ENCLAVE_WARN-} \
	-ffreestanding -fno-builtin -fpie -fvisibility=hidden -fno-jump-tables -mgeneral-regs-only \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-ident \
	-ffunction-sections -fdata-sections -ffile-prefix-map="$top"=. \
	-I"$dir/include" -I"$top/src" \
	-nostdlib -static -Wl,-T,"$dir/lib/encl.lds" -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-z,noexecstack -Wl,--no-relax -Wl,--gc-sections -Wl,--orphan-handling=error -Wl,--fatal-warnings -Wl,-s \
	-o "$output" \
	"$dir/lib/entry.S" "$dir/$name.S" "$@" "$dir/lib/ops.c" "$dir/lib/ops_memory.c" \
	"$dir/lib/ops_grow.c" "$dir/lib/ops_identity.c" "$dir/lib/ops_run.c" "$dir/lib/run.S" "$dir/lib/mem.c"
