/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a host, one thing at a time: each check fails for that reason alone, and names the remedy. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vfiobind.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define NOBODY 65534

struct host {
	char root[64];
	struct vfiobind_context *context;
};

static const char *path_of(const struct host *host, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", host->root, name);
	return path;
}

static void put(const struct host *host, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	strcpy(path, path_of(host, name));
	for (char *slash = path + strlen(host->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void drop(const struct host *host, const char *name)
{
	assert_return_code(remove(path_of(host, name)), errno);
}

/* Nothing is wrong with it. */
static int set_up(void **state)
{
	static const struct {
		int (*set)(struct vfiobind_context *context, const char *path);
		const char *name;
	} roots[] = {
		{vfiobind_context_set_sysfs_root, "sys"},   {vfiobind_context_set_modules_root, "modules"},
		{vfiobind_context_set_device_root, "dev"},  {vfiobind_context_set_proc_root, "proc"},
		{vfiobind_context_set_state_root, "state"},
	};
	struct host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	strcpy(host->root, "/tmp/test-doctor-XXXXXX");
	assert_non_null(mkdtemp(host->root));
	assert_return_code(chmod(host->root, 0755), errno);
	put(host, "sys/bus/pci/drivers_probe", "");
	put(host, "sys/bus/pci/drivers/vfio-pci/unbind", "");
	put(host, "sys/kernel/iommu_groups/0/type", "DMA\n");
	put(host, "sys/module/vfio/initstate", "live\n");
	put(host, "sys/class/vfio-dev/.keep", "");
	put(host, "modules/modules.alias", "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n");
	put(host, "dev/vfio/vfio", "");
	put(host, "dev/iommu", "");
	put(host, "proc/cmdline", "root=/dev/sda1 quiet\n");
	assert_int_equal(vfiobind_context_new(&host->context), 0);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		assert_int_equal(roots[i].set(host->context, path_of(host, roots[i].name)), 0);
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

	vfiobind_context_free(host->context);
	nftw(host->root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
	free(host);
	return 0;
}

/* Only this check fails, and says so; the host can assign devices if that does not matter. */
static void assert_only(const struct host *host, const char *name, bool required, const char *found, const char *hint)
{
	struct vfiobind_error error = VFIOBIND_ERROR_INIT;
	struct vfiobind_report *report;
	bool seen = false;

	assert_int_equal(vfiobind_host_check(host->context, &report, &error), 0);
	for (size_t i = 0; i < report->n_checks; i++) {
		const struct vfiobind_check *check = report->checks[i];

		assert_true(check->ok == !check->hint);
		if (check->ok)
			continue;
		if (strcmp(check->check, name) != 0)
			fail_msg("%s: %s", check->check, check->found);
		if (!strstr(check->found, found))
			fail_msg("%s: \"%s\", not \"%s\"", name, check->found, found);
		if (!strstr(check->hint, hint))
			fail_msg("%s: \"%s\", not \"%s\"", name, check->hint, hint);
		assert_int_equal(check->required, required);
		seen = true;
	}
	if (!seen && *name)
		fail_msg("%s is all right", name);
	assert_int_equal(report->ok, !required);
	vfiobind_report_free(report);
}

static void nothing_is_wrong_with_a_good_host(void **state)
{
	assert_only(*state, "", false, "", "");
}

static void why_there_is_no_iommu_is_told_as_far_as_it_shows(void **state)
{
	static const struct {
		const char *command_line, *table, *found, *hint;
	} cases[] = {
		{"quiet", NULL, "the firmware offers no IOMMU", "intel_iommu=on"},
		{"quiet", "DMAR", "the firmware offers VT-d (ACPI table DMAR)", "boot with intel_iommu=on"},
		{"quiet", "IVRS", "the firmware offers AMD-Vi (ACPI table IVRS)", "dmesg says of AMD-Vi"},
		{"quiet", "IORT", "the firmware offers an SMMU (ACPI table IORT)", "dmesg says of arm-smmu"},
		{"iommu=off", "DMAR", "no groups: iommu=off is on", "remove that"},
		{"quiet intel_iommu=off\n", "DMAR", "no groups: intel_iommu=off is on", "remove that"},
		{"intel_iommu=sm_on,off x", "DMAR", "no groups: intel_iommu=off is on", "remove that"},
		{"amd_iommu=off", "IVRS", "no groups: amd_iommu=off is on", "remove that"},
		{"intel_iommu=off intel_iommu=on", "DMAR", "the firmware offers VT-d", "boot with intel_iommu=on"},
		{"my_iommu=off iommu=offline", "DMAR", "the firmware offers VT-d", "boot with intel_iommu=on"},
	};
	const struct host *host = *state;

	drop(host, "sys/kernel/iommu_groups/0/type");
	drop(host, "sys/kernel/iommu_groups/0");
	assert_only(host, "iommu-groups", true, "no groups", "kernel command line");
	put(host, "sys/firmware/acpi/tables/APIC", "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char table[64];

		snprintf(table, sizeof(table), "sys/firmware/acpi/tables/%s", cases[i].table ? cases[i].table : "FACP");
		put(host, table, "");
		put(host, "proc/cmdline", cases[i].command_line);
		assert_only(host, "iommu-groups", true, cases[i].found, cases[i].hint);
		drop(host, table);
	}
}

static void a_lockdown_is_told_by_its_name(void **state)
{
	const struct host *host = *state;

	put(host, "sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	assert_only(host, "", false, "", "");
	put(host, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_only(host, "lockdown", false, "integrity", "signed");
	put(host, "sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
	assert_only(host, "lockdown", false, "confidentiality", "signed");
	put(host, "sys/kernel/security/lockdown", "something else\n");
	assert_only(host, "", false, "", "");
}

static void a_node_that_is_missing_is_told_with_its_module(void **state)
{
	const struct host *host = *state;

	drop(host, "dev/vfio/vfio");
	assert_only(host, "vfio-container", true, "dev/vfio/vfio: missing", "modprobe vfio;");
	put(host, "dev/vfio/vfio", "");
	drop(host, "dev/iommu");
	assert_only(host, "iommufd", false, "dev/iommu: missing", "modprobe iommufd");
}

/* As somebody whom permissions mean. */
static void become(uid_t user)
{
	if (getuid() == 0)
		assert_return_code(seteuid(user), errno);
}

static void who_may_not_is_told_who_may(void **state)
{
	const struct host *host = *state;
	char found[64];

	assert_return_code(chmod(path_of(host, "dev/vfio/vfio"), 0400), errno);
	/* The others are everybody's. */
	assert_return_code(chmod(path_of(host, "dev/iommu"), 0666), errno);
	assert_return_code(chmod(path_of(host, "sys/bus/pci/drivers_probe"), 0666), errno);
	become(NOBODY);
	snprintf(found, sizeof(found), "user %u may not open it, of owner %u:", (unsigned int)geteuid(), getuid());
	assert_only(host, "vfio-container", true, found, "a rule of udev");
	become(0);
	assert_return_code(chmod(path_of(host, "dev/vfio/vfio"), 0666), errno);
	assert_return_code(chmod(path_of(host, "sys/bus/pci/drivers_probe"), 0400), errno);
	become(NOBODY);
	snprintf(found, sizeof(found), "user %u may not write drivers_probe: Permission denied",
		 (unsigned int)geteuid());
	assert_only(host, "privilege", true, found, "run it as root");
	become(0);
}

static void without_an_index_variant_drivers_are_missed(void **state)
{
	const struct host *host = *state;

	drop(host, "modules/modules.alias");
	assert_only(host, "module-index", false, "modules.alias: No such file or directory", "run depmod");
}

static void an_old_kernel_without_vfio_dev_is_told(void **state)
{
	const struct host *host = *state;

	drop(host, "sys/class/vfio-dev/.keep");
	drop(host, "sys/class/vfio-dev");
	assert_only(host, "vfio-device-class", false, "no vfio-dev", "6.1");
}

static void without_vfio_pci_nothing_can_be_assigned(void **state)
{
	const struct host *host = *state;

	drop(host, "sys/bus/pci/drivers/vfio-pci/unbind");
	drop(host, "sys/bus/pci/drivers/vfio-pci");
	assert_only(host, "vfio-pci", true, "neither a driver nor a module", "install");
}

/* In namespaces of its own a process may mount it so, as containers have it. */
static void a_read_only_sysfs_is_told_with_the_remedy(void **state)
{
	const struct host *host = *state;
	const char *sys = path_of(host, "sys");
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || mount(sys, sys, NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, sys, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
			_exit(77);
		/* On such a mount nobody may write. */
		struct vfiobind_report *report;
		bool told = false;

		if (vfiobind_host_check(host->context, &report, NULL) < 0)
			_exit(1);
		for (size_t i = 0; i < report->n_checks; i++)
			if (strcmp(report->checks[i]->check, "sysfs-writable") == 0)
				told = !report->checks[i]->ok && strstr(report->checks[i]->found, "read-only") &&
				       strstr(report->checks[i]->hint, "mount -o remount,rw /sys");
		_exit(told && !report->ok ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: no namespaces here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define test_on_host(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_host(nothing_is_wrong_with_a_good_host),
		test_on_host(why_there_is_no_iommu_is_told_as_far_as_it_shows),
		test_on_host(a_lockdown_is_told_by_its_name),
		test_on_host(a_node_that_is_missing_is_told_with_its_module),
		test_on_host(who_may_not_is_told_who_may),
		test_on_host(without_an_index_variant_drivers_are_missed),
		test_on_host(an_old_kernel_without_vfio_dev_is_told),
		test_on_host(without_vfio_pci_nothing_can_be_assigned),
		test_on_host(a_read_only_sysfs_is_told_with_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
