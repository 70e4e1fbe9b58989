noinst_LIBRARIES += libimage.a
libimage_a_SOURCES = \
	src/image/image.h src/image/internal.h src/image/sdk.h src/image/sign_internal.h \
	src/image/elf_image.c src/image/elf_sections.c src/image/format_kernel.c \
	src/image/format_sdk.c src/image/format_sgxctl.c \
	src/image/image.c src/image/image_mem.c src/image/key.c src/image/measure.c \
	src/image/names.c src/image/plan.c src/image/sdk_blocks.c src/image/sdk_layout.c src/image/sdk_segments.c \
	src/image/secs.c src/image/sigstruct.c
libimage_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) $(ELF_CFLAGS) $(CRYPTO_CFLAGS)
libimage_libs = libimage.a libarch.a $(libbase_libs) $(ELF_LIBS) $(CRYPTO_LIBS)

unit_tests += tests/unit/test_image_formats tests/unit/test_image_mutate tests/unit/test_image_nomem \
	tests/unit/test_image_plan tests/unit/test_image_sdk tests/unit/test_image_sign
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
tests_unit_test_image_sdk_SOURCES = tests/unit/test_image_sdk.c tests/unit/image_bytes.h tests/unit/tap.h
tests_unit_test_image_sdk_LDADD = $(libimage_libs)
tests_unit_test_image_sign_SOURCES = tests/unit/test_image_sign.c tests/unit/tap.h
tests_unit_test_image_sign_LDADD = $(libimage_libs)

# the library against implementations that share nothing with it
check_PROGRAMS += tests/oracle/image_tool
tests_oracle_image_tool_SOURCES = tests/oracle/image_tool.c
tests_oracle_image_tool_LDADD = $(libimage_libs)
TESTS += tests/oracle/check.sh tests/oracle/check_sdk.sh
EXTRA_DIST += tests/oracle/check.sh tests/oracle/check_sdk.sh tests/oracle/check_sdk.py tests/oracle/lib.sh tests/oracle/mrenclave.py \
	tests/oracle/sdk.py tests/oracle/sigstruct.py tests/mk/mk_elf.py tests/mk/mk_sdk.py tests/mk/mk_sigstruct.py
