/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOBIND_DOMAIN_XML_H
#define VFIOBIND_DOMAIN_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "vfiobind.h"

/* What a device is beside what the library wants to know of it. */
struct domain_device {
	unsigned long line;       /* of its element */
	bool iommufd;             /* to be opened through /dev/iommu, not through its group */
	bool has_network_address; /* an interface that asks for a MAC address, a VLAN or a port profile */
	char *alias;              /* its id, if the user gave it one; else NULL */
	size_t n_namespaces;      /* of an NVMe controller: that the domain has disks on */
	unsigned long *namespaces;
};

/* An interface of which only libvirt knows whether it is a host device: its network may be a pool of these. */
struct domain_network {
	unsigned long line;
	char *name; /* NULL if there is none */
};

/* A domain of libvirt's, as far as host PCI devices go. */
struct domain {
	char *name; /* NULL if there is none, as in the description of one device */
	size_t n_devices;
	struct vfiobind_hostdev *hostdevs; /* as the library wants them; */
	struct domain_device *devices;     /* and the rest of each */
	size_t n_networks;
	struct domain_network *networks;
};

/* No file is read further: libvirt's own are a few kilobytes. */
#define DOMAIN_FILE_SIZE (256 * 1024)

/*
 * Reads the domain, or one device of it, from a file; "-" is standard input. Nothing else is opened, whatever the file
 * says. Returns 0, or -1 and invalid-domain in @error, whose path is FILE:LINE.
 */
int domain_read(const char *file, struct domain **ret_domain, struct vfiobind_error *error);

/* The same from memory; @file is for the error. */
int domain_parse(const char *text, size_t size, const char *file, struct domain **ret_domain,
		 struct vfiobind_error *error);

struct domain *domain_free(struct domain *domain);

#endif
