noinst_LIBRARIES += libsession.a
libsession_a_SOURCES = \
	src/session/session.h src/session/internal.h src/session/client.h \
	src/session/name.c src/session/waiting.c src/session/statedir.c src/session/folder.c \
	src/session/slot.c src/session/frame.c src/session/error_doc.c src/session/client.c \
	src/session/program.c src/session/list.c src/session/unload.c src/session/start.c
libsession_libs = libsession.a $(libbase_libs)

unit_tests += tests/unit/test_session_frame tests/unit/test_session_slot
tests_unit_test_session_frame_SOURCES = tests/unit/test_session_frame.c
tests_unit_test_session_frame_LDADD = $(libsession_libs)
tests_unit_test_session_slot_SOURCES = tests/unit/test_session_slot.c
tests_unit_test_session_slot_LDADD = $(libsession_libs)

lint_tests += tests/lint/layers.sh tests/lint/drift.sh

check_PROGRAMS += tests/unit/raw_frame
tests_unit_raw_frame_SOURCES = tests/unit/raw_frame.c
tests_unit_raw_frame_LDADD = $(libsession_libs)
