/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a NIC driver shows while it is bound: net/ethN with its queues, ptp, and a wakeup device that stays. */
#include "kernel/pci.h"

#include <net/if.h>

struct net_device {
	struct device device;
	struct pci_dev *pci;
	int eth;
	unsigned ifindex, rx, tx, flags;
	struct kernfs_node *queues;
};

static struct net_device *to_net(struct kobject *kobj)
{
	return (struct net_device *)container_of(kobj, struct device, kobj);
}

static void net_keys(void *object, struct uevent *uevent)
{
	struct net_device *net = object;

	uevent_key(uevent, "INTERFACE=%s", net->device.name);
	uevent_key(uevent, "IFINDEX=%u", net->ifindex);
}

static ssize_t ifindex_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", to_net(kobj)->ifindex);
}

/* A locally administered address made from the function's, unless the machine gives one. */
static ssize_t address_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	const struct pci_dev *dev = to_net(kobj)->pci;
	struct pci_address a = dev->address;

	if (dev->description && dev->description->mac)
		return sprintf(buffer, "%s\n", dev->description->mac);
	return sprintf(buffer, "02:00:%02x:%02x:%02x:%02x\n", a.domain & 0xff, a.bus, a.slot, a.function);
}

static ssize_t flags_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "0x%x\n", to_net(kobj)->flags);
}

/* Those that dev_change_flags() lets anybody change; broadcast is the device's. */
#define CHANGEABLE                                                                                                    \
	(IFF_UP | IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST | IFF_PORTSEL | \
	 IFF_AUTOMEDIA | IFF_DYNAMIC)

static ssize_t flags_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct net_device *net = to_net(kobj);
	unsigned long long value;

	if (kernel_client()->uid != 0)
		return refused(EPERM, step_not_root);
	if (kstrtoull(buffer, &value))
		return refused(EINVAL, step_no_number);
	net->flags = (net->flags & ~CHANGEABLE) | ((unsigned)value & CHANGEABLE);
	return count;
}

static ssize_t operstate_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%s\n", to_net(kobj)->flags & IFF_UP ? "up" : "down");
}

/* While the interface is down these have nothing to say. A link comes up at once; on a real card it takes seconds. */
static ssize_t link_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	static const struct {
		const char *name, *text;
	} texts[] = {{"carrier", "1"}, {"dormant", "0"}, {"duplex", "full"}, {"speed", "1000"}, {"testing", "0"}};

	if (!(to_net(kobj)->flags & IFF_UP))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(texts[i].name, attr->name))
			return sprintf(buffer, "%s\n", texts[i].text);
	return -EINVAL;
}

/* Neither driver knows such an id. */
static ssize_t unsupported_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return -EOPNOTSUPP;
}

static ssize_t accept_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return refused(EPERM, "the interface's own settings are not modelled");
}

static const struct attribute net_attrs[] = {
	{"addr_assign_type", 0444, .text = "0\n"},
	{"addr_len", 0444, .text = "6\n"},
	{"address", 0444, address_show, .flags = ATTRIBUTE_CONSTANT},
	{"broadcast", 0444, .text = "ff:ff:ff:ff:ff:ff\n"},
	{"carrier", 0644, link_show, accept_store},
	{"carrier_changes", 0444, .text = "1\n"},
	{"carrier_down_count", 0444, .text = "1\n"},
	{"carrier_up_count", 0444, .text = "0\n"},
	{"dev_id", 0444, .text = "0x0\n"},
	{"dev_port", 0444, .text = "0\n"},
	{"dormant", 0444, link_show},
	{"duplex", 0444, link_show},
	{"flags", 0644, flags_show, flags_store},
	{"gro_flush_timeout", 0644, .text = "0\n", .store = accept_store},
	{"ifalias", 0644, .text = "", .store = accept_store},
	{"ifindex", 0444, ifindex_show, .flags = ATTRIBUTE_CONSTANT},
	{"iflink", 0444, ifindex_show, .flags = ATTRIBUTE_CONSTANT},
	{"link_mode", 0444, .text = "0\n"},
	{"mtu", 0644, .text = "1500\n", .store = accept_store},
	{"name_assign_type", 0444, .text = "1\n"},
	{"napi_defer_hard_irqs", 0644, .text = "0\n", .store = accept_store},
	{"netdev_group", 0644, .text = "0\n", .store = accept_store},
	{"operstate", 0444, operstate_show},
	{"phys_port_id", 0444, unsupported_show},
	{"phys_port_name", 0444, unsupported_show},
	{"phys_switch_id", 0444, unsupported_show},
	{"proto_down", 0644, .text = "0\n", .store = accept_store},
	{"speed", 0444, link_show},
	{"testing", 0444, link_show},
	{"threaded", 0644, .text = "0\n", .store = accept_store},
	{"tx_queue_len", 0644, .text = "1000\n", .store = accept_store},
	{"type", 0444, .text = "1\n"},
};

static void add_queue(struct kernel *k, struct net_device *net, const char *kind, unsigned i)
{
	char name[16];
	struct kernfs_node *node;

	snprintf(name, sizeof(name), "%s-%u", kind, i);
	node = kernfs_add_dir(net->queues, name, NULL);
	kobject_uevent(k, node, "add", "queues", NULL, NULL, NULL);
}

static void remove_queue(struct kernel *k, struct net_device *net, const char *kind, unsigned i)
{
	struct kernfs_node *node;
	char name[16];

	snprintf(name, sizeof(name), "%s-%u", kind, i);
	node = kernfs_lookup(net->queues, name);
	kobject_uevent(k, node, "remove", "queues", NULL, NULL, NULL);
	kernfs_remove(node);
}

static void add_net(struct pci_dev *dev, const struct driver_desc *driver)
{
	struct kernel *k = dev->device.kobj.k;
	struct net_device *net = xcalloc(sizeof(*net));
	char name[16];

	net->pci = dev;
	net->flags = IFF_BROADCAST | IFF_MULTICAST;
	net->eth = number_take(k->eth_names, ARRAY_SIZE(k->eth_names));
	net->ifindex = k->next_ifindex++; /* never used again */
	net->device.add_keys = net_keys;
	snprintf(name, sizeof(name), "eth%d", net->eth);
	class_device_add(k, &net->device, class_get(k, "net"), &dev->device, name, net_attrs, ARRAY_SIZE(net_attrs));
	kernfs_add_dir(net->device.kobj.node, "statistics", NULL);
	net->queues = kernfs_add_dir(net->device.kobj.node, "queues", NULL);
	net->rx = driver->net.rx_queues;
	net->tx = driver->net.tx_queues;
	for (unsigned i = 0; i < net->rx; i++)
		add_queue(k, net, "rx", i);
	for (unsigned i = 0; i < net->tx; i++)
		add_queue(k, net, "tx", i);
	dev->net = net;
}

static void remove_net(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct net_device *net = dev->net;
	int eth = net->eth;

	for (unsigned i = net->rx; i-- > 0;)
		remove_queue(k, net, "rx", i);
	for (unsigned i = net->tx; i-- > 0;)
		remove_queue(k, net, "tx", i);
	dev->net = NULL;
	class_device_remove(k, &net->device);
	number_release(k->eth_names, eth);
}

static const struct attribute ptp_attrs[] = {
	{"clock_name", 0444, .text = "000000000000\n"},
	{"max_adjustment", 0444, .text = "599999900\n"},
	{"max_vclocks", 0644, .text = "20\n", .store = accept_store},
	{"n_alarms", 0444, .text = "0\n"},
	{"n_external_timestamps", 0444, .text = "0\n"},
	{"n_periodic_outputs", 0444, .text = "0\n"},
	{"n_programmable_pins", 0444, .text = "0\n"},
	{"n_vclocks", 0644, .text = "0\n", .store = accept_store},
	{"pps_available", 0444, .text = "0\n"},
};

static void add_ptp(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	struct device *ptp = xcalloc(sizeof(*ptp));

	ptp->major = 247;
	ptp->minor = (unsigned)number_take(k->ptp_names, ARRAY_SIZE(k->ptp_names));
	snprintf(ptp->devname_text, sizeof(ptp->devname_text), "ptp%u", ptp->minor);
	ptp->devname = ptp->devname_text;
	class_device_add(k, ptp, class_get(k, "ptp"), &dev->device, ptp->devname, ptp_attrs, ARRAY_SIZE(ptp_attrs));
	dev->ptp = ptp;
}

static void remove_ptp(struct pci_dev *dev)
{
	struct kernel *k = dev->device.kobj.k;
	int number;

	if (!dev->ptp)
		return;
	number = (int)dev->ptp->minor;
	class_device_remove(k, dev->ptp);
	dev->ptp = NULL;
	number_release(k->ptp_names, number);
}

int net_probe(struct pci_dev *dev, const struct driver_desc *driver)
{
	struct kernel *k = dev->device.kobj.k;
	int ret = (int)STEP(k, NET_ADD, .device = dev->device.name, .driver = driver->name);

	if (ret)
		return ret;
	if (driver->net.wakeup)
		wakeup_enable(dev);
	if (driver->net.ptp == PTP_BEFORE_NET)
		add_ptp(dev);
	add_net(dev, driver);
	if (driver->net.ptp == PTP_AFTER_QUEUES)
		add_ptp(dev);
	return 0;
}

void net_remove(struct pci_dev *dev)
{
	STEP(dev->device.kobj.k, NET_REMOVE, .device = dev->device.name);
	remove_ptp(dev);
	/* igb disables SR-IOV between its clock and its interface. */
	if (dev->numvfs && !dev->device.driver->desc->sriov_keep)
		iov_disable(dev);
	remove_net(dev);
}
