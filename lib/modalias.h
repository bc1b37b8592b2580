/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_MODALIAS_H
#define VFIOBIND_MODALIAS_H

#include <stdbool.h>

/*
 * The aliases of PCI: "pci:v…d…sv…sd…bc…sc…i…" of a device, and the patterns of modules, where a field may be "*" or a
 * pattern such as "0[23]".
 */
enum modalias_field {
	MODALIAS_VENDOR,
	MODALIAS_DEVICE,
	MODALIAS_SUBSYSTEM_VENDOR,
	MODALIAS_SUBSYSTEM_DEVICE,
	MODALIAS_BASE_CLASS,
	MODALIAS_SUBCLASS,
	MODALIAS_INTERFACE,
	MODALIAS_FIELDS,
};

struct modalias {
	char fields[MODALIAS_FIELDS][32];
};

/* Takes an alias apart. @prefix is "pci:" or "vfio_pci:". Returns -EINVAL if @text is no such alias. */
int modalias_parse(const char *text, const char *prefix, struct modalias *ret_modalias);

/* Whether each field of the pattern matches that of the device. */
bool modalias_match(const struct modalias *pattern, const struct modalias *device);

/* How specific a pattern is: a subsystem counts more than a device, that more than a vendor, that more than a class. */
unsigned int modalias_specificity(const struct modalias *pattern);

#endif
