/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes a moment after the driver was bound, or does not: nodes, interfaces, disks, made by a thread in directories
 * that have the form of /sys and /dev.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#undef fail
#include "context.h"
#include "settle.h"
#include "sysfs.h"
#include "vfio.h"

/* Longer than any machine is busy, and what must not be waited for. */
#define LONG_MS 120000
#define SHORT_MS 20

struct host {
	char root[64];
	struct vfiobind_context *context;
	struct arena arena;
	struct vfiobind_error error;
	struct vfiobind_result_device result;
	struct record record;
	struct operation_device device;
	struct operation operation;
};

static char *path_in(const struct host *host, const char *name, char path[static 256])
{
	snprintf(path, 256, "%s/%s", host->root, name);
	return path;
}

static void make_directories(const struct host *host, const char *name)
{
	char path[256];

	path_in(host, name, path);
	for (char *slash = path + strlen(host->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

static void make_file(const struct host *host, const char *name, const char *text)
{
	char path[256], temporary[260];
	int fd;

	make_directories(host, name);
	/* Whole or not at all. */
	snprintf(temporary, sizeof(temporary), "%s.new", path_in(host, name, path));
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(rename(temporary, path), 0);
}

#define DEVICE "sys/bus/pci/devices/0000:04:11.5"

static int set_up(void **state)
{
	struct host *host = calloc(1, sizeof(*host));
	char path[256];

	assert_non_null(host);
	strcpy(host->root, "/tmp/test-settle-XXXXXX");
	assert_non_null(mkdtemp(host->root));
	make_file(host, "dev/null", "");
	make_file(host, DEVICE "/modalias", "pci:x\n");
	assert_int_equal(vfiobind_context_new(&host->context), 0);
	assert_int_equal(vfiobind_context_set_sysfs_root(host->context, path_in(host, "sys", path)), 0);
	assert_int_equal(vfiobind_context_set_device_root(host->context, path_in(host, "dev", path)), 0);
	assert_int_equal(vfiobind_context_set_timeout(host->context, LONG_MS), 0);
	host->operation = (struct operation)OPERATION_INIT;
	host->operation.context = host->context;
	host->operation.arena = &host->arena;
	host->operation.error = &host->error;
	host->error = (struct vfiobind_error)VFIOBIND_ERROR_INIT;
	host->device.iommu_group = 14;
	host->device.change = true;
	host->device.record = &host->record;
	host->device.result = &host->result;
	assert_int_equal(context_begin(host->context, &host->error), 0);
	assert_int_equal(device_open(host->context,
				     &(const struct vfiobind_address){.bus = 4, .slot = 0x11, .function = 5},
				     &host->device.handle, &host->error),
			 0);
	/* So long as a busy machine may need. */
	host->operation.nodes_until = deadline_in(LONG_MS);
	*state = host;
	return 0;
}

static int remove_node(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct host *host = *state;

	close_fd(host->device.handle.fd);
	vfiobind_context_free(host->context);
	arena_free(&host->arena);
	nftw(host->root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
	free(host);
	return 0;
}

/* Makes a file in a thread of its own, while the library waits or before: it must not matter. */
struct late {
	const struct host *host;
	const char *name;
	pthread_t thread;
};

static void *run_late(void *data)
{
	const struct late *late = data;

	make_file(late->host, late->name, "");
	return NULL;
}

static void start_late(struct late *late)
{
	assert_int_equal(pthread_create(&late->thread, NULL, run_late, late), 0);
}

/* ---- nodes ---- */

static void expect_group(const struct host *host)
{
	make_file(host, "sys/class/vfio/14/uevent", "");
}

static void expect_cdev(const struct host *host)
{
	make_file(host, DEVICE "/vfio-dev/vfio0/dev", "244:0\n");
}

static void a_node_that_comes_late_is_found(void **state)
{
	struct host *host = *state;
	struct late late = {.host = host, .name = "dev/vfio/14"};
	char path[256];

	expect_group(host);
	start_late(&late);
	assert_int_equal(settle_vfio(&host->operation, &host->device), 0);
	pthread_join(late.thread, NULL);
	assert_string_equal(host->result.vfio->group_node, path_in(host, "dev/vfio/14", path));
	assert_int_equal(host->result.vfio->group_access.mode, 0640);
	assert_int_equal(host->result.vfio->group_access.uid, geteuid());
	assert_int_equal(host->result.vfio->group_access.gid, getegid());
	assert_int_equal(host->result.n_warnings, 0);
}

/* No class device: the kernel has no groups (CONFIG_VFIO_GROUP off), and nobody waits for one. */
static void a_node_that_the_kernel_does_not_have_is_not_waited_for(void **state)
{
	struct host *host = *state;

	assert_int_equal(settle_vfio(&host->operation, &host->device), 0);
	assert_null(host->result.vfio->group_node);
	assert_null(host->result.vfio->cdev);
	assert_int_equal(host->result.n_warnings, 0);
}

static void a_node_that_does_not_come_is_a_warning(void **state)
{
	struct host *host = *state;
	char path[256];

	expect_group(host);
	host->operation.nodes_until = deadline_in(SHORT_MS);
	assert_int_equal(settle_vfio(&host->operation, &host->device), 0);
	assert_null(host->result.vfio->group_node);
	assert_int_equal(host->result.n_warnings, 1);
	assert_non_null(strstr(host->result.warnings[0], path_in(host, "dev/vfio/14 has not come", path)));
}

/* What lies there under its name is none. */
static void a_device_node_of_another_number_is_not_taken(void **state)
{
	struct host *host = *state;
	char path[256];

	expect_cdev(host);
	make_file(host, "dev/vfio/devices/vfio0", "");
	host->operation.nodes_until = deadline_in(SHORT_MS);
	assert_int_equal(settle_vfio(&host->operation, &host->device), 0);
	assert_string_equal(host->result.vfio->device, "vfio0");
	assert_null(host->result.vfio->cdev);
	assert_int_equal(host->result.n_warnings, 1);
	assert_non_null(strstr(host->result.warnings[0], path_in(host, "dev/vfio/devices/vfio0 has not", path)));
}

/* It was bound long ago: what has not come will not come. */
static void nothing_is_waited_for_where_nothing_was_changed(void **state)
{
	struct host *host = *state;

	expect_group(host);
	host->device.change = false;
	assert_int_equal(settle_vfio(&host->operation, &host->device), 0);
	assert_null(host->result.vfio->group_node);
	assert_int_equal(host->result.n_warnings, 1);
}

static void an_unsafe_group_is_found_by_its_own_name(void **state)
{
	struct host *host = *state;
	struct late late = {.host = host, .name = "dev/vfio/noiommu-14"};
	char path[256];

	make_file(host, "sys/class/vfio/noiommu-14/uevent", "");
	start_late(&late);
	assert_int_equal(settle_vfio(&host->operation, &host->device), 0);
	pthread_join(late.thread, NULL);
	assert_string_equal(host->result.vfio->group_node, path_in(host, "dev/vfio/noiommu-14", path));
}

/* ---- interfaces and disks ---- */

static void had_netdevs(struct host *host, const char *first, const char *second)
{
	host->record.netdevs = calloc(2, sizeof(*host->record.netdevs));
	assert_non_null(host->record.netdevs);
	snprintf(host->record.netdevs[0], sizeof(host->record.netdevs[0]), "%s", first);
	snprintf(host->record.netdevs[1], sizeof(host->record.netdevs[1]), "%s", second ? second : "");
	host->record.n_netdevs = second ? 2 : 1;
}

static void settle_on_host(struct host *host)
{
	assert_int_equal(settle_host(&host->operation, &host->device, "igbvf"), 0);
	free(host->record.netdevs);
	host->record.netdevs = NULL;
}

static void an_interface_that_comes_late_is_found(void **state)
{
	struct host *host = *state;
	struct late late = {.host = host, .name = DEVICE "/net/eth1/uevent"};

	had_netdevs(host, "eth0", "eth1");
	make_file(host, DEVICE "/net/eth0/uevent", "");
	start_late(&late);
	assert_int_equal(settle_host(&host->operation, &host->device, "igbvf"), 0);
	pthread_join(late.thread, NULL);
	assert_int_equal(host->result.n_warnings, 0);
	assert_int_equal(host->result.n_netdevs, 2);
	assert_string_equal(host->result.netdevs[0], "eth0");
	assert_string_equal(host->result.netdevs[1], "eth1");
	free(host->record.netdevs);
}

static void an_interface_that_does_not_come_back_is_a_warning(void **state)
{
	struct host *host = *state;

	had_netdevs(host, "eth0", "eth1");
	make_file(host, DEVICE "/net/eth0/uevent", "");
	host->context->deadline = deadline_in(SHORT_MS);
	settle_on_host(host);
	assert_int_equal(host->result.n_warnings, 1);
	assert_string_equal(host->result.warnings[0], "its interface eth1 has not come back; see dmesg");
	assert_int_equal(host->result.n_netdevs, 1);
}

static void an_interface_with_another_name_is_told(void **state)
{
	struct host *host = *state;

	had_netdevs(host, "enp4s17", NULL);
	make_file(host, DEVICE "/net/eth0/uevent", "");
	host->context->deadline = deadline_in(SHORT_MS);
	settle_on_host(host);
	assert_int_equal(host->result.n_warnings, 1);
	assert_string_equal(host->result.warnings[0], "its interface was called enp4s17, and is called eth0 now");
	assert_string_equal(host->result.netdevs[0], "eth0");
}

static void a_disk_that_comes_late_is_found(void **state)
{
	struct host *host = *state;
	struct late late = {.host = host, .name = DEVICE "/nvme/nvme3/nvme3n1/dev"};

	strcpy(host->record.disk, "nvme0n1");
	start_late(&late);
	assert_int_equal(settle_host(&host->operation, &host->device, "nvme"), 0);
	pthread_join(late.thread, NULL);
	assert_int_equal(host->result.n_warnings, 0);
}

static void a_disk_that_does_not_come_back_is_a_warning(void **state)
{
	struct host *host = *state;

	strcpy(host->record.disk, "nvme0n1");
	make_file(host, DEVICE "/nvme/nvme0/hwmon0/uevent", "");
	host->context->deadline = deadline_in(SHORT_MS);
	settle_on_host(host);
	assert_int_equal(host->result.n_warnings, 1);
	assert_string_equal(host->result.warnings[0], "its disk nvme0n1 has not come back; see dmesg");
}

static void a_device_that_had_nothing_is_not_waited_for(void **state)
{
	struct host *host = *state;

	settle_on_host(host);
	host->device.record = NULL;
	settle_on_host(host);
	assert_int_equal(host->result.n_warnings, 0);
	assert_int_equal(host->result.n_netdevs, 0);
}

#define test_on_host(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_host(a_node_that_comes_late_is_found),
		test_on_host(a_node_that_the_kernel_does_not_have_is_not_waited_for),
		test_on_host(a_node_that_does_not_come_is_a_warning),
		test_on_host(a_device_node_of_another_number_is_not_taken),
		test_on_host(nothing_is_waited_for_where_nothing_was_changed),
		test_on_host(an_unsafe_group_is_found_by_its_own_name),
		test_on_host(an_interface_that_comes_late_is_found),
		test_on_host(an_interface_that_does_not_come_back_is_a_warning),
		test_on_host(an_interface_with_another_name_is_told),
		test_on_host(a_disk_that_comes_late_is_found),
		test_on_host(a_disk_that_does_not_come_back_is_a_warning),
		test_on_host(a_device_that_had_nothing_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
