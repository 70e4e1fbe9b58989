# make check-kselftest: the Linux kernel's own SGX selftests on the emulated device.  Their source is not part of
# sgxctl: KSELFTEST_SRC names a folder tools/testing/selftests/sgx of a kernel tree, else Debian's linux-source
# package is looked for, else the run is a skip.
check_LIBRARIES += tests/driver/libkselftest_wrap.a
tests_driver_libkselftest_wrap_a_SOURCES = tests/driver/kselftest_wrap.c tests/driver/kselftest_wrap.h
EXTRA_DIST += tests/driver/kselftest.sh

check-kselftest: all tests/driver/libkselftest_wrap.a tests/oracle/image_tool
	@top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CC='$(CC)' \
		SAN_CFLAGS='$(SAN_CFLAGS)' CRYPTO_LIBS='$(CRYPTO_LIBS)' \
		SGXCTL='$(abs_top_builddir)/sgxctl$(EXEEXT)' SGXCTL_KEEPER='$(abs_top_builddir)/sgxctl-keeper$(EXEEXT)' \
		SGXCTL_SHIM='$(abs_top_builddir)/libsgxemu.so' SGXCTL_EXEC='$(abs_top_builddir)/sgxctl-exec$(EXEEXT)' \
		$(SHELL) $(top_srcdir)/tests/driver/kselftest.sh
PHONY_LOCAL += check-kselftest
