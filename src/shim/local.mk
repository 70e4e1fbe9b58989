# libsgxemu.so, which `sgxctl run` has loaded into programs.  The emulator is compiled once more: position independent,
# nothing of it visible to the program, TLS at a fixed distance (it is loaded with the program, never later).  It calls
# libc under names that the library itself offers to the program; --wrap sends those calls to under.c.
shim_cflags = -std=gnu17 $(WARN_CFLAGS) $(CONV_CFLAGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec \
	-mfsgsbase -mgeneral-regs-only -fno-stack-protector -U_FORTIFY_SOURCE
noinst_LIBRARIES += libshim.a libshim_emul.a
# the same for dynamic and static programs
shim_shared = src/shim/shim.h src/shim/calls.h src/shim/calls.def src/shim/exec.h src/shim/trace.h src/shim/cpuid.h \
	src/shim/line.h src/shim/listed.c \
	src/shim/calls.c src/shim/calls_entry.S src/shim/calls_exec.c src/shim/calls_files.c src/shim/calls_guard.c \
	src/shim/calls_signals.c src/shim/calls_threads.c src/shim/config.c src/shim/cpuid_answer.c src/shim/cpuid_trap.c src/shim/dirs.c \
	src/shim/nodes.c src/shim/paths.c src/shim/program.c src/shim/ranges.c src/shim/seccomp_filter.c src/shim/trace.c \
	src/shim/vdso.c src/shim/vdso_image.S
libshim_a_SOURCES = $(shim_shared) src/shim/dl.c src/shim/dl_hook.S src/shim/exec.c \
	src/shim/exit.c src/shim/fdio.c src/shim/files.c src/shim/listing.c src/shim/memory.c src/shim/raw_dynamic.c src/shim/setup.c \
	src/shim/signals.c src/shim/sigwait.c src/shim/stat.c src/shim/syscall_hook.S src/shim/text.c src/shim/threads.c \
	src/shim/under.c src/shim/vfork_hook.S
libshim_a_CFLAGS = $(shim_cflags)
libshim_emul_a_SOURCES = $(emul_device_sources) $(libemul_native_a_SOURCES) \
	src/base/err.h src/base/errno_names.c src/base/late_crypto.h src/base/late_crypto.c src/base/late_crypto.def \
	src/emul/emul_crypto.h src/emul/emul_crypto.c
libshim_emul_a_CFLAGS = $(shim_cflags)
libshim_emul_a_CCASFLAGS = $(AM_CPPFLAGS)

shim_wrapped = open close fstat ioctl mmap munmap mprotect madvise readlink sigaction sigaltstack \
	syscall prctl lseek read ftruncate fallocate fcntl
# whatever else of emul/ meets a hook fails to link, instead of coming back into it
shim_refused = open64 openat openat64 creat stat lstat fstatat statx access faccessat readlinkat realpath \
	mmap64 mremap mlock msync pread pread64 pwrite pwrite64 write readv writev dup dup2 dup3 clone fsync \
	fcntl64 preadv pwritev sendfile splice copy_file_range sigsuspend sigwait sigtimedwait process_vm_readv pthread_create sigprocmask pthread_sigmask signal execve _exit fopen
shim_link = -shared -Wl,-z,defs -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack

libsgxemu.so: libshim.a libshim_emul.a libmachine.a
	$(AM_V_CCLD)$(CC) $(CFLAGS) $(LDFLAGS) $(shim_link) -Wl,-soname,libsgxemu.so \
		-Wl,--exclude-libs,libshim_emul.a:libmachine.a \
		`for s in $(shim_wrapped) $(shim_refused); do echo -Wl,--wrap=$$s; done` \
		-o $@ -Wl,--whole-archive libshim.a -Wl,--no-whole-archive libshim_emul.a libmachine.a libshim_emul.a

shimdir = $(pkglibdir)
shim_DATA = libsgxemu.so
CLEANFILES += libsgxemu.so
