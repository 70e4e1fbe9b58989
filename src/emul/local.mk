noinst_LIBRARIES += libemul.a
libemul_a_SOURCES = \
	src/emul/emul.h src/emul/internal.h \
	src/emul/driver.h src/emul/encl.h src/emul/raw.h \
	src/emul/device.c src/emul/epc.c src/emul/platform.c \
	src/emul/ioc_common.c src/emul/ioc_user.c \
	src/emul/ioc_create.c src/emul/ioc_add_pages.c src/emul/ioc_init.c src/emul/ioc_provision.c \
	src/emul/ioc_restrict.c src/emul/ioc_modify.c src/emul/ioc_remove.c src/emul/ioc_augment.c \
	src/emul/extra.c src/emul/debug.c \
	src/emul/emul_crypto.h src/emul/emul_crypto.c
# EENTER passes through here without a trap: the enclave must see its caller's vector state
libemul_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) -mgeneral-regs-only
include src/emul/native.mk
# reached from the fault path and from EENTER without a trap
libemul_native_a_SOURCES += src/emul/encl.c src/emul/host.c src/emul/lock.c

emul_fixture = tests/unit/emul_fixture.c tests/unit/emul_fixture.h tests/driver/tiny.c tests/driver/tiny.h
emul_test_libs = libemul.a libemul_native.a libemul.a libmachine.a $(libimage_libs) -lpthread
unit_tests += tests/unit/test_emul_build tests/unit/test_emul_sgx2
tests_unit_test_emul_build_SOURCES = tests/unit/test_emul_build.c $(emul_fixture)
tests_unit_test_emul_build_LDADD = $(emul_test_libs)
tests_unit_test_emul_sgx2_SOURCES = tests/unit/test_emul_sgx2.c $(emul_fixture)
tests_unit_test_emul_sgx2_LDADD = $(emul_test_libs)
