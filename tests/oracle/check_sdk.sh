#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Enclaves of the Intel SGX SDK, see check_sdk.py.  TAP on stdout.

. "${top_srcdir:-.}/tests/oracle/lib.sh"
have_command || unset SGXCTL
"$python" "$src/tests/oracle/check_sdk.py" "$tool" "$tmp"
