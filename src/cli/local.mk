bin_PROGRAMS += sgxctl
sgxctl_SOURCES = \
	src/cli/cli.h src/cli/commands.def src/cli/measure.h src/cli/render.h \
	src/cli/main.c src/cli/options.c src/cli/range.c src/cli/request.c src/cli/output.c src/cli/image.c \
	src/cli/measure.c src/cli/complete.c \
	src/cli/diff.h src/cli/diff_doc.c src/cli/image_doc.c src/cli/image_doc.h src/cli/inspect.h \
	src/cli/inspect_layout.c src/cli/offers.c src/cli/passphrase.c src/cli/render_image.c src/cli/sgxs_out.c src/cli/sign.h \
	src/cli/sign_fields.c src/cli/verify.h src/cli/verify_checks.c \
	src/cli/render.c src/cli/render_views.c src/cli/render_docs.c src/cli/render_map.c \
	src/cli/cmd_accept.c src/cli/cmd_accept_test.c src/cli/cmd_augment.c src/cli/cmd_call.c src/cli/cmd_diff.c \
	src/cli/cmd_dump_secs.c src/cli/cmd_dump_threads.c src/cli/cmd_explain.c \
	src/cli/cmd_rights.c \
	src/cli/cmd_info.c src/cli/cmd_inspect.c src/cli/cmd_list.c src/cli/cmd_load.c src/cli/cmd_measure.c \
	src/cli/cmd_modify_type.c src/cli/cmd_pages.c src/cli/cmd_peek.c src/cli/cmd_poke.c \
	src/cli/cmd_remove.c src/cli/cmd_run.c src/cli/run.h src/cli/run_static.c src/cli/run_target.c src/cli/cmd_sign.c src/cli/cmd_status.c \
	src/cli/cmd_unload.c src/cli/cmd_verify.c
sgxctl_LDADD = libexplain.a libsession.a libimage.a libarch.a $(libbase_libs) liblate.a $(ELF_LIBS)

include src/cli/explain.mk
# BUILT_SOURCES only help "make all" and "make check"; "make sgxctl" needs to be told
src/cli/libexplain_a-explain_check.$(OBJEXT): src/cli/explain_checks.inc

bats_tests += tests/bats/30-images.bats tests/bats/31-image-formats.bats tests/bats/32-oe-gramine.bats tests/bats/40-call.bats \
	tests/bats/41-bad-input.bats tests/bats/42-streams.bats \
	tests/bats/10-usage.bats tests/bats/11-state.bats tests/bats/12-start.bats tests/bats/20-handles.bats \
	tests/bats/21-protocol.bats tests/bats/22-output.bats tests/bats/23-complete.bats
