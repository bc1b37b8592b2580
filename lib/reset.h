/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_RESET_H
#define VFIOBIND_RESET_H

#include "operation.h"

/* reset_method as it was before a reset that was not ended: @methods. @method: what it was for the time. Needs no memory. */
enum rollback reset_undo(struct operation *operation, struct operation_device *device, const char *methods,
			 const char *method);

#endif
