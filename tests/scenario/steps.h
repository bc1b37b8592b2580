/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of an operation that went well, each as a rule that makes it fail, wait, or end the process. */
#pragma once

#include <stddef.h>

struct steps {
	char *trace;
	char *rules[256]; /* "STEP key=value… after=N times=1": what is to happen is to be appended */
	size_t n;
};

/* Those since the last trace_clear(). */
void steps_read(struct steps *steps);
void steps_free(struct steps *steps);
