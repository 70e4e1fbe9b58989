/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accept-test: runs the scenarios, each for every strategy that applies, and counts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/place.h"
#include "keeper/scenario.h"

#define MAX_PAGES ((uint64_t)1 << 20)
#define MAX_REPEAT 1000000u
#define MAX_SCENARIOS 4096u             /* results in one document */
#define DEFAULT_EPC ((uint64_t)64 << 20)        /* small enough to run out of */

static const struct scenario *const tables[] = {
	scenarios_accept, scenarios_refuse, scenarios_range, scenarios_grow, scenarios_change,
		scenarios_threads,
	scenarios_mmap,
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

struct test {
	struct scenario_env env;
	const struct json *wanted;      /* names; NULL: all */
	unsigned strategies;
	uint64_t repeat;
	struct json *results;
	uint64_t passed, failed, skipped, done, total;
};

static const struct scenario *find(const char *name)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct scenario *c = tables[t]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static bool wanted(const struct test *t, const struct scenario *c)
{
	if (!t->wanted)
		return true;
	for (const struct json *j = json_first(t->wanted); j; j = json_next(j))
		if (!strcmp(json_str(j), c->name))
			return true;
	return false;
}

/* ---- enclaves of our own ------------------------------------------------------------------------- */

char *enclave_path(const char *name, struct err *e)
{
	CLEANUP(cleanup_free) char *dir = place_find("SGXCTL_ENCLAVES", "enclaves", ENCLAVESDIR);
	char *path;

	if (!dir || asprintf(&path, "%s/%s.elf", dir, name) < 0) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}

/* An EPC that an enclave can outgrow, yet holds what --pages asks for. */
static void choose_epc(struct test *t)
{
	struct dev_config *c = &t->env.k->dev_config;
	uint64_t need = scenario_epc_pages(t->env.pages) * SGX_PAGE_SIZE;

	if (!c->epc_bytes)
		c->epc_bytes = need > DEFAULT_EPC ? need : DEFAULT_EPC;
}

static struct encl *fresh(struct test *t, const struct scenario *c, struct err *e)
{
	CLEANUP(cleanup_free) char *path = enclave_path(c->image, e);
	struct encl_opts o = { .debug = 1, .key = t->env.key, .stop_before_init = c->before_init };
	struct image_opts io = IMAGE_OPTS_DEFAULT;
	struct encl *en;
	struct plan plan;

	/* room for the largest scenarios, where more pages are asked for than the image reserves */
	if (t->env.pages > 4096)
		io.reserve_bytes = (t->env.pages + 64) * 8 * SGX_PAGE_SIZE;
	if (!path || image_open(path, &io, &plan, e))
		return NULL;
	return encl_build(t->env.k->dev, &plan, &o, &en, e) ? NULL : en;
}

/* ---- one scenario -------------------------------------------------------------------------------- */

static void look_for_obstacles(struct scenario_run *s)
{
	const struct scenario *c = s->scenario;
	bool before = c->before_init;

	if (s->env->k->encl && (c->needs & NEEDS_FRESH))
		scenario_skip(s, "needs an enclave of its own: run it without NAME");
	else if (s->env->k->encl && !s->en->plan.op_interface)
		scenario_skip(s, "the enclave does not declare the operation interface");
	else if ((c->needs & NEEDS_SGX2) && !before && s->en->sgx2 != 1)
		scenario_skip(s, "no SGX2 here (%s)", errno_name(-s->en->sgx2) ? errno_name(-s->en->sgx2) :
			      "unknown");
	else if (((c->needs & NEEDS_AUGMENT) || s->strategy == GROW_IOCTL) && !before &&
		 s->en->augment_ioctl != 1)
		scenario_skip(s, "this kernel has no AUGMENT_PAGES ioctl");
}

static void add_result(struct test *t, const struct scenario_run *s, uint64_t elapsed)
{
	const char *result = s->skip[0] ? "skip" : s->failed ? "fail" : "pass";
	struct json *o = json_push_obj(t->results);

	json_add_str(o, "name", s->scenario->name);
	json_add_str(o, "text", s->scenario->text);
	json_add_str(o, "result", result);
	if (s->skip[0])
		json_add_str(o, "reason", s->skip);
	json_add_str(o, "strategy", grow_strategy_name(s->strategy));
	json_add_size(o, "pages", s->pages);
	doc_counters(o, &s->counters);
	if (s->has_counters)
		doc_round_trips(o, &s->counters, s->pages);
	json_add_size(o, "elapsed_ns", elapsed);
	json_add_take(o, "checks", json_clone(s->checks));
	t->passed += !s->skip[0] && !s->failed;
	t->failed += !s->skip[0] && s->failed;
	t->skipped += s->skip[0] != 0;
}

static void run_in(struct test *t, struct scenario_run *s)
{
	struct encl_counters before, after;
	uint64_t start;

	look_for_obstacles(s);
	start = now_ns();
	encl_counters_get(s->en, &before);
	if (!s->skip[0])
		s->scenario->run(s);
	encl_counters_get(s->en, &after);
	if (!s->has_counters)
		encl_counters_sub(&after, &before, &s->counters);
	/* a scenario that compared nothing has shown nothing */
	if (!s->skip[0] && !json_len(s->checks))
		check_true(s, "something was compared", false);
	add_result(t, s, now_ns() - start);
}

static int run_one(struct test *t, const struct scenario *c, enum grow_strategy g, struct err *e)
{
	struct scenario_run s = {
		.env = &t->env, .scenario = c, .strategy = g, .en = t->env.k->encl,
		.pages = t->env.pages && c->pages > 1 ? t->env.pages : c->pages,
	};
	bool own = !s.en;

	s.checks = json_array();
	if (own) {
		t->env.next_off = 0;
		s.en = fresh(t, c, e);
		if (!s.en) {
			json_free(s.checks);
			return err_wrap(e, "test enclave for %s", c->name);
		}
	}
	run_in(t, &s);
	if (own)
		encl_free(s.en);
	json_free(s.checks);
	request_progress(t->env.request, ++t->done, t->total);
	return 0;
}

/* Calls fn for each scenario and strategy that is asked for. */
static int each(struct test *t, int (*fn)(struct test *t, const struct scenario *c, enum grow_strategy g,
					  struct err *e),
		struct err *e)
{
	for (size_t i = 0; i < N_TABLES; i++) {
		for (const struct scenario *c = tables[i]; c->name; c++) {
			if (!wanted(t, c))
				continue;
			if (!c->strategies && fn(t, c, GROW_AUTO, e))
				return -1;
			for (enum grow_strategy g = GROW_IOCTL; g <= GROW_ACCESS; g++)
				if ((c->strategies & t->strategies & 1u << g) && fn(t, c, g, e))
					return -1;
		}
	}
	return 0;
}

static int count_one(struct test *t, const struct scenario *c, enum grow_strategy g, struct err *e)
{
	(void)c;
	(void)g;
	(void)e;
	t->total++;
	return 0;
}

/* ---- the request --------------------------------------------------------------------------------- */

static int parse_strategies(const struct json *body, unsigned *ret, struct err *e)
{
	enum grow_strategy g = GROW_AUTO;
	const char *s = NULL;

	*ret = ON_ALL;
	if (arg_str(body, "strategy", &s, e))
		return -1;
	if (!s || !strcmp(s, "all"))
		return 0;
	if (arg_strategy(body, &g, e))
		return -1;
	if (g != GROW_AUTO)
		*ret = 1u << g;
	return 0;
}

static int parse(struct test *t, const struct json *body, struct err *e)
{
	t->repeat = 1;
	t->wanted = json_get(body, "scenario");
	if (arg_u64(body, "pages", &t->env.pages, e) || arg_u64(body, "repeat", &t->repeat, e) ||
	    parse_strategies(body, &t->strategies, e))
		return -1;
	if (t->env.pages > MAX_PAGES || !t->repeat || t->repeat > MAX_REPEAT)
		return err_set(e, ERR_USAGE, ERANGE, "at most %llu pages and %u repetitions",
			       (unsigned long long)MAX_PAGES, MAX_REPEAT);
	if (t->wanted && !json_is_array(t->wanted))
		return err_set(e, ERR_PROTOCOL, 0, "\"scenario\" of the request is no array");
	for (const struct json *j = json_first(t->wanted); j; j = json_next(j)) {
		if (json_str(j) && find(json_str(j)))
			continue;
		err_set(e, ERR_USAGE, 0, "there is no scenario '%.40s'", json_str(j) ? json_str(j) : "");
		return err_hint(e, "'sgxctl accept-test --list' shows them");
	}
	return 0;
}

static struct json *list_doc(const struct keeper *k)
{
	struct json *doc = doc_begin(k, "accept-test", true), *list = json_add_arr(doc, "scenarios");

	for (size_t t = 0; t < N_TABLES; t++) {
		for (const struct scenario *c = tables[t]; c->name; c++) {
			struct json *o = json_push_obj(list), *on;

			json_add_str(o, "name", c->name);
			json_add_str(o, "text", c->text);
			json_add_size(o, "pages", c->pages);
			on = json_add_arr(o, "strategies");
			for (enum grow_strategy g = GROW_IOCTL; g <= GROW_ACCESS; g++)
				if (c->strategies & 1u << g)
					json_push_str(on, grow_strategy_name(g));
		}
	}
	return doc;
}

static int prepare(struct test *t, const struct json *body, struct err *e)
{
	struct keeper *k = t->env.k;
	char path[4096];
	bool created;

	if (k->encl)
		return 0;
	if (arg_device(body, &k->dev_config, e))
		return -1;
	choose_epc(t);
	if (sign_key_user_path(path, sizeof(path), e) || sign_key_user(path, &t->env.key, &created, e))
		return -1;
	return sgx_dev_open(&k->dev_config, &k->dev, e);
}

static int run_all(struct test *t, struct err *e)
{
	each(t, count_one, e);
	t->total *= t->repeat;
	if (t->total > MAX_SCENARIOS)
		return err_set(e, ERR_TOO_BIG, 0, "%llu results do not fit one document, at most %u",
			       (unsigned long long)t->total, MAX_SCENARIOS);
	if (!t->total)
		return err_set(e, ERR_USAGE, 0, "none of the scenarios runs with this strategy");
	for (uint64_t i = 0; i < t->repeat; i++)
		if (each(t, run_one, e))
			return -1;
	if (t->failed)
		return err_set(e, ERR_TEST_FAILED, 0, "%llu of %llu scenarios failed",
			       (unsigned long long)t->failed, (unsigned long long)t->total);
	return 0;
}

static struct json *test_doc(struct test *t, int result, const struct err *e)
{
	struct json *doc = doc_begin(t->env.k, "accept-test", !result);

	json_add_size(doc, "passed", t->passed);
	json_add_size(doc, "failed", t->failed);
	json_add_size(doc, "skipped", t->skipped);
	json_add_take(doc, "scenarios", json_clone(t->results));
	return doc_end(doc, result, e);
}

struct json *req_accept_test(struct keeper *k, struct request *r, struct err *e)
{
	struct test t = { .env = { .k = k, .request = r } };
	struct json *doc = NULL;
	bool list = false;

	if (arg_bool(r->body, "list", &list, e))
		return NULL;
	if (list)
		return list_doc(k);
	t.results = json_array();
	if (!parse(&t, r->body, e) && !prepare(&t, r->body, e)) {
		int result = run_all(&t, e);

		/* a run that could not begin is an error of its own, not a result */
		if (!result || json_len(t.results))
			doc = test_doc(&t, result, e);
	}
	json_free(t.results);
	sign_key_free(t.env.key);
	return doc;
}
