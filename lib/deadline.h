/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DEADLINE_H
#define VFIOBIND_DEADLINE_H

#include <stdint.h>
#include <time.h>

/* A moment after which nothing is waited for any more, by the clock that nobody sets. */
struct deadline {
	int64_t at; /* milliseconds of CLOCK_MONOTONIC */
};

static inline int64_t deadline_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline struct deadline deadline_in(unsigned int milliseconds)
{
	return (struct deadline){deadline_now() + milliseconds};
}

/* Milliseconds that are left, for poll(2). */
static inline int deadline_left(struct deadline deadline)
{
	int64_t left = deadline.at - deadline_now();

	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

#endif
