pkglibexec_PROGRAMS += sgxctl-keeper
sgxctl_keeper_SOURCES = \
	src/keeper/call.h \
	src/keeper/call_raw.c \
	src/keeper/call_stopped.c \
	src/keeper/debug_view.h \
	src/keeper/doc.c \
	src/keeper/keeper.h \
	src/keeper/loop.c \
	src/keeper/main.c \
	src/keeper/mmap_serve.c \
	src/keeper/req_accept.c \
	src/keeper/req_accept_test.c \
	src/keeper/req_augment.c \
	src/keeper/req_call.c \
	src/keeper/req_dump_secs.c \
	src/keeper/req_dump_ssa.c \
	src/keeper/req_dump_tcs.c \
	src/keeper/req_extend.c \
	src/keeper/req_info.c \
	src/keeper/req_load.c \
	src/keeper/req_modify_type.c \
	src/keeper/req_offers.c \
	src/keeper/req_pages.c \
	src/keeper/req_peek.c \
	src/keeper/req_poke.c \
	src/keeper/req_range.c \
	src/keeper/req_range.h \
	src/keeper/req_remove.c \
	src/keeper/req_restrict.c \
	src/keeper/req_status.c \
	src/keeper/scenario.h \
	src/keeper/scenario_accept.c \
	src/keeper/scenario_change.c \
	src/keeper/scenario_check.c \
	src/keeper/scenario_do.c \
	src/keeper/scenario_grow.c \
	src/keeper/scenario_mmap.c \
	src/keeper/scenario_range.c \
	src/keeper/scenario_refuse.c \
	src/keeper/scenario_threads.c
sgxctl_keeper_LDADD = libsession.a $(libdevice_libs)

bats_tests += tests/bats/24-load.bats tests/bats/25-augment.bats tests/bats/26-inspect.bats \
	tests/bats/27-accept-test.bats tests/bats/28-keeper.bats

include tests/driver/local.mk
