/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machines that ship, as the loader gives them; and what the loader does with names, several machines and bad files. */
#include "fixture-captured.h"

#include "fixture/fixture.h"
#include "fixture/suggest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- helpers ---- */

static struct fixture *load(const char *name)
{
	struct fixture *fixture = NULL;

	assert_int_equal(fixture_load(&name, 1, stderr, &fixture), 0);
	return fixture;
}

/* Loads what must fail; what was said (malloc'd). */
static char *load_fails(const char *const *machines, size_t n, int error)
{
	struct fixture *fixture = NULL;
	char *text = NULL;
	size_t size;
	FILE *errors = open_memstream(&text, &size);

	assert_non_null(errors);
	assert_int_equal(fixture_load(machines, n, errors, &fixture), error);
	assert_null(fixture); /* untouched */
	fclose(errors);
	return text;
}

static char *check_text(const char *data, size_t size)
{
	char path[] = "/tmp/test-fixture-XXXXXX.yaml", *text = NULL;
	int fd = mkstemps(path, 5);
	size_t text_size;
	FILE *errors = open_memstream(&text, &text_size);

	assert_true(fd >= 0);
	assert_non_null(errors);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, data + done, size - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	close(fd);
	assert_int_not_equal(fixture_check(path, errors), 0);
	fclose(errors);
	unlink(path);
	return text;
}

static const struct machine_device *find_device(const struct machine *machine, const char *address)
{
	struct pci_address wanted;

	assert_int_equal(pci_address_parse(address, &wanted), 0);
	for (size_t i = 0; i < machine->n_devices; i++)
		if (pci_address_compare(machine->devices[i].address, wanted) == 0)
			return &machine->devices[i];
	fail_msg("no device %s", address);
	return NULL;
}

static const struct driver_desc *find_driver(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->n_drivers; i++)
		if (!strcmp(machine->drivers[i]->name, name))
			return machine->drivers[i];
	fail_msg("no driver %s", name);
	return NULL;
}

static const struct module_desc *find_module(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->n_modules; i++)
		if (!strcmp(machine->modules[i].name, name))
			return &machine->modules[i];
	fail_msg("no module %s", name);
	return NULL;
}

static void assert_names(const char *const *names, const char *expected)
{
	char text[256] = "";

	for (; *names; names++) {
		strcat(text, *names);
		strcat(text, names[1] ? " " : "");
	}
	assert_string_equal(text, expected);
}

static void assert_drivers(const struct machine *machine, const char *expected)
{
	const char *names[32] = {NULL};

	for (size_t i = 0; i < machine->n_drivers; i++)
		names[i] = machine->drivers[i]->name;
	assert_names(names, expected);
}

/* Bytes that a driver, the firmware or the machine sets: not the model's. */
struct range {
	unsigned first, last;
};

static void assert_config(const struct device_model *model, const char *const *rows, const struct range *except)
{
	uint8_t expected[4096] = {0};

	assert_int_equal(model->config_size, sizeof(expected));
	for (; *rows; rows++) {
		char *at;
		unsigned long offset = strtoul(*rows, &at, 16);

		for (at++; *at; offset++)
			expected[offset] = (uint8_t)strtoul(at, &at, 16);
	}
	for (unsigned i = 0; i < sizeof(expected); i++) {
		bool excepted = false;

		for (const struct range *range = except; range->last; range++)
			excepted |= i >= range->first && i <= range->last;
		if (!excepted && model->config[i] != expected[i])
			fail_msg("%s: byte 0x%03x is 0x%02x, captured was 0x%02x", model->name, i, model->config[i],
				 expected[i]);
	}
}

static void assert_bar(struct pci_bar bar, uint64_t size, uint32_t flags)
{
	assert_int_equal(bar.size, size);
	assert_int_equal(bar.flags, flags);
}

/* ---- the machines that ship ---- */

static void e1000e_has_an_82574l_and_its_drivers(void **state)
{
	struct fixture *fixture = load("e1000e");
	const struct machine *machine = fixture_machine(fixture);
	const struct machine_device *device = find_device(machine, "0000:03:00.0"), *port = &machine->devices[0];

	assert_string_equal(machine->name, "e1000e");
	assert_string_equal(machine->profile, "6.12");
	assert_drivers(machine, "e1000e vfio-pci vfio-pci-e1000e e1000e-vfio-pci pcieport");
	assert_names(machine->loaded, "e1000e");
	assert_false(machine->no_iommu);
	assert_int_equal(machine->n_devices, 2);
	assert_int_equal(port->secondary, 3);
	assert_int_equal(port->subordinate, 3); /* filled in */
	assert_string_equal(device->driver, "e1000e");
	assert_null(device->driver_override);
	assert_int_equal(device->group, 14);
	assert_int_equal(device->model->vendor, 0x8086);
	assert_int_equal(device->model->device, 0x10d3);
	assert_int_equal(device->model->class_code, 0x020000);
	assert_string_equal(device->model->qemu, "e1000e");
	assert_bar(device->model->bars[0], 0x20000, 0x40200);
	assert_bar(device->model->bars[1], 0x20000, 0x40200);
	assert_bar(device->model->bars[2], 32, 0x40101);
	assert_bar(device->model->bars[3], 0x4000, 0x40200);
	assert_bar(device->model->rom, 0x40000, 0x46200);
	fixture_free(fixture);
}

static void models_have_the_captured_config_space(void **state)
{
	/* Command; BAR addresses; MSI-X control; then what each has of its own. */
	static const struct range nic[] = {{0x04, 0x05}, {0x10, 0x27}, {0x30, 0x33}, {0xa2, 0xa3}, {0, 0}};
	static const struct range pf[] = {{0x04, 0x05},   {0x10, 0x27},   {0x72, 0x73}, {0x168, 0x169},
					  {0x170, 0x171}, {0x184, 0x19b}, {0, 0}};
	static const struct range vf[] = {{0, 0}};
	static const struct range port[] = {{0x04, 0x05}, {0x10, 0x27}, {0x4a, 0x4b}, {0, 0}};
	struct fixture *e1000e = load("e1000e"), *igb = load("igb-sriov");
	const struct device_model *model = find_device(fixture_machine(igb), "0000:04:00.0")->model;

	assert_config(find_device(fixture_machine(e1000e), "0000:03:00.0")->model, captured_82574l, nic);
	assert_config(model, captured_82576, pf);
	assert_config(model->vf, captured_82576_vf, vf);
	assert_config(find_device(fixture_machine(igb), "0000:00:1c.0")->model, captured_root_port, port);
	fixture_free(igb);
	fixture_free(e1000e);
}

static void igb_sriov_has_two_pfs_with_seven_vfs_each(void **state)
{
	struct fixture *fixture = load("igb-sriov");
	const struct machine *machine = fixture_machine(fixture);
	const struct machine_device *pf = find_device(machine, "0000:04:00.0");
	const struct device_model *model = pf->model;

	assert_drivers(machine, "igb igbvf vfio-pci vfio-pci-igbvf igbvf-vfio-pci pcieport");
	assert_names(machine->loaded, "igb igbvf");
	assert_int_equal(pf->numvfs, 7);
	assert_int_equal(find_device(machine, "0000:04:00.1")->numvfs, 7);
	assert_int_equal(model->config[0x16e], 8);   /* TotalVFs */
	assert_int_equal(model->config[0x174], 128); /* offset */
	assert_int_equal(model->config[0x176], 2);   /* stride */
	assert_int_equal(model->config[0x17a] | model->config[0x17b] << 8, model->vf->device);
	assert_int_equal(model->vf->device, 0x10ca);
	assert_bar(model->bars[3], 0x4000, 0x140204);
	assert_bar(model->vf_bars[0], 0x4000, 0x14220c);
	assert_bar(model->vf_bars[3], 0x4000, 0x14220c);
	assert_int_equal(model->config[0x184], 0x0c); /* kind of VF BAR 0 */
	assert_int_equal(model->config[0x10] & 0xf, 0);
	assert_int_equal(model->config[0x18], 0x01); /* kind of BAR 2: I/O */
	assert_int_equal(model->config[0x1c], 0x04); /* kind of BAR 3: 64 bits */
	fixture_free(fixture);
}

static void mlx5_sriov_has_four_vfs_after_its_pf(void **state)
{
	struct fixture *fixture = load("mlx5-sriov");
	const struct machine *machine = fixture_machine(fixture);
	const struct machine_device *pf = find_device(machine, "0000:3b:00.0");
	const struct device_model *model = pf->model;

	assert_drivers(machine, "mlx5_core vfio-pci mlx5_vfio_pci pcieport");
	assert_int_equal(model->evidence, EVIDENCE_SOURCE);
	assert_int_equal(model->device, 0x101d);
	assert_int_equal(model->vf->device, 0x101e);
	assert_int_equal(pf->numvfs, 4);
	assert_int_equal(model->config[0x194], 2); /* offset */
	assert_int_equal(model->config[0x196], 1); /* stride */
	assert_bar(model->bars[0], 32 << 20, 0x14220c);
	assert_bar(model->vf_bars[0], 1 << 20, 0x14220c);
	assert_names(find_module(machine, "mlx5_vfio_pci")->depends, "mlx5_core vfio_pci_core vfio");
	fixture_free(fixture);
}

static void virpcitest_has_what_virpcimock_has(void **state)
{
	struct fixture *fixture = load("virpcitest");
	const struct machine *machine = fixture_machine(fixture);

	assert_int_equal(machine->n_devices, 20);
	assert_string_equal(find_device(machine, "0000:00:02.0")->driver, "i915");
	assert_null(find_device(machine, "0000:0a:02.0")->driver);
	assert_int_equal(find_device(machine, "0000:0a:03.0")->model->vendor, 0x8386);
	assert_int_equal(find_device(machine, "0005:80:00.0")->model->config[0x0e], 1); /* a bridge's header */
	assert_int_equal(find_device(machine, "0005:90:01.3")->model->config[0x0e], 0);
	assert_int_equal(find_device(machine, "0000:06:12.0")->vfs[1].group, 11);
	fixture_free(fixture);
}

static void drivers_are_as_their_files_say(void **state)
{
	static const char *const both[] = {"igb-sriov", "e1000e"};
	struct fixture *fixture = NULL;
	const struct machine *machine;
	const struct driver_desc *driver;

	assert_int_equal(fixture_load(both, 2, stderr, &fixture), 0);
	machine = fixture_machine(fixture);

	driver = find_driver(machine, "vfio-pci-igbvf");
	assert_string_equal(driver->module, "vfio_pci_igbvf");
	assert_int_equal(driver->behaviour, DRIVER_VFIO);
	assert_true(driver->managed_dma);
	assert_int_equal(driver->n_ids, 1);
	assert_int_equal(driver->ids[0].vendor, 0x8086);
	assert_int_equal(driver->ids[0].device, 0x10ca);
	assert_int_equal(driver->ids[0].subvendor, PCI_ANY_ID);
	assert_true(driver->ids[0].override_only);
	assert_int_equal(driver->n_conditions, 0);

	driver = find_driver(machine, "igbvf-vfio-pci");
	assert_int_equal(driver->n_conditions, 1);
	assert_int_equal(driver->conditions[0].subject, PROBE_IS_VF);
	assert_true(driver->conditions[0].unless);
	assert_int_equal(driver->conditions[0].error, EPERM);

	driver = find_driver(machine, "igb");
	assert_int_equal(driver->behaviour, DRIVER_NET);
	assert_int_equal(driver->net.ptp, PTP_AFTER_QUEUES);
	assert_true(driver->net.wakeup);
	assert_true(driver->sriov_configure);
	assert_false(driver->sriov_keep);
	assert_int_equal(driver->sriov_limit, 7);
	assert_int_equal(driver->msix_vectors, 3);
	assert_false(driver->managed_dma);
	assert_names(find_module(machine, "igb")->depends, "dca i2c_algo_bit");
	find_module(machine, "dca"); /* there because igb needs it */

	driver = find_driver(machine, "pcieport");
	assert_string_equal(driver->module, "pcieportdrv");
	assert_true(driver->managed_dma);
	assert_int_equal(driver->ids[0].class_code, 0x060400);
	assert_int_equal(driver->ids[0].class_mask, 0xffffff);
	assert_true(find_module(machine, "pcieportdrv")->builtin);

	assert_int_equal(find_driver(machine, "vfio-pci")->ids[0].vendor, PCI_ANY_ID);
	assert_int_equal(find_module(machine, "vfio_pci")->n_parameters, 5);
	assert_names(find_module(machine, "vfio_pci")->depends, "vfio_pci_core vfio");
	find_module(machine, "vfio_iommu_type1");
	fixture_free(fixture);
}

/* ---- several machines ---- */

static void machines_are_merged(void **state)
{
	static const char *const all[] = {"igb-sriov", "e1000e", "mlx5-sriov"};
	struct fixture *fixture = NULL;
	const struct machine *machine;

	assert_int_equal(fixture_load(all, 3, stderr, &fixture), 0);
	machine = fixture_machine(fixture);
	assert_string_equal(machine->name, "igb-sriov+e1000e+mlx5-sriov");
	assert_drivers(machine, "igb igbvf vfio-pci vfio-pci-igbvf igbvf-vfio-pci pcieport e1000e vfio-pci-e1000e "
				"e1000e-vfio-pci mlx5_core mlx5_vfio_pci");
	assert_names(machine->loaded, "igb igbvf e1000e mlx5_core");
	assert_int_equal(machine->n_devices, 7);
	for (size_t i = 1; i < machine->n_devices; i++)
		assert_true(pci_address_compare(machine->devices[i - 1].address, machine->devices[i].address) < 0);
	fixture_free(fixture);
}

static void machines_that_clash_are_refused(void **state)
{
	static const char *const twice[] = {"e1000e", "e1000e"};
	char *text = load_fails(twice, 2, -EINVAL);

	assert_non_null(strstr(text, "device 0000:03:00.0: there is one already"));
	assert_non_null(strstr(text, "group 14 is that of device 0000:03:00.0 in machine e1000e"));
	free(text);
}

/* ---- names ---- */

static void unknown_machine_gives_the_nearest_name(void **state)
{
	static const char *const names[] = {"igb-srvio"}, *const paths[] = {"./nowhere.yaml"},
				 *const evil[] = {"../e1000e"};
	char *text = load_fails(names, 1, -ENOENT);

	assert_non_null(strstr(text, "no machine \"igb-srvio\" (did you mean \"igb-sriov\"?)"));
	free(text);
	text = load_fails(paths, 1, -ENOENT);
	assert_string_equal(text, "./nowhere.yaml: error: no such file\n");
	free(text);
	free(load_fails(evil, 1, -ENOENT));
	text = load_fails(NULL, 0, -EINVAL);
	assert_non_null(strstr(text, "from 1 to"));
	free(text);
}

static void own_folder_comes_first(void **state)
{
	char folder[] = "/tmp/test-fixture-XXXXXX", path[64], machines[48];
	struct fixture *fixture;
	FILE *stream;

	assert_non_null(mkdtemp(folder));
	snprintf(machines, sizeof(machines), "%s/machines", folder);
	assert_int_equal(mkdir(machines, 0755), 0);
	snprintf(path, sizeof(path), "%s/e1000e.yaml", machines);
	stream = fopen(path, "w");
	assert_non_null(stream);
	/* Its models and drivers are still those that ship. */
	fputs("machine: e1000e\nkernel: \"6.1\"\ndrivers: [e1000e]\ndevices:\n"
	      "  - {address: \"0000:00:05.0\", model: intel-82574l}\n",
	      stream);
	fclose(stream);
	setenv("MOCKSYS_FIXTURES", folder, 1);
	fixture = load("e1000e");
	assert_string_equal(fixture_machine(fixture)->profile, "6.1");
	fixture_free(fixture);
	unsetenv("MOCKSYS_FIXTURES");
	unlink(path);
	rmdir(machines);
	rmdir(folder);
}

static void edit_distance_counts_slips(void **state)
{
	assert_int_equal(edit_distance("igbvf", "igbvf"), 0);
	assert_int_equal(edit_distance("igbfv", "igbvf"), 1); /* a swap */
	assert_int_equal(edit_distance("vfio_pci", "vfio-pci"), 0);
	assert_int_equal(edit_distance("driver", "drivers"), 1);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
}

static void count_info(void *context, const struct fixture_info *info)
{
	size_t *n = context;

	assert_non_null(info->evidence);
	assert_non_null(info->about);
	n[0]++;
	n[1] += !strcmp(info->kind, "machine") && !strcmp(info->name, "mlx5-sriov");
	n[2] += !strcmp(info->kind, "driver") && !strcmp(info->name, "vfio-pci") && !strcmp(info->evidence, "captured");
}

static void list_shows_all_with_their_evidence(void **state)
{
	size_t n[3] = {0};

	fixture_list(count_info, n);
	assert_true(n[0] > 20);
	assert_int_equal(n[1], 1);
	assert_int_equal(n[2], 1);
}

static void schema_file_is_up_to_date(void **state)
{
	FILE *file = fopen(FIXTURES "/schema.json", "r"), *stream;
	char *text = NULL, *made = NULL;
	size_t capacity = 0, size;

	assert_non_null(file);
	assert_true(getdelim(&text, &capacity, EOF, file) > 0);
	fclose(file);
	stream = open_memstream(&made, &size);
	assert_non_null(stream);
	fixture_print_schema(stream);
	fclose(stream);
	if (strcmp(text, made))
		fail_msg("run: mocksys check --schema > fixtures/schema.json");
	free(text);
	free(made);
}

/* ---- files that mean harm ---- */

static void repeated(char *data, size_t size, const char *part)
{
	size_t length = strlen(part);

	for (size_t i = 0; i < size; i++)
		data[i] = part[i % length];
}

static void hostile_files_are_refused_quickly(void **state)
{
	static const char *const parts[] = {"[",        "{a: ", "- ",         "? ", "a: 1\n", "- a\n",
					    "&a [*a, ", "\"",   "\n",         "é",  "a",      "|\n ",
					    "--- a\n",  "#",    "%TAG ! a\n", ": ", "!!a "};
	enum { SIZE = 50000 };
	char *data = malloc(SIZE), *text;

	assert_non_null(data);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		repeated(data, SIZE, parts[i]);
		text = check_text(data, SIZE);
		/* Never more than what somebody reads. */
		assert_true(strlen(text) > 0 && strlen(text) < 200000);
		free(text);
		/* The same as a machine's list of devices, and of drivers. */
		memcpy(data, "machine: a\ndevices:\n", 20);
		free(check_text(data, SIZE));
		memcpy(data, "machine: a\ndrivers:\n", 20);
		free(check_text(data, SIZE));
	}
	free(data);
}

static void too_large_a_file_is_refused(void **state)
{
	size_t size = (1 << 20) + 1;
	char *data = malloc(size), *text;

	assert_non_null(data);
	memset(data, '#', size);
	text = check_text(data, size);
	assert_non_null(strstr(text, "larger than 1 MiB"));
	free(text);
	free(data);
}

static void many_vfs_and_devices_are_bounded(void **state)
{
	char *text = NULL, *said;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	fputs("machine: many\nkernel: \"6.12\"\ndrivers: [igb]\ndevices:\n", stream);
	for (unsigned i = 0; i < 4000; i++)
		fprintf(stream, " - {address: \"%04x:00:00.0\", model: many, numvfs: 65000}\n", i);
	fputs("---\ndevice: many\nevidence: invented\nid: \"1234:5678\"\nclass: 0x020000\nconfig_size: 4096\nvf: "
	      "many-vf\nconfig:\n"
	      "  0x100: \"10 00 01 00 00 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00 01 00 01 00\"\n"
	      "---\ndevice: many-vf\nevidence: invented\nid: \"1234:5679\"\nclass: 0x020000\n",
	      stream);
	fclose(stream);
	said = check_text(text, size);
	assert_non_null(strstr(said, "too many functions"));
	free(said);
	free(text);
}

static void a_directory_is_no_fixture(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *errors = open_memstream(&text, &size);

	assert_non_null(errors);
	assert_int_equal(fixture_check("/tmp", errors), 1);
	fclose(errors);
	assert_string_equal(text, "/tmp: error: is a directory; name the files in it\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(e1000e_has_an_82574l_and_its_drivers),
		cmocka_unit_test(models_have_the_captured_config_space),
		cmocka_unit_test(igb_sriov_has_two_pfs_with_seven_vfs_each),
		cmocka_unit_test(mlx5_sriov_has_four_vfs_after_its_pf),
		cmocka_unit_test(virpcitest_has_what_virpcimock_has),
		cmocka_unit_test(drivers_are_as_their_files_say),
		cmocka_unit_test(machines_are_merged),
		cmocka_unit_test(machines_that_clash_are_refused),
		cmocka_unit_test(unknown_machine_gives_the_nearest_name),
		cmocka_unit_test(own_folder_comes_first),
		cmocka_unit_test(edit_distance_counts_slips),
		cmocka_unit_test(list_shows_all_with_their_evidence),
		cmocka_unit_test(schema_file_is_up_to_date),
		cmocka_unit_test(hostile_files_are_refused_quickly),
		cmocka_unit_test(too_large_a_file_is_refused),
		cmocka_unit_test(many_vfs_and_devices_are_bounded),
		cmocka_unit_test(a_directory_is_no_fixture),
	};

	unsetenv("MOCKSYS_FIXTURES");
	return cmocka_run_group_tests_name("fixture", tests, NULL, NULL);
}
