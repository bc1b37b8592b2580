/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture_format(): what it writes is read back as the same machine. */
#include "fixture/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void same_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_true(a == b);
	else
		assert_string_equal(a, b);
}

static void same_names(const char *const *a, const char *const *b)
{
	static const char *const none[] = {NULL};

	a = a ?: none;
	b = b ?: none;
	for (; *a && *b; a++, b++)
		assert_string_equal(*a, *b);
	assert_true(!*a && !*b);
}

static void same_bar(struct pci_bar a, struct pci_bar b)
{
	assert_int_equal(a.size, b.size);
	assert_int_equal(a.flags, b.flags);
}

static void same_model(const struct device_model *a, const struct device_model *b)
{
	if (!a || !b) {
		assert_true(a == b);
		return;
	}
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->evidence, b->evidence);
	assert_int_equal(a->vendor, b->vendor);
	assert_int_equal(a->device, b->device);
	assert_int_equal(a->subsystem_vendor, b->subsystem_vendor);
	assert_int_equal(a->subsystem_device, b->subsystem_device);
	assert_int_equal(a->class_code, b->class_code);
	assert_int_equal(a->revision, b->revision);
	assert_int_equal(a->irq, b->irq);
	assert_int_equal(a->config_size, b->config_size);
	assert_memory_equal(a->config, b->config, a->config_size);
	for (size_t i = 0; i < 6; i++) {
		same_bar(a->bars[i], b->bars[i]);
		same_bar(a->vf_bars[i], b->vf_bars[i]);
	}
	same_bar(a->rom, b->rom);
	same_text(a->qemu, b->qemu);
	same_model(a->vf, b->vf);
}

static void same_module(const struct module_desc *a, const struct module_desc *b)
{
	assert_string_equal(a->name, b->name);
	same_names(a->depends, b->depends);
	same_names(a->softdep_post, b->softdep_post);
	assert_int_equal(a->builtin, b->builtin);
	assert_int_equal(a->n_parameters, b->n_parameters);
	for (size_t i = 0; i < a->n_parameters; i++) {
		assert_string_equal(a->parameters[i].name, b->parameters[i].name);
		assert_string_equal(a->parameters[i].value, b->parameters[i].value);
		assert_int_equal(a->parameters[i].mode, b->parameters[i].mode);
	}
}

static void same_driver(const struct driver_desc *a, const struct driver_desc *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->module, b->module);
	assert_int_equal(a->behaviour, b->behaviour);
	assert_int_equal(a->evidence, b->evidence);
	assert_int_equal(a->n_ids, b->n_ids);
	for (size_t i = 0; i < a->n_ids; i++) {
		assert_int_equal(a->ids[i].vendor, b->ids[i].vendor);
		assert_int_equal(a->ids[i].device, b->ids[i].device);
		assert_int_equal(a->ids[i].subvendor, b->ids[i].subvendor);
		assert_int_equal(a->ids[i].subdevice, b->ids[i].subdevice);
		assert_int_equal(a->ids[i].class_code, b->ids[i].class_code);
		assert_int_equal(a->ids[i].class_mask, b->ids[i].class_mask);
		assert_int_equal(a->ids[i].driver_data, b->ids[i].driver_data);
		assert_int_equal(a->ids[i].override_only, b->ids[i].override_only);
	}
	assert_int_equal(a->n_conditions, b->n_conditions);
	for (size_t i = 0; i < a->n_conditions; i++) {
		assert_int_equal(a->conditions[i].subject, b->conditions[i].subject);
		assert_int_equal(a->conditions[i].unless, b->conditions[i].unless);
		assert_int_equal(a->conditions[i].error, b->conditions[i].error);
		assert_string_equal(a->conditions[i].why, b->conditions[i].why);
	}
	assert_int_equal(a->net.rx_queues, b->net.rx_queues);
	assert_int_equal(a->net.tx_queues, b->net.tx_queues);
	assert_int_equal(a->net.ptp, b->net.ptp);
	assert_int_equal(a->net.wakeup, b->net.wakeup);
	assert_int_equal(a->managed_dma, b->managed_dma);
	assert_int_equal(a->sriov_configure, b->sriov_configure);
	assert_int_equal(a->sriov_keep, b->sriov_keep);
	assert_int_equal(a->sriov_limit, b->sriov_limit);
	assert_int_equal(a->async_probe, b->async_probe);
	assert_int_equal(a->msix_vectors, b->msix_vectors);
}

static void same_device(const struct machine_device *a, const struct machine_device *b)
{
	assert_int_equal(pci_address_compare(a->address, b->address), 0);
	same_model(a->model, b->model);
	same_text(a->driver, b->driver);
	same_text(a->driver_override, b->driver_override);
	assert_int_equal(a->group, b->group);
	assert_int_equal(a->secondary, b->secondary);
	assert_int_equal(a->subordinate, b->subordinate);
	assert_int_equal(a->numvfs, b->numvfs);
	assert_int_equal(a->no_vf_autoprobe, b->no_vf_autoprobe);
	assert_int_equal(a->n_vfs, b->n_vfs);
	for (size_t i = 0; i < a->n_vfs; i++) {
		assert_int_equal(a->vfs[i].index, b->vfs[i].index);
		same_text(a->vfs[i].driver, b->vfs[i].driver);
		same_text(a->vfs[i].driver_override, b->vfs[i].driver_override);
		assert_int_equal(a->vfs[i].group, b->vfs[i].group);
	}
	same_text(a->mac, b->mac);
	assert_memory_equal(a->bar_start, b->bar_start, sizeof(a->bar_start));
	assert_int_equal(a->rom_start, b->rom_start);
	assert_memory_equal(a->vf_bar_start, b->vf_bar_start, sizeof(a->vf_bar_start));
}

static void same_machine(const struct machine *a, const struct machine *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->profile, b->profile);
	assert_int_equal(a->evidence, b->evidence);
	same_names(a->loaded, b->loaded);
	same_text(a->modprobe_config, b->modprobe_config);
	assert_int_equal(a->no_iommu, b->no_iommu);
	assert_int_equal(a->n_settings, b->n_settings);
	for (size_t i = 0; i < a->n_settings; i++) {
		assert_string_equal(a->settings[i].name, b->settings[i].name);
		assert_int_equal(a->settings[i].value, b->settings[i].value);
	}
	assert_int_equal(a->n_drivers, b->n_drivers);
	for (size_t i = 0; i < a->n_drivers; i++)
		same_driver(a->drivers[i], b->drivers[i]);
	assert_int_equal(a->n_modules, b->n_modules);
	for (size_t i = 0; i < a->n_modules; i++)
		same_module(&a->modules[i], &b->modules[i]);
	assert_int_equal(a->n_devices, b->n_devices);
	for (size_t i = 0; i < a->n_devices; i++)
		same_device(&a->devices[i], &b->devices[i]);
}

static struct fixture *load_text(const char *text)
{
	char path[] = "/tmp/test-fixture-XXXXXX.yaml";
	const char *const machine[] = {path};
	int fd = mkstemps(path, 5);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
	struct fixture *fixture = NULL;

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	if (fixture_load(machine, 1, stderr, &fixture) < 0)
		print_error("in:\n%s\n", text);
	unlink(path);
	assert_non_null(fixture);
	return fixture;
}

/* What @machine is written as is loaded as the same, and written as the same. */
static void goes_round(const struct machine *machine)
{
	char *text = fixture_format(machine), *again;
	struct fixture *fixture = load_text(text);

	same_machine(machine, fixture_machine(fixture));
	again = fixture_format(fixture_machine(fixture));
	assert_string_equal(text, again);
	free(again);
	free(text);
	fixture_free(fixture);
}

static void shipped_machine(void *context, const struct fixture_info *info)
{
	size_t *n = context;
	struct fixture *fixture = NULL;

	if (strcmp(info->kind, "machine"))
		return;
	assert_int_equal(fixture_load(&info->name, 1, stderr, &fixture), 0);
	goes_round(fixture_machine(fixture));
	fixture_free(fixture);
	(*n)++;
}

static void every_shipped_machine_goes_round(void **state)
{
	size_t n = 0;

	fixture_list(shipped_machine, &n);
	assert_true(n >= 4);
}

static void merged_machines_go_round(void **state)
{
	static const char *const all[] = {"mlx5-sriov", "e1000e", "igb-sriov"};
	struct fixture *fixture = NULL;

	assert_int_equal(fixture_load(all, 3, stderr, &fixture), 0);
	goes_round(fixture_machine(fixture));
	fixture_free(fixture);
}

static void what_ships_is_named_not_described(void **state)
{
	static const char *const name = "e1000e";
	struct fixture *fixture = NULL;
	char *text;

	assert_int_equal(fixture_load(&name, 1, stderr, &fixture), 0);
	text = fixture_format(fixture_machine(fixture));
	assert_null(strstr(text, "---"));
	free(text);
	fixture_free(fixture);
}

static void the_kernel_that_was_chosen_is_named(void **state)
{
	static const char *const name = "e1000e";
	struct fixture *fixture = NULL;
	char *text;

	assert_int_equal(fixture_load(&name, 1, stderr, &fixture), 0);
	fixture_set_kernel(fixture, "5.10");
	text = fixture_format(fixture_machine(fixture));
	assert_non_null(strstr(text, "kernel: \"5.10\"\n"));
	free(text);
	fixture_free(fixture);
}

/* Every key that there is. */
static const char everything[] =
	"machine: everything\n"
	"about: all keys\n"
	"source: nowhere\n"
	"evidence: source\n"
	"kernel: \"6.6\"\n"
	"switches: {vfio-cdev: true, reset-method: false}\n"
	"modprobe: |\n"
	"  blacklist foo\n"
	"  softdep bar post: baz \"q\" \\\n"
	"drivers: [weird, vfio-pci, foo-vfio]\n"
	"loaded: [weird_mod]\n"
	"devices:\n"
	"  - address: \"10000:00:00.0\"\n"
	"    model: odd\n"
	"    driver: weird\n"
	"    driver_override: \"a b: #c 'd' \\\"e\\\" ü\"\n"
	"    mac: \"52:54:00:00:00:01\"\n"
	"    bars: {0: 0x100000, 5: 0xc008}\n"
	"    rom: 0x200000\n"
	"    vf_bars: {0: 0x1234567890000}\n"
	"    numvfs: 2\n"
	"    autoprobe: false\n"
	"    vfs: [{index: 1, driver: foo-vfio, driver_override: foo-vfio, group: 7}]\n"
	"  - {address: \"10000:00:01.0\", model: odd-bridge, secondary: 0x10, subordinate: 0x20, group: 0}\n"
	"---\n"
	"driver: weird\n"
	"evidence: invented\n"
	"module:\n"
	"  name: weird_mod\n"
	"  depends: [abc]\n"
	"  softdep_post: [def]\n"
	"  parameters: {x: \"1\", y: {value: \"on\", mode: \"0644\"}, z: \"no way\"}\n"
	"behaviour: net\n"
	"ids: [\"1234:5678\", class=02, {match: \"1234:any subsystem=any:0001 class=0601\", driver_data: 0x5}]\n"
	"net: {ptp: before-net, rx_queues: 8, wakeup: true}\n"
	"sriov: {configure: true, keep: true, limit: 5}\n"
	"msix: 9\n"
	"async_probe: true\n"
	"managed_dma: true\n"
	"---\n"
	"driver: foo-vfio\n"
	"evidence: source\n"
	"module: weird_mod\n"
	"behaviour: vfio\n"
	"ids: [{match: any, override_only: true}]\n"
	"probe:\n"
	"- {unless: vf, error: EPROBE_DEFER, why: \"not: a VF\"}\n"
	"- {if: bridge, error: EIO, why: bridge}\n"
	"---\n"
	"device: odd\n"
	"evidence: invented\n"
	"id: \"1234:5678\"\n"
	"subsystem: \"4321:8765\"\n"
	"class: 0x020000\n"
	"revision: 0xff\n"
	"irq: 17\n"
	"config_size: 4096\n"
	"config:\n"
	"  0x04: \"00 00 10 00\"\n"
	"  0x0c: \"10 20 80 40\"\n"
	"  0x34: \"fc\"\n"
	"  0xfc: \"09 00 04 00\"\n"
	"  0x100:\n"
	"    - \"10 00 01 00 00 00 00 00 00 00 00 00 05 00 05 00 00 00 00 00 01 00 01 00\"\n"
	"  0xfff: \"01\"\n"
	"bars: {0: {size: 64K, flags: mem32-prefetch}, 5: {size: 8, flags: io}}\n"
	"rom: 1M\n"
	"vf: odd-vf\n"
	"vf_bars: {0: {size: 4K, flags: mem64}}\n"
	"qemu: odd\n"
	"---\n"
	"device: odd-vf\n"
	"evidence: captured\n"
	"id: \"1234:9999\"\n"
	"class: 0x020000\n"
	"config_size: 4096\n"
	"config: {0x00: \"ffffffff\"}\n"
	"---\n"
	"device: odd-bridge\n"
	"evidence: invented\n"
	"id: \"1234:0001\"\n"
	"class: 0x060400\n"
	"subsystem: \"1234:0002\"\n"
	"config: {0x34: \"40\", 0x40: \"0d 00\"}\n";

static void every_key_goes_round(void **state)
{
	struct fixture *fixture = load_text(everything);
	const struct machine *machine = fixture_machine(fixture);

	assert_int_equal(machine->n_devices, 2);
	assert_string_equal(machine->devices[0].driver_override, "a b: #c 'd' \"e\" ü");
	assert_int_equal(machine->devices[0].model->config[0x0e], 0x80); /* multi-function, beside the header's type */
	assert_int_equal(machine->devices[1].model->config[0x44], 0x34); /* a bridge's subsystem is in a capability */
	goes_round(machine);
	fixture_free(fixture);
}

/* A machine that no file describes, as tests build them. */
static void a_machine_made_by_hand_goes_round(void **state)
{
	static const struct pci_device_id id = {0x1234, 0x5678, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0, false};
	static const char *const none[] = {NULL};
	static const struct driver_desc driver = {
		.name = "by-hand", .module = "by_hand", .behaviour = DRIVER_STUB, .ids = &id, .n_ids = 1};
	static const struct driver_desc *const drivers[] = {&driver};
	static const struct device_model model = {
		.name = "thing", .vendor = 0x1234, .device = 0x5678, .class_code = 0xff0000, .config_size = 256};
	static const struct machine_device device = {
		.address = {0, 0, 3, 0}, .model = &model, .driver = "by-hand", .group = -1};
	static const char *const loaded[] = {"by_hand", NULL};
	struct module_desc module = {.name = "by_hand", .depends = none};
	const struct machine machine = {.name = "hand",
					.profile = "6.12",
					.drivers = drivers,
					.n_drivers = 1,
					.modules = &module,
					.n_modules = 1,
					.loaded = loaded,
					.devices = &device,
					.n_devices = 1};
	char *text = fixture_format(&machine);
	struct fixture *fixture = load_text(text);
	const struct machine *read = fixture_machine(fixture);

	/* Its model had no header; the loader fills that in. */
	assert_int_equal(read->devices[0].model->config[0], 0x34);
	assert_string_equal(read->devices[0].driver, "by-hand");
	same_driver(&driver, read->drivers[0]);
	free(text);
	fixture_free(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shipped_machine_goes_round),
		cmocka_unit_test(merged_machines_go_round),
		cmocka_unit_test(what_ships_is_named_not_described),
		cmocka_unit_test(every_key_goes_round),
		cmocka_unit_test(a_machine_made_by_hand_goes_round),
		cmocka_unit_test(the_kernel_that_was_chosen_is_named),
	};

	unsetenv("MOCKSYS_FIXTURES");
	return cmocka_run_group_tests_name("fixture-format", tests, NULL, NULL);
}
