# Freestanding: no libc symbol may be needed (tests/lint/nm-machine.sh), general registers alone,
# because EENTER can be reached without a trap; position independent, for a library that is loaded
# into other programs.  Sanitizers need a run time, so the tests link a library of their own.
noinst_LIBRARIES += libmachine.a
check_LIBRARIES += libmachine_check.a
MACHINE_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(CONV_CFLAGS) -ffreestanding -fno-builtin \
	-fno-stack-protector -mgeneral-regs-only -fPIC
machine_sources = \
	src/machine/machine.h \
	src/machine/mem.h \
	src/machine/epcm.h src/machine/epcm.c \
	src/machine/track.h src/machine/track.c \
	src/machine/operand.h src/machine/operand.c \
	src/machine/measure.h src/machine/measure.c \
	src/machine/keys.h src/machine/keys.c \
	src/machine/ssa.h src/machine/ssa.c src/machine/xsave.c \
	src/machine/tcs.h \
	src/machine/access.c \
	src/machine/aex.c \
	src/machine/encls.c \
	src/machine/enclu.c \
	src/machine/leaf_table.c \
	src/machine/leaf/leaf_out.h \
	src/machine/leaf/status.h \
	src/machine/leaf/checks_encls.h \
	src/machine/leaf/checks_enclu.h \
	src/machine/leaf/entry.h src/machine/leaf/entry.c \
	src/machine/leaf/paging.h src/machine/leaf/paging.c \
	src/machine/leaf/encls_ecreate.c \
	src/machine/leaf/encls_eadd.c \
	src/machine/leaf/encls_eextend.c \
	src/machine/leaf/encls_einit.c \
	src/machine/leaf/encls_eremove.c \
	src/machine/leaf/encls_edbgrd.c \
	src/machine/leaf/encls_edbgwr.c \
	src/machine/leaf/encls_eblock.c \
	src/machine/leaf/encls_etrack.c \
	src/machine/leaf/encls_epa.c \
	src/machine/leaf/encls_ewb.c \
	src/machine/leaf/encls_eld.c \
	src/machine/leaf/encls_eaug.c \
	src/machine/leaf/encls_emodpr.c \
	src/machine/leaf/encls_emodt.c \
	src/machine/leaf/enclu_ereport.c \
	src/machine/leaf/enclu_egetkey.c \
	src/machine/leaf/enclu_eenter.c \
	src/machine/leaf/enclu_eresume.c \
	src/machine/leaf/enclu_eexit.c \
	src/machine/leaf/enclu_eaccept.c \
	src/machine/leaf/enclu_emodpe.c \
	src/machine/leaf/enclu_eacceptcopy.c \
	src/machine/leaf/enclu_edeccssa.c

libmachine_a_SOURCES = $(machine_sources)
libmachine_a_CFLAGS = $(MACHINE_CFLAGS)
libmachine_check_a_SOURCES = $(machine_sources)
libmachine_check_a_CFLAGS = $(MACHINE_CFLAGS) $(SAN_CFLAGS)

lint_tests += tests/lint/nm-machine.sh

machine_test_host = tests/unit/machine_host.h tests/unit/machine_host.c \
	tests/unit/machine_sign.h tests/unit/machine_sign.c \
	src/emul/emul_crypto.h src/emul/emul_crypto.c
machine_test_cflags = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
machine_test_ldadd = libmachine_check.a $(CRYPTO_LIBS)

unit_tests += tests/unit/test_machine_measure tests/unit/test_machine_leafs \
	tests/unit/test_machine_conformance tests/unit/test_machine_aex tests/unit/test_machine_race
tests_unit_test_machine_measure_SOURCES = tests/unit/test_machine_measure.c $(machine_test_host)
tests_unit_test_machine_measure_CFLAGS = $(machine_test_cflags)
tests_unit_test_machine_measure_LDADD = $(machine_test_ldadd)
tests_unit_test_machine_conformance_SOURCES = tests/unit/test_machine_conformance.c $(machine_test_host)
tests_unit_test_machine_conformance_CFLAGS = $(machine_test_cflags)
tests_unit_test_machine_conformance_LDADD = $(machine_test_ldadd)
tests_unit_test_machine_aex_SOURCES = tests/unit/test_machine_aex.c $(machine_test_host)
tests_unit_test_machine_aex_CFLAGS = $(machine_test_cflags)
tests_unit_test_machine_aex_LDADD = $(machine_test_ldadd)
tests_unit_test_machine_race_SOURCES = tests/unit/test_machine_race.c $(machine_test_host)
tests_unit_test_machine_race_CFLAGS = $(machine_test_cflags) -pthread
tests_unit_test_machine_race_LDADD = $(machine_test_ldadd) -lpthread
tests_unit_test_machine_leafs_SOURCES = tests/unit/test_machine_leafs.c \
	tests/unit/machine_rows.h tests/unit/machine_rows.c \
	tests/unit/machine_rows_build.c tests/unit/machine_rows_init.c \
	tests/unit/machine_rows_pages.c tests/unit/machine_rows_paging.c \
	tests/unit/machine_rows_entry.c tests/unit/machine_rows_accept.c \
	tests/unit/machine_rows_keys.c tests/unit/machine_rows_access.c $(machine_test_host)
tests_unit_test_machine_leafs_CFLAGS = $(machine_test_cflags)
tests_unit_test_machine_leafs_LDADD = $(machine_test_ldadd)
