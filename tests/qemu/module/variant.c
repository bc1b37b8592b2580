// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VFIO variant driver that adds nothing to vfio-pci but its name, its ids and, for tests, the time that it takes and
 * the errors that it has.
 *
 * The build gives VARIANT_DRIVER, the driver's name, VARIANT_IDS, its table (`{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(…) },`), and
 * VARIANT_REFUSAL, the error with which it refuses @pdev, or 0.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/version.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>

static unsigned int probe_sleep_ms, remove_sleep_ms;
static bool probe_gate, remove_gate;
static int probe_errno;
static DECLARE_WAIT_QUEUE_HEAD(gate_opened);

static int set_gate(const char *text, const struct kernel_param *param)
{
	int ret = param_set_bool(text, param);

	wake_up_all(&gate_opened);
	return ret;
}

static const struct kernel_param_ops gate_ops = {.set = set_gate, .get = param_get_bool};

module_param(probe_sleep_ms, uint, 0644);
MODULE_PARM_DESC(probe_sleep_ms, "probe takes that much longer");
module_param_cb(probe_gate, &gate_ops, &probe_gate, 0644);
MODULE_PARM_DESC(probe_gate, "probe waits while it is Y, after the sleep");
module_param_cb(remove_gate, &gate_ops, &remove_gate, 0644);
MODULE_PARM_DESC(remove_gate, "remove waits while it is Y, after the sleep");
module_param(probe_errno, int, 0644);
MODULE_PARM_DESC(probe_errno, "probe fails with that error (a positive number), after the gate");
module_param(remove_sleep_ms, uint, 0644);
MODULE_PARM_DESC(remove_sleep_ms, "remove takes that much longer, before it does anything");

static int variant_open_device(struct vfio_device *vfio_device)
{
	struct vfio_pci_core_device *device = container_of(vfio_device, struct vfio_pci_core_device, vdev);
	int ret = vfio_pci_core_enable(device);

	if (ret == 0)
		vfio_pci_core_finish_enable(device);
	return ret;
}

static const struct vfio_device_ops variant_ops = {
	.name = VARIANT_DRIVER,
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = variant_open_device,
	.close_device = vfio_pci_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#endif
};

static int variant_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vfio_pci_core_device *device;
	int ret = VARIANT_REFUSAL;

	msleep(probe_sleep_ms);
	wait_event(gate_opened, !READ_ONCE(probe_gate));
	if (probe_errno)
		ret = -probe_errno;
	if (ret)
		return ret;
	device = vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev, &variant_ops);
	if (IS_ERR(device))
		return PTR_ERR(device);
	dev_set_drvdata(&pdev->dev, device);
	ret = vfio_pci_core_register_device(device);
	if (ret)
		vfio_put_device(&device->vdev);
	return ret;
}

static void variant_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *device = dev_get_drvdata(&pdev->dev);

	msleep(remove_sleep_ms);
	wait_event(gate_opened, !READ_ONCE(remove_gate));
	vfio_pci_core_unregister_device(device);
	vfio_put_device(&device->vdev);
}

static const struct pci_device_id variant_ids[] = {VARIANT_IDS{}};
MODULE_DEVICE_TABLE(pci, variant_ids);

static struct pci_driver variant_driver = {
	.name = VARIANT_DRIVER,
	.id_table = variant_ids,
	.probe = variant_probe,
	.remove = variant_remove,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(variant_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("VFIO variant driver for tests");
