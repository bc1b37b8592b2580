/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what the kernel made of the devices by itself to what the machine says, by the files that anybody would use. */
#include "guest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"

static void device_path(char path[PATH_MAX], const char *address, const char *name)
{
	snprintf(path, PATH_MAX, DEVICES "/%s/%s", address, name);
}

static void set(const char *address, const char *name, const char *text)
{
	char path[PATH_MAX];
	int r;

	device_path(path, address, name);
	r = write_file(path, text);
	if (r < 0)
		give_up("cannot write \"%s\" to %s: %s", text, path, strerror(-r));
}

void device_link(const char *address, const char *link, char name[NAME_MAX])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	device_path(path, address, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0) {
		strcpy(name, "-");
		return;
	}
	target[n] = '\0';
	snprintf(name, NAME_MAX, "%s", strrchr(target, '/') + 1);
}

void device_override(const char *address, char text[4096])
{
	char path[PATH_MAX];
	FILE *stream;

	device_path(path, address, "driver_override");
	stream = fopen(path, "re");
	if (!stream || !fgets(text, 4096, stream))
		strcpy(text, "-");
	text[strcspn(text, "\n")] = '\0';
	if (stream)
		fclose(stream);
}

static void set_driver(const char *address, const char *driver, const char *override)
{
	char bound[NAME_MAX], path[PATH_MAX];
	int r;

	device_link(address, "driver", bound);
	if (strcmp(bound, driver)) {
		if (strcmp(bound, "-"))
			set(address, "driver/unbind", address);
		if (strcmp(driver, "-")) {
			set(address, "driver_override", driver);
			snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%.255s/bind", driver);
			r = write_file(path, address);
			if (r < 0)
				give_up("cannot bind %s to %s: %s", address, driver, strerror(-r));
			set(address, "driver_override", "\n");
		}
	}
	if (strcmp(override, "-"))
		set(address, "driver_override", override);
}

static void prepare(const char *line)
{
	char address[32], numvfs[8], autoprobe[4], driver[128], override[128], path[PATH_MAX];

	if (sscanf(line, "%31s %7s %3s %127s %127s", address, numvfs, autoprobe, driver, override) != 5)
		give_up("cannot make anything of '%s'", line);
	device_path(path, address, "vendor");
	if (access(path, F_OK) < 0)
		give_up("the guest has no %s: its buses are numbered otherwise", address);
	set_driver(address, driver, override);
	if (!strcmp(autoprobe, "0"))
		set(address, "sriov_drivers_autoprobe", "0");
	if (strcmp(numvfs, "0"))
		set(address, "sriov_numvfs", numvfs);
}

void machine_prepare(void)
{
	buses_number();
	for (const char *module = NULL; (module = spec_next("load", module));)
		module_load(module);
	for (const char *line = NULL; (line = spec_next("device", line));)
		prepare(line);
}
