# Parsers under damaged files: a replay with a fixed seed in make check, libFuzzer in make fuzz.
check_PROGRAMS += tests/fuzz/replay
tests_fuzz_replay_SOURCES = tests/fuzz/replay.c tests/fuzz/targets.c tests/fuzz/fuzz.h tests/fuzz/plan_check.c \
	tests/fuzz/plan_check.h
tests_fuzz_replay_LDADD = $(libimage_libs)
TESTS += tests/fuzz/replay.sh
EXTRA_DIST += tests/fuzz/replay.sh tests/fuzz/corpus.sh tests/fuzz/fuzz.sh tests/fuzz/libfuzzer.c

PHONY_LOCAL += fuzz
fuzz: tests/fuzz/replay
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' PYTHON3='$(PYTHON3)' \
		LIBS_FUZZ='$(CJSON_LIBS) $(ELF_LIBS) $(CRYPTO_LIBS) -lm' $(SHELL) $(top_srcdir)/tests/fuzz/fuzz.sh
clean_local += clean-fuzz
PHONY_LOCAL += clean-fuzz
clean-fuzz:
	rm -rf fuzz-work
