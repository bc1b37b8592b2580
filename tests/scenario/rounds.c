/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two commands at once, over and over: of one device, and of two devices of one group. MOCKSYS_TEST_ROUNDS says how often;
 * the default is for every day.
 */
#include "beside.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

/* Addresses of the machine shared-group. */
#define NIC "0000:03:00.0"
#define OTHER_NIC "0000:03:00.1"

static unsigned long rounds(void)
{
	const char *chosen = getenv("MOCKSYS_TEST_ROUNDS");

	return chosen ? strtoul(chosen, NULL, 10) : under_valgrind() || on_real_kernel() ? 2 : 20;
}

struct pair {
	const char *devices[2];
	const char *drivers[2];
};

static pid_t start_detach(const struct pair *pair, int which)
{
	const char *const command[] = {"vfiobind", "detach", pair->devices[which], "--driver", pair->drivers[which],
				       "--force",  NULL};

	return beside_start(command);
}

/* One of the drivers that were asked for has it, or it was left to the host; and what is written down is that. */
static bool is_whole(const struct pair *pair, const char *device, const char *host_driver)
{
	_cleanup_text_ char *driver = link_name(DEVICES "/%s/driver", device);
	_cleanup_text_ char *path = format_text(DEVICES "/%s/driver_override", device);
	_cleanup_text_ char *driver_override = read_file(path);
	_cleanup_text_ char *record = format_text("/run/vfiobind/devices/%s", device);
	_cleanup_text_ char *journal = format_text("/run/vfiobind/journals/%s", device);

	driver_override[strcspn(driver_override, "\n")] = '\0';
	if (!driver || exists(journal))
		return false;
	if (strcmp(driver, host_driver) == 0)
		return strcmp(driver_override, "(null)") == 0 && !exists(record);
	return (strcmp(driver, pair->drivers[0]) == 0 || strcmp(driver, pair->drivers[1]) == 0) &&
	       strcmp(driver, driver_override) == 0 && exists(record);
}

static void check_pair(const struct pair *pair)
{
	bool one_device = strcmp(pair->devices[0], pair->devices[1]) == 0;
	unsigned long n = rounds();

	RUN_WELL("modprobe", "-a", "vfio-pci", "vfio_pci_e1000e");
	for (unsigned long i = 0; i < n; i++) {
		pid_t pids[2];

		for (int which = 0; which < 2; which++)
			pids[which] = start_detach(pair, which);
		/* Whoever comes second waits. */
		for (int which = 0; which < 2; which++)
			assert_int_equal(beside_end(pids[which]), 0);
		assert_true(is_whole(pair, NIC, "e1000e"));
		assert_true(is_whole(pair, OTHER_NIC, "igb"));
		RUN_WELL("vfiobind", "reattach", pair->devices[0]);
		if (!one_device)
			RUN_WELL("vfiobind", "reattach", pair->devices[1]);
		assert_device(NIC, "e1000e", "(null)");
		assert_device(OTHER_NIC, "igb", "(null)");
	}
	print_message("%lu rounds\n", n);
}

static void two_detaches_of_a_device_to_one_driver_both_succeed(void **state)
{
	check_pair(&(const struct pair){{NIC, NIC}, {"vfio-pci", "vfio-pci"}});
}

static void two_detaches_of_a_device_to_two_drivers_follow_each_other(void **state)
{
	check_pair(&(const struct pair){{NIC, NIC}, {"vfio-pci", "vfio-pci-e1000e"}});
}

static void two_detaches_in_a_group_follow_each_other(void **state)
{
	check_pair(&(const struct pair){{NIC, OTHER_NIC}, {"vfio-pci", "vfio-pci"}});
}

static void two_detaches_in_a_group_to_two_drivers_follow_each_other(void **state)
{
	check_pair(&(const struct pair){{NIC, OTHER_NIC}, {"vfio-pci-e1000e", "vfio-pci"}});
}

static const struct CMUnitTest group_tests[] = {
	SCENARIO(two_detaches_of_a_device_to_one_driver_both_succeed),
	SCENARIO(two_detaches_of_a_device_to_two_drivers_follow_each_other),
	SCENARIO(two_detaches_in_a_group_follow_each_other),
	SCENARIO(two_detaches_in_a_group_to_two_drivers_follow_each_other),
};

SCENARIO_MAIN(SUITE("shared-group", group_tests))
