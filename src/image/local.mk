noinst_LIBRARIES += libimage.a
libimage_a_SOURCES = \
	src/image/image.h src/image/internal.h src/image/record.h src/image/sgxs.h src/image/sign_internal.h src/image/stream.h \
	src/image/elf_image.c src/image/format_kernel.c src/image/format_sgxctl.c \
	src/image/format_enarx.c src/image/format_raw.c src/image/format_sgxs.c src/image/sgxs_runs.c \
	src/image/sgxs_write.c src/image/stream.c \
	src/image/image.c src/image/image_mem.c src/image/key.c src/image/measure.c \
	src/image/names.c src/image/plan.c src/image/secs.c src/image/sigstruct.c
libimage_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) $(ELF_CFLAGS) $(CRYPTO_CFLAGS)
libimage_libs = libimage.a libarch.a $(libbase_libs) $(ELF_LIBS) $(CRYPTO_LIBS)

unit_tests += tests/unit/test_image_enarx tests/unit/test_image_formats tests/unit/test_image_mutate tests/unit/test_image_nomem \
	tests/unit/test_image_plan tests/unit/test_image_sgxs tests/unit/test_image_sgxs_random \
	tests/unit/test_image_sign
tests_unit_test_image_enarx_SOURCES = tests/unit/test_image_enarx.c tests/unit/tap.h
tests_unit_test_image_enarx_LDADD = $(libimage_libs)
tests_unit_test_image_formats_SOURCES = tests/unit/test_image_formats.c tests/unit/image_bytes.h \
	tests/unit/tap.h
tests_unit_test_image_formats_LDADD = $(libimage_libs)
tests_unit_test_image_mutate_SOURCES = tests/unit/test_image_mutate.c tests/unit/image_bytes.h \
	tests/unit/tap.h
tests_unit_test_image_mutate_LDADD = $(libimage_libs)
tests_unit_test_image_nomem_SOURCES = tests/unit/test_image_nomem.c tests/unit/image_bytes.h \
	tests/unit/tap.h
tests_unit_test_image_nomem_LDADD = $(libimage_libs)
tests_unit_test_image_nomem_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc -Wl,--wrap=reallocarray -Wl,--wrap=mmap
tests_unit_test_image_plan_SOURCES = tests/unit/test_image_plan.c tests/unit/tap.h
tests_unit_test_image_plan_LDADD = $(libimage_libs)
tests_unit_test_image_sgxs_SOURCES = tests/unit/test_image_sgxs.c tests/unit/sgxs_bytes.h tests/unit/tap.h
tests_unit_test_image_sgxs_LDADD = $(libimage_libs)
tests_unit_test_image_sgxs_random_SOURCES = tests/unit/test_image_sgxs_random.c tests/unit/sgxs_bytes.h \
	tests/unit/tap.h
tests_unit_test_image_sgxs_random_LDADD = $(libimage_libs)
tests_unit_test_image_sign_SOURCES = tests/unit/test_image_sign.c tests/unit/tap.h
tests_unit_test_image_sign_LDADD = $(libimage_libs)

# the library against implementations that share nothing with it
check_PROGRAMS += tests/oracle/image_tool
tests_oracle_image_tool_SOURCES = tests/oracle/image_tool.c
tests_oracle_image_tool_LDADD = $(libimage_libs)
TESTS += tests/oracle/check.sh tests/oracle/check-sgxs.sh
EXTRA_DIST += tests/oracle/check.sh tests/oracle/check-sgxs.sh tests/oracle/mrenclave.py tests/oracle/sigstruct.py tests/mk/mk_elf.py \
	tests/oracle/enarx.py tests/oracle/sgxs.py tests/mk/mk_enarx.py tests/mk/mk_sgxs.py
