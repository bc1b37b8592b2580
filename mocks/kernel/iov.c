/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SR-IOV: VFs come and go with their PF (drivers/pci/iov.c). */
#include "kernel/vfio.h"

#include <linux/pci_regs.h>

bool iov_is_pf(const struct pci_dev *dev)
{
	return dev->caps.sriov && dev->model->vf && !dev->physfn;
}

static unsigned sriov_word(const struct pci_dev *dev, unsigned offset)
{
	return pci_read16(dev, dev->caps.sriov + offset);
}

/* pci_iov_remove(): what a driver lowered is the device's own number again. */
void iov_reset_totalvfs(struct pci_dev *dev)
{
	if (iov_is_pf(dev))
		dev->totalvfs = sriov_word(dev, PCI_SRIOV_TOTAL_VF);
}

void iov_init(struct pci_dev *dev)
{
	if (!iov_is_pf(dev))
		return;
	iov_reset_totalvfs(dev);
	dev->vf_autoprobe = !dev->description->no_vf_autoprobe;
	dev->vfs = xcalloc((dev->totalvfs + 1) * sizeof(*dev->vfs));
}

/* pci_iov_virtfn_bus(), pci_iov_virtfn_devfn(): the routing id counts on over bus numbers. */
static struct pci_address vf_address(const struct pci_dev *pf, unsigned index)
{
	unsigned rid = (unsigned)pf->address.slot << 3 | pf->address.function;

	rid += sriov_word(pf, PCI_SRIOV_VF_OFFSET) + index * sriov_word(pf, PCI_SRIOV_VF_STRIDE);
	return (struct pci_address){pf->address.domain, (uint8_t)(pf->address.bus + (rid >> 8)),
				    (uint8_t)(rid >> 3 & 0x1f), (uint8_t)(rid & 7)};
}

const struct machine_vf *iov_described_vf(const struct pci_dev *pf, unsigned index)
{
	for (size_t i = 0; i < pf->description->n_vfs; i++)
		if (pf->description->vfs[i].index == index)
			return &pf->description->vfs[i];
	return NULL;
}

static struct pci_dev *make_vf(struct pci_dev *pf, unsigned index)
{
	const struct machine_vf *described = iov_described_vf(pf, index);
	struct pci_dev *vf = xcalloc(sizeof(*vf));

	vf->address = vf_address(pf, index);
	vf->model = pf->model->vf;
	vf->physfn = pf;
	kobject_get(&pf->device.kobj);
	vf->vf_index = index;
	vf->wanted_group = described ? described->group : -1;
	return vf;
}

static int add_vf(struct pci_dev *pf, unsigned index)
{
	struct kernel *k = pf->device.kobj.k;
	struct pci_dev *vf = make_vf(pf, index);
	char name[32], address[PCI_ADDRESS_TEXT];
	int ret;

	ret = (int)STEP(k, IOV_ADD_VF, .device = pci_address_format(vf->address, address));
	if (!ret)
		ret = pci_add_function(k, vf); /* its add event comes before the links */
	if (ret) {
		kobject_put(&pf->device.kobj);
		free(vf);
		return ret;
	}
	/* vfio-pci as PF driver claims the new VFs for itself (vfio_pci_bus_notifier()). */
	if (pf->device.driver && pf->device.driver->desc->behaviour == DRIVER_VFIO && !vf->device.driver_override)
		vf->device.driver_override = xstrdup("vfio-pci");
	snprintf(name, sizeof(name), "virtfn%u", index);
	kernfs_add_link(pf->device.kobj.node, name, vf->device.kobj.node);
	kernfs_add_link(vf->device.kobj.node, "physfn", pf->device.kobj.node);
	device_uevent(k, &vf->device, "change");
	pf->vfs[index] = vf;
	pci_bus_add_device(vf);
	return 0;
}

static void remove_vf(struct pci_dev *pf, unsigned index)
{
	struct pci_dev *vf = pf->vfs[index];
	char name[32];

	if (!vf)
		return;
	STEP(pf->device.kobj.k, IOV_REMOVE_VF, .device = vf->device.name);
	pf->vfs[index] = NULL;
	snprintf(name, sizeof(name), "virtfn%u", index);
	kernfs_remove_by_name(pf->device.kobj.node, name);
	kernfs_remove_by_name(vf->device.kobj.node, "physfn");
	pci_stop_and_remove(vf);
}

void iov_remove_vf(struct pci_dev *vf)
{
	if (vf->physfn->vfs[vf->vf_index] == vf)
		remove_vf(vf->physfn, vf->vf_index);
}

void iov_forget_vf(struct pci_dev *vf)
{
	if (vf->physfn->vfs[vf->vf_index] == vf)
		vf->physfn->vfs[vf->vf_index] = NULL;
}

/* sriov_init(): which function's VFs have to be there, too; its own devfn where there is no such thing. */
static struct pci_address depends_on(const struct pci_dev *pf)
{
	uint8_t link = pf->config[pf->caps.sriov + PCI_SRIOV_FUNC_LINK];
	bool integrated =
		(pci_read16(pf, pf->caps.express + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4 == PCI_EXP_TYPE_RC_END;

	return (struct pci_address){pf->address.domain, pf->address.bus, integrated ? pf->address.slot : link >> 3,
				    link & 7};
}

static int add_dependency(struct pci_dev *pf)
{
	struct pci_address address = depends_on(pf);
	struct pci_dev *other = pci_find(pf->device.kobj.k, address);

	if (other == pf)
		return 0;
	if (!other || !iov_is_pf(other))
		return STEP(pf->device.kobj.k, IOV_ENABLE, .device = pf->device.name,
			    .result = other ? -ENOSYS : -ENODEV, .why = "its function dependency link names no PF");
	kernfs_add_link(pf->device.kobj.node, "dep_link", other->device.kobj.node);
	return 0;
}

static void remove_dependency(struct pci_dev *pf)
{
	if (kernfs_lookup(pf->device.kobj.node, "dep_link"))
		kernfs_remove_by_name(pf->device.kobj.node, "dep_link");
}

int iov_enable(struct pci_dev *pf, unsigned n)
{
	struct kernel *k = pf->device.kobj.k;
	unsigned i;
	int ret = (int)STEP(k, IOV_ENABLE, .device = pf->device.name);

	if (!ret)
		ret = add_dependency(pf);
	if (ret)
		return ret;
	ret = pci_lock_rescan_remove(k);
	if (ret) {
		remove_dependency(pf);
		return ret;
	}
	for (i = 0; i < n && !ret; i++)
		ret = add_vf(pf, i);
	/* A VF that cannot be added undoes all; one whose probe fails does not. */
	if (ret)
		while (i-- > 0)
			remove_vf(pf, i);
	pci_unlock_rescan_remove(k);
	if (ret) {
		remove_dependency(pf);
		return ret;
	}
	pf->numvfs = n;
	device_uevent(k, &pf->device, "change");
	return 0;
}

void iov_disable(struct pci_dev *pf)
{
	struct kernel *k = pf->device.kobj.k;

	STEP(k, IOV_DISABLE, .device = pf->device.name);
	if (pci_lock_rescan_remove(k))
		return;
	for (unsigned i = 0; i < pf->numvfs; i++)
		remove_vf(pf, i);
	pci_unlock_rescan_remove(k);
	remove_dependency(pf);
	if (!k->abort_error)
		pf->numvfs = 0;
}

/* vfio_pci_core_sriov_configure() has its PF awake as long as there are VFs. */
static void keep_awake(struct pci_dev *pf, int change)
{
	if (!pf->vfio || !pf->device.kobj.k->profile.vfio_runtime_pm)
		return;
	pf->runtime_users += change;
	pci_update_power_state(pf);
}

int iov_configure(struct pci_dev *pf, unsigned n)
{
	int ret = 0;

	if (n) {
		keep_awake(pf, 1);
		ret = iov_enable(pf, n);
	} else {
		iov_disable(pf);
	}
	if (!n || ret)
		keep_awake(pf, -1);
	return ret;
}

/* sriov_numvfs_store(), in the kernel's order of tests; D is held. */
static int set_numvfs(struct pci_dev *pf, unsigned long long n, const char **ret_why)
{
	const struct device_driver *driver = pf->device.driver;

	if (n == pf->numvfs)
		return 0;
	if (!driver) {
		*ret_why = "the PF has no driver";
		return -ENOENT;
	}
	if (!driver->desc->sriov_configure && !vfio_pci_enables_sriov(pf)) {
		*ret_why = "the PF's driver cannot create VFs";
		return -ENOENT;
	}
	if (n && pf->numvfs) {
		*ret_why = "there are VFs already: write 0 first";
		return -EBUSY;
	}
	return iov_configure(pf, (unsigned)n);
}

static ssize_t numvfs_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	struct pci_dev *pf = kobj_to_pci_dev(kobj);
	const char *why = NULL;
	unsigned long long n;
	int ret = kstrtoull(buffer, &n);

	/* kstrtou16(): what does not fit is out of range, and old kernels say so. */
	if (!ret && n > 65535)
		ret = -ERANGE;
	if (ret)
		return refused(kobj->k->profile.numvfs_overflow_einval ? EINVAL : -ret,
			       "not a number as kstrtou16() takes them");
	if (n > pf->totalvfs)
		return STEP(kobj->k, IOV_ENABLE, .device = pf->device.name, .result = -ERANGE,
			    .why = "more than sriov_totalvfs");
	ret = device_lock(&pf->device);
	if (ret)
		return ret;
	ret = set_numvfs(pf, n, &why);
	if (why)
		STEP(kobj->k, IOV_ENABLE, .device = pf->device.name, .result = ret, .why = why);
	device_unlock(&pf->device);
	return ret ? ret : (ssize_t)count;
}

/* The read takes the PF's lock: it waits while VFs are made. */
static ssize_t numvfs_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	struct pci_dev *pf = kobj_to_pci_dev(kobj);
	int ret = device_lock(&pf->device);

	if (ret)
		return ret;
	ret = sprintf(buffer, "%u\n", pf->numvfs);
	device_unlock(&pf->device);
	return ret;
}

static ssize_t totalvfs_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", kobj_to_pci_dev(kobj)->totalvfs);
}

static ssize_t offset_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", sriov_word(kobj_to_pci_dev(kobj), PCI_SRIOV_VF_OFFSET));
}

static ssize_t stride_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%u\n", sriov_word(kobj_to_pci_dev(kobj), PCI_SRIOV_VF_STRIDE));
}

static ssize_t vf_device_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%x\n", sriov_word(kobj_to_pci_dev(kobj), PCI_SRIOV_VF_DID)); /* no 0x */
}

static ssize_t autoprobe_show(struct kobject *kobj, const struct attribute *attr, char *buffer)
{
	return sprintf(buffer, "%d\n", kobj_to_pci_dev(kobj)->vf_autoprobe);
}

static ssize_t autoprobe_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	return kstrtobool(buffer, &kobj_to_pci_dev(kobj)->vf_autoprobe) ? refused(EINVAL, step_no_bool)
									: (ssize_t)count;
}

/* No driver here can move MSI-X vectors between VFs. */
static ssize_t msix_count_store(struct kobject *kobj, const struct attribute *attr, const char *buffer, size_t count)
{
	unsigned long long n;

	return kstrtoull(buffer, &n) ? refused(EINVAL, step_no_number)
				     : refused(EOPNOTSUPP, "the PF's driver cannot move MSI-X vectors");
}

static bool has_msix_count(struct kobject *kobj)
{
	return kobj->k->profile.sriov_msix_count;
}

static const struct attribute pf_attrs[] = {
	{"sriov_totalvfs", 0444, totalvfs_show},
	{"sriov_numvfs", 0644, numvfs_show, numvfs_store, .flags = ATTRIBUTE_SHOW_WAITS},
	{"sriov_offset", 0444, offset_show, .flags = ATTRIBUTE_CONSTANT},
	{"sriov_stride", 0444, stride_show, .flags = ATTRIBUTE_CONSTANT},
	{"sriov_vf_device", 0444, vf_device_show, .flags = ATTRIBUTE_CONSTANT},
	{"sriov_drivers_autoprobe", 0644, autoprobe_show, autoprobe_store, .flags = ATTRIBUTE_STORE_INLINE},
	{"sriov_vf_total_msix", 0444, .text = "0\n", .visible = has_msix_count},
};

static const struct attribute vf_attrs[] = {
	{"sriov_vf_msix_count", 0200, .store = msix_count_store, .visible = has_msix_count},
};

void iov_add_attrs(struct pci_dev *dev)
{
	struct kobject *kobj = &dev->device.kobj;

	if (iov_is_pf(dev))
		kernfs_add_attrs(kobj->node, kobj, pf_attrs, ARRAY_SIZE(pf_attrs));
	else if (dev->physfn)
		kernfs_add_attrs(kobj->node, kobj, vf_attrs, ARRAY_SIZE(vf_attrs));
}

void iov_remove_attrs(struct pci_dev *dev)
{
	kernfs_remove_attrs(dev->device.kobj.node, pf_attrs, ARRAY_SIZE(pf_attrs));
	kernfs_remove_attrs(dev->device.kobj.node, vf_attrs, ARRAY_SIZE(vf_attrs));
}
