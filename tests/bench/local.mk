# make bench: ratios within one run, printed as JSON rows and as a table.  Nothing here is a test.
bench_programs = tests/bench/bench_emul tests/bench/bench_image tests/bench/bench_run tests/bench/bench_under \
	tests/bench/bench_calls tests/bench/bench_calls_own tests/bench/bench_calls_static
bench_trap = tests/bench/bare_trap.c tests/bench/bare_trap.h tests/bench/entries.h tests/bench/bench.h
EXTRA_PROGRAMS += $(bench_programs)
tests_bench_bench_emul_SOURCES = tests/bench/bench_emul.c $(bench_trap) tests/unit/emul_rig.c tests/unit/emul_rig.h
tests_bench_bench_emul_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/enclaves
tests_bench_bench_emul_LDADD = $(EMUL_LIBS) $(libimage_libs) -lpthread
tests_bench_bench_image_SOURCES = tests/bench/bench_image.c tests/bench/bench.h
tests_bench_bench_image_LDADD = $(EMUL_LIBS) $(libimage_libs) -lpthread
tests_bench_bench_run_SOURCES = tests/bench/bench_run.c tests/bench/bench.h
# a program like any other, for sgxctl run
tests_bench_bench_under_SOURCES = tests/bench/bench_under.c $(bench_trap) $(run_rig)
tests_bench_bench_under_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/enclaves
tests_bench_bench_under_LDADD = $(run_libs)
tests_bench_bench_calls_SOURCES = tests/bench/bench_calls.c tests/bench/bench.h
tests_bench_bench_calls_own_SOURCES = $(tests_bench_bench_calls_SOURCES)
tests_bench_bench_calls_own_CPPFLAGS = $(AM_CPPFLAGS) -DOWN_INSTRUCTION
tests_bench_bench_calls_static_SOURCES = $(tests_bench_bench_calls_SOURCES)
tests_bench_bench_calls_static_LDFLAGS = -static
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/bench.sh

bench: all $(bench_programs)
	@SGXCTL='$(abs_top_builddir)/sgxctl' SGXCTL_ENCLAVES='$(abs_top_builddir)/enclaves' \
		SGXCTL_SHIM='$(abs_top_builddir)/libsgxemu.so' SGXCTL_EXEC='$(abs_top_builddir)/sgxctl-exec' \
		PYTHON3='$(PYTHON3)' top_srcdir='$(top_srcdir)' $(SHELL) $(top_srcdir)/tests/bench/bench.sh '$(abs_top_builddir)/tests/bench'
PHONY_LOCAL += bench

EXTRA_DIST += tests/bench/round-trips.sh
round-trips: all
	@SGXCTL='$(abs_top_builddir)/sgxctl' SGXCTL_KEEPER='$(abs_top_builddir)/sgxctl-keeper' \
		SGXCTL_ENCLAVES='$(abs_top_builddir)/enclaves' $(SHELL) $(top_srcdir)/tests/bench/round-trips.sh
PHONY_LOCAL += round-trips
