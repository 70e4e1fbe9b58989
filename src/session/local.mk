noinst_LIBRARIES += libsession.a
libsession_a_SOURCES = \
	src/session/session.h src/session/internal.h src/session/client.h \
	src/session/name.c src/session/waiting.c src/session/statedir.c src/session/folder.c \
	src/session/slot.c src/session/frame.c src/session/error_doc.c src/session/client.c \
	src/session/list.c src/session/unload.c src/session/start.c
