/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names and folders: who gets a name, what a death leaves, who is trusted with the state directory. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/session.h"
#include "tap.h"

static char root[256];

static void use_state(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	setenv("SGXCTL_STATE_DIR", path, 1);
}

static bool exists(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", getenv("SGXCTL_STATE_DIR"), name);
	return access(path, F_OK) == 0;
}

/* "name state", of the only enclave there is; "" for none. */
static const char *listing(void)
{
	static char text[256];
	struct session_entry *entries;
	size_t n;

	if (session_list(&entries, &n, NULL) < 0)
		return "error";
	text[0] = '\0';
	if (n)
		snprintf(text, sizeof(text), "%s%s %s", entries[0].name, n > 1 ? "..." : "",
			 entries[0].alive ? "alive" : "dead");
	session_list_free(entries, n);
	return text;
}

static void test_names(void)
{
	static const char *const bad[] = { "", ".", "..", ".x", "-x", "a/b", "a b", "a\nb", "\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123x" };
	char name[SESSION_NAME_MAX + 1];
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&e);
		ok(session_name_check(bad[i], &e) == -1 && e.code == ERR_BAD_NAME, "name %zu is refused: %s",
		   i, e.msg);
	}
	ok(session_name_check("A-z_0.9", &e) == 0, "A-z_0.9 is a name");
	session_name_from_stem(name, "..-my enclave/x", SESSION_NAME_MAX);
	ok(!strcmp(name, "my_enclave_x"), "a stem becomes a name: %s", name);
	session_name_from_stem(name, "---", SESSION_NAME_MAX);
	ok(!strcmp(name, "enclave"), "a stem without a letter becomes 'enclave'");
}

static void expect_state_dir(int want, const char *what)
{
	struct err e = { 0 };
	char path[4096];
	int fd = session_state_dir(path, sizeof(path), &e);

	if (want)
		ok(fd >= 0, "%s is taken", what);
	else
		ok(fd < 0 && e.code == ERR_STATE_DIR, "%s is refused: %s", what, e.msg);
	if (fd >= 0)
		close(fd);
}

static void test_state_dir(void)
{
	char path[512], target[512];
	struct stat st;

	use_state("fresh");
	expect_state_dir(1, "a directory that is not there yet");
	snprintf(path, sizeof(path), "%s/fresh", root);
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0700, "it is made with mode 0700");
	chmod(path, 0750);
	expect_state_dir(0, "a directory that the group can enter");
	chmod(path, 0700);
	use_state("link");
	snprintf(target, sizeof(target), "%s/link", root);
	if (symlink(path, target) < 0)
		abort();
	expect_state_dir(0, "a symbolic link to our own directory");
	use_state("link/");
	expect_state_dir(0, "one with a slash behind it");
	use_state("file");
	snprintf(target, sizeof(target), "%s/file", root);
	close(open(target, O_CREAT | O_WRONLY, 0600));
	expect_state_dir(0, "a file");
	use_state("no/parent");
	expect_state_dir(0, "a directory without a parent");
	if (geteuid() == 0) {
		use_state("fresh");
		if (chown(path, 12345, 12345) < 0)
			abort();
		expect_state_dir(0, "a directory of another user");
		if (chown(path, 0, 0) < 0)
			abort();
	} else {
		tap_skip("a directory of another user is refused", "only root can make one");
	}
}

static void test_claim(void)
{
	struct session_slot *a = NULL, *b = NULL;
	struct err e = { 0 };
	struct json *info;
	pid_t pid;
	int status;

	use_state("claim");
	ok(session_claim("demo", NULL, &a, &e) == 0, "a free name is claimed");
	ok(session_claim("demo", NULL, &b, &e) == -1 && e.code == ERR_NAME_IN_USE, "once: %s", e.msg);
	ok(!strcmp(listing(), "demo alive"), "and lists as alive");
	ok(session_claim(NULL, "demo", &b, &e) == 0 && !strcmp(session_slot_name(b), "demo-2"),
	   "a second one becomes demo-2");
	session_slot_release(b);
	ok(!exists("demo-2"), "releasing removes the folder");
	info = json_object();
	json_add_str(info, "device", "emulated");
	ok(session_slot_publish(a, info, &e) == 0, "information is published");
	json_free(info);
	pid = fork();
	if (pid == 0) {
		session_slot_release(a);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(exists("demo"), "a forked child cannot take the folder with it");
	session_slot_release(a);
	ok(!strcmp(listing(), ""), "then nothing is left");
}

/* Many claim one name at once. */
static void test_race(void)
{
	enum { N = 24 };
	int winners = 0, losers = 0, go[2], done[2], status;
	pid_t pids[N];
	char byte;

	use_state("race");
	if (pipe(go) < 0 || pipe(done) < 0)
		abort();
	for (int i = 0; i < N; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct session_slot *s = NULL;
			struct err e = { 0 };
			int r;

			close(go[1]);
			if (read(go[0], &byte, 1) != 0)
				_exit(3);
			r = session_claim("one", NULL, &s, &e);
			byte = r == 0 ? 'w' : e.code == ERR_NAME_IN_USE ? 'l' : 'x';
			if (write(done[1], &byte, 1) != 1)
				_exit(3);
			/* the winner keeps it until all have tried: SIGKILL ends us */
			pause();
			_exit(0);
		}
	}
	close(go[0]);
	close(go[1]);           /* all at once */
	for (int i = 0; i < N; i++) {
		if (read(done[0], &byte, 1) != 1)
			break;
		winners += byte == 'w';
		losers += byte == 'l';
	}
	is_u64(winners, 1, "of %d claimants one wins", N);
	is_u64(losers, N - 1, "and all others are told that the name is in use");
	ok(!strcmp(listing(), "one alive"), "the enclave lists as alive");
	for (int i = 0; i < N; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
	}
	ok(!strcmp(listing(), "one dead"), "killed, it lists as dead");
	close(done[0]);
	close(done[1]);
}

static void make_folder(const char *name, bool lock, bool info)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", getenv("SGXCTL_STATE_DIR"), name);
	mkdir(path, 0700);
	if (lock) {
		snprintf(path, sizeof(path), "%s/%s/lock", getenv("SGXCTL_STATE_DIR"), name);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	if (info) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s/info", getenv("SGXCTL_STATE_DIR"), name);
		fd = open(path, O_CREAT | O_WRONLY, 0600);
		/* a pid that is someone else's by now: the start time cannot match */
		if (dprintf(fd, "{\"pid\":%d,\"start_time\":1}", getpid()) < 0)
			abort();
		close(fd);
	}
}

/* What a claimant leaves that is killed after any of its steps. */
static void test_dead(void)
{
	static const struct { const char *what; bool lock, info; } rows[] = {
		{ "an empty folder", false, false },
		{ "a folder with a free lock", true, false },
		{ "a folder with a free lock and information", true, true },
		{ "a folder without a lock", false, true },
	};
	struct session_slot *s = NULL;
	struct json *reply = NULL, *request = json_object();
	struct err e = { 0 };
	bool dead;

	use_state("dead");
	expect_state_dir(1, "a new directory");
	json_add_str(request, "op", "status");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_folder("x", rows[i].lock, rows[i].info);
		ok(!strcmp(listing(), "x dead"), "%s lists as dead", rows[i].what);
		ok(session_call("x", request, NULL, 0, NULL, NULL, &reply, &e) == -1 &&
			   e.code == ERR_KEEPER_GONE,
		   "its keeper is gone: %s", e.msg);
		ok(session_claim("x", NULL, &s, &e) == -1 && e.code == ERR_NAME_IN_USE,
		   "its name is in use: %s", e.msg);
		dead = false;
		ok(session_unload("x", 1000, &dead, &e) == 0 && dead && !exists("x"), "unload clears it");
	}
	json_free(request);
	ok(session_unload("x", 1000, &dead, &e) == -1 && e.code == ERR_NO_ENCLAVE,
	   "a second unload finds nothing");
}

/* A keeper that holds its lock but never listens: only information and lock tell who it is. */
static void test_mute_keeper(void)
{
	struct err e = { 0 };
	bool dead = true;
	pid_t pid;
	int ready[2], status;
	char byte;

	use_state("mute");
	if (pipe(ready) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		struct session_slot *s;

		if (session_claim("m", NULL, &s, NULL) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		abort();
	ok(session_unload("m", 100, &dead, &e) == 0 && !dead, "it is found by its start time and ended");
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   "by SIGKILL");
	ok(!exists("m"), "and its folder is gone");
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char command[512];

	snprintf(root, sizeof(root), "%s/sgxctl-slot-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		return 99;
	test_names();
	test_state_dir();
	test_claim();
	test_race();
	test_dead();
	test_mute_keeper();
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	if (system(command) != 0)
		return 99;
	return tap_done();
}
