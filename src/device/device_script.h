/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The script provider, for tests: a device that is unfaithful on purpose.  It does what every call asks for,
 * unless the script says otherwise: a step names the call it expects next and what that is to answer, or the
 * Nth call fails.  It keeps count of what is open and mapped, so a test can show that nothing was left.
 */
#ifndef DEVICE_DEVICE_SCRIPT_H
#define DEVICE_DEVICE_SCRIPT_H

#include "device/device.h"

enum script_call {
	SCRIPT_OPEN = 1, SCRIPT_CLOSE, SCRIPT_IOCTL, SCRIPT_MMAP, SCRIPT_MUNMAP, SCRIPT_MPROTECT,
	SCRIPT_ENTER,
	SCRIPT_PEEK, SCRIPT_POKE, SCRIPT_TOUCH,
};

#define SCRIPT_OBLIGE INT64_MAX         /* result: do what is asked */

struct script_step {
	enum script_call call;
	unsigned long cmd;              /* of an ioctl */
	int64_t result;
	/*
	 * looks at (and fills) the argument structure of the ioctl, or the struct encl_op of an entry; may be
	 * NULL
	 */
	void (*look)(void *arg);
	struct encl_exit exit;          /* SCRIPT_ENTER with result 0: what came out; function 0 = EEXIT */
};

struct script;
struct script *script_new(void);
struct sgx_dev *script_dev(struct script *s);
/*
 * From now on the calls must be these, in this order; another one aborts the test.  Questions only a model
 * can answer are ENOTTY and count nowhere.  After the last step the device obliges again.
 */
void script_expect(struct script *s, const struct script_step *steps, size_t n);
/* The nth call from now (1 = the next) fails with -sys; 0: none.  An entry fails with a #PF at address 0. */
void script_fail_nth(struct script *s, unsigned nth, int sys);
/* Has the failure been delivered? */
bool script_failed(const struct script *s);
/* Steps of the script that were not called. */
size_t script_left(const struct script *s);
unsigned script_open_fds(const struct script *s);
uint64_t script_mapped(const struct script *s);         /* bytes, reservations included */
void script_free(struct script *s);

#endif
