/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The XML of a domain, as a file that the command can be given; and what is to be seen of whose the devices are. */
#pragma once

#include <stddef.h>

/* A device that it has. */
struct domain_device {
	const char *address;
	const char *managed;   /* "yes", "no", or NULL */
	const char *inside;    /* more XML in its element, such as a <driver>; or NULL */
	const char *namespace; /* of an NVMe disk; NULL: a <hostdev> */
	int is_interface;      /* an <interface> */
};

struct domain_file {
	char path[64];
	int fd;
};

struct domain_file domain_file(const char *name, const struct domain_device *devices, size_t n);
void domain_file_free(struct domain_file *file);
#define _cleanup_domain_ _cleanup_(domain_file_free)

/* domain_file("web", {.address = …}, …) */
#define DOMAIN(name, ...)                                                \
	domain_file((name), (const struct domain_device[]){__VA_ARGS__}, \
		    sizeof((const struct domain_device[]){__VA_ARGS__}) / sizeof(struct domain_device))

/* `vfiobind` with these arguments is refused, for this reason, before anything was touched. */
void assert_refused(const char *code, const char *found, const char *const *command);
#define ASSERT_REFUSED(code, found, ...) \
	assert_refused((code), (found), (const char *const[]){"vfiobind", __VA_ARGS__, NULL})

/* Which domain uses the device; NULL for none. */
void assert_domain(const char *device, const char *domain);

/* "/dev/vfio/14", of its IOMMU group; malloc'd. */
char *group_node(const char *device);

/* Nothing is written down of any device, nor on its way. */
void assert_nothing_noted(void);
