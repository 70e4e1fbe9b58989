# The test enclaves.  build.sh holds the command: its flags decide MRENCLAVE, so CFLAGS has no say.
enclave_images = enclaves/grow.elf enclaves/threads.elf enclaves/mmap.elf
enclave_sources = \
	enclaves/build.sh \
	enclaves/bench_kernel.h \
	enclaves/grow.S \
	enclaves/mmap.S \
	enclaves/mmap.c \
	enclaves/mmap_ledger.c \
	enclaves/mmap_ledger.h \
	enclaves/mmap_syscall.S \
	enclaves/mmap_syscall.h \
	enclaves/threads.S \
	enclaves/include/encl_ops.h \
	enclaves/lib/encl.h \
	enclaves/lib/encl.lds \
	enclaves/lib/enclu.h \
	enclaves/lib/entry.S \
	enclaves/lib/main.c \
	enclaves/lib/mem.c \
	enclaves/lib/note.h \
	enclaves/lib/ops.c \
	enclaves/lib/ops_grow.c \
	enclaves/lib/ops_identity.c \
	enclaves/lib/ops_memory.c \
	enclaves/lib/ops_run.c \
	enclaves/lib/run.S \
	enclaves/lib/run.h \
	enclaves/lib/tls_offsets.h

EXTRA_DIST += $(enclave_sources) enclaves/example/minimal.S
enclaves_DATA += $(enclave_images)
CLEANFILES += $(enclave_images)

$(enclave_images): $(enclave_sources) src/arch/sgx_arch.h
	@$(MKDIR_P) enclaves
	$(AM_V_GEN)name=`basename $@ .elf` && CC='$(CC)' ENCLAVE_WARN='$(WARN_CFLAGS) $(CONV_CFLAGS)' \
		$(SHELL) $(top_srcdir)/enclaves/build.sh $(top_srcdir) $$name $@

# The parts in C, on the host; then the images themselves.
unit_tests += tests/unit/test_enclave_ops tests/unit/test_enclave_mmap tests/unit/test_enclave_image \
	tests/unit/test_enclave_run
tests_unit_test_enclave_ops_SOURCES = tests/unit/test_enclave_ops.c tests/unit/test_enclave_stub.h enclaves/lib/run.S
tests_unit_test_enclave_mmap_SOURCES = tests/unit/test_enclave_mmap.c tests/unit/test_enclave_stub.h enclaves/lib/run.S
tests_unit_test_enclave_image_SOURCES = tests/unit/test_enclave_image.c
tests_unit_test_enclave_run_SOURCES = tests/unit/test_enclave_run.c
tests_unit_test_enclave_run_LDADD = libdevice.a libemul.a libemul_native.a libemul.a libmachine.a libimage.a \
	libarch.a libbase.a $(CJSON_LIBS) $(ELF_LIBS) $(CRYPTO_LIBS) -lpthread
lint_tests += tests/lint/reproducible.sh
