noinst_LIBRARIES += libemul.a
emul_device_sources = \
	src/emul/emul.h src/emul/internal.h \
	src/emul/driver.h src/emul/encl.h src/emul/proc.h src/emul/raw.h \
	src/emul/device.c src/emul/epc.c src/emul/pool.c src/emul/platform.c \
	src/emul/ioc_common.c src/emul/ioc_user.c \
	src/emul/ioc_create.c src/emul/ioc_add_pages.c src/emul/ioc_init.c src/emul/ioc_provision.c \
	src/emul/ioc_restrict.c src/emul/ioc_modify.c src/emul/ioc_remove.c src/emul/ioc_augment.c \
	src/emul/extra.c src/emul/debug.c src/emul/observe.c
libemul_a_SOURCES = $(emul_device_sources) src/emul/emul_crypto.h src/emul/emul_crypto.c
# EENTER passes through here without a trap: the enclave must see its caller's vector state
libemul_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) -mgeneral-regs-only
include src/emul/native.mk
# reached from the fault path and from EENTER without a trap
libemul_native_a_SOURCES += src/emul/elsewhere.c src/emul/encl.c src/emul/host.c src/emul/lock.c src/emul/query.c
libemul_native_a_SOURCES += src/emul/native_mask.c src/emul/native_event.c src/emul/native_abort.c

emul_fixture = tests/unit/emul_fixture.c tests/unit/emul_fixture.h tests/driver/tiny.c tests/driver/tiny.h
emul_test_libs = libemul.a libemul_native.a libemul.a libmachine.a $(libimage_libs) -lpthread
unit_tests += tests/unit/test_emul_build tests/unit/test_emul_sgx2 tests/unit/test_emul_device \
	tests/unit/test_emul_model
tests_unit_test_emul_build_SOURCES = tests/unit/test_emul_build.c $(emul_fixture)
tests_unit_test_emul_build_LDADD = $(emul_test_libs)
tests_unit_test_emul_sgx2_SOURCES = tests/unit/test_emul_sgx2.c $(emul_fixture)
tests_unit_test_emul_sgx2_LDADD = $(emul_test_libs)
tests_unit_test_emul_device_SOURCES = tests/unit/test_emul_device.c $(emul_fixture)
tests_unit_test_emul_device_LDADD = $(emul_test_libs)
tests_unit_test_emul_model_SOURCES = tests/unit/test_emul_model.c $(emul_fixture)
tests_unit_test_emul_model_LDADD = $(emul_test_libs)

# One source, two programs: the real driver's side runs in the virtual machine that DRIVER_VM boots.
check_PROGRAMS += tests/driver/seqdiff_kernel tests/driver/seqdiff_emul
tests_driver_seqdiff_kernel_SOURCES = tests/driver/seqdiff.c tests/driver/dice.h tests/driver/tiny.c tests/driver/tiny.h
tests_driver_seqdiff_kernel_LDADD = $(libimage_libs)
tests_driver_seqdiff_emul_SOURCES = $(tests_driver_seqdiff_kernel_SOURCES)
tests_driver_seqdiff_emul_CPPFLAGS = $(AM_CPPFLAGS) -DSEQDIFF_EMUL
tests_driver_seqdiff_emul_LDADD = $(emul_test_libs)
EXTRA_DIST += tests/driver/seqdiff.sh

# Runs on the real driver, and the same program under `sgxctl run`.
check_PROGRAMS += tests/driver/encldiff
tests_driver_encldiff_SOURCES = tests/driver/encldiff.c tests/driver/encldiff.h tests/driver/encldiff_elf.h \
	tests/driver/encldiff_build.c tests/driver/encldiff_inside.c tests/driver/encldiff_pages.c \
	tests/driver/encldiff_host.c tests/driver/encldiff_code.S tests/driver/dice.h \
	tests/driver/tiny.c tests/driver/tiny.h
tests_driver_encldiff_LDADD = $(libimage_libs) -lpthread
EXTRA_DIST += tests/driver/encldiff.sh

check-encldiff: tests/driver/encldiff sgxctl$(EXEEXT) libsgxemu.so
	@DRIVER_VM='$(DRIVER_VM)' ENCLDIFF='$(abs_top_builddir)/tests/driver/encldiff' \
		SGXCTL='$(abs_top_builddir)/sgxctl$(EXEEXT)' SGXCTL_SHIM='$(abs_top_builddir)/libsgxemu.so' \
		$(SHELL) $(top_srcdir)/tests/driver/encldiff.sh
PHONY_LOCAL += check-encldiff

check-seqdiff: tests/driver/seqdiff_kernel tests/driver/seqdiff_emul
	@DRIVER_VM='$(DRIVER_VM)' SEQDIFF_KERNEL='$(abs_top_builddir)/tests/driver/seqdiff_kernel' \
		SEQDIFF_EMUL='$(abs_top_builddir)/tests/driver/seqdiff_emul' \
		$(SHELL) $(top_srcdir)/tests/driver/seqdiff.sh
PHONY_LOCAL += check-seqdiff
