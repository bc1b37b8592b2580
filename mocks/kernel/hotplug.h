/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is plugged in where, and functions that come and go as by hand (hotplug.c). */
#pragma once

#include "kernel/pci.h"

/* Where the machine has a function, or once had one. */
struct pci_slot {
	TAILQ_ENTRY(pci_slot) list;
	const struct machine_device *description;
	struct machine_device own; /* of one that was plugged in: what @description points to */
	struct pci_resource resources[PCI_RESOURCES];
	bool empty;
};

void pci_init_slots(struct kernel *k);
/* The machine as described, whatever was plugged in or pulled out; no function is there. */
void pci_reset_slots(struct kernel *k);
void pci_free_slots(struct kernel *k);

/* pci-setup.c: addresses for one that was not there when the machine came up. */
void pci_setup_plugged(struct kernel *k, struct pci_slot *slot);

/* Both return once the kernel is done with it or waits for something; then it goes on by itself. 0, or -errno and *ret_why. */
int hotplug_add(struct kernel *k, const char *address, const char *model, int group, const char **ret_why);
int hotplug_remove(struct kernel *k, const char *address, const char **ret_why);
/* It is no longer there: what the kernel has left of it goes as soon as it can. */
void hotplug_vanish(struct pci_dev *dev);
