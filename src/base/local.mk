noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/cleanup.h src/base/clock.h \
	src/base/err.h src/base/err.c src/base/errors.def src/base/errno_names.c \
	src/base/fd.h src/base/fd.c src/base/program_folder.h \
	src/base/fmt.h src/base/fmt.c \
	src/base/json.h src/base/json.c src/base/json_build.c src/base/json_node.h \
	src/base/json_scan.h src/base/json_scan.c \
	src/base/place.h src/base/place.c \
	src/base/text.h src/base/text.c
libbase_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) $(CJSON_CFLAGS)
# libcrypto for what shall not be linked with it; in place of, not beside, $(CRYPTO_LIBS)
noinst_LIBRARIES += liblate.a
liblate_a_SOURCES = src/base/late_crypto.h src/base/late_crypto.c src/base/late_crypto.def
liblate_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS)
libbase_libs = libbase.a $(CJSON_LIBS) -lm

unit_tests += tests/unit/test_base_err tests/unit/test_base_fd tests/unit/test_base_fmt tests/unit/test_base_json
tests_unit_test_base_err_SOURCES = tests/unit/test_base_err.c tests/unit/tap.h
tests_unit_test_base_err_LDADD = $(libbase_libs)
tests_unit_test_base_fd_SOURCES = tests/unit/test_base_fd.c tests/unit/tap.h
tests_unit_test_base_fd_LDADD = $(libbase_libs)
tests_unit_test_base_fmt_SOURCES = tests/unit/test_base_fmt.c tests/unit/tap.h
tests_unit_test_base_fmt_LDADD = $(libbase_libs)
tests_unit_test_base_json_SOURCES = tests/unit/test_base_json.c tests/unit/tap.h
tests_unit_test_base_json_CFLAGS = $(AM_CFLAGS) $(CJSON_CFLAGS)
tests_unit_test_base_json_LDADD = $(libbase_libs)
