/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qemu/devices.h"
#include "qemu/util.h"

#include <linux/pci_regs.h>
#include <string.h>

#define SLOTS 32

/* What a q35 machine has without being asked. */
static const struct {
	const char *qemu;
	uint8_t slot, function;
	const char *without; /* option of -machine that leaves it out, or NULL */
} own_devices[] = {
	{"mch", 0, 0, NULL},
	{"ICH9-LPC", 31, 0, NULL},
	{"ich9-ahci", 31, 2, "sata=off"},
	{"ICH9-SMB", 31, 3, "smbus=off"},
};

struct layout {
	const struct machine *machine;
	struct words *arguments, *spec;
	char **error;
	bool refused;
};

static void __attribute__((format(printf, 3, 4)))
refuse(struct layout *layout, const struct machine_device *device, const char *format, ...)
{
	char address[PCI_ADDRESS_TEXT], *text = *layout->error, why[160];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	if (asprintf(layout->error, "%s\n  %s %s: %s", text ?: "QEMU cannot be this machine:",
		     pci_address_format(device->address, address), device->model->name, why) < 0)
		*layout->error = NULL;
	free(text);
	layout->refused = true;
}

bool qemu_devices_explain(const struct machine *machine, char **ret_error)
{
	char *error = NULL;
	struct layout layout = {.error = &error};

	for (size_t i = 0; i < machine->n_devices; i++) {
		const char *name = machine->devices[i].model->qemu;
		char complaint[128];

		snprintf(complaint, sizeof(complaint), "'%s' is not a valid device model name", name);
		if (*ret_error && strstr(*ret_error, complaint))
			refuse(&layout, &machine->devices[i],
			       "the QEMU here has no device '%s'; name a newer one in MOCKSYS_QEMU", name);
	}
	if (!error)
		return false;
	free(*ret_error);
	*ret_error = error;
	return true;
}

static bool is_bridge(const struct machine_device *device)
{
	return device->secondary != 0;
}

/* What is at that place in any q35 machine, or NULL. */
static const char *own_device_at(struct pci_address address)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_devices); i++)
		if (address.bus == 0 && address.slot == own_devices[i].slot &&
		    address.function == own_devices[i].function)
			return own_devices[i].qemu;
	return NULL;
}

/* ---- which slots of bus 0 are free ---- */

static bool slot_is_free(const struct machine *machine, unsigned slot)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_devices); i++)
		if (own_devices[i].slot == slot)
			return false;
	for (size_t i = 0; i < machine->n_devices; i++) {
		struct pci_address address = machine->devices[i].address;

		if (address.domain == 0 && address.bus == 0 && address.slot == slot)
			return false;
	}
	return true;
}

/* The highest free one in [first, end), or -1. */
static int free_slot(const struct machine *machine, unsigned first, unsigned end)
{
	for (unsigned slot = end; slot-- > first;)
		if (slot_is_free(machine, slot))
			return (int)slot;
	return -1;
}

/* ---- buses ---- */

static const struct machine_device *bridge_to(const struct machine *machine, unsigned bus)
{
	for (size_t i = 0; i < machine->n_devices; i++)
		if (is_bridge(&machine->devices[i]) && machine->devices[i].secondary == bus)
			return &machine->devices[i];
	return NULL;
}

static bool has_sibling(const struct machine *machine, struct pci_address address)
{
	for (size_t i = 0; i < machine->n_devices; i++) {
		struct pci_address other = machine->devices[i].address;

		if (other.domain == address.domain && other.bus == address.bus && other.slot == address.slot &&
		    other.function != address.function)
			return true;
	}
	return false;
}

/* ---- what each device of QEMU's wants to be told ---- */

static bool shares_group_below(const struct machine *machine, const struct machine_device *port)
{
	for (size_t i = 0; i < machine->n_devices; i++)
		if (machine->devices[i].address.bus == port->secondary && machine->devices[i].group == port->group)
			return port->group >= 0;
	return false;
}

/* The guest gives the buses their numbers: the firmware takes the next ones free. Its groups come of access control. */
static void add_port(struct layout *layout, const struct machine_device *device, const char *common)
{
	words_add(layout->arguments, "-device");
	words_add(layout->arguments, "%s,id=bus%u,chassis=%u,slot=%u%s", common, device->secondary, device->secondary,
		  device->secondary, shares_group_below(layout->machine, device) ? ",disable-acs=on" : "");
}

static void add_network(struct layout *layout, const struct machine_device *device, const char *common)
{
	struct pci_address a = device->address;

	words_add(layout->arguments, "-device");
	if (device->mac)
		words_add(layout->arguments, "%s,mac=%s", common, device->mac);
	else /* as mocks/kernel/net.c makes it */
		words_add(layout->arguments, "%s,mac=02:00:%02x:%02x:%02x:%02x", common, a.domain & 0xff, a.bus, a.slot,
			  a.function);
}

/* Linux finds the next function of an ARI device by that capability, which otherwise ends the slot. */
static void add_igb(struct layout *layout, const struct machine_device *device, const char *common)
{
	_cleanup_free_ char *linked = NULL;

	if (asprintf(&linked, "%s,x-pcie-ari-nextfn-1=%s", common,
		     device->address.function == 0 && has_sibling(layout->machine, device->address) ? "on" : "off") < 0)
		layout->arguments->failed = true;
	else
		add_network(layout, device, linked);
}

static unsigned total_vfs(const struct device_model *model)
{
	for (size_t at = PCI_CFG_SPACE_SIZE; model->vf && at && at + 16 <= model->config_size;) {
		const uint8_t *capability = model->config + at;

		if ((capability[0] | capability[1] << 8) == PCI_EXT_CAP_ID_SRIOV)
			return capability[PCI_SRIOV_TOTAL_VF] | capability[PCI_SRIOV_TOTAL_VF + 1] << 8;
		at = (capability[2] | capability[3] << 8) >> 4 & 0xffc;
	}
	return 0;
}

static void add_nvme(struct layout *layout, const struct machine_device *device, const char *common)
{
	struct pci_address a = device->address;
	unsigned vfs = total_vfs(device->model), id = a.bus << 8 | a.slot << 3 | a.function;

	words_add(layout->arguments, "-drive");
	words_add(layout->arguments, "if=none,id=disk%x,driver=null-co,size=1G,read-zeroes=on", id);
	words_add(layout->arguments, "-device");
	words_add(layout->arguments, "nvme-subsys,id=subsystem%x,nqn=mocksys%x", id, id);
	words_add(layout->arguments, "-device");
	if (vfs) /* a pair of queues and an interrupt each, and those of the PF */
		words_add(layout->arguments,
			  "%s,id=nvme%x,serial=mocksys%x,subsys=subsystem%x,sriov_max_vfs=%u,max_ioqpairs=%u,"
			  "msix_qsize=%u,sriov_vq_flexible=%u,sriov_vi_flexible=%u",
			  common, id, id, id, vfs, 2 * vfs + 2, vfs + 3, 2 * vfs, vfs);
	else
		words_add(layout->arguments, "%s,id=nvme%x,serial=mocksys%x,subsys=subsystem%x", common, id, id, id);
	words_add(layout->arguments, "-device");
	words_add(layout->arguments, "nvme-ns,drive=disk%x,bus=nvme%x", id, id);
}

static void add_plain(struct layout *layout, const struct machine_device *device, const char *common)
{
	words_add(layout->arguments, "-device");
	words_add(layout->arguments, "%s", common);
}

static const struct {
	const char *qemu;
	void (*add)(struct layout *layout, const struct machine_device *device, const char *common);
} kinds[] = {
	{"pcie-root-port", add_port}, {"ioh3420", add_port}, {"e1000", add_network},
	{"e1000e", add_network},      {"igb", add_igb},      {"virtio-net-pci", add_network},
	{"nvme", add_nvme},
};

/* ---- a function ---- */

static void check_device(struct layout *layout, const struct machine_device *device)
{
	const char *own = own_device_at(device->address);
	unsigned bus = device->address.bus;

	if (!device->model->qemu)
		refuse(layout, device, "QEMU has no such device");
	else if (device->address.domain)
		refuse(layout, device, "QEMU has only domain 0000");
	else if (own && strcmp(own, device->model->qemu))
		refuse(layout, device, "QEMU has its own device '%s' there", own);
	else if (bus && !bridge_to(layout->machine, bus))
		refuse(layout, device, "no bridge of the machine leads to its bus");
}

static void add_device(struct layout *layout, const struct machine_device *device)
{
	struct pci_address address = device->address;
	char common[160], bus[16] = "pcie.0";

	if (own_device_at(device->address))
		return;
	if (address.bus)
		snprintf(bus, sizeof(bus), "bus%u", address.bus);
	snprintf(common, sizeof(common), "%s,bus=%s,addr=%x.%x%s", device->model->qemu, bus, address.slot,
		 address.function,
		 address.function == 0 && has_sibling(layout->machine, address) ? ",multifunction=on" : "");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].qemu, device->model->qemu)) {
			kinds[i].add(layout, device, common);
			return;
		}
	add_plain(layout, device, common);
}

static void describe_device(struct layout *layout, const struct machine_device *device)
{
	char address[PCI_ADDRESS_TEXT];

	if (is_bridge(device))
		words_add(layout->spec, "bridge=%s %u %u", pci_address_format(device->address, address),
			  device->secondary, device->subordinate ?: device->secondary);
	words_add(layout->spec, "device=%s %u %d %s %s", pci_address_format(device->address, address), device->numvfs,
		  !device->no_vf_autoprobe, device->driver ?: "-", device->driver_override ?: "-");
}

static void add_machine(struct layout *layout)
{
	char options[128] = "q35,kernel-irqchip=split";

	for (size_t i = 0; i < ARRAY_SIZE(own_devices); i++) {
		bool wanted = false;

		for (size_t j = 0; j < layout->machine->n_devices; j++) {
			struct pci_address address = layout->machine->devices[j].address;

			wanted |= !address.domain && !address.bus && address.slot == own_devices[i].slot &&
				  address.function == own_devices[i].function;
		}
		if (!wanted && own_devices[i].without)
			snprintf(options + strlen(options), sizeof(options) - strlen(options), ",%s",
				 own_devices[i].without);
	}
	words_add(layout->arguments, "-machine");
	words_add(layout->arguments, "%s", options);
	if (layout->machine->no_iommu)
		return;
	words_add(layout->arguments, "-device");
	words_add(layout->arguments, "intel-iommu,intremap=on,caching-mode=on");
}

int qemu_devices(const struct machine *machine, struct words *arguments, struct words *spec, unsigned *ret_helpers,
		 char **ret_error)
{
	struct layout layout = {.machine = machine, .arguments = arguments, .spec = spec, .error = ret_error};
	int helpers = free_slot(machine, 1, SLOTS - 1);

	for (size_t i = 0; i < machine->n_devices; i++)
		check_device(&layout, &machine->devices[i]);
	if (helpers < 0)
		refuse(&layout, &machine->devices[0], "no slot of bus 0 is left for the host's files");
	if (layout.refused)
		return -EOPNOTSUPP;
	add_machine(&layout);
	for (size_t i = 0; i < machine->n_devices; i++)
		add_device(&layout, &machine->devices[i]);
	for (size_t i = 0; i < machine->n_devices; i++)
		describe_device(&layout, &machine->devices[i]);
	*ret_helpers = (unsigned)helpers;
	return 0;
}
