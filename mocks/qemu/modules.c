/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/modules.h"
#include "qemu/util.h"

#include <string.h>

/* What the guest needs to get at the host's files. Some are built in, in some kernels. */
static const char *const boot_modules[] = {"virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"};
/* What a command may want beside the machine's own. */
static const char *const further_modules[] = {"vfio_pci", "vfio_iommu_type1", "uio_pci_generic", "pci_stub"};

static const struct module_desc *find_module(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->n_modules; i++)
		if (!strcmp(machine->modules[i].name, name))
			return &machine->modules[i];
	return NULL;
}

/* A number, or any. */
static void print_id(FILE *list, const char *member, uint32_t value)
{
	if (value == PCI_ANY_ID)
		fprintf(list, " .%s = PCI_ANY_ID,", member);
	else
		fprintf(list, " .%s = %#x,", member, value);
}

static void print_ids(FILE *list, const struct driver_desc *driver)
{
	for (size_t i = 0; i < driver->n_ids; i++) {
		const struct pci_device_id *id = &driver->ids[i];

		fputs(" {", list);
		print_id(list, "vendor", id->vendor);
		print_id(list, "device", id->device);
		print_id(list, "subvendor", id->subvendor);
		print_id(list, "subdevice", id->subdevice);
		fprintf(list, " .class = %#x, .class_mask = %#x,", id->class_code, id->class_mask);
		fprintf(list, " .override_only = %s},", id->override_only ? "PCI_ID_F_VFIO_DRIVER_OVERRIDE" : "0");
	}
}

/* In C, what the conditions of a fixture look at. */
static const char *const subjects[] = {
	[PROBE_IS_VF] = "pdev->is_virtfn",
	[PROBE_IS_PF] = "pdev->is_physfn",
	[PROBE_HAS_VFS] = "(pci_num_vf(pdev) > 0)",
	[PROBE_IS_BRIDGE] = "pci_is_bridge(pdev)",
	[PROBE_HAS_GROUP] = "(pdev->dev.iommu_group != NULL)",
	[PROBE_ALWAYS] = "true",
};

static void print_refusal(FILE *list, const struct driver_desc *driver)
{
	for (size_t i = 0; i < driver->n_conditions; i++)
		fprintf(list, "%s%s ? -%d : ", driver->conditions[i].unless ? "!" : "",
			subjects[driver->conditions[i].subject], driver->conditions[i].error);
	fputc('0', list);
}

static void print_driver(FILE *list, const struct machine *machine, const struct driver_desc *driver)
{
	const struct module_desc *module = find_module(machine, driver->module);

	if (module && module->builtin)
		return;
	if (driver->behaviour == DRIVER_VFIO && strcmp(driver->module, "vfio_pci")) {
		fprintf(list, "variant %s %s", driver->name, driver->module);
		print_ids(list, driver);
		fputs(" | ", list);
		print_refusal(list, driver);
		fputc('\n', list);
	} else {
		fprintf(list, "module %s\n", driver->module);
	}
}

static void print_list(FILE *list, const struct machine *machine)
{
	for (size_t i = 0; i < machine->n_drivers; i++)
		print_driver(list, machine, machine->drivers[i]);
	for (size_t i = 0; i < ARRAY_SIZE(boot_modules); i++)
		fprintf(list, "try %s\n", boot_modules[i]);
	for (size_t i = 0; i < ARRAY_SIZE(further_modules); i++)
		fprintf(list, "try %s\n", further_modules[i]);
}

/* machine->loaded names drivers or modules. */
static const char *module_of(const struct machine *machine, const char *name)
{
	for (size_t i = 0; i < machine->n_drivers; i++)
		if (!strcmp(machine->drivers[i]->name, name))
			return machine->drivers[i]->module;
	return name;
}

int guest_modules(const struct machine *machine, struct words *spec, char **ret_list)
{
	size_t size;
	FILE *list = open_memstream(ret_list, &size);

	if (!list)
		return -ENOMEM;
	print_list(list, machine);
	if (fclose(list) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(boot_modules); i++)
		words_add(spec, "boot=%s", boot_modules[i]);
	for (const char *const *name = machine->loaded; name && *name; name++)
		words_add(spec, "load=%s", module_of(machine, *name));
	return 0;
}
