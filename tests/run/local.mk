# Programs for `sgxctl run`.  Those called emul_* are tests of the emulator that reach it through libc alone.
run_rig = tests/run/libc_device.c tests/unit/emul_rig.c tests/unit/emul_rig.h
run_libs = libimage.a libbase.a libarch.a $(CJSON_LIBS) $(ELF_LIBS) $(CRYPTO_LIBS) -lpthread
check_PROGRAMS += tests/run/emul_native tests/run/emul_stress
tests_run_emul_native_SOURCES = tests/unit/test_emul_native.c tests/unit/vector_code.S $(run_rig)
tests_run_emul_native_LDADD = $(run_libs)
tests_run_emul_stress_SOURCES = tests/unit/test_emul_stress.c $(run_rig)
tests_run_emul_stress_LDADD = $(run_libs)
check_PROGRAMS += tests/run/world
tests_run_world_SOURCES = tests/run/world.c $(run_rig)
tests_run_world_LDADD = $(run_libs)
check_PROGRAMS += tests/run/device_calls
tests_run_device_calls_SOURCES = tests/run/device_calls.c tests/unit/tap.h
check_PROGRAMS += tests/run/pool
tests_run_pool_SOURCES = tests/run/pool.c

# run under `sgxctl run`, as TAP of their own
lint_tests += tests/run/world.sh
EXTRA_DIST += tests/run/world.sh
bats_tests += tests/bats/50-run.bats tests/bats/51-listed.bats
check_PROGRAMS += tests/run/hello
tests_run_hello_SOURCES = tests/run/hello.c
check_PROGRAMS += tests/run/held
tests_run_held_SOURCES = tests/run/held.c $(run_rig)
tests_run_held_LDADD = $(run_libs)

check_PROGRAMS += tests/run/hostile
tests_run_hostile_SOURCES = tests/run/hostile.c tests/run/hostile.h tests/run/hostile_seen.c tests/run/hostile_signals.c \
	tests/run/hostile_faults.c tests/run/hostile_memory.c tests/run/hostile_fds.c tests/run/hostile_lives.c \
	tests/run/hostile_frames.c $(run_rig)
tests_run_hostile_LDADD = $(run_libs)
check_PROGRAMS += tests/run/hostile_instruction
tests_run_hostile_instruction_SOURCES = $(tests_run_hostile_SOURCES) tests/run/by_syscall.h
tests_run_hostile_instruction_CPPFLAGS = $(AM_CPPFLAGS) -include $(top_srcdir)/tests/run/by_syscall.h -DBY_INSTRUCTION
tests_run_hostile_instruction_CFLAGS = $(AM_CFLAGS) -Wno-unused-value
tests_run_hostile_instruction_LDADD = $(run_libs)
lint_tests += tests/run/hostile.sh
EXTRA_DIST += tests/run/hostile.sh tests/run/hostile-topics.sh tests/run/hostile.expected \
	tests/run/hostile-differences.txt tests/driver/hostile.sh

# make check-hostile: the same on the real driver, where DRIVER_VM names a virtual machine with it
check-hostile: tests/run/hostile tests/run/hostile_instruction sgxctl$(EXEEXT) libsgxemu.so $(pkglibexec_PROGRAMS) \
		$(enclave_images)
	@$(AM_TESTS_ENVIRONMENT) DRIVER_VM='$(DRIVER_VM)' SHELL='$(SHELL)' $(SHELL) $(top_srcdir)/tests/driver/hostile.sh
PHONY_LOCAL += check-hostile

# the same program with system calls of its own making
lint_tests += tests/run/raw.sh tests/run/gdb.sh
EXTRA_DIST += tests/run/raw.sh tests/run/gdb.sh tests/run/raw_library.c
check_PROGRAMS += tests/run/world_function tests/run/world_instruction tests/run/corners
tests_run_world_function_SOURCES = $(tests_run_world_SOURCES) tests/run/by_syscall.h
tests_run_world_function_CPPFLAGS = $(AM_CPPFLAGS) -include $(top_srcdir)/tests/run/by_syscall.h
tests_run_world_function_CFLAGS = $(AM_CFLAGS) -Wno-unused-value
tests_run_world_function_LDADD = $(run_libs)
tests_run_world_instruction_SOURCES = $(tests_run_world_function_SOURCES)
tests_run_world_instruction_CPPFLAGS = $(tests_run_world_function_CPPFLAGS) -DBY_INSTRUCTION
tests_run_world_instruction_CFLAGS = $(tests_run_world_function_CFLAGS)
tests_run_world_instruction_LDADD = $(run_libs)
tests_run_corners_SOURCES = tests/run/corners.c $(run_rig)
tests_run_corners_LDADD = $(run_libs)
