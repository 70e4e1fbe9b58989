noinst_LIBRARIES += libdevice.a
libdevice_a_SOURCES = \
	src/device/counters.c \
	src/device/device.h \
	src/device/device_emul.c \
	src/device/device_kernel.c \
	src/device/encl_add.c \
	src/device/encl_build.c \
	src/device/encl_enter.c \
	src/device/encl_ioctl.c \
	src/device/encl_map.c \
	src/device/enter_thunk.S \
	src/device/explain.c \
	src/device/grow.c \
	src/device/grow_accept.c \
	src/device/grow_access.c \
	src/device/grow_ioctl.c \
	src/device/grow_touch.c \
	src/device/internal.h \
	src/device/ledger.c \
	src/device/maps.c \
	src/device/offers.c \
	src/device/open.c \
	src/device/pages.c \
	src/device/peek.c \
	src/device/probe.c \
	src/device/seam.h \
	src/device/secs.c \
	src/device/sgx2ops.c \
	src/device/touch.c \
	src/device/vdso.c
libdevice_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS)
libdevice_libs = libdevice.a libemul.a libemul_native.a libemul.a libmachine.a libimage.a libarch.a libbase.a \
	$(CJSON_LIBS) $(ELF_LIBS) $(CRYPTO_LIBS) -lpthread -lm

# the script provider is for tests alone
check_LIBRARIES += libdevice_script.a
libdevice_script_a_SOURCES = src/device/device_script.h src/device/device_script.c
libdevice_script_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS)

device_rig = tests/unit/device_rig.c tests/unit/device_rig.h
device_test_libs = libdevice_script.a $(libdevice_libs)
unit_tests += tests/unit/test_device_build tests/unit/test_device_grow tests/unit/test_device_ledger \
	tests/unit/test_device_vdso
tests_unit_test_device_build_SOURCES = tests/unit/test_device_build.c $(device_rig)
tests_unit_test_device_build_LDADD = $(device_test_libs)
tests_unit_test_device_grow_SOURCES = tests/unit/test_device_grow.c $(device_rig)
tests_unit_test_device_grow_LDADD = $(device_test_libs)
tests_unit_test_device_ledger_SOURCES = tests/unit/test_device_ledger.c $(device_rig)
tests_unit_test_device_ledger_LDADD = $(device_test_libs)
tests_unit_test_device_vdso_SOURCES = tests/unit/test_device_vdso.c $(device_rig)
tests_unit_test_device_vdso_LDADD = $(device_test_libs)
