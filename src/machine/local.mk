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
