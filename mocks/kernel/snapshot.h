/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The present state as a machine that would boot into it. */
#pragma once

#include "kernel/kernel.h"

struct machine *machine_snapshot(struct kernel *k);
void machine_snapshot_free(struct machine *snapshot);
