# SPDX-License-Identifier: LGPL-2.1-or-later
# The check tables of the processor model, read as text: rows { "LEAF.n", "condition", "refusal" }, which may
# go over two lines, become CHECK(...) rows.  The command never links the model.
/^\t\{ "[A-Z]+[.][0-9]+", / { row = $0; open = 1 }
open && !/^\t\{/ { sub(/^[ \t]+/, " "); row = row $0 }
open && /\},$/ {
	sub(/^\t\{ /, "CHECK(", row)
	sub(/ \},$/, ")", row)
	print row
	open = 0
	n++
}
END {
	if (!n) {
		print "explain_checks.awk: no check table found" > "/dev/stderr"
		exit 1
	}
}
