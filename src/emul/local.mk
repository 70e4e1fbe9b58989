noinst_LIBRARIES += libemul.a
libemul_a_SOURCES = \
	src/emul/emul.h src/emul/internal.h \
	src/emul/driver.h src/emul/encl.h src/emul/raw.h \
	src/emul/device.c src/emul/encl.c src/emul/epc.c src/emul/host.c src/emul/lock.c \
	src/emul/ioc_common.c src/emul/ioc_user.c \
	src/emul/ioc_create.c src/emul/ioc_add_pages.c src/emul/ioc_init.c src/emul/ioc_provision.c \
	src/emul/ioc_restrict.c src/emul/ioc_modify.c src/emul/ioc_remove.c src/emul/ioc_augment.c \
	src/emul/extra.c src/emul/debug.c \
	src/emul/emul_crypto.h src/emul/emul_crypto.c \
	src/emul/mm.c src/emul/fault.c
libemul_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS)
include src/emul/native.mk
