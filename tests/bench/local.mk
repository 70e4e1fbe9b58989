# make bench: ratios within one run, printed as JSON rows and as a table.  Nothing here is a test.
EXTRA_PROGRAMS += tests/bench/bench_emul tests/bench/bench_image
tests_bench_bench_emul_SOURCES = tests/bench/bench_emul.c tests/bench/bench.h tests/unit/emul_rig.c tests/unit/emul_rig.h
tests_bench_bench_emul_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/enclaves
tests_bench_bench_emul_LDADD = $(EMUL_LIBS) $(libimage_libs) -lpthread
tests_bench_bench_image_SOURCES = tests/bench/bench_image.c tests/bench/bench.h
tests_bench_bench_image_LDADD = $(EMUL_LIBS) $(libimage_libs) -lpthread
CLEANFILES += tests/bench/bench_emul tests/bench/bench_image
EXTRA_DIST += tests/bench/bench.sh

bench: all tests/bench/bench_emul tests/bench/bench_image
	@SGXCTL='$(abs_top_builddir)/sgxctl' SGXCTL_ENCLAVES='$(abs_top_builddir)/enclaves' \
		PYTHON3='$(PYTHON3)' top_srcdir='$(top_srcdir)' $(SHELL) $(top_srcdir)/tests/bench/bench.sh '$(abs_top_builddir)/tests/bench'
PHONY_LOCAL += bench

EXTRA_DIST += tests/bench/round-trips.sh
round-trips: all
	@SGXCTL='$(abs_top_builddir)/sgxctl' SGXCTL_KEEPER='$(abs_top_builddir)/sgxctl-keeper' \
		SGXCTL_ENCLAVES='$(abs_top_builddir)/enclaves' $(SHELL) $(top_srcdir)/tests/bench/round-trips.sh
PHONY_LOCAL += round-trips
