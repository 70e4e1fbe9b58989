#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What growing by N pages costs in round trips, for each strategy: the counters that sgxctl reports, one enclave
# per line.  One page is added and accepted before, so that first touches of the enclave's own code, stack and SSA
# do not count.  round-trips.sh [DEVICE OPTIONS...]; SGXCTL from the environment.
set -eu
state=$(mktemp -d)
SGXCTL_STATE_DIR=$state
export SGXCTL_STATE_DIR
trap '"$SGXCTL" unload --all >/dev/null 2>&1 || true; rm -rf "$state"' EXIT

printf '%-8s %6s  %6s %5s %11s %7s %6s %8s %6s %10s %8s %6s  %s\n' strategy pages ioctls mmaps host_faults eenters \
	eexits eresumes aexs user_exits eaccepts ptes round_trips_per_page
# "fixed" is the ioctl strategy on an emulated kernel that installs page-table entries.
for row in access accept touch ioctl fixed; do
	strategy=$row driver=
	if [ "$row" = fixed ]; then strategy=ioctl driver=--kernel=fixed; fi
	for pages in 1 16 256 4096; do
		# shellcheck disable=SC2086
		"$SGXCTL" "$@" $driver load grow --name trips >/dev/null
		"$SGXCTL" augment trips --offset 0x4000000 --pages 1 --accept --strategy "$strategy" >/dev/null
		"$SGXCTL" augment trips --offset 0x100000 --pages "$pages" --accept --strategy "$strategy" |
			jq -r --arg row "$row" '.counters as $c | [$row, .requested_pages, $c.ioctls, $c.mmaps, $c.host_faults, $c.eenters,
				$c.eexits, $c.eresumes, $c.aexs, $c.user_exits, $c.eaccepts, $c.ptes,
				(.round_trips_per_page * 1000 | round / 1000)] | map(. // "?" | tostring) | @tsv' |
			awk -F '\t' '{ printf "%-8s %6s  %6s %5s %11s %7s %6s %8s %6s %10s %8s %6s  %s\n",
				$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 }'
		"$SGXCTL" unload trips >/dev/null
	done
done
