noinst_LIBRARIES += libimage.a
libimage_a_SOURCES = \
	src/image/diff_internal.h src/image/gramine_manifest.h src/image/image.h src/image/internal.h \
	src/image/oe_image.h src/image/record.h src/image/sdk.h src/image/sgxs.h \
	src/image/sign_internal.h src/image/stream.h src/image/toml.h src/image/toml_reader.h \
	src/image/compare.c src/image/diff.c src/image/diff_groups.c src/image/elf_image.c \
	src/image/elf_sections.c src/image/format_enarx.c src/image/format_gramine.c \
	src/image/format_kernel.c src/image/format_oe.c src/image/format_raw.c \
	src/image/format_sdk.c src/image/format_sgxctl.c src/image/format_sgxs.c src/image/gramine_manifest.c \
	src/image/image.c src/image/image_mem.c src/image/index.c src/image/key.c src/image/measure.c \
	src/image/names.c src/image/oe_image.c src/image/oe_layout.c src/image/plan.c src/image/sdk_blocks.c \
	src/image/sdk_layout.c src/image/sdk_segments.c src/image/secs.c \
	src/image/sgxs_runs.c src/image/sgxs_write.c src/image/sigstruct.c src/image/sigstruct_check.c \
	src/image/stream.c src/image/toml.c src/image/toml_string.c
libimage_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) $(ELF_CFLAGS) $(CRYPTO_CFLAGS)
libimage_libs = libimage.a libarch.a $(libbase_libs) $(ELF_LIBS) $(CRYPTO_LIBS)

unit_tests += tests/unit/test_image_diff tests/unit/test_image_enarx tests/unit/test_image_formats \
	tests/unit/test_image_mutate tests/unit/test_image_nomem tests/unit/test_image_oe tests/unit/test_image_plan \
	tests/unit/test_image_sdk tests/unit/test_image_sgxs tests/unit/test_image_sign tests/unit/test_image_toml
tests_unit_test_image_enarx_SOURCES = tests/unit/test_image_enarx.c tests/unit/tap.h
tests_unit_test_image_enarx_LDADD = $(libimage_libs)
tests_unit_test_image_diff_SOURCES = tests/unit/test_image_diff.c tests/unit/tap.h
tests_unit_test_image_diff_LDADD = $(libimage_libs)
tests_unit_test_image_formats_SOURCES = tests/unit/test_image_formats.c tests/unit/image_bytes.h \
	tests/unit/tap.h
tests_unit_test_image_formats_LDADD = $(libimage_libs)
tests_unit_test_image_mutate_SOURCES = tests/unit/test_image_mutate.c tests/unit/image_bytes.h \
	tests/unit/tap.h tests/fuzz/plan_check.h tests/fuzz/plan_check.c
tests_unit_test_image_mutate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_image_mutate_LDADD = $(libimage_libs)
tests_unit_test_image_nomem_SOURCES = tests/unit/test_image_nomem.c tests/unit/image_bytes.h \
	tests/unit/image_oe_bytes.h tests/unit/tap.h
tests_unit_test_image_nomem_LDADD = $(libimage_libs)
tests_unit_test_image_nomem_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc -Wl,--wrap=reallocarray -Wl,--wrap=mmap
tests_unit_test_image_oe_SOURCES = tests/unit/test_image_oe.c tests/unit/image_bytes.h \
	tests/unit/image_oe_bytes.h tests/unit/tap.h
tests_unit_test_image_oe_LDADD = $(libimage_libs)
tests_unit_test_image_toml_SOURCES = tests/unit/test_image_toml.c tests/unit/tap.h
tests_unit_test_image_toml_LDADD = $(libimage_libs)
tests_unit_test_image_plan_SOURCES = tests/unit/test_image_plan.c tests/unit/tap.h
tests_unit_test_image_plan_LDADD = $(libimage_libs)
tests_unit_test_image_sdk_SOURCES = tests/unit/test_image_sdk.c tests/unit/image_bytes.h tests/unit/tap.h
tests_unit_test_image_sdk_LDADD = $(libimage_libs)
tests_unit_test_image_sgxs_SOURCES = tests/unit/test_image_sgxs.c tests/unit/tap.h
tests_unit_test_image_sgxs_LDADD = $(libimage_libs)
tests_unit_test_image_sign_SOURCES = tests/unit/test_image_sign.c tests/unit/tap.h
tests_unit_test_image_sign_LDADD = $(libimage_libs)

# the library against implementations that share nothing with it
check_PROGRAMS += tests/oracle/image_tool
tests_oracle_image_tool_SOURCES = tests/oracle/image_tool.c
tests_oracle_image_tool_LDADD = $(libimage_libs)
TESTS += tests/oracle/check.sh tests/oracle/check-sgxs.sh tests/oracle/check_gramine.sh tests/oracle/check_oe.sh \
	tests/oracle/check_sdk.sh
EXTRA_DIST += tests/oracle/check.sh tests/oracle/check-sgxs.sh tests/oracle/check_gramine.sh \
	tests/oracle/check_oe.sh tests/oracle/check_sdk.sh tests/oracle/check_sdk.py tests/oracle/lib.sh \
	tests/oracle/enarx.py tests/oracle/gramine.py tests/oracle/mrenclave.py tests/oracle/oe.py \
	tests/oracle/sdk.py tests/oracle/sgxs.py tests/oracle/sigstruct.py \
	tests/mk/mk_elf.py tests/mk/mk_enarx.py tests/mk/mk_gramine.py tests/mk/mk_oe.py tests/mk/mk_sdk.py \
	tests/mk/mk_sgxs.py tests/mk/mk_sigstruct.py
