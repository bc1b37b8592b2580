/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which ways of resetting a function there are, and taking one (drivers/pci/pci.c, pci_reset_fn_methods). */
#include "kernel/pci.h"

#include <linux/pci_regs.h>

static bool has_flr(const struct pci_dev *dev)
{
	/* A VF that does not say so in its own config space is reset by FLR all the same. */
	return pci_has_flr(dev) || (dev->physfn && !dev->caps.express);
}

static bool has_af_flr(const struct pci_dev *dev)
{
	enum { AF_TP_AND_FLR = PCI_AF_CAP_TP | PCI_AF_CAP_FLR };

	return dev->caps.advanced_features &&
	       (dev->config[dev->caps.advanced_features + PCI_AF_CAP] & AF_TP_AND_FLR) == AF_TP_AND_FLR;
}

/* pci_parent_bus_reset(): there is a bridge above, and nobody else on the bus. */
static bool has_bus_reset(const struct pci_dev *dev)
{
	const struct device *other;

	if (!dev->address.bus || dev->physfn || pci_is_bridge(dev))
		return false;
	TAILQ_FOREACH (other, &dev->device.kobj.k->pci_bus.device_list, on_bus) {
		struct pci_address address = to_pci_dev((struct device *)other)->address;

		if (other != &dev->device && address.domain == dev->address.domain && address.bus == dev->address.bus)
			return false;
	}
	return true;
}

static const struct {
	const char *name;
	bool (*supported)(const struct pci_dev *dev);
} methods[] = {
	{"flr", has_flr},
	{"af_flr", has_af_flr},
	{"pm", pci_has_pm_reset},
	{"bus", has_bus_reset},
};

static bool supports(const struct pci_dev *dev, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (!strcmp(methods[i].name, name))
			return methods[i].supported(dev);
	return false;
}

void pci_init_reset_methods(struct pci_dev *dev)
{
	dev->reset_methods[0] = '\0';
	if (!dev->address.bus || pci_is_bridge(dev))
		return; /* none on ports and bus-0 functions */
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (methods[i].supported(dev)) {
			if (dev->reset_methods[0])
				strcat(dev->reset_methods, " ");
			strcat(dev->reset_methods, methods[i].name);
		}
}

/* Decided when the function appears; disabling the methods later does not take the file away. */
bool pci_reset_visible(struct kobject *kobj)
{
	return kobj_to_pci_dev(kobj)->reset_methods[0];
}

ssize_t pci_reset_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);
	unsigned long long value;
	int ret;

	ret = kstrtoull(buffer, &value);
	if (ret == -ERANGE && !kobj->k->profile.numvfs_overflow_einval)
		return refused(ERANGE, step_no_number);
	if (ret || value != 1)
		return refused(EINVAL, "only 1 means anything");
	/* pci_reset_function() looks before it takes the lock. */
	if (!dev->reset_methods[0])
		return STEP(kobj->k, PCI_RESET, .device = dev->device.name, .result = -ENOTTY,
			    .why = "every reset method is disabled");
	ret = device_lock(&dev->device);
	if (ret)
		return ret;
	ret = (int)STEP(kobj->k, PCI_RESET, .device = dev->device.name, .value = dev->reset_methods);
	device_unlock(&dev->device);
	return ret ? ret : (ssize_t)count;
}

ssize_t pci_reset_method_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	const struct pci_dev *dev = kobj_to_pci_dev(kobj);

	return dev->reset_methods[0] ? sprintf(buffer, "%s\n", dev->reset_methods) : 0;
}

ssize_t pci_reset_method_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *dev = kobj_to_pci_dev(kobj);
	char chosen[sizeof(dev->reset_methods)] = "", text[PAGE + 1], *rest = text, *word;

	if (sysfs_streq(buffer, "")) {
		dev->reset_methods[0] = '\0';
		return (ssize_t)count;
	}
	if (sysfs_streq(buffer, "default")) {
		pci_init_reset_methods(dev);
		return (ssize_t)count;
	}
	snprintf(text, sizeof(text), "%s", buffer);
	while ((word = strsep(&rest, " "))) {
		word[strcspn(word, "\n")] = '\0';
		if (!*word)
			continue;
		if (!supports(dev, word) || strlen(chosen) + strlen(word) + 2 > sizeof(chosen))
			return STEP(kobj->k, PCI_RESET, .device = dev->device.name, .value = word, .result = -EINVAL,
				    .why = "the function has no such reset method");
		if (chosen[0])
			strcat(chosen, " ");
		strcat(chosen, word);
	}
	strcpy(dev->reset_methods, chosen);
	return (ssize_t)count;
}
