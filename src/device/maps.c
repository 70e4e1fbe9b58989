/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which addresses of a range are mapped from an enclave.  Such mappings are shared, the reservation of
 * ELRANGE around them is private: that tells them apart whatever the device node is called here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "device/internal.h"

int device_maps(uint64_t base, uint64_t size, struct device_vma **ret, size_t *ret_n)
{
	CLEANUP(cleanup_fclose) FILE *f = fopen("/proc/self/maps", "re");
	CLEANUP(cleanup_free) struct device_vma *v = NULL;
	CLEANUP(cleanup_free) char *line = NULL;
	size_t n = 0, cap = 0, line_bytes = 0;

	if (!f)
		return -errno;
	while (getline(&line, &line_bytes, f) > 0) {
		uint64_t start, end;
		char perm[5];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, perm) != 3 || perm[3] != 's' ||
		    start - base >= size)
			continue;
		if (n == cap) {
			struct device_vma *p;

			cap = cap ? cap * 2 : 32;
			p = realloc(v, cap * sizeof(*p));
			if (!p)
				return -ENOMEM;
			v = p;
		}
		v[n].start = start;
		v[n].end = end;
		v[n++].prot = (perm[0] == 'r' ? PROT_READ : 0) | (perm[1] == 'w' ? PROT_WRITE : 0) |
			      (perm[2] == 'x' ? PROT_EXEC : 0);
	}
	*ret_n = n;
	*ret = STEAL_PTR(v);
	return 0;
}

int device_maps_at(const struct device_vma *v, size_t n, uint64_t la, uint64_t end, uint64_t *ret_stop)
{
	*ret_stop = end;
	for (size_t i = 0; i < n; i++) {
		if (la >= v[i].start && la < v[i].end) {
			*ret_stop = v[i].end;
			return v[i].prot;
		}
		if (v[i].start > la && v[i].start < *ret_stop)
			*ret_stop = v[i].start;
	}
	return -1;
}
