/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The QEMU machine on which the transcript in data/ was taken, by hand: tests of the bare model need no fixtures. */
#pragma once

#include "kernel/machine.h"

extern const struct machine q35_machine;
