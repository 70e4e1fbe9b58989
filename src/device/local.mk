noinst_LIBRARIES += libdevice.a
libdevice_a_SOURCES = \
	src/device/counters.c \
	src/device/device.h \
	src/device/device_emul.c \
	src/device/device_kernel.c \
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
