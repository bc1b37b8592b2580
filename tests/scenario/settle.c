/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a detach and a reattach say of what came with the driver: nodes and who may open them, interfaces. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the machine e1000e-cdev. */
#define NIC "0000:03:00.0"
#define RECORD "/run/vfiobind/devices/" NIC

static void assert_access(struct json_object *document, const char *access, const char *node)
{
	_cleanup_text_ char *uid = format_text("%s.uid", access), *gid = format_text("%s.gid", access);
	_cleanup_text_ char *mode = format_text("%s.mode", access), *expected = NULL;
	struct stat status;

	assert_return_code(stat(node, &status), errno);
	expected = format_text("%04o", status.st_mode & 07777);
	assert_json_int(document, uid, (int)status.st_uid);
	assert_json_int(document, gid, (int)status.st_gid);
	assert_json_text(document, mode, expected);
	assert_string_equal(expected, "0600");
}

static void detach_says_who_may_open_the_nodes(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL}, shown = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL, *device = NULL;

	output = RUN_EXPECTING(0, "vfiobind", "detach", NIC, "--json");
	document = json_of(&output);
	assert_json_text(document, "devices.0.vfio.device", "vfio0");
	assert_json_text(document, "devices.0.vfio.group_node", "/dev/vfio/14");
	assert_json_text(document, "devices.0.vfio.cdev", "/dev/vfio/devices/vfio0");
	assert_access(document, "devices.0.vfio.group_access", "/dev/vfio/14");
	assert_access(document, "devices.0.vfio.cdev_access", "/dev/vfio/devices/vfio0");
	assert_int_equal(json_object_array_length(json_at(document, "devices.0.warnings")), 0);

	shown = RUN_EXPECTING(0, "vfiobind", "show", NIC, "--json");
	device = json_of(&shown);
	assert_true(json_object_equal(json_at(device, "vfio"), json_at(document, "devices.0.vfio")));
}

static void as_text_it_names_them(void **state)
{
	_cleanup_output_ struct output output = RUN_EXPECTING(0, "vfiobind", "detach", NIC);
	_cleanup_output_ struct output shown = RUN_EXPECTING(0, "vfiobind", "show", NIC);
	const char *node = strstr(output.out, ", /dev/vfio/14 (");

	assert_non_null(node);
	assert_non_null(strstr(node, " 0600), /dev/vfio/devices/vfio0 ("));
	assert_non_null(strstr(shown.out, "group node       /dev/vfio/14 ("));
	assert_non_null(strstr(shown.out, "device node      /dev/vfio/devices/vfio0 ("));
}

static void reattach_names_the_interface_that_came_back(void **state)
{
	_cleanup_output_ struct output output = {.out = NULL};
	_cleanup_json_ struct json_object *document = NULL;

	RUN_WELL("vfiobind", "detach", NIC);
	output = RUN_EXPECTING(0, "vfiobind", "reattach", NIC, "--json");
	document = json_of(&output);
	assert_json_text(document, "devices.0.to", "e1000e");
	assert_json_text(document, "devices.0.netdevs.0", "eth0");
	assert_int_equal(json_object_array_length(json_at(document, "devices.0.warnings")), 0);
}

/* What the record says it had stands for what a driver does not give it again. */
static void change_record(const char *from, const char *to)
{
	_cleanup_text_ char *record = read_file(RECORD), *changed = NULL;
	int fd = open(RECORD, O_WRONLY | O_TRUNC | O_CLOEXEC);
	char *at;

	assert_non_null(record);
	assert_return_code(fd, errno);
	at = strstr(record, from);
	assert_non_null(at);
	changed = format_text("%.*s%s%s", (int)(at - record), record, to, at + strlen(from));
	assert_int_equal(write(fd, changed, strlen(changed)), strlen(changed));
	close(fd);
}

static void check_warning(const char *warning)
{
	_cleanup_output_ struct output output =
		RUN_EXPECTING(0, "vfiobind", "reattach", NIC, "--json", "--timeout", "1");
	_cleanup_json_ struct json_object *document = json_of(&output);

	assert_json_text(document, "devices.0.warnings.0", warning);
	assert_json_text(document, "devices.0.netdevs.0", "eth0");
	assert_device(NIC, "e1000e", "(null)");
	assert_false(exists(RECORD));
}

static void an_interface_that_does_not_come_back_is_told(void **state)
{
	RUN_WELL("vfiobind", "detach", NIC);
	change_record("netdev eth0\n", "netdev eth0\nnetdev eth7\n");
	check_warning("its interface eth7 has not come back; see dmesg");
}

static void an_interface_of_another_name_is_told(void **state)
{
	RUN_WELL("vfiobind", "detach", NIC);
	change_record("netdev eth0\n", "netdev enp3s0\n");
	check_warning("its interface was called enp3s0, and is called eth0 now");
}

/* Moved from one VFIO driver to another it keeps what is known of it. */
static void what_a_device_had_is_kept_when_it_is_moved(void **state)
{
	_cleanup_text_ char *record = NULL;

	RUN_WELL("vfiobind", "detach", NIC, "--driver", "vfio-pci");
	RUN_WELL("vfiobind", "detach", NIC, "--driver", "vfio-pci-e1000e");
	record = read_file(RECORD);
	assert_non_null(record);
	assert_non_null(strstr(record, "\nnetdev eth0\n"));
}

static const struct CMUnitTest cdev_tests[] = {
	SCENARIO(detach_says_who_may_open_the_nodes),          SCENARIO(as_text_it_names_them),
	SCENARIO(reattach_names_the_interface_that_came_back), SCENARIO(an_interface_that_does_not_come_back_is_told),
	SCENARIO(an_interface_of_another_name_is_told),        SCENARIO(what_a_device_had_is_kept_when_it_is_moved),
};

SCENARIO_MAIN(SUITE("e1000e-cdev", cdev_tests))
