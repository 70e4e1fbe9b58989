# The part of the emulated device that runs in signal context, or between EENTER and the first enclave
# instruction: general registers only (the enclave sees its caller's vector state), no stack
# protector (FS is not ours on entry), no sanitizers.
noinst_LIBRARIES += libemul_native.a
libemul_native_a_SOURCES = src/emul/native.h src/emul/native_entry.S src/emul/native_thread.c \
	src/emul/native_enter.c src/emul/native_trap.c src/emul/native_bases.c src/emul/native_signal.c src/emul/native_patch.c \
	src/emul/mm.h src/emul/mm.c src/emul/mm_pte.c src/emul/mm_calls.c src/emul/fault.c src/emul/paging.c \
	src/emul/quiesce.c src/emul/reclaim.c src/emul/reclaim_others.c src/emul/recover.c
libemul_native_a_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(CONV_CFLAGS) -mfsgsbase -mgeneral-regs-only -fno-stack-protector
libemul_native_a_CCASFLAGS = $(AM_CPPFLAGS)

EMUL_LIBS = libemul.a libemul_native.a libemul.a libmachine.a

unit_tests += tests/unit/test_emul_native
tests_unit_test_emul_native_SOURCES = tests/unit/test_emul_native.c tests/unit/emul_rig.c tests/unit/emul_rig.h \
	tests/unit/vector_code.S
tests_unit_test_emul_native_LDADD = $(EMUL_LIBS) libimage.a libbase.a libarch.a $(CJSON_LIBS) $(ELF_LIBS) $(CRYPTO_LIBS) -lpthread

unit_tests += tests/unit/test_emul_entry
tests_unit_test_emul_entry_SOURCES = tests/unit/test_emul_entry.c tests/unit/flags_code.S tests/unit/emul_rig.c \
	tests/unit/emul_rig.h
tests_unit_test_emul_entry_LDADD = $(tests_unit_test_emul_native_LDADD)
unit_tests += tests/unit/test_emul_stress
tests_unit_test_emul_stress_SOURCES = tests/unit/test_emul_stress.c tests/unit/emul_rig.c tests/unit/emul_rig.h
tests_unit_test_emul_stress_LDADD = $(tests_unit_test_emul_native_LDADD)
unit_tests += tests/unit/test_emul_share
tests_unit_test_emul_share_SOURCES = tests/unit/test_emul_share.c tests/unit/emul_rig.c tests/unit/emul_rig.h \
	$(emul_fixture)
tests_unit_test_emul_share_LDADD = $(tests_unit_test_emul_native_LDADD)
unit_tests += tests/unit/test_emul_paging
tests_unit_test_emul_paging_SOURCES = tests/unit/test_emul_paging.c tests/unit/emul_rig.c tests/unit/emul_rig.h \
	$(emul_fixture)
tests_unit_test_emul_paging_LDADD = $(tests_unit_test_emul_native_LDADD)
unit_tests += tests/unit/test_emul_calls
tests_unit_test_emul_calls_SOURCES = tests/unit/test_emul_calls.c tests/unit/emul_rig.c tests/unit/emul_rig.h \
	$(emul_fixture)
tests_unit_test_emul_calls_LDADD = $(tests_unit_test_emul_native_LDADD)
lint_tests += tests/unit/trap_modes.sh
