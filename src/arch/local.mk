noinst_LIBRARIES += libarch.a
libarch_a_SOURCES = src/arch/sgx_arch.h src/arch/sgx_uapi.h src/arch/sgx_names.h src/arch/sgx_names.c
libarch_a_CFLAGS = $(AM_CFLAGS) $(CONV_CFLAGS)

unit_tests += tests/unit/test_arch_names
tests_unit_test_arch_names_SOURCES = tests/unit/test_arch_names.c tests/unit/tap.h
tests_unit_test_arch_names_LDADD = libarch.a
