noinst_LIBRARIES += libimage.a
libimage_a_SOURCES = \
	src/image/image.h src/image/internal.h src/image/sign_internal.h \
	src/image/elf_image.c src/image/format_kernel.c src/image/format_sgxctl.c \
	src/image/image.c src/image/image_mem.c src/image/key.c src/image/measure.c \
	src/image/plan.c src/image/sigstruct.c
libimage_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS) $(ELF_CFLAGS) $(CRYPTO_CFLAGS)
libimage_libs = libimage.a libarch.a $(libbase_libs) $(ELF_LIBS) $(CRYPTO_LIBS)
