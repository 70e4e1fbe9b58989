/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger: what the tool itself knows of every page it added, because Linux shows it to nobody.
 * Sorted, non-overlapping, merged where equal; runs are few, so plain arrays serve.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/internal.h"

static uint64_t note_end(const struct page_note *n)
{
	return n->off + PAGES_TO_BYTES(n->pages);
}

static bool same_kind(const struct page_note *a, const struct page_note *b)
{
	return a->origin == b->origin && a->pt == b->pt && a->rwx == b->rwx && a->accepted == b->accepted &&
	       a->pending == b->pending && a->modified == b->modified && a->pr == b->pr;
}

int ledger_reserve(struct encl *en, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&en->lock);
	/* setting one range splits two notes at most and inserts one */
	if (en->n_notes + 3 > en->cap_notes) {
		size_t cap = (en->n_notes + 3) * 2;
		struct page_note *p = realloc(en->notes, cap * sizeof(*p));

		if (p) {
			en->notes = p;
			en->cap_notes = cap;
		} else {
			r = err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the page ledger");
		}
	}
	pthread_mutex_unlock(&en->lock);
	return r;
}

static void insert_at(struct encl *en, size_t i, const struct page_note *n)
{
	memmove(&en->notes[i + 1], &en->notes[i], (en->n_notes - i) * sizeof(*n));
	en->notes[i] = *n;
	en->n_notes++;
}

/* First note that ends above off. */
static size_t find_from(const struct encl *en, uint64_t off)
{
	size_t i = 0;

	while (i < en->n_notes && note_end(&en->notes[i]) <= off)
		i++;
	return i;
}

/* Makes off a border; returns the index of the first note at or above it. */
static size_t split_at(struct encl *en, uint64_t off)
{
	size_t i = find_from(en, off);
	struct page_note tail;

	if (i == en->n_notes || en->notes[i].off >= off)
		return i;
	tail = en->notes[i];
	tail.pages = BYTES_TO_PAGES(note_end(&tail) - off);
	tail.off = off;
	en->notes[i].pages = BYTES_TO_PAGES(off - en->notes[i].off);
	insert_at(en, i + 1, &tail);
	return i + 1;
}

static void merge_all(struct encl *en)
{
	size_t out = 0;

	for (size_t i = 1; i < en->n_notes; i++) {
		struct page_note *last = &en->notes[out];

		if (note_end(last) == en->notes[i].off && same_kind(last, &en->notes[i]))
			last->pages += en->notes[i].pages;
		else
			en->notes[++out] = en->notes[i];
	}
	if (en->n_notes)
		en->n_notes = out + 1;
}

static size_t drop_range(struct encl *en, uint64_t off, uint64_t pages)
{
	size_t first = split_at(en, off);
	size_t end = split_at(en, off + PAGES_TO_BYTES(pages));

	memmove(&en->notes[first], &en->notes[end], (en->n_notes - end) * sizeof(*en->notes));
	en->n_notes -= end - first;
	return first;
}

void ledger_set(struct encl *en, const struct page_note *n)
{
	if (!n->pages)
		return;
	pthread_mutex_lock(&en->lock);
	insert_at(en, drop_range(en, n->off, n->pages), n);
	merge_all(en);
	pthread_mutex_unlock(&en->lock);
}

void ledger_clear(struct encl *en, uint64_t off, uint64_t pages)
{
	if (!pages)
		return;
	pthread_mutex_lock(&en->lock);
	drop_range(en, off, pages);
	pthread_mutex_unlock(&en->lock);
}

void ledger_apply(struct encl *en, uint64_t off, uint64_t pages,
		  void (*change)(struct page_note *n, const void *arg), const void *arg)
{
	size_t first, end;

	if (!pages)
		return;
	pthread_mutex_lock(&en->lock);
	first = split_at(en, off);
	end = split_at(en, off + PAGES_TO_BYTES(pages));
	for (size_t i = first; i < end; i++)
		change(&en->notes[i], arg);
	merge_all(en);
	pthread_mutex_unlock(&en->lock);
}

bool ledger_get(struct encl *en, uint64_t off, struct page_note *ret)
{
	bool found;
	size_t i;

	pthread_mutex_lock(&en->lock);
	i = find_from(en, off);
	found = i < en->n_notes && en->notes[i].off <= off;
	if (found)
		*ret = en->notes[i];
	pthread_mutex_unlock(&en->lock);
	return found;
}

uint64_t ledger_free_up(struct encl *en, uint64_t off, uint64_t pages)
{
	uint64_t end = off + PAGES_TO_BYTES(pages);
	size_t i;

	pthread_mutex_lock(&en->lock);
	i = find_from(en, off);
	if (i < en->n_notes && en->notes[i].off < end)
		end = en->notes[i].off > off ? en->notes[i].off : off;
	pthread_mutex_unlock(&en->lock);
	return BYTES_TO_PAGES(end - off);
}

uint64_t ledger_free_down(struct encl *en, uint64_t off, uint64_t pages)
{
	uint64_t end = off + PAGES_TO_BYTES(pages), low = off;

	pthread_mutex_lock(&en->lock);
	for (size_t i = find_from(en, off); i < en->n_notes && en->notes[i].off < end; i++)
		low = note_end(&en->notes[i]);
	pthread_mutex_unlock(&en->lock);
	return low < end ? BYTES_TO_PAGES(end - low) : 0;
}

uint64_t ledger_known(struct encl *en, uint64_t off, uint64_t pages)
{
	uint64_t end = off + PAGES_TO_BYTES(pages), known = 0;

	pthread_mutex_lock(&en->lock);
	for (size_t i = find_from(en, off); i < en->n_notes && en->notes[i].off < end; i++) {
		uint64_t a = en->notes[i].off > off ? en->notes[i].off : off;
		uint64_t b = note_end(&en->notes[i]) < end ? note_end(&en->notes[i]) : end;

		known += BYTES_TO_PAGES(b - a);
	}
	pthread_mutex_unlock(&en->lock);
	return known;
}

int encl_find_free(struct encl *en, uint64_t from, uint64_t pages, uint64_t *ret_off, struct err *e)
{
	uint64_t off = from;

	while (pages && off < en->size && pages <= BYTES_TO_PAGES(en->size - off)) {
		uint64_t n = ledger_free_up(en, off, pages);
		struct page_note note;

		if (n == pages) {
			*ret_off = off;
			return 0;
		}
		off += PAGES_TO_BYTES(n);
		if (ledger_get(en, off, &note))
			off = note_end(&note);
	}
	return err_set(e, ERR_BAD_RANGE, ENOSPC, "there are no %llu free pages above offset 0x%llx",
		       (unsigned long long)pages, (unsigned long long)from);
}
