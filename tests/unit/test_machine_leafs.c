/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every check of every leaf, refused once and passed once; and that the tables know them all. */
#include "machine_rows.h"

int main(void)
{
	rows_build();
	rows_init();
	rows_pages();
	rows_paging();
	rows_entry();
	rows_accepting();
	rows_keys();
	rows_access();
	rows_coverage();
	return rows_done();
}
