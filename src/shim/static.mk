# sgxctl-exec: the emulated device under static programs.  It shares a process with a C library that is not its own.
# A sanitizer's run-time wants the address space and the signals that the target has: not built with one.
if !SANITIZERS
pkglibexec_PROGRAMS += sgxctl-exec
lint_tests += tests/run/static.sh tests/run/chain.sh
endif
sgxctl_exec_SOURCES = $(shim_shared) src/shim/static_exec.h src/shim/static_main.c src/shim/static_probe.c \
	src/shim/static_load.c src/shim/static_calls.c src/shim/static_start.S src/shim/insn_find.c
sgxctl_exec_CPPFLAGS = $(AM_CPPFLAGS) -DSHIM_STATIC
sgxctl_exec_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(CONV_CFLAGS) -mfsgsbase -fno-stack-protector -fPIE
sgxctl_exec_CCASFLAGS = $(AM_CPPFLAGS)
sgxctl_exec_LDFLAGS = -pie
sgxctl_exec_LDADD = $(EMUL_LIBS) libarch.a $(libbase_libs) $(CRYPTO_LIBS) $(ZYDIS_LIBS) -lpthread
EXTRA_DIST += tests/run/chain.sh tests/run/chain.c tests/run/program.go tests/run/static.sh tests/run/static_hello.c tests/run/static_cpuid.c tests/run/static_runtime.c

# the decoder for dynamic programs, loaded by libsgxemu.so into those that use CPUID
if HAVE_ZYDIS
noinst_LIBRARIES += libshim_cpuid.a
libshim_cpuid_a_SOURCES = src/shim/cpuid.h src/shim/insn_find.c
libshim_cpuid_a_CFLAGS = -std=gnu17 $(WARN_CFLAGS) $(CONV_CFLAGS) -fPIC
libsgxemu-cpuid.so: libshim_cpuid.a
	$(AM_V_CCLD)$(CC) $(CFLAGS) $(LDFLAGS) $(shim_link) -Wl,-soname,libsgxemu-cpuid.so -o $@ \
		-Wl,--whole-archive libshim_cpuid.a -Wl,--no-whole-archive $(ZYDIS_LIBS)
shim_DATA += libsgxemu-cpuid.so
CLEANFILES += libsgxemu-cpuid.so
endif
