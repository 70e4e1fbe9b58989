# SPDX-License-Identifier: LGPL-2.1-or-later
# One line per value of a document: path, tab, value.  What differs from run to run is left out: process, addresses,
# times.  Scenarios and checks are named instead of counted; ranges of the page map that differ only in what one of
# the devices cannot know are joined.
def volatile: [
	"pid", "start_time", "elapsed_ns", "uptime_ns", "base", "aep", "address", "image", "maddr",
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	"rip", "ursp", "urbp", "fsbase", "gsbase"
];

def hex_value:
	ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c >= 97 then $c - 87 else $c - 48 end));

def named_checks:
	reduce .[] as $c ({}; ($c.name) as $n | ([keys[] | select(startswith($n + " #"))] | length) as $i
		| .["\($n) #\($i)"] = $c);

def joined_ranges:
	map(del(.pte, .source))
	| reduce .[] as $r ([];
		(if length > 0 then .[-1] else null end) as $last
		| if $last != null and ($last.offset | hex_value) + $last.pages * 4096 == ($r.offset | hex_value)
			and ($last | del(.offset, .pages)) == ($r | del(.offset, .pages))
		  then .[-1].pages += $r.pages
		  else . + [$r] end)
	| map({ key: .offset, value: . }) | from_entries;

(if (.scenarios | type) == "array" then
	.scenarios |= (map({ key: "\(.name)/\(.strategy)", value: (.checks |= named_checks) }) | from_entries)
 elif (.ranges | type) == "array" then
	.ranges |= joined_ranges
 else . end)
| . as $doc
| [paths]
| .[]
| . as $p
| ($doc | getpath($p)) as $v
| select(($v | type) != "object" and ($v | type) != "array")
| select(([$p[] | strings] | last) as $leaf | volatile | index($leaf) | not)
| "\($p | map(tostring) | join("."))\t\($v | tojson)"
