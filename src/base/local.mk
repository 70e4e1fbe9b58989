noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/cleanup.h src/base/clock.h \
	src/base/err.h src/base/err.c src/base/errors.def src/base/errno_names.c \
	src/base/fd.h src/base/fd.c \
	src/base/fmt.h src/base/fmt.c \
	src/base/json.h src/base/json.c src/base/json_scan.h src/base/json_scan.c \
	src/base/text.h src/base/text.c
libbase_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) $(CJSON_CFLAGS)
libbase_libs = libbase.a $(CJSON_LIBS) -lm
