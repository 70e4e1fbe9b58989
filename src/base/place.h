/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the other parts of sgxctl are: the keeper, the library of run, the test enclaves. */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

/*
 * What the environment variable env says; else what stands as `name` beside the running program, as in the folder it
 * was built in; else installed.  A path for free(), NULL when there is no memory.  That it exists is only sure of the
 * second.
 */
char *place_find(const char *env, const char *name, const char *installed);

#endif
