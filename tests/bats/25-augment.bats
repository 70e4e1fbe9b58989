#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# augment: each strategy, what it costs, what it refuses; work that was done is never lost from sight.
load helper

setup() {
	sgxctl_setup
	load --name demo --quiet
}

grow() { json augment demo "$@"; }

@test "by the ioctl: one call, one entry, one exit per page" {
	grow --offset 0x100000 --pages 2 --strategy ioctl --accept
	run -0 grow --offset 0x200000 --pages 64 --strategy ioctl --accept
	has '.strategy == "ioctl" and .requested_pages == 64 and .augmented_pages == 64 and .accepted_pages == 64'
	has '.counters == {"ioctls":1,"mmaps":1,"host_faults":0,"eenters":1,"eexits":1,"eresumes":0,"aexs":64,"user_exits":0,"eaccepts":64,"eacceptcopies":0,"ptes":64}'
	has '.round_trips_per_page > 1 and .round_trips_per_page < 1.1'
}

@test "by touching: no exit from the enclave" {
	grow --offset 0x100000 --pages 2 --strategy touch --accept
	run -0 grow --offset 0x200000 --pages 64 --strategy touch --accept
	has '.counters | .ioctls == 0 and .host_faults == 64 and .aexs == 0 and .eaccepts == 64 and .eenters == 1'
}

@test "by EACCEPT: one exit per page, none to the host" {
	grow --offset 0x100000 --pages 2 --strategy accept
	run -0 grow --offset 0x200000 --pages 64 --strategy accept
	has '.accepted_pages == 64 and (.counters | .ioctls == 0 and .aexs == 64 and .user_exits == 0 and .eenters == 1)'
}

@test "by accessing: two exits per page, one to the host" {
	grow --offset 0x100000 --pages 2 --strategy access
	run -0 grow --offset 0x200000 --pages 64 --strategy access
	has '.accepted_pages == 64 and (.counters | .aexs == 128 and .user_exits == 64 and .eenters == 65 and .eresumes == 64)'
}

@test "many pages are one ioctl" {
	run -0 grow --offset 0x100000 --pages 16384 --accept
	has '.accepted_pages == 16384 and .counters.ioctls == 1 and .counters.eenters == 1'
}

@test "without --accept the pages wait for the enclave" {
	run -0 grow --offset 0x100000 --pages 4
	has '.augmented_pages == 4 and .accepted_pages == 0'
	run -0 json pages demo --offset 0x100000 --pages 4
	has '.ranges[0] | .pending == true and .origin == "eaug" and .pages == 4'
	run -2 json call demo write --addr 0x100000 --value 1
	fails_with enclave-fault
	has '.exception | .name == "#PF" and .error_code == "0x8007" and .offset == "0x100000"'
	run -0 json accept demo --offset 0x100000 --pages 4
	has '.accepted_pages == 4'
}

@test "contents and rights come with EACCEPTCOPY" {
	head -c 10000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	run -0 grow --offset 0x100000 --copy-from "$BATS_TEST_TMPDIR/data" --perm r-x
	has '.accepted_pages == 3 and .counters.eacceptcopies == 3 and .perm == "r-x"'
	run -0 json call demo copyout --addr 0x100000 --bytes 10000 --dst "$BATS_TEST_TMPDIR/back"
	cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/back"
	run -0 json pages demo --offset 0x100000 --pages 3
	has '.ranges | length == 1 and .[0].perm == "r-x" and .[0].vma == "r-x"'
	run -2 json call demo write --addr 0x100000 --value 1
	has '.exception.error_code == "0x7"'
}

@test "rights of every kind" {
	local off=0x100000 perm
	for perm in --- r-- rw- r-x rwx --x; do
		run -0 grow --offset $off --pages 2 --accept --perm "$perm"
		run -0 json pages demo --offset $off --pages 2
		has ".ranges | length == 1 and .[0].perm == \"$perm\" and .[0].pending == false and .[0].pr == false"
		off=$(printf '0x%x' $((off + 0x10000)))
	done
	run -64 grow --offset $off --pages 1 --accept --perm -w-
	fails_with usage
}

@test "pages that exist: what came before is added, accepted and reported" {
	for s in ioctl touch accept access; do
		run -0 grow --offset 0x104000 --pages 4 --accept --strategy $s
		run -1 grow --offset 0x100000 --pages 8 --accept --strategy $s
		fails_with page-exists
		has '.schema == "sgxctl.augment/1" and .augmented_pages == 4 and .accepted_pages == 4'
		has '.error.offset == "0x104000"'
		[ $s != ioctl ] || has '.error.returned == 2'
		json unload demo
		load --name demo --quiet
	done
}

@test "the image's own pages are not mapped over" {
	for s in ioctl touch accept access; do
		run -1 grow --offset 0 --pages 4 --strategy $s --accept
		fails_with page-exists
		run -0 json call demo nop
	done
}

@test "ranges that are none" {
	run -1 grow --offset 0x100800 --pages 1
	fails_with bad-range
	run -1 grow --offset 0x7fff000 --pages 2
	fails_with bad-range
	run -1 grow --offset 0x7fffffffff000 --pages 1
	fails_with bad-range
	run -1 grow --offset 0x100000 --pages 0x100000000
	fails_with bad-range
	run -0 grow --offset 0x7fff000 --pages 1 --accept
}

@test "a kernel without the ioctl" {
	load --name up --kernel=upstream --quiet
	run -4 json augment up --offset 0x100000 --pages 4 --strategy ioctl
	fails_with no-augment-ioctl
	run -0 json augment up --offset 0x100000 --pages 4 --accept
	has '.strategy == "touch" and .accepted_pages == 4'
}

@test "a kernel that returns errnos and installs page-table entries" {
	load --name fixed --kernel=fixed --quiet
	json augment fixed --offset 0x200000 --pages 2 --accept
	run -0 json augment fixed --offset 0x100000 --pages 64 --accept
	has '.strategy == "ioctl" and .counters.aexs == 0 and .counters.ptes == 64'
	run -1 json augment fixed --offset 0x100000 --pages 4 --strategy ioctl
	fails_with page-exists
	has '.error.errno == "EEXIST" and (.error | has("returned") | not)'
}

@test "an SGX1 machine" {
	load --name old --no-sgx2 --quiet
	for s in touch accept access; do
		run -4 json augment old --offset 0x100000 --pages 1 --strategy $s
		fails_with no-sgx2
	done
	run -4 json augment old --offset 0x100000 --pages 1 --strategy ioctl
	fails_with no-sgx2
	has '.error.returned == 2'
}

@test "an EPC that is outgrown" {
	load --name small --epc 2M --quiet
	for s in ioctl touch accept; do
		run -0 json augment small --offset 0x100000 --pages 1000 --strategy $s --accept
		has '.augmented_pages == 1000 and .accepted_pages == 1000'
		run -0 json call small fill --addr 0x100000 --pages 1000 --value 5
		run -0 json call small checksum --addr 0x100000 --pages 1000
		has '.value == "0x271000"'
		run -0 json pages small
		has '([.ranges[] | select(.origin == "eaug" and .type == "reg" and .pending == false) | .pages] | add) == 1000'
		json unload small
		load --name small --epc 2M --quiet
	done
}

@test "the other SGX2 operations" {
	grow --offset 0x100000 --pages 8 --accept
	run -0 json restrict demo --offset 0x100000 --pages 8 --perm r--
	has '.done_pages == 8 and .counters.ioctls == 1'
	run -0 json accept demo --offset 0x100000 --pages 8 --perm r-- --pr
	has '.accepted_pages == 8'
	run -0 json extend demo --offset 0x100000 --pages 8 --perm rw-
	has '.extended_pages == 8'
	run -0 json call demo fill --addr 0x100000 --pages 8 --value 3
	run -0 json modify-type demo --offset 0x100000 --pages 8 --type trim
	run -1 json remove demo --offset 0x100000 --pages 8
	fails_with not-accepted
	has '.error.errno == "EPERM" and .done_pages == 0'
	run -0 json accept demo --offset 0x100000 --pages 8 --type trim
	run -0 json remove demo --offset 0x100000 --pages 8
	has '.done_pages == 8'
	run -1 json remove demo --offset 0x100000 --pages 8
	fails_with no-page
	run -0 grow --offset 0x100000 --pages 8 --accept
}
