# Unit tests link one room each; bats tests drive the installed commands.
TEST_EXTENSIONS = .bats .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
BATS_LOG_COMPILER = $(BATS)
AM_BATS_LOG_FLAGS = --tap
BATS_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
SH_LOG_DRIVER = $(LOG_DRIVER)
AM_TESTS_ENVIRONMENT = \
	SGXCTL='$(abs_top_builddir)/sgxctl$(EXEEXT)'; export SGXCTL; \
	SGXCTL_KEEPER='$(abs_top_builddir)/sgxctl-keeper$(EXEEXT)'; export SGXCTL_KEEPER; \
	SGXCTL_SHIM='$(abs_top_builddir)/libsgxemu.so'; export SGXCTL_SHIM; \
	SGXCTL_EXEC='$(abs_top_builddir)/sgxctl-exec$(EXEEXT)'; export SGXCTL_EXEC; \
	SGXCTL_ENCLAVES='$(abs_top_builddir)/enclaves'; export SGXCTL_ENCLAVES; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; PYTHON3='$(PYTHON3)'; export PYTHON3; \
	TEST_TRAPS='$(TEST_TRAPS)'; export TEST_TRAPS; \
	LC_ALL=C; export LC_ALL; TZ=UTC; export TZ;

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests) $(lint_tests)
EXTRA_DIST += $(bats_tests) $(lint_tests) tests/bats/helper.bash tests/bats/images.bash tests/unit/tap.h tests/unit/xorshift.h tests/tap.sh
if HAVE_BATS
TESTS += $(bats_tests)
endif
