# explain: facts in tables, no device, no keeper.  Included by local.mk; the unit test links it alone.
noinst_LIBRARIES += libexplain.a
libexplain_a_SOURCES = \
	src/cli/explain.h src/cli/explain_check.c src/cli/explain_decode.c src/cli/explain_facts.c \
	src/cli/explain_list.c src/cli/explain_query.c src/cli/explain_read.c src/cli/explain_text.c \
	src/cli/explain_calls.def src/cli/explain_cases.def src/cli/explain_cases_host.def \
	src/cli/explain_cases_leaf.def src/cli/explain_cases_run.def src/cli/explain_codes.def \
	src/cli/explain_errors.def
nodist_libexplain_a_SOURCES = src/cli/explain_checks.inc
libexplain_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS)
libexplain_libs = libexplain.a libarch.a $(libbase_libs)

# The checks of the processor model, read as text: their conditions are written once, and cli links no model.
explain_check_tables = $(srcdir)/src/machine/leaf/checks_encls.h $(srcdir)/src/machine/leaf/checks_enclu.h
src/cli/explain_checks.inc: $(srcdir)/src/cli/explain_checks.awk $(explain_check_tables)
	$(AM_V_at)$(MKDIR_P) src/cli
	$(AM_V_GEN)LC_ALL=C $(AWK) -f $(srcdir)/src/cli/explain_checks.awk $(explain_check_tables) >$@.tmp
	$(AM_V_at)mv $@.tmp $@
BUILT_SOURCES += src/cli/explain_checks.inc
CLEANFILES += src/cli/explain_checks.inc
EXTRA_DIST += src/cli/explain_checks.awk

unit_tests += tests/unit/test_cli_explain
tests_unit_test_cli_explain_SOURCES = tests/unit/test_cli_explain.c
tests_unit_test_cli_explain_LDADD = $(libexplain_libs)
bats_tests += tests/bats/35-explain.bats
